"""What changed for users between two wheelhouses of a project."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from packaging.utils import NormalizedName
from packaging.version import Version

from hephaestus import system
from hephaestus.errors import UsageError
from hephaestus.wheelhouse.house import House
from hephaestus.wheelhouse.inspection import readable, served
from hephaestus.wheelhouse.wheel import Wheel

__all__ = ["Change", "Difference", "Swap", "difference"]

# What happened to a package, the worst first.
_HAPPENED = ("rebuilt", "added", "removed", "upgraded", "downgraded")

# How a person says the keys of a document.
_WORDS = {
    "licence": "licence",
    "requires_python": "requires-python",
    "targets": "target",
    "extras": "extra",
    "groups": "group",
    "scripts": "console script",
}

_VALUE = 60  # the licence of a wheel with much inside has many parts

_Served = Mapping[str, Mapping[NormalizedName, Wheel]]


@dataclass(frozen=True, order=True)
class Change:
    """What something was and what it is, empty where it was not there or is gone.

    `targets` are those it is true on, and empty where it is true on all that have the subject.
    """

    subject: str
    old: str
    new: str
    targets: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return the change for machines."""
        return {"name": self.subject, "old": self.old or None, "new": self.new or None, "targets": list(self.targets)}


@dataclass(frozen=True)
class Swap:
    """What joined and what left a set of names."""

    added: tuple[str, ...]
    removed: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """Return both for machines."""
        return {"added": list(self.added), "removed": list(self.removed)}


@dataclass(frozen=True)
class Difference:
    """All that changed for users, sorted.

    `packages` holds under `rebuilt` files with other bytes than a file of the same version had, which a version
    promises not to happen, and under `added`, `removed`, `upgraded` and `downgraded` the packages with their versions;
    `facts` what packages of both say of themselves (`licence`, `requires_python`); `sets` are `targets`, `extras`,
    `groups` and `scripts`; `sizes` the bytes of all wheels and the sdist.
    """

    project: NormalizedName
    versions: tuple[str, str]
    packages: Mapping[str, tuple[Change, ...]]
    facts: Mapping[str, tuple[Change, ...]]
    sets: Mapping[str, Swap]
    sizes: tuple[int, int]

    @property
    def percent(self) -> float | None:
        """By how many percent the size grew."""
        old, new = self.sizes
        return round(100 * (new - old) / old, 1) if old else None

    @property
    def lines(self) -> list[str]:
        """The changes for people, a fact a line."""
        found = [_package_line(what, change) for what, changes in self.packages.items() for change in changes]
        found += [_fact_line(what, change) for what, changes in self.facts.items() for change in changes]
        for what, swap in self.sets.items():
            found += [f"{_WORDS[what]} added: {name}" for name in swap.added]
            found += [f"{_WORDS[what]} removed: {name}" for name in swap.removed]
        old, new = self.sizes
        if old != new:
            percent = "" if self.percent is None else f" ({self.percent:+.1f} %)"
            found.append(f"size: {readable(old)} -> {readable(new)}, {new - old:+d} bytes{percent}")
        return found or ["nothing changed"]

    def document(self) -> dict[str, Any]:
        """Return the changes for machines; every key is always there, and sizes are bytes."""
        old, new = self.sizes
        changes = {**self.packages, **self.facts}
        return {
            "project": self.project,
            "old": self.versions[0],
            "new": self.versions[1],
            **{what: [each.document() for each in several] for what, several in changes.items()},
            **{what: swap.document() for what, swap in self.sets.items()},
            "size": {"old": old, "new": new, "change": new - old, "percent": self.percent},
        }


def difference(old: House, new: House) -> Difference:
    """Compare two wheelhouses of one project, target by target, with all extras and groups.

    Raises `UsageError` for two projects, and `VerificationFailed` where a lock does not serve its own targets.
    """
    if old.project != new.project:
        raise UsageError(
            f"{old.root.name} and {new.root.name} are of two projects, so there is nothing to compare",
            "hephaestus wheelhouse inspect ARCHIVE",
        )
    return Difference(
        project=new.project,
        versions=(old.version, new.version),
        packages=_packages(old, new),
        facts={
            "licence": _facts(old, new, lambda wheel: wheel.licence or "not stated"),
            "requires_python": _facts(old, new, lambda wheel: str(wheel.requires_python) or "any"),
        },
        sets={
            "targets": _swap(map(str, old.targets), map(str, new.targets)),
            "extras": _swap(old.extras, new.extras),
            "groups": _swap(old.groups, new.groups),
            "scripts": _swap(_scripts(old), _scripts(new)),
        },
        sizes=(_size(old), _size(new)),
    )


def _package_line(what: str, change: Change) -> str:
    where = f" on {', '.join(change.targets)}" if change.targets else ""
    if what == "rebuilt":
        return (
            f"REBUILT: {change.subject}{where} has OTHER BYTES under the same version,"
            f" sha256 {change.old[:12]} -> {change.new[:12]}"
        )
    versions = " -> ".join(version for version in (change.old, change.new) if version)
    return f"{what}: {change.subject} {versions}{where}"


def _fact_line(what: str, change: Change) -> str:
    old, new = (textwrap.shorten(text, _VALUE, placeholder=" …") for text in (change.old, change.new))
    return f"{_WORDS[what]} of {change.subject}: {old} -> {new}"


def _packages(old: House, new: House) -> dict[str, tuple[Change, ...]]:
    found: dict[str, list[Change]] = {what: [] for what in _HAPPENED}
    was, now = served(old), served(new)
    for name in _wheels(old).keys() | _wheels(new).keys():
        happened: dict[tuple[str, Change] | None, list[str]] = {}
        for target, before, after in _places(name, old, new, was, now):
            happened.setdefault(_happened(before, after, target), []).append(target)
        for outcome, targets in happened.items():
            if outcome is not None:
                what, change = outcome
                found[what].append(replace(change, targets=tuple(sorted(targets))) if len(happened) > 1 else change)
    found["rebuilt"] += _rebuilt_sdist(old, new)
    return {what: tuple(sorted(changes)) for what, changes in found.items()}


def _places(
    name: NormalizedName, old: House, new: House, was: _Served, now: _Served
) -> list[tuple[str, Wheel | None, Wheel | None]]:
    """Return where a package can be compared: the target, and the wheel that was and the one that is used there.

    Those are the targets of both houses. Where none of them uses the package, the newest wheels are compared, at
    no target.
    """
    before, after = _wheels(old).get(name), _wheels(new).get(name)
    places = [(each, was[each].get(name), now[each].get(name)) for each in was.keys() & now.keys()]
    used = [place for place in places if place[1] or place[2]]
    return used or [("", before[-1] if before else None, after[-1] if after else None)]


def _happened(before: Wheel | None, after: Wheel | None, target: str) -> tuple[str, Change] | None:
    if before is None or after is None:
        there = before or after
        assert there is not None  # a place has at least one of them
        version = str(there.version)
        return ("removed", Change(there.name, version, "")) if before else ("added", Change(there.name, "", version))
    if before.version != after.version:
        what = "upgraded" if before.version < after.version else "downgraded"
        return what, Change(after.name, str(before.version), str(after.version))
    # Wheels for two targets are two builds; for one target, or under one name, they are to be the same.
    if before.sha256 != after.sha256 and (target or before.file == after.file):
        return "rebuilt", Change(after.file, before.sha256, after.sha256)
    return None


def _rebuilt_sdist(old: House, new: House) -> Iterator[Change]:
    if Version(old.version) == Version(new.version):
        was, now = system.digest(old.sdist), system.digest(new.sdist)
        if was != now:
            yield Change(new.sdist.name, was, now)


def _facts(old: House, new: House, told: Callable[[Wheel], str]) -> tuple[Change, ...]:
    """Return what packages of both houses say otherwise; wheels that disagree have all they say in one text."""
    was, now = (
        {name: " / ".join(sorted(set(map(told, each)))) for name, each in _wheels(house).items()}
        for house in (old, new)
    )
    return tuple(
        Change(name, was[name], now[name]) for name in sorted(was.keys() & now.keys()) if was[name] != now[name]
    )


def _swap(old: Iterable[str], new: Iterable[str]) -> Swap:
    was, now = set(old), set(new)
    return Swap(tuple(sorted(now - was)), tuple(sorted(was - now)))


def _scripts(house: House) -> set[str]:
    return {script for wheel in house.wheels for script in wheel.scripts}


def _size(house: House) -> int:
    return sum(wheel.size for wheel in house.wheels) + house.sdist.stat().st_size


def _wheels(house: House) -> dict[NormalizedName, list[Wheel]]:
    """Return the wheels of each package, the newest version last."""
    found: dict[NormalizedName, list[Wheel]] = {}
    for wheel in sorted(house.wheels, key=lambda each: (each.version, each.file)):
        found.setdefault(wheel.name, []).append(wheel)
    return found
