"""Boring releases for Python projects: Invoke tasks, Nox sessions and the program `hephaestus`.

A project's `tasks.py` needs one line, `from hephaestus import ns`; its `noxfile.py` takes
sessions by name from `hephaestus.sessions`. Importing this package loads nothing, so that
`hephaestus --version` costs no more than starting Python.
"""

__version__ = "0.1.0"
__all__ = ["__version__", "namespace", "ns"]


def __getattr__(name: str) -> object:
    if name in ("ns", "namespace"):
        from hephaestus import tasks

        return getattr(tasks, name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
