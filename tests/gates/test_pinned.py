"""A pinned wheel: what it brings comes from its environment by every way Python knows to find a module."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from furnished import PACKAGE, furnish

import wheels
from hephaestus.environments import Environment
from hephaestus.errors import CouldNotRun
from hephaestus.gates import pinned

SOURCE = {"acorn/__init__.py": "", "acorn/twigs.py": "", "acorn/leaves.py": "", "oak/leaves.py": "", "single.py": ""}
WHEEL = {**PACKAGE, "oak/bark.py": "", "single.py": ""}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with a wheel of the packages acorn and (without an `__init__`) oak, and the module single."""
    where = tmp_path_factory.mktemp("pinned")
    return furnish(where, where, WHEEL)[0]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The source tree, which has more modules than the wheel."""
    for path, text in SOURCE.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def says(environment: Environment, code: str, cwd: Path, **variables: str) -> str:
    """Return what a line of Python prints, or the last line of its error."""
    return answered(environment, code, cwd, **variables)[-1]


def answered(environment: Environment, code: str, cwd: Path, **variables: str) -> list[str]:
    """Return the lines that a line of Python prints, or those of its error."""
    told = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **variables}
    done = subprocess.run(
        [environment.python, "-c", code], cwd=cwd, env=told, capture_output=True, text=True, check=False
    )
    return (done.stdout.strip() or done.stderr.strip()).splitlines()


FIRST = "import sys; sys.path.insert(0, '.'); "


@pytest.mark.parametrize(
    "code",
    [
        FIRST + "import {0}; print({0}.__file__)",
        "import importlib.util as u; print(u.find_spec('{0}').origin)",
        FIRST
        + "from importlib.machinery import PathFinder as P; import {1}; print(P.find_spec('{0}', getattr({1}, '__path__', None) if '{0}' != '{1}' else None).origin)",
        FIRST
        + "import {1}, importlib; importlib.invalidate_caches(); importlib.reload({1}); import {0}; print({0}.__file__)",
        "import os, subprocess, sys; subprocess.run([sys.executable, '-c', 'import {0}; print({0}.__file__)'])",
    ],
)
def test_what_the_wheel_brings_comes_from_the_environment(code: str, environment: Environment, source: Path) -> None:
    modules = ["acorn", "acorn.twigs", "oak.bark", "single"]
    lines = "; ".join(code.format(module, module.partition(".")[0]) for module in modules)

    said = answered(environment, lines, source, PYTHONPATH=str(source))

    assert [line.startswith(str(environment.root)) for line in said] == [True] * len(modules), said


@pytest.mark.parametrize("module", ["acorn.leaves", "oak.leaves"])
@pytest.mark.parametrize("before", ["", "import acorn, oak.bark; "])
def test_what_only_the_source_tree_has_is_not_found(
    module: str, before: str, environment: Environment, source: Path
) -> None:
    said = says(environment, f"{before}{FIRST}import {module}", source, PYTHONPATH="" if before else str(source))

    assert said == f"ModuleNotFoundError: No module named '{module}'"


def test_a_package_that_was_taken_away_is_not_looked_for_elsewhere(source: Path, tmp_path: Path) -> None:
    room, _ = furnish(tmp_path / "room", source, WHEEL)
    site = next(room.root.glob("lib*/*/site-packages"))
    (site / "single.py").unlink()

    assert (
        says(room, f"{FIRST}import single", source)
        == "ModuleNotFoundError: No module named 'single' in the wheel of the project"
    )


def test_everything_else_is_found_as_ever(environment: Environment, source: Path) -> None:
    (source / "helper.py").write_text("")

    assert says(environment, f"{FIRST}import helper, json; print(helper.__file__)", source).endswith("helper.py")
    assert says(environment, "import no_such_module", source) == "ModuleNotFoundError: No module named 'no_such_module'"


def test_test_modules_in_packages_come_from_the_source_and_what_is_loaded_besides_is_told(
    environment: Environment, source: Path, tmp_path: Path
) -> None:
    (source / "acorn" / "tests").mkdir()
    (source / "acorn" / "tests" / "__init__.py").write_text("import acorn\n")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    variables = pinned.variables(scratch, {"acorn.tests": source / "acorn"})

    inside = says(environment, "import acorn.tests as t; print(t.__file__, t.acorn.__file__)", source, **variables)
    assert inside.split()[0] == str(source / "acorn/tests/__init__.py")
    assert inside.split()[1].startswith(str(environment.root))
    assert pinned.astray(scratch) == ()

    by_path = "import importlib.util as u, sys; s = u.spec_from_file_location('acorn.leaves', 'acorn/leaves.py'); sys.modules['acorn.leaves'] = u.module_from_spec(s)"
    says(environment, f"{by_path}; print('so')", source, **variables)
    assert pinned.astray(scratch) == (f"acorn.leaves from {source / 'acorn/leaves.py'}",)


def test_a_second_wheel_takes_the_place_of_the_first(tmp_path: Path, source: Path) -> None:
    room, _ = furnish(tmp_path / "room", source, WHEEL)
    pinned.pin(room, wheels.make_wheel(tmp_path / "other", "oak", files={"oak/__init__.py": ""}))

    assert says(room, f"{FIRST}import single; print(single.__file__)", source) == str(source / "single.py")


# Reading wheels


def test_import_names_are_what_lands_beside_other_packages(tmp_path: Path) -> None:
    files = {
        "acorn-1.1.0.data/purelib/bark/__init__.py": "",
        "acorn-1.1.0.data/scripts/tool.py": "",
        "fast.cpython-311-x86_64-linux-gnu.so": "",
        "oak/leaf/__init__.py": "",
        "oak/leaf/vein.py": "",
        "oak/loose.py": "",
        "not-a-name/x.py": "",
        "README.txt": "",
        "it.pth": "",
    }
    paths = pinned.members(wheels.make_wheel(tmp_path, files=files))

    assert pinned.import_names(paths) == ("acorn", "bark", "fast", "oak")
    assert pinned.importable(paths) == ("acorn", "bark", "fast", "oak.leaf", "oak.loose")


def test_a_wheel_that_cannot_be_read_and_a_place_that_is_no_environment_are_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.whl").write_bytes(b"PK nonsense")

    with pytest.raises(CouldNotRun, match="cannot be read as a wheel"):
        pinned.members(tmp_path / "bad.whl")
    with pytest.raises(CouldNotRun, match="is no virtual environment"):
        pinned.pin(Environment(tmp_path), wheels.make_wheel(tmp_path))
