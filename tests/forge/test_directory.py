"""What is particular to releases in a directory: the files people see, hostile names, two writers, killed writers."""

from __future__ import annotations

import itertools
import json
import logging
import os
import shutil
import signal
import string
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hephaestus.errors import Conflict, CouldNotRun, Problem, UsageError, VerificationFailed
from hephaestus.forge import connect
from hephaestus.forge.directory import DirectoryForge
from hephaestus.forge.names import component

Made = Callable[..., Path]


@pytest.fixture
def directory(tmp_path: Path) -> DirectoryForge:
    return DirectoryForge(tmp_path / "releases")


def drafted(forge: DirectoryForge, tag: str, *files: Path) -> None:
    forge.draft(tag, title=tag, body="", prerelease=False)
    for file in files:
        forge.upload(tag, file)


def published(forge: DirectoryForge, tag: str, *files: Path) -> None:
    drafted(forge, tag, *files)
    forge.publish(tag)


def snapshot(root: Path) -> dict[str, bytes | None]:
    """Return every path below a directory with its bytes; the lock's file has none that matter."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(root.rglob("*"))
        if path.name != ".lock"
    }


def problems(forge: DirectoryForge) -> list[Problem]:
    return [finding.problem for finding in forge.examine("v1.0.0", "main") if finding.problem]


def pointed(forge: DirectoryForge) -> str:
    tag: str = json.loads((forge.path / "latest.json").read_bytes())["tag"]
    return tag


def test_a_published_release_is_a_folder_of_plain_files(directory: DirectoryForge, made: Made) -> None:
    published(directory, "v1.0.0", made("a.whl", b"wheel"))
    assert sorted(snapshot(directory.path)) == [
        ".drafts",
        "latest.json",
        "v1.0.0",
        "v1.0.0/SHA256SUMS",
        "v1.0.0/assets",
        "v1.0.0/assets/a.whl",
        "v1.0.0/release.json",
    ]
    listing = directory.find("v1.0.0")
    assert listing is not None
    assert listing.url == (directory.path / "v1.0.0").as_uri()


def test_a_draft_is_under_a_hidden_name_only(directory: DirectoryForge, made: Made) -> None:
    drafted(directory, "v1.0.0", made("a.whl"))
    assert [path.name for path in directory.path.iterdir() if not path.name.startswith(".")] == []


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="needs sha256sum")
def test_people_without_the_program_check_a_release_with_sha256sum(directory: DirectoryForge, made: Made) -> None:
    published(directory, "v1.0.0", made("a.whl", b"one"), made("ünïcode name.tar.gz", b"two"), made("-c", b"three"))
    folder = directory.path / "v1.0.0"
    check = ["sha256sum", "--strict", "-c", "SHA256SUMS"]
    said = subprocess.run(check, cwd=folder, capture_output=True, text=True, check=True).stdout
    assert said.count(": OK") == 3

    (folder / "assets" / "a.whl").write_bytes(b"changed")
    assert subprocess.run(check, cwd=folder, capture_output=True, check=False).returncode != 0


def test_checksums_are_of_the_files_that_were_there_in_the_end(directory: DirectoryForge, made: Made) -> None:
    drafted(directory, "v1.0.0", made("a.whl"), made("b.whl"))
    directory.discard("v1.0.0", "b.whl")
    directory.publish("v1.0.0")
    lines = (directory.path / "v1.0.0" / "SHA256SUMS").read_text().splitlines()
    assert [line.split("  ")[1] for line in lines] == ["assets/a.whl"]


def test_readers_without_the_program_find_the_latest_in_a_file(directory: DirectoryForge) -> None:
    published(directory, "v2.0.0")
    published(directory, "v1.9.1")
    published(directory, "v3.0.0rc1")
    assert pointed(directory) == "v2.0.0"
    directory.withdraw("v2.0.0")
    assert pointed(directory) == "v1.9.1"
    directory.withdraw("v1.9.1")
    assert not (directory.path / "latest.json").exists()


def test_the_file_that_names_the_latest_is_repaired_and_never_believed(directory: DirectoryForge) -> None:
    published(directory, "v1.0.0")
    (directory.path / "latest.json").write_text("nonsense")
    assert directory.latest() == "v1.0.0"
    directory.publish("v1.0.0")
    assert pointed(directory) == "v1.0.0"


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("v1.9.0", "v1.10.0"),
        ("1.9", "1.10"),
        ("name-1.9.0", "name-1.10.0"),
        ("py3-name-2-v1.9", "py3-name-2-v1.10"),
        ("name_1.0", "name_1.0.post1"),
        ("name@1.0", "name/1.1"),
        ("v9.0", "v1!1.0"),
        ("nightly", "v0.1"),
        ("v" + "9" * 5000, "v0.1"),
    ],
)
def test_the_latest_is_found_in_every_scheme_of_tags(directory: DirectoryForge, older: str, newer: str) -> None:
    for tag in (newer, older):
        try:
            published(directory, tag)
        except UsageError:
            assert len(tag) > 200
    assert directory.latest() == newer


def test_tags_without_a_version_are_listed_last_and_never_the_latest(directory: DirectoryForge) -> None:
    for tag in ("nightly", "v1.0rc1"):
        published(directory, tag)
    assert [listing.tag for listing in directory.published()] == ["v1.0rc1", "nightly"]
    assert directory.latest() is None


def test_folders_that_are_no_releases_are_left_alone(directory: DirectoryForge) -> None:
    for name in ("docs", ".git", ".well-known"):
        (directory.path / name).mkdir(parents=True)
        (directory.path / name / "file").write_text("theirs")
    (directory.path / "index.html").write_text("theirs")

    published(directory, "v1.0.0")
    for tag in ("docs", "index.html"):
        with pytest.raises(Conflict, match="not a release"):
            drafted(directory, tag)
        directory.withdraw(tag)
        assert directory.find(tag) is None

    assert [listing.tag for listing in directory.published()] == ["v1.0.0"]
    for name in ("docs/file", ".git/file", ".well-known/file", "index.html"):
        assert (directory.path / name).read_text() == "theirs"


def test_a_release_that_someone_copied_under_another_name_is_not_a_second_one(
    directory: DirectoryForge, caplog: pytest.LogCaptureFixture
) -> None:
    published(directory, "v1.0.0")
    shutil.copytree(directory.path / "v1.0.0", directory.path / "v2.0.0")
    assert directory.latest() == "v1.0.0"
    assert "belongs to the tag 'v1.0.0'" in caplog.text
    with pytest.raises(UsageError):
        directory.withdraw("v2.0.0")


def test_a_tag_that_is_published_and_a_draft_is_left_to_a_person(directory: DirectoryForge) -> None:
    published(directory, "v1.0.0")
    shutil.copytree(directory.path / "v1.0.0", directory.path / ".drafts" / "v1.0.0")
    before = snapshot(directory.path)
    with pytest.raises(Conflict):
        directory.publish("v1.0.0")
    with pytest.raises(Conflict, match="both"):
        directory.withdraw("v1.0.0")
    assert snapshot(directory.path) == before
    found = directory.find("v1.0.0")
    assert found is not None
    assert not found.draft


@pytest.mark.parametrize("draft", [True, False])
def test_a_damaged_record_is_named_and_hides_no_other_release(
    directory: DirectoryForge, caplog: pytest.LogCaptureFixture, *, draft: bool
) -> None:
    caplog.set_level(logging.WARNING, "hephaestus")
    published(directory, "v1.0.0")
    drafted(directory, "v2.0.0")
    if not draft:
        directory.publish("v2.0.0")
    record = directory.path / (".drafts/v2.0.0" if draft else "v2.0.0") / "release.json"
    record.write_bytes(b"")

    with pytest.raises(UsageError) as caught:
        directory.find("v2.0.0")
    assert str(record) in caught.value.message
    assert str(record) in (caught.value.hint or "")
    assert directory.find("v1.0.0") is not None
    assert directory.latest() == "v1.0.0"
    assert draft or str(record) in caplog.text
    published(directory, "v1.1.0")
    assert pointed(directory) == "v1.1.0"


def test_a_draft_with_a_damaged_record_can_be_withdrawn(directory: DirectoryForge) -> None:
    drafted(directory, "v1.0.0")
    (directory.path / ".drafts" / "v1.0.0" / "release.json").write_bytes(b"{")
    directory.withdraw("v1.0.0")
    assert directory.find("v1.0.0") is None


RECORD = {"tag": "v2.0.0", "title": "", "body": "", "prerelease": False, "assets": []}
ASSET = {"name": "a", "size": 1, "sha256": "0" * 64}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(
    st.binary(max_size=40)
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.tuples(st.sampled_from(sorted(RECORD)), JSON).map(lambda pair: json.dumps(RECORD | dict([pair])).encode())
    | st.tuples(st.sampled_from(sorted(ASSET)), JSON).map(
        lambda pair: json.dumps(RECORD | {"assets": [ASSET | dict([pair])]}).encode()
    )
)
@example(json.dumps(RECORD | {"assets": [ASSET | {"name": "../../../etc/passwd"}]}).encode())
@example(json.dumps(RECORD | {"assets": [ASSET, ASSET]}).encode())
@example(json.dumps(RECORD | {"assets": [ASSET | {"size": True}]}).encode())
@example(b"[" * 100_000)
@pytest.mark.slow
def test_whatever_a_record_holds_readers_are_told_or_served(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as place:
        forge = DirectoryForge(Path(place))
        for tag in ("v1.0.0", "v2.0.0"):
            (forge.path / tag / "assets").mkdir(parents=True)
            (forge.path / tag / "release.json").write_bytes(json.dumps(RECORD | {"tag": tag}).encode())
        (forge.path / "v2.0.0" / "release.json").write_bytes(data)
        try:
            found = forge.find("v2.0.0")
        except UsageError:
            assert [listing.tag for listing in forge.published()] == ["v1.0.0"]
        else:
            assert found is not None
            assert all(set(asset.name).isdisjoint("/\\\0") for asset in found.assets)
            assert len({asset.name for asset in found.assets}) == len(found.assets)
            assert [listing.tag for listing in forge.published()] == ["v2.0.0", "v1.0.0"]


def test_an_upload_mends_a_file_that_lost_its_bytes(directory: DirectoryForge, made: Made) -> None:
    drafted(directory, "v1.0.0", made("a.whl", b"right"))
    file = directory.path / ".drafts" / "v1.0.0" / "assets" / "a.whl"
    file.write_bytes(b"wrong")
    directory.upload("v1.0.0", made("a.whl", b"right"))
    assert file.read_bytes() == b"right"


def test_an_upload_replaces_a_file_that_has_no_record(directory: DirectoryForge, made: Made) -> None:
    drafted(directory, "v1.0.0")
    file = directory.path / ".drafts" / "v1.0.0" / "assets" / "a.whl"
    file.write_bytes(b"left behind")
    assert directory.find("v1.0.0").assets == ()  # type: ignore[union-attr]
    directory.upload("v1.0.0", made("a.whl", b"right"))
    assert file.read_bytes() == b"right"


def test_a_file_without_a_record_is_not_published(directory: DirectoryForge, made: Made) -> None:
    drafted(directory, "v1.0.0", made("a.whl"))
    (directory.path / ".drafts" / "v1.0.0" / "assets" / "b.whl").write_bytes(b"left behind")
    directory.publish("v1.0.0")
    assert [path.name for path in (directory.path / "v1.0.0" / "assets").iterdir()] == ["a.whl"]


@pytest.mark.parametrize("damage", [Path.unlink, lambda file: file.write_bytes(b"wrong")])
def test_a_draft_with_damaged_files_is_not_published(
    directory: DirectoryForge, made: Made, damage: Callable[[Path], Any]
) -> None:
    drafted(directory, "v1.0.0", made("a.whl", b"right"))
    damage(directory.path / ".drafts" / "v1.0.0" / "assets" / "a.whl")
    with pytest.raises(VerificationFailed):
        directory.publish("v1.0.0")
    assert directory.published() == []


@pytest.mark.parametrize("damage", [Path.unlink, lambda file: file.write_bytes(b"wrong")])
def test_a_download_of_other_bytes_fails_and_leaves_nothing(
    directory: DirectoryForge, made: Made, tmp_path: Path, damage: Callable[[Path], Any]
) -> None:
    published(directory, "v1.0.0", made("a.whl", b"right"))
    damage(directory.path / "v1.0.0" / "assets" / "a.whl")
    with pytest.raises(VerificationFailed):
        directory.download("v1.0.0", "a.whl", tmp_path / "back")
    assert not (tmp_path / "back" / "a.whl").exists()


def test_a_download_that_cannot_be_written_is_no_traceback(
    directory: DirectoryForge, made: Made, tmp_path: Path
) -> None:
    published(directory, "v1.0.0", made("a.whl"))
    (tmp_path / "file").touch()
    with pytest.raises(CouldNotRun):
        directory.download("v1.0.0", "a.whl", tmp_path / "file" / "back")


HOSTILE = st.text(max_size=30) | st.text(st.sampled_from("./\\-~%+:\0\n\ud800ñ latestjson.CONv1"), max_size=20)


@settings(max_examples=300)
@given(HOSTILE)
@example(".")
@example("..")
@example(".drafts")
@example(".lock")
@example("latest.json")
@example("LATEST.json")
@example("CON")
@example("nul.1")
@example("-rf")
@example("%2e%2e")
@example("v1.")
@example("n" * 300)
def test_every_text_becomes_one_visible_name_or_is_refused(text: str) -> None:
    try:
        name = component(text)
    except UsageError:
        assert not text or len(text) > 25 or not text.isprintable()
        return
    assert unquote(name) == text
    assert set(name) <= set(string.ascii_letters + string.digits + "-._~+%")
    assert name[0] in string.ascii_letters + string.digits + "%"
    assert not name.endswith(".")
    assert name.lower() not in {"latest.json", "con", "nul.1"}
    assert len(name) < 220


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(HOSTILE)
@example("../../v1.0.0")
@example("/v1.0.0")
@example("latest.json")
@example(".drafts/v1.0.0")
@example("版本-1.0")
@pytest.mark.slow
def test_a_release_of_any_tag_stays_in_its_directory(tag: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        forge = DirectoryForge(Path(place) / "releases")
        file = Path(place) / "a.whl"
        file.write_bytes(b"bytes")
        try:
            published(forge, tag, file)
        except UsageError:
            assert not forge.path.exists()
            return
        assert [listing.tag for listing in forge.published()] == [tag]
        assert forge.download(tag, "a.whl", Path(place) / "back").read_bytes() == b"bytes"
        assert sorted(path.name for path in Path(place).iterdir()) == ["a.whl", "back", "releases"]
        forge.withdraw(tag)
        assert snapshot(forge.path) == {".drafts": None}


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(HOSTILE.map(lambda name: name.replace("/", "").replace("\0", "")))
@example("a\nb")
@example("a\\b")
@example("prn.whl")
@example("SHA256SUMS")
@example("release.json")
@example("ünïcode ☃.whl")
@example("é" * 101)
@pytest.mark.slow
def test_an_asset_of_any_name_is_kept_under_it_or_refused(name: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        forge, file = DirectoryForge(Path(place) / "releases"), Path(place, name)
        try:
            file.write_bytes(b"bytes")
        except (OSError, UnicodeEncodeError):  # it is no name of a file on this system
            return
        drafted(forge, "v1.0.0")
        try:
            forge.upload("v1.0.0", file)
        except UsageError:
            assert forge.find("v1.0.0").assets == ()  # type: ignore[union-attr]
            return
        forge.publish("v1.0.0")
        assert [path.name for path in (forge.path / "v1.0.0" / "assets").iterdir()] == [name]
        assert forge.download("v1.0.0", name, Path(place) / "back").read_bytes() == b"bytes"
        assert (forge.path / "v1.0.0" / "SHA256SUMS").read_text(encoding="utf-8").count("\n") == 1


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".hidden", "a/b", "../a", "a\\b", "a\nb", "NUL.txt", "a.", "a ", "c:d"]
)
def test_names_that_are_no_names_of_files_are_refused_in_every_call(
    directory: DirectoryForge, tmp_path: Path, name: str
) -> None:
    published(directory, "v1.0.0")
    drafted(directory, "v2.0.0")
    with pytest.raises(UsageError, match="name of an asset"):
        directory.discard("v2.0.0", name)
    with pytest.raises(UsageError, match="name of an asset"):
        directory.download("v1.0.0", name, tmp_path / "back")


def test_names_that_differ_in_case_alone_are_refused(directory: DirectoryForge, made: Made) -> None:
    drafted(directory, "v1.0.0", made("README.md"))
    with pytest.raises(Conflict, match=r"README\.md"):
        directory.upload("v1.0.0", made("readme.md"))


def test_a_file_that_is_not_there_cannot_be_uploaded(directory: DirectoryForge, tmp_path: Path) -> None:
    drafted(directory, "v1.0.0")
    with pytest.raises(UsageError, match="there is no file"):
        directory.upload("v1.0.0", tmp_path / "a.whl")


def test_a_check_makes_nothing(directory: DirectoryForge, tmp_path: Path) -> None:
    assert problems(DirectoryForge(tmp_path / "a" / "b" / "c")) == []
    assert list(tmp_path.iterdir()) == []
    published(directory, "v1.0.0")
    before = snapshot(directory.path)
    assert problems(directory) == []
    assert snapshot(directory.path) == before


@pytest.mark.parametrize("below", ["", "releases"])
def test_a_file_in_the_way_is_a_problem(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").touch()
    forge = DirectoryForge(tmp_path / "file" / below)
    (problem,) = problems(forge)
    assert str(tmp_path / "file") in problem.message
    assert problem.hint == f"ls -ld {tmp_path / 'file'}"
    assert forge.find("v1.0.0") is None
    assert forge.published() == []
    with pytest.raises(CouldNotRun):
        drafted(forge, "v1.0.0")


def test_a_link_to_nowhere_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert len(problems(DirectoryForge(tmp_path / "link"))) == 1


@pytest.fixture
def powerless() -> Iterator[Path]:
    """Yield a directory this process may read and not write to, even where the tests run as root."""
    if os.name != "posix":
        pytest.skip("needs the permissions of POSIX")
    place = Path(tempfile.mkdtemp())
    root = os.geteuid() == 0
    place.chmod(0o555)
    try:
        if root:
            os.seteuid(65534)
        yield place
    finally:
        if root:
            os.seteuid(0)
        place.chmod(0o755)
        shutil.rmtree(place)


def test_a_place_that_cannot_be_written_to_is_a_problem(powerless: Path) -> None:
    for path in (powerless, powerless / "team" / "releases"):
        forge = DirectoryForge(path)
        (problem,) = problems(forge)
        assert f"may not write to {powerless}" in problem.message
        assert problem.hint == f"ls -ld {powerless}"
        assert forge.published() == []
        with pytest.raises(CouldNotRun, match="cannot be written"):
            drafted(forge, "v1.0.0")


@pytest.mark.parametrize(
    ("setting", "place"),
    [
        ("releases", "{root}/releases"),
        ("../releases", "{root}/../releases"),
        ("/srv/releases", "/srv/releases"),
        ("~/releases", "{home}/releases"),
        ("directory:releases", "{root}/releases"),
        ("directory:odd:name", "{root}/odd:name"),
        ("./odd:name", "{root}/odd:name"),
        ("directory:~/releases", "{home}/releases"),
        ("file:///srv/our%20releases", "/srv/our releases"),
        ("file://localhost/srv/releases", "/srv/releases"),
        ("file:/srv/releases", "/srv/releases"),
    ],
)
@pytest.mark.skipif(os.name != "posix", reason="the paths are those of POSIX")
def test_a_setting_opens_a_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, place: str) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    forge = connect(setting, root=tmp_path, name="demo")
    assert forge.place == place.format(root=tmp_path, home="/home/somebody")


@pytest.mark.parametrize("name", ["demo", "../../demo"])
def test_without_a_setting_releases_lie_with_the_users_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path))
    place = Path(connect(None, root=tmp_path / "project", name=name).place)
    assert place.is_relative_to(tmp_path)
    assert place.parts[-3:] == ("hephaestus", "releases", component(name))


@pytest.mark.parametrize(
    "setting",
    [
        "https://example.org/releases",
        "git@example.org:owner/name",
        "s3://bucket",
        "file://server/share",
        "file:releases",
        "file:///srv#1",
        "file:///srv?x",
        "file://[x",
        "file:///a%00b",
        "directory:",
        "",
        "  ",
        "a\0b",
        "~nobody-of-this-name/releases",
    ],
)
def test_a_setting_that_is_no_directory_is_refused_with_the_forms_there_are(tmp_path: Path, setting: str) -> None:
    with pytest.raises(UsageError, match="must be a path, directory:PATH or file:///PATH") as caught:
        connect(setting, root=tmp_path, name="demo")
    assert repr(setting) in caught.value.message
    assert caught.value.hint


WRITER = """
import sys
from pathlib import Path
from hephaestus.forge.directory import DirectoryForge

place, files, own = sys.argv[1:]
forge = DirectoryForge(Path(place))
print("ready", flush=True)
sys.stdin.readline()
for tag in ("v1.0.0", own):
    forge.draft(tag, title=tag, body="", prerelease=False)
    for file in sorted(Path(files).iterdir()):
        forge.upload(tag, file)
forge.publish(own)
"""


@pytest.mark.slow
def test_two_writers_at_once_lose_nothing(directory: DirectoryForge, tmp_path: Path) -> None:
    writers = []
    for own in ("v2.0.0", "v3.0.0"):
        files = tmp_path / own
        files.mkdir()
        for number in range(10):
            (files / f"{own}-{number}.whl").write_bytes(own.encode())
            (files / f"shared-{number}.whl").write_bytes(b"the same bytes")
        command = [sys.executable, "-c", WRITER, str(directory.path), str(files), own]
        writers.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0

    directory.publish("v1.0.0")
    everything = directory.find("v1.0.0")
    assert everything is not None
    assert len(everything.assets) == 30
    assert [len(listing.assets) for listing in directory.published()] == [20, 20, 30]
    assert pointed(directory) == "v3.0.0"


def upload(forge: DirectoryForge, name: str, data: bytes) -> None:
    file = forge.path.parent / "files" / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(data)
    forge.upload("v2.0.0", file)


# The life of a release, call by call; each is killed at each of its changes to the disk.
LIFE: dict[str, Callable[[DirectoryForge], None]] = {
    "first draft of all": lambda forge: forge.draft("v1.0.0", title="One", body="", prerelease=False),
    "first release of all": lambda forge: forge.publish("v1.0.0"),
    "draft": lambda forge: forge.draft("v2.0.0", title="Two", body="", prerelease=False),
    "upload": lambda forge: upload(forge, "a.whl", b"a" * 3_000_000),
    "other upload": lambda forge: upload(forge, "b.whl", b"b"),
    "draft again": lambda forge: forge.draft("v2.0.0", title="Two again", body="Words", prerelease=False),
    "discard": lambda forge: forge.discard("v2.0.0", "b.whl"),
    "publish": lambda forge: forge.publish("v2.0.0"),
    "withdraw": lambda forge: forge.withdraw("v2.0.0"),
    "draft anew": lambda forge: forge.draft("v2.0.0", title="Two", body="", prerelease=False),
    "upload anew": lambda forge: upload(forge, "a.whl", b"new"),
    "withdraw draft": lambda forge: forge.withdraw("v2.0.0"),
    "withdraw last": lambda forge: forge.withdraw("v1.0.0"),
}
CHANGES = {"os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.chmod", "os.truncate"}


def die_before_change(number: int) -> None:
    """Let this process be killed when it is about to change the disk for the n-th time, whoever asks for it."""
    changes = itertools.count(1)

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        changing = event in CHANGES or (event == "open" and arguments[2] & os.O_CREAT)
        if changing and next(changes) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)


def kill_everywhere(root: Path) -> None:
    """Live the life once undisturbed, and from each of its moments once with every possible death.

    Leaves `CALL/after` as the call makes it and `CALL/1`, `CALL/2` … as deaths leave it.
    """
    living = DirectoryForge(root / "living")
    living.path.mkdir()
    for name, call in LIFE.items():
        before = shutil.copytree(living.path, root / name / "before")
        call(living)
        shutil.copytree(living.path, root / name / "after")
        for number in itertools.count(1):
            place = shutil.copytree(before, root / name / str(number))
            child = os.fork()
            if child == 0:
                die_before_change(number)
                call(DirectoryForge(place))
                os._exit(0)
            ending = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            if ending == 0:
                break
            assert ending == -signal.SIGKILL


@pytest.fixture(scope="module")
def deaths(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not hasattr(os, "fork"):
        pytest.skip("needs fork")
    root = tmp_path_factory.mktemp("deaths")
    # In a process of its own, because one with threads must not fork.
    subprocess.run([sys.executable, __file__, str(root)], check=True)
    return root


@pytest.mark.parametrize("name", LIFE)
@pytest.mark.slow
def test_a_call_killed_anywhere_shows_only_whole_releases_and_is_mended_by_the_same_call(
    deaths: Path, tmp_path: Path, name: str
) -> None:
    undisturbed = snapshot(deaths / name / "after")
    places = [place for place in (deaths / name).iterdir() if place.name.isdecimal()]
    assert len(places) > 3
    for place in places:
        forge = DirectoryForge(place)
        assert_whole(forge, tmp_path / "back")
        LIFE[name](forge)
        assert snapshot(place) == undisturbed, place


def assert_whole(forge: DirectoryForge, back: Path) -> None:
    """Assert that everything a reader can see, with or without the program, is a whole release."""
    seen = {listing.tag: listing for listing in forge.published()}
    assert {path.name for path in forge.path.glob("[!.]*")} - {"latest.json"} == set(seen)
    assert not (forge.path / "latest.json").exists() or pointed(forge) in seen
    for tag, listing in seen.items():
        names = [asset.name for asset in listing.assets]
        assert sorted(path.name for path in (forge.path / tag / "assets").iterdir()) == names
        for name in names:
            forge.download(tag, name, back)
    forge.find("v2.0.0")


def test_leavings_of_a_killed_writer_are_swept_by_the_next_one(directory: DirectoryForge, made: Made) -> None:
    drafted(directory, "v1.0.0", made("a.whl"))
    drafts = directory.path / ".drafts"
    for path in (".x", "latest.json", "v1.0.0/.release.json.x", "v1.0.0/assets/.a.whl.x", ".withdrawn/a/b"):
        (drafts / path).parent.mkdir(parents=True, exist_ok=True)
        (drafts / path).write_bytes(b"half")
    published(directory, "v0.9.0")
    assert sorted(snapshot(drafts)) == ["v1.0.0", "v1.0.0/assets", "v1.0.0/assets/a.whl", "v1.0.0/release.json"]


if __name__ == "__main__":
    kill_everywhere(Path(sys.argv[1]))
