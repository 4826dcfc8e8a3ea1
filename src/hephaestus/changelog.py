"""The step that turns the changelog's Unreleased section into the section of the new version."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from hephaestus import keepachangelog, notes, project, versions
from hephaestus.errors import Problem, UsageError
from hephaestus.plan import Step
from hephaestus.tree import Directory, Tree, unified

__all__ = ["Changelog"]


@dataclass(frozen=True)
class Changelog(Step):
    """Cut the Unreleased section into the one of `version`, dated `date` (YYYY-MM-DD, UTC).

    `before` is what checks and previews look at, `tree` what is changed; on a checkout they are the same.
    With `final` a commit that was prepared is to be released as it is, so nothing may be left under Unreleased.
    In a stage there is nothing to take back: the stage goes as a whole.
    """

    name: ClassVar[str] = "changelog"

    before: Tree
    tree: Directory
    path: str
    version: str
    date: str
    tag: str
    previous_tag: str | None
    final: bool = False

    def describe(self) -> str:
        """Say which section becomes which."""
        if self._prepared(self.before):
            return f"{self.path} has its section {self.version} already"
        return f"{self.path}: [Unreleased] becomes [{self.version}] - {self.date}"

    def diff(self) -> str:
        """Return the change to the changelog."""
        if self._prepared(self.before):
            return ""
        before = notes.changelog(self.before, self.path)
        return unified(self.path, before.encode(), self._cut(before).encode())

    def check(self) -> Iterable[Problem]:
        """Ask for a changelog with an Unreleased section that says something, and without this version.

        One that was prepared has this version, and is asked for nothing that it does not tell of.
        """
        try:
            if self._prepared(self.before):
                yield from self._leftovers()
                return
            text = notes.changelog(self.before, self.path)
            section = keepachangelog.find(text, self.version)
            if section is not None and section.yanked:
                yield Problem(
                    f"{self.version} is marked [YANKED] in {self.path}: what was withdrawn is not released again",
                    f"hephaestus release --version {versions.following(self.version, 'patch')}",
                )
            else:
                yield from keepachangelog.problems(text, self.version)
        except UsageError as error:
            yield Problem(error.message, error.hint or f"$EDITOR {self.path}")

    def apply(self) -> None:
        """Cut the section; where it was cut already, do nothing."""
        now = notes.changelog(self.tree, self.path)
        after = self._cut(notes.changelog(self.before, self.path)) if not self._prepared(self.before) else now
        # Where git converts line ends, the files of the stage have others than the commit they come from.
        if now.splitlines() == after.splitlines():
            return
        self.tree.write(self.path, self._cut(now).encode())

    def stands(self) -> bool:
        """Tell whether the section is there; in a stage that was made anew it is not until it is committed."""
        try:
            return keepachangelog.find(notes.changelog(self.tree, self.path), self.version) is not None
        except UsageError:
            return False

    def _leftovers(self) -> Iterable[Problem]:
        text = notes.changelog(self.before, self.path)
        rest = keepachangelog.unreleased(text)
        if not self.final or rest is None or keepachangelog.is_empty(rest):
            return
        section = keepachangelog.find(text, self.version)
        label = section.label if section else self.version
        named = f"[{label}]" if f"[{label}]" in text else label
        # That commit can be released: by the job that CI ran for it, which can be run again, or from a clone at it.
        yield Problem(
            f"{self.path} has more under [Unreleased] than {self.version} tells of, so this commit is past the release",
            f"git log --first-parent -S'{named}' -- {shlex.quote(self.path)}",
        )

    def _cut(self, now: str) -> str:
        return keepachangelog.cut(
            now, version=self.version, date=self.date, tag=self.tag, previous_tag=self.previous_tag
        )

    def _prepared(self, tree: Tree) -> bool:
        """Tell whether the commit was prepared by hand or by a release pull request: version and section are there."""
        facts = project.load(tree)
        section = keepachangelog.find(notes.changelog(tree, self.path), self.version)
        return section is not None and not section.yanked and versions.current(tree, facts) in (self.version, None)
