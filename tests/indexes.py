"""A package index on the loopback interface, with a line of any length and width, and with everything that goes wrong.

It serves the wheels and sdists of a directory: PEP 503 and 691, with the metadata of PEP 658 and the sizes of
PEP 700. `python tests/indexes.py DIRECTORY --latency 0.02 --rate 125e6` serves until it is interrupted.
"""

import argparse
import base64
import contextlib
import hashlib
import html
import http.client
import http.server
import json
import re
import select
import socket
import ssl
import threading
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Self

JSON = "application/vnd.pypi.simple.v1+json"


@dataclass
class Fault:
    """What goes wrong with a file. A fault with a number of `times` is over after them."""

    times: int = 1_000_000
    cut: int | None = None  # the connection ends after that many bytes
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    wrong: bytes | None = None  # these bytes instead
    longer: bytes | None = None  # these bytes behind the others, and no length is told
    stalls: bool = False  # the connection stays open, and nothing more comes
    no_range: bool = False
    wrong_range: bool = False
    redirect: str | None = None  # to that address, with the same path
    yanked: str | None = None


@dataclass(frozen=True)
class Request:
    """What was asked for."""

    path: str
    headers: Mapping[str, str]


class Line:
    """A line that all connections share: so many bytes a second."""

    def __init__(self, rate: float | None) -> None:
        self._rate = rate
        self._free = 0.0
        self._guard = threading.Lock()

    def take(self, count: int) -> None:
        if self._rate:
            with self._guard:
                self._free = max(self._free, time.monotonic()) + count / self._rate
                wait = self._free - time.monotonic()
            if wait > 0:
                time.sleep(wait)


class Index:
    """A directory of wheels and sdists as an index, while it is entered."""

    def __init__(
        self,
        directory: Path,
        *,
        latency: float = 0,
        rate: float | None = None,
        credentials: tuple[str, str] | None = None,
        json: bool = True,
        hashes: bool = True,
        certificate: Path | None = None,
        port: int = 0,
    ) -> None:
        self.directory = directory
        self.latency = latency
        self.line = Line(rate)
        self.credentials = credentials
        self.json = json
        self.hashes = hashes
        self.faults: dict[str, Fault] = {}
        self.requests: list[Request] = []
        self.ended = threading.Event()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.index = self
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.origin = f"{'https' if certificate else 'http'}://127.0.0.1:{self._server.server_address[1]}"
        self.url = f"{self.origin}/simple"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()

    def address(self, name: str) -> str:
        """Return the URL of a file."""
        return f"{self.origin}/files/{name}"

    def asked(self, name: str) -> list[Request]:
        """Return the requests for a file, or for the page of a project."""
        return [request for request in self.requests if request.path.rstrip("/").endswith(f"/{name}")]

    def files(self, project: str) -> list[Path]:
        return [path for path in sorted(self.directory.iterdir()) if project_of(path.name) == project]

    def fault(self, name: str) -> Fault:
        """Return what goes wrong with a file now, and count it."""
        fault = self.faults.get(name, Fault())
        fault.times -= 1
        return fault if fault.times >= 0 else Fault(yanked=fault.yanked)


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    index: Index

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that hang up: many tests make them."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    disable_nagle_algorithm = True
    wbufsize = 64 << 10

    def setup(self) -> None:
        super().setup()
        time.sleep(self.server.index.latency)  # the handshake

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the name it has there)
        """Keep quiet."""

    def do_GET(self) -> None:
        index = self.server.index
        index.requests.append(Request(self.path, dict(self.headers)))
        time.sleep(index.latency)
        kind, _, name = self.path.partition("?")[0].strip("/").partition("/")
        if not self._known():
            self._answer(401, b"who are you?", {"WWW-Authenticate": "Basic"})
        elif kind == "simple":
            self._page(name)
        elif kind == "files" and name.endswith(".metadata"):
            self._answer(200, metadata(index.directory / name.removesuffix(".metadata")) or b"")
        elif kind == "files" and (index.directory / name).is_file():
            self._file(index.directory / name, index.fault(name))
        else:
            self._answer(404, b"not here")

    def _known(self) -> bool:
        if self.server.index.credentials is None:
            return True
        wanted = base64.b64encode(":".join(self.server.index.credentials).encode()).decode()
        return self.headers.get("Authorization") == f"Basic {wanted}"

    def _page(self, project: str) -> None:
        index = self.server.index
        fault = index.fault(f"simple/{project}" if project else "simple")
        files = index.files(project)
        if fault.status or fault.wrong is not None:
            self._answer(fault.status or 200, fault.wrong or b"", fault.headers)
        elif fault.redirect:
            self._answer(302, b"", {"Location": f"{fault.redirect}{self.path}"})
        elif not files:
            self._answer(404, b"no such project")
        elif index.json and JSON in self.headers.get("Accept", ""):
            document = {"meta": {"api-version": "1.1"}, "name": project, "files": [self._entry(path) for path in files]}
            self._answer(200, json.dumps(document).encode(), {"Content-Type": JSON})
        else:
            links = "".join(self._link(path) for path in files)
            self._answer(200, f"<!DOCTYPE html><body>{links}</body>".encode(), {"Content-Type": "text/html"})

    def _entry(self, path: Path) -> dict[str, object]:
        told = metadata(path)
        yanked = self.server.index.faults.get(path.name, Fault()).yanked
        return {
            "filename": path.name,
            "url": f"../../files/{path.name}",
            "hashes": {"sha256": digest(path)} if self.server.index.hashes else {},
            "size": path.stat().st_size,
            "upload-time": "2026-01-02T03:04:05Z",
            "yanked": yanked or yanked is not None,
            "core-metadata": {"sha256": hashlib.sha256(told).hexdigest()} if told else False,
            **({"requires-python": wanted} if (wanted := requires_python(path)) else {}),
        }

    def _link(self, path: Path) -> str:
        told = metadata(path)
        fragment = f"#sha256={digest(path)}" if self.server.index.hashes else ""
        yanked = self.server.index.faults.get(path.name, Fault()).yanked
        attributes = "" if yanked is None else f' data-yanked="{html.escape(yanked)}"'
        attributes += f' data-core-metadata="sha256={hashlib.sha256(told).hexdigest()}"' if told else ""
        if wanted := requires_python(path):
            attributes += f' data-requires-python="{html.escape(wanted)}"'
        return f'<a href="../../files/{path.name}{fragment}"{attributes}>{path.name}</a><br>'

    def _file(self, path: Path, fault: Fault) -> None:
        if fault.status:
            self._answer(fault.status, b"", fault.headers)
        elif fault.redirect:
            self._answer(302, b"", {"Location": f"{fault.redirect}{self.path}"})
        elif fault.wrong is not None:
            self._answer(200, fault.wrong)
        elif fault.longer is not None:
            self.close_connection = True
            self._head(200, {"Connection": "close"})
            self.wfile.write(path.read_bytes() + fault.longer)
        else:
            self._bytes(path, fault)

    def _bytes(self, path: Path, fault: Fault) -> None:
        size = path.stat().st_size
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        first = int(asked[1]) if asked and not fault.no_range else 0
        if asked and first >= size:
            self._answer(416, b"", {"Content-Range": f"bytes */{size}"})
            return
        told = {"Content-Length": str(size - first), "Accept-Ranges": "bytes"}
        if asked and not fault.no_range:
            first = 0 if fault.wrong_range else first
            told |= {"Content-Range": f"bytes {first}-{size - 1}/{size}", "Content-Length": str(size - first)}
            self._head(206, told)
        else:
            self._head(200, told)
        self._send(path, first, size if fault.cut is None else min(size, first + fault.cut))
        if fault.stalls:
            self.server.index.ended.wait(60)
        if fault.stalls or fault.cut is not None:
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

    def _send(self, path: Path, first: int, end: int) -> None:
        self.wfile.flush()
        with path.open("rb") as file:
            if self.server.index.line._rate is None:
                self.connection.sendfile(file, first, end - first) if end > first else None
                return
            file.seek(first)
            while first < end:
                block = file.read(min(64 << 10, end - first))
                first += len(block)
                self.server.index.line.take(len(block))
                self.connection.sendall(block)

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self._head(status, {"Content-Length": str(len(body)), **(headers or {})})
        self.server.index.line.take(len(body))
        self.wfile.write(body)

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


class Proxy:
    """A proxy for http and, with CONNECT, for https, while it is entered; `requests` has what it was asked for."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        requests = self.requests

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the name it has there)
                """Keep quiet."""

            def do_GET(self) -> None:
                requests.append(Request(self.path, dict(self.headers)))
                host, _, path = self.path.removeprefix("http://").partition("/")
                connection = http.client.HTTPConnection(host)
                connection.request("GET", f"/{path}")
                answer = connection.getresponse()
                body = answer.read()
                connection.close()
                self.send_response(answer.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_CONNECT(self) -> None:
                requests.append(Request(self.path, dict(self.headers)))
                host, _, port = self.path.partition(":")
                self.send_response(200)
                self.end_headers()
                with socket.create_connection((host, int(port))) as there:
                    pass_on(self.connection, there)

        return Handler


def pass_on(one: socket.socket, other: socket.socket) -> None:
    """Hand the bytes of each to the other until one of them ends."""
    ways = {one: other, other: one}
    while True:
        for ready in select.select([*ways], [], [], 10)[0]:
            data = ready.recv(64 << 10)
            if not data:
                return
            ways[ready].sendall(data)


@cache
def project_of(name: str) -> str:
    """Return the normalised project of a file, or nothing for a file that is neither wheel nor sdist."""
    found = re.fullmatch(r"(.+?)-[^-]+(-[^-]+)*\.whl|(.+)-[^-]+\.(tar\.gz|zip)", name)
    return re.sub(r"[-_.]+", "-", (found[1] or found[3])).lower() if found else ""


@cache
def digest(path: Path) -> str:
    """Return the sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@cache
def metadata(path: Path) -> bytes | None:
    """Return the METADATA of a wheel."""
    if path.suffix != ".whl" or not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as wheel:
        name = next((name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")), None)
        return wheel.read(name) if name else None


def requires_python(path: Path) -> str | None:
    """Return what a wheel says of the Python it needs."""
    found = re.search(rb"^Requires-Python: *(.+?)\r?$", metadata(path) or b"", re.MULTILINE)
    return found[1].decode() if found else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--latency", type=float, default=0, help="seconds from question to answer")
    parser.add_argument("--rate", type=float, help="bytes a second, of all connections together")
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    with Index(given.directory, latency=given.latency, rate=given.rate, port=given.port) as index:
        print(index.url, flush=True)  # noqa: T201  (its only output: where it is)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
