"""The engine: an ordered list of steps that is checked as a whole, walked forward and walked back.

A step acts where the world is exactly as before it, does nothing where the world is exactly as it
leaves it, and raises `Conflict` anywhere else. So a plan that was killed is finished by walking it
again, and taken back by walking it backward; the journal only says how far it came.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from hephaestus.errors import ChecksFailed, Conflict, HephaestusError, Problem, UsageError
from hephaestus.journal import Journal

__all__ = ["Observer", "Plan", "Step", "apply_alone", "timed"]


@dataclass(frozen=True)
class Step:
    """One change to the world and its exact opposite; the fields are what it touches."""

    name: ClassVar[str]
    # True for the one step that makes the release visible to others; what came before it is not asked again.
    commit_point: ClassVar[bool] = False
    # True for what must stand beyond the commit point: if it is lost it is made again, while `stands` says so.
    lasting: ClassVar[bool] = False

    def describe(self) -> str:
        """Say in a few words what the step does."""
        raise NotImplementedError

    def diff(self) -> str:
        """Return the change to the project's files as a unified diff, where there is one."""
        return ""

    def check(self) -> Iterable[Problem]:
        """Yield what would make the step fail; change nothing."""
        return ()

    def apply(self) -> None:
        """Bring the world from before the step to after it; where it is after already, do nothing."""
        raise NotImplementedError

    def stands(self) -> bool:
        """Tell whether what a finished step left is still there; a stage may be deleted between two runs."""
        return True

    def check_undo(self) -> Iterable[Problem]:
        """Yield what forbids that the step is taken back; change nothing."""
        return ()

    def describe_undo(self) -> str:
        """Say in a few words what taking the step back does."""
        return "goes with the stage"

    def undo(self) -> None:
        """Bring the world back to before the step; where it is there already, do nothing."""


class Observer(Protocol):
    """Who is told what happens."""

    def planned(self, title: str, steps: Sequence[tuple[str, str]]) -> None:
        """All steps to come, in order: name and description."""

    def started(self, step: str) -> None:
        """A step begins."""

    def finished(self, step: str, seconds: float) -> None:
        """A step is done."""

    def skipped(self, step: str, why: str) -> None:
        """A step has nothing to do."""

    def failed(self, step: str, seconds: float) -> None:
        """A step raised an error."""


@dataclass(frozen=True)
class Plan:
    """The steps of one release and the journal of how far it came."""

    steps: tuple[Step, ...]
    journal: Journal

    def check(self) -> list[Problem]:
        """Ask every step that has not begun, and return all problems in the order of the steps.

        A step that has begun is not asked: its own traces would look like problems.
        """
        return [problem for step in self.steps if not self.journal.begun(step.name) for problem in step.check()]

    def remaining(self) -> tuple[Step, ...]:
        """Return the steps that still have to be applied."""
        return tuple(step for step in self.steps if self._remains(step))

    def run(self, observer: Observer, *, agree: Callable[[], None], until: str | None = None) -> None:
        """Apply what remains, up to and with the step `until`.

        `agree` is called just before the commit point and raises `NotConfirmed` to stop there.
        Raises `Conflict` where a rollback of this release was begun.
        """
        if self.journal.going_back:
            raise Conflict("this release is being rolled back")
        last = self._place(until)
        for step in self.steps[: last + 1]:
            # Asked anew each time: what a step finds gone is made again by the steps before it.
            if not self._remains(step):
                observer.skipped(step.name, "already done")
                continue
            if step.commit_point and not self.journal.begun(step.name):
                agree()
            self.journal.begin(step.name)
            self.journal.finish(step.name, timed(step, step.apply, observer))

    def undo(self, observer: Observer) -> None:
        """Take back every step that was begun, the last one first."""
        for step in reversed(self.steps):
            if self.journal.begun(step.name) and not self.journal.undone(step.name):
                self.journal.undo(step.name)
                timed(step, step.undo, observer)
                self.journal.finish_undo(step.name)

    def check_undo(self) -> list[Problem]:
        """Ask every step that was begun whether it may be taken back, and return all problems."""
        begun = [step for step in self.steps if self.journal.begun(step.name) and not self.journal.undone(step.name)]
        return [problem for step in begun for problem in step.check_undo()]

    def _remains(self, step: Step) -> bool:
        passed = [place for place, each in enumerate(self.steps) if each.commit_point and self.journal.done(each.name)]
        if passed and step in self.steps[: passed[-1] + 1] and not step.lasting:
            return False
        return not (self.journal.done(step.name) and step.stands())

    def _place(self, until: str | None) -> int:
        names = [step.name for step in self.steps]
        if until is None:
            return len(names) - 1
        if until not in names:
            raise UsageError(
                f"there is no step {until!r}; the steps are {', '.join(names)}", "hephaestus release --help"
            )
        return names.index(until)


def apply_alone(steps: Sequence[Step], observer: Observer) -> None:
    """Check steps and apply them to the checkout, without a journal.

    Raises `ChecksFailed` with all problems before anything is changed.
    """
    problems = [problem for step in steps for problem in step.check()]
    if problems:
        raise ChecksFailed(problems)
    observer.planned("in this checkout", [(step.name, step.describe()) for step in steps])
    for step in steps:
        timed(step, step.apply, observer)


def timed(step: Step, action: Callable[[], None], observer: Observer) -> float:
    """Run one action of a step between two words to the observer, and return the seconds it took.

    An error of ours is raised again with the name of the step before its message.
    """
    observer.started(step.name)
    begin = time.monotonic()
    try:
        action()
    except HephaestusError as error:
        error.message = f"{step.name}: {error.message}"
        observer.failed(step.name, time.monotonic() - begin)
        raise
    except BaseException:
        observer.failed(step.name, time.monotonic() - begin)
        raise
    seconds = time.monotonic() - begin
    observer.finished(step.name, seconds)
    return seconds
