"""What goes wrong between a client and GitHub."""

from __future__ import annotations

import enum
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from fakegithub.wire import DOCUMENTATION, Answer, Request


class Fault(enum.Enum):
    """A way in which an exchange fails; BEFORE and AFTER tell whether it has its effect."""

    CUT_BEFORE = "the connection is reset and nothing was done"
    CUT_AFTER = "it was done, and the connection is reset"
    BAD_GATEWAY_BEFORE = "502, and nothing was done"
    BAD_GATEWAY_AFTER = "502, and it was done"
    UNAVAILABLE = "503, and nothing was done"
    STARTER = "502, and the upload left an asset that is no file"
    RATE_LIMIT = "403: the hour's requests are used up"
    SECONDARY = "403: too many at a time, come back later"
    TOO_MANY = "429: too many at a time, come back later"
    FORBIDDEN = "403: the token may not do this, and nothing was done"
    SLOW = "no answer ever comes, and nothing was done"
    SLOW_AFTER = "it was done, and no answer ever comes"
    LATE = "the connection is reset, and it is done when the client has said something else"


SILENT = {Fault.CUT_BEFORE, Fault.CUT_AFTER, Fault.SLOW, Fault.SLOW_AFTER, Fault.LATE}
DONE = {Fault.CUT_AFTER, Fault.BAD_GATEWAY_AFTER, Fault.SLOW_AFTER}


@dataclass
class Faults:
    """The faults that are due, in the order they were asked for."""

    waiting: list[_Due] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, fault: Fault, fits: Callable[[int, Request], bool], times: int) -> None:
        with self._lock:
            self.waiting.append(_Due(fault, fits, times))

    def due(self, number: int, request: Request) -> Fault | None:
        with self._lock:
            for each in self.waiting:
                if each.times > 0 and each.fits(number, request):
                    each.times -= 1
                    return each.fault
        return None


@dataclass
class _Due:
    fault: Fault
    fits: Callable[[int, Request], bool]
    times: int


@dataclass
class Late:
    """What was asked for on a connection that is gone, and arrives when `after` further requests have."""

    after: int = 3
    waiting: list[tuple[int, Callable[[], object]]] = field(default_factory=list)

    def keep(self, act: Callable[[], object]) -> None:
        self.waiting.append((self.after, act))

    def arrive(self) -> None:
        due = [act for left, act in self.waiting if left <= 1]
        self.waiting = [(left - 1, act) for left, act in self.waiting if left > 1]
        for act in due:
            act()


def fitting(method: str | None, path: str | None) -> Callable[[int, Request], bool]:
    """Whether a request has this method and a path in which the pattern is found."""

    def fits(_number: int, request: Request) -> bool:
        return (method is None or request.method == method) and (path is None or bool(re.search(path, request.path)))

    return fits


def answer(fault: Fault, reset: int, wait: int) -> Answer | None:
    """What is said instead of the truth; nothing for a connection that is cut."""
    if fault in {Fault.BAD_GATEWAY_BEFORE, Fault.BAD_GATEWAY_AFTER, Fault.STARTER}:
        return Answer(502, {"message": "Server Error"})
    if fault is Fault.UNAVAILABLE:
        return Answer(503, data=b"<html><title>Unicorn!</title></html>", headers={"Content-Type": "text/html"})
    if fault is Fault.RATE_LIMIT:
        said = "API rate limit exceeded for user ID 1."
        return Answer(403, _said(said), {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(reset)})
    if fault is Fault.FORBIDDEN:
        return Answer(403, _said("Resource not accessible by integration"))
    if fault in {Fault.SECONDARY, Fault.TOO_MANY}:
        said = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
        return Answer(429 if fault is Fault.TOO_MANY else 403, _said(said), {"Retry-After": str(wait)})
    return None


def _said(message: str) -> dict[str, str]:
    return {"message": message, "documentation_url": f"{DOCUMENTATION}/using-the-rest-api/rate-limits-for-the-rest-api"}
