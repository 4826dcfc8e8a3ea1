"""The lines of a reStructuredText: what each of them is, as far as links, headings and code depend on it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hephaestus.markdown import Heading

__all__ = ["code", "read"]

_RULE = re.compile(r"([!-/:-@\[-`{-~])\1*+\s*$")
_DIRECTIVE = re.compile(r"\s*\.\.\s+(?:\|[^|]+\|\s+)?(?P<name>[\w:+.-]+?)::(?:\s+(?P<argument>.*))?$")
_COMMENT = re.compile(r"\s*\.\.(?:\s+(?![_\[|])(?!\S+::)|$)")
# What these directives hold is not read as prose.
_LITERAL = {
    *("code", "code-block", "sourcecode", "parsed-literal", "literal", "math", "raw", "highlight", "ipython"),
    *("doctest", "testcode", "testsetup", "testcleanup", "testoutput", "prompt", "productionlist", "graphviz"),
    *("mermaid", "csv-table", "plot", "uml", "jinja", "tikz", "only-code", "terminal", "console", "command-output"),
}


def read(lines: Sequence[str]) -> tuple[list[str], list[Heading]]:
    """Return what each line is (blank, code, comment, heading or text) and the headings, with their levels."""
    kinds = ["text"] * len(lines)
    inside, kind = -1, ""  # how far the line is indented that the block of this kind belongs to
    for number, line in enumerate(lines):
        if not line.strip():
            kinds[number] = "blank"
            continue
        indent = len(line) - len(line.lstrip())
        if kind and indent > inside:
            kinds[number] = kind
            continue
        kind = ""
        directive = _DIRECTIVE.match(line)
        if directive:
            kind = "code" if directive["name"].rpartition(":")[2] in _LITERAL else ""
        elif _COMMENT.match(line):
            kinds[number] = kind = "comment"
        elif line.rstrip().endswith("::"):
            kind = "code"
        inside = indent
    return kinds, list(_headings(lines, kinds))


def _headings(lines: Sequence[str], kinds: list[str]) -> Iterator[Heading]:
    levels: list[tuple[str, bool]] = []
    for number in range(len(lines) - 1):
        title, rule = lines[number], lines[number + 1].rstrip()
        usable = kinds[number] == "text" and title.strip() and not _RULE.match(title)
        if not usable or not _RULE.match(rule) or len(rule) < len(title.rstrip()):
            continue
        over = number > 0 and lines[number - 1].rstrip() == rule
        if title[0] == " " and not over:
            continue
        style = (rule[0], over)
        if style not in levels:
            levels.append(style)
        first = number - 1 if over else number
        kinds[first : number + 2] = ["heading"] * (number + 2 - first)
        yield Heading(levels.index(style) + 1, title.strip(), first, number + 2)


def code(lines: Sequence[str], kinds: Sequence[str]) -> Iterator[tuple[str, int, list[str]]]:
    """Yield the blocks of code: the language that is named, the number of the first line from 0, and the lines."""
    number = 0
    while number < len(lines):
        if kinds[number] not in ("code", "blank") or (kinds[number] == "blank"):
            number += 1
            continue
        begin = number
        while number < len(lines) and kinds[number] in ("code", "blank"):
            number += 1
        language = _language(lines, begin)
        content = begin
        while language is not None and content < number and re.match(r"\s*:[\w-]+:", lines[content]):
            content += 1
        yield language or "", content, list(lines[content:number])


def _language(lines: Sequence[str], begin: int) -> str | None:
    """Return the language of the block that begins on a line; `None` where no directive opens it."""
    for number in range(begin - 1, -1, -1):
        if lines[number].strip():
            found = _DIRECTIVE.match(lines[number])
            if found is None:
                return None
            name = found["name"].rpartition(":")[2]
            named = {"doctest": "pycon", "testcode": "python", "ipython": "ipython"}
            return named.get(name, (found["argument"] or "").split(" ")[0].lower() if "code" in name else name)
    return None
