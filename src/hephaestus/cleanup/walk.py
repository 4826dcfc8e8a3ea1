"""The look: one pass over a clone's files that finds what is cruft, and what of it must stay."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from hephaestus import git
from hephaestus.cleanup import catalogue, rules
from hephaestus.cleanup.catalogue import DIRECTORIES, KINDS, Kind, Wish
from hephaestus.cleanup.environment import is_environment, why_stale
from hephaestus.cleanup.extent import Extent, asked_for, is_closed, is_mount, measure, own_bytes

__all__ = ["Found", "Item", "Left", "look"]

_STALE = KINDS["stale-environment"]
# Kinds that programs run from; of the others it is told by what lies in them.
_RUNS = {"environments", "node_modules", "stale-environment"}


@dataclass(frozen=True)
class Item:
    """One piece of cruft: a file, or a directory with all that is in it.

    `path` lies below `root` (with `/`), `kind` is the name of its kind and `why` says more where a name does not;
    `files` and `bytes` are what it holds, without bytes that have another name elsewhere (hard links); the bytes are
    only known of a look with sizes;
    `runs` tells that programs may run from it, and `unknown` that git neither tracks nor ignores something of it,
    so that a person has to agree.
    """

    root: Path
    path: str
    kind: str
    files: int
    bytes: int | None
    identity: tuple[int, int]
    is_directory: bool
    runs: bool = False
    why: str = ""
    unknown: bool = False


@dataclass(frozen=True)
class Left:
    """A path that looks like cruft and is left, and why."""

    path: str
    why: str


@dataclass(frozen=True)
class Found:
    """What was found below a root: the cruft, by path, and what looks like it and is left."""

    items: tuple[Item, ...]
    left: tuple[Left, ...]


def look(repository: git.Repository, wish: Wish) -> Found:
    """Look for the cruft of a clone; nothing is changed.

    What git tracks, other repositories, mounts, symbolic links and working environments are not looked into.
    Raises `UsageError` where the root is one in which nobody can mean to clean.
    """
    root = repository.root.resolve()
    with ThreadPoolExecutor(max_workers=2) as pool:
        tracked = pool.submit(rules.tracked, repository)
        unknown = pool.submit(rules.untracked, repository)
        rules.refuse_dangerous(root, tracked.result())
        closed = {os.fspath(each) for each in rules.own_environments()} | rules.mounts()
        walk = _Walk(str(root), wish, tracked.result(), closed)
        walk.run()
        asked = unknown.result()
    items = (replace(item, unknown=asked.within(item.path)) for item in walk.items)
    return Found(tuple(sorted(items, key=lambda item: item.path)), tuple(sorted(walk.left, key=lambda left: left.path)))


@dataclass
class _Walk:
    """One pass: each directory is listed once, and what is cruft is measured where it is found."""

    root: str
    wish: Wish
    tracked: rules.Paths
    closed: AbstractSet[str]
    items: list[Item] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)

    def run(self) -> None:
        self.device = asked_for(self.root, self.closed)
        self.pending, self.home = [self.root], Path(self.root)
        while self.pending:
            path = self.pending.pop()
            try:
                with os.scandir(path) as listed:
                    entries = list(listed)
            except OSError as error:
                self._leave(path, f"it cannot be looked into: {error.strerror}")
                continue
            names = {entry.name for entry in entries}
            if path == self.root or not self._is_foreign(path, names):
                self._list(entries, names)

    def _is_foreign(self, path: str, names: AbstractSet[str]) -> bool:
        """Tell whether a directory is another repository or an environment; one that is stale is cruft."""
        if rules.is_repository(names):
            return True
        if not is_environment(names):
            return False
        if why := why_stale(Path(path), names):
            self._directory(path, _STALE, why)
        return True

    def _list(self, entries: list[os.DirEntry[str]], names: AbstractSet[str]) -> None:
        for entry in entries:
            name = entry.name
            if entry.is_dir(follow_symlinks=False):
                kind = catalogue.directory_kind(name, entry.path, names)
                if kind is None:
                    self._enter(entry)
                elif kind.wanted(self.wish):
                    self._directory(entry.path, kind)
            elif name in DIRECTORIES:
                kind = catalogue.directory_kind(name, entry.path, names)
                if kind is not None and kind.wanted(self.wish) and entry.is_symlink():
                    self._leave(entry.path, "it is a symbolic link")
            elif name[0] in catalogue.FIRST or name[-4:] in catalogue.LAST:
                self._file(entry)

    def _enter(self, entry: os.DirEntry[str]) -> None:
        """Go on below a directory that is no cruft, unless it is another file system, or closed."""
        if entry.name not in rules.REPOSITORIES and not is_mount(entry, self.device, self.closed):
            self.pending.append(entry.path)

    def _directory(self, path: str, kind: Kind, why: str = "") -> None:
        relative = self._relative(path)
        if self.tracked.within(relative):
            self._leave(path, "git tracks files in it")
            if relative not in self.tracked.paths and kind is not _STALE:
                self.pending.append(path)
            return
        try:
            told = os.lstat(path)
            mounted = is_closed(path, told, self.device, self.closed)
            stays = Extent(stays="it is mounted, or in use")
            extent = stays if mounted else measure(path, self.closed, sizes=self.wish.sizes)
        except OSError as error:
            self._leave(path, f"it cannot be looked into: {error.strerror}")
            return
        runs = extent.runs or kind.name in _RUNS
        if why_not := extent.stays or (self._busy.get(path, "") if runs else ""):
            self._leave(path, why_not)
            return
        held = extent.bytes if self.wish.sizes else None
        identity = (told.st_dev, told.st_ino)
        self.items.append(Item(self.home, relative, kind.name, extent.files, held, identity, True, runs, why))

    def _file(self, entry: os.DirEntry[str]) -> None:
        try:
            if not entry.is_file(follow_symlinks=False):
                return
            kind = catalogue.file_kind(entry.name, entry.path)
            if kind is None:
                return
            told = os.lstat(entry.path)
        except OSError as error:
            self._leave(entry.path, f"it cannot be looked into: {error.strerror}")
            return
        relative = self._relative(entry.path)
        if not stat.S_ISREG(told.st_mode) or self.tracked.within(relative):
            return
        held = own_bytes(entry) if self.wish.sizes else None
        identity = (told.st_dev, told.st_ino)
        self.items.append(Item(self.home, relative, kind.name, 1, held, identity, is_directory=False))

    def _leave(self, path: str, why: str) -> None:
        self.left.append(Left(self._relative(path), why))

    @cached_property
    def _busy(self) -> Mapping[str, str]:
        return rules.in_use()

    def _relative(self, path: str) -> str:
        return path[len(self.root) + 1 :].replace(os.sep, "/")
