"""Wheelhouses that stand unpacked, made of the wheels in a directory and of no other code than what reads them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packaging.pylock import Pylock
from packaging.utils import canonicalize_name

from hephaestus.wheelhouse import names, target, wheel
from hephaestus.wheelhouse.house import House
from wheels import make_sdist, make_wheel

LINUX, MAC, WINDOWS = "cp312-manylinux_2_28_x86_64", "cp312-macosx_11_0_arm64", "cp312-win_amd64"


def begin(where: Path, version: str = "1.1.0", **made: Any) -> Path:
    """Begin a wheelhouse of acorn, with its sdist and its wheel, that further wheels can be put into."""
    root = where / names.folder("acorn", version)
    make_wheel(root / "wheels", "acorn", version, **made)
    sdist = make_sdist(root / "sdist", "acorn", version, {"acorn.py": "\n"})
    packed = sdist.read_bytes()
    sdist.write_bytes(packed[:4] + bytes(4) + packed[8:])  # without the time that gzip keeps (RFC 1952)
    return root


def stand(
    root: Path,
    targets: tuple[str, ...] = (LINUX,),
    extras: tuple[str, ...] = (),
    markers: Mapping[str, str] | None = None,
    manifest: Mapping[str, Any] | None = None,
) -> House:
    """Return the house of all wheels in `root/wheels`; `markers` say where `oak` or `oak==1.0` is needed."""
    project, version = names.split(root.name)
    wheels = tuple(wheel.read(path) for path in sorted((root / "wheels").iterdir()))
    packages: dict[tuple[str, str], dict[str, Any]] = {}
    asked = markers or {}
    for each in wheels:
        marker = asked.get(f"{each.name}=={each.version}", asked.get(each.name))
        package: dict[str, Any] = {"name": str(each.name), "version": str(each.version), "wheels": []}
        package |= {"marker": marker} if marker else {}
        entry = {"name": each.file, "path": f"wheels/{each.file}", "hashes": {"sha256": each.sha256}}
        packages.setdefault((each.name, str(each.version)), package)["wheels"].append(entry)
    document = {
        "lock-version": "1.0",
        "created-by": "tests",
        "extras": list(extras),
        "packages": list(packages.values()),
    }
    return House(
        root=root,
        project=canonicalize_name(project),
        version=version,
        targets=tuple(map(target.parse, targets)),
        extras=extras,
        groups={},
        wheels=wheels,
        pins={},
        sdist=next((root / "sdist").iterdir()),
        lock=Pylock.from_dict(document),
        manifest=manifest or {},
    )
