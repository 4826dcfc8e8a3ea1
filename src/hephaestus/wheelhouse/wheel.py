"""A wheel, read without unpacking it, and refused where it could be read in two ways or does not say the truth."""

from __future__ import annotations

import base64
import configparser
import contextlib
import csv
import email
import hashlib
import io
import os
import re
import shlex
import stat
import struct
import sys
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from packaging.metadata import RawMetadata, parse_email
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag, parse_tag
from packaging.utils import NormalizedName, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from hephaestus import system
from hephaestus.errors import VerificationFailed

__all__ = ["Wheel", "check_contents", "read"]

# More than any wheel needs, and less than fills a disk or a memory.
_MOST_MEMBERS = 100_000
_MOST_BYTES = 16 << 30
_MOST_RATIO = 100
_ANY_RATIO = 64 << 20
_LARGEST_RECORD = 64 << 20
_LARGEST_METADATA = 16 << 20
_CHUNK = 1 << 20

_LONGEST_LICENCE = 80
_CHUNK = 1 << 20

_INFO, _DATA = ".dist-info", ".data"
_SCHEMES = frozenset({"data", "headers", "platlib", "purelib", "scripts"})
_SITE = ("platlib", "purelib")
_RECORD_FIELDS = 3
_SIGNATURES = ("RECORD.jws", "RECORD.p7s")
_HASH_LENGTHS = {"sha256": 43, "sha384": 64, "sha512": 86}
# What decides what is installed: said once and legibly, or the wheel is refused.
_DECISIVE = frozenset({"name", "version", "requires-dist", "requires-python", "provides-extra"})
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_ODD_NAME = re.compile(r"(?:^|/)\.{0,2}(?:/|$)|[\\\0-\x1f]|^[A-Za-z]:")

# PKWARE's APPNOTE: the header before a member (4.3.7), the end (4.3.16), the flags (4.4.4), the Unicode name (4.6.9).
_LOCAL = struct.Struct("<4s5H3L2H")
_LOCAL_MAGIC = b"PK\x03\x04"
_LARGE = struct.Struct("<HHQQ")  # the sizes of zip64 (4.5.3)
_END = struct.Struct("<4s4H2LH")
_END_MAGIC = b"PK\x05\x06"
_END_64_SIZE = 56 + 20
_ENCRYPTED, _DESCRIBED_BEHIND, _IS_UTF_8 = 1 << 0 | 1 << 6 | 1 << 13, 1 << 3, 1 << 11
_DESCRIPTIONS = (12, 16, 20, 24)
_UNICODE_NAME = b"up"
_UNSAID, _UNSAID_COUNT = 0xFFFFFFFF, 0xFFFF
_KINDS = (0, stat.S_IFREG, stat.S_IFDIR)
# All that the standard library and packaging raise for bytes that are not what they should be.
_BROKEN = (
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
    configparser.Error,
    csv.Error,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True)
class Wheel:
    """What a wheel says of itself.

    `extras` are normalised, `scripts` the names of its console scripts, `pth` the files that run code whenever
    Python starts, `sboms` those of PEP 770, and `metadata` its METADATA as it is.
    """

    file: str
    sha256: str
    size: int
    name: NormalizedName
    version: Version
    tags: frozenset[Tag]
    requires: tuple[Requirement, ...]
    requires_python: SpecifierSet
    extras: frozenset[str]
    licence: str | None
    summary: str
    scripts: tuple[str, ...]
    pth: tuple[str, ...]
    sboms: tuple[str, ...]
    metadata: bytes


class _Refusal(Exception):
    """Why a wheel cannot be accepted, as the rest of a sentence that begins with its name."""


def read(path: Path, sha256: str | None = None, *, file: str | None = None) -> Wheel:
    """Read what a wheel says of itself, from its directory and the few files that describe it.

    `sha256` saves computing it where it is known, and `file` is the name of the wheel where the path has another.

    Raises `VerificationFailed` where it is no wheel, contradicts its file name, lists other files than it has, or
    has a directory that other programs may read in another way. That its files have the listed bytes is
    for `check_contents` to say.
    """
    with _opened(path, file) as members:
        return _described(members, system.digest(path) if sha256 is None else sha256, path.stat().st_size)


def check_contents(path: Path, *, file: str | None = None) -> None:
    """Read every file of a wheel and compare it with RECORD.

    Raises `VerificationFailed` where one has another hash or size, and wherever `read` does.
    """
    with _opened(path, file) as members:
        _described(members, "", 0)
        for name, (algorithm, digest) in members.hashes.items():
            if _digest(members, name, algorithm) != digest:
                raise _Refusal(f"holds {name!r} with other bytes than its RECORD says")


@dataclass(frozen=True)
class _Members:
    """The files in a wheel, its `.dist-info`, and the hashes that its RECORD says."""

    file: str
    opened: zipfile.ZipFile
    files: Mapping[str, zipfile.ZipInfo]
    info: str
    hashes: Mapping[str, tuple[str, str]]

    def text(self, name: str, most: int = _LARGEST_METADATA) -> bytes:
        """Return the bytes of a file that describes the wheel."""
        return _bounded(self.opened, self.files, f"{self.info}/{name}", most)


@contextlib.contextmanager
def _opened(path: Path, file: str | None) -> Iterator[_Members]:
    """Open a wheel whose directory can be read in one way only."""
    named = path.name if file is None else file
    try:
        with path.open("rb") as raw, zipfile.ZipFile(raw) as opened:
            files = _files(opened.filelist)
            _check_layout(raw, opened)
            info = _info(named, files)
            record = _bounded(opened, files, f"{info}/RECORD", _LARGEST_RECORD)
            yield _Members(named, opened, files, info, _recorded(record, files, info))
    except _Refusal as refusal:
        hint = f"{shlex.quote(sys.executable)} -m zipfile -l {shlex.quote(str(path))}"
        raise VerificationFailed(f"{named[:200]} {refusal}", hint) from refusal
    except _BROKEN as error:
        hint = f"{shlex.quote(sys.executable)} -m zipfile -t {shlex.quote(str(path))}"
        raise VerificationFailed(f"{named[:200]} is no intact wheel: {_plain(str(error))}", hint) from error


# The zip file


def _check_layout(raw: BinaryIO, opened: zipfile.ZipFile) -> None:
    """Refuse a zip file that is not its members one after the other, its directory and its end, and nothing else."""
    position = 0
    behind = False
    for member in sorted(opened.filelist, key=lambda member: member.header_offset):
        _check_gap(member.header_offset - position, behind=behind)
        position = _end_of_member(raw, member)
        behind = bool(member.flag_bits & _DESCRIBED_BEHIND)
    _check_gap(opened.start_dir - position, behind=behind)
    directory = sum(
        46 + len(member.orig_filename.encode()) + len(member.extra) + len(member.comment) for member in opened.filelist
    )
    size = raw.seek(0, os.SEEK_END)
    raw.seek(max(0, size - _END.size))
    magic, _, _, here, count, _, _, comment = _END.unpack(raw.read(_END.size))
    rest = size - opened.start_dir - directory - _END.size
    if magic != _END_MAGIC or comment or rest not in (0, _END_64_SIZE) or here != count:
        raise _Refusal("has a directory that is not its end")
    if count != len(opened.filelist) and not (rest and count == _UNSAID_COUNT):
        raise _Refusal("has a directory that counts its files wrongly")


def _check_gap(gap: int, *, behind: bool) -> None:
    """Refuse bytes between members, but for what a streaming writer says behind one (APPNOTE, 4.3.9)."""
    if gap not in (_DESCRIPTIONS if behind else (0,)):
        raise _Refusal("holds files that overlap, or bytes that belong to none")


def _end_of_member(raw: BinaryIO, member: zipfile.ZipInfo) -> int:
    """Compare the header before a member with the directory, and return where its bytes end."""
    name = member.orig_filename.encode()
    raw.seek(member.header_offset)
    header = raw.read(_LOCAL.size + len(name))
    magic, _, flags, method, _, _, crc, packed, size, named, extra = _LOCAL.unpack_from(header)
    behind = bool(flags & _DESCRIBED_BEHIND)
    sizes = (member.compress_size, member.file_size)
    if (packed, size) == (_UNSAID, _UNSAID):
        large = raw.read(extra)
        agrees = _LARGE.pack(1, 16, member.file_size, member.compress_size) in large or behind
    else:
        agrees = (packed, size) == sizes or (behind and (packed, size) == (0, 0))
    if (
        magic != _LOCAL_MAGIC
        or header[_LOCAL.size :] != name
        or (flags, method, named) != (member.flag_bits, member.compress_type, len(name))
        or not (agrees and (crc == member.CRC or (behind and not crc)))
    ):
        raise _Refusal(f"says two things of {member.filename[:200]!r}")
    return member.header_offset + len(header) + int(extra) + member.compress_size


def _files(members: Sequence[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """Return the files by name; refuse members that are none, and names that leave the wheel or come twice."""
    if len(members) > _MOST_MEMBERS:
        raise _Refusal("holds more files than any wheel")
    limit = min(_MOST_BYTES, _ANY_RATIO + _MOST_RATIO * sum(member.compress_size for member in members))
    if sum(member.file_size for member in members) > limit:
        raise _Refusal("is larger than any wheel of its size")
    for member in members:
        _check_member(member)
    files = {member.filename: member for member in members if not member.is_dir()}
    folded = {_folded(name) for name in files}
    if len(folded) + sum(member.is_dir() for member in members) != len(members):
        raise _Refusal("holds a file twice, or two that some systems take for one")
    if not folded.isdisjoint(_folders(folded)):
        raise _Refusal("holds a file in the place of a folder")
    return files


def _check_member(member: zipfile.ZipInfo) -> None:
    name = member.orig_filename
    if name != member.filename or _ODD_NAME.search(name.removesuffix("/")) or not name.isprintable():
        raise _Refusal(f"holds {name[:200]!r}, a name that leaves it or is read in two ways")
    if not (name.isascii() or member.flag_bits & _IS_UTF_8) or (member.extra and _UNICODE_NAME in member.extra):
        raise _Refusal(f"holds {name[:200]!r}, a name that is read in two ways")
    if member.flag_bits & _ENCRYPTED:
        raise _Refusal(f"holds {name!r}, which is encrypted")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _Refusal(f"holds {name!r}, packed in a way that not every installer knows")
    if stat.S_IFMT(member.external_attr >> 16) not in _KINDS or (member.is_dir() and member.file_size):
        raise _Refusal(f"holds {name!r}, which is no plain file")


def _folded(name: str) -> str:
    """Return what a name is to a system that tells neither cases nor compositions apart (Unicode, D145)."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def _folders(names: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for name in names:
        folder = name.rpartition("/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found


def _bounded(opened: zipfile.ZipFile, files: Mapping[str, zipfile.ZipInfo], name: str, most: int) -> bytes:
    member = files.get(name)
    if member is None:
        raise _Refusal(f"has no {name}")
    if member.file_size > most:
        raise _Refusal(f"has a {name} that is larger than any")
    return opened.read(member)


def _digest(members: _Members, name: str, algorithm: str) -> str:
    """Return the hash of a file as RECORD writes it."""
    hasher = hashlib.new(algorithm)
    with members.opened.open(members.files[name]) as file:
        while chunk := file.read(_CHUNK):
            hasher.update(chunk)
    return base64.urlsafe_b64encode(hasher.digest()).rstrip(b"=").decode()


# The wheel


def _info(file: str, files: Iterable[str]) -> str:
    """Return the one `.dist-info` of a wheel; refuse another one, and data that no installer knows where to put."""
    name, version = _named(file)
    tops = {path.partition("/")[0] for path in files if "/" in path}
    infos = [top for top in tops if top.lower().endswith(_INFO)]
    if len(infos) != 1 or not infos[0].endswith(_INFO):
        raise _Refusal("does not have exactly one .dist-info")
    stem = infos[0].removesuffix(_INFO)
    if (canonicalize_name(stem.rpartition("-")[0]), Version(stem.rpartition("-")[2])) != (name, version):
        raise _Refusal(f"has the .dist-info of another project or version, {infos[0][:200]!r}")
    if odd := {top for top in tops if top.lower().endswith(_DATA)} - {stem + _DATA}:
        raise _Refusal(f"has data of another project or version, {min(odd)[:200]!r}")
    for path in files if stem + _DATA in tops else ():
        top, _, below = path.partition("/")
        scheme, _, place = below.partition("/")
        if top == stem + _DATA and (scheme not in _SCHEMES or not place or place == "pyvenv.cfg"):
            raise _Refusal(f"has data of an unknown scheme, {path[:200]!r}")
        if top == stem + _DATA and scheme in _SITE and place.partition("/")[0].lower().endswith(_INFO):
            raise _Refusal(f"brings another .dist-info, {path[:200]!r}")
    return infos[0]


def _named(file: str) -> tuple[NormalizedName, Version]:
    try:
        name, version, _, _ = parse_wheel_filename(file)
        return canonicalize_name(name, validate=True), version
    except ValueError as error:
        raise _Refusal("is not named as a wheel is (PEP 427)") from error


def _recorded(record: bytes, files: Mapping[str, zipfile.ZipInfo], info: str) -> dict[str, tuple[str, str]]:
    """Return algorithm and hash of every file, as RECORD lists them (PEP 376, PEP 427)."""
    hashes: dict[str, tuple[str, str]] = {}
    unhashed = {f"{info}/{name}" for name in ("RECORD", *_SIGNATURES)}
    rows = list(csv.reader(io.StringIO(record.decode(), newline=""), strict=True))
    for row in rows:
        path, told, size = row if len(row) == _RECORD_FIELDS else ("", "", "")
        if path not in files:
            raise _Refusal(f"lists {path[:200]!r} in its RECORD, which it does not hold")
        if path in unhashed and not told:
            continue
        algorithm, _, digest = told.partition("=")
        if len(digest) != _HASH_LENGTHS.get(algorithm):
            raise _Refusal(f"lists {path!r} in its RECORD without a hash that can be trusted")
        if size != str(files[path].file_size):
            raise _Refusal(f"lists {path!r} in its RECORD with another size than it has")
        hashes[path] = (algorithm, digest)
    listed = {row[0] for row in rows}
    if len(listed) != len(rows) or f"{info}/RECORD" not in listed or f"{info}/RECORD" in hashes:
        raise _Refusal("has a RECORD that lists a file twice, or itself not as it must")
    if missing := files.keys() - listed - unhashed:
        raise _Refusal(f"holds {min(missing)!r}, which its RECORD does not list")
    return hashes


def _described(members: _Members, sha256: str, size: int) -> Wheel:
    name, version, _, tags = parse_wheel_filename(members.file)
    if _tags(members.text("WHEEL")) != tags:
        raise _Refusal("has other tags in its WHEEL than in its name")
    data = members.text("METADATA")
    metadata = _metadata(data)
    if canonicalize_name(metadata.get("name", "")) != name or Version(metadata.get("version", "")) != version:
        raise _Refusal("has a METADATA of another project or version")
    return Wheel(
        file=members.file,
        sha256=sha256,
        size=size,
        name=name,
        version=version,
        tags=tags,
        requires=tuple(map(Requirement, metadata.get("requires_dist", ()))),
        requires_python=SpecifierSet(metadata.get("requires_python", "")),
        extras=frozenset(map(canonicalize_name, metadata.get("provides_extra", ()))),
        licence=_licence(metadata),
        summary=_plain(metadata.get("summary", "")),
        scripts=_scripts(members),
        pth=tuple(sorted(path for path in members.files if _runs_at_start(path))),
        sboms=tuple(sorted(path for path in members.files if path.startswith(f"{members.info}/sboms/"))),
        metadata=data,
    )


def _tags(data: bytes) -> frozenset[Tag]:
    """Return the tags that WHEEL says, of a version of the format that is known (PEP 427)."""
    headers = email.message_from_bytes(data)
    if not str(headers.get("Wheel-Version", "")).startswith("1."):
        raise _Refusal("is of an unknown version of the wheel format")
    return frozenset(tag for tags in headers.get_all("Tag", ()) for tag in parse_tag(tags))


def _metadata(data: bytes) -> RawMetadata:
    """Read the headers of METADATA; what follows them is long, and says nothing to an installer."""
    metadata, unread = parse_email(_BLANK_LINE.split(data, maxsplit=1)[0])
    if odd := _DECISIVE & unread.keys():
        raise _Refusal(f"says {min(odd)} in its METADATA twice, or not as text")
    return metadata


def _licence(metadata: RawMetadata) -> str | None:
    """Return the licence a wheel says: the expression (PEP 639), the old short text, or the classifiers."""
    expression, text = metadata.get("license_expression"), metadata.get("license", "").strip()
    if expression is None and text and text != "UNKNOWN" and "\n" not in text and len(text) <= _LONGEST_LICENCE:
        expression = text
    classifiers = [line for line in metadata.get("classifiers", ()) if line.startswith("License ::")]
    named = ", ".join(sorted(line.rpartition("::")[2].strip() for line in classifiers))
    return _plain(expression or named) or None


def _plain(text: str) -> str:
    """Return a text as one line that does nothing to a terminal."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())


def _scripts(members: _Members) -> tuple[str, ...]:
    """Return the names of the console scripts, all of which stay in the one directory for programs."""
    if f"{members.info}/entry_points.txt" not in members.files:
        return ()
    parser = configparser.RawConfigParser(delimiters=("=",), strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    parser.read_string(members.text("entry_points.txt").decode())
    scripts = parser.options("console_scripts") if parser.has_section("console_scripts") else []
    if odd := [script for script in scripts if _ODD_NAME.search(script) or "/" in script]:
        raise _Refusal(f"has a console script {odd[0][:200]!r}, which is not the name of a program")
    return tuple(sorted(scripts))


def _runs_at_start(path: str) -> bool:
    """Tell whether a file lands directly in site-packages and is run whenever Python starts."""
    top, _, below = path.partition("/")
    scheme, _, place = below.partition("/")
    if top.endswith(_DATA) and scheme == "data":  # which reaches every directory of the environment
        folder, _, place = place.rpartition("/")
        return folder.endswith("site-packages") and _started(place)
    lands = top if not below else place if top.endswith(_DATA) and scheme in _SITE else ""
    return "/" not in lands and _started(lands)


def _started(name: str) -> bool:
    return name.lower().endswith(".pth") or name in ("sitecustomize.py", "usercustomize.py")
