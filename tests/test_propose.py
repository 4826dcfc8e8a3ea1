"""The release branch reaches the remote whole or not at all, alone, and over nothing that others have put there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hephaestus import git, system
from hephaestus.errors import Conflict, CouldNotRun, Refused
from hephaestus.propose import Propose
from worlds import DROPPED, LOST, REFUSALS, UNREACHABLE, hook, receive

if TYPE_CHECKING:
    from places import Place

# Each has a server, or a repository of its own, to talk to: not long, but long for many.
pytestmark = pytest.mark.slow

BRANCH, REF, COMMIT = "release/v1.1.0", "refs/heads/release/v1.1.0", "refs/hephaestus/proposals/v1.1.0/commit"
AGAIN = "hephaestus release --version 1.1.0 --pr"


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Nobody waits; how long one would have is written down."""
    told: list[float] = []
    monkeypatch.setattr(system, "pause", told.append)
    return told


def commit(place: Place, message: str = "chore: Prepare release v1.1.0") -> str:
    """Make a commit that no branch holds, and keep it under the private ref."""
    made = place.git("commit-tree", "-p", "HEAD", "-m", message, "HEAD^{tree}")
    place.git("update-ref", COMMIT, made)
    return made


def step(place: Place, expects: str = git.ABSENT) -> Propose:
    return Propose(place.repository, "origin", BRANCH, COMMIT, expects, AGAIN)


def branch(place: Place) -> str | None:
    return place.remote_refs().get(REF)


def test_the_branch_is_pushed_and_nothing_else(place: Place) -> None:
    (place.root / "untracked.py").write_text("x = 1\n")
    place.commit("src/acorn/roots.py", "DEPTH = 1\n", "feat: Not pushed yet")
    place.git("tag", "v9.9.9")
    before, made = place.snapshot(), commit(place)

    step(place).apply()

    after = place.snapshot()
    assert branch(place) == made
    assert {name: held for name, held in place.remote_refs().items() if name != REF} == before["remote"]
    assert {**after, "remote": None, "refs": None} == {**before, "remote": None, "refs": None}
    assert set(place.repository.refs("refs/")) - set(dict(before["refs"])) <= {
        COMMIT,
        "refs/remotes/origin/release/v1.1.0",
    }  # type: ignore[call-overload]


def test_a_branch_that_is_there_is_left_alone(place: Place) -> None:
    commit(place)
    step(place).apply()
    hook(place, "pre-receive", "exit 1")

    step(place).apply()


def test_a_branch_of_ours_is_replaced(place: Place) -> None:
    older = commit(place)
    step(place).apply()
    newer = commit(place, "chore: Prepare release v1.1.0, on more")

    step(place, older).apply()

    assert branch(place) == newer


def test_a_branch_that_others_have_changed_meanwhile_is_not_touched(place: Place) -> None:
    seen = commit(place)
    step(place).apply()
    theirs = commit(place, "fix: By a reviewer")
    place.git("push", "--quiet", "--force", "origin", f"{theirs}:{REF}")
    commit(place, "chore: Prepare release v1.1.0, on more")

    with pytest.raises(Conflict, match=f"{BRANCH} on origin has changed meanwhile: it is at {theirs[:10]}") as raised:
        step(place, seen).apply()

    assert raised.value.hint == AGAIN
    assert branch(place) == theirs


def test_a_branch_that_is_gone_meanwhile_is_not_made_again(place: Place) -> None:
    seen = commit(place)
    commit(place, "chore: Prepare release v1.1.0, on more")

    with pytest.raises(Conflict, match="it is gone"):
        step(place, seen).apply()


def test_without_a_commit_there_is_nothing_to_push(place: Place) -> None:
    with pytest.raises(Conflict, match="was not made yet"):
        step(place).apply()


def test_a_branch_that_takes_the_name_away_is_found_before(place: Place) -> None:
    place.git("push", "--quiet", "origin", "HEAD:refs/heads/release")

    (problem,) = step(place).check()

    assert problem.message == "origin has a branch release, so there can be no release/v1.1.0"


def test_a_name_that_no_branch_can_have_is_found_before(place: Place) -> None:
    (problem,) = Propose(place.repository, "origin", "release/v1..0", COMMIT, git.ABSENT, AGAIN).check()

    assert "cannot be the name of a branch" in problem.message


# The connection


@pytest.mark.parametrize("answer", DROPPED.values(), ids=DROPPED)
def test_a_push_whose_answer_was_lost_has_arrived(place: Place, answer: str) -> None:
    made = commit(place)
    receive(place, answer)

    step(place).apply()

    assert branch(place) == made


@pytest.mark.parametrize("fault", LOST.values(), ids=LOST)
def test_a_push_that_never_arrives_is_given_up_after_some_tries(
    place: Place, fault: object, pauses: list[float]
) -> None:
    commit(place)
    fault.begin(place)  # type: ignore[attr-defined]

    with pytest.raises((CouldNotRun, Refused)):
        step(place).apply()

    assert branch(place) is None
    fault.mend(place)  # type: ignore[attr-defined]
    step(place).apply()
    assert branch(place) is not None


@pytest.mark.parametrize("name", ["branch refused", "all refused"])
def test_a_remote_that_refuses_the_branch_says_so_at_once(place: Place, name: str, pauses: list[float]) -> None:
    commit(place)
    REFUSALS[name].begin(place)

    with pytest.raises(Refused, match="GH013") as raised:
        step(place).apply()

    assert raised.value.hint == AGAIN
    assert pauses == []
    assert branch(place) is None


@pytest.mark.parametrize("fault", UNREACHABLE.values(), ids=UNREACHABLE)
def test_a_remote_that_cannot_be_reached_is_no_refusal(place: Place, fault: object) -> None:
    commit(place)
    fault.begin(place)  # type: ignore[attr-defined]

    with pytest.raises(CouldNotRun):
        step(place).apply()
