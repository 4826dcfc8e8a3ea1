"""Pull requests of branches of the repository itself; their heads follow the branches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fakegithub import merging, refs, repository, tickets
from fakegithub.documents import Document, user
from fakegithub.wire import Answer, Denied, Request, invalid, paged, route

if TYPE_CHECKING:
    from fakegithub.hub import Hub

_LINKS = {
    "self": "url",
    "html": "html_url",
    "issue": "issue_url",
    "comments": "comments_url",
    "review_comments": "review_comments_url",
    "review_comment": "review_comment_url",
    "commits": "commits_url",
    "statuses": "statuses_url",
}
# What only a pull request on its own tells.
_ALONE = {
    *("merged", "mergeable", "rebaseable", "mergeable_state", "merged_by", "comments", "review_comments"),
    *("maintainer_can_modify", "commits", "additions", "deletions", "changed_files"),
}


@route("GET", "/~/pulls")
def _listed(hub: Hub, request: Request) -> Answer:
    state, head, base = (request.query.get(name) for name in ("state", "head", "base"))
    found = [
        each
        for each in (refreshed(hub, pull) for pull in hub.pulls[::-1])
        if (state or "open") in {"all", each["state"]}
        and head in {None, "", each["head"]["label"]}
        and base in {None, "", each["base"]["ref"]}
    ]
    if request.query.get("direction") == "asc":
        found.reverse()
    return paged(request, [simple(each) for each in hub.seen("ticket", found, "number")], f"{hub.here}/pulls")


@route("POST", "/~/pulls")
def _create(hub: Hub, request: Request) -> Answer:
    wanted = request.fields
    if not wanted.get("title"):
        raise invalid("PullRequest", "title", "missing_field")
    made = _open(hub, wanted.get("head", ""), wanted.get("base", ""), wanted["title"], wanted.get("body"))
    made["draft"] = wanted.get("draft", False)
    hub.lagging("ticket", made["number"])
    return Answer(201, made, {"Location": made["url"]})


@route("GET", "/~/pulls/{pull_number}")
def _one(hub: Hub, request: Request) -> Answer:
    return Answer(200, get(hub, request))


@route("PATCH", "/~/pulls/{pull_number}")
def _edit(hub: Hub, request: Request) -> Answer:
    pull, wanted = get(hub, request), request.fields
    if pull["merged"] and wanted.get("state") == "open":
        raise Denied(422, None, {"resource": "PullRequest", "code": "invalid", "field": "state"})
    if wanted.get("base") is not None:
        if hub.repository.resolve(f"refs/heads/{wanted['base']}") is None:
            raise invalid("PullRequest", "base")
        pull["base"] = _side(hub, wanted["base"])
    tickets.change(hub, pull, {name: wanted.get(name) for name in ("title", "body", "state")}, trusted=False)
    return Answer(200, pull)


@route("GET", "/~/pulls/{pull_number}/commits")
def _commits(hub: Hub, request: Request) -> Answer:
    pull = get(hub, request)
    found = [refs.commit(hub, each) for each in merging.commits(hub, pull)]
    return paged(request, found, pull["commits_url"])


@route("GET", "/~/pulls/{pull_number}/merge")
def _is_merged(hub: Hub, request: Request) -> Answer:
    return Answer(204) if get(hub, request)["merged"] else Answer(404)


@route("PUT", "/~/pulls/{pull_number}/merge")
def _merge(hub: Hub, request: Request) -> Answer:
    pull, wanted = get(hub, request), request.fields
    how = wanted.get("merge_method", "merge")
    if pull["state"] != "open" or pull["draft"]:
        raise Denied(405, "Pull Request is not mergeable")
    if how not in hub.merge_methods:
        raise Denied(405, f"{how.title()} merges are not allowed on this repository.")
    if wanted.get("sha") not in {None, pull["head"]["sha"]}:
        raise Denied(409, "Head branch was modified. Review and try the merge again.")
    approved = any(each["state"] == "APPROVED" for each in hub.reviews.get(pull["number"], []))
    if pull["base"]["ref"] in hub.protections and not approved:
        raise Denied(405, "At least 1 approving review is required by reviewers with write access.")
    made = merging.merge(hub, pull, how, wanted.get("commit_title"), wanted.get("commit_message"))
    return Answer(200, {"sha": made, "merged": True, "message": "Pull Request successfully merged"})


@route("GET", "/~/commits/{commit_sha}/pulls")
def _of_commit(hub: Hub, request: Request) -> Answer:
    identity = hub.repository.resolve(f"{request.parameters['commit_sha']}^{{commit}}")
    if identity is None:
        raise Denied(422, f"No commit found for SHA: {request.parameters['commit_sha']}")
    found = [refreshed(hub, each) for each in hub.pulls]
    found = [each for each in found if each["merge_commit_sha"] == identity or identity in merging.commits(hub, each)]
    return paged(request, [simple(each) for each in found], f"{hub.here}/commits/{identity}/pulls")


def get(hub: Hub, request: Request) -> Document:
    """Return the pull request a path names."""
    return find(hub, request.number("pull_number"))


def find(hub: Hub, number: int) -> Document:
    """Return a pull request as it stands now."""
    for each in hub.pulls:
        if each["number"] == number:
            return refreshed(hub, each)
    raise Denied(404)


def make(hub: Hub, branch: str, base: str, *, title: str, body: str, merged: bool, author: str | None = None) -> int:
    """Open a pull request, and merge it at once where it shall be merged."""
    made = _open(hub, branch, base, title, body, author=author)
    if merged:
        merging.merge(hub, made, "merge")
    number: int = made["number"]
    return number


def merge(hub: Hub, number: int, how: str) -> str:
    """Merge a pull request as its page does."""
    return merging.merge(hub, find(hub, number), how)


def refreshed(hub: Hub, pull: Document) -> Document:
    """Return a pull request as its branches are now: it follows its head, is closed without it, merged with it."""
    tickets.refreshed(hub, pull)
    pull["comments"] = len(hub.comments.get(pull["number"], []))
    if pull["state"] == "closed":
        return pull
    head = hub.repository.resolve(f"refs/heads/{pull['head']['ref']}")
    base = hub.repository.resolve(f"refs/heads/{pull['base']['ref']}")
    if head is None or base is None:
        tickets.close(hub, pull, closed=True)
        return pull
    if pull["head"]["sha"] != head:
        pull["head"]["sha"], pull["updated_at"] = head, hub.now()
        pull["statuses_url"] = f"{hub.here}/statuses/{head}"
        pull["_links"]["statuses"] = {"href": pull["statuses_url"]}
    if hub.repository.is_ancestor(head, base):
        merging.settle(hub, pull, base)
    else:
        pull["base"]["sha"], pull["commits"] = base, len(merging.commits(hub, pull))
    return pull


def simple(pull: Document) -> Document:
    """Return a pull request as lists show it."""
    teams = [{**each, "parent": None} for each in pull["requested_teams"]]
    return {**{name: value for name, value in pull.items() if name not in _ALONE}, "requested_teams": teams}


def _open(hub: Hub, branch: str, base: str, title: str, body: str | None, *, author: str | None = None) -> Document:
    owner, _, short = branch.rpartition(":")
    head, old = (hub.repository.resolve(f"refs/heads/{name}") for name in (short, base))
    if head is None or owner.lower() not in {"", hub.owner.lower()}:
        raise invalid("PullRequest", "head")
    if old is None:
        raise invalid("PullRequest", "base")
    for each in hub.pulls:
        if refreshed(hub, each)["state"] == "open" and (each["head"]["ref"], each["base"]["ref"]) == (short, base):
            raise _custom(f"A pull request already exists for {hub.owner}:{short}.")
    if hub.repository.is_ancestor(head, old):
        raise _custom(f"No commits between {base} and {short}")
    made = _document(hub, tickets.begun(hub, title, body, author or hub.login), short, base)
    hub.pulls.append(made)
    return refreshed(hub, made)


def _custom(message: str) -> Denied:
    return Denied(422, None, {"resource": "PullRequest", "code": "custom", "message": message})


def _side(hub: Hub, branch: str) -> Document:
    return {
        "label": f"{hub.owner}:{branch}",
        "ref": branch,
        "sha": hub.repository.resolve(f"refs/heads/{branch}"),
        "user": user(hub, hub.owner),
        "repo": repository.short(hub),
    }


def _document(hub: Hub, ticket: Document, branch: str, base: str) -> Document:
    number, head = ticket["number"], _side(hub, branch)
    address, page = f"{hub.here}/pulls/{number}", f"{hub.page}/pull/{number}"
    made: dict[str, Any] = {
        **ticket,
        "url": address,
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": f"{hub.here}/issues/{number}",
        "commits_url": f"{address}/commits",
        "review_comments_url": f"{address}/comments",
        "review_comment_url": f"{hub.here}/pulls/comments{{/number}}",
        "statuses_url": f"{hub.here}/statuses/{head['sha']}",
        "merged_at": None,
        "merge_commit_sha": None,
        "requested_reviewers": [],
        "requested_teams": [],
        "head": head,
        "base": _side(hub, base),
        "auto_merge": None,
        "draft": False,
        "merged": False,
        "mergeable": True,
        "rebaseable": True,
        "mergeable_state": "clean",
        "merged_by": None,
        "comments": 0,
        "review_comments": 0,
        "maintainer_can_modify": False,
        **dict.fromkeys(("commits", "additions", "deletions", "changed_files"), 1),
    }
    made["_links"] = {name: {"href": made[where]} for name, where in _LINKS.items()}
    return made
