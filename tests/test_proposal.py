"""A release as a pull request: opened once, brought up to date, never over the work of others, and then released as merged."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import worlds
from fakegithub import Fault
from hephaestus import journal, proposal, review, stage, system, ui
from hephaestus.errors import (
    ChecksFailed,
    CouldNotRun,
    HephaestusError,
    InFlight,
    NotConfirmed,
    Refused,
    UsageError,
)
from hephaestus.make import Consent, Outcome
from hephaestus.request import Request

if TYPE_CHECKING:
    from fakegithub import Hub
    from places import Place

pytestmark = pytest.mark.slow

BRANCH, REF, MAIN = "release/v1.1.0", "refs/heads/release/v1.1.0", "refs/heads/main"
AGAIN = "hephaestus release --version 1.1.0 --pr"

# A gate that writes down which tree it saw.
NOXFILE = """\
import pathlib
import nox


@nox.session(tags=["gate"], venv_backend="none")
def looks(session):
    tree = session.run("git", "rev-parse", "HEAD^{{tree}}", external=True, silent=True)
    pathlib.Path({seen!r}).write_text(tree)


@nox.session(tags=["gate"], venv_backend="none")
def audit(session):
    if pathlib.Path({broken!r}).exists():
        session.error("no index here")
"""
SETTINGS = '\n[tool.hephaestus.github]\nassignees = ["robin"]\nreviewers = ["kim", "oak/wardens", "robin"]\n'


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits."""
    monkeypatch.setattr(system, "pause", lambda _seconds: None)


@pytest.fixture
def reviewed(hosted: Place) -> Place:
    """A project whose releases are reviewed, and whose gates write down what they saw."""
    outside = hosted.root.parent
    hosted.commit("noxfile.py", NOXFILE.format(seen=str(outside / "seen"), broken=str(outside / "broken")))
    hosted.commit("pyproject.toml", (hosted.root / "pyproject.toml").read_text() + SETTINGS, "chore: Ask for reviews")
    arrive(hosted, MAIN)
    return hosted


def offer(place: Place, consent: Consent = worlds.agree, *, urgent: bool = False, **asked: Any) -> Outcome:
    """Run `hephaestus release --pr` in this process."""
    request = Request(**({"version": "1.1.0"} if not {"part", "version", "current"} & asked.keys() else {}), **asked)
    with ui.observer(io.StringIO()) as observer:
        return proposal.propose(request, place.repository, observer, consent, urgent=urgent)


def arrive(place: Place, name: str, revision: str = "HEAD") -> None:
    """Put a commit of a clone on a branch of the remote, by the file system: no token is needed for that."""
    place.git("push", "--quiet", "--force", str(place.remote), f"{revision}:{name}")
    place.git("fetch", "--quiet", str(place.remote), "+refs/heads/*:refs/remotes/origin/*")


def grow(place: Place, text: str = "DEPTH = 1\n") -> str:
    """Let main gain a commit, here and on the remote."""
    made = place.commit("src/acorn/roots.py", text, "feat: Grow roots")
    arrive(place, MAIN)
    return made


def clone(place: Place, name: str = "other", branch: str = "main") -> Place:
    """Return another machine's clone, whose remote is the same GitHub."""
    made = place.clone(name)
    made.git("remote", "set-url", "origin", place.git("remote", "get-url", "origin"))
    made.git("switch", "--quiet", branch)
    return made


def correct(place: Place, name: str = "reviewer") -> str:
    """Let a reviewer add a commit to the release branch."""
    theirs = clone(place, name, BRANCH)
    made = theirs.commit("README.md", "# Acorn\n", "docs: Say what it is")
    arrive(theirs, REF)
    return made


def head(place: Place) -> str | None:
    return place.remote_refs().get(REF)


def body(hub: Hub) -> str:
    return str(hub.pulls[-1]["body"])


def lines(hub: Hub) -> dict[str, str]:
    """Return the checklist: what stands behind each question, with its box."""
    rows = [line for line in body(hub).splitlines() if line.startswith("- [")]
    return {row[6:].partition(": ")[0]: f"{row[2:5]} {row.partition(': ')[2]}" for row in rows}


def written(hub: Hub) -> list[tuple[str, str]]:
    """Return what was changed on GitHub, by API or push."""
    reads = {"GET", "HEAD"}
    return [
        (each.method, each.path)
        for each in hub.exchanges
        if each.method not in reads and not each.path.endswith("git-upload-pack")
    ]


def traces(place: Place) -> list[str]:
    """Return what a proposal has left in the clone and beside it."""
    left = [name for name in place.repository.refs("refs/") if name.startswith("refs/hephaestus/")]
    left += [str(path) for path in (place.root / ".git/hephaestus").rglob("*.jsonl")]
    return left + [
        path.name for path in stage.area(place.repository).glob("*") if path.is_dir() and path.name != "environments"
    ]


# Opening it


def test_a_pull_request_is_opened_and_nothing_else_has_changed(reviewed: Place, hub: Hub) -> None:
    (reviewed.root / "untracked.py").write_text("mine\n")
    before, base = reviewed.snapshot(), reviewed.git("rev-parse", "HEAD")

    outcome = offer(reviewed)

    after = reviewed.snapshot()
    (pull,) = hub.pulls
    assert outcome.state == "proposed"
    assert outcome.said.splitlines() == [
        f"pull request #{pull['number']} is open: {pull['html_url']}",
        "Once it is merged, this releases it, in CI or here: hephaestus release --current",
    ]
    assert {name: held for name, held in reviewed.remote_refs().items() if name != REF} == before["remote"]
    assert {**after, "remote": 0, "refs": 0} == {**before, "remote": 0, "refs": 0}
    assert traces(reviewed) == []
    assert reviewed.git("rev-parse", f"{head(reviewed)}^") == base
    changed = reviewed.git("diff", "--name-only", base, str(head(reviewed))).splitlines()
    assert changed == ["CHANGELOG.md", "pyproject.toml", "src/acorn/__init__.py"]
    assert reviewed.git("log", "-1", "--format=%s", str(head(reviewed))) == "chore: Prepare release v1.1.0"


def test_title_base_labels_and_people_are_as_the_guide_and_the_settings_have_it(reviewed: Place, hub: Hub) -> None:
    offer(reviewed)

    (pull,) = hub.pulls
    assert (pull["title"], pull["base"]["ref"], pull["draft"]) == ("Release v1.1.0", "main", False)
    assert [each["name"] for each in pull["labels"]] == ["release", "documentation"]
    assert [each["login"] for each in pull["assignees"]] == ["robin"]
    assert [each["login"] for each in pull["requested_reviewers"]] == ["kim"], "the author does not review his own"
    assert [each["slug"] for each in pull["requested_teams"]] == ["wardens"]


def test_the_text_holds_the_highlights_and_boxes_ticked_by_evidence(reviewed: Place, hub: Hub) -> None:
    offer(reviewed)

    seen = (reviewed.root.parent / "seen").read_text().strip()
    assert seen == reviewed.git("rev-parse", f"{head(reviewed)}^{{tree}}")
    assert "## Highlights\n\n### Added\n\n- Leaves.\n" in body(hub)
    told = lines(hub)
    assert told["Version number correct"].startswith("[x] 1.1.0 in `pyproject.toml`, `src/acorn/__init__.py`")
    assert told["Changelog complete"].startswith("[x] ")
    assert told["All checks pass"].startswith("[x] `")
    assert told["All checks pass"].endswith(f" on {str(head(reviewed))[:10]}")
    assert told["No known vulnerabilities"] == "[x] `audit` passed"
    assert told["Test coverage maintained"] == "[ ] not measured by any gate"
    assert told["Documentation updated"].startswith("[ ] ")
    base = reviewed.git("rev-parse", "HEAD")
    commit = str(head(reviewed))
    assert review.from_body(body(hub)) == review.Mark("1.1.0", base, commit, commit)


def test_a_waived_gate_is_named_with_the_reason_and_its_box_stays_open(reviewed: Place, hub: Hub) -> None:
    (reviewed.root.parent / "broken").touch()
    with pytest.raises(CouldNotRun) as raised:
        offer(reviewed)
    assert "nothing is public" in raised.value.message
    assert head(reviewed) is None

    offer(reviewed, waived={"audit": "the index is down"})

    assert "`audit` was waived (could not run), because `the index is down`" in lines(hub)["All checks pass"]
    assert lines(hub)["All checks pass"].startswith("[ ] ")
    assert lines(hub)["No known vulnerabilities"] == "[ ] `audit` could not run"


def test_a_part_names_the_version_and_a_protected_branch_is_no_hindrance(hosted: Place, hub: Hub) -> None:
    hub.protect("main")

    offer(hosted, part="minor")

    assert hub.pulls[0]["title"] == "Release v1.1.0"


# The same command again


def test_the_same_command_again_changes_nothing_and_asks_nothing(reviewed: Place, hub: Hub) -> None:
    offer(reviewed)
    before, held = written(hub), head(reviewed)
    asked: list[str] = []

    outcome = offer(reviewed, lambda question: bool(asked.append(question)))

    assert written(hub) == before
    assert (head(reviewed), asked, traces(reviewed)) == (held, [], [])
    assert "is up to date" in outcome.said


def test_another_machine_does_nothing_twice_either(reviewed: Place, hub: Hub) -> None:
    offer(reviewed)
    before, held = written(hub), head(reviewed)

    offer(clone(reviewed))

    assert written(hub) == before
    assert head(reviewed) == held


def test_when_main_has_moved_our_commit_is_replaced_and_review_is_asked_for_again(reviewed: Place, hub: Hub) -> None:
    offer(reviewed)
    number, older = hub.pulls[0]["number"], head(reviewed)
    hub.review(number, "kim")
    hub.review(number, "alex", "COMMENTED")
    base = grow(reviewed)

    outcome = offer(clone(reviewed))

    assert len(hub.pulls) == 1
    assert head(reviewed) != older
    assert reviewed.git("rev-parse", f"{REF}^", at=reviewed.remote) == base
    assert {each["login"] for each in hub.pulls[0]["requested_reviewers"]} == {"kim", "alex"}
    assert review.from_body(body(hub)) == review.Mark("1.1.0", base, str(head(reviewed)), str(head(reviewed)))
    assert "up to date" in outcome.said


def test_a_reviewer_who_has_left_keeps_nothing_from_being_brought_up_to_date(reviewed: Place, hub: Hub) -> None:
    offer(reviewed)
    hub.review(hub.pulls[0]["number"], "alex")
    del hub.collaborators["alex"]
    grow(reviewed)

    assert offer(reviewed).state == "proposed"

    assert [each["login"] for each in hub.pulls[0]["requested_reviewers"]] == ["kim"]


def test_what_people_wrote_in_the_text_and_ticked_stays(reviewed: Place, hub: Hub) -> None:
    offer(reviewed)
    ticked = body(hub).replace("- [ ] Changelog accurate", "- [x] Changelog accurate")
    hub.pulls[0]["body"] = f"For Kim.\r\n\r\n{ticked}\n\nCloses #7.".replace("\n", "\r\n").replace("\r\r", "\r")
    before = written(hub)

    offer(reviewed)
    assert written(hub) == before

    grow(reviewed)
    offer(reviewed)
    assert body(hub).startswith("For Kim.\n\n<!-- hephaestus-review -->")
    assert body(hub).endswith("Closes #7.")
    assert lines(hub)["Changelog accurate"].startswith("[ ] "), "another commit is to be looked at anew"


# The work of others


def test_commits_of_others_stay_and_are_what_the_gates_look_at(reviewed: Place, hub: Hub) -> None:
    offer(reviewed)
    hub.review(hub.pulls[0]["number"], "kim", "CHANGES_REQUESTED")
    theirs = correct(reviewed)
    grow(reviewed)

    outcome = offer(reviewed)

    assert head(reviewed) == theirs
    assert (reviewed.root.parent / "seen").read_text().strip() == reviewed.git("rev-parse", f"{theirs}^{{tree}}")
    assert f"{BRANCH} has commits of others and was left as it is; what was looked at is {theirs[:10]}." in outcome.said
    assert f"git switch {BRANCH} && git merge main && {AGAIN}" in outcome.said
    assert lines(hub)["Documentation updated"] == "[x] changed since `v1.0.0`: `README.md`"
    mark = review.from_body(body(hub))
    assert mark is not None
    assert (mark.head, mark.checked) == ("", theirs)
    assert [each["login"] for each in hub.pulls[0]["requested_reviewers"]] == ["kim"]


def test_commits_of_others_stay_however_often_it_is_brought_up_to_date(reviewed: Place, hub: Hub) -> None:
    offer(reviewed)
    theirs = correct(reviewed)
    for number in range(2):
        grow(reviewed, f"DEPTH = {number + 2}\n")
        offer(reviewed)
        offer(clone(reviewed, f"machine{number}"))

    assert head(reviewed) == theirs
    assert len(hub.pulls) == 1


def test_a_version_that_a_reviewer_has_lost_is_put_on_top_of_his_commit(reviewed: Place, hub: Hub) -> None:
    offer(reviewed)
    theirs = clone(reviewed, "reviewer", BRANCH)
    theirs.git("revert", "--no-edit", "HEAD")
    arrive(theirs, REF)

    offer(reviewed)

    assert reviewed.git("rev-parse", f"{REF}^", at=reviewed.remote) == theirs.git("rev-parse", "HEAD")
    assert lines(hub)["Version number correct"].startswith("[x] ")
    grow(reviewed)
    held = head(reviewed)
    offer(reviewed)
    assert head(reviewed) == held, "and it is not taken for a branch with nothing but our own commit"


def test_a_commit_of_ours_that_somebody_has_amended_is_his(reviewed: Place, hub: Hub) -> None:
    offer(reviewed)
    theirs = clone(reviewed, "reviewer", BRANCH)
    theirs.git("commit", "--quiet", "--amend", "-m", "chore: Release, in better words")
    arrive(theirs, REF)
    grow(reviewed)

    offer(reviewed)

    assert head(reviewed) == theirs.git("rev-parse", "HEAD")


def test_commits_that_were_pushed_with_ours_from_another_clone_are_not_lost(reviewed: Place, hub: Hub) -> None:
    other = clone(reviewed)
    other.commit("src/acorn/bark.py", "HARD = True\n", "feat: Not on main yet")
    offer(other)
    held = head(reviewed)

    offer(reviewed)

    assert head(reviewed) == held


def test_from_the_release_branch_itself_what_is_checked_out_is_pushed(reviewed: Place, hub: Hub) -> None:
    offer(reviewed)
    hub.review(hub.pulls[0]["number"], "kim", "CHANGES_REQUESTED")
    mine = clone(reviewed, "mine", BRANCH)
    made = mine.commit("README.md", "# Acorn\n", "docs: As Kim wants it")

    outcome = offer(mine)

    assert head(reviewed) == made
    assert hub.pulls[0]["base"]["ref"] == "main"
    assert "of others" not in outcome.said
    assert [each["login"] for each in hub.pulls[0]["requested_reviewers"]] == ["kim"]
    offer(reviewed)
    assert head(reviewed) == made


def test_from_a_release_branch_that_is_behind_nothing_is_pushed(reviewed: Place, hub: Hub) -> None:
    offer(reviewed)
    mine = clone(reviewed, "mine", BRANCH)
    theirs = correct(reviewed)

    with pytest.raises(ChecksFailed) as raised:
        offer(mine)

    assert "is behind" in raised.value.problems[0].message
    assert head(reviewed) == theirs


# Interruptions


def test_what_was_stopped_is_finished_by_the_same_command_with_the_same_commit(reviewed: Place, hub: Hub) -> None:
    for step in ("commit", "gates", "propose"):
        assert "the same command without --until goes on" in offer(reviewed, until=step).said
    held = head(reviewed)
    assert hub.pulls == []

    offer(reviewed)

    assert head(reviewed) == held
    assert len(hub.pulls) == 1
    assert traces(reviewed) == []


def test_before_the_push_nothing_is_visible_and_main_may_move(reviewed: Place, hub: Hub) -> None:
    before = reviewed.snapshot()
    assert "nothing is public" in offer(reviewed, None, until="gates").said
    assert worlds.hidden(reviewed.snapshot()) == worlds.hidden(before)
    base = grow(reviewed)

    offer(reviewed)

    assert reviewed.git("rev-parse", f"{head(reviewed)}^") == base


def test_a_pushed_branch_without_a_pull_request_is_ours_to_replace_when_main_moves(reviewed: Place, hub: Hub) -> None:
    offer(reviewed, until="propose")
    base = grow(reviewed)
    offer(reviewed, until="commit")

    offer(reviewed)

    assert reviewed.git("rev-parse", f"{head(reviewed)}^") == base


def test_a_pushed_branch_without_a_pull_request_gets_one_from_another_machine(reviewed: Place, hub: Hub) -> None:
    offer(reviewed, until="propose")
    held = head(reviewed)

    offer(clone(reviewed))

    assert head(reviewed) == held
    assert [each["title"] for each in hub.pulls] == ["Release v1.1.0"]


@pytest.mark.parametrize("path", ["git-receive-pack$", "pulls$", r"/labels$", "requested_reviewers$"])
@pytest.mark.parametrize("fault", [Fault.CUT_AFTER])
def test_after_a_lost_reply_there_is_one_pull_request_with_all_it_needs(
    reviewed: Place, hub: Hub, fault: Fault, path: str
) -> None:
    hub.fail(fault, "POST", path)

    offer(reviewed)

    (pull,) = hub.pulls
    assert [each["name"] for each in pull["labels"]] == ["release", "documentation"]
    assert [each["login"] for each in pull["requested_reviewers"]] == ["kim"]
    assert pull["head"]["sha"] == head(reviewed)


class Killed(BaseException):
    """The process is gone, in the middle of a line."""


@pytest.mark.parametrize(
    ("written", "main"),
    [
        ('"begin": "propose"', "stays"),
        ('"done": "propose"', "stays"),
        ('"done": "propose"', "moves"),
        ('"done": "pull-request"', "moves"),
        ("tidied", "stays"),
    ],
)
def test_a_run_that_was_killed_is_finished_by_the_same_command(
    reviewed: Place, hub: Hub, monkeypatch: pytest.MonkeyPatch, written: str, main: str
) -> None:
    append, remove = system.append, system.remove

    def kill_before_append(path: Path, data: bytes) -> None:
        if written.encode() in data:
            raise Killed
        append(path, data)

    def kill_before_remove(path: Path) -> None:
        if path.suffix == ".jsonl" and written == "tidied":
            raise Killed
        remove(path)

    with monkeypatch.context() as patched:
        patched.setattr(system, "append", kill_before_append)
        patched.setattr(system, "remove", kill_before_remove)
        with pytest.raises(Killed):
            offer(reviewed)
    base = grow(reviewed) if main == "moves" else reviewed.git("rev-parse", "HEAD")

    offer(reviewed)

    (pull,) = hub.pulls
    assert pull["head"]["sha"] == head(reviewed)
    assert reviewed.git("rev-parse", f"{head(reviewed)}^") == base
    assert [each["login"] for each in pull["requested_reviewers"]] == ["kim"]
    assert traces(reviewed) == []


def test_a_service_that_goes_away_leaves_a_branch_and_says_so_and_the_same_command_goes_on(
    reviewed: Place, hub: Hub
) -> None:
    hub.fail(Fault.UNAVAILABLE, "POST", "pulls$", times=99)
    with pytest.raises(CouldNotRun) as raised:
        offer(reviewed)
    assert "the release branch is pushed" in raised.value.message
    held = head(reviewed)
    hub.mend()

    offer(reviewed)

    assert head(reviewed) == held
    assert len(hub.pulls) == 1


def test_a_reviewer_who_cannot_be_asked_is_named_when_all_else_is_done(reviewed: Place, hub: Hub) -> None:
    del hub.collaborators["kim"]

    with pytest.raises(Refused, match="kim cannot be asked to review #1"):
        offer(reviewed)

    (pull,) = hub.pulls
    assert [each["slug"] for each in pull["requested_teams"]] == ["wardens"]
    assert [each["login"] for each in pull["assignees"]] == ["robin"]
    hub.collaborators["kim"] = "write"
    assert offer(reviewed).state == "proposed"
    assert traces(reviewed) == []


# Not at all


def refuse(place: Place, kind: type[HephaestusError], **asked: Any) -> HephaestusError:
    before = place.snapshot()
    with pytest.raises(kind) as raised:
        offer(place, **asked)
    assert place.snapshot() == before
    return raised.value


def test_where_there_are_no_pull_requests_the_command_without_is_named(place: Place) -> None:
    raised = refuse(place, UsageError)

    assert "there are no pull requests in" in raised.message
    assert raised.hint == "hephaestus release --version 1.1.0"


def test_current_and_a_pull_request_are_two_things(hosted: Place) -> None:
    assert refuse(hosted, UsageError, current=True).hint == "hephaestus release --current"


def test_a_step_of_a_release_is_none_of_a_pull_request(hosted: Place) -> None:
    assert "those of a pull request are stage, bump, changelog" in refuse(hosted, UsageError, until="publish").message


def test_nobody_is_asked_in_vain(reviewed: Place, hub: Hub) -> None:
    problems = refuse(reviewed, ChecksFailed, consent=None).details["problems"]
    assert problems == [
        {"message": "there is no terminal to ask before the pull request is opened", "hint": f"{AGAIN} --yes"}
    ]
    questions: list[str] = []

    with pytest.raises(NotConfirmed) as raised:
        offer(reviewed, lambda question: bool(questions.append(question)))

    assert raised.value.hint == f"{AGAIN} --yes"
    assert head(reviewed) is None
    assert hub.pulls == []
    assert f"{BRANCH} will be visible on origin and" in questions[0]
    assert "chore: Prepare release v1.1.0\n" in questions[0]
    assert "a new pull request “Release v1.1.0” from release/v1.1.0 into main, reviewed by kim" in questions[0]


def test_all_problems_are_told_at_once(hosted: Place, hub: Hub) -> None:
    hosted.git("switch", "--quiet", "--create", "feature")
    hosted.git("tag", "v1.1.0")
    (hosted.root / "CHANGELOG.md").write_text("changed\n")

    problems = refuse(hosted, ChecksFailed).details["problems"]

    told = [each["message"] for each in problems]  # type: ignore[attr-defined]
    assert any("tracked files are changed" in said for said in told)
    assert any("the tag v1.1.0 exists" in said for said in told)
    assert any("origin has no branch feature that the pull request could be for" in said for said in told)


def test_what_is_on_main_already_needs_no_review(hosted: Place, hub: Hub) -> None:
    for path in ("pyproject.toml", "src/acorn/__init__.py"):
        hosted.commit(path, (hosted.root / path).read_text().replace('"1.0.0"', '"1.1.0"'))
    text = (hosted.root / "CHANGELOG.md").read_text()
    hosted.commit("CHANGELOG.md", text.replace("## [Unreleased]", "## [Unreleased]\n\n## [1.1.0] - 2026-02-01"))
    arrive(hosted, MAIN)

    (problem,) = refuse(hosted, ChecksFailed).details["problems"]  # type: ignore[misc]

    assert problem == {
        "message": "main on origin says 1.1.0 already: there is nothing to review",
        "hint": "hephaestus release --current",
    }


def test_another_release_branch_is_no_place_to_begin(hosted: Place, hub: Hub) -> None:
    hosted.git("switch", "--quiet", "--create", "release/v1.0.5")

    raised = refuse(hosted, UsageError)

    assert "the release branch of v1.0.5, not of v1.1.0" in raised.message
    assert raised.hint == "git switch main"


# Releases and proposals in one clone


def test_a_release_that_is_half_way_comes_first(hosted: Place, hub: Hub) -> None:
    worlds.go(hosted, "commit")

    raised = refuse(hosted, InFlight)

    assert "the release of 1.1.0 is half-way in this clone" in raised.message


def test_a_proposal_that_is_half_way_is_no_release_and_blocks_none(hosted: Place, hub: Hub) -> None:
    offer(hosted, until="commit")
    proposed = hosted.repository.resolve("refs/hephaestus/proposals/v1.1.0/commit")
    assert proposed is not None
    assert not journal.in_flight(journal.directory(hosted.repository.common_directory))

    worlds.go(hosted, "commit")

    assert hosted.repository.resolve("refs/hephaestus/proposals/v1.1.0/commit") == proposed
    worlds.back(hosted)
    offer(hosted)
    assert head(hosted) == proposed


# After the merge


@pytest.mark.parametrize("how", ["merge", "squash", "rebase"])
def test_after_the_merge_exactly_the_merged_files_are_released_and_the_branch_goes(
    reviewed: Place, hub: Hub, how: str
) -> None:
    offer(reviewed)
    correct(reviewed)
    grow(reviewed)
    merged = hub.merge(hub.pulls[0]["number"], how)
    before = reviewed.remote_refs()
    assert offer(reviewed).state == "merged"
    fresh = clone(reviewed, "ci")

    outcome = worlds.go(fresh, version=None, current=True)

    assert outcome.state == "released"
    tagged = fresh.git("rev-parse", "v1.1.0^{commit}")
    assert fresh.git("rev-parse", "v1.1.0^{tree}") == fresh.git("rev-parse", f"{merged}^{{tree}}")
    assert tagged == merged, "no commit was made"
    after = reviewed.remote_refs()
    assert after.pop("refs/tags/v1.1.0") == fresh.git("rev-parse", "v1.1.0")
    assert after == {name: held for name, held in before.items() if name != REF}
    assert offer(reviewed).said == f"v1.1.0 is merged and released: {hub.pulls[0]['html_url']}"


def test_what_is_merged_is_said_and_not_proposed_again(hosted: Place, hub: Hub) -> None:
    offer(hosted)
    hub.merge(hub.pulls[0]["number"], "squash")
    before = written(hub)

    outcome = offer(hosted)

    page = hub.pulls[0]["html_url"]
    assert outcome.state == "merged"
    assert outcome.said == f"{page} is merged; this releases it, in CI or here: hephaestus release --current"
    assert written(hub) == before


def test_what_was_merged_and_taken_back_can_be_proposed_again(hosted: Place, hub: Hub) -> None:
    offer(hosted)
    hub.merge(hub.pulls[0]["number"], "squash")
    hosted.git("fetch", "--quiet", str(hosted.remote), "main")
    hosted.git("merge", "--quiet", "--ff-only", "FETCH_HEAD")
    hosted.git("revert", "--no-edit", "HEAD")
    arrive(hosted, MAIN)

    assert offer(hosted).state == "proposed"

    assert [each["merged"] for each in hub.pulls] == [True, False]
    assert hosted.git("rev-parse", f"{head(hosted)}^") == hosted.git("rev-parse", "HEAD")


# Hotfixes


def test_the_pull_request_of_a_hotfix_is_urgent_and_for_the_default_branch(hosted: Place, hub: Hub) -> None:
    hosted.git("switch", "--quiet", "--create", "hotfix/v1.0.1", "v1.0.0")
    hosted.commit("src/acorn/mend.py", "MENDED = True\n", "fix: Mend")

    offer(hosted, version="1.0.1")

    (pull,) = hub.pulls
    assert (pull["base"]["ref"], pull["head"]["ref"]) == ("main", "release/v1.0.1")
    assert [each["name"] for each in pull["labels"]] == ["release", "documentation", "urgent"]
    assert body(hub).splitlines()[2] == "**Urgent:** this is a hotfix. Please review it before anything else."


def test_what_was_marked_as_urgent_stays_so(hosted: Place, hub: Hub) -> None:
    offer(hosted, urgent=True)
    before = written(hub)

    offer(hosted)

    assert written(hub) == before
    assert "**Urgent:**" in body(hub)


# The program


def test_the_program_opens_it_and_tells_machines_where(hosted: Place, hub: Hub) -> None:
    done = hosted.hephaestus("release", "--version", "1.1.0", "--pr", "--yes", "--json")

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["outcome"], told["number"], told["url"]) == ("proposed", 1, hub.pulls[0]["html_url"])
    assert told["commit"] == head(hosted)
    assert [each["gate"] for each in told["gates"]] == ["stands"]
    assert hub.token not in done.stdout + done.stderr


def test_a_dry_run_shows_plan_changes_and_text_and_changes_nothing(hosted: Place, hub: Hub) -> None:
    before = hosted.snapshot()

    done = hosted.hephaestus("release", "--version", "1.1.0", "--pr", "--dry-run")
    told = hosted.hephaestus("release", "--version", "1.1.0", "--pr", "--dry-run", "--json")

    assert done.returncode == 0, done.stderr
    assert "propose       release/v1.1.0 to origin, and nothing else" in done.stderr
    assert '+version = "1.1.0"' in done.stderr
    assert "- [ ] Version number correct: not looked at yet" in done.stderr
    document = json.loads(told.stdout)
    assert document["outcome"] == "planned"
    assert [each["step"] for each in document["steps"]][-2:] == ["propose", "pull-request"]
    assert "## Highlights\n\n### Added\n\n- Leaves." in document["body"]
    assert hosted.snapshot() == before
    assert written(hub) == []
    assert traces(hosted) == []


def test_urgent_is_about_a_pull_request(place: Place) -> None:
    done = place.hephaestus("release", "--version", "1.1.0", "--urgent")

    assert done.returncode == 2
    assert "--urgent marks a pull request, so it needs --pr" in done.stderr
