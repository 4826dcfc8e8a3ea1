"""A table of a lock, read without trust: what is not as it should be is named, with the place where it stands."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from packaging.markers import Marker
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from hephaestus.errors import UsageError
from hephaestus.wheelhouse.locks import markers

__all__ = ["Table", "load", "normalized"]

_Kind = TypeVar("_Kind")


@dataclass(frozen=True)
class Table:
    """Values of a lock, the lock they are from, where in it they stand, and the command that makes it anew."""

    source: str
    renew: str
    where: str
    values: Mapping[str, Any]

    def wrong(self, message: str) -> UsageError:
        """Return the error that says what is wrong with this table."""
        place = f"{self.source}, {self.where}" if self.where else self.source
        return UsageError(f"{place}: {message}", self.renew)

    def text(self, key: str) -> str:
        """Return a text that has to be there."""
        value = self.optional(key)
        if value is None:
            raise self.wrong(f"{key} is missing")
        return value

    def optional(self, key: str) -> str | None:
        """Return a text, or `None` where there is none."""
        return self._of(key, str, "a text")

    def number(self, key: str) -> int | None:
        """Return a whole number from 0 up, or `None` where there is none."""
        value = self._of(key, int, "a number")
        if value is not None and (isinstance(value, bool) or value < 0):
            raise self.wrong(f"{key} must be a number from 0 up")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts, empty where there is none."""
        values = self._of(key, list, "a list") or []
        for value in values:
            if not isinstance(value, str):
                raise self.wrong(f"{key} must be a list of texts")
        return tuple(values)

    def table(self, key: str) -> Table:
        """Return a table inside this one, empty where there is none."""
        return self.inside(key, self._of(key, dict, "a table") or {})

    def tables(self, key: str) -> list[Table]:
        """Return a list of tables, empty where there is none."""
        values = self._of(key, list, "a list") or []
        return [self.inside(f"{key}[{place}]", value) for place, value in enumerate(values)]

    def inside(self, where: str, value: object) -> Table:
        """Return a value of this table as a table that knows where it stands."""
        if not isinstance(value, dict):
            raise self.wrong(f"{where} must be a table")
        return Table(self.source, self.renew, f"{self.where}.{where}" if self.where else where, value)

    def named(self, where: str) -> Table:
        """Return this table under words that say more than its place in the file."""
        return Table(self.source, self.renew, where, self.values)

    def read(self, key: str, text: str, parse: Callable[[str], _Kind]) -> _Kind:
        """Return a text as what it stands for; one that cannot be read is wrong at `key`."""
        try:
            return parse(text)
        except (ValueError, RecursionError) as error:
            raise self.wrong(f"{key} = {text[:80]!r} cannot be read") from error

    def name(self, key: str = "name") -> NormalizedName:
        """Return the name of a package, normalised (PEP 503)."""
        return self.read(key, self.text(key), normalized)

    def version(self, key: str = "version") -> Version:
        """Return a version (PEP 440)."""
        return self.read(key, self.text(key), Version)

    def marker(self, key: str) -> Marker | None:
        """Return a marker (PEP 508), or `None` where there is none."""
        text = self.optional(key)
        return self.read(key, text, markers.parse) if text else None

    def names(self, key: str) -> frozenset[NormalizedName]:
        """Return a list of names, normalised."""
        return frozenset(self.read(key, text, normalized) for text in self.texts(key))

    def _of(self, key: str, kind: type[_Kind], wording: str) -> _Kind | None:
        value = self.values.get(key)
        if value is not None and not isinstance(value, kind):
            raise self.wrong(f"{key} must be {wording}, not {type(value).__name__}")
        return value


def normalized(text: str) -> NormalizedName:
    """Return a name as PEP 503 normalises it; `ValueError` for what can be no name."""
    return canonicalize_name(text, validate=True)


def load(source: str, data: bytes, renew: str) -> Table:
    """Read the bytes of a lock that is written in TOML; raises `UsageError` where they are not."""
    try:
        return Table(source, renew, "", tomllib.loads(data.decode()))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{source} is not valid TOML: {str(error)[:200]}", renew) from error
