"""What a break of griffe's means for those who call a function or use a class, as a sentence without its subject.

Left out is what no caller can notice: another name for what can only be given by position, parameters that have
moved up because one before them is gone, and what was no class and is one now, which can be called as before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import griffe

__all__ = ["added", "told"]

# What happened, by griffe's kind of break; the places are for parameters or what else it is about.
_SAID = {
    "class-removed-base": "is no longer derived from {what}",
    "object-changed-kind": "is now {what}",
    "parameter-added-required": "must be given {what} as well",
    "parameter-changed-default": "has another default for {what}",
    "parameter-changed-kind": "takes {what} any more",
    "parameter-changed-required": "must be given {what}, which could be left out",
    "parameter-moved": "takes {what} at another place",
    "parameter-removed": "takes no {what} any more",
    "return-changed-type": "does not say any more that it returns {what}",
}
_BECAME_CLASS = {("function", "class"), ("attribute", "class"), ("type alias", "class"), ("attribute", "type alias")}
_UNIMPORTANT = {"Generic", "Protocol", "object"}  # type parameters have another syntax since PEP 695
_SHOWN = 3
_LONGEST = 60  # characters of a value from source that are repeated


def told(rules: Mapping[str, Sequence[griffe.Breakage]], before: griffe.Object | None) -> Iterator[tuple[str, str]]:
    """Return what users notice of the breaks of one object, by rule; `before` is the object as it was."""
    for rule, found in rules.items():
        group = list({_parameter(each): each for each in found}.values())  # reached by several names
        if kept := _noticeable(rule, group, rules, before):
            yield rule, _SAID.get(rule, "has changed: {what}").format(what=_what(rule, kept))


def added(before: griffe.Object, now: griffe.Object) -> str:
    """Return the parameters a function has got that may be left out, as a list to read, or nothing."""
    if not (before.is_function and now.is_function):
        return ""
    known = {each.name for each in _parameters(before)} | set(_renamed(before, now).values())
    fresh = [each for each in _parameters(now) if each.name not in known and not each.required]
    return _listed([each.name for each in fresh if not _is_variadic(each)])


def _noticeable(
    rule: str,
    group: list[griffe.Breakage],
    rules: Mapping[str, Sequence[griffe.Breakage]],
    before: griffe.Object | None,
) -> list[griffe.Breakage]:
    """Return those of the breaks that a caller can notice, and that are not told by another rule."""
    now = group[0].obj
    match rule:
        case "object-changed-kind":
            return [each for each in group if _kinds(each) not in _BECAME_CLASS]
        case "class-removed-base":
            return [each for each in group if _lost(each)]
        case "parameter-removed":
            renamed, kinds = _renamed(before, now), {each.kind for each in _parameters(now)}
            gone = [each for each in group if renamed.get(each.old_value.name, "") is not None]
            return [each for each in gone if not (_is_variadic(each.old_value) and each.old_value.kind in kinds)]
        case "parameter-added-required":
            instead = {is_now.name for _, was, is_now in _pairs(before, now) if was.required or not is_now.required}
            return [each for each in group if each.new_value.name not in instead]
        case "parameter-moved" if "parameter-removed" in rules or "parameter-added-required" in rules:
            return []  # they moved for the gap, or for what is new
        case _:
            return group


def _what(rule: str, group: Sequence[griffe.Breakage]) -> str:
    """Return what a break is about, as words for the sentence of its rule."""
    first = group[0]
    match rule:
        case "class-removed-base":
            return _listed(_lost(first))
        case "object-changed-kind":
            return "{1}, and was {0}".format(*_kinds(first))
        case "parameter-changed-kind":
            return f"no {first.old_value.kind.value} {_listed([_parameter(each) for each in group])}"
        case "parameter-changed-default" if len(group) == 1:
            return f"{_parameter(first)}: {_short(first.new_value.default)} for {_short(first.old_value.default)}"
        case _ if rule.startswith("parameter"):
            return _listed([_parameter(each) for each in group])
        case _:
            return _short(first.old_value)


def _parameters(function: Any) -> Iterable[griffe.Parameter]:  # noqa: ANN401  (a function, by its kind and not its class)
    parameters: Iterable[griffe.Parameter] = function.parameters
    return parameters


def _positional(function: object) -> list[griffe.Parameter]:
    return [each for each in _parameters(function) if each.kind and each.kind.name.startswith("positional")]


def _is_variadic(parameter: griffe.Parameter) -> bool:
    return parameter.kind is not None and parameter.kind.name.startswith("var_")


def _pairs(
    before: griffe.Object | None, now: griffe.Object
) -> Iterator[tuple[int, griffe.Parameter, griffe.Parameter]]:
    """Return the positional parameters that stand at one place in both states under different names."""
    if before is None or not (before.is_function and now.is_function):
        return
    after, known = ({each.name for each in _parameters(function)} for function in (now, before))
    for place, (was, is_now) in enumerate(zip(_positional(before), _positional(now), strict=False)):
        if was.name not in after and is_now.name not in known:
            yield place, was, is_now


def _renamed(before: griffe.Object | None, now: griffe.Object) -> dict[str, str | None]:
    """Return the new names of parameters by the old ones; `None` where nobody can have used the old name."""
    bound = now.parent is not None and now.parent.is_class and "staticmethod" not in now.labels
    renamed: dict[str, str | None] = {}
    for place, was, is_now in _pairs(before, now):
        kind = was.kind.name if was.kind else ""
        unnamed = kind == "positional_only" or was.name.startswith("__")  # as was usual before PEP 570
        renamed[was.name] = None if unnamed or (bound and not place) else is_now.name
    return renamed


def _parameter(each: griffe.Breakage) -> str:
    """Return the parameter a break is about, or nothing."""
    if not each.kind.name.startswith("PARAMETER"):
        return ""
    return str((each.new_value if each.old_value is None else each.old_value).name)


def _kinds(each: griffe.Breakage) -> tuple[str, str]:
    return str(each.old_value.value), str(each.new_value.value)


def _lost(each: griffe.Breakage) -> list[str]:
    """Return the base classes that are gone and made a difference."""
    was, is_now = ([str(base).partition("[")[0] for base in bases] for bases in (each.old_value, each.new_value))
    return [base for base in was if base not in is_now and base.rpartition(".")[2] not in _UNIMPORTANT]


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return f"{text[: _LONGEST - 1]}…" if len(text) > _LONGEST else text


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    shown = ", ".join(names[:_SHOWN])
    return f"{shown} and {more} more" if more > 0 else shown
