"""poetry.lock: packages with the groups they are for (2.1), or a graph that is walked from pyproject.toml (2.0)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from hephaestus.tree import Tree
from hephaestus.wheelhouse.locks import File, Package, files, graph, markers
from hephaestus.wheelhouse.locks.declared import declared
from hephaestus.wheelhouse.locks.table import Table, load, normalized

__all__ = ["Locked", "read"]

_RENEW = "poetry lock"
_FOREIGN = {
    "directory": "a local directory",
    "file": "a local file",
    "git": "a version control system",
}
# Alternatives, of which one has to allow a version.
_Versions = tuple[SpecifierSet, ...]
_ANY: _Versions = (SpecifierSet(),)
_GROUPED = Version("2.1")
_SHOW = "grep -n -A9 'tool.poetry' pyproject.toml"


@dataclass(frozen=True)
class _Need:
    """One dependency, as Poetry writes it: what may serve it, the extras it asks for, and when it counts."""

    name: NormalizedName
    versions: _Versions
    extras: frozenset[NormalizedName]
    marker: Marker | None
    python: _Versions
    platform: str | None

    def counts(self, environment: Mapping[str, str], extras: frozenset[str]) -> bool:
        """Tell whether it is needed in an environment, by a package that was asked for with extras."""
        return (
            markers.holds(self.marker, environment, extras)
            and self.platform in {None, environment["sys_platform"]}
            and _runs(self.python, environment)
        )


@dataclass(frozen=True, eq=False)
class _Entry:
    """A package of the lock."""

    table: Table

    @cached_property
    def name(self) -> NormalizedName:
        return self.table.name()

    @cached_property
    def version(self) -> Version:
        return self.table.version()

    @cached_property
    def groups(self) -> frozenset[NormalizedName]:
        return self.table.names("groups")

    @cached_property
    def conditions(self) -> dict[str, Marker | None]:
        """The marker for each group; there is one for all or one for each."""
        if isinstance(self.table.values.get("markers"), dict):
            table = self.table.table("markers")
            return {group: table.marker(group) for group in table.values}
        return dict.fromkeys(self.groups, self.table.marker("markers"))

    @cached_property
    def needs(self) -> tuple[_Need, ...]:
        return tuple(_needs(self.table.table("dependencies")))

    @cached_property
    def package(self) -> Package:
        """The package, with its files."""
        source = self.table.table("source")
        place = _FOREIGN.get(source.optional("type") or "")
        if place is not None:
            raise self.table.wrong(f"{self.name} comes from {place}")
        found = [self._file(source, each) for each in self.table.tables("files")]
        return Package(self.name, self.version, tuple(file for file in found if file is not None))

    def _file(self, source: Table, table: Table) -> File | None:
        url = source.text("url") if source.optional("type") == "url" else None
        return files.locked(table, (self.name, self.version), table.text("hash"), table.text("file"), url)

    @cached_property
    def python(self) -> _Versions:
        """The versions of Python the package is for."""
        return self.table.read("python-versions", self.table.optional("python-versions") or "*", _versions)


@dataclass(frozen=True)
class Locked:
    """A poetry.lock and the pyproject.toml it was made from."""

    source: str
    data: bytes
    renew: str
    table: Table
    document: Mapping[str, Any]

    @cached_property
    def entries(self) -> dict[NormalizedName, list[_Entry]]:
        """The packages of the lock by name; a name may have several versions."""
        found: dict[NormalizedName, list[_Entry]] = {}
        for place in self.table.tables("package"):
            entry = _Entry(place.named(f"package {place.name()}"))
            found.setdefault(entry.name, []).append(entry)
        return found

    @property
    def metadata(self) -> Table:
        """What the lock says of itself."""
        return self.table.table("metadata")

    def packages(self, environment: Mapping[str, str], extras: frozenset[str], groups: frozenset[str]) -> list[Package]:
        """Return the packages for a marker environment.

        From format 2.1 on each says what it is for; before that they are walked from pyproject.toml.
        """
        wanted = self.metadata.optional("python-versions") or "*"
        if not _runs(self.metadata.read("python-versions", wanted, _versions), environment):
            raise self.table.wrong(f"it is for Python {wanted}, not for {environment['python_version']}")
        extras, groups = (frozenset(canonicalize_name(name) for name in names) for names in (extras, groups))
        missing = extras - {canonicalize_name(name) for name in self.table.table("extras").values}
        if missing:
            raise self.table.wrong(f"it has no extra {', '.join(sorted(missing))}")
        if self.metadata.version("lock-version") >= _GROUPED:
            chosen = list(self._grouped(environment, extras, groups))
        else:
            chosen = self._walked(environment, _roots(self.document, self.table, extras, groups))
        return files.single(self.table, (entry.package for entry in chosen))

    def _grouped(
        self, environment: Mapping[str, str], extras: frozenset[str], groups: frozenset[str]
    ) -> Iterator[_Entry]:
        for entry in (each for entries in self.entries.values() for each in entries):
            for group in sorted(entry.groups & {"main", *groups}):
                if markers.holds(entry.conditions.get(group), environment, extras):
                    yield entry
                    break

    def _walked(self, environment: Mapping[str, str], start: Iterable[_Need]) -> list[_Entry]:
        def meant(needs: Iterable[_Need], extra: str) -> Iterator[tuple[_Entry, str]]:
            for need in needs:
                if need.counts(environment, frozenset({extra}) if extra else frozenset()):
                    entry = self._serving(need, environment)
                    yield entry, ""
                    yield from ((entry, each) for each in need.extras)

        met = graph.reached(meant(start, ""), lambda node: meant(node[0].needs, node[1]))
        return list(dict.fromkeys(entry for entry, _ in met))

    def _serving(self, need: _Need, environment: Mapping[str, str]) -> _Entry:
        known = self.entries.get(need.name, [])
        # Only where there are several has the lock to be asked which it means.
        fitting = [each for each in known if _any(need.versions, each.version) and _runs(each.python, environment)]
        for entry in fitting if len(known) > 1 else known:
            return entry
        raise self.table.wrong(f"{need.name} is needed, but not in the lock")


def _roots(document: Mapping[str, Any], lock: Table, extras: frozenset[str], groups: frozenset[str]) -> Iterator[_Need]:
    """Yield what the project itself needs, from the standard tables or from Poetry's own."""
    pyproject = Table("pyproject.toml", _SHOW, "", document)
    project, poetry = pyproject.table("project"), pyproject.table("tool").table("poetry")
    own_groups = poetry.table("group")
    standard = groups - {canonicalize_name(name) for name in own_groups.values}
    if "dependencies" in project.values or "dependencies" not in poetry.values:
        yield from (_need(each) for each in declared(document, extras, standard))
    else:
        chosen = {normalized(re.split(r"[\s\[(]", text.strip())[0]) for extra in extras for text in _of(lock, extra)}
        yield from _needs(poetry.table("dependencies"), chosen)
        yield from (_need(each) for each in declared({**document, "project": {}}, (), standard))
    for name in own_groups.values:
        if canonicalize_name(name) in groups:
            yield from _needs(own_groups.table(name).table("dependencies"), set())


def _of(lock: Table, extra: str) -> tuple[str, ...]:
    """Return the packages of an extra as the lock lists them."""
    table = lock.table("extras")
    return next((table.texts(name) for name in table.values if canonicalize_name(name) == extra), ())


def _need(requirement: Requirement) -> _Need:
    """Return a standard requirement as Poetry would write it."""
    marker = None if requirement.marker is None else markers.parse(str(requirement.marker))
    extras = frozenset(canonicalize_name(extra) for extra in requirement.extras)
    return _Need(canonicalize_name(requirement.name), (requirement.specifier,), extras, marker, _ANY, None)


def _needs(table: Table, chosen: set[NormalizedName] | None = None) -> Iterator[_Need]:
    """Yield the dependencies of a table; where `chosen` is given, of the optional ones only these."""
    for key, value in table.values.items():
        name = table.read("a name", key, normalized)
        if name == "python":
            continue
        for place, each in enumerate(value if isinstance(value, list) else [value]):
            spec = table.inside(f"{key}[{place}]", {"version": each} if isinstance(each, str) else each)
            if chosen is not None and spec.values.get("optional") is True and name not in chosen:
                continue
            versions = spec.read("version", spec.optional("version") or "*", _versions)
            python = spec.read("python", spec.optional("python") or "*", _versions)
            platform = spec.optional("platform")
            yield _Need(name, versions, spec.names("extras"), spec.marker("markers"), python, platform)


def _runs(python: _Versions, environment: Mapping[str, str]) -> bool:
    """Tell whether some patch release of an environment's Python is among versions."""
    return any(markers.admits(each, environment) for each in python)


def _any(versions: _Versions, version: Version) -> bool:
    return any(each.contains(version, prereleases=True) for each in versions)


def _versions(constraint: str) -> _Versions:
    """Return what a constraint in Poetry's words (`^1.2`, `~1.2`, `<2 || >3`) means; `ValueError` for what is none."""
    return tuple(SpecifierSet(",".join(_clauses(each))) for each in constraint.split("||"))


def _clauses(constraint: str) -> Iterator[str]:
    for clause in re.split(r"[,\s]+", re.sub(r"([<>=!~^])\s+", r"\1", constraint.strip())):
        if clause.startswith("^") or (clause.startswith("~") and not clause.startswith("~=")):
            low = Version(clause[1:])
            fixed = 2 if clause[0] == "~" else next((place for place, part in enumerate(low.release, 1) if part), 3)
            release = low.release[:fixed]
            yield f">={low}"
            yield f"<{'.'.join(map(str, (*release[:-1], release[-1] + 1)))}.dev0"
        elif clause[:1].isdigit():
            yield f"=={clause}"
        elif clause not in {"", "*"}:
            yield clause


def read(_tree: Tree, path: str, data: bytes, document: Mapping[str, Any]) -> Locked:
    """Read a poetry.lock; raises `UsageError` where it is none, or one of a format that is not known."""
    table = load(path, data, _RENEW)
    version = table.table("metadata").version("lock-version")
    if version.major != Version("2").major:
        raise table.wrong(f"lock-version {version} is not known, only 2.0 and 2.1")
    return Locked(path, data, _RENEW, table, document)
