"""Known vulnerabilities of what the project needs, asked of a service, with waivers that end."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from hephaestus import system, tables
from hephaestus.errors import CouldNotRun, UsageError
from hephaestus.findings import Finding
from hephaestus.gates import advisories, needed
from hephaestus.gates.advisories import Audited, Vulnerability
from hephaestus.gates.bench import Bench
from hephaestus.gates.gate import COULD_NOT_RUN, FAILED, PASSED, Answer, Gate, Off
from hephaestus.gates.shown import Shown
from hephaestus.supervise import Ended

__all__ = ["choose"]

# A service that has not answered for that long will not.
_SECONDS = 60
_MOST_LINES = 12
_VOLATILE = "it asks a vulnerability service"
_TABLE = "tool.hephaestus.gates.audit"
_EXAMPLE = '{ id = "GHSA-…", until = 2026-12-31, because = "…" }'
_KEYS: dict[str, tuple[type, Any]] = {"service": (str, None), "waive": (list, ())}
# The path of OSV's protocol at which pip-audit asks about one package; uv adds its own.
_QUERY = "/v1/query"


@dataclass(frozen=True)
class _Waiver:
    """A vulnerability that is known and lived with, until a day and for a reason."""

    id: str
    until: date
    because: str

    @property
    def ended(self) -> bool:
        """Whether that day is over."""
        return system.now().date() > self.until


@dataclass(frozen=True)
class _Plan:
    """What is asked, where, and which vulnerabilities are waived."""

    arguments: tuple[str, ...]
    service: str | None
    waivers: tuple[_Waiver, ...]


def choose(shown: Shown) -> list[Gate | Off]:
    """Return the gate `audit`: uv's where there are a `uv.lock` and uv, else pip-audit with the versions of the lock.

    Without a lock the versions are audited that an installation would get now. `[tool.hephaestus.gates.audit]` may hold
    another `service` that speaks OSV's protocol, and vulnerabilities to `waive`, each until a day and with a reason.
    Raises `UsageError` for values that cannot be used.
    """
    said = shown.settings.of("audit", _KEYS)
    plan = _Plan(said["arguments"], _service(said["service"]), tuple(map(_waiver, said["waive"])))
    if not needed.declares(shown):
        return [Off("audit", "the project has no dependencies")]
    definition = (repr(plan),)
    if "uv.lock" in shown.paths and system.program("uv"):
        asking = functools.partial(_ask, plan=plan, by_uv=True)
        return [Gate("audit", "the dependencies in uv.lock", asking, definition=definition, volatile=_VOLATILE)]
    asking = functools.partial(_ask, plan=plan, by_uv=False)
    why = "the project has dependencies"
    tools = (shown.requirement("pip-audit"),)
    return [Gate("audit", why, asking, tools=tools, definition=definition, volatile=_VOLATILE)]


def _service(url: str | None) -> str | None:
    if url is not None and urlsplit(url).scheme not in ("http", "https"):
        raise UsageError(f"[{_TABLE}] service = {url[:80]!r} is no URL of a service", tables.SHOW)
    return url.rstrip("/").removesuffix(_QUERY) if url else None


def _waiver(entry: object) -> _Waiver:
    """Read a waiver; one without a last day or a reason would stay for ever and for nothing."""
    known: dict[str, tuple[type, Any]] = {"because": (str, ""), "id": (str, ""), "until": (object, None)}
    said = tables.read(f"{_TABLE}.waive", entry, known)
    until = said["until"]
    if not said["id"].strip() or not said["because"].strip() or type(until) is not date:
        raise UsageError(f"[{_TABLE}] waive needs an id, a day without quotes and a reason: {_EXAMPLE}", tables.SHOW)
    return _Waiver(said["id"].strip(), until, said["because"].strip())


def _ask(bench: Bench, plan: _Plan, *, by_uv: bool) -> Answer:
    bench = replace(bench, seconds=min(bench.seconds, _SECONDS))
    try:
        wanted = None if by_uv else _pinned(bench)
        if wanted is not None and not wanted:
            return Answer(COULD_NOT_RUN, "there was nothing to audit: no version of a dependency is known")
        ended = _run_uv(bench, plan) if wanted is None else _run_pip_audit(bench, plan, wanted)
        audited = advisories.read(ended, wanted)
    except CouldNotRun as error:
        return Answer(COULD_NOT_RUN, error.message.partition("\n")[0], lines=tuple(error.message.splitlines()[1:13]))
    return _judged(bench, plan, audited)


def _run_uv(bench: Bench, plan: _Plan) -> Ended:
    uv = system.program("uv")
    if uv is None:
        raise CouldNotRun("the program uv is not installed", "python -m pip install uv")
    words = ("--frozen", "--output-format", "json", "--preview-features", "audit-command,json-output")
    service = ("--service-url", plan.service) if plan.service else ()
    # uv would try a service that does not answer three times, for ever longer.
    patience = {"UV_HTTP_RETRIES": "1", "UV_HTTP_TIMEOUT": "15"}
    return bench.run(uv, "audit", *words, *service, *plan.arguments, extra=patience)


def _run_pip_audit(bench: Bench, plan: _Plan, wanted: Mapping[str, str]) -> Ended:
    file = bench.scratch / "requirements.txt"
    system.write(file, "".join(f"{name}=={version}\n" for name, version in sorted(wanted.items())).encode())
    given = ("--requirement", file, "--no-deps", "--disable-pip")
    words = ("--format", "json", "--progress-spinner", "off", "--cache-dir", bench.scratch / "cache")
    service = ("--vulnerability-service", "osv", "--osv-url", plan.service + _QUERY) if plan.service else ()
    return bench.run("pip-audit", *given, *words, *service, *plan.arguments)


def _pinned(bench: Bench) -> Mapping[str, str]:
    """Return the versions to audit: those of the lock, with all extras and groups, else those an index offers now."""
    shown = bench.shown
    extras = tuple(shown.project.table("project", "optional-dependencies"))
    groups = tuple(shown.project.table("dependency-groups"))
    found = shown.locked(extras, groups)
    if found:
        return found
    return needed.resolved(shown, bench.scratch / "resolved", extras, groups)


def _judged(bench: Bench, plan: _Plan, audited: Audited) -> Answer:
    findings, open_ = [], []
    used = set()
    for each in audited.vulnerabilities:
        waiver = next((waiver for waiver in plan.waivers if each.is_called(waiver.id)), None)
        used |= {waiver} if waiver else set()
        findings.append(_finding(bench, each, waiver))
        open_ += [] if waiver and not waiver.ended else [each]
    findings += [Finding(said, *_place(bench, said.partition(" ")[0]), level="warning") for said in audited.remarks]
    findings += _unused(plan.waivers, used)
    if open_:
        first = f"{open_[0].package} {open_[0].version} has {open_[0].id}"
        ended = " (its waiver has ended)" if any(open_[0].is_called(each.id) for each in plan.waivers) else ""
        count = f"{len(open_)} known vulnerabilities, the first: " if len(open_) > 1 else ""
        return Answer(FAILED, f"{count}{first}{ended}", tuple(findings))
    if audited.left_out:
        told = f"{_counted(len(audited.left_out), 'package was', 'packages were')} not audited"
        lines = tuple(f"{name}: {why}" for name, why in sorted(audited.left_out.items()))[:_MOST_LINES]
        return Answer(COULD_NOT_RUN, f"{told}, the first {lines[0]}", tuple(findings), lines)
    waived = f", {_counted(len(used), 'vulnerability', 'vulnerabilities')} waived" if used else ""
    return Answer(PASSED, f"{_counted(audited.count, 'package', 'packages')} audited{waived}", tuple(findings))


def _counted(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"


def _finding(bench: Bench, each: Vulnerability, waiver: _Waiver | None) -> Finding:
    fixed = f"; it is gone in {', '.join(each.fixed)}" if each.fixed else "; there is no version without it yet"
    known = f" (also {', '.join(each.aliases)})" if each.aliases else ""
    message = f"{each.package} {each.version} has {each.id}{known}: {each.summary}{fixed}"
    if waiver is not None:
        until = waiver.until.isoformat()
        message += f". Waived until {until}: {waiver.because}" if not waiver.ended else f". Its waiver ended on {until}"
    level = "note" if waiver is not None and not waiver.ended else "error"
    return Finding(message, *_place(bench, each.package), rule=each.id, level=level)


def _unused(waivers: Sequence[_Waiver], used: set[_Waiver]) -> Iterator[Finding]:
    for each in waivers:
        if each not in used:
            message = f"the waiver of {each.id} is for nothing that was found; it can go"
            yield Finding(message, "pyproject.toml", rule="waiver", level="note")


def _place(bench: Bench, package: str) -> tuple[str, int]:
    """Return the file and the line that bring a package: that of the lock, else of pyproject.toml."""
    for path in ("uv.lock", "pylock.toml", "poetry.lock", "pdm.lock", "requirements.txt", "pyproject.toml"):
        if path in bench.shown.paths and (line := advisories.line_of(bench.root / path, package)):
            return path, line
    return "pyproject.toml", 0
