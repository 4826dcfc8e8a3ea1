"""The security advisories of a repository on GitHub: one draft for each key, told apart from what others reported."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from packaging.specifiers import InvalidSpecifier, Specifier, SpecifierSet
from packaging.version import Version

from hephaestus.errors import Conflict, CouldNotRun, UsageError
from hephaestus.forge import look
from hephaestus.forge.capabilities import Advisory
from hephaestus.forge.github import patience
from hephaestus.forge.github.client import Client, Rejected
from hephaestus.forge.github.shapes import field, perhaps

__all__ = ["GitHubAdvisories", "affected_range"]

_FORBIDDEN, _MISSING = 403, 404
_ECOSYSTEM = "pip"
# The characters GitHub takes as a description, and as a summary.
_LONGEST, _SHORTEST = 65535, 1024
_CUT, _APART = "\n\n…", "\n\n"
_ORDER = (">=", ">", "=", "<=", "<")


@dataclass(frozen=True)
class GitHubAdvisories:
    """The security advisories of the repository a client speaks of."""

    client: Client

    def draft(self, advisory: Advisory, key: str) -> str:
        """Make the draft of an advisory, or make the one with this key say this, and return its address.

        Raises `Conflict` where the one with this key is published or closed, `UsageError` where GitHub cannot say
        which versions are affected, and `CouldNotRun` where advisories are not to be had here, so that a file must do.
        """
        wanted = _document(advisory, key)
        try:
            found = self._find(key)
            if found is None:
                found = patience.once(
                    lambda: self.client.send("POST", "security-advisories", wanted), lambda: self._find(key)
                )
            elif (state := field(found, "state", str)) != "draft":
                url = field(found, "html_url", str)
                raise Conflict(f"the advisory {url} is {state} already, and was left alone", look(url))
            elif changed := _changes(found, wanted):
                path = f"security-advisories/{field(found, 'ghsa_id', str)}"
                found = self.client.send("PATCH", path, changed, repeatable=True)
        except Rejected as error:
            if error.status not in (_FORBIDDEN, _MISSING):
                raise
            raise CouldNotRun(f"GitHub has no advisories for this token: {error.message}", error.hint) from error
        return field(found, "html_url", str)

    def _find(self, key: str) -> dict[str, Any] | None:
        """Return the advisory with a key, the newest first; what strangers have reported is none of ours."""
        listed = self.client.pages("security-advisories", sort="created", direction="desc")
        return next((each for each in listed if _ours(each, key)), None)


def affected_range(specifier: str) -> str:
    """Return the range of a PEP 440 specifier as GitHub writes it, such as `>= 1.0, < 1.1.1` for `<1.1.1,>=1.0`.

    Raises `UsageError` for what is no specifier, and for `!=` and `===`, which have no counterpart there.
    """
    try:
        parts = [each for one in SpecifierSet(specifier) for each in _bounds(one)]
    except InvalidSpecifier as error:
        raise _no_range(specifier, "is no range of versions as PEP 440 has it") from error
    if not parts:
        raise _no_range(specifier, "names no versions")
    return ", ".join(f"{sign} {version}" for sign, version in sorted(parts, key=lambda part: _ORDER.index(part[0])))


def _bounds(one: Specifier) -> Iterable[tuple[str, str]]:
    """Yield the bounds that one part of a specifier means, in GitHub's signs."""
    if one.operator in ("!=", "==="):
        raise _no_range(str(one), f"has {one.operator}, which an advisory cannot say")
    if one.operator == "~=" or one.version.endswith(".*"):
        version = Version(one.version.removesuffix(".*"))
        kept = version.release[:-1] if one.operator == "~=" else version.release
        above = ".".join(map(str, (*kept[:-1], kept[-1] + 1)))
        yield ">=", str(version)
        yield "<", f"{version.epoch}!{above}" if version.epoch else above
    else:
        yield one.operator.replace("==", "="), one.version


def _no_range(specifier: str, why: str) -> UsageError:
    return UsageError(f"{specifier[:80]!r} {why}", "hephaestus advisory --help")


def _document(advisory: Advisory, key: str) -> dict[str, Any]:
    room = _LONGEST - len(f"{_CUT}{_APART}{_marker(key)}")
    text = advisory.description.rstrip()
    text = text if len(text) <= room else f"{text[:room]}{_CUT}"
    return {
        "summary": advisory.summary[:_SHORTEST],
        "description": f"{text}{_APART}{_marker(key)}",
        "severity": advisory.severity,
        "vulnerabilities": [
            {
                "package": {"ecosystem": _ECOSYSTEM, "name": advisory.package},
                "vulnerable_version_range": affected_range(advisory.affected),
                "patched_versions": advisory.patched or None,
            }
        ],
    }


def _changes(found: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """Return what a draft has to be told; a severity that follows from a CVSS vector cannot be told."""
    scored = perhaps(field(found, "cvss", dict, {}), "vector_string", str) is not None
    told = {name: value for name, value in wanted.items() if not (scored and name == "severity")}
    vulnerabilities = [
        {
            "package": perhaps(each, "package", dict),
            "vulnerable_version_range": perhaps(each, "vulnerable_version_range", str),
            "patched_versions": perhaps(each, "patched_versions", str),
        }
        for each in field(found, "vulnerabilities", list, [])
    ]
    description = field(found, "description", str, "").rstrip()
    there = {**found, "vulnerabilities": vulnerabilities, "description": description}
    return told if any(there.get(name) != value for name, value in told.items()) else {}


def _ours(document: dict[str, Any], key: str) -> bool:
    """Tell whether an advisory carries a key on a line of its own, and was not sent in by somebody else."""
    reported = perhaps(document, "submission", dict) is not None or field(document, "state", str) == "triage"
    lines = (line.rstrip() for line in field(document, "description", str, "").splitlines())
    return not reported and _marker(key) in lines


def _marker(key: str) -> str:
    """Return the comment that no reader sees; whatever the key holds, the comment ends where it should."""
    return f"<!-- {key.replace('>', '&gt;')} -->"
