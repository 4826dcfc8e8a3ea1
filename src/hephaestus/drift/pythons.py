"""Versions of Python as configuration writes them, and what `requires-python` says of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from hephaestus.drift.places import Place

__all__ = ["Required", "minor", "required"]

# CPython and PyPy as .python-version, mise, actions/setup-python and images name them, and the short form of tools.
_VERSION = re.compile(
    r"(?:c?python|pypy)?[-_@]?v?(?P<release>[23]\.\d{1,2}(?:\.\d{1,3})?)(?:\.x|\.\*|t|-dev|(?:a|b|rc)\d+)?(?:-.*)?",
    re.IGNORECASE,
)
_SHORT = re.compile(r"py(?P<major>[23])(?P<minor>\d{1,2})")
_MINORS = ("2.7", *(f"3.{number}" for number in range(60)))


def minor(text: str) -> str | None:
    """Return the version a text means as `3.12` or `3.12.1`, or `None` where it means none that is exact enough."""
    if short := _SHORT.fullmatch(text):
        return f"{short['major']}.{short['minor']}"
    found = _VERSION.fullmatch(text.strip())
    return found["release"] if found else None


@dataclass(frozen=True)
class Required:
    """The versions of Python a project says it runs on, and where it says so."""

    specifiers: SpecifierSet
    place: Place

    def __str__(self) -> str:
        return str(self.specifiers)

    def admits(self, version: str) -> bool:
        """Tell whether a version is allowed; a minor one is where some patch release of it may be."""
        if version.count(".") > 1:
            return self.specifiers.contains(version, prereleases=True)
        return any(self.specifiers.contains(f"{version}.{patch}", prereleases=True) for patch in self._patches)

    @cached_property
    def minors(self) -> tuple[str, ...]:
        """All minor versions that are allowed, the oldest first."""
        return tuple(version for version in _MINORS if self.admits(version))

    @property
    def floor(self) -> str | None:
        """The oldest minor version that is allowed, or `None` where there is none."""
        return self.minors[0] if self.minors else None

    @cached_property
    def _patches(self) -> tuple[str, ...]:
        """The patch releases that tell whether any is allowed: the first, the last, and those that are named."""
        named = (each.version.removesuffix(".*").split(".")[2:3] for each in self.specifiers)
        return tuple(dict.fromkeys(("0", "99", *(part for parts in named for part in parts if part.isdigit()))))


def required(text: str, place: Place) -> Required | None:
    """Return what a text such as `>=3.11` requires, or `None` where it is no specifier as PEP 440 has it."""
    try:
        return Required(SpecifierSet(text), place) if text.strip() else None
    except InvalidSpecifier:
        return None
