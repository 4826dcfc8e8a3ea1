"""The tasks of a release that others look at first: its pull request, and the branch of a hotfix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from invoke.context import Context

from hephaestus.tasks.command import JSON, command, consent, here, needed

if TYPE_CHECKING:
    from hephaestus.request import Request

__all__ = ["hotfix", "propose"]


def propose(request: Request, *, urgent: bool, dry: bool, yes: bool, json: bool) -> dict[str, Any]:
    """Open the pull request of a release, or bring it up to date; `dry` only shows what would be done."""
    from hephaestus import proposal, ui

    if dry:
        return _preview(request, urgent=urgent, json=json)
    with ui.observer() as observer:
        outcome = proposal.propose(request, here(), observer, consent(yes), urgent=urgent)
    ui.show(outcome.said)
    return {"outcome": outcome.state, "said": outcome.said, **outcome.details}


def _preview(request: Request, *, urgent: bool, json: bool) -> dict[str, Any]:
    """Show the plan, the changes to files and the text of the pull request; change nothing."""
    from dataclasses import asdict

    from hephaestus import proposal, ui
    from hephaestus.errors import ChecksFailed

    planned, todo, problems, body = proposal.preview(request, here(), urgent=urgent)
    if problems:
        raise ChecksFailed(problems)
    steps = [(step.name, step.describe()) for step in todo.steps]
    diff = "".join(step.diff() for step in todo.steps)
    if not json:
        ui.table(f"plan for the pull request of {planned.tag}", ("step", "does"), steps)
        ui.show(f"\n{diff}\n{body}")
    told = [{"step": name, "does": said} for name, said in steps]
    return {"outcome": "planned", "proposal": asdict(planned), "steps": told, "diff": diff, "body": body}


@command(
    help={
        "from_": "the tag of the release to mend, such as v1.4.0",
        "version": "the version of the hotfix, if it is not the next patch",
        "json": JSON,
    }
)
def hotfix(
    context: Context, from_: str | None = None, version: str | None = None, json: bool = False
) -> dict[str, Any]:
    """Start a hotfix: make a branch from the tag of a release and check it out.

    No file is changed but by git; what comes next is printed.

    Examples:
        hephaestus hotfix --from v1.4.0
        hephaestus hotfix --from v1.4.0 --version 1.4.2
    """
    from hephaestus import hotfix as hotfixes
    from hephaestus import ui

    repository = here()
    prepared = hotfixes.prepare(repository, needed(from_, "hotfix", "--from v1.4.0"), version)
    if context.config.run.dry:
        said = f"would {'' if prepared.exists else 'make and '}check out {prepared.branch}, from {prepared.tag}"
        ui.say(said)
        return {"outcome": "dry", "said": said, **prepared.document()}
    said = hotfixes.start(repository, prepared)
    ui.show(said)
    return {"outcome": "begun", "said": said, **prepared.document()}
