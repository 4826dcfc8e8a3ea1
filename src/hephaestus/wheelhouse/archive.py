"""The archive of a wheelhouse: a `.tar.gz` whose bytes depend on its files alone, and the careful way back.

Wheels are compressed already. They are stored, which is many times faster, and makes the bytes independent of zlib.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import posixpath
import re
import secrets
import shlex
import struct
import unicodedata
import zlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hephaestus import system
from hephaestus.errors import CouldNotRun, VerificationFailed
from hephaestus.wheelhouse.names import SUMS

__all__ = ["unpack", "write"]

# More than any wheelhouse needs, and less than fills a disk or a memory.
_MOST_BYTES = 32 << 30
_MOST_FILES = 10_000
_LARGEST_FILE = (8 << 30) - 1  # what the header of a file can say (POSIX.1, ustar)
_LARGEST_EXTENSION = 64 << 10
_LARGEST_SUMS = 8 << 20
_LONGEST_NAME = 512
_LONGEST_PART = 255
_DEEPEST_NAME = 8
_MOST_PADDING = 1 << 20
# How much larger than the archive its files may be: wheels hardly shrink, the lists beside them tenfold.
_MOST_RATIO = 20
_ANY_RATIO = 16 << 20

_CHUNK = 1 << 20
_BLOCK = 512
_END = bytes(_BLOCK)

# POSIX.1, ustar: name, mode, uid, gid, size, mtime, checksum, kind, link, magic, user, group, device, prefix.
_HEADER = struct.Struct("100s8s8s8s12s12s8sc100s8s32s32s8s8s155s12x")
_NAME_FIELD, _PREFIX_FIELD = 100, 155
_CHECKSUM = slice(148, 156)
_POSIX, _GNU = b"ustar\x0000", b"ustar  \x00"
_FILES, _FOLDER, _EXTENDED, _LONG_NAME = (b"0", b"\0"), b"5", b"x", b"L"
# What tar programs tell of a file besides its name, and what is not looked at: all files are made alike.
_HARMLESS = frozenset(
    b"atime comment ctime gid gname mtime uid uname LIBARCHIVE.creationtime SCHILY.dev SCHILY.ino SCHILY.nlink".split()
)

_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # RFC 1952: no name, no time, no system
_SLOT = 0xFFFF
_SLOTS = 16
_SLOT_HEADER = struct.Struct("<BHH")

_FORBIDDEN = frozenset('\\:*?"<>|')
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\..*)?", re.IGNORECASE)
_SUM = re.compile(r"([0-9a-f]{64}) [ *](.+)")
# Windows has both, and needs the second.
_EXACTLY = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class _Refusal(Exception):
    """Why an archive cannot be accepted, as the rest of a sentence that begins with its name."""


# Writing


def write(
    folder: str, members: Sequence[tuple[str, bytes | Path]], target: Path, sha256: Mapping[str, str] | None = None
) -> str:
    """Write files below one folder as a `.tar.gz`, and return the sha256 of the archive.

    `members` are names with bytes or with the file that has them, in any order; they are sorted. `sha256` says, by
    name, which digest a member must have. Equal members give equal bytes, on any system and with any Python. `target`
    is whole or as it was before.

    Raises `VerificationFailed` where a member has another digest, changes while it is read, or has a name that
    `unpack` would refuse, and `CouldNotRun` where a file cannot be read or written.
    """
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    try:
        with _reported(target, "written"):
            with temporary.open("xb") as file, ThreadPoolExecutor(1) as pool:
                stream = _Stored(file, pool)
                _add_all(stream, folder, members, sha256 or {})
                digest = stream.finish()
                file.flush()
                os.fsync(file.fileno())
            system.rename(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    return digest


class _Stored:
    """A gzip stream of stored blocks (RFC 1951, section 3.2.4), all of them full but for the last.

    A buffer holds the blocks as they go to the file, so that bytes are read right into their place. A second
    thread computes the digests of one buffer while the other is filled.
    """

    def __init__(self, file: BinaryIO, pool: Executor) -> None:
        self._file = file
        self._pool = pool
        blank = (_SLOT_HEADER.pack(0, _SLOT, 0) + bytes(_SLOT)) * _SLOTS
        self._buffer, self._spare = (memoryview(bytearray(blank)) for _ in range(2))
        self._used = 0
        self._sha256 = hashlib.sha256(_GZIP_HEADER)
        self._crc = 0
        self._length = 0
        self._digested: Future[None] = pool.submit(lambda: None)
        file.write(_GZIP_HEADER)

    def room(self) -> memoryview:
        """Return the place, never empty, where the next bytes of the stream belong."""
        slot, filled = divmod(self._used, _SLOT)
        return self._slot(slot)[filled:]

    def advance(self, count: int) -> None:
        """Take the first bytes of the room as written."""
        self._used += count
        if self._used == _SLOT * _SLOTS:
            self._flush(self._buffer)

    def write(self, data: bytes) -> None:
        """Add bytes to the stream."""
        rest = memoryview(data)
        while rest:
            room = self.room()
            count = min(len(room), len(rest))
            room[:count] = rest[:count]
            self.advance(count)
            rest = rest[count:]

    def finish(self) -> str:
        """Write what is left and the trailer, and return the sha256 of the whole file."""
        slot, filled = divmod(self._used, _SLOT)
        start = slot * (_SLOT_HEADER.size + _SLOT)
        _SLOT_HEADER.pack_into(self._buffer, start, 1, filled, filled ^ _SLOT)
        self._flush(self._buffer[: start + _SLOT_HEADER.size + filled])
        self._digested.result()
        trailer = struct.pack("<II", self._crc, self._length & 0xFFFFFFFF)
        self._file.write(trailer)
        self._sha256.update(trailer)
        return self._sha256.hexdigest()

    def _slot(self, number: int) -> memoryview:
        start = number * (_SLOT_HEADER.size + _SLOT) + _SLOT_HEADER.size
        return self._buffer[start : start + _SLOT]

    def _flush(self, blocks: memoryview) -> None:
        self._digested.result()  # of the other buffer, which is free from now on
        slots = [self._slot(number)[: self._used - number * _SLOT] for number in range(-(-self._used // _SLOT))]
        self._digested = self._pool.submit(self._digest, blocks, slots)
        self._file.write(blocks)
        self._length += self._used
        self._used = 0
        self._buffer, self._spare = self._spare, self._buffer

    def _digest(self, blocks: memoryview, slots: Sequence[memoryview]) -> None:
        self._sha256.update(blocks)
        for slot in slots:
            self._crc = zlib.crc32(slot, self._crc)


def _add_all(
    stream: _Stored, folder: str, members: Sequence[tuple[str, bytes | Path]], sha256: Mapping[str, str]
) -> None:
    names = _Names()
    for name, content in sorted(members, key=lambda member: member[0]):
        path = f"{folder}/{name}"
        names.add(path)
        digest = _add(stream, path, content)
        if sha256.get(name, digest) != digest:
            raise _Refusal(f"would hold {name} with other bytes than it must have")
    stream.write(_END * 2)


def _add(stream: _Stored, path: str, content: bytes | Path) -> str | None:
    """Add one file and return its sha256."""
    if isinstance(content, bytes):
        stream.write(_headers(path, len(content)) + content + bytes(-len(content) % _BLOCK))
        return hashlib.sha256(content).hexdigest()
    hasher = hashlib.sha256()
    with content.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        stream.write(_headers(path, size))
        left = size
        while left:
            room = stream.room()[:left]
            count = file.readinto(room)
            if not count:
                break
            hasher.update(room[:count])
            stream.advance(count)
            left -= count
        if left or file.read(1):
            raise _Refusal(f"would hold {path}, which changes while it is read")
    stream.write(bytes(-size % _BLOCK))
    return hasher.hexdigest()


def _headers(path: str, size: int) -> bytes:
    """Return the header of a file and, where its name does not fit in there, the one that says it (POSIX.1, pax)."""
    if size > _LARGEST_FILE:
        raise _Refusal(f"would hold {path}, which is larger than any wheel")
    name = path.encode()
    folder, last = (b"", name) if len(name) <= _NAME_FIELD else posixpath.split(name)
    if len(folder) <= _PREFIX_FIELD and len(last) <= _NAME_FIELD and path.isascii():
        return _header(last, folder, size)
    record = b" path=" + name + b"\n"
    length = len(record) + len(str(len(record)))
    length = len(record) + len(str(length))  # the number counts itself
    record = b"%d" % length + record
    extended = _header(b"././@PaxHeader", b"", len(record), _EXTENDED)
    return extended + record + bytes(-len(record) % _BLOCK) + _header(name[:_NAME_FIELD], b"", size)


def _header(name: bytes, prefix: bytes, size: int, kind: bytes = _FILES[0]) -> bytes:
    """Return a header of our own: that of `tarfile` is another one in some versions of Python."""
    numbers = (b"0000644\0", b"0000000\0", b"0000000\0", b"%011o\0" % size, b"00000000000\0")
    fields = (name, *numbers, b" " * 8, kind, b"", _POSIX, b"", b"", b"0000000\0", b"0000000\0", prefix)
    block = bytearray(_HEADER.pack(*fields))
    block[_CHECKSUM] = b"%06o\0 " % sum(block)
    return bytes(block)


# Reading


def unpack(archive: Path, into: Path) -> Path:
    """Unpack a wheelhouse into a fresh directory and return its one folder, compared with its SHA256SUMS.

    What lies at `into` is removed first. The archive may come from any tar program, but holds plain files only:
    whatever a reader could take in two ways, or another system would keep under another name, is refused.

    Raises `VerificationFailed` where the archive is not such a one or its files are not exactly the listed ones, and
    `CouldNotRun` where the files cannot be written. Nothing is left behind then, and nothing is written elsewhere.
    """
    if not archive.is_file():
        raise VerificationFailed(f"{archive.name} is not there", f"ls -l {shlex.quote(str(archive.parent))}")
    system.remove(into)
    try:
        with _reported(archive, "unpacked"):
            into.mkdir(parents=True)
            digests = _extract(archive, into)
            return into / _compare(digests, into)
    except BaseException:
        system.remove(into)
        raise


@contextlib.contextmanager
def _reported(archive: Path, done: str) -> Iterator[None]:
    """Turn what goes wrong with an archive into the errors a user sees."""
    try:
        yield
    except _Refusal as refusal:
        raise VerificationFailed(
            f"{archive.name} {refusal}", f"tar tzvf {shlex.quote(str(archive))}" if done == "unpacked" else None
        ) from refusal
    except zlib.error as error:
        raise VerificationFailed(
            f"{archive.name} is no intact gzip file: {error}", f"gzip -t {shlex.quote(str(archive))}"
        ) from error
    except OSError as error:
        raise CouldNotRun(
            f"{archive.name} cannot be {done}: {error.strerror}", f"df -h {shlex.quote(str(archive.parent))}"
        ) from error


def _extract(archive: Path, into: Path) -> dict[str, str]:
    """Write the files of an archive and return their digests by path."""
    digests = {}
    with archive.open("rb", buffering=0) as file, contextlib.closing(_ahead(_inflated(file))) as chunks:
        stream = _Stream(chunks)
        for name, size in _files(stream):
            path = into / name
            path.parent.mkdir(parents=True, exist_ok=True)
            digests[name] = _save(stream.parts(size), path)
            stream.padding(size)
    return digests


def _inflated(file: BinaryIO) -> Iterator[bytes]:
    """Yield the bytes of the one gzip stream that a file is, up to its checksum, and no more than is plausible."""
    limit = min(_MOST_BYTES, _ANY_RATIO + _MOST_RATIO * os.fstat(file.fileno()).st_size)
    inflater = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    while not inflater.eof:
        packed = inflater.unconsumed_tail or file.read(_CHUNK // 4)
        data = inflater.decompress(packed, _CHUNK)
        limit -= len(data)
        if limit < 0:
            raise _Refusal("is larger than any wheelhouse of its size")
        if not packed and not data and not inflater.eof:
            raise _Refusal("is cut short")
        yield data
    if inflater.unused_data or file.read(1):
        raise _Refusal("goes on after its end")


def _ahead(chunks: Iterator[bytes]) -> Generator[bytes, None, None]:
    """Yield what an iterator yields, while a second thread makes the next."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, chunks, None)
        while (chunk := coming.result()) is not None:
            coming = pool.submit(next, chunks, None)
            yield chunk


class _Stream:
    """The bytes of a tar file, taken in order."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def parts(self, size: int) -> Iterator[memoryview]:
        """Yield the next `size` bytes."""
        while size:
            while not self._rest:
                chunk = next(self._chunks, None)
                if chunk is None:
                    raise _Refusal("ends before its last file does")
                self._rest = memoryview(chunk)
            part, self._rest = self._rest[:size], self._rest[size:]
            size -= len(part)
            yield part

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        return b"".join(self.parts(size))

    def padding(self, size: int) -> None:
        """Pass over what fills the last block of a file of `size` bytes."""
        if any(self.take(-size % _BLOCK)):
            raise _Refusal("hides bytes between its files")

    def end(self) -> None:
        """Pass over what fills the last record, to the checksum of the gzip stream."""
        left = _MOST_PADDING
        for chunk in itertools.chain((self._rest,), self._chunks):
            left -= len(chunk)
            if left < 0 or any(chunk):
                raise _Refusal("goes on after its last file")


@dataclass(frozen=True)
class _Header:
    """What the header of a member says that matters here."""

    name: bytes
    kind: bytes
    size: int


def _files(stream: _Stream) -> Iterator[tuple[str, int]]:
    """Yield name and size of each file; its bytes and their padding are to be taken before the next is asked for."""
    names = _Names()
    folders: set[str] = set()
    while (header := _member(stream)) is not None:
        name = _text(header.name)
        folder = name.removesuffix("/")
        if header.kind == _FOLDER and not header.size and folder not in folders:
            folders.add(folder)
        elif header.kind in _FILES:
            names.add(name)
            yield name, header.size
        else:
            raise _Refusal(f"holds {name[:200]!r}, which is no plain file")
        if names.count + len(folders) > _MOST_FILES:
            raise _Refusal("holds more files than any wheelhouse")
    stream.end()
    if odd := folders - names.folders:
        raise _Refusal(f"holds {min(odd)[:200]!r}, a folder without files")


def _member(stream: _Stream) -> _Header | None:
    """Read the header of the next member, with the name a header before it may say, or `None` at the end."""
    header = _read_header(stream)
    if header is None or header.kind not in (_EXTENDED, _LONG_NAME):
        return header
    if header.size > _LARGEST_EXTENSION:
        raise _Refusal("has a header that is larger than any name")
    said = stream.take(header.size)
    stream.padding(header.size)
    name = _extended_name(said) if header.kind == _EXTENDED else _long_name(said)
    member = _read_header(stream)
    if member is None:
        raise _Refusal("ends after a header that names a file")
    return _Header(member.name if name is None else name, member.kind, member.size)


def _read_header(stream: _Stream) -> _Header | None:
    block = stream.take(_BLOCK)
    if block == _END:
        if stream.take(_BLOCK) != _END:
            raise _Refusal("goes on after its end")
        return None
    name, _, _, _, size, _, checksum, kind, _, magic, _, _, _, _, prefix = _HEADER.unpack(block)
    if _octal(checksum) != sum(block) - sum(checksum) + sum(b" " * 8):
        raise _Refusal("has a header with a wrong checksum")
    # GNU tar keeps other things where the prefix is, in headers without one.
    if magic not in (_POSIX, _GNU) or (magic == _GNU and any(prefix)):
        raise _Refusal("has a header that is not of a known format")
    if _octal(size) > _LARGEST_FILE:
        raise _Refusal(f"says that {name[:100]!r} is larger than any wheel")
    name, prefix = _terminated(name), _terminated(prefix)
    return _Header(prefix + b"/" + name if prefix else name, kind, _octal(size))


def _octal(field: bytes) -> int:
    digits = re.fullmatch(rb" *([0-7]+)[ \0]*", field)
    if digits is None:
        raise _Refusal("has a header with a number that is none")
    return int(digits[1], 8)


def _terminated(field: bytes) -> bytes:
    """Return a text up to its NUL, after which there is nothing more: readers disagree about what is."""
    text, _, rest = field.partition(b"\0")
    if any(rest):
        raise _Refusal("hides bytes behind a name")
    return text


def _long_name(said: bytes) -> bytes:
    if not said.endswith(b"\0"):
        raise _Refusal("has a long name without end")
    return _terminated(said)


def _extended_name(said: bytes) -> bytes | None:
    """Return the name in the records of an extended header (POSIX.1, pax), or `None` where they say none."""
    records: dict[bytes, bytes] = {}
    while said:
        length = re.match(rb"([1-9][0-9]{0,5}) ", said)
        record = said[: int(length[1])] if length else b""
        key, equals, value = record[length.end() if length else 0 : -1].partition(b"=")
        if not record.endswith(b"\n") or len(record) != int(length[1] if length else 0) or not equals:
            raise _Refusal("has an extended header that is not well-formed")
        if key in records or key not in _HARMLESS | {b"path"}:
            raise _Refusal(f"has an extended header with {key[:80]!r}, which no plain file needs")
        records[key] = value
        said = said[len(record) :]
    return records.get(b"path")


class _Names:
    """The names of files so far: none leaves the one folder, and no two are one on any system."""

    def __init__(self) -> None:
        self._spelled: dict[str, str] = {}
        self._files: set[str] = set()
        self.folders: set[str] = set()

    @property
    def count(self) -> int:
        """How many names there are."""
        return len(self._files)

    def add(self, name: str) -> None:
        """Take one more name of a file, or refuse it."""
        parts = name.split("/")
        if not all(map(_fits, parts)) or len(parts) > _DEEPEST_NAME or len(name) > _LONGEST_NAME:
            raise _Refusal(f"holds {name[:200]!r}, a name that not every system can keep")
        folders = ["/".join(parts[:count]) for count in range(1, len(parts))]
        if not folders or (self.folders and folders[0] not in self.folders):
            raise _Refusal(f"holds {name!r}, which is not in its one folder")
        if _folded(name) in self._spelled or not self._files.isdisjoint(folders):
            raise _Refusal(f"holds {name!r} twice, or in the place of another file")
        for path in (*folders, name):
            if self._spelled.setdefault(_folded(path), path) != path:
                raise _Refusal(f"holds {name!r}, which some systems take for another one")
        self._files.add(name)
        self.folders.update(folders)


def _text(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError as error:
        raise _Refusal(f"holds {name[:200]!r}, a name that is no text") from error


def _fits(part: str) -> bool:
    """Tell whether every system keeps a file under this name: no way up, no drive, no device, nothing unseen."""
    return (
        part.rstrip(". ") == part != ""
        and part.isprintable()
        and _FORBIDDEN.isdisjoint(part)
        and _RESERVED.fullmatch(part) is None
        and len(part.encode()) <= _LONGEST_PART
    )


def _folded(name: str) -> str:
    """Return what a name is to a system that tells neither cases nor compositions apart (Unicode, D145)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def _save(parts: Iterator[memoryview], path: Path) -> str:
    """Write a new file and return its sha256."""
    hasher = hashlib.sha256()
    with os.fdopen(os.open(path, _EXACTLY, 0o644), "wb") as file:
        for part in parts:
            hasher.update(part)
            file.write(part)
    return hasher.hexdigest()


def _compare(digests: Mapping[str, str], into: Path) -> str:
    """Compare files with the list of their one folder, and return its name."""
    top = min(digests, default="").partition("/")[0]
    listed = _listed(into / top) if f"{top}/{SUMS}" in digests else None
    if listed is None:
        raise _Refusal(f"has no {SUMS}")
    found = {name.partition("/")[2]: digest for name, digest in digests.items()}
    del found[SUMS]
    for name in sorted(found.keys() | listed.keys()):
        if name not in listed:
            raise _Refusal(f"holds {name!r}, which its {SUMS} does not list")
        if name not in found:
            raise _Refusal(f"lacks {name[:200]!r}, which its {SUMS} lists")
        if found[name] != listed[name]:
            raise _Refusal(f"holds {name!r} with other bytes than its {SUMS} says")
    return top


def _listed(top: Path) -> dict[str, str]:
    """Read digests by name, as `sha256sum` writes them."""
    if (top / SUMS).stat().st_size > _LARGEST_SUMS:
        raise _Refusal(f"has a {SUMS} that is larger than any")
    lines = (top / SUMS).read_bytes().decode(errors="surrogateescape").removesuffix("\n").split("\n")
    found = [_SUM.fullmatch(line) for line in lines]
    listed = {line[2]: line[1] for line in found if line is not None}
    if len(listed) != len(lines):
        raise _Refusal(f"has a {SUMS} that `sha256sum -c` would not read, or that lists a file twice")
    return listed
