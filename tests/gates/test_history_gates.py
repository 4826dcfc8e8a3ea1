"""The gates `api` and `drift`: the version promises what changed since the last release, and files agree on facts."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from benches import ask, bench, chosen, places, write

from hephaestus import drift
from hephaestus.gates.builtin import api, drifting
from hephaestus.gates.gate import Answer, Gate, Off

CHANGELOG = (
    "# Changelog\n\n## [Unreleased]\n\n{unreleased}\n{section}\n## [1.0.0] - 2026-01-01\n\n### Added\n\n- A trunk.\n"
)
PACKAGE = '"""A tree."""\n\n\ndef grow(leaves):\n    """Grow."""\n\n\ndef wither():\n    """Wither."""\n'
LESS = '"""A tree."""\n\n\ndef grow(leaves):\n    """Grow."""\n'
REMOVED = "### Removed\n\n- `acorn.wither`.\n"


def git(root: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=root, check=True, capture_output=True)


def project(root: Path, *, version: str = "1.0.0", unreleased: str = "", section: str = "", more: str = "") -> None:
    write(
        root,
        {
            "pyproject.toml": f'[project]\nname = "acorn"\nversion = "{version}"\n{more}',
            "CHANGELOG.md": CHANGELOG.format(unreleased=unreleased, section=section),
        },
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project that has released 1.0.0."""
    found = tmp_path / "acorn"
    write(found, {"src/acorn/__init__.py": PACKAGE})
    project(found)
    git(found, "init", "--quiet")
    git(found, "add", ".")
    git(found, "commit", "--quiet", "--message", "feat: Grow")
    git(found, "tag", "v1.0.0")
    return found


def asked(root: Path, tmp_path: Path, name: str = "api") -> Answer:
    family = {"api": api, "drift": drifting}[name]
    return ask(chosen(family.choose, root)[name], bench(root, tmp_path / "room"))


def section(version: str, entries: str) -> str:
    return f"## [{version}] - 2026-02-02\n\n{entries}\n"


def test_a_version_that_promises_less_than_what_breaks_fails_with_the_list(root: Path, tmp_path: Path) -> None:
    (root / "src/acorn/__init__.py").write_text(LESS)
    project(root, version="1.1.0", section=section("1.1.0", REMOVED))

    answer = asked(root, tmp_path)

    assert answer.verdict == "failed"
    broken = [each for each in answer.findings if each.level == "error" and each.path == "src/acorn/__init__.py"]
    assert broken, answer
    assert "wither" in broken[0].message
    assert "1.1.0 is a minor one" in broken[0].message
    assert answer.lines[0].startswith("the next version is 2.0.0: ")


def test_a_release_whose_tag_is_there_already_is_not_compared_to_itself(root: Path, tmp_path: Path) -> None:
    (root / "src/acorn/__init__.py").write_text(LESS)
    project(root, version="1.1.0", section=section("1.1.0", REMOVED))
    git(root, "commit", "--quiet", "--all", "--message", "chore: Prepare release v1.1.0")
    git(root, "tag", "--annotate", "--message", "Release", "v1.1.0")
    at_the_tag = asked(root, tmp_path)
    (root / "src/acorn/__init__.py").write_text(f"{LESS}\n\ndef wilt():\n    pass\n")
    after_it = asked(root, tmp_path)

    assert at_the_tag.verdict == "failed"
    assert "1.1.0 is a minor one" in at_the_tag.reason
    assert after_it.verdict == "passed"


def test_the_version_that_is_asked_for_passes(root: Path, tmp_path: Path) -> None:
    (root / "src/acorn/__init__.py").write_text(LESS)
    project(root, version="2.0.0", section=section("2.0.0", REMOVED))

    assert asked(root, tmp_path).verdict == "passed"


@pytest.mark.parametrize(("unreleased", "verdict"), [(REMOVED, "passed"), ("### Fixed\n\n- Bark.\n", "failed")])
def test_between_two_releases_what_breaks_must_be_told_in_the_changelog(
    root: Path, tmp_path: Path, unreleased: str, verdict: str
) -> None:
    (root / "src/acorn/__init__.py").write_text(LESS)
    project(root, unreleased=unreleased)

    answer = asked(root, tmp_path)

    assert answer.verdict == verdict
    if verdict == "failed":
        assert places(answer) == ["CHANGELOG.md:3 breaks-untold"]


def test_a_project_without_such_a_changelog_is_not_asked_to_tell_in_it(root: Path, tmp_path: Path) -> None:
    (root / "src/acorn/__init__.py").write_text(LESS)
    (root / "CHANGELOG.md").unlink()

    assert asked(root, tmp_path).verdict == "passed"


def test_a_package_that_cannot_be_compared_is_no_pass(root: Path, tmp_path: Path) -> None:
    (root / "src/acorn/__init__.py").write_text("def grow(:\n")

    answer = asked(root, tmp_path)

    assert answer.verdict == "could not run"
    assert "src/acorn/__init__.py" in answer.reason


def test_files_that_git_ignores_are_no_part_of_the_package(root: Path, tmp_path: Path) -> None:
    (root / "src/acorn/made.py").write_text("def grow(:\n")
    git(root, "commit", "--quiet", "--allow-empty", "--message", "chore: Go on")
    at = bench(root, tmp_path / "room")
    gate = chosen(api.choose, root)["api"]
    object.__setattr__(
        at, "shown", type(at.shown)(root, at.shown.project, at.shown.settings, at.shown.paths - {"src/acorn/made.py"})
    )

    assert ask(gate, at).verdict == "passed"


def test_a_project_that_was_never_released_has_nothing_to_compare(root: Path) -> None:
    git(root, "tag", "--delete", "v1.0.0")

    assert chosen(api.choose, root)["api"] == Off(
        "api", "nothing was released yet: no tag of this branch is one of a version"
    )


def test_a_project_without_a_package_has_nothing_to_compare(root: Path) -> None:
    (root / "src/acorn/__init__.py").unlink()

    assert chosen(api.choose, root)["api"] == Off("api", "there is no package to import")


def test_a_clone_that_was_cut_off_cannot_say(root: Path, tmp_path: Path) -> None:
    (root / "leaf").touch()
    git(root, "add", "leaf")
    git(root, "commit", "--quiet", "--message", "feat: Leaf")
    git(root, "clone", "--quiet", "--depth=1", f"file://{root}", str(tmp_path / "cut"))

    answer = asked(tmp_path / "cut", tmp_path)

    assert answer.verdict == "could not run"
    assert "git fetch --unshallow --tags" in answer.reason


def test_facts_that_disagree_are_told_with_both_places(root: Path, tmp_path: Path) -> None:
    assert asked(root, tmp_path, "drift") == Answer("passed")
    project(root, more='requires-python = ">=3.11"\n')
    (root / ".python-version").write_text("3.9\n")

    answer = asked(root, tmp_path, "drift")

    assert places(answer) == [".python-version:1 python-files"]
    assert "pyproject.toml:4" in answer.findings[0].message


def test_what_is_installed_on_this_machine_is_no_matter_of_the_files(root: Path, tmp_path: Path) -> None:
    project(root, more='dependencies = ["bark>=2"]\n')
    site = root / ".venv/lib/python3.11/site-packages/bark-1.0.dist-info"
    site.mkdir(parents=True)
    (site / "METADATA").write_text("Metadata-Version: 2.1\nName: bark\nVersion: 1.0\n")
    (root / ".venv/pyvenv.cfg").write_text("version = 3.11.1\n")

    assert any(each.rule.startswith("installed-") for each in drift.look(root).drifts)
    assert asked(root, tmp_path, "drift") == Answer("passed")


def test_a_pinned_version_in_the_readme_is_told_by_the_documents_alone(root: Path, tmp_path: Path) -> None:
    (root / "README.md").write_text("pip install acorn==0.9.0\n")

    assert [each.rule for each in drift.look(root).drifts] == ["readme-version"]
    assert asked(root, tmp_path, "drift") == Answer("passed")


def test_a_file_that_cannot_be_read_is_not_one_that_agrees(root: Path, tmp_path: Path) -> None:
    (root / "uv.lock").write_text("[[")

    answer = asked(root, tmp_path, "drift")

    assert answer.verdict == "could not run"
    assert answer.reason.startswith("uv.lock could not be read")


def test_another_branch_is_another_question(root: Path) -> None:
    here = chosen(drifting.choose, root)["drift"]
    git(root, "checkout", "--quiet", "-b", "leaves")
    there = chosen(drifting.choose, root)["drift"]

    assert isinstance(here, Gate)
    assert isinstance(there, Gate)
    assert here.definition != there.definition
