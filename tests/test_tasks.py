"""The Invoke tasks, taken from a user's own tasks.py: what they say, return and leave alone."""

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from invoke.config import Config
from invoke.context import Context
from invoke.exceptions import Exit

import hephaestus
import wheels
import workshop
from hephaestus import tasks
from places import Place

# Every task, with what it must be given.
CALLS: dict[str, dict[str, Any]] = {
    "advisory": {"version": "1.0.0", "severity": "high", "summary": "it leaks"},
    "announce": {"version": "1.1.0"},
    "build": {},
    "bump": {"version": "1.1.0"},
    "changelog": {"version": "1.1.0"},
    "checklist": {"version": "1.1.0"},
    "cleanup": {},
    "doctor": {},
    "drift": {},
    "gates": {},
    "guard_rails": {},
    "hotfix": {"from_": "v1.0.0"},
    "install_release": {"repository": "/nowhere"},
    "plan": {"version": "1.1.0"},
    "publish": {"yes": True},
    "rehearse": {"version": "1.1.0"},
    "release": {"version": "1.1.0", "yes": True},
    "rollback": {"version": "1.0.0", "yes": True},
    "status": {},
    "tag": {},
    "verify": {},
    "wheelhouse": {},
}


@pytest.fixture
def user(place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A project whose tasks.py takes ours, and the directory to call them from."""
    place.commit("tasks.py", "from hephaestus import ns\n")
    place.git("push", "--quiet")
    monkeypatch.chdir(place.root)
    return place


def invoke(*words: str, at: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """Run plain Invoke as a user would, without a terminal."""
    command = [sys.executable, "-m", "invoke", *words]
    return subprocess.run(command, cwd=at, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def call(name: str, *, dry: bool = False, **flags: Any) -> Any:
    """Call a task as Invoke does once it has understood the command line; `dry` is its own `--dry`."""
    context = Context(Config(overrides={"run": {"dry": dry}}))
    return getattr(tasks, name)(context, **flags)


def ended(capfd: pytest.CaptureFixture[str], name: str, **flags: Any) -> tuple[int, str, str]:
    """Return the exit code of a task that fails, and what it wrote."""
    with pytest.raises(Exit) as caught:
        call(name, **flags)
    assert caught.value.message is None, "all that is to be said is said"
    return (caught.value.code, *capfd.readouterr())


def whole(place: Place) -> dict[str, object]:
    """Return all that a task may change: the world of the project, and what hephaestus keeps in the clone."""
    kept = place.root / ".git" / "hephaestus"
    return {**place.snapshot(), "kept": sorted(str(path) for path in kept.rglob("*"))}


# Plain Invoke


@pytest.mark.slow
def test_one_line_in_a_tasks_file_gives_all_tasks(user: Place) -> None:
    done = invoke("--list", "--list-format=json", at=user.root)
    told = json.loads(done.stdout)
    releasing, houses = sorted(told["collections"], key=lambda each: each["name"])

    assert (done.returncode, done.stderr) == (0, "")
    assert {task["name"] for task in told["tasks"]} == {name.replace("_", "-") for name in CALLS} - {
        "release",
        "install-release",
        "wheelhouse",
    }
    assert {task["name"] for task in releasing["tasks"]} == {"install", "release"}
    assert (releasing["name"], releasing["default"]) == ("release", "run")
    assert {task["name"] for task in houses["tasks"]} == {"diff", "inspect", "jobs", "serve", "verify", "wheelhouse"}
    assert (houses["name"], houses["default"]) == ("wheelhouse", "run")
    assert told["default"] is None, "Invoke without words must not do anything"


@pytest.mark.slow
def test_the_list_is_short_enough_to_be_read(user: Place) -> None:
    lines = invoke("--list", at=user.root).stdout.splitlines()

    assert any(re.match(r"  release\.run \(release\)   +Make a release", line) for line in lines)
    assert max(map(len, lines)) <= 80
    assert len(lines) < 60, "two lines for each task at most"


@pytest.mark.slow
def test_invoke_makes_a_release_up_to_a_step(user: Place) -> None:
    before = user.snapshot()
    done = invoke("release", "--version", "1.1.0", "--until", "tag", "--json", at=user.root)
    told = json.loads(done.stdout)

    assert done.returncode == 0, done.stderr
    assert (told["outcome"], told["until"], told["release"]["tag"]) == ("stopped", "tag", "v1.1.0")
    assert "stopped after tag; nothing is public" in done.stderr
    after = user.snapshot()
    private = {"refs/hephaestus/v1.1.0/commit", "refs/hephaestus/v1.1.0/tag"}
    refs = after.pop("refs")
    assert isinstance(refs, dict)
    assert {name: held for name, held in refs.items() if name not in private} == before.pop("refs")
    assert after == before


@pytest.mark.slow
def test_a_release_without_a_version_names_the_forms_there_are(user: Place) -> None:
    done = invoke("release", at=user.root)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: a release needs one of --version X.Y.Z, --part major|minor|patch, "
        "or --current for what the project says\n\nhint: hephaestus plan\n"
    )


@pytest.mark.slow
def test_the_dry_run_of_invoke_changes_nothing_whatever_the_task(user: Place) -> None:
    before = whole(user)
    words = "release --version 1.1.0 --yes plan --part minor bump --part major changelog --version 1.1.0 gates build"
    more = "wheelhouse verify rehearse --version 1.1.0 rollback --version 1.0.0 release.install --repository /nowhere"
    done = invoke("--dry", *words.split(), *more.split(), at=user.root)

    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert done.stderr.count("would ") >= 8
    assert whole(user) == before


@pytest.mark.slow
def test_a_user_adds_tasks_of_their_own(user: Place) -> None:
    own = "from invoke import task\nfrom hephaestus import ns\n\n@task\ndef greet(c):\n    print('hello')\n\nns.add_task(greet)\n"
    (user.root / "tasks.py").write_text(own)

    assert invoke("greet", at=user.root).stdout == "hello\n"


@pytest.mark.slow
def test_a_user_puts_the_tasks_under_a_name(user: Place) -> None:
    own = "from invoke import Collection\nimport hephaestus\n\nns = Collection()\nns.add_collection(hephaestus.namespace(), 'h')\n"
    user.commit("tasks.py", own)

    assert json.loads(invoke("h.plan", "--version", "1.1.0", "--json", at=user.root).stdout)["outcome"] == "planned"


def test_each_namespace_is_a_new_one() -> None:
    assert hephaestus.namespace() is not hephaestus.ns  # type: ignore[comparison-overlap, operator]


# What a task leaves alone


@pytest.mark.slow
def test_a_dry_run_changes_nothing(user: Place, capfd: pytest.CaptureFixture[str]) -> None:
    before = whole(user)
    for name, flags in CALLS.items():
        # There is no release to publish here, and v1.0.0 is tagged already: that is all that may be wrong.
        with contextlib.suppress(Exit) if name in {"publish", "tag"} else contextlib.nullcontext():
            call(name, dry=True, **flags)
        said = capfd.readouterr()

        assert (name, said.out) == (name, "")
        assert "Make it public?" not in said.err
        assert (name, whole(user)) == (name, before)


@pytest.mark.slow
def test_a_dry_release_is_the_plan(user: Place, capfd: pytest.CaptureFixture[str]) -> None:
    told = [
        call("release", dry=True, version="1.1.0", json=True),
        call("release", dry_run=True, version="1.1.0", json=True),
        call("plan", version="1.1.0", json=True),
    ]
    for each in told:
        each["release"].pop("id")
        each["release"].pop("time")

    assert told[0] == told[1] == told[2]
    assert len(capfd.readouterr().out.split('"outcome": "planned"')) == 4
    assert user.git("status", "--porcelain") == ""


@pytest.mark.slow
def test_the_plan_shows_the_changes_to_files_line_by_line(user: Place, capfd: pytest.CaptureFixture[str]) -> None:
    told = call("plan", version="1.1.0")
    err = capfd.readouterr().err

    assert err.startswith("plan for v1.1.0\n\nstep        does\n")
    assert '\n-version = "1.0.0"\n+version = "1.1.0"\n description' in err
    assert told["diff"] in err + "\n"
    # What is shown is what git would make of the files.
    subprocess.run(["git", "apply", "--check", "-"], cwd=user.root, input=told["diff"], text=True, check=True)


# What is said, to people and to machines


@pytest.mark.parametrize("name", CALLS)
def test_outside_of_a_project_every_task_ends_in_a_command_to_paste(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    (tmp_path / "nowhere").mkdir()
    monkeypatch.chdir(tmp_path / "nowhere")
    code, out, err = ended(capfd, name, **CALLS[name], json=True)
    told = json.loads(out)

    assert told["exit_code"] == code == 2
    assert err == f"error: {told['error']}\n\nhint: {told['hint']}\n"
    assert list((tmp_path / "nowhere").iterdir()) == []


@pytest.mark.slow
def test_all_problems_are_in_the_one_document(user: Place, capfd: pytest.CaptureFixture[str]) -> None:
    (user.root / "CHANGELOG.md").write_text("# Changelog\n")
    for name, flags in (("plan", {}), ("release", {"yes": True})):
        code, out, err = ended(capfd, name, version="1.0.0", json=True, **flags)
        told = json.loads(out)

        assert told["exit_code"] == code == 3
        assert len(told["problems"]) == 3
        for problem in told["problems"]:
            assert f"problem: {problem['message']}\n  hint: {problem['hint']}\n" in err


@pytest.mark.parametrize(
    ("name", "files"), [("bump", ["pyproject.toml", "src/acorn/__init__.py"]), ("changelog", ["CHANGELOG.md"])]
)
def test_a_step_alone_says_what_it_did(
    user: Place, capfd: pytest.CaptureFixture[str], name: str, files: list[str]
) -> None:
    call(name, version="1.1.0", json=True)
    said = capfd.readouterr()

    assert json.loads(said.out) == {"outcome": "done", "steps": [name]}
    assert f"[1/1] {name}: " in said.err
    assert user.git("diff", "--name-only").splitlines() == files


@pytest.mark.usefixtures("user")
def test_status_is_a_table_for_people_and_a_document_for_machines(capfd: pytest.CaptureFixture[str]) -> None:
    told = call("status")
    people = capfd.readouterr()
    assert call("status", json=True) == told
    machines = capfd.readouterr()

    assert (people.out, machines.err) == ("", "")
    assert json.loads(machines.out) == told
    assert "\nlast release  v1.0.0\n" in people.err


@pytest.mark.slow
def test_status_names_the_commands_that_end_what_is_half_way(user: Place, capfd: pytest.CaptureFixture[str]) -> None:
    call("release", version="1.1.0", until="bump")
    capfd.readouterr()
    call("status")

    assert capfd.readouterr().err.endswith(
        "; done: stage, bump\nnext:\n  hephaestus release --version 1.1.0\n  hephaestus rollback --version 1.1.0\n"
    )
    call("rollback", version="1.1.0")
    assert "is rolled back: nothing of it was public" in capfd.readouterr().err
    assert user.repository.refs("refs/hephaestus/") == {}


@pytest.mark.slow
def test_gates_say_their_verdicts_in_both_languages(user: Place, capfd: pytest.CaptureFixture[str]) -> None:
    call("gates", json=True)
    good = json.loads(capfd.readouterr().out)
    assert (good["outcome"], [said["verdict"] for said in good["gates"]]) == ("passed", ["passed"])

    (user.root / "noxfile.py").write_text((user.root / "noxfile.py").read_text().replace("--version", "--nope"))
    code, out, err = ended(capfd, "gates")
    assert (code, out) == (4, "")
    assert re.search(r"^gate +verdict +time .*\nstands +failed +\d", err, re.MULTILINE)

    # A noxfile that cannot be read has no verdicts: those of before are not shown again.
    (user.root / "noxfile.py").write_text("syntax error")
    code, out, err = ended(capfd, "gates", json=True)
    told = json.loads(out)
    assert (code, told["exit_code"], told.get("gates", [])) == (5, 5, [])


def test_a_reason_without_a_gate_is_refused(user: Place, capfd: pytest.CaptureFixture[str]) -> None:
    before = whole(user)
    code, _, err = ended(capfd, "release", version="1.1.0", yes=True, because="offline")

    assert code == 2
    assert err.startswith("error: --because gives a reason, but --skip-gate names no gate\n")
    assert whole(user) == before


@pytest.mark.slow
def test_rollback_and_release_without_anybody_to_ask_are_refused(
    user: Place, capfd: pytest.CaptureFixture[str]
) -> None:
    before = whole(user)
    code, _, err = ended(capfd, "release", version="1.1.0")

    assert code == 3
    assert "problem: there is no terminal to ask" in err
    assert "  hint: hephaestus release --version 1.1.0 --yes\n" in err
    assert whole(user)["refs"] == before["refs"]


# Someone at the terminal


def at_a_terminal(place: Place, answer: bytes, *words: str) -> tuple[int, str]:
    """Run the program on a terminal of 80 columns, and answer when it asks; return its code and what it showed."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(place.root)
        os.environ.update({"COLUMNS": "80", "TERM": "dumb"})
        os.execv(sys.executable, [sys.executable, "-m", "hephaestus", *words])
    shown = b""
    while True:
        try:
            read = os.read(terminal, 65536)
        except OSError:  # how Linux says that a terminal has ended
            break
        if not read:
            break
        shown += read
        if b"[y/N]" in read:
            os.write(terminal, answer)
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), shown.decode().replace("\r\n", "\n")


@pytest.mark.slow
def test_a_person_sees_what_becomes_public_and_is_asked_once(user: Place) -> None:
    user.commit("src/acorn/roots.py", "DEPTH = 1\n", "feat: Grow roots")
    remote, releases = user.remote_refs(), user.releases()
    code, shown = at_a_terminal(user, b"n\n", "release", "--version", "1.1.0")

    assert code == 9
    assert "feat: Grow roots (not pushed before)\n  commit " in shown
    assert "\n  file acorn-1.1.0-wheelhouse.tar.gz\n" in shown
    assert "\nMake it public? [y/N] n\n" in shown
    assert "v1.1.0 was not made public\nnothing is public\n\nhint: hephaestus release --version 1.1.0 --yes\n" in shown
    assert (user.remote_refs(), user.releases()) == (remote, releases)

    code, shown = at_a_terminal(user, b"y\n", "release", "--version", "1.1.0")
    assert code == 0
    assert shown.count("[y/N]") == 1
    assert re.search(r"v1\.1\.0 is released\npage: \S+\nreport: ", shown)
    assert "refs/tags/v1.1.0" in user.remote_refs()


# Wheelhouses


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """The wheelhouse of acorn, which needs leaf."""
    leaf = wheels.make_wheel(tmp_path / "index", "leaf", headers=["License-Expression: MIT"])
    own = wheels.make_wheel(tmp_path / "made", requires=["leaf"])
    return workshop.wheelhouse(tmp_path / "made", workshop.order(workshop.LINUX, workshop.WINDOWS), [own], [leaf])


@pytest.mark.slow
def test_a_wheelhouse_is_shown_to_people_and_to_machines(user: Place, packed: Path) -> None:
    people = user.hephaestus("wheelhouse", "inspect", str(packed))
    machine = user.hephaestus("wheelhouse", "inspect", str(packed), "--json")

    assert re.search(r"leaf +1\.1\.0 .* MIT +all +index", people.stderr)
    assert people.stdout == ""
    told = json.loads(machine.stdout)
    assert [package["name"] for package in told["packages"]] == ["acorn", "leaf"]
    assert told["archive"]["sha256"] == wheels.sha256(packed)


@pytest.mark.slow
def test_two_wheelhouses_are_compared(user: Place, packed: Path, tmp_path: Path) -> None:
    newer = wheels.make_wheel(tmp_path / "newer", version="1.2.0")
    other = workshop.wheelhouse(
        tmp_path / "newer", workshop.order(workshop.LINUX, workshop.WINDOWS, version="1.2.0"), [newer]
    )

    done = user.hephaestus("wheelhouse", "diff", str(packed), str(other))

    assert "upgraded: acorn 1.1.0 -> 1.2.0" in done.stderr
    assert "removed: leaf 1.1.0" in done.stderr


@pytest.mark.slow
def test_a_wheelhouse_is_verified_or_refused(user: Place, packed: Path) -> None:
    good = user.hephaestus("wheelhouse", "verify", str(packed))
    packed.write_bytes(packed.read_bytes() + b"\0")
    bad = user.hephaestus("wheelhouse", "verify", str(packed))
    absent = user.hephaestus("wheelhouse", "verify", "nowhere.tar.gz")

    assert (good.returncode, bad.returncode, absent.returncode) == (0, 12, 2)
    assert f"acorn 1.1.0: 2 wheels, complete on {workshop.LINUX}, {workshop.WINDOWS}" in good.stderr
    assert "complete" not in bad.stderr


@pytest.mark.slow
def test_a_wheelhouse_is_served_until_ctrl_c(user: Place, packed: Path) -> None:
    command = [sys.executable, "-m", "hephaestus", "wheelhouse", "serve", str(packed)]
    with subprocess.Popen(command, cwd=user.root, stderr=subprocess.PIPE, text=True) as serving:
        assert serving.stderr is not None
        url = re.search(r"http://127\.0\.0\.1:\d+/\S*", next(line for line in serving.stderr if "http" in line))
        assert url is not None
        with urllib.request.urlopen(f"{url[0]}leaf/") as answer:
            assert b"leaf-1.1.0-py3-none-any.whl" in answer.read()
        serving.send_signal(signal.SIGINT)
        serving.stderr.read()

    assert serving.returncode == 0


@pytest.mark.slow
def test_the_jobs_for_other_machines_are_printed_for_the_targets(user: Place) -> None:
    done = user.hephaestus("wheelhouse", "jobs", "--target", workshop.WINDOWS)

    assert f'target: "{workshop.WINDOWS}"' in done.stdout
    assert done.stderr == ""


@pytest.mark.slow
@pytest.mark.parametrize("flag", ["--target", "--extra", "--group", "--lock"])
def test_what_has_no_meaning_for_a_merge_is_refused(user: Place, packed: Path, flag: str) -> None:
    done = user.hephaestus("wheelhouse", "--merge", str(packed), "--merge", str(packed), flag, "anything")

    assert done.returncode == 2
    assert "have no meaning with it" in done.stderr
