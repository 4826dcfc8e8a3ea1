"""The changelog's step: the Unreleased section becomes the one of the version, or the release is refused."""

import io
import json

import pytest

from hephaestus import ui
from hephaestus.errors import ChecksFailed
from hephaestus.make import make, preview
from hephaestus.request import Request

COMMITTED = "refs/hephaestus/v1.1.0/commit"


def release(place, until="tag") -> None:
    with ui.observer(io.StringIO()) as observer:
        make(Request(version="1.1.0", until=until), place.repository, observer, None)


def refused(place) -> tuple[str, str]:
    """Return the one problem in the way of the release, and its hint."""
    before = place.snapshot()
    with pytest.raises(ChecksFailed) as raised:
        release(place)
    [problem] = raised.value.problems
    assert place.snapshot() == before
    return problem.message, problem.hint


@pytest.mark.slow
def test_only_heading_and_links_of_the_section_change(place):
    release(place)

    day = place.git("log", "-1", "--format=%cs", COMMITTED)
    lines = place.git("diff", "--unified=0", "HEAD", COMMITTED, "--", "CHANGELOG.md").splitlines()
    assert [line for line in lines if line[0] in "+-" and line[:3] not in ("+++", "---")] == [
        f"+## [1.1.0] - {day}",
        "+",
        "-[unreleased]: https://github.com/oak/acorn/compare/v1.0.0...HEAD",
        "+[unreleased]: https://github.com/oak/acorn/compare/v1.1.0...HEAD",
        "+[1.1.0]: https://github.com/oak/acorn/compare/v1.0.0...v1.1.0",
    ]


@pytest.mark.slow
def test_a_missing_changelog_is_a_problem_whose_hint_makes_one(place):
    place.git("rm", "--quiet", "CHANGELOG.md")
    place.git("commit", "--quiet", "-m", "docs: Lose it")

    message, hint = refused(place)

    assert message == "there is no CHANGELOG.md"
    place.repository.run("-c", f"alias.hint=!{hint}", "hint")
    assert preview(Request(version="1.1.0"), place.repository)[2] == []


@pytest.mark.slow
def test_an_empty_section_is_a_problem(place):
    text = (place.root / "CHANGELOG.md").read_text()
    place.commit("CHANGELOG.md", text.replace("### Added\n\n- Leaves.\n\n", "### Added\n\n<!-- nothing -->\n\n"))

    message, hint = refused(place)

    assert "Unreleased" in message
    assert "CHANGELOG.md" in hint or hint.startswith("git ")


@pytest.mark.slow
def test_a_version_that_is_there_already_is_a_problem(place):
    text = (place.root / "CHANGELOG.md").read_text()
    place.commit("CHANGELOG.md", text.replace("## [1.0.0]", "## [1.1.0] - 2026-02-02\n\n- Bark.\n\n## [1.0.0]"))

    message, _ = refused(place)

    assert "1.1.0" in message


@pytest.mark.slow
def test_a_changelog_that_is_not_utf_8_is_a_problem_whose_hint_converts_it(place):
    (place.root / "CHANGELOG.md").write_bytes("# Changelog\n\n## [Unreleased]\n\n- Bl\u00e4tter.\n".encode("latin-1"))
    place.git("commit", "--quiet", "--all", "-m", "docs: Grow")

    message, hint = refused(place)

    assert "not UTF-8: byte 0xe4" in message
    assert hint.startswith("iconv -f WINDOWS-1252")


@pytest.mark.slow
def test_a_changelog_of_another_name_is_found_by_its_setting(place):
    place.git("mv", "CHANGELOG.md", "HISTORY.md")
    text = (place.root / "pyproject.toml").read_text()
    place.commit("pyproject.toml", text.replace("[tool.hephaestus]\n", '[tool.hephaestus]\nchangelog = "HISTORY.md"\n'))

    release(place)

    assert "## [1.1.0]" in place.git("show", f"{COMMITTED}:HISTORY.md")


@pytest.mark.parametrize("setting", ["core.autocrlf", "core.eol"])
@pytest.mark.slow
def test_a_cut_that_was_not_written_down_is_found_again_where_git_converts_line_ends(place, setting):
    place.git("config", setting, "true" if setting == "core.autocrlf" else "crlf")
    if setting == "core.eol":
        place.commit(".gitattributes", "* text=auto\n")
    release(place, "changelog")
    journal = next((place.root / ".git/hephaestus/journals").glob("*.jsonl"))
    lines = journal.read_text().splitlines(keepends=True)
    assert json.loads(lines[-1])["done"] == "changelog"
    journal.write_text("".join(lines[:-1]))

    release(place)

    text = place.repository.run("show", f"{COMMITTED}:CHANGELOG.md").output
    assert text.count("## [1.1.0]") == 1
    assert "\r" not in text
