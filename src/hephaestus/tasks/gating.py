"""The tasks that ask gates about the checkout."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from invoke.context import Context

from hephaestus.tasks.command import BECAUSE, JSON, SKIP_GATE, command, here, waived

if TYPE_CHECKING:
    from hephaestus.gates import Gates, Question

__all__ = ["gates", "guard_rails"]

_LISTS = ["only", "without", "skip_gate"]
_HELP = {
    "only": "ask this gate alone (may be repeated)",
    "without": "do not ask this gate (may be repeated)",
    "explain": "say which gates there are, and why each is on or off; ask none",
    "fresh": "ask every gate, even if it passed before on the very same",
    "skip_gate": SKIP_GATE,
    "because": BECAUSE,
    "junit": "write what the gates said to this file, as JUnit XML",
    "sarif": "write what they found to this file, as SARIF",
    "verdicts": "write the passes to this file, for `release --verdicts` in another job",
    "json": JSON,
}


@command(iterable=_LISTS, help=_HELP)
def gates(  # noqa: PLR0913  (flags of a command line)
    context: Context,
    only: list[str] | None = None,
    without: list[str] | None = None,
    explain: bool = False,
    fresh: bool = False,
    skip_gate: list[str] | None = None,
    because: str = "",
    junit: str | None = None,
    sarif: str | None = None,
    verdicts: str | None = None,
    json: bool = False,
) -> dict[str, Any]:
    """Ask every gate about this checkout, in parallel.

    A gate that passed before on the very same is not asked again.

    Examples:
        hephaestus gates
        hephaestus gates --explain
        hephaestus gates --only lint --only types
        hephaestus gates --skip-gate audit --because "no service here"
        hephaestus gates --junit gates.xml --sarif gates.sarif
    """
    from hephaestus import guard

    step = guard.gates_of(here(), waived(skip_gate, because))
    question = step.question(only or (), without or (), fresh=fresh)
    if explain or context.config.run.dry:
        return _explained(question, json)
    return _asked(step, question, {"junit": junit, "sarif": sarif, "verdicts": verdicts}, json)


@command(
    iterable=["skip_gate"],
    help={
        "drift": "only look for facts that are written in several places and disagree",
        "skip_gate": SKIP_GATE,
        "because": BECAUSE,
        "json": JSON,
    },
)
def guard_rails(
    context: Context,
    drift: bool = False,
    skip_gate: list[str] | None = None,
    because: str = "",
    json: bool = False,
) -> dict[str, Any]:
    """Keep the workspace honest: ask every gate, or only look for drift.

    Examples:
        hephaestus guard-rails
        hephaestus guard-rails --drift
    """
    from hephaestus import guard

    if drift:
        from hephaestus.tasks.guarding import look

        return look()
    step = guard.gates_of(here(), waived(skip_gate, because))
    if context.config.run.dry:
        return _explained(step.question(), json)
    return _asked(step, step.question(), {}, json)


def _explained(question: Question, json: bool) -> dict[str, Any]:
    """Say which gates there are, and why each is on or off."""
    from hephaestus.gates import engine, reports

    chosen = engine.choices(question)
    if not json:
        reports.explain(chosen)
    return reports.explained(chosen)


def _asked(step: Gates, question: Question, files: Mapping[str, str | None], json: bool) -> dict[str, Any]:
    """Ask gates, tell of it in every way that is wanted, and end in an error where one stops a release."""
    from hephaestus import guard, ui
    from hephaestus.errors import HephaestusError
    from hephaestus.gates import reports

    with ui.observer() as observer:
        asked = guard.asked(step, question, observer)
    report = step.report(asked)
    if not json:
        reports.show(report, question.logs)
    reports.announce(report)
    junit, sarif, verdicts = (
        Path(name) if (name := files.get(key)) else None for key in ("junit", "sarif", "verdicts")
    )
    for said in reports.write(report, question.root, junit_to=junit, sarif_to=sarif):
        ui.say(said)
    if verdicts is not None:
        asked.kept.export(verdicts)
    try:
        step.judge(asked)
    except HephaestusError as error:
        error.details.update(report.document())
        raise
    return report.document()
