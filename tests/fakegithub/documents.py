"""The documents that many answers share: people, reactions, and the addresses of things."""

from __future__ import annotations

import base64
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fakegithub.hub import Hub

Document = dict[str, Any]
_OF_A_USER = (
    "followers",
    "following",
    "gists",
    "starred",
    "subscriptions",
    "orgs",
    "repos",
    "events",
    "received_events",
)
_NAMED = {"orgs": "organizations"}


def node(kind: str, number: object) -> str:
    """Return the id of a thing for GraphQL."""
    return f"{kind}_" + base64.urlsafe_b64encode(str(number).encode()).decode().rstrip("=")


def user(hub: Hub, login: str) -> Document:
    """Return somebody as every answer names him."""
    number, address = zlib.crc32(login.encode()) % 10**6, f"{hub.api}/users/{login}"
    return {
        "login": login,
        "id": number,
        "node_id": node("U", number),
        "avatar_url": f"{hub.url}/avatars/{login}",
        "gravatar_id": "",
        "url": address,
        "html_url": f"{hub.url}/{login}",
        **{f"{_NAMED.get(name, name)}_url": f"{address}/{name}" for name in _OF_A_USER},
        "type": hub.owner_type if login == hub.owner else "User",
        "user_view_type": "public",
        "site_admin": False,
    }


def team(hub: Hub, slug: str) -> Document:
    """Return a team of the owner."""
    number = zlib.crc32(slug.encode()) % 10**6
    return {
        "id": number,
        "node_id": node("T", number),
        "name": slug.title(),
        "slug": slug,
        "description": None,
        "privacy": "closed",
        "notification_setting": "notifications_enabled",
        "url": f"{hub.api}/organizations/1/team/{number}",
        "html_url": f"{hub.url}/orgs/{hub.owner}/teams/{slug}",
        "members_url": f"{hub.api}/organizations/1/team/{number}/members{{/member}}",
        "repositories_url": f"{hub.api}/organizations/1/team/{number}/repos",
        "permission": "pull",
        "type": "organization",
        "organization_id": 1,
    }
