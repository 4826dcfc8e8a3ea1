"""Cleaning up a clone: what tools leave behind goes, and what is anybody's work stays.

`look` walks over the clone once and finds what is cruft by the names of the catalogue; the rules say what must stay
whatever it is called; `clear` removes the rest, and writes down what it removed.
"""

from __future__ import annotations

from hephaestus.cleanup.areas import look_outside
from hephaestus.cleanup.catalogue import KINDS, Wish
from hephaestus.cleanup.removal import Outcome, clear
from hephaestus.cleanup.walk import Found, Item, Left, look

__all__ = ["KINDS", "Found", "Item", "Left", "Outcome", "Wish", "clear", "look", "look_outside"]
