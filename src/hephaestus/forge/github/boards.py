"""What GitHub offers by GraphQL alone: the status of an item on a project board, and the pinning of an issue."""

from __future__ import annotations

from hephaestus.errors import Refused
from hephaestus.forge.github.client import Client, Rejected
from hephaestus.forge.github.shapes import field, perhaps

__all__ = ["move", "pin"]

_BOARD = """
query Board($owner: String!, $number: Int!) {
  repositoryOwner(login: $owner) {
    ... on ProjectV2Owner {
      projectV2(number: $number) {
        id
        field(name: "Status") { ... on ProjectV2SingleSelectField { id options { id name } } }
      }
    }
  }
}
"""
_ITEMS = """
query Items($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) {
    issueOrPullRequest(number: $number) {
      ... on Issue { projectItems(first: 100) { nodes { ...Standing } } }
      ... on PullRequest { projectItems(first: 100) { nodes { ...Standing } } }
    }
  }
}
fragment Standing on ProjectV2Item {
  id
  project { id }
  fieldValueByName(name: "Status") { ... on ProjectV2ItemFieldSingleSelectValue { optionId } }
}
"""
_MOVE = """
mutation Move($project: ID!, $item: ID!, $field: ID!, $option: String!) {
  updateProjectV2ItemFieldValue(
    input: {projectId: $project, itemId: $item, fieldId: $field, value: {singleSelectOptionId: $option}}
  ) { projectV2Item { id } }
}
"""
_IS_PINNED = "query Pinned($issue: ID!) { node(id: $issue) { ... on Issue { isPinned } } }"
_PIN = "mutation Pin($issue: ID!) { pinIssue(input: {issueId: $issue}) { issue { id } } }"


def move(client: Client, number: int, board: str, status: str) -> None:
    """Give the item of a ticket on a board a status; a ticket that is not on it, or has the status, is left alone.

    Raises `Refused` where there is no such board, or it has no such status.
    """
    found, place, option = _board(client, board, status)
    ours = {"owner": client.address.owner, "name": client.address.name, "number": number}
    told = client.graphql(_ITEMS, ours, repeatable=True)
    ticket = field(field(told, "repository", dict, {}), "issueOrPullRequest", dict, {})
    for item in field(field(ticket, "projectItems", dict, {}), "nodes", list, []):
        here = field(field(item, "project", dict), "id", str) == found
        if here and perhaps(field(item, "fieldValueByName", dict, {}), "optionId", str) != option:
            there = {"project": found, "item": field(item, "id", str), "field": place, "option": option}
            client.graphql(_MOVE, there, repeatable=True)


def pin(client: Client, node: str, url: str) -> None:
    """Pin an issue, given its node and its address; one that is pinned is left alone.

    Raises `Refused` where GitHub pins no more issues; the issue stays open.
    """
    if _is_pinned(client, node):
        return
    try:
        client.graphql(_PIN, {"issue": node}, repeatable=True)
    except Rejected as error:
        if _is_pinned(client, node):
            return  # by a request whose answer was lost
        raise Refused(
            f"{url} is open, but GitHub does not pin it, as it does with three issues at most: {error.said}",
            f"python -m webbrowser {client.address.page}/issues",
        ) from error


def _board(client: Client, board: str, status: str) -> tuple[str, str, str]:
    """Return the ids of a board, of its field `Status`, and of one of the options of that."""
    owner, _, number = board.rpartition("/")
    try:
        told = client.graphql(_BOARD, {"owner": owner, "number": int(number)}, repeatable=True)
    except Rejected as error:
        raise _no_board(client, board, error.said) from error
    found = field(field(told, "repositoryOwner", dict, {}), "projectV2", dict, {})
    if not found:
        raise _no_board(client, board, "the token needs the scope `project`, if it is there")
    place = field(found, "field", dict, {})
    named = {field(each, "name", str): field(each, "id", str) for each in field(place, "options", list, [])}
    options = {name.casefold(): option for name, option in named.items()}
    if status.casefold() not in options:
        known = ", ".join(named) or "none"
        raise Refused(
            f"the board {board} has no status {status}; there are {known}",
            f"python -m webbrowser {client.address.server}/orgs/{owner}/projects/{number}/settings",
        )
    return field(found, "id", str), field(place, "id", str), options[status.casefold()]


def _no_board(client: Client, board: str, said: str) -> Refused:
    owner = board.rpartition("/")[0]
    return Refused(
        f"GitHub shows no project board {board}: {said}",
        f"python -m webbrowser {client.address.server}/{owner}?tab=projects",
    )


def _is_pinned(client: Client, node: str) -> bool:
    told = client.graphql(_IS_PINNED, {"issue": node}, repeatable=True)
    return bool(perhaps(field(told, "node", dict, {}), "isPinned", bool))
