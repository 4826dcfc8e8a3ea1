"""Installing what was published: verified, with no network, as a whole or not at all."""

import hashlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from fakegithub import Hub
from hephaestus import environments, signatures, system
from hephaestus.errors import Busy, CommandFailed, CouldNotRun, HephaestusError, Refused, UsageError, VerificationFailed
from hephaestus.forge.directory import DirectoryForge
from hephaestus.install import Installed, Request, install
from hephaestus.signatures import Trust
from hephaestus.wheelhouse import archive, names
from hephaestus.wheelhouse.target import running
from wheels import make_sdist, make_wheel, sha256

HOUSE = "acorn-1.1.0-wheelhouse.tar.gz"


def packed(  # what a wheelhouse can be made of, each by its name
    where: Path,
    name: str = HOUSE,
    *,
    version: str = "1.1.0",
    targets: Sequence[str] = (str(running()),),
    listed: str | None = None,
    change: Mapping[str, bytes] | None = None,
    **made: Any,
) -> tuple[Path, Path]:
    """Make a wheelhouse of acorn under a name, and its manifest; the extra `shade` brings the project leaf along."""
    made = {"scripts": {"acorn": "acorn:main"}, "extras": ["shade"], **made}
    made["requires"] = ["leaf; extra == 'shade'", *made.get("requires", ())]
    acorn = make_wheel(where / "wheels", version=version, **made)
    leaf = make_wheel(where / "wheels", "leaf", "2.0")
    members: dict[str, bytes | Path] = {f"wheels/{wheel.name}": wheel for wheel in (acorn, leaf)}
    sdist = make_sdist(where / "sdist", "acorn", version, {})
    members[f"sdist/{sdist.name}"] = sdist
    members |= described(version, targets, acorn, leaf)
    sums = "".join(f"{digest(members[path])}  {path}\n" for path in sorted(members))
    members |= {names.SUMS: sums.encode(), **(change or {})}
    archive.write(names.folder("acorn", version), list(members.items()), where / name)
    manifest = where / f"{name}.sha256"
    manifest.write_text(listed if listed is not None else f"{sha256(where / name)}  {name}\n")
    return where / name, manifest


def described(version: str, targets: Sequence[str], acorn: Path, leaf: Path) -> dict[str, bytes]:
    """Return the files that say what a wheelhouse holds."""
    pins = [
        f"{name}=={number} --hash=sha256:{sha256(wheel)}\n"
        for name, number, wheel in (("acorn", version, acorn), ("leaf", "2.0", leaf))
    ]
    lock = 'lock-version = "1.0"\ncreated-by = "tests"\nextras = ["shade"]\n'
    for name, number, wheel, marker in (("acorn", version, acorn, ""), ("leaf", "2.0", leaf, "'shade' in extras")):
        where = f"wheels/{wheel.name}"
        lock += f'[[packages]]\nname = "{name}"\nversion = "{number}"\n' + (f'marker = "{marker}"\n' if marker else "")
        lock += f'wheels = [{{path = "{where}", hashes = {{sha256 = "{sha256(wheel)}"}}}}]\n'
    manifest = {
        "format": 1,
        "project": "acorn",
        "version": version,
        "targets": list(targets),
        "extras": ["shade"],
        "groups": {},
        "wheels": {acorn.name: {"origin": "project"}, leaf.name: {"origin": "index"}},
    }
    return {
        names.LOCK: lock.encode(),
        names.MANIFEST: json.dumps(manifest).encode(),
        names.REQUIREMENTS: pins[0].encode(),
        "requirements-shade.txt": "".join(pins).encode(),
        names.README: b"read me\n",
    }


def digest(member: bytes | Path) -> str:
    return hashlib.sha256(member if isinstance(member, bytes) else member.read_bytes()).hexdigest()


def published(where: Path, *files: Path, tag: str = "v1.1.0") -> DirectoryForge:
    """Publish files in a directory of releases."""
    forge = DirectoryForge(where)
    forge.draft(tag, title=tag, body="", prerelease="a" in tag)
    for file in files:
        forge.upload(tag, file)
    forge.publish(tag)
    return forge


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty directory to work in, and caches of its own."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path.parent / f"{tmp_path.name}-cache"))


@pytest.fixture
def releases(tmp_path: Path) -> Path:
    """A directory of releases with acorn 1.1.0 in it."""
    published(tmp_path / "releases", *packed(tmp_path / "made"))
    return tmp_path / "releases"


@pytest.fixture
def robin(tmp_path: Path) -> Path:
    """A key to sign with."""
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "robin")]
    subprocess.run(words, check=True)
    return tmp_path / "robin"


def request(repository: Path | str, tag: str | None = None, into: Path | None = None, **more: Any) -> Request:
    return Request(str(repository), tag, into, **more)


def refused(kind: type[HephaestusError], what: Request) -> str:
    """Return what an installation that is refused says; nothing may be left of it."""
    before, kept = sorted(Path.cwd().parent.rglob("*")), downloads()
    with pytest.raises(kind) as caught:
        install(what)
    assert sorted(Path.cwd().parent.rglob("*")) == before
    assert kind is not VerificationFailed or set(downloads()) <= set(kept)
    assert caught.value.hint is not None
    told = shlex.split(caught.value.hint)
    assert not any(word.startswith("/") and not Path(word).exists() for word in told if told[0] != "hephaestus")
    return caught.value.message


def downloads() -> list[str]:
    """Return the names of the archives that are kept."""
    return sorted(path.name for path in system.area("downloads").glob("*/*"))


def greeting(done: Installed) -> str:
    return subprocess.check_output([done.programs / "acorn"], text=True)


# From where


@pytest.mark.slow
def test_the_latest_release_is_installed_and_its_programs_run(releases: Path) -> None:
    done = install(request(releases))

    assert (done.project, done.version, done.tag, done.signers) == ("acorn", "1.1.0", "v1.1.0", ())
    assert done.programs.parent == Path.cwd() / "acorn-1.1.0"
    assert greeting(done) == "acorn 1.1.0\n"
    assert [path.name for path in Path.cwd().iterdir()] == ["acorn-1.1.0"]


@pytest.mark.slow
def test_nothing_of_the_network_is_needed_or_asked(releases: Path) -> None:
    # Whoever asks the index gets no answer; where the machine allows, there is not even a network.
    dead = dict.fromkeys(("PIP_INDEX_URL", "UV_INDEX_URL", "http_proxy", "https_proxy"), "http://127.0.0.1:9/")
    ask = f"from hephaestus.install import *; install(Request({releases.as_uri()!r}))"
    done = subprocess.run(
        [*environments.no_network(), sys.executable, "-c", ask],
        env=os.environ | dead,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert (Path.cwd() / "acorn-1.1.0" / "bin" / "acorn").exists()


def test_the_latest_is_the_highest_version_and_no_pre_release(releases: Path) -> None:
    published(releases, tag="v1.2.0a1")
    published(releases, tag="v1.0.0")

    # v1.1.0 is found, and then only the directory is in the way.
    (Path.cwd() / "acorn-1.1.0").mkdir()
    assert "acorn-1.1.0 exists already" in refused(UsageError, request(releases))


def test_a_tag_that_is_not_there_is_answered_with_those_that_are(releases: Path) -> None:
    assert refused(UsageError, request(releases, "v9")) == f"{releases} has no release v9; there are: v1.1.0"


def test_a_draft_is_no_release(releases: Path) -> None:
    DirectoryForge(releases).draft("v1.2.0", title="v1.2.0", body="", prerelease=False)

    assert "has no release v1.2.0" in refused(UsageError, request(releases, "v1.2.0"))


def test_a_place_without_releases_says_so(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    assert refused(UsageError, request(tmp_path / "empty")) == f"{tmp_path / 'empty'} has no release"


def test_a_place_of_a_kind_nobody_knows_is_refused() -> None:
    with pytest.raises(UsageError, match="ftp"):
        install(request("ftp://example.org/releases"))


@pytest.mark.parametrize("form", ["archive", "directory", "URL of the archive"])
@pytest.mark.slow
def test_files_on_a_stick_are_installed_like_a_release(tmp_path: Path, form: str) -> None:
    house, _ = packed(tmp_path / "stick")
    place = {"archive": str(house), "directory": str(house.parent), "URL of the archive": house.as_uri()}[form]

    done = install(request(place))

    assert (done.version, done.tag) == ("1.1.0", None)
    assert greeting(done) == "acorn 1.1.0\n"
    assert house.exists()


@pytest.mark.slow
def test_of_many_archives_on_a_stick_the_one_that_is_named_is_installed(tmp_path: Path) -> None:
    house, _ = packed(tmp_path / "stick")
    packed(tmp_path / "stick", "acorn-1.2.0-wheelhouse.tar.gz", version="1.2.0")

    assert install(request(house)).version == "1.1.0"
    said = refused(UsageError, request(tmp_path / "stick"))
    assert f"2 files that could be the wheelhouse: {HOUSE}, acorn-1.2.0-wheelhouse.tar.gz" in said
    assert "2 files that could be the manifest" in refused(UsageError, request(tmp_path / "stick", asset_pattern=HOUSE))
    chosen = request(tmp_path / "stick", asset_pattern="*1.2.0*.tar.gz", manifest_pattern="*1.2.0*.sha256")
    assert install(chosen).version == "1.2.0"


@pytest.mark.parametrize("what", ["wheelhouse", "manifest"])
def test_a_release_has_an_archive_and_a_manifest_or_is_not_installed(tmp_path: Path, releases: Path, what: str) -> None:
    house, manifest = packed(tmp_path / "other", "acorn-1.2.0-wheelhouse.tar.gz")
    published(releases, manifest if what == "wheelhouse" else house, tag="v1.2.0")

    assert f"the release v1.2.0 has no {what}" in refused(
        UsageError, request(releases, trust=Trust(allow_unsigned=True))
    )


# From GitHub


def held(*files: Path) -> dict[str, bytes]:
    """Return files as a release on GitHub holds them."""
    return {file.name: file.read_bytes() for file in files}


@pytest.mark.slow
@pytest.mark.parametrize("words", [["oak/acorn"], ["github:oak/acorn", "--tag", "v1.1.0"], ["{page}"]], ids=str)
def test_a_private_release_on_github_is_installed_by_a_plain_command(
    tmp_path: Path, hub: Hub, words: list[str]
) -> None:
    hub.release("v1.1.0", assets=held(*packed(tmp_path / "made")))
    hub.release("v1.2.0rc1", prerelease=True)

    said = [word.format(page=hub.page) for word in words]
    command = [sys.executable, "-m", "hephaestus", "release", "install", "--json", "--repository", *said]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["tag"] == "v1.1.0"
    assert subprocess.check_output([Path.cwd() / "acorn-1.1.0" / "bin" / "acorn"], text=True) == "acorn 1.1.0\n"
    assert hub.token not in done.stdout + done.stderr
    # Files come from another host, which is not told who asks.
    files = [exchange for exchange in hub.exchanges if exchange.kind == "storage"]
    assert len(files) == 2
    assert not [exchange for exchange in files if "authorization" in exchange.headers]


@pytest.mark.slow
def test_a_public_release_on_github_is_installed_without_a_token(
    tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.private = False
    hub.release("v1.1.0", assets=held(*packed(tmp_path / "made")))
    monkeypatch.delenv("GH_TOKEN")
    monkeypatch.setenv("GITHUB_TOKEN", "")

    assert greeting(install(request("oak/acorn"))) == "acorn 1.1.0\n"
    assert not [exchange for exchange in hub.exchanges if "authorization" in exchange.headers]


def test_a_private_release_on_github_says_how_to_log_in(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GH_TOKEN")

    assert "or does not show it without a token" in refused(Refused, request("oak/acorn"))


def test_a_release_that_is_not_on_github_is_answered_with_those_that_are(tmp_path: Path, hub: Hub) -> None:
    hub.release("v1.1.0")
    hub.release("v1.2.0", draft=True)

    for tag in ("v9", "v1.2.0"):
        said = refused(UsageError, request("oak/acorn", tag))
        assert said == f"{hub.page} has no release {tag}; there are: v1.1.0"
    with pytest.raises(UsageError) as caught:
        install(request("oak/acorn"))
    assert caught.value.hint == f"python -m webbrowser {hub.page}"


def test_a_path_that_is_there_is_no_repository_on_github(tmp_path: Path, hub: Hub) -> None:
    Path("oak/acorn").mkdir(parents=True)

    assert refused(UsageError, request("oak/acorn")) == f"{Path.cwd()}/oak/acorn has no release"
    with pytest.raises(UsageError, match="has no release"):
        install(request("oak/acorn-1.1.0-wheelhouse.tar.gz"))
    assert hub.exchanges == []


def test_whoever_mistypes_a_path_is_told_that_it_was_taken_for_a_repository(
    hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "hephaestus")
    refused(Refused, request("relases/acorn"))

    assert "there is no path relases/acorn here, so it is taken for a repository on GitHub" in caplog.text


@pytest.mark.slow
def test_a_signer_on_github_is_remembered_for_its_page(tmp_path: Path, hub: Hub, robin: Path) -> None:
    house, manifest = packed(tmp_path / "made")
    hub.release("v1.1.0", assets=held(house, manifest, signatures.sign(manifest, robin)))

    done = install(request("oak/acorn"))

    (signer,) = done.signers
    assert signer.partition(" ")[2] in signatures.pins(hub.page).read_text()


@pytest.mark.parametrize("repository", ["oak/acorn", "github:Oak/Acorn", "{page}"])
def test_a_remembered_signer_is_asked_for_however_the_repository_is_written(
    tmp_path: Path, hub: Hub, repository: str
) -> None:
    hub.release("v1.1.0", assets=held(*packed(tmp_path / "made")))
    signatures.remember(hub.page, [signatures.Signer("ssh", f"SHA256:{'A' * 43}")])

    assert "not signed" in refused(VerificationFailed, request(repository.format(page=hub.page)))


# Kept


@pytest.mark.slow
def test_an_archive_is_fetched_once_and_kept_by_its_hash(tmp_path: Path, releases: Path) -> None:
    done = install(request(releases))
    assert [path.name for path in (system.area("downloads") / done.sha256).iterdir()] == [HOUSE]

    # Nobody could read it again.
    for stored in releases.rglob(HOUSE):
        stored.unlink()
    assert greeting(install(request(releases, into=tmp_path / "again"))) == "acorn 1.1.0\n"


@pytest.mark.slow
def test_a_kept_archive_that_was_damaged_is_fetched_again(tmp_path: Path, releases: Path) -> None:
    done = install(request(releases))
    (system.area("downloads") / done.sha256 / HOUSE).write_bytes(b"half")

    assert greeting(install(request(releases, into=tmp_path / "again"))) == "acorn 1.1.0\n"


@pytest.mark.slow
def test_cleanup_keeps_no_download_and_leaves_what_is_not_ours(tmp_path: Path) -> None:
    house, manifest = packed(tmp_path / "stick")

    install(request(house, cleanup=True))

    assert downloads() == []
    assert house.exists()
    assert manifest.exists()


@pytest.mark.slow
def test_a_local_archive_is_removed_once_it_is_installed_and_not_before(tmp_path: Path) -> None:
    house, _ = packed(tmp_path / "stick")

    refused(VerificationFailed, request(house, remove_archive=True, smoke="python -c 'raise SystemExit(3)'"))
    assert house.exists()
    install(request(house, remove_archive=True))
    assert not house.exists()
    assert downloads() == []


def test_cleanup_keeps_no_download_of_what_could_not_be_installed(tmp_path: Path) -> None:
    house, _ = packed(tmp_path / "stick")

    assert "has no extra" in refused(UsageError, request(house, cleanup=True, extras=("sun",)))
    assert HOUSE not in downloads()


@pytest.mark.slow
def test_a_local_archive_that_cannot_be_removed_is_installed_all_the_same(tmp_path: Path) -> None:
    house, _ = packed(tmp_path / "stick")
    program = (
        "import logging, pathlib\n"
        "from hephaestus import install, system\n"
        "remove = system.remove\n"
        "def refuse(path):\n"
        f"    if path == pathlib.Path({str(house)!r}): raise PermissionError('not yours')\n"
        "    remove(path)\n"
        "system.remove = refuse\n"
        f"install.install(install.Request({str(house)!r}, remove_archive=True))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, f"{house} cannot be removed: not yours\n")
    assert (Path.cwd() / "acorn-1.1.0" / "bin" / "acorn").exists()


# Refused


def test_an_asset_that_was_changed_on_the_forge_is_not_installed(releases: Path) -> None:
    [stored] = releases.rglob(HOUSE)
    stored.chmod(0o644)
    stored.write_bytes(stored.read_bytes() + b"\0")

    said = refused(VerificationFailed, request(releases, into=Path("a/b").absolute()))
    assert "does not have the bytes that were uploaded" in said


@pytest.mark.parametrize(
    "listed",
    [
        "",
        "\N{SNOWMAN}",
        "$(true)",
        f"{'0' * 64}  other-wheelhouse.tar.gz\n",
        f"{'0' * 64}  {HOUSE}\n{'1' * 64}  {HOUSE}\n",
        f"{'0' * 64}  {HOUSE}\nand more\n",
        f"{'0' * 63}  {HOUSE}\n",
        f"../{'0' * 61}  {HOUSE}\n",
    ],
)
def test_a_manifest_that_does_not_name_the_bytes_stops_the_installation(tmp_path: Path, listed: str) -> None:
    house, _ = packed(tmp_path / "stick", listed=listed)

    assert "does not say which bytes" in refused(VerificationFailed, request(house))


def test_a_manifest_that_is_no_text_stops_the_installation(tmp_path: Path) -> None:
    house, manifest = packed(tmp_path / "stick")
    manifest.write_bytes(b"\xff\xfe")

    assert "does not say which bytes" in refused(VerificationFailed, request(house))


def test_an_archive_with_other_bytes_than_its_manifest_says_is_not_installed(tmp_path: Path) -> None:
    house, manifest = packed(tmp_path / "stick", listed=f"{'0' * 64}  {HOUSE}\n")

    assert refused(VerificationFailed, request(house)) == f"{HOUSE} is not what {manifest.name} says"


def test_a_manifest_of_many_files_as_sha256sum_writes_it_is_understood(tmp_path: Path) -> None:
    house, manifest = packed(tmp_path / "stick")
    manifest.write_text(f"{'0' * 64} *other.tar.gz\n{sha256(house)} *{HOUSE}\n")

    assert install(request(house)).sha256 == sha256(house)


@pytest.mark.parametrize("name", ["acorn-1.2.0-wheelhouse.tar.gz", "oak-1.1.0-wheelhouse.tar.gz"])
def test_a_wheelhouse_that_is_not_what_its_name_says_is_not_installed(tmp_path: Path, name: str) -> None:
    house, _ = packed(tmp_path / "other", name)

    assert f"{name} holds acorn 1.1.0" in refused(VerificationFailed, request(house))


def test_a_wheelhouse_with_a_name_that_says_nothing_is_not_installed(tmp_path: Path) -> None:
    house, _ = packed(tmp_path / "other", "-wheelhouse.tar.gz")

    assert "is not the name of a wheelhouse" in refused(UsageError, request(house))


def test_a_wheelhouse_under_the_tag_of_another_version_is_not_installed(tmp_path: Path, releases: Path) -> None:
    published(releases, *packed(tmp_path / "other"), tag="v1.2.0")

    assert f"has {HOUSE} under the tag v1.2.0" in refused(VerificationFailed, request(releases, "v1.2.0"))
    assert "under the tag v2" in refused(VerificationFailed, request(tmp_path / "other", "v2"))


@pytest.mark.parametrize(
    "change",
    [
        {"wheels/oak-1.0-py3-none-any.whl": b"one more"},
        {names.REQUIREMENTS: b"acorn==1.1.0\n"},
        {names.SUMS: b""},
    ],
    ids=["an extra file", "a changed file", "no sums"],
)
def test_a_wheelhouse_whose_files_are_not_its_own_is_not_installed(tmp_path: Path, change: dict[str, bytes]) -> None:
    house, _ = packed(tmp_path / "other", change=change)

    assert refused(VerificationFailed, request(house))


def test_a_wheel_with_other_bytes_than_its_record_says_is_not_installed(tmp_path: Path) -> None:
    packed(tmp_path / "good")
    with zipfile.ZipFile(tmp_path / "good" / "wheels" / "acorn-1.1.0-py3-none-any.whl") as good:
        record = re.sub("sha256=[^,]*", f"sha256={'A' * 43}", good.read("acorn-1.1.0.dist-info/RECORD").decode())
    house, _ = packed(tmp_path / "stick", record=record)

    assert "with other bytes than its RECORD says" in refused(VerificationFailed, request(house))


@pytest.mark.slow
def test_what_runs_whenever_python_starts_is_said_and_sees_no_network(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seen = tmp_path / "seen"
    said = "os.readlink('/proc/self/ns/net') + ' ' + repr(open('/proc/self/cmdline').read()) + chr(10)"
    line = f"import os; open({str(seen)!r}, 'a').write({said})\n"
    house, _ = packed(tmp_path / "stick", files={"surprise.pth": line})

    done = install(request(house))

    assert done.pth == ("acorn-1.1.0-py3-none-any.whl: surprise.pth",)
    assert "acorn-1.1.0-py3-none-any.whl: surprise.pth runs whenever Python starts" in caplog.text
    outside = str(Path("/proc/self/ns/net").readlink())
    if environments.no_network():
        assert outside not in seen.read_text()

    # Whoever asks the interpreter of an existing environment runs what is in there.
    install(request(house, python=str(done.programs.parent)))
    asked = [line for line in seen.read_text().splitlines() if "sys.version_info[:2]" in line]
    assert asked
    if environments.no_network():
        assert not [line for line in asked if outside in line]


@pytest.mark.parametrize("smoke", ["acorn 'x", " ", ""])
def test_a_smoke_command_that_is_none_is_refused_before_anything_is_done(releases: Path, smoke: str) -> None:
    assert f"{smoke!r} is no command line" in refused(UsageError, request(releases, into=Path("new"), smoke=smoke))
    assert HOUSE not in downloads()


@pytest.mark.slow
def test_a_module_that_ends_python_does_not_work(tmp_path: Path) -> None:
    house, _ = packed(tmp_path / "stick", files={"quiet.py": "import os\nos._exit(0)\n"})

    assert "does not work" in refused(VerificationFailed, request(house))


def test_an_archive_that_is_none_is_not_installed(tmp_path: Path) -> None:
    house, manifest = packed(tmp_path / "stick")
    house.write_bytes(b"no archive")
    manifest.write_text(f"{sha256(house)}  {HOUSE}\n")

    assert refused(VerificationFailed, request(house))


def test_a_wheelhouse_for_other_targets_is_not_installed_and_its_targets_are_named(tmp_path: Path) -> None:
    others = ["cp310-win_amd64", "cp314-macosx_11_0_arm64"]
    house, _ = packed(tmp_path / "stick", targets=others)

    said = refused(UsageError, request(house))
    assert f"is not made for {running()}" in said
    assert said.endswith("it is made for: cp310-win_amd64, cp314-macosx_11_0_arm64")


@pytest.mark.slow
def test_a_wheelhouse_for_an_older_platform_of_the_same_kind_is_installed(tmp_path: Path) -> None:
    older = next(tag.platform for tag in running().tags if tag.platform.startswith(("manylinux_2_17", "musllinux_1_0")))
    house, _ = packed(tmp_path / "stick", targets=[f"{str(running()).split('-')[0]}-{older}"])

    assert greeting(install(request(house))) == "acorn 1.1.0\n"


def test_a_file_that_cannot_be_read_is_no_verdict(tmp_path: Path) -> None:
    house, manifest = packed(tmp_path / "stick")
    manifest.unlink()
    manifest.symlink_to(tmp_path)
    assert "has no manifest" in refused(UsageError, request(house))

    manifest.unlink()
    manifest.write_text(f"{sha256(house)}  {HOUSE}\n")
    house.chmod(0)
    if not os.access(house, os.R_OK):
        assert "cannot be read" in refused(CouldNotRun, request(house))


# Signed


@pytest.mark.slow
def test_a_first_signature_is_remembered_and_asked_for_from_then_on(
    tmp_path: Path, releases: Path, robin: Path
) -> None:
    house, manifest = packed(tmp_path / "1.2.0", "acorn-1.2.0-wheelhouse.tar.gz", version="1.2.0")
    published(releases, house, manifest, signatures.sign(manifest, robin), tag="v1.2.0")
    [signer] = install(request(releases)).signers
    assert signer.startswith("key SHA256:")

    # v1.1.0 was published without a signature.
    assert f"is not signed, and it must be by {signer}" in refused(VerificationFailed, request(releases, "v1.1.0"))
    assert install(request(releases, "v1.1.0", trust=Trust(allow_unsigned=True))).signers == ()


@pytest.mark.slow
def test_a_project_from_a_stick_is_known_by_its_name_wherever_the_stick_is(tmp_path: Path, robin: Path) -> None:
    house, manifest = packed(tmp_path / "stick")
    signatures.sign(manifest, robin)
    install(request(house))

    later, _ = packed(tmp_path / "drive", "acorn-1.2.0-wheelhouse.tar.gz", version="1.2.0")
    assert "is not signed" in refused(VerificationFailed, request(later))


@pytest.mark.slow
def test_nobody_is_remembered_for_what_was_not_installed(tmp_path: Path, robin: Path) -> None:
    house, manifest = packed(tmp_path / "stick")
    signatures.sign(manifest, robin)
    refused(VerificationFailed, request(house, smoke="python -c 'raise SystemExit(3)'"))

    manifest.with_name(f"{manifest.name}.sig").unlink()
    assert install(request(house)).signers == ()


def test_a_wrong_signature_stops_the_installation_before_the_archive_is_opened(tmp_path: Path, robin: Path) -> None:
    house, manifest = packed(tmp_path / "stick", change={names.SUMS: b"never read"})
    signature = signatures.sign(manifest, robin)
    signature.write_text(signature.read_text()[:-80])

    for trust in (Trust(), Trust(allow_unsigned=True)):
        assert "no good signature" in refused(VerificationFailed, request(house, trust=trust))


@pytest.mark.slow
def test_files_dropped_among_releases_are_not_taken_for_what_is_published(
    tmp_path: Path, releases: Path, robin: Path
) -> None:
    house, manifest = packed(tmp_path / "1.2.0", "acorn-1.2.0-wheelhouse.tar.gz", version="1.2.0")
    published(releases, house, manifest, signatures.sign(manifest, robin), tag="v1.2.0")
    install(request(releases))
    dropped = packed(tmp_path / "evil", "acorn-9.0.0-wheelhouse.tar.gz", version="9.0.0")
    for file in dropped:
        system.copy(file, releases / file.name)

    assert install(request(releases, into=Path.cwd() / "again")).tag == "v1.2.0"
    inside = releases / "v1.1.0" / "assets"
    for place in (inside, inside.parent):
        with pytest.raises(UsageError, match="is inside the releases of") as caught:
            install(request(place))
        assert f"--repository {releases} --tag v1.1.0" in str(caught.value.hint)
    # What is known of the forge is known of the project wherever its files are.
    for file in (inside / HOUSE, releases / dropped[0].name, dropped[0]):
        assert "is not signed, and it must be" in refused(VerificationFailed, request(file))


def test_another_project_beside_the_releases_is_asked_for_their_signer(
    tmp_path: Path, releases: Path, robin: Path
) -> None:
    signatures.remember(str(releases), [signatures.Signer("ssh", f"SHA256:{'A' * 43}")])
    house, manifest = packed(tmp_path / "made")
    for file in (house, manifest, signatures.sign(manifest, robin)):
        system.copy(file, releases / file.name)

    assert "is signed by" in refused(VerificationFailed, request(releases / HOUSE))


@pytest.mark.slow
def test_where_a_signer_cannot_be_remembered_nothing_is_installed(
    tmp_path: Path, robin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, manifest = packed(tmp_path / "stick")
    signatures.sign(manifest, robin)
    (tmp_path / "link").symlink_to("no/such/place")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "link"))

    assert "to remember signers, cannot be written" in refused(CouldNotRun, request(house))


# Into what


@pytest.mark.parametrize("existing", ["file", "directory"])
def test_what_exists_is_never_overwritten(releases: Path, existing: str) -> None:
    target = Path.cwd() / "mine"
    target.mkdir() if existing == "directory" else target.write_text("mine")

    assert refused(UsageError, request(releases, into=target)) == f"{target} exists already"
    assert target.is_dir() or target.read_text() == "mine"


@pytest.mark.slow
def test_a_directory_whose_parents_do_not_exist_is_made(releases: Path) -> None:
    assert install(request(releases, into=Path.cwd() / "deep" / "down", python=sys.executable)).programs.is_dir()


@pytest.mark.slow
def test_an_extra_brings_its_dependencies_and_is_known_by_any_spelling(tmp_path: Path, releases: Path) -> None:
    plain = install(request(releases))
    shaded = install(request(releases, into=tmp_path / "shaded", extras=("Shade",)))

    assert [has_leaf(plain.programs), has_leaf(shaded.programs)] == [False, True]
    said = refused(UsageError, request(releases, into=tmp_path / "sunny", extras=("sun",)))
    assert said == f"{HOUSE} has no extra sun; there are: shade"


def has_leaf(programs: Path) -> bool:
    return not subprocess.run([programs / "python", "-c", "import leaf"], capture_output=True, check=False).returncode


@pytest.mark.slow
@pytest.mark.parametrize("smoke", ["python -c 'raise SystemExit(3)'", "no-such-program"])
def test_what_does_not_work_takes_the_environment_with_it(releases: Path, smoke: str) -> None:
    assert "does not work" in refused(VerificationFailed, request(releases, into=Path.cwd() / "a" / "b", smoke=smoke))


@pytest.mark.slow
def test_what_a_killed_installation_left_is_made_anew(tmp_path: Path, releases: Path) -> None:
    program = (
        "import os, pathlib, signal, sys\n"
        "from hephaestus import environments, install\n"
        "environments.Environment.install_offline = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"install.install(install.Request({str(releases)!r}))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert (Path.cwd() / "acorn-1.1.0").exists()
    for stored in releases.rglob(HOUSE):
        stored.unlink()  # the download was not lost

    assert greeting(install(request(releases))) == "acorn 1.1.0\n"
    assert [path.name for path in Path.cwd().iterdir()] == ["acorn-1.1.0"]


@pytest.fixture
def existing(tmp_path: Path) -> environments.Environment:
    """An environment with acorn 1.0.0 and oak in it."""
    made = environments.create(tmp_path / "existing")
    make_wheel(tmp_path / "old" / "wheels", version="1.0.0", scripts={"acorn": "acorn:main"})
    make_wheel(tmp_path / "old" / "wheels", "oak", "3.0", requires=["acorn"])
    fill(made, tmp_path / "old")
    return made


def fill(environment: environments.Environment, house: Path) -> None:
    """Install all wheels of a directory."""
    wheels = (house / "wheels").iterdir()
    pins = (
        f"{wheel.name.split('-')[0]}=={wheel.name.split('-')[1]} --hash=sha256:{sha256(wheel)}\n" for wheel in wheels
    )
    (house / "requirements.txt").write_text("".join(pins))
    environment.install_offline(house)


def contents(environment: environments.Environment) -> dict[str, Any]:
    """Return every file of an environment, but for the bytecode that running it leaves."""
    files = {path for path in environment.root.rglob("*") if "__pycache__" not in path.parts}
    return {str(path): path.read_bytes() for path in files if path.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize("form", ["interpreter", "directory", "link"])
def test_an_existing_environment_is_upgraded_and_keeps_the_rest(
    releases: Path, existing: environments.Environment, form: str
) -> None:
    link = existing.root.with_name("link")
    link.symlink_to(existing.root)
    python = {"interpreter": existing.python, "directory": existing.root, "link": link / "bin" / "python"}[form]
    done = install(request(releases, python=str(python), smoke="acorn"))

    assert done.programs == existing.programs
    assert greeting(done) == "acorn 1.1.0\n"
    assert system.run([existing.python, "-c", "import oak; oak.main()"]).output == "oak 3.0\n"
    assert not [path.name for path in existing.root.parent.iterdir() if path.name.startswith(".")]


@pytest.mark.slow
def test_an_existing_environment_is_not_touched_by_what_does_not_prove_itself(
    releases: Path, existing: environments.Environment
) -> None:
    before = contents(existing)

    what = request(releases, python=str(existing.python), smoke="python -c 'raise SystemExit(3)'")
    assert "does not work" in refused(VerificationFailed, what)
    assert contents(existing) == before


@pytest.mark.slow
def test_an_existing_environment_is_put_back_where_something_in_it_does_not_fit(
    tmp_path: Path, releases: Path, existing: environments.Environment
) -> None:
    make_wheel(tmp_path / "old" / "wheels", "elm", requires=["acorn<1.1"])
    fill(existing, tmp_path / "old")
    before = contents(existing)
    (tmp_path / "link").symlink_to(existing.root)

    # Fresh, it works; beside elm it does not.
    refused(CommandFailed, request(releases, python=str(tmp_path / "link")))
    assert contents(existing) == before
    assert system.run([existing.programs / "acorn"]).output == "acorn 1.0.0\n"


@pytest.mark.slow
def test_an_existing_environment_is_put_back_after_a_kill_by_the_next_installation(
    releases: Path, existing: environments.Environment
) -> None:
    before = contents(existing)
    program = (
        "import os, pathlib, signal, shutil\n"
        "from hephaestus import environments, install\n"
        f"root = pathlib.Path({str(existing.root)!r})\n"
        "whole = environments.Environment.install_offline\n"
        "def half(environment, house, extras, **more):\n"
        "    whole(environment, house, extras, **more)\n"
        "    if environment.root == root:\n"
        "        shutil.rmtree(root / 'bin'); os.kill(os.getpid(), signal.SIGKILL)\n"
        "environments.Environment.install_offline = half\n"
        f"install.install(install.Request({str(releases)!r}, python=str(root / 'bin' / 'python')))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert contents(existing) != before

    what = request(releases, python=str(existing.python), smoke="python -c 'raise SystemExit(3)'")
    with pytest.raises(VerificationFailed):
        install(what)
    assert contents(existing) == before


@pytest.mark.parametrize("python", [sys.base_prefix, "/usr/bin/python3", "no-such-place", "3.12"])
def test_nothing_but_a_virtual_environment_is_installed_into(releases: Path, python: str) -> None:
    assert "is in no virtual environment" in refused(UsageError, request(releases, python=python))


@pytest.mark.slow
def test_a_smoke_command_does_not_run_in_the_environment(releases: Path, existing: environments.Environment) -> None:
    (existing.root / "precious").write_text("before")
    before = contents(existing)

    smoke = "python -c 'import pathlib, sys; pathlib.Path(\"precious\").write_text(sys.prefix)'"
    install(request(releases, python=str(existing.python), smoke=smoke))

    assert contents(existing)[str(existing.root / "precious")] == before[str(existing.root / "precious")]


@pytest.mark.slow
def test_an_installer_that_outlives_a_killed_installation_keeps_the_next_one_away(
    tmp_path: Path, releases: Path
) -> None:
    pipe, fake = tmp_path / "pipe", tmp_path / "fake"
    os.mkfifo(pipe)
    fake.write_text(f"#!/bin/sh\ncat {shlex.quote(str(pipe))}\nexit 1\n")
    fake.chmod(0o755)
    program = (
        "from hephaestus import install, system\n"
        "found = system.program\n"
        f"system.program = lambda name: {str(fake)!r} if name == 'uv' else found(name)\n"
        f"install.install(install.Request({str(releases)!r}))\n"
    )
    with subprocess.Popen([sys.executable, "-c", program]) as first, pipe.open("w"):
        first.kill()
        first.wait()
        with pytest.raises(Busy, match="another process makes or changes"):
            install(request(releases))


def test_two_installations_into_one_place_do_not_mix(releases: Path) -> None:
    program = (
        "import sys, pathlib\nfrom hephaestus import transaction\n"
        f"with transaction.held(pathlib.Path({str(Path.cwd() / 'acorn-1.1.0')!r})):\n"
        "    print('held', flush=True); sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        assert "another process" in refused(Busy, request(releases))
        other.kill()
