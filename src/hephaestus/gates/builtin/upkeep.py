"""What has to be written before a release: entries in the changelog, a guide where something breaks, open points."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from packaging.version import InvalidVersion, Version

from hephaestus import documents, git, keepachangelog, versions
from hephaestus.compatibility.effect import Effect
from hephaestus.compatibility.history import told
from hephaestus.documents import Page
from hephaestus.documents import choose as choosing
from hephaestus.errors import UsageError
from hephaestus.findings import Finding
from hephaestus.gates.builtin.moment import Moment
from hephaestus.gates.shown import Shown
from hephaestus.tree import Directory

__all__ = ["changelog", "guide", "lists"]

# Tools that keep the entries of a changelog in files of their own until the release, and where.
_BY_FRAGMENTS = ("towncrier", "scriv", "changie", "knope")
_FRAGMENTS = ("newsfragments", "changelog.d", ".changes", ".changeset", "changes.d")
_CODE = (".py", ".pyi", ".pyx", ".pxd", ".c", ".h", ".cc", ".cpp", ".rs", ".go")
_NO_CODE = {
    *("benchmark", "benchmarks", "ci", "demo", "doc", "docs", "example", "examples", "requirements", "scripts", "test"),
    *("testing", "tests", "tools", "typing_tests", ".github", "dev", "maint"),
}
_GUIDE = re.compile(r"(?:^|[/_.-])(?:migrat(?:ion|ions|ing|e)|upgrad(?:e|es|ing))(?:$|[/_.-])", re.IGNORECASE)
_VERSION = re.compile(r"(?<![\w.])v?(\d+(?:\.\d+){0,3})(?:\.x)?(?![\w.]*\d)")
_BOX = re.compile(r"\s*(?:[-*+]|\d+[.)])\s+\[ \]\s+(?P<item>\S.*)")
_BEFORE = re.compile(
    r"\b(?:before|blocks|blocking|required for|needed for|must have for)\b.{0,40}"
    r"\b(?:release|releasing|tagging|publishing)\b"
    r"|\brelease[ -]block(?:er|ing)s?\b|\b(?:next|upcoming|this|coming) release\b",
    re.IGNORECASE,
)
_LONGEST = 80
# From here on a major version is more likely the year, and promises nothing.
_YEARS = 2000


def changelog(shown: Shown, now: Moment) -> Iterator[Finding]:
    """Yield that the changelog has no entry, neither for the version nor as unreleased, though code has changed.

    A changelog that is put together of fragments, and one without sections of versions, is left alone.
    """
    path = shown.project.changelog
    fragments = any(shown.tool(name) or f"{name}.toml" in shown.paths for name in _BY_FRAGMENTS)
    if not now.sections or fragments or any(shown.below(folder) for folder in _FRAGMENTS):
        return
    usual = [now.section] if now.coming and now.section else [now.unreleased] if now.unreleased or now.coming else None
    if usual is None or any(each is not None and not keepachangelog.is_empty(each) for each in usual):
        return
    changed = _changed(shown, now)
    if now.releasing:
        said = f"the section of {now.version} is empty"
    elif not changed:
        return
    else:
        since = now.tag or "the beginning"
        said = f"there is no entry under [Unreleased], though {changed[0]} has changed since {since}"
    label = now.section.label if now.releasing and now.section else "unreleased"
    line = _heading(documents.parse("changelog.md", now.changelog.encode()), label)
    hint = f"git log --oneline {shlex.quote(now.tag)}..HEAD" if now.tag else f"$EDITOR {shlex.quote(path)}"
    yield Finding(said, path, line, rule="changelog-empty", hint=hint)


def guide(shown: Shown, now: Moment, configured: str | None) -> Iterator[Finding]:
    """Yield that something breaks, and the guide that says how to move on does not name the version.

    A guide is the file that is configured, or those called after migrating or upgrading that name a version of the
    project's own; without any, nothing is asked.
    """
    if not (now.coming and now.final) or now.version is None:
        return
    if configured is not None and configured not in shown.paths:
        line = _line_of(Directory(shown.root), configured)
        yield Finding(
            f"there is no {configured}, which is named as the guide", "pyproject.toml", line, rule="guide-missing"
        )
        return
    tree = Directory(shown.root)
    found = [configured] if configured else choosing.documents(shown.paths)
    paths = [path for path in found if configured or _is_guide(path, tree, now)]
    if not paths or any(_speaks_of(path, tree, now.version) for path in paths):
        return
    why = _breaks(shown, now)
    if why:
        said = f"{why}, but the guide does not name {now.version}"
        yield Finding(said, paths[-1], 1, rule="guide-outdated", hint=f"$EDITOR {shlex.quote(paths[-1])}")


def lists(shown: Shown, now: Moment, paths: Sequence[str]) -> Iterator[Finding]:
    """Yield what is not ticked in lists under a heading of the version being released, or of what comes before one."""
    tree = Directory(shown.root)
    for path in paths:
        data = tree.read(path)
        if data is None:
            said, hint = f"there is no {path}, which is named as a list", f"git log -- {shlex.quote(path)}"
            yield Finding(said, "pyproject.toml", _line_of(tree, path), rule="list-missing", hint=hint)
            continue
        page = documents.parse(path if path.endswith(".md") else f"{path}.md", data)
        for number, heading, item in _boxes(page):
            if _BEFORE.search(heading) or (now.releasing and _is_about(heading, now.version)):
                said = f"{item[:_LONGEST]!r} is not ticked, under {heading[:_LONGEST]!r}"
                yield Finding(said, path, number, rule="list-open", hint=f"$EDITOR {shlex.quote(path)}")


def _changed(shown: Shown, now: Moment) -> list[str]:
    """Return the files of code that have changed since the last release, without those that hold the version."""
    try:
        held = {place.path for place in versions.places(Directory(shown.root), shown.project)}
    except UsageError:
        held = set()
    if now.tag:
        words = ("diff", "--name-only", "--no-renames", "-z", f"refs/tags/{now.tag}", "--")
        listed = git.Repository(shown.root).run(*words, check=False).output.split("\0")
    else:
        listed = sorted(shown.paths)
    return [path for path in listed if path and path not in held and _is_code(path, shown)]


def _is_code(path: str, shown: Shown) -> bool:
    """Tell whether a file is one that users get: in `src`, in a package, or the project's only module."""
    *folders, name = PurePosixPath(path).parts
    if not name.endswith(_CODE) or any(each in _NO_CODE for each in folders):
        return False
    if not folders:
        return name.removesuffix(".py").replace("_", "-") == shown.project.normalized
    return folders[0] in ("src", "lib") or f"{folders[0]}/__init__.py" in shown.paths


def _heading(page: Page, label: str) -> int:
    found = (each.first + 1 for each in page.headings if label.lower() in each.text.lower())
    return next(found, 1)


def _breaks(shown: Shown, now: Moment) -> str:
    """Return in words why users may have to change something, or nothing."""
    assert now.version is not None
    if now.released is not None and now.version.major > now.released.major and now.released.major < _YEARS:
        return f"{now.version} is a major release"
    label = str(now.version) if now.section else None
    said = told(now.changelog, shown.project.changelog, label, Effect.FEATURE) if now.changelog else None
    broken = [each for each in said.evidence if each.effect is Effect.BREAK] if said else []
    return f"{shown.project.changelog}:{broken[0].line} tells of something that breaks" if broken else ""


def _is_guide(path: str, tree: Directory, now: Moment) -> bool:
    if not _GUIDE.search(PurePosixPath(path).with_suffix("").as_posix()):
        return False
    known = {each.version.release[:2] for each in now.sections if each.version is not None}
    known |= {now.released.release[:2]} if now.released else set()
    page = documents.parse(path, tree.read(path) or b"")
    titles = [path, *(heading.text for heading in page.headings)]
    named = {(*each.release, 0)[:2] for title in titles for each in _versions(title)}
    return bool(named & known)


def _speaks_of(path: str, tree: Directory, version: Version) -> bool:
    """Tell whether a guide names a version, or all versions that begin as it does, in its name or anywhere."""
    text = f"{path}\n{(tree.read(path) or b'').decode('utf-8', 'replace')}"
    parts = [version.release[:1], version.release[:2], version.release]
    least = 1 if version.minor == 0 and version.micro == 0 else 2
    return any(each.release in parts and len(each.release) >= least for each in _versions(text))


def _versions(text: str) -> list[Version]:
    found = []
    for each in _VERSION.findall(text):
        try:
            found.append(Version(each))
        except InvalidVersion:
            continue
    return found


def _boxes(page: Page) -> Iterator[tuple[int, str, str]]:
    """Yield the open boxes: the line, the headings they are under as one text, and the item."""
    above: list[tuple[int, str]] = []
    starts = {heading.first: heading for heading in page.headings}
    for number, (line, kind) in enumerate(zip(page.lines, page.kinds, strict=True)):
        if heading := starts.get(number):
            above = [*(each for each in above if each[0] < heading.level), (heading.level, heading.text)]
        elif kind == "text" and (box := _BOX.match(line)):
            yield number + 1, " / ".join(text for _, text in above), box["item"]


def _is_about(heading: str, version: Version | None) -> bool:
    return any(each == version and len(each.release) > 1 for each in _versions(heading))


def _line_of(tree: Directory, path: str) -> int:
    lines = (tree.read("pyproject.toml") or b"").decode("utf-8", "replace").splitlines()
    return next((number for number, line in enumerate(lines, 1) if path in line), 1)
