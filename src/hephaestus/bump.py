"""The step that writes the new version everywhere the project keeps it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from packaging.utils import canonicalize_version

from hephaestus import project, versions
from hephaestus.errors import Conflict, HephaestusError, Problem
from hephaestus.plan import Step
from hephaestus.tree import Directory, Tree, unified

__all__ = ["Bump"]


@dataclass(frozen=True)
class Bump(Step):
    """Write a version into each place that holds the present one.

    `before` is what checks and previews look at, `tree` what is changed; on a checkout they are the same.
    In a stage there is nothing to take back: the stage goes as a whole.
    """

    name: ClassVar[str] = "bump"

    before: Tree
    tree: Directory
    version: str

    def describe(self) -> str:
        """Say from which version to which, and in which files."""
        facts = project.load(self.before)
        old = versions.current(self.before, facts)
        if old is None:
            return "nothing to write: the version comes from the tag"
        places = ", ".join(dict.fromkeys(place.path for place in versions.places(self.before, facts)))
        return f"{old} becomes {self.version} in {places}" if old != self.version else f"{places} say {old} already"

    def diff(self) -> str:
        """Return the change to every file that holds the version."""
        return "".join(
            unified(path, self.before.read(path) or b"", data) for path, data in self._edited(self.before).items()
        )

    def check(self) -> Iterable[Problem]:
        """Ask whether every place can be found and edited exactly."""
        try:
            self._edited(self.before)
        except HephaestusError as error:
            yield Problem(error.message, error.hint or "grep -rn version pyproject.toml")

    def apply(self) -> None:
        """Write the version where the old one stands; where the new one stands, leave it.

        Raises `Conflict` where a place holds neither.
        """
        old = versions.current(self.before, project.load(self.before))
        known = {canonicalize_version(old or self.version), canonicalize_version(self.version)}
        for place in versions.places(self.tree, project.load(self.tree)):
            if canonicalize_version(place.version) not in known:
                raise Conflict(
                    f"{place.path} says {place.version}, neither {old} nor {self.version}", f"git diff {place.path}"
                )
        for path, data in self._edited(self.tree).items():
            self.tree.write(path, data)

    def stands(self) -> bool:
        """Tell whether every place says the version; a stage that was made anew does not until it is committed."""
        try:
            return not self._edited(self.tree)
        except HephaestusError:
            return False

    def _edited(self, tree: Tree) -> dict[str, bytes]:
        """Return the new bytes of each file that has to change."""
        edited: dict[str, bytes] = {}
        for place in versions.places(tree, project.load(tree)):
            if place.version != self.version:
                data = edited.get(place.path) or tree.read(place.path) or b""
                edited[place.path] = versions.replace(place, data, self.version)
        versions.current(self.before, project.load(self.before))
        return edited
