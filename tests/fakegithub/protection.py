"""What may not be done to branches and tags: protected branches, rulesets, and tags of immutable releases."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fakegithub import refs
from fakegithub.documents import Document, node
from fakegithub.wire import Answer, Denied, Request, paged, route

if TYPE_CHECKING:
    from fakegithub.hub import Hub

_PARAMETERS = {
    "pull_request": {
        "dismiss_stale_reviews_on_push": False,
        "require_code_owner_review": False,
        "require_last_push_approval": False,
        "required_approving_review_count": 1,
        "required_review_thread_resolution": False,
    },
    "required_status_checks": {"required_status_checks": [], "strict_required_status_checks_policy": False},
}


@route("GET", "/~/branches/{branch}")
def _branch(hub: Hub, request: Request) -> Answer:
    branch = request.parameters["branch"]
    identity = hub.repository.resolve(f"refs/heads/{branch}")
    if identity is None:
        raise Denied(404, "Branch not found")
    protected = branch in hub.protections or bool(_binding(hub, f"refs/heads/{branch}"))
    address = f"{hub.here}/branches/{branch}"
    checks = {"enforcement_level": "off", "contexts": [], "checks": []}
    return Answer(
        200,
        {
            "name": branch,
            "commit": refs.commit(hub, identity),
            "_links": {"self": address, "html": f"{hub.page}/tree/{branch}"},
            "protected": protected,
            "protection": {"enabled": branch in hub.protections, "required_status_checks": checks},
            "protection_url": f"{address}/protection",
        },
    )


@route("GET", "/~/branches/{branch}/protection", needs="admin")
def _protection(hub: Hub, request: Request) -> Answer:
    found = hub.protections.get(request.parameters["branch"])
    if found is None:
        raise Denied(404, "Branch not protected")
    return Answer(200, found)


@route("GET", "/~/rulesets")
def _listed(hub: Hub, request: Request) -> Answer:
    targets = request.query.get("targets", "branch,tag,push").split(",")
    unsaid = {"rules", "conditions", "bypass_actors", "current_user_can_bypass"}
    shown = [
        {name: value for name, value in each.items() if name not in unsaid}
        for each in hub.rulesets
        if each["target"] in targets
    ]
    return paged(request, shown, f"{hub.here}/rulesets")


@route("GET", "/~/rulesets/{ruleset_id}")
def _one(hub: Hub, request: Request) -> Answer:
    for each in hub.rulesets:
        if each["id"] == request.number("ruleset_id") and each["id"] not in hub.hidden:
            hidden = set() if request.may("write") else {"bypass_actors"}
            return Answer(200, {name: value for name, value in each.items() if name not in hidden})
    raise Denied(404)


@route("GET", "/~/rules/branches/{branch}")
def _of_branch(hub: Hub, request: Request) -> Answer:
    shown = [
        {**rule, "ruleset_source_type": "Repository", "ruleset_source": each["source"], "ruleset_id": each["id"]}
        for each in _binding(hub, f"refs/heads/{request.parameters['branch']}", bypassing=True)
        for rule in each["rules"]
    ]
    return paged(request, shown, f"{hub.here}/rules/branches/{request.parameters['branch']}")


@route("GET", "/~/immutable-releases", needs="admin")
def _immutable(hub: Hub, _request: Request) -> Answer:
    if not hub.immutable:
        raise Denied(404)
    return Answer(200, {"enabled": True, "enforced_by_owner": False})


@route("PUT", "/~/immutable-releases", needs="admin")
def _make_immutable(hub: Hub, _request: Request) -> Answer:
    hub.immutable = True
    return Answer(204)


@route("DELETE", "/~/immutable-releases", needs="admin")
def _make_mutable(hub: Hub, _request: Request) -> Answer:
    hub.immutable = False
    return Answer(204)


def protect(hub: Hub, branch: str, *, admins: bool) -> None:
    """Protect a branch: changes come by pull request."""
    address = f"{hub.here}/branches/{branch}/protection"
    hub.protections[branch] = {
        "url": address,
        "required_pull_request_reviews": {
            "url": f"{address}/required_pull_request_reviews",
            "dismiss_stale_reviews": False,
            "require_code_owner_reviews": False,
            "require_last_push_approval": False,
            "required_approving_review_count": 1,
        },
        "required_signatures": {"url": f"{address}/required_signatures", "enabled": False},
        "enforce_admins": {"url": f"{address}/enforce_admins", "enabled": admins},
        **{
            name: {"enabled": False}
            for name in (
                *("required_linear_history", "allow_force_pushes", "allow_deletions", "block_creations"),
                *("required_conversation_resolution", "lock_branch", "allow_fork_syncing"),
            )
        },
    }


def add(hub: Hub, target: str, pattern: str, rules: Sequence[str], *, bypass: bool) -> Document:
    """Add a ruleset for the branches or tags of a pattern."""
    number = hub.next()
    actor = {"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always"}
    made = {
        "id": number,
        "name": f"{target} rules {number}",
        "target": target,
        "source_type": "Repository",
        "source": f"{hub.owner}/{hub.name}",
        "enforcement": "active",
        "bypass_actors": [actor] if bypass else [],
        "current_user_can_bypass": "always" if bypass else "never",
        "node_id": node("RRS", number),
        "_links": {
            "self": {"href": f"{hub.here}/rulesets/{number}"},
            "html": {"href": f"{hub.page}/rules/{number}"},
        },
        "conditions": {"ref_name": {"include": [pattern], "exclude": []}},
        "rules": [_rule(kind) for kind in rules],
        "created_at": hub.now(),
        "updated_at": hub.now(),
    }
    hub.rulesets.append(made)
    return made


def write(hub: Hub) -> None:
    """Write down for the update hook what it shall refuse."""
    admin = hub.permission == "admin"
    immutable = [each["tag_name"] for each in hub.releases if each["immutable"]]
    hub.repository.write_rules(
        {
            "default": f"refs/heads/{hub.default_branch}",
            "page": hub.page,
            "protected": {
                f"refs/heads/{branch}": not admin or found["enforce_admins"]["enabled"]
                for branch, found in hub.protections.items()
            },
            "burned": [f"refs/tags/{tag}" for tag in hub.burned],
            "immutable": [f"refs/tags/{tag}" for tag in immutable],
            "rulesets": [
                {**each["conditions"]["ref_name"], "rules": [rule["type"] for rule in each["rules"]], "id": each["id"]}
                for each in hub.rulesets
                if _binds(each)
            ],
        }
    )


def refusal(hub: Hub, name: str, old: str | None, new: str | None) -> str | None:
    """Return what the rules say against a change of a ref, or nothing; the update hook is asked."""
    write(hub)
    command = ["hooks/update", name, old or "0" * 40, new or "0" * 40]
    done = subprocess.run(command, cwd=hub.bare, check=False, capture_output=True, text=True)
    if not done.returncode:
        return None
    reasons = [line.removeprefix("- ") for line in done.stderr.splitlines() if line.startswith("- ")]
    return "\n".join(["Repository rule violations found", "", *reasons])


def _rule(kind: str) -> Document:
    return {"type": kind, **({"parameters": _PARAMETERS[kind]} if kind in _PARAMETERS else {})}


def _binds(ruleset: Document) -> bool:
    return ruleset["enforcement"] == "active" and ruleset["current_user_can_bypass"] != "always"


def _binding(hub: Hub, name: str, *, bypassing: bool = False) -> list[Document]:
    """Return the rulesets that are about a ref; those the caller may bypass only where that is wanted."""
    from fakegithub.update_hook import concerns

    default = f"refs/heads/{hub.default_branch}"
    found = [
        each
        for each in hub.rulesets
        if each["target"] == name.split("/")[1].replace("heads", "branch").replace("tags", "tag")
    ]
    return [
        each
        for each in found
        if (bypassing or _binds(each)) and concerns(each["conditions"]["ref_name"], name, default)
    ]
