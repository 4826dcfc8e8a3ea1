"""The tracker on GitHub: issues, milestones, labels, comments and discussions; boards and pins are told in `boards`.

Everything is looked for before it is made, and what is said carries a key in a comment that no reader sees.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import quote

from hephaestus.errors import Conflict, Refused
from hephaestus.forge.capabilities import Milestone, Ticket
from hephaestus.forge.github import boards
from hephaestus.forge.github.client import Client, Rejected
from hephaestus.forge.github.patience import once
from hephaestus.forge.github.shapes import field, perhaps

__all__ = ["GitHubTracker"]

# Answers for an issue that is not there: moved to another repository, never there, deleted.
_NOWHERE = {301, 404, 410}
_UNPROCESSABLE = 422
# Whose comments are believed to be ours; anybody can write the key into a comment of their own.
_TRUSTED = {"OWNER", "MEMBER", "COLLABORATOR"}
# Closed, but with nothing that could be released.
_NOT_DONE = {"not_planned", "duplicate"}
# Among so many of the newest issues the one that was pinned is looked for.
_NEWEST = 1000
_COLOUR = "0e8a16"


@dataclass(frozen=True)
class GitHubTracker:
    """The issues, milestones and discussions of the repository a client speaks to."""

    client: Client

    @property
    def page(self) -> str:
        """The address of the repository, below which its issues have theirs."""
        return self.client.address.page

    def ticket(self, number: int) -> Ticket | None:
        """Return an issue or a pull request, or `None` where there is none of that number."""
        try:
            found = self.client.get(f"issues/{number}")
        except Rejected as error:
            if error.status not in _NOWHERE:
                raise
            return None
        # An issue that was moved is answered with the one it has become elsewhere.
        return _ticket(found) if found is not None and _number(found) == number else None

    def milestone(self, title: str) -> Milestone | None:
        """Return the milestone of a title, open or closed, or `None`."""
        found = self._milestone(title)
        return _milestone(found) if found else None

    def plan_milestone(self, title: str, description: str) -> Milestone:
        """Return the milestone of a title, made where there is none."""
        wanted = {"title": title, "description": description}
        found = self._milestone(title)
        if found is None:
            try:
                found = once(lambda: self.client.send("POST", "milestones", wanted), lambda: self._milestone(title))
            except Rejected as error:
                found = self._milestone(title) if "already_exists" in error.codes else None
                if found is None:
                    raise
        return _milestone(found)

    def close_milestone(self, title: str) -> Milestone | None:
        """Close a milestone and return it; one that is closed, or not there, is no error."""
        found = self._milestone(title)
        if found is None:
            return None
        if field(found, "state", str) != "closed":
            found = self.client.send("PATCH", f"milestones/{_number(found)}", {"state": "closed"}, repeatable=True)
        return _milestone(found)

    def tickets(self, milestone: str) -> Sequence[Ticket]:
        """Return the tickets of a milestone, the lowest number first; none where there is no such milestone."""
        found = self._milestone(milestone)
        if found is None:
            return ()
        listed = self.client.pages("issues", milestone=str(_number(found)), state="all")
        return sorted(map(_ticket, listed), key=lambda ticket: ticket.number)

    def gather(self, number: int, milestone: str) -> None:
        """Put a ticket into a milestone.

        Raises `Conflict` where there is no such milestone.
        """
        found = self._milestone(milestone)
        if found is None:
            raise Conflict(f"there is no milestone {milestone}", f"python -m webbrowser {self.page}/milestones")
        self.client.send("PATCH", f"issues/{number}", {"milestone": _number(found)}, repeatable=True)

    def comment(self, number: int, text: str, key: str) -> None:
        """Comment on a ticket, unless a comment with this key is there."""
        if self._said(number, key) is None:
            told = {"body": _marked(text, key)}
            once(lambda: self.client.send("POST", f"issues/{number}/comments", told), lambda: self._said(number, key))

    def label(self, number: int, label: str) -> None:
        """Put a label on a ticket; it is made where the repository has none of that name."""
        if self.client.get(f"labels/{quote(label, safe='')}") is None:
            self._make_label(label)
        self.client.send("POST", f"issues/{number}/labels", {"labels": [label]}, repeatable=True)

    def move(self, number: int, board: str, status: str) -> None:
        """Give the item of a ticket on a project board (`OWNER/NUMBER`) a status; a ticket not on it is left alone."""
        boards.move(self.client, number, board, status)

    def discuss(self, tag: str, category: str) -> str:
        """Open a discussion of a published release in a category, unless there is one, and return its address.

        Raises `Conflict` where the release is not published, and `Refused` where GitHub opens no such discussion.
        """
        found = self._published(tag)
        if found is None:
            raise Conflict(f"{self.page} shows no release {tag} to discuss", "hephaestus status")
        if not _discussion(found):
            path, wanted = f"releases/{field(found, 'id', int)}", {"discussion_category_name": category}
            try:
                found = once(lambda: self.client.send("PATCH", path, wanted), lambda: self._discussed(tag))
            except Rejected as error:
                raise self._no_discussion(tag, category, error.said) from error
        url = _discussion(found)
        if not url:
            raise self._no_discussion(tag, category, "it says nothing of a discussion")
        return url

    def pin(self, title: str, body: str, key: str) -> str:
        """Open an issue and pin it, unless one with this key is there, and return its address.

        Raises `Refused` where it is open, and GitHub does not pin it.
        """
        told = {"title": title, "body": _marked(body, key)}
        found = self._pinned(key) or once(lambda: self.client.send("POST", "issues", told), lambda: self._pinned(key))
        url = field(found, "html_url", str)
        if field(found, "state", str) == "open":
            boards.pin(self.client, field(found, "node_id", str), url)
        return url

    def _milestone(self, title: str) -> dict[str, Any] | None:
        listed = self.client.pages("milestones", state="all")
        return next((each for each in listed if field(each, "title", str) == title), None)

    def _published(self, tag: str) -> Any:  # noqa: ANN401  (JSON can be anything)
        return self.client.get(f"releases/tags/{quote(tag, safe='')}")

    def _discussed(self, tag: str) -> dict[str, Any] | None:
        found = self._published(tag)
        return found if found is not None and _discussion(found) else None

    def _said(self, number: int, key: str) -> dict[str, Any] | None:
        listed = self.client.pages(f"issues/{number}/comments")
        return next((each for each in listed if _ours(each, key)), None)

    def _pinned(self, key: str) -> dict[str, Any] | None:
        newest: Iterator[dict[str, Any]] = self.client.pages("issues", state="all", sort="created", direction="desc")
        issues = (each for each in islice(newest, _NEWEST) if perhaps(each, "pull_request", dict) is None)
        return next((each for each in issues if _ours(each, key)), None)

    def _make_label(self, label: str) -> None:
        def look() -> object:
            return self.client.get(f"labels/{quote(label, safe='')}")

        try:
            once(lambda: self.client.send("POST", "labels", {"name": label, "color": _COLOUR}), look)
        except Rejected as error:
            if "already_exists" not in error.codes:
                raise

    def _no_discussion(self, tag: str, category: str, said: str) -> Refused:
        return Refused(
            f"GitHub opens no discussion of {tag} in the category {category}: {said}",
            f"python -m webbrowser {self.page}/discussions/categories",
        )


def _ticket(document: dict[str, Any]) -> Ticket:
    request, milestone = perhaps(document, "pull_request", dict), perhaps(document, "milestone", dict)
    state = field(document, "state", str)
    closed = state == "closed" and perhaps(document, "state_reason", str) not in _NOT_DONE
    return Ticket(
        number=_number(document),
        title=field(document, "title", str),
        url=field(document, "html_url", str),
        pull_request=request is not None,
        done=closed if request is None else bool(perhaps(request, "merged_at", str)),
        milestone=None if milestone is None else field(milestone, "title", str),
        labels=frozenset(map(_name, field(document, "labels", list))),
        body=field(document, "body", str, ""),
        open=state == "open",
    )


def _name(label: dict[str, Any] | str) -> str:
    return label if isinstance(label, str) else field(label, "name", str)


def _number(document: dict[str, Any]) -> int:
    return field(document, "number", int)


def _discussion(release: dict[str, Any]) -> str:
    """Return the address of the discussion of a release, empty where there is none."""
    return field(release, "discussion_url", str, "")


def _milestone(document: dict[str, Any]) -> Milestone:
    return Milestone(
        number=_number(document),
        title=field(document, "title", str),
        url=field(document, "html_url", str),
        open=field(document, "state", str) == "open",
        open_tickets=field(document, "open_issues", int),
        closed_tickets=field(document, "closed_issues", int),
    )


def _marker(key: str) -> str:
    return f"<!-- {key.replace('>', '&gt;')} -->"


def _marked(text: str, key: str) -> str:
    return f"{text.rstrip()}\n\n{_marker(key)}\n"


def _ours(document: dict[str, Any], key: str) -> bool:
    """Tell whether a comment or an issue carries the key on a line of its own, by somebody who may speak for us.

    A quote of it begins with `>`, and a stranger who writes the key must not silence us.
    """
    by_program = perhaps(field(document, "user", dict, {}), "type", str) == "Bot"
    trusted = by_program or perhaps(document, "author_association", str) in _TRUSTED
    return trusted and _marker(key) in (line.rstrip() for line in field(document, "body", str, "").splitlines())
