"""Where a document leads: the targets of its links and images, and the references that nothing defines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from hephaestus.documents.page import Page, place
from hephaestus.markdown import REFERENCE

__all__ = ["Link", "links", "undefined"]


class Link(NamedTuple):
    """A link: its target as written, its line and column from 1, and its way: `markdown`, `html` or `rst`."""

    target: str
    line: int
    column: int
    way: str


_BRACKET = re.compile(r"\\.|[\[\]]", re.DOTALL)
_DESTINATION = re.compile(
    r"\(\s*+(?:<(?P<angle>[^<>\n]*+)>|(?P<bare>[^\s()<>]++(?:\([^\s()]*+\)[^\s()<>]*+)*+))"
    r"""(?:\s++(?:"[^"]*+"|'[^']*+'|\([^()]*+\)))?\s*+\)"""
)
_LABEL = re.compile(r"\[(?P<label>[^\[\]\n]{0,300})\]")
_HTML = re.compile(
    r"""<(?:a|img|source)\b(?:[^<>"']|"[^"]{0,2000}"|'[^']{0,2000}'){0,50}?\s(?:href|src)\s*=\s*["']([^"'<>]{1,2000})["']""",
    re.IGNORECASE,
)
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_DEFINED = re.compile(r"[\s>*+-]*\[([^\[\]]+)\]:")
_NO_LABEL = re.compile(r"|[ xX]|\^.*|\.\.\.|\d+")

_RST = (
    re.compile(r"(?<![:\w])`[^`<>]*?\s*<(?P<target>[^`<>\s]+[^`<>]*)>`__?(?!\w)"),
    re.compile(r"^\s*\.\.\s+_(?:`[^`\n]+`|(?:[^:`\n\\]|\\.)+):[ \t]+(?P<target>\S[^\n]*)$", re.MULTILINE),
    re.compile(
        r"^\s*(?:[*+-]\s+)?\.\.\s+(?:\|[^|\n]+\|\s+)?(?:image|figure|include|literalinclude)::[ \t]+"
        r"(?P<target>[^\s<][^\n]*)$",
        re.MULTILINE,
    ),
    re.compile(r"^\s+:target:[ \t]+(?P<target>\S[^\n]*)$", re.MULTILINE),
)
_RST_LITERAL = re.compile(r"``[^`\n]+(?:`[^`\n]+)*``")
_RST_REFERENCE = re.compile(r"(?<![:\w`])`(?P<label>[^`<>:\n]{1,200})`__?(?![\w`])")
_RST_DEFINED = re.compile(
    r"^\s*\.\.\s+_(?:`(?P<quoted>[^`]+)`|(?P<bare>(?:[^:`\\\n]|\\.)+)):|`(?P<named>[^`<>]+?)\s*<[^`<>]+>`_|_`(?P<inline>[^`]+)`"
    r"|^\s*:name:[ \t]+(?P<option>\S[^\n]*)$",
    re.MULTILINE,
)


def links(page: Page) -> Iterator[Link]:
    """Yield the links of a document, those of definitions included; nothing in code and in comments is one."""
    if not page.is_markdown:
        yield from _restructured(page)
        return
    for first, text in page.prose:
        for target, at in _inline(text):
            yield Link(_ESCAPED.sub(r"\1", target), *place(first, text, at), "markdown")
        for found in _HTML.finditer(text):
            yield Link(found[1], *place(first, text, found.start(1)), "html")
    for number, (line, kind) in enumerate(zip(page.lines, page.kinds, strict=True), 1):
        given = REFERENCE.match(line) if kind == "reference" else None
        if given is not None and not given["label"].startswith("^"):
            yield Link(given["url"], number, given.start("url") + 1, "markdown")


def undefined(page: Page) -> Iterator[Link]:
    """Yield the references of a document (`[text][label]`) whose labels it does not define; a label is the target.

    What may well be no reference, as `[text]` alone, is left out.
    """
    if not page.is_markdown:
        yield from _restructured_undefined(page)
        return
    known = {_normal(found[1]) for line in page.lines if (found := _DEFINED.match(line))}
    for first, text in page.prose:
        for label, at in _labels(text):
            if _normal(label) not in known:
                yield Link(label, *place(first, text, at), "markdown")


def _inline(text: str) -> Iterator[tuple[str, int]]:
    """Yield the destinations of the links and images of a paragraph, and where they begin; it is read once."""
    depth = 0
    for bracket in _BRACKET.finditer(text):
        if bracket[0] == "[":
            depth += 1
        elif bracket[0] == "]" and depth:
            depth -= 1
            if found := _DESTINATION.match(text, bracket.end()):
                name = "bare" if found["bare"] is not None else "angle"
                yield found[name], found.start(name)


def _labels(text: str) -> Iterator[tuple[str, int]]:
    opened: list[int] = []
    for bracket in _BRACKET.finditer(text):
        if bracket[0] == "[":
            opened.append(bracket.start())
        elif bracket[0] == "]" and opened:
            begin = opened.pop()
            found = _LABEL.match(text, bracket.end())
            before = text[begin - 1 : begin]
            if found is None or before.isalnum() or before in ("]", "_", ")", ".", "\\"):
                continue
            said = text[begin + 1 : bracket.start()]
            label = found["label"] or said
            # With a number, an ellipsis or a box it is more likely an index or a list.
            unlikely = _NO_LABEL.fullmatch(label) or _NO_LABEL.fullmatch(said) or text.startswith("[", found.end())
            if not unlikely:
                yield label, begin


def _normal(label: str) -> str:
    return " ".join(label.split()).casefold()


def _restructured(page: Page) -> Iterator[Link]:
    for first, raw in page.prose:
        text = _RST_LITERAL.sub(lambda found: " " * len(found[0]), raw)
        for pattern in _RST:
            for found in pattern.finditer(text):
                target = found["target"].strip()
                if not target.endswith("_"):  # that is the name of another target
                    yield Link(target.replace("\\", ""), *place(first, text, found.start("target")), "rst")


def _restructured_undefined(page: Page) -> Iterator[Link]:
    known = {_normal(heading.text).replace("`", "") for heading in page.headings}
    for found in _RST_DEFINED.finditer("\n".join(page.lines)):
        known |= {_normal(name.replace("\\", "")).strip("`") for name in found.groups() if name}
    for first, raw in page.prose:
        text = _RST_LITERAL.sub(lambda found: " " * len(found[0]), raw)
        for found in _RST_REFERENCE.finditer(text):
            if not found[0].endswith("__") and _normal(found["label"]) not in known:
                yield Link(found["label"], *place(first, text, found.start()), "rst")
