"""The step that makes the wheelhouse: the project and all it needs, proven complete, and to install with no network."""

from __future__ import annotations

import json
import logging
import shlex
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from hephaestus import distributions, environments, system
from hephaestus.errors import Problem, UsageError
from hephaestus.git import Commit
from hephaestus.plan import Step
from hephaestus.project import Project
from hephaestus.stage import Stage
from hephaestus.wheelhouse import names, store, target
from hephaestus.wheelhouse.order import Order, needs_the_wheel, order

if TYPE_CHECKING:
    from hephaestus.wheelhouse.assembly import Gathered
    from hephaestus.wheelhouse.index import Indexes
    from hephaestus.wheelhouse.locks import Lock

__all__ = ["Wheelhouse"]

log = logging.getLogger("hephaestus")

# A file of the store that no wheelhouse took for so long is downloaded again, should one need it.
_DAYS_UNUSED = 90


@dataclass(frozen=True)
class Wheelhouse(Step):
    """Gather the wheels of the built project and of all it needs on its targets, pack them, and prove the archive.

    Sdist and wheels are found in `assets`, where the archive, its `.sha256` and a lock that was resolved here go.
    `build` is the step that makes them, where that is still to be done: it runs side by side with the gathering,
    and begins before what gathering needs is even imported.
    """

    name: ClassVar[str] = "wheelhouse"

    stage: Stage
    assets: Path
    project: Project
    version: str
    build: Step | None = None

    def describe(self) -> str:
        """Say which file is made, and for which targets."""
        targets = ", ".join(self.project.wheelhouse.targets) or "this platform"
        packed = names.archive(self.project.normalized, self.version)
        asked = self.project.wheelhouse.targets
        proof = (
            "installed with no network as proof"
            if not asked or str(target.running()) in asked
            else "not installed here"
        )
        return f"{packed} for {targets}, complete, {proof}"

    def check(self) -> Iterable[Problem]:
        """Ask whether the project has the extras and groups it is configured for, and whether its lock can be read."""
        from hephaestus.wheelhouse import locks

        tree = Commit(self.stage.repository, self.stage.revision)
        key = self.project.wheelhouse.sign
        if key is not None and not Path(key).expanduser().is_file():
            yield Problem(f"the key {key} that should sign is not there", f"ls -l {shlex.quote(key)}")
        try:
            self._order()
            locks.find(tree, self.project.document, self.project.wheelhouse.lock)
        except UsageError as error:
            yield Problem(error.message, error.hint or "hephaestus wheelhouse --help")

    def apply(self) -> None:
        """Gather, pack and prove.

        Raises `ChecksFailed` with every wheel that is missing on a target, and `VerificationFailed` where the
        installation does not work.
        """
        if self.build is None and self.stands():
            return
        packed, lock = self.pack()
        self._prove(packed)
        self._keep(packed, lock)
        system.remove(self._work)
        store.default().prune(_DAYS_UNUSED)

    def pack(self) -> tuple[Path, Lock]:
        """Gather and pack, and return the archive that is still to be proven, with the lock it was made by."""
        if not self.stage.ready():
            self.stage.prepare()  # which sweeps the area our work lies in
        system.remove(self._work)
        self._work.mkdir(parents=True)
        asked = self._order()
        with ThreadPoolExecutor(1) as pool:
            gathering = None if needs_the_wheel(self.project) else pool.submit(self._gather, asked)
            if self.build is not None:
                self.build.apply()
            lock, gathered = gathering.result() if gathering else self._gather(asked)
        return self._assemble(asked, lock, gathered), lock

    def stands(self) -> bool:
        """Tell whether the archive made of these very distributions, for the same targets, is there unchanged."""
        try:
            record = json.loads(self._record.read_bytes())
            files = {**record["files"], **record["inputs"]}
            return bool(record["asked"] == self._asked(self._order())) and all(
                system.digest(self.assets / name) == digest for name, digest in files.items()
            )
        except (OSError, ValueError, KeyError):
            return False

    def undo(self) -> None:
        """Forget the archive; it goes with the stage."""
        system.remove(self._record)
        system.remove(self._resolved)

    @property
    def _work(self) -> Path:
        return self.stage.area / "wheelhouse"

    @property
    def _record(self) -> Path:
        return self.stage.area / "wheelhouse.json"

    @property
    def _resolved(self) -> Path:
        return self.stage.area / "wheelhouse-lock.json"

    def _order(self) -> Order:
        return order(self.project, self.version, self.stage.repository, self.stage.revision)

    def _asked(self, asked: Order) -> dict[str, Any]:
        """Return what the archive is made for, as the record keeps it."""
        return {**asked.document, "lock": self.project.wheelhouse.lock, "sign": self.project.wheelhouse.sign}

    def _built(self) -> tuple[Path, list[Path]]:
        return distributions.find(self.assets, self.project.normalized, self.version)

    def _gather(self, asked: Order) -> tuple[Lock, Gathered]:
        from hephaestus.wheelhouse import assembly, index

        indexes = index.configured(self.stage.repository.root)
        lock = self._lock(asked, indexes)
        return lock, assembly.gather(asked, lock, store.default(), indexes)

    def _lock(self, asked: Order, indexes: Indexes) -> Lock:
        """Return the project's lock, or what was resolved when this was tried before: a resumed release is the same."""
        from hephaestus.wheelhouse import locking, locks
        from hephaestus.wheelhouse.locks import pylock

        resolved = None if self.build else _read(self._resolved)
        if resolved is not None and resolved["asked"] == self._asked(asked):
            return pylock.parse(resolved["source"], resolved["lock"].encode(), "hephaestus wheelhouse")
        tree = Commit(self.stage.repository, self.stage.revision)
        lock = locking.lock(asked, self.project, tree, indexes, self._work, lambda: self._built()[1][0])
        if locks.resolved(lock.source):
            told = {"asked": self._asked(asked), "source": lock.source, "lock": lock.data.decode()}
            system.write(self._resolved, json.dumps(told).encode())
        return lock

    def _assemble(self, asked: Order, lock: Lock, gathered: Gathered) -> Path:
        from hephaestus.wheelhouse import assembly

        sdist, wheels = self._built()
        whole = assembly.with_project(gathered, asked, wheels)
        source = {"from": lock.source, "sha256": system.digest_of(lock.data)}
        return assembly.assemble(asked, source, self._sources(whole, wheels), whole, sdist, self._work)

    def _sources(self, gathered: Gathered, wheels: Sequence[Path]) -> dict[str, Path]:
        """Give every wheel its own name in a directory of links to the store."""
        sources = {file.name: file for file in wheels}
        folder, kept = self._work / "wheels", store.default()
        folder.mkdir()
        for name in gathered.wheels.keys() - sources:
            sources[name] = folder / name
            kept.link(gathered.wheels[name].sha256, sources[name])
        return sources

    def _prove(self, packed: Path) -> None:
        """Unpack the archive as a user would, resolve it alone on every target, and install it on this one."""
        from hephaestus.wheelhouse import house
        from hephaestus.wheelhouse.opened import prove

        unpacked = house.unpack(packed, self._work / "unpacked")
        prove(unpacked)
        if target.running() not in unpacked.targets:
            log.info("not installed here: none of its targets is %s", target.running())
            return
        where = "in a namespace without network" if environments.no_network() else "with no index"
        log.info("installing the archive %s", where)
        environment = environments.create(self._work / "proof")
        environment.install_offline(unpacked.root)
        environment.verify(self.project.normalized, self.version, self.project.smoke)

    def _keep(self, packed: Path, lock: Lock) -> None:
        """Put the archive and what goes with it among the assets, and remember what it was made of."""
        from hephaestus import signatures
        from hephaestus.wheelhouse import locks

        summed = packed.with_name(f"{packed.name}.sha256")
        made = [packed, summed]
        key = self.project.wheelhouse.sign
        if key is not None:
            made.append(signatures.sign(summed, Path(key).expanduser()))
        if locks.resolved(lock.source):
            made.append(self._work / names.lock(self.project.normalized))
            system.write(made[-1], lock.data)
        for name in names.assets(self.project.normalized, self.version):
            system.remove(self.assets / name)  # a signature of another archive would be taken for a forged one
        files = {file.name: system.copy(file, self.assets / file.name) for file in made}
        sdist, wheels = self._built()
        inputs = {file.name: system.digest(file) for file in (sdist, *wheels)}
        told = {"asked": self._asked(self._order()), "files": files, "inputs": inputs}
        system.write(self._record, json.dumps(told).encode())


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return dict(json.loads(path.read_bytes()))
    except (OSError, ValueError):
        return None
