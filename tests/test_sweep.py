"""After a release the branch of its pull request goes, if nothing on it is lost by that."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

import worlds
from fakegithub import Fault
from hephaestus import release, system
from hephaestus.errors import CouldNotRun
from hephaestus.sweep import Sweep

if TYPE_CHECKING:
    from fakegithub import Hub
    from places import Place

# Each has a server, or a repository of its own, to talk to: not long, but long for many.
pytestmark = pytest.mark.slow

BRANCH, REF = "release/v1.1.0", "refs/heads/release/v1.1.0"


@pytest.fixture(autouse=True)
def said(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Nobody waits, and what people are told is kept."""
    monkeypatch.setattr(system, "pause", lambda _seconds: None)
    caplog.set_level(logging.INFO, "hephaestus")
    return caplog


def push(hub: Hub, message: str = "chore: Prepare release v1.1.0") -> str:
    """Put a commit on the release branch, as a push does."""
    parent = hub.repository.resolve(REF) or hub.repository.resolve("refs/heads/main")
    made: str = hub.repository.git("commit-tree", "-p", str(parent), "-m", message, f"{parent}^{{tree}}").strip()
    hub.repository.put(REF, made)
    return made


def step(place: Place) -> Sweep:
    at = release.workplace(place.repository, "HEAD")
    return Sweep(at.forge.pull_requests, at.repository, "origin", BRANCH, "1.1.0")


@pytest.mark.parametrize("how", ["merge", "squash", "rebase"])
def test_a_branch_that_was_merged_in_whatever_way_is_removed(hosted: Place, hub: Hub, how: str) -> None:
    push(hub)
    hub.merge(hub.pull(BRANCH), how)
    before = hosted.remote_refs()

    step(hosted).apply()
    step(hosted).apply()

    assert hosted.remote_refs() == {name: held for name, held in before.items() if name != REF}


def test_commits_that_came_after_the_merge_are_left_alone(
    hosted: Place, hub: Hub, said: pytest.LogCaptureFixture
) -> None:
    push(hub)
    hub.merge(hub.pull(BRANCH), "squash")
    late = push(hub, "fix: Too late")

    step(hosted).apply()

    assert hosted.remote_refs()[REF] == late
    assert f"left alone: {BRANCH} on origin holds commits that were not merged" in said.messages


def test_a_branch_whose_pull_request_is_open_or_was_never_made_is_left_alone(
    hosted: Place, hub: Hub, said: pytest.LogCaptureFixture
) -> None:
    held = push(hub)
    step(hosted).apply()
    hub.pull(BRANCH)

    step(hosted).apply()

    assert hosted.remote_refs()[REF] == held
    assert said.messages.count(f"left alone: {BRANCH} on origin was not merged") == 2


def test_without_a_release_branch_nothing_is_asked_of_github(hosted: Place, hub: Hub) -> None:
    step(hosted).apply()

    assert [each for each in hub.exchanges if "/pulls" in each.path] == []


def test_where_there_are_no_pull_requests_a_branch_of_that_name_is_somebodys(place: Place) -> None:
    place.git("push", "--quiet", "origin", f"HEAD:{REF}")

    step(place).apply()

    assert REF in place.remote_refs()


def test_a_remote_that_keeps_the_branch_does_not_keep_the_release_from_its_end(
    hosted: Place, hub: Hub, said: pytest.LogCaptureFixture
) -> None:
    held = push(hub)
    hub.merge(hub.pull(BRANCH))
    hub.rule("branch", "refs/heads/release/*", ("deletion",))

    step(hosted).apply()

    assert hosted.remote_refs()[REF] == held
    assert any(message.startswith(f"left alone: origin refused to change {BRANCH}") for message in said.messages)


def test_a_token_that_may_not_see_pull_requests_does_not_keep_the_release_from_its_end(
    hosted: Place, hub: Hub, said: pytest.LogCaptureFixture
) -> None:
    push(hub)
    hub.merge(hub.pull(BRANCH))
    hub.fail(Fault.FORBIDDEN, "GET", r"/pulls$")

    step(hosted).apply()

    assert REF in hosted.remote_refs()
    assert any("Resource not accessible" in message for message in said.messages)


def test_a_branch_that_moves_in_the_moment_it_is_removed_is_left_alone(
    hosted: Place, hub: Hub, said: pytest.LogCaptureFixture
) -> None:
    push(hub)
    hub.merge(hub.pull(BRANCH))
    other = hosted.git("rev-parse", "HEAD")
    worlds.hook(hosted, "pre-receive", f"git update-ref {REF} {other}; exit 1")

    step(hosted).apply()

    assert REF in hosted.remote_refs()
    assert any(message.startswith("left alone: ") for message in said.messages)


def test_after_a_lost_reply_it_is_gone(hosted: Place, hub: Hub) -> None:
    push(hub)
    hub.merge(hub.pull(BRANCH))
    hub.fail(Fault.CUT_AFTER, "POST", "git-receive-pack")

    step(hosted).apply()

    assert REF not in hosted.remote_refs()


def test_a_service_that_is_away_is_no_success(hosted: Place, hub: Hub) -> None:
    push(hub)
    hub.merge(hub.pull(BRANCH))
    sweep = step(hosted)
    hub.fail(Fault.UNAVAILABLE, "GET", "pulls", times=99)

    with pytest.raises(CouldNotRun):
        sweep.apply()

    assert REF in hosted.remote_refs()
