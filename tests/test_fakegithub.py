"""The GitHub of the tests behaves as GitHub does wherever we could notice, and its judge catches who does not."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

import pytest

from fakegithub import Fault, Hub
from places import Place

# Each has a server, or a repository of its own, to talk to: not long, but long for many.
pytestmark = pytest.mark.slow


class Said(NamedTuple):
    status: int
    document: Any
    headers: dict[str, str]


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def ask(hub: Hub, method: str, path: str, document: object = None, **more: Any) -> Said:
    """Say something to the API, and return what was answered."""
    address = path if path.startswith("http") else f"{hub.here}{path}"
    body = more.get("data") if document is None else json.dumps(document).encode()
    token = more.get("token", hub.token)
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    request = Request(address, body, {**headers, **more.get("headers", {})}, method=method)
    try:
        with build_opener(_Stay).open(request, timeout=20) as answer:
            return Said(answer.status, json.loads(answer.read() or b"null"), dict(answer.headers))
    except HTTPError as error:
        with error:
            text = error.read()
        return Said(error.code, json.loads(text) if text.startswith((b"{", b"[")) else text, dict(error.headers))


def draft(hub: Hub, tag: str = "v1.1.0", **more: object) -> dict[str, Any]:
    return ask(hub, "POST", "/releases", {"tag_name": tag, "draft": True, **more}).document


def upload(hub: Hub, release: dict[str, Any], name: str, data: bytes = b"bytes") -> Said:
    return ask(hub, "POST", f"{release['upload_url'].partition('{')[0]}?name={name}", data=data)


def publish(hub: Hub, release: dict[str, Any], **more: object) -> Said:
    return ask(hub, "PATCH", f"/releases/{release['id']}", {"draft": False, **more})


def query(hub: Hub, text: str, **variables: object) -> dict[str, Any]:
    return ask(hub, "POST", f"{hub.url}/api/graphql", {"query": text, "variables": variables}).document


def codes(said: Said) -> list[tuple[str, str]]:
    return [(error["field"], error["code"]) for error in said.document["errors"]]


def push(place: Place, hub: Hub, *refspecs: str) -> subprocess.CompletedProcess[str]:
    secret = base64.b64encode(f"x-access-token:{hub.token}".encode()).decode()
    command = ["git", "-c", f"http.extraHeader=Authorization: Basic {secret}", "push", "--atomic", "origin", *refspecs]
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    return subprocess.run(command, cwd=place.root, env=environment, capture_output=True, text=True, check=False)


# Releases


def test_a_draft_is_not_found_by_its_tag(hub: Hub) -> None:
    made = draft(hub)

    assert "/releases/tag/untagged-" in made["html_url"]
    assert ask(hub, "GET", "/releases/tags/v1.1.0").status == 404
    assert ask(hub, "GET", "/releases/latest").status == 404
    assert [each["id"] for each in ask(hub, "GET", "/releases").document] == [made["id"]]
    assert hub.repository.resolve("refs/tags/v1.1.0") is None


def test_a_draft_is_hidden_from_those_who_may_not_push(hub: Hub) -> None:
    made = draft(hub)
    hub.permission = "read"

    assert ask(hub, "GET", "/releases").document == []
    assert ask(hub, "GET", f"/releases/{made['id']}").status == 404


def test_two_drafts_may_be_for_one_tag_and_only_one_of_them_is_published(hub: Hub) -> None:
    first, second = draft(hub), draft(hub)

    assert publish(hub, first).status == 200
    assert codes(publish(hub, second)) == [("tag_name", "already_exists")]


def test_publishing_makes_a_tag_that_is_missing_and_remembers_that_it_did(hub: Hub) -> None:
    publish(hub, draft(hub, "v1.0.0"))
    publish(hub, draft(hub, "v1.1.0"))

    assert hub.repository.resolve("refs/tags/v1.1.0") == hub.repository.resolve("refs/heads/main")
    assert hub.made_tags == ["v1.1.0"]


def test_the_latest_release_is_the_one_it_was_told_to_be(hub: Hub) -> None:
    publish(hub, draft(hub, "v2.0.0"))
    old = draft(hub, "v1.0.1")
    publish(hub, draft(hub, "v3.0.0rc1", prerelease=True))

    def latest(word: str) -> str:
        publish(hub, old, make_latest=word)
        return ask(hub, "GET", "/releases/latest").document["tag_name"]

    assert [latest(word) for word in ("false", "true", "legacy")] == ["v2.0.0", "v1.0.1", "v2.0.0"]


def test_an_asset_has_its_size_and_digest_and_a_name_without_odd_characters(hub: Hub) -> None:
    said = upload(hub, draft(hub), "an%20acorn%7E1+2.whl", b"abc")

    assert said.status == 201
    assert (said.document["name"], said.document["size"], said.document["state"]) == ("an.acorn.1.2.whl", 3, "uploaded")
    assert said.document["digest"].startswith("sha256:ba7816bf")


def test_a_second_asset_of_one_name_is_refused(hub: Hub) -> None:
    release = draft(hub)
    upload(hub, release, "a.whl")

    said = upload(hub, release, "a.whl")
    assert (said.status, codes(said)) == (422, [("name", "already_exists")])


def test_a_download_is_on_another_host_that_must_not_see_the_token(hub: Hub) -> None:
    asset = upload(hub, draft(hub), "a.whl").document

    said = ask(hub, "GET", asset["url"], headers={"Accept": "application/octet-stream"})
    assert said.status == 302
    assert said.headers["Location"].startswith(f"{hub.storage}/")
    assert hub.violations == []
    ask(hub, "HEAD", said.headers["Location"])
    assert "the token was shown to another host" in hub.forgive()[0]


def test_an_immutable_release_keeps_its_assets_and_burns_its_tag(hub: Hub) -> None:
    hub.immutable = True
    release = draft(hub)
    asset = upload(hub, release, "a.whl").document
    assert publish(hub, release).document["immutable"]

    assert upload(hub, release, "b.whl").document["message"] == "Cannot upload assets to an immutable release."
    assert ask(hub, "DELETE", f"/releases/assets/{asset['id']}").status == 422
    assert ask(hub, "PATCH", f"/releases/{release['id']}", {"body": "Better words"}).status == 200
    assert ask(hub, "DELETE", "/git/refs/tags/v1.1.0").status == 422
    assert ask(hub, "DELETE", f"/releases/{release['id']}").status == 204
    assert ask(hub, "DELETE", "/git/refs/tags/v1.1.0").status == 204
    said = ask(hub, "POST", "/releases", {"tag_name": "v1.1.0", "draft": True})
    assert said.document["errors"][0]["message"] == "tag_name was used by an immutable release"


def test_a_burned_tag_cannot_be_pushed(hub: Hub, hosted: Place) -> None:
    hub.burned.add("v1.1.0")
    hosted.git("tag", "v1.1.0")

    said = push(hosted, hub, "v1.1.0").stderr
    assert "GH013: Repository rule violations found for refs/tags/v1.1.0" in said
    assert "Cannot create ref due to creations being restricted." in said


def test_a_new_release_may_be_missing_from_a_few_listings(hub: Hub) -> None:
    hub.lag = 2
    made = draft(hub)

    assert [len(ask(hub, "GET", "/releases").document) for _ in range(3)] == [0, 0, 1]
    assert ask(hub, "GET", f"/releases/{made['id']}").status == 200


def test_a_long_list_comes_in_pages_that_name_the_next(hub: Hub) -> None:
    for number in range(5):
        draft(hub, f"v0.{number}")

    first = ask(hub, "GET", "/releases?per_page=2")
    assert len(first.document) == 2
    following = first.headers["Link"].partition(">")[0].lstrip("<")
    assert [each["tag_name"] for each in ask(hub, "GET", following).document] == ["v0.2", "v0.1"]


def test_a_release_opens_a_discussion_in_a_category_there_is(hub: Hub) -> None:
    release = draft(hub)

    assert publish(hub, release, discussion_category_name="Nonsense").status == 404
    said = publish(hub, release, discussion_category_name="Announcements")
    assert said.document["discussion_url"] == hub.discussions[0]["html_url"]


# Who may


def test_a_stranger_is_told_that_there_is_nothing(hub: Hub) -> None:
    assert ask(hub, "GET", "", token=None).status == 404
    assert ask(hub, "GET", "", token="gho_wrong").status == 401
    hub.private = False
    assert ask(hub, "GET", "", token=None).status == 200
    assert ask(hub, "POST", "/issues", {"title": "Hello"}, token=None).status == 401


def test_every_answer_tells_what_is_left_of_the_hour_and_what_the_token_may(hub: Hub) -> None:
    headers = ask(hub, "GET", "").headers

    assert headers["x-ratelimit-remaining"] == "4999"
    assert headers["X-OAuth-Scopes"] == "project, repo, workflow"


# Git


def test_git_needs_the_token_also_to_read_what_is_private(hub: Hub, hosted: Place) -> None:
    command = ["git", "ls-remote", "origin"]
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    asked = [subprocess.run(command, cwd=hosted.root, env=environment, capture_output=True, check=False).returncode]
    hub.private = False
    asked.append(subprocess.run(command, cwd=hosted.root, env=environment, capture_output=True, check=False).returncode)

    assert asked == [128, 0]


def test_a_push_arrives(hub: Hub, hosted: Place) -> None:
    new = hosted.commit("new.txt", "new")

    assert push(hosted, hub, "main").returncode == 0
    assert hub.repository.resolve("refs/heads/main") == new


def test_a_protected_branch_takes_changes_by_pull_request_only(hub: Hub, hosted: Place) -> None:
    hub.protect("main")
    hosted.commit("new.txt", "new")

    said = push(hosted, hub, "main")
    assert said.returncode == 1
    assert "GH006: Protected branch update failed for refs/heads/main" in said.stderr
    assert ask(hub, "GET", "/branches/main").document["protected"]


def test_a_ruleset_keeps_tags_from_being_deleted_unless_it_may_be_bypassed(hub: Hub, hosted: Place) -> None:
    ruleset = hub.rule("tag", "refs/tags/v*", ("deletion",))

    assert "GH013" in push(hosted, hub, ":refs/tags/v1.0.0").stderr
    assert ask(hub, "DELETE", "/git/refs/tags/v1.0.0").status == 422
    ruleset["current_user_can_bypass"] = "always"
    assert push(hosted, hub, ":refs/tags/v1.0.0").returncode == 0


def test_it_speaks_https_with_a_certificate_that_its_authority_vouches_for(
    hosted: Place, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Hub(hub.bare, secure=True) as secure:
        monkeypatch.setenv("GIT_SSL_CAINFO", str(secure.authority))
        hosted.git("remote", "set-url", "origin", f"{secure.page}.git")

        assert secure.url.startswith("https://")
        assert push(hosted, secure, "HEAD:refs/heads/other").returncode == 0


# Pull requests and issues


@pytest.fixture
def proposed(hub: Hub, hosted: Place) -> int:
    hosted.git("checkout", "--quiet", "-b", "release/v1.1.0")
    hosted.commit("new.txt", "new", "feat: Grow\n\nFixes #1")
    hosted.commit("new.txt", "newer", "feat: Grow more")
    push(hosted, hub, "release/v1.1.0")
    hub.issue("It does not grow")
    return hub.pull("release/v1.1.0", title="Release v1.1.0")


def test_a_branch_has_one_open_pull_request(hub: Hub, proposed: int) -> None:
    said = ask(hub, "POST", "/pulls", {"title": "Again", "head": "release/v1.1.0", "base": "main"})

    assert said.document["errors"][0]["message"] == "A pull request already exists for oak:release/v1.1.0."
    found = ask(hub, "GET", "/pulls?head=oak:release/v1.1.0").document
    assert [each["number"] for each in found] == [proposed]


def test_a_pull_request_follows_its_branch(hub: Hub, hosted: Place, proposed: int) -> None:
    new = hosted.commit("more.txt", "more")
    push(hosted, hub, "release/v1.1.0")

    assert ask(hub, "GET", f"/pulls/{proposed}").document["head"]["sha"] == new


@pytest.mark.parametrize("how", ["merge", "squash", "rebase"])
def test_a_merge_leaves_the_proposed_tree_and_closes_what_it_fixes(hub: Hub, proposed: int, how: str) -> None:
    said = ask(hub, "PUT", f"/pulls/{proposed}/merge", {"merge_method": how})

    made = said.document["sha"]
    assert made == hub.repository.resolve("refs/heads/main")
    assert hub.repository.resolve(f"{made}^{{tree}}") == hub.repository.resolve("refs/heads/release/v1.1.0^{tree}")
    assert ask(hub, "GET", f"/pulls/{proposed}").document["merge_commit_sha"] == made
    assert ask(hub, "GET", "/issues/1").document["state"] == "closed"


def test_whoever_has_reviewed_is_not_asked_any_longer(hub: Hub, proposed: int) -> None:
    where = f"/pulls/{proposed}/requested_reviewers"
    assert ask(hub, "POST", where, {"reviewers": ["kim"], "team_reviewers": ["wardens"]}).status == 201
    assert ask(hub, "POST", where, {"reviewers": ["stranger"]}).status == 422
    hub.review(proposed, "kim")

    assert ask(hub, "GET", where).document["users"] == []
    assert [each["state"] for each in ask(hub, "GET", f"/pulls/{proposed}/reviews").document] == ["APPROVED"]


def test_a_label_nobody_made_is_made_and_a_second_of_its_name_is_refused(hub: Hub) -> None:
    number = hub.issue("A bug")

    assert [
        each["name"] for each in ask(hub, "POST", f"/issues/{number}/labels", {"labels": ["released"]}).document
    ] == ["released"]
    assert codes(ask(hub, "POST", "/labels", {"name": "Released"})) == [("name", "already_exists")]


def test_a_milestone_counts_its_tickets(hub: Hub) -> None:
    hub.issue("Open", milestone="1.1.0")
    hub.issue("Closed", milestone="1.1.0", closed=True)

    found = ask(hub, "GET", "/milestones").document[0]
    assert (found["open_issues"], found["closed_issues"]) == (1, 1)
    assert codes(ask(hub, "POST", "/milestones", {"title": "1.1.0"})) == [("title", "already_exists")]
    assert len(ask(hub, "GET", f"/issues?milestone={found['number']}&state=all").document) == 2


def test_an_advisory_is_a_draft_and_there_may_be_none_at_all(hub: Hub) -> None:
    package = {"ecosystem": "pip", "name": "acorn"}
    wanted = {
        "summary": "It rots",
        "description": "From within.",
        "severity": "high",
        "vulnerabilities": [{"package": package, "vulnerable_version_range": "<= 1.1.0", "patched_versions": "1.1.1"}],
    }

    assert ask(hub, "POST", "/security-advisories", wanted).document["state"] == "draft"
    hub.advisories_enabled = False
    assert ask(hub, "GET", "/security-advisories").status == 404


# GraphQL


def test_an_answer_has_exactly_what_was_asked_for(hub: Hub) -> None:
    hub.release("v1.0.0")
    asked = 'query($tag: String!) { repository(owner: "oak", name: "acorn") { release(tagName: $tag) { isDraft } } }'

    assert query(hub, asked, tag="v1.0.0") == {"data": {"repository": {"release": {"isDraft": False}}}}


def test_an_item_of_a_board_is_found_and_moved(hub: Hub) -> None:
    hub.board(7)
    hub.place(7, hub.issue("A bug"), "Todo")
    board, item = hub.boards[0], hub.boards[0]["items"][0]
    move = (
        "mutation($to: UpdateProjectV2ItemFieldValueInput!) "
        "{ updateProjectV2ItemFieldValue(input: $to) { projectV2Item { id } } }"
    )
    to = {"projectId": board["id"], "itemId": item["id"], "fieldId": board["field"]}

    done = query(hub, move, to={**to, "value": {"singleSelectOptionId": board["options"][2]["id"]}})
    assert done == {"data": {"updateProjectV2ItemFieldValue": {"projectV2Item": {"id": item["id"]}}}}
    assert item["option"] == board["options"][2]["id"]


def test_no_more_than_three_issues_are_pinned(hub: Hub) -> None:
    pin = "mutation($issue: ID!) { pinIssue(input: {issueId: $issue}) { issue { isPinned } } }"
    for number in range(4):
        hub.issue(f"Issue {number}")

    said = [query(hub, pin, issue=issue["node_id"]) for issue in hub.issues]
    assert [len(each.get("errors", [])) for each in said] == [0, 0, 0, 1]
    assert hub.pinned == [1, 2, 3]


def test_boards_need_a_scope_of_their_own(hub: Hub) -> None:
    hub.board(7)
    hub.scopes = "repo"
    asked = '{ organization(login: "oak") { projectV2(number: 7) { id } } }'

    assert query(hub, asked)["errors"][0]["type"] == "INSUFFICIENT_SCOPES"


# Faults


@pytest.mark.parametrize(
    ("fault", "status", "made"),
    [
        (Fault.CUT_BEFORE, None, 0),
        (Fault.CUT_AFTER, None, 1),
        (Fault.LATE, None, 0),
        (Fault.BAD_GATEWAY_BEFORE, 502, 0),
        (Fault.BAD_GATEWAY_AFTER, 502, 1),
        (Fault.UNAVAILABLE, 503, 0),
        (Fault.RATE_LIMIT, 403, 0),
        (Fault.SECONDARY, 403, 0),
        (Fault.TOO_MANY, 429, 0),
    ],
)
def test_a_fault_befalls_the_request_it_was_meant_for_with_or_without_its_effect(
    hub: Hub, fault: Fault, status: int | None, made: int
) -> None:
    hub.fail(fault, "POST", r"/releases$")
    assert ask(hub, "GET", "/releases").status == 200

    if status is None:
        with pytest.raises(ConnectionResetError):
            draft(hub)
    else:
        assert ask(hub, "POST", "/releases", {"tag_name": "v1.1.0", "draft": True}).status == status
    assert len(hub.releases) == made
    assert draft(hub)["draft"]


def test_what_arrives_late_arrives(hub: Hub) -> None:
    hub.fail(Fault.LATE, "POST")
    with pytest.raises(ConnectionResetError):
        draft(hub)

    assert [len(ask(hub, "GET", "/releases").document) for _ in range(3)] == [0, 0, 1]


def test_a_broken_upload_leaves_an_asset_that_is_no_file(hub: Hub) -> None:
    release = draft(hub)
    hub.fail(Fault.STARTER, "POST", r"/assets$")

    assert upload(hub, release, "a.whl").status == 502
    assert [(each["state"], each["digest"]) for each in hub.releases[0]["assets"]] == [("starter", None)]
    assert upload(hub, release, "a.whl").status == 422


@pytest.mark.parametrize(("when", "made"), [("before", 1), ("after", 2)])
def test_a_request_is_cut_by_its_number(hub: Hub, when: Any, made: int) -> None:
    hub.cut(2, when)
    draft(hub)

    with pytest.raises(ConnectionResetError):
        draft(hub)
    assert len(hub.releases) == made
    assert [each.status for each in hub.exchanges] == [201, None]


def test_the_state_comes_back_as_it_was(hub: Hub) -> None:
    upload(hub, draft(hub), "a.whl")
    before = hub.state()
    ask(hub, "DELETE", f"/releases/{hub.releases[0]['id']}")
    hub.issue("A bug")

    hub.restore(before)
    assert hub.state() == before
    assert [each["assets"][0]["name"] for each in ask(hub, "GET", "/releases").document] == ["a.whl"]


# The judge


@pytest.mark.parametrize(
    ("method", "path", "document", "said"),
    [
        ("POST", "/releases", {"tag_name": "v1", "make_latest": True}, "make_latest must be string"),
        ("POST", "/releases", {"tag_name": "v1", "make_latest": "yes"}, "make_latest must be one of"),
        ("POST", "/releases", {"tag_name": "v1", "is_draft": True}, "must not contain {'is_draft'} properties"),
        ("POST", "/releases", {"draft": True}, "must contain ['tag_name'] properties"),
        ("GET", "/releases?pages=2", None, "the query has an unknown pages"),
        ("GET", "/pulls?state=merged", None, "the query must be one of"),
        ("GET", "/relics", None, "GitHub has no such operation"),
    ],
)
def test_a_wrong_request_is_caught(hub: Hub, method: str, path: str, document: object, said: str) -> None:
    ask(hub, method, path, document)

    assert said in "\n".join(hub.forgive())


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda release: release.pop("upload_url"), "must contain ['upload_url'] properties"),
        (lambda release: release.update(draft="yes"), "draft must be boolean"),
        (lambda release: release.update(is_latest=True), "must not contain {'is_latest'} properties"),
        (lambda release: release.update(created_at="yesterday"), "created_at must be date-time"),
    ],
)
def test_a_wrong_answer_is_caught(hub: Hub, spoil: Any, said: str) -> None:
    draft(hub)
    spoil(hub.releases[0])
    ask(hub, "GET", "/releases")

    assert said in "\n".join(hub.forgive())


def test_a_query_the_schema_does_not_know_is_caught(hub: Hub) -> None:
    query(hub, '{ repository(owner: "oak", name: "acorn") { release(tagName: "v1") { isSecret } } }')
    query(hub, "query($a: ID!) { node(id: $a) { id } }", b=1)

    said = "\n".join(hub.forgive())
    assert "Cannot query field 'isSecret' on type 'Release'" in said
    assert "the variable b is not declared" in said
