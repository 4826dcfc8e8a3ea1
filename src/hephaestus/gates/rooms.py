"""The environments gates run in: one for each set of tools, with the project's wheel where a gate asks for it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from hephaestus import kept, system
from hephaestus.environments import Environment
from hephaestus.gates.gate import Gate
from hephaestus.gates.pinned import pin

__all__ = ["Room", "Rooms"]


@dataclass(frozen=True)
class Room:
    """An environment and what it holds now, as sorted `name-version` of its packages without the project itself."""

    environment: Environment
    holds: tuple[str, ...]


@dataclass(frozen=True)
class Rooms:
    """The environments for the gates of one project, called `name`; those that hold its wheel are kept in `area`.

    `root` is where the configuration of uv is looked for.
    """

    root: Path
    area: Path
    name: str

    def of(self, gate: Gate) -> Room:
        """Return the environment of a gate with its tools; it is made where there is none.

        Raises `CommandFailed` where a tool cannot be installed.
        """
        if not gate.tools and not gate.wheel:
            return Room(Environment(Path(sys.prefix)), ())
        among = self.area if gate.wheel else None
        if among is not None:
            among.mkdir(parents=True, exist_ok=True)
        found = kept.keep(gate.tools, gate.python, cwd=self.root, among=among)
        return Room(found.environment, self.holds(found.environment))

    def furnish(self, room: Room, wheel: Path) -> None:
        """Install the project's wheel in an environment that is kept for it, unless it is there.

        Raises `CommandFailed` where it cannot be installed.
        """
        record = room.environment.root.parent / "wheel"
        with system.lock(record.with_suffix(".lock"), "another gate installs the wheel", wait=True):
            digest = f"{wheel.name} {system.digest(wheel)}"
            if record.is_file() and record.read_text(encoding="utf-8") == digest:
                return
            system.remove(record)
            _install(room.environment, wheel)
            pin(room.environment, wheel)
            system.write(record, digest.encode())

    def holds(self, environment: Environment) -> tuple[str, ...]:
        """Return the `name-version` of all that is installed in an environment, without the project, sorted.

        The names of the directories that tell of packages are looked at: much faster than to read them all.
        """
        places = (*environment.root.glob("lib*/*/site-packages"), environment.root / "Lib" / "site-packages")
        told = {each.name.removesuffix(".dist-info") for place in places for each in place.glob("*.dist-info")}
        return tuple(sorted(each for each in told if canonicalize_name(each.partition("-")[0]) != self.name))


def _install(environment: Environment, wheel: Path) -> None:
    words: tuple[str | Path, ...] = ("--no-deps", "--quiet", "--no-index", wheel)
    if uv := system.program("uv"):
        system.run([uv, "pip", "install", "--no-config", "--reinstall", "--python", environment.python, *words])
    else:
        environment.pip("install", "--force-reinstall", *words)
