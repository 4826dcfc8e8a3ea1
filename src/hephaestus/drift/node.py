"""What a file says, as a tree of values that know on which line they stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Node"]


@dataclass(frozen=True, eq=False, slots=True)
class Node:
    """A value and the line it begins on, counted from 1.

    `value` is a mapping of texts to nodes, a list of nodes, or a scalar: of YAML always the text as it is written, of
    TOML what it stands for. `bare` tells whether a text of YAML has no quotes, so that it may be read as a number.
    """

    value: object
    line: int
    bare: bool = False

    def at(self, *keys: str) -> Node | None:
        """Return the node below these keys, or `None` where there is none."""
        node: Node | None = self
        for key in keys:
            node = node.value.get(key) if node is not None and isinstance(node.value, dict) else None
        return node

    def entries(self, *keys: str) -> list[tuple[str, Node]]:
        """Return the keys and nodes of the mapping below these keys, none where it is no mapping."""
        node = self.at(*keys)
        return list(node.value.items()) if node is not None and isinstance(node.value, dict) else []

    def items(self, *keys: str) -> list[Node]:
        """Return the nodes of the list below these keys, none where it is no list."""
        node = self.at(*keys)
        return node.value if node is not None and isinstance(node.value, list) else []

    def said(self, *keys: str) -> str:
        """Return the text below these keys, empty where it is no text."""
        node = self.at(*keys)
        return node.text if node is not None else ""

    @property
    def text(self) -> str:
        """The text of this node, empty where it is none."""
        return self.value if isinstance(self.value, str) else ""

    def texts(self, *keys: str) -> Iterator[Node]:
        """Yield the nodes that hold texts: those of the list below these keys, or the one that stands there alone."""
        node = self.at(*keys)
        if node is not None:
            yield from (each for each in (node.items() or [node]) if each.text)
