"""The fingerprint of a project's files: exactly the bytes that gates can read, those that git ignores included.

git's own tree would not do: it leaves out what is ignored, trusts flags that hide changes, and takes files for equal
that only its filters make so.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hephaestus import git, system

__all__ = ["Files", "files", "fingerprint"]

# Ignored directories that no gate reads: caches, builds, environments. What else is ignored may be read.
_LEFT_OVER = {
    *(".cache", ".coverage", ".eggs", ".hypothesis", ".idea", ".import_linter_cache", ".mypy_cache", ".nox"),
    *(".pytest_cache", ".ruff_cache", ".tox", ".ty_cache", ".uv-cache", ".vscode", "__pycache__", "htmlcov"),
    *("build", "dist", "node_modules"),
}
_LEFT_OVER_ENDINGS = (".pyc", ".pyo", ".egg-info", ".DS_Store")
# A file that was changed so shortly before it was looked at may change again within the same tick of the clock.
_NANOSECONDS_UNSURE = 2_000_000_000
# What is remembered of a file: that it stayed as it is, its kind, its hash.
_PARTS = 3


@dataclass(frozen=True)
class Files:
    """The files of a directory: `paths` that git does not ignore, and those of the `ignored` that gates may read."""

    root: Path
    paths: tuple[str, ...]
    ignored: tuple[str, ...]


def files(repository: git.Repository) -> Files:
    """Return the files of a clone's checkout."""
    listed = repository.run("ls-files", "-z", "--cached", "--others", "--exclude-standard").output.split("\0")
    root = repository.root
    paths = sorted({each for name in filter(None, listed) for each in _within(root, name)})
    words = ("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
    ignored = [name for name in repository.run(*words).output.split("\0") if name]
    return Files(root, tuple(paths), tuple(sorted(_read_by_gates(root, ignored))))


def fingerprint(found: Files, memory: Path) -> str:
    """Return the sha256 of the names, kinds and bytes of files.

    `memory` is a file that keeps the hashes of files that stay as they are, from one call to the next.
    """
    known = _remembered(memory)
    told: dict[str, list[object]] = {}
    total = hashlib.sha256()
    for path in (*found.paths, *found.ignored):
        told[path] = entry = _entry(found.root / path, known.get(path))
        total.update(json.dumps([path, *entry[-2:]]).encode("utf-8", "surrogateescape"))
    if told != known:
        memory.parent.mkdir(parents=True, exist_ok=True)
        system.write(memory, json.dumps(told).encode("utf-8", "surrogateescape"))
    return total.hexdigest()


def _entry(file: Path, known: list[object] | None) -> list[object]:
    """Return what is remembered of a file: what tells that it stayed as it is, its kind, and the hash of its bytes."""
    try:
        status = file.lstat()
        if stat.S_ISLNK(status.st_mode):
            # What it leads to may lie outside of the project.
            return [None, "link", f"{file.readlink()} {system.digest(file) if file.is_file() else ''}"]
        if not stat.S_ISREG(status.st_mode):
            return [None, "other", ""]
        kind = "program" if status.st_mode & 0o111 else "file"
        unchanged = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
        if isinstance(known, list) and known[:2] == [unchanged, kind] and len(known) == _PARTS:
            return known
        sure = max(status.st_mtime_ns, status.st_ctime_ns) < time.time_ns() - _NANOSECONDS_UNSURE
        return [unchanged if sure else None, kind, system.digest(file)]
    except (FileNotFoundError, NotADirectoryError):
        return [None, "absent", ""]
    except PermissionError:
        return [None, "unreadable", str(time.time_ns())]  # never the same: what cannot be read is not known


def _remembered(memory: Path) -> dict[str, list[object]]:
    try:
        known = json.loads(memory.read_bytes())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _within(root: Path, name: str) -> Iterator[str]:
    """Yield the files of an entry of git's: itself, or all in a submodule or a clone of its own."""
    if not (root / name).is_dir() or (root / name).is_symlink():
        yield name
        return
    yield from _walk(root, name.rstrip("/"), skip={".git"})


def _walk(root: Path, folder: str, skip: Iterable[str]) -> Iterator[str]:
    for directory, folders, names in os.walk(root / folder):
        folders[:] = [
            each for each in folders if each not in skip and not (Path(directory, each) / "pyvenv.cfg").is_file()
        ]
        yield from (Path(directory, each).relative_to(root).as_posix() for each in names if not _left_over(each))


def _read_by_gates(root: Path, ignored: Iterable[str]) -> Iterator[str]:
    for name in ignored:
        path = PurePosixPath(name)
        if any(_left_over(part) for part in path.parts) or (root / name / "pyvenv.cfg").is_file():
            continue
        if name.endswith("/"):
            yield from _walk(root, name.rstrip("/"), skip=_LEFT_OVER)
        else:
            yield name


def _left_over(name: str) -> bool:
    return name in _LEFT_OVER or name.endswith(_LEFT_OVER_ENDINGS) or name.startswith(".coverage.")
