"""The gate `api`: the version promises what has changed since the last release, and the changelog tells what breaks."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.version import Version

from hephaestus import git
from hephaestus.compatibility import judge, layout, settings
from hephaestus.errors import HephaestusError
from hephaestus.gates.bench import Bench
from hephaestus.gates.builtin import moment
from hephaestus.gates.builtin.told import judged
from hephaestus.gates.gate import COULD_NOT_RUN, FAILED, Answer, Gate, Off
from hephaestus.gates.shown import Shown
from hephaestus.tree import Directory

__all__ = ["choose"]

_NAME = "api"
_UNTOLD = ("breaks-untold",)


def choose(shown: Shown) -> list[Gate | Off]:
    """Return the gate where there is a release to compare with, and a package that can be imported.

    Raises `UsageError` where `[tool.hephaestus.compatibility]` cannot be used.
    """
    shown.settings.of(_NAME)
    said = settings.read(shown.project)
    if said.packages == () or not (said.packages or layout.names(sorted(shown.paths), shown.project)):
        return [Off(_NAME, "there is no package to import")]
    repository = git.Repository(shown.root)
    found = moment.last(shown)
    if found is None and repository.resolve("HEAD") and repository.is_shallow():
        why = "the history of this clone was cut off, so the last release cannot be seen: git fetch --unshallow --tags"
        return [Gate(_NAME, "a package to import", lambda _bench: Answer(COULD_NOT_RUN, why), history=True)]
    if found is None:
        return [Off(_NAME, "nothing was released yet: no tag of this branch is one of a version")]
    return [Gate(_NAME, f"the last release {found[1]}", lambda bench: _ask(bench, found), history=True)]


def _ask(bench: Bench, previous: tuple[Version, str]) -> Answer:
    """Hold the files against the last release; a version that is released already is not judged, what comes next is."""
    now = moment.of(bench.shown, previous)
    tree = _Files(bench.root, tuple(sorted(bench.shown.paths)))
    version = str(now.version) if now.coming else None
    found = judge(git.discover(bench.root), tree, bench.shown.project, previous, version)
    # A project that keeps no changelog of this form cannot tell in it what breaks; that is no mistake of the version.
    soft = () if now.sections else _UNTOLD
    answer = judged([replace(each, level="warning") if each.rule in soft else each for each in found.findings])
    if found.could_not_run and answer.verdict != FAILED:
        return Answer(COULD_NOT_RUN, found.could_not_run[0], answer.findings)
    if answer.verdict != FAILED or found.proposal is None:
        return answer
    return replace(answer, lines=(f"the next version is {found.proposal}: {found.because}",))


@dataclass(frozen=True)
class _Files:
    """The files of a checkout that git does not ignore, as a tree."""

    root: Path
    listed: Sequence[str]

    def read(self, path: str) -> bytes | None:
        """Return the bytes of a file, or `None` where there is none."""
        try:
            return Directory(self.root).read(path)
        except OSError as error:
            raise HephaestusError(f"{path} cannot be read: {error.strerror}", f"ls -l {shlex.quote(path)}") from error

    def paths(self) -> Sequence[str]:
        """Return the paths of the files, sorted."""
        return self.listed
