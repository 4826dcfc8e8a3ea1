"""Removing what was found: what nobody can make anew only after a yes, each path held to the rules once more."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hephaestus import git, system
from hephaestus.cleanup import rules
from hephaestus.cleanup.areas import lock_of
from hephaestus.cleanup.walk import Found, Item, Left
from hephaestus.errors import Busy

__all__ = ["Outcome", "clear"]

# How many removals may be missing from the manifest when the process is killed.
_AT_ONCE = 200
_SHOWN = 20


@dataclass(frozen=True)
class Outcome:
    """What a cleanup has done: what it removed, what it left and why, what it could not remove, and its manifest."""

    removed: tuple[Item, ...]
    left: tuple[Left, ...]
    failed: tuple[Left, ...]
    manifest: Path | None


def clear(repository: git.Repository, found: Found, agree: Callable[[str], bool] | None) -> Outcome:
    """Remove what was found; what git neither tracks nor ignores only if somebody agrees.

    `agree` is asked once about all of that; without it, all of that is left. Git is asked again what it tracks, and
    each path is looked at again, as much may have changed since the look.
    A manifest of what was removed is written into the clone's git directory, in JSON lines.
    """
    unknown = [item for item in found.items if item.unknown]
    agreed = bool(unknown) and agree is not None and agree(_question(unknown))
    left = list(found.left)
    if unknown and not agreed:
        left += [Left(item.path, "git does not ignore it, and nobody agreed") for item in unknown]
    doomed = [item for item in found.items if agreed or not item.unknown]
    run = _Removal(repository, left)
    with run.written():
        for item in doomed:
            run.remove(item)
    return Outcome(tuple(run.removed), tuple(left), tuple(run.failed), run.manifest if run.removed else None)


def _question(unknown: Sequence[Item]) -> str:
    lines = [f"  {item.path}" for item in unknown[:_SHOWN]]
    more = len(unknown) - _SHOWN
    return "\n".join(
        [
            "git does not ignore these, so they may be somebody's work:",
            *lines,
            *([f"  and {more} more, which --dry-run --json lists"] if more > 0 else []),
            "Remove them?",
        ]
    )


class _Removal:
    """A cleanup on its way: the rules as they are now, and what has been done."""

    def __init__(self, repository: git.Repository, left: list[Left]) -> None:
        self.removed: list[Item] = []
        self.failed: list[Left] = []
        self._left = left
        self._tracked = rules.tracked(repository)
        self._root = repository.root.resolve()
        self._closed = {str(each) for each in rules.own_environments()} | rules.mounts()
        self._busy: Mapping[str, str] | None = None
        self._lines: list[str] = []
        directory = repository.common_directory / "hephaestus" / "cleanup"
        self.manifest = directory / f"{system.now():%Y-%m-%dT%H%M%SZ}.jsonl"

    @contextlib.contextmanager
    def written(self) -> Iterator[None]:
        """Keep the manifest, also of a cleanup that is interrupted."""
        try:
            yield
        finally:
            self._write()

    def remove(self, item: Item) -> None:
        """Remove one path, or note why it is still there."""
        shown = item.path if item.root == self._root else str(item.root / item.path)
        try:
            with self._locked(item):
                why = self._stays(item)
                gone = None if why else system.remove_below(item.root, item.path, item.identity, self._spare(item))
        except Busy as busy:
            why, gone = busy.message, None
        except KeyboardInterrupt:
            self._note(shown, item, whole=False)
            raise
        if gone is None:
            self._left.append(Left(shown, why or "it is gone already"))
            return
        self.failed += [Left(shown + path[len(item.path) :], reason) for path, reason in gone.stayed]
        if gone.files or not gone.stayed:
            self._note(shown, replace(item, files=gone.files, bytes=gone.bytes), whole=not gone.stayed)
        if len(self._lines) >= _AT_ONCE:
            self._write()

    def _note(self, shown: str, item: Item, *, whole: bool) -> None:
        self.removed.append(item)
        told = {"path": shown, "kind": item.kind, "files": item.files, "bytes": item.bytes, "whole": whole}
        self._lines.append(json.dumps(told) + "\n")

    def _stays(self, item: Item) -> str:
        """Return why a path must stay by now."""
        if item.root == self._root and self._tracked.within(item.path):
            return "git tracks it by now"
        if item.runs and self._busy is None:
            self._busy = rules.in_use()
        return (self._busy or {}).get(str(item.root / item.path), "") if item.runs else ""

    def _spare(self, item: Item) -> Callable[[str, frozenset[str]], str]:
        def spare(path: str, names: frozenset[str]) -> str:
            if item.root == self._root and rules.is_repository(names):
                return "it is a repository"
            place = f"{item.root}{os.sep}{path.replace('/', os.sep)}"
            return "something is mounted there, or in use" if place in self._closed else ""

        return spare

    def _locked(self, item: Item) -> contextlib.AbstractContextManager[object]:
        lock = None if item.root == self._root else lock_of(item)
        return system.lock(lock, "another process makes it") if lock else contextlib.nullcontext()

    def _write(self) -> None:
        if self._lines:
            self.manifest.parent.mkdir(parents=True, exist_ok=True)
            system.append(self.manifest, "".join(self._lines).encode())
            self._lines.clear()
