"""The text of a release pull request: the highlights, the reviewer's checklist, and the mark that says whose it is.

Text in, text out. What people write around it, and the boxes they tick, stay when it is renewed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from hephaestus import markdown

__all__ = ["Item", "Mark", "body", "code", "from_body", "renewed"]

_BEGIN = "<!-- hephaestus-review -->"
_MARK = re.compile(r"<!-- hephaestus-pull-request (\{[^\n]*\}) -->")
# What the facts must look like: whoever may edit the pull request may edit them, and they go into git commands.
_FACTS = {
    "version": re.compile(r"[0-9A-Za-z.!]{1,100}"),
    "base": re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}"),
    "head": re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}|"),
    "checked": re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}"),
}
_BOX = re.compile(r"- \[[ x]\] ")
_TOOK = re.compile(r" in \d+\.\d s\b")
# GitHub takes 65,536 characters; the checklist and what people write need their share.
_LONGEST = 40_000


@dataclass(frozen=True)
class Item:
    """A line of the checklist: what is asked, whether evidence says yes, and that evidence, or why there is none."""

    asked: str
    ticked: bool
    because: str


@dataclass(frozen=True)
class Mark:
    """What the hidden comment says: the version, the base the branch was made from, and two of its heads.

    `head` is the one this program pushed and may replace, empty where commits of others are on the branch;
    `checked` is the one the evidence is of.
    """

    version: str
    base: str
    head: str
    checked: str


def body(lead: str, highlights: str, checklist: Sequence[Item], mark: Mark | None) -> str:
    """Return our part of a pull request's body: lead, highlights, checklist and, hidden at the end, the mark.

    Highlights that would swallow what follows them, as an open code fence does, are shown as code.
    Without a mark it is what would be written, before there is anything to look at.
    """
    lines = [f"- [{'x' if item.ticked else ' '}] {item.asked}: {item.because}" for item in checklist]
    told = f"Looked at {mark.checked[:10]}. " if mark else ""
    parts = (
        _BEGIN if mark else "",
        lead,
        "## Highlights",
        _contained(_shortened(highlights)),
        "## Review",
        f"{told}A box is ticked where there is evidence; the others are yours to judge.",
        "\n".join(lines),
        _hidden(mark) if mark else "",
    )
    return "\n\n".join(part.strip("\n") for part in parts if part.strip())


def _hidden(mark: Mark) -> str:
    # "-->" would end the comment early; in JSON it can only be part of a string, where \u003e says the same.
    record = json.dumps(asdict(mark), sort_keys=True).replace(">", "\\u003e")
    return f"<!-- hephaestus-pull-request {record} -->"


def from_body(text: str) -> Mark | None:
    """Return the mark in a pull request's body, or `None` where it has none."""
    found = _last_mark(text)
    if found is None:
        return None
    try:
        facts = dict(json.loads(found[1]))
        sound = all(pattern.fullmatch(facts[key]) for key, pattern in _FACTS.items())
        return Mark(**{key: facts[key] for key in _FACTS}) if sound else None
    except (ValueError, KeyError, TypeError):
        return None


def renewed(there: str, ours: str) -> str:
    """Return a body with our part renewed: what people wrote before and after it stays.

    While the commit that was looked at is the same, so is a line that says the same: with the box as somebody has
    left it, and with the seconds that a gate took on another machine.
    """
    there = there.replace("\r\n", "\n")  # GitHub's editor ends lines so
    end = _last_mark(there)
    if end is None:
        return f"{there.strip()}\n\n{ours}".strip()
    begin = there.find(_BEGIN, 0, end.start())
    before, old, after = there[: max(begin, 0)], there[max(begin, 0) : end.end()], there[end.end() :]
    was, now = from_body(there), from_body(ours)
    if was is not None and now is not None and was.checked == now.checked:
        ours = _kept(ours, old)
    return "\n\n".join(filter(None, (before.strip(), ours, after.strip())))


def code(text: str) -> str:
    """Return foreign text as code within a line, in which it can do nothing."""
    text = " ".join(text.split()) or " "
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{space}{text}{space}{fence}"


def _last_mark(text: str) -> re.Match[str] | None:
    """Return the last mark: one in the highlights comes before ours."""
    return next(iter(reversed(list(_MARK.finditer(text)))), None)


def _kept(ours: str, old: str) -> str:
    there = {_meaning(line): line for line in old.split("\n") if _BOX.match(line)}
    return "\n".join(there.get(_meaning(line), line) if _BOX.match(line) else line for line in ours.split("\n"))


def _meaning(line: str) -> str:
    """Return what a line of the checklist says, without its box and without how long things took."""
    return _TOOK.sub("", line[len("- [x] ") :])


def _shortened(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST].rpartition(chr(10))[0]}\n\n… and more, in the changelog."


def _contained(text: str) -> str:
    """Return Markdown after which another heading is read as one, or else the text as a block of code."""
    read = markdown.read(f"{text}\n\n## End\n")
    if read.headings and read.headings[-1].text == "End":
        return text
    fence = "`" * max(3, max(map(len, re.findall("`+", text)), default=0) + 1)
    return f"{fence}\n{text}\n{fence}"
