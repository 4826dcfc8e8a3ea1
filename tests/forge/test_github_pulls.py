"""Pull requests on GitHub: one for a branch, whatever becomes of the replies, with its labels, people and reviews."""

from __future__ import annotations

from typing import Any

import pytest

from conftest import on
from fakegithub import Fault, Hub
from hephaestus.errors import CouldNotRun, Refused
from hephaestus.forge.github.client import Rejected
from hephaestus.forge.github.pulls import GitHubPullRequests

# Each has a server, or a repository of its own, to talk to: not long, but long for many.
pytestmark = pytest.mark.slow

BRANCH = "release/v1.1.0"
LOST = [Fault.CUT_BEFORE, Fault.CUT_AFTER, Fault.BAD_GATEWAY_BEFORE, Fault.BAD_GATEWAY_AFTER]


@pytest.fixture
def pulls(hub: Hub, waits: list[float]) -> GitHubPullRequests:
    return GitHubPullRequests(on(hub).client)


@pytest.fixture
def branch(hub: Hub) -> str:
    """A branch of the repository that is one commit ahead of main."""
    return push(hub, "one")


def push(hub: Hub, message: str, name: str = BRANCH) -> str:
    """Put a commit on a branch of the repository, as a push does."""
    parent = hub.repository.resolve(f"refs/heads/{name}") or hub.repository.resolve("refs/heads/main")
    made: str = hub.repository.git("commit-tree", "-p", str(parent), "-m", message, f"{parent}^{{tree}}").strip()
    hub.repository.put(f"refs/heads/{name}", made)
    return made


def propose(pulls: GitHubPullRequests, body: str = "Leaves.", base: str = "main") -> int:
    return pulls.propose(BRANCH, base, title="Release v1.1.0", body=body).number


def sent(hub: Hub, method: str, path: str = "") -> list[Any]:
    """Return the documents of all requests of a kind that had their effect."""
    return [each.document for each in hub.exchanges if each.method == method and each.path.endswith(path)]


# Finding


def test_a_branch_without_a_pull_request_has_none(pulls: GitHubPullRequests, branch: str) -> None:
    assert pulls.find(BRANCH) is None


def test_all_of_a_pull_request_is_told(pulls: GitHubPullRequests, hub: Hub, branch: str) -> None:
    number = hub.pull(BRANCH, title="Release v1.1.0", body="Leaves.", author="kim")
    hub.review(number, "alex")
    hub.review(number, "kim", "COMMENTED")
    pulls.mark(number, labels=["release"], assignees=["robin"])
    pulls.ask_for_review(number, ["robin", "oak/wardens"])

    found = pulls.find(BRANCH)

    assert found is not None
    assert (found.number, found.title, found.body, found.state) == (number, "Release v1.1.0", "Leaves.", "open")
    assert (found.head, found.base, found.author, found.merge) == (branch, "main", "kim", None)
    assert found.url == f"{hub.page}/pull/{number}"
    assert found.labels == {"release"}
    assert found.assignees == {"robin"}
    assert found.reviewers == {"alex", "robin", "oak/wardens"}, "who asked for it does not review it"


def test_a_merged_one_is_found_with_the_commit_of_the_merge(pulls: GitHubPullRequests, hub: Hub, branch: str) -> None:
    merge = hub.merge(hub.pull(BRANCH))

    found = pulls.find(BRANCH)

    assert found is not None
    assert (found.state, found.merge, found.head) == ("merged", merge, branch)


def test_the_open_one_comes_before_the_merged_and_the_newest_merged_before_the_others(
    pulls: GitHubPullRequests, hub: Hub, branch: str
) -> None:
    numbers = []
    for message in ("two", "three", "four"):
        push(hub, message)
        numbers.append(hub.pull(BRANCH, merged=True))
    assert getattr(pulls.find(BRANCH), "number", None) == numbers[-1]
    push(hub, "five")
    opened = hub.pull(BRANCH)

    assert getattr(pulls.find(BRANCH), "number", None) == opened


def test_one_that_was_closed_without_a_merge_is_none(pulls: GitHubPullRequests, hub: Hub, branch: str) -> None:
    hub.pulls[-1 if hub.pull(BRANCH) else 0]["state"] = "closed"

    assert pulls.find(BRANCH) is None


@pytest.mark.parametrize("fork", [{"full_name": "elm/acorn"}, None], ids=["fork", "deleted fork"])
def test_a_branch_of_that_name_in_a_fork_is_another_one(
    pulls: GitHubPullRequests, hub: Hub, branch: str, fork: dict[str, str] | None
) -> None:
    hub.pull(BRANCH)
    head = hub.pulls[-1]["head"]
    head["repo"] = None if fork is None else {**head["repo"], **fork}

    assert pulls.find(BRANCH) is None
    # GitHub's own description does not know of a fork that is gone; GitHub does.
    assert all("head.repo must be object" in said for said in hub.forgive())


def test_names_are_compared_as_github_does_without_case(pulls: GitHubPullRequests, hub: Hub, branch: str) -> None:
    hub.pull(BRANCH)
    hub.pulls[-1]["head"]["repo"]["full_name"] = "Oak/Acorn"

    assert pulls.find(BRANCH) is not None


def test_a_review_by_somebody_who_has_left_or_by_a_program_asks_nobody(
    pulls: GitHubPullRequests, hub: Hub, branch: str
) -> None:
    number = hub.pull(BRANCH)
    hub.review(number, "kim")
    hub.review(number, "alex")
    hub.reviews[number][0]["user"] = None
    hub.reviews[number][1]["user"]["type"] = "Bot"

    assert getattr(pulls.find(BRANCH), "reviewers", None) == frozenset()


def test_the_default_branch_is_the_one_of_the_repository(pulls: GitHubPullRequests, hub: Hub) -> None:
    hub.default_branch = "trunk"

    assert pulls.default_branch == "trunk"


# Proposing


def test_a_pull_request_is_opened_once(pulls: GitHubPullRequests, hub: Hub, branch: str) -> None:
    assert propose(pulls) == propose(pulls)

    assert [each["title"] for each in hub.pulls] == ["Release v1.1.0"]
    assert sent(hub, "PATCH") == [], "and left alone while it says what it should"


def test_the_open_one_is_given_the_new_text_and_base(pulls: GitHubPullRequests, hub: Hub, branch: str) -> None:
    push(hub, "other", "next")
    number = hub.pull(BRANCH, base="next", title="By hand", body="Old")

    assert propose(pulls, "New") == number

    (pull,) = hub.pulls
    assert (pull["title"], pull["body"], pull["base"]["ref"]) == ("Release v1.1.0", "New", "main")


def test_a_text_that_was_saved_by_githubs_editor_is_the_same_text(
    pulls: GitHubPullRequests, hub: Hub, branch: str
) -> None:
    hub.pull(BRANCH, title="Release v1.1.0", body="One.\r\nTwo.\r\n")

    propose(pulls, "One.\nTwo.")

    assert sent(hub, "PATCH") == []


@pytest.mark.parametrize("fault", LOST)
def test_after_a_lost_reply_there_is_one_pull_request(
    pulls: GitHubPullRequests, hub: Hub, branch: str, fault: Fault
) -> None:
    hub.fail(fault, "POST", "pulls$")

    number = propose(pulls)

    assert [each["number"] for each in hub.pulls] == [number]


def test_a_pull_request_that_is_late_in_the_listing_is_not_opened_twice(
    pulls: GitHubPullRequests, hub: Hub, branch: str, waits: list[float]
) -> None:
    hub.lag = 2
    hub.fail(Fault.CUT_AFTER, "POST", "pulls$")

    number = propose(pulls)

    assert [each["number"] for each in hub.pulls] == [number]
    assert waits, "it was looked for again"


@pytest.mark.parametrize("fault", LOST)
def test_a_lost_change_is_made_again(pulls: GitHubPullRequests, hub: Hub, branch: str, fault: Fault) -> None:
    hub.pull(BRANCH, body="Old")
    hub.fail(fault, "PATCH")

    propose(pulls, "New")

    assert hub.pulls[0]["body"] == "New"


def test_one_that_somebody_opens_in_the_same_moment_is_taken(pulls: GitHubPullRequests, hub: Hub, branch: str) -> None:
    asked = 0

    def meanwhile(_number: int, when: str) -> None:
        nonlocal asked
        asked += when == "before"
        if asked == 2 and not hub.pulls:
            hub.pull(BRANCH, title="By somebody")

    hub.at = meanwhile

    propose(pulls)

    assert [each["title"] for each in hub.pulls] == ["Release v1.1.0"]


def test_a_branch_with_nothing_new_is_refused_with_githubs_words(pulls: GitHubPullRequests, hub: Hub) -> None:
    hub.repository.put(f"refs/heads/{BRANCH}", str(hub.repository.resolve("refs/heads/main")))

    with pytest.raises(Rejected, match=r"No commits between main and release/v1\.1\.0"):
        propose(pulls)


def test_a_server_that_is_away_is_no_refusal(pulls: GitHubPullRequests, hub: Hub, branch: str) -> None:
    hub.fail(Fault.UNAVAILABLE, times=50)

    with pytest.raises(CouldNotRun):
        propose(pulls)


# Labels and assignees


def test_labels_are_made_where_they_are_missing_and_put_on_once(
    pulls: GitHubPullRequests, hub: Hub, branch: str
) -> None:
    number = hub.pull(BRANCH)
    for _ in range(2):
        pulls.mark(number, labels=["release", "needs a look/now", "urgent"], assignees=["kim"])

    assert {each["name"] for each in hub.pulls[0]["labels"]} == {"release", "needs a look/now", "urgent"}
    assert {each["name"]: each["color"] for each in hub.labels if each["name"] != "documentation"} == {
        "release": "0e8a16",
        "needs a look/now": "ededed",
        "urgent": "b60205",
    }
    assert [each["login"] for each in hub.pulls[0]["assignees"]] == ["kim"]
    assert len(sent(hub, "POST", "labels")) == 4, "three are made, and all put on with one request"


def test_labels_that_are_there_stay_and_case_makes_no_difference(
    pulls: GitHubPullRequests, hub: Hub, branch: str
) -> None:
    number = hub.pull(BRANCH)
    pulls.mark(number, labels=["Release", "mine"], assignees=["kim"])

    pulls.mark(number, labels=["release"], assignees=["Kim", "alex"])

    assert [each["name"] for each in hub.pulls[0]["labels"]] == ["Release", "mine"]
    assert [each["login"] for each in hub.pulls[0]["assignees"]] == ["kim", "alex"]


def test_without_labels_and_assignees_nothing_is_sent(pulls: GitHubPullRequests, hub: Hub, branch: str) -> None:
    pulls.mark(hub.pull(BRANCH), labels=[], assignees=[])

    assert sent(hub, "POST") == []


def test_somebody_who_cannot_be_assigned_is_named(pulls: GitHubPullRequests, hub: Hub, branch: str) -> None:
    number = hub.pull(BRANCH)

    with pytest.raises(Refused, match=f"nobody cannot be assigned to #{number}") as raised:
        pulls.mark(number, labels=[], assignees=["kim", "nobody"])

    assert raised.value.hint == f"python -m webbrowser {hub.page}/settings/access"
    assert [each["login"] for each in hub.pulls[0]["assignees"]] == ["kim"]


@pytest.mark.parametrize("path", [r"/labels$", r"issues/\d+/labels$", r"assignees$", r"requested_reviewers$"])
@pytest.mark.parametrize("fault", LOST)
def test_what_is_put_on_is_there_once_after_a_lost_reply(
    pulls: GitHubPullRequests, hub: Hub, branch: str, fault: Fault, path: str
) -> None:
    number = hub.pull(BRANCH)
    hub.fail(fault, "POST", path)

    pulls.mark(number, labels=["urgent"], assignees=["kim"])
    pulls.ask_for_review(number, ["alex"])

    (pull,) = hub.pulls
    assert [each["name"] for each in pull["labels"]] == ["urgent"]
    assert [each["login"] for each in pull["assignees"]] == ["kim"]
    assert [each["login"] for each in pull["requested_reviewers"]] == ["alex"]
    assert [each["name"] for each in hub.labels].count("urgent") == 1


# Reviews


def asked(hub: Hub) -> list[str]:
    pull = hub.pulls[-1]
    return [each["login"] for each in pull["requested_reviewers"]] + [each["slug"] for each in pull["requested_teams"]]


def test_people_and_teams_are_asked_once(pulls: GitHubPullRequests, hub: Hub, branch: str) -> None:
    number = hub.pull(BRANCH)
    for _ in range(2):
        pulls.ask_for_review(number, ["kim", "Alex".lower(), "oak/wardens"])

    assert asked(hub) == ["kim", "alex", "wardens"]
    assert sent(hub, "POST") == [{"reviewers": ["kim", "alex"], "team_reviewers": ["wardens"]}]


def test_those_who_have_reviewed_are_asked_again(pulls: GitHubPullRequests, hub: Hub, branch: str) -> None:
    number = hub.pull(BRANCH)
    pulls.ask_for_review(number, ["kim"])
    hub.review(number, "kim", "CHANGES_REQUESTED")
    assert asked(hub) == []

    pulls.ask_for_review(number, ["kim"])

    assert asked(hub) == ["kim"]


def test_the_author_is_not_asked(pulls: GitHubPullRequests, hub: Hub, branch: str) -> None:
    pulls.ask_for_review(hub.pull(BRANCH, author="kim"), ["Kim"])

    assert sent(hub, "POST") == []


def test_one_who_cannot_be_asked_keeps_nobody_else_from_being_asked(
    pulls: GitHubPullRequests, hub: Hub, branch: str
) -> None:
    number = hub.pull(BRANCH)

    with pytest.raises(Refused, match=f"nobody, oak/none cannot be asked to review #{number}: .*collaborators"):
        pulls.ask_for_review(number, ["kim", "nobody", "oak/wardens", "oak/none"])

    assert asked(hub) == ["kim", "wardens"]


def test_a_pull_request_that_is_not_there_is_no_success(pulls: GitHubPullRequests, hub: Hub) -> None:
    with pytest.raises(CouldNotRun, match="does not show #7"):
        pulls.mark(7, labels=["release"], assignees=[])
    with pytest.raises(CouldNotRun, match="does not show #7"):
        pulls.ask_for_review(7, ["kim"])
