"""The archive of a wheelhouse: the same bytes from the same files, and nothing hostile gets out of one."""

import contextlib
import gzip
import hashlib
import io
import os
import resource
import stat
import subprocess
import sys
import tarfile
import tracemalloc
import zlib
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hephaestus.errors import CouldNotRun, HephaestusError, VerificationFailed
from hephaestus.wheelhouse import archive

TOP = "acorn-1.1.0-wheelhouse"
FILES = {
    "README": b"read me",
    "sdist/acorn-1.1.0.tar.gz": b"\x1f\x8b",
    "wheels/acorn-1.1.0-py3-none-any.whl": b"PK\x03\x04",
}
LONG_WHEEL = f"wheels/{'long' * 30}-1.0-py3-none-any.whl"


def sums(files: Mapping[str, bytes]) -> bytes:
    return "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items())).encode()


def listed(files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {**files, "SHA256SUMS": sums(files)}


def made(where: Path, files: Mapping[str, bytes] = FILES) -> Path:
    """Write an archive of the given files and their list."""
    target = where / f"{TOP}.tar.gz"
    archive.write(TOP, list(listed(files).items()), target)
    return target


def held(top: Path) -> dict[str, bytes]:
    return {path.relative_to(top).as_posix(): path.read_bytes() for path in top.rglob("*") if path.is_file()}


# Writing


def test_what_is_written_comes_out_again_whole(tmp_path: Path) -> None:
    files = {**FILES, LONG_WHEEL: b"long", "wheels/größe-1.0.whl": b"", "wheels/big.whl": os.urandom(3 << 20)}

    top = archive.unpack(made(tmp_path, files), tmp_path / "into")

    assert top == tmp_path / "into" / TOP
    assert held(top) == listed(files)


def test_the_digest_that_is_returned_is_that_of_the_archive(tmp_path: Path) -> None:
    big = [("wheels/big.whl", os.urandom(2_500_000))]
    digest = archive.write(TOP, big, tmp_path / "packed")

    assert digest == hashlib.sha256((tmp_path / "packed").read_bytes()).hexdigest()


def test_files_and_bytes_in_any_order_make_the_same_archive(tmp_path: Path) -> None:
    for name, data in FILES.items():
        (tmp_path / "store" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "store" / name).write_bytes(data)
    from_store = [(name, tmp_path / "store" / name) for name in reversed(FILES)]

    assert archive.write(TOP, from_store, tmp_path / "a") == archive.write(TOP, list(FILES.items()), tmp_path / "b")


ELSEWHERE = """
import os, sys, time
from pathlib import Path
os.umask(int(sys.argv[1], 8))
from hephaestus.wheelhouse import archive
members = [(name, Path(name) if name != "README" else b"read me") for name in sys.argv[3:]]
print(archive.write("acorn-1-wheelhouse", members, Path(sys.argv[2])))
"""


def test_the_bytes_do_not_depend_on_place_time_rights_zone_or_hash_seed(tmp_path: Path) -> None:
    digests = set()
    for number, umask in enumerate(("022", "077")):
        here = tmp_path / f"place {number}" / ("deep" * number)
        (here / "wheels").mkdir(parents=True)
        for name in (LONG_WHEEL, "wheels/b.whl"):
            (here / name).write_bytes(b"x" * 70_000)
            os.utime(here / name, (number * 10**9, number * 10**9))
            (here / name).chmod((0o600, 0o775)[number])
        names = sorted(["README", LONG_WHEEL, "wheels/b.whl"], reverse=bool(number))
        environment = {
            **os.environ,
            "TZ": ("UTC", "Asia/Tokyo")[number],
            "PYTHONHASHSEED": str(number + 1),
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        program = [sys.executable, "-c", ELSEWHERE, umask, "out.tar.gz", *names]
        subprocess.run(program, cwd=here, env=environment, check=True, capture_output=True)
        digests.add(hashlib.sha256((here / "out.tar.gz").read_bytes()).hexdigest())

    assert len(digests) == 1


def test_the_bytes_are_these_with_every_python_and_every_zlib(tmp_path: Path) -> None:
    """A digest that once was right is right for ever: users compare it."""
    members = [("README", b"read me"), (LONG_WHEEL, b"x" * 200_000), (f"wheels/{'ä' * 60}", b"")]

    assert archive.write(TOP, members, tmp_path / "a") == (
        "76d124a346b83e774c831728ed1d5c25ba288d30adc38d7c59c66a5efe8f5225"
    )


def test_no_compressor_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("compress", "compressobj"):
        monkeypatch.setattr(zlib, name, None)

    assert gzip.decompress(made(tmp_path).read_bytes()).startswith(f"{TOP}/README".encode())


@pytest.mark.parametrize("size", [0, 511, 512, 513, 64 * 1024, 65_535 * 16 - 1536, 65_535 * 16, 65_535 * 33 + 7])
def test_files_of_every_size_meet_the_blocks_of_the_format(tmp_path: Path, size: int) -> None:
    made(tmp_path, {"wheels/a.whl": b"a" * size})

    assert subprocess.run(["gzip", "-t", tmp_path / f"{TOP}.tar.gz"], check=False).returncode == 0
    assert len(gzip.decompress((tmp_path / f"{TOP}.tar.gz").read_bytes())) % 512 == 0


def test_stock_tools_read_what_is_written(tmp_path: Path) -> None:
    files = {**FILES, LONG_WHEEL: b"long", f"wheels/{'ä' * 60}": b"umlaut"}
    packed = made(tmp_path, files)

    names = subprocess.run(["tar", "tzf", packed, "--quoting-style=literal"], check=True, capture_output=True)
    assert names.stdout.decode().split() == [f"{TOP}/{name}" for name in sorted(listed(files))]
    subprocess.run(["tar", "xzf", packed], cwd=tmp_path, check=True)
    subprocess.run(["sha256sum", "--strict", "--quiet", "-c", "SHA256SUMS"], cwd=tmp_path / TOP, check=True)
    assert held(tmp_path / TOP) == listed(files)


def test_nothing_of_the_machine_is_in_an_archive(tmp_path: Path) -> None:
    packed = made(tmp_path, {**FILES, f"wheels/{'x' * 90}": b"", LONG_WHEEL: b""})
    with tarfile.open(packed) as opened:
        members = opened.getmembers()

    assert {(one.uid, one.gid, one.uname, one.gname, one.mtime, one.mode) for one in members} == {
        (0, 0, "", "", 0, 0o644)
    }
    assert [one.name for one in members if one.pax_headers] == [f"{TOP}/{LONG_WHEEL}"]
    assert packed.read_bytes()[:10] == b"\x1f\x8b\x08\0\0\0\0\0\0\xff"


def test_a_file_that_is_not_the_expected_one_is_refused_and_what_was_there_stays(tmp_path: Path) -> None:
    (tmp_path / "stored").write_bytes(b"changed")
    target = tmp_path / "packed"
    target.write_bytes(b"old")

    with pytest.raises(VerificationFailed, match=r"packed would hold wheels/a\.whl with other bytes"):
        archive.write(
            TOP, [("wheels/a.whl", tmp_path / "stored")], target, {"wheels/a.whl": hashlib.sha256(b"").hexdigest()}
        )

    assert sorted(path.name for path in tmp_path.iterdir()) == ["packed", "stored"]
    assert target.read_bytes() == b"old"


def test_the_expected_files_are_written(tmp_path: Path) -> None:
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()}

    assert archive.write(TOP, list(FILES.items()), tmp_path / "a", digests) == archive.write(
        TOP, list(FILES.items()), tmp_path / "b"
    )


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    big = [("wheels/big.whl", bytes(5 << 20))]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3 << 20, before[1]))
    try:
        with pytest.raises(CouldNotRun, match=r"packed cannot be written: ") as caught:
            archive.write(TOP, big, tmp_path / "packed")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert list(tmp_path.iterdir()) == []
    assert str(caught.value.hint).startswith("df -h ")


def test_a_file_that_is_gone_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(CouldNotRun, match="No such file"):
        archive.write(TOP, [("wheels/a.whl", tmp_path / "gone")], tmp_path / "packed")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../evil", "/evil", "wheels/../evil", "a\\b", "C:evil", "nul", "a/", "", "bad\n"])
def test_no_name_is_written_that_would_not_be_unpacked(tmp_path: Path, name: str) -> None:
    with pytest.raises(VerificationFailed):
        archive.write(TOP, [(name, b"")], tmp_path / "packed")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_memory_does_not_grow_with_the_archive(tmp_path: Path) -> None:
    with (tmp_path / "big").open("wb") as file:
        file.truncate(64 << 20)
    members = [("wheels/big.whl", tmp_path / "big")]
    with (tmp_path / "big").open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    tracemalloc.start()
    try:
        archive.write(TOP, [*members, ("SHA256SUMS", f"{digest}  wheels/big.whl\n".encode())], tmp_path / "packed")
        archive.unpack(tmp_path / "packed", tmp_path / "into")
        assert tracemalloc.get_traced_memory()[1] < 12 << 20
    finally:
        tracemalloc.stop()


# Reading what others made


@pytest.mark.parametrize("level", [1, 9])
@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_an_archive_that_another_python_repacked_is_read(tmp_path: Path, form: int, level: int) -> None:
    files = {**FILES, LONG_WHEEL: b"long" * 1000, "größe": b"x"}
    packed = tmp_path / "repacked.tar.gz"
    with tarfile.open(packed, "w:gz", format=form, compresslevel=level) as into:
        for name, data in listed(files).items():
            into.addfile(plain(f"{TOP}/{name}", data, mtime=1.5, uid=12345, uname="robin"), io.BytesIO(data))

    assert held(archive.unpack(packed, tmp_path / "into")) == listed(files)


@pytest.mark.parametrize("form", ["gnu", "posix", "ustar"])
def test_a_folder_that_gnu_tar_packed_is_read(tmp_path: Path, form: str) -> None:
    files = {**FILES, "wheels/a.whl": bytes(2 << 20)}
    if form != "ustar":
        files[LONG_WHEEL] = b"long"
    for name, data in listed(files).items():
        (tmp_path / TOP / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / TOP / name).write_bytes(data)
    subprocess.run(["tar", f"--format={form}", "-czf", "repacked.tar.gz", TOP], cwd=tmp_path, check=True)

    assert held(archive.unpack(tmp_path / "repacked.tar.gz", tmp_path / "into")) == listed(files)


def test_files_are_unpacked_with_plain_rights(tmp_path: Path) -> None:
    packed = tmp_path / "packed.tar.gz"
    with tarfile.open(packed, "w:gz") as into:
        for name, data in listed(FILES).items():
            into.addfile(plain(f"{TOP}/{name}", data, mode=0o6777), io.BytesIO(data))

    top = archive.unpack(packed, tmp_path / "into")

    assert {stat.S_IMODE(path.stat().st_mode) & ~0o644 for path in top.rglob("*") if path.is_file()} == {0}


def test_what_lay_in_the_way_is_gone(tmp_path: Path) -> None:
    (tmp_path / "into").mkdir()
    (tmp_path / "into" / "old").write_text("x")

    archive.unpack(made(tmp_path), tmp_path / "into")

    assert [path.name for path in (tmp_path / "into").iterdir()] == [TOP]


# Hostile archives


def plain(name: str, data: bytes = b"", **fields: object) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    for field, value in fields.items():
        setattr(member, field, value)
    return member


def raw(name: str = f"{TOP}/extra", data: bytes = b"", form: int = tarfile.USTAR_FORMAT, **fields: object) -> bytes:
    """Return a member as it stands in a tar file."""
    return plain(name, data, **fields).tobuf(form) + data + bytes(-len(data) % 512)


def forged(block: bytes, place: int, field: bytes) -> bytes:
    """Return a member with a field of its header replaced, and the checksum made right again."""
    header = bytearray(block[:512])
    header[place : place + len(field)] = field
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + block[512:]


def pax(*records: bytes, kind: bytes = tarfile.XHDTYPE) -> bytes:
    """Return an extended header of the given records, whose lengths are put before them."""
    said = b""
    for record in records:
        length = next(
            size for size in range(len(record) + 3, len(record) + 9) if size == len(record) + 2 + len(b"%d" % size)
        )
        said += b"%d %s\n" % (length, record)
    return raw("././@PaxHeader", said, type=kind)


def good_members() -> bytes:
    return b"".join(raw(f"{TOP}/{name}", data) for name, data in listed(FILES).items())


END = bytes(1024)


def allowed(name: str, data: bytes = b"x") -> bytes:
    """Return an archive in which a file is listed as it should be: only its name can be wrong."""
    files = {**FILES, name: data}
    return b"".join(raw(f"{TOP}/{one}", told, tarfile.GNU_FORMAT) for one, told in listed(files).items()) + END


def also(*blocks: bytes, extra: bytes = b"") -> bytes:
    """Return the members of a good archive and more after them; a file `extra` is listed, so that its shape is judged."""
    more = b"".join(blocks)
    files = {**FILES, "extra": extra} if f"{TOP}/extra".encode() in more else FILES
    told = {**FILES, "SHA256SUMS": sums(files)}
    return b"".join(raw(f"{TOP}/{name}", data) for name, data in told.items()) + more + END


def only_with_prefix(magic: bytes) -> bytes:
    """Return a good archive in which the folder of one file stands in the second field for names."""
    readme = forged(forged(raw("README", FILES["README"]), 257, magic), 345, TOP.encode())
    rest = {name: data for name, data in listed(FILES).items() if name != "README"}
    return readme + b"".join(raw(f"{TOP}/{name}", data) for name, data in rest.items()) + END


EXTRA = raw()

TARS: dict[str, bytes] = {
    "absolute path": also(raw("/etc/evil")),
    "path with two slashes before": also(raw("//evil")),
    "path that goes up": also(raw("../evil")),
    "path that goes up behind the folder": also(raw(f"{TOP}/../../evil")),
    "path that ends going up": also(raw(f"{TOP}/..")),
    "path that is a dot": also(raw(".")),
    "path that begins with a dot": also(raw(f"./{TOP}/evil")),
    "no path": also(raw("")),
    "path within a path of dots": also(raw(f"{TOP}/./README")),
    "path with an empty part": also(raw(f"{TOP}//evil")),
    "file beside the folder": also(raw("evil")),
    "second folder": also(raw("another/evil")),
    "file that is the folder": also(raw(TOP)),
    "file that is not listed": also(raw(f"{TOP}/unlisted")),
    "backslashes": allowed("..\\..\\evil"),
    "drive letter": allowed("C:evil"),
    "stream of a file": allowed("README:stream"),
    "control character": allowed("evil\x1b[2J"),
    "newline in a name": allowed("a\nb"),
    "name that reads backwards": allowed("evil\u202egpj.exe"),
    "invisible character": allowed("READ\u200bME"),
    "reserved name": allowed("nul"),
    "reserved name with an ending": allowed("wheels/CON.whl"),
    "reserved name with a superscript": allowed("com¹.txt"),
    "trailing dot": allowed("wheels/evil."),
    "trailing space": allowed("wheels/evil "),
    "wildcard": allowed("wheels/*"),
    "name that is no text": also(forged(EXTRA, len(TOP) + 1, b"\xff\xfe")),
    "very long name": allowed("x" * 300),
    "very deep name": allowed("a/" * 20 + "x"),
    "same file twice": also(raw(f"{TOP}/README", b"read me")),
    "same name in another case": allowed("readme"),
    "same name composed in another way": allowed("cafe\u0301")[:-1024]
    + raw(f"{TOP}/caf\u00e9", form=tarfile.GNU_FORMAT)
    + END,
    "same name where sharp s is ss": allowed("STRASSE")[:-1024] + raw(f"{TOP}/straße", form=tarfile.GNU_FORMAT) + END,
    "folder in another case": allowed("Wheels/evil"),
    "file below a file": allowed("README/below"),
    "file in the place of a folder": also(raw(f"{TOP}/wheels", b"x")),
    "symbolic link out": also(raw(type=tarfile.SYMTYPE, linkname="/etc/passwd")),
    "symbolic link inside": also(raw(type=tarfile.SYMTYPE, linkname="README")),
    "symbolic link in the place of the folder": raw(TOP, type=tarfile.SYMTYPE, linkname="../outside") + also(),
    "symbolic link and a file through it": raw(f"{TOP}/out", type=tarfile.SYMTYPE, linkname="../../outside")
    + also(raw(f"{TOP}/out/evil")),
    "hard link inside": also(raw(type=tarfile.LNKTYPE, linkname=f"{TOP}/README")),
    "hard link out": also(raw(type=tarfile.LNKTYPE, linkname="../outside/sentinel")),
    "character device": also(raw(type=tarfile.CHRTYPE)),
    "block device": also(raw(type=tarfile.BLKTYPE)),
    "pipe": also(raw(type=tarfile.FIFOTYPE)),
    "contiguous file": also(raw(type=tarfile.CONTTYPE)),
    "unknown kind": also(raw(type=b"Z")),
    "folder without files": also(raw(f"{TOP}/odd/", type=tarfile.DIRTYPE)),
    "folder that goes up": also(raw("../odd/", type=tarfile.DIRTYPE)),
    "folder with bytes": also(forged(raw(f"{TOP}/wheels", b"x", type=tarfile.DIRTYPE), 124, b"00000000001\0")),
    "folder twice": also(*[raw(f"{TOP}/wheels/", type=tarfile.DIRTYPE)] * 2),
    "old folder that is a file with a slash": also(raw(f"{TOP}/odd/", type=tarfile.AREGTYPE)),
    "sparse file of GNU tar": also(raw(type=tarfile.GNUTYPE_SPARSE)),
    "sparse file of pax": also(pax(b"GNU.sparse.major=1", b"GNU.sparse.realsize=1099511627776"), EXTRA),
    "global header": pax(b"path=evil", kind=tarfile.XGLTYPE) + also(),
    "harmless global header": pax(b"comment=x", kind=tarfile.XGLTYPE) + also(),
    "size said twice": also(pax(b"size=512"), EXTRA),
    "other character set": also(pax(b"hdrcharset=BINARY"), EXTRA),
    "link said in a header": also(pax(b"linkpath=/etc/passwd"), EXTRA),
    "extended attributes": also(pax(b"SCHILY.xattr.security.capability=x"), EXTRA),
    "path said in a header that goes up": also(pax(b"path=../evil"), EXTRA),
    "absolute path said in a header": also(pax(b"path=/evil"), EXTRA),
    "empty path said in a header": also(pax(b"path="), EXTRA),
    "path with NUL said in a header": also(pax(b"path=" + TOP.encode() + b"/a\0b"), EXTRA),
    "path said twice in a header": also(pax(b"path=a/b", b"path=" + TOP.encode() + b"/README"), EXTRA),
    "two headers before a file": also(pax(b"mtime=1"), pax(b"mtime=1"), EXTRA),
    "header before nothing": also(pax(b"mtime=1")),
    "extended header with a wrong length": also(raw("x", b"99 path=a\n", type=tarfile.XHDTYPE), EXTRA),
    "extended header without a length": also(raw("x", b"path=a\n", type=tarfile.XHDTYPE), EXTRA),
    "extended header with a huge length": also(raw("x", b"9" * 400 + b" path=a\n", type=tarfile.XHDTYPE), EXTRA),
    "extended header that is huge": also(pax(b"comment=" + b"x" * 70_000), EXTRA),
    "long name that is huge": also(raw("././@LongLink", b"x" * 70_000 + b"\0", type=tarfile.GNUTYPE_LONGNAME), EXTRA),
    "long name without end": also(raw("././@LongLink", b"a/b", type=tarfile.GNUTYPE_LONGNAME), EXTRA),
    "long name that goes up": also(raw("././@LongLink", b"../evil\0", type=tarfile.GNUTYPE_LONGNAME), EXTRA),
    "long name of a long name": also(*[raw("././@LongLink", b"a/b\0", type=tarfile.GNUTYPE_LONGNAME)] * 2, EXTRA),
    "long name of a link": also(raw("././@LongLink", b"a/b\0", type=tarfile.GNUTYPE_LONGLINK), EXTRA),
    "prefix in a header of GNU tar": only_with_prefix(b"ustar  \0"),
    "prefix that goes up": also(forged(EXTRA, 345, b"../..")),
    "bytes behind a name": also(forged(EXTRA, 90, b"evil")),
    "header of an unknown format": also(forged(EXTRA, 257, b"tar\0\0\0\0\0")),
    "wrong checksum of a header": also(EXTRA[:148] + b"000001\0 " + EXTRA[156:]),
    "checksum that is no number": also(EXTRA[:148] + b"-00001\0 " + EXTRA[156:]),
    "size that is no number": also(forged(EXTRA, 124, b"0x00000000f\0")),
    "size that is negative": also(forged(EXTRA, 124, b"-0000000001\0")),
    "size in binary": also(forged(EXTRA, 124, b"\x80\0\0\0\0\0\0\0\0\0\0\x01")),
    "size larger than any file": also(forged(EXTRA, 124, b"777777777777")),
    "size larger than what follows": also(forged(EXTRA, 124, b"00077777777\0")),
    "bytes between files": also(raw(f"{TOP}/extra", b"x")[:-1] + b"y", extra=b"x"),
    "garbage between files": also(b"evil" * 128, EXTRA),
    "no end": good_members(),
    "half an end": good_members() + bytes(512),
    "end that goes on": good_members() + bytes(512) + EXTRA,
    "files after the end": also() + EXTRA + END,
    "words after the end": also() + b"words",
    "padding without end": also() + bytes(2 << 20),
    "cut in a header": good_members()[:100],
    "cut in a file": raw(f"{TOP}/README", b"x" * 5000)[:3000],
    "nothing": b"",
    "only an end": END,
    "no tar": b"words and more words " * 100,
    "bomb of one file": also(raw(f"{TOP}/bomb", bytes(20 << 20))),
}


def only(files: Mapping[str, bytes]) -> bytes:
    return b"".join(raw(f"{TOP}/{name}", data) for name, data in files.items()) + END


LISTS: dict[str, bytes] = {
    "changed file": only({**listed(FILES), "README": b"read us"}),
    "missing file": only({name: data for name, data in listed(FILES).items() if name != "README"}),
    "no list": only(FILES),
    "empty list": only({**FILES, "SHA256SUMS": b""}),
    "list that is no text": only({**FILES, "SHA256SUMS": b"\xff\xfe" + sums(FILES)}),
    "list in other digits": only({**FILES, "SHA256SUMS": sums(FILES).upper()}),
    "list with a file twice": only({**FILES, "SHA256SUMS": sums(FILES) * 2}),
    "list with a path that goes up": only({**FILES, "SHA256SUMS": sums({**FILES, "../outside/sentinel": b"safe"})}),
    "list with an absolute path": only({**FILES, "SHA256SUMS": sums({**FILES, "/etc/passwd": b""})}),
    "list with escapes": only({**FILES, "SHA256SUMS": b"\\" + sums(FILES)}),
    "list with a comment": only({**FILES, "SHA256SUMS": b"# comment\n" + sums(FILES)}),
    "list of itself": only({**FILES, "SHA256SUMS": sums({**FILES, "SHA256SUMS": b""})}),
    "list that is a folder": only({**FILES, "SHA256SUMS/x": sums(FILES)}),
    "list that is too large": only({**FILES, "SHA256SUMS": sums(FILES) + b"\n" * (9 << 20)}),
    "list in a folder of its own": only({**listed(FILES), "wheels/SHA256SUMS": b"evil"}),
}

GOOD = gzip.compress(only(listed(FILES)), mtime=0)
BOMB = gzip.compress(bytes(40 << 20), 9)

GZIPS: dict[str, bytes] = {
    "cut in the middle": GOOD[: len(GOOD) // 2],
    "cut before the checksum": GOOD[:-8],
    "cut in the checksum": GOOD[:-1],
    "wrong checksum": GOOD[:-8] + bytes([GOOD[-8] ^ 1]) + GOOD[-7:],
    "wrong length": GOOD[:-4] + bytes([GOOD[-4] ^ 1]) + GOOD[-3:],
    "byte after the end": GOOD + b"x",
    "zeros after the end": GOOD + bytes(512),
    "second gzip member": GOOD + GOOD,
    "empty second member": GOOD + gzip.compress(b""),
    "end in a second member": gzip.compress(good_members()) + gzip.compress(END),
    "zlib and not gzip": zlib.compress(only(listed(FILES))),
    "plain tar": only(listed(FILES)),
    "reserved flags": GOOD[:3] + b"\xe0" + GOOD[4:],
    "unknown method": GOOD[:2] + b"\x07" + GOOD[3:],
    "gzip of gzip": gzip.compress(GOOD),
    "bomb of zeros": BOMB,
    "bomb behind good files": gzip.compress(good_members() + END + bytes(40 << 20), 9),
    "empty file": b"",
    "no archive": b"no archive at all",
}

CORPUS = {
    **{f"tar: {name}": gzip.compress(data, 6, mtime=0) for name, data in TARS.items()},
    **{f"list: {name}": gzip.compress(data, 6, mtime=0) for name, data in LISTS.items()},
    **{f"gzip: {name}": data for name, data in GZIPS.items()},
}


def world(root: Path) -> dict[str, object]:
    """Return all there is below a directory, with what would show that it was touched."""
    return {
        path.relative_to(root).as_posix(): (
            path.lstat().st_mode,
            path.lstat().st_mtime_ns,
            path.lstat().st_nlink,
            path.read_bytes() if path.is_file() else None,
        )
        for path in root.rglob("*")
    }


@pytest.fixture
def around(tmp_path: Path) -> Path:
    """A directory to unpack into, `here/place/into`, in the midst of files that must stay as they are."""
    for folder in (tmp_path, tmp_path / "here", tmp_path / "here" / "place", tmp_path / "here" / "outside"):
        folder.mkdir(exist_ok=True)
        (folder / "sentinel").write_bytes(b"safe")
        (folder / "evil").write_bytes(b"safe too")
    return tmp_path


@pytest.mark.parametrize("name", CORPUS)
@pytest.mark.slow
def test_a_hostile_archive_is_refused_with_nothing_left_and_nothing_touched(around: Path, name: str) -> None:
    place = around / "here" / "place"
    packed = place / "packed.tar.gz"
    packed.write_bytes(CORPUS[name])
    place_before = world(place)
    before = {path: state for path, state in world(around).items() if path != "here/place"}

    with pytest.raises(VerificationFailed) as caught:
        archive.unpack(packed, place / "into")

    assert not os.path.lexists(place / "into")
    assert world(place) == place_before
    assert {path: state for path, state in world(around).items() if path != "here/place"} == before
    assert caught.value.message.startswith("packed.tar.gz ")
    assert caught.value.message.isprintable()
    assert caught.value.hint


def test_the_corpus_is_refused_for_what_is_wrong_with_it_and_nothing_else(tmp_path: Path) -> None:
    """Without the wrong part, the very same archives are accepted."""
    for number, data in enumerate(
        (also(), also(EXTRA), allowed("wheels/fine"), only(listed(FILES)), only_with_prefix(b"ustar\x0000"))
    ):
        (tmp_path / "packed").write_bytes(gzip.compress(data))
        assert archive.unpack(tmp_path / "packed", tmp_path / str(number)).name == TOP
    blocks = (pax(b"mtime=1.5", b"path=" + TOP.encode() + b"/wheels/renamed"), EXTRA)
    (tmp_path / "packed").write_bytes(gzip.compress(also(*blocks)))
    with pytest.raises(VerificationFailed, match="lacks 'extra', which its SHA256SUMS lists"):
        archive.unpack(tmp_path / "packed", tmp_path / "into")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tar: absolute path", "holds '/etc/evil', a name that not every system can keep"),
        ("tar: symbolic link inside", f"holds '{TOP}/extra', which is no plain file"),
        ("tar: same name in another case", f"holds '{TOP}/readme' twice"),
        ("tar: folder in another case", "which some systems take for another one"),
        ("tar: wrong checksum of a header", "has a header with a wrong checksum"),
        ("tar: bomb of one file", "is larger than any wheelhouse of its size"),
        ("tar: size said twice", "has an extended header with b'size', which no plain file needs"),
        ("tar: words after the end", "goes on after its last file"),
        ("list: missing file", "lacks 'README', which its SHA256SUMS lists"),
        ("list: changed file", "holds 'README' with other bytes than its SHA256SUMS says"),
        ("gzip: second gzip member", "goes on after its end"),
        ("gzip: wrong checksum", "is no intact gzip file"),
        ("gzip: cut before the checksum", "is cut short"),
    ],
)
def test_a_refusal_says_what_is_wrong(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "packed").write_bytes(CORPUS[name])

    with pytest.raises(VerificationFailed) as caught:
        archive.unpack(tmp_path / "packed", tmp_path / "into")

    assert said in caught.value.message


@pytest.mark.parametrize("name", ["missing", "folder"])
def test_what_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()

    with pytest.raises(VerificationFailed, match=f"{name} is not there"):
        archive.unpack(tmp_path / name, tmp_path / "into")


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.DIRTYPE], ids=["files", "folders"])
def test_more_members_than_any_wheelhouse_has_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: bytes
) -> None:
    monkeypatch.setattr(archive, "_MOST_FILES", 50)
    many = b"".join(raw(f"{TOP}/{number}", type=kind) for number in range(51))
    (tmp_path / "packed").write_bytes(gzip.compress(many + END))

    with pytest.raises(VerificationFailed, match="more files than any wheelhouse"):
        archive.unpack(tmp_path / "packed", tmp_path / "into")

    assert not (tmp_path / "into").exists()


def test_a_full_disk_while_unpacking_is_no_fault_of_the_archive(tmp_path: Path) -> None:
    packed = made(tmp_path, {"wheels/big.whl": bytes(5 << 20)})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3 << 20, before[1]))
    try:
        with pytest.raises(CouldNotRun, match="cannot be unpacked: "):
            archive.unpack(packed, tmp_path / "into")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert not (tmp_path / "into").exists()


# Archives nobody thought of


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """Some bytes flipped, cut out, put in or moved."""
    result = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(result) - 1)))
        how = draw(st.sampled_from(["flip", "cut", "insert", "end", "copy"]))
        if how == "flip" and result:
            result[place] ^= draw(st.integers(1, 255))
        elif how == "cut":
            del result[place : place + draw(st.integers(1, 600))]
        elif how == "insert":
            result[place:place] = draw(st.binary(min_size=1, max_size=20))
        elif how == "end":
            del result[place:]
        else:
            result[place:place] = result[: draw(st.integers(1, 1024))]
    return bytes(result)


def mended(tar: bytes) -> bytes:
    """Return a tar file whose headers have right checksums, so that damage reaches what is behind them."""
    blocks = [tar[place : place + 512] for place in range(0, len(tar), 512)]
    return b"".join(
        forged(block, 0, b"") if block[257:262] == b"ustar" and len(block) == 512 else block for block in blocks
    )


def judged(around: Path, data: bytes, content: Mapping[str, bytes]) -> None:
    """Unpack: refused with nothing left, or exactly the content; and nothing else is touched in either case."""
    into = around / "here" / "place" / "into"
    packed = around / "here" / "packed"
    packed.write_bytes(data)
    before = {path: state for path, state in world(around).items() if path != "here/place"}
    try:
        assert held(archive.unpack(packed, into)) == content
    except HephaestusError:
        assert not os.path.lexists(into)
    else:
        for path in sorted(into.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        into.rmdir()
    assert {path: state for path, state in world(around).items() if path != "here/place"} == before


FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
CONTENT = listed({**FILES, LONG_WHEEL: b"long" * 300})
LONG_TAR = (
    b"".join(
        plain(f"{TOP}/{name}", data).tobuf(tarfile.PAX_FORMAT) + data + bytes(-len(data) % 512)
        for name, data in CONTENT.items()
    )
    + END
)


@FUZZ
@given(data=st.data())
@pytest.mark.slow
def test_a_damaged_archive_is_refused_or_has_the_same_files(around: Path, data: st.DataObject) -> None:
    judged(around, data.draw(damaged(gzip.compress(LONG_TAR, mtime=0))), CONTENT)


@FUZZ
@given(data=st.data())
@pytest.mark.slow
def test_a_damaged_tar_file_in_sound_gzip_is_refused_or_has_the_same_files(around: Path, data: st.DataObject) -> None:
    judged(around, gzip.compress(mended(data.draw(damaged(LONG_TAR))), 1, mtime=0), CONTENT)


NAME = st.text(st.sampled_from("abcÄ漢 -_.+/:\\\x00\n"), min_size=1, max_size=12) | st.just("deep" * 60)


@FUZZ
@given(files=st.dictionaries(NAME, st.binary(max_size=2000), min_size=1, max_size=4))
@pytest.mark.slow
def test_whatever_is_written_comes_back_as_it_was(around: Path, files: dict[str, bytes]) -> None:
    content = listed(files)
    packed = around / "written"
    with contextlib.suppress(VerificationFailed):
        archive.write(TOP, list(content.items()), packed)
        assert held(archive.unpack(packed, around / "into")) == content


@settings(FUZZ, max_examples=30)
@given(header=st.binary(min_size=512, max_size=512) | damaged(EXTRA).map(lambda block: block[:512].ljust(512, b"\0")))
@pytest.mark.slow
def test_no_header_makes_anything_but_a_refusal(around: Path, header: bytes) -> None:
    judged(around, gzip.compress(good_members() + mended(header) + END, 1, mtime=0), listed(FILES))
