"""Tools of taste: asked only where they are configured, each understood, and none a pass that looked at nothing."""

from __future__ import annotations

import json
from pathlib import Path

import benches
import pytest

from hephaestus import kept
from hephaestus.gates.builtin import configured
from hephaestus.gates.gate import COULD_NOT_RUN, FAILED, PASSED, Gate, Off

INIT = "src/acorn/__init__.py"
NAMES = ("codespell", "vulture", "interrogate", "bandit", "import-linter", "reuse")
PROGRAMS = {**{name: name for name in NAMES}, "import-linter": "lint-imports"}
CONTRACT = """\
[tool.importlinter]
root_package = "acorn"
include_external_packages = true
[[tool.importlinter.contracts]]
name = "No OS"
type = "forbidden"
source_modules = ["acorn"]
forbidden_modules = ["os"]
"""
ALL = f"[tool.codespell]\n[tool.vulture]\n[tool.interrogate]\ngenerate-badge = '.'\n[tool.bandit]\n{CONTRACT}"
REUSE = 'version = 1\n[[annotations]]\npath = "**"\nSPDX-FileCopyrightText = "Robin"\nSPDX-License-Identifier = "MIT"\n'
GOOD = '"""Trees."""\n\nHEIGHT = 3\n'


@pytest.fixture
def project(tmp_path: Path) -> benches.Project:
    return benches.Project(tmp_path / "acorn", configured.choose)


@pytest.mark.parametrize("name", NAMES)
def test_a_tool_that_is_only_declared_is_not_asked(project: benches.Project, name: str) -> None:
    gate = project.has(f'[dependency-groups]\ndev = ["{name}"]\n', {INIT: GOOD}).gate(name)

    assert isinstance(gate, Off)
    assert gate.why.startswith("there is no [tool.")


@pytest.mark.parametrize(
    ("name", "pyproject", "files", "why"),
    [
        ("codespell", "[tool.codespell]\n", {}, "[tool.codespell] in pyproject.toml"),
        ("codespell", "", {".codespellrc": ""}, ".codespellrc"),
        ("codespell", "", {"setup.cfg": "[codespell]\n"}, "[codespell] in setup.cfg"),
        ("bandit", "", {".bandit": ""}, ".bandit"),
        ("import-linter", CONTRACT, {}, "[tool.importlinter] in pyproject.toml"),
        ("import-linter", "", {".importlinter": ""}, ".importlinter"),
        ("reuse", "", {"REUSE.toml": REUSE}, "REUSE.toml"),
    ],
)
def test_a_tool_that_is_configured_is(
    project: benches.Project, name: str, pyproject: str, files: dict[str, str | bytes], why: str
) -> None:
    gate = project.has(pyproject, {INIT: GOOD, **files}).gate(name)

    assert isinstance(gate, Gate)
    assert (gate.why, gate.tools) == (why, (name,))


WELL = {
    "codespell": "",
    "vulture": "",
    "interrogate": "------ RESULT: PASSED (minimum: 80.0%, actual: 100.0%) ------",
    "bandit": '{"errors": [], "metrics": {"_totals": {"loc": 6}}, "results": []}',
    "import-linter": "Contracts: 1 kept, 0 broken.",
    "reuse": '{"files_total": 4, "non_compliant": {}}',
}
AMISS = {
    "codespell": (65, f"{INIT}:1: Teh ==> The", f"{INIT}:1"),
    "vulture": (3, f"{INIT}:3: unused variable 'HEIGHT' (60% confidence)", f"{INIT}:3"),
    "bandit": (
        1,
        json.dumps(
            {
                "results": [
                    {"filename": f"./{INIT}", "line_number": 2, "col_offset": 11, "test_id": "B307", "issue_text": "e"}
                ]
            }
        ),
        f"{INIT}:2:12 B307",
    ),
    "import-linter": (
        1,
        "No OS BROKEN\n\nContracts: 0 kept, 1 broken.\n\n-   acorn -> os (l.2)\n",
        f"{INIT}:2 contract",
    ),
    "reuse": (
        1,
        json.dumps({"non_compliant": {"missing_licensing_info": [f"/x/{INIT}"], "missing_licenses": {"MIT": [INIT]}}}),
        f"{INIT} missing-licenses",
    ),
}


def stubbed(project: benches.Project, tmp_path: Path, name: str, *lines: str) -> benches.Answer:
    project.has(ALL, {INIT: GOOD, "REUSE.toml": REUSE})
    project.environment = benches.stub(tmp_path / "stub", PROGRAMS[name], *lines)
    return project.ask(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_what_a_tool_finds_well_passes(project: benches.Project, tmp_path: Path, name: str) -> None:
    assert stubbed(project, tmp_path, name, f"print({WELL[name]!r})").verdict == PASSED


@pytest.mark.slow
@pytest.mark.parametrize("name", AMISS)
def test_what_a_tool_finds_amiss_is_at_its_place(project: benches.Project, tmp_path: Path, name: str) -> None:
    code, said, place = AMISS[name]

    answer = stubbed(project, tmp_path, name, f"print({said!r})", f"sys.exit({code})")

    assert answer.verdict == FAILED
    assert place in benches.places(answer)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["interrogate", "import-linter"])
def test_a_sum_that_is_too_low_is_the_reason(project: benches.Project, tmp_path: Path, name: str) -> None:
    said = {
        "interrogate": "------ RESULT: FAILED (minimum: 80.0%, actual: 50.0%) ------",
        "import-linter": "Contracts: 0 kept, 1 broken.",
    }[name]

    answer = stubbed(project, tmp_path, name, f"print({said!r})", "sys.exit(1)")

    assert (answer.verdict, answer.reason) == (FAILED, said.strip("-. "))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_tool_that_stumbles_is_no_pass(project: benches.Project, tmp_path: Path, name: str) -> None:
    assert stubbed(project, tmp_path, name, "sys.exit('Traceback (most recent call last):')").verdict == COULD_NOT_RUN


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("bandit", '{"errors": [{"filename": "a.py"}], "metrics": {"_totals": {"loc": 6}}, "results": []}'),
        ("bandit", '{"errors": [], "metrics": {"_totals": {"loc": 0}}, "results": []}'),
        ("import-linter", "Contracts: 0 kept, 0 broken."),
        ("interrogate", ""),
        ("reuse", '{"files_total": 0, "non_compliant": {}}'),
        ("reuse", "hello"),
    ],
)
def test_a_tool_that_looked_at_nothing_is_no_pass(
    project: benches.Project, tmp_path: Path, name: str, said: str
) -> None:
    assert stubbed(project, tmp_path, name, f"print({said!r})").verdict == COULD_NOT_RUN


@pytest.mark.slow
def test_words_in_files_that_are_not_the_projects_are_let_be(project: benches.Project, tmp_path: Path) -> None:
    said = "./build/a.py:1: Teh ==> The\n../else.py:1: Teh ==> The"

    assert stubbed(project, tmp_path, "codespell", f"print({said!r})", "sys.exit(65)").verdict == PASSED


def test_a_badge_is_drawn_beside_the_project(project: benches.Project, tmp_path: Path) -> None:
    draw = "open((sys.argv[sys.argv.index('--generate-badge') + 1] if '--generate-badge' in sys.argv else '.') + '/b', 'w')"

    assert stubbed(project, tmp_path, "interrogate", draw, f"print({WELL['interrogate']!r})").verdict == PASSED


@pytest.mark.index
@pytest.mark.slow
def test_the_tools_themselves_are_understood(project: benches.Project) -> None:
    project.environment = kept.keep(NAMES).environment
    bad = '"""Teh trees."""\n\nimport os\n\n\ndef unused():\n    return eval("1") + os.sep\n'
    text = ALL.replace("generate-badge", "fail-under = 80\ngenerate-badge")

    project.has(text, {INIT: GOOD, "REUSE.toml": REUSE, "LICENSES/MIT.txt": "MIT\n"})
    vulture = "min_confidence = 100\n[tool.interrogate]"
    project.has(text.replace("[tool.interrogate]", vulture), {})
    assert {name: (answer := project.ask(name)).verdict + answer.reason for name in NAMES} == dict.fromkeys(
        NAMES, PASSED
    )

    project.has(text, {INIT: bad, "REUSE.toml": "version = 1\n"})
    answers = {name: project.ask(name) for name in NAMES}
    assert {name: answer.verdict for name, answer in answers.items()} == dict.fromkeys(NAMES, FAILED)
    found = {name: benches.places(answer) for name, answer in answers.items()}
    assert found["codespell"] == [f"{INIT}:1"]
    assert f"{INIT}:6" in found["vulture"]
    assert f"{INIT}:7:12 B307" in found["bandit"]
    assert f"{INIT}:3 contract" in found["import-linter"]
    assert f"{INIT} missing-licensing-info" in found["reuse"]
    assert answers["interrogate"].reason == "RESULT: FAILED (minimum: 80.0%, actual: 50.0%)"
