"""What can be shown of a release before it is merged: an answer to each question of the reviewer's checklist.

A box is ticked by what was found in the commit and by what gates said of it, never by hope.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

from packaging.version import Version

from hephaestus import compatibility, git, keepachangelog, notes, project, versions
from hephaestus.review import Item, code

__all__ = ["Examined", "Said", "checklist", "expected"]

_ASKED = {
    "version": "Version number correct",
    "complete": "Changelog complete",
    "accurate": "Changelog accurate",
    "documentation": "Documentation updated",
    "checks": "All checks pass",
    "coverage": "Test coverage maintained",
    "audit": "No known vulnerabilities",
    "breaking": "Breaking changes documented",
}
# Gates are known by the words in their names.
_COVERS = re.compile(r"(?<![a-z])cov(?:erage)?(?![a-z])", re.IGNORECASE)
_TESTS = re.compile(r"(?<![a-z])(?:py)?tests?(?![a-z])", re.IGNORECASE)
_AUDITS = re.compile(r"audit|safety|vulnerab|(?<![a-z])(?:osv|grype|trivy|snyk)(?![a-z])", re.IGNORECASE)
# What the built-in gate `tests` says of the coverage it measured, having held it against the least that is asked for.
_MEASURED = re.compile(r"\bcoverage (\d+(?:\.\d+)? %)")
_DOCUMENTATION = {".adoc", ".md", ".rst"}


class Said(Protocol):
    """What one gate said: `passed` or another verdict, in how many seconds, and whether a release needs its pass."""

    @property
    def gate(self) -> str:
        """The name of the gate."""
        ...

    @property
    def verdict(self) -> str:
        """The verdict, in words."""
        ...

    @property
    def seconds(self) -> float:
        """How long it took."""
        ...

    @property
    def reason(self) -> str:
        """Why, in one line; of a pass it may tell what was looked at."""
        ...

    @property
    def required(self) -> bool:
        """Whether it has to pass; an optional gate that did not pass stops nothing."""
        ...


@dataclass(frozen=True)
class Examined:
    """The commit that is looked at, as the release of a version after `previous`, a version and its tag."""

    repository: git.Repository
    commit: str
    version: str
    tag: str
    changelog: str
    previous: tuple[Version, str] | None

    @property
    def tree(self) -> git.Commit:
        """The files of the commit."""
        return git.Commit(self.repository, self.commit)

    def since(self, *words: str) -> list[str]:
        """Return what git lists of the commits since the previous release, entry by entry."""
        assert self.previous is not None
        command, *options = words
        told = self.repository.run(command, "-z", *options, f"refs/tags/{self.previous[1]}..{self.commit}").output
        return [entry for entry in told.split("\0") if entry]


def expected() -> tuple[Item, ...]:
    """Return the checklist before anything was looked at."""
    return tuple(Item(asked, ticked=False, because="not looked at yet") for asked in _ASKED.values())


def checklist(examined: Examined, said: Sequence[Said], waived: Mapping[str, str]) -> tuple[Item, ...]:
    """Return the checklist with what a commit and the verdicts of its gates answer; `waived` maps gates to reasons."""
    facts = project.load(examined.tree)
    answers = {
        "version": _version(examined, facts),
        "complete": _complete(examined),
        "accurate": (False, "for a reader to say"),
        "documentation": _documentation(examined),
        "checks": _checks(examined, said, waived),
        "coverage": _coverage(facts, said),
        "audit": _audit(said),
        "breaking": _breaking(examined, facts),
    }
    return tuple(Item(asked, *answers[key]) for key, asked in _ASKED.items())


def _version(examined: Examined, facts: project.Project) -> tuple[bool, str]:
    after = f", after {code(examined.previous[1])}" if examined.previous else ""
    places = versions.places(examined.tree, facts)
    if not places and facts.version_from_tag:
        return True, f"it comes from the tag, {code(examined.tag)}{after}"
    wrong = [place for place in places if place.version != examined.version]
    if wrong or not places:
        return False, ", ".join(f"{code(place.path)} says {code(place.version)}" for place in wrong) or "found nowhere"
    return True, f"{examined.version} in {_listed(dict.fromkeys(place.path for place in places))}{after}"


def _complete(examined: Examined) -> tuple[bool, str]:
    text = notes.changelog(examined.tree, examined.changelog)
    section, rest = keepachangelog.find(text, examined.version), keepachangelog.unreleased(text)
    path = code(examined.changelog)
    if section is None or section.yanked or keepachangelog.is_empty(section):
        return False, f"{path} says nothing of {examined.version}"
    if rest is not None and not keepachangelog.is_empty(rest):
        return False, f"{path} has a section for {examined.version}, and more under [Unreleased]"
    return True, f"{path} has a section for {examined.version}, and nothing is left under [Unreleased]"


def _documentation(examined: Examined) -> tuple[bool, str]:
    if examined.previous is None:
        return False, "there is no earlier release to compare with"
    changed = [path for path in examined.since("diff", "--name-only", "--no-renames") if _documents(path)]
    changed = [path for path in changed if path != examined.changelog]
    if not changed:
        return False, f"no file of it has changed since {code(examined.previous[1])}"
    return True, f"changed since {code(examined.previous[1])}: {_listed(changed)}"


def _documents(path: str) -> bool:
    file = PurePosixPath(path)
    if file.parts[0] == ".github":  # templates and the like, which no user reads
        return False
    return file.suffix.lower() in _DOCUMENTATION or file.parts[0] in {"doc", "docs"}


def _checks(examined: Examined, said: Sequence[Said], waived: Mapping[str, str]) -> tuple[bool, str]:
    if not said:
        return False, "the gates were not asked"
    told = [
        f"{code(each.gate)} {each.verdict}{'' if each.required else ' (optional)'} in {each.seconds:.1f} s"
        for each in said
        if each.gate not in waived
    ]
    told += [
        f"{code(each.gate)} was waived ({each.verdict}), because {code(waived[each.gate])}"
        for each in said
        if each.gate in waived
    ]
    good = _all_passed(said) and not any(each.gate in waived for each in said)
    return good, f"{', '.join(told)} on {examined.commit[:10]}"


def _coverage(facts: project.Project, said: Sequence[Said]) -> tuple[bool, str]:
    options = facts.table("tool", "pytest", "ini_options").get("addopts", "")
    words = [str(word) for word in options] if isinstance(options, list) else str(options).split()
    within_tests = any(word.startswith("--cov") for word in words)
    measures = [
        each
        for each in said
        if _COVERS.search(each.gate)
        or _MEASURED.search(each.reason)
        or (_TESTS.search(each.gate) and (within_tests or each.verdict != "passed"))
    ]
    if not measures:
        return False, "not measured by any gate"
    if not _all_passed(measures):
        return False, _not_passed(measures)
    measured = [(each, found[1]) for each in _counted(measures) if (found := _MEASURED.search(each.reason))]
    if measured:
        return True, ", ".join(f"{code(each.gate)} passed, with {share} covered" for each, share in measured)
    least = _least(facts, words)
    if not least:
        return False, f"{_named(_counted(measures))} passed, but no `fail_under` says how much is enough"
    return True, f"{_named(_counted(measures))} passed, and would fail under {least:g} %"


def _least(facts: project.Project, words: Iterable[str]) -> float:
    """Return the share of the code, in percent, under which coverage fails; 0 where nobody says."""
    given = [word.partition("=")[2] for word in words if word.startswith("--cov-fail-under=")]
    said = given[-1] if given else facts.table("tool", "coverage", "report").get("fail_under", 0)
    try:
        return float(said)
    except (TypeError, ValueError):
        return 0.0


def _audit(said: Sequence[Said]) -> tuple[bool, str]:
    audits = [each for each in said if _AUDITS.search(each.gate)]
    if not audits:
        return False, "not looked for by any gate"
    if not _all_passed(audits):
        return False, _not_passed(audits)
    return True, f"{_named(_counted(audits))} passed"


def _breaking(examined: Examined, facts: project.Project) -> tuple[bool, str]:
    if examined.previous is None:
        return True, "nothing was released before that could break"
    older, tag = examined.previous
    found = compatibility.judge(
        examined.repository, examined.tree, facts, examined.previous, examined.version, revision=examined.commit
    )
    if found.could_not_run:
        return False, "; ".join(found.could_not_run)
    breaking = list(dict.fromkeys(each.subject for each in found.breaks if each.rule != "changelog"))
    major = compatibility.raised(older, Version(examined.version)) == "major"
    if not (major or breaking) and found.told:
        return True, "the changelog tells what is removed or breaks, though it is no major release"
    if not (major or breaking):
        return (
            True,
            f"there are none; it is no major release, and no commit since {code(tag)} says that it breaks anything",
        )
    why = f"after {code(tag)} it is a major release" if major else f"{', '.join(breaking[:5])} breaks something"
    if found.told:
        return True, f"{why}, and the changelog tells what breaks"
    return False, f"{why}, and the changelog does not tell what breaks"


def _counted(said: Sequence[Said]) -> list[Said]:
    """Return the verdicts that count: an optional gate that did not pass is no evidence, and none against a release."""
    return [each for each in said if each.required or each.verdict == "passed"]


def _all_passed(said: Sequence[Said]) -> bool:
    """Tell whether there are verdicts that count, and all of them are passes."""
    counted = _counted(said)
    return bool(counted) and all(each.verdict == "passed" for each in counted)


def _named(said: Sequence[Said]) -> str:
    return _listed(each.gate for each in said)


def _not_passed(said: Sequence[Said]) -> str:
    return ", ".join(f"{code(each.gate)} {each.verdict}" for each in said)


def _listed(names: Iterable[str]) -> str:
    """Return names as code, and after the first ten how many more there are."""
    named = [code(name) for name in names]
    more = len(named) - 10
    return ", ".join(named[:10]) + (f" and {more} more" if more > 0 else "")
