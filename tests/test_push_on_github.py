"""A push to GitHub whose connection is lost, or that arrives late: one release or none, whatever git was told."""

import contextlib

import pytest

from fakegithub import Fault
from hephaestus import git, system
from hephaestus.errors import CouldNotRun
from served import ADVERTISED, MAIN, RECEIVE, TAG_REF, Served, draft, serve
from worlds import back, go, halfway, promise

# Each has a server, or a repository of its own, to talk to: not long, but long for many.
pytestmark = pytest.mark.slow

# How a push comes to nothing, or seems to, and whether it did.
LOST = {
    "closed before git ran": (Fault.CUT_BEFORE, False),
    "closed after git applied it": (Fault.CUT_AFTER, True),
    "502 before git ran": (Fault.BAD_GATEWAY_BEFORE, False),
    "502 after git applied it": (Fault.BAD_GATEWAY_AFTER, True),
    "503": (Fault.UNAVAILABLE, False),
    "429": (Fault.TOO_MANY, False),
}
SILENT = {"no answer": (Fault.SLOW, False), "no answer after git applied it": (Fault.SLOW_AFTER, True)}
ALWAYS = 99


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(system, "pause", lambda _seconds: None)


@pytest.fixture
def served(request, monkeypatch):
    """A release whose commit and tag wait under private refs, and the GitHub they go to."""
    yield from serve(halfway(request, "tag"), monkeypatch)


@pytest.fixture
def uploaded(request, monkeypatch):
    """A release that is whole on GitHub, but for the push."""
    for each in serve(halfway(request, "upload"), monkeypatch):
        draft(each)
        yield each


@pytest.mark.parametrize(("fault", "_applied"), LOST.values(), ids=LOST)
@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_push_whose_answer_is_lost_arrives_all_the_same(served, fault, _applied, times):
    served.hub.fail(fault, "POST", RECEIVE, times=times)

    served.push.apply()

    assert served.arrived
    before = served.pushes
    served.push.apply()
    assert served.pushes == before


@pytest.mark.parametrize(("fault", "applied"), LOST.values(), ids=LOST)
def test_a_push_that_never_gets_through_is_finished_by_the_same_command(served, fault, applied):
    served.hub.fail(fault, "POST", RECEIVE, times=ALWAYS)

    if applied:
        served.push.apply()
    else:
        with pytest.raises(CouldNotRun, match="does not arrive"):
            served.push.apply()
        assert TAG_REF not in served.refs
        served.hub.mend()
        served.push.apply()

    assert served.arrived


@pytest.mark.parametrize(("fault", "_applied"), LOST.values(), ids=LOST)
@pytest.mark.parametrize("path", [ADVERTISED, r"git-upload-pack$"], ids=["asked for refs", "read them"])
def test_a_remote_that_cannot_be_looked_at_is_no_reason_to_push(served, fault, _applied, path):
    before = served.refs
    served.hub.fail(fault, path=path, times=ALWAYS)

    with pytest.raises(CouldNotRun, match="origin does not answer"):
        served.push.apply()

    assert served.refs == before
    served.hub.mend()
    served.push.apply()
    assert served.arrived


@pytest.mark.parametrize(("fault", "_applied"), LOST.values(), ids=LOST)
def test_a_way_back_whose_answer_is_lost_leaves_nothing(served, fault, _applied):
    base = served.refs[MAIN]
    served.push.apply()
    served.hub.fail(fault, "POST", RECEIVE, times=2)

    for _ in range(3):
        with contextlib.suppress(CouldNotRun):  # the user gives the same command again
            served.push.undo()

    assert TAG_REF not in served.refs
    assert served.tree(MAIN) == served.tree(base)


@pytest.mark.parametrize(("fault", "applied"), SILENT.values(), ids=SILENT)
def test_a_github_that_falls_silent_is_given_up_after_a_while(served, monkeypatch, fault, applied):
    monkeypatch.setattr(git, "PATIENCE", (("http.lowSpeedLimit", "1"), ("http.lowSpeedTime", "1")))
    served.hub.fail(fault, "POST", RECEIVE)

    served.push.apply()

    assert served.arrived
    assert served.pushes == (1 if applied else 2)


def test_how_long_a_silence_may_last_is_left_to_whoever_has_told_git(served):
    served.place.git("config", "http.lowSpeedTime", "1")
    served.hub.fail(Fault.SLOW, "GET", ADVERTISED)

    with pytest.raises(CouldNotRun, match="too slow"):
        served.push.apply()

    assert dict(served.push.repository.remote_settings)["http.lowSpeedLimit"] == "1"
    assert "http.lowSpeedTime" not in dict(served.push.repository.remote_settings)


# Pushes that arrive late: what is looked at in between takes two requests, what is pushed takes two as well.


def keep_late(served: Served) -> None:
    """Let the push fail, and wait somewhere on its way."""
    served.hub.late.after = 10_000
    served.hub.fail(Fault.LATE, "POST", RECEIVE)
    served.hub.fail(Fault.CUT_BEFORE, "POST", RECEIVE, times=ALWAYS)


def let_arrive(served: Served, requests: int) -> None:
    """Let what waits on its way arrive, after some more requests."""
    (_, act), *_ = served.hub.late.waiting
    served.hub.mend()
    served.hub.late.waiting = [(requests, act)]


@pytest.mark.parametrize("requests", range(1, 9))
def test_a_push_that_arrives_late_counts_whenever_it_arrives(served, requests):
    served.hub.late.after = requests
    served.hub.fail(Fault.LATE, "POST", RECEIVE, times=2)

    served.push.apply()

    assert served.arrived


@pytest.mark.parametrize("requests", range(1, 9))
def test_a_push_that_arrives_late_in_a_rollback_is_taken_back(served, requests):
    base = served.refs[MAIN]
    keep_late(served)
    with pytest.raises(CouldNotRun):
        served.push.apply()
    let_arrive(served, requests)

    served.push.undo()

    assert served.hub.late.waiting == []
    assert TAG_REF not in served.refs
    assert served.tree(MAIN) == served.tree(base)


def test_a_push_that_arrives_after_a_rollback_is_taken_back_by_the_same_command(uploaded):
    base = uploaded.refs[MAIN]
    keep_late(uploaded)
    with pytest.raises(CouldNotRun) as caught:
        go(uploaded.place)
    assert "may be public" in caught.value.message
    let_arrive(uploaded, 10_000)
    assert back(uploaded.place).state == "rolled back"
    assert uploaded.hub.releases == []

    let_arrive(uploaded, 1)
    assert back(uploaded.place).state == "rolled back"

    assert TAG_REF not in uploaded.refs
    assert uploaded.tree(MAIN) == uploaded.tree(base)
    assert back(uploaded.place).said.endswith("nothing is left to do")


def test_a_push_that_arrives_late_is_the_release_of_whoever_goes_on(uploaded):
    keep_late(uploaded)
    with pytest.raises(CouldNotRun) as caught:
        go(uploaded.place)
    assert "may be public" in caught.value.message
    let_arrive(uploaded, 2)

    assert go(uploaded.place).state == "released"

    found = promise(uploaded.place)
    assert found is not None
    assert found.tag_object == uploaded.refs[TAG_REF] == uploaded.place.repository.resolve(TAG_REF)
    assert [each["draft"] for each in uploaded.hub.releases] == [False]
    assert uploaded.hub.made_tags == []


@pytest.mark.parametrize("ending", ["again", "back"])
@pytest.mark.parametrize("fault", [Fault.CUT_AFTER, Fault.BAD_GATEWAY_AFTER, Fault.UNAVAILABLE])
def test_whatever_became_of_the_push_there_is_one_release_or_none(uploaded, fault, ending):
    base = uploaded.refs[MAIN]
    uploaded.hub.fail(fault, "POST", RECEIVE, times=ALWAYS)
    with contextlib.suppress(CouldNotRun):
        go(uploaded.place, "push")
    uploaded.hub.mend()

    if ending == "again":
        assert go(uploaded.place).state == "released"
        assert uploaded.refs[TAG_REF] == uploaded.place.repository.resolve(TAG_REF)
        assert [each["draft"] for each in uploaded.hub.releases] == [False]
    else:
        assert back(uploaded.place).state == "rolled back"
        assert TAG_REF not in uploaded.refs
        assert uploaded.tree(MAIN) == uploaded.tree(base)
        assert uploaded.hub.releases == []
    assert uploaded.hub.made_tags == []
