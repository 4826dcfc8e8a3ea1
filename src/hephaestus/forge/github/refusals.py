"""What GitHub says when it says no, in words and with the command that helps."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from hephaestus import system
from hephaestus.forge import look
from hephaestus.forge.github.address import Address
from hephaestus.forge.github.token import Token
from hephaestus.forge.github.wire import Answer

__all__ = ["Refusal", "log_in", "plain", "refusal"]

_LONGEST = 400
_SSO = re.compile(r"url=(https?://[^\s;,]+)")


@dataclass(frozen=True)
class Refusal:
    """Why GitHub said no: the codes of the errors it lists, its own words, what to tell people, and a command."""

    codes: frozenset[str]
    said: str
    message: str
    hint: str


def plain(text: object) -> str:
    """Return what a server says as one line of a sensible length that moves no cursor."""
    words = "".join(letter if letter.isprintable() else " " for letter in str(text)).split()
    line = " ".join(words)
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]} …"


def log_in(address: Address, token: Token | None = None) -> str:
    """Return a command that gets a token, or another one than the one that was no use."""
    if token is not None and token.source != "gh":
        return f"unset {token.source} && gh auth login --hostname {shlex.quote(address.host)}"
    if system.program("gh"):
        return f"gh auth login --hostname {shlex.quote(address.host)}"
    return f"export GH_TOKEN=…  # made on {address.server}/settings/tokens"


def refusal(answer: Answer, what: str, address: Address, token: Token | None) -> Refusal:
    """Return why GitHub refused `what`, such as `POST releases`, and what helps."""
    document = _document(answer)
    errors = [each for each in document.get("errors") or [] if isinstance(each, dict)]
    # REST has a code, GraphQL a type.
    told = (each.get("code") or each.get("type") for each in errors)
    codes = frozenset(code for code in told if isinstance(code, str))
    parts = [document.get("message"), *(each.get("message") or _about(each) for each in errors)]
    said = plain("; ".join(dict.fromkeys(str(part) for part in parts if part)))
    reason, hint = _help(answer, address, token)
    words = f"{answer.status}: {said}" if said else str(answer.status)
    return Refusal(codes, said, f"{reason or f'GitHub refused {what}'} ({words})", hint)


def _document(answer: Answer) -> dict[str, Any]:
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _about(error: dict[str, Any]) -> str:
    """Return a listed error that has no words of its own."""
    return " ".join(str(error[key]) for key in ("resource", "field", "code") if isinstance(error.get(key), str))


def _help(answer: Answer, address: Address, token: Token | None) -> tuple[str, str]:
    """Return what it comes from, where the status tells, and a command."""
    page = look(address.page)
    if answer.status == 401:  # noqa: PLR2004  (unauthorised)
        whose = f"the token from {token.source}" if token else "a request without a token"
        return f"{address.host} does not accept {whose}", log_in(address, token)
    if answer.status == 403:  # noqa: PLR2004  (forbidden)
        return _forbidden(answer, address, token)
    if answer.status == 404:  # noqa: PLR2004  (not found)
        slug = f"{address.owner}/{address.name}"
        if token is None:
            return f"{address.host} has no such thing on {slug}, or does not show it without a token", log_in(address)
        return f"{address.host} has no such thing on {slug}, or does not show it to this token", page
    return "", page


def _forbidden(answer: Answer, address: Address, token: Token | None) -> tuple[str, str]:
    sso = _SSO.search(answer.headers.get("x-github-sso", ""))
    if sso and urlsplit(sso[1]).netloc.lower() == address.host:
        return "the token must be let into the organisation first", look(plain(sso[1]))
    if token is None:
        return "that needs a token", log_in(address)
    fine, scopes = (
        plain(answer.headers.get(name, "")) for name in ("x-accepted-github-permissions", "x-accepted-oauth-scopes")
    )
    if fine:
        page = f"{address.server}/settings/personal-access-tokens"
        return f"the token lacks a permission (needed: {fine})", look(page)
    if scopes and token.source == "gh":
        words = ["gh", "auth", "refresh", "--hostname", address.host, "--scopes", scopes.replace(" ", "")]
        return f"the token lacks a scope (needed: {scopes})", shlex.join(words)
    if scopes:
        page = f"{address.server}/settings/tokens"
        return f"the token lacks a scope (needed: {scopes})", look(page)
    return "", look(address.page)
