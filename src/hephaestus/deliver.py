"""Bringing one branch of a remote from one state to another, whatever becomes of the connection."""

from __future__ import annotations

import logging

from hephaestus import git, system, ui
from hephaestus.errors import Conflict, CouldNotRun, Refused

__all__ = ["deliver"]

log = logging.getLogger("hephaestus")

# Seconds between two tries after a lost connection.
_PAUSES = (0.5, 1.0, 2.0, 4.0)


def deliver(  # noqa: PLR0913  (what, where to, from what to what, and what to say)
    repository: git.Repository, remote: str, branch: str, *, old: str, new: str, again: str
) -> None:
    """Make a branch of a remote hold `new` where it holds `old`, `git.ABSENT` for no branch; one that does is left.

    `again` is the command that tries it again. Raises `Conflict` where the branch holds anything else, `Refused`
    where the remote says no, and `CouldNotRun` where it cannot be reached.
    """
    name = f"refs/heads/{branch}"
    for pause in (*_PAUSES, None):
        held = repository.remote_refs(remote, name).get(name, git.ABSENT)
        if held == new:
            return
        if held != old:
            raise Conflict(f"{branch} on {remote} has changed meanwhile: it is {_said(held)}", again)
        with ui.paused():  # git may ask for a password
            pushed = repository.push(remote, {name: old}, [f"{new}:{name}"])
        held = repository.remote_refs(remote, name).get(name, git.ABSENT)
        if held == new:
            return
        refused = pushed.rejected and "lock ref" not in pushed.said  # another push may hold a lock
        if held == old and (refused or (pushed.code and not (pushed.lost or pushed.rejected))):
            raise Refused(f"{remote} refused to change {branch}:\n{pushed.said}", again)
        if pause is None:
            raise CouldNotRun(f"the push to {remote} does not arrive:\n{pushed.said}", f"git ls-remote {remote}")
        log.info("the push to %s has not arrived; looking again in %s s", remote, pause)
        system.pause(pause)


def _said(held: str) -> str:
    return f"at {held[:10]}" if held else "gone"
