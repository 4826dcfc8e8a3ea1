"""Rules about the version of the project: its places, the lock, the changelog and the newest tag."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from packaging.version import InvalidVersion, Version

from hephaestus.drift.facts import Facts
from hephaestus.drift.places import MEND, Drift, Edit, edited

__all__ = ["changelog", "changelog_link", "lock_version", "tag", "version"]

_LONGEST = 300  # of what is looked at of an address
_COMPARE = re.compile(r"/compare/(?P<tag>(?P<before>[^\s/]*?)(?P<version>\d[^\s/]*?))\.\.\.?(?=(?:HEAD|main|master)$)")


def version(facts: Facts) -> Iterator[Drift]:
    """Compare the places that state the version: that of pyproject.toml, or the first there is, with each other one.

    Where the newest section of the changelog sides with the first, a place that says an older one was forgotten.
    """
    newest = facts.history.newest.version if facts.history is not None else None
    for each in facts.stated[1:]:
        first = facts.stated[0]
        if each.text != first.text and (each.version is None or each.version != first.version):
            message = f"{each.place.path} says version {each.text}, but {first.place.path} says {first.text}"
            path, edit = each.place.path, None
            if each.version is not None and first.version is not None and newest == first.version > each.version:
                edit = Edit(path, each.place.line, each.text, first.text)
            hint = MEND if edit is not None else edited(path)
            yield Drift("version", path, message, each.place, first.place, hint, edit)


def lock_version(facts: Facts) -> Iterator[Drift]:
    """Compare the project's own entry in uv.lock with its version."""
    stated = facts.stated[0] if facts.stated else None
    for lock in facts.locks:
        own = lock.own
        if stated is not None and stated.version is not None and own is not None and own.version:
            if _is(own.version, stated.version):
                continue
            message = f"{lock.path} has the project as {own.version}, but its version is {stated.text}"
            edit = Edit(lock.path, own.place.line, f'"{own.version}"', f'"{stated.version}"')
            yield Drift("lock-version", lock.path, message, own.place, stated.place, lock.renew, edit)


def changelog(facts: Facts) -> Iterator[Drift]:
    """Compare the changelog with the newest tag, which must have a section, and its newest section with the version.

    A section that is ahead of the tags is a release being made.
    """
    told = facts.history
    if told is None:
        return
    newest = told.newest
    if facts.tag is not None and all(section.version != facts.tag.version for section in told.sections):
        message = f"{facts.tag.name} is tagged, but {told.path} has no section for {facts.tag.version}"
        hint = f"git show --stat {shlex.quote(facts.tag.name)} -- {shlex.quote(told.path)}"
        yield Drift("changelog", facts.tag.name, message, newest.place, facts.tag.place, hint)
    stated = facts.stated[0] if facts.stated else None
    if stated is None or stated.version is None or stated.version.is_prerelease or newest.version.is_prerelease:
        return
    if newest.version > stated.version:
        message = f"{told.path} tells of {newest.version}, but the version is {stated.text}"
        hint = f"hephaestus bump --version {newest.version}"
        yield Drift("changelog", str(newest.version), message, stated.place, newest.place, hint)


def changelog_link(facts: Facts) -> Iterator[Drift]:
    """Compare the links of the changelog with its sections.

    The one of Unreleased must begin at the newest section; that must have one itself where most others do.
    """
    told = facts.history
    if told is None or not told.links:
        return
    newest = told.newest
    address, place = told.links.get("unreleased", ("", newest.place))
    compare = _COMPARE.search(address[-_LONGEST:])
    known = {section.version for section in told.sections if section.sure}
    if compare and any(_is(compare["version"], each) for each in known) and not _is(compare["version"], newest.version):
        message = f"the link of Unreleased begins at {compare['tag']}, but the newest section is {newest.version}"
        old, new = compare["tag"], f"{compare['before']}{newest.version}"
        edit = Edit(place.path, place.line, f"/compare/{old}.", f"/compare/{new}.")
        yield Drift("changelog-link", "unreleased", message, place, newest.place, MEND, edit)
    if 2 * len(known & told.linked) > len(known) and newest.version not in told.linked:
        message = f"the section {newest.version} has no link, as most others have"
        above = max(
            (each for each in told.sections if each.sure and each.version in told.linked), key=lambda each: each.version
        )
        there = next(at for label, (_, at) in told.links.items() if _is(label.removeprefix("v"), above.version))
        yield Drift("changelog-link", str(newest.version), message, newest.place, there, edited(told.path))


def tag(facts: Facts) -> Iterator[Drift]:
    """Compare the newest tag with the version, where the trunk is checked out: another branch may well be behind."""
    stated = facts.stated[0] if facts.stated else None
    if facts.tag is None or stated is None or stated.version is None or not facts.tag.trunk:
        return
    if stated.version < facts.tag.version:
        message = f"the version is {stated.text}, but {facts.tag.name} is tagged"
        hint = f"git log --oneline HEAD..{shlex.quote(facts.tag.name)}"
        yield Drift("tag", facts.tag.name, message, stated.place, facts.tag.place, hint)


def _is(text: str, wanted: Version) -> bool:
    try:
        return Version(text) == wanted
    except InvalidVersion:
        return False
