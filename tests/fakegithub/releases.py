"""Releases: drafts that few may see, the latest one, tags that are made or burned, and generated notes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from packaging.version import InvalidVersion, Version

from fakegithub import assets as _assets
from fakegithub import discussions, notes, protection
from fakegithub.documents import Document, node, user
from fakegithub.wire import Answer, Denied, Request, invalid, paged, route

if TYPE_CHECKING:
    from fakegithub.hub import Hub

_BURNED = "tag_name was used by an immutable release"


@route("GET", "/~/releases")
def _listed(hub: Hub, request: Request) -> Answer:
    shown = [each for each in hub.releases if not each["draft"] or request.may("write")]
    return paged(request, hub.seen("release", shown[::-1]), f"{hub.here}/releases")


@route("GET", "/~/releases/latest")
def _latest(hub: Hub, _request: Request) -> Answer:
    found = latest(hub)
    if found is None:
        raise Denied(404)
    return Answer(200, found)


@route("GET", "/~/releases/tags/{tag}")
def _of_tag(hub: Hub, request: Request) -> Answer:
    found = published(hub, request.parameters["tag"])
    if found is None:
        raise Denied(404)
    return Answer(200, found)


@route("GET", "/~/releases/{release_id}")
def _one(hub: Hub, request: Request) -> Answer:
    return Answer(200, get(hub, request))


@route("POST", "/~/releases")
def _create(hub: Hub, request: Request) -> Answer:
    wanted = request.fields
    document = _begun(hub, wanted)
    _apply(hub, document, {key: value for key, value in wanted.items() if key != "draft"})
    _check_tag(hub, document, moves=True)
    if wanted.get("generate_release_notes"):
        generated = notes.generate(hub, document["tag_name"], None)
        document["body"] = "\n\n".join(filter(None, (document["body"], generated)))
    if not wanted.get("draft", False):
        _publish(hub, document, wanted)
    hub.releases.append(document)
    hub.lagging("release", document["id"])
    return Answer(201, document, {"Location": document["url"]})


@route("PATCH", "/~/releases/{release_id}")
def _edit(hub: Hub, request: Request) -> Answer:
    document, wanted = get(hub, request), request.fields
    if document["immutable"] and (
        {"tag_name", "target_commitish"} & wanted.keys() - _same(document, wanted) or wanted.get("draft")
    ):
        raise Denied(422, "Cannot update an immutable release.")
    changed = {**document}
    _apply(hub, changed, wanted)
    _check_tag(hub, changed, moves=changed["tag_name"] != document["tag_name"])
    if document["draft"] and wanted.get("draft") is False:
        _publish(hub, changed, wanted)
    elif not changed["draft"]:
        _choose_latest(hub, changed, wanted.get("make_latest"))
        _discuss(hub, changed, wanted)
    changed["updated_at"] = hub.now()
    document.update(changed)
    _address(hub, document)
    return Answer(200, document)


@route("DELETE", "/~/releases/{release_id}")
def _delete(hub: Hub, request: Request) -> Answer:
    document = get(hub, request)
    if document["immutable"]:
        hub.burned.add(document["tag_name"])
    for asset in document["assets"]:
        hub.assets.pop(asset["id"], None)
    hub.releases.remove(document)
    hub.latest = None if hub.latest == document["id"] else hub.latest
    return Answer(204)


@route("POST", "/~/releases/generate-notes")
def _generate(hub: Hub, request: Request) -> Answer:
    wanted = request.fields
    if not wanted.get("tag_name"):
        raise invalid("Release", "tag_name", "missing_field")
    previous = wanted.get("previous_tag_name")
    if previous and hub.repository.resolve(f"refs/tags/{previous}") is None:
        raise Denied(422, "Invalid previous_tag parameter")
    body = notes.generate(hub, wanted["tag_name"], previous, wanted.get("target_commitish"))
    return Answer(200, {"name": wanted["tag_name"], "body": body})


def get(hub: Hub, request: Request) -> Document:
    """Return the release a path names, if its caller may see it."""
    number = request.number("release_id")
    for each in hub.releases:
        if each["id"] == number and (not each["draft"] or request.may("write")):
            return each
    raise Denied(404)


def published(hub: Hub, tag: str) -> Document | None:
    """Return the published release of a tag."""
    return next((each for each in hub.releases if each["tag_name"] == tag and not each["draft"]), None)


def latest(hub: Hub) -> Document | None:
    """Return the release that is shown as the latest: the one made so, else by date of its commit, then version."""
    found = [each for each in hub.releases if not each["draft"] and not each["prerelease"]]
    chosen = [each for each in found if each["id"] == hub.latest]
    return (chosen or sorted(found, key=_age)[-1:] or [None])[0]


def make(hub: Hub, tag: str, *, draft: bool, body: str, assets: Mapping[str, bytes], **more: Any) -> Document:
    """Make a release as its page does."""
    wanted = {"tag_name": tag, "name": tag, "body": body, **more}
    document = _begun(hub, wanted)
    _apply(hub, document, wanted)
    for name, data in assets.items():
        _assets.put(hub, document, name, data)
    if not draft:
        _check_tag(hub, document, moves=True)
        _publish(hub, document, wanted)
    hub.releases.append(document)
    return document


def _begun(hub: Hub, wanted: Mapping[str, Any]) -> Document:
    tag = wanted.get("tag_name")
    if not tag:
        raise invalid("Release", "tag_name", "missing_field")
    number = hub.next()
    address = f"{hub.here}/releases/{number}"
    return {
        "url": address,
        "assets_url": f"{address}/assets",
        "upload_url": f"{hub.url}/api/uploads/repos/{hub.owner}/{hub.name}/releases/{number}/assets{{?name,label}}",
        "html_url": "",
        "id": number,
        "author": user(hub, hub.login),
        "node_id": node("RE", number),
        "tag_name": tag,
        "target_commitish": hub.default_branch,
        "name": None,
        "draft": True,
        "immutable": False,
        "prerelease": False,
        "created_at": hub.repository.date(f"refs/heads/{hub.default_branch}"),
        "updated_at": hub.now(),
        "published_at": None,
        "assets": [],
        "tarball_url": None,
        "zipball_url": None,
        "body": "",
    }


def _apply(hub: Hub, document: Document, wanted: Mapping[str, Any]) -> None:
    """Give a release the words that are wanted of it."""
    for name in ("tag_name", "target_commitish", "name", "body", "prerelease"):
        if wanted.get(name) is not None:
            document[name] = wanted[name]
    if wanted.get("make_latest") not in (None, "true", "false", "legacy"):
        raise Denied(
            422, f'Invalid request.\n\n{wanted["make_latest"]!r} is not a member of ["true", "false", "legacy"].'
        )
    if not re.fullmatch(r"[^\s~^:?*\[\\\x00-\x1f]+", document["tag_name"]):
        raise invalid("Release", "tag_name", "custom", "tag_name is not a valid tag")
    if hub.repository.resolve(f"{document['target_commitish']}^{{commit}}") is None:
        raise invalid("Release", "target_commitish")
    if wanted.get("draft") is True:
        document["draft"] = True
    _address(hub, document)


def _address(hub: Hub, document: Document) -> None:
    """Say where people find a release: drafts have a page that names no tag."""
    shown = f"untagged-{document['id']:020x}" if document["draft"] else document["tag_name"]
    document["html_url"] = f"{hub.page}/releases/tag/{quote(shown, safe='/')}"
    for kind in () if document["draft"] else ("tarball", "zipball"):
        document[f"{kind}_url"] = f"{hub.here}/{kind}/{document['tag_name']}"
    for asset in document["assets"]:
        asset["browser_download_url"] = f"{hub.page}/releases/download/{quote(shown, safe='/')}/{quote(asset['name'])}"


def _check_tag(hub: Hub, document: Document, *, moves: bool) -> None:
    """Refuse a tag that was burned, or that another published release has."""
    if moves and document["tag_name"] in hub.burned:
        raise invalid("Release", "tag_name", "custom", _BURNED)
    other = published(hub, document["tag_name"])
    if moves and other is not None and other["id"] != document["id"]:
        raise invalid("Release", "tag_name", "already_exists")


def _publish(hub: Hub, document: Document, wanted: Mapping[str, Any]) -> None:
    """Show a draft to everybody; where its tag is not there, GitHub makes one, of which no test should see a trace."""
    _check_tag(hub, document, moves=True)
    name = f"refs/tags/{document['tag_name']}"
    if hub.repository.resolve(name) is None:
        commit = hub.repository.resolve(f"{document['target_commitish']}^{{commit}}")
        assert commit is not None
        if said := protection.refusal(hub, name, None, commit):
            raise Denied(422, said)
        hub.repository.put(name, commit)
        hub.made_tags.append(document["tag_name"])
    document["draft"], document["published_at"] = False, hub.now()
    document["created_at"] = hub.repository.date(name)
    document["immutable"] = hub.immutable
    _address(hub, document)
    _choose_latest(hub, document, wanted.get("make_latest") or "true")
    _discuss(hub, document, wanted)


def _choose_latest(hub: Hub, document: Document, choice: str | None) -> None:
    if choice == "true" and not document["prerelease"]:
        hub.latest = document["id"]
    elif choice in {"false", "legacy"} and hub.latest == document["id"]:
        hub.latest = None


def _discuss(hub: Hub, document: Document, wanted: Mapping[str, Any]) -> None:
    if category := wanted.get("discussion_category_name"):
        made = discussions.open_for(hub, category, document["name"] or document["tag_name"], document["body"] or "")
        document["discussion_url"] = made["html_url"]


def _same(document: Document, wanted: Mapping[str, Any]) -> set[str]:
    return {name for name, value in wanted.items() if document.get(name) == value}


def _age(document: Document) -> tuple[str, Version]:
    try:
        version = Version(document["tag_name"])
    except InvalidVersion:
        version = Version("0")
    return document["created_at"], version
