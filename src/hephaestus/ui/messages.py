"""Single messages: a line, an error with its hint, a short table, a question, a document for machines."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Sequence
from typing import TextIO

from hephaestus.errors import ChecksFailed, HephaestusError
from hephaestus.ui.observing import paused
from hephaestus.ui.text import clean, one_line

__all__ = ["confirm", "document", "error", "say", "show", "table"]

_STYLES = {"error": "bold red", "problem": "bold red", "hint": "bold cyan"}


def say(text: str) -> None:
    """Show one line to people."""
    _show([("", one_line(text))], None)


def show(text: str) -> None:
    """Show a text of several lines, such as a diff, to people."""
    _show([("", text.rstrip("\n"))], None)


def error(failure: HephaestusError, stream: TextIO | None = None) -> None:
    """Show what happened and the command that mends it; for failed checks, every problem with its own.

    Long lines are left to the terminal to wrap, so that what is copied is what is pasted.
    """
    lines = [("error", failure.message)]
    if failure.hint:
        lines += [("", ""), ("hint", failure.hint)]
    if isinstance(failure, ChecksFailed):
        for problem in failure.problems:
            lines += [("", ""), ("problem", problem.message), ("  hint", problem.hint)]
    _show(lines, stream)


def table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    stream: TextIO | None = None,
    *,
    first: int | None = None,
) -> None:
    """Show a short table: aligned plain text in a pipe, folded to its width on a terminal.

    On a terminal that is too narrow for all columns only the `first` ones are shown, where that is given.
    """
    cells = [[one_line(cell) for cell in row] for row in (columns, *rows)]
    with paused():
        stream = sys.stderr if stream is None else stream
        if stream.isatty():
            _draw_table(one_line(title), cells, stream, first)
            return
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in cells]
    _show([("", line) for line in (one_line(title), "", *lines)], stream)


def _draw_table(title: str, cells: Sequence[Sequence[str]], stream: TextIO, first: int | None) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=stream, highlight=False)
    natural = sum(max(map(len, column)) + 2 for column in zip(*cells, strict=True))
    if natural > console.width:
        cells = [row[:first] for row in cells]
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in cells[0]:
        drawn.add_column(Text(name), overflow="fold")
    for row in cells[1:]:
        drawn.add_row(*map(Text, row))
    console.print(Text(title, "bold"), "", drawn, sep="\n")


def document(data: object, stream: TextIO | None = None) -> None:
    """Write one JSON document, in the order given, to standard output.

    Where the stream is not UTF-8, or a text holds bytes that were none, the JSON is written in ASCII with escapes.
    """
    import json

    stream = sys.stdout if stream is None else stream
    text = json.dumps(data, ensure_ascii=False, indent=2, allow_nan=False)
    if codecs.lookup(stream.encoding or "utf-8").name != "utf-8" or not _is_utf8(text):
        text = json.dumps(data, indent=2, allow_nan=False)
    # The runner of GitHub Actions obeys `##[command]` anywhere in a line; in JSON it can be written otherwise.
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


def _show(lines: Sequence[tuple[str, str]], stream: TextIO | None) -> None:
    """Write lines, each with a label that may be empty; the labels have colours where there is a terminal."""
    cleaned = [(f"{label}: " if label else "", clean(text)) for label, text in lines]
    with paused():
        stream = sys.stderr if stream is None else stream
        if stream.isatty():
            _draw(cleaned, stream)
            return
        text = "\n".join(label + text for label, text in cleaned)
        if text.strip() and os.environ.get("GITHUB_ACTIONS") == "true":
            from hephaestus.ui.actions import inert

            text = inert(text)
        stream.write(f"{text}\n")
        stream.flush()


def _draw(lines: Sequence[tuple[str, str]], stream: TextIO) -> None:
    from rich.console import Console
    from rich.text import Text

    texts = [Text.assemble((label, _STYLES.get(label.strip(" :"), "")), text) for label, text in lines]
    Console(file=stream, highlight=False).print(Text("\n").join(texts), soft_wrap=True)
