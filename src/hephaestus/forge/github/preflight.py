"""Looking before a release: what GitHub would refuse, said before anything is made, and what nobody can tell then.

It is asked in three rounds, and the questions of a round at the same time: who we are and where, what is set up
there, and the details of that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from urllib.parse import quote

from hephaestus.errors import CouldNotRun
from hephaestus.forge import Finding, look
from hephaestus.forge.github import access, protection, refusals, rules
from hephaestus.forge.github.access import Access
from hephaestus.forge.github.asking import Reply, document, documents, together
from hephaestus.forge.github.client import Client, Seen
from hephaestus.forge.github.rules import Ruleset

__all__ = ["examine", "examine_withdrawal"]

# Among the details of rulesets; no ruleset has this number.
_PROTECTION = 0
_IMMUTABLE = "nothing can be changed after publish, and a tag that was published, deleted or not, cannot be used again"
_Questions = dict[str, Callable[[], Seen]]


def examine(client: Client, tag: str, branch: str | None) -> list[Finding]:
    """Look at all that a release of a tag needs; `branch` is the one its commit is pushed to, if it is.

    A server that does not answer is one finding, however much there was to ask it.
    """
    found: list[Finding] = []
    try:
        here = access.arrive(client)
        found += access.of_token(here) + access.of_repository(here, branch)
        if here.repository.document is not None:
            found += _of_settings(here, tag, branch)
    except CouldNotRun as error:
        found.append(_silent(client, error))
    return found


def examine_withdrawal(client: Client, tag: str) -> list[Finding]:
    """Look at what it takes to withdraw the published release of a tag and to remove the tag, and what stays."""
    found: list[Finding] = []
    try:
        here = access.arrive(client)
        found += access.of_token(here) + access.of_repository(here, None)
        if here.repository.document is None:
            return found
        release = {"release": document(client, f"releases/tags/{quote(tag, safe='')}")}
        seen = together(release | _about_tags(client))
        numbers = _in_force(seen["rulesets"])
        rulesets = _rulesets(client, together(_details(client, numbers)))
    except CouldNotRun as error:
        return [*found, _silent(client, error)]
    found.append(_of_release(tag, seen["release"]))
    return found + protection.of_removal(tag, seen["rulesets"], [rulesets.get(number) for number in numbers])


def _of_settings(here: Access, tag: str, branch: str | None) -> list[Finding]:
    """Return what the settings of the repository say to the push of branch and tag, and to what comes after it."""
    client = here.client
    asked = _about_tags(client) | _about_immutability(client) | (_about_branch(client, branch) if branch else {})
    seen = together(asked)
    for_tags, applied = _in_force(seen["rulesets"]), seen.get("applied", Reply())
    numbers = {*for_tags, *(rules.number(each, "ruleset_id") for each in applied.document or ())}
    details = _details(client, numbers)
    if branch and (seen["branch"].document or {}).get("protected"):
        details[_PROTECTION] = document(client, f"branches/{quote(branch, safe='')}/protection")
    more = together(details)
    rulesets = _rulesets(client, more)
    found = []
    if branch:
        protected = protection.Branch(
            branch,
            f"{client.address.page}/rules?ref={quote(f'refs/heads/{branch}', safe='')}",
            seen["branch"],
            more.get(_PROTECTION),
            applied,
            rulesets,
            here.login,
            here.may("admin"),
        )
        found += protection.of_branch(protected, tag)
    known = [rulesets.get(number) for number in for_tags]
    found += protection.of_tag(tag, seen["rulesets"], known, pushed=branch is not None)
    return [*found, _of_immutability(seen["immutable"], seen["latest"], admin=here.may("admin"))]


def _about_tags(client: Client) -> _Questions:
    return {"rulesets": documents(client, "rulesets", targets="tag", includes_parents="true")}


def _about_branch(client: Client, branch: str) -> _Questions:
    name = quote(branch, safe="")
    return {
        "branch": document(client, f"branches/{name}"),
        "applied": documents(client, f"rules/branches/{name}"),
    }


def _about_immutability(client: Client) -> _Questions:
    return {
        "immutable": document(client, "immutable-releases"),
        "latest": document(client, "releases/latest"),
    }


def _in_force(listed: Reply) -> list[int]:
    """Return the numbers of the rulesets that are not only tried out or switched off."""
    return [rules.number(each, "id") for each in listed.document or () if each.get("enforcement") == "active"]


def _details(client: Client, numbers: Iterable[int]) -> dict[int, Callable[[], Seen]]:
    return {number: document(client, f"rulesets/{number}", includes_parents="true") for number in numbers}


def _rulesets(client: Client, details: Mapping[int, Reply]) -> dict[int, Ruleset]:
    """Return the rulesets that GitHub shows, by their numbers."""
    shown = {number: reply.document for number, reply in details.items() if number != _PROTECTION and reply.document}
    return {number: rules.read(each, f"{client.address.page}/rules/{number}") for number, each in shown.items()}


def _of_immutability(reply: Reply, latest: Reply, *, admin: bool) -> Finding:
    """Return whether releases are immutable, by the setting, or by the last release where the setting is not shown."""
    about = "immutable releases"
    newest = latest.document or {}
    if (reply.document or {}).get("enabled"):
        return Finding(about, f"on: {_IMMUTABLE}")
    if reply.refused is None and (admin or reply.document is not None):
        return Finding(about, "off: a published release can be withdrawn")
    if newest.get("immutable"):
        return Finding(about, f"on, as {refusals.plain(newest.get('tag_name'))} is immutable: {_IMMUTABLE}")
    return Finding(
        about, f"whether they are on could not be told, only an administrator sees it; where they are, {_IMMUTABLE}"
    )


def _of_release(tag: str, reply: Reply) -> Finding:
    """Return what is lost when the published release of a tag is withdrawn."""
    about = f"release {tag}"
    if reply.refused is not None:
        return Finding(about, f"whether {tag} is published could not be told: {reply.refused.message}")
    if reply.document is None:
        return Finding(about, f"there is no published release {tag}")
    if reply.document.get("immutable"):
        return Finding(about, f"{tag} is immutable: it can be deleted, but no release can ever have that tag again")
    return Finding(about, f"{tag} is published and can be withdrawn")


def _silent(client: Client, error: CouldNotRun) -> Finding:
    """Return that the server does not answer, which is never as good as a yes."""
    return Finding("server", error.message, error.hint or look(client.address.page))
