"""What the changelog of a tree says: its text, and the notes of one version."""

from __future__ import annotations

from hephaestus import keepachangelog
from hephaestus.errors import UsageError
from hephaestus.tree import Tree

__all__ = ["changelog", "of", "urgent"]


def changelog(tree: Tree, path: str) -> str:
    """Return the changelog of a tree.

    Raises `UsageError` where there is none, or it is not UTF-8.
    """
    data = tree.read(path)
    if data is None:
        first = "# Changelog\\n\\n## [Unreleased]\\n\\n### Added\\n\\n- First release.\\n"
        raise UsageError(
            f"there is no {path}",
            f"printf '{first}' > {path} && git add {path} && git commit -m 'docs: Start a changelog'",
        )
    return keepachangelog.decode(data)


def of(tree: Tree, path: str, version: str) -> str:
    """Return the section of a version as Markdown without its heading; empty where there is none."""
    section = keepachangelog.find(changelog(tree, path), version)
    return section.body if section else ""


def urgent(version: str) -> str:
    """Return the line, as Markdown, that tells users that a release does not wait for them to find the time."""
    return f"**Urgent:** {version} is a hotfix, released as soon as the fix was ready. Please update without delay."
