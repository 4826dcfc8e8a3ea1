"""The Invoke tasks: flags in, one call into the library, words out. `from hephaestus import ns` gives them all."""

from __future__ import annotations

from invoke.collection import Collection

from hephaestus.tasks.cleaning import cleanup
from hephaestus.tasks.gating import gates, guard_rails
from hephaestus.tasks.guarding import drift
from hephaestus.tasks.proposing import hotfix
from hephaestus.tasks.releasing import advisory, doctor, plan, rehearse, release, rollback, status
from hephaestus.tasks.steps import build, bump, changelog, publish, tag, verify
from hephaestus.tasks.telling import announce, checklist
from hephaestus.tasks.wheelhouses import diff, inspect, install_release, jobs, serve, verify_archive, wheelhouse

__all__ = [
    "advisory",
    "announce",
    "build",
    "bump",
    "changelog",
    "checklist",
    "cleanup",
    "diff",
    "doctor",
    "drift",
    "gates",
    "guard_rails",
    "hotfix",
    "inspect",
    "install_release",
    "jobs",
    "namespace",
    "ns",
    "plan",
    "publish",
    "rehearse",
    "release",
    "rollback",
    "serve",
    "status",
    "tag",
    "verify",
    "verify_archive",
    "wheelhouse",
]


def namespace() -> Collection:
    """Return a new collection of all tasks, to be added to or put under another."""
    made = Collection()
    # Made default here and not in the decorator: a user who imports the task alone gets no default task by it.
    releasing = Collection("release")
    releasing.add_task(release, name="run", default=True)
    releasing.add_task(install_release)
    made.add_collection(releasing)
    houses = Collection("wheelhouse")
    houses.add_task(wheelhouse, name="run", default=True)
    for each in (inspect, diff, serve, verify_archive, jobs):
        houses.add_task(each)
    made.add_collection(houses)
    for each in (
        plan,
        rollback,
        advisory,
        hotfix,
        rehearse,
        status,
        bump,
        changelog,
        gates,
        guard_rails,
        build,
        tag,
        publish,
        verify,
    ):
        made.add_task(each)
    for each in (announce, checklist, cleanup, doctor, drift):
        made.add_task(each)
    return made


ns = namespace()
