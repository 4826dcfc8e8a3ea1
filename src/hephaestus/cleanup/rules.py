"""What must stay, whatever it is called: what git tracks, other repositories, mounts, and environments in use."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hephaestus import git
from hephaestus.errors import UsageError

__all__ = [
    "REPOSITORIES",
    "Paths",
    "in_use",
    "is_repository",
    "mounts",
    "own_environments",
    "refuse_dangerous",
    "tracked",
    "untracked",
]

# What makes a directory the top of a repository of its own: names that do alone, and those of a bare one together.
REPOSITORIES = frozenset({".git", ".Git", ".GIT", ".hg", ".jj", ".svn", ".bzr", "_darcs"})
_BARE = frozenset({"HEAD", "objects", "refs"})
# A tracked file with one of these names says that what lies here is a project.
_SIGNS = ("pyproject.toml", "setup.py", "setup.cfg", "noxfile.py", "tasks.py", "tox.ini", "package.json")
# Directories of systems, which no project is at; their parents are none either.
_OF_SYSTEMS = (
    *("/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/media", "/mnt", "/opt", "/proc", "/root", "/run"),
    *("/sbin", "/srv", "/sys", "/tmp", "/usr/bin", "/usr/lib", "/usr/local/bin", "/usr/local/lib", "/usr/share"),  # noqa: S108  (nothing is written there)
    *("/var/lib", "/var/tmp", "/Applications", "/Library", "/System/Library", "/Users/Shared", "/Volumes"),  # noqa: S108  (the same)
    *("/private/tmp", "/private/var", "/opt/homebrew", "C:/Windows/System32", "C:/Program Files"),
    *("C:/Program Files (x86)", "C:/ProgramData", "C:/Users/Public"),
)
_ESCAPED = re.compile(rb"\\([0-7]{3})")


def is_repository(names: Collection[str]) -> bool:
    """Tell by the names in a directory whether it is the top of a repository, a work tree or a submodule."""
    return not REPOSITORIES.isdisjoint(names) or ("HEAD" in names and _BARE.issubset(names))


@dataclass(frozen=True)
class Paths:
    """Paths relative to a root, compared by case or without (`folded`), as its file system does it.

    Those that end with `/` are whole directories.
    """

    paths: frozenset[str]
    folded: bool

    @cached_property
    def directories(self) -> AbstractSet[str]:
        """The directories that hold one of the paths, at any depth."""
        found: set[str] = set()
        for path in self.paths:
            parent = path.rpartition("/")[0]
            while parent and parent not in found:
                found.add(parent)
                parent = parent.rpartition("/")[0]
        return found

    def within(self, path: str) -> bool:
        """Tell whether one of the paths lies in a directory, or is it."""
        key = _folded(path) if self.folded else path
        return key in self.directories or key in self.paths


def _folded(path: str) -> str:
    return path if path.isascii() and path.islower() else unicodedata.normalize("NFC", path.casefold())


def tracked(repository: git.Repository) -> Paths:
    """Return the paths git tracks, submodules included."""
    return _listed(repository, "--cached")


def untracked(repository: git.Repository) -> Paths:
    """Return the paths git neither tracks nor ignores."""
    return _listed(repository, "--others", "--exclude-standard")


def _listed(repository: git.Repository, *words: str) -> Paths:
    listed = repository.run("ls-files", "-z", *words).output.split("\0")
    folded = _ignores_case(repository)
    return Paths(frozenset(_folded(each) if folded else each for each in listed if each), folded)


def _ignores_case(repository: git.Repository) -> bool:
    """Tell whether two names that differ in case alone are one: by the file system, and by what git was told of it."""
    with contextlib.suppress(OSError):
        if (repository.root / ".git").samefile(repository.root / ".GIT"):
            return True
    return repository.config("core.ignoreCase", kind="bool") == "true"


def refuse_dangerous(root: Path, tracked: Paths) -> None:
    """Refuse a root in which nobody can mean to clean.

    Raises `UsageError` for the top of a file system, a home, what holds a home, a directory of the system, a virtual
    environment, and one where git tracks no file that makes it a project.
    """
    hint = "cd PROJECT && hephaestus cleanup --dry-run"
    resolved = root.resolve()
    for home in _homes():
        if home.is_relative_to(resolved):
            what = "your home" if home == resolved else "a directory that holds your home"
            raise UsageError(f"{root} is {what}, and nothing is cleaned up there", hint)
    if any(Path(each).is_relative_to(resolved) for each in _OF_SYSTEMS if Path(each).is_absolute()):
        raise UsageError(f"{root} is a directory of the system, and nothing is cleaned up there", hint)
    if (root / "pyvenv.cfg").exists() or resolved in own_environments():
        raise UsageError(f"{root} is a virtual environment, and nothing is cleaned up there", hint)
    if not any(path.rpartition("/")[2] in _SIGNS for path in tracked.paths):
        message = f"git tracks no {', '.join(_SIGNS[:3])} or the like in {root}, so it does not look like a project"
        raise UsageError(message, f"ls -la {root}")


def _homes() -> set[Path]:
    found = {Path(os.path.expanduser("~"))}  # noqa: PTH111  (Path.home fails where there is none)
    if sys.platform != "win32":
        import pwd

        with contextlib.suppress(KeyError):
            found.add(Path(pwd.getpwuid(os.getuid()).pw_dir))
    return {each.resolve() for each in found if each.is_absolute() and each != Path(each.anchor)}


def mounts() -> AbstractSet[str]:
    """Return the paths on which something is mounted, other parts of the same file system too, where that can be seen.

    That is Linux (proc_pid_mountinfo(5)); elsewhere what is mounted is seen by its device alone.
    """
    try:
        lines = Path("/proc/self/mountinfo").read_bytes().splitlines()
    except OSError:
        return frozenset()
    places = (b"".join(line.split(b" ")[4:5]) for line in lines)
    return {os.fsdecode(_ESCAPED.sub(lambda found: bytes([int(found[1], 8)]), place)) for place in places}


def own_environments() -> AbstractSet[Path]:
    """Return the environments this process stands on, and those it was told it stands in."""
    told = (os.environ.get(name, "") for name in ("VIRTUAL_ENV", "CONDA_PREFIX"))
    return {Path(each).resolve() for each in (sys.prefix, sys.base_prefix, *told) if each}


def in_use() -> Mapping[str, str]:
    """Return the directories from which something runs, and all above them, each with what that is, in words.

    That is this process, by its interpreter and `VIRTUAL_ENV`, and every other one by the program it was started as,
    the directory it works in, and its `VIRTUAL_ENV`; one of another user only tells what its system lets us see.
    """
    found: dict[str, str] = {}
    for path, who in [*((str(each), "this process") for each in own_environments()), *_running()]:
        for each in (path, *map(str, Path(path).parents)):
            found.setdefault(each, f"{who} runs from it, or works in it")
    return found


def _running() -> Iterator[tuple[str, str]]:
    import psutil

    for process in psutil.process_iter():
        told: list[str] = []
        with contextlib.suppress(psutil.Error, OSError):
            told.append(process.exe())
        with contextlib.suppress(psutil.Error, OSError):
            here = process.cwd()
            told.append(here)
            # The program, or the interpreter and its script; by a name that may be a link, as in an environment.
            words = (Path(here, word) for word in process.cmdline()[:2] if word and word[0] != "-")
            told += [str(word.parent.resolve() / word.name) for word in words]
        with contextlib.suppress(psutil.Error, OSError):
            told.append(os.path.realpath(process.environ().get("VIRTUAL_ENV") or os.sep))
        yield from ((each, f"process {process.pid}") for each in told if Path(each).is_absolute())
