"""Which version the documents of a project should speak of: one that is being released, or the last one that was."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

from hephaestus import git, keepachangelog, versions
from hephaestus.compatibility import last_release
from hephaestus.documents import pins
from hephaestus.errors import UsageError
from hephaestus.gates.shown import Shown
from hephaestus.keepachangelog import Section
from hephaestus.tree import Directory

__all__ = ["Moment", "last", "of"]


@dataclass(frozen=True)
class Moment:
    """Where a project stands between two releases.

    `version` is that of its files, or of the newest section of its changelog where they do not say one; `released`
    the last release it comes after, and `tag` its tag; `changelog` the text of the changelog, empty where there is
    none, and `sections` what it tells.
    """

    version: Version | None
    released: Version | None
    tag: str
    changelog: str
    sections: tuple[Section, ...]

    @property
    def coming(self) -> bool:
        """Whether the files are those of a version after the last release."""
        return self.version is not None and (self.released is None or self.version > self.released)

    @property
    def releasing(self) -> bool:
        """Whether a version is being released now: it has its section in the changelog, and no tag yet."""
        return self.coming and self.section is not None

    @property
    def section(self) -> Section | None:
        """The section of the version in the changelog."""
        return next((each for each in self.sections if each.version is not None and each.version == self.version), None)

    @property
    def unreleased(self) -> Section | None:
        """The section of the changelog for what is not released yet."""
        return next((each for each in self.sections if each.label.lower() == "unreleased"), None)

    @property
    def final(self) -> bool:
        """Whether the version is for everybody, and no pre-release or version of developers."""
        return self.version is not None and not self.version.is_prerelease

    @property
    def told(self) -> str:
        """What documents should name, in words."""
        if self.releasing:
            return f"the version being released is {self.version}"
        return f"the last release is {self.released}" if self.released else f"the version is {self.version}"

    def welcomes(self, text: str) -> bool:
        """Tell whether documents may name a version, as it is written there.

        While one is released that is this one, beside the last release where it is a pre-release; between two
        releases the last one, or any that comes after it, as they may be made ready before.
        """
        last = self.released or self.version
        if last is None:
            return True
        if self.releasing and self.version is not None:
            return pins.same(text, self.version) or (not self.final and pins.same(text, last))
        try:
            return pins.same(text, last) or Version(text) > last
        except InvalidVersion:
            return True


def of(shown: Shown, released: tuple[Version, str] | None) -> Moment:
    """Return where a project stands after its last release, which `last` tells.

    Raises `UsageError` where its changelog is not UTF-8.
    """
    tree = Directory(shown.root)
    data = tree.read(shown.project.changelog)
    text = keepachangelog.decode(data) if data is not None else ""
    sections = keepachangelog.sections(text)
    before, tag = released or (None, "")
    return Moment(_version(shown, tree, sections, before), before, tag, text, sections)


def last(shown: Shown) -> tuple[Version, str] | None:
    """Return the last final release that comes before the files, as version and tag, or `None` where there is none.

    While a release is made its tag is there already, at the commit that is looked at: that is not the one before.
    So it has to be asked before any gate, which may change files, works on them.
    """
    repository, facts = git.Repository(shown.root), shown.project
    if repository.resolve("HEAD") is None:
        return None
    tags = repository.line("for-each-ref", "--points-at=HEAD", "--format=%(refname:strip=2)", "refs/tags").splitlines()
    here = versions.order(tags, facts.tag or versions.template(tags, facts.normalized))
    made = str(here[0][0]) if here and not repository.changed() else None
    return last_release(repository, "HEAD", facts, made)


def _version(shown: Shown, tree: Directory, sections: tuple[Section, ...], released: Version | None) -> Version | None:
    """Return the version of the files; where they do not say one, that is for others to complain of."""
    told = [each.version for each in sections if each.version is not None]
    newest = max(told, default=released)
    try:
        said = versions.current(tree, shown.project)
        return newest if said is None else Version(said)
    except (UsageError, InvalidVersion):
        return newest
