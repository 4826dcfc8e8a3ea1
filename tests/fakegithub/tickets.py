"""What issues and pull requests have in common: numbers, labels, assignees, milestone, and being open or closed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fakegithub import labels, milestones
from fakegithub.documents import Document, node, user
from fakegithub.wire import Denied, Request, invalid

if TYPE_CHECKING:
    from fakegithub.hub import Hub


def every(hub: Hub) -> Iterator[Document]:
    """Return all issues and pull requests, the newest first."""
    yield from sorted([*hub.issues, *hub.pulls], key=lambda each: each["number"], reverse=True)


def find(hub: Hub, number: int) -> Document:
    """Return an issue or a pull request."""
    for each in every(hub):
        if each["number"] == number:
            return refreshed(hub, each)
    raise Denied(404)


def get(hub: Hub, request: Request) -> Document:
    """Return the issue or pull request a path names."""
    return find(hub, request.number("issue_number"))


def begun(hub: Hub, title: str, body: str | None, author: str) -> Document:
    """Return what a new issue or pull request has, with a number of its own."""
    number = hub.next("ticket")
    address = f"{hub.here}/issues/{number}"
    return {
        "id": hub.next(),
        "node_id": node("I", number),
        "number": number,
        "title": title,
        "body": body,
        "user": user(hub, author),
        "state": "open",
        "locked": False,
        "active_lock_reason": None,
        "labels": [],
        "assignee": None,
        "assignees": [],
        "milestone": None,
        "comments_url": f"{address}/comments",
        "created_at": hub.now(),
        "updated_at": hub.now(),
        "closed_at": None,
        "author_association": "MEMBER",
    }


def refreshed(hub: Hub, ticket: Document) -> Document:
    """Return a ticket whose labels and milestone are as they are now."""
    known = {each["id"]: each for each in hub.labels}
    ticket["labels"] = [known[each["id"]] for each in ticket["labels"] if each["id"] in known]
    if ticket["milestone"] is not None:
        number = ticket["milestone"]["number"]
        found = next((each for each in hub.milestones if each["number"] == number), None)
        ticket["milestone"] = milestones.counted(hub, found) if found else None
    return ticket


def change(hub: Hub, ticket: Document, wanted: Mapping[str, Any], *, trusted: bool) -> None:
    """Give a ticket what is wanted; what only those who are `trusted` may say is dropped without a word."""
    for name in ("title", "body"):
        if wanted.get(name) is not None:
            ticket[name] = wanted[name]
    if wanted.get("state") is not None:
        close(hub, ticket, closed=wanted["state"] == "closed", reason=wanted.get("state_reason"))
    if trusted and "milestone" in wanted:
        ticket["milestone"] = _milestone(hub, wanted["milestone"])
    if trusted and wanted.get("labels") is not None:
        ticket["labels"] = []
        put_labels(hub, ticket, wanted["labels"])
    if trusted and wanted.get("assignees") is not None:
        assign(hub, ticket, wanted["assignees"])
    ticket["updated_at"] = hub.now()


def close(hub: Hub, ticket: Document, *, closed: bool, reason: str | None = None) -> None:
    """Close a ticket, or open it again."""
    if (ticket["state"] == "closed") == closed:
        return
    ticket["state"], ticket["closed_at"] = ("closed", hub.now()) if closed else ("open", None)
    if "state_reason" in ticket:
        ticket["state_reason"] = (reason or "completed") if closed else "reopened"
        ticket["closed_by"] = user(hub, hub.login) if closed else None


def put_labels(hub: Hub, ticket: Document, names: Sequence[str | Mapping[str, Any]]) -> None:
    """Add labels; one the repository does not have is made, as GitHub does."""
    for name in names:
        found = labels.known(hub, name if isinstance(name, str) else name["name"]) or labels.make(hub, str(name))
        if all(each["id"] != found["id"] for each in ticket["labels"]):
            ticket["labels"].append(found)


def assign(hub: Hub, ticket: Document, logins: Sequence[str]) -> None:
    """Make these, and nobody else, the assignees; whoever may not be one is left out without a word."""
    ticket["assignees"] = [user(hub, login) for login in dict.fromkeys(logins) if login in hub.collaborators]
    ticket["assignee"] = next(iter(ticket["assignees"]), None)


def _milestone(hub: Hub, number: object) -> Document | None:
    if number is None:
        return None
    for each in hub.milestones:
        if str(each["number"]) == str(number):
            return each
    raise invalid("Issue", "milestone")
