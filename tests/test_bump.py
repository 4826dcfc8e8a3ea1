"""The version: written everywhere the project keeps it, and not one other byte."""

import shutil
from pathlib import Path

import pytest

from hephaestus.bump import Bump
from hephaestus.errors import Conflict
from hephaestus.tree import Directory

PYPROJECT = (
    b'[project]\r\nname = "acorn"  # not 1.0.0\r\nversion   =  \'1.0.0\'\r\n\r\n[tool.other]\r\nversion = "1.0.0"\r\n'
)
PACKAGE = b'# 1.0.0\n__version__ = "1.0.0"\nOLDEST = "1.0.0"\n'
LOCK = b"""\
version = 1
revision = 3

[[package]]
name = "acorn"
version = "1.0.0"
source = { editable = "." }

[[package]]
name = "oak"
version = "1.0.0"
source = { registry = "https://pypi.org/simple" }
"""


def write(root: Path, files: dict[str, bytes]) -> Directory:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return Directory(root)


@pytest.fixture
def project(tmp_path):
    """A project that says 1.0.0 in three places, and in three more that are none of ours."""
    return write(tmp_path / "acorn", {"pyproject.toml": PYPROJECT, "src/acorn/__init__.py": PACKAGE, "uv.lock": LOCK})


def before(tree: Directory) -> Directory:
    """Return a copy of a tree, as the base commit has it."""
    copy = tree.root.with_name("before")
    if not copy.exists():
        shutil.copytree(tree.root, copy)
    return Directory(copy)


def files(tree: Directory) -> dict[str, bytes]:
    return {path: tree.read(path) or b"" for path in tree.paths()}


def test_every_place_gets_the_version_and_every_other_byte_stays(project):
    step = Bump(before(project), project, "1.1.0")

    assert list(step.check()) == []
    step.apply()

    assert files(project) == {
        "pyproject.toml": PYPROJECT.replace(b"'1.0.0'", b"'1.1.0'"),
        "src/acorn/__init__.py": PACKAGE.replace(b'__version__ = "1.0.0"', b'__version__ = "1.1.0"'),
        "uv.lock": LOCK.replace(b'"acorn"\nversion = "1.0.0"', b'"acorn"\nversion = "1.1.0"'),
    }


def test_a_second_time_changes_nothing(project):
    step = Bump(before(project), project, "1.1.0")
    step.apply()
    after = files(project)

    step.apply()

    assert files(project) == after


def test_a_bump_that_was_killed_between_two_files_is_finished(project):
    step = Bump(before(project), project, "1.1.0")
    step.apply()
    after = files(project)
    project.write("src/acorn/__init__.py", PACKAGE)
    assert not step.stands()

    step.apply()

    assert files(project) == after
    assert step.stands()


def test_a_place_that_says_something_else_meanwhile_is_a_conflict_and_stays(project):
    step = Bump(before(project), project, "1.1.0")
    project.write("src/acorn/__init__.py", PACKAGE.replace(b'"1.0.0"\nOLD', b'"1.0.9"\nOLD'))
    held = files(project)

    with pytest.raises(Conflict, match=r"src/acorn/__init__\.py says 1\.0\.9, neither 1\.0\.0 nor 1\.1\.0") as raised:
        step.apply()

    assert raised.value.hint == "git diff src/acorn/__init__.py"
    assert files(project) == held


def test_places_that_disagree_are_a_problem_with_a_command_that_shows_them(project):
    project.write("src/acorn/__init__.py", PACKAGE.replace(b"1.0.0", b"0.9.0"))

    [problem] = Bump(before(project), project, "1.1.0").check()

    assert "disagree" in problem.message
    assert problem.hint.startswith("git grep")


def test_a_version_that_is_none_is_replaced_like_any_other(project):
    write(project.root, {"pyproject.toml": PYPROJECT.replace(b"1.0.0'", b"banana'"), "src/acorn/__init__.py": b""})
    (project.root / "uv.lock").unlink()
    step = Bump(before(project), project, "1.1.0")

    assert list(step.check()) == []
    step.apply()

    assert project.read("pyproject.toml") == PYPROJECT.replace(b"1.0.0'", b"1.1.0'")


def test_the_words_name_both_versions_and_the_files(project):
    step = Bump(before(project), project, "1.1.0")

    assert step.describe() == "1.0.0 becomes 1.1.0 in pyproject.toml, src/acorn/__init__.py, uv.lock"
    assert '-__version__ = "1.0.0"\n+__version__ = "1.1.0"\n' in step.diff()


def test_a_dynamic_version_is_written_where_the_backend_reads_it(tmp_path):
    dynamic = b'[project]\nname = "acorn"\ndynamic = ["version"]\n\n[tool.hatch.version]\npath = "lib/about.py"\n'
    tree = write(tmp_path / "acorn", {"pyproject.toml": dynamic, "lib/about.py": PACKAGE})
    step = Bump(before(tree), tree, "1.1.0")

    step.apply()

    assert files(tree) == {
        "pyproject.toml": dynamic,
        "lib/about.py": PACKAGE.replace(b'ion__ = "1.0.0"', b'ion__ = "1.1.0"'),
    }


def test_a_version_from_the_tag_is_written_nowhere(tmp_path):
    dynamic = b'[project]\nname = "acorn"\ndynamic = ["version"]\n\n[tool.hatch.version]\nsource = "vcs"\n'
    tree = write(tmp_path / "acorn", {"pyproject.toml": dynamic})
    step = Bump(before(tree), tree, "1.1.0")

    assert list(step.check()) == []
    step.apply()

    assert files(tree) == {"pyproject.toml": dynamic}
    assert step.describe() == "nothing to write: the version comes from the tag"
