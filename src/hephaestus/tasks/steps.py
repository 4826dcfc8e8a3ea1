"""The tasks that are one step of a release, alone on the checkout."""

from __future__ import annotations

from typing import Any

from invoke.context import Context

from hephaestus.tasks.command import JSON, PART, VERSION, YES, alone_here, command, consent, here, needed

__all__ = ["build", "bump", "changelog", "publish", "tag", "verify"]


@command(help={"version": VERSION, "part": PART, "json": JSON})
def bump(context: Context, version: str | None = None, part: str | None = None, json: bool = False) -> dict[str, Any]:
    """Write the version everywhere the project keeps it, in this checkout.

    Examples:
        hephaestus bump --version 1.4.0
        hephaestus bump --part minor
    """
    from hephaestus import alone

    return alone_here(context, alone.bump(here(), version, part))


@command(help={"version": VERSION, "json": JSON})
def changelog(context: Context, version: str | None = None, json: bool = False) -> dict[str, Any]:
    """Turn the changelog's Unreleased section into that of the version.

    The checkout is changed, and nothing else.

    Example:
        hephaestus changelog --version 1.4.0
    """
    from hephaestus import alone

    version = needed(version, "changelog", "--version 1.4.0")
    return alone_here(context, alone.changelog(here(), version))


@command(help={"json": JSON})
def build(context: Context, json: bool = False) -> dict[str, Any]:
    """Build sdist and wheel of the commit that is checked out into dist."""
    from hephaestus import alone

    repository = here()
    with alone.building(repository):
        return alone_here(context, alone.build(repository))


@command(help={"version": VERSION, "json": JSON})
def tag(context: Context, version: str | None = None, json: bool = False) -> dict[str, Any]:
    """Tag the commit that is checked out, if it says its version.

    Nothing is pushed.
    """
    from hephaestus import alone

    return alone_here(context, alone.tag(here(), version))


@command(help={"version": VERSION, "yes": YES, "json": JSON})
def publish(context: Context, version: str | None = None, yes: bool = False, json: bool = False) -> dict[str, Any]:
    """Publish the files in dist on the forge, under a tag that was pushed."""
    from hephaestus import alone
    from hephaestus.errors import NotConfirmed

    steps = alone.publish(here(), version)
    if not context.config.run.dry:
        agreed = consent(yes)
        if agreed is None or not agreed("\n".join([*(step.describe() for step in steps), "Make it public?"])):
            raise NotConfirmed("nothing was published", "hephaestus publish --yes")
    return alone_here(context, steps)


@command(help={"version": VERSION, "json": JSON})
def verify(context: Context, version: str | None = None, json: bool = False) -> dict[str, Any]:
    """Read a release back from where users get it, compare, install, run."""
    from hephaestus import alone

    return alone_here(context, alone.verify(here(), version))
