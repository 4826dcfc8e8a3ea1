"""Git over http: `git http-backend`, for those who may."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from fakegithub import protection
from fakegithub.wire import Answer, Request

if TYPE_CHECKING:
    from fakegithub.hub import Hub


@cache
def _program() -> str:
    found = subprocess.run(["git", "--exec-path"], check=True, capture_output=True, text=True)
    return str(Path(found.stdout.strip()) / "git-http-backend")


def answer(hub: Hub, request: Request) -> Answer:
    """Fetch from, or push to, the repository."""
    writes = "git-receive-pack" in (request.path.rpartition("/")[2], request.query.get("service"))
    inside = _inside(hub, request.path)
    if not request.may("write" if writes else "read"):
        if "authorization" in request.headers and request.may("read"):
            return _said(403, f"Permission to {hub.owner}/{hub.name}.git denied to {hub.login}.")
        return _said(401, "Authentication failed", {"WWW-Authenticate": 'Basic realm="GitHub"'})
    if inside is None:
        return _said(404, "Repository not found.")
    protection.write(hub)
    return _run(hub, request, inside)


def _said(status: int, text: str, headers: dict[str, str] | None = None) -> Answer:
    return Answer(status, data=text.encode(), headers={"Content-Type": "text/plain", **(headers or {})})


def _inside(hub: Hub, path: str) -> str | None:
    """Return the part of a path that is inside the repository."""
    owner, _, rest = path.lstrip("/").partition("/")
    name, slash, inside = rest.partition("/")
    wanted = (hub.owner.lower(), hub.name.lower())
    return slash + inside if (owner.lower(), name.lower().removesuffix(".git")) == wanted else None


def _run(hub: Hub, request: Request, inside: str) -> Answer:
    environment = {
        **os.environ,
        "GIT_PROJECT_ROOT": str(hub.bare),
        "GIT_HTTP_EXPORT_ALL": "1",
        "REMOTE_USER": hub.login,
        "REMOTE_ADDR": "127.0.0.1",
        "REQUEST_METHOD": request.method,
        "PATH_INFO": inside,
        "QUERY_STRING": urlencode(request.query),
        "CONTENT_TYPE": request.headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(request.body)),
        "HTTP_CONTENT_ENCODING": request.headers.get("content-encoding", ""),
        "GIT_PROTOCOL": request.headers.get("git-protocol", ""),
    }
    done = subprocess.run([_program()], input=request.body, env=environment, capture_output=True, check=False)
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
    status = int(headers.pop("Status", "200").split()[0])
    return Answer(status, data=body, headers=headers)
