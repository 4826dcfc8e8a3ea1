"""What tools say is read without trust: hostile words become findings that can only be read, and never a pass."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hephaestus.findings import Finding
from hephaestus.gates.builtin import reading
from hephaestus.gates.gate import COULD_NOT_RUN, FAILED, PASSED, Answer
from hephaestus.supervise import Ended
from hephaestus.ui import clean

ROOT = Path("/home/robin/acorn")
SHAPE = reading.Shape("file", "at.row", "at.column", "code", "message", "severity")
LINE = re.compile(r"(?m)^(?P<path>.+?):(?P<line>\d+): (?P<message>.*)$")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["file", "at", "row", "column", "code", "message", "severity"]), inner)
    ),
    max_leaves=8,
)


def ended(code: int | None, output: str = "", why: str = "") -> Ended:
    return Ended(code, why, output, "", 0.1, 0)


@given(JSON)
def test_whatever_json_a_tool_prints_is_findings_or_nothing(said: Any) -> None:
    found = reading.found(said, SHAPE, ROOT)

    for each in found or ():
        assert each.line >= 0 <= each.column
        assert "\n" not in str(each)
        assert not each.path.startswith("/")
        assert ".." not in each.path.split("/")
        assert clean(str(each)) == str(each)


@given(st.text())
def test_whatever_text_a_tool_prints_can_be_read(said: str) -> None:
    reading.document(said)

    for each in reading.lines(said, LINE, ROOT):
        assert "\n" not in str(each)


@pytest.mark.parametrize("text", ["", "[", "[" * 100_000, '{"a": 1', "NaN?", "9" * 5_000, "\ud800"])
def test_what_is_no_document_is_none(text: str) -> None:
    assert reading.document(text) is None


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ("src/a.py", "src/a.py"),
        ("./src/a.py", "src/a.py"),
        ("/home/robin/acorn/src/a.py", "src/a.py"),
        ("/etc/passwd", ""),
        ("../../etc/passwd", ""),
        ("src/a\x1b[31m.py", "src/a.py"),
        ("a\0b", ""),
        ("", ""),
        (3, ""),
        (None, ""),
    ],
)
def test_a_path_is_one_of_the_project_or_none(said: object, path: str) -> None:
    assert reading.inside(said, ROOT) == path


def test_a_project_behind_a_link_knows_its_files(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")

    assert reading.inside(str(tmp_path / "real" / "a.py"), tmp_path / "link") == "a.py"


@pytest.mark.parametrize(
    ("item", "finding"),
    [
        ({"file": "a.py", "at": {"row": 3, "column": 1}, "message": "no"}, Finding("no", "a.py", 3, 1)),
        ({"file": "a.py", "at": {"row": 0, "column": 1}, "message": "no"}, Finding("no", "a.py")),
        ({"file": "a.py", "at": {"row": True}, "message": "no"}, Finding("no", "a.py")),
        ({"file": "a.py", "at": {"row": 10**12}, "message": "no"}, Finding("no", "a.py")),
        (
            {"file": "a.py", "at": "here", "severity": "Warning"},
            Finding("no word of what is wrong", "a.py", level="warning"),
        ),
        ({"message": "one\n::error::two", "code": "\x1b]0;x\x07A1"}, Finding("one ::error::two", rule="A1")),
        ({"message": "A1: no", "code": "A1"}, Finding("no", rule="A1")),
        ({"message": "x" * 10_000}, Finding("x" * 500)),
    ],
)
def test_one_item_is_one_finding(item: dict[str, Any], finding: Finding) -> None:
    assert reading.found([item], SHAPE, ROOT) == [finding]


def test_numbers_are_counted_from_one_whatever_the_tool_counts_from() -> None:
    shape = reading.Shape("file", "row", "column", "", "message", line_from=0, column_from=0)

    assert reading.found([{"file": "a.py", "row": 0, "column": 0, "message": "no"}], shape, ROOT) == [
        Finding("no", "a.py", 1, 1)
    ]


FOUND = [Finding("no", "a.py", 3), Finding("nor that", "a.py", 1)]


@pytest.mark.parametrize(
    ("end", "findings", "verdict", "reason"),
    [
        (ended(0), [], PASSED, ""),
        (ended(0), FOUND, PASSED, ""),  # the tool knows its own thresholds
        (ended(1), FOUND, FAILED, "2 problems, the first at a.py:1: nor that"),
        (ended(1), [], COULD_NOT_RUN, "it ended with code 1, but says of no place what is wrong there"),
        (ended(0), None, COULD_NOT_RUN, "what it printed cannot be read"),
        (ended(1), None, COULD_NOT_RUN, "what it printed cannot be read"),
        (ended(2), FOUND, COULD_NOT_RUN, "it ended with code 2"),
        (ended(None, why="it had not ended after 3 s"), FOUND, COULD_NOT_RUN, "it had not ended after 3 s"),
    ],
)
def test_a_pass_needs_a_code_and_words_that_say_so(
    end: Ended, findings: list[Finding] | None, verdict: str, reason: str
) -> None:
    answer = reading.answered(end, findings)

    assert (answer.verdict, answer.reason) == (verdict, reason)


def test_a_failure_of_warnings_alone_is_a_failure() -> None:
    answer = reading.answered(ended(1), [Finding("no", "a.py", level="warning")])

    assert (answer.verdict, answer.findings[0].level) == (FAILED, "error")


def test_a_flood_of_findings_is_counted_whole_and_kept_in_part() -> None:
    answer = reading.answered(ended(1), [Finding("no", f"{number}.py") for number in range(5_000)])

    assert answer.reason.startswith("5000 problems")
    assert len(answer.findings) == 1_000


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        ([Answer(PASSED), Answer(PASSED)], PASSED),
        ([Answer(PASSED), Answer(COULD_NOT_RUN, "gone")], COULD_NOT_RUN),
        ([Answer(COULD_NOT_RUN, "gone"), reading.failed(FOUND)], FAILED),
        ([reading.failed(FOUND), Answer(PASSED)], FAILED),
    ],
)
def test_what_several_tools_say_is_no_better_than_the_worst_of_it(answers: list[Answer], verdict: str) -> None:
    answer = reading.together((f"tool {number}", each) for number, each in enumerate(answers))

    assert answer.verdict == verdict
    if any(each.verdict == COULD_NOT_RUN for each in answers):
        assert "gone" in json.dumps([answer.reason, answer.lines])
