"""What gates said, for people: a table, and under it what did not pass, each with the command that asks it alone."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hephaestus import ui
from hephaestus.gates.catalogue import Choices, Own
from hephaestus.gates.gate import COULD_NOT_RUN, FAILED, PASSED, Gate, Verdict
from hephaestus.gates.reports.report import Report, shortened

__all__ = ["explain", "explained", "passage", "show"]

_TONES = {PASSED: "good", FAILED: "bad", COULD_NOT_RUN: "unsure"}
# How much of one gate is shown; all of it is in its log.
_FINDINGS, _HINTS, _LINE, _REASON = 10, 3, 300, 80


def show(report: Report, logs: Path | None = None) -> None:
    """Show the table of a report and what the gates found that did not pass, on standard error.

    `logs` is the folder of what they printed, which is named where not all of it is shown.
    """
    columns = ("gate", "verdict", "time", "ask it alone", "what it says")
    ui.table("gates", columns, [_row(report, said) for said in report.verdicts], first=3)
    for said in report.verdicts:
        if not said.passed:
            ui.passage(ui.Cell(f"{said.gate} {said.verdict}", _tone(report, said)), *passage(report, said, logs))
    ui.show(f"\n{report.sentence}")


def passage(report: Report, said: Verdict, logs: Path | None = None) -> tuple[str, list[str]]:
    """Return why a gate did not pass, and below that its findings, its lines, and what to do about it."""
    excuse = report.excuse(said)
    reason = (shortened(said.reason, _LINE) or "it does not say why") + (f" ({excuse})" if excuse else "")
    lines = [shortened(str(finding), _LINE) for finding in said.findings[:_FINDINGS]]
    if len(said.findings) > _FINDINGS:
        lines.append(f"… and {len(said.findings) - _FINDINGS} more")
    lines += [shortened(line, _LINE) for line in said.lines]
    hints = dict.fromkeys(finding.hint for finding in said.findings if finding.hint)
    lines += [f"settle it:    {shortened(hint, _LINE)}" for hint in list(hints)[:_HINTS]]
    if said.command:
        lines.append(f"ask it alone: {said.command}")
    log = _log(said, logs)
    if log is not None:
        lines.append(f"all of it:    {log}")
    return reason, lines


def _row(report: Report, said: Verdict) -> tuple[str | ui.Cell, ...]:
    time = ui.Cell("before", "quiet") if said.cached else ui.took(said.seconds)
    notes = f"{len(said.findings)} notes" if said.passed and len(said.findings) > 1 else ""
    told = "; ".join(filter(None, (report.excuse(said), said.reason or notes)))
    return said.gate, ui.Cell(said.verdict, _tone(report, said)), time, said.command, shortened(told, _REASON)


def _tone(report: Report, said: Verdict) -> str:
    return "unsure" if report.excuse(said) else _TONES.get(said.verdict, "unsure")


def _log(said: Verdict, logs: Path | None) -> Path | None:
    """Return the file that holds all that a gate printed; the sessions of a noxfile share one."""
    if logs is None:
        return None
    name = "nox.log" if said.command.startswith("nox ") else f"{Path(said.gate).name}.log"
    return logs / name if (logs / name).is_file() else None


def explain(choices: Choices) -> None:
    """Show which gates a project has, which of them are asked and must pass, and why."""
    rows: list[tuple[str | ui.Cell, ...]] = []
    for each in _asked(choices):
        asked = ui.Cell("optional", "unsure") if each.optional else ui.Cell("required", "good")
        rows.append((each.name, asked, each.why))
    rows += [(each.name, ui.Cell("off", "quiet"), each.why) for each in choices.off]
    ui.table("gates of this project", ("gate", "is", "why"), rows)


def explained(choices: Choices) -> dict[str, Any]:
    """Return the same as a document for machines, whose shape stays.

    `gates` lists those that are asked: `name`, `required`, `why` it is on, the `tools` it is asked with, whether its
    pass is used again (`cached`) and, where never, the reason (`volatile`), and the `command` that asks it alone.
    `off` lists `name` and `why` of the others.
    """
    gates = [_explained(each) for each in _asked(choices)]
    return {"outcome": "explained", "gates": gates, "off": [asdict(each) for each in choices.off]}


def _asked(choices: Choices) -> tuple[Gate | Own, ...]:
    return (*choices.gates, *choices.own)


def _explained(choice: Gate | Own) -> dict[str, Any]:
    tools, cached, volatile = (
        (choice.tools, not choice.volatile, choice.volatile) if isinstance(choice, Gate) else ((), choice.cached, "")
    )
    return {
        "name": choice.name,
        "required": not choice.optional,
        "why": choice.why,
        "tools": list(tools),
        "cached": cached,
        "volatile": volatile,
        "command": f"hephaestus gates --only {shlex.quote(choice.name)}",
    }
