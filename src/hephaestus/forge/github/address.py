"""Where a repository is on GitHub: its server, the API of that server, its owner and its name.

Addresses come from settings, git remotes and the environment; what is no address of a repository is `None` or an error.
"""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from hephaestus.errors import UsageError

__all__ = ["Address", "address", "known"]

_OWNER = r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}"
_NAME = r"(?!\.{1,2}$)(?!\.git$)[A-Za-z0-9._-]{1,100}"
_SLUG = re.compile(rf"({_OWNER})/({_NAME})")
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]{0,250}[a-z0-9])?|\[[0-9a-f:]+\])(?::[0-9]{1,5})?")
# As git has it: no slash before the colon, and one letter would be a drive of Windows.
_SCP = re.compile(r"(?:[^@:/\\]+@)?([^@:/\\]{2,}|\[[0-9A-Fa-f:]+\]):/?([^:\\]+)")
# Other names of github.com: the one for ssh on the port of https, and the one people type.
_ALIASES = {"ssh.github.com": "github.com", "www.github.com": "github.com"}


@dataclass(frozen=True)
class Address:
    """A repository: `server` is the root of the web pages, `api` that of the REST interface, neither ends with `/`."""

    server: str
    api: str
    owner: str
    name: str

    @property
    def host(self) -> str:
        """The host of the server, with its port where it has one."""
        return self.server.partition("://")[2]

    @property
    def is_local(self) -> bool:
        """Whether the API is on this machine, so that nobody is on the way."""
        return _loopback(urlsplit(self.api).netloc)

    @property
    def page(self) -> str:
        """The web page of the repository."""
        return f"{self.server}/{self.owner}/{self.name}"

    @property
    def root(self) -> str:
        """Where the API has the repository."""
        return f"{self.api}/repos/{self.owner}/{self.name}"

    @property
    def graphql(self) -> str:
        """Where the API takes GraphQL."""
        return f"{self.api.removesuffix('/v3')}/graphql"

    @property
    def uploads(self) -> str:
        """The scheme and host that take files: their own on github.com and ghe.com, else the server's."""
        own = self.host == "github.com" or self.host.endswith(".ghe.com")
        return f"https://uploads.{self.host}" if own else self.server


def address(setting: str | None, remote: str | None) -> Address | None:
    """Return the repository a setting names, or `None` where the setting is about something else.

    `github` is the repository of `remote`, the address of a git remote, on whatever host that is;
    `github:OWNER/NAME` is on GH_HOST, else on the server of GITHUB_SERVER_URL, else on github.com;
    `https://HOST/OWNER/NAME` says all there is to say.
    `None` is the repository of `remote`, where its host is `known` to be GitHub.

    Raises `UsageError` where the setting is `github` and the remote has no such repository, and where the server would
    have to be spoken to in the clear.
    """
    if setting is None:
        found = _remote(remote)
        return _on(*found) if found and known(found[0].partition("://")[2]) else None
    if setting == "github":
        found = _remote(remote)
        if found is None:
            raise UsageError(
                f"the forge is github, but {remote or 'the remote'} is not the address of a repository there",
                "git remote --verbose",
            )
        return _on(*found)
    kind, colon, rest = setting.partition(":")
    slug = _SLUG.fullmatch(rest) if kind == "github" and colon else None
    if slug is not None:
        return _on(_default_server(), slug[1], slug[2])
    if kind.lower() in {"https", "http"}:
        return _written(setting)
    return None


def known(host: str) -> bool:
    """Tell whether a host is GitHub for sure: github.com, ghe.com, or one that the environment names as such."""
    named = {each.partition("://")[2] for each in (_server_url(), _gh_host()) if each}
    return host == "github.com" or host.endswith(".ghe.com") or host in named


def _written(setting: str) -> Address | None:
    """Return the repository of a web address."""
    found = _url(setting)
    if found is None:
        return None
    if setting.lower().startswith("http:") and found[0].startswith("https:"):
        raise UsageError(
            f"{setting} would be spoken to in the clear, so that everybody on the way could read the token",
            "grep -n 'forge' pyproject.toml",
        )
    return _on(*found)


def _remote(remote: str | None) -> tuple[str, str, str] | None:
    """Return server, owner and name of the repository a git remote is, whichever form its address has."""
    if remote is None or any(not letter.isprintable() or letter.isspace() for letter in remote):
        return None
    if "://" in remote:
        return _url(remote)
    scp = _SCP.fullmatch(remote)
    return _split(f"ssh://{scp[1]}/{scp[2]}") if scp else None


def _url(text: str) -> tuple[str, str, str] | None:
    if any(not letter.isprintable() or letter.isspace() for letter in text):
        return None  # urlsplit would pass over some of them in silence
    return _split(text)


def _split(url: str) -> tuple[str, str, str] | None:
    """Return server, owner and name from a URL of https, http, ssh or git."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    slug = _SLUG.fullmatch(parts.path.strip("/").removesuffix(".git"))
    web = parts.scheme in {"https", "http"}
    if slug is None or parts.query or parts.fragment or not (web or parts.scheme in {"ssh", "git", "git+ssh"}):
        return None
    name = parts.hostname or ""
    host = f"[{name}]" if ":" in name else name
    if web and port is not None and port != {"https": 443, "http": 80}[parts.scheme]:
        host = f"{host}:{port}"  # another port of ssh or git says nothing about the web
    host = _ALIASES.get(host, host)
    if not _HOST.fullmatch(host):
        return None
    return _server(host, web=web, plain=parts.scheme == "http"), slug[1], slug[2]


def _server(host: str, *, web: bool = True, plain: bool = False) -> str:
    """Return the root of a server's web pages, as the environment names it where it does.

    A host that was not found on the `web`, as that of ssh, says nothing about the port of the web pages.
    """
    named = _server_url()
    full = named.partition("://")[2]
    if named and (host == full or (not web and host == re.sub(r":\d+$", "", full))):
        return named
    return f"{'http' if plain and _loopback(host) else 'https'}://{host}"


def _on(server: str, owner: str, name: str) -> Address:
    return Address(server, _api(server), owner, name)


def _api(server: str) -> str:
    """Return the root of a server's API: the one the environment names for it, else where GitHub has it."""
    host = server.partition("://")[2]
    if server == _server_url() and os.environ.get("GITHUB_API_URL"):
        return _environment_url("GITHUB_API_URL")
    if host == "github.com" or host.endswith(".ghe.com"):
        return f"https://api.{host}"
    return f"{server}/api/v3"


def _default_server() -> str:
    return _gh_host() or _server_url() or "https://github.com"


def _server_url() -> str:
    """Return the server that GITHUB_SERVER_URL names, empty for none."""
    # Gitea and Forgejo set it for the actions they run, and are not GitHub.
    elsewhere = any(os.environ.get(name) for name in ("GITEA_ACTIONS", "FORGEJO_ACTIONS"))
    if elsewhere or not os.environ.get("GITHUB_SERVER_URL"):
        return ""
    return _environment_url("GITHUB_SERVER_URL")


def _gh_host() -> str:
    """Return the server that GH_HOST names, empty for none."""
    host = os.environ.get("GH_HOST", "").lower()
    if not host:
        return ""
    if not _HOST.fullmatch(host):
        raise UsageError(f"GH_HOST is no host: {host!r}", "unset GH_HOST")
    return _server(_ALIASES.get(host, host))


def _environment_url(variable: str) -> str:
    """Return a URL from the environment without a slash at its end, if a token may be sent there."""
    url = os.environ[variable].rstrip("/")
    try:
        parts = urlsplit(url)
        host = parts.netloc.lower()
    except ValueError:
        host, parts = "", urlsplit("")
    secure = parts.scheme == "https" or (parts.scheme == "http" and _loopback(host))
    path = re.fullmatch(r"(?:/[A-Za-z0-9._-]+)*", parts.path)
    if not (secure and _HOST.fullmatch(host) and path) or parts.query or parts.fragment:
        raise UsageError(f"{variable} is no https address of a server: {url!r}", f"unset {variable}")
    return f"{parts.scheme}://{host}{parts.path}"


def _loopback(host: str) -> bool:
    """Tell whether a host is this machine, where nobody is on the way."""
    name = re.sub(r":\d+$", "", host).strip("[]")
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
