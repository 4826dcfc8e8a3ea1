"""An environment as the engine makes one for tests: with pytest, and with the wheel of the project, pinned."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

import wheels
from hephaestus.environments import Environment, create
from hephaestus.gates.rooms import Room, Rooms

TWIGS = "def grow(count):\n    if count > 3:\n        return 'tall'\n    return 'small'\n"
TEST = "from acorn import twigs\n\n\ndef test_grows():\n    assert twigs.grow(1) == 'small'\n    assert twigs.grow(4) == 'tall'\n"
PACKAGE = {"acorn/__init__.py": "", "acorn/twigs.py": TWIGS}


def furnish(where: Path, root: Path, files: Mapping[str, str] = PACKAGE, **more: object) -> tuple[Environment, Path]:
    """Return an environment that sees the tools of the tests and holds a wheel of these files, and that wheel."""
    wheel = wheels.make_wheel(where / "dist", files={"acorn/__init__.py": "", **files}, **more)  # type: ignore[arg-type]
    environment = create(where / "room" / "environment")
    site = next(environment.root.glob("lib*/*/site-packages"))
    (site / "tools.pth").write_text(sysconfig.get_path("purelib") + "\n")
    program = environment.programs / "pytest"
    # Of the plug-ins that are installed here, those a project would need: each costs every run.
    only = "os.environ |= {'PYTEST_DISABLE_PLUGIN_AUTOLOAD': '1', 'PYTEST_PLUGINS': 'pytest_cov.plugin,xdist.plugin'}"
    program.write_text(f"#!{environment.python}\nimport os, sys\n{only}\nimport pytest\nsys.exit(pytest.main())\n")
    program.chmod(0o755)
    Rooms(root, where / "rooms", "acorn").furnish(Room(environment, ()), wheel)
    return environment, wheel


RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"
