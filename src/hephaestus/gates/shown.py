"""What a project shows of itself, by which gates are switched on and off: files, configuration, declarations."""

from __future__ import annotations

import configparser
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from packaging.markers import default_environment
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from hephaestus.errors import UsageError
from hephaestus.gates.settings import Settings
from hephaestus.project import Project
from hephaestus.tree import Directory
from hephaestus.wheelhouse import locks
from hephaestus.wheelhouse.locks.declared import declared

__all__ = ["Shown", "markers"]

log = logging.getLogger("hephaestus")


@dataclass(frozen=True)
class Shown:
    """A project as it lies in the directory `root`: its facts, its settings for gates, and the `paths` of its files.

    The paths are relative, with `/`, and those of files that git ignores are not among them.
    """

    root: Path
    project: Project
    settings: Settings
    paths: frozenset[str]

    def first(self, *paths: str) -> str | None:
        """Return the first of these files that the project has, or `None`."""
        return next((path for path in paths if path in self.paths), None)

    def below(self, folder: str, *endings: str) -> list[str]:
        """Return the files in a folder and its folders, sorted, or those with one of some endings."""
        return sorted(path for path in self.paths if path.startswith(f"{folder}/") and path.endswith(endings or ("",)))

    def tool(self, name: str) -> dict[str, Any]:
        """Return the table `[tool.NAME]` of pyproject.toml, empty where there is none."""
        return self.project.table("tool", name)

    def configured(self, name: str, *files: str, section: str | None = None) -> str | None:
        """Return where a tool is configured, in words, or `None`.

        That is `[tool.NAME]` of pyproject.toml, one of some files of its own, or a section of setup.cfg or tox.ini.
        """
        if name in self.project.table("tool"):
            return f"[tool.{name}] in pyproject.toml"
        found = self.first(*files)
        if found is not None:
            return found
        return next(
            (f"[{section}] in {file}" for file in ("setup.cfg", "tox.ini") if section in self._sections(file)), None
        )

    def declared_in(self, name: str) -> str | None:
        """Return where the project declares a package by name: a dependency group, an extra, or its dependencies."""
        wanted = canonicalize_name(name)
        return next((place for place, found in self._declared.items() if wanted in found), None)

    def requirement(self, name: str) -> str:
        """Return what to install for a tool: the version in the lock, else as the project declares it, else any."""
        pinned = self.pins.get(canonicalize_name(name))
        if pinned is not None:
            return f"{name}=={pinned}"
        place = self.declared_in(name)
        found = self._declared[place][canonicalize_name(name)] if place else None
        return str(found) if found is not None else name

    @cached_property
    def pins(self) -> Mapping[str, str]:
        """The versions of all that the project's lock holds, by normalised names; empty without a lock."""
        extras = map(str, self.project.table("project", "optional-dependencies"))
        return self.locked(tuple(extras), tuple(map(str, self.project.table("dependency-groups"))))

    def locked(
        self, extras: Sequence[str] = (), groups: Sequence[str] = (), python: str | None = None
    ) -> Mapping[str, str]:
        """Return the versions that the project's lock holds for what it needs, by normalised names; empty without one.

        `python` is the full version of the interpreter it is for, where that is not the running one.
        """
        try:
            packages = self._lock.packages(markers(python), frozenset(extras), frozenset(groups)) if self._lock else ()
        except UsageError as error:
            log.info("the lock does not say what the gates need: %s", error.message)
            return {}
        return {str(each.name): str(each.version) for each in packages}

    @cached_property
    def _lock(self) -> locks.Lock | None:
        named = self.settings.lock or self.project.wheelhouse.lock
        try:
            return locks.find(Directory(self.root), self.project.document, named)
        except UsageError as error:
            log.info("the lock does not say what the gates need: %s", error.message)
            return None

    def group(self, *names: str) -> tuple[str, tuple[str, ...]]:
        """Return the first dependency group or extra of some names, and its requirements; else two empty ones."""
        document = self.project.document
        for name in names:
            if name in self.project.table("dependency-groups"):
                return f"the dependency group {name}", tuple(
                    map(str, declared({**document, "project": {}}, groups=[name]))
                )
            if name in self.project.table("project", "optional-dependencies"):
                return f"the extra {name}", tuple(
                    map(
                        str,
                        declared({**document, "project": {**document["project"], "dependencies": []}}, extras=[name]),
                    )
                )
        return "", ()

    @cached_property
    def _declared(self) -> dict[str, dict[str, Requirement]]:
        """What each place of pyproject.toml declares, by normalised names; what cannot be read is left out."""
        places: dict[str, object] = {
            f"the dependency group {name}": entries for name, entries in self.project.table("dependency-groups").items()
        }
        places |= {
            f"the extra {name}": entries
            for name, entries in self.project.table("project", "optional-dependencies").items()
        }
        places["the dependencies"] = self.project.table("project").get("dependencies", [])
        return {place: _requirements(entries) for place, entries in places.items()}

    def _sections(self, file: str) -> list[str]:
        data = Directory(self.root).read(file) if file in self.paths else None
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            parser.read_string((data or b"").decode())
        except (configparser.Error, UnicodeDecodeError):
            return []
        return parser.sections()


def _requirements(entries: object) -> dict[str, Requirement]:
    found = {}
    for entry in entries if isinstance(entries, list) else ():
        try:
            requirement = Requirement(entry)
        except (InvalidRequirement, TypeError):
            continue
        found[str(canonicalize_name(requirement.name))] = requirement
    return found


def markers(python: str | None) -> dict[str, str]:
    """Return the environment of markers (PEP 508) of this machine, for the running interpreter or another version."""
    found = {key: str(value) for key, value in default_environment().items()}
    if python is not None:
        minor = ".".join(python.split(".")[:2])
        found |= {"python_version": minor, "python_full_version": python, "implementation_version": python}
    return found
