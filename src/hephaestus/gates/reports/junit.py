"""JUnit XML of what gates said, as the services that run builds show it."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET  # only written, never read

from hephaestus.gates.gate import FAILED, Verdict
from hephaestus.gates.reports.report import Report, shortened

__all__ = ["junit"]

# What XML 1.0 cannot hold beside the characters that `shortened` takes away.
_NO_XML = re.compile("[\ufffe\uffff]")
_LINE, _FINDINGS = 2000, 1000


def junit(report: Report) -> bytes:
    """Return a report as JUnit XML, valid by the schema of Jenkins (`junit-10.xsd`).

    The suite `gates` has a case for each gate. A gate that failed is a `failure`, one that could not run an `error`;
    one that need not pass and did not, as it is optional or waived, is `skipped`, and so is one that is off.
    """
    suite = ET.Element("testsuite", name="gates")
    for said in report.verdicts:
        case = _case(suite, said.gate, said.seconds)
        if not said.passed:
            _told(case, report, said)
        elif said.cached:
            ET.SubElement(case, "system-out").text = "passed before, on the very same"
    for off in report.off:
        ET.SubElement(_case(suite, off.name, 0.0), "skipped", message=_text(off.why))
    suites = ET.Element("testsuites", name="hephaestus")
    suites.append(suite)
    counted = {"tests": "testcase", "failures": "testcase/failure", "errors": "testcase/error"}
    for each in (suites, suite):
        for name, path in counted.items():
            each.set(name, str(len(suite.findall(path))))
        each.set("time", f"{sum(said.seconds for said in report.verdicts):.3f}")
    suite.set("skipped", str(len(suite.findall("testcase/skipped"))))
    ET.indent(suites)
    data: bytes = ET.tostring(suites, encoding="utf-8", xml_declaration=True)
    return data + b"\n"


def _case(suite: ET.Element, name: str, seconds: float) -> ET.Element:
    return ET.SubElement(suite, "testcase", name=_text(name), classname="gates", time=f"{seconds:.3f}")


def _told(case: ET.Element, report: Report, said: Verdict) -> None:
    excuse = report.excuse(said)
    kind = "skipped" if excuse else "failure" if said.verdict == FAILED else "error"
    message = ": ".join(filter(None, (said.verdict if excuse else "", said.reason)))
    message = "; ".join(filter(None, (excuse, message)))
    element = ET.SubElement(case, kind, message=_text(message), type=said.verdict)
    lines = [str(finding) for finding in said.findings[:_FINDINGS]]
    if len(said.findings) > _FINDINGS:
        lines.append(f"… and {len(said.findings) - _FINDINGS} more")
    element.text = "\n".join(map(_text, (*lines, *said.lines, f"ask it alone: {said.command}")))


def _text(text: str) -> str:
    return _NO_XML.sub("\ufffd", shortened(text, _LINE))
