"""Where things stand in a clone: the versions, what is in flight, and the commands that come next."""

from __future__ import annotations

from typing import Any

from hephaestus import checkout, git, journal, versions
from hephaestus.release import STEPS, workplace

__all__ = ["status"]


def status(repository: git.Repository) -> dict[str, Any]:
    """Return what the clone shows: project, version, last release, forge, and each release in flight."""
    base, branch = checkout.base(repository)
    at = workplace(repository, base)
    earlier = versions.order(repository.reachable_tags(base), at.template)
    begun = journal.in_flight(journal.directory(repository.common_directory))
    return {
        "project": at.project.normalized,
        "version": versions.current(git.Commit(repository, base), at.project),
        "branch": branch,
        "commit": base,
        "last_release": earlier[0][1] if earlier else None,
        "forge": at.forge.place,
        "in_flight": [_flight(record) for record in begun],
    }


def _flight(record: journal.Journal) -> dict[str, Any]:
    version = record.facts["version"]
    done = [name for name in STEPS if record.done(name)]
    back = f"hephaestus rollback --version {version}"
    return {
        "tag": record.facts["tag"],
        "begun": record.facts["time"],
        "done": done,
        "going_back": record.going_back,
        "next": [back] if record.going_back else [f"hephaestus release --version {version}", back],
    }
