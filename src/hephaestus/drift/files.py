"""The files of a project, each read once; one that cannot be read is remembered, for it is not the same as absent."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TypeVar

from hephaestus.drift import toml, yaml
from hephaestus.drift.node import Node
from hephaestus.drift.places import Place, edited
from hephaestus.findings import Finding
from hephaestus.tree import Directory

__all__ = ["Files"]

_Read = TypeVar("_Read")

_LARGEST = 1 << 26
_WIDTH = 100


class Files:
    """The files below a root, with `changed` bytes in the place of what some of them hold; nothing is written here.

    `unread` are the findings about what could not be read. As a `Tree` it lists only where a version can be: the root,
    `src`, and the directories right below these two.
    """

    def __init__(self, root: Path, changed: Mapping[str, bytes] | None = None) -> None:
        self.root = root
        self.unread: list[Finding] = []
        self._changed = dict(changed or {})
        self._directory = Directory(root)
        self._read: dict[str, bytes | None] = {}
        self._parsed: dict[str, Node | None] = {}

    def read(self, path: str) -> bytes | None:
        """Return the bytes of a file, or `None` where there is none, or none that can be read."""
        if path in self._changed:
            return self._changed[path]
        if path not in self._read:
            self._read[path] = self._bytes(path)
        return self._read[path]

    def text(self, path: str) -> str | None:
        """Return the text of a file, or `None` where there is none, or none that can be read."""
        return self._as(path, lambda data: data.decode("utf-8-sig"))

    def toml(self, path: str) -> Node | None:
        """Return what a TOML file says, or `None` where there is none, or none that can be read."""
        if path not in self._parsed:
            self._parsed[path] = self._as(path, toml.read)
        return self._parsed[path]

    def yaml(self, path: str) -> Node | None:
        """Return what a YAML file says, or `None` where there is none, or none that can be read."""
        if path not in self._parsed:
            self._parsed[path] = self._as(path, yaml.read)
        return self._parsed[path]

    def names(self, folder: str = "") -> list[str]:
        """Return the paths of the files right inside a folder, sorted."""
        return self._list(folder, lambda entry: entry.is_file())

    def paths(self) -> Sequence[str]:
        """Return the paths of the files that may hold the version, sorted."""
        folders = {"", *self._folders(""), *self._folders("src")}
        return sorted(path for folder in folders for path in self.names(folder))

    def place(self, path: str, line: int) -> Place:
        """Return a place of a file with the text that is there."""
        lines = (self.read(path) or b"").splitlines()
        text = lines[line - 1].decode("utf-8", "replace").strip() if 0 < line <= len(lines) else ""
        return Place(path, line, text if len(text) <= _WIDTH else f"{text[:_WIDTH]} …")

    def missing(self, path: str, why: str, hint: str = "") -> None:
        """Remember that something could not be read; the first reason counts."""
        if not any(finding.path == path for finding in self.unread):
            self.unread.append(
                Finding(f"could not be read: {why}", path, rule="unread", hint=hint or f"ls -l {shlex.quote(path)}")
            )

    def _bytes(self, path: str) -> bytes | None:
        try:
            file = self.root / path
            if os.path.lexists(file) and file.stat().st_size > _LARGEST:
                self.missing(path, f"it is larger than {_LARGEST >> 20} MiB")
                return None
            return self._directory.read(path)
        except (OSError, ValueError) as error:
            self.missing(path, getattr(error, "strerror", None) or str(error))
            return None

    def _as(self, path: str, read: Callable[[bytes], _Read]) -> _Read | None:
        data = self.read(path)
        if data is None:
            return None
        try:
            return read(data)
        except (ValueError, RecursionError) as error:
            self.missing(path, str(error)[:200], edited(path))
            return None

    def _folders(self, folder: str) -> list[str]:
        found = self._list(folder, lambda entry: entry.is_dir(follow_symlinks=False))
        return [path for path in found if not PurePosixPath(path).name.startswith(".")]

    def _list(self, folder: str, wanted: Callable[[os.DirEntry[str]], bool]) -> list[str]:
        try:
            with os.scandir(self.root / folder) as entries:
                names = sorted(entry.name for entry in entries if wanted(entry))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            self.missing(folder or ".", error.strerror or str(error))
            return []
        return [f"{folder}/{name}" if folder else name for name in names]
