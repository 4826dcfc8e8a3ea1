"""The commit point: whatever the remote does, branch and tag arrive together or not at all, and the way back is safe."""

import dataclasses

import pytest

from hephaestus import git, system
from hephaestus.errors import ChecksFailed, Conflict, CouldNotRun, Refused
from hephaestus.push import Push
from worlds import (
    DROPPED,
    FROZEN,
    LOST,
    REFUSALS,
    TAG,
    UNREACHABLE,
    Fault,
    back,
    go,
    halfway,
    hidden,
    hook,
    made,
    promise,
    receive,
    record,
    step,
)

MAIN, TAG_REF = "refs/heads/main", f"refs/tags/{TAG}"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(system, "pause", lambda _seconds: None)


@pytest.fixture
def tagged(request):
    """A project whose release commit and tag wait under private refs."""
    return halfway(request, "tag")


@pytest.fixture
def uploaded(request):
    """A project whose release is whole, but for the push."""
    return halfway(request, "upload")


def push_of(place) -> Push:
    found = step(place, "push")
    assert isinstance(found, Push)
    return found


def deliver(place):
    """Let the push arrive, as one whose connection was lost may do at any time."""
    commit, tag = made(place)
    place.git("push", "--quiet", "--atomic", str(place.remote), f"{commit}:{MAIN}", f"{tag}:{TAG_REF}")


def grow(place, name="other", path="fruit.txt"):
    """Let somebody else commit to the branch and push."""
    clone = place.clone(name)
    head = clone.commit(path, "an acorn\n", "feat: Bear fruit")
    clone.git("push", "--quiet", "origin", "main")
    return clone, head


def claim(place, *, force=False):
    """Let somebody else push a tag of that name."""
    clone = place.clone("claimer")
    clone.git("tag", "--force", "-a", "-m", "mine", TAG, "v1.0.0")
    clone.git("push", "--quiet", *(["--force"] if force else []), "origin", TAG)
    return clone.git("rev-parse", TAG)


def tree(place, revision):
    return place.git("rev-parse", f"{revision}^{{tree}}", at=place.remote)


def test_branch_and_tag_arrive_together_and_a_repetition_changes_nothing(tagged):
    push_of(tagged).apply()

    arrived = tagged.remote_refs()
    assert (arrived[MAIN], arrived[TAG_REF]) == made(tagged)
    push_of(tagged).apply()
    assert tagged.remote_refs() == arrived


@pytest.mark.parametrize("fault", REFUSALS.values(), ids=REFUSALS)
@pytest.mark.slow
def test_a_remote_that_refuses_gets_nothing_and_its_words_are_passed_on(tagged, fault: Fault):
    before = tagged.snapshot()
    fault.begin(tagged)

    with pytest.raises(Refused, match="GH013"):
        push_of(tagged).apply()

    assert tagged.snapshot() == before
    fault.mend(tagged)
    push_of(tagged).apply()
    assert tagged.remote_refs()[TAG_REF] == made(tagged)[1]


@pytest.mark.slow
@pytest.mark.parametrize("fault", {**UNREACHABLE, **LOST}.values(), ids={**UNREACHABLE, **LOST})
def test_a_remote_that_cannot_be_reached_is_no_refusal(tagged, fault: Fault):
    before = tagged.snapshot()
    fault.begin(tagged)

    with pytest.raises(CouldNotRun, match="origin does not"):
        push_of(tagged).apply()

    fault.mend(tagged)
    assert tagged.snapshot() == before
    push_of(tagged).apply()
    assert tagged.remote_refs()[MAIN] == made(tagged)[0]


@pytest.mark.parametrize("text", DROPPED.values(), ids=DROPPED)
def test_a_push_that_arrived_counts_whatever_became_of_the_answer(tagged, text):
    receive(tagged, text)

    push_of(tagged).apply()

    arrived = tagged.remote_refs()
    assert (arrived[MAIN], arrived[TAG_REF]) == made(tagged)


def test_a_connection_that_is_lost_once_is_tried_again(tagged):
    receive(tagged, 'if mkdir "$0.failed"; then exit 1; fi; exec git-receive-pack "$1"')

    push_of(tagged).apply()

    assert tagged.remote_refs()[TAG_REF] == made(tagged)[1]


def test_a_branch_that_moved_meanwhile_is_left_alone(tagged):
    _, head = grow(tagged)

    with pytest.raises(Conflict, match=f"main on origin has moved to {head[:10]}") as caught:
        push_of(tagged).apply()

    assert "hephaestus rollback --version 1.1.0" in str(caught.value.hint)
    assert tagged.remote_refs()[MAIN] == head
    assert TAG_REF not in tagged.remote_refs()


def test_a_branch_that_moves_while_the_push_is_on_its_way_is_left_alone(tagged):
    clone, _ = grow(tagged)
    clone.git("push", "--quiet", "--force", "origin", "HEAD~1:main", "HEAD:refs/heads/waiting")
    receive(tagged, 'git -C "$1" update-ref refs/heads/main refs/heads/waiting; exec git-receive-pack "$1"')

    with pytest.raises(Conflict, match="has moved"):
        push_of(tagged).apply()

    assert tagged.remote_refs()[MAIN] == clone.git("rev-parse", "HEAD")
    assert TAG_REF not in tagged.remote_refs()


def test_a_tag_of_somebody_else_is_left_alone_and_the_branch_with_it(tagged):
    before = tagged.remote_refs()
    theirs = claim(tagged)

    with pytest.raises(Conflict, match="is not the one this release made"):
        push_of(tagged).apply()

    assert tagged.remote_refs() == {**before, TAG_REF: theirs}


def test_where_the_release_commit_is_on_the_branch_already_only_the_tag_is_pushed(tagged):
    commit, tag = made(tagged)
    tagged.git("push", "--quiet", "origin", f"{commit}:{MAIN}")
    _, head = grow(tagged)

    push_of(tagged).apply()

    assert tagged.remote_refs()[MAIN] == head
    assert tagged.remote_refs()[TAG_REF] == tag


def test_nothing_else_of_the_clone_is_pushed(tagged):
    tagged.git("config", "push.followTags", "true")
    tagged.git("tag", "-a", "-m", "mine", "mine")
    before = tagged.remote_refs()

    push_of(tagged).apply()

    commit, tag = made(tagged)
    assert tagged.remote_refs() == {**before, MAIN: commit, TAG_REF: tag}


@pytest.mark.slow
def test_the_way_back_is_a_new_commit_with_the_files_of_the_base(tagged):
    base = tagged.remote_refs()[MAIN]
    push_of(tagged).apply()

    push_of(tagged).undo()

    after = tagged.remote_refs()
    assert TAG_REF not in after
    assert tree(tagged, MAIN) == tree(tagged, base)
    assert tagged.git("rev-list", f"{base}..main", at=tagged.remote).splitlines() == [after[MAIN], made(tagged)[0]]
    push_of(tagged).undo()
    assert tagged.remote_refs() == after


def test_what_never_arrived_needs_no_way_back(tagged):
    before = tagged.remote_refs()

    push_of(tagged).undo()

    assert tagged.remote_refs() == before


def test_a_push_that_arrives_late_is_taken_back_too(tagged, monkeypatch):
    base = tagged.remote_refs()[MAIN]
    late = [deliver]
    monkeypatch.setattr(system, "pause", lambda _seconds: late and late.pop()(tagged))

    push_of(tagged).undo()

    assert not late
    assert TAG_REF not in tagged.remote_refs()
    assert tree(tagged, MAIN) == tree(tagged, base)


@pytest.mark.slow
def test_the_way_back_of_what_users_could_see_keeps_the_section_and_marks_it(tagged):
    push_of(tagged).apply()
    _, head = grow(tagged)

    published = dataclasses.replace(push_of(tagged), published=True)
    assert not list(published.check_undo())
    published.undo()

    changelog = tagged.git("show", "main:CHANGELOG.md", at=tagged.remote)
    assert "## [1.1.0] - " in changelog
    assert changelog.count("[YANKED]") == 1
    assert tagged.git("rev-parse", "main^", at=tagged.remote) == head
    assert tagged.git("diff", "--name-only", "main^", "main", at=tagged.remote) == "CHANGELOG.md"
    assert TAG_REF not in tagged.remote_refs()


@pytest.mark.slow
def test_there_is_no_way_back_over_the_commits_of_others(tagged):
    push_of(tagged).apply()
    _, head = grow(tagged)

    (problem,) = push_of(tagged).check_undo()

    assert "others have built on it" in problem.message
    assert problem.hint == "hephaestus release --version 1.1.0"
    push_of(tagged).undo()
    assert tagged.remote_refs()[MAIN] == head


def test_a_tag_that_was_replaced_meanwhile_is_not_removed(tagged):
    push_of(tagged).apply()
    theirs = claim(tagged, force=True)

    (problem,) = push_of(tagged).check_undo()

    assert "is not the one this release made" in problem.message
    push_of(tagged).undo()
    assert tagged.remote_refs()[TAG_REF] == theirs


def test_a_tag_of_somebody_else_does_not_forbid_to_give_up_what_never_arrived(tagged):
    theirs = claim(tagged)
    before = tagged.remote_refs()

    assert not list(push_of(tagged).check_undo())
    push_of(tagged).undo()

    assert tagged.remote_refs() == before
    assert before[TAG_REF] == theirs


@pytest.mark.parametrize("name", ["branch refused", "all refused"])
@pytest.mark.slow
def test_a_remote_that_refuses_the_way_back_of_the_branch_keeps_all_of_the_release(tagged, name):
    fault = REFUSALS[name]
    push_of(tagged).apply()
    arrived = tagged.remote_refs()
    fault.begin(tagged)

    with pytest.raises(Refused, match="GH013") as caught:
        push_of(tagged).undo()

    assert caught.value.hint == "hephaestus rollback --version 1.1.0"
    assert tagged.remote_refs() == arrived
    fault.mend(tagged)
    push_of(tagged).undo()
    assert TAG_REF not in tagged.remote_refs()


@pytest.mark.slow
def test_a_tag_that_may_not_be_deleted_stays_and_the_branch_goes_back_without_it(tagged):
    base = tagged.remote_refs()[MAIN]
    push_of(tagged).apply()
    REFUSALS["tag refused"].begin(tagged)

    push_of(tagged).undo()

    after = tagged.remote_refs()
    assert after[TAG_REF] == made(tagged)[1]
    assert tree(tagged, MAIN) == tree(tagged, base)
    REFUSALS["tag refused"].mend(tagged)
    push_of(tagged).undo()
    assert tagged.remote_refs() == {name: held for name, held in after.items() if name != TAG_REF}


def test_a_burned_name_is_told_from_other_refusals_and_the_next_patch_is_named(tagged):
    hook(
        tagged,
        "update",
        'case "$1" in refs/tags/*) echo "GH013: Cannot create ref due to creations being restricted." >&2; exit 1;; esac',
    )
    before = tagged.remote_refs()

    with pytest.raises(Refused, match=f"the name {TAG} is burned") as caught:
        push_of(tagged).apply()

    assert caught.value.hint == "hephaestus rollback --version 1.1.0 && hephaestus release --version 1.1.1"
    assert tagged.remote_refs() == before


def test_a_release_that_another_clone_took_back_is_not_gone_on_with(tagged):
    push_of(tagged).apply()
    record(tagged).begin("push")
    clone = tagged.clone("other")
    clone.git("revert", "--no-edit", "HEAD")
    clone.git("push", "--quiet", "origin", "main")
    before = tagged.remote_refs()

    with pytest.raises(Conflict, match="was taken back and cannot be gone on with") as caught:
        go(tagged)

    assert caught.value.hint == "hephaestus rollback --version 1.1.0 && hephaestus release --version 1.1.1"
    assert tagged.remote_refs() == before
    assert back(tagged).state == "rolled back"
    assert TAG_REF not in tagged.remote_refs()


def test_what_another_job_took_back_meanwhile_is_not_pushed_again(tagged):
    push_of(tagged).apply()
    push_of(tagged).undo()
    before = tagged.remote_refs()

    with pytest.raises(Conflict, match=r"1\.1\.0 was taken back: main on origin does not offer it any more") as caught:
        push_of(tagged).apply()

    assert caught.value.hint == "hephaestus rollback --version 1.1.0"
    assert tagged.remote_refs() == before
    assert back(tagged).state == "rolled back"
    assert tagged.remote_refs() == before


def test_a_connection_lost_on_the_way_back_is_no_refusal(tagged):
    push_of(tagged).apply()
    fault = LOST["dead before a word"]
    fault.begin(tagged)

    with pytest.raises(CouldNotRun, match="could not be taken back"):
        push_of(tagged).undo()

    fault.mend(tagged)
    push_of(tagged).undo()
    assert TAG_REF not in tagged.remote_refs()


@pytest.mark.slow
@pytest.mark.parametrize("text", DROPPED.values(), ids=DROPPED)
def test_a_way_back_that_arrived_counts_whatever_became_of_the_answer(tagged, text):
    push_of(tagged).apply()
    receive(tagged, text)

    push_of(tagged).undo()

    assert TAG_REF not in tagged.remote_refs()
    assert tree(tagged, MAIN) == tree(tagged, "main~2")


def public(place) -> bool:
    return TAG_REF in place.remote_refs() or TAG in place.releases()


def completed(place):
    """Tell whether the release is out: one tag, the branch with it, and exactly the promised files."""
    commit = place.git("rev-parse", f"{TAG}^{{commit}}", at=place.remote)
    found = promise(place)
    assert found is not None
    assert found.tag_object == place.remote_refs()[TAG_REF] == place.repository.resolve(TAG_REF)
    assert place.remote_refs()[MAIN] == commit == place.git("rev-parse", "HEAD")
    files = {name.rpartition("/")[2] for name in place.releases() if name.startswith(f"{TAG}/assets/")}
    return files == set(found.assets) and place.drafts() == []


FAULTS = {
    **{name: (fault, Refused, "nothing is public") for name, fault in REFUSALS.items()},
    **{name: (fault, CouldNotRun, "nothing is public") for name, fault in UNREACHABLE.items()},
    **{name: (fault, CouldNotRun, "may be public") for name, fault in LOST.items()},
}


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "kind", "words"), FAULTS.values(), ids=FAULTS)
def test_a_release_that_was_kept_out_is_finished_by_the_same_command(uploaded, fault, kind, words):
    before = hidden(uploaded.snapshot())
    fault.begin(uploaded)

    with pytest.raises(kind) as caught:
        go(uploaded)

    assert words in caught.value.message
    assert ("nothing is public" in caught.value.message) != ("may be public" in caught.value.message)
    fault.mend(uploaded)
    assert hidden(uploaded.snapshot()) == before
    assert not public(uploaded)
    assert go(uploaded).state == "released"
    assert completed(uploaded)


@pytest.mark.slow
@pytest.mark.parametrize("fault", [fault for fault, *_ in FAULTS.values()], ids=FAULTS)
def test_a_release_that_was_kept_out_is_taken_back_to_the_byte(uploaded, fault):
    before = hidden(uploaded.snapshot())
    fault.begin(uploaded)
    with pytest.raises((Refused, CouldNotRun)):
        go(uploaded)

    assert back(uploaded).state == "rolled back"

    fault.mend(uploaded)
    after = uploaded.snapshot()
    assert hidden(after) == before
    assert after["drafts"] == []
    assert not [name for name in uploaded.repository.refs() if name.startswith("refs/hephaestus/")]


@pytest.mark.slow
@pytest.mark.parametrize("text", DROPPED.values(), ids=DROPPED)
def test_a_lost_answer_does_not_keep_a_release_from_being_finished(uploaded, text):
    receive(uploaded, text)

    assert go(uploaded).state == "released"

    assert completed(uploaded)


@pytest.mark.slow
def test_the_program_says_what_the_remote_said_and_what_to_run(uploaded):
    FROZEN.begin(uploaded)

    refused = uploaded.hephaestus("release", "--version", "1.1.0", "--yes")

    assert refused.returncode == Refused.exit_code
    assert "error: push: origin refused the push" in refused.stderr
    assert "frozen until Monday" in refused.stderr
    assert "hint: hephaestus release --version 1.1.0" in refused.stderr
    assert "is released" not in refused.stderr + refused.stdout
    FROZEN.mend(uploaded)
    assert uploaded.hephaestus("release", "--version", "1.1.0", "--yes").returncode == 0
    assert completed(uploaded)


@pytest.mark.slow
def test_what_somebody_pushed_meanwhile_is_in_the_release_that_follows_the_hint(uploaded):
    before = hidden(uploaded.snapshot(), "remote")
    _, head = grow(uploaded)

    with pytest.raises(Conflict, match=f"main on origin has moved to {head[:10]}") as caught:
        go(uploaded)

    assert "nothing is public" in caught.value.message
    assert str(caught.value.hint) == "hephaestus rollback --version 1.1.0 && git pull --ff-only"
    assert hidden(uploaded.snapshot(), "remote") == before
    assert uploaded.remote_refs()[MAIN] == head
    back(uploaded)
    uploaded.git("pull", "--quiet", "--ff-only")
    assert go(uploaded).state == "released"
    assert completed(uploaded)
    assert uploaded.git("rev-parse", f"{TAG}~1") == head


@pytest.mark.slow
def test_a_rollback_takes_back_a_push_that_arrives_after_it_looked(uploaded, monkeypatch):
    base = uploaded.remote_refs()[MAIN]
    fault = LOST["dead before a word"]
    fault.begin(uploaded)
    with pytest.raises(CouldNotRun):
        go(uploaded)
    fault.mend(uploaded)
    late = [deliver]
    monkeypatch.setattr(system, "pause", lambda _seconds: late and late.pop()(uploaded))

    assert back(uploaded).state == "rolled back"

    assert not late
    assert not public(uploaded)
    assert tree(uploaded, MAIN) == tree(uploaded, base)


@pytest.mark.slow
def test_nobody_asked_is_nobody_agreed(uploaded):
    before = hidden(uploaded.snapshot())

    silent = uploaded.hephaestus("release", "--version", "1.1.0")

    assert silent.returncode != 0
    assert "hephaestus release --version 1.1.0 --yes" in silent.stderr
    assert hidden(uploaded.snapshot()) == before


@pytest.mark.slow
def test_what_is_pushed_is_looked_for_where_it_was_pushed_to(place):
    other = place.remote.with_name("other.git")
    place.git("clone", "--quiet", "--bare", str(place.remote), str(other))
    place.git("remote", "set-url", "--push", "origin", str(other))
    go(place, "tag")

    step(place, "push").apply()

    assert TAG_REF in git.Repository(other).refs("refs/tags")
    step(place, "push").undo()
    assert TAG_REF not in git.Repository(other).refs("refs/tags")


@pytest.mark.slow
def test_a_remote_with_several_push_addresses_is_a_problem(place):
    place.git("remote", "set-url", "--add", "--push", "origin", str(place.remote))
    place.git("remote", "set-url", "--add", "--push", "origin", str(place.remote.with_name("mirror.git")))

    with pytest.raises(ChecksFailed) as caught:
        go(place, "tag")

    assert "several addresses" in caught.value.problems[0].message
