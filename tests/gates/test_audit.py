"""The gate `audit`: real pip-audit and real uv, asking a service on this machine that speaks OSV's protocol."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import benches
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from osv import Service, Vulnerability

from hephaestus import supervise, system
from hephaestus.errors import CouldNotRun, UsageError
from hephaestus.gates import advisories
from hephaestus.gates.builtin import audit
from hephaestus.gates.gate import Gate, Off

if TYPE_CHECKING:
    from hephaestus.gates.gate import Answer

LEAF = Vulnerability("GHSA-aaaa-bbbb-cccc", "leaf", "1.0", fixed="1.1", aliases=["CVE-2026-1"], summary="It falls")

PYPROJECT = """\
[project]
name = "acorn"
version = "1.0"
requires-python = ">=3.11"
dependencies = ["leaf"]

[tool.hephaestus.gates.audit]
"""

UV_LOCK = """\
version = 1
revision = 3
requires-python = ">=3.11"

[[package]]
name = "acorn"
version = "1.0"
source = { virtual = "." }
dependencies = [{ name = "leaf" }]

[package.metadata]
requires-dist = [{ name = "leaf" }]

[[package]]
name = "leaf"
version = "1.0"
source = { registry = "https://example.org/simple" }
wheels = [{ url = "https://example.org/leaf-1.0-py3-none-any.whl", hash = "sha256:0000000000000000000000000000000000000000000000000000000000000000" }]
"""

PYLOCK = f"""\
lock-version = "1.0"
created-by = "tests"
[[packages]]
name = "leaf"
version = "1.0"
[[packages.wheels]]
name = "leaf-1.0-py3-none-any.whl"
url = "https://example.org/leaf-1.0-py3-none-any.whl"
hashes = {{ sha256 = "{"0" * 64}" }}
"""

WAIVER = '{{ id = "{id}", until = {until}, because = "leaves are swept" }}'


def asked(where: Path, service: Service, *, lock: str = "uv.lock", seconds: float = 60) -> Answer:
    """Ask the gate of a project that needs leaf 1.0, with a service that is there meanwhile."""
    with service:
        text = f'{PYPROJECT}service = "{service.url}"\n'
        benches.write(where, {"pyproject.toml": text, lock: UV_LOCK if lock == "uv.lock" else PYLOCK})
        gate = benches.chosen(audit.choose, where)["audit"]
        assert isinstance(gate, Gate)
        assert gate.volatile
        return benches.ask(gate, benches.bench(where, where.parent / f"at-{where.name}", seconds=seconds))


@pytest.mark.parametrize("lock", [pytest.param("uv.lock"), pytest.param("pylock.toml", marks=pytest.mark.slow)])
def test_a_known_vulnerability_fails_at_the_line_that_brings_the_package(lock: str, tmp_path: Path) -> None:
    service = Service(LEAF)

    answer = asked(tmp_path / "acorn", service, lock=lock)

    assert answer.verdict == "failed"
    assert answer.reason in ("leaf 1.0 has GHSA-aaaa-bbbb-cccc", "leaf 1.0 has CVE-2026-1")
    assert [(each.path, each.line, each.level) for each in answer.findings] == [
        (lock, 15 if lock == "uv.lock" else 4, "error")
    ]
    assert answer.findings[0].message.endswith(": It falls; it is gone in 1.1")
    assert service.asked == [("leaf", "1.0")]


def test_nothing_known_of_what_was_looked_at_passes(tmp_path: Path) -> None:
    answer = asked(tmp_path / "acorn", Service())

    assert (answer.verdict, answer.reason) == ("passed", "1 package audited")


def test_a_service_that_answers_nonsense_could_not_say(tmp_path: Path) -> None:
    answer = asked(tmp_path / "acorn", Service(body=b"<html>busy"))

    assert answer.verdict == "could not run"
    assert answer.reason.startswith("uv audit ended with code 2: error decoding response body")


@pytest.mark.slow
def test_a_service_that_does_not_answer_is_not_waited_for_long(tmp_path: Path) -> None:
    answer = asked(tmp_path / "acorn", Service(hangs=True), seconds=0.7)

    assert (answer.verdict, answer.reason) == ("could not run", "the audit did not end: it had not ended after 0.7 s")


# Waivers


def waived(where: Path, waive: str, *known: dict[str, object]) -> Answer:
    """Ask the gate of a project that needs leaf 1.0 and waives something, with a pip-audit that says what is known."""
    printed = pip_audit({"name": "leaf", "version": "1.0", "vulns": known})
    stub = benches.stub(where / "stub", "pip-audit", f"print({printed!r})", f"sys.exit({int(bool(known))})")
    benches.write(where / "acorn", {"pyproject.toml": f"{PYPROJECT}waive = [{waive}]\n", "pylock.toml": PYLOCK})
    gate = benches.chosen(audit.choose, where / "acorn")["audit"]
    return benches.ask(gate, benches.bench(where / "acorn", where / "at", environment=stub))


FALLS = {"id": LEAF.id, "fix_versions": ["1.1"], "aliases": ["CVE-2026-1"], "description": "It falls"}


@pytest.mark.parametrize("name", ["GHSA-aaaa-bbbb-cccc", "cve-2026-1"])
def test_a_waiver_is_for_a_vulnerability_by_any_of_its_names(name: str, tmp_path: Path) -> None:
    answer = waived(tmp_path, WAIVER.format(id=name, until="2999-12-31"), FALLS)

    assert (answer.verdict, answer.reason) == ("passed", "1 package audited, 1 vulnerability waived")
    assert [each.level for each in answer.findings] == ["note"]
    assert answer.findings[0].message.endswith("Waived until 2999-12-31: leaves are swept")


def test_a_waiver_that_has_ended_waives_nothing(tmp_path: Path) -> None:
    answer = waived(tmp_path, WAIVER.format(id="CVE-2026-1", until="2020-01-31"), FALLS)

    assert (answer.verdict, answer.reason) == ("failed", "leaf 1.0 has GHSA-aaaa-bbbb-cccc (its waiver has ended)")
    assert answer.findings[0].message.endswith("Its waiver ended on 2020-01-31")


def test_a_waiver_that_ends_today_still_counts(tmp_path: Path) -> None:
    today = system.now().date().isoformat()

    assert waived(tmp_path, WAIVER.format(id="CVE-2026-1", until=today), FALLS).verdict == "passed"


def test_a_waiver_for_nothing_is_told_of(tmp_path: Path) -> None:
    answer = waived(tmp_path, WAIVER.format(id="CVE-1", until="2999-12-31"))

    assert answer.verdict == "passed"
    assert [each.message for each in answer.findings] == [
        "the waiver of CVE-1 is for nothing that was found; it can go"
    ]


@pytest.mark.parametrize(
    "waive",
    [
        '{ id = "CVE-1", because = "so" }',
        '{ id = "CVE-1", until = 2999-12-31 }',
        '{ id = "CVE-1", until = 2999-12-31, because = " " }',
        '{ id = "CVE-1", until = "2999-12-31", because = "so" }',
        '{ id = "CVE-1", until = 2999-12-31T00:00:00, because = "so" }',
        '{ until = 2999-12-31, because = "so" }',
        '{ id = 1, until = 2999-12-31, because = "so" }',
        '{ id = "CVE-1", until = 2999-12-31, because = "so", unless = 1 }',
        '"CVE-1"',
    ],
)
def test_a_waiver_without_a_day_or_a_reason_is_refused(waive: str, tmp_path: Path) -> None:
    benches.write(tmp_path, {"pyproject.toml": f"{PYPROJECT}waive = [{waive}]\n"})

    with pytest.raises(UsageError, match="waive"):
        benches.chosen(audit.choose, tmp_path)


# False greens


def ended(output: str, code: int | None = 0, errors: str = "") -> supervise.Ended:
    return supervise.Ended(code, "" if code is not None else "late", output, errors, 1.0, 0)


def pip_audit(*packages: dict[str, object]) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


NONE: dict[str, object] = {"name": "leaf", "version": "1.0", "vulns": []}
SKIPPED = {"name": "leaf", "skip_reason": "Dependency not found on PyPI and could not be audited: leaf (1.0)"}
UV = {"summary": {"audited_packages": 0}, "vulnerabilities": [], "adverse_statuses": []}


@pytest.mark.parametrize(
    ("said", "wanted", "why"),
    [
        (ended(json.dumps(UV)), None, "uv audit looked at no package"),
        (ended("", 2, "error: unrecognized subcommand 'audit'"), None, "uv audit is not known to this uv"),
        (ended("{}"), None, "uv audit gave no answer"),
        (ended("[" * 100_000), None, "uv audit gave no answer"),
        (
            ended(json.dumps({**UV, "summary": {"audited_packages": 1}}), 1),
            None,
            "uv audit failed and names no vulnerability",
        ),
        (ended("", None), None, "the audit did not end: late"),
        (ended(pip_audit(NONE), 1), {"leaf": "1.0"}, "pip-audit failed and names no vulnerability"),
        (ended(pip_audit(NONE)[:-5]), {"leaf": "1.0"}, "pip-audit gave no answer"),
        (
            ended("", 1, "Traceback …\nServiceError: 500"),
            {"leaf": "1.0"},
            "pip-audit gave no answer: ServiceError: 500",
        ),
        (ended("", -9), {"leaf": "1.0"}, "pip-audit ended with code -9"),
    ],
)
def test_an_audit_that_audited_nothing_is_no_pass(
    said: supervise.Ended, wanted: dict[str, str] | None, why: str
) -> None:
    with pytest.raises(CouldNotRun, match=why):
        advisories.read(said, wanted)


@pytest.mark.parametrize(
    ("packages", "left_out"),
    [
        ([SKIPPED], "Dependency not found on PyPI and could not be audited: leaf (1.0)"),
        ([], "it is not in the answer"),
        ([{**NONE, "version": "2.0"}], "another version was looked at"),
    ],
)
def test_a_package_that_was_passed_over_is_named(
    packages: list[dict[str, object]], left_out: str, tmp_path: Path
) -> None:
    assert advisories.read(ended(pip_audit(*packages)), {"leaf": "1.0"}).left_out == {"leaf": left_out}

    stub = benches.stub(tmp_path / "stub", "pip-audit", f"print({pip_audit(*packages)!r})")
    benches.write(tmp_path / "acorn", {"pyproject.toml": PYPROJECT, "pylock.toml": PYLOCK})
    gate = benches.chosen(audit.choose, tmp_path / "acorn")["audit"]
    answer = benches.ask(gate, benches.bench(tmp_path / "acorn", tmp_path / "at", environment=stub))

    assert (answer.verdict, answer.reason) == (
        "could not run",
        f"1 package was not audited, the first leaf: {left_out}",
    )


KEYS = st.sampled_from(["summary", "vulnerabilities", "dependencies", "name", "version", "id", "vulns", "x"])
LEAVES = st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=3)


@settings(max_examples=60)
@given(st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner), max_leaves=8))
def test_whatever_a_tool_prints_it_is_an_answer_or_none(told: object) -> None:
    for wanted in (None, {"leaf": "1.0"}):
        with contextlib.suppress(CouldNotRun):
            assert advisories.read(ended(json.dumps(told)), wanted).count >= 0


# When


@pytest.mark.parametrize("more", ["", "dependencies = []\n", "dependencies = []\n[dependency-groups]\ntest = []\n"])
def test_a_project_without_dependencies_has_nothing_to_audit(more: str, tmp_path: Path) -> None:
    benches.write(tmp_path, {"pyproject.toml": f'[project]\nname = "acorn"\nversion = "1.0"\n{more}'})

    assert benches.chosen(audit.choose, tmp_path) == {"audit": Off("audit", "the project has no dependencies")}


def test_a_service_that_is_no_url_is_refused(tmp_path: Path) -> None:
    benches.write(tmp_path, {"pyproject.toml": f'{PYPROJECT}service = "osv"\n'})

    with pytest.raises(UsageError, match="is no URL"):
        benches.chosen(audit.choose, tmp_path)
