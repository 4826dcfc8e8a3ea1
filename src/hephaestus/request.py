"""What was asked for, and which version that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packaging.version import Version

from hephaestus import checkout, git, journal, keepachangelog, notes, reversal, versions
from hephaestus.errors import CouldNotRun, UsageError
from hephaestus.release import STEPS, Workplace

__all__ = ["Request", "nothing_to_release", "wanted"]


@dataclass(frozen=True)
class Request:
    """A release by its version, by a part of the present one to raise, or by what the project says (`current`).

    `until` names the step to stop after, `waived` maps gates that need not pass to the reasons.
    """

    version: str | None = None
    part: str | None = None
    current: bool = False
    until: str | None = None
    waived: Mapping[str, str] = field(default_factory=dict)


def wanted(request: Request, at: Workplace, base: str) -> str:
    """Return the version that is asked for.

    A part that was asked for before, and is not released yet, names the version it named then.
    Raises `UsageError` where nothing or too much was asked for, or a step is named that does not exist.
    """
    if request.until is not None and request.until not in STEPS:
        raise UsageError(
            f"there is no step {request.until!r}; the steps are {', '.join(STEPS)}", "hephaestus release --help"
        )
    asked = [request.version is not None, request.part is not None, request.current].count(True)
    if asked != 1:
        raise UsageError(
            "a release needs one of --version X.Y.Z, --part major|minor|patch, or --current for what the project says",
            "hephaestus release --version 1.2.3" if asked else "hephaestus plan",
        )
    if request.version is not None:
        return str(versions.parse(request.version))
    if request.part is None:
        return str(versions.parse(_present(at, base)))
    begun = [record.facts for record in journal.in_flight(_journals(at)) if record.facts.get("asked") == request.part]
    return str(begun[0]["version"]) if begun else versions.following(_present(at, base), request.part)


def nothing_to_release(at: Workplace, version: str, base: str, branch: str) -> str | None:
    """Return why the version the project says is not to be released by CI, or `None` where it is."""
    if why := _not_offered(at, version, base) or _not_offered_any_more(at, version, base, branch):
        return why
    if not _published(at, version, branch):
        return None
    again = f"in a clone at {at.tag(version)}: hephaestus release --version {version}"
    return f"{at.tag(version)} is published already; to look at it and tell of it once more, {again}"


def _not_offered(at: Workplace, version: str, base: str) -> str | None:
    """Return why the files of the commit do not offer the version to be released."""
    if Version(version).is_devrelease:
        return f"{version} is a development version"
    section = keepachangelog.find(notes.changelog(git.Commit(at.repository, base), at.project.changelog), version)
    if section is None:
        return f"{at.project.changelog} has no section for {version}"
    return f"{version} is marked [YANKED] in {at.project.changelog}" if section.yanked else None


def _not_offered_any_more(at: Workplace, version: str, base: str, branch: str) -> str | None:
    """Return where somebody has taken the version back, or proposes to."""
    if request := reversal.offered(at.forge.pull_requests, at.tag(version)):
        return f"taking {at.tag(version)} back is proposed in {request.url}"
    remote = checkout.remote(at.repository, at.project.remote, branch)
    if _is_taken_back(at, version, base, f"refs/heads/{branch}", remote):
        return f"{version} was taken back: {branch} on {remote} does not offer it any more"
    return None


def _is_taken_back(at: Workplace, version: str, base: str, name: str, remote: str) -> bool:
    """Tell whether the branch has gone on and given the version up, as a job that runs late has yet to see."""
    try:
        head = at.repository.remote_refs(remote, name).get(name)
    except CouldNotRun:
        return False  # the checks will say so, with all other problems
    if head is None or head == base:
        return False
    if at.repository.resolve(f"{head}^{{commit}}") is None:
        at.repository.fetch(remote, head)
    return reversal.is_given_up(at.repository, base, head, at.project.changelog, version)


def _published(at: Workplace, version: str, branch: str) -> bool:
    """Tell whether users have this version, and no release of it is half-way here."""
    tag, remote = at.tag(version), checkout.remote(at.repository, at.project.remote, branch)
    record = journal.find(_journals(at), tag)
    found = at.forge.find(tag)
    out = found is not None and not found.draft
    return out and (record is None or record.ended is not None) and bool(at.remote_tag(remote, tag))


def _present(at: Workplace, base: str) -> str:
    """Return the version the project says; where tags say it, the highest one."""
    said = versions.current(git.Commit(at.repository, base), at.project)
    if said is None:
        earlier = versions.order(at.repository.reachable_tags(base), at.template)
        said = str(earlier[0][0]) if earlier else "0.0.0"
    return said


def _journals(at: Workplace) -> Path:
    return journal.directory(at.repository.common_directory)
