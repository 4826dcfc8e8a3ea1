"""Who we are to GitHub and what the repository is to us: the first that is asked before a release, as findings."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hephaestus.forge import Finding, look
from hephaestus.forge.github import refusals, shapes
from hephaestus.forge.github.asking import Reply, document, together
from hephaestus.forge.github.client import Client

__all__ = ["Access", "arrive", "of_repository", "of_token"]

# Fewer requests than this may not be enough for a release.
_FEW = 100
# A number in a header, as a time not too far off to be one.
_NUMBER = re.compile(r"[0-9]{1,11}")
_UNAUTHORISED, _FORBIDDEN = 401, 403
_HAND_ON = "https://docs.github.com/actions/tutorials/authenticate-with-github_token"


@dataclass(frozen=True)
class Access:
    """Who asks and where: the replies of the first round."""

    client: Client
    user: Reply
    repository: Reply

    @property
    def facts(self) -> Mapping[str, Any]:
        """What GitHub says of the repository; empty where it shows none."""
        return self.repository.document or {}

    @property
    def login(self) -> str:
        """The user's name, empty for the token of an app."""
        return refusals.plain((self.user.document or {}).get("login", ""))

    @property
    def by_app(self) -> bool:
        """Whether the token belongs to an app, as that of a workflow does, and so to no user."""
        no = self.user.refused
        return no is not None and no.status == _FORBIDDEN and "by integration" in no.said

    def may(self, what: str) -> bool:
        """Tell whether the user has a permission on the repository."""
        return bool(shapes.table(self.facts, "permissions").get(what))


def arrive(client: Client) -> Access:
    """Ask who we are and what the repository is."""
    asked = {"repository": document(client, "")}
    if client.token is not None:
        asked["user"] = document(client, "/user")
    seen = together(asked)
    return Access(client, seen.get("user", Reply()), seen["repository"])


def of_token(here: Access) -> list[Finding]:
    """Return whether there is a token, whose it is, and whether it may do what a release needs."""
    client, refused = here.client, here.user.refused or here.repository.refused
    host = client.address.host
    if client.token is None:
        return [Finding("token", f"there is no token for {host}", _get_token(client))]
    if refused is not None and refused.status == _UNAUTHORISED:
        said = f"{refused.message}; it may have expired"
        return [Finding("token", said, refused.hint or refusals.log_in(client.address, client.token))]
    if here.by_app:
        source = client.token.source
        found = [
            Finding("token", f"{host} accepts the token from {source}, which is that of an app or a workflow"),
            Finding("workflow", "what the token of a workflow publishes or pushes starts no other workflow"),
            Finding("workflow", "the token of a workflow opens pull requests only where the settings allow that"),
        ]
    elif here.user.refused is not None:
        found = [Finding("token", f"whose token it is could not be told: {here.user.refused.message}")]
    else:
        found = [_about_scopes(here)]
    return found + _about_limit(here)


def _get_token(client: Client) -> str:
    """Return how to come by a token: in a workflow it is there to be handed on."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        return look(_HAND_ON)
    return refusals.log_in(client.address)


def _about_scopes(here: Access) -> Finding:
    token, address = here.client.token, here.client.address
    assert token is not None  # nobody else has scopes
    whose = f"the token from {token.source} is that of {here.login}"
    told = here.repository.headers.get("x-oauth-scopes")
    if told is None:
        return Finding("token", f"{whose}; which permissions it has could not be told, it needs to write contents")
    scopes = {scope.strip() for scope in told.split(",")}
    needed = "public_repo" if here.facts.get("private") is False else "repo"
    if scopes & {"repo", needed}:
        return Finding("token", f"{whose}, with the scope {' and '.join(sorted(scopes & {'repo', needed}))}")
    page = look(f"{address.server}/settings/tokens")
    refresh = shlex.join(["gh", "auth", "refresh", "--hostname", address.host, "--scopes", needed])
    return Finding("token", f"{whose}, but has not the scope {needed}", refresh if token.source == "gh" else page)


def _about_limit(here: Access) -> list[Finding]:
    """Return that few requests are left, where that is so."""
    told = here.repository.headers
    left, reset = told.get("x-ratelimit-remaining", ""), told.get("x-ratelimit-reset", "")
    if not _NUMBER.fullmatch(left) or int(left) >= _FEW:
        return []
    until = f" until {datetime.fromtimestamp(int(reset), UTC):%H:%M} UTC" if _NUMBER.fullmatch(reset) else ""
    return [Finding("rate limit", f"only {int(left)} requests are left{until}; then a release waits")]


def of_repository(here: Access, branch: str | None) -> list[Finding]:
    """Return whether the repository is there, takes changes, and takes them from us."""
    address, facts = here.client.address, here.facts
    slug = f"{address.owner}/{address.name}"
    refused = here.repository.refused
    if refused is not None:
        told = [Finding("repository", refused.message, refused.hint or look(address.page))]
        return [] if refused.status == _UNAUTHORISED else told  # the token is why, and that was said
    if not facts:
        said = f"{address.host} shows no repository {slug}"
        if here.client.token is None:
            return [Finding("repository", f"{said} without a token")]
        return [Finding("repository", f"{said} to this token", "git remote --verbose")]
    found = [_about_name(here, slug)]
    if facts.get("archived") or facts.get("disabled"):
        state = "archived" if facts.get("archived") else "disabled"
        found.append(Finding("repository", f"{slug} is {state} and takes no changes", look(f"{address.page}/settings")))
    found.append(_about_push(here, slug))
    default = refusals.plain(facts.get("default_branch", ""))
    other = f", not {branch}" if branch and default != branch else ""
    return [*found, Finding("default branch", f"the default branch is {default}{other}")]


def _about_name(here: Access, slug: str) -> Finding:
    facts = here.facts
    name = refusals.plain(facts.get("full_name") or slug)
    if name.lower() == slug.lower():
        return Finding("repository", f"{here.client.address.page} is reachable")
    address = shlex.quote(f"{here.client.address.server}/{name}.git")
    return Finding("repository", f"{slug} is called {name} now", f"git remote set-url origin {address}")


def _about_push(here: Access, slug: str) -> Finding:
    if here.client.token is None:
        return Finding("push access", "whether you may push could not be told without a token")
    if here.may("push"):
        return Finding("push access", f"you may push to {slug}")
    # What an app may do is not among the permissions of a user.
    if here.by_app or "permissions" not in here.facts:
        return Finding("push access", "whether the token may push could not be told; it needs to write contents")
    return Finding("push access", f"you may not push to {slug}", look(f"{here.client.address.page}/settings/access"))
