"""Where a release may begin: what is refused, all of it at once, and with the command that mends it."""

import io

import pytest

from hephaestus import checkout, git, ui
from hephaestus.errors import ChecksFailed, CouldNotRun, HephaestusError, UsageError
from hephaestus.make import make, preview
from hephaestus.request import Request

COMMANDS = ("$EDITOR", "apt-get", "cd", "git", "grep", "hephaestus", "invoke", "ls", "printf", "python")


def problems(place, version="1.1.0") -> dict[str, str]:
    """Return the problems in the way of a release, with their hints; asking for them must not change anything."""
    before = place.snapshot()
    found = preview(Request(version=version), place.repository)[2]
    assert place.snapshot() == before
    assert all(problem.hint.startswith(COMMANDS) for problem in found)
    return {problem.message: problem.hint for problem in found}


def only(found: dict[str, str]) -> tuple[str, str]:
    [(message, hint)] = found.items()
    return message, hint


def elsewhere(place, *, push=True) -> None:
    """Commit from another clone."""
    other = place.clone("other")
    other.commit("src/acorn/roots.py", "DEPTH = 1\n", "feat: Grow roots")
    if push:
        other.git("push", "--quiet")


@pytest.mark.slow
def test_a_project_that_is_ready_has_no_problems(place):
    assert problems(place) == {}


def test_a_directory_that_is_no_repository_is_refused(tmp_path):
    with pytest.raises(UsageError, match="not in the work tree of a git repository") as raised:
        git.discover(tmp_path)

    assert raised.value.hint.startswith("git init")


def test_a_machine_without_git_is_told_what_to_install(place, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(CouldNotRun, match="git is not installed") as raised:
        git.discover(place.root)

    assert raised.value.hint == "apt-get install git"


def test_a_directory_inside_the_project_will_do(place):
    assert git.discover(place.root / "src/acorn").root == place.root.resolve()


def test_a_repository_without_a_commit_is_refused(place, tmp_path):
    place.git("init", "--quiet", str(tmp_path / "new"))

    with pytest.raises(UsageError, match="no commit yet") as raised:
        checkout.base(git.Repository(tmp_path / "new"))

    assert raised.value.hint.startswith("git ")


def test_a_repository_without_a_pyproject_is_refused(place):
    place.git("rm", "--quiet", "pyproject.toml")
    place.git("commit", "--quiet", "-m", "chore: Remove")

    with pytest.raises(UsageError, match=r"no pyproject\.toml") as raised:
        problems(place)

    assert raised.value.hint.startswith("cd ")


@pytest.mark.parametrize(
    ("data", "why"),
    [(b"\xef\xbb\xbf[project]\n", "byte order mark"), (b'[project]\nname = "acorn"\n[tool.hephaestus]\nforgge = "x"\n', "unknown key 'forgge'")],
)  # fmt: skip
def test_a_pyproject_that_cannot_be_understood_is_refused_with_the_reason(place, data, why):
    (place.root / "pyproject.toml").write_bytes(data)
    place.git("commit", "--quiet", "--all", "-m", "chore: Configure")

    with pytest.raises(UsageError, match=why) as raised:
        problems(place)

    assert raised.value.hint.startswith(COMMANDS)


def test_a_clone_without_a_remote_is_refused(place):
    place.git("remote", "remove", "origin")

    with pytest.raises(UsageError, match="no remote") as raised:
        problems(place)

    assert raised.value.hint.startswith("git remote add")


def test_the_remote_is_the_branchs_own_before_origin(place, tmp_path):
    place.git("init", "--quiet", "--bare", str(tmp_path / "fork.git"))
    place.git("remote", "add", "fork", str(tmp_path / "fork.git"))
    assert checkout.remote(place.repository, None, "main") == "origin"
    place.git("config", "branch.main.remote", "fork")

    assert checkout.remote(place.repository, None, "main") == "fork"
    assert checkout.remote(place.repository, "origin", "main") == "origin"


def test_a_remote_that_does_not_exist_is_named_with_those_that_do(place):
    with pytest.raises(UsageError, match="no remote upstream; there are origin"):
        checkout.remote(place.repository, "upstream", "main")


def test_several_remotes_and_nothing_to_choose_by_are_refused(place):
    place.git("remote", "rename", "origin", "here")
    place.git("remote", "add", "there", str(place.remote))
    place.git("config", "--unset", "branch.main.remote")

    with pytest.raises(UsageError, match="here, there"):
        checkout.remote(place.repository, None, "main")


@pytest.mark.slow
def test_a_remote_that_does_not_answer_is_a_problem_with_its_own_words(place):
    place.remote.rename(place.remote.with_name("gone.git"))
    found = [problem.message for problem in preview(Request(version="1.1.0"), place.repository)[2]]

    assert len([message for message in found if "origin does not answer" in message]) == 1


# A detached head


def test_a_detached_head_is_refused(place):
    place.git("checkout", "--quiet", "--detach")

    with pytest.raises(UsageError, match="detached") as raised:
        checkout.base(place.repository)

    assert raised.value.hint == "git switch main"


@pytest.mark.parametrize(
    ("branch", "said", "commit"), [("GITHUB_REF", "refs/heads/next", "GITHUB_SHA"), ("CI_COMMIT_BRANCH", "next", "CI_COMMIT_SHA")]
)  # fmt: skip
def test_a_detached_head_is_accepted_where_ci_names_its_branch(place, monkeypatch, branch, said, commit):
    place.git("checkout", "--quiet", "--detach")
    head = place.git("rev-parse", "HEAD")
    monkeypatch.setenv(branch, said)
    monkeypatch.setenv(commit, head)

    assert checkout.base(place.repository) == (head, "next")


@pytest.mark.parametrize("said", ["refs/tags/v1.0.0", "refs/pull/7/merge", ""])
def test_a_tag_or_a_pull_request_that_ci_checked_out_is_no_branch(place, monkeypatch, said):
    place.git("checkout", "--quiet", "--detach")
    monkeypatch.setenv("GITHUB_REF", said)
    monkeypatch.setenv("GITHUB_SHA", place.git("rev-parse", "HEAD"))

    with pytest.raises(UsageError, match="detached"):
        checkout.base(place.repository)


def test_the_branch_ci_names_for_another_commit_does_not_count(place, monkeypatch):
    monkeypatch.setenv("GITHUB_REF", "refs/heads/main")
    monkeypatch.setenv("GITHUB_SHA", place.git("rev-parse", "HEAD"))
    place.git("checkout", "--quiet", "--detach", "HEAD^")

    with pytest.raises(UsageError, match="detached"):
        checkout.base(place.repository)


# The state of the clone


@pytest.mark.slow
def test_a_shallow_clone_is_a_problem_until_its_hint_is_run(place):
    place.git("clone", "--quiet", "--depth=1", place.remote.as_uri(), str(place.root.parent / "shallow"))
    shallow = type(place)(place.root.parent / "shallow", place.remote, place.forge)

    message, hint = only(problems(shallow))

    assert "shallow" in message
    shallow.git(*hint.split()[1:])
    assert problems(shallow) == {}


@pytest.mark.parametrize("staged", [False, True])
@pytest.mark.slow
def test_changed_tracked_files_are_a_problem_that_names_them(place, staged):
    (place.root / "CHANGELOG.md").write_text("mine\n")
    if staged:
        place.git("add", "CHANGELOG.md")

    message, hint = only(problems(place))

    assert "CHANGELOG.md" in message
    assert hint == "git stash"


@pytest.mark.slow
def test_untracked_files_are_only_noted(place, caplog):
    (place.root / "notes.txt").write_text("mine\n")
    assert problems(place) == {}
    caplog.set_level("INFO", "hephaestus")

    with ui.observer(io.StringIO()) as observer:
        make(Request(version="1.1.0", until="stage"), place.repository, observer, None)

    assert "notes.txt" in caplog.text


@pytest.mark.slow
def test_a_branch_behind_its_remote_is_a_problem_that_its_hint_mends(place):
    elsewhere(place)

    message, hint = only(problems(place))

    assert "main is behind origin/main" in message
    place.git(*hint.split()[1:])
    assert problems(place) == {}


@pytest.mark.slow
def test_a_branch_that_has_diverged_from_its_remote_is_a_problem_that_its_hint_mends(place):
    elsewhere(place)
    place.commit("src/acorn/bark.py", "ROUGH = True\n", "feat: Grow bark")

    message, hint = only(problems(place))

    assert "diverged" in message
    place.git(*hint.split()[1:])
    assert problems(place) == {}


@pytest.mark.slow
@pytest.mark.parametrize("branch", ["main", "next"])
def test_commits_that_were_not_pushed_are_listed_before_the_commit_point(place, branch):
    place.git("checkout", "--quiet", "-B", branch)
    place.commit("src/acorn/bark.py", "ROUGH = True\n", "feat: Grow bark")
    asked = []

    with ui.observer(io.StringIO()) as observer, pytest.raises(HephaestusError, match="was not made public"):
        make(Request(version="1.1.0"), place.repository, observer, lambda question: bool(asked.append(question)))

    [question] = asked
    assert "feat: Grow bark (not pushed before)" in question
    assert "feat: Grow leaves" not in question
    assert "chore: Prepare release v1.1.0" in question


# All at once


@pytest.mark.slow
def test_all_problems_are_told_at_once_and_nothing_is_changed(place):
    place.git("tag", "v1.0.5")
    place.commit("CHANGELOG.md", "# Changelog\n")
    elsewhere(place)
    (place.root / "pyproject.toml").write_text((place.root / "pyproject.toml").read_text() + "# mine\n")
    before = place.snapshot()

    with ui.observer(io.StringIO()) as observer, pytest.raises(ChecksFailed) as raised:
        make(Request(version="1.0.2"), place.repository, observer, None)

    told = [problem.message for problem in raised.value.problems]
    for expected in ("tracked files are changed", "diverged", "Unreleased", "not greater than 1.0.5", "no terminal"):
        assert [message for message in told if expected in message], expected
    assert "nothing was changed" in raised.value.message
    assert all(problem.hint.startswith(COMMANDS) for problem in raised.value.problems)
    assert place.snapshot() == before
    assert not list((place.root / ".git/hephaestus").glob("journals/*"))


@pytest.mark.slow
def test_a_commit_without_a_known_author_is_a_problem(place, machine):
    (machine / ".gitconfig").write_text("[user]\n\tuseConfigOnly = true\n")

    message, hint = only(problems(place))

    assert "who the author is" in message
    assert hint.startswith("git config user.")


@pytest.mark.slow
def test_the_program_tells_a_machine_without_git_what_to_install(place, tmp_path):
    done = place.hephaestus("release", "--version", "1.1.0", extra={"PATH": str(tmp_path)})

    assert done.returncode == CouldNotRun.exit_code
    assert "hint: apt-get install git" in done.stderr
