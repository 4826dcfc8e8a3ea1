"""The way a branch goes back behind a release: by a new commit, or where it is protected by a pull request."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass

from hephaestus import git, keepachangelog, notes
from hephaestus.errors import Conflict, CouldNotRun, Refused, UsageError
from hephaestus.forge.capabilities import PullRequest, PullRequests

__all__ = ["Reversal", "is_given_up", "is_off", "is_yanked", "offered", "offering"]

log = logging.getLogger("hephaestus")


@dataclass(frozen=True)
class Reversal:
    """A release that goes off its branch: the commit it was made from (`base`), and the `path` of its changelog."""

    repository: git.Repository
    tag: str
    version: str
    base: str
    path: str

    def after(self, head: str | None, commit: str | None, *, published: bool) -> str | None:
        """Return the commit a branch at `head` has to be at after the way back, `None` where it must not be touched.

        `commit` is the release commit. What was published, or prepared by others, keeps its section, marked as
        yanked; else the files of the base come back, unless others have built on the release.
        """
        if head is None or commit is None or not self.repository.is_ancestor(commit, head):
            return head or self.base
        if published or commit == self.base:
            return self._yanked(head)
        if head == commit:
            return self._committed(f"{self.base}^{{tree}}", head, f"{self._subject}\n\nThis reverts commit {commit}.")
        return head if is_off(self.repository, head, self.path, self.version) else None

    def propose(self, requests: PullRequests, remote: str, branch: str, back: str) -> PullRequest:
        """Offer the commit `back` as the one pull request to a branch that takes no push.

        Raises `Conflict` where somebody else has a branch of that name, and `Refused` where the remote takes none.
        """
        self._push(remote, back)
        body = (
            f"This takes {self.tag} back.\n\n"
            "The branch is protected, so that only a pull request can change it. Until this one is merged, the branch "
            f"still has the release, and nothing should be released from it.\n\n{self._effect(back)}"
        )
        return requests.propose(offering(self.tag), branch, title=f"Take back release {self.tag}", body=body)

    @property
    def _subject(self) -> str:
        return f"revert: Take back release {self.tag}"

    @property
    def _yank(self) -> str:
        return f"chore: Yank release {self.tag}"

    def _effect(self, back: str) -> str:
        if self._says(back) == self._yank:
            return f"It marks the section of {self.version} in `{self.path}` as `[YANKED]`, and changes nothing else."
        return "It brings back the files as they were before the release."

    def _push(self, remote: str, back: str) -> None:
        """Bring the branch of the pull request to the remote, unless one that offers the same is there."""
        name = f"refs/heads/{offering(self.tag)}"
        held = self.repository.remote_refs(remote, name).get(name, git.ABSENT)
        if held and self.repository.resolve(f"{held}^{{commit}}") is None:
            self.repository.fetch(remote, held)
        if (
            held
            and self.repository.is_ancestor(f"{back}^", held)
            and is_off(self.repository, held, self.path, self.version)
        ):
            return
        if held and self._says(held) not in (self._subject, self._yank):
            raise Conflict(
                f"{remote} has a branch {offering(self.tag)} that this release did not make", f"git ls-remote {remote}"
            )
        pushed = self.repository.push(remote, {name: held}, [f"{back}:{name}"])
        if pushed.code and self.repository.remote_refs(remote, name).get(name) != back:
            said_no = any(flag == "!" for flag, _ in pushed.refs.values())
            raise (Refused if said_no else CouldNotRun)(
                f"{remote} did not take the branch {offering(self.tag)}:\n{pushed.said}",
                f"hephaestus rollback --version {self.version}",
            )

    def _says(self, commit: str) -> str:
        return self.repository.line("show", "--no-patch", "--no-show-signature", "--format=%s", commit)

    def _yanked(self, head: str) -> str:
        """Return a commit on `head` whose changelog says that the version was yanked, or `head` where it does."""
        before = notes.changelog(git.Commit(self.repository, head), self.path)
        section = keepachangelog.find(before, self.version)
        if section is None or section.yanked:
            return head
        tree = self.repository.tree_with(head, self.path, keepachangelog.yank(before, self.version).encode())
        return self._committed(tree, head, self._yank)

    def _committed(self, tree: str, parent: str, message: str) -> str:
        """Make a commit that no branch holds yet, signed where the user signs commits."""
        signed = ["-S"] if self.repository.config("commit.gpgSign", kind="bool") == "true" else []
        named = self.repository.resolve(tree) or tree
        return self.repository.line("commit-tree", *signed, "-p", parent, "-m", message, named)


def is_given_up(repository: git.Repository, base: str, head: str, path: str, version: str) -> bool:
    """Tell whether a branch has gone on from `base`, and offers a version no more at `head`.

    One that was not offered at `base` either is not given up, unless the changelog says that it was withdrawn.
    """
    if head == base or not repository.is_ancestor(base, head) or not is_off(repository, head, path, version):
        return False
    return not is_off(repository, base, path, version) or is_yanked(repository, head, path, version)


def is_off(repository: git.Repository, head: str, path: str, version: str) -> bool:
    """Tell whether a commit does not offer a version any more: its changelog yanks it, or has no section of it."""
    section = _section(repository, head, path, version)
    return section is None or section.yanked


def is_yanked(repository: git.Repository, head: str, path: str, version: str) -> bool:
    """Tell whether the changelog of a commit marks a version as yanked."""
    section = _section(repository, head, path, version)
    return section is not None and section.yanked


def _section(repository: git.Repository, head: str, path: str, version: str) -> keepachangelog.Section | None:
    with contextlib.suppress(UsageError):  # without a changelog there is no section either
        return keepachangelog.find(notes.changelog(git.Commit(repository, head), path), version)
    return None


def offering(tag: str) -> str:
    """Return the branch of the pull request that takes a release back."""
    return f"revert/{tag}"


def offered(requests: PullRequests | None, tag: str) -> PullRequest | None:
    """Return the open pull request that takes a release back; `None` where there is none, or none may be looked for."""
    try:
        found = requests.find(offering(tag)) if requests is not None else None
    except Refused as error:
        log.info("whether taking %s back is proposed could not be told: %s", tag, error.message)
        return None
    return found if found is not None and found.state == "open" else None
