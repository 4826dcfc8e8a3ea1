"""TOML with the lines its values stand on: what they are is left to `tomllib`, only where they are is found here."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any, NamedTuple

from hephaestus.drift.node import Node

__all__ = ["read"]

_Path = tuple[str | int, ...]

_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r]++|\#[^\n]*+)
    |(?P<newline>\n)
    |(?P<text>\"{3}(?:[^"\\]|\\.|"(?!""))*+"{3,5}|'{3}(?:[^']|'(?!''))*+'{3,5}|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')
    |(?P<mark>[\[\]{}=,.])
    |(?P<bare>[^\s\[\]{}=,."'\#]++)
    """,
    re.VERBOSE | re.DOTALL,
)
_ENDS = {"\n", ",", "]", "}", ""}


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


def read(data: bytes) -> Node:
    """Return what a TOML file says; raises `ValueError` or `RecursionError` where it is none."""
    text = data.decode()
    document = tomllib.loads(text)
    return _joined(document, (), _Scan(text).lines, 1)


def _joined(value: Any, path: _Path, lines: dict[_Path, int], above: int) -> Node:  # noqa: ANN401  (all that TOML knows)
    """Return a value as a node; what was not seen stands where that stands which holds it."""
    line = lines.get(path, above)
    if isinstance(value, dict):
        return Node({key: _joined(each, (*path, key), lines, line) for key, each in value.items()}, line)
    if isinstance(value, list):
        return Node([_joined(each, (*path, number), lines, line) for number, each in enumerate(value)], line)
    return Node(value, line)


class _Scan:
    """One walk over the tokens of a document that `tomllib` has read, so nothing is checked a second time."""

    def __init__(self, text: str) -> None:
        self.lines: dict[_Path, int] = {}
        self._counts: dict[_Path, int] = {}  # how many tables an array of tables has by now
        self._tokens = _tokens(text)
        self._next = next(self._tokens)
        table: _Path = ()
        self._blank()
        while self._next.kind != "end":
            if self._next.text == "[" and self._next.kind == "mark":
                table = self._header()
            else:
                self._pair(table)
            self._blank()

    def _take(self) -> _Token:
        taken, self._next = self._next, next(self._tokens, _Token("end", "", 0))
        return taken

    def _blank(self) -> None:
        while self._next.kind == "newline":
            self._take()

    def _is(self, text: str) -> bool:
        return self._next.kind in {"mark", "newline", "end"} and self._next.text == text

    def _header(self) -> _Path:
        line = self._take().line
        many = self._is("[")
        if many:
            self._take()
        path: _Path = ()
        keys = self._keys()
        for key in keys[:-1]:
            path = self._last((*path, key))
            self.lines.setdefault(path, line)
        path = (*path, keys[-1])
        if many:
            self.lines.setdefault(path, line)
            self._counts[path] = self._counts.get(path, 0) + 1
        path = self._last(path)
        self.lines[path] = line
        while not self._is("\n") and self._next.kind != "end":
            self._take()
        return path

    def _last(self, path: _Path) -> _Path:
        """Return the path of the newest table where `path` is an array of tables."""
        return (*path, self._counts[path] - 1) if path in self._counts else path

    def _keys(self) -> list[str]:
        keys = []
        while True:
            token = self._take()
            keys.append(_key(token.text) if token.kind == "text" else token.text)
            if not self._is("."):
                return keys
            self._take()

    def _pair(self, table: _Path) -> None:
        self._blank()
        if self._next.kind == "end":
            return
        line, path = self._next.line, table
        for key in self._keys():
            path = (*path, key)
            self.lines.setdefault(path, line)
        self._take()  # the equals sign
        self._value(path)

    def _value(self, path: _Path) -> None:
        if self._is("["):
            self._take()
            number = 0
            while not self._closed("]"):
                self.lines[*path, number] = self._next.line
                self._value((*path, number))
                number += 1
        elif self._is("{"):
            self._take()
            while not self._closed("}"):
                self._pair(path)
        else:
            while self._next.kind not in {"mark", "newline", "end"} or self._next.text not in _ENDS:
                self._take()

    def _closed(self, mark: str) -> bool:
        """Pass over commas and ends of lines, and over the closing mark where that comes next."""
        while self._is("\n") or self._is(","):
            self._take()
        closed = self._is(mark) or self._next.kind == "end"
        if closed:
            self._take()
        return closed


def _tokens(text: str) -> Iterator[_Token]:
    line = 1
    for found in _TOKEN.finditer(text):
        kind, token = str(found.lastgroup), found[0]
        if kind != "space":
            yield _Token(kind, token, line)
        if kind in {"newline", "text"}:
            line += token.count("\n")
    yield _Token("end", "", line)


def _key(text: str) -> str:
    """Return what a quoted key stands for."""
    return str(tomllib.loads(f"key = {text}")["key"]) if "\\" in text else text[1:-1]
