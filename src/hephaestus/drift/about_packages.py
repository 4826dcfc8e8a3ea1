"""Rules about packages: what is asked for, what is locked, what is installed, and what pre-commit runs."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from functools import cache

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName, default_environment
from packaging.version import InvalidVersion, Version

from hephaestus.drift.declared import Asked
from hephaestus.drift.facts import Facts
from hephaestus.drift.installed import Environment
from hephaestus.drift.locks import Lock, Pin
from hephaestus.drift.places import Drift, Place

__all__ = ["installed_declared", "installed_lock", "installed_version", "lock_declared", "pins", "pre_commit"]

_CONFIGURATION = ".pre-commit-config.yaml"
# The packages that repositories of hooks are releases of, tag by tag, by the end of their address.
_HOOKS = {
    "abravalheri/validate-pyproject": "validate-pyproject",
    "adamchainz/blacken-docs": "blacken-docs",
    "adamchainz/django-upgrade": "django-upgrade",
    "adrienverge/yamllint": "yamllint",
    "asottile/blacken-docs": "blacken-docs",
    "asottile/pyupgrade": "pyupgrade",
    "astral-sh/ruff-pre-commit": "ruff",
    "astral-sh/uv-pre-commit": "uv",
    "charliermarsh/ruff-pre-commit": "ruff",
    "codespell-project/codespell": "codespell",
    "commitizen-tools/commitizen": "commitizen",
    "econchick/interrogate": "interrogate",
    "executablebooks/mdformat": "mdformat",
    "fpgmaas/deptry": "deptry",
    "fsfe/reuse-tool": "reuse",
    "hukkin/mdformat": "mdformat",
    "jendrikseipp/vulture": "vulture",
    "kynan/nbstripout": "nbstripout",
    "mgedmin/check-manifest": "check-manifest",
    "nbqa-dev/nbqa": "nbqa",
    "osprey-oss/deptry": "deptry",
    "pdm-project/pdm": "pdm",
    "pre-commit/mirrors-autopep8": "autopep8",
    "pre-commit/mirrors-clang-format": "clang-format",
    "pre-commit/mirrors-isort": "isort",
    "pre-commit/mirrors-mypy": "mypy",
    "pre-commit/mirrors-yapf": "yapf",
    "psf/black": "black",
    "psf/black-pre-commit-mirror": "black",
    "pycqa/autoflake": "autoflake",
    "pycqa/bandit": "bandit",
    "pycqa/docformatter": "docformatter",
    "pycqa/flake8": "flake8",
    "pycqa/isort": "isort",
    "pycqa/pydocstyle": "pydocstyle",
    "pycqa/pylint": "pylint",
    "python-jsonschema/check-jsonschema": "check-jsonschema",
    "python-poetry/poetry": "poetry",
    "robertcraigie/pyright-python": "pyright",
    "sphinx-contrib/sphinx-lint": "sphinx-lint",
    "tox-dev/pyproject-fmt": "pyproject-fmt",
    "woodruffw/zizmor-pre-commit": "zizmor",
    "zizmorcore/zizmor-pre-commit": "zizmor",
}
_FROZEN = re.compile(r"#\s*frozen:\s*(\S+)")
_SHOWN = 3


def lock_declared(facts: Facts) -> Iterator[Drift]:
    """Compare what pyproject.toml asks for with the versions a lock has, any of which may serve.

    What is asked for under a marker only, or is overridden or taken from elsewhere for uv, is left to the tool.
    """
    elsewhere = {name for name, _ in facts.pyproject.entries("tool", "uv", "sources")}
    overridden = " ".join(node.text for node in facts.pyproject.items("tool", "uv", "override-dependencies"))
    for lock in facts.locks:
        for each in facts.asked:
            if each.kind == "build" or each.requirement.marker or each.requirement.name in elsewhere:
                continue
            found = lock.pins.get(each.name, ())
            if found and each.requirement.name not in overridden and not _serves(each, found):
                has = " and ".join(pin.version for pin in found[:_SHOWN])
                message = f"{each.where} asks for {each.requirement}, but {lock.path} has {each.name} {has}"
                yield Drift("lock-declared", each.name, message, found[0].place, each.place, lock.renew)
            elif not found and (lock.path == "uv.lock" or (lock.whole and each.kind == "dependencies")):
                message = f"{each.where} asks for {each.requirement}, but {lock.path} has no {each.name}"
                yield Drift("lock-declared", each.name, message, Place(lock.path), each.place, lock.renew)


def _serves(each: Asked, found: tuple[Pin, ...]) -> bool:
    return any(not pin.version or each.admits(pin.version) for pin in found)


def installed_declared(facts: Facts) -> Iterator[Drift]:
    """Compare what is installed with what is asked for.

    What is missing counts where the list it stands in is installed: the project's own dependencies where the project
    is, and the groups that tools install by themselves where most of the group is there.
    """
    environment = facts.environment
    if environment is None:
        return
    missing = [each for each in facts.asked if _is_missing(each, environment)]
    expected = _expected(facts, environment)
    for each in facts.asked:
        if each.kind == "build" or not _counts(each, environment):
            continue
        version, place = environment.packages.get(each.name, ("", Place(environment.path)))
        if version and not each.admits(version):
            message = f"{each.where} asks for {each.requirement}, but {each.name} {version} is installed"
        elif each in missing and (each.kind, each.owner) in expected:
            message = f"{each.where} asks for {each.requirement}, which is not installed"
        else:
            continue
        yield Drift("installed-declared", each.name, message, place, each.place, _install(facts, each))


def _expected(facts: Facts, environment: Environment) -> set[tuple[str, str]]:
    """Return the lists of requirements that the environment is made for."""
    found = {("dependencies", "")} if facts.project.normalized in environment.packages else set()
    defaults = [node.text for node in facts.pyproject.items("tool", "uv", "default-groups")] or ["dev"]
    for group in defaults:
        names = [each.name for each in facts.asked if (each.kind, each.owner) == ("group", group)]
        if 2 * sum(name in environment.packages for name in names) > len(names):
            found.add(("group", group))
    return found


def _is_missing(each: Asked, environment: Environment) -> bool:
    return each.name not in environment.packages


def _counts(each: Asked, environment: Environment) -> bool:
    """Tell whether a requirement is meant for this machine and the Python of the environment."""
    marker = each.requirement.marker
    if marker is None:
        return True
    python = environment.python or ".".join(map(str, sys.version_info[:3]))
    told = {**_machine(), "python_full_version": python, "python_version": ".".join(python.split(".")[:2]), "extra": ""}
    try:
        return marker.evaluate(told)
    except (UndefinedComparison, UndefinedEnvironmentName, KeyError, ValueError):
        return False


@cache
def _machine() -> dict[str, str]:
    return {key: str(value) for key, value in default_environment().items()}


def _install(facts: Facts, each: Asked) -> str:
    """Return the command that installs what is asked for, by the tool the project uses."""
    for lock in facts.locks:
        if lock.whole or each.name in lock.pins:
            return lock.install
    words = {"extra": f"-e {shlex.quote(f'.[{each.owner}]')}", "group": f"--group {shlex.quote(each.owner)}"}.get(
        each.kind, "-e ."
    )
    return f"pip install --upgrade {words}"


def installed_lock(facts: Facts) -> Iterator[Drift]:
    """Compare what is installed with the versions of the locks: what is asked for one by one, the rest together."""
    environment = facts.environment
    if environment is None or not facts.locks:
        return
    direct = {each.name for each in facts.asked}
    others: list[tuple[str, str, Place, Lock, Pin]] = []
    for name, (version, place) in sorted(environment.packages.items()):
        locked = [(lock, pin) for lock in facts.locks for pin in lock.pins.get(name, ())]
        if not locked or any(not pin.version or _same(pin.version, version) for _, pin in locked):
            continue
        lock, pin = locked[0]
        if name in direct:
            message = f"{lock.path} has {name} {pin.version}, but {version} is installed"
            yield Drift("installed-lock", name, message, place, pin.place, lock.install)
        else:
            others.append((name, version, place, lock, pin))
    if others:
        name, version, place, lock, pin = others[0]
        more = f", and {len(others) - 1} more packages differ" if len(others) > 1 else ""
        message = f"{lock.path} has {name} {pin.version}, but {version} is installed{more}"
        yield Drift("installed-lock", name, message, place, pin.place, lock.install)


def installed_version(facts: Facts) -> Iterator[Drift]:
    """Compare the version the project itself is installed as with the one it says."""
    if facts.environment is None or facts.project.version is None:
        return
    version, place = facts.environment.packages.get(facts.project.normalized, ("", Place("")))
    node = facts.pyproject.at("project", "version")
    if version and node is not None and not _same(version, facts.project.version):
        message = f"{facts.project.name} is installed as {version}, but its version is {facts.project.version}"
        there = facts.files.place("pyproject.toml", node.line)
        install = next((lock.install for lock in facts.locks if lock.whole), "pip install --no-deps -e .")
        yield Drift("installed-version", facts.project.normalized, message, place, there, install)


def pins(facts: Facts) -> Iterator[Drift]:
    """Compare exact versions that pyproject.toml asks for more than once; lists that exclude each other may differ."""
    if facts.pyproject.at("tool", "uv", "conflicts") is not None:
        return
    first: dict[str, Asked] = {}
    for each in facts.asked:
        exact = _exact(each)
        if exact is None or each.requirement.marker or each.kind == "build":
            continue
        other = first.setdefault(each.name, each)
        if not _same(exact, str(_exact(other))):
            message = f"{each.where} pins {each.requirement}, but {other.where} pins {other.requirement}"
            hint = f"grep -n {shlex.quote(each.requirement.name)} pyproject.toml"
            yield Drift("pins", each.name, message, each.place, other.place, hint)


def pre_commit(facts: Facts) -> Iterator[Drift]:
    """Compare the revisions of hooks with the version of the same tool in the lock, or else with what is asked for."""
    configuration = facts.files.yaml(_CONFIGURATION)
    for repo in configuration.items("repos") if configuration is not None else ():
        address = repo.said("repo")
        name = _HOOKS.get("/".join(address.lower().removesuffix("/").removesuffix(".git").split("/")[-2:]))
        revision = repo.at("rev")
        if name is None or revision is None:
            continue
        place = facts.files.place(_CONFIGURATION, revision.line)
        frozen = _FROZEN.search(place.text)
        version = (frozen[1] if frozen else revision.text).removeprefix("v")
        other = _disagrees(facts, name, version)
        if other is not None:
            said, there = other
            message = f"pre-commit runs {name} {version}, but {said}"
            hint = f"pre-commit autoupdate --repo {shlex.quote(address)}"
            lock = next((lock for lock in facts.locks if lock.path == "uv.lock"), None)
            hint = f"uv lock --upgrade-package {name} && {hint}" if lock is not None and name in lock.pins else hint
            yield Drift("pre-commit", name, message, place, there, hint)


def _disagrees(facts: Facts, name: str, version: str) -> tuple[str, Place] | None:
    """Return what says otherwise than that a tool has a version, and where, or `None`."""
    if not _is_version(version):
        return None
    locked = [(lock, pin) for lock in facts.locks for pin in lock.pins.get(name, ()) if pin.version]
    if locked:
        lock, pin = locked[0]
        same = any(_same(each.version, version) for _, each in locked)
        return None if same else (f"{lock.path} has {pin.version}", pin.place)
    for each in facts.asked:
        if each.name == name and not each.admits(version):
            return f"{each.where} asks for {each.requirement}", each.place
    return None


def _exact(each: Asked) -> str | None:
    specifiers = list(each.requirement.specifier)
    if len(specifiers) == 1 and specifiers[0].operator in {"==", "==="} and "*" not in specifiers[0].version:
        return specifiers[0].version
    return None


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def _same(one: str, other: str) -> bool:
    """Tell whether two versions are the same as PEP 440 has it, apart from local parts that indexes do not have."""
    try:
        return Version(one).public == Version(other).public
    except InvalidVersion:
        return one == other
