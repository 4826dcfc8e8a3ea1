"""A rehearsal: the very same release against a throw-away remote and forge, installed, and rolled back."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hephaestus import checkout, forge, git, stage, system
from hephaestus.environments import Environment
from hephaestus.errors import VerificationFailed
from hephaestus.install import install
from hephaestus.make import Outcome, make
from hephaestus.plan import Observer
from hephaestus.release import workplace
from hephaestus.request import Request
from hephaestus.rollback import roll_back

__all__ = ["rehearse"]

log = logging.getLogger("hephaestus")


@dataclass(frozen=True)
class _World:
    """A clone of the user's commit, a bare remote, and a directory forge, all of them thrown away in the end."""

    home: Path

    @property
    def remote(self) -> Path:
        return self.home / "remote.git"

    @property
    def forge(self) -> Path:
        return self.home / "releases"

    @property
    def clone(self) -> git.Repository:
        return git.Repository(self.home / "clone")


def rehearse(version: str, repository: git.Repository, observer: Observer, *, keep: bool = False) -> Outcome:
    """Release, install and roll back a version of the commit that is checked out, where nobody sees it.

    Raises what the release itself would raise, and `VerificationFailed` where the world after the rollback,
    or the user's own clone, is not as promised.
    """
    base, branch = checkout.base(repository)
    untouched = _fingerprint(repository)
    world = _make_world(repository, base, branch)
    try:
        released = make(Request(version=version), world.clone, observer, _agreed)
        tag = released.details["release"]["tag"]
        greeting = _use(world, repository, base, tag)
        took_back = roll_back(version, "critical", world.clone, observer, _agreed)
        _compare(world, base, branch, tag, released.details["commit"])
        if _fingerprint(repository) != untouched:
            raise VerificationFailed("the rehearsal has changed your own clone", "git status")
    finally:
        report = _keep_report(world, repository, version)
        if not keep:
            for path in (world.remote, world.forge, world.clone.root, world.home / "installed"):
                system.remove(path)
    rows = [(name, "done", f"{seconds:.1f}") for name, seconds in released.details["seconds"].items()]
    rows += [("install", greeting, ""), ("rollback", "as promised", "")]
    said = f"{tag} was released, installed with no network and rolled back; your own clone is untouched"
    details = {
        **released.details,
        "columns": ("step", "what came of it", "seconds"),
        "rows": rows,
        "report": str(report),
    }
    log.info(took_back.said)
    return Outcome("rehearsed", said, details)


def _agreed(question: str) -> bool:
    """Agree to everything: nobody sees what becomes public in a rehearsal."""
    log.info("%s Yes, it is a rehearsal.", question)
    return True


def _make_world(repository: git.Repository, base: str, branch: str) -> _World:
    """Make remote and clone from the user's commit, with the user's identity, hooks and signing."""
    world = _World(stage.area(repository) / "rehearsal")
    for path in (world.remote, world.forge, world.clone.root, world.home / "installed"):
        system.remove(path)
    world.home.mkdir(parents=True, exist_ok=True)
    repository.run("clone", "--quiet", "--bare", "--no-hardlinks", str(repository.common_directory), str(world.remote))
    remote = git.Repository(world.remote)
    for name, held in remote.refs("refs/heads").items():
        if name != f"refs/heads/{branch}":
            remote.delete_ref(name, held)
    remote.run("update-ref", f"refs/heads/{branch}", base)
    remote.run("symbolic-ref", "HEAD", f"refs/heads/{branch}")
    repository.run("clone", "--quiet", "--no-hardlinks", "--origin", "origin", str(world.remote), str(world.clone.root))
    inherited = stage.inherited(repository, base, without=("remote", "branch", "hephaestus"))
    (world.clone.root / ".git" / "inherited").write_text(inherited, encoding="utf-8", errors="surrogateescape")
    world.clone.run("config", "include.path", "inherited")
    world.clone.run("config", "hephaestus.forge", str(world.forge))
    return world


def _use(world: _World, repository: git.Repository, base: str, tag: str) -> str:
    """Install the published wheelhouse as a user would, run the program, and return what it said."""
    smoke = workplace(repository, base).project.smoke
    installed = install(str(world.forge), tag, world.home / "installed")
    if smoke is None:
        return f"{installed.project} {installed.version}"
    return Environment(installed.programs.parent).smoke(smoke).strip().splitlines()[0]


def _compare(world: _World, base: str, branch: str, tag: str, commit: str) -> None:
    """Compare the world after the rollback of a published release with what is promised."""
    remote = git.Repository(world.remote)
    head = remote.resolve(f"refs/heads/{branch}")
    promised: dict[str, tuple[Any, Any]] = {
        "the tag on the remote": (remote.resolve(f"refs/tags/{tag}"), None),
        "the release on the forge": (forge.connect(str(world.forge), root=world.home, name="").find(tag), None),
        "the branch before its last commit": (remote.resolve(f"{head}^"), commit),
        "the branch before the release": (remote.is_ancestor(base, str(head)), True),
        "the tag in the clone": (world.clone.resolve(f"refs/tags/{tag}"), None),
        "the private refs": (world.clone.refs("refs/hephaestus/"), {}),
    }
    for what, (seen, wanted) in promised.items():
        if seen != wanted:
            raise VerificationFailed(
                f"after the rollback {what} is {seen!r}, not {wanted!r}", f"git -C {world.remote} log --all"
            )


def _fingerprint(repository: git.Repository) -> tuple[Any, ...]:
    """Return all of a clone that a rehearsal must not change."""
    head = repository.run("symbolic-ref", "HEAD", check=False).output
    index = repository.root / repository.line("rev-parse", "--git-path", "index")
    return (repository.refs(), head, system.digest(index), repository.run("status", "--porcelain").output)


def _keep_report(world: _World, repository: git.Repository, version: str) -> Path:
    """Bring the report of a finished rehearsal into the user's clone, where it outlives the throw-away one."""
    home = repository.common_directory / "hephaestus" / "reports"
    target = home / f"rehearsal-{version}.json"
    for made in (world.clone.root / ".git" / "hephaestus" / "reports").glob("*.json"):
        home.mkdir(parents=True, exist_ok=True)
        system.copy(made, target)
    return target
