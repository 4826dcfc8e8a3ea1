"""What a project offers others: the public objects of its packages, and the names that lead to them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from hephaestus.errors import CouldNotRun, HephaestusError

if TYPE_CHECKING:
    import griffe

__all__ = ["Surface", "inherited", "is_wild", "origin", "resolved", "understood"]


@dataclass(frozen=True)
class Surface:
    """The public objects of some packages.

    `tops` are the packages themselves by name, `texts` the source of each module.
    """

    tops: Mapping[str, griffe.Module]
    texts: Mapping[str, str] = field(repr=False)

    @cached_property
    def objects(self) -> Mapping[str, griffe.Object | griffe.Alias]:
        """All public objects by name, those with short names first.

        What is inside an object that has several names is listed under the first of them.
        """
        found: dict[str, griffe.Object | griffe.Alias] = dict(self.tops)
        waiting: list[tuple[str, griffe.Object]] = list(self.tops.items())
        entered: set[str] = set()
        for name, holder in waiting:  # grows while it is walked
            if holder.path in entered:
                continue
            entered.add(holder.path)
            for key, member in holder.all_members.items():
                if not member.is_public or is_wild(member):
                    continue
                found[f"{name}.{key}"] = member
                target = resolved(member)
                if target is not None and (target.is_module or target.is_class):
                    waiting.append((f"{name}.{key}", target))
        return found

    @cached_property
    def named(self) -> Mapping[str, list[str]]:
        """The names others use for an object, by the name of the place where it is defined.

        The shortest comes first, but for names by way of a class that only inherits it.
        """
        found: dict[str, list[str]] = {}
        lent: dict[str, list[str]] = {}
        for name, each in self.objects.items():
            (lent if inherited(each) else found).setdefault(origin(each), []).append(name)
        for place, names in lent.items():
            found.setdefault(place, []).extend(names)
        return found

    def answers(self, module: str, name: str) -> bool:
        """Tell whether a module makes an attribute when it is asked for, by a `__getattr__` of its own (PEP 562)."""
        held = self.objects.get(module)
        text = self.texts.get(origin(held) if held is not None else module, "")
        # It may keep the names in a table beside the function, so any text in the module counts.
        return "def __getattr__(" in text and any(f"{quote}{name}{quote}" in text for quote in "'\"")


def resolved(each: griffe.Object | griffe.Alias) -> griffe.Object | None:
    """Return the object itself that a name leads to, or `None` where that lies outside or cannot be found."""
    import griffe

    if not isinstance(each, griffe.Alias):
        return each
    try:
        return each.final_target
    except (griffe.AliasResolutionError, griffe.CyclicAliasError):
        return None


def origin(each: griffe.Object | griffe.Alias) -> str:
    """Return the name of the place where an object is defined, as far as it can be told."""
    found = resolved(each)
    return each.path if found is None else found.path


def inherited(each: griffe.Object | griffe.Alias) -> bool:
    """Tell whether a class has a member only because a class it is derived from has it."""
    return each.is_alias and bool(getattr(each, "inherited", False))


def is_wild(member: griffe.Object | griffe.Alias) -> bool:
    """Tell whether a member stands for all that `from … import *` would bring, which cannot be seen."""
    return member.is_alias and bool(getattr(member, "wildcard", None))


@contextlib.contextmanager
def understood(what: str) -> Iterator[None]:
    """Turn what griffe stumbles over in the code of others into words; `what` is what could not be done.

    Raises `CouldNotRun`.
    """
    try:
        yield
    except HephaestusError:
        raise
    except Exception as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())
        stumbles = f"the packages cannot be {what}, as griffe stumbles over them: {said[:200]}"
        raise CouldNotRun(stumbles, "python -m pip show griffelib") from error
