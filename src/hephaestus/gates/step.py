"""The step that asks every gate of a project, on exactly the files that are released."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from hephaestus import git, system
from hephaestus.errors import Conflict, CouldNotRun, GateFailed, Problem
from hephaestus.gates import engine
from hephaestus.gates.engine import Asked, Question
from hephaestus.gates.gate import FAILED, PASSED, Verdict
from hephaestus.gates.own import ASKING
from hephaestus.gates.reports import Report, announce
from hephaestus.plan import Step
from hephaestus.stage import Stage

__all__ = ["Gates"]

_EXAMPLE = 'hephaestus release --version 1.2.3 --skip-gate {} --because "…"'


@dataclass(frozen=True)
class Gates(Step):
    """Ask the built-in gates that the project's files switch on, and the sessions of its noxfile tagged `gate`.

    `stage` is brought to the release commit first, and what was built of it is looked at; without one the checkout at
    `root` is asked as it is. `waived` maps the names of gates that need not pass to the reasons given.
    """

    name: ClassVar[str] = "gates"

    root: Path
    area: Path
    waived: Mapping[str, str]
    stage: Stage | None = None

    def describe(self) -> str:
        """Say which gates are asked."""
        return "the gates the project's files call for and its own Nox sessions, in parallel on exactly that tree"

    def check(self) -> Iterable[Problem]:
        """Ask that no gate is waived without a reason."""
        for gate, reason in self.waived.items():
            if not reason.strip():
                yield Problem(f"the gate {gate} is waived without a reason", _EXAMPLE.format(gate))

    def apply(self) -> None:
        """Ask what has not passed yet on these very files.

        Raises `GateFailed` where a gate fails and `CouldNotRun` where one cannot say; a waived one stops nothing.
        """
        if self.stands():
            return
        if self.stage is not None:
            self.stage.reset(self.stage.revision)
        before = self._built()
        asked = self.ask(self.question())
        if self._built() != before:
            raise Conflict("a gate has changed the files that were built", "hephaestus gates --explain")
        announce(self.report(asked))
        self.judge(asked)

    def question(self, only: Sequence[str] = (), without: Sequence[str] = (), *, fresh: bool = False) -> Question:
        """Return what to ask: all gates, or those selected by name; with `fresh` whatever passed before."""
        given = self._given
        return Question(self.root, self._clone, self.area, given, tuple(only), tuple(without), fresh)

    def ask(self, question: Question) -> Asked:
        """Put a question to the gates, keep what they said, and return it; it is not judged yet."""
        if os.environ.get(ASKING) == str(self.area):
            raise CouldNotRun(
                "a gate asks the gates it is one of, and would wait for itself", "hephaestus gates --explain"
            )
        self.area.mkdir(parents=True, exist_ok=True)
        # The sessions of a killed run live on and hold this lock; two runs would wreck each other's environments.
        with system.lock(self.area / "environments.lock", "the gates of an earlier run still end", wait=True) as held:
            asked = engine.ask(question, (held,))
        told = {"revision": self._revision, "gates": [verdict.document() for verdict in asked.verdicts]}
        system.write(self.record, json.dumps(told).encode())
        return asked

    def judge(self, asked: Asked) -> None:
        """Raise `GateFailed` or `CouldNotRun` where a gate that must pass did not, or none was asked."""
        unknown = set(self.waived) - {said.gate for said in asked.verdicts} - {each.name for each in asked.off}
        if unknown:
            raise CouldNotRun(f"no gate is named {', '.join(sorted(unknown))}", "hephaestus gates --explain")
        report = self.report(asked)
        if report.outcome == PASSED:
            return
        if not asked.verdicts:
            raise CouldNotRun("no gate was asked", "hephaestus gates --explain")
        told = "\n".join(
            f"  {said.gate}: {': '.join(filter(None, (said.verdict, said.reason)))}" for said in report.stopping
        )
        raise (GateFailed if report.outcome == FAILED else CouldNotRun)(
            f"{len(report.stopping)} of {len(asked.verdicts)} gates did not pass:\n{told}\n"
            f"all they printed is in {self.question().logs}",
            report.stopping[0].command or "hephaestus gates --explain",
        )

    def report(self, asked: Asked) -> Report:
        """Return the report of what gates said, with those that need not pass."""
        return Report(asked.verdicts, asked.off, self.waived)

    def stands(self) -> bool:
        """Tell whether all gates have said yes to this very commit."""
        known = Report(self.verdicts(self._revision), waived=self.waived)
        return self.stage is not None and known.outcome == PASSED

    def undo(self) -> None:
        """Forget the verdicts."""
        system.remove(self.record)

    @property
    def record(self) -> Path:
        """The file the verdicts are kept in."""
        return self.area / "verdicts.json"

    def verdicts(self, revision: str) -> list[Verdict]:
        """Return what the gates said of a commit; empty where they were not asked."""
        try:
            told = json.loads(self.record.read_bytes())
            return [Verdict.of(said) for said in told["gates"]] if told["revision"] == revision else []
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return []

    def _built(self) -> dict[str, str]:
        """Return the hashes of the files that are to be published, which no gate may touch."""
        files = self.stage.assets.glob("*") if self.stage is not None else ()
        return {file.name: system.digest(file) for file in files}

    @property
    def _given(self) -> Path | None:
        """Where the distributions are that the release has built, if it has."""
        if self.stage is None or not list(self.stage.assets.glob("*.whl")):
            return None
        return self.stage.assets

    @property
    def _clone(self) -> git.Repository:
        return git.Repository(self.root) if self.stage is None else self.stage.repository

    @property
    def _revision(self) -> str:
        return self.stage.revision if self.stage is not None else "checkout"
