"""Turning records into rows: how many there are, and how a measure is spread."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from lantern_report.records import Record, field, number

__all__ = ["Row", "percentile", "summarize"]

MISSING = "(none)"


class Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of one group of records."""

    group: str
    count: int
    share: float
    median: float | None = None
    p95: float | None = None
    p99: float | None = None
    maximum: float | None = None


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Return the smallest value that at least `percent` of the values do not exceed."""
    rank = math.ceil(percent / 100 * len(ordered))
    return ordered[max(rank, 1) - 1]


def summarize(records: Iterable[Record], by: str, measure: str | None = None) -> list[Row]:
    """Group records by a field and return one row each, the largest group first."""
    counts: dict[str, int] = defaultdict(int)
    values: dict[str, list[float]] = defaultdict(list)
    for record in records:
        group = _label(field(record, by))
        counts[group] += 1
        value = number(field(record, measure)) if measure else None
        if value is not None and math.isfinite(value):
            values[group].append(value)
    total = sum(counts.values())
    rows = [_row(group, count, total, sorted(values[group])) for group, count in counts.items()]
    return sorted(rows, key=lambda row: (-row.count, row.group))


def _label(value: object) -> str:
    return MISSING if value is None or value == "" else str(value)


def _row(group: str, count: int, total: int, ordered: Sequence[float]) -> Row:
    if not ordered:
        return Row(group, count, count / total)
    median, p95, p99 = (percentile(ordered, percent) for percent in (50, 95, 99))
    return Row(group, count, count / total, median, p95, p99, ordered[-1])
