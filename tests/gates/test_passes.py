"""Passes that are kept: found again for exactly the same, handed on as a file, and never made of anything but a pass."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from hephaestus.errors import UsageError
from hephaestus.findings import Finding
from hephaestus.gates.gate import COULD_NOT_RUN, FAILED, PASSED, Verdict
from hephaestus.gates.passes import Passes, absorb, key

PASS = Verdict(
    "lint",
    PASSED,
    1.5,
    "",
    findings=(Finding("a note", "src/a.py", 3, level="note"),),
    command="hephaestus gates --only lint",
)


def test_a_pass_is_found_by_its_key_and_its_gate_alone(tmp_path: Path) -> None:
    kept = Passes(tmp_path)
    kept.keep(key(["a"]), PASS)

    assert kept.find(key(["a"]), "lint") == PASS
    assert kept.find(key(["b"]), "lint") is None
    assert kept.find(key(["a"]), "types") is None


@pytest.mark.parametrize("verdict", [FAILED, COULD_NOT_RUN])
def test_only_a_pass_is_kept(tmp_path: Path, verdict: str) -> None:
    kept = Passes(tmp_path)
    kept.keep(key(["a"]), replace(PASS, verdict=verdict))

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b'{"gate": "lint"}',
        b'{"gate": "lint", "verdict": "failed", "seconds": 1, "reason": ""}',
        b"\xff",
    ],
)
def test_a_file_that_is_damaged_or_no_pass_is_none(tmp_path: Path, data: bytes) -> None:
    (tmp_path / f"{key(['a'])}.json").write_bytes(data)

    assert Passes(tmp_path).find(key(["a"]), "lint") is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"reason": 5},
        {"seconds": "1"},
        {"required": 1},
        {"lines": [7]},
        {"findings": [{"message": 7}]},
        {"findings": [{"message": "x", "line": "3"}]},
        {"more": 1},
    ],
)
def test_a_verdict_of_other_kinds_of_values_is_none(wrong: dict[str, object]) -> None:
    with pytest.raises((TypeError, ValueError, KeyError)):
        Verdict.of({**PASS.document(), **wrong})


def test_every_fact_changes_the_key() -> None:
    assert len({key(["a", "b"]), key(["ab"]), key(["b", "a"]), key([["a"], "b"]), key([])}) == 5


def test_old_passes_and_the_oldest_of_very_many_go(tmp_path: Path) -> None:
    kept = Passes(tmp_path)
    for name in ("old", "new"):
        kept.keep(key([name]), PASS)
    long_ago = time.time() - 31 * 24 * 3600
    os.utime(tmp_path / f"{key(['old'])}.json", (long_ago, long_ago))

    kept.prune()

    assert kept.find(key(["old"]), "lint") is None
    assert kept.find(key(["new"]), "lint") is not None


def test_passes_are_handed_on_as_a_file(tmp_path: Path) -> None:
    here = Passes(tmp_path / "here")
    here.keep(key(["a"]), PASS)
    Passes(tmp_path / "here").keep(key(["not used by this run"]), PASS)

    here.export(tmp_path / "verdicts.json")

    assert absorb(tmp_path / "there", tmp_path / "verdicts.json") == 1
    assert Passes(tmp_path / "there").find(key(["a"]), "lint") == PASS


def test_a_failure_in_such_a_file_becomes_no_pass(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.json"
    path.write_text(json.dumps({"format": 1, "passes": {key(["a"]): replace(PASS, verdict=FAILED).document()}}))

    absorb(tmp_path / "there", path)

    assert Passes(tmp_path / "there").find(key(["a"]), "lint") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": 2, "passes": {}}',
        '{"format": 1, "passes": {"../../x": {}}}',
        '{"format": 1, "passes": {"' + "a" * 64 + '": {"gate": 1}}}',
        "[" * 5000,
    ],
)
def test_a_file_that_holds_no_verdicts_is_refused_and_nothing_is_kept(tmp_path: Path, text: str) -> None:
    (tmp_path / "verdicts.json").write_text(text)

    with pytest.raises(UsageError, match="holds no verdicts of gates"):
        absorb(tmp_path / "there", tmp_path / "verdicts.json")
    assert not (tmp_path / "there").exists()
