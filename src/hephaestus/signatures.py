"""Who signed a wheelhouse: OpenSSH, minisign, sigstore and GitHub signatures, and the signers remembered.

A signature lies beside the file it is over, which is the archive or the manifest with the archive's hash:

    <file>.sig             OpenSSH (SSHSIG, namespace `hephaestus`), made by `sign`
    <file>.minisig         minisign
    <file>.sigstore.json   a sigstore bundle
    <file>.jsonl           a bundle of GitHub's attestations

A signature that is there is verified, or the files are refused. Whose it may be is what the user says, or what
was remembered when a repository was first used: from then on it is asked for.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import logging
import re
import shlex
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hephaestus import system
from hephaestus.errors import CouldNotRun, UsageError, VerificationFailed

__all__ = ["NAMESPACE", "Signer", "Trust", "beside", "pins", "remember", "sign", "verify"]

log = logging.getLogger("hephaestus")

NAMESPACE = "hephaestus"

_KINDS = {".sig": "ssh", ".minisig": "minisign", ".sigstore.json": "sigstore", ".jsonl": "github"}
_PROGRAMS = {"ssh": "ssh-keygen", "minisign": "minisign", "sigstore": "sigstore", "github": "gh"}
# What a kind of signature needs to be told before it means anything.
_NEEDS = {"minisign": "--key", "sigstore": "an identity and its issuer", "github": "the repository that attests"}
# Larger than any signature or bundle, smaller than what hurts.
_LARGEST = 16 << 20

# sshsig(5) in OpenSSH's PROTOCOL.sshsig.
_ARMOR = re.compile(r"\s*-----BEGIN SSH SIGNATURE-----\s+([\w+/=\s]+?)\s*-----END SSH SIGNATURE-----\s*", re.ASCII)
_SSH_KEY = re.compile(r"((?:ssh|ecdsa|sk)-[a-z0-9@.-]+) ([A-Za-z0-9+/=]+)(?: .*)?")
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")
_MINISIGN_KEY = re.compile(r"RW[A-Za-z0-9+/]{54}")


@dataclass(frozen=True)
class Signer:
    """Somebody who signs: the kind of signature, and who it is.

    That is the fingerprint of an OpenSSH key, the public key of minisign, `ISSUER IDENTITY` of sigstore, or the
    repository or workflow that GitHub attests.
    """

    kind: str
    name: str

    def __str__(self) -> str:
        """The signer as a person would say it."""
        return {"ssh": "key ", "minisign": "minisign key "}.get(self.kind, f"{self.kind} ") + self.name


@dataclass(frozen=True)
class Trust:
    """Whose signatures a user accepts.

    `keys` are OpenSSH public keys, their fingerprints (`SHA256:…`), minisign public keys, or files that hold one;
    `identity` and `issuer` are what a sigstore certificate must say, `trust_root` the file of a private instance's
    trust configuration (for `gh`, of trusted roots); `attested` is the repository (`OWNER/NAME`) or the workflow
    (`OWNER/NAME/.github/workflows/FILE`) whose attestation GitHub must have.
    A signature is `required` by this alone, by any of the above, and by a signer that is remembered;
    `allow_unsigned` lets files without any signature pass all the same, never those with a wrong one.
    """

    keys: tuple[str, ...] = ()
    identity: str | None = None
    issuer: str | None = None
    trust_root: Path | None = None
    attested: str | None = None
    required: bool = False
    allow_unsigned: bool = False


@dataclass(frozen=True)
class _Known:
    """The signers a user names, and those remembered, by the files that do."""

    given: frozenset[Signer]
    memories: Mapping[Path, frozenset[Signer]]
    trust_root: Path | None

    @property
    def pinned(self) -> frozenset[Signer]:
        return frozenset().union(*self.memories.values())

    @property
    def nobody(self) -> bool:
        return not self.given and not self.pinned

    def of(self, kind: str) -> list[Signer]:
        """Return whose signatures of a kind are accepted: of those a user names, or else those remembered."""
        return sorted((each for each in self.given or self.pinned if each.kind == kind), key=str)


def beside(name: str) -> tuple[str, ...]:
    """Return the names that signatures over a file of this name have."""
    return tuple(f"{name}{ending}" for ending in _KINDS)


def pins(repository: str) -> Path:
    """Return the file, in the user's data, that remembers who signs the releases of a repository."""
    from platformdirs import user_data_path

    key = hashlib.sha256(repository.encode(errors="surrogateescape")).hexdigest()
    return user_data_path("hephaestus", appauthor=False) / "signers" / f"{key}.json"


def sign(file: Path, key: Path) -> Path:
    """Sign a file with an OpenSSH key, and return the path of the signature beside it.

    `key` is a private key, or a public one whose private half the agent has.
    Raises `CommandFailed` where ssh-keygen cannot sign, and `CouldNotRun` where there is none.
    """
    words: list[str | Path] = ["ssh-keygen", "-q", "-Y", "sign", "-f", key, "-n", NAMESPACE]
    signature = file.with_name(f"{file.name}.sig")
    system.write(signature, system.run(words, given=file.read_bytes()).output.encode())
    return signature


def verify(files: Sequence[Path], signatures: Sequence[Path], trust: Trust, pins: Sequence[Path]) -> tuple[Signer, ...]:
    """Verify all signatures over an archive and its manifest, and return who made them; the archive comes first.

    `pins` are the files that remember the signers of the place and of the project: a signer must be one
    each of them knows, unless the user names that one and a known one. Nothing is remembered yet.
    Raises `VerificationFailed` where a signature is wrong, somebody else's, or missing although it is asked for, and
    `CouldNotRun` where one can not be judged: its program is missing, or nobody is known whose it may be.
    """
    known = _Known(_given(trust), {file: _pinned(file) for file in pins}, trust.trust_root)
    verified = [_verified(signature, files, known) for signature in signatures]
    if trust.attested is not None and not any(signer.kind == "github" for signer in verified):
        verified.append(_attested(None, files[0], known))
    if not verified:
        _unsigned(files[0], trust, known)
    for remembered in known.memories.values():
        if verified and remembered and remembered.isdisjoint([*verified, *known.given]):
            raise _stranger(files[0], verified[0], sorted(remembered, key=str), known)
    return tuple(dict.fromkeys(verified))


def remember(repository: str, signers: Iterable[Signer]) -> None:
    """Remember who signed, so that the next release of the repository must be signed by one of them as well.

    Raises `CouldNotRun` where that cannot be written down.
    """
    file = pins(repository)
    before = _pinned(file)
    new = sorted(set(signers) - before, key=str)
    if not new:
        return
    everybody = sorted({*before, *new}, key=str)
    document = {"repository": repository, "signers": [vars(signer) for signer in everybody]}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        system.write(file, f"{json.dumps(document, indent=2)}\n".encode())
    except OSError as error:
        place = next(path for path in file.parents if path.exists())
        said = f"{file}, which is to remember signers, cannot be written: {error}"
        raise CouldNotRun(said, f"ls -ld {shlex.quote(str(place))}") from error
    for signer in new:
        log.warning("%s is remembered for %s: only what it signed is installed now", signer, repository)


def _pinned(file: Path) -> frozenset[Signer]:
    try:
        document = json.loads(file.read_bytes())
        found = frozenset(Signer(str(each["kind"]), str(each["name"])) for each in document["signers"])
    except FileNotFoundError:
        return frozenset()
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        # Taken for empty, it would let anybody in.
        raise UsageError(
            f"{file}, which remembers signers, cannot be read: {error}", f"cat {shlex.quote(str(file))}"
        ) from error
    return found


def _given(trust: Trust) -> frozenset[Signer]:
    found = {signer for key in trust.keys for signer in _keys(key)}
    if trust.identity is not None and trust.issuer is not None:
        found.add(Signer("sigstore", f"{trust.issuer} {trust.identity}"))
    elif trust.identity is not None or trust.issuer is not None:
        raise UsageError(
            "an identity of sigstore is known by its issuer, and an issuer vouches for an identity: name both",
            "hephaestus release install --help",
        )
    if trust.attested is not None:
        found.add(Signer("github", trust.attested))
    return frozenset(found)


def _keys(text: str) -> list[Signer]:
    """Return the signers of a key as a user gives it: itself, or in a file."""
    direct = _key(text.strip())
    if direct is not None:
        return [direct]
    try:
        found = [key for line in _text(Path(text).expanduser()).splitlines() if (key := _key(line.strip()))]
    except (OSError, ValueError, RuntimeError):
        found = []
    if not found:
        raise UsageError(
            f"{text[:120]!r} is no OpenSSH public key, fingerprint of one or minisign public key, and no file of these",
            "ssh-keygen -lf ~/.ssh/id_ed25519.pub",
        )
    return found


def _key(line: str) -> Signer | None:
    if _FINGERPRINT.fullmatch(line):
        return Signer("ssh", line)
    if _MINISIGN_KEY.fullmatch(line):
        return Signer("minisign", line)
    found = _SSH_KEY.fullmatch(line)
    try:
        return Signer("ssh", _fingerprint(base64.b64decode(found[2], validate=True))) if found else None
    except binascii.Error:
        return None


def _verified(signature: Path, files: Sequence[Path], known: _Known) -> Signer:
    """Verify one signature over the file its name says, by the program of its kind."""
    ending, file = next(
        (ending, file) for file in files for ending in _KINDS if signature.name == f"{file.name}{ending}"
    )
    judges: dict[str, Callable[[Path, Path, _Known], Signer]] = {
        "ssh": _ssh,
        "minisign": _minisign,
        "sigstore": _sigstore,
        "github": _attested,
    }
    log.info("verifying %s", signature.name)
    return judges[_KINDS[ending]](signature, file, known)


def _ssh(signature: Path, file: Path, known: _Known) -> Signer:
    """Verify with ssh-keygen against the key the signature was made with, if that key is accepted or the first ever."""
    kind, blob = _ssh_key(signature)
    signer = Signer("ssh", _fingerprint(blob))
    accepted = known.of("ssh")
    if signer not in accepted and not known.nobody:
        raise _stranger(file, signer, accepted or sorted(known.given or known.pinned, key=str), known)
    with tempfile.TemporaryDirectory(prefix="hephaestus-") as folder:
        allowed = Path(folder, "allowed_signers")
        key = base64.b64encode(blob).decode()
        allowed.write_text(f'{NAMESPACE} namespaces="{NAMESPACE}" {kind} {key}\n', encoding="ascii")
        named = ["-f", str(allowed), "-I", NAMESPACE, "-n", NAMESPACE, "-s", str(signature)]
        finished = system.run(["ssh-keygen", "-Y", "verify", *named], given=file.read_bytes(), check=False)
    if finished.code:
        raise _wrong(signature, file, finished.tail(3))
    return signer


def _ssh_key(signature: Path) -> tuple[str, bytes]:
    """Return the kind and the bytes of the public key a signature carries."""
    try:
        armor = _ARMOR.fullmatch(_text(signature))
        blob = base64.b64decode("".join(armor[1].split()), validate=True) if armor else b""
        key, after = _field(blob[10:])
        kind = _field(key)[0].decode("ascii")
        namespace = _field(after)[0]
    except ValueError as error:
        raise _wrong(signature, None, "it is not whole") from error
    # The kind goes into a file of ssh-keygen's, where a space or a line break would mean something.
    if blob[:10] != b"SSHSIG\0\0\0\1" or namespace != NAMESPACE.encode() or not _SSH_KEY.fullmatch(f"{kind} A"):
        raise _wrong(signature, None, f"it is no OpenSSH signature with the namespace {NAMESPACE}")
    return kind, key


def _field(data: bytes) -> tuple[bytes, bytes]:
    """Return the first length-prefixed field (RFC 4251, `string`), and what comes after it."""
    size = int.from_bytes(data[:4], "big")
    if len(data) < 4 + size:
        raise ValueError("it ends too soon")
    return data[4 : 4 + size], data[4 + size :]


def _fingerprint(blob: bytes) -> str:
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def _minisign(signature: Path, file: Path, known: _Known) -> Signer:
    """Verify with minisign, or without it with the library `cryptography`."""
    accepted = _accepted("minisign", signature, known)
    identifier = _parsed(signature)[0][2:10]
    signer = next((each for each in accepted if base64.b64decode(each.name)[2:10] == identifier), None)
    if signer is None:
        raise _stranger(file, Signer("minisign", identifier[::-1].hex().upper()), accepted, known)
    if system.program("minisign") is None:
        _minisign_here(signature, file, base64.b64decode(signer.name)[10:])
        return signer
    finished = system.run(["minisign", "-V", "-q", "-m", file, "-x", signature, "-P", signer.name], check=False)
    if finished.code:
        raise _wrong(signature, file, finished.tail(3))
    return signer


def _parsed(signature: Path) -> tuple[bytes, bytes, bytes]:
    """Return algorithm, key and signature, then the trusted comment, then the signature over both.

    The format is that of https://jedisct1.github.io/minisign/.
    """
    try:
        _, first, comment, second = _text(signature).split("\n")[:4]
        parts = base64.b64decode(first.strip(), validate=True), base64.b64decode(second.strip(), validate=True)
    except ValueError as error:
        raise _wrong(signature, None, "it is not whole") from error
    begin = "trusted comment: "
    if tuple(map(len, parts)) != (74, 64) or parts[0][:2] not in {b"Ed", b"ED"} or not comment.startswith(begin):
        raise _wrong(signature, None, "it is no minisign signature")
    return parts[0], comment.removeprefix(begin).rstrip("\r").encode(), parts[1]


def _minisign_here(signature: Path, file: Path, key: bytes) -> None:
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError as error:
        raise _missing("minisign", signature) from error
    first, comment, second = _parsed(signature)
    with file.open("rb") as opened:
        # `ED` is over the hash, `Ed` (the older form) over the bytes themselves.
        message = hashlib.file_digest(opened, "blake2b").digest() if first[:2] == b"ED" else opened.read()
    public = Ed25519PublicKey.from_public_bytes(key)
    try:
        public.verify(first[10:], message)
        public.verify(second, first[10:] + comment)
    except InvalidSignature as error:
        raise _wrong(signature, file, "it was made over other bytes or by another key") from error


def _sigstore(signature: Path, file: Path, known: _Known) -> Signer:
    """Verify a bundle with the program sigstore and no network, for one of the accepted identities."""
    root = ("--trust-config", str(known.trust_root)) if known.trust_root else ()

    def words(signer: Signer) -> list[str]:
        issuer, _, identity = signer.name.partition(" ")
        ask = ["--offline", "--bundle", str(signature), "--cert-identity", identity, "--cert-oidc-issuer", issuer]
        return ["sigstore", *root, "verify", "identity", *ask, str(file)]

    return _asked("sigstore", signature, file, known, words)


def _attested(signature: Path | None, file: Path, known: _Known) -> Signer:
    """Verify with gh: from a bundle where there is one, else from what GitHub has."""
    bundle = ("--bundle", str(signature)) if signature else ()
    root = ("--custom-trusted-root", str(known.trust_root)) if known.trust_root else ()

    def words(signer: Signer) -> list[str]:
        repository = "/".join(signer.name.split("/")[:2])
        workflow = ("--signer-workflow", signer.name) if signer.name != repository else ()
        return ["gh", "attestation", "verify", str(file), "--repo", repository, *workflow, *bundle, *root]

    return _asked("github", signature or file, file, known, words)


def _asked(kind: str, signature: Path, file: Path, known: _Known, words: Callable[[Signer], list[str]]) -> Signer:
    """Ask the program of a kind whether one of the accepted signers made a signature."""
    said = ""
    for signer in _accepted(kind, signature, known):
        found = system.program(_PROGRAMS[kind])
        if found is None:
            raise _missing(kind, signature)
        finished = system.run([found, *words(signer)[1:]], check=False)
        if not finished.code:
            return signer
        said = finished.tail(5)
    raise _wrong(signature, file, said)


def _accepted(kind: str, signature: Path, known: _Known) -> list[Signer]:
    accepted = known.of(kind)
    if not accepted:
        raise CouldNotRun(
            f"{signature.name} cannot be verified with {_PROGRAMS[kind]}: nobody says whose signature it may be,"
            f" and it does not say so itself; it takes {_NEEDS[kind]}",
            "hephaestus release install --help",
        )
    return accepted


def _text(path: Path) -> str:
    """Return a small text file; what is too large or no text is a `ValueError`."""
    with path.open("rb") as file:
        data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise ValueError("it is too large")
    return data.decode()


def _unsigned(archive: Path, trust: Trust, known: _Known) -> None:
    """Refuse files without a signature where one is asked for."""
    if trust.allow_unsigned or (known.nobody and not trust.required):
        return
    signers = " or ".join(map(str, sorted(known.given or known.pinned, key=str)))
    raise VerificationFailed(
        f"{archive.name} is not signed, and it must be{f' by {signers}' if signers else ''}",
        "hephaestus release install --help",
    )


def _stranger(file: Path, signer: Signer, accepted: Sequence[Signer], known: _Known) -> VerificationFailed:
    expected = " or ".join(map(str, accepted))
    if known.pinned - known.given >= set(accepted):
        said = f"{file.name} is signed by {signer}, but {expected} is remembered"
        asking = [file for file, remembered in known.memories.items() if remembered and signer not in remembered]
        return VerificationFailed(said, shlex.join(["rm", *map(str, asking)]))
    said = f"{file.name} is signed by {signer}, not by {expected}"
    return VerificationFailed(said, "hephaestus release install --help")


def _wrong(signature: Path, file: Path | None, said: str) -> VerificationFailed:
    over = f" over {file.name}" if file else ""
    return VerificationFailed(
        f"{signature.name} is no good signature{over}: {said}", f"ls -l {shlex.quote(str(signature))}"
    )


def _missing(kind: str, signature: Path) -> CouldNotRun:
    program = _PROGRAMS[kind]
    return CouldNotRun(f"{signature.name} cannot be verified: {program} is not installed", f"command -v {program}")
