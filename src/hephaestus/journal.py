"""The journal: what one release intended and did, line by line, so that a killed release can go on.

A file of JSON lines under the clone's common git directory, where no commit can forge it. The first
line freezes the facts of the release; then come `begin` before and `done` after each step, `undo` and
`undone` on the way back, and `end`. Steps are written by name. A line that was torn by a crash is cut
off before the next one is added.
"""

from __future__ import annotations

import glob
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hephaestus import system
from hephaestus.errors import UsageError

__all__ = ["Journal", "archived", "create", "directory", "find", "in_flight", "reopen"]


@dataclass
class Journal:
    """The record of one release: its frozen `facts`, and what was begun, done and undone since."""

    path: Path
    facts: dict[str, Any]
    records: list[dict[str, Any]] = field(default_factory=list)
    size: int = 0

    def begun(self, step: str) -> bool:
        """Tell whether a step was begun, whatever came of it."""
        return any(record.get("begin") == step for record in self.records)

    def done(self, step: str) -> bool:
        """Tell whether the last word on a step is that it was done."""
        last = [record for record in self.records if step in (record.get("begin"), record.get("done"))]
        return bool(last) and last[-1].get("done") == step

    def undone(self, step: str) -> bool:
        """Tell whether a step was taken back."""
        return any(record.get("undone") == step for record in self.records)

    @property
    def going_back(self) -> bool:
        """Whether a rollback was begun."""
        turns = [record for record in self.records if "back" in record or "forward" in record]
        return bool(turns) and "back" in turns[-1]

    @property
    def is_out(self) -> bool:
        """Whether users have the release and it was seen to be right, so that only the telling may be left to do."""
        return self.done("verify") and not self.going_back

    @property
    def taken_back(self) -> bool:
        """Whether some step was taken back, so that there is no way forward any more."""
        return any("undone" in record for record in self.records)

    @property
    def ended(self) -> str | None:
        """How the release ended, `released` or `rolled back`, or `None` while it is in flight."""
        last = self.records[-1] if self.records else {}
        return last.get("end")

    @property
    def seconds(self) -> dict[str, float]:
        """The seconds each finished step took, all its attempts counted."""
        took: dict[str, float] = {}
        for record in self.records:
            if "done" in record:
                took[record["done"]] = took.get(record["done"], 0.0) + record["seconds"]
        return took

    def begin(self, step: str) -> None:
        """Write down that a step is about to change the world."""
        self._add({"begin": step, "at": system.now().isoformat()})

    def finish(self, step: str, seconds: float) -> None:
        """Write down that a step is done, and the seconds it took."""
        self._add({"done": step, "seconds": round(seconds, 3)})

    def turn_back(self, *, published: bool, immutable: bool = False, because: str = "") -> None:
        """Write down that from here the release is taken back and why, and whether users could see it or change it.

        What was said before and is not said now still holds.
        """
        reason = because or self.reason
        known = (self.was_published, self.was_immutable, self.reason)
        told = (published or self.was_published, immutable or self.was_immutable, reason)
        if self.going_back and told == known:
            return
        facts: dict[str, Any] = {"immutable": True} if immutable else {}
        facts |= {"because": reason} if reason else {}
        self._add({"back": "published" if published else "unpublished", **facts, "at": system.now().isoformat()})

    def turn_forward(self) -> None:
        """Write down that a rollback which could take nothing back is given up."""
        self._add({"forward": None, "at": system.now().isoformat()})

    @property
    def was_published(self) -> bool:
        """Whether users could see the release when it was taken back."""
        return any(record.get("back") == "published" for record in self.records)

    @property
    def was_immutable(self) -> bool:
        """Whether the release could not be changed any more, so that its tag name is burned once it is deleted."""
        return any(record.get("immutable") for record in self.records)

    @property
    def reason(self) -> str:
        """Why the release is taken back, empty where nobody said."""
        said = [record["because"] for record in self.records if "back" in record and record.get("because")]
        return said[-1] if said else ""

    def leave(self, what: str, hint: str) -> None:
        """Write down what a person has to do, as no program can, and the command or the page to do it."""
        if {"what": what, "hint": hint} not in self.left:
            self._add({"manual": what, "hint": hint})

    @property
    def left(self) -> list[dict[str, str]]:
        """What a person has to do: each with `what` it is, and the command or the page as its `hint`."""
        return [{"what": record["manual"], "hint": record["hint"]} for record in self.records if "manual" in record]

    def undo(self, step: str) -> None:
        """Write down that a step is about to be taken back."""
        self._add({"undo": step, "at": system.now().isoformat()})

    def finish_undo(self, step: str) -> None:
        """Write down that a step was taken back."""
        self._add({"undone": step})

    def waive(self, gate: str, reason: str) -> None:
        """Write down that a gate need not pass, and why."""
        if reason != self.waived.get(gate):
            self._add({"waive": gate, "because": reason})

    @property
    def waived(self) -> dict[str, str]:
        """The gates that need not pass, with the reasons given."""
        return {record["waive"]: record["because"] for record in self.records if "waive" in record}

    def end(self, how: str) -> None:
        """Write down how the release ended."""
        self._add({"end": how, "at": system.now().isoformat()})

    def archive(self) -> None:
        """Put the journal of a release that was rolled back out of the way of the next try."""
        history = self.path.parent / "history"
        history.mkdir(exist_ok=True)
        system.rename(self.path, history / f"{self.path.stem}.{self.facts['id']}.jsonl")

    def _add(self, record: Mapping[str, Any]) -> None:
        line = _line(record)
        if self.path.stat().st_size > self.size:
            system.truncate(self.path, self.size)
        system.append(self.path, line)
        self.size += len(line)
        self.records.append(dict(record))


def directory(common_directory: Path) -> Path:
    """Return where the journals of a clone are kept, given its common git directory."""
    return common_directory / "hephaestus" / "journals"


def create(where: Path, tag: str, facts: Mapping[str, Any], records: Sequence[Mapping[str, Any]] = ()) -> Journal:
    """Begin the journal of a tag with the facts of its release, and with what is known to have happened already."""
    where.mkdir(parents=True, exist_ok=True)
    path = _path(where, tag)
    data = b"".join(_line(record) for record in ({"facts": facts}, *records))
    # In one step: facts without their records would make the traces of a recovered release look foreign.
    system.write(path, data)
    return Journal(path, dict(facts), [dict(record) for record in records], len(data))


def find(where: Path, tag: str) -> Journal | None:
    """Return the journal of a tag, or `None` where none was begun.

    Raises `UsageError` where the file holds something that is not a journal.
    """
    path = _path(where, tag)
    return _read(path) if path.is_file() else None


def archived(where: Path, tag: str) -> list[Path]:
    """Return the journals of tries at this tag that were rolled back."""
    name = glob.escape(quote(tag, safe=""))
    return sorted((where / "history").glob(f"{name}.{'[0-9a-f]' * 32}.jsonl"))


def reopen(where: Path, tag: str, id: str) -> Journal | None:  # noqa: A002  (as the facts have it)
    """Begin the journal of a try that was rolled back anew, as far as it came, with nothing taken back yet.

    Returns `None` where this clone has rolled back no such try that others could see.
    """
    path = next((path for path in archived(where, tag) if path.stem.endswith(f".{id}")), None)
    ended = _read(path) if path is not None else None
    if ended is None or not ended.begun("push"):
        return None
    passed = {"undo", "undone", "end", "manual"}
    return create(where, tag, ended.facts, [record for record in ended.records if passed.isdisjoint(record)])


def in_flight(where: Path) -> list[Journal]:
    """Return the journals of this clone whose releases are in flight."""
    found = (_read(path) for path in sorted(where.glob("*.jsonl")))
    return [journal for journal in found if journal is not None and journal.ended is None]


def _path(where: Path, tag: str) -> Path:
    return where / f"{quote(tag, safe='')}.jsonl"


def _line(record: Mapping[str, Any]) -> bytes:
    # Names and reasons may hold bytes that were no UTF-8; json reads them back as they are written here.
    return json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"


def _read(path: Path) -> Journal | None:
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if not whole:
        return None
    try:
        first, *rest = (dict(json.loads(line)) for line in whole.splitlines())
        return Journal(path, dict(first["facts"]), rest, len(whole))
    except (ValueError, KeyError, TypeError) as error:
        aside = shlex.quote(f"{path}.damaged")
        raise UsageError(f"the journal {path} is damaged: {error!r}", f"mv {shlex.quote(str(path))} {aside}") from error
