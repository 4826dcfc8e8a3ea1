"""Wheels built here of dependencies that are published as source alone, once for each interpreter and its tools."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import shlex
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hephaestus import builder, environments, repack, system
from hephaestus.errors import VerificationFailed
from hephaestus.kept import Indexes, keep
from hephaestus.wheelhouse.locks import File
from hephaestus.wheelhouse.store import Store

__all__ = ["Made", "build"]

log = logging.getLogger("hephaestus")

# Zip files know no earlier day than 1980-01-01; some sdists say they are from 1970.
_FIRST_DAY = 315532800


@dataclass(frozen=True)
class Made:
    """A wheel that was built here and is in the store, and what a manifest says about how it was built."""

    wheel: File
    builder: Mapping[str, Any]


def build(store: Store, sdist: File, python: str = sys.executable, *, indexes: Indexes | None = None) -> Made:
    """Build the wheel of an sdist in the store, for an interpreter, or find it there where it was built before.

    The wheel is as of the newest file in the sdist, not of the release that needs it, so its bytes depend on the
    sdist, the interpreter and the tools alone. The code of the sdist runs with no network.
    Raises `VerificationFailed` where the sdist is refused or makes a wheel of another name or version, and
    `CommandFailed` where it cannot be built.
    """
    with tempfile.TemporaryDirectory() as area:
        source = Path(area) / Path(sdist.name).name
        store.link(sdist.sha256, source)
        kept = store.path(sdist.sha256)
        if system.digest(source) != sdist.sha256:
            raise VerificationFailed(f"{sdist.name} in the store has changed", f"rm {shlex.quote(str(kept))}")
        _, version, platform = environments.interpreter(python)
        tools = keep(builder.needs(source), python, indexes=indexes, trusted=False).holds
        record = store.root / "built" / f"{_key(sdist.sha256, version, platform, *tools)}.json"
        known = _known(record, store)
        if known is not None:
            return known
        log.info("building %s", sdist.name)
        epoch = max(repack.newest(source), _FIRST_DAY)
        built = builder.wheel_of(source, Path(area, "wheel"), epoch, python, indexes=indexes)
        size = built.wheel.stat().st_size
        wheel = File(built.wheel.name, store.put(built.wheel), size=size)
    told = {"sdist": sdist.name, "sha256": sdist.sha256, "python": version, "platform": platform}
    made = Made(wheel, {**told, "made_with": list(built.made_with)})
    record.parent.mkdir(parents=True, exist_ok=True)
    system.write(record, json.dumps({"wheel": vars(wheel), "builder": made.builder}).encode())
    return made


def _key(*facts: str) -> str:
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _known(record: Path, store: Store) -> Made | None:
    """Return what was built before, where its wheel still is in the store."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        told = json.loads(record.read_bytes())
        made = Made(File(**told["wheel"]), told["builder"])
        return made if store.holds(made.wheel.sha256, made.wheel.size) else None
    return None
