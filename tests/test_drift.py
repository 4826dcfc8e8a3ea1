"""Drift: facts in several places that disagree are found with both places, mended where there is but one answer, and never invented."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hephaestus import drift, system
from hephaestus.drift import fixes, locks, toml, yaml
from hephaestus.drift.files import Files
from hephaestus.drift.node import Node
from hephaestus.errors import Conflict, HephaestusError, UsageError

Written = Mapping[str, str]

PROJECT = """\
[project]
name = "acorn"
version = "1.2.0"
requires-python = ">=3.11"
classifiers = [
    "Programming Language :: Python :: 3",
    "Programming Language :: Python :: 3.11",
    "Programming Language :: Python :: 3.12",
]
dependencies = ["httpx>=0.28"]

[dependency-groups]
dev = [
    "ruff>=0.14",
    { include-group = "test" },
]
test = ["pytest>=8"]
"""
LOCK = """\
version = 1
requires-python = ">=3.11"

[[package]]
name = "acorn"
version = "1.2.0"
source = { editable = "." }

[[package]]
name = "httpx"
version = "0.28.1"
source = { registry = "https://example.org/simple" }

[[package]]
name = "pytest"
version = "8.4.0"
source = { registry = "https://example.org/simple" }

[[package]]
name = "ruff"
version = "0.14.2"
source = { registry = "https://example.org/simple" }
"""
CHANGELOG = """\
# Changelog

## [Unreleased]

## [1.2.0] - 2026-03-01

### Added

- Twigs.

### 3.13

- A heading about a Python.

## [1.1.0] - 2026-01-01

- Acorns.

[unreleased]: https://github.com/oak/acorn/compare/v1.2.0...HEAD
[1.2.0]: https://github.com/oak/acorn/compare/v1.1.0...v1.2.0
[1.1.0]: https://github.com/oak/acorn/releases/tag/v1.1.0
"""
WORKFLOW = """\
on: push
jobs:
  tests:
    strategy:
      matrix:
        python: ["3.11", "3.12"]
    steps:
      - uses: actions/setup-python@v7
        with:
          python-version: ${{ matrix.python }}
"""
HOOKS = """\
repos:
  - repo: https://github.com/astral-sh/ruff-pre-commit
    rev: v0.14.2
    hooks:
      - id: ruff
"""
REFS = f"{'a' * 40} refs/tags/v1.1.0\n{'b' * 40} refs/tags/v1.2.0\n^{'c' * 40}\n"
WHOLE: Written = {
    "pyproject.toml": PROJECT,
    "src/acorn/__init__.py": '"""Acorns."""\n\n__version__ = "1.2.0"\n',
    "uv.lock": LOCK,
    "CHANGELOG.md": CHANGELOG,
    "README.md": "# acorn\n\nRequires Python 3.11 or newer.\n\n    pip install acorn==1.2.0\n",
    ".github/workflows/ci.yml": WORKFLOW,
    ".pre-commit-config.yaml": HOOKS,
    ".python-version": "3.12\n",
    "Dockerfile": "FROM python:3.12-slim\n",
    ".git/HEAD": "ref: refs/heads/main\n",
    ".git/packed-refs": REFS,
    ".venv/pyvenv.cfg": "home = /usr/bin\nversion = 3.12.4\n",
    ".venv/lib/python3.12/site-packages/acorn-1.2.0.dist-info/METADATA": "",
    ".venv/lib/python3.12/site-packages/httpx-0.28.1.dist-info/METADATA": "",
    ".venv/lib/python3.12/site-packages/pytest-8.4.0.dist-info/METADATA": "",
    ".venv/lib/python3.12/site-packages/ruff-0.14.2.dist-info/METADATA": "",
}
PACKAGES = ".venv/lib/python3.12/site-packages"


def write(root: Path, *written: Written) -> Path:
    for path, text in {key: value for each in written for key, value in each.items()}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(text.encode("utf-8", "surrogateescape"))
    return root


def found(root: Path) -> list[tuple[str, str, str]]:
    report = drift.look(root)
    assert report.unread == ()
    return [(each.rule, str(each.here), str(each.there)) for each in report.drifts]


def swapped(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, text
    return text.replace(old, new)


def project(old: str, new: str) -> Written:
    return {"pyproject.toml": swapped(PROJECT, old, new)}


def test_a_project_whose_facts_agree_has_no_drift(tmp_path: Path) -> None:
    assert found(write(tmp_path, WHOLE)) == []


# What is written differently, and what is then said: the rule and both places.
DISAGREEMENTS: dict[str, tuple[Written, list[tuple[str, str, str]]]] = {
    "a module that was not bumped": (
        {"src/acorn/__init__.py": '__version__ = "1.1.0"\n'},
        [("version", "src/acorn/__init__.py:1", "pyproject.toml:3")],
    ),
    "another tool's idea of the version": (
        {"pyproject.toml": PROJECT + '\n[tool.commitizen]\nversion = "1.1.0"\n'},
        [("version", "pyproject.toml:20", "pyproject.toml:3")],
    ),
    "versions in the languages of others": (
        {
            "pyproject.toml": f'{PROJECT}\n[build-system]\nrequires = ["maturin"]\nbuild-backend = "maturin"\n',
            "Cargo.toml": '[package]\nname = "acorn"\nversion = "1.1.0-rc.1"\n',
            "docs/conf.py": 'project = "acorn"\nrelease = "1.1"  # of the manual\n',
        },
        [("version", "Cargo.toml:3", "pyproject.toml:3"), ("version", "docs/conf.py:2", "pyproject.toml:3")],
    ),
    "a package of hatch that lies deep": (
        {
            "pyproject.toml": PROJECT + '\n[tool.hatch.build.targets.wheel]\npackages = ["lib/oak/acorn"]\n',
            "lib/oak/acorn/__about__.py": '\n__version__ = "1.2.1"\n',
        },
        [("version", "lib/oak/acorn/__about__.py:2", "pyproject.toml:3")],
    ),
    "the project's own entry in the lock": (
        {"uv.lock": swapped(LOCK, '"1.2.0"', '"1.1.0"')},
        [("lock-version", "uv.lock:6", "pyproject.toml:3")],
    ),
    "a lock made for another range of Python": (
        {"uv.lock": swapped(LOCK, '">=3.11"', '">=3.10"')},
        [("lock-python", "uv.lock:2", "pyproject.toml:4")],
    ),
    "a lock that is too old for what is asked for": (
        project('"httpx>=0.28"', '"httpx>=1"'),
        [
            ("lock-declared", "uv.lock:11", "pyproject.toml:10"),
            ("installed-declared", f"{PACKAGES}/httpx-0.28.1.dist-info", "pyproject.toml:10"),
        ],
    ),
    "a lock that lacks what is asked for": (
        project('"httpx>=0.28"', '"httpx>=0.28", "anyio>=4"'),
        [("lock-declared", "uv.lock", "pyproject.toml:10"), ("installed-declared", ".venv", "pyproject.toml:10")],
    ),
    "a tool that is installed in another version": (
        {"uv.lock": swapped(LOCK, "0.14.2", "0.15.0"), ".pre-commit-config.yaml": HOOKS.replace("0.14.2", "0.15.0")},
        [("installed-lock", f"{PACKAGES}/ruff-0.14.2.dist-info", "uv.lock:21")],
    ),
    "packages that nobody asked for, all at once": (
        {
            "uv.lock": LOCK + "".join(f'\n[[package]]\nname = "{name}"\nversion = "2"\n' for name in ("ash", "elm")),
            f"{PACKAGES}/ash-1.dist-info/METADATA": "",
            f"{PACKAGES}/elm-1.dist-info/METADATA": "",
        },
        [("installed-lock", f"{PACKAGES}/ash-1.dist-info", "uv.lock:26")],
    ),
    "what is asked for on this Python alone": (
        project('"httpx>=0.28"', """"httpx>=0.28", 'ash>1; python_version == "3.12"'"""),
        [("installed-declared", ".venv", "pyproject.toml:10")],
    ),
    "hooks of another version than what is asked for": (
        {
            "uv.lock": LOCK[: LOCK.index('\n[[package]]\nname = "ruff"')],
            ".pre-commit-config.yaml": HOOKS.replace("0.14.2", "0.13.0"),
        },
        [
            ("lock-declared", "uv.lock", "pyproject.toml:14"),
            ("pre-commit", ".pre-commit-config.yaml:3", "pyproject.toml:14"),
        ],
    ),
    "hooks of another version than the lock": (
        {".pre-commit-config.yaml": HOOKS.replace("0.14.2", "0.13.0")},
        [("pre-commit", ".pre-commit-config.yaml:3", "uv.lock:21")],
    ),
    "hooks that are frozen to a commit": (
        {".pre-commit-config.yaml": HOOKS.replace("v0.14.2", f"{'d' * 40}  # frozen: v0.13.0")},
        [("pre-commit", ".pre-commit-config.yaml:3", "uv.lock:21")],
    ),
    "a Python for this directory that is too old": (
        {".python-version": "# old\n3.10\n"},
        [
            ("python-files", ".python-version:2", "pyproject.toml:4"),
            ("image", "Dockerfile:1", ".python-version:2"),
            ("installed-python", ".venv/pyvenv.cfg:2", ".python-version:2"),
        ],
    ),
    "two files that choose a Python": (
        {"mise.toml": '[tools]\npython = { version = "3.11" }\n', ".tool-versions": "nodejs 22.1.0\npython 3.11.4\n"},
        [("python-files", ".tool-versions:2", ".python-version:1")],
    ),
    "a list of mise": (
        {"mise.toml": '[tools]\nnode = "22"\npython = ["3.11", "3.10"]\n'},
        [
            ("python-files", "mise.toml:3", "pyproject.toml:4"),
            ("python-files", "mise.toml:3", ".python-version:1"),
        ],
    ),
    "a classifier that requires-python left behind": (
        project("Python :: 3.12", "Python :: 3.10"),
        [
            ("classifiers", "pyproject.toml:8", "pyproject.toml:4"),
            ("ci-classifiers", "pyproject.toml:8", ".github/workflows/ci.yml:6"),
        ],
    ),
    "the oldest Python without a classifier": (
        project('    "Programming Language :: Python :: 3.11",\n', ""),
        [
            ("classifiers", "pyproject.toml:7", "pyproject.toml:4"),
            ("ci-classifiers", "pyproject.toml:7", ".github/workflows/ci.yml:6"),
        ],
    ),
    "a classifier that nothing tests": (
        project("Python :: 3.12", "Python :: 3.13"),
        [
            ("ci-classifiers", "pyproject.toml:8", ".github/workflows/ci.yml:6"),
            ("ci-classifiers", "pyproject.toml:8", ".github/workflows/ci.yml:6"),
        ],
    ),
    "a matrix with a Python that is too old": (
        {".github/workflows/ci.yml": WORKFLOW.replace('"3.11",', '"3.10", "3.11",')},
        [("ci-python", ".github/workflows/ci.yml:6", "pyproject.toml:4")],
    ),
    "a set-up step with a block of versions": (
        {".github/workflows/ci.yml": WORKFLOW.replace("${{ matrix.python }}", "|\n            3.12\n            3.9")},
        [("ci-python", ".github/workflows/ci.yml:12", "pyproject.toml:4")],
    ),
    "a cell that a matrix includes": (
        {".github/workflows/ci.yml": WORKFLOW.replace("    steps", "        include: [{python: '3.9'}]\n    steps")},
        [("ci-python", ".github/workflows/ci.yml:7", "pyproject.toml:4")],
    ),
    "the Python that documentation is built with": (
        {".readthedocs.yaml": 'version: 2\nbuild:\n  tools:\n    python: "3.10"\n'},
        [("ci-python", ".readthedocs.yaml:4", "pyproject.toml:4")],
    ),
    "an image that is too old": (
        {
            "docker/web.Dockerfile": "ARG PYTHON=3.9\nFROM --platform=$X docker.io/library/python:${PYTHON}-slim AS web\n"
        },
        [("image", "docker/web.Dockerfile:2", "pyproject.toml:4")],
    ),
    "an image of another Python than is chosen here": (
        {"Containerfile": "FROM ghcr.io/astral-sh/uv:python3.11-bookworm@sha256:0\n"},
        [("image", "Containerfile:1", ".python-version:1")],
    ),
    "an environment of another Python": (
        {".venv/pyvenv.cfg": "version_info = 3.11.9.final.0\n"},
        [("installed-python", ".venv/pyvenv.cfg:1", ".python-version:1")],
    ),
    "targets of tools": (
        {
            "pyproject.toml": PROJECT
            + '\n[tool.black]\ntarget-version = ["py310", "py312"]\n[tool.ruff]\ntarget-version = "py312"\n'
            + '[tool.mypy]\npython_version = "3.12"\n[tool.pyright]\npythonVersion = "3.9"\n',
            "mypy.ini": "[mypy-other]\npython_version = 3.8\n[mypy]\npython_version = 3.10\n",
        },
        [
            ("targets", "pyproject.toml:20", "pyproject.toml:4"),
            ("targets", "pyproject.toml:26", "pyproject.toml:4"),
            ("targets", "pyproject.toml:22", "pyproject.toml:4"),
            ("targets", "mypy.ini:4", "pyproject.toml:4"),
        ],
    ),
    "one package pinned twice": (
        project('test = ["pytest>=8"]', 'test = ["pytest>=8", "Ruff==0.14.2"]\nlint = [\n  "ruff==0.14.1",\n]'),
        [
            ("pins", "pyproject.toml:19", "pyproject.toml:17"),
            ("lock-declared", "uv.lock:21", "pyproject.toml:19"),
            ("installed-declared", f"{PACKAGES}/ruff-0.14.2.dist-info", "pyproject.toml:19"),
        ],
    ),
    "a tag that the changelog does not tell of": (
        {".git/refs/tags/v1.3.0": "e" * 40},
        [
            ("tag", "pyproject.toml:3", ".git/refs/tags/v1.3.0"),
            ("changelog", "CHANGELOG.md:5", ".git/refs/tags/v1.3.0"),
        ],
    ),
    "a changelog that is ahead of the version": (
        {"CHANGELOG.md": swapped(CHANGELOG, "## [1.2.0] -", "## [1.3.0] - 2026-04-01\n\n- More.\n\n## [1.2.0] -")},
        [
            ("changelog", "pyproject.toml:3", "CHANGELOG.md:5"),
            ("changelog-link", "CHANGELOG.md:23", "CHANGELOG.md:5"),
            ("changelog-link", "CHANGELOG.md:5", "CHANGELOG.md:24"),
        ],
    ),
    "a link that the last release left behind": (
        {"CHANGELOG.md": swapped(CHANGELOG, "v1.2.0...HEAD", "v1.1.0...HEAD")},
        [("changelog-link", "CHANGELOG.md:19", "CHANGELOG.md:5")],
    ),
    "badges and commands of the README": (
        {
            "README.md": "![](https://img.shields.io/badge/python-3.10%2B-blue)"
            " ![](https://img.shields.io/badge/version-1.1.0-green)\n\n- requires Python 3.9+\n- `pip install acorn[all]==1.0`\n"
        },
        [
            ("readme-python", "README.md:1", "pyproject.toml:4"),
            ("readme-python", "README.md:3", "pyproject.toml:4"),
            ("readme-version", "README.md:1", "pyproject.toml:3"),
            ("readme-version", "README.md:4", "pyproject.toml:3"),
        ],
    ),
    "the project itself, installed long ago": (
        {f"{PACKAGES}/acorn-1.2.0.dist-info/METADATA": "", f"{PACKAGES}/acorn-1.3.0.dist-info/METADATA": ""},
        [("installed-version", f"{PACKAGES}/acorn-1.3.0.dist-info", "pyproject.toml:3")],
    ),
}


@pytest.mark.parametrize("case", DISAGREEMENTS)
def test_what_disagrees_is_found_with_both_places(tmp_path: Path, case: str) -> None:
    written, expected = DISAGREEMENTS[case]

    assert found(write(tmp_path, WHOLE, written)) == expected


# What looks like drift and is none.
AGREEMENTS: dict[str, Written] = {
    "a lock with forks": {
        "uv.lock": LOCK + swapped(LOCK[LOCK.index('[[package]]\nname = "ruff') :], "0.14.2", "0.13.0")
    },
    "a development version after a release": {
        **project('"1.2.0"', '"1.3.0.dev0"'),
        "src/acorn/__init__.py": '__version__ = "1.3.0.dev0"\n',
        "uv.lock": swapped(LOCK, '"1.2.0"', '"1.3.0.dev0"'),
        f"{PACKAGES}/acorn-1.3.0.dev0.dist-info/METADATA": "",
    },
    "a release that is being made": {
        **project('"1.2.0"', '"1.2.1"'),
        "src/acorn/__init__.py": '__version__ = "1.2.1"\n',
        "uv.lock": swapped(LOCK, '"1.2.0"', '"1.2.1"'),
        "CHANGELOG.md": CHANGELOG.replace("## [1.2.0]", "## [1.2.1] - 2026-04-01\n\n- Fix.\n\n## [1.2.0]").replace(
            "[unreleased]: https://github.com/oak/acorn/compare/v1.2.0...HEAD",
            "[unreleased]: https://github.com/oak/acorn/compare/v1.2.1...HEAD\n[1.2.1]: https://github.com/oak/acorn",
        ),
        f"{PACKAGES}/acorn-1.2.1.dist-info/METADATA": "",
    },
    "a maintenance branch behind a newer tag": {
        ".git/HEAD": "ref: refs/heads/1.2.x\n",
        ".git/packed-refs": REFS + f"{'d' * 40} refs/tags/v2.0.0\n",
        "CHANGELOG.md": CHANGELOG.replace("## [1.1.0]", "## [2.0.0]\n\n- No.\n\n## [1.1.0]"),
        **project('"1.2.0"', '"2.0.0"'),
        "src/acorn/__init__.py": '__version__ = "2.0.0"\n',
        "uv.lock": swapped(LOCK, '"1.2.0"', '"2.0.0"'),
        "README.md": "",
        f"{PACKAGES}/acorn-2.0.0.dist-info/METADATA": "",
    }
    | {"CHANGELOG.md": CHANGELOG.replace("1.2.0", "2.0.0")},
    "tests ahead of the classifiers that may fail": {
        ".github/workflows/ci.yml": WORKFLOW.replace('"3.12"]', '"3.12", "3.14-dev"]').replace(
            "    steps", "        include:\n          - {python: '3.15', experimental: true}\n    steps"
        )
    },
    "a matrix that comes from elsewhere": {
        **project("Python :: 3.12", "Python :: 3.13"),
        ".github/workflows/ci.yml": WORKFLOW.replace(
            '["3.11", "3.12"]', "${{ fromJSON(needs.build.outputs.pythons) }}"
        ),
    },
    "requirements for other machines": {
        "pyproject.toml": PROJECT.replace(
            '"httpx>=0.28"',
            '"httpx>=0.28", "tomli>=2; python_version < \'3.11\'", "colorama>1; sys_platform == \'plan9\'"',
        )
    },
    "a package from elsewhere": {
        "pyproject.toml": PROJECT.replace('"httpx>=0.28"', '"httpx>=0.28", "elm @ https://example.org/elm-1.0.tar.gz"')
    },
    "groups that are not installed": {
        "pyproject.toml": PROJECT + 'docs = ["sphinx>=8"]\n',
        "uv.lock": LOCK + '\n[[package]]\nname = "sphinx"\nversion = "8.1"\n',
    },
    "a Python chosen by words": {".python-version": "pypy3.11\nsystem\n3.12.4\n"},
    "images without a version": {"Dockerfile": "FROM python:3-slim\nFROM oak/python-tools:3.9\nFROM scratch\n"},
    "a group of which little is installed": {
        "pyproject.toml": PROJECT.replace('"ruff>=0.14"', '"ruff>=0.14", "elm", "ash", "yew"'),
        "uv.lock": LOCK + "".join(f'\n[[package]]\nname = "{name}"\nversion = "1"\n' for name in ("elm", "ash", "yew")),
    },
    "a lock that somebody put in another order": {
        "uv.lock": swapped(LOCK, 'name = "httpx"\nversion = "0.28.1"', 'version = "0.28.1"\nname = "httpx"')
    },
    "hooks of others": {
        ".pre-commit-config.yaml": HOOKS
        + "  - repo: local\n    hooks: []\n  - repo: https://github.com/oak/hooks\n    rev: main\n"
        "  - repo: https://github.com/psf/black\n    rev: 25.1.0\n"
    },
    "what a README says of other things": {
        "README.md": "On Python 3.13+ it is faster.\n\n    pip install acorn-tools==0.1 other==3 acorn\n\nacorn==1.1.0.post1x\n\nSince acorn==1.0.1 twigs bend.\n"
    },
    "a private fork of a version": {f"{PACKAGES}/ruff-0.14.2+local.dist-info/METADATA": ""},
    "anchors in a workflow": {
        ".github/workflows/ci.yml": WORKFLOW.replace('python: ["3.11"', 'python: &all ["3.11"')
        + "  more:\n    strategy:\n      matrix:\n        python: *all\n"
    },
}


@pytest.mark.parametrize("case", AGREEMENTS)
def test_what_only_looks_like_drift_is_none(tmp_path: Path, case: str) -> None:
    root = write(tmp_path, WHOLE, AGREEMENTS[case])
    for older in (root / PACKAGES).glob("acorn-*"):
        if older.name != max(path.name for path in (root / PACKAGES).glob("acorn-*")):
            system.remove(older)

    assert found(root) == []


def test_a_project_with_nothing_but_its_name_has_no_drift(tmp_path: Path) -> None:
    assert found(write(tmp_path, {"pyproject.toml": '[project]\nname = "acorn"\n'})) == []


FORGOTTEN: Written = {
    "pyproject.toml": PROJECT.replace(":: 3.12", ":: 3.20")
    + "\n[tool.ruff]\ntarget-version = \"py310\"  # old\n[tool.mypy]\npython_version = '3.9'\n",
    "src/acorn/__init__.py": "__version__ = '1.1.0'  # bumped\n",
    "uv.lock": LOCK.replace('"1.2.0"', '"1.1.0"'),
    "CHANGELOG.md": CHANGELOG.replace("v1.2.0...HEAD", "v1.1.0...HEAD").replace("\n", "\r\n"),
    "README.md": "\ufeff# acorn\r\n\r\nRequires Python 3.9+\r\n\r\npip install acorn==1.1.0",
    ".github/workflows/ci.yml": WORKFLOW.replace('"3.12"', "3.20").replace("  tests:", "\n  # Tests.\n  tests:"),
}


def test_what_has_but_one_answer_is_mended_to_the_byte_and_only_once(tmp_path: Path) -> None:
    root = write(tmp_path, WHOLE, FORGOTTEN)

    planned = drift.fix(root)
    assert drift.look(root).drifts != ()
    drift.write(root, planned)

    read = {path: (root / path).read_bytes().decode() for path in FORGOTTEN}
    assert read == {
        "pyproject.toml": FORGOTTEN["pyproject.toml"].replace("py310", "py311").replace("'3.9'", "'3.11'"),
        "src/acorn/__init__.py": "__version__ = '1.2.0'  # bumped\n",
        "uv.lock": LOCK,
        "CHANGELOG.md": CHANGELOG.replace("\n", "\r\n"),
        "README.md": FORGOTTEN["README.md"].replace("3.9+", "3.11+").replace("acorn==1.1.0", "acorn==1.2.0"),
        ".github/workflows/ci.yml": FORGOTTEN[".github/workflows/ci.yml"].replace("3.20", '"3.20"'),
    }
    assert len(planned.settled) == 8
    again = drift.fix(root)
    assert (dict(again.after), again.diff, again.settled) == ({}, "", ())
    assert again.left.drifts == ()


@pytest.mark.parametrize(
    "written",
    [
        {"pyproject.toml": PROJECT + '\n[tool.ruff]\ntarget-version = "py310" # not "py310"\n'},  # which of the two?
        {".github/workflows/ci.yml": WORKFLOW.replace('"3.11"', "3.10")},  # with quotes it would be as wrong
        {"src/acorn/__init__.py": '__version__ = "1.3.0"\n'},  # which is right?
        {"README.md": "For Python 2: `pip install acorn==0.9.1`\n"},  # so old that it is meant
        {"README.md": "`pip install acorn==1.1.0`, before that `pip install acorn==1.0.0`\n"},
    ],
)
def test_what_has_several_answers_is_left_to_people(tmp_path: Path, written: Written) -> None:
    planned = drift.fix(write(tmp_path, WHOLE, written))

    assert dict(planned.after) == {}
    assert planned.left.drifts != ()
    assert [each for each in planned.left.drifts if "--fix" in each.hint] == []


def test_an_edit_that_would_only_uncover_another_drift_is_not_made(tmp_path: Path) -> None:
    root = write(tmp_path, WHOLE, {".github/workflows/ci.yml": WORKFLOW.replace('"3.12"', '"3.12", 3.20')})

    planned = drift.fix(root)

    assert (dict(planned.after), [each.rule for each in planned.left.drifts]) == ({}, ["ci-python"])


@pytest.mark.parametrize(
    ("path", "text", "old", "new"),
    [
        ("uv.lock", "a = 1\n", "a", "b"),
        ("uv.lock", "a = 1\n", "1", "2\nb = 1"),
        ("uv.lock", "a = 1\n", "1", "["),
        ("ci.yml", "a: [b, c]\n", "b, c", "b"),
        ("ci.yml", "a: [b, c]\n", "b, c", "c, b"),
        ("ci.yml", "a: b\n", "b", "b # again"),
    ],
)
def test_an_edit_of_more_or_less_than_one_value_is_refused(path: str, text: str, old: str, new: str) -> None:
    assert fixes._edited(drift.Edit(path, 1, old, new), text.encode()) is None


def test_a_file_that_changed_meanwhile_is_not_written_and_neither_is_any_other(tmp_path: Path) -> None:
    root = write(tmp_path, WHOLE, FORGOTTEN)
    planned = drift.fix(root)
    (root / "uv.lock").write_text("somebody else's\n")
    before = (root / "pyproject.toml").read_bytes()

    with pytest.raises(Conflict, match=r"uv\.lock was changed meanwhile"):
        drift.write(root, planned)

    assert (root / "pyproject.toml").read_bytes() == before


def test_a_disk_that_fills_up_half_way_leaves_all_files_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write(tmp_path, WHOLE, FORGOTTEN)
    planned, whole, done = drift.fix(root), system.write, []

    def full(path: Path, data: bytes) -> None:
        done.append(path)
        if len(done) == 3:
            raise OSError(28, "No space left on device", str(path))
        whole(path, data)

    monkeypatch.setattr(system, "write", full)
    with pytest.raises(OSError, match="No space left"):
        drift.write(root, planned)

    assert {path: (root / path).read_bytes().decode() for path in FORGOTTEN} == FORGOTTEN


def test_what_is_ignored_is_shown_with_its_reason(tmp_path: Path) -> None:
    ignore = '\n[tool.hephaestus.drift.ignore]\n"pre-commit:ruff" = "the hook is ahead"\nimage = "the host decides"\n'
    hooks = {".pre-commit-config.yaml": HOOKS.replace("0.14.2", "0.15.0"), "Dockerfile": "FROM python:3.11\n"}
    report = drift.look(write(tmp_path, WHOLE, hooks, {"pyproject.toml": PROJECT + ignore}))

    assert report.drifts == ()
    assert [(each.rule, each.reason) for each in report.ignored] == [
        ("image", "the host decides"),
        ("pre-commit", "the hook is ahead"),
    ]
    assert {finding.level for finding in report.findings} == {"note"}


@pytest.mark.parametrize(
    ("ignore", "said"),
    [
        ('{ precommit = "why" }', "did you mean 'pre-commit'"),
        ('{ image = "" }', "image needs a reason"),
        ("{ image = true }", "image needs a reason"),
        ('["image"]', "must be a table"),
        ('{}\nignored = "image"', "unknown key 'ignored'"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(tmp_path: Path, ignore: str, said: str) -> None:
    root = write(tmp_path, {"pyproject.toml": f"{PROJECT}\n[tool.hephaestus.drift]\nignore = {ignore}\n"})

    with pytest.raises(UsageError, match=said):
        drift.look(root)


@pytest.mark.parametrize(
    "written",
    [
        {"uv.lock": f"<<<<<<< HEAD\n{LOCK}"},
        {"uv.lock": LOCK + '\n[[package]]\nname = "torn'},
        {"uv.lock": LOCK.replace("httpx", "\udc80")},
        {".github/workflows/ci.yml": "jobs:\n\t- tab\n"},
        {".github/workflows/ci.yml": "a: *nowhere\n"},
        {".pre-commit-config.yaml": "[" * 100_000},
        {"CHANGELOG.md": "\udcff\udcfe"},
        {"README.md": "\udcff"},
        {"ruff.toml": "target-version ="},
        {"src/acorn/__init__.py": '__version__ = f"{1}.2.0"\n'},
        {"pyproject.toml": PROJECT.replace("httpx>=0.28", "httpx >= = 1")},
        {"pyproject.toml": PROJECT.replace(">=3.11", "3.11 or so")},
        {".git/reftable/tables.list": ""},
    ],
    ids=lambda written: next(iter(written)),
)
def test_a_file_that_cannot_be_read_is_said_and_is_not_no_drift(tmp_path: Path, written: Written) -> None:
    report = drift.look(write(tmp_path, WHOLE, written))

    assert [finding.path for finding in report.unread] == [next(iter(written)).removesuffix("/tables.list")]
    assert report.problems[0].hint


@pytest.mark.parametrize("text", ["", "[project]\nname = 1\n", "[project\n", "\ufeff[project]\n"])
def test_without_a_pyproject_nothing_can_be_compared(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError):
        drift.look(write(tmp_path, {"pyproject.toml": text}))


@pytest.mark.slow
@given(st.sampled_from([path for path in WHOLE if ".venv" not in path]), st.binary(max_size=80), st.integers(0, 400))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_file_however_broken_ends_in_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, path: str, noise: bytes, at: int
) -> None:
    root = write(tmp_path_factory.mktemp("noise"), WHOLE)
    data = (root / path).read_bytes()
    (root / path).write_bytes(data[:at] + noise + data[at:])

    with contextlib.suppress(HephaestusError):
        drift.fix(root)


NASTY = '''\
a = """
[x]
y = 1 # no
"""  # comment
b.c = 'it''s'
"quoted \\"key\\"" = { one = 1, two = [ { three = 3.5 }, [] ] }
d = [ # first
  1979-05-27T07:32:00.5, # second
  "x]",

  [ "y", \'\'\'
z\'\'\', ],
]
[t]
[t."u.v"]
w = "\\u00e9"
[[many]]
[many.inner]
k = 1
[[many]]
  [[many.deep]]
  l = -inf
'''.replace("'it''s'", "'its'")


def lines(node: Node, path: tuple[str | int, ...] = ()) -> dict[tuple[str | int, ...], int]:
    inside: Any = node.value
    pairs = inside.items() if isinstance(inside, dict) else enumerate(inside) if isinstance(inside, list) else ()
    below = {key: line for name, each in pairs for key, line in lines(each, (*path, name)).items()}
    return {path: node.line, **below}


def plain(node: Node) -> Any:
    if isinstance(node.value, dict):
        return {key: plain(each) for key, each in node.value.items()}
    return [plain(each) for each in node.value] if isinstance(node.value, list) else node.value


def test_toml_of_every_shape_is_found_on_its_lines() -> None:
    read = toml.read(NASTY.encode())

    assert plain(read) == tomllib.loads(NASTY)
    assert lines(read) == {
        (): 1,
        ("a",): 1,
        ("b",): 5,
        ("b", "c"): 5,
        ('quoted "key"',): 6,
        ('quoted "key"', "one"): 6,
        ('quoted "key"', "two"): 6,
        ('quoted "key"', "two", 0): 6,
        ('quoted "key"', "two", 0, "three"): 6,
        ('quoted "key"', "two", 1): 6,
        ("d",): 7,
        ("d", 0): 8,
        ("d", 1): 9,
        ("d", 2): 11,
        ("d", 2, 0): 11,
        ("d", 2, 1): 11,
        ("t",): 14,
        ("t", "u.v"): 15,
        ("t", "u.v", "w"): 16,
        ("many",): 17,
        ("many", 0): 17,
        ("many", 0, "inner"): 18,
        ("many", 0, "inner", "k"): 19,
        ("many", 1): 20,
        ("many", 1, "deep"): 21,
        ("many", 1, "deep", 0): 21,
        ("many", 1, "deep", 0, "l"): 22,
    }


_KEYS = st.text(st.sampled_from('ab1-."# =[]é\\'), max_size=4)
_SCALARS = st.one_of(st.integers(-9, 9), st.booleans(), st.text(max_size=6), st.dates())
_VALUES = st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3))


@pytest.mark.slow
@given(st.dictionaries(_KEYS, _VALUES, max_size=4))
@settings(max_examples=80, deadline=None)
def test_toml_is_read_as_the_standard_library_reads_it_and_every_value_has_a_line(document: dict[str, Any]) -> None:
    text = f"\n# A comment.\n{tomli_w.dumps(document)}"

    read = toml.read(text.encode())

    assert plain(read) == tomllib.loads(text)
    written = text.split("\n")
    for path, line in lines(read).items():
        key = next((each for each in reversed(path) if isinstance(each, str)), "")
        if key.isidentifier() and path and path[-1] == key:
            assert key in written[line - 1]


@given(st.text(st.sampled_from("ab:- \n[]{}&*!'\"#|>?,<%@`\t0"), max_size=60))
@settings(max_examples=80, deadline=None)
def test_yaml_is_read_or_refused_in_words(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert yaml.read(text.encode()).line > 0


def test_yaml_that_would_grow_is_read_in_no_time() -> None:
    grown = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 200))
    read = yaml.read(grown.encode())

    assert read.items("a199")[8] is read.at("a198")
    with pytest.raises(ValueError, match="larger than 1 MiB"):
        yaml.read(b"#" * (1 << 20) + b"\n")


@pytest.mark.parametrize("name", ["uv.lock", "poetry.lock", "pdm.lock", "pylock.toml"])
def test_a_lock_says_the_same_whether_it_is_searched_or_parsed(tmp_path: Path, name: str) -> None:
    written = (Path(__file__).parent / "data" / "locks" / name).read_text()
    (searched,) = locks.find(Files(write(tmp_path / "searched", {name: written})))
    (parsed,) = locks.find(Files(write(tmp_path / "parsed", {name: written + "# '''\n"})))

    assert len(searched.pins) > 3
    assert parsed.pins == searched.pins
    assert (parsed.python, parsed.own) == (searched.python, searched.own)


def test_hashed_requirements_are_a_lock_and_others_are_not(tmp_path: Path) -> None:
    hashed = f"# uv export -o requirements.txt\nruff==0.13.0 \\\n    --hash=sha256:{'a' * 64}\n"
    written = {path: text for path, text in WHOLE.items() if path not in {"uv.lock", ".pre-commit-config.yaml"}}

    assert found(write(tmp_path / "one", written, {"requirements/dev.txt": hashed})) == [
        ("lock-declared", "requirements/dev.txt:2", "pyproject.toml:14"),
        ("installed-lock", f"{PACKAGES}/ruff-0.14.2.dist-info", "requirements/dev.txt:2"),
    ]
    assert found(write(tmp_path / "two", written, {"requirements.txt": "ruff==0.13.0\n"})) == []


def test_an_active_environment_counts_where_the_project_is_installed_in_it_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write(tmp_path / "acorn", {path: text for path, text in WHOLE.items() if not path.startswith(".venv")})
    elsewhere = write(
        tmp_path / "elsewhere", {path[6:]: text for path, text in WHOLE.items() if path.startswith(".venv")}
    )
    system.rename(elsewhere / PACKAGES[6:] / "ruff-0.14.2.dist-info", elsewhere / PACKAGES[6:] / "ruff-0.9.dist-info")
    monkeypatch.setenv("VIRTUAL_ENV", str(elsewhere))

    assert drift.active(root) is None
    address = json.dumps({"url": root.as_uri(), "dir_info": {"editable": True}})
    (elsewhere / PACKAGES[6:] / "acorn-1.2.0.dist-info" / "direct_url.json").write_text(address)

    assert drift.active(root) == elsewhere
    assert [each.rule for each in drift.look(root, environment=elsewhere).drifts] == [
        "installed-declared",
        "installed-lock",
    ]


def test_tags_are_read_in_a_linked_work_tree(tmp_path: Path) -> None:
    git = "git", "-c", "user.name=Robin", "-c", "user.email=robin@example.org"
    main = write(
        tmp_path / "main", {path: text for path, text in WHOLE.items() if not path.startswith((".git/", ".venv"))}
    )
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "Acorns"], ["tag", "v1.3.0"]):
        subprocess.run([*git, *words], cwd=main, check=True)
    subprocess.run([*git, "worktree", "add", "-q", str(tmp_path / "linked"), "-b", "twig"], cwd=main, check=True)

    assert found(tmp_path / "linked") == [("changelog", "CHANGELOG.md:5", ".git/refs/tags/v1.3.0")]


def run(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hephaestus", *words]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_task_shows_both_places_mends_what_it_can_and_ends_with_a_code(tmp_path: Path) -> None:
    root = write(tmp_path, WHOLE, FORGOTTEN)
    before = {path: (root / path).read_bytes() for path in FORGOTTEN}

    looked = run(root, "drift")
    dry = run(root, "--dry", "drift", "--fix")
    assert {path: (root / path).read_bytes() for path in FORGOTTEN} == before
    fixed = run(root, "drift", "--fix", "--json")

    assert (looked.returncode, dry.returncode, fixed.returncode) == (3, 0, 0)
    assert '  uv.lock:6  version = "1.1.0"\n  pyproject.toml:3  version = "1.2.0"\n  hint: uv lock' in looked.stderr
    assert "8 drifts found" in looked.stderr
    assert '-version = "1.1.0"\n+version = "1.2.0"' in dry.stderr
    assert "would settle 8 drifts" in dry.stderr
    told = json.loads(fixed.stdout)
    assert (len(told["fixed"]), told["drift"]) == (8, [])
    assert '-version = "1.1.0"\n+version = "1.2.0"' in told["diff"]


@pytest.mark.slow
def test_the_task_ends_well_without_drift_and_not_where_a_file_could_not_be_read(tmp_path: Path) -> None:
    root = write(tmp_path, WHOLE)
    well = run(root, "drift", "--json")
    (root / ".pre-commit-config.yaml").write_text("]")
    unread = run(root, "drift")

    assert (well.returncode, json.loads(well.stdout)["drift"], well.stderr) == (0, [], "no drift\n")
    assert unread.returncode == 5
    assert "no drift" not in unread.stderr
    assert ".pre-commit-config.yaml could not be read: line 1" in unread.stderr
