"""A hotfix begins at the release it mends, on a branch of its own, and nothing else is changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from hephaestus import hotfix
from hephaestus.errors import Conflict, HephaestusError, UsageError

if TYPE_CHECKING:
    from places import Place

# Each has a server, or a repository of its own, to talk to: not long, but long for many.
pytestmark = pytest.mark.slow

BRANCH = "hotfix/v1.0.1"


def start(place: Place, tag: str = "v1.0.0", version: str | None = None) -> str:
    return hotfix.start(place.repository, hotfix.prepare(place.repository, tag, version))


def refuse(place: Place, *words: str) -> HephaestusError:
    before = place.snapshot()
    with pytest.raises(UsageError) as raised:
        start(place, *words)
    assert place.snapshot() == before
    return raised.value


def test_the_branch_of_the_next_patch_is_made_from_the_tag_and_checked_out(place: Place) -> None:
    before = place.snapshot()
    said = start(place)

    assert place.git("branch", "--show-current") == BRANCH
    assert place.git("rev-parse", "HEAD") == place.git("rev-parse", "v1.0.0^{commit}")
    assert place.git("status", "--porcelain") == ""
    assert place.snapshot()["remote"] == before["remote"]
    assert said.splitlines()[0] == f"{BRANCH} is checked out, made from v1.0.0."


def test_what_comes_next_is_a_fix_a_test_an_entry_and_the_release(place: Place) -> None:
    said = start(place)

    assert "with a test that fails without it" in said
    assert "tell of it in CHANGELOG.md, under [Unreleased]\n" in said
    assert "hephaestus release --version 1.0.1 --pr" in said


def test_a_changelog_without_an_unreleased_section_gets_the_line_to_write(place: Place) -> None:
    text = (place.root / "CHANGELOG.md").read_text()
    place.commit("CHANGELOG.md", text.replace("## [Unreleased]\n\n### Added\n\n- Leaves.\n\n", ""))
    place.git("tag", "v1.1.0")

    assert "which is not there: write the line “## [Unreleased]”" in start(place, "v1.1.0")


def test_the_same_command_again_only_switches_back(place: Place) -> None:
    start(place)
    head = place.commit("src/acorn/fix.py", "FIXED = True\n", "fix: Mend")
    place.git("switch", "--quiet", "main")

    said = start(place)

    assert said.startswith(f"{BRANCH} is checked out.")
    assert place.git("rev-parse", "HEAD") == head
    assert start(place).startswith(f"{BRANCH} is checked out."), "and on the branch it has nothing to do"


def test_a_patch_that_is_released_already_is_passed_over(place: Place) -> None:
    place.git("tag", "v1.0.1")

    start(place)

    assert place.git("branch", "--show-current") == "hotfix/v1.0.2"


def test_a_version_can_be_named(place: Place) -> None:
    start(place, "v1.0.0", "1.0.5")

    assert place.git("branch", "--show-current") == "hotfix/v1.0.5"


def test_an_unknown_tag_is_refused_with_the_nearest(place: Place) -> None:
    raised = refuse(place, "1.0.0")

    assert "there is no tag '1.0.0' in this clone; the nearest are v1.0.0" in raised.message
    assert raised.hint == "hephaestus hotfix --from v1.0.0"


def test_a_tag_that_is_no_release_is_refused(place: Place) -> None:
    place.git("tag", "lunch")

    assert "the tag lunch names no version, as v1.4.0 would" in refuse(place, "lunch").message


def test_a_version_that_is_not_greater_or_is_tagged_is_refused(place: Place) -> None:
    place.git("tag", "v1.0.3")

    assert "1.0.0 is not greater than 1.0.0" in refuse(place, "v1.0.0", "1.0.0").message
    assert "the tag v1.0.3 exists already" in refuse(place, "v1.0.0", "1.0.3").message
    assert "is no version" in refuse(place, "v1.0.0", "banana").message


def test_changed_files_would_come_along_and_are_refused(place: Place) -> None:
    (place.root / "CHANGELOG.md").write_text("changed\n")

    raised = refuse(place)

    assert "CHANGELOG.md" in raised.message
    assert raised.hint == "git stash"


def test_a_branch_of_that_name_that_comes_from_elsewhere_is_refused(place: Place) -> None:
    place.git("branch", BRANCH, place.git("commit-tree", "-m", "alone", "HEAD^{tree}"))

    assert f"there is a branch {BRANCH} that does not come from v1.0.0" in refuse(place).message


def test_a_hotfix_that_was_begun_on_another_machine_is_named(place: Place) -> None:
    start(place)
    place.git("push", "--quiet", "origin", BRANCH)
    place.git("switch", "--quiet", "main")
    place.git("branch", "-D", BRANCH)

    assert refuse(place).hint == f"git switch --track origin/{BRANCH}"


def test_untracked_files_are_not_overwritten(place: Place) -> None:
    place.git("rm", "--quiet", "backend.py")
    place.git("commit", "--quiet", "-m", "chore: Without")
    (place.root / "backend.py").write_text("mine\n")

    with pytest.raises(Conflict, match="git would not switch"):
        start(place)

    assert (place.root / "backend.py").read_text() == "mine\n"
    assert place.git("branch", "--show-current") == "main"


def test_the_program_starts_a_hotfix_and_says_so_to_machines(place: Place) -> None:
    dry = place.hephaestus("--dry", "hotfix", "--from", "v1.0.0")
    assert dry.returncode == 0, dry.stderr
    assert "would make and check out hotfix/v1.0.1, from v1.0.0" in dry.stderr
    assert place.git("branch", "--show-current") == "main"

    done = place.hephaestus("hotfix", "--from", "v1.0.0", "--json")

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["outcome"], told["branch"], told["version"]) == ("begun", BRANCH, "1.0.1")
    assert place.git("branch", "--show-current") == BRANCH


def test_a_hotfix_of_nothing_is_refused_with_an_example(place: Place) -> None:
    done = place.hephaestus("hotfix")

    assert done.returncode == 2
    assert "hotfix needs --from" in done.stderr
