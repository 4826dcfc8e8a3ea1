"""One question to the server and its answer: bounded in time and size, and the token only to whom it belongs."""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit
from weakref import finalize

from hephaestus import __version__, system
from hephaestus.forge.github.address import Address
from hephaestus.forge.github.token import Token

if TYPE_CHECKING:
    import httpx2

__all__ = ["Answer", "Cut", "Question", "Unsent", "Wire"]

_HEADERS = {
    "User-Agent": f"hephaestus/{__version__}",
    "X-GitHub-Api-Version": "2022-11-28",
}
_JSON = "application/vnd.github+json"
_CONNECT, _SILENCE = 10, 30
# A whole exchange may take this many seconds, and one more for every so many bytes of a file.
_PATIENCE, _SLOWEST = 120, 50_000
# No document GitHub makes comes near it.
_LARGEST = 64 << 20
_BLOCK = 1 << 18
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HOPS = 5


class Unsent(Exception):
    """The request surely had no effect: nothing of it went out."""


class Cut(Exception):
    """The request went out, and no whole answer came back."""


@dataclass(frozen=True)
class Question:
    """What is asked: the `body` is JSON or the bytes of `file`; with `into` the answer goes to that file."""

    method: str
    url: str
    query: Mapping[str, str | int] = field(default_factory=dict)
    body: bytes | None = None
    file: Path | None = None
    into: Path | None = None


@dataclass(frozen=True)
class Answer:
    """What came back; the names of the headers are in small letters. The body is empty where it went to a file."""

    status: int
    headers: Mapping[str, str]
    body: str = ""


@dataclass(frozen=True)
class Wire:
    """The connection to the server of an address; it may be used by several threads at once."""

    address: Address
    token: Token | None

    def ask(self, question: Question) -> Answer:
        """Ask once. The redirects of a GET are followed, and other hosts are not told who we are.

        Raises `Unsent` and `Cut`, each with a reason that people can read.
        """
        import httpx2

        url = question.url
        try:
            for hop in range(_HOPS):
                answer = self._exchange(question, url, first=hop == 0)
                target = answer.headers.get("location")
                if question.method != "GET" or answer.status not in _REDIRECTS or target is None:
                    return answer
                url = self._next(url, target)
        # The chain of causes is cut: further down, the requests have headers with the token.
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError) as error:
            raise Unsent(self._reason(error)) from None
        except (httpx2.RequestError, httpx2.InvalidURL) as error:
            raise Cut(self._reason(error)) from None
        raise Cut(f"it sends us from one address to the next, {_HOPS} times")

    def trusts(self, url: str) -> bool:
        """Tell whether the token may be sent to an address."""
        return _origin(url) in {_origin(each) for each in (self.address.api, self.address.uploads)}

    @cached_property
    def _http(self) -> httpx2.Client:
        import httpx2

        timeout = httpx2.Timeout(_SILENCE, connect=_CONNECT)
        # What may be spoken in the clear stays on this machine, whatever proxy the environment names.
        elsewhere = not self.address.api.startswith("http:") or not self.address.is_local
        named = tuple(os.environ.get(name) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR")) if elsewhere else None
        http = httpx2.Client(
            headers=_HEADERS, timeout=timeout, verify=_trusted(named), follow_redirects=False, trust_env=elsewhere
        )
        finalize(self, http.close)
        return http

    def _exchange(self, question: Question, url: str, *, first: bool) -> Answer:
        size = question.file.stat().st_size if question.file else 0
        end = time.monotonic() + _PATIENCE + size / _SLOWEST
        headers = {"Accept": "application/octet-stream" if question.into else _JSON}
        content: bytes | Iterator[bytes] | None = question.body
        if question.into:
            headers["Accept-Encoding"] = "identity"
        if question.file:
            headers |= {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
            content = _blocks(question.file, size, end)
        elif content is not None:
            headers["Content-Type"] = "application/json"
        # An address we are sent to has its own query.
        query = dict(question.query) if first and question.query else None
        auth = self._sign if self.token and self.trusts(url) else None
        asked = {"params": query, "headers": headers, "content": content, "auth": auth}
        with self._http.stream(question.method, url, **asked) as response:  # type: ignore[arg-type]
            told = {name.lower(): self._scrubbed(value) for name, value in response.headers.items()}
            if question.into and response.status_code == 200:  # noqa: PLR2004  (OK)
                _save(response, question.into, told.get("content-length", ""))
                return Answer(response.status_code, told)
            return Answer(response.status_code, told, self._scrubbed(_body(response, end).decode(errors="replace")))

    def _sign(self, request: httpx2.Request) -> httpx2.Request:
        if self.token:
            request.headers["Authorization"] = f"Bearer {self.token.value}"
        return request

    def _reason(self, error: Exception) -> str:
        return self._scrubbed(str(error) or type(error).__name__)

    def _scrubbed(self, text: str) -> str:
        """Return a text without the token: some servers say back what they were told."""
        return self.token.scrub(text) if self.token else text

    def _next(self, here: str, target: str) -> str:
        """Return the address a redirect names, if it may be gone to."""
        try:
            url = urljoin(here, target)
            secure = urlsplit(url).scheme == "https" or _origin(url) == _origin(here)
        except ValueError:
            url, secure = target, False
        # A fake on loopback may send us to its other port, as the real one does to its store of files.
        plain = urlsplit(here).scheme == "http" and url.startswith("http://")
        if not secure and not plain:
            raise Cut("it sends us to an address that is not secure")
        return url


def _origin(url: str) -> tuple[str, str | None, int | None]:
    """Return scheme, host and port of an address; for what is none, something no address has."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return url, None, None


@cache
def _trusted(named: tuple[str | None, ...] | None) -> ssl.SSLContext:
    """Return whom to trust: to read all authorities takes longer than most questions, and a command asks anew often."""
    import httpx2

    return httpx2.create_ssl_context(trust_env=named is not None)


def _blocks(file: Path, size: int, end: float) -> Iterator[bytes]:
    """Yield the bytes of a file, exactly as many as were announced, while there is time."""
    with file.open("rb") as opened:
        left = size
        while left and (block := opened.read(min(_BLOCK, left))):
            _in_time(end)
            left -= len(block)
            yield block


def _body(response: httpx2.Response, end: float) -> bytes:
    whole = bytearray()
    for block in response.iter_bytes():
        whole += block
        if len(whole) > _LARGEST:
            raise Cut(f"its answer is larger than {_LARGEST >> 20} MB")
        _in_time(end)
    return bytes(whole)


def _save(response: httpx2.Response, target: Path, length: str) -> None:
    """Write the bytes of an answer to a file that has its name only when it is whole."""
    end = time.monotonic() + _PATIENCE + (int(length) if length.isdecimal() else 0) / _SLOWEST
    part = target.with_name(f".{target.name}.part")
    try:
        with part.open("wb") as opened:
            for block in response.iter_raw():
                opened.write(block)
                _in_time(end)
        system.rename(part, target)
    finally:
        part.unlink(missing_ok=True)


def _in_time(end: float) -> None:
    if time.monotonic() > end:
        raise Cut("it takes too long")
