"""Discussions, as releases open them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fakegithub.documents import Document, node, user
from fakegithub.wire import Denied

if TYPE_CHECKING:
    from fakegithub.hub import Hub


def open_for(hub: Hub, category: str, title: str, body: str) -> Document:
    """Open a discussion in a category, or say that there is none of that name."""
    found = next((each for each in hub.categories if each.lower() == category.lower()), None)
    if found is None:
        raise Denied(404)
    number = hub.next("ticket")
    made = {
        "id": hub.next(),
        "node_id": node("D", number),
        "number": number,
        "title": title,
        "body": body,
        "category": {"name": found, "slug": found.lower().replace(" ", "-"), "node_id": node("DIC", found)},
        "user": user(hub, hub.login),
        "html_url": f"{hub.page}/discussions/{number}",
        "created_at": hub.now(),
    }
    hub.discussions.append(made)
    return made
