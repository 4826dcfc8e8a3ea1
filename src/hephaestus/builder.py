"""Builds of sdists and wheels (PEP 517, PEP 518) whose bytes depend on the source and the time of its commit alone.

A build runs in an environment that holds what the project's `[build-system]` asks for, and nothing else. It is kept
between runs, compiled, so that a build costs what its backend does. All hooks are called from one interpreter
where the system can fork, each in a process of its own.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shlex
import sys
import tempfile
import tomllib
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn, TypeAlias

from packaging.requirements import InvalidRequirement, Requirement

from hephaestus import distributions, environments, repack, system
from hephaestus.errors import CommandFailed, UsageError, VerificationFailed
from hephaestus.kept import Indexes, Kept, keep

__all__ = ["Built", "build", "needs", "tools", "wheel_of"]

log = logging.getLogger("hephaestus")

_SCRIPT = Path(__file__).with_name("_hooks.py")
# Printed by the script after each answer; what a backend prints is never this by accident.
_SIGN = "\x1ehephaestus: answered"
# PEP 517: what a source without `build-backend`, or without pyproject.toml, is built with.
_LEGACY = "setuptools.build_meta:__legacy__"
_LAST_LINES = 15
# All that code of others gets to know of the user's environment: no variable that may hold a secret.
_OF_COMPILERS = (
    *("AR", "ARCHFLAGS", "AS", "CC", "CFLAGS", "CPATH", "CPLUS_INCLUDE_PATH", "CPP", "CPPFLAGS", "CXX", "CXXFLAGS"),
    *("C_INCLUDE_PATH", "F77", "F90", "FC", "FFLAGS", "LD", "LDFLAGS", "LDSHARED", "LIBRARY_PATH", "NM", "RANLIB"),
    *("RUSTFLAGS", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "STRIP", "CMAKE_GENERATOR", "CMAKE_PREFIX_PATH", "PKG_CONFIG"),
    *("PKG_CONFIG_LIBDIR", "PKG_CONFIG_PATH", "PKG_CONFIG_SYSROOT_DIR", "CUDA_HOME", "CUDA_PATH", "JAVA_HOME"),
)
_OF_SYSTEMS = (
    *("LD_LIBRARY_PATH", "PATH", "TEMP", "TMP", "TMPDIR"),
    *("DEVELOPER_DIR", "DYLD_LIBRARY_PATH", "MACOSX_DEPLOYMENT_TARGET", "SDKROOT"),
    *("COMSPEC", "DISTUTILS_USE_SDK", "INCLUDE", "LIB", "LIBPATH", "MSSDK", "NUMBER_OF_PROCESSORS", "OS", "PATHEXT"),
    *("PROCESSOR_ARCHITECTURE", "PROCESSOR_IDENTIFIER", "PROGRAMDATA", "PROGRAMFILES", "PROGRAMFILES(ARM)"),
    *("PROGRAMFILES(X86)", "PROGRAMW6432", "SYSTEMDRIVE", "SYSTEMROOT", "WINDIR"),
)
_PASSED_ON = frozenset({*_OF_COMPILERS, *_OF_SYSTEMS})


@dataclass(frozen=True)
class Built:
    """The files of a build, and the `name==version` of all that was installed where they were built, sorted."""

    sdist: Path
    wheel: Path
    made_with: tuple[str, ...]


def build(
    source: Path, out: Path, epoch: int, python: str = sys.executable, *, indexes: Indexes | None = None
) -> Built:
    """Build the sdist of a source tree, and the wheel from that sdist, into `out`, as of the time `epoch`.

    The same files give the same bytes on any path, by any user, at any time: the environment of the build is fixed,
    and a file that still shows where or when it was made is made anew (`repack`). `indexes` say where build
    requirements come from.
    Raises `UsageError` where `[build-system]` cannot be read, `CommandFailed` where a requirement cannot be installed
    or the backend fails, and `VerificationFailed` where it makes another file than an sdist or a wheel.
    """
    workshop = _Workshop(python, epoch, indexes, source)
    with contextlib.ExitStack() as held:
        made = workshop.run(_both(workshop, source.resolve(), held))
        return Built(_delivered(made.sdist, out), _delivered(made.wheel, out), made.made_with)


def wheel_of(
    sdist: Path, out: Path, epoch: int, python: str = sys.executable, *, indexes: Indexes | None = None
) -> Built:
    """Build the wheel of an sdist that anybody may have made into `out`; its code runs with no network.

    That code sees no home and no environment variable of the user but those that compilers are told by; what it is
    built with comes from indexes, as wheels.
    Raises as `build` does, and `VerificationFailed` for an sdist that is refused or a wheel of another name or version.
    """
    workshop = _Workshop(python, epoch, indexes, None)
    with contextlib.ExitStack() as held:
        made = workshop.run(_from_sdist(workshop, sdist, held))
        if distributions.named(made.wheel.name) != distributions.named(sdist.name):
            raise VerificationFailed(
                f"{sdist.name} was built, but it made {made.wheel.name}", f"tar -tzf {shlex.quote(str(sdist))}"
            )
        return Built(sdist, _delivered(made.wheel, out), made.made_with)


def needs(sdist: Path) -> tuple[str, ...]:
    """Return the build requirements an sdist names, sorted; raises `VerificationFailed` where it is refused."""
    with tempfile.TemporaryDirectory() as area:
        return tuple(sorted(_from_indexes(_backend(repack.unpack(sdist, Path(area))).requires)))


def tools(source: Path, python: str = sys.executable, *, indexes: Indexes | None = None) -> tuple[str, ...]:
    """Return the `name==version` of all that a source tree says it is built with, sorted; what is missing is installed.

    Raises as `build` does where the requirements cannot be read or installed.
    """
    return _Workshop(python, 0, indexes, source).environment(_backend(source).requires).holds


def _from_indexes(requirements: Sequence[str]) -> Sequence[str]:
    """Return requirements as they are; one that names a place would have code from there run with a network."""
    for each in requirements:
        if Requirement(each).url is not None:
            raise VerificationFailed(
                f"the build requirement {each[:200]!r} of a source of others is refused: it names a place",
                f"python -m pip index versions {shlex.quote(Requirement(each).name)}",
            )
    return requirements


def _delivered(file: Path, out: Path) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    system.copy(file, out / file.name)
    return out / file.name


@dataclass(frozen=True)
class _Backend:
    """What `[build-system]` says."""

    requires: tuple[str, ...]
    name: str
    path: tuple[str, ...]


def _backend(source: Path) -> _Backend:
    """Read `[build-system]` (PEP 517, PEP 518) of a source tree."""
    file = source / "pyproject.toml"
    show = f"cat {shlex.quote(str(file))}"
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8")).get("build-system", {}) if file.is_file() else {}
        requires = tuple(str(Requirement(each)) for each in table.get("requires", ["setuptools>=40.8.0"]))
        name, path = str(table.get("build-backend", _LEGACY)), tuple(map(str, table.get("backend-path", ())))
    except (ValueError, TypeError, AttributeError, RecursionError, InvalidRequirement) as error:
        raise UsageError(f"[build-system] of {source.name} cannot be read: {error}", show) from error
    if not all((source / each).resolve().is_relative_to(source.resolve()) for each in path):
        raise UsageError(f"backend-path of {source.name} leads out of it", show)
    return _Backend(requires, name, path)


@dataclass(frozen=True)
class _Call:
    """A hook to call, in an environment; `out` is the directory it makes its file in."""

    hook: str
    source: Path
    out: Path | None
    backend: _Backend
    kept: Kept

    def document(self, answer: Path) -> dict[str, str | None]:
        """Return what the script is told."""
        out = None if self.out is None else str(self.out)
        return {"name": self.hook, "source": str(self.source), "out": out, "answer": str(answer)}

    def follows(self, other: _Call) -> bool:
        """Tell whether the process that called another hook can call this one."""
        return os.name == "posix" and (self.backend, self.kept) == (other.backend, other.kept)


# A build, told as the hooks it wants to have called, each answered with what it returned.
_Course: TypeAlias = Generator[_Call, Any, Built]


def _both(workshop: _Workshop, source: Path, held: contextlib.ExitStack) -> _Course:
    """Build the sdist, make it reproducible, and build the wheel from it."""
    out = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="sdist-", dir=_area())))
    sdist, kept = yield from _dist(workshop, "sdist", source, out)
    repack.sdist(sdist, workshop.epoch)
    built = yield from _from_sdist(workshop, sdist, held)
    return Built(sdist, built.wheel, tuple(sorted({*kept.holds, *built.made_with})))


def _from_sdist(workshop: _Workshop, sdist: Path, held: contextlib.ExitStack) -> _Course:
    """Unpack an sdist where its wheel is always built, as the path may get into it, and build the wheel."""
    place = held.enter_context(_place(sdist))
    source = repack.unpack(sdist, place / "source")
    (place / "wheel").mkdir()
    wheel, kept = yield from _dist(workshop, "wheel", source, place / "wheel")
    repack.wheel(wheel, workshop.epoch)
    return Built(sdist, wheel, kept.holds)


def _dist(workshop: _Workshop, kind: str, source: Path, out: Path) -> Generator[_Call, Any, tuple[Path, Kept]]:
    """Build one file; what the backend asks for besides what is declared is installed before."""
    backend = _backend(source)
    kept = workshop.environment(backend.requires)
    more = yield _Call(f"get_requires_for_build_{kind}", source, None, backend, kept)
    if more:
        kept = workshop.environment([*backend.requires, *_requirements(more, backend)])
    log.info("building the %s", kind)
    name = yield _Call(f"build_{kind}", source, out, backend, kept)
    ending = ".tar.gz" if kind == "sdist" else ".whl"
    proper = isinstance(name, str) and Path(name).name == name and name.endswith(ending)
    if not proper or distributions.named(name) is None or not (out / name).is_file():
        raise VerificationFailed(
            f"{backend.name} said it made the {kind} {name!r}, which is none", f"ls -l {shlex.quote(str(source))}"
        )
    return out / name, kept


def _requirements(answer: object, backend: _Backend) -> list[str]:
    try:
        return [str(Requirement(each)) for each in answer] if isinstance(answer, list) else []
    except (TypeError, InvalidRequirement) as error:
        raise VerificationFailed(
            f"{backend.name} asks for a requirement that is none: {error}", "grep -n -A3 build-system pyproject.toml"
        ) from error


def _area() -> Path:
    """Return the directory of all builds, whose name never gets into one."""
    area = system.area("builders") / "work"
    area.mkdir(parents=True, exist_ok=True)
    return area


@contextlib.contextmanager
def _place(sdist: Path) -> Iterator[Path]:
    """Hold the directory in which the wheel of this sdist is built: the same each time, for one build at a time."""
    name = sdist.name.removesuffix(".tar.gz")
    show = f"file {shlex.quote(str(sdist))}"
    if distributions.named(sdist.name) is None or not sdist.name.endswith(".tar.gz"):
        raise VerificationFailed(f"{sdist.name} is no sdist: it must be a .tar.gz named after PEP 625", show)
    with system.lock(_area() / f"{name}.lock", f"another process builds {name}", wait=True):
        place = _area() / name
        system.remove(place)
        (place / "source").mkdir(parents=True)
        yield place
        system.remove(place)


@dataclass(frozen=True)
class _Workshop:
    """Where builds are made: for an interpreter and a time, with a network only for a `trusted` source."""

    python: str
    epoch: int
    indexes: Indexes | None
    trusted: Path | None

    def environment(self, requirements: Sequence[str]) -> Kept:
        """Return the kept environment with these requirements; a source that is not trusted configures no index."""
        if self.trusted is None:
            wanted = _from_indexes(requirements)
            return keep(wanted, self.python, indexes=self.indexes, cwd=_area(), trusted=False)
        return keep(requirements, self.python, indexes=self.indexes, cwd=self.trusted)

    def run(self, course: _Course) -> Built:
        """Call all hooks a build wants to have called and return what it made."""
        session = _Session(self, course, next(course))
        while session.built is None:
            session.run()
        return session.built

    def variables(self, call: _Call) -> dict[str, str]:
        """Return the environment variables of a build: what could get into its files is the same everywhere.

        With a source that is not trusted these are all, and its home is the directory it was unpacked in.
        """
        if self.trusted is None:
            home = str(call.source.parent)
            inherited = {name: value for name, value in os.environ.items() if name in _PASSED_ON}
            inherited |= {"HOME": home, "USERPROFILE": home}
        else:
            inherited = {name: "" for name in os.environ if name.startswith("PYTHON")}
        programs = os.pathsep.join([str(call.kept.environment.programs), os.environ.get("PATH", os.defpath)])
        fixed = {
            "LC_ALL": "C.UTF-8",
            "NO_COLOR": "1",
            "PATH": programs,
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
            "PYTHONUNBUFFERED": "1",
            "SOURCE_DATE_EPOCH": str(self.epoch),
            "TZ": "UTC",
        }
        # Debugging information holds the path of the build, and macros may.
        plain = f"-g0 -ffile-prefix-map={shlex.quote(str(_area()))}=." if os.name == "posix" else ""
        flags = {name: f"{os.environ.get(name, '')} {plain}".strip() for name in ("CFLAGS", "CXXFLAGS")}
        return {**inherited, **fixed, **flags}


class _Session:
    """One build under way: each `run` starts a process, which calls hooks for as long as they can follow."""

    def __init__(self, workshop: _Workshop, course: _Course, call: _Call) -> None:
        self.built: Built | None = None
        self._workshop = workshop
        self._course = course
        self._call = call
        self._said: list[str] = []

    def run(self) -> None:
        """Start a process, give it the calls one after another, and raise `CommandFailed` where a hook fails."""
        first = self._call
        self._said = []
        with tempfile.TemporaryDirectory(prefix="answer-", dir=_area()) as area, _More() as more:
            answer = Path(area) / "answer.json"
            warm = _warm(first.kept)

            def on_line(line: str) -> None:
                if line != _SIGN:
                    self._said.append(line)
                    return
                try:
                    if not answer.is_file():  # a hook that ended the process
                        more.send(None)
                        return
                    self._hear(answer, first, warm)
                    go_on = self.built is None and self._call.follows(first)
                    more.send(self._call.document(answer) if go_on else None)
                except BaseException:
                    more.send(None)  # or the process would wait for it
                    raise

            job = self._job(first, answer, warm, more)
            words: list[str | Path] = [*self._isolated, first.kept.environment.python, _SCRIPT, json.dumps(job)]
            done = system.run(
                words,
                extra=self._workshop.variables(first),
                inherit=self._workshop.trusted is not None,
                check=False,
                on_line=on_line,
                keep_open=more.keep_open,
            )
        if done.code or (self.built is None and self._call is first):
            self._fail()

    @property
    def _isolated(self) -> tuple[str, ...]:
        return () if self._workshop.trusted else environments.no_network()

    @staticmethod
    def _job(first: _Call, answer: Path, warm: list[str], more: _More) -> dict[str, object]:
        return {
            "backend": first.backend.name,
            "call": first.document(answer),
            "next": more.reader,
            "path": first.backend.path,
            "sign": _SIGN,
            "warm": warm,
        }

    def _hear(self, answer: Path, first: _Call, warm: list[str]) -> None:
        """Take the answer to the last call, from which the next one follows."""
        told = _read(answer)
        answer.unlink()
        try:
            self._call = self._course.send(told["value"])
        except StopIteration as end:
            self.built = end.value
        if not warm and isinstance(told["modules"], list):
            _remember(first.kept, list(map(str, told["modules"])))

    def _fail(self) -> NoReturn:
        call = self._call
        record = _area() / f"{call.source.name}.log"
        system.write(record, "\n".join([*self._said, ""]).encode("utf-8", "surrogateescape"))
        last = "\n".join([line for line in self._said if line.strip()][-_LAST_LINES:])
        raise CommandFailed(
            f"{call.backend.name} could not do {call.hook} of {call.source.name}:\n{last}",
            f"cat {shlex.quote(str(record))}",
        )


class _More(contextlib.ExitStack):
    """The pipe through which a running script is given further calls; it has none where the system cannot fork."""

    def __init__(self) -> None:
        super().__init__()
        self.reader: int | None = None
        self._writer: IO[bytes] | None = None
        if os.name == "posix":
            self.reader, writer = os.pipe()
            self.callback(os.close, self.reader)
            self._writer = self.enter_context(os.fdopen(writer, "wb", buffering=0))

    @property
    def keep_open(self) -> tuple[int, ...]:
        """The descriptor the script reads from."""
        return () if self.reader is None else (self.reader,)

    def send(self, call: dict[str, str | None] | None) -> None:
        """Give the script another call, or tell it that none will come."""
        if self._writer is None or self._writer.closed:
            return
        if call is None:
            self._writer.close()
        else:
            self._writer.write(json.dumps(call).encode())


def _read(answer: Path) -> dict[str, Any]:
    """Read what a hook answered; it is written beside the code of others, which may write something else there."""
    try:
        told = json.loads(answer.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise VerificationFailed(f"a build hook left an answer that cannot be read: {error}"[:300], "df -h") from error
    if not isinstance(told, dict) or not {"value", "modules"} <= told.keys():
        raise VerificationFailed("a build hook left an answer that says nothing", "df -h")
    return told


def _warm(kept: Kept) -> list[str]:
    """Return the modules that builds in an environment have needed so far."""
    try:
        return list(json.loads((kept.home / "warm.json").read_bytes()))
    except (OSError, ValueError):
        return []


def _remember(kept: Kept, modules: Sequence[str]) -> None:
    known = dict.fromkeys([*_warm(kept), *modules])
    system.write(kept.home / "warm.json", json.dumps(list(known)).encode())
