"""Which issues and pull requests a range of commits and a section of a changelog name.

The texts are hostile: what stands in code, in a comment or in a quote names nothing, and neither does a number of
another repository. `home` is always the address of the repository whose numbers count.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from packaging.version import Version

from hephaestus import git, markdown
from hephaestus.forge.capabilities import Ticket, Tracker

__all__ = ["MOST", "Told", "before", "closed", "in_changelog", "in_commits", "in_message", "mentioned", "tickets"]

log = logging.getLogger("hephaestus")

# So many issues and pull requests of one release are looked at; each costs GitHub's patience for a few requests.
MOST = 200

_NUMBER = r"[1-9][0-9]{0,8}(?![\w-])"
_SLUG = r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}/[A-Za-z0-9._-]{1,100}"
_MERGE = re.compile(rf"Merge pull request #({_NUMBER}) from ")
_SQUASH = re.compile(rf"\(#({_NUMBER})\)$")
_COMMIT = re.compile(r"^This reverts commit ([0-9a-f]{7,64})\b", re.MULTILINE)
# One pattern, so that what a link says is not found a second time as bare text.
_THING = rf"https?://[^\s<>()\[\]]{{1,500}}|(?<![\w/#&\\.-])(?P<slug>{_SLUG})?#(?P<number>{_NUMBER})"
_CLOSED = re.compile(rf"(?<![\w-])(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?[ \t]+(?P<thing>{_THING})", re.IGNORECASE)
_REVERTED = re.compile(rf"^Reverts (?P<thing>{_THING})", re.MULTILINE)
_MENTIONED = re.compile(
    r"\[(?P<text>[^\[\]\n]{1,500})\](?:\((?P<url>[^()\s]{1,500})[^()\n]{0,200}\)|\[(?P<label>[^\[\]\n]{0,200})\])?"
    rf"|(?P<thing>{_THING})"
)
_SPAN = re.compile(r"(`++)(?!`).{1,2000}?(?<!`)\1(?!`)", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)


class Told(NamedTuple):
    """What the message of one commit tells: pull requests it brought, issues it closed, and what it took back."""

    brought: list[int]
    closed: list[int]
    reverted: list[int]
    commits: list[str]


@dataclass(frozen=True)
class _Home:
    """The repository whose numbers count."""

    page: str

    def number(self, found: re.Match[str]) -> int | None:
        """Return the number that a thing in a text is, `None` for one of another repository."""
        if found["number"] is None:
            return self.of_url(found["thing"])
        slug = found["slug"]
        ours = slug is None or slug.lower() == "/".join(self.page.rsplit("/", 2)[-2:]).lower()
        return int(found["number"]) if ours else None

    def of_url(self, url: str) -> int | None:
        """Return the number of the issue or pull request that an address is the page of."""
        if not url.lower().startswith(f"{self.page}/".lower()):
            return None
        rest = re.match(r"(?:issues|pull)/([1-9][0-9]{0,8})(?![\w-])", url[len(self.page) + 1 :])
        return int(rest[1]) if rest else None


def in_message(message: str, home: str) -> Told:
    """Return what the message of a commit tells."""
    subject, _, rest = message.strip().partition("\n")
    found = _MERGE.match(subject) or _SQUASH.search(subject.rstrip())
    here, read = _Home(home), _said(rest)
    return Told(
        brought=[int(found[1])] if found else [],
        closed=closed(message, home),
        reverted=_numbers(here.number(each) for each in _REVERTED.finditer(read)),
        commits=_COMMIT.findall(read),
    )


def closed(text: str, home: str) -> list[int]:
    """Return the numbers a text says it closes, as GitHub reads it: `Fixes #12`, `closes OWNER/NAME#12`, a full URL."""
    here = _Home(home)
    return _numbers(here.number(found) for found in _CLOSED.finditer(_said(text)))


def mentioned(text: str, home: str, links: Mapping[str, str] | None = None) -> list[int]:
    """Return the numbers a text names, as `#12` or by a link; a link counts by where it leads.

    `links` are the addresses of the references that stand elsewhere in the document, by their labels.
    """
    here, known = _Home(home), links or {}

    def number(found: re.Match[str]) -> Iterable[int | None]:
        if found["text"] is None:
            return [here.number(found)]
        label = (found["label"] or found["text"]).strip().lower()
        url = found["url"] or known.get(label)
        return [here.of_url(url)] if url else mentioned(found["text"], home)

    return _numbers(each for found in _MENTIONED.finditer(_said(text)) for each in number(found))


def in_changelog(changelog: str, section: str, home: str) -> list[int]:
    """Return the numbers a section of a changelog names; the links of its references are in the whole text."""
    document = markdown.read(changelog)
    links: dict[str, str] = {}
    for line, kind in zip(document.lines, document.kinds, strict=True):
        if kind == "reference" and (found := markdown.REFERENCE.match(line.strip())):
            links.setdefault(found["label"].strip().lower(), found["url"])
    return mentioned(section, home, links)


def in_commits(repository: git.Repository, previous: str | None, revision: str, home: str) -> list[int]:
    """Return the numbers that the commits after a tag, or all up to a revision, brought or closed, the newest first.

    What was taken back in the same range is left out.
    """
    span = [revision, f"^refs/tags/{previous}^{{commit}}"] if previous else [revision]
    logged = repository.run("log", "-z", "--no-show-signature", "--topo-order", "--format=%H%n%B", *span, "--")
    numbers: list[int] = []
    gone_numbers: set[int] = set()
    gone_commits: set[str] = set()
    for entry in filter(None, logged.output.split("\0")):
        commit, _, message = entry.partition("\n")
        told = in_message(message, home)
        if commit in gone_commits or gone_numbers.intersection(told.brought):
            continue
        gone_numbers.update(told.reverted)
        gone_commits.update(each for name in told.commits for each in _brought_by(repository, name))
        numbers += told.brought + told.closed
    return list(dict.fromkeys(numbers))


def tickets(tracker: Tracker, numbers: Iterable[int]) -> list[Ticket]:
    """Return the tickets of these numbers, and of those that the merged pull requests among them say they close.

    No more than `MOST` numbers are looked at; where there are more, that is said. Numbers of nothing are left out.
    """
    waiting = list(dict.fromkeys(numbers))
    found: dict[int, Ticket] = {}
    for place, number in enumerate(waiting):  # grows while it is walked
        if place == MOST:
            log.info("more than %d issues and pull requests are named: the others are left alone", MOST)
            break
        ticket = tracker.ticket(number)
        if ticket is None:
            continue
        found[number] = ticket
        if ticket.pull_request and ticket.done:
            waiting += [each for each in closed(ticket.body, tracker.page) if each not in waiting]
    return list(found.values())


def before(earlier: Sequence[tuple[Version, str]], version: str, tag: str) -> tuple[Version, str] | None:
    """Return the version and tag since which a version brings something: for a final version the last final one.

    `earlier` are the versions and tags below it, the newest first.
    """
    final = not Version(version).is_prerelease
    return next((each for each in earlier if each[1] != tag and not (final and each[0].is_prerelease)), None)


def _brought_by(repository: git.Repository, name: str) -> list[str]:
    """Return a commit, and where it is a merge, all that came in with it."""
    listed = repository.run("rev-list", f"{name}^{{commit}}", "--not", f"{name}^1", "--", check=False)
    return listed.output.split() if not listed.code else [name]


def _said(text: str) -> str:
    """Return what a Markdown text says: without code, comments and quotes."""
    document = markdown.read(text)
    kept = [
        line.rstrip(markdown.ENDS)
        for line, kind in zip(document.lines, document.kinds, strict=True)
        if kind in ("text", "heading", "blank") and not line.lstrip(" ").startswith(">")
    ]
    return _COMMENT.sub("", _SPAN.sub("", "\n".join(kept)))


def _numbers(found: Iterable[int | None]) -> list[int]:
    return list(dict.fromkeys(number for number in found if number is not None))
