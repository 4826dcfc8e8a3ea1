"""A package index over one wheelhouse, for pip and uv on this machine, that can only be read.

All that can be asked for is known before the first request: an address is looked up, never turned into a path.
HTTP is that of RFC 9110, as far as reading needs it.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import re
import signal
import socketserver
import sys
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, unquote

from packaging.utils import canonicalize_name

from hephaestus.errors import UsageError
from hephaestus.wheelhouse.house import House
from hephaestus.wheelhouse.simple import HTML, JSON, ROOT, Document, documents

__all__ = ["listen", "serve"]

log = logging.getLogger("hephaestus")

_ADDRESS = "127.0.0.1"
# A page from elsewhere can make a browser ask us under that page's own name (DNS rebinding); it is told nothing.
_OWN_NAME = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]{1,5})?", re.IGNORECASE)
_LATEST = {
    "application/vnd.pypi.simple.latest+json": JSON,
    "application/vnd.pypi.simple.latest+html": HTML,
}
_WEIGHT = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


def serve(house: House, on_ready: Callable[[str], None], port: int = 0) -> None:
    """Serve a wheelhouse to this machine until Ctrl-C or SIGTERM, which are the ways to end it.

    `on_ready` is called with the address for `--index-url` once requests are answered; port 0 is any free one.
    Raises `UsageError` where the port cannot be had.
    """
    # As a service is ended: else whoever unpacked the wheelhouse for us could not tidy up.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with listen(house, port) as server, contextlib.suppress(KeyboardInterrupt):
        on_ready(f"http://{_ADDRESS}:{server.server_port}{ROOT}")
        server.serve_forever()


def listen(house: House, port: int = 0) -> ThreadingHTTPServer:
    """Return a server that holds its port and answers once its `serve_forever` is called."""
    try:
        return _Server((_ADDRESS, port), functools.partial(_Request, documents(house)))
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"port {port} of {_ADDRESS} cannot be listened on: {error}", "hephaestus wheelhouse serve ARCHIVE --port 0"
        ) from error


def _acceptable(header: str, offers: Sequence[Document]) -> Document | None:
    """Return the form a client likes best (RFC 9110, Accept), the first one of those it likes equally."""
    wishes = dict(_wish(part) for part in header.split(",") if part.strip()) or {"*/*": 1.0}

    def liked(offer: Document) -> float:
        media = offer.media.partition(";")[0]
        return next((wishes[each] for each in (media, f"{media.partition('/')[0]}/*", "*/*") if each in wishes), 0.0)

    best = max(offers, key=liked)
    return best if liked(best) > 0 else None


def _wish(part: str) -> tuple[str, float]:
    media, *parameters = (each.strip().lower() for each in part.split(";"))
    weight = next((each[2:] for each in parameters if each.startswith("q=")), "1")
    return _LATEST.get(media, media), float(weight) if _WEIGHT.fullmatch(weight) else 0.0


def _span(header: str, size: int) -> tuple[int, int] | None:
    """Return first byte and number of bytes of a range (RFC 9110), or `None` where all of it is to be sent.

    Nothing of it in the file is a length of 0.
    """
    found = _RANGE.fullmatch(header.strip())
    if found is None or found[1] == found[2] == "":
        return None  # several ranges, another unit or nonsense may be ignored
    if not found[1]:
        length = min(int(found[2]), size)
        return size - length, length
    first = int(found[1])
    last = min(int(found[2] or size - 1), size - 1)
    if found[2] and int(found[2]) < first:
        return None
    return first, max(0, last + 1 - first)


class _Server(ThreadingHTTPServer):
    # Elsewhere than on POSIX it lets another process take the port while we hold it.
    allow_reuse_address = os.name == "posix"

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # without asking the network for the name of this machine
        self.server_name, self.server_port = _ADDRESS, int(self.server_address[1])

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002  (the base class gives it)
        log.debug("index: a request of %s ended early: %r", client_address, sys.exc_info()[1])


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "hephaestus", ""
    disable_nagle_algorithm = True  # else the second of two writes waits for the client's acknowledgement
    timeout = 60

    def __init__(self, documents: Mapping[str, Sequence[Document]], *arguments: Any) -> None:  # noqa: ANN401  (the server's)
        self._documents = documents
        super().__init__(*arguments)

    def do_GET(self) -> None:
        """Answer with a document, a redirect or a refusal."""
        if "Content-Length" in self.headers or "Transfer-Encoding" in self.headers:
            self.close_connection = True  # a body nobody reads would be taken for the next request
        hosts = self.headers.get_all("Host", [])
        if len(hosts) != 1 or not _OWN_NAME.fullmatch(hosts[0].strip()):
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST, "this index answers to 127.0.0.1 and localhost")
            return
        address = unquote(self.path.partition("?")[0])
        offers = self._documents.get(address)
        if offers:
            self._answer(offers)
        elif moved := self._moved(address):
            self._say(HTTPStatus.MOVED_PERMANENTLY, f"it is at {moved}", {"Location": quote(moved)})
        else:
            self._say(HTTPStatus.NOT_FOUND, "this wheelhouse does not have it")

    def do_HEAD(self) -> None:
        """Answer as to GET, without the body."""
        self.do_GET()

    def _moved(self, address: str) -> str | None:
        """Return where something is whose name is not normalised (PEP 503), or that lacks its last slash."""
        if f"{address}/" == ROOT:
            return ROOT
        moved = f"{ROOT}{canonicalize_name(address.removeprefix(ROOT).rstrip('/'))}/"
        return moved if address.startswith(ROOT) and moved in self._documents else None

    def _answer(self, offers: Sequence[Document]) -> None:
        document = _acceptable(", ".join(self.headers.get_all("Accept", [])), offers) if len(offers) > 1 else offers[0]
        varying = {"Vary": "Accept"} if len(offers) > 1 else {}
        if document is None:
            types = ", ".join(each.media for each in offers)
            self._say(HTTPStatus.NOT_ACCEPTABLE, f"there is only {types}", varying)
            return
        headers = {"ETag": document.validator, "Cache-Control": "no-cache", "Accept-Ranges": "bytes", **varying}
        known = ",".join(self.headers.get_all("If-None-Match", []))
        if {each.strip().removeprefix("W/") for each in known.split(",")} & {document.validator, "*"}:
            self._head(HTTPStatus.NOT_MODIFIED, headers)
        else:
            self._send(document, headers)

    def _send(self, document: Document, headers: dict[str, str]) -> None:
        """Send a document or the part of it that is asked for."""
        size, span = document.size, None
        # A part of what is not the client's document any more would be added to it.
        if self.command == "GET" and self.headers.get("If-Range", document.validator) == document.validator:
            span = _span(self.headers.get("Range", ""), size)
        first, length = span or (0, size)
        if span and not length:
            refusal = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
            self._say(refusal, f"it has {size} bytes", {"Content-Range": f"bytes */{size}"})
            return
        if span:
            headers = {**headers, "Content-Range": f"bytes {first}-{first + length - 1}/{size}"}
        self._head(HTTPStatus.PARTIAL_CONTENT if span else HTTPStatus.OK, headers, document.media, length)
        self._body(document, first, length)

    def _head(self, status: HTTPStatus, headers: dict[str, str], media: str = "", size: int | None = None) -> None:
        self.send_response(status)
        if size is not None:
            headers = {
                "Content-Type": media,
                "Content-Length": str(size),
                "X-Content-Type-Options": "nosniff",
                **headers,
            }
        for name, value in headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def _body(self, document: Document, first: int, length: int) -> None:
        if self.command == "HEAD" or not length:
            return
        if isinstance(document.body, bytes):
            self.wfile.write(document.body[first : first + length])
        else:
            with document.body.open("rb") as file:
                self.connection.sendfile(file, first, length)

    def _say(self, status: HTTPStatus, text: str, headers: dict[str, str] | None = None) -> None:
        """Answer with a line of text."""
        body = f"{text}\n".encode()
        self._head(status, headers or {}, "text/plain; charset=utf-8", len(body))
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, *_: object) -> None:
        """Refuse what the base class cannot read or has no method for, as text."""
        self.close_connection = True  # what follows may be the body of what was refused
        if code == HTTPStatus.NOT_IMPLEMENTED:
            self._say(HTTPStatus.METHOD_NOT_ALLOWED, "this index can only be read", {"Allow": "GET, HEAD"})
        else:
            self._say(HTTPStatus(code), message or HTTPStatus(code).phrase)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  (the name the base class gives it)
        """Keep the access log for those who want to see it."""
        log.debug("index: %s", format % arguments)
