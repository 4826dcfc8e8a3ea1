"""What is to be proposed: the facts of a proposal, chosen from what is checked out and what the remote has of it.

The release branch is made anew while nothing but our own commit is on it. Where others have added to it, it stays
as they left it, and is what is looked at.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path

from hephaestus import checkout, git, journal, keepachangelog, notes, project, request, review, stage, versions
from hephaestus.errors import InFlight, UsageError
from hephaestus.forge.capabilities import PullRequest, PullRequests
from hephaestus.release import Release, Workplace, begin, workplace

__all__ = ["STEPS", "Proposal", "Scene", "begun", "journals", "look", "onward", "over", "private", "says", "stage_of"]

log = logging.getLogger("hephaestus")

STEPS = ("stage", "bump", "changelog", "commit", "gates", "propose", "pull-request")


@dataclass(frozen=True)
class Proposal(Release):
    """The facts of one proposal: those of the release, with `base` the commit its branch is made from.

    `target` is the branch the pull request is for. `made_from` is the commit that nothing but our own comes after on
    the release branch; empty where there may be commits of others. `expects` is what that branch holds before, on the
    remote, and `replaces` what that was made from, where it is our own as well.
    """

    target: str = ""
    expects: str = ""
    replaces: str = ""
    made_from: str = ""
    urgent: bool = False

    @property
    def release_branch(self) -> str:
        """The branch that is offered."""
        return f"release/{self.tag}"


@dataclass(frozen=True)
class Scene:
    """What is checked out (`base`, `branch`), and what the remote has of the version that is asked for.

    `head` is the release branch on the remote, and `trunk` the branch the pull request is for; `git.ABSENT` for none.
    `there` is the pull request, open or merged.
    """

    at: Workplace
    pulls: PullRequests
    version: str
    base: str
    branch: str
    remote: str
    target: str
    urgent: bool
    head: str
    trunk: str
    there: PullRequest | None

    @property
    def tag(self) -> str:
        """The tag of the version."""
        return self.at.tag(self.version)

    @property
    def name(self) -> str:
        """The release branch."""
        return f"release/{self.tag}"

    @property
    def is_open(self) -> bool:
        """Whether there is an open pull request."""
        return self.there is not None and self.there.state == "open"

    def known(self, commit: str) -> bool:
        """Tell whether a commit is in what is checked out, or in the branch the pull request is for."""
        held = (each for each in (self.base, self.trunk) if each)
        return any(self.at.repository.is_ancestor(commit, each) for each in held)


def look(asked: request.Request, repository: git.Repository, *, urgent: bool) -> Scene:
    """Look at what is checked out and at the remote; `urgent` where it is asked for.

    Raises `UsageError` where no pull request can be made of that here, and `InFlight` while a release is half-way.
    """
    base, branch = checkout.base(repository)
    at = workplace(repository, base)
    pulls = _possible(asked, at)
    version = request.wanted(replace(asked, until=None), at, base)
    name, remote = f"release/{at.tag(version)}", checkout.remote(at.repository, at.project.remote, branch)
    if branch.startswith("release/") and branch != name:
        raise UsageError(
            f"{branch} is checked out, which is the release branch of {branch.removeprefix('release/')}, not of"
            f" {at.tag(version)}",
            f"git switch {pulls.default_branch}",
        )
    there = pulls.find(name)
    target = branch
    if branch == name and there is not None and there.state == "open":
        target = there.base
    elif branch == name or branch.startswith("hotfix/"):
        target = pulls.default_branch
    labelled = there is not None and there.state == "open" and at.project.github.urgent_label in there.labels
    head, trunk = _held(at.repository, remote, name, target)
    urgent = urgent or labelled or branch.startswith("hotfix/")
    return Scene(at, pulls, version, base, branch, remote, target, urgent, head, trunk, there)


def _possible(asked: request.Request, at: Workplace) -> PullRequests:
    """Return the forge's pull requests, once it is sure that one can be made here and now."""
    if asked.current:
        raise UsageError(
            "--current releases what is merged already, and --pr asks for a merge", "hephaestus release --current"
        )
    if asked.until is not None and asked.until not in STEPS:
        raise UsageError(
            f"there is no step {asked.until!r}; those of a pull request are {', '.join(STEPS)}",
            "hephaestus release --help",
        )
    pulls = at.forge.pull_requests
    if pulls is None:
        given = f"--version {asked.version}" if asked.version else f"--part {asked.part or 'minor'}"
        raise UsageError(f"there are no pull requests in {at.forge.place}", f"hephaestus release {given}")
    for other in journal.in_flight(journal.directory(at.repository.common_directory)):
        if other.is_out:
            continue
        version = other.facts["version"]
        back = f"hephaestus rollback --version {version}"
        onward = back if other.going_back else f"hephaestus release --version {version}\n      {back}"
        raise InFlight(f"the release of {version} is half-way in this clone", onward)
    return pulls


def _held(repository: git.Repository, remote: str, *branches: str) -> list[str]:
    """Return what branches of the remote hold, `git.ABSENT` for none, with the objects at hand."""
    names = [f"refs/heads/{branch}" for branch in branches]
    held = repository.remote_refs(remote, *names)
    for commit in held.values():
        if repository.resolve(f"{commit}^{{commit}}") is None:
            repository.fetch(remote, commit)
    return [held.get(name, git.ABSENT) for name in names]


def over(scene: Scene) -> str:
    """Say that there is nothing left to propose, as it is merged; empty where there is."""
    if scene.there is None or scene.there.state != "merged":
        return ""
    if scene.at.remote_tag(scene.remote, scene.tag):
        return f"{scene.tag} is merged and released: {scene.there.url}"
    # A release that was taken back may be proposed again: then the branch does not say this version any more.
    if not scene.trunk or not says(scene.at, scene.trunk, scene.version):
        return ""
    return f"{scene.there.url} is merged; this releases it, in CI or here: {onward(scene.at, scene.version)}"


def onward(at: Workplace, version: str) -> str:
    """Return the command that releases a version once it is merged."""
    # Where tags say the version, nothing but a command can name one that has no tag yet.
    return f"hephaestus release --version {version}" if at.project.version_from_tag else "hephaestus release --current"


def says(at: Workplace, commit: str, version: str) -> bool:
    """Tell whether a commit is the release of a version: it says it, and so does its changelog."""
    tree = git.Commit(at.repository, commit)
    try:
        section = keepachangelog.find(notes.changelog(tree, at.project.changelog), version)
        said = versions.current(tree, project.load(tree))
    except UsageError:
        return False
    return section is not None and not section.yanked and said in (version, None)


def begun(scene: Scene, part: str | None) -> tuple[journal.Journal | None, Proposal]:
    """Return the journal of a run that was interrupted, if it still fits, and the facts of the proposal."""
    record = journal.find(journals(scene.at.repository), scene.tag)
    if record is None:
        return None, _new(scene, {}, part)
    before = Proposal(**record.facts)
    pushed = stage_of(scene.at, before).commit()
    arrived = pushed is not None and pushed == scene.head and before.target == scene.target
    if arrived and before.made_from in ("", scene.base):
        return record, before
    ours = {before.expects: before.replaces, **({pushed: before.made_from} if pushed else {})}
    proposal = _new(scene, ours, part)
    same = ("base", "branch", "target", "expects", "made_from", "urgent", "remote")
    fits = all(getattr(before, name) == getattr(proposal, name) for name in same)
    return (record, before) if fits else (None, proposal)


def _new(scene: Scene, pushed: dict[str, str], part: str | None) -> Proposal:
    """Return the facts of a new proposal: from what is checked out, or from the branch as it is on the remote.

    `pushed` names commits of ours that may be there, and what they were made from.
    """
    base, branch, made_from, replaces = scene.base, scene.branch, scene.base, ""
    if branch == scene.name:
        made_from = ""
    elif scene.head and not _is_merged(scene):
        replaces = _made_from(scene, pushed)
        if replaces in ("", scene.base):
            base, branch, made_from = scene.head, scene.name, replaces
        if not replaces:
            log.info("%s on %s may have commits of others: it stays, and is what is looked at", branch, scene.remote)
    facts = begin(scene.version, scene.tag, base, branch, scene.remote, part)
    return Proposal(
        **vars(facts),
        target=scene.target,
        expects=scene.head,
        replaces=replaces,
        made_from=made_from,
        urgent=scene.urgent,
    )


def _is_merged(scene: Scene) -> bool:
    """Tell whether all that is on the release branch was merged, so that the branch is only left behind."""
    merged = scene.there is not None and scene.there.state == "merged" and scene.there.head == scene.head
    return merged or scene.known(scene.head)


def _made_from(scene: Scene, pushed: dict[str, str]) -> str:
    """Return the commit that the release branch was made from, if nothing but our own commit is on it, else nothing.

    What came before that commit must be known, as it would be lost else.
    """
    mark = review.from_body(scene.there.body) if scene.there else None
    known = {**({mark.head: mark.base} if mark else {}), **pushed}
    base = known.get(scene.head, "")
    parent = scene.at.repository.resolve(f"{scene.head}^")
    return base if base and base in (scene.head, parent) and scene.known(base) else ""


def stage_of(at: Workplace, proposal: Proposal) -> stage.Stage:
    """Return the stage of a proposal; no release takes its private refs for its own, as no tag has such a name."""
    where = stage.area(at.repository)
    return stage.Stage(at.repository, where, proposal.base, proposal.branch, private(proposal))


def private(proposal: Proposal) -> str:
    """Return where below `refs/hephaestus` the refs of a proposal lie."""
    return f"proposals/{proposal.tag}"


def journals(repository: git.Repository) -> Path:
    """Return where the journals of proposals are kept, apart from those of releases."""
    return repository.common_directory / "hephaestus" / "proposals"
