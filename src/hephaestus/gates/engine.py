"""Asking gates: each in its own environment, as many at once as there are processors, and none twice about the same."""

from __future__ import annotations

import functools
import json
import logging
import os
import platform
import shlex
import sys
import sysconfig
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from hephaestus import __version__, environments, git, project, supervise, system
from hephaestus.environments import Environment
from hephaestus.errors import HephaestusError
from hephaestus.gates import catalogue, fingerprint, passes, settings
from hephaestus.gates.bench import Bench
from hephaestus.gates.distributions import Distributions
from hephaestus.gates.gate import COULD_NOT_RUN, Answer, Gate, Off, Verdict
from hephaestus.gates.own import Sessions
from hephaestus.gates.rooms import Room, Rooms
from hephaestus.gates.shown import Shown
from hephaestus.tree import Directory

__all__ = ["Asked", "Question", "ask", "choices"]

log = logging.getLogger("hephaestus")

# Variables that many tools are steered by, by the beginnings of their names.
_STEERING = (
    "CC",
    "CFLAGS",
    "CI",
    "COVERAGE",
    "CPPFLAGS",
    "CXX",
    "DJANGO",
    "HYPOTHESIS",
    "LANG",
    "LC_",
    "LDFLAGS",
    "MYPY",
    "PIP_",
    "PY",
    "RUFF",
    "TOX",
    "TZ",
    "UV_",
)
# Told anew at each run, or said of this process alone.
_NOT_STEERING = ("PYTEST_CURRENT_TEST", "PYTEST_XDIST", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYENV")
# Programs that gates call beside those of their own environments.
_PROGRAMS = ("git", "uv")


@dataclass(frozen=True)
class Question:
    """What gates are asked about, and which of them.

    `root` holds the files; `clone` is the user's, in whose git directory passes are kept; `area` is where environments
    and logs are kept. `given` holds distributions that are built already. `only` and `without` select gates by name.
    `fresh` asks all of them, whatever passed before.
    """

    root: Path
    clone: git.Repository
    area: Path
    given: Path | None = None
    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    fresh: bool = False

    @property
    def logs(self) -> Path:
        """The folder in which all lies that the gates have printed, a file for each."""
        return self.area / "logs"


@dataclass(frozen=True)
class Asked:
    """What gates said, and what was not asked; `kept` are the passes that were used or made."""

    verdicts: tuple[Verdict, ...]
    off: tuple[Off, ...]
    kept: passes.Passes


def choices(question: Question) -> catalogue.Choices:
    """Return which gates a question is for, and why; nothing is run but Nox to list the project's own sessions.

    Raises `UsageError` for settings or names that cannot be used, `CouldNotRun` where the noxfile cannot be read.
    """
    return _prepared(question, ()).chosen


def ask(question: Question, keep_open: tuple[int, ...] = ()) -> Asked:
    """Ask all gates that a question is for, and return what they said in the order of the catalogue.

    Programs hold the file descriptors `keep_open`. Raises as `choices` does; a gate that cannot be asked says so.
    """
    round_ = _prepared(question, keep_open)
    system.remove(question.logs)
    question.logs.mkdir(parents=True, exist_ok=True)
    verdicts = _all(round_)
    _keep(round_, verdicts)
    told = tuple(each.verdict for each in verdicts)
    _remember_seconds(question, told)
    return Asked(told, round_.chosen.off, round_.passes)


@dataclass(frozen=True)
class _Round:
    """One question and all that is needed to answer it."""

    question: Question
    keep_open: tuple[int, ...]
    files: fingerprint.Files
    digest: str
    shown: Shown
    chosen: catalogue.Choices
    sessions: Sessions
    rooms: Rooms
    passes: passes.Passes
    distributions: Distributions
    common: tuple[object, ...]


@dataclass(frozen=True)
class _Said:
    """A verdict, and the key under which it is kept if it is a pass; none for one that is not to be used again."""

    verdict: Verdict
    key: str = ""


def _prepared(question: Question, keep_open: tuple[int, ...]) -> _Round:
    checkout, area = git.Repository(question.root), question.area
    facts = project.load(Directory(question.root))
    said = settings.read(facts.table("tool", "hephaestus", "gates"))
    sessions = Sessions(question.root, area, question.logs, said.time_limit, keep_open)
    found = fingerprint.files(checkout)
    digest = fingerprint.fingerprint(found, area / "files.json")
    shown = Shown(question.root, facts, said, frozenset(found.paths))
    chosen = catalogue.choose(shown, sessions.names()).selected(question.only, question.without)
    return _Round(
        question=question,
        keep_open=keep_open,
        files=found,
        digest=digest,
        shown=shown,
        chosen=chosen,
        sessions=sessions,
        rooms=Rooms(question.root, area / "rooms", facts.normalized),
        passes=passes.Passes(passes.home(question.clone)),
        distributions=Distributions(
            checkout,
            found.paths,
            digest,
            area / "distributions",
            question.given,
            in_place=facts.version_from_tag,
            history=_history(checkout) if facts.version_from_tag else (),
        ),
        common=(_library(), digest, platform.platform(), sysconfig.get_platform(), _steering(said), _programs()),
    )


def _all(round_: _Round) -> list[_Said]:
    """Ask the built-in gates in a pool, the ones that take longest first, and the project's own beside them."""
    seconds = _remembered_seconds(round_.question)
    # Those that look at the wheel wait for it to be built, so they begin first.
    order = sorted(round_.chosen.gates, key=lambda gate: (not gate.wheel, -seconds.get(gate.name, 0.0)))
    pool, beside = ThreadPoolExecutor(os.cpu_count() or 2), ThreadPoolExecutor(1)
    try:
        with supervise.together():
            waiting = {each.name: pool.submit(_one, round_, each) for each in order}
            own = beside.submit(_own, round_)
            return [*(waiting[each.name].result() for each in round_.chosen.gates), *own.result()]
    finally:
        pool.shutdown(cancel_futures=True)
        beside.shutdown(cancel_futures=True)
        supervise.resume()


def _one(round_: _Round, gate: Gate) -> _Said:
    """Ask one built-in gate, or find that it passed before."""
    begin = time.monotonic()
    command = f"hephaestus gates --only {shlex.quote(gate.name)}"
    name = ""
    try:
        room = round_.rooms.of(gate)
        name = "" if gate.volatile or not round_.shown.settings.cache else _key(round_, gate, room)
        known = round_.passes.find(name, gate.name) if name and not round_.question.fresh else None
        if known is not None:
            log.info("%s passed before on the very same", gate.name)
            return _Said(replace(known.again(), seconds=time.monotonic() - begin, required=not gate.optional))
        log.info("asking %s", gate.name)
        answer = _answer(round_, gate, room)
    except HephaestusError as error:
        answer = Answer(COULD_NOT_RUN, error.message.partition("\n")[0], lines=tuple(error.message.splitlines()[1:13]))
    except Exception as error:  # noqa: BLE001  (a mistake in one gate must not hide what the others say)
        answer = Answer(COULD_NOT_RUN, f"a mistake of hephaestus: {type(error).__name__}: {error}")
    seconds = time.monotonic() - begin
    log.info("gate %s %s in %.1f s", gate.name, answer.verdict, seconds)
    said = Verdict(
        gate.name,
        answer.verdict,
        seconds,
        answer.reason,
        required=not gate.optional,
        findings=answer.findings,
        lines=answer.lines,
        command=command,
    )
    return _Said(said, name)


def _answer(round_: _Round, gate: Gate, room: Room) -> Answer:
    if gate.wheel:
        try:
            round_.rooms.furnish(room, round_.distributions.wheel())
        except HephaestusError as error:
            lines = tuple(error.message.splitlines()[-12:])
            return Answer(COULD_NOT_RUN, "there is no wheel of the project to ask it about", lines=lines)
    kept = round_.question.area / "caches" / gate.name
    kept.mkdir(parents=True, exist_ok=True)
    log_file = round_.question.logs / f"{gate.name}.log"

    def write(text: str) -> None:
        with log_file.open("a", encoding="utf-8") as file:
            file.write(text)

    with tempfile.TemporaryDirectory(prefix="gate-", ignore_cleanup_errors=True) as scratch:
        bench = Bench(
            round_.shown,
            room.environment,
            Path(scratch),
            kept,
            gate.seconds,
            round_.distributions.wheel,
            round_.distributions.sdist,
            write,
            round_.keep_open,
        )
        return gate.ask(bench)


def _own(round_: _Round) -> list[_Said]:
    """Ask the project's own sessions, but for those that may be known by what they said before."""
    own = round_.chosen.own
    if not own:
        return []
    names = {each.name: _own_key(round_, each) for each in own}
    usable = {name: key for name, key in names.items() if key and not round_.question.fresh}
    known = {name: round_.passes.find(key, name) for name, key in usable.items()}
    wanted = [name for name in names if known.get(name) is None]
    asked = {said.gate: said for said in _sessions(round_, wanted)}
    # What a session installs is only known once it has run.
    after = {each.name: _own_key(round_, each) for each in own}
    told = []
    for each in own:
        before = known.get(each.name)
        said = replace(before.again() if before else asked[each.name], required=not each.optional)
        told.append(_Said(said, after[each.name]))
    return told


def _sessions(round_: _Round, wanted: Sequence[str]) -> list[Verdict]:
    """Ask sessions; what goes wrong with Nox must not hide what the other gates say."""
    try:
        return round_.sessions.ask(wanted) if wanted else []
    except HephaestusError as error:
        reason, command = error.message.partition("\n")[0], f"nox --session {shlex.join(wanted)}"
        return [Verdict(name, COULD_NOT_RUN, 0.0, reason, command=command) for name in wanted]


def _key(round_: _Round, gate: Gate, room: Room) -> str:
    """Return the name of the pass of a gate: the hash of all that decides it."""
    built = gate.wheel or gate.built
    made = round_.distributions.made_with() if built else ()
    dated = gate.history or (built and round_.shown.project.version_from_tag)
    history = _history(git.Repository(round_.question.root)) if dated else ()
    python = environments.interpreter(gate.python)
    return passes.key((*round_.common, gate.name, gate.tools, gate.definition, room.holds, python, made, history))


def _own_key(round_: _Round, own: catalogue.Own) -> str:
    """Return the name of the pass of a session that may be used again, else none; its environment is what Nox made."""
    if not own.cached or not round_.shown.settings.cache:
        return ""
    home = round_.sessions.environment(own.name)
    if home is None:
        return ""
    python = environments.interpreter(sys.executable)
    return passes.key((*round_.common, own.name, round_.rooms.holds(Environment(home)), python))


def _history(checkout: git.Repository) -> tuple[object, ...]:
    return (checkout.resolve("HEAD"), sorted(checkout.refs("refs/tags").items()))


def _keep(round_: _Round, told: Sequence[_Said]) -> None:
    """Keep the passes, unless the files changed while the gates looked at them."""
    fresh = [each for each in told if each.key and each.verdict.passed and not each.verdict.cached]
    if not fresh:
        return
    now = fingerprint.fingerprint(
        fingerprint.files(git.Repository(round_.question.root)), round_.question.area / "files.json"
    )
    if now != round_.digest:
        log.info("files changed while the gates ran, so no pass is kept")
        return
    for each in fresh:
        round_.passes.keep(each.key, each.verdict)
    round_.passes.prune()


def _steering(said: settings.Settings) -> list[tuple[str, str]]:
    """Return the hashes of the environment variables that gates read; a value may be a secret."""
    names = sorted(
        name
        for name in system.environment()
        if name in said.environment or (name.startswith(_STEERING) and not name.startswith(_NOT_STEERING))
    )
    return [(name, system.digest_of(os.environ[name].encode("utf-8", "surrogateescape"))) for name in names]


def _programs() -> list[object]:
    """Return what tells the programs that gates call from other versions of them, without starting them."""
    told: list[object] = []
    for name in _PROGRAMS:
        path = system.program(name)
        status = Path(path).stat() if path else None
        told.append([name, status and [status.st_size, status.st_mtime_ns]])
    return told


@functools.cache
def _library() -> str:
    """Return what tells this library from any other version of it: the hash of its own files."""
    home = Path(__file__).parent.parent
    return system.digest_of(
        b"".join([__version__.encode(), *(file.read_bytes() for file in sorted(home.rglob("*.py")))])
    )


def _remembered_seconds(question: Question) -> dict[str, float]:
    try:
        told = json.loads((question.area / "seconds.json").read_bytes())
        return {str(name): float(seconds) for name, seconds in told.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _remember_seconds(question: Question, verdicts: Sequence[Verdict]) -> None:
    taken = {each.gate: round(each.seconds, 3) for each in verdicts if not each.cached}
    if taken:
        told = {**_remembered_seconds(question), **taken}
        system.write(question.area / "seconds.json", json.dumps(told).encode())
