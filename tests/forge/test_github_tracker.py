"""Issues, milestones, labels, comments, boards and discussions on GitHub: each thing once, whatever becomes of a reply."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from fakegithub import Fault, Hub, issues
from hephaestus.errors import Conflict, CouldNotRun, Refused
from hephaestus.forge import github
from hephaestus.forge.github.tracker import GitHubTracker

# Each has a server, or a repository of its own, to talk to: not long, but long for many.
pytestmark = pytest.mark.slow

KEY = "hephaestus v1.1.0"
MARK = f"<!-- {KEY} -->"
LOST = (Fault.CUT_AFTER, Fault.CUT_BEFORE, Fault.BAD_GATEWAY_AFTER, Fault.BAD_GATEWAY_BEFORE)


@pytest.fixture
def tracker(hub: Hub, waits: list[float]) -> GitHubTracker:
    address = github.address(hub.page, None)
    assert address is not None
    found = github.connect(address).tracker
    assert isinstance(found, GitHubTracker)
    return found


def pulled(hub: Hub, name: str, *, merged: bool = False) -> int:
    """Open a pull request for a branch with one commit on it."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=hub.bare, check=True, capture_output=True, text=True).stdout.strip()

    made = git("commit-tree", "-p", "main", "-m", f"feat: Grow {name}", "main^{tree}")
    git("update-ref", f"refs/heads/{name}", made)
    return hub.pull(name, title=f"Grow {name}", merged=merged)


def status(hub: Hub, board: int, number: int) -> str | None:
    """Return where a ticket stands on a board."""
    found = next(each for each in hub.boards if each["number"] == board)
    names = {option["id"]: option["name"] for option in found["options"]}
    return next(names.get(item["option"]) for item in found["items"] if item["ticket"] == number)


def bodies(hub: Hub, number: int) -> list[str]:
    return [each["body"] for each in hub.comments.get(number, [])]


def sent(hub: Hub) -> list[str]:
    """Return all that was asked of the API that is no question."""
    return [
        f"{each.method} {each.path.partition('/repos/oak/acorn/')[2]}" for each in hub.exchanges if each.method != "GET"
    ]


# Tickets


def test_an_issue_and_a_pull_request_are_tickets(hub: Hub, tracker: GitHubTracker) -> None:
    issue = hub.issue("Leaves fall", labels=["bug"], body="Every autumn.", milestone="v1.1.0")
    closed = hub.issue("Roots rot", closed=True)
    found = tracker.ticket(issue)

    assert found is not None
    assert (found.title, found.url, found.body) == ("Leaves fall", f"{hub.page}/issues/{issue}", "Every autumn.")
    assert (found.pull_request, found.done, found.open) == (False, False, True)
    assert (found.milestone, found.labels) == ("v1.1.0", {"bug"})
    assert tracker.page == hub.page
    assert tracker.ticket(closed).done
    assert tracker.ticket(99) is None


@pytest.mark.parametrize("reason", ["not_planned", "duplicate"])
def test_what_was_closed_without_being_solved_is_not_done(hub: Hub, tracker: GitHubTracker, reason: str) -> None:
    number = hub.issue("Fly", closed=True)
    hub.issues[0]["state_reason"] = reason
    found = tracker.ticket(number)

    assert (found.done, found.open) == (False, False)


def test_a_pull_request_is_done_when_it_was_merged_and_not_when_it_was_closed(hub: Hub, tracker: GitHubTracker) -> None:
    merged, closed = pulled(hub, "side", merged=True), pulled(hub, "other")
    hub.pulls[1]["state"] = "closed"

    assert (tracker.ticket(merged).pull_request, tracker.ticket(merged).done) == (True, True)
    assert (tracker.ticket(closed).done, tracker.ticket(closed).open) == (False, False)


def test_an_issue_that_is_another_one_by_now_is_none(hub: Hub, tracker: GitHubTracker) -> None:
    number = hub.issue("Moved away")
    hub.issues[0]["number"] = 77
    hub.issues[0]["html_url"] = f"{hub.url}/oak/elsewhere/issues/77"

    assert tracker.ticket(number) is None


# Milestones


def test_a_milestone_is_made_once_found_again_and_closed_once(hub: Hub, tracker: GitHubTracker) -> None:
    assert tracker.milestone("v1.1.0") is None
    made = tracker.plan_milestone("v1.1.0", "What it brings.")
    assert (made.title, made.open, hub.milestones[0]["description"]) == ("v1.1.0", True, "What it brings.")
    assert tracker.plan_milestone("v1.1.0", "Other words") == made

    assert not tracker.close_milestone("v1.1.0").open
    before = sent(hub)
    assert not tracker.close_milestone("v1.1.0").open
    assert not tracker.milestone("v1.1.0").open
    assert tracker.close_milestone("v9.9.9") is None
    assert sent(hub) == before == ["POST milestones", "PATCH milestones/1"]


def test_a_milestone_is_found_among_many_by_its_exact_title(hub: Hub, tracker: GitHubTracker) -> None:
    for number in range(120):
        tracker.client.send("POST", "milestones", {"title": f"v0.{number}.0", "state": "closed"})

    assert tracker.milestone("v0.119.0").number == 120
    assert tracker.milestone("v0.1") is None


@pytest.mark.parametrize("fault", LOST)
def test_a_milestone_whose_reply_was_lost_is_made_once(hub: Hub, tracker: GitHubTracker, fault: Fault) -> None:
    hub.fail(fault, "POST", "/milestones$")

    assert tracker.plan_milestone("v1.1.0", "").open
    assert len(hub.milestones) == 1


def test_a_milestone_the_listing_does_not_show_yet_is_waited_for(
    hub: Hub, tracker: GitHubTracker, waits: list[float]
) -> None:
    hub.lag = 3
    hub.fail(Fault.CUT_AFTER, "POST", "/milestones$")

    assert tracker.plan_milestone("v1.1.0", "").title == "v1.1.0"
    assert len(hub.milestones) == 1
    assert waits


def test_tickets_are_gathered_and_listed_by_number(hub: Hub, tracker: GitHubTracker) -> None:
    issue, pull, other = hub.issue("One"), pulled(hub, "side"), hub.issue("Two", closed=True)
    tracker.plan_milestone("v1.1.0", "")
    for number in (other, pull, issue):
        tracker.gather(number, "v1.1.0")

    assert [each.number for each in tracker.tickets("v1.1.0")] == [issue, pull, other]
    assert (tracker.milestone("v1.1.0").open_tickets, tracker.milestone("v1.1.0").closed_tickets) == (2, 1)
    assert tracker.tickets("v9.9.9") == ()
    with pytest.raises(Conflict, match=r"no milestone v9\.9\.9"):
        tracker.gather(issue, "v9.9.9")


# Comments


def test_a_comment_is_made_once_with_a_key_nobody_sees(hub: Hub, tracker: GitHubTracker) -> None:
    number = hub.issue("Leaves fall")
    for _ in range(3):
        tracker.comment(number, "This is solved.", KEY)
    tracker.comment(number, "And this.", "hephaestus v1.2.0")

    assert bodies(hub, number) == [f"This is solved.\n\n{MARK}\n", "And this.\n\n<!-- hephaestus v1.2.0 -->\n"]


@pytest.mark.parametrize("fault", LOST)
def test_a_comment_whose_reply_was_lost_is_made_once(hub: Hub, tracker: GitHubTracker, fault: Fault) -> None:
    number = hub.issue("Leaves fall")
    hub.fail(fault, "POST", "/comments$")
    tracker.comment(number, "This is solved.", KEY)

    assert len(bodies(hub, number)) == 1


def test_a_comment_is_found_behind_a_hundred_others(hub: Hub, tracker: GitHubTracker) -> None:
    number = hub.issue("Leaves fall")
    for place in range(130):
        issues.comment(hub, number, f"Me too, {place}")
    tracker.comment(number, "This is solved.", KEY)
    tracker.comment(number, "This is solved.", KEY)

    assert len(bodies(hub, number)) == 131


@pytest.mark.parametrize("body", [f"> This is solved.\n>\n> {MARK}\n\nThank you!", f"Why do you write {MARK}?", KEY])
def test_whoever_quotes_our_comment_does_not_silence_us(hub: Hub, tracker: GitHubTracker, body: str) -> None:
    number = hub.issue("Leaves fall")
    issues.comment(hub, number, body)
    tracker.comment(number, "This is solved.", KEY)

    assert len(bodies(hub, number)) == 2


def test_a_stranger_who_writes_the_key_does_not_silence_us_and_our_robot_does(hub: Hub, tracker: GitHubTracker) -> None:
    for association, kind, expected in (
        ("NONE", "User", 2),
        ("CONTRIBUTOR", "User", 2),
        ("NONE", "Bot", 1),
        ("OWNER", "User", 1),
    ):
        number = hub.issue("Leaves fall")
        said = issues.comment(hub, number, f"Ha!\n\n{MARK}\n")
        said["author_association"] = association
        said["user"] = {**said["user"], "type": kind}
        tracker.comment(number, "This is solved.", KEY)

        assert (association, kind, len(bodies(hub, number))) == (association, kind, expected)


def test_a_key_cannot_end_its_comment(hub: Hub, tracker: GitHubTracker) -> None:
    number = hub.issue("Leaves fall")
    for _ in range(2):
        tracker.comment(number, "Words", "hephaestus v1-->1.1.0")

    assert bodies(hub, number) == ["Words\n\n<!-- hephaestus v1--&gt;1.1.0 -->\n"]


# Labels


def test_a_label_is_made_where_there_is_none_and_put_on(hub: Hub, tracker: GitHubTracker) -> None:
    number = hub.issue("Leaves fall", labels=["bug"])
    tracker.label(number, "released: yes/é")
    tracker.label(number, "released: yes/é")

    assert tracker.ticket(number).labels == {"bug", "released: yes/é"}
    assert sorted(each["name"] for each in hub.labels if each["name"] in {"bug", "released: yes/é"}) == [
        "bug",
        "released: yes/é",
    ]


@pytest.mark.parametrize("fault", LOST)
def test_a_label_whose_reply_was_lost_is_made_once(hub: Hub, tracker: GitHubTracker, fault: Fault) -> None:
    number = hub.issue("Leaves fall")
    hub.fail(fault, "POST", "/labels$", times=1)
    tracker.label(number, "released")

    assert [each["name"] for each in hub.labels].count("released") == 1
    assert tracker.ticket(number).labels == {"released"}


# Discussions


def test_a_discussion_is_opened_once(hub: Hub, tracker: GitHubTracker) -> None:
    hub.release("v1.1.0", body="Leaves.")
    url = tracker.discuss("v1.1.0", "Announcements")

    assert tracker.discuss("v1.1.0", "Announcements") == url == hub.discussions[0]["html_url"]
    assert len(hub.discussions) == 1


@pytest.mark.parametrize("fault", LOST)
def test_a_discussion_whose_reply_was_lost_is_opened_once(hub: Hub, tracker: GitHubTracker, fault: Fault) -> None:
    hub.release("v1.1.0")
    hub.fail(fault, "PATCH", "/releases/")
    tracker.discuss("v1.1.0", "Announcements")

    assert len(hub.discussions) == 1


def test_a_category_nobody_has_is_named_with_the_page_of_categories(hub: Hub, tracker: GitHubTracker) -> None:
    hub.release("v1.1.0")
    with pytest.raises(Refused, match=r"no discussion of v1\.1\.0 in the category Gossip") as caught:
        tracker.discuss("v1.1.0", "Gossip")

    assert caught.value.hint == f"python -m webbrowser {hub.page}/discussions/categories"


def test_a_draft_is_not_discussed(hub: Hub, tracker: GitHubTracker) -> None:
    hub.release("v1.1.0", draft=True)
    with pytest.raises(Conflict, match=r"no release v1\.1\.0 to discuss"):
        tracker.discuss("v1.1.0", "Announcements")


# Boards


@pytest.fixture
def board(hub: Hub) -> Callable[[], list[str | None]]:
    """A board with one issue and one pull request on it; returns the status of each."""
    hub.board(3, options=("Todo", "In Progress", "Released"))
    hub.board(4)
    for number in (hub.issue("One", closed=True), pulled(hub, "side", merged=True)):
        hub.place(3, number, "Todo")
        hub.place(4, number, "Todo")

    def standing() -> list[str | None]:
        return [status(hub, 3, number) for number in (1, 2)]

    return standing


def test_an_item_is_moved_once_and_only_on_the_board_that_is_named(
    hub: Hub, tracker: GitHubTracker, board: Callable[[], object]
) -> None:
    for _ in range(2):
        tracker.move(1, "oak/3", "released")
        tracker.move(2, "oak/3", "Released")

    assert board() == ["Released", "Released"]
    assert [status(hub, 4, number) for number in (1, 2)] == ["Todo", "Todo"]
    assert len([each for each in hub.exchanges if "mutation" in str(each.document)]) == 2


def test_a_ticket_that_is_on_no_board_is_left_alone(
    hub: Hub, tracker: GitHubTracker, board: Callable[[], object]
) -> None:
    number = hub.issue("Alone")
    tracker.move(number, "oak/3", "Released")

    assert not [each for each in hub.exchanges if "mutation" in str(each.document)]


@pytest.mark.parametrize(
    ("name", "wanted", "words"),
    [
        ("oak/9", "Released", "no project board oak/9"),
        ("elm/3", "Released", "no project board elm/3"),
        ("oak/3", "Done", "no status Done; there are Todo, In Progress, Released"),
    ],
)
@pytest.mark.usefixtures("board")
def test_a_board_or_status_nobody_has_is_named(
    hub: Hub, tracker: GitHubTracker, name: str, wanted: str, words: str
) -> None:
    with pytest.raises(Refused) as caught:
        tracker.move(1, name, wanted)

    assert words in caught.value.message
    assert caught.value.hint is not None
    assert caught.value.hint.startswith(f"python -m webbrowser {hub.url}/")


@pytest.mark.parametrize("fault", LOST)
def test_a_move_whose_reply_was_lost_is_made(
    hub: Hub, tracker: GitHubTracker, board: Callable[[], object], fault: Fault
) -> None:
    hub.fail(fault, "POST", "/graphql$", times=3)
    tracker.move(1, "oak/3", "Released")

    assert board() == ["Released", "Todo"]


# Pinned issues


def test_an_issue_is_opened_and_pinned_once(hub: Hub, tracker: GitHubTracker) -> None:
    url = tracker.pin("v1.1.0 is withdrawn", "Do not install it.", KEY)

    assert tracker.pin("v1.1.0 is withdrawn", "Do not install it.", KEY) == url == f"{hub.page}/issues/1"
    assert len(hub.issues) == 1
    assert hub.issues[0]["body"] == f"Do not install it.\n\n{MARK}\n"
    assert hub.pinned == [1]


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("path", ["/issues$", "/graphql$"])
def test_an_issue_whose_reply_was_lost_is_opened_once(
    hub: Hub, tracker: GitHubTracker, fault: Fault, path: str
) -> None:
    hub.fail(fault, "POST", path, times=2 if path == "/graphql$" else 1)
    tracker.pin("v1.1.0 is withdrawn", "Do not install it.", KEY)

    assert (len(hub.issues), hub.pinned) == (1, [1])


def test_a_fourth_pin_is_refused_and_the_issue_stays_open(hub: Hub, tracker: GitHubTracker) -> None:
    for place in range(3):
        tracker.pin(f"Number {place}", "", f"hephaestus v0.{place}.0")
    with pytest.raises(Refused, match="is open, but GitHub does not pin it") as caught:
        tracker.pin("One more", "", KEY)

    assert caught.value.hint == f"python -m webbrowser {hub.page}/issues"
    assert (len(hub.issues), hub.issues[-1]["state"], len(hub.pinned)) == (4, "open", 3)


def test_an_issue_that_was_closed_is_not_pinned_again(hub: Hub, tracker: GitHubTracker) -> None:
    tracker.pin("v1.1.0 is withdrawn", "", KEY)
    hub.issues[0]["state"] = "closed"
    hub.pinned.clear()
    tracker.pin("v1.1.0 is withdrawn", "", KEY)

    assert hub.pinned == []


# When GitHub says no, or nothing


def test_whoever_may_not_is_told_so(hub: Hub, tracker: GitHubTracker) -> None:
    number = hub.issue("Leaves fall")
    hub.permission = "read"
    for act in (lambda: tracker.label(number, "released"), lambda: tracker.plan_milestone("v1.1.0", "")):
        with pytest.raises(Refused) as caught:
            act()
        assert caught.value.hint


def test_a_github_that_does_not_answer_is_no_answer(hub: Hub, tracker: GitHubTracker) -> None:
    number = hub.issue("Leaves fall")
    hub.fail(Fault.UNAVAILABLE, times=50)
    with pytest.raises(CouldNotRun):
        tracker.comment(number, "This is solved.", KEY)

    assert bodies(hub, number) == []
