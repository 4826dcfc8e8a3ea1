"""A release that is half-way, and a GitHub its remote is on: over http or TLS, with the token a user has."""

import base64
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from fakegithub import Hub
from hephaestus import release
from hephaestus.forge.directory import DirectoryForge
from hephaestus.push import Push
from places import Place
from worlds import TAG, begun, made, step

MAIN, TAG_REF = "refs/heads/main", f"refs/tags/{TAG}"
# What git asks for first, in every talk, and what a push asks for.
ADVERTISED, RECEIVE = r"\.git/info/refs$", r"\.git/git-receive-pack$"


class Served(NamedTuple):
    """A project whose release is half-way, and the GitHub its remote is on."""

    place: Place
    hub: Hub

    @property
    def push(self) -> Push:
        found = step(self.place, "push")
        assert isinstance(found, Push)
        return found

    @property
    def refs(self) -> dict[str, str]:
        return self.place.remote_refs()

    @property
    def arrived(self) -> bool:
        """Whether there is one tag of ours, and the branch is at its commit."""
        refs = self.refs
        tags = [name for name in refs if name.startswith("refs/tags/v1.1")]
        return (refs.get(MAIN), refs.get(TAG_REF)) == made(self.place) and tags == [TAG_REF]

    @property
    def pushes(self) -> int:
        """How many pushes were begun."""
        return sum(each.query.get("service") == "git-receive-pack" for each in self.hub.exchanges)

    def shown(self, header: str) -> list[str | None]:
        """Return what git showed of a header, request by request."""
        return [each.headers.get(header) for each in self.hub.exchanges if each.kind == "git"]

    def tree(self, revision: str) -> str:
        return self.place.git("rev-parse", f"{revision}^{{tree}}", at=self.place.remote)


def basic(user: str, token: str) -> str:
    """Return what git shows of a name and a password."""
    return f"Basic {base64.b64encode(f'{user}:{token}'.encode()).decode()}"


def serve(place: Place, monkeypatch: pytest.MonkeyPatch, *, secure: bool = False) -> Iterator[Served]:
    """Put the remote of a project on a GitHub."""
    with Hub(place.remote, secure=secure) as hub:
        for name, value in {"GITHUB_SERVER_URL": hub.url, "GITHUB_API_URL": hub.api, "GH_TOKEN": hub.token}.items():
            monkeypatch.setenv(name, value)
        for name in ("SSL_CERT_FILE", "GIT_SSL_CAINFO") if secure else ():
            monkeypatch.setenv(name, str(hub.authority))
        place.git("remote", "set-url", "origin", f"{hub.page}.git")
        place.git("config", "hephaestus.forge", "github")
        yield Served(place, hub)
    assert hub.violations == []


def draft(served: Served) -> None:
    """Put the draft that a release has in a directory, with its files, on GitHub."""
    facts = begun(served.place)
    found = DirectoryForge(served.place.forge).find(TAG)
    assert found is not None
    files = release.workplace(served.place.repository, facts.base).stage(facts).assets
    served.hub.release(
        TAG, draft=True, body=found.body, assets={file.name: file.read_bytes() for file in files.iterdir()}
    )
