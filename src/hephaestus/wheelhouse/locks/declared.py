"""What a project itself asks for: its dependencies, its extras and its dependency groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from packaging.dependency_groups import DependencyGroupResolver
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from hephaestus.errors import UsageError

__all__ = ["declared"]

_SHOW_GROUPS = "grep -n -A9 'dependency-groups' pyproject.toml"
_SHOW_PROJECT = "grep -n -A9 'dependencies' pyproject.toml"


def declared(document: Mapping[str, Any], extras: Iterable[str] = (), groups: Iterable[str] = ()) -> list[Requirement]:
    """Return the requirements of pyproject.toml (PEP 621), with those of chosen extras and groups (PEP 735).

    Where an extra or a group asks for extras of the project itself, what these need is returned in their place.
    Raises `UsageError` for a requirement that cannot be read, and for an extra or a group there is none of.
    """
    project = _table(document, "project")
    own = canonicalize_name(str(project.get("name", "")))
    found = _read("[project] dependencies", project.get("dependencies", []))
    for name in sorted(set(groups)):
        found += _group(_table(document, "dependency-groups"), name)
    waiting = sorted(set(extras))
    done: set[str] = set()
    while True:
        waiting += [extra for each in found if canonicalize_name(each.name) == own for extra in sorted(each.extras)]
        found = [each for each in found if canonicalize_name(each.name) != own]
        fresh = [name for name in dict.fromkeys(map(canonicalize_name, waiting)) if name not in done]
        if not fresh:
            return found
        done.update(fresh)
        waiting = []
        for name in fresh:
            found += _extra(_table(project, "optional-dependencies"), name)


def _table(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    inner = document.get(key, {})
    if not isinstance(inner, Mapping):
        raise UsageError(f"{key} in pyproject.toml must be a table", _SHOW_PROJECT)
    return inner


def _extra(extras: Mapping[str, Any], name: str) -> list[Requirement]:
    for key, texts in extras.items():
        if canonicalize_name(key) == name:
            return _read(f"[project.optional-dependencies] {name}", texts)
    raise UsageError(f"the project has no extra {name}", "grep -n -A9 'optional-dependencies' pyproject.toml")


def _group(groups: Mapping[str, Any], name: str) -> list[Requirement]:
    """Return the requirements of a dependency group, with those of the groups it includes."""
    if canonicalize_name(name) not in {canonicalize_name(each) for each in groups}:
        raise UsageError(f"the project has no dependency group {name}", _SHOW_GROUPS)
    try:
        return list(DependencyGroupResolver(groups).resolve(name))
    except (ExceptionGroup, AttributeError, TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"[dependency-groups] {name} cannot be read: {_reasons(error)}", _SHOW_GROUPS) from error


def _reasons(error: BaseException) -> str:
    inner = error.exceptions if isinstance(error, BaseExceptionGroup) else (error,)
    return "; ".join(str(each) for each in inner)[:200]


def _read(where: str, texts: object) -> list[Requirement]:
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise UsageError(f"{where} must be a list of texts", _SHOW_PROJECT)
    found = []
    for text in texts:
        try:
            found.append(Requirement(text))
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{where}: {text[:80]!r} is no requirement", _SHOW_PROJECT) from error
    return found
