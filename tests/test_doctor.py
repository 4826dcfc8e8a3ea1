"""What a user is told of a release that nobody has asked for yet: what it stands on, and what is in its way."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest

from fakegithub import Fault, Hub
from hephaestus import doctor, git, system
from hephaestus.errors import ChecksFailed, UsageError
from hephaestus.forge import Finding
from hephaestus.make import make
from hephaestus.request import Request
from places import Place

# Each has a server, or a repository of its own, to talk to: not long, but long for many.
pytestmark = pytest.mark.slow


class Quiet:
    """Takes note of nothing."""

    def __getattr__(self, name: str) -> object:
        return lambda *_: None


def looked(place: Place, version: str | None = None) -> dict[str, Finding]:
    """Return the findings by their subject; the last one where a subject has several."""
    return {each.about: each for each in doctor.examine(place.root, version)}


def problem(place: Place, version: str | None = None) -> tuple[str, str, str]:
    """Return the subject, the words and the hint of the one thing that is in the way."""
    [found] = [each for each in doctor.examine(place.root, version) if each.problem]
    return found.about, found.said, found.hint or ""


def terminal(place: Place, columns: int, *words: str) -> str:
    """Return what a person sees on a terminal of that width."""
    import pty

    child, screen = pty.fork()
    if child == 0:  # pragma: no cover
        os.chdir(place.root)
        os.environ["COLUMNS"] = str(columns)
        os.execv(sys.executable, [sys.executable, "-m", "hephaestus", *words])
    shown = b""
    try:
        while block := os.read(screen, 4096):
            shown += block
    except OSError:  # the way Linux says that nobody is left on the other side
        pass
    os.waitpid(child, 0)
    return shown.decode()


def test_a_project_that_can_be_released_is_told_what_was_looked_at(place: Place) -> None:
    before = place.snapshot()
    found = looked(place)

    assert [each for each in found.values() if each.problem] == []
    assert {"git", "python", "nox", "uv", "gh"} < set(found)
    assert found["branch"].said == f"main, at {place.git('rev-parse', 'HEAD')[:10]}"
    assert found["project"].said == "acorn 1.0.0"
    assert found["changelog"].said == "CHANGELOG.md says what is new"
    assert found["remote"].said == "origin answers, and lets you push"
    assert found["identity"].said == "git knows who commits"
    assert found["forge"].said == f"releases go to {place.forge}"
    assert place.snapshot() == before


def test_with_a_version_every_step_is_asked(place: Place) -> None:
    assert [each for each in doctor.examine(place.root, "1.1.0") if each.problem] == []

    about, said, hint = problem(place, "0.9.0")

    assert about == "tag"
    assert said.startswith("0.9.0 is not greater than 1.0.0")
    assert hint == "hephaestus release --version 1.0.1"


def test_what_is_no_version_is_refused_at_once(place: Place) -> None:
    with pytest.raises(UsageError, match="next"):
        doctor.examine(place.root, "next")


def test_a_directory_that_is_no_clone_is_the_wrong_place(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not in the work tree"):
        doctor.examine(tmp_path, None)


def test_a_git_that_is_too_old_is_a_problem(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "bin" / "git"
    old.parent.mkdir()
    old.write_text(
        '#!/bin/sh\ntest "$1" = --version && echo git version 2.30.2 && exit\nPATH=${PATH#*:} exec git "$@"\n'
    )
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{old.parent}:{os.environ['PATH']}")

    assert problem(place) == (
        "git",
        "2.30.2 is too old, 2.36 is needed",
        "python -m webbrowser https://git-scm.com/downloads",
    )


def test_without_git_there_is_one_problem(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert problem(place)[2] == "apt-get install git"


def test_a_shallow_clone_is_a_problem(place: Place) -> None:
    root = place.root.parent / "shallow"
    place.git("clone", "--quiet", "--depth", "1", place.remote.as_uri(), str(root))

    about, said, hint = problem(Place(root, place.remote, place.forge))

    assert about == "checkout"
    assert "shallow" in said
    assert hint == "git fetch --unshallow --tags origin"


def test_changed_files_are_a_problem(place: Place) -> None:
    (place.root / "CHANGELOG.md").write_text("changed")

    assert problem(place)[::2] == ("checkout", "git stash")


def test_a_detached_head_is_a_problem(place: Place) -> None:
    place.git("switch", "--quiet", "--detach")

    assert problem(place)[::2] == ("branch", "git switch main")


def test_a_clone_without_a_remote_is_a_problem(place: Place) -> None:
    place.git("remote", "remove", "origin")

    assert problem(place)[0] == "plan"


def test_a_remote_that_does_not_answer_is_one_problem(place: Place) -> None:
    place.git("remote", "set-url", "origin", str(place.root.parent / "nowhere.git"))

    about, said, hint = problem(place, "1.1.0")

    assert (about, hint) == ("remote", "git ls-remote origin")
    assert said.startswith("the remote origin does not answer")


def test_a_remote_that_takes_no_push_is_a_problem(hosted: Place, hub: Hub) -> None:
    hub.permission = "read"

    found = looked(hosted)

    assert found["remote"].said.startswith("origin takes no push from here")
    assert found["push access"].problem


def test_asking_whether_a_push_would_be_taken_runs_no_hook(place: Place) -> None:
    hook = place.root / ".git" / "hooks" / "pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)

    assert looked(place)["remote"].problem is None


def test_nobody_to_commit_as_is_a_problem(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.git("config", "user.useConfigOnly", "true")
    Path(os.environ["GIT_CONFIG_GLOBAL"]).write_text("")

    about, _, hint = problem(place)

    assert about == "identity"
    assert hint.startswith("git config user.name")


def signing(place: Place, key: Path) -> None:
    for name, value in {"gpg.format": "ssh", "user.signingKey": str(key), "tag.gpgSign": "true"}.items():
        place.git("config", name, value)


def test_a_key_that_signs_is_tried_and_nothing_of_the_trial_stays(place: Place, tmp_path: Path) -> None:
    key = tmp_path / "key"
    system.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)])
    signing(place, key)
    before = place.git("count-objects")

    assert looked(place)["signing"] == Finding("signing", "tags are signed with ssh, which works")
    assert place.git("count-objects") == before


def test_a_key_that_does_not_sign_is_a_problem(place: Place, tmp_path: Path) -> None:
    signing(place, tmp_path / "nowhere")

    about, said, _ = problem(place)

    assert about == "signing"
    assert said.startswith("tags are to be signed, but that fails")


def test_a_project_that_cannot_be_read_is_a_problem(place: Place) -> None:
    place.commit("pyproject.toml", "[project")

    assert problem(place)[0] == "project"


@pytest.mark.parametrize(
    ("text", "hint"),
    [("# Changelog\n\n## [1.0.0]\n\n- A trunk.\n", "$EDITOR CHANGELOG.md"), (b"\xe4", None)],
)
def test_a_changelog_nothing_can_be_released_from_is_a_problem(
    place: Place, text: str | bytes, hint: str | None
) -> None:
    (place.root / "CHANGELOG.md").write_bytes(text if isinstance(text, bytes) else text.encode())
    place.git("commit", "--quiet", "-am", "docs: Lose it")

    about, _, said = problem(place)

    assert about == "changelog"
    assert hint is None or said == hint


def test_nothing_new_is_in_the_way_only_of_a_release(place: Place) -> None:
    text = (place.root / "CHANGELOG.md").read_text()
    place.commit("CHANGELOG.md", text.replace("### Added\n\n- Leaves.\n\n", ""))

    assert looked(place)["changelog"] == Finding("changelog", "nothing is under Unreleased in CHANGELOG.md yet")
    assert problem(place, "1.1.0")[0] == "changelog"


def test_a_version_that_was_withdrawn_is_never_released_again(place: Place) -> None:
    text = (place.root / "CHANGELOG.md").read_text()
    place.commit(
        "CHANGELOG.md", text.replace("## [1.0.0]", "## [1.1.0] - 2026-02-02 [YANKED]\n\n- Bark.\n\n## [1.0.0]")
    )

    about, said, hint = problem(place, "1.1.0")

    assert about == "changelog"
    assert "[YANKED]" in said
    assert hint == "hephaestus release --version 1.1.1"


def test_a_release_half_way_is_in_the_way_of_others_and_not_of_itself(place: Place) -> None:
    make(Request(version="1.1.0", until="bump"), place.repository, Quiet(), None)

    assert problem(place)[::2] == ("in flight", "hephaestus release --version 1.1.0")
    assert problem(place, "1.2.0")[0] == "in flight"
    assert "carries on with it" in looked(place, "1.1.0")["in flight"].said


def test_a_forge_nobody_chose_is_said_to_be_seen_by_nobody_else(place: Place) -> None:
    text = (place.root / "pyproject.toml").read_text()
    place.commit("pyproject.toml", text.replace(f'forge = "{place.forge}"\n', ""))
    place.git("push", "--quiet")

    assert "nobody chose it" in looked(place)["forge"].said


# On GitHub.


def test_on_github_the_repository_is_looked_at_as_well(hosted: Place, hub: Hub) -> None:
    found = looked(hosted, "1.1.0")

    assert [each for each in found.values() if each.problem] == []
    assert {"token", "repository", "push access", "branch main", "tag v1.1.0", "immutable releases"} < set(found)
    assert {each.method for each in hub.exchanges if not each.path.endswith(".git/git-receive-pack")} <= {"GET", "POST"}


def test_without_a_version_the_next_patch_is_looked_at(hosted: Place) -> None:
    assert "tag v1.0.1" in looked(hosted)


def test_a_protected_branch_is_one_problem_however_many_ask(hosted: Place, hub: Hub) -> None:
    hub.protect("main")

    assert problem(hosted, "1.1.0")[::2] == ("branch main", "hephaestus release --version 1.1.0 --pr")


def test_a_commit_that_is_prepared_and_only_tagged_needs_no_unprotected_branch(hosted: Place, hub: Hub) -> None:
    hosted.hephaestus("bump", "--version", "1.1.0")
    hosted.hephaestus("changelog", "--version", "1.1.0")
    hosted.git("commit", "--quiet", "-am", "chore: Prepare release v1.1.0")
    hosted.git("push", "--quiet", str(hub.bare), "main")
    hub.protect("main")

    assert [each for each in looked(hosted, "1.1.0").values() if each.problem] == []


def test_a_release_that_somebody_made_by_hand_is_in_the_way(hosted: Place, hub: Hub) -> None:
    hub.release("v1.1.0", draft=True)

    about, said, _ = problem(hosted, "1.1.0")

    assert about == "draft"
    assert "that this release did not make" in said


def test_a_github_that_does_not_answer_is_one_problem(hosted: Place, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "pause", lambda _seconds: None)
    hub.fail(Fault.CUT_BEFORE, path="^/repos|^/user", times=999)

    assert problem(hosted)[0] == "server"


def test_no_token_is_shown_anywhere(hosted: Place, hub: Hub) -> None:
    hub.permission = "read"
    done = hosted.hephaestus("doctor", "--json")

    assert done.returncode == 3
    assert hub.token not in done.stdout + done.stderr


# The task.


def test_what_is_in_the_way_ends_in_three_with_words_for_people_and_a_document_for_machines(place: Place) -> None:
    (place.root / "CHANGELOG.md").write_text("changed")

    people, machine = place.hephaestus("doctor"), place.hephaestus("doctor", "--json")

    assert (people.returncode, people.stdout) == (3, "")
    assert "!  checkout" in people.stderr
    assert "\nproblem: tracked files are changed" in people.stderr
    assert "  hint: git stash\n" in people.stderr
    told = json.loads(machine.stdout)
    assert (machine.returncode, told["exit_code"], told["problems"][0]["hint"]) == (3, 3, "git stash")
    assert {"about": "project", "said": "acorn 1.0.0", "hint": None} in told["findings"]


def test_where_nothing_is_in_the_way_it_ends_in_zero_and_says_so(place: Place) -> None:
    people, machine = place.hephaestus("doctor"), place.hephaestus("doctor", "--json")

    assert people.returncode == 0
    assert people.stderr.endswith("\n\nnothing is in the way\n")
    assert (machine.returncode, machine.stderr) == (0, "")
    assert json.loads(machine.stdout)["outcome"] == "nothing is in the way"


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_the_table_fits_the_terminal_and_the_command_can_be_copied(place: Place, columns: int) -> None:
    (place.root / "CHANGELOG.md").write_text("changed")

    shown = terminal(place, columns, "doctor")

    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown).replace("\r\n", "\n")
    table = plain.partition("error:")[0].splitlines()
    assert max(map(len, table)) <= columns
    assert "git stash" not in "\n".join(table), "it is said once, where it can be copied"
    assert "  hint: git stash\n" in plain


def test_findings_become_a_document_that_names_every_problem() -> None:
    found = [Finding("git", "2.39.5"), Finding("clone", "gone", "git init"), Finding("remote", "mute", "ping")]

    with pytest.raises(ChecksFailed) as caught:
        doctor.document(found)
    assert [problem.hint for problem in caught.value.problems] == ["git init", "ping"]
    assert caught.value.document()["findings"] == [vars(each) for each in found]
    assert doctor.document(found[:1]) == {"outcome": "nothing is in the way", "findings": [vars(found[0])]}


def test_git_knows_its_version() -> None:
    assert git.version() >= (2, 30)
