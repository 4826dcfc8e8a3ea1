"""Taking a release back: to the byte while nothing is public, by new commits after that, by severity once it is out."""

import io
import json
from pathlib import Path

import pytest

from hephaestus import git, journal, ui
from hephaestus.advisory import SEVERITIES
from hephaestus.errors import ChecksFailed, CouldNotRun, InFlight, NotConfirmed, Refused, UsageError
from hephaestus.rollback import roll_back
from worlds import FROZEN, TAG, UNREACHABLE, back, go, halfway, hidden, made, record

MAIN, TAG_REF = "refs/heads/main", f"refs/tags/{TAG}"


@pytest.fixture
def tagged(request):
    """A project whose release commit and tag wait under private refs."""
    return halfway(request, "tag")


@pytest.fixture
def pushed(request):
    """A project whose branch and tag are out, and whose draft waits."""
    return halfway(request, "push")


@pytest.fixture
def released(request):
    """A project whose release is finished."""
    return halfway(request, "track")


def private(place):
    return [name for name in place.repository.refs() if name.startswith("refs/hephaestus/")]


def tree(place, revision="main"):
    return place.git("rev-parse", f"{revision}^{{tree}}", at=place.remote)


def grow(place):
    clone = place.clone("other")
    head = clone.commit("fruit.txt", "an acorn\n", "feat: Bear fruit")
    clone.git("push", "--quiet", "origin", "main")
    return head


def refuse(_question):
    return False


# While nothing is public


@pytest.mark.parametrize("until", ["stage", "changelog", "tag"])
@pytest.mark.slow
def test_before_anything_is_public_the_world_is_as_before_to_the_byte(place, until):
    before = place.snapshot()
    go(place, until)

    done = back(place)

    assert done.state == "rolled back"
    assert "nothing of it was public, and everything is as before" in done.said
    assert place.snapshot() == before
    assert record(place) is None


@pytest.mark.slow
def test_a_draft_with_all_its_files_leaves_no_trace(place):
    before = place.snapshot()
    go(place, "upload")
    assert place.drafts() == [TAG]

    back(place)

    assert place.snapshot() == before


def test_work_done_meanwhile_is_kept(tagged):
    mine = tagged.commit("fruit.txt", "an acorn\n")
    (tagged.root / "CHANGELOG.md").write_text("changed\n")
    (tagged.root / "notes.txt").write_text("mine\n")
    before = hidden(tagged.snapshot())

    back(tagged)

    assert hidden(tagged.snapshot()) == before
    assert tagged.git("rev-parse", "HEAD") == mine
    assert private(tagged) == []


def test_what_never_left_the_machine_is_taken_back_without_the_remote(tagged):
    fault = UNREACHABLE["moved away"]
    before = hidden(tagged.snapshot())
    fault.begin(tagged)

    assert back(tagged).state == "rolled back"

    fault.mend(tagged)
    assert hidden(tagged.snapshot()) == before
    assert private(tagged) == []


def test_a_second_rollback_finds_nothing_left_to_do(tagged):
    back(tagged)
    before = tagged.snapshot()

    again = back(tagged)

    assert again.state == "rolled back"
    assert again.said == f"{TAG} was rolled back before, nothing is left to do"
    assert tagged.snapshot() == before


@pytest.mark.slow
def test_a_version_that_was_rolled_back_can_be_released(tagged):
    first = record(tagged)
    back(tagged)

    assert go(tagged, "tag").state == "stopped"

    again = record(tagged)
    assert first is not None
    assert again is not None
    assert again.facts["id"] != first.facts["id"]


@pytest.mark.parametrize("version", ["9.9.9", "1.0.0"])
def test_a_version_that_was_never_begun_is_an_error_and_changes_nothing(tagged, version):
    before = tagged.snapshot()

    with pytest.raises(UsageError, match=f"there is no release v{version} that was begun here") as caught:
        back(tagged, version=version)

    assert caught.value.hint == "hephaestus status"
    assert tagged.snapshot() == before


def test_what_is_no_version_is_an_error(tagged):
    with pytest.raises(UsageError, match="nonsense"):
        back(tagged, version="nonsense")


def test_a_severity_nobody_knows_is_an_error_that_names_the_known_ones(tagged):
    before = tagged.snapshot()

    with pytest.raises(UsageError, match="there are critical, high, medium, low"):
        back(tagged, "apocalyptic")

    assert tagged.snapshot() == before


@pytest.mark.slow
def test_a_draft_that_cannot_be_read_stops_the_rollback_and_the_same_command_ends_it(request):
    place = halfway(request, "upload")
    draft = place.forge / ".drafts" / TAG / "release.json"
    kept = draft.read_bytes()
    before = hidden(place.snapshot())
    draft.write_text("{")

    with pytest.raises(UsageError, match="the record of a release is damaged"):
        back(place)

    assert hidden(place.snapshot()) == before
    assert made(place)
    draft.write_bytes(kept)
    assert back(place).state == "rolled back"
    assert place.drafts() == []
    assert private(place) == []


# Between the push and the publication


@pytest.mark.slow
def test_after_the_push_tag_and_draft_go_and_a_new_commit_restores_the_files(pushed):
    before = hidden(pushed.snapshot(), "remote")
    commit, _ = made(pushed)

    done = back(pushed)

    assert done.state == "rolled back"
    assert "no draft and no tag is left, and origin/main holds none of its changes" in done.said
    assert "git pull --ff-only origin main" in done.said
    remote = pushed.remote_refs()
    assert TAG_REF not in remote
    assert pushed.git("rev-parse", "main~1", at=pushed.remote) == commit
    assert tree(pushed) == tree(pushed, "main~2")
    assert pushed.git("log", "-1", "--format=%s", "main", at=pushed.remote) == f"revert: Take back release {TAG}"
    assert pushed.drafts() == []
    assert private(pushed) == []
    after = hidden(pushed.snapshot(), "remote")
    assert {**after, "refs": None} == {**before, "refs": None}
    assert pushed.repository.resolve(TAG_REF) is None


@pytest.mark.slow
def test_what_was_taken_back_after_the_push_can_be_released_anew(pushed):
    back(pushed)
    pushed.git("pull", "--quiet", "--ff-only", "origin", "main")

    assert go(pushed, "push").state == "stopped"

    assert pushed.remote_refs()[TAG_REF] == made(pushed)[1]
    assert '__version__ = "1.1.0"' in pushed.git("show", f"{TAG}:src/acorn/__init__.py", at=pushed.remote)


@pytest.mark.slow
def test_nothing_public_is_taken_back_before_somebody_agreed(pushed):
    before = pushed.snapshot()
    for consent in (None, refuse):
        with ui.observer(io.StringIO()) as observer, pytest.raises(NotConfirmed) as caught:
            roll_back("1.1.0", None, pushed.repository, observer, consent)
        assert caught.value.hint == "hephaestus rollback --version 1.1.0 --yes"

    with ui.observer(io.StringIO()) as observer, pytest.raises(NotConfirmed, match="no terminal to ask") as caught:
        roll_back("1.1.0", "critical", pushed.repository, observer, None, "it leaks")
    assert caught.value.hint == "hephaestus rollback --version 1.1.0 --severity critical --because 'it leaks' --yes"

    assert pushed.snapshot() == before
    assert go(pushed, "publish").state == "stopped"


@pytest.mark.slow
def test_a_branch_others_have_built_on_is_not_taken_back_and_the_release_can_be_finished(pushed):
    head = grow(pushed)
    before = pushed.snapshot()

    with pytest.raises(ChecksFailed) as caught:
        back(pushed)

    (problem,) = caught.value.problems
    assert "others have built on it" in problem.message
    assert problem.hint == "hephaestus release --version 1.1.0"
    assert pushed.snapshot() == before
    assert go(pushed).state == "released"
    assert pushed.remote_refs()[MAIN] == head


@pytest.mark.slow
def test_a_tag_that_somebody_replaced_forbids_the_rollback(pushed):
    clone = pushed.clone("other")
    clone.git("tag", "--force", "-a", "-m", "mine", TAG, "v1.0.0")
    clone.git("push", "--quiet", "--force", "origin", TAG)
    before = pushed.snapshot()

    with pytest.raises(ChecksFailed) as caught:
        back(pushed)

    assert "is not the one this release made" in caught.value.problems[0].message
    assert pushed.snapshot() == before


@pytest.mark.slow
def test_a_rollback_that_could_take_nothing_back_leaves_the_way_forward_open(pushed):
    FROZEN.begin(pushed)
    arrived = pushed.remote_refs()
    with pytest.raises(Refused, match="frozen until Monday") as stopped:
        back(pushed)
    assert stopped.value.hint == "hephaestus rollback --version 1.1.0"
    with pytest.raises(InFlight) as other:
        go(pushed, version="1.2.0")
    assert other.value.hint == "hephaestus rollback --version 1.1.0"

    assert go(pushed).state == "released"

    assert pushed.remote_refs() == arrived


@pytest.mark.slow
def test_without_the_remote_what_is_public_is_not_said_to_be_taken_back(pushed):
    fault = UNREACHABLE["moved away"]
    before = pushed.snapshot()
    fault.begin(pushed)

    with pytest.raises(CouldNotRun, match="does not answer"):
        back(pushed)

    fault.mend(pushed)
    assert pushed.snapshot() == before
    assert back(pushed).state == "rolled back"


@pytest.mark.slow
def test_a_release_that_was_prepared_by_hand_is_marked_as_yanked_and_nothing_is_reverted(place):
    place.hephaestus("bump", "--version", "1.1.0")
    place.hephaestus("changelog", "--version", "1.1.0")
    place.git("commit", "--quiet", "--all", "-m", "chore: Prepare release v1.1.0")
    place.git("push", "--quiet")
    base = place.remote_refs()[MAIN]
    assert go(place, "push", version=None, current=True).state == "stopped"
    assert place.git("rev-parse", f"{TAG}^{{commit}}", at=place.remote) == base

    done = back(place)

    assert "[YANKED]" in done.said
    assert TAG_REF not in place.remote_refs()
    assert place.drafts() == []
    assert place.git("rev-parse", "main~1", at=place.remote) == base
    assert place.git("diff", "--name-only", base, "main", at=place.remote) == "CHANGELOG.md"
    place.git("pull", "--quiet", "--ff-only")
    again = go(place, version=None, current=True)
    assert again.state == "nothing to release"
    assert "[YANKED]" in again.said


# Once users can see it


@pytest.mark.slow
def test_a_published_release_asks_how_severe_it_is(released):
    before = released.snapshot()

    done = released.hephaestus("rollback", "--version", "1.1.0", "--yes")

    assert done.returncode == UsageError.exit_code
    assert f"error: {TAG} is published; how severe is it?" in done.stderr
    for severity, meaning in SEVERITIES.items():
        assert f"{severity}: {meaning}" in done.stderr
    assert "hephaestus rollback --version 1.1.0 --severity" in done.stderr
    assert released.snapshot() == before


@pytest.mark.slow
@pytest.mark.parametrize("severity", ["high", "medium", "low"])
def test_what_is_not_critical_stays_published_and_gets_advice(released, severity):
    before = released.snapshot()

    done = back(released, severity)

    assert done.state == "stays published"
    assert SEVERITIES[severity] in done.said
    assert "release the next patch, 1.1.1: hephaestus release --version 1.1.1" in done.said
    assert ("1.1.0 must not be installed" in done.said) == (severity == "high")
    assert ("acorn!=1.1.0" in done.said) == (severity == "high")
    assert ("hephaestus hotfix --from v1.0.0" in done.said) == (severity == "high")
    assert (done.details["next"], done.details["pin"]) == ("1.1.1", "acorn!=1.1.0")
    assert released.snapshot() == before


@pytest.mark.slow
def test_a_critical_release_is_withdrawn_and_marked_and_not_released_again(released):
    release_commit = released.remote_refs()[MAIN]
    local = released.git("rev-parse", "HEAD")

    done = back(released, "critical")

    assert done.state == "rolled back"
    assert "is withdrawn" in done.said
    assert not [name for name in released.releases() if name.startswith(TAG)]
    assert TAG_REF not in released.remote_refs()
    assert released.repository.resolve(TAG_REF) is None
    assert released.git("rev-parse", "main~1", at=released.remote) == release_commit
    assert released.git("diff", "--name-only", "main~1", "main", at=released.remote) == "CHANGELOG.md"
    changelog = git.Commit(git.Repository(released.remote), "main").read("CHANGELOG.md") or b""
    assert next(line for line in changelog.splitlines() if line.startswith(b"## [1.1.0]")).endswith(b"[YANKED]")
    assert released.git("rev-parse", "HEAD") == local
    released.git("pull", "--quiet", "--ff-only")
    again = go(released, version=None, current=True)
    assert again.state == "nothing to release"
    assert "[YANKED]" in again.said
    assert back(released, "critical").said == f"{TAG} was rolled back before, nothing is left to do"


@pytest.mark.slow
def test_the_next_patch_is_one_that_no_tag_names(released):
    released.git("tag", "v1.1.1")
    released.git("tag", "v1.1.2")

    assert back(released, "low").details["next"] == "1.1.3"


@pytest.mark.slow
def test_what_was_withdrawn_is_not_released_again(released):
    back(released, "critical")
    released.git("pull", "--quiet", "--ff-only", "origin", "main")

    with pytest.raises(ChecksFailed) as caught:
        go(released)

    found = [problem for problem in caught.value.problems if "[YANKED]" in problem.message]
    assert [problem.hint for problem in found] == ["hephaestus release --version 1.1.1"]


@pytest.mark.slow
def test_the_reason_is_kept_without_the_secrets_in_it(released):
    secret = "ghp_" + "a" * 36
    done = released.hephaestus(
        *("rollback", "--version", "1.1.0", "--severity", "critical", "--yes"),
        *("--because", f"see https://robin:{secret}@example.org/\x1b[2J and {secret}"),
    )

    assert done.returncode == 0, done.stderr
    (path,) = journal.archived(journal.directory(released.repository.common_directory), TAG)
    (line,) = [line for line in path.read_text().splitlines() if '"back"' in line]
    assert json.loads(line)["because"] == "see https://example.org/ and ***"
    assert secret not in done.stderr + done.stdout


@pytest.mark.slow
def test_an_advisory_is_written_where_the_forge_has_none(released):
    with ui.observer(io.StringIO()) as observer:
        done = roll_back(
            "1.1.0",
            "critical",
            released.repository,
            observer,
            lambda _question: True,
            "it empties the log",
            advise=True,
        )

    written = Path(done.details["advisory"]["file"])
    assert written == released.repository.common_directory / "hephaestus" / "reports" / TAG / "advisory.md"
    assert written.read_text().startswith("# it empties the log\n")
    assert "> - Leaves." in written.read_text()
    assert str(written) in done.said
    assert "has no advisories" in done.said


@pytest.mark.slow
def test_a_critical_release_is_withdrawn_though_others_have_built_on_it(released):
    head = grow(released)

    back(released, "critical")

    assert released.git("rev-parse", "main~1", at=released.remote) == head
    assert "[YANKED]" in released.git("show", "main:CHANGELOG.md", at=released.remote)
    assert released.git("show", "main:fruit.txt", at=released.remote) == "an acorn"


@pytest.mark.slow
def test_a_withdrawal_that_the_remote_stopped_is_ended_by_the_same_command_without_a_severity(released):
    FROZEN.begin(released)
    with pytest.raises(Refused):
        back(released, "critical")
    FROZEN.mend(released)

    assert "is withdrawn" in back(released).said

    assert TAG_REF not in released.remote_refs()
    assert "[YANKED]" in released.git("show", "main:CHANGELOG.md", at=released.remote)
