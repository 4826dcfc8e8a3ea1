# ruff: noqa: INP001, T201  (a script, which prints a table)
"""How long it takes to look for drift: the function alone, the whole program, and plain programs beside it.

    python benchmarks/drift.py [ROUNDS] [DIRECTORY]

Needs hephaestus installed beside this Python. Without a directory it makes a project of a usual size: 30
requirements, an environment of 120 packages, a uv.lock of 150, six workflows, a changelog of 1,500 lines, 300 tags.
The commands run in turn, so that a busy machine slows all of them; what counts is the median of the ratios.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from hephaestus import drift

PROGRAMS = Path(sys.executable).parent
FUNCTION_AT_MOST = 0.2  # seconds, on a machine that does nothing else
PROGRAM_AT_MOST = 2.0  # times as long as `invoke --list`, which reads nothing

_WORKFLOW = """\
on: push
jobs:
  tests:
    runs-on: ubuntu-24.04
    strategy:
      matrix:
        python: ["3.11", "3.12", "3.13"]
    steps:
      - uses: actions/checkout@v7
      - uses: actions/setup-python@v7
        with:
          python-version: ${{ matrix.python }}
"""


def make(root: Path) -> None:
    """Write a project in which nothing has drifted."""
    groups = "".join(f'    "package-{number}>=1.0",\n' for number in range(30))
    versions = "".join(f'    "Programming Language :: Python :: 3.{minor}",\n' for minor in (11, 12, 13))
    _write(
        root / "pyproject.toml",
        '[project]\nname = "acorn"\nversion = "30.9.0"\nrequires-python = ">=3.11"\n'
        f"classifiers = [\n{versions}]\n\n[dependency-groups]\ndev = [\n{groups}]\n\n"
        '[tool.ruff]\ntarget-version = "py311"\n',
    )
    _write(root / "src" / "acorn" / "__init__.py", '__version__ = "30.9.0"\n')
    _write(root / "uv.lock", 'version = 1\nrequires-python = ">=3.11"\n' + "".join(map(_locked, range(150))))
    _write(root / ".venv" / "pyvenv.cfg", "version = 3.11.7\n")
    for number in range(120):
        _write(root / f".venv/lib/python3.11/site-packages/package_{number}-1.2.3.dist-info" / "METADATA", "")
    for number in range(6):
        _write(root / ".github" / "workflows" / f"{number}.yml", _WORKFLOW + "      - run: nox\n" * 60)
    _write(root / "CHANGELOG.md", "# Changelog\n\n## [Unreleased]\n" + "".join(map(_section, range(300, 0, -1))))
    _write(root / ".git" / "HEAD", "ref: refs/heads/main\n")
    tags = "".join(f"{number:040x} refs/tags/v{number // 10}.{number % 10}.0\n" for number in range(1, 310))
    _write(root / ".git" / "packed-refs", tags)


def _locked(number: int) -> str:
    files = "".join(
        f'    {{ url = "https://example.org/package_{number}-{each}.whl", hash = "sha256:{each:064x}", size = 1 }},\n'
        for each in range(15)
    )
    source = 'source = { registry = "https://example.org/simple" }'
    return f'\n[[package]]\nname = "package-{number}"\nversion = "1.2.3"\n{source}\nwheels = [\n{files}]\n'


def _section(number: int) -> str:
    number += 9
    return f"\n## [{number // 10}.{number % 10}.0] - 2026-01-01\n\n- A sentence about what is different.\n\n"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def seconds(action: Callable[[], object]) -> float:
    """Return how long an action takes."""
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def program(command: Sequence[str], where: Path) -> Callable[[], object]:
    """Return an action that runs a program to its end, whatever it says."""
    return lambda: subprocess.run(command, cwd=where, check=False, capture_output=True)  # noqa: S603  (our own commands)


def measure(root: Path, scratch: Path, rounds: int) -> int:
    """Print a table, and return 1 where something takes longer than it may."""
    _write(scratch / "tasks.py", "from hephaestus import ns\n")
    actions = {
        "drift.look, the function": lambda: drift.look(root),
        "hephaestus drift": program([str(PROGRAMS / "hephaestus"), "drift"], root),
        "python -c pass": program([sys.executable, "-c", "pass"], root),
        "invoke --list": program([str(PROGRAMS / "invoke"), "--list"], scratch),
    }
    for action in actions.values():
        action()  # the first run fills caches and writes byte code
    taken = [{name: seconds(action) for name, action in actions.items()} for _ in range(rounds)]
    print(f"{'':28}{'ms':>8}{'to python -c pass':>20}{'to invoke --list':>20}")
    for name in actions:
        middle = statistics.median(each[name] for each in taken)
        bare, listing = (
            statistics.median(each[name] / each[other] for each in taken)
            for other in ("python -c pass", "invoke --list")
        )
        print(f"{name:28}{middle * 1000:8.1f}{bare:20.2f}{listing:20.2f}")
    function = statistics.median(each["drift.look, the function"] for each in taken)
    whole = statistics.median(each["hephaestus drift"] / each["invoke --list"] for each in taken)
    return int(function > FUNCTION_AT_MOST or whole > PROGRAM_AT_MOST)


def main() -> int:
    """Measure the directory that is given, or a project that is made for it."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 21
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch, "acorn")
        if len(sys.argv) > 2:  # noqa: PLR2004  (the second word)
            root = Path(sys.argv[2])
        else:
            make(root)
            problems = drift.look(root).problems
            assert not problems, problems
        return measure(root, Path(scratch), rounds)


if __name__ == "__main__":
    sys.exit(main())
