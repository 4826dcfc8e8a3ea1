"""What is cruft, by kind: the names that tools and systems give to what they can make anew, and what tells it apart."""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

__all__ = ["DIRECTORIES", "FIRST", "KINDS", "LAST", "Kind", "Wish", "directory_kind", "file_kind"]

# A program that looks for a project's packages finds them beside one of these.
_PROJECT = {"pyproject.toml", "setup.cfg", "setup.py"}
# The first bytes of an AppleDouble file (RFC 1740), and of an SQLite database, which is what coverage writes.
_APPLE_DOUBLE = b"\x00\x05\x16\x07"
_SQLITE = b"SQLite format 3\x00"


@dataclass(frozen=True)
class Wish:
    """What shall go: what `deep` cleaning alone removes as well, and `node_modules`.

    With `sizes` the look asks each file for its size, which takes as long as finding it.
    """

    deep: bool = False
    node_modules: bool = False
    sizes: bool = False


@dataclass(frozen=True)
class Kind:
    """A kind of cruft: its `name`, what it is in words, and when it goes: always, when `deep`, or on `request`."""

    name: str
    words: str
    when: str = "always"

    def wanted(self, wish: Wish) -> bool:
        """Tell whether it shall go."""
        return {"always": True, "deep": wish.deep, "request": wish.node_modules}[self.when]


_MACOS = Kind("macos", "what macOS leaves in directories and archives")
_BYTECODE = Kind("bytecode", "Python's compiled code")
_BUILD = Kind("build", "what builds leave")
_COVERAGE = Kind("coverage", "data and reports of coverage")
_CACHE = Kind("cache", "caches of tools")
_STALE = Kind("stale-environment", "virtual environments that no longer work")
_DIST = Kind("dist", "built distributions", "deep")
_MEMORY = Kind("memory", "what tools remember of earlier runs", "deep")
_ENVIRONMENTS = Kind("environments", "the environments of Nox and tox", "deep")
_KEPT = Kind("kept", "what hephaestus keeps for clones that are gone, and environments that no longer work", "deep")
_NODE = Kind("node_modules", "packages of Node.js", "request")

KINDS = {
    kind.name: kind
    for kind in (
        *(_MACOS, _BYTECODE, _BUILD, _COVERAGE, _CACHE, _STALE),
        *(_DIST, _MEMORY, _ENVIRONMENTS, _KEPT, _NODE),
    )
}

# Each name of a directory that is cruft, with its kind and the names of which one must stand beside it.
DIRECTORIES: dict[str, tuple[Kind, AbstractSet[str]]] = {
    **dict.fromkeys((".AppleDouble", "__MACOSX"), (_MACOS, set())),
    "__pycache__": (_BYTECODE, set()),
    "build": (_BUILD, _PROJECT),
    **dict.fromkeys((".eggs", ".pdm-build", ".pybuild", "_skbuild", "pip-wheel-metadata"), (_BUILD, _PROJECT)),
    "htmlcov": (_COVERAGE, set()),
    **dict.fromkeys(
        (
            *(".import_linter_cache", ".mypy_cache", ".pyre", ".pytest_cache", ".pytype", ".ruff_cache"),
            *(".ty", ".ty_cache"),
        ),
        (_CACHE, set()),
    ),
    "dist": (_DIST, _PROJECT),
    **dict.fromkeys((".hypothesis", ".ipynb_checkpoints"), (_MEMORY, set())),
    **dict.fromkeys((".nox", ".tox"), (_ENVIRONMENTS, set())),
    "node_modules": (_NODE, set()),
}

# The names of files that are cruft; those with a test are only looked into where the name fits.
_FILE = re.compile(
    r"(?P<macos>\.DS_Store|\.LSOverride|Icon\r)|(?P<apple>\._.+)|(?P<compiled>.+\.py[co])"
    r"|(?P<coverage>\.coverage|coverage\.(?:json|lcov|xml))|(?P<data>\.coverage\..+)|(?P<cache>\.mutmut-cache)",
    re.DOTALL,
)
# What every such name begins or ends with, which is asked of far more names than the rest.
FIRST, LAST = frozenset(".Ic"), frozenset({".pyc", ".pyo"})
_TESTED: dict[str, tuple[Kind, Callable[[bytes], bool]]] = {
    "apple": (_MACOS, lambda begin: begin.startswith(_APPLE_DOUBLE)),
    "compiled": (_BYTECODE, lambda begin: begin[2:4] == b"\r\n" or not begin),
    "data": (_COVERAGE, lambda begin: begin == _SQLITE or not begin),
}


def directory_kind(name: str, path: str, beside: AbstractSet[str]) -> Kind | None:
    """Return the kind of cruft a directory is by its name and those beside it, or `None`."""
    if found := DIRECTORIES.get(name):
        kind, needed = found
        return kind if not needed or not needed.isdisjoint(beside) else None
    if name.endswith(".egg-info"):
        return _BUILD if Path(path, "PKG-INFO").is_file() else None
    return None


def file_kind(name: str, path: str) -> Kind | None:
    """Return the kind of cruft a regular file is, or `None`; where a name alone does not tell, its first bytes do.

    Raises `OSError` where it cannot be read.
    """
    found = _FILE.fullmatch(name)
    if found is None:
        return None
    group = str(found.lastgroup)
    if group not in _TESTED:
        return KINDS[group]
    kind, test = _TESTED[group]
    with Path(path).open("rb") as file:
        return kind if test(file.read(len(_SQLITE))) else None
