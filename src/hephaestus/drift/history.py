"""What a changelog in Markdown tells: its versions and its links, each with its line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from packaging.version import InvalidVersion, Version

from hephaestus import markdown
from hephaestus.drift.files import Files
from hephaestus.drift.places import Place

__all__ = ["History", "Section", "read"]

_LONGEST = 300
_HEADING = re.compile(r"\\?\[?(?:version\s+|release\s+)?v?(?P<version>\d+(?:\.\d+)+[^\s\]\\)(:,]*)", re.IGNORECASE)
_MARKED = re.compile(r"\\?\[|.*\d{4}-\d\d-\d\d")
_INLINE = re.compile(r"\[unreleased\]\((?P<url>[^()\s]+)\)", re.IGNORECASE)


@dataclass(frozen=True)
class Section:
    """A version that a heading names; `sure` tells whether it can be no other heading, such as one about a Python."""

    version: Version
    place: Place
    sure: bool


@dataclass(frozen=True)
class History:
    """The versions of a changelog from the top, and its links by their labels in lower case: address and place."""

    path: str
    sections: tuple[Section, ...]
    links: Mapping[str, tuple[str, Place]]

    @cached_property
    def newest(self) -> Section:
        """The section of the highest version, pre-releases aside where there are others."""
        sure = [section for section in self.sections if section.sure]
        final = [section for section in sure if not section.version.is_prerelease]
        return max(final or sure, key=lambda section: section.version)

    @cached_property
    def linked(self) -> frozenset[Version]:
        """The versions that have a link."""
        return frozenset(found for label in self.links if (found := _version(label.removeprefix("v"))) is not None)


def read(files: Files, path: str) -> History | None:
    """Return what a changelog tells, or `None` where it is no Markdown, or names fewer than two versions."""
    text = files.text(path) if path.endswith((".md", ".markdown")) else None
    if text is None:
        return None
    document = markdown.read(text)
    named = [(heading, _named(heading.text)) for heading in document.headings]
    levels = [heading.level for heading, version in named if version is not None]
    sections = tuple(
        Section(
            version,
            Place(path, heading.first + 1, document.lines[heading.first].strip()),
            heading.level == min(levels) or bool(_MARKED.match(heading.text)),
        )
        for heading, version in named
        if version is not None
    )
    return History(path, sections, dict(_links(path, document))) if len(sections) > 1 else None


def _links(path: str, document: markdown.Document) -> Iterator[tuple[str, tuple[str, Place]]]:
    for heading in document.headings:
        inline = _INLINE.match(heading.text)
        if inline:
            yield "unreleased", (inline["url"], Place(path, heading.first + 1, heading.text[:100]))
    for number, kind in enumerate(document.kinds):
        line = document.lines[number]
        reference = markdown.REFERENCE.match(line) if kind == "reference" else None
        if reference:
            yield reference["label"].strip().lower(), (reference["url"], Place(path, number + 1, line.strip()[:100]))


def _named(text: str) -> Version | None:
    found = _HEADING.match(text) if len(text) < _LONGEST else None
    return _version(found["version"]) if found else None


def _version(text: str) -> Version | None:
    try:
        return Version(text) if len(text) < _LONGEST else None
    except InvalidVersion:
        return None
