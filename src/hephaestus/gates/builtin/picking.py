"""Which of several tools a gate asks: the one the project chose, else the one that its files show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hephaestus import tables
from hephaestus.errors import UsageError
from hephaestus.gates.gate import Off
from hephaestus.gates.shown import Shown

__all__ = ["Known", "Picked", "pick"]


@dataclass(frozen=True)
class Known:
    """A tool, the `files` of its own configuration, and the `section` that it reads of setup.cfg and tox.ini."""

    name: str
    files: tuple[str, ...] = ()
    section: str | None = None

    def shown(self, shown: Shown) -> str | None:
        """Return where a project configures the tool, or `None`."""
        return shown.configured(self.name, *self.files, section=self.section)

    def declared(self, shown: Shown) -> str | None:
        """Return where a project declares the tool, or `None`."""
        place = shown.declared_in(self.name)
        return f"{self.name} in {place}" if place else None


@dataclass(frozen=True)
class Picked:
    """The name of a tool, and why it is asked."""

    name: str
    why: str


def pick(shown: Shown, gate: str, known: Sequence[Known], said: str | None) -> Picked | Off:
    """Return the tool that a gate asks, or why it asks none.

    That is the one `said` in its settings, else the first that is configured, else the first that is declared.
    Raises `UsageError` where the one that is said is not known.
    """
    names = [each.name for each in known]
    if said is not None:
        if said not in names:
            text = f"[tool.hephaestus.gates.{gate}] tool = {said!r} is none of {', '.join(sorted(names))}"
            raise UsageError(text, tables.SHOW)
        return Picked(said, f"[tool.hephaestus.gates.{gate}] chooses {said}")
    configured = [(each.name, where) for each in known if (where := each.shown(shown))]
    declared = [(each.name, where) for each in known if (where := each.declared(shown))]
    if not configured and not declared:
        places = ", ".join(dict.fromkeys(place for each in known for place in (f"[tool.{each.name}]", *each.files)))
        return Off(gate, f"there is no {places}, and none of {', '.join(names)} is declared")
    (name, why), *others = configured or declared
    also = f'; another one is chosen by `tool`, such as tool = "{others[0][0]}"' if others else ""
    return Picked(name, f"{why}{also}")
