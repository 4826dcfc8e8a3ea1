"""Environments that stay from one build to the next, each with exactly the requirements of some build."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hephaestus import system
from hephaestus.environments import Environment, create, interpreter
from hephaestus.errors import Busy

__all__ = ["Indexes", "Kept", "keep"]

# What decides where packages come from; pip reads its own of them, uv its own.
_INDEX_VARIABLES = ("EXTRA_INDEX_URL", "FIND_LINKS", "INDEX", "INDEX_URL", "DEFAULT_INDEX", "NO_INDEX")
_UV_PLACES = ("UV_DEFAULT_INDEX", "UV_FIND_LINKS", "UV_INDEX")
# Files of versions that may be installed, the last two for what builds need alone.
_CONSTRAINTS = ("PIP_CONSTRAINT", "UV_CONSTRAINT", "PIP_BUILD_CONSTRAINT", "UV_BUILD_CONSTRAINT")
_SECONDS_UNUSED = 30 * 24 * 3600


class Indexes(Protocol):
    """Where packages come from, in the words of those who install them; secrets are in the environment alone."""

    @property
    def uv_arguments(self) -> tuple[str, ...]:
        """The arguments for uv."""
        ...

    @property
    def pip_arguments(self) -> tuple[str, ...]:
        """The arguments for pip."""
        ...

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment variables for both."""
        ...


@dataclass(frozen=True)
class Kept:
    """An environment that stays from one run to the next, and what it `holds`: sorted `name==version`."""

    environment: Environment
    holds: tuple[str, ...]

    @property
    def home(self) -> Path:
        """The directory that stays and goes with the environment, for notes about it."""
        return self.environment.root.parent


def keep(  # noqa: PLR0913  (what can be said of an environment, each by its name)
    requirements: Sequence[str],
    python: str = sys.executable,
    *,
    indexes: Indexes | None = None,
    cwd: Path | None = None,
    trusted: bool = True,
    among: Path | None = None,
) -> Kept:
    """Return the environment that holds exactly these requirements for an interpreter; it is made where there is none.

    Of two processes that want the same one, the second waits for the first; what a killed process
    left half-made is made anew; what nobody has used for thirty days is removed when another one is made.
    `indexes` say where packages come from; without them it is as pip or uv are configured themselves;
    `cwd` is where the configuration of uv is looked for. One for sources that are not `trusted` is kept apart, as their
    code can write to it, and is filled from wheels alone, as what asks for it runs no code outside of its build.
    `among` is the directory of environments to keep it in, where it is not for everybody on this machine.
    Raises `CommandFailed` where a requirement cannot be installed.
    """
    base, version, _ = interpreter(python)
    facts = [sorted(set(requirements)), base, version, _constraints(), *_told(indexes), trusted]
    home = (among or system.area("builders")) / hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:20]
    ready = home / "ready.json"
    with system.lock(home.with_suffix(".lock"), "another process makes the environment of the build", wait=True):
        if not ready.is_file():
            _prune(home.parent)
            home.mkdir(exist_ok=True)
            environment = create(home / "environment", base)
            _install(environment, sorted(set(requirements)), indexes, cwd, only_wheels=not trusted)
            system.write(ready, json.dumps(_holds(environment)).encode())
        os.utime(ready)
        return Kept(Environment(home / "environment"), tuple(json.loads(ready.read_bytes())))


def _constraints() -> list[str]:
    """Return the files of constraints that pip and uv were told of, each with its bytes' hash."""
    files = [name for variable in _CONSTRAINTS for name in os.environ.get(variable, "").split()]
    return [f"{name} {system.digest(Path(name))}" if Path(name).is_file() else name for name in files]


def _told(indexes: Indexes | None) -> tuple[list[str], list[str]]:
    """Return what tells these indexes from others; where a URL may be a secret, it is in uv's variables."""
    if indexes is not None:
        hidden = [f"{name}={indexes.environment.get(name, '')}" for name in _UV_PLACES]
        return [*indexes.uv_arguments, *hidden], list(indexes.pip_arguments)
    names = sorted(name for name in os.environ if name.partition("_")[2] in _INDEX_VARIABLES)
    return [f"{name}={os.environ[name]}" for name in names if name.startswith(("PIP_", "UV_"))], []


def _install(
    environment: Environment,
    requirements: Sequence[str],
    indexes: Indexes | None,
    cwd: Path | None,
    *,
    only_wheels: bool,
) -> None:
    """Install with uv, which compiles in parallel, or with pip where there is no uv."""
    if not requirements:
        return
    uv = system.program("uv")
    build_only = [name for variable in _CONSTRAINTS[2:] for name in os.environ.get(variable, "").split()]
    words = [*(word for name in build_only for word in ("--constraint", name)), *requirements]
    words = ["--only-binary", ":all:", *words] if only_wheels else words
    extra = indexes.environment if indexes else {}
    if uv is None:
        told = indexes.pip_arguments if indexes else ()
        environment.pip("install", "--quiet", *told, *words, extra=extra)
    else:
        told = indexes.uv_arguments if indexes else ()
        # A link would lead into uv's cache, and from there into the environments of others.
        apart = ("--link-mode", "copy") if only_wheels else ()
        python = ("--compile-bytecode", "--python", environment.python)
        system.run([uv, "pip", "install", "--quiet", *python, *apart, *told, *words], cwd=cwd, extra=extra)


def _holds(environment: Environment) -> list[str]:
    from importlib import metadata

    places = [
        str(path) for path in (*environment.root.glob("lib*/*/site-packages"), environment.root / "Lib/site-packages")
    ]
    return sorted({f"{each.name.lower()}=={each.version}" for each in metadata.distributions(path=places)})


def _prune(builders: Path) -> None:
    """Remove the environments nobody has used for long, but for those another process makes just now."""
    for ready in builders.glob("*/ready.json"):
        if time.time() - ready.stat().st_mtime > _SECONDS_UNUSED:
            try:
                with system.lock(ready.parent.with_suffix(".lock"), "another process makes it"):
                    system.remove(ready)
                    system.remove(ready.parent)
            except Busy:
                continue
