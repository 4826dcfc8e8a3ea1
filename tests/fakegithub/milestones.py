"""Milestones, and how many tickets of each are open and closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fakegithub import tickets
from fakegithub.documents import Document, node, user
from fakegithub.wire import Answer, Denied, Request, invalid, paged, route

if TYPE_CHECKING:
    from fakegithub.hub import Hub


@route("GET", "/~/milestones")
def _listed(hub: Hub, request: Request) -> Answer:
    state = request.query.get("state", "open")
    found = [counted(hub, each) for each in hub.milestones if state in {"all", each["state"]}]
    return paged(request, hub.seen("milestone", found), f"{hub.here}/milestones")


@route("POST", "/~/milestones")
def _create(hub: Hub, request: Request) -> Answer:
    wanted = request.fields
    if not wanted.get("title"):
        raise invalid("Milestone", "title", "missing_field")
    if any(each["title"] == wanted["title"] for each in hub.milestones):
        raise invalid("Milestone", "title", "already_exists")
    made = make(hub, wanted["title"], wanted.get("description"))
    _set(hub, made, wanted.get("state", "open"))
    made["due_on"] = wanted.get("due_on")
    hub.lagging("milestone", made["id"])
    return Answer(201, counted(hub, made))


@route("GET", "/~/milestones/{milestone_number}")
def _one(hub: Hub, request: Request) -> Answer:
    return Answer(200, counted(hub, _get(hub, request)))


@route("PATCH", "/~/milestones/{milestone_number}")
def _edit(hub: Hub, request: Request) -> Answer:
    found, wanted = _get(hub, request), request.fields
    if any(each["title"] == wanted.get("title") and each is not found for each in hub.milestones):
        raise invalid("Milestone", "title", "already_exists")
    found.update({name: wanted[name] for name in ("title", "description", "due_on") if name in wanted})
    _set(hub, found, wanted.get("state", found["state"]))
    found["updated_at"] = hub.now()
    return Answer(200, counted(hub, found))


@route("DELETE", "/~/milestones/{milestone_number}")
def _delete(hub: Hub, request: Request) -> Answer:
    hub.milestones.remove(_get(hub, request))
    return Answer(204)


def make(hub: Hub, title: str, description: str | None = None) -> Document:
    """Make a milestone."""
    number = hub.next("milestone")
    address = f"{hub.here}/milestones/{number}"
    made = {
        "url": address,
        "html_url": f"{hub.page}/milestone/{number}",
        "labels_url": f"{address}/labels",
        "id": hub.next(),
        "node_id": node("MI", number),
        "number": number,
        "title": title,
        "description": description,
        "creator": user(hub, hub.login),
        "open_issues": 0,
        "closed_issues": 0,
        "state": "open",
        "created_at": hub.now(),
        "updated_at": hub.now(),
        "due_on": None,
        "closed_at": None,
    }
    hub.milestones.append(made)
    return made


def counted(hub: Hub, milestone: Document) -> Document:
    """Return a milestone that knows how many of its tickets are open and closed."""
    inside = [each for each in tickets.every(hub) if (each["milestone"] or {}).get("number") == milestone["number"]]
    milestone["open_issues"] = sum(each["state"] == "open" for each in inside)
    milestone["closed_issues"] = len(inside) - milestone["open_issues"]
    return milestone


def _set(hub: Hub, milestone: Document, state: str) -> None:
    if milestone["state"] != state:
        milestone["closed_at"] = hub.now() if state == "closed" else None
    milestone["state"] = state


def _get(hub: Hub, request: Request) -> Document:
    number = request.number("milestone_number")
    for each in hub.milestones:
        if each["number"] == number:
            return each
    raise Denied(404)
