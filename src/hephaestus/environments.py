"""Fresh virtual environments: made, filled from a wheelhouse with no network, and questioned."""

from __future__ import annotations

import functools
import os
import shlex
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from hephaestus import system
from hephaestus.errors import CommandFailed, VerificationFailed

__all__ = ["Environment", "create", "no_network"]

# Nothing a user or a machine has configured may bring an index or a directory of wheels into an offline proof.
_NO_INDEX = {
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_EXTRA_INDEX_URL": "",
    "PIP_FIND_LINKS": "",
    "PIP_INDEX_URL": "http://127.0.0.1:9/",
    "PIP_NO_INDEX": "1",
    "PIP_NO_INPUT": "1",
    "UV_FIND_LINKS": "",
    "UV_INDEX": "",
}

_VIRTUALENV = (sys.executable, "-m", "virtualenv", "--quiet", "--no-periodic-update")

# Asks an installation for its version and imports each of its top-level modules.
_QUESTION = """
import importlib, importlib.metadata as metadata, pathlib, sys
distribution = metadata.distribution(sys.argv[1])
for file in distribution.files or ():
    parts = file.parts
    if len(parts) == 2 and parts[1] == "__init__.py" or len(parts) == 1 and file.suffix == ".py":
        importlib.import_module(pathlib.PurePath(parts[0]).stem)
print(distribution.version)
"""


@dataclass(frozen=True)
class Environment:
    """A virtual environment; pip works on it from outside, so it holds nothing but what was installed."""

    root: Path

    @property
    def programs(self) -> Path:
        """The directory of its programs."""
        return self.root / ("Scripts" if os.name == "nt" else "bin")

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.programs / ("python.exe" if os.name == "nt" else "python")

    def pip(self, *arguments: str | Path) -> None:
        """Run pip for it, with the user's configuration and indexes."""
        system.run([*_pip(), "--disable-pip-version-check", "--python", self.python, *arguments])

    def install_offline(self, house: Path) -> None:
        """Install all of an unpacked wheelhouse from its hashed requirements, with no index and no network.

        uv does it where it is at hand, with an empty cache so that it reads every file; pip where it is not.
        """
        uv = system.program("uv")
        python = ("--python", str(self.python))
        pip = (uv, "pip") if uv else _pip()
        own = (*python, "--no-cache", "--no-config", "--offline") if uv else ()
        only = ("--no-index", "--require-hashes", "--only-binary", ":all:", "--find-links", str(house / "wheels"))
        files = ("--requirement", str(house / "requirements.txt"))
        before = pip if uv else (*pip, *python)
        system.run([*no_network(), *before, "install", "--quiet", *own, *only, *files], extra=_NO_INDEX)
        system.run([*before, "check", *(python if uv else ())], extra=_NO_INDEX)

    def verify(self, name: str, version: str, smoke: str | None) -> None:
        """Ask the installed project for its version, import it, and run its smoke command, with no network.

        Raises `VerificationFailed` where any of this goes wrong.
        """
        ask = (str(self.python), "-I", "-c", _QUESTION, name)
        try:
            said = system.run([*no_network(), *ask], cwd=self.root).output.split()[-1]
            if said != version:
                raise VerificationFailed(f"{name} {said} was installed, not {version}", f"{self.python} -m pip list")
            if smoke is not None:
                self.smoke(smoke)
        except CommandFailed as error:
            raise VerificationFailed(f"the installed {name} {version} does not work:\n{error.message}") from error

    def smoke(self, command: str) -> str:
        """Run a command line with the environment's programs first on PATH and no network; return what it printed."""
        first, *rest = shlex.split(command)
        own = self.programs / first
        path = os.pathsep.join([str(self.programs), os.environ.get("PATH", "")])
        words = [*no_network(), str(own) if own.exists() else first, *rest]
        return system.run(words, cwd=self.root, extra={"PATH": path}).output


def create(root: Path, python: str = sys.executable) -> Environment:
    """Make a fresh environment in a directory of its own, for an interpreter, without asking an index."""
    system.remove(root)
    uv = system.program("uv")
    if uv:
        system.run([uv, "venv", "--quiet", "--no-config", "--no-python-downloads", "--python", python, root])
    else:
        system.run([*_VIRTUALENV, "--no-seed", "--python", python, root])
    return Environment(root)


@functools.cache
def _pip() -> tuple[str, ...]:
    """Return the command of a pip that virtualenv brings along, kept in an environment of its own.

    This Python may have none, and one copy that stays is much faster than one in each fresh environment.
    """
    home = system.area("pip") / f"{sys.implementation.cache_tag}-{metadata.version('virtualenv')}"
    with system.lock(home.with_suffix(".lock"), "another process makes the environment of pip", wait=True):
        ready = home / "ready"
        if not ready.is_file():
            system.remove(home)
            system.run([*_VIRTUALENV, "--no-download", "--no-setuptools", home])
            system.write(ready, b"")
    return (str(Environment(home).python), "-m", "pip")


@functools.cache
def no_network() -> tuple[str, ...]:
    """Return what to put before a command so that it runs without any network; nothing where that is not allowed.

    On Linux that is an empty network namespace (unshare(1)); elsewhere an index that cannot be reached has to do.
    """
    words = ("unshare", "--user", "--map-root-user", "--net", "--")
    if system.program("unshare") is None:
        return ()
    return words if system.run([*words, "true"], check=False).code == 0 else ()
