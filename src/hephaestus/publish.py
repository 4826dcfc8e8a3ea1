"""The pivot: the draft becomes the release everybody sees."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from hephaestus import git, marks
from hephaestus.errors import Conflict, Problem
from hephaestus.forge import Forge, look
from hephaestus.plan import Step

__all__ = ["Publish"]


@dataclass(frozen=True)
class Publish(Step):
    """Un-draft, once the tag on the remote is seen to be the one the draft was made for.

    `tag_ref` names the tag object in the user's clone.
    """

    name: ClassVar[str] = "publish"

    forge: Forge
    repository: git.Repository
    remote: str
    tag: str
    tag_ref: str

    def describe(self) -> str:
        """Say where the release appears."""
        return f"{self.tag} becomes visible on {self.forge.place}"

    def apply(self) -> None:
        """Publish, and read back that it is so.

        Raises `Conflict` where the remote's tag, the draft's promise and the draft's files do not agree.
        """
        name = f"refs/tags/{self.tag}"
        held = self.repository.remote_refs(self.remote, name).get(name)
        found = self.forge.find(self.tag)
        promise = marks.from_body(found.body) if found else None
        if held is None or held != self.repository.resolve(self.tag_ref):
            raise Conflict(
                f"the tag {self.tag} on {self.remote} is not the one this release made",
                f"git ls-remote {self.remote} {name}",
            )
        if found is None or promise is None or promise.tag_object != held:
            raise Conflict(
                f"{self.forge.place} has no draft for the tag {self.tag} that was pushed", "hephaestus status"
            )
        if {asset.name: asset.sha256 for asset in found.assets} != dict(promise.assets):
            raise Conflict(
                f"the files of the draft {self.tag} are not the promised ones",
                look(self.forge.place),
            )
        self.forge.publish(self.tag)
        seen = self.forge.find(self.tag)
        if seen is None or seen.draft:
            raise Conflict(f"{self.forge.place} still shows no release {self.tag}", "hephaestus status")

    def check_undo(self) -> Iterable[Problem]:
        """Ask whether the forge lets a published release be withdrawn."""
        found = self.forge.find(self.tag)
        if found is not None and not found.draft and not self.forge.can_withdraw:
            yield Problem(f"{self.forge.place} does not let {self.tag} be withdrawn", "hephaestus release --part patch")

    def describe_undo(self) -> str:
        """Say what goes, and that the name of the tag goes with it where the release is immutable."""
        found = self.forge.find(self.tag)
        burned = "; it is immutable, so that its tag name is burned" if found is not None and found.immutable else ""
        return f"{self.tag} is withdrawn from {self.forge.place}{burned}"

    def undo(self) -> None:
        """Withdraw the release with its files, and read back that it is gone; what is not ours is left alone.

        Raises `Conflict` where the forge still shows it.
        """
        if not self._is_out():
            return
        self.forge.withdraw(self.tag)
        if self._is_out():
            raise Conflict(f"{self.tag} was withdrawn, but {self.forge.place} still shows it")

    def _is_out(self) -> bool:
        """Tell whether the forge shows our release to users."""
        found = self.forge.find(self.tag)
        promise = marks.from_body(found.body) if found else None
        ours = self.repository.resolve(self.tag_ref)
        return found is not None and not found.draft and promise is not None and promise.tag_object == ours
