"""Two places that disagree, and the edit that would settle it."""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass
from typing import Any

from hephaestus.errors import Problem
from hephaestus.findings import Finding

__all__ = ["MEND", "Drift", "Edit", "Place", "Report", "edited"]

# The command that makes the edits which have but one answer.
MEND = "hephaestus drift --fix"


@dataclass(frozen=True)
class Place:
    """Where a fact is written: the path, the line counted from 1 (0 where it is no line), and the text there."""

    path: str
    line: int = 0
    text: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" if self.line else self.path


@dataclass(frozen=True)
class Edit:
    """One text on one line of a file that is to be another; it must stand there exactly once."""

    path: str
    line: int
    old: str
    new: str

    def applied(self, data: bytes) -> bytes | None:
        """Return the bytes of the file after the edit, or `None` where the text does not stand there exactly once."""
        lines, old = data.splitlines(keepends=True), self.old.encode()
        if not 0 < self.line <= len(lines) or lines[self.line - 1].count(old) != 1:
            return None
        lines[self.line - 1] = lines[self.line - 1].replace(old, self.new.encode())
        return b"".join(lines)


@dataclass(frozen=True)
class Drift:
    """The same fact, written in two places that disagree.

    `rule` is the name of what was compared, `subject` that of what it is about (a package, a file); `message` says in
    one sentence what disagrees; `here` is the place that is to change in most cases, `there` the other one; `hint` is
    the command that settles it. `edit` is the change that does so beyond doubt, where there is one. `reason` is
    why it is ignored, empty where it is not.
    """

    rule: str
    subject: str
    message: str
    here: Place
    there: Place
    hint: str
    edit: Edit | None = None
    reason: str = ""

    @property
    def finding(self) -> Finding:
        """The drift as a finding about its first place, which names the second."""
        level = "note" if self.reason else "error"
        message = f"{self.message} ({self.there})"
        return Finding(message, self.here.path, self.here.line, rule=self.rule, level=level, hint=self.hint)

    @property
    def problem(self) -> Problem:
        """The drift as a problem to be shown to people: the sentence, and both places with what is written there."""
        lines = [f"{self.rule}: {self.message}", *(f"  {place}  {place.text}".rstrip() for place in self.places)]
        return Problem("\n".join(lines), self.hint)

    @property
    def places(self) -> tuple[Place, Place]:
        """Both places."""
        return self.here, self.there

    def document(self) -> dict[str, Any]:
        """Return the drift as a document for machines."""
        return {**asdict(self), "fixable": self.edit is not None}


def edited(*paths: str) -> str:
    """Return the command that opens files to be edited."""
    return " ".join(["$EDITOR", *map(shlex.quote, paths)])


@dataclass(frozen=True)
class Report:
    """What was found: the drifts, those that are ignored with a reason, and what could not be read.

    Where something could not be read, nothing is known of it, which is not the same as no drift.
    """

    drifts: tuple[Drift, ...] = ()
    ignored: tuple[Drift, ...] = ()
    unread: tuple[Finding, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All of it as findings, the unread files first; those that are ignored are notes."""
        return (*self.unread, *(drift.finding for drift in (*self.drifts, *self.ignored)))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What has to be settled, for people."""
        unread = (Problem(f"{finding.place}: {finding.message}", finding.hint) for finding in self.unread)
        return (*unread, *(drift.problem for drift in self.drifts))

    def document(self) -> dict[str, Any]:
        """Return the report as a document for machines."""
        return {
            "drift": [drift.document() for drift in self.drifts],
            "ignored": [drift.document() for drift in self.ignored],
            "unread": [finding.document() for finding in self.unread],
        }
