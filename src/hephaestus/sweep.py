"""The step that removes the release branch of a pull request that was merged."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import ClassVar

from hephaestus import git
from hephaestus.deliver import deliver
from hephaestus.errors import Conflict, Refused
from hephaestus.forge.capabilities import PullRequests
from hephaestus.plan import Step

__all__ = ["Sweep"]

log = logging.getLogger("hephaestus")


@dataclass(frozen=True)
class Sweep(Step):
    """Remove the branch of the release pull request from the remote, once all that is on it was merged.

    `pulls` is `None` where the forge has no pull requests, and so there is no such branch.
    """

    name: ClassVar[str] = "sweep"

    pulls: PullRequests | None
    repository: git.Repository
    remote: str
    branch: str
    version: str

    def describe(self) -> str:
        """Say what goes."""
        return f"{self.branch} is removed from {self.remote}, if its pull request was merged"

    def apply(self) -> None:
        """Remove the branch; one that was not merged, or holds more than was merged, is left alone.

        The release is out by now, so a remote that wants to keep the branch keeps it.
        """
        if self.pulls is None:
            return
        name = f"refs/heads/{self.branch}"
        held = self.repository.remote_refs(self.remote, name).get(name)
        if held is None:
            return
        try:
            found = self.pulls.find(self.branch)
        except Refused as error:
            log.info("left alone: %s", error.message)
            return
        if found is None or found.state != "merged":
            log.info("left alone: %s on %s was not merged", self.branch, self.remote)
        elif found.head != held:
            log.info("left alone: %s on %s holds commits that were not merged", self.branch, self.remote)
        else:
            self._remove(held)

    def describe_undo(self) -> str:
        """Say that the branch stays away: all that was on it is merged."""
        return "nothing to take back"

    def _remove(self, held: str) -> None:
        again = f"hephaestus release --version {self.version}"
        try:
            deliver(self.repository, self.remote, self.branch, old=held, new=git.ABSENT, again=again)
        except (Conflict, Refused) as error:
            log.info("left alone: %s", error.message)
        else:
            log.info("removed %s from %s", self.branch, self.remote)
