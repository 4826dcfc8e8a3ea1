"""Fresh virtual environments: made, filled from a wheelhouse with no network, and questioned."""

from __future__ import annotations

import functools
import os
import platform
import shlex
import sys
import sysconfig
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hephaestus import system
from hephaestus.errors import CommandFailed, VerificationFailed

__all__ = ["Environment", "create", "interpreter", "no_network"]

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

# Says which interpreter is below every virtual environment, its version, and what it runs on.
_IDENTITY = """
import platform, sys, sysconfig
print(getattr(sys, "_base_executable", sys.executable), platform.python_version(), sep="\\n")
print(sys.implementation.cache_tag + "-" + sysconfig.get_platform())
"""

# Asks an installation for its version, imports each of its top-level modules, and finds what its programs call.
_QUESTION = """
import importlib, importlib.metadata as metadata, pathlib, sys
distribution = metadata.distribution(sys.argv[1])
for file in distribution.files or ():
    parts = file.parts
    if len(parts) == 2 and parts[1] == "__init__.py" or len(parts) == 1 and file.suffix == ".py":
        importlib.import_module(pathlib.PurePath(parts[0]).stem)
for script in distribution.entry_points.select(group="console_scripts"):
    assert callable(script.load()), f"{script.name} = {script.value} cannot be called"
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

    def pip(self, *arguments: str | Path, extra: Mapping[str, str] | None = None) -> None:
        """Run pip for it, with the user's configuration and indexes, or with what `extra` says instead."""
        system.run([*_pip(), "--disable-pip-version-check", "--python", self.python, *arguments], extra=extra)

    def install_offline(self, house: Path, extras: Sequence[str] = (), *, keep_open: Sequence[int] = ()) -> None:
        """Install an unpacked wheelhouse, with some extras, from its hashed requirements, with no index and no network.

        uv does it where it is at hand, with an empty cache so that it reads every file; pip where it is not.
        `keep_open` are file descriptors the installer holds until it ends, such as that of a lock.
        """
        uv = system.program("uv")
        python = ("--python", str(self.python))
        pip = (uv, "pip") if uv else _pip()
        own = (*python, "--no-cache", "--no-config", "--offline") if uv else ()
        only = ("--no-index", "--require-hashes", "--only-binary", ":all:", "--find-links", str(house / "wheels"))
        named = [f"requirements-{extra}.txt" for extra in extras] or ["requirements.txt"]
        files = [word for name in named for word in ("--requirement", str(house / name))]
        before = pip if uv else (*pip, *python)
        words = [*no_network(), *before]
        system.run([*words, "install", "--quiet", *own, *only, *files], extra=_NO_INDEX, keep_open=keep_open)
        system.run([*words, "check", *(python if uv else ())], extra=_NO_INDEX)

    def verify(self, name: str, version: str, smoke: str | None) -> None:
        """Ask the installed project for its version, import it, and run its smoke command, with no network.

        Raises `VerificationFailed` where any of this goes wrong.
        """
        ask = (str(self.python), "-I", "-c", _QUESTION, name)
        try:
            with tempfile.TemporaryDirectory(prefix="hephaestus-") as folder:
                said = " ".join(system.run([*no_network(), *ask], cwd=Path(folder)).output.split()[-1:])
            if not said:
                raise VerificationFailed(f"the installed {name} {version} does not work: importing it ends Python")
            if said != version:
                raise VerificationFailed(f"{name} {said} was installed, not {version}", f"{self.python} -m pip list")
            if smoke is not None:
                self.smoke(smoke)
        except CommandFailed as error:
            raise VerificationFailed(f"the installed {name} {version} does not work:\n{error.message}") from error

    def smoke(self, command: str) -> str:
        """Run a command line with the environment's programs first on PATH and no network; return what it printed.

        It runs in an empty directory that is gone afterwards.
        Raises `VerificationFailed` where it is no command line, and `CommandFailed` where it fails.
        """
        try:
            first, *rest = shlex.split(command)
        except ValueError as error:
            raise VerificationFailed(f"{command!r} is no command line: {error}") from error
        own = self.programs / first
        path = os.pathsep.join([str(self.programs), os.environ.get("PATH", "")])
        words = [*no_network(), str(own) if own.exists() else first, *rest]
        with tempfile.TemporaryDirectory(prefix="hephaestus-") as folder:
            return system.run(words, cwd=Path(folder), extra={"PATH": path}).output


def create(root: Path, python: str = sys.executable, *, inside: bool = False) -> Environment:
    """Make a fresh environment in a directory of its own, for an interpreter, without asking an index.

    What is there is removed first, unless it is to be made `inside` a directory that is as good as empty.
    """
    if not inside:
        system.remove(root)
    if python in (sys.executable, interpreter(sys.executable)[0]):
        import venv

        venv.EnvBuilder(symlinks=os.name != "nt").create(root)  # many times as fast as a process that does the same
    elif uv := system.program("uv"):
        own = ("--quiet", "--no-config", "--no-python-downloads", *(["--allow-existing"] if inside else []))
        system.run([uv, "venv", *own, "--python", python, root])
    else:
        system.run([*_VIRTUALENV, "--no-seed", "--python", python, root])
    return Environment(root)


@functools.cache
def interpreter(python: str) -> tuple[str, str, str]:
    """Return the path of the interpreter below any virtual environment, its version, and its tag with its platform."""
    if python == sys.executable:  # the same without a process to ask
        base = getattr(sys, "_base_executable", sys.executable)
        return base, platform.python_version(), f"{sys.implementation.cache_tag}-{sysconfig.get_platform()}"
    lines = system.run([python, "-I", "-c", _IDENTITY]).output.splitlines()
    return lines[0], lines[1], lines[2]


@functools.cache
def _pip() -> tuple[str, ...]:
    """Return the command of a pip that virtualenv brings along, kept in an environment of its own.

    This Python may have none, and one copy that stays is much faster than one in each fresh environment.
    """
    from importlib import metadata

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
