"""The stage: a clone beside the checkout in which the release is made, unseen by the user's own.

It shares the objects of the user's clone and nothing else: commits and tags made in it move no branch
and no tag of the user's; they are kept in the user's clone under private refs. Identity, signing,
hooks, credentials and URL rewriting are as the user's clone sees them, even where git's conditional
includes make them depend on the directory.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from hephaestus import git, system
from hephaestus.errors import CommandFailed, CouldNotRun, Problem
from hephaestus.plan import Step

__all__ = ["Prepare", "Stage", "area", "claim", "clone_of", "inherited"]

log = logging.getLogger("hephaestus")

# The file in the area that names the clone it belongs to, so that it can be told later whether that is still there.
_CLONE = "clone"
# What the gates keep from one release to the next: Nox's environments, their own, and the caches of their tools.
_WARM = ("environments", "rooms", "caches")

# What the user's clone says about its own files must not be said of the stage's.
_OWN = re.compile(
    r"(core\.(bare|worktree|sparsecheckout\w*|fsmonitor|splitindex|untrackedcache|repositoryformatversion)"
    r"|index\.sparse|extensions\..*|include\.path|includeif\..*|status\..*|alias\..*)$"
)


def area(repository: git.Repository) -> Path:
    """Return the directory where the stage of a clone lives: the same for every release of that clone."""
    home = str(repository.common_directory)
    # Nox takes a $ in a path for a variable, and a program's first line cannot hold quotes or spaces.
    clone = repository.common_directory.parent if repository.common_directory.name == ".git" else repository.root
    name = re.sub(r"[^\w.-]+", "-", clone.name)
    return system.area(f"{name}-{_mark(os.fsencode(home))}")


def claim(repository: git.Repository) -> Path:
    """Make the area of a clone, in which is written whose it is, and return it."""
    where, home = area(repository), os.fsencode(repository.common_directory)
    where.mkdir(mode=0o700, parents=True, exist_ok=True)
    if clone_of(where) is None:
        system.write(where / _CLONE, home)
    return where


def clone_of(where: Path) -> Path | None:
    """Return the git directory of the clone an `area` belongs to, which may be gone; `None` where it does not say."""
    try:
        home = (where / _CLONE).read_bytes()
    except OSError:
        return None
    # The name of the area holds what proves it: no other clone has that one.
    return Path(os.fsdecode(home)) if where.name.endswith(f"-{_mark(home)}") else None


def _mark(home: bytes) -> str:
    return hashlib.sha256(home).hexdigest()[:12]


@dataclass(frozen=True)
class Stage:
    """The places a release is made in: the checkout, the assets, the gates' environments, and the private refs."""

    repository: git.Repository
    area: Path
    base: str
    branch: str
    tag: str

    @property
    def checkout(self) -> git.Repository:
        """The clone in which files are edited, committed, tagged, built and tested."""
        return git.Repository(self.area / "stage")

    @property
    def assets(self) -> Path:
        """The directory that holds exactly the files to be published."""
        return self.area / "assets"

    @property
    def environments(self) -> Path:
        """The directory of virtual environments that stay warm from one release to the next."""
        return self.area / "environments"

    @property
    def commit_ref(self) -> str:
        """The private ref of the release commit in the user's clone."""
        return f"refs/hephaestus/{self.tag}/commit"

    @property
    def tag_ref(self) -> str:
        """The private ref of the tag object in the user's clone."""
        return f"refs/hephaestus/{self.tag}/tag"

    def commit(self) -> str | None:
        """Return the release commit, once there is one."""
        return self.repository.resolve(self.commit_ref)

    @property
    def revision(self) -> str:
        """The commit to build and test: the release commit, or the base while there is none."""
        return self.commit() or self.base

    def tag_object(self) -> str | None:
        """Return the id of the tag object, once there is one."""
        return self.repository.resolve(self.tag_ref)

    def ready(self) -> bool:
        """Tell whether the checkout was made for this base, whole, and no git was killed in it."""
        inside = self.checkout.root / ".git"
        if any(inside.glob("*.lock")) or any((inside / "refs").rglob("*.lock")):
            return False
        try:
            return bool(json.loads((self.area / "stage.json").read_bytes()) == self._claim)
        except (OSError, ValueError):
            return False

    def prepare(self) -> None:
        """Make the checkout anew at the release commit, or at the base while there is none."""
        self.remove()
        self.area.mkdir(mode=0o700, parents=True, exist_ok=True)
        claim(self.repository)
        self._clone()
        self._populate(self.revision)
        system.write(self.area / "stage.json", json.dumps(self._claim).encode())

    def reset(self, revision: str) -> None:
        """Bring the checkout to exactly the files of a revision, whatever was left in it."""
        if not self.ready():
            self.prepare()
        self.checkout.run(*_NO_HOOKS, "reset", "--quiet", "--hard", revision)
        self.checkout.run("clean", "-ffdxq")
        self._fill_submodules()

    def keep(self, revision: str, ref: str) -> None:
        """Bring an object from the stage into the user's clone, under a private ref."""
        self.repository.fetch(str(self.checkout.root), f"+{revision}:{ref}")

    def remove(self) -> None:
        """Remove checkout, assets and what killed steps left half-made; environments and caches of gates stay."""
        system.remove(self.area / "stage.json")
        for path in sorted(self.area.glob("*")):
            if path.name not in _WARM and (path.is_dir() or path.name.startswith(".")):
                system.remove(path)

    @property
    def _claim(self) -> dict[str, str]:
        return {"base": self.base, "branch": self.branch, "tag": self.tag}

    def _clone(self) -> None:
        root = self.checkout.root
        kind = self.repository.line("rev-parse", "--show-object-format")
        self.repository.run("init", "--quiet", "--template=", f"--object-format={kind}", str(root))
        inside = root / ".git"
        (inside / "info").mkdir(exist_ok=True)
        objects = os.fsencode(self.repository.common_directory / "objects")
        (inside / "objects" / "info" / "alternates").write_bytes(objects + b"\n")
        attributes = self.repository.common_directory / "info" / "attributes"
        if attributes.is_file():
            (inside / "info" / "attributes").write_bytes(attributes.read_bytes())
        (inside / "inherited").touch(mode=0o600)  # it may hold tokens, as the user's own configuration may
        (inside / "inherited").write_text(
            inherited(self.repository, self.base), encoding="utf-8", errors="surrogateescape"
        )
        self.checkout.run("config", "include.path", "inherited")
        source = str(self.repository.common_directory)
        self.checkout.fetch(source, "+refs/tags/*:refs/tags/*")
        if self.tag_object():
            # On its own: one fetch cannot write a ref twice, and the tag may have come home to the user's clone.
            self.checkout.fetch(source, f"+{self.tag_ref}:refs/tags/{self.tag}")

    def _populate(self, revision: str) -> None:
        words = ("checkout", "--quiet", "--force", "-B", self.branch, revision)
        self.checkout.run(*_NO_HOOKS, *words, extra=self.repository.remote_environment)  # Git LFS may have to fetch
        self._fill_submodules()
        pointers = self._pointers()
        if pointers:
            raise CouldNotRun(
                f"Git LFS left {len(pointers)} files as pointers in the stage, {pointers[0]} for one",
                "git lfs install --local && git lfs fetch --all",
            )

    def _fill_submodules(self) -> None:
        """Bring every submodule to exactly the files of its recorded commit, whatever was left in it."""
        staged = self.checkout.run("ls-files", "--stage", "-z").output.split("\0")
        links = [entry.partition("\t")[2] for entry in staged if entry.startswith("160000 ")]
        if not links:
            return
        hint = "git submodule update --init --recursive"
        within = (*_NO_HOOKS, "submodule", "--quiet")
        try:
            words = ("update", "--init", "--recursive", "--checkout", "--force")
            self.checkout.run(*within, *words, extra=self.repository.remote_environment)
            self.checkout.run(*within, "foreach", "--recursive", "git clean -ffdxq")
        except CommandFailed as error:
            raise CouldNotRun(f"the submodules cannot be fetched into the stage:\n{error.message}", hint) from error
        empty = [link for link in links if not (self.checkout.root / link / ".git").exists()]
        if empty:
            raise CouldNotRun(f"git leaves the submodule {empty[0]} empty in the stage", hint)

    def _pointers(self) -> list[str]:
        """Return the files that hold a Git LFS pointer in place of their content."""
        listed = self.checkout.run("ls-files", "-z", ":(attr:filter=lfs)").output.split("\0")
        return [name for name in filter(None, listed) if _is_pointer(self.checkout.root / name)]


_NO_HOOKS = ("-c", f"core.hooksPath={os.devnull}")


def inherited(repository: git.Repository, base: str, without: tuple[str, ...] = ()) -> str:
    """Return, as the text of a configuration file, what git is told where the user works.

    Sections named in `without` are left out, as is what only makes sense for the user's own work tree.
    """
    listed = repository.run("config", "--list", "--show-scope", "-z").output.split("\0")
    entries = []
    for scope, entry in zip(listed[::2], listed[1::2], strict=False):
        key, assigned, value = entry.partition("\n")
        if scope != "command" and not _OWN.match(key) and key.partition(".")[0] not in without:
            entries.append(_entry(key, value if assigned else None))
    storage = repository.config("lfs.storage") or str(repository.common_directory / "lfs")
    return "".join([*entries, _entry("core.hookspath", _hooks(repository, base)), _entry("lfs.storage", storage)])


def _hooks(repository: git.Repository, base: str) -> str:
    """Return where the user's hooks are, as seen from another clone."""
    configured = repository.config("core.hooksPath", kind="path")
    if configured is None:
        return str(repository.common_directory / "hooks")
    tracked = repository.run("ls-tree", "-d", base, "--", configured, check=False).output
    # A relative path is relative to the work tree: another clone has its own copy of what is tracked.
    return configured if tracked else str(repository.root / configured)


def _is_pointer(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(40).startswith(b"version https://git-lfs.github.com/spec")


def _entry(key: str, value: str | None) -> str:
    """Return one setting in the form of git's configuration files (git-config(1), Syntax)."""
    section, _, rest = key.partition(".")
    subsection, _, name = rest.rpartition(".")
    header = f'[{section} "{_escaped(subsection)}"]' if subsection else f"[{section}]"
    return f"{header}\n\t{name}" + ("\n" if value is None else f' = "{_escaped(value)}"\n')


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")


@dataclass(frozen=True)
class Prepare(Step):
    """Make the stage, from a checkout that is fit to be released."""

    name: ClassVar[str] = "stage"

    stage: Stage
    remote: str
    prepared: bool

    def describe(self) -> str:
        """Say which commit is staged."""
        return f"clean clone of {self.stage.base[:10]} ({self.stage.branch}) in {self.stage.area}"

    def check(self) -> Iterable[Problem]:
        """Ask for a full clone, no changed tracked files, and a base that is not behind its remote."""
        repository = self.stage.repository
        if repository.is_shallow():
            yield Problem(
                "this clone is shallow, so earlier releases cannot be seen",
                f"git fetch --unshallow --tags {self.remote}",
            )
        changed = repository.changed()
        if changed:
            yield Problem(f"tracked files are changed and would not be released: {_some(changed)}", "git stash")
        if len(repository.push_addresses(self.remote)) > 1:
            yield Problem(
                f"{self.remote} is pushed to several addresses, which no push can do as one",
                f"git config --get-all remote.{self.remote}.pushurl",
            )
        yield from self._behind()
        if git.Commit(repository, self.stage.base).read(".gitattributes") and self._needs_lfs():
            yield Problem(
                "files are kept in Git LFS, which is not installed", "apt-get install git-lfs && git lfs install"
            )

    def _needs_lfs(self) -> bool:
        attributes = git.Commit(self.stage.repository, self.stage.base).read(".gitattributes") or b""
        return b"filter=lfs" in attributes and system.program("git-lfs") is None

    def _behind(self) -> Iterable[Problem]:
        name = f"refs/heads/{self.stage.branch}"
        try:
            held = self.stage.repository.remote_refs(self.remote, name).get(name)
        except CouldNotRun as error:
            yield Problem(error.message, error.hint or f"git ls-remote {self.remote}")
            return
        if held is None or held == self.stage.base:
            return
        if self.stage.repository.resolve(f"{held}^{{commit}}") is None:
            self.stage.repository.fetch(self.remote, held)
        if self.stage.repository.is_ancestor(held, self.stage.base):
            return
        if self.prepared and self.stage.repository.is_ancestor(self.stage.base, held):
            return
        if not self.stage.repository.is_ancestor(self.stage.base, held):
            yield Problem(
                f"{self.stage.branch} and {self.remote}/{self.stage.branch}, which is at {held[:10]}, have diverged",
                f"git pull --rebase {self.remote} {self.stage.branch}",
            )
            return
        yield Problem(
            f"{self.stage.branch} is behind {self.remote}/{self.stage.branch}, which is at {held[:10]}",
            f"git pull --ff-only {self.remote} {self.stage.branch}",
        )

    def apply(self) -> None:
        """Make the stage, unless it stands."""
        untracked = self.stage.repository.untracked()
        if untracked:
            log.info("untracked files are no part of the release: %s", _some(untracked))
        if not self.stage.ready():
            self.stage.prepare()

    def stands(self) -> bool:
        """Tell whether the stage is still there."""
        return self.stage.ready()

    def describe_undo(self) -> str:
        """Say what goes."""
        return f"the stage in {self.stage.area} is removed"

    def undo(self) -> None:
        """Remove the stage; the private refs go with the steps that made them."""
        self.stage.remove()


def _some(names: list[str]) -> str:
    """Return the first few names, and how many more there are."""
    more = len(names) - 5
    return ", ".join(names[:5]) + (f" and {more} more" if more > 0 else "")
