"""The view for GitHub Actions: a group per step, annotations, tables in the job's summary.

The commands are those of https://docs.github.com/actions/reference/workflow-commands-for-github-actions.
The runner obeys `::command::` at the start of a line and `##[command]` anywhere in it, whoever wrote the line;
so all that is no command of ours stands between `::stop-commands::` and a token nobody can guess. The runner
shows those lines too; so neighbours share a pair.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from hephaestus import markdown, system
from hephaestus.ui.agenda import Agenda
from hephaestus.ui.text import clean, lines, one_line, took

__all__ = ["Actions", "annotation", "inert", "summarise"]

# GitHub refuses a longer summary of a step, and then shows none.
_LONGEST_SUMMARY = 1024 * 1024
# What the levels of findings are to GitHub.
_LEVELS = {"error": "error", "warning": "warning", "note": "notice"}


def inert(text: str) -> str:
    """Return a text with the lines around it that keep the runner from obeying anything in it."""
    token = secrets.token_hex(16)
    return f"::stop-commands::{token}\n{text.rstrip()}\n::{token}::"


def annotation(  # noqa: PLR0913  (the properties GitHub knows)
    level: str, message: str, *, title: str = "", path: str = "", line: int = 0, column: int = 0
) -> str:
    """Return the command that shows a message at the line of a file, or at the job where there is no path.

    `level` is `error`, `warning` or `note`; a `line` or `column` of 0 is not known.
    """
    place = {"file": clean(path), "line": str(line or ""), "col": str((line and column) or "")} if path else {}
    told = {**place, "title": one_line(title)}
    properties = ",".join(f"{key}={_property(value)}" for key, value in told.items() if value)
    return f"::{_LEVELS.get(level, 'notice')}{properties and ' '}{properties}::{_data(clean(message).strip())}"


def summarise(path: Path, parts: Sequence[str]) -> None:
    """Add parts of Markdown to the summary of a job, the first ones where not all of them fit.

    Raises `OSError` where it cannot be written.
    """
    there = path.stat().st_size if path.exists() else 0
    kept: list[bytes] = []
    room = _LONGEST_SUMMARY - there - 1024  # the last words need some as well
    for part in parts:
        data = f"{part}\n\n".encode("utf-8", "replace")
        room -= len(data)
        if room < 0:
            kept.append(f"{len(parts) - len(kept)} more parts do not fit into the summary of a job.\n\n".encode())
            break
        kept.append(data)
    system.append(path, b"".join(kept))


def _data(text: str) -> str:
    """Escape what follows the last `::` of a command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Escape the value of a property of a command."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")


class Actions:
    """Writes workflow commands to the log of a job, and at the end a table to the file for its summary."""

    def __init__(self, stream: TextIO, environment: Mapping[str, str]) -> None:
        self._stream = stream
        self._summary = environment.get("GITHUB_STEP_SUMMARY")
        self._agenda = Agenda()
        self._results: dict[str, tuple[str, str]] = {}
        self._group = False
        self._token = ""
        self._last = ""

    def __enter__(self) -> Self:
        """Begin; nothing is shown yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the group of a step that did not end, and write the summary."""
        self._close()
        self._summarise()
        self._command()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Let the runner listen while something else writes commands."""
        self._command()
        yield

    def planned(self, title: str, steps: Sequence[tuple[str, str]]) -> None:
        """Write the title and the names of all steps to come; the table of a plan before this one is written out."""
        self._summarise()
        self._agenda = Agenda(title, steps)
        self._results = dict.fromkeys(self._agenda.names, ("not run", ""))
        self._text(f"{self._agenda.title}: {', '.join(self._agenda.names)}")

    def started(self, step: str) -> None:
        """Open the group of a step."""
        self._close()
        self._group, self._last = True, ""
        self._results[step] = ("did not end", "")
        self._command(f"::group::{_data(self._agenda.heading(step))}")

    def said(self, text: str) -> None:
        """Write what the running step says, so that it can be no command."""
        heard = lines(text)
        if heard:
            self._last = heard[-1]
            self._text("\n".join(heard))

    def finished(self, step: str, seconds: float) -> None:
        """Close the group of a step."""
        self._results[step] = ("done", took(seconds))
        self._text(f"{step}: done in {took(seconds)}")
        self._close()

    def skipped(self, step: str, why: str) -> None:
        """Write that a step had nothing to do."""
        self._results[step] = (f"skipped, {one_line(why)}", "")
        self._close()
        self._text(f"{step}: skipped, {one_line(why)}")

    def failed(self, step: str, seconds: float) -> None:
        """Close the group of a step and annotate the job with the last it said."""
        self._results[step] = ("failed", took(seconds))
        self._close()
        said = self._last or f"step {step} failed"
        self._command(annotation("error", said, title=f"{step} failed after {took(seconds)}"))

    def _close(self) -> None:
        if self._group:
            self._group = False
            self._command("::endgroup::")

    def _summarise(self) -> None:
        if not self._summary or not self._results:
            return
        title = markdown.plain(self._agenda.title or "hephaestus")
        rows = [(markdown.plain(step), markdown.plain(result), time) for step, (result, time) in self._results.items()]
        self._results = {}
        try:
            summarise(Path(self._summary), [f"### {title}\n\n{markdown.table(('step', 'result', 'time:'), rows)}"])
        except OSError as error:
            self._text(one_line(f"the summary of the job could not be written: {error}"))

    def _text(self, text: str) -> None:
        """Write what is no command; the runner obeys nothing until our next command."""
        begin = ""
        if not self._token:
            self._token = secrets.token_hex(16)
            begin = f"::stop-commands::{self._token}\n"
        self._write(f"{begin}{text}\n")

    def _command(self, command: str = "") -> None:
        """Write a command; without one, only make the runner listen again."""
        end = f"::{self._token}::\n" if self._token else ""
        self._token = ""
        self._write(f"{end}{command}\n" if command else end)

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
