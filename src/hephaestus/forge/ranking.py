"""Which of several releases users get: the highest version that is no pre-release."""

from __future__ import annotations

from collections.abc import Iterable

from packaging.version import Version

from hephaestus.forge import Listing, names

__all__ = ["latest", "ranked"]


def ranked(listings: Iterable[Listing]) -> list[Listing]:
    """Return releases with the highest version first, and those whose tag has no version last."""
    return sorted(listings, key=_rank, reverse=True)


def latest(listings: Iterable[Listing]) -> str | None:
    """Return the tag of the first release that has a version and is no pre-release, or `None`."""
    for listing in listings:
        version = names.version(listing.tag)
        if version is not None and not version.is_prerelease and not listing.prerelease:
            return listing.tag
    return None


def _rank(listing: Listing) -> tuple[bool, Version, str]:
    version = names.version(listing.tag)
    return version is not None, version or Version("0"), listing.tag
