"""What pyproject.toml asks for: its dependencies, extras and groups, each requirement with its line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from hephaestus.drift.files import Files
from hephaestus.drift.node import Node
from hephaestus.drift.places import Place

__all__ = ["Asked", "asked"]

_PATH = "pyproject.toml"


@dataclass(frozen=True)
class Asked:
    """A requirement: the normalised name, what it says, where, and in which list.

    `kind` is `dependencies`, `extra`, `group` or `build`, `owner` the name of the extra or the group.
    """

    name: str
    requirement: Requirement
    place: Place
    kind: str
    owner: str = ""

    @property
    def where(self) -> str:
        """The list, as a person would say it."""
        return {"build": "build-system", "dependencies": "dependencies"}.get(self.kind, f"the {self.kind} {self.owner}")

    def admits(self, version: str) -> bool:
        """Tell whether a version is one of those that are asked for; one that is no version counts as such."""
        try:
            return self.requirement.specifier.contains(version, prereleases=True)
        except ValueError:
            return True


def asked(files: Files, pyproject: Node) -> tuple[Asked, ...]:
    """Return all requirements of pyproject.toml; groups that a group includes (PEP 735) stand where they are written.

    Requirements on the project itself and on addresses are left out.
    """
    own = canonicalize_name(pyproject.said("project", "name"))
    lists = [("dependencies", "", pyproject.items("project", "dependencies"))]
    lists += [("extra", name, node.items()) for name, node in pyproject.entries("project", "optional-dependencies")]
    lists += [("group", name, node.items()) for name, node in pyproject.entries("dependency-groups")]
    lists += [("build", "", pyproject.items("build-system", "requires"))]
    return tuple(each for kind, owner, nodes in lists for each in _read(files, kind, owner, nodes) if each.name != own)


def _read(files: Files, kind: str, owner: str, nodes: list[Node]) -> Iterator[Asked]:
    for node in nodes:
        if not node.text:
            continue
        try:
            requirement = Requirement(node.text)
        except (InvalidRequirement, RecursionError):
            files.missing(
                _PATH, f"line {node.line}: {node.text[:80]!r} is no requirement", f"sed -n {node.line}p pyproject.toml"
            )
            continue
        if requirement.url is None:
            name = canonicalize_name(requirement.name)
            yield Asked(name, requirement, files.place(_PATH, node.line), kind, owner)
