"""What is asked of a wheelhouse: of which commit, for which targets, with which extras and groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from hephaestus.errors import UsageError
from hephaestus.git import Repository
from hephaestus.project import Project
from hephaestus.wheelhouse import target
from hephaestus.wheelhouse.target import Target

__all__ = ["Order", "needs_the_wheel", "order"]


@dataclass(frozen=True)
class Order:
    """What a wheelhouse is made of and for.

    `commit` and `tree` are the object ids the project was built from, `epoch` is the commit's time in seconds;
    `groups` holds the requirements of each chosen dependency group, `smoke` is the command that shows it works.
    """

    project: NormalizedName
    version: str
    commit: str
    tree: str
    epoch: int
    targets: tuple[Target, ...]
    extras: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]]
    smoke: str | None = None

    @property
    def package(self) -> tuple[NormalizedName, Version]:
        """Name and version of the project, as wheels carry them."""
        return self.project, Version(self.version)

    @property
    def document(self) -> dict[str, Any]:
        """The same for machines."""
        return {
            "project": self.project,
            "version": self.version,
            "commit": self.commit,
            "tree": self.tree,
            "epoch": self.epoch,
            "targets": [str(each) for each in self.targets],
            "extras": list(self.extras),
            "groups": {name: list(lines) for name, lines in self.groups.items()},
            "smoke": self.smoke,
        }


def order(project: Project, version: str, repository: Repository, revision: str) -> Order:
    """Return what a project's configuration asks of the wheelhouse of a commit.

    Raises `UsageError` for a target or a dependency group there is not.
    """
    asked = project.wheelhouse
    told = repository.line("show", "--no-show-signature", "--no-patch", "--format=%T %ct", revision)
    tree, epoch = told.split()
    groups = sorted(map(canonicalize_name, asked.groups))
    return Order(
        project=canonicalize_name(project.name),
        version=version,
        commit=revision,
        tree=tree,
        epoch=int(epoch),
        targets=tuple(dict.fromkeys(map(target.parse, asked.targets))) or (target.running(),),
        extras=_extras(project),
        groups={str(name): _group(project, name) for name in groups},
        smoke=project.smoke,
    )


def needs_the_wheel(project: Project) -> bool:
    """Tell whether what a project needs is written in its wheel alone."""
    table = project.table("project")
    dynamic = table.get("dynamic", ())
    return not table or not {"dependencies", "optional-dependencies", "requires-python"}.isdisjoint(dynamic)


def _extras(project: Project) -> tuple[str, ...]:
    """Return the chosen extras, normalised, each of which the project has as far as pyproject.toml tells."""
    chosen = tuple(sorted({canonicalize_name(extra) for extra in project.wheelhouse.extras}))
    there = {canonicalize_name(name) for name in project.table("project", "optional-dependencies")}
    unknown = [] if needs_the_wheel(project) else [extra for extra in chosen if extra not in there]
    if unknown:
        raise UsageError(
            f"the project has no extra {', '.join(unknown)}; it has {', '.join(sorted(there)) or 'none'}",
            "grep -n -A9 'optional-dependencies' pyproject.toml",
        )
    return chosen


def _group(project: Project, name: str) -> tuple[str, ...]:
    """Return the requirements of a dependency group, those of the groups it includes among them (PEP 735)."""
    from packaging.dependency_groups import resolve_dependency_groups

    groups = project.table("dependency-groups")
    by_name = {str(canonicalize_name(each)): each for each in groups}
    hint = "grep -n -A9 'dependency-groups' pyproject.toml"
    if name not in by_name:
        known = ", ".join(sorted(groups)) or "none"
        raise UsageError(f"the project has no dependency group {name!r}; it has {known}", hint)
    try:
        return tuple(resolve_dependency_groups(groups, by_name[name]))
    except (ExceptionGroup, ValueError, TypeError) as error:
        raise UsageError(f"the dependency group {name!r} cannot be read: {error}", hint) from error
