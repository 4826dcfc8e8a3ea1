"""Locks: which files of which packages were tested, whatever tool wrote them down.

`find` opens the lock a project has. Each kind has a reader of its own, and none needs the tool that wrote it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Protocol

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from hephaestus.errors import UsageError
from hephaestus.tree import Tree

__all__ = ["RESOLVED", "File", "Lock", "Package", "find", "resolved", "stale"]

log = logging.getLogger("hephaestus")

# What is taken where no lock is named, the first there is.
_USUAL = ("uv.lock", "pylock.toml", "poetry.lock", "pdm.lock")
_REQUIREMENTS = ("requirements.txt", "requirements.lock")


# How the source of a lock begins that the project did not have, and that was made for the wheelhouse.
RESOLVED = "resolved"


@dataclass(frozen=True)
class File:
    """A wheel or an sdist: its file name, its sha256, where it can be had, and its size in bytes where that is known.

    Without a `url` it is looked up in the index by its name; without a name, as hashed requirements give it, by
    its sha256 among the files of its package.
    """

    name: str
    sha256: str
    url: str | None = None
    size: int | None = None


@dataclass(frozen=True)
class Package:
    """One version of a package and the files the lock allows for it."""

    name: NormalizedName
    version: Version
    files: tuple[File, ...]


class Lock(Protocol):
    """What was locked, by whichever tool."""

    @property
    def source(self) -> str:
        """Where the lock comes from, as a person would say it: `uv.lock`, `resolved by uv 0.13.9`."""
        ...

    @property
    def data(self) -> bytes:
        """The bytes of the lock."""
        ...

    @property
    def renew(self) -> str:
        """The command that makes the lock anew."""
        ...

    def packages(self, environment: Mapping[str, str], extras: frozenset[str], groups: frozenset[str]) -> list[Package]:
        """Return the packages for a marker environment, with chosen extras and dependency groups.

        Packages nobody needs may be among them; one that is needed is never missing.
        Raises `UsageError` for a dependency on a path or a version control system, for files without a sha256, and
        where two versions of one package would be installed at once.
        """
        ...


_Read = Callable[[Tree, str, bytes, Mapping[str, Any]], Lock]


def find(tree: Tree, document: Mapping[str, Any], named: str | None = None) -> Lock | None:
    """Open the lock of a project: the file that is `named`, else the first there is, else `None`.

    The order is uv.lock, pylock.toml, poetry.lock, pdm.lock, and requirements that all have hashes; `document` is
    the project's pyproject.toml.

    Raises `UsageError` where the named file is missing or of no kind that is known, and for a lock that cannot be read.
    """
    if named is not None:
        read, data = _reader(named), tree.read(named)
        if data is None:
            raise UsageError(f"the lock {named[:200]!r} does not exist in this project", "ls -l *.lock pylock*.toml")
        return read(tree, named, data, document)
    for name in _USUAL:
        data = tree.read(name)
        if data is not None:
            return _reader(name)(tree, name, data, document)
    return _hashed_requirements(tree)


def _reader(path: str) -> _Read:
    from hephaestus.wheelhouse.locks import pdm, poetry, pylock, requirements, uv

    name = PurePosixPath(path).name
    readers: dict[str, _Read] = {"uv.lock": uv.read, "poetry.lock": poetry.read, "pdm.lock": pdm.read}
    if name in readers:
        return readers[name]
    if re.fullmatch(r"pylock\.([^.]+\.)?toml", name):
        return pylock.read
    if name.endswith((".txt", ".lock")):
        return requirements.read
    raise UsageError(
        f"{path[:200]!r} is no lock: known are uv.lock, pylock.toml, poetry.lock, pdm.lock and hashed requirements",
        "ls -l *.lock pylock*.toml requirements*.txt",
    )


def _hashed_requirements(tree: Tree) -> Lock | None:
    """Return requirements that were locked; most files of that name only say what somebody would like to have."""
    from hephaestus.wheelhouse.locks import requirements

    for name in _REQUIREMENTS:
        data = tree.read(name)
        if data is None or b"--hash" not in data:
            continue
        try:
            return requirements.read(tree, name, data, {})
        except UsageError as error:
            log.info("%s is not used as a lock: %s", name, error.message)
    return None


def resolved(source: str) -> bool:
    """Tell by the source of a lock whether it was made for the wheelhouse, and is not the project's own."""
    return source.startswith(RESOLVED)


def stale(
    packages: Iterable[Package], requirements: Iterable[Requirement], environment: Mapping[str, str]
) -> list[str]:
    """Return what a lock lacks for requirements in a marker environment, one sentence for each; nothing is well.

    The packages are those the lock has for the same environment. An `extra` in a marker counts as not chosen.
    """
    versions = {package.name: package.version for package in packages}
    found = []
    for requirement in requirements:
        if requirement.marker is not None and not requirement.marker.evaluate({**environment, "extra": ""}):
            continue
        version = versions.get(canonicalize_name(requirement.name))
        asked = f"{requirement.name}{requirement.specifier}"
        if version is None:
            found.append(f"{asked} is asked for, but the lock has no {requirement.name}")
        elif not requirement.specifier.contains(version, prereleases=True):
            found.append(f"{asked} is asked for, but the lock has {requirement.name} {version}")
    return found
