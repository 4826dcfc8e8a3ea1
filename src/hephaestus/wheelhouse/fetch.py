"""Files of a lock brought into the store: many at once, each checked while it comes, carried on after any end."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import shlex
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, TypeVar
from urllib.parse import urlsplit

from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename

from hephaestus.errors import CouldNotRun, HephaestusError, VerificationFailed
from hephaestus.wheelhouse.connection import Answer, Patience, Session, Trouble, origin, shown
from hephaestus.wheelhouse.index import Indexes, denied, local
from hephaestus.wheelhouse.locks import File
from hephaestus.wheelhouse.store import Store

__all__ = ["fetch"]

_Job = TypeVar("_Job")

_MOST_THREADS = 16  # more connections make a line slower, not faster
_WHOLE, _PART, _NO_SUCH_PART = 200, 206, 416
_BLOCK = 256 << 10
_LARGEST = 8 << 30
_WORTH_ANOTHER_TRY = 1 << 20
_NAMED = 5
_TICK = 0.3

log = logging.getLogger("hephaestus")


def fetch(
    files: Iterable[File], store: Store, indexes: Indexes, *, threads: int = 8, patience: Patience | None = None
) -> None:
    """Bring files into the store, with a line for the plan and lines for the progress in the log.

    Files without a URL are looked up in the indexes by name and sha256. What is in the store is not asked for again,
    and what came before an error, Ctrl-C or a kill is kept: the same call goes on from there. Files that cannot be
    had do not keep the others from coming; all are told of in one error.

    Raises `VerificationFailed` for a file that is not what was locked, or is gone, and `CouldNotRun` where an
    index does not answer or asks for a password, or the disk is full.
    """
    unique = list({file.sha256: file for file in sorted(files, key=lambda file: file.url is not None)}.values())
    missing = [file for file in unique if not store.holds(file.sha256, file.size)]
    if missing:
        threads = max(1, min(threads, _MOST_THREADS))
        with store.downloads() as folder:
            run = _Run(unique, store, indexes, folder, patience or Patience())
            found = run.located(missing, threads)
            _plan(unique, found, store)
            run.downloaded(found, threads)
    else:
        _plan(unique, [], store)


def _plan(files: Sequence[File], missing: Sequence[File], store: Store) -> None:
    """Say what there is to do, in a line."""
    absent = {file.sha256 for file in missing}
    here = sum(store.path(file.sha256).stat().st_size for file in files if store.holds(file.sha256, file.size))
    coming = sum(file.size or 0 for file in missing)
    kind = "wheel" if all(file.name.endswith(".whl") for file in files) else "file"
    count = f"{len(files)} {kind}{'' if len(files) == 1 else 's'}"
    if any(file.size is None for file in missing):
        log.info("%s, %d of them here already", count, len(files) - len(absent))
    else:
        log.info("%s, %s MB, %s MB of them here already", count, _megabytes(here + coming), _megabytes(here))


@dataclass
class _Progress:
    """How far a run has come; written by all its threads, read by the one that waits for them."""

    total: int = 0
    received: int = 0
    failures: list[HephaestusError] = field(default_factory=list)
    alive: set[str] = field(default_factory=set)
    dead: dict[str, str] = field(default_factory=dict)
    stopped: threading.Event = field(default_factory=threading.Event)
    sessions: list[Session] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def add(self, count: int) -> None:
        with self._guard:
            self.received += count

    def wait(self, seconds: float = 0) -> None:
        """Wait between two tries, or not at all; raises `_Stopped` where the run is over."""
        if self.stopped.wait(seconds):
            raise _Stopped

    def stop(self) -> None:
        self.stopped.set()
        for session in self.sessions:
            session.interrupt()


class _Stopped(Exception):
    """The run is over, whatever a thread is still doing."""


@dataclass(frozen=True)
class _Run:
    """One call of `fetch`: where to, where from, and how far it has come."""

    files: Sequence[File]
    store: Store
    indexes: Indexes
    folder: Path
    patience: Patience
    progress: _Progress = field(default_factory=_Progress)

    def located(self, files: Sequence[File], threads: int) -> list[File]:
        """Return the files with a URL for each, the biggest first."""
        nameless = [file for file in files if file.url is None]
        found = [file for file in files if file.url is not None]
        if nameless:
            log.info("looking up %d files in the index", len(nameless))
            self._in_parallel(nameless, threads, lambda file, _session: found.append(self._located(file)))
            self._judge()
        return sorted(found, key=lambda file: (-(file.size or 0), file.name))

    def downloaded(self, files: Sequence[File], threads: int) -> None:
        """Bring all files into the store."""
        self.progress.total = sum(file.size or 0 for file in files)
        self._in_parallel(files, threads, self._download)
        self._judge()

    def _in_parallel(self, jobs: Sequence[_Job], threads: int, work: Callable[[_Job, Session], None]) -> None:
        """Do the work for all jobs, in their order; failures are collected, and only a full disk ends it early.

        The threads are daemons, and this one only waits: Ctrl-C ends the run at once.
        """
        queue = iter(jobs)
        guard = threading.Lock()
        crew = [
            threading.Thread(target=self._work, args=(queue, guard, work), daemon=True)
            for _ in range(min(threads, len(jobs)))
        ]
        try:
            for worker in crew:
                worker.start()
            self._watch(crew)
        except BaseException:
            self.progress.stop()
            for worker in crew:
                worker.join(0.5)
            raise

    def _work(self, queue: Iterator[_Job], guard: threading.Lock, work: Callable[[_Job, Session], None]) -> None:
        session = self.indexes.session(self.patience.timeout)
        self.progress.sessions.append(session)
        while not self.progress.stopped.is_set():
            with guard:
                job = next(queue, None)
            if job is None:
                break
            try:
                work(job, session)
            except _Stopped:
                break
            except HephaestusError as error:
                self.progress.failures.append(error)
            except OSError as error:  # those of the net are told apart where they happen
                hint = f"df -h {shlex.quote(str(self.store.root))}"
                self.progress.failures.append(CouldNotRun(f"nothing can be written to the store: {error}", hint))
                self.progress.stopped.set()
            except Exception as error:  # noqa: BLE001  (a mistake of ours must not look like a success)
                mistake = HephaestusError(f"{type(error).__name__}: {error}")
                mistake.__cause__ = error
                self.progress.failures.append(mistake)
        session.close()

    def _watch(self, crew: Sequence[threading.Thread]) -> None:
        """Wait for the threads and say how far they are, a few times a second."""
        begun = time.monotonic()
        said = begun
        for worker in crew:
            while worker.is_alive():
                worker.join(_TICK)
                moment = time.monotonic()
                if moment - said >= _TICK and self.progress.received:
                    said = moment
                    self._say(moment - begun)

    def _say(self, seconds: float) -> None:
        done, total = self.progress.received, self.progress.total
        of = f"{_megabytes(done)} of {_megabytes(total)} MB" if total >= done else f"{_megabytes(done)} MB"
        log.info("%s, %s MB/s", of, _megabytes(int(done / seconds)))

    def _judge(self) -> None:
        """Raise what went wrong, all of it in one error: what can never succeed before what may."""
        failures = self.progress.failures
        if not failures:
            return
        severe = [each for each in failures if isinstance(each, VerificationFailed)] or failures
        named = list(dict.fromkeys(each.message for each in severe))
        text = "\n".join(named[:_NAMED])
        if len(named) > _NAMED:
            text += f"\nand {len(named) - _NAMED} more"
        if not isinstance(severe[0], VerificationFailed):
            here = sum(self.store.holds(file.sha256, file.size) for file in self.files)
            text += f"\n{here} of {len(self.files)} files are here already; the same command goes on"
        raise type(severe[0])(text, severe[0].hint) from severe[0]

    def _located(self, file: File) -> File:
        """Return a file with the URL and size that an index has for it."""
        project = _project(file)
        offered = [each for each in self.indexes.files(project) if each.file.sha256 == file.sha256]
        if not offered:
            unhashed = file.name in self.indexes.unhashed(project)
            reason = "is there without a sha256" if unhashed else "is not there, or was deleted"
            raise VerificationFailed(
                f"{file.name} (sha256 {file.sha256}) cannot be found in the configured indexes: it {reason}",
                f"python -m pip index versions {shlex.quote(project)}",
            )
        if offered[0].yanked is not None:
            log.warning("%s is yanked: %s", file.name, offered[0].yanked or "no reason is given")
        return replace(file, url=offered[0].file.url, size=file.size or offered[0].file.size)

    def _download(self, file: File, session: Session) -> None:
        """Bring one file into the store; what was kept of it is thrown away where it turns out to be wrong."""
        if self.store.holds(file.sha256, file.size):  # another process was faster
            return
        partial = self.folder / file.sha256
        kept = partial.stat().st_size if partial.exists() else 0
        try:
            found = self._tried(file, partial, session)
            if found != file.sha256 and kept:
                partial.unlink()
                found = self._tried(file, partial, session)
            if found != file.sha256:
                raise _differs(file, found)
        except VerificationFailed:
            partial.unlink(missing_ok=True)
            raise
        self.store.adopt(partial, file.sha256)

    def _tried(self, file: File, partial: Path, session: Session) -> str:
        """Write a file's bytes and return their sha256, with as many tries as there is patience for."""
        url = file.url or ""
        if not url.startswith(("http:", "https:")):
            return self._copied(file, partial)
        place = ""
        try:
            place = origin(url)
            if place in self.progress.dead:
                raise _unreachable(file, self.progress.dead[place])
            found = self.patience.with_(lambda: self._streamed(file, partial, session), self.progress.wait)
        except Trouble as trouble:
            self.progress.wait()
            if trouble.silent and place not in self.progress.alive:
                self.progress.dead[place] = str(trouble)  # so that a hundred files do not each wait for it
            raise _failed(file, trouble) from trouble
        self.progress.alive.add(place)
        return found

    def _streamed(self, file: File, partial: Path, session: Session) -> str:
        """Ask for what is missing of a file, write it, and return the sha256 of the whole."""
        hasher, kept = _kept(partial, file.size)
        if kept and kept == file.size:
            return hasher.hexdigest()
        headers = {"Range": f"bytes={kept}-"} if kept else {}
        with session.get(file.url or "", headers) as answer:
            if not _goes_on(answer, kept):
                if answer.status in {_PART, _NO_SUCH_PART}:
                    partial.unlink(missing_ok=True)
                    raise Trouble("the server gives another part than the rest", again=True, wait=0)
                answer.demand(_WHOLE)
                partial.unlink(missing_ok=True)
                hasher, kept = hashlib.sha256(), 0
            length = answer.length()
            if length is not None and file.size not in {None, kept + length}:
                raise _other_size(file, f"{kept + length} bytes")
            try:
                with partial.open("ab", buffering=0) as into:
                    self._stream(answer, into, hasher, file, kept)
            except Trouble as trouble:
                trouble.gained = partial.stat().st_size - kept >= _WORTH_ANOTHER_TRY
                raise
        return hasher.hexdigest()

    def _stream(self, answer: Answer, into: BinaryIO, hasher: hashlib._Hash, file: File, done: int) -> None:
        """Write and hash what follows the bytes that are `done`; raises `Trouble` where it ends too early."""
        length = answer.length()
        end = file.size if length is None else done + length
        limit = _LARGEST if end is None else end
        block = memoryview(bytearray(_BLOCK))
        while count := answer.readinto(block):
            self.progress.wait()
            done += count
            if done > limit:
                raise _other_size(file, f"more than {limit} bytes")
            hasher.update(block[:count])
            _write(into, block[:count])
            self.progress.add(count)
        if end is not None and done < end:
            raise Trouble("the connection was cut", again=True)

    def _copied(self, file: File, partial: Path) -> str:
        """Copy a file of this machine; a link would let changes of the original into the store."""
        hasher = hashlib.sha256()
        path = local(file.url or "")
        try:
            source = path.open("rb")
        except OSError as error:
            raise VerificationFailed(
                f"{file.name} cannot be read from {path}: {error}", f"ls -l {shlex.quote(str(path))}"
            ) from error
        with source, partial.open("wb", buffering=0) as into:
            while block := source.read(_BLOCK):
                hasher.update(block)
                _write(into, memoryview(block))
                self.progress.add(len(block))
        return hasher.hexdigest()


def _kept(partial: Path, size: int | None) -> tuple[hashlib._Hash, int]:
    """Return the hash and the length of the part that is here already; one that is too long is none."""
    hasher = hashlib.sha256()
    length = 0
    with contextlib.suppress(FileNotFoundError), partial.open("rb") as file:
        while block := file.read(_BLOCK):
            hasher.update(block)
            length += len(block)
    if size is None or length <= size:
        return hasher, length
    partial.unlink()
    return hashlib.sha256(), 0


def _goes_on(answer: Answer, kept: int) -> bool:
    """Tell whether an answer is the rest of a file, and not all of it (RFC 9110, 14.4)."""
    return answer.headers.get("Content-Range", "").startswith(f"bytes {kept}-") and answer.status == _PART


def _write(into: BinaryIO, block: memoryview) -> None:
    """Write all of a block: a nearly full disk takes a part of it first."""
    while block:
        block = block[into.write(block) :]


def _project(file: File) -> str:
    try:
        return (parse_wheel_filename if file.name.endswith(".whl") else parse_sdist_filename)(file.name)[0]
    except (InvalidWheelFilename, InvalidSdistFilename) as error:
        raise VerificationFailed(f"{file.name[:200]!r} is the name of no wheel and no sdist", "git status") from error


def _differs(file: File, found: str) -> VerificationFailed:
    url = file.url or ""
    return VerificationFailed(
        f"{file.name} from {_host(url)} is not the file that was locked: its sha256 is {found},"
        f" locked is {file.sha256}",
        f"curl -sSL {_quoted(url)} | sha256sum" if "://" in url else f"sha256sum {_quoted(url)}",
    )


def _other_size(file: File, size: str) -> VerificationFailed:
    url = file.url or ""
    return VerificationFailed(
        f"{file.name} from {_host(url)} is not the file that was locked: it has {size}, locked are {file.size} bytes"
        f" with the sha256 {file.sha256}",
        f"curl -sSLI {_quoted(url)}",
    )


def _failed(file: File, trouble: Trouble) -> HephaestusError:
    """Return what trouble with a file means for the user."""
    url = file.url or ""
    if trouble.status in {401, 403}:
        return denied(url, trouble.status)
    if trouble.status in {404, 410}:
        return VerificationFailed(
            f"{file.name} was deleted from the index: {shown(url)} answers {trouble.status}",
            f"python -m pip index versions {shlex.quote(_project(file))}",
        )
    return _unreachable(file, str(trouble))


def _unreachable(file: File, reason: str) -> CouldNotRun:
    url = file.url or ""
    return CouldNotRun(f"{file.name} could not be fetched from {_host(url)}: {reason}", f"curl -sSI {_quoted(url)}")


def _host(url: str) -> str:
    with contextlib.suppress(ValueError):
        return urlsplit(url).hostname or "this machine"
    return "nowhere"


def _quoted(url: str) -> str:
    """Return a URL or path as a word of a command; what is known of it may come from anybody."""
    return shlex.quote(shown(url))


def _megabytes(count: int) -> str:
    megabytes = count / 1e6
    return f"{megabytes:.0f}" if megabytes >= 10 or not count else f"{megabytes:.1f}"  # noqa: PLR2004  (two digits)
