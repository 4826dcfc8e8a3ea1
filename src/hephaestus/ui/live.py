"""The view for a terminal: ended steps as a transcript, and under it three lines about what runs now."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Self, TextIO

import rich.live
from rich.console import Console, Group
from rich.text import Text

from hephaestus.ui.agenda import Agenda
from hephaestus.ui.text import lines, one_line, took

__all__ = ["Live"]

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_REFRESHES = 8  # a second: smooth for a spinner, and far below what a slow connection can draw


class Live:
    """Draws on a terminal, and leaves one line for each step that ended.

    What programs say replaces one line under the running step, at most a few times a second, so that
    a talkative one makes nothing flicker.
    """

    def __init__(self, stream: TextIO, environment: Mapping[str, str]) -> None:
        self._console = Console(
            file=stream,
            force_terminal=True,
            # Else FORCE_COLOR alone would make rich animate in a pipe.
            force_interactive=stream.isatty(),
            highlight=False,
            markup=False,
            emoji=False,
            _environ=environment,
        )
        # Stray writes of libraries go above the lines; standard output is for the machine and stays as it is.
        self._redirect = stream is sys.stderr
        self._region: rich.live.Live | None = None
        self._agenda = Agenda()
        self._done = 0
        self._latest = ""
        self._running: tuple[str, float] | None = None
        self._last = ""

    def __enter__(self) -> Self:
        """Take the terminal."""
        self._show()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the terminal back as it was, with a line for a step that was interrupted."""
        try:
            if self._running:
                step, since = self._running
                self.failed(step, time.monotonic() - since)
        finally:
            self._hide()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Take the moving lines away while something else writes to the terminal or asks there."""
        if self._region is None:
            yield
            return
        self._hide()
        try:
            yield
        finally:
            self._show()

    def planned(self, title: str, steps: Sequence[tuple[str, str]]) -> None:
        """Show the title; the steps to come are counted and the next one is named."""
        self._agenda = Agenda(title, steps)
        self._done, self._latest, self._last = 0, "", ""
        self._print(Text(self._agenda.title, "bold"))

    def started(self, step: str) -> None:
        """Show a step as running, with its description until it says something itself."""
        self._latest, self._last = step, self._agenda.description(step)
        self._running = (step, time.monotonic())

    def said(self, text: str) -> None:
        """Show the last line of what the running step says."""
        for line in lines(text)[-1:]:
            self._last = line.strip()

    def finished(self, step: str, seconds: float) -> None:
        """Leave a line with a check mark and the time it took."""
        self._done += 1
        self._end(step, ("✓", "green"), f"{took(seconds):>10}  ", self._agenda.description(step))

    def skipped(self, step: str, why: str) -> None:
        """Leave a line that says why there was nothing to do."""
        self._done += 1
        self._end(step, ("-", "dim"), "", f"skipped, {one_line(why)}")

    def failed(self, step: str, seconds: float) -> None:
        """Leave a line with a cross and the last the step said; the reason comes with the error."""
        self._end(step, ("✗", "bold red"), f"{took(seconds):>10}  ", self._last)

    def _end(self, step: str, mark: tuple[str, str], time_taken: str, text: str) -> None:
        self._running, self._latest, self._last = None, step, ""
        self._print(Text.assemble(mark, f" {self._padded(step)}  {time_taken}", (text, "dim")))

    def _padded(self, step: str) -> str:
        return step.ljust(max(map(len, self._agenda.names), default=0))

    def _print(self, line: Text) -> None:
        self._console.print(line, no_wrap=True, overflow="ellipsis")

    def _show(self) -> None:
        # A new one each time: a stopped one would first erase the lines it drew before it was stopped.
        self._region = rich.live.Live(
            get_renderable=self._lines,
            console=self._console,
            refresh_per_second=_REFRESHES,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=self._redirect,
        )
        self._region.start()

    def _hide(self) -> None:
        region, self._region = self._region, None
        if region is not None:
            region.stop()

    def _lines(self) -> Group:
        """Return what is drawn now; called by the thread that refreshes, so each attribute is read once."""
        drawn = []
        running, last = self._running, self._last
        if running:
            step, since = running
            seconds = time.monotonic() - since
            frame = _FRAMES[int(seconds * _REFRESHES) % len(_FRAMES)]
            drawn.append(Text.assemble((frame, "cyan"), f" {self._padded(step)}  {took(int(seconds)):>10}"))
        if running or last:
            drawn.append(Text(f"  {last}", "dim"))
        if self._agenda.names:
            then = self._agenda.following(self._latest) or "nothing more"
            drawn.append(Text(f"  {self._done} of {len(self._agenda.names)} done, then: {then}"))
        for line in drawn:
            # Room for the `^C` that a terminal shows at the end: were it to wrap, one line too few would be erased.
            line.truncate(max(1, self._console.width - 3), overflow="ellipsis")
        return Group(*drawn)
