"""The gates a release must pass: `nox -t gate` runs them all."""

import nox

PROJECT = nox.project.load_toml("pyproject.toml")


@nox.session(tags=["gate"])
def tests(session: nox.Session) -> None:
    """Install the project and run its tests."""
    session.install(".", *nox.project.dependency_groups(PROJECT, "test"))
    session.run("pytest", *session.posargs)


@nox.session(tags=["gate"])
def lint(session: nox.Session) -> None:
    """Check style and common mistakes."""
    session.install(*nox.project.dependency_groups(PROJECT, "lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
