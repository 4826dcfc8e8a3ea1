"""What coverage reads and writes: the project's settings for it, turned to the installed wheel, and its report."""

from __future__ import annotations

import configparser
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import tomli_w

from hephaestus import system
from hephaestus.errors import CouldNotRun
from hephaestus.findings import Finding
from hephaestus.gates.shown import Shown
from hephaestus.tree import Directory

__all__ = ["Measured", "Settings", "measured", "settings"]

# In the order coverage looks for them; in the first two its sections have no prefix.
_FILES = (".coveragerc", ".coveragerc.toml", "setup.cfg", "tox.ini", "pyproject.toml")
_PREFIX = "coverage:"
_SOURCES = ("source", "source_dirs", "source_pkgs")
_LARGEST = 64 << 20
_MOST_NOTES = 20

_Sections: TypeAlias = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Settings:
    """The project's settings for coverage by section and key; lists are lists where the file is TOML, else lines."""

    sections: Mapping[str, Mapping[str, Any]]
    toml: bool

    @property
    def sources(self) -> tuple[str, ...]:
        """What the project says is measured: directories and import names."""
        run = self.sections.get("run", {})
        return tuple(each for key in _SOURCES for each in _list(run.get(key)))

    @property
    def minimum(self) -> str | None:
        """The least percentage that the project asks for, as written, or `None`."""
        said = self.sections.get("report", {}).get("fail_under")
        return None if said is None else str(said)

    def write(self, scratch: Path, packages: Sequence[str], folders: Sequence[str], same: Sequence[Path]) -> Path:
        """Write these settings for a run in which `packages` are measured by their import names, and return the file.

        `folders` are measured besides; `same` are directories that hold the same files, the project's own first.
        """
        kept = {name: dict(table) for name, table in self.sections.items()}
        said = kept.get("run", {})
        run = {key: value for key, value in said.items() if key not in (*_SOURCES, "include", "omit")}
        run |= {"source_pkgs": list(packages)} | ({"source": list(folders)} if folders else {})
        paths = {"of the wheel": list(map(str, same)), **kept.get("paths", {})}
        # Paths of the project mean nothing while the wheel is measured, and are what reports are about.
        report = {**kept.get("report", {})}
        for key in ("include", "omit"):
            if patterns := [*_list(said.get(key)), *_list(report.get(key))]:
                report[key] = patterns
        sections = {**kept, "run": run, "paths": paths, "report": report}
        return _write_toml(scratch, sections) if self.toml else _write_ini(scratch, sections)


@dataclass(frozen=True)
class Measured:
    """How much was run, in percent, and the lines of each file that never were, by its path."""

    percent: float
    missing: Mapping[str, Sequence[int]]

    def notes(self) -> tuple[Finding, ...]:
        """Return the files with most lines that are never run as findings, those first."""
        order = sorted(self.missing.items(), key=lambda each: (-len(each[1]), each[0]))
        return tuple(
            Finding(f"never run: {_ranges(lines)}", path, lines[0], rule="coverage", level="note")
            for path, lines in order[:_MOST_NOTES]
            if lines
        )


def settings(shown: Shown, named: str | None = None) -> Settings:
    """Return the project's settings for coverage, of the file that coverage would read or of one that is named."""
    for file in (named,) if named else _FILES:
        if file not in shown.paths and file != "pyproject.toml":
            continue
        toml = file.endswith(".toml")
        found = _of_toml(shown, file) if toml else _of_ini(shown, file)
        if found or file.startswith(".coveragerc"):
            return Settings(found, toml)
    return Settings({}, toml=True)


def measured(file: Path) -> Measured:
    """Return what coverage's report in JSON tells; raises `CouldNotRun` where there is none that can be read."""
    try:
        if file.stat().st_size > _LARGEST:
            raise ValueError  # noqa: TRY301  (as for a report that is none)
        told = json.loads(file.read_bytes())
        files = {str(path): sorted(map(int, each["missing_lines"])) for path, each in told["files"].items()}
        percent = float(told["totals"]["percent_covered"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        hint = "hephaestus gates --only tests"
        raise CouldNotRun("coverage left no report that can be read, so nothing was measured", hint) from error
    return Measured(percent, files)


def _of_toml(shown: Shown, file: str) -> _Sections:
    if file == "pyproject.toml":
        return _tables(shown.project.table("tool", "coverage"))
    try:
        document = tomllib.loads((Directory(shown.root).read(file) or b"").decode())
    except (ValueError, RecursionError):
        return {}
    inner = document.get("tool", {})
    return _tables(inner["coverage"] if isinstance(inner, dict) and "coverage" in inner else document)


def _of_ini(shown: Shown, file: str) -> _Sections:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string((Directory(shown.root).read(file) or b"").decode())
    except (ValueError, configparser.Error):
        return {}
    only = Path(file).name in ("setup.cfg", "tox.ini")
    names = [name for name in parser.sections() if name.startswith(_PREFIX) or not only]
    return {name.removeprefix(_PREFIX): dict(parser[name]) for name in names}


def _tables(document: object) -> _Sections:
    tables = document.items() if isinstance(document, dict) else ()
    return {name: dict(table) for name, table in tables if isinstance(table, dict)}


def _write_toml(scratch: Path, sections: _Sections) -> Path:
    file = scratch / "coverage.toml"
    system.write(file, tomli_w.dumps({"tool": {"coverage": sections}}).encode())
    return file


def _write_ini(scratch: Path, sections: _Sections) -> Path:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_dict({name: {key: _lines(value) for key, value in table.items()} for name, table in sections.items()})
    file = scratch / "coveragerc"
    with file.open("w", encoding="utf-8") as opened:
        parser.write(opened)
    return file


def _lines(value: object) -> str:
    return "".join(f"\n{each}" for each in value) if isinstance(value, list) else str(value)


def _list(value: object) -> list[str]:
    """Return a list as TOML has it, or as coverage reads one from lines and commas."""
    if isinstance(value, list):
        return list(map(str, value))
    return [each.strip() for each in str(value or "").replace("\n", ",").split(",") if each.strip()]


def _ranges(lines: Sequence[int]) -> str:
    """Return line numbers as people write them: `3, 7-9`."""
    runs: list[list[int]] = []
    for line in lines:
        if runs and line == runs[-1][1] + 1:
            runs[-1][1] = line
        else:
            runs.append([line, line])
    told = [str(first) if first == last else f"{first}-{last}" for first, last in runs[:_MOST_NOTES]]
    return ", ".join(told) + (", …" if len(runs) > _MOST_NOTES else "")
