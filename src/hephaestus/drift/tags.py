"""Tags and the branch, read from the files of a git directory: no program is started for them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from hephaestus import versions
from hephaestus.drift.files import Files
from hephaestus.drift.places import Place
from hephaestus.project import Project

__all__ = ["Tag", "newest"]

_PACKED = re.compile(rb"^[0-9a-f]{40,64} refs/tags/([^\r\n]+)$", re.MULTILINE)
_TRUNKS = {"main", "master", "trunk", "develop"}


@dataclass(frozen=True)
class Tag:
    """The tag of the highest version: its name, the version, where git keeps it; whether the trunk is checked out."""

    name: str
    version: Version
    place: Place
    trunk: bool


def newest(files: Files, project: Project) -> Tag | None:
    """Return the tag with the highest final version, or `None` where no tag holds one, or the root is no git clone.

    A project inside of a larger clone has none: whose the tags are cannot be told.
    """
    kept = _kept(files.root)
    if kept is None:
        return None
    head, common = kept
    if (common / "reftable").is_dir():
        files.missing(".git/reftable", "tags in the reftable format are read by git alone", "git tag")
        return None
    try:
        found = dict(_all(common))
        trunk = _branch(head) in _TRUNKS
    except OSError as error:
        files.missing(".git", error.strerror or str(error), "git tag")
        return None
    template = project.tag or versions.template(found, project.name)
    for version, name in versions.order(found, template):
        if not version.is_prerelease:
            return Tag(name, version, found[name], trunk)
    return None


def _kept(root: Path) -> tuple[Path, Path] | None:
    """Return the git directory of a work tree, and the one it shares with others (gitrepository-layout)."""
    git = root / ".git"
    try:
        if git.is_file():
            pointer = git.read_text(encoding="utf-8", errors="surrogateescape")
            git = root / pointer.removeprefix("gitdir:").strip()
        if not (git / "HEAD").is_file():
            return None
        shared = git / "commondir"
        return git, git / shared.read_text(encoding="utf-8").strip() if shared.is_file() else git
    except (OSError, ValueError):
        return None


def _all(common: Path) -> Iterator[tuple[str, Place]]:
    packed = common / "packed-refs"
    if packed.is_file():
        data, line, position = packed.read_bytes(), 1, 0
        for found in _PACKED.finditer(data):
            line += data.count(b"\n", position, found.start())
            position = found.start()
            name = os.fsdecode(found[1])
            yield name, Place(".git/packed-refs", line, f"refs/tags/{name}")
    loose = common / "refs" / "tags"
    for folder, _, names in os.walk(loose):
        for name in names:
            path = Path(folder, name).relative_to(loose).as_posix()
            yield path, Place(f".git/refs/tags/{path}")


def _branch(git: Path) -> str:
    """Return the branch that is checked out, empty where none is."""
    said = (git / "HEAD").read_text(encoding="utf-8", errors="surrogateescape").strip()
    return said.removeprefix("ref: refs/heads/") if said.startswith("ref: refs/heads/") else ""
