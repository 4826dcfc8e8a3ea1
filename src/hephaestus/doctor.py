"""Looking at all a release stands on, before anybody wants one: the machine, the clone, the project and the forge."""

from __future__ import annotations

import platform
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Any

from hephaestus import checkout, git, journal, keepachangelog, notes, system, ui, versions
from hephaestus.draft import Draft
from hephaestus.errors import ChecksFailed, CouldNotRun, HephaestusError
from hephaestus.forge import Finding
from hephaestus.make import planned
from hephaestus.plan import Plan, Step
from hephaestus.release import Release, Workplace, workplace
from hephaestus.request import Request

__all__ = ["document", "examine"]

# The first one with `git ls-tree --format`.
_GIT = (2, 36)
# Steps that ask about the clone, whatever is to be released, and the subject they ask about.
_ALWAYS = {"stage": "checkout", "commit": "identity"}
_HELP = "hephaestus doctor --help"


def examine(start: Path, version: str | None) -> list[Finding]:
    """Look at all that a release of a version from the project at `start` stands on; nothing is changed.

    With a version, every step of its plan is asked as well; without, the forge is asked about the next patch.

    Raises `UsageError` where the version is none, and where `start` is in no clone.
    """
    wanted = None if version is None else str(versions.parse(version))
    found = list(_machine())
    try:
        repository = git.discover(start)
    except CouldNotRun as error:
        return _once([*found, _in_the_way("git", error)])
    about = "branch"
    try:
        found += _signing(repository)
        base, branch = checkout.base(repository)
        found.append(Finding(about, f"{branch}, at {base[:10]}"))
        about = "project"
        at = workplace(repository, base)
        found += _project(at, base, wanted)
        about = "plan"
        release, todo = planned(Request(wanted, part=None if wanted else "patch"), repository)
    except HephaestusError as error:
        return _once([*found, _in_the_way(about, error)])
    found += _in_flight(at, wanted)
    return _once([*found, *_asked(at, release, todo, everything=wanted is not None)])


def document(found: Sequence[Finding]) -> dict[str, Any]:
    """Return findings as a document for machines.

    Raises `ChecksFailed`, which holds all of them as well, where something is in the way.
    """
    told = [vars(each) for each in found]
    problems = [each.problem for each in found if each.problem]
    if problems:
        failure = ChecksFailed(problems)
        failure.details["findings"] = told
        raise failure
    return {"outcome": "nothing is in the way", "findings": told}


def _machine() -> Iterator[Finding]:
    """Yield the tools: those a release cannot do without, and those it uses where they are there."""
    yield _git()
    yield Finding("python", f"{platform.python_version()}, {sys.executable}")
    yield Finding("nox", metadata.version("nox"))
    for name, use in {"uv": "environments are made with pip", "gh": "a token is taken from the environment"}.items():
        place = system.program(name)
        yield Finding(name, _version_of(place) if place else f"not installed, so {use}")


def _git() -> Finding:
    try:
        there = git.version()
    except CouldNotRun as error:
        return Finding("git", error.message, "apt-get install git")
    said = ".".join(map(str, there))
    if there < _GIT:
        needed = ".".join(map(str, _GIT))
        return Finding(
            "git", f"{said} is too old, {needed} is needed", "python -m webbrowser https://git-scm.com/downloads"
        )
    return Finding("git", said)


def _version_of(program: str) -> str:
    """Return the version a tool says it has, or where it is if it says none."""
    said = re.search(r"\d+(?:\.\d+)+", system.run([program, "--version"], check=False).output)
    return said[0] if said else program


def _signing(repository: git.Repository) -> Iterator[Finding]:
    """Yield whether what is made is signed, and whether that works; what is signed to find out is thrown away."""
    signed = [each for each in ("commit", "tag") if repository.config(f"{each}.gpgSign", kind="bool") == "true"]
    if not signed:
        yield Finding("signing", "commits and tags are not signed")
        return
    tree, objects = repository.resolve("HEAD^{tree}"), repository.common_directory / "objects"
    if tree is None:
        return
    with tempfile.TemporaryDirectory() as scratch, ui.paused():  # a key may ask for its passphrase
        apart = {"GIT_OBJECT_DIRECTORY": scratch, "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(objects)}
        tried = repository.run("commit-tree", "-S", "-m", "Try the key", tree, check=False, extra=apart)
    what = " and ".join(f"{each}s" for each in signed)
    if tried.code:
        hint = r"git config --show-origin --get-regexp '^(gpg|commit|tag|user)\.'"
        yield Finding("signing", f"{what} are to be signed, but that fails: {tried.tail(3)}", hint)
    else:
        yield Finding("signing", f"{what} are signed with {repository.config('gpg.format') or 'openpgp'}, which works")


def _project(at: Workplace, base: str, wanted: str | None) -> Iterator[Finding]:
    """Yield what the project says of itself; its changelog only where no step is asked about it."""
    tree, path = git.Commit(at.repository, base), at.project.changelog
    said = versions.current(tree, at.project)
    yield Finding("project", f"{at.project.name} {said or 'with its version from the tag'}")
    if wanted is not None:
        return
    try:
        section = keepachangelog.unreleased(notes.changelog(tree, path))
    except HephaestusError as error:
        yield _in_the_way("changelog", error)
        return
    if section is None:
        yield Finding("changelog", f"{path} has no Unreleased section", f"$EDITOR {path}")
    elif keepachangelog.is_empty(section):
        yield Finding("changelog", f"nothing is under Unreleased in {path} yet")
    else:
        yield Finding("changelog", f"{path} says what is new")


def _in_flight(at: Workplace, wanted: str | None) -> Iterator[Finding]:
    """Yield the releases that are half-way in this clone; in the way are those of other versions."""
    for record in journal.in_flight(journal.directory(at.repository.common_directory)):
        tag, version = record.facts["tag"], record.facts["version"]
        back = f"hephaestus rollback --version {version}"
        if record.going_back:
            yield Finding("in flight", f"{tag} is being rolled back since {record.facts['time']}", back)
        elif record.is_out and version != wanted:
            yield Finding("in flight", f"{tag} is out, but not all was told: hephaestus release --version {version}")
        elif version == wanted:
            yield Finding(
                "in flight", f"{tag} is half-way since {record.facts['time']}, and a release carries on with it"
            )
        else:
            hint = f"hephaestus release --version {version}"
            yield Finding(
                "in flight", f"{tag} is half-way since {record.facts['time']}: carry on with it, or roll it back", hint
            )


def _asked(at: Workplace, release: Release, todo: Plan, *, everything: bool) -> list[Finding]:
    """Ask the remote, the steps and the forge, at the same time."""
    steps = [step for step in todo.steps if not todo.journal.begun(step.name)]
    draft = next(step for step in todo.steps if isinstance(step, Draft))
    others = [step for step in steps if step is not draft and (everything or step.name in _ALWAYS)]
    with ThreadPoolExecutor(max_workers=8) as pool:
        remote = pool.submit(_remote, at.repository, release.remote)
        answers = [pool.submit(_problems, step) for step in others]
        # Here and not in the pool, which Ctrl-C would have to wait for.
        forge = _forge(at, release.tag, draft.pushed)
        free = _problems(draft) if everything and draft in steps else []
        return [*remote.result(), *(each for answer in answers for each in answer.result()), *forge, *free]


def _problems(step: Step) -> list[Finding]:
    """Return what a step finds in its way, or that the subject it asks about is fit."""
    about = _ALWAYS.get(step.name, step.name)
    try:
        found = [Finding(about, problem.message, problem.hint) for problem in step.check()]
    except HephaestusError as error:
        return [_in_the_way(about, error)]
    fit = {"stage": "complete, with nothing changed that is tracked, and not behind", "commit": "git knows who commits"}
    return found or ([Finding(about, fit[step.name])] if step.name in fit else [])


def _remote(repository: git.Repository, remote: str) -> list[Finding]:
    """Return whether the remote answers, and whether it would take a push."""
    try:
        repository.remote_refs(remote, "HEAD")
        repository.ask_to_push(remote)
    except HephaestusError as error:
        return [_in_the_way("remote", error)]
    return [Finding("remote", f"{remote} answers, and lets you push")]


def _forge(at: Workplace, tag: str, pushed: str | None) -> list[Finding]:
    """Return where releases go, and what is found there."""
    chosen = "; nobody chose it, so no other machine sees them" if at.default_forge else ""
    try:
        return [Finding("forge", f"releases go to {at.forge.place}{chosen}"), *at.forge.examine(tag, pushed)]
    except HephaestusError as error:
        return [_in_the_way("forge", error)]


def _in_the_way(about: str, error: HephaestusError) -> Finding:
    return Finding(about, error.message, error.hint or _HELP)


def _once(found: Iterable[Finding]) -> list[Finding]:
    """Return findings, each problem once: a step may find what was found before it."""
    seen: set[tuple[str, str | None]] = set()
    kept = []
    for each in found:
        if each.hint is None or (each.said, each.hint) not in seen:
            kept.append(each)
        seen.add((each.said, each.hint))
    return kept
