"""The sessions of this repository: `nox --list` shows them; those tagged `gate` must pass before a release."""

import os
import sys
from pathlib import Path

import nox

ROOT = Path(__file__).parent
sys.path.append(str(ROOT / "src"))  # the checkout answers where hephaestus is not installed

from hephaestus.sessions import register  # noqa: E402  (only once its place is known)

nox.needs_version = ">=2026.8.10"
nox.options.sessions = ["tests"]
nox.options.default_venv_backend = "uv|virtualenv"

LOCK = "requirements/development.txt"

register("gates", "wheelhouse", library=str(ROOT))


def prepare(session: nox.Session) -> None:
    """Install the locked tools and, on top, this checkout."""
    session.install("--require-hashes", "--requirement", LOCK)
    session.install("--no-deps", "--editable", ".")


@nox.session
def tests(session: nox.Session) -> None:
    """Run all tests with coverage; words after `--` go to pytest, such as `-m "not slow"`."""
    prepare(session)
    everything = [] if session.posargs else ["--cov", "--cov-report=term"]
    # The next run begins sooner with the byte code of the tests, which some environments forbid.
    kept = {"PYTHONDONTWRITEBYTECODE": None}
    # One more than there are processors, as each waits now and then for what it has started.
    workers = f"--numprocesses={(os.cpu_count() or 2) + 1}"
    session.run("pytest", workers, *everything, *session.posargs, env=kept)


@nox.session
def demo(session: nox.Session) -> None:
    """Rehearse a whole release of the project in examples/lantern: released, installed with no network, rolled back."""
    prepare(session)
    session.run("python", "examples/rehearse.py", session.create_tmp(), *session.posargs)


@nox.session
def crash(session: nox.Session) -> None:
    """Kill a release at every moment at which it can leave something behind, and see it finished and taken back."""
    prepare(session)
    session.run("pytest", "--numprocesses=auto", "tests/crash", "--every-moment", *session.posargs)


@nox.session(tags=["gate"])
def quick(session: nox.Session) -> None:
    """Run the tests that take seconds."""
    prepare(session)
    session.run("pytest", "--numprocesses=auto", "-m", "not slow", *session.posargs)
