"""What gates said, for GitHub: annotations on the lines they are about, and a summary of the job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from hephaestus import markdown, ui
from hephaestus.findings import Finding
from hephaestus.gates.gate import Verdict
from hephaestus.gates.reports.places import inside
from hephaestus.gates.reports.report import Report, shortened
from hephaestus.gates.reports.terminal import passage

__all__ = ["announce"]

# GitHub shows so many of each level of a step, the first ones, and drops the others without a word:
# https://docs.github.com/actions/reference/limits
_MOST = 10
_LONGEST = 1000


def announce(report: Report) -> None:
    """Annotate the lines that findings are about, and add a table to the summary of the job; elsewhere do nothing.

    What does not stop a release is no error. Every gate comes to speak before one does for a second time, and where
    GitHub does not show all, how many are left out is said in the log and in the summary.
    """
    told: Counter[str] = Counter()
    for gate, finding in _in_turn(report):
        told[finding.level] += 1
        if told[finding.level] <= _MOST:
            message = " ".join(filter(None, (finding.rule, finding.message)))
            ui.annotate(
                finding.level,
                shortened(message, _LONGEST),
                title=gate,
                path=finding.path,
                line=finding.line,
                column=finding.column,
            )
    _summarise(report, _left_out(told))


def _left_out(told: Counter[str]) -> str:
    more = [f"{told[level] - _MOST} more {level}s" for level in ("error", "warning", "note") if told[level] > _MOST]
    return f"GitHub shows {_MOST} errors, warnings and notices of a step; not shown: {', '.join(more)}" if more else ""


def _in_turn(report: Report) -> Iterator[tuple[str, Finding]]:
    """Yield gates with what they found: the first findings of all of them, then the second ones, and so on."""
    each = [(said.gate, list(_notes(report, said))) for said in report.verdicts]
    for turn in range(max((len(notes) for _, notes in each), default=0)):
        yield from ((gate, notes[turn]) for gate, notes in each if turn < len(notes))


def _notes(report: Report, said: Verdict) -> Iterator[Finding]:
    """Yield what is to be annotated of one gate; without a place for it, that it did not pass."""
    stops = not said.passed and not report.excuse(said)
    placed = [finding for finding in said.findings if inside(finding.path)]
    if not placed and not said.passed:
        placed = [Finding(": ".join(filter(None, (said.verdict, said.reason))))]
    for finding in placed:
        yield finding if stops or finding.level != "error" else replace(finding, level="warning")


def _summarise(report: Report, left_out: str) -> None:
    if left_out:
        ui.say(left_out)
    rows = [_row(report, said) for said in report.verdicts]
    table = markdown.table(("gate", "verdict", "time:", "what it says"), rows)
    parts = [f"### Gates: {report.outcome}\n\n{markdown.plain(report.sentence)}\n\n{table}"]
    for said in report.verdicts:
        if not said.passed:
            reason, lines = passage(report, said)
            heading = f"#### {markdown.plain(f'{said.gate} {said.verdict}: {reason}')}"
            parts.append(f"{heading}\n\n{markdown.fenced(chr(10).join(lines))}")
    ui.summarise([*parts, *filter(None, [left_out])])


def _row(report: Report, said: Verdict) -> tuple[str, str, str, str]:
    time = "before" if said.cached else ui.took(said.seconds)
    told = shortened("; ".join(filter(None, (report.excuse(said), said.reason))), _LONGEST)
    verdict = said.verdict if said.passed else f"**{said.verdict}**"
    return markdown.plain(said.gate), verdict, time, markdown.plain(told)
