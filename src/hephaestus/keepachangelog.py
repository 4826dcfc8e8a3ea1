"""Reading and editing a changelog in the form of https://keepachangelog.com, as functions from text to text.

Headings are found as CommonMark 0.31 finds them: nothing inside a code fence, a comment, indented code, a list
or a quote is one (`markdown`). What is not edited keeps its bytes: line ends, byte order mark, trailing spaces.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from packaging.version import InvalidVersion, Version

from hephaestus import comparison, markdown
from hephaestus.errors import Problem, UsageError

__all__ = ["Section", "cut", "decode", "find", "is_empty", "problems", "sections", "unreleased", "yank"]

_SPAN = re.compile(r"`+[^`\n]*`+|<!--")

_SAYING = {"code", "text"}  # the kinds of lines that tell a reader something
_LONGEST = 300  # characters of a heading that can name a release
_LIKELY = re.compile(r"\d|unreleased", re.IGNORECASE)
_TITLE = re.compile(
    r"(?P<word>(?:(?:version|release)[ \t]+)?)(?P<open>(?:\\?\[)?)(?P<v>(?:v(?=\d))?)(?P<label>[^\s\[\]()\\:,]++)"
    r"(?P<close>(?:\\?\])?)(?:\((?P<url>[^()\s]*+)\)|\[(?P<reference>[^\[\]]*+)\])?(?P<after>.*+)",
    re.IGNORECASE,
)
_YANKED = re.compile(r"\[yanked\]", re.IGNORECASE)
_UNNAMED: tuple[dict[str, str], None] = {}, None  # how a heading that names no release does it
_DATE = re.compile(r"(?P<between>\s*+(?:[-\u2013\u2014:,|/]\s*+)?)(?P<open>\(?)[^\s(]")


@dataclass(frozen=True)
class Section:
    r"""One release in a changelog, or what is not released yet.

    `label` is the version as written, without brackets, leading v, link and date; `version` is `None` where the
    label is none; `yanked` tells whether the heading carries [YANKED]; `body` is the text up to the next
    section with `\n` line ends, without HTML comments and without the link references at its end.
    """

    label: str
    version: Version | None
    yanked: bool
    body: str


def decode(data: bytes) -> str:
    """Return the text of a changelog; a byte order mark stays its first character.

    Raises `UsageError` where it is not UTF-8.
    """
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        present = "UTF-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "WINDOWS-1252"
        raise UsageError(
            f"the changelog is not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}",
            f"iconv -f {present} -t UTF-8 CHANGELOG.md > CHANGELOG.utf-8.md",
        ) from error


def sections(text: str) -> tuple[Section, ...]:
    """Return the sections of a changelog, from the top."""
    document = markdown.read(text)
    return tuple(_section(document, part) for part in _parts(document))


def find(text: str, version: str) -> Section | None:
    """Return the section of a version, compared as PEP 440 has it (2026.08.17 is 2026.8.17), or `None`."""
    document = markdown.read(text)
    part = _part_of(_parts(document), version)
    return _section(document, part) if part else None


def unreleased(text: str) -> Section | None:
    """Return the section of what is not released yet, or `None`."""
    document = markdown.read(text)
    part = _top(_parts(document))
    return _section(document, part) if part else None


def is_empty(section: Section) -> bool:
    """Tell whether a section says nothing: it has no more than headings, rules, comments and link references."""
    return _SAYING.isdisjoint(markdown.read(section.body).kinds)


def problems(text: str, version: str) -> tuple[Problem, ...]:
    """Return everything for which `cut` would refuse to make the section of `version`."""
    document = markdown.read(text)
    return tuple(_problems(document, _parts(document), version))


def cut(text: str, *, version: str, date: str, tag: str, previous_tag: str | None) -> str:
    """Return the changelog with its Unreleased section made the section of `version`.

    A fresh Unreleased heading stays on top, with the comments right below it; the new heading is written as that
    of the newest version is, with `date` (YYYY-MM-DD). The link of Unreleased starts from `tag`, that of the
    version leads from `previous_tag` to `tag`, or to the release where there is no previous one.

    Raises `UsageError` for the first of `problems`.
    """
    document = markdown.read(text)
    parts = _parts(document)
    for problem in _problems(document, parts, version):
        raise UsageError(problem.message, problem.hint)
    top = next(part for part in parts if part.unreleased)
    model = _model(parts, top)
    references = _references(document)
    own, other = _referred(references, [top]), _referred(references, [part for part in (model, *parts) if part.version])
    inline, reference = top.title["url"] or model.title["url"], own or other
    onward, across = comparison.links(inline or (reference.match["url"] if reference else ""), tag, previous_tag)
    name = f"{model.title['v']}{version}"
    edits = _cut_heading(document, top, _title(top, model, name, date, across if inline else ""), onward)
    if across and reference and not inline:
        entry = "" if name.lower() in references else f"[{name}]{reference.match['colon']}{across}"
        older = own is None or (other is not None and other.number < own.number)
        edits |= _cut_reference(document, reference, onward if own else reference.match["url"], entry, above=older)
    return _edited(document, edits)


def yank(text: str, version: str) -> str:
    """Return the changelog with the heading of a version marked [YANKED]; one marked already is left alone.

    Raises `UsageError` where the version has no section.
    """
    document = markdown.read(text)
    part = _part_of(_parts(document), version)
    if part is None:
        raise UsageError(f"the changelog has no section for version {version!r}", "grep -n '^#' CHANGELOG.md")
    if _YANKED.search(part.heading.text):
        return text
    number, title = part.heading.first, part.heading.text
    return _edited(document, {number: _swapped(document.lines[number], title, f"{title} [YANKED]")})


class _Reference(NamedTuple):
    number: int
    match: re.Match[str]


class _Part(NamedTuple):
    heading: markdown.Heading
    title: dict[str, str]  # the groups of _TITLE; empty where the heading names neither a version nor Unreleased
    version: Version | None
    end: int

    @property
    def unreleased(self) -> bool:
        return bool(self.title) and self.version is None


def _parts(document: markdown.Document) -> list[_Part]:
    """Return the parts of a changelog: the headings of the level of Unreleased, and versions at other levels.

    A version further down must be in brackets or dated, as conventional-changelog writes a patch; "### 3.12" is
    more likely about Python.
    """
    found = [(heading, *_named(heading.text)) for heading in document.headings]
    levels = [(version is not None, number) for number, (_, title, version) in enumerate(found) if title]
    level = found[min(levels)[1]][0].level if levels else 0  # of the first Unreleased, else of the first version
    end, parts = len(document.lines), []
    for heading, title, version in reversed(found):
        marked = title and (heading.level < level or title["open"] or re.search(r"\d{4}", title["after"]))
        if heading.level == level or marked:
            parts.append(_Part(heading, title, version, end))
        if heading.level <= level or marked:
            end = heading.first
    return parts[::-1]


def _named(text: str) -> tuple[dict[str, str], Version | None]:
    """Return how a heading names a release, and which; without a version it is Unreleased."""
    title = _TITLE.fullmatch(text) if len(text) <= _LONGEST and _LIKELY.search(text) else None
    if title is None:
        return _UNNAMED
    version = _version(title["label"]) if title["label"][0].isdigit() else None
    return (title.groupdict(""), version) if version or title["label"].lower() == "unreleased" else _UNNAMED


def _version(label: str) -> Version | None:
    try:
        return Version(label) if len(label) <= _LONGEST else None
    except InvalidVersion:
        return None


def _top(parts: list[_Part]) -> _Part | None:
    return next((part for part in parts if part.unreleased), None)


def _part_of(parts: list[_Part], version: str) -> _Part | None:
    wanted = _version(version)
    return next((part for part in parts if wanted is not None and part.version == wanted), None)


def _problems(document: markdown.Document, parts: list[_Part], version: str) -> Iterator[Problem]:
    if _version(version) is None:
        specification = "https://packaging.python.org/en/latest/specifications/version-specifiers/"
        yield Problem(f"{version!r} is not a version that a Python package can have", f"open {specification}")
    elif there := _part_of(parts, version):
        label = there.title["label"]
        yield Problem(f"the changelog has a section for version {label} already", f"grep -n -F '{label}' CHANGELOG.md")
    top = _top(parts)
    if top is None:
        yield Problem("the changelog has no Unreleased section", "$EDITOR CHANGELOG.md")
    elif _is_empty(document, top):
        yield Problem("the Unreleased section of the changelog is empty", "$EDITOR CHANGELOG.md")


def _is_empty(document: markdown.Document, part: _Part) -> bool:
    """Do as `is_empty` does, but read the text again only where comments may hide something."""
    kinds = set(document.kinds[part.heading.last : part.end])
    return not kinds & _SAYING and ("comment" not in kinds or is_empty(_section(document, part)))


def _section(document: markdown.Document, part: _Part) -> Section:
    text = part.heading.text
    label = part.title.get("label") or text.removeprefix("[").removesuffix("]")
    return Section(label, part.version, bool(_YANKED.search(text)), _body(document, part.heading.last, part.end))


def _body(document: markdown.Document, first: int, last: int) -> str:
    chunks: list[tuple[str, str]] = []
    for kind, numbers in groupby(range(first, last), document.kinds.__getitem__):
        chunk = re.sub(r"\r\n?", "\n", "".join(document.lines[number] for number in numbers))
        chunk = chunk if kind == "code" else _without_comments(chunk)
        if chunk.strip() or (kind == "blank" and chunks and chunks[-1][0] != "blank"):
            chunks.append((kind, chunk))
    while chunks and chunks[-1][0] in ("blank", "reference"):
        chunks.pop()
    return "".join(chunk for _, chunk in chunks).rstrip()


def _without_comments(text: str) -> str:
    """Return a paragraph without its comments; what looks like one between backticks is kept."""
    kept, position, at = [], 0, 0
    while match := _SPAN.search(text, at):
        at = match.end()
        if match[0] == "<!--":
            if (end := text.find("-->", match.start() + 2)) < 0:
                break
            kept.append(text[position : match.start()])
            position = at = end + 3
    return "".join(kept) + text[position:]


def _model(parts: list[_Part], top: _Part) -> _Part:
    """Return the part whose style a new one follows: the first version below Unreleased, any other, or Unreleased."""
    versions = [part for part in parts if part.version]
    return next((part for part in versions if part.heading.first > top.heading.first), [*versions, top][0])


def _title(top: _Part, model: _Part, name: str, date: str, url: str) -> str:
    """Return the text of a new heading, written as that of `model` is."""
    style = model.title
    opened, closed = (style["open"], style["close"]) if style["close"] else ("", "")
    dated = top if model is top or "releasedate" in top.title["after"].lower() else model
    found = _DATE.match(_YANKED.sub("", dated.title["after"]))
    if found:
        when = f"{found['between'] or ' '}{found['open']}{date}{')' if found['open'] else ''}"
    else:
        when = f" - {date}" if model is top else ""
    return f"{style['word']}{opened}{name}{closed}{f'({url})' if url else ''}{when}"


def _cut_heading(document: markdown.Document, top: _Part, title: str, onward: str) -> dict[int, str]:
    """Return the edits that put a heading below that of Unreleased and the comments right below it."""
    heading, url = top.heading, top.title["url"]
    lines = document.lines[heading.first : heading.last]
    new = _swapped(lines[0].removeprefix("\ufeff"), heading.text, title)
    if len(lines) > 1:
        underline = lines[1].strip(" \t\r\n")
        new += _swapped(lines[1], underline, underline[0] * len(title))
    edits = {heading.first: _swapped(lines[0], url, onward) if url and onward else lines[0]}
    above = _below_comments(document, top) - 1
    kept = edits.get(above, document.lines[above])
    return edits | {above: f"{kept}{_end(kept)}{new}"}


def _below_comments(document: markdown.Document, top: _Part) -> int:
    """Return the line below a heading and the comments that follow it, which tell contributors what to write."""
    below = top.heading.last
    for number in range(top.heading.last, top.end):
        if document.kinds[number] == "comment":
            below = number + 1
        elif document.kinds[number] != "blank":
            break
    comments = "".join(document.lines[top.heading.last : below])
    return top.heading.last if _without_comments(comments).strip() else below


def _references(document: markdown.Document) -> dict[str, _Reference]:
    """Return the link references of a changelog by label; of several with one label the first counts."""
    found: dict[str, _Reference] = {}
    for number, kind in enumerate(document.kinds):
        if kind == "reference" and (match := markdown.REFERENCE.match(document.lines[number])):
            found.setdefault(match["label"].strip().lower(), _Reference(number, match))
    return found


def _referred(references: Mapping[str, _Reference], parts: Iterable[_Part]) -> _Reference | None:
    """Return the link reference of the first part that has one."""
    for title in (part.title for part in parts if part.title):
        for label in (title["reference"], title["v"] + title["label"], title["label"]):
            if label.lower() in references:
                return references[label.lower()]
    return None


def _cut_reference(
    document: markdown.Document, reference: _Reference, url: str, entry: str, *, above: bool
) -> dict[int, str]:
    """Return the edit that gives a link reference a new address and puts the `entry` of another above or below it."""
    number, match = reference
    line = document.lines[number]
    content = line.rstrip(markdown.ENDS)
    kept = line[: match.start("url")] + url + content[match.end("url") :]
    end = _end(line)
    ordered = [entry, kept] if above else [kept, entry]
    return {number: (end or _end(document.lines[number - 1])).join(filter(None, ordered)) + end}


def _end(line: str) -> str:
    return line[len(line.rstrip(markdown.ENDS)) :]


def _swapped(line: str, old: str, new: str) -> str:
    """Return a line with the last `old` in it replaced."""
    return new.join(line.rsplit(old, 1))


def _edited(document: markdown.Document, edits: dict[int, str]) -> str:
    return "".join(edits.get(number, line) for number, line in enumerate(document.lines))
