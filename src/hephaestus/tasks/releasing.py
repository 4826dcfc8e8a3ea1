"""The tasks about a whole release: make it, plan it, rehearse it, take it back, see where it stands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from invoke.context import Context

from hephaestus.tasks.command import (
    BECAUSE,
    JSON,
    PART,
    SEVERITY,
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
from hephaestus.tasks.foretelling import foretell, remark
from hephaestus.tasks.proposing import propose

if TYPE_CHECKING:
    from hephaestus.make import Outcome
    from hephaestus.request import Request

__all__ = ["advisory", "doctor", "plan", "rehearse", "release", "rollback", "status"]


@command(
    iterable=["skip_gate"],
    help={
        "version": VERSION,
        "part": PART,
        "current": "release the version the project says, if it is not released yet (for CI)",
        "pr": "push the release branch and open its pull request, or bring that up to date; the merge is released",
        "urgent": "mark the pull request as urgent, as that of a hotfix/ branch is",
        "until": "stop after this step; the same command goes on",
        "dry_run": "print the plan and the changes to files, and change nothing",
        "yes": YES,
        "skip_gate": SKIP_GATE,
        "because": BECAUSE,
        "verdicts": "a file that `gates --verdicts` wrote in another job; each counts for the very same only",
        "json": JSON,
    },
)
def release(  # noqa: PLR0913  (flags of a command line)
    context: Context,
    version: str | None = None,
    part: str | None = None,
    current: bool = False,
    pr: bool = False,
    urgent: bool = False,
    until: str | None = None,
    dry_run: bool = False,
    yes: bool = False,
    skip_gate: list[str] | None = None,
    because: str = "",
    verdicts: str | None = None,
    json: bool = False,
) -> dict[str, Any]:
    """Make a release: proven in a stage, then visible in one atomic push.

    The same command goes on with a release that was interrupted.

    Examples:
        hephaestus release --version 1.4.0
        hephaestus release --part minor --yes
        hephaestus release --version 1.4.0 --pr
        hephaestus release --version 1.4.0 --dry-run
        hephaestus release --version 1.4.0 --until wheelhouse
        hephaestus release --version 1.4.0 --skip-gate audit --because "offline"
    """
    from hephaestus import ui
    from hephaestus.errors import UsageError
    from hephaestus.make import make
    from hephaestus.request import Request

    request = Request(version, part, current, until, waived(skip_gate, because))
    dry = dry_run or context.config.run.dry
    if verdicts is not None and not dry:
        from hephaestus.gates import passes

        passes.absorb(passes.home(here()), Path(verdicts))
    if pr:
        return propose(request, urgent=urgent, dry=dry, yes=yes, json=json)
    if urgent:
        raise UsageError("--urgent marks a pull request, so it needs --pr", "hephaestus release --help")
    if dry:
        return _preview(request, json)
    with ui.observer() as observer:
        outcome = make(request, here(), observer, consent(yes))
    return _tell(outcome)


@command(
    help={
        "version": VERSION,
        "part": PART,
        "current": "the version the project says",
        "milestone": "make its milestone as well, and gather what is done since the last release in it",
        "json": JSON,
    }
)
def plan(  # noqa: PLR0913  (flags of a command line)
    context: Context,
    version: str | None = None,
    part: str | None = None,
    current: bool = False,
    milestone: bool = False,
    json: bool = False,
) -> dict[str, Any]:
    """Print what a release would do, or which version comes next, and why.

    Changes nothing, but for the milestone where it is asked for.
    Without a version the changes since the last release are looked at.

    Examples:
        hephaestus plan
        hephaestus plan --version 1.4.0
        hephaestus plan --part minor --json
        hephaestus plan --version 1.4.0 --milestone
    """
    if version is None and part is None and not (current or milestone):
        return foretell(json)
    from hephaestus.request import Request

    request = Request(version, part, current)
    told = _preview(request, json)
    return {**told, "milestone": _milestone(request, json, dry=context.config.run.dry)} if milestone else told


@command(
    help={
        "version": VERSION,
        "severity": SEVERITY,
        "because": "why it is taken back; kept in the journal, and told to users",
        "advisory": "draft a security advisory as well",
        "yes": YES,
        "json": JSON,
    }
)
def rollback(  # noqa: PLR0913  (flags of a command line)
    context: Context,
    version: str | None = None,
    severity: str | None = None,
    because: str = "",
    advisory: bool = False,
    yes: bool = False,
    json: bool = False,
) -> dict[str, Any]:
    """Take a release back, as far as the world allows, and say what stays.

    Examples:
        hephaestus rollback --version 1.4.0
        hephaestus rollback --version 1.4.0 --severity critical --because "leaks"
        hephaestus rollback --version 1.4.0 --severity high --advisory
    """
    from hephaestus import ui
    from hephaestus.rollback import roll_back

    version = needed(version, "rollback", "--version 1.4.0")
    if context.config.run.dry:
        return would(f"take {version} back")
    with ui.observer() as observer:
        outcome = roll_back(version, severity, here(), observer, consent(yes), because, advise=advisory)
    return _tell(outcome)


@command(
    help={
        "version": VERSION,
        "severity": SEVERITY,
        "summary": "what is wrong, in one line",
        "description": "what is wrong and for whom, as Markdown",
        "description_file": "a file with the description",
        "affected": "the versions that are affected, such as '>=1.0,<1.4.1' (default: this version)",
        "patched": "the versions that mend it, with commas; '' while there is none (default: the next patch)",
        "output": "write the advisory to this file too",
        "json": JSON,
    }
)
def advisory(  # noqa: PLR0913  (flags of a command line)
    context: Context,
    version: str | None = None,
    severity: str | None = None,
    summary: str | None = None,
    description: str = "",
    description_file: str | None = None,
    affected: str | None = None,
    patched: str | None = None,
    output: str | None = None,
    json: bool = False,
) -> dict[str, Any]:
    """Draft a security advisory from a release.

    Where the forge has no advisories it is written to a file, and that is said.
    The same command again updates the draft, which only you publish.

    Examples:
        hephaestus advisory --version 1.4.0 --severity high --summary "it leaks"
        hephaestus advisory --version 1.4.0 --severity low --summary "…"
    """
    from hephaestus.advisory import Wish, advise

    example = "--version 1.4.0 --severity high --summary 'logs can be read by anyone'"
    version = needed(version, "advisory", example)
    severity = needed(severity, "advisory", f"--severity high {example.replace('--severity high ', '')}")
    summary = needed(summary, "advisory", f"--summary '…' --version {version} --severity {severity}")
    if context.config.run.dry:
        return would(f"draft a security advisory of {version}")
    described, target = (Path(name) if name else None for name in (description_file, output))
    wish = Wish(version, severity, summary, description, described, affected, patched, target)
    return _tell(advise(wish, here()))


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


@command(help={"version": f"{VERSION}; without one, the next patch", "json": JSON})
def doctor(context: Context, version: str | None = None, json: bool = False) -> dict[str, Any]:
    """Look at all a release stands on, and say what is in the way of it.

    Tools, clone, project, remote and forge are looked at; nothing is changed.
    What is in the way is shown with the command that mends it (exit code 3).
    With a version, every step of its plan is asked as well.

    Examples:
        hephaestus doctor
        hephaestus doctor --version 1.4.0
        hephaestus doctor --json
    """
    from hephaestus import ui
    from hephaestus.doctor import document, examine

    found = examine(Path.cwd(), version)
    if not json:
        rows = [("!" if each.hint else "", each.about, each.said) for each in found]
        ui.table("doctor", ("", "what", "found"), rows)
        ui.say("")
    told = document(found)
    if not json:
        ui.say(told["outcome"])
    return told


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


def _milestone(request: Request, json: bool, *, dry: bool) -> dict[str, Any]:
    """Make the milestone of a release, and show what is in it."""
    from hephaestus import ui
    from hephaestus.milestone import gather

    found = gather(request, here(), dry=dry)
    if not json:
        rows = [(f"#{each.number}", "done" if each.done else "open", each.title) for each in found.tickets]
        title = f"the milestone {found.title} {'would hold' if dry else 'holds'}"
        ui.say("")
        if rows:
            ui.table(title, ("ticket", "state", "about"), rows)
        else:
            ui.say(f"{title} nothing yet")
        for each in found.elsewhere:
            ui.say(f"#{each.number} is done, and stays in the milestone {each.milestone}: {each.title}")
    return {
        "title": found.title,
        "url": found.url,
        "tickets": [each.number for each in found.tickets],
        "added": [each.number for each in found.added],
        "elsewhere": [each.number for each in found.elsewhere],
    }


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
    told = remark(planned.version, json)
    return {
        "outcome": "planned",
        "release": vars(planned),
        "steps": [{"step": name, "does": said} for name, said in steps],
        "diff": diff,
        "compatibility": told,
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

    lines = [outcome.said]
    if "report" in outcome.details:
        told = {"page": outcome.details.get("url"), "report": outcome.details["report"]}
        lines += [f"{name}: {value}" for name, value in told.items() if value]
    ui.show("\n".join(lines))
    return {"outcome": outcome.state, "said": outcome.said, **outcome.details}
