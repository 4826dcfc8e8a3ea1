"""Which file serves which target, and which targets a package has no file for."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, NormalizedName, parse_wheel_filename
from packaging.version import Version

from hephaestus import distributions
from hephaestus.errors import HephaestusError, Problem
from hephaestus.wheelhouse.index import Indexes
from hephaestus.wheelhouse.locks import File, Lock, Package
from hephaestus.wheelhouse.target import Target, running

__all__ = ["Choice", "best", "choose", "explain", "packages", "yanked"]

log = logging.getLogger("hephaestus")

_SHOW_TARGETS = "grep -n -A9 'tool.hephaestus' pyproject.toml"
_TOOLS = {"pdm.lock": "pdm add", "poetry.lock": "poetry add", "uv.lock": "uv add"}


@dataclass(frozen=True)
class Choice:
    """What serves one package on one target: a wheel, or an sdist that is to be built, or nothing."""

    target: Target
    package: Package
    wheel: File | None
    sdist: File | None


def packages(
    lock: Lock, targets: Sequence[Target], extras: frozenset[str], groups: frozenset[str]
) -> dict[Target, list[Package]]:
    """Return the packages each target needs, in any of the environments it can have."""
    found: dict[Target, list[Package]] = {}
    for target in targets:
        there: dict[tuple[NormalizedName, Version], Package] = {}
        for environment in target.environments:
            there |= {(each.name, each.version): each for each in lock.packages(environment, extras, groups)}
        found[target] = sorted(there.values(), key=lambda package: (package.name, package.version))
    return found


def choose(wanted: Mapping[Target, Sequence[Package]]) -> list[Choice]:
    """Return the best file of each package for each target, by the order of the target's tags (PEP 425)."""
    chosen = []
    for target, needed in wanted.items():
        ranks = {tag: rank for rank, tag in enumerate(target.tags)}
        for package in needed:
            wheel = best(package.files, ranks)
            chosen.append(Choice(target, package, wheel, None if wheel else _sdist(package, target)))
    return chosen


def _sdist(package: Package, target: Target) -> File | None:
    """Return the sdist, where its wheel can serve a target: here, or anywhere if no wheel of it is for one platform."""
    general = all(file.name.endswith("-any.whl") for file in package.files if file.name.endswith(".whl"))
    if target != running() and not general:
        return None
    return next((file for file in package.files if file.name.endswith((".tar.gz", ".zip"))), None)


def best(files: Iterable[File], ranks: Mapping[Tag, int]) -> File | None:
    """Return the wheel whose tags come first in an order of tags, or `None` where none fits."""
    fitting = [(rank, build, file.name, file) for file in files for rank, build in _rank(file, ranks)]
    return min(fitting)[3] if fitting else None


def _rank(file: File, ranks: Mapping[Tag, int]) -> list[tuple[int, tuple[int, str]]]:
    try:
        _, _, build, tags = parse_wheel_filename(file.name)
    except InvalidWheelFilename:
        return []
    found = [ranks[tag] for tag in tags if tag in ranks]
    # The higher build number is the better one.
    return [(min(found), (-build[0], build[1]) if build else (0, ""))] if found else []


def explain(gaps: Iterable[Choice], lock: Lock, indexes: Indexes, built: Mapping[str, str]) -> list[Problem]:
    """Return a problem for each package without a wheel on some targets, with what can be done about it.

    `built` says for an sdist, by its sha256, which wheel came of it here.
    """
    by_package: dict[tuple[NormalizedName, Version], list[Choice]] = {}
    for gap in gaps:
        by_package.setdefault((gap.package.name, gap.package.version), []).append(gap)
    return [_problem(each, lock, indexes, built) for _, each in sorted(by_package.items())]


def yanked(files: Iterable[File], indexes: Indexes) -> list[str]:
    """Return a line for each file that was yanked from the index (PEP 592), with the reason given there.

    Raises `CouldNotRun` where the index does not answer.
    """
    wanted = {file.sha256: file for file in files}
    projects = sorted({named[0] for file in wanted.values() if (named := distributions.named(file.name))})
    with ThreadPoolExecutor(8) as pool:
        listed = [each for found in pool.map(indexes.files, projects) for each in found]
    return [
        f"{each.file.name} was yanked from the index{f': {each.yanked}' if each.yanked else ''}"
        for each in listed
        if each.yanked is not None and each.file.sha256 in wanted
    ]


def _problem(gaps: Sequence[Choice], lock: Lock, indexes: Indexes, built: Mapping[str, str]) -> Problem:
    name, version = gaps[0].package.name, gaps[0].package.version
    where = ", ".join(str(gap.target) for gap in gaps)
    made = next((built[gap.sdist.sha256] for gap in gaps if gap.sdist and gap.sdist.sha256 in built), None)
    said = f"; built here it is {made}, which serves no other" if made else ""
    older = _older(name, version, [gap.target for gap in gaps], indexes)
    if older is None:
        return Problem(f"{name} {version} has no wheel for {where}{said}; no older version has one", _SHOW_TARGETS)
    advice = f"the newest version that has {'them' if len(gaps) > 1 else 'one'} is {older}"
    return Problem(f"{name} {version} has no wheel for {where}{said}; {advice}", _pin(lock, f"{name}=={older}"))


def _pin(lock: Lock, requirement: str) -> str:
    """Return the command that brings a version into the lock, as its tool has it."""
    tool = _TOOLS.get(lock.source.rpartition("/")[2])
    return f"{tool} {shlex.quote(requirement)}" if tool else f"grep -n dependencies pyproject.toml  # {requirement}"


def _older(name: str, version: Version, targets: Sequence[Target], indexes: Indexes) -> Version | None:
    """Return the newest earlier version with a wheel for every one of the targets, as far as the indexes tell."""
    try:
        listed = [each for each in indexes.files(name) if each.yanked is None and each.version < version]
    except HephaestusError as error:
        log.info("no older versions of %s can be named: %s", name, error.message)
        return None
    ranks = [{tag: rank for rank, tag in enumerate(target.tags)} for target in targets]
    for candidate in sorted({each.version for each in listed if not each.version.is_prerelease}, reverse=True):
        files = [each.file for each in listed if each.version == candidate]
        if all(best(files, order) for order in ranks):
            return candidate
    return None
