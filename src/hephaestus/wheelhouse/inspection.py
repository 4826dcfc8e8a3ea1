"""What is in a wheelhouse, for people as a table and for machines as a document."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from packaging.utils import NormalizedName

from hephaestus import system
from hephaestus.wheelhouse.house import House
from hephaestus.wheelhouse.wheel import Wheel

__all__ = ["Content", "File", "Inspection", "Package", "inspect", "readable", "served"]

# More of them make a cell of the table too high to read; the document names all.
_FEW = 3
_LICENCE = 60  # the licence of a wheel with much inside has many parts


@dataclass(frozen=True)
class File:
    """A file beside or around the wheels, with its size in bytes."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Content:
    """A wheel, the targets whose installers take it, and what the manifest says of its making."""

    wheel: Wheel
    targets: tuple[str, ...]
    origin: str
    builder: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        """Return all of it for machines."""
        wheel = self.wheel
        return {
            "file": wheel.file,
            "version": str(wheel.version),
            "size": wheel.size,
            "sha256": wheel.sha256,
            "licence": wheel.licence,
            "requires_python": str(wheel.requires_python),
            "targets": list(self.targets),
            "origin": self.origin,
            "builder": dict(self.builder),
            "pth": list(wheel.pth),
            "sboms": list(wheel.sboms),
        }


@dataclass(frozen=True)
class Package:
    """A package and its wheels, the newest version first."""

    name: NormalizedName
    contents: tuple[Content, ...]

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions there are, the newest first."""
        return _unique(str(content.wheel.version) for content in self.contents)

    @property
    def size(self) -> int:
        """The bytes of all its wheels."""
        return sum(content.wheel.size for content in self.contents)

    @property
    def licences(self) -> tuple[str, ...]:
        """The licences its wheels state."""
        return _unique(content.wheel.licence for content in self.contents if content.wheel.licence)

    @property
    def targets(self) -> frozenset[str]:
        """The targets it is installed on."""
        return frozenset(target for content in self.contents for target in content.targets)

    def document(self) -> dict[str, Any]:
        """Return all of it for machines."""
        return {
            "name": self.name,
            "versions": list(self.versions),
            "size": self.size,
            "licences": list(self.licences),
            "targets": sorted(self.targets),
            "wheels": [content.document() for content in self.contents],
        }


@dataclass(frozen=True)
class Inspection:
    """A wheelhouse as it is shown; `commit`, `tree` and `lock` are empty where the manifest does not say them."""

    project: NormalizedName
    version: str
    commit: str
    tree: str
    lock: str
    targets: tuple[str, ...]
    extras: tuple[str, ...]
    groups: tuple[str, ...]
    archive: File
    sdist: File
    packages: tuple[Package, ...]

    columns: ClassVar[tuple[str, ...]] = ("package", "version", "size", "licence", "targets", "origin", "sha256")

    @property
    def title(self) -> str:
        """The project and its version."""
        return f"{self.project} {self.version}"

    @property
    def size(self) -> int:
        """The bytes of all wheels and of the sdist."""
        return sum(package.size for package in self.packages) + self.sdist.size

    @property
    def lines(self) -> list[str]:
        """What is true of the whole, a line each."""
        wheels = sum(len(package.contents) for package in self.packages)
        told = {
            "archive": f"{self.archive.name}, {readable(self.archive.size)}",
            "sha256": self.archive.sha256,
            "commit": self.commit,
            "tree": self.tree,
            "lock": self.lock,
            "targets": ", ".join(self.targets),
            "extras": ", ".join(self.extras),
            "groups": ", ".join(self.groups),
            "content": f"{wheels} wheels of {len(self.packages)} packages and the sdist, {readable(self.size)}",
        }
        return [f"{label:<8} {text}" for label, text in told.items() if text]

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """A row for each package, as wide as `columns`."""
        return [self._row(package) for package in self.packages]

    @property
    def remarks(self) -> list[str]:
        """What somebody who installs it may not expect of a wheel, a line each."""
        wheels = [content.wheel for package in self.packages for content in package.contents]
        started = [f"{wheel.file} puts {path} into every start of Python" for wheel in wheels for path in wheel.pth]
        brought = [f"{wheel.file} holds an SBOM of its own: {path}" for wheel in wheels for path in wheel.sboms]
        return started + brought

    def document(self) -> dict[str, Any]:
        """Return all of it for machines; sizes are bytes, hashes are whole."""
        return {
            "project": self.project,
            "version": self.version,
            "commit": self.commit,
            "tree": self.tree,
            "lock": self.lock,
            "targets": list(self.targets),
            "extras": list(self.extras),
            "groups": list(self.groups),
            "archive": vars(self.archive),
            "sdist": vars(self.sdist),
            "size": self.size,
            "packages": [package.document() for package in self.packages],
        }

    def _row(self, package: Package) -> tuple[str, ...]:
        only = package.contents[0].wheel if len(package.contents) == 1 else None
        return (
            package.name,
            ", ".join(package.versions),
            readable(package.size),
            textwrap.shorten(" / ".join(package.licences) or "not stated", _LICENCE, placeholder=" …"),
            self._targets(package),
            "; ".join(_unique(map(_origin, package.contents))),
            only.sha256[:12] if only else f"{len(package.contents)} wheels",
        )

    def _targets(self, package: Package) -> str:
        missing = [target for target in self.targets if target not in package.targets]
        if not missing:
            return "all"
        if len(package.targets) > _FEW:
            return f"{len(package.targets)} of {len(self.targets)}"
        return ", ".join(sorted(package.targets)) or "none"


def inspect(house: House, archive: Path) -> Inspection:
    """Look into a wheelhouse that was unpacked from `archive`.

    A target counts as served by the wheel that an installer of pylock.toml takes there, with all extras and groups.
    Raises `VerificationFailed` where the lock does not serve a target.
    """
    serves: dict[str, list[str]] = {wheel.file: [] for wheel in house.wheels}
    for target, wheels in served(house).items():
        for wheel in wheels.values():
            serves[wheel.file].append(target)
    contents = [_content(house, wheel, tuple(serves[wheel.file])) for wheel in house.wheels]
    lock = _table(house.manifest.get("lock"))
    return Inspection(
        project=house.project,
        version=house.version,
        commit=_text(house.manifest.get("commit")),
        tree=_text(house.manifest.get("tree")),
        lock=_text(lock.get("from")),
        targets=tuple(map(str, house.targets)),
        extras=house.extras,
        groups=tuple(house.groups),
        archive=_file(archive),
        sdist=_file(house.sdist),
        packages=tuple(_packages(contents)),
    )


def served(house: House) -> dict[str, dict[NormalizedName, Wheel]]:
    """Return the wheel of each package that is installed on each target, with all extras and groups.

    Raises `VerificationFailed` where the lock does not serve a target.
    """
    return {str(target): house.selected(target, house.extras, tuple(house.groups)) for target in house.targets}


def readable(size: int) -> str:
    """Return a number of bytes as people say it, in decimal units: `0.4 kB`, `184.2 MB`."""
    amount, units = size / 1000, ["GB", "MB", "kB"]
    while len(units) > 1 and round(amount, 1) >= 1000:  # noqa: PLR2004  (what the units are made of)
        amount /= 1000
        units.pop()
    return f"{amount:.1f} {units[-1]}"


def _content(house: House, wheel: Wheel, targets: tuple[str, ...]) -> Content:
    said = _table(_table(house.manifest.get("wheels")).get(wheel.file))
    return Content(wheel, targets, _text(said.get("origin")), _table(said.get("builder")))


def _packages(contents: list[Content]) -> Iterator[Package]:
    newest = sorted(contents, key=lambda content: content.wheel.file)
    newest.sort(key=lambda content: content.wheel.version, reverse=True)
    newest.sort(key=lambda content: content.wheel.name)
    for name, group in itertools.groupby(newest, key=lambda content: content.wheel.name):
        yield Package(name, tuple(group))


def _file(path: Path) -> File:
    return File(path.name, path.stat().st_size, system.digest(path))


def _origin(content: Content) -> str:
    """Say where a wheel is from and, of one that was built here, with which tools."""
    tools = content.builder.get("made_with")
    told = ", ".join(map(str, tools)) if isinstance(tools, list) else ""
    return f"built with {told}" if content.origin == "built" and told else content.origin or "not stated"


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _unique(texts: Iterator[str] | map[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
