"""The sockets: the server of the API and of git, the other host with the files, https, and a unix socket."""

from __future__ import annotations

import contextlib
import select
import socket
import socketserver
import ssl
import struct
import tempfile
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from fakegithub import service
from fakegithub.faults import SILENT, Fault
from fakegithub.wire import Answer, Request

if TYPE_CHECKING:
    from fakegithub.hub import Hub

HOSTS = ("127.0.0.1", "localhost")
# How long a request that gets no answer is held, if the client does not hang up.
_PATIENCE = 60.0


class Servers:
    """The two hosts, each with a thread: `url` is GitHub, `storage` where the files of releases come from."""

    def __init__(self, hub: Hub, *, secure: bool) -> None:
        self._hub, self._scratch = hub, tempfile.TemporaryDirectory(prefix="hub")
        self.authority: Path | None = None
        self._context = self._certified() if secure else None
        scheme = "https" if secure else "http"
        self._running = [self._start(("127.0.0.1", 0)), self._start(("127.0.0.1", 0))]
        here, there = (server.server_address[1] for server in self._running)
        # Both are the same machine, yet two hosts: a token for one must not reach the other.
        self.url, self.storage = f"{scheme}://127.0.0.1:{here}", f"{scheme}://localhost:{there}"

    def socket(self) -> Path:
        path = Path(self._scratch.name) / "hub.sock"
        if not path.exists():
            self._running.append(self._start(str(path)))
        return path

    def close(self) -> None:
        for server in self._running:
            server.end()
        self._running.clear()
        self._scratch.cleanup()

    def _start(self, address: tuple[str, int] | str) -> _Server:
        kind = _UnixServer if isinstance(address, str) else _Server
        server = kind(address, self._hub, None if isinstance(address, str) else self._context)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return server

    def _certified(self) -> ssl.SSLContext:
        import trustme

        authority = trustme.CA()
        self.authority = Path(self._scratch.name) / "authority.pem"
        authority.cert_pem.write_to_path(str(self.authority))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*HOSTS).configure_cert(context)
        return context


class _Server(socketserver.ThreadingMixIn, HTTPServer):
    """A server that can be ended with clients still connected."""

    daemon_threads = False
    request_queue_size = 64

    def __init__(self, address: Any, hub: Hub, context: ssl.SSLContext | None) -> None:
        self.hub, self._context = hub, context
        self._open: set[socket.socket] = set()
        self._ended = False
        super().__init__(address, _Handler)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        request.settimeout(_PATIENCE)
        try:
            if self._context is not None:
                request = self._context.wrap_socket(request, server_side=True)
        except OSError:
            return self.shutdown_request(request)
        self._open.add(request)
        if self._ended:  # while this one was on its way in
            self._hang_up(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._open.discard(request)

    def handle_error(self, *_: object) -> None:
        """A client that hangs up in the middle is the client's affair; anything else is told by the tests."""
        import sys
        import traceback

        if not isinstance(sys.exc_info()[1], OSError):
            self.hub.complain(f"the fake itself failed: {traceback.format_exc()}")

    def end(self) -> None:
        self._ended = True
        self.shutdown()
        for connection in list(self._open):
            self._hang_up(connection)
        self.server_close()

    def _hang_up(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


class _UnixServer(_Server):
    address_family = socket.AF_UNIX

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "github.com", 443


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "GitHub.com", ""
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def setup(self) -> None:
        if self.server.address_family == socket.AF_UNIX:
            self.disable_nagle_algorithm = False
        super().setup()

    def do_GET(self) -> None:
        hub = self.server.hub
        request = service.sort(hub, self._request())
        number, fault = hub.arrived(request)
        if hub.at(number, "before"):
            fault = Fault.CUT_BEFORE
        answer = service.meet(hub, number, request, fault)
        if hub.at(number, "after") and fault is None:
            fault = Fault.CUT_AFTER
        service.note(hub, number, request, answer, fault)
        if fault in {Fault.SLOW, Fault.SLOW_AFTER}:
            select.select([self.connection], [], [], _PATIENCE)
        if fault in SILENT:
            self._reset()
        else:
            self._send(service.dressed(hub, request, answer))

    do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = do_GET  # noqa: N815 - the base class looks for these names

    def _request(self) -> Request:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        return Request(self.command, unquote(parts.path), query, headers, self._body(headers))

    def _body(self, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(headers.get("content-length", "0")))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(parts)

    def _send(self, answer: Answer) -> None:
        data = answer.bytes
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.document is not None and "Content-Type" not in answer.headers:
            self.send_header("Content-Type", "application/json; charset=utf-8")
        if answer.status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _reset(self) -> None:
        """Close the connection so that the client sees it reset, not ended."""
        if self.connection.family != socket.AF_UNIX:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def log_message(self, *arguments: object) -> None:
        """The exchanges of the hub are the log."""
