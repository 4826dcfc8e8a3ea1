"""The fingerprint of a project's files: any byte a gate could read changes it, and nothing else does."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from hephaestus.gates.fingerprint import files, fingerprint
from places import Place


def taken(place: Place) -> str:
    return fingerprint(files(place.repository), place.root.parent / "memory.json")


def change_source(place: Place) -> None:
    (place.root / "src/acorn/leaves.py").write_text("COLOUR = 'brown'\n")


def change_nothing_but_a_byte_at_the_same_time(place: Place) -> None:
    file = place.root / "src/acorn/leaves.py"
    before = file.stat()
    file.write_text("COLOUR = 'greeN'\n")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def hide_a_change(place: Place) -> None:
    place.git("update-index", "--assume-unchanged", "src/acorn/leaves.py")
    change_source(place)


def skip_a_change(place: Place) -> None:
    place.git("update-index", "--skip-worktree", "src/acorn/leaves.py")
    change_source(place)


def change_line_endings(place: Place) -> None:
    (place.root / "src/acorn/leaves.py").write_bytes(b"COLOUR = 'green'\r\n")


def add_untracked(place: Place) -> None:
    (place.root / "new.py").write_text("")


def add_ignored(place: Place) -> None:
    (place.root / ".env").write_text("KEY=1\n")


def remove(place: Place) -> None:
    (place.root / "backend.py").unlink()


def make_executable(place: Place) -> None:
    (place.root / "backend.py").chmod(0o755)


def rename(place: Place) -> None:
    (place.root / "backend.py").rename(place.root / "other.py")


def turn_into_a_link(place: Place) -> None:
    (place.root / "backend.py").rename(place.root.parent / "backend.py")
    (place.root / "backend.py").symlink_to("../backend.py")


CHANGES = [
    change_source,
    change_nothing_but_a_byte_at_the_same_time,
    hide_a_change,
    skip_a_change,
    change_line_endings,
    add_untracked,
    add_ignored,
    remove,
    make_executable,
    rename,
    turn_into_a_link,
]


@pytest.fixture
def grown(place: Place) -> Place:
    (place.root / ".gitattributes").write_text("* text=auto\n")
    (place.root / ".gitignore").write_text(".env\n*.so\ndata/\ndist/\n.nox/\n__pycache__/\n.venv/\n")
    place.git("add", ".")
    place.git("commit", "--quiet", "-m", "chore: Say what is text")
    return place


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_a_gate_can_read_changes_it(grown: Place, change: Callable[[Place], None]) -> None:
    before = taken(grown)
    assert taken(grown) == before

    change(grown)

    assert taken(grown) != before


@pytest.mark.parametrize("path", [".env", "src/acorn/_native.so", "data/deep/words.txt"])
def test_a_byte_of_an_ignored_file_changes_it(grown: Place, path: str) -> None:
    file = grown.root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"one")
    before = taken(grown)

    file.write_bytes(b"two")

    assert taken(grown) != before


@pytest.mark.parametrize("path", [".venv/lib/x.py", "src/acorn/__pycache__/x.pyc", "dist/acorn.whl", ".nox/lint/x"])
def test_caches_builds_and_environments_change_nothing(grown: Place, path: str) -> None:
    before = taken(grown)
    file = grown.root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"one")
    if path.startswith(".venv"):
        (grown.root / ".venv" / "pyvenv.cfg").write_text("")

    assert taken(grown) == before


def test_a_commit_of_the_same_files_changes_nothing(grown: Place) -> None:
    add_untracked(grown)
    before = taken(grown)

    grown.git("add", ".")
    grown.git("commit", "--quiet", "-m", "feat: Add")

    assert taken(grown) == before


def test_a_byte_in_a_submodule_changes_it(grown: Place) -> None:
    grown.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(grown.remote), "sub")
    grown.git("commit", "--quiet", "-m", "feat: Add a submodule")
    before = taken(grown)

    (grown.root / "sub" / "backend.py").write_text("changed\n")

    assert taken(grown) != before


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b'{"backend.py": 1}'])
def test_a_damaged_memory_is_no_matter(grown: Place, data: bytes) -> None:
    before = taken(grown)
    (grown.root.parent / "memory.json").write_bytes(data)

    assert taken(grown) == before


def test_names_of_any_bytes_are_taken(grown: Place) -> None:
    before = taken(grown)
    Path(os.fsdecode(os.fsencode(grown.root) + b"/\xff\n'\"")).write_text("x")

    assert taken(grown) != before


def test_what_a_link_leads_to_changes_it(grown: Place) -> None:
    outside = grown.root.parent / "shared.toml"
    outside.write_text("one")
    (grown.root / "ruff.toml").symlink_to(outside)
    before = taken(grown)

    outside.write_text("two")

    assert taken(grown) != before


def test_a_directory_that_became_a_file_is_a_change_like_any_other(grown: Place) -> None:
    before = taken(grown)
    shutil.rmtree(grown.root / "src" / "acorn")
    (grown.root / "src" / "acorn").write_text("")

    assert taken(grown) != before
