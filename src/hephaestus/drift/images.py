"""The versions of Python that container images bring, by the `FROM` of Dockerfiles."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from hephaestus.drift.files import Files
from hephaestus.drift.places import Place
from hephaestus.drift.pythons import minor

__all__ = ["pythons"]

_FOLDERS = ("", "docker", ".devcontainer", ".docker")
_NAME = re.compile(r"(?:.+\.)?(?:Dockerfile|Containerfile)(?:\..+)?", re.IGNORECASE)
_ARGUMENT = re.compile(r"""\s*ARG\s+(\w+)\s*=\s*["']?([^\s"']*)""", re.IGNORECASE)
_FROM = re.compile(r"\s*FROM\s+(?:--\S+\s+)*(\S+)", re.IGNORECASE)
_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}|\$(\w+)")
# The official image, the devcontainer's, and uv's with a Python inside.
_PYTHON = re.compile(
    r"(?:(?:docker\.io/)?(?:library/)?|(?:[\w.-]+/)+(?:library/|devcontainers/)?)python:(?:\d-)?(?P<official>\d[^@]*)"
    r"|(?:[\w.-]+/)*uv:python(?P<uv>\d[^@]*)"
)


def pythons(files: Files) -> Iterator[tuple[str, Place]]:
    """Yield the versions of Python of the images that container files start from, each with its line."""
    for folder in _FOLDERS:
        for path in files.names(folder):
            if _NAME.fullmatch(PurePosixPath(path).name) and not path.endswith(".dockerignore"):
                yield from _of(files, path)


def _of(files: Files, path: str) -> Iterator[tuple[str, Place]]:
    arguments: dict[str, str] = {}

    def filled(found: re.Match[str]) -> str:
        return arguments.get(found[1] or found[3]) or found[2] or "?"

    for number, line in enumerate((files.text(path) or "").splitlines(), 1):
        given, started = _ARGUMENT.match(line), _FROM.match(line)
        if given:
            arguments[given[1]] = given[2]
        image = _PYTHON.fullmatch(_VARIABLE.sub(filled, started[1]).partition("@")[0]) if started else None
        version = minor(str(image["official"] or image["uv"])) if image else None
        if version is not None:
            yield version, files.place(path, number)
