"""Which version is asked for, and whether what the project says is to be released."""

import io
import logging

import pytest

import worlds
from fakegithub import Fault
from hephaestus import system, ui
from hephaestus.errors import ChecksFailed, HephaestusError, UsageError
from hephaestus.make import Outcome, make, preview
from hephaestus.request import Request

COMMITTED = "refs/hephaestus/v1.1.0/commit"

PREPARED = """\
# Changelog

## [Unreleased]

## [1.1.0] - 2026-02-01{mark}

### Added

- Leaves.
"""


def release(place, until="bump", **asked) -> Outcome:
    with ui.observer(io.StringIO()) as observer:
        return make(Request(until=until, **asked), place.repository, observer, lambda _: True)


def version_of(place, **asked) -> str:
    return preview(Request(**asked), place.repository)[0].version


def say(place, version: str) -> None:
    """Commit a version by hand."""
    for path in ("pyproject.toml", "src/acorn/__init__.py"):
        text = (place.root / path).read_text()
        place.commit(path, text.replace('version = "1.0.0"', f'version = "{version}"').replace('__version__ = "1.0.0"', f'__version__ = "{version}"'))  # fmt: skip


def prepare(place, mark="") -> None:
    """Commit by hand what a release of 1.1.0 would commit."""
    say(place, "1.1.0")
    place.commit("CHANGELOG.md", PREPARED.format(mark=mark), "chore: Prepare release v1.1.0")
    place.git("push", "--quiet", str(place.remote), "HEAD:refs/heads/main")


@pytest.mark.parametrize(
    "asked", [{}, {"version": "1.1.0", "part": "minor"}, {"part": "minor", "current": True}], ids=str
)
def test_nothing_or_too_much_asked_for_names_the_three_forms(place, asked):
    with pytest.raises(UsageError, match=r"--version.*--part.*--current") as raised:
        release(place, **asked)

    assert raised.value.hint == ("hephaestus release --version 1.2.3" if asked else "hephaestus plan")


def test_a_step_that_does_not_exist_is_refused_with_those_that_do(place):
    with pytest.raises(UsageError, match="no step 'deploy'; the steps are stage, bump"):
        release(place, "deploy", version="1.1.0")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("v1.2.3", "--version 1.2.3"),
        ("1.2.3-rc.1", "--version 1.2.3rc1"),
        ("01.2", "--version 1.2"),
        ("1.2.3+local", "--version 1.2.3"),
        ("banana", "webbrowser"),
        ("", "webbrowser"),
        ("1.2.3; rm -rf /", "webbrowser"),
    ],
)
def test_a_malformed_version_is_refused_with_the_one_that_was_meant(place, text, hint):
    before = place.snapshot()

    with pytest.raises(UsageError) as raised:
        release(place, version=text)

    assert hint in raised.value.hint
    assert place.snapshot() == before


@pytest.mark.parametrize(("part", "version"), [("patch", "1.0.1"), ("minor", "1.1.0"), ("major", "2.0.0")])
@pytest.mark.slow
def test_a_part_raises_the_version_the_project_says(place, part, version):
    assert version_of(place, part=part) == version


def test_a_part_that_does_not_exist_is_refused(place):
    with pytest.raises(UsageError, match="none of major, minor and patch"):
        release(place, part="tiny")


@pytest.mark.slow
def test_a_part_raises_the_highest_tag_where_tags_say_the_version(place):
    take_the_version_from_tags(place)
    place.git("tag", "v1.4.0")
    place.git("tag", "v1.10.0")

    assert version_of(place, part="minor") == "1.11.0"


@pytest.mark.slow
def test_a_part_goes_on_with_the_version_it_meant_before_the_interruption(place):
    release(place, "commit", part="minor")
    say(place, "1.6.0")
    place.git("push", "--quiet")

    outcome = release(place, "tag", part="minor")

    assert outcome.details["release"]["version"] == "1.1.0"
    assert place.git("rev-parse", "refs/hephaestus/v1.1.0/tag^{commit}") == place.git("rev-parse", COMMITTED)


@pytest.mark.slow
def test_another_part_than_the_one_in_flight_is_another_version(place):
    release(place, part="minor")

    with pytest.raises(HephaestusError, match=r"the release of 1\.1\.0 is half-way") as raised:
        release(place, part="patch")

    assert raised.value.hint.split("\n")[0] == "hephaestus release --version 1.1.0"
    assert "hephaestus rollback --version 1.1.0" in raised.value.hint


# What the project says


@pytest.mark.slow
def test_a_prepared_commit_is_released_as_it_is(place):
    prepare(place)

    release(place, "tag", current=True)

    assert place.git("rev-parse", COMMITTED) == place.git("rev-parse", "HEAD")
    assert place.git("rev-parse", "refs/hephaestus/v1.1.0/tag^{commit}") == place.git("rev-parse", "HEAD")


def test_a_version_without_a_section_is_not_released(place):
    say(place, "1.1.0")

    outcome = release(place, current=True)

    assert outcome.state == "nothing to release"
    assert "CHANGELOG.md has no section for 1.1.0" in outcome.said


def test_a_yanked_version_is_not_released(place):
    prepare(place, " [YANKED]")

    outcome = release(place, current=True)

    assert outcome.state == "nothing to release"
    assert "[YANKED]" in outcome.said


def test_a_development_version_is_not_released(place):
    say(place, "1.1.0.dev0")

    outcome = release(place, current=True)

    assert outcome.state == "nothing to release"
    assert "1.1.0.dev0 is a development version" in outcome.said


@pytest.mark.slow
def test_nothing_to_release_leaves_no_trace_and_is_a_success(place):
    say(place, "1.1.0.dev0")
    before = place.snapshot()

    done = place.hephaestus("release", "--current", "--json")

    assert done.returncode == 0, done.stderr
    assert '"nothing to release"' in done.stdout
    assert place.snapshot() == before
    assert not list((place.root / ".git/hephaestus").glob("journals/*"))


@pytest.mark.slow
def test_a_version_that_is_out_is_not_released_again_from_another_clone(place):
    prepare(place)
    assert release(place, None, current=True).state == "released"

    outcome = release(place.clone("other"), None, current=True)

    assert outcome.state == "nothing to release"
    assert "v1.1.0 is published already" in outcome.said


@pytest.mark.slow
@pytest.mark.parametrize("published", [True, False])
def test_a_late_job_does_not_release_what_was_taken_back_meanwhile(place, published):
    prepare(place)
    late = place.clone("late")
    release(place, None if published else "push", current=True)
    worlds.back(place, "critical" if published else None)

    outcome = release(late, None, current=True)

    assert outcome.state == "nothing to release"
    assert "1.1.0 was taken back: main on origin does not offer it any more" in outcome.said
    assert not place.releases()


@pytest.mark.slow
def test_the_job_that_a_push_has_started_does_not_release_what_was_taken_back_at_once(place):
    release(place, "push", version="1.1.0")
    late = place.clone("late")
    worlds.back(place)

    assert release(late, None, current=True).state == "nothing to release"
    assert "refs/tags/v1.1.0" not in place.remote_refs()


@pytest.mark.slow
@pytest.mark.parametrize("prepared", [True, False])
@pytest.mark.parametrize("published", [True, False])
def test_asked_for_by_its_version_an_old_commit_does_not_bring_back_what_was_taken_back(place, prepared, published):
    until = None if published else "push"
    if prepared:
        prepare(place)
        release(place, until, current=True)
    else:
        release(place, until, version="1.1.0")
    late = place.clone("late")
    worlds.back(place, "critical" if published else None)
    before = place.remote_refs()

    with pytest.raises(ChecksFailed) as raised:
        release(late, None, version="1.1.0")

    told = {problem.message: problem.hint for problem in raised.value.problems}
    said = "1.1.0 was taken back: main on origin does not offer it any more"
    assert told[said] == "hephaestus release --version 1.1.1"
    assert place.remote_refs() == before
    assert not place.releases()


@pytest.mark.slow
def test_what_is_half_way_and_was_taken_back_elsewhere_is_to_be_rolled_back_here_too(place):
    prepare(place)
    late = place.clone("late")
    release(late, "tag", current=True)
    release(place, "push", current=True)
    worlds.back(place)

    with pytest.raises(ChecksFailed) as raised:
        release(late, None, version="1.1.0")

    [problem] = raised.value.problems
    assert "1.1.0 was taken back" in problem.message
    assert problem.hint == "hephaestus rollback --version 1.1.0 && hephaestus release --version 1.1.1"
    assert worlds.back(late).state == "rolled back"


@pytest.mark.slow
def test_what_was_taken_back_before_anybody_could_use_it_is_released_anew_from_what_came_after(place):
    release(place, "push", version="1.1.0")
    worlds.back(place)
    place.git("pull", "--quiet", "--ff-only")

    assert release(place, None, version="1.1.0").state == "released"


@pytest.mark.slow
def test_a_commit_past_the_one_that_was_prepared_is_not_what_was_merged(place):
    prepare(place)
    prepared = place.git("rev-parse", "HEAD")
    text = (place.root / "CHANGELOG.md").read_text()
    place.commit(
        "CHANGELOG.md", text.replace("[Unreleased]", "[Unreleased]\n\n### Added\n\n- Roots."), "feat: Take root"
    )
    place.git("push", "--quiet")
    before = place.snapshot()

    with pytest.raises(ChecksFailed) as raised:
        release(place, None, current=True)

    [problem] = raised.value.problems
    assert problem.message == (
        "CHANGELOG.md has more under [Unreleased] than 1.1.0 tells of, so this commit is past the release"
    )
    assert problem.hint == "git log --first-parent -S'[1.1.0]' -- CHANGELOG.md"
    found = place.repository.run("-c", f"alias.hint=!{problem.hint} --format=%H", "hint", check=False).output
    assert place.snapshot() == before
    assert prepared in found or prepared in place.git(
        "log", "--first-parent", "-S[1.1.0]", "--format=%H", "--", "CHANGELOG.md"
    )
    place.git("reset", "--quiet", "--hard", prepared)
    assert release(place, "tag", current=True).state == "stopped"
    assert place.git("rev-parse", COMMITTED) == prepared


@pytest.mark.slow
def test_what_was_published_and_not_told_of_names_the_command_that_tells_of_it(hosted, hub, monkeypatch):
    monkeypatch.setattr(system, "pause", lambda _seconds: None)
    prepare(hosted)
    text = (hosted.root / "CHANGELOG.md").read_text()
    hosted.commit("CHANGELOG.md", text.replace("- Leaves.", "- Leaves (#1)."))
    hosted.git("push", "--quiet", str(hosted.remote), "HEAD:refs/heads/main")
    hub.issue("Leaves fall", closed=True)
    job, again, anew = runner(hosted, "job"), runner(hosted, "again"), "anew"
    hub.fail(Fault.UNAVAILABLE, "POST", r"/issues/1/", times=99)
    with pytest.raises(HephaestusError):
        release(job, None, current=True)
    hub.mend()

    outcome = release(again, None, current=True)

    assert outcome.state == "nothing to release"
    assert "v1.1.0 is published already" in outcome.said
    assert "in a clone at v1.1.0: hephaestus release --version 1.1.0" in outcome.said
    assert not hub.comments.get(1)
    assert release(runner(hosted, anew), None, version="1.1.0").state == "released"
    assert len(hub.comments[1]) == 1


@pytest.mark.slow
def test_a_token_that_may_not_see_pull_requests_releases_what_was_merged(hosted, hub, caplog):
    prepare(hosted)
    hub.fail(Fault.FORBIDDEN, "GET", r"/pulls$", times=99)

    with caplog.at_level(logging.INFO, "hephaestus"):
        assert release(hosted, None, current=True).state == "released"

    assert "whether taking v1.1.0 back is proposed could not be told" in caplog.text


def runner(place, name):
    """Return a fresh clone of what GitHub has."""
    clone = place.clone(name)
    clone.git("remote", "set-url", "origin", place.git("remote", "get-url", "origin"))
    return clone


# The tag scheme and kinds of versions


def take_the_version_from_tags(place) -> None:
    text = (place.root / "pyproject.toml").read_text()
    text = text.replace('version = "1.0.0"', 'dynamic = ["version"]')
    place.commit("pyproject.toml", f"{text}\n[tool.setuptools_scm]\n")
    place.commit("src/acorn/__init__.py", "def main():\n    print('acorn')\n")
    place.git("push", "--quiet")


@pytest.mark.slow
def test_a_version_from_the_tag_is_written_into_no_file(place):
    take_the_version_from_tags(place)

    release(place, "tag", version="1.1.0")

    assert place.git("diff", "--name-only", "HEAD", COMMITTED) == "CHANGELOG.md"
    assert place.git("cat-file", "-p", "refs/hephaestus/v1.1.0/tag").count("tag v1.1.0") == 1


@pytest.mark.parametrize("version", ["1.1.0rc1", "1.1.0a0", "1.0.0.post1", "2026.8.17", "1!0.1", "1.1"])
@pytest.mark.slow
def test_pre_releases_epochs_and_calendar_versions_are_accepted(place, version):
    release, _, problems = preview(Request(version=version), place.repository)

    assert (release.version, release.tag, problems) == (version, f"v{version}", [])


@pytest.mark.parametrize(("tag", "expected"), [("1.0.1", "1.1.0"), ("acorn-v1.0.1", "acorn-v1.1.0"), ("release/1.0.1", "release/1.1.0")])  # fmt: skip
@pytest.mark.slow
def test_the_scheme_of_the_newest_tag_is_kept(place, tag, expected):
    place.git("tag", tag)

    assert preview(Request(version="1.1.0"), place.repository)[0].tag == expected
