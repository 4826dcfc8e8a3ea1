"""What is left once a release was taken back: what the world shows, what people must do, and who must hear of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hephaestus import git, journal, markdown, reversal, system, versions
from hephaestus.errors import CouldNotRun, HephaestusError, Refused
from hephaestus.forge import look
from hephaestus.release import Release, Workplace

__all__ = ["Standing", "notify", "pin", "standing", "steps_left", "told"]

# Seconds between two looks for what was taken back: a forge may show it for a while.
_LAG = (1.0, 2.0, 2.0)


@dataclass(frozen=True)
class Standing:
    """What a remote shows of a release that was taken back.

    `tag` tells whether its tag is still there, `branch` whether the branch still has it, `request` is the address of
    the pull request that takes it off the branch, and `head` the commit the branch is at.
    """

    tag: bool = False
    branch: bool = False
    request: str | None = None
    head: str | None = None


def standing(release: Release, at: Workplace, made: tuple[str | None, str | None], *, published: bool) -> Standing:
    """Return what the remote shows of a release whose commit and tag object were `made`.

    What should be gone is looked for several times before it is said to be there.
    """
    for pause in _LAG:
        found = _seen(release, at, made, published=published)
        if not (found.tag or (found.branch and found.request is None)):
            return found
        system.pause(pause)
    return _seen(release, at, made, published=published)


def _seen(release: Release, at: Workplace, made: tuple[str | None, str | None], *, published: bool) -> Standing:
    commit, tag_object = made
    branch, tag = f"refs/heads/{release.branch}", f"refs/tags/{release.tag}"
    held = at.repository.remote_refs(release.remote, branch, tag)
    head = held.get(branch)
    if head and at.repository.resolve(f"{head}^{{commit}}") is None:
        at.repository.fetch(release.remote, head)
    request = reversal.offered(at.forge.pull_requests, release.tag)
    # A commit that others prepared was on the branch before the release, and is there still if nothing arrived.
    ours = commit is not None and (published or commit != release.base)
    there = bool(ours and head and commit and at.repository.is_ancestor(commit, head))
    stays = there and not reversal.is_off(at.repository, head or "", at.project.changelog, release.version)
    kept = tag_object is not None and held.get(tag) == tag_object
    return Standing(kept, stays or request is not None, request.url if request else None, head)


def steps_left(release: Release, at: Workplace, found: Standing) -> Iterable[tuple[str, str]]:
    """Yield what a person has to do, as no program can, each with the page or the command to do it."""
    again = f"hephaestus rollback --version {release.version}"
    if found.tag:
        page = f"{look(f'{at.forge.place}/settings/rules')} && {again}" if "://" in at.forge.place else again
        yield f"the tag {release.tag} is still on {release.remote}, whose rules keep it from being deleted", page
    if found.request:
        yield f"{release.branch} is protected, and has the release until {found.request} is merged", look(found.request)
    elif found.branch:
        yield f"{release.branch} on {release.remote} still has the release", again


def told(release: Release, at: Workplace, record: journal.Journal, found: Standing) -> str:
    """Say what the world looks like now."""
    if not record.begun("push"):
        return f"{release.tag} is rolled back: nothing of it was public, and everything is as before"
    head, follow = f"{release.remote}/{release.branch}", f"git pull --ff-only {release.remote} {release.branch}"
    following = at.next_patch(release.version)
    planned = f"The next patch is {following}: hephaestus release --version {following}"
    follows = f"Your branch follows with: {follow}"
    if record.was_published:
        gone = "release and files" if found.tag else "release, files and tag"
        yanked = "" if found.branch else ", and the changelog says [YANKED]"
        burned = f" The tag name {release.tag} is burned: it was immutable, and no release can have it again."
        said = f"{release.tag} is withdrawn: {gone} are gone{yanked}.{burned if record.was_immutable else ''}"
        users = "Copies that users have already downloaded stay with them."
        return "\n".join([said, users, planned, *([] if found.branch else [follows])])
    prepared = versions.current(git.Commit(at.repository, release.base), at.project) == release.version
    state = f"where {head} has its section, that says [YANKED]" if prepared else f"{head} holds none of its changes"
    left = "no draft is left" if found.tag else "no draft and no tag is left"
    if found.branch:
        return f"{release.tag} is rolled back: {left}.\n{planned}"
    said = f"{release.tag} is rolled back: {left}, and {state}. {follows}"
    return f"{said}\n{planned}" if found.tag else said


def pin(at: Workplace, version: str) -> str:
    """Return the requirement that keeps a version out."""
    return f"{at.project.normalized}!={version}"


def notify(release: Release, at: Workplace, reason: str) -> tuple[str | None, tuple[str, str] | None]:
    """Tell users that a release is withdrawn, by an issue that is opened and pinned once, where that is wanted.

    Returns its address, and what is left to a person to do. Raises `CouldNotRun` where the tracker does not answer.
    """
    tracker, place = at.forge.tracker, at.forge.place
    page = look(f"{place}/issues/new") if "://" in place else None
    if tracker is None or not at.project.github.notify:
        by_hand = page or f"hephaestus advisory --version {release.version} --severity critical --summary '…'"
        return None, (f"users have to be told that {release.tag} is withdrawn", by_hand)
    title = f"{at.project.normalized} {release.version} is withdrawn: do not install it"
    try:
        return tracker.pin(title, _notice(release, at, reason), f"hephaestus-withdrawn {release.tag}"), None
    except Refused as error:
        return None, (
            f"users have to be told that {release.tag} is withdrawn: {error.message}",
            error.hint or page or "hephaestus status",
        )
    except CouldNotRun as error:
        raise _untold(release, error) from error


def _untold(release: Release, error: HephaestusError) -> CouldNotRun:
    return CouldNotRun(
        f"{release.tag} is withdrawn, but users were not told of it: {error.message}",
        f"hephaestus rollback --version {release.version}",
    )


def _notice(release: Release, at: Workplace, reason: str) -> str:
    """Return what users read: what was withdrawn, why, and what to do."""
    name, following = at.project.normalized, at.next_patch(release.version)
    why = f"**Why:**\n\n{markdown.quoted(reason)}\n\n" if reason else ""
    return (
        f"**{name} {release.version}** was withdrawn. Whoever has it should not use it.\n\n"
        f"{why}"
        "**What to do:**\n\n"
        f"- Keep it out, where you install {name}:\n\n"
        f'      python -m pip install "{pin(at, release.version)}"\n\n'
        f"- {following} is to mend it. Once it is there:\n\n"
        f'      python -m pip install --upgrade "{name}>={following}"\n\n'
        "- Copies that were downloaded or put on a mirror before have to be removed by hand.\n"
    )
