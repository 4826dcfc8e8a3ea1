"""What can go wrong, with the command that mends it and the exit code a script can rely on.

HephaestusError               1  our own mistake when it is this class itself
 ├── UsageError               2  the command line, the configuration or the place is wrong
 ├── ChecksFailed             3  problems found before anything was changed
 ├── GateFailed               4  a gate failed
 ├── CouldNotRun              5  a tool is missing or a service does not answer
 ├── Conflict                 6  the world is neither before nor after a step
 ├── Busy                     7  another release runs in this clone now
 ├── InFlight                 8  another version is half-way in this clone
 ├── NotConfirmed             9  nobody said yes at the commit point
 ├── CommandFailed           10  a program ended badly
 ├── Refused                 11  the remote or the forge said no
 ├── VerificationFailed      12  what users get is not what was proven
 └── Interrupted            130  Ctrl-C
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = [
    "Busy",
    "ChecksFailed",
    "CommandFailed",
    "Conflict",
    "CouldNotRun",
    "GateFailed",
    "HephaestusError",
    "InFlight",
    "Interrupted",
    "NotConfirmed",
    "Problem",
    "Refused",
    "UsageError",
    "VerificationFailed",
    "redacted",
]


# A password or token in the address of a remote, as git repeats it in its errors, and the tokens of GitHub.
_SECRET = re.compile(r"(https?://)[^/@\s]+@|\b(?:gh[a-z]_|github_pat_)\w{20,}")


def redacted(text: str) -> str:
    """Return a text without the passwords in its addresses, and without tokens that can be seen to be such."""
    return _SECRET.sub(lambda found: found[1] or "***", text)


@dataclass(frozen=True)
class Problem:
    """Something found by a check that would make the release fail.

    `message` says what is wrong in one sentence; `hint` is a command to paste.
    """

    message: str
    hint: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", redacted(self.message))
        object.__setattr__(self, "hint", redacted(self.hint))


class HephaestusError(Exception):
    """Root of all errors a user may see.

    `message` says what happened, `hint` is a command to paste (or `None` where no command
    can help), `exit_code` is what the process ends with. `details` is what a machine may want to know besides.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(redacted(message))
        self.message = redacted(message)
        self.hint = redacted(hint) if hint else None
        self.details: dict[str, object] = {}

    def document(self) -> dict[str, object]:
        """Return the error as a document for machines."""
        return {"error": self.message, "hint": self.hint, "exit_code": self.exit_code, **self.details}


class UsageError(HephaestusError):
    """The command line, the configuration or the directory cannot be worked with."""

    exit_code = 2


class ChecksFailed(HephaestusError):
    """Checks found problems; nothing was changed.

    `problems` holds all of them, in the order of the steps.
    """

    exit_code = 3

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        super().__init__(f"{count} problem{'s' if count > 1 else ''} found, nothing was changed")
        self.details["problems"] = [vars(problem) for problem in self.problems]


class GateFailed(HephaestusError):
    """A gate ran and said no."""

    exit_code = 4


class CouldNotRun(HephaestusError):
    """A tool is missing or a service does not answer, so nothing is known; never the same as passed."""

    exit_code = 5


class Conflict(HephaestusError):
    """The world is neither as it was before a step nor as the step leaves it."""

    exit_code = 6


class Busy(HephaestusError):
    """Another process holds the lock of this clone."""

    exit_code = 7


class InFlight(HephaestusError):
    """Another version is half-way through its release in this clone."""

    exit_code = 8


class NotConfirmed(HephaestusError):
    """Nobody agreed to pass the commit point."""

    exit_code = 9


class CommandFailed(HephaestusError):
    """A program ended with an error; the message holds the last lines it printed."""

    exit_code = 10


class Refused(HephaestusError):
    """The remote or the forge understood the request and said no."""

    exit_code = 11


class VerificationFailed(HephaestusError):
    """What users would download or see is not what was proven."""

    exit_code = 12


class Interrupted(HephaestusError):
    """The user pressed Ctrl-C."""

    exit_code = 130
