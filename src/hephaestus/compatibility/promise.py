"""What a version number promises: the part that a change asks for, and the next version after it.

By SemVer 2.0.0 (clauses 6 to 8): a break asks for a major version, something new for a minor one. Under 0.y.z
(clause 4, which leaves it open) it is as tools read `^0.y.z`: a break asks for 0.y+1, anything else for a patch,
and 0.0.z promises nothing. Where the version is the date, the number promises nothing at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from packaging.version import Version

from hephaestus.compatibility.effect import Effect

__all__ = ["PARTS", "by_date", "next_by_date", "part", "raised"]

# From the least to the most that a version can promise to have changed.
PARTS = ("patch", "minor", "major")
_YEAR = range(1990, 2200)
_SHORT_YEAR = range(10, 100)  # a major version below that is more likely a major version
_LOOKED_AT = 3


def part(effect: Effect, previous: Version, zero: str) -> str:
    """Return the least part of the version after `previous` that a change asks for.

    `zero` is the part for a break under 0.y.z; with `major` the rules are those from 1.0.0 on.
    """
    if previous.major or previous.epoch or zero == "major":
        return PARTS[effect]
    if effect is Effect.BREAK and previous.minor:
        return zero
    return "patch"


def raised(previous: Version, version: Version) -> str | None:
    """Return the part by which a version is higher than the previous one, or `None` where it is not higher.

    A post-release raises a patch, the least there is.
    """
    if version <= previous:
        return None
    if (version.epoch, version.major) != (previous.epoch, previous.major):
        return "major"
    return "minor" if version.minor != previous.minor else "patch"


def by_date(earlier: Sequence[tuple[Version, date]]) -> bool:
    """Tell whether versions are dates (https://calver.org): each of the latest ones begins with its year.

    `earlier` are versions with the days of their tags, the newest first.
    """
    latest = earlier[:_LOOKED_AT]
    if not latest:
        return False
    full = all(version.major in _YEAR and abs(version.major - day.year) <= 1 for version, day in latest)
    short = all(version.major in _SHORT_YEAR and version.major == day.year % 100 for version, day in latest)
    return full or short


def next_by_date(earlier: Sequence[tuple[Version, date]], today: date) -> str:
    """Return the next version of a project that counts by the date, written as its latest ones are.

    `earlier` are versions with the days of their tags, the newest first, at least one. The second number is the
    month, and the third the day, where they were so in the latest versions; the number after that counts.
    """
    latest, newest = earlier[:_LOOKED_AT], earlier[0][0].release
    head = [today.year if newest[0] in _YEAR else today.year % 100]
    for at, number in enumerate(("month", "day"), 1):
        if not all(version.release[at : at + 1] == (getattr(day, number),) for version, day in latest):
            break
        head.append(getattr(today, number))
    again = list(newest[: len(head)]) == head
    if len(newest) <= len(head) and not again:
        return ".".join(map(str, head))
    first = 1 if len(head) == 1 or len(newest) <= len(head) else 0  # the first of a year is 26.1, of a month 2026.11.0
    count = newest[len(head)] + 1 if again and len(newest) > len(head) else first
    rest = [0] * (len(newest) - len(head) - 1)
    return ".".join(map(str, (*head, count, *rest)))
