"""What tools say, read without trust: their documents and lines become findings, and those and their code an answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from hephaestus import supervise
from hephaestus.findings import Finding
from hephaestus.gates.bench import judged, useful
from hephaestus.gates.builtin import told
from hephaestus.gates.gate import COULD_NOT_RUN, PASSED, Answer
from hephaestus.ui.text import one_line

__all__ = ["Shape", "answered", "document", "failed", "found", "inside", "lines", "together", "unread"]

# More of them nobody reads, and each report would carry them all.
_MOST = 1000
_LONGEST = 500
_LARGEST_LINE = 10**9
# What is no error in the words of one tool or another.
_LEVELS = {
    **dict.fromkeys(("info", "informational", "information", "note"), "note"),
    **dict.fromkeys(("low", "minor", "warning"), "warning"),
}


@dataclass(frozen=True)
class Shape:
    """Where the documents of a tool have what: keys, with dots between those of tables in tables.

    `column_from` and `line_from` are what the tool counts its columns and lines from.
    """

    path: str
    line: str
    column: str
    rule: str
    message: str
    level: str = ""
    line_from: int = 1
    column_from: int = 1


def document(text: str) -> Any:  # noqa: ANN401  (whatever the tool said)
    """Return what a text says in JSON, or `None` where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def found(items: object, shape: Shape, root: Path) -> list[Finding] | None:
    """Return the findings that a list of tables holds, or `None` where it is no such list."""
    if not isinstance(items, list) or not all(isinstance(each, dict) for each in items):
        return None
    return [_finding(each, shape, root) for each in items]


def lines(text: str, pattern: re.Pattern[str], root: Path, message: str = "") -> list[Finding]:
    """Return the findings that a text tells in lines of a pattern.

    Its groups are `path` and, as far as the tool tells them, `line`, `column`, `rule`, `level` and `message`;
    `message` stands in where it tells none.
    """
    shape = Shape("path", "line", "column", "rule", "message", "level")
    items = []
    for each in pattern.finditer(text):
        groups: dict[str, Any] = {"message": message, **each.groupdict()}
        items.append({**groups, **{key: _digits(groups.get(key)) for key in ("line", "column")}})
    return [_finding(each, shape, root) for each in items]


def inside(said: object, root: Path) -> str:
    """Return the path of a file as findings have it, empty for one that is not in the project."""
    if not isinstance(said, str) or not said or "\0" in said:
        return ""
    path = Path(said)
    try:
        path = path.relative_to(root) if path.is_absolute() else path
    except ValueError:
        try:
            path = path.resolve().relative_to(root.resolve())
        except (OSError, RuntimeError, ValueError):
            return ""
    posix = PurePosixPath(path.as_posix())
    return "" if ".." in posix.parts else one_line(str(posix))


def answered(ended: supervise.Ended, findings: Sequence[Finding] | None, failing: Sequence[int] = (1,)) -> Answer:
    """Return the answer of a tool that ended with a code and told of findings, `None` where they cannot be read.

    With 0 it passed; with a code of those in `failing` it failed, if it says of what; any other could not run.
    """
    if ended.code is None or (ended.code != 0 and ended.code not in failing):
        return judged(ended, failing=())
    if findings is None:
        return unread(ended)
    if ended.code == 0:
        return Answer(PASSED)
    if not findings:
        said = f"it ended with code {ended.code}, but says of no place what is wrong there"
        return Answer(COULD_NOT_RUN, said, lines=useful(ended))
    return failed(findings)


def failed(findings: Sequence[Finding], lines: tuple[str, ...] = ()) -> Answer:
    """Return the answer of a tool that failed because of findings, the first of them named; there has to be one."""
    stern = any(each.level == "error" for each in findings)
    answer = told.judged(findings if stern else [replace(each, level="error") for each in findings])
    return replace(answer, findings=answer.findings[:_MOST], lines=lines)


def unread(ended: supervise.Ended) -> Answer:
    """Return the answer of a tool whose words make no sense."""
    return Answer(COULD_NOT_RUN, "what it printed cannot be read", lines=useful(ended))


def together(answers: Iterable[tuple[str, Answer]]) -> Answer:
    """Return the answer of several tools, each with its name, that are asked as one gate.

    It failed where one of them did, whatever became of the others; and it could not run where one could not.
    """
    amiss = [(name, each) for name, each in answers if each.verdict != PASSED]
    if not amiss:
        return Answer(PASSED)
    findings = [finding for _, each in amiss for finding in each.findings]
    more = tuple(line for _, each in amiss for line in each.lines)
    silent = [f"{name}: {each.reason}" for name, each in amiss if each.verdict == COULD_NOT_RUN]
    if len(silent) == len(amiss):
        return Answer(COULD_NOT_RUN, "; ".join(silent), lines=more)
    return failed(findings, (*silent, *more))


def _finding(item: dict[str, Any], shape: Shape, root: Path) -> Finding:
    line = _number(_at(item, shape.line), shape.line_from)
    rule, level = (_at(item, key) for key in (shape.rule, shape.level))
    message = str(_at(item, shape.message) or "no word of what is wrong").removeprefix(f"{rule}: ")
    return Finding(
        one_line(message)[:_LONGEST],
        inside(_at(item, shape.path), root),
        line,
        _number(_at(item, shape.column), shape.column_from) if line else 0,
        one_line(str(rule or ""))[:_LONGEST],
        _LEVELS.get(str(level).lower(), "error"),
    )


def _at(item: Any, keys: str) -> Any:  # noqa: ANN401  (whatever the tool said)
    for key in keys.split(".") if keys else ():
        item = item.get(key) if isinstance(item, dict) else None
    return item if keys else None


def _number(value: object, counted_from: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not counted_from <= value < _LARGEST_LINE:
        return 0
    return value + 1 - counted_from


def _digits(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() and len(text) <= len(str(_LARGEST_LINE)) else None
