# ruff: noqa: INP001  (a script, run by wheelhouse.py)
"""One wheelhouse, made as `hephaestus wheelhouse` makes it, up to the archive and its checksum: without the proof.

    python benchmarks/make_wheelhouse.py PROJECT OUT [--target TARGET]...

The build leaves out `twine check`, which the tools this is compared with do not do either.
"""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from hephaestus import builder, git, project, stage, system
from hephaestus.plan import Step
from hephaestus.tree import Directory
from hephaestus.wheelhouse.step import Wheelhouse


@dataclass(frozen=True)
class Built(Step):
    """The build alone, into a directory."""

    name: ClassVar[str] = "build"

    source: Path
    assets: Path
    epoch: int

    def apply(self) -> None:
        """Build sdist and wheel."""
        self.assets.mkdir(parents=True, exist_ok=True)
        builder.build(self.source, self.assets, self.epoch)


def main() -> None:
    """Make one wheelhouse."""
    parser = argparse.ArgumentParser()
    parser.add_argument("project", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--target", action="append", default=[])
    asked = parser.parse_args()
    repository = git.discover(asked.project)
    base = str(repository.resolve("HEAD"))
    place = stage.Stage(repository, stage.area(repository), base, "main", "benchmark")
    wanted = project.WheelhouseSettings(targets=tuple(asked.target))
    facts = replace(project.load(Directory(repository.root)), wheelhouse=wanted)
    built = Built(place.checkout.root, asked.out, int(repository.line("show", "--no-patch", "--format=%ct", base)))
    made = Wheelhouse(place, asked.out, facts, "1.0.0", built)
    packed, lock = made.pack()
    system.copy(packed, asked.out / packed.name)
    (asked.out / f"pylock.{facts.normalized}.toml").write_bytes(lock.data)


if __name__ == "__main__":
    main()
