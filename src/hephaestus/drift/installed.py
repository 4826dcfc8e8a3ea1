"""What is installed: the packages of a virtual environment by the names of their directories, and its Python."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from hephaestus.drift.places import Place

__all__ = ["Environment", "active", "find", "read"]

_METADATA = re.compile(r"(?P<name>[^-]+)-(?P<version>[^-]+)\.dist-info")
_PYTHON = re.compile(r"(?:version|version_info)\s*=\s*(\d+\.\d+\.\d+)")


@dataclass(frozen=True)
class Environment:
    """A virtual environment: its path as it is shown, its packages, and its version of Python.

    `packages` maps names to the version and the place that tells it; `python` is `None` where nothing tells it.
    """

    path: str
    packages: Mapping[str, tuple[str, Place]]
    python: str | None
    place: Place


def find(root: Path, also: Path | None = None) -> Path | None:
    """Return the environment of a project: `.venv` or `venv` in its root, else `also`."""
    for path in (root / ".venv", root / "venv", also):
        if path is not None and (path / "pyvenv.cfg").is_file():
            return path
    return None


def active(root: Path) -> Path | None:
    """Return the environment that is active, or that runs this, where it is the one of the project in `root`.

    It is where it lies in the root, or the root is installed in it as a directory (PEP 610).
    """
    for prefix in filter(None, (os.environ.get("VIRTUAL_ENV"), sys.prefix)):
        path = Path(prefix)
        if path.is_relative_to(root) or any(_from(each, root) for each in _addresses(path)):
            return path
    return None


def read(root: Path, path: Path) -> Environment:
    """Read an environment; raises `OSError` where its directories cannot be listed."""
    shown = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    packages: dict[str, tuple[str, Place]] = {}
    for folder in _folders(path):
        below = f"{shown}/{folder.relative_to(path).as_posix()}"
        for each in sorted(folder.iterdir()):
            found = _METADATA.fullmatch(each.name)
            if found:
                packages[canonicalize_name(found["name"])] = found["version"], Place(f"{below}/{each.name}")
    python, place = None, Place(f"{shown}/pyvenv.cfg")
    lines = (path / "pyvenv.cfg").read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, 1):
        told = _PYTHON.match(line)
        if told:
            python, place = told[1], Place(place.path, number, line.strip())
    return Environment(shown, packages, python, place)


def _folders(path: Path) -> list[Path]:
    """Return the directories that packages are installed in: one, but for odd environments."""
    return [folder for pattern in ("lib/python3.*/site-packages", "Lib/site-packages") for folder in path.glob(pattern)]


def _addresses(path: Path) -> list[Path]:
    """Return the files that say from where a package was installed, for those that came from no index."""
    return [each for folder in _folders(path) for each in folder.glob("*.dist-info/direct_url.json")]


def _from(address: Path, root: Path) -> bool:
    try:
        return f'"{root.as_uri()}"' in address.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False
