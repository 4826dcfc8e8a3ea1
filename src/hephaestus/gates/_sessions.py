"""Runs Python sessions out of documents and says what surely is out of date; a program of this file alone."""

from __future__ import annotations

import doctest
import importlib.machinery
import json
import re
import sys
import types
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

__all__ = ["main"]

_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL
_CALL = re.compile(
    r"(?P<name>\w+)(?:\.\w+)*\(\) (?:got an unexpected keyword|got some positional-only|missing \d+ required|takes )"
)
_COMMENT = re.compile(r"(?:^|\s\s)#\s.*$", re.MULTILINE)
# What differs from day to day, from machine to machine or from terminal to terminal.
_ELSEWHERE = re.compile(
    r"\d{4}-\d\d-\d\d|\d\d?:\d\d|\bdatetime|\bago\b|\b(?:milli|micro|nano)?seconds?\b|\b[mµn]s\b|\d{9,}"
    r"|0x[0-9a-f]+|Warning\b|/home/|/Users/|/tmp|/path/|/usr/|[A-Z]:\\|\b(?:20[12]\d)\b|\x1b|~|https?://|[\u2500-\u259f]",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"-?\d+\.\d+(?:e[-+]?\d+)?", re.IGNORECASE)
# A line that is an error, or that stands for several.
_NO_LINE = re.compile(r"^$|\n|^Traceback")
_WIDEST = 80
# The frame of doctest itself, and that of the example.
_OWN_FRAMES = 2
_NEAR = 1e-4


class _Runner(doctest.DocTestRunner):
    """Runs the examples of one document, and keeps what is wrong with them, by line."""

    def __init__(self, names: Sequence[str], unseen: int, *, strict: bool) -> None:
        super().__init__(checker=_Checker(), verbose=False, optionflags=_FLAGS)
        self.names, self.unseen, self.strict = set(names), unseen, strict
        self.wrong: list[tuple[int, str]] = []
        self.not_run = 0
        self.why = ""

    def report_start(self, *_: object) -> None:
        """Say nothing."""

    def report_failure(self, _out: object, _test: doctest.DocTest, example: doctest.Example, got: str) -> None:
        """Keep another output than the document shows, unless an example before it could not be run."""
        want = _COMMENT.sub("", example.want).strip()
        if not self.strict and (self.not_run or example.lineno >= self.unseen or not _is_sure(want, got.strip())):
            return
        self._keep(example, f"{_line(example.source)} gives {_line(got)}, not {_line(example.want)}")

    def report_unexpected_exception(
        self,
        _out: object,
        test: doctest.DocTest,
        example: doctest.Example,
        exc_info: tuple[type[BaseException], BaseException, TracebackType],
    ) -> None:
        """Keep an exception that shows that the project has changed; any other means that it cannot be run here."""
        error = exc_info[1]
        said = f"{type(error).__name__}: {error}".partition("\n")[0]
        if self.strict or _is_about(error, test.globs, self.names, unsure=bool(self.not_run)):
            self._keep(example, f"{_line(example.source)} raises {said[:200]}")
        else:
            self.not_run += 1
            self.why = self.why or f"{_line(example.source)} raises {said[:200]}"

    def _keep(self, example: doctest.Example, message: str) -> None:
        self.wrong.append((example.lineno + 1, message))


class _Checker(doctest.OutputChecker):
    """Takes what looks the same to a reader for the same: quotes, blanks, line breaks, the last digits of a number."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        """Tell whether the output is as shown."""
        want = want.replace("…", "...")
        if super().check_output(want, got, optionflags) or _bare(want) == _bare(got):
            return True
        shown, given = _NUMBER.findall(want), _NUMBER.findall(got)
        alike = _bare(_NUMBER.sub("#", want)) == _bare(_NUMBER.sub("#", got)) and len(shown) == len(given)
        pairs = zip(map(float, shown), map(float, given), strict=False)
        return alike and all(abs(wanted - gotten) <= _NEAR * max(1, abs(wanted)) for wanted, gotten in pairs)


def _is_sure(want: str, got: str) -> bool:
    """Tell whether two outputs surely are not the same: lines that nobody shortens, and no day or machine changes."""
    if _NO_LINE.search(want) or _NO_LINE.search(got):
        return False
    if _ELSEWHERE.search(want) or _ELSEWHERE.search(got) or ("<class" in got and "<class" not in want):
        return False
    return sorted(_bare(want)) != sorted(_bare(got))  # the same in another order may be a set


def _is_about(error: BaseException, known: dict[str, Any], names: set[str], *, unsure: bool) -> bool:
    """Tell whether an exception says that the project does not have, or not take, what the example uses.

    `unsure` is true after an example that could not be run: what comes then may be meant for what that would have made.
    """
    if isinstance(error, ImportError):
        return bool(error.name) and str(error.name).partition(".")[0] in names
    thing = getattr(error, "obj", None)
    if _depth(error.__traceback__) > _OWN_FRAMES or (unsure and not isinstance(thing, types.ModuleType)):
        return False
    if isinstance(error, AttributeError):
        kind = thing if isinstance(thing, type | types.ModuleType) else type(thing)
        return thing is not None and _is_own(kind, names)
    called = _CALL.match(str(error)) if isinstance(error, TypeError) else None
    if called is None:
        return False
    if called["name"] in known:
        return _is_own(known[called["name"]], names)
    modules = [each for each in known.values() if isinstance(each, types.ModuleType) and _is_own(each, names)]
    return any(_is_own(getattr(each, called["name"], None), names) for each in modules)


def _is_own(thing: object, names: set[str]) -> bool:
    home = thing.__name__ if isinstance(thing, types.ModuleType) else getattr(thing, "__module__", "")
    return str(home).partition(".")[0] in names


def _depth(trace: TracebackType | None) -> int:
    number = 0
    while trace is not None:
        number, trace = number + 1, trace.tb_next
    return number


def _bare(text: str) -> str:
    """Return a text without what formatters and terminals change: blanks, quotes, commas before a closing bracket."""
    return re.sub(r",(?=[)\]}])", "", re.sub(r"[\s\"'`\ufe0f]|(?<![\"'\w])[bru](?=[\"'])", "", text))


def _line(text: str) -> str:
    line = " ".join(text.split()) or "nothing"
    return line if len(line) <= _WIDEST else f"{line[: _WIDEST - 1]}…"


def _one(name: str, text: str, given: dict[str, Any]) -> dict[str, Any]:
    """Run the sessions of one document."""
    try:
        test = doctest.DocTestParser().get_doctest(text, {"__name__": "__main__"}, name, name, 0)
    except ValueError as error:
        number = re.search(r"line (\d+)", str(error))
        wrong = [[name, int(number[1]) if number else 1, str(error)[:200]]] if given["strict"] else []
        return {"all": 0, "ran": 0, "why": "", "wrong": wrong}
    runner = _Runner(given["names"], given["unseen"].get(name, sys.maxsize), strict=given["strict"])
    runner.run(test, out=lambda _text: None, clear_globs=False)
    total = len([each for each in test.examples if not each.options.get(doctest.SKIP)])
    wrong = [[name, line, message] for line, message in runner.wrong]
    return {"all": total, "ran": total - runner.not_run, "why": runner.why, "wrong": wrong}


def _forget(names: Sequence[str]) -> None:
    """Let the project be imported anew, so that one document changes nothing for the next; what is compiled stays."""
    own = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in names}
    compiled = tuple(importlib.machinery.EXTENSION_SUFFIXES)
    if not any(str(getattr(module, "__file__", "")).endswith(compiled) for module in own.values()):
        for name in own:
            del sys.modules[name]


def main(path: str) -> None:
    """Run the sessions that a file names and print what they did, as one line of JSON after all they printed."""
    given = json.loads(Path(path).read_text(encoding="utf-8"))
    told: dict[str, Any] = {"all": 0, "ran": 0, "why": "", "wrong": []}
    for name, text in given["texts"].items():
        print("at", name, file=sys.stderr, flush=True)  # noqa: T201  (it says where it was if it never comes back)
        said = _one(name, text, given)
        _forget(given["names"])
        told = {key: told[key] or said[key] if key == "why" else told[key] + said[key] for key in told}
    print(f"\n{json.dumps(told)}")  # noqa: T201  (what it is called for)


if __name__ == "__main__":
    main(sys.argv[1])
