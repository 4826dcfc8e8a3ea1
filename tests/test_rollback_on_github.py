"""Taking a release back from GitHub: immutable releases, protected branches and tags, and users who must hear of it."""

import io
import json
from collections.abc import Callable

import pytest

from fakegithub import Fault, Hub
from hephaestus import git, journal, release, system, ui
from hephaestus.errors import ChecksFailed, Conflict, CouldNotRun, NotConfirmed, Refused
from hephaestus.make import Outcome
from hephaestus.proposal import propose
from hephaestus.request import Request
from hephaestus.rollback import roll_back
from places import Place
from worlds import TAG, agree, begun, go, made, record, step

# Each makes a release as far as it is needed, with a server to talk to.
pytestmark = pytest.mark.slow

MAIN, TAG_REF, REVERT = "refs/heads/main", f"refs/tags/{TAG}", f"refs/heads/revert/{TAG}"


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    monkeypatch.setattr(system, "pause", waited.append)
    return waited


@pytest.fixture
def reached(hosted: Place) -> Callable[[str], Place]:
    """Return a function that brings the release as far as a step, with two files that were made by hand."""

    def reach(until: str) -> Place:
        go(hosted, "tag")
        assets = release.workplace(hosted.repository, "HEAD").stage(begun(hosted)).assets
        assets.mkdir()
        for name in ("acorn-1.1.0-py3-none-any.whl", "acorn-1.1.0.tar.gz"):
            (assets / name).write_bytes(name.encode())
        at = release.STEPS.index(until) + 1
        for name in [name for name in ("draft", "upload", "push", "publish", "land") if name in release.STEPS[:at]]:
            kept = record(hosted)
            assert kept is not None
            kept.begin(name)
            step(hosted, name).apply()
            kept.finish(name, 0.0)
        return hosted

    return reach


def back(
    place: Place,
    severity: str | None = None,
    because: str = "",
    *,
    advise: bool = False,
    asked: list[str] | None = None,
) -> Outcome:
    """Run `hephaestus rollback` in this process; somebody agrees, and what was asked is kept."""

    def agree(question: str) -> bool:
        if asked is not None:
            asked.append(question)
        return True

    with ui.observer(io.StringIO()) as observer:
        return roll_back("1.1.0", severity, place.repository, observer, agree, because, advise=advise)


def configure(place: Place, *lines: str) -> None:
    text = (place.root / "pyproject.toml").read_text()
    place.commit("pyproject.toml", text + "\n[tool.hephaestus.github]\n" + "\n".join(lines) + "\n", "chore: Configure")
    place.git("push", "--quiet", str(place.remote), "main")


def follow(place: Place) -> None:
    """Bring a clone up to date, past the server that asks for a token."""
    place.git("pull", "--quiet", "--ff-only", str(place.remote), "main")


def changelog(place: Place, revision: str = "main") -> str:
    return place.git("show", f"{revision}:CHANGELOG.md", at=place.remote)


def history(place: Place) -> list[dict[str, object]]:
    """Return the lines of the one journal that was closed."""
    (path,) = journal.archived(journal.directory(place.repository.common_directory), TAG)
    return [json.loads(line) for line in path.read_text().splitlines()]


def tags(hub: Hub) -> list[str]:
    return [each["tag_name"] for each in hub.releases]


# Drafts, and what nobody has seen


def test_a_draft_goes_and_nothing_else_was_there(reached, hub):
    place = reached("upload")
    before = place.remote_refs()
    assert tags(hub) == [TAG]

    assert "nothing of it was public" in back(place).said

    assert hub.releases == []
    assert place.remote_refs() == before


def test_a_draft_that_listings_do_not_show_yet_goes_as_well(reached, hub, pauses):
    place = reached("draft")
    hub.unseen["release", hub.releases[0]["id"]] = 2

    assert "everything is as before" in back(place).said

    assert hub.releases == []
    assert pauses[:1] == [0.5]


def test_what_was_pushed_but_not_published_goes_whole(reached, hub):
    place = reached("push")

    done = back(place)

    assert "no draft and no tag is left" in done.said
    assert hub.releases == []
    assert TAG_REF not in place.remote_refs()
    assert done.details["manual"] == []


@pytest.mark.parametrize("fault", [Fault.CUT_BEFORE, Fault.CUT_AFTER, Fault.BAD_GATEWAY_AFTER])
def test_a_lost_answer_to_a_removal_is_no_failure(reached, hub, fault):
    place = reached("publish")
    hub.fail(fault, "DELETE", r"/releases/\d+$")

    assert "is withdrawn" in back(place, "critical").said

    assert hub.releases == []
    assert TAG_REF not in place.remote_refs()


# What users could see


def test_a_mutable_release_is_withdrawn_and_its_tag_goes(reached, hub):
    place = reached("publish")

    done = back(place, "critical", "it empties the log")

    assert "release, files and tag are gone, and the changelog says [YANKED]" in done.said
    assert "burned" not in done.said
    assert "hephaestus release --version 1.1.1" in done.said
    assert hub.releases == []
    assert TAG_REF not in place.remote_refs()
    assert "[YANKED]" in changelog(place)
    assert any(line.get("because") == "it empties the log" for line in history(place))


def test_an_immutable_release_is_withdrawn_after_it_was_said_that_its_name_is_burned(reached, hub):
    hub.immutable = True
    place, asked = reached("publish"), []

    done = back(place, "critical", asked=asked)

    assert f"the tag name {TAG} is burned for ever" in asked[0]
    assert "default branch" not in asked[0]
    assert "has to be 1.1.1" in asked[0]
    assert f"The tag name {TAG} is burned" in done.said
    assert "hephaestus release --version 1.1.1" in done.said
    assert (done.details["burned"], done.details["next"]) == (TAG, "1.1.1")
    assert hub.releases == []
    assert TAG_REF not in place.remote_refs()
    deleted = [each.path for each in hub.exchanges if each.method == "DELETE"]
    assert len(deleted) == 1


def test_nobody_who_was_not_asked_loses_an_immutable_release(reached, hub):
    hub.immutable = True
    place = reached("publish")

    with ui.observer(io.StringIO()) as observer, pytest.raises(NotConfirmed):
        roll_back("1.1.0", "critical", place.repository, observer, None)

    assert tags(hub) == [TAG]
    assert TAG_REF in place.remote_refs()


def test_what_became_of_an_immutable_release_is_still_known_after_an_interruption(reached, hub):
    hub.immutable = True
    place = reached("publish")
    hub.fail(Fault.BAD_GATEWAY_BEFORE, "POST", r"/git-receive-pack", times=100)
    with pytest.raises((CouldNotRun, Refused)):
        back(place, "critical", "a hole")
    assert hub.releases == []
    hub.mend()

    done = back(place)

    assert f"The tag name {TAG} is burned" in done.said
    assert TAG_REF not in place.remote_refs()


@pytest.mark.parametrize("severity", ["high", "medium", "low"])
def test_what_is_not_critical_stays_and_the_next_patch_is_named(reached, hub, severity):
    place = reached("publish")

    done = back(place, severity)

    assert done.state == "stays published"
    assert tags(hub) == [TAG]
    assert done.details["next"] == "1.1.1"
    assert "hephaestus release --version 1.1.1" in done.said
    assert ("hephaestus hotfix --from v1.0.0" in done.said) == (severity == "high")
    assert ("acorn!=1.1.0" in done.said) == (severity == "high")


# Tags that may not be deleted


def test_a_tag_that_rules_protect_stays_and_that_is_said_before_and_after(reached, hub):
    place, asked = reached("publish"), []
    _, tag = made(place)
    hub.rule("tag", "refs/tags/v*", ("deletion",))

    done = back(place, "critical", asked=asked)

    assert f"does not let {TAG} be removed" in asked[0]
    assert hub.releases == []
    assert place.remote_refs()[TAG_REF] == tag
    assert "[YANKED]" in changelog(place)
    assert "release and files are gone" in done.said
    (left, *_) = done.details["manual"]
    assert f"the tag {TAG} is still on origin" in left["what"]
    assert f"{hub.page}/settings/rules" in left["hint"]
    assert left["hint"] in done.said
    assert any(line.get("manual") == left["what"] for line in history(place))
    assert record(place) is None


def test_a_withdrawn_release_whose_tag_had_to_stay_is_never_gone_on_with(reached, hub):
    place = reached("publish")
    hub.rule("tag", "refs/tags/v*", ("deletion",))
    back(place, "critical")
    old = place.clone("old")
    old.git("remote", "set-url", "origin", f"{hub.page}.git")
    old.git("reset", "--quiet", "--hard", "main~1")
    follow(place)

    for words in ({"version": "1.1.0"}, {"version": None, "current": True}):
        for where in (place, old):
            try:
                said = go(where, **words).said
            except (Conflict, ChecksFailed) as error:
                said = f"{error.message} {error.hint} {[vars(each) for each in getattr(error, 'problems', ())]}"
                assert "hephaestus release --version 1.1.1" in said
            else:
                assert "nothing to release" in said
    assert hub.releases == []


def test_a_second_rollback_finishes_what_the_rules_allow_by_then(reached, hub):
    place = reached("publish")
    hub.rule("tag", "refs/tags/v*", ("deletion",))
    back(place, "critical", "a hole")
    head = place.remote_refs()[MAIN]
    assert "is still on origin" in back(place).said
    assert place.remote_refs()[MAIN] == head
    hub.rulesets.clear()

    done = back(place)

    assert "release, files and tag are gone" in done.said
    assert not [each for each in done.details["manual"] if "tag" in each["what"].split()[:2]]
    assert TAG_REF not in place.remote_refs()
    assert place.remote_refs()[MAIN] == head
    assert "nothing is left to do" in back(place).said


def test_another_clone_can_finish_it_too(reached, hub):
    place = reached("publish")
    hub.rule("tag", "refs/tags/v*", ("deletion",))
    back(place, "critical")
    hub.rulesets.clear()
    head = place.remote_refs()[MAIN]
    other = place.clone("other")
    other.git("remote", "set-url", "origin", f"{hub.page}.git")

    assert "is withdrawn" in back(other).said

    assert TAG_REF not in place.remote_refs()
    assert place.remote_refs()[MAIN] == head


def test_a_tag_that_had_to_stay_before_anything_was_published_is_not_gone_on_with_either(reached, hub):
    place = reached("push")
    hub.rule("tag", "refs/tags/v*", ("deletion",))

    done = back(place)

    assert "no draft is left" in done.said
    assert f"the tag {TAG} is still on origin" in done.said
    assert hub.releases == []
    assert place.git("rev-parse", "main^{tree}", at=place.remote) == place.git(
        "rev-parse", "main~2^{tree}", at=place.remote
    )
    with pytest.raises(Conflict, match="was taken back") as caught:
        go(place)
    assert caught.value.hint == "hephaestus rollback --version 1.1.0 && hephaestus release --version 1.1.1"
    assert hub.releases == []
    hub.rulesets.clear()
    assert "no draft and no tag is left" in back(place).said
    assert TAG_REF not in place.remote_refs()


# Branches that take no push


def test_where_the_branch_is_protected_its_way_back_is_a_pull_request(reached, hub):
    place = reached("publish")
    head = place.remote_refs()[MAIN]
    hub.protect("main")

    done = back(place, "critical")

    (pull,) = hub.pulls
    assert pull["title"] == f"Take back release {TAG}"
    assert pull["html_url"] in done.said
    assert done.details["manual"][0]["hint"] == f"python -m webbrowser {pull['html_url']}"
    refs = place.remote_refs()
    assert refs[MAIN] == head
    assert TAG_REF not in refs
    assert hub.releases == []
    assert "[YANKED]" in changelog(place, refs[REVERT])
    assert "changelog says" not in done.said


def test_the_pull_request_is_opened_once_whatever_is_lost_on_the_way(reached, hub):
    place = reached("push")
    hub.protect("main")
    hub.fail(Fault.CUT_AFTER, "POST", r"/pulls$")

    done = back(place)

    assert len(hub.pulls) == 1
    assert "is protected, and has the release until" in done.said
    assert "holds none of its changes" not in done.said
    hub.merge(hub.pulls[0]["number"], "squash")
    assert place.git("rev-parse", "main^{tree}", at=place.remote) == place.git(
        "rev-parse", "main~2^{tree}", at=place.remote
    )


def test_a_rollback_that_was_killed_after_the_pull_request_adopts_it(reached, hub):
    place = reached("push")
    hub.protect("main")
    push = step(place, "push")
    push.undo()
    offered = place.remote_refs()[REVERT]

    push.undo()
    back(place)

    assert len(hub.pulls) == 1
    assert place.remote_refs()[REVERT] == offered


def test_a_branch_of_that_name_by_somebody_else_is_left_alone(reached, hub):
    place = reached("push")
    hub.protect("main")
    place.git("branch", f"revert/{TAG}", "v1.0.0", at=place.remote)

    with pytest.raises(Conflict, match="that this release did not make"):
        back(place)

    assert hub.pulls == []
    assert TAG_REF in place.remote_refs()


def test_until_the_pull_request_is_merged_nothing_is_released_from_the_branch(reached, hub):
    place = reached("push")
    hub.protect("main")
    back(place)
    follow(place)

    assert "is proposed in" in go(place, version=None, current=True).said


def test_where_neither_branch_nor_tag_can_go_both_are_said(reached, hub):
    place = reached("publish")
    hub.protect("main")
    hub.rule("tag", "refs/tags/v*", ("deletion",))

    done = back(place, "critical")

    assert hub.releases == []
    assert len(hub.pulls) == 1
    assert [each["what"].split(" is ")[0] for each in done.details["manual"][:2]] == [f"the tag {TAG}", "main"]
    with pytest.raises(Conflict, match="was taken back"):
        go(place)


# The way forward that GitHub refuses


def test_a_protected_branch_names_the_route_by_a_pull_request(reached, hub):
    place = reached("upload")
    before = place.remote_refs()
    hub.protect("main")

    with pytest.raises(Refused, match="only a pull request can change it") as caught:
        step(place, "push").apply()

    assert caught.value.hint == "hephaestus rollback --version 1.1.0 && hephaestus release --version 1.1.0 --pr"
    assert place.remote_refs() == before
    back(place)
    with ui.observer(io.StringIO()) as observer:
        propose(Request("1.1.0"), place.repository, observer, agree)
    assert [each["title"] for each in hub.pulls] == ["Release v1.1.0"]


@pytest.mark.parametrize("burned", [True, False])
def test_a_tag_that_may_not_be_made_is_refused_with_the_next_patch_and_leaves_nothing(reached, hub, burned):
    place = reached("upload")
    before = place.remote_refs()
    if burned:
        hub.burned.add(TAG)
    else:
        hub.rule("tag", "refs/tags/v*", ("creation",))

    with pytest.raises(Refused, match=f"the name {TAG} is burned") as caught:
        step(place, "push").apply()

    assert caught.value.hint == "hephaestus rollback --version 1.1.0 && hephaestus release --version 1.1.1"
    assert place.remote_refs() == before
    back(place)
    assert place.remote_refs() == before
    assert hub.releases == []


# Who must hear of it


def test_users_are_told_by_one_pinned_issue(hosted, reached, hub):
    configure(hosted, "notify = true")
    place = reached("publish")

    done = back(place, "critical", "it empties the log\n<!-- and hides")

    (issue,) = hub.issues
    assert "acorn 1.1.0 is withdrawn" in issue["title"]
    assert "> it empties the log\n> <!-- and hides\n" in issue["body"]
    assert "acorn!=1.1.0" in issue["body"]
    assert "acorn>=1.1.1" in issue["body"]
    assert hub.pinned == [issue["number"]]
    assert done.details["notice"] == issue["html_url"]
    assert issue["html_url"] in done.said
    back(place)
    assert len(hub.issues) == 1


def test_a_notice_that_fails_is_said_and_the_same_command_ends_it(hosted, reached, hub):
    configure(hosted, "notify = true")
    place = reached("publish")
    hub.fail(Fault.UNAVAILABLE, None, r"/issues", times=100)
    with pytest.raises(CouldNotRun, match="is withdrawn, but users were not told of it") as caught:
        back(place, "critical", "a hole")
    assert caught.value.hint == "hephaestus rollback --version 1.1.0"
    head = place.remote_refs()[MAIN]
    hub.mend()

    done = back(place)

    assert done.details["notice"] == hub.issues[0]["html_url"]
    assert "> a hole" in hub.issues[0]["body"]
    assert place.remote_refs()[MAIN] == head


def test_without_the_setting_the_page_to_tell_users_is_named(reached, hub):
    place = reached("publish")

    done = back(place, "critical")

    assert hub.issues == []
    assert done.details["manual"][-1]["hint"] == f"python -m webbrowser {hub.page}/issues/new"
    assert f"python -m webbrowser {hub.page}/issues/new" in done.said


def test_an_advisory_is_drafted_as_part_of_it(reached, hub):
    place = reached("publish")

    done = back(place, "critical", "it empties the log", advise=True)

    (drafted,) = hub.advisories
    assert drafted["state"] == "draft"
    assert drafted["summary"] == "it empties the log"
    assert "> - Leaves." in drafted["description"]
    assert drafted["html_url"] in done.said
    assert done.details["advisory"]["url"] == drafted["html_url"]


def test_the_token_is_in_no_journal_and_in_no_word(reached, hub):
    place = reached("publish")

    done = back(place, "critical", f"leaked {hub.token} at https://robin:{hub.token}@example.org/x")

    assert hub.token not in done.said + json.dumps(history(place)) + json.dumps(dict(done.details))
    found = [
        file for file in (place.root / ".git").rglob("*") if file.is_file() and hub.token.encode() in file.read_bytes()
    ]
    assert found == []
    assert git.Repository(place.root).config("http.extraheader") is None


# What is shown for a while, or comes late


def test_a_release_that_is_shown_for_a_while_after_it_went_is_no_failure(reached, hub, monkeypatch):
    place = reached("publish")
    ghosts = list(hub.releases)

    def linger(_number: int, _when: str) -> None:
        if not hub.releases and ghosts:
            hub.releases.extend(ghosts)
            ghosts.clear()

    hub.at = linger
    monkeypatch.setattr(system, "pause", lambda _seconds: hub.releases.clear())

    assert "is withdrawn" in back(place, "critical").said

    assert ghosts == []
    assert hub.releases == []


def test_a_release_that_does_not_go_is_not_said_to_be_gone(reached, hub):
    place = reached("publish")
    kept = list(hub.releases)
    hub.at = lambda _number, _when: None if hub.releases else hub.releases.extend(kept)

    with pytest.raises(Refused, match=f"still has {TAG}"):
        back(place, "critical")

    assert TAG_REF in place.remote_refs()
    hub.at = lambda _number, _when: None
    assert "is withdrawn" in back(place).said


def test_a_tag_that_is_shown_for_a_while_is_looked_for_again_before_it_is_said_to_stay(reached, hub, monkeypatch):
    place = reached("publish")
    hub.rule("tag", "refs/tags/v*", ("deletion",))

    def go_late(_seconds: float) -> None:
        if TAG_REF in place.remote_refs():
            place.git("update-ref", "-d", TAG_REF, at=place.remote)

    monkeypatch.setattr(system, "pause", go_late)

    done = back(place, "critical")

    assert "release, files and tag are gone" in done.said
    assert "still on origin" not in done.said


def test_a_push_that_arrives_late_is_taken_back_too(reached, hub, monkeypatch):
    place = reached("upload")
    commit, tag = made(place)
    base = place.remote_refs()[MAIN]
    record(place).begin("push")
    late = [f"{commit}:{MAIN}", f"{tag}:{TAG_REF}"]

    def arrive(_seconds: float) -> None:
        if late:
            place.git("push", "--quiet", "--atomic", str(place.remote), *late)
            late.clear()

    monkeypatch.setattr(system, "pause", arrive)

    assert "no draft and no tag is left" in back(place).said

    assert late == []
    assert TAG_REF not in place.remote_refs()
    assert place.git("rev-parse", "main^{tree}", at=place.remote) == place.git("rev-parse", f"{base}^{{tree}}")


def test_after_a_withdrawal_the_next_patch_can_be_released(hosted, hub):
    hub.immutable = True
    assert go(hosted).state == "released"
    done = hosted.hephaestus(
        *(
            "rollback",
            "--version",
            "1.1.0",
            "--severity",
            "critical",
            "--because",
            "it empties the log",
            "--yes",
            "--json",
        )
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["burned"] == TAG
    assert f"the tag name {TAG} is burned for ever" in done.stderr
    follow(hosted)
    text = (hosted.root / "CHANGELOG.md").read_text()
    hosted.commit("CHANGELOG.md", text.replace("## [Unreleased]\n", "## [Unreleased]\n\n### Fixed\n\n- The log.\n", 1))

    assert go(hosted, version="1.1.1").state == "released"

    assert tags(hub) == ["v1.1.1"]
