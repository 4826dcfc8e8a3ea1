"""pdm.lock: packages with the groups they are for, or a graph that is walked from pyproject.toml."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

from hephaestus.tree import Tree
from hephaestus.wheelhouse.locks import File, Package, files, graph, markers
from hephaestus.wheelhouse.locks.declared import declared
from hephaestus.wheelhouse.locks.table import Table, load

__all__ = ["Locked", "read"]

_RENEW = "pdm lock --group :all"
_FOREIGN = {"git": "a version control system", "hg": "a version control system", "path": "a local path"}
_SYSTEMS = {"linux": "Linux", "manylinux": "Linux", "musllinux": "Linux", "macos": "Darwin", "windows": "Windows"}
# Since 4.3 each package holds its files.
_FORMAT = SpecifierSet(">=4.3,<5")


@dataclass(frozen=True, eq=False)
class _Entry:
    """A package of the lock, or the same package with extras."""

    table: Table

    @cached_property
    def name(self) -> NormalizedName:
        return self.table.name()

    @cached_property
    def extras(self) -> frozenset[NormalizedName]:
        return self.table.names("extras")

    @cached_property
    def marker(self) -> Marker | None:
        return self.table.marker("marker")

    @cached_property
    def groups(self) -> frozenset[NormalizedName]:
        return self.table.names("groups")

    @cached_property
    def requires(self) -> tuple[Requirement, ...]:
        return tuple(self.table.read("dependencies", text, Requirement) for text in self.table.texts("dependencies"))

    @cached_property
    def package(self) -> Package:
        """The package, with its files."""
        for key, place in _FOREIGN.items():
            if key in self.table.values:
                raise self.table.wrong(f"{self.name} comes from {place}")
        found = [self._file(each) for each in self.table.tables("files")]
        return Package(self.name, self.table.version(), tuple(file for file in found if file is not None))

    def _file(self, table: Table) -> File | None:
        url = table.optional("url") or self.table.optional("url")
        name = table.optional("file") or files.last(table, url or "")
        return files.locked(table, (self.name, self.table.version()), table.text("hash"), name, url)

    def serves(self, requirement: Requirement, environment: Mapping[str, str]) -> bool:
        """Tell whether this is what a requirement means in an environment."""
        python = self.table.read("requires_python", self.table.optional("requires_python") or "", SpecifierSet)
        return requirement.specifier.contains(self.table.version(), prereleases=True) and markers.admits(
            python, environment
        )


@dataclass(frozen=True)
class Locked:
    """A pdm.lock and the pyproject.toml it was made from."""

    source: str
    data: bytes
    renew: str
    table: Table
    document: Mapping[str, Any]

    @cached_property
    def entries(self) -> tuple[_Entry, ...]:
        """The packages of the lock."""
        places = self.table.tables("package")
        return tuple(_Entry(place.named(f"package {place.name()}")) for place in places)

    def packages(self, environment: Mapping[str, str], extras: frozenset[str], groups: frozenset[str]) -> list[Package]:
        """Return the packages for a marker environment.

        With the strategy `inherit_metadata` each says what it is for; without it they are walked from pyproject.toml.
        """
        self._covers(environment)
        wanted = frozenset(canonicalize_name(name) for name in (*extras, *groups))
        metadata = self.table.table("metadata")
        missing = wanted - metadata.names("groups")
        if missing:
            raise self.table.wrong(f"it has no extra or dependency group {', '.join(sorted(missing))}")
        if "inherit_metadata" in metadata.texts("strategy"):
            chosen = list(self._for({"default", *wanted}, environment))
        else:
            chosen = self._walked(environment, declared(self.document, extras, groups))
        return files.single(self.table, (entry.package for entry in chosen))

    def _covers(self, environment: Mapping[str, str]) -> None:
        """Refuse an environment for which nothing was locked."""
        targets = self.table.table("metadata").tables("targets")
        if targets and not any(_meets(target, environment) for target in targets):
            python, system = environment["python_version"], environment["platform_system"]
            raise self.table.wrong(f"none of its targets is Python {python} on {system}")

    def _for(self, groups: set[str], environment: Mapping[str, str]) -> Iterator[_Entry]:
        for entry in self.entries:
            if not groups.isdisjoint(entry.groups) and markers.holds(entry.marker, environment):
                yield entry

    def _walked(self, environment: Mapping[str, str], start: Iterable[Requirement]) -> list[_Entry]:
        def found(requirements: Iterable[Requirement]) -> Iterator[_Entry]:
            for requirement in requirements:
                condition = None if requirement.marker is None else markers.parse(str(requirement.marker))
                if markers.holds(condition, environment):
                    yield from self._meant(requirement, environment)

        return graph.reached(found(start), lambda entry: found(entry.requires))

    def _meant(self, requirement: Requirement, environment: Mapping[str, str]) -> list[_Entry]:
        """Return the entries for a requirement: the one for its extras, or one for each of them."""
        name, wanted = canonicalize_name(requirement.name), {canonicalize_name(each) for each in requirement.extras}
        known = [entry for entry in self.entries if entry.name == name and entry.serves(requirement, environment)]
        whole = [entry for entry in known if entry.extras == wanted]
        parts = whole or [entry for entry in known if entry.extras < wanted]
        if not parts:
            raise self.table.wrong(f"{requirement.name}{requirement.specifier} is needed, but not in the lock")
        return parts


def _meets(target: Table, environment: Mapping[str, str]) -> bool:
    """Tell whether a target of the lock has an environment's Python and its system."""
    python = target.read("requires_python", target.optional("requires_python") or "", SpecifierSet)
    system = _SYSTEMS.get((target.optional("platform") or "").partition("_")[0])
    return markers.admits(python, environment) and system in {None, environment["platform_system"]}


def read(_tree: Tree, path: str, data: bytes, document: Mapping[str, Any]) -> Locked:
    """Read a pdm.lock; raises `UsageError` where it is none, or one of a format that is not known."""
    table = load(path, data, _RENEW)
    metadata = table.table("metadata")
    version = metadata.version("lock_version")
    if version not in _FORMAT:
        raise table.wrong(f"lock_version {version} is not known, only 4.3 and later ones of 4")
    return Locked(path, data, _RENEW, table, document)
