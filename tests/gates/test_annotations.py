"""What gates said, on GitHub: annotations on the right lines, a summary of the job, and no order but ours."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

import runner
from hephaestus import ui
from hephaestus.findings import Finding
from hephaestus.gates import reports
from hephaestus.gates.gate import COULD_NOT_RUN, FAILED, PASSED, Off, Verdict
from hephaestus.gates.reports import Report
from runner import Command

Announce = Callable[[Report], list[Command]]


@pytest.fixture
def summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    return tmp_path / "summary.md"


@pytest.fixture
def announced(summary: Path, capsys: pytest.CaptureFixture[str]) -> Announce:
    def announce(report: Report) -> list[Command]:
        reports.announce(report)
        return runner.obeyed(capsys.readouterr().err)

    return announce


def failed(*findings: Finding, gate: str = "lint", required: bool = True) -> Verdict:
    return Verdict(gate, FAILED, 1.0, "why", required, findings=findings, command=f"hephaestus gates --only {gate}")


def test_findings_are_annotated_on_the_lines_they_are_about(announced: Announce) -> None:
    found = (
        Finding("unused", "src/a b,c.py", 3, 8, "F401"),
        Finding("odd", "src/b.py", 4, level="warning"),
        Finding("see", "src/c.py", level="note"),
    )

    assert announced(Report([failed(*found)])) == [
        Command("error", "F401 unused", {"file": "src/a b,c.py", "line": "3", "col": "8", "title": "lint"}),
        Command("warning", "odd", {"file": "src/b.py", "line": "4", "title": "lint"}),
        Command("notice", "see", {"file": "src/c.py", "title": "lint"}),
    ]


def test_a_gate_without_a_place_in_the_project_is_annotated_all_the_same(announced: Announce) -> None:
    said = [
        failed(Finding("elsewhere", "/usr/lib/x.py", 1)),
        Verdict("audit", COULD_NOT_RUN, 1.0, "no service"),
        Verdict("types", PASSED, 1.0, "all is well"),
    ]

    assert announced(Report(said)) == [
        Command("error", "failed: why", {"title": "lint"}),
        Command("error", "could not run: no service", {"title": "audit"}),
    ]


def test_what_stops_no_release_is_no_error(announced: Announce) -> None:
    found = Finding("old", "README.md", 3)
    said = [
        failed(found, gate="documents", required=False),
        failed(found, gate="waived"),
        Verdict("passed", PASSED, 1.0, "", findings=(found,)),
        Verdict("audit", COULD_NOT_RUN, 1.0, "no service"),
    ]

    told = announced(Report(said, (), {"waived": "a reason", "audit": "another"}))

    assert [(each.name, each.properties["title"]) for each in told] == [
        ("warning", name) for name in ("documents", "waived", "passed", "audit")
    ]


def test_every_gate_comes_to_speak_before_github_has_enough(announced: Announce, summary: Path) -> None:
    many = tuple(Finding("unused", "src/a.py", line) for line in range(1, 500))
    odd = tuple(Finding("odd", "src/a.py", line, level="warning") for line in range(1, 13))

    told = announced(Report([failed(*many), failed(*many[:2], gate="types"), failed(*odd, gate="docs")]))

    errors = [each.properties["title"] for each in told if each.name == "error"]
    assert errors == ["lint", "types", "lint", "types", *["lint"] * 6]
    assert len([each for each in told if each.name == "warning"]) == 10
    assert summary.read_text().rstrip().endswith("; not shown: 491 more errors, 2 more warnings")


def test_elsewhere_nothing_is_said_and_nothing_is_written(
    summary: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS")

    reports.announce(Report([failed(Finding("unused", "src/a.py", 3))]))

    assert capsys.readouterr() == ("", "")
    assert not summary.exists()


def test_the_summary_comes_behind_the_table_of_the_steps(summary: Path) -> None:
    with ui.observer(io.StringIO(), {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}) as view:
        view.planned("in this checkout", [("gates", "all of them")])
        view.finished("gates", 1.0)
    reports.announce(
        Report(
            [
                failed(Finding("`x` | <b>", "src/a.py", 3), Finding("```\n# Heading")),
                Verdict("types|", PASSED, 2.0, "*all* is <well>", cached=True),
            ],
            [Off("yaml", "there is none")],
        )
    )

    page = MarkdownIt("commonmark").enable("table").render(summary.read_text())
    assert re.findall(r"<h\d>(.*)</h\d>", page) == ["in this checkout", "Gates: failed", "lint failed: why"]
    cells = [re.findall(r"<td.*?>(.*)</td>", row) for row in page.split("<tr>")]
    assert cells[2:] == [
        ["gates", "done", "1.0 s"],
        [],
        ["lint", "<strong>failed</strong>", "1.0 s", "why"],
        ["types|", "passed", "before", "*all* is &lt;well&gt;"],
    ]
    assert "2 gates: 1 passed (1 before, on the very same), 1 failed; 1 is off</p>" in page
    code = re.search(r"<pre><code.*?>(.*)</code></pre>", page, re.DOTALL)
    assert code is not None
    assert code[1] == ("src/a.py:3: `x` | &lt;b&gt;\n```\n# Heading\nask it alone: hephaestus gates --only lint\n")


def test_a_summary_of_very_much_is_cut_to_what_github_shows(summary: Path, announced: Announce) -> None:
    many = tuple(failed(*[Finding("x" * 300, "src/a.py")] * 10, gate=f"gate-{number}") for number in range(500))
    announced(Report(many))

    text = summary.read_text()
    assert 900_000 < len(text) <= 1024 * 1024
    assert re.search(r"^\d+ more parts do not fit into the summary of a job\.$", text, re.MULTILINE)


ORDERS = [
    "::error::x",
    "##[add-mask]x",
    "::add-mask::",
    "::stop-commands::x",
    "\n",
    "\r",
    "%0A",
    ",file=x",
    "::",
    "\x85",
]


@given(st.lists(st.sampled_from(ORDERS) | st.text(max_size=20)).map("".join))
@example("\n::add-mask::x")
@example("##[add-mask]x")
@example("a.py::\n##[add-mask]x,title=y::z%")
@pytest.mark.slow
def test_nothing_a_tool_says_becomes_an_order(text: str) -> None:
    """Also not in what people read in the log."""
    found = Finding(text, text, 3, rule=text, hint=text)
    said = Verdict(text, FAILED, 1.0, text, findings=(found,), lines=(text,), command=text)
    report = Report([said, Verdict(text, COULD_NOT_RUN, 1.0, text)], [Off(text, text)], {"other": text})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITHUB_ACTIONS", "true")
        patch.setattr(sys, "stderr", io.StringIO())
        reports.show(report)
        reports.announce(report)
        told = runner.obeyed(sys.stderr.getvalue())

    assert [each.name for each in told] == ["error", "error"]
    assert all(set(each.properties) <= {"file", "line", "title"} for each in told)
    assert {each.properties.get("file", "") for each in told} <= {"", ui.clean(text)}
