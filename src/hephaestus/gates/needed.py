"""What a project needs to run and to be tested, each requirement in the version of its lock where it has one."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from hephaestus import system
from hephaestus.gates.shown import Shown, markers
from hephaestus.tree import Directory
from hephaestus.wheelhouse.locks.declared import declared

__all__ = ["declares", "requirements", "resolved", "tools"]

log = logging.getLogger("hephaestus")


def requirements(shown: Shown, extras: Sequence[str] = (), groups: Sequence[str] = ()) -> list[Requirement]:
    """Return what the project declares to need, with some of its extras and dependency groups.

    Raises `UsageError` for a requirement that cannot be read, and for an extra or a group there is none of.
    """
    return [*declared(shown.project.document, extras, groups), *_dynamic(shown)]


def declares(shown: Shown) -> bool:
    """Tell whether a project declares any dependency, be it of its own, of an extra or of a group."""
    project = shown.project.table("project")
    dynamic = project.get("dynamic", ())
    said = (project.get("dependencies"), *shown.project.table("project", "optional-dependencies").values())
    return any((*said, *shown.project.table("dependency-groups").values())) or "dependencies" in dynamic


def resolved(shown: Shown, work: Path, extras: Sequence[str], groups: Sequence[str]) -> dict[str, str]:
    """Return the versions an installation of the project would get now, by normalised names; `work` is emptied.

    Raises `UsageError` where the requirements exclude each other, and `CouldNotRun` where no index answers.
    """
    from hephaestus.wheelhouse import index, resolve
    from hephaestus.wheelhouse.target import running

    system.remove(work)
    work.mkdir(parents=True)
    wanted = [str(each) for each in requirements(shown, extras, groups)]
    lock = resolve.resolve(wanted, "", [running()], index.configured(shown.root), work)
    return {str(each.name): str(each.version) for each in lock.packages(markers(None), frozenset(), frozenset())}


def tools(
    shown: Shown,
    also: Sequence[str] = (),
    *,
    extras: Sequence[str] = (),
    groups: Sequence[str] = (),
    python: str | None = None,
) -> tuple[str, ...]:
    """Return what to install for a gate that runs the project's code: all it needs, and `also` some tools by name.

    Raises as `requirements` does.
    """
    held = shown.locked(extras, groups, python)
    wanted = requirements(shown, extras, groups)
    names = {str(canonicalize_name(each.name)) for each in wanted}
    found = [f"{name}=={version}" for name, version in held.items() if name != shown.project.normalized]
    found += [str(each) for each in wanted if canonicalize_name(each.name) not in held]
    found += [shown.requirement(each) for each in also if each not in held and each not in names]
    return tuple(sorted(set(found)))


def _dynamic(shown: Shown) -> list[Requirement]:
    """Return the dependencies that setuptools reads from files, as far as they are plain lines."""
    table = shown.project.table("tool", "setuptools", "dynamic", "dependencies")
    named = table.get("file", ())
    found = []
    for file in [named] if isinstance(named, str) else named if isinstance(named, list) else ():
        data = Directory(shown.root).read(file) if isinstance(file, str) and file in shown.paths else None
        for line in (data or b"").decode("utf-8", "replace").splitlines():
            text = line.partition(" #")[0].strip()
            if not text or text.startswith(("#", "-")):
                continue
            try:
                found.append(Requirement(text))
            except InvalidRequirement:
                log.info("%s holds a line that is no requirement", file)
    return found
