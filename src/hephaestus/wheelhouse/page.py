"""The page of one project on an index, HTML (PEP 503) or JSON (PEP 691), as the files it lists."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    NormalizedName,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from hephaestus.wheelhouse.locks import File

__all__ = ["Entry", "Listed", "listed", "read", "understood"]

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_SHA256_FRAGMENT = re.compile(r"(?:^|&)sha256=([0-9a-fA-F]{64})(?:&|$)")


@dataclass(frozen=True)
class Listed:
    """A wheel or sdist an index offers.

    `yanked` is the reason (PEP 592), empty where none is given, `None` for a file that is not yanked; `uploaded` is
    when it came (PEP 700), where the index tells.
    """

    file: File
    version: Version
    yanked: str | None
    requires_python: SpecifierSet | None
    uploaded: datetime | None = None


@dataclass(frozen=True)
class Entry:
    """One line of a page, as it is told: nothing in it has been checked."""

    name: str
    url: str
    sha256: str | None = None
    size: int | None = None
    yanked: str | None = None
    requires_python: str | None = None
    uploaded: str | None = None


def read(data: bytes, kind: str, url: str) -> list[Entry]:
    """Read a page that came from `url` with the content type `kind`.

    Raises `ValueError` for JSON that cannot be read or is of a later major version of the interface (PEP 629).
    """
    if "json" in kind.partition(";")[0].lower():
        return list(_json(data, url))
    return list(_html(data, kind, url))


def understood(entry: Entry, name: NormalizedName, *, local: bool) -> tuple[Version, File | None] | None:
    """Return version and file of an entry; the file is `None` where no sha256 is told.

    What is no wheel and no sdist of that project, or lies where an index may not point to, gives `None`: a page of
    the net may not name files of this machine.
    """
    version = _version(entry.name, name)
    scheme = urlsplit(entry.url).scheme
    if version is None or not (scheme in {"http", "https"} or (local and scheme == "file")):
        return None
    if entry.sha256 is None:
        return version, None
    return version, File(entry.name, entry.sha256.lower(), entry.url, entry.size)


def listed(entry: Entry, version: Version, file: File) -> Listed:
    """Put together what is known of a file."""
    return Listed(file, version, entry.yanked, _specifiers(entry.requires_python), _time(entry.uploaded))


def _version(file: str, name: NormalizedName) -> Version | None:
    """Return the version in a file name, or `None` where it is no file of that project."""
    try:
        found, version = parse_wheel_filename(file)[:2] if file.endswith(".whl") else parse_sdist_filename(file)
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion, ValueError):
        return None
    return version if found == name and "/" not in file and "\\" not in file else None


def _json(data: bytes, url: str) -> Iterator[Entry]:
    try:
        document = json.loads(data)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(document, dict):
        raise ValueError("it is no table")  # noqa: TRY004  (one error for whatever is wrong with a page)
    meta = document.get("meta")
    version = meta.get("api-version") if isinstance(meta, dict) else None
    if not isinstance(version, str) or version.partition(".")[0] != "1":
        raise ValueError(f"its version {str(version)[:20]!r} is not 1.x")
    files = document.get("files")
    for file in files if isinstance(files, list) else ():
        if isinstance(file, dict) and isinstance(file.get("filename"), str) and isinstance(file.get("url"), str):
            yield _from_json(file, url)


def _from_json(file: dict[str, Any], url: str) -> Entry:
    hashes = file.get("hashes")
    sha256 = hashes.get("sha256") if isinstance(hashes, dict) else None
    size = file.get("size")
    yanked = file.get("yanked")
    return Entry(
        name=file["filename"],
        url=_joined(url, file["url"]),
        sha256=sha256 if isinstance(sha256, str) and _SHA256.fullmatch(sha256) else None,
        size=size if type(size) is int and size >= 0 else None,
        yanked=(yanked if isinstance(yanked, str) else "") if yanked else None,
        requires_python=_text(file.get("requires-python")),
        uploaded=_text(file.get("upload-time")),
    )


def _html(data: bytes, kind: str, url: str) -> Iterator[Entry]:
    charset = re.search(r"charset=[\"']?([\w.:-]+)", kind)
    try:
        text = data.decode(charset[1] if charset else "utf-8", "replace")
    except LookupError:
        text = data.decode("utf-8", "replace")
    links = _Links()
    with contextlib.suppress(AssertionError):  # the parser's own word for a page it gives up on
        links.feed(text)
        links.close()
    base = _joined(url, links.base)
    for link in links.found:
        address, fragment = urldefrag(_joined(base, link["href"]))
        sha256 = _SHA256_FRAGMENT.search(fragment)
        yield Entry(
            name=unquote(address.partition("?")[0].rpartition("/")[2]),
            url=address,
            sha256=sha256[1] if sha256 else None,
            yanked=link.get("data-yanked"),
            requires_python=link.get("data-requires-python"),
        )


class _Links(HTMLParser):
    """The links of a page, each as its attributes, and the address they start from."""

    def __init__(self) -> None:
        super().__init__()
        self.base = ""
        self.found: list[dict[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in told:
            self.found.append(told)
        elif tag == "base" and not self.base:
            self.base = told.get("href", "")


def _joined(base: str, url: str) -> str:
    try:
        joined = urljoin(base, url.strip())
        urlsplit(joined)
    except ValueError:  # brackets that hold no address
        return ""
    return joined


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _specifiers(text: str | None) -> SpecifierSet | None:
    try:
        return SpecifierSet(text) if text else None
    except InvalidSpecifier:  # pip takes such a file as fit for every Python, too
        return None


def _time(text: str | None) -> datetime | None:
    try:
        time = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return time.replace(tzinfo=UTC) if time and time.tzinfo is None else time
