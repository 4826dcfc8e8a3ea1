"""The versions of Python that continuous integration uses: matrices and set-up steps of GitHub workflows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from hephaestus.drift.files import Files
from hephaestus.drift.node import Node
from hephaestus.drift.places import Edit, Place
from hephaestus.drift.pythons import minor

__all__ = ["Used", "used"]

_FOLDER = ".github/workflows"
_PYTHON = re.compile(r"(?:python|py)(?:[-_ ]?versions?)?", re.IGNORECASE)
_SETUP = re.compile(r"actions/setup-python@|astral-sh/setup-uv@|conda-incubator/setup-miniconda@")
_FROM_MATRIX = re.compile(r"\$\{\{\s*matrix\.([\w-]+)\s*\}\}")
_NUMBER = re.compile(r"\d+\.\d*0")


@dataclass(frozen=True)
class Used:
    """A version of Python that a workflow uses.

    `version` is what the workflow means, `written` what it says: without quotes, 3.10 is the number 3.1.
    `matrix` tells whether it is one of a matrix, `tentative` whether the job may fail or takes pre-releases.
    """

    version: str
    written: str
    place: Place
    matrix: bool = False
    tentative: bool = False

    @property
    def edit(self) -> Edit | None:
        """The quotes that make a number the version it was to be, where they are missing."""
        if self.version == self.written:
            return None
        return Edit(self.place.path, self.place.line, self.written, f'"{self.written}"')


def used(files: Files) -> list[Used]:
    """Return the versions of Python in all workflows, and the one that Read the Docs builds with."""
    found: list[Used] = []
    for path in files.names(_FOLDER):
        if path.endswith((".yml", ".yaml")):
            workflow = files.yaml(path)
            for _, job in workflow.entries("jobs") if workflow is not None else ():
                found += _of_job(files, path, job)
    for path in (".readthedocs.yaml", ".readthedocs.yml"):
        said = files.yaml(path)
        if said is not None:
            found += _versions(files, path, said.texts("build", "tools", "python"))
    return found


def _of_job(files: Files, path: str, job: Node) -> Iterator[Used]:
    steps = [step for step in job.items("steps") if _SETUP.match(step.said("uses"))]
    told = [node for step in steps for node in step.texts("with", "python-version")]
    names = {name for node in told for name in _FROM_MATRIX.findall(node.text)}
    tentative = job.said("continue-on-error") not in {"", "false"} or any(
        step.said("with", "allow-prereleases") == "true" for step in steps
    )
    cells = [
        (value, tentative or _differs(cell))
        for cell in (job.at("strategy", "matrix"), *job.items("strategy", "matrix", "include"))
        if cell is not None
        for key, value in cell.entries()
        if key in names or _PYTHON.fullmatch(key)
    ]
    for value, may_fail in cells:
        yield from _versions(files, path, value.texts(), matrix=True, tentative=may_fail)
    yield from _versions(files, path, told, tentative=tentative)


def _differs(cell: Node) -> bool:
    """Tell whether a cell of a matrix is marked as one that may fail."""
    return any(key in {"allow-failure", "experimental", "optional"} for key, _ in cell.entries())


def _versions(
    files: Files, path: str, nodes: Iterator[Node] | list[Node], *, matrix: bool = False, tentative: bool = False
) -> Iterator[Used]:
    """Yield the versions that texts mean; a block of text may hold several, one a line."""
    for node in nodes:
        for number, line in enumerate(node.text.splitlines()):
            written = line.strip()
            meant = str(float(written)) if node.bare and _NUMBER.fullmatch(written) else written
            version = minor(meant)
            if version is not None:
                place = files.place(path, node.line + number + (1 if "\n" in node.text else 0))
                unsure = tentative or bool(re.search(r"-dev|(?:a|b|rc)\d", written))
                quoted = meant == written
                yield Used(version, version if quoted else written, place, matrix, tentative=unsure)
