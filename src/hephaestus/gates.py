"""The step that asks every gate: Nox sessions on exactly the files that are released."""

from __future__ import annotations

import json
import logging
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

from hephaestus import system
from hephaestus.errors import Conflict, CouldNotRun, GateFailed, Problem
from hephaestus.plan import Step
from hephaestus.stage import Stage

__all__ = ["Gates", "Verdict"]

log = logging.getLogger("hephaestus")

# What Nox exits with where no session has the tag.
_NO_SUCH_SESSION = 3

_PASSED, _FAILED, _COULD_NOT_RUN = "passed", "failed", "could not run"

# What Nox's report says of a session; what was skipped or cut short has shown nothing.
_MEANING = {"success": _PASSED, "failed": _FAILED, "aborted": _COULD_NOT_RUN, "skipped": _COULD_NOT_RUN}

# Gates for a project that has none of its own: a noxfile that takes the built-in sessions by the project's files.
_NOXFILE = """\
import sys
sys.path.insert(0, {library!r})
from hephaestus.sessions import register_gates
register_gates({root!r}, {package!r})
"""


@dataclass(frozen=True)
class Verdict:
    """What one gate said: `passed`, `failed` or `could not run`, in how many seconds, and why."""

    gate: str
    verdict: str
    seconds: float
    reason: str


@dataclass(frozen=True)
class Gates(Step):
    """Run the sessions tagged `gate` of the project's noxfile, or built-in ones where it has none.

    `stage` is brought to the release commit first; without one the checkout at `root` is asked as it is.
    `waived` maps the names of gates that need not pass to the reasons given.
    """

    name: ClassVar[str] = "gates"

    root: Path
    area: Path
    waived: Mapping[str, str]
    stage: Stage | None = None

    def describe(self) -> str:
        """Say which gates are asked."""
        return "Nox sessions tagged `gate`, or the built-in ones, in parallel on exactly that tree"

    def check(self) -> Iterable[Problem]:
        """Ask that no gate is waived without a reason."""
        for gate, reason in self.waived.items():
            if not reason.strip():
                yield Problem(
                    f"the gate {gate} is waived without a reason",
                    f'hephaestus release --version 1.2.3 --skip-gate {gate} --because "…"',
                )

    def apply(self) -> None:
        """Run what has not said yes yet.

        Raises `GateFailed` where a gate fails and `CouldNotRun` where one cannot say; a waived one stops nothing.
        """
        if self.stands():
            return
        if self.stage is not None:
            self.stage.reset(self.stage.revision)
        self.area.mkdir(parents=True, exist_ok=True)
        before = self._built()
        # The sessions of a killed run live on and hold this lock; two runs would wreck each other's environments.
        with system.lock(self.area / "environments.lock", "the gates of an earlier run still end", wait=True) as held:
            verdicts = self._ask(held)
        if self._built() != before:
            raise Conflict("a gate has changed the files that were built", f"cd {self.root} && nox --list --tags gate")
        record = {"revision": self._revision, "gates": [asdict(verdict) for verdict in verdicts]}
        system.write(self.record, json.dumps(record).encode())
        self._judge(verdicts)

    def stands(self) -> bool:
        """Tell whether all gates have said yes to this very commit."""
        return self.stage is not None and not self._stopping(self.verdicts(self._revision))

    def undo(self) -> None:
        """Forget the verdicts."""
        system.remove(self.record)

    @property
    def record(self) -> Path:
        """The file the verdicts are kept in."""
        return self.area / "verdicts.json"

    def verdicts(self, revision: str) -> list[Verdict]:
        """Return what the gates said of a commit; empty where they were not asked."""
        try:
            record = json.loads(self.record.read_bytes())
            return [Verdict(**said) for said in record["gates"]] if record["revision"] == revision else []
        except (OSError, ValueError, KeyError):
            return []

    def _built(self) -> dict[str, str]:
        """Return the hashes of the files that are to be published, which no gate may touch."""
        files = self.stage.assets.glob("*") if self.stage is not None else ()
        return {file.name: system.digest(file) for file in files}

    @property
    def _revision(self) -> str:
        return self.stage.revision if self.stage is not None else "checkout"

    @property
    def _generated(self) -> Path:
        """Where the noxfile of the built-in gates lies while they are the ones that count."""
        return self.area / "noxfile.py"

    def _ask(self, held: int) -> list[Verdict]:
        report = self.area / "gates.json"
        system.remove(report)
        words = ["--tags", "gate", "--parallel", "auto", "--allow-parallel", "--reuse-existing-virtualenvs"]
        # Under CI Nox takes a missing interpreter for a failure; here a gate that cannot run has not failed.
        words += ["--no-error-on-missing-interpreters"]
        done = self._nox(self._noxfile(), [*words, "--report", str(report)], on_line=_tell, keep_open=(held,))
        system.write(self.area / "gates.log", done.output.encode("utf-8", "surrogateescape"))
        try:
            sessions = json.loads(report.read_bytes())["sessions"]
        except (OSError, ValueError, KeyError) as error:
            raise CouldNotRun(f"Nox made no report:\n{done.tail()}", f"cd {self.root} && nox --tags gate") from error
        if not sessions:
            raise CouldNotRun("no gate was run", f"cd {self.root} && nox --list --tags gate")
        return [_verdict(session) for session in sessions]

    def _noxfile(self) -> Path:
        """Return the project's noxfile when it has gates, else a generated one, which never lies in the stage."""
        own = self.root / "noxfile.py"
        if own.is_file():
            listed = self._nox(own, ["--list", "--json", "--tags", "gate"])
            if listed.code not in (0, _NO_SUCH_SESSION):
                raise CouldNotRun(f"the noxfile cannot be read:\n{listed.tail()}", f"cd {self.root} && nox --list")
            if listed.code == 0 and json.loads(listed.output or "[]"):
                system.remove(self._generated)
                return own
        wheels = sorted(self.stage.assets.glob("*.whl")) if self.stage is not None else []
        package = str(wheels[0]) if len(wheels) == 1 else None
        library = str(Path(__file__).parent.parent)
        system.write(self._generated, _NOXFILE.format(library=library, root=str(self.root), package=package).encode())
        return self._generated

    def _nox(
        self,
        noxfile: Path,
        words: Sequence[str],
        *,
        on_line: Callable[[str], None] | None = None,
        keep_open: Sequence[int] = (),
    ) -> system.Finished:
        nox = (sys.executable, "-m", "nox", "--noxfile", str(noxfile), "--envdir", str(self.area / "environments"))
        extra = {"NO_COLOR": "1", "NOX_DEFAULT_VENV_BACKEND": "uv|virtualenv"}
        return system.run(
            [*nox, "--non-interactive", *words],
            cwd=self.root,
            extra=extra,
            check=False,
            on_line=on_line,
            keep_open=keep_open,
        )

    def _stopping(self, verdicts: list[Verdict]) -> list[Verdict]:
        """Return the verdicts that stop a release; where nothing was asked, one that says so."""
        if not verdicts:
            return [Verdict("gates", _COULD_NOT_RUN, 0.0, "not asked")]
        return [said for said in verdicts if said.verdict != _PASSED and said.gate not in self.waived]

    def _judge(self, verdicts: list[Verdict]) -> None:
        unknown = set(self.waived) - {said.gate for said in verdicts}
        if unknown:
            raise CouldNotRun(
                f"no gate is named {', '.join(sorted(unknown))}", f"cd {self.root} && nox --list --tags gate"
            )
        stopping = self._stopping(verdicts)
        if not stopping:
            return
        told = "\n".join(f"  {said.gate}: {said.verdict} {said.reason}".rstrip() for said in stopping)
        which = f"--noxfile {shlex.quote(str(self._generated))} " if self._generated.is_file() else ""
        failed = any(said.verdict == _FAILED for said in stopping)
        raise (GateFailed if failed else CouldNotRun)(
            f"{len(stopping)} of {len(verdicts)} gates did not pass:\n{told}\n"
            f"all they printed is in {self.area / 'gates.log'}",
            f"nox {which}--session {shlex.quote(stopping[0].gate)}",
        )


def _verdict(session: Mapping[str, object]) -> Verdict:
    said = _MEANING.get(str(session["result"]), _COULD_NOT_RUN)
    seconds = session.get("duration")
    reason = str(session.get("reason") or "")
    verdict = Verdict(str(session["name"]), said, float(seconds) if isinstance(seconds, int | float) else 0.0, reason)
    log.info("gate %s %s in %.1f s", verdict.gate, verdict.verdict, verdict.seconds)
    return verdict


def _tell(line: str) -> None:
    """Pass on the lines in which Nox says what runs now."""
    found = re.match(r"nox > (Running session .*|Starting session.*|\*? ?Session .* (?:successful|failed).*)", line)
    if found:
        log.info(found[1])
