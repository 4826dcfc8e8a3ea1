"""The only door to the terminal: what people read goes to standard error, what machines read to standard output.

Everything shown passes `clean`, so nothing that a tool, a changelog or a remote says can draw on the terminal
or give orders to the runner of GitHub Actions. rich is imported only when there is a terminal to draw on.
"""

from __future__ import annotations

from hephaestus.ui.messages import (
    Cell,
    annotate,
    confirm,
    document,
    error,
    passage,
    say,
    show,
    summarise,
    table,
)
from hephaestus.ui.observing import Observer, observer, paused
from hephaestus.ui.text import clean, took

__all__ = [
    "Cell",
    "Observer",
    "annotate",
    "clean",
    "confirm",
    "document",
    "error",
    "observer",
    "passage",
    "paused",
    "say",
    "show",
    "summarise",
    "table",
    "took",
]
