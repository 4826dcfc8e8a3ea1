"""The documents GitHub has of releases and their files, read with suspicion."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hephaestus import marks
from hephaestus.forge import Asset, Listing
from hephaestus.forge.github import shapes

__all__ = ["Held", "Release", "held", "release"]

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class Held:
    """A file on a release; `sha256` is `None` where the server does not tell, `whole` false after a broken upload."""

    id: int
    name: str
    size: int
    sha256: str | None
    whole: bool


@dataclass(frozen=True)
class Release:
    """A release, draft or published, by its id; `upload_url` is where its files are sent to."""

    id: int
    tag: str
    title: str
    body: str
    draft: bool
    prerelease: bool
    immutable: bool
    url: str
    upload_url: str
    files: tuple[Held, ...]

    @property
    def mark(self) -> marks.DraftMark | None:
        """What the release promises if it is one of hephaestus, or `None`."""
        return marks.from_body(self.body)

    def file(self, name: str) -> Held | None:
        """Return the file of a name, or `None`."""
        return next((each for each in self.files if each.name == name), None)

    def listing(self, digests: Mapping[int, str]) -> Listing:
        """Return the release as every forge has it, with the digests that are known otherwise by the ids of the files.

        What a broken upload left is no file of it.
        """
        whole = sorted((each for each in self.files if each.whole), key=lambda each: each.name)
        assets = (Asset(each.name, each.size, each.sha256 or digests.get(each.id, "")) for each in whole)
        return Listing(
            tag=self.tag,
            title=self.title,
            body=self.body,
            draft=self.draft,
            prerelease=self.prerelease,
            assets=tuple(assets),
            url=self.url,
            immutable=self.immutable,
        )


def release(document: Any) -> Release:  # noqa: ANN401  (JSON can be anything)
    """Return a release as GitHub describes it.

    Raises `CouldNotRun` where it is described otherwise.
    """
    tag = shapes.field(document, "tag_name", str)
    return Release(
        id=shapes.field(document, "id", int),
        tag=tag,
        title=shapes.field(document, "name", str, tag),
        body=_body(shapes.field(document, "body", str, "")),
        draft=shapes.field(document, "draft", bool),
        prerelease=shapes.field(document, "prerelease", bool),
        immutable=shapes.field(document, "immutable", bool, False),
        url=shapes.field(document, "html_url", str),
        upload_url=shapes.field(document, "upload_url", str),
        files=tuple(held(each) for each in shapes.field(document, "assets", list)),
    )


def held(document: Any) -> Held:  # noqa: ANN401  (JSON can be anything)
    """Return a file of a release as GitHub describes it.

    Raises `CouldNotRun` where it is described otherwise.
    """
    digest = _DIGEST.fullmatch(shapes.field(document, "digest", str, ""))
    return Held(
        id=shapes.field(document, "id", int),
        name=shapes.field(document, "name", str),
        size=shapes.field(document, "size", int),
        sha256=digest[1] if digest else None,
        whole=shapes.field(document, "state", str) == "uploaded",
    )


def _body(text: str) -> str:
    """Return a body as it was given: its editor on the web ends lines as Windows does, and takes the last end away."""
    body = text.replace("\r\n", "\n")
    return f"{body.rstrip()}\n" if marks.from_body(body) else body
