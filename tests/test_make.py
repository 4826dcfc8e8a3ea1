"""A whole release, made as a user makes it, and compared with the promises of the design."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import logging
import os
import pty
import re
import signal
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import worlds
from hephaestus import journal, make, stage, ui
from hephaestus.errors import Busy, ChecksFailed, Conflict, GateFailed, InFlight, NotConfirmed, UsageError
from hephaestus.release import STEPS
from hephaestus.request import Request

if TYPE_CHECKING:
    from places import Place

pytestmark = pytest.mark.slow

COMMAND = ("release", "--version", "1.1.0")

# A gate that writes down which tree it saw.
NOXFILE = """\
import pathlib
import nox


@nox.session(tags=["gate"], venv_backend="none")
def looks(session):
    tree = session.run("git", "rev-parse", "HEAD^{{tree}}", external=True, silent=True)
    changed = session.run("git", "status", "--porcelain", "--ignored", external=True, silent=True)
    pathlib.Path({seen!r}).write_text(tree + changed)


@nox.session(tags=["gate"], venv_backend="none")
def moody(session):
    session.error("no server here")
"""

# What the world looks like from inside the remote, the moment before it takes the push.
HOOK = """\
unset GIT_DIR GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES
{{
git -C {remote} for-each-ref
ls {forge} | grep -v '^[.]'
git -C {root} for-each-ref refs/heads refs/tags refs/remotes
git -C {root} status --porcelain
git -C {root} rev-parse HEAD
}} > {seen}
"""


@dataclass(frozen=True)
class Made:
    """A release that was made with the program: the world before it, at its commit point, and what was said."""

    place: Place
    before: dict[str, Any]
    gate_saw: str
    at_push: str
    base: str
    told: dict[str, Any]


_made: list[Made] = []


@pytest.fixture
def made(place: Place) -> Made:
    """The first test that asks makes the release; the others look at the same one."""
    if not _made:
        _made.append(release_it(place))
    return _made[0]


def release_it(place: Place) -> Made:
    seen, at_push = place.root.parent / "seen", place.root.parent / "at-push"
    place.commit("noxfile.py", NOXFILE.format(seen=str(seen)))
    (place.root / "untracked.py").write_text("import evil\n")
    worlds.hook(
        place, "pre-receive", HOOK.format(remote=place.remote, forge=place.forge, root=place.root, seen=at_push)
    )
    before, base = place.snapshot(), place.git("rev-parse", "HEAD")
    done = place.hephaestus(*COMMAND, "--yes", "--json", "--skip-gate", "moody", "--because", "its server is down")
    assert done.returncode == 0, done.stderr
    return Made(place, before, seen.read_text(), at_push.read_text(), base, json.loads(done.stdout))


def run(place: Place, consent: make.Consent = worlds.agree, **asked: Any) -> make.Outcome:
    with ui.observer(io.StringIO()) as observer:
        return make.make(Request(**asked), place.repository, observer, consent)


# Nothing is visible until everything is proven


def test_at_the_commit_point_nothing_of_the_release_is_to_be_seen_anywhere(made: Made) -> None:
    refs = [line.split()[-1] for line in made.at_push.splitlines() if "refs/" in line]

    assert not [ref for ref in refs if "1.1.0" in ref]
    assert "v1.1.0" not in made.at_push
    assert made.at_push.splitlines()[-1] == made.base
    assert made.at_push.splitlines()[-2] == "?? untracked.py"


def test_up_to_the_commit_point_the_users_clone_the_remote_and_the_forge_are_byte_for_byte_as_before(
    place: Place,
) -> None:
    (place.root / "untracked.py").write_text("mine\n")
    before = place.snapshot()

    outcome = run(place, version="1.1.0", until="upload")

    after = place.snapshot()
    assert worlds.hidden(after) == worlds.hidden(before)
    assert after["drafts"] == ["v1.1.0"]
    assert [ref for ref in place.repository.refs("refs/") if "1.1.0" in ref] == [
        "refs/hephaestus/v1.1.0/commit",
        "refs/hephaestus/v1.1.0/tag",
    ]
    assert outcome.state == "stopped"
    assert "nothing is public" in outcome.said


# What was checked is what is shipped


def test_the_tag_holds_exactly_the_tree_the_gates_saw(made: Made) -> None:
    assert made.gate_saw == made.place.git("rev-parse", "v1.1.0^{tree}") + "\n"


def test_the_release_is_one_commit_that_changes_version_and_changelog_and_nothing_else(made: Made) -> None:
    place = made.place

    assert place.git("rev-parse", "v1.1.0^") == made.base
    assert place.git("log", "-1", "--format=%s", "v1.1.0^{commit}") == "chore: Prepare release v1.1.0"
    changed = place.git("diff", "--name-only", made.base, "v1.1.0").splitlines()
    assert changed == ["CHANGELOG.md", "pyproject.toml", "src/acorn/__init__.py"]
    assert place.git("show", "v1.1.0:src/acorn/__init__.py").count('__version__ = "1.1.0"') == 1


def test_the_assets_are_built_from_that_commit_and_nothing_else(made: Made) -> None:
    place, assets = made.place, made.place.forge / "v1.1.0" / "assets"
    tracked = [
        path for path in place.git("ls-tree", "-r", "--name-only", "v1.1.0").splitlines() if not path.startswith(".")
    ]
    blob = {
        path: subprocess.run(["git", "show", f"v1.1.0:{path}"], cwd=place.root, check=True, capture_output=True).stdout
        for path in tracked
    }

    with tarfile.open(assets / "acorn-1.1.0.tar.gz") as sdist:
        held = {member.name.partition("/")[2]: sdist.extractfile(member).read() for member in sdist}
    del held["PKG-INFO"]
    assert held == blob
    with zipfile.ZipFile(assets / "acorn-1.1.0-py3-none-any.whl") as wheel:
        held = {name: wheel.read(name) for name in wheel.namelist() if name.startswith("acorn/")}
    assert held == {path.removeprefix("src/"): data for path, data in blob.items() if path.startswith("src/")}


def test_what_users_see_is_the_release_and_its_four_files(made: Made) -> None:
    seen = made.place.releases()
    files = [
        "acorn-1.1.0-py3-none-any.whl",
        "acorn-1.1.0-wheelhouse.tar.gz",
        "acorn-1.1.0-wheelhouse.tar.gz.sha256",
        "acorn-1.1.0.tar.gz",
    ]

    assert sorted(path for path in seen if path.startswith("v1.1.0/assets/")) == [
        f"v1.1.0/assets/{name}" for name in files
    ]
    assert json.loads(seen["latest.json"]) == {"tag": "v1.1.0"}
    assert made.told["assets"] == {name: hashlib.sha256(seen[f"v1.1.0/assets/{name}"]).hexdigest() for name in files}
    assert made.place.drafts() == []


# Afterwards


def test_the_users_branch_is_at_the_release_and_nothing_private_is_left(made: Made) -> None:
    place = made.place

    assert (
        place.git("rev-parse", "main")
        == place.git("rev-parse", "v1.1.0^{commit}")
        == place.remote_refs()["refs/heads/main"]
    )
    assert place.git("rev-parse", "v1.1.0") == place.remote_refs()["refs/tags/v1.1.0"]
    assert place.git("cat-file", "-t", "v1.1.0") == "tag"
    assert place.repository.refs("refs/hephaestus") == {}
    assert place.git("status", "--porcelain") == "?? untracked.py"
    assert (place.root / "untracked.py").read_text() == "import evil\n"
    left = stage.area(place.repository)
    assert not (left / "stage").exists()
    assert not (left / "assets").exists()


def test_the_document_says_all_a_machine_needs(made: Made) -> None:
    told, place = made.told, made.place

    assert told["outcome"] == "released"
    assert told["said"] == "v1.1.0 is released"
    assert told["release"]["base"] == made.base
    assert told["commit"] == place.git("rev-parse", "v1.1.0^{commit}")
    assert told["tag_object"] == place.git("rev-parse", "v1.1.0")
    assert list(told["seconds"]) == list(STEPS)
    assert {said["gate"]: said["verdict"] for said in told["gates"]} == {"looks": "passed", "moody": "could not run"}
    assert json.loads(Path(told["report"]).read_text()).items() <= told.items()


def test_a_waived_gate_and_its_reason_stay_in_journal_and_report(made: Made) -> None:
    record = journal.find(journal.directory(made.place.root / ".git"), "v1.1.0")

    assert record is not None
    assert record.waived == made.told["waived"] == {"moody": "its server is down"}
    assert record.ended == "released"


def test_the_same_command_again_says_already_released_and_changes_nothing(made: Made) -> None:
    before = made.place.snapshot()

    done = made.place.hephaestus(*COMMAND, "--json")

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["outcome"] == "already released"
    assert told["assets"] == made.told["assets"]
    assert made.place.snapshot() == before


def test_from_a_fresh_clone_the_same_command_ends_as_well_and_changes_nothing(made: Made) -> None:
    other = made.place.clone("other")
    remote, releases = made.place.remote_refs(), made.place.releases()

    outcome = run(other, version="1.1.0")

    assert outcome.state == "released"
    assert (other.remote_refs(), other.releases()) == (remote, releases)
    assert run(other, version="1.1.0").state == "already released"


def test_a_released_version_is_in_the_way_once_there_are_new_commits(request: pytest.FixtureRequest) -> None:
    there = worlds.halfway(request, "track")
    there.commit("src/acorn/twigs.py", "")
    before = there.snapshot()

    with pytest.raises(ChecksFailed) as caught:
        run(there, version="1.1.0")

    assert [problem.message for problem in caught.value.problems] == ["v1.1.0 is released already, from another commit"]
    assert there.snapshot() == before


# Asking


def test_without_a_terminal_and_without_yes_nothing_is_begun(place: Place) -> None:
    before = place.snapshot()

    done = place.hephaestus(*COMMAND, "--json")

    assert done.returncode == 3
    assert "there is no terminal to ask before the release becomes visible" in done.stderr
    assert "hephaestus release --version 1.1.0 --yes" in done.stderr
    assert json.loads(done.stdout)["exit_code"] == 3
    assert place.snapshot() == before
    assert worlds.record(place) is None


def test_what_stays_hidden_needs_nobody_to_agree(place: Place) -> None:
    assert run(place, None, version="1.1.0", until="tag").state == "stopped"
    with pytest.raises(ChecksFailed):
        run(place, None, version="1.1.0", until="push")
    with pytest.raises(ChecksFailed):
        run(place, None, version="1.1.0")


def test_all_problems_are_told_at_once_each_with_its_command(place: Place) -> None:
    (place.root / "pyproject.toml").write_text((place.root / "pyproject.toml").read_text() + "\n")
    place.git("tag", "v1.1.0")

    done = place.hephaestus(*COMMAND)

    assert done.returncode == 3
    for words in ("tracked files are changed", "the tag v1.1.0 exists in this clone", "there is no terminal"):
        assert words in done.stderr
    assert done.stderr.count("hint: ") == done.stderr.count("problem: ") == 3


def on_a_terminal(place: Place, *words: str, answer: bytes) -> tuple[int, str]:
    """Run the program on a terminal of its own, answer the first question, and return exit code and all it showed."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "hephaestus", *words]
    shown = b""
    with subprocess.Popen(
        command, cwd=place.root, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as process:
        os.close(theirs)
        with contextlib.suppress(OSError):  # the terminal ends with the program
            while block := os.read(ours, 4096):
                shown += block
                if answer and shown.rstrip().endswith(b"[y/N]"):
                    os.write(ours, answer)
                    answer = b""
        code = process.wait()
    os.close(ours)
    return code, shown.decode().replace("\r\n", "\n")


def test_a_person_is_shown_what_becomes_public_and_asked_once_and_a_no_stops_there(place: Place) -> None:
    place.commit("src/acorn/twigs.py", "", "feat: Grow twigs")
    run(place, version="1.1.0", until="upload")
    before = place.snapshot()

    code, shown = on_a_terminal(place, *COMMAND, answer=b"n\n")

    assert code == 9
    assert shown.count("[y/N]") == 1
    assert re.search(r"commit \w+ feat: Grow twigs \(not pushed before\)", shown)
    assert re.search(r"commit \w+ chore: Prepare release v1\.1\.0", shown)
    assert "file acorn-1.1.0-wheelhouse.tar.gz" in shown
    assert "nothing is public" in shown
    assert place.snapshot() == before

    code, shown = on_a_terminal(place, *COMMAND, answer=b"y\n")

    assert code == 0, shown
    assert "v1.1.0 is released" in shown
    assert "v1.1.0/release.json" in place.releases()


def test_nobody_is_asked_again_about_a_push_that_was_begun(place: Place) -> None:
    run(place, version="1.1.0", until="upload")
    worlds.hook(place, "pre-receive", "exit 1")
    with contextlib.suppress(Exception):
        run(place, version="1.1.0")
    (place.remote / "hooks" / "pre-receive").unlink()

    assert run(place, None, version="1.1.0").state == "released"


def test_who_says_no_can_go_on_later(request: pytest.FixtureRequest) -> None:
    questions: list[str] = []

    def no(question: str) -> bool:
        questions.append(question)
        return False

    there = worlds.halfway(request, "upload")
    with pytest.raises(NotConfirmed, match=r"v1\.1\.0 was not made public") as caught:
        run(there, no, version="1.1.0")

    assert len(questions) == 1
    assert caught.value.hint == "hephaestus release --version 1.1.0 --yes"
    assert run(there, version="1.1.0", until="push").state == "stopped"


# One at a time


@contextlib.contextmanager
def waiting(place: Place) -> Iterator[subprocess.Popen[str]]:
    """A release whose gate waits, in a process of its own; when it ends the gate is let go."""
    started, go_on, second = (place.root.parent / name for name in ("started", "go-on", "second"))
    for path in (started, go_on):
        os.mkfifo(path)
    place.commit(
        "noxfile.py",
        "import pathlib, nox\n\n\n@nox.session(tags=['gate'], venv_backend='none')\ndef waits(session):\n"
        f"    if not pathlib.Path({str(second)!r}).exists():\n"
        f"        pathlib.Path({str(second)!r}).touch()\n"
        f"        open({str(started)!r}, 'w').write('now')\n"
        f"        open({str(go_on)!r}).read()\n",
    )
    command = [sys.executable, "-m", "hephaestus", *COMMAND, "--until", "gates"]
    with subprocess.Popen(
        command, cwd=place.root, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert started.read_text() == "now"
        try:
            yield process
        finally:
            go_on.write_text("on")
            process.communicate()


def test_a_second_release_in_the_same_clone_at_the_same_time_is_refused_and_the_first_goes_on(place: Place) -> None:
    with waiting(place) as first:
        done = place.hephaestus(*COMMAND, "--yes")
        other = place.hephaestus("release", "--version", "1.2.0", "--yes")
        back = place.hephaestus("rollback", "--version", "1.1.0")

    assert [run.returncode for run in (done, other, back)] == [Busy.exit_code] * 3
    assert "another release is being made in this clone right now" in done.stderr
    assert "hint: fuser -v " in done.stderr
    assert first.returncode == 0


def test_a_killed_release_leaves_the_lock_free_and_the_same_command_goes_on(place: Place) -> None:
    with waiting(place) as first:
        first.send_signal(signal.SIGKILL)
        first.wait()
        with pytest.raises(InFlight):
            run(place, version="1.2.0")

    assert run(place, version="1.1.0", until="gates").state == "stopped"
    assert worlds.record(place).done("gates")


def test_another_version_in_flight_is_refused_with_the_two_commands_that_end_that_state(place: Place) -> None:
    run(place, version="1.1.0", until="stage")

    done = place.hephaestus("release", "--version", "1.2.0", "--yes")

    assert done.returncode == InFlight.exit_code == 8
    assert "the release of 1.1.0 is half-way in this clone" in done.stderr
    hints = [line.removeprefix("hint:").strip() for line in done.stderr.splitlines() if "hephaestus r" in line]
    assert hints == ["hephaestus release --version 1.1.0", "hephaestus rollback --version 1.1.0"]

    worlds.back(place)
    assert run(place, version="1.2.0", until="stage").state == "stopped"


@pytest.mark.slow
def test_a_release_that_is_out_but_not_told_of_is_in_the_way_of_no_other(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    run(place, version="1.1.0", until="sweep")
    place.git("pull", "--quiet", "--ff-only")
    text = (place.root / "CHANGELOG.md").read_text()
    place.commit("CHANGELOG.md", text.replace("[Unreleased]", "[Unreleased]\n\n### Added\n\n- Roots.", 1))

    with caplog.at_level(logging.INFO, "hephaestus"):
        assert run(place, version="1.2.0").state == "released"

    assert "v1.1.0 is out, but not all was told: hephaestus release --version 1.1.0" in caplog.text
    assert run(place, version="1.1.0").state == "released"


# Carrying on


def test_a_gate_that_says_no_ends_the_release_with_nothing_public_and_it_goes_on_once_waived(place: Place) -> None:
    place.commit(
        "noxfile.py",
        NOXFILE.format(seen=str(place.root.parent / "seen")).replace(
            "session.error", "session.warn(1); raise ValueError"
        ),
    )

    with pytest.raises(GateFailed) as caught:
        run(place, version="1.1.0", until="gates")
    assert caught.value.message.startswith("gates: 1 of 2 gates did not pass:\n  moody: failed")
    assert caught.value.message.endswith("nothing is public")

    with pytest.raises(ChecksFailed):
        run(place.clone("other"), version="1.1.0", waived={"moody": " "}, until="gates")
    run(place, version="1.1.0", waived={"moody": "its server is down"}, until="gates")
    assert worlds.record(place).waived == {"moody": "its server is down"}


def test_commits_made_since_are_not_part_of_a_release_that_goes_on(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "hephaestus")
    run(place, version="1.1.0", until="stage")
    base = place.git("rev-parse", "HEAD")
    place.commit("src/acorn/twigs.py", "")

    run(place, version="1.1.0", until="tag")

    commit, _ = worlds.made(place)
    assert place.git("rev-parse", f"{commit}^") == base
    assert "commits made since are not part of it" in caplog.text


def test_a_release_that_was_half_rolled_back_does_not_go_on(place: Place) -> None:
    run(place, version="1.1.0", until="tag")
    record = worlds.record(place)
    record.turn_back(published=False)
    record.undo("tag")
    record.finish_undo("tag")

    with pytest.raises(Conflict, match=r"the rollback of v1\.1\.0 was begun") as caught:
        run(place, version="1.1.0")
    assert caught.value.hint == "hephaestus rollback --version 1.1.0"
    with pytest.raises(InFlight) as other:
        run(place, version="1.2.0")
    assert other.value.hint == "hephaestus rollback --version 1.1.0"


def test_a_version_that_was_rolled_back_can_be_released_again(place: Place) -> None:
    run(place, version="1.1.0", until="tag")
    first = worlds.begun(place)
    worlds.back(place)

    run(place, version="1.1.0", until="tag")

    assert worlds.begun(place).id != first.id


def test_a_remote_that_does_not_answer_is_told_with_all_other_problems(place: Place) -> None:
    place.remote.rename(place.remote.with_name("away"))
    (place.root / "CHANGELOG.md").write_text("changed")

    with pytest.raises(ChecksFailed) as caught:
        run(place, version="1.1.0")

    told = [problem.message for problem in caught.value.problems]
    assert any("does not answer" in message for message in told)
    assert any("tracked files are changed" in message for message in told)
    assert worlds.record(place) is None


# Looking first


def test_a_preview_says_every_step_and_every_change_and_changes_nothing(place: Place) -> None:
    before = place.snapshot()

    planned, todo, problems = make.preview(Request(version="1.1.0"), place.repository)

    assert problems == []
    assert (planned.tag, planned.base) == ("v1.1.0", place.git("rev-parse", "HEAD"))
    assert [step.name for step in todo.steps] == list(STEPS)
    difference = "".join(step.diff() for step in todo.steps)
    assert '+__version__ = "1.1.0"' in difference
    assert "+## [1.1.0] - " in difference
    assert place.snapshot() == before


def test_a_preview_of_a_release_that_is_half_way_is_of_that_one(place: Place) -> None:
    run(place, version="1.1.0", until="tag")
    begun = worlds.begun(place)
    place.commit("src/acorn/twigs.py", "")

    planned, todo, _ = make.preview(Request(version="1.1.0"), place.repository)

    assert planned == begun
    assert [step.name for step in todo.remaining()] == list(STEPS[STEPS.index("build") :])


def test_nothing_to_release_is_no_error(place: Place) -> None:
    place.commit("CHANGELOG.md", (place.root / "CHANGELOG.md").read_text().replace("2026-01-01", "2026-01-01 [YANKED]"))
    before = place.snapshot()

    outcome = run(place, None, current=True)

    assert outcome.state == "nothing to release"
    assert outcome.said == "nothing to release: 1.0.0 is marked [YANKED] in CHANGELOG.md"
    assert place.snapshot() == before


def test_a_step_that_does_not_exist_is_refused_before_anything_happens(place: Place) -> None:
    with pytest.raises(UsageError, match="there is no step 'gate'"):
        run(place, version="1.1.0", until="gate")
    assert worlds.record(place) is None
