"""The gate `examples`: what the documents show of the project works with its wheel, and its examples are Python.

A session (`>>>`) is run with no network where the system allows that, and only what surely is out of date fails: a name
that the project does not have any more, a call it does not take, another output. What cannot be run here does not.
"""

from __future__ import annotations

import ast
import json
import re
import shlex
import warnings
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from hephaestus import documents, environments, system, tables
from hephaestus.documents import Page, blocks
from hephaestus.documents import choose as choosing
from hephaestus.errors import UsageError
from hephaestus.findings import Finding
from hephaestus.gates import _sessions, needed, pinned
from hephaestus.gates.bench import Bench, useful
from hephaestus.gates.builtin.told import judged
from hephaestus.gates.gate import COULD_NOT_RUN, Answer, Gate, Off
from hephaestus.gates.shown import Shown
from hephaestus.tree import Directory
from hephaestus.ui.text import one_line

__all__ = ["choose"]

_NAME = "examples"
_KEYS: dict[str, tuple[type, object]] = {"ignore": (list, ()), "strict": (bool, False)}
_SESSION = re.compile(rb"^[\s>]*>>> \S", re.MULTILINE)
_PYTHON = re.compile(rb"^[\s>]*(?:`{3,}|~{3,})\s*python\b", re.MULTILINE)
_LANGUAGES = {"", "doctest", "py", "py3", "pycon", "pycon3", "python", "python3"}
_SKIPPED = re.compile(r"\b(?:no-?test|no-?run|skip|ignore|no-?check|norun)\b", re.IGNORECASE)
_FOLDERS = ("examples", "example")
_AGAIN = 2
# What tells that a block is not meant to be a whole program: placeholders, templates, other prompts, differences.
_PLACEHOLDER = re.compile(r"\.\.\.|…|<[\w -]+>|\{\{|\{%|^\s*[%!$?+-]|^In \[|^\s*\|", re.MULTILINE)
_FRAGMENT = ("expected an indented block", "unexpected indent", "unindent", "expected 'except'", "f-string")
# Syntax of a Python after the oldest this runs on.
_NEWER = re.compile(r"^\s*type \w+|\b(?:def|class) \w+\[|^\s*except [\w.]+,[\w., ]+:|\bt[\"']|^\s*lazy ", re.MULTILINE)


def choose(shown: Shown) -> list[Gate | Off]:
    """Return the gate where a document has a Python session or a block of Python, or there is a folder of examples."""
    given = shown.settings.of(_NAME, _KEYS)
    ignored = tables.texts(f"tool.hephaestus.gates.{_NAME}", given, "ignore")["ignore"]
    shows = _found(shown, ignored, strict=given["strict"])
    if not (shows.sessions or shows.blocks or shows.scripts):
        return [Off(_NAME, "no document shows Python, and there is no folder examples with programs")]
    definition = (*ignored, str(given["strict"]))
    why = next(iter([*shows.sessions, *shows.blocks, *shows.scripts]))
    if not shows.sessions:
        return [Gate(_NAME, why, shows.ask, definition=definition)]
    try:
        tools = needed.tools(shown)
    except UsageError as error:
        message = error.message  # what is needed to run the examples cannot be told
        return [Gate(_NAME, why, lambda _bench: Answer(COULD_NOT_RUN, message), definition=definition)]
    return [Gate(_NAME, f"sessions in {why}", shows.ask, tools=tools, wheel=True, definition=definition)]


@dataclass(frozen=True)
class _Examples:
    """The examples of a project: documents with `sessions`, documents with `blocks` of Python, and `scripts`."""

    sessions: Sequence[str]
    blocks: Sequence[str]
    scripts: Sequence[str]
    strict: bool

    def ask(self, bench: Bench) -> Answer:
        """Compile what is no session, run the sessions, and return what is wrong with both."""
        tree = Directory(bench.root)
        findings = [
            finding for path in self.blocks for finding in _not_python(documents.parse(path, tree.read(path) or b""))
        ]
        findings += [finding for path in self.scripts for finding in _not_compiled(path, tree.read(path))]
        pages = [documents.parse(path, tree.read(path) or b"") for path in self.sessions]
        texts = {page.path: _session(page) for page in pages}
        if not texts:
            return judged(findings)
        given = {"texts": texts, "unseen": dict(map(_unseen, pages)), "strict": self.strict}
        return _run(bench, given, findings)


def _found(shown: Shown, ignored: Sequence[str], *, strict: bool) -> _Examples:
    def wanted(path: str) -> bool:
        return "{{" not in path and not any(fnmatchcase(path, pattern) for pattern in ignored)

    tree = Directory(shown.root)
    pages = [path for path in choosing.documents(shown.paths) if wanted(path) and not choosing.about_the_past(path)]
    read = {path: tree.read(path) or b"" for path in pages}
    shown_at = {path: documents.parse(path, data) for path, data in read.items() if _SESSION.search(data)}
    return _Examples(
        sessions=[path for path, page in shown_at.items() if ">>>" in _session(page)],
        blocks=[path for path, data in read.items() if _PYTHON.search(data)],
        scripts=[path for folder in _FOLDERS for path in shown.below(folder, ".py") if wanted(path)],
        strict=strict,
    )


def _not_python(page: Page) -> Iterator[Finding]:
    """Yield the blocks marked as Python that are none, unless they may be parts of a program or have placeholders."""
    for block in blocks.blocks(page):
        if not page.is_markdown or block.language != "python" or _SKIPPED.search(block.about) or ">>>" in block.text:
            continue
        error = _syntax_error(block.text)
        if error is None or _PLACEHOLDER.search(block.text) or (error.msg or "").startswith(_FRAGMENT):
            continue
        number = error.lineno or 1
        if number >= len(block.text.rstrip().splitlines()) and "never closed" not in error.msg:
            continue  # it only goes no further
        if not _NEWER.search(block.text):
            yield Finding(f"this is no Python: {error.msg}", page.path, block.line + number - 1, rule="no-python")


def _not_compiled(path: str, data: bytes | None) -> Iterator[Finding]:
    error = _syntax_error(data or b"", whole=True)
    if error is not None and not _NEWER.search((data or b"").decode("utf-8", "replace")):
        hint = f"python -m py_compile {shlex.quote(path)}"
        yield Finding(
            f"it does not compile: {error.msg}", path, error.lineno or 1, error.offset or 0, "no-python", hint=hint
        )


def _syntax_error(source: str | bytes, *, whole: bool = False) -> SyntaxError | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, "example", "exec", flags=0 if whole else ast.PyCF_ONLY_AST, dont_inherit=True)
    except SyntaxError as error:
        return error
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        return SyntaxError(str(error) or type(error).__name__)
    return None


def _session(page: Page) -> str:
    """Return the sessions of a document, each on its own line, and nothing else of it."""
    if not page.is_markdown:
        kept = ["" if kind == "comment" else line for line, kind in zip(page.lines, page.kinds, strict=True)]
        return "\n".join(kept)
    lines = [""] * len(page.lines)
    for block in blocks.blocks(page):
        if block.language in _LANGUAGES and ">>>" in block.text and not _SKIPPED.search(block.about):
            text = block.text.split("\n")
            lines[block.line - 1 : block.line - 1 + len(text)] = text
    return "\n".join(lines)


def _unseen(page: Page) -> tuple[str, int]:
    """Return the first line of Python that is no session: what comes after it may depend on it, and it is not run."""
    found = (
        block.line for block in blocks.blocks(page) if block.language in _LANGUAGES - {""} and ">>>" not in block.text
    )
    return page.path, next(found, len(page.lines) + 1)


def _run(bench: Bench, given: dict[str, Any], findings: list[Finding]) -> Answer:
    """Run the sessions, those that fail again and again: what differs each time is no mistake."""
    given = {**given, "names": pinned.import_names(pinned.members(bench.wheel()))}
    told: list[dict[str, Any]] = []
    for number in range(1 + _AGAIN):
        said = _once(bench, given, number)
        if isinstance(said, Answer):
            return replace(said, findings=tuple(findings))
        told.append(said)
        if not said["wrong"]:
            break
    first, *others = told
    if not (first["ran"] or first["wrong"] or findings) and first["all"]:
        return Answer(COULD_NOT_RUN, f"none of the {first['all']} examples can be run here: {first['why']}")
    same = [each for each in first["wrong"] if all(each in other["wrong"] for other in others)]
    answer = judged([*findings, *(_finding(*each) for each in same)])
    missed = first["all"] - first["ran"]
    skipped = f"; {missed} of {first['all']} examples could not be run here" if missed else ""
    return replace(answer, reason=f"{answer.reason}{skipped}".removeprefix("; "))


def _once(bench: Bench, given: dict[str, Any], number: int) -> dict[str, Any] | Answer:
    """Run the sessions in the gate's environment, in a directory that nothing is in, and return what they did."""
    folder, file = bench.scratch / str(number), bench.scratch / f"{number}.json"
    folder.mkdir(parents=True, exist_ok=True)
    system.write(file, json.dumps(given).encode())
    program = (bench.environment.python, "-I", "-X", "utf8", Path(_sessions.__file__), file)
    ended = bench.run(*environments.no_network(), *program, cwd=folder)
    said = _document(ended.output, given["texts"])
    if ended.code == 0 and said is not None:
        return said
    at = [line[3:] for line in ended.errors.splitlines() if line.startswith("at ") and line[3:] in given["texts"]]
    why = ended.why or f"the examples ended Python with code {ended.code}"
    return Answer(COULD_NOT_RUN, ", in ".join([why, *at[-1:]]), lines=useful(ended))


def _finding(path: str, line: int, message: str) -> Finding:
    return Finding(message, path, line, rule="example", hint=f"$EDITOR {shlex.quote(path)}")


def _document(output: str, known: Collection[str]) -> dict[str, Any] | None:
    """Return what the sessions are said to have done, or `None` where that cannot be trusted."""
    try:
        said = json.loads(output.rstrip().rpartition("\n")[2])
        wrong = [[path, int(line), str(message)] for path, line, message in said["wrong"] if path in known]
        return {"all": int(said["all"]), "ran": int(said["ran"]), "why": one_line(str(said["why"])), "wrong": wrong}
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
