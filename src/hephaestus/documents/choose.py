"""Which files of a project are documents that people read, and which of them a site generator makes pages of."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from pathlib import PurePosixPath

from hephaestus.documents.page import MARKDOWN, RESTRUCTURED
from hephaestus.tree import Tree

__all__ = ["about_the_past", "documents", "is_readme", "sites"]

# Folders of what is read by tests, copied from others, or put together to documents elsewhere.
_NO_DOCUMENTS = {
    *("_includes", "_templates", "_vendor", "changelog.d", "changelog_entries", "changelogs", "changes", "fixtures"),
    *(".changes", ".changeset", "data", "extern", "issue_template", "news", "newsfragments", "node_modules"),
    *("pull_request_template", "requirements", "snippets", "templates", "test", "test-data", "testdata", "testing"),
    *("tests", "third_party", "third-party", "vendor", "vendored", "workflows"),
}
_TEMPLATES = ("issue_template", "pull_request_template", "merge_request_template", "commit_template")
_PAST = re.compile(
    r"(?:^|[/_.-])(?:change(?:s|log|s?_?history)?|changelogs?|histor(?:y|ies)|news|releases?(?:[_-]?notes?)?|migrat\w*"
    r"|upgrad\w*|whats?[_-]?new|blog|posts?|roadmap|todo|announcements?|deprecat\w*|archives?)(?:$|[/_.-])",
    re.IGNORECASE,
)
# Files that stand beside, or above, the pages of a site, and where those pages lie from there.
_GENERATORS = {
    "conf.py": "",
    "_quarto.yml": "",
    "_config.yml": "",
    "_toc.yml": "",
    "myst.yml": "",
    "book.toml": "",
    "mkdocs.yml": "docs",
    "mkdocs.yaml": "docs",
    "zensical.toml": "docs",
    "zensical.yml": "docs",
    "zensical.yaml": "docs",
    "docusaurus.config.js": "",
    "docusaurus.config.ts": "",
    "astro.config.mjs": "",
    "hugo.toml": "",
    "hugo.yaml": "",
}
_PAGES = re.compile(rb"""^\s*docs_dir\s*[:=]\s*["']?(?:\./)?([^\s"'#]+)""", re.MULTILINE)


def documents(paths: Iterable[str]) -> list[str]:
    """Return the documents among paths, sorted: not those of tests, templates, or what others have written."""
    return sorted(path for path in paths if path.lower().endswith((*MARKDOWN, *RESTRUCTURED)) and not _apart(path))


def is_readme(path: str) -> bool:
    """Tell whether a path is that of the README of a project: in its root, or where forges look for it too."""
    file = PurePosixPath(path)
    return file.stem.lower() == "readme" and file.parent.as_posix() in (".", ".github")


def about_the_past(path: str) -> bool:
    """Tell whether a document speaks of other versions than its own: a changelog, a migration guide, a blog."""
    return bool(_PAST.search(PurePosixPath(path).with_suffix("").as_posix()))


def sites(tree: Tree, paths: Collection[str]) -> dict[str, str]:
    """Return the folders of pages that a generator makes a site of, with the name of the file that configures it.

    There other rules count than on a forge: addresses of pages, links and anchors are made by the generator.
    """
    found: dict[str, str] = {}
    for path in sorted(paths):
        file = PurePosixPath(path)
        if file.name not in _GENERATORS or _apart(path):
            continue
        folder = _GENERATORS[file.name]
        if folder:
            said = _PAGES.search(tree.read(path) or b"")
            folder = said[1].decode("utf-8", "replace") if said else folder
        home = (file.parent / folder).as_posix().rstrip("/")
        # A whole project is no site of its own because GitHub Pages or a notebook is configured in its root.
        if home != ".":
            found[home] = file.name
    return found


def _apart(path: str) -> bool:
    *folders, name = PurePosixPath(path).parts
    strange = any(each.lower() in _NO_DOCUMENTS or "{{" in each or "cookiecutter" in each for each in folders)
    return strange or name.lower().startswith(_TEMPLATES) or "{{" in name
