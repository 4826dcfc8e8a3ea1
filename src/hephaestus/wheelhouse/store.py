"""The store: verified files under the name of their sha256, shared by all projects of a user and never changed."""

from __future__ import annotations

import contextlib
import itertools
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hephaestus import system
from hephaestus.errors import Busy

__all__ = ["Store", "default"]

_DAY = 24 * 60 * 60


@dataclass(frozen=True)
class Store:
    """Files under `root`, as `sha256/ab/abcd…`, read-only, each whole from the moment it has its name.

    What is taken in must have been verified; who uses a file checks its hash again, as disks forget.
    """

    root: Path

    def path(self, sha256: str) -> Path:
        """Return where the file of a hash lies, or would lie."""
        return self.root / "sha256" / sha256[:2] / sha256

    def holds(self, sha256: str, size: int | None = None) -> bool:
        """Tell whether a file is here, with the given size where one is given, and note that it is in use."""
        path = self.path(sha256)
        try:
            found = path.stat()
        except FileNotFoundError:
            return False
        if found.st_mtime < _now() - _DAY:
            with contextlib.suppress(OSError):  # another user's store may be read as well
                os.utime(path)
        return size is None or found.st_size == size

    def adopt(self, temporary: Path, sha256: str) -> Path:
        """Take in a verified file, which loses its old name, and return where it lies now.

        Two processes may adopt the same file: the first one to come decides, the other is dropped. A file of
        another size under that name is what a power cut has left, and is replaced.
        """
        path = self.path(sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        size = temporary.stat().st_size
        os.chmod(temporary, 0o444)
        os.utime(temporary)
        try:
            os.link(temporary, path)
        except FileExistsError:
            if not self.holds(sha256, size):
                self.discard(sha256)
                system.rename(temporary, path)
        except OSError:  # no hard links here
            system.rename(temporary, path)
        _unlink(temporary)
        return path

    def put(self, source: Path) -> str:
        """Take in a copy of a file and return its sha256."""
        sha256 = system.digest(source)
        if not self.holds(sha256, source.stat().st_size):
            self.root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".put-", dir=self.root) as folder:
                copy = Path(folder, "file")
                sha256 = system.copy(source, copy)  # of the bytes that were copied, should they change meanwhile
                self.adopt(copy, sha256)
        return sha256

    def link(self, sha256: str, target: Path) -> None:
        """Give a file of the store another name: a hard link, or a copy where the file system has none."""
        _unlink(target)
        try:
            os.link(self.path(sha256), target)
        except OSError:
            system.copy(self.path(sha256), target)

    @contextlib.contextmanager
    def downloads(self) -> Iterator[Path]:
        """Hold a directory for partial downloads, each named by the sha256 it will have, for this caller alone.

        What is left in it by a killed process is found again by the next one.
        """
        for number in itertools.count():
            folder = self.root / "partial" / str(number)
            try:
                with system.lock(folder.with_suffix(".lock"), f"another download uses {folder}"):
                    folder.mkdir(exist_ok=True)
                    yield folder
                    return
            except Busy:
                continue

    def discard(self, sha256: str) -> None:
        """Remove a file, such as one whose bytes are found to be damaged; one that is not here is no error."""
        _unlink(self.path(sha256))

    def prune(self, days: float) -> int:
        """Remove all files, partial downloads among them, that were not used for some days; return their bytes."""
        freed = 0
        for path in [*self.root.glob("sha256/*/*"), *self.root.glob("partial/*/*")]:
            found = path.stat()
            if found.st_mtime < _now() - days * _DAY:
                _unlink(path)
                freed += found.st_size
        return freed


def default() -> Store:
    """Return the user's own store."""
    return Store(system.area("store"))


def _now() -> float:
    return system.now().timestamp()


def _unlink(path: Path) -> None:
    """Remove a file, read-only ones on Windows too."""
    if os.name == "nt" and path.exists():
        os.chmod(path, 0o600)
    path.unlink(missing_ok=True)
