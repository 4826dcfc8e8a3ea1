"""Project boards of the owner: a field `Status`, and the tickets on them; only GraphQL shows and changes these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fakegithub.documents import Document, node

if TYPE_CHECKING:
    from fakegithub.hub import Hub


def make(hub: Hub, number: int, title: str, options: Sequence[str]) -> Document:
    """Add a board with these options of its status."""
    made = {
        "id": node("PVT", number),
        "number": number,
        "title": title,
        "url": f"{hub.url}/orgs/{hub.owner}/projects/{number}",
        "field": node("PVTSSF", number),
        "options": [{"id": f"{number}{place:07x}", "name": name} for place, name in enumerate(options)],
        "items": [],
    }
    hub.boards.append(made)
    return made


def place(hub: Hub, board: int, ticket: int, status: str | None) -> None:
    """Put a ticket on a board, in a column or in none."""
    found = next(each for each in hub.boards if each["number"] == board)
    option = next((each["id"] for each in found["options"] if each["name"] == status), None)
    found["items"].append({"id": node("PVTI", hub.next()), "ticket": ticket, "option": option})


def shown(hub: Hub, number: int) -> Document:
    """Return a board, if the token may see boards."""
    from fakegithub.objects import refused

    _allowed(hub)
    for each in hub.boards:
        if each["number"] == number:
            return document(hub, each)
    raise refused("NOT_FOUND", f"Could not resolve to a ProjectV2 with the number {number}.")


def document(hub: Hub, board: Document) -> Document:
    """Return a board as GraphQL has it."""
    return {
        "__typename": "ProjectV2",
        **{name: board[name] for name in ("id", "number", "title", "url")},
        "closed": False,
        "field": lambda _, name: _field(board) if name.lower() == "status" else None,
    }


def items(hub: Hub, ticket: int) -> list[Document]:
    """Return where a ticket stands on each board it is on."""
    return [_item(hub, board, each) for board in hub.boards for each in board["items"] if each["ticket"] == ticket]


def add(hub: Hub, wanted: Mapping[str, Any]) -> Document:
    """Put a ticket on a board, where it may be already."""
    from fakegithub import tickets

    _allowed(hub)
    board = _board(hub, wanted["projectId"])
    number = next(each["number"] for each in tickets.every(hub) if each["node_id"] == wanted["contentId"])
    if all(each["ticket"] != number for each in board["items"]):
        place(hub, board["number"], number, None)
    return {"item": _item(hub, board, next(each for each in board["items"] if each["ticket"] == number))}


def move(hub: Hub, wanted: Mapping[str, Any]) -> Document:
    """Give an item of a board another status."""
    from fakegithub.objects import refused

    _allowed(hub)
    board = _board(hub, wanted["projectId"])
    option = wanted["value"].get("singleSelectOptionId")
    item = next((each for each in board["items"] if each["id"] == wanted["itemId"]), None)
    if item is None or wanted["fieldId"] != board["field"]:
        raise refused("NOT_FOUND", f"Could not resolve to a node with the global id of '{wanted['itemId']}'")
    if all(each["id"] != option for each in board["options"]):
        raise refused("VALIDATION", "The single select option Id does not belong to the field")
    item["option"] = option
    return {"projectV2Item": _item(hub, board, item)}


def _allowed(hub: Hub) -> None:
    from fakegithub.objects import refused

    if hub.scopes is not None and "project" not in hub.scopes.replace(",", " ").split():
        said = "Your token has not been granted the required scopes to execute this query."
        raise refused(
            "INSUFFICIENT_SCOPES",
            f"{said} The 'projectV2' field requires one of the following scopes: ['read:project'].",
        )


def _board(hub: Hub, identity: str) -> Document:
    from fakegithub.objects import refused

    for each in hub.boards:
        if each["id"] == identity:
            return each
    raise refused("NOT_FOUND", f"Could not resolve to a node with the global id of '{identity}'")


def _field(board: Document) -> Document:
    kind = "ProjectV2SingleSelectField"
    options = [{**each, "color": "GRAY", "description": ""} for each in board["options"]]
    return {"__typename": kind, "id": board["field"], "name": "Status", "options": options}


def _item(hub: Hub, board: Document, item: Document) -> Document:
    from fakegithub.objects import ticket

    name = next((each["name"] for each in board["options"] if each["id"] == item["option"]), None)
    value = {
        "__typename": "ProjectV2ItemFieldSingleSelectValue",
        "id": f"{item['id']}_status",
        "name": name,
        "optionId": item["option"],
        "field": _field(board),
    }
    is_pull = any(each["number"] == item["ticket"] for each in hub.pulls)
    return {
        "id": item["id"],
        "type": "PULL_REQUEST" if is_pull else "ISSUE",
        "project": document(hub, board),
        "content": lambda _: ticket(hub, item["ticket"]),
        "fieldValueByName": lambda _, name: value if name.lower() == "status" and item["option"] else None,
    }
