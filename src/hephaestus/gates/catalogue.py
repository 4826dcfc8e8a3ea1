"""The gates of a project: the built-in ones that its files switch on, and the sessions of its own."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from hephaestus.errors import UsageError
from hephaestus.gates.builtin import (
    api,
    audit,
    code,
    configuration,
    configured,
    dependencies,
    documents,
    drifting,
    examples,
    licences,
    links,
    package,
    testing,
    types,
    workflows,
)
from hephaestus.gates.gate import Gate, Off
from hephaestus.gates.settings import Settings
from hephaestus.gates.shown import Shown

__all__ = ["Choices", "Own", "choose"]

# In the order they are told of.
_CHOOSERS: tuple[Callable[[Shown], Sequence[Gate | Off]], ...] = (
    code.choose,
    types.choose,
    testing.choose,
    dependencies.choose,
    audit.choose,
    licences.choose,
    configuration.choose,
    package.choose,
    workflows.choose,
    configured.choose,
    documents.choose,
    links.choose,
    examples.choose,
    api.choose,
    drifting.choose,
)
_LIST = "hephaestus gates --explain"


@dataclass(frozen=True)
class Own:
    """A session of the project's noxfile that is a gate; `cached` says that a pass of it may be used again."""

    name: str
    optional: bool = False
    cached: bool = False
    why: str = "a session of noxfile.py that is tagged `gate`"


@dataclass(frozen=True)
class Choices:
    """What is asked of a project, built-in `gates` and its `own` sessions, and what is `off`."""

    gates: tuple[Gate, ...]
    own: tuple[Own, ...]
    off: tuple[Off, ...]

    @property
    def names(self) -> list[str]:
        """The names of all gates that are asked, in the order they are told of."""
        return [*(each.name for each in self.gates), *(each.name for each in self.own)]

    def selected(self, only: Sequence[str], without: Sequence[str]) -> Choices:
        """Return the choices for some gates only, or for all without some.

        Raises `UsageError`, with the name that comes nearest, for a name no gate has.
        """
        for name in (*only, *without):
            self._known(name)

        def asked(name: str) -> bool:
            return (not only or _among(name, only)) and not _among(name, without)

        left = [Off(name, "not selected on the command line") for name in self.names if not asked(name)]
        return Choices(
            tuple(each for each in self.gates if asked(each.name)),
            tuple(each for each in self.own if asked(each.name)),
            (*self.off, *left),
        )

    def _known(self, name: str) -> None:
        if any(_among(each, [name]) for each in self.names):
            return
        why = next((each.why for each in self.off if _among(each.name, [name])), None)
        if why is not None:
            raise UsageError(f"the gate {name} is not asked: {why}", _LIST)
        raise UsageError(f"no gate is named {name}{_nearest(name, self.names)}", _LIST)


def choose(shown: Shown, sessions: Sequence[str]) -> Choices:
    """Return what is asked of a project; a session of its own takes the place of a built-in gate of its name.

    Raises `UsageError` for settings that cannot be used, or are about a gate there is none of.
    """
    built_in = [each for chooser in _CHOOSERS for each in chooser(shown)]
    own = [_own(name, shown.settings) for name in sessions]
    _all_known(shown.settings, [each.name for each in built_in], sessions)
    told: list[Gate | Off] = [_configured(each, shown.settings, sessions) for each in built_in]
    return Choices(
        tuple(each for each in told if isinstance(each, Gate)),
        tuple(each for each in own if isinstance(each, Own)),
        tuple(each for each in (*told, *own) if isinstance(each, Off)),
    )


def _configured(choice: Gate | Off, settings: Settings, sessions: Sequence[str]) -> Gate | Off:
    """Return a built-in gate after all that the project says of it."""
    if any(_base(name) == choice.name or name == choice.name for name in sessions):
        return Off(choice.name, f"the session {choice.name} of noxfile.py takes its place")
    if isinstance(choice, Off):
        return choice
    if settings.use is not None and not _among(choice.name, settings.use):
        return Off(choice.name, "[tool.hephaestus.gates] use does not name it")
    table = settings.common(choice.name if choice.name in (settings.single or {}) else _base(choice.name))
    if table["off"]:
        return Off(choice.name, f"switched off in pyproject.toml: {table['off']}")
    return replace(choice, optional=table["optional"], seconds=table["time-limit"])


def _own(name: str, settings: Settings) -> Own | Off:
    table = settings.common(name if name in (settings.single or {}) else _base(name))
    if table["off"]:
        return Off(name, f"switched off in pyproject.toml: {table['off']}")
    return Own(name, table["optional"], table["cached"])


def _all_known(settings: Settings, built_in: Sequence[str], sessions: Sequence[str]) -> None:
    known = {*built_in, *map(_base, built_in), *sessions, *map(_base, sessions)}
    for name in (*(settings.use or ()), *(settings.single or {})):
        if name not in known:
            said = f"[tool.hephaestus.gates] names a gate {name!r} there is none of"
            raise UsageError(f"{said}{_nearest(name, known)}", _LIST)


def _base(name: str) -> str:
    """Return the name of a gate without its Python and its parameters: `tests-3.12` is one of `tests`."""
    return name.partition("(")[0].partition("-3.")[0]


def _among(name: str, given: Sequence[str]) -> bool:
    return name in given or _base(name) in given


def _nearest(name: str, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.4)
    return f"; did you mean {found[0]}?" if found else ""
