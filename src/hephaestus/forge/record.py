"""The record of a release in a directory: what `release.json` says, read with suspicion and written whole."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any, TypeVar

from hephaestus import system
from hephaestus.errors import UsageError
from hephaestus.forge import Asset, Listing
from hephaestus.forge.names import asset_name

__all__ = ["encode", "load", "save"]

_RECORD = "release.json"

_Kind = TypeVar("_Kind")


def load(folder: Path, tag: str, *, draft: bool) -> Listing | None:
    """Read the record of a release, or return `None` where the folder has none."""
    file = folder / _RECORD
    try:
        listing = _listing(json.loads(file.read_bytes()), folder, draft=draft)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, RecursionError, TypeError, UsageError, ValueError) as error:
        raise _damaged(file, str(error)) from error
    if listing.tag != tag:
        raise _damaged(file, f"it belongs to the tag {listing.tag!r}")
    return listing


def _damaged(file: Path, reason: str) -> UsageError:
    return UsageError(
        f"the record of a release is damaged: {file}: {reason}", f"python -m json.tool {shlex.quote(str(file))}"
    )


def _listing(document: Any, folder: Path, *, draft: bool) -> Listing:  # noqa: ANN401  (JSON can be anything)
    return Listing(
        tag=_field(document, "tag", str),
        title=_field(document, "title", str),
        body=_field(document, "body", str),
        draft=draft,
        prerelease=_field(document, "prerelease", bool),
        assets=_assets(_field(document, "assets", list)),
        url=folder.absolute().as_uri(),
    )


def _assets(documents: list[Any]) -> tuple[Asset, ...]:
    assets = tuple(
        Asset(
            asset_name(_field(document, "name", str)),
            _field(document, "size", int),
            _field(document, "sha256", str),
        )
        for document in documents
    )
    if len({asset.name for asset in assets}) < len(assets):
        raise ValueError("it names an asset twice")
    return assets


def _field(document: Any, key: str, kind: type[_Kind]) -> _Kind:  # noqa: ANN401  (JSON can be anything)
    value = document.get(key) if isinstance(document, dict) else None
    if type(value) is not kind:  # `True` is no size
        raise TypeError(f"{key} must be a {kind.__name__}")
    return value


def save(folder: Path, listing: Listing, found: Listing | None) -> None:
    """Write the record of a release, unless it says so already."""
    if listing == found:
        return
    document = {
        "tag": listing.tag,
        "title": listing.title,
        "body": listing.body,
        "prerelease": listing.prerelease,
        "assets": [{"name": asset.name, "size": asset.size, "sha256": asset.sha256} for asset in listing.assets],
    }
    system.write(folder / _RECORD, encode(document))


def encode(document: Any) -> bytes:  # noqa: ANN401  (JSON can be anything)
    """Return a document as JSON, one key a line."""
    # A lone surrogate becomes \udc80 and the like, which is how JSON itself would write it.
    return f"{json.dumps(document, ensure_ascii=False, indent=2)}\n".encode(errors="backslashreplace")
