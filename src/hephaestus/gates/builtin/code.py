"""The gates about how code looks: its format, and what linters say of it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from hephaestus.gates.bench import Bench, judged, useful
from hephaestus.gates.builtin import needs, picking, reading
from hephaestus.gates.gate import COULD_NOT_RUN, PASSED, Answer, Gate, Off
from hephaestus.gates.shown import Shown
from hephaestus.supervise import Ended
from hephaestus.tree import Directory

__all__ = ["choose"]

_RUFF = picking.Known("ruff", ("ruff.toml", ".ruff.toml"))
_BLACK = picking.Known("black")
_FLAKE8 = picking.Known("flake8", (".flake8",), "flake8")
_PYLINT = picking.Known("pylint", (".pylintrc", "pylintrc", ".pylintrc.toml", "pylintrc.toml"), "pylint")
# Formatters that are not asked; where one is configured, another must not say how the code has to look.
_OTHERS = (picking.Known("yapf", (".style.yapf",), "yapf"), picking.Known("autopep8", section="autopep8"))

# What formatters say of a file: in one line, or above the line that tells its place.
_PLACE = r"(?P<path>.+?):(?P<line>\d+):(?P<column>\d+)"
_UNFORMATTED = re.compile(rf"(?m)^(?P<rule>unformatted|invalid-syntax): (?P<message>.*)\n *--> {_PLACE}$")
_WOULD = re.compile(r"(?m)^[Ww]ould reformat:? (?P<path>.+)$")
_NO_SYNTAX = (
    re.compile(rf"(?m)^error: Failed to parse {_PLACE}: (?P<message>.*)$"),
    re.compile(rf"(?m)^error: cannot parse: {_PLACE}$"),
    re.compile(r"(?m)^error: cannot format (?P<path>.+?): Cannot parse[^:\n]*: (?P<line>\d+):(?P<column>\d+):"),
)
_STUMBLED = re.compile(r"(?m)^error: cannot format (?!.*: Cannot parse)")
_SEEN = re.compile(r"\b[1-9]\d* files? (?:already formatted|(?:would be )?left unchanged)")
_FLAKE8_LINE = re.compile(rf"(?m)^{_PLACE}: (?P<rule>[A-Z]+\d+) (?P<message>.*)$")
_RUFF_SHAPE = reading.Shape("filename", "location.row", "location.column", "code", "message", "severity")
_PYLINT_SHAPE = reading.Shape("path", "line", "column", "symbol", "message", column_from=0)
# Odd ones tell that pylint stumbled, and 32 that it was told nonsense.
_FOUND_BY_PYLINT = range(2, 32, 2)
_PYTHON_FILE = re.compile(r"(?m)\.(py|pyi|ipynb)$")


@dataclass(frozen=True)
class _Words:
    """What a project adds to the words a tool is asked with, and the paths it names instead of the usual ones."""

    arguments: tuple[str, ...]
    paths: tuple[str, ...]

    def on(self, usual: Sequence[str] = ()) -> tuple[str, ...]:
        """Return the words that are added where these paths are usual."""
        return (*self.arguments, *(self.paths or usual))


def choose(shown: Shown) -> list[Gate | Off]:
    """Return the gates `format` and `lint`, or why they are off."""
    if not needs.python(shown):
        return [Off(name, "there are no Python files") for name in ("format", "lint")]
    return [_gate(shown, "format", _formatters(shown)), _gate(shown, "lint", (_RUFF, _FLAKE8, _PYLINT))]


def _gate(shown: Shown, name: str, known: Sequence[picking.Known]) -> Gate | Off:
    said = needs.said(shown, name, "paths", tool=str)
    every = (_RUFF, _BLACK) if name == "format" else known
    other = next((where for each in _OTHERS if (where := each.shown(shown))), None)
    if name == "format" and other and said["tool"] is None and known != (_RUFF,):
        return Off(name, f"the code is formatted by a tool that is not asked: {other}")
    picked = picking.pick(shown, name, every if said["tool"] else known, said["tool"])
    if isinstance(picked, Off):
        return picked
    ask, requirements = _TOOLS[name, picked.name]
    words = _Words(said["arguments"], said["paths"])
    return Gate(
        name,
        picked.why,
        lambda bench: ask(bench, words),
        tools=tuple(dict.fromkeys((shown.requirement(picked.name), *requirements(shown)))),
        definition=(picked.name, *words.arguments, "--", *words.paths),
    )


def _formatters(shown: Shown) -> tuple[picking.Known, ...]:
    """Return the formatters to pick from: who has settings for one formats with it, whatever else is at hand."""
    if _formats_with_ruff(shown):
        return (_RUFF,)
    return (_BLACK,) if _BLACK.shown(shown) or _BLACK.declared(shown) else (_RUFF, _BLACK)


def _formats_with_ruff(shown: Shown) -> bool:
    file = shown.first(*_RUFF.files)
    if file is None:
        return "format" in shown.tool("ruff")
    try:
        return "format" in tomllib.loads((Directory(shown.root).read(file) or b"").decode())
    except ValueError:
        return False


def _format_with_ruff(bench: Bench, words: _Words) -> Answer:
    # In its words for people all its versions say the same; 2 is a mistake in the code, or of ours.
    ended = bench.run("ruff", "format", "--check", "--no-cache", *words.on())
    return _formatted(bench, ended, (1, 2), "ruff format")


def _format_with_black(bench: Bench, words: _Words) -> Answer:
    home = {"BLACK_CACHE_DIR": str(bench.scratch)}
    ended = bench.run("black", "--check", "--verbose", *words.on(["."]), extra=home)
    if _STUMBLED.search(ended.errors):
        return judged(ended, failing=())
    return _formatted(bench, ended, (1, 123), "black .")


def _formatted(bench: Bench, ended: Ended, failing: Sequence[int], settle: str) -> Answer:
    amiss = [
        *reading.lines(ended.said, _UNFORMATTED, bench.root),
        *reading.lines(ended.said, _WOULD, bench.root, "File would be reformatted"),
    ]
    found = [
        *(replace(each, hint=settle) for each in amiss),
        *(each for pattern in _NO_SYNTAX for each in reading.lines(ended.said, pattern, bench.root, "it is no Python")),
    ]
    answer = reading.answered(ended, found, failing)
    return _saw_nothing(ended) if answer.verdict == PASSED and not _SEEN.search(ended.said) else answer


def _lint_with_ruff(bench: Bench, words: _Words) -> Answer:
    ended = bench.run(
        "ruff", "check", "--no-fix", "--no-fix-only", "--output-format", "json", "--no-cache", *words.on()
    )
    answer = reading.answered(ended, reading.found(reading.document(ended.output), _RUFF_SHAPE, bench.root))
    if answer.verdict != PASSED:
        return answer
    looked = bench.run("ruff", "check", "--show-files", *words.on())
    return answer if looked.code == 0 and _PYTHON_FILE.search(looked.output) else _saw_nothing(looked)


def _lint_with_flake8(bench: Bench, words: _Words) -> Answer:
    ended = bench.run("flake8", "--format", "default", *words.on(needs.tops(bench.shown)))
    return reading.answered(ended, reading.lines(ended.output, _FLAKE8_LINE, bench.root))


def _lint_with_pylint(bench: Bench, words: _Words) -> Answer:
    own = ("--output-format=json", "--persistent=n", "--score=n", "--recursive=y")
    home = {"PYLINTHOME": str(bench.scratch)}
    ended = bench.run("pylint", *own, *words.on(needs.sources(bench.shown)), extra=home)
    found = reading.found(reading.document(ended.output), _PYLINT_SHAPE, bench.root)
    return reading.answered(ended, found, _FOUND_BY_PYLINT)


def _saw_nothing(ended: Ended) -> Answer:
    return Answer(COULD_NOT_RUN, "it found no file to look at", lines=useful(ended))


_Asked = tuple[Callable[[Bench, _Words], Answer], Callable[[Shown], tuple[str, ...]]]
# How each tool is asked, and what it needs beside itself: plug-ins, and for pylint all that the code imports.
_TOOLS: dict[tuple[str, str], _Asked] = {
    ("format", "ruff"): (_format_with_ruff, lambda _: ()),
    ("format", "black"): (_format_with_black, lambda shown: needs.beside(shown, "black")),
    ("lint", "ruff"): (_lint_with_ruff, lambda _: ()),
    ("lint", "flake8"): (_lint_with_flake8, lambda shown: needs.beside(shown, "flake8")),
    ("lint", "pylint"): (
        _lint_with_pylint,
        lambda shown: (*needs.dependencies(shown), *needs.beside(shown, "pylint")),
    ),
}
