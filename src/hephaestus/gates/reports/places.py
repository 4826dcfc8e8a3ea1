"""Where findings are, as other programs want it said: the URI of a file, and the hash of a line that may move."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from hephaestus.tree import Directory

__all__ = ["Sources", "hashes", "inside", "uri"]

# The hash of a line is made of so many UTF-16 code units from its begin on, as the digits of a number to this base.
_UNITS, _BASE = 100, 37
_END = "\uffff"


def inside(path: str) -> bool:
    """Tell whether a path names a file below the root of a project: it is relative and does not climb out."""
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and ".." not in parts and not re.match(r"[A-Za-z]:|.*\\", path)


def uri(path: str) -> str:
    """Return a path below the root of a project as a relative URI (RFC 3986)."""
    # A path that holds bytes which are no UTF-8 keeps them.
    return quote(str(PurePosixPath(path)).encode("utf-8", "surrogateescape"), safe="/")


class Sources:
    """The files of a project, each read once."""

    def __init__(self, root: Path) -> None:
        self._tree = Directory(root)
        self._hashes: dict[str, Sequence[str]] = {}

    def hash(self, path: str, line: int) -> str:
        """Return the hash of a line, counted from 1, or nothing where there is no such file or line."""
        if path not in self._hashes:
            try:
                data = self._tree.read(path)
            except (OSError, ValueError):
                data = None
            self._hashes[path] = () if data is None else hashes(data)
        known = self._hashes[path]
        return known[line - 1] if 0 < line <= len(known) else ""


def hashes(data: bytes) -> list[str]:
    """Return for each line of a file what tells it from others, and stays when it moves.

    That is the `primaryLocationLineHash` by which GitHub knows an alert again, as its action that uploads SARIF
    computes it for results that have none: of the first hundred characters from the begin of the line on that are no
    blanks, and, after a colon, the how-manieth line with that hash it is
    (https://github.com/github/codeql-action/blob/main/src/fingerprints.ts).
    """
    text = re.sub("[ \t]", "", re.sub("\r\n?", "\n", data.decode("utf-8", "replace"))) + _END
    units = text.encode("utf-16-le")
    begin, told, seen = 0, [], dict[str, int]()
    for line in text.split("\n"):
        hashed = _hash(units[begin : begin + 2 * _UNITS])
        seen[hashed] = seen.get(hashed, 0) + 1
        told.append(f"{hashed}:{seen[hashed]}")
        begin += len(line.encode("utf-16-le")) + 2
    return told


def _hash(units: bytes) -> str:
    number = 0
    for place in range(0, 2 * _UNITS, 2):
        number = number * _BASE + int.from_bytes(units[place : place + 2], "little")
    return f"{number % 2**64:x}"
