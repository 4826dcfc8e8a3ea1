"""Forges: where releases live, behind one protocol that is keyed by tag.

What only some forges can do stands in `capabilities`, and a forge that can do it hands it out.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from hephaestus.errors import Problem, UsageError
from hephaestus.forge import capabilities

__all__ = ["Asset", "Finding", "Forge", "Listing", "connect", "look"]


@dataclass(frozen=True)
class Asset:
    """A file on a release: its name, size in bytes, and sha256 in hexadecimal digits."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Finding:
    """What was looked at and what was found; with a `hint`, a command or a page, where it is in the way."""

    about: str
    said: str
    hint: str | None = None

    @property
    def problem(self) -> Problem | None:
        """The finding as a problem, or `None` where it is in nobody's way."""
        return None if self.hint is None else Problem(self.said, self.hint)


@dataclass(frozen=True)
class Listing:
    """A release as the forge has it, draft or published; `immutable` where even its owner cannot change it."""

    tag: str
    title: str
    body: str
    draft: bool
    prerelease: bool
    assets: tuple[Asset, ...]
    url: str
    immutable: bool = False


class Forge(Protocol):
    """What a release needs of a forge. Every call names the tag and may be repeated."""

    @property
    def place(self) -> str:
        """Where the releases live, as a person would say it."""
        ...

    @property
    def can_withdraw(self) -> bool:
        """Whether a published release can be taken back."""
        ...

    @property
    def delays(self) -> Sequence[float]:
        """For how many seconds, one after the other, to wait until what was made a moment ago is surely shown."""
        ...

    @property
    def git_settings(self) -> Sequence[tuple[str, str]]:
        """What git must be told to reach the repository, as settings; they may hold a secret."""
        ...

    @property
    def pull_requests(self) -> capabilities.PullRequests | None:
        """The pull requests of the repository, or `None` where this forge has none."""
        ...

    @property
    def tracker(self) -> capabilities.Tracker | None:
        """The tracker of issues and milestones, or `None` where this forge has none."""
        ...

    @property
    def advisories(self) -> capabilities.Advisories | None:
        """The security advisories, or `None` where this forge has none."""
        ...

    def examine(self, tag: str, branch: str | None) -> Sequence[Finding]:
        """Look at all that a release of this tag needs here; change nothing.

        `branch` is the one the release commit is pushed to, `None` where only the tag is pushed.
        """
        ...

    def examine_withdrawal(self, tag: str) -> Sequence[Finding]:
        """Look at all that withdrawing the published release of a tag, and removing the tag, needs here."""
        ...

    def generated_notes(self, tag: str, previous: str | None, branch: str) -> str:
        """Return what the forge itself tells of the changes since the tag `previous`, as Markdown."""
        ...

    def find(self, tag: str) -> Listing | None:
        """Return the release of a tag, draft or published, or `None`."""
        ...

    def published(self) -> Sequence[Listing]:
        """Return all published releases, the newest version first."""
        ...

    def latest(self) -> str | None:
        """Return the tag users get when they name none: the highest published version that is no pre-release."""
        ...

    def draft(self, tag: str, *, title: str, body: str, prerelease: bool) -> None:
        """Make the draft of a tag, or give an existing draft this title, body and mark.

        Raises `Conflict` where the release is published.
        """
        ...

    def upload(self, tag: str, path: Path) -> None:
        """Put a file on a draft; the same bytes under the same name are left alone.

        Raises `Conflict` where the draft has other bytes under that name, is published, or does not exist.
        """
        ...

    def discard(self, tag: str, name: str) -> None:
        """Remove a file from a draft; a file that is not there is no error.

        Raises `Conflict` where the release is published.
        """
        ...

    def publish(self, tag: str) -> None:
        """Make the draft visible; a release that is published already is left alone.

        Raises `Conflict` where there is neither.
        """
        ...

    def withdraw(self, tag: str) -> None:
        """Remove a draft, or a published release where `can_withdraw`; one that is not there is no error."""
        ...

    def download(self, tag: str, name: str, into: Path) -> Path:
        """Fetch an asset into a directory, check its sha256 and return its path.

        Raises `Conflict` where there is no such asset, and `VerificationFailed` where the bytes are not the
        promised ones.
        """
        ...


def look(place: str) -> str:
    """Return a command that shows what is at a place, be it an address or a path."""
    return f"{'python -m webbrowser' if '://' in place else 'ls -l'} {shlex.quote(place)}"


def connect(setting: str | None, *, root: Path, name: str, remote: str | None = None) -> Forge:
    """Open the forge a project names, or the one its git remote is on.

    `setting` is a path (relative ones from `root`), `directory:PATH`, a `file://` URL, `github` for the repository
    that `remote`, the address of the git remote, names, `github:OWNER/NAME`, or `https://HOST/OWNER/NAME`.
    `None` is GitHub where `remote` is there, and else a directory of the user's own under the project's `name`.

    Raises `UsageError` where the setting is none of these.
    """
    from hephaestus.forge import github
    from hephaestus.forge.directory import DirectoryForge
    from hephaestus.forge.names import component

    address = github.address(setting, remote)
    if address is not None:
        return github.connect(address)
    if setting is None:
        from platformdirs import user_data_path

        return DirectoryForge(user_data_path("hephaestus", appauthor=False) / "releases" / component(name))
    scheme = re.match(r"([^/\\]{2,}?):", setting)  # one letter is a drive of Windows
    if scheme is None:
        return DirectoryForge(_directory(setting, setting, root))
    if scheme[1] == "directory":
        return DirectoryForge(_directory(setting, setting.removeprefix("directory:"), root))
    if scheme[1].lower() == "file":
        return DirectoryForge(_from_url(setting))
    raise _no_forge(setting)


def _directory(setting: str, text: str, root: Path) -> Path:
    """Return the path a person wrote, made absolute."""
    if not text.strip() or "\0" in text:
        raise _no_forge(setting)
    try:
        return (root / Path(text).expanduser()).absolute()
    except RuntimeError as error:  # no such user
        raise _no_forge(setting) from error


def _from_url(url: str) -> Path:
    """Return the absolute path of a URL as RFC 8089 has it."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise _no_forge(url) from error
    path = Path(unquote(parts.path).removeprefix("/" if os.name == "nt" else ""))
    if parts.netloc not in ("", "localhost") or parts.query or parts.fragment:
        raise _no_forge(url)
    if not path.is_absolute() or "\0" in str(path):
        raise _no_forge(url)
    return path


def _no_forge(setting: str) -> UsageError:
    return UsageError(
        f"{setting!r} is no place for releases: it must be a path, directory:PATH or file:///PATH, "
        "or on GitHub, as github, github:OWNER/NAME or https://HOST/OWNER/NAME",
        "grep -n -A9 'tool.hephaestus' pyproject.toml",
    )
