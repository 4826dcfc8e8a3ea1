"""The only door to the machine: processes, files that must not be half-written, locks, time, places.

Nothing else in the package starts a program or replaces a file, so a test that counts the calls
of this module has counted every moment at which a killed process can leave something behind.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hephaestus.errors import Busy, CommandFailed, CouldNotRun

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

__all__ = [
    "Finished",
    "Removed",
    "append",
    "area",
    "copy",
    "digest",
    "digest_of",
    "environment",
    "lock",
    "now",
    "pause",
    "program",
    "remove",
    "remove_below",
    "rename",
    "run",
    "truncate",
    "write",
]

# What `git rev-parse --local-env-vars` names: variables that would turn a git command to another repository.
_GIT_LOCAL = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NAMESPACE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
)
# They change what the paths mean that git is given.
_GIT_PATHS = ("GIT_GLOB_PATHSPECS", "GIT_ICASE_PATHSPECS", "GIT_LITERAL_PATHSPECS", "GIT_NOGLOB_PATHSPECS")
# Opens a directory by its own name alone: a symbolic link in its place is refused.
_DIRECTORY = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
# Left behind by a virtual environment or a Nox session around us; they would bend the tools we start.
_PYTHON_LOCAL = (
    "PYTHONHOME",
    "UV_PROJECT_ENVIRONMENT",
    "UV_PYTHON",
    "VIRTUAL_ENV",
    "__PYVENV_LAUNCHER__",
)


@dataclass(frozen=True)
class Finished:
    """A program that has ended: its arguments, exit code, and what it printed."""

    arguments: tuple[str, ...]
    code: int
    output: str
    errors: str

    def tail(self, lines: int = 15) -> str:
        """Return the last lines of what the program said, for an error message."""
        said = (self.errors.strip() or self.output.strip()).splitlines()
        return "\n".join(said[-lines:])


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment for programs: the user's, without what points to another repository or interpreter."""
    drop = {*_GIT_LOCAL, *_GIT_PATHS, *_PYTHON_LOCAL}
    kept = {name: value for name, value in os.environ.items() if name not in drop and not name.startswith("NOX_")}
    kept.setdefault("GIT_TERMINAL_PROMPT", "1" if sys.stdin is not None and sys.stdin.isatty() else "0")
    return {**kept, **(extra or {})}


def run(  # noqa: PLR0913  (one door, so one place for all that a program can be given)
    arguments: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    extra: Mapping[str, str] | None = None,
    inherit: bool = True,
    given: bytes | None = None,
    check: bool = True,
    on_line: Callable[[str], None] | None = None,
    keep_open: Sequence[int] = (),
) -> Finished:
    """Run a program to its end and return what it printed.

    `extra` is added to `environment()`, or is all there is where it is not to `inherit` that;
    `given` is its standard input (none by default);
    `on_line` is called with each line of its output as it comes, standard error included;
    `keep_open` are file descriptors the program holds until it ends.

    Raises `CouldNotRun` where the program does not exist and, with `check`, `CommandFailed`
    where it ends with another code than 0.
    """
    words = tuple(str(argument) for argument in arguments)
    try:
        process = subprocess.Popen(  # noqa: S603  (an argument list, never a shell)
            words,
            cwd=cwd,
            env=environment(extra) if inherit else dict(extra or {}),
            stdin=subprocess.DEVNULL if given is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if on_line is None else subprocess.STDOUT,
            pass_fds=tuple(keep_open) if os.name == "posix" else (),
        )
    except FileNotFoundError as error:
        if cwd is not None and not cwd.is_dir():
            raise CouldNotRun(f"the directory {cwd} does not exist, so {words[0]} cannot run in it") from error
        raise CouldNotRun(f"the program {words[0]} is not installed", f"command -v {words[0]}") from error
    with process:
        finished = _finish(words, process, given, on_line)
    if check and finished.code:
        raise CommandFailed(f"{_shown(words)} ended with code {finished.code}:\n{finished.tail()}")
    return finished


def _finish(
    words: tuple[str, ...],
    process: subprocess.Popen[bytes],
    given: bytes | None,
    on_line: Callable[[str], None] | None,
) -> Finished:
    try:
        if on_line is None:
            output, errors = process.communicate(given)
            return Finished(words, process.returncode, _text(output), _text(errors))
        lines = []
        assert process.stdout is not None  # it was asked for with PIPE
        for raw in process.stdout:
            lines.append(_text(raw))
            on_line(lines[-1].rstrip())
        return Finished(words, process.wait(), "".join(lines), "")
    except BaseException:
        # Ctrl-C has reached the whole foreground group: a program gets the time to tidy up before it is ended.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        raise


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _shown(words: Sequence[str]) -> str:
    """Return a command line short enough to read, for an error message."""
    return textwrap.shorten(" ".join(words), 160, placeholder=" …")


def write(path: Path, data: bytes) -> None:
    """Replace a file's bytes: after a crash it holds the old ones or the new ones, never less.

    The new bytes are on the disk before the name is; the file's mode is kept.
    """
    mode = path.stat().st_mode & 0o7777 if path.exists() else None
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask() if mode is None else mode)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def append(path: Path, data: bytes) -> None:
    """Add bytes to the end of a file and wait until they are on the disk."""
    with path.open("ab") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    _sync_directory(path.parent)


def truncate(path: Path, size: int) -> None:
    """Cut a file to `size` bytes."""
    os.truncate(path, size)


def copy(source: Path, target: Path) -> str:
    """Copy a file so that `target` is whole or absent after a crash, and return its sha256."""
    hasher = hashlib.sha256()
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as into, source.open("rb") as file:
            while block := file.read(1 << 20):
                hasher.update(block)
                into.write(block)
            into.flush()
            os.fsync(into.fileno())
        os.chmod(name, 0o666 & ~_umask())
        rename(Path(name), target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return hasher.hexdigest()


def rename(source: Path, target: Path) -> None:
    """Give a file or a directory another name in one step; an existing file is replaced."""
    os.replace(source, target)
    _sync_directory(target.parent)


def remove(path: Path) -> None:
    """Remove a file or a whole directory; one that is not there is no error.

    A directory gets another name first, so that no reader sees half of it under its own.
    """
    if path.is_dir() and not path.is_symlink():
        doomed = Path(tempfile.mkdtemp(prefix=f".{path.name}.gone-", dir=path.parent))
        os.replace(path, doomed / path.name)
        shutil.rmtree(doomed, onerror=_force)
    else:
        path.unlink(missing_ok=True)


def _force(function: Callable[[str], object], path: str, _problem: object) -> None:
    """Remove what is write-protected, as git's object files are on Windows."""
    os.chmod(path, 0o700)
    function(path)


@dataclass(frozen=True)
class Removed:
    """What `remove_below` has removed: files, and the bytes that were theirs alone; and what stays, each with why."""

    files: int
    bytes: int
    stayed: tuple[tuple[str, str], ...]


def remove_below(
    root: Path, path: str, identity: tuple[int, int], spare: Callable[[str, frozenset[str]], str]
) -> Removed | None:
    """Remove what lies at `path` (with `/`) below `root`: a file, or a directory with all that is in it.

    Unlike `remove` it is for places that others write to meanwhile. Each directory is held open and what is in it is
    named from there, so no symbolic link is followed and no other file system entered, whatever is moved; only where
    the system cannot do that (Windows), by path. What lies there must still be the file or directory with this
    `identity` (device and inode). `spare` is told the path of each directory and the names in it before anything
    of it goes: what it returns is why the directory stays, and is empty for one that goes.
    A problem with one file is told in what is returned, and ends nothing; `None` is returned where nothing was there.
    """
    *above, name = path.split("/")
    descent, told = _Descent(root, spare), None
    try:
        for each in above:
            descent.enter(each)
        told = descent.look(name)
        if (told.st_dev, told.st_ino) != identity:
            descent.stayed.append((path, "it is another one by now"))
        elif stat.S_ISDIR(told.st_mode):
            descent.remove_directory(name)
        else:
            descent.remove_file(name, told)
    except OSError as error:
        if told is None and isinstance(error, FileNotFoundError):
            return None
        descent.stayed.append((path, error.strerror or str(error)))
    finally:
        descent.close()
    return Removed(descent.files, descent.bytes, tuple(descent.stayed))


class _Descent:
    """A place below a root that is entered and left name by name: a directory held open, or a path on Windows."""

    HELD = {os.open, os.stat, os.unlink, os.rmdir} <= os.supports_dir_fd and os.scandir in os.supports_fd

    def __init__(self, root: Path, spare: Callable[[str, frozenset[str]], str]) -> None:
        self.files = self.bytes = 0
        self.stayed: list[tuple[str, str]] = []
        self._spare = spare
        self._names: list[str] = []
        self._root = root
        self._handle = os.open(root, _DIRECTORY) if self.HELD else None
        self._trail = [self._here()]

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)

    def _here(self) -> os.stat_result:
        return os.stat(self._place)  # noqa: PTH116  (an open directory has no path)

    @property
    def _place(self) -> str | int:
        return str(Path(self._root, *self._names)) if self._handle is None else self._handle

    def _at(self, name: str) -> str:
        return name if self.HELD else str(Path(self._root, *self._names, name))

    def look(self, name: str) -> os.stat_result:
        return os.stat(self._at(name), dir_fd=self._handle, follow_symlinks=False)

    def enter(self, name: str) -> None:
        """Go into a directory, which must be one, in the same file system."""
        if self._handle is None:
            told = self.look(name)
            if not stat.S_ISDIR(told.st_mode) or bool(getattr(told, "st_reparse_tag", 0)):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), name)
        else:
            below = os.open(name, _DIRECTORY, dir_fd=self._handle)
            os.close(self._handle)
            self._handle = below
        self._names.append(name)
        self._trail.append(self._here())
        if self._trail[-1].st_dev != self._trail[0].st_dev:
            self.leave()
            raise OSError(errno.EXDEV, "another file system is mounted there", name)

    def leave(self) -> str:
        """Go back to the directory this one was entered from, and return the name it had there."""
        if self._handle is not None:
            above = os.open("..", _DIRECTORY, dir_fd=self._handle)
            os.close(self._handle)
            self._handle = above
        self._trail.pop()
        name = self._names.pop()
        if not os.path.samestat(self._here(), self._trail[-1]):
            raise OSError(errno.ESTALE, "it was moved meanwhile", name)
        return name

    def remove_directory(self, name: str) -> None:
        """Remove a directory from the leaves up, however deep it is; one is held open at a time."""
        before = len(self._trail)
        waiting: list[list[str] | None] = [[name]]
        while waiting:
            todo = waiting[-1]
            if todo:
                child = todo.pop()
                try:
                    self.enter(child)
                except OSError as error:
                    self._refused(child, error)
                if len(self._trail) == before + len(waiting):
                    waiting.append(self._clear())
                continue
            waiting.pop()
            if waiting:
                emptied = self.leave()
                if todo is not None:
                    self._remove_empty(emptied)

    def _clear(self) -> list[str] | None:
        """Remove the files of the directory, and return its directories; `None` where nothing goes, which is told."""
        path = "/".join(self._names)
        try:
            found = self._list()
            why = self._spare(path, frozenset(name for name, _ in found))
        except OSError as error:
            found, why = [], error.strerror or str(error)
        if why:
            self.stayed.append((path, why))
            return None
        for name, is_directory in found:
            if is_directory:
                continue
            try:
                self.remove_file(name, self.look(name))
            except OSError as error:
                self._refused(name, error)
        return [name for name, is_directory in found if is_directory]

    def _list(self) -> list[tuple[str, bool]]:
        with os.scandir(self._place) as listed:
            return [(each.name, each.is_dir(follow_symlinks=False)) for each in listed]

    def remove_file(self, name: str, told: os.stat_result) -> None:
        os.unlink(self._at(name), dir_fd=self._handle)
        self.files += 1
        self.bytes += told.st_size if told.st_nlink <= 1 else 0  # Windows says 0

    def _remove_empty(self, name: str) -> None:
        try:
            os.rmdir(self._at(name), dir_fd=self._handle)
        except FileNotFoundError:
            return
        except OSError as error:
            if not self.stayed:  # else something is left in it, which has been told
                self.stayed.append(("/".join([*self._names, name]), error.strerror or str(error)))

    def _refused(self, name: str, error: OSError) -> None:
        """Note what the system refuses, but for what is gone already; what was moved away ends the descent."""
        if error.errno == errno.ESTALE:
            raise error
        if not isinstance(error, FileNotFoundError):
            self.stayed.append(("/".join([*self._names, name]), error.strerror or str(error)))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_directory(directory: Path) -> None:
    """Make a new name in a directory survive a power cut, where the system can."""
    if os.name == "posix":
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def digest(path: Path) -> str:
    """Return the sha256 of a file as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of(data: bytes) -> str:
    """Return the sha256 of bytes as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


@contextlib.contextmanager
def lock(path: Path, busy: str, *, wait: bool = False) -> Iterator[int]:
    """Hold the lock file at `path` and give its file descriptor; a killed process leaves it free.

    A program that is handed the descriptor (`keep_open`) holds the lock as well, until it ends:
    lock libraries keep theirs to themselves.
    Raises `Busy` with the message `busy` when another process holds it, unless `wait`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        if not _locked(file.fileno(), wait=False):
            if not wait:
                raise Busy(busy, f"fuser -v {shlex.quote(str(path))}")
            logging.getLogger("hephaestus").info("waiting: %s", busy)
            while not _locked(file.fileno(), wait=True):
                pause(0.1)
        yield file.fileno()


def _locked(descriptor: int, *, wait: bool) -> bool:
    """Take the lock of an open file, which the system frees when the last holder closes it or dies."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


def program(name: str) -> str | None:
    """Return the path of a program beside this Python or on PATH, or `None`."""
    beside = shutil.which(name, path=str(Path(sys.executable).parent))
    return beside or shutil.which(name)


def area(key: str) -> Path:
    """Return the directory, outside every checkout, where work for `key` is kept between runs."""
    from platformdirs import user_cache_path

    return user_cache_path("hephaestus", appauthor=False) / key


def now() -> datetime:
    """Return the time in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def pause(seconds: float) -> None:
    """Wait; Ctrl-C ends the wait."""
    time.sleep(seconds)
