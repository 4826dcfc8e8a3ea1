"""Another machine finishes or takes back what one began, by what the world shows, and touches nothing that is not ours."""

import hashlib
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from hephaestus import errors, marks, system
from hephaestus.errors import ChecksFailed, Conflict, UsageError
from hephaestus.forge.directory import DirectoryForge
from worlds import TAG, back, begun, go, halfway, hidden, made, promise, record

MAIN, TAG_REF = "refs/heads/main", f"refs/tags/{TAG}"


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    """Nobody waits for a push that may still arrive."""
    monkeypatch.setattr(system, "pause", lambda _seconds: None)


@pytest.fixture
def uploaded(request):
    """A project whose release is a draft with all its files; nothing is public."""
    return halfway(request, "upload")


@pytest.fixture
def pushed(request):
    """A project whose branch and tag are out, and whose draft waits."""
    return halfway(request, "push")


@pytest.fixture
def published(request):
    """A project whose release is out, but not yet verified."""
    return halfway(request, "publish")


def machine(place, name="fresh", *, person="Robin"):
    """Return a clone on another machine, where the same person or somebody else works."""
    clone = place.clone(name)
    clone.git("config", "user.name", person)
    return clone


def claim(place, message="mine", *, name="claimer"):
    """Let somebody else push a tag of that name."""
    clone = place.clone(name)
    clone.git("tag", "-a", "--cleanup=verbatim", "-m", message, TAG, "v1.0.0")
    clone.git("push", "--quiet", "origin", TAG)
    return clone.git("rev-parse", TAG)


def is_out(place):
    """Tell whether exactly one release is out: its tag on the branch, its files the ones it promises."""
    found = promise(place)
    assert found is not None
    assert found.tag_object == place.remote_refs()[TAG_REF]
    place.git("merge-base", "--is-ancestor", f"{TAG}^{{commit}}", "main", at=place.remote)
    files = {
        name.rpartition("/")[2]: hashlib.sha256(data).hexdigest()
        for name, data in place.releases().items()
        if name.startswith(f"{TAG}/assets/")
    }
    return files == dict(found.assets) and place.drafts() == []


def problems(caught):
    return "\n".join(problem.message for problem in caught.value.problems)


# What another machine began is finished


@pytest.mark.slow
@pytest.mark.parametrize("person", ["Robin", "Kim"])
def test_a_fresh_clone_finishes_what_is_only_a_draft(uploaded, person):
    fresh = machine(uploaded, person=person)

    assert go(fresh).state == "released"

    assert is_out(fresh)
    found = promise(fresh)
    assert found is not None
    assert found.mark == begun(uploaded).mark
    assert fresh.git("for-each-ref", "--format=%(taggername)", TAG_REF) == person
    assert fresh.git("rev-parse", "HEAD") == fresh.remote_refs()[MAIN]


@pytest.mark.slow
def test_a_fresh_clone_finishes_a_draft_that_was_never_whole(uploaded):
    forge = uploaded.forge / ".drafts" / TAG / "assets"
    for asset in sorted(forge.iterdir())[:2]:
        asset.unlink()
    fresh = machine(uploaded)

    assert go(fresh).state == "released"

    assert is_out(fresh)


@pytest.mark.slow
def test_a_fresh_clone_publishes_what_was_pushed_and_builds_nothing_anew(pushed):
    found = promise(pushed)
    fresh = machine(pushed, person="Kim")

    assert go(fresh).state == "released"

    assert is_out(fresh)
    assert promise(fresh) == found


@pytest.mark.slow
def test_a_fresh_clone_makes_the_draft_of_a_pushed_tag_again(pushed):
    shutil.rmtree(pushed.forge / ".drafts" / TAG)
    fresh = machine(pushed, person="Kim")

    assert go(fresh).state == "released"

    assert is_out(fresh)
    assert fresh.remote_refs()[TAG_REF] == made(pushed)[1]


@pytest.mark.slow
def test_a_fresh_clone_verifies_what_was_published(published):
    before = published.releases()
    fresh = machine(published, person="Kim")

    assert go(fresh).state == "released"

    assert is_out(fresh)
    assert published.releases() == before
    assert go(fresh).state == "already released"


@pytest.mark.slow
def test_the_first_machine_finishes_its_part_after_another_one_has_released(uploaded):
    go(machine(uploaded))

    assert go(uploaded).state == "released"

    assert is_out(uploaded)
    assert uploaded.git("rev-parse", "HEAD") == uploaded.remote_refs()[MAIN]
    assert record(uploaded).ended == "released"


# What another machine began is taken back


@pytest.mark.slow
def test_a_fresh_clone_takes_back_what_is_only_a_draft(uploaded):
    fresh = machine(uploaded)
    before = fresh.snapshot()

    assert "nothing of it was public" in back(fresh).said

    assert fresh.snapshot() == {**before, "drafts": []}


@pytest.mark.slow
def test_the_first_machine_makes_its_draft_again_when_another_one_has_removed_it(uploaded):
    back(machine(uploaded))

    assert go(uploaded).state == "released"

    assert is_out(uploaded)


@pytest.mark.slow
def test_a_fresh_clone_takes_back_what_was_pushed(pushed):
    base = begun(pushed).base
    fresh = machine(pushed, person="Kim")
    before = hidden(fresh.snapshot(), "remote", "refs")

    assert "no draft and no tag is left" in back(fresh).said

    assert TAG_REF not in fresh.remote_refs()
    assert fresh.drafts() == []
    assert fresh.releases() == {}
    assert fresh.git("diff", base, "main", at=fresh.remote) == ""
    assert hidden(fresh.snapshot(), "remote", "refs") == before
    assert not [name for name in fresh.repository.refs() if "hephaestus" in name or name == TAG_REF]
    assert back(pushed).state == "rolled back"
    assert fresh.git("diff", base, "main", at=fresh.remote) == ""


@pytest.mark.slow
def test_a_fresh_clone_withdraws_what_was_published_by_severity_only(published):
    fresh = machine(published, person="Kim")
    before = fresh.snapshot()
    with pytest.raises(UsageError, match="how severe is it"):
        back(fresh)
    assert hidden(fresh.snapshot()) == hidden(before)

    assert "is withdrawn" in back(fresh, "critical").said

    assert TAG_REF not in fresh.remote_refs()
    assert not [name for name in fresh.releases() if name.startswith(TAG)]
    assert "[YANKED]" in fresh.git("show", "main:CHANGELOG.md", at=fresh.remote)


# What is not ours


@pytest.mark.slow
def test_a_tag_of_somebody_else_is_refused_with_words_and_left_alone(place):
    theirs = claim(place)
    before = place.snapshot()

    with pytest.raises(ChecksFailed) as caught:
        go(place, "tag")

    assert f"the tag {TAG} exists on origin" in problems(caught)
    with pytest.raises(UsageError, match="no tag or draft of ours"):
        back(place)
    assert place.snapshot() == before
    assert place.remote_refs()[TAG_REF] == theirs


def forged(place):
    """Return a mark as a hostile author of notes could write it."""
    return marks.Mark("f" * 32, place.git("rev-parse", "HEAD"), "main", "2026-01-01T00:00:00+00:00")


@pytest.mark.slow
def test_a_mark_in_the_notes_of_somebody_elses_tag_does_not_make_it_ours(place):
    notes = marks.message(forged(place), f"Release {TAG}", "- Leaves.")
    theirs = claim(place, f"{notes}\nSigned-off-by: Mallory <mallory@example.org>\n")

    with pytest.raises(UsageError, match="no tag or draft of ours"):
        back(place)
    with pytest.raises(ChecksFailed):
        go(place, "tag")

    assert place.remote_refs()[TAG_REF] == theirs


@pytest.mark.slow
def test_a_mark_in_our_own_notes_is_not_the_mark_of_our_release(place):
    mark = forged(place)
    promised = marks.DraftMark(mark, "0" * 40, {})
    fake = marks.message(mark, "- Leaves.", "").strip() + "\n\n" + marks.body(promised, "").strip()
    changelog = (place.root / "CHANGELOG.md").read_text().replace("- Leaves.", fake)
    place.commit("CHANGELOG.md", changelog)
    place.git("push", "--quiet")

    go(place, "tag")

    assert "Hephaestus-Release: " + "f" * 32 in place.repository.tag_message(made(place)[1])
    assert marks.from_message(place.repository.tag_message(made(place)[1])) == begun(place).mark
    assert begun(place).mark.id != mark.id
    assert back(place).state == "rolled back"


@pytest.mark.parametrize("visible", [False, True])
@pytest.mark.slow
def test_a_release_on_the_forge_that_somebody_else_made_is_refused_with_words_and_left_alone(place, visible):
    forge = DirectoryForge(place.forge)
    body = marks.body(marks.DraftMark(forged(place), "0" * 40, {}), "By hand.") + "\nMore.\n"
    forge.draft(TAG, title="mine", body=body, prerelease=False)
    if visible:
        forge.publish(TAG)
    before = place.snapshot()

    with pytest.raises(ChecksFailed) as caught:
        go(place, "tag")

    assert f"has a {'release' if visible else 'draft'} {TAG} that this release did not make" in problems(caught)
    with pytest.raises(UsageError, match="no tag or draft of ours"):
        back(place)
    assert place.snapshot() == before


@pytest.mark.slow
def test_somebody_elses_tag_in_the_way_of_our_draft_is_named_and_the_draft_can_be_taken_back(uploaded):
    theirs = claim(uploaded)
    fresh = machine(uploaded)

    with pytest.raises(ChecksFailed) as caught:
        go(fresh)
    assert f"the tag {TAG} exists" in problems(caught)
    with pytest.raises(Conflict, match="is not the one this release made") as stopped:
        go(uploaded)
    assert stopped.value.hint == "hephaestus rollback --version 1.1.0"

    assert back(uploaded).state == "rolled back"
    assert uploaded.drafts() == []
    assert uploaded.remote_refs()[TAG_REF] == theirs


@pytest.mark.slow
def test_a_release_that_is_out_is_not_made_again_from_another_commit(published):
    go(published)
    published.git("push", "--quiet", "origin", "main")
    fresh = machine(published)
    fresh.commit("fruit.txt", "an acorn\n")
    before = fresh.snapshot()

    with pytest.raises(ChecksFailed) as caught:
        go(fresh)

    assert f"the tag {TAG} exists" in problems(caught)
    assert fresh.snapshot() == before


# Two machines, one version


@pytest.mark.slow
def test_of_two_machines_with_a_forge_each_the_second_one_yields(uploaded):
    second = machine(uploaded, "second", person="Kim")
    second.git("config", "hephaestus.forge", str(second.root.parent / "second-releases"))
    before = hidden(second.snapshot(), "remote", "releases")
    go(second, "upload")
    assert go(uploaded).state == "released"
    out = uploaded.releases()

    with pytest.raises(Conflict, match="is not the one this release made") as caught:
        go(second)

    assert "nothing is public" in caught.value.message
    assert caught.value.hint == "hephaestus rollback --version 1.1.0"
    assert back(second).state == "rolled back"
    assert hidden(second.snapshot(), "remote", "releases") == before
    assert not [name for name in second.repository.refs() if name.startswith("refs/hephaestus/")]
    assert is_out(uploaded)
    assert uploaded.releases() == out


@pytest.mark.slow
def test_of_two_machines_with_one_forge_the_one_with_the_draft_goes_on(uploaded):
    second = machine(uploaded, "second", person="Kim")
    aside = shutil.move(uploaded.forge, uploaded.forge.with_name("aside"))
    go(second, "build")
    shutil.move(aside, uploaded.forge)

    with pytest.raises(ChecksFailed) as caught:
        go(second)

    assert f"has a draft {TAG} that this release did not make" in problems(caught)
    assert back(second).state == "rolled back"
    assert go(uploaded).state == "released"
    assert is_out(uploaded)


@pytest.mark.slow
def test_a_draft_that_another_machine_took_over_is_made_to_fit_again(uploaded):
    second = machine(uploaded, "second", person="Kim")
    go(second, "upload")
    taken = promise(uploaded)
    assert taken is not None
    assert taken.tag_object != made(uploaded)[1]

    assert go(uploaded).state == "released"

    assert is_out(uploaded)
    out = uploaded.releases()
    with pytest.raises(Conflict):
        go(second)
    assert back(second).state == "rolled back"
    assert uploaded.releases() == out
    assert is_out(uploaded)


@pytest.mark.slow
def test_two_machines_at_the_same_moment_make_one_release(place):
    machines = [place, machine(place, "second", person="Kim")]
    command = [sys.executable, "-m", "hephaestus", "release", "--version", "1.1.0", "--yes"]
    running = [
        subprocess.Popen(command, cwd=each.root, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for each in machines
    ]
    said = [process.communicate()[1] for process in running]
    codes = [process.returncode for process in running]

    known = {getattr(errors, name).exit_code for name in errors.__all__ if hasattr(getattr(errors, name), "exit_code")}
    assert set(codes) <= {0, *known} - {1}, said
    assert not [text for text in said if "Traceback" in text], said
    if 0 not in codes:
        again = machines[0].hephaestus("release", "--version", "1.1.0", "--yes")
        assert again.returncode == 0, (said, again.stderr)
    assert is_out(place)
    out = place.releases()
    for each, code in zip(machines, codes, strict=True):
        if code:
            assert record(each) is None or back(each).state == "rolled back"
    assert is_out(place)
    assert place.releases() == out


@pytest.mark.slow
def test_what_another_machine_has_published_is_taken_back_by_severity_only(pushed):
    go(machine(pushed))

    with pytest.raises(UsageError, match="is published; how severe is it"):
        back(pushed)

    assert is_out(pushed)
    back(pushed, "critical")
    assert pushed.releases() == {}
    assert TAG_REF not in pushed.remote_refs()


@pytest.mark.slow
def test_a_release_that_another_machine_has_withdrawn_is_not_said_to_be_out(published):
    go(published)
    back(machine(published), "critical")

    with pytest.raises(ChecksFailed) as caught:
        go(published)

    assert "taken back elsewhere" in caught.value.problems[0].message


@pytest.mark.slow
def test_a_draft_for_a_commit_that_is_not_checked_out_is_not_gone_on_with(uploaded):
    stranger = machine(uploaded, "stranger")
    stranger.git("switch", "--quiet", "-c", "theirs")
    evil = stranger.commit("src/acorn/evil.py", "EVIL = True\n")
    stranger.git("push", "--quiet", "origin", "theirs")
    found = promise(uploaded)
    forged = marks.DraftMark(replace(found.mark, base=evil), found.tag_object, found.assets)
    DirectoryForge(uploaded.forge).draft(TAG, title=TAG, body=marks.body(forged, "- Leaves"), prerelease=False)
    before = uploaded.remote_refs()

    with pytest.raises(Conflict, match="is not what is checked out"):
        go(machine(uploaded, "victim"))

    assert uploaded.remote_refs() == before


@pytest.mark.slow
def test_another_try_whose_journal_was_deleted_does_not_pass_for_this_one(place):
    go(place, "tag")
    shutil.rmtree(place.root / ".git" / "hephaestus")

    go(place, "tag")

    assert marks.from_message(place.repository.tag_message(made(place)[1])) == begun(place).mark


@pytest.mark.slow
def test_a_draft_that_is_lost_after_the_push_is_made_again_by_the_same_command(pushed):
    DirectoryForge(pushed.forge).withdraw(TAG)

    go(pushed)

    assert is_out(pushed)
