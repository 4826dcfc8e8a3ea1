"""The files of releases: uploads, the names they get, and downloads from another host."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from fakegithub import releases
from fakegithub.documents import Document, node, user
from fakegithub.wire import Answer, Denied, Request, invalid, paged, route

if TYPE_CHECKING:
    from fakegithub.hub import Hub


@route("GET", "/~/releases/{release_id}/assets")
def _listed(hub: Hub, request: Request) -> Answer:
    found = releases.get(hub, request)
    return paged(request, found["assets"], found["assets_url"])


@route("POST", "/~/releases/{release_id}/assets")
def _upload(hub: Hub, request: Request) -> Answer:
    release = releases.get(hub, request)
    name = clean(request.query.get("name", ""))
    if not name:
        raise invalid("ReleaseAsset", "name", "missing_field")
    if "content-type" not in request.headers:
        raise Denied(422, "Invalid request.\n\nContent-Type header is required")
    if "content-length" not in request.headers or not request.body:
        raise Denied(400, "Bad Content-Length: " + request.headers.get("content-length", ""))
    if release["immutable"]:
        raise Denied(422, "Cannot upload assets to an immutable release.")
    if any(asset["name"] == name for asset in release["assets"]):
        raise invalid("ReleaseAsset", "name", "already_exists")
    kind = request.headers["content-type"]
    whole = request.parameters.get("state") != "starter"
    made = put(hub, release, name, request.body, kind=kind, label=request.query.get("label"), whole=whole)
    return Answer(201, made)


@route("GET", "/~/releases/assets/{asset_id}")
def _one(hub: Hub, request: Request) -> Answer:
    _, asset = _get(hub, request)
    if request.headers.get("accept") == "application/octet-stream":
        return Answer(302, headers={"Location": _stored_at(hub, asset)})
    return Answer(200, asset)


@route("PATCH", "/~/releases/assets/{asset_id}")
def _edit(hub: Hub, request: Request) -> Answer:
    release, asset = _get(hub, request)
    if release["immutable"]:
        raise Denied(422, "Cannot update assets of an immutable release.")
    name = clean(request.fields.get("name", asset["name"]))
    if any(other["name"] == name and other is not asset for other in release["assets"]):
        raise invalid("ReleaseAsset", "name", "already_exists")
    asset.update(name=name, label=request.fields.get("label", asset["label"]), updated_at=hub.now())
    folder = asset["browser_download_url"].rpartition("/")[0]
    asset["browser_download_url"] = f"{folder}/{quote(name)}"
    return Answer(200, asset)


@route("DELETE", "/~/releases/assets/{asset_id}")
def _delete(hub: Hub, request: Request) -> Answer:
    release, asset = _get(hub, request)
    if release["immutable"]:
        raise Denied(422, "Cannot delete assets from an immutable release.")
    release["assets"].remove(asset)
    hub.assets.pop(asset["id"], None)
    return Answer(204)


def put(
    hub: Hub,
    release: Document,
    name: str,
    data: bytes,
    *,
    kind: str = "application/octet-stream",
    label: str | None = None,
    whole: bool = True,
) -> Document:
    """Put a file on a release; one that is not `whole` is what a broken upload leaves behind."""
    number = hub.next()
    shown = release["html_url"].rpartition("/releases/tag/")[2]
    made = {
        "url": f"{hub.here}/releases/assets/{number}",
        "id": number,
        "node_id": node("RA", number),
        "name": name,
        "label": label or "",
        "uploader": user(hub, hub.login),
        "content_type": kind,
        "state": "uploaded" if whole else "starter",
        "size": len(data) if whole else 0,
        "digest": f"sha256:{hashlib.sha256(data).hexdigest()}" if whole else None,
        "download_count": 0,
        "created_at": hub.now(),
        "updated_at": hub.now(),
        "browser_download_url": f"{hub.page}/releases/download/{shown}/{quote(name)}",
    }
    release["assets"].append(made)
    hub.assets[number] = data if whole else b""
    return made


def clean(name: str) -> str:
    """Return the name GitHub gives a file: what it does not like becomes a dot, and none is at its ends."""
    return re.sub(r"\.{2,}", ".", re.sub(r"[^\w.@+-]", ".", name, flags=re.ASCII)).strip(".")


def stored(hub: Hub, request: Request) -> Answer:
    """Hand out a file, on the other host."""
    found = re.fullmatch(r"/stored/(\d+)", request.path)
    if not found or int(found[1]) not in hub.assets or "sig" not in request.query:
        return Answer(
            404, data=b"<Error><Code>BlobNotFound</Code></Error>", headers={"Content-Type": "application/xml"}
        )
    return Answer(200, data=hub.assets[int(found[1])], headers={"Content-Type": "application/octet-stream"})


def page(hub: Hub, request: Request) -> Answer:
    """Send whoever follows the address of a file for people to the other host; private files need a browser."""
    start = f"/{hub.owner}/{hub.name}/releases/download/"
    tag, _, name = request.path.removeprefix(start).rpartition("/")
    found = releases.published(hub, unquote(tag)) if request.path.startswith(start) and not hub.private else None
    for asset in found["assets"] if found else []:
        if asset["name"] == unquote(name):
            return Answer(302, headers={"Location": _stored_at(hub, asset)})
    return Answer(404, data=b"Not Found", headers={"Content-Type": "text/html"})


def _get(hub: Hub, request: Request) -> tuple[Document, Document]:
    number = request.number("asset_id")
    for release in hub.releases:
        for asset in release["assets"]:
            if asset["id"] == number and (not release["draft"] or request.may("write")):
                return release, asset
    raise Denied(404)


def _stored_at(hub: Hub, asset: Document) -> str:
    asset["download_count"] += 1
    return f"{hub.storage}/stored/{asset['id']}?sig={quote('let/me+in')}"
