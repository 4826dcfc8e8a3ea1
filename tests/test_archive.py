"""Wheelhouse archives: the same bytes from the same files, and nothing hostile gets out of one."""

import gzip
import hashlib
import io
import os
import random
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hephaestus import archive, system
from hephaestus.errors import VerificationFailed

FILES = {
    "README.txt": b"read me",
    "wheels/acorn-1.1.0-py3-none-any.whl": b"PK\x03\x04",
    "sdist/acorn-1.1.0.tar.gz": b"\x1f\x8b",
}
TOP = "acorn-1.1.0-wheelhouse"


def fill(root: Path, files: dict[str, bytes] | None = None) -> Path:
    for name, data in (FILES if files is None else files).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    (root / archive.SUMS).write_text(archive.sums(root), encoding="utf-8")
    return root


def good(tmp_path: Path) -> Path:
    packed = tmp_path / archive.name("acorn", "1.1.0")
    archive.pack(fill(tmp_path / TOP), packed)
    return packed


def sums(files: dict[str, bytes]) -> bytes:
    return "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items())).encode()


Entry = tarfile.TarInfo | tuple[str, bytes]


def tar(path: Path, *entries: Entry, files: dict[str, bytes] | None = None) -> Path:
    """Write an archive of good files and, after them, the given entries."""
    held = FILES if files is None else files
    with tarfile.open(path, "w:gz") as into:
        for name, data in [
            *((f"{TOP}/{name}", data) for name, data in held.items()),
            (f"{TOP}/{archive.SUMS}", sums(held)),
        ]:
            add(into, name, data)
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                into.addfile(entry, io.BytesIO(b"\0" * entry.size))
            else:
                add(into, *entry)
    return path


def add(into: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    into.addfile(member, io.BytesIO(data))


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def refused(packed: Path, tmp_path: Path) -> VerificationFailed:
    """Extract, expect a refusal, and expect that nothing is left behind, inside or outside."""
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    into = tmp_path / "into"
    with pytest.raises(VerificationFailed) as caught:
        archive.extract(packed, into)
    assert not os.path.lexists(into)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    return caught.value


# The same bytes


def test_what_is_packed_comes_out_again_whole(tmp_path: Path) -> None:
    top = archive.extract(good(tmp_path), tmp_path / "into")

    assert top == tmp_path / "into" / TOP
    assert {name: (top / name).read_bytes() for name in FILES} == FILES


def test_the_bytes_depend_on_the_files_and_not_on_place_time_rights_or_order(tmp_path: Path) -> None:
    first = good(tmp_path)
    other = tmp_path / "another place" / TOP
    before = os.umask(0o077)
    try:
        fill(other, dict(random.Random(1).sample(list(FILES.items()), len(FILES))))
    finally:
        os.umask(before)
    for path in other.rglob("*"):
        os.utime(path, (1, 1))
    (other / "README.txt").chmod(0o777)

    archive.pack(other, tmp_path / "second.tar.gz")

    assert (tmp_path / "second.tar.gz").read_bytes() == first.read_bytes()


def test_no_name_time_or_owner_of_the_machine_is_in_an_archive(tmp_path: Path) -> None:
    many = {**FILES, **{f"wheels/{number:x}.whl": b"" for number in range(50)}}
    archive.pack(fill(tmp_path / TOP, many), tmp_path / archive.name("acorn", "1.1.0"))
    with tarfile.open(tmp_path / archive.name("acorn", "1.1.0")) as packed:
        members = packed.getmembers()

    assert {(member.uid, member.gid, member.uname, member.gname, member.mtime) for member in members} == {
        (0, 0, "", "", 0)
    }
    assert [member.name for member in members] == sorted(member.name for member in members)
    assert (tmp_path / archive.name("acorn", "1.1.0")).read_bytes()[3:10] == b"\0\0\0\0\0\0\xff"


def test_another_byte_in_a_file_is_another_archive(tmp_path: Path) -> None:
    first = good(tmp_path).read_bytes()
    archive.pack(fill(tmp_path / "b" / TOP, {**FILES, "README.txt": b"read us"}), tmp_path / "other")

    assert (tmp_path / "other").read_bytes() != first


def test_sha256sum_reads_the_list_and_finds_a_changed_file(tmp_path: Path) -> None:
    root = fill(tmp_path / TOP)
    check = ["sha256sum", "--strict", "-c", archive.SUMS]
    assert subprocess.run(check, cwd=root, check=False, capture_output=True).returncode == 0

    (root / "README.txt").write_bytes(b"changed")
    assert subprocess.run(check, cwd=root, check=False, capture_output=True).returncode == 1


def test_what_lay_in_the_way_is_gone(tmp_path: Path) -> None:
    (tmp_path / "into").mkdir()
    (tmp_path / "into" / "old").write_text("x")

    archive.extract(good(tmp_path), tmp_path / "into")

    assert [path.name for path in (tmp_path / "into").iterdir()] == [TOP]


NAME = st.text(st.sampled_from("abcÄ漢 -_.+"), min_size=1, max_size=12).filter(
    lambda name: name.strip(" .") and not name.startswith(".") and name != archive.SUMS
)
LONG = st.just("deep" * 60)


@given(files=st.dictionaries(NAME | LONG, st.binary(max_size=2000), min_size=1, max_size=5))
def test_any_files_come_back_as_they_were(tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]) -> None:
    if len({name.casefold() for name in files}) < len(files):
        return
    tmp_path = tmp_path_factory.mktemp("archive")
    archive.pack(fill(tmp_path / TOP, files), tmp_path / "packed")

    top = archive.extract(tmp_path / "packed", tmp_path / "into")

    assert {name: (top / name).read_bytes() for name in files} == files


# Hostile archives


@pytest.mark.parametrize(
    "entry",
    [
        ("/etc/evil", b"x"),
        ("//evil", b"x"),
        ("../evil", b"x"),
        (f"{TOP}/../../evil", b"x"),
        (f"{TOP}/..", b"x"),
        ("..", b"x"),
        ("evil", b"x"),
        ("", b"x"),
        (".", b"x"),
        ("./evil", b"x"),
        ("another/evil", b"x"),
        (f"{TOP}\\..\\..\\evil", b"x"),
        (f"{TOP}/..\\evil", b"x"),
        (f"{TOP}/C:evil", b"x"),
        ("C:/evil", b"x"),
        (f"{TOP}/README.txt", b"read me"),
        (f"{TOP}/./README.txt", b"read me"),
        (f"{TOP}//README.txt", b"read me"),
        (f"{TOP}/readme.TXT", b"read me"),
        (f"{TOP}/extra", b"x"),
        (f"{TOP}/README.txt/below", b"x"),
        (f"{TOP}/wheels", b"x"),
        (f"{TOP}/{'x' * 300}", b"x"),
        special(f"{TOP}/link", tarfile.SYMTYPE, "/etc/passwd"),
        special(f"{TOP}/link", tarfile.SYMTYPE, "README.txt"),
        special(f"{TOP}/link", tarfile.LNKTYPE, f"{TOP}/README.txt"),
        special(f"{TOP}/link", tarfile.LNKTYPE, "/etc/passwd"),
        special(f"{TOP}/device", tarfile.CHRTYPE),
        special(f"{TOP}/device", tarfile.BLKTYPE),
        special(f"{TOP}/pipe", tarfile.FIFOTYPE),
        special(f"{TOP}/directory", tarfile.DIRTYPE),
        special(TOP, tarfile.SYMTYPE, "/tmp"),
        special(f"{TOP}/odd", b"Z"),
    ],
    ids=lambda entry: repr(entry[0])[:40] if isinstance(entry, tuple) else f"{entry.type!r} {entry.linkname}",
)
def test_an_entry_that_does_not_belong_is_refused_and_nothing_is_left_behind(tmp_path: Path, entry: Entry) -> None:
    refused(tar(tmp_path / "packed", entry), tmp_path)


@pytest.mark.parametrize("name", ["..\\..\\evil", "wheels\\evil", "C:evil", "wheels/file:stream", "readme.TXT"])
def test_a_name_another_system_reads_otherwise_is_refused_even_where_it_is_listed(tmp_path: Path, name: str) -> None:
    packed = tar(tmp_path / "packed", files={**FILES, name: b"x"})

    assert "under a name that cannot be kept" in refused(packed, tmp_path).message


def test_a_first_entry_that_is_a_link_takes_nothing_elsewhere(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    with tarfile.open(tmp_path / "packed", "w:gz") as into:
        into.addfile(special(TOP, tarfile.SYMTYPE, str(outside)))
        add(into, f"{TOP}/evil", b"x")

    refused(tmp_path / "packed", tmp_path)

    assert list(outside.iterdir()) == []


@pytest.mark.parametrize(
    ("files", "listed"),
    [
        ({**FILES, "README.txt": b"read us"}, FILES),
        ({name: data for name, data in FILES.items() if name != "README.txt"}, FILES),
        (FILES, {}),
        ({}, FILES),
    ],
    ids=["changed", "missing", "nothing listed", "nothing there"],
)
def test_files_that_are_not_exactly_the_listed_ones_are_refused(
    tmp_path: Path, files: dict[str, bytes], listed: Any
) -> None:
    packed = tar(tmp_path / "packed", files={})
    with tarfile.open(packed, "w:gz") as into:
        for name, data in {**files, archive.SUMS: sums(listed)}.items():
            add(into, f"{TOP}/{name}", data)

    assert archive.SUMS in refused(packed, tmp_path).message


def test_a_list_that_hides_in_a_folder_does_not_count_and_is_not_left_out(tmp_path: Path) -> None:
    """A file of the list's name in another folder is a file like any other: it has to be listed."""
    hidden = tar(tmp_path / "packed", (f"{TOP}/wheels/{archive.SUMS}", b"evil"))

    refused(hidden, tmp_path)


@pytest.mark.parametrize("listed", [b"\xff\xfe", b""], ids=["no text", "empty"])
def test_a_list_that_cannot_be_read_is_refused(tmp_path: Path, listed: Any) -> None:
    with tarfile.open(tmp_path / "packed", "w:gz") as into:
        add(into, f"{TOP}/README.txt", b"x")
        add(into, f"{TOP}/{archive.SUMS}", listed)

    refused(tmp_path / "packed", tmp_path)


def test_an_archive_without_a_list_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "packed", "w:gz") as into:
        add(into, f"{TOP}/README.txt", b"x")

    assert "has no SHA256SUMS" in refused(tmp_path / "packed", tmp_path).message


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def without_end(data: bytes) -> bytes:
    return data[:-8]


def flipped(data: bytes) -> bytes:
    return data[:-6] + bytes([data[-6] ^ 1]) + data[-5:]


def trailing(data: bytes) -> bytes:
    return gzip.compress(gzip.decompress(data)[:2000])


@pytest.mark.parametrize(
    "damage",
    [
        cut,
        without_end,
        flipped,
        trailing,
        lambda _: b"",
        lambda _: b"no archive at all",
        lambda _: gzip.compress(b"x" * 600),
    ],
)
def test_bytes_that_are_no_whole_archive_are_refused_with_the_command_that_shows_it(
    tmp_path, damage: Callable[[bytes], bytes]
):
    packed = good(tmp_path)
    packed.write_bytes(damage(packed.read_bytes()))

    assert refused(packed, tmp_path).exit_code == 12


def test_an_archive_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "is not an intact archive" in refused(tmp_path / "missing.tar.gz", tmp_path).message


def test_an_empty_archive_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "packed", "w:gz"):
        pass

    assert "exactly one folder" in refused(tmp_path / "packed", tmp_path).message


def test_a_file_that_says_it_is_larger_than_any_disk_is_refused_before_it_is_written(tmp_path: Path) -> None:
    member = tarfile.TarInfo(f"{TOP}/bomb")
    member.size = 33 << 30
    with gzip.open(tmp_path / "packed", "wb") as into:
        into.write(member.tobuf(tarfile.GNU_FORMAT))

    assert "larger than any wheelhouse" in refused(tmp_path / "packed", tmp_path).message


def test_a_sparse_file_that_says_it_is_huge_is_refused_before_it_is_written(tmp_path: Path) -> None:
    headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": f"{TOP}/bomb",
        "GNU.sparse.realsize": str(1 << 40),
    }
    member = tarfile.TarInfo(f"{TOP}/bomb")
    member.pax_headers = headers
    data = b"1\n0\n0\n".ljust(512, b"\0")
    member.size = len(data)
    with tarfile.open(tmp_path / "packed", "w:gz", format=tarfile.PAX_FORMAT) as into:
        into.addfile(member, io.BytesIO(data))

    assert "larger than any wheelhouse" in refused(tmp_path / "packed", tmp_path).message


@pytest.mark.slow
def test_more_files_than_any_wheelhouse_has_are_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "packed", "w:gz") as into:
        for number in range(20_001):
            into.addfile(tarfile.TarInfo(f"{TOP}/{number}"))

    assert "larger than any wheelhouse" in refused(tmp_path / "packed", tmp_path).message


@pytest.mark.parametrize("more", [b"words", b"\0" * (2 << 20)], ids=["words", "padding without end"])
def test_what_goes_on_after_the_last_file_is_refused(tmp_path: Path, more: bytes) -> None:
    packed = good(tmp_path)
    packed.write_bytes(gzip.compress(gzip.decompress(packed.read_bytes()) + more))

    assert "goes on after its last file" in refused(packed, tmp_path).message


def test_a_refusal_names_the_archive_and_not_what_lies_inside_the_machine(tmp_path: Path) -> None:
    said = refused(tar(tmp_path / "packed.tar.gz", ("/etc/evil", b"x")), tmp_path)

    assert said.message == "packed.tar.gz holds '/etc/evil', which is no plain file in its folder"
    assert system.digest(tmp_path / "packed.tar.gz")
