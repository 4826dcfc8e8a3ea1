"""What pip-audit and `uv audit` print, read without trust: which packages they looked at, and what they found."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from hephaestus.errors import CouldNotRun
from hephaestus.gates.bench import useful
from hephaestus.supervise import Ended

__all__ = ["Audited", "Vulnerability", "line_of", "read"]

_AGAIN = "hephaestus gates --only audit"
_LONGEST = 200


@dataclass(frozen=True)
class Vulnerability:
    """A vulnerability of one version of a package, by its id and the `aliases` it has in other databases.

    `fixed` are the versions in which it is gone.
    """

    package: str
    version: str
    id: str
    aliases: tuple[str, ...]
    fixed: tuple[str, ...]
    summary: str

    def is_called(self, name: str) -> bool:
        """Tell whether a name is its id or one of its aliases; capitals do not matter."""
        return name.casefold() in {each.casefold() for each in (self.id, *self.aliases)}


@dataclass(frozen=True)
class Audited:
    """How many packages were looked at, what was found, what else was said, and why some packages were left out."""

    count: int
    vulnerabilities: tuple[Vulnerability, ...]
    remarks: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)


def read(ended: Ended, wanted: Mapping[str, str] | None) -> Audited:
    """Return what an audit told that has ended: `uv audit`, or pip-audit where `wanted` are the versions it was given.

    Raises `CouldNotRun` where it ended otherwise than an audit does, printed something else, or looked at nothing.
    """
    if ended.code is None:
        raise CouldNotRun(f"the audit did not end: {ended.why}", _AGAIN)
    lines = useful(ended)
    tool = "uv audit" if wanted is None else "pip-audit"
    if ended.code not in (0, 1):
        words = (
            "is not known to this uv" if "unrecognized subcommand" in ended.errors else f"ended with code {ended.code}"
        )
        raise CouldNotRun("\n".join([f"{tool} {words}{_last(lines)}", *lines]), _AGAIN)
    try:
        told = json.loads(ended.output)
        audited = _of_uv(told) if wanted is None else _of_pip_audit(told, wanted)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CouldNotRun("\n".join([f"{tool} gave no answer{_last(lines)}", *lines]), _AGAIN) from error
    if not audited.count and not audited.left_out:
        raise CouldNotRun(f"{tool} looked at no package", _AGAIN)
    if ended.code and not audited.vulnerabilities and not audited.remarks:
        raise CouldNotRun("\n".join([f"{tool} failed and names no vulnerability{_last(lines)}", *lines]), _AGAIN)
    return audited


def line_of(file: Path, package: str) -> int:
    """Return the number of the line in which a lock or a declaration names a package, or 0."""
    name = r"[-_.]+".join(map(re.escape, package.split("-")))
    line = re.compile(rf"""^\s*(?:name\s*=\s*)?["']?{name}(?![\w.-]*[\w])""", re.IGNORECASE)
    inside = re.compile(rf"""["']{name}(?![\w-])""", re.IGNORECASE)
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    found = [number for number, text in enumerate(lines, 1) if line.search(text)]
    found = found or [number for number, text in enumerate(lines, 1) if inside.search(text)]
    return found[0] if found else 0


def _of_uv(told: Any) -> Audited:  # noqa: ANN401  (whatever a program printed)
    found = tuple(_vulnerability(each["dependency"], each, each["fix_versions"]) for each in told["vulnerabilities"])
    remarks = tuple(
        _plain(f"{each['dependency']['name']} {each['dependency']['version']} is {each.get('status', 'not as it was')}")
        for each in told.get("adverse_statuses", ())
    )
    return Audited(int(told["summary"]["audited_packages"]), found, remarks)


def _of_pip_audit(told: Any, wanted: Mapping[str, str]) -> Audited:  # noqa: ANN401
    looked_at = {canonicalize_name(each["name"]): each for each in told["dependencies"]}
    reasons = {name: _skipped(looked_at.get(canonicalize_name(name)), version) for name, version in wanted.items()}
    left_out = {name: _plain(reason) for name, reason in reasons.items() if reason}
    found = tuple(
        _vulnerability(package, each, each["fix_versions"])
        for package in looked_at.values()
        for each in package.get("vulns", ())
    )
    return Audited(len(wanted) - len(left_out), found, left_out=left_out)


def _skipped(entry: Mapping[str, Any] | None, version: str) -> str:
    """Return why pip-audit did not look at a package; it passes over what its service does not know."""
    if entry is None:
        return "it is not in the answer"
    if "skip_reason" in entry:
        return str(entry["skip_reason"])
    return "" if entry["version"] == version and "vulns" in entry else "another version was looked at"


def _vulnerability(package: Mapping[str, Any], said: Mapping[str, Any], fixed: list[Any]) -> Vulnerability:
    return Vulnerability(
        package=_plain(package["name"]),
        version=_plain(package["version"]),
        id=_plain(said["id"]),
        aliases=tuple(_plain(each) for each in said["aliases"]),
        fixed=tuple(_plain(each) for each in fixed),
        summary=_plain(said.get("summary") or said["description"]),
    )


def _last(lines: tuple[str, ...]) -> str:
    errors = [line for line in lines if line.startswith("error:")] or list(lines[-1:])
    return f": {_plain(errors[0].removeprefix('error:').strip())}" if errors else ""


def _plain(text: object) -> str:
    if not isinstance(text, str):
        raise TypeError
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())[:_LONGEST]
