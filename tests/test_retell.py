"""Telling of a release again, from wherever somebody stands: what is known of it, and never more."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

import worlds
from hephaestus.errors import UsageError
from hephaestus.retell import announcement, filled_checklist

if TYPE_CHECKING:
    from places import Place

# Each stands on a release that came some way.
pytestmark = pytest.mark.slow

HOUSE = "acorn-1.1.0-wheelhouse.tar.gz"


def ticked(place: Place, version: str = "1.1.0") -> list[str]:
    """Return the items that are ticked, with their evidence."""
    lines = filled_checklist(place.repository, version).splitlines()
    return [line.removeprefix("- [x] ") for line in lines if line.startswith("- [x] ")]


def asked(place: Place, version: str = "1.1.0") -> set[str]:
    return {line.partition(" — ")[0] for line in ticked(place, version)}


@pytest.fixture
def released(request: pytest.FixtureRequest) -> Place:
    """A project whose release 1.1.0 is finished."""
    return worlds.halfway(request, "track")


BEFORE_THE_PUSH = {
    *("Version number correct", "CHANGELOG complete and accurate", "All quality gates pass", "Wheelhouse built"),
    "Breaking changes documented (if major)",
}
PUBLIC = {*BEFORE_THE_PUSH, "Tag pushed", "Release published", "Wheelhouse attached to the release"}
VERIFIED = {*PUBLIC, "Release verified", "Installation tested", "Smoke test passed"}


@pytest.mark.parametrize(
    ("until", "items"),
    [
        ("stage", set()),
        ("changelog", {"Version number correct", "CHANGELOG complete and accurate"}),
        ("upload", BEFORE_THE_PUSH),
        ("push", {*BEFORE_THE_PUSH, "Tag pushed"}),
        ("publish", PUBLIC),
        ("verify", VERIFIED),
    ],
)
def test_half_way_just_that_is_ticked_which_the_journal_says_is_done(
    request: pytest.FixtureRequest, until: str, items: set[str]
) -> None:
    assert asked(worlds.halfway(request, until)) == items


def test_after_a_release_everything_is_ticked_that_it_shows(released: Place) -> None:
    commit = released.git("rev-parse", "--short=10", "v1.1.0^{commit}")
    url = (released.forge / "v1.1.0").as_uri()

    assert ticked(released) == [
        f"Version number correct — 1.1.0 in {commit}",
        "CHANGELOG complete and accurate — CHANGELOG.md has [1.1.0]",
        "All quality gates pass — passed: stands",
        *[line for line in ticked(released) if line.startswith("Breaking changes")],
        f"Wheelhouse built — {HOUSE}",
        "Tag pushed — v1.1.0 on origin",
        f"Release published — {url}",
        f"Wheelhouse attached to the release — {HOUSE}",
        f"Release verified — {len(list((released.forge / 'v1.1.0' / 'assets').iterdir()))} files read back and compared",
        f"Installation tested — installed with no network from {HOUSE}",
        "Smoke test passed — `acorn`",
        "Announcement written — announcement.md",
    ]


GATES = "All quality gates pass — passed: stands"


@pytest.mark.parametrize(
    ("gates", "shown"),
    [
        ([{"gate": "stands", "verdict": "passed", "seconds": 1.0, "reason": ""}], True),
        (
            [
                {
                    "gate": "stands",
                    "verdict": "passed",
                    "seconds": 1.0,
                    "reason": "",
                    "findings": [{"message": "a note"}],
                },
                {"gate": "docs", "verdict": "failed", "seconds": 1.0, "reason": "old", "required": False},
            ],
            True,
        ),
        ([{"gate": "stands", "verdict": "passed", "seconds": 1.0, "reason": "", "of a later version": 1}], False),
        (["stands"], False),
        (7, False),
    ],
    ids=["an earlier version", "this version", "a later version", "words", "a number"],
)
def test_what_another_version_wrote_of_the_gates_is_read_as_far_as_it_can_be(
    released: Place,
    gates: object,
    shown: bool,  # noqa: FBT001
) -> None:
    path = released.root / ".git" / "hephaestus" / "reports" / "v1.1.0.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "gates": gates}))

    assert (GATES in ticked(released)) is shown


def test_a_fresh_clone_ticks_what_can_be_seen_from_there(released: Place) -> None:
    other = released.clone("other")

    assert {"Tag pushed", "Release published", "Wheelhouse attached to the release"} < asked(other)
    assert not {"Release verified", "Installation tested", "All quality gates pass"} & asked(other)


def test_of_what_was_never_begun_and_what_was_taken_back_nothing_is_ticked(released: Place) -> None:
    assert asked(released, "1.2.0") == set()
    assert "# Release checklist: v1.2.0\n" in filled_checklist(released.repository, "1.2.0")
    worlds.back(released, "critical")
    assert asked(released) == set()


def test_what_was_withdrawn_elsewhere_is_not_ticked(released: Place) -> None:
    shutil.rmtree(released.forge / "v1.1.0")

    assert asked(released) == set()


def test_the_projects_own_checklist_is_taken_where_it_has_one(released: Place) -> None:
    template = ".github/RELEASE_CHECKLIST_TEMPLATE.md"
    released.commit(template, "# vX.Y.Z\n\n- [ ] Tag pushed\n- [ ] Cake eaten\n")

    assert filled_checklist(released.repository, "1.2.0") == "# v1.2.0\n\n- [ ] Tag pushed\n- [ ] Cake eaten\n"
    assert "Cake" not in filled_checklist(released.repository, "1.1.0"), "the released commit has none"


def test_the_announcement_is_the_one_that_was_written(released: Place) -> None:
    written = (released.root / ".git" / "hephaestus" / "reports" / "v1.1.0" / "announcement.md").read_text()

    assert announcement(released.repository, "1.1.0") == written
    assert announcement(released.clone("other").repository, "1.1.0") == written
    assert written.startswith("# acorn 1.1.0\n\n### Added\n\n- Leaves.\n\n## Install\n")
    assert f"hephaestus release install --repository {released.forge} --tag v1.1.0\n" in written


def test_a_clone_without_tags_fetches_what_it_needs(released: Place) -> None:
    other = released.clone("other")
    other.git("tag", "--delete", "v1.1.0")

    assert announcement(other.repository, "1.1.0") == announcement(released.repository, "1.1.0")


def test_what_is_not_released_is_not_announced(request: pytest.FixtureRequest) -> None:
    place = worlds.halfway(request, "push")
    for version in ("1.1.0", "1.0.0", "2.0.0"):
        with pytest.raises(UsageError, match="is not released on") as caught:
            announcement(place.repository, version)
        assert caught.value.hint == "hephaestus status"


def test_the_programs_print_markdown_that_can_be_piped(released: Place) -> None:
    for name, said in (
        ("announce", announcement(released.repository, "1.1.0")),
        ("checklist", filled_checklist(released.repository, "1.1.0")),
    ):
        done = released.hephaestus(name, "--version", "1.1.0")
        assert (done.returncode, done.stdout, done.stderr) == (0, said, "")

        target = released.root.parent / f"{name}.md"
        done = released.hephaestus(name, "--version", "1.1.0", "--output", str(target))
        assert (done.returncode, done.stdout, target.read_text()) == (0, "", said)
        done = released.hephaestus(name, "--version", "1.1.0", "--json")
        assert said in json.loads(done.stdout).values()
        assert released.hephaestus(name).returncode == 2
    assert "evidence" in released.hephaestus("checklist", "--help").stdout
