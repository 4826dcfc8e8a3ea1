"""Start here: what a release is, and the steps of which one is made, as a list you can read."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from hephaestus import checkout, forge, git, journal, marks, project, references, stage, system, versions
from hephaestus.build import Build
from hephaestus.bump import Bump
from hephaestus.changelog import Changelog
from hephaestus.commit import Commit
from hephaestus.draft import Draft, Upload
from hephaestus.forge.directory import DirectoryForge
from hephaestus.gates import Gates
from hephaestus.land import Land
from hephaestus.papers import Paper
from hephaestus.plan import Plan, Step
from hephaestus.publish import Publish
from hephaestus.push import Push
from hephaestus.sweep import Sweep
from hephaestus.tag import Tag
from hephaestus.track import Track
from hephaestus.tree import Directory
from hephaestus.verify import Verify
from hephaestus.wheelhouse.step import Wheelhouse

__all__ = ["STEPS", "Release", "Workplace", "begin", "open_workplace", "plan", "steps", "workplace"]


@dataclass(frozen=True)
class Release:
    """The facts of one release, frozen when it begins.

    `base` is the commit it is made from, `time` its only clock (UTC, ISO 8601), `asked` the part of the
    version that was asked to be raised, if the version was not given itself.
    """

    id: str
    version: str
    tag: str
    base: str
    branch: str
    remote: str
    time: str
    asked: str | None = None

    @property
    def date(self) -> str:
        """The day of the release, YYYY-MM-DD."""
        return self.time[:10]

    @property
    def mark(self) -> marks.Mark:
        """The facts that tag and draft carry."""
        return marks.Mark(self.id, self.base, self.branch, self.time)


@dataclass(frozen=True)
class Workplace:
    """Where a release is made: the user's clone, the project as its base commit has it, and the forge.

    `default_forge` says that nobody chose the forge, so that it is one of this machine alone.
    """

    repository: git.Repository
    project: project.Project
    forge: forge.Forge
    default_forge: bool = False

    def stage(self, release: Release) -> stage.Stage:
        """Return the stage of a release."""
        where = stage.area(self.repository)
        return stage.Stage(self.repository, where, release.base, release.branch, release.tag)

    def tidy(self, release: Release) -> None:
        """Remove what a release, or another try at it, has left in the clone and beside it; environments stay."""
        for ref, held in self.repository.refs(f"refs/hephaestus/{release.tag}/").items():
            self.repository.delete_ref(ref, held)
        self.stage(release).remove()

    @cached_property
    def template(self) -> str:
        """The tag scheme: configured, or the one of the tags that are there."""
        tags = self.repository.refs("refs/tags")
        names = (name.removeprefix("refs/tags/") for name in tags)
        return self.project.tag or versions.template(names, self.project.normalized)

    def tag(self, version: str) -> str:
        """Return the tag of a version."""
        return self.template.format(version=version)

    def next_patch(self, version: str) -> str:
        """Return the version that comes after a release, as the first patch that no tag of this clone names."""
        taken = self.repository.refs("refs/tags")
        following = versions.following(version, "patch")
        while f"refs/tags/{self.tag(following)}" in taken:
            following = versions.following(following, "patch")
        return following

    def remote_tag(self, remote: str, tag: str) -> str | None:
        """Return the object a tag is on a remote, or `None` where it has no such tag."""
        name = f"refs/tags/{tag}"
        return self.repository.remote_refs(remote, name).get(name)


def workplace(repository: git.Repository, base: str) -> Workplace:
    """Return the workplace for releases from a commit of a clone.

    Raises `UsageError` where the commit holds no project, or its configuration cannot be understood.
    """
    return open_workplace(repository, project.load(git.Commit(repository, base)))


def open_workplace(repository: git.Repository, facts: project.Project) -> Workplace:
    """Return the workplace for a project whose facts are known."""
    # A clone's own setting wins over the project's: a rehearsal, or a person, releases elsewhere from there.
    setting = repository.config("hephaestus.forge") or facts.forge
    address = checkout.address(repository, facts.remote)
    place = forge.connect(setting, root=repository.root, name=facts.normalized, remote=address)
    # What the user tells git already stays: a second header would only spoil the first.
    told = [each for each in (*place.git_settings, *git.PATIENCE) if not repository.configures(each[0])]
    able = replace(repository, remote_settings=tuple(told))
    return Workplace(able, facts, place, default_forge=setting is None and isinstance(place, DirectoryForge))


def begin(  # noqa: PLR0913, PLR0917  (the facts of a release, each by its name)
    version: str, tag: str, base: str, branch: str, remote: str, asked: str | None = None
) -> Release:
    """Return a new release: the one moment at which time and chance come in."""
    return Release(uuid.uuid4().hex, version, tag, base, branch, remote, system.now().isoformat(), asked)


def plan(release: Release, at: Workplace, record: journal.Journal, waived: Mapping[str, str] | None = None) -> Plan:
    """Return the plan of a release: its steps in order, and the journal of how far they came.

    `waived` adds gates that need not pass to those the journal knows of.
    """
    return Plan(steps(release, at, {**record.waived, **(waived or {})}, published=record.was_published), record)


def steps(release: Release, at: Workplace, waived: Mapping[str, str], *, published: bool = False) -> tuple[Step, ...]:
    """Return the steps of a release in order; `published` when it is taken back after users could see it."""
    repository, facts, place = at.repository, at.project, at.forge
    where = at.stage(release)
    before, tree = git.Commit(repository, release.base), Directory(where.checkout.root)
    name, version, tag, mark = facts.normalized, release.version, release.tag, release.mark
    message = facts.commit_message.format(version=version, tag=tag)
    earlier = versions.order(repository.reachable_tags(release.base), at.template)
    previous = next((held for _, held in earlier if held != tag), None)
    prepared = versions.current(before, facts) == version
    refs: dict[str, Any] = {"commit_ref": where.commit_ref, "tag_ref": where.tag_ref}
    gates = Gates(where.checkout.root, where.area, waived, where)
    paper = Paper(place, repository, facts, version, tag, where.commit_ref)
    since = references.before(earlier, version, tag)
    return (
        # reversible and invisible, in the stage
        stage.Prepare(where, release.remote, prepared),
        Bump(before, tree, version),
        Changelog(before, tree, facts.changelog, version, release.date, tag, previous, final=True),
        Commit(where, message, version, release.time),
        Tag(where, release.remote, version, at.template, facts.changelog, mark),
        Build(where, where.assets, name, version),
        gates,
        Wheelhouse(where, where.assets, facts, version),
        Draft(
            place,
            repository,
            tag,
            where.tag_ref,
            version,
            facts.changelog,
            mark,
            where.assets,
            previous,
            facts.github,
            pushed=None if prepared else release.branch,
        ),
        Upload(place, tag, where.assets),
        # the commit point
        Push(
            repository,
            release.remote,
            release.branch,
            tag,
            release.base,
            **refs,
            version=version,
            path=facts.changelog,
            forge=place,
            published=published,
        ),
        # the pivot
        Publish(place, repository, release.remote, tag, where.tag_ref),
        # forward only
        Land(repository, release.branch, tag, release.base, **refs),
        Verify(place, repository, release.remote, tag, name, version, facts.smoke, where.assets, where.area / "verify"),
        Sweep(place.pull_requests, repository, release.remote, f"release/{tag}", version),
        Track(paper, release.remote, since, gates, waived, STEPS[:-1]),
    )


STEPS = (
    "stage",
    "bump",
    "changelog",
    "commit",
    "tag",
    "build",
    "gates",
    "wheelhouse",
    "draft",
    "upload",
    "push",
    "publish",
    "land",
    "verify",
    "sweep",
    "track",
)
