"""What a release is: facts that are frozen when it begins, and the steps as one list."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError, asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hephaestus import journal, release, system
from hephaestus.errors import UsageError
from hephaestus.marks import Mark

if TYPE_CHECKING:
    from places import Place


def begin(place: Place, version: str = "1.1.0") -> release.Release:
    return release.begin(version, f"v{version}", place.git("rev-parse", "HEAD"), "main", "origin")


def test_the_facts_are_frozen_and_come_back_from_a_journal(place: Place, tmp_path: Path) -> None:
    before = system.now()
    made = begin(place)

    assert before.isoformat() <= made.time <= system.now().isoformat()
    assert made.date == made.time[:10]
    assert re.fullmatch(r"[0-9a-f]{32}", made.id)
    assert made.mark == Mark(made.id, made.base, "main", made.time)
    record = journal.create(tmp_path / "journals", made.tag, asdict(made))
    assert release.Release(**record.facts) == made
    with pytest.raises(FrozenInstanceError):
        made.version = "2.0.0"  # type: ignore[misc]


def test_two_releases_are_never_the_same_one(place: Place) -> None:
    assert begin(place).id != begin(place).id


def test_the_plan_is_the_list_of_steps_in_their_order_each_saying_what_it_does(place: Place, tmp_path: Path) -> None:
    made, at = begin(place), release.workplace(place.repository, "HEAD")
    plan = release.plan(made, at, journal.create(tmp_path, made.tag, asdict(made)))

    assert tuple(step.name for step in plan.steps) == release.STEPS
    assert [step.name for step in plan.steps if step.commit_point] == ["push"]
    for step in plan.steps:
        assert step.describe().strip()
        assert step.describe_undo().strip()


def test_the_same_facts_make_the_same_plan_on_another_day(place: Place, tmp_path: Path) -> None:
    made, at = begin(place), release.workplace(place.repository, "HEAD")
    record = journal.create(tmp_path, made.tag, asdict(made))

    assert release.plan(made, at, record).steps == release.plan(replace(made), at, record).steps


def test_gates_waived_before_stay_waived_and_the_new_reason_counts(place: Place, tmp_path: Path) -> None:
    made, at = begin(place), release.workplace(place.repository, "HEAD")
    record = journal.create(tmp_path, made.tag, asdict(made))
    record.waive("lint", "old")
    record.waive("types", "kept")

    gates = next(step for step in release.plan(made, at, record, {"lint": "new"}).steps if step.name == "gates")

    assert gates.waived == {"lint": "new", "types": "kept"}  # type: ignore[attr-defined]


def test_tags_are_named_as_they_were_before(place: Place) -> None:
    assert release.workplace(place.repository, "HEAD").tag("1.1.0") == "v1.1.0"

    place.git("tag", "-d", "v1.0.0")
    place.git("tag", "acorn-1.0.0")
    assert release.workplace(place.repository, "HEAD").tag("1.1.0") == "acorn-1.1.0"


def test_a_configured_scheme_wins_over_the_tags_that_are_there(place: Place) -> None:
    text = (place.root / "pyproject.toml").read_text()
    place.commit("pyproject.toml", text.replace("[tool.hephaestus]", '[tool.hephaestus]\ntag = "release/{version}"'))

    assert release.workplace(place.repository, "HEAD").tag("1.1.0") == "release/1.1.0"


def test_the_forge_is_the_projects_unless_the_clone_says_otherwise(place: Place, tmp_path: Path) -> None:
    assert release.workplace(place.repository, "HEAD").forge.place == str(place.forge)

    place.git("config", "hephaestus.forge", str(tmp_path / "elsewhere"))
    assert release.workplace(place.repository, "HEAD").forge.place == str(tmp_path / "elsewhere")


def test_the_project_is_read_from_the_commit_and_not_from_the_files_that_lie_around(place: Place) -> None:
    (place.root / "pyproject.toml").write_text("[project]\nname = 'oak'\nversion = '9'\n")

    assert release.workplace(place.repository, "HEAD").project.normalized == "acorn"


def test_a_commit_that_holds_no_project_is_an_error_with_words(place: Place) -> None:
    place.git("rm", "--quiet", "pyproject.toml")
    place.git("commit", "--quiet", "-m", "chore: Drop the project")

    with pytest.raises(UsageError, match=r"pyproject\.toml"):
        release.workplace(place.repository, "HEAD")


def test_a_tag_of_the_remote_is_seen_and_one_it_does_not_have_is_none(place: Place) -> None:
    at = release.workplace(place.repository, "HEAD")

    assert at.remote_tag("origin", "v1.0.0") == place.git("rev-parse", "v1.0.0")
    assert at.remote_tag("origin", "v1.1.0") is None
