"""What users will install: the wheel and the sdist, their metadata and contents, and the wheel installed alone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hephaestus.errors import CommandFailed, CouldNotRun, GateFailed, HephaestusError, UsageError, VerificationFailed
from hephaestus.findings import Finding
from hephaestus.gates import needed, pythons, trial
from hephaestus.gates.bench import Bench, useful
from hephaestus.gates.gate import COULD_NOT_RUN, FAILED, PASSED, Answer, Gate, Off
from hephaestus.gates.shown import Shown
from hephaestus.wheelhouse import wheel as wheels

__all__ = ["choose"]

_VOLATILE = "it installs what an index offers now, as no lock pins what the project needs"
# Where a project says that its wheel is for the stable ABI of Python.
_SAYS_ABI3 = ("pyproject.toml", "setup.py", "setup.cfg", "Cargo.toml", "CMakeLists.txt", "meson.build")
_ABI3 = re.compile(r"abi3|py[-_]limited[-_]api|stable_abi|limited_api", re.IGNORECASE)
_CHECK = re.compile(r"^.*?\.whl: (?P<rule>W\d{3}): (?P<said>.*)$")
_LEVELS = re.compile(r"(?:^|: )(?:WARNING|ERROR)\s+(?P<said>.*)$")
_LONGEST = 300
# A terminal that is called dumb is 80 wide for twine, whatever else is said, and its lines are broken there.
_WIDE = {"COLUMNS": "1000", "TERM": "xterm"}


@dataclass(frozen=True)
class _Built:
    """The files that are looked at."""

    wheel: Path
    sdist: Path


def choose(shown: Shown) -> list[Gate | Off]:
    """Return the gate `package`, which is on for every project that is built."""
    said = shown.settings.of("package")
    if shown.project.table("tool", "uv").get("package") is False:
        return [Off("package", "package of [tool.uv] says that the project is not built")]
    also = ("abi3audit",) if _says_abi3(shown) or shown.declared_in("abi3audit") else ()
    tools = tuple(shown.requirement(name) for name in ("twine", "check-wheel-contents", *also))
    open_ = _needs_others(shown) and not shown.locked()
    return [
        Gate(
            "package",
            "[build-system] in pyproject.toml" if shown.project.table("build-system") else "the project is built",
            _ask,
            tools=tools,
            definition=(str(shown.project.smoke), str(pythons.usable(shown)), *said["arguments"]),
            built=True,
            volatile=_VOLATILE if open_ else "",
        )
    ]


def _needs_others(shown: Shown) -> bool:
    try:
        return bool(needed.requirements(shown)) or "dependencies" in shown.project.table("project").get("dynamic", ())
    except UsageError:  # the gate `pyproject` says more of it
        return True


def _says_abi3(shown: Shown) -> bool:
    files = [shown.root / path for path in _SAYS_ABI3 if path in shown.paths]
    return any(_ABI3.search(file.read_text(encoding="utf-8", errors="replace")) for file in files)


def _ask(bench: Bench) -> Answer:
    """Build, and ask every question about what was built; all that fails is told, and what could not be asked."""
    try:
        built = _Built(bench.wheel(), bench.sdist())
    except CouldNotRun:
        raise
    except (CommandFailed, UsageError, VerificationFailed) as error:
        lines = tuple(error.message.splitlines()[-12:])
        if trial.unreachable(error.message):
            return Answer(COULD_NOT_RUN, "what the build asks for could not be fetched", lines=lines)
        return Answer(FAILED, "the project cannot be built", lines=lines)
    checks: tuple[Callable[[Bench, _Built], Answer], ...] = (_record, _metadata, _contents, _abi3, _alone)
    answers = [_answered(check, bench, built) for check in checks]
    findings = tuple(finding for each in answers for finding in each.findings)
    lines = tuple(line for each in answers for line in each.lines)
    for verdict in (FAILED, COULD_NOT_RUN):
        reasons = [each.reason for each in answers if each.verdict == verdict]
        if reasons:
            return Answer(verdict, "; ".join(reasons), findings, lines)
    return Answer(PASSED, "", findings)


def _answered(check: Callable[[Bench, _Built], Answer], bench: Bench, built: _Built) -> Answer:
    try:
        return check(bench, built)
    except HephaestusError as error:
        first, *rest = error.message.splitlines()
        failed = isinstance(error, GateFailed | VerificationFailed)
        return Answer(FAILED if failed else COULD_NOT_RUN, first, lines=tuple(rest[-12:]))


def _record(_bench: Bench, built: _Built) -> Answer:
    """Ask that the wheel is one, and holds what it lists (PEP 427)."""
    wheels.check_contents(built.wheel)
    return Answer(PASSED)


def _metadata(bench: Bench, built: _Built) -> Answer:
    """Ask twine whether an index would take the files and show the readme."""
    files = (built.wheel, built.sdist)
    ended = bench.run("twine", "--no-color", "check", "--strict", *files, extra=_WIDE)
    if ended.code == 0 and ended.output.count(": PASSED") == len(files):
        return Answer(PASSED)
    said = [found["said"].strip() for line in ended.said.splitlines() if (found := _LEVELS.search(line))]
    if ended.code == 1 and said:
        findings = tuple(Finding(each[:_LONGEST], _readme(bench.shown), rule="twine") for each in dict.fromkeys(said))
        return Answer(FAILED, f"twine: {findings[0].message}", findings)
    return _unclear("twine", ended.why or f"ended with code {ended.code}", useful(ended))


def _readme(shown: Shown) -> str:
    said = shown.project.table("project").get("readme", "")
    path = said.get("file", "") if isinstance(said, dict) else said
    return path if path in shown.paths else "pyproject.toml"


def _contents(bench: Bench, built: _Built) -> Answer:
    """Ask check-wheel-contents, as the project configures it, whether the wheel holds what it should and no more."""
    arguments = bench.shown.settings.of("package")["arguments"]
    ended = bench.run("check-wheel-contents", *arguments, built.wheel)
    if ended.code == 0 and ended.output.rstrip().endswith(": OK"):
        return Answer(PASSED)
    findings = tuple(_checks(ended.output.splitlines()))
    if ended.code == 1 and findings:
        return Answer(FAILED, f"check-wheel-contents: {findings[0].message}", findings)
    return _unclear("check-wheel-contents", ended.why or f"ended with code {ended.code}", useful(ended))


def _checks(lines: Sequence[str]) -> Iterator[Finding]:
    """Yield what check-wheel-contents found: a line for each check, with the files below it."""
    rule, said = "", ""
    for line in [*lines, ": end"]:
        found = _CHECK.match(line)
        if found is None and line.startswith("  "):
            said += f" {line.strip()}"
            continue
        if rule:
            yield Finding(said[:_LONGEST], "pyproject.toml", rule=rule)
        rule, said = (found["rule"], found["said"]) if found else ("", "")


def _abi3(bench: Bench, built: _Built) -> Answer:
    """Ask abi3audit, where the wheel is for the stable ABI, whether it uses nothing else."""
    if all(tag.abi != "abi3" for tag in wheels.read(built.wheel).tags):
        return Answer(PASSED)
    ended = bench.run("abi3audit", "--strict", "--report", built.wheel)
    try:
        specs = json.loads(ended.output)["specs"]
        audits = [each for spec in specs.values() for each in spec["wheel"]]
        wrong = [each for each in audits if not _is_abi3(each["result"])]
        findings = tuple(Finding(_broken(each), "pyproject.toml", rule="abi3") for each in wrong)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return _unclear("abi3audit", ended.why or "gave no answer", useful(ended))
    if findings:
        return Answer(FAILED, f"abi3audit: {findings[0].message}", findings)
    if ended.code != 0 or not audits:
        return _unclear("abi3audit", ended.why or "found nothing to audit", useful(ended))
    return Answer(PASSED)


def _is_abi3(result: dict[str, object]) -> bool:
    return result["is_abi3"] is True and result["is_abi3_baseline_compatible"] is True


def _broken(audited: dict[str, dict[str, object]]) -> str:
    result = audited["result"]
    symbols = result["non_abi3_symbols"]
    told = ", ".join(map(str, symbols[:5])) if isinstance(symbols, list) else ""
    beyond = f"it uses {told}" if told else f"it needs Python {result['computed']}, not {result['baseline']}"
    return f"{audited['name']} is not for the stable ABI: {beyond}"[:_LONGEST]


def _alone(bench: Bench, built: _Built) -> Answer:
    """Install the wheel with nothing but what it asks for, import it, load its entry points, run the smoke command."""
    shown = bench.shown
    python = pythons.usable(shown)
    if python is None:
        return Answer(COULD_NOT_RUN, "no Python that the project is for is installed here")
    environment = trial.install(bench, built.wheel, python, shown.locked())
    findings = trial.look(bench, environment, built.wheel)
    errors = [each for each in findings if each.level == "error"]
    if errors:
        return Answer(FAILED, errors[0].message, findings)
    printed = trial.smoke(bench, environment, shown.project.smoke) if shown.project.smoke else None
    if printed is not None:
        return Answer(FAILED, f"the smoke command {shown.project.smoke!r} fails: {printed[-1]}", findings, printed)
    return Answer(PASSED, "", findings)


def _unclear(tool: str, why: str, lines: tuple[str, ...]) -> Answer:
    return Answer(COULD_NOT_RUN, f"{tool}: {why}", lines=lines)
