"""SARIF of what gates found, as GitHub's code scanning and editors show it on the lines it is about."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hephaestus.findings import Finding
from hephaestus.gates.gate import COULD_NOT_RUN, Verdict
from hephaestus.gates.reports.places import Sources, inside, uri
from hephaestus.gates.reports.report import shortened

__all__ = ["sarif"]

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_HOME = "https://pypi.org/project/hephaestus-release/"
# In the order in which GitHub shows them.
_LEVELS = ("error", "warning", "note")
# What GitHub takes, for a file, for a run in it, and for a file that is packed with gzip:
# https://docs.github.com/en/code-security/reference/code-scanning/sarif-files/sarif-support-for-code-scanning
_RUNS, _RESULTS, _BYTES = 20, 25_000, 10_000_000
_LONGEST, _LARGEST_NUMBER = 1000, 2**31 - 1


def sarif(verdicts: Sequence[Verdict], root: Path, version: str) -> tuple[bytes, list[str]]:
    """Return what gates found, each with a place below `root`, as SARIF 2.1.0, and in words what is left out of it.

    Each gate is a run of a tool of its own, such as `hephaestus lint`, in this `version`. A gate that could not run is
    left out: GitHub would take a run without results for the news that all was mended. The same holds for what is more
    than GitHub takes: 20 runs in a file, 25,000 results in a run, of which the most severe are kept, 10 MB packed.
    """
    left_out = [f"{said.gate} could not run" for said in verdicts if said.verdict == COULD_NOT_RUN]
    told = [(said, _placed(said)) for said in verdicts if said.verdict != COULD_NOT_RUN]
    if len(told) > _RUNS:
        told.sort(key=lambda each: not each[1])  # those that found something
        left_out += [f"{said.gate} is one gate more than the {_RUNS} GitHub takes" for said, _ in told[_RUNS:]]
        told = told[:_RUNS]
    sources = Sources(root)
    most = min(_RESULTS, max((len(found) for _, found in told), default=0))
    while True:
        runs = [_run(said, found[:most], sources, version) for said, found in told]
        data = json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": runs}).encode() + b"\n"
        if most == 0 or len(data) < _BYTES or len(gzip.compress(data, 6)) < _BYTES:
            break
        most //= 2
    left_out += [f"{len(found) - most} findings of {said.gate}" for said, found in told if len(found) > most]
    return data, left_out


def _placed(said: Verdict) -> list[Finding]:
    """Return the findings of a gate that have a place in the project, the most severe first."""
    found = [finding for finding in said.findings if inside(finding.path)]
    return sorted(found, key=lambda finding: _LEVELS.index(_level(finding)))


def _run(said: Verdict, found: Sequence[Finding], sources: Sources, version: str) -> dict[str, Any]:
    rules = {_rule(said, finding): place for place, finding in enumerate(found)}
    numbers = {name: number for number, name in enumerate(rules)}
    driver = {
        "name": f"hephaestus {shortened(said.gate, _LONGEST)}",
        "version": version,
        "informationUri": _HOME,
        "rules": [_description(said, name) for name in rules],
    }
    return {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "The root of the project."}}},
        "results": [_result(said, finding, numbers, sources) for finding in found],
    }


def _result(said: Verdict, finding: Finding, numbers: dict[str, int], sources: Sources) -> dict[str, Any]:
    name = _rule(said, finding)
    place: dict[str, Any] = {"artifactLocation": {"uri": uri(finding.path), "uriBaseId": "%SRCROOT%"}}
    told: dict[str, Any] = {
        "ruleId": name,
        "ruleIndex": numbers[name],
        "level": _level(finding),
        "message": {"text": _text("\n".join(filter(None, (finding.message, finding.hint)))) or name},
        "locations": [{"physicalLocation": place}],
    }
    if 0 < finding.line <= _LARGEST_NUMBER:
        place["region"] = {"startLine": finding.line}
        if 0 < finding.column <= _LARGEST_NUMBER:
            place["region"]["startColumn"] = finding.column
        hashed = sources.hash(finding.path, finding.line)
        if hashed:
            told["partialFingerprints"] = {"primaryLocationLineHash": hashed}
    return told


def _description(said: Verdict, name: str) -> dict[str, Any]:
    """Return what is known of a rule; GitHub asks for all of these texts."""
    text = {"text": name if name == said.gate else _text(f"{name}, found by the gate {said.gate}")}
    help_ = {"text": _text(f"To ask this gate alone: {said.command or 'hephaestus gates'}")}
    return {"id": name, "shortDescription": text, "fullDescription": text, "help": help_}


def _rule(said: Verdict, finding: Finding) -> str:
    return shortened(finding.rule, 200).strip() or shortened(said.gate, 200)


def _level(finding: Finding) -> str:
    return finding.level if finding.level in _LEVELS else "warning"


def _text(text: str) -> str:
    """Return a text for a message, in which `[…](…)` would be a link."""
    return shortened(text, _LONGEST).replace("](", "] (").strip()
