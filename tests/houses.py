"""Small wheels and wheelhouses, made of nothing but the standard library, and a Python that has no uv."""

import base64
import hashlib
import os
import shlex
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ACORN = '__version__ = "1.1.0"\n\n\ndef main():\n    print("acorn", __version__)\n'


@dataclass(frozen=True)
class FoundIn:
    """A directory of wheels in place of an index, as resolvers and installers are told of it."""

    directory: Path

    @property
    def uv_arguments(self) -> tuple[str, ...]:
        return ("--no-index", "--find-links", str(self.directory))

    pip_arguments = uv_arguments

    @property
    def environment(self) -> dict[str, str]:
        return {}


def wheel(where: Path, name: str = "acorn", *, body: str = ACORN, requires: Sequence[str] = ()) -> Path:
    """Make a wheel of version 1.1.0 with one module and a program of its name."""
    info = f"{name}-1.1.0.dist-info"
    needs = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    members = {
        f"{name}/__init__.py": body,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.1.0\n{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n",
    }
    record = "".join(f"{path},{_digest(text)},{len(text)}\n" for path, text in members.items())
    where.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(where / f"{name}-1.1.0-py3-none-any.whl", "w") as archive:
        for path, text in {**members, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0)), text)
    return where / f"{name}-1.1.0-py3-none-any.whl"


def _digest(text: str) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def house(where: Path, *wheels: Path) -> Path:
    """Make the requirements of an unpacked wheelhouse, whose wheels lie in `where/wheels` already."""
    lines = (
        f"{file.name.split('-')[0]}==1.1.0 --hash=sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}\n"
        for file in wheels
    )
    (where / "requirements.txt").write_text("".join(lines))
    return where


def python_without_uv(where: Path) -> tuple[Path, dict[str, str]]:
    """Make a virtual environment with all this Python has but for the programs beside it; give it and its PATH."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(where / "bare")], check=True)
    python = where / "bare" / "bin" / "python"
    asked = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = Path(subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip())
    ours = sysconfig.get_path("purelib")
    (packages / "all.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
    path = where / "programs"
    path.mkdir()
    for name in ("git", "sh", "unshare", "true", "env", "sha256sum"):
        link(path, name)
    return python, {"PATH": str(path)}


def link(path: Path, name: str) -> None:
    """Make a program of the machine be found in a directory of its own."""
    found = next(Path(folder, name) for folder in os.get_exec_path() if Path(folder, name).is_file())
    (path / name).symlink_to(found)


def run(python: Path, program: str, extra: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run a few lines of Python."""
    environment = {**os.environ, **extra}
    return subprocess.run([python, "-c", program], env=environment, capture_output=True, text=True, check=False)


def stock_python(where: Path) -> Path:
    """Make a directory for PATH whose `python` is the interpreter below every virtual environment, with its own pip."""
    where.mkdir()
    python = where / "python"
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(os.path.realpath(sys.executable))} "$@"\n')
    python.chmod(0o755)
    for name in ("sh", "sha256sum"):
        link(where, name)
    return where
