"""A server that answers as it is told, for what GitHub itself would never say."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from hephaestus.forge.github.address import Address
from hephaestus.forge.github.client import Client
from hephaestus.forge.github.token import Token

TOKEN = Token("s3cr3t-" + "t0k3n" * 5)


@dataclass(frozen=True)
class Said:
    """One answer: a status, a body or a document, headers; `cut` after so many bytes of the body."""

    status: int = 200
    document: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    cut: int | None = None


@dataclass
class Scripted:
    """A server on loopback: `answers` are given in turn, the last one for ever; `heard` is what was asked."""

    answers: list[Said]
    heard: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def address(self) -> Address:
        return Address(self.url, f"{self.url}/api/v3", "oak", "acorn")

    @property
    def client(self) -> Client:
        return Client(self.address, TOKEN)

    @property
    def asked(self) -> list[str]:
        return [f"{method} {path}" for method, path, _, _ in self.heard]

    def next(self) -> Said:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def _handler(scripted: Scripted) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            told = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(told.get("content-length", 0)))
            scripted.heard.append((self.command, self.path, told, body))
            said = scripted.next()
            data = (
                said.body
                if said.body is not None
                else b""
                if said.document is None
                else json.dumps(said.document).encode()
            )
            self.send_response_only(said.status)
            for name, value in {"Content-Length": str(len(data)), **said.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data[: said.cut])
            self.close_connection = self.close_connection or said.cut is not None

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_CONNECT = answer  # noqa: N815  (names the base class asks for)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            pass

    return Handler
