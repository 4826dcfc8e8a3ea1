"""The token that says who we are: where it is found, and that nobody gets to see it."""

from __future__ import annotations

import base64
import os
import re
from dataclasses import dataclass, field

from hephaestus import system
from hephaestus.errors import CouldNotRun, UsageError
from hephaestus.forge.github.address import Address, known

__all__ = ["Token", "find"]

_TOKEN = re.compile(r"[\x21-\x7e]+")
_VARIABLES = ("GH_TOKEN", "GITHUB_TOKEN")
_ENTERPRISE = ("GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN")


@dataclass(frozen=True)
class Token:
    """A token and where it came from: the name of a variable, or `gh`. It is shown to nobody."""

    value: str = field(repr=False)
    source: str = "GH_TOKEN"

    def __repr__(self) -> str:
        """Return a text without the token."""
        return "Token(…)"

    @property
    def basic(self) -> str:
        """What git sends for it, as the value of an `Authorization` header."""
        return f"Basic {base64.b64encode(f'x-access-token:{self.value}'.encode()).decode()}"

    def scrub(self, text: str) -> str:
        """Return a text without the token, in whichever form it is there."""
        for secret in (self.value, self.basic.removeprefix("Basic ")):
            text = text.replace(secret, "…")
        return text


def find(address: Address) -> Token | None:
    """Return the token for a server, or `None`: then only what is public can be seen.

    The environment is asked first, as `gh` does, and then what `gh` has kept for this host. What the environment holds
    goes to servers that are `known` to be GitHub only: any address may be given to an installation.

    Raises `UsageError` where a variable is set to what can be no token.
    """
    if known(address.host):
        usual = address.host == "github.com" or address.host.endswith(".ghe.com")
        for variable in _VARIABLES if usual else (*_ENTERPRISE, *_VARIABLES):
            value = os.environ.get(variable, "").strip()
            if value and not _TOKEN.fullmatch(value):
                raise UsageError(f"{variable} is set to something that is no token", f"unset {variable}")
            if value:
                return Token(value, variable)
    return _kept(address.host)


def _kept(host: str) -> Token | None:
    """Return what `gh` has kept for a host; no `gh`, or nothing kept, is no error."""
    # What it would read from its environment may be meant for another host.
    unset = dict.fromkeys((*_VARIABLES, *_ENTERPRISE), "")
    try:
        said = system.run(["gh", "auth", "token", "--hostname", host], extra=unset, check=False)
    except CouldNotRun:
        return None
    value = said.output.strip()
    return Token(value, "gh") if said.code == 0 and _TOKEN.fullmatch(value) else None
