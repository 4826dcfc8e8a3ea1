"""The step that builds sdist and wheel from the release commit alone."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from packaging.utils import canonicalize_name
from packaging.version import Version

from hephaestus import builder, distributions, system
from hephaestus.errors import CommandFailed, Problem, VerificationFailed
from hephaestus.plan import Step
from hephaestus.stage import Stage
from hephaestus.wheelhouse import index, names

__all__ = ["Build"]


@dataclass(frozen=True)
class Build(Step):
    """Build the distributions of a commit into `assets`, with the commit's time as SOURCE_DATE_EPOCH.

    The checkout is first brought to exactly the files of the commit, so nothing a tool left behind gets in.
    """

    name: ClassVar[str] = "build"

    stage: Stage
    assets: Path
    project: str
    version: str

    def describe(self) -> str:
        """Say what is built."""
        return f"sdist and wheel of {self.project} {self.version} from the commit alone, metadata checked"

    def check(self) -> Iterable[Problem]:
        """Ask for the tool that checks the metadata."""
        if system.run([sys.executable, "-m", "twine", "--version"], check=False).code:
            yield Problem("twine cannot be started", f"{sys.executable} -m pip install twine")

    def apply(self) -> None:
        """Build, check the metadata as an index would, and put the files among the assets.

        Raises `CommandFailed` where the build fails and `VerificationFailed` where it gives another name or version.
        """
        if self.stands():
            return
        self.stage.reset(self.stage.revision)
        out = self.stage.area / "built"
        system.remove(out)
        self._build(out)
        files = sorted(out.iterdir())
        self._examine(files)
        if self.assets == self.stage.assets:
            system.remove(self.assets)  # what else lies there is none of ours
        self.assets.mkdir(parents=True, exist_ok=True)
        hashes = {file.name: system.copy(file, self.assets / file.name) for file in files}
        system.write(self._record, json.dumps({"commit": self.stage.revision, "files": hashes}).encode())
        system.remove(out)

    def stands(self) -> bool:
        """Tell whether the files built from this commit are all there, unchanged, and none beside them."""
        try:
            record = json.loads(self._record.read_bytes())
            known = {*record["files"], *names.assets(self.project, self.version)}
            return (
                record["commit"] == self.stage.revision
                and known.issuperset(file.name for file in self.assets.iterdir())
                and all(system.digest(self.assets / name) == digest for name, digest in record["files"].items())
            )
        except (OSError, ValueError):
            return False

    def undo(self) -> None:
        """Forget what was built; the files go with the stage."""
        system.remove(self._record)

    @property
    def _record(self) -> Path:
        return self.stage.area / "built.json"

    def _build(self, out: Path) -> None:
        time = self.stage.repository.line(
            "show", "--no-show-signature", "--no-patch", "--format=%ct", self.stage.revision
        )
        indexes = index.configured(self.stage.checkout.root)
        builder.build(self.stage.checkout.root, out, int(time), indexes=indexes)

    def _examine(self, files: list[Path]) -> None:
        wanted = (canonicalize_name(self.project), Version(self.version))
        for file in files:
            if distributions.named(file.name) != wanted:
                raise VerificationFailed(
                    f"the build made {file.name}, which is not {self.project} {self.version}",
                    f"grep -nE '^(name|version|dynamic)' {shlex.quote(str(self.stage.checkout.root))}/pyproject.toml",
                )
        try:
            system.run([sys.executable, "-m", "twine", "--no-color", "check", "--strict", *files])
        except CommandFailed as error:
            # What is missing is most often a readme, without which an index shows an empty page.
            raise CommandFailed(error.message, "grep -n -E 'readme|description|license' pyproject.toml") from error
