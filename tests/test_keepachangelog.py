"""Changelogs as they are found in the wild, and the promise that a release changes nothing else in them."""

from __future__ import annotations

import re
import time
from difflib import SequenceMatcher

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from hephaestus.errors import UsageError
from hephaestus.keepachangelog import cut, decode, find, is_empty, problems, sections, unreleased, yank

CLASSIC = """# Changelog

All notable changes are written here.

## [Unreleased]

### Added

- A thing ([#12]).

## [1.3.0] - 2025-06-01

- Older.

[unreleased]: https://github.com/o/r/compare/v1.3.0...HEAD
[1.3.0]: https://github.com/o/r/compare/v1.2.0...v1.3.0
"""

LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")
COMPARED = re.compile(r"compare/[^.]\S*\.\.\.HEAD")


def release(text: str, version: str = "1.4.0", tag: str = "v1.4.0", previous_tag: str | None = "v1.3.0") -> str:
    return cut(text, version=version, date="2026-11-22", tag=tag, previous_tag=previous_tag)


def lines_changed(before: str, after: str) -> tuple[list[str], list[str]]:
    """Return the lines that went and the lines that came."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    gone, come = [], []
    for kind, left, right, low, high in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            gone += old[left:right]
            come += new[low:high]
    return gone, come


def written(unreleased_heading: str, version_heading: str) -> str:
    """Return the heading that a release writes into a changelog with these two."""
    text = f"{unreleased_heading}\n\n- New.\n\n{version_heading}\n\n- Old.\n"
    gone, come = lines_changed(text, release(text))
    assert not gone
    assert come.count("\n") == 1
    return "".join(come).strip("\n")


def linked(reference: str, previous_tag: str | None = "v1.3.0") -> list[str]:
    """Return the links a release leaves in a changelog whose Unreleased has this one."""
    text = f"## [Unreleased]\n\n- New.\n\n[unreleased]: {reference}\n"
    return re.findall(r"^\[.*\]: .*$", release(text, previous_tag=previous_tag), re.MULTILINE)


# ---- cut


def test_unreleased_becomes_the_version_and_a_fresh_one_stays_on_top() -> None:
    assert (
        release(CLASSIC)
        == """# Changelog

All notable changes are written here.

## [Unreleased]

## [1.4.0] - 2026-11-22

### Added

- A thing ([#12]).

## [1.3.0] - 2025-06-01

- Older.

[unreleased]: https://github.com/o/r/compare/v1.4.0...HEAD
[1.4.0]: https://github.com/o/r/compare/v1.3.0...v1.4.0
[1.3.0]: https://github.com/o/r/compare/v1.2.0...v1.3.0
"""
    )


@pytest.mark.parametrize(
    ("unreleased_heading", "version_heading", "expected"),
    [
        ("## [Unreleased]", "## [1.1.1] - 2023-03-05", "## [1.4.0] - 2026-11-22"),
        ("## [UNRELEASED]", "## 0.28.1 (6th December, 2024)", "## 1.4.0 (2026-11-22)"),
        ("# Unreleased", "# 1.3.1 (July 20th, 2026)", "# 1.4.0 (2026-11-22)"),
        ("## Unreleased", "## Version 26.5.1", "## Version 1.4.0"),
        ("## Unreleased", "## v2.14.0b1 (2026-08-06)", "## v1.4.0 (2026-11-22)"),
        ("## Unreleased", "## 2026.08.17", "## 1.4.0"),
        ("## [Unreleased] - ReleaseDate", "## [4.5.0] - 2024-02-08", "## [1.4.0] - 2026-11-22"),
        ("## [Unreleased] - ReleaseDate", "## [4.5.0]", "## [1.4.0] - 2026-11-22"),
        ("## Unreleased", "## 1.3.0 [YANKED]", "## 1.4.0"),
        ("## Unreleased", "## [v1.3.0] \u2013 2024-02-08 [YANKED]", "## [v1.4.0] \u2013 2026-11-22"),
        ("## Unreleased ##", "## 1.3.0, 2024-02-08 ##", "## 1.4.0, 2026-11-22 ##"),
        ("##\t\\[Unreleased\\]  ", "## \\[1.3.0\\] - 2024-02-08", "##\t\\[1.4.0\\] - 2026-11-22  "),
        ("## [Unreleased]", "## About this file", "## [1.4.0] - 2026-11-22"),
        ("## Unreleased (in development)", "## About this file", "## 1.4.0 (2026-11-22)"),
    ],
)
def test_the_new_heading_is_written_as_the_file_writes_them(
    unreleased_heading: str, version_heading: str, expected: str
) -> None:
    assert written(unreleased_heading, version_heading) == expected


def test_a_section_prepared_above_unreleased_does_not_stand_in_the_way() -> None:
    text = "## 5.0.0 - TBD\n\n- Later.\n\n## Unreleased\n\n- New.\n\n## [1.3.0] - 2025-06-01\n\n- Old.\n"
    assert "## Unreleased\n\n## [1.4.0] - 2026-11-22\n\n- New.\n" in release(text)


def test_underlined_headings_stay_underlined() -> None:
    text = "Changes\n=======\n\nUnreleased\n----------\n\n- New.\n\n1.3.0 (2025-06-01)\n------------------\n\n- Old.\n"
    new = release(text)
    assert "Unreleased\n----------\n\n1.4.0 (2026-11-22)\n------------------\n\n- New.\n" in new
    assert [section.label for section in sections(new)] == ["Unreleased", "1.4.0", "1.3.0"]


def test_links_inside_headings_are_led_on() -> None:
    text = (
        "## [Unreleased](https://github.com/o/r/compare/26.1.0...HEAD)\n\n- New.\n\n"
        "## [26.1.0](https://github.com/o/r/compare/25.5.0...26.1.0) - 2026-06-06\n\n- Old.\n"
    )
    new = release(text, "26.2.0", "26.2.0", "26.1.0")
    assert new.startswith(
        "## [Unreleased](https://github.com/o/r/compare/26.2.0...HEAD)\n\n"
        "## [26.2.0](https://github.com/o/r/compare/26.1.0...26.2.0) - 2026-11-22\n\n- New.\n\n## [26.1.0]"
    )


def test_conventional_changelogs_with_patches_one_level_down_areread() -> None:
    text = (
        "# Changelog\n\n## Unreleased\n\n* new\n\n"
        "### [9.5.1](https://github.com/o/r/compare/v9.5.0...v9.5.1) (2022-05-16)\n\n\n### Bug Fixes\n\n* old\n\n"
        "## [9.5.0](https://github.com/o/r/compare/v9.4.0...v9.5.0) (2022-05-15)\n\n### 3.12\n\n* older\n"
    )
    assert [section.label for section in sections(text)] == ["Unreleased", "9.5.1", "9.5.0"]
    assert "## [9.6.0](https://github.com/o/r/compare/v9.5.1...v9.6.0) (2026-11-22)\n\n* new" in release(
        text, "9.6.0", "v9.6.0", "v9.5.1"
    )


def test_markers_of_cargo_release_stay_above_unreleased() -> None:
    text = (
        "<!-- next-header -->\n## [Unreleased] - ReleaseDate\n\n### Fixes\n\n- New.\n\n## [4.5.0] - 2024-02-08\n\n- Old.\n\n"
        "<!-- next-url -->\n[Unreleased]: https://github.com/o/r/compare/v4.5.0...HEAD\n"
        "[4.5.0]: https://github.com/o/r/compare/v4.4.0...v4.5.0\n"
    )
    assert release(text, "4.6.0", "v4.6.0", "v4.5.0") == (
        "<!-- next-header -->\n## [Unreleased] - ReleaseDate\n\n## [4.6.0] - 2026-11-22\n\n### Fixes\n\n- New.\n\n"
        "## [4.5.0] - 2024-02-08\n\n- Old.\n\n"
        "<!-- next-url -->\n[Unreleased]: https://github.com/o/r/compare/v4.6.0...HEAD\n"
        "[4.6.0]: https://github.com/o/r/compare/v4.5.0...v4.6.0\n"
        "[4.5.0]: https://github.com/o/r/compare/v4.4.0...v4.5.0\n"
    )


def test_instructions_to_contributors_stay_below_unreleased() -> None:
    text = "## Unreleased\n\n<!-- PR authors:\n\n     put `entries` below -->\n\n### Stable style\n\n- New.\n"
    new = release(text)
    assert "below -->\n\n## 1.4.0 - 2026-11-22\n\n### Stable style" in new
    assert problems(new, "1.5.0")[0].message == "the Unreleased section of the changelog is empty"


def test_a_comment_with_text_behind_it_goes_with_the_version() -> None:
    assert release("## Unreleased\n\n<!-- a --> says more\n").startswith(
        "## Unreleased\n\n## 1.4.0 - 2026-11-22\n\n<!-- a"
    )


# ---- links


@pytest.mark.parametrize(
    ("before", "onward", "across", "first"),
    [
        (
            "https://github.com/o/r/compare/v1.3.0...main",
            "https://github.com/o/r/compare/v1.4.0...main",
            "https://github.com/o/r/compare/v1.3.0...v1.4.0",
            "https://github.com/o/r/releases/tag/v1.4.0",
        ),
        (
            "https://gitlab.com/o/r/-/compare/v1.3.0...HEAD?from_project_id=7",
            "https://gitlab.com/o/r/-/compare/v1.4.0...HEAD?from_project_id=7",
            "https://gitlab.com/o/r/-/compare/v1.3.0...v1.4.0?from_project_id=7",
            "https://gitlab.com/o/r/-/releases/v1.4.0",
        ),
        (
            "https://codeberg.org/o/r/compare/v1.3.0...HEAD",
            "https://codeberg.org/o/r/compare/v1.4.0...HEAD",
            "https://codeberg.org/o/r/compare/v1.3.0...v1.4.0",
            "https://codeberg.org/o/r/releases/tag/v1.4.0",
        ),
        (
            "https://bitbucket.org/o/r/branches/compare/HEAD%0Dv1.3.0#diff",
            "https://bitbucket.org/o/r/branches/compare/HEAD%0Dv1.4.0#diff",
            "https://bitbucket.org/o/r/branches/compare/v1.4.0%0Dv1.3.0#diff",
            "https://bitbucket.org/o/r/src/v1.4.0",
        ),
        (
            "https://bitbucket.org/o/r/compare/HEAD..v1.3.0",
            "https://bitbucket.org/o/r/compare/HEAD..v1.4.0",
            "https://bitbucket.org/o/r/compare/v1.4.0..v1.3.0",
            "https://bitbucket.org/o/r/src/v1.4.0",
        ),
        (
            "https://git.example.org/o/r/-/commits/main",
            "https://git.example.org/o/r/-/compare/v1.4.0...HEAD",
            "https://git.example.org/o/r/-/compare/v1.3.0...v1.4.0",
            "https://git.example.org/o/r/-/releases/v1.4.0",
        ),
        (
            "https://github.com/o/r",
            "https://github.com/o/r/compare/v1.4.0...HEAD",
            "https://github.com/o/r/compare/v1.3.0...v1.4.0",
            "https://github.com/o/r/releases/tag/v1.4.0",
        ),
        (
            "https://bitbucket.org/o/r/src/main",
            "https://bitbucket.org/o/r/branches/compare/HEAD%0Dv1.4.0",
            "https://bitbucket.org/o/r/branches/compare/v1.4.0%0Dv1.3.0",
            "https://bitbucket.org/o/r/src/v1.4.0",
        ),
        (
            "https://github.com/o/r/compare/v1.3.0",
            "https://github.com/o/r/compare/v1.4.0...HEAD",
            "https://github.com/o/r/compare/v1.3.0...v1.4.0",
            "https://github.com/o/r/releases/tag/v1.4.0",
        ),
    ],
)
def test_links_follow_the_forge(before: str, onward: str, across: str, first: str) -> None:
    assert linked(before) == [f"[unreleased]: {onward}", f"[1.4.0]: {across}"]
    assert linked(before, previous_tag=None) == [f"[unreleased]: {onward}", f"[1.4.0]: {first}"]


def test_a_link_of_no_known_form_is_left_alone() -> None:
    assert linked("https://example.org/log?h=main") == ["[unreleased]: https://example.org/log?h=main"]


def test_a_title_brackets_and_the_case_of_a_link_stay() -> None:
    assert linked('<https://github.com/o/r/compare/v1.3.0...HEAD> "what is new"  ') == [
        '[unreleased]: <https://github.com/o/r/compare/v1.4.0...HEAD> "what is new"  ',
        "[1.4.0]: https://github.com/o/r/compare/v1.3.0...v1.4.0",
    ]


def test_without_a_link_of_unreleased_the_new_one_goes_above_the_newest() -> None:
    text = CLASSIC.replace("[unreleased]: https://github.com/o/r/compare/v1.3.0...HEAD\n", "")
    assert release(text).endswith(
        "\n[1.4.0]: https://github.com/o/r/compare/v1.3.0...v1.4.0\n[1.3.0]: https://github.com/o/r/compare/v1.2.0...v1.3.0\n"
    )


def test_links_written_oldest_first_stay_so() -> None:
    text = "## [Unreleased]\n\n- x\n\n## [1.3.0]\n\n[1.3.0]: https://a.b/o/r/compare/1.2...1.3\n[unreleased]: https://a.b/o/r/compare/1.3...HEAD"
    assert release(text, tag="1.4", previous_tag="1.3").endswith(
        "1.2...1.3\n[1.4.0]: https://a.b/o/r/compare/1.3...1.4\n[unreleased]: https://a.b/o/r/compare/1.4...HEAD"
    )


def test_a_link_the_version_has_already_is_not_written_twice() -> None:
    text = CLASSIC + "[1.4.0]: https://example.org/prepared\n"
    assert lines_changed(text, release(text))[1][-1] == "[unreleased]: https://github.com/o/r/compare/v1.4.0...HEAD\n"


def test_of_two_links_with_one_label_the_first_counts() -> None:
    text = CLASSIC + "[Unreleased]: https://github.com/o/other/compare/v1.3.0...HEAD\n"
    assert "[1.4.0]: https://github.com/o/r/compare/v1.3.0...v1.4.0\n" in release(text)


def test_a_tag_cannot_break_out_of_its_link() -> None:
    text = "## [Unreleased](https://github.com/o/r/compare/v1.3.0...HEAD)\n\n- x\n"
    assert "compare/v1%29%28%23...HEAD)" in release(text, tag="v1)(#")


def test_a_link_inside_a_fence_is_no_link() -> None:
    text = "## [Unreleased]\n\n```\n[unreleased]: https://github.com/o/r/compare/v1.3.0...HEAD\n```\n"
    assert lines_changed(text, release(text))[0] == []


# ---- bytes


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_line_ends_are_kept(end: str) -> None:
    assert release(CLASSIC.replace("\n", end)) == release(CLASSIC).replace("\n", end)


def test_a_byte_order_mark_stays_first() -> None:
    text = decode(b"\xef\xbb\xbf## Unreleased\r\n\r\n- x")
    assert release(text) == "\ufeff## Unreleased\r\n\r\n## 1.4.0 - 2026-11-22\r\n\r\n- x"


def test_a_link_after_a_last_line_without_an_end_gets_the_end_of_the_file() -> None:
    text = CLASSIC[: CLASSIC.rindex("[1.3.0]") - 1].replace("\n", "\r\n")
    assert release(text).endswith("...HEAD\r\n[1.4.0]: https://github.com/o/r/compare/v1.3.0...v1.4.0")


def test_a_missing_final_newline_stays_missing() -> None:
    assert release(CLASSIC[: CLASSIC.rindex("[1.3.0]") - 1]).endswith(
        "...HEAD\n[1.4.0]: https://github.com/o/r/compare/v1.3.0...v1.4.0"
    )


@pytest.mark.parametrize(("data", "present"), [(b"caf\xe9", "WINDOWS-1252"), ("é".encode("utf-16"), "UTF-16")])
def test_what_is_not_utf8_is_refused_with_the_way_out(data: bytes, present: str) -> None:
    with pytest.raises(UsageError, match="not UTF-8") as refused:
        decode(data)
    assert refused.value.hint is not None
    assert refused.value.hint.startswith(f"iconv -f {present} -t UTF-8 ")


# ---- reading


def test_sections_are_told_with_label_version_mark_and_body() -> None:
    text = "# Changelog\r\n\r\nIntro.\r\n\r\n## [v2026.08.17] - 2026-08-17 [YANKED]\r\n- a\r\n\r\n- b\r\n## Before\r\n\r\nlost\r\n"
    calver, before = sections(text)
    assert (calver.label, str(calver.version), calver.yanked, calver.body) == (
        "2026.08.17",
        "2026.8.17",
        True,
        "- a\n\n- b",
    )
    assert (before.label, before.version, before.yanked, before.body) == ("Before", None, False, "lost")


def test_versions_are_found_as_equal_versions() -> None:
    text = "## 2026.08.17\n\n- a\n\n## v1.0rc1\n\n- b\n"
    assert find(text, "2026.8.17") == find(text, "2026.08.17") == sections(text)[0]
    assert find(text, "1.0.0-rc.1") == sections(text)[1]
    assert find(text, "1.0") is None
    assert find(text, "main") is None


def test_a_version_at_a_higher_level_begins_a_section() -> None:
    assert [section.label for section in sections("## Unreleased\n\n- x\n\n# 2.0\n\n- y\n\n## 1.9\n")] == [
        "Unreleased",
        "2.0",
        "1.9",
    ]


def test_a_comment_between_paragraphs_leaves_no_gap() -> None:
    section = find("## 1.0\n\na\n\n<!-- c -->\n\nb\n", "1.0")
    assert section is not None
    assert section.body == "a\n\nb"


def test_a_changelog_without_releases_has_no_sections() -> None:
    assert sections("# Changes\n\nSee the releases page.\n") == ()
    assert sections("") == ()
    assert unreleased("## 1.0\n") is None


def test_a_body_ends_before_the_links_and_has_no_comments() -> None:
    text = (
        "## 1.0\n\n<!-- for\n\n## [9.9.9]\n\nauthors -->\n\n- Fix `<!-- kept -->` <!-- #12 -->now\n- See [a].\n\n[a]: https://x.y\n\nMore.\n\n"
        "  ```html\n  <!-- kept too -->\n  ```\n\n- item\n\n  ~~~\n\n  <!-- and this -->\n  ~~~\n\n"
        "[b]: https://x.y 'title'\n[c]: <https://x.z>\n\n<!-- prettier-ignore-end -->\n"
    )
    section = find(text, "1.0")
    assert section is not None
    assert section.body == (
        "- Fix `<!-- kept -->` now\n- See [a].\n\n[a]: https://x.y\n\nMore.\n\n"
        "  ```html\n  <!-- kept too -->\n  ```\n\n- item\n\n  ~~~\n\n  <!-- and this -->\n  ~~~"
    )


def test_a_body_that_begins_with_indented_code_keeps_its_indentation() -> None:
    section = find("## 1.0\n\n    $ run\n\n- a\n", "1.0")
    assert section is not None
    assert section.body == "    $ run\n\n- a"


@pytest.mark.parametrize(
    "hidden",
    [
        "```md\n## [9.9.9]\n```\n",
        "~~~~\n~~~\n## [9.9.9]\n~~~~\n",
        "- ```\n  ## [9.9.9]\n  ```\n",
        "1. a\n\n   ## [9.9.9]\n",
        "> ## [9.9.9]\n",
        "<!--\n\n## [9.9.9]\n\n-->\n",
        "    ## [9.9.9]\n",
        "\t## [9.9.9]\n",
        "<pre>\n\n## [9.9.9]\n</pre>\n",
        "<details>\n## [9.9.9]\n</details>\n",
        "##[9.9.9]\n",
        "####### 9.9.9\n",
        "\\## 9.9.9\n",
        "> 9.9.9\n---\n",
        "- 9.9.9\n---\n",
    ],
)
def test_what_is_no_heading_begins_no_section(hidden: str) -> None:
    text = f"## Unreleased\n\n- x\n\n{hidden}\n## 1.0\n\n- y\n"
    assert [section.label for section in sections(text)] == ["Unreleased", "1.0"]


@pytest.mark.parametrize(
    "before",
    [
        "- ```\n  open\n",
        "-   wide\n\n  ",
        "-\n\n  ",
        "text\n<x-y>\n",
        "- <!-- open\n",
        "> ```\n",
        "````\n```\n````\n",
        "<!-- a --> <!-- b\n",
        "<details>\n\n",
        "a `\n",
        "text\n```not`fence\n",
    ],
)
def test_what_is_a_heading_is_not_hidden(before: str) -> None:
    assert find(f"## Unreleased\n\n{before}## 1.0\n", "1.0") is not None


# ---- refusals


@pytest.mark.parametrize(
    "nothing",
    [
        "",
        "\n  \n",
        "### Added\n\n### Fixed\n",
        "<!-- write here -->\n\n### Added\n<!-- - an example -->\n",
        "---\n\n[a]: https://x.y\n",
        "<!--\n## [9.9.9]\n- hidden\n-->\n",
    ],
)
def test_an_unreleased_section_that_says_nothing_is_empty(nothing: str) -> None:
    text = f"## [Unreleased]\n{nothing}\n## [1.0.0]\n\n- x\n"
    section = unreleased(text)
    assert section is not None
    assert is_empty(section)
    with pytest.raises(UsageError, match="is empty"):
        release(text)


@pytest.mark.parametrize("something", ["- x", "    code", "```\n```", "### Added\ntext", "<!-- a --> b", "> quote"])
def test_an_unreleased_section_that_says_something_is_not_empty(something: str) -> None:
    section = unreleased(f"## [Unreleased]\n\n{something}\n")
    assert section is not None
    assert not is_empty(section)


def test_every_refusal_has_its_own_message_and_a_command() -> None:
    empty_and_there = "## [Unreleased]\n\n## [01.04] - 2026-01-01\n\n- x\n"
    found = [*problems(empty_and_there, "1.4.0"), *problems("# Changes\n", "1.4.0"), *problems(CLASSIC, "1.4.0\n## x")]
    assert [problem.message for problem in found] == [
        "the changelog has a section for version 01.04 already",
        "the Unreleased section of the changelog is empty",
        "the changelog has no Unreleased section",
        "'1.4.0\\n## x' is not a version that a Python package can have",
    ]
    assert all(problem.hint for problem in found)
    with pytest.raises(UsageError) as refused:
        release(empty_and_there)
    assert (refused.value.message, refused.value.hint) == (found[0].message, found[0].hint)


def test_a_version_is_cut_once() -> None:
    assert not problems(CLASSIC, "1.4.0")
    assert "already" in problems(release(CLASSIC), "1.4")[0].message


# ---- yank


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("## [1.3.0] - 2025-06-01", "## [1.3.0] - 2025-06-01 [YANKED]"),
        ("## 1.3 ##  ", "## 1.3 [YANKED] ##  "),
        ("v1.3.0\n------", "v1.3.0 [YANKED]\n------"),
        ("## [1.3.0] - 2025-06-01 [yanked]", "## [1.3.0] - 2025-06-01 [yanked]"),
    ],
)
def test_a_yanked_version_is_marked_once(heading: str, expected: str) -> None:
    text = f"\ufeff# Changes\r\n\r\n{heading}\r\n\r\n- x"
    assert yank(text, "1.3.0") == text.replace(heading, expected)
    assert yank(yank(text, "1.3.0"), "1.3.0") == yank(text, "1.3.0")
    section = find(yank(text, "1.3.0"), "1.3.0")
    assert section is not None
    assert section.yanked


def test_a_version_that_is_not_there_cannot_be_yanked() -> None:
    with pytest.raises(UsageError, match=r"no section for version '9\.9'"):
        yank(CLASSIC, "9.9")


# ---- all documents

LINES = st.sampled_from(
    [
        "", "", " ", "text", "  more text", "    indented", "\tindented", "- item", "  - deeper", "-", "1. one", "2) two", "* * *", "---", "===",
        "## [1.0.0] - 2024-01-01", "  ## Changes", "    ## [8.0.0]", "### Added", "# 2.0 #", "#", "##\t1.1", "##no", "####### no",
        "```", "````md", "  ```", "~~~", "``` `", "    ```", "- ```", "> ```", "`code`", "``", "<!-- note -->", "<!--", "-->", "- <!--", "<!-- a --> b",
        "x <!-- y", "<details>", "<a name='x'>", "</b> c", "<pre>", "</pre>", "<?x", "?>", "> quote", ">", "> ## 7.0", "[a]: https://x.y",
        "[unreleased]: https://github.com/o/r/compare/v1...HEAD", "Version 1.2", "\u2028## 6.0", "\x0c", "3.0", "[b]: not a link", "\\# x",
    ]
)  # fmt: skip
ENDS = st.sampled_from(["\n", "\n", "\r\n", "\r"])


@st.composite
def documents(draw: st.DrawFn) -> str:
    end = draw(st.one_of(ENDS.map(st.just), st.just(ENDS)))
    text = "".join(line + draw(end) for line in draw(st.lists(LINES, max_size=14)))
    return draw(st.sampled_from(["", "\ufeff"])) + (text if draw(st.booleans()) else text.rstrip("\r\n"))


@st.composite
def changelogs(draw: st.DrawFn) -> str:
    """Return a changelog that can be released: anything, around a section that says something."""
    top = draw(
        st.sampled_from(["## [Unreleased]", "# Unreleased ", "[UNRELEASED]\n---", "## Unreleased - ReleaseDate ##"])
    )
    end = draw(ENDS)
    text = draw(documents()) + "\n\n" + top.replace("\n", end) + end + draw(documents()).removeprefix("\ufeff")
    assume(not problems(text, "9.9.9"))
    return text


def oracle(text: str) -> list[tuple[int, int, int]]:
    """Return level, first line and the line after of each heading outside lists and quotes, as markdown-it reads them."""
    tokens = MarkdownIt("commonmark").parse(text.removeprefix("\ufeff"))
    headings = [token for token in tokens if token.type == "heading_open" and token.level == 0]
    return [(int(token.tag[1]), *token.map) for token in headings if token.map]


@given(documents())
def test_headings_are_those_a_markdown_reader_sees(text: str) -> None:
    from hephaestus.markdown import read

    assert [(heading.level, heading.first, heading.last) for heading in read(text).headings] == oracle(text)


def taken_back(text: str, new: str) -> tuple[str, list[str]]:
    """Return what is left of `new` without the lines that came and with its links led back, and the lines that came."""
    old, left, came = LINE.findall(text), [], []
    for line in LINE.findall(new):
        wanted = old[len(left)] if len(left) < len(old) else ""
        link = COMPARED.search(wanted)
        back = line.replace("compare/v9.9.9...HEAD", link[0]) if link else line
        last = len(left) == len(old) - 1
        if back == wanted or (last and back.rstrip("\r\n") == wanted):
            left.append(wanted)
        else:
            came.append(line)
    return "".join(left), came


@given(changelogs())
@example(CLASSIC)
@example(CLASSIC.rstrip())
@example(CLASSIC.replace("\n", "\r\n", 7))
@pytest.mark.slow
def test_a_release_only_adds_lines_and_leads_links_on(text: str) -> None:
    new = release(text, "9.9.9", "v9.9.9")
    left, came = taken_back(text, new)
    assert left == text
    assert any("9.9.9" in line and "compare/" not in line for line in came)
    assert len(came) <= 4
    assert new.endswith(("\r", "\n")) == text.endswith(("\r", "\n"))


@given(changelogs())
@pytest.mark.slow
def test_the_version_says_what_unreleased_said(text: str) -> None:
    before, new = unreleased(text), release(text, "9.9.9", "v9.9.9")
    cut_out, left = find(new, "9.9.9"), unreleased(new)
    assert before is not None
    assert cut_out is not None
    assert left is not None
    assert [line for line in cut_out.body.split("\n") if "compare/" not in line] == [
        line for line in before.body.split("\n") if "compare/" not in line
    ]
    assert is_empty(left)
    assert any("already" in problem.message for problem in problems(new, "9.9.9"))


PIECES = [
    "#",
    "[",
    "[a](",
    "[a\\",
    "<!--",
    "<!-- -->",
    "`",
    "` `` ",
    "x` ",
    "- ",
    "> ",
    " ",
    "\t",
    "# # ",
    "<a ",
    "<a b='",
    "-",
    "](",
    "\\",
]
LINES_OF = [
    "## text\n",
    "## 1.0 - text\n",
    "[label\n",
    "[a]: b\n",
    "<!-- x\n",
    "x <!--\n",
    "```\n",
    "- text\n",
    "> text\n",
    "    \n",
]


@pytest.mark.parametrize("before", ["", "## 1.0", "[unreleased]: https://a.b/compare/"])
@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.slow
def test_a_mebibyte_of_hostile_text_is_cut_in_a_moment(piece: str, before: str) -> None:
    text = f"## [Unreleased]\n\n- x\n\n{before}{piece * (2**20 // len(piece))}\n"
    started = time.process_time()
    release(text, "9.9.9")
    assert time.process_time() - started < 1


@pytest.mark.parametrize("line", LINES_OF)
def test_a_changelog_of_many_short_lines_is_cut_in_time_that_grows_with_it(line: str) -> None:
    text = f"## [Unreleased]\n\n- x\n\n{line * (2**16 // len(line))}"
    started = time.process_time()
    release(text, "9.9.9")
    assert time.process_time() - started < 1
