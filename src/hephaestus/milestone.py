"""Planning a release on the forge: its milestone, with all in it that is done since the last release."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from hephaestus import checkout, git, keepachangelog, notes, references, versions
from hephaestus.errors import UsageError
from hephaestus.forge.capabilities import Ticket, Tracker
from hephaestus.release import Workplace, workplace
from hephaestus.request import Request, wanted

__all__ = ["Gathered", "gather"]

log = logging.getLogger("hephaestus")


@dataclass(frozen=True)
class Gathered:
    """What a milestone holds once a release is planned.

    `url` is empty where it would have to be made; `added` are the tickets that were put into it, or would be, and
    `elsewhere` those that are done and stay in another milestone.
    """

    title: str
    url: str
    tickets: tuple[Ticket, ...]
    added: tuple[Ticket, ...]
    elsewhere: tuple[Ticket, ...]


def gather(request: Request, repository: git.Repository, *, dry: bool = False) -> Gathered:
    """Make the milestone of a release and put all into it that is done and named since the last one.

    What is in another milestone is left there. With `dry` nothing is changed.
    Raises `UsageError` where the forge has no milestones.
    """
    base, _ = checkout.base(repository)
    at = workplace(repository, base)
    version = wanted(request, at, base)
    tracker = at.forge.tracker
    if tracker is None:
        raise UsageError(f"{at.forge.place} has no milestones", f"hephaestus plan --version {version}")
    title = at.project.github.milestone.format(version=version, tag=at.tag(version))
    done = sorted((each for each in _named(at, tracker, version, base) if each.done), key=lambda each: each.number)
    added = tuple(ticket for ticket in done if ticket.milestone is None)
    elsewhere = tuple(ticket for ticket in done if ticket.milestone not in (None, title))
    for ticket in elsewhere:
        log.info("left in the milestone %s: #%d %s", ticket.milestone, ticket.number, ticket.title)
    found = tracker.milestone(title)
    if not dry:
        found = found or tracker.plan_milestone(title, f"What {at.project.name} {version} brings.")
        for ticket in added:
            log.info("into the milestone %s: #%d %s", title, ticket.number, ticket.title)
            tracker.gather(ticket.number, title)
    inside = {ticket.number: ticket for ticket in (*(tracker.tickets(title) if found else ()), *added)}
    return Gathered(
        title, found.url if found else "", tuple(inside[number] for number in sorted(inside)), added, elsewhere
    )


def _named(at: Workplace, tracker: Tracker, version: str, base: str) -> list[Ticket]:
    """Return the tickets that commits since the last release, and the changelog of the next one, name."""
    earlier = versions.order(at.repository.reachable_tags(base), at.template)
    since = references.before(earlier, version, at.tag(version))
    numbers = references.in_commits(at.repository, since and since[1], base, tracker.page)
    changelog = notes.changelog(git.Commit(at.repository, base), at.project.changelog)
    for section in (keepachangelog.unreleased(changelog), keepachangelog.find(changelog, version)):
        if section is not None:
            numbers += references.in_changelog(changelog, section.body, tracker.page)
    return references.tickets(tracker, numbers)
