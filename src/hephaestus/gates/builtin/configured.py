"""The gates of tools that are a matter of taste: each is asked only where a project has configured its tool."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hephaestus.findings import Finding
from hephaestus.gates.bench import Bench, useful
from hephaestus.gates.builtin import needs, picking, reading
from hephaestus.gates.gate import COULD_NOT_RUN, FAILED, PASSED, Answer, Gate, Off
from hephaestus.gates.shown import Shown
from hephaestus.supervise import Ended
from hephaestus.ui.text import one_line

__all__ = ["choose"]

_Read = Callable[[Ended, Bench], Sequence[Finding] | None]
_BANDIT = reading.Shape("filename", "line_number", "col_offset", "test_id", "issue_text", column_from=0)
_IMPORT = re.compile(r"(?m)^\W*(?P<module>\w[\w.]*) -> (?P<imported>\w[\w.]*) \(l\.(?P<line>\d+)")


@dataclass(frozen=True)
class _Tool:
    """A tool, which is a gate of its name: how it shows, how it is asked, and how what it says is read.

    `words` come before those of the project and the `usual` paths; `failing` are the exit codes that say no;
    `proof` is in what it prints when it has looked at something and found it well, and `broken` what it prints when it
    has not; `read` finds the places. One that is not `choosy` looks at files that are none of the project's as well.
    """

    name: str
    known: picking.Known
    words: Callable[[Bench], Sequence[str | Path]]
    read: _Read
    usual: Callable[[Shown], Sequence[str]] = lambda _: ()
    program: str = ""
    failing: tuple[int, ...] = (1,)
    proof: str = ""
    broken: str = ""
    choosy: bool = True


def choose(shown: Shown) -> list[Gate | Off]:
    """Return a gate for each of these tools, or why it is off."""
    return [_gate(shown, tool) for tool in _TOOLS]


def _gate(shown: Shown, tool: _Tool) -> Gate | Off:
    said = needs.said(shown, tool.name, "paths")
    where = tool.known.shown(shown)
    if where is None:
        return Off(tool.name, f"there is no {' or '.join((f'[tool.{tool.known.name}]', *tool.known.files))}")
    paths = said["paths"] or tuple(tool.usual(shown))
    return Gate(
        tool.name,
        where,
        lambda bench: _asked(bench, tool, (*said["arguments"], *paths)),
        tools=(shown.requirement(tool.name),),
        definition=(*said["arguments"], "--", *said["paths"]),
    )


def _asked(bench: Bench, tool: _Tool, words: Sequence[str]) -> Answer:
    path = {"PYTHONPATH": os.pathsep.join(map(str, (bench.root / "src", bench.root)))}
    ended = bench.run(tool.program or tool.name, *tool.words(bench), *words, extra=path)
    found = tool.read(ended, bench)
    said = re.search(tool.broken, ended.said) if tool.broken else None
    if ended.code in tool.failing and said:
        return Answer(FAILED, one_line(said[0]), tuple(found or ()), useful(ended))
    answer = reading.answered(ended, found, tool.failing)
    if answer.verdict == FAILED and not tool.choosy:
        own = [each for each in answer.findings if each.path in bench.shown.paths]
        return reading.failed(own) if own else Answer(PASSED)
    if answer.verdict == PASSED and not re.search(tool.proof, ended.said):
        return Answer(COULD_NOT_RUN, "nothing it printed shows that it looked at the code", lines=useful(ended))
    return answer


def _lines(pattern: str) -> _Read:
    return lambda ended, bench: reading.lines(ended.output, re.compile(pattern), bench.root)


def _vulture_paths(shown: Shown) -> Sequence[str]:
    return () if "paths" in shown.tool("vulture") else needs.sources(shown)


def _interrogate(bench: Bench) -> Sequence[str | Path]:
    """Return the words for interrogate, which would else draw its badge into the project."""
    settings = bench.shown.tool("interrogate")
    badge = not {"generate-badge", "generate_badge"}.isdisjoint(settings)
    return ("--verbose", "--no-color", *(("--generate-badge", bench.scratch) if badge else ()))


def _bandit(bench: Bench) -> Sequence[str | Path]:
    configured = ("--configfile", "pyproject.toml") if bench.shown.tool("bandit") else ("--ini", ".bandit")
    return ("--quiet", "--format", "json", *configured, "--recursive")


def _found_by_bandit(ended: Ended, bench: Bench) -> list[Finding] | None:
    said = reading.document(ended.output)
    return reading.found(said.get("results") if isinstance(said, dict) else None, _BANDIT, bench.root)


def _imports(ended: Ended, bench: Bench) -> list[Finding]:
    """Return the imports that break a contract, each in the file of the module that has it."""
    found = []
    for each in _IMPORT.finditer(ended.output):
        stem = each["module"].replace(".", "/")
        places = (f"{folder}{stem}{end}" for folder in ("src/", "") for end in (".py", "/__init__.py"))
        file = next((path for path in places if path in bench.shown.paths), "")
        line = int(each["line"]) if file and len(each["line"]) < len(str(10**9)) else 0
        found.append(Finding(f"{each['module']} must not import {each['imported']}", file, line, rule="contract"))
    return found


def _found_by_reuse(ended: Ended, bench: Bench) -> list[Finding] | None:
    said = reading.document(ended.output)
    amiss = said.get("non_compliant") if isinstance(said, dict) else None
    if not isinstance(amiss, dict):
        return None
    found = []
    for rule, values in amiss.items():
        words = one_line(str(rule)).replace("_", " ")
        items = values.items() if isinstance(values, dict) else [(each, [each]) for each in _list(values)]
        for name, places in items:
            for place in _list(places) or [""]:
                path = reading.inside(place, bench.root)
                message = words if name == place and path else f"{words}: {one_line(str(name))}"
                found.append(Finding(message, path if path in bench.shown.paths else "", rule=words.replace(" ", "-")))
    return found


def _list(values: object) -> list[object]:
    return values if isinstance(values, list) else []


_TOOLS = (
    _Tool(
        "codespell",
        picking.Known("codespell", (".codespellrc",), "codespell"),
        lambda _: ("--disable-colors",),
        _lines(r"(?m)^(?P<path>.+?):(?P<line>\d+): (?P<message>\S.* ==> .*)$"),
        failing=(65,),
        choosy=False,
    ),
    _Tool(
        "vulture",
        picking.Known("vulture"),
        lambda _: (),
        _lines(r"(?m)^(?P<path>.+?):(?P<line>\d+): (?P<message>.+ \(\d+% confidence.*\))$"),
        usual=_vulture_paths,
        failing=(3,),
    ),
    _Tool(
        "interrogate",
        picking.Known("interrogate", section="tool:interrogate"),
        _interrogate,
        lambda _ended, _bench: [],
        usual=needs.sources,
        proof="RESULT: PASSED",
        broken=r"RESULT: FAILED \(.*\)",
    ),
    _Tool(
        "bandit",
        picking.Known("bandit", (".bandit",)),
        _bandit,
        _found_by_bandit,
        usual=needs.sources,
        proof=r'"errors": \[\],[\s\S]*"loc": [1-9]',
    ),
    _Tool(
        "import-linter",
        picking.Known("importlinter", (".importlinter",), "importlinter"),
        lambda _: ("--no-cache",),
        _imports,
        program="lint-imports",
        proof=r"Contracts: [1-9]\d* kept, 0 broken",
        broken=r"Contracts: \d+ kept, [1-9]\d* broken",
    ),
    _Tool(
        "reuse",
        picking.Known("reuse", ("REUSE.toml", ".reuse/dep5")),
        lambda _: ("lint", "--json"),
        _found_by_reuse,
        proof=r'"files_total": [1-9]',
    ),
)
