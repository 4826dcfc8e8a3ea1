"""Fetching: every file whole and as it was locked, or named; nothing lost of what has come."""

import hashlib
import logging
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hephaestus.errors import CouldNotRun, VerificationFailed
from hephaestus.wheelhouse.connection import Patience, shown
from hephaestus.wheelhouse.fetch import fetch
from hephaestus.wheelhouse.index import Indexes, configured
from hephaestus.wheelhouse.locks import File
from hephaestus.wheelhouse.store import Store
from indexes import Fault, Index, Proxy
from wheels import sha256

QUICK = Patience(timeout=5, again=3, pause=0)
FOREIGN = ("PROXY", "CERT", "BUNDLE", "NETRC")


@pytest.fixture(autouse=True)
def neutral(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if any(part in name.upper() for part in FOREIGN)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "etc"))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def indexes(tmp_path: Path) -> Indexes:
    return configured(tmp_path)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    (tmp_path / "files").mkdir()
    with Index(tmp_path / "files") as index:
        yield index


def offer(index: Index, name: str = "acorn-1.0-py3-none-any.whl", size: int = 700_000) -> File:
    """Put a file on an index and return it as a lock has it."""
    path = index.directory / name
    path.write_bytes(random.Random(name).randbytes(size))
    return File(name, sha256(path), index.address(name), size)


def bytes_of(file: File, index: Index) -> bytes:
    return (index.directory / file.name).read_bytes()


def keep(store: Store, file: File, data: bytes) -> None:
    """Leave a part of a file as a killed process does."""
    with store.downloads() as folder:
        (folder / file.sha256).write_bytes(data)


def holds(store: Store, file: File) -> bool:
    return (
        store.holds(file.sha256, file.size)
        and hashlib.sha256(store.path(file.sha256).read_bytes()).hexdigest() == file.sha256
    )


def nothing_is_there(store: Store, file: File) -> bool:
    return not store.path(file.sha256).exists() and not list(store.root.glob(f"partial/*/{file.sha256}"))


def other(file: File, **changes: object) -> File:
    return File(**{**vars(file), **changes})  # type: ignore[arg-type]


# What comes


@pytest.mark.slow
def test_all_files_come_and_are_what_was_locked(index: Index, store: Store, indexes: Indexes) -> None:
    files = [offer(index, f"acorn{number}-1.0-py3-none-any.whl", number * 50_000) for number in range(30)]

    fetch(files, store, indexes, patience=QUICK)

    assert all(holds(store, file) for file in files)
    assert not list(store.root.glob("partial/*/*"))


def test_what_is_in_the_store_is_not_asked_for_again(index: Index, store: Store, indexes: Indexes) -> None:
    one, two = offer(index), offer(index, "oak-1.0.tar.gz")
    fetch([one], store, indexes, patience=QUICK)
    fetch([one, two, one], store, indexes, patience=QUICK)

    assert len(index.asked(one.name)) == len(index.asked(two.name)) == 1


def test_a_line_tells_the_plan_first(
    index: Index, store: Store, indexes: Indexes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hephaestus")
    one, two = offer(index, size=2_000_000), offer(index, "oak-1.0-py3-none-any.whl", 10_400_000)

    fetch([one], store, indexes, patience=QUICK)
    fetch([one, two], store, indexes, patience=QUICK)
    fetch([one, two], store, indexes, patience=QUICK)

    plans = [line for line in caplog.messages if "already" in line]
    assert plans == [
        "1 wheel, 2.0 MB, 0 MB of them here already",
        "2 wheels, 12 MB, 2.0 MB of them here already",
        "2 wheels, 12 MB, 12 MB of them here already",
    ]
    assert caplog.messages[0] == plans[0]


@pytest.mark.slow
def test_progress_is_told_while_files_come(
    tmp_path: Path, store: Store, indexes: Indexes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hephaestus")
    (tmp_path / "files").mkdir()
    with Index(tmp_path / "files", rate=6e6) as index:
        fetch([offer(index, size=5_000_000)], store, indexes, patience=QUICK)

    progress = [line for line in caplog.messages if line.endswith("MB/s")]
    assert 1 <= len(progress) <= 4
    assert " of 5.0 MB, " in progress[0]


def test_the_biggest_file_comes_first(index: Index, store: Store, indexes: Indexes) -> None:
    files = [offer(index, f"acorn{size}-1.0-py3-none-any.whl", size) for size in (10, 3000, 200)]

    fetch(files, store, indexes, threads=1, patience=QUICK)

    assert [request.path.rpartition("/")[2] for request in index.requests] == [
        files[1].name, files[2].name, files[0].name,
    ]  # fmt: skip


def test_files_of_this_machine_are_copied_and_not_linked(index: Index, store: Store, indexes: Indexes) -> None:
    one, two = offer(index), offer(index, "oak-1.0.tar.gz")
    path = index.directory / one.name

    fetch([other(one, url=str(path)), other(two, url=(index.directory / two.name).as_uri())], store, indexes)

    assert holds(store, one)
    assert holds(store, two)
    path.write_bytes(b"changed")
    assert holds(store, one)


def test_a_file_of_this_machine_that_is_gone_or_another_is_named(
    store: Store, indexes: Indexes, tmp_path: Path
) -> None:
    (tmp_path / "acorn-1.0.tar.gz").write_bytes(b"other")
    for name, reason in (("acorn-1.0.tar.gz", "this machine is not the file"), ("oak-1.0.tar.gz", "cannot be read")):
        with pytest.raises(VerificationFailed, match=reason):
            fetch([File(name, "a" * 64, str(tmp_path / name))], store, indexes)


# Files without a URL


def test_files_without_a_url_are_found_by_their_hash(
    index: Index, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", index.url)
    files = [offer(index, f"acorn{number}-1.0-py3-none-any.whl") for number in range(5)]
    index.faults = {files[3].name: Fault(yanked="it leaks")}

    fetch([other(file, url=None, size=None) for file in files], store, configured(tmp_path), patience=QUICK)

    assert all(holds(store, file) for file in files)
    assert [record.message for record in caplog.records if record.levelno == logging.WARNING] == [
        f"{files[3].name} is yanked: it leaks"
    ]


def test_a_file_no_index_has_is_named_with_its_hash(
    index: Index, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", index.url)
    gone = other(offer(index), url=None, sha256="b" * 64)

    with pytest.raises(VerificationFailed, match=f"{gone.name} .*{gone.sha256}.* deleted") as caught:
        fetch([gone], store, configured(tmp_path), patience=QUICK)
    assert caught.value.hint == "python -m pip index versions acorn"


# What is wrong


@pytest.mark.parametrize("size", [None, 700_000])
def test_another_file_under_the_same_name_is_refused_with_both_hashes(
    index: Index, store: Store, indexes: Indexes, size: int | None
) -> None:
    file = other(offer(index), size=size)
    wrong = b"x" * 700_000
    index.faults = {file.name: Fault(wrong=wrong)}

    with pytest.raises(VerificationFailed) as caught:
        fetch([file], store, indexes, patience=QUICK)

    for part in (file.name, file.sha256, hashlib.sha256(wrong).hexdigest(), "127.0.0.1"):
        assert part in caught.value.message
    assert "sha256sum" in str(caught.value.hint)
    assert nothing_is_there(store, file)


def test_a_file_of_another_length_is_refused_before_it_comes(index: Index, store: Store, indexes: Indexes) -> None:
    file = offer(index)
    index.faults = {file.name: Fault(wrong=b"x" * 700_001)}

    with pytest.raises(VerificationFailed, match="has 700001 bytes, locked are 700000"):
        fetch([file], store, indexes, patience=QUICK)
    assert nothing_is_there(store, file)


def test_a_server_that_does_not_stop_is_cut_off(index: Index, store: Store, indexes: Indexes) -> None:
    file = offer(index)
    index.faults = {file.name: Fault(longer=b"x" * 300_000)}

    with pytest.raises(VerificationFailed, match="more than 700000 bytes"):
        fetch([file], store, indexes, patience=QUICK)
    assert nothing_is_there(store, file)


@pytest.mark.parametrize("status", [404, 410])
def test_a_deleted_file_is_named(index: Index, store: Store, indexes: Indexes, status: int) -> None:
    file = offer(index)
    index.faults = {file.name: Fault(status=status)}

    with pytest.raises(VerificationFailed, match=rf"acorn-1\.0-py3-none-any\.whl was deleted .*{status}"):
        fetch([file], store, indexes, patience=QUICK)
    assert len(index.requests) == 1


def test_all_that_is_wrong_is_told_together_and_the_rest_is_kept(index: Index, store: Store, indexes: Indexes) -> None:
    files = [offer(index, f"acorn{number}-1.0-py3-none-any.whl", 1000) for number in range(12)]
    index.faults = {file.name: Fault(status=404) for file in files[:7]} | {files[7].name: Fault(status=418)}

    with pytest.raises(VerificationFailed) as caught:
        fetch(files, store, indexes, patience=QUICK)

    assert caught.value.message.count("deleted") == 5
    assert caught.value.message.endswith("and 2 more")
    assert all(holds(store, file) for file in files[8:])


# What passes


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(index: Index, store: Store, indexes: Indexes, status: int) -> None:
    file = offer(index)
    index.faults = {file.name: Fault(times=3, status=status)}

    fetch([file], store, indexes, patience=QUICK)

    assert holds(store, file)
    assert len(index.requests) == 4


def test_a_server_that_says_when_to_come_again_is_heeded(index: Index, store: Store, indexes: Indexes) -> None:
    file = offer(index)
    index.faults = {file.name: Fault(times=1, status=429, headers={"Retry-After": "0"})}

    begun = time.monotonic()
    fetch([file], store, indexes, patience=Patience(pause=20))

    assert holds(store, file)
    assert time.monotonic() - begun < 10


def test_a_server_that_asks_for_a_day_is_not_waited_for_so_long(index: Index, store: Store, indexes: Indexes) -> None:
    file = offer(index)
    index.faults = {file.name: Fault(times=1, status=503, headers={"Retry-After": "Fri, 31 Dec 2100 23:59:59 GMT"})}

    fetch([file], store, indexes, patience=Patience(longest=0.01))

    assert holds(store, file)


def test_a_server_that_stays_busy_is_given_up(index: Index, store: Store, indexes: Indexes) -> None:
    one, two = offer(index), offer(index, "oak-1.0.tar.gz")
    index.faults = {one.name: Fault(status=503)}

    with pytest.raises(CouldNotRun, match="503 Service Unavailable\n1 of 2 files are here already; the same command"):
        fetch([one, two], store, indexes, patience=QUICK)
    assert len(index.asked(one.name)) == 4


def test_a_cut_connection_goes_on_where_it_was_cut(index: Index, store: Store, indexes: Indexes) -> None:
    file = offer(index)
    index.faults = {file.name: Fault(times=2, cut=300_000)}

    fetch([file], store, indexes, patience=QUICK)

    assert holds(store, file)
    ranges = [request.headers.get("Range") for request in index.requests]
    assert ranges[0] is None
    assert len(ranges) == 3
    assert 0 < int(str(ranges[1])[6:-1]) < int(str(ranges[2])[6:-1])


def test_a_line_that_is_cut_again_and_again_brings_the_file_in_the_end(
    index: Index, store: Store, indexes: Indexes
) -> None:
    file = offer(index, size=9_000_000)
    index.faults = {file.name: Fault(cut=2_000_000)}

    fetch([file], store, indexes, patience=Patience(again=1, pause=0))

    assert holds(store, file)


def test_a_server_that_stalls_is_left_and_asked_again(index: Index, store: Store, indexes: Indexes) -> None:
    file = offer(index)
    index.faults = {file.name: Fault(times=1, cut=300_000, stalls=True)}

    fetch([file], store, indexes, patience=Patience(timeout=0.2, pause=0))

    assert holds(store, file)


# What was kept


@pytest.mark.parametrize("part", [1, 300_000, 699_999])
def test_a_killed_download_goes_on_where_it_was(index: Index, store: Store, indexes: Indexes, part: int) -> None:
    file = offer(index)
    keep(store, file, bytes_of(file, index)[:part])

    fetch([file], store, indexes, patience=QUICK)

    assert holds(store, file)
    assert [request.headers["Range"] for request in index.requests] == [f"bytes={part}-"]


def test_a_download_killed_at_its_very_end_asks_for_nothing(index: Index, store: Store, indexes: Indexes) -> None:
    file = offer(index)
    keep(store, file, bytes_of(file, index))

    fetch([file], store, indexes, patience=QUICK)

    assert holds(store, file)
    assert index.requests == []


@pytest.mark.parametrize("size", [None, 700_000])
@pytest.mark.parametrize("kept", [b"x" * 1000, b"x" * 700_000, b"x" * 800_000])
def test_a_damaged_part_is_thrown_away(
    index: Index, store: Store, indexes: Indexes, kept: bytes, size: int | None
) -> None:
    file = other(offer(index), size=size)
    keep(store, file, kept)

    fetch([file], store, indexes, patience=QUICK)

    assert holds(store, file)


@pytest.mark.parametrize("fault", [Fault(no_range=True), Fault(times=1, wrong_range=True), Fault(times=1, status=416)])
def test_a_server_that_cannot_go_on_begins_again(index: Index, store: Store, indexes: Indexes, fault: Fault) -> None:
    file = offer(index)
    keep(store, file, bytes_of(file, index)[:1000])
    index.faults = {file.name: Fault(**vars(fault))}

    fetch([file], store, indexes, patience=QUICK)

    assert holds(store, file)


def test_a_server_that_is_busy_costs_nothing_of_what_was_kept(index: Index, store: Store, indexes: Indexes) -> None:
    file = offer(index)
    keep(store, file, bytes_of(file, index)[:300_000])
    index.faults = {file.name: Fault(times=1, status=503)}

    fetch([file], store, indexes, patience=QUICK)

    assert [request.headers["Range"] for request in index.requests] == ["bytes=300000-"] * 2


@pytest.mark.slow
def test_two_processes_that_fetch_the_same_files_do_not_disturb_each_other(
    index: Index, store: Store, tmp_path: Path
) -> None:
    files = [offer(index, f"acorn{number}-1.0-py3-none-any.whl", 300_000) for number in range(20)]

    both = [fetching(store, files, tmp_path) for _ in range(2)]

    assert [(process.communicate()[1].decode(), process.returncode) for process in both] == [("", 0)] * 2
    assert all(holds(store, file) for file in files)


def fetching(store: Store, files: list[File], root: Path) -> subprocess.Popen[bytes]:
    program = (
        "import sys; from pathlib import Path; from hephaestus.wheelhouse import fetch, index, locks, store\n"
        f"files = [locks.File(*each) for each in {[tuple(vars(file).values()) for file in files]!r}]\n"
        "fetch.fetch(files, store.Store(Path(sys.argv[1])), index.configured(Path(sys.argv[2])))\n"
    )
    return subprocess.Popen([sys.executable, "-c", program, store.root, root], stderr=subprocess.PIPE)


@pytest.mark.skipif(os.name == "nt", reason="signals are of another kind there")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.slow
def test_an_interrupted_download_ends_at_once_and_goes_on_later(
    index: Index, store: Store, indexes: Indexes, tmp_path: Path, ending: signal.Signals
) -> None:
    files = [offer(index, f"acorn{number}-1.0-py3-none-any.whl") for number in range(3)]
    index.faults = {file.name: Fault(times=1, cut=300_000, stalls=True) for file in files}

    with fetching(store, files, tmp_path) as process:
        while len(index.requests) < 3 or not parts(store):
            assert process.poll() is None
            threading.Event().wait(0.01)
        begun = time.monotonic()
        process.send_signal(ending)
        process.communicate()

    assert time.monotonic() - begun < 3
    assert process.returncode
    kept = parts(store)
    fetch(files, store, indexes, patience=QUICK)
    assert all(holds(store, file) for file in files)
    assert {request.headers["Range"] for request in index.requests[3:] if "Range" in request.headers} == {
        f"bytes={size}-" for size in kept
    }


def parts(store: Store) -> set[int]:
    return {path.stat().st_size for path in store.root.glob("partial/*/*")} - {0}


# Servers and secrets


@pytest.fixture
def as_robin(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index is configured with a name and a password."""
    monkeypatch.setenv("PIP_INDEX_URL", index.url.replace("//", "//robin:hunter2@"))


def test_a_server_that_wants_a_password_gets_it(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "files").mkdir()
    with Index(tmp_path / "files", credentials=("robin", "secret")) as index:
        monkeypatch.setenv("PIP_INDEX_URL", index.url.replace("//", "//robin:secret@"))
        file = offer(index)
        fetch([file], store, configured(tmp_path), patience=QUICK)

    assert holds(store, file)


@pytest.mark.usefixtures("as_robin")
@pytest.mark.parametrize("status", [401, 403])
def test_a_server_that_refuses_is_named_without_the_secret(
    index: Index, store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    caplog.set_level(logging.DEBUG)
    file = offer(index)
    file = other(file, url=f"{str(file.url).replace('//', '//robin:hunter2@')}?token=hunter2")
    index.faults = {file.name: Fault(status=status)}

    with pytest.raises(CouldNotRun, match="missing or wrong") as caught:
        fetch([file], store, configured(tmp_path), patience=QUICK)

    assert "machine 127.0.0.1 login" in str(caught.value.hint)
    assert "hunter2" not in f"{caught.value} {caught.value.hint} {caplog.text}"


def test_a_redirect_is_followed_and_tells_no_secret_to_another_server(
    index: Index, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", index.url.replace("//", "//robin:secret@"))
    file = offer(index)
    with Index(index.directory) as elsewhere:
        index.faults = {file.name: Fault(redirect=elsewhere.origin)}
        fetch([file], store, configured(tmp_path), patience=QUICK)
        assert "Authorization" in index.requests[0].headers
        assert "Authorization" not in elsewhere.requests[0].headers

    assert holds(store, file)


@pytest.mark.parametrize("target", ["loop", "file:///etc", "http://[", "ftp://127.0.0.1"])
def test_a_redirect_to_nowhere_ends(index: Index, store: Store, indexes: Indexes, target: str) -> None:
    file = offer(index)
    index.faults = {file.name: Fault(redirect=index.origin if target == "loop" else target)}

    with pytest.raises(CouldNotRun, match=r"acorn-1\.0-py3-none-any\.whl could not be fetched"):
        fetch([file], store, indexes, patience=QUICK)


@pytest.mark.slow
def test_an_unreachable_server_is_not_waited_for_once_for_every_file(
    index: Index, store: Store, indexes: Indexes
) -> None:
    here = offer(index)
    fetch([here], store, indexes, patience=QUICK)
    away = [File(f"oak{number}-1.0.tar.gz", f"{number:064}", f"http://127.0.0.1:9/{number}") for number in range(200)]

    begun = time.monotonic()
    with pytest.raises(CouldNotRun, match="1 of 201 files are here already; the same command goes on") as caught:
        fetch([here, *away], store, indexes, patience=Patience(pause=0.05))

    assert time.monotonic() - begun < 3
    assert str(caught.value.hint).startswith("curl -sSI http://127.0.0.1:9/")


@pytest.mark.parametrize("url", ["http://", "https://[", "http://127.0.0.1:99999/x", "http://a b/x", "http://.../x"])
def test_an_address_that_is_none_is_named(store: Store, indexes: Indexes, url: str) -> None:
    with pytest.raises(CouldNotRun, match="could not be fetched"):
        fetch([File("acorn-1.0.tar.gz", "a" * 64, url)], store, indexes, patience=QUICK)


@pytest.mark.parametrize(
    "url", ["https://u:secret@h.org/a?secret#secret", "https://secret@h.org/a", "https://a:sec@ret@h.org/a?secret@"]
)
def test_a_url_is_shown_without_what_may_be_secret(url: str) -> None:
    assert shown(url) == "https://h.org/a"


# TLS and proxies


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for this machine that nobody trusts."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not here to make a certificate")
    where = tmp_path_factory.mktemp("certificate")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "own.pem"],
        cwd=where, check=True, capture_output=True,
    )  # fmt: skip
    both = where / "both.pem"
    both.write_bytes((where / "key.pem").read_bytes() + (where / "own.pem").read_bytes())
    return both


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificate is one that pip is told to trust."""
    monkeypatch.setenv("PIP_CERT", str(certificate.with_name("own.pem")))


@pytest.fixture
def secure(tmp_path: Path, certificate: Path) -> Iterator[Index]:
    (tmp_path / "secure").mkdir()
    with Index(tmp_path / "secure", certificate=certificate) as index:
        yield index


def test_a_server_with_a_certificate_nobody_trusts_is_refused_at_once(
    secure: Index, store: Store, indexes: Indexes
) -> None:
    with pytest.raises(CouldNotRun, match="is not trusted"):
        fetch([offer(secure)], store, indexes, patience=Patience(pause=20))
    assert secure.requests == []


@pytest.mark.parametrize("name", ["PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_a_certificate_of_ones_own_is_trusted(
    secure: Index, store: Store, certificate: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, str(certificate.with_name("own.pem")))
    file = offer(secure)

    fetch([file], store, configured(secure.directory), patience=QUICK)

    assert holds(store, file)


def test_a_trusted_host_is_not_checked(
    secure: Index, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_TRUSTED_HOST", secure.origin.removeprefix("https://"))
    file = offer(secure)

    fetch([file], store, configured(tmp_path), patience=QUICK)

    assert holds(store, file)


def test_a_certificate_that_is_no_file_is_named(
    secure: Index, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_CERT", "/no/such.pem")

    with pytest.raises(CouldNotRun, match=r"certificates in /no/such\.pem cannot be used"):
        fetch([offer(secure)], store, configured(tmp_path), patience=QUICK)


@pytest.mark.usefixtures("trusted")
def test_a_redirect_from_https_to_http_tells_no_secret(
    secure: Index, index: Index, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login robin password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    file = offer(secure)
    offer(index)
    secure.faults = {file.name: Fault(redirect=index.origin)}

    fetch([file], store, configured(tmp_path), patience=QUICK)

    assert "Authorization" in secure.requests[0].headers
    assert "Authorization" not in index.requests[0].headers


@pytest.mark.usefixtures("trusted")
def test_a_proxy_is_used_for_http_and_tunnelled_through_for_https(
    secure: Index, index: Index, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, hidden = offer(index), offer(secure, "oak-1.0.tar.gz")
    with Proxy() as proxy:
        monkeypatch.setenv("http_proxy", f"http://robin:secret@{proxy.host}")
        monkeypatch.setenv("https_proxy", proxy.host)
        fetch([plain, hidden], store, configured(tmp_path), patience=QUICK)

    asked = {request.path: request.headers for request in proxy.requests}
    assert set(asked) == {plain.url, secure.origin.removeprefix("https://")}
    assert asked[str(plain.url)]["Proxy-Authorization"].startswith("Basic ")
    assert holds(store, plain)
    assert holds(store, hidden)


def test_a_proxy_is_passed_by_where_the_environment_says_so(
    index: Index, store: Store, indexes: Indexes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    fetch([offer(index)], store, indexes, patience=QUICK)


def test_a_proxy_of_an_unknown_kind_is_named(
    index: Index, store: Store, indexes: Indexes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "socks5://robin:secret@127.0.0.1:9")

    with pytest.raises(CouldNotRun, match=r"the proxy socks5://127\.0\.0\.1:9"):
        fetch([offer(index)], store, indexes, patience=QUICK)


# The disk


@pytest.mark.skipif(os.name == "nt", reason="there is no limit on the size of files there")
def test_a_full_disk_is_named_and_leaves_nothing_that_looks_whole(index: Index, store: Store, indexes: Indexes) -> None:
    import resource

    file = offer(index)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, before[1]))
    try:
        with pytest.raises(CouldNotRun, match="nothing can be written to the store") as caught:
            fetch([file], store, indexes, patience=QUICK)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert str(caught.value.hint).startswith("df -h ")
    assert not store.path(file.sha256).exists()
    fetch([file], store, indexes, patience=QUICK)
    assert holds(store, file)


# Names of anybody


@pytest.mark.parametrize(
    ("fault", "command"),
    [
        (Fault(wrong=b"other bytes"), "curl -sSLI "),
        (Fault(wrong=b"x" * 700_000), "curl -sSL "),
        (Fault(status=404), "python -m pip "),
        (Fault(status=403), "echo "),
        (Fault(status=500), "curl -sSI "),
    ],
)
def test_no_name_and_no_address_runs_a_command_of_its_own_where_a_hint_is_pasted(
    index: Index, store: Store, indexes: Indexes, fault: Fault, command: str
) -> None:
    name = "a;touch${IFS}PWNED;$(id)`id`'-1.0.tar.gz"
    place = "x;touch$IFS'PWNED;$(id)"
    file = other(offer(index, place), name=name)
    index.faults[place] = fault

    with pytest.raises((VerificationFailed, CouldNotRun)) as caught:
        fetch([file], store, indexes, patience=Patience(timeout=5, again=0))

    assert str(caught.value.hint).startswith(command)
    words = shlex.shlex(str(caught.value.hint), posix=True, punctuation_chars=True)
    words.whitespace_split = True
    assert not {";", "&", "(", ")", "touch"} & set(words)


@pytest.mark.parametrize("url", [None, "/nowhere/x;touch PWNED'/b"])
def test_a_file_of_a_hostile_name_that_is_nowhere_is_told_of_with_a_harmless_hint(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch, url: str | None
) -> None:
    (tmp_path / "links").mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "links"))

    with pytest.raises(VerificationFailed) as caught:
        fetch([File("a;touch PWNED;-1.0.tar.gz", "0" * 64, url)], store, configured(tmp_path), patience=QUICK)

    subprocess.run(str(caught.value.hint), shell=True, cwd=tmp_path, check=False, capture_output=True, env={"PATH": ""})
    assert shlex.split(str(caught.value.hint))[-1] in {"a;touch pwned;", "/nowhere/x;touch PWNED'/b"}
