"""Targets: the one CPython on the one platform a wheelhouse must install on, as tags and as marker environments."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property

from packaging import tags
from packaging.tags import Tag

from hephaestus.errors import UsageError

__all__ = ["Target", "parse", "running"]

_OLDEST, _NEWEST = (3, 10), (3, 14)

# PEP 600: the older names of some manylinux tags.
_LEGACY = {(2, 17): "manylinux2014", (2, 12): "manylinux2010", (2, 5): "manylinux1"}
# The oldest glibc there are tags for: other machines came with manylinux2014.
_OLDEST_GLIBC = {"x86_64": 5, "i686": 5}

_SHAPE = re.compile(r"cp(\d)(\d{1,2})-(\w{1,64})", re.ASCII)
_PLATFORM = re.compile(
    r"(?P<libc>manylinux|musllinux)_(?P<major>\d)_(?P<minor>\d{1,2})_(?P<machine>[a-z0-9_]+)"
    r"|macosx_(?P<mac>\d{2})_(?P<point>\d{1,2})_(?P<apple>arm64|x86_64)"
    r"|win_(?P<windows>amd64|arm64)|(?P<win32>win32)|linux_(?P<plain>[a-z0-9_]+)",
    re.ASCII,
)


@dataclass(frozen=True, order=True)
class Target:
    """A minor version of CPython, such as `(3, 12)`, on a platform tag that names the oldest system to run on."""

    python: tuple[int, int]
    platform: str

    def __str__(self) -> str:
        """The text a person writes: `cp312-manylinux_2_28_x86_64`."""
        return f"cp{self.python[0]}{self.python[1]}-{self.platform}"

    @cached_property
    def tags(self) -> tuple[Tag, ...]:
        """The tags of wheels that can be installed (PEP 425, 600, 656), the best first."""
        platforms = list(self._platforms())
        own = tags.cpython_tags(self.python, platforms=platforms, abis=[f"cp{self.python[0]}{self.python[1]}"])
        general = tags.compatible_tags(self.python, f"cp{self.python[0]}{self.python[1]}", platforms)
        return tuple(dict.fromkeys((*own, *general)))

    @cached_property
    def installable(self) -> tuple[Tag, ...]:
        """The tags of all that may be meant for this target: what was built on such a machine among them."""
        found = _PLATFORM.fullmatch(self.platform)
        local = f"linux_{found['machine']}" if found is not None and found["libc"] else self.platform
        name = f"cp{self.python[0]}{self.python[1]}"
        own = (
            *tags.cpython_tags(self.python, platforms=[local], abis=[name]),
            *tags.compatible_tags(self.python, name, [local]),
        )
        return tuple(dict.fromkeys((*own, *self.tags)))

    @cached_property
    def environments(self) -> tuple[dict[str, str], ...]:
        """The marker environments (PEP 508) of the first and of the last patch release this target can have."""
        version = "{}.{}".format(*self.python)
        return tuple({**self._system, **_python(version, f"{version}.{patch}")} for patch in (0, 99))

    @property
    def marker(self) -> dict[str, str]:
        """The variables of a marker, with their values, that tell this target from others."""
        facts = self._system
        return {
            "python_version": "{}.{}".format(*self.python),
            "sys_platform": facts["sys_platform"],
            "platform_machine": facts["platform_machine"],
        }

    @property
    def _system(self) -> dict[str, str]:
        """The variables of a marker environment that a platform decides."""
        name, machine = _named(self.platform)
        os_name = "nt" if name == "Windows" else "posix"
        sys_platform = {"Windows": "win32", "Darwin": "darwin"}.get(name, "linux")
        # What only the machine itself knows is left empty: no two machines agree on it.
        unknown = {"platform_release": "", "platform_version": ""}
        return {
            "os_name": os_name,
            "sys_platform": sys_platform,
            "platform_system": name,
            "platform_machine": machine,
            **unknown,
        }

    def _platforms(self) -> Iterator[str]:
        found = _PLATFORM.fullmatch(self.platform)
        assert found is not None  # `parse` and `running` make no other
        if found["libc"] and self == running():
            yield f"linux_{found['machine']}"  # what is built here installs here
        if found["libc"] == "manylinux":
            yield from _manylinux(int(found["minor"]), found["machine"])
        elif found["libc"]:
            for minor in range(int(found["minor"]), -1, -1):
                yield f"musllinux_{found['major']}_{minor}_{found['machine']}"
        elif found["mac"]:
            yield from tags.mac_platforms((int(found["mac"]), int(found["point"])), found["apple"])
        else:
            yield self.platform


def parse(text: str) -> Target:
    """Read a target such as `cp312-manylinux_2_28_x86_64`, `cp313-macosx_11_0_arm64` or `cp310-win_amd64`.

    Raises `UsageError` for anything else, with the platforms there are.
    """
    shape = _SHAPE.fullmatch(text.strip())
    if shape is not None:
        python = int(shape[1]), int(shape[2])
        platform = _PLATFORM.fullmatch(shape[3])
        glibc_is_two = platform is not None and (platform["libc"] != "manylinux" or platform["major"] == "2")
        if _OLDEST <= python <= _NEWEST and platform is not None and glibc_is_two:
            return Target(python, shape[3])
    raise UsageError(
        f"{text[:80]!r} is no target: it needs a CPython from cp310 to cp314 and a platform such as"
        " manylinux_2_28_x86_64, musllinux_1_2_aarch64, macosx_11_0_arm64 or win_amd64",
        "hephaestus wheelhouse --target cp312-manylinux_2_28_x86_64",
    )


@cache
def running() -> Target:
    """Return the target this Python itself is, with the C library of this machine as its floor."""
    platforms = list(tags.platform_tags())
    # `linux_x86_64` comes first, but says nothing of the C library.
    floor = next((platform for platform in platforms if not platform.startswith("linux_")), platforms[0])
    return Target((sys.version_info.major, sys.version_info.minor), floor)


def _manylinux(newest: int, machine: str) -> Iterator[str]:
    for minor in range(newest, _OLDEST_GLIBC.get(machine, 17) - 1, -1):
        yield f"manylinux_2_{minor}_{machine}"
        if (2, minor) in _LEGACY:
            yield f"{_LEGACY[2, minor]}_{machine}"


def _named(platform: str) -> tuple[str, str]:
    """Return `platform_system` and `platform_machine` as Python would say them on a platform."""
    found = _PLATFORM.fullmatch(platform)
    assert found is not None  # `parse` and `running` make no other
    if found["windows"] or found["win32"]:
        return "Windows", {"amd64": "AMD64", "arm64": "ARM64"}.get(found["windows"] or "", "x86")
    if found["mac"]:
        return "Darwin", found["apple"]
    return "Linux", found["machine"] or found["plain"]


def _python(version: str, full: str) -> dict[str, str]:
    return {
        "python_version": version,
        "python_full_version": full,
        "implementation_name": "cpython",
        "implementation_version": full,
        "platform_python_implementation": "CPython",
    }
