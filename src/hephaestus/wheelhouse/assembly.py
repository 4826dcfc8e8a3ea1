"""The line a wheelhouse is made on: what is locked, which file serves whom, fetched, built, complete, written."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, parse_wheel_filename
from packaging.version import Version

from hephaestus import __version__, system
from hephaestus.errors import ChecksFailed, CouldNotRun, Problem
from hephaestus.wheelhouse import archive, choose, contents, fetch, locks, names, sdists, wheel
from hephaestus.wheelhouse.choose import Choice
from hephaestus.wheelhouse.closure import walk
from hephaestus.wheelhouse.contents import Place
from hephaestus.wheelhouse.index import Indexes
from hephaestus.wheelhouse.locks import File, Lock, Package
from hephaestus.wheelhouse.order import Order
from hephaestus.wheelhouse.sbom import sbom
from hephaestus.wheelhouse.store import Store
from hephaestus.wheelhouse.target import Target
from hephaestus.wheelhouse.wheel import Wheel

__all__ = ["Gathered", "assemble", "gather", "with_project"]

log = logging.getLogger("hephaestus")

_SHOW_NEEDS = "grep -n -A20 dependencies pyproject.toml"


@dataclass(frozen=True)
class Gathered:
    """The wheels of all dependencies by file name: which ones serve a target, and where each comes from."""

    wheels: Mapping[str, File]
    serving: Mapping[Target, tuple[str, ...]]
    origins: Mapping[str, Mapping[str, Any]]


def gather(order: Order, lock: Lock, store: Store, indexes: Indexes) -> Gathered:
    """Bring the wheels of all locked dependencies into the store: downloaded and verified, or built here.

    Raises `ChecksFailed` with every package that has no wheel for a target.
    """
    wanted = choose.packages(lock, order.targets, frozenset(order.extras), frozenset(order.groups))
    others = {where: [each for each in found if each.name != order.project] for where, found in wanted.items()}
    choices = choose.choose(_named(others, indexes))
    _refuse([choice for choice in choices if not choice.wheel and not choice.sdist], lock, indexes, {})
    files = {file.name: file for choice in choices for file in (choice.wheel, choice.sdist) if file}
    log.info("%s, %s", _count(len(files), "file"), _count(len(order.targets), "target"))
    _fetch(list(files.values()), lock, store, indexes)
    built = _build({choice.sdist.name: choice.sdist for choice in choices if choice.sdist}, store, indexes)
    return _served(order, choices, built, lock, indexes)


def with_project(gathered: Gathered, order: Order, wheels: Sequence[Path]) -> Gathered:
    """Add the wheels of the project itself, the best one for each target.

    Raises `ChecksFailed` with the targets none of them serves.
    """
    own = [File(path.name, system.digest(path)) for path in wheels]
    project = Package(*order.package, tuple(own))
    choices = choose.choose({target: [project] for target in order.targets})
    problems = [_unserved(choice.target, wheels) for choice in choices if choice.wheel is None]
    if problems:
        raise ChecksFailed(problems)
    serving = {choice.target: choice.wheel.name for choice in choices if choice.wheel}
    return Gathered(
        {**gathered.wheels, **{file.name: file for file in own}},
        {target: (*gathered.serving[target], name) for target, name in serving.items()},
        {**gathered.origins, **{file.name: {"origin": "project"} for file in own}},
    )


def assemble(  # noqa: PLR0913, PLR0917  (what an archive is made of, each by its name)
    order: Order, lock: Mapping[str, str], sources: Mapping[str, Path], gathered: Gathered, sdist: Path, out: Path
) -> Path:
    """Write the archive of wheels that were gathered and built, and its `.sha256` beside it, and return its path.

    `sources` has the file of every wheel; `lock` says where the lock came from, and its sha256.
    Raises `ChecksFailed` with everything that is missing or unfit on a target.
    """
    wheels = {name: wheel.read(path, gathered.wheels[name].sha256) for name, path in sorted(sources.items())}
    places, graph = _places(order, gathered.serving, wheels)
    kept = {each.file for place in places for each in place.wheels}
    for name in sorted(set(wheels) - kept):
        log.info("%s is locked, but needed by nothing", name)
    chosen = order.targets, order.extras, tuple(order.groups)
    texts = {
        names.LOCK: contents.pylock(places, *chosen),
        names.MANIFEST: contents.manifest(_facts(order, lock, gathered, kept)),
        names.README: contents.readme(order.project, order.version, *chosen),
        names.REQUIREMENTS: contents.requirements(places, order.targets),
        names.SBOM: sbom(order.package, order.commit, order.epoch, places, graph),
        **{names.requirements(each): contents.requirements(places, order.targets, each) for each in order.extras},
        **{
            names.requirements(None, each): contents.requirements(places, order.targets, None, each)
            for each in order.groups
        },
    }
    files = {f"wheels/{name}": (sources[name], wheels[name].sha256) for name in sorted(kept)}
    files[f"sdist/{sdist.name}"] = (sdist, system.digest(sdist))
    return _write(order, texts, files, out)


def _named(wanted: Mapping[Target, Sequence[Package]], indexes: Indexes) -> dict[Target, list[Package]]:
    """Give a name to each file that is known by its hash alone, as an index tells it."""
    nameless = {each.name for found in wanted.values() for each in found if any(not file.name for file in each.files)}
    with ThreadPoolExecutor(8) as pool:
        listed = dict(zip(nameless, pool.map(indexes.files, nameless), strict=True))
    by_hash = {each.file.sha256: each.file for found in listed.values() for each in found}
    return {
        target: [
            replace(each, files=tuple(file if file.name else by_hash.get(file.sha256, file) for file in each.files))
            for each in found
        ]
        for target, found in wanted.items()
    }


def _build(found: Mapping[str, File], store: Store, indexes: Indexes) -> dict[str, sdists.Made]:
    """Build the wheel of each sdist on this machine, two at a time, and return it by the sdist's sha256."""
    with ThreadPoolExecutor(2) as pool:
        made = pool.map(lambda file: sdists.build(store, file, indexes=indexes), found.values())
        return dict(zip((file.sha256 for file in found.values()), made, strict=True))


def _fetch(files: Sequence[File], lock: Lock, store: Store, indexes: Indexes) -> None:
    """Download what is not here, and ask meanwhile whether any of it was yanked since somebody else locked it."""
    new = [] if locks.resolved(lock.source) else [each for each in files if not store.holds(each.sha256)]
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(choose.yanked, new, indexes)
        fetch.fetch(files, store, indexes)
    try:
        for line in asked.result():
            log.warning("%s, and %s has it", line, lock.source)
    except CouldNotRun as error:
        log.warning("whether a file was yanked could not be asked: %s", error.message)


def _served(
    order: Order, choices: Sequence[Choice], built: Mapping[str, sdists.Made], lock: Lock, indexes: Indexes
) -> Gathered:
    wheels: dict[str, File] = {}
    serving: dict[Target, list[str]] = {target: [] for target in order.targets}
    origins: dict[str, Mapping[str, Any]] = {}
    gaps = []
    for choice in choices:
        made = built[choice.sdist.sha256] if choice.sdist else None
        file = made.wheel if made else choice.wheel
        assert file is not None  # `gather` has refused what has neither
        if made and parse_wheel_filename(file.name)[3].isdisjoint(choice.target.tags):
            gaps.append(choice)
            continue
        wheels[file.name] = file
        serving[choice.target].append(file.name)
        origins[file.name] = {"origin": "built", "builder": made.builder} if made else {"origin": "index"}
    _refuse(gaps, lock, indexes, {digest: made.wheel.name for digest, made in built.items()})
    return Gathered(wheels, {target: tuple(found) for target, found in serving.items()}, origins)


def _refuse(gaps: Sequence[Choice], lock: Lock, indexes: Indexes, built: Mapping[str, str]) -> None:
    if gaps:
        raise ChecksFailed(choose.explain(gaps, lock, indexes, built))


def _places(
    order: Order, serving: Mapping[Target, Iterable[str]], wheels: Mapping[str, Wheel]
) -> tuple[list[Place], dict[tuple[NormalizedName, Version], frozenset[tuple[NormalizedName, Version]]]]:
    """Walk over what the project needs on each target, and return what was reached with who needs whom."""
    asked = [("", ()), *(("extra", (each,)) for each in order.extras), *(("group", (each,)) for each in order.groups)]
    reached: dict[tuple[NormalizedName, Version], dict[tuple[str, ...], set[Target]]] = {}
    used: dict[tuple[NormalizedName, Version], set[str]] = {}
    graph: dict[tuple[NormalizedName, Version], set[tuple[NormalizedName, Version]]] = {}
    problems: dict[str, None] = {}
    for target in order.targets:
        there = _one_of_each(target, [wheels[name] for name in serving[target]], problems)
        for kind, chosen in asked:
            closure = walk(there, target, _roots(order, kind, chosen))
            problems |= dict.fromkeys(closure.problems)
            for name, needs in closure.needs.items():
                key = name, there[name].version
                reached.setdefault(key, {}).setdefault((kind, *chosen), set()).add(target)
                used.setdefault(key, set()).add(there[name].file)
                graph.setdefault(key, set()).update((each, there[each].version) for each in needs)
    if problems:
        raise ChecksFailed([Problem(said, _SHOW_NEEDS) for said in problems])
    places = [_place(key, reached[key], [wheels[file] for file in sorted(used[key])]) for key in sorted(reached)]
    return places, {key: frozenset(needs) for key, needs in graph.items()}


def _one_of_each(target: Target, found: Iterable[Wheel], problems: dict[str, None]) -> dict[NormalizedName, Wheel]:
    there: dict[NormalizedName, Wheel] = {}
    for each in found:
        other = there.setdefault(each.name, each)
        if other.version != each.version:
            problems[f"{each.name} is locked as {other.version} and as {each.version} for {target}"] = None
    return there


def _roots(order: Order, kind: str, chosen: tuple[str, ...]) -> list[Requirement]:
    extras = f"[{','.join(chosen)}]" if kind == "extra" else ""
    groups = [Requirement(line) for name in chosen for line in order.groups[name]] if kind == "group" else []
    return [Requirement(f"{order.project}{extras}=={order.version}"), *groups]


def _place(
    key: tuple[NormalizedName, Version], reached: Mapping[tuple[str, ...], set[Target]], wheels: Iterable[Wheel]
) -> Place:
    chosen = {
        kind: {each[1]: frozenset(on) for each, on in reached.items() if each[0] == kind} for kind in ("extra", "group")
    }
    return Place(*key, tuple(wheels), frozenset(reached.get(("",), ())), chosen["extra"], chosen["group"])


def _facts(order: Order, lock: Mapping[str, str], gathered: Gathered, kept: Iterable[str]) -> dict[str, Any]:
    return {
        "format": 1,
        **order.document,
        "lock": dict(lock),
        "made_with": {"hephaestus": __version__},
        "wheels": {name: dict(gathered.origins[name]) for name in kept},
    }


def _write(order: Order, texts: Mapping[str, bytes], files: Mapping[str, tuple[Path, str]], out: Path) -> Path:
    sums = {path: hashlib.sha256(data).hexdigest() for path, data in texts.items()}
    sums |= {path: digest for path, (_, digest) in files.items()}
    listed = "".join(f"{digest}  {path}\n" for path, digest in sorted(sums.items()))
    members: list[tuple[str, bytes | Path]] = [(names.SUMS, listed.encode()), *texts.items()]
    members += [(path, file) for path, (file, _) in files.items()]
    log.info("writing %s", _count(len(files), "file"))
    packed = out / names.archive(order.project, order.version)
    digest = archive.write(names.folder(order.project, order.version), members, packed, sums)
    system.write(packed.with_name(f"{packed.name}.sha256"), f"{digest}  {packed.name}\n".encode())
    return packed


def _unserved(target: Target, wheels: Sequence[Path]) -> Problem:
    made = ", ".join(path.name for path in wheels)
    return Problem(
        f"the project's own {made} cannot be installed on {target}; build it there, and merge what is made there",
        "hephaestus wheelhouse --merge MADE-HERE.tar.gz --merge MADE-THERE.tar.gz",
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
