"""A rehearsal: a whole release where nobody sees it, and nothing left of it but a report."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hephaestus import __version__, stage, system
from places import Place

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent

# How this machine reaches the package index, which no other test may know.
INDEX = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_")) or name == "HOME"}
CACHES = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")

# A gate that passes once a file is there.
GATE = """\
import nox


@nox.session(tags=["gate"], venv_backend="none")
def stands(session):
    session.run("cat", {flag!r}, external=True)
"""

STEPS = (
    "stage", "bump", "changelog", "commit", "tag", "build", "gates", "wheelhouse", "draft", "upload", "push", "publish",
    "land", "verify", "sweep", "track",
)  # fmt: skip


def whole(place: Place) -> dict[str, object]:
    """Return all of a clone that a rehearsal must leave alone: its configuration as well."""
    return {**place.snapshot(), "config": (place.root / ".git" / "config").read_bytes()}


def home(place: Place) -> Path:
    """Return the directory in which the clone's rehearsals take place."""
    return stage.area(place.repository) / "rehearsal"


def left(place: Place) -> list[str]:
    return sorted(path.name for path in home(place).iterdir() if path.name != "lock")


def rows(told: dict[str, object]) -> dict[str, tuple[str, str]]:
    listed = told["rows"]
    assert isinstance(listed, list)
    return {name: (came, seconds) for name, came, seconds in listed}


def test_a_rehearsal_goes_all_the_way_and_leaves_a_report(place: Place) -> None:
    place.commit("src/acorn/roots.py", "DEPTH = 1\n", "feat: Grow roots, which are not pushed")
    (place.root / "notes.txt").write_text("mine\n")
    before = whole(place)
    done = place.hephaestus("rehearse", "--version", "1.1.0")

    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    said, shown = done.stderr.split("rehearsal of 1.1.0\n\n")
    assert "Make it public? Yes, it is a rehearsal." in said
    table = [line.split(maxsplit=1) for line in shown.splitlines()]
    assert [row[0] for row in table[1:19]] == [*STEPS, "install", "rollback"]
    assert table[17][1].startswith("acorn 1.1.0 "), "what the installed program says"
    assert table[18][1].startswith("as promised ")
    assert "v1.1.0 was released, installed with no network and rolled back; your own clone is untouched\n" in shown
    report = Path(shown.rpartition("report: ")[2].strip())
    assert json.loads(report.read_bytes())["release"]["tag"] == "v1.1.0"
    assert whole(place) == before
    assert left(place) == []


def test_a_project_without_remote_or_tags_can_rehearse_its_first_release(place: Place) -> None:
    place.git("remote", "remove", "origin")
    place.git("tag", "-d", "v1.0.0")
    before = place.repository.refs()
    done = place.hephaestus("rehearse", "--version", "1.1.0", "--keep", "--json")

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["outcome"] == "rehearsed"
    assert rows(told)["install"][0] == "acorn 1.1.0"
    assert place.repository.refs() == before
    # What was kept shows what the rollback of a published release leaves: the release, and its revert.
    assert left(place) == ["clone", "installed", "releases", "remote.git"]
    log = place.git("log", "--format=%s", "-2", "main", at=home(place) / "remote.git").splitlines()
    assert log[1] == "chore: Prepare release v1.1.0"
    assert "[YANKED]" in place.git("show", "main:CHANGELOG.md", at=home(place) / "remote.git")


def test_a_remote_of_another_name_is_rehearsed_under_that_name(place: Place) -> None:
    place.git("remote", "rename", "origin", "upstream")
    text = (place.root / "pyproject.toml").read_text() + 'remote = "upstream"\n'
    place.commit("pyproject.toml", text)
    done = place.hephaestus("rehearse", "--version", "1.1.0")

    assert done.returncode == 0, done.stderr
    assert "push: main and v1.1.0 to upstream, both or none" in done.stderr


def test_a_gate_that_fails_ends_the_rehearsal_and_the_next_one_begins_anew(place: Place) -> None:
    flag = place.root.parent / "flag"
    place.commit("noxfile.py", GATE.format(flag=str(flag)))
    before = whole(place)
    failed = place.hephaestus("rehearse", "--version", "1.1.0", "--json")
    told = json.loads(failed.stdout)

    assert failed.returncode == told["exit_code"] == 4, failed.stderr
    assert "release --version" not in told["hint"]
    assert whole(place) == before
    assert left(place) == []

    flag.touch()
    assert place.hephaestus("rehearse", "--version", "1.1.0").returncode == 0
    assert whole(place) == before


def test_what_would_stop_the_release_stops_the_rehearsal(place: Place) -> None:
    before = whole(place)
    done = place.hephaestus("rehearse", "--version", "1.0.0", "--json")
    told = json.loads(done.stdout)

    assert done.returncode == 3
    assert [problem["message"] for problem in told["problems"]]
    assert told["hint"] is None
    assert "hint: hephaestus rehearse" not in done.stderr
    assert whole(place) == before
    assert left(place) == []


def test_two_rehearsals_of_one_clone_do_not_meet(place: Place) -> None:
    home(place).mkdir(parents=True)
    with system.lock(home(place) / "lock", "this test holds it"):
        done = place.hephaestus("rehearse", "--version", "1.1.0")

    assert done.returncode == 7
    assert "error: another rehearsal of this clone runs right now\n" in done.stderr


def test_a_program_that_says_nothing_is_no_mistake(place: Place) -> None:
    place.commit(
        "pyproject.toml", (place.root / "pyproject.toml").read_text().replace('smoke = "acorn"', 'smoke = "true"')
    )
    done = place.hephaestus("rehearse", "--version", "1.1.0", "--json")

    assert done.returncode == 0, done.stderr
    assert rows(json.loads(done.stdout))["install"][0] == "acorn 1.1.0, its smoke command says nothing"


QUICK = '@nox.session(tags=["gate"])\ndef quick'
TABLE = "[tool.hephaestus.gates]\n"
FEW = f'{TABLE}use = ["lint", "lock", "package"]\n'


@pytest.mark.index
def test_this_repository_rehearses_its_own_release(tmp_path: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip(
            "this is no clone of the repository: a release is made of commits, and a source distribution has none"
        )
    root = tmp_path / "hephaestus"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(root)], check=True)
    clone = Place(root, ROOT, tmp_path)
    clone.git("checkout", "--quiet", "-B", "main")  # a checkout of CI may stand on no branch
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    if "\n- " not in changelog.partition("## [Unreleased]")[2].partition("\n## ")[0]:
        entry = "## [Unreleased]\n\n### Changed\n\n- Something, just after a release."
        clone.commit("CHANGELOG.md", changelog.replace("## [Unreleased]", entry))
    major, minor, _ = __version__.split(".", 2)
    # Few of its gates: all of them, and the tests, are asked around this one already.
    for name, before, after in (("noxfile.py", QUICK, "@nox.session\ndef quick"), ("pyproject.toml", TABLE, FEW)):
        text = (root / name).read_text(encoding="utf-8")
        assert before in text
        clone.commit(name, text.replace(before, after), "ci: Rehearse with few gates")
    words = ["-m", "hephaestus", "rehearse", "--version", f"{major}.{int(minor) + 1}.0", "--json"]
    reaching = {**os.environ, **INDEX, "PIP_CACHE_DIR": str(CACHES / "pip"), "UV_CACHE_DIR": str(CACHES / "uv")}
    done = subprocess.run(
        [sys.executable, *words], cwd=root, env=reaching, stdout=subprocess.PIPE, text=True, check=False
    )

    assert done.returncode == 0, done.stdout
    told = json.loads(done.stdout)
    assert {said["gate"] for said in told["gates"]} == {"lint", "lock", "package"}
    assert {said["verdict"] for said in told["gates"]} == {"passed"}
    assert rows(told)["rollback"][0] == "as promised"
