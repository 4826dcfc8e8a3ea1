"""Which issues and pull requests a release is about, read from texts that others wrote."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hephaestus import versions
from hephaestus.forge.capabilities import Ticket
from hephaestus.references import MOST, before, closed, in_changelog, in_commits, in_message, mentioned, tickets

if TYPE_CHECKING:
    from places import Place

HOME = "https://github.com/oak/acorn"


@dataclass
class Tracked:
    """A tracker of the tickets it is given, which takes note of what it is asked for."""

    known: dict[int, Ticket]
    page: str = HOME
    asked: list[int] = field(default_factory=list)

    def ticket(self, number: int) -> Ticket | None:
        self.asked.append(number)
        return self.known.get(number)


def ticket(number: int, *, pull_request: bool = False, done: bool = True, body: str = "") -> Ticket:
    return Ticket(number, f"Ticket {number}", f"{HOME}/issues/{number}", pull_request, done, body=body)


def numbers_of(place: Place, previous: str | None = "v1.0.0") -> list[int]:
    return in_commits(place.repository, previous, "HEAD", HOME)


def commit(place: Place, message: str) -> str:
    place.git("commit", "--quiet", "--allow-empty", "--cleanup=verbatim", "-m", message)
    return place.git("rev-parse", "HEAD")


# Messages of commits


@pytest.mark.parametrize(
    ("message", "brought", "closes"),
    [
        ("Merge pull request #12 from oak/leaves\n\nGrow leaves, fixes #3", [12], [3]),
        ("feat: Grow leaves (#12)\n\n* one\n\n* closes #4", [12], [4]),
        ("feat: Grow leaves (#12)  ", [12], []),
        ("feat: Grow leaves like #12 does", [], []),
        ("feat: Grow leaves (see #12) at last", [], []),
        ('Revert "feat: Grow leaves (#12)"', [], []),
        ('Revert "feat: Grow leaves (#12)" (#15)', [15], []),
        ("feat: Grow (#12a)", [], []),
        ("feat: Grow (other/tree#12)", [], []),
        ("Merge branch 'main' into #12", [], []),
    ],
)
def test_a_merge_and_a_squash_name_their_pull_request(message: str, brought: list[int], closes: list[int]) -> None:
    told = in_message(message, HOME)

    assert (told.brought, told.closed) == (brought, closes)


@pytest.mark.parametrize(
    "words",
    ["close", "closes", "closed", "fix", "fixes", "fixed", "resolve", "resolves", "resolved", "Fixes:", "CLOSES"],
)
def test_every_keyword_of_github_closes(words: str) -> None:
    assert closed(f"It grows, {words} #7.", HOME) == [7]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("fixes oak/acorn#7 and closes #8", [7, 8]),
        ("Fixes OAK/Acorn#7", [7]),
        ("fixes https://github.com/oak/acorn/issues/7.", [7]),
        ("fixes https://github.com/oak/acorn/pull/7#issuecomment-9", [7]),
        ("fixes elm/acorn#7", []),
        ("fixes https://github.com/oak/acorns/issues/7", []),
        ("fixes https://github.com.example.org/oak/acorn/issues/7", []),
        ("fixes https://example.org/?https://github.com/oak/acorn/issues/7", []),
        ("fixes #7, #8", [7]),
        ("prefixes #7", []),
        ("hot-fix #7", []),
        ("fixes #07", []),
        ("fixes #7th", []),
        ("fixes #1234567890", []),
        ("fixes `#7`", []),
        ("`fixes #7`", []),
        ("``a ` b fixes #7``", []),
        ("see:\n\n    fixes #7\n", []),
        ("```\nfixes #7\n```\n", []),
        ("~~~~\n```\nfixes #7\n", []),
        ("<!-- fixes #7 -->", []),
        ("all <!-- fixes #7 --> is well <!-- fixes #8", []),
        ("> fixes #7\n\nfixes #8", [8]),
        ("- [x] fixes #7", [7]),
        ("fixes\n#7", []),
    ],
)
def test_only_what_is_said_about_this_repository_closes(text: str, numbers: list[int]) -> None:
    assert closed(text, HOME) == numbers


# Changelogs


@pytest.mark.parametrize(
    ("section", "numbers"),
    [
        ("- Leaves (#12), roots (#3), leaves again (#12).", [12, 3]),
        ("- Leaves ([#12](https://github.com/oak/acorn/pull/12)).", [12]),
        ("- Leaves ([12](https://github.com/oak/acorn/issues/12)).", [12]),
        ("- Leaves ([#12](https://github.com/elm/acorn/pull/12)).", []),
        ("- Leaves ([#12]), roots ([#13]), bark ([the issue][bark]), twigs ([#14][]).", [12, 14]),
        ("- Leaves [as in #5].", [5]),
        ("- As elm/tree#12 has it, and https://example.org/#12, and a&#12;b, and \\#12.", []),
        ("- <https://github.com/oak/acorn/issues/9>", [9]),
        ("- `#12` in code", []),
        ("### Fixed #4\n\n- Roots.", [4]),
        ("- oak/acorn#12", [12]),
    ],
)
def test_a_section_names_numbers_as_it_is_read(section: str, numbers: list[int]) -> None:
    links = "[#12]: https://github.com/oak/acorn/issues/12\n[#13]: https://github.com/elm/tree/issues/13\n"
    more = "[Bark]: https://example.org/bark\n[#14]: https://github.com/oak/acorn/pull/14\n"
    changelog = f"# Changelog\n\n## [Unreleased]\n\n{section}\n\n{links}{more}"

    assert in_changelog(changelog, section, HOME) == numbers


PIECES = st.sampled_from(
    [
        *("#7", "#", "7", "fixes ", "elm/tree", "oak/acorn", HOME, "/issues/7", "[", "]", "(", ")", "`", "```", "\n"),
        *("    ", "<!--", "-->", ">", " ", "\\", "é", "\x00", "Merge pull request #7 from ", "Reverts #7"),
        "This reverts commit abcdef0",
    ]
)


@given(st.lists(PIECES, max_size=40).map("".join))
def test_hostile_texts_name_no_more_than_the_numbers_in_them(text: str) -> None:
    told = in_message(text, HOME)
    found = {*told.brought, *told.closed, *told.reverted, *mentioned(text, HOME), *in_changelog(text, text, HOME)}

    assert all(str(number) in text for number in found)


@given(st.text(alphabet=st.characters(exclude_characters="\r\n`"), max_size=50))
def test_whatever_stands_in_a_code_block_names_nothing(text: str) -> None:
    block = f"```\nfixes #7 {text}\n```\n"

    assert closed(block, HOME) == mentioned(block, HOME) == []


@pytest.mark.parametrize("piece", ["`", "<!--", "[", "[#7](", "#7 ", "fixes ", "a/", "https://", "> ", "``` ` "])
def test_long_hostile_texts_are_read_in_no_time(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    begin = time.monotonic()
    closed(text, HOME)
    in_changelog(text[:50_000], text[:50_000], HOME)

    assert time.monotonic() - begin < 10


# Ranges of commits


def test_the_commits_since_the_tag_tell_the_newest_first(place: Place) -> None:
    commit(place, "feat: Grow (#2)")
    commit(place, "fix: Roots\n\nFixes #5, closes oak/acorn#6 and resolves elm/tree#7.")
    place.git("switch", "--quiet", "-c", "side", "v1.0.0")
    commit(place, "feat: Bark (#3)")
    place.git("switch", "--quiet", "main")
    place.git("merge", "--quiet", "--no-ff", "-m", "Merge pull request #4 from oak/side", "side")

    assert sorted(numbers_of(place)) == [2, 3, 4, 5, 6]
    assert numbers_of(place)[0] == 4
    place.git("tag", "v1.0.1")
    assert numbers_of(place, "v1.0.1") == []


def test_the_first_release_has_all_commits_there_are(place: Place) -> None:
    place.git("commit", "--quiet", "--amend", "--allow-empty", "-m", "feat: Leaves (#2)")
    place.git("switch", "--quiet", "--orphan", "other")
    commit(place, "feat: Begin anew (#1)")
    commit(place, "feat: Go on (#2)")

    assert numbers_of(place, None) == [2, 1]


def test_what_was_reverted_is_not_released_and_what_came_back_is(place: Place) -> None:
    grown = commit(place, "feat: Grow (#2)\n\nFixes #3")
    assert numbers_of(place) == [2, 3]

    away = commit(place, f'Revert "feat: Grow (#2)"\n\nThis reverts commit {grown}.')
    assert numbers_of(place) == []

    commit(place, f'Reapply "feat: Grow (#2)"\n\nThis reverts commit {away}.')
    assert numbers_of(place) == [2, 3]


def test_the_revert_of_a_merge_takes_all_back_that_came_with_it(place: Place) -> None:
    place.git("switch", "--quiet", "-c", "side")
    commit(place, "fix: Roots, fixes #3")
    place.git("switch", "--quiet", "main")
    commit(place, "docs: Say so (#9)")
    place.git("merge", "--quiet", "--no-ff", "-m", "Merge pull request #4 from oak/side", "side")
    merged = place.git("rev-parse", "HEAD")
    commit(
        place, f'Revert "Merge pull request #4"\n\nThis reverts commit {merged}, reversing\nchanges made to {merged}^.'
    )

    assert numbers_of(place) == [9]


def test_a_pull_request_that_reverts_another_one_takes_it_out(place: Place) -> None:
    commit(place, "feat: Grow (#2)\n\nFixes #3")
    commit(place, 'Revert "feat: Grow" (#5)\n\nReverts oak/acorn#2')

    assert numbers_of(place) == [5]


def test_a_commit_nobody_has_can_be_said_to_be_reverted(place: Place) -> None:
    commit(place, "feat: Grow (#2)")
    commit(place, "This reverts commit 0000000000000000000000000000000000000001.\n\nThis reverts commit abcdef0.")

    assert numbers_of(place) == [2]


# Asking the tracker


def test_the_issues_that_merged_pull_requests_close_count_and_what_is_not_there_does_not() -> None:
    known = {
        1: ticket(1, pull_request=True, body="Closes #2\n\n> fixes #4"),
        2: ticket(2),
        3: ticket(3, pull_request=True, done=False, body="fixes #5"),
    }
    tracker = Tracked(known)

    assert [each.number for each in tickets(tracker, [1, 3, 9, 1])] == [1, 3, 2]
    assert tracker.asked == [1, 3, 9, 2]


def test_no_more_is_asked_than_a_release_can_hold_and_that_is_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "hephaestus")
    tracker = Tracked({number: ticket(number) for number in range(1, MOST + 50)})

    assert len(tickets(tracker, range(1, MOST + 1))) == MOST
    assert caplog.text == ""
    assert len(tickets(tracker, range(1, MOST + 50))) == MOST
    assert "more than 200 issues and pull requests are named" in caplog.text


@pytest.mark.parametrize(
    ("version", "previous"),
    [("1.1.0", "v1.0.0"), ("1.1.0rc2", "v1.1.0rc1"), ("1.1.0rc1", "v1.0.0"), ("1.0.0", None)],
)
def test_a_final_version_brings_all_since_the_last_final_one(version: str, previous: str | None) -> None:
    tags = {"1.1.0": 4, "1.1.0rc2": 3, "1.1.0rc1": 2, "1.0.0": 1}
    earlier = versions.order([f"v{each}" for each, place in tags.items() if place <= tags[version]], "v{version}")

    found = before(earlier, version, f"v{version}")

    assert (found and found[1]) == previous
