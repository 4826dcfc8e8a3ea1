"""Security advisories: filled from a release, drafted on the forge, and written to a file where it has none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from hephaestus import checkout, git, keepachangelog, markdown, system, ui, versions
from hephaestus.errors import CouldNotRun, UsageError, redacted
from hephaestus.forge import look
from hephaestus.forge.capabilities import Advisory
from hephaestus.make import Outcome
from hephaestus.release import Workplace, workplace

__all__ = ["SEVERITIES", "Wish", "advise", "check_severity", "draft"]

# What each severity means for a release users can see (the release guide, Emergency Rollback).
SEVERITIES = {
    "critical": "data loss, corruption or a security hole: the release is withdrawn",
    "high": "broken functionality: a hotfix follows, users pin the version before",
    "medium": "degraded performance: the next patch mends it",
    "low": "a nuisance: the next patch mends it",
}

# The characters GitHub takes as a summary.
_LONGEST = 1024
_PACKAGE = "python -m pip install"


@dataclass(frozen=True)
class Wish:
    """What an advisory is wanted to say; what is not given is filled from the release.

    `description` is text, or stands in the file `described_in`; `affected` is a PEP 440 specifier, `patched` one
    or more versions; `output` is where a file is to be written in any case.
    """

    version: str
    severity: str
    summary: str
    description: str = ""
    described_in: Path | None = None
    affected: str | None = None
    patched: str | None = None
    output: Path | None = None


def advise(wish: Wish, repository: git.Repository) -> Outcome:
    """Draft the security advisory of a release, from the commit that is checked out.

    Raises `UsageError` where there is no such release, or the wish cannot be understood, and what `draft` raises.
    """
    base, _ = checkout.base(repository)
    return draft(wish, workplace(repository, base), (base,))


def draft(wish: Wish, at: Workplace, revisions: Iterable[str]) -> Outcome:
    """Draft an advisory on the forge, or write it to a file where there are none; and say which of the two it was.

    The changelogs of the revisions, and of the release's own tag, are looked into for what the release said.
    Raises `Conflict` where the advisory of this release is published or closed already.
    """
    advisory, assumed = _filled(wish, at, revisions)
    tag = at.tag(wish.version)
    url, why = None, f"{at.forge.place} has no advisories"
    if at.forge.advisories is not None:
        try:
            url = at.forge.advisories.draft(advisory, f"hephaestus-advisory {tag}")
        except CouldNotRun as error:
            why = error.message
    path = wish.output
    if url is None and path is None:
        path = at.repository.common_directory / "hephaestus" / "reports" / quote(tag, safe="") / "advisory.md"
    if path is not None:
        _write(path, advisory)
    details = {"advisory": asdict(advisory), "url": url, "file": str(path) if path else None, "assumed": assumed}
    if url is None:
        said = f"the security advisory of {tag} was not drafted, as {why}\nit was written to {path}; publish it by hand"
        page = f": {look(f'{at.forge.place}/security/advisories/new')}" if "://" in at.forge.place else ""
        return Outcome("written", "\n".join([f"{said}{page}", *assumed]), details)
    also = f"; it was written to {path} as well" if path else ""
    said = f"the draft of the security advisory of {tag} is at {url}, where it waits to be published{also}"
    return Outcome("drafted", "\n".join([said, *assumed]), details)


def check_severity(word: str, again: str) -> None:
    """Raise `UsageError` where a word is no severity; `again` is the command to give with one that is."""
    if word not in SEVERITIES:
        raise UsageError(f"there is no severity {word[:80]!r}; there are {', '.join(SEVERITIES)}", again)


def _filled(wish: Wish, at: Workplace, revisions: Iterable[str]) -> tuple[Advisory, list[str]]:
    """Return the advisory, and what of it nobody has said."""
    version = str(versions.parse(wish.version))
    again = f"hephaestus advisory --version {version} --severity critical --summary '…'"
    check_severity(wish.severity, again)
    summary = redacted(" ".join(ui.clean(wish.summary).split()))
    if not summary or len(summary) > _LONGEST:
        raise UsageError(f"the summary of an advisory has 1 to {_LONGEST} characters, not {len(summary)}", again)
    said = _section(at, version, revisions)
    following = at.next_patch(version)
    affected = str(_specifier(wish.affected)) if wish.affected is not None else f"=={version}"
    patched = ", ".join(_versions(wish.patched)) if wish.patched is not None else following
    assumed = [] if wish.affected is not None else [f"affected is taken to be {version} alone (--affected)"]
    if wish.patched is None:
        assumed += [f"patched is taken to be {following}, the next patch (--patched)"]
    advisory = Advisory(at.project.normalized, affected, patched, wish.severity, summary, "")
    text = "\n\n".join(_paragraphs(advisory, redacted(_description(wish)), said, version, at))
    return Advisory(**{**asdict(advisory), "description": text}), assumed


def _specifier(text: str) -> SpecifierSet:
    try:
        found = SpecifierSet(text)
    except InvalidSpecifier:
        found = SpecifierSet()
    if not found:
        raise UsageError(
            f"{text[:80]!r} is no range of versions as PEP 440 has it, such as '>=1.0,<1.1.1'",
            "hephaestus advisory --help",
        )
    return found


def _versions(text: str) -> list[str]:
    """Return the versions in a list with commas; an empty text is none."""
    return [str(versions.parse(part.strip())) for part in text.split(",") if part.strip()]


def _description(wish: Wish) -> str:
    if wish.described_in is None:
        return ui.clean(wish.description).strip()
    if wish.description:
        raise UsageError(
            "an advisory takes --description or --description-file, not both", "hephaestus advisory --help"
        )
    try:
        return ui.clean(wish.described_in.read_text(encoding="utf-8")).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{wish.described_in} cannot be read: {error}", "hephaestus advisory --help") from error


def _section(at: Workplace, version: str, revisions: Iterable[str]) -> str:
    """Return what the changelog says of a version.

    Raises `UsageError` where no changelog has it, and there is no tag and no release of it either.
    """
    tag = at.tag(version)
    for revision in (*revisions, f"refs/tags/{tag}^{{commit}}"):
        commit = at.repository.resolve(revision)
        data = git.Commit(at.repository, commit).read(at.project.changelog) if commit else None
        section = keepachangelog.find(keepachangelog.decode(data), version) if data else None
        if section is not None:
            return section.body
    if at.repository.resolve(f"refs/tags/{tag}") is None and at.forge.find(tag) is None:
        raise UsageError(f"there is no release {tag}, so there is nothing to advise against", "hephaestus status")
    return ""


def _paragraphs(advisory: Advisory, description: str, said: str, version: str, at: Workplace) -> Iterator[str]:
    """Yield the parts of the text, under the headings GitHub's own form has."""
    name = advisory.package
    yield f"### Impact\n\n{description or markdown.plain(advisory.summary)}"
    patched = [each.strip() for each in advisory.patched.split(",") if each.strip()]
    if patched:
        here = [each for each in patched if at.repository.resolve(f"refs/tags/{at.tag(each)}")]
        state = f"{name} {', '.join(patched)} mends it" + ("" if here == patched else ", once it is released")
        yield f'### Patches\n\n{state}:\n\n    {_PACKAGE} --upgrade "{name}>={patched[-1]}"'
    else:
        yield "### Patches\n\nThere is no patched version yet."
    pin = advisory.affected.replace("==", "!=") if advisory.affected == f"=={version}" else None
    way = (
        f'Keep this version out:\n\n    {_PACKAGE} "{name}{pin}"'
        if pin
        else (f"Install a version that is not `{advisory.affected}`.")
    )
    yield f"### Workarounds\n\n{way}"
    yield "### References\n\n" + "\n".join(f"- {link}" for link in _links(at, version))
    if said:
        yield f"### What the changelog says of {version}\n\n{markdown.quoted(said)}"


def _links(at: Workplace, version: str) -> Iterator[str]:
    place, tag = at.forge.place, at.tag(version)
    if "://" not in place:
        yield f"{markdown.plain(at.project.name)} {version}, tag `{tag}`"
        return
    found = at.forge.find(tag)
    if found is not None and not found.draft:
        yield f"<{found.url}>"
    yield f"<{place}>"
    yield f"<{place}/blob/HEAD/{quote(at.project.changelog)}>"


def _write(path: Path, advisory: Advisory) -> None:
    rows = {
        "Package": f"{advisory.package} (pip)",
        "Affected versions": advisory.affected,
        "Patched versions": advisory.patched or "none yet",
        "Severity": advisory.severity,
    }
    table = "\n".join(f"| {name} | {markdown.plain(value)} |" for name, value in rows.items())
    text = f"# {markdown.plain(advisory.summary)}\n\n| | |\n|---|---|\n{table}\n\n{advisory.description}\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        system.write(path, text.encode("utf-8", "replace"))
    except OSError as error:
        raise UsageError(
            f"the advisory cannot be written to {path}: {error.strerror}", "hephaestus advisory --help"
        ) from error
