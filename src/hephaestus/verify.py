"""The step that looks at the release from outside: what users see and download is what was proven."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from hephaestus import environments, git, marks, system
from hephaestus.errors import VerificationFailed
from hephaestus.forge import Forge, Listing, look
from hephaestus.plan import Step
from hephaestus.wheelhouse import house, names

__all__ = ["Verify"]

log = logging.getLogger("hephaestus")


@dataclass(frozen=True)
class Verify(Step):
    """Read tag, release and files back from where users get them, compare hashes, install and run.

    `assets` holds the files that were proven, where they are still at hand; `work` is a directory of its own.
    """

    name: ClassVar[str] = "verify"

    forge: Forge
    repository: git.Repository
    remote: str
    tag: str
    project: str
    version: str
    smoke: str | None
    assets: Path
    work: Path

    def describe(self) -> str:
        """Say what is looked at."""
        return f"{self.tag} read back from {self.remote} and {self.forge.place}, installed and run with no network"

    def apply(self) -> None:
        """Compare and install.

        Raises `VerificationFailed` with the first difference found.
        """
        system.remove(self.work)
        found = self.forge.find(self.tag)
        if found is None or found.draft:
            raise VerificationFailed(f"{self.forge.place} shows no release {self.tag}", "hephaestus status")
        promise = self._promise(found)
        downloads = self.work / "downloads"
        downloads.mkdir(parents=True)
        for name, digest in promise.assets.items():
            self._same(self.forge.download(self.tag, name, downloads), digest)
        log.info("%d files are what was promised", len(promise.assets))
        packed = downloads / names.archive(self.project, self.version)
        unpacked = house.unpack(packed, self.work / "unpacked")
        environment = environments.create(self.work / "proof")
        environment.install_offline(unpacked.root)
        environment.verify(self.project, self.version, self.smoke)
        log.info("installed with no network, and it works")
        system.remove(self.work)

    def describe_undo(self) -> str:
        """Say what goes."""
        return "nothing to take back"

    def undo(self) -> None:
        """Remove what was downloaded."""
        system.remove(self.work)

    def _promise(self, found: Listing) -> marks.DraftMark:
        """Return what the release promises, once the tag on the remote and the listed files agree with it."""
        promise = marks.from_body(found.body)
        if promise is None:
            raise VerificationFailed(
                f"the release {self.tag} does not say what it should hold",
                look(self.forge.place),
            )
        name = f"refs/tags/{self.tag}"
        held = self.repository.remote_refs(self.remote, name).get(name)
        if held != promise.tag_object:
            raise VerificationFailed(
                f"the tag {self.tag} on {self.remote} is not the one that was released",
                f"git ls-remote {self.remote} {name}",
            )
        if {asset.name: asset.sha256 for asset in found.assets} != dict(promise.assets):
            raise VerificationFailed(
                f"the files of the release {self.tag} are not the promised ones",
                look(self.forge.place),
            )
        return promise

    def _same(self, downloaded: Path, promised: str) -> None:
        proven = self.assets / downloaded.name
        wanted = system.digest(proven) if proven.is_file() else promised
        if system.digest(downloaded) != wanted or wanted != promised:
            raise VerificationFailed(
                f"{downloaded.name} is not the file that was proven", f"hephaestus verify --version {self.version}"
            )
