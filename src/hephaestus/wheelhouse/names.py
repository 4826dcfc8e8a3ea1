"""The names of a wheelhouse: of the archive, of the folder in it, and of the files that describe it."""

from __future__ import annotations

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from hephaestus.errors import UsageError

__all__ = [
    "LOCK",
    "MANIFEST",
    "README",
    "REQUIREMENTS",
    "SBOM",
    "SUMS",
    "archive",
    "assets",
    "folder",
    "lock",
    "requirements",
    "split",
]

LOCK = "pylock.toml"
MANIFEST = "manifest.json"
README = "README"
REQUIREMENTS = "requirements.txt"
SBOM = "sbom.cdx.json"
SUMS = "SHA256SUMS"

_ENDING = "-wheelhouse"


def folder(project: str, version: str) -> str:
    """Return the name of the one folder in an archive, from the normalised name (PEP 503) of its project."""
    return f"{project}-{version}{_ENDING}"


def archive(project: str, version: str) -> str:
    """Return the file name of a wheelhouse."""
    return f"{folder(project, version)}.tar.gz"


def requirements(extra: str | None = None, group: str | None = None) -> str:
    """Return the name of the requirements of an extra or of a dependency group, or of neither.

    No normalised name has a dot, so an extra and a group never share a file.
    """
    if group is not None:
        return f"requirements.group-{group}.txt"
    return REQUIREMENTS if extra is None else f"requirements-{extra}.txt"


def lock(project: str) -> str:
    """Return the name under which a lock that was resolved for a wheelhouse is kept (PEP 751)."""
    return f"pylock.{project}.toml"


def assets(project: str, version: str) -> tuple[str, ...]:
    """Return the names of all files that can come with a wheelhouse."""
    packed = archive(project, version)
    return packed, f"{packed}.sha256", f"{packed}.sha256.sig", lock(project)


def split(name: str) -> tuple[str, str]:
    """Return project and version of an archive's file name, or of its folder.

    Raises `UsageError` for any other name.
    """
    stem = name.removesuffix(".tar.gz")
    project, _, version = stem.removesuffix(_ENDING).rpartition("-")
    try:
        fits = stem.endswith(_ENDING) and canonicalize_name(project, validate=True) == project
        if fits and str(Version(version)) == version:
            return project, version
    except (InvalidVersion, ValueError):
        pass
    raise UsageError(
        f"{name[:200]!r} is not the name of a wheelhouse, such as lantern-1.4.0-wheelhouse.tar.gz", "ls -l"
    )
