"""Releases on GitHub as a forge: drafts nobody sees, files that are read back, and the one moment of publishing."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hephaestus import system
from hephaestus.errors import Conflict, Refused, UsageError
from hephaestus.forge import Finding, Listing, look, names, ranking
from hephaestus.forge.capabilities import Advisories, PullRequests, Tracker
from hephaestus.forge.github import documents, shapes, token
from hephaestus.forge.github.address import Address
from hephaestus.forge.github.assets import Files
from hephaestus.forge.github.client import Client, Rejected
from hephaestus.forge.github.documents import Release
from hephaestus.forge.github.patience import LOOKS, once
from hephaestus.forge.github.shelf import Shelf

__all__ = ["GitHubForge", "connect"]

log = logging.getLogger("hephaestus")

# What GitHub says of a tag name that it never gives free again.
_BURNED = "used by an immutable release"
_UNPROCESSABLE = 422


def connect(address: Address) -> GitHubForge:
    """Return the forge at an address, with the token that is found for its server."""
    return GitHubForge(Client(address, token.find(address)))


@dataclass(frozen=True)
class GitHubForge:
    """The releases of a repository on GitHub.

    Every call raises `Refused` where GitHub says no, and `CouldNotRun` where it does not answer as it should.
    """

    client: Client

    @property
    def place(self) -> str:
        """The web page of the repository."""
        return self.client.address.page

    @property
    def can_withdraw(self) -> bool:
        """Always true: a release can be deleted, though the tag name of an immutable one is never free again."""
        return True

    @property
    def delays(self) -> Sequence[float]:
        """The seconds in which a listing comes to show what was made."""
        return LOOKS

    @property
    def git_settings(self) -> Sequence[tuple[str, str]]:
        """The header by which git over https is let in; empty without a token."""
        address, held = self.client.address, self.client.token
        return () if held is None else ((f"http.{address.server}/.extraheader", f"Authorization: {held.basic}"),)

    @property
    def pull_requests(self) -> PullRequests:
        """The pull requests of the repository."""
        from hephaestus.forge.github.pulls import GitHubPullRequests

        return GitHubPullRequests(self.client)

    @property
    def tracker(self) -> Tracker:
        """The issues, milestones and discussions of the repository."""
        from hephaestus.forge.github.tracker import GitHubTracker

        return GitHubTracker(self.client)

    @property
    def advisories(self) -> Advisories:
        """The security advisories of the repository."""
        from hephaestus.forge.github.advisories import GitHubAdvisories

        return GitHubAdvisories(self.client)

    def examine(self, tag: str, branch: str | None) -> Sequence[Finding]:
        """Look at all that a release of this tag needs here; change nothing."""
        from hephaestus.forge.github import preflight

        return preflight.examine(self.client, tag, branch)

    def examine_withdrawal(self, tag: str) -> Sequence[Finding]:
        """Look at all that withdrawing the published release of a tag, and removing the tag, needs here."""
        from hephaestus.forge.github import preflight

        return preflight.examine_withdrawal(self.client, tag)

    def generated_notes(self, tag: str, previous: str | None, branch: str) -> str:
        """Return the notes GitHub makes of the pull requests since the tag `previous`, as far as it has that tag."""
        asked = {"tag_name": tag, "target_commitish": branch}
        if previous is not None and self.client.get(f"git/ref/tags/{quote(previous, safe='')}") is not None:
            asked["previous_tag_name"] = previous
        made = self.client.send("POST", "releases/generate-notes", asked, repeatable=True)
        return str(made["body"]).replace("\r\n", "\n") if isinstance(made, dict) and made.get("body") else ""

    def find(self, tag: str) -> Listing | None:
        """Return the release of a tag, draft or published, or `None`; drafts are shown to those only who may push.

        Where the server does not know the digests of files, those of drafts and of releases by hephaestus are found
        out by fetching them; those of other releases are left empty.
        """
        found = self._shelf.find(tag)
        if found is None:
            return None
        if found.draft or found.mark is not None:
            self._files.know(found)
        return found.listing(self._files.digests)

    def published(self) -> Sequence[Listing]:
        """Return all published releases, the highest version first and tags without a version last.

        A digest that the server does not know is empty.
        """
        return ranking.ranked(each.listing(self._files.digests) for each in self._shelf.all() if not each.draft)

    def latest(self) -> str | None:
        """Return the tag of the highest published version that is no pre-release, or `None`."""
        return ranking.latest(self.published())

    def draft(self, tag: str, *, title: str, body: str, prerelease: bool) -> None:
        """Make the draft of a tag, or give an existing draft this title, body and mark; never make a second one.

        Raises `Conflict` where the release is published, or another one of this tag was begun in the same moment.
        """
        words = {"name": title, "body": body, "prerelease": prerelease}
        found = self._shelf.find(tag)
        if found is None:
            document = {"tag_name": tag, "draft": True, **words}
            with _burning(tag):
                found = once(lambda: self._made("POST", "releases", document), lambda: self._shelf.find(tag))
            self._give_way(found)
        if not found.draft:
            raise Conflict(f"{tag} is published already on {self.place}", look(found.url))
        self._shelf.remember(found)
        if (found.title, found.body, found.prerelease) != (title, body, prerelease):
            self._made("PATCH", f"releases/{found.id}", words)

    def upload(self, tag: str, path: Path) -> None:
        """Put a file on a draft; the same bytes under the same name are left alone.

        What a broken upload left under the name is replaced.

        Raises `Conflict` where the draft has other bytes under that name, is published, or does not exist, or where
        GitHub does not take the name; `VerificationFailed` where GitHub holds other bytes than were sent; and
        `UsageError` where the name cannot be a file name everywhere, or the file is empty or not there.
        """
        name = names.asset_name(path.name)
        if not path.is_file():
            raise UsageError(f"there is no file {path} to upload", look(str(path.parent)))
        if not path.stat().st_size:
            raise UsageError(f"{path} is empty, and GitHub takes no empty files", look(str(path)))
        release = self._drafted(tag)
        there = release.file(name)
        if there is not None and there.whole:
            if self._files.digest(there) != system.digest(path):
                raise Conflict(f"the draft of {tag} has other bytes under the name {name}", look(release.url))
            return
        for twin in release.files:
            if twin.name != name and twin.name.casefold() == name.casefold():
                raise Conflict(f"the draft of {tag} has {twin.name}, which many systems cannot tell from {name}")
        self._files.put(release, path, name)
        log.info("uploaded %s to the draft of %s", name, tag)

    def discard(self, tag: str, name: str) -> None:
        """Remove a file from a draft; a file that is not there is no error.

        Raises `Conflict` where the release is published.
        """
        name = names.asset_name(name)
        found = self._shelf.find(tag)
        if found is not None and not found.draft:
            raise Conflict(f"{tag} is published already on {self.place}", look(found.url))
        file = found.file(name) if found else None
        if file is not None:
            self._files.remove(file)

    def publish(self, tag: str) -> None:
        """Make the draft visible; a release that is published already is left alone.

        It is made the latest where it is the highest version and no pre-release.

        Raises `Conflict` where there is neither, or GitHub still shows no release afterwards, and `Refused` where an
        immutable release had the tag name.
        """
        found = self._shelf.find(tag)
        if found is not None and not found.draft:
            return
        release = self._drafted(tag)
        self._tidy(release)
        others = [each for each in self.published() if each.tag != tag]
        latest = ranking.latest(ranking.ranked([*others, release.listing({})])) == tag
        with _burning(tag):
            self._made("PATCH", f"releases/{release.id}", {"draft": False, "make_latest": str(latest).lower()})
        seen = self._shelf.get(release.id)
        if seen is None or seen.draft or seen.tag != tag:
            raise Conflict(f"{self.place} still shows no release {tag}", look(release.url))
        log.info("published %s on %s", tag, self.place)

    def withdraw(self, tag: str) -> None:
        """Remove a draft or a published release; one that is not there is no error.

        Further drafts that the same release made go with it.

        Raises `Refused` where it is still there afterwards.
        """
        found = self._shelf.find(tag)
        if found is None:
            return
        doomed = [found, *self._shelf.twins(found)]
        for each in doomed:
            self._shelf.remove(each)
        if not found.draft:
            self._point()
        log.info("withdrew %s from %s", tag, self.place)

    def download(self, tag: str, name: str, into: Path) -> Path:
        """Fetch an asset into a directory, check its sha256 and return the path of the copy.

        Raises `Conflict` where there is no such asset, `VerificationFailed` where its bytes are not the recorded
        ones (no copy is left then), and `CouldNotRun` where it cannot be fetched or written.
        """
        name = names.asset_name(name)
        release = self._shelf.find(tag)
        file = release.file(name) if release else None
        if file is None or not file.whole:
            raise Conflict(f"there is no {name} on {tag} in {self.place}", look(f"{self.place}/releases"))
        self._files.fetch(file, into / name)
        return into / name

    @cached_property
    def _files(self) -> Files:
        return Files(self.client)

    @cached_property
    def _shelf(self) -> Shelf:
        return Shelf(self.client)

    def _drafted(self, tag: str) -> Release:
        """Return the draft of a tag, and refuse where there is none."""
        found = self._shelf.find(tag)
        if found is None:
            raise Conflict(f"there is no draft of {tag} on {self.place}", look(f"{self.place}/releases"))
        if not found.draft:
            raise Conflict(f"{tag} is published already on {self.place}", look(found.url))
        return found

    def _made(self, method: str, path: str, document: dict[str, Any]) -> Release:
        """Make a release, or give one a state, which may be repeated; return what GitHub made of it."""
        return documents.release(self.client.send(method, path, document, repeatable=method == "PATCH"))

    def _give_way(self, release: Release) -> None:
        """Remove a new draft where another release of the same tag was begun in the same moment, and had its first."""
        first = self._shelf.rival(release)
        if first is not None:
            self._shelf.remove(release)
            raise Conflict(f"another release of {release.tag} was begun in the same moment", look(first.url))

    def _tidy(self, release: Release) -> None:
        """Remove what broken uploads left on a draft, and further drafts of the same release."""
        for file in release.files:
            if not file.whole:
                self._files.remove(file)
        for twin in self._shelf.twins(release):
            self._shelf.remove(twin)

    def _point(self) -> None:
        """Let GitHub show the highest version as the latest one, whichever it chose after a release was removed."""
        tag = self.latest()
        shown = self.client.get("releases/latest")
        if tag is None or (shown is not None and shapes.perhaps(shown, "tag_name", str) == tag):
            return
        found = self._shelf.find(tag)
        if found is not None:
            try:
                self._made("PATCH", f"releases/{found.id}", {"make_latest": "true"})
            except Rejected as error:  # the release is withdrawn all the same
                log.warning("%s is not shown as the latest: %s", tag, error.message)


@contextlib.contextmanager
def _burning(tag: str) -> Iterator[None]:
    """Explain a refusal that comes from a tag name which an immutable release had."""
    try:
        yield
    except Rejected as error:
        if error.status != _UNPROCESSABLE or _BURNED not in error.said:
            raise
        version = names.version(tag)
        plain = f"{version.major}.{version.minor}.{version.micro + 1}" if version and not version.epoch else None
        hint = f"hephaestus release --version {plain}" if plain else "hephaestus release --part patch"
        said = f"the tag name {tag} is burned: an immutable release had it, and GitHub never gives it free again"
        raise Refused(f"{said} ({error.said})", hint) from error
