"""Package indexes as the user has configured them for uv or pip: which files a project has, and who may ask."""

from __future__ import annotations

import os
import re
import shlex
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit
from urllib.request import url2pathname

from packaging.utils import NormalizedName, canonicalize_name

from hephaestus import system
from hephaestus.errors import CouldNotRun
from hephaestus.wheelhouse import configuration, page
from hephaestus.wheelhouse.configuration import Configuration, Index
from hephaestus.wheelhouse.connection import Patience, Session, Trouble, shown
from hephaestus.wheelhouse.locks import File
from hephaestus.wheelhouse.page import Entry, Listed

__all__ = ["Indexes", "configured", "denied", "local"]

_SECRET = re.compile(r"://([^/]*@|.*\?)")
_LONGEST_PAGE = 32 << 20
_ACCEPT = {
    "Accept": "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01",
    "Accept-Encoding": "gzip",
    "Cache-Control": "max-age=0",
}


@dataclass(frozen=True)
class Indexes:
    """The indexes a project is resolved and fetched from; it may be asked from several threads at once.

    Nothing it shows, and no error it raises, holds a name or a password.
    """

    configuration: Configuration
    patience: Patience = field(default_factory=Patience)
    _pages: dict[NormalizedName, tuple[list[Listed], tuple[str, ...]]] = field(
        default_factory=dict, compare=False, repr=False
    )
    _threads: threading.local = field(default_factory=threading.local, compare=False, repr=False)

    def files(self, name: str) -> list[Listed]:
        """Return all wheels and sdists of a project that have a sha256; none where no index knows it.

        Files that lie in a directory here are hashed. Raises `CouldNotRun` where an index does not answer, asks for
        a password, or gives what cannot be read.
        """
        return self._page(name)[0]

    def unhashed(self, name: str) -> tuple[str, ...]:
        """Return the names of the files of a project that the indexes offer without a sha256."""
        return self._page(name)[1]

    def authorization(self, url: str) -> str | None:
        """Return the value of the Authorization header for a URL, or `None`."""
        return self.configuration.authorization(url)

    def session(self, timeout: float) -> Session:
        """Return connections for one thread that know whom to trust and whom to tell which secret."""
        return Session(self.configuration.network, self.authorization, timeout)

    @property
    def uv_arguments(self) -> tuple[str, ...]:
        """The arguments that give uv these indexes; secrets are in `environment`."""
        settings = self.configuration
        if settings.tool is None:
            return ()
        found = []
        for option, places in self._uv_options.items():
            found += [] if _secretive(places) else [word for place in places for word in (f"--{option}", place)]
        if self._default is None:
            found.append("--no-index")
        if settings.merged and len(self._simple) > 1:
            found += ["--index-strategy", "unsafe-best-match"]
        for host in sorted(settings.network.insecure):
            found += ["--allow-insecure-host", host]
        return tuple(found)

    @property
    def pip_arguments(self) -> tuple[str, ...]:
        """The arguments that give pip these indexes, as far as they hold no secret; the others are in `environment`."""
        network = self.configuration.network
        found: list[str] = [] if self._simple else ["--no-index"]
        for option, places in self._pip_options.items():
            found += [] if _secretive(places) else [word for place in places for word in (f"--{option}", place)]
        for host in sorted(network.insecure):
            found += ["--trusted-host", host]
        found += ["--cert", network.certificates[0]] if network.certificates else []
        found += ["--client-cert", network.client_certificate] if network.client_certificate else []
        return tuple(found)

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables for uv and pip: the secrets, and nothing that would bring in other indexes."""
        network = self.configuration.network
        found = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "", "PIP_EXTRA_INDEX_URL": "", "PIP_FIND_LINKS": ""}
        found |= {"UV_EXTRA_INDEX_URL": "", "UV_INDEX": "", "UV_FIND_LINKS": ""}
        for option, places in self._pip_options.items():
            if _secretive(places):
                found[f"PIP_{configuration.variable(option)}"] = " ".join(places)
        for option, places in self._uv_options.items():
            if _secretive(places):
                between = "," if option == "find-links" else " "
                found[f"UV_{configuration.variable(option)}"] = between.join(places)
        for number, index in enumerate(self.configuration.indexes):
            pair = self._secret(index)
            if pair and not index.flat:
                key = f"UV_INDEX_{configuration.variable(_name(index, number))}"
                found |= {f"{key}_USERNAME": pair[0], f"{key}_PASSWORD": pair[1]}
        if network.certificates:
            found["SSL_CERT_FILE"] = network.certificates[0]
        if network.client_certificate:
            found["SSL_CLIENT_CERT"] = network.client_certificate
        if network.proxy:
            found |= {"PIP_PROXY": network.proxy, "HTTP_PROXY": network.proxy, "HTTPS_PROXY": network.proxy}
        return found

    @property
    def _simple(self) -> list[Index]:
        return [index for index in self.configuration.indexes if not index.flat]

    @property
    def _default(self) -> Index | None:
        """The index that takes the place of PyPI: pip's first one, uv's last one."""
        simple = self._simple
        return simple[0 if self.configuration.tool == "pip" else -1] if simple else None

    @property
    def _pip_options(self) -> dict[str, list[str]]:
        """The indexes by pip's options, in pip's words, with secrets."""
        default = self._default
        indexes = {
            "index-url": [default] if default else [],
            "extra-index-url": [index for index in self._simple if index != default],
            "find-links": [index for index in self.configuration.indexes if index.flat],
        }
        return {option: [self._with_secret(each) for each in some] for option, some in indexes.items()}

    @property
    def _uv_options(self) -> dict[str, list[str]]:
        """The indexes by uv's options, in uv's words, with the secrets that have no variable of their own."""
        default = self._default
        found: dict[str, list[str]] = {"index": [], "default-index": [], "find-links": []}
        for number, index in enumerate(self.configuration.indexes):
            if index.flat:
                found["find-links"].append(self._with_secret(index))
            else:
                option = "default-index" if index == default else "index"
                found[option].append(f"{_name(index, number)}={index.url}")
        return found

    def _secret(self, index: Index) -> tuple[str, str] | None:
        """Return name and password that are configured for an index; netrc is read by uv and pip themselves."""
        return next(((user, word) for url, user, word in self.configuration.secrets.known if url == index.url), None)

    def _with_secret(self, index: Index) -> str:
        pair = self._secret(index)
        if pair is None:
            return _path_or_url(index.url) if index.flat else index.url
        parts = urlsplit(index.url)
        return parts._replace(netloc=f"{quote(pair[0], safe='')}:{quote(pair[1], safe='')}@{parts.netloc}").geturl()

    def _page(self, name: str) -> tuple[list[Listed], tuple[str, ...]]:
        """Return the files of a project with and, by their names, those without a sha256; asked for once."""
        project = canonicalize_name(name)
        if project not in self._pages:
            self._pages[project] = self._read(project)
        return self._pages[project]

    def _read(self, project: NormalizedName) -> tuple[list[Listed], tuple[str, ...]]:
        found: dict[tuple[str, str], Listed] = {}
        without = []
        known = False
        for index in self.configuration.indexes:
            if known and not index.flat and not self.configuration.merged:
                continue
            for entry in self._entries(index, project):
                understood = page.understood(entry, project, local=index.url.startswith("file:"))
                if understood is None:
                    continue
                known = known or not index.flat
                version, file = understood
                file = file or _hashed(entry)
                if file is None:
                    without.append(entry.name)
                else:
                    found.setdefault((file.name, file.sha256), page.listed(entry, version, file))
        return list(found.values()), tuple(without)

    def _entries(self, index: Index, project: NormalizedName) -> list[Entry]:
        parts = urlsplit(index.url)
        url = index.url if index.flat else parts._replace(path=f"{parts.path.rstrip('/')}/{project}/").geturl()
        try:
            if index.url.startswith("file:"):
                return list(_local_entries(local(url)))
            return self.patience.with_(lambda: self._get(url))
        except Trouble as trouble:
            raise _failed(url, trouble) from trouble
        except ValueError as error:
            raise CouldNotRun(
                f"the index page {shown(url)} cannot be read: {error}", f"curl -sS {shlex.quote(shown(url))}"
            ) from error

    def _get(self, url: str) -> list[Entry]:
        if not hasattr(self._threads, "session"):
            self._threads.session = self.session(self.patience.timeout)
        session: Session = self._threads.session
        with session.get(url, _ACCEPT) as answer:
            if answer.status in {404, 410}:
                return []
            answer.demand(200)
            return page.read(answer.read(_LONGEST_PAGE), answer.headers.get("Content-Type", ""), answer.url)


def configured(root: Path) -> Indexes:
    """Return the indexes that uv, else pip, would use in the directory `root`; PyPI where nothing is configured.

    Raises `UsageError` for a configuration that cannot be read.
    """
    return Indexes(configuration.read(root))


def denied(url: str, status: int) -> CouldNotRun:
    """Return the error for a server that wants another name or password."""
    host = urlsplit(url).hostname or ""
    return CouldNotRun(
        f"{host} refuses to give {shown(url)} (answer {status}): the name and password for it are missing or wrong",
        f"echo {shlex.quote(f'machine {host} login NAME password TOKEN')} >> ~/.netrc",
    )


def local(url: str) -> Path:
    """Return the path of a file:// URL; a path is given back as it is."""
    return Path(url2pathname(urlsplit(url).path)) if url.startswith("file:") else Path(url)


def _failed(url: str, trouble: Trouble) -> CouldNotRun:
    if trouble.status in {401, 403}:
        return denied(url, trouble.status)
    show = f"curl -sSI {shlex.quote(shown(url))}"
    return CouldNotRun(f"the package index at {shown(url)} cannot be asked: {trouble}", show)


def _local_entries(place: Path) -> Iterator[Entry]:
    """Read an index that lies in a directory: its page where it has one, else the files themselves."""
    file = place / "index.html" if place.is_dir() else place
    if file.is_file():
        yield from page.read(file.read_bytes(), "text/html", file.as_uri())
    elif place.is_dir():
        for path in sorted(place.iterdir()):
            yield Entry(path.name, path.as_uri())


def _hashed(entry: Entry) -> File | None:
    """Return a file without a sha256 that lies on this machine, with its sha256."""
    path = local(entry.url)
    if not entry.url.startswith("file:") or not path.is_file():
        return None
    return File(entry.name, system.digest(path), entry.url, path.stat().st_size)


def _path_or_url(url: str) -> str:
    return str(local(url)) if url.startswith("file:") else url


def _secretive(places: list[str]) -> bool:
    """Tell whether others on this machine must not see these places: one has a password, or a query that may be one."""
    return any(_SECRET.search(place) for place in places)


def _name(index: Index, number: int) -> str:
    """Return the name by which uv is told the secret of an index."""
    return index.name or f"hephaestus-{number}"
