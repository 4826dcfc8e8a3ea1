"""Whom GitHub lets in over https, and that its rules keep branch and tag out together."""

import pytest

from fakegithub import Fault
from hephaestus import system
from hephaestus.errors import Conflict, CouldNotRun, Refused
from served import MAIN, RECEIVE, TAG_REF, basic, serve
from worlds import halfway, made, script

# Each has a server, or a repository of its own, to talk to: not long, but long for many.
pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(system, "pause", lambda _seconds: None)


@pytest.fixture
def served(request, monkeypatch):
    """A release whose commit and tag wait under private refs, and the GitHub they go to."""
    yield from serve(halfway(request, "tag"), monkeypatch)


@pytest.fixture
def secure(request, monkeypatch):
    """The same over TLS."""
    yield from serve(halfway(request, "tag"), monkeypatch, secure=True)


def test_over_tls_the_token_goes_to_git_by_its_environment_alone(secure, tmp_path, monkeypatch):
    trace = tmp_path / "trace"
    monkeypatch.setenv("GIT_TRACE", str(trace))

    secure.push.apply()

    assert secure.arrived
    shown = set(secure.shown("authorization"))
    assert shown == {basic("x-access-token", secure.hub.token)}
    written = trace.read_text() + (secure.place.root / ".git/config").read_text()
    assert "git-remote-https" in written
    assert secure.hub.token not in written
    assert basic("x-access-token", secure.hub.token).removeprefix("Basic ") not in written


def test_a_server_that_nobody_vouches_for_gets_no_token(secure, monkeypatch):
    monkeypatch.delenv("GIT_SSL_CAINFO")

    with pytest.raises(CouldNotRun, match="certificate"):
        secure.push.apply()

    assert secure.shown("authorization") == []


def test_a_wrong_token_is_said_at_once_and_nobody_is_asked_for_another(secure, machine, monkeypatch):
    asked = machine / "asked"
    tell = script(machine / "tell", f'echo "$0 $*" >>{asked}; echo username=robin; echo password=mine')
    for key in ("credential.helper", f"credential.{secure.hub.url}.helper"):
        secure.place.git("config", key, str(tell))
    for name, value in {"GIT_ASKPASS": str(tell), "GIT_TERMINAL_PROMPT": "1", "GH_TOKEN": "wrong"}.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(CouldNotRun, match="does not know the token") as caught:
        secure.push.apply()

    assert caught.value.hint == "gh auth status"
    assert "terminal prompts disabled" in caught.value.message
    assert not asked.exists()
    assert secure.shown("authorization") == [basic("x-access-token", "wrong")]


def test_without_a_token_of_ours_git_asks_whom_it_always_asks(secure, monkeypatch, machine):
    monkeypatch.delenv("GH_TOKEN")
    tell = script(machine / "tell", f"echo username=robin; echo password={secure.hub.token}")
    secure.place.git("config", "credential.helper", str(tell))

    secure.push.apply()

    assert secure.arrived


@pytest.mark.parametrize("key", ["http.{url}/.extraheader", "http.{url}.extraHeader", "http.extraheader"])
def test_a_header_of_the_users_own_is_the_only_one(secure, monkeypatch, key):
    theirs = basic("kim", secure.hub.token)
    secure.place.git("config", key.format(url=secure.hub.url), f"AUTHORIZATION: {theirs}")
    monkeypatch.setenv("GH_TOKEN", "of-somebody-else")

    secure.push.apply()

    assert secure.arrived
    assert set(secure.shown("authorization")) == {theirs}


def test_a_header_that_lets_nobody_in_is_no_reason_to_leave_ours_out(secure):
    secure.place.git("config", "http.extraheader", "X-Trace: 7")

    secure.push.apply()

    assert secure.arrived
    assert set(secure.shown("x-trace")) == {"7"}


def test_whoever_may_only_read_is_refused_at_once(served):
    before = served.refs
    served.hub.permission = "read"

    with pytest.raises(Refused, match="Permission to oak/acorn"):
        served.push.apply()

    assert served.refs == before
    assert served.pushes == 1


RULES = {
    "GH006 for the branch": (lambda hub: hub.protect("main"), "GH006", "--pr"),
    "GH013 for the branch": (lambda hub: hub.rule("branch", "refs/heads/main", ["pull_request"]), "GH013", "--pr"),
    "GH013 for the tag": (lambda hub: hub.rule("tag", "refs/tags/v*", ["creation"]), "GH013", "--version 1.1.1"),
    "both": (
        lambda hub: (hub.protect("main"), hub.rule("tag", "refs/tags/v*", ["creation"])),
        "GH006",
        "--pr",
    ),
}


@pytest.mark.parametrize(("forbid", "words", "hint"), RULES.values(), ids=RULES)
def test_rules_keep_branch_and_tag_out_together(served, forbid, words, hint):
    before = served.refs
    forbid(served.hub)

    with pytest.raises(Refused, match=words) as caught:
        served.push.apply()

    assert hint in str(caught.value.hint)
    assert served.refs == before
    assert served.pushes == 1
    served.push.undo()
    assert served.refs == before


def test_a_server_that_cannot_take_all_or_nothing_gets_nothing(served):
    before = served.refs
    served.place.git("config", "receive.advertiseAtomic", "false", at=served.place.remote)

    with pytest.raises((CouldNotRun, Refused), match="atomic"):
        served.push.apply()

    assert served.refs == before
    served.place.git("config", "--unset", "receive.advertiseAtomic", at=served.place.remote)
    served.push.apply()
    assert served.arrived


@pytest.mark.parametrize("fault", [None, Fault.BAD_GATEWAY_BEFORE, Fault.CUT_AFTER])
def test_a_branch_that_moved_is_left_alone_and_gets_no_tag(served, fault):
    clone = served.place.clone("other")
    head = clone.commit("fruit.txt", "an acorn\n")
    clone.git("push", "--quiet", "origin", "main")
    if fault:
        served.hub.fail(fault, "POST", RECEIVE)

    with pytest.raises(Conflict, match=f"main on origin has moved to {head[:10]}"):
        served.push.apply()

    assert (served.refs[MAIN], TAG_REF in served.refs) == (head, False)
    served.push.undo()
    assert (served.refs[MAIN], TAG_REF in served.refs) == (head, False)


def test_where_only_the_branch_arrived_the_tag_follows(served):
    commit, _ = made(served.place)
    served.place.git("push", "--quiet", str(served.place.remote), f"{commit}:{MAIN}")

    served.push.apply()

    assert served.arrived


@pytest.mark.parametrize("fault", [None, Fault.CUT_AFTER, Fault.BAD_GATEWAY_AFTER])
def test_where_only_the_tag_arrived_nothing_is_guessed_and_the_rollback_removes_it(served, fault):
    before = served.refs
    _, tag = made(served.place)
    served.place.git("push", "--quiet", str(served.place.remote), f"{tag}:{TAG_REF}")

    with pytest.raises(Conflict, match=r"origin has the tag v1\.1\.0, and main there is without its commit"):
        served.push.apply()

    assert list(served.push.check_undo()) == []
    if fault:
        served.hub.fail(fault, "POST", RECEIVE)
    served.push.undo()
    assert served.refs == before
