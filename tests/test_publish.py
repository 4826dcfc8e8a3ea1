"""Draft, upload, publish: nobody sees anything before the tag is out, and nothing but the proven files is published."""

import dataclasses
import hashlib

import pytest

from fakegithub import Fault
from hephaestus import marks, notes
from hephaestus.draft import Draft, Upload
from hephaestus.errors import Conflict, CouldNotRun
from hephaestus.publish import Publish
from hephaestus.release import workplace
from worlds import TAG, begun, go, halfway, made, step

WHEEL, SDIST = "acorn-1.1.0-py3-none-any.whl", "acorn-1.1.0.tar.gz"


@pytest.fixture
def tagged(request):
    """A project whose release commit and tag wait, with two files to publish that were made by hand."""
    place = halfway(request, "tag")
    assets = draft_of(place).assets
    assets.mkdir()
    (assets / WHEEL).write_bytes(b"wheel")
    (assets / SDIST).write_bytes(b"sdist")
    return place


def draft_of(place) -> Draft:
    found = step(place, "draft")
    assert isinstance(found, Draft)
    return found


def upload_of(place) -> Upload:
    found = step(place, "upload")
    assert isinstance(found, Upload)
    return found


def publish_of(place) -> Publish:
    found = step(place, "publish")
    assert isinstance(found, Publish)
    return found


def offer(place):
    """Make the draft with its files, and let the tag be on the remote."""
    draft_of(place).apply()
    upload_of(place).apply()
    place.git("push", "--quiet", "origin", f"{made(place)[1]}:refs/tags/{TAG}")


def listing(place):
    found = draft_of(place).forge.find(TAG)
    assert found is not None
    return found


def by_hand(place, body="Made by hand."):
    """Let somebody else make a draft of that tag."""
    forge = draft_of(place).forge
    forge.draft(TAG, title="mine", body=body, prerelease=False)
    return forge


@pytest.mark.slow
def test_a_draft_has_the_notes_and_the_promise_and_nobody_sees_it(tagged):
    draft_of(tagged).apply()

    found = listing(tagged)
    assert found.draft
    assert found.title == TAG
    assert found.body.startswith("### Added\n\n- Leaves.\n\n<!-- ")
    promise = marks.from_body(found.body)
    assert promise is not None
    assert (promise.mark, promise.tag_object) == (begun(tagged).mark, made(tagged)[1])
    assert promise.assets == {
        WHEEL: hashlib.sha256(b"wheel").hexdigest(),
        SDIST: hashlib.sha256(b"sdist").hexdigest(),
    }
    assert tagged.releases() == {}


def test_a_draft_is_made_once(tagged):
    draft_of(tagged).apply()
    before = listing(tagged)

    draft_of(tagged).apply()

    assert listing(tagged) == before


def test_a_pre_release_is_drafted_as_one(tagged):
    dataclasses.replace(draft_of(tagged), version="1.1.0rc1").apply()

    assert listing(tagged).prerelease


@pytest.mark.parametrize("published", [False, True])
def test_a_release_that_somebody_else_made_is_found_before_anything_is_done_and_left_alone(tagged, published):
    forge = by_hand(tagged)
    if published:
        forge.publish(TAG)
    before = listing(tagged)

    (problem,) = draft_of(tagged).check()
    assert f"has a {'release' if published else 'draft'} {TAG} that this release did not make" in problem.message
    with pytest.raises(Conflict, match="did not make"):
        draft_of(tagged).apply()
    draft_of(tagged).undo()
    publish_of(tagged).undo()

    assert listing(tagged) == before


def test_a_mark_inside_the_notes_of_somebody_elses_draft_does_not_make_it_ours(tagged):
    promise = marks.DraftMark(begun(tagged).mark, made(tagged)[1], {})
    by_hand(tagged, marks.body(promise, "Notes.") + "\nMore, by hand.\n")
    before = listing(tagged)

    with pytest.raises(Conflict, match="did not make"):
        draft_of(tagged).apply()
    draft_of(tagged).undo()

    assert listing(tagged) == before


def test_a_draft_of_ours_for_another_tag_object_is_made_to_fit(tagged):
    first = dataclasses.replace(draft_of(tagged), tag_ref="refs/tags/v1.0.0")
    first.repository.set_ref(first.tag_ref, made(tagged)[1], first.repository.resolve(first.tag_ref) or "")
    (first.assets / "stale.txt").write_bytes(b"stale")
    first.apply()
    upload_of(tagged).apply()
    (first.assets / "stale.txt").unlink()
    (first.assets / SDIST).write_bytes(b"other")

    draft_of(tagged).apply()
    upload_of(tagged).apply()

    found = listing(tagged)
    promise = marks.from_body(found.body)
    assert promise is not None
    assert promise.tag_object == made(tagged)[1]
    assert {asset.name: asset.sha256 for asset in found.assets} == dict(promise.assets)
    assert set(promise.assets) == {WHEEL, SDIST}


def test_a_place_that_cannot_hold_releases_is_one_problem(tagged):
    tagged.forge.write_text("no directory")

    (problem,) = draft_of(tagged).check()

    assert "is not a directory" in problem.message
    with pytest.raises(CouldNotRun):
        draft_of(tagged).apply()


def test_a_draft_goes_with_its_files_and_going_twice_is_fine(tagged):
    draft_of(tagged).apply()
    upload_of(tagged).apply()

    draft_of(tagged).undo()
    draft_of(tagged).undo()

    assert tagged.drafts() == []


def test_every_file_is_uploaded_once(tagged):
    draft_of(tagged).apply()

    upload_of(tagged).apply()
    first = listing(tagged)
    upload_of(tagged).apply()

    assert {asset.name for asset in first.assets} == {WHEEL, SDIST}
    assert listing(tagged) == first


def test_other_bytes_under_the_name_of_an_asset_are_refused(tagged):
    draft_of(tagged).apply()
    upload_of(tagged).apply()
    before = listing(tagged)
    (upload_of(tagged).assets / WHEEL).write_bytes(b"other")

    with pytest.raises(Conflict, match=WHEEL):
        upload_of(tagged).apply()

    assert listing(tagged) == before


def test_a_file_nobody_knows_of_is_refused(tagged, tmp_path):
    draft_of(tagged).apply()
    (tmp_path / "extra.txt").write_bytes(b"extra")
    draft_of(tagged).forge.upload(TAG, tmp_path / "extra.txt")

    with pytest.raises(Conflict, match="does not hold exactly the files"):
        upload_of(tagged).apply()


def test_publishing_makes_exactly_the_promised_files_visible_and_can_be_repeated(tagged):
    offer(tagged)

    publish_of(tagged).apply()

    seen = tagged.releases()
    assert seen[f"{TAG}/assets/{WHEEL}"] == b"wheel"
    assert seen[f"{TAG}/assets/{SDIST}"] == b"sdist"
    assert {name for name in seen if name.startswith(f"{TAG}/assets/")} == {
        f"{TAG}/assets/{WHEEL}",
        f"{TAG}/assets/{SDIST}",
    }
    assert tagged.drafts() == []
    publish_of(tagged).apply()
    upload_of(tagged).apply()
    draft_of(tagged).apply()
    assert tagged.releases() == seen


def test_nothing_is_published_before_its_tag_is_on_the_remote(tagged):
    draft_of(tagged).apply()
    upload_of(tagged).apply()

    with pytest.raises(Conflict, match="is not the one this release made"):
        publish_of(tagged).apply()

    assert tagged.releases() == {}


def test_nothing_is_published_under_somebody_elses_tag(tagged):
    draft_of(tagged).apply()
    upload_of(tagged).apply()
    tagged.git("push", "--quiet", "origin", f"refs/tags/v1.0.0:refs/tags/{TAG}")

    with pytest.raises(Conflict, match="is not the one this release made"):
        publish_of(tagged).apply()

    assert tagged.releases() == {}


def test_nothing_is_published_while_the_remote_cannot_be_asked(tagged):
    offer(tagged)
    tagged.remote.rename(tagged.remote.with_name("elsewhere.git"))

    with pytest.raises(CouldNotRun, match="does not answer"):
        publish_of(tagged).apply()

    assert tagged.releases() == {}


def test_a_draft_that_is_gone_is_not_published(tagged):
    offer(tagged)
    draft_of(tagged).forge.withdraw(TAG)

    with pytest.raises(Conflict, match="has no draft for the tag"):
        publish_of(tagged).apply()


def test_a_draft_made_for_another_tag_object_is_not_published(tagged):
    offer(tagged)
    promise = marks.from_body(listing(tagged).body)
    assert promise is not None
    by_hand(tagged, marks.body(dataclasses.replace(promise, tag_object="0" * 40), ""))

    with pytest.raises(Conflict, match="has no draft for the tag"):
        publish_of(tagged).apply()

    assert tagged.releases() == {}


def test_a_draft_with_one_file_too_many_is_not_published(tagged, tmp_path):
    offer(tagged)
    (tmp_path / "extra.txt").write_bytes(b"extra")
    draft_of(tagged).forge.upload(TAG, tmp_path / "extra.txt")

    with pytest.raises(Conflict, match="not the promised ones"):
        publish_of(tagged).apply()

    assert tagged.releases() == {}


def test_a_draft_with_one_file_too_few_is_not_published(tagged):
    offer(tagged)
    draft_of(tagged).forge.discard(TAG, WHEEL)

    with pytest.raises(Conflict, match="not the promised ones"):
        publish_of(tagged).apply()

    assert tagged.releases() == {}


def test_a_published_release_is_not_taken_for_a_draft(tagged):
    offer(tagged)
    publish_of(tagged).apply()
    before = tagged.releases()

    with pytest.raises(Conflict, match="is published") as caught:
        draft_of(tagged).undo()

    assert caught.value.hint == "hephaestus rollback --version 1.1.0 --severity critical"
    assert tagged.releases() == before


def test_a_published_release_is_withdrawn_with_its_files(tagged):
    offer(tagged)
    publish_of(tagged).apply()

    assert not list(publish_of(tagged).check_undo())
    publish_of(tagged).undo()
    publish_of(tagged).undo()
    draft_of(tagged).undo()

    assert tagged.releases() == {}
    assert tagged.drafts() == []


def test_a_release_that_another_machine_published_for_its_own_tag_is_left_alone(tagged):
    offer(tagged)
    promise = marks.from_body(listing(tagged).body)
    assert promise is not None
    forge = by_hand(tagged, marks.body(dataclasses.replace(promise, tag_object="0" * 40), ""))
    forge.publish(TAG)
    before = tagged.releases()

    publish_of(tagged).undo()
    draft_of(tagged).undo()

    assert tagged.releases() == before


# What the notes of a release say on GitHub


def words_of(place, hub) -> str:
    """Make the draft with one file that was made by hand, and return what its readers see."""
    go(place, "tag")
    assets = draft_of(place).assets
    assets.mkdir()
    (assets / WHEEL).write_bytes(b"wheel")
    draft_of(place).apply()
    (found,) = hub.releases
    return found["body"].partition("<!--")[0].strip()


def configured(place, settings: str) -> None:
    text = (place.root / "pyproject.toml").read_text()
    place.commit("pyproject.toml", f"{text}\n[tool.hephaestus.github]\n{settings}\n", "chore: Configure")


@pytest.mark.slow
def test_the_notes_are_those_of_the_changelog_and_nothing_more(hosted, hub):
    assert words_of(hosted, hub) == "### Added\n\n- Leaves."


@pytest.mark.slow
def test_the_notes_github_makes_come_after_those_of_the_changelog_where_they_are_wanted(hosted, hub):
    configured(hosted, "generated-notes = true")

    said = words_of(hosted, hub)

    assert said.startswith("### Added\n\n- Leaves.\n\n**Full Changelog**: ")
    assert "v1.0.0...v1.1.0" in said


@pytest.mark.slow
def test_a_release_from_the_branch_of_a_hotfix_says_first_that_it_is_urgent(hosted, hub):
    hosted.git("switch", "--quiet", "--create", "hotfix/v1.1.0")

    assert words_of(hosted, hub) == f"{notes.urgent('1.1.0')}\n\n### Added\n\n- Leaves."


@pytest.mark.slow
@pytest.mark.parametrize("labels", [["release", "urgent"], ["release"]])
def test_a_release_whose_pull_request_was_urgent_says_so(hosted, hub, labels):
    hosted.commit("src/acorn/buds.py", "COLOUR = 'red'\n")
    hosted.git("push", "--quiet", str(hub.bare), f"HEAD:refs/heads/release/{TAG}")
    number = hub.pull(f"release/{TAG}")
    workplace(hosted.repository, "HEAD").forge.pull_requests.mark(number, labels=labels, assignees=[])
    hub.merge(number)
    hosted.git("fetch", "--quiet", str(hub.bare), "main")
    hosted.git("merge", "--quiet", "--ff-only", "FETCH_HEAD")

    assert words_of(hosted, hub).startswith(notes.urgent("1.1.0")) == ("urgent" in labels)


@pytest.mark.slow
def test_whoever_may_not_see_pull_requests_makes_a_draft_all_the_same(hosted, hub):
    hub.fail(Fault.FORBIDDEN, "GET", r"/pulls$", times=9)

    assert words_of(hosted, hub) == "### Added\n\n- Leaves."


@pytest.mark.slow
def test_words_that_somebody_has_polished_on_the_draft_stay(hosted, hub):
    words_of(hosted, hub)
    found = hub.releases[0]
    found["body"] = found["body"].replace("- Leaves.", "- Leaves, green ones.")

    draft_of(hosted).apply()

    assert "- Leaves, green ones." in hub.releases[0]["body"]
    assert marks.from_body(hub.releases[0]["body"]) is not None


@pytest.mark.slow
def test_notes_that_are_too_long_for_github_end_with_a_pointer_to_the_rest(hosted, hub):
    text = (hosted.root / "CHANGELOG.md").read_text()
    entry = f"- Leaves{', and more of them' * 70}.\n"
    hosted.commit("CHANGELOG.md", text.replace("- Leaves.\n", entry * 130), "docs: Tell of every leaf")

    said = words_of(hosted, hub)

    assert said.endswith(f"\n{entry}\n… and more, in CHANGELOG.md.")
    assert len(hub.releases[0]["body"]) < 125_000
    assert marks.from_body(hub.releases[0]["body"]) is not None
