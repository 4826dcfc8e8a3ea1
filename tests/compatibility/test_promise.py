"""A version number promises what SemVer says, less under 0.y.z, and nothing where it is a date."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from hephaestus import versions
from hephaestus.compatibility import promise
from hephaestus.compatibility.effect import Effect


@pytest.mark.parametrize(
    ("previous", "zero", "parts"),
    [
        ("1.2.3", "minor", ["patch", "minor", "major"]),
        ("1.2.3", "patch", ["patch", "minor", "major"]),
        ("0.3.1", "minor", ["patch", "patch", "minor"]),
        ("0.3.1", "patch", ["patch", "patch", "patch"]),
        ("0.3.1", "major", ["patch", "minor", "major"]),
        ("0.0.4", "minor", ["patch", "patch", "patch"]),
        ("1!0.3", "minor", ["patch", "minor", "major"]),
    ],
)
def test_the_least_part_for_a_fix_a_feature_and_a_break(previous: str, zero: str, parts: list[str]) -> None:
    assert [promise.part(effect, Version(previous), zero) for effect in Effect] == parts


@pytest.mark.parametrize(
    ("previous", "version", "part"),
    [
        *(("1.2.3", "2.0.0", "major"), ("1.2.3", "1!0.1", "major"), ("1.2.3", "1.3.0rc1", "minor")),
        *(("1.2.3", "1.2.4", "patch"), ("1.2.3", "1.2.3.post1", "patch"), ("1.2.3", "1.2.3", None)),
        *(
            ("1.2.3", "1.2.3rc1", None),
            ("1.2.3", "1.2.2", None),
            ("1.2", "1.2.0", None),
            ("2.0.0rc1", "2.0.0", "patch"),
        ),
    ],
)
def test_the_part_by_which_a_version_is_higher(previous: str, version: str, part: str | None) -> None:
    assert promise.raised(Version(previous), Version(version)) == part


NUMBERS = st.integers(0, 30)


@given(st.tuples(NUMBERS, NUMBERS, NUMBERS), st.sampled_from(list(Effect)), st.sampled_from(promise.PARTS))
def test_the_next_version_promises_what_was_asked_for(numbers: tuple[int, ...], effect: Effect, zero: str) -> None:
    previous = Version(".".join(map(str, numbers)))
    part = promise.part(effect, previous, zero)

    assert promise.raised(previous, Version(versions.following(str(previous), part))) == part


def days(**held: str) -> list[tuple[Version, date]]:
    """Return versions and days, from keyword arguments such as v26_1="2026-02-03"."""
    return [(Version(name[1:].replace("_", ".")), date.fromisoformat(day)) for name, day in held.items()]


BY_DATE = {
    "the year and a counter": (days(v2026_2="2026-05-01", v2026_1="2026-01-09"), "2026.3", "2027.1"),
    "the short year and a counter": (days(v26_2_0="2026-05-01", v26_1_0="2026-01-09"), "26.3.0", "27.1.0"),
    "the month": (days(v2026_11="2026-11-01", v2026_9="2026-09-01"), "2026.11.1", "2027.1"),
    "the month and a counter": (days(v26_11_1="2026-11-05", v26_11_0="2026-11-01"), "26.11.2", "27.1.0"),
    "the day": (days(v2026_11_5="2026-11-05", v2026_9_1="2026-09-01"), "2026.11.28", "2027.1.2"),
    "the day, a second time on one": (days(v2026_11_28="2026-11-28"), "2026.11.28.1", "2027.1.2"),
}


@pytest.mark.parametrize(("earlier", "later", "next_year"), BY_DATE.values(), ids=BY_DATE)
def test_a_version_that_is_a_date_is_followed_by_one_like_it(
    earlier: list[tuple[Version, date]], later: str, next_year: str
) -> None:
    assert promise.by_date(earlier)
    assert promise.next_by_date(earlier, date(2026, 11, 28)) == later
    assert promise.next_by_date(earlier, date(2027, 1, 2)) == next_year


@pytest.mark.parametrize(
    "earlier",
    [
        [],
        days(v1_2="2026-01-01"),
        days(v75_0="2025-01-01", v74_0="2024-11-01"),
        days(v26_0="2026-01-01", v25_0="2026-01-01"),
    ],
    ids=str,
)
def test_other_versions_are_no_dates(earlier: list[tuple[Version, date]]) -> None:
    assert not promise.by_date(earlier)


@given(
    st.lists(st.tuples(st.integers(1995, 2090), st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=3),
    st.integers(0, 4000),
)
def test_the_next_version_by_date_is_always_higher(numbers: list[tuple[int, ...]], later: int) -> None:
    ordered = sorted({Version(".".join(map(str, each))) for each in numbers}, reverse=True)
    earlier = [(version, date(version.major, 6, 1)) for version in ordered]
    today = earlier[0][1] + timedelta(days=later)

    assert Version(promise.next_by_date(earlier, today)) > ordered[0]
