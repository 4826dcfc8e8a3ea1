"""JUnit XML of what gates said: valid by Jenkins' schema whatever tools print, and red only where a release stops."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import xmlschema
from hypothesis import example, given
from hypothesis import strategies as st

from hephaestus import ui
from hephaestus.findings import Finding
from hephaestus.gates.gate import COULD_NOT_RUN, FAILED, PASSED, Off, Verdict
from hephaestus.gates.reports import Report, junit

SCHEMA = Path(__file__).parents[1] / "data" / "schemas" / "junit-10.xsd"


@cache
def schema() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(SCHEMA)


def read(report: Report) -> ET.Element:
    """Return the suite of a report that is valid."""
    root = ET.fromstring(junit(report))
    schema().validate(root)
    (suite,) = root
    counts = {name: root.get(name) for name in ("tests", "failures", "errors", "time")}
    assert counts == {name: suite.get(name) for name in counts}
    return suite


def test_each_gate_is_a_case_and_red_only_where_it_stops_a_release() -> None:
    findings = (Finding("unused & <bad>", "src/a.py", 3, 1, "F401"),)
    suite = read(
        Report(
            [
                Verdict("format", PASSED, 0.25, "", cached=True),
                Verdict("types", PASSED, 1.0, ""),
                Verdict("lint", FAILED, 1.5, "1 problem", findings=findings, lines=("Found 1",), command="ask lint"),
                Verdict("links", COULD_NOT_RUN, 2.0, "no network"),
                Verdict("audit", COULD_NOT_RUN, 2.0, "no service"),
                Verdict("docs", FAILED, 0.0, "old", required=False),
            ],
            [Off("yaml", "there is none")],
            {"audit": "no network here"},
        )
    )

    assert suite.get("name") == "gates"
    assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped", "time")] == [*"7113", "6.750"]
    kinds = {case.get("name"): [each.tag for each in case] for case in suite}
    assert kinds == {
        "format": ["system-out"],
        "types": [],
        "lint": ["failure"],
        "links": ["error"],
        "audit": ["skipped"],
        "docs": ["skipped"],
        "yaml": ["skipped"],
    }
    said = {case.get("name"): case[0] for case in suite if len(case)}
    assert said["lint"].get("message") == "1 problem"
    assert said["lint"].text == "src/a.py:3:1: F401 unused & <bad>\nFound 1\nask it alone: ask lint"
    assert said["audit"].get("message") == "waived: no network here; could not run: no service"
    assert said["docs"].get("message") == "optional; failed: old"
    assert said["yaml"].get("message") == "there is none"
    assert [case.get("time") for case in suite][:3] == ["0.250", "1.000", "1.500"]


def test_very_many_findings_are_counted() -> None:
    said = Verdict("lint", FAILED, 1.0, "many", findings=(Finding("unused"),) * 1500)

    text = read(Report([said]))[0][0].text
    assert text is not None
    assert text.count("unused") == 1000
    assert "… and 500 more" in text


@given(st.text(), st.sampled_from([PASSED, FAILED, COULD_NOT_RUN]), st.booleans())
@example("\x00\x1b[2J\x0b\ufffe\uffff\ud800]]>\n\r\x85", FAILED, True)
@example("\x00", COULD_NOT_RUN, True)
@pytest.mark.slow
def test_whatever_a_tool_prints_the_file_is_valid_and_can_be_read(text: str, verdict: str, required: bool) -> None:  # noqa: FBT001
    found = Finding(text, text, 1, rule=text)
    said = Verdict(text, verdict, 1.0, text, required, findings=(found,), lines=(text,), command=text)

    suite = read(Report([said], [Off(text, text)], {"other": text}))

    cleaned = ui.clean(text).replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd")
    assert suite[0].get("name") == (cleaned if len(text) < 2000 else suite[0].get("name"))


def test_the_schema_is_no_yes_man() -> None:
    root = ET.fromstring(junit(Report([Verdict("lint", FAILED, 1.0, "why")])))
    ET.SubElement(root[0][0], "error").set("place", "nowhere")

    with pytest.raises(xmlschema.XMLSchemaValidationError):
        schema().validate(root)
