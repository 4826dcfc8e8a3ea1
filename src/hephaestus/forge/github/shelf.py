"""The releases that are there on GitHub, drafts included: found by their tags, though listings lag behind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

from hephaestus import system
from hephaestus.errors import Refused
from hephaestus.forge import look
from hephaestus.forge.github import documents
from hephaestus.forge.github.client import Client
from hephaestus.forge.github.documents import Release

__all__ = ["Shelf"]

# What git lets a tag be called, more or less; anything else could change the meaning of a path it is part of.
_TAG = re.compile(r"(?!.*(?:\.\.|//|@\{))(?![./])[^\x00-\x20\x7f~^:?*\[\\]+(?<![./])")
# How long what was deleted may still be shown.
_PAUSES = (0.5, 1.0, 2.0, 4.0)


@dataclass(frozen=True)
class Shelf:
    """The releases of one repository."""

    client: Client

    def find(self, tag: str) -> Release | None:
        """Return the published release of a tag, else its draft: of several one of hephaestus, the oldest first."""
        if not _TAG.fullmatch(tag):
            return None
        known = self.get(self._ids[tag]) if tag in self._ids else None
        if known is not None and known.tag != tag:
            known = None
        if known is not None and not known.draft:
            return known
        document = self.client.get(f"releases/tags/{quote(tag, safe='')}")
        published = documents.release(document) if document is not None else None
        if published is not None and published.tag == tag and published.id not in self._gone:
            return published
        return known or min((each for each in self.all() if each.tag == tag), key=_preferred, default=None)

    def get(self, number: int) -> Release | None:
        """Return the release with an id, or `None`."""
        document = self.client.get(f"releases/{number}")
        return None if document is None else documents.release(document)

    def all(self) -> Iterator[Release]:
        """Yield all releases that may be seen; drafts are shown to those only who may push."""
        for document in self.client.pages("releases"):
            release = documents.release(document)
            if release.id not in self._gone:
                yield release

    def twins(self, release: Release) -> list[Release]:
        """Return the other drafts of the same release, made where a listing did not show the first one yet."""
        if release.mark is None:
            return []
        ours = release.mark.mark.id
        found = (each for each in self.all() if each.draft and each.tag == release.tag and each.id != release.id)
        return [each for each in found if each.mark is not None and each.mark.mark.id == ours]

    def rival(self, release: Release) -> Release | None:
        """Return an older draft of the same tag that another release of hephaestus made, or `None`."""
        if release.mark is None:
            return None
        ours = release.mark.mark.id
        older = (each for each in self.all() if each.draft and each.tag == release.tag and each.id < release.id)
        return next((each for each in older if each.mark is not None and each.mark.mark.id != ours), None)

    def remember(self, release: Release) -> None:
        """Find this release by its tag from now on, also where listings do not show it yet."""
        self._ids[release.tag] = release.id

    def remove(self, release: Release) -> None:
        """Delete a release and see that it is gone: whoever may not delete it can be told that it is not there.

        Raises `Refused` where it is still there afterwards.
        """
        self.client.send("DELETE", f"releases/{release.id}")
        for pause in _PAUSES:
            if self.get(release.id) is None:
                self._gone.add(release.id)
                self._ids.pop(release.tag, None)
                return
            system.pause(pause)
        raise Refused(
            f"{self.client.address.page} still has {release.tag}: the token may not delete it", look(release.url)
        )

    @cached_property
    def _ids(self) -> dict[str, int]:
        """The ids of drafts by their tags: listings may not show yet what was made a moment ago."""
        return {}

    @cached_property
    def _gone(self) -> set[int]:
        """The ids of what was removed: listings may go on showing it for a moment."""
        return set()


def _preferred(release: Release) -> tuple[bool, bool, int]:
    return release.draft, release.mark is None, release.id
