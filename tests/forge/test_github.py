"""What is particular to releases on GitHub: drafts and lost replies, uploads that break, immutable releases, the latest."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakegithub import Fault, Hub, assets
from hephaestus import git, marks
from hephaestus.errors import Conflict, CouldNotRun, HephaestusError, Refused, UsageError, VerificationFailed
from hephaestus.forge import connect
from hephaestus.forge.github import GitHubForge
from hephaestus.forge.github.assets import Files
from hephaestus.forge.github.documents import Release
from hubs import on
from places import Place
from scripted import Said, Scripted

# Each has a server to talk to: not long, but long for many.
pytestmark = pytest.mark.slow

Made = Callable[..., Path]

LOSING = [Fault.CUT_BEFORE, Fault.CUT_AFTER, Fault.BAD_GATEWAY_BEFORE, Fault.BAD_GATEWAY_AFTER, Fault.UNAVAILABLE]
WORDS: dict[str, Any] = {"title": "Title", "body": "Body", "prerelease": False}


@pytest.fixture
def ours(hub: Hub, waits: list[float]) -> GitHubForge:
    return on(hub)


def body(number: int, notes: str = "Notes.") -> str:
    """Return the body of a draft of hephaestus; each number is another release."""
    mark = marks.Mark(f"{number:032x}", "a" * 40, "main", "2026-11-22T10:00:00+00:00")
    return marks.body(marks.DraftMark(mark, "b" * 40, {}), notes)


def drafts(hub: Hub) -> list[str]:
    return [release["tag_name"] for release in hub.releases if release["draft"]]


def asked(hub: Hub, method: str) -> list[str]:
    return [exchange.path.removeprefix("/repos/oak/acorn/") for exchange in hub.exchanges if exchange.method == method]


# Where it is


def test_a_project_whose_remote_is_on_github_releases_there(hosted: Place, hub: Hub) -> None:
    forge = connect(None, root=hosted.root, name="acorn", remote=hosted.git("remote", "get-url", "origin"))
    assert isinstance(forge, GitHubForge)
    assert forge.place == f"{hub.url}/oak/acorn"
    assert forge.can_withdraw
    assert hub.token not in repr(forge)


def test_nobody_waits_for_the_client_before_something_is_asked(hub: Hub) -> None:
    ask = f"""
import sys
from hephaestus.forge import github
forge = github.connect(github.address({hub.page!r}, None))
assert forge.git_settings
assert "httpx2" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", ask], check=True)
    assert hub.exchanges == []


def test_git_is_let_in_by_a_header_that_no_argument_holds(hosted: Place, hub: Hub, ours: GitHubForge) -> None:
    with pytest.raises(CouldNotRun):
        hosted.repository.remote_tags("origin")
    let_in = git.Repository(hosted.root, tuple(ours.git_settings))
    assert let_in.remote_tags("origin") == ["v1.0.0"]
    assert hub.token not in repr(let_in)


def test_without_a_token_what_is_public_is_seen_and_nothing_else(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hub.private = False
    hub.release("v1.0.0", assets={"a.whl": b"bytes"})
    hub.release("v1.1.0", draft=True)
    monkeypatch.delenv("GH_TOKEN")
    forge = on(hub)
    assert forge.git_settings == ()
    assert forge.latest() == "v1.0.0"
    assert forge.find("v1.1.0") is None
    assert forge.download("v1.0.0", "a.whl", tmp_path).read_bytes() == b"bytes"
    with pytest.raises(Refused, match="401") as caught:
        forge.draft("v1.2.0", **WORDS)
    assert caught.value.hint


def test_a_private_repository_without_a_token_says_how_to_log_in(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GH_TOKEN")
    with pytest.raises(Refused, match="has no such thing on oak/acorn, or does not show it without a token") as caught:
        on(hub).find("v1.0.0")
    assert caught.value.hint


@pytest.mark.parametrize("tag", [".", "..", "a/../b", "v1?x=y", "v1#x", "v1%2F..", "../../user", "", " ", "a\nb", "ü"])
def test_a_tag_of_any_kind_asks_for_nothing_but_releases(hub: Hub, ours: GitHubForge, tag: str) -> None:
    assert ours.find(tag) is None
    for exchange in hub.exchanges:
        assert exchange.path.startswith("/repos/oak/acorn/releases")


# Drafts


@pytest.mark.parametrize("fault", [*LOSING, Fault.LATE])
@pytest.mark.parametrize("lag", [0, 3])
def test_a_lost_reply_makes_no_second_draft(hub: Hub, ours: GitHubForge, fault: Fault, lag: int) -> None:
    hub.lag = lag
    hub.fail(fault, "POST", "/releases$")
    ours.draft("v1.1.0", **WORDS)
    assert drafts(hub) == ["v1.1.0"]
    assert hub.releases[0]["body"] == "Body"


def test_a_draft_that_no_listing_shows_yet_is_uploaded_to_and_published(
    hub: Hub, ours: GitHubForge, made: Made
) -> None:
    hub.lag = 1000
    ours.draft("v1.1.0", **WORDS)
    ours.upload("v1.1.0", made("a.whl"))
    ours.draft("v1.1.0", **{**WORDS, "body": "Other"})
    ours.publish("v1.1.0")
    (release,) = hub.releases
    assert (release["draft"], release["body"], len(release["assets"])) == (False, "Other", 1)


def test_of_two_releases_of_one_tag_begun_in_the_same_moment_the_second_gives_way(hub: Hub, ours: GitHubForge) -> None:
    first = hub.release("v1.1.0", draft=True, body=body(1))
    hub.unseen["release", first["id"]] = 1

    with pytest.raises(Conflict, match=r"another release of v1\.1\.0 was begun in the same moment"):
        ours.draft("v1.1.0", title="v1.1.0", body=body(2), prerelease=False)

    assert [each["id"] for each in hub.releases] == [first["id"]]


def test_a_draft_that_is_there_is_taken_over_and_not_doubled(hub: Hub, ours: GitHubForge) -> None:
    there = hub.release("v1.1.0", draft=True, body="old")
    ours.draft("v1.1.0", **WORDS)
    (release,) = hub.releases
    assert (release["id"], release["name"], release["body"]) == (there["id"], "Title", "Body")


def test_a_draft_that_says_so_already_is_not_written(hub: Hub, ours: GitHubForge) -> None:
    ours.draft("v1.1.0", **WORDS)
    ours.draft("v1.1.0", **WORDS)
    on(hub).draft("v1.1.0", **WORDS)
    assert (asked(hub, "POST"), asked(hub, "PATCH")) == (["releases"], [])


def test_of_several_drafts_that_of_hephaestus_is_taken_and_of_these_the_oldest(hub: Hub, ours: GitHubForge) -> None:
    hub.release("v1.1.0", draft=True, body="somebody else's")
    hub.release("v1.1.0", draft=True, body=body(1, "first"))
    hub.release("v1.1.0", draft=True, body=body(1, "second"))
    found = ours.find("v1.1.0")
    assert found is not None
    assert found.body == body(1, "first")


def test_further_drafts_of_the_same_release_go_when_it_is_published_or_withdrawn(hub: Hub, ours: GitHubForge) -> None:
    for _ in range(2):
        hub.release("v1.1.0", draft=True, body=body(1))
        hub.release("v1.2.0", draft=True, body=body(2))
    hub.release("v1.2.0", draft=True, body="somebody else's")
    ours.publish("v1.1.0")
    assert [(each["tag_name"], each["draft"]) for each in hub.releases if each["tag_name"] == "v1.1.0"] == [
        ("v1.1.0", False)
    ]
    ours.withdraw("v1.2.0")
    assert [each["body"] for each in hub.releases if each["tag_name"] == "v1.2.0"] == ["somebody else's"]


def test_no_release_ever_says_which_commit_it_is_for(hub: Hub, ours: GitHubForge) -> None:
    ours.draft("v1.1.0", **WORDS)
    ours.draft("v1.1.0", **{**WORDS, "title": "Other"})
    ours.publish("v1.1.0")
    written = [exchange.document for exchange in hub.exchanges if exchange.method in {"POST", "PATCH"}]
    assert len(written) == 3
    assert not [document for document in written if "target_commitish" in document]


def test_a_body_that_was_edited_on_the_web_is_read_as_it_was_given(hub: Hub, ours: GitHubForge) -> None:
    text = body(1, "One.\n\nTwo.")
    ours.draft("v1.1.0", **{**WORDS, "body": text})
    hub.releases[0]["body"] = text.strip().replace("\n", "\r\n")
    found = ours.find("v1.1.0")
    assert found is not None
    assert found.body == text


# Files


@pytest.mark.parametrize("fault", [*LOSING, Fault.STARTER])
@pytest.mark.parametrize("lag", [0, 2])
def test_an_upload_whose_reply_is_lost_leaves_one_whole_file(
    hub: Hub, ours: GitHubForge, made: Made, fault: Fault, lag: int
) -> None:
    ours.draft("v1.1.0", **WORDS)
    hub.lag = lag
    hub.fail(fault, "POST", "assets")
    ours.upload("v1.1.0", made("a.whl", b"whole"))
    (asset,) = hub.releases[0]["assets"]
    assert (asset["name"], asset["state"]) == ("a.whl", "uploaded")
    assert hub.assets[asset["id"]] == b"whole"


def broken(hub: Hub, name: str) -> None:
    """Leave on the first release what an upload leaves behind whose client and server both died."""
    assets.put(hub, hub.releases[0], name, b"", whole=False)


def test_what_a_broken_upload_left_is_no_file_and_is_replaced(hub: Hub, ours: GitHubForge, made: Made) -> None:
    ours.draft("v1.1.0", **WORDS)
    broken(hub, "a.whl")
    found = ours.find("v1.1.0")
    assert found is not None
    assert found.assets == ()
    ours.upload("v1.1.0", made("a.whl", b"whole"))
    assert [asset["size"] for asset in hub.releases[0]["assets"]] == [5]


def test_what_a_broken_upload_left_is_not_published(hub: Hub, ours: GitHubForge, made: Made) -> None:
    ours.draft("v1.1.0", **WORDS)
    ours.upload("v1.1.0", made("b.whl"))
    broken(hub, "a.whl")
    ours.publish("v1.1.0")
    assert [asset["name"] for asset in hub.releases[0]["assets"]] == ["b.whl"]


def test_an_upload_that_breaks_again_and_again_is_given_up(hub: Hub, ours: GitHubForge, made: Made) -> None:
    ours.draft("v1.1.0", **WORDS)
    hub.fail(Fault.STARTER, "POST", "assets", times=9)
    with pytest.raises(CouldNotRun):
        ours.upload("v1.1.0", made("a.whl"))
    assert hub.releases[0]["assets"] == []


def test_a_name_github_does_not_take_is_said_and_nothing_is_left(hub: Hub, ours: GitHubForge, made: Made) -> None:
    ours.draft("v1.1.0", **WORDS)
    for fault in (None, Fault.CUT_AFTER):
        if fault is not None:
            hub.fail(fault, "POST", "assets")
        with pytest.raises(Conflict, match=r"does not take the name a b\.whl, it would call the file a\.b\.whl"):
            ours.upload("v1.1.0", made("a b.whl"))
        assert hub.releases[0]["assets"] == []


def test_an_empty_file_is_refused_before_anything_is_asked(hub: Hub, ours: GitHubForge, made: Made) -> None:
    with pytest.raises(UsageError, match="GitHub takes no empty files"):
        ours.upload("v1.1.0", made("py.typed", b""))
    assert hub.exchanges == []


def test_a_name_that_some_systems_cannot_tell_from_another_is_refused(ours: GitHubForge, made: Made) -> None:
    ours.draft("v1.1.0", **WORDS)
    ours.upload("v1.1.0", made("a.whl"))
    with pytest.raises(Conflict, match=r"cannot tell from A\.whl"):
        ours.upload("v1.1.0", made("A.whl"))


def test_an_upload_that_arrived_otherwise_is_taken_away_and_said(made: Made, tmp_path: Path) -> None:
    asset = {"id": 7, "name": "a.whl", "size": 5, "digest": "sha256:" + "0" * 64, "state": "uploaded"}
    with Scripted([Said(201, asset), Said(204)]) as server:
        release = Release(
            1, "v1.1.0", "", "", True, False, False, "", f"{server.url}/api/uploads/1/assets{{?name}}", ()
        )
        with pytest.raises(VerificationFailed, match=r"GitHub holds other bytes of a\.whl than were sent"):
            Files(server.client).put(release, made("a.whl", b"bytes"), "a.whl")
    assert server.asked == ["POST /api/uploads/1/assets?name=a.whl", "DELETE /api/v3/repos/oak/acorn/releases/assets/7"]


def without_digests(hub: Hub) -> None:
    """Let the hub be a server from before GitHub knew the digests of files."""
    for release in hub.releases:
        for asset in release["assets"]:
            asset["digest"] = None


def test_a_server_that_knows_no_digests_is_asked_for_the_bytes_once(
    hub: Hub, ours: GitHubForge, made: Made, tmp_path: Path
) -> None:
    ours.draft("v1.1.0", **WORDS)
    ours.upload("v1.1.0", made("a.whl", b"whole"))
    without_digests(hub)
    before = len(asked(hub, "GET"))
    for _ in range(3):
        found = ours.find("v1.1.0")
        assert found is not None
        assert [asset.sha256 for asset in found.assets] == [hashlib.sha256(b"whole").hexdigest()]
    ours.upload("v1.1.0", made("a.whl", b"whole"))
    with pytest.raises(Conflict):
        ours.upload("v1.1.0", made("a.whl", b"other"))
    assert [path.startswith("releases/assets/") for path in asked(hub, "GET")[before:]].count(True) == 1


def test_old_releases_of_others_are_listed_without_fetching_their_files(
    hub: Hub, ours: GitHubForge, tmp_path: Path
) -> None:
    hub.release("v1.0.0", assets={"a.whl": b"bytes"})
    without_digests(hub)
    found = ours.find("v1.0.0")
    assert found is not None
    assert [asset.sha256 for asset in found.assets + ours.published()[0].assets] == ["", ""]
    assert not [path for path in asked(hub, "GET") if "assets" in path]
    assert ours.download("v1.0.0", "a.whl", tmp_path / "back").read_bytes() == b"bytes"


def test_bytes_that_are_not_the_promised_ones_are_not_kept(hub: Hub, ours: GitHubForge, tmp_path: Path) -> None:
    made = hub.release("v1.0.0", assets={"a.whl": b"bytes"})
    hub.assets[made["assets"][0]["id"]] = b"other"
    with pytest.raises(VerificationFailed, match=r"a\.whl does not have the bytes"):
        ours.download("v1.0.0", "a.whl", tmp_path / "back")
    assert list((tmp_path / "back").iterdir()) == []


def test_a_place_that_cannot_be_written_to_is_said(hub: Hub, ours: GitHubForge, tmp_path: Path) -> None:
    hub.release("v1.0.0", assets={"a.whl": b"bytes"})
    (tmp_path / "file").touch()
    with pytest.raises(CouldNotRun, match=r"a\.whl cannot be written to"):
        ours.download("v1.0.0", "a.whl", tmp_path / "file")


MEASURE = """
import resource, sys
from pathlib import Path
from hubs import on
from fakegithub import Hub
from hephaestus.forge import github

forge = github.connect(github.address(sys.argv[1], None))
forge.draft("v1.1.0", title="", body="", prerelease=False)
forge.upload("v1.1.0", Path(sys.argv[2]) / "small.bin")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
forge.upload("v1.1.0", Path(sys.argv[2]) / "large.bin")
forge.download("v1.1.0", "large.bin", Path(sys.argv[2]) / "back")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs the resource usage of POSIX")
def test_memory_stays_flat_however_large_a_file_is(hub: Hub, tmp_path: Path) -> None:
    size = 300 << 20
    (tmp_path / "small.bin").write_bytes(b"x")
    with (tmp_path / "large.bin").open("wb") as file:
        file.truncate(size)
    paths = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, hub.page, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "back" / "large.bin").stat().st_size == size
    assert int(done.stdout) < 30_000  # kilobytes; a file of 300 MB in memory would be ten times that


# Publishing


def drafted_and_published(forge: GitHubForge, tag: str, *, prerelease: bool = False) -> None:
    forge.draft(tag, **{**WORDS, "prerelease": prerelease})
    forge.publish(tag)


def test_a_back_port_and_a_pre_release_are_not_shown_as_the_latest(hub: Hub, ours: GitHubForge) -> None:
    for tag, prerelease in (
        ("v2.0.0", False),
        ("v1.9.1", False),
        ("v3.0.0rc1", False),
        ("v2.1.0", True),
        ("v2.0.1", False),
    ):
        drafted_and_published(ours, tag, prerelease=prerelease)
    said = [exchange.document["make_latest"] for exchange in hub.exchanges if exchange.method == "PATCH"]
    assert said == ["true", "false", "false", "false", "true"]
    assert ours.client.get("releases/latest")["tag_name"] == ours.latest() == "v2.0.1"


@pytest.mark.parametrize("fault", LOSING)
def test_publishing_survives_lost_replies(hub: Hub, ours: GitHubForge, fault: Fault) -> None:
    ours.draft("v1.1.0", **WORDS)
    hub.fail(fault, "PATCH", times=3)
    ours.publish("v1.1.0")
    assert [(each["tag_name"], each["draft"]) for each in hub.releases] == [("v1.1.0", False)]


def test_an_immutable_release_is_known_as_such(hub: Hub, ours: GitHubForge) -> None:
    hub.immutable = True
    ours.draft("v1.1.0", **WORDS)
    ours.publish("v1.1.0")
    found = ours.find("v1.1.0")
    assert found is not None
    assert found.immutable
    assert ours.published()[0].immutable


def test_a_burned_tag_name_is_said_with_the_version_that_comes_next(hub: Hub, ours: GitHubForge) -> None:
    hub.immutable = True
    ours.draft("v1.1.0", **WORDS)
    ours.publish("v1.1.0")
    ours.withdraw("v1.1.0")
    assert ours.find("v1.1.0") is None
    with pytest.raises(Refused, match=r"the tag name v1\.1\.0 is burned") as caught:
        drafted_and_published(ours, "v1.1.0")
    assert caught.value.hint == "hephaestus release --version 1.1.1"


# Withdrawing


@pytest.mark.parametrize("fault", LOSING)
@pytest.mark.parametrize("state", ["draft", "published"])
def test_withdrawing_survives_lost_replies(hub: Hub, ours: GitHubForge, fault: Fault, state: str) -> None:
    hub.release("v1.1.0", draft=state == "draft")
    hub.fail(fault, "DELETE", times=3)
    ours.withdraw("v1.1.0")
    assert hub.releases == []


def test_what_was_withdrawn_is_gone_even_while_listings_go_on_showing_it(waits: list[float]) -> None:
    missing = Said(404, {"message": "Not Found"})
    draft = {"id": 7, "tag_name": "v1.1.0", "draft": True, "prerelease": False, "assets": []}
    listed = Said(document=[{**draft, "html_url": "https://x", "upload_url": "https://x"}])
    # By its tag, in the listing, deleted, seen to be gone; and by its tag and in the listing again.
    with Scripted([missing, listed, Said(204), missing, missing, listed]) as server:
        forge = GitHubForge(server.client)
        forge.withdraw("v1.1.0")
        assert forge.find("v1.1.0") is None
    assert [asked.split()[0] for asked in server.asked] == ["GET", "GET", "DELETE", "GET", "GET", "GET"]


def test_the_version_before_is_shown_as_the_latest_again(hub: Hub, ours: GitHubForge) -> None:
    for tag in ("v1.1.0", "v1.0.9", "v1.2.0"):
        drafted_and_published(ours, tag)
    # Left alone, GitHub would take the back-port, whose commit is the youngest.
    hub.releases[1]["created_at"] = "2099-01-01T00:00:00Z"
    ours.withdraw("v1.2.0")
    assert ours.client.get("releases/latest")["tag_name"] == "v1.1.0"


def test_a_release_that_may_not_be_deleted_is_not_said_to_be_gone(hub: Hub, ours: GitHubForge) -> None:
    hub.release("v1.1.0")
    hub.permission = "read"
    with pytest.raises(Refused):
        ours.withdraw("v1.1.0")
    assert len(hub.releases) == 1


# Notes


def test_githubs_own_notes_begin_at_the_tag_before_if_it_has_it(hub: Hub, ours: GitHubForge) -> None:
    ours.generated_notes("v1.1.0", "v1.0.0", "main")
    ours.generated_notes("v1.1.0", "v0.9.0", "main")
    ours.generated_notes("v1.1.0", None, "main")
    wanted = {"tag_name": "v1.1.0", "target_commitish": "main"}
    said = [exchange.document for exchange in hub.exchanges if exchange.method == "POST"]
    assert said == [{**wanted, "previous_tag_name": "v1.0.0"}, wanted, wanted]


def test_githubs_own_notes_are_text(hub: Hub, ours: GitHubForge) -> None:
    text = ours.generated_notes("v1.1.0", "v1.0.0", "main")
    assert "v1.0.0...v1.1.0" in text
    assert hub.releases == []


# All of it


def live(forge: GitHubForge, made: Made) -> None:
    """Make a release from its draft to the public."""
    forge.draft("v1.1.0", title="v1.1.0", body=body(1), prerelease=False)
    for name in ("a.whl", "b.tar.gz"):
        forge.upload("v1.1.0", made(name, name.encode()))
    forge.publish("v1.1.0")


def told(hub: Hub) -> list[dict[str, Any]]:
    """Return what people see of the releases."""
    return [
        {
            **{name: each[name] for name in ("tag_name", "name", "body", "draft")},
            "assets": sorted((asset["name"], asset["digest"], asset["state"]) for asset in each["assets"]),
        }
        for each in hub.releases
    ]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("lag", [0, 2])
def test_a_cut_anywhere_changes_nothing_about_the_release(
    hub: Hub, waits: list[float], made: Made, when: Any, lag: int
) -> None:
    empty = hub.state()
    live(on(hub), made)
    undisturbed, requests = told(hub), len(hub.exchanges)
    assert requests > 10
    hub.lag = lag
    for number in range(1, requests + 1):
        hub.restore(empty)
        hub.cut(number, when)
        live(on(hub), made)
        assert told(hub) == undisturbed, number


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_program_that_dies_anywhere_is_finished_by_the_next_one(
    hub: Hub, waits: list[float], made: Made, monkeypatch: pytest.MonkeyPatch, when: Any
) -> None:
    empty = hub.state()
    live(on(hub), made)
    undisturbed, requests = told(hub), len(hub.exchanges)
    for number in range(1, requests + 1):
        hub.restore(empty)
        hub.cut(number, when)
        with monkeypatch.context() as dying:
            # Whoever would ask again is gone.
            dying.setattr("hephaestus.forge.github.patience._PAUSES", ())
            dying.setattr("hephaestus.forge.github.patience._TRIES", 1)
            dying.setattr("hephaestus.forge.github.patience.LOOKS", ())
            with contextlib.suppress(HephaestusError):
                live(on(hub), made)
        found = on(hub).find("v1.1.0")
        if found is None or found.draft:
            live(on(hub), made)
        assert told(hub) == undisturbed, number
