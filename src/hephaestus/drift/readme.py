"""Rules about the README: the versions of the project and of Python in its badges and its commands."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from packaging.version import InvalidVersion, Version

from hephaestus.drift.facts import Facts
from hephaestus.drift.places import MEND, Drift, Edit, Place, edited

__all__ = ["readme_python", "readme_version"]

_LONGEST = 10_000  # no line that people write is longer
_USUAL = ("README.md", "README.rst", "README.txt", "README")
_VERSION = r"\d+(?:\.\d+)+(?:(?:a|b|rc|\.post|\.dev)\d+)?"
# A badge that is drawn from its own address, such as shields.io/badge/python-3.11%2B-blue.
_PYTHON_BADGE = re.compile(
    r"/badge/python(?:[_%20 ]*version)?-(?:%3E=|%3E%3D|>=|≥|%E2%89%A5)?[_%20 ]*(?P<version>3\.\d+)(?P<more>(?:\+|%2B)?)"
    r"(?=-|_or|%20or)",
    re.IGNORECASE,
)
_PYTHON_WORDS = re.compile(
    r"[\s>*_-]*+(?:it |this package |\S{1,80} )?(?:requires|needs)\s\W*+Python\W++(?P<version>3\.\d+)"
    r"(?=\+|\s+(?:or|and)\s+(?:newer|later|above|higher|up|greater|upwards))",
    re.IGNORECASE,
)
_INSTALLS = re.compile(r"\b(?:add|dependencies|install|require[sd]?|requirements|run|uvx|with)\b")
_VERSION_BADGE = re.compile(rf"/badge/(?:version|release)-v?(?P<version>{_VERSION})-", re.IGNORECASE)


def readme_python(facts: Facts) -> Iterator[Drift]:
    """Compare the oldest Python that the README asks for with the oldest one that requires-python admits."""
    python = facts.python
    if python is None or python.floor is None:
        return
    for path, number, line in _lines(facts):
        words = _PYTHON_WORDS.match(line)
        badges = [found for found in _PYTHON_BADGE.finditer(line) if found["more"] or found[0].count("3E")]
        for found in ([words] if words else []) + badges:
            if found["version"] != python.floor:
                message = f"{path} says Python {found['version']} or newer, but requires-python is {python}"
                new = found[0].replace(found["version"], python.floor)
                edit = Edit(path, number, found[0], new)
                place = facts.files.place(path, number)
                yield Drift("readme-python", path, message, place, python.place, MEND, edit)


def readme_version(facts: Facts) -> Iterator[Drift]:
    """Compare the versions of the project that the README installs or shows in a badge with its own.

    Until a release is made the one before it is as good. The edit is certain only where the project has one version,
    the README has one other, and both are of the same major version: an older one may be named for a reason.
    """
    known = _known(facts)
    told = [each for each in _told(facts) if known and each[2] not in {version for version, _ in known}]
    for path, number, said, text in told:
        newest, there = max(
            (each for each in known if not each[0].is_prerelease), default=known[0], key=lambda each: each[0]
        )
        message = f"{path} has version {said} of the project, but the newest is {newest}"
        certain = len({version for version, _ in known} | {each[2] for each in told}) == 2  # noqa: PLR2004  (its own and the other)
        edit = Edit(path, number, text, text.replace(str(said), str(newest)))
        fits = certain and not newest.is_prerelease and said.release[0] == newest.release[0] and str(said) in text
        hint = MEND if fits else edited(path)
        yield Drift(
            "readme-version", path, message, facts.files.place(path, number), there, hint, edit if fits else None
        )


def _known(facts: Facts) -> list[tuple[Version, Place]]:
    """Return the version as it is stated, tagged and told of in the changelog, as far as it is."""
    known = []
    if facts.stated and facts.stated[0].version is not None:
        known.append((facts.stated[0].version, facts.stated[0].place))
    if facts.tag is not None:
        known.append((facts.tag.version, facts.tag.place))
    if facts.history is not None:
        known.append((facts.history.newest.version, facts.history.newest.place))
    return known


def _told(facts: Facts) -> list[tuple[str, int, Version, str]]:
    """Return the versions of the project that the README has: path, line, version, and the text that holds it."""
    pinned = _pinned(facts.project.name)
    found = []
    for path, number, line in _lines(facts):
        installs = _INSTALLS.search(line) or pinned.fullmatch(line.strip("\t `\"',*-"))
        for each in (*(pinned.finditer(line) if installs else ()), *_VERSION_BADGE.finditer(line)):
            with contextlib.suppress(InvalidVersion):
                found.append((path, number, Version(each["version"]), each[0]))
    return found


def _pinned(name: str) -> re.Pattern[str]:
    """Return what finds a command that installs one version of the project: `pip install acorn==1.2.0`."""
    spelled = re.sub(r"[-_.]+", "[-_.]+", re.escape(name).replace(r"\-", "-").replace(r"\.", "."))
    return re.compile(rf"(?<![\w.-]){spelled}(?:\[[\w, -]*\])?\s?==\s?(?P<version>{_VERSION})(?![\w.])", re.IGNORECASE)


def _lines(facts: Facts) -> Iterator[tuple[str, int, str]]:
    """Yield the lines of the README, which pyproject.toml may name."""
    said = facts.pyproject.said("project", "readme") or facts.pyproject.said("project", "readme", "file")
    for path in dict.fromkeys((*([said] if said else []), *_USUAL)):
        if ".." not in path.split("/") and not path.startswith("/"):
            for number, line in enumerate((facts.files.text(path) or "").splitlines(), 1):
                if len(line) < _LONGEST:
                    yield path, number, line
