"""Tests with coverage, run against the built wheel and never the source tree, with each Python the project is for."""

from __future__ import annotations

import functools
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hephaestus import environments, supervise, tables
from hephaestus.errors import CouldNotRun, UsageError
from hephaestus.findings import Finding
from hephaestus.gates import coverage_files, needed, pinned, pytest_files, pythons
from hephaestus.gates.bench import Bench, useful
from hephaestus.gates.gate import COULD_NOT_RUN, FAILED, PASSED, Answer, Gate, Off
from hephaestus.gates.installed import Installed
from hephaestus.gates.pytest_files import Report
from hephaestus.gates.shown import Shown

__all__ = ["choose"]

# What coverage must reach where the project says nothing of it.
_MINIMUM = 85
_GROUPS = ("test", "tests", "testing", "dev")
_TEST = re.compile(r"(?:.*/)?(?:test_[^/]*|[^/]*_test)\.py")
_FOLDERS = ("test", "tests")
_DOCTEST = "--doctest-modules"
_KEYS: dict[str, tuple[type, Any]] = {
    "coverage": (int, None),
    "extras": (list, ()),
    "groups": (list, ()),
    "pythons": (list, None),
}
# pytest's exit codes (https://docs.pytest.org/en/stable/reference/exit-codes.html).
_FAILED, _INTERRUPTED, _INTERNAL, _USAGE, _NONE = 1, 2, 3, 4, 5
_WORDS = {
    _NONE: "pytest found no tests",
    _INTERRUPTED: "pytest was interrupted",
    _INTERNAL: "pytest made a mistake",
    _USAGE: "pytest was called wrongly",
}


@dataclass(frozen=True)
class _Plan:
    """How tests are run: with which words for pytest besides ours, and how much coverage is asked for."""

    words: tuple[str, ...]
    coverage: int | None


def choose(shown: Shown) -> list[Gate | Off]:
    """Return the gate `tests` for the running Python and one like `tests-3.12` for each other one the project is for.

    They are on where there are tests. `[tool.hephaestus.gates.tests]` may hold `pythons` to ask with, the percentage
    of `coverage` to reach, and the `groups` and `extras` that tests need; without them the group (PEP 735) or extra
    `test`, `tests`, `testing` or `dev` is installed. Raises `UsageError` for values that cannot be used.
    """
    said = _said(shown)
    why = _tests(shown)
    if why is None:
        return [Off("tests", "there are no testpaths, no folder tests and no test_*.py")]
    declared = said["pythons"] or pythons.declared(shown)
    told = [_of(shown, said, minor, why) for minor in dict.fromkeys((pythons.RUNNING, *declared))]
    if any(isinstance(each, Gate) for each in told):
        return told
    requires = shown.project.table("project").get("requires-python", "")
    nothing = f"no Python that the project is for ({', '.join(declared) or requires}) is installed here"
    return [_cannot("tests", why, nothing), *told[1:]]


def _cannot(name: str, why: str, reason: str) -> Gate:
    """Return a gate that is switched on and cannot be asked here: were it off, nobody would miss it."""
    return Gate(name, why, lambda _: Answer(COULD_NOT_RUN, reason), definition=(reason,))


def _said(shown: Shown) -> dict[str, Any]:
    name = "tool.hephaestus.gates.tests"
    said = shown.settings.of("tests", _KEYS)
    said |= tables.texts(name, {**said, "pythons": said["pythons"] or ()}, "extras", "groups", "pythons")
    if said["coverage"] is not None and not 0 <= said["coverage"] <= 100:  # noqa: PLR2004  (per cent)
        raise UsageError(f"[{name}] coverage is a percentage, not {said['coverage']}", tables.SHOW)
    for minor in said["pythons"]:
        if not re.fullmatch(r"3\.\d{1,2}", minor):
            raise UsageError(f'[{name}] pythons holds {minor!r}, which is no version such as "3.12"', tables.SHOW)
    return said


def _tests(shown: Shown) -> str | None:
    """Return what shows that a project has tests, in words, or `None`."""
    said = pytest_files.settings(shown)
    if said.testpaths:
        return f"testpaths of {said.where}"
    found = sorted(path for path in shown.paths if _TEST.fullmatch(path))
    inside = next((path for path in found if path.startswith(tuple(f"{name}/" for name in _FOLDERS))), None)
    return f"the folder {inside.partition('/')[0]}" if inside else found[0] if found else None


def _of(shown: Shown, said: Mapping[str, Any], minor: str, why: str) -> Gate | Off:
    """Return the gate that runs the tests with one Python, or why there is none."""
    name = "tests" if minor == pythons.RUNNING else f"tests-{minor}"
    wanted = said["pythons"]
    if wanted and minor not in wanted:
        return Off(name, f"pythons of [tool.hephaestus.gates.tests] leaves out Python {minor}")
    python = pythons.find(minor)
    if python is None:
        if wanted:
            return _cannot(name, why, f"Python {minor} is not installed here, and the configuration asks for it")
        return Off(name, f"the project is for Python {minor}, which is not installed here")
    if not pythons.admitted(shown, python):
        return Off(name, f"requires-python does not admit Python {minor}")
    other = None if minor == pythons.RUNNING else environments.interpreter(python)[1]
    groups, extras = _chosen(shown, said)
    try:
        tools = needed.tools(shown, ("pytest", "pytest-cov"), extras=extras, groups=groups, python=other)
    except UsageError as error:
        if said["groups"] or said["extras"]:
            raise
        return _cannot(name, why, error.message)
    plan = _Plan(said["arguments"], said["coverage"])
    return Gate(
        name,
        why,
        functools.partial(_ask, plan=plan),
        tools=tools,
        definition=(repr(plan),),
        wheel=True,
        python=python,
    )


def _chosen(shown: Shown, said: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the dependency groups and the extras that tests need."""
    if said["groups"] or said["extras"]:
        return said["groups"], said["extras"]
    for name in _GROUPS:
        if name in shown.project.table("dependency-groups"):
            return (name,), ()
        if name in shown.project.table("project", "optional-dependencies"):
            return (), (name,)
    return (), ()


def _ask(bench: Bench, plan: _Plan) -> Answer:
    """Run pytest in the project's directory, with the wheel pinned, and say what came of it."""
    wheel = Installed.of(bench)
    said = pytest_files.settings(bench.shown)
    coverage = coverage_files.settings(bench.shown, next(iter(said.values("--cov-config")), None))
    packages, folders = wheel.measured([each for each in said.values("--cov") if each] or coverage.sources)
    config = coverage.write(bench.scratch, packages, folders, wheel.same(bench))
    inside = wheel.tests(bench)
    ended = bench.run(
        _pytest(bench),
        *(("-o", f"addopts={shlex.join(said.others)}") if said.others != said.words else ()),
        *("-o", f"cache_dir={bench.scratch / 'cache'}", "-o", "junit_family=xunit1"),
        f"--junitxml={bench.scratch / 'report.xml'}",
        *(f"--cov-config={config}", "--cov", "--cov-report=term"),
        f"--cov-report=json:{bench.scratch / 'coverage.json'}",
        *_coverage_words(said, coverage, plan),
        *plan.words,
        *_loading((*said.words, *plan.words), inside),
        extra={
            "COVERAGE_FILE": str(bench.scratch / "coverage-data"),
            "HYPOTHESIS_STORAGE_DIRECTORY": str(bench.scratch / "hypothesis"),
            "PYTHONDONTWRITEBYTECODE": "1",
            **pinned.variables(bench.scratch, inside),
            # Examples are looked for in the source tree, and are those of the wheel.
            **({"PY_IGNORE_IMPORTMISMATCH": "1"} if _DOCTEST in (*said.words, *plan.words) else {}),
        },
    )
    return _answer(bench, wheel, ended)


def _pytest(bench: Bench) -> Path:
    """Return the pytest of the gate's environment: another one would not see the wheel."""
    name = "pytest.exe" if os.name == "nt" else "pytest"
    if not (bench.environment.programs / name).is_file():
        raise CouldNotRun("pytest is not in the environment of the gate", "hephaestus gates --only tests")
    return bench.environment.programs / name


def _loading(words: Sequence[str], inside: Mapping[str, Path]) -> tuple[str, ...]:
    """Return words by which tests in packages are imported: by their paths the package would be the source tree's."""
    return ("--import-mode=prepend",) if inside and any("importlib" in word for word in words) else ()


def _coverage_words(said: pytest_files.Settings, coverage: coverage_files.Settings, plan: _Plan) -> list[str]:
    """Return the words for pytest-cov that say how much coverage there must be, and what the project says besides."""
    words = ["--cov-branch"] if "--cov-branch" in said.words else []
    words += [f"--cov-context={each}" for each in said.values("--cov-context")]
    asked = said.values("--cov-fail-under")
    if plan.coverage is not None:
        return [*words, f"--cov-fail-under={plan.coverage}"]
    if asked:
        return [*words, f"--cov-fail-under={asked[-1]}"]
    return words if coverage.minimum is not None else [*words, f"--cov-fail-under={_MINIMUM}"]


def _answer(bench: Bench, wheel: Installed, ended: supervise.Ended) -> Answer:
    lines = tuple(line for line in useful(ended) if "generated xml file: " not in line)
    if ended.code not in (0, _FAILED, _INTERRUPTED):
        return _did_not_run(ended, lines)
    astray = tuple(pinned.astray(bench.scratch))
    if astray:
        return Answer(COULD_NOT_RUN, f"the tests loaded the source tree, not the wheel: {astray[0]}", lines=astray)
    report = pytest_files.report(bench.scratch / "report.xml")
    findings = tuple(each.finding(functools.partial(wheel.placed, bench)) for each in report.failures)
    if findings and ended.code == 0:
        return Answer(COULD_NOT_RUN, "pytest says that all is well, but its report names failures", findings, lines)
    if findings:
        return Answer(FAILED, _failed(report, findings), findings, lines)
    if ended.code == _INTERRUPTED:
        return Answer(COULD_NOT_RUN, _WORDS[_INTERRUPTED], lines=lines)
    return _covered(bench, wheel, ended, report)


def _did_not_run(ended: supervise.Ended, lines: tuple[str, ...]) -> Answer:
    """Return the answer of a run that ended before tests could pass or fail."""
    if ended.code == _USAGE and "ImportError while loading conftest" in ended.said:
        return Answer(FAILED, "a conftest.py cannot be imported with what the wheel brings", lines=lines)
    words = _WORDS.get(ended.code, f"pytest ended with code {ended.code}") if ended.code is not None else ended.why
    return Answer(COULD_NOT_RUN, words, lines=lines)


def _failed(report: Report, findings: Sequence[Finding]) -> str:
    first = next((each.place for each in findings if each.path), report.failures[0].name)
    loading = sum(each.loading for each in report.failures)
    if loading == len(findings):
        return f"{_counted(loading, 'file')} of tests cannot be loaded, the first at {first}"
    return f"{len(findings)} of {_counted(report.tests, 'test')} failed, the first at {first}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _covered(bench: Bench, wheel: Installed, ended: supervise.Ended, report: Report) -> Answer:
    """Return the answer of a run in which no test failed: that of the coverage."""
    if report.tests == report.skipped:
        words = f"all tests were skipped, {report.tests} of them" if report.tests else _WORDS[_NONE]
        return Answer(COULD_NOT_RUN, words, lines=useful(ended))
    measured = coverage_files.measured(bench.scratch / "coverage.json")
    if ended.code == 0:
        told = f"{_counted(report.tests - report.skipped, 'test')}, coverage {measured.percent:.1f} %"
        return Answer(PASSED, told + (f", {report.skipped} skipped" if report.skipped else ""))
    notes = tuple(note for note in measured.notes() if wheel.placed(bench, note.path))
    said = re.search(r"total of \d+(?:\.\d+)? is less than fail-under=\d+(?:\.\d+)?", ended.said)
    least = said[0].rpartition("=")[2] if said else None
    reason = f"coverage is {measured.percent:.1f} %, less than {least} %" if least else useful(ended)[-1]
    return Answer(FAILED, reason, notes, useful(ended))
