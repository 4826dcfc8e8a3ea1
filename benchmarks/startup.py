# ruff: noqa: INP001, T201  (a script, which prints a table)
"""How long the program and the tasks take to start, against the least that Python and Invoke take.

    python benchmarks/startup.py [ROUNDS]

Needs hephaestus installed beside this Python. Each pair of commands runs in turn, so that a busy machine slows
both; what counts is the median of the ratios.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

PROGRAMS = Path(sys.executable).parent

# What is measured, what it is measured against, and how many times as long it may take.
PAIRS: tuple[tuple[str, Sequence[str], str, Sequence[str], float], ...] = (
    ("hephaestus --version", [str(PROGRAMS / "hephaestus"), "--version"], "python -c pass", ["-c", "pass"], 1.3),
    ("invoke --list", [str(PROGRAMS / "invoke"), "--list"], "python -c 'import invoke'", ["-c", "import invoke"], 1.15),
)


def seconds(command: Sequence[str], where: Path) -> float:
    """Return how long a command runs, from its start to its end."""
    begin = time.perf_counter()
    subprocess.run(command, cwd=where, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  (our own commands)
    return time.perf_counter() - begin


def compare(command: Sequence[str], least: Sequence[str], rounds: int, where: Path) -> tuple[float, float, float]:
    """Return the median seconds of both commands, and the median of their ratios."""
    for each in (command, least):
        seconds(each, where)  # the first run fills caches and writes byte code
    pairs = [(seconds(command, where), seconds(least, where)) for _ in range(rounds)]
    ours, bare = zip(*pairs, strict=True)
    return statistics.median(ours), statistics.median(bare), statistics.median(a / b for a, b in pairs)


def main() -> int:
    """Print a table, and return 1 where a start takes longer than it may."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 41
    missed = 0
    print(f"{'':24}{'ms':>8}{'against':>28}{'ms':>8}{'ratio':>8}{'at most':>10}")
    with tempfile.TemporaryDirectory() as scratch:
        where = Path(scratch)
        (where / "tasks.py").write_text("from hephaestus import ns\n", encoding="utf-8")
        for name, command, against, least, most in PAIRS:
            ours, bare, ratio = compare(command, [sys.executable, *least], rounds, where)
            missed += ratio > most
            print(f"{name:24}{ours * 1000:8.1f}{against:>28}{bare * 1000:8.1f}{ratio:8.2f}{most:10.2f}")
    if "import re\n" in (PROGRAMS / "hephaestus").read_text(encoding="utf-8"):
        print("An old pip wrote a `hephaestus` that loads `re` first: install with a newer one, or with uv.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
