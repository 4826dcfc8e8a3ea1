"""One document, line by line: what is code, what a comment, what a heading, and what is prose."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from hephaestus import markdown
from hephaestus.documents import restructured
from hephaestus.markdown import Heading

__all__ = ["MARKDOWN", "RESTRUCTURED", "Page", "parse", "place"]

# How the names of documents end.
MARKDOWN, RESTRUCTURED = (".md", ".markdown"), (".rst",)

_MARK = re.compile(r"(?<!\\)`+|<!--")
_FENCE = re.compile("`+")
_NOT_AN_END = re.compile(r"[^\n]")
_SAYING = {"text", "heading"}


@dataclass(frozen=True)
class Page:
    """A document: its path, its lines without their ends, the kind of each, and its headings.

    The kinds are those of `markdown.Document`, for reStructuredText too.
    """

    path: str
    lines: Sequence[str]
    kinds: Sequence[str]
    headings: Sequence[Heading]

    @property
    def is_markdown(self) -> bool:
        """Whether it is Markdown, and not reStructuredText."""
        return self.path.lower().endswith(MARKDOWN)

    @cached_property
    def prose(self) -> Sequence[tuple[int, str]]:
        r"""The paragraphs, each with the number of its first line, from 1, and its text.

        Its lines end with `\n`. Code between backticks and comments are blank, so that every character keeps its place.
        """
        return tuple(self._paragraphs())

    def _paragraphs(self) -> Iterator[tuple[int, str]]:
        numbered = enumerate(zip(self.lines, self.kinds, strict=True), 1)
        for said, group in groupby(numbered, lambda each: each[1][1] in _SAYING):
            found = list(group)
            if said:
                text = "\n".join(line for _, (line, _) in found)
                yield found[0][0], _without_code(text) if self.is_markdown else text

    def section(self, heading: Heading) -> str:
        """Return the text from a heading to the next one of its level or above."""
        later = (each.first for each in self.headings if each.first > heading.first and each.level <= heading.level)
        return "\n".join(self.lines[heading.first : next(later, len(self.lines))])


def parse(path: str, data: bytes) -> Page:
    """Return the document at a path; bytes that are no UTF-8 are read as well as can be."""
    text = data.decode("utf-8", "replace").removeprefix("\ufeff")
    if path.lower().endswith(MARKDOWN):
        document = markdown.read(text)
        lines = [line.rstrip(markdown.ENDS) for line in document.lines]
        return Page(path, lines, document.kinds, document.headings)
    lines = text.splitlines()
    return Page(path, lines, *restructured.read(lines))


def place(first: int, text: str, at: int) -> tuple[int, int]:
    """Return the line and the column of a character of a paragraph that begins on a line, both from 1."""
    return first + text.count("\n", 0, at), at - text.rfind("\n", 0, at)


def _without_code(text: str) -> str:
    """Return a paragraph of Markdown with blanks in the place of code spans and comments; it is read once."""
    fences: dict[int, list[int]] = {}
    for found in _FENCE.finditer(text):
        fences.setdefault(len(found[0]), []).append(found.start())
    kept, at = [], 0
    while mark := _MARK.search(text, at):
        begin, end = mark.span()
        if mark[0] == "<!--":
            close = text.find("-->", end)
            end = close + 3 if close >= 0 else len(text)
        else:
            same = fences[len(mark[0])]
            after = bisect_right(same, begin)
            if after == len(same):
                kept.append(text[at:end])
                at = end
                continue
            end = same[after] + len(mark[0])
        kept += [text[at:begin], _NOT_AN_END.sub(" ", text[begin:end])]
        at = end
    return "".join(kept) + text[at:]
