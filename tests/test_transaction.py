"""A directory is made or changed as a whole, whatever goes wrong and whenever the process is killed."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hephaestus import transaction
from hephaestus.errors import Busy, CouldNotRun, UsageError

WORK = """
import os, pathlib, signal, sys
from hephaestus import transaction
root = pathlib.Path(sys.argv[2])
with transaction.held(root):
    with getattr(transaction, sys.argv[1])(root):
        {body}
"""
KILL = "os.kill(os.getpid(), signal.SIGKILL)"


def state(root: Path) -> dict[str, str]:
    """Return all that is beside and below a directory: names, bytes, modes and where links point."""
    found = {}
    for path in sorted(root.parent.rglob("*")):
        what = str(path.readlink()) if path.is_symlink() else path.read_text() if path.is_file() else "directory"
        found[str(path.relative_to(root.parent))] = f"{path.lstat().st_mode:o} {what}"
    return found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A directory with files, an executable and links in it."""
    root = tmp_path / "place" / "environment [1]"
    (root / "lib").mkdir(parents=True)
    (root / "lib" / "leaf.py").write_text("green")
    (root / "lib" / "program").write_text("#!/bin/sh\n")
    (root / "lib" / "program").chmod(0o755)
    (root / "lib64").symlink_to("lib")
    (root / "nowhere").symlink_to("/no/such/place")
    return root


def replace(file: Path, text: str) -> None:
    """Write a file as installers do, and not into what is there."""
    file.unlink(missing_ok=True)
    file.write_text(text)


def killed(what: str, root: Path, body: str) -> None:
    """Let a process be killed in the middle of making or changing a directory."""
    program = WORK.format(body=f"{body}; {KILL}")
    done = subprocess.run([sys.executable, "-c", program, what, root], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


def is_free(root: Path) -> bool:
    try:
        with transaction.held(root):
            return True
    except Busy:
        return False


def test_what_was_changed_stays_and_nothing_else_is_left(root: Path) -> None:
    with transaction.held(root), transaction.changed(root):
        replace(root / "lib" / "leaf.py", "red")

    assert (root / "lib" / "leaf.py").read_text() == "red"
    assert [path.name for path in root.parent.iterdir()] == [root.name]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_fails_half_way_is_put_back(root: Path, error: type[BaseException]) -> None:
    before = state(root)

    def fail() -> None:
        with transaction.held(root), transaction.changed(root):
            replace(root / "lib" / "leaf.py", "red")
            (root / "lib" / "program").unlink()
            (root / "new").mkdir()
            (root / "lib64").unlink()
            raise error

    with pytest.raises(error):
        fail()
    assert state(root) == before


def test_what_was_killed_half_way_is_put_back_by_the_next_who_comes(root: Path) -> None:
    before = state(root)
    killed("changed", root, "(root / 'lib' / 'leaf.py').unlink(); (root / 'new').mkdir()")
    assert state(root) != before

    with transaction.held(root):
        assert state(root) == before


def test_what_was_killed_while_it_was_put_back_is_put_back_all_the_same(root: Path) -> None:
    before = state(root)
    killed("changed", root, "import shutil; shutil.rmtree(root)")
    assert not root.exists()

    with transaction.held(root):
        assert state(root) == before


def test_a_kept_copy_that_is_not_whole_is_not_used(root: Path) -> None:
    before = state(root)
    program = f"import shutil; shutil.copy2 = os.link = lambda *_, **__: {KILL}\n"
    done = subprocess.run(
        [sys.executable, "-c", WORK.format(body="pass").replace("\nroot", f"\n{program}root", 1), "changed", root],
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert len(list(root.parent.iterdir())) == 2

    with transaction.held(root):
        assert state(root) == before


def test_where_nothing_can_be_kept_nothing_is_changed(root: Path) -> None:
    with pytest.raises(CouldNotRun, match="cannot be kept"), transaction.changed(root.with_name("gone")):
        pytest.fail("it goes on without a way back")

    assert [path.name for path in root.parent.iterdir()] == [root.name]


def test_a_new_directory_that_fails_takes_its_parents_with_it(tmp_path: Path) -> None:
    root = tmp_path / "deep" / "down" / "new"

    def fail() -> None:
        with transaction.held(root), transaction.made(root):
            (root / "file").write_text("half")
            raise ValueError("half")

    with pytest.raises(ValueError, match="half"):
        fail()
    assert list(tmp_path.iterdir()) == []

    with transaction.held(root), transaction.made(root):
        (root / "file").write_text("whole")
    assert [path.name for path in root.parent.rglob("*")] == ["new", "file"]


def test_a_new_directory_that_was_killed_half_way_is_removed_by_the_next_who_comes(tmp_path: Path) -> None:
    root = tmp_path / "new"
    killed("made", root, "(root / 'half').mkdir()")
    assert root.exists()

    with transaction.held(root), transaction.made(root):
        assert not (root / "half").exists()


@pytest.mark.parametrize("what", ["made", "changed"])
def test_what_somebody_made_in_place_of_a_half_finished_directory_is_theirs(root: Path, what: str) -> None:
    if what == "made":
        shutil.rmtree(root)
    killed(what, root, "(root / 'half').mkdir()")
    shutil.rmtree(root)
    root.mkdir()
    (root / "mine").write_text("mine")

    with transaction.held(root):
        assert [path.name for path in root.parent.rglob("*")] == [root.name, "mine"]


@pytest.mark.parametrize("there", ["file", "directory", "dangling link"])
def test_what_is_there_is_not_made_anew(tmp_path: Path, there: str) -> None:
    root = tmp_path / "there"
    if there == "directory":
        root.mkdir()
    elif there == "file":
        root.touch()
    else:
        root.symlink_to("nowhere")

    with pytest.raises(UsageError, match="exists already"), transaction.held(root), transaction.made(root):
        pytest.fail("it is overwritten")
    assert os.path.lexists(root)


def test_what_a_killed_removal_left_is_removed_by_the_next_who_comes(root: Path) -> None:
    killed("changed", root, f"import shutil; shutil.rmtree = lambda *_, **__: {KILL}; raise ValueError")
    assert len(list(root.parent.iterdir())) == 2

    with transaction.held(root):
        assert [path.name for path in root.parent.iterdir()] == [root.name]


def test_where_nothing_can_be_made_the_error_names_the_place(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    root = tmp_path / "file" / "new"

    with pytest.raises(CouldNotRun, match="cannot be made") as caught, transaction.held(root), transaction.made(root):
        pytest.fail("there is no such place")
    assert caught.value.hint == f"ls -ld {tmp_path / 'file'}"


def test_two_at_once_are_one_too_many(root: Path) -> None:
    program = WORK.format(body="print('holding', flush=True); sys.stdin.read()")
    command = [sys.executable, "-c", program, "changed", str(root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"holding\n"

        with pytest.raises(Busy), transaction.held(root):
            pytest.fail("two at once")
        other.kill()


@pytest.mark.parametrize("what", ["made", "changed"])
def test_what_looks_half_finished_but_was_not_begun_here_is_somebodys_own(root: Path, what: str) -> None:
    begun = root.with_name("begun")
    killed("made", begun, "pass")
    [mark] = [path.name for path in begun.iterdir()]
    shutil.rmtree(begun)
    (root / mark).touch()
    (root / ".unfinished").touch()
    for name in ("kept", "begun", "gone-1", "0123456789abcdef.kept"):
        (root.parent / f".{root.name}.{name}").mkdir()
        (root.parent / f".{root.name}.{name}" / "mine").write_text("mine")
    if what == "made":
        shutil.rmtree(root)
    before = state(root)

    with pytest.raises(ValueError, match="half"), transaction.held(root), getattr(transaction, what)(root):
        raise ValueError("half")
    assert state(root) == before


def test_a_mark_of_another_time_does_not_make_a_directory_an_unfinished_one(tmp_path: Path) -> None:
    for root in (tmp_path / "first", tmp_path / "second"):
        killed("made", root, "pass")
    [mark] = (path.name for path in (tmp_path / "first").iterdir())
    shutil.rmtree(tmp_path / "second")
    (tmp_path / "second").mkdir()
    for name in (mark, mark.rpartition(".")[0]):
        (tmp_path / "second" / name).touch()

    with transaction.held(tmp_path / "second"):
        assert len(list((tmp_path / "second").iterdir())) == 2


def test_a_change_whose_copy_somebody_removed_leaves_what_there_is(root: Path) -> None:
    killed("changed", root, "pass")
    [kept] = root.parent.glob(".*.kept")
    shutil.rmtree(kept)

    with transaction.held(root):
        assert (root / "lib" / "leaf.py").read_text() == "green"


def test_parents_that_somebody_else_uses_by_then_stay(tmp_path: Path) -> None:
    def fail() -> None:
        with transaction.made(tmp_path / "deep" / "down" / "first"):
            with transaction.made(tmp_path / "deep" / "second"):
                (tmp_path / "deep" / "second" / "mine").touch()
            raise ValueError("half")

    with pytest.raises(ValueError, match="half"):
        fail()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["deep", "mine", "second"]


@pytest.mark.parametrize("spelt", ["missing/../new", "there/../new", "new/.", "link/../new"])
def test_one_directory_is_one_however_it_is_spelt(tmp_path: Path, spelt: str) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there")
    before = sorted(tmp_path.iterdir())
    root = tmp_path / spelt

    def fail() -> None:
        with transaction.held(tmp_path / "new"), pytest.raises(Busy), transaction.held(root):
            pytest.fail("two at once")
        with transaction.held(root), transaction.made(root):
            assert (tmp_path / "new").is_dir()
            raise ValueError("half")

    with pytest.raises(ValueError, match="half"):
        fail()
    assert sorted(tmp_path.iterdir()) == before


def test_a_program_that_outlives_a_killed_process_keeps_others_away(root: Path) -> None:
    # The program ends when its input, the named pipe, does; then nobody holds the standard output any longer.
    pipe = root.parent / "pipe"
    os.mkfifo(pipe)
    program = (
        "import os, pathlib, sys\nfrom hephaestus import system, transaction\n"
        f"with transaction.held(pathlib.Path({str(root)!r})) as lock:\n"
        f"    system.run(['cat', {str(pipe)!r}], keep_open=(lock, os.dup(1)))\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as first:
        with pipe.open("w"):
            first.kill()
            first.wait()
            with pytest.raises(Busy), transaction.held(root):
                pytest.fail("two at once")
        assert first.stdout is not None
        assert first.stdout.read() == b""
    # The system may close the output of a program that ends a moment before it frees the lock.
    soon = time.monotonic() + 60
    while not is_free(root):
        assert time.monotonic() < soon
