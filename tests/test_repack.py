"""Distributions made anew: what depends on the machine is gone, what does not is left; hostile sdists are refused."""

import gzip
import io
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from hephaestus import repack
from hephaestus.errors import VerificationFailed
from wheels import make_wheel

EPOCH = 1700000000


def member(name: str, kind: bytes = tarfile.REGTYPE, **facts: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    for fact, value in facts.items():
        setattr(info, fact, value)
    return info


def archive(path: Path, *members: tarfile.TarInfo, stamp: int = 0) -> Path:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for each in members:
            data = each.name.encode() if each.isreg() else b""
            each.size = len(data)
            tar.addfile(each, io.BytesIO(data))
    path.write_bytes(gzip.compress(raw.getvalue(), mtime=stamp))
    return path


def told(path: Path) -> list[tuple[str, int, float, int, str]]:
    with tarfile.open(path) as tar:
        return [(m.name, m.mode, m.mtime, m.uid, m.uname) for m in tar]


def test_an_sdist_that_shows_who_made_it_and_when_is_made_anew(tmp_path):
    made = archive(
        tmp_path / "a-1.tar.gz",
        member("a-1", tarfile.DIRTYPE, mode=0o700, mtime=5.25),
        member("a-1/run", mode=0o711, uname="robin", uid=1000),
        member("a-1/b", mode=0o664, mtime=7),
        stamp=99,
    )

    repack.sdist(made, EPOCH)

    assert told(made) == [
        ("a-1", 0o755, EPOCH, 0, ""),
        ("a-1/b", 0o644, EPOCH, 0, ""),
        ("a-1/run", 0o755, EPOCH, 0, ""),
    ]
    assert made.read_bytes()[3:8] == bytes(5), "no name and no time"


@pytest.mark.parametrize(
    "facts", [{"mtime": 9}, {"mode": 0o600}, {"uid": 1}, {"gid": 1}, {"uname": "robin"}, {"gname": "users"}]
)
def test_each_thing_that_depends_on_the_machine_is_seen(tmp_path, facts):
    made = archive(tmp_path / "a-1.tar.gz", member("a-1/b", **{"mode": 0o644, "mtime": EPOCH, **facts}))
    plain = archive(tmp_path / "b-1.tar.gz", member("a-1/b", mode=0o644, mtime=EPOCH))

    repack.sdist(made, EPOCH)
    repack.sdist(plain, EPOCH)

    assert told(made) == told(plain)


@pytest.mark.parametrize("stamp", [0, EPOCH])
@pytest.mark.parametrize("mtime", [0, EPOCH])
def test_an_sdist_that_is_reproducible_is_left_byte_for_byte(tmp_path, stamp, mtime):
    made = archive(
        tmp_path / "a-1.tar.gz", member("a-1/z", mode=0o644, mtime=mtime), member("a-1/b", mtime=mtime), stamp=stamp
    )
    before = made.read_bytes()

    repack.sdist(made, EPOCH)

    assert made.read_bytes() == before


def test_links_survive_and_a_hard_link_becomes_the_file_it_is(tmp_path):
    made = archive(
        tmp_path / "a-1.tar.gz",
        member("a-1/z", mtime=3),
        member("a-1/b", tarfile.LNKTYPE, linkname="a-1/z"),
        member("a-1/s", tarfile.SYMTYPE, linkname="z"),
    )

    repack.sdist(made, EPOCH)

    with tarfile.open(made) as tar:
        assert tar.extractfile("a-1/b").read() == b"a-1/z"
        assert (tar.getmember("a-1/s").issym(), tar.getmember("a-1/s").linkname) == (True, "z")


def test_a_wheel_that_shows_when_it_was_made_is_made_anew_and_its_record_stays_true(tmp_path):
    made = make_wheel(tmp_path, "acorn", "1.0", files={"aaa.py": "x\n", "zzz.py": "y\n"})
    with zipfile.ZipFile(made) as before:
        contents = {name: before.read(name) for name in before.namelist()}

    repack.wheel(made, EPOCH)

    with zipfile.ZipFile(made) as after:
        assert {name: after.read(name) for name in after.namelist()} == contents
        assert after.namelist()[-1] == "acorn-1.0.dist-info/RECORD"
        assert after.namelist()[:3] == ["aaa.py", "acorn/__init__.py", "zzz.py"]
        assert {(each.date_time, each.external_attr >> 16) for each in after.infolist()} == {
            ((2023, 11, 14, 22, 13, 20), 0o100644)
        }


def test_a_wheel_that_is_reproducible_is_left_byte_for_byte(tmp_path):
    made = tmp_path / "a-1-py3-none-any.whl"
    with zipfile.ZipFile(made, "w") as wheel:
        for name, date in (("z.py", (2023, 11, 14, 22, 13, 21)), ("a.py", (1980, 1, 1, 0, 0, 0))):
            info = zipfile.ZipInfo(name, date)
            info.external_attr = 0o100644 << 16
            wheel.writestr(info, name)
    before = made.read_bytes()

    repack.wheel(made, EPOCH + 1)

    assert made.read_bytes() == before


@pytest.mark.parametrize("epoch", [0, 315532799, 315532800])
def test_a_wheel_has_no_time_before_zip_files_begin(tmp_path, epoch):
    made = make_wheel(tmp_path, "acorn", "1.0")

    repack.wheel(made, epoch)

    with zipfile.ZipFile(made) as wheel:
        assert {each.date_time for each in wheel.infolist()} == {(1980, 1, 1, 0, 0, 0)}


# Sdists anybody may have made

HOSTILE = {
    "an absolute path": [member("/etc/acorn")],
    "a path out": [member("a-1/../../b")],
    "a path out with backslashes": [member("a-1\\..\\..\\b")],
    "a link out": [member("a-1/s", tarfile.SYMTYPE, linkname="../../b")],
    "an absolute link": [member("a-1/s", tarfile.SYMTYPE, linkname="/etc")],
    "a link out of the folder alone": [member("a-1/s", tarfile.SYMTYPE, linkname="../b")],
    "a link out over another": [
        member("a-1/d", tarfile.DIRTYPE),
        member("a-1/d/up", tarfile.SYMTYPE, linkname=".."),
        member("a-1/out", tarfile.SYMTYPE, linkname="d/up/../.."),
    ],
    "a file through a link": [
        member("a-1/d", tarfile.DIRTYPE, mode=0o755),
        member("a-1/s", tarfile.SYMTYPE, linkname="d"),
        member("a-1/s/b"),
    ],
    "a hard link out": [member("a-1/h", tarfile.LNKTYPE, linkname="../b")],
    "a hard link to a link": [
        member("a-1/s", tarfile.SYMTYPE, linkname="d"),
        member("a-1/h", tarfile.LNKTYPE, linkname="a-1/s"),
    ],
    "a device": [member("a-1/null", tarfile.CHRTYPE)],
    "a pipe": [member("a-1/pipe", tarfile.FIFOTYPE)],
    "a member twice": [member("a-1/b"), member("a-1/b")],
    "a member over a link": [member("a-1/b", tarfile.SYMTYPE, linkname="c"), member("a-1/b")],
    "two folders": [member("a-1/b"), member("b-1/b")],
    "nothing": [],
}


@pytest.mark.parametrize("members", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_sdist_is_refused_and_writes_nothing_outside(tmp_path, members):
    into = tmp_path / "deep" / "er"
    into.mkdir(parents=True)
    path = archive(tmp_path / "a-1.tar.gz", *members)

    with pytest.raises(VerificationFailed, match=r"a-1\.tar\.gz") as raised:
        repack.unpack(path, into)

    assert raised.value.hint.startswith("tar ")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a-1.tar.gz", "deep"]
    assert [file.name for file in (tmp_path / "deep").iterdir()] == ["er"]


def test_an_sdist_that_says_it_is_huge_is_refused_before_it_is_written(tmp_path):
    huge = member("a-1/b")
    huge.size = 1 << 40
    (tmp_path / "a-1.tar.gz").write_bytes(gzip.compress(huge.tobuf() + bytes(1024)))

    with pytest.raises(VerificationFailed, match="larger than any sdist"):
        repack.unpack(tmp_path / "a-1.tar.gz", tmp_path / "into")

    assert not (tmp_path / "into").exists()


@pytest.mark.parametrize(
    "data", [b"", b"PK\x03\x04", b"\x1f\x8b\x08", gzip.compress(b"x" * 700, mtime=0)[:-9], gzip.compress(b"x", mtime=0)]
)
def test_what_is_no_gzipped_tar_is_refused(tmp_path, data):
    (tmp_path / "a-1.tar.gz").write_bytes(data)

    with pytest.raises(VerificationFailed, match=r"cannot be unpacked|has not one folder"):
        repack.unpack(tmp_path / "a-1.tar.gz", tmp_path)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
@pytest.mark.slow
def test_a_header_of_hundreds_of_megabytes_is_never_held_in_memory(tmp_path, kind):
    header = member("a-1/b", kind)
    header.size = 200 << 20
    with gzip.open(tmp_path / "a-1.tar.gz", "wb", compresslevel=1) as packed:
        packed.write(header.tobuf(tarfile.USTAR_FORMAT))
        for _ in range(200):
            packed.write(bytes(1 << 20))

    tracemalloc.start()
    try:
        with pytest.raises(VerificationFailed, match="longer than any"):
            repack.unpack(tmp_path / "a-1.tar.gz", tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_headers_without_end_are_refused(tmp_path):
    header = member("a-1/b", tarfile.XHDTYPE).tobuf(tarfile.USTAR_FORMAT)
    (tmp_path / "a-1.tar.gz").write_bytes(gzip.compress(header * 5000))

    with pytest.raises(VerificationFailed, match="cannot be unpacked"):
        repack.unpack(tmp_path / "a-1.tar.gz", tmp_path)


@pytest.mark.slow
def test_descriptions_that_fill_the_memory_together_are_refused(tmp_path):
    path = tmp_path / "a-1.tar.gz"
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT, pax_headers={"comment": "x" * 60_000}) as tar:
        for number in range(1200):
            tar.addfile(member(f"a-1/{number}"))

    with pytest.raises(VerificationFailed, match="larger than any sdist"):
        repack.unpack(path, tmp_path / "into")


@pytest.mark.parametrize("name", ["a-1.zip", "a-1.tar.bz2", "a-1.tgz"])
def test_another_kind_of_archive_is_no_sdist(tmp_path, name):
    with pytest.raises(VerificationFailed, match="which every sdist is"):
        repack.unpack(tmp_path / name, tmp_path)


def test_links_that_stay_inside_are_unpacked(tmp_path):
    path = archive(
        tmp_path / "a-1.tar.gz",
        member("a-1/d/b", mode=0o600),
        member("a-1/d/up", tarfile.SYMTYPE, linkname="../c"),
        member("a-1/c"),
        member("a-1/h", tarfile.LNKTYPE, linkname="a-1/c"),
    )

    root = repack.unpack(path, tmp_path / "into")

    assert root == tmp_path / "into" / "a-1"
    assert (root / "d" / "up").read_text() == (root / "h").read_text() == "a-1/c"


def test_an_sdist_is_from_the_time_of_its_newest_member(tmp_path):
    path = archive(tmp_path / "a-1.tar.gz", member("a-1/b", mtime=7), member("a-1/c", mtime=EPOCH + 0.75))

    assert repack.newest(path) == EPOCH
