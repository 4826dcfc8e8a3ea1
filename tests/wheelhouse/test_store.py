"""The store: whole files under their hash, from however many processes, and nothing else."""

import hashlib
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hephaestus import system
from hephaestus.wheelhouse import store as store_module
from hephaestus.wheelhouse.store import Store

LONG_AGO = 1_500_000_000
DATA = b"acorn" * 1000
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def temporary(where: Path, data: bytes = DATA) -> Path:
    where.mkdir(parents=True, exist_ok=True)
    path = where / "temporary"
    path.write_bytes(data)
    return path


def test_a_file_lies_under_its_hash(store: Store) -> None:
    assert store.path(SHA256) == store.root / "sha256" / SHA256[:2] / SHA256


def test_an_adopted_file_is_held_and_cannot_be_written_by_accident(store: Store, tmp_path: Path) -> None:
    given = temporary(tmp_path)

    path = store.adopt(given, SHA256)

    assert path == store.path(SHA256)
    assert path.read_bytes() == DATA
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    assert not given.exists()
    assert store.holds(SHA256)
    assert store.holds(SHA256, len(DATA))
    assert not store.holds(SHA256, len(DATA) + 1)


def test_an_empty_store_holds_nothing(store: Store) -> None:
    assert not store.holds(SHA256)


def test_adopting_the_same_file_again_changes_nothing(store: Store, tmp_path: Path) -> None:
    first = store.adopt(temporary(tmp_path), SHA256).stat().st_ino

    assert store.adopt(temporary(tmp_path), SHA256).stat().st_ino == first
    assert [path.name for path in store.path(SHA256).parent.iterdir()] == [SHA256]
    assert not (tmp_path / "temporary").exists()


def test_what_a_power_cut_left_empty_is_replaced(store: Store, tmp_path: Path) -> None:
    store.path(SHA256).parent.mkdir(parents=True)
    store.path(SHA256).touch()

    assert store.adopt(temporary(tmp_path), SHA256).read_bytes() == DATA


def test_where_there_are_no_hard_links_files_are_taken_in_and_given_out_all_the_same(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    store.adopt(temporary(tmp_path), SHA256)
    store.link(SHA256, tmp_path / "given.whl")

    assert (tmp_path / "given.whl").read_bytes() == store.path(SHA256).read_bytes() == DATA


def test_a_file_is_put_by_its_content_and_stays_where_it_was(store: Store, tmp_path: Path) -> None:
    source = temporary(tmp_path)

    assert store.put(source) == SHA256
    assert store.put(source) == SHA256
    assert store.path(SHA256).read_bytes() == source.read_bytes() == DATA
    source.write_bytes(b"changed")
    assert store.path(SHA256).read_bytes() == DATA
    assert [path.name for path in store.root.iterdir()] == ["sha256"]


def test_a_linked_file_costs_no_space_and_replaces_an_older_one(store: Store, tmp_path: Path) -> None:
    store.adopt(temporary(tmp_path), SHA256)
    target = tmp_path / "acorn.whl"
    target.write_bytes(b"older")

    store.link(SHA256, target)

    assert target.stat().st_ino == store.path(SHA256).stat().st_ino


def test_two_processes_that_adopt_the_same_file_leave_one_whole_file(store: Store, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from hephaestus.wheelhouse.store import Store\n"
        "store, given, sha256 = Store(Path(sys.argv[1])), Path(sys.argv[2]), sys.argv[3]\n"
        "print(flush=True); input()\n"
        "for _ in range(100): given.write_bytes(b'acorn' * 1000); store.adopt(given, sha256)\n"
    )
    both = [
        subprocess.Popen(
            [sys.executable, "-c", program, store.root, temporary(tmp_path / str(number)), SHA256],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(2)
    ]
    for process in both:
        assert process.stdout is not None
        process.stdout.readline()
    for process in both:
        process.communicate("go\n")

    assert [process.returncode for process in both] == [0, 0]
    assert store.path(SHA256).read_bytes() == DATA
    assert [path.name for path in store.path(SHA256).parent.iterdir()] == [SHA256]


def test_partial_downloads_are_found_again_by_the_next_one(store: Store) -> None:
    with store.downloads() as folder:
        (folder / SHA256).write_bytes(b"half")

    with store.downloads() as again:
        assert (again / SHA256).read_bytes() == b"half"


def test_two_downloads_at_once_are_kept_apart(store: Store) -> None:
    with store.downloads() as one, store.downloads() as other:
        assert one != other


def test_a_damaged_file_can_be_thrown_away(store: Store, tmp_path: Path) -> None:
    store.adopt(temporary(tmp_path), SHA256)

    store.discard(SHA256)
    store.discard(SHA256)

    assert not store.holds(SHA256)


def test_what_was_not_used_for_long_is_pruned(store: Store, tmp_path: Path) -> None:
    used = store.put(temporary(tmp_path, b"used"))
    asked_for = store.put(temporary(tmp_path, b"asked for"))
    forgotten = store.put(temporary(tmp_path, b"forgotten"))
    with store.downloads() as folder:
        (folder / SHA256).write_bytes(b"half")
    for path in (store.path(asked_for), store.path(forgotten), folder / SHA256):
        os.utime(path, (LONG_AGO, LONG_AGO))
    assert store.holds(asked_for)

    assert store.prune(30) == len(b"forgotten") + len(b"half")
    assert store.holds(used)
    assert store.holds(asked_for)
    assert not store.holds(forgotten)
    assert not (folder / SHA256).exists()


def test_the_users_own_store_lies_with_the_other_caches() -> None:
    assert store_module.default().root == system.area("store")
