"""Where the version of the project is stated, the lock left out: that has a reader of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

from hephaestus import versions
from hephaestus.drift.files import Files
from hephaestus.drift.node import Node
from hephaestus.drift.places import Place
from hephaestus.errors import UsageError
from hephaestus.project import Project
from hephaestus.versions import Kind

__all__ = ["Stated", "find"]

# Where other tools write the version into pyproject.toml.
_TOOLS = (
    ("tool", "bumpversion", "current_version"),
    ("tool", "bumpver", "current_version"),
    ("tool", "commitizen", "version"),
    ("tool", "tbump", "version", "current"),
)
_SPHINX = re.compile(r"""release\s*=\s*["'](\d[^"']*)["']\s*(?:#.*)?""")


@dataclass(frozen=True)
class Stated:
    """A version as a place states it."""

    text: str
    place: Place

    @property
    def version(self) -> Version | None:
        """The version (PEP 440), or `None` where the text is none."""
        try:
            return Version(self.text)
        except InvalidVersion:
            return None


@dataclass(frozen=True)
class _Sources:
    """The files of a project among which its version is looked for."""

    files: Files
    packages: tuple[str, ...]

    def read(self, path: str) -> bytes | None:
        return None if path == "uv.lock" else self.files.read(path)

    def paths(self) -> Sequence[str]:
        listed = (path for package in self.packages for path in self.files.names(package))
        return sorted({*self.files.paths(), *listed})


def find(files: Files, project: Project, pyproject: Node) -> Iterator[Stated]:
    """Yield all places that state the version, the one of pyproject.toml first, none where it comes from the tag."""
    if project.version_from_tag:
        return
    build = ("tool", "hatch", "build")
    listed = (*pyproject.texts(*build, "packages"), *pyproject.texts(*build, "targets", "wheel", "packages"))
    packages = tuple(node.text.strip("./") for node in listed if ".." not in node.text)
    try:
        for each in versions.places(_Sources(files, packages), project):
            yield Stated(each.version, _place(files, pyproject, each))
    except UsageError as error:
        files.missing(error.message.split(" ")[0].partition(":")[0], error.message, error.hint or "")
    for keys in _TOOLS:
        node = pyproject.at(*keys)
        if node is not None and node.text:
            yield Stated(node.text, files.place("pyproject.toml", node.line))
    if pyproject.said("build-system", "build-backend") == "maturin":
        cargo = files.toml("Cargo.toml")
        node = cargo.at("package", "version") if cargo is not None else None
        if node is not None and node.text:
            yield Stated(node.text, files.place("Cargo.toml", node.line))
    for number, line in _lines(files, "docs/conf.py"):
        release = _SPHINX.fullmatch(line)
        if release:
            yield Stated(release[1], files.place("docs/conf.py", number))


def _place(files: Files, pyproject: Node, each: versions.Place) -> Place:
    if each.kind is Kind.PROJECT:
        node = pyproject.at("project", "version")
        return files.place(each.path, node.line if node is not None else 0)
    for number, line in _lines(files, each.path):
        if "__version__" in line and each.version in line:
            return files.place(each.path, number)
    return Place(each.path)


def _lines(files: Files, path: str) -> list[tuple[int, str]]:
    return list(enumerate((files.text(path) or "").splitlines(), 1))
