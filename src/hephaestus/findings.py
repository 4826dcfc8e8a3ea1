"""Findings: what a check has to say about the files, each with the place it is about."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Finding"]


@dataclass(frozen=True)
class Finding:
    """One thing that a check found.

    `message` says what is wrong in one sentence. `path` is the file (relative to the project's root, with `/`),
    `line` and `column` count from 1, and 0 means that the place is not known so exactly; `rule` is the check's own
    name for what it found, such as `F401`; `level` is `error`, `warning` or `note`; `hint` is a command to paste.
    """

    message: str
    path: str = ""
    line: int = 0
    column: int = 0
    rule: str = ""
    level: str = "error"
    hint: str = ""

    @property
    def place(self) -> str:
        """Where it is: `src/acorn/twigs.py:3:1`, or as much of that as is known."""
        parts = [
            self.path,
            *(str(number) for number in (self.line, self.column and self.line and self.column) if number),
        ]
        return ":".join(parts) if self.path else ""

    def __str__(self) -> str:
        rule = f"{self.rule} " if self.rule else ""
        return f"{self.place}: {rule}{self.message}" if self.path else f"{rule}{self.message}"

    def document(self) -> dict[str, Any]:
        """Return the finding as a document for machines."""
        return asdict(self)
