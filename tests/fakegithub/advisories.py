"""Security advisories, which only those who look after the repository see before they are published."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from fakegithub.documents import Document, user
from fakegithub.wire import Answer, Denied, Request, invalid, route

if TYPE_CHECKING:
    from fakegithub.hub import Hub

_DIGITS = "23456789cfghjmpqrvwx"
_WORDS = ("summary", "description", "severity", "cve_id", "cwe_ids", "credits")


@route("GET", "/~/security-advisories")
def _listed(hub: Hub, request: Request) -> Answer:
    _offered(hub)
    state, size = request.query.get("state"), int(request.query.get("per_page", "30"))
    seen = [each for each in hub.advisories[::-1] if each["state"] == (state or each["state"])]
    seen = hub.seen(
        "advisory", [each for each in seen if each["state"] == "published" or request.may("admin")], "ghsa_id"
    )
    start = int(request.query.get("after", "0"))
    more = f'<{hub.here}/security-advisories?per_page={size}&after={start + size}>; rel="next"'
    return Answer(200, seen[start : start + size], {"Link": more} if len(seen) > start + size else {})


@route("POST", "/~/security-advisories", needs="admin")
def _create(hub: Hub, request: Request) -> Answer:
    _offered(hub)
    wanted = request.fields
    for name in ("summary", "description", "vulnerabilities"):
        if wanted.get(name) is None:
            raise invalid("RepositoryAdvisory", name, "missing_field")
    if (wanted.get("severity") is None) == (wanted.get("cvss_vector_string") is None):
        raise Denied(422, "Invalid request.\n\nSet either severity or cvss_vector_string, and not both.")
    made = _begun(hub)
    _apply(made, wanted)
    hub.advisories.append(made)
    hub.lagging("advisory", made["ghsa_id"])
    return Answer(201, made)


@route("GET", "/~/security-advisories/{ghsa_id}")
def _one(hub: Hub, request: Request) -> Answer:
    return Answer(200, _get(hub, request))


@route("PATCH", "/~/security-advisories/{ghsa_id}", needs="admin")
def _edit(hub: Hub, request: Request) -> Answer:
    found, wanted = _get(hub, request), request.fields
    _apply(found, wanted)
    found["state"], found["updated_at"] = wanted.get("state", found["state"]), hub.now()
    if found["state"] == "published":
        found.update(published_at=hub.now(), publisher=user(hub, hub.login))
    return Answer(200, found)


def _begun(hub: Hub) -> Document:
    chance = random.Random(hub.next())
    ghsa = "-".join(["GHSA", *("".join(chance.choices(_DIGITS, k=4)) for _ in range(3))])
    nothing = (
        *("cve_id", "publisher", "published_at", "closed_at", "withdrawn_at", "submission", "severity", "cwe_ids"),
        *("private_fork", "collaborating_users", "collaborating_teams"),
    )
    return {
        "ghsa_id": ghsa,
        "url": f"{hub.here}/security-advisories/{ghsa}",
        "html_url": f"{hub.page}/security/advisories/{ghsa}",
        **dict.fromkeys(nothing),
        "author": user(hub, hub.login),
        "identifiers": [{"value": ghsa, "type": "GHSA"}],
        "state": "draft",
        "created_at": hub.now(),
        "updated_at": hub.now(),
        "cvss": {"vector_string": None, "score": None},
        "cwes": [],
        "credits": [],
        "credits_detailed": [],
    }


def _apply(advisory: Document, wanted: Document) -> None:
    advisory.update({name: wanted[name] for name in _WORDS if name in wanted})
    if wanted.get("cvss_vector_string"):
        advisory["cvss"] = {"vector_string": wanted["cvss_vector_string"], "score": 7.5}
    if wanted.get("vulnerabilities") is not None:
        unsaid = {"patched_versions": None, "vulnerable_functions": None, "vulnerable_version_range": None}
        advisory["vulnerabilities"] = [{**unsaid, **each} for each in wanted["vulnerabilities"]]


def _offered(hub: Hub) -> None:
    if not hub.advisories_enabled:
        raise Denied(404)


def _get(hub: Hub, request: Request) -> Document:
    _offered(hub)
    for each in hub.advisories:
        if each["ghsa_id"] == request.parameters["ghsa_id"] and (each["state"] == "published" or request.may("admin")):
            return each
    raise Denied(404)
