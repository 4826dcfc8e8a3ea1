"""What somebody sees who looks into a wheelhouse."""

import hashlib
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hephaestus import ui
from hephaestus.wheelhouse.inspection import Inspection, inspect, readable
from standing import LINUX, MAC, WINDOWS, begin, stand
from wheels import make_wheel, sha256

LONG = " AND ".join(["Apache-2.0"] * 20)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "acorn-1.1.0-wheelhouse.tar.gz"
    path.write_bytes(b"an archive")
    return path


def row(inspection: Inspection, name: str) -> dict[str, str]:
    [found] = [each for each in inspection.rows if each[0] == name]
    return dict(zip(inspection.columns, found, strict=True))


def test_each_package_is_a_row_that_says_what_it_is(tmp_path: Path, archive: Path) -> None:
    root = begin(tmp_path, requires=["oak"], headers=["License-Expression: MIT"])
    oak = make_wheel(root / "wheels", "Oak", "2.0", headers=["License-Expression: BSD-3-Clause"])
    shown = inspect(
        stand(root, manifest={"wheels": {oak.name: {"origin": "index"}}}),
        archive,
    )

    assert [each[0] for each in shown.rows] == ["acorn", "oak"]
    assert row(shown, "oak") == {
        "package": "oak",
        "version": "2.0",
        "size": readable(oak.stat().st_size),
        "licence": "BSD-3-Clause",
        "targets": "all",
        "origin": "index",
        "sha256": sha256(oak)[:12],
    }


def test_the_table_can_be_shown(tmp_path: Path, archive: Path) -> None:
    shown = inspect(stand(begin(tmp_path)), archive)
    written = io.StringIO()
    ui.table(shown.title, shown.columns, shown.rows, written)

    title, _, columns, content = written.getvalue().splitlines()
    assert title == "acorn 1.1.0"
    assert columns.split() == list(shown.columns)
    assert content.startswith("acorn  ")


def test_a_package_with_a_wheel_for_each_platform_is_one_row(tmp_path: Path, archive: Path) -> None:
    root = begin(tmp_path)
    linux = make_wheel(root / "wheels", "oak", "2.0", tag="cp312-cp312-manylinux_2_17_x86_64")
    mac = make_wheel(root / "wheels", "oak", "2.0", tag="cp312-cp312-macosx_11_0_arm64")
    shown = inspect(stand(root, (LINUX, MAC)), archive)

    found = row(shown, "oak")
    assert (found["version"], found["targets"], found["sha256"]) == ("2.0", "all", "2 wheels")
    assert found["size"] == readable(linux.stat().st_size + mac.stat().st_size)
    wheels = shown.document()["packages"][1]["wheels"]
    assert {each["file"]: each["targets"] for each in wheels} == {linux.name: [LINUX], mac.name: [MAC]}


def test_a_package_needed_on_one_target_names_it(tmp_path: Path, archive: Path) -> None:
    root = begin(tmp_path)
    make_wheel(root / "wheels", "colorama", "0.4.6")
    shown = inspect(stand(root, (LINUX, WINDOWS), markers={"colorama": "sys_platform == 'win32'"}), archive)

    assert row(shown, "colorama")["targets"] == WINDOWS
    assert row(shown, "acorn")["targets"] == "all"


def test_a_package_needed_with_an_extra_counts_as_needed(tmp_path: Path, archive: Path) -> None:
    root = begin(tmp_path, extras=["fast"])
    make_wheel(root / "wheels", "oak", "2.0")
    shown = inspect(stand(root, extras=("fast",), markers={"oak": "'fast' in extras"}), archive)

    assert row(shown, "oak")["targets"] == "all"


def test_a_package_no_target_needs_is_said_to_serve_none(tmp_path: Path, archive: Path) -> None:
    root = begin(tmp_path)
    make_wheel(root / "wheels", "oak", "2.0")
    shown = inspect(stand(root, markers={"oak": "sys_platform == 'win32'"}), archive)

    assert row(shown, "oak")["targets"] == "none"


def test_many_targets_are_counted(tmp_path: Path, archive: Path) -> None:
    root = begin(tmp_path)
    make_wheel(root / "wheels", "oak", "2.0")
    targets = tuple(f"cp3{minor}-manylinux_2_28_x86_64" for minor in range(10, 15))
    shown = inspect(stand(root, targets, markers={"oak": "python_version < '3.14'"}), archive)

    assert row(shown, "oak")["targets"] == "4 of 5"


def test_two_versions_of_a_package_are_both_named_the_newest_first(tmp_path: Path, archive: Path) -> None:
    root = begin(tmp_path)
    make_wheel(root / "wheels", "oak", "1.9", tag="cp312-cp312-win_amd64")
    make_wheel(root / "wheels", "oak", "1.10", tag="cp312-cp312-manylinux_2_17_x86_64")
    markers = {"oak==1.9": "sys_platform == 'win32'", "oak==1.10": "sys_platform != 'win32'"}
    shown = inspect(stand(root, (LINUX, WINDOWS), markers=markers), archive)

    assert row(shown, "oak")["version"] == "1.10, 1.9"


def test_a_licence_of_many_parts_does_not_fill_the_screen(tmp_path: Path, archive: Path) -> None:
    shown = inspect(stand(begin(tmp_path, headers=[f"License-Expression: {LONG}"])), archive)

    assert len(row(shown, "acorn")["licence"]) <= 60
    assert shown.document()["packages"][0]["licences"] == [LONG]


def test_a_wheel_built_here_says_with_what(tmp_path: Path, archive: Path) -> None:
    root = begin(tmp_path)
    oak = make_wheel(root / "wheels", "oak", "2.0")
    builder = {"sdist": "oak-2.0.tar.gz", "python": "3.12.1", "made_with": ["setuptools==80.0", "wheel==0.45"]}
    shown = inspect(stand(root, manifest={"wheels": {oak.name: {"origin": "built", "builder": builder}}}), archive)

    assert row(shown, "oak")["origin"] == "built with setuptools==80.0, wheel==0.45"
    assert shown.document()["packages"][1]["wheels"][0]["builder"] == builder


def test_a_wheel_that_puts_something_into_every_start_of_python_is_pointed_out(tmp_path: Path, archive: Path) -> None:
    root = begin(tmp_path)
    oak = make_wheel(root / "wheels", "oak", "2.0", files={"oak.pth": "import oak\n"})
    shown = inspect(stand(root), archive)

    assert shown.remarks == [f"{oak.name} puts oak.pth into every start of Python"]
    assert shown.document()["packages"][1]["wheels"][0]["pth"] == ["oak.pth"]


def test_an_sbom_inside_a_wheel_is_pointed_out(tmp_path: Path, archive: Path) -> None:
    root = begin(tmp_path)
    inside = "oak-2.0.dist-info/sboms/bark.cdx.json"
    oak = make_wheel(root / "wheels", "oak", "2.0", files={inside: "{}"})
    shown = inspect(stand(root), archive)

    assert shown.remarks == [f"{oak.name} holds an SBOM of its own: {inside}"]


def test_the_lines_above_the_table_say_where_it_comes_from(tmp_path: Path, archive: Path) -> None:
    manifest = {"commit": "c" * 40, "tree": "d" * 40, "lock": {"from": "uv.lock", "sha256": "e" * 64}}
    shown = inspect(stand(begin(tmp_path), manifest=manifest), archive)

    told = dict(line.split(maxsplit=1) for line in shown.lines)
    assert told["commit"] == "c" * 40
    assert told["lock"] == "uv.lock"
    assert told["targets"] == LINUX
    assert told["sha256"] == hashlib.sha256(b"an archive").hexdigest()
    assert "extras" not in told


def test_the_document_has_whole_hashes_and_sizes_in_bytes(tmp_path: Path, archive: Path) -> None:
    root = begin(tmp_path)
    house = stand(root, manifest={"commit": "c" * 40, "tree": "d" * 40})
    document = json.loads(json.dumps(inspect(house, archive).document()))

    wheel, sdist = next((root / "wheels").iterdir()), next((root / "sdist").iterdir())
    assert list(document) == [
        "project", "version", "commit", "tree", "lock", "targets", "extras", "groups", "archive", "sdist", "size",
        "packages",
    ]  # fmt: skip
    assert document["archive"] == {"name": archive.name, "size": 10, "sha256": sha256(archive)}
    assert document["sdist"] == {"name": sdist.name, "size": sdist.stat().st_size, "sha256": sha256(sdist)}
    assert document["size"] == wheel.stat().st_size + sdist.stat().st_size
    assert document["packages"][0]["wheels"][0]["sha256"] == sha256(wheel)


@pytest.mark.parametrize(
    "manifest",
    [{}, {"lock": 1, "wheels": [], "commit": 7}, {"lock": {"from": []}, "wheels": {"acorn-1.1.0-py3-none-any.whl": 0}}],
)
def test_a_manifest_that_says_nothing_of_use_is_no_failure(
    tmp_path: Path, archive: Path, manifest: dict[str, object]
) -> None:
    shown = inspect(stand(begin(tmp_path), manifest=manifest), archive)

    assert (shown.commit, shown.lock) == ("", "")
    assert row(shown, "acorn")["origin"] == "not stated"


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0.0 kB"),
        (1, "0.0 kB"),
        (440, "0.4 kB"),
        (999_940, "999.9 kB"),
        (999_960, "1.0 MB"),
        (184_200_000, "184.2 MB"),
        (2_000_000_000, "2.0 GB"),
        (5_000_000_000_000, "5000.0 GB"),
    ],
)
def test_sizes_read_as_people_say_them(size: int, text: str) -> None:
    assert readable(size) == text


@given(st.integers(0, 10**15))
def test_a_readable_size_is_right_to_its_last_digit(size: int) -> None:
    number, unit = readable(size).split()
    factor = {"kB": 1e3, "MB": 1e6, "GB": 1e9}[unit]

    assert abs(float(number) * factor - size) <= 0.0501 * factor
