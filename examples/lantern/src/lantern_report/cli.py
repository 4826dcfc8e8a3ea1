"""The program `lantern`: a log in, a table out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TextIO

import humanize
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lantern_report import __version__
from lantern_report.records import READERS, MalformedRecordError
from lantern_report.summary import Row, summarize

__all__ = ["main"]

UNITS = {
    "bytes": lambda value: humanize.naturalsize(value, binary=True),
    "ms": lambda value: humanize.metric(value / 1000, "s"),
    "plain": lambda value: f"{value:,.6g}",
    "s": lambda value: humanize.metric(value, "s"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Summarise a log and return the exit code: 0, or 2 where the log cannot be read."""
    options = _parser().parse_args(arguments)
    try:
        with _opened(options.log) as lines:
            records = READERS[options.input or _format_of(options.log)](lines)
            rows = summarize(records, options.by, options.measure)
    except (OSError, UnicodeDecodeError, MalformedRecordError) as error:
        print(f"lantern: {options.log}: {error}", file=sys.stderr)
        return 2
    shown = rows[: options.top] if options.top else rows
    if options.format == "json":
        print(msgspec.json.format(msgspec.json.encode(shown)).decode())
    else:
        Console().print(_table(shown, options))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lantern", description="Counts and percentiles of a log, grouped by a field."
    )
    parser.add_argument("log", help="a .jsonl or .csv file, or - for standard input")
    parser.add_argument("--by", required=True, metavar="FIELD", help="group records by this field")
    parser.add_argument("--measure", metavar="FIELD", help="a number to give percentiles of")
    parser.add_argument("--unit", choices=sorted(UNITS), default="plain", help="of the measure")
    parser.add_argument("--top", type=_positive, metavar="N", help="show the N largest groups only")
    parser.add_argument("--input", choices=sorted(READERS), help="format of the log")
    parser.add_argument(
        "--format", choices=("json", "table"), default="table", help="of the report"
    )
    parser.add_argument("--version", action="version", version=f"lantern {__version__}")
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def _opened(log: str) -> AbstractContextManager[TextIO]:
    if log == "-":
        return nullcontext(sys.stdin)
    return Path(log).open(encoding="utf-8", newline="")


def _format_of(log: str) -> str:
    return "csv" if log.lower().endswith(".csv") else "jsonl"


def _table(rows: Sequence[Row], options: argparse.Namespace) -> Table:
    table = Table(escape(options.by), title=escape(options.measure or "records"))
    headings = ["count", "share"]
    if options.measure:
        headings += ["median", "p95", "p99", "max"]
    for heading in headings:
        table.add_column(heading, justify="right")
    for row in rows:
        cells = [humanize.intcomma(row.count), f"{row.share:.1%}"]
        if options.measure:
            spread = (row.median, row.p95, row.p99, row.maximum)
            cells += ["-" if value is None else UNITS[options.unit](value) for value in spread]
        table.add_row(escape(row.group), *cells)
    return table
