"""Who asks what of which host: the API, its uploads, the files of releases, git, or GraphQL."""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fakegithub import (
    advisories,
    assets,
    backend,
    faults,
    graphql,
    issues,
    labels,
    milestones,
    protection,
    pulls,
    refs,
    releases,
    repository,
    reviews,
)
from fakegithub.faults import DONE, SILENT, Fault
from fakegithub.wire import Answer, Denied, Request, dispatch

if TYPE_CHECKING:
    from fakegithub.hub import Hub

# Each of these answers what it has routes for, once it is imported.
SUBJECTS = (advisories, assets, issues, labels, milestones, protection, pulls, refs, releases, repository, reviews)
_GIT = ("/info/refs", "/git-upload-pack", "/git-receive-pack")
_LIMIT = 5000
_VERSIONS = ("2022-11-28", "2026-03-10")
_STORAGE = "objects.githubusercontent.com"


def sort(hub: Hub, request: Request) -> Request:
    """Return a request with the path GitHub documents, what it is for, and what its caller may do."""
    host, path = request.headers.get("host", ""), request.path
    level = _level(hub, _token(request.headers))
    if host in {urlsplit(hub.storage).netloc, _STORAGE}:
        return replace(request, kind="storage")
    for prefix, kind in {"/api/v3/": "rest", "/api/uploads/": "rest", "/api/graphql": "graphql"}.items():
        if path.startswith(prefix):
            return replace(
                request, path=f"/{path.removeprefix(prefix)}" if kind == "rest" else "/graphql", kind=kind, level=level
            )
    if host.endswith("github.com"):
        return replace(request, kind="graphql" if path == "/graphql" else "rest", level=level)
    return replace(request, kind="git" if path.endswith(_GIT) else "page", level=level)


def meet(hub: Hub, number: int, request: Request, fault: Fault | None) -> Answer:
    """Do what is asked, unless the fault comes first, and return what is to be said."""
    hub.late.arrive()
    if fault is Fault.LATE:
        hub.late.keep(lambda: _answer(hub, request))
    if fault is Fault.STARTER:
        _answer(hub, replace(request, parameters={"state": "starter"}))
    if fault is None or fault in DONE:
        answer = _answer(hub, request)
        if fault is None or fault in SILENT:
            return _measured(hub, number, answer)
    instead = faults.answer(fault, int(time.time()) + hub.reset_in, hub.wait_for) or Answer(500)
    return _measured(hub, number, instead)


def dressed(hub: Hub, request: Request, answer: Answer) -> Answer:
    """Return an answer with the addresses of github.com itself, for a client that believes to be there."""
    if not request.headers.get("host", "").endswith("github.com"):
        return answer
    names = {hub.api: "https://api.github.com", f"{hub.url}/api/uploads": "https://uploads.github.com"}
    text, headers = answer.bytes, dict(answer.headers)
    for ours, theirs in {**names, hub.storage: f"https://{_STORAGE}", hub.url: "https://github.com"}.items():
        text = text.replace(ours.encode(), theirs.encode())
        headers = {name: value.replace(ours, theirs) for name, value in headers.items()}
    return replace(answer, headers=headers, data=text)


def note(hub: Hub, number: int, request: Request, answer: Answer, fault: Fault | None) -> None:
    """Write down what was said."""
    from fakegithub.hub import Exchange

    lost = fault in SILENT
    talks = request.kind in {"rest", "graphql"}
    said = _parsed(answer.bytes) if talks and not lost else None
    asked = _parsed(request.body) if talks and not request.path.endswith("/assets") else None
    status = None if lost else answer.status
    asker = (request.method, request.path, request.query, request.headers)
    hub.record(Exchange(number, *asker, asked, status, said, fault, request.kind))


def _answer(hub: Hub, request: Request) -> Answer:
    try:
        if request.kind == "git":
            return backend.answer(hub, request)
        with hub.lock:
            return _api(hub, request)
    except Denied as denied:
        return denied.answer


def _api(hub: Hub, request: Request) -> Answer:
    if request.kind == "storage":
        if "authorization" in request.headers:
            hub.complain(f"the token was shown to another host: {request.method} {hub.storage}{request.path}")
        return assets.stored(hub, request)
    if request.kind == "page":
        return assets.page(hub, request)
    token = _token(request.headers)
    if "user-agent" not in request.headers:
        raise Denied(403, "Request forbidden by administrative rules. Please make sure it has a User-Agent header")
    if request.headers.get("x-github-api-version", _VERSIONS[0]) not in _VERSIONS:
        raise Denied(400, "The API version that was asked for is not supported")
    if token is not None and token != hub.token:
        raise Denied(401)
    answer = graphql.answer(hub, request) if request.kind == "graphql" else dispatch(hub, request)
    scopes = {} if hub.scopes is None or token is None else {"X-OAuth-Scopes": hub.scopes}
    return replace(answer, headers={**scopes, **answer.headers})


def _measured(hub: Hub, number: int, answer: Answer) -> Answer:
    """Add what every answer says of the hour's limit."""
    limits = {"limit": _LIMIT, "remaining": max(_LIMIT - number, 0), "used": number, "reset": int(time.time()) + 3600}
    headers = {f"x-ratelimit-{name}": str(value) for name, value in limits.items()}
    return replace(
        answer,
        headers={**headers, "x-ratelimit-resource": "core", "X-GitHub-Media-Type": "github.v3", **answer.headers},
    )


def _token(headers: Mapping[str, str]) -> str | None:
    """Return the secret a request shows: as a token, or as the password of whoever."""
    kind, _, value = headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return value.strip() or None
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _level(hub: Hub, token: str | None) -> str:
    if token == hub.token:
        return hub.permission
    return "none" if hub.private else "read"


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None
