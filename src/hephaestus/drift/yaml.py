"""YAML with the lines its values stand on, built from the events of libyaml without following any alias twice."""

from __future__ import annotations

from typing import Any

from hephaestus.drift.node import Node

__all__ = ["read"]

# More than any file of configuration that people write; what is larger was made to do harm.
_LARGEST = 1 << 20
_MERGED = 100


def read(data: bytes) -> Node:
    """Return what the first document of a YAML file says; raises `ValueError` where it cannot be read.

    Scalars stay texts as they are written. An alias is the very node it stands for, so that a file cannot grow by it;
    of a key that is given twice the last one counts.
    """
    if len(data) > _LARGEST:
        raise ValueError(f"it is larger than {_LARGEST >> 20} MiB")
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _composed(yaml.parse(data.decode("utf-8-sig"), Loader=loader), yaml)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        said = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise ValueError(f"line {mark.line + 1}: {said}" if mark else said) from error


def _composed(events: Any, yaml: Any) -> Node:  # noqa: ANN401  (the module, and what it yields)
    """Build the tree without recursion, however deep it is."""
    root: list[Node] = []
    open_: list[tuple[Node, list[Node]]] = []  # each collection with what is in it by now, of a mapping keys as well
    anchors: dict[str, Node] = {}
    for event in events:
        if isinstance(event, yaml.DocumentEndEvent):
            break
        if isinstance(event, yaml.CollectionEndEvent):
            node, inside = open_.pop()
            _close(node, inside)
        elif isinstance(event, yaml.NodeEvent):
            if isinstance(event, yaml.AliasEvent):
                if event.anchor not in anchors:
                    raise ValueError(f"line {event.start_mark.line + 1}: the alias *{event.anchor} stands for nothing")
                node = anchors[event.anchor]
            else:
                node = _node(event, yaml)
                if event.anchor:
                    anchors[event.anchor] = node
            (open_[-1][1] if open_ else root).append(node)
            if isinstance(event, yaml.CollectionStartEvent):
                open_.append((node, []))
    return root[0] if root else Node({}, 1)


def _node(event: Any, yaml: Any) -> Node:  # noqa: ANN401
    line = event.start_mark.line + 1
    if isinstance(event, yaml.ScalarEvent):
        return Node(event.value, line, bare=not event.style)
    return Node({} if isinstance(event, yaml.MappingStartEvent) else [], line)


def _close(node: Node, inside: list[Node]) -> None:
    """Put what was read into a collection; `<<` brings the pairs of a small mapping that are not given."""
    if isinstance(node.value, list):
        node.value.extend(inside)
    elif isinstance(node.value, dict):
        for key, value in zip(inside[::2], inside[1::2], strict=True):
            if key.text == "<<" and key.bare and isinstance(value.value, dict) and len(value.value) <= _MERGED:
                for name, each in list(value.value.items()):
                    node.value.setdefault(name, each)
            elif isinstance(key.value, str):
                node.value[key.value] = value
