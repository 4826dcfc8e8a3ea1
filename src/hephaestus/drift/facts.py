"""The facts that rules compare, each read once and with its place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hephaestus import project as projects
from hephaestus.drift import history, installed, locks, pythons, stated, tags, workflows
from hephaestus.drift.declared import Asked, asked
from hephaestus.drift.files import Files
from hephaestus.drift.history import History
from hephaestus.drift.installed import Environment
from hephaestus.drift.locks import Lock
from hephaestus.drift.node import Node
from hephaestus.drift.pythons import Required
from hephaestus.drift.stated import Stated
from hephaestus.drift.tags import Tag
from hephaestus.drift.workflows import Used
from hephaestus.project import Project

__all__ = ["Facts", "gather"]


@dataclass(frozen=True)
class Facts:
    """What the files of a project say: each field is what one kind of file tells, empty where there is none."""

    files: Files
    project: Project
    pyproject: Node
    python: Required | None
    asked: tuple[Asked, ...]
    locks: tuple[Lock, ...]
    environment: Environment | None
    used: tuple[Used, ...]
    stated: tuple[Stated, ...]
    history: History | None
    tag: Tag | None


def gather(files: Files, environment: Path | None = None) -> Facts:
    """Read the facts of a project; `environment` is the one to compare with where the root has none of its own.

    Raises `UsageError` where pyproject.toml cannot be read, as nothing can be compared without it.
    """
    project = projects.load(files)
    pyproject = files.toml("pyproject.toml") or Node({}, 1)
    return Facts(
        files=files,
        project=project,
        pyproject=pyproject,
        python=_required(files, pyproject),
        asked=asked(files, pyproject),
        locks=tuple(locks.find(files)),
        environment=_environment(files, environment),
        used=tuple(workflows.used(files)),
        stated=tuple(stated.find(files, project, pyproject)),
        history=history.read(files, project.changelog),
        tag=tags.newest(files, project),
    )


def _required(files: Files, pyproject: Node) -> Required | None:
    node = pyproject.at("project", "requires-python")
    if node is None or not node.text:
        return None
    found = pythons.required(node.text, files.place("pyproject.toml", node.line))
    if found is None:
        why = f"line {node.line}: requires-python = {node.text[:80]!r} is no specifier (PEP 440)"
        files.missing("pyproject.toml", why, f"sed -n {node.line}p pyproject.toml")
    return found


def _environment(files: Files, also: Path | None) -> Environment | None:
    path = installed.find(files.root, also)
    if path is None:
        return None
    try:
        return installed.read(files.root, path)
    except OSError as error:
        files.missing(path.name, error.strerror or str(error))
        return None
