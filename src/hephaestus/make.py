"""Making a release: begin it or find it again, ask every step, walk the plan, and tidy up."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hephaestus import checkout, git, journal, recovery, report, system
from hephaestus.errors import (
    ChecksFailed,
    Conflict,
    CouldNotRun,
    HephaestusError,
    InFlight,
    NotConfirmed,
    Problem,
)
from hephaestus.plan import Observer, Plan
from hephaestus.release import STEPS, Release, Workplace, begin, plan, workplace
from hephaestus.request import Request, nothing_to_release, wanted

__all__ = ["Consent", "Outcome", "make", "only_one", "planned", "preview"]

log = logging.getLogger("hephaestus")

# Puts a question to whoever may answer it; `None` where there is nobody to ask.
Consent = Callable[[str], bool] | None


@dataclass(frozen=True)
class Outcome:
    """How it ended in one word, what to tell a person, and the details for a machine."""

    state: str
    said: str
    details: Mapping[str, Any] = field(default_factory=dict)


def make(request: Request, repository: git.Repository, observer: Observer, consent: Consent) -> Outcome:
    """Make a release, or carry on with one that was begun, here or elsewhere.

    Raises `ChecksFailed` with all problems before anything is changed.
    """
    base, branch = checkout.base(repository)
    at = workplace(repository, base)
    version = wanted(request, at, base)
    with only_one(repository):
        if request.current and (why := nothing_to_release(at, version, base, branch)):
            return Outcome("nothing to release", f"nothing to release: {why}")
        record = _begun(at, version, base, branch)
        if record is not None and record.ended is not None:
            return _already(at, Release(**record.facts), record, base)
        release = Release(**record.facts) if record else _new(at, version, request.part, base, branch)
        at = workplace(repository, release.base)
        if record is not None:
            _carry_on(at, release, record, base)
        _check(plan(release, at, record or _unwritten(release), request.waived), request, consent)
        if record is None:
            at.tidy(release)  # another try whose journal was deleted would pass for this one
            record = journal.create(_journals(repository), release.tag, asdict(release))
        if record.going_back:
            record.turn_forward()
        for gate, reason in request.waived.items():
            record.waive(gate, reason)
        return _walk(release, at, record, observer, consent, request.until)


def preview(request: Request, repository: git.Repository) -> tuple[Release, Plan, list[Problem]]:
    """Return what `make` would do: the release, its plan, and the problems in its way. Nothing is changed."""
    release, todo = planned(request, repository)
    return release, todo, todo.check()


def planned(request: Request, repository: git.Repository) -> tuple[Release, Plan]:
    """Return the release that `make` would make or carry on with, and its plan, without asking any step."""
    base, branch = checkout.base(repository)
    at = workplace(repository, base)
    version = wanted(request, at, base)
    record = journal.find(_journals(repository), at.tag(version))
    if record is None or record.ended is not None:
        record = _unwritten(_new(at, version, request.part, base, branch))
    release = Release(**record.facts)
    return release, plan(release, workplace(repository, release.base), record, request.waived)


@contextlib.contextmanager
def only_one(repository: git.Repository) -> Iterator[None]:
    """Hold the lock of a clone, so that it makes one release at a time."""
    home = repository.common_directory / "hephaestus"
    with system.lock(home / "lock", "another release is being made in this clone right now"):
        # Nobody else writes here now: files with a hidden name, and git's locks, are what was killed half-way.
        private = repository.common_directory / "refs" / "hephaestus"
        for unfinished in (*sorted(home.rglob(".*")), *sorted(private.rglob("*.lock"))):
            system.remove(unfinished)
        yield


def _journals(repository: git.Repository) -> Path:
    return journal.directory(repository.common_directory)


def _unwritten(release: Release) -> journal.Journal:
    """Return the journal of a release of which nothing is written yet."""
    return journal.Journal(Path(), asdict(release))


def _new(at: Workplace, version: str, asked: str | None, base: str, branch: str) -> Release:
    remote = checkout.remote(at.repository, at.project.remote, branch)
    return begin(version, at.tag(version), base, branch, remote, asked)


def _begun(at: Workplace, version: str, base: str, branch: str) -> journal.Journal | None:
    """Return the journal of a release of this version that was begun here or elsewhere.

    Raises `InFlight` where another version is half-way in this clone.
    """
    home = _journals(at.repository)
    for other in journal.in_flight(home):
        if other.facts["version"] == version:
            continue
        if not other.is_out:
            raise _in_flight(other)
        log.info("%s is out, but not all was told: hephaestus release --version %s", *_named(other))
    record = journal.find(home, at.tag(version))
    if record is not None and record.ended == "rolled back":
        record.archive()
        record = None
    if record is not None:
        return record
    try:
        return _begun_elsewhere(at, version, base, branch)
    except CouldNotRun as error:
        log.info("%s", error.message)  # the checks will name what does not answer, with all other problems
        return None


def _named(other: journal.Journal) -> tuple[str, str]:
    return str(other.facts["tag"]), str(other.facts["version"])


def _in_flight(other: journal.Journal) -> InFlight:
    version = other.facts["version"]
    back = f"hephaestus rollback --version {version}"
    hint = back if other.going_back else f"hephaestus release --version {version}\n      {back}"
    return InFlight(f"the release of {version} is half-way in this clone", hint)


def _begun_elsewhere(at: Workplace, version: str, base: str, branch: str) -> journal.Journal | None:
    """Return a journal for a release that another clone began, unless it is out and was made from another commit."""
    found = at.forge.find(at.tag(version))
    if found is not None and not found.draft:
        held = at.repository.resolve(f"refs/tags/{at.tag(version)}^{{commit}}")
        if held is None or base not in (held, at.repository.resolve(f"{held}^")):
            return None
    remote = checkout.remote(at.repository, at.project.remote, branch)
    return recovery.recover(at, version, remote, within=(base, branch))


def _already(at: Workplace, release: Release, record: journal.Journal, base: str) -> Outcome:
    """Say that a version is out, when it still is and was made from what is checked out; else its tag is in the way."""
    at.tidy(release)
    found = at.forge.find(release.tag)
    if found is None or found.draft or at.remote_tag(release.remote, release.tag) is None:
        record.archive()
        raise ChecksFailed(
            [Problem(f"{release.tag} was released, and taken back elsewhere since", "git fetch && git status")]
        )
    if base not in (release.base, at.repository.resolve(f"refs/tags/{release.tag}^{{commit}}")):
        raise ChecksFailed(
            [Problem(f"{release.tag} is released already, from another commit", f"git show {release.tag}")]
        )
    return Outcome("already released", f"{release.tag} is released already", report.read(at, release.tag) or {})


def _carry_on(at: Workplace, release: Release, record: journal.Journal, base: str) -> None:
    """Say from where the release goes on, and that commits made since are not in it."""
    if record.going_back and record.taken_back:
        raise Conflict(
            f"the rollback of {release.tag} was begun and is not finished",
            f"hephaestus rollback --version {release.version}",
        )
    if record.begun("push"):
        with contextlib.suppress(CouldNotRun):  # the steps will say so
            recovery.refuse_taken_back(at, release, at.stage(release).commit())
    log.info("carrying on with %s, begun %s from %s", release.tag, release.time, release.base[:10])
    if base not in (release.base, at.stage(release).commit()):
        log.info("commits made since are not part of it")


def _check(todo: Plan, request: Request, consent: Consent) -> None:
    """Raise all problems at once, a missing person to ask among them."""
    problems = todo.check()
    hidden = request.until is not None and STEPS.index(request.until) < STEPS.index("push")
    if not (consent or hidden or todo.journal.begun("push")):
        problems.append(
            Problem(
                "there is no terminal to ask before the release becomes visible",
                f"hephaestus release --version {todo.journal.facts['version']} --yes",
            )
        )
    if problems:
        raise ChecksFailed(problems)


def _walk(  # noqa: PLR0913, PLR0917  (all that a walk needs; none of it belongs together elsewhere)
    release: Release, at: Workplace, record: journal.Journal, observer: Observer, consent: Consent, until: str | None
) -> Outcome:
    todo = plan(release, at, record)
    observer.planned(f"release {release.tag}", [(step.name, step.describe()) for step in todo.steps])
    try:
        todo.run(observer, agree=lambda: _agree(release, at, consent), until=until)
    except HephaestusError as error:
        error.message += f"\n{_standing(release, at, record, error)}"
        error.hint = error.hint or f"hephaestus release --version {release.version}"
        raise
    if not record.done(STEPS[-1]):
        said = f"stopped after {until}; {_standing(release, at, record)}; the same command without --until goes on"
        return Outcome("stopped", said, {"release": asdict(release), "until": until})
    told = report.write(at, release, record)
    record.end("released")
    at.tidy(release)
    return Outcome("released", f"{release.tag} is released", {**told, "report": str(report.path(at, release.tag))})


def _standing(release: Release, at: Workplace, record: journal.Journal, error: HephaestusError | None = None) -> str:
    """Say what the world can see of a release that is half-way."""
    if record.done("publish"):
        return "the release is public"
    if record.done("push"):
        return "branch and tag are public"
    if not record.begun("push"):
        return "nothing is public"
    if not isinstance(error, CouldNotRun):  # a push whose connection was lost may still arrive
        with contextlib.suppress(CouldNotRun):
            held = at.remote_tag(release.remote, release.tag)
            arrived = held is not None and held == at.stage(release).tag_object()
            return "branch and tag are public" if arrived else "nothing is public"
    return "branch and tag may be public"


def _agree(release: Release, at: Workplace, consent: Consent) -> None:
    """Show what will become public, and ask once."""
    if consent is None or not consent(f"{_public(release, at)}\nMake it public?"):
        raise NotConfirmed(
            f"{release.tag} was not made public", f"hephaestus release --version {release.version} --yes"
        )


def _public(release: Release, at: Workplace) -> str:
    """Return what the push makes visible: commits that were not pushed yet, the release commit, the files."""
    repository, here = at.repository, at.stage(release)
    head = f"refs/heads/{release.branch}"
    held = repository.remote_refs(release.remote, head).get(head)
    if held and repository.resolve(f"{held}^{{commit}}") is None:
        repository.fetch(release.remote, held)
    known = [f"^{held}"] if held else ["--not", f"--remotes={release.remote}"]
    shown = ("log", "--no-show-signature", "--format=%h %s")
    hidden = repository.line(*shown, release.base, *known).splitlines()
    lines = [f"{release.tag} will become public on {release.remote} and {at.forge.place}:"]
    lines += [f"  commit {line} (not pushed before)" for line in hidden]
    lines += [f"  commit {repository.line(*shown, '-1', here.revision)}"]
    lines += [f"  file {file.name}" for file in sorted(here.assets.iterdir())]
    return "\n".join(lines)
