"""Wheelhouses made on several machines become one, and what does not belong together is refused."""

import json
import tarfile
from pathlib import Path

import pytest

import wheels
import workshop
from hephaestus.errors import UsageError, VerificationFailed
from hephaestus.wheelhouse import house
from hephaestus.wheelhouse.merge import merge
from workshop import LINUX, MAC, WINDOWS


def made(where: Path, target: str, tag: str, **more: object) -> Path:
    """Make the wheelhouse of a native acorn as the machine of a target makes it."""
    sdist = more.pop("sdist", b"a source distribution")
    leaf = wheels.make_wheel(where.parent / "index", "leaf")
    own = wheels.make_wheel(where, tag=f"cp312-cp312-{tag}", requires=["leaf"])
    return workshop.wheelhouse(where, workshop.order(target, **more), [own], [leaf], sdist=sdist)


@pytest.fixture
def linux(tmp_path: Path) -> Path:
    return made(tmp_path / "linux", LINUX, "manylinux_2_28_x86_64")


def test_it_serves_the_targets_of_all_and_holds_common_wheels_once(linux: Path, tmp_path: Path) -> None:
    windows = made(tmp_path / "windows", WINDOWS, "win_amd64")

    merged = merge([linux, windows], tmp_path / "work", tmp_path / "dist")

    entered = house.unpack(merged, tmp_path / "unpacked")
    assert sorted(map(str, entered.targets)) == sorted([LINUX, WINDOWS])
    assert [each.file for each in entered.wheels] == [
        "acorn-1.1.0-cp312-cp312-manylinux_2_28_x86_64.whl",
        "acorn-1.1.0-cp312-cp312-win_amd64.whl",
        "leaf-1.1.0-py3-none-any.whl",
    ]
    assert entered.missing() == []
    assert (tmp_path / "dist" / f"{merged.name}.sha256").read_text() == f"{wheels.sha256(merged)}  {merged.name}\n"
    assert not (tmp_path / "work").exists()


@pytest.mark.slow
def test_the_order_of_the_archives_does_not_matter(linux: Path, tmp_path: Path) -> None:
    others = [made(tmp_path / "windows", WINDOWS, "win_amd64"), made(tmp_path / "mac", MAC, "macosx_11_0_arm64")]

    one = merge([linux, *others], tmp_path / "work", tmp_path / "one")
    two = merge([*reversed(others), linux], tmp_path / "work", tmp_path / "two")

    assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"commit": "e" * 40}, "their commit differs"),
        ({"version": "1.2.0"}, "their version differs"),
        ({"sdist": b"other bytes"}, "has other bytes in the second archive"),
    ],
)
def test_archives_of_two_releases_are_refused(linux: Path, tmp_path: Path, more: dict[str, object], said: str) -> None:
    if "version" in more:
        own = wheels.make_wheel(tmp_path / "other", version="1.2.0", tag="cp312-cp312-win_amd64")
        other = workshop.wheelhouse(tmp_path / "other", workshop.order(WINDOWS, **more), [own])
    else:
        other = made(tmp_path / "other", WINDOWS, "win_amd64", **more)

    with pytest.raises(VerificationFailed, match=said):
        merge([linux, other], tmp_path / "work", tmp_path / "dist")

    assert not (tmp_path / "dist").exists()


def test_one_archive_is_nothing_to_merge(linux: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        merge([linux], tmp_path / "work", tmp_path / "dist")


def test_what_was_built_on_another_machine_is_merged_and_complete(tmp_path: Path, linux: Path) -> None:
    other = "cp312-manylinux_2_35_aarch64"
    there = workshop.wheelhouse(
        tmp_path / "there",
        workshop.order(other),
        [wheels.make_wheel(tmp_path / "there", tag="py3-none-any", requires=["leaf"])],
        [wheels.make_wheel(tmp_path / "index", "leaf")],
    )
    # What a build there leaves has the tag of such a machine alone.
    held = {}
    with tarfile.open(there) as tar:
        for each in tar:
            held[each.name.partition("/")[2]] = tar.extractfile(each).read()
    native = wheels.make_wheel(tmp_path / "native", tag="cp312-cp312-linux_aarch64", requires=["leaf"])
    old, new = "acorn-1.1.0-py3-none-any.whl", native.name
    digests = wheels.sha256(tmp_path / "there" / old), wheels.sha256(native)
    sizes = (tmp_path / "there" / old).stat().st_size, native.stat().st_size
    change: dict[str, bytes | None] = {f"wheels/{old}": None, f"wheels/{new}": native.read_bytes()}
    for name in ("pylock.toml", "requirements.txt", "manifest.json"):
        text = (
            held[name].decode().replace(old, new).replace(*digests).replace(f"size = {sizes[0]}", f"size = {sizes[1]}")
        )
        change[name] = text.encode()

    merged = merge([linux, workshop.repack(there, tmp_path / "changed", change)], tmp_path / "work", tmp_path / "dist")

    assert house.unpack(merged, tmp_path / "unpacked").missing() == []


def test_a_signature_of_an_archive_merged_before_does_not_stay(linux: Path, tmp_path: Path) -> None:
    windows = made(tmp_path / "windows", WINDOWS, "win_amd64")
    (tmp_path / "dist").mkdir()
    stale = tmp_path / "dist" / f"{linux.name}.sha256.sig"
    stale.write_text("of another archive")

    merge([linux, windows], tmp_path / "work", tmp_path / "dist")

    assert not stale.exists()


@pytest.mark.slow
def test_without_a_lock_of_the_project_each_machine_may_have_resolved_its_own(linux: Path, tmp_path: Path) -> None:
    windows = made(tmp_path / "windows", WINDOWS, "win_amd64")

    def locked(packed: Path, source: str, letter: str) -> Path:
        with tarfile.open(packed) as tar:
            (member,) = (each for each in tar if each.name.endswith("manifest.json"))
            manifest = json.loads(tar.extractfile(member).read())
        manifest["lock"] = {"from": source, "sha256": letter * 64}
        return workshop.repack(packed, tmp_path / letter, {"manifest.json": json.dumps(manifest).encode()})

    resolved = [locked(linux, "resolved by uv 0.13", "a"), locked(windows, "resolved by uv 0.13", "b")]
    assert house.unpack(merge(resolved, tmp_path / "work", tmp_path / "dist"), tmp_path / "unpacked").missing() == []
    own = [locked(linux, "uv.lock", "c"), locked(windows, "uv.lock", "d")]
    with pytest.raises(VerificationFailed, match="their locks differ"):
        merge(own, tmp_path / "work", tmp_path / "other")
