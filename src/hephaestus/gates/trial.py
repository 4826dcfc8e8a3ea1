"""A wheel alone: installed with nothing but what it asks for, imported, its entry points loaded, its program run."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from hephaestus import environments, supervise, system
from hephaestus.environments import Environment
from hephaestus.errors import CommandFailed, CouldNotRun, GateFailed
from hephaestus.findings import Finding
from hephaestus.gates import pinned
from hephaestus.gates.bench import Bench, useful
from hephaestus.wheelhouse import index

__all__ = ["install", "look", "smoke", "unreachable"]

_UNREACHABLE = re.compile(
    r"error sending request|failed to fetch|request failed|connection|timed out|dns error|max retries|name resolution",
    re.IGNORECASE,
)
_AGAIN = "hephaestus gates --only package"
_LONGEST = 300

# Imports each name and loads each entry point of a distribution, and writes a line before and after each.
_LOOK = """
import importlib, importlib.metadata as metadata, json, sys
name, file, *modules = sys.argv[1:]
record = open(file, "w", encoding="utf-8", errors="replace", buffering=1)

def attempt(what, action):
    print(json.dumps({"what": what}), file=record)
    problem, missing = "", ""
    try:
        action()
    except Exception as error:
        problem, missing = f"{type(error).__name__}: {error}", getattr(error, "name", None)
    print(json.dumps({"problem": problem, "missing": missing if isinstance(missing, str) else ""}), file=record)

def load(point):
    if not callable(point.load()) and point.group in ("console_scripts", "gui_scripts"):
        raise TypeError(f"{point.value} cannot be called")

for module in modules:
    attempt(f"the module {module}", lambda: importlib.import_module(module))
for point in metadata.distribution(name).entry_points:
    if not point.extras:
        kind = "program" if point.group in ("console_scripts", "gui_scripts") else f"entry point of {point.group}"
        attempt(f"the {kind} {point.name} = {point.value}", lambda: load(point))
print(json.dumps({"done": True}), file=record)
"""


def install(bench: Bench, wheel: Path, python: str, pins: Mapping[str, str]) -> Environment:
    """Install a wheel and what it asks for, in the versions of `pins` where they have one, in a fresh environment.

    Raises `GateFailed` where it cannot be installed and `CouldNotRun` where no index answers.
    """
    environment = environments.create(bench.scratch / "alone", python)
    constraints = bench.scratch / "constraints.txt"
    system.write(constraints, "".join(f"{name}=={version}\n" for name, version in sorted(pins.items())).encode())
    indexes = index.configured(bench.root)
    words: tuple[str | Path, ...] = ("--quiet", "--constraint", constraints, wheel)
    uv = system.program("uv")
    if uv is None:
        try:
            environment.pip("install", *indexes.pip_arguments, *words, extra=indexes.environment)
        except CommandFailed as error:
            raise _refused(error.message.splitlines()) from error
        return environment
    told = ("--python", environment.python, *words)
    ended = bench.run(uv, "pip", "install", "--no-config", *indexes.uv_arguments, *told, extra=indexes.environment)
    if ended.code != 0:
        raise _refused(
            [ended.why, *useful(ended)] if ended.code is None else list(useful(ended)), late=ended.code is None
        )
    return environment


def look(bench: Bench, environment: Environment, wheel: Path) -> tuple[Finding, ...]:
    """Import what a wheel brings and load its entry points, with no network, and return what went wrong.

    An entry point for a program that the project does not ask for is no error where that program is what is missing.
    Raises `CouldNotRun` where that takes too long.
    """
    record, room, script = bench.scratch / "looked", bench.scratch / "empty", bench.scratch / "look.py"
    system.write(script, _LOOK.encode())
    room.mkdir(exist_ok=True)
    names = pinned.importable(pinned.members(wheel))
    own = {name.partition(".")[0] for name in names}
    words: list[str | Path] = [environment.python, "-I", script, bench.shown.project.name, record, *names]
    ended = _no_network(bench, words, room)
    if ended.code is None:
        raise CouldNotRun(f"importing it did not end: {ended.why}", _AGAIN)
    lines = [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()] if record.is_file() else []
    findings = [
        _problem(before["what"], after, own)
        for before, after in zip(lines[::2], lines[1::2], strict=False)
        if after.get("problem")
    ]
    if not lines or "done" not in lines[-1]:
        what = lines[-1]["what"] if lines and "what" in lines[-1] else "it"
        said = (useful(ended) or (f"with code {ended.code}",))[-1]
        findings.append(Finding(f"{what} ends Python: {said}"[:_LONGEST], "pyproject.toml", rule="alone"))
    return tuple(findings)


def smoke(bench: Bench, environment: Environment, command: str) -> tuple[str, ...] | None:
    """Run the smoke command with the wheel's programs and no network; return what it printed where it fails.

    Raises `CouldNotRun` where it is no command line, or takes too long.
    """
    try:
        first, *rest = shlex.split(command)
    except ValueError as error:
        raise CouldNotRun(f"smoke = {command!r} is no command line: {error}", "grep -n smoke pyproject.toml") from error
    found = (environment.programs / first, environment.programs / f"{first}.exe")
    program = next((str(each) for each in found if each.is_file()), first)
    path = os.pathsep.join([str(environment.programs), os.environ.get("PATH", "")])
    room = bench.scratch / "smoke"
    room.mkdir(exist_ok=True)
    ended = _no_network(bench, (program, *rest), room, {"PATH": path})
    if ended.code is None:
        raise CouldNotRun(f"the smoke command {command!r} did not end: {ended.why}", _AGAIN)
    return None if ended.code == 0 else (*useful(ended), f"it ended with code {ended.code}")


def _no_network(
    bench: Bench, words: Sequence[str | Path], room: Path, extra: Mapping[str, str] | None = None
) -> supervise.Ended:
    whole: list[str | Path] = [*environments.no_network(), *words]
    return bench.run(whole[0], *whole[1:], cwd=room, extra=extra)


def _problem(what: str, after: Mapping[str, str], own: set[str]) -> Finding:
    absent = after["missing"].partition(".")[0] if after["problem"].startswith("ModuleNotFoundError") else ""
    elsewhere = what.startswith("the entry point") and absent and absent not in own
    message = f"{what} cannot be loaded from the wheel alone: {after['problem']}"
    level = "warning" if elsewhere else "error"
    return Finding(" ".join(message.split())[:_LONGEST], "pyproject.toml", rule="alone", level=level)


def unreachable(text: str) -> bool:
    """Tell whether what an installer printed says that an index did not answer, and not that nothing fits."""
    return bool(_UNREACHABLE.search(text)) and "No solution found" not in text


def _refused(lines: list[str], *, late: bool = False) -> GateFailed | CouldNotRun:
    """Return the error of an installation that failed: of the index where that did not answer, else of the wheel."""
    text = "\n".join(lines)
    if late or unreachable(text):
        return CouldNotRun(f"what the wheel asks for could not be fetched\n{text}", _AGAIN)
    return GateFailed(f"the wheel cannot be installed\n{text}", _AGAIN)
