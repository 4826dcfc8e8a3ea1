"""The notes of a release: what the changelog of a tree says of a version."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from hephaestus import git, notes
from hephaestus.errors import HephaestusError, UsageError
from hephaestus.tree import Directory

if TYPE_CHECKING:
    from places import Place


def test_the_notes_of_a_version_are_its_section_without_the_heading(place: Place) -> None:
    tree = git.Commit(place.repository, "HEAD")

    assert notes.of(tree, "CHANGELOG.md", "1.0.0").strip() == "### Added\n\n- A trunk."
    assert notes.of(tree, "CHANGELOG.md", "3.0.0") == ""


def test_without_a_changelog_the_error_brings_the_command_that_starts_one(place: Place) -> None:
    place.git("rm", "--quiet", "CHANGELOG.md")
    place.git("commit", "--quiet", "-m", "docs: Drop the changelog")

    with pytest.raises(UsageError, match=r"there is no CHANGELOG\.md") as caught:
        notes.changelog(git.Commit(place.repository, "HEAD"), "CHANGELOG.md")

    subprocess.run(["sh", "-c", caught.value.hint], cwd=place.root, check=True, capture_output=True)
    assert "- First release." in notes.changelog(git.Commit(place.repository, "HEAD"), "CHANGELOG.md")


def test_a_changelog_that_is_no_text_is_an_error_with_words(place: Place) -> None:
    (place.root / "CHANGELOG.md").write_bytes(b"# Changelog\n\xff\xfe\n")

    with pytest.raises(HephaestusError) as caught:
        notes.changelog(Directory(place.root), "CHANGELOG.md")
    assert caught.value.exit_code == 2
    assert caught.value.hint


def test_a_hotfix_tells_users_not_to_wait():
    assert notes.urgent("1.0.1").startswith("**Urgent:** 1.0.1 is a hotfix")
