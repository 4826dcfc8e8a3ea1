"""Links that compare two versions, in the form the changelog's own links have: GitHub, GitLab, Gitea, Bitbucket."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote

__all__ = ["links"]

_COMPARED = re.compile(r"(?P<left>[^?#]+?)(?:(?P<dots>\.\.\.?|%0[dD])(?P<right>[^?#]+))?(?P<rest>(?:[?#].*)?)")
_IN_URL = "/@+~!$&*,;=:"  # what a tag may have that means nothing else in a link
_REPOSITORY = re.compile(
    r"(?P<repository>https?://[^/?#\s]+/[^?#\s]+?)(?P<dash>/-)?/(?:commits?|tree|releases|src|tags)(?:[/?#].*)?"
    r"|(?P<home>https?://(?:github\.com|gitlab\.com|codeberg\.org|bitbucket\.org)/[^/?#\s]+/[^/?#\s]+?)(?:\.git)?/?"
)


def links(known: str, tag: str, previous_tag: str | None) -> tuple[str, str]:
    """Return the links of Unreleased and of the new version in the form of a `known` one; empty where that is none."""
    forge = _forge(known)
    if forge is None:
        return "", ""
    tag = quote(tag, safe=_IN_URL)
    across = forge.compare(quote(previous_tag, safe=_IN_URL), tag) if previous_tag else forge.page(tag)
    return forge.compare(tag, forge.head), across


class _Forge(NamedTuple):
    """Where and how a link of the changelog compares two commits."""

    repository: str
    way: str  # to the page: "/branches/compare/" is Bitbucket's, "/-/compare/" GitLab's, "/compare/" everyone else's
    dots: str
    head: str
    rest: str

    @property
    def bitbucket(self) -> bool:
        return "//bitbucket." in self.repository or self.way.startswith("/branches")

    def compare(self, old: str, new: str) -> str:
        """Return the link to what came between two tags; Bitbucket names the newer one first."""
        ends = self.dots.join((new, old) if self.bitbucket else (old, new))
        return f"{self.repository}{self.way}{ends}{self.rest}"

    def page(self, tag: str) -> str:
        """Return the link to the release of a tag, or to its files where the forge has no releases."""
        if self.bitbucket:
            return f"{self.repository}/src/{tag}"
        gitlab = self.way.startswith("/-") or "//gitlab." in self.repository
        return f"{self.repository}/-/releases/{tag}" if gitlab else f"{self.repository}/releases/tag/{tag}"


def _forge(url: str) -> _Forge | None:
    """Return what a link tells of the forge, or `None` where it is of no known kind."""
    base, found, ends = url.rpartition("/compare/")
    if found and (match := _COMPARED.fullmatch(ends)):
        repository = base.removesuffix("/-").removesuffix("/branches")
        forge = _Forge(repository, base.removeprefix(repository) + found, match["dots"] or "...", "HEAD", match["rest"])
        return forge._replace(head=match["left" if forge.bitbucket else "right"]) if match["dots"] else forge
    if match := _REPOSITORY.fullmatch(url):
        repository = match["repository"] or match["home"]
        if "//bitbucket." in repository:
            return _Forge(repository, "/branches/compare/", "%0D", "HEAD", "")
        gitlab = match["dash"] or "//gitlab." in repository
        return _Forge(repository, "/-/compare/" if gitlab else "/compare/", "...", "HEAD", "")
    return None
