"""What `plan` shows of the versions that may come: the one the changes ask for, and what a given one falls short of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hephaestus.tasks.command import here

if TYPE_CHECKING:
    from hephaestus.compatibility import Judgement

__all__ = ["foretell", "remark"]

_SHOWN = 40


def foretell(json: bool) -> dict[str, Any]:
    """Show which version comes next, why, and the command that releases it.

    Raises `CouldNotRun` where something could not be compared: what was not seen is not the same as no change.
    """
    from hephaestus import compatibility, ui
    from hephaestus.errors import CouldNotRun

    found = compatibility.foresee(here())
    if not json:
        _show(found)
    if found.could_not_run:
        raise CouldNotRun("; ".join(found.could_not_run), "hephaestus plan --version X.Y.Z")
    command = f"hephaestus release --version {found.proposal}" if found.proposal else None
    if not json:
        lines = [f"{found.proposal or 'no version is proposed'}: {found.because}", *([command] if command else [])]
        ui.show("\n".join(["", *lines]))
    return {"outcome": "proposed" if command else "nothing proposed", **found.document(), "command": command}


def remark(version: str, json: bool) -> dict[str, Any]:
    """Say what a version promises too little for, and what the changelog leaves out; return all as a document."""
    from hephaestus import compatibility, ui

    found = compatibility.foresee(here(), version)
    if not json:
        notes = [f"{each.level}: {each}" for each in found.findings if each.level != "note"]
        notes += [f"could not run: {each}" for each in found.could_not_run]
        if any(each.level == "error" for each in found.findings) or found.could_not_run:
            notes.append("a release stops at this, as far as its gates ask for it; see: hephaestus plan")
        if notes:
            ui.show("\n".join(["", *notes]))
    return found.document()


def _show(found: Judgement) -> None:
    from hephaestus import ui

    tag = found.previous[1] if found.previous else None
    rows = [
        (each.message, each.place, f"nothing, allowed: {each.allowed}" if each.allowed else found.asks(each))
        for each in found.evidence
    ]
    if rows:
        ui.table(f"what has changed since {tag}", ("what", "where", "asks for"), rows[:_SHOWN])
    if len(rows) > _SHOWN:
        ui.say(f"and {len(rows) - _SHOWN} more, which --json lists")
    if found.findings:
        ui.show("\n".join(["", *(f"{each.level}: {each}" for each in found.findings)]))
