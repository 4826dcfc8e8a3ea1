import pytest

from lantern_report.records import READERS, MalformedRecordError, field, number


def test_blank_lines_are_no_records():
    assert list(READERS["jsonl"](['{"a": 1}\n', "\n", "  \n", '{"a": 2}'])) == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize("line", ["{", "[1]", "nonsense"])
def test_a_malformed_line_is_named_by_its_number(line):
    with pytest.raises(MalformedRecordError, match="line 2"):
        list(READERS["jsonl"](['{"a": 1}', line]))


def test_csv_rows_are_records_named_by_the_header():
    rows = list(READERS["csv"](["route,ms\n", '"/a,b",3\n']))
    assert rows == [{"route": "/a,b", "ms": "3"}]


def test_a_csv_row_that_is_too_long_is_refused():
    with pytest.raises(MalformedRecordError, match="line 2"):
        list(READERS["csv"](["a\n", "1,2\n"]))


def test_dots_lead_into_nested_objects():
    assert field({"a": {"b": {"c": 1}}}, "a.b.c") == 1


def test_a_field_whose_own_name_has_dots_comes_first():
    assert field({"a.b": 1, "a": {"b": 2}}, "a.b") == 1


def test_a_path_through_something_that_is_no_object_is_missing():
    assert field({"a": "text"}, "a.b") is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3, 3.0), ("2.5", 2.5), ("n/a", None), (True, None), (None, None), ([1], None)],
)
def test_numbers_are_taken_from_numbers_and_texts_only(value, expected):
    assert number(value) == expected
