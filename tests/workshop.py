"""Whole wheelhouses of small wheels, made by the line that makes every wheelhouse, from a directory as the index."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import tomli_w
from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename

import wheels
from hephaestus import system
from hephaestus.tree import Directory
from hephaestus.wheelhouse import assembly, index, locks
from hephaestus.wheelhouse.locks import Lock
from hephaestus.wheelhouse.order import Order
from hephaestus.wheelhouse.store import Store
from hephaestus.wheelhouse.target import parse, running

LINUX, WINDOWS, MAC = "cp312-manylinux_2_28_x86_64", "cp312-win_amd64", "cp312-macosx_11_0_arm64"


def lock(where: Path, files: Sequence[Path], markers: Mapping[str, str] | None = None) -> Lock:
    """Write a lock of wheels and sdists on this disk; `markers` are those of packages, such as `leaf==1.0`."""
    packages: dict[tuple[str, str], dict[str, object]] = {}
    for file in sorted(files):
        built = file.suffix == ".whl"
        name, version = (parse_wheel_filename if built else parse_sdist_filename)(file.name)[:2]
        entry = packages.setdefault((name, str(version)), {"name": name, "version": str(version)})
        told = {"name": file.name, "url": file.as_uri(), "hashes": {"sha256": wheels.sha256(file)}}
        if built:
            entry.setdefault("wheels", []).append(told)  # type: ignore[attr-defined]
        else:
            entry["sdist"] = told
        if markers and f"{name}=={version}" in markers:
            entry["marker"] = markers[f"{name}=={version}"]
    document = {"lock-version": "1.0", "created-by": "tests", "packages": list(packages.values())}
    where.mkdir(parents=True, exist_ok=True)
    (where / "pylock.toml").write_text(tomli_w.dumps(document))
    found = locks.find(Directory(where), {}, None)
    assert found is not None
    return found


def order(*targets: str, **more: object) -> Order:
    """Return what is asked of a wheelhouse of acorn 1.1.0."""
    asked = {
        "project": canonicalize_name("acorn"),
        "version": "1.1.0",
        "commit": "c" * 40,
        "tree": "d" * 40,
        "epoch": 1_700_000_000,
        "targets": tuple(map(parse, targets)) or (running(),),
        "extras": (),
        "groups": {},
    }
    return Order(**{**asked, **more})  # type: ignore[arg-type]


def wheelhouse(  # noqa: PLR0917  (what a wheelhouse can be made of, each by its name)
    where: Path,
    asked: Order,
    own: Sequence[Path],
    others: Sequence[Path] = (),
    markers: Mapping[str, str] | None = None,
    sdist: bytes = b"a source distribution",
) -> Path:
    """Make the wheelhouse of a project's own wheels and of what is locked beside it, and return the archive."""
    locked = lock(where / "locked", others, markers)
    source = where / f"{asked.project}-{asked.version}.tar.gz"
    source.write_bytes(sdist)
    store = Store(where / "store")
    gathered = assembly.gather(asked, locked, store, index.configured(where))
    whole = assembly.with_project(gathered, asked, own)
    sources = {path.name: path for path in own}
    (where / "named").mkdir(exist_ok=True)
    for name in whole.wheels.keys() - sources:
        sources[name] = where / "named" / name
        store.link(whole.wheels[name].sha256, sources[name])
    said = {"from": locked.source, "sha256": hashlib.sha256(locked.data).hexdigest()}
    return assembly.assemble(asked, said, sources, whole, source, where)


def repack(packed: Path, into: Path, change: Mapping[str, bytes | None]) -> Path:
    """Write an archive again with other contents, its own checksums made to fit; `None` leaves a file out."""
    import tarfile

    from hephaestus.wheelhouse import archive, names

    with tarfile.open(packed) as tar:
        held = {each.name.partition("/")[2]: tar.extractfile(each).read() for each in tar}  # type: ignore[union-attr]
    held = {name: data for name, data in {**held, **change}.items() if data is not None and name != names.SUMS}
    listed = "".join(f"{system.digest_of(data)}  {name}\n" for name, data in sorted(held.items()))
    into.mkdir(parents=True, exist_ok=True)
    target = into / packed.name
    archive.write(packed.name.removesuffix(".tar.gz"), [*held.items(), (names.SUMS, listed.encode())], target)
    target.with_name(f"{target.name}.sha256").write_text(f"{wheels.sha256(target)}  {target.name}\n")
    return target
