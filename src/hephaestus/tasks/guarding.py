"""The tasks that guard a project between releases: what has drifted apart."""

from __future__ import annotations

from typing import Any

from invoke.context import Context

from hephaestus.tasks.command import JSON, command

__all__ = ["drift", "look"]


@command(help={"fix": "make the edits that have but one answer, and show them", "json": JSON})
def drift(context: Context, fix: bool = False, json: bool = False) -> dict[str, Any]:
    """Find facts that are written in several places and disagree.

    Only files are read: versions, tags, changelog, lock, what is installed,
    hooks, workflows, images, the README. Each finding names both places and
    the command that settles it.

    Examples:
        hephaestus drift
        hephaestus drift --fix
        hephaestus --dry drift --fix
    """
    from pathlib import Path

    from hephaestus import drift as drifts
    from hephaestus import ui

    if not fix:
        return look()
    root = Path.cwd()
    environment = drifts.active(root)
    planned = drifts.fix(root, environment=environment)
    dry = context.config.run.dry
    if not dry:
        drifts.write(root, planned)
    if planned.settled:
        ui.show(planned.diff)
    told = {"outcome": "dry" if dry else "done", "fixed": [each.document() for each in planned.settled]}
    words = f"{'would settle' if dry else 'settled'} {_count(len(planned.settled))}" if planned.settled else ""
    return _told(planned.left, {**told, "diff": planned.diff}, words)


def look() -> dict[str, Any]:
    """Look for drift in the directory the user stands in.

    Raises `ChecksFailed` where there is some, and `CouldNotRun` where that is not known because of an unread file.
    """
    from pathlib import Path

    from hephaestus import drift as drifts

    root = Path.cwd()
    report = drifts.look(root, environment=drifts.active(root))
    return _told(report, {"outcome": "done", "fixed": [], "diff": ""})


def _told(report: Any, told: dict[str, Any], words: str = "") -> dict[str, Any]:  # noqa: ANN401  (a report of drift)
    """Say what a report holds, and end in an error where something has to be settled or could not be read."""
    from hephaestus import ui
    from hephaestus.errors import ChecksFailed, CouldNotRun

    for each in report.ignored:
        ui.say(f"ignored, {each.reason}: {each.rule}: {each.message}")
    if words:
        ui.say(words)
    told = {**told, **report.document()}
    if report.drifts:
        failure: ChecksFailed | CouldNotRun = ChecksFailed(report.problems)
        failure.message = f"{_count(len(report.drifts))} found" + _unread(report)
    elif report.unread:
        first = report.unread[0]
        others = "".join(f"\n{each.place}: {each.message}" for each in report.unread[1:])
        failure = CouldNotRun(f"{first.place} {first.message}; so drift there is not known{others}", first.hint)
    else:
        ui.say("no drift" if not report.ignored else "no other drift")
        return told
    failure.details.update(told)
    raise failure


def _unread(report: Any) -> str:  # noqa: ANN401
    return f", and {len(report.unread)} places could not be read" if report.unread else ""


def _count(number: int) -> str:
    return f"{number} drift{'s' if number != 1 else ''}"
