"""The steps that put the release on the forge where nobody can see it yet: the draft and its files."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from packaging.version import Version

from hephaestus import git, marks, notes, project, system
from hephaestus.errors import Conflict, HephaestusError, Problem, Refused
from hephaestus.forge import Asset, Forge, Listing, look
from hephaestus.plan import Step

__all__ = ["Draft", "Upload"]

log = logging.getLogger("hephaestus")

# GitHub takes 125,000 characters, and the mark needs its share.
_LONGEST = 100_000


@dataclass(frozen=True)
class Draft(Step):
    """Make the draft of a tag, with notes from the changelog and the mark that says whose it is.

    `tag_ref` names the tag object in the user's clone, `assets` holds exactly the files to be uploaded, `previous`
    is the tag of the release before, from which the forge tells of changes where `wanted` says that it shall, and
    `pushed` the branch that the release commit goes to, `None` where it is there and only the tag is pushed.
    """

    name: ClassVar[str] = "draft"
    lasting: ClassVar[bool] = True

    forge: Forge
    repository: git.Repository
    tag: str
    tag_ref: str
    version: str
    path: str
    mark: marks.Mark
    assets: Path
    previous: str | None
    wanted: project.GitHubSettings
    pushed: str | None

    def describe(self) -> str:
        """Say where the draft is made."""
        return f"{self.tag} on {self.forge.place}, invisible, with notes from {self.path}"

    def check(self) -> Iterable[Problem]:
        """Ask the forge, and ask that it has no release of this tag that is not ours."""
        try:
            seen = self.forge.examine(self.tag, self.pushed)
            yield from (finding.problem for finding in seen if finding.problem)
            found = self.forge.find(self.tag)
        except HephaestusError as error:
            yield Problem(error.message, error.hint or "hephaestus release --help")
            return
        if found is not None and not self._ours(found.body):
            state = "draft" if found.draft else "release"
            yield Problem(
                f"{self.forge.place} has a {state} {self.tag} that this release did not make",
                look(self.forge.place),
            )

    def apply(self) -> None:
        """Make the draft; one of ours that was begun elsewhere, for another tag object, is made to fit.

        Raises `Conflict` where a release of this tag is there that is not ours.
        """
        promise = self._promise()
        found = self.forge.find(self.tag)
        promised = marks.from_body(found.body) if found else None
        if found is not None:
            if not self._ours(found.body) or not (found.draft or promised == promise):
                raise Conflict(
                    f"{self.forge.place} has a release {self.tag} that this release did not make",
                    look(self.forge.place),
                )
            for asset in found.assets:
                if found.draft and promise.assets.get(asset.name) != asset.sha256:
                    self.forge.discard(self.tag, asset.name)
        # A draft with this promise is left as it is: somebody may have polished its words meanwhile.
        if promised != promise:
            prerelease = Version(self.version).is_prerelease
            self.forge.draft(self.tag, title=self.tag, body=marks.body(promise, self._words()), prerelease=prerelease)

    def stands(self) -> bool:
        """Tell whether the forge still has the draft, with this very promise; another machine may have changed it."""
        found = self.forge.find(self.tag)
        promise = marks.from_body(found.body) if found else None
        if promise is None or promise.mark != self.mark:
            return False
        at_hand = _digests(self.assets) if self.assets.is_dir() else promise.assets
        return promise.tag_object == self.repository.resolve(self.tag_ref) and promise.assets == at_hand

    def describe_undo(self) -> str:
        """Say what goes."""
        return f"the draft {self.tag} on {self.forge.place} is removed"

    def undo(self) -> None:
        """Remove the draft and its files; what is not ours is left alone."""
        found = self._found()
        if found is None:
            self.forge.withdraw(self.tag)  # a removal that was killed has left something nobody can find
            return
        promise = marks.from_body(found.body)
        # Another machine may have taken our draft over and published it for a tag of its own.
        theirs = not found.draft and promise and promise.tag_object != self.repository.resolve(self.tag_ref)
        if theirs or not self._ours(found.body):
            log.info("left alone: the release %s on %s is not ours", self.tag, self.forge.place)
            return
        if not found.draft:
            raise Conflict(
                f"{self.tag} is published on {self.forge.place}",
                f"hephaestus rollback --version {self.version} --severity critical",
            )
        self.forge.withdraw(self.tag)

    def _found(self) -> Listing | None:
        """Return the release of the tag; one that was made a moment ago may have to be looked for more than once."""
        for pause in self.forge.delays:
            found = self.forge.find(self.tag)
            if found is not None:
                return found
            log.info("there is no draft %s yet; looking again in %s s", self.tag, pause)
            system.pause(pause)
        return self.forge.find(self.tag)

    def _words(self) -> str:
        """Return what users read: how urgent it is, what the changelog says, what the forge itself tells of changes."""
        told = notes.of(git.Commit(self.repository, f"{self.tag_ref}^{{commit}}"), self.path, self.version)
        generated = ""
        if self.wanted.generated_notes:
            generated = self.forge.generated_notes(self.tag, self.previous, self.mark.branch)
        urgent = notes.urgent(self.version) if self._is_urgent() else ""
        words = "\n\n".join(filter(None, (urgent, told.strip(), generated.strip())))
        if len(words) <= _LONGEST:
            return words
        return f"{words[:_LONGEST].rpartition(chr(10))[0]}\n\n… and more, in {self.path}."

    def _is_urgent(self) -> bool:
        """Tell whether it is a hotfix, by its branch or by the label of the pull request that prepared it."""
        if self.mark.branch.startswith("hotfix/"):
            return True
        requests = self.forge.pull_requests
        try:
            prepared = requests.find(f"release/{self.tag}") if requests else None
        except Refused as error:
            log.info("whether it was prepared as a hotfix could not be told: %s", error.message)
            return False
        return prepared is not None and prepared.state == "merged" and self.wanted.urgent_label in prepared.labels

    def _ours(self, body: str) -> bool:
        promise = marks.from_body(body)
        return promise is not None and promise.mark.id == self.mark.id

    def _promise(self) -> marks.DraftMark:
        tag_object = self.repository.resolve(self.tag_ref)
        if not self.assets.is_dir():
            raise Conflict("the files of the release are not at hand", f"hephaestus rollback --version {self.version}")
        if tag_object is None:
            raise Conflict(f"the tag {self.tag} was not made yet", f"hephaestus release --version {self.version}")
        return marks.DraftMark(self.mark, tag_object, _digests(self.assets))


@dataclass(frozen=True)
class Upload(Step):
    """Put every asset on the draft and read it back; the draft takes its files with it when it is removed."""

    name: ClassVar[str] = "upload"
    lasting: ClassVar[bool] = True

    forge: Forge
    tag: str
    assets: Path

    def describe(self) -> str:
        """Say what is uploaded."""
        return "sdist, wheel, wheelhouse and its checksum; each read back"

    def apply(self) -> None:
        """Upload what is missing.

        Raises `Conflict` where the draft has other bytes under one of the names, or files nobody knows of.
        """
        wanted = _digests(self.assets)
        found = self.forge.find(self.tag)
        if found is not None and not found.draft and _held(found.assets) == wanted:
            return
        for name in wanted:
            log.info("uploading %s", name)
            self.forge.upload(self.tag, self.assets / name)
        found = self.forge.find(self.tag)
        if found is None or _held(found.assets) != wanted:
            raise Conflict(
                f"{self.forge.place} does not hold exactly the files that were uploaded for {self.tag}",
                "hephaestus status",
            )

    def stands(self) -> bool:
        """Tell whether the forge still holds exactly these files."""
        found = self.forge.find(self.tag)
        promise = marks.from_body(found.body) if found else None
        return found is not None and promise is not None and _held(found.assets) == promise.assets

    def describe_undo(self) -> str:
        """Say that the files go with the draft."""
        return "the files go with the draft"


def _digests(assets: Path) -> Mapping[str, str]:
    """Return the sha256 of every asset by its name, sorted."""
    files = sorted(file for file in assets.iterdir() if not file.name.startswith("."))
    return {file.name: system.digest(file) for file in files}


def _held(assets: Iterable[Asset]) -> Mapping[str, str]:
    return {asset.name: asset.sha256 for asset in assets}
