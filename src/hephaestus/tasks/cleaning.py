"""The task that cleans up a clone."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from invoke.context import Context

from hephaestus.tasks.command import JSON, command, consent, here

if TYPE_CHECKING:
    from hephaestus.cleanup import Found, Item, Left, Outcome

__all__ = ["cleanup"]

# How many paths are named in words; --json has all of them.
_SHOWN = 10


@command(
    help={
        "deep_clean": "also dist, the environments of Nox and tox, what tools remember, and what is kept for clones"
        " that are gone",
        "node_modules": "also node_modules",
        "dry_run": "say what would go, and change nothing",
        "sizes": "with --dry-run, say how much it is as well, which takes longer",
        "yes": "do not ask before what git neither tracks nor ignores goes",
        "json": JSON,
    }
)
def cleanup(  # noqa: PLR0913  (flags of a command line)
    context: Context,
    deep_clean: bool = False,
    node_modules: bool = False,
    dry_run: bool = False,
    sizes: bool = False,
    yes: bool = False,
    json: bool = False,
) -> dict[str, Any]:
    """Remove what tools left behind: caches, build leftovers, dead environments.

    What git tracks stays, as do other repositories, mounts, symbolic links
    and environments in use. What git does not ignore is asked about; where
    nobody can be asked it stays. Works on the whole clone, and only in one:
    without git nothing tells your work from leftovers.

    Examples:
        hephaestus cleanup --dry-run --sizes
        hephaestus cleanup
        hephaestus cleanup --deep-clean --node-modules
    """
    from hephaestus import cleanup as cleaning
    from hephaestus.errors import CouldNotRun

    repository = here()
    wish = cleaning.Wish(deep_clean, node_modules, sizes)
    found = cleaning.look(repository, wish)
    if deep_clean:
        outside = cleaning.look_outside(sizes=sizes)
        found = cleaning.Found(found.items + outside.items, found.left + outside.left)
    if dry_run or context.config.run.dry:
        return _preview(found)
    outcome = cleaning.clear(repository, found, _asked(yes))
    told = _tell(outcome)
    if not outcome.failed:
        return told
    first = outcome.failed[0]
    more = f", and {len(outcome.failed) - 1} more" if len(outcome.failed) > 1 else ""
    failure = CouldNotRun(f"{first.path} could not be removed: {first.why}{more}", f"ls -ld {shlex.quote(first.path)}")
    failure.details.update(told)
    raise failure


def _asked(yes: bool) -> Callable[[str], bool] | None:
    """Return how to get a yes to what may be somebody's work; that a machine of CI runs this is none."""
    return consent(yes) if yes or not os.environ.get("CI") else None


def _preview(found: Found) -> dict[str, Any]:
    from hephaestus import ui

    if found.items:
        _table(f"would remove {_amount(found.items)}", found.items)
        ui.show("\n" + _some([f"{_shown(item)}{_remark(item)}" for item in found.items]) + "\n")
    else:
        ui.say("there is nothing to remove")
    _tell_left("stays", found.left)
    return {
        "outcome": "dry",
        "removed": [],
        "would_remove": [_document(item) for item in found.items],
        "left": [vars(each) for each in found.left],
        "failed": [],
        "bytes": _bytes(found.items),
        "manifest": None,
    }


def _tell(outcome: Outcome) -> dict[str, Any]:
    from hephaestus import ui

    if outcome.removed:
        _table(f"removed {_amount(outcome.removed)}", outcome.removed)
        ui.show(f"\nwhat it was: {outcome.manifest}")
    elif not outcome.failed:
        ui.say("there was nothing to remove")
    _tell_left("stays", outcome.left)
    _tell_left("could not be removed", outcome.failed)
    return {
        "outcome": "failed" if outcome.failed else "done",
        "removed": [_document(item) for item in outcome.removed],
        "left": [vars(each) for each in outcome.left],
        "failed": [vars(each) for each in outcome.failed],
        "bytes": _bytes(outcome.removed),
        "manifest": str(outcome.manifest) if outcome.manifest else None,
    }


def _table(title: str, items: Sequence[Item]) -> None:
    from hephaestus import ui
    from hephaestus.cleanup import KINDS

    rows = []
    for kind in KINDS.values():
        of_kind = [item for item in items if item.kind == kind.name]
        if of_kind:
            held, files = _bytes(of_kind), str(sum(item.files for item in of_kind))
            rows.append([kind.name, str(len(of_kind)), files, "" if held is None else _size(held), kind.words])
    ui.table(title, ["kind", "paths", "files", "size", "what it is"], rows, first=4)


def _tell_left(word: str, left: Sequence[Left]) -> None:
    from hephaestus import ui

    if left:
        ui.show(_some([f"{word}: {_line(each.path)} ({each.why})" for each in left]))


def _some(lines: Sequence[str]) -> str:
    more = len(lines) - _SHOWN
    return "\n".join([*lines[:_SHOWN], *([f"and {more} more, which --json lists"] if more > 0 else [])])


def _amount(items: Sequence[Item]) -> str:
    """Return how much it is, as people say it: `2.1 GB in 34 directories`, or `12 files in 1 directory`."""
    directories = sum(item.is_directory for item in items)
    counts = [(directories, "directory", "directories"), (len(items) - directories, "file", "files")]
    words = [f"{count} {one if count == 1 else many}" for count, one, many in counts if count]
    held, files = _bytes(items), sum(item.files for item in items)
    much = f"{files} {'file' if files == 1 else 'files'}" if held is None else _size(held)
    return f"{much} in {' and '.join(words)}"


def _bytes(items: Sequence[Item]) -> int | None:
    """Return the bytes of all items, or `None` where they were not asked for."""
    known = [item.bytes for item in items if item.bytes is not None]
    return sum(known) if len(known) == len(items) else None


def _size(count: int) -> str:
    """Return a number of bytes as people say it, in powers of 1000."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:  # noqa: PLR2004  (what a kilo is)
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"  # noqa: PLR2004
        size /= 1000
    return f"{size:.1f} TB"


def _shown(item: Item) -> str:
    size = f" ({_size(item.bytes)})" if item.bytes is not None else ""
    return f"{_line(item.path)}{'/' if item.is_directory else ''}{size}"


def _line(path: str) -> str:
    """Return a path in which nothing ends a line, for a list of paths."""
    return path if path.isprintable() else repr(path)


def _remark(item: Item) -> str:
    return "".join(f"; {each}" for each in (item.why, "git does not ignore it" if item.unknown else "") if each)


def _document(item: Item) -> dict[str, Any]:
    told = {name: getattr(item, name) for name in ("path", "kind", "files", "bytes", "unknown", "why")}
    return {**told, "root": str(item.root)}
