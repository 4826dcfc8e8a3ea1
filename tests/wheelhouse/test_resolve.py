"""Resolving: a lock made here from a directory of wheels, by uv or by pip, with the reasons where there is none."""

import hashlib
import re
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import pytest

import houses
from hephaestus.errors import CouldNotRun, UsageError
from hephaestus.tree import Directory
from hephaestus.wheelhouse.locks import Lock, find
from hephaestus.wheelhouse.resolve import resolve
from hephaestus.wheelhouse.target import Target, parse, running

LINUX, WINDOWS, MAC = map(parse, ("cp311-manylinux_2_28_x86_64", "cp312-win_amd64", "cp313-macosx_11_0_x86_64"))


@dataclass(frozen=True)
class Wheels:
    """A directory of wheels, as uv and pip are told of it."""

    root: Path

    @property
    def uv_arguments(self) -> tuple[str, ...]:
        return ("--no-config", "--no-index", "--find-links", str(self.root))

    @property
    def pip_arguments(self) -> tuple[str, ...]:
        return ("--no-index", "--find-links", str(self.root))

    environment = MappingProxyType({})

    def add(self, name: str, version: str, *needs: str, python: str = ">=3.10", tag: str = "py3-none-any") -> None:
        info = f"{name}-{version}.dist-info"
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", f"Requires-Python: {python}"]
        members = {
            f"{info}/METADATA": "\n".join([*lines, *(f"Requires-Dist: {need}" for need in needs), "", ""]),
            f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n",
            f"{info}/RECORD": f"{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n",
        }
        self.root.mkdir(exist_ok=True)
        with zipfile.ZipFile(self.root / f"{name}-{version}-{tag}.whl", "w") as wheel:
            for path, text in members.items():
                wheel.writestr(path, text)


@pytest.fixture
def wheels(tmp_path) -> Wheels:
    found = Wheels(tmp_path / "wheels")
    found.add("lamp", "1.0", "oil>=1", "wick; sys_platform == 'win32'")
    found.add("oil", "1.0")
    found.add("oil", "2.0", python=">=3.12")
    found.add("oil", "3.0rc1")
    found.add("wick", "1.0")
    return found


@pytest.fixture
def work(tmp_path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def versions(lock: Lock, target: Target) -> dict[str, str]:
    return {each.name: str(each.version) for each in lock.packages(target.environments[0], frozenset(), frozenset())}


def test_one_lock_serves_all_targets(wheels, work) -> None:
    lock = resolve(["lamp"], ">=3.11", [LINUX, WINDOWS], wheels, work)

    assert versions(lock, LINUX) == {"lamp": "1.0", "oil": "1.0"}
    assert versions(lock, WINDOWS)["wick"] == "1.0"
    assert lock.source.startswith("resolved by uv ")
    assert (work / "pylock.toml").read_bytes() == lock.data
    [wick] = lock.packages(WINDOWS.environments[0], frozenset(), frozenset())[-1].files
    assert wick.sha256 == hashlib.sha256((wheels.root / wick.name).read_bytes()).hexdigest()
    assert wick.url == (wheels.root / wick.name).as_uri()


def test_a_pre_release_is_taken_only_where_it_is_asked_for(wheels, work) -> None:
    assert versions(resolve(["oil"], "", [LINUX], wheels, work), LINUX) == {"oil": "1.0"}
    assert versions(resolve(["oil>=3.0rc1"], "", [LINUX], wheels, work), LINUX) == {"oil": "3.0rc1"}


def test_requirements_that_exclude_each_other_are_explained_by_the_resolver(wheels, work) -> None:
    with pytest.raises(UsageError, match=r"oil==1\.0 and oil==2\.0") as raised:
        resolve(["oil==1.0", "oil==2.0"], ">=3.12", [WINDOWS], wheels, work)

    assert raised.value.hint


def test_a_target_the_project_is_not_for_is_named(wheels, work) -> None:
    with pytest.raises(UsageError, match=r"needs Python >=3.12.* cp311-manylinux_2_28_x86_64$"):
        resolve(["oil"], ">=3.12", [LINUX, WINDOWS], wheels, work)


def test_a_target_a_dependency_is_not_for_is_named(wheels, work) -> None:
    with pytest.raises(UsageError, match="not for the Python of cp311-manylinux_2_28_x86_64:") as raised:
        resolve(["oil==2.0"], "", [WINDOWS, LINUX], wheels, work)

    assert str(WINDOWS) in raised.value.hint


def test_a_project_whose_first_patch_releases_are_left_out_can_be_resolved(wheels, work) -> None:
    assert versions(resolve(["oil<2"], ">=3.11.4", [LINUX], wheels, work), LINUX) == {"oil": "1.0"}


def test_a_requires_python_that_cannot_be_read_is_refused(wheels, work) -> None:
    with pytest.raises(UsageError, match="requires-python"):
        resolve(["oil"], "three", [LINUX], wheels, work)


def test_an_older_version_with_a_wheel_for_the_target_is_found(wheels, work) -> None:
    wheels.add("glass", "1.0", tag="cp313-cp313-macosx_10_13_x86_64")
    for tag in ("macosx_12_0_x86_64", "manylinux_2_34_x86_64", "win_arm64"):
        wheels.add("glass", "2.0", tag=f"cp313-cp313-{tag}")

    assert versions(resolve(["glass"], "", [MAC], wheels, work), MAC) == {"glass": "1.0"}


@pytest.mark.parametrize(
    ("tag", "target"),
    [
        ("manylinux_2_17_x86_64", "manylinux_2_28_x86_64"),
        ("manylinux_2_28_aarch64", "manylinux_2_30_aarch64"),
        ("musllinux_1_1_x86_64", "musllinux_1_2_x86_64"),
        ("macosx_11_0_arm64", "macosx_12_0_arm64"),
        ("win_amd64", "win_amd64"),
        ("win_arm64", "win_arm64"),
        ("win32", "win32"),
    ],
)
def test_wheels_are_found_for_every_family_of_targets(wheels, work, tag, target) -> None:
    wheels.add("glass", "1.0", tag=f"cp312-cp312-{tag}")
    wheels.add("glass", "2.0", tag="cp312-cp312-macosx_99_0_ppc")
    there = parse(f"cp312-{target}")

    assert versions(resolve(["glass"], "", [there], wheels, work), there) == {"glass": "1.0"}


def test_an_index_that_cannot_be_reached_is_no_conflict(work, monkeypatch) -> None:
    @dataclass(frozen=True)
    class Nowhere:
        uv_arguments = ("--no-config", "--index-url", "http://robin:secret@127.0.0.1:9/simple")
        pip_arguments = ()
        environment = MappingProxyType({})

    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with pytest.raises(CouldNotRun, match="could not reach the index") as raised:
        resolve(["oil"], "", [LINUX], Nowhere(), work)
    assert "secret" not in raised.value.message


# Asks for one lock, and says what came of it.
ASK = """
import pathlib, sys
from types import SimpleNamespace
from hephaestus import system
from hephaestus.errors import HephaestusError
from hephaestus.wheelhouse.resolve import resolve
from hephaestus.wheelhouse.target import parse, running
assert system.program("uv") is None
indexes = SimpleNamespace(pip_arguments=("--no-index", "--find-links", {wheels!r}), uv_arguments=(), environment={{}})
work = pathlib.Path({work!r})
try:
    print({ask}.source)
except HephaestusError as error:
    print(type(error).__name__, error.message, error.hint)
"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A Python that has no uv, beside it or on PATH."""
    return houses.python_without_uv(tmp_path_factory.mktemp("bare"))


@pytest.mark.slow
def test_without_uv_pip_resolves_for_the_running_python(wheels, work, bare) -> None:
    def ask(text: str) -> str:
        done = houses.run(bare[0], ASK.format(wheels=str(wheels.root), work=str(work), ask=text), bare[1])
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert ask('resolve(["lamp", "oil<2"], ">=3.11", [running()], indexes, work)').startswith("resolved by pip ")
    lock = find(Directory(work), {})
    assert lock is not None
    assert versions(lock, running()) == {"lamp": "1.0", "oil": "1.0"}
    assert re.match(
        r"UsageError .*conflicting", ask('resolve(["oil<2", "oil>2"], "", [running()], indexes, work)'), re.DOTALL
    )
    assert re.match(r"CouldNotRun .*install uv", ask(f'resolve(["oil"], "", [parse("{WINDOWS}")], indexes, work)'))


@pytest.mark.index
@pytest.mark.slow
def test_versions_of_a_later_day_are_left_out(work) -> None:
    class Default:
        uv_arguments = pip_arguments = ()
        environment = MappingProxyType({})

    lock = resolve(["idna>=3"], "", [LINUX], Default(), work, datetime(2024, 1, 1, tzinfo=UTC))

    assert versions(lock, LINUX) == {"idna": "3.6"}
