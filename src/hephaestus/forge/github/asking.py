"""Several questions at once: each gets its answer, GitHub's refusal of it, or the silence of the whole server."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from hephaestus.errors import CouldNotRun
from hephaestus.forge import look
from hephaestus.forge.github.client import Client, Rejected, Seen

__all__ = ["Reply", "document", "documents", "together"]

# Questions that are open at the same time.
_AT_ONCE = 8
_UPGRADE = "upgrade to"
_FORBIDDEN = 403

_Name = TypeVar("_Name", bound=Hashable)


@dataclass(frozen=True)
class Reply:
    """A document, `None` where there is none, and the headers it came with; or why GitHub does not hand it out."""

    document: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    refused: Rejected | None = None

    @property
    def unpaid(self) -> bool:
        """Whether the repository's plan does not have what was asked for, so that none of it can be in force."""
        no = self.refused
        return no is not None and no.status == _FORBIDDEN and _UPGRADE in no.said.lower()


def document(client: Client, path: str, **query: str | int) -> Callable[[], Seen]:
    """Return the question for a document of the repository."""
    return partial(_asked, client, path, query, _is_table)


def documents(client: Client, path: str, **query: str | int) -> Callable[[], Seen]:
    """Return the question for a list of documents, of which the first hundred are enough."""
    return partial(_asked, client, path, {"per_page": 100, **query}, _are_tables)


def together(questions: Mapping[_Name, Callable[[], Seen]]) -> dict[_Name, Reply]:
    """Ask all questions at the same time and return the replies by their names.

    Raises `CouldNotRun` for the first one that finds the server silent; the others are not waited for.
    """
    waiting: queue.SimpleQueue[tuple[_Name, Callable[[], Seen]]] = queue.SimpleQueue()
    replies: queue.SimpleQueue[tuple[_Name, Reply | BaseException]] = queue.SimpleQueue()
    for each in questions.items():
        waiting.put(each)
    # Not an executor: the interpreter would wait for its threads at the end, and Ctrl-C with it.
    for _ in range(min(_AT_ONCE, len(questions))):
        threading.Thread(target=_answer, args=(waiting, replies), daemon=True).start()
    answered: dict[_Name, Reply] = {}
    for _ in questions:
        name, reply = replies.get()
        if isinstance(reply, BaseException):
            raise reply
        answered[name] = reply
    return answered


def _is_table(found: object) -> bool:
    return isinstance(found, dict)


def _are_tables(found: object) -> bool:
    return isinstance(found, list) and all(map(_is_table, found))


def _asked(client: Client, path: str, query: Mapping[str, str | int], fits: Callable[[object], bool]) -> Seen:
    seen = client.look(path, **query)
    if seen.document is not None and not fits(seen.document):
        raise CouldNotRun(f"{client.address.host} answers, but not as GitHub does", look(client.address.page))
    return seen


def _answer(
    waiting: queue.SimpleQueue[tuple[_Name, Callable[[], Seen]]],
    replies: queue.SimpleQueue[tuple[_Name, Reply | BaseException]],
) -> None:
    """Ask what waits, one question after the other, until nothing does."""
    while True:
        try:
            name, ask = waiting.get_nowait()
        except queue.Empty:
            return
        try:
            seen = ask()
        except Rejected as no:
            replies.put((name, Reply(refused=no)))
        except BaseException as error:  # noqa: BLE001  (it is raised where the replies are awaited)
            replies.put((name, error))
            return
        else:
            replies.put((name, Reply(seen.document, seen.headers)))
