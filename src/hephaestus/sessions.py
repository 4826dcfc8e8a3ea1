"""Nox sessions a project's noxfile takes by name; only nox and the standard library are imported here.

from hephaestus.sessions import register

register("gates", "wheelhouse")
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import nox

from hephaestus import __version__

__all__ = ["register", "register_gates"]

_IMPORT = """
import importlib, importlib.metadata as metadata, sys
names = {file.parts[0].removesuffix(".py") for file in metadata.distribution(sys.argv[1]).files or ()
         if file.suffix == ".py" and len(file.parts) <= 2 and file.parts[-1] in ("__init__.py", file.parts[0])}
for name in sorted(names):
    importlib.import_module(name)
    print("imported", name)
"""


def register(*names: str, library: str = f"hephaestus-release=={__version__}") -> None:
    """Register sessions of this library in a noxfile: `gates` and `wheelhouse`, both when no name is given.

    `library` is what to install for them. Raises `ValueError` for a name there is no session of.
    """
    known = {
        "gates": "Ask every gate of the project, in parallel: the sessions tagged `gate`, or built-in ones.",
        "wheelhouse": "Build the project and all it needs into a wheelhouse in dist, proven with no network.",
    }
    for name in names or tuple(known):
        if name not in known:
            raise ValueError(f"there is no session {name!r} to register; there are {', '.join(known)}")
        _command(name, known[name], library)


def _command(name: str, told: str, library: str) -> None:
    def session(session: nox.Session) -> None:
        session.install(library)
        session.run("hephaestus", name, *session.posargs)

    session.__doc__ = told
    nox.session(name=name, default=False)(session)


def register_gates(root: str, package: str | None = None) -> None:
    """Register the built-in gates that a project's files call for, each tagged `gate`.

    `root` is the project's directory, `package` the wheel to test, or `None` to install the directory itself:
    `package` (it installs alone and imports) always, `tests` where there is a directory of tests,
    `lint` where ruff is configured, `types` where mypy is.
    """
    here = Path(root)
    document = tomllib.loads((here / "pyproject.toml").read_text(encoding="utf-8"))
    tool: dict[str, Any] = document.get("tool", {})
    target = package or root
    _gate("package", here, lambda session: _package(session, target, document["project"]["name"]))
    if (here / "tests").is_dir():
        _gate("tests", here, lambda session: _tests(session, target, document))
    if "ruff" in tool or (here / "ruff.toml").is_file():
        _gate("lint", here, _lint)
    if "mypy" in tool or (here / "mypy.ini").is_file():
        _gate("types", here, lambda session: _types(session, target, document))


def _gate(name: str, root: Path, body: Any) -> None:  # noqa: ANN401  (a session body, which nox does not name)
    def session(session: nox.Session) -> None:
        session.chdir(root)
        body(session)

    nox.session(name=name, tags=["gate"])(session)


def _package(session: nox.Session, target: str, name: str) -> None:
    session.install(target)
    session.run("python", "-I", "-c", _IMPORT, name)


def _tests(session: nox.Session, target: str, document: dict[str, Any]) -> None:
    session.install(target, "pytest", *_group(document, "test", "tests", "dev"))
    session.run("pytest")


def _lint(session: nox.Session) -> None:
    session.install("ruff")
    session.run("ruff", "check")


def _types(session: nox.Session, target: str, document: dict[str, Any]) -> None:
    session.install(target, "mypy", *_group(document, "types", "typing", "test", "tests", "dev"))
    said = {"files", "modules", "packages"} & document.get("tool", {}).get("mypy", {}).keys()
    session.run("mypy", *([] if said else ["src" if Path("src").is_dir() else "."]))


def _group(document: dict[str, Any], *names: str) -> tuple[str, ...]:
    """Return the requirements of the first dependency group (PEP 735) of these names that the project has."""
    groups = document.get("dependency-groups", {})
    return next((nox.project.dependency_groups(document, name) for name in names if name in groups), ())
