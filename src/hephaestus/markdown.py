"""The headings of a Markdown text, found line by line as CommonMark 0.31 finds them, and text put into Markdown.

Nothing inside a code fence, a comment, indented code, a list or a quote is a heading. The text is hostile
input: every line is read once, and no pattern here goes back over more than it has read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["ENDS", "REFERENCE", "Document", "Heading", "fenced", "plain", "quoted", "read", "table"]

# The characters that end a line.
ENDS = "\r\n"
_LINE = re.compile(r"[^\r\n]*+(?:\r\n?|\n)|[^\r\n]++")
REFERENCE = re.compile(
    r"\ufeff?[ \t]*\[(?P<label>(?:[^\[\]\\]++|\\.)++)\](?P<colon>:[ \t]*+)<?(?P<url>[^\s<>]++)>?"
    r"""(?:[ \t]++(?:"[^"]*+"|'[^']*+'|\([^()]*+\)))?[ \t]*+[\r\n]*+$"""
)
_BLOCK_TAGS = (
    "address|article|aside|base|basefont|blockquote|body|caption|center|col|colgroup|dd|details|dialog|dir|div|dl|dt"
    "|fieldset|figcaption|figure|footer|form|frame|frameset|h[1-6]|head|header|hr|html|iframe|legend|li|link|main|menu"
    "|menuitem|nav|noframes|ol|optgroup|option|p|param|search|section|summary|table|tbody|td|tfoot|th|thead|title|tr"
    "|track|ul"
)
# What begins a block other than a paragraph, in the order of precedence.
_OPENING = re.compile(
    r"(?P<heading>#{1,6}(?: |$))|(?P<code>`{3,}+(?=[^`]*+$)|~{3,}+)|(?P<quote>>)"
    r"|(?P<rule>(?:-[ ]*+){3,}+$|(?:\*[ ]*+){3,}+$|(?:_[ ]*+){3,}+$)|(?P<item>(?:[-+*]|[0-9]{1,9}[.)])(?: |$))"
    r"|(?P<script><(?:script|pre|style|textarea)(?:[\s>]|$))|(?P<comment><!--)|(?P<instruction><\?)"
    rf"|(?P<declaration><![a-z])|(?P<cdata><!\[CDATA\[)|(?P<element></?(?:{_BLOCK_TAGS})(?:\s|/?>|$))"
    r"""|(?P<tag></?[a-z][a-z0-9-]*+(?:\s(?:[^<>"']++|"[^"]*+"|'[^']*+')*+)?/?>$)""",
    re.IGNORECASE,
)
_HTML_ENDS = {
    "script": re.compile("</(?:script|pre|style|textarea)>", re.IGNORECASE),
    "comment": re.compile("-->"),
    "instruction": re.compile(r"\?>"),
    "declaration": re.compile(">"),
    "cdata": re.compile(r"\]\]>"),
    "element": re.compile("^$"),
    "tag": re.compile("^$"),
}
_ITEM = re.compile(r"([-+*]|[0-9]{1,9}[.)])(?:( {1,4})(?=[^ ]))?")  # after five spaces comes indented code
_ITEM_AFTER_TEXT = re.compile(r"(?:[-+*]|1[.)]) +[^ ]")
_MARKUP = re.compile(r"[\\`*_\[\]<>&|~#!$]")
_DEEPEST = 8  # lists and quotes further inside one another are read as text: no heading depends on them


class Heading(NamedTuple):
    """A heading: its level, its text, its first line, and the line after it."""

    level: int
    text: str
    first: int
    last: int  # the line after it


class Document(NamedTuple):
    """The lines of a text with their ends, what each of them is, and the headings."""

    lines: list[str]  # with their ends
    kinds: list[str]  # what each line is: blank, code, comment, heading, reference, rule or text
    headings: list[Heading]


def read(text: str) -> Document:
    """Read a text, whatever its line ends; put together again, the lines are the text."""
    lines: list[str] = _LINE.findall(text)
    kinds: list[str] = []
    headings = []
    root, start = _Block(), 0
    for number, raw in enumerate(lines):
        line = raw.rstrip(ENDS) if number else _content(raw)
        continued = root.paragraph
        kind = root.feed(line.expandtabs(4) if "\t" in line else line)
        if kind == "heading":
            headings.append(_atx(line.strip(" \t"), number))
        elif kind == "underline":
            title = "\n".join(_content(above).strip(" \t") for above in lines[start:number])
            headings.append(Heading(1 if "=" in line else 2, title, start, number + 1))
            kinds[start:] = ["heading"] * (number - start)
            kind = "heading"
        elif not continued:
            start = number
        kinds.append(kind)
    return Document(lines, kinds, headings)


class _Block:
    """A block that holds others (the document, a list item, a quote) and what is open in it, fed line by line."""

    __slots__ = ("depth", "empty", "fence", "html", "inner", "paragraph", "width")

    def __init__(self, depth: int = 0, width: int = 0) -> None:
        self.depth = depth
        self.width = width  # by which the lines of a list item are indented
        self.empty = True
        self.inner: _Block | None = None
        self.paragraph = False
        self.fence = ""
        self.html = ""

    def feed(self, line: str) -> str:
        """Take a line without tabs and without its end, and return its kind."""
        text = line.strip(" ")
        if self.inner is not None and (kind := self._inside(self.inner, line, text)):
            return kind
        if self.fence:
            if len(text) >= len(self.fence) and not text.strip(self.fence[0]) and not line.startswith("    "):
                self.fence = ""
            return "code"
        if self.html:
            return self._in_html(text)
        if not text:
            self.paragraph = False
            return "blank"
        self.empty = False
        if line.startswith("    "):
            return "text" if self.paragraph else "code"
        return self._begin(line, text)

    def _inside(self, inner: _Block, line: str, text: str) -> str:
        """Return the kind of a line that belongs to the inner block; close that where the line does not."""
        rest = inner.rest(line, text)
        if rest is not None:
            kind = inner.feed(rest)
            return kind if kind in ("blank", "code", "comment") else "text"
        if text and inner.lazy() and (line.startswith("    ") or _opening(text) in ("", "tag")):
            return "text"
        self.inner = None
        return ""

    def rest(self, line: str, text: str) -> str | None:
        """Return what a line holds for this block, or `None` where it does not belong to it."""
        if not self.width:
            return text[1:].removeprefix(" ") if text[:1] == ">" and not line.startswith("    ") else None
        if not text:
            return None if self.empty else ""
        return None if line[: self.width].strip(" ") else line[self.width :]

    def lazy(self) -> bool:
        """Tell whether a paragraph is open innermost; it goes on with any line of text, indented or not."""
        return self.inner.lazy() if self.inner else self.paragraph

    def _begin(self, line: str, text: str) -> str:
        if self.paragraph and text[0] in "=-" and not text.strip(text[0]):
            self.paragraph = False
            return "underline"
        kind = _opening(text)
        if self.paragraph and (kind == "tag" or (kind == "item" and not _ITEM_AFTER_TEXT.match(text))):
            kind = ""
        if not kind or (kind in ("item", "quote") and self.depth == _DEEPEST):
            if not self.paragraph and text[0] == "[" and REFERENCE.match(text):
                return "reference"
            self.paragraph = True
            return "text"
        self.paragraph = False
        if kind in ("item", "quote"):
            return self._nest(line, text)
        if kind in _HTML_ENDS:
            self.html = kind
            return self._in_html(text)
        if kind == "code":
            self.fence = text[: len(text) - len(text.lstrip(text[0]))]
        return kind

    def _in_html(self, text: str) -> str:
        kind = "comment" if self.html == "comment" else "text" if text else "blank"
        if _HTML_ENDS[self.html].search(text):
            self.html = ""
        return kind

    def _nest(self, line: str, text: str) -> str:
        width = 0
        if item := _ITEM.match(text):
            width = line.index(text) + len(item[1]) + len(item[2] or " ")
        self.inner = _Block(self.depth + 1, width)
        kind = self.inner.feed(line[width:] if width else text[1:].removeprefix(" "))
        return kind if kind in ("code", "comment") else "text"


def plain(text: str) -> str:
    """Return a text as one line of Markdown that is shown as it is written: nothing in it is read as markup."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return _MARKUP.sub(r"\\\g<0>", line)


def quoted(text: str) -> str:
    """Return a Markdown text as a quotation: whatever it opens, a fence or a comment, ends with the quotation."""
    # By every line end that Python knows, so that no reader finds one more.
    lines = ("".join(sign for sign in line if sign.isprintable() or sign == "\t") for line in text.splitlines())
    return "\n".join(f"> {line}".rstrip() for line in lines)


def fenced(text: str) -> str:
    """Return a text as a block of code, which nothing in it can end."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}text\n{text}\n{fence}"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table (GitHub Flavored Markdown) whose cells are Markdown already, each of one line.

    A column whose name ends with a colon is set to the right, without the colon.
    """
    lines = [[name.removesuffix(":") for name in columns]]
    lines += [["---:" if name.endswith(":") else "---" for name in columns]]
    return "\n".join(f"| {' | '.join(row)} |" for row in [*lines, *rows])


def _opening(text: str) -> str:
    """Return what kind of block a line begins where it is not part of one, or nothing."""
    match = _OPENING.match(text)
    return (match.lastgroup or "") if match else ""


def _content(line: str) -> str:
    return line.rstrip(ENDS).removeprefix("\ufeff")


def _atx(line: str, number: int) -> Heading:
    title = line.lstrip("#")
    level = len(line) - len(title)
    bare = title.rstrip("#")
    if not bare or bare[-1] in " \t":
        title = bare
    return Heading(level, title.strip(" \t"), number, number + 1)
