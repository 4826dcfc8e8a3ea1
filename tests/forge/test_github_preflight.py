"""What GitHub would refuse is said before anything is made, and what cannot be told is never called fine."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakegithub import Fault, Hub, service, wire
from hephaestus import git, system
from hephaestus.forge import Finding, Forge, connect
from hephaestus.forge.github import protection, rules
from hephaestus.forge.github.asking import Reply, together
from hephaestus.forge.github.client import Seen

# Each has a server, or a repository of its own, to talk to: not long, but long for many.
pytestmark = pytest.mark.slow

PULL_REQUEST = "hephaestus release --version 1.1.0 --pr"


def forge(name: str = "acorn") -> Forge:
    return connect(f"github:oak/{name}", root=Path(), name="acorn")


def looked(branch: str | None = "main", name: str = "acorn") -> list[Finding]:
    return list(forge(name).examine("v1.1.0", branch))


def problem(branch: str | None = "main", name: str = "acorn") -> tuple[str, str]:
    """Return the one thing that is in the way, and its hint."""
    [found] = [each for each in looked(branch, name) if each.problem]
    return found.said, found.hint or ""


def notes(about: str, branch: str | None = "main") -> list[str]:
    """Return what was found about a subject that nothing is in the way of."""
    found = looked(branch)
    assert [each for each in found if each.problem] == []
    return [each.said for each in found if each.about == about]


def page(hub: Hub, rest: str) -> str:
    return f"python -m webbrowser {hub.page}{rest}"


def test_where_nothing_is_in_the_way_everything_that_was_looked_at_is_said(hub: Hub) -> None:
    assert looked() == [
        Finding("token", "the token from GH_TOKEN is that of robin, with the scope repo"),
        Finding("repository", f"{hub.page} is reachable"),
        Finding("push access", "you may push to oak/acorn"),
        Finding("default branch", "the default branch is main"),
        Finding("branch main", "main takes a direct push"),
        Finding("tag v1.1.0", "no rule forbids v1.1.0"),
        Finding("immutable releases", "off: a published release can be withdrawn"),
    ]


def test_looking_changes_nothing_and_never_asks_twice(hub: Hub) -> None:
    hub.protect("main")
    hub.rule("branch", "refs/heads/main", ("pull_request",))
    hub.rule("tag")
    before = hub.state()
    looked()

    assert hub.state() == before
    asked = [(each.method, each.path) for each in hub.exchanges]
    assert {method for method, _ in asked} == {"GET"}
    assert len(asked) == len(set(asked)) == 10


def test_questions_that_do_not_need_each_other_are_asked_at_the_same_time() -> None:
    meeting = threading.Barrier(8, timeout=20)

    def ask() -> Seen:
        meeting.wait()  # nobody passes until all eight are here
        return Seen({}, {})

    assert len(together(dict.fromkeys(range(16), ask))) == 16


# The token.


def test_without_a_token_the_hint_makes_one(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GH_TOKEN")

    said, hint = problem()

    assert said == f"there is no token for {hub.url.removeprefix('http://')}"
    assert hint.startswith(("gh auth login --hostname", "export GH_TOKEN="))


def test_without_a_token_a_private_repository_is_not_said_to_be_missing(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GH_TOKEN")

    [found] = [each for each in looked() if each.about == "repository"]

    assert found.problem is None
    assert found.said.endswith("shows no repository oak/acorn without a token")


def test_without_a_token_what_is_public_is_looked_at_all_the_same(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GH_TOKEN")
    hub.private = False
    hub.rule("branch", "refs/heads/main", ("pull_request",))

    found = {each.about: each for each in looked()}

    assert found["token"].problem
    assert found["branch main"].hint == PULL_REQUEST
    assert found["push access"] == Finding("push access", "whether you may push could not be told without a token")
    assert "could not be told" in found["immutable releases"].said


def test_a_workflow_without_a_token_is_shown_how_to_hand_it_on(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GH_TOKEN")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")

    assert problem()[1].startswith("python -m webbrowser https://docs.github.com/actions/")


def test_a_token_that_is_not_accepted_is_one_problem_and_is_shown_to_nobody(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GH_TOKEN", "gho_" + "0ld" * 12)

    said, hint = problem()

    assert "does not accept the token from GH_TOKEN" in said
    assert "may have expired" in said
    assert hint.startswith("unset GH_TOKEN && gh auth login")
    assert "0ld" not in said + hint


def test_a_token_without_the_scope_for_a_private_repository_is_a_problem(hub: Hub) -> None:
    hub.scopes = "public_repo, gist"

    said, hint = problem()

    assert said == "the token from GH_TOKEN is that of robin, but has not the scope repo"
    assert hint == f"python -m webbrowser {hub.url}/settings/tokens"


def test_for_a_public_repository_the_smaller_scope_will_do(hub: Hub) -> None:
    hub.scopes, hub.private = "public_repo", False

    assert notes("token") == ["the token from GH_TOKEN is that of robin, with the scope public_repo"]


def test_a_token_that_does_not_tell_its_permissions_is_not_called_fine(hub: Hub) -> None:
    hub.scopes = None

    [said] = notes("token")

    assert "which permissions it has could not be told" in said


def test_the_token_of_a_workflow_is_nobodys_and_its_limits_are_said(hub: Hub) -> None:
    hub.app = True

    [said] = notes("token")
    assert "is that of an app or a workflow" in said
    assert [what.partition(" ")[0] for what in notes("workflow")] == ["what", "the"]
    assert notes("push access") == ["whether the token may push could not be told; it needs to write contents"]
    assert "could not be told" in notes("immutable releases")[0]


def test_few_requests_left_are_said_with_the_time_when_there_are_more(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_LIMIT", 50)

    [said] = notes("rate limit")

    assert said.startswith("only 4")
    assert said.endswith(" UTC; then a release waits")


# The repository.


def test_a_repository_that_is_not_there_is_a_problem(hub: Hub) -> None:
    said, hint = problem(name="acron")

    assert said.endswith("shows no repository oak/acron to this token")
    assert hint == "git remote --verbose"


@pytest.mark.parametrize("state", ["archived", "disabled"])
def test_a_repository_that_takes_no_changes_is_a_problem(hub: Hub, state: str) -> None:
    setattr(hub, state, True)

    assert problem() == (f"oak/acorn is {state} and takes no changes", page(hub, "/settings"))


def test_a_repository_that_has_another_name_now_is_a_problem_whose_hint_takes_it_over(hub: Hub) -> None:
    hub.former = "nut"

    assert problem(name="nut") == ("oak/nut is called oak/acorn now", f"git remote set-url origin {hub.page}.git")


def test_who_may_only_read_is_told_so(hub: Hub) -> None:
    hub.permission = "read"

    assert problem() == ("you may not push to oak/acorn", page(hub, "/settings/access"))


def test_a_branch_that_is_not_the_default_one_is_noted(hub: Hub) -> None:
    hub.default_branch = "trunk"

    assert notes("default branch") == ["the default branch is trunk, not main"]
    assert notes("default branch", None) == ["the default branch is trunk"]


# The branch.


def test_a_protected_branch_names_the_pull_request_route(hub: Hub) -> None:
    hub.protect("main")

    assert problem() == ("main takes no direct push: changes must come by a pull request", PULL_REQUEST)


@pytest.mark.parametrize(
    ("kind", "demand"),
    [
        ("pull_request", "changes must come by a pull request"),
        ("merge_queue", "changes must come through the merge queue"),
        ("required_status_checks", "status checks must have passed"),
        ("required_deployments", "deployments must have succeeded"),
        ("workflows", "required workflows must have passed"),
        ("code_scanning", "code scanning must have passed"),
    ],
)
def test_a_rule_that_a_direct_push_breaks_names_the_pull_request_route(hub: Hub, kind: str, demand: str) -> None:
    hub.rule("branch", "refs/heads/main", ("deletion", kind))

    assert problem() == (f"main takes no direct push: {demand}", PULL_REQUEST)


def test_where_only_the_tag_is_pushed_the_branch_may_be_as_protected_as_it_likes(hub: Hub) -> None:
    hub.protect("main")
    hub.rule("branch", "~ALL", ("pull_request",))

    assert [each for each in looked(None) if each.problem or each.about.startswith("branch")] == []


@pytest.mark.parametrize("kind", ["required_linear_history", "non_fast_forward", "deletion", "creation"])
def test_a_rule_that_a_release_keeps_to_is_in_nobodys_way(hub: Hub, kind: str) -> None:
    hub.rule("branch", "refs/heads/main", (kind,))

    assert notes("branch main") == ["main takes a direct push"]


def test_a_branch_nobody_may_update_is_a_problem_that_no_pull_request_solves(hub: Hub) -> None:
    hub.rule("branch", "refs/heads/main", ("update",))

    said, hint = problem()

    assert said == "main takes no push: only those who may pass its rules may update it"
    assert hint == page(hub, "/rules?ref=refs%2Fheads%2Fmain").replace(hub.page, f"'{hub.page}") + "'"


def test_a_rule_the_user_may_pass_is_noted(hub: Hub) -> None:
    hub.rule("branch", "refs/heads/main", ("pull_request",), bypass=True)

    assert notes("branch main") == ["you may push past what protects main: changes must come by a pull request"]


def test_a_rule_the_user_may_pass_by_a_pull_request_only_is_in_the_way(hub: Hub) -> None:
    hub.rule("branch", "refs/heads/main", ("pull_request",))["current_user_can_bypass"] = "pull_requests_only"

    assert problem()[1] == PULL_REQUEST


def test_an_administrator_may_pass_a_protection_that_leaves_administrators_out(hub: Hub) -> None:
    hub.protect("main", admins=False)

    assert notes("branch main") == ["you may push past what protects main: changes must come by a pull request"]


def test_how_a_branch_is_protected_is_not_made_up_where_only_an_administrator_sees_it(hub: Hub) -> None:
    hub.permission = "write"
    hub.protect("main", admins=False)

    assert notes("branch main") == ["main is protected; how, can be told by an administrator only"]


def protected(hub: Hub, **more: Any) -> None:
    hub.protect("main")
    del hub.protections["main"]["required_pull_request_reviews"]
    hub.protections["main"] |= more


def restricted(hub: Hub, *logins: str, teams: tuple[str, ...] = ()) -> dict[str, Any]:
    address = f"{hub.here}/branches/main/protection/restrictions"
    from fakegithub.documents import user

    return {
        "restrictions": {
            "url": address,
            "users_url": f"{address}/users",
            "teams_url": f"{address}/teams",
            "apps_url": f"{address}/apps",
            "users": [user(hub, login) for login in logins],
            "teams": [{"slug": team} for team in teams],
            "apps": [],
        }
    }


def test_a_locked_branch_is_a_problem_that_no_pull_request_solves(hub: Hub) -> None:
    protected(hub, lock_branch={"enabled": True})

    said, hint = problem()

    assert said == "main takes no push: it is locked"
    assert "rules?ref=" in hint


def test_who_is_named_among_those_that_may_push_is_let_in(hub: Hub) -> None:
    protected(hub, **restricted(hub, "kim", "robin"))
    assert notes("branch main") == ["main takes a direct push"]

    protected(hub, **restricted(hub, "kim"))
    assert problem()[0] == "main takes no push: only the people named in its protection may push to it"


def test_signed_commits_are_asked_for_in_a_note(hub: Hub) -> None:
    hub.rule("branch", "refs/heads/main", ("required_signatures",))

    assert notes("branch main") == ["main takes signed commits only"]


def test_a_rule_nobody_knows_is_not_called_kept(hub: Hub) -> None:
    pattern = {"operator": "starts_with", "pattern": "docs:"}
    hub.rule("branch", "refs/heads/main")["rules"] = [{"type": "commit_message_pattern", "parameters": pattern}]

    assert notes("branch main") == ["whether the release keeps to the rule commit_message_pattern could not be told"]


def test_a_branch_that_is_not_there_yet_is_said_to_be_so(hub: Hub) -> None:
    assert notes("branch new", "new") == ["what protects new could not be told, as it is not on GitHub yet"]


def test_a_branch_with_a_slash_is_a_branch_like_any_other(hub: Hub) -> None:
    hub.protect("hotfix/1.0")
    git.Repository(hub.bare).run("branch", "hotfix/1.0", "main")

    assert problem("hotfix/1.0")[0].startswith("hotfix/1.0 takes no direct push")


# The tag.


def test_a_tag_only_others_may_make_is_a_problem(hub: Hub) -> None:
    ruleset = hub.rule("tag", "refs/tags/v*", ("creation",))

    said, hint = problem()

    assert (
        said == f"the ruleset {ruleset['name']} does not let v1.1.0 be pushed: nobody else may make tags of this name"
    )
    assert hint == page(hub, f"/rules/{ruleset['id']}")


@pytest.mark.parametrize("pattern", ["refs/tags/w*", "refs/tags/*/*", "refs/tags/v?", "refs/tags/[w-z]*"])
def test_rules_for_other_tags_are_nobodys_concern(hub: Hub, pattern: str) -> None:
    hub.rule("tag", pattern, ("creation",))

    assert notes("tag v1.1.0") == ["no rule forbids v1.1.0"]


def test_a_tag_that_is_left_out_of_a_ruleset_is_free(hub: Hub) -> None:
    hub.rule("tag", "~ALL", ("creation",))["conditions"]["ref_name"]["exclude"] = ["refs/tags/v[0-9]*"]

    assert notes("tag v1.1.0") == ["no rule forbids v1.1.0"]


@pytest.mark.parametrize("enforcement", ["disabled", "evaluate"])
def test_a_ruleset_that_is_not_in_force_is_in_nobodys_way(hub: Hub, enforcement: str) -> None:
    hub.rule("tag", "~ALL", ("creation",))["enforcement"] = enforcement

    assert notes("tag v1.1.0") == ["no rule forbids v1.1.0"]


@pytest.mark.parametrize(
    ("operator", "pattern", "negate", "demand"),
    [
        ("starts_with", "rel-", False, "must start with 'rel-'"),
        ("ends_with", ".0", True, "must not end with '.0'"),
        ("contains", "final", False, "must contain 'final'"),
        ("regex", r"^v\d+$", False, r"must match '^v\\d+$'"),
        ("starts_with", "v1", False, None),
        ("regex", r"\d+\.\d+", False, None),
        ("contains", "rc", True, None),
    ],
)
def test_a_tag_must_have_a_name_the_rules_allow(
    hub: Hub,
    operator: str,
    pattern: str,
    negate: bool,  # noqa: FBT001  (a value of the table)
    demand: str | None,
) -> None:
    parameters = {"operator": operator, "pattern": pattern, "negate": negate}
    hub.rule("tag")["rules"] = [{"type": "tag_name_pattern", "parameters": parameters}]

    if demand is None:
        assert notes("tag v1.1.0") == ["no rule forbids v1.1.0"]
    else:
        assert problem()[0].endswith(f": its name {demand}")


def test_a_pattern_nobody_understands_is_said_to_be_so(hub: Hub) -> None:
    ruleset = hub.rule("tag")
    ruleset["rules"] = [{"type": "tag_name_pattern", "parameters": {"operator": "regex", "pattern": "(?<x>v"}}]

    assert notes("tag v1.1.0") == [f"whether v1.1.0 has a name that {ruleset['name']} allows could not be told"]


def test_a_tag_that_cannot_be_removed_is_noted_as_a_rollback_has_to_leave_it(hub: Hub) -> None:
    ruleset = hub.rule("tag", "refs/tags/v*", ("deletion", "update", "non_fast_forward"))

    [said] = notes("tag v1.1.0")

    assert said == f"the ruleset {ruleset['name']} does not let v1.1.0 be removed, so a rollback has to leave it"


def test_rules_for_tags_the_user_may_pass_are_noted(hub: Hub) -> None:
    hub.rule("tag", "refs/tags/v*", ("creation", "deletion"), bypass=True)

    [said] = notes("tag v1.1.0")

    assert said.startswith("you may push past the ruleset")


def test_checks_before_a_tag_are_in_the_way_only_of_a_commit_that_comes_with_it(hub: Hub) -> None:
    hub.rule("tag", "refs/tags/v*", ("required_status_checks",))

    assert problem()[0].endswith("status checks must have passed")
    assert notes("tag v1.1.0", None) == ["status checks must have passed"]


def test_rules_that_are_not_shown_are_not_called_fine(hub: Hub) -> None:
    ruleset = hub.rule("tag")
    hub.hidden.add(ruleset["id"])

    assert "could not be told" in notes("tag v1.1.0")[0]


# Immutable releases.


def test_immutable_releases_are_explained_where_they_are_on(hub: Hub) -> None:
    hub.immutable = True

    [said] = notes("immutable releases")

    assert said.startswith("on: nothing can be changed after publish")
    assert "cannot be used again" in said


def test_who_may_not_see_the_setting_sees_it_by_the_last_release(hub: Hub) -> None:
    hub.permission = "write"
    [said] = notes("immutable releases")
    assert "could not be told" in said

    hub.immutable = True
    hub.release("v1.0.0")
    [said] = notes("immutable releases")
    assert said.startswith("on, as v1.0.0 is immutable")


# The server.


def test_a_server_that_does_not_answer_is_one_problem(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "pause", lambda _seconds: None)
    hub.close()

    said, hint = problem()

    assert "cannot be reached" in said
    assert hint == page(hub, "")


def test_what_was_found_before_the_server_fell_silent_is_kept(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "pause", lambda _seconds: None)
    hub.fail(Fault.CUT_BEFORE, path="rulesets", times=99)

    found = looked()

    assert [each.about for each in found] == ["token", "repository", "push access", "default branch", "server"]
    assert found[-1].problem
    assert [each for each in found[:-1] if each.problem] == []


def test_a_reply_that_is_lost_once_changes_nothing(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "pause", lambda _seconds: None)
    expected = looked()
    for fault in (Fault.CUT_BEFORE, Fault.BAD_GATEWAY_BEFORE, Fault.UNAVAILABLE, Fault.SECONDARY):
        hub.fail(fault, times=2)

    assert looked() == expected


def test_ctrl_c_does_not_wait_for_questions_that_are_open() -> None:
    never = threading.Event()

    def waits() -> Seen:
        never.wait()
        return Seen({}, {})

    def ends() -> Seen:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        together({"waits": waits, "ends": ends})
    never.set()


def test_a_server_that_answers_as_github_never_does_is_one_problem(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    path = "/repos/{owner}/{repo}/rulesets"
    monkeypatch.setitem(wire._ROUTES[path], "GET", ("read", lambda *_: wire.Answer(200, {"rulesets": None})))

    said, hint = problem()

    assert said.endswith("answers, but not as GitHub does")
    assert hint == page(hub, "")
    hub.exchanges.clear()  # the fake would be told off for it


# Withdrawing.


def withdrawal(tag: str = "v1.0.0") -> list[Finding]:
    return list(forge().examine_withdrawal(tag))


def test_a_release_that_can_be_withdrawn_with_its_tag_is_in_nobodys_way(hub: Hub) -> None:
    hub.release("v1.0.0")

    found = withdrawal()

    assert [each for each in found if each.problem] == []
    assert [each.said for each in found[-2:]] == [
        "v1.0.0 is published and can be withdrawn",
        "no rule forbids that v1.0.0 is removed",
    ]


def test_a_tag_that_has_to_stay_is_said_before_the_release_is_withdrawn(hub: Hub) -> None:
    hub.release("v1.0.0")
    ruleset = hub.rule("tag", "refs/tags/v*", ("deletion",))

    assert withdrawal()[-1] == Finding(
        "tag v1.0.0", f"the ruleset {ruleset['name']} does not let v1.0.0 be removed, so it stays"
    )


def test_the_name_of_an_immutable_release_is_said_to_be_burned(hub: Hub) -> None:
    hub.immutable = True
    hub.release("v1.0.0")

    assert "no release can ever have that tag again" in withdrawal()[-2].said


def test_a_release_that_is_not_there_is_said_not_to_be(hub: Hub) -> None:
    assert withdrawal("v9.9.9")[-2].said == "there is no published release v9.9.9"


def test_who_may_only_read_can_withdraw_nothing(hub: Hub) -> None:
    hub.permission = "read"
    hub.release("v1.0.0")

    assert [each.about for each in withdrawal() if each.problem] == ["push access"]


def test_a_silent_server_is_one_problem_for_a_withdrawal_as_well(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "pause", lambda _seconds: None)
    hub.fail(Fault.CUT_BEFORE, path="releases/tags", times=99)

    assert [each.about for each in withdrawal() if each.problem] == ["server"]


# Patterns.


@pytest.mark.parametrize(
    ("pattern", "ref", "expected"),
    [
        ("~ALL", "refs/tags/v1", True),
        ("refs/tags/v*", "refs/tags/v1.0", True),
        ("refs/tags/v*", "refs/tags/v1/x", False),
        ("refs/tags/**/*", "refs/tags/a/b/c", True),
        ("refs/tags/**/*", "refs/tags/c", True),
        ("refs/tags/a**", "refs/tags/a/b", False),
        ("refs/tags/v?.0", "refs/tags/v1.0", True),
        ("refs/tags/v?.0", "refs/tags/v/.0", False),
        ("refs/tags/v[12].0", "refs/tags/v2.0", True),
        ("refs/tags/v[!12].0", "refs/tags/v2.0", False),
        ("refs/tags/v[^12].0", "refs/tags/v3.0", True),
        ("refs/tags/v[z-a]", "refs/tags/vb", False),
        (r"refs/tags/v\*", "refs/tags/v*", True),
        (r"refs/tags/v\*", "refs/tags/v1", False),
        ("refs/tags/v1.0", "refs/tags/v1x0", False),
        ("refs/tags/[", "refs/tags/[", True),
    ],
)
def test_patterns_mean_what_they_mean_on_github(pattern: str, ref: str, expected: bool) -> None:  # noqa: FBT001  (a value of the table)
    assert rules.matches(pattern, ref) is expected


@given(st.text(), st.text(max_size=30))
def test_no_pattern_is_too_odd_to_be_read(pattern: str, ref: str) -> None:
    assert rules.matches(pattern, ref) in {True, False}


@given(st.text(st.characters(exclude_characters="*?[\\")))
def test_a_pattern_without_signs_means_itself(name: str) -> None:
    assert rules.matches(name, name) or name == "~ALL"
    assert not rules.matches(name, f"{name}x") or name == "~ALL"


@given(st.sampled_from(["contains", "ends_with", "regex", "starts_with", "other"]), st.text(), st.text(max_size=30))
def test_no_rule_for_names_is_too_odd_to_be_read(operator: str, pattern: str, name: str) -> None:
    rule = rules.Rule("tag_name_pattern", {"operator": operator, "pattern": pattern})
    assert rules.fits(rule, name) in {True, False, None}


KEYS = (
    *("type", "parameters", "ruleset_id", "protected", "protection", "enabled"),
    *("required_status_checks", "contexts", "restrictions", "users", "login", "teams"),
    *("slug", "conditions", "ref_name", "include", "rules", "_links"),
    *("html", "href", "name", "operator", "pattern", "negate"),
    *("required_pull_request_reviews", "bypass_pull_request_allowances", "current_user_can_bypass"),
)
WORDS = ["tag_name_pattern", "update", "~ALL", "pull_request", "regex", "always", "robin"]
SCALARS = st.none() | st.booleans() | st.integers() | st.sampled_from(WORDS)
ANY = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=8,
)
TABLE = st.dictionaries(st.sampled_from(KEYS), ANY, max_size=6)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(TABLE, TABLE, st.lists(TABLE, max_size=3), TABLE)
def test_documents_of_any_shape_are_read_without_a_slip(
    held: dict[str, Any], details: dict[str, Any], applied: list[dict[str, Any]], ruleset: dict[str, Any]
) -> None:
    read = rules.read(ruleset, "https://github.com/oak/acorn/rules/1")
    branch = protection.Branch(
        "main", "https://github.com", Reply(held), Reply(details), Reply(applied), {1: read}, "robin", admin=False
    )
    assert protection.of_branch(branch, "v1.1.0")
    assert protection.of_tag("v1.1.0", Reply([ruleset]), [read], pushed=True)
    assert protection.of_removal("v1.1.0", Reply([ruleset]), [read])
