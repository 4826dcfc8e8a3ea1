"""The Nox sessions a project takes from the library, by name or by what its files call for."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import hephaestus
from places import BACKEND, Place

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


def gates(root: Path, tool: str, package: str | None = None) -> list[str]:
    """Return the built-in gates of a project whose configuration ends with some tables."""
    root.mkdir(exist_ok=True)
    (root / "pyproject.toml").write_text(f'[project]\nname = "acorn"\nversion = "1.0.0"\n{tool}')
    noxfile = f"from hephaestus.sessions import register_gates\nregister_gates({str(root)!r}, {package!r})\n"
    (root / "generated.py").write_text(noxfile)
    return [str(session["name"]) for session in listed(root, "--noxfile", "generated.py", "--tags", "gate")]


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
    done = nox(tmp_path, "--session", "gates", "wheelhouse", "--", "--json")

    assert done.returncode == 0, done.stderr
    assert answers(done.stdout) == ["asked for gates --json", "asked for wheelhouse --json"]


def answers(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("asked for")]


@pytest.mark.parametrize(
    ("tool", "expected"),
    [
        ("", {"package"}),
        ("[tool.ruff]\n", {"package", "lint"}),
        ("[tool.mypy]\nstrict = true\n", {"package", "types"}),
        ("[tool.black]\n", {"package"}),
    ],
)
def test_the_built_in_gates_are_those_a_projects_tables_call_for(tmp_path: Path, tool: str, expected: set[str]) -> None:
    assert set(gates(tmp_path / "acorn", tool)) == expected


def test_a_directory_of_tests_and_files_of_settings_call_for_gates_as_well(tmp_path: Path) -> None:
    root = tmp_path / "acorn"
    (root / "tests").mkdir(parents=True)
    (root / "ruff.toml").touch()
    (root / "mypy.ini").touch()

    assert set(gates(root, "")) == {"package", "tests", "lint", "types"}


@pytest.mark.slow
def test_the_gate_of_the_package_installs_and_imports_it_with_no_network(place: Place) -> None:
    noxfile = f"from hephaestus.sessions import register_gates\nregister_gates({str(place.root)!r})\n"
    (place.root.parent / "generated.py").write_text(noxfile)
    words = ("--noxfile", str(place.root.parent / "generated.py"), "--session", "package")
    good = nox(place.root, *words)
    assert good.returncode == 0, good.stderr
    assert "imported acorn\n" in good.stdout

    (place.root / "src" / "acorn" / "__init__.py").write_text("import nothing_of_that_name\n")
    bad = nox(place.root, *words)
    assert bad.returncode == 1
    assert "No module named 'nothing_of_that_name'" in bad.stdout + bad.stderr


@pytest.mark.slow
def test_what_is_tested_is_the_wheel_that_was_built(place: Place) -> None:
    dist = place.root.parent / "dist"
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(dist), str(place.root)],
        check=True,
        capture_output=True,
    )
    [wheel] = dist.glob("*.whl")
    # What lies in the checkout now is broken, and nobody looks at it.
    (place.root / "src" / "acorn" / "__init__.py").write_text("import nothing_of_that_name\n")
    (place.root.parent / "generated.py").write_text(
        f"from hephaestus.sessions import register_gates\nregister_gates({str(place.root)!r}, {str(wheel)!r})\n"
    )
    done = nox(place.root, "--noxfile", str(place.root.parent / "generated.py"), "--session", "package")

    assert done.returncode == 0, done.stderr
