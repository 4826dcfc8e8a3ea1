"""The tag: free, greater than what went before, annotated with the notes, and nobody's but the release's."""

import io

import pytest

from hephaestus import marks, ui
from hephaestus.errors import ChecksFailed, Conflict
from hephaestus.make import make, preview
from hephaestus.request import Request

COMMITTED, KEPT = "refs/hephaestus/v1.1.0/commit", "refs/hephaestus/v1.1.0/tag"


def release(place, until="tag", version="1.1.0") -> None:
    with ui.observer(io.StringIO()) as observer:
        make(Request(version=version, until=until), place.repository, observer, None)


def problems(place, version="1.1.0") -> dict[str, str]:
    """Return the problems in the way of a release, with their hints; asking for them must not change anything."""
    before = place.snapshot()
    found = {problem.message: problem.hint for problem in preview(Request(version=version), place.repository)[2]}
    assert place.snapshot() == before
    return found


@pytest.mark.slow
def test_the_tag_is_annotated_with_the_notes_and_the_mark_of_the_release(place):
    release(place)

    message = place.repository.tag_message(KEPT)
    assert place.git("cat-file", "-t", KEPT) == "tag"
    assert message.startswith("Release v1.1.0\n\n### Added\n\n- Leaves.\n\n")
    mark = marks.from_message(message)
    assert (mark.base, mark.branch) == (place.git("rev-parse", "HEAD"), "main")
    assert place.git("rev-parse", f"{KEPT}^{{commit}}") == place.git("rev-parse", COMMITTED)


@pytest.mark.slow
def test_the_users_own_tags_do_not_show_it(place):
    release(place)

    assert place.git("tag") == "v1.0.0"


@pytest.mark.slow
def test_a_tag_that_exists_here_is_a_problem(place):
    place.git("tag", "v1.1.0", "v1.0.0")

    assert problems(place) == {"the tag v1.1.0 exists in this clone": "git show v1.1.0"}


@pytest.mark.slow
def test_a_tag_that_exists_on_the_remote_only_is_a_problem_with_the_way_to_see_it(place):
    other = place.clone("other")
    other.git("tag", "v1.1.0", "v1.0.0")
    other.git("push", "--quiet", "origin", "v1.1.0")

    found = problems(place)

    [hint] = [hint for message, hint in found.items() if message == "the tag v1.1.0 exists on origin"]
    assert hint == "git fetch origin tag v1.1.0 && git show v1.1.0"


@pytest.mark.parametrize("version", ["0.9.0", "1.0.0rc1", "1.0.0.dev3"])
@pytest.mark.slow
def test_a_lower_version_is_a_problem_that_names_the_next_one(place, version):
    found = problems(place, version)

    [hint] = [hint for message, hint in found.items() if message.startswith(f"{version} is not greater than 1.0.0")]
    assert hint == "hephaestus release --version 1.0.1"


@pytest.mark.slow
def test_tags_in_columns_are_counted_one_by_one(place):
    for tag in ("v0.1.0", "v0.2.0", "v1.3.0"):
        place.git("tag", tag)
    place.git("config", "column.ui", "always")

    assert [message for message in problems(place) if "not greater than 1.3.0" in message]


@pytest.mark.slow
def test_a_back_port_from_an_older_branch_is_accepted(place):
    place.git("branch", "maintenance", "HEAD")
    place.commit("src/acorn/bark.py", "ROUGH = True\n", "feat!: Grow bark")
    place.git("tag", "v2.0.0")
    place.git("push", "--quiet", "origin", "main", "v2.0.0")
    place.git("switch", "--quiet", "maintenance")

    assert problems(place, "1.0.1") == {}
    assert problems(place, "1.5.0") == {}


@pytest.mark.slow
def test_a_configured_scheme_wins_over_the_existing_tags(place):
    text = (place.root / "pyproject.toml").read_text()
    place.commit("pyproject.toml", text.replace("[tool.hephaestus]\n", '[tool.hephaestus]\ntag = "rel-{version}"\n'))
    place.git("push", "--quiet")

    release(place)

    assert place.repository.resolve("refs/hephaestus/rel-1.1.0/tag")


@pytest.mark.slow
def test_a_scheme_that_makes_no_tag_name_is_a_problem(place):
    text = (place.root / "pyproject.toml").read_text()
    place.commit("pyproject.toml", text.replace("[tool.hephaestus]\n", '[tool.hephaestus]\ntag = "v {version}"\n'))

    assert "'v 1.1.0' cannot be the name of a tag" in problems(place)


@pytest.mark.slow
def test_a_private_ref_that_is_no_tag_of_the_release_commit_is_left_alone(place):
    release(place, "commit")
    place.git("update-ref", KEPT, "v1.0.0")

    with pytest.raises(Conflict, match="not a tag of the release commit") as raised:
        release(place)

    assert raised.value.hint == f"git update-ref -d {KEPT}"
    assert place.git("rev-parse", KEPT) == place.git("rev-parse", "v1.0.0")


@pytest.mark.slow
def test_a_release_with_a_tag_in_the_way_leaves_no_trace(place):
    place.git("tag", "v1.1.0")
    before = place.snapshot()

    with pytest.raises(ChecksFailed):
        release(place)

    assert place.snapshot() == before


@pytest.mark.slow
def test_a_clone_without_the_tags_of_its_remote_is_a_problem_that_its_hint_mends(place):
    root = place.root.parent / "tagless"
    place.git("clone", "--quiet", "--no-tags", str(place.remote), str(root))
    tagless = type(place)(root, place.remote, place.forge)
    request = Request(version="1.1.0")

    (problem,) = preview(request, tagless.repository)[2]

    assert "v1.0.0" in problem.message
    tagless.git(*problem.hint.split()[1:])
    assert preview(request, tagless.repository)[2] == []
