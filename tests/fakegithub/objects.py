"""What GraphQL shows of the hub: each object as its type has it, and the mutations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fakegithub import boards, discussions, pulls, releases, tickets
from fakegithub.documents import Document, node
from fakegithub.wire import Denied, Request

if TYPE_CHECKING:
    from fakegithub.hub import Hub

_PINS = 3


def root(hub: Hub, request: Request) -> dict[str, Any]:
    """Return what queries and mutations begin with."""
    return {
        "viewer": {
            "__typename": "User",
            "id": node("U", hub.login),
            "login": hub.login,
            "url": f"{hub.url}/{hub.login}",
        },
        "repository": lambda _, owner, name, **__: _repository(hub, request, owner, name),
        "repositoryOwner": lambda _, login: _owner(hub, login),
        "organization": lambda _, login: _owner(hub, login, "Organization"),
        "user": lambda _, login: _owner(hub, login, "User"),
        "node": lambda _, id: _node(hub, id),  # noqa: A006 - GitHub calls it so
        "pinIssue": lambda _, input: _pin(hub, request, input["issueId"], pinned=True),  # noqa: A006
        "unpinIssue": lambda _, input: _pin(hub, request, input["issueId"], pinned=False),  # noqa: A006
        "createDiscussion": lambda _, input: _discuss(hub, request, input),  # noqa: A006
        "createPullRequest": lambda _, input: _propose(hub, request, input),  # noqa: A006
        "addProjectV2ItemById": lambda _, input: boards.add(hub, input),  # noqa: A006
        "updateProjectV2ItemFieldValue": lambda _, input: boards.move(hub, input),  # noqa: A006
    }


def refused(kind: str, message: str) -> Exception:
    """Return the error GraphQL answers with."""
    import graphql

    return graphql.GraphQLError(message, extensions={"type": kind})


def connection(items: Sequence[Any]) -> Callable[..., dict[str, Any]]:
    """Return the pages of a list, as a field of GraphQL."""

    def page(
        _: object, first: int | None = None, last: int | None = None, after: str | None = None, **__: object
    ) -> Document:
        start = int(after or 0) if last is None else max(len(items) - last, 0)
        size = first or last
        if size is None:
            raise refused(
                "MISSING_PAGINATION_BOUNDARIES", "You must provide a `first` or `last` value to properly paginate."
            )
        end = min(start + size, len(items))
        bounds = {
            "startCursor": str(start),
            "endCursor": str(end),
            "hasNextPage": end < len(items),
            "hasPreviousPage": start > 0,
        }
        return {"nodes": list(items[start:end]), "totalCount": len(items), "pageInfo": bounds}

    return page


def ticket(hub: Hub, number: int, kind: str | None = None) -> Document:
    """Return an issue or a pull request, or say that there is none of that number."""
    for each in tickets.every(hub):
        is_pull = "head" in each
        if each["number"] == number and kind in {None, "PullRequest" if is_pull else "Issue"}:
            return _ticket(hub, pulls.refreshed(hub, each) if is_pull else tickets.refreshed(hub, each))
    what = {None: "issue or pull request", "Issue": "Issue", "PullRequest": "PullRequest"}[kind]
    article = "an" if kind != "PullRequest" else "a"
    raise refused("NOT_FOUND", f"Could not resolve to {article} {what} with the number of {number}.")


def _repository(hub: Hub, request: Request, owner: str, name: str) -> Document:
    if f"{owner}/{name}".lower() != f"{hub.owner}/{hub.name}".lower() or not request.may("read"):
        raise refused("NOT_FOUND", f"Could not resolve to a Repository with the name '{owner}/{name}'.")
    seen = [_release(hub, each) for each in hub.releases[::-1] if not each["draft"] or request.may("write")]
    newest = releases.latest(hub)
    return {
        "id": node("R", 1),
        "databaseId": 1,
        "name": hub.name,
        "nameWithOwner": f"{hub.owner}/{hub.name}",
        "owner": lambda _: _owner(hub, hub.owner),
        "url": hub.page,
        "isPrivate": hub.private,
        "isArchived": hub.archived,
        **dict.fromkeys(("hasIssuesEnabled", "hasProjectsEnabled", "hasDiscussionsEnabled", "hasWikiEnabled"), True),
        **dict.fromkeys(("description", "parent")),
        "sshUrl": f"git@github.com:{hub.owner}/{hub.name}.git",
        "mergeCommitAllowed": "merge" in hub.merge_methods,
        "squashMergeAllowed": "squash" in hub.merge_methods,
        "rebaseMergeAllowed": "rebase" in hub.merge_methods,
        "viewerPermission": request.level.upper(),
        "defaultBranchRef": lambda _: _ref(hub, f"refs/heads/{hub.default_branch}"),
        "ref": lambda _, qualifiedName: _ref(hub, qualifiedName),  # noqa: N803 - GitHub calls it so
        # Unlike the REST API, this finds a draft by its tag, for those who may push.
        "release": lambda _, tagName: next((each for each in seen if each["tagName"] == tagName), None),  # noqa: N803
        "releases": connection(seen),
        "latestRelease": _release(hub, newest) if newest else None,
        "issues": lambda *asked, **wanted: _some(hub, "Issue", *asked, **wanted),
        "pullRequests": lambda *asked, **wanted: _some(hub, "PullRequest", *asked, **wanted),
        "issue": lambda _, number: ticket(hub, number, "Issue"),
        "pullRequest": lambda _, number: ticket(hub, number, "PullRequest"),
        "issueOrPullRequest": lambda _, number: ticket(hub, number),
        "pinnedIssues": connection(
            [{"id": node("PI", each), "issue": lambda _, it=each: ticket(hub, it)} for each in hub.pinned]
        ),
        "projectV2": lambda _, number: boards.shown(hub, number),
        "discussionCategories": connection([_category(each) for each in hub.categories]),
        "discussions": connection([_discussion(each) for each in hub.discussions[::-1]]),
        "discussion": lambda _, number: next(
            (_discussion(each) for each in hub.discussions if each["number"] == number), None
        ),
    }


def _owner(hub: Hub, login: str, kind: str | None = None) -> Document | None:
    own = login.lower() == hub.owner.lower()
    is_a = hub.owner_type if own else "User"
    if (not own and login != hub.login) or kind not in {None, is_a}:
        if kind is None:
            return None
        raise refused(
            "NOT_FOUND",
            f"Could not resolve to {'an' if kind == 'Organization' else 'a'} {kind} with the login of '{login}'.",
        )
    return {
        "__typename": is_a,
        "id": node("O", login),
        "login": login,
        "name": login.title(),
        "url": f"{hub.url}/{login}",
        "projectV2": lambda _, number: boards.shown(hub, number) if own else None,
        "projectsV2": connection([boards.document(hub, each) for each in hub.boards if own]),
    }


def _node(hub: Hub, identity: str) -> Document:
    for each in tickets.every(hub):
        if each["node_id"] == identity:
            return ticket(hub, each["number"])
    for each in hub.boards:
        if each["id"] == identity:
            return boards.document(hub, each)
    raise refused("NOT_FOUND", f"Could not resolve to a node with the global id of '{identity}'")


def _some(hub: Hub, kind: str, info: object, **wanted: Any) -> dict[str, Any]:
    """Return a page of issues or of pull requests, the newest first unless it is asked for in another order."""
    shown = [_ticket(hub, each) for each in tickets.every(hub) if ("head" in each) == (kind == "PullRequest")]
    states = wanted.get("states") or ()
    names = [name for name in ("headRefName", "baseRefName") if wanted.get(name)]
    found = [
        each
        for each in shown
        if (not states or each["state"] in states) and all(each[name] == wanted[name] for name in names)
    ]
    if (wanted.get("orderBy") or {"direction": "ASC"})["direction"] == "ASC":
        found.reverse()
    return connection(found)(info, **wanted)


def _ticket(hub: Hub, found: Document) -> Document:
    is_pull, milestone = "head" in found, found["milestone"]
    shown = {
        "__typename": "PullRequest" if is_pull else "Issue",
        "id": found["node_id"],
        "number": found["number"],
        "title": found["title"],
        "body": found["body"] or "",
        "url": found["html_url"],
        "createdAt": found["created_at"],
        "updatedAt": found["updated_at"],
        "state": found["state"].upper(),
        "closed": found["state"] == "closed",
        "labels": connection(
            [
                {"id": each["node_id"], **{name: each[name] for name in ("name", "color", "description")}}
                for each in found["labels"]
            ]
        ),
        "milestone": milestone
        and {"id": milestone["node_id"], "number": milestone["number"], "title": milestone["title"]},
        "projectItems": connection(boards.items(hub, found["number"])),
    }
    if not is_pull:
        reason = found["state_reason"]
        return {**shown, "isPinned": found["number"] in hub.pinned, "stateReason": reason and reason.upper()}
    merged = {"state": "MERGED"} if found["merged"] else {}
    names = {
        "baseRefName": found["base"]["ref"],
        "headRefName": found["head"]["ref"],
        "headRefOid": found["head"]["sha"],
        "headRepositoryOwner": lambda _: _owner(hub, hub.owner),
        "isCrossRepository": False,
    }
    return {
        **shown,
        **merged,
        **names,
        "merged": found["merged"],
        "mergedAt": found["merged_at"],
        "isDraft": found["draft"],
    }


def _release(hub: Hub, found: Document) -> Document:
    newest = releases.latest(hub)
    names = {
        "tagName": "tag_name",
        "name": "name",
        "description": "body",
        "id": "node_id",
        "databaseId": "id",
        "url": "html_url",
    }
    times = {"createdAt": "created_at", "publishedAt": "published_at", "updatedAt": "updated_at"}
    return {
        **{
            name: found[key]
            for name, key in {**names, **times, "isDraft": "draft", "isPrerelease": "prerelease"}.items()
        },
        "isLatest": newest is not None and newest["id"] == found["id"],
        "author": {"__typename": "User", "id": found["author"]["node_id"], "login": found["author"]["login"]},
        "tag": lambda _: _ref(hub, f"refs/tags/{found['tag_name']}"),
        "releaseAssets": connection([_asset(each) for each in found["assets"]]),
    }


def _asset(found: Document) -> Document:
    names = {"name": "name", "size": "size", "contentType": "content_type", "downloadCount": "download_count"}
    more = {"downloadUrl": "browser_download_url", "url": "url", "createdAt": "created_at", "updatedAt": "updated_at"}
    return {"id": found["node_id"], **{name: found[key] for name, key in {**names, **more}.items()}}


def _ref(hub: Hub, name: str) -> Document | None:
    found = {**hub.repository.refs(name)}.get(name)
    if found is None:
        return None
    prefix, _, short = name.partition("/")[2].partition("/")
    kind = hub.repository.kind(found).title()
    target = {"__typename": kind, "id": node("C", found), "oid": found, "abbreviatedOid": found[:7]}
    return {"id": node("REF", name), "name": short, "prefix": f"refs/{prefix}/", "target": target}


def _category(name: str) -> Document:
    return {
        "id": node("DIC", name),
        "name": name,
        "slug": name.lower().replace(" ", "-"),
        "isAnswerable": name == "Q&A",
    }


def _discussion(found: Document) -> Document:
    names = {"id": "node_id", "number": "number", "title": "title", "body": "body", "url": "html_url"}
    return {**{name: found[key] for name, key in names.items()}, "category": _category(found["category"]["name"])}


def _pin(hub: Hub, request: Request, identity: str, *, pinned: bool) -> Document:
    found = _node(hub, identity)
    if not request.may("write"):
        raise refused("FORBIDDEN", f"{hub.login} does not have the correct permissions to execute `PinIssue`")
    number = found["number"]
    if pinned and number in hub.pinned:
        raise refused("UNPROCESSABLE", "Issue is already pinned")
    if pinned and len(hub.pinned) >= _PINS:
        raise refused("UNPROCESSABLE", f"Maximum {_PINS} pinned issues per repository")
    hub.pinned.append(number) if pinned else hub.pinned.remove(number)
    return {"issue": lambda _: ticket(hub, number, "Issue")}


def _discuss(hub: Hub, request: Request, wanted: Mapping[str, Any]) -> Document:
    if not request.may("read"):
        raise refused("FORBIDDEN", "Resource not accessible by personal access token")
    name = next((each for each in hub.categories if node("DIC", each) == wanted["categoryId"]), None)
    if name is None:
        raise refused("NOT_FOUND", f"Could not resolve to a node with the global id of '{wanted['categoryId']}'")
    return {"discussion": _discussion(discussions.open_for(hub, name, wanted["title"], wanted["body"]))}


def _propose(hub: Hub, request: Request, wanted: Mapping[str, Any]) -> Document:
    if not request.may("write"):
        raise refused("FORBIDDEN", f"{hub.login} does not have the correct permissions to execute `CreatePullRequest`")
    head, base, body = wanted["headRefName"], wanted["baseRefName"], wanted.get("body") or ""
    try:
        number = pulls.make(hub, head, base, title=wanted["title"], body=body, merged=False)
    except Denied as denied:
        raise refused("UNPROCESSABLE", denied.answer.document["errors"][0].get("message", "invalid")) from denied
    pulls.find(hub, number)["draft"] = wanted.get("draft", False)
    return {"pullRequest": ticket(hub, number)}
