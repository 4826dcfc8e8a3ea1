"""The gate `drift`: facts that are written in several files of the project agree."""

from __future__ import annotations

from dataclasses import replace

from hephaestus import drift, git
from hephaestus.gates.bench import Bench
from hephaestus.gates.builtin.told import judged
from hephaestus.gates.gate import COULD_NOT_RUN, FAILED, Answer, Gate, Off
from hephaestus.gates.shown import Shown

__all__ = ["choose"]

_NAME = "drift"
# What is installed on a machine is no matter of the files, and gates run in environments of their own.
_OF_THE_MACHINE = "installed-"
# What the gate `documents` says, which knows of releases that are being made and reads more than the README.
_SAID_ELSEWHERE = {"readme-version"}


def choose(shown: Shown) -> list[Gate | Off]:
    """Return the gate, which every project has."""
    shown.settings.of(_NAME)
    # Whether the trunk is checked out decides what the tags may say, and is no part of the files or the history.
    branch = git.Repository(shown.root).branch() or ""
    return [Gate(_NAME, "pyproject.toml and the files beside it", _ask, definition=(branch,), history=True)]


def _ask(bench: Bench) -> Answer:
    """Return what disagrees; a file that could not be read is not the same as one that agrees."""
    found = drift.look(bench.root)
    drifts = [
        each for each in found.drifts if not each.rule.startswith(_OF_THE_MACHINE) and each.rule not in _SAID_ELSEWHERE
    ]
    answer = judged([each.finding for each in drifts])
    unread = tuple(each for each in found.unread if each.path in bench.shown.paths)
    if unread and answer.verdict != FAILED:
        return Answer(COULD_NOT_RUN, f"{unread[0].path} {unread[0].message}", unread)
    return replace(answer, findings=(*unread, *answer.findings))
