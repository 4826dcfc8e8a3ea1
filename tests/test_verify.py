"""Looking at a release from outside: anything that is not what was proven is told, whoever changed it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import worlds
from hephaestus import alone
from hephaestus.errors import HephaestusError, VerificationFailed
from hephaestus.verify import Verify
from hephaestus.wheelhouse import archive

if TYPE_CHECKING:
    from places import Place

pytestmark = pytest.mark.slow

HOUSE = "acorn-1.1.0-wheelhouse.tar.gz"
WHEEL = "acorn-1.1.0-py3-none-any.whl"


@pytest.fixture
def released(request: pytest.FixtureRequest) -> Place:
    """A project whose release 1.1.0 is out."""
    return worlds.halfway(request, "verify")


def step(place: Place, assets: Path | None = None) -> Verify:
    (found,) = alone.verify(place.repository, "1.1.0")
    assert isinstance(found, Verify)
    return found if assets is None else replace(found, assets=assets)


def record(place: Place) -> Path:
    return place.forge / "v1.1.0" / "release.json"


def change(place: Place, old: str, new: str) -> None:
    text = record(place).read_text()
    assert old in text
    record(place).write_text(text.replace(old, new))


def test_a_release_that_is_what_was_proven_is_verified_and_nothing_is_left_or_changed(released: Place) -> None:
    before = released.snapshot()

    done = released.hephaestus("verify", "--version", "1.1.0")

    assert done.returncode == 0, done.stderr
    assert released.snapshot() == before
    assert not step(released).work.exists()


def other_bytes(place: Place) -> None:
    (place.forge / "v1.1.0" / "assets" / WHEEL).write_bytes(b"evil")


def other_bytes_and_record(place: Place) -> None:
    told = json.loads(record(place).read_text())
    asset = next(asset for asset in told["assets"] if asset["name"] == WHEEL)
    asset.update(size=4, sha256=hashlib.sha256(b"evil").hexdigest())
    record(place).write_text(json.dumps(told))
    other_bytes(place)


def another_tag(place: Place) -> None:
    place.git("tag", "--force", "-a", "-m", "Release v1.1.0", "v1.1.0", "HEAD~1")
    place.git("push", "--quiet", "--force", "origin", "v1.1.0")


def no_tag(place: Place) -> None:
    place.git("push", "--quiet", "origin", ":refs/tags/v1.1.0")


def no_mark(place: Place) -> None:
    change(place, "<!-- hephaestus-release", "<!-- release")


def no_release(place: Place) -> None:
    shutil.rmtree(place.forge / "v1.1.0")


def a_file_gone(place: Place) -> None:
    (place.forge / "v1.1.0" / "assets" / WHEEL).unlink()


@pytest.mark.parametrize(
    ("change_it", "words"),
    [
        (other_bytes, WHEEL),
        (other_bytes_and_record, "the files of the release v1.1.0 are not the promised ones"),
        (another_tag, "the tag v1.1.0 on origin is not the one that was released"),
        (no_tag, "the tag v1.1.0 on origin is not the one that was released"),
        (no_mark, "does not say what it should hold"),
        (no_release, "shows no release v1.1.0"),
        (a_file_gone, WHEEL),
    ],
)
def test_what_was_changed_afterwards_is_found_and_named(released, change_it: Callable[[Place], None], words):
    change_it(released)

    with pytest.raises(HephaestusError) as caught:
        step(released).apply()

    assert words in caught.value.message
    assert caught.value.hint
    assert caught.value.exit_code in (6, 12)


def test_a_published_file_is_compared_with_the_proven_one_where_that_is_at_hand(
    released: Place, tmp_path: Path
) -> None:
    proven = tmp_path / "proven"
    shutil.copytree(released.forge / "v1.1.0" / "assets", proven)
    (proven / WHEEL).write_bytes(b"what was proven here was something else")

    with pytest.raises(VerificationFailed, match=rf"{WHEEL} is not the file that was proven"):
        step(released, proven).apply()


def test_a_draft_is_no_release(request: pytest.FixtureRequest) -> None:
    there = worlds.halfway(request, "upload")

    with pytest.raises(VerificationFailed, match=r"shows no release v1\.1\.0"):
        step(there).apply()


def test_a_release_that_does_not_install_is_not_verified(released: Place) -> None:
    (found,) = alone.verify(released.repository, "1.1.0")

    with pytest.raises(VerificationFailed, match="does not work"):
        replace(found, smoke="acorn-wilted").apply()
    with pytest.raises(VerificationFailed):
        replace(found, version="1.0.0").apply()


def test_verifying_leaves_nothing_to_take_back_but_what_was_downloaded(released: Place) -> None:
    found = step(released)
    found.work.mkdir(parents=True)

    assert found.describe_undo() == "nothing to take back"
    found.undo()

    assert not found.work.exists()


def test_what_readers_download_is_the_archive_its_own_list_describes(released: Place, tmp_path: Path) -> None:
    top = archive.unpack(released.forge / "v1.1.0" / "assets" / HOUSE, tmp_path / "unpacked")

    assert (top / "wheels" / WHEEL).read_bytes() == (released.forge / "v1.1.0" / "assets" / WHEEL).read_bytes()
