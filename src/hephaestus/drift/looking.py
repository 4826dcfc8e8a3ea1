"""The look at a project: gather the facts, ask every rule, and set aside what is ignored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from hephaestus.drift import about_packages, about_pythons, about_releases, readme, targets
from hephaestus.drift import settings as written
from hephaestus.drift.facts import Facts, gather
from hephaestus.drift.files import Files
from hephaestus.drift.places import MEND, Drift, Report, edited
from hephaestus.drift.settings import Settings

__all__ = ["look"]

_RULES: tuple[Callable[[Facts], Iterator[Drift]], ...] = (
    about_releases.version,
    about_releases.tag,
    about_releases.changelog,
    about_releases.changelog_link,
    about_releases.lock_version,
    about_pythons.lock_python,
    about_pythons.classifiers,
    about_pythons.python_files,
    about_pythons.ci_python,
    about_pythons.ci_classifiers,
    targets.targets,
    about_pythons.image,
    about_packages.pins,
    about_packages.lock_declared,
    about_packages.pre_commit,
    about_pythons.installed_python,
    about_packages.installed_version,
    about_packages.installed_declared,
    about_packages.installed_lock,
    readme.readme_python,
    readme.readme_version,
)


def look(
    root: Path,
    settings: Settings | None = None,
    environment: Path | None = None,
    changed: Mapping[str, bytes] | None = None,
) -> Report:
    """Return where the files of a project disagree: a function of the files below its root.

    `settings` are those of pyproject.toml where they are not given. `environment` is a virtual environment to compare
    with where the root holds none. `changed` are bytes that take the place of those of a file.

    Raises `UsageError` where pyproject.toml or its settings cannot be read. Any other file that cannot be read is in
    the report.
    """
    files = Files(root, changed)
    facts = gather(files, environment)
    if settings is None:
        settings = written.read(facts.project.table("tool", "hephaestus", "drift"))
    drifts, ignored = [], []
    for drift in (_fitting(drift, files) for rule in _RULES for drift in rule(facts)):
        reason = settings.reason(drift.rule, drift.subject)
        if reason:
            ignored.append(replace(drift, reason=reason))
        else:
            drifts.append(drift)
    unread = tuple(finding for finding in files.unread if not settings.reason("unread", finding.path))
    return Report(tuple(drifts), tuple(ignored), unread)


def _fitting(drift: Drift, files: Files) -> Drift:
    """Return a drift without its edit where that does not fit: then somebody has to look at the line."""
    edit = drift.edit
    if edit is None or edit.applied(files.read(edit.path) or b"") is not None:
        return drift
    return replace(drift, edit=None, hint=edited(edit.path) if drift.hint == MEND else drift.hint)
