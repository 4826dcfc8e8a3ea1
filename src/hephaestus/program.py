"""The Invoke program behind `hephaestus`, with our words, our errors, and only the options that have a use here."""

from __future__ import annotations

import contextlib
import inspect
import os
import re
import sys
from collections.abc import Iterator, Sequence
from typing import NoReturn

from invoke.collection import Collection
from invoke.exceptions import Exit, ParseError
from invoke.parser.argument import Argument
from invoke.program import Program

from hephaestus import __version__, tasks

__all__ = ["fold", "program"]

# What is left of Invoke's own options: the others steer how tasks run shell commands, and ours run none.
_OPTIONS = {
    "complete": "Print what could come next, for completion in a shell.",
    "debug": "Print what Invoke does.",
    "dry": "Say what would be done, and change nothing.",
    "help": "Show the tasks, or the flags of one, and exit.",
    "list": "Show the tasks and exit.",
    "print-completion-script": "Print what makes a shell complete our words (bash, zsh or fish).",
    "version": "Show the version and exit.",
}
# After a task these are still meant for the program; any other would be swallowed there without a word.
_AFTER_A_TASK = ("debug", "dry", "help")

# What a shell reports of a program that was ended by a closed pipe: 128 and the number of SIGPIPE.
_NOBODY_READS = 141


class _Program(Program):
    """A program that takes `release install` for `release.install`, and ends usage errors as every other error."""

    def normalize_argv(self, argv: list[str] | None) -> None:
        super().normalize_argv(argv)
        called, *words = self.argv
        # After `--` stands the command line that a shell wants to complete.
        place = words.index("--") + 2 if "--" in words else len(words)
        self.argv = [called, *self._fold(words[:place]), *self._fold(words[place:])]

    def run(self, argv: list[str] | None = None, exit: bool = True) -> None:  # noqa: A002, FBT001, FBT002  (Invoke's own signature)
        try:
            try:
                super().run(argv, exit=exit)
            finally:
                sys.stdout.flush()
        except BrokenPipeError:
            # Whoever read us has seen enough; what is left in the buffer must not raise again at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(_NOBODY_READS)

    def core_args(self) -> list[Argument]:
        offered = [argument for argument in super().core_args() if argument.name in _OPTIONS]
        for argument in offered:
            argument.help = _OPTIONS[str(argument.name)]
        return offered

    def parse_core_args(self) -> None:
        super().parse_core_args()
        # Invoke looks at its own options all the same, and finds that nobody gave them.
        for argument in super().core_args():
            if argument.name not in _OPTIONS:
                self.core[0].add_arg(argument)

    def parse_core(self, argv: list[str] | None) -> None:
        with self._explained():
            super().parse_core(argv)

    def parse_tasks(self) -> None:
        with self._explained():
            super().parse_tasks()
            self._nothing_swallowed()

    def parse_cleanup(self) -> None:
        with self._explained():
            super().parse_cleanup()

    def print_task_help(self, name: str) -> None:
        options = self.parser.contexts[name].help_tuples()
        sys.stdout.write(f"Usage: {self.binary} {_spoken(name)} [--options]\n\n")
        sys.stdout.write(f"{inspect.getdoc(self.collection[name])}\n\nOptions:\n\n")
        self.print_columns(options)

    def display_with_columns(self, pairs: Sequence[tuple[str, str | None]], extra: str = "") -> None:
        super().display_with_columns(sorted((_spoken(name), told) for name, told in pairs), extra)

    def _nothing_swallowed(self) -> None:
        """Refuse what Invoke lets pass: our own options after a task, and a flag to be repeated without its value."""
        for name, argument in self.core_via_tasks.args.items():
            if argument.got_value and name not in _AFTER_A_TASK:
                raise ParseError(f"No idea what '--{name}' is!", self.tasks[0])
        for task in self.tasks:
            for name, argument in task.args.items():
                if argument.kind is list and self.argv.count(f"--{name}") > len(argument.value):
                    raise ParseError(f"Flag {argument!r} needed value and was not given one!", task)

    def _fold(self, words: Sequence[str]) -> list[str]:
        return fold(words, self.namespace or Collection())

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """End what Invoke does not understand in our kind of error."""
        try:
            yield
        except ParseError as error:
            named = error.context.name if error.context is not None else None
            self._refuse(str(error), _spoken(named) if named else None, error)
        except Exit as error:
            if error.message:
                self._refuse(error.message, None, error)
            raise

    def _refuse(self, said: str, task: str | None, cause: Exception) -> NoReturn:
        from hephaestus import ui
        from hephaestus.errors import UsageError

        failure = UsageError(_in_our_words(said, task or "hephaestus"), f"hephaestus {task or ''}".rstrip() + " --help")
        ui.error(failure)
        if "--json" in self.argv:
            ui.document(failure.document())
        raise Exit(code=failure.exit_code) from cause


def program() -> Program:
    """Return the program over all tasks."""
    name = "hephaestus"
    return _Program(__version__, tasks.namespace(), name=name, binary=name, binary_names=[name])


def fold(words: Sequence[str], namespace: Collection) -> list[str]:
    """Join the first two words where the first names a group of tasks and the second one of its tasks."""
    first = next((place for place, word in enumerate(words) if not word.startswith("-")), None)
    if first is None or first + 1 >= len(words) or words[first] not in namespace.collections:
        return list(words)
    group, name = words[first], words[first + 1]
    if name not in namespace.collections[group].tasks:
        return list(words)
    return [*words[:first], f"{group}.{name}", *words[first + 2 :]]


def _spoken(name: str) -> str:
    """Return a task's name as people write it: `release` for `release.run (release)`, else with a blank for the dot."""
    return re.sub(r"\.run\b.*", "", name).replace(".", " ")


def _in_our_words(said: str, who: str) -> str:
    """Return what Invoke says of a command line so that it names the word that is wrong."""
    if unknown := re.fullmatch(r"No idea what (.+) is!", said, re.DOTALL):
        return f"{who} does not understand {unknown[1]}"
    if empty := re.match(r"Flag <Argument: ([\w-]+).*needed value", said):
        return f"{who}: --{empty[1].replace('_', '-')} needs a value"
    return f"{who}: {said}"
