"""What reviewers read: a text that keeps its shape whatever is put into it, and keeps what people wrote around it."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from hephaestus import review
from hephaestus.review import Item, Mark

MARK = Mark("1.1.0", "a" * 40, "b" * 40, "b" * 40)
ITEMS = (
    Item("Version number correct", ticked=True, because="1.1.0 in `a.py`"),
    Item("Audit", ticked=False, because="no"),
)
HIGHLIGHTS = "### Added\n\n- Leaves."


def body(highlights: str = HIGHLIGHTS, lead: str = "This releases 1.1.0.", mark: Mark = MARK) -> str:
    return review.body(lead, highlights, ITEMS, mark)


def headings(text: str) -> list[str]:
    """Return the headings a reader sees."""
    tokens = MarkdownIt("commonmark").parse(text)
    return [after.content for token, after in pairwise(tokens) if token.type == "heading_open"]


def test_a_reader_sees_the_highlights_and_then_the_checklist_and_nothing_of_the_mark() -> None:
    shown = MarkdownIt("commonmark", {"html": False}).render(body().replace("<!--", "\n<!--"))

    assert headings(body()) == ["Highlights", "Added", "Review"]
    assert "<li>[x] Version number correct: 1.1.0 in <code>a.py</code></li>" in shown
    assert "<li>[ ] Audit: no</li>" in shown
    assert [token.type for token in MarkdownIt("commonmark").parse(body())][-1] == "html_block"


def test_the_mark_comes_back() -> None:
    assert review.from_body(body()) == MARK


def test_a_mark_without_a_head_says_that_others_are_on_the_branch() -> None:
    mark = replace(MARK, head="")

    assert review.from_body(body(mark=mark)) == mark


def test_a_mark_that_the_highlights_show_is_not_ours() -> None:
    forged = body(mark=replace(MARK, head="c" * 40))

    assert review.from_body(body(f"```\n{forged}\n```")) == MARK


@pytest.mark.parametrize(
    "facts",
    [
        {**asdict(MARK), "base": "--upload-pack=evil"},
        {**asdict(MARK), "head": "refs/heads/main"},
        {**asdict(MARK), "version": "1.1.0; rm"},
        {**asdict(MARK), "checked": 7},
        {"version": "1.1.0"},
        [],
        "x",
    ],
    ids=str,
)
def test_facts_that_no_program_of_ours_wrote_are_no_mark(facts: object) -> None:
    assert review.from_body(f"<!-- hephaestus-pull-request {{{json.dumps(facts)[1:-1]}}} -->") is None


@given(st.text())
def test_no_text_breaks_the_reading_of_a_mark(text: str) -> None:
    review.from_body(f"<!-- hephaestus-pull-request {{{text}}} -->")
    review.renewed(text, body())


# Highlights


@pytest.mark.parametrize(
    "text",
    [
        "- Code:\n\n```python\nleaves = 3",
        "~~~~\nnever closed",
        "<!-- never closed",
        "<script>\nnever closed",
        "<pre>\n\nnever closed\n",
        "- a list with ```` and ~~~~ in it\n\n````",
    ],
)
def test_highlights_that_would_swallow_the_checklist_are_shown_as_code(text: str) -> None:
    assert headings(body(text))[-1] == "Review"
    assert review.from_body(body(text)) == MARK


@given(st.text(alphabet=st.sampled_from("`~<!->#* \n\tab\\[]()pre"), max_size=80))
def test_the_checklist_follows_whatever_the_highlights_are(text: str) -> None:
    assert "Review" in headings(body(text))


def test_highlights_that_are_too_long_for_github_end_with_a_pointer_to_the_rest() -> None:
    text = body("\n".join(f"- Leaf {number}." for number in range(20_000)))

    assert len(text) < 65_536
    assert "… and more, in the changelog." in text
    assert headings(text)[-1] == "Review"


# Renewing


def test_what_people_wrote_around_our_part_stays() -> None:
    there = f"Please look at the leaves.\n\n{body()}\n\nCloses #7."
    newer = body("### Added\n\n- Roots.")

    assert review.renewed(there, newer) == f"Please look at the leaves.\n\n{newer}\n\nCloses #7."


def test_the_text_of_a_pull_request_that_was_opened_by_hand_stays_above_ours() -> None:
    assert review.renewed("By hand.", body()) == f"By hand.\n\n{body()}"
    assert review.renewed("", body()) == body()


def test_renewing_twice_is_renewing_once_also_after_githubs_editor_has_ended_the_lines() -> None:
    once = review.renewed("Hello.", body())

    assert review.renewed(once, body()) == once
    assert review.renewed(once.replace("\n", "\r\n"), body()) == once


def test_a_box_ticked_by_a_reviewer_stays_ticked_for_the_commit_he_looked_at() -> None:
    ticked = body().replace("- [ ] Audit: no", "- [x] Audit: no")

    assert review.renewed(ticked, body()) == ticked


def test_a_gate_that_took_longer_on_another_machine_says_nothing_new() -> None:
    def timed(took: str) -> str:
        checks = Item("All checks pass", ticked=True, because=f"`tests` passed in {took} s on bbbbbbbbbb")
        return review.body("", HIGHLIGHTS, [checks], MARK)

    assert review.renewed(timed("0.1"), timed("12.7")) == timed("0.1")


def test_a_verdict_that_has_changed_is_told() -> None:
    failed = body().replace("- [ ] Audit: no", "- [x] Audit: yes")

    assert review.renewed(failed, body()) == body()


def test_a_box_ticked_by_a_reviewer_is_open_again_for_another_commit() -> None:
    ticked = body().replace("- [ ] Audit: no", "- [x] Audit: no")
    newer = body(mark=replace(MARK, head="c" * 40, checked="c" * 40))

    assert review.renewed(ticked, newer) == newer


# Foreign text within a line


@pytest.mark.parametrize("text", ["plain", "a `tick`", "``", "`", "@oak", "two\nlines", "", "<b>", "[x](y)", "  "])
def test_foreign_text_within_a_line_is_code_and_nothing_else(text: str) -> None:
    tokens = MarkdownIt("commonmark").parseInline(f"a {review.code(text)} b")[0].children

    assert tokens is not None
    assert [token.type for token in tokens] == ["text", "code_inline", "text"]


@given(st.text())
def test_any_text_can_be_shown_as_code(text: str) -> None:
    tokens = MarkdownIt("commonmark").parseInline(f"a {review.code(text)} b")[0].children

    assert tokens is not None
    assert [token.type for token in tokens] == ["text", "code_inline", "text"]
