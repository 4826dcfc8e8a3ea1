"""What pytest reads and writes: the project's settings for it, and the report of a run that it leaves (JUnit XML)."""

from __future__ import annotations

import configparser
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from hephaestus.errors import CouldNotRun
from hephaestus.findings import Finding
from hephaestus.gates.shown import Shown
from hephaestus.tree import Directory

__all__ = ["Failure", "Report", "Settings", "report", "settings"]

# In the order pytest looks for them, with the tables or sections it reads of each.
_FILES = (
    ("pytest.toml", ("pytest",)),
    (".pytest.toml", ("pytest",)),
    ("pytest.ini", ("pytest",)),
    (".pytest.ini", ("pytest",)),
    ("pyproject.toml", ("tool", "pytest", "ini_options")),
    ("pyproject.toml", ("tool", "pytest")),
    ("tox.ini", ("pytest",)),
    ("setup.cfg", ("tool:pytest",)),
)
# What is said of coverage and of reports in the project's own words for pytest is said by the gate instead.
_WITHOUT_VALUE = ("--cov-append", "--cov-branch", "--no-cov", "--no-cov-on-fail", "--cov-reset")
_OWN = ("--cov", "--no-cov", "--junitxml", "--junit-xml")
_LARGEST = 64 << 20
_LONGEST = 300
_PLACE = re.compile(r"^(?P<path>[^\s:][^:\n]*\.py):(?P<line>\d{1,7}): ?", re.MULTILINE)
_NATIVE = re.compile(r'^\s*File "(?P<path>[^"\n]+\.py)", line (?P<line>\d{1,7})', re.MULTILINE)
_ERROR = re.compile(r"^E\s+(?P<said>\S.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Settings:
    """The project's settings for pytest: where they stand, its `addopts` as words, and its `testpaths`."""

    where: str = ""
    words: tuple[str, ...] = ()
    testpaths: tuple[str, ...] = ()

    @property
    def others(self) -> tuple[str, ...]:
        """The words that are not about coverage or a report of the run, which would be left in the project."""
        return tuple(word for word, option, _ in self._told() if not option)

    def values(self, option: str) -> tuple[str, ...]:
        """Return the value of an option about coverage, each time it is among the words and has one."""
        return tuple(value for _, name, value in self._told() if name == option and value)

    def _told(self) -> Iterator[tuple[str, str, str]]:
        """Yield each word with the option about coverage it is, or is the value of, and the value it gives to it."""
        behind = ""
        for word in self.words:
            option, equals, value = word.partition("=")
            if behind and not word.startswith("-"):
                yield word, behind, word
                behind = ""
            elif word.startswith(_OWN):
                yield word, option, value
                behind = "" if equals or option in _WITHOUT_VALUE else option
            else:
                yield word, "", ""
                behind = ""


@dataclass(frozen=True)
class Failure:
    """A test that failed, or a file of tests that could not be loaded: its name, what was said, and all of that."""

    name: str
    message: str
    text: str
    file: str
    line: int

    @property
    def loading(self) -> bool:
        """Whether it is a file of tests that could not be loaded, and none of them."""
        return self.message == "collection failure"

    def finding(self, placed: Callable[[str], str | None]) -> Finding:
        """Return it as a finding; `placed` maps a path that pytest writes to one of the project's, or to `None`."""
        for pattern in (_PLACE, _NATIVE):
            for found in reversed(list(pattern.finditer(self.text))):
                path = placed(found["path"])
                if path is not None:
                    return self._at(path, int(found["line"]))
        path = placed(self.file) if self.file else None
        return self._at(path or "", self.line if path else 0)

    def _at(self, path: str, line: int) -> Finding:
        said = _ERROR.search(self.text)
        message = said["said"] if said and not self.message.strip() else self.message or "it failed"
        if said and self.loading:
            message = [found["said"] for found in _ERROR.finditer(self.text)][-1]
        return Finding(f"{self.name}: {_line(message)}", path, line, rule="test")


@dataclass(frozen=True)
class Report:
    """How a run ended: how many tests there were, how many were left out, and which failed."""

    tests: int
    skipped: int
    failures: tuple[Failure, ...]


def settings(shown: Shown) -> Settings:
    """Return the project's settings for pytest, of the file that pytest would read; empty ones where there are none."""
    for file, keys in _FILES:
        if file in shown.paths or file == "pyproject.toml":
            table = _table(shown, file, keys)
            if table is not None:
                where = f"[{'.'.join(keys)}] in {file}" if file == "pyproject.toml" else file
                return Settings(where, _words(table.get("addopts")), _words(table.get("testpaths")))
    return Settings()


def report(file: Path) -> Report:
    """Return what a file of JUnit XML tells of a run.

    Raises `CouldNotRun` where there is none, or where it is none that pytest writes: too long, cut, or with entities.
    """
    hint = "hephaestus gates --only tests"
    try:
        if file.stat().st_size > _LARGEST:
            raise CouldNotRun("the report of pytest is longer than any", hint)
        data = file.read_bytes()
        if b"<!" in data:
            raise CouldNotRun("the report of pytest defines entities, which pytest never does", hint)
        cases = list(ET.fromstring(data).iter("testcase"))  # noqa: S314  (it holds no document type, so no entities)
    except (OSError, ET.ParseError) as error:
        raise CouldNotRun("pytest left no report of its run that can be read", hint) from error
    failures = (_failure(case, each) for case in cases for each in case if each.tag in ("failure", "error"))
    skipped = sum(any(each.tag == "skipped" for each in case) for case in cases)
    return Report(len(cases), skipped, tuple(failures))


def _failure(case: ET.Element, said: ET.Element) -> Failure:
    group, name = case.get("classname", ""), case.get("name", "")
    line = case.get("line", "")
    return Failure(
        name=_line(f"{group.rpartition('.')[2]}.{name}" if group else name),
        message=said.get("message", ""),
        text=said.text or "",
        file=case.get("file", ""),
        line=int(line) + 1 if line.isascii() and line.isdigit() else 0,
    )


def _table(shown: Shown, file: str, keys: Sequence[str]) -> Mapping[str, Any] | None:
    if file == "pyproject.toml":
        found = shown.project.table(*keys)
        return found or None
    data = Directory(shown.root).read(file) or b""
    try:
        if file.endswith(".toml"):
            table = tomllib.loads(data.decode()).get(keys[0])
            return table if isinstance(table, dict) else {}
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        parser.read_string(data.decode())
    except (ValueError, configparser.Error, RecursionError):
        return {}
    if parser.has_section(keys[0]):
        return dict(parser[keys[0]])
    return {} if file.endswith("pytest.ini") else None


def _words(value: object) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(map(str, value))
    try:
        return tuple(shlex.split(value)) if isinstance(value, str) else ()
    except ValueError:
        return ()


def _line(text: str) -> str:
    return " ".join(text.split())[:_LONGEST]
