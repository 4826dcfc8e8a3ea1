"""Telling of a release again: its announcement and its checklist, from journal, report, forge and commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hephaestus import checklist, checkout, gates, git, journal, marks, papers, references, report, versions
from hephaestus.errors import UsageError
from hephaestus.forge import Listing
from hephaestus.papers import Paper, Papers, Tracked
from hephaestus.release import STEPS, Release, Workplace, workplace

__all__ = ["announcement", "filled_checklist"]


def announcement(repository: git.Repository, version: str) -> str:
    """Return the announcement of a version that is out.

    Raises `UsageError` where it is not.
    """
    version = str(versions.parse(version))
    at, remote = _here(repository)
    tag = at.tag(version)
    found = at.forge.find(tag)
    commit = _tagged(at, remote, tag)
    if found is None or found.draft or commit is None:
        raise UsageError(
            f"{tag} is not released on {at.forge.place}, so there is nothing to announce", "hephaestus status"
        )
    return _paper(at, version, commit).announcement(found)


def filled_checklist(repository: git.Repository, version: str) -> str:
    """Return the project's own checklist, or a built-in one, with what is known of a version filled in.

    Of a release that is half-way only what is done is ticked, of one that was not begun or was taken back nothing.
    """
    version = str(versions.parse(version))
    at, remote = _here(repository)
    standing = _standing(at, version, remote)
    paper = _paper(at, version, standing.commit)
    earlier = versions.order(repository.reachable_tags(standing.commit), at.template)
    written = Papers.of(repository, paper.tag)
    known = papers.facts(
        paper,
        remote=remote,
        done=standing.done,
        said=standing.gates,
        waived=standing.waived,
        previous=references.before(earlier, version, paper.tag),
        found=standing.found if standing.done else None,
        tracked=written.tracked() if standing.done else Tracked(),
        announced=bool(standing.done) and written.announcement.is_file(),
    )
    template = paper.tree.read(paper.project.github.checklist)
    return checklist.ticked(checklist.BUILT_IN if template is None else template.decode("utf-8", "replace"), known)


@dataclass(frozen=True)
class _Standing:
    """How far a release is: its commit, the steps that are done, what the gates said, and what the forge shows."""

    commit: str
    done: tuple[str, ...]
    gates: tuple[gates.Verdict, ...]
    waived: dict[str, str]
    found: Listing | None


def _here(repository: git.Repository) -> tuple[Workplace, str]:
    base, branch = checkout.base(repository)
    at = workplace(repository, base)
    return at, checkout.remote(repository, at.project.remote, branch)


def _paper(at: Workplace, version: str, commit: str) -> Paper:
    there = workplace(at.repository, commit)
    return Paper(at.forge, there.repository, there.project, version, at.tag(version), commit)


def _tagged(at: Workplace, remote: str, tag: str) -> str | None:
    """Return the commit of a tag that is on the remote, fetched where this clone does not have it."""
    held = at.remote_tag(remote, tag)
    if held is None:
        return None
    if at.repository.resolve(f"{held}^{{object}}") is None:
        at.repository.fetch(remote, held)
    return at.repository.resolve(f"{held}^{{commit}}")


def _standing(at: Workplace, version: str, remote: str) -> _Standing:
    tag = at.tag(version)
    record = journal.find(journal.directory(at.repository.common_directory), tag)
    found, told = at.forge.find(tag), report.read(at, tag) or {}
    if record is None:
        return _seen(at, remote, tag, found)
    release = Release(**record.facts)
    stage = at.stage(release)
    done = tuple(name for name in STEPS if record.done(name) and not record.going_back)
    if "publish" in done and (found is None or found.draft):
        done = ()  # taken back elsewhere, whatever is written here
    asked = gates.Gates(stage.checkout.root, stage.area, {}, stage).verdicts(stage.revision)
    said = asked or _reported(told)
    commit = stage.commit() or _tagged(at, remote, tag) or release.base
    return _Standing(commit, done, tuple(said), record.waived, found)


def _reported(told: Mapping[str, Any]) -> list[gates.Verdict]:
    """Return what a report says of the gates; nothing where another version wrote it in words this one cannot read."""
    try:
        return [gates.Verdict.of(each) for each in told.get("gates", ())]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def _seen(at: Workplace, remote: str, tag: str, found: Listing | None) -> _Standing:
    """Return what can be seen of a release that this clone has no journal of."""
    head = checkout.base(at.repository)[0]
    promise = marks.from_body(found.body) if found is not None and not found.draft else None
    if promise is None or at.remote_tag(remote, tag) != promise.tag_object:
        return _Standing(head, (), (), {}, None)
    passed = STEPS[: STEPS.index("publish") + 1]
    return _Standing(_tagged(at, remote, tag) or head, passed, (), {}, found)
