"""Asking the gates about the checkout by the program: what is shown, written and handed on, and the exit codes."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from stubs import Stub, linted

from places import Place

pytestmark = pytest.mark.slow

FINDING = """\
import json
print(json.dumps([{"code": "F401", "filename": str(Path("src/acorn/leaves.py").resolve()), "message": "unused",
    "location": {"row": 1, "column": 2}, "end_location": {"row": 1, "column": 3}}]))
sys.exit(1)
"""


@pytest.fixture
def stub(place: Place, monkeypatch: pytest.MonkeyPatch) -> Stub:
    return linted(place, monkeypatch)


def test_a_failed_gate_is_shown_with_its_place_and_the_command_that_asks_it_alone(place: Place, stub: Stub) -> None:
    stub.does(FINDING)

    done = place.hephaestus("gates")

    assert done.returncode == 4
    assert done.stdout == ""
    assert "src/acorn/leaves.py:1:2: F401 unused" in done.stderr
    assert "hephaestus gates --only lint" in done.stderr
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize("words", [("gates",), ("guard-rails",)])
def test_gates_and_guard_rails_ask_the_same_and_say_so_to_programs(
    place: Place, stub: Stub, words: tuple[str, ...]
) -> None:
    done = place.hephaestus(*words, "--json")

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["outcome"] == "passed"
    assert [(each["gate"], each["verdict"], each["cached"]) for each in told["gates"]] == [("lint", "passed", False)]
    assert "types" in [each["name"] for each in told["off"]]


def test_a_waived_gate_stops_nothing_and_needs_a_reason(place: Place, stub: Stub) -> None:
    stub.does(FINDING)

    assert place.hephaestus("gates", "--skip-gate", "lint").returncode == 3
    assert place.hephaestus("gates", "--skip-gate", "lnt", "--because", "so").returncode != 0
    done = place.hephaestus("gates", "--skip-gate", "lint", "--because", "the rule is wrong", "--json")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["waived"] == {"lint": "the rule is wrong"}


def test_what_was_said_is_written_to_files(place: Place, stub: Stub, tmp_path: Path) -> None:
    stub.does(FINDING)
    junit, sarif, verdicts = (tmp_path / name for name in ("out/gates.xml", "out/gates.sarif", "verdicts.json"))

    files = ["--junit", str(junit), "--sarif", str(sarif), "--verdicts", str(verdicts)]
    assert place.hephaestus("gates", *files).returncode == 4

    (case,) = (each for each in ET.parse(junit).iter("testcase") if each.get("name") == "lint")
    assert case.find("failure") is not None
    (run,) = json.loads(sarif.read_text())["runs"]
    assert [result["ruleId"] for result in run["results"]] == ["F401"]
    assert json.loads(verdicts.read_text())["passes"] == {}


def test_which_gates_there_are_is_explained_and_none_is_asked(place: Place, stub: Stub) -> None:
    explained = place.hephaestus("gates", "--explain")
    dry = place.hephaestus("--dry", "gates", "--json")

    assert explained.returncode == dry.returncode == 0, explained.stderr + dry.stderr
    assert "[tool.ruff] in pyproject.toml" in explained.stderr
    assert [each["name"] for each in json.loads(dry.stdout)["gates"]] == ["lint"]
    assert stub.calls == []


def test_a_release_uses_the_verdicts_it_is_handed(
    place: Place, stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In CI, after the merge of a release that was prepared: the tree is the one that other job has looked at."""
    assert place.hephaestus("release", "--version", "1.1.0", "--until", "commit", "--yes").returncode == 0
    prepared = place.git("rev-parse", "refs/hephaestus/v1.1.0/commit")
    place.git("push", "--quiet", "origin", f"{prepared}:refs/heads/main")
    one, other = place.clone("one"), place.clone("other")
    verdicts = tmp_path / "verdicts.json"
    assert one.hephaestus("gates", "--verdicts", str(verdicts)).returncode == 0
    asked = len(stub.calls)

    done = other.hephaestus("release", "--current", "--yes", "--until", "gates", "--verdicts", str(verdicts))

    assert done.returncode == 0, done.stderr
    assert "lint passed before on the very same" in done.stderr
    assert len(stub.calls) == asked


def test_what_is_no_file_of_verdicts_stops_a_release_before_it_begins(place: Place, stub: Stub) -> None:
    done = place.hephaestus("release", "--version", "1.1.0", "--yes", "--verdicts", "pyproject.toml")

    assert done.returncode == 2
    assert "holds no verdicts of gates" in done.stderr
    assert place.git("for-each-ref", "refs/hephaestus") == ""


def test_outside_of_a_project_the_gates_say_so(tmp_path: Path, place: Place) -> None:
    done = place.hephaestus("gates", at=tmp_path)

    assert done.returncode == 2
    assert "Traceback" not in done.stderr
