"""The engine: a plan is asked as a whole, walked forward, killed anywhere, carried on, and walked back."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from hephaestus import journal
from hephaestus.errors import ChecksFailed, Conflict, HephaestusError, NotConfirmed, Problem, Refused, UsageError
from hephaestus.plan import Plan, Step, apply_alone


@dataclass(frozen=True)
class File(Step):
    """A real step: a file with a known text. Without a directory it cannot be made; other text in it is a conflict."""

    path: Path

    def describe(self) -> str:
        return f"makes {self.path.name}"

    def check(self) -> Iterable[Problem]:
        if not self.path.parent.is_dir():
            yield Problem(f"there is no directory for {self.name}", f"mkdir {self.path.parent}")
        if self.path.exists():
            yield Problem(f"{self.name} is in the way", f"rm {self.path}")

    def apply(self) -> None:
        if self.path.exists() and self.path.read_text() != self.name:
            raise Conflict(f"{self.path.name} holds something else", f"rm {self.path}")
        self.path.write_text(self.name)

    def stands(self) -> bool:
        return self.path.exists()

    def check_undo(self) -> Iterable[Problem]:
        if self.path.exists() and self.path.read_text() != self.name:
            yield Problem(f"{self.path.name} was changed since", f"cat {self.path}")

    def undo(self) -> None:
        if self.path.exists() and self.path.read_text() != self.name:
            raise Conflict(f"{self.path.name} was changed since", f"cat {self.path}")
        self.path.unlink(missing_ok=True)


class First(File):
    name: ClassVar[str] = "first"


class Second(File):
    name: ClassVar[str] = "second"


class Push(File):
    name: ClassVar[str] = "push"
    commit_point: ClassVar[bool] = True


class Last(File):
    name: ClassVar[str] = "last"


class Teller:
    """Remembers what it was told, in order."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def planned(self, title: str, steps: Sequence[tuple[str, str]]) -> None:
        self.told.append(f"planned {title} of {len(steps)}")

    def started(self, step: str) -> None:
        self.told.append(f"started {step}")

    def finished(self, step: str, seconds: float) -> None:
        assert seconds >= 0
        self.told.append(f"finished {step}")

    def skipped(self, step: str, why: str) -> None:
        self.told.append(f"skipped {step}: {why}")

    def failed(self, step: str, seconds: float) -> None:
        assert seconds >= 0
        self.told.append(f"failed {step}")


def agreed() -> None:
    pass


def refused() -> None:
    raise NotConfirmed("nobody said yes")


NAMES = ("first", "second", "push", "last")
FACTS = {"tag": "v1.1.0"}


@dataclass
class World:
    """A directory in which a plan makes one file per step."""

    root: Path

    @property
    def steps(self) -> tuple[Step, ...]:
        return tuple(kind(self.root / kind.name) for kind in (First, Second, Push, Last))

    def plan(self) -> Plan:
        """Return the plan as another process would see it."""
        home = self.root / "journals"
        return Plan(self.steps, journal.find(home, "v1.1.0") or journal.create(home, "v1.1.0", FACTS))

    def run(self, until: str | None = None, agree: Callable[[], None] = agreed) -> list[str]:
        teller = Teller()
        self.plan().run(teller, agree=agree, until=until)
        return teller.told

    def undo(self) -> list[str]:
        teller = Teller()
        self.plan().undo(teller)
        return teller.told

    def made(self) -> list[str]:
        return [name for name in NAMES if (self.root / name).exists()]


@pytest.fixture
def world(tmp_path: Path) -> World:
    (tmp_path / "world").mkdir()
    return World(tmp_path / "world")


def everything(of: Iterable[str] = NAMES) -> list[str]:
    return [f"{word} {name}" for name in of for word in ("started", "finished")]


# Asking


def test_the_problems_of_all_steps_are_collected_in_their_order_and_nothing_is_changed(tmp_path: Path) -> None:
    steps = (First(tmp_path / "a" / "first"), Second(tmp_path / "second"), Last(tmp_path / "b" / "last"))
    (tmp_path / "second").write_text("mine")

    problems = Plan(steps, journal.create(tmp_path / "journals", "v1", {})).check()

    assert [problem.message for problem in problems] == [
        "there is no directory for first",
        "second is in the way",
        "there is no directory for last",
    ]
    assert all(problem.hint for problem in problems)
    assert (tmp_path / "second").read_text() == "mine"
    assert not (tmp_path / "a").exists()


def test_a_step_that_was_begun_is_not_asked_for_its_own_traces_would_look_like_problems(world: World) -> None:
    world.run(until="first")
    world.plan().journal.begin("second")
    (world.root / "second").write_text("second")
    (world.root / "push").write_text("somebody else's")

    assert [problem.message for problem in world.plan().check()] == ["push is in the way"]


# Forward


def test_steps_are_applied_in_order_and_each_is_written_down(world: World) -> None:
    assert world.run() == everything()

    assert world.made() == list(NAMES)
    record = world.plan().journal
    assert [word for line in record.records for word in line if word in ("begin", "done")] == ["begin", "done"] * 4
    assert list(record.seconds) == list(NAMES)


@pytest.mark.parametrize("until", NAMES)
def test_until_stops_after_that_step_and_the_same_without_it_goes_on(world: World, until: str) -> None:
    so_far = NAMES[: NAMES.index(until) + 1]
    assert world.run(until=until) == everything(so_far)
    assert world.made() == list(so_far)

    told = world.run()

    assert told == [f"skipped {name}: already done" for name in so_far] + everything(NAMES[len(so_far) :])
    assert world.made() == list(NAMES)


def test_a_step_that_does_not_exist_is_refused_with_the_names_of_those_that_do(world: World) -> None:
    with pytest.raises(UsageError, match="there is no step 'frist'; the steps are first, second, push, last"):
        world.run(until="frist")

    assert world.made() == []


def test_what_does_not_stand_any_more_is_made_again_and_what_stands_is_left(world: World) -> None:
    world.run(until="second")
    (world.root / "first").unlink()

    assert world.run() == [*everything(["first"]), "skipped second: already done", *everything(["push", "last"])]
    assert world.made() == list(NAMES)


def test_past_the_commit_point_nothing_before_it_is_asked_or_made_again(world: World) -> None:
    world.run(until="push")
    (world.root / "first").unlink()
    (world.root / "push").unlink()

    assert world.run() == [*(f"skipped {name}: already done" for name in NAMES[:3]), *everything(["last"])]
    assert world.made() == ["second", "last"]


def test_a_step_that_was_begun_and_not_done_is_applied_again(world: World) -> None:
    world.run(until="first")
    world.plan().journal.begin("second")
    (world.root / "second").write_text("second")  # it was killed after its work, before it could say so

    assert world.run() == ["skipped first: already done", *everything(NAMES[1:])]


def test_nothing_passes_the_commit_point_until_somebody_agrees(world: World) -> None:
    with pytest.raises(NotConfirmed):
        world.run(agree=refused)
    assert world.made() == ["first", "second"]
    assert not world.plan().journal.begun("push")

    world.run()
    assert world.made() == list(NAMES)


def test_consent_is_asked_once_and_just_before_the_commit_point(world: World) -> None:
    asked: list[list[str]] = []
    world.run(agree=lambda: asked.append(world.made()))
    assert asked == [["first", "second"]]

    world.run(agree=refused)


def test_a_push_that_was_begun_is_finished_without_asking_again(world: World) -> None:
    world.run(until="second")
    world.plan().journal.begin("push")

    world.run(agree=refused)

    assert world.made() == list(NAMES)


def test_a_release_that_is_being_rolled_back_does_not_go_forward(world: World) -> None:
    world.run(until="first")
    world.plan().journal.turn_back(published=False)

    with pytest.raises(Conflict, match="being rolled back"):
        world.run()
    assert world.made() == ["first"]


# Errors


def test_an_error_carries_the_name_of_its_step_once_and_the_step_stays_begun(world: World) -> None:
    (world.root / "second").write_text("something else")
    teller = Teller()

    with pytest.raises(Conflict) as caught:
        world.plan().run(teller, agree=agreed)

    assert caught.value.message == "second: second holds something else"
    assert caught.value.hint == f"rm {world.root / 'second'}"
    assert teller.told == [*everything(["first"]), "started second", "failed second"]
    assert world.plan().journal.begun("second")
    assert not world.plan().journal.done("second")


def test_an_error_that_is_nobodys_fault_is_told_and_passed_on_as_it_is(world: World) -> None:
    (world.root / "second").mkdir()
    teller = Teller()

    with pytest.raises(IsADirectoryError):
        world.plan().run(teller, agree=agreed)

    assert teller.told[-1] == "failed second"


def test_every_error_has_an_exit_code_of_its_own() -> None:
    kinds = [HephaestusError, *HephaestusError.__subclasses__()]

    assert len({kind.exit_code for kind in kinds}) == len(kinds)
    assert Refused("no").exit_code == 11
    assert ChecksFailed([Problem("a", "b")]).message == "1 problem found, nothing was changed"
    assert ChecksFailed([Problem("a", "b")] * 2).message == "2 problems found, nothing was changed"


# Backward


@pytest.mark.parametrize("until", NAMES)
def test_going_back_takes_what_was_begun_and_nothing_else_the_last_one_first(world: World, until: str) -> None:
    so_far = NAMES[: NAMES.index(until) + 1]
    world.run(until=until)
    for name in NAMES[len(so_far) :]:
        (world.root / name).write_text(name)  # the same bytes, but never begun by us

    assert world.undo() == everything(reversed(so_far))
    assert world.made() == list(NAMES[len(so_far) :])


def test_a_step_that_was_begun_and_not_done_is_taken_back(world: World) -> None:
    world.run(until="first")
    world.plan().journal.begin("second")
    (world.root / "second").write_text("second")

    world.undo()

    assert world.made() == []


def test_going_back_twice_does_nothing_the_second_time(world: World) -> None:
    world.run()
    world.undo()
    (world.root / "first").write_text("first")

    assert world.undo() == []
    assert world.made() == ["first"]


def test_a_rollback_that_stopped_goes_on_where_it_stopped(world: World) -> None:
    world.run()
    (world.root / "second").write_text("changed by somebody")
    with pytest.raises(Conflict) as caught:
        world.undo()
    assert caught.value.message == "second: second was changed since"
    assert world.made() == ["first", "second"]

    (world.root / "second").write_text("second")
    assert world.undo() == everything(["second", "first"])
    assert world.made() == []


def test_going_back_is_asked_of_the_steps_that_were_begun_only(world: World) -> None:
    world.run(until="second")
    for name in ("second", "push"):
        (world.root / name).write_text("changed by somebody")

    assert [problem.message for problem in world.plan().check_undo()] == ["second was changed since"]
    (world.root / "second").write_text("second")
    world.undo()
    (world.root / "second").write_text("changed by somebody")
    assert world.plan().check_undo() == []


# Alone


def test_steps_alone_are_all_asked_before_the_first_one_changes_anything(tmp_path: Path) -> None:
    steps = (First(tmp_path / "first"), Second(tmp_path / "missing" / "second"))
    teller = Teller()

    with pytest.raises(ChecksFailed) as caught:
        apply_alone(steps, teller)

    assert [problem.message for problem in caught.value.problems] == ["there is no directory for second"]
    assert caught.value.exit_code == 3
    assert teller.told == []
    assert not (tmp_path / "first").exists()


def test_steps_alone_are_applied_in_order_without_a_journal(tmp_path: Path) -> None:
    teller = Teller()
    apply_alone((First(tmp_path / "first"), Second(tmp_path / "second")), teller)

    assert teller.told == ["planned in this checkout of 2", *everything(["first", "second"])]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "second"]


def test_a_step_that_says_no_more_has_nothing_to_ask_nothing_to_show_and_nothing_to_take_back() -> None:
    class Plain(Step):
        name: ClassVar[str] = "plain"

    step = Plain()

    assert (list(step.check()), list(step.check_undo()), step.diff(), step.stands()) == ([], [], "", True)
    assert step.describe_undo() == "goes with the stage"
    step.undo()
