"""The line a wheelhouse is made on: complete for every target or refused, the same bytes each time."""

import json
import tarfile
import tomllib
from pathlib import Path

import pytest

import wheels
import workshop
from hephaestus.errors import ChecksFailed, VerificationFailed
from hephaestus.wheelhouse import house
from workshop import LINUX, MAC, WINDOWS


def inside(packed: Path) -> dict[str, bytes]:
    with tarfile.open(packed) as tar:
        return {each.name.partition("/")[2]: tar.extractfile(each).read() for each in tar}


def told(caught: "pytest.ExceptionInfo[ChecksFailed]") -> str:
    return "\n".join(f"{problem.message} | {problem.hint}" for problem in caught.value.problems)


def test_each_target_gets_the_wheel_that_serves_it_best(tmp_path: Path) -> None:
    index = tmp_path / "index"
    leaves = [
        wheels.make_wheel(index, "leaf", tag=f"cp312-cp312-{platform}")
        for platform in ("manylinux_2_17_x86_64", "manylinux_2_28_x86_64", "manylinux_2_34_x86_64", "win_amd64")
    ]
    own = wheels.make_wheel(tmp_path, requires=["leaf"])

    packed = workshop.wheelhouse(tmp_path, workshop.order(LINUX, WINDOWS), [own], leaves)

    assert sorted(name for name in inside(packed) if name.startswith("wheels/leaf")) == [
        "wheels/leaf-1.1.0-cp312-cp312-manylinux_2_28_x86_64.whl",
        "wheels/leaf-1.1.0-cp312-cp312-win_amd64.whl",
    ]


def test_a_dependency_of_one_platform_alone_is_there_for_it(tmp_path: Path) -> None:
    colorama = wheels.make_wheel(tmp_path / "index", "colorama")
    own = wheels.make_wheel(tmp_path, requires=["colorama; sys_platform == 'win32'"])

    packed = workshop.wheelhouse(tmp_path, workshop.order(LINUX, WINDOWS), [own], [colorama])

    lines = inside(packed)["requirements.txt"].decode().splitlines()
    assert [line for line in lines if line.startswith("colorama")] == [
        "colorama==1.1.0 ; sys_platform == 'win32' and platform_machine == 'AMD64' \\"
    ]
    opened = house.unpack(packed, tmp_path / "unpacked")
    assert [sorted(opened.selected(target)) for target in opened.targets] == [["acorn"], ["acorn", "colorama"]]


def test_a_dependency_that_the_lock_forgot_is_named_with_its_target(tmp_path: Path) -> None:
    own = wheels.make_wheel(tmp_path, requires=["colorama; sys_platform == 'win32'"])

    with pytest.raises(ChecksFailed) as caught:
        workshop.wheelhouse(tmp_path, workshop.order(LINUX, WINDOWS), [own])

    assert f"which is not there for {WINDOWS}" in told(caught)
    assert LINUX not in told(caught)
    assert not list(tmp_path.glob("*wheelhouse.tar.gz*"))


def test_a_missing_wheel_is_named_with_package_and_targets_and_the_version_that_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = tmp_path / "index"
    wheels.make_wheel(index, "leaf", "1.0.0")
    wheels.make_wheel(index, "leaf", "0.9.0", tag="cp312-cp312-win_amd64")
    new = wheels.make_wheel(index, "leaf", "2.0.0", tag="cp312-cp312-manylinux_2_17_x86_64")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    own = wheels.make_wheel(tmp_path, requires=["leaf"])

    with pytest.raises(ChecksFailed) as caught:
        workshop.wheelhouse(tmp_path, workshop.order(LINUX, WINDOWS, MAC), [own], [new])

    assert f"leaf 2.0.0 has no wheel for {WINDOWS}, {MAC}; the newest version that has them is 1.0.0" in told(caught)
    assert "leaf==1.0.0" in told(caught)


def test_the_projects_own_wheel_must_serve_every_target(tmp_path: Path) -> None:
    own = wheels.make_wheel(tmp_path, tag="cp312-cp312-manylinux_2_28_x86_64")

    with pytest.raises(ChecksFailed) as caught:
        workshop.wheelhouse(tmp_path, workshop.order(LINUX, WINDOWS), [own])

    assert f"cannot be installed on {WINDOWS}" in told(caught)
    assert "merge" in told(caught)


def test_what_an_extra_needs_is_there_and_apart(tmp_path: Path) -> None:
    others = [wheels.make_wheel(tmp_path / "index", name) for name in ("leaf", "sap", "sphinx")]
    own = wheels.make_wheel(tmp_path, requires=["leaf", "sap; extra == 'json'"], extras=["json"])
    asked = workshop.order(LINUX, extras=("json",), groups={"docs": ("sphinx>=1",)})

    packed = workshop.wheelhouse(tmp_path, asked, [own], others)

    files = inside(packed)
    assert b"sap" not in files["requirements.txt"]
    assert b"sap" in files["requirements-json.txt"]
    assert b"leaf" in files["requirements-json.txt"]
    assert b"sphinx" in files["requirements.group-docs.txt"]
    markers = {each["name"]: each.get("marker") for each in tomllib.loads(files["pylock.toml"].decode())["packages"]}
    assert markers == {
        "acorn": None,
        "leaf": None,
        "sap": "'json' in extras",
        "sphinx": "'docs' in dependency_groups",
    }


def test_what_is_locked_but_needed_by_nothing_stays_out(tmp_path: Path) -> None:
    others = [wheels.make_wheel(tmp_path / "index", name) for name in ("leaf", "pytest")]
    own = wheels.make_wheel(tmp_path, requires=["leaf"])

    packed = workshop.wheelhouse(tmp_path, workshop.order(LINUX), [own], others)

    assert [name for name in inside(packed) if "pytest" in name] == []


def test_the_manifest_says_what_it_is_and_where_each_wheel_comes_from(tmp_path: Path) -> None:
    leaf = wheels.make_wheel(tmp_path / "index", "leaf")
    own = wheels.make_wheel(tmp_path, requires=["leaf"])

    packed = workshop.wheelhouse(tmp_path, workshop.order(LINUX), [own], [leaf])

    manifest = json.loads(inside(packed)["manifest.json"])
    assert manifest["project"] == "acorn"
    assert manifest["commit"] == "c" * 40
    assert manifest["targets"] == [LINUX]
    assert manifest["wheels"] == {
        "acorn-1.1.0-py3-none-any.whl": {"origin": "project"},
        "leaf-1.1.0-py3-none-any.whl": {"origin": "index"},
    }


@pytest.mark.slow
def test_the_same_wheels_give_the_same_bytes_in_another_place(tmp_path: Path) -> None:
    others = [wheels.make_wheel(tmp_path / "index", each) for each in ("leaf", "sap")]
    made = []
    for name in ("one", "another place"):
        where = tmp_path / name
        own = wheels.make_wheel(where, requires=["leaf", "sap"])
        made.append(workshop.wheelhouse(where, workshop.order(LINUX, WINDOWS), [own], others))

    assert made[0].read_bytes() == made[1].read_bytes()


def test_a_file_that_changed_in_the_store_is_refused(tmp_path: Path) -> None:
    leaf = wheels.make_wheel(tmp_path / "index", "leaf")
    own = wheels.make_wheel(tmp_path, requires=["leaf"])
    workshop.wheelhouse(tmp_path, workshop.order(LINUX), [own], [leaf])
    (kept,) = (tmp_path / "store" / "sha256").glob(f"*/{wheels.sha256(leaf)}")
    other = wheels.make_wheel(tmp_path / "evil", "leaf", files={"leaf/evil.py": "pwned = 1"})
    kept.chmod(0o644)
    kept.write_bytes(other.read_bytes())

    with pytest.raises(VerificationFailed):
        workshop.wheelhouse(tmp_path, workshop.order(LINUX), [own], [leaf])


def test_a_project_that_needs_nothing_has_a_wheelhouse_too(tmp_path: Path) -> None:
    packed = workshop.wheelhouse(tmp_path, workshop.order(), [wheels.make_wheel(tmp_path)])

    assert house.unpack(packed, tmp_path / "unpacked").missing() == []


@pytest.mark.parametrize("version", ["1!2.0", "1.0+local.1", "2.0rc1", "1.0.post2"])
def test_a_version_of_any_shape_has_a_wheelhouse(tmp_path: Path, version: str) -> None:
    own = wheels.make_wheel(tmp_path, version=version)

    packed = workshop.wheelhouse(tmp_path, workshop.order(version=version), [own])

    assert packed.name == f"acorn-{version}-wheelhouse.tar.gz"
    assert house.unpack(packed, tmp_path / "unpacked").version == version


def test_two_versions_of_one_package_serve_two_targets(tmp_path: Path) -> None:
    index = tmp_path / "index"
    old, new = (wheels.make_wheel(index, "leaf", version) for version in ("1.0", "2.0"))
    own = wheels.make_wheel(tmp_path, requires=["leaf"])
    markers = {"leaf==1.0": "sys_platform == 'linux'", "leaf==2.0": "sys_platform == 'win32'"}

    packed = workshop.wheelhouse(tmp_path, workshop.order(LINUX, WINDOWS), [own], [old, new], markers)

    opened = house.unpack(packed, tmp_path / "unpacked")
    assert [str(opened.selected(target)["leaf"].version) for target in opened.targets] == ["1.0", "2.0"]
