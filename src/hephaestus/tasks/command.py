"""What every task is made with: errors that end in words and exit codes, consent, and the words people read."""

from __future__ import annotations

import errno
import functools
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

if TYPE_CHECKING:
    from hephaestus import git
    from hephaestus.make import Consent
    from hephaestus.plan import Step

__all__ = [
    "BECAUSE",
    "JSON",
    "PART",
    "SEVERITY",
    "SKIP_GATE",
    "VERSION",
    "YES",
    "alone_here",
    "command",
    "consent",
    "here",
    "needed",
    "waived",
    "would",
]

VERSION = "the version, such as 1.4.0"
PART = "raise this part of the present version: major, minor or patch"
SEVERITY = "how severe the reason is, once users can see the release: critical, high, medium or low"
YES = "do not ask before anything becomes public"
SKIP_GATE = "a gate that need not pass (may be repeated; needs --because)"
BECAUSE = "why the skipped gates need not pass; kept in the journal and the report"
JSON = "print one JSON document on standard output"


def command(**options: Any) -> Callable[[Callable[..., Any]], Any]:  # noqa: ANN401  (what Invoke's own decorator takes)
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


def here() -> git.Repository:
    """Return the clone the user stands in."""
    from hephaestus import git

    return git.discover(Path.cwd())


def waived(gates: list[str] | None, because: str) -> dict[str, str]:
    """Return the gates that need not pass, with the reason."""
    from hephaestus.errors import UsageError

    if because and not gates:
        raise UsageError("--because gives a reason, but --skip-gate names no gate", "hephaestus release --help")
    return dict.fromkeys(gates or (), because)


def consent(yes: bool) -> Consent:
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


def needed(value: str | None, words: str, example: str) -> str:
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


def would(text: str) -> dict[str, Any]:
    """Say what is not done with `--dry`."""
    from hephaestus import ui

    ui.say(f"would {text}")
    return {"outcome": "dry", "said": f"would {text}"}


def alone_here(context: Context, steps: tuple[Step, ...]) -> dict[str, Any]:
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
