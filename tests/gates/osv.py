"""A vulnerability service on the loopback interface that speaks OSV's protocol, for real clients.

It answers `POST /v1/query` and `POST /v1/querybatch` (https://google.github.io/osv.dev/api/) and `GET /v1/vulns/ID`.
"""

import http.server
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Vulnerability:
    """A vulnerability of one version of a package."""

    id: str
    package: str
    version: str
    fixed: str = ""
    aliases: Sequence[str] = ()
    summary: str = "It grows where it should not"

    def document(self) -> dict[str, object]:
        events = [{"introduced": "0"}, *([{"fixed": self.fixed}] if self.fixed else [])]
        return {
            "schema_version": "1.7.0",
            "id": self.id,
            "modified": "2026-01-02T00:00:00Z",
            "published": "2026-01-01T00:00:00Z",
            "aliases": list(self.aliases),
            "summary": self.summary,
            "details": self.summary,
            "affected": [
                {
                    "package": {"name": self.package, "ecosystem": "PyPI"},
                    "ranges": [{"type": "ECOSYSTEM", "events": events}],
                    "versions": [self.version],
                }
            ],
        }


class Service:
    """The service while it is entered; `status` is answered instead of all else, and `hangs` answers nothing."""

    def __init__(self, *known: Vulnerability, status: int = 0, body: bytes | None = None, hangs: bool = False) -> None:
        self.known = known
        self.status, self.body, self.hangs = status, body, hangs
        self.asked: list[tuple[str, str]] = []  # each package and version that was asked about
        self.ended = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.service = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()

    def of(self, query: dict[str, object]) -> list[Vulnerability]:
        package = query["package"]
        assert isinstance(package, dict)
        asked = (str(package["name"]), str(query["version"]))
        self.asked.append(asked)
        return [each for each in self.known if (each.package, each.version) == asked]


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    service: Service

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that hang up."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the name it has there)
        """Keep quiet."""

    def do_GET(self) -> None:
        name = self.path.rpartition("/vulns/")[2]
        found = next((each for each in self.server.service.known if each.id == name), None)
        self._answer(200 if found else 404, found.document() if found else {"code": 5, "message": "Bug not found."})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        service = self.server.service
        if self.path.endswith("/querybatch"):
            batch = [
                [{"id": each.id, "modified": "2026-01-02T00:00:00Z"} for each in service.of(query)]
                for query in asked["queries"]
            ]
            self._answer(200, {"results": [{"vulns": some} if some else {} for some in batch]})
        else:
            found = [each.document() for each in service.of(asked)]
            self._answer(200, {"vulns": found} if found else {})

    def _answer(self, status: int, document: object) -> None:
        service = self.server.service
        if service.hangs:
            service.ended.wait()
            return
        body = json.dumps(document).encode() if service.body is None else service.body
        self.send_response(service.status or status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
