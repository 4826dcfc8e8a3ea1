"""A rehearsal: the very same release against a throw-away remote and forge, installed, and rolled back."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hephaestus import checkout, forge, git, install, stage, system
from hephaestus.environments import Environment
from hephaestus.errors import ChecksFailed, HephaestusError, VerificationFailed
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

    @property
    def installed(self) -> Path:
        return self.home / "installed"

    def remove(self) -> None:
        for path in (self.remote, self.forge, self.clone.root, self.installed):
            system.remove(path)


def rehearse(request: Request, repository: git.Repository, observer: Observer, *, keep: bool = False) -> Outcome:
    """Release, install and roll back a version of the commit that is checked out, where nobody sees it.

    `request` names the version, and the gates that need not pass; `keep` leaves the throw-away remote, forge
    and clone where they are.
    Raises what the release itself would raise, and `VerificationFailed` where the world after the rollback,
    or the user's own clone, is not as promised.
    """
    version = str(request.version)
    base, branch = checkout.base(repository)
    untouched = _fingerprint(repository)
    world = _World(stage.area(repository) / "rehearsal")
    with system.lock(world.home / "lock", "another rehearsal of this clone runs right now"):
        try:
            _make_world(world, repository, base, branch)
            outcome = _rehearse(request, world, repository, observer)
            if _fingerprint(repository) != untouched:
                raise VerificationFailed("the rehearsal has changed your own clone", "git status")
        except HephaestusError as error:
            error.hint = _again(version, error)
            raise
        finally:
            report = _keep_report(world, repository, version)
            if not keep:
                world.remove()
    return Outcome("rehearsed", outcome.said, {**outcome.details, "report": str(report)})


def _rehearse(request: Request, world: _World, repository: git.Repository, observer: Observer) -> Outcome:
    base, branch = checkout.base(repository)
    released = make(request, world.clone, observer, _agreed)
    tag = released.details["release"]["tag"]
    begin = time.monotonic()
    greeting = _use(world, repository, base, tag)
    installed = time.monotonic()
    roll_back(str(request.version), "critical", world.clone, observer, _agreed)
    _compare(world, base, branch, released.details)
    back = time.monotonic()
    seconds = {**released.details["seconds"], "install": installed - begin, "rollback": back - installed}
    came = {"install": greeting, "rollback": "as promised"}
    return Outcome(
        "rehearsed",
        f"{tag} was released, installed with no network and rolled back; your own clone is untouched",
        {
            **released.details,
            "columns": ("step", "what came of it", "seconds"),
            "rows": [(name, came.get(name, "done"), f"{took:.1f}") for name, took in seconds.items()],
        },
    )


def _again(version: str, failure: HephaestusError) -> str | None:
    """Return the hint of a failure; where it is to release again, the rehearsal is what was asked for."""
    if isinstance(failure, ChecksFailed):
        return None
    hint = failure.hint or "hephaestus release"
    mine = hint.startswith(("hephaestus release", "hephaestus rollback"))
    return f"hephaestus rehearse --version {version}" if mine else hint


def _agreed(question: str) -> bool:
    """Agree to everything: nobody sees what becomes public in a rehearsal."""
    log.info("%s Yes, it is a rehearsal.", question)
    return True


def _make_world(world: _World, repository: git.Repository, base: str, branch: str) -> None:
    """Make remote and clone from the user's commit, with the user's identity, hooks and signing."""
    world.remove()
    repository.run("clone", "--quiet", "--bare", "--no-hardlinks", str(repository.common_directory), str(world.remote))
    remote = git.Repository(world.remote)
    for name, held in remote.refs("refs/heads").items():
        if name != f"refs/heads/{branch}":
            remote.delete_ref(name, held)
    remote.run("update-ref", f"refs/heads/{branch}", base)
    remote.run("symbolic-ref", "HEAD", f"refs/heads/{branch}")
    name = workplace(repository, base).project.remote or "origin"
    repository.run("clone", "--quiet", "--no-hardlinks", "--origin", name, str(world.remote), str(world.clone.root))
    # A stage that a rehearsal before this one has left was made in another clone of the same name.
    system.remove(stage.area(world.clone) / "stage.json")
    inherited = stage.inherited(repository, base, without=("remote", "branch", "hephaestus"))
    (world.clone.root / ".git" / "inherited").touch(mode=0o600)
    (world.clone.root / ".git" / "inherited").write_text(inherited, encoding="utf-8", errors="surrogateescape")
    world.clone.run("config", "include.path", "inherited")
    world.clone.run("config", "hephaestus.forge", str(world.forge))


def _use(world: _World, repository: git.Repository, base: str, tag: str) -> str:
    """Install the published wheelhouse as a user would, run the program, and return what it said."""
    smoke = workplace(repository, base).project.smoke
    installed = install.install(install.Request(str(world.forge), tag, world.installed))
    if smoke is None:
        return f"{installed.project} {installed.version}"
    said = Environment(installed.programs.parent).smoke(smoke).strip()
    return said.partition("\n")[0] or f"{installed.project} {installed.version}, its smoke command says nothing"


def _compare(world: _World, base: str, branch: str, told: Mapping[str, Any]) -> None:
    """Compare the world after the rollback of a published release, by its report, with what is promised."""
    tag, version = told["release"]["tag"], told["release"]["version"]
    remote = git.Repository(world.remote)
    head = remote.resolve(f"refs/heads/{branch}")
    promised: dict[str, tuple[Any, Any]] = {
        "the tag on the remote": (remote.resolve(f"refs/tags/{tag}"), None),
        "the release on the forge": (forge.connect(str(world.forge), root=world.home, name="").find(tag), None),
        "the branch before its last commit": (remote.resolve(f"{head}^"), told["commit"]),
        "the branch before the release": (remote.is_ancestor(base, str(head)), True),
        "the tag in the clone": (world.clone.resolve(f"refs/tags/{tag}"), None),
        "the private refs": (world.clone.refs("refs/hephaestus/"), {}),
    }
    for what, (seen, wanted) in promised.items():
        if seen != wanted:
            raise VerificationFailed(
                f"after the rollback {what} is {seen!r}, not {wanted!r}",
                f"hephaestus rehearse --version {version} --keep && git -C {world.remote} log --all",
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
