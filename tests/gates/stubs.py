"""A tool in place of ruff, installed from a directory of wheels as any tool is, that counts how often it is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

import wheels
from places import Place

RUFF = """\
import sys
from pathlib import Path

__version__ = "{version}"


def main():
    if "--show-files" in sys.argv:
        print("src/acorn/__init__.py")
        return
    with Path({count!r}).open("a") as file:
        file.write("{version} " + " ".join(sys.argv[1:]) + "\\n")
    exec(Path({behaviour!r}).read_text() if Path({behaviour!r}).exists() else "")
    print("[]")
"""


class Stub:
    """The tool: what it was asked, and what it does when it is asked (a line of Python, run before it answers)."""

    def __init__(self, where: Path) -> None:
        self.house, self._count, self._behaviour = where / "house", where / "count", where / "behaviour"

    def publish(self, version: str) -> None:
        body = RUFF.format(version=version, count=str(self._count), behaviour=str(self._behaviour))
        wheels.make_wheel(self.house, "ruff", version, files={"ruff/__init__.py": body}, scripts={"ruff": "ruff:main"})

    @property
    def calls(self) -> list[str]:
        return self._count.read_text().splitlines() if self._count.exists() else []

    def does(self, code: str) -> None:
        self._behaviour.write_text(code)


def linted(place: Place, monkeypatch: pytest.MonkeyPatch, *, gates: str = 'use = ["lint"]', head: str = "") -> Stub:
    """Give a project the gate `lint` alone, with the stub in place of ruff; no index is asked."""
    stub = Stub(place.root.parent)
    stub.publish("1.0")
    for name, value in {
        "UV_NO_INDEX": "1",
        "UV_FIND_LINKS": str(stub.house),
        "UV_CACHE_DIR": str(place.root.parent / "uv"),
    }.items():
        monkeypatch.setenv(name, value)
    place.git("rm", "--quiet", "noxfile.py")
    text = (place.root / "pyproject.toml").read_text().replace("gates = { use = [] }", f"gates = {{ {gates} }}")
    place.commit(
        "pyproject.toml",
        f'{head}{text}\n[dependency-groups]\nlint = ["ruff>=1"]\n\n[tool.ruff]\nline-length = 100\n',
        "ci: Lint",
    )
    return stub
