"""SARIF of what gates found: valid by its schema, on the right places, known again when lines move, within limits."""

from __future__ import annotations

import base64
import gzip
import json
import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import fastjsonschema
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hephaestus.findings import Finding
from hephaestus.gates.gate import COULD_NOT_RUN, FAILED, PASSED, Verdict
from hephaestus.gates.reports import sarif
from hephaestus.gates.reports.places import hashes

SCHEMA = Path(__file__).parents[1] / "data" / "schemas" / "sarif-2.1.0.json"


@cache
def valid() -> Callable[[Any], Any]:
    return fastjsonschema.compile(json.loads(SCHEMA.read_bytes()), use_default=False)


def runs(root: Path, *findings: Finding) -> list[dict[str, Any]]:
    """Return the runs of a valid document with what one gate found."""
    data, left_out = sarif([failed(*findings)], root, "1.0")
    assert left_out == []
    told = json.loads(data)
    valid()(told)
    return list(told["runs"])


def failed(*findings: Finding, gate: str = "lint") -> Verdict:
    return Verdict(gate, FAILED, 1.0, "problems", findings=findings, command=f"hephaestus gates --only {gate}")


def results(root: Path, *findings: Finding) -> list[dict[str, Any]]:
    (run,) = runs(root, *findings)
    return list(run["results"])


def test_a_finding_is_a_result_at_its_place_with_its_rule(tmp_path: Path) -> None:
    (run,) = runs(
        tmp_path,
        Finding("a [link](https://evil.example) here", "src/a.py", 3, 7, "E1", "warning", "ruff --fix"),
        Finding("no column", "src/a.py", 4, 0, "F401"),
        Finding("the file", "src/b.py", 0, 9),
        Finding("again", "src/b.py", 1, 1, "E1", "note"),
        Finding("no place"),
    )

    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("hephaestus lint", "1.0")
    assert [rule["id"] for rule in driver["rules"]] == ["F401", "lint", "E1"]
    assert all(
        rule[text]["text"] for rule in driver["rules"] for text in ("shortDescription", "fullDescription", "help")
    )
    told = [
        (
            each["ruleId"],
            driver["rules"][each["ruleIndex"]]["id"],
            each["level"],
            each["message"]["text"],
            each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
            each["locations"][0]["physicalLocation"].get("region"),
        )
        for each in run["results"]
    ]
    assert told == [
        ("F401", "F401", "error", "no column", "src/a.py", {"startLine": 4}),
        ("lint", "lint", "error", "the file", "src/b.py", None),
        (
            *("E1", "E1", "warning", "a [link] (https://evil.example) here\nruff --fix", "src/a.py"),
            {"startLine": 3, "startColumn": 7},
        ),
        ("E1", "E1", "note", "again", "src/b.py", {"startLine": 1, "startColumn": 1}),
    ]


def test_a_path_is_a_uri_below_the_root(tmp_path: Path) -> None:
    paths = ["src/a b#?%&é.py", "src/\udcff.py", "src/a:b.py", "./c.py"]

    told = [
        each["locations"][0]["physicalLocation"]["artifactLocation"]
        for each in results(tmp_path, *(Finding("x", path) for path in paths))
    ]

    assert [place["uri"] for place in told] == ["src/a%20b%23%3F%25%26%C3%A9.py", "src/%FF.py", "src/a%3Ab.py", "c.py"]
    assert unquote(told[0]["uri"]) == paths[0]
    assert {place["uriBaseId"] for place in told} == {"%SRCROOT%"}


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../outside.py", "src/../../outside.py", "C:/a.py", "src\\a.py"])
def test_what_is_not_in_the_project_has_no_place(tmp_path: Path, path: str) -> None:
    assert results(tmp_path / "acorn", Finding("x", path, 1)) == []


def test_a_gate_that_could_not_run_is_left_out_so_that_nothing_seems_mended(tmp_path: Path) -> None:
    audit = Verdict("audit", COULD_NOT_RUN, 1.0, "no service", findings=(Finding("half", "a.py"),))
    data, left_out = sarif([Verdict("format", PASSED, 1.0, ""), audit], tmp_path, "1.0")

    assert [run["tool"]["driver"]["name"] for run in json.loads(data)["runs"]] == ["hephaestus format"]
    assert left_out == ["audit could not run"]


# Fingerprints


# The expectations of GitHub's own tests of its action that uploads SARIF, for files of these bytes.
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "c129715d7a2bc9a3:1"),
        (" a\nb\n  \t\tc\n d", "271789c17abda88f:1 54703d4cd895b18:1 180aee12dab6264:1 a23a3dc5e078b07b:1"),
        (
            " hello; \t\r\nworld!!!\r\n\n\r  \t\tGreetings\r End\r\n",
            "e9496ae3ebfced30:1 fb7c023a8b9ccb3f:1 ce8ba1a563dcdaca:1 e20e36e16fcb0cc8:1 b3edc88f2938467e:1 c8e28b0b4002a3a0:1 c129715d7a2bc9a3:1",
        ),
        (
            "Lorem ipsum dolor sit amet.\n" * 7,
            "a7f2ff13bc495cf2:1 a7f2ff13bc495cf2:2 a7f2ff13bc495cf2:3 a7f2ff1481e87703:1 a9cf91f7bbf1862b:1 55ec222b86bcae53:1 cc97dc7b1d7d8f7b:1 c129715d7a2bc9a3:1",
        ),
    ],
)
def test_a_line_has_the_hash_by_which_github_knows_it(text: str, expected: str) -> None:
    assert hashes(text.encode()) == expected.split()


@given(st.text(st.sampled_from("a\n\r \t\U0001f331é")) | st.text())
@example("\U0001f331\n" * 3)
@pytest.mark.slow
def test_every_line_has_a_hash_of_its_own_that_hangs_on_nothing_before_it(text: str) -> None:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    told = hashes(text.encode("utf-8", "surrogatepass"))

    assert len(set(told)) == len(told) == len(lines)
    for place, hashed in enumerate(told):
        alone = hashes("\n".join(lines[place:]).encode("utf-8", "surrogatepass"))[0]
        assert hashed.partition(":")[0] == alone.partition(":")[0]


def test_a_finding_is_known_again_when_lines_come_before_it_and_not_when_its_line_changes(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    after = "".join(f"line_{number} = {number}\n" for number in range(40))

    def told(before: str, line: str) -> str:
        file.write_text(f"{before}{line}\n{after}")
        (result,) = results(tmp_path, Finding("unused", "a.py", before.count("\n") + 1, 8, "F401"))
        return str(result["partialFingerprints"]["primaryLocationLineHash"])

    assert told("", "import os") == told("# a comment\n\n", "import os") == told("", "    import os")
    assert told("", "import os") != told("", "import re")


@pytest.mark.parametrize("line", [0, 3, 2**40])
def test_a_line_that_is_not_there_has_no_fingerprint(tmp_path: Path, line: int) -> None:
    (tmp_path / "a.py").write_text("one\n")
    (result,) = results(tmp_path, Finding("x", "a.py", line))

    assert "partialFingerprints" not in result


def test_no_file_outside_the_project_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret\n")
    (tmp_path / "acorn").mkdir()
    (tmp_path / "acorn" / "link.py").symlink_to(tmp_path / "secret")
    (result,) = results(tmp_path / "acorn", Finding("x", "link.py", 1))

    assert "partialFingerprints" not in result


# Limits


def test_of_more_gates_than_github_takes_those_that_found_something_are_kept(tmp_path: Path) -> None:
    said = [Verdict(f"quiet-{number}", PASSED, 1.0, "") for number in range(25)]
    data, left_out = sarif([*said, failed(Finding("x", "a.py"))], tmp_path, "1.0")

    names = [run["tool"]["driver"]["name"] for run in json.loads(data)["runs"]]
    assert len(names) == 20
    assert names[0] == "hephaestus lint"
    assert len(left_out) == 6
    assert left_out[0] == "quiet-19 is one gate more than the 20 GitHub takes"


@pytest.mark.slow
def test_of_more_findings_than_github_takes_the_most_severe_are_kept(tmp_path: Path) -> None:
    notes = [Finding("a note", "a.py", level="note")] * 25_000
    data, left_out = sarif([failed(*notes, Finding("an error", "a.py"))], tmp_path, "1.0")

    (run,) = json.loads(data)["runs"]
    assert len(run["results"]) == 25_000
    assert run["results"][0]["message"]["text"] == "an error"
    assert left_out == ["1 findings of lint"]


@pytest.mark.slow
def test_a_document_that_is_too_large_even_when_packed_is_cut(tmp_path: Path) -> None:
    noise = random.Random(1)
    findings = [Finding(base64.b64encode(noise.randbytes(750)).decode(), "a.py") for _ in range(14_000)]
    data, left_out = sarif([failed(*findings)], tmp_path, "1.0")

    assert 5_000_000 < len(gzip.compress(data, 1)) < 10_000_000
    assert left_out == ["7000 findings of lint"]


# Hostile findings


@given(
    st.text(),
    st.text(),
    st.integers(-(2**70), 2**70),
    st.text(),
    st.sampled_from(["error", "warning", "note", "", "x"]),
)
@example("\x00\x1b[2J\ud800", "a\x00b.py", 1, "\n", "error")
@example("", "a" * 5000, 1, "", "error")
@pytest.mark.slow
def test_whatever_a_tool_finds_the_document_is_valid(message: str, path: str, line: int, rule: str, level: str) -> None:
    for result in results(Path("/nowhere"), Finding(message, path, line, line, rule, level)):
        place = result["locations"][0]["physicalLocation"]["artifactLocation"]
        assert place["uri"].isascii()
        assert not place["uri"].startswith(("/", ".."))


def test_the_schema_is_no_yes_man(tmp_path: Path) -> None:
    told = json.loads(sarif([failed(Finding("x", "a.py", 1))], tmp_path, "1.0")[0])
    told["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] = 0

    with pytest.raises(fastjsonschema.JsonSchemaException):
        valid()(told)
