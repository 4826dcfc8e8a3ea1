"""Asking gates: none twice about the very same, each again when anything changed, and a clear word for whatever goes wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from stubs import Stub, linted

from hephaestus import stage
from hephaestus.errors import UsageError
from hephaestus.gates import Gates, Verdict, passes
from hephaestus.gates.engine import choices
from places import Place

pytestmark = pytest.mark.slow


def step(place: Place) -> Gates:
    return Gates(place.root, stage.area(place.repository), {})


def ask(place: Place, **selection: object) -> list[Verdict]:
    asked = step(place)
    return list(asked.ask(asked.question(**selection)).verdicts)  # type: ignore[arg-type]


@pytest.fixture
def stub(place: Place, monkeypatch: pytest.MonkeyPatch) -> Stub:
    return linted(place, monkeypatch)


def test_a_gate_that_passed_is_not_asked_again_about_the_very_same(place: Place, stub: Stub) -> None:
    (first,) = ask(place)
    (second,) = ask(place)

    assert (first.verdict, first.cached) == ("passed", False), first
    assert (second.verdict, second.cached) == ("passed", True)
    assert len(stub.calls) == 1
    assert "--no-fix" in stub.calls[0], "a gate changes no file, whatever is configured"


def change_a_byte(place: Place, stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    (place.root / "src/acorn/leaves.py").write_text("COLOUR = 'greeN'\n")


def change_an_ignored_file(place: Place, stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    (place.root / "settings.ini").write_text("changed")


def change_a_lock_entry(place: Place, stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    file = place.root / "pylock.toml"
    file.write_text(file.read_text().replace("1.0.0", "1.0.1"))


def change_the_arguments(place: Place, stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    file = place.root / "pyproject.toml"
    file.write_text(file.read_text().replace("gates = { ", 'gates = { lint = { arguments = ["--fast"] }, '))


def change_the_tool(place: Place, stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install another version in the very environment that is kept, as a person or another program may."""
    stub.publish("2.0")
    (environment,) = (Path(os.environ["XDG_CACHE_HOME"]) / "hephaestus" / "builders").glob("*/environment/bin/ruff")
    words = ["uv", "pip", "install", "--quiet", "--python", str(environment.parent / "python"), "ruff==2.0"]
    subprocess.run(words, check=True, env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"})


def change_a_variable(place: Place, stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUFF_CONFIG", "other.toml")


def change_a_variable_of_its_own(place: Place, stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACORN_DATABASE", "other")


CHANGES = [
    change_a_byte,
    change_an_ignored_file,
    change_a_lock_entry,
    change_the_arguments,
    change_the_tool,
    change_a_variable,
    change_a_variable_of_its_own,
]


@pytest.mark.parametrize("change", CHANGES)
def test_no_gate_is_skipped_where_anything_it_reads_has_changed(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, change: Callable[..., None]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    stub = linted(place, monkeypatch, gates='use = ["lint"], environment = ["ACORN_DATABASE"]')
    (place.root / ".gitignore").write_text("settings.ini\n")
    (place.root / "settings.ini").write_text("as it was")
    (place.root / "pylock.toml").write_text(
        'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "leaf"\nversion = "1.0.0"\n'
    )
    ask(place)
    assert [each.cached for each in ask(place)] == [True]

    change(place, stub, monkeypatch)
    (said,) = ask(place)

    assert (said.verdict, said.cached) == ("passed", False), said
    assert len(stub.calls) == 2


def test_another_python_is_another_question(place: Place, stub: Stub) -> None:
    ask(place)
    asked = step(place).question()
    (gate,) = choices(asked).gates

    # The key is made of the interpreter's path, version and tag; the gate alone differs here.
    assert passes.key([gate.python]) != passes.key([replace(gate, python="python3.99").python])


def test_a_failure_is_never_used_again(place: Place, stub: Stub) -> None:
    stub.does("print('not json'); sys.exit(1)")
    assert [each.verdict for each in ask(place)] != ["passed"]

    stub.does("")
    (said,) = ask(place)

    assert (said.verdict, said.cached) == ("passed", False)


def test_a_gate_that_changes_files_is_asked_each_time(place: Place, stub: Stub) -> None:
    stub.does("Path('written.py').open('a').write('#')")

    assert [each.cached for _ in range(3) for each in ask(place)] == [False, False, False]


def test_all_are_asked_afresh_where_that_is_wanted_or_the_cache_is_off(
    place: Place, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(place)
    assert [each.cached for each in ask(place, fresh=True)] == [False]

    text = (place.root / "pyproject.toml").read_text()
    (place.root / "pyproject.toml").write_text(text.replace('use = ["lint"]', 'use = ["lint"], cache = false'))
    assert [each.cached for _ in range(2) for each in ask(place)] == [False, False]


def test_a_clone_elsewhere_uses_the_verdicts_it_is_handed_and_only_for_the_same_files(
    place: Place, stub: Stub, tmp_path: Path
) -> None:
    asked = step(place)
    asked.ask(asked.question()).kept.export(tmp_path / "verdicts.json")
    place.git("push", "--quiet", "origin", "main")
    other = place.clone("other")

    passes.absorb(passes.home(other.repository), tmp_path / "verdicts.json")

    assert [each.cached for each in ask(other)] == [True]
    (other.root / "src/acorn/leaves.py").write_text("")
    assert [each.cached for each in ask(other)] == [False]


def test_two_processes_at_once_both_get_an_answer(place: Place, stub: Stub) -> None:
    command = [sys.executable, "-m", "hephaestus", "gates", "--json"]
    both = [
        subprocess.Popen(
            command, cwd=place.root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]

    ended = [(process.communicate(timeout=120), process.returncode) for process in both]

    assert [code for _, code in ended] == [0, 0], ended


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ({"only": ["lnt"]}, "no gate is named lnt; did you mean lint?"),
        ({"without": ["zzz"]}, "no gate is named zzz"),
        ({"only": ["types"]}, "the gate types is not asked: "),
    ],
)
def test_a_gate_there_is_none_of_is_refused_with_the_nearest(
    place: Place, stub: Stub, selection: dict[str, list[str]], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        ask(place, **selection)

    assert caught.value.message.startswith(message)
    assert caught.value.hint == "hephaestus gates --explain"


@pytest.mark.parametrize(
    ("gates", "message"),
    [
        ('use = ["lnt"]', "names a gate 'lnt' there is none of; did you mean lint?"),
        ("lnt = { optional = true }", "names a gate 'lnt' there is none of; did you mean lint?"),
        ("lint = { optional = 1 }", "optional must be true or false"),
        ("lint = { optinal = true }", "unknown key 'optinal'"),
        ("lint = { time-limit = -5 }", "time-limit must be a number of seconds"),
        ("time-limit = 0", "time-limit must be a number of seconds"),
        ("cache = 1", "cache must be true or false"),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused(
    place: Place, monkeypatch: pytest.MonkeyPatch, gates: str, message: str
) -> None:
    linted(place, monkeypatch, gates=gates)

    with pytest.raises(UsageError, match=message.replace("?", r"\?")):
        choices(step(place).question())


def test_a_gate_is_switched_off_with_a_reason_that_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    linted(place, monkeypatch, gates='use = ["lint"], lint = { off = "the editor does it" }')

    off = {each.name: each.why for each in choices(step(place).question()).off}

    assert off["lint"] == "switched off in pyproject.toml: the editor does it"


def test_a_session_of_the_project_takes_the_place_of_a_built_in_gate(place: Place, stub: Stub) -> None:
    place.commit(
        "noxfile.py", 'import nox\n\n\n@nox.session(tags=["gate"], venv_backend="none")\ndef lint(session):\n    pass\n'
    )

    (said,) = ask(place)

    assert (said.gate, said.verdict, said.command) == ("lint", "passed", "nox --session lint")
    assert stub.calls == []


def test_an_optional_gate_is_told_of_and_stops_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    stub = linted(place, monkeypatch, gates='use = ["lint"], lint = { optional = true }')
    stub.does("sys.exit(3)")
    asked = step(place)

    told = asked.ask(asked.question())

    assert [(each.passed, each.required) for each in told.verdicts] == [(False, False)]
    asked.judge(told)


def test_a_tool_that_cannot_be_installed_could_not_run(
    place: Place, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_FIND_LINKS", str(place.root.parent / "nothing"))

    (said,) = ask(place)

    assert said.verdict == "could not run"
    assert said.reason


def test_a_gate_that_hangs_is_ended_and_could_not_run(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    stub = linted(place, monkeypatch, gates='use = ["lint"], lint = { time-limit = 2 }')
    stub.does("import time; print('thinking', flush=True); time.sleep(600)")

    (said,) = ask(place)

    assert (said.verdict, said.reason) == ("could not run", "it had not ended after 2 s")
    assert "thinking" in (step(place).question().logs / "lint.log").read_text()


def test_a_gate_that_kills_its_parent_or_floods_gets_a_verdict(place: Place, stub: Stub) -> None:
    stub.does("import os, signal; os.kill(os.getppid(), signal.SIGKILL)")
    assert [each.verdict for each in ask(place)] == ["could not run"]

    stub.does("[sys.stdout.write('x' * 1_000_000) for _ in range(100)]")
    assert [each.verdict for each in ask(place)] == ["could not run"]


def test_many_at_once_in_one_process_disturb_nothing(place: Place, stub: Stub) -> None:
    told: list[str] = []
    asking = [threading.Thread(target=lambda: told.extend(each.verdict for each in ask(place))) for _ in range(3)]
    for each in asking:
        each.start()
    for each in asking:
        each.join()

    assert told == ["passed"] * 3
