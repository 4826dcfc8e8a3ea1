"""A wheelhouse entered: what does not say the same thing everywhere is refused, and nothing stays behind."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import wheels
import workshop
from hephaestus.errors import VerificationFailed
from hephaestus.wheelhouse import house
from hephaestus.wheelhouse.target import parse
from workshop import LINUX, WINDOWS


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """The wheelhouse of acorn, which needs leaf, and colorama on Windows."""
    others = [wheels.make_wheel(tmp_path / "index", name) for name in ("leaf", "colorama")]
    own = wheels.make_wheel(tmp_path, requires=["leaf>=1", "colorama; sys_platform == 'win32'"])
    return workshop.wheelhouse(tmp_path, workshop.order(LINUX, WINDOWS), [own], others)


def files(packed: Path, tmp_path: Path) -> dict[str, bytes]:
    root = house.unpack(packed, tmp_path / "read").root
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_it_is_what_it_was_made_to_be(packed: Path, tmp_path: Path) -> None:
    entered = house.unpack(packed, tmp_path / "unpacked")

    assert (entered.project, entered.version) == ("acorn", "1.1.0")
    assert entered.targets == (parse(LINUX), parse(WINDOWS))
    assert [each.name for each in entered.wheels] == ["acorn", "colorama", "leaf"]
    assert entered.sdist.name == "acorn-1.1.0.tar.gz"
    assert entered.missing() == []


def test_a_target_it_was_not_made_for_is_refused_by_its_lock(packed: Path, tmp_path: Path) -> None:
    with pytest.raises(VerificationFailed, match="does not serve cp313-win_amd64"):
        house.unpack(packed, tmp_path / "unpacked").selected(parse("cp313-win_amd64"))


CHANGES: dict[str, Callable[[dict[str, bytes]], dict[str, bytes | None]]] = {
    "no manifest": lambda _held: {"manifest.json": None},
    "a manifest that is no JSON": lambda _held: {"manifest.json": b"{"},
    "a manifest of nothing": lambda _held: {"manifest.json": b"[]"},
    "a manifest of another format": lambda held: _manifest(held, format=2),
    "a manifest of another project": lambda held: _manifest(held, project="oak"),
    "a manifest of another version": lambda held: _manifest(held, version="1.1.1"),
    "a manifest that forgets a wheel": lambda held: _manifest(held, wheels={}),
    "a manifest with a target that is none": lambda held: _manifest(held, targets=["toaster"]),
    "no lock": lambda _held: {"pylock.toml": None},
    "a lock that is no TOML": lambda _held: {"pylock.toml": b"["},
    "a lock of another hash": lambda held: {
        "pylock.toml": re.sub(rb'sha256 = "[0-9a-f]{64}"', b'sha256 = "' + b"0" * 64 + b'"', held["pylock.toml"])
    },
    "a lock that points elsewhere": lambda held: {
        "pylock.toml": held["pylock.toml"].replace(b'path = "wheels/', b'path = "../wheels/', 1)
    },
    "a lock with a URL": lambda held: {
        "pylock.toml": held["pylock.toml"].replace(b'path = "wheels/', b'url = "https://example.org/', 1)
    },
    "a lock of another version": lambda held: {
        "pylock.toml": held["pylock.toml"].replace(b'version = "1.1.0"', b'version = "1.2.0"')
    },
    "no requirements": lambda _held: {"requirements.txt": None},
    "requirements with a hash too many": lambda held: {
        "requirements.txt": held["requirements.txt"] + b"evil==1 --hash=sha256:" + b"0" * 64 + b"\n"
    },
    "requirements with their hashes in comments, and something else": lambda held: {
        "requirements.txt": b"\n".join(b"# " + line for line in held["requirements.txt"].splitlines())
        + b"\nevil @ file:///tmp/evil-1.0-py3-none-any.whl --hash sha256:"
        + b"0" * 64
        + b"\n"
    },
    "requirements with an index": lambda held: {
        "requirements.txt": b"--index-url https://example.org\n" + held["requirements.txt"]
    },
    "requirements with the hash of another wheel": lambda held: {
        "requirements.txt": held["requirements.txt"]
        .replace(b"leaf==", b"x==")
        .replace(b"acorn==", b"leaf==")
        .replace(b"x==", b"acorn==")
    },
    "a lock with a package from a repository": lambda held: {
        "pylock.toml": held["pylock.toml"]
        + b'\n[[packages]]\nname = "evil"\n[packages.vcs]\ntype = "git"\nurl = "https://example.org/e"\ncommit-id = "c0ffee"\n'
    },
    "a manifest without targets": lambda held: _manifest(held, targets=[]),
    "a manifest with an extra that is none": lambda held: _manifest(held, extras=["a b"]),
    "a manifest with a group that requires nonsense": lambda held: _manifest(held, groups={"docs": ["!!"]}),
    "requirements without a wheel": lambda _held: {"requirements.txt": b""},
    "no sdist": lambda _held: {"sdist/acorn-1.1.0.tar.gz": None},
    "the sdist of another version": lambda held: {
        "sdist/acorn-1.1.0.tar.gz": None,
        "sdist/acorn-1.0.0.tar.gz": held["sdist/acorn-1.1.0.tar.gz"],
    },
    "a wheel too many": lambda held: {"wheels/evil-1.1.0-py3-none-any.whl": held["wheels/leaf-1.1.0-py3-none-any.whl"]},
    "a wheel that is no wheel": lambda _held: {"wheels/leaf-1.1.0-py3-none-any.whl": b"PK"},
    "a text among the wheels": lambda _held: {"wheels/README": b"hello"},
    "no wheel of the project": lambda _held: {"wheels/acorn-1.1.0-py3-none-any.whl": None},
}


def _manifest(held: dict[str, bytes], **change: object) -> dict[str, bytes | None]:
    return {"manifest.json": json.dumps({**json.loads(held["manifest.json"]), **change}).encode()}


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.slow
def test_what_does_not_agree_with_itself_is_refused_and_leaves_nothing(packed: Path, tmp_path: Path, what: str) -> None:
    changed = workshop.repack(packed, tmp_path / "changed", CHANGES[what](files(packed, tmp_path)))

    with pytest.raises(VerificationFailed):
        house.unpack(changed, tmp_path / "unpacked")

    assert not (tmp_path / "unpacked").exists()


def test_an_archive_renamed_to_another_version_is_refused(packed: Path, tmp_path: Path) -> None:
    held = files(packed, tmp_path)
    renamed = tmp_path / "acorn-9.9.9-wheelhouse.tar.gz"
    packed.rename(renamed)

    with pytest.raises(VerificationFailed, match="another project or version"):
        house.unpack(workshop.repack(renamed, tmp_path / "changed", held), tmp_path / "unpacked")


def test_what_is_missing_on_one_target_is_told(packed: Path, tmp_path: Path) -> None:
    held = files(packed, tmp_path)
    lock = held["pylock.toml"].replace(b"sys_platform == 'win32'", b"sys_platform == 'cygwin'")
    # The environments of the lock name the platform too, and are left as they are.
    head, _, tail = lock.partition(b"[[packages]]")
    lock = head.replace(b"cygwin", b"win32") + b"[[packages]]" + tail

    entered = house.unpack(workshop.repack(packed, tmp_path / "changed", {"pylock.toml": lock}), tmp_path / "unpacked")

    problem, unlike = entered.missing()
    assert "colorama" in problem
    assert WINDOWS in problem
    assert unlike == f"requirements.txt does not install on {WINDOWS} what the pylock.toml does"


def test_requirements_that_install_less_than_the_lock_are_told(packed: Path, tmp_path: Path) -> None:
    held = files(packed, tmp_path)
    lines = held["requirements.txt"].replace(b"leaf==1.1.0", b"leaf==1.1.0 ; python_version < '3'")

    entered = house.unpack(
        workshop.repack(packed, tmp_path / "changed", {"requirements.txt": lines}), tmp_path / "unpacked"
    )

    assert entered.missing() == [
        f"requirements.txt does not install on {target} what the pylock.toml does" for target in (LINUX, WINDOWS)
    ]
