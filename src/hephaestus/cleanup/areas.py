"""What hephaestus itself keeps outside of every clone, and nobody can use any more."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from hephaestus import stage, system
from hephaestus.cleanup import rules
from hephaestus.cleanup.environment import why_stale
from hephaestus.cleanup.extent import measure
from hephaestus.cleanup.walk import Found, Item, Left

__all__ = ["lock_of", "look_outside"]

_OF_A_CLONE = re.compile(r".+-[0-9a-f]{12}")


def look_outside(*, sizes: bool) -> Found:
    """Look for what was kept for clones that no longer exist, and for environments of builds that no longer work.

    A clone whose parent directory is missing as well may lie on a disk that is not there now, and counts as existing.
    """
    root = system.area("builders").parent.resolve()
    items: list[Item] = []
    left: list[Left] = []
    busy = None
    for path, why in _useless(root, left):
        busy = rules.in_use() if busy is None else busy
        told = path.lstat()
        extent = measure(str(path), rules.mounts(), sizes=sizes, repositories=True)
        if stays := extent.stays or busy.get(str(path), ""):
            left.append(Left(str(path), stays))
            continue
        relative = path.relative_to(root).as_posix()
        identity = (told.st_dev, told.st_ino)
        items.append(
            Item(root, relative, "kept", extent.files, extent.bytes if sizes else None, identity, True, True, why)
        )
    return Found(tuple(items), tuple(left))


def _useless(root: Path, left: list[Left]) -> Iterator[tuple[Path, str]]:
    """Yield the directories nobody can use any more, each with why."""
    for area in sorted(_directories(root)):
        if _OF_A_CLONE.fullmatch(area.name):
            home = stage.clone_of(area)
            if home is None:
                left.append(Left(str(area), "it does not say which clone it belongs to"))
            elif not os.path.lexists(home) and _clone(home).parent.is_dir():
                yield area, f"its clone, {_clone(home)}, is gone"
    for made in sorted(_directories(root / "builders")):
        environment = made / "environment"
        with contextlib.suppress(OSError):
            if why := why_stale(environment, {each.name for each in environment.iterdir()}):
                yield made, why


def lock_of(item: Item) -> Path | None:
    """Return the lock that whoever makes or uses a directory anew would hold, where there is one."""
    place = item.root / item.path
    return place.with_suffix(".lock") if place.parent.name == "builders" else None


def _clone(home: Path) -> Path:
    return home.parent if home.name == ".git" else home


def _directories(root: Path) -> list[Path]:
    try:
        with os.scandir(root) as listed:
            return [Path(entry.path) for entry in listed if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
