"""The report of a release: one document that says what was made, from what, how long it took and what the gates said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import worlds
from hephaestus import journal, release, report, system

if TYPE_CHECKING:
    from places import Place

# The report is written when a release is over, so there has to be one.
pytestmark = pytest.mark.slow


def test_the_report_says_what_the_world_shows(place: Place) -> None:
    before = place.git("rev-parse", "HEAD")
    outcome = worlds.go(place)
    path = place.root / ".git" / "hephaestus" / "reports" / "v1.1.0.json"

    told = json.loads(path.read_text())

    assert outcome.details["report"] == str(path)
    assert {name: outcome.details[name] for name in told} == told
    assert told["project"] == "acorn"
    assert told["commit"] == place.git("rev-parse", "v1.1.0^{commit}")
    assert told["tag_object"] == place.git("rev-parse", "v1.1.0")
    assert (told["release"]["version"], told["release"]["tag"], told["release"]["branch"]) == (
        "1.1.0",
        "v1.1.0",
        "main",
    )
    assert (told["release"]["base"], told["release"]["remote"]) == (before, "origin")
    published = place.forge / "v1.1.0" / "assets"
    assert told["assets"] == {file.name: system.digest(file) for file in published.iterdir()}
    assert told["forge"] == str(place.forge)
    assert "v1.1.0" in told["url"]
    assert [(said["gate"], said["verdict"]) for said in told["gates"]] == [("stands", "passed")]
    assert told["waived"] == {}
    assert list(told["seconds"]) == list(release.STEPS)
    assert all(seconds >= 0 for seconds in told["seconds"].values())


def test_a_tag_without_a_report_has_none_and_an_odd_name_stays_in_its_directory(place: Place) -> None:
    at = release.workplace(place.repository, "HEAD")

    assert report.read(at, "v1.1.0") is None
    assert report.path(at, "../../outside").parent == report.path(at, "v1.1.0").parent


def test_without_forge_stage_and_gates_a_report_says_so_and_is_whole(place: Place) -> None:
    at = release.workplace(place.repository, "HEAD")
    facts = release.begin("1.1.0", "v1.1.0", place.git("rev-parse", "HEAD"), "main", "origin")
    record = journal.create(place.root.parent / "journals", "v1.1.0", {})
    record.waive("lint", "“its server is down”")

    told = report.write(at, facts, record)

    assert report.read(at, "v1.1.0") == told
    assert (told["url"], told["assets"], told["gates"], told["tag_object"]) == (None, {}, [], None)
    assert told["waived"] == {"lint": "“its server is down”"}
