"""Two states of a project, the last release and a tree, and what can be read of the way from one to the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from packaging.version import Version

from hephaestus import git, notes, project, tables, versions
from hephaestus.compatibility import changes, history, layout, metadata, promise, reading
from hephaestus.compatibility.effect import Effect, Evidence
from hephaestus.compatibility.settings import TABLE, Settings
from hephaestus.compatibility.surface import Surface
from hephaestus.errors import CouldNotRun, HephaestusError, UsageError
from hephaestus.findings import Finding
from hephaestus.tree import Tree

__all__ = ["States", "present"]


@dataclass(frozen=True)
class States:
    """The two states of a project: `tree` with its `facts`, and the `previous` release by version and tag.

    `revision` is the newest commit that counts.
    """

    repository: git.Repository
    tree: Tree
    facts: project.Project
    settings: Settings
    previous: tuple[Version, str]
    revision: str

    @cached_property
    def old(self) -> git.Commit:
        """The files of the previous release; raises `CouldNotRun` where its tag holds no commit."""
        found = self.repository.resolve(f"refs/tags/{self.previous[1]}^{{commit}}")
        if found is None:
            raise CouldNotRun(f"there is no commit at {self.previous[1]}", "git fetch --tags")
        return git.Commit(self.repository, found)

    @cached_property
    def old_facts(self) -> project.Project:
        """The facts of the project at the previous release, or those of today where they cannot be read."""
        try:
            return project.load(self.old)
        except HephaestusError:
            return self.facts

    @cached_property
    def present(self) -> str | None:
        """The version the tree says, where that is above the previous one."""
        said = present(self.tree, self.facts)
        return said if said is not None and Version(said) > self.previous[0] else None

    def told(self, version: str | None) -> history.Told | None:
        """Return what the changelog tells of a version (without one, of that the tree says), or of what comes next."""
        try:
            text = notes.changelog(self.tree, self.facts.changelog)
        except UsageError:
            return None  # that there is none is for others to say; here it tells nothing
        for label in dict.fromkeys((version or self.present, None)):
            found = history.told(text, self.facts.changelog, label, self.settings.python)
            if found is not None and (found.evidence or label is None):
                return found
        return None

    def commits(self, labels: Mapping[int, Sequence[str]] | None) -> list[Evidence]:
        """Return what commits are marked as; those that mend something are one piece of evidence together."""
        found = history.commits(self.repository, self.previous[1], self.revision, labels)
        kept = [each for each in found if each.effect is not Effect.FIX]
        fixes = [each for each in found if each.effect is Effect.FIX]
        if fixes:
            more = f" and {len(fixes) - 1} more" if len(fixes) > 1 else ""
            kept.append(Evidence(fixes[0].subject, f"{fixes[0].message}{more}", Effect.FIX, "commit"))
        return kept

    def metadata(self) -> tuple[list[Evidence], list[Finding]]:
        """Return what has changed in `[project]`, or a note that it cannot be compared."""
        before, after = self.old.read("pyproject.toml"), self.tree.read("pyproject.toml")
        found = metadata.compare(before, after, self.settings.python)
        if found is not None:
            return found, []
        said = f"{self.previous[1]} has no [project] in pyproject.toml, so dependencies and commands are not compared"
        return [], [Finding(said, "pyproject.toml", rule="metadata", level="note")]

    def api(self) -> tuple[list[Evidence], list[Finding]]:
        """Return what has changed for those who import the project, and notes on what cannot be seen.

        Raises `CouldNotRun` where no package is found, or a file of one cannot be read as Python.
        """
        if self.settings.packages == ():
            return [], []
        wanted = self._wanted()
        ours, compiled = layout.modules(self.tree.paths(), self.facts, wanted)
        theirs, _ = layout.modules(self.old.paths(), self.old_facts, wanted)
        if not ours and not theirs:
            missing = f"the package {', '.join(wanted)}" if wanted else "a package to import"
            raise CouldNotRun(f"{missing} cannot be found: name what is imported in [{TABLE}] packages", tables.SHOW)
        unseen = "it is compiled and has no stub, so what it offers is not compared"
        said = [Finding(unseen, path, rule="compiled", level="note") for path in compiled]
        now, before = _sources(self.tree, ours), _sources(self.old, theirs)
        if _said(ours, now) == _said(theirs, before):
            return [], said
        return changes.compare(self._at_release(theirs, before), reading.load(ours, now), self.previous[1]), said

    def _wanted(self) -> Sequence[str]:
        if self.settings.packages is not None:
            return self.settings.packages
        ours, theirs = layout.names(self.tree.paths(), self.facts), layout.names(self.old.paths(), self.old_facts)
        return list(dict.fromkeys((*ours, *theirs)))

    def _at_release(self, modules: Mapping[str, layout.Module], sources: Mapping[str, bytes]) -> Surface:
        try:
            return reading.load(modules, sources)
        except CouldNotRun as error:
            raise CouldNotRun(f"at {self.previous[1]}, {error.message}", error.hint) from error

    def scheme(self) -> tuple[str, list[tuple[Version, date]]]:
        """Return what the numbers of versions mean, and the final releases with their days, the newest first."""
        days = self._days()
        return self.settings.scheme or ("calver" if promise.by_date(days) else "semver"), days

    def _days(self) -> list[tuple[Version, date]]:
        version, tag = self.previous
        listed = self.repository.line("for-each-ref", "--format=%(creatordate:short) %(refname:strip=2)", "refs/tags")
        days = {name: day for day, _, name in (line.partition(" ") for line in listed.splitlines())}
        template = self.facts.tag or versions.template(days, self.facts.normalized)
        earlier = [(each, name) for each, name in versions.order(days, template) if each <= version or name == tag]
        return [(each, date.fromisoformat(days[name])) for each, name in earlier if not each.is_prerelease]


def present(tree: Tree, facts: project.Project) -> str | None:
    """Return the version a tree says, or `None` where it says none, or several."""
    try:
        said = versions.current(tree, facts)
        return None if said is None else str(Version(said))
    except (UsageError, ValueError):
        return None


def _sources(tree: Tree, modules: Mapping[str, layout.Module]) -> dict[str, bytes]:
    return layout.contents(tree, [path for each in modules.values() for path in (each.path, each.stub) if path])


def _said(modules: Mapping[str, layout.Module], sources: Mapping[str, bytes]) -> dict[str, tuple[bytes | None, ...]]:
    return {name: (sources.get(each.path), sources.get(each.stub)) for name, each in modules.items()}
