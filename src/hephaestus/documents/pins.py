"""The versions of a project that its own documents pin: in commands, in configuration for others, in badges.

A version stands there by itself (`acorn==1.2.3`), or as the beginning of one (`uses: oak/acorn@v1`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from packaging.version import InvalidVersion, Version

from hephaestus.documents.page import Page

__all__ = ["Pin", "pins", "repositories", "same"]

_VERSION = r"v?\d+(?:\.\d+)*(?:(?:a|b|rc|\.?post|\.?dev|-(?:alpha|beta|rc)\.?)\d+)?"
_LONGEST_LINE = 10_000
_REPOSITORY = re.compile(r"https?://(?:www\.)?[\w.-]+/(?P<slug>[\w.-]+/[\w.-]+?)(?:\.git)?(?:/|$)")
_FORGES = ("github", "gitlab", "codeberg", "bitbucket", "gitea", "forgejo", "sr.ht")
# What says of a line that an older version is meant.
_OLDER = re.compile(
    r"\b(?:older|earlier|previous|prior|legacy|last (?:version|release)|latest (?:version|release) (?:that|to)|still"
    r"|before|until|up to"
    r"|downgrad\w*|no longer|dropped|deprecat\w*|python ?2|end.of.life|was|were|(?<!-)since|as of|introduced|added in"
    r"|upgrad\w+ from|migrat\w+|regress\w*|broken?|bug|CVE)\b",
    re.IGNORECASE,
)
_AROUND = 2  # lines above that tell what a command is about
_REV = re.compile(rf"^[\s>#-]*rev:\s*[\"']?(?P<version>{_VERSION})[\"']?\s*(?:#.*)?$")
_REPO = re.compile(r"^[\s>#-]*(?:-\s+)?repo:\s*[\"']?(?P<address>\S+?)[\"']?\s*$")
_BADGE = re.compile(rf"/badge/(?:version|release|pypi|pypi_package)-v?(?P<version>{_VERSION})-", re.IGNORECASE)


class Pin(NamedTuple):
    """A version that is pinned: as it is written, its line and column from 1, and the text that pins it."""

    version: str
    line: int
    column: int
    text: str


def pins(page: Page, name: str, slugs: Iterable[str]) -> Iterator[Pin]:
    """Yield the versions of a project, by its name and its repositories (`oak/acorn`), that a document pins.

    Code counts here, comments do not. What is said to be about an older version is left out.
    """
    spelled = re.sub(r"[-_.]+", "[-_.]+", name)
    patterns = [*_of_package(spelled), *(each for slug in slugs for each in _of_repository(re.escape(slug)))]
    ours = {slug.lower() for slug in slugs}
    for number, (line, kind) in enumerate(zip(page.lines, page.kinds, strict=True), 1):
        if kind == "comment" or len(line) > _LONGEST_LINE or not any(map(str.isdigit, line)):
            continue
        found = {match.start("version"): match for pattern in patterns for match in pattern.finditer(line)}
        hook = _REV.match(line)
        if hook and _repository_above(page, number) in ours:
            found[hook.start("version")] = hook
        if found and not _older(page, number):
            for start, match in sorted(found.items()):
                yield Pin(match["version"], number, start + 1, match[0].strip())


def repositories(urls: Iterable[object]) -> list[str]:
    """Return the repositories (`oak/acorn`) on forges that addresses of a project lead to, each once."""
    found = []
    for url in urls:
        match = _REPOSITORY.match(url) if isinstance(url, str) else None
        if match and any(forge in (urlsplit(str(url)).hostname or "") for forge in _FORGES):
            found.append(match["slug"])
    return list(dict.fromkeys(found))


def same(pinned: str, version: Version) -> bool:
    """Tell whether a pinned version is this one; one with fewer numbers (`v1`, `1.2`) stands for all that begin so."""
    try:
        given = Version(pinned)
    except InvalidVersion:
        return False
    if given == version:
        return True
    bare = not (given.is_prerelease or given.is_postrelease)
    return bare and len(given.release) < len(version.release) and version.release[: len(given.release)] == given.release


def _of_package(name: str) -> list[re.Pattern[str]]:
    """Return what finds a version of a package: where it is asked for as a requirement, run, or shown on a badge."""
    run = r"(?:uvx|uv tool (?:run|install)|pipx (?:run|install)|--from)"
    found = (
        rf"(?<![\w.@/-]){name}(?:\[[\w, .-]*\])?\s?={{2,3}}\s?(?P<version>{_VERSION})(?![\w*])(?!\.[\w*])",
        rf"\b{run}\s+[\"']?{name}@(?P<version>{_VERSION})(?![\w.]\w)",
        rf"/badge/{name}-v?(?P<version>{_VERSION})-",
    )
    return [*(re.compile(each, re.IGNORECASE) for each in found), _BADGE]


def _of_repository(slug: str) -> list[re.Pattern[str]]:
    """Return what finds a version of a repository: as an action, a source for pip, an image, a download, a badge."""
    version = rf"(?P<version>{_VERSION})"
    found = (
        rf"\buses:\s*[\"']?{slug}(?:/[\w./-]+)?@{version}(?![\w.]*\w)",
        rf"\bgit\+(?:https|ssh)://\S{{0,200}}?{slug}(?:\.git)?@{version}(?![\w.]*\w)",
        rf"\b(?:ghcr\.io|docker\.io|quay\.io)/{slug}:{version}(?![\w.]*\w)",
        rf"/{slug}/(?:releases/download|archive/refs/tags)/{version}(?=/|\.tar|\.zip)",
        rf"/commits-since/{slug}/{version}(?![\w.]*\w)",
    )
    return [re.compile(each, re.IGNORECASE) for each in found]


def _repository_above(page: Page, number: int) -> str:
    """Return the repository of the hook that a `rev:` on a line belongs to, in lower case."""
    for line in reversed(page.lines[max(0, number - 4) : number - 1]):
        if found := _REPO.match(line):
            match = _REPOSITORY.match(found["address"])
            return match["slug"].lower() if match else ""
    return ""


def _older(page: Page, number: int) -> bool:
    """Tell whether a line, or what leads to it, speaks of an older version."""
    above = [line for line in page.lines[:number] if line.strip()][-1 - _AROUND :]
    return any(_OLDER.search(line) for line in above)
