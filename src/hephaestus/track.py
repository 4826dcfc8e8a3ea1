"""The step that tells of the release: on issues and pull requests, in the milestone, on the board, in its papers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, Protocol, TypeVar

from packaging.version import Version

from hephaestus import checklist, evidence, notes, papers, references, system
from hephaestus.errors import Conflict, CouldNotRun, HephaestusError, Refused
from hephaestus.forge import Listing
from hephaestus.forge.capabilities import Ticket, Tracker
from hephaestus.papers import Paper, Papers, Tracked
from hephaestus.plan import Step
from hephaestus.project import GitHubSettings

__all__ = ["Track", "Verdicts"]

log = logging.getLogger("hephaestus")

_Made = TypeVar("_Made")

# After so many failures one after the other the same thing is not tried on any more tickets.
_ENOUGH = 3


class Verdicts(Protocol):
    """Whoever knows what the gates said."""

    def verdicts(self, revision: str) -> Sequence[evidence.Said]:
        """Return what the gates said of a commit; empty where that is not known."""
        ...


@dataclass(frozen=True)
class Track(Step):
    """Tell of a release that is out wherever somebody waits for it, each thing once, and write its papers.

    `paper` names the release, its commit by a ref; `previous` is the version and tag since which it brings something,
    `passed` are the steps that have passed when this one runs.
    """

    name: ClassVar[str] = "track"

    paper: Paper
    remote: str
    previous: tuple[Version, str] | None
    gates: Verdicts
    waived: Mapping[str, str]
    passed: tuple[str, ...]

    def describe(self) -> str:
        """Say what is told, and where."""
        if self.paper.forge.tracker is None:
            return "announcement and checklist are written"
        return "issues and pull requests are told, the milestone is closed, announcement and checklist are written"

    def apply(self) -> None:
        """Write the papers and tell everybody; what fails leaves nothing undone that can be done.

        Raises one error in the end that names all that failed, and `Conflict` where there is no such release.
        """
        found = self.paper.forge.find(self.paper.tag)
        if found is None or found.draft:
            raise Conflict(f"{self.paper.forge.place} shows no release {self.paper.tag}", "hephaestus status")
        self._papers.write(self._papers.announcement, self.paper.announcement(found))
        attempts, tracker, tracked = _Attempts(), self.paper.forge.tracker, Tracked()
        if tracker is not None:
            tracked = self._tell(tracker, found, attempts)
            self._papers.note(tracked)
        self._tick(found, tracked)
        log.info("the announcement is in %s", self._papers.folder)
        attempts.settle(f"hephaestus release --version {self.paper.version}")

    def describe_undo(self) -> str:
        """Say what goes, and that words which were said stay said."""
        told = "" if self.paper.forge.tracker is None else "; comments, labels and the closed milestone stay"
        return f"announcement and checklist in this clone are removed{told}"

    def undo(self) -> None:
        """Remove the papers; what was told on issues and pull requests stays, as people have read it."""
        system.remove(self._papers.folder)

    @property
    def _papers(self) -> Papers:
        return Papers.of(self.paper.repository, self.paper.tag)

    @property
    def _settings(self) -> GitHubSettings:
        return self.paper.project.github

    @property
    def _final(self) -> bool:
        return not Version(self.paper.version).is_prerelease

    def _tick(self, found: Listing, tracked: Tracked) -> None:
        """Write the project's own checklist, where it has one."""
        template = self.paper.tree.read(self._settings.checklist)
        if template is None:
            return
        commit = self.paper.repository.line("rev-parse", self.paper.commit)
        known = papers.facts(
            self.paper,
            remote=self.remote,
            done=self.passed,
            said=self.gates.verdicts(commit),
            waived=self.waived,
            previous=self.previous,
            found=found,
            tracked=tracked,
            announced=True,
        )
        self._papers.write(self._papers.checklist, checklist.ticked(template.decode("utf-8", "replace"), known))

    def _tell(self, tracker: Tracker, found: Listing, attempts: _Attempts) -> Tracked:
        """Tell all that wait for the release, and return who was told."""
        title = self._settings.milestone.format(version=self.paper.version, tag=self.paper.tag)
        released = self._released(tracker, title, attempts)
        told = tuple(ticket.number for ticket in released if self._mark(tracker, ticket, found.url, attempts))
        board = self._settings.board if self._final else None
        moved = [ticket for ticket in released if board and self._move(tracker, ticket, board, attempts)]
        closed = attempts.make("milestone", title, lambda: self._milestone(tracker, title, released, attempts))
        category, discussion = self._settings.announce, None
        if category:
            discussion = attempts.make("discussion", category, lambda: tracker.discuss(self.paper.tag, category))
        return Tracked(
            told, closed or "", board if board and released and len(moved) == len(released) else "", discussion or ""
        )

    def _released(self, tracker: Tracker, title: str, attempts: _Attempts) -> list[Ticket]:
        """Return what is done of all that commits, changelog and milestone name, the lowest number first."""

        def named() -> list[Ticket]:
            numbers = references.in_commits(
                self.paper.repository, self.previous and self.previous[1], self.paper.commit, tracker.page
            )
            changelog = notes.changelog(self.paper.tree, self.paper.project.changelog)
            section = notes.of(self.paper.tree, self.paper.project.changelog, self.paper.version)
            numbers += references.in_changelog(changelog, section, tracker.page)
            return references.tickets(tracker, numbers)

        found = attempts.make("looking for", "what was released", named) or []
        found += attempts.make("looking into the milestone", title, lambda: list(tracker.tickets(title))) or []
        done = {ticket.number: ticket for ticket in found if ticket.done}
        return [done[number] for number in sorted(done)]

    def _mark(self, tracker: Tracker, ticket: Ticket, url: str, attempts: _Attempts) -> bool:
        """Comment on a ticket and label it, as far as that is wanted; tell whether it says that it is released."""
        where, label = f"#{ticket.number}", self._settings.released_label
        said = "This is part of" if ticket.pull_request else "This is solved in"
        words, key = f"{said} [{self.paper.tag}]({url}).", f"hephaestus {self.paper.tag}"
        marked = []
        log.info("telling %s that it is released: %s", where, ticket.title)
        if self._settings.comment:
            marked.append(attempts.done("comment on", where, lambda: tracker.comment(ticket.number, words, key)))
        if label and label not in ticket.labels:
            marked.append(attempts.done(f"label {label} on", where, lambda: tracker.label(ticket.number, label)))
        return all(marked) and (self._settings.comment or bool(label))

    def _move(self, tracker: Tracker, ticket: Ticket, board: str, attempts: _Attempts) -> bool:
        status = self._settings.board_status
        return attempts.done("board item of", f"#{ticket.number}", lambda: tracker.move(ticket.number, board, status))

    def _milestone(self, tracker: Tracker, title: str, released: Sequence[Ticket], attempts: _Attempts) -> str:
        """Complete the milestone and close it, and return its title; a pre-release leaves it open."""
        found = tracker.milestone(title)
        if found is None:
            return ""
        for number in (ticket.number for ticket in released if ticket.milestone is None):
            attempts.done(f"milestone {title} of", f"#{number}", partial(tracker.gather, number, title))
        if not self._final:
            log.info("the milestone %s stays open after a pre-release", title)
            return ""
        left = [f"#{ticket.number}" for ticket in tracker.tickets(title) if ticket.open] if found.open_tickets else []
        if left:
            log.info("still open, and left in the milestone %s: %s", title, ", ".join(left))
        if found.open:
            log.info("closing the milestone %s", title)
            tracker.close_milestone(title)
        return title


@dataclass
class _Attempts:
    """Things of which each is tried whatever became of the others, and the errors of those that failed."""

    failed: dict[tuple[str, str], tuple[HephaestusError, list[str]]] = field(default_factory=dict)
    in_a_row: dict[str, int] = field(default_factory=dict)

    def make(self, what: str, about: str, action: Callable[[], _Made]) -> _Made | None:
        """Return what an action makes, or `None` where it fails; once the same fails too often it is not tried."""
        if self.in_a_row.get(what, 0) >= _ENOUGH:
            latest = next(abouts for (kind, _), (_, abouts) in reversed(self.failed.items()) if kind == what)
            latest.append(f"{about} (not tried)")
            return None
        try:
            made = action()
        except HephaestusError as error:
            self.in_a_row[what] = self.in_a_row.get(what, 0) + 1
            self.failed.setdefault((what, error.message), (error, []))[1].append(about)
            log.info("%s %s failed: %s", what, about, error.message)
            return None
        self.in_a_row[what] = 0
        return made

    def done(self, what: str, about: str, action: Callable[[], object]) -> bool:
        """Tell whether an action was done."""
        return self.make(what, about, lambda: (action(),)) is not None

    def settle(self, again: str) -> None:
        """Raise one error for all that failed, each named with its hint; the same command goes on."""
        if not self.failed:
            return
        said = [f"  {what} {', '.join(abouts)}: {error.message}" for (what, _), (error, abouts) in self.failed.items()]
        errors = [error for error, _ in self.failed.values()]
        hints = dict.fromkeys([*filter(None, (error.hint for error in errors)), again])
        kind = CouldNotRun if all(isinstance(error, CouldNotRun) for error in errors) else Refused
        failure = kind("not all could be told of the release:\n" + "\n".join(said), "\n      ".join(hints))
        failure.details["failures"] = [
            {"what": what, "about": abouts, "error": error.message, "hint": error.hint}
            for (what, _), (error, abouts) in self.failed.items()
        ]
        raise failure
