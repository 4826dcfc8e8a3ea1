"""Signatures: those of the right signer pass, all others are refused, and a first signer is remembered."""

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hephaestus import signatures
from hephaestus.errors import CommandFailed, CouldNotRun, HephaestusError, UsageError, VerificationFailed
from hephaestus.signatures import Signer, Trust

REPOSITORY = "/srv/releases/acorn"
ARCHIVE = "acorn-1.1.0-wheelhouse.tar.gz"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pairs of OpenSSH keys: robin and mallory."""
    where = tmp_path_factory.mktemp("keys")
    for name in ("robin", "mallory"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"{name} of the tests", "-f", str(where / name)]
        subprocess.run(command, check=True)
    return where


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """The manifest of an archive, both made anew."""
    (tmp_path / ARCHIVE).write_bytes(b"the archive")
    manifest = tmp_path / f"{ARCHIVE}.sha256"
    manifest.write_text(f"{'0' * 64}  {ARCHIVE}\n")
    return manifest


def fingerprint(key: Path) -> str:
    return subprocess.check_output(["ssh-keygen", "-lf", f"{key}.pub"], text=True).split()[1]


def public(key: Path) -> str:
    return Path(f"{key}.pub").read_text()


def verify(manifest: Path, trust: Trust | None = None, repository: str = REPOSITORY, *more: str) -> tuple[Signer, ...]:
    """Verify whatever signatures lie beside the archive and its manifest."""
    files = [manifest.with_name(ARCHIVE), manifest]
    names = [name for file in files for name in signatures.beside(file.name)]
    there = [manifest.with_name(name) for name in names if manifest.with_name(name).exists()]
    return signatures.verify(files, there, trust or Trust(), [signatures.pins(each) for each in (repository, *more)])


def refused(kind: type[HephaestusError], manifest: Path, trust: Trust | None = None) -> str:
    with pytest.raises(kind) as caught:
        verify(manifest, trust)
    assert caught.value.hint or kind is UsageError
    return caught.value.message


# Who is trusted


def test_a_signature_by_a_given_key_is_good_however_the_key_is_given(manifest: Path, keys: Path) -> None:
    signatures.sign(manifest, keys / "robin")
    signer = Signer("ssh", fingerprint(keys / "robin"))

    for key in (public(keys / "robin"), f"{keys / 'robin'}.pub", signer.name):
        assert verify(manifest, Trust(keys=(key,))) == (signer,)
        assert verify(manifest, Trust(keys=(public(keys / "mallory"), key))) == (signer,)


def test_a_signature_by_any_other_key_is_refused(manifest: Path, keys: Path) -> None:
    signatures.sign(manifest, keys / "mallory")

    said = refused(VerificationFailed, manifest, Trust(keys=(public(keys / "robin"),)))

    assert f"signed by key {fingerprint(keys / 'mallory')}, not by key {fingerprint(keys / 'robin')}" in said


def test_the_archive_itself_may_be_what_is_signed(manifest: Path, keys: Path) -> None:
    archive = manifest.with_name(ARCHIVE)
    signatures.sign(archive, keys / "robin")
    assert verify(manifest)

    archive.write_bytes(b"another archive")
    assert "no good signature" in refused(VerificationFailed, manifest)


def test_of_several_signatures_all_must_be_good(manifest: Path, keys: Path) -> None:
    signatures.sign(manifest, keys / "robin")
    signatures.sign(manifest.with_name(ARCHIVE), keys / "mallory")

    assert "not by" in refused(VerificationFailed, manifest, Trust(keys=(public(keys / "robin"),)))


def test_a_changed_manifest_is_refused(manifest: Path, keys: Path) -> None:
    signatures.sign(manifest, keys / "robin")
    manifest.write_text(f"{'1' * 64}  {ARCHIVE}\n")

    assert "is no good signature over" in refused(VerificationFailed, manifest)
    assert "is no good signature over" in refused(VerificationFailed, manifest, Trust(keys=(public(keys / "robin"),)))


def test_a_signature_made_for_another_purpose_is_refused(manifest: Path, keys: Path) -> None:
    command = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(keys / "robin"), "-n", "git", str(manifest)]
    subprocess.run(command, check=True, capture_output=True)

    assert "namespace hephaestus" in refused(VerificationFailed, manifest, Trust(keys=(public(keys / "robin"),)))


@pytest.mark.parametrize("kind", ["ssh-ed25519 AAAA\n* ssh-ed25519", "", "x" * 300, "rsa key"])
def test_a_signature_cannot_write_into_the_list_of_allowed_signers(manifest: Path, kind: str) -> None:
    def field(data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + data

    blob = b"SSHSIG\0\0\0\1" + field(field(kind.encode()) + field(b"key")) + field(b"hephaestus") + field(b"")
    armor = base64.b64encode(blob).decode()
    text = f"-----BEGIN SSH SIGNATURE-----\n{armor}\n-----END SSH SIGNATURE-----\n"
    manifest.with_name(f"{manifest.name}.sig").write_text(text)

    assert "no OpenSSH signature" in refused(VerificationFailed, manifest)


@given(
    st.one_of(
        st.binary(max_size=200),
        st.binary(max_size=90)
        .map(base64.b64encode)
        .map(lambda body: b"-----BEGIN SSH SIGNATURE-----\n" + body + b"\n-----END SSH SIGNATURE-----\n"),
    )
)
def test_any_bytes_in_place_of_a_signature_are_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    where = tmp_path_factory.getbasetemp() / "any"
    where.mkdir(exist_ok=True)
    (where / ARCHIVE).write_bytes(b"the archive")
    for ending in (".sig", ".minisig"):
        signature = where / f"{ARCHIVE}{ending}"
        signature.write_bytes(data)
        with pytest.raises(VerificationFailed):
            signatures.verify([where / ARCHIVE], [signature], Trust(keys=(MINISIGN,)), [where / "none.json"])


@pytest.mark.parametrize("key", ["", "robin", "ssh-ed25519 !", "SHA256:short", "/dev/null", "\0"])
def test_what_is_no_key_is_not_taken_for_one(manifest: Path, key: str) -> None:
    assert "is no OpenSSH public key" in refused(UsageError, manifest, Trust(keys=(key,)))


# No signature


def test_where_nobody_asks_for_a_signature_none_is_needed(manifest: Path) -> None:
    assert verify(manifest) == ()


def test_a_missing_signature_is_refused_where_one_is_asked_for(manifest: Path, keys: Path) -> None:
    robin = fingerprint(keys / "robin")

    assert refused(VerificationFailed, manifest, Trust(required=True)) == f"{ARCHIVE} is not signed, and it must be"
    assert refused(VerificationFailed, manifest, Trust(keys=(robin,))).endswith(f"and it must be by key {robin}")


def test_allow_unsigned_permits_no_signature_and_no_wrong_one(manifest: Path, keys: Path) -> None:
    trust = Trust(keys=(public(keys / "robin"),), required=True, allow_unsigned=True)
    assert verify(manifest, trust) == ()

    signatures.sign(manifest, keys / "mallory")
    assert "not by" in refused(VerificationFailed, manifest, trust)


# Remembered


def test_the_first_signer_is_remembered_loudly_and_asked_for_from_then_on(
    manifest: Path, keys: Path, caplog: pytest.LogCaptureFixture
) -> None:
    signatures.sign(manifest, keys / "robin")
    signatures.remember(REPOSITORY, verify(manifest))
    robin = fingerprint(keys / "robin")
    assert f"key {robin} is remembered for {REPOSITORY}" in caplog.text

    assert verify(manifest) == (Signer("ssh", robin),)
    manifest.with_name(f"{manifest.name}.sig").unlink()
    assert f"not signed, and it must be by key {robin}" in refused(VerificationFailed, manifest)
    assert verify(manifest, repository="/srv/releases/oak") == ()


def test_another_signer_than_the_remembered_one_is_refused_until_it_is_forgotten(manifest: Path, keys: Path) -> None:
    signatures.sign(manifest, keys / "robin")
    signatures.remember(REPOSITORY, verify(manifest))
    signatures.sign(manifest, keys / "mallory")

    for trust in (Trust(), Trust(keys=(public(keys / "mallory"),))):
        said = refused(VerificationFailed, manifest, trust)
        assert f"signed by key {fingerprint(keys / 'mallory')}, but key {fingerprint(keys / 'robin')} is remem" in said

    with pytest.raises(VerificationFailed) as caught:
        verify(manifest)
    subprocess.run(["sh", "-c", str(caught.value.hint)], check=True)
    assert verify(manifest) == (Signer("ssh", fingerprint(keys / "mallory")),)


def test_who_names_the_remembered_key_and_a_new_one_accepts_both_from_then_on(manifest: Path, keys: Path) -> None:
    signatures.sign(manifest, keys / "robin")
    signatures.remember(REPOSITORY, verify(manifest))
    signatures.sign(manifest, keys / "mallory")

    signatures.remember(REPOSITORY, verify(manifest, Trust(keys=(public(keys / "robin"), public(keys / "mallory")))))

    assert verify(manifest)
    signatures.sign(manifest, keys / "robin")
    assert verify(manifest)


def test_a_signature_of_another_kind_does_not_stand_in_for_the_remembered_one(manifest: Path, keys: Path) -> None:
    signatures.sign(manifest, keys / "robin")
    signatures.remember(REPOSITORY, verify(manifest))
    manifest.with_name(f"{manifest.name}.sig").unlink()
    manifest.with_name(f"{manifest.name}.minisig").write_text(MINISIG)

    assert "nobody says whose" in refused(CouldNotRun, manifest)
    assert "is remembered" in refused(VerificationFailed, manifest, Trust(keys=(MINISIGN,)))


@pytest.mark.parametrize("text", ["", "[]", '{"signers": 1}', '{"signers": [{}]}'])
def test_a_damaged_memory_lets_nobody_in(manifest: Path, keys: Path, text: str) -> None:
    signatures.sign(manifest, keys / "robin")
    signatures.remember(REPOSITORY, verify(manifest))
    signatures.pins(REPOSITORY).write_text(text)

    assert "cannot be read" in refused(UsageError, manifest)


def test_what_is_remembered_is_readable_and_written_once(manifest: Path, keys: Path) -> None:
    signatures.sign(manifest, keys / "robin")
    for _ in range(2):
        signatures.remember(REPOSITORY, verify(manifest))
    signatures.remember("/srv/releases/unsigned", [])

    document = json.loads(signatures.pins(REPOSITORY).read_text())
    assert document == {"repository": REPOSITORY, "signers": [{"kind": "ssh", "name": fingerprint(keys / "robin")}]}
    assert not signatures.pins("/srv/releases/unsigned").exists()


@pytest.mark.parametrize("trust", [Trust(keys=("MINISIGN",)), Trust(identity="a@b", issuer="https://i")])
def test_the_remembered_signer_does_not_stand_in_for_one_of_another_kind_that_is_named(
    manifest: Path, keys: Path, trust: Trust
) -> None:
    signatures.sign(manifest, keys / "robin")
    signatures.remember(REPOSITORY, verify(manifest))
    named = replace(trust, keys=(MINISIGN,)) if trust.keys else trust

    said = refused(VerificationFailed, manifest, named)
    whom = f"minisign key {MINISIGN}" if trust.keys else "sigstore https://i a@b"
    assert said.endswith(f"signed by key {fingerprint(keys / 'robin')}, not by {whom}")


def test_every_memory_is_asked_and_forgetting_the_one_that_differs_helps(manifest: Path, keys: Path) -> None:
    signatures.sign(manifest, keys / "mallory")
    signatures.remember("oak", verify(manifest))
    signatures.sign(manifest, keys / "robin")
    signatures.remember(REPOSITORY, verify(manifest))

    for first, second in ((REPOSITORY, "oak"), ("oak", REPOSITORY)):
        with pytest.raises(VerificationFailed, match="is remembered") as caught:
            verify(manifest, None, first, second)
        assert caught.value.hint == f"rm {signatures.pins('oak')}"
    both = Trust(keys=(public(keys / "robin"), public(keys / "mallory")))
    assert verify(manifest, both, REPOSITORY, "oak")
    assert verify(manifest, None, REPOSITORY, "elm")


def test_signers_that_cannot_be_remembered_are_no_success(
    manifest: Path, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signatures.sign(manifest, keys / "robin")
    (tmp_path / "link").symlink_to("no/such/place")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "link"))

    with pytest.raises(CouldNotRun, match="cannot be written") as caught:
        signatures.remember(REPOSITORY, [Signer("ssh", fingerprint(keys / "robin"))])
    assert caught.value.hint == f"ls -ld {tmp_path}"


# Signing


def test_a_key_that_cannot_sign_leaves_no_signature(manifest: Path, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("no key")
    (tmp_path / "key").chmod(0o600)

    with pytest.raises(CommandFailed):
        signatures.sign(manifest, tmp_path / "key")
    assert not list(tmp_path.glob("*.sig"))


def test_the_signature_is_what_ssh_keygen_makes_and_a_new_one_replaces_it(manifest: Path, keys: Path) -> None:
    signatures.sign(manifest, keys / "mallory")
    signature = signatures.sign(manifest, keys / "robin")
    words = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(keys / "robin"), "-n", "hephaestus"]
    subprocess.run([*words, str(manifest.with_name(ARCHIVE))], check=True, capture_output=True)

    assert signature.name == f"{manifest.name}.sig"
    assert verify(manifest) == (Signer("ssh", fingerprint(keys / "robin")),)


# minisign: made by minisign 0.11 over the manifest of the fixture, by its hash and (the older form) by its bytes

MINISIGN = "RWTbA3tFaCUSZSp0ja7yf8nV1kitAeYisoTs386IeUhyQYNuXcFbM+Li"
MINISIG = """\
untrusted comment: signature from minisign secret key
RUTbA3tFaCUSZdA41ZPn088xQ0xrthq1vEAssI6gSmtDlguhjGHHtBbSC/rnnLA+3Tijqa88zCLNbIqUcgOg2FbPkVRExJwcXwc=
trusted comment: file:m hashed
wMiOE3LJZ56dBOC/OxEyTt7ICOx4MLn5s112f3s4MhQafSx9Lfl0MIjooXECYM5fJBoW2O1iRzYwAbgjOHgnBA==
"""
LEGACY = """\
untrusted comment: signature from minisign secret key
RWTbA3tFaCUSZXo6x8Ejh/jrUI9QlYndKtS6SjwUi3ADxoWvL4/DKxd6IvqgY05ZwuLV6YneHiHaXJTzuiuTUwKiLEvHcHy9CwY=
trusted comment: file:m
tzQI2oYaQcG8SGopuVu7k9nuVNOcXJVruOfWVzARZfOgvnUSOxKKB/82JOvvFwLXZelix1E9Ec3kL9VZtk+uCg==
"""


@pytest.fixture(params=["minisign", "cryptography"])
def either(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Verify with the program minisign, and where there is none."""
    if request.param == "cryptography":
        pytest.importorskip("cryptography")
        monkeypatch.setenv("PATH", str(tmp_path))
    elif shutil.which("minisign") is None:
        pytest.skip("this machine has no minisign")


def minisigned(manifest: Path, text: str) -> str:
    """Return what is said of a minisign signature."""
    manifest.with_name(f"{manifest.name}.minisig").write_text(text)
    try:
        return str(verify(manifest, Trust(keys=(MINISIGN,)))[0])
    except VerificationFailed as error:
        return error.message


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("text", [MINISIG, LEGACY, MINISIG.replace("\n", "\r\n")], ids=["hashed", "legacy", "CRLF"])
def test_a_minisign_signature_by_the_given_key_is_good(manifest: Path, text: str) -> None:
    assert minisigned(manifest, text) == f"minisign key {MINISIGN}"


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("text", [MINISIG, LEGACY], ids=["hashed", "legacy"])
def test_minisign_covers_the_file_and_the_trusted_comment(manifest: Path, text: str) -> None:
    assert "no good signature" in minisigned(manifest, text.replace("trusted comment: file:", "trusted comment: pile:"))

    manifest.write_text(manifest.read_text() + " ")
    assert "no good signature" in minisigned(manifest, text)


@pytest.mark.parametrize("text", ["", "\n\n\n\n", MINISIG[:200], MINISIG.replace("trusted comment", "comment")])
def test_half_a_minisign_signature_is_none(manifest: Path, text: str) -> None:
    assert "no good signature" in minisigned(manifest, text) or "no minisign signature" in minisigned(manifest, text)


def test_a_minisign_signature_by_another_key_is_refused(manifest: Path) -> None:
    manifest.with_name(f"{manifest.name}.minisig").write_text(MINISIG)
    other = base64.b64encode(b"Ed" + bytes(40)).decode()

    said = refused(VerificationFailed, manifest, Trust(keys=(other,)))

    assert f"signed by minisign key 65122568457B03DB, not by minisign key {other}" in said


def test_a_minisign_key_is_remembered_once_it_was_given(manifest: Path) -> None:
    manifest.with_name(f"{manifest.name}.minisig").write_text(MINISIG)
    assert "takes --key" in refused(CouldNotRun, manifest)

    signatures.remember(REPOSITORY, verify(manifest, Trust(keys=(MINISIGN,))))
    assert verify(manifest) == (Signer("minisign", MINISIGN),)


# Programs that are missing, and programs beyond the network


PYTHON = sys.executable


def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, code: int = 0) -> Callable[[], list[str]]:
    """Put a program first on PATH that ends with a code; return a function that gives its last arguments."""
    programs = tmp_path / "programs"
    programs.mkdir(exist_ok=True)
    asked = tmp_path / "asked.json"
    body = f"import json, sys; json.dump(sys.argv[1:], open({str(asked)!r}, 'w')); sys.exit({code} and 'not so')"
    (programs / name).write_text(f"#!{PYTHON}\n{body}\n")
    (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(sys, "executable", str(programs / "python"))  # a program beside Python would go first
    return lambda: list(json.loads(asked.read_text()))


SIGSTORE = Trust(identity="robin@example.org", issuer="https://accounts.example.org")
WORKFLOW = "acorn/acorn/.github/workflows/release.yml"


@pytest.mark.parametrize(
    ("ending", "program", "trust"),
    [
        (".sig", "ssh-keygen", Trust()),
        (".minisig", "minisign", Trust(keys=(MINISIGN,))),
        (".sigstore.json", "sigstore", SIGSTORE),
        (".jsonl", "gh", Trust(attested=WORKFLOW)),
    ],
)
def test_a_signature_whose_program_is_missing_is_never_passed_over(
    manifest: Path, keys: Path, monkeypatch: pytest.MonkeyPatch, *, ending: str, program: str, trust: Trust
) -> None:
    signed = signatures.sign(manifest, keys / "robin").rename(manifest.with_name(f"{manifest.name}{ending}"))
    if ending == ".minisig":
        signed.write_text(MINISIG)
    monkeypatch.setenv("PATH", str(manifest.parent))
    monkeypatch.setattr(sys, "executable", str(manifest.parent / "python"))
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)

    assert f"{program} is not installed" in refused(CouldNotRun, manifest, trust)


@pytest.mark.parametrize("ending", [".minisig", ".sigstore.json", ".jsonl"])
def test_a_signature_that_may_be_anybodys_is_not_passed_over(manifest: Path, ending: str) -> None:
    manifest.with_name(f"{manifest.name}{ending}").write_text(MINISIG)

    assert "nobody says whose signature it may be" in refused(CouldNotRun, manifest, Trust(allow_unsigned=True))


def test_an_identity_needs_its_issuer_and_an_issuer_an_identity(manifest: Path) -> None:
    assert "name both" in refused(UsageError, manifest, Trust(identity="robin@example.org"))
    assert "name both" in refused(UsageError, manifest, Trust(issuer="https://accounts.example.org"))


def test_a_bundle_of_sigstore_is_verified_offline_for_identity_and_issuer(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = manifest.with_name(f"{manifest.name}.sigstore.json")
    bundle.write_text("{}")
    asked = stand_in(tmp_path, monkeypatch, "sigstore")
    signer = Signer("sigstore", "https://accounts.example.org robin@example.org")

    assert verify(manifest, SIGSTORE) == (signer,)
    ask = ["--offline", "--bundle", str(bundle), "--cert-identity", "robin@example.org"]
    ask += ["--cert-oidc-issuer", "https://accounts.example.org", str(manifest)]
    assert asked() == ["verify", "identity", *ask]

    signatures.remember(REPOSITORY, [signer])
    assert verify(manifest, Trust(trust_root=tmp_path / "root.json")) == (signer,)
    assert asked() == ["--trust-config", str(tmp_path / "root.json"), "verify", "identity", *ask]

    stand_in(tmp_path, monkeypatch, "sigstore", 1)
    assert "no good signature" in refused(VerificationFailed, manifest, SIGSTORE)


def test_an_attestation_is_verified_by_gh_from_its_bundle_or_from_github(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = manifest.with_name(ARCHIVE)
    asked = stand_in(tmp_path, monkeypatch, "gh")

    assert verify(manifest, Trust(attested="acorn/acorn")) == (Signer("github", "acorn/acorn"),)
    assert asked() == ["attestation", "verify", str(archive), "--repo", "acorn/acorn"]

    bundle = archive.with_name(f"{ARCHIVE}.jsonl")
    bundle.write_text("{}")
    root = tmp_path / "root.jsonl"
    assert verify(manifest, Trust(attested=WORKFLOW, trust_root=root)) == (Signer("github", WORKFLOW),)
    assert asked() == [
        *["attestation", "verify", str(archive), "--repo", "acorn/acorn", "--signer-workflow", WORKFLOW],
        *["--bundle", str(bundle), "--custom-trusted-root", str(root)],
    ]

    stand_in(tmp_path, monkeypatch, "gh", 1)
    assert "not so" in refused(VerificationFailed, manifest, Trust(attested=WORKFLOW))
