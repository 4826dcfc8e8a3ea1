"""The tasks about wheelhouses: make one, look into it, compare, serve, check and install it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from invoke.context import Context

from hephaestus.tasks.command import JSON, alone_here, command, here, needed, would

if TYPE_CHECKING:
    pass

if TYPE_CHECKING:
    from hephaestus.git import Repository
    from hephaestus.project import WheelhouseSettings

__all__ = ["diff", "inspect", "install_release", "jobs", "serve", "verify_archive", "wheelhouse"]

_ARCHIVE = "a wheelhouse, such as dist/lantern-1.4.0-wheelhouse.tar.gz"
_SIGN = "the SSH key that signs the checksum"


@command(
    iterable=["target", "extra", "group", "merge"],
    help={
        "target": "a Python on a platform, such as cp312-manylinux_2_28_x86_64 (may be repeated; this one by default)",
        "extra": "an extra of the project to gather as well (may be repeated)",
        "group": "a dependency group of the project to gather as well (may be repeated)",
        "lock": "the lock file that says what belongs in it; the project's own by default",
        "merge": "make one archive of several instead (repeat for each archive)",
        "sign": _SIGN,
        "json": JSON,
    },
)
def wheelhouse(  # noqa: PLR0913  (flags of a command line)
    context: Context,
    target: list[str] | None = None,
    extra: list[str] | None = None,
    group: list[str] | None = None,
    lock: str | None = None,
    merge: list[str] | None = None,
    sign: str | None = None,
    json: bool = False,
) -> dict[str, Any]:
    """Build the project and all it needs into one archive in dist.

    It is complete on every target or refused, and installed with no network.

    Examples:
        hephaestus wheelhouse
        hephaestus wheelhouse --target cp312-win_amd64 --target cp313-win_amd64
        hephaestus wheelhouse --extra http2 --lock uv.lock
        hephaestus wheelhouse --merge linux/HOUSE.tar.gz --merge mac/HOUSE.tar.gz
    """
    from hephaestus import alone
    from hephaestus.project import WheelhouseSettings

    asked = WheelhouseSettings(tuple(target or ()), tuple(extra or ()), tuple(group or ()), lock, sign)
    if merge:
        return _merged(context, [Path(each) for each in merge], asked)
    repository = here()
    steps = alone.wheelhouse(repository, asked)
    if context.config.run.dry:
        return alone_here(context, steps)
    with alone.building(repository):
        told = alone_here(context, steps)
        return {**told, **_made(repository)}


@command(help={"archive": _ARCHIVE, "json": JSON})
def inspect(context: Context, archive: str, json: bool = False) -> dict[str, Any]:
    """Show what is in a wheelhouse: packages, versions, licences, targets.

    Examples:
        hephaestus wheelhouse inspect dist/lantern-1.4.0-wheelhouse.tar.gz
    """
    from hephaestus import ui
    from hephaestus.wheelhouse import inspection
    from hephaestus.wheelhouse.opened import opened

    with opened(Path(archive)) as house:
        told = inspection.inspect(house, Path(archive))
    if not json:
        ui.table(told.title, told.columns, told.rows, first=4)
        ui.show("\n".join(["", *told.lines, *told.remarks]))
    return told.document()


@command(help={"old": "the wheelhouse users have", "new": "the one they would get", "json": JSON})
def diff(context: Context, old: str, new: str, json: bool = False) -> dict[str, Any]:
    """Show what changes for users from one wheelhouse to another.

    Example:
        hephaestus wheelhouse diff OLD.tar.gz NEW.tar.gz
    """
    from hephaestus import ui
    from hephaestus.wheelhouse import difference
    from hephaestus.wheelhouse.opened import opened

    with opened(Path(old)) as before, opened(Path(new)) as after:
        told = difference.difference(before, after)
    if not json:
        ui.show("\n".join(told.lines))
    return told.document()


@command(help={"archive": _ARCHIVE, "port": "the port; any free one by default"})
def serve(context: Context, archive: str, port: int = 0) -> None:
    """Serve a wheelhouse as a package index to this machine, until Ctrl-C.

    Example:
        hephaestus wheelhouse serve dist/lantern-1.4.0-wheelhouse.tar.gz --port 8000
    """
    from hephaestus import ui
    from hephaestus.wheelhouse import serve as index
    from hephaestus.wheelhouse.opened import opened

    if context.config.run.dry:
        would(f"serve {archive} on 127.0.0.1")
        return
    with opened(Path(archive)) as house:
        index.serve(house, lambda url: ui.show(f"pip install --index-url {url} {house.project}"), port)


@command(name="verify", help={"archive": _ARCHIVE, "json": JSON})
def verify_archive(context: Context, archive: str, json: bool = False) -> dict[str, Any]:
    """Check a wheelhouse: intact, complete on every target, every wheel what it says.

    Example:
        hephaestus wheelhouse verify dist/lantern-1.4.0-wheelhouse.tar.gz
    """
    from hephaestus import ui
    from hephaestus.wheelhouse.opened import opened, prove

    with ui.observer(), opened(Path(archive)) as house:
        prove(house)
    targets = [str(target) for target in house.targets]
    ui.say(f"{house.project} {house.version}: {len(house.wheels)} wheels, complete on {', '.join(targets)}")
    for wheel in house.wheels:
        for path in wheel.pth:
            ui.say(f"{wheel.file} puts {path} into every start of Python")
    return {"outcome": "verified", "project": house.project, "version": house.version, "targets": targets}


@command(help={"target": "a target to install on (may be repeated; the project's by default)"}, iterable=["target"])
def jobs(context: Context, target: list[str] | None = None) -> None:
    """Print a workflow for GitHub Actions that installs the wheelhouse on every target.

    Nothing of it is run here.

    Example:
        hephaestus wheelhouse jobs > .github/workflows/wheelhouse.yml
    """
    from hephaestus import alone

    sys.stdout.write(alone.wheelhouse_jobs(here(), tuple(target or ())))


@command(
    name="install",
    iterable=["extra", "key"],
    help={
        "repository": "OWNER/NAME on GitHub or its URL, another forge, an archive, or a directory that holds one",
        "tag": "which release; the latest by default",
        "into": "a new environment; a directory named after project and version by default",
        "python": "the interpreter of the new environment, or without --into an environment to install into",
        "extra": "an extra to install as well (may be repeated)",
        "asset_pattern": "the name of the archive, with * for anything",
        "manifest_pattern": "the name of its checksum, with * for anything",
        "key": "whose signature it must have: a public key, its fingerprint, or a file (may be repeated)",
        "identity": "who must have signed it with sigstore (needs --issuer)",
        "issuer": "who vouches for that identity",
        "trust_root": "the trust root of a sigstore instance, for places with no network",
        "attested": "the repository or workflow GitHub must attest, as OWNER/NAME",
        "signed": "refuse what is not signed",
        "allow_unsigned": "accept what is not signed all the same",
        "smoke": "a command that must work at the end; the project's own by default",
        "cleanup": "keep no download for another time",
        "remove_archive": "remove the local archive once it is installed",
        "json": JSON,
    },
)
def install_release(  # noqa: PLR0913  (flags of a command line)
    context: Context,
    repository: str | None = None,
    tag: str | None = None,
    into: str | None = None,
    python: str | None = None,
    extra: list[str] | None = None,
    asset_pattern: str = "*wheelhouse*.tar.gz",
    manifest_pattern: str = "*wheelhouse*.sha256",
    key: list[str] | None = None,
    identity: str | None = None,
    issuer: str | None = None,
    trust_root: str | None = None,
    attested: str | None = None,
    signed: bool = False,
    allow_unsigned: bool = False,
    smoke: str | None = None,
    cleanup: bool = False,
    remove_archive: bool = False,
    json: bool = False,
) -> dict[str, Any]:
    """Install a release from its wheelhouse, verified, with no network.

    Examples:
        hephaestus release install --repository OWNER/NAME --tag v1.4.0
        hephaestus release install --repository https://github.com/OWNER/NAME
        hephaestus release install --repository /srv/releases/lantern
        hephaestus release install --repository /srv/releases --tag v1.4.0
        hephaestus release install --repository /media/usb --key release.pub
    """
    from hephaestus import install, ui
    from hephaestus.signatures import Trust

    repository = needed(repository, "release install", "--repository /srv/releases")
    if context.config.run.dry:
        return would(f"install {tag or 'the latest release'} from {repository}")
    trust = Trust(
        keys=tuple(key or ()),
        identity=identity,
        issuer=issuer,
        trust_root=Path(trust_root) if trust_root else None,
        attested=attested,
        required=signed,
        allow_unsigned=allow_unsigned,
    )
    asked = install.Request(
        repository=repository,
        tag=tag,
        into=Path(into).absolute() if into else None,
        python=python,
        extras=tuple(extra or ()),
        asset_pattern=asset_pattern,
        manifest_pattern=manifest_pattern,
        trust=trust,
        cleanup=cleanup,
        remove_archive=remove_archive,
        smoke=smoke,
    )
    with ui.observer():
        done = install.install(asked)
    whose = f", signed by {' and '.join(done.signers)}" if done.signers else ", not signed"
    ui.say(f"{done.project} {done.version} is installed{whose}; its programs are in {done.programs}")
    return {**vars(done), "programs": str(done.programs)}


def _merged(context: Context, archives: list[Path], asked: WheelhouseSettings) -> dict[str, Any]:
    """Merge archives into dist."""
    from dataclasses import replace

    from hephaestus import alone, ui
    from hephaestus.errors import UsageError
    from hephaestus.project import WheelhouseSettings

    if replace(asked, sign=None) != WheelhouseSettings():
        raise UsageError(
            "--merge takes what the archives hold, so --target, --extra, --group and --lock have no meaning with it",
            "hephaestus wheelhouse --help",
        )
    if context.config.run.dry:
        return would(f"merge {', '.join(map(str, archives))} into dist")
    repository = here()
    with alone.building(repository), ui.observer():
        alone.merged_wheelhouse(repository, archives, asked.sign)
    return {"outcome": "done", **_made(repository)}


def _made(repository: Repository) -> dict[str, Any]:
    """Say where the archive is, and what it is."""
    from hephaestus import alone, ui

    packed, sha256 = alone.wheelhouse_made(repository)
    ui.say(f"{packed} ({packed.stat().st_size / 1e6:.1f} MB, sha256 {sha256})")
    return {"archive": str(packed), "sha256": sha256}
