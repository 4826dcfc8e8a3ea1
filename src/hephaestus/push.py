"""The commit point: one atomic push of branch and tag, and the way back from it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from hephaestus import git, reversal, system, ui, versions
from hephaestus.errors import Conflict, CouldNotRun, HephaestusError, Problem, Refused
from hephaestus.forge import Forge
from hephaestus.plan import Step
from hephaestus.reversal import Reversal

__all__ = ["Push"]

log = logging.getLogger("hephaestus")

# Seconds between two tries after a lost connection.
_PAUSES = (0.5, 1.0, 2.0, 4.0)
# Seconds between two looks for a push that was cut off and may still arrive.
_LATE = (1.0, 2.0, 2.0)
# What GitHub says of a tag whose name an immutable release had, or of one that nobody may make.
_BURNED = re.compile(r"creations? being restricted", re.IGNORECASE)
# What GitHub says of a branch that only a pull request can change.
_PROTECTED = re.compile(r"GH006|through a pull request", re.IGNORECASE)


@dataclass(frozen=True)
class Push(Step):
    """Push the release commit and its tag in one atomic push; each ref must still be as it was seen.

    `commit_ref` and `tag_ref` name what is pushed, in the user's clone. With `published` the way back
    keeps the version's section and marks it as yanked; without, it restores the tree of the base.
    Where the branch is protected the way back is offered as a pull request, if the `forge` has such.
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
    forge: Forge
    published: bool = False

    def describe(self) -> str:
        """Say what becomes public."""
        return f"{self.branch} and {self.tag} to {self.remote}, both or none"

    def check(self) -> Iterable[Problem]:
        """Ask that the branch on the remote has not given the version up since, as one that was taken back."""
        try:
            head = self._look().get(self._head)
        except HephaestusError:
            return  # the stage asks the remote as well, and says so
        if head and reversal.is_given_up(self.repository, self.base, head, self.path, self.version):
            begun = f"{self._again} && " if self.repository.resolve(self.commit_ref) else ""
            following = versions.following(self.version, "patch")
            yield Problem(self._given_up, f"{begun}hephaestus release --version {following}")

    def apply(self) -> None:
        """Push, and look at the remote before believing what git says.

        Raises `Refused` where the remote says no, `Conflict` where the branch or the tag is not as it was or the
        release was taken back meanwhile, and `CouldNotRun` where the remote cannot be reached.
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
            elif pushed.code and not pushed.lost:
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
        """Remove the tag and take the branch back with a new commit, in one atomic push; nothing is rewritten.

        A branch that is protected gets a pull request, where the forge has such, and a tag that the remote does not
        let go stays. Raises `Refused` where the branch can be taken back in neither way; then nothing is.
        """
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
        parts: dict[str, tuple[str, str]] = {}
        if head and back and back != head:
            parts[self._head] = head, back
        if ours and seen:
            parts[self._tag] = ours, git.ABSENT
        if parts:
            self._give_back(parts)
        return bool(parts)

    def _give_back(self, parts: Mapping[str, tuple[str, str]]) -> None:
        """Take all refs back at once; where the remote refuses one after the other, each in the way left to it."""
        said = self._move(parts)
        if not said:
            return
        for name, moved in parts.items():
            refused = said if len(parts) == 1 else self._move({name: moved})
            if refused and name == self._head:
                self._offer(moved[1], refused)
            elif refused:
                log.info("the tag %s stays on %s, whose rules keep it from being deleted", self.tag, self.remote)

    def _move(self, parts: Mapping[str, tuple[str, str]]) -> str:
        """Push refs, each from its old to its new object, and return the words with which the remote refused.

        Raises `CouldNotRun` or `Refused` where they did not arrive for another reason.
        """
        leases = {name: old for name, (old, _) in parts.items()}
        pushed = self.repository.push(self.remote, leases, [f"{new}:{name}" for name, (_, new) in parts.items()])
        held = self._look() if pushed.code else {}
        if not any(held.get(name) == old for name, old in leases.items()):
            return ""
        if pushed.rejected and "lock ref" not in pushed.said:  # another push may hold a lock
            return pushed.said
        said_no = any(flag == "!" for flag, _ in pushed.refs.values())
        raise (Refused if said_no else CouldNotRun)(self._kept(pushed.said), self._again)

    def _offer(self, back: str, refused: str) -> None:
        """Offer the way back of a branch that takes no push as a pull request, if there are such here."""
        requests = self.forge.pull_requests
        if requests is None:
            raise Refused(self._kept(refused), self._again)
        found = self._reversal.propose(requests, self.remote, self.branch, back)
        log.info("%s is protected; its way back is offered in %s", self.branch, found.url)

    def _kept(self, said: str) -> str:
        return f"the release could not be taken back from {self.remote}:\n{said}"

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
        """Tell whether branch and tag are there; raise `Conflict` where the branch gave the version up meanwhile."""
        commit, tag = self._made()
        head = held.get(self._head)
        if head is None or not self.repository.is_ancestor(commit, head):
            return False
        if reversal.is_off(self.repository, head, self.path, self.version):
            raise Conflict(self._given_up, self._again)
        return held.get(self._tag) == tag

    def _wanted(self, held: dict[str, str]) -> tuple[dict[str, str], list[str]]:
        """Return the leases and refspecs of the push, given what the remote holds."""
        commit, tag = self._made()
        head = held.get(self._head)
        if self._tag in held:
            said = f"the tag {self.tag} on {self.remote} is not the one this release made"
            if held[self._tag] == tag:
                said = f"{self.remote} has the tag {self.tag}, and {self.branch} there is without its commit"
            raise Conflict(said, f"hephaestus rollback --version {self.version}")
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
        if not pushed.rejected:
            return
        said, hint = f"{self.remote} refused the push:\n{pushed.said}", f"hephaestus release --version {self.version}"
        if _BURNED.search(pushed.said):
            said += (
                f"\nthe name {self.tag} is burned, as an immutable release had it, or nobody may make such a tag here"
            )
            following = versions.following(self.version, "patch")
            hint = f"{self._again} && hephaestus release --version {following}"
        elif _PROTECTED.search(pushed.said) and self.forge.pull_requests is not None:
            said += f"\n{self.branch} is protected: only a pull request can change it"
            hint = f"{self._again} && {hint} --pr"  # a proposal waits while a release is half-way
        raise Refused(said, hint)

    def _way_back(self, head: str | None) -> str | None:
        """Return the commit the branch has to be at after the way back, or `None` where it must not be touched."""
        return self._reversal.after(head, self.repository.resolve(self.commit_ref), published=self.published)

    @property
    def _reversal(self) -> Reversal:
        return Reversal(self.repository, self.tag, self.version, self.base, self.path)

    @property
    def _given_up(self) -> str:
        return f"{self.version} was taken back: {self.branch} on {self.remote} does not offer it any more"

    @property
    def _again(self) -> str:
        return f"hephaestus rollback --version {self.version}"
