"""Locks: the versions they pin, and on which lines.

Locks are long and written by machines: where every line has the shape they give it, the packages are found by one
search, at a fraction of what parsing takes; any other lock is parsed.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from packaging.utils import canonicalize_name

from hephaestus.drift.files import Files
from hephaestus.drift.node import Node
from hephaestus.drift.places import Place

__all__ = ["Lock", "Pin", "find"]


@dataclass(frozen=True)
class Pin:
    """A version a lock has of a package, empty where it tells none, and where it stands."""

    version: str
    place: Place


@dataclass(frozen=True)
class Lock:
    """What a lock says.

    `pins` are the versions of each package: several where it was resolved for several environments. `whole` tells
    whether everything that pyproject.toml declares belongs in it. `python` is the range it was made for, `own` the
    entry of the project itself. `renew` makes it anew, `install` puts an environment in its state.
    """

    path: str
    pins: Mapping[str, tuple[Pin, ...]]
    renew: str
    install: str
    whole: bool = False
    python: Pin | None = None
    own: Pin | None = field(default=None)


# For each kind of lock: how it is made anew, how it is installed, and whether all that is declared belongs in it.
_KINDS = {
    "uv.lock": ("uv lock", "uv sync --all-groups", True),
    "poetry.lock": ("poetry lock", "poetry sync", True),
    "pdm.lock": ("pdm lock", "pdm sync --dev", True),
    "pylock.toml": ("uv export --format pylock.toml -o pylock.toml", "pip install -r pylock.toml", False),
}
_REGULAR = re.compile(rb"(?:(?:[\[\]\t #]|[A-Za-z0-9_.\"-]+ = )[^\r\n]*+\r?\n|\r?\n)*+")
_HEADER = re.compile(rb"^\[\[packages?\]\]", re.MULTILINE)
_PACKAGE = re.compile(
    rb'^\[\[packages?\]\]\r?\nname = "(?P<name>[^"\\\r\n]*)"\r?\n(?:version = "(?P<version>[^"\\\r\n]*)"\r?\n)?'
    rb"(?P<own>source = \{ (?:editable|virtual) = \"\.\" \})?",
    re.MULTILINE,
)
_PYTHON = re.compile(rb'^(?:requires-python|python-versions) = "([^"\\\r\n]*)"', re.MULTILINE)
_OWN = {"editable", "virtual"}
_PINNED = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*={2,3}\s*(?P<version>[^\s;\\,]+)")


def find(files: Files) -> Iterator[Lock]:
    """Yield the locks of a project: those in its root, and hashed requirements there and in `requirements`."""
    for path, (renew, install, whole) in _KINDS.items():
        data = files.read(path)
        if data is not None:
            lock = _regular(files, path, data) or _parsed(files, path)
            if lock is not None:
                pins, python, own = lock
                yield Lock(path, pins, renew, install, whole, python, own)
    for path in [*files.names(), *files.names("requirements")]:
        if path.endswith((".txt", ".lock")) and path not in _KINDS and "requirements" in path:
            pinned = _hashed(files, path)
            if pinned:
                yield Lock(path, pinned, _made_by(files, path), f"pip install --require-hashes -r {shlex.quote(path)}")


_Said = tuple[dict[str, tuple[Pin, ...]], Pin | None, Pin | None]


def _regular(files: Files, path: str, data: bytes) -> _Said | None:
    """Return what a lock says whose lines all have the shape that its tool gives them, or `None` for any other."""
    if b'"""' in data or b"'''" in data or not _REGULAR.fullmatch(data) or not _is_utf8(data):
        return None
    packages = list(_PACKAGE.finditer(data))
    if len(packages) != len(_HEADER.findall(data)):
        return None
    pins: dict[str, list[Pin]] = {}
    own, line, position = None, 1, 0
    for found in packages:
        line += data.count(b"\n", position, found.start())
        position = found.start()
        version = (found["version"] or b"").decode()
        pin = Pin(version, Place(path, line + 2 if version else line + 1, f'version = "{version}"' if version else ""))
        if found["own"]:
            own = pin
        else:
            pins.setdefault(canonicalize_name(found["name"].decode()), []).append(pin)
    return {name: tuple(each) for name, each in pins.items()}, _python(files, path, data), own


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _python(files: Files, path: str, data: bytes) -> Pin | None:
    """Return the range of Python a lock was made for: uv says it at the top, Poetry at the end."""
    head = _HEADER.search(data)
    start, end = (data.rfind(b"[metadata]"), len(data)) if path == "poetry.lock" else (0, head.start() if head else -1)
    found = _PYTHON.search(data, max(start, 0), end) if end >= 0 else _PYTHON.search(data)
    if found is None:
        return None
    return Pin(found[1].decode(), files.place(path, data.count(b"\n", 0, found.start()) + 1))


def _parsed(files: Files, path: str) -> _Said | None:
    node = files.toml(path)
    if node is None:
        return None
    pins: dict[str, list[Pin]] = {}
    own = None
    for each in (*node.items("package"), *node.items("packages")):
        pin = _pin(files, path, each.at("version")) or Pin("", files.place(path, each.line))
        if any(each.said("source", key) == "." for key in _OWN):
            own = pin
        elif each.said("name"):
            pins.setdefault(canonicalize_name(each.said("name")), []).append(pin)
    python = node.at("metadata", "python-versions") if path == "poetry.lock" else node.at("requires-python")
    return {name: tuple(each) for name, each in pins.items()}, _pin(files, path, python), own


def _pin(files: Files, path: str, node: Node | None) -> Pin | None:
    return Pin(node.text, files.place(path, node.line)) if node is not None and node.text else None


def _hashed(files: Files, path: str) -> dict[str, tuple[Pin, ...]]:
    """Return the versions of requirements that have hashes; those without only say what somebody would like to have."""
    data = files.read(path) or b""
    text = files.text(path) if b"--hash" in data else None
    pins: dict[str, list[Pin]] = {}
    for number, line in enumerate((text or "").splitlines(), 1):
        found = _PINNED.match(line)
        if found:
            place = Place(path, number, line.rstrip(" \\"))
            pins.setdefault(canonicalize_name(found["name"]), []).append(Pin(found["version"], place))
    return {name: tuple(each) for name, each in pins.items()}


def _made_by(files: Files, path: str) -> str:
    """Return the command that a file of requirements says it was made by, or one that shows what it says."""
    for line in (files.text(path) or "").splitlines()[:10]:
        made = re.fullmatch(
            r"#\s+((?:uv export|uv pip compile|pip-compile|poetry export|pdm export)(?: [\w./=-]+){1,30})", line
        )
        if made:
            return made[1]
    return f"head {shlex.quote(path)}"
