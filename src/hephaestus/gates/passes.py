"""Passes that are kept: a gate that passed is not asked again about exactly the same.

One file holds one pass, named after the hash of all that decides it; so two processes never write the same bytes in
turn, and what is not found is asked. Only passes are kept, never a failure.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hephaestus import git, system
from hephaestus.errors import UsageError
from hephaestus.gates.gate import Verdict

__all__ = ["Passes", "absorb", "home", "key"]

log = logging.getLogger("hephaestus")

_FORMAT = 1
_KEY = re.compile(r"[0-9a-f]{64}")
_SECONDS_KEPT = 30 * 24 * 3600
_MOST = 2000


def home(clone: git.Repository) -> Path:
    """Return the folder of the passes of a clone, which all its checkouts share."""
    return clone.common_directory / "hephaestus" / "passes"


def key(facts: Iterable[object]) -> str:
    """Return the name of a pass: the sha256 of all that decides it."""
    return system.digest_of(json.dumps([_FORMAT, *facts], sort_keys=True).encode("utf-8", "surrogateescape"))


@dataclass(frozen=True)
class Passes:
    """The passes kept in a `folder`."""

    folder: Path
    used: dict[str, Verdict] = field(default_factory=dict)

    def find(self, name: str, gate: str) -> Verdict | None:
        """Return the pass of a gate under its key, or `None`; a file that cannot be read is none."""
        try:
            verdict = Verdict.of(json.loads((self.folder / f"{name}.json").read_bytes()))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        if verdict.gate != gate or not verdict.passed:
            return None
        self.used[name] = verdict
        return verdict

    def keep(self, name: str, verdict: Verdict) -> None:
        """Keep a verdict under its key, if it is a pass."""
        if verdict.passed:
            self.folder.mkdir(parents=True, exist_ok=True)
            system.write(self.folder / f"{name}.json", json.dumps(verdict.document()).encode())
            self.used[name] = verdict

    def prune(self) -> None:
        """Remove passes that are older than thirty days, and the oldest where there are very many."""
        dated = sorted((file.stat().st_mtime, file) for file in self.folder.glob("*.json"))
        oldest = time.time() - _SECONDS_KEPT
        for place, (changed, file) in enumerate(dated):
            if changed < oldest or place < len(dated) - _MOST:
                system.remove(file)

    def export(self, path: Path) -> None:
        """Write all passes that were used or kept by this process to a file, for another machine to `absorb`."""
        told = {name: verdict.document() for name, verdict in sorted(self.used.items())}
        system.write(path, json.dumps({"format": _FORMAT, "passes": told}, indent=2).encode() + b"\n")


def absorb(folder: Path, path: Path) -> int:
    """Keep the passes of a file among those in a `folder`, and return how many there are.

    They count for exactly what they were said of, as each is found by the hash of that alone.
    Raises `UsageError` where the file is none that `export` has written.
    """
    try:
        told = json.loads(path.read_bytes())
        passes = {name: Verdict.of(each) for name, each in _checked(told).items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(f"{path} holds no verdicts of gates: {error}", f"ls -l {path}") from error
    kept = Passes(folder)
    for name, verdict in passes.items():
        kept.keep(name, verdict)
    log.info("%d verdicts of gates were taken from %s", len(passes), path)
    return len(passes)


def _checked(told: Mapping[str, Any]) -> Mapping[str, Any]:
    if told["format"] != _FORMAT:
        raise ValueError(f"their format is {told['format']}, not {_FORMAT}")
    passes: Mapping[str, Any] = told["passes"]
    strange = [name for name in passes if not _KEY.fullmatch(name)]
    if strange:
        raise ValueError(f"{strange[0][:80]!r} is no key")
    return passes
