"""The world a release is made in, at one fixed place, so that it can be killed, put aside, and brought back."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

DRIVER = Path(__file__).parent / "driver.py"
RELEASE = ("release", "--version", "1.1.0", "--yes")
ROLLBACK = ("rollback", "--version", "1.1.0", "--yes")
SEVERE = (*ROLLBACK, "--severity", "critical")
TAG = "v1.1.0"
KILLED = -9
# The variable that names the file in which all moments are listed, with the worlds they leave, before the whole
# table is made of them.
MOMENTS = "CRASH_MOMENTS"

# The clock and the chance of the run that is killed, and of every run after it: what is finished must keep the first.
FIRST = {"CRASH_CLOCK": "2026-11-20T12:00:00+00:00", "CRASH_ID": "11111111-1111-4111-8111-111111111111"}
LATER = {"CRASH_CLOCK": "2026-11-21T12:00:00+00:00", "CRASH_ID": "22222222-2222-4222-8222-222222222222"}

# The commands that are killed, by where the world stands when they are given, and how far a release is there.
COMMANDS = {
    "release": (RELEASE, "hidden"),
    "rollback after upload": (ROLLBACK, "hidden"),
    "rollback after push": (ROLLBACK, "pushed"),
    "rollback after track": (SEVERE, "published"),
}


@dataclass(frozen=True)
class Moment:
    """One moment at which a command can be killed, and the fingerprint of the world a kill leaves, if it is known."""

    number: int
    when: str
    call: str
    words: str
    step: str
    world: str = field(compare=False)

    def __str__(self) -> str:
        return f"{self.when} {self.call} {self.words} in step {self.step} (moment {self.number})"


@dataclass(frozen=True)
class Ended:
    """How a run of the driver ended, and the process group of what it has started."""

    group: int
    code: int
    said: str

    def settle(self) -> None:
        """Wait until no program that outlived its parent is running."""
        deadline = time.monotonic() + 60
        while _alive(self.group):
            assert time.monotonic() < deadline, "a program outlived its release by a minute"
            time.sleep(0.01)


@dataclass(frozen=True)
class World:
    """A project with its remote and its forge below `where`, and the directories in the cache that belong to it."""

    place: object
    where: Path

    def clone(self):
        """Return a clone of the remote that knows nothing of what the first one did."""
        return self.place.clone("other")

    def save(self, aside: Path) -> Path:
        """Copy the whole world to a directory of its own."""
        for name, path in self._parts():
            if path.exists():
                shutil.copytree(path, aside / name, symlinks=True)
        return aside

    def restore(self, aside: Path) -> None:
        """Make the world what it was when it was saved."""
        for name, path in self._parts():
            if path.exists():
                shutil.rmtree(path)
            if (aside / name).exists():
                shutil.copytree(aside / name, path, symlinks=True)

    def drive(self, number, kind, *words, at=None, clock=LATER, listed=None, delay=0.0) -> Ended:
        """Run the driver, which kills itself at moment or in program `number`; the words go to hephaestus."""
        command = [sys.executable, str(DRIVER), str(number), kind, "--", *words]
        extra = {"CRASH_DELAY": str(delay), **({"CRASH_LIST": str(listed)} if listed else {})}
        # What git dates itself, as the way back, has the time of the run too.
        extra |= dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), clock["CRASH_CLOCK"])
        if MOMENTS in os.environ:
            extra["CRASH_WORLD"] = str(self.where)
        said = self.where / "said"
        with said.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=(at or self.place).root,
                env={**os.environ, **clock, **extra},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            process.wait()
        return Ended(process.pid, process.returncode, said.read_text(encoding="utf-8", errors="replace"))

    def finish(self, *words, at=None, clock=LATER, listed=None) -> Ended:
        """Run a command undisturbed, to the end of all it has started."""
        ended = self.drive(-1, "moment", *words, at=at, clock=clock, listed=listed)
        ended.settle()
        return ended

    def public(self) -> str:
        """Look how far the release is: nothing to be seen is `hidden`, a tag is `pushed`, a release `published`."""
        if (self.place.forge / TAG / "release.json").exists():
            return "published"
        return "pushed" if f"refs/tags/{TAG}" in self.place.remote_refs() else "hidden"

    def begun(self) -> str | None:
        """Return which release the clone has a journal of, the `first` or a `later` one, or `None`."""
        return _which(self._journal.read_text(encoding="utf-8")) if self._journal.exists() else None

    def going_back(self) -> bool:
        """Tell whether the journal says that a rollback was begun, or was put away after one."""
        if not self._journal.exists():
            return any(self._journal.parent.glob(f"history/{TAG}.*"))
        return '{"back": ' in self._journal.read_text(encoding="utf-8")

    def marked(self) -> str | None:
        """Return which release another clone can see that was begun, the `first` or a `later` one, or `None`."""
        for folder in (self.place.forge / TAG, self.place.forge / ".drafts" / TAG):
            if (folder / "release.json").exists():
                return _which((folder / "release.json").read_text(encoding="utf-8"))
        if self.public() == "hidden":
            return None
        return _which(self.place.git("cat-file", "tag", f"refs/tags/{TAG}", at=self.place.remote))

    def left(self, place) -> dict[str, list[str]]:
        """Return the names of all that lies in the work area, beside the journals, and among the drafts."""
        areas = dict(self._parts())
        return {
            "area": _names(areas[f"area-{place.root.name}"]),
            "clone": _names(place.root / ".git" / "hephaestus", "**/*"),
            "drafts": _names(place.forge / ".drafts"),
        }

    def report(self, place) -> dict[str, object]:
        """Return the report of the release, without what differs from run to run: how long things took."""
        path = place.root / ".git" / "hephaestus" / "reports" / f"{TAG}.json"
        told = json.loads(path.read_text(encoding="utf-8"))
        del told["seconds"]
        for gate in told["gates"]:
            del gate["seconds"]
        return told

    def fingerprint(self) -> str:
        """Return the same text for two worlds that no release can tell apart: all bytes but times and seconds."""
        hasher = hashlib.sha256()
        for name, path in self._parts():
            for file in sorted(path.rglob("*")):
                parts = file.relative_to(path).parts
                hasher.update(f"\0{name} {_TEMPORARY.sub('', '/'.join(parts))}\0".encode())
                hasher.update(_content(file, parts))
        return hasher.hexdigest()

    @property
    def _journal(self) -> Path:
        return self.place.root / ".git" / "hephaestus" / "journals" / f"{TAG}.jsonl"

    def _parts(self):
        """Yield every directory that is part of the world, under a name for it."""
        for name in ("acorn", "remote.git", "releases", "other"):
            yield name, self.where / name
        for name in ("acorn", "other"):
            # The key of an area is made from paths alone, so a clone that is not there has one too.
            home = (self.where / name / ".git").resolve()
            key = f"{name}-{hashlib.sha256(os.fsencode(home)).hexdigest()[:12]}"
            yield f"area-{name}", Path(os.environ["XDG_CACHE_HOME"], "hephaestus", key)


@dataclass(frozen=True)
class Undisturbed:
    """What a release leaves that nobody has disturbed."""

    world: dict[str, object]
    left: dict[str, list[str]]
    report: dict[str, object]


class Ground:
    """A world, how it is before a release, and how it is wherever a command is killed."""

    def __init__(self, world: World, aside: Path) -> None:
        self.world, self.place, self.aside = world, world.place, aside
        self.template = world.save(aside / "template")
        self.before = self.place.snapshot()
        # The later one first: it fills the caches that all runs share, so every run after it has the same moments.
        self.undisturbed = {name: self._release(clock) for name, clock in (("later", LATER), ("first", FIRST))}

    def stand(self, standing: str) -> list[Moment]:
        """Bring back the world as it is when a command is given, and return the moments of that command."""
        if standing == "release":
            self.world.restore(self.template)
            return read(self.aside / "release.list")
        saved, listed = self.aside / standing, self.aside / f"{standing}.list"
        if not saved.exists():
            self.world.restore(self.template)
            self._finished(*RELEASE, "--until", standing.rpartition(" ")[2])
            self.world.save(saved)
            self._finished(*COMMANDS[standing][0], listed=listed)
        self.world.restore(saved)
        return read(listed)

    def kill(self, standing: str, moment: Moment) -> None:
        """Give a command, and kill it at a moment."""
        assert moment in self.stand(standing)
        listed = self.aside / "reached"
        listed.unlink(missing_ok=True)
        died = self.world.drive(moment.number, "moment", *COMMANDS[standing][0], clock=FIRST, listed=listed)
        died.settle()
        assert died.code == KILLED, f"was not killed {moment}, but ended with {died.code}:\n{died.said}"
        assert read(listed)[-1] == moment, f"was killed {read(listed)[-1]}, not {moment}"

    def _release(self, clock) -> Undisturbed:
        self.world.restore(self.template)
        listed = self.aside / "release.list"
        listed.unlink(missing_ok=True)
        self._finished(*RELEASE, clock=clock, listed=listed)
        return Undisturbed(self.place.snapshot(), self.world.left(self.place), self.world.report(self.place))

    def _finished(self, *words, clock=FIRST, listed=None) -> None:
        ended = self.world.finish(*words, clock=clock, listed=listed)
        assert ended.code == 0, ended.said


def read(listed: Path) -> list[Moment]:
    """Return the moments of a run from the list it has written."""
    return [Moment(**json.loads(line)) for line in listed.read_text(encoding="utf-8").splitlines()]


def alike(listed: dict[str, list[dict[str, object]]]) -> list[tuple[str, list[Moment]]]:
    """Return each standing of a list of moments with those moments after which, byte for byte, the same is left."""
    rows = []
    for standing, moments in listed.items():
        worlds: dict[str, list[Moment]] = {}
        for moment in moments:
            worlds.setdefault(moment["world"], []).append(Moment(**moment))
        rows += [(standing, together) for together in worlds.values()]
    return rows


# What tempfile adds to a name, and how long things took.
_TEMPORARY = re.compile(r"(?<=[.-])[a-z0-9_]{8}(?=/|$)")
_SECONDS = re.compile(rb"\d+\.\d+(e-\d+)?")


def _content(file: Path, parts: tuple[str, ...]) -> bytes:
    if file.is_symlink():
        return os.fsencode(file.readlink())
    # Left out for the times in them: git's logs and byte code; of git's index, all but what it holds.
    if not file.is_file() or "logs" in parts or "__pycache__" in parts:
        return b""
    if parts[-2:] == (".git", "index"):
        ask = ["git", "ls-files", "--stage"]
        return subprocess.run(ask, cwd=file.parent.parent, check=True, capture_output=True).stdout
    data = file.read_bytes()
    return _SECONDS.sub(b"0", data) if file.suffix in (".jsonl", ".json", ".log") else data


def _which(text: str) -> str:
    return "first" if FIRST["CRASH_ID"].replace("-", "") in text else "later"


def _names(path: Path, pattern: str = "*") -> list[str]:
    return sorted(file.name for file in path.glob(pattern))


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
