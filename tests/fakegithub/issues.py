"""Issues, among which the API counts pull requests, with their comments and assignees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fakegithub import milestones, tickets
from fakegithub.documents import Document, node, user
from fakegithub.wire import Answer, Denied, Request, invalid, paged, route

if TYPE_CHECKING:
    from fakegithub.hub import Hub

_OF_ISSUES = (
    *("id", "node_id", "number", "title", "body", "user", "state", "locked", "active_lock_reason", "labels"),
    *("assignee", "assignees", "milestone", "comments_url", "created_at", "updated_at", "closed_at"),
    "author_association",
)


@route("GET", "/~/issues")
def _listed(hub: Hub, request: Request) -> Answer:
    found = [shown(hub, each) for each in tickets.every(hub) if _wanted(each, request)]
    return paged(request, hub.seen("ticket", found, "number"), f"{hub.here}/issues")


@route("POST", "/~/issues", needs="read")
def _create(hub: Hub, request: Request) -> Answer:
    wanted = request.fields
    if not wanted.get("title"):
        raise invalid("Issue", "title", "missing_field")
    made = _begun(hub, wanted["title"], wanted.get("body"))
    tickets.change(hub, made, {**wanted, "state": None}, trusted=request.may("write"))
    hub.issues.append(made)
    hub.lagging("ticket", made["number"])
    return Answer(201, shown(hub, made))


@route("GET", "/~/issues/{issue_number}")
def _one(hub: Hub, request: Request) -> Answer:
    return Answer(200, shown(hub, tickets.get(hub, request)))


@route("PATCH", "/~/issues/{issue_number}")
def _edit(hub: Hub, request: Request) -> Answer:
    ticket = tickets.get(hub, request)
    tickets.change(hub, ticket, request.fields, trusted=True)
    return Answer(200, shown(hub, ticket))


@route("POST", "/~/issues/{issue_number}/assignees")
def _assign(hub: Hub, request: Request) -> Answer:
    ticket = tickets.get(hub, request)
    before = [each["login"] for each in ticket["assignees"]]
    tickets.assign(hub, ticket, [*before, *request.fields.get("assignees", [])])
    return Answer(201, shown(hub, ticket))


@route("DELETE", "/~/issues/{issue_number}/assignees")
def _dismiss(hub: Hub, request: Request) -> Answer:
    ticket, gone = tickets.get(hub, request), request.fields.get("assignees", [])
    tickets.assign(hub, ticket, [each["login"] for each in ticket["assignees"] if each["login"] not in gone])
    return Answer(200, shown(hub, ticket))


@route("GET", "/~/assignees")
def _assignable(hub: Hub, request: Request) -> Answer:
    return paged(request, [user(hub, login) for login in sorted(hub.collaborators)], f"{hub.here}/assignees")


@route("GET", "/~/assignees/{assignee}")
def _may_be_assigned(hub: Hub, request: Request) -> Answer:
    if request.parameters["assignee"] not in hub.collaborators:
        raise Denied(404)
    return Answer(204)


@route("GET", "/~/issues/{issue_number}/comments")
def _comments(hub: Hub, request: Request) -> Answer:
    number = tickets.get(hub, request)["number"]
    found = hub.seen("comment", hub.comments.get(number, []))
    return paged(request, found, f"{hub.here}/issues/{number}/comments")


@route("POST", "/~/issues/{issue_number}/comments", needs="read")
def _comment(hub: Hub, request: Request) -> Answer:
    ticket = tickets.get(hub, request)
    if not request.fields.get("body"):
        raise invalid("IssueComment", "body", "missing_field")
    made = comment(hub, ticket["number"], request.fields["body"])
    hub.lagging("comment", made["id"])
    return Answer(201, made)


@route("GET", "/~/issues/comments/{comment_id}")
def _one_comment(hub: Hub, request: Request) -> Answer:
    return Answer(200, _get_comment(hub, request)[1])


@route("PATCH", "/~/issues/comments/{comment_id}")
def _edit_comment(hub: Hub, request: Request) -> Answer:
    _, found = _get_comment(hub, request)
    found.update(body=request.fields.get("body", found["body"]), updated_at=hub.now())
    return Answer(200, found)


@route("DELETE", "/~/issues/comments/{comment_id}")
def _delete_comment(hub: Hub, request: Request) -> Answer:
    number, found = _get_comment(hub, request)
    hub.comments[number].remove(found)
    return Answer(204)


def make(
    hub: Hub,
    title: str,
    *,
    closed: bool,
    labels: Sequence[str],
    body: str,
    milestone: str | None,
    author: str | None = None,
) -> int:
    """Open an issue, and close it at once where it shall be closed."""
    made = _begun(hub, title, body, author)
    tickets.put_labels(hub, made, labels)
    if milestone is not None:
        found = (each for each in hub.milestones if each["title"] == milestone)
        made["milestone"] = next(found, None) or milestones.make(hub, milestone)
    tickets.close(hub, made, closed=closed)
    hub.issues.append(made)
    number: int = made["number"]
    return number


def comment(hub: Hub, number: int, body: str, author: str | None = None) -> Document:
    """Say something about a ticket."""
    identity, address = hub.next(), f"{hub.here}/issues"
    kind = "pull" if any(each["number"] == number for each in hub.pulls) else "issues"
    made = {
        "url": f"{address}/comments/{identity}",
        "html_url": f"{hub.page}/{kind}/{number}#issuecomment-{identity}",
        "issue_url": f"{address}/{number}",
        "id": identity,
        "node_id": node("IC", identity),
        "user": user(hub, author or hub.login),
        "created_at": hub.now(),
        "updated_at": hub.now(),
        "author_association": "MEMBER",
        "body": body,
        "performed_via_github_app": None,
    }
    hub.comments.setdefault(number, []).append(made)
    return made


def shown(hub: Hub, ticket: Document) -> Document:
    """Return an issue or a pull request as an issue."""
    tickets.refreshed(hub, ticket)
    address = f"{hub.here}/issues/{ticket['number']}"
    pull = {}
    if "head" in ticket:
        links = {name: ticket[name] for name in ("url", "html_url", "diff_url", "patch_url", "merged_at")}
        pull = {"pull_request": links, "draft": ticket["draft"]}
    return {
        "url": address,
        "repository_url": hub.here,
        "labels_url": f"{address}/labels{{/name}}",
        "events_url": f"{address}/events",
        "timeline_url": f"{address}/timeline",
        "html_url": f"{hub.page}/{'pull' if pull else 'issues'}/{ticket['number']}",
        "state_reason": ticket.get("state_reason"),
        "closed_by": ticket.get("closed_by"),
        "comments": len(hub.comments.get(ticket["number"], [])),
        "performed_via_github_app": None,
        **{name: ticket[name] for name in _OF_ISSUES},
        **pull,
    }


def _begun(hub: Hub, title: str, body: str | None, author: str | None = None) -> Document:
    made = tickets.begun(hub, title, body, author or hub.login)
    return {**shown(hub, {**made, "state_reason": None, "closed_by": None})}


def _wanted(ticket: Document, request: Request) -> bool:
    """Whether the filters of a listing let a ticket through."""
    query = request.query
    if query.get("state", "open") not in {"all", ticket["state"]}:
        return False
    milestone = str((ticket["milestone"] or {}).get("number", "none"))
    if query.get("milestone", milestone) not in {milestone, "*" if milestone != "none" else None}:
        return False
    held = {each["name"].lower() for each in ticket["labels"]}
    if not {name.lower() for name in query.get("labels", "").split(",") if name} <= held:
        return False
    assigned = [each["login"] for each in ticket["assignees"]] or ["none"]
    if query.get("creator", ticket["user"]["login"]) != ticket["user"]["login"]:
        return False
    return query.get("assignee", assigned[0]) in assigned


def _get_comment(hub: Hub, request: Request) -> tuple[int, Document]:
    identity = request.number("comment_id")
    for number, comments in hub.comments.items():
        for each in comments:
            if each["id"] == identity:
                return number, each
    raise Denied(404)
