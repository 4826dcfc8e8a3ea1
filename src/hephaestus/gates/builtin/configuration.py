"""The gates about the project's own configuration: that pyproject.toml is valid, and its YAML as it should be."""

from __future__ import annotations

import re

from hephaestus.errors import UsageError
from hephaestus.findings import Finding
from hephaestus.gates.bench import Bench, judged
from hephaestus.gates.builtin import needs, reading
from hephaestus.gates.gate import PASSED, Answer, Gate, Off
from hephaestus.gates.shown import Shown
from hephaestus.tree import Directory
from hephaestus.wheelhouse.locks.declared import declared

__all__ = ["choose"]

_PYPROJECT = "pyproject.toml"
_YAMLLINT = (".yamllint", ".yamllint.yaml", ".yamllint.yml")
# So many files are named at once; the system allows for no endless list of words.
_AT_ONCE = 500
_NO_NETWORK = {"VALIDATE_PYPROJECT_NO_NETWORK": "1"}
_VALID = re.compile(r"(?m)^Valid file: ")
_INVALID = re.compile(r"(?m)^\[ERROR\] (?P<message>.*)$")
_KEY = re.compile(r"`([A-Za-z0-9_.\-]+)")
_HEADER = re.compile(r"\s*\[{1,2}\s*([^\]]+?)\s*\]")
_ASSIGNED = re.compile(r"\s*([A-Za-z0-9_\-]+)\s*=")
_YAML_LINE = re.compile(
    r"(?m)^(?P<path>.+?):(?P<line>\d+):(?P<column>\d+): \[(?P<level>error|warning)\] "
    r"(?P<message>.*?)(?: \((?P<rule>[\w-]+)\))?$"
)


def choose(shown: Shown) -> list[Gate | Off]:
    """Return the gates `pyproject` and `yaml`, or why they are off."""
    arguments = needs.said(shown, "pyproject")["arguments"]
    pyproject = Gate(
        "pyproject",
        _PYPROJECT,
        lambda bench: _pyproject(bench, arguments),
        tools=(needs.tool(shown, "validate-pyproject", "all"),),
        definition=arguments,
    )
    return [pyproject, _yaml(shown)]


def _pyproject(bench: Bench, arguments: tuple[str, ...]) -> Answer:
    ended = bench.run("validate-pyproject", *arguments, _PYPROJECT, extra=_NO_NETWORK)
    text = (Directory(bench.root).read(_PYPROJECT) or b"").decode("utf-8", "replace")
    said = reading.lines(f"{ended.errors}\n{ended.output}", _INVALID, bench.root)
    found = [
        *(Finding(each.message, _PYPROJECT, _line_of(text, each.message), rule="validate-pyproject") for each in said),
        *_unreadable(bench.shown),
    ]
    answer = reading.answered(ended, found)
    if answer.verdict != PASSED:
        return answer
    if not _VALID.search(ended.said):
        return reading.unread(ended)
    return reading.failed(found) if found else answer


def _unreadable(shown: Shown) -> list[Finding]:
    """Return what our own reading refuses of what the project declares, one finding for each place."""
    document = shown.project.document
    extras, groups = shown.project.table("project", "optional-dependencies"), shown.project.table("dependency-groups")
    nothing = {**document, "project": {**shown.project.table("project"), "dependencies": []}}
    asked = [
        (document, [], []),
        *((nothing, [str(each)], []) for each in extras),
        *((nothing, [], [str(each)]) for each in groups),
    ]
    found = []
    for where, extra, group in asked:
        try:
            declared(where, extra, group)
        except UsageError as error:
            found.append(Finding(error.message, _PYPROJECT, rule="declared", hint=error.hint or ""))
    return list(dict.fromkeys(found))


def _line_of(text: str, message: str) -> int:
    """Return the line of the key that a message names in backquotes, else that of its table, else none."""
    named = _KEY.search(message)
    wanted = named[1].strip(".") if named else ""
    header, nearest = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if table := _HEADER.match(line):
            header = table[1]
            nearest = number if not nearest and wanted.startswith(header) else nearest
        elif (key := _ASSIGNED.match(line)) and f"{header}.{key[1]}" == wanted:
            return number
    return nearest


def _yaml(shown: Shown) -> Gate | Off:
    arguments = needs.said(shown, "yaml")["arguments"]
    files = sorted(path for path in shown.paths if path.endswith((".yaml", ".yml")) or path == ".yamllint")
    if not files:
        return Off("yaml", "there are no YAML files")
    where = shown.first(*_YAMLLINT)
    if where is None:
        return Off("yaml", f"there is no {' or '.join(_YAMLLINT)}")
    return Gate(
        "yaml",
        where,
        lambda bench: _yamllint(bench, files, arguments),
        tools=(shown.requirement("yamllint"),),
        definition=arguments,
    )


def _yamllint(bench: Bench, files: list[str], arguments: tuple[str, ...]) -> Answer:
    found: list[Finding] = []
    for begin in range(0, len(files), _AT_ONCE):
        ended = bench.run(
            "yamllint", "--format", "parsable", *arguments, *needs.as_words(files[begin : begin + _AT_ONCE])
        )
        here = reading.lines(ended.output, _YAML_LINE, bench.root)
        answer = reading.answered(ended, here, (1, 2))
        if ended.code not in {0, 1, 2} or (ended.code and not here):
            return judged(ended, failing=())
        found += here if answer.verdict != PASSED else []
    return reading.failed(found) if found else Answer(PASSED)
