"""Settling drift: edits to the byte, each proved by looking again before anything is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from hephaestus import system
from hephaestus.drift import toml, yaml
from hephaestus.drift.looking import look
from hephaestus.drift.node import Node
from hephaestus.drift.places import Drift, Edit, Report
from hephaestus.drift.settings import Settings
from hephaestus.errors import Conflict
from hephaestus.tree import Directory, unified

__all__ = ["Fix", "fix", "write"]


@dataclass(frozen=True)
class Fix:
    """What would settle drifts beyond doubt.

    `before` and `after` are the bytes of each file that changes, `settled` the drifts that are gone by it, and `left`
    is the report of what stays.
    """

    before: Mapping[str, bytes]
    after: Mapping[str, bytes]
    settled: tuple[Drift, ...]
    left: Report

    @property
    def diff(self) -> str:
        """The difference, as `git diff` would show it."""
        return "".join(unified(path, self.before[path], self.after[path]) for path in sorted(self.after))


def fix(root: Path, settings: Settings | None = None, environment: Path | None = None) -> Fix:
    """Return the edits that settle what has but one answer; nothing is written.

    An edit is taken only if the file then says what it said but for that one value, the drift is gone, and no other
    has come. Raises `UsageError` as `look` does.
    """
    report = first = look(root, settings, environment)
    tree = Directory(root)
    before: dict[str, bytes] = {}
    after: dict[str, bytes] = {}
    settled = []
    for drift in (each for each in first.drifts if each.edit is not None):
        path = drift.here.path
        data = after.get(path, tree.read(path))
        edited = None if data is None or drift.edit is None else _edited(drift.edit, data)
        if data is None or edited is None:
            continue
        then = look(root, settings, environment, {**after, path: edited})
        if _better(report, then, drift):
            before.setdefault(path, data)
            after[path] = edited
            settled.append(drift)
            report = then
    return Fix(before, after, tuple(settled), report)


def write(root: Path, planned: Fix) -> None:
    """Write what was planned: all of it, or nothing where a file cannot be written.

    Raises `Conflict` where a file has changed since it was read.
    """
    tree = Directory(root)
    for path, data in planned.before.items():
        if tree.read(path) != data:
            raise Conflict(f"{path} was changed meanwhile, so nothing is written", "hephaestus drift --fix")
    written: list[str] = []
    try:
        for path, data in planned.after.items():
            system.write((root / path).resolve(), data)
            written.append(path)
    except BaseException:
        for path in written:
            system.write((root / path).resolve(), planned.before[path])
        raise


def _edited(edit: Edit, data: bytes) -> bytes | None:
    """Return the bytes after an edit, or `None` where it does not fit, or would change more than one value."""
    edited = edit.applied(data)
    return edited if edited is not None and _changes_one(edit.path, data, edited) else None


def _changes_one(path: str, data: bytes, edited: bytes) -> bool:
    """Tell whether two states of a file of configuration differ in exactly one value."""
    if path.endswith((".toml", ".lock")):
        read = toml.read
    elif path.endswith((".yml", ".yaml")):
        read = yaml.read
    else:
        return True
    try:
        pairs = zip(_values(read(data)), _values(read(edited)), strict=True)
        differing = [one.scalar and other.scalar for one, other in pairs if one != other]
    except (ValueError, RecursionError):
        return False
    return differing == [True]


class _Value(NamedTuple):
    text: str
    bare: bool
    scalar: bool


def _values(node: Node) -> Iterator[_Value]:
    """Yield all keys and scalars of a document in order; what an alias stands for comes once."""
    waiting, seen = [node], set()
    while waiting:
        node = waiting.pop()
        if isinstance(node.value, dict | list) and id(node) not in seen:
            seen.add(id(node))
            waiting.extend(node.value.values() if isinstance(node.value, dict) else node.value)
            held = list(node.value) if isinstance(node.value, dict) else len(node.value)
            yield _Value(repr(held), bare=False, scalar=False)
        elif not isinstance(node.value, dict | list):
            yield _Value(repr(node.value), node.bare, scalar=True)


def _better(report: Report, then: Report, drift: Drift) -> bool:
    """Tell whether a drift is gone and nothing new has come in its place."""
    was, now = ({_identity(each) for each in found.drifts} for found in (report, then))
    return _identity(drift) not in now and now <= was and then.unread == report.unread


def _identity(drift: Drift) -> tuple[str, str, str, int]:
    return drift.rule, drift.subject, drift.here.path, drift.here.line
