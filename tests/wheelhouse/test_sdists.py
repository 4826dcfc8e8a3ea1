"""Dependencies that are published as source alone: built once, with no network, the same wherever they are built."""

import hashlib
import shutil
from pathlib import Path

import pytest

from hephaestus import system
from hephaestus.errors import CommandFailed, UsageError, VerificationFailed
from hephaestus.wheelhouse import sdists
from hephaestus.wheelhouse.locks import File
from hephaestus.wheelhouse.store import Store
from houses import FoundIn
from places import BACKEND
from wheels import make_sdist, make_wheel

PYPROJECT = """\
[build-system]
requires = [{requires}]
build-backend = "backend"
backend-path = ["."]

[project]
name = "acorn"
version = "1.0.0"
description = "A small tree."
"""

# An extension that holds the path it was compiled from, as macros give it.
EXTENSION = """\
#include <Python.h>
#include <place.h>
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "acorn", PLACE, -1, NULL};
PyMODINIT_FUNC PyInit_acorn(void) { return PyModule_Create(&module); }
"""
HEADER = "static const char PLACE[] = __FILE__;\n"
SETUP = """\
import os
from setuptools import Extension, setup
extension = Extension("acorn", ["acorn.c"], include_dirs=[os.path.abspath("include")])
setup(name="acorn", version="1.0.0", ext_modules=[extension])
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def put(store: Store, path: Path) -> File:
    return File(path.name, store.put(path))


def sdist(where: Path, requires: str = "", backend: str = "") -> Path:
    """Make an sdist that writes a line to a file beside it each time it is built."""
    files = {
        "pyproject.toml": PYPROJECT.format(requires=requires),
        "backend.py": BACKEND.read_text() + backend,
        "src/acorn/__init__.py": "x = 1\n",
    }
    return make_sdist(where, "acorn", "1.0.0", files)


def noting(file: Path) -> str:
    """Return the end of a backend that notes each build of a wheel in a file."""
    return f"\nplain = build_wheel\ndef build_wheel(*given):\n    open({str(file)!r}, 'a').write('x')\n    return plain(*given)\n"


def test_the_wheel_is_in_the_store_and_the_manifest_can_say_how_it_was_made(store, tmp_path):
    made_of = put(store, sdist(tmp_path))

    made = sdists.build(store, made_of)

    wheel = store.path(made.wheel.sha256).read_bytes()
    assert made.wheel == File("acorn-1.0.0-py3-none-any.whl", hashlib.sha256(wheel).hexdigest(), size=len(wheel))
    assert made.builder["sha256"] == made_of.sha256
    assert made.builder["made_with"] == []


def test_what_was_built_once_is_not_built_again(store, tmp_path):
    made_of = put(store, sdist(tmp_path, backend=noting(tmp_path / "noted")))

    first, second = sdists.build(store, made_of), sdists.build(store, made_of)

    assert first == second
    assert (tmp_path / "noted").read_text() == "x"


@pytest.mark.slow
def test_what_left_the_store_is_built_again_with_the_same_bytes(store, tmp_path):
    made_of = put(store, sdist(tmp_path, backend=noting(tmp_path / "noted")))
    first = sdists.build(store, made_of)
    system.remove(store.path(first.wheel.sha256))

    assert sdists.build(store, made_of) == first
    assert store.holds(first.wheel.sha256)
    assert (tmp_path / "noted").read_text() == "xx"


@pytest.mark.slow
def test_another_version_of_a_tool_builds_it_again(store, tmp_path):
    made_of = put(store, sdist(tmp_path, requires='"leaf"'))
    for version in ("1.0", "2.0"):
        make_wheel(tmp_path / version, "leaf", version)

    made = [sdists.build(store, made_of, indexes=FoundIn(tmp_path / version)) for version in ("1.0", "2.0")]

    assert [each.builder["made_with"] for each in made] == [["leaf==1.0"], ["leaf==2.0"]]


def test_an_sdist_that_configures_an_index_of_its_own_is_not_heard(store, tmp_path):
    make_wheel(tmp_path / "theirs", "leaf", "1.0")
    configured = f'[tool.uv]\nno-index = true\nfind-links = ["{tmp_path / "theirs"}"]\n'
    files = {"pyproject.toml": PYPROJECT.format(requires='"leaf"') + configured, "backend.py": BACKEND.read_text()}
    (tmp_path / "ours").mkdir()
    made_of = put(store, make_sdist(tmp_path, "acorn", "1.0.0", files))

    with pytest.raises(CommandFailed, match="leaf"):
        sdists.build(store, made_of, indexes=FoundIn(tmp_path / "ours"))


def test_no_code_of_a_tool_runs_before_the_build_where_the_tool_is_no_wheel(store, tmp_path):
    noted = tmp_path / "noted"
    tool = {"pyproject.toml": PYPROJECT.format(requires="").replace("acorn", "leaf")}
    make_sdist(tmp_path / "index", "leaf", "1.0.0", {**tool, "backend.py": f"open({str(noted)!r}, 'w')\n"})
    made_of = put(store, sdist(tmp_path, requires='"leaf"'))

    with pytest.raises(CommandFailed, match="leaf"):
        sdists.build(store, made_of, indexes=FoundIn(tmp_path / "index"))

    assert not noted.exists()


def test_a_tool_that_lies_somewhere_is_refused(store, tmp_path):
    made_of = put(store, sdist(tmp_path, requires=f'"leaf @ {tmp_path.as_uri()}"'))

    with pytest.raises(VerificationFailed, match="names a place"):
        sdists.build(store, made_of)


def test_an_sdist_that_changed_in_the_store_is_not_built(store, tmp_path):
    made_of = put(store, sdist(tmp_path))
    store.path(made_of.sha256).chmod(0o600)
    store.path(made_of.sha256).write_bytes(b"gnawed")

    with pytest.raises(VerificationFailed, match="has changed"):
        sdists.build(store, made_of)


@pytest.mark.parametrize("name", ["acorn-1.0.0.zip", "acorn-1.0.0.tar.bz2", "oak-1.0.0.tar.gz", "../acorn-1.0.0.zip"])
def test_what_is_no_sdist_of_that_name_is_refused(store, tmp_path, name):
    made_of = File(name, put(store, sdist(tmp_path)).sha256)

    with pytest.raises(VerificationFailed, match=r"oak-1\.0\.0|every sdist is"):
        sdists.build(store, made_of)


def test_a_build_system_that_cannot_be_read_is_refused(store, tmp_path):
    files = {"pyproject.toml": "[build-system]\nrequires = 'no list'\n"}

    with pytest.raises((UsageError, VerificationFailed), match="cannot be read"):
        sdists.build(store, put(store, make_sdist(tmp_path, "acorn", "1.0.0", files)))


@pytest.mark.slow
@pytest.mark.index
@pytest.mark.skipif(shutil.which("cc") is None, reason="this machine has no C compiler")
def test_an_extension_in_c_is_the_same_each_time_and_holds_no_path_of_this_machine(store, tmp_path, monkeypatch):
    path = make_sdist(tmp_path, "acorn", "1.0.0", {"setup.py": SETUP, "acorn.c": EXTENSION, "include/place.h": HEADER})
    made_of = put(store, path)
    first = sdists.build(store, made_of)
    system.remove(store.path(first.wheel.sha256))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another user's cache"))

    assert sdists.build(store, made_of) == first
    assert not first.wheel.name.endswith("-any.whl")
    assert any(each.startswith("setuptools==") for each in first.builder["made_with"])
    shutil.unpack_archive(store.path(first.wheel.sha256), tmp_path / "unpacked", "zip")
    library = next((tmp_path / "unpacked").glob("acorn*.so")).read_bytes()
    assert str(system.area("builders")).encode() not in library
