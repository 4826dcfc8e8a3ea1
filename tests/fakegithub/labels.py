"""Labels of the repository, and those on a ticket."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from fakegithub import tickets
from fakegithub.documents import Document, node
from fakegithub.wire import Answer, Denied, Request, invalid, paged, route

if TYPE_CHECKING:
    from fakegithub.hub import Hub


@route("GET", "/~/labels")
def _listed(hub: Hub, request: Request) -> Answer:
    return paged(request, hub.labels, f"{hub.here}/labels")


@route("POST", "/~/labels")
def _create(hub: Hub, request: Request) -> Answer:
    wanted = request.fields
    if not wanted.get("name"):
        raise invalid("Label", "name", "missing_field")
    if known(hub, wanted["name"]):
        raise invalid("Label", "name", "already_exists")
    made = make(hub, wanted["name"], wanted.get("color", "ededed"), wanted.get("description"))
    return Answer(201, made)


@route("GET", "/~/labels/{name}")
def _one(hub: Hub, request: Request) -> Answer:
    return Answer(200, _get(hub, request))


@route("PATCH", "/~/labels/{name}")
def _edit(hub: Hub, request: Request) -> Answer:
    found, wanted = _get(hub, request), request.fields
    found.update({name: wanted[name] for name in ("color", "description") if name in wanted})
    found["name"] = wanted.get("new_name", found["name"])
    return Answer(200, found)


@route("DELETE", "/~/labels/{name}")
def _delete(hub: Hub, request: Request) -> Answer:
    hub.labels.remove(_get(hub, request))
    return Answer(204)


@route("GET", "/~/issues/{issue_number}/labels")
def _of_ticket(hub: Hub, request: Request) -> Answer:
    found = tickets.get(hub, request)
    return paged(request, found["labels"], f"{hub.here}/issues/{found['number']}/labels")


@route("POST", "/~/issues/{issue_number}/labels")
def _add(hub: Hub, request: Request) -> Answer:
    ticket = tickets.get(hub, request)
    tickets.put_labels(hub, ticket, request.fields.get("labels", []))
    return Answer(200, ticket["labels"])


@route("PUT", "/~/issues/{issue_number}/labels")
def _replace(hub: Hub, request: Request) -> Answer:
    ticket = tickets.get(hub, request)
    ticket["labels"] = []
    tickets.put_labels(hub, ticket, request.fields.get("labels", []))
    return Answer(200, ticket["labels"])


@route("DELETE", "/~/issues/{issue_number}/labels/{name}")
def _take(hub: Hub, request: Request) -> Answer:
    ticket, found = tickets.get(hub, request), known(hub, request.parameters["name"])
    if found is None or found not in ticket["labels"]:
        raise Denied(404, "Label does not exist")
    ticket["labels"].remove(found)
    return Answer(200, ticket["labels"])


def known(hub: Hub, name: str) -> Document | None:
    """Return the label of a name, in capitals or not."""
    return next((each for each in hub.labels if each["name"].lower() == name.lower()), None)


def make(hub: Hub, name: str, color: str = "ededed", description: str | None = None) -> Document:
    """Make a label."""
    number = hub.next()
    made = {
        "id": number,
        "node_id": node("LA", number),
        "url": f"{hub.here}/labels/{quote(name)}",
        "name": name,
        "color": color,
        "default": False,
        "description": description,
    }
    hub.labels.append(made)
    return made


def _get(hub: Hub, request: Request) -> Document:
    found = known(hub, request.parameters["name"])
    if found is None:
        raise Denied(404)
    return found
