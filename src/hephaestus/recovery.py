"""Finding a release that another clone or runner began, from the marks in its tag and its draft."""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import Any

from hephaestus import git, journal, marks, reversal, system
from hephaestus.errors import Conflict, CouldNotRun
from hephaestus.forge import Listing
from hephaestus.release import STEPS, Release, Workplace

__all__ = ["recover", "refuse_taken_back", "restore_refs"]

log = logging.getLogger("hephaestus")


def recover(
    at: Workplace, version: str, remote: str, *, within: tuple[str, str] | None = None
) -> journal.Journal | None:
    """Return a journal, written from what the world shows, for a release of ours that this clone has no journal of.

    What the marks prove is written down as done, so the engine goes on (or back) from there. `within` is the
    commit and the branch that a release to be gone on with must belong to while only a draft speaks for it.
    Returns `None` where neither the remote's tag nor the forge's release of this version is ours, and raises
    `Conflict` where the release belongs to something else, lives on another machine, or is to be gone on with
    though it was taken back. A journal of this clone that was closed, as the tag had to stay, is opened again.
    """
    tag, home = at.tag(version), journal.directory(at.repository.common_directory)
    held = at.remote_tag(remote, tag)
    found = at.forge.find(tag)
    promise = marks.from_body(found.body) if found else None
    tagged = _tag_mark(at.repository, remote, held)
    mark = tagged or (promise.mark if promise else None)
    if mark is None:
        return None
    release = Release(mark.id, version, tag, mark.base, mark.branch, remote, mark.time)
    if within is not None and held is not None and tagged is not None:
        refuse_taken_back(at, release, at.repository.line("rev-parse", f"{held}^{{commit}}"))
    elif tagged is not None and (again := journal.reopen(home, tag, mark.id)):
        return again
    log.info("found a release %s that was begun elsewhere, %s", tag, mark.time)
    if found is None and at.default_forge:
        raise Conflict(
            f"the tag {tag} is ours, but {at.forge.place} has no release of it; it may be on another machine",
            "git config hephaestus.forge PATH",
        )
    if at.repository.resolve(f"{mark.base}^{{commit}}") is None:
        at.repository.fetch(remote, mark.base)
    if within is not None and tagged is None:
        _belongs(at, release, *within)
    at.tidy(release)
    restore_refs(at, release)
    ours = found if promise is not None and promise.mark.id == mark.id else None
    # A tag of somebody else is no trace of ours: the checks will find it in the way.
    records = _records(at, release, ours, held if tagged else None)
    return journal.create(home, tag, asdict(release), records)


def _belongs(at: Workplace, release: Release, commit: str, branch: str) -> None:
    """Refuse a draft for a commit that is no part of what is checked out: who can write drafts may not write code."""
    if release.branch != branch or not at.repository.is_ancestor(release.base, commit):
        raise Conflict(
            f"the draft {release.tag} is for {release.base[:10]} on {release.branch}, which is not what is checked out",
            f"hephaestus rollback --version {release.version}",
        )


def refuse_taken_back(at: Workplace, release: Release, commit: str | None) -> None:
    """Refuse to go on with a release that was taken back, whose tag or journal is still there.

    `commit` is its release commit. Raises `Conflict` where the branch on the remote has it no more, or a pull
    request to take it off the branch is open.
    """
    name = f"refs/heads/{release.branch}"
    head = at.repository.remote_refs(release.remote, name).get(name)
    if head and at.repository.resolve(f"{head}^{{commit}}") is None:
        at.repository.fetch(release.remote, head)
    if head is None or commit is None or not at.repository.is_ancestor(commit, head):
        return
    if reversal.is_off(at.repository, head, at.project.changelog, release.version):
        said = f"{release.remote}/{release.branch} has it no more"
    elif request := reversal.offered(at.forge.pull_requests, release.tag):
        said = f"see {request.url}"
    else:
        return
    raise Conflict(
        f"{release.tag} was taken back and cannot be gone on with: {said}",
        f"hephaestus rollback --version {release.version}"
        f" && hephaestus release --version {at.next_patch(release.version)}",
    )


def restore_refs(at: Workplace, release: Release) -> None:
    """Point the private refs at tag and commit again, where the tag is on the remote or in this clone."""
    stage = at.stage(release)
    held = at.remote_tag(release.remote, release.tag) or at.repository.resolve(f"refs/tags/{release.tag}")
    if held is None or _tag_mark(at.repository, release.remote, held) != release.mark:
        return
    if stage.tag_object() is None:
        at.repository.set_ref(stage.tag_ref, held, git.ABSENT)
    # Each on its own: a kill may have come between the removal of the two.
    if stage.commit() is None and stage.tag_object() == held:
        at.repository.set_ref(stage.commit_ref, at.repository.line("rev-parse", f"{held}^{{commit}}"), git.ABSENT)


def _tag_mark(repository: git.Repository, remote: str, tag_object: str | None) -> marks.Mark | None:
    if tag_object is None:
        return None
    if repository.resolve(f"{tag_object}^{{object}}") is None:
        repository.fetch(remote, tag_object)
    return marks.from_message(repository.tag_message(tag_object))


def _records(at: Workplace, release: Release, found: Listing | None, held: str | None) -> list[dict[str, Any]]:
    """Return the journal lines for what the marks prove."""
    if held is None:
        # Only a draft: all before it is made anew here, from the same frozen facts.
        return [{"begin": name, "at": release.time} for name in ("draft", "upload")]
    promise = marks.from_body(found.body) if found else None
    whole = found is not None and promise is not None and promise.tag_object == held
    if not whole or {asset.name: asset.sha256 for asset in found.assets} != dict(promise.assets):  # type: ignore[union-attr]
        passed: tuple[str, ...] = STEPS[: STEPS.index("tag") + 1]
        begun: tuple[str, ...] = ("draft", "upload", "push")
        return [*_done(passed, release), *({"begin": name, "at": release.time} for name in begun)]
    _restore_assets(at, release)
    pushed = _done(STEPS[: STEPS.index("push") + 1], release)
    # Publishing is asked again: whoever died in it may have left the last of it to do.
    return pushed if found is None or found.draft else [*pushed, {"begin": "publish", "at": release.time}]


def _done(names: tuple[str, ...], release: Release) -> list[dict[str, Any]]:
    return [
        record for name in names for record in ({"begin": name, "at": release.time}, {"done": name, "seconds": 0.0})
    ]


def _restore_assets(at: Workplace, release: Release) -> None:
    """Bring the proven files here, so that what follows compares with them and not with a promise."""
    found, stage = at.forge.find(release.tag), at.stage(release)
    if found is None:
        raise CouldNotRun(f"the release {release.tag} has gone from {at.forge.place} meanwhile", "hephaestus status")
    stage.remove()
    system.remove(stage.assets)
    stage.assets.mkdir(parents=True)
    for asset in found.assets:
        at.forge.download(release.tag, asset.name, stage.assets)
