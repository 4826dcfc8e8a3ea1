"""The step that makes the wheelhouse: the project and all it needs, proven to install with no network."""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from packaging.utils import parse_wheel_filename

from hephaestus import archive, distributions, environments, system
from hephaestus.plan import Step

__all__ = ["Wheelhouse"]

log = logging.getLogger("hephaestus")

_README = """\
{name} {version}: everything needed to install it with no network, for the platform it was made on.

    sha256sum -c SHA256SUMS
    python -m venv {name}-env
    {name}-env/bin/python -m pip install --no-index --find-links wheels --require-hashes -r requirements.txt
"""


@dataclass(frozen=True)
class Wheelhouse(Step):
    """Gather the wheels of the built project and of all it needs on this platform, prove and pack them.

    `work` is a directory of its own; the archive and its `.sha256` go to `assets`, where sdist and wheel are.
    """

    name: ClassVar[str] = "wheelhouse"

    work: Path
    assets: Path
    project: str
    version: str
    smoke: str | None

    def describe(self) -> str:
        """Say which file is made."""
        return f"{archive.name(self.project, self.version)} for this platform, installed with no network as proof"

    def apply(self) -> None:
        """Gather, prove and pack.

        Raises `CommandFailed` where a dependency has no wheel and cannot be built, and `VerificationFailed`
        where the installation does not work.
        """
        if self.stands():
            return
        system.remove(self.work)
        house = self.work / f"{self.project}-{self.version}-wheelhouse"
        sdist, wheels = distributions.find(self.assets, self.project, self.version)
        self._gather(house, sdist, wheels)
        packed = self.work / archive.name(self.project, self.version)
        archive.pack(house, packed)
        self._prove(packed)
        digest = system.copy(packed, self.assets / packed.name)
        system.write(self.assets / f"{packed.name}.sha256", f"{digest}  {packed.name}\n".encode())
        inputs = {file.name: system.digest(file) for file in (sdist, *wheels)}
        system.write(self._record, json.dumps({"archive": digest, "inputs": inputs}).encode())
        system.remove(self.work)

    def stands(self) -> bool:
        """Tell whether the archive made of these very distributions is there, unchanged."""
        try:
            record = json.loads(self._record.read_bytes())
            files = {archive.name(self.project, self.version): record["archive"], **record["inputs"]}
            return all(system.digest(self.assets / name) == digest for name, digest in files.items())
        except (OSError, ValueError, KeyError):
            return False

    def undo(self) -> None:
        """Forget the archive; it goes with the stage."""
        system.remove(self._record)

    @property
    def _record(self) -> Path:
        return self.work.with_suffix(".json")

    def _gather(self, house: Path, sdist: Path, wheels: list[Path]) -> None:
        (house / "wheels").mkdir(parents=True)
        (house / "sdist").mkdir()
        shutil.copy2(sdist, house / "sdist")
        log.info("gathering the wheels of all dependencies")
        gatherer = environments.create(self.work / "gather")
        gatherer.pip("wheel", "--quiet", "--wheel-dir", house / "wheels", _fitting(wheels))
        found = sorted((house / "wheels").iterdir())
        lines = (_requirement(wheel) for wheel in found)
        (house / "requirements.txt").write_text("".join(sorted(lines)), encoding="utf-8")
        (house / "README.txt").write_text(_README.format(name=self.project, version=self.version), encoding="utf-8")
        (house / archive.SUMS).write_text(archive.sums(house), encoding="utf-8")
        log.info("%d wheels", len(found))

    def _prove(self, packed: Path) -> None:
        where = "in a namespace without network" if environments.no_network() else "with no index"
        log.info("installing the archive %s", where)
        house = archive.extract(packed, self.work / "unpacked")
        environment = environments.create(self.work / "proof")
        environment.install_offline(house)
        environment.verify(self.project, self.version, self.smoke)


def _fitting(wheels: list[Path]) -> Path:
    """Return the wheel for this interpreter: the only one, or the one whose tags pip would choose."""
    from packaging.tags import sys_tags

    ranks = {tag: rank for rank, tag in enumerate(sys_tags())}
    return min(wheels, key=lambda wheel: min(ranks.get(tag, len(ranks)) for tag in parse_wheel_filename(wheel.name)[3]))


def _requirement(wheel: Path) -> str:
    name, version = parse_wheel_filename(wheel.name)[:2]
    return f"{name}=={version} --hash=sha256:{system.digest(wheel)}\n"
