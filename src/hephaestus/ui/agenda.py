"""The steps to come, as every view needs them: where a step stands, what it does, and what follows."""

from __future__ import annotations

from collections.abc import Sequence

from hephaestus.ui.text import one_line

__all__ = ["Agenda"]


class Agenda:
    """A title and the steps under it, in order; without steps it knows nothing and says so with empty texts."""

    def __init__(self, title: str = "", steps: Sequence[tuple[str, str]] = ()) -> None:
        self.title = one_line(title)
        self._descriptions = {one_line(name): one_line(description) for name, description in steps}
        self.names = tuple(self._descriptions)

    def description(self, step: str) -> str:
        """Return what a step does."""
        return self._descriptions.get(step, "")

    def heading(self, step: str) -> str:
        """Return the line that opens a step: `[3/14] gates: every gate on that tree`."""
        place = f"[{self.names.index(step) + 1}/{len(self.names)}] " if step in self.names else ""
        return f"{place}{step}: {self.description(step)}".removesuffix(": ")

    def following(self, step: str) -> str:
        """Return the name of the step after a step, the first one after no step, and nothing after the last."""
        place = self.names.index(step) + 1 if step in self.names else 0
        return self.names[place] if place < len(self.names) else ""
