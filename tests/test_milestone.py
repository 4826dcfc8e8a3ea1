"""Planning a release on GitHub: its milestone, and what is done since the last release in it."""

from __future__ import annotations

import json
import logging
import subprocess
from typing import TYPE_CHECKING

import pytest

from fakegithub import Hub
from hephaestus.errors import UsageError
from hephaestus.milestone import gather
from hephaestus.request import Request

if TYPE_CHECKING:
    from places import Place

# Each has a server, or a repository of its own, to talk to: not long, but long for many.
pytestmark = pytest.mark.slow

CHANGELOG = """\
# Changelog

## [Unreleased]

### Added

- Leaves (#1), roots ([#3]), worms (#4); #99.

## [1.0.0] - 2026-01-01

- A trunk (#5).

[#3]: https://github.com/elm/tree/issues/3
"""
ASKED = Request(version="1.1.0")


@pytest.fixture
def planned(hub: Hub, hosted: Place) -> Place:
    """A project whose next release has tickets of every kind."""
    hub.issue("Leaves fall", closed=True)
    _pull(hub)
    hub.issue("Roots rot", closed=True)
    hub.issue("Worms", closed=True, milestone="later")
    hub.issue("A trunk", closed=True)
    hub.issue("Bark", closed=True)
    hub.issue("Nuts")
    hosted.commit("CHANGELOG.md", CHANGELOG, "docs: Say so (#2)")
    hosted.commit("src/acorn/nuts.py", "", "fix: Nuts, fixes #7")
    return hosted


def _pull(hub: Hub) -> int:
    def run(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=hub.bare, check=True, capture_output=True, text=True).stdout.strip()

    run("update-ref", "refs/heads/side", run("commit-tree", "-p", "main", "-m", "feat: Grow", "main^{tree}"))
    return hub.pull("side", title="Grow", body="Fixes #6", merged=True)


def inside(hub: Hub, title: str) -> list[int]:
    tickets = [*hub.issues, *hub.pulls]
    return sorted(each["number"] for each in tickets if (each["milestone"] or {}).get("title") == title)


def writes(hub: Hub) -> list[str]:
    return [f"{each.method} {each.path}" for each in hub.exchanges if each.method != "GET" and "/api/" in each.path]


def test_a_milestone_is_made_with_all_that_is_done_and_named(
    hub: Hub, planned: Place, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hephaestus")
    found = gather(ASKED, planned.repository)

    assert [(each["title"], each["state"], each["description"]) for each in hub.milestones][1:] == [
        ("v1.1.0", "open", "What acorn 1.1.0 brings.")
    ]
    assert inside(hub, "v1.1.0") == [1, 2, 6]
    assert inside(hub, "later") == [4]
    assert (found.title, found.url) == ("v1.1.0", hub.milestones[1]["html_url"])
    assert [each.number for each in found.tickets] == [each.number for each in found.added] == [1, 2, 6]
    assert [each.number for each in found.elsewhere] == [4]
    assert "left in the milestone later: #4 Worms" in caplog.messages


def test_planning_again_gathers_what_came_since_and_does_nothing_twice(hub: Hub, planned: Place) -> None:
    gather(ASKED, planned.repository)
    said = len(writes(hub))
    again = gather(ASKED, planned.repository)
    assert (writes(hub)[said:], again.added) == ([], ())
    assert [each.number for each in again.tickets] == [1, 2, 6]

    hub.issues[-1].update(state="closed", state_reason="completed")
    assert [each.number for each in gather(ASKED, planned.repository).added] == [7]
    assert inside(hub, "v1.1.0") == [1, 2, 6, 7]


def test_what_was_put_in_by_hand_is_shown_too(hub: Hub, planned: Place) -> None:
    by_hand = hub.issue("Squirrels", milestone="v1.1.0")
    found = gather(ASKED, planned.repository)

    assert [(each.number, each.done) for each in found.tickets] == [(1, True), (2, True), (6, True), (by_hand, False)]


def test_a_dry_run_says_what_would_be_in_it(hub: Hub, planned: Place) -> None:
    found = gather(ASKED, planned.repository, dry=True)

    assert ([each.number for each in found.tickets], found.url) == ([1, 2, 6], "")
    assert writes(hub) == []


def test_the_section_of_a_version_that_is_prepared_counts(hub: Hub, planned: Place) -> None:
    prepared = CHANGELOG.replace("## [Unreleased]", "## [Unreleased]\n\n## [1.1.0] - 2026-11-25")
    planned.commit("CHANGELOG.md", prepared, "chore: Prepare release v1.1.0")

    assert [each.number for each in gather(ASKED, planned.repository).added] == [1, 2, 6]


def test_a_forge_without_milestones_says_so(place: Place) -> None:
    with pytest.raises(UsageError, match="has no milestones") as caught:
        gather(ASKED, place.repository)

    assert caught.value.hint == "hephaestus plan --version 1.1.0"


def test_plan_shows_the_milestone_and_leaves_it_alone_unless_it_is_asked_for(hub: Hub, planned: Place) -> None:
    planned.git("push", "--quiet", str(hub.bare), "HEAD:main", "--force")
    assert planned.hephaestus("plan", "--version", "1.1.0").returncode == 0
    assert writes(hub) == []

    done = planned.hephaestus("plan", "--version", "1.1.0", "--milestone")
    assert done.returncode == 0, done.stderr
    assert "the milestone v1.1.0 holds\n\nticket  state  about\n#1      done   Leaves fall\n" in done.stderr
    told = json.loads(planned.hephaestus("plan", "--version", "1.1.0", "--milestone", "--json").stdout)
    assert told["outcome"] == "planned"
    assert told["milestone"] == {
        "title": "v1.1.0",
        "url": hub.milestones[1]["html_url"],
        "tickets": [1, 2, 6],
        "added": [],
        "elsewhere": [4],
    }
