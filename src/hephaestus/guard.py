"""Asking the gates about the checkout as it is, outside of any release."""

from __future__ import annotations

from collections.abc import Mapping

from hephaestus import git, stage
from hephaestus.errors import ChecksFailed
from hephaestus.gates import Asked, Gates, Question
from hephaestus.plan import Observer, timed

__all__ = ["asked", "gates_of"]


def gates_of(repository: git.Repository, waived: Mapping[str, str] | None = None) -> Gates:
    """Return the step that asks the gates about the checkout; `waived` maps those that need not pass to why."""
    return Gates(repository.root, stage.claim(repository), waived or {})


def asked(step: Gates, question: Question, observer: Observer) -> Asked:
    """Put a question about the checkout to its gates and return what they said; it is not judged yet.

    Raises `ChecksFailed` where a gate is waived without a reason, and as `engine.ask` does.
    """
    problems = list(step.check())
    if problems:
        raise ChecksFailed(problems)
    observer.planned("in this checkout", [(step.name, step.describe())])
    told: list[Asked] = []
    timed(step, lambda: told.append(step.ask(question)), observer)
    return told[0]
