# ruff: noqa: INP001, T201  (a script, which prints a table)
"""How long the gates of a project take, against the same tools under `make -j2` and in sessions of plain Nox.

    python benchmarks/gates.py [ROUNDS]

Needs hephaestus installed beside this Python, uv, make, and an index for the first run, which makes the environments.
In each round all take turns on the same files, so that a busy machine slows all of them; before each turn a byte of a
source file changes, but for `unchanged`, which asks again about the very same. What counts is the median of the ratios.
"""

import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

# The same work as the gates do, each with the tools of one environment that is warm and holds all of them.
COMMANDS = {
    "format": [["ruff", "format", "--check", "--no-cache"]],
    "lint": [["ruff", "check", "--no-cache"]],
    "types": [["mypy", "--cache-dir", "{cache}/mypy", "src"]],
    "pyproject": [["validate-pyproject", "pyproject.toml"]],
    "dependencies": [["deptry", "src"]],
    "package": [
        ["uv", "build", "--quiet", "--out-dir", "{cache}/dist", "--clear"],
        [
            "twine",
            "--no-color",
            "check",
            "--strict",
            "{cache}/dist/acorn-1.0.0.tar.gz",
            "{cache}/dist/acorn-1.0.0-py3-none-any.whl",
        ],
        ["check-wheel-contents", "{cache}/dist/acorn-1.0.0-py3-none-any.whl"],
        ["uv", "venv", "--quiet", "--clear", "{cache}/alone"],
        ["uv", "pip", "install", "--quiet", "--python", "{cache}/alone", "{cache}/dist/acorn-1.0.0-py3-none-any.whl"],
        ["{cache}/alone/bin/python", "-c", "import acorn"],
    ],
    "tests": [
        [
            "uv",
            "pip",
            "install",
            "--quiet",
            "--reinstall",
            "--no-deps",
            "--python",
            "{tools}",
            "{cache}/dist/acorn-1.0.0-py3-none-any.whl",
        ],
        ["pytest", "-q", "-p", "no:cacheprovider", "--cov=acorn", "--cov-fail-under=85"],
    ],
}
AFTER = {"tests": "package"}
TOOLS = (
    "ruff",
    "mypy",
    "pytest",
    "pytest-cov",
    "deptry",
    "validate-pyproject[all]",
    "twine",
    "check-wheel-contents",
    "nox[uv]",
)

PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "acorn"
version = "1.0.0"
description = "A small tree."
readme = "README.md"
requires-python = ">=3.11"

[dependency-groups]
lint = ["ruff"]
types = ["mypy"]
test = ["pytest", "pytest-cov"]

[tool.deptry]

[tool.mypy]
strict = true
files = ["src"]

[tool.ruff]
line-length = 100

[tool.hephaestus.gates]
use = ["format", "lint", "types", "tests", "pyproject", "dependencies", "package"]
"""
MODULE = '''\
"""Part {number} of a tree."""


def grow(height: int, by: int = {number}) -> int:
    """Return the height after growing."""
    return height + by


def shrink(height: int, by: int = {number}) -> int:
    """Return the height after shrinking."""
    return max(0, height - by)
'''
TEST = """\
import time

import pytest

from acorn import part{number}


@pytest.mark.parametrize("height", range(50))
def test_growing_and_shrinking_part_{number}(height: int) -> None:
    assert part{number}.shrink(part{number}.grow(height)) == height
    until = time.process_time() + 0.002
    while time.process_time() < until:
        pass
"""
PARTS = 12
WANTED = {"changed": 1.25, "unchanged": 0.05}
MOST_SECONDS_UNCHANGED = 0.5
Turn = Callable[[], None]


def run(words: list[str], where: Path, **extra: str) -> None:
    """Run a command in a directory and end all with its output where it fails."""
    path = os.pathsep.join([os.environ["PATH"], str(Path(sys.executable).parent)])  # uv may lie beside this Python
    environment = {**os.environ, "NO_COLOR": "1", "PATH": path, **extra}
    done = subprocess.run(  # noqa: S603  (our own commands)
        words, cwd=where, env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        sys.exit(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")


def make_project(where: Path) -> Path:
    """Make a small project in a clone, and return its root."""
    root = where / "acorn"
    files = {"pyproject.toml": PYPROJECT, "README.md": "# acorn\n", ".gitignore": "__pycache__/\n.nox/\n"}
    files["src/acorn/__init__.py"] = '"""A small tree."""\n'
    files["src/acorn/py.typed"] = ""
    for number in range(PARTS):
        files[f"src/acorn/part{number}.py"] = MODULE.format(number=number)
        files[f"tests/test_part{number}.py"] = TEST.format(number=number)
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    for words in (
        ["init", "--quiet"],
        ["add", "."],
        ["-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "--quiet", "-m", "Begin"],
    ):
        run(["git", *words], root)
    return root


def told(tools: Path, cache: Path) -> dict[str, list[list[str]]]:
    """Return the commands with their places."""
    names = {"tools": str(tools), "cache": str(cache)}
    return {gate: [[word.format(**names) for word in words] for words in lines] for gate, lines in COMMANDS.items()}


def write_makefile(where: Path, commands: dict[str, list[list[str]]]) -> Path:
    """Write a makefile with a target for each gate."""
    rules = [f".PHONY: all {' '.join(commands)}\nall: {' '.join(commands)}\n"]
    for gate, lines in commands.items():
        recipe = "".join(f"\t{shlex.join(words)}\n" for words in lines)
        rules.append(f"{gate}: {AFTER.get(gate, '')}\n{recipe}")
    path = where / "Makefile"
    path.write_text("\n".join(rules), encoding="utf-8")
    return path


def write_noxfile(where: Path, commands: dict[str, list[list[str]]]) -> Path:
    """Write a noxfile with a session for each gate, without environments of their own, as all tools are there."""
    lines = ["import nox", ""]
    for gate in sorted(commands, key=lambda each: AFTER.get(each, "")):
        runs = "".join(f"    session.run(*{words!r}, external=True, silent=True)\n" for words in commands[gate])
        lines.append(f'@nox.session(venv_backend="none")\ndef {gate}(session):\n{runs}')
    path = where / "noxfile.py"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def turns(root: Path, where: Path) -> dict[str, Turn]:
    """Return what takes turns, each warm."""
    tools, cache = where / "tools", where / "cache"
    cache.mkdir()
    run(["uv", "venv", "--quiet", str(tools)], where)
    run(["uv", "pip", "install", "--quiet", "--compile-bytecode", "--python", str(tools), *TOOLS], where)
    commands = told(tools, cache)
    makefile, noxfile = write_makefile(where, commands), write_noxfile(where, commands)
    path = {"PATH": f"{tools / 'bin'}{os.pathsep}{os.environ['PATH']}", "COVERAGE_FILE": str(cache / "coverage")}
    ours = [sys.executable, "-m", "hephaestus", "gates"]
    return {
        "hephaestus": lambda: run(ours, root),
        "make -j2": lambda: run(["make", "-j2", "-f", str(makefile)], root, **path),
        "nox, one by one": lambda: run([str(tools / "bin" / "nox"), "-f", str(noxfile), "--no-venv"], root, **path),
    }


def seconds(turn: Turn) -> float:
    """Return how long a turn takes."""
    begin = time.perf_counter()
    turn()
    return time.perf_counter() - begin


def main() -> int:
    """Print a table, and return 1 where the gates take longer than they may."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    with tempfile.TemporaryDirectory() as scratch:
        where = Path(scratch)
        root = make_project(where)
        each = turns(root, where)
        taken: dict[str, list[float]] = {name: [] for name in (*each, "unchanged")}
        for number in range(-1, rounds):  # the first round fills caches
            for name, turn in each.items():
                (root / "src" / "acorn" / "part0.py").write_text(
                    f"{MODULE.format(number=0)}\n\nROUND = {number}\n", encoding="utf-8"
                )
                taken[name].append(seconds(turn))
            # The very same is the state that hephaestus was asked about last.
            each["hephaestus"]()
            taken["unchanged"].append(seconds(each["hephaestus"]))
    return report({name: times[1:] for name, times in taken.items()})


def report(taken: dict[str, list[float]]) -> int:
    """Print medians and ratios, and return 1 where one is too large."""
    plain = taken["make -j2"]
    print(f"{'':22}{'s':>8}{'to make -j2':>14}{'at most':>10}")
    missed = 0
    for name, times in taken.items():
        ratio = statistics.median(ours / theirs for ours, theirs in zip(times, plain, strict=True))
        most = WANTED.get({"hephaestus": "changed"}.get(name, name))
        missed |= most is not None and ratio > most
        print(f"{name:22}{statistics.median(times):8.2f}{ratio:14.2f}{most or '':>10}")
    missed |= statistics.median(taken["unchanged"]) > MOST_SECONDS_UNCHANGED
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
