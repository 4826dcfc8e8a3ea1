"""The only door to git: one repository, and the questions and changes a release needs.

Every call is one git command with an argument list. What git says is read as bytes or as
porcelain, never as a sentence meant for people.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

from hephaestus import system
from hephaestus.errors import CouldNotRun, Refused, UsageError

__all__ = ["ABSENT", "PATIENCE", "Commit", "Push", "Repository", "discover", "version"]

# What a ref holds that does not exist, as git writes it in an old value or a lease.
ABSENT = ""

# The modes a tree gives to regular files.
_FILES = ("100644", "100755")

# What git says when the connection was lost, and when the remote did not want what was pushed.
_LOST = re.compile(
    r"hung up|unexpected disconnect|RPC failed|could not (?:read|resolve)|unable to access|timed out|broken pipe"
    r"|early EOF|connection (?:refused|closed|reset)|reset by peer|protocol error",
    re.IGNORECASE,
)
_REJECTED = re.compile(r"remote rejected|hook declined", re.IGNORECASE)
# What it says where whoever comes is not known to the remote, or may not do what he wants.
_UNKNOWN = re.compile(r"could not read (?:Username|Password)|Authentication failed|(?:error:|HTTP) 401", re.IGNORECASE)
_FORBIDDEN = re.compile(r"(?:error:|HTTP) 403", re.IGNORECASE)

_OBJECT_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")

# The setting of a header for an address.
_HEADER = re.compile(r"http\.(.+)\.extraheader")

# Nobody is asked for a name or a password, be it on the terminal or by a window.
_UNASKED = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": ""}

# What git needs to give up a connection over http on which nothing has come for a minute: a server that is still at
# work says so every few seconds.
PATIENCE = (("http.lowSpeedLimit", "1"), ("http.lowSpeedTime", "60"))

# Answers in English, and no question rewrites the user's index on the way.
_QUIET = {"LC_ALL": "C.UTF-8", "GIT_OPTIONAL_LOCKS": "0"}


@dataclass(frozen=True)
class Push:
    """What a push said: its exit code and, for each ref of the remote, the flag and the reason git gave."""

    code: int
    refs: Mapping[str, tuple[str, str]]
    said: str

    @property
    def lost(self) -> bool:
        """Whether the connection was lost; what went wrong in another way would go wrong again."""
        denied = _UNKNOWN.search(self.said) or _FORBIDDEN.search(self.said)
        return bool(self.code and _LOST.search(self.said) and not denied)

    @property
    def rejected(self) -> bool:
        """Whether the remote did not want a ref, by its rules or a hook."""
        return bool(_REJECTED.search(self.said))


@dataclass(frozen=True)
class Commit:
    """The tree of one commit, read from the object store."""

    repository: Repository
    revision: str

    def read(self, path: str) -> bytes | None:
        """Return the bytes of a file of the commit, or `None`; symbolic links are not followed."""
        mode, name = self._files.get(path, ("", ""))
        return _blob(self.repository, name) if mode in _FILES else None

    def paths(self) -> Sequence[str]:
        """Return the paths of all files of the commit, sorted."""
        return sorted(self._files)

    def read_all(self, paths: Iterable[str]) -> dict[str, bytes]:
        """Return the bytes of many files by their paths, asking git once; what is no regular file is left out."""
        files = self._files
        entries = ((path, *files.get(path, ("", ""))) for path in paths)
        wanted = [(path, name) for path, mode, name in entries if mode in _FILES]
        asked = "".join(f"{name}\n" for _, name in wanted).encode()
        told = self.repository.run("cat-file", "--batch", given=asked).output.encode("utf-8", "surrogateescape")
        found, at = {}, 0
        for path, _ in wanted:
            begin = told.index(b"\n", at) + 1
            if told[at:begin].endswith(b" missing\n"):
                raise CouldNotRun(f"an object of {self.revision[:40]} is missing in this clone", "git fsck")
            end = begin + int(told[at:begin].split()[2])
            found[path], at = told[begin:end], end + 1
        return found

    @property
    def _files(self) -> Mapping[str, tuple[str, str]]:
        named = _OBJECT_ID.fullmatch(self.revision)
        return _listed(self.repository, self.revision if named else self.repository.line("rev-parse", self.revision))


# What an object id names never changes, so it is asked for once; the check alone reads some files a dozen times.
@lru_cache(maxsize=32)
def _listed(repository: Repository, tree: str) -> Mapping[str, tuple[str, str]]:
    """Return mode and object id of every file of a tree, by its path."""
    entries = repository.run("ls-tree", "-r", "-z", "--full-tree", tree).output.split("\0")
    split = (entry.partition("\t") for entry in entries if entry)
    return {path: (told.split()[0], told.split()[2]) for told, _, path in split}


@lru_cache(maxsize=8)
def _read_back(repository: Repository, remote: str) -> str:
    read = repository.run("remote", "get-url", "--", remote, check=False)
    pushed = repository.run("remote", "get-url", "--push", "--", remote, check=False)
    return remote if read.code or pushed.code or read.output == pushed.output else pushed.output.strip()


@lru_cache(maxsize=64)
def _blob(repository: Repository, name: str) -> bytes:
    return repository.run("cat-file", "blob", name).output.encode("utf-8", "surrogateescape")


@dataclass(frozen=True)
class Repository:
    """A git clone, by the root of its work tree.

    `remote_settings` are told to git whenever it speaks to a remote, by its environment alone: they may hold a secret.
    """

    root: Path
    remote_settings: tuple[tuple[str, str], ...] = field(default=(), repr=False, compare=False)

    def run(
        self,
        *arguments: str,
        check: bool = True,
        given: bytes | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> system.Finished:
        """Run one git command in this clone, with answers in English."""
        return system.run(
            ["git", *arguments], cwd=self.root, check=check, given=given, extra={**_QUIET, **(extra or {})}
        )

    def line(self, *arguments: str, check: bool = True) -> str:
        """Return what a command prints, without white space around it."""
        return self.run(*arguments, check=check).output.strip()

    @cached_property
    def common_directory(self) -> Path:
        """The git directory that all linked work trees of this clone share."""
        return (self.root / self.line("rev-parse", "--git-common-dir")).resolve()

    def config(self, key: str, *, kind: str | None = None) -> str | None:
        """Return a configured value, or `None`; `kind` is one of git's types, such as `bool` or `path`."""
        typed = [f"--type={kind}"] if kind else []
        found = self.run("config", *typed, "--get", key, check=False)
        return found.output.rstrip("\n") if found.code == 0 else None

    def resolve(self, revision: str) -> str | None:
        """Return the object id a revision names, or `None`."""
        found = self.run("rev-parse", "--verify", "--quiet", "--end-of-options", revision, check=False)
        return found.output.strip() or None

    def refs(self, *patterns: str) -> dict[str, str]:
        """Return the refs below the given prefixes with the objects they hold."""
        listed = self.line("for-each-ref", "--format=%(objectname) %(refname)", *patterns)
        return {name: held for held, name in (line.split(" ", 1) for line in listed.splitlines())}

    def set_ref(self, name: str, new: str, old: str) -> None:
        """Point a ref at an object if it still holds `old`, `ABSENT` for nothing."""
        self.run("update-ref", "--no-deref", name, new, old)

    def delete_ref(self, name: str, old: str) -> None:
        """Delete a ref that holds `old`; one that is not there is no error."""
        if self.resolve(name) is not None:
            self.run("update-ref", "--no-deref", "-d", name, old)

    def branch(self) -> str | None:
        """Return the name of the branch that is checked out, or `None` for a detached head."""
        name = self.run("symbolic-ref", "--quiet", "--short", "HEAD", check=False).output.strip()
        return name or None

    def changed(self) -> list[str]:
        """Return the tracked files that differ from HEAD, in the index or the work tree."""
        return [path for state, path in self._status("no") if state != "??"]

    def untracked(self) -> list[str]:
        """Return the files git neither tracks nor ignores."""
        return [path for state, path in self._status("normal") if state == "??"]

    def _status(self, untracked: str) -> list[tuple[str, str]]:
        words = ("--porcelain=v1", "-z", "--no-renames", f"--untracked-files={untracked}")
        entries = self.run("status", *words).output.split("\0")
        return [(entry[:2], entry[3:]) for entry in entries if entry]

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Tell whether `older` can be reached from `newer`."""
        return self.run("merge-base", "--is-ancestor", older, newer, check=False).code == 0

    def reachable_tags(self, revision: str) -> list[str]:
        """Return the tags whose commits can be reached from a revision."""
        # Not `git tag --list`, which a user may have set to print in columns.
        return self.line(
            "for-each-ref", f"--merged={revision}", "--format=%(refname:strip=2)", "refs/tags"
        ).splitlines()

    def tree_with(self, revision: str, path: str, data: bytes) -> str:
        """Return the id of a tree like that of a revision but for the bytes of one file; no file is written."""
        mode = self.line("ls-tree", "--format=%(objectmode)", revision, "--", path) or "100644"
        blob = self.run("hash-object", "-w", "--stdin", given=data).output.strip()
        with tempfile.TemporaryDirectory() as scratch:
            own = {"GIT_INDEX_FILE": str(Path(scratch, "index"))}
            self.run("read-tree", revision, extra=own)
            self.run("update-index", "--add", "--cacheinfo", f"{mode},{blob},{path}", extra=own)
            return self.run("write-tree", extra=own).output.strip()

    def tag_message(self, name: str) -> str:
        """Return the message of an annotated tag, signature included; empty for anything else."""
        if self.line("cat-file", "-t", name) != "tag":
            return ""
        return self.run("cat-file", "tag", name).output.partition("\n\n")[2]

    def is_shallow(self) -> bool:
        """Tell whether history was cut off when this clone was made."""
        return self.line("rev-parse", "--is-shallow-repository") == "true"

    def remote_refs(self, remote: str, *names: str) -> dict[str, str]:
        """Ask the remote what the given full ref names hold; those it does not have are left out.

        Raises `CouldNotRun` where the remote does not answer.
        """
        held = self._ask(remote, "--", self._destination(remote), *names)
        return {name: held[name] for name in names if name in held}

    def remote_tags(self, remote: str) -> list[str]:
        """Ask the remote for the names of all its tags.

        Raises `CouldNotRun` where the remote does not answer.
        """
        held = self._ask(remote, "--tags", "--refs", "--", self._destination(remote))
        return [name.removeprefix("refs/tags/") for name in held]

    def _ask(self, remote: str, *words: str) -> dict[str, str]:
        asked = self.run("ls-remote", *words, check=False, extra=self._speaking_to(remote))
        if asked.code and _UNKNOWN.search(asked.errors) and self._logs_in(remote):
            raise CouldNotRun(
                f"the remote {remote} does not know the token that it was shown:\n{asked.tail()}", "gh auth status"
            )
        if asked.code:
            raise CouldNotRun(f"the remote {remote} does not answer:\n{asked.tail()}", f"git ls-remote {remote}")
        return {name: found for found, name in (line.split("\t", 1) for line in asked.output.splitlines())}

    def fetch(self, source: str, *refspecs: str) -> None:
        """Fetch objects, and no refs but those the refspecs name a place for."""
        alone = ("--no-tags", "--refmap=", "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-maintenance")
        words = ("fetch", "--quiet", *alone, "--", self._destination(source), *refspecs)
        self.run(*words, extra=self._speaking_to(source))

    def push_addresses(self, remote: str) -> list[str]:
        """Return the addresses a push to a remote goes to."""
        return self.line("remote", "get-url", "--push", "--all", remote).splitlines()

    def _destination(self, remote: str) -> str:
        """Return from where to read what a push to a remote changes: its push address, where that is another one."""
        return _read_back(self, remote)

    def push(self, remote: str, leases: Mapping[str, str], refspecs: Iterable[str]) -> Push:
        """Push all refspecs or none; each ref must still hold what its lease says, `ABSENT` for nothing."""
        held = (f"--force-with-lease={name}:{old}" for name, old in leases.items())
        done = self.run(
            "push",
            "--porcelain",
            "--atomic",
            "--no-follow-tags",
            "--recurse-submodules=no",
            *held,
            "--",
            remote,
            *refspecs,
            check=False,
            extra=self._speaking_to(remote),
        )
        found = (re.fullmatch(r"(.)\t([^\t]*)\t(.*)", line) for line in done.output.splitlines())
        refs = {row[2].rpartition(":")[2]: (row[1], row[3]) for row in found if row}
        return Push(done.code, refs, f"{done.output.strip()}\n{done.errors.strip()}".strip())

    def ask_to_push(self, remote: str) -> None:
        """Ask a remote whether it would take a push of ours; nothing is pushed, and no hook runs.

        Raises `Refused` with what it says where it would not.
        """
        words = ("push", "--dry-run", "--no-verify", "--quiet", "--", remote, "HEAD:refs/hephaestus/asked")
        asked = self.run(*words, check=False, extra=self._speaking_to(remote))
        if asked.code:
            raise Refused(
                f"{remote} takes no push from here:\n{asked.tail()}", f"git push --dry-run --no-verify {remote} HEAD"
            )

    @property
    def remote_environment(self) -> dict[str, str]:
        """Return the remote settings as git takes them from its environment, after those that are there already."""
        if not self.remote_settings:
            return {}
        # A helper would be told to forget what it knows where the header is refused, as git takes it for the culprit.
        helpers = [(f"credential.{server}.helper", "") for server in self._logged_in]
        settings = (*self.remote_settings, *helpers)
        there = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
        told = {"GIT_CONFIG_COUNT": str(there + len(settings))}
        for number, (key, value) in enumerate(settings, there):
            told |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        return told

    def configures(self, key: str) -> bool:
        """Tell whether the user's configuration has a say in a setting: for a header, whether one logs in there."""
        if not (header := _HEADER.fullmatch(key)):
            return self.config(key) is not None
        found = self.run("config", "--get-urlmatch", "http.extraheader", header[1], check=False)
        return found.output.lower().startswith("authorization:")

    @property
    def _logged_in(self) -> list[str]:
        """The addresses where a header among the remote settings logs in."""
        found = (_HEADER.fullmatch(key) for key, _ in self.remote_settings)
        return [match[1] for match in found if match]

    def _logs_in(self, remote: str) -> bool:
        """Tell whether a header among the remote settings logs in at a remote."""
        servers = tuple(self._logged_in)
        return bool(servers) and self.line("ls-remote", "--get-url", self._destination(remote)).startswith(servers)

    def _speaking_to(self, remote: str) -> dict[str, str]:
        """Return the environment for a talk with a remote; where a header logs in, git asks nobody else."""
        return {**self.remote_environment, **(_UNASKED if self._logs_in(remote) else {})}

    def work_tree_branches(self) -> set[str]:
        """Return the full names of the branches that are checked out in some work tree of this clone."""
        listed = self.line("worktree", "list", "--porcelain").splitlines()
        return {line.removeprefix("branch ") for line in listed if line.startswith("branch ")}


def version() -> tuple[int, ...]:
    """Return the version of the git that is installed.

    Raises `CouldNotRun` where there is none.
    """
    said = re.search(r"\d+(?:\.\d+)+", system.run(["git", "--version"]).output)
    return tuple(map(int, said[0].split("."))) if said else ()


def discover(start: Path) -> Repository:
    """Return the repository whose work tree holds `start`.

    Raises `UsageError` where git finds none, and `CouldNotRun` where git is not installed.
    """
    try:
        found = system.run(["git", "rev-parse", "--show-toplevel"], cwd=start, check=False)
    except CouldNotRun as error:
        raise CouldNotRun(error.message, "apt-get install git") from error
    if found.code:
        if "dubious ownership" in found.errors:
            raise UsageError(f"git does not trust {start}", f"git config --global --add safe.directory {start}")
        raise UsageError(f"{start} is not in the work tree of a git repository", "git init && git add . && git commit")
    return Repository(Path(os.fsdecode(found.output.rstrip("\n").encode("utf-8", "surrogateescape"))))
