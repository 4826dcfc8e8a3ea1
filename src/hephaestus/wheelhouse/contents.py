"""What lies in a wheelhouse beside the wheels: lock, requirements, manifest and the lines that install it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from hephaestus.wheelhouse import names
from hephaestus.wheelhouse.target import Target
from hephaestus.wheelhouse.wheel import Wheel

__all__ = ["Pin", "Place", "manifest", "marker", "pins", "pylock", "readme", "requirements"]


_INSTALL = "-m pip install --no-index --find-links wheels --require-hashes -r requirements.txt"
_POSIX = f"""\
    sha256sum -c SHA256SUMS
    python -m venv {{project}}-env
    {{project}}-env/bin/python {_INSTALL}

"""
# There is no sha256sum; every Python has hashlib.
_CHECK = (
    "import hashlib as h; from pathlib import Path as P; assert all(h.sha256(P(n).read_bytes()).hexdigest() == d"
    " for d, n in (x.split('  ') for x in P('SHA256SUMS').read_text().splitlines()))"
)
_WINDOWS = f"""\
On Windows:

    py -c "{_CHECK}"
    py -m venv {{project}}-env
    {{project}}-env\\Scripts\\python {_INSTALL}

"""
_UV = (
    "The same with uv: uv pip install --offline --no-index --find-links wheels --require-hashes -r requirements.txt\n\n"
)

_PIN = re.compile(r"(?P<requirement>[^#\s][^#]*?)(?P<hashes>(?: --hash=sha256:[0-9a-f]{64})+)")


@dataclass(frozen=True)
class Place:
    """The wheels of one version of a package, and where it is needed.

    `plain` are the targets that need it with nothing chosen, `extras` and `groups` those that need it with one of them.
    """

    name: NormalizedName
    version: Version
    wheels: tuple[Wheel, ...]
    plain: frozenset[Target]
    extras: Mapping[str, frozenset[Target]]
    groups: Mapping[str, frozenset[Target]]

    @property
    def targets(self) -> frozenset[Target]:
        """All targets that need it, with everything chosen."""
        return self.plain.union(*self.extras.values(), *self.groups.values())


@dataclass(frozen=True)
class Pin:
    """One line of a requirements file: a version, where it is needed, and the sha256 of each wheel it may be."""

    name: NormalizedName
    version: Version
    marker: Marker | None
    hashes: frozenset[str]


def marker(some: Iterable[Target], all_of_them: Sequence[Target]) -> str:
    """Return a marker (PEP 508) that holds on some of the targets and on none of the others; empty for all.

    Targets that differ in their C library alone are one to a marker.
    """
    wanted = {_facts(target) for target in some}
    there = {_facts(target) for target in all_of_them}
    if wanted == there:
        return ""
    pythons = sorted({facts[0] for facts in wanted}, key=_number)
    platforms = sorted({facts[1:] for facts in wanted})
    if wanted == {facts for facts in there if facts[0] in pythons and facts[1:] in platforms}:
        return " and ".join(part for part in (_versions(pythons, there), _platforms(platforms, there)) if part)
    return _any(
        f"{_versions([python], set())} and {_platforms([platform], set())}"
        for python, *platform in sorted(wanted, key=lambda facts: (_number(facts[0]), facts))
    )


def pylock(places: Sequence[Place], targets: Sequence[Target], extras: Iterable[str], groups: Iterable[str]) -> bytes:
    """Return a lock file (PEP 751) over the wheels, each by its path in the wheelhouse, its size and its sha256."""
    import tomli_w

    environments = sorted({marker([each], []) for each in targets})
    document: dict[str, Any] = {
        "lock-version": "1.0",
        "environments": environments,
        "extras": sorted(extras),
        "dependency-groups": sorted(groups),
        "default-groups": [],
        "created-by": "hephaestus",
        "packages": [_package(place, targets) for place in places],
    }
    kept = {key: value for key, value in document.items() if value or key == "packages"}
    return tomli_w.dumps(kept).encode()


def requirements(
    places: Iterable[Place], targets: Sequence[Target], extra: str | None = None, group: str | None = None
) -> bytes:
    """Return the same as a requirements file with hashes: all that is needed plainly, and with one extra or group."""
    lines = []
    for place in places:
        chosen = place.extras.get(str(extra), frozenset()) if extra else frozenset()
        chosen |= place.groups.get(str(group), frozenset()) if group else frozenset()
        needed = place.plain | chosen
        if not needed:
            continue
        where = marker(needed, targets)
        hashes = [f"    --hash=sha256:{digest}" for digest in sorted({each.sha256 for each in place.wheels})]
        pin = f"{place.name}=={place.version}{f' ; {where}' if where else ''}"
        lines.append(" \\\n".join([pin, *hashes]))
    return ("\n".join(lines) + "\n").encode()


def pins(data: bytes) -> list[Pin]:
    """Read what `requirements` writes, and nothing else: no comment, no option, no URL.

    Raises `ValueError` for any other line.
    """
    lines = data.decode().replace(" \\\n    --hash", " --hash").splitlines()
    return [_pin(line) for line in lines]


def _pin(line: str) -> Pin:
    found = _PIN.fullmatch(line)
    if found is None:
        raise ValueError(f"{line[:80]!r} is no requirement with its hashes")
    requirement = Requirement(found["requirement"])
    (specifier,) = requirement.specifier
    if requirement.url or requirement.extras or specifier.operator != "==" or "*" in specifier.version:
        raise ValueError(f"{line[:80]!r} pins no version")
    hashes = frozenset(word.removeprefix("--hash=sha256:") for word in found["hashes"].split())
    return Pin(canonicalize_name(requirement.name), Version(specifier.version), requirement.marker, hashes)


def readme(
    project: str, version: str, targets: Sequence[Target], extras: Iterable[str], groups: Iterable[str]
) -> bytes:
    """Return the text that says what this is and gives the three lines that check and install it."""
    files = [(f"With the extra {name}", names.requirements(name)) for name in extras]
    files += [(f"With the group {name}", names.requirements(None, name)) for name in groups]
    served = "\n".join(f"  {target}" for target in targets)
    windows = [target for target in targets if target.marker["sys_platform"] == "win32"]
    lines = [*([_POSIX] if len(windows) < len(targets) else []), *([_WINDOWS] if windows else [])]
    text = f"{project} {version} and all it needs, to be installed with no network on\n\n{served}\n\n"
    text += "\n".join(each.format(project=project) for each in lines)
    text += _UV + "".join(f"{what}: {file} in place of {names.REQUIREMENTS}.\n" for what, file in files)
    return text.encode()


def manifest(facts: Mapping[str, Any]) -> bytes:
    """Return the manifest as sorted JSON."""
    return (json.dumps(facts, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _package(place: Place, targets: Sequence[Target]) -> dict[str, Any]:
    where = _membership(place, targets)
    return {
        "name": str(place.name),
        "version": str(place.version),
        **({"marker": where} if where else {}),
        "wheels": [
            {
                "name": each.file,
                "path": f"wheels/{each.file}",
                "size": each.size,
                "hashes": {"sha256": each.sha256},
            }
            for each in place.wheels
        ],
    }


def _membership(place: Place, targets: Sequence[Target]) -> str:
    """Return the marker of a package: where it is needed plainly, and where an extra or a group asks for it."""
    chosen = [(f"'{name}' in extras", where) for name, where in sorted(place.extras.items())]
    chosen += [(f"'{name}' in dependency_groups", where) for name, where in sorted(place.groups.items())]
    parts = [("", place.plain), *((asked, where - place.plain) for asked, where in chosen)]
    found = []
    for asked, where in parts:
        if where:
            found.append(" and ".join(each for each in (asked, marker(where, targets)) if each))
    return "" if "" in found else " or ".join(f"({each})" if len(found) > 1 else each for each in found)


def _facts(target: Target) -> tuple[str, str, str]:
    facts = target.marker
    return facts["python_version"], facts["sys_platform"], facts["platform_machine"]


def _number(python: str) -> tuple[int, ...]:
    return tuple(map(int, python.split(".")))


def _versions(pythons: Sequence[str], there: set[tuple[str, str, str]]) -> str:
    if there and {facts[0] for facts in there} == set(pythons):
        return ""
    return _any(f"python_version == '{python}'" for python in pythons)


def _platforms(platforms: Sequence[Sequence[str]], there: set[tuple[str, str, str]]) -> str:
    if there and {facts[1:] for facts in there} == {tuple(platform) for platform in platforms}:
        return ""
    return _any(f"sys_platform == '{system}' and platform_machine == '{machine}'" for system, machine in platforms)


def _any(parts: Iterable[str]) -> str:
    found = list(parts)
    return found[0] if len(found) == 1 else "(" + " or ".join(found) + ")"
