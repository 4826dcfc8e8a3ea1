"""A project in a clone, with a real remote and a directory for its releases, that needs no network."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hephaestus import git

BACKEND = Path(__file__).parent / "data" / "backend.py"
# What lets a Python measure its coverage, where there is such: kept for ours, as slow tests have it not for every tool.
MEASURED = {name: value for name, value in os.environ.items() if name == "COVERAGE_PROCESS_CONFIG"}

PYPROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "acorn"
version = "1.0.0"
description = "A small tree."

[project.scripts]
acorn = "acorn:main"

[tool.hephaestus]
smoke = "acorn"
gates = { use = [] }
"""

PACKAGE = '''\
"""A small tree."""

__version__ = "1.0.0"


def main():
    print("acorn", __version__)
'''

CHANGELOG = """\
# Changelog

## [Unreleased]

### Added

- Leaves.

## [1.0.0] - 2026-01-01

### Added

- A trunk.

[unreleased]: https://github.com/oak/acorn/compare/v1.0.0...HEAD
[1.0.0]: https://github.com/oak/acorn/releases/tag/v1.0.0
"""

NOXFILE = """\
import nox


@nox.session(tags=["gate"], venv_backend="none")
def stands(session):
    session.run("git", "--version", external=True, silent=True)
"""


@dataclass(frozen=True)
class Place:
    """A project in a clone, its bare remote, and the directory its releases go to."""

    root: Path
    remote: Path
    forge: Path

    @property
    def repository(self) -> git.Repository:
        return git.Repository(self.root)

    def git(self, *arguments: str, at: Path | None = None) -> str:
        done = subprocess.run(["git", *arguments], cwd=at or self.root, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def hephaestus(
        self, *words: str, at: Path | None = None, extra: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the program as a user would, without a terminal."""
        command = [sys.executable, "-m", "hephaestus", *words]
        environment = {**os.environ, **MEASURED, **(extra or {})}
        return subprocess.run(
            command,
            cwd=at or self.root,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def commit(self, path: str, text: str, message: str = "feat: Grow") -> str:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        self.git("add", path)
        self.git("commit", "--quiet", "-m", message)
        return self.git("rev-parse", "HEAD")

    def clone(self, name: str) -> "Place":
        """Return a fresh clone of the remote, as another machine would have it."""
        root = self.root.parent / name
        self.git("clone", "--quiet", str(self.remote), str(root))
        return Place(root, self.remote, self.forge)

    def remote_refs(self) -> dict[str, str]:
        return git.Repository(self.remote).refs("refs/")

    def releases(self) -> dict[str, bytes]:
        """Return every file of the forge that readers see, by its path."""
        hidden = (".drafts", ".lock")
        return {
            file.relative_to(self.forge).as_posix(): file.read_bytes()
            for file in sorted(self.forge.rglob("*"))
            if file.is_file() and file.relative_to(self.forge).parts[0] not in hidden
        }

    def drafts(self) -> list[str]:
        found = self.forge / ".drafts"
        return sorted(path.name for path in found.iterdir()) if found.is_dir() else []

    def snapshot(self) -> dict[str, object]:
        """Return all that must be as before after a rollback: refs, head, index, files, remote and forge."""
        tracked = [file for file in sorted(self.root.rglob("*")) if file.is_file() and ".git" not in file.parts]
        return {
            "refs": self.repository.refs("refs/"),
            "head": (self.root / ".git" / "HEAD").read_bytes(),
            "index": (self.root / ".git" / "index").read_bytes(),
            "files": {file.relative_to(self.root).as_posix(): file.read_bytes() for file in tracked},
            "status": self.git("status", "--porcelain"),
            "remote": self.remote_refs(),
            "releases": self.releases(),
            "drafts": self.drafts(),
        }


def make_place(where: Path, *, forge: bool = True) -> Place:
    """Make a project with one release behind it and one to come, needing no network at all.

    Without `forge` it says nothing of where its releases go.
    """
    place = Place(where / "acorn", where / "remote.git", where / "releases")
    place.root.mkdir(parents=True)
    files = {
        "pyproject.toml": PYPROJECT + (f'forge = "{place.forge}"\n' if forge else ""),
        "src/acorn/__init__.py": PACKAGE,
        "CHANGELOG.md": CHANGELOG,
        "noxfile.py": NOXFILE,
        "backend.py": BACKEND.read_text(),
        ".gitignore": "dist/\n.nox/\n__pycache__/\n",
    }
    for name, text in files.items():
        (place.root / name).parent.mkdir(parents=True, exist_ok=True)
        (place.root / name).write_text(text)
    place.git("init", "--quiet", "--bare", "--initial-branch=main", str(place.remote))
    place.git("init", "--quiet", "--initial-branch=main")
    place.git("add", ".")
    place.git("commit", "--quiet", "-m", "feat: Begin")
    place.git("tag", "-a", "-m", "Release v1.0.0", "v1.0.0")
    place.commit("src/acorn/leaves.py", "COLOUR = 'green'\n", "feat: Grow leaves")
    place.git("remote", "add", "origin", str(place.remote))
    place.git("push", "--quiet", "--set-upstream", "origin", "main", "v1.0.0")
    return place
