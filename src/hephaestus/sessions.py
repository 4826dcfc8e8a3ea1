"""Nox sessions a project's noxfile takes by name; only nox and the standard library are imported here.

from hephaestus.sessions import register

register("gates", "wheelhouse")
"""

from __future__ import annotations

import nox

from hephaestus import __version__

__all__ = ["GATES", "register"]

# The built-in gates, each of which is a session of its own as well.
GATES = (
    *("format", "lint", "types", "tests", "lock", "dependencies", "audit", "licences", "pyproject", "package"),
    *("workflows", "yaml", "codespell", "vulture", "interrogate", "bandit", "import-linter", "reuse"),
    *("documents", "links", "examples", "api", "drift"),
)
_TOLD = {
    "gates": "Ask every gate of the project, in parallel: the built-in ones, and the sessions tagged `gate`.",
    "wheelhouse": "Build the project and all it needs into a wheelhouse in dist, proven with no network.",
}


def register(*names: str, library: str = f"hephaestus-release=={__version__}") -> None:
    """Register sessions of this library in a noxfile: `gates` and `wheelhouse`, both when no name is given.

    With `gates` comes a session for each built-in gate, such as `gate-lint`, that asks this one alone.
    `library` is what to install for them. Raises `ValueError` for a name there is no session of.
    """
    for name in names or tuple(_TOLD):
        if name not in _TOLD:
            raise ValueError(f"there is no session {name!r} to register; there are {', '.join(_TOLD)}")
        _command(name, _TOLD[name], library, name)
        if name == "gates":
            for gate in GATES:
                _command(f"gate-{gate}", f"Ask the gate {gate} alone.", library, "gates", "--only", gate)


def _command(name: str, told: str, library: str, *words: str) -> None:
    def session(session: nox.Session) -> None:
        session.install(library)
        session.run("hephaestus", *words, *session.posargs)

    session.__doc__ = told
    nox.session(name=name, default=False)(session)
