"""Documents that may have any shape: read strictly where something hangs on them, else as far as they can be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from hephaestus.errors import CouldNotRun
from hephaestus.forge import look

__all__ = ["field", "perhaps", "table", "tables", "texts"]

_Kind = TypeVar("_Kind")

_WORDS = {bool: "truth value", dict: "table", int: "number", list: "list", str: "text"}


def field(document: Any, key: str, kind: type[_Kind], default: _Kind | None = None) -> _Kind:  # noqa: ANN401  (JSON can be anything)
    """Return what a document has under a key, or the default, if there is one, where it has nothing or null.

    Raises `CouldNotRun` where that is of another kind, and where the document is no table.
    """
    value = perhaps(document, key, kind)
    found = default if value is None else value
    if found is None:
        raise _unknown(key, kind)
    return found


def perhaps(document: Any, key: str, kind: type[_Kind]) -> _Kind | None:  # noqa: ANN401  (JSON can be anything)
    """Return what a document has under a key, or `None` where it has nothing or null.

    Raises `CouldNotRun` where that is of another kind, and where the document is no table.
    """
    if not isinstance(document, dict):
        raise _unknown(key, kind)
    value = document.get(key)
    if value is not None and type(value) is not kind:  # `True` is no number
        raise _unknown(key, kind)
    return value


def table(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return the table under a key, empty where there is none; what is something else is as good as not there."""
    inner = document.get(key)
    return inner if isinstance(inner, dict) else {}


def tables(document: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """Return the tables in the list under a key; what is something else is as good as not there."""
    inner = document.get(key)
    return [each for each in inner if isinstance(each, dict)] if isinstance(inner, list) else []


def texts(document: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Return the texts in the list under a key; what is something else is as good as not there."""
    inner = document.get(key)
    return tuple(each for each in inner if isinstance(each, str)) if isinstance(inner, list) else ()


def _unknown(key: str, kind: type) -> CouldNotRun:
    return CouldNotRun(
        f"GitHub answers in a way nobody knows: {key} is no {_WORDS[kind]}", look("https://www.githubstatus.com")
    )
