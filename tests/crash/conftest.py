"""What the crash tests stand on: one world per worker, what an undisturbed release makes of it, and the table."""

import collections
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from endings import ENDINGS
from world import MOMENTS, Ground, Moment, World, alike

_LISTING = "test_a_release_has_moments_of_every_kind"


def pytest_addoption(parser):
    parser.addoption("--every-moment", action="store_true", help="kill at every moment, not only at a fixed few")


def every_moment(config) -> bool:
    # Without this directory on the command line the option is not known yet, and not wanted.
    return config.getoption("--every-moment", default=False)


def pytest_configure(config):
    """List the moments once, before the tests are collected, so that each of them is a test."""
    config.addinivalue_line("markers", "whole_table: one of the rows that only --every-moment asks for")
    config.addinivalue_line("markers", "always: runs with and without --every-moment")
    if every_moment(config) and not hasattr(config, "workerinput"):
        config.moments = _listed(Path(__file__).parent)
    elif hasattr(config, "workerinput"):
        config.moments = config.workerinput.get("moments")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    node.workerinput["moments"] = getattr(node.config, "moments", None)


def _listed(here):
    build = here.parents[1] / "build"
    build.mkdir(exist_ok=True)
    target = build / "crash-moments.json"
    target.unlink(missing_ok=True)
    words = ["-p", "no:cacheprovider", "-p", "no:xdist", "-o", "addopts=", "-q", "-k", _LISTING, str(here)]
    environment = {**os.environ, MOMENTS: str(target)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise pytest.UsageError(f"the moments cannot be listed:\n{done.stdout}\n{done.stderr}")
    return json.loads(target.read_text())


def pytest_generate_tests(metafunc):
    """Make a test of all moments that leave the same world; without the whole table there is none."""
    for command in ("release", "rollback"):
        if f"{command}_moments" in metafunc.fixturenames:
            rows = [row for row in alike(getattr(metafunc.config, "moments", None) or {}) if row[0].startswith(command)]
            ids = [f"{standing}-{moments[0]}".replace(" ", "_").replace("/", "_") for standing, moments in rows]
            metafunc.parametrize(f"{command}_moments", rows, ids=ids)


def pytest_collection_modifyitems(config, items):
    """Keep either the fixed few or the whole table."""
    mine = [item for item in items if Path(__file__).parent in item.path.parents]
    whole = every_moment(config)
    dropped = [item for item in mine if whole != (item.get_closest_marker("whole_table") is not None)]
    dropped = [item for item in dropped if item.get_closest_marker("always") is None]
    if not whole:  # of the requests that are cut, every third way, which are some of each kind
        requests = [item for item in mine if item.path.name == "test_every_request.py" and item not in dropped]
        dropped += [item for place, item in enumerate(requests) if place % 3]
    items[:] = [item for item in items if item not in dropped]
    config.hook.pytest_deselected(items=dropped)


@pytest.fixture(scope="session")
def _kept():
    return {}


@pytest.fixture
def ground(_kept, request, monkeypatch, tmp_path_factory):
    """The same ground for all tests of one worker: paths are part of what is compared."""
    # Looking at a clone must not rewrite its index.
    monkeypatch.setenv("GIT_OPTIONAL_LOCKS", "0")
    if "ground" not in _kept:
        place = request.getfixturevalue("place")
        _kept["ground"] = Ground(World(place, place.root.parent), tmp_path_factory.mktemp("aside"))
    return _kept["ground"]


class Crash:
    """One test's kills on the ground of its worker, and the rows they make in the table."""

    def __init__(self, ground: Ground, aside: Path, record) -> None:
        self.ground, self.aside, self._record = ground, aside, record

    def carry_on(self, standing: str, moment: Moment, names, *, way=None, kind=None, same=()) -> None:
        """Carry on in each of the ways, always from the very same world, and raise all that went wrong.

        `same` are other moments that leave this very world, so that what is so for this one is so for them.
        """
        ground, wrong = self.ground, []
        dead = ground.world.save(self.aside / "dead") if len(names) > 1 else None
        for place, name in enumerate(names):
            if place:
                ground.world.restore(dead)
            try:
                result = (way or ENDINGS[name])(ground)
            except AssertionError as error:
                result = "FAILED"
                wrong.append(f"{standing} was killed {moment}; {name}:\n{error}")
            self._note(kind or standing, moment, name, result)
            for each in same:
                self._note(kind or standing, each, name, f"{result}, as the same world is")
        assert not wrong, "\n\n".join(wrong)
        if dead:
            shutil.rmtree(dead)

    def _note(self, command: str, moment: Moment, ending: str, result: str) -> None:
        row = {"command": command, "step": moment.step, "kind": f"{moment.when} {moment.call}"}
        self._record("crash", {**row, "ending": ending, "result": result})


@pytest.fixture
def crash(ground, tmp_path, record_property):
    """Kill and carry on, on the ground of this worker."""
    return Crash(ground, tmp_path, record_property)


def pytest_runtest_logreport(report):
    if report.when == "call":
        _ROWS.extend(value for name, value in report.user_properties if name == "crash")


_ROWS: list[dict[str, str]] = []


def pytest_terminal_summary(terminalreporter, config):
    """Say how many cases there were, and write the table where it is whole."""
    if not _ROWS or hasattr(config, "workerinput"):
        return
    results = collections.Counter(row["result"] for row in _ROWS)
    terminalreporter.write_sep("=", "crashes")
    terminalreporter.write_line(", ".join(f"{count} {result}" for result, count in sorted(results.items())))
    if every_moment(config):
        table = config.rootpath / "build" / "crash-table.json"
        table.write_text(json.dumps({"results": results, "tables": _tables()}, indent=2) + "\n")
        terminalreporter.write_line(f"the whole table is in {table}")


def _tables():
    """Return the cases by command, then by step, by kind of moment and by ending, with the results of each."""
    told = {}
    for command in dict.fromkeys(row["command"] for row in _ROWS):
        for column in ("step", "kind", "ending"):
            counted = collections.defaultdict(collections.Counter)
            for row in _ROWS:
                if row["command"] == command:
                    counted[row[column]][row["result"]] += 1
            told.setdefault(command, {})[column] = counted
    return told
