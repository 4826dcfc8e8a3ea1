"""A project's facts: what `pyproject.toml` and its table `[tool.hephaestus]` say, read once and frozen."""

from __future__ import annotations

import re
import string
import tomllib
from dataclasses import dataclass
from typing import Any

from packaging.utils import canonicalize_name

from hephaestus import tables
from hephaestus.errors import UsageError
from hephaestus.tree import Tree

__all__ = ["GitHubSettings", "Project", "WheelhouseSettings", "load"]

# The keys of [tool.hephaestus]: the type each must have, and what it is when it is not given.
_SETTINGS: dict[str, tuple[type, Any]] = {
    "changelog": (str, "CHANGELOG.md"),
    "commit-message": (str, "chore: Prepare release {tag}"),
    "compatibility": (dict, {}),
    "drift": (dict, {}),
    "forge": (str, None),
    "gates": (dict, {}),
    "github": (dict, {}),
    "remote": (str, None),
    "smoke": (str, None),
    "tag": (str, None),
    "versions": (list, ()),
    "wheelhouse": (dict, {}),
}
# The keys of [tool.hephaestus.github].
_GITHUB: dict[str, tuple[type, Any]] = {
    "announce": (str, None),
    "assignees": (list, ()),
    "board": (str, None),
    "board-status": (str, "Released"),
    "checklist": (str, ".github/RELEASE_CHECKLIST_TEMPLATE.md"),
    "comment": (bool, True),
    "generated-notes": (bool, False),
    "labels": (list, ("release", "documentation")),
    "milestone": (str, "{tag}"),
    "notify": (bool, False),
    "released-label": (str, "released"),
    "reviewers": (list, ()),
    "urgent-label": (str, "urgent"),
}
# The keys of [tool.hephaestus.wheelhouse].
_WHEELHOUSE: dict[str, tuple[type, Any]] = {
    "extras": (list, ()),
    "groups": (list, ()),
    "lock": (str, None),
    "sign": (str, None),
    "targets": (list, ()),
}
_BOARD = re.compile(r"[A-Za-z0-9][\w.-]*/[1-9]\d*")
# Plug-ins of build backends that take the version from the tag: their tables, and their names as a source for hatch.
_TAG_TABLES = {"poetry-dynamic-versioning", "setuptools-git-versioning", "setuptools_scm", "versioneer", "versioningit"}
_TAG_SOURCES = ("uv-dynamic-versioning", "vcs", "versioningit")
_SHOW_GUIDE = "python -m webbrowser https://packaging.python.org/en/latest/guides/writing-pyproject-toml/"


@dataclass(frozen=True)
class WheelhouseSettings:
    """What a project wants in its wheelhouse.

    `targets` such as `cp312-manylinux_2_28_x86_64` (none for the running Python on this platform), `extras` and
    `groups` (PEP 735) beside what is always needed, `lock` the path of the lock file where it shall not be looked for,
    and `sign` the path of the SSH key that signs the checksum.
    """

    targets: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    lock: str | None = None
    sign: str | None = None


@dataclass(frozen=True)
class GitHubSettings:
    """What a project wants of GitHub beside the release itself.

    `generated_notes` adds the notes GitHub makes to those of the changelog. `labels`, `assignees` and `reviewers`
    (people, or teams as `organisation/team`) go to the release pull request, `urgent_label` to that of a hotfix.
    `milestone` is the title of a release's milestone, with `{version}` or `{tag}`. What was released is commented on
    (`comment`), labelled (`released_label`, empty for none), and gets `board_status` on the project board `board`
    (`OWNER/NUMBER`). `announce` is the category of discussion that tells of a release; `checklist` the path of the
    project's own checklist; `notify` opens and pins an issue when a release is withdrawn.
    """

    announce: str | None = None
    assignees: tuple[str, ...] = ()
    board: str | None = None
    board_status: str = "Released"
    checklist: str = ".github/RELEASE_CHECKLIST_TEMPLATE.md"
    comment: bool = True
    generated_notes: bool = False
    labels: tuple[str, ...] = ("release", "documentation")
    milestone: str = "{tag}"
    notify: bool = False
    released_label: str = "released"
    reviewers: tuple[str, ...] = ()
    urgent_label: str = "urgent"


@dataclass(frozen=True)
class Project:
    """What a release needs to know of a project.

    `name` is as written, `normalized` as PEP 503 has it; `version` is the static one or `None`;
    `changelog` a path; `commit_message` a template with `{version}` and `{tag}`; `tag` a template
    with `{version}`, or `None` where the existing tags decide; `forge` a place for releases, or
    `None` for the default; `remote` the git remote, or `None` for the branch's own; `smoke` a command that
    must end with 0 in a fresh installation; `version_files` extra files that hold a `__version__`.
    """

    name: str
    version: str | None
    version_from_tag: bool
    changelog: str
    commit_message: str
    tag: str | None
    forge: str | None
    remote: str | None
    smoke: str | None
    version_files: tuple[str, ...]
    wheelhouse: WheelhouseSettings
    github: GitHubSettings
    document: dict[str, Any]

    @property
    def normalized(self) -> str:
        """The name with hyphens, as PEP 503 normalises it."""
        return canonicalize_name(self.name)

    def table(self, *keys: str) -> dict[str, Any]:
        """Return a table of pyproject.toml, such as `table("tool", "hatch")`, empty where there is none."""
        return _table(self.document, *keys)


def load(tree: Tree) -> Project:
    """Read the project of a tree.

    Raises `UsageError` where there is no `pyproject.toml`, it is not TOML, its `[project]` has no valid
    name or a version that is no text, or `[tool.hephaestus]` has an unknown key or a value that cannot be used.
    """
    document = _document(tree)
    project = _table(document, "project")
    settings = _settings(document)
    from_tag = _version_from_tag(document)
    if from_tag and settings["versions"]:
        raise UsageError(
            "[tool.hephaestus] versions names files, but the version comes from the tag and is written in none",
            tables.SHOW,
        )
    return Project(
        name=_name(project),
        version=_version(project),
        version_from_tag=from_tag,
        changelog=tables.path("changelog", settings["changelog"]),
        commit_message=_template("commit-message", settings["commit-message"], {"version", "tag"}),
        tag=None if settings["tag"] is None else _template("tag", settings["tag"], {"version"}, needs="{version}"),
        forge=settings["forge"],
        remote=settings["remote"],
        smoke=settings["smoke"],
        version_files=tuple(tables.path("versions", path) for path in settings["versions"]),
        wheelhouse=_wheelhouse(settings["wheelhouse"]),
        github=_github(settings["github"]),
        document=document,
    )


def _document(tree: Tree) -> dict[str, Any]:
    data = tree.read("pyproject.toml")
    if data is None:
        raise UsageError(
            "there is no pyproject.toml here, so this is not the directory of a Python project",
            'cd "$(git rev-parse --show-toplevel)"',
        )
    if data.startswith(b"\xef\xbb\xbf"):
        raise UsageError(
            "pyproject.toml begins with a byte order mark, which TOML does not allow",
            "python -c \"from pathlib import Path; p = Path('pyproject.toml');"
            " p.write_bytes(p.read_bytes().removeprefix(b'\\xef\\xbb\\xbf'))\"",
        )
    try:
        return tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(
            f"pyproject.toml is not valid TOML: {error}",
            "python -c \"import tomllib; tomllib.load(open('pyproject.toml', 'rb'))\"",
        ) from error


def _table(document: dict[str, Any], *keys: str) -> dict[str, Any]:
    """Return a table inside a document; what is no table counts as an empty one, as nobody can mean it."""
    for key in keys:
        inner = document.get(key)
        document = inner if isinstance(inner, dict) else {}
    return document


def _name(project: dict[str, Any]) -> str:
    name = project.get("name")
    if not isinstance(name, str):
        raise UsageError("pyproject.toml has no [project] table with a name", _SHOW_GUIDE)
    try:
        canonicalize_name(name, validate=True)
    except ValueError as error:
        raise UsageError(f"[project] name = {name[:80]!r} is no name a package can have", _SHOW_GUIDE) from error
    return name


def _version(project: dict[str, Any]) -> str | None:
    version = project.get("version")
    if version is not None and not isinstance(version, str):
        raise UsageError(f"[project] version must be a text in quotes, not {version!r}", _SHOW_GUIDE)
    return version


def _settings(document: dict[str, Any]) -> dict[str, Any]:
    return tables.read("tool.hephaestus", _table(document, "tool").get("hephaestus", {}), _SETTINGS)


def _github(table: dict[str, Any]) -> GitHubSettings:
    name = "tool.hephaestus.github"
    given = tables.read(name, table, _GITHUB)
    given |= tables.texts(name, given, "assignees", "labels", "reviewers")
    _template("github.milestone", given["milestone"], {"version", "tag"})
    if given["board"] is not None and not _BOARD.fullmatch(given["board"]):
        raise UsageError(f"[{name}] board = {given['board']!r} must be OWNER/NUMBER, such as oak/3", tables.SHOW)
    given["checklist"] = tables.path("github.checklist", given["checklist"])
    return GitHubSettings(**{key.replace("-", "_"): value for key, value in given.items()})


def _wheelhouse(table: dict[str, Any]) -> WheelhouseSettings:
    name = "tool.hephaestus.wheelhouse"
    given = tables.read(name, table, _WHEELHOUSE)
    return WheelhouseSettings(
        **tables.texts(name, given, "targets", "extras", "groups"),
        lock=None if given["lock"] is None else tables.path("wheelhouse.lock", given["lock"]),
        sign=given["sign"],
    )


def _template(key: str, text: str, fields: set[str], needs: str = "") -> str:
    """Return a template that is known to work; a stray brace is found now and not in the middle of a release."""
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError as error:
        raise UsageError(f"[tool.hephaestus] {key} = {text!r} is no template: {error}", tables.SHOW) from error
    used = [field for _, field, _, _ in parts if field is not None]
    plain = text == "".join(literal + ("" if field is None else f"{{{field}}}") for literal, field, _, _ in parts)
    if not text.strip():
        raise UsageError(f"[tool.hephaestus] {key} must not be empty", tables.SHOW)
    if not plain or not fields.issuperset(used):
        allowed = " and ".join(f"{{{field}}}" for field in sorted(fields))
        raise UsageError(
            f"[tool.hephaestus] {key} = {text!r} is no template: braces can only hold {allowed}", tables.SHOW
        )
    if needs and text.count(needs) != 1:
        raise UsageError(f"[tool.hephaestus] {key} = {text!r} must contain {needs} once", tables.SHOW)
    return text


def _version_from_tag(document: dict[str, Any]) -> bool:
    """Tell whether the build backend derives the version from the git tag, so that no file holds it."""
    dynamic = _table(document, "project").get("dynamic")
    if not isinstance(dynamic, list) or "version" not in dynamic:
        return False
    return (
        not _TAG_TABLES.isdisjoint(_table(document, "tool"))
        or _table(document, "tool", "hatch", "version").get("source") in _TAG_SOURCES
        or _table(document, "tool", "pdm", "version").get("source") == "scm"
    )
