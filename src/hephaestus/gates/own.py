"""The project's own gates: the sessions of its noxfile that are tagged `gate`, asked by one Nox in parallel."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import shlex
import sys
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hephaestus import supervise, system
from hephaestus.errors import CouldNotRun
from hephaestus.gates.gate import COULD_NOT_RUN, FAILED, PASSED, Verdict
from hephaestus.ui import clean

__all__ = ["ASKING", "Sessions"]

log = logging.getLogger("hephaestus")

# What Nox exits with where no session has the tag.
_NO_SUCH_SESSION = 3
# What Nox's report says of a session; what was skipped or cut short has shown nothing.
_MEANING = {"success": PASSED, "failed": FAILED, "aborted": COULD_NOT_RUN, "skipped": COULD_NOT_RUN}
# The lines between which Nox prints all that a session has printed.
_BEGINS = re.compile(r"Starting session (?P<session>.*)\.\.\.$")
_ENDS = re.compile(r"={10} \S+ (?P<session>.*): (?P<result>success|failed|aborted|skipped)\b.* ={10}$")
# Known to the processes of the sessions, so that those of one can be found.
_MARK = "HEPHAESTUS_SESSIONS"
# Names the area whose gates are asked, for a session that asks them again.
ASKING = "HEPHAESTUS_ASKING"
_SECONDS_TO_LIST = 120.0
_LONGEST_PATH = 100 - len("bin/pythonX.Y")
_LINES = 12


@dataclass(frozen=True)
class Sessions:
    """The sessions of the noxfile in `root` that are tagged `gate`; their environments are kept in `area`.

    `logs` is where what they print is kept, `seconds` how long one may take, and `keep_open` are file descriptors that
    Nox and the sessions hold.
    """

    root: Path
    area: Path
    logs: Path
    seconds: float
    keep_open: tuple[int, ...] = ()

    def names(self) -> list[str]:
        """Return the names of the sessions, in Nox's order; none where there is no noxfile.

        Raises `CouldNotRun` where the noxfile cannot be read.
        """
        if not (self.root / "noxfile.py").is_file():
            return []
        listed = self._nox(["--list", "--json", "--tags", "gate"], _SECONDS_TO_LIST, None, {})
        if listed.code not in {0, _NO_SUCH_SESSION}:
            raise CouldNotRun(
                f"the noxfile cannot be read:\n{_last(listed.said)}", f"cd {shlex.quote(str(self.root))} && nox --list"
            )
        if listed.code == _NO_SUCH_SESSION:
            return []
        try:
            return [str(each["session"]) for each in json.loads(_document(listed.output))]
        except (ValueError, KeyError, TypeError) as error:
            raise CouldNotRun(f"Nox lists no sessions but says:\n{_last(listed.said)}", "nox --list --json") from error

    def ask(self, names: Sequence[str]) -> list[Verdict]:
        """Run some of the sessions, in parallel, and return what each said, in the order of their names.

        One that is not done after `seconds` is ended with all it started, and the others go on.
        """
        self.area.mkdir(parents=True, exist_ok=True)
        report = self.area / "gates.json"
        system.remove(report)
        watch = _Watch(self.seconds)
        words = ["--parallel", "auto", "--allow-parallel", "--reuse-existing-virtualenvs", "--report", str(report)]
        # Under CI Nox takes a missing interpreter for a failure; here a gate that cannot run has not failed.
        words += ["--no-error-on-missing-interpreters", "--session", *names]
        ended = self._nox(words, self.seconds * len(names) + _SECONDS_TO_LIST, watch, {_MARK: watch.mark})
        watch.stop()
        self.logs.mkdir(parents=True, exist_ok=True)
        system.write(self.logs / "nox.log", ended.said.encode("utf-8", "surrogateescape"))
        told = _told(report)
        why = ended.why or (_last(ended.said, 3) if not told else "")
        return [self._verdict(name, told.get(name), watch, why) for name in names]

    def environment(self, name: str) -> Path | None:
        """Return the environment that Nox keeps for a session, or `None` where there is none that is surely its own."""
        # As Nox names it: without what troubles a file system, and short where the path would be too long for `#!`.
        homes = self.area / "environments"
        folder = re.sub(r"[^\w]+", "-", name, flags=re.ASCII).strip("-").lower()
        if len(str(homes / folder)) > _LONGEST_PATH:
            folder = hashlib.sha1(folder.encode(), usedforsecurity=False).hexdigest()[:8]
        return homes / folder if (homes / folder / "pyvenv.cfg").is_file() else None

    def _verdict(self, name: str, told: Mapping[str, Any] | None, watch: _Watch, why: str) -> Verdict:
        command = f"nox --session {shlex.quote(name)}"
        lines = tuple(_useful(watch.printed.get(name, [])))
        if name in watch.overdue:
            reason = f"it had not ended after {self.seconds:g} s"
            return Verdict(name, COULD_NOT_RUN, self.seconds, reason, lines=lines, command=command)
        if told is None:
            result = watch.results.get(name)
            said = _MEANING.get(result or "", COULD_NOT_RUN)
            reason = "" if said == PASSED else f"Nox made no report of it: {why}"
            return Verdict(name, said, 0.0, clean(reason), lines=lines, command=command)
        said = _MEANING.get(str(told.get("result")), COULD_NOT_RUN)
        duration = told.get("duration")
        seconds = float(duration) if isinstance(duration, int | float) else 0.0
        reason = clean(str(told.get("reason") or "")) or ("" if said == PASSED else _reason(lines))
        log.info("gate %s %s in %.1f s", name, said, seconds)
        return Verdict(name, said, seconds, reason, lines=() if said == PASSED else lines, command=command)

    def _nox(
        self, words: Sequence[str], seconds: float, watch: _Watch | None, extra: Mapping[str, str]
    ) -> supervise.Ended:
        environments = str(self.area / "environments")
        nox = (sys.executable, "-m", "nox", "--noxfile", str(self.root / "noxfile.py"), "--envdir", environments)
        plain = {
            "NO_COLOR": "1",
            "NOX_DEFAULT_VENV_BACKEND": "uv|virtualenv",
            "PYTHONUNBUFFERED": "1",
            ASKING: str(self.area),
            **extra,
        }
        return supervise.run(
            [*nox, "--non-interactive", *words],
            cwd=self.root,
            environment=_unbent(system.environment(plain), plain),
            seconds=seconds,
            on_line=watch.heard if watch else None,
            keep_open=self.keep_open,
        )


@dataclass
class _Watch:
    """Follows what Nox prints: which session runs, since when, and what each has printed once it is done."""

    seconds: float
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    printed: dict[str, list[str]] = field(default_factory=dict)
    results: dict[str, str] = field(default_factory=dict)
    overdue: set[str] = field(default_factory=set)
    _timers: dict[str, threading.Timer] = field(default_factory=dict)
    _told: str = ""

    def heard(self, line: str) -> None:
        """Take note of a line."""
        if begins := _BEGINS.match(line):
            self._begin(begins["session"])
        elif (ends := _ENDS.match(line)) and ends["session"] in self._timers:
            self._told = ends["session"]
            self._timers.pop(self._told).cancel()
            self.results[self._told] = ends["result"]
            self.printed[self._told] = []
        elif self._told:
            kept = self.printed[self._told]
            kept.append(line)
            del kept[: -10 * _LINES]

    def stop(self) -> None:
        """Forget the time limits of sessions that never ended."""
        for timer in self._timers.values():
            timer.cancel()

    def _begin(self, session: str) -> None:
        self._told = ""
        log.info("asking %s", session)
        timer = threading.Timer(self.seconds, self._end, [session])
        timer.daemon = True
        self._timers[session] = timer
        timer.start()

    def _end(self, session: str) -> None:
        self.overdue.add(session)
        supervise.end_trees(_MARK, self.mark, ["--session", session])


def _told(report: Path) -> dict[str, Mapping[str, Any]]:
    """Return what Nox's report says, by the names under which it lists the sessions."""
    try:
        sessions = json.loads(report.read_bytes())["sessions"]
        return {name: each for each in sessions for name in {str(each["name"]), *map(str, each.get("signatures", ()))}}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _unbent(environment: Mapping[str, str], plain: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without the variables by which Nox would leave out sessions, or ask others."""
    return {name: value for name, value in environment.items() if name in plain or not name.startswith("NOX")}


def _document(output: str) -> str:
    """Return the JSON in what Nox printed; a noxfile may print something of its own before."""
    return output[output.rindex("\n[") :] if "\n[" in output else output


def _useful(lines: Sequence[str]) -> list[str]:
    """Return the last lines a session printed, without those in which Nox says what is known already."""
    kept = [line.rstrip() for line in clean("\n".join(lines)).splitlines() if line.strip()]
    kept = [line for line in kept if not re.match(r"nox > (Running session|Session .* failed)", line)]
    return kept[-_LINES:]


def _reason(lines: Sequence[str]) -> str:
    """Return the last line, as the word of a person and not of Nox."""
    return lines[-1].removeprefix("nox > ") if lines else ""


def _last(said: str, lines: int = 15) -> str:
    return "\n".join(clean(said).strip().splitlines()[-lines:])
