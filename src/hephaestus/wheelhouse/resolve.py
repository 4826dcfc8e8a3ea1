"""A lock made here, where a project has none: by uv for all targets at once, by pip for the running one."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from hephaestus import environments, system
from hephaestus.errors import CommandFailed, CouldNotRun, HephaestusError, UsageError
from hephaestus.kept import Indexes
from hephaestus.wheelhouse.locks import RESOLVED, Lock, markers, pylock
from hephaestus.wheelhouse.target import Target, running

__all__ = ["resolve"]

log = logging.getLogger("hephaestus")

_INSTALL_UV = "python -m pip install uv"
_AGAIN = "hephaestus wheelhouse"
_SHOW_DEPENDENCIES = "grep -n -A9 'dependencies' pyproject.toml"
# The last lines of an explanation hold what matters.
_EXPLAINED = 40
_UNREACHABLE = re.compile(
    r"error sending request|failed to fetch|request failed|connection|timed out|dns error|max retries|name resolution",
    re.IGNORECASE,
)
_IMPOSSIBLE = re.compile(r"no solution found|resolutionimpossible|conflicting dependencies", re.IGNORECASE)
# The floors of the C library uv knows besides the oldest; a target gets the highest that is not above its own.
_GLIBC = (17, 28, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40)
_WINDOWS = {
    "win_amd64": "x86_64-pc-windows-msvc",
    "win_arm64": "aarch64-pc-windows-msvc",
    "win32": "i686-pc-windows-msvc",
}


def resolve(  # noqa: PLR0913, PLR0917  (all that decides what is locked)
    requirements: Sequence[str],
    requires_python: str,
    targets: Sequence[Target],
    indexes: Indexes,
    work: Path,
    before: datetime | None = None,
) -> Lock:
    """Lock requirements for all targets and return the lock, a pylock.toml that is also left in `work`.

    Files that came to the index after `before` are left out. Pre-releases are taken only where PEP 440 says so.

    Raises `UsageError` where the requirements exclude each other, or a target's Python is not among those the project
    or a dependency is for, and `CouldNotRun` where uv is missing and a target is not the running Python.
    """
    _check_pythons(requires_python, targets)
    if not requirements:
        return pylock.parse("nothing to lock", _written([]), _AGAIN)
    if system.program("uv") is None:
        return _by_pip(requirements, targets, indexes, work, before)
    pythons = sorted({target.python for target in targets})
    extra = {**indexes.environment, **(_deployment(targets[0].platform) if len(targets) == 1 else {})}
    options = (*_scope(targets), *indexes.uv_arguments, *_until("--exclude-newer", before))
    try:
        return _by_uv(requirements, pythons[0], options, work, extra)
    except UsageError as error:
        for python in pythons[1:]:
            if _succeeds(requirements, python, options, work, extra):
                left_out = [str(target) for target in targets if target.python < python]
                raise UsageError(
                    f"a dependency is not for the Python of {', '.join(left_out)}:\n{error.message}",
                    f"{_AGAIN} --target {next(target for target in targets if target.python >= python)}",
                ) from error
        raise


def _check_pythons(requires_python: str, targets: Sequence[Target]) -> None:
    """Refuse targets whose Python the project itself is not for."""
    try:
        wanted = SpecifierSet(requires_python)
    except InvalidSpecifier as error:
        raise UsageError(
            f"requires-python = {requires_python[:80]!r} cannot be read", "grep -n requires-python pyproject.toml"
        ) from error
    left_out = [
        str(target) for target in targets if not any(markers.admits(wanted, each) for each in target.environments)
    ]
    if left_out:
        raise UsageError(
            f"the project needs Python {requires_python}, so it cannot be installed on {', '.join(left_out)}",
            "grep -n requires-python pyproject.toml",
        )


def _scope(targets: Sequence[Target]) -> tuple[str, ...]:
    """Return what tells uv to resolve for all platforms, or for one alone, which asks far less of the index."""
    if len(targets) > 1 or targets[0].platform.startswith("linux_"):
        return ("--universal",)
    return ("--python-platform", _uv_platform(targets[0].platform))


def _until(option: str, before: datetime | None) -> tuple[str, ...]:
    return () if before is None else (option, before.isoformat())


def _succeeds(
    requirements: Sequence[str],
    python: tuple[int, int],
    options: Sequence[str],
    work: Path,
    extra: Mapping[str, str],
) -> bool:
    try:
        _by_uv(requirements, python, options, work, extra)
    except UsageError:
        return False
    return True


def _by_uv(
    requirements: Sequence[str],
    python: tuple[int, int],
    options: Sequence[str],
    work: Path,
    extra: Mapping[str, str],
) -> Lock:
    """Let uv resolve for a Python and all later ones, or with a platform among the options for this one alone."""
    uv = system.program("uv") or "uv"
    output = work / "pylock.toml"
    output.unlink(missing_ok=True)  # uv would prefer the versions that are in it
    version = "{}.{}".format(*python)
    log.info("resolving %d requirements with uv for Python %s", len(requirements), version)
    interpreter = ("--python", sys.executable, "--no-python-downloads", "--python-version", version)
    written = ("--format", "pylock.toml", "--no-header", "--no-annotate", "--output-file", output.name)
    finished = system.run(
        [uv, "pip", "compile", "-", "--quiet", *interpreter, *written, *options],
        cwd=work,
        extra=extra,
        given="\n".join(requirements).encode(),
        check=False,
    )
    if finished.code:
        raise _unresolved("uv", finished.errors or finished.output)
    return _lock(output.read_bytes(), system.run([uv, "--version"]).output.split("(")[0].strip())


def _lock(data: bytes, tool: str) -> Lock:
    return pylock.parse(f"{RESOLVED} by {tool}", data, _AGAIN)


def _unresolved(tool: str, said: str) -> HephaestusError:
    """Return the error for what a resolver said: of the index, where that is the reason, else of the requirements."""
    explanation = "\n".join(said.strip().splitlines()[-_EXPLAINED:])
    if _UNREACHABLE.search(said) and not _IMPOSSIBLE.search(said):
        return CouldNotRun(f"{tool} could not reach the index:\n{explanation}", _AGAIN)
    return UsageError(f"the requirements cannot be resolved; {tool} says:\n{explanation}", _SHOW_DEPENDENCIES)


def _uv_platform(platform: str) -> str:
    """Return what uv calls a platform tag."""
    if platform in _WINDOWS:
        return _WINDOWS[platform]
    family, _, rest = platform.partition("_")
    numbers, machine = rest.split("_", 2)[:2], rest.split("_", 2)[2]
    if family == "macosx":
        return f"{'aarch64' if machine == 'arm64' else machine}-apple-darwin"
    if family == "musllinux":
        return f"{machine}-unknown-linux-musl"
    known = [minor for minor in _GLIBC if minor <= int(numbers[1])]
    return f"{machine}-manylinux_2_{max(known, default=_GLIBC[0])}"


def _deployment(platform: str) -> dict[str, str]:
    """Return what tells uv the oldest macOS of a target."""
    if not platform.startswith("macosx_"):
        return {}
    return {"MACOSX_DEPLOYMENT_TARGET": ".".join(platform.split("_")[1:3])}


def _by_pip(
    requirements: Sequence[str], targets: Sequence[Target], indexes: Indexes, work: Path, before: datetime | None
) -> Lock:
    """Let pip resolve in a fresh environment; it can do so only for the Python it runs on."""
    foreign = [str(target) for target in targets if target != running()]
    if foreign:
        raise CouldNotRun(
            f"without uv only the running Python can be resolved for, not {', '.join(foreign)}", _INSTALL_UV
        )
    log.info("resolving %d requirements with pip", len(requirements))
    wanted, report = work / "requirements.in", work / "report.json"
    wanted.write_text("\n".join(requirements), encoding="utf-8")
    environment = environments.create(work / "resolving")
    told = ("--dry-run", "--quiet", "--report", report, "--requirement", wanted)
    try:
        options = (*indexes.pip_arguments, *_until("--uploaded-prior-to", before))
        environment.pip("install", *told, *options, extra=indexes.environment)
        said = json.loads(report.read_bytes())
    except CommandFailed as error:
        raise _unresolved("pip", error.message) from error
    finally:
        system.remove(environment.root)
    data = _written([_reported(item) for item in said["install"]])
    system.write(work / "pylock.toml", data)
    return _lock(data, f"pip {said['pip_version']}")


def _reported(item: Mapping[str, Any]) -> dict[str, str]:
    """Return one package of pip's report (its installation report format, version 1)."""
    info, metadata = item["download_info"], item["metadata"]
    hashes = info.get("archive_info", {}).get("hashes", {})
    if "sha256" not in hashes:
        raise UsageError(f"{metadata['name']} does not come from an index with a sha256", _SHOW_DEPENDENCIES)
    parts = urlsplit(info["url"])
    url = parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()
    return {"name": canonicalize_name(metadata["name"]), "version": metadata["version"], "url": url, **hashes}


def _written(packages: Sequence[Mapping[str, str]]) -> bytes:
    """Return a pylock.toml (PEP 751); the texts in it need no more than JSON's escapes, which TOML knows too."""
    lines = ['lock-version = "1.0"', 'created-by = "hephaestus"', *([] if packages else ["packages = []"])]
    for package in sorted(packages, key=lambda each: each["name"]):
        name, version, url, sha256 = (json.dumps(package[key]) for key in ("name", "version", "url", "sha256"))
        file = f"{{ url = {url}, hashes = {{ sha256 = {sha256} }} }}"
        kept = f"wheels = [{file}]" if package["url"].endswith(".whl") else f"sdist = {file}"
        lines += ["", "[[packages]]", f"name = {name}", f"version = {version}", kept]
    return "\n".join([*lines, ""]).encode()
