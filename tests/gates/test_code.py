"""Format, lint and types: the tool the project configured, what it says at the right line, and never a false green."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import benches
import pytest

from hephaestus.errors import UsageError
from hephaestus.gates.builtin import code, types
from hephaestus.gates.gate import COULD_NOT_RUN, FAILED, PASSED, Gate, Off

GOOD = '"""Trees."""\n\nHEIGHT = 3\n'
UGLY = '"""Trees."""\n\nHEIGHT=3\n'
UNUSED = '"""Trees."""\n\nimport os\n'
WRONG = '"""Trees."""\n\n\ndef height() -> str:\n    return 3\n'
BROKEN = "def height(:\n"
INIT = "src/acorn/__init__.py"


@pytest.fixture
def style(tmp_path: Path) -> benches.Project:
    return benches.Project(tmp_path / "acorn", code.choose)


@pytest.fixture
def checked(tmp_path: Path) -> benches.Project:
    return benches.Project(tmp_path / "acorn", types.choose)


# Which tool


@pytest.mark.parametrize(
    ("pyproject", "files", "tool", "why"),
    [
        ("[tool.ruff]\n", {}, "ruff", "[tool.ruff] in pyproject.toml"),
        ("", {"ruff.toml": ""}, "ruff", "ruff.toml"),
        ('[dependency-groups]\nlint = ["ruff>=1"]\n', {}, "ruff>=1", "ruff in the dependency group lint"),
        ("[tool.black]\n", {}, "black", "[tool.black] in pyproject.toml"),
        ("[tool.black]\n[tool.ruff]\n", {}, "black", "[tool.black] in pyproject.toml"),
        ('[dependency-groups]\ndev = ["black"]\n[tool.ruff]\n', {}, "black", "black in the dependency group dev"),
        ("[tool.black]\n[tool.ruff.format]\n", {}, "ruff", "[tool.ruff] in pyproject.toml"),
        ("[tool.black]\n", {"ruff.toml": "[format]\n"}, "ruff", "ruff.toml"),
        ("[tool.ruff]\n[tool.hephaestus.gates.format]\ntool = 'black'\n", {}, "black", "chooses black"),
    ],
)
def test_the_format_is_asked_of_the_formatter_the_project_shows(
    style: benches.Project, pyproject: str, files: dict[str, str | bytes], tool: str, why: str
) -> None:
    gate = style.has(pyproject, {INIT: GOOD, **files}).gate("format")

    assert isinstance(gate, Gate)
    assert gate.tools[0] == tool
    assert why in gate.why


def test_code_that_another_formatter_formats_is_not_held_against_ruff(style: benches.Project) -> None:
    style.has("[tool.ruff]\n[tool.yapf]\n", {INIT: GOOD})

    assert style.gate("format") == Off(
        "format", "the code is formatted by a tool that is not asked: [tool.yapf] in pyproject.toml"
    )


@pytest.mark.parametrize(
    ("pyproject", "files", "tool"),
    [
        ("[tool.ruff]\n[tool.pylint]\n", {}, "ruff"),
        ("[tool.pylint]\n", {}, "pylint"),
        ("", {".flake8": ""}, "flake8"),
        ("", {"setup.cfg": "[flake8]\n"}, "flake8"),
        ('[dependency-groups]\nlint = ["ruff"]\n', {".flake8": ""}, "flake8"),
    ],
)
def test_lint_is_asked_of_the_linter_the_project_shows(
    style: benches.Project, pyproject: str, files: dict[str, str | bytes], tool: str
) -> None:
    gate = style.has(pyproject, {INIT: GOOD, **files}).gate("lint")

    assert isinstance(gate, Gate)
    assert gate.tools[0] == tool


def test_the_plug_ins_beside_a_linter_are_installed_with_it(style: benches.Project) -> None:
    gate = style.has('[dependency-groups]\nlint = ["flake8>=6", "flake8-bugbear"]\n', {INIT: GOOD, ".flake8": ""}).gate(
        "lint"
    )

    assert isinstance(gate, Gate)
    assert gate.tools == ("flake8>=6", "flake8-bugbear")


@pytest.mark.parametrize(
    ("pyproject", "files", "tool"),
    [
        ("[tool.mypy]\n[tool.pyright]\n", {}, "mypy"),
        ("", {"mypy.ini": "[mypy]\n"}, "mypy"),
        ("[tool.ty]\n", {}, "ty"),
        ("", {"pyrefly.toml": ""}, "pyrefly"),
        ("[tool.basedpyright]\n", {}, "basedpyright"),
        ("", {"pyrightconfig.json": "{}"}, "pyright[nodejs]"),
        ('[dependency-groups]\ndev = ["mypy>=1.18"]\n[tool.ty]\n', {}, "ty"),
        ('[dependency-groups]\ndev = ["mypy>=1.18"]\n', {}, "mypy>=1.18"),
        ("[tool.mypy]\n[tool.ty]\n[tool.hephaestus.gates.types]\ntool = 'ty'\n", {}, "ty"),
    ],
)
def test_types_are_asked_of_the_checker_the_project_configured(
    checked: benches.Project, pyproject: str, files: dict[str, str | bytes], tool: str
) -> None:
    gate = checked.has(pyproject, {INIT: GOOD, **files}).gate("types")

    assert isinstance(gate, Gate)
    assert gate.tools[0] == tool
    assert gate.wheel


def test_a_checker_that_is_passed_over_is_told_of(checked: benches.Project) -> None:
    gate = checked.has("[tool.mypy]\n[tool.ty]\n", {INIT: GOOD}).gate("types")

    assert gate.why == '[tool.mypy] in pyproject.toml; another one is chosen by `tool`, such as tool = "ty"'


def test_types_are_read_with_what_the_code_imports_as_it_is_locked(checked: benches.Project) -> None:
    lock = (
        'lock-version = "1.0"\ncreated-by = "uv"\n[[packages]]\nname = "idna"\nversion = "3.20"\n'
        '[[packages.wheels]]\nname = "idna-3.20-py3-none-any.whl"\nurl = "https://files.example/idna-3.20-py3-none-any.whl"\n'
        f'hashes = {{ sha256 = "{"0" * 64}" }}\n'
    )
    text = 'dependencies = ["idna>=3", "certifi>=1; sys_platform == \'beos\'"]\n[dependency-groups]\ntest = ["pytest"]\ntypes = ["types-docutils", {include-group = "test"}]\n[tool.mypy]\n'

    gate = checked.has(text, {INIT: GOOD, "pylock.toml": lock}).gate("types")

    assert isinstance(gate, Gate)
    assert gate.tools == ("mypy", "idna==3.20", 'certifi>=1; sys_platform == "beos"', "types-docutils", "pytest")


@pytest.mark.parametrize(
    ("pyproject", "files", "paths"),
    [
        ("[tool.mypy]\n", {INIT: GOOD}, ["src"]),
        ("[tool.mypy]\n", {"acorn/__init__.py": GOOD, "twigs.py": GOOD, "tests/__init__.py": ""}, ["acorn"]),
        ("[tool.mypy]\n", {"acorn.py": GOOD, "docs/conf.py": ""}, ["acorn.py"]),
        ("[tool.mypy]\n", {"bark/moss.py": GOOD, "leaf.py": ""}, ["bark", "leaf.py"]),
        ("[tool.mypy]\n", {"-h/__init__.py": GOOD}, ["./-h"]),
        ('[tool.mypy]\nfiles = ["src"]\n', {INIT: GOOD}, []),
        ("", {INIT: GOOD, "mypy.ini": "[mypy]\npackages = acorn\n"}, []),
        ('[tool.ty.src]\ninclude = ["src"]\n', {INIT: GOOD}, []),
        ("", {INIT: GOOD, "pyrightconfig.json": '// who\n{"include": ["src"]}'}, []),
        ("[tool.mypy]\n[tool.hephaestus.gates.types]\npaths = ['src', 'tests']\n", {INIT: GOOD}, ["src", "tests"]),
    ],
)
def test_the_code_that_is_shipped_is_checked_unless_the_project_says_what(
    checked: benches.Project, pyproject: str, files: dict[str, str | bytes], paths: list[str]
) -> None:
    gate = checked.has(pyproject, files).gate("types")

    assert isinstance(gate, Gate)
    assert list(gate.definition[gate.definition.index("--") + 1 :]) == paths


def test_a_project_that_shows_no_tool_is_told_what_would_show_one(
    style: benches.Project, checked: benches.Project
) -> None:
    style.has("", {INIT: GOOD})

    assert isinstance(lint := style.gate("lint"), Off)
    assert lint.why.startswith("there is no [tool.ruff], ruff.toml")
    assert isinstance(checks := checked.gate("types"), Off)
    assert "mypy.ini" in checks.why


def test_a_project_without_python_files_has_no_gates_of_code(style: benches.Project, checked: benches.Project) -> None:
    style.has("[tool.ruff]\n[tool.mypy]\n")

    assert {type(style.gate("format")), type(style.gate("lint")), type(checked.gate("types"))} == {Off}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("tool = 'blue'", "tool = 'blue' is none of black, ruff"),
        ("paths = 'src'", "paths must be a list"),
        ("paths = [1]", "paths must be a list of texts"),
        ("colour = true", "unknown key 'colour'"),
    ],
)
def test_settings_that_cannot_be_used_are_named(style: benches.Project, table: str, said: str) -> None:
    style.has(f"[tool.hephaestus.gates.format]\n{table}\n", {INIT: GOOD})

    with pytest.raises(UsageError) as caught:
        style.gate("format")

    assert said in caught.value.message


def test_what_the_project_adds_to_a_tool_is_part_of_what_the_gate_is(style: benches.Project) -> None:
    plain = style.has("[tool.ruff]\n", {INIT: UNUSED}).gate("lint")
    more = style.has("[tool.ruff]\n[tool.hephaestus.gates.lint]\narguments = ['--ignore', 'F401']\n").gate("lint")

    assert isinstance(plain, Gate)
    assert isinstance(more, Gate)
    assert plain.definition != more.definition
    assert style.ask("lint").verdict == PASSED


# What is said of the code


def test_clean_code_passes(style: benches.Project) -> None:
    style.has("[tool.ruff]\n", {INIT: GOOD})

    assert [style.ask(name).verdict for name in ("format", "lint")] == [PASSED, PASSED]


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("format", UGLY, "src/acorn/__init__.py:3:7 unformatted"),
        ("format", BROKEN, "src/acorn/__init__.py:1:12 invalid-syntax"),
        ("lint", UNUSED, "src/acorn/__init__.py:3:8 F401"),
        ("lint", BROKEN, "src/acorn/__init__.py:1:12 invalid-syntax"),
    ],
)
def test_a_fault_is_found_where_it_is(style: benches.Project, name: str, text: str, place: str) -> None:
    answer = style.has("[tool.ruff]\n", {INIT: text, "src/acorn/leaf.py": GOOD}).ask(name)

    assert answer.verdict == FAILED
    assert benches.places(answer)[0] == place
    assert "src/acorn/__init__.py" in answer.reason


def test_several_faults_are_counted(style: benches.Project) -> None:
    answer = style.has("[tool.ruff]\n", {INIT: UNUSED, "src/acorn/leaf.py": "import re\n"}).ask("lint")

    assert answer.reason == "2 problems, the first at src/acorn/__init__.py:3:8: `os` imported but unused"


@pytest.mark.parametrize("name", ["format", "lint"])
def test_a_tool_that_is_told_to_look_at_nothing_has_not_passed(style: benches.Project, name: str) -> None:
    answer = style.has('[tool.ruff]\nexclude = ["src"]\n', {INIT: GOOD}).ask(name)

    assert (answer.verdict, answer.reason) == (COULD_NOT_RUN, "it found no file to look at")


@pytest.mark.parametrize("name", ["format", "lint"])
def test_a_configuration_the_tool_cannot_read_is_no_verdict_about_the_code(style: benches.Project, name: str) -> None:
    answer = style.has("[tool.ruff]\nline-length = 'wide'\n", {INIT: GOOD}).ask(name)

    assert answer.verdict == COULD_NOT_RUN
    assert any("line-length" in line or "invalid type" in line for line in answer.lines)


@pytest.mark.slow
def test_types_are_checked_anew_after_a_change_that_a_cache_would_not_see(checked: benches.Project) -> None:
    second = time.time() + 60  # as if both changes came in the second in which the checker looks

    def ask(text: str) -> benches.Answer:
        checked.has("[tool.mypy]\nstrict = true\n", {INIT: text})
        os.utime(checked.root / INIT, (second, second))
        return checked.ask("types")

    answer = ask(WRONG)
    assert (answer.verdict, benches.places(answer)) == (FAILED, ["src/acorn/__init__.py:5:12 return-value"])
    assert ask(WRONG.replace("str", "int")).verdict == PASSED


@pytest.mark.slow
def test_types_of_nothing_are_not_checked(checked: benches.Project) -> None:
    answer = checked.has('[tool.mypy]\nfiles = ["lib"]\n', {INIT: GOOD}).ask("types")

    assert answer.verdict == COULD_NOT_RUN
    assert any("lib" in line for line in answer.lines)


# Tools that stumble, and tools of other versions, which a few lines stand in for

RUFF_FOUND = json.dumps(
    [{"filename": INIT, "location": {"row": 3, "column": 8}, "code": "F401", "message": "`os` imported but unused"}]
)
PYRIGHT = {
    "generalDiagnostics": [
        {
            "file": INIT,
            "severity": "error",
            "message": 'Type "int" is not\n  assignable',
            "range": {"start": {"line": 4, "character": 11}},
            "rule": "reportReturnType",
        }
    ],
    "summary": {"filesAnalyzed": 1},
}


@pytest.fixture
def stubbed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stubbed:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    return Stubbed(tmp_path)


class Stubbed:
    """Asks a gate with a few lines of Python in place of its tool."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def ask(self, name: str, tool: str, *lines: str, seconds: float = 60) -> benches.Answer:
        project = benches.Project(self.home / "acorn", types.choose if name == "types" else code.choose)
        project.has(f"[tool.hephaestus.gates.{name}]\ntool = '{tool}'\n", {INIT: GOOD})
        project.environment = benches.Environment(self.home / "stub")
        if lines:
            benches.stub(self.home / "stub", tool, *lines)
        project.seconds = seconds
        return project.ask(name)


ALL = [
    *(("format", tool) for tool in ("ruff", "black")),
    *(("lint", tool) for tool in ("ruff", "pylint")),
    *(("types", tool) for tool in ("mypy", "ty", "pyrefly", "pyright")),
]


@pytest.mark.parametrize(("name", "tool"), [*ALL, ("lint", "flake8")])
def test_a_tool_that_is_missing_has_not_passed(stubbed: Stubbed, name: str, tool: str) -> None:
    answer = stubbed.ask(name, tool)

    assert (answer.verdict, answer.reason) == (COULD_NOT_RUN, f"{tool} is not in the environment of the gate")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "tool", "behaviour"),
    [
        *((*each, "print('hello')") for each in ALL),
        ("lint", "ruff", "print('[{')"),
        ("lint", "ruff", "print('[' * 100_000)"),
        ("types", "mypy", "print('{\"errors\": 3}')"),
        ("types", "pyrefly", "print('{\"errors\": 3}')"),
        ("types", "pyright", "print('[]')"),
    ],
)
def test_a_tool_that_says_nonsense_has_not_passed(stubbed: Stubbed, name: str, tool: str, behaviour: str) -> None:
    assert stubbed.ask(name, tool, behaviour).verdict == COULD_NOT_RUN


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "tool", "code_"),
    [
        *((*each, 1) for each in [*ALL, ("lint", "flake8")]),
        *(("lint", "ruff", each) for each in (2, 139)),
        ("types", "mypy", 2),
        ("lint", "pylint", 32),
    ],
)
def test_a_tool_that_crashes_says_nothing_about_the_code(stubbed: Stubbed, name: str, tool: str, code_: int) -> None:
    answer = stubbed.ask(
        name, tool, "print('Traceback (most recent call last):', file=sys.stderr)", f"sys.exit({code_})"
    )

    assert answer.verdict == COULD_NOT_RUN
    assert answer.lines == ("Traceback (most recent call last):",)


def test_a_tool_that_hangs_is_ended(stubbed: Stubbed) -> None:
    answer = stubbed.ask("lint", "ruff", "time.sleep(60)", seconds=0.2)

    assert (answer.verdict, answer.reason) == (COULD_NOT_RUN, "it had not ended after 0.2 s")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "tool", "code_", "out", "place"),
    [
        ("format", "ruff", 1, "Would reformat: src/acorn/__init__.py\n1 file would be reformatted", INIT),
        ("format", "black", 1, "would reformat src/acorn/__init__.py", INIT),
        ("format", "black", 123, "error: cannot parse: src/acorn/__init__.py:1:11", f"{INIT}:1:11"),
        (
            *("format", "black", 123),
            "error: cannot format src/acorn/__init__.py: Cannot parse for target version Python 3.11: 1:11: def (:",
            f"{INIT}:1:11",
        ),
        ("lint", "flake8", 1, "src/acorn/__init__.py:3:1: F401 'os' imported but unused", f"{INIT}:3:1 F401"),
        ("lint", "ruff", 1, RUFF_FOUND, f"{INIT}:3:8 F401"),
        (
            *("lint", "pylint", 4),
            json.dumps([{"path": INIT, "line": 3, "column": 0, "symbol": "unused-import", "message": "Unused"}]),
            f"{INIT}:3:1 unused-import",
        ),
        (
            *("types", "ty", 1),
            json.dumps(
                [
                    {
                        "check_name": "invalid-return",
                        "description": "invalid-return: no",
                        "severity": "major",
                        "location": {"path": INIT, "positions": {"begin": {"line": 5, "column": 12}}},
                    }
                ]
            ),
            f"{INIT}:5:12 invalid-return",
        ),
        (
            *("types", "pyrefly", 1),
            json.dumps(
                {"errors": [{"line": 5, "column": 12, "path": INIT, "name": "bad-return", "concise_description": "no"}]}
            ),
            f"{INIT}:5:12 bad-return",
        ),
        (
            *("types", "mypy", 2),  # it does not get past what is no Python
            json.dumps({"file": INIT, "line": 1, "column": 12, "message": "no", "code": "syntax", "severity": "error"}),
            f"{INIT}:1:13 syntax",
        ),
        ("types", "pyright", 1, json.dumps(PYRIGHT), f"{INIT}:5:12 reportReturnType"),
    ],
)
def test_each_tool_is_understood(stubbed: Stubbed, name: str, tool: str, code_: int, out: str, place: str) -> None:  # noqa: PLR0917  (a table has as many columns as it needs)
    answer = stubbed.ask(name, tool, f"print({out!r})", f"print({out!r}, file=sys.stderr)", f"sys.exit({code_})")

    assert answer.verdict == FAILED
    assert place in benches.places(answer)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "tool", "out"),
    [
        ("format", "ruff", "warning: No Python files found under the given path(s)"),
        ("format", "black", "No Python files are present to be formatted. Nothing to do"),
        ("types", "pyright", json.dumps({"generalDiagnostics": [], "summary": {"filesAnalyzed": 0}})),
        ("types", "ty", "[]"),
    ],
)
def test_a_tool_that_saw_no_file_has_not_passed(stubbed: Stubbed, name: str, tool: str, out: str) -> None:
    warning = "WARN No python files found under the given path(s)"
    answer = stubbed.ask(name, tool, f"print({out!r})", f"print({warning!r}, file=sys.stderr)")

    assert answer.verdict == COULD_NOT_RUN
    assert answer.reason.startswith("it found no file")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "tool", "out"),
    [
        ("format", "black", "All done!\n3 files would be left unchanged."),
        ("lint", "pylint", "[]"),
        ("lint", "flake8", ""),
        ("types", "ty", "[]"),
        ("types", "pyrefly", '{"errors": []}'),
        ("types", "pyright", json.dumps({"generalDiagnostics": [], "summary": {"filesAnalyzed": 3}})),
    ],
)
def test_each_tool_can_pass(stubbed: Stubbed, name: str, tool: str, out: str) -> None:
    assert stubbed.ask(name, tool, f"print({out!r})").verdict == PASSED


def test_a_module_that_pylint_cannot_find_is_no_fault_of_the_code(stubbed: Stubbed) -> None:
    said = json.dumps(
        [{"type": "fatal", "path": "src", "line": 1, "column": 0, "symbol": "fatal", "message": "No module"}]
    )

    assert stubbed.ask("lint", "pylint", f"print({said!r})", "sys.exit(1)").verdict == COULD_NOT_RUN


def test_a_mistake_of_black_itself_is_not_held_against_the_code(stubbed: Stubbed) -> None:
    lines = ("would reformat src/acorn/leaf.py", "error: cannot format src/acorn/__init__.py: INTERNAL ERROR: Black")

    answer = stubbed.ask("format", "black", f"print({chr(10).join(lines)!r}, file=sys.stderr)", "sys.exit(123)")

    assert answer.verdict == COULD_NOT_RUN
