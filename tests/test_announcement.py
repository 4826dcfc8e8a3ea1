"""The announcement of a release, as it is posted: whatever the changelog says, it says what it is and how to get it."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from hephaestus.announcement import Announced, text

WHEEL, HOUSE = "acorn-1.1.0-py3-none-any.whl", "acorn-1.1.0-wheelhouse.tar.gz"
TOLD = Announced(
    project="Acorn",
    version="1.1.0",
    tag="v1.1.0",
    notes="### Added\n\n- Leaves (#12).",
    url="https://github.com/oak/acorn/releases/tag/v1.1.0",
    place="https://github.com/oak/acorn",
    files={"acorn-1.1.0.tar.gz": "a" * 64, WHEEL: "b" * 64, HOUSE: "c" * 64},
    archive=HOUSE,
    changelog="CHANGELOG.md",
)


class Seen(HTMLParser):
    """The headings and elements a reader's browser makes of HTML."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.headings: list[str] = []
        self.elements: list[str] = []
        self._inside = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002  (the parser's own)
        self.elements.append(tag)
        self._inside = tag in ("h1", "h2")
        if self._inside:
            self.headings.append("")

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002  (the parser's own)
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.headings[-1] += data


def seen(markdown: str) -> Seen:
    return Seen(MarkdownIt("commonmark").render(markdown))


def test_it_is_ready_to_be_posted() -> None:
    assert (
        text(TOLD)
        == f"""\
# Acorn 1.1.0

### Added

- Leaves (#12).

## Install

With pip:

    python -m pip install https://github.com/oak/acorn/releases/download/v1.1.0/{WHEEL}

With no network, from the wheelhouse [{HOUSE}](https://github.com/oak/acorn/releases/download/v1.1.0/{HOUSE}), which holds everything it needs, verified:

    hephaestus release install --repository https://github.com/oak/acorn --tag v1.1.0

or with pip alone, once it is downloaded:

    tar -xzf {HOUSE}
    cd acorn-1.1.0-wheelhouse
    python -m pip install --no-index --find-links wheels --require-hashes -r requirements.txt

Its sha256 is `{"c" * 64}`.

## More

- [The release v1.1.0](https://github.com/oak/acorn/releases/tag/v1.1.0)
- [All changes](https://github.com/oak/acorn/blob/v1.1.0/CHANGELOG.md)
- [acorn-1.1.0.tar.gz](https://github.com/oak/acorn/releases/download/v1.1.0/acorn-1.1.0.tar.gz)
- [{WHEEL}](https://github.com/oak/acorn/releases/download/v1.1.0/{WHEEL})
- [{HOUSE}](https://github.com/oak/acorn/releases/download/v1.1.0/{HOUSE})
"""
    )


def test_a_release_in_a_directory_is_installed_from_there() -> None:
    said = text(replace(TOLD, url="file:///srv/releases/v1.1.0", place="/srv/releases"))

    assert f"python -m pip install file:///srv/releases/v1.1.0/assets/{WHEEL}\n" in said
    assert "--repository '/srv/my releases' --tag" in text(replace(TOLD, place="/srv/my releases"))
    assert "All changes" not in said


def test_a_pre_release_and_an_urgent_one_say_so_before_anything_else() -> None:
    said = text(replace(TOLD, prerelease=True, urgent="**Urgent:** hurry."))

    assert said.startswith("# Acorn 1.1.0\n\n**Urgent:** hurry.\n\nThis is a pre-release: ")
    assert "pre-release" not in text(TOLD)


def test_wheels_of_several_platforms_are_left_to_the_wheelhouse() -> None:
    files = {f"acorn-1.1.0-cp312-cp312-{each}.whl": "b" * 64 for each in ("win_amd64", "macosx_11_0_arm64")}
    said = text(replace(TOLD, files={**files, HOUSE: "c" * 64}))

    assert "With pip:" not in said
    assert "hephaestus release install" in said


def test_a_release_without_a_wheelhouse_promises_none() -> None:
    said = text(replace(TOLD, files={WHEEL: "b" * 64}))

    assert "wheelhouse" not in said
    assert "With pip:" in said


@pytest.mark.parametrize(
    "notes",
    [
        "- `<b>` stays",
        "- <https://example.org/> stays",
        "- a < b and 3 <4",
        "```html\n<b>\n```",
        "    <b>\n",
        "- é “x”",
    ],
)
def test_what_is_harmless_stays_as_it_was_written(notes: str) -> None:
    assert f"\n\n{notes.strip(chr(10))}\n\n## Install\n" in text(replace(TOLD, notes=notes))


HOSTILE = st.sampled_from(
    [
        *(
            "```",
            "~~~~",
            "<!--",
            "-->",
            "<script>",
            "<pre>",
            "<details>",
            "<?",
            "<![CDATA[",
            "<!X",
            "</div>",
            "`",
            "``",
        ),
        *(
            "\n",
            "\n\n",
            "    ",
            "- ",
            "> ",
            "1. ",
            "#",
            "# ",
            "===",
            "---",
            "[a]: ",
            "[a]:\n",
            "\\",
            "\r",
            "\t",
            "a",
            "<a ",
        ),
        *("x\x1b[2J", "\u202e", "\x00", "|", "<https://e.org>", "\ufeff", "\u2028"),
    ]
)


@given(st.lists(HOSTILE, max_size=25).map("".join))
@example("```")
@example("<!--")
@example("- <pre>")
@example("<details>")
@example("> ~~~")
@example("[a]:")
@example("- \n\n      ```")
def test_hostile_notes_stay_text_and_end_where_they_end(notes: str) -> None:
    said = text(replace(TOLD, notes=notes))
    page = seen(said)

    assert page.headings[0] == "Acorn 1.1.0"
    assert page.headings[-2:] == ["Install", "More"]
    assert not {"script", "details", "div"}.intersection(page.elements)
    assert not set("\x00\x1b\u202e").intersection(said)
