"""Which file serves which target; what is said of those that none serves, and of those that were yanked."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

import wheels
import workshop
from hephaestus.errors import CouldNotRun
from hephaestus.wheelhouse import choose, index
from hephaestus.wheelhouse.locks import File, Package
from hephaestus.wheelhouse.target import parse, running
from indexes import Fault, Index

LINUX = parse("cp312-manylinux_2_28_x86_64")


def best(*tags: str, target: str = str(LINUX)) -> str | None:
    """Return the tags of the wheel that is taken of several."""
    files = [File(f"leaf-1.0-{tag}.whl", str(number) * 64) for number, tag in enumerate(tags)]
    found = choose.best(files, {tag: rank for rank, tag in enumerate(parse(target).tags)})
    return found and "-".join(found.name.removesuffix(".whl").split("-")[2:])


@pytest.mark.parametrize(
    ("tags", "taken"),
    [
        (["py3-none-any", "cp312-cp312-manylinux_2_17_x86_64"], "cp312-cp312-manylinux_2_17_x86_64"),
        (
            ["cp312-cp312-manylinux_2_17_x86_64", "cp312-cp312-manylinux_2_28_x86_64"],
            "cp312-cp312-manylinux_2_28_x86_64",
        ),
        (["cp312-cp312-manylinux_2_34_x86_64", "cp39-abi3-manylinux2014_x86_64"], "cp39-abi3-manylinux2014_x86_64"),
        (["cp311-cp311-manylinux_2_17_x86_64"], None),
        (["cp312-cp312-musllinux_1_2_x86_64"], None),
        (["cp312-cp312-linux_x86_64"], None),
        (["py2.py3-none-any"], "py2.py3-none-any"),
        (["1-py3-none-any", "2-py3-none-any"], "2-py3-none-any"),
        (["no wheel", "py3-none-any"], "py3-none-any"),
    ],
)
def test_the_best_wheel_is_the_one_an_installer_there_would_take(tags: list[str], taken: str | None) -> None:
    assert best(*tags) == taken


SDIST, NATIVE, GENERAL = (
    File(name, letter * 64)
    for letter, name in zip(
        "abc", ("leaf-1.0.tar.gz", "leaf-1.0-cp38-cp38-win32.whl", "leaf-1.0-py2-none-any.whl"), strict=True
    )
)


@pytest.mark.parametrize(
    ("target", "files", "chosen"),
    [
        (str(running()), [SDIST, NATIVE], SDIST),
        ("cp310-win_amd64", [SDIST], SDIST),
        ("cp310-win_amd64", [SDIST, GENERAL], SDIST),
        # What has wheels for platforms is not for all of them once it is built: nothing is compiled to find that out.
        ("cp310-win_amd64", [SDIST, NATIVE], None),
    ],
)
def test_an_sdist_is_built_where_its_wheel_can_serve_the_target(
    target: str, files: list[File], chosen: File | None
) -> None:
    package = Package(canonicalize_name("leaf"), Version("1.0"), tuple(files))

    (choice,) = choose.choose({parse(target): [package]})

    assert (choice.wheel, choice.sdist) == (None, chosen)


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """An index with leaf 1.0 and 2.0, which uv and pip are configured for."""
    for version in ("1.0", "2.0"):
        wheels.make_wheel(tmp_path / "files", "leaf", version)
    with Index(tmp_path / "files") as made:
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
        monkeypatch.setenv("PIP_INDEX_URL", made.url)
        yield made


def files(served: Index) -> list[File]:
    return [File(path.name, wheels.sha256(path)) for path in sorted(served.directory.iterdir())]


def test_a_file_that_was_yanked_is_named_with_the_reason(served: Index, tmp_path: Path) -> None:
    served.faults = {"leaf-1.0-py3-none-any.whl": Fault(yanked="eats data")}

    assert choose.yanked(files(served), index.configured(tmp_path)) == [
        "leaf-1.0-py3-none-any.whl was yanked from the index: eats data"
    ]


@pytest.mark.slow
def test_whether_a_file_was_yanked_is_not_known_where_the_index_does_not_answer(served: Index, tmp_path: Path) -> None:
    wanted = files(served)
    served.faults = {}
    served.__exit__()

    with pytest.raises(CouldNotRun):
        choose.yanked(wanted, index.configured(tmp_path))


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("uv.lock", "uv add leaf==1.0"),
        ("poetry.lock", "poetry add leaf==1.0"),
        ("pdm.lock", "pdm add leaf==1.0"),
        ("resolved by uv 0.13", "grep -n dependencies pyproject.toml  # leaf==1.0"),
    ],
)
def test_the_hint_is_that_of_the_tool_whose_lock_it_is(served: Index, tmp_path: Path, source: str, hint: str) -> None:
    from dataclasses import replace

    locked = replace(workshop.lock(tmp_path / "locked", []), source=source)
    new = Package(canonicalize_name("leaf"), Version("2.0"), ())

    (problem,) = choose.explain([choose.Choice(LINUX, new, None, None)], locked, index.configured(tmp_path), {})

    assert problem.message == f"leaf 2.0 has no wheel for {LINUX}; the newest version that has one is 1.0"
    assert problem.hint == hint
