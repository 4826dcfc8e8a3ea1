"""Installing a release from its wheelhouse: fetched, verified, and put into an environment with no network.

Nothing is believed: the manifest says which bytes the archive must have, signatures say whose the manifest is, and
the archive's own checksums, lock and metadata must all say the same. An environment is made or changed as a whole.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Protocol

from packaging.utils import canonicalize_name
from packaging.version import Version

from hephaestus import environments, forge, signatures, system, transaction
from hephaestus.environments import Environment
from hephaestus.errors import CouldNotRun, HephaestusError, UsageError, VerificationFailed
from hephaestus.forge import Forge, Listing, look
from hephaestus.forge import names as forge_names
from hephaestus.forge.directory import DirectoryForge
from hephaestus.signatures import Trust
from hephaestus.wheelhouse import house as wheelhouse
from hephaestus.wheelhouse import names, target
from hephaestus.wheelhouse.house import House
from hephaestus.wheelhouse.target import Target
from hephaestus.wheelhouse.wheel import check_contents

__all__ = ["Installed", "Request", "install"]

log = logging.getLogger("hephaestus")

# A repository on GitHub; what ends as an archive does is a path, even where it is not there.
_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*/(?!\.{1,2}$)[A-Za-z0-9._-]+(?<!\.tar\.gz)")
# What `sha256sum` writes: the name after two spaces, or after a space and a star.
_LINE = re.compile(r"([0-9a-f]{64}) [ *]([^\r\n]+)")


@dataclass(frozen=True)
class Request:
    """What is to be installed, from where, and into what.

    `repository` is a forge, an archive, or a directory with one, or `OWNER/NAME` for a repository on GitHub where no
    such path is here; `tag` defaults to the latest release there.
    The patterns name the archive and its manifest as fnmatch has it. With `into` a new environment is made there, for
    the interpreter `python`; without it, `python` is an existing environment, or its interpreter, to install into;
    with neither a new one is made, named after project and version. `cleanup` keeps no download, `remove_archive`
    not even the local archive; `smoke` is a command that must end with 0 at the end, the
    project's own where none is given.
    """

    repository: str
    tag: str | None = None
    into: Path | None = None
    python: str | None = None
    extras: tuple[str, ...] = ()
    asset_pattern: str = "*wheelhouse*.tar.gz"
    manifest_pattern: str = "*wheelhouse*.sha256"
    trust: Trust = field(default_factory=Trust)
    cleanup: bool = False
    remove_archive: bool = False
    smoke: str | None = None


@dataclass(frozen=True)
class Installed:
    """What was installed, from which tag and archive, signed by whom, and where its programs are.

    `tag` is `None` where the archive came from no forge; `pth` are the files of the wheelhouse that run code whenever
    Python starts, each after its wheel.
    """

    project: str
    version: str
    tag: str | None
    sha256: str
    signers: tuple[str, ...]
    programs: Path
    pth: tuple[str, ...]


class _Source(Protocol):
    """Where the files are: a release on a forge, or a directory."""

    @property
    def place(self) -> str: ...

    @property
    def tag(self) -> str | None: ...

    @property
    def files(self) -> Sequence[str]: ...

    def fetch(self, name: str, into: Path) -> Path: ...


@dataclass(frozen=True)
class _Published:
    """The files of a release."""

    forge: Forge
    found: Listing

    @property
    def place(self) -> str:
        return self.forge.place

    @property
    def tag(self) -> str:
        return self.found.tag

    @property
    def files(self) -> Sequence[str]:
        return [asset.name for asset in self.found.assets]

    def fetch(self, name: str, into: Path) -> Path:
        return self.forge.download(self.tag, name, into)


@dataclass(frozen=True)
class _Lying:
    """The files of a directory whose names begin in a certain way."""

    path: Path
    begin: str = ""
    tag: None = None

    @property
    def place(self) -> str:
        return str(self.path)

    @property
    def files(self) -> Sequence[str]:
        return sorted(each.name for each in self.path.iterdir() if each.is_file() and each.name.startswith(self.begin))

    def fetch(self, name: str, into: Path) -> Path:
        try:
            system.copy(self.path / name, into / name)
        except OSError as error:
            raise CouldNotRun(f"{self.path / name} cannot be read: {error}", look(self.place)) from error
        return into / name


@dataclass(frozen=True)
class _Files:
    """What belongs together: the names of an archive, its manifest and all signatures, and what the archive holds."""

    archive: str
    manifest: str
    signatures: tuple[str, ...]
    project: str
    version: str


@dataclass(frozen=True)
class _Place:
    """The directory of the environment, and the lock that keeps others away from it."""

    root: Path
    lock: int


def install(request: Request) -> Installed:
    """Install a release from its wheelhouse.

    Raises `UsageError` where there is no such release or the environment cannot be used, `VerificationFailed`
    where the files are not what they should be or do not work, and `CouldNotRun` where that cannot be told. Then a new
    environment is not there, and an existing one is as it was.
    """
    _command(request)
    source = _source(request)
    files = _files(source, request)
    root = _root(request, files)
    with transaction.held(root) as lock, tempfile.TemporaryDirectory(prefix="hephaestus-") as folder:
        _ready(root, request)
        try:
            done = _install(source, files, request, _Place(root, lock), Path(folder))
        except HephaestusError as error:
            gone = [folder, str(system.area("downloads")), *([] if root.exists() else [str(root)])]
            if error.hint is None or any(path in error.hint for path in gone):
                error.hint = look(source.place)
            raise
    if request.remove_archive and isinstance(source, _Lying):
        _remove(source.path / files.archive)
    return done


def _install(source: _Source, files: _Files, request: Request, place: _Place, folder: Path) -> Installed:
    manifest = source.fetch(files.manifest, folder)
    sha256 = _listed(manifest, files.archive)
    memories = _memories(source, files)
    with _kept(sha256, cleanup=request.cleanup or request.remove_archive) as kept:
        archive = _archive(source, files, sha256, kept)
        signed = [source.fetch(name, folder) for name in files.signatures]
        pins = [signatures.pins(memory) for memory in memories]
        signers = signatures.verify([archive, manifest], signed, request.trust, pins)
        house = wheelhouse.unpack(archive, kept / "unpacked")
        extras = _agree(house, files, request)
        pth = _read_through(house)
        fill = partial(_fill, house=house, extras=extras, smoke=request.smoke or house.smoke, lock=place.lock)
        with _prepared(place.root, request, kept / "proof", fill) as environment:
            fill(environment)
            for memory in memories:
                signatures.remember(memory, signers)
    who = tuple(map(str, signers))
    return Installed(files.project, files.version, source.tag, sha256, who, environment.programs, pth)


def _command(request: Request) -> None:
    """Refuse a smoke command that is none before anything is done."""
    try:
        words = None if request.smoke is None else shlex.split(request.smoke)
    except ValueError:
        words = []
    if words == []:
        raise UsageError(f"{request.smoke!r} is no command line", "hephaestus release install --help")


def _remove(archive: Path) -> None:
    """Remove the archive that was installed; where that fails, it is installed all the same."""
    try:
        system.remove(archive)
    except OSError as error:
        log.warning("%s cannot be removed: %s", archive, error)


# Where from


def _source(request: Request) -> _Source:
    """Return the release on the forge, or the directory of files, that a repository names."""
    place = forge.connect(_named(request.repository), root=Path.cwd(), name="")
    if isinstance(place, DirectoryForge):
        if place.path.is_file():
            return _Lying(place.path.parent, place.path.name)
        _outside(place.path)
        lying = _Lying(place.path)
        if not _is_forge(place.path) and place.path.is_dir() and _matching(lying, request.asset_pattern):
            return lying
    return _Published(place, _found(place, request.tag))


def _named(repository: str) -> str:
    """Return the forge a person means: `OWNER/NAME` is a repository on GitHub where there is no such path."""
    if not _SLUG.fullmatch(repository) or os.path.lexists(repository):
        return repository
    log.info("there is no path %s here, so it is taken for a repository on GitHub", repository)
    return f"github:{repository}"


def _is_forge(path: Path) -> bool:
    """Tell whether a directory holds releases, so that no file dropped into it passes for what is published there."""
    releases = (*path.glob("*/release.json"), *path.glob(".drafts/*/release.json"))
    return (path / "latest.json").is_file() or bool(releases)


def _around(path: Path) -> tuple[Path, str] | None:
    """Return the forge and the tag where a directory is that of a release in a forge, or that of its files."""
    true = Path(os.path.realpath(path))
    release = true.parent if true.name == "assets" else true
    if not (release / "release.json").is_file() or not (release / "assets").is_dir():
        return None
    forge = release.parent
    return forge.parent if forge.name == ".drafts" else forge, release.name


def _outside(path: Path) -> None:
    """Refuse a directory inside a forge, where what the forge is known for would not be asked for."""
    around = _around(path)
    if around is not None:
        forge, tag = around
        words = ["hephaestus", "release", "install", "--repository", str(forge), "--tag", tag]
        raise UsageError(f"{path} is inside the releases of {forge}", shlex.join(words))


def _memories(source: _Source, files: _Files) -> tuple[str, ...]:
    """Return under which names signers are remembered: the project's, and that of the forge where there is one."""
    project = f"{files.project}, installed from files"
    if "://" in source.place:
        return project, source.place.lower()  # servers do not tell the letters of such names apart
    around = _around(Path(source.place))
    if around is not None:
        return project, str(around[0])
    if source.tag is not None or _is_forge(Path(source.place)):
        return project, _true(source.place)
    return (project,)


def _found(place: Forge, tag: str | None) -> Listing:
    wanted = tag or place.latest()
    found = place.find(wanted) if wanted else None
    if found is None or found.draft:
        there = ", ".join(release.tag for release in place.published()[:5])
        asked = f"{place.place} has no release{f' {wanted}' if wanted else ''}"
        raise UsageError(f"{asked}; there are: {there}" if there else asked, look(place.place))
    return found


def _files(source: _Source, request: Request) -> _Files:
    """Find exactly one archive and one manifest, and say what the archive must hold by its name and its tag."""
    archive = _one(source, request.asset_pattern, "wheelhouse", "--asset-pattern")
    manifest = _one(source, request.manifest_pattern, "manifest with checksums", "--manifest-pattern")
    project, version = names.split(archive)
    tag = source.tag or request.tag
    tagged = forge_names.version(tag) if tag else None
    if tagged is not None and tagged != Version(version):
        raise VerificationFailed(f"{source.place} has {archive} under the tag {tag}", look(source.place))
    there = set(source.files)
    signed = [name for file in (archive, manifest) for name in signatures.beside(file) if name in there]
    return _Files(archive, manifest, tuple(signed), project, version)


def _one(source: _Source, pattern: str, what: str, option: str) -> str:
    found = _matching(source, pattern)
    if len(found) == 1:
        return forge_names.asset_name(found[0])
    where = f"the release {source.tag}" if source.tag else source.place
    if not found:
        raise UsageError(f"{where} has no {what} ({pattern})", look(source.place))
    listed = ", ".join(found)
    hint = f"hephaestus release install --repository {shlex.quote(source.place)} {option} {shlex.quote(found[0])}"
    raise UsageError(f"{where} has {len(found)} files that could be the {what}: {listed}", hint)


def _matching(source: _Source, pattern: str) -> list[str]:
    return [name for name in source.files if fnmatchcase(name, pattern)]


def _true(place: str) -> str:
    """Return the one name of a place that a directory has under all its paths."""
    return os.path.realpath(place) if os.path.lexists(place) else place


# What


def _listed(manifest: Path, archive: str) -> str:
    """Return the sha256 a manifest has for an archive, which it must name exactly once."""
    try:
        lines = [_LINE.fullmatch(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
    except UnicodeDecodeError:
        lines = [None]
    found = [line[1] for line in lines if line is not None and line[2] == archive]
    if None in lines or len(found) != 1:
        raise VerificationFailed(f"{manifest.name} does not say which bytes {archive} must have")
    return found[0]


@contextlib.contextmanager
def _kept(sha256: str, *, cleanup: bool) -> Iterator[Path]:
    """Give the directory where an archive is kept by its hash; what turns out to be wrong is not kept."""
    kept = system.area("downloads") / sha256
    with system.lock(kept.with_suffix(".lock"), "another process installs the same archive", wait=True):
        kept.mkdir(exist_ok=True)
        try:
            yield kept
        except VerificationFailed:
            cleanup = True
            raise
        finally:
            for each in (kept,) if cleanup else (kept / "unpacked", kept / "proof"):
                system.remove(each)


def _archive(source: _Source, files: _Files, sha256: str, kept: Path) -> Path:
    """Return the archive with the promised hash: the one that is kept, or else a new one."""
    archive = kept / files.archive
    # What lies on a disk here is read all the same: somebody may want to know that it is damaged.
    if source.tag is not None and archive.is_file() and system.digest(archive) == sha256:
        log.info("%s is here already", files.archive)
        return archive
    log.info("fetching %s", files.archive)
    source.fetch(files.archive, kept)
    if system.digest(archive) != sha256:
        raise VerificationFailed(f"{files.archive} is not what {files.manifest} says")
    return archive


def _agree(house: House, files: _Files, request: Request) -> tuple[str, ...]:
    """Compare what an archive holds with what it should, and return the extras that are asked for, normalised."""
    if (house.project, house.version) != (files.project, files.version):
        raise VerificationFailed(f"{files.archive} holds {house.project} {house.version}")
    extras = tuple(canonicalize_name(extra) for extra in request.extras)
    unknown = sorted(set(extras) - set(house.extras))
    if unknown:
        there = ", ".join(house.extras) or "none"
        raise UsageError(f"{files.archive} has no extra {', '.join(unknown)}; there are: {there}")
    return extras


def _read_through(house: House) -> tuple[str, ...]:
    """Compare every file in every wheel with its RECORD, and return the files that run whenever Python starts."""
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for _ in pool.map(check_contents, [house.root / "wheels" / each.file for each in house.wheels]):
            pass
    found = tuple(f"{each.file}: {path}" for each in house.wheels for path in each.pth)
    for each in found:
        log.warning("%s runs whenever Python starts", each)
    return found


# Where to


def _makes_new(request: Request) -> bool:
    return request.into is not None or request.python is None


def _root(request: Request, files: _Files) -> Path:
    """Return the directory of the environment, which need not be there: a killed installation may have moved it."""
    if request.into is not None:
        return transaction.settled(request.into)
    if request.python is None:
        return transaction.settled(Path(f"{files.project}-{files.version}"))
    path = Path(request.python).expanduser().absolute()
    root = path.parent.parent if path.parent.name in {"bin", "Scripts"} else path
    # Where it is a symbolic link, the directory is put back and not the link.
    return Path(os.path.realpath(root))


def _ready(root: Path, request: Request) -> None:
    """Refuse a new environment where something is, and anything but an environment to install into."""
    again = f"hephaestus release install --repository {shlex.quote(request.repository)} --into"
    if _makes_new(request) and os.path.lexists(root):
        raise UsageError(f"{root} exists already", f"{again} {shlex.quote(f'{root}-2')}")
    if not _makes_new(request) and not (root / "pyvenv.cfg").is_file():
        raise UsageError(
            f"{request.python} is in no virtual environment, and nothing else is installed into",
            f"{again} environment --python {shlex.quote(str(request.python))}",
        )


@contextlib.contextmanager
def _prepared(root: Path, request: Request, proof: Path, fill: Callable[[Environment], None]) -> Iterator[Environment]:
    """Give the environment to fill, which is as it was, or not there, where that fails.

    An existing one is given only after a fresh one for the same interpreter was filled and has proven itself.
    """
    if _makes_new(request):
        with transaction.made(root):
            yield environments.create(root, request.python or sys.executable, inside=True)
    else:
        fill(environments.create(proof, str(Environment(root).python)))
        with transaction.changed(root):
            yield Environment(root)


def _fill(environment: Environment, *, house: House, extras: Sequence[str], smoke: str | None, lock: int) -> None:
    """Install a wheelhouse that was made for the interpreter of an environment, and see that it works."""
    here = _target(environment)
    platforms = {tag.platform for tag in here.tags}
    if not any(each.python == here.python and each.platform in platforms for each in house.targets):
        served = ", ".join(map(str, house.targets))
        raise UsageError(f"{house.root.name} is not made for {here}, which this is; it is made for: {served}")
    log.info("installing %s %s into %s", house.project, house.version, environment.root)
    environment.install_offline(house.root, extras, keep_open=(lock,))
    environment.verify(house.project, house.version, smoke)


def _target(environment: Environment) -> Target:
    ask = ["-I", "-c", "import sys; print(*sys.version_info[:2])"]
    major, minor = system.run([*environments.no_network(), environment.python, *ask]).output.split()
    return Target((int(major), int(minor)), target.running().platform)
