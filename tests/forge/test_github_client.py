"""The client of GitHub: what it asks twice and what never, how it waits, what it says, and what it keeps to itself."""

from __future__ import annotations

import contextlib
import gc
import logging
import socket
import sys
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from fakegithub import Fault, Hub
from hephaestus.errors import CouldNotRun, HephaestusError
from hephaestus.forge.capabilities import Advisory
from hephaestus.forge.github import GitHubForge, wire
from hephaestus.forge.github import client as clients
from hephaestus.forge.github.address import Address
from hephaestus.forge.github.client import Client, Lost, Rejected
from hephaestus.forge.github.patience import once
from hephaestus.forge.github.token import Token
from hubs import on
from scripted import TOKEN, Said, Scripted

PASSING = [Fault.CUT_BEFORE, Fault.CUT_AFTER, Fault.BAD_GATEWAY_BEFORE, Fault.BAD_GATEWAY_AFTER, Fault.UNAVAILABLE]
LIMITS = [Fault.RATE_LIMIT, Fault.SECONDARY, Fault.TOO_MANY]


@pytest.fixture
def client(hub: Hub, waits: list[float]) -> Client:
    return on(hub).client


def heard(hub: Hub, method: str) -> list[str]:
    return [exchange.path for exchange in hub.exchanges if exchange.method == method]


def draft(tag: str = "v1.1.0") -> dict[str, Any]:
    return {"tag_name": tag, "name": tag, "body": "", "draft": True}


# What is asked


def test_every_request_says_who_asks_and_for_which_version_of_the_interface() -> None:
    with Scripted([Said(document={})]) as server:
        server.client.get("")
    (_, path, headers, _) = server.heard[0]
    assert path == "/api/v3/repos/oak/acorn"
    assert headers["accept"] == "application/vnd.github+json"
    assert headers["x-github-api-version"] == "2022-11-28"
    assert headers["user-agent"].startswith("hephaestus/")
    assert headers["authorization"] == f"Bearer {TOKEN.value}"


def test_what_is_not_there_is_none_and_a_list_of_it_is_refused(client: Client) -> None:
    assert client.get("releases/1") is None
    assert client.get("")["name"] == "acorn"
    assert client.get("/user")["login"] == "robin"
    with pytest.raises(Rejected, match="404"):
        list(client.pages("issues/77/comments"))


def test_all_pages_of_a_list_are_read(client: Client, hub: Hub) -> None:
    for number in range(250):
        hub.release(f"v0.{number}.0", draft=True)
    assert len({document["tag_name"] for document in client.pages("releases")}) == 250
    assert len(heard(hub, "GET")) == 3


def test_a_link_to_another_server_is_not_followed() -> None:
    with Scripted([Said(document=[])]) as other:
        link = {"Link": f'<{other.url}/api/v3/repos/oak/acorn/releases?page=2>; rel="next"'}
        with Scripted([Said(document=[1], headers=link)]) as server, pytest.raises(CouldNotRun, match="not as GitHub"):
            list(server.client.pages("releases"))
    assert other.heard == []


def test_what_is_gone_can_be_deleted(client: Client) -> None:
    assert client.send("DELETE", "releases/1") is None
    assert client.send("DELETE", "git/refs/tags/v9") is None


def test_many_threads_share_one_client(client: Client) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: client.get("")["name"], range(40)))
    assert found == ["acorn"] * 40


def test_graphql_gives_data_or_says_what_is_wrong(client: Client) -> None:
    query = "query($owner: String!, $name: String!) { repository(owner: $owner, name: $name) { name } }"
    assert client.graphql(query, {"owner": "oak", "name": "acorn"}, repeatable=True) == {
        "repository": {"name": "acorn"}
    }
    with pytest.raises(Rejected) as caught:
        client.graphql(query, {"owner": "oak", "name": "elm"}, repeatable=True)
    assert caught.value.codes == {"NOT_FOUND"}
    assert "elm" in caught.value.said


# What is asked twice


@pytest.mark.parametrize("fault", PASSING)
def test_reading_is_tried_again_after_longer_and_longer_pauses(
    client: Client, hub: Hub, waits: list[float], fault: Fault
) -> None:
    hub.fail(fault, "GET", times=4)
    assert client.get("")["name"] == "acorn"
    assert waits == [0.5, 1.0, 2.0, 4.0]


@pytest.mark.parametrize("fault", PASSING)
def test_reading_is_given_up_when_nothing_helps(client: Client, hub: Hub, waits: list[float], fault: Fault) -> None:
    hub.fail(fault, "GET", times=9)
    with pytest.raises(CouldNotRun, match="GitHub does not answer") as caught:
        client.get("")
    assert not isinstance(caught.value, Lost)
    assert caught.value.hint
    assert len(heard(hub, "GET")) == 5


@pytest.mark.parametrize("fault", PASSING)
def test_what_makes_something_is_sent_once(client: Client, hub: Hub, fault: Fault) -> None:
    hub.fail(fault, "POST")
    with pytest.raises(Lost, match="whether it did what it was asked for is unknown"):
        client.send("POST", "releases", draft())
    assert len(heard(hub, "POST")) == 1
    assert len(hub.releases) == (fault in {Fault.CUT_AFTER, Fault.BAD_GATEWAY_AFTER})


@pytest.mark.parametrize("fault", PASSING)
def test_what_sets_a_state_is_sent_again(client: Client, hub: Hub, fault: Fault) -> None:
    made = hub.release("v1.1.0", draft=True)
    hub.fail(fault, "PATCH", times=2)
    client.send("PATCH", f"releases/{made['id']}", {"name": "Other"}, repeatable=True)
    assert hub.releases[0]["name"] == "Other"
    hub.fail(fault, "DELETE", times=2)
    client.send("DELETE", f"releases/{made['id']}")
    assert hub.releases == []


def test_a_state_whose_replies_are_all_lost_is_unknown(client: Client, hub: Hub) -> None:
    made = hub.release("v1.1.0", draft=True)
    hub.fail(Fault.CUT_AFTER, "PATCH", times=9)
    with pytest.raises(Lost):
        client.send("PATCH", f"releases/{made['id']}", {"name": "Other"}, repeatable=True)


def test_what_surely_was_not_sent_is_sent_again_whatever_it_is(waits: list[float]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    client = Client(Address(url, f"{url}/api/v3", "oak", "acorn"), TOKEN)
    with pytest.raises(CouldNotRun, match="GitHub cannot be reached") as caught:
        client.send("POST", "releases", draft())
    assert not isinstance(caught.value, Lost)
    assert waits == [0.5, 1.0, 2.0, 4.0]


@pytest.mark.parametrize("fault", LIMITS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_limit_is_waited_for_and_the_wait_is_seen(  # what is asked of it, each by its name
    hub: Hub, waits: list[float], caplog: pytest.LogCaptureFixture, fault: Fault, method: str
) -> None:
    client = on(hub).client
    caplog.set_level(logging.INFO, "hephaestus")
    hub.wait_for, hub.reset_in = 37, 37
    hub.fail(fault, method)
    assert client.get("")["name"] if method == "GET" else client.send("POST", "releases", draft())["draft"]
    assert [round(each) in range(35, 40) for each in waits] == [True]
    assert "GitHub asks to be left alone for 3" in caplog.text
    assert "Ctrl-C ends the wait" in caplog.text


def test_nobody_waits_for_an_hour(client: Client, hub: Hub, waits: list[float]) -> None:
    hub.reset_in = 3000
    hub.fail(Fault.RATE_LIMIT, "GET")
    with pytest.raises(CouldNotRun, match="left alone for 50 minutes") as caught:
        client.get("")
    assert caught.value.hint == "sleep 50m"
    assert waits == []


def test_a_limit_without_a_time_is_waited_for_longer_each_time(waits: list[float]) -> None:
    limit = Said(403, {"message": "You have exceeded a secondary rate limit."})
    with Scripted([limit, limit, limit, Said(document={"id": 1})]) as server:
        assert server.client.get("") == {"id": 1}
    assert waits == [60.0, 120.0, 240.0]


def test_a_limit_of_graphql_is_a_limit(waits: list[float]) -> None:
    limit = Said(
        document={"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]},
        headers={"x-ratelimit-remaining": "0", "x-ratelimit-reset": "60", "Date": "Thu, 01 Jan 1970 00:00:20 GMT"},
    )
    with Scripted([limit, Said(document={"data": {"a": 1}})]) as server:
        assert server.client.graphql("{ a }", {}) == {"a": 1}
    # By the server's own clock, not by ours.
    assert waits[-1] == 41.0


def test_a_limit_that_does_not_end_ends_the_waiting(waits: list[float]) -> None:
    with Scripted([Said(429, {"message": "slow down"}, {"Retry-After": "1"})]) as server, pytest.raises(Rejected):
        server.client.get("")
    assert waits == [1.0] * 5


def test_many_writes_keep_their_distance(client: Client, hub: Hub, waits: list[float]) -> None:
    for number in range(13):
        client.send("POST", "releases", draft(f"v0.{number}.0"))
    assert len(waits) == 3
    assert all(0 < pause <= 1 for pause in waits)


# What is looked for


def test_what_was_made_before_the_reply_was_lost_is_not_made_again(
    client: Client, hub: Hub, waits: list[float]
) -> None:
    hub.lag = 3
    hub.fail(Fault.CUT_AFTER, "POST")
    made = once(lambda: client.send("POST", "releases", draft()), lambda: next(iter(client.pages("releases")), None))
    assert made["id"] == hub.releases[0]["id"]
    assert len(hub.releases) == 1


def test_what_was_not_made_is_made_again(client: Client, hub: Hub) -> None:
    hub.fail(Fault.CUT_BEFORE, "POST", times=2)
    once(lambda: client.send("POST", "releases", draft()), lambda: next(iter(client.pages("releases")), None))
    assert len(hub.releases) == 1
    assert len(heard(hub, "POST")) == 3


def test_what_is_lost_three_times_and_not_there_is_an_error(client: Client, hub: Hub) -> None:
    hub.fail(Fault.CUT_BEFORE, "POST", times=9)
    with pytest.raises(Lost):
        once(lambda: client.send("POST", "releases", draft()), lambda: None)
    assert len(heard(hub, "POST")) == 3


# Where it goes


def test_a_renamed_repository_is_followed_with_the_token() -> None:
    with Scripted([Said(document={"id": 7})]) as server:
        server.answers.insert(0, Said(301, {"message": "Moved"}, {"Location": f"{server.url}/api/v3/repositories/7"}))
        assert server.client.get("") == {"id": 7}
    assert [headers["authorization"] for _, _, headers, _ in server.heard] == [f"Bearer {TOKEN.value}"] * 2


def test_another_host_is_not_told_who_we_are(tmp_path: Path) -> None:
    with Scripted([Said(body=b"bytes")]) as store, Scripted([Said(302)]) as server:
        server.answers = [Said(302, headers={"Location": f"{store.url}/file?sig=x%2Fy"})]
        server.client.download("releases/assets/1", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"bytes"
    assert store.asked == ["GET /file?sig=x%2Fy"]
    assert "authorization" in server.heard[0][2]
    assert not {"authorization", "cookie"} & store.heard[0][2].keys()


def test_a_server_that_sends_us_in_circles_is_left(waits: list[float]) -> None:
    circle = Said(302, headers={"Location": "/api/v3/again"})
    with Scripted([circle]) as server, pytest.raises(CouldNotRun, match="from one address to the next"):
        server.client.get("")


@pytest.mark.parametrize("target", ["http://127.0.0.1:1/", "ftp://127.0.0.1/x", "file:///etc/passwd", "http://[x"])
def test_a_secure_server_sends_us_to_secure_ones_only(target: str) -> None:
    address = Address("https://github.com", "https://api.github.com", "oak", "acorn")
    with pytest.raises(wire.Cut):
        wire.Wire(address, TOKEN)._next("https://api.github.com/repos/oak/acorn", target)


def test_what_is_written_does_not_follow_a_redirect() -> None:
    moved = Said(307, {"message": "Moved"}, {"Location": "/api/v3/else"})
    with Scripted([moved]) as server, pytest.raises(Rejected, match="307"):
        server.client.send("POST", "releases", draft())
    assert len(server.heard) == 1


@pytest.mark.parametrize("url", ["https://uploads.example.org/x{?name,label}", "http://127.0.0.1:1/x", "https://[x"])
def test_a_file_is_sent_to_the_servers_own_hosts_only(tmp_path: Path, url: str) -> None:
    (tmp_path / "a.whl").write_bytes(b"bytes")
    with Scripted([Said()]) as server, pytest.raises(CouldNotRun, match="not its own"):
        server.client.upload(url, tmp_path / "a.whl", "a.whl")
    assert server.heard == []


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with Scripted([Said(document={"id": 1})]) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        client = Client(Address("http://ghes.invalid", "http://ghes.invalid/api/v3", "oak", "acorn"), None)
        assert client.get("") == {"id": 1}
    assert proxy.asked == ["GET http://ghes.invalid/api/v3/repos/oak/acorn"]


def test_the_certificates_of_the_environment_are_believed_and_no_others(
    tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    with Hub(hub.bare, secure=True) as secure:
        client = Client(Address(secure.url, secure.api, "oak", "acorn"), Token(secure.token))
        with pytest.raises(CouldNotRun, match=r"cannot be reached.*(?i:certificate)"):
            client.get("")
        monkeypatch.setenv("SSL_CERT_FILE", str(secure.authority))
        client = Client(client.address, client.token)
        assert client.get("")["name"] == "acorn"


# What comes back


@pytest.mark.parametrize("body", [b"<html>Log in first</html>", b"\xff\xfe", b"[" * 100_000, b'{"a":'])
def test_what_is_no_json_is_no_answer(body: bytes) -> None:
    with Scripted([Said(body=body)]) as server:
        with pytest.raises(CouldNotRun, match="answers, but not as GitHub does") as caught:
            server.client.get("")
        assert not isinstance(caught.value, Lost)
        with pytest.raises(Lost):
            server.client.send("POST", "releases", draft())


def test_an_answer_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch, waits: list[float]) -> None:
    monkeypatch.setattr(wire, "_LARGEST", 1 << 20)
    with Scripted([Said(body=b" " * (2 << 20))]) as server, pytest.raises(CouldNotRun, match="larger than 1 MB"):
        server.client.get("")


def test_a_silent_server_is_not_waited_for_without_end(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    monkeypatch.setattr(wire, "_SILENCE", 0.2)
    hub.fail(Fault.SLOW, "GET")
    begun = time.monotonic()
    assert on(hub).client.get("")["name"] == "acorn"
    assert time.monotonic() - begun < 5


def test_a_server_that_dribbles_is_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    monkeypatch.setattr(wire, "_PATIENCE", -1)
    with Scripted([Said(document={"id": 1})]) as server, pytest.raises(CouldNotRun, match="it takes too long"):
        server.client.get("")


def test_a_download_that_is_cut_is_fetched_again_and_never_half_there(tmp_path: Path, waits: list[float]) -> None:
    data = bytes(range(256)) * 100
    with Scripted([Said(body=data, cut=1000), Said(body=data)]) as server:
        server.client.download("releases/assets/1", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == data
    with Scripted([Said(body=data, cut=1000)]) as server, pytest.raises(CouldNotRun):
        server.client.download("releases/assets/1", tmp_path / "other")
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["file"]


# What is said


def refused(
    status: int, headers: dict[str, str] | None = None, token: Token | None = TOKEN, **document: Any
) -> Rejected:
    with Scripted([Said(status, {"message": "No", **document}, headers or {})]) as server:
        client = Client(server.address, token)
        with pytest.raises(Rejected) as caught:
            client.send("POST", "releases", draft())
        assert client.address.host.startswith("127.0.0.1:")
    return caught.value


def test_a_refusal_tells_its_status_its_codes_and_the_words_of_github() -> None:
    errors = [
        {"resource": "Release", "field": "tag_name", "code": "invalid"},
        {"message": "tag_name is odd", "code": "custom"},
    ]
    error = refused(422, errors=errors)
    assert (error.status, error.codes) == (422, {"invalid", "custom"})
    assert error.said == "No; Release tag_name invalid; tag_name is odd"
    assert error.message == f"GitHub refused POST releases (422: {error.said})"
    assert error.exit_code == 11


def test_a_token_that_is_not_accepted_is_named_by_where_it_came_from() -> None:
    error = refused(401)
    assert "does not accept the token from GH_TOKEN (401: No)" in error.message
    assert error.hint
    assert error.hint.startswith("unset GH_TOKEN && gh auth login --hostname 127.0.0.1:")


def test_whoever_has_no_token_is_told_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    error = refused(401, token=None)
    assert error.hint
    assert error.hint.startswith("export GH_TOKEN=")
    (tmp_path / "gh").touch(0o755)
    for status in (401, 403, 404):
        hint = refused(status, token=None).hint
        assert hint
        assert hint.startswith("gh auth login --hostname 127.0.0.1:")


def test_a_missing_permission_is_named() -> None:
    error = refused(403, {"X-Accepted-GitHub-Permissions": "contents=write"})
    assert "lacks a permission (needed: contents=write)" in error.message
    assert error.hint
    assert error.hint.endswith("/settings/personal-access-tokens")
    error = refused(403, {"X-Accepted-OAuth-Scopes": "repo, workflow"})
    assert "lacks a scope (needed: repo, workflow)" in error.message
    error = refused(403, {"X-Accepted-OAuth-Scopes": "repo, workflow"}, Token("x", "gh"))
    assert error.hint
    assert error.hint.endswith("--scopes repo,workflow")


def test_an_organisation_that_wants_its_own_login_is_opened_only_on_its_server() -> None:
    error = refused(403, {"X-GitHub-SSO": "required; url=https://example.org/orgs/oak/sso?x=1"})
    assert error.hint
    assert "example.org" not in error.hint
    with Scripted([Said()]) as server:
        sso = f"required; url={server.url}/orgs/oak/sso?authorization_request=A"
        server.answers = [Said(403, {"message": "No"}, {"X-GitHub-SSO": sso})]
        with pytest.raises(Rejected, match="let into the organisation") as caught:
            server.client.get("")
    assert caught.value.hint == f"python -m webbrowser '{server.url}/orgs/oak/sso?authorization_request=A'"


def test_words_from_a_server_move_no_cursor_and_fill_no_screen() -> None:
    said = refused(422, message="\x1b[2J\x07a\r\nb\u202e\x9bc" + "x" * 5000).message
    assert said.isprintable()
    assert len(said) < 600


# What is kept to itself


def failures(client: Client, file: Path) -> list[Callable[[], object]]:
    upload = f"{client.address.server}/api/uploads/x"
    return [
        lambda: client.get(""),
        lambda: list(client.pages("releases")),
        lambda: client.send("POST", "releases", draft()),
        lambda: client.send("DELETE", "releases/1"),
        lambda: client.upload(upload, file, file.name),
        lambda: client.download("releases/assets/1", file.with_name("target")),
        lambda: client.graphql("{ a }", {}),
    ]


@pytest.mark.parametrize(
    "said",
    [
        Said(401, {"message": f"Bad credentials {TOKEN.value}"}),
        Said(403, {"message": TOKEN.basic}, {"X-Accepted-OAuth-Scopes": TOKEN.value}),
        Said(403, {"message": "No"}, {"X-GitHub-SSO": f"required; url=http://127.0.0.1/{TOKEN.value}"}),
        Said(404, {"message": "Not Found"}),
        Said(422, {"message": "No", "errors": [{"message": TOKEN.value, "code": TOKEN.value}]}),
        Said(500, {"message": TOKEN.value}),
        Said(200, body=f"<html>{TOKEN.value}".encode()),
        Said(200, {"errors": [{"message": TOKEN.value}]}),
        Said(200, body=b"x" * 100, cut=10),
        Said(302, headers={"Location": f"/api/v3/{TOKEN.value}"}),
        Said(302, headers={"Location": f"ftp://{TOKEN.value}/"}),
        Said(302, headers={"Location": f"http://[{TOKEN.value}/"}),
    ],
)
def test_the_token_is_in_no_error_no_log_and_no_traceback(  # every place it could be in
    said: Said, tmp_path: Path, waits: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    (tmp_path / "a.whl").write_bytes(b"bytes")
    seen = []
    with Scripted([said]) as server:
        client = server.client
        for fail in failures(client, tmp_path / "a.whl"):
            try:
                fail()
            except HephaestusError as error:
                told = traceback.TracebackException.from_exception(error, capture_locals=True)
                seen += [repr(error), error.message, str(error.hint), str(error.document()), *_lines(told)]
    # What the library says of an answer in its own debug log is what the server made of it, not of us.
    logged = [record.getMessage() for record in caplog.records]
    logged = [text for text in logged if not text.startswith("receive_response_headers.complete")]
    seen += [repr(client), repr(vars(client)), *logged]
    assert len(seen) > 10
    for secret in (TOKEN.value, TOKEN.basic.removeprefix("Basic ")):
        assert not [text for text in seen if secret in text]


def _lines(told: traceback.TracebackException) -> list[str]:
    """Return a traceback with the variables of our own code; those of the test hold what it made up itself."""
    ours = [frame for frame in told.stack if "hephaestus" in frame.filename and "tests" not in frame.filename]
    found = [f"{frame.name} {frame.line} {frame.locals}" for frame in ours]
    cause = told.__cause__ or (None if told.__suppress_context__ else told.__context__)
    return [*found, *(_lines(cause) if cause else [])]


def test_a_client_leaves_no_connection_open(hub: Hub) -> None:
    client = on(hub).client
    client.get("")
    wire_of_it = client._wire._http
    del client
    gc.collect()
    assert wire_of_it.is_closed


ADVISORY = Advisory("acorn", "<1.1", "1.1", "high", "It leaks.", "Badly.")
ASKED: dict[str, Callable[[GitHubForge], object]] = {
    "pull request": lambda forge: forge.pull_requests.find("release/v1.1.0"),
    "default branch": lambda forge: forge.pull_requests.default_branch,
    "ticket": lambda forge: required(forge.tracker).ticket(1),
    "milestone": lambda forge: required(forge.tracker).milestone("v1.1.0"),
    "comment": lambda forge: required(forge.tracker).comment(1, "text", "key"),
    "board": lambda forge: required(forge.tracker).move(1, "oak/1", "Done"),
    "discussion": lambda forge: required(forge.tracker).discuss("v1.1.0", "General"),
    "advisory": lambda forge: required(forge.advisories).draft(ADVISORY, "key"),
    "release": lambda forge: forge.find("v1.1.0"),
    "latest": lambda forge: forge.latest(),
}


def required(capability: Any) -> Any:
    assert capability is not None
    return capability


@pytest.mark.slow
@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize("document", [[{}], {}, "x", [None], {"number": 1}, 5, {"data": None}], ids=repr)
@pytest.mark.parametrize("what", ASKED)
def test_an_answer_of_another_shape_ends_in_words_and_never_in_a_traceback(what: str, document: object) -> None:
    with Scripted([Said(document=document)]) as server, contextlib.suppress(HephaestusError):
        ASKED[what](GitHubForge(server.client))


def test_no_proxy_gets_what_is_spoken_in_the_clear_to_this_machine(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert on(hub).client.get("")["full_name"] == "oak/acorn"


@pytest.mark.slow
def test_a_list_that_never_ends_is_no_whole_list(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "_PAGES", 2)
    for number in range(3):
        hub.issue(f"Issue {number}")

    with pytest.raises(CouldNotRun, match="does not come to the end of a list"):
        list(on(hub).client.pages("issues", per_page=1, state="all"))


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize("header", ["retry-after", "x-ratelimit-reset"])
def test_a_limit_of_absurd_length_ends_in_words(header: str) -> None:
    answer = Said(429, {"message": "later"}, {header: "9" * 400, "x-ratelimit-remaining": "0"})
    with Scripted([answer]) as server, pytest.raises(CouldNotRun, match="rate limit"):
        server.client.get("")
