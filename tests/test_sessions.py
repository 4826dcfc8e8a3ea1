"""The Nox sessions a project takes from the library by name."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import hephaestus
from places import BACKEND

LIBRARY = Path(hephaestus.__file__).parent.parent

# A program that stands in for an installed hephaestus: which words it is called with is all that matters here.
ECHO = 'import sys\n\n__version__ = "1.0.0"\n\n\ndef main():\n    print("asked for", *sys.argv[1:])\n'

ECHO_PROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "echo"
version = "1.0.0"
description = "Says what it is asked for."

[project.scripts]
hephaestus = "echo:main"
"""


def nox(root: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run Nox as a user does, with no index to ask."""
    offline = {"NO_COLOR": "1", "UV_OFFLINE": "1", "PIP_NO_INDEX": "1", "PYTHONPATH": str(LIBRARY)}
    return subprocess.run(
        [sys.executable, "-m", "nox", *words],
        cwd=root,
        env=os.environ | offline,
        capture_output=True,
        text=True,
        check=False,
    )


def listed(root: Path, *words: str) -> list[dict[str, object]]:
    done = nox(root, "--list", "--json", *words)
    assert done.returncode == 0, done.stderr
    sessions: list[dict[str, object]] = json.loads(done.stdout)
    return sessions


def test_only_nox_and_the_standard_library_are_loaded() -> None:
    block = (
        "import sys; sys.modules.update(dict.fromkeys(('invoke', 'rich', 'tomlkit', 'build', 'twine', 'platformdirs')))"
    )
    ask = "import nox; before = set(sys.modules); import hephaestus.sessions; print(*sorted(set(sys.modules) - before))"
    path = f"sys.path[:0] = [{str(LIBRARY)!r}, *{[entry for entry in sys.path if entry.endswith('site-packages')]!r}]"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"{block}; {path}; {ask}"], capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split() if not name.startswith("hephaestus")}

    assert [name for name in done.stdout.split() if name.startswith("hephaestus")] == [
        "hephaestus",
        "hephaestus.sessions",
    ]
    assert loaded <= sys.stdlib_module_names


@pytest.mark.slow
def test_sessions_are_registered_by_name_and_do_not_run_unasked(tmp_path: Path) -> None:
    (tmp_path / "noxfile.py").write_text("from hephaestus.sessions import register\nregister('gates', 'wheelhouse')\n")
    shown = nox(tmp_path, "--list").stdout

    assert "- gates -> Ask every gate of the project, in parallel" in shown
    assert "- wheelhouse -> Build the project and all it needs" in shown
    assert listed(tmp_path) == [], "a user's plain `nox` runs nothing of ours"
    assert [session["name"] for session in listed(tmp_path, "--session", "gates")] == ["gates"]
    # A gate that asks all gates would never come to an end.
    assert nox(tmp_path, "--list", "--json", "--tags", "gate").stdout.strip() in ("", "[]")


@pytest.mark.slow
def test_without_names_all_sessions_are_registered_and_one_name_gives_one(tmp_path: Path) -> None:
    for names, expected in (("", {"gates", "wheelhouse"}), ("'wheelhouse'", {"wheelhouse"})):
        (tmp_path / "noxfile.py").write_text(f"from hephaestus.sessions import register\nregister({names})\n")
        shown = nox(tmp_path, "--list").stdout

        assert {name for name in ("gates", "wheelhouse") if f"- {name} -> " in shown} == expected


def test_a_name_nobody_knows_is_answered_with_those_there_are(tmp_path: Path) -> None:
    (tmp_path / "noxfile.py").write_text("from hephaestus.sessions import register\nregister('gate')\n")
    done = nox(tmp_path, "--list")

    assert done.returncode != 0
    assert "there is no session 'gate' to register; there are gates, wheelhouse" in done.stdout + done.stderr


@pytest.mark.slow
def test_a_session_calls_the_program_of_the_library_it_installed(tmp_path: Path) -> None:
    library = tmp_path / "library"
    (library / "src" / "echo").mkdir(parents=True)
    (library / "src" / "echo" / "__init__.py").write_text(ECHO)
    (library / "pyproject.toml").write_text(ECHO_PROJECT)
    (library / "backend.py").write_text(BACKEND.read_text())
    (tmp_path / "noxfile.py").write_text(
        f"from hephaestus.sessions import register\nregister(library={str(library)!r})\n"
    )
    done = nox(tmp_path, "--session", "gates", "gate-lint", "wheelhouse", "--", "--json")

    assert done.returncode == 0, done.stderr
    assert answers(done.stdout) == [
        "asked for gates --json",
        "asked for gates --only lint --json",
        "asked for wheelhouse --json",
    ]


def answers(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("asked for")]


@pytest.mark.slow
def test_every_built_in_gate_is_a_session_of_its_own(tmp_path: Path) -> None:
    """A session that is named after a gate there is none of would only ever fail."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "acorn"\nversion = "1.0.0"\n')
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    explained = subprocess.run(
        [sys.executable, "-m", "hephaestus", "gates", "--explain", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(explained.stdout)
    built_in = {each["name"] for each in (*told["gates"], *told["off"])}
    (tmp_path / "noxfile.py").write_text("from hephaestus.sessions import register\nregister('gates')\n")

    shown = nox(tmp_path, "--list").stdout

    assert sorted(f"gate-{name}" for name in built_in) == sorted(re.findall(r"- (gate-[\w-]+) ->", shown))
