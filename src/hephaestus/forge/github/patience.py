"""What may be asked again, and how long to wait before it is.

What only reads, or sets a state, may be asked twice. What makes something may not: where the answer to it is lost,
one looks for it first (`once`).
"""

from __future__ import annotations

import contextlib
import logging
import re
import threading
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import TypeVar

from hephaestus import system
from hephaestus.errors import CouldNotRun
from hephaestus.forge.github.wire import Answer, Cut, Unsent

__all__ = ["LOOKS", "Lost", "Pace", "ask", "once"]

log = logging.getLogger("hephaestus")

_Made = TypeVar("_Made")

# Before a question is asked again, in seconds.
_PAUSES = (0.5, 1.0, 2.0, 4.0)
# Before one looks again for what may have been made: a new release can be missing from a listing for about 9 seconds.
LOOKS = (0.5, 1.0, 2.0, 4.0, 6.0)
# Answers that say nothing about the question.
_PASSING = frozenset({500, 502, 503, 504})
_OK, _FORBIDDEN, _TOO_MANY = 200, 403, 429
# How GraphQL says that the limit is reached.
_GRAPHQL = re.compile(r'"type"\s*:\s*"RATE_LIMIT')
# How often, and for how many seconds at most, a limit is waited for.
_WAITS = 5
_LONGEST = 15 * 60
_FOREVER = 366 * 24 * 3600
_UNSAID = 60
# Writes of a process that need not keep a distance, and the distance of the others in seconds.
_BRISK, _DISTANCE = 10, 1.0
_TRIES = 3


class Lost(CouldNotRun):
    """The request went out and no usable answer came back: whether it had its effect is unknown."""


class Pace:
    """The distance between writes that GitHub asks for, once there are many of them."""

    def __init__(self) -> None:
        """Begin with nothing written."""
        self._lock = threading.Lock()
        self._written = 0
        self._last = 0.0

    def keep(self) -> None:
        """Wait until the next write may go out."""
        with self._lock:
            self._written += 1
            early = self._last + _DISTANCE - time.monotonic()
            if self._written > _BRISK and early > 0:
                system.pause(early)
            self._last = time.monotonic()


def ask(attempt: Callable[[], Answer], *, writes: bool, repeatable: bool, hint: str) -> Answer:
    """Return the answer of an attempt that is made again as often as it may be.

    Raises `Lost` where a request that `writes` went out and its answer did not come, and `CouldNotRun` where the
    server does not answer, or does not want to be asked for a long time.
    """
    pauses, waits = list(_PAUSES), 0
    while True:
        sure = False
        try:
            answer = attempt()
        except Unsent as error:
            problem, sure = f"cannot be reached: {error}", True
        except Cut as error:
            problem = f"does not answer: {error}"
        else:
            seconds = _limit(answer, waits)
            if seconds is not None and waits < _WAITS:
                _wait(seconds)
                waits += 1
                continue
            if answer.status not in _PASSING:
                return answer
            problem = f"does not answer ({answer.status})"
        if not sure and not repeatable:
            raise Lost(f"GitHub {problem}; whether it did what it was asked for is unknown", hint)
        if not pauses:
            raise (Lost if writes and not sure else CouldNotRun)(f"GitHub {problem}", hint)
        system.pause(pauses.pop(0))


def once(act: Callable[[], _Made], look: Callable[[], _Made | None]) -> _Made:
    """Return what `act` makes; after a lost reply what `look` finds, and only where it finds nothing act again.

    It is looked for several times, as listings lag. Raises `Lost` where three replies were lost and nothing is there.
    """
    left = _TRIES
    while True:
        try:
            return act()
        except Lost:
            left -= 1
            found = _found(look)
            if found is not None:
                return found
            if not left:
                raise


def _found(look: Callable[[], _Made | None]) -> _Made | None:
    for pause in LOOKS:
        found = look()
        if found is not None:
            return found
        system.pause(pause)
    return look()


def _limit(answer: Answer, waits: int) -> float | None:
    """Return how many seconds to leave the server alone where the answer says that it was asked too often."""
    told = answer.headers
    spent = told.get("x-ratelimit-remaining") == "0"
    limited = "retry-after" in told or spent or "secondary rate limit" in answer.body.lower()
    if not (
        answer.status == _TOO_MANY
        or (answer.status == _FORBIDDEN and limited)
        or (answer.status == _OK and spent and _GRAPHQL.search(answer.body))
    ):
        return None
    if told.get("retry-after", "").isdecimal():
        return float(told["retry-after"])
    reset = told.get("x-ratelimit-reset", "")
    if spent and reset.isdecimal():
        return max(float(reset) - _clock(answer), 0) + 1
    return float(_UNSAID * 2**waits)


def _clock(answer: Answer) -> float:
    """Return the time by the server's own clock, which its limits are told by, or else by ours."""
    with contextlib.suppress(ValueError, TypeError):
        return parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
    return system.now().timestamp()


def _wait(seconds: float) -> None:
    if seconds > _LONGEST:
        minutes = round(min(seconds, _FOREVER) / 60)
        raise CouldNotRun(f"GitHub asks to be left alone for {minutes} minutes (rate limit)", f"sleep {minutes}m")
    log.info("GitHub asks to be left alone for %d s (rate limit); Ctrl-C ends the wait", round(seconds))
    system.pause(seconds)
