"""Taking a release back, as far as the world allows, and saying what cannot be undone."""

from __future__ import annotations

from hephaestus import checkout, git, journal, marks, recovery, versions
from hephaestus.errors import ChecksFailed, HephaestusError, NotConfirmed, UsageError
from hephaestus.make import Consent, Outcome, only_one
from hephaestus.plan import Observer, Plan
from hephaestus.release import Release, Workplace, steps, workplace

__all__ = ["SEVERITIES", "roll_back"]

# What each severity means for a release users can see (the release guide, Emergency Rollback).
SEVERITIES = {
    "critical": "data loss, corruption or a security hole: the release is withdrawn",
    "high": "broken functionality: a hotfix follows, users pin the version before",
    "medium": "degraded performance: the next patch mends it",
    "low": "a nuisance: the next patch mends it",
}


def roll_back(
    version: str, severity: str | None, repository: git.Repository, observer: Observer, consent: Consent
) -> Outcome:
    """Take a release back: to the byte before the commit point, by new commits after it, by severity once published.

    Raises `UsageError` where there is no such release of ours, and `ChecksFailed` where taking it back would
    harm what is not ours.
    """
    version = str(versions.parse(version))
    if severity is not None and severity not in SEVERITIES:
        known = ", ".join(SEVERITIES)
        raise UsageError(f"there is no severity {severity!r}; there are {known}", _again(version, "critical"))
    base, branch = checkout.base(repository)
    at = workplace(repository, base)
    with only_one(repository):
        record = _record(at, version, branch)
        if record is None:
            return Outcome("rolled back", f"{at.tag(version)} was rolled back before, nothing is left to do")
        release = Release(**record.facts)
        at = workplace(repository, release.base)
        published = record.was_published or _published(at, release)
        if published and not record.was_published and severity != "critical":
            return _advice(release, severity)
        return _walk_back(release, at, record, observer, consent, published=published)


def _again(version: str, severity: str) -> str:
    return f"hephaestus rollback --version {version} --severity {severity}"


def _record(at: Workplace, version: str, branch: str) -> journal.Journal | None:
    """Return the journal of the release, from here or from its marks; `None` where it was rolled back before."""
    home, tag = journal.directory(at.repository.common_directory), at.tag(version)
    record = journal.find(home, tag)
    if record is not None and record.ended == "rolled back":
        record.archive()
        return None
    record = record or recovery.recover(at, version, checkout.remote(at.repository, at.project.remote, branch))
    if record is None and journal.archived(home, tag):
        return None
    if record is None:
        raise UsageError(
            f"there is no release {tag} that was begun here, and no tag or draft of ours that shows one",
            "hephaestus status",
        )
    return record


def _published(at: Workplace, release: Release) -> bool:
    """Look whether users can see the release: this journal may know nothing of another clone that published it."""
    found = at.forge.find(release.tag)
    promise = marks.from_body(found.body) if found is not None and not found.draft else None
    if promise is None or promise.mark.id != release.id:
        return False
    # A machine that took our draft over has made a tag of its own: what it published is not ours to take back.
    return at.stage(release).tag_object() in (None, promise.tag_object)


def _advice(release: Release, severity: str | None) -> Outcome:
    """Say what to do about a release that is out and stays out."""
    if severity is None:
        meanings = "\n".join(f"  {name}: {meaning}" for name, meaning in SEVERITIES.items())
        raise UsageError(
            f"{release.tag} is published; how severe is it?\n{meanings}", _again(release.version, "critical")
        )
    told = [f"{release.tag} stays published ({severity}: {SEVERITIES[severity]})."]
    if severity == "high":
        told += [f"Tell users to pin what they have: {release.version} must not be installed."]
    told += ["Mend it and release the next patch: hephaestus release --part patch"]
    return Outcome("stays published", "\n".join(told))


def _walk_back(  # noqa: PLR0913  (all that a walk needs; none of it belongs together elsewhere)
    release: Release, at: Workplace, record: journal.Journal, observer: Observer, consent: Consent, *, published: bool
) -> Outcome:
    if record.begun("push"):
        recovery.restore_refs(at, release)
    back = Plan(steps(release, at, {}, published=published), record)
    problems = back.check_undo()
    if problems:
        raise ChecksFailed(problems)
    if record.begun("push") and not record.going_back:
        _agree(release, consent)
    record.turn_back(published=published)
    if published and not record.begun("publish"):
        record.begin("publish")  # by another clone; it is to be taken back all the same
    undone = [step for step in reversed(back.steps) if record.begun(step.name)]
    observer.planned(f"rollback {release.tag}", [(step.name, step.describe_undo()) for step in undone])
    try:
        back.undo(observer)
    except HephaestusError as error:
        error.hint = error.hint or f"hephaestus rollback --version {release.version}"
        raise
    at.tidy(release)
    record.end("rolled back")
    record.archive()
    return Outcome("rolled back", _told(release, at, record))


def _agree(release: Release, consent: Consent) -> None:
    question = f"Take {release.tag} back from {release.remote}, where others may have seen it?"
    if consent is None or not consent(question):
        raise NotConfirmed(
            f"{release.tag} was not taken back", f"hephaestus rollback --version {release.version} --yes"
        )


def _told(release: Release, at: Workplace, record: journal.Journal) -> str:
    """Say what the world looks like now."""
    if not record.begun("push"):
        return f"{release.tag} is rolled back: nothing of it was public, and everything is as before"
    if record.was_published:
        return (
            f"{release.tag} is withdrawn: release, files and tag are gone, and the changelog says [YANKED]. "
            "Copies that users have already downloaded stay with them; tell them, and release the next patch. "
            f"Your branch follows with: git pull --ff-only {release.remote} {release.branch}"
        )
    head, follow = f"{release.remote}/{release.branch}", f"git pull --ff-only {release.remote} {release.branch}"
    prepared = versions.current(git.Commit(at.repository, release.base), at.project) == release.version
    state = f"where {head} has its section, that says [YANKED]" if prepared else f"{head} holds none of its changes"
    return f"{release.tag} is rolled back: no draft and no tag is left, and {state}. Your branch follows with: {follow}"
