"""The repository itself, whoever asks, and what is left of the hour's requests."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from fakegithub import documents
from fakegithub.documents import Document, node
from fakegithub.wire import DOCUMENTATION, Answer, Denied, Request, route

if TYPE_CHECKING:
    from fakegithub.hub import Hub

_ADDRESSES = {
    **{
        name: name
        for name in (
            *("contributors", "deployments", "downloads", "events", "forks", "hooks", "languages", "merges"),
            *("stargazers", "subscribers", "subscription", "tags", "teams"),
        )
    },
    "archive": "{archive_format}{/ref}",
    "assignees": "assignees{/user}",
    "blobs": "git/blobs{/sha}",
    "branches": "branches{/branch}",
    "collaborators": "collaborators{/collaborator}",
    "comments": "comments{/number}",
    "commits": "commits{/sha}",
    "compare": "compare/{base}...{head}",
    "contents": "contents/{+path}",
    "git_commits": "git/commits{/sha}",
    "git_refs": "git/refs{/sha}",
    "git_tags": "git/tags{/sha}",
    "issue_comment": "issues/comments{/number}",
    "issue_events": "issues/events{/number}",
    "issues": "issues{/number}",
    "keys": "keys{/key_id}",
    "labels": "labels{/name}",
    "milestones": "milestones{/number}",
    "notifications": "notifications{?since,all,participating}",
    "pulls": "pulls{/number}",
    "releases": "releases{/id}",
    "statuses": "statuses/{sha}",
    "trees": "git/trees{/sha}",
}
_LEVELS = {"admin": "admin", "maintain": "admin", "push": "write", "triage": "write", "pull": "read"}


@route("GET", "/repos/{owner}/{repo}")
def _repository(hub: Hub, request: Request) -> Answer:
    if request.parameters["repo"].lower() == hub.former:
        said = {"message": "Moved Permanently", "url": hub.here, "documentation_url": DOCUMENTATION}
        return Answer(301, said, {"Location": hub.here})
    shown = whole(hub)
    if not hub.app and request.level != "none" and "authorization" in request.headers:
        shown["permissions"] = {name: request.may(level) for name, level in _LEVELS.items()}
    return Answer(200, shown)


@route("GET", "/user", needs="none")
def _user(hub: Hub, request: Request) -> Answer:
    if "authorization" not in request.headers:
        raise Denied(401, "Requires authentication")
    if hub.app:
        raise Denied(403, "Resource not accessible by integration")
    counts = ("public_repos", "public_gists", "followers", "following", "private_gists", "total_private_repos")
    more = ("owned_private_repos", "disk_usage", "collaborators")
    unknown = ("company", "blog", "location", "email", "hireable", "bio", "twitter_username", "notification_email")
    return Answer(
        200,
        {
            **documents.user(hub, hub.login),
            "user_view_type": "private",
            "name": hub.login.title(),
            **dict.fromkeys(unknown),
            **dict.fromkeys((*counts, *more), 0),
            "two_factor_authentication": True,
            "created_at": "2020-01-01T00:00:00Z",
            "updated_at": "2020-01-01T00:00:00Z",
        },
    )


@route("GET", "/rate_limit", needs="none")
def _rate_limit(_hub: Hub, _request: Request) -> Answer:
    limit = {"limit": 5000, "used": 1, "remaining": 4999, "reset": int(time.time()) + 3600}
    return Answer(200, {"resources": dict.fromkeys(("core", "search", "graphql"), limit), "rate": limit})


@route("GET", "/meta", needs="none")
def _meta(_hub: Hub, _request: Request) -> Answer:
    return Answer(200, {"verifiable_password_authentication": False})


@route("GET", "/~/attestations/{subject_digest}")
def _attestations(_hub: Hub, _request: Request) -> Answer:
    return Answer(200, {"attestations": []})


@route("GET", "/~/collaborators/{username}")
def _collaborates(hub: Hub, request: Request) -> Answer:
    if request.parameters["username"] not in hub.collaborators:
        raise Denied(404)
    return Answer(204)


@route("GET", "/~/collaborators/{username}/permission")
def _permission(hub: Hub, request: Request) -> Answer:
    login = request.parameters["username"]
    level = hub.permission if login == hub.login else hub.collaborators.get(login, "none")
    rights = {name: _stands(level, needed) for name, needed in _LEVELS.items()}
    who = {**documents.user(hub, login), "permissions": rights, "role_name": level}
    return Answer(200, {"permission": level, "role_name": level, "user": who})


def _stands(level: str, needed: str) -> bool:
    order = ("none", "read", "write", "admin")
    return order.index(level) >= order.index(needed)


def short(hub: Hub) -> Document:
    """Return the repository as documents that belong to it show it."""
    owner = documents.user(hub, hub.owner)
    return {
        "id": 1,
        "node_id": node("R", 1),
        "name": hub.name,
        "full_name": f"{hub.owner}/{hub.name}",
        "private": hub.private,
        "owner": owner,
        "html_url": hub.page,
        "description": "A small tree.",
        "fork": False,
        "url": hub.here,
        **{f"{name}_url": f"{hub.here}/{path}" for name, path in _ADDRESSES.items()},
        "git_url": f"git:{hub.page.partition(':')[2]}.git",
        "ssh_url": f"git@{hub.url.partition('//')[2].partition(':')[0]}:{hub.owner}/{hub.name}.git",
        "clone_url": f"{hub.page}.git",
        "svn_url": hub.page,
        "mirror_url": None,
        "homepage": None,
        "language": "Python",
        **dict.fromkeys(("forks_count", "forks", "stargazers_count", "watchers_count", "watchers", "size"), 0),
        **dict.fromkeys(("open_issues_count", "open_issues"), sum(each["state"] == "open" for each in hub.issues)),
        "default_branch": hub.default_branch,
        "topics": [],
        **dict.fromkeys(("has_issues", "has_projects", "has_wiki", "has_downloads", "has_discussions"), True),
        "has_pages": False,
        "archived": hub.archived,
        "disabled": hub.disabled,
        "visibility": "private" if hub.private else "public",
        "license": None,
        "pushed_at": "2026-01-01T00:00:00Z",
        "created_at": "2020-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
    }


def whole(hub: Hub) -> Document:
    """Return the repository as it shows itself."""
    more = {"organization": documents.user(hub, hub.owner)} if hub.owner_type == "Organization" else {}
    return {
        **short(hub),
        **more,
        **{f"allow_{name}": how in hub.merge_methods for name, how in _METHODS.items()},
        "delete_branch_on_merge": hub.deletes_branches,
        "allow_auto_merge": False,
        "network_count": 0,
        "subscribers_count": 0,
    }


_METHODS = {"merge_commit": "merge", "squash_merge": "squash", "rebase_merge": "rebase"}
