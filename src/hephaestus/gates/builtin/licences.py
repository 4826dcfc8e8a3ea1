"""The licences of all that the project needs, held against those it allows."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from packaging.utils import canonicalize_name

from hephaestus import tables
from hephaestus.errors import UsageError
from hephaestus.findings import Finding
from hephaestus.gates import advisories, needed
from hephaestus.gates.bench import Bench
from hephaestus.gates.gate import COULD_NOT_RUN, FAILED, PASSED, Answer, Gate, Off
from hephaestus.gates.licensing import Allowed, stated
from hephaestus.gates.shown import Shown

__all__ = ["choose"]

_TABLE = "tool.hephaestus.gates.licences"
_KEYS: dict[str, tuple[type, Any]] = {"allow": (list, ()), "exceptions": (dict, {})}


@dataclass(frozen=True)
class _Plan:
    """The licences that are allowed, and the packages that may have another one, each with the reason."""

    allowed: Allowed
    exceptions: tuple[tuple[str, str], ...]


def choose(shown: Shown) -> list[Gate | Off]:
    """Return the gate `licences`, which is on where `[tool.hephaestus.gates.licences]` says what to `allow`.

    `exceptions` maps the names of packages that may have another licence to the reasons.
    Raises `UsageError` for values that cannot be used.
    """
    said = shown.settings.of("licences", _KEYS)
    said |= tables.texts(_TABLE, said, "allow")
    plan = _Plan(Allowed(said["allow"]), tuple(sorted(_exceptions(said["exceptions"]).items())))
    if not said["allow"]:
        return [Off("licences", f"there is no allow in [{_TABLE}]")]
    extras = tuple(shown.project.table("project", "optional-dependencies"))
    why = f"allow in [{_TABLE}]"
    try:
        tools = needed.tools(shown, extras=extras)
    except UsageError as error:  # the gate `pyproject` says more of it
        unread = Answer(COULD_NOT_RUN, error.message)
        return [Gate("licences", why, lambda _: unread)]
    if not tools:
        return [Off("licences", "the project needs no other package")]
    return [Gate("licences", why, functools.partial(_ask, plan=plan), tools=tools, definition=(repr(plan),))]


def _exceptions(table: Mapping[str, object]) -> dict[str, str]:
    for name, because in table.items():
        if not isinstance(because, str) or not because.strip():
            raise UsageError(f"[{_TABLE}.exceptions] {name} needs the reason as a text in quotes", tables.SHOW)
    return {str(canonicalize_name(name)): str(because) for name, because in table.items()}


def _ask(bench: Bench, plan: _Plan) -> Answer:
    """Read what each package in the gate's environment, which holds what the project needs, says of its licence."""
    root = bench.environment.root
    places = [str(each) for each in (*root.glob("lib*/*/site-packages"), root / "Lib" / "site-packages")]
    packages = {
        str(canonicalize_name(str(each.metadata["Name"]))): stated(each)
        for each in metadata.distributions(path=places)
        if isinstance(each, metadata.PathDistribution)
    }
    packages.pop(bench.shown.project.normalized, None)
    if not packages:
        return Answer(COULD_NOT_RUN, f"no package is installed in {root}")
    exceptions = dict(plan.exceptions)
    wrong = {name: said for name, said in packages.items() if not plan.allowed.all(said) and name not in exceptions}
    findings = [_finding(bench, name, said) for name, said in sorted(wrong.items())]
    findings += _unused(plan, packages)
    if wrong:
        name = min(wrong)
        more = f"{len(wrong)} packages are not allowed, the first: " if len(wrong) > 1 else ""
        return Answer(FAILED, f"{more}{name} has {_said(wrong[name])}", tuple(findings))
    return Answer(PASSED, f"all that is installed may be ({len(packages)})", tuple(findings))


def _finding(bench: Bench, name: str, said: tuple[str, ...]) -> Finding:
    line = advisories.line_of(bench.root / "pyproject.toml", name)
    message = f"{name} has {_said(said)}" + (", which is not allowed" if said else "")
    return Finding(message, "pyproject.toml", line, rule="licence")


def _unused(plan: _Plan, packages: Mapping[str, tuple[str, ...]]) -> Iterator[Finding]:
    for name, _ in plan.exceptions:
        if name not in packages or plan.allowed.all(packages[name]):
            message = f"the exception for {name} is not needed; it can go"
            yield Finding(message, "pyproject.toml", rule="licence", level="note")


def _said(statements: tuple[str, ...]) -> str:
    return "the licence " + " and ".join(statements) if statements else "no licence that it states"
