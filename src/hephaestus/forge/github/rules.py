"""What the rules of a repository say to a push: which of them cover a branch or a tag, and what they forbid there.

Nothing is asked here: all of it is read from documents of GitHub, and what a document does not tell is not made up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hephaestus.forge.github import refusals, shapes

__all__ = ["Rule", "Ruleset", "fits", "forbidden", "matches", "number", "read", "told"]

# Rules that a pull request satisfies and a direct push does not, each with what it demands.
_PULL_REQUEST = {
    "code_quality": "code quality must have been checked",
    "code_scanning": "code scanning must have passed",
    "merge_queue": "changes must come through the merge queue",
    "pull_request": "changes must come by a pull request",
    "required_deployments": "deployments must have succeeded",
    "required_status_checks": "status checks must have passed",
    "workflows": "required workflows must have passed",
}
# Rules that a release keeps to by its nature: it adds commits, and rewrites and removes nothing.
_KEPT = {
    "branch_name_pattern",
    "copilot_code_review",
    "creation",
    "deletion",
    "non_fast_forward",
    "required_linear_history",
}
_OPERATORS: dict[str, Callable[[str, str], object]] = {
    "contains": lambda pattern, name: pattern in name,
    "ends_with": lambda pattern, name: name.endswith(pattern),
    "regex": re.search,
    "starts_with": lambda pattern, name: name.startswith(pattern),
}
_NO_NUMBER = -1
# One sign of a pattern as Ruby's `File.fnmatch` reads it with FNM_PATHNAME, which is what GitHub uses.
_SIGN = re.compile(
    r"(?P<folders>(?:(?<=/)|^)\*\*/)|(?P<any>\*+)|(?P<one>\?)|\[(?P<set>[!^]?[^]/]+)\]|\\?(?P<plain>.)", re.DOTALL
)


@dataclass(frozen=True)
class Rule:
    """One rule: its kind, as GitHub names it, and what it was given."""

    kind: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Ruleset:
    """A ruleset: its name and web page, the refs it covers, its rules, and whether this user may go past them.

    `may_pass` is `None` where GitHub does not tell.
    """

    name: str
    page: str
    may_pass: bool | None
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    rules: tuple[Rule, ...]

    def covers(self, ref: str) -> bool:
        """Tell whether the ruleset is about a ref, given by its full name."""
        return any(matches(each, ref) for each in self.include) and not any(matches(each, ref) for each in self.exclude)

    def rule(self, kind: str) -> Rule | None:
        """Return the first rule of a kind, or `None`."""
        return next((rule for rule in self.rules if rule.kind == kind), None)


def read(document: Mapping[str, Any], page: str) -> Ruleset:
    """Return a ruleset from GitHub's document of it; `page` is where it can be seen if the document does not say."""
    names = shapes.table(shapes.table(document, "conditions"), "ref_name")
    links = shapes.table(shapes.table(document, "_links"), "html")
    passing = document.get("current_user_can_bypass")
    return Ruleset(
        name=refusals.plain(document.get("name", "")),
        page=str(links.get("href") or page),
        may_pass=passing in ("always", "exempt") if isinstance(passing, str) else None,
        include=shapes.texts(names, "include"),
        exclude=shapes.texts(names, "exclude"),
        rules=told(shapes.tables(document, "rules")),
    )


def number(document: Mapping[str, Any], key: str) -> int:
    """Return the number of a ruleset; what is none becomes one that no ruleset has, so that nothing is found there."""
    held = document.get(key)
    return held if isinstance(held, int) and not isinstance(held, bool) else _NO_NUMBER


def told(rules: Iterable[Mapping[str, Any]]) -> tuple[Rule, ...]:
    """Return rules from GitHub's documents of them."""
    return tuple(Rule(refusals.plain(rule.get("type", "")), shapes.table(rule, "parameters")) for rule in rules)


def forbidden(rules: Iterable[Rule]) -> tuple[list[str], list[str]]:
    """Return what rules demand that only a pull request gives, and the kinds nobody can tell about before the push."""
    kinds = {rule.kind for rule in rules}
    demands = [demand for kind, demand in _PULL_REQUEST.items() if kind in kinds]
    return demands, sorted(kinds - _PULL_REQUEST.keys() - _KEPT - {"update", "required_signatures"})


def fits(rule: Rule, name: str) -> bool | None:
    """Tell whether a name keeps to the pattern of a rule, or `None` where the pattern cannot be understood."""
    compare = _OPERATORS.get(str(rule.parameters.get("operator")))
    pattern = rule.parameters.get("pattern")
    if compare is None or not isinstance(pattern, str):
        return None
    try:
        found = bool(compare(pattern, name))
    except (re.error, RecursionError, OverflowError):
        return None
    return found is not bool(rule.parameters.get("negate"))


def matches(pattern: str, ref: str) -> bool:
    """Tell whether a ref, given by its full name, is one of those a condition of a ruleset means."""
    if pattern == "~ALL":
        return True
    try:
        return re.fullmatch("".join(_expression(pattern)), ref) is not None
    except re.error:  # a set such as [z-a] holds nothing
        return False


def _expression(pattern: str) -> Iterable[str]:
    """Yield the parts of a regular expression for a pattern; no wildcard reaches over a slash but `**/`."""
    for sign in _SIGN.finditer(pattern):
        if sign["folders"]:
            yield "(?:[^/]+/)*"
        elif sign["any"]:
            yield "[^/]*"
        elif sign["one"]:
            yield "[^/]"
        elif sign["set"]:
            kept = sign["set"].lstrip("!^") if sign["set"][0] in "!^" else sign["set"]
            inside = re.sub(r"([\\\]\[&~|^])", r"\\\1", kept)
            yield f"[{'^/' if sign['set'][0] in '!^' else ''}{inside}]"
        else:
            yield re.escape(sign["plain"])
