"""Installing what was published: verified, with no network, or not at all."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import houses
from hephaestus import archive, system
from hephaestus.errors import Conflict, HephaestusError, UsageError, VerificationFailed
from hephaestus.forge.directory import DirectoryForge
from hephaestus.install import install

HOUSE = "acorn-1.1.0-wheelhouse.tar.gz"


def packed(where: Path, name: str = HOUSE, *, listed: str | None = None) -> tuple[Path, Path]:
    """Make a wheelhouse of acorn 1.1.0 under a name, and the file with its checksum."""
    top = where / "acorn-1.1.0-wheelhouse"
    houses.house(top, houses.wheel(top / "wheels"))
    (top / archive.SUMS).write_text(archive.sums(top))
    archive.pack(top, where / name)
    sums = where / f"{name}.sha256"
    sums.write_text(listed if listed is not None else f"{system.digest(where / name)}  {name}\n")
    return where / name, sums


def published(where: Path, *files: Path, tag: str = "v1.1.0") -> DirectoryForge:
    """Publish files in a directory of releases."""
    forge = DirectoryForge(where)
    forge.draft(tag, title=tag, body="", prerelease="a" in tag)
    for file in files:
        forge.upload(tag, file)
    forge.publish(tag)
    return forge


@pytest.fixture
def releases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of releases with acorn 1.1.0 in it, seen from an empty directory to work in."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    published(tmp_path / "releases", *packed(tmp_path / "made"))
    return tmp_path / "releases"


def refused(kind: type[HephaestusError], repository: Path, tag: str | None = None, into: Path | None = None) -> str:
    """Return what an installation that is refused says; nothing may be left of it."""
    before = sorted(Path.cwd().parent.rglob("*"))
    with pytest.raises(kind) as caught:
        install(str(repository), tag, into)
    assert sorted(Path.cwd().parent.rglob("*")) == before
    assert caught.value.hint is not None
    told = shlex.split(caught.value.hint)
    assert not any(word.startswith("/") and not Path(word).exists() for word in told if told[0] != "hephaestus")
    return caught.value.message


@pytest.mark.slow
def test_the_latest_release_is_installed_and_its_programs_run(releases: Path) -> None:
    done = install(str(releases), None, None)

    assert (done.project, done.version, done.tag) == ("acorn", "1.1.0", "v1.1.0")
    assert done.programs.parent == Path.cwd() / "acorn-1.1.0"
    assert subprocess.check_output([done.programs / "acorn"], text=True) == "acorn 1.1.0\n"
    assert [path.name for path in Path.cwd().iterdir()] == ["acorn-1.1.0"]


@pytest.mark.slow
def test_nothing_of_the_network_is_needed_or_asked(releases: Path) -> None:
    # Whoever asks the index gets no answer; where the machine allows, there is not even a network.
    dead = dict.fromkeys(("PIP_INDEX_URL", "UV_INDEX_URL", "http_proxy", "https_proxy"), "http://127.0.0.1:9/")
    ask = [sys.executable, "-m", "hephaestus", "release", "install", "--repository", releases.as_uri()]
    alone = ["unshare", "--user", "--map-root-user", "--net", "--"]
    possible = subprocess.run([*alone, "true"], capture_output=True, check=False).returncode == 0
    done = subprocess.run(
        [*(alone if possible else []), *ask], env=os.environ | dead, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert (Path.cwd() / "acorn-1.1.0" / "bin" / "acorn").exists()


@pytest.mark.slow
def test_a_directory_whose_parents_do_not_exist_is_made(releases: Path) -> None:
    assert install(str(releases), "v1.1.0", Path.cwd() / "deep" / "down").programs.is_dir()


def test_the_latest_is_the_highest_version_and_no_pre_release(releases: Path) -> None:
    published(releases, tag="v1.2.0a1")
    published(releases, tag="v1.0.0")

    # v1.1.0 is found, and then only the directory is in the way.
    (Path.cwd() / "acorn-1.1.0").mkdir()
    assert "acorn-1.1.0 exists already" in refused(UsageError, releases)


@pytest.mark.parametrize("existing", ["file", "directory"])
def test_what_exists_is_never_overwritten(releases: Path, existing: str) -> None:
    target = Path.cwd() / "mine"
    target.mkdir() if existing == "directory" else target.write_text("mine")

    assert refused(UsageError, releases, into=target) == f"{target} exists already"
    assert target.is_dir() or target.read_text() == "mine"


def test_a_tag_that_is_not_there_is_answered_with_those_that_are(releases: Path) -> None:
    assert refused(UsageError, releases, "v9") == f"{releases} has no release v9; there are: v1.1.0"


def test_a_draft_is_no_release(releases: Path) -> None:
    DirectoryForge(releases).draft("v1.2.0", title="v1.2.0", body="", prerelease=False)

    assert "has no release v1.2.0" in refused(UsageError, releases, "v1.2.0")


@pytest.mark.usefixtures("releases")
def test_a_place_without_releases_says_so(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    assert refused(UsageError, tmp_path / "empty") == f"{tmp_path / 'empty'} has no release; there are: none"


def test_an_asset_that_was_changed_on_the_forge_is_not_installed(releases: Path) -> None:
    [stored] = releases.rglob(HOUSE)
    stored.chmod(0o644)
    stored.write_bytes(stored.read_bytes() + b"\0")

    assert "does not have the bytes that were uploaded" in refused(
        VerificationFailed, releases, into=Path("a/b").absolute()
    )


def test_a_checksum_that_is_missing_stops_the_installation(tmp_path: Path, releases: Path) -> None:
    house, _ = packed(tmp_path / "other")
    published(releases, house, tag="v1.2.0")

    assert f"there is no {HOUSE}.sha256 on v1.2.0" in refused(Conflict, releases, "v1.2.0")


@pytest.mark.parametrize("listed", ["", f"{'0' * 64}  {HOUSE}\n", "\N{SNOWMAN}", "$(true)"])
def test_a_checksum_of_something_else_stops_the_installation(tmp_path: Path, releases: Path, listed: str) -> None:
    published(releases, *packed(tmp_path / "other", listed=listed), tag="v1.2.0")

    assert refused(VerificationFailed, releases, "v1.2.0") == f"{HOUSE} is not what {HOUSE}.sha256 says"


def test_a_checksum_that_is_no_text_stops_the_installation(tmp_path: Path, releases: Path) -> None:
    house, sums = packed(tmp_path / "other")
    sums.write_bytes(b"\xff\xfe")
    published(releases, house, sums, tag="v1.2.0")

    assert "is not what" in refused(VerificationFailed, releases, "v1.2.0")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["acorn-1.2.0-wheelhouse.tar.gz", "oak-1.1.0-wheelhouse.tar.gz", "-wheelhouse.tar.gz"])
def test_a_wheelhouse_that_is_not_what_its_name_says_is_not_installed(
    tmp_path: Path, releases: Path, name: str
) -> None:
    published(releases, *packed(tmp_path / "other", name), tag="v1.2.0")

    assert refused(VerificationFailed, releases, "v1.2.0")


def test_an_archive_that_is_none_is_not_installed(tmp_path: Path, releases: Path) -> None:
    house, sums = packed(tmp_path / "other")
    house.write_bytes(b"no archive")
    sums.write_text(f"{system.digest(house)}  {HOUSE}\n")
    published(releases, house, sums, tag="v1.2.0")

    assert f"{HOUSE} is not an intact archive" in refused(VerificationFailed, releases, "v1.2.0")


@pytest.mark.parametrize("many", [0, 2])
def test_a_release_has_one_wheelhouse_to_install(tmp_path: Path, releases: Path, many: int) -> None:
    files = [packed(tmp_path / str(each), f"acorn-1.{each}.0-wheelhouse.tar.gz")[0] for each in range(many)]
    published(releases, *files, tag="v1.2.0")

    assert refused(UsageError, releases, "v1.2.0") == f"the release v1.2.0 has {many} wheelhouses, not one"


def test_a_place_of_a_kind_nobody_knows_is_refused() -> None:
    with pytest.raises(UsageError, match="ftp"):
        install("ftp://example.org/releases", None, None)


@pytest.mark.slow
def test_a_smoke_command_that_fails_takes_the_environment_with_it(releases: Path) -> None:
    with pytest.raises(VerificationFailed, match="does not work"):
        install(str(releases), None, None, smoke="python -c 'raise SystemExit(3)'")

    assert list(Path.cwd().iterdir()) == []
