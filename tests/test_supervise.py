"""Programs that hang, flood, kill their parent or leave others behind: each ends, and nothing is left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import uuid
from pathlib import Path

import psutil
import pytest

from hephaestus import supervise
from hephaestus.errors import CouldNotRun


def run(where: Path, code: str, seconds: float = 60, **more: object) -> supervise.Ended:
    environment = {**os.environ, "PYTHONPATH": ""}
    return supervise.run([sys.executable, "-c", code], cwd=where, environment=environment, seconds=seconds, **more)  # type: ignore[arg-type]


def running(mark: str) -> list[int]:
    """Return the processes that have a mark in their command line."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = process.info["cmdline"] or []
        if process.info["status"] != psutil.STATUS_ZOMBIE and any(mark in word for word in words):
            found.append(process.pid)
    return found


@pytest.fixture
def mark() -> str:
    return f"mark-{uuid.uuid4().hex}"


def test_what_a_program_prints_and_its_exit_code_are_returned(tmp_path: Path) -> None:
    ended = run(tmp_path, "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")

    assert (ended.code, ended.why, ended.output, ended.errors, ended.left) == (3, "", "out\n", "err\n", 0)
    assert ended.said == "out\nerr"


def test_a_program_ended_by_a_signal_has_the_code_a_shell_gives_it(tmp_path: Path) -> None:
    assert run(tmp_path, "import os; os.kill(os.getpid(), 11)").code == 139


def test_a_program_has_no_input_and_runs_where_it_is_told(tmp_path: Path) -> None:
    ended = run(tmp_path, "import os, sys; print(os.getcwd(), repr(sys.stdin.read()))")

    assert ended.output.split() == [str(tmp_path.resolve()), "''"]


def test_a_missing_program_could_not_run(tmp_path: Path) -> None:
    with pytest.raises(CouldNotRun, match="no-such-tool is not installed"):
        supervise.run(["no-such-tool"], cwd=tmp_path, environment=dict(os.environ), seconds=5)


@pytest.mark.slow
def test_a_program_that_hangs_is_ended_with_all_it_started_and_what_it_said_is_kept(tmp_path: Path, mark: str) -> None:
    child = f"import time; '{mark}'; time.sleep(600)"
    code = f"import subprocess, sys, time; print('begun', flush=True); subprocess.Popen([sys.executable, '-c', {child!r}], start_new_session=True); time.sleep(600)"

    ended = run(tmp_path, code, seconds=1)

    assert ended.code is None
    assert ended.why == "it had not ended after 1 s"
    assert ended.output == "begun\n"
    assert running(mark) == []


@pytest.mark.slow
def test_a_program_that_ignores_every_polite_signal_is_ended(tmp_path: Path, mark: str) -> None:
    code = f"import signal, time; '{mark}'; [signal.signal(n, signal.SIG_IGN) for n in (1, 2, 15)]; print('deaf', flush=True); time.sleep(600)"

    assert run(tmp_path, code, seconds=1).code is None
    assert running(mark) == []


@pytest.mark.slow
def test_a_program_that_kills_its_parent_hits_neither_us_nor_escapes(tmp_path: Path, mark: str) -> None:
    ended = run(tmp_path, f"import os, time; '{mark}'; os.kill(os.getppid(), 9); time.sleep(600)")

    assert ended.code is None
    assert ended.why == "its parent was killed"
    assert running(mark) == []


@pytest.mark.slow
@pytest.mark.parametrize("code", [0, 4])
def test_what_a_program_leaves_running_is_ended_and_counted(tmp_path: Path, mark: str, code: int) -> None:
    orphan = f"import os, sys, time; '{mark}'\nif os.fork(): sys.exit({code})\nos.setsid(); time.sleep(600)"

    ended = run(tmp_path, orphan)

    assert (ended.code, ended.left) == (code, 1)
    assert running(mark) == []


@pytest.mark.slow
def test_of_a_flood_the_beginning_and_the_end_are_kept(tmp_path: Path) -> None:
    ended = run(
        tmp_path, "import sys; print('first'); [sys.stdout.write('x' * 100_000) for _ in range(1000)]; print('last')"
    )

    assert ended.code == 0
    assert len(ended.output) < 12_000_000
    assert ended.output.startswith("first\n")
    assert ended.output.endswith("last\n")
    assert "bytes are left out here" in ended.output


def test_lines_are_told_as_they_come(tmp_path: Path) -> None:
    told: list[str] = []

    ended = run(tmp_path, "print('one'); print('two')", on_line=told.append)

    assert told == ["one", "two"]
    assert ended.output == "one\ntwo\n"


@pytest.mark.slow
def test_all_that_runs_can_be_stopped_at_once(tmp_path: Path, mark: str) -> None:
    os.mkfifo(tmp_path / "begun")
    ended: list[supervise.Ended] = []
    code = f"import time; '{mark}'; open({str(tmp_path / 'begun')!r}, 'w').write('x'); time.sleep(600)"
    worker = threading.Thread(target=lambda: ended.append(run(tmp_path, code)))
    worker.start()
    assert (tmp_path / "begun").read_text() == "x"

    supervise.stop()
    worker.join(30)

    assert [each.code for each in ended] == [None] or ended[0].code == 143
    assert running(mark) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_that_ends_us_ends_all_that_runs_and_nothing_more_begins(
    tmp_path: Path, mark: str, number: signal.Signals
) -> None:
    os.mkfifo(tmp_path / "begun")
    begin = f"import time; '{mark}'; open({str(tmp_path / 'begun')!r}, 'w').write('x'); time.sleep(600)"
    ours = f"""
import os, sys, threading
from pathlib import Path
from hephaestus import supervise
def run(code): return supervise.run([sys.executable, "-c", code], cwd=Path("."), environment=dict(os.environ), seconds=600)
def both():
    run({begin!r})
    run("import time; time.sleep(1); open('second', 'w')")
worker = threading.Thread(target=both)
try:
    with supervise.together():
        worker.start()
        worker.join()
finally:
    worker.join()
"""
    with subprocess.Popen([sys.executable, "-c", ours], cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
        assert (tmp_path / "begun").read_text() == "x"
        process.send_signal(number)
        assert process.wait(60) != 0

    assert running(mark) == []
    assert not (tmp_path / "second").exists()
