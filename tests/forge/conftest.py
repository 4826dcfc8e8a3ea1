from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hephaestus.forge import Forge
from hephaestus.forge.directory import DirectoryForge

# Every kind of forge, made empty below a directory of the test's own.
KINDS: dict[str, Callable[[Path], Forge]] = {
    "directory": lambda directory: DirectoryForge(directory / "releases"),
}


@pytest.fixture(params=sorted(KINDS))
def forge(request: pytest.FixtureRequest, tmp_path: Path) -> Forge:
    return KINDS[request.param](tmp_path)


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that makes a file to upload."""

    def make(name: str, data: bytes = b"bytes") -> Path:
        folder = tmp_path / "made"
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
        return folder / name

    return make
