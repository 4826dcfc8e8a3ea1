"""What somebody is told who goes from one wheelhouse of a project to another."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from hephaestus.errors import UsageError
from hephaestus.wheelhouse.difference import difference
from hephaestus.wheelhouse.house import House
from standing import LINUX, MAC, WINDOWS, begin, stand
from wheels import make_sdist, make_wheel, sha256

CP312 = {
    LINUX: "cp312-cp312-manylinux_2_17_x86_64",
    MAC: "cp312-cp312-macosx_11_0_arm64",
    WINDOWS: "cp312-cp312-win_amd64",
}

LONG = " AND ".join(["Apache-2.0"] * 20)


def having(where: Path, **packages: str) -> House:
    """Return a house of acorn with these packages, each of one version."""
    root = begin(where)
    for name, version in packages.items():
        make_wheel(root / "wheels", name, version)
    return stand(root)


def lines(old: House, new: House) -> list[str]:
    """Return what changed, without the line about the size."""
    return [line for line in difference(old, new).lines if not line.startswith("size: ")]


def test_nothing_changed_between_a_wheelhouse_and_itself(tmp_path: Path) -> None:
    house = having(tmp_path, oak="1.0")

    assert difference(house, house).lines == ["nothing changed"]


def test_the_same_wheels_made_twice_are_no_change(tmp_path: Path) -> None:
    assert lines(having(tmp_path / "a", oak="1.0"), having(tmp_path / "b", oak="1.0")) == ["nothing changed"]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("1.9", "1.10", "upgraded: oak 1.9 -> 1.10"),
        ("1.10", "1.9", "downgraded: oak 1.10 -> 1.9"),
        ("2.0rc1", "2.0", "upgraded: oak 2.0rc1 -> 2.0"),
        ("2026.1", "1!0.1", "upgraded: oak 2026.1 -> 1!0.1"),
        ("2.0", "2.0.post1", "upgraded: oak 2.0 -> 2.0.post1"),
    ],
)
def test_versions_go_up_and_down_as_pep_440_orders_them(tmp_path: Path, old: str, new: str, line: str) -> None:
    assert line in lines(having(tmp_path / "old", oak=old), having(tmp_path / "new", oak=new))


def test_the_project_itself_is_upgraded_like_any_other(tmp_path: Path) -> None:
    old, new = (stand(begin(tmp_path, version)) for version in ("1.1.0", "1.2.0"))

    assert lines(old, new) == ["upgraded: acorn 1.1.0 -> 1.2.0"]


def test_packages_come_and_go(tmp_path: Path) -> None:
    changed = lines(having(tmp_path / "old", oak="1.0", elm="3"), having(tmp_path / "new", oak="1.0", ash="2.5"))

    assert changed == ["added: ash 2.5", "removed: elm 3"]


def test_an_upgrade_on_one_target_names_it(tmp_path: Path) -> None:
    def with_oak(where: Path, versions: Mapping[str, str]) -> House:
        root = begin(where)
        for target, version in versions.items():
            make_wheel(root / "wheels", "oak", version, tag=CP312[target])
        system = {LINUX: "linux", WINDOWS: "win32"}
        markers = {
            f"oak=={version}": " or ".join(
                f"sys_platform == '{system[each]}'" for each in versions if versions[each] == version
            )
            for version in versions.values()
        }
        return stand(root, (LINUX, WINDOWS), markers=markers)

    old = with_oak(tmp_path / "old", {LINUX: "1.0", WINDOWS: "1.0"})
    new = with_oak(tmp_path / "new", {LINUX: "2.0", WINDOWS: "1.0"})

    assert lines(old, new) == [f"upgraded: oak 1.0 -> 2.0 on {LINUX}"]


def test_a_package_that_one_more_target_needs_is_added_there(tmp_path: Path) -> None:
    root = begin(tmp_path)
    make_wheel(root / "wheels", "oak", "1.0")
    old = stand(root, (LINUX, WINDOWS), markers={"oak": "sys_platform == 'win32'"})

    assert lines(old, stand(root, (LINUX, WINDOWS))) == [f"added: oak 1.0 on {LINUX}"]


def test_the_same_version_with_other_bytes_is_said_loudly(tmp_path: Path) -> None:
    old, new = begin(tmp_path / "old"), begin(tmp_path / "new")
    before = make_wheel(old / "wheels", "oak", "1.0")
    after = make_wheel(new / "wheels", "oak", "1.0", files={"oak/evil.py": "\n"})
    found = difference(stand(old), stand(new))

    [line] = [line for line in found.lines if "oak" in line]
    digests = f"{sha256(before)[:12]} -> {sha256(after)[:12]}"
    assert line == f"REBUILT: {after.name} has OTHER BYTES under the same version, sha256 {digests}"
    assert found.document()["rebuilt"] == [
        {"name": after.name, "old": sha256(before), "new": sha256(after), "targets": []}
    ]


def test_another_sdist_of_the_same_version_is_said_loudly(tmp_path: Path) -> None:
    old, new = begin(tmp_path / "old"), begin(tmp_path / "new")
    sdist = make_sdist(new / "sdist", "acorn", "1.1.0", {"acorn.py": "evil\n"})

    [rebuilt] = [line for line in lines(stand(old), stand(new)) if line.startswith("REBUILT: ")]
    assert rebuilt.startswith(f"REBUILT: {sdist.name} has OTHER BYTES under the same version")


def test_another_file_for_the_same_target_and_version_is_other_bytes(tmp_path: Path) -> None:
    old, new = begin(tmp_path / "old"), begin(tmp_path / "new")
    make_wheel(old / "wheels", "oak", "1.0")
    after = make_wheel(new / "wheels", "oak", "1.0", tag=CP312[LINUX])

    assert any(line.startswith(f"REBUILT: {after.name}") for line in lines(stand(old), stand(new)))


def test_a_wheel_for_a_new_target_is_no_rebuild_and_no_new_package(tmp_path: Path) -> None:
    root = begin(tmp_path)
    make_wheel(root / "wheels", "oak", "1.0", tag=CP312[LINUX])
    old = stand(root)
    make_wheel(root / "wheels", "oak", "1.0", tag=CP312[MAC])

    assert lines(old, stand(root, (LINUX, MAC))) == [f"target added: {MAC}"]


def test_a_package_only_a_new_target_needs_is_added(tmp_path: Path) -> None:
    root = begin(tmp_path)
    old = stand(root)
    make_wheel(root / "wheels", "pywin32", "306", tag=CP312[WINDOWS])
    new = stand(root, (LINUX, WINDOWS), markers={"pywin32": "sys_platform == 'win32'"})

    assert lines(old, new) == ["added: pywin32 306", f"target added: {WINDOWS}"]


def test_wheelhouses_for_other_targets_are_compared_by_their_newest_versions(tmp_path: Path) -> None:
    old, new = begin(tmp_path / "old"), begin(tmp_path / "new")
    for root, target, version in ((old, LINUX, "1.0"), (new, MAC, "2.0")):
        make_wheel(root / "wheels", "oak", version, tag=CP312[target])
        make_wheel(root / "wheels", "elm", "3", tag=CP312[target])

    make_wheel(old / "wheels", "oak", "0.9", tag=CP312[LINUX])
    before = stand(old, (LINUX,), markers={"oak==0.9": "sys_platform == 'win32'"})

    changed = lines(before, stand(new, (MAC,)))
    assert "upgraded: oak 1.0 -> 2.0" in changed
    assert not [line for line in changed if "elm" in line]


def test_other_bytes_are_seen_even_where_no_target_is_the_same(tmp_path: Path) -> None:
    old, new = begin(tmp_path / "old"), begin(tmp_path / "new")
    make_wheel(old / "wheels", "oak", "1.0")
    make_wheel(new / "wheels", "oak", "1.0", files={"oak/evil.py": "\n"})

    assert any(line.startswith("REBUILT: oak-1.0") for line in lines(stand(old, (LINUX,)), stand(new, (MAC,))))


def test_what_packages_say_of_themselves_is_compared(tmp_path: Path) -> None:
    old, new = begin(tmp_path / "old"), begin(tmp_path / "new")
    make_wheel(old / "wheels", "oak", "1.0", headers=["License-Expression: MIT"])
    make_wheel(new / "wheels", "oak", "1.1", headers=["License-Expression: GPL-3.0-only", "Requires-Python: >=3.11"])

    assert lines(stand(old), stand(new)) == [
        "upgraded: oak 1.0 -> 1.1",
        "licence of oak: MIT -> GPL-3.0-only",
        "requires-python of oak: any -> >=3.11",
    ]


def test_a_licence_that_is_not_stated_any_more_is_a_change(tmp_path: Path) -> None:
    old, new = begin(tmp_path / "old"), begin(tmp_path / "new")
    make_wheel(old / "wheels", "oak", "1.0", headers=["License-Expression: MIT"])
    make_wheel(new / "wheels", "oak", "1.1")

    assert "licence of oak: MIT -> not stated" in lines(stand(old), stand(new))


def test_a_licence_of_many_parts_does_not_fill_the_screen(tmp_path: Path) -> None:
    old, new = begin(tmp_path / "old"), begin(tmp_path / "new")
    make_wheel(old / "wheels", "oak", "1.0", headers=[f"License-Expression: {LONG}"])
    make_wheel(new / "wheels", "oak", "1.1", headers=["License-Expression: MIT"])

    found = difference(stand(old), stand(new))
    assert max(map(len, found.lines)) < 100
    assert found.document()["licence"][0]["old"] == LONG


def test_extras_and_console_scripts_are_compared(tmp_path: Path) -> None:
    old = stand(begin(tmp_path, "1.1.0", scripts={"acorn": "acorn:main", "acorn-fall": "acorn:main"}), extras=("slow",))
    new = stand(begin(tmp_path, "1.2.0", scripts={"acorn": "acorn:main", "acorn-grow": "acorn:main"}), extras=("fast",))

    assert lines(old, new) == [
        "upgraded: acorn 1.1.0 -> 1.2.0",
        "extra added: fast",
        "extra removed: slow",
        "console script added: acorn-grow",
        "console script removed: acorn-fall",
    ]


def test_the_size_is_compared_in_bytes_and_percent(tmp_path: Path) -> None:
    old = having(tmp_path / "old")
    root = begin(tmp_path / "new")
    oak = make_wheel(root / "wheels", "oak", "1.0")
    found = difference(old, stand(root))

    before, after = found.sizes
    assert after - before >= oak.stat().st_size
    assert found.lines[-1].endswith(f"{after - before:+d} bytes ({100 * (after - before) / before:+.1f} %)")


def test_wheelhouses_of_two_projects_are_not_compared(tmp_path: Path) -> None:
    root = tmp_path / "oak-1.0-wheelhouse"
    make_wheel(root / "wheels", "oak", "1.0")
    make_sdist(root / "sdist", "oak", "1.0", {})

    with pytest.raises(UsageError, match="two projects") as caught:
        difference(having(tmp_path), stand(root))
    assert caught.value.hint


def test_the_document_has_every_key_even_where_nothing_changed(tmp_path: Path) -> None:
    house = having(tmp_path)
    document = json.loads(json.dumps(difference(house, house).document()))

    assert list(document) == [
        "project", "old", "new", "rebuilt", "added", "removed", "upgraded", "downgraded", "licence", "requires_python",
        "targets", "extras", "groups", "scripts", "size",
    ]  # fmt: skip
    assert document["upgraded"] == []
    assert document["targets"] == {"added": [], "removed": []}
    assert document["size"]["change"] == 0


PACKAGES = st.dictionaries(
    st.sampled_from(["ash", "elm", "fir", "oak"]), st.sampled_from(["1.0", "1.0rc1", "1.10", "1.9", "1!0.1"])
)


@settings(max_examples=20, deadline=None)
@given(PACKAGES, PACKAGES)
@pytest.mark.slow
def test_the_way_back_is_the_way_there_mirrored(one: dict[str, str], other: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        old, new = having(Path(directory, "old"), **one), having(Path(directory, "new"), **other)
        there, back = difference(old, new).packages, difference(new, old).packages

    assert {each.subject for each in there["added"]} == {each.subject for each in back["removed"]} == other.keys() - one
    ups = {each.subject: (each.old, each.new) for each in there["upgraded"]}
    assert ups == {each.subject: (each.new, each.old) for each in back["downgraded"]}
    assert ups == {
        name: (one[name], other[name])
        for name in one.keys() & other.keys()
        if Version(one[name]) < Version(other[name])
    }
