"""Where packages come from, as the user has told uv or pip: indexes, directories of files, secrets and trust.

Sources: uv's "Package indexes", "Configuration files" and "Environment variables"; pip's "Configuration" and
"Authentication"; netrc as curl reads it.
"""

from __future__ import annotations

import configparser
import contextlib
import ipaddress
import netrc
import os
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from hephaestus.errors import UsageError
from hephaestus.wheelhouse.connection import Network, Trouble, ambiguous, basic, origin, shown

__all__ = ["PYPI", "Configuration", "Index", "Secrets", "read", "variable"]

PYPI = "https://pypi.org/simple"

_TRUE = {"1", "on", "t", "true", "y", "yes"}
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


@dataclass(frozen=True)
class Index:
    """A package index by its URL, which holds no secret; `flat` ones are one page of links, or a directory of files."""

    url: str
    name: str | None = None
    flat: bool = False


@dataclass(frozen=True)
class Secrets:
    """Names and passwords by the URL they are for; they are never shown."""

    known: tuple[tuple[str, str, str], ...] = field(default=(), repr=False)

    def find(self, url: str) -> tuple[str, str] | None:
        """Return name and password for a URL: of the index it is nearest to on its server, else of netrc.

        netrc knows hosts alone, not how they are asked; what it has goes nowhere that others could listen.
        """
        try:
            server, path = origin(url), urlsplit(url).path
        except Trouble:
            return None
        ours = [(urlsplit(place).path, pair) for place, *pair in self.known if origin(place) == server]
        if ours:
            user, password = max(ours, key=lambda each: _alike(each[0], path))[1]
            return user, password
        host = urlsplit(url).hostname or ""
        return _netrc(host) if server.startswith("https:") or _loopback(host) else None


@dataclass(frozen=True)
class Configuration:
    """What was configured: by `tool` ("uv" or "pip"), or by nobody where that is `None`.

    `indexes` come in the order of their precedence; `merged` tells whether files of all of them count, or only those
    of the first one that knows a project.
    """

    tool: str | None
    indexes: tuple[Index, ...]
    secrets: Secrets
    network: Network
    merged: bool = True

    def authorization(self, url: str) -> str | None:
        """Return the value of the Authorization header for a URL, or `None`."""
        pair = _own(url) or self.secrets.find(url)
        return basic(*pair) if pair else None


def read(root: Path) -> Configuration:
    """Return what is configured for the project at `root`: for uv, else for pip, else PyPI.

    Raises `UsageError` for a configuration file that cannot be read.
    """
    pip = _pip_settings()
    tables = list(_uv_tables(root))
    network = _network(pip, tables)
    places = _uv_places(root, tables)
    if places:
        merged = os.environ.get("UV_INDEX_STRATEGY", "first-index") != "first-index"
        return _configuration("uv", places, network, merged=merged)
    return _configuration("pip", _pip_places(root, pip), network, merged=True)


@dataclass(frozen=True)
class _Place:
    """A place as it is written, secrets included; `root` is what relative paths start from."""

    text: str
    root: Path
    name: str | None = None
    flat: bool = False
    default: bool = False

    @property
    def url(self) -> str:
        if _URL.match(self.text):
            return self.text
        return Path(os.path.normpath(self.root / Path(self.text).expanduser())).as_uri()


def _configuration(tool: str, places: list[_Place], network: Network, *, merged: bool) -> Configuration:
    configured = bool(places)
    # An empty text is how "no index at all" is written down here.
    if not any(place.default for place in places):
        places = [*places, _Place(PYPI, Path(), default=True)]
    places = [place for place in places if place.text]
    secrets = []
    for place in places:
        pair = _own(place.url) or _named(place.name)
        if pair:
            secrets.append((_bare(place.url), *pair))
    indexes = dict.fromkeys(Index(_bare(place.url), place.name, place.flat) for place in places)
    return Configuration(tool if configured else None, tuple(indexes), Secrets(tuple(secrets)), network, merged)


# uv


def _uv_places(root: Path, tables: list[tuple[Path, dict[str, Any]]]) -> list[_Place]:
    """Return the places uv is told of, in its order of precedence, or none."""
    environ = os.environ
    if _true(environ.get("UV_NO_INDEX")) or any(_settings(table, "no-index") == [True] for _, table in tables):
        return [_Place("", root, default=True), *_uv_links(root, tables)]
    places = [_uv_named(text, root) for text in environ.get("UV_INDEX", "").split()]
    places += [_Place(text, root) for text in environ.get("UV_EXTRA_INDEX_URL", "").split()]
    defaults = [_uv_named(environ[key], root, default=True) for key in _UV_DEFAULTS if environ.get(key)]
    for folder, table in tables:
        listed = table.get("index")
        for each in listed if isinstance(listed, list) else ():
            if isinstance(each, dict) and isinstance(each.get("url"), str):
                place = _uv_index(each, folder)
                (defaults if place.default else places).append(place)
        places += [_Place(text, folder) for text in _settings(table, "extra-index-url") if isinstance(text, str)]
        defaults += [
            _Place(text, folder, default=True) for text in _settings(table, "index-url") if isinstance(text, str)
        ]
    return [*places, *defaults[:1], *_uv_links(root, tables)]


_UV_DEFAULTS = ("UV_DEFAULT_INDEX", "UV_INDEX_URL")


def _uv_index(table: dict[str, Any], folder: Path) -> _Place:
    name = table.get("name")
    return _Place(
        table["url"],
        folder,
        name=name if isinstance(name, str) else None,
        flat=table.get("format") == "flat",
        default=table.get("default") is True,
    )


def _uv_links(root: Path, tables: list[tuple[Path, dict[str, Any]]]) -> list[_Place]:
    given = [text.strip() for text in os.environ.get("UV_FIND_LINKS", "").split(",")]
    links = [_Place(text, root, flat=True) for text in given if text]
    for folder, table in tables:
        links += [_Place(text, folder, flat=True) for text in _settings(table, "find-links") if isinstance(text, str)]
    return links


def _uv_named(text: str, root: Path, *, default: bool = False) -> _Place:
    """Read `URL` or `name=URL`, as --index takes it."""
    named = re.fullmatch(r"([A-Za-z0-9._-]+)=(.+)", text)
    return _Place(named[2], root, named[1], default=default) if named else _Place(text, root, default=default)


def _settings(table: dict[str, Any], key: str) -> list[Any]:
    """Return the values of a setting, from the table itself and from the one for `uv pip`."""
    pip = table.get("pip")
    found: list[Any] = []
    for each in (table, pip if isinstance(pip, dict) else {}):
        value = each.get(key, [])
        found += value if isinstance(value, list) else [value]
    return found


def _uv_tables(root: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield uv's settings with the directory each stands in, the most important first."""
    alone = os.environ.get("UV_CONFIG_FILE")
    if alone:
        yield root, _toml(root / alone)
        return
    if _true(os.environ.get("UV_NO_CONFIG")):
        return
    for folder in [root, *root.parents]:
        found = _uv_project(folder)
        if found is not None:
            yield folder, found
            break
    for folder in _settings_folders():
        file = folder / "uv" / "uv.toml"
        if file.is_file():
            yield file.parent, _toml(file)


def _uv_project(folder: Path) -> dict[str, Any] | None:
    if (folder / "uv.toml").is_file():
        return _toml(folder / "uv.toml")
    if not (folder / "pyproject.toml").is_file():
        return None
    tool = _toml(folder / "pyproject.toml").get("tool")
    table = tool.get("uv") if isinstance(tool, dict) else None
    return table if isinstance(table, dict) else None


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{file} cannot be read as TOML: {error}", f"cat {shlex.quote(str(file))}") from error


def _settings_folders() -> list[Path]:
    """Return where uv looks for settings of the user and of the system."""
    if os.name == "nt":
        return [Path(os.environ[key]) for key in ("APPDATA", "PROGRAMDATA") if os.environ.get(key)]
    user = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return [Path(user), *map(Path, os.environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":")), Path("/etc")]


# pip


def _pip_places(root: Path, settings: Mapping[str, str]) -> list[_Place]:
    """Return the places pip is told of, in the order it takes them."""
    links = [_Place(text, root, flat=True) for text in settings.get("find-links", "").split()]
    if _true(settings.get("no-index")):
        return [_Place("", root, default=True), *links]
    default = settings.get("index-url", "").strip() or settings.get("pypi-url", "").strip()
    extra = [_Place(text, root) for text in settings.get("extra-index-url", "").split()]
    places = [_Place(default or PYPI, root, default=True), *extra, *links]
    return places if default or extra or links else []


def _pip_settings() -> dict[str, str]:
    """Return pip's settings for `pip install`: files first, then the environment, the later ones counting more."""
    settings: dict[str, str] = {}
    commands: dict[str, str] = {}
    for file in _pip_files():
        parser = configparser.RawConfigParser()
        try:
            parser.read_string(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, configparser.Error) as error:
            reason = getattr(error, "message", type(error).__name__).partition("\n")[0]
            raise UsageError(
                f"pip's configuration {file} cannot be read: {shown(reason)}", "pip config debug"
            ) from error
        for section, into in (("global", settings), ("install", commands)):
            if parser.has_section(section):
                into.update({key.replace("_", "-").lower(): value for key, value in parser.items(section)})
    environment = {
        key.removeprefix("PIP_").replace("_", "-").lower(): value
        for key, value in os.environ.items()
        if key.startswith("PIP_") and value
    }
    return {**settings, **commands, **environment}


def _pip_files() -> Iterator[Path]:
    """Yield pip's configuration files that exist, the later ones counting more."""
    alone = os.environ.get("PIP_CONFIG_FILE")
    if alone == os.devnull:
        return
    name = "pip.ini" if os.name == "nt" else "pip.conf"
    found = list(_pip_system(name))
    if not (alone and Path(alone).exists()):  # which takes the place of the user's own
        found += _pip_user(name)
    found += [Path(sys.prefix, name), *([Path(alone)] if alone else [])]
    yield from (file for file in found if file.is_file())


def _pip_system(name: str) -> Iterator[Path]:
    if os.name == "nt":
        yield Path(os.environ.get("PROGRAMDATA", r"C:\ProgramData"), "pip", name)
        return
    if sys.platform == "darwin":
        yield Path("/Library/Application Support/pip", name)
    yield from (Path(each, "pip", name) for each in os.environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":"))
    yield Path("/etc", name)


def _pip_user(name: str) -> list[Path]:
    home = Path.home()
    if os.name == "nt":
        return [home / "pip" / name, Path(os.environ.get("APPDATA", home), "pip", name)]
    own = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    library = home / "Library" / "Application Support"
    if sys.platform == "darwin" and (library / "pip").is_dir():
        own = library
    return [home / ".pip" / name, own / "pip" / name]


# Both


def _network(pip: Mapping[str, str], tables: list[tuple[Path, dict[str, Any]]]) -> Network:
    environ = os.environ
    given = (pip.get("cert"), *(environ.get(key) for key in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")))
    hosts = pip.get("trusted-host", "").split() + environ.get("UV_INSECURE_HOST", "").split()
    hosts += [host for _, table in tables for host in _settings(table, "allow-insecure-host") if isinstance(host, str)]
    return Network(
        certificates=tuple(dict.fromkeys(place for place in given if place)),
        client_certificate=pip.get("client-cert") or environ.get("SSL_CLIENT_CERT"),
        insecure=frozenset(host.partition("://")[2] or host for host in hosts),
        proxy=pip.get("proxy"),
    )


def _own(url: str) -> tuple[str, str] | None:
    """Return name and password that are written in a URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if "@" not in parts.netloc or parts.scheme not in {"http", "https"}:
        return None
    return unquote(parts.username or ""), unquote(parts.password or "")


def _named(name: str | None) -> tuple[str, str] | None:
    """Return name and password that the environment has for an index of uv."""
    key = f"UV_INDEX_{variable(name)}" if name else ""
    user, password = os.environ.get(f"{key}_USERNAME"), os.environ.get(f"{key}_PASSWORD")
    return (user or "", password or "") if key and (user or password) else None


def variable(name: str) -> str:
    """Return how the name of an index is written within the name of an environment variable."""
    return re.sub(r"[^A-Z0-9]", "_", name.upper())


def _bare(url: str) -> str:
    """Return a URL without name and password; `UsageError` where nobody can tell which part of it they are."""
    if not url.startswith("file:") and ambiguous(url):
        raise UsageError(
            "the URL of a package index cannot be read: in a password, / must be written %2F, ? is %3F, # is %23;"
            " an @ in a path is %40",
            "python -c 'import getpass, urllib.parse as u; print(u.quote(getpass.getpass(), safe=str()))'",
        )
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _netrc(host: str) -> tuple[str, str] | None:
    """Return what netrc has for a host; a file that cannot be read counts as none, as it does for pip."""
    named = os.environ.get("NETRC")
    for file in [Path(named)] if named else [Path.home() / ".netrc", Path.home() / "_netrc"]:
        if file.is_file():
            try:
                found = netrc.netrc(str(file)).authenticators(host)
            except (OSError, netrc.NetrcParseError, UnicodeDecodeError):
                return None
            return (found[0], found[2] or "") if found else None
    return None


def _loopback(host: str) -> bool:
    """Tell whether what is sent to a host stays on this machine."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _alike(one: str, other: str) -> int:
    """Return how many characters two paths begin with in common."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (left, right) in pairs if left != right), min(len(one), len(other)))


def _true(text: str | None) -> bool:
    return (text or "").strip().lower() in _TRUE
