"""A project's own release checklist, with those items ticked for which the release itself is the evidence.

Only what is known is ticked, with what shows it behind the item; everything else stays as it is, and nothing is
unticked. Items about going back, and those in code, are nobody's evidence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from hephaestus import markdown

__all__ = ["BUILT_IN", "Facts", "ticked"]

BUILT_IN = """\
# Release checklist: vX.Y.Z

## Review

- [ ] Version number correct
- [ ] CHANGELOG complete and accurate
- [ ] Documentation updated
- [ ] All quality gates pass
- [ ] Test coverage maintained
- [ ] No security vulnerabilities
- [ ] Breaking changes documented (if major)

## Release

- [ ] Wheelhouse built
- [ ] Tag pushed
- [ ] Release published
- [ ] Wheelhouse attached to the release

## After the release

- [ ] Release verified
- [ ] Installation tested
- [ ] Smoke test passed
- [ ] Milestone closed
- [ ] Project board updated
- [ ] Issues marked as released
- [ ] Announcement written
- [ ] Announcement posted
- [ ] Team and stakeholders told
"""

_ITEM = re.compile(r"[ \t]*(?:[-*+]|[0-9]{1,9}[.)])[ \t]+\[(?P<box>[ xX])\][ \t]+(?P<text>\S.*)")
_HOLDS_VERSION = re.compile(r"(?<![A-Za-z0-9.{])(?P<v>v?)(?P<open>\{?)X\.Y\.Z(?P<close>\}?)(?!\+|\w|\.[A-Z0-9])")
_BLOCK = re.compile(r"[ \t]*(?:[-*+]|[0-9]{1,9}[.)]|>|\|)")
_NOT_NOW = re.compile(r"roll ?back|recover|post-?mortem|hotfix|sign-?off|template", re.IGNORECASE)
_SPAN = re.compile(r"`[^`\n]*`")
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]+)?) ?%")


@dataclass(frozen=True)
class Facts:
    """What is known of a release; what is not known is empty.

    `done` are the steps that are done and stand, `gates` the verdicts by gate, `waived` the gates that need not pass,
    `review` what the reviewer's checklist found to be so, by what it asks (`evidence`), `tickets` how many issues and
    pull requests say that they are released, `milestone`, `board`, `announcement` and `discussion` what was closed,
    updated, written and opened.
    """

    version: str
    tag: str
    done: frozenset[str] = frozenset()
    changelog: str = "CHANGELOG.md"
    commit: str = ""
    remote: str = ""
    url: str = ""
    assets: tuple[str, ...] = ()
    archive: str = ""
    gates: Mapping[str, str] = field(default_factory=dict)
    waived: frozenset[str] = frozenset()
    review: Mapping[str, str] = field(default_factory=dict)
    smoke: str = ""
    milestone: str = ""
    board: str = ""
    tickets: int = 0
    announcement: str = ""
    discussion: str = ""


# What shows that an item is so, given its words; empty where nothing does.
_Evidence = Callable[[Facts, str], str]


class _Rule(NamedTuple):
    """The words of items that say something, and what shows that it is so."""

    words: re.Pattern[str]
    evidence: _Evidence


def ticked(template: str, facts: Facts) -> str:
    """Return a checklist with its placeholders (X.Y.Z, vX.Y.Z) filled in and what is known to be so ticked."""
    document = markdown.read(template)
    lines = [_HOLDS_VERSION.sub(lambda found: _filled(found, facts), line) for line in document.lines]
    for first, last in _items(document):
        said = " ".join(line.strip() for line in document.lines[first : last + 1])
        item = _ITEM.fullmatch(said)
        shown = _evidence(item["text"], facts) if item and item["box"] == " " else ""
        if shown:
            lines[first] = lines[first].replace("[ ]", "[x]", 1)
            content = lines[last].rstrip()
            lines[last] = f"{content} — {' '.join(shown.split())}{lines[last][len(content) :]}"
    return "".join(lines)


def _items(document: markdown.Document) -> Iterator[tuple[int, int]]:
    """Yield the first and the last line of every item that is about this release."""
    headings = {heading.first: heading for heading in document.headings[1:]}
    passed_over = 0  # the level of the heading whose part is about something else
    for number, (line, kind) in enumerate(zip(document.lines, document.kinds, strict=True)):
        heading = headings.get(number)
        if heading is not None and not 0 < passed_over < heading.level:
            passed_over = heading.level if _NOT_NOW.search(heading.text) else 0
        if kind == "text" and not passed_over and _ITEM.match(line):
            last = number
            while document.kinds[last + 1 : last + 2] == ["text"] and not _BLOCK.match(document.lines[last + 1]):
                last += 1
            yield number, last


def _filled(found: re.Match[str], facts: Facts) -> str:
    if bool(found["open"]) != bool(found["close"]):
        return found[0]
    return facts.tag if found["v"] else facts.version


def _evidence(item: str, facts: Facts) -> str:
    words = " ".join(_SPAN.sub("", item).split()).strip(" .:").lower()
    found = (rule.evidence(facts, words) for rule in _RULES if rule.words.search(words))
    return next(found, "")


def _after(step: str, shown: Callable[[Facts], str]) -> _Evidence:
    """Return the evidence that a step which is done leaves."""
    return lambda facts, _words: shown(facts) if step in facts.done else ""


def _all_gates(facts: Facts, _words: str) -> str:
    good = all(said == "passed" for said in facts.gates.values()) and not facts.waived
    return f"passed: {', '.join(facts.gates)}" if facts.gates and good and "gates" in facts.done else ""


def _gate(name: str) -> _Evidence:
    """Return the evidence of gates by their name."""
    return lambda facts, _words: _passed(facts, name)


def _passed(facts: Facts, name: str) -> str:
    asked = [gate for gate in facts.gates if re.search(name, gate, re.IGNORECASE)]
    good = all(facts.gates[gate] == "passed" and gate not in facts.waived for gate in asked)
    return f"passed: {', '.join(asked)}" if asked and good and "gates" in facts.done else ""


def _reviewed(what: str) -> _Evidence:
    """Return the evidence of the reviewer's checklist; of a share in percent, where that is as high as the item's."""

    def shown(facts: Facts, words: str) -> str:
        found = next((because for asked, because in facts.review.items() if what in asked.lower()), "")
        return found if _percent(words) <= _percent(found) else ""

    return shown


def _percent(text: str) -> float:
    return max((float(found) for found in _PERCENT.findall(text)), default=0.0)


def _nothing(_facts: Facts, _words: str) -> str:
    """Return no evidence: what happens elsewhere leaves none here."""
    return ""


def _known(name: str) -> _Evidence:
    """Return the evidence that is a fact of its own."""
    return lambda facts, _words: str(getattr(facts, name))


def _tracked(facts: Facts, words: str) -> str:
    board = facts.board if "board" in words else ""
    count = f"{facts.tickets} issues and pull requests" if facts.tickets > 1 else "1 issue or pull request"
    issues = count if facts.tickets and "issue" in words else ""
    wanted = ("board" in words) + ("issue" in words)
    shown = [each for each in (board, issues) if each]
    return ", ".join(shown) if len(shown) == wanted else ""


_VERSION = _after("bump", lambda facts: f"{facts.version} in {facts.commit[:10]}" if facts.commit else facts.version)
_CHANGELOG = _after("changelog", lambda facts: f"{facts.changelog} has [{facts.version}]")
_CLEAN = _after("stage", lambda facts: f"made in a clean clone, {facts.commit[:10]}" if facts.commit else "")
_HOUSE = _after("wheelhouse", lambda facts: facts.archive)
_TAG = _after("push", lambda facts: f"{facts.tag} on {facts.remote}")
_RELEASE = _after("publish", lambda facts: facts.url)
_ATTACHED = _after("publish", lambda facts: facts.archive if facts.archive in facts.assets else "")
_VERIFIED = _after("verify", lambda facts: f"{len(facts.assets)} files read back and compared")
_INSTALLED = _after("verify", lambda facts: f"installed with no network from {facts.archive}")
_SMOKE = _after("verify", lambda facts: f"`{facts.smoke}`" if facts.smoke else "")

# Items are compared in small letters, without code; the first rule whose words they have decides.
_RULES = tuple(
    _Rule(re.compile(words), evidence)
    for words, evidence in (
        (r"pypi|conda|docker|homebrew|windows|macos", _nothing),
        (r"^version( number)? (is )?(correct|bumped|updated|set|consistent)\b", _VERSION),
        (r"^(bump|update|set) (the )?version( number| field)?( in\b.*)?$", _VERSION),
        (r"^(update|write) (the )?changelog\b", _CHANGELOG),
        (r"^changelog(\.md)? (is )?(updated|complete|accurate|written)\b", _CHANGELOG),
        (r"^(all )?(quality |ci )?(gates|checks) (are )?pass(ed|ing)?\b", _all_gates),
        (r"\bcoverage\b", _reviewed("coverage")),
        (r"^(all )?tests (are )?pass(ed|ing)?\b", _gate("test")),
        (r"^lint(ing|er|ers)?\b.*\b(clean|pass\w*)$", _gate("lint|ruff|style")),
        (r"^format(ting)?\b.*\b(correct|clean|pass\w*)$", _gate("format|style")),
        (r"^type[ -]?check(ing|s)?\b.*\b(clean|pass\w*)$", _gate("typ|mypy")),
        (r"^security audit\b.*\b(clean|pass\w*)$", _reviewed("vulnerabilities")),
        (r"^no (known )?(security )?vulnerabilit", _reviewed("vulnerabilities")),
        (r"^documentation (is )?updated\b", _reviewed("documentation")),
        (r"^breaking changes (are )?documented\b", _reviewed("breaking")),
        (r"^no uncommitted changes\b", _CLEAN),
        (r"^(create|push)( and push)? (the )?(annotated |git )?tag\b", _TAG),
        (r"^(git )?tag (is )?(created|exists|pushed)\b", _TAG),
        (r"^(create|publish) (the )?(github )?release( with .*)?$", _RELEASE),
        (r"^(github )?release (is )?(created|exists|published|visible)\b", _RELEASE),
        (r"^(build|create) (the )?(package|wheelhouse)\b", _HOUSE),
        (r"^(package|wheelhouse) (is )?built\b", _HOUSE),
        (r"^attach( the)?( wheelhouse| assets)? to (the )?(github )?release$", _ATTACHED),
        (r"^(wheelhouse|assets)( archive)? (is |are )?(attached|uploaded)\b", _ATTACHED),
        (r"^(release|assets|checksums?) (is |are )?verified$", _VERIFIED),
        (r"^verify (the )?(release|assets|checksums?)$", _VERIFIED),
        (r"^(test|verify) (the )?(wheelhouse )?install(ation)?$", _INSTALLED),
        (r"^(wheelhouse )?install(ation)? (is )?(tested|works|verified)$", _INSTALLED),
        (r"^smoke tests? (passed|passes|pass)$", _SMOKE),
        (r"^close (the )?milestone\b|^milestone (is )?closed\b", _known("milestone")),
        (r"^announcement (is )?(written|drafted)\b", _known("announcement")),
        (r"^(write|draft) (the )?(release )?announcement\b", _known("announcement")),
        (r"^(post|publish) (the )?(release )?announcement\b", _known("discussion")),
        (r"^announcement (is )?posted\b|^github discussions?$", _known("discussion")),
        (r"^(update|mark|label) (the )?(project )?(board|issues)\b", _tracked),
        (r"^(issues|project board|board)\b.*\b(marked|labell?ed|updated)\b", _tracked),
    )
)
