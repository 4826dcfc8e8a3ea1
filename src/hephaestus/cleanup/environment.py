"""Whether a virtual environment still works, told by its files alone: nothing in it is run."""

from __future__ import annotations

import os
import re
from collections.abc import Set as AbstractSet
from pathlib import Path

__all__ = ["is_environment", "why_stale"]

# What an environment holds at its top; what else lies there was put there by somebody.
_OWN = frozenset(
    {
        *("bin", "Scripts", "lib", "lib64", "Lib", "include", "Include", "share", "etc", "man", "doc", "pyvenv.cfg"),
        *(".gitignore", ".lock", "CACHEDIR.TAG", "pip-selfcheck.json", ".Python", "__pycache__", ".DS_Store"),
    }
)
_PYTHONS = ("python", "python3", "python.exe")
_MOST = 1 << 16


def is_environment(names: AbstractSet[str]) -> bool:
    """Tell by the names in a directory whether it is a virtual environment (PEP 405) or one of conda."""
    return "pyvenv.cfg" in names or "conda-meta" in names


def why_stale(home: Path, names: AbstractSet[str]) -> str:
    """Return why a virtual environment cannot work any more, in words; empty for one that may, and for what is none.

    It cannot where its interpreter is gone, cannot be run, or is of another version than it was made for.
    One that holds more than an environment does is never called stale.
    """
    programs = home / ("bin" if "bin" in names else "Scripts")
    if "pyvenv.cfg" not in names or not names <= _OWN or not programs.is_dir():
        return ""
    try:
        with (home / "pyvenv.cfg").open("rb") as file:
            settings = dict(_setting(line) for line in file.read(_MOST).decode("utf-8", "replace").splitlines())
    except OSError:
        return ""
    python = next((each for name in _PYTHONS if os.path.lexists(each := programs / name)), None)
    return "it has no interpreter" if python is None else _why_dead(python, settings)


def _why_dead(python: Path, settings: dict[str, str]) -> str:
    """Return why an interpreter cannot be the one that the settings of its environment tell of."""
    real = os.path.realpath(python)
    made_for = re.match(r"\d+\.\d+", settings.get("version_info", settings.get("version", "")))
    found = re.search(r"(\d+\.\d+)(?:\.exe)?$", real)
    if not python.exists():
        return f"its interpreter, {real}, is gone"
    if not os.access(python, os.X_OK):
        return "its interpreter cannot be run"
    if not python.is_symlink() and "home" in settings and not Path(settings["home"]).is_dir():
        return f"the Python it was made from, in {settings['home']}, is gone"
    if made_for and found and made_for[0] != found[1]:
        return f"it was made for Python {made_for[0]}, and its interpreter is {found[1]} now"
    return ""


def _setting(line: str) -> tuple[str, str]:
    key, _, value = line.partition("=")
    return key.strip().lower(), value.strip()
