"""Where a project keeps its version: found by parsing, replaced to the byte, proved by parsing again.

A formatter of TOML or Python would change more than the version, and a search for its text would
change the wrong one. So an edit is tried at each place that looks right, and the one is taken after
which the file says exactly what it said before, with the new version for the old.
"""

from __future__ import annotations

import ast
import contextlib
import re
import shlex
import tomllib
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import decode_source
from pathlib import PurePosixPath
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import Version

from hephaestus.errors import UsageError
from hephaestus.project import Project
from hephaestus.tree import Tree

__all__ = ["Kind", "Place", "current", "following", "order", "parse", "places", "replace", "template"]

_PARTS = ("major", "minor", "patch")
_MODULES = {"__about__", "__init__", "__version__", "_about", "_version", "about", "version"}
_ONE_STRING = re.compile(r"""[ruRU]?("{3}|'{3}|"|')[^"']*\1""")
_QUOTE = rb"""["']"""
_LOCK_ENTRY = rb'\[\[package\]\]\r?\nname = "[^"\r\n]*"\r?\nversion = "'  # exactly as uv writes it
_UNREADABLE = (SyntaxError, ValueError, LookupError, TypeError, RecursionError, MemoryError)


class Kind(StrEnum):
    """The three ways in which a version is written down."""

    PROJECT = "[project] version"
    LITERAL = "__version__"
    LOCK = "own entry in the lock"


@dataclass(frozen=True)
class Place:
    """A file that holds the project's version: its path, how it is written, and what is written now."""

    path: str
    kind: Kind
    version: str


def parse(text: str) -> Version:
    """Return the version that `text` is the canonical spelling of, as PEP 440 has it.

    Raises `UsageError` for what is no version, begins with a `v`, has a local part, or is spelled another way.
    """
    try:
        version = Version(text)
    except ValueError as error:
        page = "https://packaging.python.org/en/latest/specifications/version-specifiers/"
        raise UsageError(f"{text[:80]!r} is no version as PEP 440 has it", f"python -m webbrowser {page}") from error
    if version.local:
        problem = "has a local part, and no package index takes one"
    elif text.strip()[0] in "vV":
        problem = "begins with a v, which belongs to the tag and not to the version"
    elif str(version) != text:
        problem = f"is not the canonical spelling, which is {version}"
    else:
        return version
    raise UsageError(f"{text[:80]!r} {problem}", f"hephaestus release --version {shlex.quote(version.public)}")


def following(current: str, part: str) -> str:
    """Return the next version X.Y.Z after `current`; `part` is major, minor or patch.

    A pre-release is followed by its own final version where that is the wanted step: 1.4.0rc1 by 1.4.0
    for patch and minor, by 2.0.0 for major. Raises `UsageError` for another part or no version.
    """
    if part not in _PARTS:
        raise UsageError(f"{part[:80]!r} is none of major, minor and patch", "hephaestus release --help")
    try:
        version = Version(current)
    except ValueError as error:
        raise UsageError(f"nothing can follow {current[:80]!r}, which is no version", _search()) from error
    kept = _PARTS.index(part) + 1
    release = (*version.release, 0, 0)
    announced = version.is_prerelease and version.post is None and not any(release[kept:])
    last = release[kept - 1] + (0 if announced else 1)
    numbers = ".".join(map(str, (*release[: kept - 1], last, 0, 0)[:3]))
    return f"{version.epoch}!{numbers}" if version.epoch else numbers


def places(tree: Tree, project: Project) -> tuple[Place, ...]:
    """Return all places where the project's version is written: pyproject.toml, then `__version__`s, then uv.lock.

    A `__version__` counts where it is a string assigned at the top level of the import package's own files, of
    the file the build backend reads it from, or of a file named in `[tool.hephaestus] versions`; one that is
    computed does not. Where the version comes from the tag there is no place.

    Raises `UsageError` where a file cannot be read, or holds a `__version__` that cannot be replaced safely.
    """
    if project.version_from_tag:
        return ()
    found = [] if project.version is None else [Place("pyproject.toml", Kind.PROJECT, project.version)]
    by_backend = (project.table("tool", backend, "version").get("path") for backend in ("hatch", "pdm"))
    named = [PurePosixPath(path).as_posix() for path in (*project.version_files, *by_backend) if isinstance(path, str)]
    ours = [path for path in tree.paths() if _is_ours(path, project)]
    for path in dict.fromkeys((*ours, *named)):
        place = _literal(path, tree.read(path))
        if place:
            found.append(place)
        elif path in named:
            raise UsageError(f"{path} should hold the version but assigns no string to __version__", _search(path))
    return (*found, *_locked(tree.read("uv.lock"), project))


def current(tree: Tree, project: Project) -> str | None:
    """Return the one version that all places say, or `None` where the version comes from the tag.

    Raises `UsageError` where the places disagree, or there is none.
    """
    if project.version_from_tag:
        return None
    found = places(tree, project)
    if not found:
        raise UsageError(
            "no version found: pyproject.toml has no [project] version and the package assigns no string to"
            " __version__; if another file does, name it in [tool.hephaestus] versions",
            _search(),
        )
    if len({_canonical(place.version) for place in found}) > 1:
        said = "".join(f"\n  {place.path}: {place.version!r}" for place in found)
        written = [place for place in found if place.kind is not Kind.LOCK]
        stale = len({_canonical(place.version) for place in written}) == 1
        hint = "uv lock" if stale else _search(*(place.path for place in written))
        raise UsageError(f"the places that hold the version disagree:{said}", hint)
    return found[0].version


def replace(place: Place, data: bytes, new: str) -> bytes:
    """Return a file's bytes with the version at `place` replaced by `new` and nothing else changed.

    Quotes, line ends, comments and a byte order mark stay. Raises `UsageError` where the result would not
    say exactly the same with the new version, or where the file does not say `place.version`.
    """
    before = _LOCK_ENTRY if place.kind is Kind.LOCK else _QUOTE
    try:
        wanted = _meaning(place.kind, data, new)
        old = re.escape(place.version.encode())
        for spot in re.finditer(before + b"(" + old + b")(?=" + _QUOTE + b")", data):
            edited = data[: spot.start(1)] + new.encode() + data[spot.end(1) :]
            if _meaning(place.kind, edited) == wanted:
                return edited
    except _UNREADABLE:
        pass  # not readable, before the edit or after it: refused like an edit that would change more
    problem = f"{place.version!r} cannot be replaced by {new!r} without changing more than the version"
    raise UsageError(f"{place.path}: {problem}", "uv lock" if place.kind is Kind.LOCK else _search(place.path))


def order(tags: Iterable[str], template: str) -> list[tuple[Version, str]]:
    """Return the tags that fit a template such as `v{version}`, with their versions, the newest first."""
    before, _, after = template.partition("{version}")
    found = []
    for tag in tags:
        text = tag.removeprefix(before).removesuffix(after)
        # For PEP 440 a version may begin with a v, but a tag with one more v belongs to another template.
        if tag == before + text + after and text[:1].isdigit():
            with contextlib.suppress(ValueError):
                found.append((Version(text), tag))
    return sorted(found, reverse=True)


def template(tags: Iterable[str], name: str) -> str:
    """Return the template of the tag with the highest version, or `v{version}` where no tag holds one.

    Known are `v{version}` and `{version}`, alone or after the project's name or the word release.
    """
    tags = list(tags)
    normalized = canonicalize_name(name)
    words = dict.fromkeys((name, normalized, normalized.replace("-", "_"), "release"))
    prefixes = ("", *(word + joint for word in words for joint in "-/@_"))
    known = [prefix + v + "{version}" for prefix in prefixes for v in ("v", "")]
    newest = {scheme: found[0][0] for scheme in known if (found := order(tags, scheme))}
    return max(newest, key=newest.__getitem__, default=known[0])


def _is_ours(path: str, project: Project) -> bool:
    """Tell whether a file is one in which an import package of the project, or its only module, says its version."""
    file = PurePosixPath(path)
    package, above = file.parent.as_posix(), file.parent.parent.as_posix()
    if file.suffix != ".py":
        return False
    if file.stem not in _MODULES:
        return package in (".", "src") and canonicalize_name(file.stem) == project.normalized
    build = project.table("tool", "hatch", "build")
    listed = project.table("tool", "hatch", "build", "targets", "wheel").get("packages", build.get("packages", ()))
    listed = [str(name).strip("./") for name in listed] if isinstance(listed, list) else []
    beside = above == "." and canonicalize_name(package) == project.normalized
    return above == "src" or beside or package in listed


def _literal(path: str, data: bytes | None) -> Place | None:
    """Return the place in a Python file, or `None` where its top level assigns no string to `__version__`."""
    if data is None or b"__version__" not in data:
        return None
    try:
        found, text = _strings(_module(data)), decode_source(data)
    except _UNREADABLE as error:
        hint = f"python -m py_compile {shlex.quote(path)}"
        raise UsageError(f"{path} cannot be read as Python: {error}", hint) from error
    if not found:
        return None
    string = found[-1]
    if len(found) > 1:
        problem = "is assigned a second time"
    elif isinstance(string, ast.JoinedStr):
        problem = "is an f-string"
    elif not _ONE_STRING.fullmatch(ast.get_source_segment(text, string) or ""):
        problem = "is not written as one plain string"
    else:
        return Place(path, Kind.LITERAL, str(string.value))
    raise UsageError(f"{path}:{string.lineno}: __version__ {problem}, so it cannot be replaced", _search(path))


def _module(data: bytes) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an odd escape elsewhere in the file is not for us to complain of
        return ast.parse(decode_source(data))


def _strings(module: ast.Module) -> list[ast.Constant | ast.JoinedStr]:
    """Return the strings, f-strings included, that the top level of a module assigns to `__version__`."""
    found: list[ast.Constant | ast.JoinedStr] = []
    for statement in module.body:
        match statement:
            case ast.Assign(targets=targets, value=(ast.Constant(value=str()) | ast.JoinedStr()) as string):
                pass
            case ast.AnnAssign(target=target, value=(ast.Constant(value=str()) | ast.JoinedStr()) as string):
                targets = [target]
            case _:
                continue
        found += [string for target in targets if isinstance(target, ast.Name) and target.id == "__version__"]
    return found


def _locked(data: bytes | None, project: Project) -> list[Place]:
    """Return the place in a uv.lock: none without a lock, or where the version is dynamic."""
    if data is None:
        return []
    try:
        entries = _own_entries(tomllib.loads(data.decode()))
    except _UNREADABLE as error:
        raise UsageError(f"uv.lock cannot be read: {error}", "uv lock") from error
    ours = [entry for entry in entries if entry.get("name") == project.normalized]
    return [Place("uv.lock", Kind.LOCK, entry["version"]) for entry in ours if isinstance(entry.get("version"), str)]


def _own_entries(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the packages whose source is the lock's own directory: one, in a lock that uv wrote."""
    own = ({"editable": "."}, {"virtual": "."})
    return [entry for entry in document.get("package", ()) if isinstance(entry, dict) and entry.get("source") in own]


def _meaning(kind: Kind, data: bytes, version: str | None = None) -> str:
    """Return all that a file says, as text to compare; with `version`, as if the file said that one.

    Text, because objects compare too well and too badly: for Python 1 is True, and TOML's nan is not itself.
    """
    if kind is Kind.LITERAL:
        module = _module(data)
        if version is not None:
            for string in _strings(module):
                if isinstance(string, ast.Constant):
                    string.value = version
        return ast.dump(module)
    document = tomllib.loads(data.decode())
    if version is not None:
        table = document["project"] if kind is Kind.PROJECT else _own_entries(document)[0]
        table["version"] = version
    return repr(document)


def _canonical(version: str) -> str:
    try:
        return str(Version(version))
    except ValueError:
        return version


def _search(*paths: str) -> str:
    """Return a command that shows where versions are written, in these files or in all."""
    files = " ".join(["", "--", *map(shlex.quote, paths)]) if paths else ""
    return f"git grep -nE 'version(__)? *[:=]'{files}"
