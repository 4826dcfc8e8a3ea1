"""A project's checklist after a release: ticked where there is evidence, and untouched everywhere else."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hephaestus.checklist import BUILT_IN, Facts, ticked

HOUSE = "acorn-1.1.0-wheelhouse.tar.gz"
URL = "https://github.com/oak/acorn/releases/tag/v1.1.0"
STEPS = "stage bump changelog commit tag build gates wheelhouse draft upload push publish land verify"
NOTHING = Facts("1.1.0", "v1.1.0")
ALL = Facts(
    version="1.1.0",
    tag="v1.1.0",
    done=frozenset(STEPS.split()),
    commit="0123456789abcdef",
    remote="origin",
    url=URL,
    assets=("acorn-1.1.0.tar.gz", HOUSE),
    archive=HOUSE,
    gates={"tests": "passed", "lint": "passed", "types": "passed", "format": "passed"},
    review={
        "Test coverage maintained": "tests passed, and would fail under 90 %",
        "No known vulnerabilities": "audit passed",
    },
    smoke="acorn",
    milestone="v1.1.0",
    board="oak/3",
    tickets=4,
    announcement="announcement.md",
    discussion="https://github.com/oak/acorn/discussions/9",
)

# As projects write it: with commands in it, items in items, things only people know, and what to do when it goes wrong.
OWN = """\
# Release Checklist: vX.Y.Z

Copy it to `.github/RELEASE_CHECKLIST_v{X.Y.Z}.md`.

## Before

- [ ] All tests passing locally: `pytest`
- [ ] Test coverage ≥85%: see the report
- [ ] Linting clean: `ruff check .`
- [ ] Type checking passes: `mypy src`
- [ ] No tool version drift
- [ ] All quality gates pass
- [ ] CHANGELOG.md updated with new version section
- [x] Version bumped in `pyproject.toml`
- [ ] README reflects what is new
* [ ] Update CHANGELOG.md:

  ```markdown
  ## [X.Y.Z] - YYYY-MM-DD

  - [ ] Tag pushed
  ```

## Release

1. [ ] Create git tag `vX.Y.Z`
2. [ ] Push tag to remote
3. [ ] Create GitHub Release with
   generated notes
4. [ ] Attach to GitHub Release

## After

- [ ] Test wheelhouse install:

  ```bash
  acorn release install --tag vX.Y.Z  # X.Y.Z.post1, X.Y.Z+1, 1.X.Y.Z
  ```

- [ ] Test fresh install from PyPI (when available)
- [ ] Close milestone (if using milestones)
- [ ] Post release announcement:
  - [ ] GitHub Discussions
  - [ ] Social media

## Rollback (if needed)

### Recovery

- [ ] Create git tag `hotfix/vX.Y.Z+1`
- [ ] All tests pass

### Sign-off

- [ ] Release published

## Closing

- [ ] Release published\
"""

FILLED = f"""\
# Release Checklist: v1.1.0

Copy it to `.github/RELEASE_CHECKLIST_v1.1.0.md`.

## Before

- [x] All tests passing locally: `pytest` — passed: tests
- [x] Test coverage ≥85%: see the report — tests passed, and would fail under 90 %
- [x] Linting clean: `ruff check .` — passed: lint
- [x] Type checking passes: `mypy src` — passed: types
- [ ] No tool version drift
- [x] All quality gates pass — passed: tests, lint, types, format
- [x] CHANGELOG.md updated with new version section — CHANGELOG.md has [1.1.0]
- [x] Version bumped in `pyproject.toml`
- [ ] README reflects what is new
* [x] Update CHANGELOG.md: — CHANGELOG.md has [1.1.0]

  ```markdown
  ## [1.1.0] - YYYY-MM-DD

  - [ ] Tag pushed
  ```

## Release

1. [x] Create git tag `v1.1.0` — v1.1.0 on origin
2. [x] Push tag to remote — v1.1.0 on origin
3. [x] Create GitHub Release with
   generated notes — {URL}
4. [x] Attach to GitHub Release — {HOUSE}

## After

- [x] Test wheelhouse install: — installed with no network from {HOUSE}

  ```bash
  acorn release install --tag v1.1.0  # 1.1.0.post1, X.Y.Z+1, 1.X.Y.Z
  ```

- [ ] Test fresh install from PyPI (when available)
- [x] Close milestone (if using milestones) — v1.1.0
- [x] Post release announcement: — https://github.com/oak/acorn/discussions/9
  - [x] GitHub Discussions — https://github.com/oak/acorn/discussions/9
  - [ ] Social media

## Rollback (if needed)

### Recovery

- [ ] Create git tag `hotfix/vX.Y.Z+1`
- [ ] All tests pass

### Sign-off

- [ ] Release published

## Closing

- [x] Release published — {URL}\
"""


def boxes(text: str) -> list[str]:
    """Return the items that are ticked, without their evidence."""
    return [found.partition(" — ")[0] for found in re.findall(r"- \[x\] (.*)", text)]


def of(item: str, facts: Facts = ALL) -> str:
    """Return what becomes of one item."""
    return ticked(f"- [ ] {item}\n", facts).removesuffix("\n")


def test_a_projects_own_checklist_is_filled_in_by_what_the_release_shows() -> None:
    assert ticked(OWN, ALL) == FILLED


def test_of_a_release_nobody_began_only_the_version_is_filled_in() -> None:
    said = ticked(OWN, NOTHING)

    assert said.count("[x]") == 1
    assert [line for line in said.splitlines() if "[x]" in line] == ["- [x] Version bumped in `pyproject.toml`"]


def test_the_built_in_checklist_follows_the_guide_and_leaves_to_people_what_only_they_know() -> None:
    open_items = re.findall(r"- \[ \] (.*)", ticked(BUILT_IN, ALL))

    assert open_items == [
        "Documentation updated",
        "Breaking changes documented (if major)",
        "Team and stakeholders told",
    ]
    assert boxes(ticked(BUILT_IN, NOTHING)) == []


@pytest.mark.parametrize(
    ("done", "items"),
    [
        ("stage bump", ["Version number correct"]),
        ("stage bump changelog", ["Version number correct", "CHANGELOG complete and accurate"]),
        ("stage bump changelog commit tag", ["Version number correct", "CHANGELOG complete and accurate"]),
    ],
)
def test_half_way_nothing_is_ticked_that_is_not_done(done: str, items: list[str]) -> None:
    begun = Facts("1.1.0", "v1.1.0", frozenset(done.split()), remote="origin", archive=HOUSE, gates={"tests": "passed"})

    assert boxes(ticked(BUILT_IN, begun)) == items


def test_a_tag_that_was_pushed_is_not_a_release_yet() -> None:
    pushed = replace(NOTHING, done=frozenset(STEPS.split()[:11]), remote="origin", archive=HOUSE, assets=(HOUSE,))
    said = ticked(BUILT_IN, pushed)

    assert "- [x] Tag pushed — v1.1.0 on origin" in said
    assert "- [ ] Release published" in said
    assert "- [ ] Wheelhouse attached" in said


def test_gates_that_did_not_pass_or_were_waived_or_not_asked_tick_nothing() -> None:
    asked = "All quality gates pass"

    assert of(asked) == f"- [x] {asked} — passed: tests, lint, types, format"
    assert of(asked, replace(ALL, gates={"tests": "passed", "lint": "failed"})) == f"- [ ] {asked}"
    assert of(asked, replace(ALL, gates={})) == f"- [ ] {asked}"
    assert of(asked, replace(ALL, waived=frozenset({"lint"}))) == f"- [ ] {asked}"
    assert of("Linting clean", replace(ALL, waived=frozenset({"lint"}))) == "- [ ] Linting clean"
    assert of("All tests pass", replace(ALL, waived=frozenset({"lint"}))) == "- [x] All tests pass — passed: tests"


def test_coverage_is_ticked_where_the_project_asks_for_as_much_as_the_checklist() -> None:
    assert "[x]" in of("Test coverage maintained (≥90%)")
    assert "[x]" in of("Test coverage maintained")
    assert of("Test coverage maintained (≥95 %)") == "- [ ] Test coverage maintained (≥95 %)"
    assert of("Coverage at 85%", replace(ALL, review={})) == "- [ ] Coverage at 85%"


def test_an_item_about_two_things_needs_both() -> None:
    both = "Update project board/issues with release number"

    assert of(both) == f"- [x] {both} — oak/3, 4 issues and pull requests"
    assert of(both, replace(ALL, board="")) == f"- [ ] {both}"
    assert of(both, replace(ALL, tickets=0)) == f"- [ ] {both}"


@pytest.mark.parametrize(
    "item",
    [
        *("Release branch deleted", "Create release branch", "Release manager: @robin", "Version badges updated"),
        *("Update any version references in documentation", "Tag the team", "Push to PyPI", "Verify all commands work"),
        *("Install from PyPI tested", "Installation tested on Windows", "Release notes published", "Update README"),
        *("Changelog reviewed by two people", "Do not push tag", "Tests written", "No release published yet"),
        *("Upload as workflow artifact", "Milestone planned", "Announcement reviewed", "Discuss the release"),
    ],
)
def test_what_the_release_does_not_show_is_left_to_people(item: str) -> None:
    assert of(item) == f"- [ ] {item}"


def test_other_line_ends_and_bullets_stay() -> None:
    assert ticked("- [ ] Tag pushed\r\n+ [ ] Release published  \r\n", ALL) == (
        f"- [x] Tag pushed — v1.1.0 on origin\r\n+ [x] Release published — {URL}  \r\n"
    )


def test_evidence_stays_on_its_line() -> None:
    said = of("Release published", replace(ALL, url="https://example.org/\n- [x] Everything\n# is fine"))

    assert "\n" not in said


def test_a_tag_of_another_form_is_filled_in_as_it_is() -> None:
    assert ticked("vX.Y.Z v{X.Y.Z} {X.Y.Z} X.Y.Z v{X.Y.Z X.Y.Z}", replace(ALL, tag="acorn-1.1.0")) == (
        "acorn-1.1.0 acorn-1.1.0 1.1.0 1.1.0 v{X.Y.Z X.Y.Z}"
    )


LINES = st.sampled_from(
    [
        *(
            "- [ ] Tag pushed",
            "- [x] Tag pushed",
            "  - [ ] Release published",
            "```",
            "# Rollback",
            "## Release",
            "text",
        ),
        *(
            "",
            "    - [ ] Tag pushed",
            "> - [ ] Tag pushed",
            "<!--",
            "-->",
            "- [ ]",
            "- []",
            "- [ ] \x00",
            "===",
            "1) [ ] x",
        ),
    ]
)


@given(st.lists(LINES, max_size=20).map("\n".join), st.sampled_from([ALL, NOTHING]))
def test_nothing_is_changed_but_boxes_and_what_stands_behind_them(text: str, facts: Facts) -> None:
    said = ticked(text, facts)

    assert len(said.splitlines()) == len(text.splitlines())
    assert said.count("[x]") >= text.count("[x]")
    for old, new in zip(text.split("\n"), said.split("\n"), strict=True):
        assert new == old or new.startswith((old.replace("[ ]", "[x]", 1), f"{old} — "))
    assert ticked(text, NOTHING) == text
