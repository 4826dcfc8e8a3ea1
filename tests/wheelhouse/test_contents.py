"""What lies beside the wheels: markers that tell targets apart, a lock and requirements that installers read."""

import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.pylock import Pylock
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import wheels
from hephaestus.wheelhouse import contents, wheel
from hephaestus.wheelhouse.contents import Place
from hephaestus.wheelhouse.target import Target, parse

PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_28_aarch64", "macosx_11_0_arm64", "win_amd64", "win32")
ALL = [parse(f"cp3{minor}-{platform}") for minor in range(10, 15) for platform in PLATFORMS]


def holds(marker: str, target: Target) -> bool:
    return not marker or all(Marker(marker).evaluate(environment) for environment in target.environments)


@given(st.lists(st.sampled_from(ALL), min_size=1, unique=True), st.data())
@pytest.mark.slow
def test_a_marker_holds_on_its_targets_and_on_no_other(there: list[Target], data: st.DataObject) -> None:
    some = data.draw(st.lists(st.sampled_from(there), min_size=1, unique=True))

    marker = contents.marker(some, there)

    assert [holds(marker, target) for target in there] == [target in some for target in there]


def test_a_marker_says_no_more_than_it_must() -> None:
    linux, windows = parse("cp312-manylinux_2_28_x86_64"), parse("cp312-win_amd64")

    assert contents.marker([linux, windows], [linux, windows]) == ""
    assert contents.marker([windows], [linux, windows]) == "sys_platform == 'win32' and platform_machine == 'AMD64'"
    older = parse("cp311-manylinux_2_28_x86_64")
    assert contents.marker([older], [linux, older]) == "python_version == '3.11'"


@pytest.fixture
def places(tmp_path: Path) -> list[Place]:
    """Acorn for all, colorama for Windows, leaf for an extra, sphinx for a group."""
    return [
        place(tmp_path, "acorn", TARGETS),
        place(tmp_path, "colorama", TARGETS[1:]),
        place(tmp_path, "leaf", (), extras={"json": frozenset(TARGETS)}),
        place(tmp_path, "sphinx", (), groups={"docs": frozenset(TARGETS[:1])}),
    ]


TARGETS = [parse("cp312-manylinux_2_28_x86_64"), parse("cp312-win_amd64")]


def place(where: Path, name: str, plain: Sequence[Target], **chosen: dict[str, frozenset[Target]]) -> Place:
    made = wheel.read(wheels.make_wheel(where, name))
    extras, groups = chosen.get("extras", {}), chosen.get("groups", {})
    return Place(canonicalize_name(name), Version("1.1.0"), (made,), frozenset(plain), extras, groups)


def test_the_lock_gives_each_target_what_it_needs_and_no_more(places: list[Place]) -> None:
    lock = Pylock.from_dict(tomllib.loads(contents.pylock(places, TARGETS, ["json"], ["docs"]).decode()))

    def selected(target: Target, extras: set[str], groups: set[str]) -> list[str]:
        chosen = lock.select(
            environment=target.environments[0], tags=target.tags, extras=extras, dependency_groups=groups
        )
        return [package.name for package, _ in chosen]

    assert selected(TARGETS[0], set(), set()) == ["acorn"]
    assert selected(TARGETS[1], set(), set()) == ["acorn", "colorama"]
    assert selected(TARGETS[0], {"json"}, {"docs"}) == ["acorn", "leaf", "sphinx"]
    assert selected(TARGETS[1], {"json"}, {"docs"}) == ["acorn", "colorama", "leaf"]


def test_the_lock_refuses_a_machine_it_was_not_made_for(places: list[Place]) -> None:
    lock = Pylock.from_dict(tomllib.loads(contents.pylock(places, TARGETS, [], []).decode()))
    other = parse("cp311-win_amd64")

    with pytest.raises(Exception, match="does not satisfy any of the environments"):
        list(lock.select(environment=other.environments[0], tags=other.tags))


def test_the_requirements_pin_each_package_with_every_hash(places: list[Place]) -> None:
    said = contents.requirements(places, TARGETS, "json").decode().replace(" \\\n", " ")

    lines = [line.split(" --hash=sha256:") for line in said.splitlines() if line.strip()]
    pins = [Requirement(pin.strip().split(" --hash")[0].strip()) for pin, *_ in lines]
    assert [pin.name for pin in pins] == ["acorn", "colorama", "leaf"]
    assert all(str(pin.specifier) == "==1.1.0" for pin in pins)
    assert said.count("--hash=sha256:") == 3


def test_the_readme_gives_three_lines_that_need_no_network_and_names_the_targets(places: list[Place]) -> None:
    said = contents.readme("acorn", "1.1.0", TARGETS, ["json"], ["docs"]).decode()

    assert "sha256sum -c SHA256SUMS" in said
    assert "--no-index --find-links wheels --require-hashes -r requirements.txt" in said
    assert "cp312-win_amd64" in said
    assert "requirements-json.txt" in said
    assert "requirements.group-docs.txt" in said


def test_the_readme_for_windows_speaks_as_windows_does() -> None:
    both, windows = (contents.readme("acorn", "1.1.0", targets, [], []).decode() for targets in (TARGETS, TARGETS[1:]))

    assert "bin/python" in both
    assert "Scripts\\python" in both
    assert "bin/python" not in windows
    assert "sha256sum" not in windows


def test_the_check_of_the_readme_for_windows_passes_and_fails_as_it_should(tmp_path: Path) -> None:
    said = contents.readme("acorn", "1.1.0", TARGETS[1:], [], []).decode()
    (line,) = (line.strip() for line in said.splitlines() if "hashlib" in line)
    program = line.removeprefix('py -c "').removesuffix('"')
    (tmp_path / "file").write_bytes(b"bytes")
    (tmp_path / "SHA256SUMS").write_text(f"{wheels.sha256(tmp_path / 'file')}  file\n")

    def check() -> int:
        asked = [sys.executable, "-c", program]
        return subprocess.run(asked, cwd=tmp_path, capture_output=True, check=False).returncode

    assert check() == 0
    (tmp_path / "file").write_bytes(b"other bytes")
    assert check() == 1
