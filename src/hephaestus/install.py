"""Installing a release from its wheelhouse: downloaded, checked, and put into a new environment with no network."""

from __future__ import annotations

import logging
import shlex
from dataclasses import dataclass
from pathlib import Path

from hephaestus import archive, environments, forge, system
from hephaestus.errors import HephaestusError, UsageError, VerificationFailed
from hephaestus.forge import Forge, Listing

__all__ = ["Installed", "install"]

log = logging.getLogger("hephaestus")


@dataclass(frozen=True)
class Installed:
    """What was installed, from which tag, and where its programs are."""

    project: str
    version: str
    tag: str
    programs: Path


def install(repository: str, tag: str | None, into: Path | None, smoke: str | None = None) -> Installed:
    """Install a release of the forge at `repository` (a path or a `file://` URL) into a new environment.

    `tag` defaults to the latest release, `into` to a directory named after project and version.
    Raises `UsageError` where there is no such release or the directory exists, and `VerificationFailed`
    where the files are not what they should be; then nothing is left behind.
    """
    place = forge.connect(repository, root=Path.cwd(), name="")
    found = _found(place, tag)
    house = _wheelhouse(place, found)
    project, version = _named(house)
    target = into or Path.cwd() / f"{project}-{version}"
    if target.exists():
        raise UsageError(
            f"{target} exists already",
            f"hephaestus release install --repository {shlex.quote(repository)} --into {shlex.quote(f'{target}-2')}",
        )
    return _install(place, found, house, target, smoke)


def _install(place: Forge, found: Listing, house: str, target: Path, smoke: str | None) -> Installed:
    work = target.with_name(f".{target.name}.download")
    new = [path for path in (target, *target.parents) if not path.exists()]
    system.remove(work)
    work.mkdir(parents=True)
    try:
        log.info("downloading %s", house)
        downloaded = place.download(found.tag, house, work)
        listed = place.download(found.tag, f"{house}.sha256", work)
        programs = _prove(downloaded, listed, work / "unpacked", target, smoke)
    except HephaestusError as error:
        system.remove(new[-1])
        if error.hint is None or str(work) in error.hint or str(target) in error.hint:
            # What was downloaded and installed is gone; what can still be looked at lies on the forge.
            error.hint = _look(place)
        raise
    except BaseException:
        system.remove(new[-1])
        raise
    finally:
        system.remove(work)
    return Installed(*_named(house), found.tag, programs)


def _prove(downloaded: Path, listed: Path, unpacked: Path, target: Path, smoke: str | None) -> Path:
    """Install what was downloaded if it is what it should be, try it, and return where its programs are."""
    _sums(listed, downloaded)
    house = archive.extract(downloaded, unpacked)
    environment = environments.create(target)
    log.info("installing %d wheels", len(list(house.glob("wheels/*.whl"))))
    environment.install_offline(house)
    environment.verify(*_named(downloaded.name), smoke)
    return environment.programs


def _found(place: Forge, tag: str | None) -> Listing:
    wanted = tag or place.latest()
    found = place.find(wanted) if wanted else None
    if found is None or found.draft:
        names = ", ".join(release.tag for release in place.published()[:5]) or "none"
        asked = f"{place.place} has no release{f' {wanted}' if wanted else ''}"
        raise UsageError(f"{asked}; there are: {names}", _look(place))
    return found


def _wheelhouse(place: Forge, found: Listing) -> str:
    names = [asset.name for asset in found.assets if asset.name.endswith("-wheelhouse.tar.gz")]
    if len(names) != 1:
        raise UsageError(f"the release {found.tag} has {len(names)} wheelhouses, not one", _look(place))
    return names[0]


def _look(place: Forge) -> str:
    """Return a command that shows what is published."""
    return f"ls -l {shlex.quote(place.place)}"


def _named(house: str) -> tuple[str, str]:
    """Return project and version of a wheelhouse's file name."""
    project, _, version = house.removesuffix("-wheelhouse.tar.gz").rpartition("-")
    return project, version


def _sums(listed: Path, downloaded: Path) -> None:
    if listed.read_bytes() != f"{system.digest(downloaded)}  {downloaded.name}\n".encode():
        raise VerificationFailed(f"{downloaded.name} is not what {listed.name} says", f"sha256sum {downloaded}")
