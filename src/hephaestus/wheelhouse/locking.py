"""The lock a wheelhouse is made by: the project's own, or else one that is resolved now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from packaging.requirements import Requirement

from hephaestus.errors import ChecksFailed, Problem, UsageError
from hephaestus.project import Project
from hephaestus.tree import Tree
from hephaestus.wheelhouse import locks, resolve, wheel
from hephaestus.wheelhouse.index import Indexes
from hephaestus.wheelhouse.locks import Lock
from hephaestus.wheelhouse.locks.declared import declared
from hephaestus.wheelhouse.order import Order, needs_the_wheel

__all__ = ["lock"]

# What changes which files are installed, beside the requirements themselves.
_UV_SETTINGS = (
    "build-constraint-dependencies",
    "constraint-dependencies",
    "no-binary",
    "no-binary-package",
    "override-dependencies",
    "sources",
)


def lock(  # noqa: PLR0913, PLR0917  (all that decides what is locked)
    order: Order, project: Project, tree: Tree, indexes: Indexes, work: Path, built: Callable[[], Path]
) -> Lock:
    """Return the lock a tree holds, or resolve what the project needs.

    `built` gives the project's wheel, and is asked only where nothing else says what it needs.
    Raises `UsageError` where a lock cannot be read, or the requirements exclude each other.
    """
    found = locks.find(tree, project.document, project.wheelhouse.lock)
    if found is not None:
        _refuse_stale(found, order, project)
        return found
    _refuse_what_only_a_lock_keeps(project)
    requirements, python = _from_wheel(built(), order) if needs_the_wheel(project) else _written(order, project)
    _refuse_addresses(requirements)
    return resolve.resolve(requirements, python, order.targets, indexes, work)


def _refuse_stale(found: Lock, order: Order, project: Project) -> None:
    """Compare a lock with what pyproject.toml asks for now, on every target."""
    if needs_the_wheel(project):
        return
    asked = declared(project.document, order.extras, order.groups)
    chosen = frozenset(order.extras), frozenset(order.groups)
    problems: dict[str, None] = {}
    for environment in (each for target in order.targets for each in target.environments):
        problems |= dict.fromkeys(locks.stale(found.packages(environment, *chosen), asked, environment))
    if problems:
        raise ChecksFailed(
            [Problem(f"{found.source} is older than pyproject.toml: {each}", found.renew) for each in problems]
        )


def _refuse_what_only_a_lock_keeps(project: Project) -> None:
    """Refuse to resolve anew what uv is told to take from elsewhere: an index may have a stranger of that name."""
    settings = project.table("tool", "uv")
    told = sorted(each for each in _UV_SETTINGS if settings.get(each))
    if told:
        raise UsageError(
            f"[tool.uv] {', '.join(told)} decide what is installed, and only a lock says what came of it", "uv lock"
        )


def _refuse_addresses(requirements: Sequence[str]) -> None:
    for line in requirements:
        if Requirement(line).url:
            raise UsageError(
                f"{line[:200]!r} comes from no index, so nobody can say that it will be the same again",
                "grep -n -A9 dependencies pyproject.toml",
            )


def _from_wheel(path: Path, order: Order) -> tuple[list[str], str]:
    own = wheel.read(path)
    groups = [line for lines in order.groups.values() for line in lines]
    return [*map(str, own.requires), *groups], str(own.requires_python)


def _written(order: Order, project: Project) -> tuple[list[str], str]:
    """Return the requirements in pyproject.toml, with those of the chosen extras and groups, and `requires-python`."""
    asked = declared(project.document, order.extras, order.groups)
    return [str(each) for each in asked], str(project.table("project").get("requires-python", ""))
