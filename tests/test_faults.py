"""The faults at which release tools are measured, that are not the remote's: each ends clean, and once mended, well."""

import contextlib
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hephaestus.errors import ChecksFailed, CommandFailed, CouldNotRun, GateFailed
from worlds import TAG, UNREACHABLE, back, go, hidden, made, record, script

GATED = """\
import nox


@nox.session(tags=["gate"], venv_backend="none")
def stands(session):
    session.run("test", "-e", {path!r}, external=True)
"""


def problem(caught):
    (found,) = caught.value.problems
    return found


def says_its_version(place):
    """Tell whether the release commit that waits holds the new version, on what was checked out."""
    commit, _ = made(place)
    assert place.git("rev-parse", f"{commit}^") == place.git("rev-parse", "HEAD")
    return '__version__ = "1.1.0"' in place.git("show", f"{commit}:src/acorn/__init__.py")


@contextlib.contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """Let the system refuse to write more than so many bytes to any file, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.slow
def test_a_changed_file_is_found_before_anything_is_done(place):
    (place.root / "src/acorn/leaves.py").write_text("COLOUR = 'red'\n")
    before = place.snapshot()

    with pytest.raises(ChecksFailed) as caught:
        go(place, "tag")

    assert "src/acorn/leaves.py" in problem(caught).message
    assert problem(caught).hint == "git stash"
    assert place.snapshot() == before
    place.git("stash", "--quiet")
    go(place, "tag")
    assert says_its_version(place)
    assert place.git("stash", "list")


@pytest.mark.slow
def test_an_untracked_file_is_neither_released_nor_touched(place):
    (place.root / "notes.txt").write_text("mine\n")
    before = hidden(place.snapshot())

    go(place, "tag")

    assert hidden(place.snapshot()) == before
    assert "notes.txt" not in place.git("ls-tree", "-r", "--name-only", made(place)[0]).splitlines()
    back(place)
    assert hidden(place.snapshot()) == before


@pytest.mark.slow
def test_a_branch_behind_its_remote_is_found_before_anything_is_done_and_the_hint_mends_it(place):
    clone = place.clone("other")
    clone.commit("fruit.txt", "an acorn\n", "feat: Bear fruit")
    clone.git("push", "--quiet", "origin", "main")
    before = place.snapshot()

    with pytest.raises(ChecksFailed) as caught:
        go(place, "tag")

    assert "main is behind origin/main" in problem(caught).message
    assert place.snapshot() == before
    assert problem(caught).hint == "git pull --ff-only origin main"
    place.git("pull", "--quiet", "--ff-only", "origin", "main")
    go(place, "tag")
    assert says_its_version(place)
    assert place.git("show", f"{made(place)[0]}:fruit.txt") == "an acorn"


@pytest.mark.slow
def test_a_tag_on_the_remote_that_the_clone_does_not_know_is_found_before_anything_is_done(place):
    place.git("push", "--quiet", "origin", f"v1.0.0:refs/tags/{TAG}")
    before = place.snapshot()

    with pytest.raises(ChecksFailed) as caught:
        go(place, "tag")

    assert f"the tag {TAG} exists on origin" in problem(caught).message
    assert f"git fetch origin tag {TAG}" in problem(caught).hint
    assert place.snapshot() == before


@pytest.mark.slow
@pytest.mark.parametrize("fault", UNREACHABLE.values(), ids=UNREACHABLE)
def test_a_remote_that_cannot_be_reached_is_found_before_anything_is_done(place, fault):
    before = hidden(place.snapshot())
    fault.begin(place)

    with pytest.raises(ChecksFailed) as caught:
        go(place, "tag")

    assert "the remote origin does not answer" in problem(caught).message
    assert record(place) is None
    fault.mend(place)
    assert hidden(place.snapshot()) == before
    go(place, "tag")
    assert says_its_version(place)


@pytest.mark.slow
def test_without_an_identity_nothing_is_done_and_the_hint_mends_it(place):
    configuration = Path(os.environ["GIT_CONFIG_GLOBAL"])
    configuration.write_text("[user]\n\tuseConfigOnly = true\n")
    before = place.snapshot()

    with pytest.raises(ChecksFailed) as caught:
        go(place, "tag")

    assert problem(caught).message == "git does not know who the author is"
    assert place.snapshot() == before
    subprocess.run(problem(caught).hint, shell=True, cwd=place.root, check=True)
    go(place, "tag")
    assert place.git("log", "-1", "--format=%an <%ae>", made(place)[0]) == "Your Name <you@example.org>"


@pytest.mark.slow
def test_a_commit_hook_that_says_no_stops_the_release_and_once_mended_the_same_command_goes_on(place):
    hook = script(place.root / ".git" / "hooks" / "pre-commit", 'echo "no commits on Fridays" >&2; exit 1')
    before = hidden(place.snapshot())

    with pytest.raises(CommandFailed, match="no commits on Fridays") as caught:
        go(place, "tag")

    assert "nothing is public" in caught.value.message
    assert "git hook run pre-commit" in str(caught.value.hint)
    assert hidden(place.snapshot()) == before
    hook.unlink()
    go(place, "tag")
    assert says_its_version(place)
    assert hidden(place.snapshot()) == before


@pytest.mark.slow
def test_a_gate_that_fails_stops_the_release_and_once_mended_the_same_command_goes_on(place):
    flag = place.root.parent / "flag"
    place.commit("noxfile.py", GATED.format(path=str(flag)), "test: Ask for a flag")
    place.git("push", "--quiet")
    before = hidden(place.snapshot())

    with pytest.raises(GateFailed, match="stands: failed") as caught:
        go(place)

    assert "nothing is public" in caught.value.message
    assert hidden(place.snapshot()) == before
    assert place.drafts() == []
    flag.touch()
    assert go(place).state == "released"
    assert place.git("rev-parse", "HEAD") == place.remote_refs()["refs/heads/main"]
    assert place.git("rev-list", "--count", "v1.0.0..HEAD") == "3"


@pytest.mark.slow
def test_a_changelog_that_cannot_be_written_is_neither_cut_nor_lost(place):
    long = (place.root / "CHANGELOG.md").read_text() + "\n" + "x" * 200_000 + "\n"
    place.commit("CHANGELOG.md", long, "docs: Tell a long story")
    place.git("push", "--quiet")
    before = hidden(place.snapshot())

    # As large as it is, and not a heading larger.
    with files_no_larger_than(len(long)), pytest.raises(OSError, match="File too large"):
        go(place, "tag")

    assert hidden(place.snapshot()) == before
    go(place, "tag")
    assert says_its_version(place)
    assert place.git("show", f"{made(place)[0]}:CHANGELOG.md").count("x" * 200_000) == 1
    back(place)
    assert hidden(place.snapshot()) == before


@pytest.mark.slow
@pytest.mark.parametrize("room", [0, 20, 300])
def test_a_journal_that_cannot_be_written_is_cut_where_it_was_whole(place, room):
    before = hidden(place.snapshot())
    go(place, "stage")
    facts = record(place)
    assert facts is not None
    # Long before anything else would reach that size.
    facts.waive("stands", "x" * 200_000)

    with files_no_larger_than(facts.path.stat().st_size + room), pytest.raises(OSError, match="File too large"):
        go(place, "tag")

    assert hidden(place.snapshot()) == before
    assert go(place, "tag").state == "stopped"
    assert says_its_version(place)
    done = record(place)
    assert done is not None
    assert done.facts == facts.facts
    assert [line["done"] for line in done.records if "done" in line] == ["stage", "bump", "changelog", "commit", "tag"]
    back(place)
    assert hidden(place.snapshot()) == before


def full_disk(place, at: Path, size: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the program where a directory is a file system of that size, and forget what was written to it."""
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed")
    at.mkdir(parents=True, exist_ok=True)
    mounted = 'mount -t tmpfs -o "size=$1" tmpfs "$2" || exit 77; shift 2; exec "$@"'
    command = ["unshare", "--mount", "--map-root-user", "sh", "-c", mounted, "sh", size, str(at)]
    done = subprocess.run(
        [*command, sys.executable, "-m", "hephaestus", *words],
        cwd=place.root,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 77 or "unshare: " in done.stderr:
        pytest.skip("this machine does not let us mount")
    return done


@pytest.mark.slow
@pytest.mark.parametrize("size", ["4k", "64k"])
def test_a_full_disk_under_the_stage_is_one_clear_error_and_leaves_the_clone_as_it_was(place, size, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(place.root.parent / "cache"))
    before = hidden(place.snapshot())

    full = full_disk(place, place.root.parent / "cache", size, "release", "--version", "1.1.0", "--until", "tag")

    assert full.returncode in {CommandFailed.exit_code, CouldNotRun.exit_code}, full.stderr
    assert "error: " in full.stderr
    assert "hint: " in full.stderr
    assert "Traceback" not in full.stderr
    assert hidden(place.snapshot()) == before
    go(place, "tag")
    assert says_its_version(place)
    back(place)
    assert hidden(place.snapshot()) == before


@pytest.mark.slow
def test_a_full_disk_under_the_journal_is_one_clear_error_and_nothing_is_begun(place):
    before = place.snapshot()
    home = place.root / ".git" / "hephaestus"
    home.mkdir()

    full = full_disk(
        place,
        home,
        "4k",
        "release",
        "--version",
        "1.1.0",
        "--until",
        "tag",
        *["--skip-gate", "stands"],
        "--because",
        "x" * 9000,
    )

    assert full.returncode == CouldNotRun.exit_code, full.stderr
    assert "No space left on device" in full.stderr
    assert "Traceback" not in full.stderr
    assert hidden(place.snapshot()) == hidden(before)
