"""Distributions by their names: what a file says it is, and finding the ones of a version."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from hephaestus import distributions
from hephaestus.errors import VerificationFailed


def lay(where: Path, *names: str) -> Path:
    for name in names:
        (where / name).write_text("x")
    return where


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("acorn-1.1.0.tar.gz", ("acorn", Version("1.1.0"))),
        ("acorn-1.1.0-py3-none-any.whl", ("acorn", Version("1.1.0"))),
        ("Big_Oak.tree-1.0rc1-py3-none-any.whl", ("big-oak-tree", Version("1.0rc1"))),
        ("big_oak-1.0.post1.tar.gz", ("big-oak", Version("1.0.post1"))),
        ("acorn-1.1.0-wheelhouse.tar.gz", None),
        ("acorn-1.1.0.tar.gz.sha256", None),
        ("acorn-1.1.0.zip.part", None),
        ("acorn.whl", None),
        ("acorn-one-py3-none-any.whl", None),
        (".whl", None),
        ("", None),
    ],
)
def test_a_file_is_what_its_name_says(name: str, expected: Any) -> None:
    assert distributions.named(name) == expected


@given(name=st.text())
def test_no_name_is_an_error(name: str) -> None:
    distributions.named(name)
    distributions.named(f"{name}.whl")
    distributions.named(f"{name}.tar.gz")


def test_sdist_and_wheels_of_one_version_are_found_among_others(tmp_path: Path) -> None:
    lay(tmp_path, "acorn-1.1.0.tar.gz", "acorn-1.1.0-py3-none-any.whl", "acorn-1.1.0-cp311-cp311-linux_x86_64.whl")
    lay(
        tmp_path,
        "acorn-1.0.0.tar.gz",
        "acorn-1.0.0-py3-none-any.whl",
        "oak-1.1.0.tar.gz",
        "notes.txt",
        "acorn-1.1.0-wheelhouse.tar.gz",
    )

    sdist, wheels = distributions.find(tmp_path, "acorn", "1.1")

    assert sdist.name == "acorn-1.1.0.tar.gz"
    assert [wheel.name for wheel in wheels] == [
        "acorn-1.1.0-cp311-cp311-linux_x86_64.whl",
        "acorn-1.1.0-py3-none-any.whl",
    ]


@pytest.mark.parametrize(
    "names",
    [
        (),
        ("acorn-1.1.0.tar.gz",),
        ("acorn-1.1.0-py3-none-any.whl",),
        ("acorn-1.1.0.tar.gz", "acorn-1.1.0.zip", "acorn-1.1.0-py3-none-any.whl"),
        ("acorn-1.1.0.tar.gz", "acorn-1.0.0-py3-none-any.whl"),
    ],
)
def test_anything_but_one_sdist_and_its_wheels_is_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    lay(tmp_path, *names)

    with pytest.raises(VerificationFailed, match=r"does not hold the sdist and wheel of acorn 1\.1\.0") as caught:
        distributions.find(tmp_path, "acorn", "1.1.0")
    assert caught.value.hint == "hephaestus build"


def test_a_directory_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    with pytest.raises(VerificationFailed):
        distributions.find(tmp_path / "dist", "acorn", "1.1.0")
