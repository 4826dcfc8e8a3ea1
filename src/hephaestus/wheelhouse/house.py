"""A wheelhouse that was unpacked: read, and checked to be one whole that says the same thing everywhere."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.pylock import PackageWheel, Pylock, PylockSelectError, PylockValidationError
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from hephaestus import distributions
from hephaestus.errors import HephaestusError, UsageError, VerificationFailed
from hephaestus.wheelhouse import archive, contents, names, target, wheel
from hephaestus.wheelhouse.closure import Closure, walk
from hephaestus.wheelhouse.contents import Pin
from hephaestus.wheelhouse.target import Target
from hephaestus.wheelhouse.wheel import Wheel

__all__ = ["FORMAT", "House", "enter", "unpack"]

FORMAT = 1

# Far more than there are Pythons and platforms.
_MOST_TARGETS = 256


@dataclass(frozen=True)
class House:
    """An unpacked wheelhouse whose files are those of its checksums, its lock and its manifest.

    `groups` holds the requirements of each dependency group (PEP 735) that was chosen; `targets` are the ones it was
    made for, in order; `pins` are the lines of each requirements file, by its name.
    """

    root: Path
    project: NormalizedName
    version: str
    targets: tuple[Target, ...]
    extras: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]]
    wheels: tuple[Wheel, ...]
    pins: Mapping[str, Sequence[Pin]]
    sdist: Path
    lock: Pylock
    manifest: Mapping[str, Any]

    @property
    def smoke(self) -> str | None:
        """The project's own command that shows it works, where it is one of the programs it installs."""
        said = self.manifest.get("smoke")
        own = {script for each in self.wheels if each.name == self.project for script in each.scripts}
        return said if isinstance(said, str) and said.split(maxsplit=1)[:1] and said.split()[0] in own else None

    def selected(
        self, where: Target, extras: Iterable[str] = (), groups: Iterable[str] = ()
    ) -> dict[NormalizedName, Wheel]:
        """Return the wheel of each package that an installer of pylock.toml takes on a target.

        Raises `VerificationFailed` where the lock has nothing for the target, or two different wheels of one package.
        """
        by_file = {each.file: each for each in self.wheels}
        found: dict[NormalizedName, Wheel] = {}
        for environment in where.environments:
            try:
                chosen = list(
                    self.lock.select(
                        environment=environment,  # type: ignore[arg-type]  # a plain dict of the same keys
                        tags=where.installable,
                        extras=set(extras),
                        dependency_groups=set(groups),
                    )
                )
            except (PylockSelectError, ValueError) as error:
                raise VerificationFailed(f"the {names.LOCK} does not serve {where}: {error}") from error
            for package, file in chosen:
                assert isinstance(file, PackageWheel)  # `_agree` lets no other in
                mine = by_file[Path(str(file.path)).name]
                if found.setdefault(package.name, mine) != mine:
                    raise VerificationFailed(f"the {names.LOCK} has two wheels of {package.name} for {where}")
        return found

    def closure(self, where: Target, extras: Iterable[str] = (), groups: Iterable[str] = ()) -> Closure:
        """Walk over all that the project needs on a target, with some of its extras and groups."""
        roots = [self.root_requirement(extras), *(Requirement(line) for name in groups for line in self.groups[name])]
        return walk(self.selected(where, extras, groups), where, roots)

    def root_requirement(self, extras: Iterable[str] = ()) -> Requirement:
        """Return the requirement of exactly this project, with extras."""
        chosen = ",".join(extras)
        return Requirement(f"{self.project}{f'[{chosen}]' if chosen else ''}=={self.version}")

    def missing(self) -> list[str]:
        """Return what is missing or unfit on any target, with nothing chosen and with everything chosen."""
        found: dict[str, None] = {}
        for where in self.targets:
            for extras, groups in dict.fromkeys((((), ()), (self.extras, tuple(self.groups)))):
                found |= dict.fromkeys(self.closure(where, extras, groups).problems)
            found |= dict.fromkeys(self._unlike(where))
        return list(found)

    def _unlike(self, where: Target) -> Iterator[str]:
        """Yield the requirements files that install something else on a target than the lock does."""
        asked: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = [(names.REQUIREMENTS, (), ())]
        asked += [(names.requirements(name), (name,), ()) for name in self.extras]
        asked += [(names.requirements(None, name), (), (name,)) for name in self.groups]
        for file, extras, groups in asked:
            held = {
                (pin.name, pin.version)
                for pin in self.pins[file]
                if pin.marker is None or any(pin.marker.evaluate(each) for each in where.environments)
            }
            locked = {(each.name, each.version) for each in self.selected(where, extras, groups).values()}
            if held != locked:
                yield f"{file} does not install on {where} what the {names.LOCK} does"


def unpack(packed: Path, into: Path) -> House:
    """Unpack an archive into a new directory and enter it.

    Raises `VerificationFailed`, with nothing left behind, where anything is not as it should be.
    """
    from hephaestus import system

    root = archive.unpack(packed, into)
    try:
        return enter(root)
    except HephaestusError:
        system.remove(into)
        raise


def enter(root: Path) -> House:
    """Read an unpacked wheelhouse whose files have been compared with its checksums.

    Raises `VerificationFailed` where manifest, lock, requirements and files do not agree, or a wheel is not
    what its name says.
    """
    try:
        return _enter(root)
    except UsageError as error:
        raise VerificationFailed(f"{root.name} is no wheelhouse that can be read: {error.message}"[:400]) from error
    except (OSError, KeyError, TypeError, ValueError, AttributeError, InvalidRequirement, RecursionError) as error:
        raise VerificationFailed(f"{root.name} is no wheelhouse that can be read: {error!r}"[:400]) from error


def _enter(root: Path) -> House:
    manifest = json.loads((root / names.MANIFEST).read_bytes())
    if manifest["format"] != FORMAT:
        raise VerificationFailed(f"{root.name} has format {manifest['format']!r}, and only {FORMAT} is known here")
    project, version = names.split(root.name)
    if (manifest["project"], manifest["version"]) != (project, version):
        raise VerificationFailed(f"{root.name} says in its {names.MANIFEST} that it is of another project or version")
    sums = _sums(root)
    wheels = tuple(wheel.read(path, sums[f"wheels/{path.name}"]) for path in sorted((root / "wheels").iterdir()))
    lock = _lock(root)
    extras, groups = _chosen(manifest)
    targets = tuple(target.parse(str(text)) for text in manifest["targets"])
    if not 0 < len(targets) <= _MOST_TARGETS:
        raise VerificationFailed(f"{root.name} says of no or of too many targets that it is made for them")
    _agree(root, manifest, wheels, lock, sums)
    name = canonicalize_name(project)
    if not any((each.name, each.version) == (name, Version(version)) for each in wheels):
        raise VerificationFailed(f"{root.name} holds no wheel of {project} {version}")
    return House(
        root=root,
        project=name,
        version=version,
        targets=targets,
        extras=extras,
        groups=groups,
        wheels=wheels,
        pins=_pins(root, extras, groups, wheels),
        sdist=distributions.find_sdist(root / "sdist", name, version),
        lock=lock,
        manifest=manifest,
    )


def _chosen(manifest: Mapping[str, Any]) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """Return the extras and the groups a manifest names, with what the groups require."""
    extras = tuple(canonicalize_name(extra, validate=True) for extra in manifest["extras"])
    groups = {
        str(canonicalize_name(name, validate=True)): tuple(str(Requirement(line)) for line in lines)
        for name, lines in manifest["groups"].items()
    }
    if list(extras) != manifest["extras"] or list(groups) != list(manifest["groups"]):
        raise VerificationFailed(f"the {names.MANIFEST} names extras or groups that are not normalised")
    return extras, groups


def _sums(root: Path) -> dict[str, str]:
    lines = (root / names.SUMS).read_text(encoding="utf-8").splitlines()
    return {path: digest for digest, path in (line.split("  ", 1) for line in lines)}


def _lock(root: Path) -> Pylock:
    try:
        return Pylock.from_dict(tomllib.loads((root / names.LOCK).read_text(encoding="utf-8")))
    except (PylockValidationError, tomllib.TOMLDecodeError) as error:
        raise VerificationFailed(f"the {names.LOCK} of {root.name} is not valid: {error}") from error


def _agree(
    root: Path, manifest: Mapping[str, Any], wheels: Iterable[Wheel], lock: Pylock, sums: Mapping[str, str]
) -> None:
    """Compare the four lists of wheels there are: files, manifest, lock, requirements."""
    files = {each.file: each.sha256 for each in wheels}
    if set(manifest["wheels"]) != set(files):
        raise VerificationFailed(f"the wheels of {root.name} are not those of its {names.MANIFEST}")
    locked = {}
    for package in lock.packages:
        if not package.wheels or package.sdist or package.vcs or package.directory or package.archive:
            raise VerificationFailed(f"{package.name} in the {names.LOCK} of {root.name} is no plain wheel")
        for each in package.wheels:
            name = Path(str(each.path)).name
            if str(each.path) != f"wheels/{name}" or each.url:
                raise VerificationFailed(f"the {names.LOCK} of {root.name} points to {each.path!r}, not into wheels")
            locked[name] = each.hashes.get("sha256")
    if locked != files or any(sums.get(f"wheels/{name}") != digest for name, digest in files.items()):
        raise VerificationFailed(f"the wheels of {root.name} are not those of its {names.LOCK}")
    by_name = {(each.name, str(each.version)) for each in wheels}
    if any((package.name, str(package.version)) not in by_name for package in lock.packages):
        raise VerificationFailed(f"the {names.LOCK} of {root.name} has versions that its wheels are not")


def _pins(root: Path, extras: Iterable[str], groups: Iterable[str], wheels: Iterable[Wheel]) -> dict[str, list[Pin]]:
    """Return what each requirements file pins, by its name: one for each extra and group, and one for none of them.

    Each pin must allow exactly the wheels of its version, and together they must name every wheel.
    """
    there: dict[tuple[NormalizedName, Version], set[str]] = {}
    for each in wheels:
        there.setdefault((each.name, each.version), set()).add(each.sha256)
    files = [names.REQUIREMENTS, *map(names.requirements, extras)]
    files += [names.requirements(None, group) for group in groups]
    found = {file: contents.pins((root / file).read_bytes()) for file in files}
    pinned = {(pin.name, pin.version) for pins in found.values() for pin in pins}
    wrong = [
        pin for pins in found.values() for pin in pins if there.get((pin.name, pin.version), set()) != set(pin.hashes)
    ]
    if wrong or pinned != set(there) or set(found) != {path.name for path in root.glob("requirements*")}:
        raise VerificationFailed(f"the wheels of {root.name} are not those of its {names.REQUIREMENTS}")
    return found
