"""The jobs that install a wheelhouse elsewhere: valid by others' checks, and their lines work here too."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import wheels
import workshop
from hephaestus import system
from hephaestus.wheelhouse.jobs import workflow
from hephaestus.wheelhouse.target import parse

TARGETS = [
    parse(text)
    for text in (
        "cp310-manylinux_2_28_x86_64",
        "cp311-manylinux_2_28_aarch64",
        "cp312-musllinux_1_2_aarch64",
        "cp313-macosx_11_0_arm64",
        "cp313-macosx_10_13_x86_64",
        "cp314-win_amd64",
        "cp314-win_arm64",
        "cp310-win32",
    )
]


@pytest.mark.parametrize(
    "judge", [["actionlint"], ["zizmor", "--offline", "--no-progress", "."]], ids=lambda each: each[0]
)
def test_the_workflow_is_valid_and_safe_by_the_usual_checks(tmp_path: Path, judge: list[str]) -> None:
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder / "wheelhouse.yml").write_text(workflow("acorn", "1.1.0", TARGETS))
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    program = system.program(judge[0])
    if program is None:
        pytest.skip(f"{judge[0]} is not installed here")

    done = subprocess.run([program, *judge[1:]], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_there_is_a_job_for_each_target() -> None:
    assert re.findall(r'target: "(.+)"', workflow("acorn", "1.1.0", TARGETS)) == list(map(str, TARGETS))


def test_its_check_passes_for_the_archive_and_fails_for_any_other(tmp_path: Path) -> None:
    packed = workshop.wheelhouse(tmp_path, workshop.order(), [wheels.make_wheel(tmp_path)])
    line, _ = (line.strip() for line in workflow("acorn", "1.1.0", TARGETS).splitlines() if "hashlib" in line)
    program = line.removeprefix('python -c "').removesuffix('"')

    def check() -> int:
        asked = [sys.executable, "-c", program]
        return subprocess.run(asked, cwd=tmp_path, capture_output=True, check=False).returncode

    assert check() == 0
    packed.write_bytes(packed.read_bytes() + b"\0")
    assert check() == 1
