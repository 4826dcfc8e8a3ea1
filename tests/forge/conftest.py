from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hephaestus import system
from hephaestus.forge import Forge
from hephaestus.forge.directory import DirectoryForge
from hubs import on

# Every kind of forge, made empty below a directory of the test's own, or on a hub of its own.
KINDS: dict[str, Callable[[pytest.FixtureRequest], Forge]] = {
    "directory": lambda request: DirectoryForge(request.getfixturevalue("tmp_path") / "releases"),
    "github": lambda request: on(request.getfixturevalue("hub")),
}


# What talks to a server is not long, but long for many.
PARAMETERS = [pytest.param(kind, marks=[pytest.mark.slow] if kind == "github" else []) for kind in sorted(KINDS)]


@pytest.fixture(params=PARAMETERS)
def forge(request: pytest.FixtureRequest) -> Forge:
    return KINDS[request.param](request)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that would have been waited for; nothing sleeps."""
    waited: list[float] = []
    monkeypatch.setattr(system, "pause", waited.append)
    return waited


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that makes a file to upload."""

    def make(name: str, data: bytes = b"bytes") -> Path:
        folder = tmp_path / "made"
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
        return folder / name

    return make
