"""What people wrote of a change is understood, in the forms in which changelogs and commits are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hephaestus.compatibility import history
from hephaestus.compatibility.effect import Effect

if TYPE_CHECKING:
    from places import Place

TEXT = "# Changelog\n\n## [Unreleased]\n\n{}\n\n## [1.0.0] - 2026-01-01\n\n### Removed\n\n- Old things.\n"


def told(section: str) -> history.Told:
    found = history.told(TEXT.format(section), "CHANGELOG.md", None, Effect.FEATURE)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("section", "effect", "breaks"),
    [
        ("### Added\n\n- Leaves.", Effect.FEATURE, False),
        ("### Removed\n\n- Leaves.", Effect.BREAK, True),
        ("### Changed\n\n- Leaves.", Effect.FIX, True),
        ("### Fixed\n\n- Leaves.", Effect.FIX, False),
        ("### Security\n\n- Leaves.", Effect.FIX, False),
        ("### Deprecated\n\n- Leaves.", Effect.FEATURE, False),
        ("### Backwards-incompatible Changes\n\n* Leaves.", Effect.BREAK, True),
        ("### ⚠ BREAKING CHANGES\n\n* Leaves.", Effect.BREAK, True),
        ("### New features\n\n+ Leaves.", Effect.FEATURE, False),
        ("### Fixed\n\n- **Breaking:** leaves fall.", Effect.BREAK, True),
        ("### Added\n\n- [BREAKING] leaves fall.", Effect.BREAK, True),
        ("### Added\n\n- Leaves, __breaking change__.", Effect.BREAK, True),
        ("### Added\n\n- Breakfast, and breaking news in the text.", Effect.FEATURE, False),
        ("### Removed\n\n- Support for Python 3.8.", Effect.FEATURE, True),
        ("### Removed\n\n- End-of-life Pythons.", Effect.FEATURE, True),
        ("- Leaves, under no heading.", Effect.FIX, False),
    ],
)
def test_an_entry_says_what_it_does_by_its_heading_or_its_mark(section: str, effect: Effect, *, breaks: bool) -> None:
    found = told(section)

    assert ([each.effect for each in found.evidence], found.breaks) == ([effect], breaks)


def test_entries_are_told_with_their_lines_and_those_of_other_versions_are_not() -> None:
    found = told("<!-- write\nhere -->\n\n### Added\n\n- Leaves\n  that fall.\n- Bark.\n\n```\n- code\n```")

    assert [(each.place, each.message) for each in found.evidence] == [
        ("CHANGELOG.md:10", "Added: Leaves"),
        ("CHANGELOG.md:12", "Added: Bark."),
    ]
    assert found.line == 3


def test_a_version_has_the_entries_of_its_own_section() -> None:
    text = TEXT.format("### Added\n\n- Leaves.")

    assert [each.message for each in history.told(text, "C", "1.0", Effect.FIX).evidence] == ["Removed: Old things."]
    assert history.told(text, "C", "2.0.0", Effect.FIX) is None


@given(
    st.lists(st.sampled_from(["### Added", "- **", "**breaking", "- [", "_", "<!--", "-->", "```", "# x"]) | st.text())
)
def test_whatever_a_section_holds_is_read(lines: list[str]) -> None:
    history.told(TEXT.format("\n".join(lines)), "CHANGELOG.md", None, Effect.FIX)


@pytest.mark.parametrize(
    "line", ["- " + " " * 50_000 + "x", "**" * 50_000, "- **breaking" * 10_000, "- " + "_*" * 50_000]
)
@pytest.mark.timeout(10)
def test_a_long_line_takes_no_long_time(line: str) -> None:
    history.told(TEXT.format(line), "CHANGELOG.md", None, Effect.FIX)


# Commits


def commits(place: Place, *messages: str, labels: dict[int, list[str]] | None = None) -> list[tuple[str, str]]:
    """Return what commits with these messages are marked as, the newest first."""
    for message in messages:
        place.git("commit", "--quiet", "--allow-empty", "-m", message)
    found = history.commits(place.repository, "v1.0.0", "HEAD", labels)
    return [(each.effect.name, each.message) for each in found]


@pytest.mark.slow
def test_commits_are_marked_by_their_titles_and_footers(place: Place) -> None:
    marked = commits(
        place,
        "feat!: Fell",
        "fix(bark)!: Peel",
        "chore: Saw\n\nBREAKING CHANGE: no trunk",
        "feat(leaf): Sprout",
        "fix: Water",
        "docs: Describe",
        "Say nothing: of it",
        "Merge pull request #7 from oak/leaf\n\nfeat!: Merge",
        "chore: Talk\n\nwe say BREAKING CHANGE: nowhere",
    )

    assert marked[:6] == [
        ("BREAK", "feat!: Merge"),
        ("FIX", "fix: Water"),
        ("FEATURE", "feat(leaf): Sprout"),
        ("BREAK", "chore: Saw (says BREAKING CHANGE)"),
        ("BREAK", "fix(bark)!: Peel"),
        ("BREAK", "feat!: Fell"),
    ]


@pytest.mark.slow
def test_a_commit_that_was_taken_back_does_not_count_nor_does_what_took_it_back(place: Place) -> None:
    before = commits(place, "chore: Begin")
    commits(place, "feat!: Fell")
    full = place.git("rev-parse", "HEAD")

    assert commits(place, f'Revert "feat!: Fell"\n\nThis reverts commit {full}.') == before


@pytest.mark.slow
def test_labels_of_pull_requests_count_where_they_are_known(place: Place) -> None:
    labels = {7: ["breaking-change"], 8: ["enhancement", "priority: minor"], 9: ["minor", "docs"]}
    marked = commits(place, "Fell (#7)", "Sprout (#8)", "Write (#9)", labels=labels)

    assert marked[:2] == [
        ("FEATURE", "Sprout (#8) (#8 is labelled enhancement)"),
        ("BREAK", "Fell (#7) (#7 is labelled breaking-change)"),
    ]
