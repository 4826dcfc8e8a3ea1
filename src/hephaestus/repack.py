"""Distributions made anew so that their bytes depend on their contents and the time of the commit alone.

A build backend may let the clock, the owner, the umask or the order of a directory into its files
(setuptools and pdm-backend do). Whether a file needs mending is read from the file, not from the backend's name.
"""

from __future__ import annotations

import contextlib
import gzip
import lzma
import posixpath
import shlex
import shutil
import stat
import struct
import tarfile
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from hephaestus import system
from hephaestus.errors import VerificationFailed

__all__ = ["newest", "sdist", "unpack", "wheel"]

# The formats begin with these times; a member that has one was given it on purpose.
_FIRST_OF_TAR = 0
_FIRST_OF_ZIP = 315532800  # 1980-01-01
_MODES = (0o644, 0o755)
# The largest sdists on the index are below a tenth of these.
_MOST_MEMBERS = 100_000
_MOST_BYTES = 4 << 30
# Whatever describes members is held in memory: one piece of it, and all of it.
_LONGEST_HEADER = 64 << 10
_MOST_DESCRIPTION = 64 << 20

# What reading a file that is none of its kind raises.
_JUNK = (
    tarfile.TarError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    KeyError,  # a link to no member
    ValueError,
    OverflowError,
    RuntimeError,  # of zipfile for what is encrypted or packed in an unknown way, of tarfile for endless headers
)


def sdist(path: Path, epoch: int) -> None:
    """Make a `.tar.gz` reproducible; one that is already is left as it is, byte for byte.

    Members sorted, all with the time `epoch`, owner 0 without a name, mode 0644, or 0755 where the owner may execute;
    a gzip header without name and time. It stays compressed, so its bytes depend on the compressor
    that the interpreter was built with (zlib or zlib-ng), and on nothing else of the machine.
    Raises `VerificationFailed` where it is no gzipped tar.
    """
    with _whole(path, "tar -tzf"), tempfile.TemporaryFile() as raw:
        with gzip.open(path) as packed:
            shutil.copyfileobj(packed, raw, 1 << 20)
        raw.seek(0)
        with tarfile.open(fileobj=raw, mode="r:") as tar:
            members = tar.getmembers()
            if _stamp(path) not in (0, epoch) or not all(_settled(member, epoch) for member in members):
                with _replaced(path) as file:
                    _write_sdist(tar, sorted(members, key=lambda member: member.name), epoch, file)


def _stamp(path: Path) -> int:
    """Return the time in the header of a gzip file (RFC 1952, 2.3)."""
    with path.open("rb") as file:
        return int(struct.unpack("<4xI", file.read(8))[0])


def _settled(member: tarfile.TarInfo, epoch: int) -> bool:
    owner = (member.uid, member.gid, member.uname, member.gname)
    modes = (0o777,) if member.issym() else _MODES
    return member.mtime in (_FIRST_OF_TAR, epoch) and owner == (0, 0, "", "") and member.mode & 0o7777 in modes


def _write_sdist(tar: tarfile.TarFile, members: list[tarfile.TarInfo], epoch: int, file: IO[bytes]) -> None:
    with (
        gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as made,
    ):
        for old in members:
            content = None if old.isdir() or old.issym() else tar.extractfile(old)
            new = tarfile.TarInfo(old.name)
            # A hard link becomes the file it is, as it may now come before the other one.
            new.type = old.type if content is None else tarfile.REGTYPE
            new.linkname = old.linkname if old.issym() else ""
            new.mode = 0o777 if old.issym() else 0o755 if old.isdir() or old.mode & 0o100 else 0o644
            new.mtime = epoch
            if content is not None:
                new.size = content.seek(0, 2)
                content.seek(0)
            made.addfile(new, content)


def wheel(path: Path, epoch: int) -> None:
    """Make a wheel reproducible; one that is already is left as it is, byte for byte.

    Members sorted with those of `.dist-info` last, as the standard recommends, all with the time `epoch`
    and mode 0644, or 0755 where the owner may execute. RECORD stays true, as no member changes.
    Raises `VerificationFailed` where it is no zip file.
    """
    stamp = _zip_time(epoch)
    with _whole(path, "python -m zipfile -l"), zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        times = (stamp, _zip_time(_FIRST_OF_ZIP))
        if all(each.date_time in times and each.external_attr >> 16 & 0o7777 in _MODES for each in members):
            return
        with _replaced(path) as file, zipfile.ZipFile(file, "w") as made:
            for old in sorted(members, key=_wheel_order):
                new = zipfile.ZipInfo(old.filename, stamp)
                new.create_system = 3  # Unix, or the modes would not count
                kind, executable = (stat.S_IFDIR, True) if old.is_dir() else (stat.S_IFREG, old.external_attr >> 22 & 1)
                new.external_attr = (kind | (0o755 if executable else 0o644)) << 16
                new.compress_type = zipfile.ZIP_STORED if old.is_dir() else zipfile.ZIP_DEFLATED
                with archive.open(old) as content, made.open(new, "w", force_zip64=old.file_size >= 1 << 31) as into:
                    shutil.copyfileobj(content, into, 1 << 20)


def _zip_time(epoch: int) -> tuple[int, int, int, int, int, int]:
    """Return a time as zip files hold it: not before 1980, in steps of two seconds."""
    year, month, day, hour, minute, second = time.gmtime(max(epoch, _FIRST_OF_ZIP))[:6]
    return year, month, day, hour, minute, second & ~1


def _wheel_order(member: zipfile.ZipInfo) -> tuple[bool, bool, str]:
    described = member.filename.partition("/")[0].endswith(".dist-info")
    return described, described and member.filename.endswith("/RECORD"), member.filename


@contextlib.contextmanager
def _replaced(path: Path) -> Iterator[IO[bytes]]:
    """Give a file to write that takes the place of another one when it is whole."""
    draft = path.with_name(f".{path.name}")
    with draft.open("wb") as file:
        yield file
    system.rename(draft, path)


@contextlib.contextmanager
def _whole(path: Path, show: str) -> Iterator[None]:
    """Tell of a file that is not what its name says; `show` is the command that lists it."""
    try:
        yield
    except _JUNK as error:
        raise VerificationFailed(f"{path.name} cannot be read: {error}", f"{show} {shlex.quote(str(path))}") from error


def newest(path: Path) -> int:
    """Return the time of the newest member of an sdist: the one moment it says it is from."""
    with _read(path) as tar:
        return max((int(member.mtime) for member in tar), default=0)


def unpack(path: Path, into: Path) -> Path:
    """Unpack an sdist that anybody may have made into a directory, and return the one folder it has.

    Raises `VerificationFailed` where it is no gzipped tar, where a member or a link would lead out of the folder,
    is no file, directory or link, comes twice or is sparse, and where it is far larger than any sdist.
    """
    show = f"tar -tvzf {shlex.quote(str(path))}"
    links: set[PurePosixPath] = set()
    seen: set[PurePosixPath] = set()
    total = described = 0
    with _read(path) as tar:
        for member in tar:
            name = PurePosixPath(member.name)
            total += member.size
            described += sum(len(key) + len(value) for key, value in member.pax_headers.items())
            reason = _amiss(member, name, links, seen)
            if reason is None and (total > _MOST_BYTES or described > _MOST_DESCRIPTION or len(seen) > _MOST_MEMBERS):
                reason = "makes it larger than any sdist is"
            if reason is not None:
                raise VerificationFailed(f"{path.name} is refused: {member.name[:200]!r} {reason}", show)
            seen.add(name)
            if member.issym():
                links.add(name)
            tar.extract(member, into, filter="data")
    folders = {name.parts[0] for name in seen}
    if len(folders) != 1:
        raise VerificationFailed(f"{path.name} is refused: it has not one folder, but {len(folders)}", show)
    return into / folders.pop()


def _amiss(
    member: tarfile.TarInfo, name: PurePosixPath, links: set[PurePosixPath], seen: set[PurePosixPath]
) -> str | None:
    """Say what is wrong with a member, or nothing."""
    plain = (member.isfile() or member.isdir() or member.issym() or member.islnk()) and not member.issparse()
    reasons = {
        "leads out of its folder": name.is_absolute() or ".." in name.parts or not name.parts or "\\" in member.name,
        "is no plain file, directory or link": not plain,
        "would be written through a link": not links.isdisjoint(name.parents),
        "comes twice": name in seen and not member.isdir(),
        "is a link out of its folder": member.issym() and not _inside(name, member.linkname),
        "is a link to what is not there": member.islnk() and PurePosixPath(member.linkname) not in seen - links,
    }
    return next((reason for reason, true in reasons.items() if true), None)


def _inside(name: PurePosixPath, target: str) -> bool:
    """Tell whether a symbolic link stays in the first folder of its path, wherever other links lead."""
    parts = PurePosixPath(target).parts
    climbs = next((place for place, part in enumerate(parts) if part != ".."), len(parts))
    end = PurePosixPath(posixpath.normpath(name.parent / target))
    return not target.startswith("/") and ".." not in parts[climbs:] and end.parts[:1] == name.parts[:1]


@contextlib.contextmanager
def _read(path: Path) -> Iterator[tarfile.TarFile]:
    place = shlex.quote(str(path))
    if not path.name.endswith(".tar.gz"):
        raise VerificationFailed(f"{path.name} is no .tar.gz, which every sdist is (PEP 625)", f"file {place}")
    try:
        with _Short(path) as packed, tarfile.open(fileobj=packed, mode="r:") as tar:
            yield tar
    except (*_JUNK, OSError) as error:
        raise VerificationFailed(f"{path.name} cannot be unpacked: {error}", f"tar -tzf {place}") from error


class _Short(gzip.GzipFile):
    """A file of which nobody reads much at once: tarfile copies members by small blocks, but takes headers whole."""

    def read(self, size: int | None = -1) -> bytes:
        """Return the next bytes; raises `tarfile.ReadError` where too many are wanted."""
        if size is None or not 0 <= size <= _LONGEST_HEADER:
            raise tarfile.ReadError(f"a header of {size} bytes is longer than any")
        return super().read(size)
