"""Starting a hotfix: a branch from the tag of a release, for the one fix that cannot wait."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hephaestus import git, keepachangelog, notes, versions
from hephaestus.errors import CommandFailed, Conflict, UsageError
from hephaestus.release import Workplace, workplace

__all__ = ["Hotfix", "prepare", "start"]

_EXAMPLE = "hephaestus hotfix --from v1.4.0"


@dataclass(frozen=True)
class Hotfix:
    """A hotfix: the release it mends (`tag`), its own `version` and `branch`, and whether that branch is there."""

    tag: str
    commit: str
    version: str
    branch: str
    exists: bool
    next: tuple[str, ...] = field(compare=False)

    def document(self) -> Mapping[str, Any]:
        """Return it as a document for machines."""
        return {**vars(self), "next": list(self.next)}


def prepare(repository: git.Repository, tag: str, version: str | None = None) -> Hotfix:
    """Return the hotfix of the release a tag names, as `version` or else as its next patch; nothing is changed.

    Raises `UsageError` for a tag that is none of a release, a version that is no hotfix of it, or a branch
    of that name that does not come from there, and where tracked files are changed.
    """
    at = workplace(repository, "HEAD")
    older = _version(at, tag)
    commit = at.repository.line("rev-parse", f"refs/tags/{tag}^{{commit}}")
    version = at.next_patch(older) if version is None else str(versions.parse(version))
    if versions.parse(version) <= versions.parse(older):
        raise UsageError(f"{version} is not greater than {older}, which it should mend", f"{_EXAMPLE} --version 1.4.1")
    new = at.tag(version)
    if at.repository.resolve(f"refs/tags/{new}"):
        raise UsageError(f"the tag {new} exists already", f"hephaestus hotfix --from {new}")
    branch = f"hotfix/{new}"
    exists = _exists(at.repository, branch, commit, tag)
    changed = at.repository.changed()
    if changed and at.repository.branch() != branch:
        raise UsageError(f"tracked files are changed and would come along: {', '.join(changed[:5])}", "git stash")
    return Hotfix(tag, commit, version, branch, exists, _next(at, commit, version))


def start(repository: git.Repository, hotfix: Hotfix) -> str:
    """Make the branch of a hotfix and check it out; where it is there, only check it out. Say what comes next.

    Raises `Conflict` where git would have to overwrite files it does not track.
    """
    if repository.branch() != hotfix.branch:
        words = (hotfix.branch,) if hotfix.exists else ("--no-track", "--create", hotfix.branch, hotfix.commit)
        try:
            repository.run("switch", "--quiet", *words)
        except CommandFailed as error:
            raise Conflict(f"git would not switch to {hotfix.branch}:\n{error.message}", "git status") from error
    made = "is checked out" if hotfix.exists else f"is checked out, made from {hotfix.tag}"
    steps = "\n".join(f"  {number}. {said}" for number, said in enumerate(hotfix.next, 1))
    return f"{hotfix.branch} {made}.\nNext, for {hotfix.version}:\n{steps}"


def _version(at: Workplace, tag: str) -> str:
    """Return the version a tag names."""
    tags = [name.removeprefix("refs/tags/") for name in at.repository.refs("refs/tags")]
    released = {name: str(version) for version, name in versions.order(tags, at.template)}
    if tag in released:
        return released[tag]
    if tag in tags:
        raise UsageError(f"the tag {tag} names no version, as {at.tag('1.4.0')} would", "git tag --list")
    near = difflib.get_close_matches(tag, released, n=3, cutoff=0.4) or list(released)[:3]
    meant = f"; the nearest are {', '.join(near)}" if near else ""
    hint = f"hephaestus hotfix --from {near[0]}" if near else "git fetch --tags"
    raise UsageError(f"there is no tag {tag!r} in this clone{meant}", hint)


def _exists(repository: git.Repository, branch: str, commit: str, tag: str) -> bool:
    """Tell whether the branch is there, and refuse one that does not come from the tag."""
    held = repository.resolve(f"refs/heads/{branch}")
    if held is not None:
        if not repository.is_ancestor(commit, held):
            raise UsageError(f"there is a branch {branch} that does not come from {tag}", f"git log {branch}")
        return True
    begun = [name for name in repository.refs("refs/remotes") if name.endswith(f"/{branch}")]
    if begun:
        remote = begun[0].removeprefix("refs/remotes/").removesuffix(f"/{branch}")
        raise UsageError(f"{branch} was begun elsewhere: {remote} has it", f"git switch --track {remote}/{branch}")
    return False


def _next(at: Workplace, commit: str, version: str) -> tuple[str, ...]:
    """Return what is to be done on the branch, in order."""
    path, release = at.project.changelog, f"hephaestus release --version {version}"
    entry = f"tell of it in {path}, under [Unreleased]"
    try:
        has = keepachangelog.unreleased(notes.changelog(git.Commit(at.repository, commit), path)) is not None
    except UsageError:
        has = False
    if not has:
        entry += ", which is not there: write the line “## [Unreleased]” above the newest version"
    return (
        "make the fix, and nothing else, with a test that fails without it",
        entry,
        "git add . && git commit",
        f"{release} --pr    for a fast review, or: {release}",
    )
