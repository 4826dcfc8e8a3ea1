import pytest

from lantern_report.summary import percentile, summarize


@pytest.mark.parametrize(
    ("percent", "expected"), [(1, 1), (50, 50), (95, 95), (99, 99), (100, 100)]
)
def test_percentiles_of_one_to_a_hundred_are_themselves(percent, expected):
    assert percentile(range(1, 101), percent) == expected


def test_every_percentile_of_one_value_is_that_value():
    assert percentile([7.0], 1) == percentile([7.0], 99) == 7.0


def test_the_largest_group_comes_first_and_equal_ones_by_name():
    records = [{"k": name} for name in ("b", "c", "c", "a")]
    assert [(row.group, row.count) for row in summarize(records, "k")] == [
        ("c", 2),
        ("a", 1),
        ("b", 1),
    ]


def test_shares_add_up_to_one():
    rows = summarize([{"k": name} for name in "aabc"], "k")
    assert sum(row.share for row in rows) == pytest.approx(1)


def test_records_without_the_field_are_a_group_of_their_own():
    assert [row.group for row in summarize([{}, {"k": None}, {"k": ""}], "k")] == ["(none)"]


def test_values_that_are_no_finite_numbers_do_not_count_as_measured():
    records = [{"k": "a", "ms": value} for value in (4, "6", "nan", "inf", None)]
    (row,) = summarize(records, "k", "ms")
    assert (row.count, row.median, row.maximum) == (5, 4.0, 6.0)


def test_no_records_give_no_rows():
    assert summarize([], "k", "ms") == []
