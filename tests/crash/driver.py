"""Runs the program and kills it at one moment: `python driver.py N KIND -- words of hephaestus`.

A moment is what the door to the machine lets through: a journal line before, in the middle of and after its
writing; a program, a file that is replaced, copied, renamed, cut or removed before and after. Moments are counted
from 1 over the whole command. KIND says what is counted and what is killed:

    moment     moments; this process dies at the N-th
    orphan     programs; this process dies while the N-th runs, and the program lives on
    together   programs; this process and all it has started die while the N-th runs, as in a power cut

With N = -1 nothing is killed. The environment may name: CRASH_LIST, a file that gets a line of JSON for each moment
reached, the deadly one last; CRASH_WORLD, the directory of the world whose fingerprint goes into each of these lines;
CRASH_DELAY, the seconds a program runs before the kill; CRASH_CLOCK and CRASH_ID, the time and the random number of
the release, so that two runs can be compared byte by byte.
"""

import functools
import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from datetime import datetime
from pathlib import Path

from world import World

from hephaestus import cli, supervise, system

_ID = re.compile(r"[0-9a-f]{40,}")


class Moments:
    """Counts the moments and programs of this process, writes them down, and ends it at the one that was asked for."""

    def __init__(self, number, kind):
        self.number, self.kind = number, kind
        self.moments = self.programs = 0
        self.step = "before"
        self.inside = 0
        listed = os.environ.get("CRASH_LIST")
        self.listed = Path(listed) if listed else None
        where = os.environ.get("CRASH_WORLD")
        self.world = World(None, Path(where)) if where else None

    def reached(self, when, call, words):
        """Count a moment; tell whether it is the last one."""
        self.moments += 1
        if self.listed:
            moment = {"number": self.moments, "when": when, "call": call, "words": words, "step": self.step}
            # A torn line is only there once the kill is real.
            torn = " torn" if when == "in the middle of" else ""
            moment["world"] = self.world.fingerprint() + torn if self.world else ""
            with self.listed.open("a", encoding="utf-8") as file:
                file.write(json.dumps(moment) + "\n")
        return self.kind == "moment" and self.moments == self.number

    def started(self):
        """Count a program; die while it runs, if it is the one."""
        self.programs += 1
        if self.kind != "moment" and self.programs == self.number:
            time.sleep(float(os.environ.get("CRASH_DELAY", "0")))
            die(together=self.kind == "together")

    def told(self, data):
        """Learn from a journal line which step is going on."""
        record = json.loads(data)
        if "begin" in record:
            self.step = record["begin"]
        elif "undo" in record:
            self.step = f"undo {record['undo']}"
        elif "end" in record:
            self.step = "after"


def die(*, together=False):
    if together:
        for process in list(supervise._running.values()):  # they have sessions of their own
            os.killpg(process.pid, signal.SIGKILL)
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def shown(call, arguments):
    """Return the first words of a call: of a program without paths, options and ids, of a file its name."""
    if call != "run":
        return (arguments[1] if call in ("copy", "rename") else arguments[0]).name
    first, *rest = (str(word) for word in arguments[0])
    if "--" in rest and Path(first).name == "unshare":
        first, *rest = rest[rest.index("--") + 1 :]
    if rest[:1] == ["-m"]:
        return f"python -m {rest[1]}"
    if rest[:1] == ["-c"]:
        rest = rest[2:]
    if rest[:1] and rest[0].endswith("_hooks.py"):
        rest = rest[:1]  # the rest is one long text, with places that are other ones each time
    plain = (_ID.sub("ID", Path(word).name) for word in rest if not word.startswith(("-", "+", "\n")))
    return " ".join([Path(first).name, *plain][:3])


def watched(moments, call, real):
    """Return a function of the door with a moment before and one after it, and for `append` one in the middle."""

    @functools.wraps(real)
    def door(*arguments, **named):
        words = shown(call, arguments)
        if call == "append":
            moments.told(arguments[1])
        if moments.reached("before", call, words):
            die()
        if call == "append":
            path, data = arguments
            if moments.reached("in the middle of", call, words):
                real(path, data[: len(data) // 2])
                die()
        given = real(*arguments, **named)
        if moments.reached("after", call, words):
            die()
        return given

    return door


def watch_replacing(moments):
    """Let `write` and `remove` have moments in their middle too: around the one call that changes a name."""
    real, rename = os.replace, system.rename

    def replace(source, target, **named):
        if moments.inside:
            return real(source, target, **named)
        words = Path(target).name
        words = re.sub(r"\.gone-\w+$", "", words)
        if moments.reached("before", "replace", words):
            die()
        real(source, target, **named)
        if moments.reached("after", "replace", words):
            die()
        return None

    def renaming(source, target):
        moments.inside += 1
        try:
            rename(source, target)
        finally:
            moments.inside -= 1

    os.replace, system.rename = replace, renaming


def watch_programs(moments):
    class Popen(subprocess.Popen):
        def __init__(self, *arguments, **named):
            super().__init__(*arguments, **named)
            moments.started()

    subprocess.Popen = Popen


def main():
    number, kind, separator, *words = sys.argv[1:]
    assert separator == "--"
    assert kind in ("moment", "orphan", "together")
    moments = Moments(int(number), kind)
    if clock := os.environ.get("CRASH_CLOCK"):
        system.now = lambda: datetime.fromisoformat(clock)
    if chosen := os.environ.get("CRASH_ID"):
        uuid.uuid4 = lambda: uuid.UUID(chosen)
    watch_replacing(moments)
    for call in ("append", "copy", "remove", "rename", "run", "truncate", "write"):
        setattr(system, call, watched(moments, call, getattr(system, call)))
    supervise.run = watched(moments, "run", supervise.run)
    watch_programs(moments)
    sys.argv = ["hephaestus", *words]
    cli.main()


if __name__ == "__main__":
    main()
