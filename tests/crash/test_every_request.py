"""A release on GitHub loses its connection at a request, before or after its effect; then it is finished or taken back.

A fixed few requests by default; with --every-moment all there are. Either the one connection is lost, and the next
one is good again, or nothing ever gets through from there on, as when the machine dies: then the same command is
given again with a good connection, or the rollback.
"""

import functools
import hashlib
import random
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fakegithub import Fault, Hub
from hephaestus import git, keepachangelog, marks, system
from hephaestus.errors import HephaestusError
from hephaestus.stage import area
from places import Place, make_place
from worlds import TAG, VERSION, back, go

pytestmark = pytest.mark.slow

# How many requests are cut where not all of them are.
FEW = 1
WAYS = [
    (when, lost, ending)
    for when in ("before", "after")
    for lost in ("once", "for good")
    for ending in ("again", "back")
]
# How far a release is when it is rolled back, and how severe the reason is.
STANDINGS = {"upload": None, "push": None, "track": "critical"}


@dataclass
class Hosted:
    """A project on a hub, how it is at some points of its release, and what is so in the end."""

    hub: Hub
    place: Place
    aside: Path
    states: dict[str, dict[str, object]] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)

    def stand(self, until: str) -> None:
        """Bring back the world as it is when the release has come as far as a step."""
        if until not in self.states:
            if until != "wheelhouse":
                self.stand("wheelhouse")
            go(self.place, until)
            self.states[until] = self.hub.state()
            for number, folder in enumerate(self.folders):
                shutil.copytree(folder, self.aside / until / str(number), symlinks=True)
        for number, folder in enumerate(self.folders):
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(self.aside / until / str(number), folder, symlinks=True)
        self.place.git("update-index", "-q", "--refresh")
        self.hub.restore(self.states[until])
        self.hub.exchanges.clear()

    @property
    def folders(self) -> tuple[Path, ...]:
        return self.place.root, self.place.remote, area(self.place.repository)

    def requests(self, until: str, command, ended) -> int:
        """Return how many requests an undisturbed run of a command makes, which must end well."""
        if until not in self.totals:
            self.stand(until)
            before = self.hub.count
            command()
            self.totals[until] = self.hub.count - before
            ended()
        return self.totals[until]

    def is_released(self) -> None:
        """Ask that there is one release with the right files under the one tag, and that the branch holds it."""
        tag = self.place.repository.resolve(f"refs/tags/{TAG}")
        assert tag is not None
        (found,) = [each for each in self.hub.releases if each["tag_name"] == TAG]
        assert not found["draft"]
        promise = marks.from_body(found["body"])
        assert promise is not None
        assert promise.tag_object == tag
        held = {each["name"]: hashlib.sha256(self.hub.assets[each["id"]]).hexdigest() for each in found["assets"]}
        assert held == promise.assets
        assert {each["state"] for each in found["assets"]} == {"uploaded"}
        refs = self.place.remote_refs()
        assert refs[f"refs/tags/{TAG}"] == tag
        assert refs["refs/heads/main"] == self.place.repository.resolve(f"{TAG}^{{commit}}")
        assert self.hub.made_tags == []

    def is_taken_back(self, base: str, *, published: bool) -> None:
        """Ask that no release, draft or tag is left, and that the branch is as a rollback leaves it."""
        assert [each["tag_name"] for each in self.hub.releases if each["tag_name"] == TAG] == []
        refs = self.place.remote_refs()
        assert f"refs/tags/{TAG}" not in refs
        assert self.place.repository.refs("refs/hephaestus/") == {}
        remote, head = git.Repository(self.place.remote), refs["refs/heads/main"]
        if published:
            section = keepachangelog.find(git.Commit(remote, head).read("CHANGELOG.md").decode(), VERSION)
            assert section is not None
            assert section.yanked
        else:
            assert remote.resolve(f"{head}^{{tree}}") == remote.resolve(f"{base}^{{tree}}")


@pytest.fixture(scope="session")
def _hosted(tmp_path_factory):
    """What one worker keeps from test to test: nothing of it is made before the first test has a machine of its own."""
    kept: dict[str, Hosted] = {}
    yield kept
    for each in kept.values():
        each.hub.close()


@pytest.fixture
def ground(_hosted, monkeypatch, tmp_path_factory):
    """The same hub and the same project for all tests of one worker: the way to a draft is gone once."""
    monkeypatch.setattr(system, "pause", lambda _seconds: None)
    if not _hosted:
        place = make_place(tmp_path_factory.mktemp("hosted"), forge=False)
        hub = Hub(place.remote)
        place.git("remote", "set-url", "origin", f"{hub.page}.git")
        _hosted["here"] = Hosted(hub, place, tmp_path_factory.mktemp("aside"))
    hosted = _hosted["here"]
    hub = hosted.hub
    for name, value in {"GITHUB_SERVER_URL": hub.url, "GITHUB_API_URL": hub.api, "GH_TOKEN": hub.token}.items():
        monkeypatch.setenv(name, value)
    yield hosted
    assert hub.violations == []


def chosen(total: int, config, seed: str) -> list[int]:
    """Return the numbers of the requests to cut."""
    numbers = list(range(1, total + 1))
    if config.getoption("--every-moment", default=False):
        return numbers
    return sorted(random.Random(seed).sample(numbers, FEW))


def lose(hub: Hub, number: int, when: str, lost: str) -> None:
    """Let the connection be lost at a request, and perhaps at all that follow."""
    hub.cut(number, when)
    if lost == "for good":
        hub.fail_from(number + 1, Fault.CUT_BEFORE)


def given(act) -> str:
    """Give a command, and return what it ended with."""
    try:
        return act().state
    except HephaestusError as error:
        return type(error).__name__


def row(command: str, number: int, kind: str, ending: str, first: str) -> dict[str, str]:
    """Return a row of the table: which request of a command was cut, how, and how the command ended that it befell."""
    return {"command": command, "step": f"request {number}", "kind": kind, "ending": ending, "result": f"first {first}"}


@pytest.mark.always
@pytest.mark.parametrize(("when", "lost", "ending"), WAYS)
def test_a_release_that_loses_its_connection_is_finished_or_taken_back(  # noqa: PLR0917
    ground, request, record_property, when, lost, ending
):
    wrong = []
    total = ground.requests("wheelhouse", lambda: go(ground.place), ground.is_released)
    ground.stand("wheelhouse")
    base = ground.place.git("rev-parse", "HEAD")

    for number in chosen(total, request.config, f"{when} {lost} {ending}"):
        ground.stand("wheelhouse")
        lose(ground.hub, number, when, lost)
        first = given(lambda: go(ground.place))
        ground.hub.mend()
        try:
            published = any(not each["draft"] for each in ground.hub.releases if each["tag_name"] == TAG)
            if ending == "again":
                go(ground.place)
                ground.is_released()
            else:
                back(ground.place, "critical" if published else None)
                ground.is_taken_back(base, published=published)
        except (AssertionError, HephaestusError) as error:
            wrong.append(f"request {number} of {total}, then {first}: {error!r}")
        record_property("crash", row("release on GitHub", number, f"{when}, {lost}", ending, first))
    assert not wrong, "\n".join(wrong)


@pytest.mark.always
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("lost", ["once", "for good"])
@pytest.mark.parametrize("standing", STANDINGS)
def test_a_rollback_that_loses_its_connection_is_finished_by_the_same_command(  # noqa: PLR0917
    ground, request, record_property, when, lost, standing
):
    wrong, severity = [], STANDINGS[standing]
    ground.stand("wheelhouse")
    base = ground.place.git("rev-parse", "HEAD")
    gone = functools.partial(ground.is_taken_back, base, published=severity is not None)
    total = ground.requests(standing, lambda: back(ground.place, severity), gone)

    for number in chosen(total, request.config, f"{standing} {when} {lost}"):
        ground.stand(standing)
        lose(ground.hub, number, when, lost)
        first = given(lambda: back(ground.place, severity))
        ground.hub.mend()
        try:
            back(ground.place, severity)
            gone()
        except (AssertionError, HephaestusError) as error:
            wrong.append(f"request {number} of {total}, then {first}: {error!r}")
        record_property("crash", row(f"rollback after {standing} on GitHub", number, f"{when}, {lost}", "again", first))
    assert not wrong, "\n".join(wrong)
