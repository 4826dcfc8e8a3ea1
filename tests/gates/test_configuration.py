"""A pyproject.toml that standards and our own reading accept, and YAML as the project wants it."""

from __future__ import annotations

from pathlib import Path

import benches
import pytest

from hephaestus.gates.builtin import configuration
from hephaestus.gates.gate import COULD_NOT_RUN, FAILED, PASSED, Off


@pytest.fixture
def project(tmp_path: Path) -> benches.Project:
    return benches.Project(tmp_path / "acorn", configuration.choose)


@pytest.mark.slow
def test_a_valid_pyproject_passes(project: benches.Project) -> None:
    assert (
        project.has('requires-python = ">=3.11"\n[dependency-groups]\ntest = ["pytest"]\n').ask("pyproject").verdict
        == PASSED
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("[project.urls]\nHome = 3\n", 5, "project.urls.Home"),
        ('classifiers = ["Programming Language :: Acorn"]\n', 4, "project.classifiers"),
    ],
)
def test_what_is_invalid_is_named_with_its_line(project: benches.Project, text: str, line: int, said: str) -> None:
    answer = project.has(text).ask("pyproject")

    assert answer.verdict == FAILED
    assert said in answer.findings[0].message or said in answer.findings[-1].message
    assert f"pyproject.toml:{line}" in {each.place for each in answer.findings}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[dependency-groups]\ntest = [{include-group = "nothing"}]\n', "[dependency-groups] test cannot be read"),
        ('[dependency-groups]\na = [{include-group = "b"}]\nb = [{include-group = "a"}]\n', "[dependency-groups] a"),
        ('[project.optional-dependencies]\nfast = ["acorn[faster]"]\n', "the project has no extra faster"),
    ],
)
def test_what_our_own_reading_refuses_is_found_even_where_the_standard_tool_does_not(
    project: benches.Project, tmp_path: Path, text: str, said: str
) -> None:
    project.environment = benches.stub(tmp_path / "stub", "validate-pyproject", "print('Valid file: pyproject.toml')")

    answer = project.has(text).ask("pyproject")

    assert answer.verdict == FAILED
    assert said in answer.findings[0].message
    assert answer.findings[0].hint


@pytest.mark.slow
@pytest.mark.parametrize("lines", [["print('hello')"], ["sys.exit(1)"], ["sys.exit(2)"]])
def test_a_validator_that_stumbles_is_no_pass(project: benches.Project, tmp_path: Path, lines: list[str]) -> None:
    project.environment = benches.stub(tmp_path / "stub", "validate-pyproject", *lines)

    assert project.has().ask("pyproject").verdict == COULD_NOT_RUN


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("[project]\nname = 1\n", "`project.name` must be string", 2),
        ("[project]\nname = 1\n[project.urls]\nHome = 3\n", "`project.urls.Home` must be string", 4),
        ("[project]\n[tool.a]\nname = 1\n", "`project.name` must be there", 1),
        ("[project]\nclassifiers = [\n]\n", "`project.classifiers[0]` must be trove-classifier", 2),
        ("[project]\n", "it is all wrong", 0),
        ("[project]\n", "`", 0),
    ],
)
def test_the_line_of_what_is_named(text: str, message: str, line: int) -> None:
    assert configuration._line_of(text, message) == line


# YAML


@pytest.mark.parametrize("files", [{}, {"a.yaml": ""}, {".yamllint.bak": "", "a.yaml": ""}])
def test_yaml_is_left_alone_where_the_project_does_not_lint_it(
    project: benches.Project, files: dict[str, str | bytes]
) -> None:
    assert isinstance(project.has('[dependency-groups]\nlint = ["yamllint"]\n', files).gate("yaml"), Off)


@pytest.mark.slow
def test_yaml_is_as_the_project_wants_it(project: benches.Project) -> None:
    rules = "---\nextends: relaxed\nrules:\n  line-length: disable\n"
    project.has(files={".yamllint": rules, "a.yaml": "---\na: 1\n", "-s.yml": "---\nb: 1\n"})
    assert project.ask("yaml").verdict == PASSED

    answer = project.has(files={"a.yaml": "---\na: 1\na: 2\n", "-s.yml": "c: [\n"}).ask("yaml")
    assert answer.verdict == FAILED
    assert {"a.yaml:3:1 key-duplicates", "-s.yml:2:1"} <= {
        place.removesuffix(" syntax") for place in benches.places(answer)
    }


@pytest.mark.slow
def test_many_files_are_linted_in_turns(project: benches.Project, tmp_path: Path) -> None:
    project.has(files={".yamllint": "", **{f"{number}.yaml": "" for number in range(520)}})
    words = "files = [each for each in sys.argv if each.endswith('.yaml')]"
    told = "[print(each + ':1:1: [error] no (empty)') for each in files if each == '519.yaml']; sys.exit('519.yaml' in files)"
    project.environment = benches.stub(tmp_path / "stub", "yamllint", words, "assert len(files) <= 500", told)

    assert benches.places(project.ask("yaml")) == ["519.yaml:1:1 empty"]


@pytest.mark.parametrize("line", ["sys.exit(1)", "sys.exit(255)", "sys.exit('no such option')"])
def test_a_linter_that_stumbles_is_no_pass(project: benches.Project, tmp_path: Path, line: str) -> None:
    project.has(files={".yamllint": "", "a.yaml": ""})
    project.environment = benches.stub(tmp_path / "stub", "yamllint", line)

    assert project.ask("yaml").verdict == COULD_NOT_RUN
