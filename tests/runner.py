"""The runner of GitHub Actions, as far as it reads the log of a step and obeys the commands in it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

# Those it knows (https://docs.github.com/actions/reference/workflow-commands-for-github-actions); all others are text.
_NAMES = {"group", "endgroup", "error", "warning", "notice", "debug", "add-mask", "set-output", "save-state", "echo"}


@dataclass(frozen=True)
class Command:
    """A command that was obeyed."""

    name: str
    data: str = ""
    properties: dict[str, str] = field(default_factory=dict)


def obeyed(log: str) -> list[Command]:
    """Return the commands that the runner obeys in a log, by the rules of its ActionCommandManager."""
    told, token = [], ""
    for line in re.split(r"\r\n|\r|\n", log):
        command = _parsed(line, {token} if token else {*_NAMES, "stop-commands"})
        if command is None:
            continue
        if token:
            token = ""
        elif command.name == "stop-commands":
            token = command.data
        else:
            told.append(command)
    assert not token, "the runner was left deaf"
    return told


def _parsed(line: str, names: set[str]) -> Command | None:
    """Return the first that is a command in either form: `::name properties::data`, or `##[name properties]data`."""
    for found in (re.match(r"\s*::(.*?)::(.*)", line), re.search(r"##\[([^\]]*)\](.*)", line)):
        name, _, properties = found[1].partition(" ") if found else ("", "", "")
        if found and name in names:
            pairs = [each.split("=", 1) for each in properties.strip().split(",") if "=" in each]
            return Command(name, _unescaped(found[2]), {key: _unescaped(value) for key, value in pairs})
    return None


def _unescaped(text: str) -> str:
    for code, sign in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, sign)
    return text
