"""The anchors of a Markdown document: those that a forge or a site generator gives to headings, and explicit ones."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator

from hephaestus.documents.page import Page

__all__ = ["anchors", "slug"]

_LINK = re.compile(r"!?\[(?P<text>[^\[\]]*+)\](?:\([^()\s]*+(?:\([^()]*+\)[^()\s]*+)*+(?:\s[^()]*+)?\)|\[[^\[\]]*+\])?")
_TAG = re.compile(r"</?[A-Za-z][^<>]*+>")
_EMOJI = re.compile(r":[a-z0-9_+-]+:")
# A heading that is no heading to `markdown`, inside a list, a quote or a box, may still have an anchor.
_ANY_HEADING = re.compile(r"[\s>*+\d.-]*#{1,6}\s+(?P<text>\S.*?)\s*#*\s*$")
_HTML_HEADING = re.compile(r"<h[1-6][^<>]*+>(.{0,300}?)</h[1-6]\s*>", re.IGNORECASE | re.DOTALL)
_EXPLICIT = re.compile(
    r"""\b(?:id|name)\s*=\s*(?:"([^"]+)"|'([^']+)'|([\w.:-]+))|\{[^{}]*?#([^\s{}]+)[^{}]*\}|^\s*\(([^()\s]+)\)=\s*$"""
)
_EMPHASIS = re.compile(r"(?<!\w)[*_]{1,3}(?=\S)|(?<=\S)[*_]{1,3}(?!\w)|\*|\\(?=[!-/:-@\[-`{-~])")
_NOT_IN_SLUG = re.compile(r"[^\w\- ]")


def anchors(page: Page) -> frozenset[str]:
    """Return the anchors of a document in lower case, by the rules of GitHub and of Python-Markdown.

    GitHub numbers those that occur again `-1`, Python-Markdown `_1`. What could be one counts, so that what is missing
    is missing by any rule.
    """
    found: set[str] = set()
    counted: dict[str, int] = {}
    for text in _titles(page):
        for variant in dict.fromkeys((_plain(text), _EMOJI.sub("", _plain(text)), _plain(_LINK.sub("", text)))):
            for name in dict.fromkeys((slug(variant), _other_slug(variant))):
                again = counted.get(name, 0)
                counted[name] = again + 1
                found |= {name, name.strip("-"), *((f"{name}-{again}", f"{name}_{again}") if again else ())}
    for line, kind in zip(page.lines, page.kinds, strict=True):
        if kind != "code":
            found |= {group.lower() for match in _EXPLICIT.finditer(line) for group in match.groups() if group}
    return frozenset(found)


def slug(text: str) -> str:
    """Return the anchor that GitHub gives to a heading of a text without markup.

    In lower case, without all that is no letter, digit, space, hyphen or underscore, with hyphens for the spaces.
    """
    return _NOT_IN_SLUG.sub("", text.lower()).replace(" ", "-")


def _other_slug(text: str) -> str:
    """Return the anchor that Python-Markdown gives: of ASCII alone, and with one hyphen for several spaces."""
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", letters).strip().lower())


def _titles(page: Page) -> Iterator[str]:
    known = {heading.first: heading.text.replace("\n", " ") for heading in page.headings}
    for number, (line, kind) in enumerate(zip(page.lines, page.kinds, strict=True)):
        if number in known:
            yield known[number]
        elif kind != "comment" and (found := _ANY_HEADING.match(line)):
            yield found["text"]
    yield from (match[1] for _, text in page.prose for match in _HTML_HEADING.finditer(text))


def _plain(text: str) -> str:
    """Return a heading without its markup; what stands between backticks is kept as it is."""
    for _ in range(2):  # an image may stand in a link
        text = _LINK.sub(r"\g<text>", text)
    parts = re.sub(r"\s*\{[^{}]*\}\s*$", "", text).split("`")
    parts[::2] = [_EMPHASIS.sub("", html.unescape(_TAG.sub("", part))) for part in parts[::2]]
    return "".join(parts)
