"""The hashes by which Poetry and PDM know a lock for that of a pyproject.toml, as they reckon them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from packaging.utils import canonicalize_name

__all__ = ["pdm", "poetry"]

# Poetry reckoned with these before `[project]` was known to it, and puts them in where there is nothing else.
_OLD = ("dependencies", "source", "extras", "dev-dependencies")
_STANDARD = ("requires-python", "dependencies", "optional-dependencies")


def poetry(document: Mapping[str, Any], *, groups: bool = True) -> str:
    """Return the hash that a fresh poetry.lock has; before Poetry 2.3 that was one without dependency groups."""
    return _hash(_of_poetry(document, _table(document, "dependency-groups") if groups else {}))


def pdm(document: Mapping[str, Any], algorithm: str = "sha256") -> str:
    """Return the hash that a fresh pdm.lock has; raises `ValueError` for an algorithm there is none of."""
    project, settings = _table(document, "project"), _table(document, "tool", "pdm")
    groups: dict[str, list[Any]] = {}
    for table in (_table(document, "dependency-groups"), _table(settings, "dev-dependencies")):
        for name, entries in table.items():
            groups.setdefault(canonicalize_name(name), []).extend(entries)
    return _hash(
        {
            "sources": settings.get("source", []),
            "dependencies": project.get("dependencies", []),
            "dev-dependencies": groups,
            "optional-dependencies": project.get("optional-dependencies", {}),
            "requires-python": project.get("requires-python", ""),
            "resolution": settings.get("resolution", {}),
        },
        algorithm,
    )


def _of_poetry(document: Mapping[str, Any], groups: Mapping[str, Any]) -> dict[str, Any]:
    settings = _table(document, "tool", "poetry")
    standard = _present(_table(document, "project"), _STANDARD)
    if not standard and not groups:
        return {**dict.fromkeys(_OLD), **_present(settings, (*_OLD, "group"))}
    content: dict[str, Any] = {"project": standard} if standard else {}
    if groups:
        content["dependency-groups"] = groups
    return {**content, "tool": {"poetry": _present(settings, (*_OLD, "group"))}}


def _present(table: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    return {key: table[key] for key in keys if table.get(key) is not None}


def _table(document: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    for key in keys:
        inner = document.get(key)
        document = inner if isinstance(inner, dict) else {}
    return document


def _hash(content: Mapping[str, Any], algorithm: str = "sha256") -> str:
    # What TOML has and JSON has not, such as a date, stands in no place that either tool understands.
    return hashlib.new(algorithm, json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
