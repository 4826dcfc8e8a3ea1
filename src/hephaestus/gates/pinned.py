"""Pinning a wheel in an environment: what it brings is imported from there and never from the source tree.

Tests are run where the sources lie, so `sys.path` leads to them by many ways: `pythonpath` of pytest's configuration,
the directories of tests it inserts, PYTHONPATH, the working directory. A module that the wheel forgot would be found.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from hephaestus import system
from hephaestus.environments import Environment
from hephaestus.errors import CouldNotRun
from hephaestus.gates import _pinned

__all__ = ["astray", "import_names", "importable", "members", "pin", "variables"]

_HOOK = "_hephaestus_pinned"
_DATA = ".data"
_SITE = ("purelib", "platlib")


def pin(environment: Environment, wheel: Path) -> None:
    """Make the top-level names of a wheel come from an environment, in which it is installed, whatever `sys.path` says.

    Raises `CouldNotRun` where the wheel cannot be read, or the environment has no place for packages.
    """
    places = _places(environment)
    if not places:
        raise CouldNotRun(f"{environment.root} is no virtual environment", f"ls {environment.root}")
    call = f"{_HOOK}.install({list(import_names(members(wheel)))!a}, {[str(each) for each in places]!a})"
    system.write(places[0] / f"{_HOOK}.py", Path(_pinned.__file__).read_bytes())
    system.write(places[0] / f"{_HOOK}.pth", f"import {_HOOK}; {call}\n".encode())


def members(wheel: Path) -> tuple[str, ...]:
    """Return the paths of what a wheel installs beside other packages, with `/`, sorted; its metadata is left out.

    Raises `CouldNotRun` where it cannot be read.
    """
    try:
        with zipfile.ZipFile(wheel) as opened:
            names = [name for name in opened.namelist() if not name.endswith("/")]
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise CouldNotRun(f"{wheel.name} cannot be read as a wheel: {error}", f"unzip -t {wheel}") from error
    return tuple(sorted(path for path in map(_installed, names) if path))


def import_names(paths: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the packages and modules at the top of the paths that a wheel installs, sorted."""
    found = set()
    for path in paths:
        top, _, below = path.partition("/")
        if below or path.endswith((".py", ".so", ".pyd")):
            found.add(top if below else top.partition(".")[0])
    return tuple(sorted(name for name in found if name.isidentifier()))


def importable(paths: Iterable[str]) -> tuple[str, ...]:
    """Return the dotted names of the outermost packages and modules among the paths that a wheel installs, sorted.

    A folder without an `__init__` is shared by several projects (PEP 420): what lies in it is named instead.
    """
    modules = [path for path in paths if path.endswith((".py", ".so", ".pyd"))]
    packages = {path.rpartition("/")[0] for path in modules if path.rpartition("/")[2].startswith("__init__.")}
    found = set()
    for path in modules:
        folders = path.split("/")[:-1]
        above = ("/".join(folders[:depth]) for depth in range(1, len(folders) + 1))
        outermost = next((folder for folder in above if folder in packages), None)
        whole = outermost or "/".join([*folders, path.rpartition("/")[2].partition(".")[0]])
        if all(part.isidentifier() and part != "__main__" for part in whole.split("/")):
            found.add(whole.replace("/", "."))
    return tuple(sorted(found))


def variables(scratch: Path, tests: Mapping[str, Path]) -> dict[str, str]:
    """Return the environment variables for programs of a pinned environment.

    `tests` maps the dotted names of test modules that lie in the packages of the source tree to the directories that
    hold them: these come from the source tree, where pytest collects them. What is loaded past it all is told by
    `astray`, of the same directory `scratch`.
    """
    lines = [f"{name}={place}\n" for name, place in tests.items()]
    system.write(scratch / "tests-in-packages", "".join(lines).encode("utf-8", "surrogateescape"))
    return {_pinned.TESTS: str(scratch / "tests-in-packages")}


def astray(scratch: Path) -> Sequence[str]:
    """Return what programs have loaded from the source tree by its path, as `acorn.twigs from /path`, each once."""
    file = scratch / "tests-in-packages.astray"
    if not file.is_file():
        return ()
    return tuple(dict.fromkeys(file.read_text(encoding="utf-8", errors="replace").splitlines()))


def _places(environment: Environment) -> list[Path]:
    """Return the directories of packages, each once: `lib64` is often another name of `lib`."""
    found = [*sorted(environment.root.glob("lib*/*/site-packages")), environment.root / "Lib" / "site-packages"]
    real: dict[str, Path] = {}
    for each in found:
        if each.is_dir():
            real.setdefault(os.path.realpath(each), each)
    return list(real.values())


def _installed(path: str) -> str:
    """Return where a member of a wheel lands beside other packages, or nothing for one that does not."""
    top, _, below = path.partition("/")
    if top.endswith(_DATA):
        scheme, _, place = below.partition("/")
        return place if scheme in _SITE else ""
    return "" if top.endswith(".dist-info") else path
