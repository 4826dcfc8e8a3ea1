"""Who is asked to review a pull request, and what reviewers said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fakegithub import pulls
from fakegithub.documents import Document, node, team, user
from fakegithub.wire import Answer, Denied, Request, paged, route

if TYPE_CHECKING:
    from fakegithub.hub import Hub

_STATES = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED", None: "PENDING"}


@route("GET", "/~/pulls/{pull_number}/requested_reviewers")
def _asked(hub: Hub, request: Request) -> Answer:
    pull = pulls.get(hub, request)
    return Answer(200, {"users": pull["requested_reviewers"], "teams": pulls.simple(pull)["requested_teams"]})


@route("POST", "/~/pulls/{pull_number}/requested_reviewers")
def _ask(hub: Hub, request: Request) -> Answer:
    pull, wanted = pulls.get(hub, request), request.fields
    logins, slugs = wanted.get("reviewers", []), wanted.get("team_reviewers", [])
    if pull["user"]["login"] in logins:
        raise Denied(422, "Review cannot be requested from pull request author.")
    if not set(logins) <= set(hub.collaborators) or not set(slugs) <= set(hub.teams):
        raise Denied(
            422,
            "Reviews may only be requested from collaborators. One or more of the users or teams you specified is "
            f"not a collaborator of the {hub.owner}/{hub.name} repository.",
        )
    _add(pull["requested_reviewers"], [user(hub, login) for login in logins])
    _add(pull["requested_teams"], [team(hub, slug) for slug in slugs])
    return Answer(201, pulls.simple(pull))


@route("DELETE", "/~/pulls/{pull_number}/requested_reviewers")
def _excuse(hub: Hub, request: Request) -> Answer:
    pull, wanted = pulls.get(hub, request), request.fields
    logins, slugs = wanted.get("reviewers", []), wanted.get("team_reviewers", [])
    pull["requested_reviewers"] = [each for each in pull["requested_reviewers"] if each["login"] not in logins]
    pull["requested_teams"] = [each for each in pull["requested_teams"] if each["slug"] not in slugs]
    return Answer(200, pulls.simple(pull))


@route("GET", "/~/pulls/{pull_number}/reviews")
def _listed(hub: Hub, request: Request) -> Answer:
    pull = pulls.get(hub, request)
    return paged(request, hub.reviews.get(pull["number"], []), f"{pull['url']}/reviews")


@route("POST", "/~/pulls/{pull_number}/reviews")
def _create(hub: Hub, request: Request) -> Answer:
    pull = pulls.get(hub, request)
    state = _STATES[request.fields.get("event")]
    if state == "APPROVED" and pull["user"]["login"] == hub.login:
        raise Denied(422, "Unprocessable Entity", "Review Can not approve your own pull request")
    return Answer(200, make(hub, pull["number"], hub.login, state, request.fields.get("body", "")))


def make(hub: Hub, number: int, login: str, state: str, body: str = "") -> Document:
    """Review a pull request; whoever was asked to is not asked any longer."""
    pull, identity = pulls.find(hub, number), hub.next()
    pull["requested_reviewers"] = [each for each in pull["requested_reviewers"] if each["login"] != login]
    page = f"{pull['html_url']}#pullrequestreview-{identity}"
    made = {
        "id": identity,
        "node_id": node("PRR", identity),
        "user": user(hub, login),
        "body": body,
        "state": state,
        "html_url": page,
        "pull_request_url": pull["url"],
        "_links": {"html": {"href": page}, "pull_request": {"href": pull["url"]}},
        "submitted_at": hub.now(),
        "commit_id": pull["head"]["sha"],
        "author_association": "MEMBER",
    }
    hub.reviews.setdefault(number, []).append(made)
    return made


def _add(asked: list[Document], wanted: list[Document]) -> None:
    asked += [each for each in wanted if all(each["id"] != other["id"] for other in asked)]
