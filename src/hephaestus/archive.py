"""A directory as one `.tar.gz` whose bytes depend on its files alone, and the careful way back."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from hephaestus import system
from hephaestus.errors import VerificationFailed

__all__ = ["SUMS", "extract", "name", "pack", "sums"]

SUMS = "SHA256SUMS"

# More than any wheelhouse needs, and less than fills a disk.
_MOST_FILES = 20_000
_MOST_BYTES = 32 << 30
_MOST_PADDING = 1 << 20


def name(project: str, version: str) -> str:
    """Return the file name of a wheelhouse, from the normalised name of its project."""
    return f"{project}-{version}-wheelhouse.tar.gz"


def sums(root: Path) -> str:
    """Return the sha256 of every file below a directory, but for the list itself, as `sha256sum` writes it."""
    files = sorted(path for path in root.rglob("*") if path.is_file() and path != root / SUMS)
    return "".join(f"{system.digest(path)}  {path.relative_to(root).as_posix()}\n" for path in files)


def pack(root: Path, target: Path) -> None:
    """Write a directory as a `.tar.gz` with one top folder of its name: sorted, without owners or times, and stored.

    Wheels are compressed already; storing them is many times faster, and the bytes do not depend on zlib's version.
    """
    with (
        target.open("wb") as raw,
        gzip.GzipFile("", "wb", 0, raw, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in sorted(path for path in root.rglob("*") if path.is_file()):
            member = tarfile.TarInfo(f"{root.name}/{path.relative_to(root).as_posix()}")
            member.size = path.stat().st_size
            member.mode = 0o644
            with path.open("rb") as file:
                tar.addfile(member, file)


def extract(archive: Path, into: Path) -> Path:
    """Unpack a wheelhouse into an empty directory, and return its one top folder.

    Raises `VerificationFailed`, leaving nothing behind, for anything but plain files below one folder, for
    names that leave it or come twice, and where the files are not exactly those of its SHA256SUMS.
    """
    system.remove(into)
    into.mkdir(parents=True)
    try:
        top = _unpack(archive, into)
        _compare(top)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, UnicodeError, OSError) as error:
        system.remove(into)
        raise VerificationFailed(f"{archive.name} is not an intact archive: {error}", f"tar tzf {archive}") from error
    except VerificationFailed:
        system.remove(into)
        raise
    return top


def _unpack(archive: Path, into: Path) -> Path:
    seen: set[str] = set()
    size = 0
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            path = PurePosixPath(member.name)
            top, *rest = path.parts or ("",)
            size += member.size
            if not member.isreg() or not rest or top == "/" or ".." in (top, *rest):
                raise VerificationFailed(f"{archive.name} holds {member.name!r}, which is no plain file in its folder")
            if str(path).casefold() in seen or "\\" in member.name or ":" in member.name or "\0" in member.name:
                raise VerificationFailed(
                    f"{archive.name} holds {member.name!r} twice, or under a name that cannot be kept"
                )
            seen.add(str(path).casefold())
            if len(seen) > _MOST_FILES or size > _MOST_BYTES:
                raise VerificationFailed(f"{archive.name} is larger than any wheelhouse")
            tar.extract(member, into, filter="data")
        _end(archive, cast("BinaryIO", tar.fileobj))
    tops = list(into.iterdir())
    if len(tops) != 1:
        raise VerificationFailed(f"{archive.name} does not hold exactly one folder")
    return tops[0]


def _end(archive: Path, left: BinaryIO) -> None:
    """Read what is left after the last file: only padding, up to gzip's own checksum, which is compared there."""
    padding = left.read(_MOST_PADDING + 1)
    if len(padding) > _MOST_PADDING or padding.strip(b"\0"):
        raise VerificationFailed(f"{archive.name} goes on after its last file")


def _compare(top: Path) -> None:
    listed = top / SUMS
    if not listed.is_file():
        raise VerificationFailed(f"the archive has no {SUMS}")
    if listed.read_text(encoding="utf-8") != sums(top):
        raise VerificationFailed(f"the archive's files are not those of its {SUMS}")
