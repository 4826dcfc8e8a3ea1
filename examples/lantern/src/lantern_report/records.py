"""Reading log records, one at a time, from JSON lines or CSV."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

__all__ = ["READERS", "MalformedRecordError", "field", "number"]

Record = dict[str, Any]


class MalformedRecordError(Exception):
    """A line of the log is not what its format promises."""


def read_json_lines(lines: Iterable[str]) -> Iterator[Record]:
    """Yield one record for each line that is not blank."""
    decoder = msgspec.json.Decoder(Record)
    for position, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield decoder.decode(line)
        except msgspec.DecodeError as error:
            raise MalformedRecordError(f"line {position}: {error}") from error


def read_csv(lines: Iterable[str]) -> Iterator[Record]:
    """Yield one record for each row below the header."""
    reader = csv.DictReader(lines)
    for row in reader:
        if None in row:
            raise MalformedRecordError(
                f"line {reader.line_num}: more columns than the header names"
            )
        yield row


READERS: dict[str, Callable[[Iterable[str]], Iterator[Record]]] = {
    "csv": read_csv,
    "jsonl": read_json_lines,
}


def field(record: Record, name: str) -> object:
    """Return the value of a field; dots lead into nested objects, `None` means that it is missing.

    >>> field({"request": {"path": "/"}}, "request.path")
    '/'
    """
    if name in record:
        return record[name]
    value: object = record
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def number(value: object) -> float | None:
    """Return a value as a number, or `None` where it is not one."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except ValueError:
        return None
