"""Which version is asked for, and whether what the project says is to be released."""

import io

import pytest

from hephaestus import ui
from hephaestus.errors import HephaestusError, UsageError
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
    place.git("push", "--quiet")


@pytest.mark.parametrize(
    "asked", [{}, {"version": "1.1.0", "part": "minor"}, {"part": "minor", "current": True}], ids=str
)
def test_nothing_or_too_much_asked_for_names_the_three_forms(place, asked):
    with pytest.raises(UsageError, match=r"--version.*--part.*--current") as raised:
        release(place, **asked)

    assert raised.value.hint == "hephaestus release --version 1.2.3"


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
