"""The blocks of code in a document, each with its language and its place, and the Python sessions among them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import NamedTuple

from hephaestus.documents import restructured
from hephaestus.documents.page import Page

__all__ = ["Block", "blocks"]

_FENCE = re.compile(r"(?P<before>[\s>*+-]*(?:\d+[.)])?\s*)(?P<fence>`{3,}|~{3,})(?P<info>[^`]*)$")
_WORD = re.compile(r"[\s{]*\.?(?P<word>[A-Za-z0-9_+#-]*)")


class Block(NamedTuple):
    """A block of code: the first word of what is said of it in lower case, all of that, its first line, and its text.

    The line counts from 1 and is that of the text, not of the fence; the text is not indented more than it must be.
    """

    language: str
    about: str
    line: int
    text: str


def blocks(page: Page) -> Iterator[Block]:
    """Yield the blocks of code of a document; in comments is none."""
    if not page.is_markdown:
        for language, first, code in restructured.code(page.lines, page.kinds):
            yield Block(language, language, first + 1, _dedented(code))
        return
    number, lines = 0, page.lines
    while number < len(lines):
        opened = _FENCE.match(lines[number]) if page.kinds[number] == "code" else None
        number += 1
        if opened is None:
            continue
        begin = number
        while number < len(lines) and page.kinds[number] in ("code", "blank") and not _closes(lines[number], opened):
            number += 1
        about = opened["info"].strip()
        word = _WORD.match(about)
        quoted = ">" in opened["before"]
        text = [re.sub(r"^\s*(?:>\s?)+", "", line) if quoted else line for line in lines[begin:number]]
        yield Block((word["word"] if word else "").lower(), about, begin + 1, _dedented(text))
        number += 1


def _closes(line: str, opened: re.Match[str]) -> bool:
    bare = line.strip(" \t>")
    return len(bare) >= len(opened["fence"]) and not bare.strip(opened["fence"][0])


def _dedented(lines: list[str]) -> str:
    return textwrap.dedent("\n".join(lines).expandtabs(4))
