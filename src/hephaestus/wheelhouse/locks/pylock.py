"""pylock.toml, the lock of PEP 751 that pip, uv and pdm can write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.pylock import Package as PylockPackage
from packaging.pylock import PackageArchive, PackageSdist, PackageWheel, Pylock, PylockValidationError
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from hephaestus.tree import Tree
from hephaestus.wheelhouse.locks import File, Package, files, markers
from hephaestus.wheelhouse.locks.table import Table, load

__all__ = ["Locked", "parse", "read"]

_RENEW = "uv export --format pylock.toml --all-extras --all-groups --no-emit-project --output-file pylock.toml"


@dataclass(frozen=True, eq=False)
class _Entry:
    """A package of the lock."""

    entry: PylockPackage
    marker: Marker | None
    table: Table

    @property
    def name(self) -> NormalizedName:
        return self.entry.name

    def runs(self, environment: Mapping[str, str]) -> bool:
        """Tell whether the package is for an environment's Python, which it has to be where it is selected."""
        if not markers.admits(self.entry.requires_python, environment):
            python = environment["python_version"]
            raise self.table.wrong(f"{self.name} needs Python {self.entry.requires_python}, not {python}")
        return True

    @cached_property
    def package(self) -> Package:
        """The package, with the files of its wheels and its sdist."""
        if self.entry.vcs is not None or self.entry.directory is not None:
            kind = "a local directory" if self.entry.vcs is None else "a version control system"
            raise self.table.wrong(f"{self.name} comes from {kind}, which no hash covers")
        listed = [*(self.entry.wheels or ()), *(each for each in (self.entry.sdist, self.entry.archive) if each)]
        version = self.entry.version or self._version(listed[0])
        found = [self._file(version, each) for each in listed]
        return Package(self.name, version, tuple(file for file in found if file is not None))

    def _file(self, version: Version, each: PackageWheel | PackageSdist | PackageArchive) -> File | None:
        table = self.table.inside("a file", {} if each.size is None else {"size": each.size})
        url = each.url
        if url is None and each.path is not None and Path(each.path).is_absolute():
            url = Path(each.path).as_uri()
        name = (None if isinstance(each, PackageArchive) else each.name) or self._last(each)
        return files.locked(table, (self.name, version), f"sha256:{each.hashes.get('sha256')}", name, url)

    def _last(self, each: PackageWheel | PackageSdist | PackageArchive) -> str:
        return files.last(self.table, (each.path or "").replace("\\", "/") or each.url or "")

    def _version(self, each: PackageWheel | PackageSdist | PackageArchive) -> Version:
        """Return the version a file name tells where the lock does not."""
        stem = self._last(each)
        text = stem.split("-")[1] if stem.endswith(".whl") and "-" in stem else stem.rpartition("-")[2]
        return self.table.read("the version", text.removesuffix(".tar.gz").removesuffix(".zip"), Version)


@dataclass(frozen=True)
class Locked:
    """A pylock.toml; `project` is the package that is no dependency of itself."""

    source: str
    data: bytes
    renew: str
    project: NormalizedName | None
    table: Table
    pylock: Pylock
    entries: tuple[_Entry, ...]

    def packages(self, environment: Mapping[str, str], extras: frozenset[str], groups: frozenset[str]) -> list[Package]:
        """Return the packages for a marker environment, as PEP 751 says they are selected."""
        extras, groups = (frozenset(canonicalize_name(name) for name in names) for names in (extras, groups))
        self._covers(environment, extras, groups)
        groups |= frozenset(canonicalize_name(name) for name in self.pylock.default_groups or ())
        chosen = (
            entry.package
            for entry in self.entries
            if entry.name != self.project
            and markers.holds(entry.marker, environment, extras, groups)
            and entry.runs(environment)
        )
        return files.single(self.table, chosen)

    def _covers(self, environment: Mapping[str, str], extras: frozenset[str], groups: frozenset[str]) -> None:
        """Refuse what the lock was not made for; one that names no extras or groups may well hold them all."""
        python = environment["python_version"]
        if not markers.admits(self.pylock.requires_python, environment):
            raise self.table.wrong(f"it is for Python {self.pylock.requires_python}, not for {python}")
        made_for = self.pylock.environments
        if made_for and not any(
            markers.holds(each, some) for each in made_for for some in markers.patches(environment)
        ):
            platform = f"{environment['sys_platform']} {environment['platform_machine']}"
            raise self.table.wrong(f"its environments leave out Python {python} on {platform}")
        for kind, wanted, known in (
            ("extra", extras, self.pylock.extras),
            ("dependency group", groups, self.pylock.dependency_groups),
        ):
            missing = wanted - {canonicalize_name(name) for name in (wanted if known is None else known)}
            if missing:
                raise self.table.wrong(f"it has no {kind} {', '.join(sorted(missing))}")


def read(_tree: Tree, path: str, data: bytes, document: Mapping[str, Any]) -> Locked:
    """Read a pylock.toml; raises `UsageError` where it is none."""
    project = document.get("project")
    name = project.get("name") if isinstance(project, dict) else None
    return parse(path, data, _RENEW, canonicalize_name(name) if isinstance(name, str) else None)


def parse(source: str, data: bytes, renew: str, project: NormalizedName | None = None) -> Locked:
    """Read the bytes of a pylock.toml that comes from anywhere; raises `UsageError` where they are none."""
    table = load(source, data, renew)
    try:
        pylock = Pylock.from_dict(table.values)
        conditions = [None if each.marker is None else markers.parse(str(each.marker)) for each in pylock.packages]
    except (PylockValidationError, ValueError, RecursionError) as error:
        raise table.wrong(f"it is not as PEP 751 wants it: {str(error)[:200]}") from error
    entries = tuple(
        _Entry(each, condition, Table(source, renew, f"package {each.name}", {}))
        for each, condition in zip(pylock.packages, conditions, strict=True)
    )
    return Locked(source, data, renew, project, table, pylock, entries)
