"""Gates: the user's own sessions, in parallel, on exactly the files that are released; three verdicts, never a fourth."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from hephaestus import git, stage
from hephaestus.errors import Conflict, CouldNotRun, GateFailed, HephaestusError
from hephaestus.gates import Gates
from runner import obeyed

if TYPE_CHECKING:
    from places import Place

pytestmark = pytest.mark.slow

HEAD = "import os, pathlib, signal, subprocess, sys\nimport nox\n\n"


def gate(name: str, *lines: str, options: str = 'venv_backend="none"') -> str:
    body = textwrap.indent("\n".join(lines or ("pass",)), "    ")
    return f'@nox.session(tags=["gate"], {options})\ndef {name}(session):\n{body}\n\n'


def ask(place: Place, *sessions: str, waived: dict[str, str] | None = None, noxfile: str | None = None) -> Gates:
    """Commit a noxfile and return the step that asks its gates in a stage of that commit."""
    text = HEAD + "".join(sessions) if noxfile is None else noxfile
    place.commit("noxfile.py", text, "ci: Change the gates")
    return again(place, waived)


def again(place: Place, waived: dict[str, str] | None = None) -> Gates:
    where = stage.area(place.repository)
    here = stage.Stage(place.repository, where, place.git("rev-parse", "HEAD"), "main", "v1.1.0")
    return Gates(here.checkout.root, where, waived or {}, here)


def said(step: Gates) -> dict[str, tuple[str, str]]:
    assert step.stage is not None
    return {each.gate: (each.verdict, each.reason) for each in step.verdicts(step.stage.revision)}


# Which gates, on what


def test_the_users_own_gates_are_asked_all_at_once_and_no_other_session(place: Place, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "meet")
    alarm = "signal.alarm(60)  # one that has to wait for the other to end never meets it"
    one = gate("one", alarm, f"open({str(tmp_path / 'meet')!r}, 'w').write('hello')")
    two = gate("two", alarm, f"assert open({str(tmp_path / 'meet')!r}).read() == 'hello'")
    step = ask(place, one, two, "@nox.session\ndef never(session):\n    session.error('asked')\n")

    step.apply()

    assert said(step) == {"one": ("passed", ""), "two": ("passed", "")}
    assert step.stands()


def test_gates_see_exactly_the_files_of_the_commit(place: Place, tmp_path: Path) -> None:
    out = tmp_path / "seen"
    look = "files = [p for p in pathlib.Path().rglob('*') if p.is_file() and '.git' not in p.parts and '__pycache__' not in p.parts]"
    step = ask(place, gate("look", look, f"pathlib.Path({str(out)!r}).write_text('\\n'.join(sorted(map(str, files))))"))
    (place.root / "untracked.py").write_text("import evil\n")
    (place.root / "CHANGELOG.md").write_text("changed and not committed\n")
    assert step.stage is not None
    step.stage.prepare()
    (step.root / "left-behind.py").write_text("import evil\n")
    (step.root / "dist").mkdir()
    (step.root / "dist" / "ignored").write_text("x")

    step.apply()

    assert out.read_text().splitlines() == place.git("ls-tree", "-r", "--name-only", "HEAD").splitlines()


def test_the_same_commit_is_not_asked_twice_and_another_one_is(place: Place, tmp_path: Path) -> None:
    count = tmp_path / "count"
    step = ask(place, gate("counts", f"open({str(count)!r}, 'a').write('asked ')"))
    step.apply()
    step.apply()
    again(place).apply()
    assert count.read_text() == "asked "

    place.commit("src/acorn/twigs.py", "")
    assert not again(place).stands()
    again(place).apply()
    assert count.read_text() == "asked asked "

    again(place).undo()
    assert not again(place).stands()


def test_a_gate_that_failed_is_asked_again(place: Place, tmp_path: Path) -> None:
    step = ask(place, gate("moody", f"assert pathlib.Path({str(tmp_path / 'mended')!r}).exists()"))
    with pytest.raises(GateFailed):
        step.apply()

    (tmp_path / "mended").write_text("")
    step.apply()

    assert said(step) == {"moody": ("passed", "")}


# Verdicts


def test_a_gate_that_says_no_is_named_with_the_command_that_runs_it_alone(place: Place) -> None:
    step = ask(place, gate("good"), gate("bad", "session.run('git', 'no-such-command', external=True)"))

    with pytest.raises(GateFailed) as caught:
        step.apply()

    assert caught.value.exit_code == 4
    assert caught.value.message.startswith(
        "1 of 2 gates did not pass:\n  bad: failed: Command git no-such-command failed with exit code 1\n"
    )
    assert caught.value.hint == "nox --session bad"
    assert "is not a git command" in (step.area / "logs" / "nox.log").read_text()
    assert {name: verdict for name, (verdict, _) in said(step).items()} == {"good": "passed", "bad": "failed"}
    assert not step.stands()


@pytest.mark.parametrize("ci", ["", "true"])
@pytest.mark.parametrize(
    ("session", "reason"),
    [
        (gate("unsure", "session.skip('no database here')"), "no database here"),
        (gate("unsure", "session.error('no server here')"), "no server here"),
        (gate("unsure", options='python="3.99", venv_backend="virtualenv"'), "3.99"),
    ],
    ids=["skipped", "given up", "no interpreter"],
)
def test_a_gate_that_cannot_say_is_not_passed_and_not_failed(
    place: Place, monkeypatch: pytest.MonkeyPatch, session: str, reason: str, ci: str
) -> None:
    monkeypatch.setenv("CI", ci)
    step = ask(place, gate("good"), session)

    with pytest.raises(CouldNotRun) as caught:
        step.apply()

    assert caught.value.exit_code == 5
    assert "unsure: could not run" in caught.value.message
    assert reason in caught.value.message
    assert said(step)["unsure"][0] == "could not run"


def test_where_one_gate_fails_and_another_cannot_say_the_failure_counts(place: Place) -> None:
    step = ask(place, gate("bad", "raise ValueError('broken')"), gate("unsure", "session.skip('no database here')"))

    with pytest.raises(GateFailed, match="2 of 2 gates did not pass"):
        step.apply()


def test_a_program_that_a_gate_misses_is_no_pass(place: Place) -> None:
    step = ask(place, gate("missing", "session.run('no-such-linter', external=True)"))

    with pytest.raises(HephaestusError) as caught:
        step.apply()
    assert caught.value.exit_code in (4, 5)


# Waivers


def test_a_waived_gate_stops_nothing_and_its_verdict_is_kept(place: Place) -> None:
    step = ask(place, gate("good"), gate("bad", "raise ValueError"), waived={"bad": "its server is down"})

    step.apply()

    assert said(step)["bad"][0] == "failed"
    assert step.stands()
    assert not again(place).stands(), "a waiver is for the release that gives it"


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_a_waiver_needs_a_reason(place: Place, reason: str) -> None:
    problems = list(again(place, {"bad": reason}).check())

    assert [problem.message for problem in problems] == ["the gate bad is waived without a reason"]
    assert "--because" in problems[0].hint
    assert list(again(place, {"bad": "its server is down"}).check()) == []


def test_a_waiver_of_a_gate_that_does_not_exist_is_refused(place: Place) -> None:
    step = ask(place, gate("good"), waived={"god": "a slip of the pen"})

    with pytest.raises(CouldNotRun, match="no gate is named god"):
        step.apply()


# The project's noxfile, or none


def test_a_noxfile_that_cannot_be_read_is_no_pass(place: Place) -> None:
    step = ask(place, noxfile="def broken(:\n")

    with pytest.raises(CouldNotRun, match="the noxfile cannot be read") as caught:
        step.apply()
    assert "SyntaxError" in caught.value.message
    assert caught.value.hint


# Hostile and unlucky sessions


def test_a_gate_that_asks_for_input_gets_none_and_does_not_hang(place: Place) -> None:
    step = ask(
        place,
        gate("asks", "assert session.run('cat', external=True, silent=True) == ''", "assert sys.stdin.read() == ''"),
    )

    step.apply()

    assert said(step) == {"asks": ("passed", "")}


def test_a_session_that_hangs_is_ended_with_all_it_started_and_the_others_go_on(place: Place, tmp_path: Path) -> None:
    mark = f"mark-{tmp_path.name}"
    hang = f"subprocess.run([sys.executable, '-c', 'import time; \\'{mark}\\'; time.sleep(600)'])"
    text = (place.root / "pyproject.toml").read_text().replace("use = []", "use = [], time-limit = 3")
    place.commit("pyproject.toml", text)
    step = ask(place, gate("good"), gate("hangs", "print('thinking', flush=True)", hang))

    with pytest.raises(CouldNotRun):
        step.apply()

    assert said(step) == {"good": ("passed", ""), "hangs": ("could not run", "it had not ended after 3 s")}
    assert step.stage is not None
    hung = next(each for each in step.verdicts(step.stage.revision) if each.gate == "hangs")
    assert "thinking" in hung.lines
    assert not [p for p in psutil.process_iter(["cmdline"]) if any(mark in word for word in p.info["cmdline"] or ())]


def test_a_session_that_kills_nox_leaves_nothing_running_and_no_pass(place: Place, tmp_path: Path) -> None:
    mark = f"mark-{tmp_path.name}"
    kill = f"os.kill(os.getppid(), signal.SIGKILL); subprocess.run([sys.executable, '-c', 'import time; \\'{mark}\\'; time.sleep(600)'])"
    step = ask(place, gate("kills", kill))

    with pytest.raises(CouldNotRun):
        step.apply()

    assert said(step)["kills"][0] == "could not run"
    assert not [p for p in psutil.process_iter(["cmdline"]) if any(mark in word for word in p.info["cmdline"] or ())]


def test_no_variable_of_nox_hides_a_gate(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOXPYTHON", "3.99")
    step = ask(place, gate("bad", "raise ValueError"))

    with pytest.raises(GateFailed):
        step.apply()


def test_a_gate_that_asks_the_gates_it_is_one_of_ends_at_once(place: Place) -> None:
    words = "[sys.executable, '-m', 'hephaestus', 'gates']"
    place.commit(
        "noxfile.py",
        HEAD
        + gate("again", f"done = subprocess.run({words}); session.log(done.returncode); assert done.returncode == 5"),
    )

    assert place.hephaestus("gates").returncode == 0


def test_a_session_may_say_that_its_pass_can_be_used_again(place: Place, tmp_path: Path) -> None:
    count = tmp_path / "count"
    text = (place.root / "pyproject.toml").read_text().replace("use = []", "use = [], counts = { cached = true }")
    place.commit("pyproject.toml", text)
    body = f"open({str(count)!r}, 'a').write('asked ')"
    place.commit("noxfile.py", HEAD + gate("counts", body, options='venv_backend="uv"') + gate("each", body))

    for _ in range(2):
        assert place.hephaestus("gates").returncode == 0

    assert count.read_text() == "asked asked asked "


EVIL = "\\x1b[31mred\\x1b]0;title\\x07\\r\\n::error::evil"


@pytest.mark.parametrize("actions", ["", "true"])
def test_what_a_gate_prints_draws_nothing_and_orders_nothing(place: Place, actions: str) -> None:
    place.commit("noxfile.py", HEAD + gate("evil", f"print('{EVIL}')", f"session.error('{EVIL}')"))

    done = place.hephaestus("gates", "--json", extra={"GITHUB_ACTIONS": actions})

    assert done.returncode == 5
    assert "evil: could not run" in done.stderr
    for text in (done.stdout, done.stderr):
        assert "\x1b" not in text
        assert "\x07" not in text
    assert [each["gate"] for each in json.loads(done.stdout)["gates"]] == ["evil"]
    if actions:
        errors = [command for command in obeyed(done.stderr) if command.name == "error"]
        assert [error.properties["title"] for error in errors] == ["evil"]


def test_the_sessions_of_a_killed_run_hold_the_environments_until_they_end(place: Place, tmp_path: Path) -> None:
    hold, started = tmp_path / "hold", tmp_path / "started"
    for path in (hold, started):
        os.mkfifo(path)
    marker = tmp_path / "second"
    place.commit(
        "noxfile.py",
        HEAD
        + gate(
            "waits",
            f"if not pathlib.Path({str(marker)!r}).exists():",
            f"    open({str(started)!r}, 'w').write('now')",
            f"    open({str(hold)!r}).read()",
        ),
    )
    command = [sys.executable, "-m", "hephaestus", "gates"]
    with subprocess.Popen(command, cwd=place.root, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as first:
        assert started.read_text() == "now"
        first.send_signal(signal.SIGKILL)
        first.wait()
    marker.write_text("")
    with subprocess.Popen(
        command, cwd=place.root, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as second:
        assert second.stderr is not None
        told = ""
        while "the gates of an earlier run still end" not in told:
            line = second.stderr.readline()
            assert line, told
            told += line
        assert second.poll() is None
        hold.write_text("end")
        assert second.wait(120) == 0, told + second.stderr.read()


# Alone, on the checkout


def test_alone_the_gates_are_asked_about_the_checkout_as_it_is_each_time(place: Place, tmp_path: Path) -> None:
    out = tmp_path / "seen"
    place.commit(
        "noxfile.py", HEAD + gate("look", f"open({str(out)!r}, 'a').write(pathlib.Path('new.py').read_text())")
    )
    (place.root / "new.py").write_text("not committed ")
    before = place.snapshot()

    for _ in range(2):
        done = place.hephaestus("gates", "--json")
        assert done.returncode == 0, done.stderr
        assert [(each["gate"], each["verdict"]) for each in json.loads(done.stdout)["gates"]] == [("look", "passed")]

    assert out.read_text() == "not committed not committed "
    assert place.snapshot() == before
    assert git.Repository(place.root).untracked() == ["new.py"]


def test_a_gate_that_touches_what_was_built_stops_the_release(place: Place) -> None:
    spoil = "[p.write_bytes(b'evil') for p in pathlib.Path('../assets').glob('*.whl')]"
    step = ask(place, gate("spoils", spoil))
    step.stage.prepare()
    step.stage.assets.mkdir()
    (step.stage.assets / "acorn-1.1.0-py3-none-any.whl").write_bytes(b"good")

    with pytest.raises(Conflict, match="a gate has changed the files that were built"):
        step.apply()
