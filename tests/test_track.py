"""Telling of a release: everybody who waits for it hears of it once, and what fails leaves nothing else undone."""

from __future__ import annotations

import json
import logging
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

import worlds
from fakegithub import Fault, Hub
from hephaestus import git, marks, notes, release, system
from hephaestus.errors import Conflict, CouldNotRun, HephaestusError, Refused
from hephaestus.papers import Papers, Tracked
from hephaestus.retell import announcement, filled_checklist
from hephaestus.track import Track

if TYPE_CHECKING:
    from places import Place

# Each has a server, or a repository of its own, to talk to: not long, but long for many.
pytestmark = pytest.mark.slow

HOUSE, WHEEL = "acorn-1.1.0-wheelhouse.tar.gz", "acorn-1.1.0-py3-none-any.whl"
TEMPLATE = """\
# Release checklist: vX.Y.Z

- [ ] All quality gates pass
- [ ] Tag pushed
- [ ] Release verified
- [ ] Close milestone
- [ ] Issues marked as released
- [ ] Update project board
- [ ] Announcement written
- [ ] Post release announcement
- [ ] Cake eaten
"""


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that would have been waited for; nothing sleeps."""
    waited: list[float] = []
    monkeypatch.setattr(system, "pause", waited.append)
    return waited


def pulled(hub: Hub, name: str, *, body: str = "") -> int:
    """Open and merge a pull request for a branch with one commit on it."""

    def run(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=hub.bare, check=True, capture_output=True, text=True).stdout.strip()

    made = run("commit-tree", "-p", "main", "-m", f"feat: Grow {name}", "main^{tree}")
    run("update-ref", f"refs/heads/{name}", made)
    return hub.pull(name, title=f"Grow {name}", body=body, merged=True)


def released(
    place: Place, *, version: str = "1.1.0", changelog: str = "- Leaves (#1).", body: str = "", **settings: Any
) -> Track:
    """Bring a project to where its release is public, and return the step that tells of it."""
    table = "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
    text = (place.root / "pyproject.toml").read_text()
    (place.root / "pyproject.toml").write_text(f"{text}\n[tool.hephaestus.github]\n{table}".replace("1.0.0", version))
    code = place.root / "src" / "acorn" / "__init__.py"
    code.write_text(code.read_text().replace("1.0.0", version))
    (place.root / "CHANGELOG.md").write_text(
        f"# Changelog\n\n## [{version}] - 2026-11-25\n\n### Added\n\n{changelog}\n"
    )
    place.git("add", "--all")
    place.git("commit", "--quiet", "-m", f"chore: Prepare release v{version}")
    facts = release.begin(version, f"v{version}", place.git("rev-parse", "HEAD"), "main", "origin")
    at = release.workplace(place.repository, "HEAD")
    at.repository.set_ref(at.stage(facts).commit_ref, facts.base, git.ABSENT)
    step = release.steps(facts, at, {})[-1]
    assert isinstance(step, Track)
    return step


def publish(hub: Hub, step: Track, *, body: str = "") -> None:
    """Publish the release on GitHub, with files."""
    version = step.paper.version
    files = {f"acorn-{version}-wheelhouse.tar.gz": b"house", f"acorn-{version}-py3-none-any.whl": b"wheel"}
    mark = marks.Mark("0" * 32, "1" * 40, "main", "2026-11-25T12:00:00+00:00")
    promise = marks.DraftMark(mark, "2" * 40, {name: system.digest_of(data) for name, data in files.items()})
    hub.release(step.paper.tag, body=marks.body(promise, body or "- Leaves."), assets=files)


def told(hub: Hub, number: int) -> list[str]:
    return [each["body"] for each in hub.comments.get(number, [])]


def labels(hub: Hub, number: int) -> list[str]:
    found = next(each for each in [*hub.issues, *hub.pulls] if each["number"] == number)
    return [each["name"] for each in found["labels"]]


def writes(hub: Hub) -> list[str]:
    return [
        f"{each.method} {each.path}" for each in hub.exchanges if each.method != "GET" and "graphql" not in each.path
    ]


def papers(place: Place, tag: str = "v1.1.0") -> Papers:
    return Papers.of(place.repository, tag)


@pytest.fixture
def world(hub: Hub, hosted: Place) -> dict[str, int]:
    """Tickets of every kind, by what they are."""
    return {
        "issue": hub.issue("Leaves fall", closed=True),
        "pull": pulled(hub, "leaves", body="Fixes #1, closes #4"),
        "open": hub.issue("Roots rot", milestone="v1.1.0"),
        "closed by the pull request": hub.issue("Bark peels", closed=True),
        "of another milestone": hub.issue("Worms", closed=True, milestone="later"),
        "of the milestone": hub.issue("Nuts", closed=True, milestone="v1.1.0"),
        "of nobody": hub.issue("Squirrels", closed=True),
    }


CHANGELOG = "- Leaves (#1), by #2; roots (#3), worms (#5); elm/tree#7; #99."


def test_everybody_who_waits_for_a_release_is_told_once(hub: Hub, hosted: Place, world: dict[str, int]) -> None:
    step = released(hosted, changelog=CHANGELOG)
    publish(hub, step)
    step.apply()

    url = f"{hub.page}/releases/tag/v1.1.0"
    solved, part = (
        f"{said} [v1.1.0]({url}).\n\n<!-- hephaestus v1.1.0 -->\n" for said in ("This is solved in", "This is part of")
    )
    assert {name: told(hub, number) for name, number in world.items()} == {
        "issue": [solved],
        "pull": [part],
        "open": [],
        "closed by the pull request": [solved],
        "of another milestone": [solved],
        "of the milestone": [solved],
        "of nobody": [],
    }
    assert [name for name, number in world.items() if "released" in labels(hub, number)] == [
        "issue", "pull", "closed by the pull request", "of another milestone", "of the milestone",
    ]  # fmt: skip
    milestones = {each["number"]: (each["milestone"] or {}).get("title") for each in [*hub.issues, *hub.pulls]}
    assert milestones == {1: "v1.1.0", 2: "v1.1.0", 3: "v1.1.0", 4: "v1.1.0", 5: "later", 6: "v1.1.0", 7: None}
    assert {each["title"]: each["state"] for each in hub.milestones} == {"v1.1.0": "closed", "later": "open"}


def test_telling_again_says_and_changes_nothing(hub: Hub, hosted: Place, world: dict[str, int]) -> None:
    step = released(hosted, changelog=CHANGELOG, announce="Announcements")
    publish(hub, step)
    step.apply()
    before, papers_before = hub.state(), {file.name: file.read_bytes() for file in papers(hosted).folder.iterdir()}
    said = len(writes(hub))
    step.apply()

    assert writes(hub)[said:] == []
    assert hub.state() == before
    assert {file.name: file.read_bytes() for file in papers(hosted).folder.iterdir()} == papers_before


def test_what_stays_open_is_left_in_the_milestone_and_named(
    hub: Hub, hosted: Place, world: dict[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hephaestus")
    step = released(hosted)
    publish(hub, step)
    step.apply()

    assert "still open, and left in the milestone v1.1.0: #3" in caplog.messages
    assert "closing the milestone v1.1.0" in caplog.messages
    assert next(each for each in hub.issues if each["number"] == 3)["milestone"]["title"] == "v1.1.0"


def test_commits_tell_what_was_released_too(hub: Hub, hosted: Place, world: dict[str, int]) -> None:
    hosted.commit("src/acorn/bark.py", "", "feat: Bark (#2)")
    hosted.commit("src/acorn/nuts.py", "", "fix: Nuts\n\nFixes oak/acorn#7")
    step = released(hosted, changelog="- Better.", milestone="{version}")
    publish(hub, step)
    step.apply()

    assert [number for number in world.values() if told(hub, number)] == [1, 2, 4, 7]


def test_without_a_milestone_none_is_made(hub: Hub, hosted: Place, world: dict[str, int]) -> None:
    step = released(hosted, milestone="{version}")
    publish(hub, step)
    step.apply()

    assert [each["title"] for each in hub.milestones] == ["v1.1.0", "later"]
    assert all(each["state"] == "open" for each in hub.milestones)


def test_neither_comments_nor_labels_where_nobody_wants_them(hub: Hub, hosted: Place, world: dict[str, int]) -> None:
    step = released(hosted, **{"comment": False, "released-label": ""})
    publish(hub, step)
    step.apply()

    assert (told(hub, 1), labels(hub, 1)) == ([], [])
    assert papers(hosted).tracked() == Tracked(milestone="v1.1.0")


def test_a_pre_release_is_told_and_leaves_milestone_and_board_alone(
    hub: Hub, hosted: Place, world: dict[str, int]
) -> None:
    hub.board(3, options=("Todo", "Released"))
    hub.place(3, 1, "Todo")
    step = released(hosted, version="1.1.0rc1", milestone="v1.1.0", board="oak/3")
    publish(hub, step)
    step.apply()

    assert told(hub, 1) == [
        f"This is solved in [v1.1.0rc1]({hub.page}/releases/tag/v1.1.0rc1).\n\n<!-- hephaestus v1.1.0rc1 -->\n"
    ]
    assert labels(hub, 1) == ["released"]
    assert hub.milestones[0]["state"] == "open"
    assert hub.boards[0]["items"][0]["option"] == hub.boards[0]["options"][0]["id"]
    assert "This is a pre-release" in papers(hosted, "v1.1.0rc1").announcement.read_text()


def test_board_and_discussion_where_they_are_configured(hub: Hub, hosted: Place, world: dict[str, int]) -> None:
    hub.board(3, options=("Todo", "Released"))
    for number in (1, 3):
        hub.place(3, number, "Todo")
    step = released(hosted, announce="announcements", board="oak/3", changelog=CHANGELOG)
    publish(hub, step)
    step.apply()

    todo, out = (option["id"] for option in hub.boards[0]["options"])
    assert [item["option"] for item in hub.boards[0]["items"]] == [out, todo]
    assert len(hub.discussions) == 1
    assert papers(hosted).tracked() == Tracked((1, 2, 4, 5, 6), "v1.1.0", "oak/3", hub.discussions[0]["html_url"])


# What fails


def test_what_fails_leaves_nothing_else_undone_and_is_named_in_one_error(
    hub: Hub, hosted: Place, world: dict[str, int], waits: list[float]
) -> None:
    step = released(hosted, announce="Gossip", board="oak/9", changelog=CHANGELOG)
    publish(hub, step)
    with pytest.raises(Refused) as caught:
        step.apply()

    said, hints = caught.value.message, (caught.value.hint or "").splitlines()
    assert re.search(r"^  board item of #1, #2, #4, #5 \(not tried\), #6 \(not tried\): .*oak/9", said, re.MULTILINE)
    assert re.search(r"^  discussion Gossip: ", said, re.MULTILINE)
    assert len(said.splitlines()) == 3
    assert hints[-1].strip() == "hephaestus release --version 1.1.0"
    assert [each["about"] for each in caught.value.details["failures"]][1] == ["Gossip"]  # type: ignore[index, attr-defined]
    assert told(hub, 6)
    assert hub.milestones[0]["state"] == "closed"
    assert papers(hosted).announcement.is_file()

    hub.categories.append("Gossip")
    hub.board(9, options=("Todo", "Released"))
    before = len(hub.comments)
    step.apply()
    assert (len(hub.discussions), len(hub.comments)) == (1, before)


def test_whoever_may_not_comment_is_told_once_and_not_for_every_ticket(
    hub: Hub, hosted: Place, world: dict[str, int]
) -> None:
    step = released(hosted, changelog=CHANGELOG)
    publish(hub, step)
    hub.permission = "read"
    with pytest.raises(Refused) as caught:
        step.apply()

    assert len([line for line in caught.value.message.splitlines() if "label released on" in line]) == 1
    assert papers(hosted).tracked().tickets == ()


def test_a_github_that_does_not_answer_is_not_asked_for_ever(
    hub: Hub, hosted: Place, world: dict[str, int], waits: list[float]
) -> None:
    step = released(hosted, changelog=CHANGELOG)
    publish(hub, step)
    hub.fail(Fault.UNAVAILABLE, "POST", "/(comments|labels)$", times=10_000)
    with pytest.raises(CouldNotRun, match=r"#6 \(not tried\)"):
        step.apply()
    assert hub.milestones[0]["state"] == "closed"

    hub.mend()
    step.apply()
    assert [number for number in world.values() if told(hub, number)] == [1, 2, 4, 5, 6]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_connection_that_is_cut_anywhere_does_nothing_twice(
    hub: Hub, hosted: Place, world: dict[str, int], waits: list[float], when: Any
) -> None:
    step = released(hosted, announce="Announcements", changelog=CHANGELOG)
    publish(hub, step)
    clean, begin = hub.state(), len(hub.exchanges)
    step.apply()
    wanted, count = _shape(hub), len(hub.exchanges) - begin
    assert count > 20
    for number in range(1, count + 1):
        hub.restore(clean)
        hub.mend()
        hub.cut(number, when)
        try:
            step.apply()
        except HephaestusError:
            step.apply()

        assert (number, _shape(hub)) == (number, wanted)


def _shape(hub: Hub) -> object:
    """Return what people see, without times and identities."""
    return (
        {number: [each["body"] for each in said] for number, said in hub.comments.items()},
        {
            each["number"]: (labels(hub, each["number"]), each["milestone"] and each["milestone"]["title"])
            for each in hub.issues
        },
        [(each["title"], each["state"]) for each in hub.milestones],
        [each["title"] for each in hub.discussions],
        sorted(each["name"] for each in hub.labels),
    )


@pytest.mark.parametrize("there", ["a draft", "nothing"])
def test_what_is_not_published_is_not_told_of(hub: Hub, hosted: Place, world: dict[str, int], there: str) -> None:
    step = released(hosted)
    if there == "a draft":
        hub.release("v1.1.0", draft=True)
    with pytest.raises(Conflict, match=r"shows no release v1\.1\.0"):
        step.apply()

    assert writes(hub) == []
    assert not papers(hosted).folder.exists()


# Papers


def test_the_projects_checklist_is_ticked_by_what_was_tracked(hub: Hub, hosted: Place, world: dict[str, int]) -> None:
    (hosted.root / ".github").mkdir()
    (hosted.root / ".github" / "RELEASE_CHECKLIST_TEMPLATE.md").write_text(TEMPLATE)
    step = released(hosted, announce="Announcements", changelog=CHANGELOG)
    publish(hub, step)
    commit = hosted.git("rev-parse", "HEAD")
    verdict = {"gate": "stands", "verdict": "passed", "seconds": 1.0, "reason": ""}
    step.gates.area.mkdir(parents=True, exist_ok=True)  # type: ignore[attr-defined]
    step.gates.record.write_text(json.dumps({"revision": commit, "gates": [verdict]}))  # type: ignore[attr-defined]
    step.apply()

    assert (
        papers(hosted).checklist.read_text()
        == f"""\
# Release checklist: v1.1.0

- [x] All quality gates pass — passed: stands
- [x] Tag pushed — v1.1.0 on origin
- [x] Release verified — 2 files read back and compared
- [x] Close milestone — v1.1.0
- [x] Issues marked as released — 5 issues and pull requests
- [ ] Update project board
- [x] Announcement written — announcement.md
- [x] Post release announcement — {hub.discussions[0]["html_url"]}
- [ ] Cake eaten
"""
    )


def test_the_announcement_names_what_readers_download(hub: Hub, hosted: Place) -> None:
    step = released(hosted)
    publish(hub, step, body=f"{notes.urgent('1.1.0')}\n\n- Leaves.")
    step.apply()
    said = papers(hosted).announcement.read_text()

    assert said.startswith("# acorn 1.1.0\n\n**Urgent:** ")
    assert f"python -m pip install {hub.page}/releases/download/v1.1.0/{WHEEL}\n" in said
    assert f"Its sha256 is `{system.digest_of(b'house')}`." in said
    assert not papers(hosted).checklist.exists(), "there is no template"


def test_without_a_tracker_only_the_papers_are_written(request: pytest.FixtureRequest) -> None:
    place = worlds.halfway(request, "verify")
    step = worlds.step(place, "track")
    assert isinstance(step, Track)
    before = place.snapshot()
    step.apply()

    assert place.snapshot() == before
    assert [file.name for file in papers(place).folder.iterdir()] == ["announcement.md"]
    assert step.describe() == "announcement and checklist are written"
    step.undo()
    assert not papers(place).folder.exists()


def test_taking_it_back_removes_the_papers_and_says_what_stays(hub: Hub, hosted: Place, world: dict[str, int]) -> None:
    step = released(hosted)
    publish(hub, step)
    step.apply()
    before = hub.state()
    step.undo()
    step.undo()

    assert hub.state() == before
    assert not papers(hosted).folder.exists()
    assert "comments, labels and the closed milestone stay" in step.describe_undo()


def test_a_note_that_was_damaged_is_no_note(place: Place) -> None:
    found = papers(place)
    for text in ("", "{", "[]", '{"tickets": 1}', '{"tickets": []}'):
        found.write(found.folder / "tracked.json", text)

        assert found.tracked() == Tracked()


def test_a_whole_release_on_github_ends_with_everybody_told(hub: Hub, hosted: Place) -> None:
    number = hub.issue("Leaves fall", closed=True, milestone="v1.1.0")
    hosted.commit("src/acorn/glue.py", "", f"fix: Hold the leaves\n\nFixes #{number}")
    outcome = worlds.go(hosted)

    assert outcome.state == "released"
    assert told(hub, number) == [
        f"This is solved in [v1.1.0]({hub.page}/releases/tag/v1.1.0).\n\n<!-- hephaestus v1.1.0 -->\n"
    ]
    assert (labels(hub, number), hub.milestones[0]["state"]) == (["released"], "closed")
    assert "Issues marked as released — 1 issue or pull request" in filled_checklist(hosted.repository, "1.1.0")
    assert announcement(hosted.repository, "1.1.0") == papers(hosted).announcement.read_text()
    assert worlds.go(hosted).state == "already released"
    assert len(told(hub, number)) == 1
