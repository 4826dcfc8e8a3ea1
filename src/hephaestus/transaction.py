"""A directory that is made, or changed, as a whole or not at all, whenever the process is killed."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import logging
import os
import re
import secrets
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

from hephaestus import system
from hephaestus.errors import CouldNotRun, UsageError

__all__ = ["changed", "held", "made", "settled"]

log = logging.getLogger("hephaestus")

# What was begun, and the random word in the names of all that belongs to it.
_BEGUN = re.compile(r"(made|changed) ([0-9a-f]{16})\n")


@contextlib.contextmanager
def held(root: Path) -> Iterator[int]:
    """Let no other process make or change a directory meanwhile, and first undo what a killed one began there.

    Gives the descriptor of the lock: a program that is handed it (`keep_open`) keeps others away until it ends, even
    where this process is killed. Raises `Busy` where another process is at it.
    """
    root = settled(root)
    with system.lock(_outside(root, ""), f"another process makes or changes {root}") as descriptor:
        _recover(root)
        yield descriptor


@contextlib.contextmanager
def made(root: Path) -> Iterator[None]:
    """Make a new directory, with its parents, to be filled; where that fails, nothing is left of it or of them.

    A parent that somebody else uses by then stays.
    Raises `UsageError` where something is there already, and `CouldNotRun` where it cannot be made.
    """
    root = settled(root)
    if os.path.lexists(root):
        raise UsageError(f"{root} exists already", f"ls -ld {shlex.quote(str(root))}")
    missing = [path for path in root.parents if not os.path.lexists(path)]
    with contextlib.ExitStack() as failed:
        try:
            word = _begin(root, "made")
            failed.callback(_forget, root)
            for parent in reversed(missing):
                parent.mkdir()
                failed.callback(_remove_empty, parent)
            failed.callback(_recover, root)  # before its parents: what is undone last was done first
            begun = _beside(root, word, "begun")
            begun.mkdir()
            _mark(begun, word).touch()
            system.rename(begun, root)
        except OSError as error:
            place = shlex.quote(str((missing or [root])[-1].parent))
            raise CouldNotRun(f"{root} cannot be made: {error}", f"ls -ld {place}") from error
        yield
        failed.pop_all()
    system.remove(_mark(root, word))
    _forget(root)


@contextlib.contextmanager
def changed(root: Path) -> Iterator[None]:
    """Change an existing directory; where that fails, it is put back as it was.

    What was there is kept beside it as hard links, so whoever changes it must replace files and not write into them,
    as installers of wheels do. Raises `CouldNotRun` where nothing can be kept beside it.
    """
    root = settled(root)
    try:
        word = _begin(root, "changed")
        shutil.copytree(root, _beside(root, word, "begun"), symlinks=True, copy_function=_link)
        system.rename(_beside(root, word, "begun"), _beside(root, word, "kept"))
        _mark(root, word).touch()
    except (OSError, shutil.Error) as error:
        with contextlib.suppress(OSError):
            _recover(root)
        place = shlex.quote(str(root.parent))
        raise CouldNotRun(f"{root} cannot be kept while it is changed: {error}"[:400], f"ls -ld {place}") from error
    try:
        yield
    except BaseException:
        _recover(root)
        raise
    system.remove(_mark(root, word))
    _recover(root)


def settled(root: Path) -> Path:
    """Return the one absolute path of a directory that may not be there; only its last name may be a symbolic link."""
    if root.name in {"", ".."}:
        return Path(os.path.realpath(root))
    return Path(os.path.realpath(root.parent), root.name)


# What was begun is written down outside the directory, where nobody else writes. Nothing inside or beside it is
# removed or put back unless it has the same random word in its name, so it is not somebody's own.


def _begin(root: Path, what: str) -> str:
    """Write down that a directory is made or changed, before anything is, and return the word of it."""
    word = secrets.token_hex(8)
    note = _outside(root, ".begun")
    note.parent.mkdir(parents=True, exist_ok=True)
    system.write(note, f"{what} {word}\n".encode())
    return word


def _forget(root: Path) -> None:
    system.remove(_outside(root, ".begun"))


def _recover(root: Path) -> None:
    """Undo what was begun and not finished, and tidy up after what was."""
    try:
        found = _BEGUN.fullmatch(_outside(root, ".begun").read_text(encoding="ascii", errors="replace"))
    except FileNotFoundError:
        return
    if found is None or not root.parent.is_dir():
        return
    what, word = found.groups()
    kept, half = _beside(root, word, "kept"), _mark(root, word).exists()
    if kept.is_dir() and (half or not os.path.lexists(root)):
        log.info("putting %s back as it was", root)
        _set_aside(root, word)
        system.rename(kept, root)
    elif half and what == "made":
        log.info("removing %s, which was never finished", root)
        _set_aside(root, word)
    name = f".{glob.escape(root.name)}.{word}."
    for left in (*root.parent.glob(f"{name}*"), *root.parent.glob(f".{name}*")):  # the latter of a killed removal
        system.remove(left)
    _forget(root)


def _set_aside(root: Path, word: str) -> None:
    """Give a directory that is to be removed a name that tells so, even to who comes after a kill."""
    if os.path.lexists(root):
        system.rename(root, _beside(root, word, "gone"))


def _remove_empty(directory: Path) -> None:
    with contextlib.suppress(OSError):
        directory.rmdir()


def _link(source: str, target: str) -> None:
    """Give a file a second name, or copy it where the file system has no such thing."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def _outside(root: Path, ending: str) -> Path:
    return system.area("locks") / f"{hashlib.sha256(os.fsencode(root)).hexdigest()}{ending}"


def _beside(root: Path, word: str, what: str) -> Path:
    return root.with_name(f".{root.name}.{word}.{what}")


def _mark(root: Path, word: str) -> Path:
    return root / f".unfinished.{word}"
