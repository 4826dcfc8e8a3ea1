"""HTTP as package indexes need it: connections that stay open, proxies, trust, redirects, and what is tried again.

`http.client` alone, as it is several times faster with large files than the libraries built upon it.
"""

from __future__ import annotations

import base64
import contextlib
import email.utils
import http.client
import os
import re
import shlex
import socket
import ssl
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

from hephaestus import __version__, system
from hephaestus.errors import CouldNotRun

__all__ = ["Answer", "Network", "Patience", "Session", "Trouble", "ambiguous", "basic", "origin", "shown"]

_Result = TypeVar("_Result")

_MOVED = {301, 302, 303, 307, 308}
_AGAIN = {408, 425, 429, 500, 502, 503, 504}
_REDIRECTS = 10
_SMALL = 64 << 10
_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[^\x00-\x20\x7f]+")
_LOADING = threading.Lock()


class Trouble(Exception):
    """A request that came to nothing: what happened, the status where there is one, whether trying again may help.

    `wait` is how many seconds the server asks to be left alone, `silent` that no answer even began, `gained` that
    bytes came which will be kept.
    """

    def __init__(self, text: str, *, status: int | None = None, again: bool = False, wait: float | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.again = again
        self.wait = wait
        self.silent = False
        self.gained = False


@dataclass(frozen=True)
class Patience:
    """How long one operation may take, how often is tried again, and the pauses between, which double."""

    timeout: float = 30.0
    again: int = 3
    pause: float = 0.5
    longest: float = 60.0

    def with_(self, act: Callable[[], _Result], wait: Callable[[float], object] = system.pause) -> _Result:
        """Return what `act` gives, tried again after trouble that may pass; a try that gained bytes counts not.

        Raises the last `Trouble`.
        """
        left, pause = self.again, self.pause
        while True:
            try:
                return act()
            except Trouble as trouble:
                left = self.again if trouble.gained else left - 1
                if not trouble.again or left < 0:
                    raise
                wait(min(pause if trouble.wait is None else trouble.wait, self.longest))
                pause *= 2


@dataclass(frozen=True)
class Network:
    """Whom to trust, and which way to go: what pip and uv are told about it.

    `certificates` are files or directories trusted beside the system's own; `insecure` hosts (`name` or
    `name:port`) are not checked at all; `proxy` goes before the environment's.
    """

    certificates: tuple[str, ...] = ()
    client_certificate: str | None = None
    insecure: frozenset[str] = frozenset()
    proxy: str | None = field(default=None, repr=False)  # which may hold a password

    def context(self, host: str, port: int) -> ssl.SSLContext:
        """Return the TLS context for a host; raises `CouldNotRun` where a certificate file cannot be used."""
        with _LOADING:
            return self._blind if {host, f"{host}:{port}"} & self.insecure else self._careful

    def proxy_for(self, url: SplitResult) -> SplitResult | None:
        """Return the proxy for a URL, or `None`; raises `CouldNotRun` for one that does not speak http."""
        address = self.proxy
        if address is None and not proxy_bypass(url.hostname or ""):
            proxies = getproxies()
            address = proxies.get(url.scheme) or proxies.get("all")
        if not address:
            return None
        address = address if "://" in address else f"http://{address}"
        if ambiguous(address):
            raise CouldNotRun("the proxy that is configured is no address", "env | grep -i _proxy")
        proxy = urlsplit(address)
        if proxy.scheme != "http" or not proxy.hostname:
            raise CouldNotRun(f"the proxy {shown(address)} is none that speaks http://", "env | grep -i _proxy")
        return proxy

    @cached_property
    def _careful(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        known = {os.path.realpath(path) for path in ssl.get_default_verify_paths()[:2] if path}
        for place in self.certificates:
            if os.path.realpath(place) not in known:
                with _certificates(place):
                    isdir = Path(place).is_dir()
                    context.load_verify_locations(None if isdir else place, place if isdir else None)
        return self._with_client(context)

    @cached_property
    def _blind(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return self._with_client(context)

    def _with_client(self, context: ssl.SSLContext) -> ssl.SSLContext:
        if self.client_certificate:
            with _certificates(self.client_certificate):
                context.load_cert_chain(self.client_certificate)
        return context


@contextlib.contextmanager
def _certificates(place: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:  # ssl.SSLError is one
        raise CouldNotRun(
            f"the certificates in {place} cannot be used: {error}", f"ls -l {shlex.quote(str(place))}"
        ) from error


class Answer:
    """What a server answered: `status`, `headers`, the `url` after all redirects, and the body, to be read once."""

    def __init__(self, url: str, response: http.client.HTTPResponse, drop: Callable[[], None]) -> None:
        self.url = url
        self.status = response.status
        self.headers: Message = response.headers
        self._response = response
        self._drop = drop

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        """Leave the connection fit for the next request, or close it."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            if kind is None and len(self._response.read(_SMALL)) < _SMALL:
                return
        self._response.close()  # which holds the socket alone where the server closes after it
        self._drop()

    def demand(self, *good: int) -> None:
        """Raise `Trouble` unless the status is one of these."""
        if self.status not in good:
            text = f"the answer is {self.status} {http.client.responses.get(self.status, '')}".rstrip()
            wait = _seconds(self.headers.get("Retry-After"))
            raise Trouble(text, status=self.status, again=self.status in _AGAIN, wait=wait)

    def length(self) -> int | None:
        """Return how many bytes the body has, where the server says so."""
        return self._response.length

    def readinto(self, block: memoryview) -> int:
        """Read the next bytes of the body; 0 at its end. Raises `Trouble`."""
        with _told(self.url):
            return self._response.readinto(block)

    def read(self, limit: int) -> bytes:
        """Return the whole body, unpacked where it came compressed; `Trouble` where it is longer than `limit`."""
        compressed = self.headers.get("Content-Encoding", "").lower() in {"gzip", "x-gzip", "deflate"}
        expected = self.length()
        with _told(self.url):
            data = self._response.read(limit + 1)
            if expected is not None and len(data) < min(expected, limit + 1):
                raise Trouble("the answer was cut off", again=True)
            if compressed:
                data = zlib.decompressobj(32 + zlib.MAX_WBITS).decompress(data, limit + 1)
        if len(data) > limit:
            raise Trouble(f"the answer is longer than {limit >> 20} MB")
        return data


class Session:
    """Connections of one thread, kept open from request to request, one for each server.

    `authorization` gives the header's value for a URL, or `None`.
    """

    def __init__(self, network: Network, authorization: Callable[[str], str | None], timeout: float) -> None:
        self._network = network
        self._authorization = authorization
        self._timeout = timeout
        self._kept: dict[str, http.client.HTTPConnection] = {}

    def get(self, url: str, headers: Mapping[str, str]) -> Answer:
        """Ask for a URL, wherever that leads, and return the answer, whatever its status.

        A secret is sent to none but the server it is for, and never in clear text after a redirect from https.
        Raises `Trouble` where there is no answer, and `CouldNotRun` for settings that cannot be used.
        """
        secrets = True
        for _ in range(_REDIRECTS):
            answer = self._ask(url, headers, self._authorization(url) if secrets else None)
            target = answer.headers.get("Location")
            if answer.status not in _MOVED or not target:
                return answer
            with answer:
                here, url = url, _moved(url, target)
            secrets = secrets and not (here.startswith("https:") and url.startswith("http:"))
        raise Trouble("there is no end of redirects")

    def close(self) -> None:
        """Close all connections."""
        for server in list(self._kept):
            self._drop(server)

    __del__ = close

    def interrupt(self) -> None:
        """End all connections from another thread; the one that waits for bytes is woken and finds none."""
        for connection in list(self._kept.values()):
            if connection.sock is not None:
                with contextlib.suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)

    def _ask(self, url: str, headers: Mapping[str, str], authorization: str | None) -> Answer:
        parts = _split(url)
        server = origin(url)
        proxy = self._network.proxy_for(parts)
        path = quote(f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}", safe="%/:=&?~+!$,;'@()*[]")
        sent = {"User-Agent": f"hephaestus/{__version__}", **headers}
        if authorization:
            sent["Authorization"] = authorization
        if proxy and parts.scheme == "http":
            path = f"{server}{path}"
            sent.update(_proxy_authorization(proxy))
        used = server in self._kept
        connection = self._kept.setdefault(server, self._kept.get(server) or self._connect(parts, proxy))
        try:
            return self._send(connection, url, path, sent)
        except Trouble as trouble:
            self._drop(server)
            if not used or trouble.status or isinstance(trouble.__cause__, TimeoutError):
                raise
        # A server may close a connection that was left open; that is no trouble yet.
        self._kept[server] = self._connect(parts, proxy)
        return self._send(self._kept[server], url, path, sent)

    def _send(self, connection: http.client.HTTPConnection, url: str, path: str, headers: Mapping[str, str]) -> Answer:
        try:
            with _told(url):
                connection.request("GET", path, headers=dict(headers))
                return Answer(url, connection.getresponse(), lambda: self._drop(origin(url)))
        except Trouble as trouble:
            trouble.silent = True
            raise

    def _connect(self, url: SplitResult, proxy: SplitResult | None) -> http.client.HTTPConnection:
        host, port = url.hostname or "", url.port or _PORTS[url.scheme]
        way = (proxy.hostname or "", proxy.port or _PORTS["http"]) if proxy else (host, port)
        if url.scheme == "http":
            return http.client.HTTPConnection(*way, timeout=self._timeout)
        context = self._network.context(host, port)
        connection = http.client.HTTPSConnection(*way, timeout=self._timeout, context=context)
        if proxy:
            connection.set_tunnel(host, port, _proxy_authorization(proxy))
        return connection

    def _drop(self, server: str) -> None:
        connection = self._kept.pop(server, None)
        if connection is not None:
            connection.close()


@contextlib.contextmanager
def _told(url: str) -> Iterator[None]:
    """Turn what can happen on the way into `Trouble`."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise Trouble(f"the certificate of {shown(origin(url))} is not trusted: {error.verify_message}") from error
    except TimeoutError as error:
        raise Trouble("there is no answer in time", again=True) from error
    except (http.client.InvalidURL, zlib.error) as error:
        raise Trouble(f"the answer or the address is no good: {error}") from error
    except (OSError, http.client.HTTPException) as error:
        text = str(error) or type(error).__name__
        raise Trouble(f"the connection failed: {text[:200]}", again=True) from error


def _split(url: str) -> SplitResult:
    """Take a URL of a web server apart; raises `Trouble` for any other, as servers and locks may hold anything."""
    with contextlib.suppress(ValueError):
        parts = urlsplit(url)
        if parts.scheme in _PORTS and _HOST.fullmatch(parts.hostname or "") and parts.hostname and parts.port != 0:
            parts.hostname.encode("idna")
            return parts
    raise Trouble(f"{shown(url)!r} is no address of a web server")


def _moved(url: str, target: str) -> str:
    """Return where a redirect leads; a name and password in it are not ours to send."""
    try:
        parts = _split(urljoin(url, target))
    except ValueError as error:
        raise Trouble("the redirect leads nowhere") from error
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()


def origin(url: str) -> str:
    """Return scheme, host and port of a URL, as in `https://example.org:443`. Raises `Trouble` where it has none."""
    parts = _split(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}:{parts.port or _PORTS[parts.scheme]}"


def shown(url: str) -> str:
    """Return a URL as it may be shown: without name, password, query and fragment, any of which may be a secret."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url
    rest = rest.partition("?")[0].partition("#")[0]
    server, slash, path = rest.partition("/")
    return f"{scheme}://{server.rpartition('@')[2]}{slash}{path}"[:300]


def ambiguous(url: str) -> bool:
    """Tell whether nobody can say which part of a URL is its password, so that no part of it may be shown or asked.

    A `/`, `?` or `#` in a password ends the server's name too early: an `@` is left behind it.
    """
    try:
        parts = urlsplit(url)
        return parts.port == 0 or "@" in parts._replace(scheme="", netloc="").geturl()
    except ValueError:
        return True


def basic(user: str, password: str) -> str:
    """Return the value of an Authorization header (RFC 7617)."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def _proxy_authorization(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    return {"Proxy-Authorization": basic(unquote(proxy.username), unquote(proxy.password or ""))}


def _seconds(text: str | None) -> float | None:
    """Return what Retry-After says (RFC 9110, 10.2.3), in seconds from now."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text.strip()[:9])
    try:
        return max(0.0, (email.utils.parsedate_to_datetime(text) - system.now()).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None
