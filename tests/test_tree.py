"""A directory as a tree of files: reading never leaves it, writing is whole, differences read as git's."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hephaestus import git
from hephaestus.tree import Directory, unified

if TYPE_CHECKING:
    from places import Place


@pytest.fixture
def tree(tmp_path: Path) -> Directory:
    (tmp_path / "root" / "src").mkdir(parents=True)
    return Directory(tmp_path / "root")


def test_a_file_is_read_as_it_was_written(tree: Directory) -> None:
    tree.write("src/module.py", b"\xff\r\nbytes")

    assert tree.read("src/module.py") == b"\xff\r\nbytes"
    assert tree.read("src") is None
    assert tree.read("missing") is None


def test_nothing_outside_is_read_by_a_link_or_by_dots(tree: Directory, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    (tree.root / "link").symlink_to(tmp_path / "secret")
    (tree.root / "folder").symlink_to(tmp_path)
    (tree.root / "inside").symlink_to("src/module.py")
    tree.write("src/module.py", b"mine")

    assert tree.read("link") is None
    assert tree.read("folder/secret") is None
    assert tree.read("../secret") is None
    assert tree.read(str(tmp_path / "secret")) is None
    assert tree.read("inside") == b"mine"


def test_all_files_are_listed_but_for_hidden_directories_the_same_in_any_order(tree: Directory) -> None:
    for path in ("z.py", "a.py", "src/b.py", ".gitignore", ".git/HEAD", "src/.cache/x"):
        (tree.root / path).parent.mkdir(exist_ok=True)
        tree.write(path, b"")

    assert tree.paths() == [".gitignore", "a.py", "src/b.py", "z.py"]


def test_a_commit_and_its_checkout_read_the_same(place: Place) -> None:
    commit, here = git.Commit(place.repository, "HEAD"), Directory(place.root)

    assert commit.paths() == here.paths()
    assert [commit.read(path) for path in commit.paths()] == [here.read(path) for path in here.paths()]
    assert commit.read("missing") is None
    assert commit.read("src") is None


def test_a_difference_reads_as_gits() -> None:
    assert unified("VERSION", b"1\n2\n", b"1\n3\n") == "--- a/VERSION\n+++ b/VERSION\n@@ -1,2 +1,2 @@\n 1\n-2\n+3\n"
    assert unified("VERSION", b"1", b"1") == ""
    assert "\\ No newline at end of file\n" in unified("VERSION", b"1\n", b"2")


# Form feeds and separators end a line for Python and not for git.
LINES = st.lists(
    st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\u2028\u2029\x85"), max_size=5),
    max_size=8,
)


@given(before=LINES, after=LINES, end=st.sampled_from(["", "\n"]))
@pytest.mark.slow
def test_git_can_apply_a_difference(
    tmp_path_factory: pytest.TempPathFactory, before: list[str], after: list[str], end: str
) -> None:
    old, new = (("\n".join(lines) + end).encode() for lines in (["first", *before], ["first", *after]))
    root = tmp_path_factory.mktemp("patch")
    (root / "file").write_bytes(old)
    difference = unified("file", old, new)

    if difference:
        subprocess.run(
            ["git", "apply", "--unidiff-zero"], cwd=root, input=difference.encode(), check=True, capture_output=True
        )
    assert (root / "file").read_bytes() == new
