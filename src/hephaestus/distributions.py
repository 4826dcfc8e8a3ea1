"""Built distributions by their file names: which project and version a file says it is."""

from __future__ import annotations

from pathlib import Path

from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from hephaestus.errors import VerificationFailed

__all__ = ["find", "find_sdist", "named"]


def named(filename: str) -> tuple[str, Version] | None:
    """Return the normalised name and the version a file name says, or `None` where it is no sdist and no wheel."""
    try:
        parsed = parse_wheel_filename(filename) if filename.endswith(".whl") else parse_sdist_filename(filename)
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None
    return parsed[0], parsed[1]


def find(directory: Path, name: str, version: str) -> tuple[Path, list[Path]]:
    """Return the sdist and the wheels of one version of a project in a directory.

    Raises `VerificationFailed` where there is not exactly one sdist, or no wheel.
    """
    sdists, wheels = _of(directory, name, version)
    if len(sdists) != 1 or not wheels:
        raise VerificationFailed(
            f"{directory} does not hold the sdist and wheel of {name} {version}", "hephaestus build"
        )
    return sdists[0], wheels


def find_sdist(directory: Path, name: str, version: str) -> Path:
    """Return the one sdist of a version of a project in a directory.

    Raises `VerificationFailed` where there is not exactly one.
    """
    sdists, _ = _of(directory, name, version)
    if len(sdists) != 1:
        raise VerificationFailed(f"{directory} does not hold one sdist of {name} {version}", "hephaestus build")
    return sdists[0]


def _of(directory: Path, name: str, version: str) -> tuple[list[Path], list[Path]]:
    """Return the sdists and the wheels of one version of a project, in order."""
    wanted = (name, Version(version))
    files = [file for file in sorted(directory.glob("*")) if named(file.name) == wanted]
    return [file for file in files if file.suffix != ".whl"], [file for file in files if file.suffix == ".whl"]
