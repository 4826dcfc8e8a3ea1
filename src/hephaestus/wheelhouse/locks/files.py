"""What a lock says of one file, checked: its name, its sha256, its address."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PureWindowsPath
from urllib.parse import unquote, urlsplit

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

from hephaestus.wheelhouse.locks import File, Package
from hephaestus.wheelhouse.locks.table import Table

__all__ = ["last", "locked", "sha256", "single"]

_SHA256 = re.compile(r"sha256:([0-9a-fA-F]{64})")
_SDIST = (".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz", ".tar")
_LONGEST = 255


def locked(
    table: Table, package: tuple[NormalizedName, Version], hashed: str, name: str, url: str | None
) -> File | None:
    """Return the file of a package that a lock names, or `None` for a kind no installer takes (.egg, .exe, .rpm).

    `hashed` is `sha256:` and 64 hexadecimal digits; `table` is where the file stands.
    Raises `UsageError` for a file of another package or version, a name that is a path, a hash of another kind, and
    an address that holds a password or is none.
    """
    shown = f"{package[0]} {package[1]}"
    if _is_path(name):
        raise table.wrong(f"a file of {shown} has the name {name[:80]!r}, which is no name of a file")
    if not name.endswith((".whl", *_SDIST)):
        return None
    if not _belongs(name, *package):
        raise table.wrong(f"the file {name!r} is not of {shown}")
    digest = sha256(hashed)
    if digest is None:
        raise table.wrong(f"the file {name!r} of {shown} has no sha256")
    return File(name, digest, _address(table, name, url), table.number("size"))


def sha256(hashed: str) -> str | None:
    """Return the digits of a hash that is written `sha256:…`, or `None` for any other."""
    found = _SHA256.fullmatch(hashed)
    return found[1].lower() if found else None


def last(table: Table, url: str) -> str:
    """Return the file name an address or a path ends with."""
    try:
        return unquote(urlsplit(url).path.rpartition("/")[2])
    except ValueError as error:
        raise table.wrong("the address of a file cannot be read") from error


def single(table: Table, packages: Iterable[Package]) -> list[Package]:
    """Return packages by name; raises `UsageError` where one has two versions."""
    found: dict[NormalizedName, Package] = {}
    for package in packages:
        other = found.setdefault(package.name, package)
        if other.version != package.version:
            versions = f"{other.version} and {package.version}"
            raise table.wrong(f"{package.name} would be installed in two versions at once, {versions}")
    return sorted(found.values(), key=lambda package: package.name)


def _is_path(name: str) -> bool:
    return not 0 < len(name) <= _LONGEST or not name.isprintable() or PureWindowsPath(name).name != name


def _belongs(name: str, package: NormalizedName, version: Version) -> bool:
    """Tell whether a file name is of a package; old sdists are named freely after the package's own name."""
    if not name.endswith(".whl"):
        return canonicalize_name(name).startswith(f"{package}-")
    parts = name.removesuffix(".whl").split("-")
    if len(parts) not in {5, 6} or canonicalize_name(parts[0]) != package:
        return False
    try:
        return parts[1] == str(version) or Version(parts[1]) == version
    except InvalidVersion:
        return False


def _address(table: Table, name: str, url: str | None) -> str | None:
    if url is None:
        return None
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise table.wrong(f"the address of {name!r} cannot be read") from error
    if parts.scheme not in {"file", "http", "https"} or not url.isprintable() or " " in url:
        raise table.wrong(f"the address of {name!r} is none a file can be fetched from")
    if "@" in parts.netloc:
        raise table.wrong(f"the address of {name!r} holds a name or a password; indexes know these from pip or uv")
    return parts._replace(fragment="").geturl()
