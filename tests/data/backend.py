"""A build backend (PEP 517) of the standard library alone, so that a test project builds with no network."""

import base64
import gzip
import hashlib
import io
import os
import tarfile
import tomllib
import zipfile
from pathlib import Path


def _project():
    return tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]


def _metadata(project):
    lines = ["Metadata-Version: 2.1", f"Name: {project['name']}", f"Version: {project['version']}"]
    lines += [f"Requires-Dist: {requirement}" for requirement in project.get("dependencies", ())]
    for extra, requirements in project.get("optional-dependencies", {}).items():
        lines += [f"Provides-Extra: {extra}", *(f"Requires-Dist: {each} ; extra == '{extra}'" for each in requirements)]
    lines += [
        f"Summary: {project['description']}",
        "Description-Content-Type: text/plain",
        "",
        project["description"],
        "",
    ]
    return "\n".join(lines)


def get_requires_for_build_sdist(config_settings=None):
    return []


def get_requires_for_build_wheel(config_settings=None):
    return []


def build_sdist(sdist_directory, config_settings=None):
    project = _project()
    top = f"{project['name']}-{project['version']}"
    members = {path.as_posix(): path.read_bytes() for path in sorted(Path().rglob("*")) if _belongs(path)}
    members["PKG-INFO"] = _metadata(project).encode()
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for name, data in sorted(members.items()):
            member = tarfile.TarInfo(f"{top}/{name}")
            member.size = len(data)
            member.mtime = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
            tar.addfile(member, io.BytesIO(data))
    Path(sdist_directory, f"{top}.tar.gz").write_bytes(gzip.compress(raw.getvalue(), mtime=0))
    return f"{top}.tar.gz"


def _belongs(path):
    return path.is_file() and not any(part.startswith(".") or part in ("dist", "__pycache__") for part in path.parts)


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    project = _project()
    name, version = project["name"], project["version"]
    info = f"{name}-{version}.dist-info"
    scripts = "".join(f"{script} = {entry}\n" for script, entry in project.get("scripts", {}).items())
    members = {path.relative_to("src").as_posix(): path.read_bytes() for path in sorted(Path("src").rglob("*.py"))}
    members[f"{info}/METADATA"] = _metadata(project).encode()
    members[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: backend\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    members[f"{info}/entry_points.txt"] = f"[console_scripts]\n{scripts}".encode()
    record = "".join(f"{path},{_digest(data)},{len(data)}\n" for path, data in members.items())
    members[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    wheel = f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(Path(wheel_directory, wheel), "w") as archive:
        for path, data in members.items():
            archive.writestr(zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0)), data)
    return wheel


def _digest(data):
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
