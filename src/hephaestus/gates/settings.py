"""What a project says of its gates, in the table `[tool.hephaestus.gates]`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hephaestus import tables
from hephaestus.errors import UsageError

__all__ = ["Settings", "read"]

_KEYS: dict[str, tuple[type, Any]] = {
    "cache": (bool, True),
    "environment": (list, ()),
    "time-limit": (int, 1800),
    "tools-lock": (str, None),
    "use": (list, None),
}
# What the table of each gate may say, `[tool.hephaestus.gates.NAME]`.
_OF_A_GATE: dict[str, tuple[type, Any]] = {
    "arguments": (list, ()),
    "cached": (bool, False),
    "off": (str, None),
    "optional": (bool, False),
    "time-limit": (int, None),
}


@dataclass(frozen=True)
class Settings:
    """The settings of all gates.

    `use` are the built-in gates to ask, or `None` for those the project shows; `cache` whether passes are used again;
    `time_limit` the seconds a gate may take; `environment` the variables that gates read beside the usual ones; `lock`
    the path of the lock that pins their tools, where it is not the project's usual one;
    `single` what is said of single gates, by their names.
    """

    use: tuple[str, ...] | None = None
    cache: bool = True
    time_limit: int = 1800
    environment: tuple[str, ...] = ()
    lock: str | None = None
    single: Mapping[str, Mapping[str, Any]] | None = None

    def of(self, gate: str, more: Mapping[str, tuple[type, Any]] | None = None) -> dict[str, Any]:
        """Return what is said of a gate by the keys that all have, such as `arguments`, and by `more` keys of its own.

        `more` maps each key to its type and what it is where it is not given.
        Raises `UsageError` for another key, or a value of another type.
        """
        name = f"tool.hephaestus.gates.{gate}"
        given = tables.read(name, (self.single or {}).get(gate, {}), {**_OF_A_GATE, **(more or {})})
        if given["time-limit"] is not None and given["time-limit"] < 1:
            raise UsageError(f"[{name}] time-limit must be a number of seconds", tables.SHOW)
        return given | tables.texts(name, given, "arguments") | {"time-limit": given["time-limit"] or self.time_limit}

    def common(self, gate: str) -> dict[str, Any]:
        """Return what is said of a gate with the keys that all gates have; those of its own are read by itself."""
        given = (self.single or {}).get(gate, {})
        return Settings(
            time_limit=self.time_limit, single={gate: {k: v for k, v in given.items() if k in _OF_A_GATE}}
        ).of(gate)


def read(table: Mapping[str, Any]) -> Settings:
    """Return the settings that a table `[tool.hephaestus.gates]` holds; raises `UsageError` where it cannot be used."""
    name = "tool.hephaestus.gates"
    own = {key: value for key, value in table.items() if key in _KEYS or not isinstance(value, dict)}
    given = tables.read(name, own, _KEYS)
    lists = tables.texts(name, {**given, "use": given["use"] or ()}, "environment", "use")
    if given["time-limit"] < 1:
        raise UsageError(f"[{name}] time-limit must be a number of seconds", tables.SHOW)
    return Settings(
        use=None if given["use"] is None else lists["use"],
        cache=given["cache"],
        time_limit=given["time-limit"],
        environment=lists["environment"],
        lock=None if given["tools-lock"] is None else tables.path("gates.tools-lock", given["tools-lock"]),
        single={key: value for key, value in table.items() if key not in own},
    )
