"""A small project in a directory, what it shows of itself, and a bench to ask a gate of it at."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from hephaestus import project
from hephaestus.environments import Environment
from hephaestus.errors import CouldNotRun
from hephaestus.gates import settings
from hephaestus.gates.bench import Bench
from hephaestus.gates.gate import Answer, Gate, Off
from hephaestus.gates.shown import Shown
from hephaestus.tree import Directory

# The tools of the environment the tests run in, those of the index gates would install otherwise.
TOOLS = Environment(Path(sys.prefix))

PYPROJECT = '[project]\nname = "acorn"\nversion = "1.0"\n'


def write(root: Path, files: dict[str, str | bytes]) -> None:
    """Write the files of a project; its pyproject.toml is a small one where none is given."""
    for path, text in {"pyproject.toml": PYPROJECT, **files}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(text.encode() if isinstance(text, str) else text)


def show(root: Path) -> Shown:
    """Return what the project in a directory shows of itself; all its files count as files of git."""
    facts = project.load(Directory(root))
    paths = (each.relative_to(root).as_posix() for each in root.rglob("*") if each.is_file())
    said = settings.read(facts.table("tool", "hephaestus", "gates"))
    return Shown(root, facts, said, frozenset(path for path in paths if not path.startswith(".git/")))


def chosen(choose: Callable[[Shown], Iterable[Gate | Off]], root: Path) -> dict[str, Gate | Off]:
    """Return what a family chooses for the project in a directory, by name."""
    return {each.name: each for each in choose(show(root))}


def bench(
    root: Path,
    room: Path,
    *,
    environment: Environment = TOOLS,
    wheel: Path | None = None,
    sdist: Path | None = None,
    seconds: float = 60,
) -> Bench:
    """Return a bench at the project in `root`, with an empty directory in `room` for what gates leave."""
    for name in ("scratch", "kept"):
        (room / name).mkdir(parents=True, exist_ok=True)
    return Bench(
        shown=show(root),
        environment=environment,
        scratch=room / "scratch",
        kept=room / "kept",
        seconds=seconds,
        wheel=lambda: _given(wheel),
        sdist=lambda: _given(sdist),
        log=lambda text: _append(room / "log", text),
    )


def ask(gate: Gate | Off, at: Bench) -> Answer:
    """Ask a gate that must be switched on; a program that is missing is an answer too, as the engine has it."""
    assert isinstance(gate, Gate), gate
    try:
        return gate.ask(at)
    except CouldNotRun as error:
        return Answer("could not run", error.message)


def stub(folder: Path, name: str, *lines: str) -> Environment:
    """Put a program of a few lines of Python in an environment that has nothing else."""
    place = Environment(folder)
    place.programs.mkdir(parents=True, exist_ok=True)
    file = place.programs / name
    file.write_text("\n".join([f"#!{sys.executable} -IS", "import sys, os, time", *lines]))
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return place


def places(answer: Answer) -> Sequence[str]:
    """Return where the findings of an answer are, each with its rule."""
    return [f"{each.place} {each.rule}".strip() for each in answer.findings]


def snapshot(root: Path) -> dict[str, bytes]:
    """Return the bytes of all files in a directory, to see that nothing was left in it."""
    return {os.fspath(each.relative_to(root)): each.read_bytes() for each in root.rglob("*") if each.is_file()}


def _append(file: Path, text: str) -> None:
    with file.open("a", encoding="utf-8") as opened:
        opened.write(text)


def _given(path: Path | None) -> Path:
    if path is None:
        raise CouldNotRun("no wheel was built for this test")
    return path


class Project:
    """A project in a directory of its own, whose gates of one family are asked by name."""

    def __init__(self, root: Path, choose: Callable[[Shown], Iterable[Gate | Off]]) -> None:
        self.root, self._choose = root, choose
        self.environment, self.seconds = TOOLS, 60.0

    def has(self, pyproject: str = "", files: dict[str, str | bytes] | None = None) -> Project:
        """Write files, and a pyproject.toml with some lines more than the project's name and version."""
        write(self.root, {"pyproject.toml": f"{PYPROJECT}{pyproject}", **(files or {})})
        return self

    def gate(self, name: str) -> Gate | Off:
        """Return what is chosen for a gate."""
        return chosen(self._choose, self.root)[name]

    def ask(self, name: str) -> Answer:
        """Ask a gate, and see that it leaves nothing in the project."""
        before = snapshot(self.root)
        answer = ask(
            self.gate(name),
            bench(self.root, self.root.parent / "room", environment=self.environment, seconds=self.seconds),
        )
        assert snapshot(self.root) == before
        return answer
