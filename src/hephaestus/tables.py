"""Tables of configuration that people write: each value of the type it must have, or an error that says where."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from hephaestus.errors import UsageError

__all__ = ["SHOW", "path", "read", "texts"]

# The command that shows what was written.
SHOW = "grep -n -A9 'tool.hephaestus' pyproject.toml"

_WORDING: dict[type, str] = {
    bool: "true or false",
    dict: "a table",
    int: "a whole number",
    list: "a list",
    str: "a text in quotes",
}


def read(name: str, given: object, known: dict[str, tuple[type, Any]]) -> dict[str, Any]:
    """Return the values of the table `name`, the ones that are not given included.

    `known` maps each key to the type its value must have and to what it is where it is not given.
    Raises `UsageError` where `given` is no table, has another key, or a value of another type.
    """
    if not isinstance(given, dict):
        raise UsageError(f"{name} must be a table", SHOW)
    for key, value in given.items():
        if key not in known:
            raise UsageError(f"[{name}] has an unknown key {key!r}; known are {', '.join(sorted(known))}", SHOW)
        wanted = known[key][0]
        if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
            raise UsageError(f"[{name}] {key} must be {_WORDING[wanted]}, not {value!r}", SHOW)
    return {key: given.get(key, default) for key, (_, default) in known.items()}


def texts(name: str, given: dict[str, Any], *keys: str) -> dict[str, tuple[str, ...]]:
    """Return the values that are lists of texts, by their keys; `name` is the table they stand in.

    Raises `UsageError` where one of a list is no text.
    """
    for key in keys:
        if not all(isinstance(value, str) for value in given[key]):
            raise UsageError(f"[{name}] {key} must be a list of texts in quotes", SHOW)
    return {key: tuple(given[key]) for key in keys}


def path(key: str, text: object) -> str:
    """Return a path that stays inside the project: what lies outside is in no commit and so in no release.

    Raises `UsageError`, which names the `key`, where a text is none.
    """
    given = PurePosixPath(text) if isinstance(text, str) else None
    if given is None or not given.name or given.is_absolute() or ".." in given.parts:
        raise UsageError(f"[tool.hephaestus] {key}: {text!r} is no path of a file in the project", SHOW)
    return given.as_posix()
