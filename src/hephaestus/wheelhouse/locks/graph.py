"""A walk over what needs what."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

__all__ = ["reached"]

_Node = TypeVar("_Node", bound=Hashable)


def reached(start: Iterable[_Node], onward: Callable[[_Node], Iterable[_Node]]) -> list[_Node]:
    """Return all that can be reached from a start, in the order it is met; circles do no harm."""
    waiting = list(start)
    met = dict.fromkeys(waiting)
    while waiting:
        for node in onward(waiting.pop()):
            if node not in met:
                met[node] = None
                waiting.append(node)
    return list(met)
