"""What only some forges can do, each as a protocol: pull requests, a tracker of issues, security advisories.

Whatever is told to people carries a `key`, a word that no reader sees, by which the same words are found
again: so no call says anything twice, whoever made it first and however it ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Advisories", "Advisory", "Milestone", "PullRequest", "PullRequests", "Ticket", "Tracker"]


@dataclass(frozen=True)
class PullRequest:
    """A pull request: `state` is open, closed or merged, `head` the commit it offers, `base` the branch it is for.

    `merge` is the commit that the merge left on the base, where it was merged; `reviewers` are those who were asked
    or have reviewed, and `author` whoever opened it.
    """

    number: int
    title: str
    body: str
    state: str
    head: str
    base: str
    url: str
    author: str = ""
    merge: str | None = None
    labels: frozenset[str] = frozenset()
    assignees: frozenset[str] = frozenset()
    reviewers: frozenset[str] = frozenset()


class PullRequests(Protocol):
    """The pull requests of one repository."""

    @property
    def default_branch(self) -> str:
        """The branch that pull requests are for where nobody names one."""
        ...

    def find(self, branch: str) -> PullRequest | None:
        """Return the pull request of a branch of this repository: the open one, else the newest that was merged."""
        ...

    def propose(self, branch: str, base: str, *, title: str, body: str) -> PullRequest:
        """Open the pull request of a branch, or give the open one this title, body and base; never a second one."""
        ...

    def mark(self, number: int, *, labels: Sequence[str], assignees: Sequence[str]) -> None:
        """Add labels, made where the repository has none of that name, and assignees; those that are there stay."""
        ...

    def ask_for_review(self, number: int, reviewers: Sequence[str]) -> None:
        """Ask people, or teams as `organisation/team`, for a review, also those who have given one already.

        The author, who cannot review his own work, is left out. Raises `Refused` where somebody cannot be asked.
        """
        ...


@dataclass(frozen=True)
class Ticket:
    """An issue or a pull request: `done` where it is closed as completed, or merged if it is a pull request.

    What was closed for any other reason is neither `open` nor `done`.
    """

    number: int
    title: str
    url: str
    pull_request: bool
    done: bool
    milestone: str | None = None
    labels: frozenset[str] = frozenset()
    body: str = ""
    open: bool = False


@dataclass(frozen=True)
class Milestone:
    """A milestone, and how many of its tickets are open and closed."""

    number: int
    title: str
    url: str
    open: bool
    open_tickets: int = 0
    closed_tickets: int = 0


class Tracker(Protocol):
    """The issues, milestones and discussions of one repository."""

    @property
    def page(self) -> str:
        """The address of the repository, below which its issues have theirs."""
        ...

    def ticket(self, number: int) -> Ticket | None:
        """Return an issue or a pull request, or `None` where there is none of that number."""
        ...

    def milestone(self, title: str) -> Milestone | None:
        """Return the milestone of a title, open or closed, or `None`."""
        ...

    def plan_milestone(self, title: str, description: str) -> Milestone:
        """Return the milestone of a title, made where there is none."""
        ...

    def close_milestone(self, title: str) -> Milestone | None:
        """Close a milestone; one that is closed, or not there, is no error."""
        ...

    def tickets(self, milestone: str) -> Sequence[Ticket]:
        """Return the tickets of a milestone, the lowest number first."""
        ...

    def gather(self, number: int, milestone: str) -> None:
        """Put a ticket into a milestone."""
        ...

    def comment(self, number: int, text: str, key: str) -> None:
        """Comment on a ticket, unless a comment with this key is there."""
        ...

    def label(self, number: int, label: str) -> None:
        """Put a label on a ticket; it is made where the repository has none of that name."""
        ...

    def move(self, number: int, board: str, status: str) -> None:
        """Give the item of a ticket on a project board (`OWNER/NUMBER`) a status; a ticket not on it is left alone."""
        ...

    def discuss(self, tag: str, category: str) -> str:
        """Open a discussion of a published release in a category, unless there is one, and return its address."""
        ...

    def pin(self, title: str, body: str, key: str) -> str:
        """Open an issue and pin it, unless one with this key is there, and return its address."""
        ...


@dataclass(frozen=True)
class Advisory:
    """A security advisory: which versions of a package (a PEP 440 specifier) are affected, and which are patched.

    `severity` is critical, high, medium or low; `patched` may be empty while there is no such version.
    """

    package: str
    affected: str
    patched: str
    severity: str
    summary: str
    description: str


class Advisories(Protocol):
    """The security advisories of one repository."""

    def draft(self, advisory: Advisory, key: str) -> str:
        """Make the draft of an advisory, or make the one with this key say this, and return its address.

        Raises `CouldNotRun` where advisories are not to be had here, so that a file must do.
        """
        ...
