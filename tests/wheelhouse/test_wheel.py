"""A wheel is believed only where all who read it read the same, and where it says the truth of itself."""

import base64
import hashlib
import io
import stat
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.version import Version

from hephaestus.errors import HephaestusError, VerificationFailed
from hephaestus.wheelhouse import wheel
from wheels import LONG_AGO, make_wheel, sha256

INFO = "acorn-1.1.0.dist-info"
NAME = "acorn-1.1.0-py3-none-any.whl"


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def zipped(path: Path, content: Mapping[str, bytes], change: Callable[[zipfile.ZipInfo], None] | None = None) -> Path:
    """Write a wheel of exactly these members; `change` sees the entry of `acorn/__init__.py`."""
    with zipfile.ZipFile(path, "w") as opened:
        for name, data in content.items():
            entry = zipfile.ZipInfo(name, LONG_AGO)
            if change and name == "acorn/__init__.py":
                change(entry)
            opened.writestr(entry, data)
    return path


# What a wheel says


def test_a_wheel_says_what_it_is_and_needs(tmp_path: Path) -> None:
    path = make_wheel(
        tmp_path,
        "Acorn",
        requires=["oak>=2; python_version < '3.12'", "twig[leaf]; extra == 'dev'"],
        extras=["Dev_Tools", "docs"],
        headers=["Summary: Grows  slowly", "License-Expression: MIT", "Requires-Python: >=3.10"],
        scripts={"acorn": "acorn:main", "Acorn.Tool": "acorn:tool"},
    )

    read = wheel.read(path)

    assert (read.file, read.name, read.version) == (NAME, "acorn", Version("1.1.0"))
    assert (read.sha256, read.size) == (sha256(path), path.stat().st_size)
    assert [str(requirement) for requirement in read.requires] == [
        'oak>=2; python_version < "3.12"',
        'twig[leaf]; extra == "dev"',
    ]
    assert read.extras == {"dev-tools", "docs"}
    assert str(read.requires_python) == ">=3.10"
    assert (read.licence, read.summary) == ("MIT", "Grows slowly")
    assert read.scripts == ("Acorn.Tool", "acorn")
    assert {str(tag) for tag in read.tags} == {"py3-none-any"}
    assert read.metadata.startswith(b"Metadata-Version: 2.1\nName: Acorn\n")
    assert (read.pth, read.sboms) == ((), ())


def test_a_known_digest_and_a_name_can_be_given(tmp_path: Path) -> None:
    stored = make_wheel(tmp_path).rename(tmp_path / "0123abc")

    read = wheel.read(stored, "f" * 64, file=NAME)

    assert (read.file, read.sha256) == (NAME, "f" * 64)
    wheel.check_contents(stored, file=NAME)


@pytest.mark.parametrize(
    ("headers", "licence"),
    [
        (["License-Expression: Apache-2.0 OR MIT", "License: other"], "Apache-2.0 OR MIT"),
        (["License: BSD 3-Clause", "Classifier: License :: OSI Approved :: MIT License"], "BSD 3-Clause"),
        (["License: UNKNOWN", "Classifier: License :: OSI Approved :: MIT License"], "MIT License"),
        (["License: All of\n  a long\n  text"], None),
        ([f"License: {'word ' * 100}", "Classifier: License :: Public Domain"], "Public Domain"),
        (["License: MIT\x1b[2J"], "MIT[2J"),
        ([], None),
    ],
)
def test_the_licence_is_the_expression_or_the_short_text_or_the_classifiers(
    tmp_path: Path, headers: list[str], licence: str | None
) -> None:
    assert wheel.read(make_wheel(tmp_path, headers=headers)).licence == licence


def test_files_that_run_when_python_starts_and_sboms_are_reported(tmp_path: Path) -> None:
    files = {
        "acorn.pth": "import acorn",
        "acorn/inner.pth": "",
        "acorn-1.1.0.data/purelib/other.PTH": "",
        "acorn-1.1.0.data/data/harmless.pth": "",
        "acorn-1.1.0.data/data/lib/python3.11/site-packages/late.pth": "",
        "sitecustomize.py": "",
        f"{INFO}/sboms/acorn.cdx.json": "{}",
    }
    read = wheel.read(make_wheel(tmp_path, files=files))

    assert read.pth == (
        "acorn-1.1.0.data/data/lib/python3.11/site-packages/late.pth",
        "acorn-1.1.0.data/purelib/other.PTH",
        "acorn.pth",
        "sitecustomize.py",
    )
    assert read.sboms == (f"{INFO}/sboms/acorn.cdx.json",)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_honest_wheel_is_accepted_however_it_was_zipped(tmp_path: Path, method: int) -> None:
    content = members(make_wheel(tmp_path))
    stream = Unseekable()
    with zipfile.ZipFile(stream, "w", method) as opened:
        opened.writestr(zipfile.ZipInfo("acorn/", LONG_AGO), b"")
        for name, data in content.items():
            with opened.open(zipfile.ZipInfo(name, LONG_AGO), "w", force_zip64=name.endswith("WHEEL")) as file:
                file.write(data)
    (tmp_path / NAME).write_bytes(stream.getvalue())

    assert wheel.read(tmp_path / NAME).name == "acorn"
    wheel.check_contents(tmp_path / NAME)


class Unseekable(io.BytesIO):
    """A place to which a zip file is streamed, so that sizes stand behind its members."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: int) -> int:
        raise io.UnsupportedOperation

    def tell(self) -> int:
        raise io.UnsupportedOperation


def test_signatures_of_a_record_need_not_be_listed(tmp_path: Path) -> None:
    content = members(make_wheel(tmp_path))
    zipped(tmp_path / NAME, {**content, f"{INFO}/RECORD.jws": b"{}", f"{INFO}/RECORD.p7s": b""})

    assert wheel.read(tmp_path / NAME).name == "acorn"


# Wheels that lie


def renamed(name: str) -> Callable[[Path], Path]:
    return lambda tmp_path: make_wheel(tmp_path).rename(tmp_path / name)


def record(change: Callable[[str], str]) -> Callable[[Path], Path]:
    def write(tmp_path: Path) -> Path:
        content = members(make_wheel(tmp_path))
        listed = change(content[f"{INFO}/RECORD"].decode())
        return zipped(tmp_path / NAME, {**content, f"{INFO}/RECORD": listed.encode()})

    return write


def with_members(extra: Mapping[str, bytes], *, without: str = "") -> Callable[[Path], Path]:
    def write(tmp_path: Path) -> Path:
        content = members(make_wheel(tmp_path))
        content.pop(without, None)
        return zipped(tmp_path / NAME, {**content, **extra})

    return write


def with_file(*names: str) -> Callable[[Path], Path]:
    return lambda tmp_path: make_wheel(tmp_path, files=dict.fromkeys(names, "x"))


def with_entry(change: Callable[[zipfile.ZipInfo], None]) -> Callable[[Path], Path]:
    return lambda tmp_path: zipped(tmp_path / NAME, members(make_wheel(tmp_path)), change)


def with_bytes(change: Callable[[bytes], bytes]) -> Callable[[Path], Path]:
    def write(tmp_path: Path) -> Path:
        path = make_wheel(tmp_path)
        path.write_bytes(change(path.read_bytes()))
        return path

    return write


def with_headers(*headers: str) -> Callable[[Path], Path]:
    return lambda tmp_path: make_wheel(tmp_path, headers=headers)


def sealed(content: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the members with a RECORD that agrees with them."""
    rest = {path: data for path, data in content.items() if not path.endswith("/RECORD")}
    rows = (f"{path},sha256={digest(data)},{len(data)}\n" for path, data in rest.items())
    return {**rest, f"{INFO}/RECORD": f"{''.join(rows)}{INFO}/RECORD,,\n".encode()}


def digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def with_description(name: str, change: Callable[[str], str | bytes]) -> Callable[[Path], Path]:
    """Make a wheel with another METADATA or WHEEL, and a RECORD that agrees."""

    def write(tmp_path: Path) -> Path:
        content = members(make_wheel(tmp_path))
        changed = change(content[f"{INFO}/{name}"].decode())
        content[f"{INFO}/{name}"] = changed if isinstance(changed, bytes) else changed.encode()
        return zipped(tmp_path / NAME, sealed(content))

    return write


def without_wheel(tmp_path: Path) -> Path:
    content = members(make_wheel(tmp_path))
    del content[f"{INFO}/WHEEL"]
    return zipped(tmp_path / NAME, sealed(content))


def symlink(entry: zipfile.ZipInfo) -> None:
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16


def device(entry: zipfile.ZipInfo) -> None:
    entry.external_attr = (stat.S_IFCHR | 0o777) << 16


def compressed(method: int) -> Callable[[zipfile.ZipInfo], None]:
    def change(entry: zipfile.ZipInfo) -> None:
        entry.compress_type = method

    return change


def unicode_path(entry: zipfile.ZipInfo) -> None:
    name = b"evil.py"
    entry.extra = struct.pack("<HHBL", 0x7075, 5 + len(name), 1, 0) + name


def in_directory(offset: int, field: bytes) -> Callable[[bytes], bytes]:
    """Change a field of the first entry of the central directory alone."""

    def change(data: bytes) -> bytes:
        place = data.index(b"PK\x01\x02") + offset
        return data[:place] + field + data[place + len(field) :]

    return change


def encrypted(data: bytes) -> bytes:
    return b"PK\x03\x04" + data[4:6] + b"\x01\0" + in_directory(8, b"\x01\0")(data)[8:]


def shifted(data: bytes) -> bytes:
    """Put bytes before the first member and make all offsets right again."""
    return moved(data, 0, b"evil" * 8)


def between(data: bytes) -> bytes:
    """Put bytes between the first member and the second, and make all offsets right again."""
    return moved(data, data.index(b"PK\x03\x04", 4), b"evil" * 8)


def before_directory(data: bytes) -> bytes:
    return moved(data, data.index(b"PK\x01\x02"), b"evil" * 8)


def moved(data: bytes, place: int, extra: bytes) -> bytes:
    result = bytearray(data)
    entry = result.find(b"PK\x01\x02")
    while entry >= 0:
        offset = struct.unpack_from("<L", result, entry + 42)[0]
        struct.pack_into("<L", result, entry + 42, offset + (len(extra) if offset >= place else 0))
        entry = result.find(b"PK\x01\x02", entry + 4)
    end = result.rfind(b"PK\x05\x06")
    struct.pack_into("<L", result, end + 16, struct.unpack_from("<L", result, end + 16)[0] + len(extra))
    return bytes(result[:place] + extra + result[place:])


def large(data: bytes) -> bytes:
    """Say of the first member that its sizes stand elsewhere, which they do not."""
    return data[:18] + b"\xff" * 8 + data[26:]


def overlapping(data: bytes) -> bytes:
    """Let the second entry be the first member again."""
    second = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 4)
    return data[: second + 42] + bytes(4) + data[second + 46 :]


def commented(data: bytes) -> bytes:
    return data[:-2] + b"\x04\0evil"


def two_ends(data: bytes) -> bytes:
    return data + data[-22:]


HOSTILE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "name without tags": (renamed("acorn-1.1.0.whl"), "is not named as a wheel is"),
    "name that is a path": (renamed("..-1.1.0-py3-none-any.whl"), "is not named as a wheel is"),
    "name of another project": (renamed("birch-1.1.0-py3-none-any.whl"), "the .dist-info of another project"),
    "name of another version": (renamed("acorn-1.2.0-py3-none-any.whl"), "the .dist-info of another project"),
    "name with other tags": (renamed("acorn-1.1.0-py2.py3-none-any.whl"), "has other tags"),
    "other name in METADATA": (
        with_description("METADATA", lambda text: text.replace("acorn", "birch")),
        "METADATA of",
    ),
    "other version in METADATA": (with_description("METADATA", lambda text: text.replace("1.1.0", "9")), "METADATA of"),
    "no name in METADATA": (with_description("METADATA", lambda _: "Version: 1.1.0\n"), "METADATA of"),
    "no version in METADATA": (with_description("METADATA", lambda _: "Name: acorn\n"), "Invalid version"),
    "two names in METADATA": (with_headers("Name: birch"), "says name in its METADATA twice"),
    "two versions in METADATA": (with_headers("Version: 2"), "says version in its METADATA twice"),
    "requirement that is none": (with_headers("Requires-Dist: oak >> 1"), "is no intact wheel"),
    "requirement that is no text": (
        with_description("METADATA", lambda text: text.encode() + b"Requires-Dist: \xff\n"),
        "says requires-dist in its METADATA twice, or not as text",
    ),
    "two Requires-Python": (
        with_headers("Requires-Python: >=3", "Requires-Python: >=4"),
        "says requires-python in its METADATA twice",
    ),
    "Requires-Python that is none": (with_headers("Requires-Python: three"), "Invalid specifier"),
    "METADATA that is huge": (with_headers(f"Summary: {'x' * (17 << 20)}"), "METADATA that is larger than any"),
    "other tags in WHEEL": (with_description("WHEEL", lambda text: text.replace("py3", "py2")), "has other tags"),
    "more tags in WHEEL": (with_description("WHEEL", lambda text: text + "Tag: py2-none-any\n"), "has other tags"),
    "no tags in WHEEL": (with_description("WHEEL", lambda text: text.partition("Tag")[0]), "has other tags"),
    "later WHEEL version": (with_description("WHEEL", lambda text: text.replace("1.0", "2.0")), "unknown version"),
    "no WHEEL": (without_wheel, "has no acorn-1.1.0.dist-info/WHEEL"),
    "second .dist-info": (with_file("birch-1.dist-info/METADATA"), "exactly one .dist-info"),
    "second .dist-info in another case": (with_file("ACORN-1.1.0.DIST-INFO/OTHER"), "exactly one .dist-info"),
    "second .dist-info among the data": (
        with_file("acorn-1.1.0.data/purelib/birch-1.dist-info/METADATA"),
        "another .dist-info",
    ),
    "no .dist-info": (lambda where: zipped(where / NAME, {"acorn.py": b""}), "exactly one .dist-info"),
    "unknown scheme of data": (with_file("acorn-1.1.0.data/stdlib/os.py"), "unknown scheme"),
    "data without scheme": (with_file("acorn-1.1.0.data/evil"), "unknown scheme"),
    "data of another project": (with_file("birch-1.data/scripts/evil"), "data of another project"),
    "no RECORD": (with_members({}, without=f"{INFO}/RECORD"), "has no acorn-1.1.0.dist-info/RECORD"),
    "file that RECORD does not list": (with_members({"evil.py": b""}), "holds 'evil.py', which its RECORD"),
    "file that is not there": (record(lambda text: text + "evil.py,sha256=" + "A" * 43 + ",0\n"), "lists 'evil.py'"),
    "file that is listed twice": (record(lambda text: text + text.splitlines()[0] + "\n"), "lists a file twice"),
    "RECORD without itself": (
        record(lambda text: "".join(row + "\n" for row in text.splitlines()[:-1])),
        "lists a file twice, or itself",
    ),
    "RECORD with itself hashed": (
        record(lambda text: text.replace("RECORD,,", "RECORD,sha256=" + "A" * 43 + ",1")),
        "RECORD",
    ),
    "RECORD with a short hash": (record(lambda text: text.replace("sha256=", "sha256=A")), "without a hash that can"),
    "RECORD with md5": (record(lambda text: text.replace("sha256=", "md5=")), "without a hash that can be trusted"),
    "RECORD with sha1": (record(lambda text: text.replace("sha256=", "sha1=")), "without a hash that can be trusted"),
    "RECORD with an empty hash": (
        record(lambda text: f"acorn/__init__.py,,\n{text.partition(chr(10))[2]}"),
        "without a hash",
    ),
    "RECORD with another size": (record(lambda text: text.replace("\n", "0\n", 1)), "another size"),
    "RECORD that is no table": (record(lambda _: '"'), "is no intact wheel"),
    "RECORD that is no text": (with_members({f"{INFO}/RECORD": b"\xff"}), "is no intact wheel"),
    "absolute name": (with_file("/etc/evil"), "a name that leaves it"),
    "name that goes up": (with_file("acorn/../../evil"), "a name that leaves it"),
    "name with a dot": (with_file("./evil"), "a name that leaves it"),
    "name with backslashes": (with_file("acorn\\..\\..\\evil"), "a name that leaves it"),
    "name with a drive": (with_file("C:evil"), "a name that leaves it"),
    "name with NUL": (
        with_bytes(lambda data: data.replace(b"acorn/__init__.py", b"acorn/__init\0_.py")),
        "a name that leaves it",
    ),
    "name with an escape": (with_file("evil\x1b[2J"), "a name that leaves it"),
    "names in two cases": (with_file("acorn/Evil.py", "acorn/evil.py"), "two that some systems take for one"),
    "names composed in two ways": (with_file("caf\u00e9", "cafe\u0301"), "two that some systems take for one"),
    "file that is a folder": (with_file("acorn"), "a file in the place of a folder"),
    "name in an extra field": (with_entry(unicode_path), "a name that is read in two ways"),
    "symbolic link": (with_entry(symlink), "which is no plain file"),
    "device": (with_entry(device), "which is no plain file"),
    "encrypted file": (with_bytes(encrypted), "which is encrypted"),
    "compressed with bzip2": (with_entry(compressed(zipfile.ZIP_BZIP2)), "not every installer knows"),
    "compressed with lzma": (with_entry(compressed(zipfile.ZIP_LZMA)), "not every installer knows"),
    "bytes before the first file": (with_bytes(lambda data: b"#!/bin/sh\n" + data), "bytes that belong to none"),
    "counted bytes before the first file": (with_bytes(shifted), "bytes that belong to none"),
    "bytes between files": (with_bytes(between), "bytes that belong to none"),
    "bytes before the directory": (with_bytes(before_directory), "bytes that belong to none"),
    "bytes after the end": (with_bytes(lambda data: data + b"evil"), "a directory that is not its end"),
    "comment": (with_bytes(commented), "a directory that is not its end"),
    "two ends": (with_bytes(two_ends), ""),
    "files that overlap": (with_bytes(overlapping), ""),
    "other name before the file": (
        with_bytes(lambda data: data.replace(b"acorn/__init__.py", b"acorn/__evil__.py", 1)),
        "says two things",
    ),
    "other checksum in the directory": (with_bytes(in_directory(16, b"evil")), "says two things"),
    "other size in the directory": (with_bytes(in_directory(24, b"\1\0\0\0")), "says two things"),
    "other method in the directory": (with_bytes(in_directory(10, b"\x08\0")), "says two things"),
    "size of a bomb": (with_bytes(in_directory(24, b"\xfe\xff\xff\xff")), "larger than any wheel of its size"),
    "large sizes that are others": (with_bytes(large), "says two things"),
    "wrong count of files": (
        with_bytes(lambda data: data[:-14] + b"\1\0\1\0" + data[-10:]),
        "counts its files wrongly",
    ),
    "script that goes up": (
        lambda where: make_wheel(where, scripts={"../evil": "acorn:main"}),
        "console script '../evil'",
    ),
    "script with a path": (
        lambda where: make_wheel(where, scripts={"bin/evil": "acorn:main"}),
        "console script 'bin/evil'",
    ),
    "entry points that are none": (
        lambda where: make_wheel(where, files={f"{INFO}/entry_points.txt": "evil"}),
        "is no intact wheel",
    ),
    "no zip file": (with_bytes(lambda _: b"no wheel at all"), "is no intact wheel"),
    "empty file": (with_bytes(lambda _: b""), "is no intact wheel"),
    "half a file": (with_bytes(lambda data: data[: len(data) // 2]), "is no intact wheel"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_wheel_that_lies_is_refused(tmp_path: Path, name: str) -> None:
    make, said = HOSTILE[name]
    path = make(tmp_path)

    with pytest.raises(VerificationFailed) as caught:
        wheel.read(path)

    assert said in caught.value.message
    assert caught.value.message.startswith(path.name)
    assert caught.value.message.isprintable()
    assert caught.value.hint


def test_a_wheel_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VerificationFailed, match="No such file"):
        wheel.read(tmp_path / NAME)


# What is in it


def test_the_contents_of_an_honest_wheel_are_what_it_says(tmp_path: Path) -> None:
    wheel.check_contents(make_wheel(tmp_path, files={"acorn/big": "x" * 3_000_000, "acorn/größe": "ä"}))


def changed(tmp_path: Path) -> Path:
    content = members(make_wheel(tmp_path))
    content["acorn/__init__.py"] = content["acorn/__init__.py"].replace(b"1.1.0", b"6.6.6")
    return zipped(tmp_path / NAME, content)


def inflating(tmp_path: Path) -> Path:
    """Make a wheel with a member that is longer than its headers and RECORD say."""
    content = members(make_wheel(tmp_path))
    said = content["acorn/__init__.py"]
    content["acorn/__init__.py"] = said + bytes(1 << 20)
    zipped(tmp_path / NAME, content, compressed(zipfile.ZIP_DEFLATED))
    sizes = (struct.pack("<L", len(size)) for size in (content["acorn/__init__.py"], said))
    (tmp_path / NAME).write_bytes((tmp_path / NAME).read_bytes().replace(*sizes))
    return tmp_path / NAME


@pytest.mark.parametrize(
    "make",
    [
        changed,
        inflating,
        with_bytes(lambda data: data.replace(b"print", b"evil!")),
        *(make for make, _ in HOSTILE.values()),
    ],
)
def test_contents_that_are_not_what_is_said_are_refused(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    with pytest.raises(VerificationFailed):
        wheel.check_contents(make(tmp_path))


def test_the_longer_hashes_are_compared_as_well(tmp_path: Path) -> None:
    content = members(make_wheel(tmp_path))
    data = content["acorn/__init__.py"]
    for name in ("sha384", "sha512"):
        told = base64.urlsafe_b64encode(hashlib.new(name, data).digest()).rstrip(b"=").decode()
        listed = content[f"{INFO}/RECORD"].replace(f"sha256={digest(data)}".encode(), f"{name}={told}".encode())
        wheel.check_contents(zipped(tmp_path / NAME, {**content, f"{INFO}/RECORD": listed}))
        lie = {**content, f"{INFO}/RECORD": listed, "acorn/__init__.py": data.replace(b"main", b"evil")}
        lying = zipped(tmp_path / NAME, lie)
        with pytest.raises(VerificationFailed, match="other bytes than its RECORD says"):
            wheel.check_contents(lying)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@pytest.mark.slow
def test_a_damaged_wheel_is_refused_or_has_the_same_files(tmp_path: Path, data: st.DataObject) -> None:
    path = make_wheel(tmp_path, requires=["oak>=1"], scripts={"acorn": "acorn:main"})
    good, told = members(path), wheel.read(path, "")
    damaged = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        if data.draw(st.booleans()):
            damaged[place] ^= data.draw(st.integers(1, 255))
        else:
            damaged[place : place + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=40))
    path.write_bytes(damaged)
    try:
        read = wheel.read(path, "")
        wheel.check_contents(path)
    except HephaestusError:
        return
    assert members(path) == good
    assert (read.requires, read.scripts, read.tags) == (told.requires, told.scripts, told.tags)
