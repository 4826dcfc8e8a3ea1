"""Rules about versions of Python: `requires-python` against everything else that names one."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator

from hephaestus.drift import images
from hephaestus.drift.facts import Facts
from hephaestus.drift.files import Files
from hephaestus.drift.places import MEND, Drift, Place, edited
from hephaestus.drift.pythons import minor, required

__all__ = ["ci_classifiers", "ci_python", "classifiers", "image", "installed_python", "lock_python", "python_files"]

_CLASSIFIER = re.compile(r"Programming Language :: Python :: (\d\.\d+)")
_MISE = ("mise.toml", ".mise.toml", ".config/mise.toml")
_Said = tuple[str, Place]


def lock_python(facts: Facts) -> Iterator[Drift]:
    """Compare the range of Python a lock was made for with requires-python, by the minor versions both admit.

    In a uv workspace the lock's range is that of all members, and Poetry may have a range of its own.
    """
    python = facts.python
    for lock in facts.locks:
        if python is None or lock.python is None or facts.pyproject.at("tool", "uv", "workspace") is not None:
            continue
        if lock.path == "poetry.lock" and facts.pyproject.at("tool", "poetry", "dependencies", "python") is not None:
            continue
        found = required(lock.python.version, lock.python.place)
        if found is not None and found.minors != python.minors:
            message = f"{lock.path} was made for Python {lock.python.version}, but requires-python is {python}"
            yield Drift("lock-python", lock.path, message, lock.python.place, python.place, lock.renew)


def installed_python(facts: Facts) -> Iterator[Drift]:
    """Compare the Python of the environment with requires-python, and with the first version of .python-version."""
    environment = facts.environment
    if environment is None or environment.python is None:
        return
    renew = "uv sync" if any(lock.path == "uv.lock" for lock in facts.locks) else "python -m venv --clear"
    hint = renew if renew == "uv sync" else f"{renew} {shlex.quote(environment.path)}"
    message = f"the environment has Python {environment.python}"
    if facts.python is not None and not facts.python.admits(environment.python):
        message = f"{message}, but requires-python is {facts.python}"
        yield Drift("installed-python", "requires-python", message, environment.place, facts.python.place, hint)
    said = _chosen(facts.files)
    if said and not any(_agree(environment.python, version) for version, _ in said):
        version, there = said[0]
        message = f"the environment has Python {environment.python}, but {there.path} says {version}"
        yield Drift("installed-python", there.path, message, environment.place, there, hint)


def python_files(facts: Facts) -> Iterator[Drift]:
    """Compare the files that choose a Python for this directory with requires-python, and with each other."""
    files = facts.files
    groups = [group for group in (_python_version(files), _tool_versions(files), _mise(files)) if group]
    for version, place in (said for group in groups for said in group):
        if facts.python is not None and not facts.python.admits(version):
            message = f"{place.path} says {version}, but requires-python is {facts.python}"
            hint = f"uv python pin {facts.python.floor}" if place.path == ".python-version" else edited(place.path)
            yield Drift("python-files", place.path, message, place, facts.python.place, hint)
    for group in groups[1:]:
        (version, place), (other, there) = group[0], groups[0][0]
        if not _agree(version, other):
            message = f"{place.path} says {version}, but {there.path} says {other}"
            yield Drift("python-files", place.path, message, place, there, edited(place.path, there.path))


def classifiers(facts: Facts) -> Iterator[Drift]:
    """Compare the classifiers with requires-python: each must be admitted, and the oldest admitted version be there."""
    listed = _classifiers(facts)
    if facts.python is None or not listed:
        return
    hint = edited("pyproject.toml")
    for version, place in listed:
        if not facts.python.admits(version):
            message = f"a classifier says Python {version}, but requires-python is {facts.python}"
            yield Drift("classifiers", version, message, place, facts.python.place, hint)
    floor = facts.python.floor
    admitted = [said for said in listed if facts.python.admits(said[0])]
    if floor and admitted and floor not in {version for version, _ in listed} and _older(floor, admitted[0][0]):
        message = f"requires-python is {facts.python}, but no classifier says Python {floor}"
        yield Drift("classifiers", floor, message, admitted[0][1], facts.python.place, hint)


def ci_python(facts: Facts) -> Iterator[Drift]:
    """Compare the versions of Python in workflows with requires-python; a number that lost its last 0 is told."""
    seen = set()
    for used in facts.used:
        python, told = facts.python, (used.place.path, used.place.line, used.version)
        if python is None or python.admits(used.version) or told in seen:
            continue
        seen.add(told)
        message = f"{used.place.path} uses Python {used.version}, but requires-python is {python}"
        if used.edit is not None:
            message = f"{used.written} without quotes is {used.version}, and requires-python is {python}"
        edit = used.edit if python.admits(used.written) else None
        hint = MEND if edit is not None else edited(used.place.path)
        yield Drift("ci-python", used.version, message, used.place, python.place, hint, edit)


def ci_classifiers(facts: Facts) -> Iterator[Drift]:
    """Compare the matrices of workflows with the classifiers, both ways.

    What may fail or is a pre-release need not be declared. That a classifier is tested nowhere is said only where
    a matrix names at least two versions and no workflow names that one anywhere, in whichever way.
    """
    listed = dict(_classifiers(facts))
    matrix = [used for used in facts.used if used.matrix]
    if not listed or not matrix:
        return
    seen: set[str] = set()
    for used in matrix:
        if used.tentative or used.version in {*listed, *seen} or used.version.count(".") > 1 or used.edit is not None:
            continue
        if facts.python is None or facts.python.admits(used.version):
            seen.add(used.version)
            message = f"{used.place.path} tests Python {used.version}, but no classifier says so"
            last = list(listed.values())[-1]
            yield Drift("ci-classifiers", used.version, message, last, used.place, edited("pyproject.toml"))
    if len({used.version for used in matrix}) > 1:
        yield from _untested(facts, listed, matrix[-1].place)


def _untested(facts: Facts, listed: dict[str, Place], matrix: Place) -> Iterator[Drift]:
    paths = [path for path in facts.files.names(".github/workflows") if path.endswith((".yml", ".yaml"))]
    texts = "\n".join(facts.files.text(path) or "" for path in paths)
    if re.search(r"fromJSON|uses:\s*[^\s#]+\.ya?ml", texts, re.IGNORECASE):
        return  # what comes from elsewhere cannot be read here
    for version, place in listed.items():
        names = f"{re.escape(version)}|(?<!\\d){version.replace('.', '')}"
        admitted = facts.python is None or facts.python.admits(version)
        if admitted and not re.search(rf"(?:{names})(?!\d)", texts):
            message = f"a classifier says Python {version}, but no workflow tests it"
            yield Drift("ci-classifiers", version, message, place, matrix, edited(matrix.path))


def image(facts: Facts) -> Iterator[Drift]:
    """Compare the images container files start from with requires-python, and the one version of .python-version."""
    chosen = _python_version(facts.files)
    for version, place in images.pythons(facts.files):
        if facts.python is not None and not facts.python.admits(version):
            message = f"{place.path} starts from Python {version}, but requires-python is {facts.python}"
            yield Drift("image", place.path, message, place, facts.python.place, edited(place.path))
        elif len(chosen) == 1 and not _agree(version, chosen[0][0]):
            message = f"{place.path} starts from Python {version}, but .python-version says {chosen[0][0]}"
            yield Drift("image", place.path, message, place, chosen[0][1], edited(place.path, ".python-version"))


def _classifiers(facts: Facts) -> list[_Said]:
    """Return the minor versions of Python that classifiers name."""
    found = []
    for node in facts.pyproject.items("project", "classifiers"):
        classifier = _CLASSIFIER.fullmatch(node.text.strip())
        if classifier:
            found.append((classifier[1], facts.files.place("pyproject.toml", node.line)))
    return found


def _chosen(files: Files) -> list[_Said]:
    return _python_version(files) or _tool_versions(files) or _mise(files)


def _python_version(files: Files) -> list[_Said]:
    """Return what .python-version says, one version a line, as pyenv and uv read it."""
    return list(_versions(files, ".python-version", lambda line: [line]))


def _tool_versions(files: Files) -> list[_Said]:
    """Return what .tool-versions says of python, as asdf and mise read it."""
    return list(_versions(files, ".tool-versions", lambda line: line.split()[1:] if line.startswith("python ") else []))


def _versions(files: Files, path: str, words: Callable[[str], list[str]]) -> Iterator[_Said]:
    for number, line in enumerate((files.text(path) or "").splitlines(), 1):
        for word in words(line.partition("#")[0].strip()):
            version = minor(word)
            if version is not None:
                yield version, files.place(path, number)


def _mise(files: Files) -> list[_Said]:
    """Return what mise's own configuration says of python: a text, a list, or a table with a version."""
    found = []
    for path in _MISE:
        node = files.toml(path)
        for each in node.texts("tools", "python") if node is not None else ():
            version = minor(each.text)
            if version is not None:
                found.append((version, files.place(path, each.line)))
    return found


def _agree(one: str, other: str) -> bool:
    """Tell whether two versions are the same as far as both go: 3.12 and 3.12.4 are."""
    pairs = zip(one.split("."), other.split("."), strict=False)
    return all(left == right for left, right in pairs)


def _older(one: str, other: str) -> bool:
    return [*map(int, one.split("."))] < [*map(int, other.split("."))]
