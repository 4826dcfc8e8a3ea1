# ruff: noqa: INP001, T201  (a script, which prints a table)
"""How long `hephaestus plan` takes to hold a package of 10,000 lines against its last release, and `griffe check`.

    python benchmarks/compatibility.py [ROUNDS]

Needs hephaestus installed beside this Python, and griffe's own program (griffecli) beside it or on PATH. The
package is `packaging`, some 12,000 lines, as it is installed here; `few` changes one of its files since the release,
`all` changes every one. Both programs run in turn, so that a busy machine slows both; what counts is the median of
the ratios.
"""

import importlib.util
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

PROGRAMS = Path(sys.executable).parent
MOST_TIMES = 1.5
MOST_SECONDS = 1.0

PYPROJECT = """\
[project]
name = "packaging"
version = "1.0.0"
"""


def git(where: Path, *words: str) -> None:
    """Run one git command."""
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    names = {f"GIT_{who}_{what}": "acorn@oak" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    subprocess.run(["git", *words], cwd=where, check=True, capture_output=True, env={**os.environ, **own, **names})  # noqa: S603, S607  (our own commands)


def make(where: Path, *, every: bool) -> int:
    """Make a project with a release and a change after it, and return how many lines its package has."""
    found = importlib.util.find_spec("packaging")
    assert found is not None
    assert found.submodule_search_locations is not None
    package = where / "src" / "packaging"
    shutil.copytree(found.submodule_search_locations[0], package, ignore=shutil.ignore_patterns("__pycache__"))
    (where / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    git(where, "init", "--quiet", "--initial-branch=main")
    git(where, "add", ".")
    git(where, "commit", "--quiet", "-m", "feat: Begin")
    git(where, "tag", "v1.0.0")
    files = sorted(package.rglob("*.py"))
    for file in files if every else files[:1]:
        with file.open("a", encoding="utf-8") as open_file:
            open_file.write("\n\ndef grown(): ...\n")
    git(where, "commit", "--quiet", "--all", "-m", "feat: Grow")
    return sum(len(file.read_bytes().splitlines()) for file in files)


def seconds(command: Sequence[str], where: Path) -> float:
    """Return how long a command runs, from its start to its end."""
    begin = time.perf_counter()
    subprocess.run(command, cwd=where, check=False, capture_output=True)  # noqa: S603  (our own commands)
    return time.perf_counter() - begin


def main() -> int:
    """Print a table, and return 1 where it takes longer than it may."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    griffe = shutil.which("griffe", path=os.pathsep.join((str(PROGRAMS), os.environ.get("PATH", ""))))
    ours = [sys.executable, "-m", "hephaestus", "plan"]
    missed = 0
    print(f"{'':8}{'lines':>8}{'plan, s':>10}{'griffe check, s':>18}{'ratio':>8}{'at most':>10}")
    for name, every in (("few", False), ("all", True)):
        with tempfile.TemporaryDirectory() as scratch:
            where = Path(scratch)
            lines = make(where, every=every)
            theirs = [griffe, "check", "packaging", "-s", "src", "-a", "v1.0.0"] if griffe else ["git", "--version"]
            for command in (ours, theirs):
                seconds(command, where)  # the first run fills caches and writes byte code
            pairs = [(seconds(ours, where), seconds(theirs, where)) for _ in range(rounds)]
        took, other = (statistics.median(each) for each in zip(*pairs, strict=True))
        ratio = statistics.median(a / b for a, b in pairs)
        missed += took > MOST_SECONDS or (griffe is not None and ratio > MOST_TIMES)
        shown = f"{other:18.2f}{ratio:8.2f}{MOST_TIMES:10.2f}" if griffe else f"{'not installed':>18}"
        print(f"{name:8}{lines:8}{took:10.2f}{shown}")
    print(f"At most {MOST_SECONDS:.1f} s on a machine that does nothing else.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
