"""Each step alone, on the checkout: the same step classes, no stage of a release and no journal."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from hephaestus import checkout, distributions, git, marks, project, stage, system, versions
from hephaestus.build import Build
from hephaestus.bump import Bump
from hephaestus.changelog import Changelog
from hephaestus.draft import Draft, Upload
from hephaestus.errors import UsageError
from hephaestus.plan import Step
from hephaestus.publish import Publish
from hephaestus.release import Workplace, begin, open_workplace
from hephaestus.tag import TagHere
from hephaestus.tree import Directory
from hephaestus.verify import Verify
from hephaestus.wheelhouse import names, target
from hephaestus.wheelhouse.jobs import workflow
from hephaestus.wheelhouse.merge import merge
from hephaestus.wheelhouse.step import Wheelhouse

__all__ = [
    "build",
    "building",
    "bump",
    "changelog",
    "merged_wheelhouse",
    "publish",
    "tag",
    "verify",
    "wheelhouse",
    "wheelhouse_jobs",
    "wheelhouse_made",
]


def bump(repository: git.Repository, version: str | None, part: str | None) -> tuple[Step, ...]:
    """Return the step that writes a version, given or raised by a part, into the checkout's files."""
    tree = Directory(repository.root)
    head = git.Commit(repository, checkout.base(repository)[0])
    if (version is None) == (part is None):
        raise UsageError(
            "bump needs either --version X.Y.Z or --part major|minor|patch", "hephaestus bump --version 1.2.3"
        )
    if part is not None:
        version = versions.following(versions.current(head, project.load(head)) or "0.0.0", part)
    # Seen from HEAD, so that a bump that was killed between two files is finished by the same command.
    return (Bump(head, tree, str(versions.parse(str(version)))),)


def changelog(repository: git.Repository, version: str) -> tuple[Step, ...]:
    """Return the step that cuts the Unreleased section of the checkout's changelog, dated today (UTC)."""
    version = str(versions.parse(version))
    at = _here(repository)
    tree = Directory(repository.root)
    base, _ = checkout.base(repository)
    earlier = versions.order(repository.reachable_tags(base), at.template)
    previous = earlier[0][1] if earlier else None
    today = system.now().date().isoformat()
    return (Changelog(tree, tree, at.project.changelog, version, today, at.tag(version), previous),)


def build(repository: git.Repository) -> tuple[Step, ...]:
    """Return the step that builds the commit that is checked out into `dist`."""
    at, version = _here(repository), _version(repository)
    return (Build(_stage(repository), repository.root / "dist", at.project.normalized, version),)


def _stage(repository: git.Repository) -> stage.Stage:
    """Return the place where the commit that is checked out is built."""
    base, branch = checkout.base(repository)
    return stage.Stage(repository, stage.area(repository) / "alone", base, branch, "alone")


def wheelhouse(repository: git.Repository, asked: project.WheelhouseSettings | None = None) -> tuple[Step, ...]:
    """Return the step that builds the commit that is checked out, and makes its wheelhouse, into `dist`.

    `asked` adds to what the project is configured for: targets, a lock and a key take its place, extras and groups
    join it.
    """
    at, version = _here(repository), _version(repository)
    (built,) = build(repository)
    facts = replace(at.project, wheelhouse=_asked(at.project.wheelhouse, asked or project.WheelhouseSettings()))
    return (Wheelhouse(_stage(repository), repository.root / "dist", facts, version, built),)


def merged_wheelhouse(repository: git.Repository, archives: Sequence[Path], sign: str | None = None) -> Path:
    """Merge wheelhouses of one release, made on several machines, into one in `dist`, and return its path."""
    key = sign or _here(repository).project.wheelhouse.sign
    area, dist = stage.area(repository) / "alone" / "merge", repository.root / "dist"
    return merge(archives, area, dist, Path(key).expanduser() if key else None)


@contextlib.contextmanager
def building(repository: git.Repository) -> Iterator[None]:
    """Keep two builds from running in one clone at once: they share the place where they work."""
    where = stage.area(repository).with_suffix(".alone.lock")
    with system.lock(where, "another build runs in this clone"):
        yield


def wheelhouse_made(repository: git.Repository) -> tuple[Path, str]:
    """Return the path of the wheelhouse in `dist`, and its sha256."""
    packed = repository.root / "dist" / names.archive(_here(repository).project.normalized, _version(repository))
    return packed, system.digest(packed)


def wheelhouse_jobs(repository: git.Repository, targets: Sequence[str]) -> str:
    """Return a workflow that installs the project's wheelhouse on its targets, or on the ones given."""
    at, version = _here(repository), _version(repository)
    wanted = targets or at.project.wheelhouse.targets
    return workflow(at.project.normalized, version, [target.parse(each) for each in wanted] or [target.running()])


def _asked(configured: project.WheelhouseSettings, given: project.WheelhouseSettings) -> project.WheelhouseSettings:
    return project.WheelhouseSettings(
        targets=given.targets or configured.targets,
        extras=(*configured.extras, *given.extras),
        groups=(*configured.groups, *given.groups),
        lock=given.lock or configured.lock,
        sign=given.sign or configured.sign,
    )


def tag(repository: git.Repository, version: str | None) -> tuple[Step, ...]:
    """Return the step that tags the commit that is checked out, with the version it says."""
    at = _here(repository)
    version = str(versions.parse(version)) if version else _version(repository)
    base, branch = checkout.base(repository)
    release = begin(version, at.tag(version), base, branch, "")
    return (TagHere(repository, release.tag, version, at.project.changelog, release.mark),)


def publish(repository: git.Repository, version: str | None) -> tuple[Step, ...]:
    """Return the steps that publish the files in `dist` under a tag that was pushed."""
    at = _here(repository)
    version = str(versions.parse(version)) if version else _version(repository)
    name, ref = at.tag(version), f"refs/tags/{at.tag(version)}"
    mark = marks.from_message(repository.tag_message(ref)) if repository.resolve(ref) else None
    if mark is None:
        raise UsageError(
            f"there is no tag {name} made by hephaestus in this clone", f"hephaestus tag --version {version}"
        )
    assets = _only(repository, at, version)
    path, place = at.project.changelog, at.forge
    return (
        Draft(place, repository, name, ref, version, path, mark, assets, None, at.project.github, pushed=None),
        Upload(place, name, assets),
        Publish(place, repository, checkout.remote(repository, at.project.remote, mark.branch), name, ref),
    )


def verify(repository: git.Repository, version: str | None) -> tuple[Step, ...]:
    """Return the step that compares what users get of a version with what was promised."""
    at = _here(repository)
    version = str(versions.parse(version)) if version else _version(repository)
    _, branch = checkout.base(repository)
    area, facts = stage.area(repository) / "alone", at.project
    remote, name = checkout.remote(repository, at.project.remote, branch), at.tag(version)
    return (
        Verify(
            at.forge, repository, remote, name, facts.normalized, version, facts.smoke, area / "none", area / "verify"
        ),
    )


def _here(repository: git.Repository) -> Workplace:
    """Return the workplace of the checkout as it is, changed files included."""
    return open_workplace(repository, project.load(Directory(repository.root)))


def _version(repository: git.Repository) -> str:
    """Return the version of the commit that is checked out."""
    tree = git.Commit(repository, checkout.base(repository)[0])
    said = versions.current(tree, project.load(tree))
    if said is None:
        raise UsageError(
            "the version comes from the tag, so it has to be given, and only a release can build it",
            "hephaestus release --version 1.2.3 --until wheelhouse",
        )
    return said


def _only(repository: git.Repository, at: Workplace, version: str) -> Path:
    """Return a directory with exactly the files of one version that lie in `dist`."""
    dist, name = repository.root / "dist", at.project.normalized
    sdist, wheels = distributions.find(dist, name, version)
    files = [sdist, *wheels, *(dist / each for each in names.assets(name, version) if (dist / each).is_file())]
    assets = stage.area(repository) / "alone" / "published"
    system.remove(assets)
    assets.mkdir(parents=True)
    for file in files:
        system.copy(file, assets / file.name)
    return assets
