"""The program `hephaestus`: it does what was asked, or says in one clear error why not."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from invoke.collection import Collection
from invoke.tasks import Task

from hephaestus import __version__, system, tasks
from hephaestus.program import fold, program
from places import Place

TASKS = (
    "advisory", "announce", "build", "bump", "changelog", "checklist", "cleanup", "doctor", "drift", "gates",
    "guard-rails", "hotfix", "plan", "publish", "rehearse", "release", "release install", "rollback", "status", "tag", "verify", "wheelhouse",
)  # fmt: skip

# Invoke empties these when it parses a command line, of which a process has only one.
WRITTEN = [(task, dict(task.help)) for task in vars(tasks).values() if isinstance(task, Task)]

HINT = re.compile(r"\Aerror: (?P<said>.+)\n\nhint: (?P<hint>hephaestus .+)\n\Z")


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that is no project, where nothing can be released."""
    (tmp_path / "nowhere").mkdir()
    monkeypatch.chdir(tmp_path / "nowhere")
    return tmp_path / "nowhere"


def asked(capfd: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Run the program in this process; return its exit code and what it wrote."""
    for task, told in WRITTEN:
        task.help = dict(told)
    code = 0
    try:
        program().run(["hephaestus", *words])
    except SystemExit as ended:
        code = int(ended.code or 0)
    return (code, *capfd.readouterr())


def misunderstood(capfd: pytest.CaptureFixture[str], *words: str) -> tuple[str, str]:
    """Return message and hint for a command line that is refused as such."""
    code, out, err = asked(capfd, *words)
    found = HINT.match(err)

    assert (code, out) == (2, "")
    assert found, err
    return found["said"], found["hint"]


# What it understands


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_the_version_is_answered(flag: str) -> None:
    done = subprocess.run([sys.executable, "-m", "hephaestus", flag], capture_output=True, text=True, check=True)

    assert (done.stdout, done.stderr) == (f"hephaestus {__version__}\n", "")


def test_the_version_is_answered_before_anything_heavy_is_loaded() -> None:
    ask = (
        "import sys; sys.argv = ['hephaestus', '--version']; before = set(sys.modules); "
        "from hephaestus.cli import main; main(); print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[1] == "hephaestus hephaestus.cli"


def test_without_words_it_shows_its_help(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = asked(capfd)

    assert (code, err) == (0, "")
    assert out == asked(capfd, "--help")[1]
    assert out.startswith("Usage: hephaestus ")


@pytest.mark.parametrize("words", [["--list"], ["-l"], ["--help"]])
def test_it_lists_its_tasks_as_they_are_written(capfd: pytest.CaptureFixture[str], words: Sequence[str]) -> None:
    _, out, _ = asked(capfd, *words)
    listed = re.findall(r"^  ([\w-]+(?: install)?)   +[A-Z]", out.partition("Subcommands:")[2], re.MULTILINE)

    assert tuple(listed) == TASKS


@pytest.mark.parametrize("task", TASKS)
def test_each_task_says_what_it_does_in_eighty_columns(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    after, before = asked(capfd, *task.split(), "--help"), asked(capfd, "--help", *task.split())

    assert after == before
    assert after[0] == 0
    lines = after[1].splitlines()
    assert lines[0] == f"Usage: hephaestus {task} [--options]"
    assert max(map(len, lines)) <= 80
    assert re.match(r"[A-Z].+\.$", lines[2])
    assert re.search(r"^  --json   +\S", after[1], re.MULTILINE)


@pytest.mark.parametrize("task", ["plan", "rehearse", "release", "release install", "rollback"])
def test_the_examples_of_a_task_can_be_pasted(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, nowhere: Path, task: str
) -> None:
    monkeypatch.setattr(system, "pause", lambda _seconds: None)
    monkeypatch.setenv("GITHUB_SERVER_URL", "http://127.0.0.1:1")  # where nobody answers
    examples = re.findall(r"^    (hephaestus .+)$", asked(capfd, "--help", *task.split())[1], re.MULTILINE)

    assert examples
    for example in examples:
        code, _, err = asked(capfd, *shlex.split(example)[1:])
        # They are understood: what is wrong is the place, and nothing of the words.
        assert code == (5 if "OWNER/NAME" in example else 2)
        assert "git repository" in err or "has no release" in err or "cannot be reached" in err
    assert list(nowhere.iterdir()) == []


def test_release_install_is_the_task_below_release(capfd: pytest.CaptureFixture[str], nowhere: Path) -> None:
    words = ("--repository", str(nowhere), "--tag", "v1")

    assert asked(capfd, "release", "install", *words) == asked(capfd, "release.install", *words)
    assert asked(capfd, "--dry", "release", "install", *words)[2] == f"would install v1 from {nowhere}\n"


@pytest.mark.parametrize(
    ("words", "folded"),
    [
        (["release", "install"], ["release.install"]),
        (["--dry", "release", "install", "--tag", "x"], ["--dry", "release.install", "--tag", "x"]),
        (["--help", "release", "install"], ["--help", "release.install"]),
        (["release"], None),
        ([], None),
        (["release", "--version", "install"], None),
        (["release", "--version", "release", "install"], None),
        (["rollback", "--version", "release", "install"], None),
        (["release", "instal"], None),
        (["release", "run.install"], None),
        (["status", "release", "install"], None),
    ],
)
def test_only_the_first_two_words_become_one_task(words: list[str], folded: list[str] | None) -> None:
    assert fold(words, tasks.namespace()) == (words if folded is None else folded)


def test_words_are_left_alone_where_there_are_no_groups() -> None:
    assert fold(["release", "install"], Collection()) == ["release", "install"]


@pytest.mark.parametrize(
    ("line", "offered", "other"),
    [
        ("hephaestus release install -", "--repository", "--skip-gate"),
        ("hephaestus release -", "--skip-gate", "--repository"),
        ("hephaestus rel", "release.install", "--dry"),
        ("hephaestus -", "--dry", "--skip-gate"),
    ],
)
def test_a_shell_is_told_what_could_come_next(
    capfd: pytest.CaptureFixture[str], line: str, offered: str, other: str
) -> None:
    code, out, err = asked(capfd, "--complete", "--", *line.split())

    assert (code, err) == (0, "")
    assert offered in out.split()
    assert other not in out.split()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_be_taught_to_complete(capfd: pytest.CaptureFixture[str], shell: str) -> None:
    script = asked(capfd, "--print-completion-script", shell)[1]

    assert "hephaestus" in script
    assert "--complete" in script


# What it does not understand


@pytest.mark.parametrize(
    ("words", "said", "hint"),
    [
        ("nope", "hephaestus does not understand 'nope'", "hephaestus --help"),
        ("--nope", "hephaestus does not understand '--nope'", "hephaestus --help"),
        ("--help nope", "hephaestus does not understand 'nope'", "hephaestus --help"),
        ("release instal", "release does not understand 'instal'", "hephaestus release --help"),
        ("release install --nope", "release install does not understand '--nope'", "hephaestus release install --help"),
        ("release install /srv", "release install does not understand '/srv'", "hephaestus release install --help"),
        ("release 1.1.0", "release does not understand '1.1.0'", "hephaestus release --help"),
        ("release --version", "release: --version needs a value", "hephaestus release --help"),
        ("release --yes --version", "release: --version needs a value", "hephaestus release --help"),
        ("release --version 1.1.0 --until", "release: --until needs a value", "hephaestus release --help"),
        ("release --yes --skip-gate --version 1.1.0", "release: --skip-gate needs a value", "hephaestus release --help"),
        ("release --skip-gate a --skip-gate", "release: --skip-gate needs a value", "hephaestus release --help"),
        ("release --yes=no --version 1.1.0", "release does not understand 'no'", "hephaestus release --help"),
        ("release --ver 1.1.0", "release does not understand '--ver'", "hephaestus release --help"),
        ("release install", "release install needs --repository", "hephaestus release install --repository /srv/releases"),
        ("release install --repository", "release install: --repository needs a value", "hephaestus release install --help"),
        ("rollback --yess --version 1.1.0", "rollback does not understand '--yess'", "hephaestus rollback --help"),
        ("rollback --yes", "rollback needs --version", "hephaestus rollback --version 1.4.0"),
        ("rehearse", "rehearse needs --version", "hephaestus rehearse --version 1.4.0"),
        ("changelog", "changelog needs --version", "hephaestus changelog --version 1.4.0"),
        ("gates --version", "gates does not understand '--version'", "hephaestus gates --help"),
        ("status -V", "status does not understand '--version'", "hephaestus status --help"),
        ("status --list", "status does not understand '--list'", "hephaestus status --help"),
        ("-D x --list", "hephaestus does not understand '-D'", "hephaestus --help"),
        ("-f nothing status", "hephaestus does not understand '-f'", "hephaestus --help"),
        ("status --echo", "status does not understand '--echo'", "hephaestus status --help"),
    ],
)  # fmt: skip
def test_what_it_does_not_understand_is_one_error_with_a_command(
    capfd: pytest.CaptureFixture[str], nowhere: Path, words: str, said: str, hint: str
) -> None:
    assert misunderstood(capfd, *words.split()) == (said, hint)
    assert list(nowhere.iterdir()) == []


@pytest.mark.parametrize("words", ["--list nope", "--print-completion-script csh"])
def test_a_wrong_value_of_its_own_options_is_an_error_as_well(capfd: pytest.CaptureFixture[str], words: str) -> None:
    assert misunderstood(capfd, *words.split())[1] == "hephaestus --help"


SLIPS = (
    "release",
    "release install",
    "release instal --repository R",
    "release install --yes",
    "release install --version 1.1.0",
    "release install --repository release",
    "release --version install --yes",
    "release --part install --yes",
    "release --until install --version 1.1.0 --yes",
    "release --because --version 1.1.0 --yes",
    "release --yes --current --version 1.1.0",
    "release --yes --skip-gate --version 1.1.0",
    "--yes release --version 1.1.0",
    "install release --version 1.1.0",
    "release release.install --repository R",
    "release.install release --version 1.1.0 --yes",
)


@pytest.mark.slow
def test_no_slip_of_the_fingers_starts_a_release(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, place: Place
) -> None:
    monkeypatch.chdir(place.root)
    before = place.snapshot()
    for words in SLIPS:
        code, out, err = asked(capfd, *words.split())

        assert (words, code, out) == (words, 2, "")
        assert re.fullmatch(r"error: .+\n\nhint: (?:hephaestus|invoke|ls|python) .+\n", err), words
        assert not list((place.root / ".git" / "hephaestus").rglob("*.jsonl")), words
    assert place.snapshot() == before


# How it ends


@pytest.mark.parametrize(
    "words", ["nope --json", "build --nope --json", "status --json", "release --json", "rollback --json"]
)
def test_a_program_that_asks_for_json_gets_one_document_for_every_error(
    capfd: pytest.CaptureFixture[str], nowhere: Path, words: str
) -> None:
    code, out, err = asked(capfd, *words.split())
    told = json.loads(out)

    assert told["exit_code"] == code == 2
    assert err == f"error: {told['error']}\n\nhint: {told['hint']}\n"
    assert list(nowhere.iterdir()) == []


@pytest.mark.parametrize("words", [["--list"], ["--help"], ["release", "--help"]])
def test_a_reader_that_has_seen_enough_causes_no_traceback(words: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "hephaestus", *words], stdout=writing, stderr=subprocess.PIPE, text=True, check=False
        )
    finally:
        os.close(writing)

    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.slow
def test_a_directory_nobody_may_write_to_is_no_traceback(place: Place) -> None:
    # A file where the directory should be is refused to everybody, to root as well.
    (place.root / ".git" / "hephaestus").write_text("")
    done = place.hephaestus("release", "--version", "1.1.0", "--until", "tag", "--json")

    told = json.loads(done.stdout)
    assert done.returncode == told["exit_code"] == 5
    assert str(place.root / ".git" / "hephaestus") in told["error"]
    assert told["hint"].startswith("ls -ld ")
    assert "Traceback" not in done.stderr


def paused(place: Place, command: list[str]) -> subprocess.Popen[str]:
    """Start a command that makes a commit, and come back when it is in the middle of that."""
    for name in ("here", "go"):
        os.mkfifo(place.root / ".git" / name)
    hook = place.root / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\necho here > {place.root}/.git/here\nread go < {place.root}/.git/go\n")
    hook.chmod(0o755)
    process = subprocess.Popen(
        command, cwd=place.root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    assert (place.root / ".git" / "here").read_text() == "here\n"
    return process


@pytest.mark.parametrize("door", ["hephaestus", pytest.param("invoke", marks=pytest.mark.slow)])
def test_ctrl_c_ends_in_a_word_how_to_go_on(place: Place, door: str) -> None:
    place.commit("tasks.py", "from hephaestus import ns\n")
    place.git("push", "--quiet")
    words = ["release", "--version", "1.1.0", "--until", "tag", "--json"]
    process = paused(place, [sys.executable, "-m", door, *words])
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate()

    assert process.returncode == 130
    assert json.loads(out) == {
        "error": "interrupted; the same command goes on from here",
        "hint": "hephaestus status",
        "exit_code": 130,
    }
    assert err.endswith("error: interrupted; the same command goes on from here\n\nhint: hephaestus status\n")
    assert "Traceback" not in err
    (place.root / ".git" / "hooks" / "pre-commit").unlink()
    assert place.hephaestus(*words).returncode == 0


def test_ctrl_c_before_anything_has_begun_is_no_traceback() -> None:
    interrupt = (
        "import sys\n"
        "class Impatient:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'hephaestus.program': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Impatient())\n"
        "from hephaestus.cli import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", interrupt], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
