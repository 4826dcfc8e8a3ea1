"""The gate `links`: what the documents lead to inside the project is there. No address on the network is asked."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from urllib.parse import unquote

from hephaestus import documents, git, tables
from hephaestus.documents import Page, anchors, links
from hephaestus.documents import choose as choosing
from hephaestus.documents.links import Link
from hephaestus.findings import Finding
from hephaestus.gates.bench import Bench
from hephaestus.gates.builtin.told import judged
from hephaestus.gates.gate import Answer, Gate, Off
from hephaestus.gates.shown import Shown
from hephaestus.tree import Directory

__all__ = ["choose"]

_NAME = "links"
_KEYS: dict[str, tuple[type, object]] = {"ignore": (list, ())}
# Enough to see that a document leads somewhere in the project.
_LEADS = re.compile(
    rb"\]\(\s*<?(?![a-z][a-z0-9+.-]+:|//)|\]:[ \t]*<?(?![a-z][a-z0-9+.-]+:|//)\S|(?:href|src)\s*=\s*[\"'](?![a-z]+:|//)"
    rb"|^\s*\.\. (?:\|[^|\n]+\| )?(?:image|figure|include|literalinclude):: (?!\s*[a-z]+:)|^\.\. _[^:\n]+: (?![a-z]+:)"
    rb"|\w\]\[\w|\w <(?![a-z]+:)[^<>\n]+>`_",
    re.IGNORECASE | re.MULTILINE,
)
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:|//", re.IGNORECASE)
_TEMPLATE = re.compile(r"[{}$|*]|%(?![0-9A-Fa-f]{2})|\.\.\.$")
# Pages of a repository on a forge, reached from a document by climbing out of the files: `../../issues`.
_FORGE_PAGES = re.compile(
    r"(?:\.\./)+(?:-/)?(?:actions|blob|commits?|compare|contributors|discussions|graphs|issues|labels|merge_requests|milestones"
    r"|network|pipelines|pulls?|pulse|raw|releases|security|stargazers|tags|tree|watchers|wiki)(?:[/?#].*)?"
)
_LINES = re.compile(r"L\d+(?:C\d+)?(?:-L?\d+(?:C\d+)?)?")
_MKDOCS = {"mkdocs.yml", "mkdocs.yaml", "zensical.toml", "zensical.yml", "zensical.yaml"}
# What a generator puts into a page before it gives anchors to its headings.
_MADE = ("{{", "{%", ":::", "--8<--", "```{", ".. ", "<!--")
_PAGE_OR_PICTURE = re.compile(r"\.(?:md|markdown|rst|png|jpe?g|gif|svg|webp|py|toml|ya?ml|txt|ipynb)$", re.IGNORECASE)


def choose(shown: Shown) -> list[Gate | Off]:
    """Return the gate where a document leads to something in the project."""
    given = shown.settings.of(_NAME, _KEYS)
    ignored = tables.texts(f"tool.hephaestus.gates.{_NAME}", given, "ignore")["ignore"]
    tree = Directory(shown.root)
    leading = (path for path in choosing.documents(shown.paths) if _LEADS.search(tree.read(path) or b""))
    first = next(leading, None)
    if first is None:
        return [Off(_NAME, "no document leads to a file of the project")]
    return [Gate(_NAME, f"links of {first}", lambda bench: _ask(bench, ignored), definition=ignored)]


def _ask(bench: Bench, ignored: Sequence[str]) -> Answer:
    site = _Files(bench.shown)
    found = [(link, finding) for page in site.pages.values() for link, finding in _wrong(site, page)]
    kept = [
        finding
        for link, finding in found
        if not any(fnmatchcase(each, pattern) for pattern in ignored for each in (finding.path, link.target))
    ]
    return judged(_not_made_later(bench, site, kept))


@dataclass(frozen=True)
class _Files:
    """The files of a project, its documents, and the folders a site generator makes pages of."""

    shown: Shown
    _anchors: dict[str, frozenset[str]] = field(default_factory=dict)

    @cached_property
    def pages(self) -> dict[str, Page]:
        """The documents by their paths; one that is a link to another file is read where that is."""
        tree = Directory(self.shown.root)
        read = {path: tree.read(path) for path in choosing.documents(self.shown.paths)}
        return {
            path: documents.parse(path, data)
            for path, data in read.items()
            if data is not None and not (self.shown.root / path).is_symlink()
        }

    @cached_property
    def sites(self) -> dict[str, str]:
        """The folders of sites, with the files that configure them."""
        return choosing.sites(Directory(self.shown.root), self.shown.paths)

    @cached_property
    def folders(self) -> frozenset[str]:
        """The folders that hold a file."""
        parts = {path.rpartition("/")[0] for path in self.shown.paths}
        return frozenset("/".join(each.split("/")[:end]) for each in parts for end in range(each.count("/") + 2))

    @cached_property
    def lowered(self) -> dict[str, str]:
        """The files and folders by their names in lower case."""
        return {path.lower(): path for path in (*sorted(self.folders), *sorted(self.shown.paths))}

    def site(self, path: str) -> str:
        """Return the folder of the site that a document belongs to, empty where it is in none."""
        return max((home for home in self.sites if path.startswith(f"{home}/")), key=len, default="")

    def has(self, path: str) -> bool:
        """Tell whether there is such a file or folder, its name written exactly so."""
        if path in self.shown.paths or path in self.folders or path in ("", "."):
            return True
        file = self.shown.root / path
        above = (parent for parent in file.parents if parent.is_relative_to(self.shown.root))
        return any(parent.is_symlink() for parent in above) and file.exists()

    def anchors(self, path: str) -> frozenset[str]:
        """Return the anchors of a document."""
        if path not in self._anchors:
            self._anchors[path] = anchors.anchors(self.pages[path])
        return self._anchors[path]


def _wrong(files: _Files, page: Page) -> Iterator[tuple[Link, Finding]]:
    """Yield what is wrong with the links of a document."""
    home = files.site(page.path)
    for link in links.links(page):
        if _ADDRESS.match(link.target) or _TEMPLATE.search(link.target) or (home and link.way == "html"):
            continue
        path, _, fragment = link.target.partition("#")
        path = unquote(path.partition("?")[0])
        said = _missing(files, page, home, path) if path else ""
        rule = "file-missing"
        if not said and fragment:
            said, rule = _no_anchor(files, page, home, path, unquote(fragment)), "anchor-missing"
        if said:
            yield link, Finding(said, page.path, link.line, link.column, rule, hint=_hint(page.path, path))
    # On a site, labels may be defined by plug-ins and by what is put in from elsewhere.
    if not home and not any(line.lstrip().startswith(".. include::") for line in page.lines):
        for link in links.undefined(page):
            message = f"the reference {link.target[:80]!r} is not defined in this document"
            yield link, Finding(message, page.path, link.line, link.column, "reference-undefined")


def _missing(files: _Files, page: Page, home: str, path: str) -> str:
    """Return what is wrong with the path that a link leads to, or nothing."""
    if home and (path.startswith("/") or path.endswith("/") or not _PAGE_OR_PICTURE.search(path)):
        return ""  # an address of the site, which its generator makes
    where = _resolved(page.path, path)
    if files.sites and choosing.about_the_past(page.path):
        return ""  # a changelog is put into a site, with links as they lead from there
    if where is None:
        return "" if _FORGE_PAGES.fullmatch(path) else f"{path} leads out of the project"
    if files.has(where):
        return ""
    near = files.lowered.get(where.lower())
    return f"{where} does not exist" + (f"; its name is written {near}" if near else "")


def _no_anchor(files: _Files, page: Page, home: str, path: str, fragment: str) -> str:
    """Return what is wrong with the anchor that a link leads to, or nothing; where a generator has a say, nothing."""
    where = _resolved(page.path, path) if path else page.path
    target = files.pages.get(where or "")
    if target is None or not target.is_markdown or _LINES.fullmatch(fragment) or fragment.lower() in ("", "top"):
        return ""
    if home or files.site(target.path):
        generated = files.sites[files.site(target.path) or home] not in _MKDOCS
        if generated or any(sign in line for line in target.lines for sign in _MADE):
            return ""
    wanted = fragment.lower().removeprefix("user-content-")
    if wanted in files.anchors(target.path) or fragment.startswith((":~:", "!")):
        return ""
    return f"{target.path} has no heading with the anchor #{fragment[:80]}"


def _resolved(document: str, path: str) -> str | None:
    """Return the path from the root of what a document leads to, or `None` where that is outside."""
    base = "" if path.startswith("/") else posixpath.dirname(document)
    where = posixpath.normpath(posixpath.join(base, path.lstrip("/") or "."))
    return None if where == ".." or where.startswith("../") else where


def _hint(document: str, path: str) -> str:
    where = _resolved(document, path)
    name = posixpath.basename(where or "").rpartition(".")[0] or posixpath.basename(where or "")
    return f"git ls-files | grep -i -F {shlex.quote(name)}" if path and name else f"$EDITOR {shlex.quote(document)}"


def _not_made_later(bench: Bench, files: _Files, findings: list[Finding]) -> list[Finding]:
    """Return the findings without those of a site about files that git ignores, as its generator makes these."""
    wanted = {each.message.partition(" does not exist")[0]: each for each in findings if files.site(each.path)}
    if not wanted:
        return findings
    given = "\0".join(wanted).encode("utf-8", "surrogateescape")
    told = git.Repository(bench.root).run("check-ignore", "-z", "--stdin", check=False, given=given).output
    made = {id(wanted[path]) for path in told.split("\0") if path in wanted}
    return [each for each in findings if id(each) not in made]
