"""The report of a release: what was made, how long it took, and what the gates said, as one JSON document."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hephaestus import gates, journal, marks, system
from hephaestus.release import Release, Workplace

__all__ = ["path", "read", "write"]


def path(at: Workplace, tag: str) -> Path:
    """Return where the report of a tag lies in this clone."""
    return at.repository.common_directory / "hephaestus" / "reports" / f"{quote(tag, safe='')}.json"


def write(at: Workplace, release: Release, record: journal.Journal) -> dict[str, Any]:
    """Write the report of a release that is finished, and return it as it can be read back."""
    stage = at.stage(release)
    found = at.forge.find(release.tag)
    promise = marks.from_body(found.body) if found else None
    asked = gates.Gates(stage.checkout.root, stage.area, {}, stage)
    told = {
        "release": asdict(release),
        "project": at.project.normalized,
        "commit": stage.revision,
        "tag_object": stage.tag_object(),
        "forge": at.forge.place,
        "url": found.url if found else None,
        "assets": dict(promise.assets) if promise else {},
        "gates": [said.document() for said in asked.verdicts(stage.revision)],
        "waived": record.waived,
        "seconds": record.seconds,
    }
    target = path(at, release.tag)
    target.parent.mkdir(parents=True, exist_ok=True)
    data = json.dumps(told, indent=2).encode() + b"\n"
    system.write(target, data)
    written: dict[str, Any] = json.loads(data)
    return written


def read(at: Workplace, tag: str) -> dict[str, Any] | None:
    """Return the report of a tag, or `None` where this clone has none."""
    try:
        told: dict[str, Any] = json.loads(path(at, tag).read_bytes())
    except FileNotFoundError:
        return None
    return told
