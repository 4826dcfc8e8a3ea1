"""What the project's wheel installs, and where the same lies in its source tree."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hephaestus.errors import CouldNotRun
from hephaestus.gates import pinned
from hephaestus.gates.bench import Bench
from hephaestus.gates.shown import Shown

__all__ = ["Installed"]

_TEST_MODULE = re.compile(r"(?:test_.*|.*_test|conftest)\.py")
_TEST_FOLDERS = ("test", "tests")


@dataclass(frozen=True)
class Installed:
    """The import `names` a wheel brings, and the folder of the project in which each lies, with a `/` at its end."""

    names: tuple[str, ...]
    homes: Mapping[str, str]

    @classmethod
    def of(cls, bench: Bench) -> Installed:
        """Return that of the project's wheel; raises `CouldNotRun` where it has nothing to import."""
        paths = pinned.members(bench.wheel())
        names = pinned.import_names(paths)
        if not names:
            raise CouldNotRun("the wheel brings nothing that can be imported", "hephaestus gates --only package")
        homes = {
            name: _home(bench.shown, [path for path in paths if re.split(r"[/.]", path)[0] == name]) for name in names
        }
        return cls(names, {name: home for name, home in homes.items() if home is not None})

    def measured(self, sources: Sequence[str]) -> tuple[list[str], list[str]]:
        """Return the import names and the folders to measure for what the project says is measured."""
        packages: dict[str, None] = {}
        folders: dict[str, None] = {}
        for source in sources:
            path = os.path.normpath(source).replace(os.sep, "/")
            if f"{path}/" in self.homes.values() or path == ".":
                packages |= dict.fromkeys(self.names)
            elif (name := self._dotted(path)) is not None:
                packages[name] = None
            elif "/" in path or source.partition(".")[0] not in self.names:
                folders[source] = None
            else:
                packages[source] = None
        return list(packages or dict.fromkeys(self.names)), list(folders)

    def same(self, bench: Bench) -> list[Path]:
        """Return the directories that hold the same files: the project's own, and those of its environment."""
        found = bench.environment.root
        places = [*found.glob("lib*/*/site-packages"), found / "Lib" / "site-packages"]
        return [*(bench.root / home for home in dict.fromkeys(self.homes.values())), *places]

    def tests(self, bench: Bench) -> dict[str, Path]:
        """Return the test modules and folders of tests that lie in packages of the project, with their directories."""
        found: dict[str, Path] = {}
        for path in sorted(bench.shown.paths):
            for name, home in self.homes.items():
                if path.startswith(f"{home}{name}/") and _TEST_MODULE.fullmatch(path.rpartition("/")[2]):
                    parts = path.removeprefix(home).removesuffix(".py").split("/")
                    inner = next((place + 1 for place, part in enumerate(parts) if part in _TEST_FOLDERS), len(parts))
                    found[".".join(parts[:inner])] = bench.root.joinpath(home, *parts[: inner - 1])
        return found

    def placed(self, bench: Bench, path: str) -> str | None:
        """Return the project's path of a file that is told of: one of its own, or one of the installed wheel."""
        given = Path(os.path.normpath(bench.root / path))
        for place in self.same(bench):
            if given.is_relative_to(place) and place != bench.root:
                inside = given.relative_to(place).as_posix()
                homes = [home for name, home in self.homes.items() if re.split(r"[/.]", inside)[0] == name]
                return next((f"{home}{inside}" for home in homes if f"{home}{inside}" in bench.shown.paths), None)
        inside = os.path.relpath(given, bench.root).replace(os.sep, "/")
        return inside if inside in bench.shown.paths else None

    def _dotted(self, path: str) -> str | None:
        for name, home in self.homes.items():
            inside = path.removeprefix(home).removesuffix(".py")
            if path.startswith(home) and (inside == name or inside.startswith(f"{name}/")):
                return inside.replace("/", ".")
        return None


def _home(shown: Shown, paths: Sequence[str]) -> str | None:
    """Return the folder of the project in which files lie that the wheel installs, with a `/` at its end."""
    for path in paths:
        found = [each for each in shown.paths if each == path or each.endswith(f"/{path}")]
        if found:
            return min(found, key=len).removesuffix(path)
    return None
