"""uv.lock: a graph of packages, walked from the project itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from hephaestus.tree import Tree
from hephaestus.wheelhouse.locks import File, Package, files, graph, markers
from hephaestus.wheelhouse.locks.table import Table, load

__all__ = ["Locked", "read"]

_RENEW = "uv lock"
# What a dependency can come from that no index and no address with a hash stands for.
_FOREIGN = {
    "directory": "a local directory",
    "editable": "a local directory",
    "git": "a version control system",
    "path": "a local file",
    "virtual": "a local directory",
}


@dataclass(frozen=True)
class _Edge:
    """A dependency: the entries of that name which can be meant, the extras it asks for, and when it counts."""

    entries: tuple[_Entry, ...]
    extras: tuple[NormalizedName, ...]
    marker: Marker | None
    table: Table


@dataclass(frozen=True, eq=False)
class _Entry:
    """A package of the lock."""

    table: Table
    lock: Locked

    @cached_property
    def name(self) -> NormalizedName:
        return self.table.name()

    @cached_property
    def source(self) -> Table:
        return self.table.table("source")

    @cached_property
    def package(self) -> Package:
        """The package, with the files of its wheels and its sdist."""
        for key, place in _FOREIGN.items():
            if key in self.source.values:
                raise self.table.wrong(f"{self.name} comes from {place}, {self.source.text(key)[:120]!r}")
        version = self.table.version()
        sdist = [self.table.table("sdist")] if "sdist" in self.table.values else []
        found = [self._file(version, each) for each in (*self.table.tables("wheels"), *sdist)]
        return Package(self.name, version, tuple(file for file in found if file is not None))

    def _file(self, version: Version, table: Table) -> File | None:
        url = table.optional("url") or self.source.optional("url")
        path = table.optional("path")
        name = table.optional("filename") or files.last(table, url or path or "")
        if url is None and path is not None:
            url = _under(self.source.optional("registry") or "", path)
        return files.locked(table, (self.name, version), table.optional("hash") or "", name, url)

    @cached_property
    def edges(self) -> tuple[_Edge, ...]:
        """What the package itself needs."""
        return self._edges(self.table)

    @cached_property
    def extras(self) -> dict[str, tuple[_Edge, ...]]:
        """What each extra needs besides."""
        return self._named("optional-dependencies", self.table.table("metadata").names("provides-extras"))

    @cached_property
    def groups(self) -> dict[str, tuple[_Edge, ...]]:
        """What each dependency group needs."""
        known = self.table.table("metadata").table("requires-dev").values
        return self._named("dev-dependencies", frozenset(canonicalize_name(name) for name in known))

    def _named(self, key: str, known: frozenset[NormalizedName]) -> dict[str, tuple[_Edge, ...]]:
        """Return edges by name; the lock leaves out those that need nothing."""
        table = self.table.table(key)
        found: dict[str, tuple[_Edge, ...]] = {str(name): () for name in known}
        found.update((canonicalize_name(name), self._edges(table, name)) for name in table.values)
        return found

    def _edges(self, table: Table, key: str = "dependencies") -> tuple[_Edge, ...]:
        return tuple(self._edge(each) for each in table.tables(key))

    def _edge(self, table: Table) -> _Edge:
        name, version, source = table.name(), table.optional("version"), table.values.get("source")
        entries = tuple(
            entry
            for entry in self.lock.entries.get(name, ())
            if version in {None, entry.table.optional("version")} and source in (None, entry.source.values)
        )
        if not entries:
            raise table.wrong(f"{self.name} needs {name} {version or ''}".rstrip() + ", which the lock does not have")
        return _Edge(entries, tuple(table.names("extra")), table.marker("marker"), table)


@dataclass(frozen=True)
class Locked:
    """A uv.lock."""

    source: str
    data: bytes
    renew: str
    table: Table

    @cached_property
    def entries(self) -> dict[NormalizedName, list[_Entry]]:
        """The packages of the lock by name; a fork of the resolution gives a name several."""
        found: dict[NormalizedName, list[_Entry]] = {}
        for place in self.table.tables("package"):
            entry = _Entry(place.named(f"package {place.name()}"), self)
            found.setdefault(entry.name, []).append(entry)
        return found

    @cached_property
    def root(self) -> _Entry:
        """The project itself."""
        for entry in (each for entries in self.entries.values() for each in entries):
            if any(entry.source.values.get(key) == "." for key in ("editable", "virtual", "directory")):
                return entry
        raise self.table.wrong("it has no package for the project itself")

    @cached_property
    def requires_python(self) -> SpecifierSet:
        """The versions of Python it was made for."""
        return self.table.read("requires-python", self.table.optional("requires-python") or "", SpecifierSet)

    @cached_property
    def environments(self) -> tuple[Marker, ...]:
        """The environments it was limited to; none is no limit."""
        return tuple(
            self.table.read("supported-markers", text, markers.parse) for text in self.table.texts("supported-markers")
        )

    def packages(self, environment: Mapping[str, str], extras: frozenset[str], groups: frozenset[str]) -> list[Package]:
        """Return the packages that can be reached from the project in a marker environment."""
        self._covers(environment)
        extras, groups = (frozenset(canonicalize_name(name) for name in names) for names in (extras, groups))
        start = [(self.root, kind, name) for kind, name in self._chosen(extras, groups)]
        encoded = self._encoded(extras, groups)

        def onward(node: tuple[_Entry, str, str]) -> Iterator[tuple[_Entry, str, str]]:
            for edge in _needs(*node):
                if markers.holds(edge.marker, environment, encoded):
                    if len(edge.entries) > 1:
                        raise edge.table.wrong("it could mean several versions")
                    yield edge.entries[0], "", ""
                    yield from ((edge.entries[0], "extra", extra) for extra in edge.extras)

        met = dict.fromkeys(entry for entry, _, _ in graph.reached(start, onward))
        return files.single(self.table, (entry.package for entry in met if entry is not self.root))

    def _covers(self, environment: Mapping[str, str]) -> None:
        python = environment["python_version"]
        if not markers.admits(self.requires_python, environment):
            raise self.table.wrong(f"it is for Python {self.requires_python}, not for {python}")
        made_for = self.environments
        if made_for and not any(
            markers.holds(each, some) for each in made_for for some in markers.patches(environment)
        ):
            platform = f"{environment['sys_platform']} {environment['platform_machine']}"
            raise self.table.wrong(f"its environments leave out Python {python} on {platform}")

    def _chosen(self, extras: frozenset[str], groups: frozenset[str]) -> Iterator[tuple[str, str]]:
        """Yield the parts of the project that were chosen, its own dependencies first."""
        yield "", ""
        for kind, wanted, known in (("extra", extras, self.root.extras), ("group", groups, self.root.groups)):
            for name in sorted(wanted):
                if name not in known:
                    raise self.table.wrong(f"it has no {kind} {name}")
                yield kind, name

    def _encoded(self, extras: frozenset[str], groups: frozenset[str]) -> frozenset[str]:
        """Return the extras as markers name them where a project says that some exclude each other."""
        own = f"{len(self.root.name)}-{self.root.name}"
        return frozenset([f"extra-{own}-{name}" for name in extras] + [f"group-{own}-{name}" for name in groups])


def _needs(entry: _Entry, kind: str, name: str) -> tuple[_Edge, ...]:
    """Return what a package, one of its extras or one of its groups needs; what is not there needs nothing."""
    if kind == "extra":
        return entry.extras.get(name, ())
    return entry.groups[name] if kind == "group" else entry.edges


def _under(registry: str, path: str) -> str | None:
    """Return the address of a file in a registry, or `None` for one in a directory that only the index knows."""
    if Path(registry).is_absolute():
        return (Path(registry) / path).as_uri()
    if urlsplit(registry).scheme in {"file", "http", "https"}:
        return urljoin(registry.rstrip("/") + "/", quote(path))
    return None


def read(_tree: Tree, path: str, data: bytes, _document: Mapping[str, Any]) -> Locked:
    """Read a uv.lock; raises `UsageError` where it is none."""
    table = load(path, data, _RENEW)
    if table.number("version") != 1:
        raise table.wrong("only version 1 of this format is known")
    lock = Locked(path, data, _RENEW, table)
    _ = lock.root
    return lock
