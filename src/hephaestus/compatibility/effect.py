"""What a change does to those who use a project, and where that was seen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from hephaestus.findings import Finding

__all__ = ["Effect", "Evidence"]


class Effect(IntEnum):
    """How much a change does to users: nothing new, something more, or less than they had."""

    FIX = 0
    FEATURE = 1
    BREAK = 2


@dataclass(frozen=True)
class Evidence:
    """One thing that was seen of what has changed since the last release.

    `subject` is the thing that changed, such as `acorn.twigs.grow` or `extra docs`, and `also` its other names;
    `message` says what happened to it in one sentence; `effect` what that does to users; `rule` what kind of change
    it is, such as `object-removed`; `path` and `line` where to look, as in a `Finding`. `allowed` is the reason for
    which the project's configuration lets it pass.
    """

    subject: str
    message: str
    effect: Effect
    rule: str
    path: str = ""
    line: int = 0
    also: tuple[str, ...] = ()
    allowed: str = ""

    @property
    def place(self) -> str:
        """Where it was seen: `src/acorn/twigs.py:3`, or the commit that says so."""
        return Finding("", self.path, self.line).place or self.subject

    @property
    def names(self) -> tuple[str, ...]:
        """All names of the thing that changed."""
        return (self.subject, *self.also)

    def permitted(self, reason: str) -> Evidence:
        """Return the evidence as one that the configuration lets pass."""
        return replace(self, allowed=reason)

    def finding(self, message: str, level: str) -> Finding:
        """Return a finding at the same place."""
        return Finding(message, self.path, self.line, rule=self.rule, level=level)

    def document(self) -> dict[str, Any]:
        """Return the evidence as a document for machines."""
        return {
            "subject": self.subject,
            "message": self.message,
            "effect": self.effect.name.lower(),
            "rule": self.rule,
            "path": self.path,
            "line": self.line,
            "allowed": self.allowed or None,
        }
