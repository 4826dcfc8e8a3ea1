"""What a project says of its own promises: the table `[tool.hephaestus.compatibility]`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hephaestus import tables
from hephaestus.compatibility.effect import Effect
from hephaestus.errors import UsageError
from hephaestus.project import Project

__all__ = ["SCHEMES", "TABLE", "Settings", "read"]

# The name of the table.
TABLE = "tool.hephaestus.compatibility"

# What a version number can mean: promises, the date, or nothing that could be checked.
SCHEMES = ("calver", "none", "semver")

_KEYS: dict[str, tuple[type, Any]] = {
    "allow": (dict, {}),
    "packages": (list, ()),
    "requires-python": (str, "minor"),
    "scheme": (str, None),
    "zero": (str, "minor"),
}
_EFFECTS = {"major": Effect.BREAK, "minor": Effect.FEATURE, "patch": Effect.FIX}


@dataclass(frozen=True)
class Settings:
    """What is promised, and what is let pass.

    `packages` are the import packages whose public objects are compared, `None` where they are looked for and empty
    where none are; `scheme` is one of `SCHEMES`, or `None` where the tags decide; `zero` is the part of a version
    0.y.z that must be raised for a break; `python` the effect of dropping a version of Python; `allow` maps what may
    change (`acorn.twigs.grow`, `acorn.old.*`, `extra docs`) to the reasons.
    """

    packages: tuple[str, ...] | None = None
    scheme: str | None = None
    zero: str = "minor"
    python: Effect = Effect.FEATURE
    allow: Mapping[str, str] = field(default_factory=dict)


def read(facts: Project) -> Settings:
    """Read the table; raises `UsageError` for a key or a value that cannot be used."""
    table = facts.table("tool", "hephaestus", "compatibility")
    given = tables.read(TABLE, table, _KEYS)
    packages = tables.texts(TABLE, given, "packages")["packages"]
    for name in packages:
        if not all(part.isidentifier() for part in name.split(".")):
            raise UsageError(f"[{TABLE}] packages: {name!r} is no name that can be imported", tables.SHOW)
    return Settings(
        packages=packages if "packages" in table else None,
        scheme=None if given["scheme"] is None else _one_of("scheme", given["scheme"], SCHEMES),
        zero=_one_of("zero", given["zero"], tuple(_EFFECTS)),
        python=_EFFECTS[_one_of("requires-python", given["requires-python"], tuple(_EFFECTS))],
        allow=_allowed(given["allow"]),
    )


def _one_of(key: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise UsageError(f"[{TABLE}] {key} = {value!r} must be one of {', '.join(known)}", tables.SHOW)
    return value


def _allowed(given: dict[str, Any]) -> dict[str, str]:
    """Return the exceptions; a name that is not in quotes has become tables in tables, one for each dot."""
    for name, reason in given.items():
        if isinstance(reason, dict):
            raise UsageError(f'[{TABLE}] allow: put names with dots in quotes: "{name}.…" = "why"', tables.SHOW)
        if not isinstance(reason, str) or not reason.strip():
            raise UsageError(f"[{TABLE}] allow: {name!r} needs a reason in quotes", tables.SHOW)
    return dict(given)
