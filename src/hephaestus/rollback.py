"""Taking a release back, as far as the world allows, and saying what cannot be undone."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from hephaestus import advisory, aftermath, checkout, git, journal, marks, recovery, reversal, ui, versions
from hephaestus.errors import (
    ChecksFailed,
    Conflict,
    CouldNotRun,
    HephaestusError,
    NotConfirmed,
    Refused,
    UsageError,
    redacted,
)
from hephaestus.forge import Listing
from hephaestus.make import Consent, Outcome, only_one
from hephaestus.plan import Observer, Plan
from hephaestus.release import Release, Workplace, steps, workplace

__all__ = ["Why", "roll_back"]


@dataclass(frozen=True)
class Why:
    """Why a release is taken back: how severe it is, in words, and whether an advisory is to be drafted."""

    severity: str | None = None
    because: str = ""
    advisory: bool = False


def roll_back(  # noqa: PLR0913, PLR0917  (the words of one command)
    version: str,
    severity: str | None,
    repository: git.Repository,
    observer: Observer,
    consent: Consent,
    because: str = "",
    *,
    advise: bool = False,
) -> Outcome:
    """Take a release back: to the byte before the commit point, by new commits after it, by severity once published.

    `because` is kept in the journal and told to users; with `advise` the draft of a security advisory is made as well.
    Raises `UsageError` where there is no such release of ours, and `ChecksFailed` where taking it back would
    harm what is not ours.
    """
    version = str(versions.parse(version))
    if severity is not None:
        advisory.check_severity(severity, _again(version, "critical"))
    why = Why(severity, redacted(ui.clean(because).strip()), advise)
    base, branch = checkout.base(repository)
    at = workplace(repository, base)
    with only_one(repository):
        record = _record(at, version, branch)
        if record is None:
            return _before(at, version, why, base)
        release = Release(**record.facts)
        at = workplace(repository, release.base)
        found = None if record.was_published else _published(at, release)
        if found is not None and severity != "critical":
            return _stays(release, at, why)
        return _walk_back(release, at, record, observer, consent, found, why)


def _again(version: str, severity: str) -> str:
    return f"hephaestus rollback --version {version} --severity {severity}"


def _record(at: Workplace, version: str, branch: str) -> journal.Journal | None:
    """Return the journal of the release, from here or from its marks; `None` where it was rolled back before."""
    home, tag = journal.directory(at.repository.common_directory), at.tag(version)
    record = journal.find(home, tag)
    if record is not None and record.ended == "rolled back":
        record.archive()
        record = None
    record = record or recovery.recover(at, version, checkout.remote(at.repository, at.project.remote, branch))
    if record is None and journal.archived(home, tag):
        return None
    if record is None:
        raise UsageError(
            f"there is no release {tag} that was begun here, and no tag or draft of ours that shows one",
            "hephaestus status",
        )
    return record


def _before(at: Workplace, version: str, why: Why, base: str) -> Outcome:
    """Say that there is nothing left to take back; an advisory may still be wanted."""
    said = f"{at.tag(version)} was rolled back before, nothing is left to do"
    return _with_advisory(Outcome("rolled back", said), at, version, why, (base,))


def _published(at: Workplace, release: Release) -> Listing | None:
    """Look whether users can see the release: this journal may know nothing of another clone that published it."""
    found = at.forge.find(release.tag)
    promise = marks.from_body(found.body) if found is not None and not found.draft else None
    if promise is None or promise.mark.id != release.id:
        return None
    # A machine that took our draft over has made a tag of its own: what it published is not ours to take back.
    return found if at.stage(release).tag_object() in (None, promise.tag_object) else None


def _withdrawn(at: Workplace, release: Release) -> bool:
    """Look whether the branch says that the release was withdrawn, though its tag is still there.

    One that others prepared is marked as yanked wherever it is taken back, and so says nothing.
    """
    if at.stage(release).commit() == release.base:
        return False
    name = f"refs/heads/{release.branch}"
    head = at.repository.remote_refs(release.remote, name).get(name)
    if head and at.repository.resolve(f"{head}^{{commit}}") is None:
        at.repository.fetch(release.remote, head)
    return head is not None and reversal.is_yanked(at.repository, head, at.project.changelog, release.version)


def _stays(release: Release, at: Workplace, why: Why) -> Outcome:
    """Say what to do about a release that is out and stays out."""
    if why.severity is None:
        meanings = "\n".join(f"  {name}: {meaning}" for name, meaning in advisory.SEVERITIES.items())
        raise UsageError(
            f"{release.tag} is published; how severe is it?\n{meanings}", _again(release.version, "critical")
        )
    following, pin = at.next_patch(release.version), aftermath.pin(at, release.version)
    command = f"hephaestus release --version {following}"
    said = [f"{release.tag} stays published ({why.severity}: {advisory.SEVERITIES[why.severity]})."]
    if why.severity == "high":
        said.append(f"Tell users to pin what they have: {release.version} must not be installed, as with {pin!r}.")
        earlier = versions.order(at.repository.reachable_tags(release.base), at.template)
        good = next((tag for found, tag in earlier if tag != release.tag and not found.is_prerelease), None)
        said += [f"Begin the hotfix from the last good release: hephaestus hotfix --from {good}"] if good else []
    said.append(f"Mend it and release the next patch, {following}: {command}")
    outcome = Outcome("stays published", "\n".join(said), {"next": following, "command": command, "pin": pin})
    return _with_advisory(outcome, at, release.version, why, ("HEAD",))


def _walk_back(  # noqa: PLR0913, PLR0917  (all that a walk needs; none of it belongs together elsewhere)
    release: Release,
    at: Workplace,
    record: journal.Journal,
    observer: Observer,
    consent: Consent,
    found: Listing | None,
    why: Why,
) -> Outcome:
    seen = record.begun("push")
    published = (
        found is not None or record.was_published or (seen and not record.going_back and _withdrawn(at, release))
    )
    if seen:
        recovery.restore_refs(at, release)
    back = Plan(steps(release, at, {}, published=published), record)
    problems = back.check_undo()
    if problems:
        raise ChecksFailed(problems)
    immutable = found is not None and found.immutable
    if seen and not record.going_back:
        _agree(release, at, consent, why, immutable=immutable)
    record.turn_back(published=published, immutable=immutable, because=why.because)
    if published and not record.begun("publish"):
        record.begin("publish")  # by another clone; it is to be taken back all the same
    undone = [step for step in reversed(back.steps) if record.begun(step.name)]
    observer.planned(f"rollback {release.tag}", [(step.name, step.describe_undo()) for step in undone])
    made = at.stage(release).commit(), at.stage(release).tag_object()
    try:
        back.undo(observer)
    except HephaestusError as error:
        error.hint = error.hint or f"hephaestus rollback --version {release.version}"
        raise
    outcome = _ended(release, at, record, made, why)
    at.tidy(release)
    record.end("rolled back")
    record.archive()
    return outcome


def _agree(release: Release, at: Workplace, consent: Consent, why: Why, *, immutable: bool) -> None:
    """Show what cannot be undone, and ask once."""
    question = f"Take {release.tag} back from {release.remote}, where others may have seen it?"
    shown = "\n".join([*_cannot(release, at, immutable=immutable), question])
    if consent is None or not consent(shown):
        nobody = ": there is no terminal to ask" if consent is None else ""
        raise NotConfirmed(f"{release.tag} was not taken back{nobody}", _agreed(release, why))


def _agreed(release: Release, why: Why) -> str:
    """Return the same command again, with the yes that was missing."""
    words = ["hephaestus", "rollback", "--version", release.version]
    words += ["--severity", why.severity] if why.severity else []
    words += ["--because", why.because] if why.because else []
    words += ["--advisory"] if why.advisory else []
    return shlex.join([*words, "--yes"])


def _cannot(release: Release, at: Workplace, *, immutable: bool) -> Iterator[str]:
    """Yield what no rollback can undo here, and what may keep it from being whole."""
    if immutable:
        following = at.next_patch(release.version)
        yield (
            f"{release.tag} is immutable: it can be deleted, but then the tag name {release.tag} is burned for ever; "
            f"what mends it has to be {following}."
        )
    try:
        for finding in at.forge.examine_withdrawal(release.tag):
            if finding.hint or release.tag in finding.about:
                yield f"{finding.said}{f'; see: {finding.hint}' if finding.hint else ''}"
    except (CouldNotRun, Refused) as error:
        yield f"what may forbid it could not be told: {error.message}"


def _ended(
    release: Release, at: Workplace, record: journal.Journal, made: tuple[str | None, str | None], why: Why
) -> Outcome:
    """Look at what is left, tell users of a withdrawal, and say all of it."""
    if not record.begun("push"):
        return Outcome("rolled back", aftermath.told(release, at, record, aftermath.Standing()))
    found = aftermath.standing(release, at, made, published=record.was_published)
    said, notice = [aftermath.told(release, at, record, found)], None
    left = list(aftermath.steps_left(release, at, found))
    if record.was_published:
        notice, by_hand = aftermath.notify(release, at, record.reason)
        left += [by_hand] if by_hand else []
        said += [f"Users are told in {notice}."] if notice else []
    for what, hint in left:
        record.leave(what, hint)
        said.append(f"By hand: {what}:\n  {hint}")
    following = at.next_patch(release.version)
    details: dict[str, Any] = {
        "manual": record.left,
        "next": following,
        "command": f"hephaestus release --version {following}",
        "burned": release.tag if record.was_immutable else None,
        "notice": notice,
    }
    outcome = Outcome("rolled back", "\n".join(said), details)
    if not record.was_published:
        return outcome
    told = replace(why, severity=why.severity or "critical", because=record.reason)
    return _with_advisory(outcome, at, release.version, told, filter(None, (made[0], found.head)))


def _with_advisory(outcome: Outcome, at: Workplace, version: str, why: Why, revisions: Any) -> Outcome:  # noqa: ANN401
    """Draft the advisory as part of a rollback, where that was asked for, and say what came of it."""
    if not why.advisory:
        return outcome
    name = at.project.normalized
    summary = why.because.partition("\n")[0][:200] or f"{name} {version} must not be used"
    wish = advisory.Wish(version, why.severity or "critical", summary, why.because)
    try:
        drafted = advisory.draft(wish, at, revisions)
    except (Conflict, Refused) as error:
        hint = error.hint or f"hephaestus advisory --version {version} --severity {wish.severity} --summary '…'"
        return replace(outcome, said=f"{outcome.said}\nNo advisory was drafted: {error.message}\n  {hint}")
    details = {**outcome.details, "advisory": {"outcome": drafted.state, **drafted.details}}
    return replace(outcome, said=f"{outcome.said}\n{drafted.said}", details=details)
