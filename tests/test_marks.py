"""Marks in tags and drafts: whatever the notes say, they come back, and nobody's words become one."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hephaestus import marks
from hephaestus.marks import DraftMark, Mark

MARK = Mark("0123456789abcdef" * 2, "a" * 40, "main", "2026-11-22T08:00:00+00:00")
OTHER = Mark("feedface" * 4, "b" * 40, "develop", "2020-01-01T00:00:00+00:00")
PROMISE = DraftMark(MARK, "c" * 40, {"acorn-1.1.0.tar.gz": "d" * 64})

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NOTES = TEXT | st.lists(
    st.sampled_from([*marks.message(OTHER, "Release", "").splitlines(True), "\n", "-->", "- Leaves\n"])
).map("".join)
# What git lets a branch be named (git-check-ref-format(1)), but for the rarest of its rules.
BRANCHES = st.from_regex(r"[\w\u2028\u0085éü][-\w+./#%=,éü\u2028]{0,20}[\wéü]", fullmatch=True).filter(
    lambda name: not any(part in name for part in ("..", "//", "@{", "/.")) and not name.endswith(".lock")
)
NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\."), min_size=1
) | st.sampled_from(["-->", "a --> b", "<!--", "}"])

FORGED = marks.message(OTHER, "Release v9", "- Leaves")
FORGED_BODY = marks.body(DraftMark(OTHER, "e" * 40, {}), "- Leaves")


def test_a_tag_says_its_title_its_notes_and_last_its_mark() -> None:
    assert marks.message(MARK, "Release v1.1.0", "### Added\n\n- Leaves.\n") == (
        "Release v1.1.0\n\n### Added\n\n- Leaves.\n\n"
        f"Hephaestus-Release: 0123456789abcdef0123456789abcdef\nHephaestus-Base: {'a' * 40}\n"
        "Hephaestus-Branch: main\nHephaestus-Time: 2026-11-22T08:00:00+00:00\n"
    )


@given(notes=NOTES, branch=BRANCHES)
@example(notes=FORGED, branch="main")
@example(notes=FORGED + "\n-----BEGIN PGP SIGNATURE-----\n\nx\n-----END PGP SIGNATURE-----", branch="main")
@example(notes="", branch="feature/a.b")
@example(notes="-----BEGIN PGP SIGNATURE-----", branch="main")
@example(notes="- Keys now begin with:\n\n-----BEGIN RSA PRIVATE KEY-----\n\nas they should.", branch="main")
def test_a_mark_comes_back_from_a_tag_whatever_the_notes_say(notes: str, branch: str) -> None:
    mark = Mark("1f" * 16, "a" * 40, branch, "2026-11-22T08:00:00+00:00")

    assert marks.from_message(marks.message(mark, "Release v1.1.0", notes)) == mark


@pytest.mark.parametrize("kind", ["PGP SIGNATURE", "SSH SIGNATURE", "SIGNED MESSAGE"])
def test_a_signature_after_the_mark_does_not_hide_it(kind: str) -> None:
    signed = (
        f"{marks.message(MARK, 'Release v1.1.0', '- Leaves')}-----BEGIN {kind}-----\n\nU1NIU0lH\n-----END {kind}-----\n"
    )

    assert marks.from_message(signed) == MARK


@given(said=TEXT)
@example(said=FORGED)
@example(said=FORGED + "\n-----BEGIN PGP SIGNATURE-----\n")
@example(said=FORGED + "\n-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n")
def test_words_before_the_last_paragraph_are_no_mark(said: Any) -> None:
    assert marks.from_message(f"{said}\n\n- the last paragraph\n") is None


@given(said=TEXT)
@example(said="")
@example(said="Release v1.1.0\n")
@example(said="Release\n\nHephaestus-Release: 1f\n")
@example(said=FORGED + "Hephaestus-Time: later\n")
@example(said=FORGED + "More: words\n")
@example(said=FORGED.replace("Hephaestus-Base", "Hephaestus-Bass"))
@example(said=FORGED.replace("Hephaestus-Branch: develop\n", ""))
def test_a_message_that_is_not_ours_has_no_mark(said: Any) -> None:
    assert marks.from_message(said) is None


def test_notes_are_what_readers_see_of_a_draft() -> None:
    body = marks.body(PROMISE, "### Added\n\n- Leaves.\n")

    notes, comment = body.split("\n\n<!-- ")
    assert notes == "### Added\n\n- Leaves."
    assert comment.endswith(" -->\n")
    assert marks.body(PROMISE, "").startswith("<!-- ")


@given(notes=NOTES, assets=st.dictionaries(NAMES, st.just("d" * 64), max_size=4), branch=BRANCHES)
@example(notes=FORGED_BODY, assets={"-->": "d" * 64}, branch="a-->")
@example(notes="<!-- an open comment", assets={}, branch="main")
@pytest.mark.slow
def test_a_promise_comes_back_from_a_body_whatever_notes_and_names_say(
    notes: str, assets: dict[str, str], branch: str
) -> None:
    promise = DraftMark(Mark("1f" * 16, "a" * 40, branch, "2026-11-22T08:00:00+00:00"), "c" * 40, assets)

    body = marks.body(promise, notes)

    assert marks.from_body(body) == promise
    assert marks.from_body(body.replace("\n", "\r\n")) in (promise, None)


@given(branch=BRANCHES, assets=st.dictionaries(NAMES, st.just("d" * 64), max_size=4))
@example(branch="a-->", assets={"-->": "x"})
def test_the_comment_ends_where_the_mark_ends(branch: str, assets: dict[str, str]) -> None:
    body = marks.body(
        DraftMark(Mark("1f" * 16, "a" * 40, branch, "2026-11-22T08:00:00+00:00"), "c" * 40, assets), "- Leaves"
    )

    assert body.count("-->") == 1


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\n\n  \n", ""])
def test_a_forge_may_change_the_white_space_at_the_end(ending: str) -> None:
    assert marks.from_body(marks.body(PROMISE, "- Leaves").rstrip() + ending) == PROMISE


@given(said=TEXT)
@example(said=FORGED_BODY)
def test_a_mark_that_is_not_at_the_end_is_none(said: Any) -> None:
    assert marks.from_body(f"{said}\nmore words") is None


@pytest.mark.parametrize(
    "record",
    [
        "{}",
        "{not json}",
        '{"mark": {}, "tag_object": "c", "assets": {}}',
        '{"mark": "a", "tag_object": "c", "assets": {}}',
        '{"mark": {"id": "1", "base": "2", "branch": "3", "time": "4"}, "tag_object": "c"}',
        '{"mark": {"id": "1", "base": "2", "branch": "3", "time": "4"}, "tag_object": "c", "assets": 5}',
        '{"mark": {"id": "1", "base": "2", "branch": "3", "time": "4", "more": "5"}, "tag_object": "c", "assets": {}}',
    ],
)
def test_a_damaged_mark_is_none_and_no_error(record: str) -> None:
    assert marks.from_body(f"notes\n\n<!-- hephaestus-release {record} -->\n") is None


@given(
    said=st.recursive(
        st.none() | st.integers() | TEXT, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=5
    )
)
@pytest.mark.slow
def test_no_json_in_the_place_of_a_mark_is_an_error(said: Any) -> None:
    record = json.dumps({"mark": said, "tag_object": said, "assets": said})

    assert marks.from_body(f"<!-- hephaestus-release {record} -->") is None


@pytest.mark.parametrize(
    ("fact", "hostile"),
    [
        ("id", "../../escape"),
        ("base", "+refs/heads/main:refs/heads/precious"),
        ("base", "--upload-pack=touch"),
        ("branch", "-d"),
        ("branch", "main:refs/heads/other"),
        ("branch", "a..b"),
        ("time", "now"),
    ],
)
def test_facts_that_git_could_misunderstand_are_not_ours(fact, hostile):
    forged = replace(MARK, **{fact: hostile})

    assert marks.from_message(marks.message(forged, "Release v1.1.0", "- Leaves")) is None
    assert marks.from_body(marks.body(replace(PROMISE, mark=forged), "- Leaves")) is None
