"""Markers of locks (PEP 508, PEP 751): read once, asked for any environment, with several extras at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet

from hephaestus.errors import UsageError

__all__ = ["admits", "holds", "parse", "patches"]

_EXTRA = re.compile(r"""\bextra\s*(==|!=)\s*('[^']*'|"[^"]*")""")


@cache
def parse(text: str) -> Marker:
    """Return a marker; `ValueError` for what is none.

    An `extra == "x"`, which knows one extra at a time, is read as `"x" in extras`, which knows all.
    """
    return Marker(_EXTRA.sub(lambda found: f"{found[2]} {'not in' if found[1] == '!=' else 'in'} extras", text))


def holds(
    marker: Marker | None,
    environment: Mapping[str, str],
    extras: frozenset[str] = frozenset(),
    groups: frozenset[str] = frozenset(),
) -> bool:
    """Tell whether a marker is true in an environment; the absent one always is."""
    if marker is None:
        return True
    try:
        return marker.evaluate({**environment, "extras": extras, "dependency_groups": groups}, context="lock_file")
    except (ValueError, RecursionError, KeyError) as error:
        raise UsageError(
            f"the marker {str(marker)[:120]!r} of the lock cannot be evaluated: {str(error)[:120]}",
            "python -m webbrowser https://packaging.python.org/en/latest/specifications/dependency-specifiers/",
        ) from error


def admits(wanted: SpecifierSet | None, environment: Mapping[str, str]) -> bool:
    """Tell whether some patch release of an environment's Python is allowed.

    A target is a minor version, so one whose first patch releases are left out (`>=3.11.4`) still is.
    """
    return wanted is None or any(
        wanted.contains(each["python_full_version"], prereleases=True) for each in patches(environment)
    )


def patches(environment: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    """Yield an environment as it is, and with the first and the last patch release its Python can have."""
    yield environment
    for patch in (0, 99):
        yield {**environment, "python_full_version": f"{environment['python_version']}.{patch}"}
