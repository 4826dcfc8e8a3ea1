"""A release is killed at a moment; then it is finished by the same command, or taken back, here or from another clone.

A fixed few moments by default; with --every-moment all there are, each with every way to carry on. Many moments leave,
byte for byte, the same world, as a question to git changes nothing: of those the first is killed and carried on from.
"""

import ast
import functools
import json
import os
import random
from dataclasses import asdict
from pathlib import Path

import pytest
from endings import ENDINGS, taken_back
from world import COMMANDS, FIRST, KILLED, MOMENTS, RELEASE, ROLLBACK, SEVERE, alike

import hephaestus
from hephaestus import release

pytestmark = pytest.mark.slow

STEPS = ("before", *release.STEPS, "after")
OTHERS = [name for name in ENDINGS if name != "resumed"]
# How long a program may run before its release is killed.
PROGRAMS = {
    "git commit": (0.0, 0.004, 0.008),
    "git fetch": (0.0, 0.004, 0.008),
    "git push": (0.0, 0.005, 0.01, 0.02, 0.04),
    "python _hooks.py": (0.02, 0.1),
    "python -m nox": (0.1, 0.3, 0.5),
    "uv pip": (0.01, 0.05),
}


@pytest.mark.always
def test_a_release_has_moments_of_every_kind(ground):
    moments = ground.stand("release")

    assert {moment.step for moment in moments} == set(STEPS)
    assert {moment.when for moment in moments} == {"before", "in the middle of", "after"}
    assert {moment.call for moment in moments} == {"append", "copy", "remove", "rename", "replace", "run", "write"}
    if MOMENTS in os.environ:
        listed = {standing: [asdict(moment) for moment in ground.stand(standing)] for standing in COMMANDS}
        Path(os.environ[MOMENTS]).write_text(json.dumps(listed))


@pytest.mark.always
def test_nobody_takes_a_function_of_the_machines_door_by_its_own_name():
    package = Path(hephaestus.__file__).parent
    taken = [
        f"{file.name}: {alias.name}"
        for file in sorted(package.rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "hephaestus.system"
        for alias in node.names
    ]

    assert not taken


# Every other step has a moment here, in each way to carry on; the whole table has all of both.
@pytest.mark.parametrize(
    ("step", "first"), [(step, place % 2 == 0) for place, step in enumerate(STEPS) if place % 4 in (0, 3)]
)
def test_a_release_killed_in_a_step_is_finished_or_taken_back(crash, step, first):
    name = "resumed" if first else OTHERS[STEPS.index(step) % len(OTHERS)]
    chance = random.Random(f"{step} {name}")
    moments = [moment for moment in crash.ground.stand("release") if moment.step == step]
    call = chance.choice(sorted({moment.call for moment in moments}))
    moment = chance.choice([moment for moment in moments if moment.call == call])

    crash.ground.kill("release", moment)

    crash.carry_on("release", moment, (name,))


@pytest.mark.parametrize(
    ("program", "kind", "name"),
    [
        ("git commit", "together", "resumed"),
        ("git push", "orphan", "resumed"),
        ("git push", "together", "taken back"),
        ("python _hooks.py", "orphan", "resumed"),
        ("python -m nox", "orphan", "resumed"),
        ("uv pip", "together", "taken back"),
    ],
)
def test_a_release_killed_while_a_program_runs_is_finished_or_taken_back(crash, program, kind, name):
    kill_in_program(crash, program, kind, PROGRAMS[program][1], name)


@pytest.mark.whole_table
@pytest.mark.parametrize("name", ["resumed", "taken back"])
@pytest.mark.parametrize("kind", ["orphan", "together"])
@pytest.mark.parametrize(("program", "delay"), [(name, delay) for name, times in PROGRAMS.items() for delay in times])
def test_a_release_killed_while_any_program_runs_is_finished_or_taken_back(crash, program, kind, delay, name):
    kill_in_program(crash, program, kind, delay, name)


@pytest.mark.parametrize("seed", range(4))
def test_a_release_killed_twice_is_finished_or_taken_back(crash, seed):
    kill_twice(crash, seed)


@pytest.mark.whole_table
@pytest.mark.parametrize("seed", range(4, 64))
def test_a_release_killed_twice_anywhere_is_finished_or_taken_back(crash, seed):
    kill_twice(crash, seed)


@pytest.mark.whole_table
def test_a_release_killed_at_any_moment_is_finished_or_taken_back(crash, release_moments):
    standing, (moment, *same) = release_moments

    crash.ground.kill(standing, moment)

    crash.carry_on(standing, moment, tuple(ENDINGS), same=same)


@pytest.mark.whole_table
def test_a_rollback_killed_at_any_moment_is_finished_by_the_same_command(crash, rollback_moments):
    standing, (moment, *same) = rollback_moments

    crash.ground.kill(standing, moment)

    again = functools.partial(taken_back, public=COMMANDS[standing][1])
    crash.carry_on(standing, moment, ("taken back",), way=again, same=same)


@pytest.mark.whole_table
@pytest.mark.parametrize("seed", range(12))
def test_moments_that_are_said_to_leave_the_same_world_do(crash, request, seed):
    rows = [row for row in alike(request.config.moments) if len(row[1]) > 1]
    standing, moments = random.Random(seed).choice(rows)
    left = set()
    for moment in (moments[0], moments[-1]):
        crash.ground.kill(standing, moment)
        left.add(crash.ground.world.fingerprint())

    assert len(left) == 1, f"{standing}: {moments[0]} and {moments[-1]} leave different worlds"


def kill_in_program(crash, program, kind, delay, name):
    """Kill a release while one of its programs runs, and carry on at once, while an orphan may still run."""
    ground = crash.ground
    started = [moment for moment in ground.stand("release") if (moment.when, moment.call) == ("before", "run")]
    chance = random.Random(f"{program} {kind} {delay} {name}")
    fitting = [moment for moment in started if moment.words.startswith(program) and moment.step != "before"]
    moment = chance.choice(fitting)
    died = ground.world.drive(started.index(moment) + 1, kind, *RELEASE, clock=FIRST, delay=delay)
    assert died.code == KILLED, f"was not killed in {program}, but ended with {died.code}:\n{died.said}"

    def at_once(ground):
        result = taken_back(ground, late=True) if name == "taken back" else ENDINGS[name](ground)
        seen = ground.place.snapshot()
        died.settle()
        assert ground.place.snapshot() == seen, f"{program} did something after all was over"
        return result

    told = f"{kind}, {delay} s into {program} in step {moment.step}"
    crash.carry_on(told, moment, (name,), way=at_once, kind=kind)


def kill_twice(crash, seed):
    """Kill a release, then the resume or the rollback of it, and carry on in one of the ways that are left."""
    ground, chance = crash.ground, random.Random(seed)
    moment = chance.choice(ground.stand("release"))
    ground.kill("release", moment)
    public, begun = ground.world.public(), ground.world.begun()
    back = begun and chance.random() < 0.5
    words = (SEVERE if public == "published" else ROLLBACK) if back else RELEASE
    number = chance.randrange(1, 120 if back else 300)
    listed = crash.aside / "second"
    again = ground.world.drive(number, "moment", *words, listed=listed)
    again.settle()
    assert again.code in (KILLED, 0), f"ended with {again.code}:\n{again.said}"
    second = f"{moment}, then {' '.join(words[:1])} at moment {number}"

    if back:
        crash.carry_on(second, moment, ("taken back",), way=lambda ground: taken_back(ground, public), kind="twice")
    else:
        crash.carry_on(second, moment, (chance.choice(list(ENDINGS)),), kind="twice")
