"""What has changed in `[project]`: the versions of Python, dependencies, extras, commands and entry points.

What a build backend fills in (`dynamic`) cannot be known without running it, so nothing is said of it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from hephaestus.compatibility.effect import Effect, Evidence

__all__ = ["compare"]

_FILE = "pyproject.toml"
_PYTHONS = ("2.7", *(f"3.{minor}" for minor in range(41)))
_SHOWN = 3
# The first word of extras that are there for the project's own contributors.
_OWN = {"benchmark", "ci", "cov", "dev", "develop", "development", "doc", "docs", "lint", "test", "testing", "tests"}


def compare(before: bytes | None, after: bytes | None, python: Effect) -> list[Evidence] | None:
    """Return what has changed between two states of `pyproject.toml`; `python` is the effect of dropping a Python.

    `None` where one of them has no `[project]`, so that they cannot be compared.
    """
    old, new = _project(before), _project(after)
    if old is None or new is None:
        return None
    text = (after or b"").decode("utf-8", "replace")
    known = {key for table in (old, new) for key in _listed(table.get("dynamic"))}
    found: list[Evidence] = []
    if "requires-python" not in known:
        found += _pythons(old, new, python, text)
    if "dependencies" not in known:
        found += _dependencies(old, new, text)
    if "optional-dependencies" not in known:
        found += _named("extra", _extras(old), _extras(new), text, "optional-dependencies")
    for key in ("scripts", "gui-scripts"):
        if key not in known:
            found += _named("command", _names(old, key), _names(new, key), text, key)
    if "entry-points" not in known:
        found += _named("entry point", _points(old), _points(new), text, "entry-points")
    return found


def _project(data: bytes | None) -> dict[str, Any] | None:
    try:
        table = tomllib.loads((data or b"").decode()).get("project")
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError):
        return None
    return table if isinstance(table, dict) else None


def _table(table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = table.get(key)
    return value if isinstance(value, dict) else {}


def _listed(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _pythons(old: Mapping[str, Any], new: Mapping[str, Any], effect: Effect, text: str) -> Iterator[Evidence]:
    before, after = (_specifiers(each.get("requires-python")) for each in (old, new))
    if before is None or after is None:
        return
    # The highest patch release stands for all: it is the one that people have.
    lost = [python for python in _PYTHONS if f"{python}.99" in before and f"{python}.99" not in after]
    gained = [python for python in _PYTHONS if f"{python}.99" in after and f"{python}.99" not in before]
    line = _line(text, r"requires-python\s*=")
    if lost:
        said = f"no longer for Python {_shown(lost)}: {before or 'any'} became {after}"
        yield Evidence("requires-python", said, effect, "python-dropped", _FILE, line)
    elif gained:
        said = f"for Python {_shown(gained)} as well"
        yield Evidence("requires-python", said, Effect.FIX, "python-added", _FILE, line)


def _specifiers(value: object) -> SpecifierSet | None:
    try:
        return SpecifierSet(value if isinstance(value, str) else "")
    except InvalidSpecifier:
        return None


def _shown(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (" and later" if len(names) > _SHOWN else "")


def _dependencies(old: Mapping[str, Any], new: Mapping[str, Any], text: str) -> Iterator[Evidence]:
    before, after = (_requirements(each.get("dependencies")) for each in (old, new))
    line = _line(text, r"dependencies\s*=")
    for name in sorted(before.keys() - after.keys()):
        said = f"{name} is no longer a dependency, so it is no longer installed along"
        yield Evidence(f"dependency {name}", said, Effect.FEATURE, "dependency-dropped", _FILE, line)
    for name in sorted(after.keys() - before.keys()):
        at, said = _line(text, _spelled(name)) or line, f"{name} is a new dependency"
        yield Evidence(f"dependency {name}", said, Effect.FEATURE, "dependency-added", _FILE, at)
    for name in sorted(before.keys() & after.keys()):
        if _narrowed(before[name], after[name]):
            at = _line(text, _spelled(name)) or line
            said = f"fewer versions of {name} will do: {_ranges(before[name])} became {_ranges(after[name])}"
            yield Evidence(f"dependency {name}", said, Effect.FIX, "dependency-narrowed", _FILE, at)


def _requirements(value: object) -> dict[str, dict[str, SpecifierSet]]:
    """Return the versions of each dependency that will do, by its name and the environments it is for."""
    found: dict[str, dict[str, SpecifierSet]] = {}
    for text in _listed(value):
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        there = found.setdefault(canonicalize_name(requirement.name), {})
        marker = str(requirement.marker or "")
        there[marker] = there.get(marker, SpecifierSet()) & requirement.specifier
    return found


def _narrowed(before: Mapping[str, SpecifierSet], after: Mapping[str, SpecifierSet]) -> bool:
    """Tell whether a version that did before does not any more, in an environment that both speak of."""
    return any(_shrunk(before[marker], after[marker]) for marker in before.keys() & after.keys())


def _shrunk(before: SpecifierSet, after: SpecifierSet) -> bool:
    # What a range contains changes only at the versions it is written with, so these and their neighbours tell all.
    tried = {Version("0"), Version("99999")}
    for specifier in (*before, *after):
        base = specifier.version.removesuffix(".*")
        try:
            at = Version(base)
        except ValueError:  # `===` takes any text
            continue
        release = ".".join(str(number) for number in (*at.release[:-1], at.release[-1] + 1))
        tried |= {at, Version(f"{at.public}.0.1" if not at.is_prerelease else at.base_version), Version(release)}
        if at.release[-1]:
            tried.add(Version(".".join(str(number) for number in (*at.release[:-1], at.release[-1] - 1, 9999))))
    return any(
        before.contains(version, prereleases=True) and not after.contains(version, prereleases=True)
        for version in tried
    )


def _ranges(ranges: Mapping[str, SpecifierSet]) -> str:
    return " or ".join(sorted({str(each) or "any" for each in ranges.values()}))


def _names(table: Mapping[str, Any], key: str) -> dict[str, str]:
    return {name: name for name in _table(table, key)}


def _extras(table: Mapping[str, Any]) -> dict[str, str]:
    """Return the extras as written, by their normalised names (PEP 685)."""
    return {canonicalize_name(name): name for name in _table(table, "optional-dependencies")}


def _points(table: Mapping[str, Any]) -> dict[str, str]:
    groups = _table(table, "entry-points")
    names = [(group, name) for group in groups for name in _table(groups, group)]
    return {f"{group} {name}": name for group, name in names}


def _named(word: str, before: Mapping[str, str], after: Mapping[str, str], text: str, table: str) -> Iterable[Evidence]:
    """Return which of some named things are gone or new, for users who ask for them by name."""
    rule = word.replace(" ", "-")
    place = _line(text, rf"\[project\.{table}\b") or _line(text, rf"{table}\s*=") or _line(text, r"\[project\]")
    for key in sorted(before.keys() - after.keys()):
        subject = f"{word} {key}"
        effect = Effect.FIX if word == "extra" and key.partition("-")[0] in _OWN else Effect.BREAK
        yield Evidence(subject, f"the {subject} is gone", effect, f"{rule}-dropped", _FILE, place)
    for key in sorted(after.keys() - before.keys()):
        subject = f"{word} {key}"
        at = _line(text, rf"[\"']?{re.escape(after[key])}[\"']?\s*=") or place
        yield Evidence(subject, f"the {subject} is new", Effect.FEATURE, f"{rule}-added", _FILE, at)


def _spelled(name: str) -> str:
    """Return a pattern for a requirement by its name, in any of its spellings (PEP 503)."""
    return r".*[\"']" + r"[-_.]+".join(re.escape(part) for part in name.split("-")) + r"(?![\w.-])"


def _line(text: str, pattern: str) -> int:
    """Return the first line that begins with what is looked for, or 0."""
    found = re.search(rf"^\s*{pattern}", text, re.IGNORECASE | re.MULTILINE)
    return text.count("\n", 0, found.start()) + 1 + found[0].count("\n") if found else 0
