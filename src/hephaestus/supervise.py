"""Running programs that may hang, flood, kill their parent or leave others behind, so that nothing is left running.

Every process that comes from such a run carries a token of its own in its environment, by which it is found and ended
whatever it did to its parents, its session or its group.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from hephaestus.errors import CouldNotRun

if TYPE_CHECKING:
    import psutil

__all__ = ["Ended", "end_trees", "resume", "run", "stop", "together"]

_TOKEN = "HEPHAESTUS_RUN"  # noqa: S105  (the name of a variable that holds no secret)
# How much of each stream is kept: what comes first, and what comes last.
_FIRST, _LAST = 8 << 20, 1 << 20
_SECONDS_TO_TIDY_UP = 3.0
_SECONDS_TO_DIE = 0.005
_SECONDS_TO_READ = 1.0
# What runs now, by its token.
_running: dict[str, subprocess.Popen[bytes]] = {}
# Set while all is being ended.
_leaving = threading.Event()
# Stands between us and a program, so that one that kills its parent hits only this.
_BUFFER = """
import os, sys
process = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
sys.exit(code if code >= 0 else 128 - code)
"""


@dataclass(frozen=True)
class Ended:
    """How a program ended.

    `code` is its exit code, 128 and the number where a signal ended it, and `None` where it was ended because it took
    too long or because its parent was killed; `why` says which. `output` and `errors` are what it printed, without the
    middle where that is very long; `left` counts the processes it left running, which were ended.
    """

    code: int | None
    why: str
    output: str
    errors: str
    seconds: float
    left: int

    @property
    def said(self) -> str:
        """What it printed, standard error after standard output."""
        return "\n".join(text for text in (self.output.rstrip(), self.errors.rstrip()) if text)


class _Reader(threading.Thread):
    """Reads a stream to its end and keeps its first and its last bytes."""

    def __init__(self, stream: IO[bytes], on_line: Callable[[str], None] | None) -> None:
        super().__init__(daemon=True)
        self._stream, self._on_line = stream, on_line
        self._first, self._last = bytearray(), bytearray()
        self._left_out = 0
        self.start()

    def run(self) -> None:
        if self._on_line is None:
            while block := os.read(self._stream.fileno(), 1 << 16):
                self._keep(block)
            return
        for line in self._stream:
            self._keep(line)
            self._on_line(line.decode("utf-8", "surrogateescape").rstrip())

    def _keep(self, block: bytes) -> None:
        room = _FIRST - len(self._first)
        self._first += block[:room]
        self._last += block[room:] if room < len(block) else b""
        if len(self._last) > 2 * _LAST:
            self._left_out += len(self._last) - _LAST
            del self._last[:-_LAST]

    def text(self) -> str:
        gap = f"\n… {self._left_out} bytes are left out here …\n".encode() if self._left_out else b""
        return bytes(self._first + gap + self._last).decode("utf-8", "surrogateescape")


def run(  # noqa: PLR0913  (one place for all that a supervised program can be given)
    arguments: Sequence[str | Path],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    seconds: float,
    on_line: Callable[[str], None] | None = None,
    keep_open: Sequence[int] = (),
) -> Ended:
    """Run a program with an environment to its end, or end it and all it started after some seconds.

    `on_line` is called with each line of its standard output as it comes; `keep_open` are file descriptors it holds.
    It has no standard input and no terminal. Ctrl-C ends it and all it started.
    Raises `CouldNotRun` where the program does not exist.
    """
    words = [str(argument) for argument in arguments]
    before = [sys.executable, "-I", "-S", "-c", _BUFFER] if os.name == "posix" else []
    token = uuid.uuid4().hex
    begin = time.monotonic()
    _is_there(words[0], environment)
    with subprocess.Popen(  # noqa: S603  (an argument list, never a shell)
        [*before, *words],
        cwd=cwd,
        env={**environment, _TOKEN: token},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=tuple(keep_open) if os.name == "posix" else (),
        start_new_session=True,
    ) as process:
        assert process.stdout is not None  # both were asked for with PIPE
        assert process.stderr is not None
        readers = [_Reader(process.stdout, on_line), _Reader(process.stderr, None)]
        _running[token] = process
        try:
            why = "all was ended" if _leaving.is_set() else _wait(process, seconds)
            code = None if why or process.returncode < 0 else process.returncode
            left = 0 if why else len(_carrying(token))
        finally:
            del _running[token]
            _end(process, token)
        for reader in readers:
            reader.join(_SECONDS_TO_READ)
    why = why or ("its parent was killed" if code is None else "")
    output, errors = (reader.text() for reader in readers)
    return Ended(code, why, output, errors, time.monotonic() - begin, left)


def _is_there(program: str, environment: Mapping[str, str]) -> None:
    import shutil

    if shutil.which(program, path=environment.get("PATH")) is None:
        raise CouldNotRun(f"the program {program} is not installed", f"command -v {program}")


def _wait(process: subprocess.Popen[bytes], seconds: float) -> str:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return f"it had not ended after {seconds:g} s"
    return ""


def _end(process: subprocess.Popen[bytes], token: str) -> None:
    """End a program and all it started: politely first where it still runs."""
    if process.poll() is None:
        _signal_group(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_SECONDS_TO_TIDY_UP)
    _signal_group(process.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    while left := _carrying(token):  # one that is being made while we look is found the next time
        for each in left:
            _kill(each)
        time.sleep(_SECONDS_TO_DIE)
    process.kill()


def _signal_group(leader: int, number: int) -> None:
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, number)


@contextlib.contextmanager
def together() -> Iterator[None]:
    """End all that runs when this process is told to end or its terminal goes, rather than leave it behind.

    Inside, these signals raise `SystemExit` in the main thread, with the code a shell gives them.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _leaving.clear()
    told = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.signal(number, _leave) for number in told}
    try:
        yield
    except BaseException:
        _leaving.set()  # what waits for its turn must not begin
        stop()
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def resume() -> None:
    """Let programs be run again, after all that ran was ended."""
    _leaving.clear()


def _leave(number: int, _frame: object) -> None:
    sys.exit(128 + number)


def stop() -> None:
    """End all that runs now; what runs it gets to know that it was ended."""
    for token, process in list(_running.items()):
        _end(process, token)


def end_trees(variable: str, value: str, words: Sequence[str]) -> None:
    """End each process with a variable of this value and these words in a row in its command line, and all below it."""
    import psutil

    for process in _carrying(value, variable):
        with contextlib.suppress(psutil.Error, OSError):
            line = process.cmdline()
            if any(line[place : place + len(words)] == list(words) for place in range(len(line))):
                for each in [process, *process.children(recursive=True)]:
                    _kill(each)


def _kill(process: psutil.Process) -> None:
    import psutil

    with contextlib.suppress(psutil.Error):
        process.kill()


def _carrying(value: str, variable: str = _TOKEN) -> list[psutil.Process]:
    """Return the processes that have a variable of this value in their environment."""
    import psutil

    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get(variable) == value:
                found.append(process)
    return found
