"""The software bill of materials of a wheelhouse: CycloneDX 1.6, from what the wheels say of themselves."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.utils import NormalizedName
from packaging.version import Version

from hephaestus import __version__
from hephaestus.wheelhouse.contents import Place
from hephaestus.wheelhouse.wheel import Wheel

__all__ = ["Graph", "Package", "sbom"]

# Who needs whom, by name and version.
Package = tuple[NormalizedName, Version]
Graph = Mapping[Package, frozenset[Package]]

# Any fixed namespace will do; it makes the serial number follow from the contents alone.
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://cyclonedx.org/wheelhouse")


def sbom(project: Package, commit: str, epoch: int, places: Sequence[Place], graph: Graph) -> bytes:
    """Return a CycloneDX 1.6 document: every package with licence, files and hashes, and who needs whom.

    `epoch` is the time of the commit in seconds since 1970: no clock and no chance comes in, so the same
    wheels give the same bytes (https://cyclonedx.org/docs/1.6/json/).
    """
    own = next(place for place in places if (place.name, place.version) == project)
    others = [place for place in places if place is not own]
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "tools": {"components": [{"type": "application", "name": "hephaestus", "version": __version__}]},
            "component": {**_component(own, "application"), "properties": [{"name": "git:commit", "value": commit}]},
        },
        "components": [_component(place, "library") for place in others],
        "dependencies": [
            {"ref": _reference(*package), "dependsOn": sorted(_reference(*each) for each in graph.get(package, ()))}
            for package in sorted((place.name, place.version) for place in places)
        ],
    }
    serial = uuid.uuid5(_NAMESPACE, json.dumps(document, sort_keys=True))
    return (json.dumps({"serialNumber": serial.urn, **document}, indent=1, ensure_ascii=False) + "\n").encode()


def _component(place: Place, kind: str) -> dict[str, Any]:
    first = place.wheels[0]
    component: dict[str, Any] = {
        "type": kind,
        "bom-ref": _reference(place.name, place.version),
        "name": str(place.name),
        "version": str(place.version),
        "purl": _reference(place.name, place.version),
    }
    if first.summary:
        component["description"] = first.summary
    if first.licence:
        component["licenses"] = [_licence(first.licence)]
    component["externalReferences"] = [reference for each in place.wheels for reference in _references(each)]
    return component


def _licence(said: str) -> dict[str, Any]:
    """Return a licence as an SPDX expression where it is one (PEP 639), else by whatever name it has."""
    try:
        return {"expression": str(canonicalize_license_expression(said))}
    except InvalidLicenseExpression:
        return {"license": {"name": said}}


def _references(wheel: Wheel) -> list[dict[str, Any]]:
    """Return the file of a wheel with its hash, and the bills of materials it carries itself (PEP 770)."""
    path = f"wheels/{quote(wheel.file)}"
    hashes = [{"alg": "SHA-256", "content": wheel.sha256}]
    inside = [{"type": "bom", "url": f"{path}#{quote(name)}"} for name in wheel.sboms]
    return [{"type": "distribution", "url": path, "hashes": hashes}, *inside]


def _reference(name: NormalizedName, version: Version) -> str:
    """Return the package URL (https://github.com/package-url/purl-spec) of a version."""
    return f"pkg:pypi/{name}@{quote(str(version), safe='')}"
