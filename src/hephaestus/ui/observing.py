"""Showing how far a plan is, with the view that suits the place."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, TextIO

__all__ = ["Observer", "observer", "paused"]

# How the view that has the terminal or the runner's ear now, if any, is asked to step aside.
_pauses: list[Callable[[], AbstractContextManager[None]]] = []


class Observer(Protocol):
    """Who is told how far a plan is."""

    def planned(self, title: str, steps: Sequence[tuple[str, str]]) -> None:
        """Take note of all steps to come, each with its name and description, in order."""
        ...

    def started(self, step: str) -> None:
        """Take note that a step runs now."""
        ...

    def said(self, text: str) -> None:
        """Take note of what the running step says."""
        ...

    def finished(self, step: str, seconds: float) -> None:
        """Take note that a step is done."""
        ...

    def skipped(self, step: str, why: str) -> None:
        """Take note that a step had nothing to do."""
        ...

    def failed(self, step: str, seconds: float) -> None:
        """Take note that a step failed."""
        ...


@contextlib.contextmanager
def observer(stream: TextIO | None = None, environment: Mapping[str, str] | None = None) -> Iterator[Observer]:
    """Show how far a plan is: live on a terminal, as groups in GitHub Actions, as plain lines elsewhere.

    `stream` is standard error and `environment` the process's unless given. Inside, what is logged to
    `hephaestus` at level INFO and above is said by the running step.
    """
    stream = sys.stderr if stream is None else stream
    environment = os.environ if environment is None else environment
    with contextlib.ExitStack() as stack:
        view: Observer
        if environment.get("GITHUB_ACTIONS") == "true":
            from hephaestus.ui.actions import Actions

            view = actions = stack.enter_context(Actions(stream, environment))
            _pauses.append(actions.paused)
            stack.callback(_pauses.pop)
        elif _can_draw(stream, environment):
            from hephaestus.ui.live import Live

            view = live = stack.enter_context(Live(stream, environment))
            _pauses.append(live.paused)
            stack.callback(_pauses.pop)
        else:
            from hephaestus.ui.plain import Plain

            view = Plain(stream)
        stack.enter_context(_heard(view))
        yield view


def _can_draw(stream: TextIO, environment: Mapping[str, str]) -> bool:
    if not stream.isatty() or environment.get("TERM") in {"dumb", "unknown"}:
        return False
    try:
        "✓⠋…".encode(stream.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


class _Forward(logging.Handler):
    """Hands what is logged to an observer."""

    def __init__(self, view: Observer) -> None:
        super().__init__(logging.INFO)
        self._view = view

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._view.said(record.getMessage())
        except Exception:  # noqa: BLE001  (what a handler must do: a log line never ends a release)
            self.handleError(record)


@contextlib.contextmanager
def _heard(view: Observer) -> Iterator[None]:
    """Forward the log to a view, and leave the logger as it was."""
    logger = logging.getLogger("hephaestus")
    level, handler = logger.level, _Forward(view)
    logger.addHandler(handler)
    logger.setLevel(min(logger.getEffectiveLevel(), logging.INFO))
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)


def paused() -> AbstractContextManager[None]:
    """Keep a view from drawing inside, for programs that ask on the terminal or command the runner themselves.

    Where there is none it does nothing.
    """
    return _pauses[-1]() if _pauses else nullcontext()
