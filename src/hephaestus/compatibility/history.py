"""What people wrote about the changes since the last release: in the changelog, in commits, on pull requests.

Commits speak by https://www.conventionalcommits.org, changelogs by the headings of https://keepachangelog.com and
those that other tools write. All of it is text of others: it is matched line by line, and never obeyed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hephaestus import git, keepachangelog, markdown
from hephaestus.compatibility.effect import Effect, Evidence

__all__ = ["Told", "commits", "told"]

_LONGEST = 90  # characters of an entry that are repeated
_BREAKS = re.compile(
    r"break(?:s|ing)?\b|\bremov(?:ed?|als?|ing)\b|backwards?[- ]?(?:in)?compatib|\bincompatib|\bdropped\b",
    re.IGNORECASE,
)
_FEATURES = re.compile(r"\badd(?:ed|itions?)?\b|\bnew\b|\bfeatures?\b|\benhancements?\b|\bdeprecat", re.IGNORECASE)
_CHANGES = re.compile(r"\bchange[ds]?\b", re.IGNORECASE)
# A list item that is marked as a break itself, under whatever heading.
_MARKED = re.compile(r"^[-*+]\s++(?:\W|_)*+breaking\b|(?:\*\*|__)\W*+breaking\b[^*_]*+(?:\*\*|__)", re.IGNORECASE)
_ITEM = re.compile(r"[-*+]\s+(?=\S)")
_OF_PYTHON = re.compile(r"\bpython\b[\s`*_v]*\d|\bpython versions?\b|\bend[- ]of[- ]life\b", re.IGNORECASE)

_HEADER = re.compile(r"(?P<kind>[A-Za-z]+)(?:\([^()\n]*\))?(?P<break>!?):\s")
_FOOTER = re.compile(r"^BREAKING[ -]CHANGE: ", re.MULTILINE)
_REVERTED = re.compile(r"^This reverts commit ([0-9a-f]{7,64})\b", re.MULTILINE)
_MERGED = re.compile(r"Merge (?:pull request|merge request|branch)\b")
_NUMBER = re.compile(r"(?:\(#|pull request #)(\d{1,9})\b")
_KINDS = {"feat": Effect.FEATURE, "feature": Effect.FEATURE, "fix": Effect.FIX, "perf": Effect.FIX}
_LABELS = (
    (re.compile(r"\bbreak(?:s|ing)?\b|\bsemver\W*major\b|incompatib", re.IGNORECASE), Effect.BREAK),
    (re.compile(r"\b(?:feat(?:ure)?s?|enhancements?|semver\W*minor|deprecat\w*)\b", re.IGNORECASE), Effect.FEATURE),
)


@dataclass(frozen=True)
class Told:
    """What a section of a changelog tells: its heading's place, its entries, and whether it speaks of breaks at all.

    `text` is the section; `breaks` tells whether an entry stands under a heading for what is removed, changed or
    breaks, or is marked as a break.
    """

    path: str
    line: int
    text: str
    evidence: tuple[Evidence, ...]
    breaks: bool


def told(text: str, path: str, label: str | None, python: Effect) -> Told | None:
    """Return what the changelog `text` at a path tells of a version, `None` for what is not released yet.

    `python` is the effect of dropping a version of Python. `None` where there is no such section.
    """
    section = keepachangelog.unreleased(text) if label is None else keepachangelog.find(text, label)
    if section is None:
        return None
    lines = text.splitlines()
    first = _heading(text, section.label)
    evidence, breaks = [], False
    heading = ""
    for raw, kind in _lines(section.body):
        if kind == "heading":
            heading = raw
        elif kind == "text" and _ITEM.match(raw):
            marked, under = bool(_MARKED.search(raw)), _under(heading)
            breaks = breaks or marked or under is Effect.BREAK or bool(_CHANGES.search(heading))
            effect = Effect.BREAK if marked else under
            if effect is Effect.BREAK and not marked and _OF_PYTHON.search(raw):
                effect = python
            said = f"{_plain(heading) or 'the changelog'}: {_entry(raw)}"
            evidence.append(Evidence("changelog", said, effect, "changelog", path, _line(lines, raw, first)))
    return Told(path, first, section.body, tuple(evidence), breaks)


def _lines(body: str) -> Iterator[tuple[str, str]]:
    document = markdown.read(body)
    titles = {heading.first: heading.text for heading in document.headings}
    for number, (line, kind) in enumerate(zip(document.lines, document.kinds, strict=True)):
        yield titles.get(number, line.rstrip(markdown.ENDS)), kind


def _under(heading: str) -> Effect:
    for pattern, effect in ((_BREAKS, Effect.BREAK), (_FEATURES, Effect.FEATURE)):
        if pattern.search(heading):
            return effect
    return Effect.FIX


def _plain(text: str) -> str:
    return " ".join("".join(sign for sign in text if sign.isalnum() or sign in " -").split())


def _entry(raw: str) -> str:
    said = " ".join(_ITEM.sub("", raw, count=1).split())
    return f"{said[: _LONGEST - 1]}…" if len(said) > _LONGEST else said


def _heading(text: str, label: str) -> int:
    """Return the line of the heading of a section."""
    found = (each.first + 1 for each in markdown.read(text).headings if label.lower() in each.text.lower())
    return next(found, 1)


def _line(lines: Sequence[str], raw: str, first: int) -> int:
    """Return the line of an entry of a section; comments were cut out of the section, so it is looked for."""
    found = (number for number, line in enumerate(lines[first:], first + 1) if line.rstrip() == raw.rstrip())
    return next(found, first)


def commits(
    repository: git.Repository, since: str, revision: str, labels: Mapping[int, Sequence[str]] | None = None
) -> list[Evidence]:
    """Return what the commits after a tag are marked as, the newest first; what was taken back among them is left out.

    `labels` are those of pull requests, by number, where they are known.
    """
    words = ("log", "-z", "--no-show-signature", "--format=%H%n%h%n%B")
    listed = repository.run(*words, f"refs/tags/{since}..{revision}", "--").output.split("\0")
    entries = [entry.lstrip("\n").split("\n", 2) for entry in listed if entry.strip()]
    reverted = [match[1] for entry in entries for match in _REVERTED.finditer(entry[-1])]
    found = []
    for full, short, message in (entry for entry in entries if len(entry) == len(("full", "short", "message"))):
        if any(full.startswith(each) for each in reverted) or _REVERTED.search(message):
            continue
        effect, why = _marked(message, labels or {})
        if effect is not None:
            found.append(Evidence(short, f"{_subject(message)}{why}", effect, "commit"))
    return found


def _marked(message: str, labels: Mapping[int, Sequence[str]]) -> tuple[Effect | None, str]:
    """Return the effect a commit is marked with, and by what where its title does not say."""
    header = _HEADER.match(_subject(message))
    marks: list[tuple[Effect, str]] = []
    if header and header["break"]:
        marks.append((Effect.BREAK, ""))
    elif header and (effect := _KINDS.get(header["kind"].lower())) is not None:
        marks.append((effect, ""))
    if _FOOTER.search(message):
        marks.append((Effect.BREAK, " (says BREAKING CHANGE)"))
    for number in (int(match[1]) for match in _NUMBER.finditer(message.partition("\n")[0])):
        for label in labels.get(number, ()):
            marks += [(each, f" (#{number} is labelled {label})") for pattern, each in _LABELS if pattern.search(label)]
    return max(marks, key=lambda mark: mark[0], default=(None, ""))


def _subject(message: str) -> str:
    """Return the title of a commit, for the merge of a pull request that of the pull request, which comes below it."""
    lines = [line for line in message.split("\n") if line.strip()] or [""]
    title = lines[1] if _MERGED.match(lines[0]) and len(lines) > 1 else lines[0]
    return f"{title[: _LONGEST - 1]}…" if len(title) > _LONGEST else title
