"""Reading a project's files from a directory or from a commit, with one pair of methods."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hephaestus import system

__all__ = ["Directory", "Tree", "unified"]


class Tree(Protocol):
    """The files of a project at one moment."""

    def read(self, path: str) -> bytes | None:
        """Return the bytes of the file at `path` (relative, with `/`), or `None` where there is none."""
        ...

    def paths(self) -> Sequence[str]:
        """Return the paths of all files (relative, with `/`), sorted."""
        ...


@dataclass(frozen=True)
class Directory:
    """A tree that is read from, and can be written to, a directory."""

    root: Path

    def read(self, path: str) -> bytes | None:
        """Return the bytes of a file, or `None`; symbolic links that leave the root are not followed."""
        file = self.root / path
        if not file.is_file() or not file.resolve().is_relative_to(self.root.resolve()):
            return None
        return file.read_bytes()

    def paths(self) -> Sequence[str]:
        """Return the paths of all regular files outside hidden directories, sorted."""
        found = []
        for directory, folders, files in os.walk(self.root):
            folders[:] = [folder for folder in folders if not folder.startswith(".")]
            found += [Path(directory, name).relative_to(self.root).as_posix() for name in files]
        return sorted(found)

    def write(self, path: str, data: bytes) -> None:
        """Replace the bytes of a file in one step."""
        system.write(self.root / path, data)


def unified(path: str, before: bytes, after: bytes) -> str:
    """Return the difference between two states of a file, as `git diff` would show it."""
    old, new = (data.decode("utf-8", "replace").splitlines(keepends=True) for data in (before, after))
    lines = difflib.unified_diff(old, new, f"a/{path}", f"b/{path}")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
