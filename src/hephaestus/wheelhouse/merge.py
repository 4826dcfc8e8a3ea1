"""Several wheelhouses of one release, made on several machines, as one."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hephaestus import signatures, system
from hephaestus.errors import UsageError, VerificationFailed
from hephaestus.wheelhouse import assembly, house, locks, names
from hephaestus.wheelhouse.assembly import Gathered
from hephaestus.wheelhouse.house import House
from hephaestus.wheelhouse.locks import File
from hephaestus.wheelhouse.opened import compare
from hephaestus.wheelhouse.order import Order
from hephaestus.wheelhouse.target import Target

__all__ = ["merge"]

# What all of them must say alike, for together they are one release.
_COMMON = ("project", "version", "commit", "tree", "epoch", "extras", "groups", "smoke")


def merge(archives: Sequence[Path], work: Path, out: Path, sign: Path | None = None) -> Path:
    """Make one archive of several, with the targets of all of them, check it as a whole, and return its path.

    `work` is a directory of its own, `sign` the SSH key that signs the checksum, where one shall.
    Raises `UsageError` for less than two archives, and `VerificationFailed` where one is not intact, they are not of
    one release, or two of them hold different bytes under one name.
    """
    if len(archives) < 2:  # noqa: PLR2004  (two is what it takes to merge)
        raise UsageError("one archive is nothing to merge", "hephaestus wheelhouse --merge ONE --merge OTHER")
    try:
        merged = _merged(archives, work)
        out.mkdir(parents=True, exist_ok=True)
        summed = merged.with_name(f"{merged.name}.sha256")
        made = [merged, summed, *([signatures.sign(summed, sign)] if sign else [])]
        for name in names.assets(*names.split(merged.name)):
            system.remove(out / name)  # a signature of another archive would be taken for a forged one
        for path in made:
            system.copy(path, out / path.name)
    except VerificationFailed as error:
        error.hint = error.hint or f"hephaestus wheelhouse diff {shlex.join(map(str, archives[:2]))}"
        raise
    finally:
        system.remove(work)
    return out / merged.name


def _merged(archives: Sequence[Path], work: Path) -> Path:
    system.remove(work)
    for packed in archives:
        compare(packed)
    houses = [house.unpack(packed, work / str(number)) for number, packed in enumerate(archives)]
    _same_release(houses)
    serving, sources, hashes = _united(houses)
    origins = {name: told for each in houses for name, told in each.manifest["wheels"].items()}
    gathered = Gathered({name: File(name, digest) for name, digest in hashes.items()}, serving, origins)
    first = houses[0].manifest
    merged = assembly.assemble(_order(first, tuple(serving)), _lock(houses), sources, gathered, houses[0].sdist, work)
    missing = house.unpack(merged, work / "merged").missing()
    if missing:
        raise VerificationFailed("the merged wheelhouse is not complete:\n" + "\n".join(missing))
    return merged


def _same_release(houses: Sequence[House]) -> None:
    first = houses[0]
    for other in houses[1:]:
        for key in _COMMON:
            if other.manifest.get(key) != first.manifest.get(key):
                raise VerificationFailed(
                    f"the archives are not of one release: their {key} differs"
                    f" ({first.manifest.get(key)!r}, {other.manifest.get(key)!r})"[:400]
                )
        if system.digest(other.sdist) != system.digest(first.sdist):
            raise VerificationFailed(
                f"{first.sdist.name} has other bytes in the second archive, so they were not built alike"
            )


def _lock(houses: Sequence[House]) -> Mapping[str, str]:
    """Return what the manifest says of the lock: of one that all were made by, or that each machine resolved its own.

    Raises `VerificationFailed` where the project's own lock was not the same for all.
    """
    found = {each.manifest["lock"]["sha256"]: each.manifest["lock"] for each in houses}
    if len(found) == 1:
        return dict(houses[0].manifest["lock"])
    if not all(locks.resolved(str(lock["from"])) for lock in found.values()):
        raise VerificationFailed("the archives are not of one release: their locks differ")
    return {"from": "resolved on each machine", "sha256": system.digest_of("".join(sorted(found)).encode())}


def _united(
    houses: Sequence[House],
) -> tuple[dict[Target, tuple[str, ...]], dict[str, Path], dict[str, str]]:
    """Return which files serve each target, where each file is, and its sha256."""
    serving: dict[Target, tuple[str, ...]] = {}
    sources: dict[str, Path] = {}
    hashes: dict[str, str] = {}
    for each in houses:
        for wheel in each.wheels:
            if hashes.setdefault(wheel.file, wheel.sha256) != wheel.sha256:
                raise VerificationFailed(f"{wheel.file} has different bytes in two of the archives")
            sources.setdefault(wheel.file, each.root / "wheels" / wheel.file)
        for target in each.targets:
            found = each.selected(target, each.extras, each.groups)
            files = tuple(sorted(wheel.file for wheel in found.values()))
            if serving.setdefault(target, files) != files:
                raise VerificationFailed(f"two of the archives hold different wheels for {target}")
    return dict(sorted(serving.items())), sources, hashes


def _order(manifest: Mapping[str, Any], targets: tuple[Target, ...]) -> Order:
    return Order(
        project=manifest["project"],
        version=manifest["version"],
        commit=manifest["commit"],
        tree=manifest["tree"],
        epoch=int(manifest["epoch"]),
        targets=targets,
        extras=tuple(manifest["extras"]),
        groups={name: tuple(lines) for name, lines in manifest["groups"].items()},
        smoke=manifest["smoke"],
    )
