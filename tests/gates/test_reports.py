"""What gates said, for people: one table, what did not pass below it, and a document that says the same."""

from __future__ import annotations

import io
import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hephaestus import ui
from hephaestus.findings import Finding
from hephaestus.gates import reports
from hephaestus.gates.catalogue import Choices, Own
from hephaestus.gates.gate import COULD_NOT_RUN, FAILED, PASSED, Answer, Gate, Off, Verdict
from hephaestus.gates.reports import Report
from terminals import Terminal

UNUSED = tuple(
    Finding("`os` imported but unused", "src/acorn/leaves.py", line, 8, "F401", hint="ruff check --fix")
    for line in range(1, 13)
)
SAID = (
    Verdict("format", PASSED, 0.21, "", cached=True, command="hephaestus gates --only format"),
    Verdict(
        "lint",
        FAILED,
        1.23,
        "12 problems, the first at src/acorn/leaves.py:1",
        findings=UNUSED,
        command="hephaestus gates --only lint",
    ),
    Verdict("tests", PASSED, 187.2, "120 tests, coverage 93.1 %", command="hephaestus gates --only tests"),
    Verdict("audit", COULD_NOT_RUN, 30.0, "no service answers", command="hephaestus gates --only audit"),
    Verdict(
        "documents",
        FAILED,
        0.3,
        "README.md names 1.0.0",
        required=False,
        lines=("1 finding",),
        command="hephaestus gates --only documents",
    ),
)
OFF = (Off("licences", "none is configured"), Off("yaml", "there is no yamllint configuration"))
REPORT = Report(SAID, OFF, {"audit": "no network here"})


@pytest.fixture(autouse=True)
def quiet_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


# For people


def test_all_is_told_in_one_table_and_what_did_not_pass_below_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "lint.log").write_text("all of it")

    reports.show(REPORT, tmp_path)

    out, err = capsys.readouterr()
    assert out == ""
    findings = "".join(f"  {finding}\n" for finding in UNUSED[:10])
    assert err == (
        "gates\n\n"
        "gate       verdict        time        ask it alone                       what it says\n"
        "format     passed         before      hephaestus gates --only format\n"
        "lint       failed         1.2 s       hephaestus gates --only lint       12 problems, the first at src/acorn/leaves.py:1\n"
        "tests      passed         3 min 07 s  hephaestus gates --only tests      120 tests, coverage 93.1 %\n"
        "audit      could not run  30.0 s      hephaestus gates --only audit      waived: no network here; no service answers\n"
        "documents  failed         0.3 s       hephaestus gates --only documents  optional; README.md names 1.0.0\n"
        "\nlint failed: 12 problems, the first at src/acorn/leaves.py:1\n"
        f"{findings}"
        "  … and 2 more\n"
        "  settle it:    ruff check --fix\n"
        "  ask it alone: hephaestus gates --only lint\n"
        f"  all of it:    {tmp_path / 'lint.log'}\n"
        "\naudit could not run: no service answers (waived: no network here)\n"
        "  ask it alone: hephaestus gates --only audit\n"
        "\ndocuments failed: README.md names 1.0.0 (optional)\n"
        "  1 finding\n"
        "  ask it alone: hephaestus gates --only documents\n"
        "\n5 gates: 2 passed (1 before, on the very same), 1 failed, 1 could not run (waived), 1 failed (optional); 2 are off\n"
    )


@pytest.mark.parametrize(
    ("columns", "header"),
    [
        (40, "gate       verdict        time"),
        (80, "gate       verdict        time        ask it alone"),
        (200, "gate       verdict        time        ask it alone                       what it says"),
    ],
)
def test_a_narrow_terminal_shows_less_of_the_table_and_all_of_what_did_not_pass(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, columns: int, header: str
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys, "stderr", terminal.stream)

    reports.show(REPORT)

    shown = re.sub(r"\x1b\[[0-9;]*m|\r", "", terminal.all())
    lines = [line.rstrip() for line in shown.splitlines()]
    assert lines[2] == header
    assert max(map(len, lines[:8])) <= columns
    assert "  src/acorn/leaves.py:1:8: F401 `os` imported but unused" in lines
    assert "  ask it alone: hephaestus gates --only lint" in lines
    assert re.search(r"\x1b\[32mpassed", terminal.seen)
    assert re.search(r"\x1b\[1;31mfailed", terminal.seen)
    assert re.search(r"\x1b\[33mcould not run", terminal.seen)


def test_sessions_of_the_project_share_the_log_of_nox(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "nox.log").write_text("")
    stands = Verdict("stands(os='a/b')", FAILED, 1.0, "", command="nox --session \"stands(os='a/b')\"")

    reports.show(Report([stands]), tmp_path)

    err = capsys.readouterr().err
    assert "stands(os='a/b') failed: it does not say why\n" in err
    assert f"  all of it:    {tmp_path / 'nox.log'}\n" in err


@pytest.mark.parametrize("length", [500, 5_000_000])
def test_a_long_line_is_cut(capsys: pytest.CaptureFixture[str], length: int) -> None:
    text = "é" * length
    said = Verdict("lint", FAILED, 1.0, text, findings=(Finding(text, "a.py", hint=text),), lines=(text,))

    reports.show(Report([said]))

    assert max(map(len, capsys.readouterr().err.splitlines())) < 400


HOSTILE = st.lists(st.sampled_from(["\x1b[2J", "\x9b2J", "\r", "\n", "\x07", "\u202e", "::error::x", "ab"]) | st.text())


@given(HOSTILE.map("".join))
@example("\x1b]0;title\x07\n::error::evil")
@pytest.mark.slow
def test_what_a_tool_says_draws_nothing(text: str) -> None:
    found = Finding(text, text, 1, rule=text, hint=text)
    said = Verdict(text, FAILED, 1.0, text, findings=(found,), lines=(text,), command=text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", io.StringIO())
        reports.show(Report([said], [Off(text, text)], {text: text}))
        shown = sys.stderr.getvalue()

    assert ui.clean(shown) == shown
    assert len(shown.splitlines()) <= 14


# What it comes to


@pytest.mark.parametrize(
    ("verdicts", "waived", "outcome"),
    [
        ([], {}, COULD_NOT_RUN),
        ([PASSED], {}, PASSED),
        ([PASSED, FAILED], {}, FAILED),
        ([PASSED, COULD_NOT_RUN], {}, COULD_NOT_RUN),
        ([COULD_NOT_RUN, FAILED], {}, FAILED),
        ([COULD_NOT_RUN, FAILED], {"1": "why"}, COULD_NOT_RUN),
        ([COULD_NOT_RUN, PASSED], {"0": "why"}, PASSED),
        ([FAILED], {"0": "why"}, PASSED),
    ],
)
def test_the_outcome_is_passed_where_nothing_stops(verdicts: list[str], waived: dict[str, str], outcome: str) -> None:
    said = [Verdict(str(number), verdict, 1.0, "") for number, verdict in enumerate(verdicts)]

    assert Report(said, (), waived).outcome == outcome


@pytest.mark.parametrize("verdict", [FAILED, COULD_NOT_RUN])
def test_an_optional_gate_stops_nothing(verdict: str) -> None:
    assert Report([Verdict("docs", verdict, 1.0, "", required=False), SAID[0]]).outcome == PASSED
    assert Report([Verdict("docs", verdict, 1.0, "", required=False), SAID[1]]).outcome == FAILED


def test_a_round_in_which_nothing_was_asked_says_so() -> None:
    assert Report(()).sentence == "0 gates: none was asked"
    assert Report(SAID[:1], OFF[:1]).sentence == "1 gate: 1 passed (1 before, on the very same); 1 is off"


# For machines


def test_the_document_says_all_of_it_and_can_be_read_back() -> None:
    told = json.loads(json.dumps(REPORT.document()))

    assert list(told) == ["outcome", "gates", "off", "waived"]
    assert told["outcome"] == "failed"
    assert tuple(Verdict.of(each) for each in told["gates"]) == SAID
    assert told["off"][0] == {"name": "licences", "why": "none is configured"}
    assert told["waived"] == {"audit": "no network here"}
    assert set(told["gates"][0]) == {
        *("gate", "verdict", "seconds", "reason", "required", "cached", "findings", "lines", "command")
    }
    assert set(told["gates"][1]["findings"][0]) == {"message", "path", "line", "column", "rule", "level", "hint"}


CHOICES = Choices(
    (
        Gate("format", "[tool.ruff] in pyproject.toml", lambda _: Answer(PASSED), ("ruff==1",)),
        Gate("audit", "uv.lock", lambda _: Answer(PASSED), volatile="it asks a service", optional=True),
    ),
    (Own("stands (it's)"),),
    OFF,
)


def test_which_gates_there_are_and_why_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    reports.explain(CHOICES)

    assert capsys.readouterr().err == (
        "gates of this project\n\n"
        "gate           is        why\n"
        "format         required  [tool.ruff] in pyproject.toml\n"
        "audit          optional  uv.lock\n"
        "stands (it's)  required  a session of noxfile.py that is tagged `gate`\n"
        "licences       off       none is configured\n"
        "yaml           off       there is no yamllint configuration\n"
    )


def test_the_explanation_on_a_narrow_terminal_loses_nothing(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(sys, "stderr", terminal.stream)

    reports.explain(CHOICES)

    lines = re.sub(r"\x1b\[[0-9;]*m|\r", "", terminal.all()).splitlines()
    assert max(map(len, lines)) <= 40
    why = " ".join(line[25:].strip() for line in lines[2:]).split()
    assert why == ["why", *(word for each in (*CHOICES.gates, *CHOICES.own, *OFF) for word in each.why.split())]


def test_the_explanation_for_machines_says_what_is_used_again_and_how_to_ask() -> None:
    told = reports.explained(CHOICES)

    assert [(each["name"], each["required"], each["cached"]) for each in told["gates"]] == [
        ("format", True, True),
        ("audit", False, False),
        ("stands (it's)", True, False),
    ]
    assert told["gates"][1]["volatile"] == "it asks a service"
    assert told["gates"][0]["tools"] == ["ruff==1"]
    assert told["gates"][2]["command"] == "hephaestus gates --only 'stands (it'\"'\"'s)'"
    assert told["off"] == [{"name": each.name, "why": each.why} for each in OFF]
    json.dumps(told)


def test_the_files_that_are_asked_for_are_written_where_they_are_to_lie(tmp_path: Path) -> None:
    xml, sarif = tmp_path / "reports" / "gates.xml", tmp_path / "other" / "gates.sarif"

    assert reports.write(REPORT, tmp_path) == []
    assert reports.write(REPORT, tmp_path, junit_to=xml, sarif_to=sarif) == [
        f"what the gates said is in {xml}",
        f"what they found is in {sarif}, without: audit could not run",
    ]
    assert xml.read_bytes() == reports.junit(REPORT)
    assert json.loads(sarif.read_bytes())["version"] == "2.1.0"
    assert reports.write(Report([replace(SAID[3], verdict=PASSED)]), tmp_path, sarif_to=sarif) == [
        f"what they found is in {sarif}"
    ]
