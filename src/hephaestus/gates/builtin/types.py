"""The gate `types`: the type checker the project configured, with all that its code imports at hand."""

from __future__ import annotations

import configparser
import re
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass

from hephaestus import system
from hephaestus.gates.bench import Bench, useful
from hephaestus.gates.builtin import needs, picking, reading
from hephaestus.gates.gate import COULD_NOT_RUN, Answer, Gate, Off
from hephaestus.gates.shown import Shown
from hephaestus.supervise import Ended
from hephaestus.tree import Directory

__all__ = ["choose"]

_MYPY = picking.Known("mypy", ("mypy.ini", ".mypy.ini"), "mypy")
_TY = picking.Known("ty", ("ty.toml",))
_PYREFLY = picking.Known("pyrefly", ("pyrefly.toml",))
_BASEDPYRIGHT = picking.Known("basedpyright")
_PYRIGHT = picking.Known("pyright", ("pyrightconfig.json",))
_GROUPS = ("types", "typing", "test", "tests", "dev")
# What the configuration of each checker calls the files it is about, with dots between tables.
_FILES_ARE = {
    "mypy": ("files", "modules", "packages"),
    "ty": ("src.include",),
    "pyrefly": ("project-includes", "project_includes"),
    "basedpyright": ("include",),
    "pyright": ("include",),
}
_MYPY_SHAPE = reading.Shape("file", "line", "column", "code", "message", "severity", column_from=0)
_TY_SHAPE = reading.Shape(
    "location.path", "location.positions.begin.line", "location.positions.begin.column", *("check_name", "description")
)
_PYREFLY_SHAPE = reading.Shape("path", "line", "column", "name", "concise_description", "severity")
_PYRIGHT_SHAPE = reading.Shape(
    *("file", "range.start.line", "range.start.character", "rule", "message", "severity"), line_from=0, column_from=0
)
_NO_FILES = re.compile(r"(?i)\bno python files found\b")


@dataclass(frozen=True)
class _Words:
    """What a project adds to the words a checker is asked with, and the paths that are checked."""

    arguments: tuple[str, ...]
    paths: tuple[str, ...]


def choose(shown: Shown) -> list[Gate | Off]:
    """Return the gate `types`, or why it is off."""
    said = needs.said(shown, "types", "extras", "paths", tool=str)
    if not needs.python(shown):
        return [Off("types", "there are no Python files")]
    picked = picking.pick(shown, "types", (_MYPY, _TY, _PYREFLY, _BASEDPYRIGHT, _PYRIGHT), said["tool"])
    if isinstance(picked, Off):
        return [picked]
    name = picked.name
    usual = () if _says_which_files(shown, name) else tuple(needs.sources(shown))
    words = _Words(said["arguments"], said["paths"] or usual)
    tools = (
        # What pyright would download when it is first run, the extra brings.
        needs.tool(shown, name, *(["nodejs"] if name == "pyright" else [])),
        *needs.dependencies(shown, said["extras"]),
        *needs.beside(shown, name),
        *needs.group(shown, *_GROUPS),
    )
    return [
        Gate(
            "types",
            picked.why,
            lambda bench: _CHECKERS[name](bench, words),
            tools=tuple(dict.fromkeys(tools)),
            definition=(name, *words.arguments, "--", *words.paths),
            wheel=True,
        )
    ]


def _says_which_files(shown: Shown, checker: str) -> bool:
    """Tell whether the configuration of a checker says what it is to check."""
    tables: list[object] = [shown.tool(checker), *(_table(shown, path) for path in ("ty.toml", "pyrefly.toml"))]
    if checker == "basedpyright":
        tables.append(shown.tool("pyright"))
    if any(_has(table, key) for table in tables for key in _FILES_ARE[checker]):
        return True
    if checker == "mypy":
        return any(not _FILES_OF_MYPY.isdisjoint(_section(shown, file)) for file in (*_MYPY.files, "setup.cfg"))
    # Its comments make it no JSON.
    written = Directory(shown.root).read("pyrightconfig.json") if "pyright" in checker else None
    return b'"include"' in (written or b"")


_FILES_OF_MYPY = set(_FILES_ARE["mypy"])


def _has(table: object, keys: str) -> bool:
    for key in keys.split("."):
        if not isinstance(table, dict) or key not in table:
            return False
        table = table[key]
    return True


def _table(shown: Shown, path: str) -> object:
    try:
        return tomllib.loads((Directory(shown.root).read(path) or b"").decode())
    except ValueError:
        return {}


def _section(shown: Shown, path: str) -> set[str]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string((Directory(shown.root).read(path) or b"").decode())
        return set(parser["mypy"]) if parser.has_section("mypy") else set()
    except (configparser.Error, UnicodeDecodeError):
        return set()


def _mypy(bench: Bench, words: _Words) -> Answer:
    begun = int(time.time())
    own = ("--output", "json", "--no-error-summary", "--no-color-output")
    with_ = ("--cache-dir", bench.kept / "mypy", "--python-executable", bench.environment.python)
    ended = bench.run("mypy", *own, *with_, *words.arguments, *words.paths)
    _forget_what_may_change(bench, begun)
    said = [line for line in ended.output.splitlines() if line.strip()]
    told = [item for line in said if isinstance(item := reading.document(line), dict) and "message" in item]
    found = None if said and not told else reading.found(told, _MYPY_SHAPE, bench.root)
    # 2 is a mistake in the code that mypy does not get past, where it names one, and otherwise its own.
    return reading.answered(ended, found, (1, 2) if found else (1,))


def _forget_what_may_change(bench: Bench, begun: int) -> None:
    """Remove the cache of mypy where a file was changed in the very second it was looked at.

    mypy knows a file by its size and by the second of its last change, so it would not see the next change.
    """
    for path in needs.python(bench.shown):
        file = bench.root / path
        if file.is_file() and int(file.stat().st_mtime) >= begun:
            system.remove(bench.kept / "mypy")
            return


def _ty(bench: Bench, words: _Words) -> Answer:
    own = ("check", "--output-format", "gitlab", "--no-progress", "--python", bench.environment.root)
    ended = bench.run("ty", *own, *words.arguments, *words.paths)
    if ended.code == 0 and _NO_FILES.search(ended.errors):
        return _saw_nothing(ended)
    return reading.answered(ended, reading.found(reading.document(ended.output), _TY_SHAPE, bench.root))


def _pyrefly(bench: Bench, words: _Words) -> Answer:
    own = ("check", "--output-format", "json", "--summary=none")
    with_ = ("--python-interpreter-path", bench.environment.python)
    ended = bench.run("pyrefly", *own, *with_, *words.arguments, *words.paths)
    said = reading.document(ended.output)
    found = reading.found(said.get("errors") if isinstance(said, dict) else None, _PYREFLY_SHAPE, bench.root)
    return reading.answered(ended, found)


def _pyright(program: str) -> Callable[[Bench, _Words], Answer]:
    def ask(bench: Bench, words: _Words) -> Answer:
        own = ("--outputjson", "--pythonpath", bench.environment.python)
        ended = bench.run(program, *own, *words.arguments, *words.paths)
        said = reading.document(ended.output)
        said = said if isinstance(said, dict) else {}
        found = reading.found(said.get("generalDiagnostics"), _PYRIGHT_SHAPE, bench.root)
        summary = said.get("summary")
        if ended.code in {0, 1} and isinstance(summary, dict) and not summary.get("filesAnalyzed"):
            return _saw_nothing(ended)
        return reading.answered(ended, found)

    return ask


def _saw_nothing(ended: Ended) -> Answer:
    return Answer(COULD_NOT_RUN, "it found no file to check", lines=useful(ended))


_CHECKERS: dict[str, Callable[[Bench, _Words], Answer]] = {
    "mypy": _mypy,
    "ty": _ty,
    "pyrefly": _pyrefly,
    "basedpyright": _pyright("basedpyright"),
    "pyright": _pyright("pyright"),
}
