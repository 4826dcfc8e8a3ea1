"""Refs, tags and commits of the git repository, as the API shows and changes them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fakegithub import documents, protection
from fakegithub.documents import Document, node
from fakegithub.wire import Answer, Denied, Request, paged, route

if TYPE_CHECKING:
    from fakegithub.hub import Hub

_UNSIGNED = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}


@route("GET", "/~/git/ref/{ref}")
def _one(hub: Hub, request: Request) -> Answer:
    return Answer(200, _shown(hub, _existing(hub, request)))


@route("GET", "/~/git/matching-refs/{ref}")
def _matching(hub: Hub, request: Request) -> Answer:
    found = hub.repository.refs(f"refs/{request.parameters['ref']}")
    return Answer(200, [_shown(hub, name) for name in found])


@route("POST", "/~/git/refs")
def _create(hub: Hub, request: Request) -> Answer:
    name, new = request.fields.get("ref", ""), request.fields.get("sha", "")
    if not re.fullmatch(r"refs/\w+/[^\s~^:?*\[\\]+", name):
        raise Denied(422, "Reference name is not valid")
    if hub.repository.resolve(name):
        raise Denied(422, "Reference already exists")
    _object(hub, new)
    _allowed(hub, name, None, new)
    hub.repository.put(name, new)
    return Answer(201, _shown(hub, name))


@route("PATCH", "/~/git/refs/{ref}")
def _move(hub: Hub, request: Request) -> Answer:
    name, new = f"refs/{request.parameters['ref']}", request.fields.get("sha", "")
    old = hub.repository.resolve(name)
    if old is None:
        raise Denied(422, "Reference does not exist")
    _object(hub, new)
    if not request.fields.get("force", False) and not hub.repository.is_ancestor(old, new):
        raise Denied(422, "Update is not a fast forward")
    _allowed(hub, name, old, new)
    hub.repository.put(name, new)
    return Answer(200, _shown(hub, name))


@route("DELETE", "/~/git/refs/{ref}")
def _delete(hub: Hub, request: Request) -> Answer:
    name = f"refs/{request.parameters['ref']}"
    old = hub.repository.resolve(name)
    if old is None:
        raise Denied(422, "Reference does not exist")
    _allowed(hub, name, old, None)
    hub.repository.remove(name)
    return Answer(204)


@route("GET", "/~/git/tags/{tag_sha}")
def _tag(hub: Hub, request: Request) -> Answer:
    identity = request.parameters["tag_sha"]
    if not hub.repository.resolve(f"{identity}^{{tag}}"):
        raise Denied(404)
    head, _, message = hub.repository.git("cat-file", "tag", identity).partition("\n\n")
    facts = dict(line.split(" ", 1) for line in head.splitlines())
    return Answer(
        200,
        {
            "node_id": node("TA", identity),
            "sha": identity,
            "url": f"{hub.here}/git/tags/{identity}",
            "tagger": _person(facts["tagger"]),
            "object": _pointer(hub, facts["object"]),
            "tag": facts["tag"],
            "message": message,
            "verification": _UNSIGNED,
        },
    )


@route("GET", "/~/git/commits/{commit_sha}")
def _git_commit(hub: Hub, request: Request) -> Answer:
    identity = _commit(hub, request.parameters["commit_sha"])
    shown = commit(hub, identity)
    return Answer(
        200,
        {
            **{name: shown[name] for name in ("sha", "node_id", "html_url", "parents")},
            **{
                name: shown["commit"][name]
                for name in ("author", "committer", "tree", "message", "verification", "url")
            },
        },
    )


@route("GET", "/~/commits/{ref}")
def _of_ref(hub: Hub, request: Request) -> Answer:
    identity = hub.repository.resolve(f"{request.parameters['ref']}^{{commit}}")
    if identity is None:
        raise Denied(422, f"No commit found for SHA: {request.parameters['ref']}")
    return Answer(200, commit(hub, identity))


@route("GET", "/~/tags")
def _tags(hub: Hub, request: Request) -> Answer:
    found = [name.removeprefix("refs/tags/") for name in hub.repository.refs("refs/tags/")]
    shown = []
    for name in reversed(found):
        identity = _commit(hub, f"refs/tags/{name}")
        archives = {f"{kind}_url": f"{hub.here}/{kind}/refs/tags/{name}" for kind in ("zipball", "tarball")}
        pointer = {"sha": identity, "url": f"{hub.here}/commits/{identity}"}
        shown.append({"name": name, "commit": pointer, "node_id": node("REF", name), **archives})
    return paged(request, shown, f"{hub.here}/tags")


@route("GET", "/~/compare/{basehead}")
def _compare(hub: Hub, request: Request) -> Answer:
    basehead = request.parameters["basehead"]
    base, _, head = basehead.partition("...")
    old, new = _commit(hub, base), _commit(hub, head)
    joint = hub.repository.git("merge-base", old, new)
    ahead = hub.repository.git("rev-list", "--reverse", f"{old}..{new}").split()
    behind = hub.repository.git("rev-list", f"{new}..{old}").split()
    status = {(False, False): "identical", (True, False): "ahead", (False, True): "behind"}
    return Answer(
        200,
        {
            "url": f"{hub.here}/compare/{basehead}",
            **{f"{name}url": f"{hub.page}/compare/{basehead}" for name in ("html_", "permalink_", "diff_", "patch_")},
            "base_commit": commit(hub, old),
            "merge_base_commit": commit(hub, joint),
            "status": status.get((bool(ahead), bool(behind)), "diverged"),
            "ahead_by": len(ahead),
            "behind_by": len(behind),
            "total_commits": len(ahead),
            "commits": [commit(hub, each) for each in ahead[:250]],
            "files": [],
        },
    )


def commit(hub: Hub, identity: str) -> Document:
    """Return a commit as most of the API shows it."""
    shown = hub.repository.git("show", "-s", "--format=%T%n%P%n%an%n%ae%n%aI%n%cn%n%ce%n%cI%n%B", identity)
    tree, parents, *people = shown.split("\n", 8)
    *people, message = people
    persons = [dict(zip(("name", "email", "date"), people[start : start + 3], strict=True)) for start in (0, 3)]
    return {
        "url": f"{hub.here}/commits/{identity}",
        "sha": identity,
        "node_id": node("C", identity),
        "html_url": f"{hub.page}/commit/{identity}",
        "comments_url": f"{hub.here}/commits/{identity}/comments",
        "commit": {
            "url": f"{hub.here}/git/commits/{identity}",
            "author": persons[0],
            "committer": persons[1],
            "message": message.rstrip("\n"),
            "comment_count": 0,
            "tree": {"sha": tree, "url": f"{hub.here}/git/trees/{tree}"},
            "verification": _UNSIGNED,
        },
        "author": documents.user(hub, hub.login),
        "committer": documents.user(hub, hub.login),
        "parents": [
            {"sha": each, "url": f"{hub.here}/commits/{each}", "html_url": f"{hub.page}/commit/{each}"}
            for each in parents.split()
        ],
    }


def _shown(hub: Hub, name: str) -> Document:
    identity = hub.repository.resolve(name)
    assert identity is not None
    address = f"{hub.here}/git/{name}"
    return {"ref": name, "node_id": node("REF", name), "url": address, "object": _pointer(hub, identity)}


def _pointer(hub: Hub, identity: str) -> Document:
    kind = hub.repository.kind(identity)
    return {"sha": identity, "type": kind, "url": f"{hub.here}/git/{kind}s/{identity}"}


def _person(line: str) -> Document:
    found = re.fullmatch(r"(.*) <(.*)> (\d+) [+-]\d+", line)
    assert found is not None
    import time

    return {
        "name": found[1],
        "email": found[2],
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(found[3]))),
    }


def _existing(hub: Hub, request: Request) -> str:
    name = f"refs/{request.parameters['ref']}"
    if name not in hub.repository.refs(name):
        raise Denied(404)
    return name


def _object(hub: Hub, identity: str) -> None:
    if not re.fullmatch(r"[0-9a-f]{40}", identity) or not hub.repository.resolve(f"{identity}^{{object}}"):
        raise Denied(422, "Object does not exist")


def _commit(hub: Hub, name: str) -> str:
    found = hub.repository.resolve(f"{name}^{{commit}}")
    if found is None:
        raise Denied(404)
    return found


def _allowed(hub: Hub, name: str, old: str | None, new: str | None) -> None:
    said = protection.refusal(hub, name, old, new)
    if said:
        raise Denied(422, said)
