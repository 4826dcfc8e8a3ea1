"""What a project needs on a target, walked over the metadata of the wheels there are: the proof that all are there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from hephaestus.wheelhouse.target import Target
from hephaestus.wheelhouse.wheel import Wheel

__all__ = ["Closure", "walk"]


@dataclass(frozen=True)
class Closure:
    """The packages that were reached, each with those it needs itself, and what was found missing or unfit."""

    needs: Mapping[NormalizedName, frozenset[NormalizedName]]
    problems: tuple[str, ...]


def walk(
    wheels: Mapping[NormalizedName, Wheel],
    target: Target,
    roots: Iterable[Requirement],
) -> Closure:
    """Walk from requirements over what the wheels chosen for a target say they need there.

    `wheels` holds the one wheel of each package that an installer would take; `roots` are requirements such as
    `lantern[json]`. Markers (PEP 508) hold where they do in any environment the target can be, so that what only
    some patch release of a Python needs is needed.
    """
    return _Walk(wheels, target).from_(roots)


@dataclass
class _Walk:
    wheels: Mapping[NormalizedName, Wheel]
    target: Target
    needs: dict[NormalizedName, set[NormalizedName]] = field(default_factory=dict)
    problems: dict[str, None] = field(default_factory=dict)
    visited: set[tuple[NormalizedName, str]] = field(default_factory=set)
    holding: dict[tuple[str, str], bool] = field(default_factory=dict)

    def from_(self, roots: Iterable[Requirement]) -> Closure:
        waiting = [(None, root) for root in roots if self._holds(root.marker, "")]
        todo: list[tuple[Wheel | None, Requirement]] = list(waiting)
        while todo:
            who, requirement = todo.pop()
            try:
                wheel = self._found(who, requirement)
                if wheel is not None:
                    todo += [(wheel, each) for extra in ("", *_extras(requirement)) for each in self._of(wheel, extra)]
            except ValueError as error:  # a marker that compares what cannot be compared, a version of a million digits
                self.problems[f"what {requirement.name} needs cannot be told for {self.target}: {error}"[:400]] = None
        return Closure({name: frozenset(found) for name, found in self.needs.items()}, tuple(self.problems))

    def _found(self, who: Wheel | None, requirement: Requirement) -> Wheel | None:
        name = canonicalize_name(requirement.name)
        wheel = self.wheels.get(name)
        says = f"{who.name} {who.version} needs {requirement}" if who else f"{requirement} is asked for"
        if wheel is None:
            self.problems[f"{says}, which is not there for {self.target}"] = None
            return None
        if who is not None:
            self.needs[who.name].add(name)
        if not requirement.specifier.contains(wheel.version, prereleases=True):
            self.problems[f"{says}, but {wheel.version} is there for {self.target}"] = None
        if name not in self.needs:
            self.needs[name] = set()
            self._fits(wheel)
        return wheel

    def _fits(self, wheel: Wheel) -> None:
        if wheel.tags.isdisjoint(self.target.installable):
            self.problems[f"{wheel.file} cannot be installed on {self.target}"] = None
        version = self.target.environments[-1]["python_full_version"]
        if not wheel.requires_python.contains(version, prereleases=True):
            self.problems[f"{wheel.file} needs Python {wheel.requires_python}, which {self.target} is not"] = None

    def _of(self, wheel: Wheel, extra: str) -> list[Requirement]:
        """Return what a wheel needs with one of its extras, or without any, the first time it is asked."""
        if (wheel.name, extra) in self.visited:
            return []
        self.visited.add((wheel.name, extra))
        return [each for each in wheel.requires if self._holds(each.marker, extra)]

    def _holds(self, marker: Marker | None, extra: str) -> bool:
        if marker is None:
            return not extra
        key = str(marker), extra
        if key not in self.holding:
            self.holding[key] = self._evaluate(marker, key[0], extra)
        return self.holding[key]

    def _evaluate(self, marker: Marker, text: str, extra: str) -> bool:
        if not extra and "extra ==" in text and " or " not in text:
            return False  # the many requirements of extras nobody asked for
        return any(marker.evaluate({**environment, "extra": extra}) for environment in self.target.environments)


def _extras(requirement: Requirement) -> Iterable[str]:
    return (canonicalize_name(extra) for extra in sorted(requirement.extras))
