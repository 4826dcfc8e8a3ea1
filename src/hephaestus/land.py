"""The step that brings the release home: the tag, and the user's branch where it can simply move forward."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import ClassVar

from hephaestus import git
from hephaestus.plan import Step

__all__ = ["Land"]

log = logging.getLogger("hephaestus")


@dataclass(frozen=True)
class Land(Step):
    """Give the user's clone the tag, and fast-forward its branch from the base to the release commit."""

    name: ClassVar[str] = "land"

    repository: git.Repository
    branch: str
    tag: str
    base: str
    commit_ref: str
    tag_ref: str

    def describe(self) -> str:
        """Say what moves."""
        return f"{self.tag} and {self.branch} in this clone, fast-forward only"

    def apply(self) -> None:
        """Fetch the tag and move the branch; where the checkout does not allow it, say what to run."""
        commit, tag = self.repository.resolve(self.commit_ref), self.repository.resolve(self.tag_ref)
        if tag is not None and self.repository.resolve(f"refs/tags/{self.tag}") is None:
            self.repository.set_ref(f"refs/tags/{self.tag}", tag, git.ABSENT)
        head = f"refs/heads/{self.branch}"
        held = self.repository.resolve(head)
        if commit is None or held is None or self.repository.is_ancestor(commit, held):
            return
        if held == self.base and self._moved(head, commit):
            return
        log.info("%s was left where it is; bring it up to date with: git pull --ff-only", self.branch)

    def describe_undo(self) -> str:
        """Say that the branch stays, and that the tag goes with the step that made it."""
        return f"{self.branch} in this clone stays where it is"

    def _moved(self, head: str, commit: str) -> bool:
        if self.repository.branch() == self.branch:
            return self.repository.run("merge", "--quiet", "--ff-only", commit, check=False).code == 0
        if head in self.repository.work_tree_branches():
            return False
        self.repository.set_ref(head, commit, self.base)
        return True
