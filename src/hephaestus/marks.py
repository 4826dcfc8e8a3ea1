"""The marks by which a tag and a draft can be seen to be ours, from any clone and without a journal.

The tag's message ends with trailers, the draft's body with a comment that no reader sees. They carry
the frozen facts of the release, so whoever finds one can finish the release or take it back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass

__all__ = ["DraftMark", "Mark", "body", "from_body", "from_message", "message"]

_COMMENT = re.compile(r"<!-- hephaestus-release (\{[^\n]*\}) -->\s*\Z")
# What git adds when it signs; notes may show one as well, so only one at the very end is a signature.
_SIGNATURE = re.compile(r"^-----BEGIN ([A-Z ]+)-----\n(?:(?!-----BEGIN ).*\n)*-----END \1-----\s*\Z", re.MULTILINE)
# What the facts must look like: they come from a remote or a forge, and go into git commands.
_FACTS = {
    "id": re.compile(r"[0-9a-f]{32}"),
    "base": re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}"),
    "branch": re.compile(r"(?!-)(?!.*(?:\.\.|@\{|//|/$|\.lock$))[^\x00-\x20\x7f~^:?*\[\\]+"),
    "time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00"),
}
_ASSET = re.compile(r"[^./\\\x00-\x1f][^/\\\x00-\x1f]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TRAILERS = {
    "id": "Hephaestus-Release",
    "base": "Hephaestus-Base",
    "branch": "Hephaestus-Branch",
    "time": "Hephaestus-Time",
}


@dataclass(frozen=True)
class Mark:
    """The facts of a release that must not change: its id, base commit, branch, and UTC time (ISO 8601)."""

    id: str
    base: str
    branch: str
    time: str


@dataclass(frozen=True)
class DraftMark:
    """What a draft promises: whose it is, the tag object it belongs to, and the sha256 of each asset by name."""

    mark: Mark
    tag_object: str
    assets: Mapping[str, str]


def message(mark: Mark, title: str, notes: str) -> str:
    """Return the message of a tag: title, notes, and the mark as the last paragraph."""
    facts = asdict(mark)
    trailers = "\n".join(f"{label}: {facts[key]}" for key, label in _TRAILERS.items())
    return "\n\n".join(filter(None, (title, notes.strip(), trailers))) + "\n"


def from_message(text: str) -> Mark | None:
    """Return the mark in a tag's message, or `None` where the tag is not ours.

    Only the last paragraph counts, before the signature where there is one, so notes cannot forge a mark.
    """
    last = _SIGNATURE.sub("", text).strip().rpartition("\n\n")[2]
    lines = last.split("\n")
    said = dict(line.split(": ", 1) for line in lines if ": " in line)
    if len(lines) != len(_TRAILERS) or set(said) != set(_TRAILERS.values()):
        return None
    return _checked({key: said[label] for key, label in _TRAILERS.items()})


def _checked(facts: Mapping[str, str]) -> Mark | None:
    """Return a mark of facts that look as they must, or `None`: then it is not ours."""
    return Mark(**facts) if all(pattern.fullmatch(facts[key]) for key, pattern in _FACTS.items()) else None


def body(promise: DraftMark, notes: str) -> str:
    """Return the body of a draft: the notes, and the mark in a comment at its very end."""
    # "-->" would end the comment early; in JSON it can only be part of a string, where \u003e says the same.
    record = json.dumps(asdict(promise), sort_keys=True).replace(">", "\\u003e")
    return f"{notes.strip()}\n\n<!-- hephaestus-release {record} -->\n".lstrip()


def from_body(text: str) -> DraftMark | None:
    """Return the mark at the end of a draft's body, or `None` where the draft is not ours."""
    found = _COMMENT.search(text)
    if found is None:
        return None
    try:
        record = json.loads(found[1])
        mark = _checked(record["mark"])
        assets = dict(record["assets"])
        sound = all(_ASSET.fullmatch(name) and _SHA256.fullmatch(digest) for name, digest in assets.items())
        if mark is None or not sound or not _FACTS["base"].fullmatch(record["tag_object"]):
            return None
        return DraftMark(mark, record["tag_object"], assets)
    except (ValueError, KeyError, TypeError):
        return None
