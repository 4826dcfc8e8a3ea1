"""Where things stand, as a user asks in the middle of anything."""

import pytest

from hephaestus import checkout, journal
from hephaestus.errors import UsageError
from hephaestus.make import make
from hephaestus.request import Request
from hephaestus.rollback import roll_back
from hephaestus.status import status
from places import Place


class Quiet:
    """Takes note of nothing."""

    def __getattr__(self, name: str) -> object:
        return lambda *_: None


def begin(place: Place, version: str = "1.1.0", until: str = "bump") -> None:
    make(Request(version=version, until=until), place.repository, Quiet(), None)


def test_a_project_at_rest(place: Place) -> None:
    before = place.snapshot()

    assert status(place.repository) == {
        "project": "acorn",
        "version": "1.0.0",
        "branch": "main",
        "commit": place.git("rev-parse", "HEAD"),
        "last_release": "v1.0.0",
        "forge": str(place.forge),
        "in_flight": [],
    }
    assert place.snapshot() == before


def test_a_project_that_was_never_released(place: Place) -> None:
    place.git("tag", "-d", "v1.0.0")

    assert status(place.repository)["last_release"] is None


def test_the_last_release_is_the_highest_one_below_the_checkout(place: Place) -> None:
    for tag in ("v1.9.0", "v1.10.0", "nightly", "v1.11.0rc1"):
        place.git("tag", tag, "HEAD~1")
    place.git("switch", "--quiet", "--orphan", "other")
    place.git("commit", "--quiet", "--allow-empty", "-m", "feat: Begin anew")
    place.git("tag", "v9.0.0")
    place.git("switch", "--quiet", "main")

    assert status(place.repository)["last_release"] == "v1.11.0rc1"


@pytest.mark.slow
def test_a_release_half_way_is_shown_with_what_is_done_and_what_comes_next(place: Place) -> None:
    begin(place, until="commit")
    [flight] = status(place.repository)["in_flight"]

    assert flight.pop("begun").startswith("20")
    assert flight == {
        "tag": "v1.1.0",
        "done": ["stage", "bump", "changelog", "commit"],
        "going_back": False,
        "next": ["hephaestus release --version 1.1.0", "hephaestus rollback --version 1.1.0"],
    }
    assert status(place.repository)["version"] == "1.0.0", "the checkout is as it was"


@pytest.mark.slow
def test_a_rollback_half_way_can_only_be_finished(place: Place) -> None:
    begin(place)
    record = journal.find(journal.directory(place.repository.common_directory), "v1.1.0")
    assert record is not None
    record.turn_back(published=False)
    [flight] = status(place.repository)["in_flight"]

    assert flight["going_back"]
    assert flight["next"] == ["hephaestus rollback --version 1.1.0"]


@pytest.mark.slow
def test_what_was_rolled_back_is_not_half_way(place: Place) -> None:
    begin(place)
    roll_back("1.1.0", None, place.repository, Quiet(), None)

    assert status(place.repository)["in_flight"] == []


@pytest.mark.slow
def test_another_work_tree_of_the_clone_shows_the_same(place: Place) -> None:
    begin(place)
    place.git("worktree", "add", "--quiet", "-b", "side", str(place.root.parent / "side"))
    side = Place(place.root.parent / "side", place.remote, place.forge)

    assert status(side.repository)["in_flight"] == status(place.repository)["in_flight"] != []
    assert status(side.repository)["branch"] == "side"


@pytest.mark.slow
def test_another_clone_knows_nothing_of_it(place: Place) -> None:
    begin(place)

    assert status(place.clone("other").repository)["in_flight"] == []


@pytest.mark.slow
def test_below_the_root_it_is_the_same(place: Place) -> None:
    done = place.hephaestus("status", at=place.root / "src" / "acorn")

    assert done.returncode == 0
    assert "\nproject       acorn\n" in done.stderr


def test_a_detached_head_has_no_branch_to_stand_on(place: Place) -> None:
    place.git("switch", "--quiet", "--detach")

    with pytest.raises(UsageError, match="detached") as caught:
        status(place.repository)
    assert caught.value.hint == "git switch main"


def test_on_the_commit_ci_names_a_detached_head_is_its_branch(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.git("switch", "--quiet", "--detach")
    monkeypatch.setenv("GITHUB_REF", "refs/heads/main")
    monkeypatch.setenv("GITHUB_SHA", place.git("rev-parse", "HEAD"))

    assert status(place.repository)["branch"] == checkout.base(place.repository)[1] == "main"
