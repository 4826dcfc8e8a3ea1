"""The gate `tests`: the project's tests, run against its wheel, with coverage, by each Python it is for."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import benches
import pytest
from furnished import PACKAGE, RUNNING, TEST, TWIGS, furnish

import wheels
from hephaestus.errors import UsageError
from hephaestus.gates import coverage_files, pytest_files, pythons
from hephaestus.gates.builtin import licences, package, testing
from hephaestus.gates.gate import Gate, Off

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hephaestus.gates.gate import Answer

PYPROJECT = '[project]\nname = "acorn"\nversion = "1.1.0"\n'
SRC = {f"src/{path}": text for path, text in PACKAGE.items()}


@pytest.fixture(autouse=True)
def python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python writes what it compiles beside the sources, as it does unless it is told otherwise."""
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)


def asked(
    where: Path,
    files: Mapping[str, str],
    *,
    pyproject: str = "",
    wheel: Mapping[str, str] = PACKAGE,
    source: Mapping[str, str] = SRC,
) -> Answer:
    """Ask the gate of a project with these files, of which a wheel was built."""
    root = where / "acorn"
    benches.write(root, {**source, **files, "pyproject.toml": PYPROJECT + pyproject})  # type: ignore[dict-item]
    environment, built = furnish(where, root, wheel)
    before = benches.snapshot(root)
    answer = benches.ask(
        benches.chosen(testing.choose, root)["tests"],
        benches.bench(root, where / "at", environment=environment, wheel=built),
    )
    assert benches.snapshot(root) == before, "the tests left something in the project"
    return answer


# What comes of a run


@pytest.mark.slow
def test_tests_that_pass_and_cover_the_wheel_pass(tmp_path: Path) -> None:
    answer = asked(tmp_path, {"tests/test_twigs.py": TEST}, source=PACKAGE)  # beside which acorn is a folder as well

    assert (answer.verdict, answer.reason) == ("passed", "1 test, coverage 100.0 %")


@pytest.mark.slow
def test_a_test_that_fails_is_shown_at_its_line_and_an_error_of_the_wheel_in_its_source(tmp_path: Path) -> None:
    failing = "from acorn import twigs\n\n\ndef test_one():\n    assert twigs.grow(1) == 'tall'\n\n\ndef test_two():\n    twigs.grow('x')\n"

    answer = asked(tmp_path, {"tests/test_twigs.py": failing})

    assert answer.verdict == "failed"
    assert answer.reason == "2 of 2 tests failed, the first at tests/test_twigs.py:5"
    assert benches.places(answer) == ["tests/test_twigs.py:5 test", "src/acorn/twigs.py:2 test"]
    assert answer.findings[0].message == "test_twigs.test_one: AssertionError: assert 'small' == 'tall' - tall + small"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("layout", "files", "pyproject"),
    [
        ("flat", {"tests/__init__.py": ""}, ""),
        ("namespace", {}, '[tool.pytest.ini_options]\npythonpath = ["src"]\n'),
    ],
)
def test_a_module_that_the_wheel_forgot_fails_the_tests(
    layout: str, files: dict[str, str], pyproject: str, tmp_path: Path
) -> None:
    whole = (
        {"acorn/leaves.py": "", **PACKAGE}
        if layout != "namespace"
        else {"acorn/twigs.py": TWIGS, "acorn/leaves/__init__.py": ""}
    )
    source = whole if layout == "flat" else {f"src/{path}": text for path, text in whole.items()}
    wheel = {path: text for path, text in whole.items() if "leaves" not in path}
    uses = {"tests/test_leaves.py": "from acorn import leaves, twigs\n\n\ndef test_it():\n    assert leaves\n", **files}

    answer = asked(tmp_path, uses, source=source, wheel=wheel, pyproject=pyproject)

    assert answer.verdict == "failed"
    assert answer.reason == "1 file of tests cannot be loaded, the first at tests/test_leaves.py:1"
    assert benches.places(answer) == ["tests/test_leaves.py:1 test"]
    assert "cannot import name 'leaves' from 'acorn'" in answer.findings[0].message


@pytest.mark.slow
def test_a_conftest_that_needs_what_the_wheel_forgot_fails_the_tests(tmp_path: Path) -> None:
    answer = asked(
        tmp_path,
        {"tests/test_twigs.py": TEST, "tests/conftest.py": "import acorn.leaves\n", "src/acorn/leaves.py": ""},
        pyproject='[tool.pytest.ini_options]\npythonpath = ["src"]\n',
    )

    assert (answer.verdict, answer.reason) == ("failed", "a conftest.py cannot be imported with what the wheel brings")


@pytest.mark.slow
def test_tests_that_lie_in_the_package_run_against_the_wheel_that_leaves_them_out(tmp_path: Path) -> None:
    test = (
        "from ..twigs import grow\nimport acorn\n\n\ndef test_it():\n    assert grow(1) == 'small'\n    assert grow(9)\n"
        "    assert 'site-packages' in acorn.__file__\n"
    )
    files = {"src/acorn/tests/__init__.py": "", "src/acorn/tests/test_twigs.py": test}

    answer = asked(tmp_path, files, pyproject='[tool.pytest.ini_options]\naddopts = "--import-mode=importlib"\n')

    assert answer.reason == "1 test, coverage 100.0 %"


@pytest.mark.slow
def test_examples_in_the_source_are_run_in_the_modules_of_the_wheel(tmp_path: Path) -> None:
    shown = '"""\n>>> import acorn\n>>> "site-packages" in acorn.__file__\nTrue\n"""\n'
    files = {"acorn/__init__.py": "", "acorn/twigs.py": shown}
    source = {f"src/{path}": text for path, text in {**files, "acorn/leaves.py": ""}.items()}
    pyproject = '[tool.pytest.ini_options]\naddopts = "--doctest-modules"\ntestpaths = ["src"]\n'

    answer = asked(tmp_path, {}, source=source, wheel=files, pyproject=pyproject)

    assert benches.places(answer) == ["src/acorn/leaves.py test"]  # which the wheel forgot


@pytest.mark.slow
def test_too_little_coverage_fails_and_shows_what_was_never_run(tmp_path: Path) -> None:
    answer = asked(tmp_path, {"tests/test_it.py": "import acorn.twigs\n\n\ndef test_it():\n    pass\n"})

    assert (answer.verdict, answer.reason) == ("failed", "coverage is 25.0 %, less than 85 %")
    assert benches.places(answer) == ["src/acorn/twigs.py:2 coverage"]
    assert answer.findings[0].message == "never run: 2-4"


CASE = '<testcase classname="tests.test_a" name="test_it"{}</testcase>'
SUITE = '<testsuites><testsuite name="pytest">{}</testsuite></testsuites>'


@pytest.mark.parametrize(
    ("code", "report", "reason"),
    [
        (5, SUITE.format(""), "pytest found no tests"),
        (1, SUITE.format(""), "pytest found no tests"),  # where coverage fails for that
        (0, SUITE.format(CASE.format("><skipped/>")), "all tests were skipped, 1 of them"),
        (0, SUITE.format(CASE.format(">")), "coverage left no report that can be read, so nothing was measured"),
        (2, SUITE.format(CASE.format(">")), "pytest was interrupted"),
        (3, "", "pytest made a mistake"),
        (4, "", "pytest was called wrongly"),
        (77, "", "pytest ended with code 77"),
        (0, None, "pytest left no report of its run that can be read"),
        (0, "", "pytest left no report of its run that can be read"),
        (0, "<testsuites><testsuite><testcase", "pytest left no report of its run that can be read"),
        (
            0,
            "<!DOCTYPE x [<!ENTITY a 'b'>]><testsuites/>",
            "the report of pytest defines entities, which pytest never does",
        ),
    ],
)
def test_a_run_that_says_nothing_is_no_pass(code: int, report: str | None, reason: str, tmp_path: Path) -> None:
    benches.write(tmp_path / "acorn", {"tests/test_it.py": ""})
    gate = benches.chosen(testing.choose, tmp_path / "acorn")["tests"]
    wheel = wheels.make_wheel(tmp_path / "dist")
    place = "next(word[11:] for word in sys.argv if word.startswith('--junitxml='))"
    line = "" if report is None else f"open({place}, 'w').write({report!r})"
    stub = benches.stub(tmp_path / "stub", "pytest", line, f"sys.exit({code})")

    answer = benches.ask(gate, benches.bench(tmp_path / "acorn", tmp_path / "at", environment=stub, wheel=wheel))

    assert (answer.verdict, answer.reason) == ("could not run", reason)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("files", "pyproject", "reason"),
    [
        (
            {"setup.cfg": "[coverage:run]\nsource = src\n[coverage:report]\nfail_under = 25\n"},
            "[tool.hephaestus.gates.tests]\ncoverage = 26\n",
            "coverage is 25.0 %, less than 26 %",
        ),
        (
            {},
            """[tool.pytest.ini_options]
addopts = "--cov=src --cov-report=html --cov-fail-under 99 -q"
[tool.coverage.run]
source = ["acorn"]
omit = ["src/acorn/twigs.py"]
""",
            "1 test, coverage 100.0 %",
        ),
    ],
)
def test_the_projects_own_settings_of_coverage_count(
    files: dict[str, str], pyproject: str, reason: str, tmp_path: Path
) -> None:
    answer = asked(
        tmp_path,
        {"tests/test_it.py": "import acorn.twigs\n\n\ndef test_it():\n    pass\n", **files},
        pyproject=pyproject,
    )

    assert answer.reason == reason


@pytest.mark.slow
def test_tests_that_load_the_source_tree_by_its_path_do_not_pass(tmp_path: Path) -> None:
    sly = (
        "import importlib.util, sys\nspec = importlib.util.spec_from_file_location('acorn.twigs', 'src/acorn/twigs.py')\n"
        "module = importlib.util.module_from_spec(spec)\nsys.modules['acorn.twigs'] = module\nspec.loader.exec_module(module)\n\n\n"
        "def test_it():\n    assert module.grow(1)\n"
    )

    answer = asked(tmp_path, {"tests/test_sly.py": sly}, pyproject="[tool.coverage.report]\nfail_under = 0\n")

    assert answer.verdict == "could not run"
    assert answer.reason.startswith("the tests loaded the source tree, not the wheel: acorn.twigs from ")


@pytest.mark.slow
def test_workers_and_subprocesses_see_the_wheel_too(tmp_path: Path) -> None:
    test = TEST + (
        "\n\ndef test_outside():\n    import subprocess, sys\n"
        "    said = subprocess.run([sys.executable, '-c', 'import acorn; print(acorn.__file__)'], capture_output=True, text=True, check=True)\n"
        "    assert 'site-packages' in said.stdout\n"
    )
    pyproject = '[tool.pytest.ini_options]\naddopts = ["-n", "1", "--dist=loadscope"]\npythonpath = ["src"]\n'

    answer = asked(tmp_path, {"tests/test_twigs.py": test}, pyproject=pyproject)

    assert (answer.verdict, answer.reason) == ("passed", "2 tests, coverage 100.0 %")


def test_tests_that_hang_and_a_missing_pytest_could_not_run(tmp_path: Path) -> None:
    benches.write(tmp_path / "acorn", {"tests/test_it.py": ""})
    gate = benches.chosen(testing.choose, tmp_path / "acorn")["tests"]
    wheel = wheels.make_wheel(tmp_path / "dist")
    hanging = benches.stub(tmp_path / "hanging", "pytest", "time.sleep(60)")
    without = benches.stub(tmp_path / "without", "other")

    hung = benches.ask(
        gate, benches.bench(tmp_path / "acorn", tmp_path / "1", environment=hanging, wheel=wheel, seconds=0.2)
    )
    missing = benches.ask(gate, benches.bench(tmp_path / "acorn", tmp_path / "2", environment=without, wheel=wheel))

    assert (hung.verdict, hung.reason) == ("could not run", "it had not ended after 0.2 s")
    assert (missing.verdict, missing.reason) == ("could not run", "pytest is not in the environment of the gate")


@pytest.mark.parametrize(
    ("words", "others", "fail_under"),
    [
        ("-q --cov=src --cov-report html -x", ("-q", "-x"), ()),
        ("--cov --cov-fail-under=90 tests", ("tests",), ("90",)),
        ("--cov-fail-under 80 --cov-branch --no-cov tests --junitxml out.xml", ("tests",), ("80",)),
        ("-k 'cov and not slow' --covfefe", ("-k", "cov and not slow"), ()),
    ],
)
def test_words_about_coverage_are_told_from_the_others(
    words: str, others: tuple[str, ...], fail_under: tuple[str, ...]
) -> None:
    said = pytest_files.Settings("", tuple(shlex.split(words)))

    assert (said.others, said.values("--cov-fail-under")) == (others, fail_under)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"pytest.ini": "[pytest]\naddopts = -a\n", "tox.ini": "[pytest]\naddopts = -b\n"}, ("-a",)),
        ({"pytest.ini": "", "tox.ini": "[pytest]\naddopts = -b\n"}, ()),
        ({"setup.cfg": "[tool:pytest]\naddopts =\n  -b\n  -c 'd e'\n"}, ("-b", "-c", "d e")),
        ({"pytest.toml": '[pytest]\naddopts = ["-a", "b c"]\n'}, ("-a", "b c")),
        (
            {
                "pyproject.toml": f'{PYPROJECT}[tool.pytest]\naddopts = ["-a"]\n',
                "setup.cfg": "[tool:pytest]\naddopts = -b",
            },
            ("-a",),
        ),
        ({"setup.cfg": "\x00[", "pytest.toml": "= nonsense"}, ()),
    ],
)
def test_the_settings_of_pytest_are_those_of_the_file_it_reads(
    files: dict[str, str], words: tuple[str, ...], tmp_path: Path
) -> None:
    benches.write(tmp_path, files)  # type: ignore[arg-type]

    assert pytest_files.settings(benches.show(tmp_path)).words == words


@pytest.mark.parametrize(
    ("files", "minimum", "sources"),
    [
        (
            {
                ".coveragerc": "[report]\nfail_under = 40\n[run]\nsource =\n  a\n  b\n",
                "setup.cfg": "[coverage:report]\nfail_under = 1",
            },
            "40",
            ("a", "b"),
        ),
        ({"tox.ini": "[coverage:report]\nfail_under = 41.5\n"}, "41.5", ()),
        ({"tox.ini": "[report]\nfail_under = 41.5\n"}, None, ()),
        (
            {
                "pyproject.toml": f'{PYPROJECT}[tool.coverage.report]\nfail_under = 0\n[tool.coverage.run]\nsource_pkgs = ["a"]\n'
            },
            "0",
            ("a",),
        ),
        ({".coveragerc": "\x00nonsense"}, None, ()),
    ],
)
def test_the_settings_of_coverage_are_those_of_the_file_it_reads(
    files: dict[str, str], minimum: str | None, sources: tuple[str, ...], tmp_path: Path
) -> None:
    benches.write(tmp_path, files)  # type: ignore[arg-type]
    said = coverage_files.settings(benches.show(tmp_path))

    assert (said.minimum, said.sources) == (minimum, sources)


# Which gates there are


def test_each_python_the_project_names_has_a_gate_or_a_reason_why_not(tmp_path: Path) -> None:
    classifiers = ", ".join(f'"Programming Language :: Python :: {minor}"' for minor in ("3", RUNNING, "3.97", "3.98"))
    text = f"{PYPROJECT}classifiers = [{classifiers}]\n[tool.hephaestus.gates.tests]\n"
    benches.write(tmp_path, {"tests/test_a.py": "", "pyproject.toml": text})
    whole = benches.chosen(testing.choose, tmp_path)
    (tmp_path / "pyproject.toml").write_text(f'{text}pythons = ["3.98"]\n')
    some = benches.chosen(testing.choose, tmp_path)

    assert list(whole) == ["tests", "tests-3.97", "tests-3.98"]
    assert whole["tests-3.97"] == Off("tests-3.97", "the project is for Python 3.97, which is not installed here")
    assert isinstance(whole["tests"], Gate)
    assert some["tests"] == Off("tests", f"pythons of [tool.hephaestus.gates.tests] leaves out Python {RUNNING}")
    assert benches.ask(some["tests-3.98"], benches.bench(tmp_path, tmp_path / "at")).verdict == "could not run"


def test_a_project_for_no_python_that_is_installed_could_not_be_tested(tmp_path: Path) -> None:
    benches.write(tmp_path, {"tests/test_a.py": "", "pyproject.toml": f'{PYPROJECT}requires-python = ">=3.97"\n'})

    answer = benches.ask(benches.chosen(testing.choose, tmp_path)["tests"], benches.bench(tmp_path, tmp_path / "at"))

    assert (answer.verdict, answer.reason) == (
        "could not run",
        "no Python that the project is for (>=3.97) is installed here",
    )


def test_requirements_that_cannot_be_read_stop_this_gate_and_no_other(tmp_path: Path) -> None:
    text = f'{PYPROJECT}dependencies = ["no requirement"]\n[tool.hephaestus.gates.licences]\nallow = ["MIT"]\n'
    benches.write(tmp_path, {"tests/test_a.py": "", "pyproject.toml": text})

    for choose, name in ((testing.choose, "tests"), (licences.choose, "licences")):
        answer = benches.ask(benches.chosen(choose, tmp_path)[name], benches.bench(tmp_path, tmp_path / "at"))
        assert (answer.verdict, answer.reason) == (
            "could not run",
            "[project] dependencies: 'no requirement' is no requirement",
        )
    assert isinstance(benches.chosen(package.choose, tmp_path)["package"], Gate)


@pytest.mark.slow
def test_another_python_is_found_past_the_shims_and_where_pyenv_and_uv_keep_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shim = tmp_path / "shims" / "python3.89"
    real = "#!/bin/sh\nprintf '/usr/bin/python\\n3.89.{}\\ncpython-389-linux\\n'\n"
    places = {
        shim: real.format(1),
        tmp_path / "pyenv/versions/3.89.9/bin/python3.89": real.format(9),
        tmp_path / "pyenv/versions/3.89.10/bin/python3.89": real.format(10),
        tmp_path / "uv/cpython-3.88.1-linux-x86_64-gnu/bin/python3.88": real.replace("3.89", "3.88").format(1),
        tmp_path / "pyenv/versions/3.87.1/bin/python3.87": "#!/bin/sh\nexit 1\n",
    }
    for file, text in places.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{shim.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "uv"))

    assert pythons.find("3.89") == str(tmp_path / "pyenv/versions/3.89.10/bin/python3.89")
    assert pythons.find("3.88") == str(tmp_path / "uv/cpython-3.88.1-linux-x86_64-gnu/bin/python3.88")
    assert pythons.find("3.87") is None


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"tests/test_a.py": ""}, "the folder tests"),
        ({"tests/unit/a_test.py": ""}, "the folder tests"),
        ({"test_a.py": ""}, "test_a.py"),
        ({"pytest.ini": "[pytest]\ntestpaths = checks\n"}, "testpaths of pytest.ini"),
    ],
)
def test_tests_are_on_where_there_are_some(files: dict[str, str], why: str, tmp_path: Path) -> None:
    benches.write(tmp_path, files)  # type: ignore[arg-type]

    assert benches.chosen(testing.choose, tmp_path)["tests"].why == why


def test_a_project_without_tests_is_told_so(tmp_path: Path) -> None:
    benches.write(tmp_path, {"src/acorn/__init__.py": "", "tests/README.md": ""})

    assert benches.chosen(testing.choose, tmp_path) == {
        "tests": Off("tests", "there are no testpaths, no folder tests and no test_*.py")
    }


def test_what_tests_need_is_installed_in_the_versions_of_the_lock(tmp_path: Path) -> None:
    lock = 'lock-version = "1.0"\ncreated-by = "tests"\n' + "".join(
        f'[[packages]]\nname = "{name}"\nversion = "{version}"\n[[packages.wheels]]\nname = "{name}-{version}-py3-none-any.whl"\n'
        f'url = "https://example.org/{name}-{version}-py3-none-any.whl"\nhashes = {{sha256 = "{"0" * 64}"}}\n'
        for name, version in {"leaf": "2.0", "pytest": "9.0.1"}.items()
    )
    files = {
        "tests/test_a.py": "",
        "pyproject.toml": f'{PYPROJECT}dependencies = ["leaf>=1", "stem"]\n[dependency-groups]\ntest = ["pytest>=8", "acorn[big]", "bark<3"]\n'
        '[project.optional-dependencies]\nbig = ["oak"]\n',
    }
    benches.write(tmp_path, files)  # type: ignore[arg-type]
    loose = benches.chosen(testing.choose, tmp_path)["tests"]
    (tmp_path / "pylock.toml").write_text(lock)
    locked = benches.chosen(testing.choose, tmp_path)["tests"]

    assert isinstance(loose, Gate)
    assert isinstance(locked, Gate)
    assert loose.wheel
    assert loose.tools == ("bark<3", "leaf>=1", "oak", "pytest-cov", "pytest>=8", "stem")
    assert locked.tools == ("bark<3", "leaf==2.0", "oak", "pytest-cov", "pytest==9.0.1", "stem")


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("coverage = 101", "coverage is a percentage"),
        ('pythons = ["python3"]', "which is no version"),
        ('pythons = "3.12"', "must be a list"),
        ("covrage = 3", "unknown key"),
        ('groups = ["nowhere"]', "no dependency group nowhere"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(said: str, problem: str, tmp_path: Path) -> None:
    benches.write(
        tmp_path, {"tests/test_a.py": "", "pyproject.toml": f"{PYPROJECT}[tool.hephaestus.gates.tests]\n{said}\n"}
    )

    with pytest.raises(UsageError, match=problem):
        benches.chosen(testing.choose, tmp_path)


def test_arguments_for_pytest_and_the_coverage_asked_for_decide_what_the_gate_does(tmp_path: Path) -> None:
    told = set()
    for said in ("", 'arguments = ["-x"]', "coverage = 90"):
        benches.write(
            tmp_path, {"tests/test_a.py": "", "pyproject.toml": f"{PYPROJECT}[tool.hephaestus.gates.tests]\n{said}\n"}
        )
        gate = benches.chosen(testing.choose, tmp_path)["tests"]
        assert isinstance(gate, Gate)
        told.add((gate.definition, gate.python == sys.executable))

    assert len(told) == 3
