"""Single messages: a line, an error with its hint, a table, an annotation, a question, a document for machines."""

from __future__ import annotations

import codecs
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from hephaestus.errors import ChecksFailed, HephaestusError
from hephaestus.ui.observing import paused
from hephaestus.ui.text import clean, one_line

__all__ = ["Cell", "annotate", "confirm", "document", "error", "passage", "say", "show", "summarise", "table"]

_STYLES = {"good": "green", "bad": "bold red", "unsure": "yellow", "quiet": "dim", "help": "bold cyan"}
# Valid in JSON as they are, but no text to show: control characters, and letters that change the order of others.
_UNSHOWN = re.compile("[\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Cell:
    """A text with a tone: `good`, `bad`, `unsure`, `quiet`, `help` or none; a colour where there is a terminal."""

    text: str
    tone: str = ""


_BLANK = Cell("")


def say(text: str) -> None:
    """Show one line to people."""
    _show([(_BLANK, one_line(text))], None)


def show(text: str) -> None:
    """Show a text of several lines, such as a diff, to people."""
    _show([(_BLANK, text.rstrip("\n"))], None)


def passage(label: Cell, text: str, lines: Sequence[str], stream: TextIO | None = None) -> None:
    """Show a text behind its label, and under it some lines, set in; a blank line comes before."""
    rest = [(_BLANK, f"  {one_line(line)}") for line in lines]
    _show([(_BLANK, ""), (Cell(one_line(label.text), label.tone), one_line(text)), *rest], stream)


def error(failure: HephaestusError, stream: TextIO | None = None) -> None:
    """Show what happened and the command that mends it; for failed checks, every problem with its own.

    Long lines are left to the terminal to wrap, so that what is copied is what is pasted.
    """
    lines = [(Cell("error", "bad"), failure.message)]
    if failure.hint:
        lines += [(_BLANK, ""), (Cell("hint", "help"), failure.hint)]
    if isinstance(failure, ChecksFailed):
        for problem in failure.problems:
            lines += [
                (_BLANK, ""),
                (Cell("problem", "bad"), problem.message),
                (Cell("  hint", "help"), problem.hint),
            ]
    _show(lines, stream)


def table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str | Cell]],
    stream: TextIO | None = None,
    *,
    first: int | None = None,
) -> None:
    """Show a short table: aligned plain text in a pipe, folded to its width on a terminal.

    On a terminal that is too narrow for all columns those that fit are shown, but at least the `first` ones, where
    that is given.
    """
    cells = [[_cell(cell) for cell in row] for row in (columns, *rows)]
    with paused():
        stream = sys.stderr if stream is None else stream
        if stream.isatty():
            _draw_table(one_line(title), cells, stream, first)
            return
    texts = [[cell.text for cell in row] for row in cells]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in texts]
    _show([(_BLANK, line) for line in (one_line(title), "", *lines)], stream)


def _cell(given: str | Cell) -> Cell:
    return Cell(one_line(given.text), given.tone) if isinstance(given, Cell) else Cell(one_line(given))


def _draw_table(title: str, cells: Sequence[Sequence[Cell]], stream: TextIO, first: int | None) -> None:
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=stream, highlight=False)
    natural = [max(cell_len(cell.text) for cell in column) + 2 for column in zip(*cells, strict=True)]
    while len(natural) > (len(natural) if first is None else first) and sum(natural) - 2 > console.width:
        natural.pop()
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in cells[0][: len(natural)]:
        drawn.add_column(Text(name.text), overflow="fold")
    for row in cells[1:]:
        drawn.add_row(*(Text(cell.text, _STYLES.get(cell.tone, "")) for cell in row[: len(natural)]))
    console.print(Text(title, "bold"), "", drawn, sep="\n")


def annotate(  # noqa: PLR0913  (what an annotation consists of)
    level: str, message: str, *, title: str, path: str = "", line: int = 0, column: int = 0
) -> None:
    """Have GitHub show a message at a line of a file, or at the job; where no runner listens, do nothing.

    `level` is `error`, `warning` or `note`; a `line` or `column` of 0 is not known.
    """
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return
    from hephaestus.ui.actions import annotation

    with paused():
        sys.stderr.write(annotation(level, message, title=title, path=path, line=line, column=column) + "\n")
        sys.stderr.flush()


def summarise(parts: Sequence[str]) -> None:
    """Add parts of Markdown to the summary of the job, the first ones where not all fit; where is none, do nothing."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path or os.environ.get("GITHUB_ACTIONS") != "true":
        return
    from hephaestus.ui import actions

    try:
        actions.summarise(Path(path), parts)
    except OSError as error:
        say(f"the summary of the job could not be written: {error}")


def document(data: object, stream: TextIO | None = None) -> None:
    """Write one JSON document, in the order given, to standard output.

    Where the stream is not UTF-8, or a text holds bytes that were none, the JSON is written in ASCII with escapes.
    """
    import json

    stream = sys.stdout if stream is None else stream
    text = json.dumps(data, ensure_ascii=False, indent=2, allow_nan=False)
    if codecs.lookup(stream.encoding or "utf-8").name != "utf-8" or not _is_utf8(text):
        text = json.dumps(data, indent=2, allow_nan=False)
    # A terminal obeys some characters, and the runner of GitHub Actions `##[command]` anywhere in a line; in JSON both
    # can be written otherwise.
    text = _UNSHOWN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    stream.write(text.replace("##[", "\\u0023#[") + "\n")
    stream.flush()


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def confirm(question: str, stream_in: TextIO | None = None, stream_out: TextIO | None = None) -> bool:
    """Ask once, on a terminal, and return whether the answer was `y` or `yes`; a question may have several lines.

    No terminal, no answer and the end of the input are a no.
    """
    stream_in = sys.stdin if stream_in is None else stream_in
    if stream_in is None or not stream_in.isatty():
        return False
    with paused():
        stream_out = sys.stderr if stream_out is None else stream_out
        stream_out.write(f"{clean(question).rstrip()} [y/N] ")
        stream_out.flush()
        answer = stream_in.readline()
        if not answer.endswith("\n"):
            stream_out.write("\n")
            stream_out.flush()
    return answer.strip().lower() in {"y", "yes"}


def _show(lines: Sequence[tuple[Cell, str]], stream: TextIO | None) -> None:
    """Write lines, each with a label that may be empty; the labels have colours where there is a terminal."""
    cleaned = [(Cell(f"{label.text}: " if label.text else "", label.tone), clean(text)) for label, text in lines]
    with paused():
        stream = sys.stderr if stream is None else stream
        if stream.isatty():
            _draw(cleaned, stream)
            return
        text = "\n".join(label.text + text for label, text in cleaned)
        if text.strip() and os.environ.get("GITHUB_ACTIONS") == "true":
            from hephaestus.ui.actions import inert

            text = inert(text)
        stream.write(f"{text}\n")
        stream.flush()


def _draw(lines: Sequence[tuple[Cell, str]], stream: TextIO) -> None:
    from rich.console import Console
    from rich.text import Text

    texts = [Text.assemble((label.text, _STYLES.get(label.tone, "")), text) for label, text in lines]
    Console(file=stream, highlight=False).print(Text("\n").join(texts), soft_wrap=True)
