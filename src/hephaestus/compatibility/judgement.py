"""Whether a version promises what has changed since the last release, and which version would.

Everything is read: from git's objects or a directory, nothing is imported, run or written. What could not be read is
said, and is never the same as nothing having changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from typing import Any

from packaging.version import Version

from hephaestus import checkout, git, project, references, system, versions
from hephaestus.compatibility import history, promise
from hephaestus.compatibility.effect import Effect, Evidence
from hephaestus.compatibility.settings import TABLE, Settings, read
from hephaestus.compatibility.states import States, present
from hephaestus.errors import CouldNotRun
from hephaestus.findings import Finding
from hephaestus.tree import Tree

__all__ = ["Judgement", "foresee", "judge", "last_release"]

_SHOWN = 5
_WORD = re.compile(r"\w+")
# How an entry under any heading tells of a break, where it names what breaks as well.
_WORDED = re.compile(r"\b(?:remov(?:ed|es|al)|dropp?(?:ed|s)|no longer|renam(?:ed|es)|instead of)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Judgement:
    """What was found of the changes since the last release.

    `previous` is that release, as version and tag, `None` for the first one. `evidence` is what was seen, breaks
    first; `findings` are what is wrong with `version`, the version that was judged, or with what the changelog tells;
    `could_not_run` the reasons for which something could not be compared. `needed` is the part of the version that
    the changes ask for, `proposal` the version that raises it (both `None` where nobody can tell), and `because`
    says in one sentence why; `told` tells whether the changelog speaks of breaks. `scheme` is what the numbers mean:
    `semver`, `calver` or `none`.
    """

    previous: tuple[Version, str] | None
    version: str | None
    settings: Settings
    scheme: str = "semver"
    evidence: tuple[Evidence, ...] = ()
    findings: tuple[Finding, ...] = ()
    could_not_run: tuple[str, ...] = ()
    needed: str | None = None
    proposal: str | None = None
    because: str = ""
    told: bool = False

    @property
    def passed(self) -> bool:
        """Whether all could be compared, and nothing is wrong."""
        return not self.could_not_run and not any(each.level == "error" for each in self.findings)

    @property
    def breaks(self) -> tuple[Evidence, ...]:
        """What breaks, without what the configuration lets pass."""
        return tuple(each for each in self.evidence if each.effect is Effect.BREAK and not each.allowed)

    def asks(self, each: Evidence) -> str:
        """Return the part of the version that evidence asks for, or nothing where the numbers promise nothing."""
        if self.previous is None or self.scheme != "semver":
            return ""
        return promise.part(each.effect, self.previous[0], self.settings.zero)

    def document(self) -> dict[str, Any]:
        """Return the judgement as a document for machines."""
        return {
            "previous": None if self.previous is None else str(self.previous[0]),
            "version": self.version,
            "scheme": self.scheme,
            "needed": self.needed,
            "proposal": self.proposal,
            "because": self.because,
            "evidence": [each.document() for each in self.evidence],
            "findings": [each.document() for each in self.findings],
            "could_not_run": list(self.could_not_run),
        }


def last_release(
    repository: git.Repository, revision: str, facts: project.Project, version: str | None = None
) -> tuple[Version, str] | None:
    """Return the last final release that a revision comes after, as version and tag, or `None` where there is none.

    With a `version` only releases below it count, so that a release that is tagged already is not compared to itself.
    """
    tags = repository.reachable_tags(revision)
    template = facts.tag or versions.template(tags, facts.normalized)
    earlier = versions.order(tags, template)
    below = [each for each in earlier if version is None or each[0] < Version(version)]
    return references.before(below, "1", "")


def foresee(repository: git.Repository, version: str | None = None) -> Judgement:
    """Judge the commit that is checked out, as what a release would be made from; nothing is changed.

    Raises `UsageError` where there is no commit, no project, or its configuration cannot be understood.
    """
    base, _ = checkout.base(repository)
    tree = git.Commit(repository, base)
    facts = project.load(tree)
    return judge(repository, tree, facts, last_release(repository, base, facts, version), version, revision=base)


def judge(  # noqa: PLR0913  (all that a judgement is about)
    repository: git.Repository,
    tree: Tree,
    facts: project.Project,
    previous: tuple[Version, str] | None,
    version: str | None = None,
    *,
    revision: str = "HEAD",
    labels: Mapping[int, Sequence[str]] | None = None,
) -> Judgement:
    """Judge what a tree changes since the `previous` release, and whether `version` promises that.

    `tree` is a commit or a checkout with changes that are not committed, `facts` its project, `revision` the newest
    commit that counts. Without a `version`, or with one that is not above the previous one, it is only told what the
    next one has to be. `labels` are those of pull requests by number, where somebody has asked for them.

    Raises `UsageError` where `[tool.hephaestus.compatibility]` cannot be understood.
    """
    settings = read(facts)
    if previous is None and repository.is_shallow():
        cut = "the history of this clone was cut off, so the last release cannot be seen: git fetch --unshallow --tags"
        return Judgement(None, version, settings, could_not_run=(cut,))
    if previous is None:
        said = present(tree, facts)
        first = said if said is not None and Version(said) > Version("0") else "0.1.0"
        return Judgement(None, version, settings, proposal=first, because="nothing was released yet")
    states = States(repository, tree, facts, settings, previous, revision)
    if isinstance(tree, git.Commit) and repository.resolve(f"{tree.revision}^{{commit}}") == states.old.revision:
        same = f"nothing has changed since {previous[1]}"
        return Judgement(previous, version, settings, because=same)
    section = states.told(version)
    in_metadata, notes = states.metadata()
    in_api, more, unread = _api(states)
    seen = [*in_api, *in_metadata, *(section.evidence if section else ()), *states.commits(labels)]
    judged, unused = _allow(seen, settings)
    scheme, dated = states.scheme()
    needed = promise.part(_highest(judged), previous[0], settings.zero) if scheme == "semver" else None
    proposal, because = _proposal(states, judged, scheme, needed, dated)
    rising = version if version is not None and promise.raised(previous[0], Version(version)) else None
    findings = [
        *(_shortfall(judged, previous[0], rising, settings) if rising and scheme == "semver" else ()),
        *_untold(judged, section, facts.changelog),
        *(_unused(unused, tree) if not unread else ()),
        *notes,
        *more,
    ]
    evidence = tuple(sorted(judged, key=lambda each: -each.effect))
    told = section is not None and section.breaks
    return Judgement(
        previous, version, settings, scheme, evidence, tuple(findings), unread, needed, proposal, because, told
    )


def _api(states: States) -> tuple[list[Evidence], list[Finding], tuple[str, ...]]:
    """Return what has changed for those who import the project, notes, and why it is not known where it is not."""
    try:
        return *states.api(), ()
    except CouldNotRun as error:
        return [], [], (f"the public objects cannot be compared: {error.message}",)


def _allow(evidence: Iterable[Evidence], settings: Settings) -> tuple[list[Evidence], list[str]]:
    """Return the evidence with what the configuration lets pass, and the exceptions that let nothing pass."""
    unused, judged = set(settings.allow), []
    for each in evidence:
        held = [key for key in settings.allow if any(fnmatchcase(name, key) for name in each.names)]
        unused -= set(held)
        judged.append(each.permitted(settings.allow[held[0]]) if held and each.effect is not Effect.FIX else each)
    return judged, sorted(unused)


def _highest(evidence: Iterable[Evidence]) -> Effect:
    return max((each.effect for each in evidence if not each.allowed), default=Effect.FIX)


def _shortfall(evidence: Sequence[Evidence], previous: Version, version: str, settings: Settings) -> Iterable[Finding]:
    """Return what asks for more than a version promises: an error for each break, a warning for each thing new."""
    promised = promise.raised(previous, Version(version)) or "patch"
    for each in evidence:
        asked = promise.part(each.effect, previous, settings.zero)
        if not each.allowed and promise.PARTS.index(asked) > promise.PARTS.index(promised):
            who = "" if each.path else f"{each.subject}: "
            said = f"{who}{each.message}; that asks for a {asked} version, and {version} is a {promised} one"
            yield each.finding(said, "error" if each.effect is Effect.BREAK else "warning")


def _untold(evidence: Sequence[Evidence], section: history.Told | None, path: str) -> Iterable[Finding]:
    """Return a finding where something breaks and the changelog has no entry about it."""
    breaks = [each for each in evidence if each.effect is Effect.BREAK and not each.allowed]
    broken = [each for each in breaks if each.rule != "changelog"]
    if not broken:
        return
    line = section.line if section else 1
    entries = re.split(r"\n(?=[-*+] )", section.text) if section else []
    worded = any(_WORDED.search(entry) and _mentioned(each, entry) for each in broken for entry in entries)
    if section is None or not (section.breaks or worded):
        said = f"the changelog does not tell what breaks, under Removed, Changed or Breaking: {_listed(broken)}"
        yield Finding(said, path, line, rule="breaks-untold", level="error")
        return
    unnamed = [each for each in broken if each.rule != "commit" and not _mentioned(each, section.text)]
    if unnamed:
        said = f"the changelog tells of breaks, but does not name {_listed(unnamed)}"
        yield Finding(said, path, line, rule="break-unnamed", level="warning")


def _mentioned(each: Evidence, text: str) -> bool:
    """Tell whether a text names what changed: by its own name, or that of the class or module it is in."""
    if each.subject == "requires-python":
        return "python" in text.lower()
    parts = (re.split(r"[.\s]", name) for name in each.names)
    words = [word for name in parts for word in (name[1:] or name)[-2:] if not word.startswith("__")]
    words += _WORD.findall(each.message.partition("takes no ")[2].partition(" any more")[0])
    return any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) for word in words)


def _listed(evidence: Sequence[Evidence]) -> str:
    names = list(dict.fromkeys(each.subject for each in evidence))
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _unused(unused: Iterable[str], tree: Tree) -> Iterable[Finding]:
    """Return a warning for each exception that excepts nothing."""
    text = (tree.read("pyproject.toml") or b"").decode("utf-8", "replace").splitlines()
    for key in unused:
        line = next((number for number, each in enumerate(text, 1) if f'"{key}"' in each or f"'{key}'" in each), 0)
        said = f"[{TABLE}] allow: nothing about {key!r} has changed since the last release"
        yield Finding(said, "pyproject.toml", line, rule="exception-unused", level="warning")


def _proposal(
    states: States,
    evidence: Sequence[Evidence],
    scheme: str,
    needed: str | None,
    dated: Sequence[tuple[Version, date]],
) -> tuple[str | None, str]:
    """Return the version to come next, and why."""
    version, tag = states.previous
    if scheme == "calver" and dated:
        said = f"versions are dates here, so the rules of SemVer are not applied, and {tag} promises nothing"
        return promise.next_by_date(dated, system.now().date()), said
    if needed is None:
        return None, f"[{TABLE}] scheme says that the numbers promise nothing"
    because = _reason(evidence, needed, states.previous)
    least = Version(versions.following(str(version), needed))
    planned = states.present
    if planned is not None and Version(Version(planned).base_version) >= least:
        return Version(planned).base_version, f"{because}; the project says {planned} already"
    return str(least), because


def _reason(evidence: Sequence[Evidence], needed: str, previous: tuple[Version, str]) -> str:
    """Return in words what asks for a part of the version."""
    counted = [each for each in evidence if not each.allowed]
    highest = _highest(counted)
    number = sum(each.effect is highest for each in counted)
    where = f"{needed} version after {previous[1]}"
    if highest is Effect.BREAK:
        what = f"{number} breaks are seen" if number > 1 else "a break is seen"
    elif highest is Effect.FEATURE:
        what = "nothing breaks, but something is new"
    else:
        what = "nothing breaks and nothing is new"
    zero = ", as 0.y.z promises less" if not previous[0].major and not previous[0].epoch and highest else ""
    return f"{what}, which asks for a {where}{zero}"
