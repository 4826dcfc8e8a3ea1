"""The release comes home: the tag always, the branch where it can simply move forward, the user's work never harmed."""

import logging

import pytest

from worlds import TAG, halfway, made, step

MAIN = "refs/heads/main"


@pytest.fixture
def tagged(request):
    """A project whose release commit and tag wait under private refs."""
    return halfway(request, "tag")


@pytest.fixture
def heard(caplog):
    caplog.set_level(logging.INFO, "hephaestus")
    return caplog


def head(place):
    return place.git("rev-parse", MAIN)


@pytest.mark.slow
def test_tag_branch_index_and_files_move_forward_together(tagged):
    commit, tag = made(tagged)

    step(tagged, "land").apply()

    assert head(tagged) == commit
    assert tagged.git("rev-parse", TAG) == tag
    assert '__version__ = "1.1.0"' in (tagged.root / "src/acorn/__init__.py").read_text()
    assert tagged.git("status", "--porcelain") == ""
    assert tagged.git("symbolic-ref", "HEAD") == MAIN


def test_landing_twice_changes_nothing_more(tagged):
    step(tagged, "land").apply()
    before = tagged.snapshot()

    step(tagged, "land").apply()

    assert tagged.snapshot() == before


def test_changes_in_files_the_release_does_not_touch_stay(tagged):
    (tagged.root / "src/acorn/leaves.py").write_text("COLOUR = 'red'\n")
    (tagged.root / "notes.txt").write_text("mine\n")

    step(tagged, "land").apply()

    assert head(tagged) == made(tagged)[0]
    assert (tagged.root / "src/acorn/leaves.py").read_text() == "COLOUR = 'red'\n"
    assert (tagged.root / "notes.txt").read_text() == "mine\n"


def test_a_changed_file_that_the_release_touches_keeps_the_branch_where_it_is(tagged, heard):
    before = head(tagged)
    (tagged.root / "CHANGELOG.md").write_text("mine\n")

    step(tagged, "land").apply()

    assert (tagged.root / "CHANGELOG.md").read_text() == "mine\n"
    assert head(tagged) == before
    assert tagged.git("rev-parse", TAG) == made(tagged)[1]
    assert "git pull --ff-only" in heard.text


def test_a_branch_with_new_commits_stays_where_it_is(tagged, heard):
    mine = tagged.commit("fruit.txt", "an acorn\n")

    step(tagged, "land").apply()

    assert head(tagged) == mine
    assert tagged.git("rev-parse", TAG) == made(tagged)[1]
    assert "main was left where it is" in heard.text


def test_a_branch_with_new_commits_that_is_not_checked_out_stays_too(tagged, heard):
    mine = tagged.commit("fruit.txt", "an acorn\n")
    tagged.git("switch", "--quiet", "--create", "other")

    step(tagged, "land").apply()

    assert head(tagged) == mine
    assert "main was left where it is" in heard.text


def test_a_branch_that_has_the_release_already_is_left_alone(tagged, heard):
    tagged.git("merge", "--quiet", "--ff-only", made(tagged)[0])
    mine = tagged.commit("fruit.txt", "an acorn\n")

    step(tagged, "land").apply()

    assert head(tagged) == mine
    assert "left where it is" not in heard.text


def test_a_branch_that_is_not_checked_out_moves_without_touching_the_files(tagged):
    tagged.git("switch", "--quiet", "--create", "other")
    before = (tagged.root / "src/acorn/__init__.py").read_bytes()

    step(tagged, "land").apply()

    assert head(tagged) == made(tagged)[0]
    assert (tagged.root / "src/acorn/__init__.py").read_bytes() == before
    assert tagged.git("status", "--porcelain") == ""


def test_a_branch_that_is_checked_out_in_another_work_tree_stays(tagged, heard):
    before = head(tagged)
    tagged.git("switch", "--quiet", "--create", "other")
    elsewhere = tagged.root.parent / "elsewhere"
    tagged.git("worktree", "add", "--quiet", str(elsewhere), "main")

    step(tagged, "land").apply()

    assert head(tagged) == before
    assert tagged.git("status", "--porcelain", at=elsewhere) == ""
    assert "main was left where it is" in heard.text


def test_a_clone_without_the_branch_gets_the_tag_alone(tagged):
    tagged.git("checkout", "--quiet", "--detach")
    tagged.git("branch", "--quiet", "-D", "main")

    step(tagged, "land").apply()

    assert tagged.git("rev-parse", TAG) == made(tagged)[1]
    assert tagged.repository.resolve(MAIN) is None


def test_a_tag_of_that_name_in_the_clone_is_not_replaced(tagged):
    tagged.git("tag", TAG)
    mine = tagged.git("rev-parse", TAG)

    step(tagged, "land").apply()

    assert tagged.git("rev-parse", TAG) == mine
