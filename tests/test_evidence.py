"""A box of the checklist is ticked where there is evidence, and says why where there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from packaging.version import Version

from hephaestus import evidence

if TYPE_CHECKING:
    from places import Place

# Each has a server, or a repository of its own, to talk to: not long, but long for many.
pytestmark = pytest.mark.slow

COVERAGE = "\n[tool.coverage.report]\nfail_under = 90\n"


@dataclass(frozen=True)
class Said:
    gate: str
    verdict: str = "passed"
    seconds: float = 2.0
    reason: str = ""
    required: bool = True


def ask(
    place: Place,
    asked: str,
    *said: Said,
    version: str = "1.1.0",
    first: bool = False,
    waived: dict[str, str] | None = None,
) -> tuple[bool, str]:
    """Return the answer to a question about what is checked out: whether it is ticked, and why."""
    commit, previous = place.git("rev-parse", "HEAD"), None if first else (Version("1.0.0"), "v1.0.0")
    examined = evidence.Examined(place.repository, commit, version, f"v{version}", "CHANGELOG.md", previous)
    items = evidence.checklist(examined, said, waived or {})
    found = next(item for item in items if item.asked == asked)
    return found.ticked, found.because


def prepare(
    place: Place, section: str = "### Added\n\n- Leaves.", version: str = "1.1.0", unreleased: str = ""
) -> None:
    """Commit what a release commits."""
    for path in ("pyproject.toml", "src/acorn/__init__.py"):
        text = (place.root / path).read_text()
        if "1.0.0" in text:
            place.commit(path, text.replace('"1.0.0"', f'"{version}"'))
    text = f"# Changelog\n\n## [Unreleased]\n\n{unreleased}\n\n## [{version}] - 2026-02-01\n\n{section}\n"
    place.commit("CHANGELOG.md", text, f"chore: Prepare release v{version}")


def test_before_anything_was_looked_at_every_box_is_open() -> None:
    assert not [item for item in evidence.expected() if item.ticked]
    assert len(evidence.expected()) == 8


# Version


def test_a_version_is_correct_where_every_place_says_it(place: Place) -> None:
    prepare(place)

    assert ask(place, "Version number correct") == (
        True,
        "1.1.0 in `pyproject.toml`, `src/acorn/__init__.py`, after `v1.0.0`",
    )


def test_a_version_that_a_place_does_not_say_is_not_correct(place: Place) -> None:
    assert ask(place, "Version number correct") == (
        False,
        "`pyproject.toml` says `1.0.0`, `src/acorn/__init__.py` says `1.0.0`",
    )


def test_a_version_from_the_tag_is_written_in_no_file(place: Place) -> None:
    text = (place.root / "pyproject.toml").read_text().replace('version = "1.0.0"', 'dynamic = ["version"]')
    place.commit("pyproject.toml", f"{text}\n[tool.setuptools_scm]\n")

    assert ask(place, "Version number correct") == (True, "it comes from the tag, `v1.1.0`, after `v1.0.0`")


# Changelog


def test_a_changelog_is_complete_where_nothing_is_left_unreleased(place: Place) -> None:
    prepare(place)

    ticked, because = ask(place, "Changelog complete")
    assert ticked
    assert because == "`CHANGELOG.md` has a section for 1.1.0, and nothing is left under [Unreleased]"


def test_a_changelog_with_more_under_unreleased_is_not_complete(place: Place) -> None:
    prepare(place, unreleased="### Fixed\n\n- Bark.")

    assert ask(place, "Changelog complete") == (
        False,
        "`CHANGELOG.md` has a section for 1.1.0, and more under [Unreleased]",
    )


def test_a_changelog_without_the_section_is_not_complete(place: Place) -> None:
    assert ask(place, "Changelog complete") == (False, "`CHANGELOG.md` says nothing of 1.1.0")


def test_whether_a_changelog_is_accurate_is_for_a_reader_to_say(place: Place) -> None:
    prepare(place)

    assert ask(place, "Changelog accurate") == (False, "for a reader to say")


# Documentation


@pytest.mark.parametrize("path", ["README.md", "docs/usage.txt", "guide.rst"])
def test_documentation_that_has_changed_is_named(place: Place, path: str) -> None:
    place.commit(path, "new\n")

    assert ask(place, "Documentation updated") == (True, f"changed since `v1.0.0`: `{path}`")


def test_documentation_that_has_not_changed_is_for_the_reviewer(place: Place) -> None:
    prepare(place)

    assert ask(place, "Documentation updated") == (False, "no file of it has changed since `v1.0.0`")


def test_a_first_release_has_nothing_to_compare_with(place: Place) -> None:
    assert not ask(place, "Documentation updated", first=True)[0]
    assert ask(place, "Breaking changes documented", first=True) == (
        True,
        "nothing was released before that could break",
    )


# Gates


def test_all_checks_pass_where_all_gates_did_on_this_very_commit(place: Place) -> None:
    head = place.git("rev-parse", "HEAD")

    assert ask(place, "All checks pass", Said("tests", seconds=3.21), Said("lint")) == (
        True,
        f"`tests` passed in 3.2 s, `lint` passed in 2.0 s on {head[:10]}",
    )


def test_a_waived_gate_leaves_the_box_open_and_is_named_with_the_reason(place: Place) -> None:
    ticked, because = ask(
        place, "All checks pass", Said("tests"), Said("moody", "failed"), waived={"moody": "its `server` is down"}
    )

    assert not ticked
    assert because.startswith("`tests` passed in 2.0 s, `moody` was waived (failed), because ``its `server` is down``")


def test_gates_that_were_not_asked_have_not_passed(place: Place) -> None:
    assert ask(place, "All checks pass") == (False, "the gates were not asked")


def test_an_optional_gate_that_did_not_pass_is_named_and_leaves_no_box_open(place: Place) -> None:
    optional = Said("documents", "failed", required=False)

    ticked, because = ask(place, "All checks pass", Said("tests"), optional)
    assert ticked
    assert because.startswith("`tests` passed in 2.0 s, `documents` failed (optional) in 2.0 s on ")
    assert not ask(place, "All checks pass", optional)[0], "no gate that counts has passed"


@pytest.mark.parametrize("gate", ["coverage", "cov", "tests-coverage", "coverage(3.11)"])
def test_coverage_is_maintained_where_a_gate_that_measures_it_would_fail_under_a_share(place: Place, gate: str) -> None:
    place.commit("pyproject.toml", (place.root / "pyproject.toml").read_text() + COVERAGE)

    assert ask(place, "Test coverage maintained", Said(gate)) == (True, f"`{gate}` passed, and would fail under 90 %")


def test_tests_that_measure_coverage_as_they_run_are_evidence_too(place: Place) -> None:
    text = (place.root / "pyproject.toml").read_text()
    place.commit("pyproject.toml", f'{text}\n[tool.pytest.ini_options]\naddopts = ["--cov", "--cov-fail-under=85.5"]\n')

    assert ask(place, "Test coverage maintained", Said("tests")) == (
        True,
        "`tests` passed, and would fail under 85.5 %",
    )


def test_coverage_that_nobody_measures_or_limits_is_not_maintained(place: Place) -> None:
    assert ask(place, "Test coverage maintained", Said("tests"), Said("discover")) == (
        False,
        "not measured by any gate",
    )
    assert ask(place, "Test coverage maintained", Said("coverage")) == (
        False,
        "`coverage` passed, but no `fail_under` says how much is enough",
    )
    place.commit("pyproject.toml", (place.root / "pyproject.toml").read_text() + COVERAGE)
    assert ask(place, "Test coverage maintained", Said("coverage", "failed")) == (False, "`coverage` failed")


def test_the_coverage_that_the_built_in_tests_have_measured_is_told(place: Place) -> None:
    both = (
        Said("tests", reason="120 tests, coverage 93.1 %"),
        Said("tests-3.12", reason="119 tests, coverage 90 %, 1 skipped"),
    )
    told = "`tests` passed, with 93.1 % covered, `tests-3.12` passed, with 90 % covered"

    assert ask(place, "Test coverage maintained", *both, Said("lint")) == (True, told)


def test_the_coverage_of_tests_that_did_not_pass_is_not_maintained(place: Place) -> None:
    measured, failed = (
        Said("tests", reason="120 tests, coverage 93.1 %"),
        Said("tests-3.12", "failed", reason="1 failed"),
    )
    optional = Said("tests-3.13", "failed", reason="coverage is 70.0 %, less than 85 %", required=False)

    assert ask(place, "Test coverage maintained", measured, failed) == (False, "`tests` passed, `tests-3.12` failed")
    assert ask(place, "Test coverage maintained", optional) == (False, "`tests-3.13` failed")
    assert ask(place, "Test coverage maintained", measured, optional)[0]


def test_an_optional_audit_ticks_the_box_where_it_passed_and_does_not_untick_it(place: Place) -> None:
    failed = Said("osv", "could not run", required=False)

    assert ask(place, "No known vulnerabilities", Said("audit"), failed) == (True, "`audit` passed")
    assert ask(place, "No known vulnerabilities", failed) == (False, "`osv` could not run")
    assert ask(place, "No known vulnerabilities", Said("audit", required=False)) == (True, "`audit` passed")


def test_vulnerabilities_are_looked_for_by_a_gate_or_not_at_all(place: Place) -> None:
    assert ask(place, "No known vulnerabilities", Said("pip-audit")) == (True, "`pip-audit` passed")
    assert ask(place, "No known vulnerabilities", Said("audit", "could not run")) == (False, "`audit` could not run")
    assert ask(place, "No known vulnerabilities", Said("tests")) == (False, "not looked for by any gate")


# Breaking changes


def test_a_minor_release_of_harmless_commits_breaks_nothing(place: Place) -> None:
    prepare(place)

    ticked, because = ask(place, "Breaking changes documented")
    assert ticked
    assert (
        because == "there are none; it is no major release, and no commit since `v1.0.0` says that it breaks anything"
    )


@pytest.mark.parametrize("message", ["feat!: Fell", "fix(bark)!: Peel", "feat: Fell\n\nBREAKING CHANGE: no trunk"])
def test_a_commit_that_says_it_breaks_something_wants_it_told(place: Place, message: str) -> None:
    place.commit("src/acorn/axe.py", "SHARP = True\n", message)
    short = place.git("log", "-1", "--format=%h")
    prepare(place)

    assert ask(place, "Breaking changes documented") == (
        False,
        f"{short} breaks something, and the changelog does not tell what breaks",
    )


def test_what_a_minor_release_removes_is_not_said_to_be_nothing(place: Place) -> None:
    prepare(place, "### Removed\n\n- The trunk.")

    assert ask(place, "Breaking changes documented") == (
        True,
        "the changelog tells what is removed or breaks, though it is no major release",
    )


def test_a_major_release_must_tell_what_breaks(place: Place) -> None:
    prepare(place, version="2.0.0")
    assert not ask(place, "Breaking changes documented", version="2.0.0")[0]

    prepare(place, "### Removed\n\n- The trunk.", version="2.0.0")
    assert ask(place, "Breaking changes documented", version="2.0.0") == (
        True,
        "after `v1.0.0` it is a major release, and the changelog tells what breaks",
    )
