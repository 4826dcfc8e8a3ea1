"""Security advisories on GitHub: one draft for a key whatever is lost, and no hand on what others wrote or published."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from conftest import on
from fakegithub import Fault, Hub
from hephaestus.errors import Conflict, CouldNotRun, UsageError
from hephaestus.forge.capabilities import Advisories, Advisory
from hephaestus.forge.github.advisories import affected_range

# Each has a server, or a repository of its own, to talk to: not long, but long for many.
pytestmark = pytest.mark.slow

KEY = "hephaestus-advisory v1.1.0"
HOLE = Advisory("acorn", ">=1.0,<1.1.1", "1.1.1", "high", "Anyone can read the log", "### Impact\n\nAll of it.")


@pytest.fixture
def advisories(hub: Hub, waits: list[float]) -> Advisories:
    return on(hub).advisories


def other(**said: str) -> Advisory:
    return Advisory(**{**vars(HOLE), **said})


def sent(hub: Hub, method: str) -> list[Any]:
    return [each.document for each in hub.exchanges if each.method == method]


def test_a_draft_has_all_that_was_said(hub, advisories):
    url = advisories.draft(HOLE, KEY)

    (made,) = hub.advisories
    assert (made["html_url"], made["state"]) == (url, "draft")
    assert (made["summary"], made["severity"]) == ("Anyone can read the log", "high")
    assert made["description"] == f"### Impact\n\nAll of it.\n\n<!-- {KEY} -->"
    (affected,) = made["vulnerabilities"]
    assert affected["package"] == {"ecosystem": "pip", "name": "acorn"}
    assert (affected["vulnerable_version_range"], affected["patched_versions"]) == (">= 1.0, < 1.1.1", "1.1.1")


def test_without_a_patched_version_none_is_named(hub, advisories):
    advisories.draft(other(patched=""), KEY)

    assert hub.advisories[0]["vulnerabilities"][0]["patched_versions"] is None


def test_the_same_again_changes_nothing_and_other_words_change_the_one_draft(hub, advisories):
    first = advisories.draft(HOLE, KEY)
    assert advisories.draft(HOLE, KEY) == first
    assert sent(hub, "PATCH") == []

    assert advisories.draft(other(severity="critical", patched="1.1.2"), KEY) == first

    (made,) = hub.advisories
    assert (made["severity"], made["vulnerabilities"][0]["patched_versions"]) == ("critical", "1.1.2")


def test_every_key_has_a_draft_of_its_own(hub, advisories):
    first = advisories.draft(HOLE, KEY)

    assert advisories.draft(HOLE, "hephaestus-advisory v1.1.0rc1") != first

    assert len(hub.advisories) == 2


@pytest.mark.parametrize(
    "fault", [Fault.CUT_BEFORE, Fault.CUT_AFTER, Fault.BAD_GATEWAY_BEFORE, Fault.BAD_GATEWAY_AFTER]
)
def test_a_lost_answer_makes_no_second_draft(hub, advisories, fault):
    hub.lag = 2
    hub.fail(fault, "POST", r"/security-advisories$")

    url = advisories.draft(HOLE, KEY)

    assert [each["html_url"] for each in hub.advisories] == [url]


def test_a_draft_is_found_behind_a_hundred_others(hub, advisories):
    first = advisories.draft(HOLE, KEY)
    for number in range(105):
        advisories.draft(HOLE, f"other {number}")
    made = len(hub.advisories)

    assert advisories.draft(HOLE, KEY) == first

    assert len(hub.advisories) == made


@pytest.mark.parametrize("state", ["published", "closed", "withdrawn"])
def test_what_is_published_or_closed_is_left_alone_and_that_is_said(hub, advisories, state):
    url = advisories.draft(HOLE, KEY)
    hub.advisories[0]["state"] = state

    with pytest.raises(Conflict, match=f"is {state} already, and was left alone") as caught:
        advisories.draft(other(summary="Other words"), KEY)

    assert caught.value.hint == f"python -m webbrowser {url}"
    assert [each["summary"] for each in hub.advisories] == ["Anyone can read the log"]


@pytest.mark.parametrize("reported", [{"state": "triage"}, {"submission": {"accepted": True}}])
def test_a_stranger_who_reports_with_our_key_does_not_become_ours(hub, advisories, reported):
    url = advisories.draft(HOLE, KEY)
    hub.advisories[0].update(reported)

    assert advisories.draft(other(summary="Mine"), KEY) != url

    assert [each["summary"] for each in hub.advisories] == ["Anyone can read the log", "Mine"]


def test_a_severity_that_follows_from_a_score_is_left_to_it(hub, advisories):
    advisories.draft(HOLE, KEY)
    hub.advisories[0]["cvss"] = {"vector_string": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:L/A:L", "score": 7.5}

    advisories.draft(other(severity="low", summary="Other words"), KEY)

    assert "severity" not in sent(hub, "PATCH")[0]
    assert hub.advisories[0]["summary"] == "Other words"


def test_where_there_are_no_advisories_it_could_not_run(hub, advisories):
    hub.advisories_enabled = False

    with pytest.raises(CouldNotRun, match="has no advisories for this token"):
        advisories.draft(HOLE, KEY)


def test_whoever_may_not_write_them_could_not_run_either(hub, advisories):
    hub.permission = "read"

    with pytest.raises(CouldNotRun, match="has no advisories for this token"):
        advisories.draft(HOLE, KEY)

    assert hub.advisories == []


def test_a_text_that_is_too_long_is_cut_and_keeps_its_key(hub, advisories):
    long = other(description="a" * 70000, summary="b" * 2000)
    first = advisories.draft(long, KEY)

    assert len(hub.advisories[0]["description"]) <= 65535
    assert hub.advisories[0]["description"].endswith(f"…\n\n<!-- {KEY} -->")
    assert advisories.draft(long, KEY) == first


def test_a_key_cannot_end_its_comment(hub, advisories):
    hostile = "hephaestus-advisory v1--><script>alert(1)</script>"
    first = advisories.draft(HOLE, hostile)

    assert "<script>" not in re.sub(r"<!--.*?-->", "", hub.advisories[0]["description"], flags=re.DOTALL)
    assert advisories.draft(HOLE, hostile) == first


@pytest.mark.parametrize(
    ("specifier", "said"),
    [
        ("==1.1.0", "= 1.1.0"),
        ("<1.1.1,>=1.0", ">= 1.0, < 1.1.1"),
        ("~=1.4.2", ">= 1.4.2, < 1.5"),
        ("==1.4.*", ">= 1.4, < 1.5"),
        ("~=1!2.0", ">= 1!2.0, < 1!3"),
        (">1,<=2", "> 1, <= 2"),
    ],
)
def test_a_range_is_written_as_github_has_it(specifier, said):
    assert affected_range(specifier) == said


@pytest.mark.parametrize("specifier", ["!=1.0", "===1.0", "", "all of them", "v1"])
def test_what_github_cannot_say_is_an_error(specifier):
    with pytest.raises(UsageError):
        affected_range(specifier)


VERSIONS = st.lists(st.integers(0, 30), min_size=2, max_size=4).map(lambda parts: ".".join(map(str, parts)))


@given(
    st.lists(
        st.tuples(st.sampled_from(["==", ">=", "<=", "<", ">", "~="]), VERSIONS).map("".join), min_size=1, max_size=3
    ),
    VERSIONS,
)
def test_a_range_says_the_same_as_the_specifier(parts, version):
    specifier = SpecifierSet(",".join(parts))
    compare = {
        "=": Version.__eq__,
        ">=": Version.__ge__,
        "<=": Version.__le__,
        "<": Version.__lt__,
        ">": Version.__gt__,
    }

    bounds = [bound.split(" ") for bound in affected_range(str(specifier)).split(", ")]

    assert all(compare[sign](Version(version), Version(bound)) for sign, bound in bounds) == specifier.contains(version)
