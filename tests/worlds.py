"""A release that came half-way, what a user then does, and the real faults that befall the remote."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from hephaestus import git, journal, marks, release, ui
from hephaestus.make import Outcome, make
from hephaestus.plan import Step
from hephaestus.request import Request
from hephaestus.rollback import roll_back
from hephaestus.stage import area

if TYPE_CHECKING:
    from places import Place

VERSION, TAG = "1.1.0", "v1.1.0"

# The place of the first test that asked for a step. Later tests get it back at the same path, where its stage fits.
_reached: dict[str, "Place"] = {}


def agree(_question: str) -> bool:
    return True


def go(place: "Place", until: str | None = None, *, version: str | None = VERSION, current: bool = False) -> Outcome:
    """Run `hephaestus release` in this process; somebody agrees to everything."""
    with ui.observer(io.StringIO()) as observer:
        return make(Request(version=version, current=current, until=until), place.repository, observer, agree)


def back(place: "Place", severity: str | None = None, version: str = VERSION) -> Outcome:
    """Run `hephaestus rollback` in this process; somebody agrees to everything."""
    with ui.observer(io.StringIO()) as observer:
        return roll_back(version, severity, place.repository, observer, agree)


def halfway(request: pytest.FixtureRequest, until: str) -> "Place":
    """Return a project whose release came as far as a step; the way there is gone once and then copied."""
    if until not in _reached:
        earlier = [name for name in release.STEPS[: release.STEPS.index(until)] if name in _reached]
        place: Place = _restored(earlier[-1]) if earlier else request.getfixturevalue("place")
        go(place, until)
        for number, folder in enumerate(_folders(place)):
            _copy(folder, _saved(place, until, number))
        _reached[until] = place
    return _restored(until)


def _restored(until: str) -> "Place":
    place = _reached[until]
    folders = _folders(place)
    _sweep(place)
    for number, folder in enumerate(folders):
        _copy(_saved(place, until, number), folder)
    place.git("update-index", "-q", "--refresh")  # the copies have other inodes; nothing else may touch the index
    return place


def _sweep(place: "Place") -> None:
    """Remove what an earlier test left beside the project, and the stages of its clones."""
    for entry in place.root.parent.iterdir():
        if entry.name in {"data", "saved"}:
            continue
        if (entry / ".git").is_dir():
            shutil.rmtree(area(git.Repository(entry)), ignore_errors=True)
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def _folders(place: "Place") -> tuple[Path, ...]:
    return place.root, place.remote, place.forge, area(place.repository)


def _saved(place: "Place", until: str, number: int) -> Path:
    return place.root.parent / "saved" / until / str(number)


def _copy(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)


def record(place: "Place", tag: str = TAG) -> journal.Journal | None:
    return journal.find(journal.directory(place.repository.common_directory), tag)


def begun(place: "Place") -> release.Release:
    """Return the facts of the release that is half-way here."""
    found = record(place)
    assert found is not None
    return release.Release(**found.facts)


def step(place: "Place", name: str) -> Step:
    """Return a step of the release that is half-way here."""
    facts = begun(place)
    steps = release.steps(facts, release.workplace(place.repository, facts.base), {})
    return next(each for each in steps if each.name == name)


def made(place: "Place") -> tuple[str, str]:
    """Return the release commit and the tag object that wait under private refs."""
    found = (place.repository.resolve(f"refs/hephaestus/{TAG}/{what}") for what in ("commit", "tag"))
    commit, tag = found
    assert commit is not None
    assert tag is not None
    return commit, tag


def promise(place: "Place", tag: str = TAG) -> marks.DraftMark | None:
    """Return what the release of a tag promises, draft or published."""
    found = release.workplace(place.repository, "HEAD").forge.find(tag)
    return marks.from_body(found.body) if found else None


def hidden(snapshot: dict[str, object], *but: str) -> dict[str, object]:
    """Return a snapshot without what a half-way release may show: its private refs, its draft, and what is named."""
    refs = {name: held for name, held in dict(snapshot["refs"]).items() if not name.startswith("refs/hephaestus/")}  # type: ignore[call-overload]
    return {key: value for key, value in {**snapshot, "refs": refs}.items() if key not in {"drafts", *but}}


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def hook(place: "Place", name: str, text: str) -> Path:
    """Give the remote a hook."""
    return script(place.remote / "hooks" / name, text)


def receive(place: "Place", text: str) -> Path:
    """Let a script answer pushes in place of git-receive-pack; its first argument is the remote's directory."""
    path = script(place.root.parent / "receive-pack", text)
    place.git("config", "remote.origin.receivepack", str(path))
    return path


class Fault(NamedTuple):
    """A way in which a remote keeps a push out: how it begins, and how it is mended."""

    begin: Callable[["Place"], object]
    mend: Callable[["Place"], object]


def _away(place: "Place") -> Path:
    return place.remote.with_name("elsewhere.git")


def _no_hook(place: "Place") -> None:
    for path in (place.remote / "hooks").iterdir():
        path.unlink()


def _elsewhere(url: str) -> Fault:
    return Fault(
        lambda place: place.git("remote", "set-url", "origin", url),
        lambda place: place.git("remote", "set-url", "origin", str(place.remote)),
    )


def _receiving(text: str) -> Fault:
    return Fault(
        lambda place: receive(place, text), lambda place: place.git("config", "--unset", "remote.origin.receivepack")
    )


_NO = 'case "$1" in refs/{kind}/*) echo "GH013: {kind} are protected" >&2; exit 1;; esac'

REFUSALS = {
    "branch refused": Fault(lambda place: hook(place, "update", _NO.format(kind="heads")), _no_hook),
    "tag refused": Fault(lambda place: hook(place, "update", _NO.format(kind="tags")), _no_hook),
    "all refused": Fault(
        lambda place: hook(place, "pre-receive", 'echo "GH013: frozen until Monday" >&2; exit 1'), _no_hook
    ),
}

FROZEN = REFUSALS["all refused"]

# Port 1 of this machine: nothing listens there.
UNREACHABLE = {
    "moved away": Fault(
        lambda place: place.remote.rename(_away(place)), lambda place: _away(place).rename(place.remote)
    ),
    "https that answers nothing": _elsewhere("https://127.0.0.1:1/acorn.git"),
    "ssh that answers nothing": _elsewhere("ssh://git@127.0.0.1:1/acorn.git"),
}

LOST = {
    "dead before a word": _receiving("exit 1"),
    "dead after its greeting": _receiving('git-receive-pack "$1" </dev/null'),
    "unable to push atomically": Fault(
        lambda place: place.git("config", "receive.advertiseAtomic", "false", at=place.remote),
        lambda place: place.git("config", "--unset", "receive.advertiseAtomic", at=place.remote),
    ),
}

# The push is applied, and its answer is lost.
_GREETING = 'size=$(git-receive-pack --http-backend-info-refs "$1" | wc -c)'
DROPPED = {
    "an exit code that lies": 'git-receive-pack "$1"; exit 1',
    "an answer cut short": f'{_GREETING}; git-receive-pack "$1" | dd bs=1 count=$((size + 20)) 2>/dev/null; exit 1',
    "no answer": f'{_GREETING}; git-receive-pack "$1" | dd bs=1 count=$size 2>/dev/null; exit 1',
}
