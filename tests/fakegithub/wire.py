"""A request as it came, an answer as it goes, and which function answers which path."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from fakegithub.hub import Hub

DOCUMENTATION = "https://docs.github.com/rest"
LEVELS = ("none", "read", "write", "admin")


@dataclass(frozen=True)
class Request:
    """What a client asks; `path` is the one GitHub documents, `kind` what it is for, `level` what the caller may do."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""
    kind: str = "rest"
    level: str = "none"
    parameters: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def document(self) -> Any:
        """The JSON of the body, or `None` where there is none."""
        if not self.body:
            return None
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise Denied(400, "Problems parsing JSON") from error

    @cached_property
    def fields(self) -> dict[str, Any]:
        """The JSON of the body, which must be an object."""
        document = {} if self.document is None else self.document
        if not isinstance(document, dict):
            raise Denied(422, "Invalid request.\n\nFor 'properties', the body is not an object.")
        return document

    def may(self, level: str) -> bool:
        return LEVELS.index(self.level) >= LEVELS.index(level)

    def number(self, name: str) -> int:
        """A number of the path; what is none is of nothing."""
        if not self.parameters[name].isdigit():
            raise Denied(404)
        return int(self.parameters[name])


@dataclass(frozen=True)
class Answer:
    """What is said: a JSON document, bytes, or nothing but a status."""

    status: int
    document: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    data: bytes | None = None

    @property
    def bytes(self) -> bytes:
        if self.data is not None:
            return self.data
        return b"" if self.status == 204 or self.document is None else json.dumps(self.document).encode()


class Denied(Exception):
    """GitHub says no."""

    def __init__(self, status: int, message: str | None = None, *errors: Mapping[str, Any] | str) -> None:
        said = message or {401: "Bad credentials", 404: "Not Found", 422: "Validation Failed"}[status]
        document: dict[str, Any] = {"message": said, "documentation_url": DOCUMENTATION, "status": str(status)}
        if errors:
            document["errors"] = list(errors)
        self.answer = Answer(status, document)
        super().__init__(said)


def invalid(resource: str, name: str, code: str = "invalid", message: str | None = None) -> Denied:
    """The 422 about one field."""
    said = {} if message is None else {"message": message}
    return Denied(422, None, {"resource": resource, "code": code, "field": name, **said})


Handler = Callable[["Hub", Request], Answer]


class Paths:
    """Templates of paths and what belongs to each; words go before parameters, and some parameters hold slashes."""

    def __init__(self, templates: Sequence[str]) -> None:
        ordered = sorted(templates, key=lambda template: [*(part.startswith("{") for part in template.split("/")), 2])
        self._patterns = [(template, _pattern(template)) for template in ordered]

    def match(self, path: str) -> tuple[str, dict[str, str]] | None:
        for template, pattern in self._patterns:
            if found := pattern.fullmatch(path):
                return template, found.groupdict()
        return None


def _pattern(template: str) -> re.Pattern[str]:
    deep = {"ref", "branch", "path", "basehead", "tag", "name"}
    parts = re.split(r"\{(\w+)\}", template)
    made = [
        re.escape(part) if not odd % 2 else f"(?P<{part}>{'.+' if part in deep else '[^/]+'})"
        for odd, part in enumerate(parts)
    ]
    return re.compile("".join(made))


_ROUTES: dict[str, dict[str, tuple[str, Handler]]] = {}


def route(method: str, path: str, needs: str | None = None) -> Callable[[Handler], Handler]:
    """Let a function answer a path, for callers who may `needs`: reading for GET, else writing, unless told."""
    template = path.replace("/~", "/repos/{owner}/{repo}", 1) if path.startswith("/~") else path

    def put(handler: Handler) -> Handler:
        _ROUTES.setdefault(template, {})[method] = (needs or ("read" if method == "GET" else "write"), handler)
        _paths.clear()
        return handler

    return put


_paths: list[Paths] = []


def dispatch(hub: Hub, request: Request) -> Answer:
    """Answer a request to the REST API."""
    if not _paths:
        _paths.append(Paths(list(_ROUTES)))
    found = _paths[0].match(request.path)
    if found is None:
        raise Denied(404)
    template, parameters = found
    _admit(hub, request, parameters)
    method = "GET" if request.method == "HEAD" else request.method
    if method not in _ROUTES[template]:
        raise Denied(404)
    needs, handler = _ROUTES[template][method]
    unknown = method != "GET" and "authorization" not in request.headers
    if unknown or not request.may(needs) or (needs == "admin" and hub.app):
        _refuse(hub, request)
    return handler(hub, replace(request, parameters={**request.parameters, **parameters}))


def _admit(hub: Hub, request: Request, parameters: Mapping[str, str]) -> None:
    """Show nobody what he may not see."""
    if "repo" in parameters:
        asked = (parameters["owner"].lower(), parameters["repo"].lower())
        known = {(hub.owner.lower(), name.lower()) for name in (hub.name, hub.former)}
        if asked not in known or not request.may("read"):
            raise Denied(404)


def _refuse(hub: Hub, request: Request) -> None:
    if request.level == "none" or "authorization" not in request.headers:
        raise Denied(401, "Requires authentication")
    if hub.app:
        raise Denied(403, "Resource not accessible by integration")
    if hub.scopes is None:  # a token of the newer kind is told more than one of the older
        raise Denied(403, "Resource not accessible by personal access token")
    raise Denied(404)


def paged(request: Request, items: Sequence[Any], address: str) -> Answer:
    """One page of a list, with the links to its neighbours."""
    size = min(int(request.query.get("per_page", "30")), 100)
    page, last = max(int(request.query.get("page", "1")), 1), max(1, -(-len(items) // size))
    wanted = {"first": 1, "prev": page - 1} if page > 1 else {}
    wanted |= {"next": page + 1, "last": last} if page < last else {}
    links = [
        f'<{address}?{urlencode({**request.query, "page": number})}>; rel="{name}"' for name, number in wanted.items()
    ]
    headers = {"Link": ", ".join(links)} if links else {}
    return Answer(200, list(items[(page - 1) * size : page * size]), headers)
