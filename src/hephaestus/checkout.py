"""What is checked out: the base commit, its branch, and the remote they are released to."""

from __future__ import annotations

import os

from hephaestus import git
from hephaestus.errors import UsageError

__all__ = ["address", "base", "remote"]


def base(repository: git.Repository) -> tuple[str, str]:
    """Return the commit that is checked out and its branch, which a CI service names where the head is detached.

    Raises `UsageError` where there is no commit, or nobody names the branch.
    """
    commit = repository.resolve("HEAD^{commit}")
    if commit is None:
        raise UsageError("this repository has no commit yet", "git add . && git commit -m 'feat: Begin'")
    branch = repository.branch() or _branch_of_ci(commit)
    if branch is None:
        raise UsageError("HEAD is detached, so there is no branch to release from", "git switch main")
    return commit, branch


def _branch_of_ci(commit: str) -> str | None:
    """Return the branch a CI service checked this commit out from, by the variables of GitHub and GitLab."""
    for name, at in (("GITHUB_REF", "GITHUB_SHA"), ("CI_COMMIT_BRANCH", "CI_COMMIT_SHA")):
        said = os.environ.get(name, "").removeprefix("refs/heads/")
        if said and not said.startswith("refs/") and os.environ.get(at) == commit:
            return said
    return None


def address(repository: git.Repository, configured: str | None) -> str | None:
    """Return the address that releases are pushed to, or `None` where it cannot be told."""
    commit = repository.resolve("HEAD^{commit}")
    try:
        name = remote(repository, configured, repository.branch() or _branch_of_ci(commit or "") or "")
    except UsageError:
        return None
    return next(iter(repository.push_addresses(name)), None)


def remote(repository: git.Repository, configured: str | None, branch: str) -> str:
    """Return the remote a branch is released to: the configured one, the branch's own, `origin`, or the only one.

    Raises `UsageError` where there is none, or nothing to choose by.
    """
    remotes = repository.line("remote").splitlines()
    if not remotes:
        raise UsageError("this clone has no remote to push to", "git remote add origin URL && git push -u origin HEAD")
    chosen = configured or repository.config(f"branch.{branch}.remote")
    if chosen is None and (len(remotes) == 1 or "origin" in remotes):
        return "origin" if "origin" in remotes else remotes[0]
    if chosen not in remotes:
        raise UsageError(
            f"there is no remote {chosen or 'for this branch'}; there are {', '.join(remotes)}",
            f"git branch --set-upstream-to={remotes[0]}/{branch}",
        )
    return chosen
