"""Requirements with hashes, as pip-compile, uv and Poetry's export write them: versions and what may be installed."""

from __future__ import annotations

import logging
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from hephaestus.tree import Tree
from hephaestus.wheelhouse.locks import File, Package, files, markers
from hephaestus.wheelhouse.locks.table import Table

__all__ = ["Locked", "read"]

log = logging.getLogger("hephaestus")

_RENEW = "uv pip compile --universal --generate-hashes --output-file requirements.txt pyproject.toml"
_HASH = re.compile(r"\s--hash(?:=|\s+)(\S+)")
_INCLUDE = re.compile(r"(?:-r|--requirement)(?:\s+|=)?(\S+)")
# What only says where and how pip is to look; indexes are taken from the configuration of pip and uv.
_IGNORED = re.compile(
    r"(-i|-f|-c|--index-url|--extra-index-url|--find-links|--trusted-host|--constraint|--no-index"
    r"|--only-binary|--prefer-binary|--pre|--require-hashes|--use-feature)(?![\w-])"
)
_FOREIGN = re.compile(r"(-e|--editable)\b|\.{0,2}/|[\w+.-]+://|\.\.?$|.*\.(whl|zip|tar\.gz)(\s|$)")


@dataclass(frozen=True)
class Locked:
    """Hashed requirements, with those they include."""

    source: str
    data: bytes
    renew: str
    table: Table
    pinned: tuple[tuple[Package, Marker | None], ...]

    def packages(
        self,
        environment: Mapping[str, str],
        extras: frozenset[str],  # noqa: ARG002  (requirements know no extras)
        groups: frozenset[str],  # noqa: ARG002  (and no groups)
    ) -> list[Package]:
        """Return the packages for a marker environment; requirements know no extras and no groups."""
        return files.single(
            self.table, (package for package, marker in self.pinned if markers.holds(marker, environment))
        )


def read(tree: Tree, path: str, data: bytes, _document: Mapping[str, Any]) -> Locked:
    """Read requirements; raises `UsageError` where one has no hash, no version, or cannot be read."""
    table = Table(path, _RENEW, "", {})
    pinned = tuple(_pinned(table.named(where), line) for where, line in _lines(tree, path, data, frozenset()))
    if not pinned:
        raise table.wrong("it holds no requirement")
    return Locked(path, data, _RENEW, table, pinned)


def _lines(tree: Tree, path: str, data: bytes, above: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yield the requirements of a file and of those it includes, each with the line it starts on."""
    table = Table(path, _RENEW, "", {})
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise table.wrong("it is not UTF-8") from error
    for number, line in _joined(text):
        where = f"{path} line {number}" if above else f"line {number}"
        include = _INCLUDE.fullmatch(line)
        if include is not None:
            inner = posixpath.normpath(posixpath.join(posixpath.dirname(path), include[1]))
            included = None if inner.startswith(("/", "..")) else tree.read(inner)
            if included is None:
                raise table.named(where).wrong(f"it includes {include[1][:120]!r}, which is not in the project")
            if inner not in above | {path}:
                yield from _lines(tree, inner, included, above | {path})
        elif ignored := _IGNORED.match(line):
            log.info("%s: %s is left to the configuration of pip and uv", path, ignored[1])
        else:
            yield where, line


def _joined(text: str) -> Iterator[tuple[int, str]]:
    """Yield logical lines, with continued ones joined and comments removed, as pip reads them."""
    whole, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        start = start or number
        comment = re.match(r"\s*#", line)
        if line.endswith("\\") and not comment:
            whole += line[:-1] + " "
            continue
        whole += "" if comment else line
        stripped = re.sub(r"(^|\s)#.*", "", whole).strip()
        if stripped:
            yield start, stripped
        whole, start = "", 0
    if whole.strip():
        yield start, whole.strip()


def _pinned(table: Table, line: str) -> tuple[Package, Marker | None]:
    if line.startswith("--no-binary"):
        raise table.wrong("--no-binary asks for sdists, but a wheelhouse is made of wheels")
    if _FOREIGN.match(line):
        raise table.wrong("it is a local path or an address, not a version from an index")
    if line.startswith("-"):
        raise table.wrong(f"the option {line[:20]!r} is not known")
    hashes = _HASH.findall(line)
    requirement = table.read("the requirement", _HASH.sub("", line), Requirement)
    marker = None if requirement.marker is None else markers.parse(str(requirement.marker))
    name = canonicalize_name(requirement.name)
    if requirement.url is not None:
        raise table.wrong(f"{name} comes from an address, not from an index")
    pins = [each for each in requirement.specifier if each.operator in {"==", "==="} and "*" not in each.version]
    if len(pins) != 1 or len(requirement.specifier) != 1:
        raise table.wrong(f"{name} is not pinned to one version")
    version = table.read("the version", pins[0].version, Version)
    if not hashes:
        raise table.wrong(f"{name} has no hash")
    return Package(name, version, tuple(_nameless(table, f"{name} {version}", each) for each in hashes)), marker


def _nameless(table: Table, package: str, hashed: str) -> File:
    sha256 = files.sha256(hashed)
    if sha256 is None:
        raise table.wrong(f"a hash of {package} is no sha256: {hashed[:80]!r}")
    return File("", sha256)
