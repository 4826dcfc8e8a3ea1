"""Where one gate works: the project's files, the programs of its own environment, a directory for what it leaves."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hephaestus import supervise, system
from hephaestus.environments import Environment
from hephaestus.errors import CouldNotRun
from hephaestus.gates.gate import COULD_NOT_RUN, FAILED, PASSED, Answer
from hephaestus.gates.shown import Shown
from hephaestus.ui import clean

__all__ = ["Bench", "judged", "useful"]

# How many lines of a tool are shown of a gate that failed.
_LINES = 12
# What gates may take from the machine.
_OF_THE_MACHINE = {"git", "unshare", "uv"}
# Makes tools print plain text, the same at every width, and ask nothing.
_PLAIN = {"NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "200", "PYTHONUNBUFFERED": "1", "PIP_NO_INPUT": "1"}


@dataclass(frozen=True)
class Bench:
    """What a gate is given to work with.

    `shown` is the project, whose files lie in `root` and are not to be changed; `environment` holds the tools the gate
    asked for; `scratch` is an empty directory of its own, and `kept` one that stays from run to run, for the caches of
    tools; `seconds` is how long each program may take; `wheel` returns
    the project's built wheel, or raises `CouldNotRun` or `CommandFailed` where it cannot be built; `sdist` its sdist.
    """

    shown: Shown
    environment: Environment
    scratch: Path
    kept: Path
    seconds: float
    wheel: Callable[[], Path]
    sdist: Callable[[], Path]
    log: Callable[[str], None]
    keep_open: tuple[int, ...] = ()

    @property
    def root(self) -> Path:
        """The directory of the project's files."""
        return self.shown.root

    def run(
        self,
        program: str | Path,
        *arguments: str | Path,
        cwd: Path | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> supervise.Ended:
        """Run a program, the gate's own where its environment has it, in the project's root or in another directory.

        What it prints is kept in the log of the gate. Raises `CouldNotRun` where there is no such program.
        """
        words = [self._found(program), *arguments]
        ended = supervise.run(
            words,
            cwd=cwd or self.root,
            environment=self._variables(extra),
            seconds=self.seconds,
            keep_open=self.keep_open,
        )
        self.log(f"$ {' '.join(map(str, [program, *arguments]))}\n{clean(ended.said)}\n[{ended.why or ended.code}]\n")
        return ended

    def _found(self, program: str | Path) -> str | Path:
        """Return the gate's own program; another of its name on PATH would be of any version."""
        for own in (self.environment.programs / program, self.environment.programs / f"{program}.exe"):
            if own.exists():
                return own
        if program in _OF_THE_MACHINE:
            return program
        raise CouldNotRun(f"{program} is not in the environment of the gate", f"ls {self.environment.programs}")

    def _variables(self, extra: Mapping[str, str] | None) -> dict[str, str]:
        path = os.pathsep.join([str(self.environment.programs), os.environ.get("PATH", "")])
        temporary = {"TMPDIR": str(self.scratch)} if os.name == "posix" else {}
        return system.environment({**_PLAIN, "PATH": path, **temporary, **(extra or {})})


def judged(ended: supervise.Ended, *, failing: Sequence[int] = (1,), what: str = "") -> Answer:
    """Return the answer of a program by its exit code: 0 has passed, those in `failing` have failed.

    Any other code, and a program that was ended, could not run. `what` says in words what failed.
    """
    lines = useful(ended)
    if ended.code is None:
        return Answer(COULD_NOT_RUN, ended.why, lines=lines)
    if ended.code == 0:
        return Answer(PASSED)
    if ended.code in failing:
        return Answer(FAILED, what or (lines[-1] if lines else f"it ended with code {ended.code}"), lines=lines)
    return Answer(COULD_NOT_RUN, f"it ended with code {ended.code}", lines=lines)


def useful(ended: supervise.Ended) -> tuple[str, ...]:
    """Return the last lines of what a program printed that are not blank."""
    lines = [line.rstrip() for line in clean(ended.said).splitlines() if line.strip()]
    return tuple(lines[-_LINES:])
