"""The pages of a package index over one wheelhouse, each with its address.

The simple API in HTML (PEP 503, 629) and JSON (PEP 691, 700), with the metadata of wheels beside them (PEP 658, 714).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from packaging.utils import NormalizedName

from hephaestus import system
from hephaestus.wheelhouse.house import House
from hephaestus.wheelhouse.wheel import Wheel

__all__ = ["HTML", "JSON", "ROOT", "Document", "documents"]

ROOT = "/simple/"
JSON = "application/vnd.pypi.simple.v1+json"
HTML = "application/vnd.pypi.simple.v1+html"

_FILES = "/files/"
_META = {"api-version": "1.1"}


@dataclass(frozen=True)
class Document:
    """What an address answers with: a media type and bytes, or the file that holds them.

    `sha256` is that of a file; for a page the type is hashed as well, so that no two forms have the same.
    """

    media: str
    body: bytes | Path
    size: int
    sha256: str

    @property
    def validator(self) -> str:
        """What tells these very bytes from all others (ETag)."""
        return f'"{self.sha256}"'


def documents(house: House) -> dict[str, tuple[Document, ...]]:
    """Return every address there is with all forms of what it answers, the one for browsers first."""
    return {address: tuple(forms) for address, forms in _addresses(house)}


def _addresses(house: House) -> Iterator[tuple[str, Iterable[Document]]]:
    files: dict[NormalizedName, list[dict[str, Any]]] = {wheel.name: [] for wheel in house.wheels}
    for wheel in house.wheels:
        path = house.root / "wheels" / wheel.file
        files[wheel.name].append(_entry(wheel))
        yield f"{_FILES}{wheel.file}", [Document("application/octet-stream", path, wheel.size, wheel.sha256)]
        yield f"{_FILES}{wheel.file}.metadata", [_written("text/plain; charset=utf-8", wheel.metadata)]
    sdist = Document("application/gzip", house.sdist, house.sdist.stat().st_size, system.digest(house.sdist))
    files[house.project].append(_sdist_entry(house, sdist))
    yield f"{_FILES}{house.sdist.name}", [sdist]
    for name, entries in files.items():
        versions = sorted({wheel.version for wheel in house.wheels if wheel.name == name})
        yield f"{ROOT}{name}/", _project_page(name, [str(version) for version in versions], entries)
    yield ROOT, _root_page(sorted(files))


def _entry(wheel: Wheel) -> dict[str, Any]:
    python = {"requires-python": str(wheel.requires_python)} if str(wheel.requires_python) else {}
    return {
        "filename": wheel.file,
        "url": f"../..{_FILES}{quote(wheel.file)}",
        "hashes": {"sha256": wheel.sha256},
        "size": wheel.size,
        **python,
        "core-metadata": {"sha256": hashlib.sha256(wheel.metadata).hexdigest()},
    }


def _sdist_entry(house: House, sdist: Document) -> dict[str, Any]:
    """Describe the sdist; the Python it needs is the one its wheel says."""
    own = next(_entry(wheel) for wheel in house.wheels if wheel.name == house.project)
    python = {key: value for key, value in own.items() if key == "requires-python"}
    return {
        "filename": house.sdist.name,
        "url": f"../..{_FILES}{quote(house.sdist.name)}",
        "hashes": {"sha256": sdist.sha256},
        "size": sdist.size,
        **python,
    }


def _project_page(name: str, versions: Sequence[str], entries: Sequence[dict[str, Any]]) -> list[Document]:
    return _forms(
        {"meta": _META, "name": name, "versions": list(versions), "files": list(entries)},
        f"Links for {name}",
        map(_link, entries),
    )


def _root_page(names: Sequence[str]) -> list[Document]:
    links = (f'<a href="{quote(name)}/">{escape(name)}</a>' for name in names)
    document = {"meta": _META, "projects": [{"name": name} for name in names]}
    return _forms(document, "Simple index", links)


def _link(entry: dict[str, Any]) -> str:
    attributes = {"href": f"{entry['url']}#sha256={entry['hashes']['sha256']}"}
    if "requires-python" in entry:
        attributes["data-requires-python"] = entry["requires-python"]
    if "core-metadata" in entry:
        attributes["data-core-metadata"] = f"sha256={entry['core-metadata']['sha256']}"
    told = " ".join(f'{name}="{escape(value)}"' for name, value in attributes.items())
    return f"<a {told}>{escape(entry['filename'])}</a>"


def _forms(document: dict[str, Any], title: str, links: Iterable[str]) -> list[Document]:
    head = f'<meta name="pypi:repository-version" content="1.1"><title>{escape(title)}</title>'
    body = "".join(f"{link}<br>\n" for link in links)
    page = f"<!DOCTYPE html>\n<html><head>{head}</head>\n<body>\n{body}</body></html>\n".encode()
    return [
        _written("text/html; charset=utf-8", page),
        _written(HTML, page),
        _written(JSON, json.dumps(document, sort_keys=True).encode()),
    ]


def _written(media: str, body: bytes) -> Document:
    return Document(media, body, len(body), hashlib.sha256(media.encode() + b"\n" + body).hexdigest())
