# ruff: noqa: INP001, T201  (a script, which prints a table)
"""How long the look of a cleanup takes in a big tree, against git's own and against one walk per group of patterns.

    python benchmarks/cleanup.py [ROUNDS] [FILES]

Needs hephaestus installed beside this Python, and git. The tree is made in a temporary directory: tracked packages with
their compiled code, a virtual environment, node_modules, environments of Nox, caches and ignored data. Each pair of
commands runs in turn, so that a busy machine slows both; what counts is the median of the ratios.
"""

import fnmatch
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

HEPHAESTUS = str(Path(sys.executable).parent / "hephaestus")
LOOK = [HEPHAESTUS, "cleanup", "--dry-run", "--json"]
EVERYTHING = [*LOOK, "--deep-clean", "--node-modules"]
GIT = ["git", "clean", "-ndX"]
WALKS = [sys.executable, __file__, "--walks"]

# What is measured, what it is measured against, and the most or the least its ratio may be.
PAIRS: tuple[tuple[str, Sequence[str], str, Sequence[str], str, float], ...] = (
    ("cleanup", LOOK, "git clean -ndX", GIT, "at most", 2.0),
    ("cleanup, everything", EVERYTHING, "git clean -ndX", GIT, "at most", 2.0),
    ("cleanup, everything", EVERYTHING, "a walk per group", WALKS, "at most", 1 / 3),
)

# What a script that walks once for each of its groups looks for; the same kinds as ours.
GROUPS = (
    (".DS_Store", "._*", "__MACOSX", ".AppleDouble", ".LSOverride"),
    ("__pycache__", "*.pyc", "*.pyo"),
    ("build", "dist", "*.egg-info", ".eggs"),
    (".coverage", ".coverage.*", "coverage.xml", "htmlcov"),
    (".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", ".pytype", ".ipynb_checkpoints"),
    (".nox", ".tox"),
    ("node_modules",),
)
IGNORED = (
    *("__pycache__/", "*.py[cod]", ".venv/", "node_modules/", ".nox/", ".mypy_cache/", ".pytest_cache/", "/build/"),
    *("/dist/", "htmlcov/", "/data/", ".coverage", ".DS_Store"),
)
# Of each hundred files: directories with how many files each.
SHARES = (
    ("node_modules/package-{}/lib", 40, 10),
    (".venv/lib/python3.11/site-packages/package_{}", 8, 12),
    (".venv/lib/python3.11/site-packages/package_{}/__pycache__", 7, 12),
    (".nox/tests/lib/python3.11/site-packages/package_{}", 15, 12),
    (".mypy_cache/3.11/package_{}", 8, 20),
    ("data/day-{}", 4, 100),
    ("build/lib/package_{}", 2, 8),
    ("src/acorn/package_{}", 8, 8),
    ("src/acorn/package_{}/__pycache__", 8, 8),
)


def grow(root: Path, files: int) -> None:
    """Make the tree, with as many files."""
    for pattern, share, each in SHARES:
        ending = ".pyc" if pattern.endswith("__pycache__") else ".py"
        for number in range(files * share // 100 // each):
            directory = root / pattern.format(number)
            directory.mkdir(parents=True, exist_ok=True)
            for name in range(each):
                (directory / f"module_{name}{ending}").write_bytes(b"\xa7\r\r\n" if ending == ".pyc" else b"x = 1\n")
    (root / "pyproject.toml").write_text('[project]\nname = "acorn"\n', encoding="utf-8")
    (root / ".gitignore").write_text("\n".join(IGNORED) + "\n", encoding="utf-8")
    environment = root / ".venv"
    (environment / "bin").mkdir()
    (environment / "bin" / "python").symlink_to(os.path.realpath(sys.executable))
    (environment / "pyvenv.cfg").write_text(f"home = {Path(sys.executable).parent}\n", encoding="utf-8")
    (root / "src" / ".DS_Store").touch()
    for words in (["init", "--quiet"], ["add", "."]):
        subprocess.run(["git", *words], cwd=root, check=True)  # noqa: S603, S607  (our own commands)


def walks() -> int:
    """Look for each group of patterns with a walk of its own, as scripts that clean up do, and count what is found."""
    found = set()
    for group in GROUPS:
        for directory, folders, files in os.walk("."):
            if ".git" in folders:
                folders.remove(".git")
            found |= {
                f"{directory}/{name}"
                for name in (*folders, *files)
                if any(fnmatch.fnmatch(name, pattern) for pattern in group)
            }
    return len(found)


def seconds(command: Sequence[str], where: Path) -> float:
    """Return how long a command runs, from its start to its end."""
    begin = time.perf_counter()
    subprocess.run(command, cwd=where, check=True, capture_output=True)  # noqa: S603  (our own commands)
    return time.perf_counter() - begin


def compare(ours: Sequence[str], theirs: Sequence[str], rounds: int, where: Path) -> tuple[float, float, float]:
    """Return the median seconds of both commands, and the median of their ratios."""
    for each in (ours, theirs):
        seconds(each, where)  # the first run fills caches
    pairs = [(seconds(ours, where), seconds(theirs, where)) for _ in range(rounds)]
    first, second = zip(*pairs, strict=True)
    return statistics.median(first), statistics.median(second), statistics.median(a / b for a, b in pairs)


def main() -> int:
    """Print a table, and return 1 where a look takes longer than it may."""
    if sys.argv[1:] == ["--walks"]:
        print(walks())
        return 0
    rounds, files = (int(word) for word in (*sys.argv[1:], *("5", "200000")[len(sys.argv) - 1 :]))
    missed = 0
    with tempfile.TemporaryDirectory() as scratch:
        where = Path(scratch).resolve()
        grow(where, files)
        told = json.loads(subprocess.run(EVERYTHING, cwd=where, check=True, capture_output=True).stdout)  # noqa: S603
        held = sum(item["files"] for item in told["would_remove"])
        print(f"a tree of {files} files, of which {held} would go in {len(told['would_remove'])} pieces\n")
        print(f"{'':22}{'s':>8}{'against':>20}{'s':>8}{'ratio':>8}{'':>4}{'wanted':>12}")
        for name, ours, against, theirs, word, wanted in PAIRS:
            times = max(1, rounds // 3) if theirs is WALKS else rounds  # far from its line, and slow
            first, second, ratio = compare(ours, theirs, times, where)
            missed += ratio > wanted
            print(f"{name:22}{first:8.2f}{against:>20}{second:8.2f}{ratio:8.2f}{word:>11}{wanted:5.2f}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
