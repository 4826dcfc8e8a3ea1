"""What has changed between two states of what a project offers: griffe's list of breaks, read with a maintainer's eye.

The rules are griffe's kinds of breaks (`object-removed`, `parameter-moved` …), one finding for each object and rule.
What griffe takes for a break but no caller could notice is left out: a positional parameter with another name, a
method that Python itself supplies, a name that `__getattr__` still answers for.
"""

from __future__ import annotations

import builtins
import contextlib
from collections.abc import Iterator
from pathlib import PurePath
from typing import TYPE_CHECKING

from hephaestus.compatibility import calls
from hephaestus.compatibility.effect import Effect, Evidence
from hephaestus.compatibility.surface import Surface, inherited, origin, resolved, understood

if TYPE_CHECKING:
    import griffe

__all__ = ["compare"]

# What griffe calls a break, though every call that worked still does.
_MILDER = {"parameter-changed-default": Effect.FEATURE, "return-changed-type": Effect.FIX}


def compare(old: Surface, new: Surface, since: str) -> list[Evidence]:
    """Return what has changed for those who import a project, breaks first; `since` names the old state.

    Raises `CouldNotRun` where griffe stumbles over one of them.
    """
    with understood("compared"):
        return _compared(old, new, since)


def _compared(old: Surface, new: Surface, since: str) -> list[Evidence]:
    removed = sorted(set(old.tops) - set(new.tops))
    gone = [Evidence(name, f"the package {name} was removed", Effect.BREAK, "object-removed") for name in removed]
    found = [*gone, *_breaks(old, new, since), *_additions(old, new)]
    return sorted(found, key=lambda each: (-each.effect, each.path, each.line, each.subject, each.rule))


def _breaks(old: Surface, new: Surface, since: str) -> Iterator[Evidence]:
    import griffe

    grouped: dict[str, dict[str, list[griffe.Breakage]]] = {}
    for name in sorted(set(old.tops) & set(new.tops)):
        for each in griffe.find_breaking_changes(old.tops[name], new.tops[name]):
            rule = each.kind.name.lower().replace("_", "-")
            grouped.setdefault(origin(each.obj), {}).setdefault(rule, []).append(each)
    for path, rules in grouped.items():
        gone = {_reached(each.obj, old): each.obj for each in rules.pop("object-removed", [])}
        names = sorted(gone, key=lambda name: (inherited(gone[name]), name.count("."), name))
        for name in names if path in new.named else names[:1]:  # what is gone for good is told once
            if (told := _removal(name, gone[name], old, new, since)) is not None:
                yield told
        for rule, said in calls.told(rules, _before(old, path)):
            yield _evidence(new, rules[rule][0].obj, rule, said)


def _before(old: Surface, path: str) -> griffe.Object | None:
    names = old.named.get(path)
    return resolved(old.objects[names[0]]) if names else None


def _evidence(new: Surface, each: griffe.Object | griffe.Alias, rule: str, said: str) -> Evidence:
    place = origin(each)
    subject, *also = new.named.get(place, [place])
    path, line = _place(each)
    others = tuple(dict.fromkeys((*also, place)))
    return Evidence(subject, f"{subject} {said}", _MILDER.get(rule, Effect.BREAK), rule, path, line, others)


def _removal(name: str, each: griffe.Object | griffe.Alias, old: Surface, new: Surface, since: str) -> Evidence | None:
    """Return the evidence for an object that is gone, unless something still answers to its name."""
    holder, _, key = name.rpartition(".")
    parent = each.parent
    if getattr(each, "wildcard", None) or parent is None or new.answers(holder, key):
        return None
    if parent.is_class and _supplied(new, holder, key, each):
        return None
    target = origin(each)
    above = holder
    while above and above not in new.objects:
        above = above.rpartition(".")[0]
    path, line = _place(new.objects[above]) if above else ("", 0)
    was = ":".join(str(part) for part in _place(each) if part)
    also = tuple(dict.fromkeys((*old.named.get(target, ()), target))) if target not in new.named else ()
    said = f"{name} was removed (in {since} it is at {was})" if was else f"{name} was removed"
    return Evidence(name, said, Effect.BREAK, "object-removed", path, line, also)


def _reached(each: griffe.Object | griffe.Alias, old: Surface) -> str:
    """Return the name by which others reach an object of the old state, where it is missed."""
    holder = each.parent
    names = old.named.get(origin(holder), []) if holder is not None else []
    return f"{names[0]}.{each.name}" if names else each.path


def _supplied(new: Surface, holder: str, key: str, was: griffe.Object | griffe.Alias) -> bool:
    """Tell whether a class still has a member that is not written in it any more.

    Python supplies the special methods of `object` and what a built-in base has. What a decorator or a base class
    from elsewhere supplies cannot be seen: of special members nothing is said then, of others that they are gone.
    """
    import griffe

    special = key.startswith("__") and key.endswith("__")
    if special and was.is_attribute:
        return True
    if special and key not in ("__init__", "__new__") and hasattr(object, key):
        return True
    now = resolved(new.objects[holder]) if holder in new.objects else None
    if not isinstance(now, griffe.Class):
        return False
    bases = [str(base).partition("[")[0] for base in now.bases]
    if any(isinstance(base := getattr(builtins, name, None), type) and hasattr(base, key) for name in bases):
        return True
    unseen = [name for name in bases if not _ours(name, now, new)]
    return special and bool(unseen or now.decorators)


def _ours(base: str, holder: griffe.Object, new: Surface) -> bool:
    with contextlib.suppress(Exception):  # a name that leads nowhere
        return holder.resolve(base).partition(".")[0] in new.tops
    return False


def _place(each: griffe.Object | griffe.Alias) -> tuple[str, int]:
    """Return the file and line of an object, for an alias those of the import."""
    if inherited(each):
        each = resolved(each) or each
    held = each.parent if each.is_alias and each.parent is not None else each
    file = held.filepath
    path = file.as_posix() if isinstance(file, PurePath) else ""
    line = getattr(each, "alias_lineno", None) if each.is_alias else each.lineno
    return path, line or (1 if path else 0)


def _additions(old: Surface, new: Surface) -> Iterator[Evidence]:
    """Return what there is to use now that was not: objects, parameters, and marks that something will go away."""
    told: set[str] = set()
    for name, each in new.objects.items():
        target = origin(each)
        holder = name.rpartition(".")[0]
        if name not in old.objects:
            above_is_new = bool(holder) and holder not in old.objects
            if not above_is_new and target not in told and target not in old.named and not _special(name):
                told.add(target)
                path, line = _place(each)
                yield Evidence(name, f"{name} is new", Effect.FEATURE, "object-added", path, line, (target,))
        elif target not in told:
            told.add(target)
            before, now = resolved(old.objects[name]), resolved(each)
            if before is not None and now is not None:
                yield from _more(name, before, now)


def _special(name: str) -> bool:
    last = name.rpartition(".")[2]
    return last.startswith("__") and last.endswith("__")


def _more(name: str, before: griffe.Object, now: griffe.Object) -> Iterator[Evidence]:
    """Return what an object that was there before has got since."""
    path, line = _place(now)
    if names := calls.added(before, now):
        yield Evidence(name, f"{name} takes {names} as well", Effect.FEATURE, "parameter-added", path, line)
    if _deprecated(now) and not _deprecated(before):
        yield Evidence(name, f"{name} is deprecated", Effect.FEATURE, "object-deprecated", path, line)


def _deprecated(each: griffe.Object) -> bool:
    """Tell whether an object is marked as PEP 702 has it."""
    return any(mark.callable_path.rpartition(".")[2] == "deprecated" for mark in getattr(each, "decorators", ()))
