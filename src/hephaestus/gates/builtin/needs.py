"""What gates of code stand on: where the project's code is, and the requirements that code is read with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from hephaestus import tables
from hephaestus.errors import UsageError
from hephaestus.gates.shown import Shown
from hephaestus.wheelhouse.locks.declared import declared

__all__ = ["as_words", "beside", "dependencies", "elsewhere", "group", "python", "said", "sources", "tool", "tops"]

_ENDINGS = (".py", ".pyi")
# Folders with an `__init__.py` that no project ships.
_NOT_SHIPPED = {"benchmarks", "doc", "docs", "examples", "scripts", "test", "tests", "tools"}


def said(shown: Shown, gate: str, *lists: str, **more: type) -> dict[str, Any]:
    """Return what the project says of a gate of code: by the keys that all have, some lists of texts, and more keys.

    Raises `UsageError` for another key, or a value of another type.
    """
    own: dict[str, tuple[type, Any]] = {key: (kind, None) for key, kind in more.items()}
    given = shown.settings.of(gate, {**own, **dict.fromkeys(lists, (list, ()))})
    return given | tables.texts(f"tool.hephaestus.gates.{gate}", given, *lists)


def as_words(paths: Iterable[str]) -> list[str]:
    """Return paths as words that no program takes for an option, or for a file of more words."""
    return [f"./{path}" if path.startswith(("-", "@")) else path for path in paths]


def python(shown: Shown) -> list[str]:
    """Return the project's Python files, sorted, without those in hidden folders."""
    return sorted(path for path in shown.paths if path.endswith(_ENDINGS) and not path.startswith("."))


def tops(shown: Shown) -> list[str]:
    """Return the files and folders in the root that are Python files or hold some, sorted."""
    return as_words(sorted({path.partition("/")[0] for path in python(shown)}))


def sources(shown: Shown) -> list[str]:
    """Return where the code is that the project ships: `src`, else its packages and its module, else all there is."""
    files = python(shown)
    if any(path.startswith("src/") for path in files):
        return ["src"]
    own = {f"{shown.project.normalized.replace('-', '_')}{ending}" for ending in _ENDINGS}
    found = {path.removesuffix("/__init__.py") for path in files if path.count("/") == 1 and "/__init__.py" in path}
    return as_words(sorted((found - _NOT_SHIPPED) | (own & set(files)))) or tops(shown)


def dependencies(shown: Shown, extras: Sequence[str] = ()) -> tuple[str, ...]:
    """Return what the project needs, with some extras: in the versions of the lock where there is one.

    Where they are not in the standard list of pyproject.toml, all that the lock pins is returned. What cannot be read
    is left out: the gate `pyproject` says so.
    """
    if elsewhere(shown):
        return tuple(f"{name}=={version}" for name, version in sorted(shown.pins.items()))
    try:
        return _pinned(shown, declared(shown.project.document, extras))
    except UsageError:
        return ()


def elsewhere(shown: Shown) -> bool:
    """Tell whether what the project needs is written in another place than the `[project]` table."""
    dynamic = shown.project.table("project").get("dynamic", [])
    written = "dependencies" in shown.project.table("project") or "dependencies" not in shown.tool("poetry")
    return not written or (isinstance(dynamic, list) and "dependencies" in dynamic)


def group(shown: Shown, *names: str) -> tuple[str, ...]:
    """Return the requirements of the first dependency group or extra of some names, in the versions of the lock."""
    try:
        return _pinned(shown, map(Requirement, shown.group(*names)[1]))
    except UsageError:
        return ()


def beside(shown: Shown, tool: str) -> tuple[str, ...]:
    """Return the requirements of the group or extra a tool is declared in, among which its plug-ins are."""
    place = shown.declared_in(tool) or ""
    kind, _, name = place.rpartition(" ")
    return group(shown, name) if kind in {"the dependency group", "the extra"} else ()


def _pinned(shown: Shown, requirements: Iterable[Requirement]) -> tuple[str, ...]:
    found = []
    for each in requirements:
        pin = None if each.url else shown.pins.get(canonicalize_name(each.name))
        extras = f"[{','.join(sorted(each.extras))}]" if each.extras else ""
        marker = f"; {each.marker}" if each.marker else ""
        found.append(str(each) if pin is None else f"{each.name}{extras}=={pin}{marker}")
    return tuple(found)


def tool(shown: Shown, name: str, *extras: str) -> str:
    """Return the requirement of a tool as the project's lock or declaration has it, with some extras of it."""
    requirement = Requirement(shown.requirement(name))
    requirement.extras.update(extras)
    return str(requirement)
