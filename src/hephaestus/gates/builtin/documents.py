"""The gate `documents`: what people read before they install names the version they get."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property

from packaging.version import Version

from hephaestus import documents, tables
from hephaestus.documents import Page, pins
from hephaestus.documents import choose as choosing
from hephaestus.findings import Finding
from hephaestus.gates.bench import Bench
from hephaestus.gates.builtin import moment, upkeep
from hephaestus.gates.builtin.moment import Moment
from hephaestus.gates.builtin.told import judged
from hephaestus.gates.gate import Answer, Gate, Off
from hephaestus.gates.shown import Shown
from hephaestus.markdown import Heading
from hephaestus.tree import Directory

__all__ = ["choose"]

_NAME = "documents"
_TABLE = f"tool.hephaestus.gates.{_NAME}"
_KEYS: dict[str, tuple[type, object]] = {"ignore": (list, ()), "lists": (list, ()), "migration": (str, None)}
_NEW = re.compile(
    r"\bwhat\W{0,3}s[ _-]?new\b|\bnew in (?:version |release )?v?\d|\brelease highlights\b"
    r"|\bhighlights (?:of|in) \D{0,20}\d|\b(?:latest|newest) (?:release|version|changes)\b",
    re.IGNORECASE,
)
_NAMED = re.compile(r"(?<![\w.])v?(\d+(?:\.\d+){1,4}(?:(?:a|b|rc)\d+)?)(?![\w.]*\d)")
_BARE = re.compile(r"\b(?:in|version|release|v) ?(\d+)\s*\W*$", re.IGNORECASE)
_ELSEWHERE = re.compile(r"change ?log|changes|history|news\b|release|what\W?s ?new", re.IGNORECASE)


def choose(shown: Shown) -> list[Gate | Off]:
    """Return the gate where a project has a README, documents or a changelog."""
    given = shown.settings.of(_NAME, _KEYS)
    lists = tables.texts(_TABLE, given, "ignore", "lists")
    for path in lists["lists"]:
        tables.path("gates.documents.lists", path)
    guide = None if given["migration"] is None else tables.path("gates.documents.migration", given["migration"])
    read = _Read(shown, lists["ignore"], lists["lists"], guide, moment.last(shown))
    if not (read.paths or shown.first(shown.project.changelog) or read.lists):
        return [Off(_NAME, f"there is no README, no document and no {shown.project.changelog}")]
    why = ", ".join(filter(None, [*read.paths[:1], shown.first(shown.project.changelog), *read.lists]))
    definition = (*read.ignored, "lists", *read.lists, "migration", guide or "")
    return [Gate(_NAME, why, read.ask, definition=definition, history=True)]


@dataclass(frozen=True)
class _Read:
    """The documents of a project that are held against its version, and what it says of them."""

    shown: Shown
    ignored: Sequence[str]
    lists: Sequence[str]
    guide: str | None
    released: tuple[Version, str] | None

    @cached_property
    def paths(self) -> list[str]:
        """The documents that are about the version they are in, the README first."""
        found = choosing.documents(self.shown.paths)
        kept = [path for path in found if not any(fnmatchcase(path, pattern) for pattern in self.ignored)]
        return sorted((path for path in kept if not choosing.about_the_past(path)), key=lambda path: not _readme(path))

    def ask(self, bench: Bench) -> Answer:
        """Return what is out of date."""
        now = moment.of(bench.shown, self.released)
        tree = Directory(bench.root)
        pages = [documents.parse(path, tree.read(path) or b"") for path in self.paths]
        findings = [
            *(each for page in pages if _readme(page.path) for each in _new(page, now)),
            *(each for page in pages for each in _pinned(self.shown, page, now)),
            *upkeep.changelog(bench.shown, now),
            *upkeep.guide(bench.shown, now, self.guide),
            *upkeep.lists(bench.shown, now, self.lists),
        ]
        return judged(findings)


def _readme(path: str) -> bool:
    return choosing.is_readme(path)


def _new(page: Page, now: Moment) -> Iterator[Finding]:
    """Yield the headings like "What's new" whose sections do not name the version they should.

    For a patch it is enough to name the versions that it belongs to: 1.4 for 1.4.2.
    """
    last = now.version if now.releasing and now.final else now.released
    if last is None:
        return
    for heading in page.headings:
        if _NEW.search(heading.text) and not _names(page, heading, last, later=not now.releasing):
            said, hint = f"{heading.text[:60]!r} does not name version {last}", f"$EDITOR {shlex.quote(page.path)}"
            yield Finding(said, page.path, heading.first + 1, rule="whats-new", hint=hint)


def _names(page: Page, heading: Heading, last: Version, *, later: bool) -> bool:
    text = page.section(heading)
    named = [Version(each) for each in _NAMED.findall(text)[:1000]]
    bare = _BARE.search(heading.text)
    if bare and pins.same(bare[1], last):
        return True
    if not named:  # nothing is out of date in a section that leads to where the news are
        return bare is None and bool(_ELSEWHERE.search("\n".join(text.splitlines()[1:])))
    return any(each.release[:2] == last.release[:2] or (later and each > last) for each in named)


def _pinned(shown: Shown, page: Page, now: Moment) -> Iterator[Finding]:
    """Yield the versions of the project that a document pins and nobody should install any more."""
    slugs = pins.repositories(shown.project.table("project", "urls").values())
    for pin in pins.pins(page, shown.project.name, slugs):
        if not now.welcomes(pin.version):
            said = f"{pin.text[:100]!r} names {pin.version}, but {now.told}"
            hint = f"$EDITOR {shlex.quote(page.path)}"
            yield Finding(said, page.path, pin.line, pin.column, "pinned-version", hint=hint)
