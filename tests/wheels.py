"""Wheels and sdists of any shape, made of nothing but the standard library, for indexes and archives of the tests."""

import base64
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

LONG_AGO = (2020, 1, 1, 0, 0, 0)


def make_wheel(  # what a wheel can be made of, each by its name
    where: Path,
    name: str = "acorn",
    version: str = "1.1.0",
    *,
    tag: str = "py3-none-any",
    requires: Sequence[str] = (),
    extras: Sequence[str] = (),
    headers: Sequence[str] = (),
    files: Mapping[str, str] | None = None,
    scripts: Mapping[str, str] | None = None,
    record: str | None = None,
) -> Path:
    """Make a wheel with one module of its name; `headers` are added to METADATA, `record` replaces RECORD."""
    module = name.replace("-", "_").replace(".", "_").lower()
    info = f"{module}-{version}.dist-info"
    body = f'__version__ = "{version}"\n\n\ndef main():\n    print("{module}", __version__)\n'
    metadata = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        f"Version: {version}",
        *headers,
        *(f"Provides-Extra: {extra}" for extra in extras),
        *(f"Requires-Dist: {requirement}" for requirement in requires),
    ]
    pure = str(tag.endswith("-any")).lower()
    members = {
        f"{module}/__init__.py": body,
        **(files or {}),
        f"{info}/METADATA": "\n".join(metadata) + "\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: {pure}\nTag: {tag}\n",
    }
    if scripts is not None:
        lines = "".join(f"{script} = {place}\n" for script, place in scripts.items())
        members[f"{info}/entry_points.txt"] = f"[console_scripts]\n{lines}"
    listed = "".join(f"{path},sha256={_digest(text.encode())},{len(text.encode())}\n" for path, text in members.items())
    members[f"{info}/RECORD"] = f"{listed}{info}/RECORD,,\n" if record is None else record
    where.mkdir(parents=True, exist_ok=True)
    path = where / f"{module}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for member, text in members.items():
            wheel.writestr(zipfile.ZipInfo(member, LONG_AGO), text)
    return path


def make_sdist(where: Path, name: str, version: str, files: Mapping[str, str]) -> Path:
    """Make a source distribution of the given files; PKG-INFO is added."""
    folder = f"{name.replace('-', '_')}-{version}"
    where.mkdir(parents=True, exist_ok=True)
    path = where / f"{folder}.tar.gz"
    told = {"PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", **files}
    with tarfile.open(path, "w:gz") as sdist:
        for member, text in told.items():
            info = tarfile.TarInfo(f"{folder}/{member}")
            info.size = len(text.encode())
            sdist.addfile(info, io.BytesIO(text.encode()))
    return path


def sha256(path: Path) -> str:
    """Return the sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
