"""The stage: a place beside the checkout that sees git as the user does, and that the user's git never sees."""

import io
import json
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest

from hephaestus import stage, ui
from hephaestus.errors import (
    ChecksFailed,
    CommandFailed,
    Conflict,
    CouldNotRun,
    GateFailed,
    HephaestusError,
    UsageError,
)
from hephaestus.make import Outcome, make
from hephaestus.request import Request

# Each of these makes a release, at least as far as the stage.
pytestmark = pytest.mark.slow

COMMIT, TAG = "refs/hephaestus/v1.1.0/commit", "refs/hephaestus/v1.1.0/tag"

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n"

# Says no until somebody has made the file that is named in it; leaves its traces in the tree each time.
UNTIDY_NOXFILE = """\
import pathlib
import nox


@nox.session(tags=["gate"], venv_backend="none")
def untidy(session):
    pathlib.Path("src/acorn/left.py").write_text("LEFT = True\\n")
    pathlib.Path("src/acorn/__init__.py").write_text("raise SystemExit('gnawed')\\n")
    if not pathlib.Path({allowed!r}).exists():
        session.run("git", "not-yet", external=True)
"""


def release(place, until="tag", version="1.1.0") -> Outcome:
    """Make a release as far as a step, in this process."""
    with ui.observer(io.StringIO()) as observer:
        return make(Request(version=version, until=until), place.repository, observer, lambda _: True)


def staged(place) -> Path:
    """Return the directory the release is made in."""
    return stage.area(place.repository) / "stage"


def lose_the_cache(place) -> None:
    shutil.rmtree(stage.area(place.repository))


def hook(directory: Path, name: str, script: str) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / name).write_text(f"#!/bin/sh\n{script}\n")
    (directory / name).chmod(0o755)


def git_files(place) -> dict[str, bytes]:
    """Return every file of the git directory that the user's own work can depend on, reflogs included."""
    top = place.repository.common_directory
    ours = ("hephaestus/", "refs/hephaestus/", "objects/")
    found = {file.relative_to(top).as_posix(): file for file in sorted(top.rglob("*")) if file.is_file()}
    return {name: file.read_bytes() for name, file in found.items() if not name.startswith(ours)}


def distributed(place) -> set[str]:
    """Return the names of all files in the sdist and the wheel that were built."""
    [sdist] = (stage.area(place.repository) / "assets").glob("*.tar.gz")
    [wheel] = (stage.area(place.repository) / "assets").glob("*-none-any.whl")
    with tarfile.open(sdist) as tar, zipfile.ZipFile(wheel) as archive:
        return {Path(name).name for name in (*tar.getnames(), *archive.namelist())}


def told(error: HephaestusError) -> str:
    """Return all an error says, its problems included."""
    problems = error.problems if isinstance(error, ChecksFailed) else ()
    return "\n".join([error.message, *(problem.message for problem in problems)])


@pytest.fixture
def moss(place, tmp_path):
    """A repository of which only this user's configuration says where it is, as a submodule of the project."""
    origin = tmp_path / "moss.git"
    origin.mkdir()
    (origin / "moss.txt").write_text("soft\n")
    place.git("init", "--quiet", at=origin)
    place.git("add", ".", at=origin)
    place.git("commit", "--quiet", "-m", "feat: Begin", at=origin)
    place.git("config", "--global", f"url.{tmp_path}/.insteadOf", "woods:")
    place.git("submodule", "--quiet", "add", "woods:moss.git", "moss")
    place.git("commit", "--quiet", "-m", "feat: Add moss")
    return origin


# What git is told


def test_the_commit_carries_the_identity_of_the_users_clone(place):
    place.git("config", "user.name", "Robin of the Clone")
    place.git("config", "user.email", "clone@example.org")

    release(place)

    who = "Robin of the Clone <clone@example.org>"
    assert place.git("log", "-1", "--format=%an <%ae>/%cn <%ce>", COMMIT) == f"{who}/{who}"
    assert place.git("for-each-ref", "--format=%(taggername) %(taggeremail)", TAG) == who


def test_a_conditional_include_that_matches_only_the_users_directory_counts(place, machine):
    (machine / "work.gitconfig").write_text("[user]\n\temail = robin@work.example\n")
    with (machine / ".gitconfig").open("a") as file:
        file.write(f'[includeIf "gitdir:{place.root}/"]\n\tpath = work.gitconfig\n')

    release(place)

    assert place.git("log", "-1", "--format=%ae %ce", COMMIT) == "robin@work.example robin@work.example"


def test_commit_and_tag_are_signed_where_the_user_signs(place, machine):
    key = machine / "it's a key"
    _make_key(place, key)

    release(place)

    place.git("verify-commit", COMMIT)
    place.git("verify-tag", TAG)


def test_a_signature_that_cannot_be_made_stops_the_release_with_the_reason(place, machine):
    _make_key(place, machine / "key")
    (machine / "key").unlink()
    before = place.snapshot()

    with pytest.raises(CommandFailed, match="signature") as raised:
        release(place)

    assert "key" in told(raised.value)
    assert place.snapshot() == before


def test_signatures_shown_in_logs_do_not_get_into_the_time_of_the_build(place, machine):
    _make_key(place, machine / "key")
    place.git("config", "log.showSignature", "true")

    release(place, "build")

    assert "PKG-INFO" in distributed(place)


def _make_key(place, key: Path) -> None:
    from hephaestus import system

    system.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "robin@example.org", "-f", key])
    allowed = key.with_name("allowed")
    allowed.write_text(f"robin@example.org {key.with_name(f'{key.name}.pub').read_text()}")
    for name, value in {
        "gpg.format": "ssh",
        "gpg.ssh.allowedSignersFile": str(allowed),
        "user.signingKey": str(key),
        "commit.gpgSign": "true",
        "tag.gpgSign": "true",
    }.items():
        place.git("config", name, value)


def test_credential_helpers_answer_as_in_the_users_clone(place, machine, tmp_path):
    helper = """!f() { echo "username=robin"; echo 'password=a "leaf" \\ # and ; more'; }; f"""
    place.git("config", "--file", str(machine / "work.gitconfig"), "credential.https://Example.org/Oak.helper", helper)
    with (machine / ".gitconfig").open("a") as file:
        file.write(f'[includeIf "gitdir:{place.root}/"]\n\tpath = work.gitconfig\n')
    place.git("config", "credential.https://Example.org/Oak.useHttpPath", "true")
    asked = "url=https://Example.org/Oak"
    hook(place.root / ".git/hooks", "pre-commit", f"echo '{asked}' | git credential fill > '{tmp_path}/answer'")

    release(place)

    assert 'password=a "leaf" \\ # and ; more\n' in (tmp_path / "answer").read_text()


def test_addresses_are_rewritten_as_in_the_users_clone(place, tmp_path):
    place.git("config", "url.https://example.org/oak/.insteadOf", "woods:")
    hook(place.root / ".git/hooks", "pre-commit", f"git ls-remote --get-url woods:moss > '{tmp_path}/answer'")

    release(place)

    assert (tmp_path / "answer").read_text() == "https://example.org/oak/moss\n"


def test_what_the_shell_inherited_from_another_repository_or_environment_is_not_handed_on(place, tmp_path, monkeypatch):
    seen = tmp_path / "seen"
    hook(place.root / ".git/hooks", "pre-commit", f"env > '{seen}'")
    before = place.snapshot()
    with monkeypatch.context() as shell:
        for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"):
            shell.setenv(name, str(tmp_path / "elsewhere"))
        shell.setenv("GIT_LITERAL_PATHSPECS", "1")
        shell.setenv("VIRTUAL_ENV", str(tmp_path / "venv"))
        shell.setenv("NOX_CURRENT_SESSION", "tests")
        shell.setenv("GIT_AUTHOR_NAME", "Marian")
        release(place)

    handed = seen.read_text()
    assert "elsewhere" not in handed
    assert not [line for line in handed.splitlines() if line.startswith(("VIRTUAL_ENV=", "NOX_", "GIT_LITERAL_"))]
    assert "GIT_AUTHOR_NAME=Marian\n" in handed
    assert not (tmp_path / "elsewhere").exists()
    after = place.snapshot()
    assert after | {"refs": place.repository.refs("refs/heads", "refs/tags", "refs/remotes")} == before


# Hooks


def test_the_users_hooks_run_on_the_release_commit(place, tmp_path):
    hook(place.root / ".git/hooks", "pre-commit", f"git diff --cached --name-only > '{tmp_path}/committed'")
    hook(place.root / ".git/hooks", "commit-msg", "echo 'Signed-off-by: Robin <robin@example.org>' >> \"$1\"")

    release(place)

    assert (tmp_path / "committed").read_text().split() == ["CHANGELOG.md", "pyproject.toml", "src/acorn/__init__.py"]
    assert place.git("log", "-1", "--format=%B", COMMIT).endswith("Signed-off-by: Robin <robin@example.org>")


def test_a_relative_hooks_path_that_is_tracked_is_taken_from_the_release(place, tmp_path):
    hook(place.root / ".githooks", "pre-commit", f"pwd > '{tmp_path}/ran'")
    place.git("add", ".githooks")
    place.git("commit", "--quiet", "-m", "chore: Add hooks")
    place.git("config", "core.hooksPath", ".githooks")

    release(place)

    assert (tmp_path / "ran").read_text().strip() == str(staged(place).resolve())


def test_a_relative_hooks_path_that_is_not_tracked_is_the_users(place, tmp_path):
    place.git("config", "core.hooksPath", ".my hooks/all")
    hook(place.root / ".my hooks/all", "pre-commit", f"pwd > '{tmp_path}/ran'")

    release(place)

    assert (tmp_path / "ran").read_text().strip() == str(staged(place).resolve())


def test_a_hook_that_fails_stops_the_release_and_nothing_has_changed(place):
    hook(place.root / ".git/hooks", "pre-commit", "echo 'no release on a Sunday' >&2; exit 1")
    before, files = place.snapshot(), git_files(place)

    with pytest.raises(CommandFailed, match="no release on a Sunday") as raised:
        release(place)

    assert "hook" in raised.value.message
    assert "nothing is public" in raised.value.message
    assert raised.value.hint is not None
    assert (place.snapshot(), git_files(place)) == (before, files)


def test_a_release_that_a_hook_stopped_goes_on_once_the_hook_is_content(place):
    hook(place.root / ".git/hooks", "pre-commit", "exit 1")
    with pytest.raises(CommandFailed):
        release(place)
    hook(place.root / ".git/hooks", "pre-commit", "exit 0")

    release(place)

    assert place.git("show", f"{COMMIT}:pyproject.toml").count('version = "1.1.0"') == 1


@pytest.mark.parametrize("files", ["pyproject.toml src/acorn/__init__.py", "pyproject.toml"])
def test_a_hook_that_changes_the_version_is_caught(place, files):
    hook(place.root / ".git/hooks", "pre-commit", f"sed -i s/1.1.0/6.6.6/ {files} && git add -u")
    before = place.snapshot()

    with pytest.raises((Conflict, UsageError), match=r"6\.6\.6"):
        release(place)

    assert place.snapshot() == before


# What is in the stage


def test_a_sparse_checkout_of_the_users_leaves_the_stage_whole(place):
    place.commit("docs/deep/guide.md", "# Guide\n")
    place.git("sparse-checkout", "set", "src")
    assert not (place.root / "docs").exists()

    release(place, "stage")

    assert (staged(place) / "docs/deep/guide.md").read_text() == "# Guide\n"
    assert not (place.root / "docs").exists()


def test_a_clone_that_fetches_files_only_when_they_are_asked_for_is_staged_whole(place, tmp_path):
    place.commit("docs/deep/guide.md", "# Guide\n")
    place.git("push", "--quiet")
    place.git("config", "uploadpack.allowFilter", "true", at=place.remote)
    place.git("config", "uploadpack.allowAnySHA1InWant", "true", at=place.remote)
    place.git("clone", "--quiet", "--sparse", "--filter=blob:none", place.remote.as_uri(), str(tmp_path / "partial"))
    partial = type(place)(tmp_path / "partial", place.remote, place.forge)

    release(partial)

    assert (staged(partial) / "docs/deep/guide.md").read_text() == "# Guide\n"


@pytest.mark.usefixtures("moss")
def test_submodules_are_populated_by_the_urls_the_user_has_rewritten(place):
    release(place, "stage")

    assert (staged(place) / "moss/moss.txt").read_text() == "soft\n"


def test_submodules_that_cannot_be_fetched_refuse_the_release(place, moss):
    moss.rename(moss.with_name("gone"))
    before = place.snapshot()

    with pytest.raises(CouldNotRun, match="submodule") as raised:
        release(place, "stage")

    assert raised.value.hint == "git submodule update --init --recursive"
    assert place.snapshot() == before


@pytest.mark.usefixtures("moss")
def test_a_submodule_that_is_set_not_to_be_updated_is_populated_in_the_stage(place):
    place.git("config", "submodule.moss.update", "none")

    release(place, "stage")

    assert (staged(place) / "moss/moss.txt").read_text() == "soft\n"


@pytest.mark.usefixtures("moss")
def test_a_submodule_that_is_set_inactive_refuses_the_release(place):
    place.git("config", "submodule.active", "bark")
    place.git("config", "--unset", "submodule.moss.active")

    with pytest.raises(CouldNotRun, match=r"(?s)submodule.*moss"):
        release(place, "stage")


@pytest.mark.usefixtures("moss")
def test_a_submodule_that_nobody_says_where_to_fetch_refuses_the_release(place):
    place.git("rm", "--quiet", "--cached", ".gitmodules")
    (place.root / ".gitmodules").unlink()
    place.git("commit", "--quiet", "-m", "chore: Lose the way")

    with pytest.raises(CouldNotRun, match=r"(?s)submodule.*moss"):
        release(place, "stage")


@pytest.mark.usefixtures("moss")
def test_what_is_left_in_a_submodule_is_gone_before_the_build(place):
    release(place, "stage")
    left = staged(place) / "moss"
    (left / "left.txt").write_text("left\n")
    (left / "moss.txt").write_text("gnawed\n")
    base = place.git("rev-parse", "HEAD")

    stage.Stage(place.repository, stage.area(place.repository), base, "main", "v1.1.0").reset(base)

    assert sorted(file.name for file in left.iterdir()) == [".git", "moss.txt"]
    assert (left / "moss.txt").read_text() == "soft\n"


@pytest.mark.parametrize("where", ["", "data/"])
def test_files_that_git_lfs_left_as_pointers_refuse_the_release(place, where):
    place.commit("data/picture.bin", POINTER)
    place.commit(f"{where}.gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
    before = place.snapshot()

    with pytest.raises((ChecksFailed, CouldNotRun)) as raised:
        release(place, "stage")

    assert "Git LFS" in told(raised.value)
    assert place.snapshot() == before


def test_a_link_to_nowhere_is_no_pointer_of_git_lfs(place):
    (place.root / "data").mkdir()
    (place.root / "data/link").symlink_to("nowhere")
    (place.root / "data/.gitattributes").write_text("link filter=lfs\n")
    place.git("add", "data")
    place.git("commit", "--quiet", "-m", "feat: Link")

    release(place, "stage")

    assert (staged(place) / "data/link").is_symlink()


def test_untracked_and_ignored_files_of_the_checkout_never_reach_the_build(place):
    place.commit(".gitignore", "dist/\nsecret.py\n")
    (place.root / "src/acorn/secret.py").write_text("KEY = 'leaf'\n")
    (place.root / "src/acorn/untracked.py").write_text("")

    release(place, "build")

    assert {"leaves.py"} == distributed(place) & {"leaves.py", "secret.py", "untracked.py"}


def test_what_a_commit_hook_leaves_behind_never_reaches_the_build(place):
    hook(place.root / ".git/hooks", "pre-commit", "echo > src/acorn/hooked.py")
    hook(place.root / ".git/hooks", "post-commit", "echo 'raise SystemExit' > src/acorn/leaves.py; mkdir dist")

    release(place, "build")

    assert "hooked.py" not in distributed(place)
    assert (staged(place) / "src/acorn/leaves.py").read_text() == "COLOUR = 'green'\n"


def test_what_a_gate_leaves_behind_never_reaches_a_build_that_is_made_again(place, tmp_path):
    place.commit("noxfile.py", UNTIDY_NOXFILE.format(allowed=str(tmp_path / "allowed")))
    with pytest.raises(GateFailed):
        release(place, "gates")
    assert (staged(place) / "src/acorn/left.py").exists()
    shutil.rmtree(stage.area(place.repository) / "assets")
    (tmp_path / "allowed").touch()

    release(place, "gates")

    assert "left.py" not in distributed(place)
    with zipfile.ZipFile(next((stage.area(place.repository) / "assets").glob("*.whl"))) as wheel:
        assert b"gnawed" not in wheel.read("acorn/__init__.py")


# What the user sees of it


def test_up_to_the_commit_point_only_private_refs_and_an_invisible_draft_exist(place):
    place.git("config", "core.logAllRefUpdates", "true")
    (place.root / "notes.txt").write_text("mine\n")
    before, files = place.snapshot(), git_files(place)

    release(place, "upload")

    after = place.snapshot()
    private = {name for name in after["refs"] if name.startswith("refs/hephaestus/")}
    assert private == {COMMIT, TAG}
    assert {name: held for name, held in after["refs"].items() if name not in private} == before["refs"]
    assert len(after["drafts"]) == 1
    unchanged = before.keys() - {"refs", "drafts"}
    assert {name: after[name] for name in unchanged} == {name: before[name] for name in unchanged}
    assert git_files(place) == files


def test_the_stage_appears_in_no_list_of_work_trees_branches_or_tags(place):
    asked = (("worktree", "list"), ("branch", "--all"), ("tag",), ("stash", "list"), ("remote", "--verbose"))
    before = [place.git(*words) for words in asked]

    release(place)

    assert [place.git(*words) for words in asked] == before


def test_a_release_from_a_linked_work_tree_leaves_the_main_one_alone(place, tmp_path):
    place.git("worktree", "add", "--quiet", "-b", "next", str(tmp_path / "linked"))
    linked = type(place)(tmp_path / "linked", place.remote, place.forge)
    trees = place.git("worktree", "list", "--porcelain").replace(place.git("rev-parse", "next"), "")
    main = place.git("rev-parse", "main")

    done = release(linked, None)

    assert done.state == "released"
    assert linked.git("describe") == "v1.1.0"
    assert linked.git("status", "--porcelain") == place.git("status", "--porcelain") == ""
    assert place.git("rev-parse", "HEAD") == main
    lines = place.git("worktree", "list", "--porcelain").replace(place.git("rev-parse", "next"), "")
    assert lines.replace("HEAD " + main, "HEAD ") in (trees.replace("HEAD " + main, "HEAD "), trees)


def test_a_work_tree_of_a_bare_clone_is_a_place_to_release_from(place, tmp_path):
    place.git("clone", "--quiet", "--bare", str(place.remote), str(tmp_path / "bare.git"))
    place.git("worktree", "add", "--quiet", str(tmp_path / "tree"), "main", at=tmp_path / "bare.git")
    tree = type(place)(tmp_path / "tree", place.remote, place.forge)

    release(tree)

    assert tree.git("show", f"{COMMIT}:pyproject.toml").count('version = "1.1.0"') == 1
    assert tree.git("status", "--porcelain") == ""


# Losing the stage


@pytest.mark.parametrize("until", ["stage", "bump", "changelog", "commit", "tag"])
def test_the_cache_may_be_deleted_between_two_runs(place, until):
    release(place, until)
    lose_the_cache(place)

    release(place)

    assert place.git("show", f"{COMMIT}:pyproject.toml").count('version = "1.1.0"') == 1
    assert "## [1.1.0]" in place.git("show", f"{COMMIT}:CHANGELOG.md")
    assert place.git("rev-parse", f"{TAG}^{{commit}}") == place.git("rev-parse", COMMIT)
    assert place.git("describe", "--exact-match", at=staged(place)) == "v1.1.0"


@pytest.mark.parametrize("until", ["build", "upload", "push"])
def test_a_release_is_finished_although_its_files_were_deleted_from_the_cache(place, until):
    release(place, until)
    lose_the_cache(place)

    done = release(place, None)

    assert done.state == "released"
    assert len([name for name in place.releases() if name.endswith((".whl", ".tar.gz"))]) >= 2


def test_a_tag_that_came_home_before_the_release_went_on_does_not_hinder_a_new_stage(place):
    release(place)
    place.git("push", "--quiet", "--atomic", "origin", f"{COMMIT}:refs/heads/main", f"{TAG}:refs/tags/v1.1.0")
    place.git("fetch", "--quiet", "--tags", "origin")
    lose_the_cache(place)

    release(place)

    assert place.git("describe", "--exact-match", at=staged(place)) == "v1.1.0"


# Odd places


ODD = 'it\'s an "odd" ünï日本 $HOME; & place'


def test_a_clone_may_be_called_anything(place, tmp_path):
    (tmp_path / ODD).mkdir()
    place.git("clone", "--quiet", str(place.remote), str(tmp_path / ODD / ODD))
    odd = type(place)(tmp_path / ODD / ODD, place.remote, place.forge)
    hook(odd.root / ".git/hooks", "pre-commit", f"touch '{tmp_path}/ran'")

    done = release(odd, None)

    assert done.state == "released"
    assert (tmp_path / "ran").exists()
    assert odd.git("describe") == "v1.1.0"


@pytest.fixture
def sha256(monkeypatch):
    """Make repositories with the longer object names."""
    monkeypatch.setenv("GIT_DEFAULT_HASH", "sha256")


@pytest.mark.usefixtures("sha256")
def test_a_repository_with_sha256_names_is_released_like_any_other(place, monkeypatch):
    monkeypatch.delenv("GIT_DEFAULT_HASH")
    assert len(place.git("rev-parse", "HEAD")) == 64

    done = release(place, None)

    assert done.state == "released"
    assert place.remote_refs()["refs/tags/v1.1.0"] == place.git("rev-parse", "v1.1.0")
    json.dumps(dict(done.details))
