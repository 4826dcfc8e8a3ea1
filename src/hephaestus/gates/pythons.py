"""The versions of Python a project declares, and where their interpreters are installed on this machine."""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from hephaestus import environments
from hephaestus.errors import HephaestusError
from hephaestus.gates.shown import Shown

__all__ = ["RUNNING", "admitted", "declared", "find", "usable"]

RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"
_CLASSIFIER = re.compile(r"Programming Language :: Python :: (3\.\d{1,2})")
_MINORS = tuple(f"3.{number}" for number in range(7, 40))


def declared(shown: Shown) -> tuple[str, ...]:
    """Return the versions such as `3.12` that a project says it is for, the oldest first.

    These are the ones of its classifiers; without any, those installed here that `requires-python` admits, if it is
    given.
    """
    lines = shown.project.table("project").get("classifiers", ())
    found = {match[1] for line in lines if (match := _CLASSIFIER.fullmatch(str(line)))}
    if not found and (said := _required(shown)):
        likely = [minor for minor in _MINORS if any(said.contains(f"{minor}.{patch}") for patch in (0, 99))]
        found = {minor for minor in likely if (python := find(minor)) and admitted(shown, python)}
    return tuple(sorted(found, key=_number))


def admitted(shown: Shown, python: str) -> bool:
    """Tell whether `requires-python` admits the version of an interpreter."""
    return _required(shown).contains(environments.interpreter(python)[1], prereleases=True)


def usable(shown: Shown) -> str | None:
    """Return the running interpreter where the project is for it, else the newest here that it is for, or `None`."""
    if admitted(shown, sys.executable):
        return sys.executable
    found = (python for minor in reversed(declared(shown)) if (python := find(minor)))
    return next((python for python in found if admitted(shown, python)), None)


def _required(shown: Shown) -> SpecifierSet:
    try:
        return SpecifierSet(shown.project.table("project").get("requires-python", ""))
    except (InvalidSpecifier, AttributeError, TypeError):
        return SpecifierSet()  # the gate `pyproject` says what is wrong with it


@functools.cache
def find(minor: str) -> str | None:
    """Return the path of an interpreter for a version such as `3.12` that is installed here, or `None`.

    Looked for on PATH, and where pyenv, uv, the runners of GitHub and Python's own installer for Windows put theirs.
    """
    if minor == RUNNING:
        return sys.executable
    return next((str(file) for file in _candidates(minor) if os.access(file, os.X_OK) and _works(file, minor)), None)


def _works(file: Path, minor: str) -> bool:
    try:
        return environments.interpreter(str(file))[1].startswith(f"{minor}.")
    except (HephaestusError, IndexError, OSError):
        return False


def _candidates(minor: str) -> Iterator[Path]:
    ending = ".exe" if os.name == "nt" else ""
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        # The shims of pyenv and others are there for versions that are not in use too, and end with an error.
        if folder and Path(folder).name != "shims":
            yield Path(folder) / f"python{minor}{ending}"
    inside = ("python.exe", "x64/python.exe") if os.name == "nt" else (f"bin/python{minor}", f"x64/bin/python{minor}")
    for home in _homes(minor):
        yield from (home / each for each in inside)


def _homes(minor: str) -> Iterator[Path]:
    """Yield the directories of installations of a version, the newest patch release first."""
    user = Path.home()
    data = Path(os.environ.get("APPDATA" if os.name == "nt" else "XDG_DATA_HOME") or user / ".local" / "share")
    places = (
        (Path(os.environ.get("PYENV_ROOT") or user / ".pyenv") / "versions", r"{}\.(\d+)"),
        (user / ".pyenv" / "pyenv-win" / "versions", r"{}\.(\d+)"),
        (Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or data / "uv" / "python"), r"cpython-{}\.(\d+)-.*"),
        (Path(os.environ.get("RUNNER_TOOL_CACHE") or os.devnull) / "Python", r"{}\.(\d+)"),
    )
    for place, pattern in places:
        matcher = re.compile(pattern.format(re.escape(minor)))
        try:
            matches = [(match, each) for each in place.iterdir() if (match := matcher.fullmatch(each.name))]
        except OSError:
            continue
        yield from (each for match, each in sorted(matches, key=lambda pair: int(pair[0][1]), reverse=True))
    if local := os.environ.get("LOCALAPPDATA"):
        yield Path(local) / "Programs" / "Python" / f"Python{minor.replace('.', '')}"


def _number(minor: str) -> tuple[int, ...]:
    return tuple(map(int, minor.split(".")))
