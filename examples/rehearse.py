"""Rehearse a whole release of `examples/lantern`, as its maintainer would; nobody sees it.

    python examples/rehearse.py DIRECTORY

The directory gets a repository of the example, where the report of the rehearsal stays.
"""

import shutil
import subprocess
import sys
from pathlib import Path

LANTERN = Path(__file__).parent / "lantern"


def git(where: Path, *arguments: str) -> None:
    """Run git in a directory."""
    subprocess.run(["git", *arguments], cwd=where, check=True)


def main(where: Path, *words: str) -> int:
    """Make a repository of the example in a directory, with its first release behind it, and rehearse the next one."""
    project = where / "lantern"
    if project.exists():
        shutil.rmtree(project)
    shutil.copytree(LANTERN, project, ignore=shutil.ignore_patterns("__pycache__", ".nox", "dist"))
    git(project, "init", "--quiet", "--initial-branch=main")
    git(project, "config", "user.name", "Lantern")
    git(project, "config", "user.email", "lantern@example.org")
    git(project, "add", ".")
    git(project, "commit", "--quiet", "--message=feat: Count and measure logs")
    git(project, "tag", "--annotate", "--message=Release v1.0.0", "v1.0.0")
    command = [sys.executable, "-m", "hephaestus", "rehearse", "--version", "1.1.0", *words]
    return subprocess.run(command, cwd=project, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
