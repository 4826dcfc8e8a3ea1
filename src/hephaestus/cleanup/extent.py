"""What lies in a directory that may go: how much it is, and what in it must stay."""

from __future__ import annotations

import errno
import os
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from hephaestus.cleanup import rules

__all__ = ["Extent", "asked_for", "is_closed", "is_mount", "measure", "own_bytes"]

# A file with as many names is still there when one of them is gone.
_SHARED = 2
# What is too deep for a path, and what is gone since its directory was listed.
_PASSED_OVER = {errno.ENAMETOOLONG, errno.ENOENT}
# What has to be looked at more closely where it lies in a directory that is to go.
_MARKS = rules.REPOSITORIES | {"HEAD", "pyvenv.cfg"}


class Extent(NamedTuple):
    """What a directory holds: files, their bytes, why it `stays`, empty where it need not, and if programs may run."""

    files: int = 0
    bytes: int = 0
    stays: str = ""
    runs: bool = False


def measure(top: str, closed: AbstractSet[str], *, sizes: bool, repositories: bool = False) -> Extent:
    """Return what a directory holds, or why it must stay; its bytes only if `sizes` are asked for.

    `closed` are paths that are not to be entered; `repositories` says that those of git may go with it.
    What lies deeper than a path can say is not counted.
    """
    files, held, runs = 0, 0, False
    device = asked_for(top, closed)
    pending = [top]
    while pending:
        path = pending.pop()
        try:
            with os.scandir(path) as listed:
                entries = list(listed)
        except OSError as error:
            if error.errno in _PASSED_OVER:
                continue
            return Extent(stays=f"it cannot be looked into: {error.strerror}")
        if not _MARKS.isdisjoint(names := [entry.name for entry in entries]):
            runs = runs or "pyvenv.cfg" in names
            if not repositories and rules.is_repository(names):
                return Extent(stays=f"it holds a repository, {path}")
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                files += 1
                held += own_bytes(entry) if sizes else 0
            elif is_mount(entry, device, closed):
                return Extent(stays=f"something is mounted in it, or in use: {entry.path}")
            else:
                pending.append(entry.path)
    return Extent(files, held, "", runs)


def own_bytes(entry: os.DirEntry[str]) -> int:
    """Return the bytes that go with a file: none where it has another name, is gone, or is too deep for a path."""
    try:
        told = entry.stat(follow_symlinks=False)
    except OSError:
        return 0
    return told.st_size if told.st_nlink < _SHARED else 0


def is_mount(entry: os.DirEntry[str], device: int | None, closed: AbstractSet[str]) -> bool:
    """Tell whether a directory is one that is not to be entered."""
    if device is None:
        return entry.path in closed
    try:
        return is_closed(entry.path, entry.stat(follow_symlinks=False), device, closed)
    except OSError as error:
        return error.errno not in _PASSED_OVER


def is_closed(path: str, told: os.stat_result, device: int | None, closed: AbstractSet[str]) -> bool:
    """Tell whether a directory is closed, is on another device, or leads elsewhere (a junction of Windows)."""
    other = device is not None and told.st_dev != device
    return path in closed or other or bool(getattr(told, "st_reparse_tag", 0))


def asked_for(top: str, closed: AbstractSet[str]) -> int | None:
    """Return the device all directories below must be on, or `None` where it need not be asked for.

    It need not where all that is mounted can be listed, `/` among it: then that is closed. The removal asks anyway.
    """
    return None if "/" in closed else os.lstat(top).st_dev
