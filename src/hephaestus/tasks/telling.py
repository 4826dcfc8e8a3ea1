"""The tasks about what is told of a release: its announcement and its checklist."""

from __future__ import annotations

import sys
from typing import Any

from invoke.context import Context

from hephaestus.tasks.command import JSON, VERSION, command, here, needed, would

__all__ = ["announce", "checklist"]

_OUTPUT = "write it to this file instead of standard output"


@command(help={"version": VERSION, "output": _OUTPUT, "json": JSON})
def announce(
    context: Context, version: str | None = None, output: str | None = None, json: bool = False
) -> dict[str, Any]:
    """Print the announcement of a release.

    Examples:
        hephaestus announce --version 1.4.0
        hephaestus announce --version 1.4.0 --output announcement.md
    """
    from hephaestus import retell

    version = needed(version, "announce", "--version 1.4.0")
    if context.config.run.dry:
        return would(f"write the announcement of {version} to {output or 'standard output'}")
    return _give("announcement", retell.announcement(here(), version), output, json=json)


@command(help={"version": VERSION, "output": _OUTPUT, "json": JSON})
def checklist(
    context: Context, version: str | None = None, output: str | None = None, json: bool = False
) -> dict[str, Any]:
    """Print the checklist of a release, ticked.

    It is the project's own, or a built-in one where the project has none.
    What there is no evidence for is left to you.

    Examples:
        hephaestus checklist --version 1.4.0
        hephaestus checklist --version 1.4.0 --output checklist-v1.4.0.md
    """
    from hephaestus import retell

    version = needed(version, "checklist", "--version 1.4.0")
    if context.config.run.dry:
        return would(f"write the checklist of {version} to {output or 'standard output'}")
    return _give("checklist", retell.filled_checklist(here(), version), output, json=json)


def _give(name: str, text: str, output: str | None, *, json: bool) -> dict[str, Any]:
    """Write a text where it is wanted; with `--json` it is in the document on standard output."""
    from pathlib import Path

    from hephaestus import system, ui

    if output is not None:
        system.write(Path(output), text.encode("utf-8", "surrogateescape"))
        ui.say(f"written to {output}")
    elif not json:
        sys.stdout.write(ui.clean(text))
    return {"outcome": "done", name: text, "output": output}
