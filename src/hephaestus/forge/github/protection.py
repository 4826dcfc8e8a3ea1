"""What protects a branch or a tag, as findings: what is in the way of a release, and what cannot be told.

All of it is read from replies that were fetched before; a reply that is missing is never taken for a yes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hephaestus.forge import Finding, look, names
from hephaestus.forge.github import refusals, rules, shapes
from hephaestus.forge.github.asking import Reply
from hephaestus.forge.github.rules import Rule, Ruleset

__all__ = ["Branch", "of_branch", "of_removal", "of_tag"]

_REVIEW = "changes must come by a pull request"
_CHECKS = "status checks must have passed"
_OPERATORS = {"contains": "contain", "ends_with": "end with", "regex": "match", "starts_with": "start with"}


@dataclass(frozen=True)
class Branch:
    """All that was fetched about a branch, for a user of this name who is an administrator or not.

    `held` is the branch itself, `protection` the older kind of protection where there is one, `applied` the rules that
    apply, and `rulesets` those they come from, by number.
    """

    name: str
    page: str
    held: Reply
    protection: Reply | None
    applied: Reply
    rulesets: Mapping[int, Ruleset]
    login: str
    admin: bool


@dataclass
class _Said:
    """What is collected on the way: demands a pull request meets, what nobody meets, what may be passed, and notes."""

    demands: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def of_branch(branch: Branch, tag: str) -> list[Finding]:
    """Return what protects a branch from a direct push of the release commit of a tag."""
    said, name = _Said(), branch.name
    _by_protection(branch, said)
    _by_rules(branch, said)
    about = f"branch {name}"
    version = names.version(tag) or tag
    found = []
    if said.demands:
        demands = "; ".join(dict.fromkeys(said.demands))
        found.append(
            Finding(about, f"{name} takes no direct push: {demands}", f"hephaestus release --version {version} --pr")
        )
    if said.closed:
        found.append(Finding(about, f"{name} takes no push: {'; '.join(said.closed)}", look(branch.page)))
    if said.passed:
        found.append(Finding(about, f"you may push past what protects {name}: {'; '.join(dict.fromkeys(said.passed))}"))
    found += [Finding(about, note) for note in said.notes]
    return found or [Finding(about, f"{name} takes a direct push")]


def of_tag(tag: str, listed: Reply, rulesets: Iterable[Ruleset | None], *, pushed: bool) -> list[Finding]:
    """Return what the rules for tags say to a new tag; `pushed` where the commit goes up together with it."""
    about, found = f"tag {tag}", []
    for ruleset in _covering(tag, rulesets):
        reasons, notes = _about_tag(tag, ruleset, pushed=pushed)
        if reasons and ruleset.may_pass:
            found.append(Finding(about, f"you may push past the ruleset {ruleset.name}: {'; '.join(reasons)}"))
        elif reasons:
            said = f"the ruleset {ruleset.name} does not let {tag} be pushed: {'; '.join(reasons)}"
            found.append(Finding(about, said, look(ruleset.page)))
        found += [Finding(about, note) for note in notes]
    if untold := _untold(listed, rulesets):
        found.append(Finding(about, untold))
    return found or [Finding(about, f"no rule forbids {tag}")]


def of_removal(tag: str, listed: Reply, rulesets: Iterable[Ruleset | None]) -> list[Finding]:
    """Return what the rules for tags say to the removal of a tag."""
    about = f"tag {tag}"
    found = [
        Finding(about, f"the ruleset {ruleset.name} does not let {tag} be removed, so it stays")
        for ruleset in _covering(tag, rulesets)
        if ruleset.rule("deletion") and not ruleset.may_pass
    ]
    if untold := _untold(listed, rulesets):
        found.append(Finding(about, untold))
    return found or [Finding(about, f"no rule forbids that {tag} is removed")]


def _untold(listed: Reply, rulesets: Iterable[Ruleset | None]) -> str | None:
    """Return that there are rules for tags which cannot be seen, if so."""
    if listed.unpaid:
        return None
    if listed.refused:
        return f"the rules for tags could not be told: {listed.refused.message}"
    if listed.document is None or None in rulesets:
        return "the rules for tags could not be told: GitHub does not show them to this token"
    return None


def _covering(tag: str, rulesets: Iterable[Ruleset | None]) -> list[Ruleset]:
    return [each for each in rulesets if each is not None and each.covers(f"refs/tags/{tag}")]


def _about_tag(tag: str, ruleset: Ruleset, *, pushed: bool) -> tuple[list[str], list[str]]:
    """Return why a ruleset refuses a tag, and what else there is to know."""
    reasons, notes = [], []
    if ruleset.rule("creation"):
        reasons.append("nobody else may make tags of this name")
    for pattern in (rule for rule in ruleset.rules if rule.kind == "tag_name_pattern"):
        fits = rules.fits(pattern, tag)
        if fits is None:
            notes.append(f"whether {tag} has a name that {ruleset.name} allows could not be told")
        elif not fits:
            reasons.append(f"its name {_demand(pattern)}")
    demands, strange = rules.forbidden(rule for rule in ruleset.rules if rule.kind != "tag_name_pattern")
    (reasons if pushed else notes).extend(demands)
    if ruleset.rule("deletion") and not ruleset.may_pass:
        notes.append(f"the ruleset {ruleset.name} does not let {tag} be removed, so a rollback has to leave it")
    if ruleset.rule("required_signatures"):
        notes.append(f"the ruleset {ruleset.name} takes signed commits only")
    notes += [f"whether {tag} keeps to the rule {kind} of {ruleset.name} could not be told" for kind in strange]
    return reasons, notes


def _demand(rule: Rule) -> str:
    """Return what a pattern asks of a name."""
    negated = "not " if rule.parameters.get("negate") else ""
    return f"must {negated}{_OPERATORS[rule.parameters['operator']]} {rule.parameters['pattern']!r}"


def _by_rules(branch: Branch, said: _Said) -> None:
    """Read the rules that apply to a branch."""
    if branch.applied.refused and not branch.applied.unpaid:
        said.notes.append(f"the rules for {branch.name} could not be told: {branch.applied.refused.message}")
    elif branch.applied.document is None and not branch.applied.refused:
        said.notes.append(f"the rules for {branch.name} could not be told: GitHub does not show them to this token")
    for number, applied in _grouped(branch.applied.document or []).items():
        ruleset = branch.rulesets.get(number)
        may_pass = ruleset is not None and ruleset.may_pass
        kinds = {rule.kind for rule in applied}
        demands, strange = rules.forbidden(applied)
        closed = ["only those who may pass its rules may update it"] if "update" in kinds else []
        if "creation" in kinds and branch.held.document is None:
            closed.append("it is not there, and only those who may pass its rules may make it")
        if may_pass:
            said.passed += demands + closed
        else:
            said.demands += demands
            said.closed += closed
        if "required_signatures" in kinds:
            said.notes.append(f"{branch.name} takes signed commits only")
        said.notes += [f"whether the release keeps to the rule {kind} could not be told" for kind in strange]


def _grouped(documents: Sequence[Mapping[str, Any]]) -> dict[int, list[Rule]]:
    """Return the rules of each ruleset."""
    grouped: dict[int, list[Rule]] = {}
    for document, rule in zip(documents, rules.told(documents), strict=True):
        grouped.setdefault(rules.number(document, "ruleset_id"), []).append(rule)
    return grouped


def _by_protection(branch: Branch, said: _Said) -> None:
    """Read the older kind of protection, of which only administrators see all."""
    held = branch.held
    if held.document is None:
        why = f": {held.refused.message}" if held.refused else ", as it is not on GitHub yet"
        said.notes.append(f"what protects {branch.name} could not be told{why}")
        return
    summary = shapes.table(held.document, "protection")
    if not held.document.get("protected") or summary.get("enabled") is False:
        return
    details = branch.protection.document if branch.protection else None
    if details is None:
        checks = shapes.table(summary, "required_status_checks")
        level = checks.get("enforcement_level")
        if (checks.get("contexts") or checks.get("checks")) and (level == "everyone" or not branch.admin):
            said.demands.append(_CHECKS)
        said.notes.append(f"{branch.name} is protected; how, can be told by an administrator only")
        return
    exempt = branch.admin and not _on(details, "enforce_admins")
    (said.passed if exempt else said.demands).extend(_demanded(details, branch.login))
    (said.passed if exempt else said.closed).extend(_closed(details, branch.login))
    if _on(details, "required_signatures"):
        said.notes.append(f"{branch.name} takes signed commits only")
    if not exempt and _is_restricted(details, branch.login) and _groups(details):
        among = _groups(details)
        said.notes.append(f"only some may push to {branch.name}; whether you are in {among} could not be told")


def _demanded(details: Mapping[str, Any], login: str) -> Iterable[str]:
    """Yield what a protection demands that only a pull request gives."""
    reviews = shapes.table(details, "required_pull_request_reviews")
    let_past = _logins(shapes.table(reviews, "bypass_pull_request_allowances"))
    if details.get("required_pull_request_reviews") is not None and login not in let_past:
        yield _REVIEW
    checks = shapes.table(details, "required_status_checks")
    if checks.get("contexts") or checks.get("checks"):
        yield _CHECKS


def _closed(details: Mapping[str, Any], login: str) -> Iterable[str]:
    """Yield why a protection lets this user update the branch in no way."""
    if _on(details, "lock_branch"):
        yield "it is locked"
    if _is_restricted(details, login) and not _groups(details):
        yield "only the people named in its protection may push to it"


def _is_restricted(details: Mapping[str, Any], login: str) -> bool:
    """Tell whether only some may push, and this user is not one of those who are named."""
    return details.get("restrictions") is not None and login not in _logins(shapes.table(details, "restrictions"))


def _groups(details: Mapping[str, Any]) -> str:
    """Return the teams and apps that may push; nobody tells here who is in them."""
    restrictions = shapes.table(details, "restrictions")
    named = [*shapes.tables(restrictions, "teams"), *shapes.tables(restrictions, "apps")]
    return ", ".join(refusals.plain(each.get("slug", "")) for each in named)


def _logins(document: Mapping[str, Any]) -> set[str]:
    """Return the names of the users a document lists."""
    return {str(user.get("login", "")) for user in shapes.tables(document, "users")} - {""}


def _on(details: Mapping[str, Any], key: str) -> bool:
    return bool(shapes.table(details, key).get("enabled"))
