"""The walk over what wheels say they need: what is reached, and what is missing, for each target."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import wheels
from hephaestus.wheelhouse import wheel
from hephaestus.wheelhouse.closure import Closure, walk
from hephaestus.wheelhouse.target import parse

LINUX, WINDOWS = "cp311-manylinux_2_28_x86_64", "cp311-win_amd64"


class House:
    """Wheels made as a test asks for them."""

    def __init__(self, where: Path) -> None:
        self.where = where
        self.made = {}

    def add(self, name: str, *requires: str, version: str = "1.1.0", **more: object) -> None:
        path = wheels.make_wheel(self.where, name, version, requires=requires, **more)
        self.made[canonicalize_name(name)] = wheel.read(path)

    def walk(self, *roots: str, target: str = LINUX) -> Closure:
        return walk(self.made, parse(target), [Requirement(root) for root in roots])


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def names(found: Closure) -> Sequence[str]:
    return sorted(found.needs)


def test_it_reaches_what_is_needed_by_what_is_needed_and_nothing_else(house: House) -> None:
    house.add("acorn", "leaf>=1")
    house.add("leaf", "sap")
    house.add("sap")
    house.add("moss")

    found = house.walk("acorn")

    assert names(found) == ["acorn", "leaf", "sap"]
    assert found.needs["leaf"] == {"sap"}
    assert found.problems == ()


def test_a_marker_counts_for_the_target_and_not_for_this_machine(house: House) -> None:
    house.add("acorn", "colorama; sys_platform == 'win32'")

    assert house.walk("acorn").problems == ()
    (problem,) = house.walk("acorn", target=WINDOWS).problems
    assert problem == (f'acorn 1.1.0 needs colorama; sys_platform == "win32", which is not there for {WINDOWS}')


def test_what_only_some_patch_releases_need_is_needed(house: House) -> None:
    house.add("acorn", "async-timeout; python_full_version < '3.11.3'")

    assert "async-timeout" in house.walk("acorn").problems[0]


def test_an_extra_is_followed_where_it_is_asked_for(house: House) -> None:
    house.add("acorn", "leaf[green]")
    house.add("leaf", "sap; extra == 'green'", "moss; extra == 'grey'", extras=["green", "grey"])
    house.add("sap")

    found = house.walk("acorn")

    assert names(found) == ["acorn", "leaf", "sap"]
    assert found.problems == ()


def test_an_extra_that_comes_second_is_followed_as_well(house: House) -> None:
    house.add("acorn", "leaf", "bark")
    house.add("bark", "leaf[Green_ones]")
    house.add("leaf", "sap; extra == 'green-ones'", extras=["green-ones"])
    house.add("sap")

    assert names(house.walk("acorn")) == ["acorn", "bark", "leaf", "sap"]


def test_a_circle_of_needs_ends(house: House) -> None:
    house.add("acorn", "leaf")
    house.add("leaf", "acorn")

    assert names(house.walk("acorn")) == ["acorn", "leaf"]


def test_a_version_that_does_not_satisfy_is_named(house: House) -> None:
    house.add("acorn", "leaf>=2")
    house.add("leaf")

    assert house.walk("acorn").problems == (f"acorn 1.1.0 needs leaf>=2, but 1.1.0 is there for {LINUX}",)


def test_a_locked_pre_release_satisfies(house: House) -> None:
    house.add("acorn", "leaf>=2.0b1")
    house.add("leaf", version="2.0rc1")

    assert house.walk("acorn").problems == ()


def test_a_wheel_for_another_machine_is_named(house: House) -> None:
    house.add("acorn", tag="cp311-cp311-win_amd64")

    assert house.walk("acorn").problems == (f"acorn-1.1.0-cp311-cp311-win_amd64.whl cannot be installed on {LINUX}",)
    assert house.walk("acorn", target=WINDOWS).problems == ()


def test_a_wheel_for_a_newer_python_is_named(house: House) -> None:
    house.add("acorn", headers=["Requires-Python: >=3.12"])

    assert "needs Python >=3.12" in house.walk("acorn").problems[0]
    assert house.walk("acorn", target="cp312-win_amd64").problems == ()


def test_all_that_is_missing_is_told_at_once(house: House) -> None:
    house.add("acorn", "leaf", "sap>=3")

    assert len(house.walk("acorn").problems) == 2


@pytest.mark.parametrize(
    "requirement", ["leaf; os_name ~= 'abc'", "leaf; python_version ~= '3'", f"leaf>={'9' * 5000}"]
)
def test_what_cannot_be_compared_is_a_problem_and_no_crash(house: House, requirement: str) -> None:
    house.add("acorn", requirement)
    house.add("leaf")

    assert house.walk("acorn").problems
