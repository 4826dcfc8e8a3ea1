"""The commit point: one atomic push of branch and tag, and the way back from it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from hephaestus import git, keepachangelog, notes, system, ui
from hephaestus.errors import Conflict, CouldNotRun, Problem, Refused
from hephaestus.plan import Step

__all__ = ["Push"]

log = logging.getLogger("hephaestus")

# Seconds between two tries after a lost connection.
_PAUSES = (0.5, 1.0, 2.0, 4.0)
# Seconds between two looks for a push that was cut off and may still arrive.
_LATE = (1.0, 2.0, 2.0)
# What git says when the connection was lost; anything else that went wrong would go wrong again.
_LOST = re.compile(
    r"hung up|unexpected disconnect|RPC failed|could not (?:read|resolve)|unable to access|timed out|broken pipe"
    r"|early EOF|connection (?:refused|closed|reset)|reset by peer|protocol error",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Push(Step):
    """Push the release commit and its tag in one atomic push; each ref must still be as it was seen.

    `commit_ref` and `tag_ref` name what is pushed, in the user's clone. With `published` the way back
    keeps the version's section and marks it as yanked; without, it restores the tree of the base.
    """

    name: ClassVar[str] = "push"
    commit_point: ClassVar[bool] = True

    repository: git.Repository
    remote: str
    branch: str
    tag: str
    base: str
    commit_ref: str
    tag_ref: str
    version: str
    path: str
    published: bool = False

    def describe(self) -> str:
        """Say what becomes public."""
        return f"{self.branch} and {self.tag} to {self.remote}, both or none"

    def apply(self) -> None:
        """Push, and look at the remote before believing what git says.

        Raises `Refused` where the remote says no, `Conflict` where the branch or the tag is not as it was,
        and `CouldNotRun` where the remote cannot be reached.
        """
        for pause in (*_PAUSES, None):
            held = self._look()
            if self._arrived(held):
                return
            leases, refspecs = self._wanted(held)
            with ui.paused():  # git may ask for a password
                pushed = self.repository.push(self.remote, leases, refspecs)
            held = self._look()
            if self._arrived(held):
                return
            if any(flag == "!" for flag, _ in pushed.refs.values()):
                self._refused(pushed, held)
            elif pushed.code and not _LOST.search(pushed.said):
                raise Refused(f"the push was not made:\n{pushed.said}", f"hephaestus release --version {self.version}")
            if pause is None:
                raise CouldNotRun(
                    f"the push to {self.remote} does not arrive:\n{pushed.said}", f"git ls-remote {self.remote}"
                )
            log.info("the connection was lost and nothing arrived; trying again in %s s", pause)
            system.pause(pause)

    def check_undo(self) -> Iterable[Problem]:
        """Ask that the tag on the remote is ours, and that nobody has built on the branch meanwhile."""
        held = self._look()
        commit, ours = self.repository.resolve(self.commit_ref), self.repository.resolve(self.tag_ref)
        head = held.get(self._head)
        if held.get(self._tag) not in (None, ours):
            # Where our commit is not on the branch either, nothing of ours arrived, and their tag is no concern.
            if commit and head and not self.repository.is_ancestor(commit, head):
                return
            yield Problem(
                f"the tag {self.tag} on {self.remote} is not the one this release made",
                f"git ls-remote {self.remote} {self._tag}",
            )
        elif not self.published and self._way_back(head) is None:
            yield Problem(
                f"{self.branch} on {self.remote} has moved on since the release; others have built on it",
                f"hephaestus release --version {self.version}",
            )

    def describe_undo(self) -> str:
        """Say what goes."""
        return f"{self.tag} is removed from {self.remote}, and a new commit takes {self.branch} back"

    def undo(self) -> None:
        """Remove the tag and take the branch back with a new commit, in one atomic push; nothing is rewritten."""
        # A push whose connection was lost may arrive late: one look is not enough to say that it never will.
        for pause in (*_LATE, None):
            if self._taken_back() or pause is None:
                return
            system.pause(pause)

    def _taken_back(self) -> bool:
        """Take back what has arrived, and tell whether anything had."""
        held, ours = self._look(), self.repository.resolve(self.tag_ref)
        seen = ours is not None and held.get(self._tag) == ours
        if not (seen or self.published) and self.repository.resolve(self.commit_ref) == self.base:
            return False  # a prepared commit was on the branch before us: without its tag nothing of ours is there
        head = held.get(self._head)
        back = self._way_back(head)
        leases: dict[str, str] = {}
        refspecs: list[str] = []
        if ours and seen:
            leases[self._tag] = ours
            refspecs.append(f":{self._tag}")
        if head and back and back != head:
            leases[self._head] = head
            refspecs.append(f"{back}:{self._head}")
        if refspecs:
            self._give_back(leases, refspecs)
        return bool(refspecs)

    def _give_back(self, leases: Mapping[str, str], refspecs: list[str]) -> None:
        """Push the way back, and look at the remote before believing what git says."""
        pushed = self.repository.push(self.remote, leases, refspecs)
        held = self._look()
        if pushed.code and any(held.get(name) == old for name, old in leases.items()):
            said_no = any(flag == "!" for flag, _ in pushed.refs.values())
            raise (Refused if said_no else CouldNotRun)(
                f"the release could not be taken back from {self.remote}:\n{pushed.said}",
                f"hephaestus rollback --version {self.version}",
            )

    @property
    def _head(self) -> str:
        return f"refs/heads/{self.branch}"

    @property
    def _tag(self) -> str:
        return f"refs/tags/{self.tag}"

    def _look(self) -> dict[str, str]:
        """Return what branch and tag are on the remote, with their objects at hand."""
        held = self.repository.remote_refs(self.remote, self._head, self._tag)
        head = held.get(self._head)
        if head and self.repository.resolve(f"{head}^{{commit}}") is None:
            self.repository.fetch(self.remote, head)
        return held

    def _made(self) -> tuple[str, str]:
        commit, tag = self.repository.resolve(self.commit_ref), self.repository.resolve(self.tag_ref)
        if commit is None or tag is None:
            raise Conflict(
                "the release commit or its tag was not made yet", f"hephaestus release --version {self.version}"
            )
        return commit, tag

    def _arrived(self, held: dict[str, str]) -> bool:
        commit, tag = self._made()
        head = held.get(self._head)
        return held.get(self._tag) == tag and head is not None and self.repository.is_ancestor(commit, head)

    def _wanted(self, held: dict[str, str]) -> tuple[dict[str, str], list[str]]:
        """Return the leases and refspecs of the push, given what the remote holds."""
        commit, tag = self._made()
        head = held.get(self._head)
        if self._tag in held:
            raise Conflict(
                f"the tag {self.tag} on {self.remote} is not the one this release made",
                f"hephaestus rollback --version {self.version}",
            )
        leases, refspecs = {self._tag: git.ABSENT}, [f"{tag}:{self._tag}"]
        if head is not None and self.repository.is_ancestor(commit, head):
            return leases, refspecs
        if head is not None and not self.repository.is_ancestor(head, self.base):
            raise Conflict(
                f"{self.branch} on {self.remote} has moved to {head[:10]} since this release was begun",
                f"hephaestus rollback --version {self.version} && git pull --ff-only",
            )
        return {**leases, self._head: head or git.ABSENT}, [*refspecs, f"{commit}:{self._head}"]

    def _refused(self, pushed: git.Push, held: dict[str, str]) -> None:
        """Raise what the remote's answer means, unless another try may still succeed."""
        self._wanted(held)
        if "remote rejected" in pushed.said or "hook declined" in pushed.said:
            raise Refused(
                f"{self.remote} refused the push:\n{pushed.said}",
                f"hephaestus release --version {self.version}",
            )

    def _way_back(self, head: str | None) -> str | None:
        """Return the commit the branch has to be at after the way back, or `None` where it must not be touched."""
        commit = self.repository.resolve(self.commit_ref)
        if head is None or commit is None or not self.repository.is_ancestor(commit, head):
            return head or self.base
        if self.published or commit == self.base:
            return self._yanked(head)
        if head == commit:
            return self._committed(
                f"{self.base}^{{tree}}", head, f"revert: Take back release {self.tag}\n\nThis reverts commit {commit}."
            )
        parent, tree = self.repository.resolve(f"{head}^"), self.repository.resolve(f"{head}^{{tree}}")
        return head if parent == commit and tree == self.repository.resolve(f"{self.base}^{{tree}}") else None

    def _yanked(self, head: str) -> str:
        """Return a commit on `head` whose changelog says that the version was yanked, or `head` where it does."""
        before = notes.changelog(git.Commit(self.repository, head), self.path)
        section = keepachangelog.find(before, self.version)
        if section is None or section.yanked:
            return head
        tree = self.repository.tree_with(head, self.path, keepachangelog.yank(before, self.version).encode())
        return self._committed(tree, head, f"chore: Yank release {self.tag}")

    def _committed(self, tree: str, parent: str, message: str) -> str:
        """Make a commit that no branch holds yet, signed where the user signs commits."""
        signed = ["-S"] if self.repository.config("commit.gpgSign", kind="bool") == "true" else []
        named = self.repository.resolve(tree) or tree
        return self.repository.line("commit-tree", *signed, "-p", parent, "-m", message, named)
