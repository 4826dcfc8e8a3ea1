"""The tasks about a whole release: make it, plan it, rehearse it, take it back, see where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from invoke.context import Context

from hephaestus.tasks.command import (
    BECAUSE,
    JSON,
    PART,
    SKIP_GATE,
    VERSION,
    YES,
    command,
    consent,
    here,
    needed,
    waived,
    would,
)

if TYPE_CHECKING:
    from hephaestus.make import Outcome
    from hephaestus.request import Request

__all__ = ["plan", "rehearse", "release", "rollback", "status"]


@command(
    iterable=["skip_gate"],
    help={
        "version": VERSION,
        "part": PART,
        "current": "release the version the project says, if it is not released yet (for CI)",
        "until": "stop after this step; the same command goes on",
        "dry_run": "print the plan and the changes to files, and change nothing",
        "yes": YES,
        "skip_gate": SKIP_GATE,
        "because": BECAUSE,
        "json": JSON,
    },
)
def release(  # noqa: PLR0913  (flags of a command line)
    context: Context,
    version: str | None = None,
    part: str | None = None,
    current: bool = False,
    until: str | None = None,
    dry_run: bool = False,
    yes: bool = False,
    skip_gate: list[str] | None = None,
    because: str = "",
    json: bool = False,
) -> dict[str, Any]:
    """Make a release: proven in a stage, then visible in one atomic push.

    The same command goes on with a release that was interrupted.

    Examples:
        hephaestus release --version 1.4.0
        hephaestus release --part minor --yes
        hephaestus release --version 1.4.0 --dry-run
        hephaestus release --version 1.4.0 --until wheelhouse
        hephaestus release --version 1.4.0 --skip-gate audit --because "offline"
    """
    from hephaestus import ui
    from hephaestus.make import make
    from hephaestus.request import Request

    request = Request(version, part, current, until, waived(skip_gate, because))
    if dry_run or context.config.run.dry:
        return _preview(request, json)
    with ui.observer() as observer:
        outcome = make(request, here(), observer, consent(yes))
    return _tell(outcome)


@command(help={"version": VERSION, "part": PART, "current": "the version the project says", "json": JSON})
def plan(
    context: Context,
    version: str | None = None,
    part: str | None = None,
    current: bool = False,
    json: bool = False,
) -> dict[str, Any]:
    """Print what a release would do, or all problems in its way.

    Changes nothing.

    Examples:
        hephaestus plan --version 1.4.0
        hephaestus plan --part minor --json
    """
    from hephaestus.request import Request

    return _preview(Request(version, part, current), json)


@command(
    help={
        "version": VERSION,
        "severity": "how severe the reason is, once users can see the release: critical, high, medium or low",
        "yes": YES,
        "json": JSON,
    }
)
def rollback(
    context: Context,
    version: str | None = None,
    severity: str | None = None,
    yes: bool = False,
    json: bool = False,
) -> dict[str, Any]:
    """Take a release back, as far as the world allows, and say what stays.

    Examples:
        hephaestus rollback --version 1.4.0
        hephaestus rollback --version 1.4.0 --severity critical
    """
    from hephaestus import ui
    from hephaestus.rollback import roll_back

    version = needed(version, "rollback", "--version 1.4.0")
    if context.config.run.dry:
        return would(f"take {version} back")
    with ui.observer() as observer:
        outcome = roll_back(version, severity, here(), observer, consent(yes))
    return _tell(outcome)


@command(
    iterable=["skip_gate"],
    help={
        "version": VERSION,
        "keep": "leave the throw-away remote, forge and clone where they are",
        "skip_gate": SKIP_GATE,
        "because": BECAUSE,
        "json": JSON,
    },
)
def rehearse(  # noqa: PLR0913  (flags of a command line)
    context: Context,
    version: str | None = None,
    keep: bool = False,
    skip_gate: list[str] | None = None,
    because: str = "",
    json: bool = False,
) -> dict[str, Any]:
    """Make the same release where nobody sees it, install it, roll it back.

    Remote and forge are thrown away afterwards; your clone stays as it is.

    Example:
        hephaestus rehearse --version 1.4.0
    """
    from hephaestus import ui
    from hephaestus.rehearsal import rehearse as rehearse_release
    from hephaestus.request import Request

    version = needed(version, "rehearse", "--version 1.4.0")
    if context.config.run.dry:
        return would(f"rehearse {version}")
    request = Request(version, waived=waived(skip_gate, because))
    with ui.observer() as observer:
        outcome = rehearse_release(request, here(), observer, keep=keep)
    if not json:
        ui.table(f"rehearsal of {version}", outcome.details["columns"], outcome.details["rows"])
    return _tell(outcome)


@command(help={"json": JSON})
def status(context: Context, json: bool = False) -> dict[str, Any]:
    """Say where things stand: version, last release, what is half-way.

    What is half-way is shown with the commands that come next.
    """
    from hephaestus import ui
    from hephaestus.status import status as stand

    told = stand(here())
    if not json:
        rows = [(name.replace("_", " "), str(value or "none")) for name, value in told.items() if name != "in_flight"]
        ui.table("status", ("what", "is"), rows)
        for flight in told["in_flight"]:
            ui.show(_in_flight(flight))
    return told


def _preview(request: Request, json: bool) -> dict[str, Any]:
    """Show the plan of a release and the changes to files; change nothing."""
    from hephaestus import make, ui
    from hephaestus.errors import ChecksFailed

    planned, todo, problems = make.preview(request, here())
    if problems:
        raise ChecksFailed(problems)
    steps = [(step.name, step.describe()) for step in todo.steps]
    diff = "".join(step.diff() for step in todo.steps)
    if not json:
        ui.table(f"plan for {planned.tag}", ("step", "does"), steps)
        ui.show(f"\n{diff}")
    return {
        "outcome": "planned",
        "release": vars(planned),
        "steps": [{"step": name, "does": said} for name, said in steps],
        "diff": diff,
    }


def _in_flight(flight: dict[str, Any]) -> str:
    """Return what to tell people of a release that is half-way."""
    done = ", ".join(flight["done"]) or "nothing"
    heading = f"{flight['tag']} is {'being rolled back' if flight['going_back'] else 'half-way'}"
    lines = [
        "",
        f"{heading}, begun {flight['begun']}; done: {done}",
        "next:",
        *(f"  {line}" for line in flight["next"]),
    ]
    return "\n".join(lines)


def _tell(outcome: Outcome) -> dict[str, Any]:
    """Say how a release ended."""
    from hephaestus import ui

    ui.show(outcome.said)
    report = outcome.details.get("report")
    if report:
        ui.say(f"report: {report}")
    return {"outcome": outcome.state, "said": outcome.said, **outcome.details}
