"""The view for pipes, files and simple terminals: one line per event, the same at every width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from hephaestus.ui.agenda import Agenda
from hephaestus.ui.text import lines, one_line, took

__all__ = ["Plain"]


class Plain:
    """Writes each event to a stream as soon as it happens, in one write, with no escape sequences."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._agenda = Agenda()
        self._running = ""

    def planned(self, title: str, steps: Sequence[tuple[str, str]]) -> None:
        """Write the title and the names of all steps to come."""
        self._agenda = Agenda(title, steps)
        self._write(f"{self._agenda.title}: {', '.join(self._agenda.names)}")

    def started(self, step: str) -> None:
        """Write which step begins, as the how-manieth of all, and what it does."""
        self._running = step
        self._write(self._agenda.heading(step))

    def said(self, text: str) -> None:
        """Write what the running step says, each line under its name."""
        prefix = f"{self._running}: " if self._running else ""
        heard = [f"{prefix}{line}" for line in lines(text)]
        if heard:
            self._write("\n".join(heard))

    def finished(self, step: str, seconds: float) -> None:
        """Write that a step is done."""
        self._end(f"{step}: done in {took(seconds)}")

    def skipped(self, step: str, why: str) -> None:
        """Write that a step had nothing to do."""
        self._end(f"{step}: skipped, {one_line(why)}")

    def failed(self, step: str, seconds: float) -> None:
        """Write that a step failed; the reason comes with the error."""
        self._end(f"{step}: failed after {took(seconds)}")

    def _end(self, line: str) -> None:
        self._running = ""
        self._write(line)

    def _write(self, text: str) -> None:
        self._stream.write(f"{text}\n")
        self._stream.flush()
