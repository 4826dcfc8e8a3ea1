"""Targets: tags and markers of machines this one is not, as those machines would say them themselves."""

import shutil
import subprocess
import sys
from pathlib import Path

import packaging
import pytest
from packaging.markers import Marker, default_environment
from packaging.tags import sys_tags

from hephaestus.errors import UsageError
from hephaestus.wheelhouse import target


def test_the_running_target_has_exactly_the_tags_of_this_python_in_its_order() -> None:
    assert list(target.running().tags) == list(sys_tags())


def test_the_running_target_says_the_same_as_the_markers_of_this_python() -> None:
    own = default_environment()
    first, last = target.running().environments

    for name in own.keys() - {"platform_release", "platform_version", "python_full_version", "implementation_version"}:
        assert first[name] == last[name] == own[name]


@pytest.mark.parametrize(
    "text",
    [
        "cp310-manylinux_2_28_x86_64",
        "cp314-manylinux_2_17_aarch64",
        "cp312-musllinux_1_2_x86_64",
        "cp313-macosx_11_0_arm64",
        "cp311-macosx_10_12_x86_64",
        "cp312-win_amd64",
        "cp312-win_arm64",
        "cp310-win32",
    ],
)
def test_a_target_is_read_as_it_is_written(text: str) -> None:
    assert str(target.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cp312",
        "linux",
        "cp39-win_amd64",
        "cp315-win_amd64",
        "pp310-win_amd64",
        "cp312-manylinux2014_x86_64",
        "cp312-manylinux_3_1_x86_64",
        "cp311-manylinux_2_100000000_x86_64",
        "cp311-macosx_99999999_0_arm64",
        "cp312-win_amd64\n--index-url=http://evil",
        "cp312-../../etc",
        "cp\u0663\u0661\u0662-win_amd64",
    ],
)
def test_what_is_no_target_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        target.parse(text)

    assert caught.value.hint is not None
    assert "--target cp312-manylinux_2_28_x86_64" in caught.value.hint


def test_a_linux_target_takes_wheels_for_older_systems_and_none_for_newer_ones() -> None:
    tags = [str(tag) for tag in target.parse("cp312-manylinux_2_28_x86_64").tags]

    assert "cp312-cp312-manylinux_2_17_x86_64" in tags
    assert "cp312-cp312-manylinux2014_x86_64" in tags
    assert "cp39-abi3-manylinux1_x86_64" in tags
    assert "py3-none-any" in tags
    assert tags.index("cp312-cp312-manylinux_2_28_x86_64") < tags.index("cp312-cp312-manylinux_2_17_x86_64")
    assert not [tag for tag in tags if "2_29" in tag or "2_34" in tag or "musl" in tag or "-linux_" in tag]


def test_a_machine_younger_than_manylinux2014_has_no_older_tags() -> None:
    tags = {str(tag) for tag in target.parse("cp312-manylinux_2_28_aarch64").tags}

    assert "cp312-cp312-manylinux_2_17_aarch64" in tags
    assert "cp312-cp312-manylinux_2_12_aarch64" not in tags


def test_a_mac_takes_universal_wheels() -> None:
    assert "cp312-cp312-macosx_11_0_universal2" in map(str, target.parse("cp312-macosx_14_0_arm64").tags)


@pytest.mark.parametrize(
    ("text", "marker"),
    [
        ("cp310-win_amd64", "sys_platform == 'win32' and os_name == 'nt' and platform_machine == 'AMD64'"),
        ("cp312-macosx_11_0_arm64", "platform_system == 'Darwin' and platform_machine == 'arm64'"),
        ("cp312-musllinux_1_2_aarch64", "sys_platform == 'linux' and platform_machine == 'aarch64'"),
        ("cp314-win32", "platform_machine == 'x86' and python_version >= '3.14'"),
        ("cp310-win_amd64", "platform_python_implementation == 'CPython' and implementation_name == 'cpython'"),
    ],
)
def test_markers_are_those_of_the_target_and_not_of_this_machine(text: str, marker: str) -> None:
    assert all(Marker(marker).evaluate(environment) for environment in target.parse(text).environments)


def test_a_marker_on_a_patch_release_holds_on_some_machine_of_a_target() -> None:
    held = [Marker("python_full_version < '3.11.3'").evaluate(e) for e in target.parse("cp311-win_amd64").environments]

    assert held == [True, False]


def other_python() -> tuple[str, str] | None:
    """Return the version and the path of another CPython on this machine, where there is one."""
    for minor in range(10, 15):
        beside = sorted(Path(sys.base_prefix).parent.glob(f"3.{minor}.*/bin/python3"))
        found = shutil.which(f"python3.{minor}") if not beside else str(beside[0])
        asked = [str(found), "-I", "-c", "import sys; print(*sys.version_info[:2], sep='.')"]
        if minor != sys.version_info.minor and found:
            said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
            if said == f"3.{minor}":
                return said, found
    return None


def test_the_tags_of_another_python_are_those_it_says_itself() -> None:
    found = other_python()
    if found is None:
        pytest.skip("there is no other Python here to ask")
    program = "import sys; sys.path[:0] = sys.argv[1:]; from packaging.tags import sys_tags; print(*sys_tags())"
    said = subprocess.run(
        [found[1], "-I", "-c", program, str(Path(packaging.__file__).parents[1])],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    here = target.Target((3, int(found[0][2:])), target.running().platform)

    assert [str(tag) for tag in here.tags if "-linux_" not in str(tag)] == [tag for tag in said if "-linux_" not in tag]
