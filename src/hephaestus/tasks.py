"""The Invoke tasks: flags in, one call into the library, words out. `from hephaestus import ns` gives them all."""

from __future__ import annotations

import errno
import functools
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

if TYPE_CHECKING:
    from hephaestus import git
    from hephaestus.make import Consent, Outcome
    from hephaestus.plan import Step
    from hephaestus.request import Request

__all__ = [
    "build",
    "bump",
    "changelog",
    "gates",
    "install_release",
    "namespace",
    "ns",
    "plan",
    "publish",
    "rehearse",
    "release",
    "rollback",
    "status",
    "tag",
    "verify",
    "wheelhouse",
]

_VERSION = "the version, such as 1.4.0"
_PART = "raise this part of the present version: major, minor or patch"
_YES = "do not ask before anything becomes public"
_SKIP_GATE = "a gate that need not pass (may be repeated; needs --because)"
_BECAUSE = "why the skipped gates need not pass; kept in the journal and the report"
_JSON = "print one JSON document on standard output"


def _command(**options: Any) -> Callable[[Callable[..., Any]], Any]:  # noqa: ANN401  (what Invoke's own decorator takes)
    """Make a task of a function that returns what a machine may want to know of its result.

    With `--json` that becomes the one document on standard output. Errors end in a message, a hint and an exit
    code, and with `--json` in a document that says the same; never in a traceback.
    """

    def made(body: Callable[..., Any]) -> Any:  # noqa: ANN401
        @functools.wraps(body)
        def guarded(context: Context, *arguments: Any, **flags: Any) -> Any:  # noqa: ANN401
            from hephaestus import ui
            from hephaestus.errors import CouldNotRun, HephaestusError, Interrupted

            try:
                told = body(context, *arguments, **flags)
            except KeyboardInterrupt:
                failure: HephaestusError = Interrupted(
                    "interrupted; the same command goes on from here", "hephaestus status"
                )
            except HephaestusError as error:
                failure = error
            except BrokenPipeError:
                raise
            except OSError as error:
                failure = CouldNotRun(*_said_by_the_system(error))
            else:
                if flags.get("json"):
                    ui.document(told)
                return told
            ui.error(failure)
            if flags.get("json"):
                ui.document(failure.document())
            raise Exit(code=failure.exit_code) from failure

        return task(auto_shortflags=False, **options)(guarded)

    return made


@_command(
    iterable=["skip_gate"],
    help={
        "version": _VERSION,
        "part": _PART,
        "current": "release the version the project says, if it is not released yet (for CI)",
        "until": "stop after this step; the same command goes on",
        "dry_run": "print the plan and the changes to files, and change nothing",
        "yes": _YES,
        "skip_gate": _SKIP_GATE,
        "because": _BECAUSE,
        "json": _JSON,
    },
)
def release(  # noqa: PLR0913  (flags of a command line)
    context: Context,
    version: str | None = None,
    part: str | None = None,
    current: bool = False,
    until: str | None = None,
    dry_run: bool = False,
    yes: bool = False,
    skip_gate: list[str] | None = None,
    because: str = "",
    json: bool = False,
) -> dict[str, Any]:
    """Make a release: proven in a stage, then visible in one atomic push.

    The same command goes on with a release that was interrupted.

    Examples:
        hephaestus release --version 1.4.0
        hephaestus release --part minor --yes
        hephaestus release --version 1.4.0 --dry-run
        hephaestus release --version 1.4.0 --until wheelhouse
        hephaestus release --version 1.4.0 --skip-gate audit --because "offline"
    """
    from hephaestus import ui
    from hephaestus.make import make
    from hephaestus.request import Request

    request = Request(version, part, current, until, _waived(skip_gate, because))
    if dry_run or context.config.run.dry:
        return _preview(request, json)
    with ui.observer() as observer:
        outcome = make(request, _here(), observer, _consent(yes))
    return _tell(outcome)


@_command(help={"version": _VERSION, "part": _PART, "current": "the version the project says", "json": _JSON})
def plan(
    context: Context,
    version: str | None = None,
    part: str | None = None,
    current: bool = False,
    json: bool = False,
) -> dict[str, Any]:
    """Print what a release would do, or all problems in its way.

    Changes nothing.

    Examples:
        hephaestus plan --version 1.4.0
        hephaestus plan --part minor --json
    """
    from hephaestus.request import Request

    return _preview(Request(version, part, current), json)


@_command(
    help={
        "version": _VERSION,
        "severity": "how severe the reason is, once users can see the release: critical, high, medium or low",
        "yes": _YES,
        "json": _JSON,
    }
)
def rollback(
    context: Context,
    version: str | None = None,
    severity: str | None = None,
    yes: bool = False,
    json: bool = False,
) -> dict[str, Any]:
    """Take a release back, as far as the world allows, and say what stays.

    Examples:
        hephaestus rollback --version 1.4.0
        hephaestus rollback --version 1.4.0 --severity critical
    """
    from hephaestus import ui
    from hephaestus.rollback import roll_back

    version = _needed(version, "rollback", "--version 1.4.0")
    if context.config.run.dry:
        return _would(f"take {version} back")
    with ui.observer() as observer:
        outcome = roll_back(version, severity, _here(), observer, _consent(yes))
    return _tell(outcome)


@_command(
    iterable=["skip_gate"],
    help={
        "version": _VERSION,
        "keep": "leave the throw-away remote, forge and clone where they are",
        "skip_gate": _SKIP_GATE,
        "because": _BECAUSE,
        "json": _JSON,
    },
)
def rehearse(  # noqa: PLR0913  (flags of a command line)
    context: Context,
    version: str | None = None,
    keep: bool = False,
    skip_gate: list[str] | None = None,
    because: str = "",
    json: bool = False,
) -> dict[str, Any]:
    """Make the same release where nobody sees it, install it, roll it back.

    Remote and forge are thrown away afterwards; your clone stays as it is.

    Example:
        hephaestus rehearse --version 1.4.0
    """
    from hephaestus import ui
    from hephaestus.rehearsal import rehearse as rehearse_release
    from hephaestus.request import Request

    version = _needed(version, "rehearse", "--version 1.4.0")
    if context.config.run.dry:
        return _would(f"rehearse {version}")
    request = Request(version, waived=_waived(skip_gate, because))
    with ui.observer() as observer:
        outcome = rehearse_release(request, _here(), observer, keep=keep)
    if not json:
        ui.table(f"rehearsal of {version}", outcome.details["columns"], outcome.details["rows"])
    return _tell(outcome)


@_command(help={"json": _JSON})
def status(context: Context, json: bool = False) -> dict[str, Any]:
    """Say where things stand: version, last release, what is half-way.

    What is half-way is shown with the commands that come next.
    """
    from hephaestus import ui
    from hephaestus.status import status as stand

    told = stand(_here())
    if not json:
        rows = [(name.replace("_", " "), str(value or "none")) for name, value in told.items() if name != "in_flight"]
        ui.table("status", ("what", "is"), rows)
        for flight in told["in_flight"]:
            ui.show(_in_flight(flight))
    return told


@_command(help={"version": _VERSION, "part": _PART, "json": _JSON})
def bump(context: Context, version: str | None = None, part: str | None = None, json: bool = False) -> dict[str, Any]:
    """Write the version everywhere the project keeps it, in this checkout.

    Examples:
        hephaestus bump --version 1.4.0
        hephaestus bump --part minor
    """
    from hephaestus import alone

    return _alone(context, alone.bump(_here(), version, part))


@_command(help={"version": _VERSION, "json": _JSON})
def changelog(context: Context, version: str | None = None, json: bool = False) -> dict[str, Any]:
    """Turn the changelog's Unreleased section into that of the version.

    The checkout is changed, and nothing else.

    Example:
        hephaestus changelog --version 1.4.0
    """
    from hephaestus import alone

    version = _needed(version, "changelog", "--version 1.4.0")
    return _alone(context, alone.changelog(_here(), version))


@_command(help={"json": _JSON})
def gates(context: Context, json: bool = False) -> dict[str, Any]:
    """Ask every gate about this checkout, in parallel."""
    from dataclasses import asdict

    from hephaestus import alone, ui
    from hephaestus.errors import HephaestusError

    asked = alone.gates(_here())
    if context.config.run.dry:
        return _alone(context, (asked,))
    asked.undo()
    failure = None
    try:
        _alone(context, (asked,))
    except HephaestusError as error:
        failure = error
    verdicts = asked.verdicts("checkout")
    told = {"gates": [asdict(said) for said in verdicts]}
    if verdicts and not json:
        rows = [(said.gate, said.verdict, f"{said.seconds:.1f}") for said in verdicts]
        ui.table("gates", ("gate", "verdict", "seconds"), rows)
    if failure is not None:
        failure.details.update(told)
        raise failure
    return {"outcome": "done", **told}


@_command(help={"json": _JSON})
def build(context: Context, json: bool = False) -> dict[str, Any]:
    """Build sdist and wheel of the commit that is checked out into dist."""
    from hephaestus import alone

    return _alone(context, alone.build(_here()))


@_command(help={"json": _JSON})
def wheelhouse(context: Context, json: bool = False) -> dict[str, Any]:
    """Build the project and all it needs into one archive in dist.

    It is installed with no network as proof.
    """
    from hephaestus import alone

    return _alone(context, alone.wheelhouse(_here()))


@_command(help={"version": _VERSION, "json": _JSON})
def tag(context: Context, version: str | None = None, json: bool = False) -> dict[str, Any]:
    """Tag the commit that is checked out, if it says its version.

    Nothing is pushed.
    """
    from hephaestus import alone

    return _alone(context, alone.tag(_here(), version))


@_command(help={"version": _VERSION, "yes": _YES, "json": _JSON})
def publish(context: Context, version: str | None = None, yes: bool = False, json: bool = False) -> dict[str, Any]:
    """Publish the files in dist on the forge, under a tag that was pushed."""
    from hephaestus import alone
    from hephaestus.errors import NotConfirmed

    steps = alone.publish(_here(), version)
    if not context.config.run.dry:
        consent = _consent(yes)
        if consent is None or not consent("\n".join([*(step.describe() for step in steps), "Make it public?"])):
            raise NotConfirmed("nothing was published", "hephaestus publish --yes")
    return _alone(context, steps)


@_command(help={"version": _VERSION, "json": _JSON})
def verify(context: Context, version: str | None = None, json: bool = False) -> dict[str, Any]:
    """Read a release back from where users get it, compare, install, run."""
    from hephaestus import alone

    return _alone(context, alone.verify(_here(), version))


@_command(
    name="install",
    help={
        "repository": "the forge: a directory or a file:// URL",
        "tag": "which release; the latest by default",
        "into": "the new environment; a directory named after project and version by default",
        "json": _JSON,
    },
)
def install_release(
    context: Context,
    repository: str | None = None,
    tag: str | None = None,
    into: str | None = None,
    json: bool = False,
) -> dict[str, Any]:
    """Install a release from its wheelhouse, verified, with no network.

    Examples:
        hephaestus release install --repository /srv/releases/lantern
        hephaestus release install --repository /srv/releases/lantern --tag v1.4.0
    """
    from dataclasses import asdict

    from hephaestus import ui
    from hephaestus.install import install

    repository = _needed(repository, "release install", "--repository /srv/releases")
    if context.config.run.dry:
        return _would(f"install {tag or 'the latest release'} from {repository}")
    with ui.observer():
        done = install(repository, tag, Path(into).absolute() if into else None)
    ui.say(f"{done.project} {done.version} is installed; its programs are in {done.programs}")
    return {**asdict(done), "programs": str(done.programs)}


def namespace() -> Collection:
    """Return a new collection of all tasks, to be added to or put under another."""
    made = Collection()
    releasing = Collection("release")
    # Made default here and not in the decorator: a user who imports the task alone gets no default task by it.
    releasing.add_task(release, name="run", default=True)
    releasing.add_task(install_release)
    made.add_collection(releasing)
    for each in (plan, rollback, rehearse, status, bump, changelog, gates, build, wheelhouse, tag, publish, verify):
        made.add_task(each)
    return made


ns = namespace()


def _here() -> git.Repository:
    from hephaestus import git

    return git.discover(Path.cwd())


def _waived(gates: list[str] | None, because: str) -> dict[str, str]:
    """Return the gates that need not pass, with the reason."""
    from hephaestus.errors import UsageError

    if because and not gates:
        raise UsageError("--because gives a reason, but --skip-gate names no gate", "hephaestus release --help")
    return dict.fromkeys(gates or (), because)


def _consent(yes: bool) -> Consent:
    """Return how to get a yes: given already (`--yes`, or CI), from a person at the terminal, or from nobody."""
    from hephaestus import ui

    if yes or os.environ.get("CI"):
        return _given
    return ui.confirm if sys.stdin.isatty() and sys.stderr.isatty() else None


def _given(question: str) -> bool:
    """Show what is agreed to, and agree."""
    from hephaestus import ui

    ui.show(question)
    return True


def _needed(value: str | None, words: str, example: str) -> str:
    """Return the value of a flag that must be given; Invoke would take the next word for it, whatever that is."""
    from hephaestus.errors import UsageError

    if value is None:
        raise UsageError(f"{words} needs {example.partition(' ')[0]}", f"hephaestus {words} {example}")
    return value


def _said_by_the_system(error: OSError) -> tuple[str, str]:
    """Return what the operating system refused, and a command that looks at it."""
    if error.errno == errno.ENOSPC or not error.filename:
        return f"the system refused: {error.strerror or error}", "df -h"
    return f"{error.filename}: {error.strerror}", f"ls -ld {shlex.quote(str(error.filename))}"


def _would(text: str) -> dict[str, Any]:
    """Say what is not done with `--dry`."""
    from hephaestus import ui

    ui.say(f"would {text}")
    return {"outcome": "dry", "said": f"would {text}"}


def _alone(context: Context, steps: tuple[Step, ...]) -> dict[str, Any]:
    """Apply steps to the checkout; with `--dry` only check them and say what they would do."""
    from hephaestus import ui
    from hephaestus.errors import ChecksFailed
    from hephaestus.plan import apply_alone

    if not context.config.run.dry:
        with ui.observer() as observer:
            apply_alone(steps, observer)
        return {"outcome": "done", "steps": [step.name for step in steps]}
    problems = [problem for step in steps for problem in step.check()]
    if problems:
        raise ChecksFailed(problems)
    diff = "".join(step.diff() for step in steps)
    ui.show("\n".join([*(f"would {step.name}: {step.describe()}" for step in steps), diff]))
    return {"outcome": "dry", "steps": [step.name for step in steps], "diff": diff}


def _preview(request: Request, json: bool) -> dict[str, Any]:
    """Show the plan of a release and the changes to files; change nothing."""
    from hephaestus import make, ui
    from hephaestus.errors import ChecksFailed

    planned, todo, problems = make.preview(request, _here())
    if problems:
        raise ChecksFailed(problems)
    steps = [(step.name, step.describe()) for step in todo.steps]
    diff = "".join(step.diff() for step in todo.steps)
    if not json:
        ui.table(f"plan for {planned.tag}", ("step", "does"), steps)
        ui.show(f"\n{diff}")
    return {
        "outcome": "planned",
        "release": vars(planned),
        "steps": [{"step": name, "does": said} for name, said in steps],
        "diff": diff,
    }


def _in_flight(flight: dict[str, Any]) -> str:
    """Return what to tell people of a release that is half-way."""
    done = ", ".join(flight["done"]) or "nothing"
    heading = f"{flight['tag']} is {'being rolled back' if flight['going_back'] else 'half-way'}"
    lines = [
        "",
        f"{heading}, begun {flight['begun']}; done: {done}",
        "next:",
        *(f"  {line}" for line in flight["next"]),
    ]
    return "\n".join(lines)


def _tell(outcome: Outcome) -> dict[str, Any]:
    """Say how a release ended."""
    from hephaestus import ui

    ui.show(outcome.said)
    report = outcome.details.get("report")
    if report:
        ui.say(f"report: {report}")
    return {"outcome": outcome.state, "said": outcome.said, **outcome.details}
