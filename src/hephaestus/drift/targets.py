"""Rules about tools that are told a version of Python: linters, formatters, type checkers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from hephaestus.drift.facts import Facts
from hephaestus.drift.node import Node
from hephaestus.drift.places import MEND, Drift, Edit, Place, edited
from hephaestus.drift.pythons import minor

__all__ = ["targets"]

# Tables of pyproject.toml and what they say of Python.
_KEYS = (
    ("black", "target-version"),
    ("basedpyright", "pythonVersion"),
    ("isort", "py_version"),
    ("mypy", "python_version"),
    ("pylint", "main", "py-version"),
    ("pyrefly", "python-version"),
    ("pyright", "pythonVersion"),
    ("ruff", "target-version"),
    ("ty", "environment", "python-version"),
)
# Files of tools with a line that says it, and in which section of theirs where they have sections.
_LINES = (
    ("mypy", "mypy.ini", "mypy", re.compile(r"python_version\s*[=:]\s*(\d\.\d+)")),
    ("mypy", ".mypy.ini", "mypy", re.compile(r"python_version\s*[=:]\s*(\d\.\d+)")),
    ("mypy", "setup.cfg", "mypy", re.compile(r"python_version\s*[=:]\s*(\d\.\d+)")),
    ("pyright", "pyrightconfig.json", "", re.compile(r'\s*"pythonVersion"\s*:\s*"(\d\.\d+)"')),
)
_OLDEST = "3.7"  # the oldest that ruff can be told
_SECTION = re.compile(r"\[([^\]]+)\]")


@dataclass(frozen=True)
class _Target:
    tool: str
    written: str
    version: str
    place: Place


def targets(facts: Facts) -> Iterator[Drift]:
    """Compare what tools are told with requires-python.

    ruff takes its target for the oldest Python there is, so that has to be it. The others may well be pointed at
    another one, as long as requires-python admits it.
    """
    python = facts.python
    if python is None or python.floor is None:
        return
    oldest = _OLDEST if _OLDEST in python.minors else python.floor
    for target in (*_in_tables(facts), *_in_lines(facts)):
        wrong = target.version != oldest if target.tool == "ruff" else not python.admits(target.version)
        if wrong:
            message = f"{target.tool} is told Python {target.version}, but requires-python is {python}"
            edit = _edit(target, oldest)
            hint = MEND if edit else edited(target.place.path)
            yield Drift("targets", target.tool, message, target.place, python.place, hint, edit)


def _edit(target: _Target, floor: str) -> Edit | None:
    """Return the edit that tells the tool the oldest Python, which each takes by itself where it is told nothing."""
    if target.tool == "black":  # a list of all that shall be supported: what belongs in it is for people to say
        return None
    written = f"py{floor.replace('.', '')}" if target.written.startswith("py") else floor
    written = floor.replace(".", "") if target.tool == "isort" else written
    return Edit(target.place.path, target.place.line, target.written, written)


def _in_tables(facts: Facts) -> Iterator[_Target]:
    for tool, *keys in _KEYS:
        yield from _said(facts, tool, "pyproject.toml", facts.pyproject.at("tool", tool, *keys))
    for tool, path, keys in (
        ("ruff", "ruff.toml", ["target-version"]),
        ("ruff", ".ruff.toml", ["target-version"]),
        ("ty", "ty.toml", ["environment", "python-version"]),
        ("pyrefly", "pyrefly.toml", ["python-version"]),
    ):
        node = facts.files.toml(path)
        yield from _said(facts, tool, path, node.at(*keys) if node is not None else None)


def _said(facts: Facts, tool: str, path: str, node: Node | None) -> Iterator[_Target]:
    if node is None:
        return
    for each in node.items() or [node]:
        written = str(each.value)
        text = f"{written[0]}.{written[1:]}" if tool == "isort" and written.isdigit() else written
        version = minor(text)
        if version is not None and version.count(".") == 1:
            yield _Target(tool, written, version, facts.files.place(path, each.line))


def _in_lines(facts: Facts) -> Iterator[_Target]:
    for tool, path, section, pattern in _LINES:
        current = ""
        for number, line in enumerate((facts.files.text(path) or "").splitlines(), 1):
            header = _SECTION.match(line) if section else None
            current = header[1] if header else current
            found = pattern.match(line) if current == section else None
            if found:
                yield _Target(tool, found[1], found[1], facts.files.place(path, number))
