"""The gates about what the project needs: that its locks are fresh, and that what it imports is what it declares."""

from __future__ import annotations

import re
import shutil
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from hephaestus.errors import UsageError
from hephaestus.findings import Finding
from hephaestus.gates.bench import Bench, judged, useful
from hephaestus.gates.builtin import hashes, needs, reading
from hephaestus.gates.gate import COULD_NOT_RUN, PASSED, Answer, Gate, Off
from hephaestus.gates.shown import Shown
from hephaestus.supervise import Ended
from hephaestus.tree import Directory
from hephaestus.wheelhouse import locks, wheel
from hephaestus.wheelhouse.locks.declared import declared

__all__ = ["choose"]

# The locks that hold all a project declares, and know whether they are stale.
_WHOLE = ("uv.lock", "poetry.lock", "pdm.lock")
_OTHERS = ("pylock.toml", "requirements.txt", "requirements.lock")
_DRIFTED = re.compile(r"needs to be updated, but `--(check|locked)` was provided")
_NO_SOLUTION = re.compile(r"No solution found when resolving dependencies")
_QUIETLY = ("--no-progress", "--no-python-downloads")
_MADE_BY_POETRY = re.compile(r"#.{0,60} Poetry (\d{1,4})\.(\d{1,4})")
_HASHES_GROUPS = (2, 3)
_DEPTRY_SHAPE = reading.Shape("location.file", "location.line", "location.column", "error.code", "error.message")
_NOTHING_SCANNED = re.compile(r"(?m)^Scanning 0 files?")


def choose(shown: Shown) -> list[Gate | Off]:
    """Return the gates `lock` and `dependencies`, or why they are off."""
    return [_lock(shown), _dependencies(shown)]


def _lock(shown: Shown) -> Gate | Off:
    said = needs.said(shown, "lock", "extras", "groups")
    found = _locks(shown)
    if not found:
        return Off("lock", f"there is no {', '.join((*_WHOLE, _OTHERS[0]))}, and no requirements.txt with hashes")
    chosen = frozenset(said["extras"]), frozenset(said["groups"])
    return Gate(
        "lock",
        " and ".join(found),
        lambda bench: reading.together((path, _fresh(bench, path, said["arguments"], chosen)) for path in found),
        tools=(shown.requirement("uv"),) if "uv.lock" in map(_name, found) else (),
        definition=(*said["arguments"], "--", *found, "--", *said["extras"], "--", *said["groups"]),
    )


def _locks(shown: Shown) -> list[str]:
    """Return the locks of a project: the named ones, each that a tool keeps, else one that was exported."""
    named = [path for path in (shown.settings.lock, shown.project.wheelhouse.lock) if path]
    kept = [path for path in _WHOLE if path in shown.paths]
    found = list(dict.fromkeys((*named, *kept)))
    tree = Directory(shown.root)
    hashed = (path for path in _OTHERS if path in shown.paths and _is_lock(tree, path))
    return found or list(hashed)[:1]


def _is_lock(tree: Directory, path: str) -> bool:
    return path == "pylock.toml" or b"--hash" in (tree.read(path) or b"")


def _name(path: str) -> str:
    return PurePosixPath(path).name


def _fresh(bench: Bench, path: str, arguments: Sequence[str], chosen: tuple[frozenset[str], frozenset[str]]) -> Answer:
    """Return whether one lock is that of the pyproject.toml beside it."""
    name = _name(path)
    if name in _WHOLE:
        project = bench.shown.project
        chosen = (
            frozenset(project.table("project", "optional-dependencies")),
            frozenset(project.table("dependency-groups")),
        )
    try:
        lacks = [] if name in _WHOLE and needs.elsewhere(bench.shown) else _lacks(bench, path, chosen)
    except UsageError as error:
        # A wheelhouse cannot be made by each lock that its own tool understands.
        if name not in _WHOLE:
            return Answer(COULD_NOT_RUN, error.message.partition("\n")[0])
        lacks = []
    if lacks:
        return reading.failed(lacks)
    if name == "uv.lock":
        return _asked_of_uv(bench, path, arguments)
    return _known_by_hash(bench, path) if name in _WHOLE else Answer(PASSED)


def _lacks(bench: Bench, path: str, chosen: tuple[frozenset[str], frozenset[str]]) -> list[Finding]:
    """Return what a lock lacks of what the project asks for, here and with some extras and groups."""
    shown = bench.shown
    extras, groups = chosen
    environment = {key: str(value) for key, value in default_environment().items()}
    lock = locks.find(Directory(shown.root), shown.project.document, path)
    assert lock is not None  # a named one is there, or is an error
    if needs.elsewhere(shown):
        asked: list[Requirement] = list(wheel.read(bench.wheel()).requires)
    else:
        asked = declared(shown.project.document, extras, groups)
    own = shown.project.normalized
    wanted = [each for each in asked if canonicalize_name(each.name) != own]
    found = locks.stale(lock.packages(environment, extras, groups), wanted, environment)
    return [Finding(each, path, rule="stale", hint=lock.renew) for each in dict.fromkeys(found)]


def _asked_of_uv(bench: Bench, path: str, arguments: Sequence[str]) -> Answer:
    """Ask uv, with no network first: a lock that is fresh needs none."""
    home = _apart(bench, path) if bench.shown.project.table("project").get("dynamic") else bench.root
    words = ("lock", "--check", *_QUIETLY, "--project", str(PurePosixPath(path).parent), *arguments)
    ended = bench.run("uv", *words, "--offline", cwd=home)
    if ended.code and not _DRIFTED.search(ended.errors):
        ended = bench.run("uv", *words, cwd=home)  # without a network it knows no newer files than those in its cache
    return _told_by_uv(ended, path)


def _told_by_uv(ended: Ended, path: str) -> Answer:
    if ended.code == 0:
        return Answer(PASSED) if "Resolved" in ended.errors else reading.unread(ended)
    if ended.code == 1 and (_DRIFTED.search(ended.errors) or _NO_SOLUTION.search(ended.errors)):
        said = "it is not the lock that uv would make for this pyproject.toml"
        failed = reading.failed([Finding(said, path, rule="stale", hint="uv lock")])
        return replace(failed, lines=useful(ended))
    return judged(ended, failing=())


def _apart(bench: Bench, path: str) -> Path:
    """Return a copy of the project, in which uv may build what tells it of a dynamic one."""
    home = bench.scratch / "project"
    for each in {*bench.shown.paths, path}:
        file = bench.root / each
        if file.is_file() and not file.is_symlink():
            (home / each).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, home / each)
    return home


def _known_by_hash(bench: Bench, path: str) -> Answer:
    """Compare the hash that Poetry or PDM wrote into a lock with that of the pyproject.toml."""
    name = _name(path)
    document: Mapping[str, Any] = bench.shown.project.document
    try:
        text = (Directory(bench.root).read(path) or b"").decode()
        metadata = tomllib.loads(text).get("metadata", {})
        algorithm, _, digest = str(metadata.get("content-hash") or metadata.get("content_hash")).rpartition(":")
        fresh = _of_poetry(document, text) if name == "poetry.lock" else {hashes.pdm(document, algorithm)}
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        return Answer(COULD_NOT_RUN, f"{path} cannot be read: {str(error)[:200]}")
    if digest in fresh:
        return Answer(PASSED)
    tool = name.removesuffix(".lock")
    if tool == "pdm" and "workspace" in bench.shown.tool("pdm"):
        return Answer(COULD_NOT_RUN, "the lock of a workspace is known to PDM alone", lines=("pdm lock --check",))
    said = "its content hash is not that of pyproject.toml, which was changed since it was locked"
    return reading.failed([Finding(said, path, rule="stale", hint=f"{tool} lock")])


def _of_poetry(document: Mapping[str, Any], lock: str) -> set[str]:
    """Return the hashes that are fresh in a lock, by the version of Poetry that it says it was made with."""
    made = _MADE_BY_POETRY.match(lock)
    old = made is not None and (int(made[1]), int(made[2])) < _HASHES_GROUPS
    return {hashes.poetry(document), *([hashes.poetry(document, groups=False)] if old else [])}


def _dependencies(shown: Shown) -> Gate | Off:
    said = needs.said(shown, "dependencies", "paths", extras=list)
    if not needs.python(shown):
        return Off("dependencies", "there are no Python files")
    all_of_them = map(str, shown.project.table("project", "optional-dependencies"))
    extras = tuple(all_of_them if said["extras"] is None else said["extras"])
    paths = said["paths"] or tuple(needs.sources(shown))
    return Gate(
        "dependencies",
        shown.configured("deptry") or "the dependencies in pyproject.toml",
        lambda bench: _deptry(bench, (*said["arguments"], *paths)),
        tools=tuple(dict.fromkeys((shown.requirement("deptry"), *needs.dependencies(shown, extras)))),
        definition=(*said["arguments"], "--", *paths),
    )


def _deptry(bench: Bench, words: Sequence[str]) -> Answer:
    out = bench.scratch / "deptry.json"
    ended = bench.run("deptry", "--no-ansi", "--json-output", out, *words)
    if _NOTHING_SCANNED.search(ended.errors):
        return Answer(COULD_NOT_RUN, "it found no file to look at", lines=useful(ended))
    said = out.read_bytes().decode("utf-8", "replace") if out.is_file() else ""
    return reading.answered(ended, reading.found(reading.document(said), _DEPTRY_SHAPE, bench.root))
