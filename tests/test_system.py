"""The door to the machine: files whole or absent, programs to their end, locks that a killed process leaves free."""

import hashlib
import logging
import os
import signal
import stat
import subprocess
import sys
import threading
from datetime import UTC
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hephaestus import system
from hephaestus.errors import Busy, CommandFailed, CouldNotRun

PYTHON = sys.executable


def python(program: str, **options: object) -> system.Finished:
    return system.run([PYTHON, "-c", program], **options)  # type: ignore[arg-type]


# Programs


def test_a_program_gives_back_what_it_printed_and_its_exit_code() -> None:
    done = python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)", check=False)

    assert (done.code, done.output, done.errors) == (3, "out\n", "err\n")


def test_a_program_that_ends_badly_is_an_error_with_its_command_and_its_last_words() -> None:
    with pytest.raises(CommandFailed) as caught:
        python("import sys; print('the reason', file=sys.stderr); sys.exit(7)")

    assert "ended with code 7" in caught.value.message
    assert "the reason" in caught.value.message
    assert PYTHON in caught.value.message


def test_a_program_that_says_nothing_on_standard_error_is_quoted_from_its_output() -> None:
    with pytest.raises(CommandFailed, match="only here"):
        python("import sys; print('only here'); sys.exit(1)")


def test_of_much_output_an_error_shows_the_end() -> None:
    with pytest.raises(CommandFailed) as caught:
        python("import sys; [print('line', n) for n in range(1000)]; sys.exit(1)")

    assert "line 999" in caught.value.message
    assert "line 985" in caught.value.message
    assert "line 984" not in caught.value.message


def test_a_program_that_is_not_installed_could_not_run() -> None:
    with pytest.raises(CouldNotRun, match="the program no-such-program is not installed"):
        system.run(["no-such-program"])


def test_a_missing_directory_is_not_taken_for_a_missing_program(tmp_path: Path) -> None:
    with pytest.raises(CouldNotRun, match=r"the directory .*gone does not exist"):
        system.run([PYTHON, "-c", ""], cwd=tmp_path / "gone")


def test_a_program_has_no_standard_input_unless_it_is_given_one() -> None:
    read = "import sys; print(repr(sys.stdin.read()))"

    assert python(read).output == "''\n"
    assert python(read, given=b"some bytes").output == "'some bytes'\n"
    asking = f"import sys; from hephaestus import system; print(system.run([sys.executable, '-c', {read!r}]).output)"
    ours = subprocess.run([PYTHON, "-c", asking], input="a password", capture_output=True, text=True, check=True)
    assert ours.stdout == "''\n\n", "what is typed is for us and not for the programs we start"


def test_bytes_that_are_no_utf8_are_neither_lost_nor_an_error() -> None:
    done = python("import sys; sys.stdout.buffer.write(b'\\xff\\xfe')")

    assert done.output.encode("utf-8", "surrogateescape") == b"\xff\xfe"


def test_each_line_is_handed_on_as_it_comes_with_standard_error_among_them(tmp_path: Path) -> None:
    heard: list[str] = []
    answer = tmp_path / "answer"
    os.mkfifo(answer)

    def hear(line: str) -> None:
        heard.append(line)
        if line == "asks":  # the program waits for this: a line that came only at its end would hang it
            answer.write_text("go on")

    program = f"import sys; print('asks', flush=True); print(open({str(answer)!r}).read(), file=sys.stderr)"
    done = python(program, on_line=hear)

    assert heard == ["asks", "go on"]
    assert done.output == "asks\ngo on\n"


def test_a_program_is_ended_when_what_listens_to_it_raises(tmp_path: Path) -> None:
    written = tmp_path / "pid"
    program = f"import os, pathlib; pathlib.Path({str(written)!r}).write_text(str(os.getpid())); print('x', flush=True)"

    def hear(_line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        python(program, on_line=hear)

    with pytest.raises(ProcessLookupError):
        os.kill(int(written.read_text()), 0)


def test_what_points_to_another_repository_or_interpreter_is_not_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    foreign = {
        "GIT_DIR": "/x",
        "GIT_INDEX_FILE": "/x",
        "VIRTUAL_ENV": "/x",
        "PYTHONHOME": "/x",
        "NOX_CURRENT_SESSION": "t",
    }
    for name, value in {**foreign, "KEPT": "yes", "GIT_AUTHOR_NAME": "Robin"}.items():
        monkeypatch.setenv(name, value)

    inherited = system.environment({"ADDED": "1"})

    assert not foreign.keys() & inherited.keys()
    assert (inherited["KEPT"], inherited["GIT_AUTHOR_NAME"], inherited["ADDED"]) == ("yes", "Robin", "1")


def test_a_program_that_inherits_nothing_has_what_it_is_given_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_TOKEN", "hunter2")
    show = "import os; print('A_TOKEN' in os.environ, os.environ.get('ADDED'))"

    assert python(show, extra={"ADDED": "1"}).output == "True 1\n"
    assert python(show, extra={"ADDED": "1"}, inherit=False).output == "False 1\n"


def test_git_asks_nothing_where_there_is_no_terminal_and_the_user_may_say_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert system.environment()["GIT_TERMINAL_PROMPT"] == "0"

    monkeypatch.setenv("GIT_TERMINAL_PROMPT", "1")
    assert system.environment()["GIT_TERMINAL_PROMPT"] == "1"


def test_a_program_beside_this_python_wins_over_one_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    imposter = tmp_path / Path(PYTHON).name
    imposter.write_text("#!/bin/sh\n")
    imposter.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert system.program(Path(PYTHON).name) == PYTHON
    assert system.program("no-such-program") is None


# Files


def test_replacing_a_file_keeps_its_mode(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_bytes(b"old")
    script.chmod(0o751)

    system.write(script, b"new")

    assert script.read_bytes() == b"new"
    assert stat.S_IMODE(script.stat().st_mode) == 0o751


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_is_as_open_as_the_user_wants_new_files_to_be(tmp_path: Path, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        system.write(tmp_path / "written", b"x")
        system.copy(tmp_path / "written", tmp_path / "copied")
        assert os.umask(mask) == mask
    finally:
        os.umask(before)

    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("written", "copied")} == {mode}


def test_a_write_that_fails_leaves_the_old_bytes_and_nothing_beside_them(tmp_path: Path) -> None:
    target = tmp_path / "taken"
    target.mkdir()
    (target / "inside").write_text("kept")

    with pytest.raises(OSError, match="taken"):
        system.write(target, b"new")

    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
    assert (target / "inside").read_text() == "kept"


def test_a_reader_sees_the_old_bytes_or_the_new_ones_and_never_less(tmp_path: Path) -> None:
    file = tmp_path / "file"
    states = {bytes([65 + n]) * 200_000 for n in range(20)}
    system.write(file, b"A" * 200_000)
    seen: set[bytes] = set()
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            seen.add(file.read_bytes())

    reader = threading.Thread(target=look)
    reader.start()
    for state in sorted(states):
        system.write(file, state)
    stop.set()
    reader.join()

    assert seen <= states


def test_a_copy_is_the_same_bytes_and_says_their_hash(tmp_path: Path) -> None:
    data = os.urandom(3 << 20)
    (tmp_path / "a").write_bytes(data)

    said = system.copy(tmp_path / "a", tmp_path / "b")

    assert (tmp_path / "b").read_bytes() == data
    assert said == hashlib.sha256(data).hexdigest() == system.digest(tmp_path / "b")


def test_a_copy_of_nothing_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        system.copy(tmp_path / "missing", tmp_path / "b")

    assert list(tmp_path.iterdir()) == []


@given(parts=st.lists(st.binary(max_size=50), max_size=5), cut=st.integers(0, 20))
@pytest.mark.slow
def test_appending_adds_to_the_end_and_cutting_takes_from_it(
    tmp_path_factory: pytest.TempPathFactory, parts: list[bytes], cut: int
) -> None:
    file = tmp_path_factory.mktemp("append") / "file"
    for part in parts:
        system.append(file, part)
    whole = b"".join(parts)
    if parts:
        system.truncate(file, min(cut, len(whole)))
        assert file.read_bytes() == whole[:cut]


def test_removing_takes_a_tree_with_write_protected_files_and_what_is_not_there(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "deep").mkdir(parents=True)
    (tree / "deep" / "object").write_text("x")
    (tree / "deep" / "object").chmod(0o400)
    (tmp_path / "file").write_text("x")

    for path in (tree, tmp_path / "file", tmp_path / "never-there"):
        system.remove(path)

    assert list(tmp_path.iterdir()) == []


def test_removing_a_link_to_a_directory_leaves_the_directory(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "kept")

    system.remove(tmp_path / "link")

    assert not (tmp_path / "link").is_symlink()
    assert (tmp_path / "kept" / "file").read_text() == "x"


# Locks

HOLD = """
import sys, pathlib
from hephaestus import system
with system.lock(pathlib.Path(sys.argv[1]), "busy"):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(path: Path) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [PYTHON, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_lock_that_another_process_holds_is_refused_with_the_command_that_shows_who(tmp_path: Path) -> None:
    path = tmp_path / "a place" / "lock"
    with holder(path), pytest.raises(Busy) as caught, system.lock(path, "somebody is at it"):
        pass

    assert caught.value.message == "somebody is at it"
    assert caught.value.hint == f"fuser -v '{path}'"


def test_a_killed_process_leaves_its_lock_free(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with holder(path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()

        with system.lock(path, "busy"):
            pass


@pytest.mark.slow
def test_who_waits_for_a_lock_gets_it_when_it_is_free_and_says_that_it_waits(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "lock"
    caplog.set_level(logging.INFO, "hephaestus")
    got = threading.Event()

    def wait() -> None:
        with system.lock(path, "somebody is at it", wait=True):
            got.set()

    with holder(path) as process:
        waiting = threading.Thread(target=wait)
        waiting.start()
        assert not got.wait(0.3)
        process.communicate("")
        waiting.join(10)

    assert got.is_set()
    assert "waiting: somebody is at it" in caplog.text


def test_a_program_that_was_handed_the_lock_holds_it_after_its_parent_is_dead(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    parent = f"""
import os, pathlib, subprocess, sys
from hephaestus import system
with system.lock(pathlib.Path({str(path)!r}), "busy") as held:
    system.run([sys.executable, "-c", "print('on', flush=True); open({str(tmp_path / "go")!r}).read()"],
               keep_open=(held,), on_line=lambda line: print(line, flush=True))
"""
    os.mkfifo(tmp_path / "go")
    with subprocess.Popen([PYTHON, "-c", parent], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "on\n"
        process.kill()
        process.wait()
        with pytest.raises(Busy), system.lock(path, "busy"):
            pass

        (tmp_path / "go").write_text("end")
        with system.lock(path, "busy", wait=True):
            pass


# Places and time


def test_work_is_kept_outside_every_checkout_under_the_users_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    assert system.area("acorn-1") == tmp_path / "cache" / "hephaestus" / "acorn-1"


def test_the_time_is_utc_and_whole_seconds() -> None:
    now = system.now()

    assert now.tzinfo is UTC
    assert now.microsecond == 0


def test_a_pause_waits() -> None:
    import time

    begin = time.monotonic()
    system.pause(0.02)

    assert time.monotonic() - begin >= 0.02
