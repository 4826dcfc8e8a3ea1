"""The door to git: exact answers, whatever files and refs are called and however git is configured."""

import os

import pytest

from hephaestus import git
from hephaestus.errors import CommandFailed, CouldNotRun, UsageError

ODD = 'ünï "quoted" 日本\ttab'


def test_a_commits_files_are_read_from_the_commit_and_not_from_the_checkout(place):
    (place.root / "CHANGELOG.md").write_text("changed\n")
    tree = git.Commit(place.repository, "HEAD")

    assert tree.read("CHANGELOG.md").startswith(b"# Changelog\n")
    assert tree.read("none.txt") is None
    assert tree.read("src") is None
    assert "src/acorn/__init__.py" in tree.paths()


def test_files_of_any_name_and_any_bytes_are_read_as_they_are(place):
    data = bytes(range(256))
    (place.root / ODD).write_bytes(data)
    place.git("add", ".")
    place.git("commit", "--quiet", "-m", "feat: Grow")
    tree = git.Commit(place.repository, "HEAD")

    assert tree.read(ODD) == data
    assert ODD in tree.paths()


def test_a_symbolic_link_in_a_commit_is_not_followed(place):
    (place.root / "link").symlink_to("CHANGELOG.md")
    place.git("add", "link")
    place.git("commit", "--quiet", "-m", "feat: Link")

    assert git.Commit(place.repository, "HEAD").read("link") is None


def test_changed_and_untracked_files_are_told_apart_by_their_whole_names(place):
    (place.root / ODD).write_text("new\n")
    (place.root / "CHANGELOG.md").write_text("changed\n")
    place.git("rm", "--quiet", "noxfile.py")
    place.git("mv", "backend.py", "front.py")
    (place.root / "dist").mkdir()
    (place.root / "dist/ignored").write_text("")

    assert sorted(place.repository.changed()) == ["CHANGELOG.md", "backend.py", "front.py", "noxfile.py"]
    assert place.repository.untracked() == [ODD]


def test_asking_does_not_rewrite_the_index(place):
    os.utime(place.root / "CHANGELOG.md", (1, 1))
    before = (place.root / ".git/index").read_bytes()

    place.repository.changed()

    assert (place.root / ".git/index").read_bytes() == before


def test_a_ref_moves_only_from_what_it_held(place):
    repository, head, older = place.repository, place.git("rev-parse", "HEAD"), place.git("rev-parse", "HEAD^")
    repository.set_ref("refs/hephaestus/x", older, git.ABSENT)

    with pytest.raises(CommandFailed):
        repository.set_ref("refs/hephaestus/x", head, git.ABSENT)
    with pytest.raises(CommandFailed):
        repository.delete_ref("refs/hephaestus/x", head)
    assert repository.refs("refs/hephaestus") == {"refs/hephaestus/x": older}
    repository.set_ref("refs/hephaestus/x", head, older)
    repository.delete_ref("refs/hephaestus/x", head)
    repository.delete_ref("refs/hephaestus/x", head)
    assert repository.refs("refs/hephaestus") == {}


def test_a_revision_that_looks_like_an_option_is_none(place):
    assert place.repository.resolve("--all") is None
    assert place.repository.resolve("no-such-thing") is None


def test_the_remote_is_asked_for_whole_names_only(place):
    place.git("push", "--quiet", "origin", "main:refs/heads/deep/main")

    held = place.repository.remote_refs("origin", "refs/heads/main", "refs/heads/none")

    assert held == {"refs/heads/main": place.git("rev-parse", "main")}


def test_a_remote_that_does_not_answer_could_not_be_asked(place):
    place.remote.rename(place.remote.with_name("gone.git"))

    with pytest.raises(CouldNotRun, match="origin does not answer") as raised:
        place.repository.remote_refs("origin", "refs/heads/main")

    assert raised.value.hint == "git ls-remote origin"


def test_a_fetch_brings_objects_and_leaves_no_other_trace(place):
    other = place.clone("other")
    new = other.commit("new.txt", "new\n")
    other.git("tag", "-m", "new", "new")
    before = place.snapshot()

    place.repository.fetch(str(other.root), new)

    assert place.repository.resolve(f"{new}^{{commit}}") == new
    assert place.snapshot() == before
    assert not (place.root / ".git/FETCH_HEAD").exists()


def test_a_push_is_all_or_nothing_under_its_leases(place):
    new, old = place.commit("new.txt", "new\n"), place.git("rev-parse", "HEAD^")
    wanted = [f"{new}:refs/heads/main", f"{new}:refs/heads/other"]
    before = place.remote_refs()

    refused = place.repository.push("origin", {"refs/heads/main": old, "refs/heads/other": old}, wanted)

    assert refused.code
    assert refused.refs["refs/heads/other"][0] == "!"
    assert place.remote_refs() == before
    taken = place.repository.push("origin", {"refs/heads/main": old, "refs/heads/other": git.ABSENT}, wanted)
    assert taken.code == 0
    assert place.remote_refs() == {**before, "refs/heads/main": new, "refs/heads/other": new}


def test_a_tree_with_one_other_file_is_made_without_touching_index_or_files(place):
    (place.root / "run").write_text("#!/bin/sh\n")
    (place.root / "run").chmod(0o755)
    place.git("add", "run")
    place.git("commit", "--quiet", "-m", "feat: Run")
    before = place.snapshot()

    tree = place.repository.tree_with("HEAD", "run", b"exit 1\n")

    assert place.git("diff", "--name-only", "HEAD", tree) == "run"
    assert place.git("ls-tree", "--format=%(objectmode)", tree, "run") == "100755"
    assert place.git("cat-file", "blob", f"{tree}:run") == "exit 1"
    assert place.snapshot() == before


def test_a_message_belongs_to_annotated_tags_only(place):
    place.git("tag", "light")

    assert place.repository.tag_message("refs/tags/v1.0.0") == "Release v1.0.0\n"
    assert place.repository.tag_message("refs/tags/light") == ""


def test_settings_are_read_with_their_types(place):
    place.git("config", "hephaestus.forge", "two\nlines ")
    place.git("config", "tag.gpgSign", "on")

    assert place.repository.config("hephaestus.forge") == "two\nlines "
    assert place.repository.config("tag.gpgSign", kind="bool") == "true"
    assert place.repository.config("no.such") is None


def test_a_directory_git_does_not_trust_is_named_with_the_way_to_trust_it(place, monkeypatch):
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")

    with pytest.raises(UsageError, match="does not trust") as raised:
        git.discover(place.root)

    assert raised.value.hint.startswith("git config --global --add safe.directory")


def test_the_root_of_a_clone_of_an_odd_name_is_found(place, tmp_path):
    place.git("clone", "--quiet", str(place.remote), str(tmp_path / ODD))

    assert git.discover(tmp_path / ODD / "src").root == tmp_path / ODD
    assert git.Repository(tmp_path / ODD).common_directory == tmp_path / ODD / ".git"


def test_work_trees_tell_which_branches_are_checked_out(place, tmp_path):
    place.git("worktree", "add", "--quiet", "-b", "next", str(tmp_path / "linked"))

    assert place.repository.work_tree_branches() == {"refs/heads/main", "refs/heads/next"}
    assert git.Repository(tmp_path / "linked").common_directory == place.root / ".git"


def test_what_a_remote_needs_to_know_is_told_to_git_by_its_environment_alone(place, tmp_path, monkeypatch):
    secret = "Authorization: Basic c2VjcmV0"
    trace = tmp_path / "trace"
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "user.name")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "Kim")
    monkeypatch.setenv("GIT_TRACE", str(trace))
    able = git.Repository(place.root, (("http.https://github.com/.extraheader", secret),))
    hook = place.root / ".git/hooks/pre-push"
    hook.write_text(
        "#!/bin/sh\ngit config http.https://github.com/.extraheader >.git/seen; git config user.name >>.git/seen\n"
    )
    hook.chmod(0o755)

    able.push("origin", {}, ["HEAD:refs/heads/other"])
    able.run("config", "--list")

    assert (place.root / ".git/seen").read_text() == f"{secret}\nKim\n"
    assert secret not in repr(able)
    assert secret not in trace.read_text()
    assert secret not in (place.root / ".git/config").read_text()
    assert able == place.repository
