"""The client: GitHub's REST and GraphQL interfaces for one repository; an answer, or an error that says what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from hephaestus.errors import CouldNotRun, Refused
from hephaestus.forge import look
from hephaestus.forge.github import patience, refusals
from hephaestus.forge.github.address import Address
from hephaestus.forge.github.token import Token
from hephaestus.forge.github.wire import Answer, Question, Wire

__all__ = ["Client", "Lost", "Rejected", "Seen"]

# Whoever sends a request must know what a lost reply is.
Lost = patience.Lost

_PAGES = 200
_OK, _REDIRECTED, _MISSING, _UNPROCESSABLE = 200, 300, 404, 422
_NEXT = re.compile(r'<([^>]*)>\s*;[^,]*\brel="?next\b')


class Rejected(Refused):
    """GitHub understood and said no.

    `status` is that of the answer, `codes` are those of the errors it lists, `said` are its own words.
    """

    def __init__(self, message: str, hint: str | None, status: int, codes: frozenset[str], said: str) -> None:
        """Keep what a caller may want to tell refusals apart by."""
        super().__init__(message, hint)
        self.status = status
        self.codes = codes
        self.said = said


@dataclass(frozen=True)
class Seen:
    """A document and the headers it came with; their names are in small letters."""

    document: Any
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Client:
    """The interfaces of GitHub for the repository at an address.

    Paths are relative to the repository ("releases", "issues/12"; "" is the repository itself), with a leading slash
    to the root of the interface. Names in them must be percent-encoded.

    Every call raises `Rejected` where GitHub says no, `Lost` where a request that must not be made twice went out and
    no answer came, and `CouldNotRun` where GitHub cannot be reached or does not answer as it should.
    """

    address: Address
    token: Token | None = field(repr=False)

    def get(self, path: str, **query: str | int) -> Any:  # noqa: ANN401  (JSON can be anything)
        """Return a document that is a table, or `None` where there is none."""
        found = self.look(path, **query).document
        if not isinstance(found, dict | None):
            raise self._nonsense()
        return found

    def look(self, path: str, **query: str | int) -> Seen:
        """Return a document, `None` where there is none, with the headers of the answer."""
        answer = self._ask(Question("GET", self._url(path), query), repeatable=True)
        found = None if answer.status == _MISSING else self._read(answer, f"GET {path}")
        return Seen(found, answer.headers)

    def pages(self, path: str, **query: str | int) -> Iterator[Any]:
        """Yield the items of a list, page by page.

        Raises `CouldNotRun` also where it goes on after so many pages that it may have no end.
        """
        question = Question("GET", self._url(path), {"per_page": 100, **query})
        for _ in range(_PAGES):
            answer = self._ask(question, repeatable=True)
            items = self._read(answer, f"GET {path}")
            if not isinstance(items, list) or not all(isinstance(each, dict) for each in items):
                raise self._nonsense()
            yield from items
            following = _NEXT.search(answer.headers.get("link", ""))
            if following is None:
                return
            if not self._wire.trusts(following[1]):
                raise self._nonsense()
            question = Question("GET", following[1])
        raise CouldNotRun(f"{self.address.host} does not come to the end of a list: {path}", self._page)

    def send(self, method: str, path: str, document: object = None, *, repeatable: bool = False) -> Any:  # noqa: ANN401
        """Send a document with POST, PATCH, PUT or DELETE and return the one that comes back, or `None`.

        PUT and DELETE may always be repeated, POST and PATCH only where they are said to be `repeatable`. To delete
        what is gone is no error.
        """
        body = None if document is None else json.dumps(document).encode()
        again = repeatable or method in {"PUT", "DELETE"}
        answer = self._ask(Question(method, self._url(path), body=body), repeatable=again)
        unknown = answer.status == _UNPROCESSABLE and "Reference does not exist" in answer.body
        if method == "DELETE" and (answer.status == _MISSING or unknown):
            return None
        return self._read(answer, f"{method} {path}", writes=True)

    def upload(self, url: str, file: Path, name: str) -> Any:  # noqa: ANN401  (JSON can be anything)
        """Stream a file to the `upload_url` of a release and return the document of the asset."""
        target = url.partition("{")[0]
        if not self._wire.trusts(target):
            raise CouldNotRun("GitHub wants the file to be sent to a server that is not its own", self._page)
        answer = self._ask(Question("POST", target, {"name": name}, file=file), repeatable=False)
        return self._read(answer, f"the file {name}", writes=True)

    def download(self, path: str, target: Path) -> None:
        """Stream what is at a path into a file, which is whole or not there."""
        answer = self._ask(Question("GET", self._url(path), into=target), repeatable=True)
        if answer.status != _OK:
            raise self._rejected(answer, f"GET {path}")

    def graphql(self, query: str, variables: Mapping[str, Any], *, repeatable: bool = False) -> Any:  # noqa: ANN401
        """Return the `data` of a query or a mutation; one that only reads is `repeatable`."""
        body = json.dumps({"query": query, "variables": dict(variables)}).encode()
        answer = self._ask(
            Question("POST", self.address.graphql, body=body), repeatable=repeatable, writes=not repeatable
        )
        document = self._read(answer, "a query", writes=not repeatable)
        if isinstance(document, dict) and document.get("errors"):
            raise self._rejected(answer, "a query")
        if not isinstance(document, dict) or not isinstance(document.get("data"), dict):
            raise self._nonsense(writes=not repeatable)
        return document["data"]

    @cached_property
    def _wire(self) -> Wire:
        return Wire(self.address, self.token)

    @cached_property
    def _pace(self) -> patience.Pace:
        return patience.Pace()

    @property
    def _page(self) -> str:
        return look(self.address.page)

    def _url(self, path: str) -> str:
        if path.startswith("/"):
            return f"{self.address.api}{path}"
        return f"{self.address.root}/{path}" if path else self.address.root

    def _ask(self, question: Question, *, repeatable: bool, writes: bool | None = None) -> Answer:
        changing = question.method != "GET" if writes is None else writes

        def attempt() -> Answer:
            if changing:
                self._pace.keep()
            return self._wire.ask(question)

        return patience.ask(attempt, writes=changing, repeatable=repeatable, hint=self._page)

    def _read(self, answer: Answer, what: str, *, writes: bool = False) -> Any:  # noqa: ANN401  (JSON can be anything)
        """Return the document of an answer, `None` where it has none; refuse an answer that says no."""
        if answer.status >= _REDIRECTED:
            raise self._rejected(answer, what)
        if not answer.body:
            return None
        try:
            return json.loads(answer.body)
        except (ValueError, RecursionError):
            raise self._nonsense(writes=writes) from None

    def _rejected(self, answer: Answer, what: str) -> Rejected:
        why = refusals.refusal(answer, what, self.address, self.token)
        return Rejected(why.message, why.hint, answer.status, why.codes, why.said)

    def _nonsense(self, *, writes: bool = False) -> CouldNotRun:
        """Return the error for an answer that GitHub does not give: something is in between, or broken."""
        kind = Lost if writes else CouldNotRun
        return kind(f"{self.address.host} answers, but not as GitHub does", self._page)
