"""Cleaning up: what tools left behind goes, and whatever may be somebody's work stays."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from invoke.config import Config
from invoke.context import Context
from invoke.exceptions import Exit

from hephaestus import cleanup, git, stage, system, tasks
from hephaestus.cleanup import rules
from hephaestus.errors import UsageError

COMPILED = b"\xa7\r\r\n\0\0\0\0"
APPLE_DOUBLE = b"\0\5\26\7\0\2\0\0"
SQLITE = b"SQLite format 3\0 and more"
EVERYTHING = cleanup.Wish(deep=True, node_modules=True)
IGNORED = (
    *("__pycache__/", "*.py[cod]", ".DS_Store", "._*", "__MACOSX/", "build/", "dist/", "*.egg-info/", ".eggs/"),
    *(".coverage*", "coverage.*", "htmlcov/", ".*_cache/", ".venv/", "node_modules/", ".nox/", ".tox/", ".hypothesis/"),
    *("Icon?", ".ipynb_checkpoints/", ".AppleDouble/", "ignored/"),
)


@dataclass(frozen=True)
class Clone:
    """A project in a clone, of which `pyproject.toml`, `.gitignore` and a module are tracked."""

    root: Path

    def git(self, *words: str) -> str:
        return subprocess.run(["git", *words], cwd=self.root, check=True, capture_output=True, text=True).stdout

    def lay(self, *paths: str, data: bytes = b"data", track: bool = False) -> Path:
        """Write files, and return the last one; a path that ends with `/` is an empty directory."""
        for path in paths:
            place = self.root / path
            (place if path.endswith("/") else place.parent).mkdir(parents=True, exist_ok=True)
            if not path.endswith("/"):
                place.write_bytes(data)
        if track:
            self.git("--literal-pathspecs", "add", "--force", "--", *paths)
        return self.root / paths[-1]

    def environment(self, path: str, python: str = "/gone/bin/python3.11", version: str = "3.11.2") -> Path:
        """Make what looks like a virtual environment, by default one whose interpreter is gone."""
        self.lay(f"{path}/lib/python3.11/site-packages/acorn.py", f"{path}/bin/activate")
        self.lay(f"{path}/pyvenv.cfg", data=f"home = {Path(python).parent}\nversion = {version}\n".encode())
        (self.root / path / "bin" / "python").symlink_to(python)
        return self.root / path

    def look(self, wish: cleanup.Wish = EVERYTHING) -> cleanup.Found:
        return cleanup.look(git.Repository(self.root), wish)

    def clear(self, found: cleanup.Found, agree: Callable[[str], bool] | None = None) -> cleanup.Outcome:
        return cleanup.clear(git.Repository(self.root), found, agree)

    def clean(self, wish: cleanup.Wish = EVERYTHING, *, agree: bool = False) -> cleanup.Outcome:
        return self.clear(self.look(wish), (lambda _: True) if agree else None)

    def files(self) -> set[str]:
        """Return all paths of the clone but for those of its git directory."""
        found = set()
        for directory, folders, files in os.walk(self.root):
            folders[:] = [name for name in folders if Path(directory, name) != self.root / ".git"]
            found |= {Path(directory, name).relative_to(self.root).as_posix() for name in (*folders, *files)}
        return found


@pytest.fixture(scope="session")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clone all others are copies of."""
    clone = Clone(tmp_path_factory.mktemp("grown") / "acorn")
    clone.root.mkdir()
    clone.git("init", "--quiet", "--template=")
    clone.lay("pyproject.toml", data=b'[project]\nname = "acorn"\n')
    clone.lay(".gitignore", data="\n".join(IGNORED).encode())
    clone.lay("src/acorn/__init__.py")
    clone.git("add", ".")
    return clone.root


@pytest.fixture(autouse=True)
def _cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What other tests keep for their clones, which may be gone, is none of ours."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def clone(grown: Path, tmp_path: Path) -> Clone:
    shutil.copytree(grown, tmp_path / "acorn")
    return Clone(tmp_path / "acorn")


@pytest.fixture(params=[True, False], ids=["by open directory", "by path"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Both ways to remove: from directories that are held open, and by path, as where the system has only that."""
    monkeypatch.setattr(system._Descent, "HELD", request.param)
    return bool(request.param)


def reasons(left: tuple[cleanup.Left, ...]) -> dict[str, str]:
    return {each.path: each.why for each in left}


def removed(outcome: cleanup.Outcome) -> list[str]:
    return [item.path for item in outcome.removed]


# What goes


@pytest.mark.usefixtures("way")
def test_what_systems_and_tools_leave_behind_goes_and_nothing_else(clone: Clone) -> None:
    before = clone.files()
    clone.lay("src/.DS_Store", "src/__MACOSX/x", "src/.AppleDouble/x", "docs/Icon\r")
    clone.lay("src/._acorn.py", data=APPLE_DOUBLE)
    clone.lay("src/acorn/__pycache__/acorn.pyc", "src/acorn/old.pyc", "src/acorn/older.pyo", data=COMPILED)
    clone.lay("build/lib/acorn.py", "src/acorn.egg-info/PKG-INFO", ".eggs/x.egg")
    clone.lay(".coverage", ".coverage.host.1", data=SQLITE)
    clone.lay("coverage.xml", "htmlcov/index.html")
    clone.lay(
        ".pytest_cache/x", ".mypy_cache/3.11/x.json", ".ruff_cache/x", ".import_linter_cache/x", "tools/.pytype/x"
    )
    clone.environment(".venv")
    outcome = clone.clean(cleanup.Wish(), agree=True)

    assert clone.files() - {"docs", "tools"} == before
    assert outcome.left == outcome.failed == ()
    assert {item.kind for item in outcome.removed} == {
        "macos", "bytecode", "build", "coverage", "cache", "stale-environment",
    }  # fmt: skip


@pytest.mark.parametrize("path", ["dist/acorn.whl", ".nox/tests/x", ".tox/x", ".hypothesis/x", ".ipynb_checkpoints/x"])
def test_what_costs_time_to_make_anew_goes_by_deep_clean_alone(clone: Clone, path: str) -> None:
    place = clone.lay(path)

    assert clone.look(cleanup.Wish(node_modules=True)).items == ()
    assert removed(clone.clean(cleanup.Wish(deep=True))) == [path.partition("/")[0]]
    assert not place.parent.exists()


def test_node_modules_go_on_request_alone(clone: Clone) -> None:
    clone.lay("web/node_modules/left-pad/index.js", "web/node_modules/left-pad/.DS_Store")

    assert clone.look(cleanup.Wish(deep=True)).items == ()
    assert removed(clone.clean(cleanup.Wish(node_modules=True))) == ["web/node_modules"]


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("build", b"a script"),
        ("src/acorn/build/plan.py", b""),
        ("src/dist/data.csv", b""),
        (".coveragerc", b""),
        (".coverage.toml", b"[run]"),
        ("._notes", b"mine"),
        ("src/notes.pyc", b"mine"),
        ("src/oak.egg-info/mine", b""),
        ("src/acorn/__pycache__.py", b""),
        ("Icons", b""),
        ("htmlcov", b"a file"),
    ],
)
def test_what_only_has_such_a_name_stays(clone: Clone, path: str, data: bytes) -> None:
    place = clone.lay(path, data=data)

    assert clone.clean(agree=True).removed == ()
    assert place.read_bytes() == data


def test_what_was_removed_is_written_down(clone: Clone) -> None:
    clone.lay("src/acorn/__pycache__/a.pyc", "src/acorn/__pycache__/b.pyc")
    clone.lay(".coverage", data=SQLITE)
    os.link(clone.lay(".mypy_cache/one"), clone.root / "src" / "elsewhere")
    outcome = clone.clean()
    assert outcome.manifest is not None

    assert outcome.manifest.parent == clone.root / ".git" / "hephaestus" / "cleanup"
    assert [json.loads(line) for line in outcome.manifest.read_text().splitlines()] == [
        {"path": ".coverage", "kind": "coverage", "files": 1, "bytes": len(SQLITE), "whole": True},
        {"path": ".mypy_cache", "kind": "cache", "files": 1, "bytes": 0, "whole": True},
        {"path": "src/acorn/__pycache__", "kind": "bytecode", "files": 2, "bytes": 8, "whole": True},
    ]
    assert clone.clean().manifest is None


def test_a_look_with_sizes_says_what_the_removal_frees(clone: Clone) -> None:
    clone.lay("build/a", "build/deep/b", ".DS_Store")
    os.link(clone.lay("build/shared"), clone.root / "src" / "shared")
    told = [(item.path, item.files, item.bytes) for item in clone.look(cleanup.Wish(sizes=True)).items]

    assert told == [(".DS_Store", 1, 4), ("build", 3, 8)]
    assert [(item.path, item.files, item.bytes) for item in clone.clean().removed] == told
    assert [item.bytes for item in clone.look(cleanup.Wish()).items] == []


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("name", ["new\nline", "\udcff\udcfe", "-rf", " ", "*", "ü", ":(top)x"])
def test_hostile_names_are_names(clone: Clone, name: str) -> None:
    clone.lay(f"{name}/__pycache__/{name}", f"{name}/{name}.txt")
    clone.lay(f"{name}/kept.pyc", data=COMPILED, track=True)
    outcome = clone.clean()

    assert removed(outcome) == [f"{name}/__pycache__"]
    assert outcome.manifest is not None
    assert json.loads(outcome.manifest.read_text())["path"] == f"{name}/__pycache__"
    assert (clone.root / name / "kept.pyc").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["d", "a-name-of-a-directory"])
def test_a_tree_a_thousand_levels_deep_goes_even_where_its_path_is_too_long(clone: Clone, name: str) -> None:
    clone.lay("build/")
    handle = os.open(clone.root / "build", os.O_RDONLY)
    for _ in range(1000):
        os.mkdir(name, dir_fd=handle)
        below = os.open(name, os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = below
    os.close(os.open("leaf", os.O_CREAT | os.O_WRONLY, dir_fd=handle))
    os.close(handle)
    outcome = clone.clean()

    assert [(item.path, item.files) for item in outcome.removed] == [("build", 1)]
    assert not (clone.root / "build").exists()


# What git knows


def test_no_tracked_file_goes_and_no_directory_that_holds_one(clone: Clone) -> None:
    kept = ("build/plan.py", "dist/deep/er/x", ".DS_Store", "src/a.pyc", ".nox/keep", "htmlcov/index.html")
    clone.lay(*kept, data=COMPILED, track=True)
    clone.lay("build/lib/x", "dist/__pycache__/x", "build/.DS_Store")
    outcome = clone.clean(agree=True)

    assert clone.files().issuperset({*kept, "build/lib/x"})
    assert removed(outcome) == ["build/.DS_Store", "dist/__pycache__"]
    assert reasons(outcome.left) == dict.fromkeys(["build", "dist", ".nox", "htmlcov"], "git tracks files in it")


def test_where_case_does_not_count_a_tracked_name_is_tracked_however_it_is_written(clone: Clone) -> None:
    clone.lay("Build/Plan.py", track=True)
    (clone.root / "Build").rename(clone.root / "build")
    clone.git("config", "core.ignoreCase", "true")

    assert clone.clean(agree=True).removed == ()
    assert (clone.root / "build" / "Plan.py").exists()


def test_what_git_tracks_since_the_look_stays(clone: Clone) -> None:
    clone.lay("build/a")
    found = clone.look()
    clone.git("add", "--force", "build")
    outcome = clone.clear(found)

    assert outcome.removed == ()
    assert reasons(outcome.left) == {"build": "git tracks it by now"}


def test_what_git_does_not_ignore_is_asked_about_once(clone: Clone) -> None:
    clone.lay(".gitignore", data=b"dist/\n__pycache__/\n")
    clone.lay("build/a", ".DS_Store", "dist/a", "src/__pycache__/x")
    asked: list[str] = []

    def answer(question: str) -> bool:
        asked.append(question)
        return len(asked) > 1

    assert removed(clone.clear(clone.look(), answer)) == ["dist", "src/__pycache__"]
    assert [line.strip() for line in asked[0].splitlines()[1:-1]] == [".DS_Store", "build"]
    outcome = clone.clear(clone.look())
    assert reasons(outcome.left) == dict.fromkeys([".DS_Store", "build"], "git does not ignore it, and nobody agreed")
    assert removed(clone.clear(clone.look(), answer)) == [".DS_Store", "build"]


def test_a_directory_whose_files_are_all_ignored_counts_as_ignored(clone: Clone) -> None:
    clone.lay(".gitignore", data=b"*.pyc\n")
    clone.lay(".pytest_cache/.gitignore", data=b"*\n")
    clone.lay(".pytest_cache/v/x")
    clone.lay("src/__pycache__/x.pyc", "tests/__pycache__/x.pyc", "tests/__pycache__/mine.txt")

    assert removed(clone.clean()) == [".pytest_cache", "src/__pycache__"]
    assert (clone.root / "tests/__pycache__/mine.txt").exists()


# Other repositories, links and mounts


@pytest.mark.parametrize("marks", [(".git/HEAD",), (".git",), ("HEAD", "objects/", "refs/"), (".hg/store",), (".GIT",)])
@pytest.mark.parametrize("place", ["ignored/other", "build/other", "src/other"])
def test_other_repositories_stay_whole_wherever_they_lie(clone: Clone, place: str, marks: tuple[str, ...]) -> None:
    clone.lay(*(f"{place}/{mark}" for mark in marks))
    clone.lay(f"{place}/__pycache__/x.pyc", f"{place}/.DS_Store")
    before = clone.files()

    assert clone.look().items == ()
    assert clone.clean(agree=True).removed == ()
    assert clone.files() == before


def test_a_submodule_stays_even_while_it_is_empty(clone: Clone) -> None:
    clone.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},build")
    clone.lay("build/")

    assert clone.clean(agree=True).removed == ()
    assert (clone.root / "build").is_dir()


def test_a_repository_that_appears_after_the_look_stays(clone: Clone) -> None:
    clone.lay("build/a", "build/other/x")
    found = clone.look()
    clone.lay("build/other/.git/HEAD")
    outcome = clone.clear(found)

    assert reasons(outcome.failed) == {"build/other": "it is a repository"}
    assert clone.files().issuperset({"build/other/.git/HEAD", "build/other/x"})
    assert outcome.manifest is not None
    assert json.loads(outcome.manifest.read_text())["whole"] is False


def test_what_the_clone_keeps_in_its_own_git_directory_stays(clone: Clone) -> None:
    clone.lay(".git/hephaestus/journals/x", ".git/hooks/__pycache__/x", ".git/.DS_Store", ".jj/__pycache__/x")
    before = sorted(clone.root.rglob("*"))

    assert clone.clean(agree=True).removed == ()
    assert sorted(clone.root.rglob("*")) == before


@pytest.mark.usefixtures("way")
def test_no_link_is_followed(clone: Clone, tmp_path: Path) -> None:
    for name in ("build", "__pycache__", "sub/deep"):
        (tmp_path / "outside" / name).mkdir(parents=True)
        (tmp_path / "outside" / name / "mine").touch()
    (clone.root / "dist").symlink_to(tmp_path / "outside")
    (clone.root / "src" / "linked").symlink_to(tmp_path / "outside")
    (clone.root / ".DS_Store").symlink_to(tmp_path / "outside" / "build" / "mine")
    clone.lay("build/x")
    (clone.root / "build" / "linked").symlink_to(tmp_path / "outside")
    outcome = clone.clean(agree=True)

    assert removed(outcome) == ["build"]
    assert reasons(outcome.left) == {"dist": "it is a symbolic link"}
    assert outcome.failed == ()
    assert len(list((tmp_path / "outside").rglob("mine"))) == 3
    assert (clone.root / "dist").is_symlink()
    assert (clone.root / ".DS_Store").is_symlink()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are none here")
def test_what_is_no_file_is_not_read(clone: Clone) -> None:
    os.mkfifo(clone.root / ".coverage.pipe")  # reading it would wait for ever
    os.mkfifo(clone.root / ".DS_Store")

    assert clone.look().items == ()


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("swapped", ["ignored", "ignored/__pycache__", "ignored/__pycache__/deep"])
def test_a_path_that_becomes_a_link_after_the_look_leads_nowhere(clone: Clone, tmp_path: Path, swapped: str) -> None:
    clone.lay("ignored/__pycache__/deep/x.pyc")
    found = clone.look()
    shutil.move(clone.root / swapped, tmp_path / "outside")
    (clone.root / swapped).symlink_to(tmp_path / "outside")
    clone.clear(found)

    assert list((tmp_path / "outside").rglob("x.pyc"))


@pytest.mark.usefixtures("way")
def test_another_directory_of_the_same_name_stays(clone: Clone) -> None:
    clone.lay("build/old")
    found = clone.look()
    (clone.root / "build").rename(clone.root / "ignored")
    clone.lay("build/new")
    outcome = clone.clear(found)

    assert reasons(outcome.failed) == {"build": "it is another one by now"}
    assert clone.files().issuperset({"build/new", "ignored/old"})


def test_a_directory_that_is_moved_while_it_is_emptied_leads_nowhere(clone: Clone, tmp_path: Path) -> None:
    clone.lay("build/deep/x", "build/y")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "mine").touch()

    def meanwhile(path: str, _: frozenset[str]) -> str:
        if path == "build/deep":
            (clone.root / "build" / "deep").rename(tmp_path / "outside" / "deep")
        return ""

    told = os.lstat(clone.root / "build")
    outcome = system.remove_below(clone.root, "build", (told.st_dev, told.st_ino), meanwhile)
    assert outcome is not None

    assert outcome.stayed == (("build", "it was moved meanwhile"),)
    assert (tmp_path / "outside" / "mine").exists()


@pytest.mark.usefixtures("way")
def test_what_went_before_a_directory_was_moved_away_is_counted(clone: Clone, tmp_path: Path) -> None:
    clone.lay("build/deep/x", "build/y")

    def meanwhile(path: str, _: frozenset[str]) -> str:
        if path == "build/deep":
            (clone.root / "build").rename(tmp_path / "build")
        return ""

    told = os.lstat(clone.root / "build")
    outcome = system.remove_below(clone.root, "build", (told.st_dev, told.st_ino), meanwhile)
    assert outcome is not None

    assert outcome.files >= 1
    assert [path for path, _ in outcome.stayed] == ["build"]


@pytest.mark.usefixtures("way")
def test_a_directory_that_becomes_a_link_while_others_are_emptied_is_not_entered(clone: Clone, tmp_path: Path) -> None:
    clone.lay("build/a/x", "build/b/x")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "mine").touch()

    def meanwhile(path: str, _: frozenset[str]) -> str:
        other = {"build/a": "build/b", "build/b": "build/a"}.get(path)
        if other and not (tmp_path / "moved").exists():
            (clone.root / other).rename(tmp_path / "moved")
            (clone.root / other).symlink_to(tmp_path / "outside")
        return ""

    told = os.lstat(clone.root / "build")
    outcome = system.remove_below(clone.root, "build", (told.st_dev, told.st_ino), meanwhile)
    assert outcome is not None

    assert (tmp_path / "outside" / "mine").exists()
    assert (tmp_path / "moved" / "x").exists()
    assert len(outcome.stayed) == 1


@pytest.mark.usefixtures("way")
def test_a_directory_that_is_spared_stays_even_if_it_is_empty(clone: Clone) -> None:
    clone.lay("build/empty/", "build/full/x", "build/y")
    told = os.lstat(clone.root / "build")
    outcome = system.remove_below(
        clone.root, "build", (told.st_dev, told.st_ino), lambda path, _: "mine" if path == "build/empty" else ""
    )

    assert outcome == system.Removed(2, 8, (("build/empty", "mine"),))
    assert clone.files() & {"build/empty", "build/full", "build/y"} == {"build/empty"}


@pytest.mark.slow
@pytest.mark.usefixtures("mounts")
@pytest.mark.parametrize("held", ["True", "False"])
def test_another_file_system_is_not_entered_even_where_nobody_lists_the_mounts(clone: Clone, held: str) -> None:
    clone.lay("build/in/", "build/x")
    program = (
        "import os; from pathlib import Path; from hephaestus import system\n"
        f"system._Descent.HELD = {held}; told = os.lstat('build')\n"
        "done = system.remove_below(Path.cwd(), 'build', (told.st_dev, told.st_ino), lambda *_: '')\n"
        "print(done.stayed, os.listdir('build/in'))"
    )
    script = 'mount -t tmpfs none build/in && touch build/in/mine && exec "$0" -c "$1"'
    words = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, sys.executable, program]
    done = subprocess.run(words, cwd=clone.root, capture_output=True, text=True, check=True)

    assert done.stdout == "(('build/in', 'another file system is mounted there'),) ['mine']\n"


def mounting(clone: Clone, *commands: str, listed: bool) -> str:
    """Clean the clone with some things mounted in it, in a namespace of our own, and return the JSON it tells.

    What is mounted may be `listed`, or not, as it is on other systems.
    """
    unlisted = "" if listed else "from hephaestus.cleanup import rules; rules.mounts = frozenset; "
    program = f"{unlisted}import sys; from hephaestus.cli import main; sys.argv[0] = 'hephaestus'; sys.exit(main())"
    script = " && ".join([*commands, 'exec "$0" -c "$1" cleanup --deep-clean --yes --json'])
    words = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, sys.executable, program]
    return subprocess.run(words, cwd=clone.root, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def mounts() -> None:
    words = ["unshare", "--user", "--map-root-user", "--mount", "true"]
    if not shutil.which("unshare") or subprocess.run(words, check=False, capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")


@pytest.mark.slow
@pytest.mark.usefixtures("mounts")
@pytest.mark.parametrize(
    ("mount", "listed"),
    [("mount --bind '{}'", True), ("mount -t tmpfs none", True), ("mount -t tmpfs none", False)],
    ids=["bind", "another file system", "another file system, unlisted"],
)
def test_nothing_is_removed_through_a_mount(clone: Clone, tmp_path: Path, mount: str, listed: bool) -> None:  # noqa: FBT001  (a parameter)
    (tmp_path / "outside" / "build").mkdir(parents=True)
    (tmp_path / "outside" / "__pycache__").mkdir()
    for name in ("build/mine", "__pycache__/mine", "pyproject.toml"):
        (tmp_path / "outside" / name).touch()
    clone.lay("build/x", "build/in side/", "ignored/mounted/", "dist/")
    mounted = mount.format(tmp_path / "outside")
    places = ("build/in side", "ignored/mounted", "dist")
    fill = "mkdir -p ignored/mounted/__pycache__"
    told = json.loads(mounting(clone, *(f"{mounted} '{place}'" for place in places), fill, listed=listed))

    assert told["removed"] == []
    assert {each["path"] for each in told["left"]} == {"build", "dist"}
    assert len(list((tmp_path / "outside").rglob("mine"))) == 2


# Environments


def test_an_environment_is_stale_only_where_it_cannot_work(clone: Clone) -> None:
    real = os.path.realpath(sys.executable)
    version = f"{sys.version_info.major}.{sys.version_info.minor}.1"
    works = clone.environment("ignored/works", real, version)
    clone.lay("ignored/works/lib/python3.11/site-packages/__pycache__/x.pyc")
    gone = clone.environment("ignored/gone")
    renewed = clone.environment("ignored/renewed", real, "3.2.1")
    headless = clone.environment("ignored/headless")
    (headless / "bin" / "python").unlink()
    mine = clone.environment("ignored/mine")
    clone.lay("ignored/mine/notes.txt")
    conda = clone.lay("ignored/conda/conda-meta/history", "ignored/conda/lib/__pycache__/x.pyc")
    outcome = clone.clean()

    whys = {item.path: item.why for item in outcome.removed}
    assert whys == {
        "ignored/gone": "its interpreter, /gone/bin/python3.11, is gone",
        "ignored/headless": "it has no interpreter",
        "ignored/renewed": f"it was made for Python 3.2, and its interpreter is {version.rpartition('.')[0]} now",
    }
    assert works.exists()
    assert (works / "lib/python3.11/site-packages/__pycache__/x.pyc").exists()
    assert mine.exists()
    assert conda.exists()
    assert not gone.exists()
    assert not renewed.exists()


def test_the_environment_one_stands_in_stays(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", str(clone.environment(".venv")))
    clone.lay("tools/python/lib/__pycache__/x.pyc")
    monkeypatch.setenv("CONDA_PREFIX", str(clone.root / "tools" / "python"))
    before = clone.files()

    assert clone.clean().removed == ()
    assert clone.files() == before


@pytest.fixture
def sleeper(clone: Clone) -> Iterator[Callable[..., int]]:
    """Start a program that waits until the test is over, and return its number."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*words: str, cwd: Path | None = None, **variables: str) -> int:
        environment = {**os.environ, **variables}
        started.append(subprocess.Popen(words, cwd=cwd or clone.root.parent, env=environment, stdin=subprocess.PIPE))
        return started[-1].pid

    yield start
    for each in started:
        each.communicate()


@pytest.mark.parametrize("seen", ["program", "directory", "variable"])
@pytest.mark.parametrize("place", [".nox/tests", "build/tests"])
def test_an_environment_a_process_runs_from_stays(
    clone: Clone, sleeper: Callable[..., int], place: str, seen: str
) -> None:
    home = clone.environment(place, os.path.realpath(sys.executable))
    wait = (sys.executable, "-S", "-c", "input()")
    pid = {
        "program": lambda: sleeper(str(home / "bin" / "python"), *wait[1:]),
        "directory": lambda: sleeper(*wait, cwd=home),
        "variable": lambda: sleeper(*wait, VIRTUAL_ENV=str(home)),
    }[seen]()
    found = clone.look()

    assert found.items == ()
    assert reasons(found.left) == {place.partition("/")[0]: f"process {pid} runs from it, or works in it"}


def test_an_environment_a_process_runs_from_since_the_look_stays(clone: Clone, sleeper: Callable[..., int]) -> None:
    home = clone.environment(".nox/tests", os.path.realpath(sys.executable))
    found = clone.look()
    sleeper(str(home / "bin" / "python"), "-S", "-c", "input()")

    assert clone.clear(found).removed == ()
    assert home.exists()


# Roots in which nobody can mean to clean


@pytest.mark.parametrize("root", ["/", "/usr", "/etc", "/tmp", "/home", "/var"])
def test_a_directory_of_the_system_is_refused(root: str) -> None:
    with pytest.raises(UsageError, match="nothing is cleaned up there"):
        rules.refuse_dangerous(Path(root), rules.Paths(frozenset({"pyproject.toml"}), folded=False))


@pytest.mark.parametrize("home", [".", "robin", "some/where/robin"])
def test_a_home_and_what_holds_one_is_refused(clone: Clone, monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    clone.lay("build/x")
    (clone.root / home).mkdir(parents=True, exist_ok=True)
    monkeypatch.setenv("HOME", str(clone.root / home))

    with pytest.raises(UsageError, match="your home"):
        clone.look()


@pytest.mark.parametrize("known", ["by variable", "by file"])
def test_a_root_that_is_an_environment_is_refused(clone: Clone, monkeypatch: pytest.MonkeyPatch, known: str) -> None:
    if known == "by variable":
        monkeypatch.setenv("VIRTUAL_ENV", str(clone.root))
    else:
        clone.lay("pyvenv.cfg")

    with pytest.raises(UsageError, match="is a virtual environment"):
        clone.look()


def test_a_repository_that_is_no_project_is_refused_and_one_with_a_project_inside_is_not(clone: Clone) -> None:
    clone.git("mv", "pyproject.toml", "notes.toml")
    clone.lay("build/x")
    with pytest.raises(UsageError, match="does not look like a project"):
        clone.look()
    clone.lay("packages/oak/pyproject.toml", track=True)
    clone.lay("packages/oak/build/x")

    assert removed(clone.clean()) == ["packages/oak/build"]


# What goes wrong


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs another user to be")
def test_what_cannot_be_removed_is_named_and_the_rest_goes(grown: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:  # the directories of pytest are closed to others
        Path(scratch).chmod(0o755)
        shutil.copytree(grown, Path(scratch, "acorn"))
        assert told_by_another_user(Clone(Path(scratch, "acorn"))) == (
            "['build', 'src/__pycache__'] [('build/closed/x', 'Permission denied')]\n"
        )


def told_by_another_user(clone: Clone) -> str:
    """Clean the clone as a user who may not write to one of its directories."""
    clone.lay("build/closed/x", "build/open/y", "src/__pycache__/z")
    for path in (clone.root, *clone.root.rglob("*")):
        os.chown(path, 65534, 65534)
    (clone.root / "build" / "closed").chmod(0o555)
    ask = (
        "import os, sys; from pathlib import Path; from hephaestus import cleanup, git; import psutil\n"
        "os.setgid(65534); os.setuid(65534); os.environ['HOME'] = '/nonexistent'\n"
        f"repository = git.Repository(Path({str(clone.root)!r}))\n"
        "outcome = cleanup.clear(repository, cleanup.look(repository, cleanup.Wish()), None)\n"
        "print([item.path for item in outcome.removed], [(each.path, each.why) for each in outcome.failed])"
    )
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert clone.files() & {"build/closed/x", "build/open", "src/__pycache__"} == {"build/closed/x"}
    return done.stdout


@pytest.mark.usefixtures("way")
def test_what_is_gone_already_is_told_and_is_no_failure(clone: Clone) -> None:
    clone.lay("build/a", ".DS_Store", "dist/x")
    found = clone.look()
    shutil.rmtree(clone.root / "build")
    (clone.root / ".DS_Store").unlink()
    outcome = clone.clear(found)

    assert removed(outcome) == ["dist"]
    assert reasons(outcome.left) == dict.fromkeys(["build", ".DS_Store"], "it is gone already")
    assert outcome.failed == ()


def test_an_interrupted_cleanup_has_written_down_what_it_removed(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    clone.lay("a/__pycache__/x", "b/__pycache__/x", "c/__pycache__/x")
    found = clone.look()
    remove = system.remove_below

    def interrupted(root: Path, path: str, *rest: Any) -> system.Removed | None:
        if path.startswith("b"):
            raise KeyboardInterrupt
        return remove(root, path, *rest)

    monkeypatch.setattr(system, "remove_below", interrupted)
    with pytest.raises(KeyboardInterrupt):
        clone.clear(found)
    (manifest,) = (clone.root / ".git" / "hephaestus" / "cleanup").iterdir()

    told = [json.loads(line) for line in manifest.read_text().splitlines()]
    assert [(each["path"], each["whole"]) for each in told] == [("a/__pycache__", True), ("b/__pycache__", False)]


# What hephaestus keeps outside


def test_what_is_kept_for_a_clone_goes_when_the_clone_is_gone(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(clone.root.parent / "cache"))
    areas = {}
    for name in ("here", "gone", "on-a-disk/away"):
        other = Clone(clone.root.parent / "clones" / name)
        shutil.copytree(clone.root, other.root)
        areas[name] = stage.claim(git.Repository(other.root))
        (areas[name] / "environments").mkdir()
        (areas[name] / "stage" / ".git").mkdir(parents=True)
    silent = areas["here"].with_name("silent-0123456789ab")
    lying = areas["here"].with_name("lying-0123456789ab")
    silent.mkdir()
    lying.mkdir()
    (lying / "clone").write_text("/nowhere/.git")
    shutil.rmtree(clone.root.parent / "clones" / "gone")
    shutil.rmtree(clone.root.parent / "clones" / "on-a-disk")
    found = cleanup.look_outside(sizes=True)

    assert set(reasons(found.left)) == {str(silent), str(lying)}
    assert removed(clone.clear(found)) == [areas["gone"].name]
    assert [each.name for each in areas.values() if each.exists()] == [areas["here"].name, areas["on-a-disk/away"].name]
    assert lying.exists()


def test_an_environment_of_builds_goes_when_its_interpreter_is_gone(
    clone: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(clone.root / "cache"))
    kept = clone.root / "cache" / "hephaestus" / "builders"
    for name in ("one", "two"):
        clone.environment(f"cache/hephaestus/builders/{name}/environment")
    with system.lock(kept / "two.lock", "busy"):
        outcome = clone.clear(cleanup.look_outside(sizes=False))

    assert removed(outcome) == ["builders/one"]
    assert reasons(outcome.left) == {str(kept / "two"): "another process makes it"}
    assert not (kept / "one").exists()


# The task


def call(*, dry: bool = False, **flags: Any) -> Any:
    """Call the task as Invoke does once it has understood the command line; `dry` is its own `--dry`."""
    return tasks.cleanup(Context(Config(overrides={"run": {"dry": dry}})), **flags)


@pytest.mark.parametrize("flags", [{"dry": True}, {"dry_run": True}])
def test_a_dry_run_says_what_would_go_and_changes_nothing(
    clone: Clone, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], flags: dict[str, bool]
) -> None:
    clone.lay("build/a", "src/__pycache__/x", "src/new\nline.pyc", data=COMPILED)
    clone.lay("dist/x", track=True)
    monkeypatch.chdir(clone.root / "src")
    before = sorted(clone.root.rglob("*"))
    told = call(**flags, sizes=True, deep_clean=True, json=True)
    said = capfd.readouterr()

    assert sorted(clone.root.rglob("*")) == before
    assert json.loads(said.out) == told
    assert [item["path"] for item in told["would_remove"]] == ["build", "src/__pycache__", "src/new\nline.pyc"]
    assert said.err.startswith("would remove 24 B in 2 directories and 1 file\n")
    assert "\nbuild/ (8 B)\nsrc/__pycache__/ (8 B)\n'src/new\\nline.pyc' (8 B)\n" in said.err
    assert "\nstays: dist (git tracks files in it)\n" in said.err


def test_what_git_does_not_ignore_stays_without_a_terminal_unless_yes_is_said(
    clone: Clone, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    clone.lay("tools/.pytype/x", ".mypy_cache/x")
    monkeypatch.chdir(clone.root)
    monkeypatch.setenv("CI", "true")

    assert [item["path"] for item in call()["removed"]] == [".mypy_cache"]
    said = capfd.readouterr().err
    assert "stays: tools/.pytype (git does not ignore it, and nobody agreed)" in said
    assert [item["path"] for item in call(yes=True)["removed"]] == ["tools/.pytype"]
    assert "removed 4 B in 1 directory\n" in capfd.readouterr().err
    assert call()["removed"] == []
    assert capfd.readouterr().err == "there was nothing to remove\n"


def test_a_path_that_could_not_be_removed_ends_in_an_error(
    clone: Clone, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    clone.lay("build/a", ".mypy_cache/x")
    monkeypatch.chdir(clone.root)
    look = cleanup.look

    def meanwhile(repository: git.Repository, wish: cleanup.Wish) -> cleanup.Found:
        found = look(repository, wish)
        clone.lay("build/other/.git/x")
        return found

    monkeypatch.setattr(cleanup, "look", meanwhile)
    with pytest.raises(Exit) as caught:
        call(json=True)
    said = capfd.readouterr()
    told = json.loads(said.out)

    assert caught.value.code == told["exit_code"] == 5
    assert told["error"] == "build/other could not be removed: it is a repository"
    assert [item["path"] for item in told["removed"]] == [".mypy_cache", "build"]
    assert "removed" in said.err
    assert "could not be removed: build/other (it is a repository)" in said.err


# Whatever the tree

NAMES = st.sampled_from(
    [
        "build",
        "dist",
        "__pycache__",
        ".venv",
        "node_modules",
        ".nox",
        "a",
        "x.pyc",
        ".DS_Store",
        "pyproject.toml",
        ".git",
    ]
)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
TREES = st.lists(st.tuples(PATHS, st.sampled_from(["tracked", "loose", "link"])), max_size=12)


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=TREES)
def test_whatever_the_tree_tracked_files_and_everything_outside_survive(
    grown: Path, tmp_path: Path, tree: list[tuple[str, str]]
) -> None:
    shutil.rmtree(tmp_path, ignore_errors=True)
    shutil.copytree(grown, tmp_path / "acorn")
    clone = Clone(tmp_path / "acorn")
    for name in ("build", "__pycache__", "a"):
        (tmp_path / "outside" / name).mkdir(parents=True)
        (tmp_path / "outside" / name / "x.pyc").write_bytes(COMPILED)
    tracked = [clone.root / "pyproject.toml"]
    for path, how in tree:
        place = clone.root / path
        above = [each for each in place.parents if each != clone.root and each.is_relative_to(clone.root)]
        free = all(each.is_dir() and not each.is_symlink() for each in above if os.path.lexists(each))
        if path.startswith(".git") or os.path.lexists(place) or not free:
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        if how == "link":
            place.symlink_to(tmp_path / "outside")
            continue
        place.write_bytes(COMPILED)
        if how == "tracked" and ".git" not in path.split("/"):
            done = subprocess.run(["git", "add", "--force", path], cwd=clone.root, check=False, capture_output=True)
            tracked += [place] if done.returncode == 0 else []
    marks = [place for place in clone.root.rglob(".git") if place != clone.root / ".git"]
    outcome = clone.clean(agree=True)

    assert all(place.read_bytes() for place in tracked)
    assert len(list((tmp_path / "outside").rglob("x.pyc"))) == 3
    assert all(place.exists() for place in marks)
    assert outcome.failed == ()
    assert clone.look().items == (), "a second cleanup finds nothing"
