"""What a project says of drift, in the table `[tool.hephaestus.drift]`."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hephaestus import tables
from hephaestus.errors import UsageError

__all__ = ["RULES", "Settings", "read"]

# What is compared, by the names people ignore it by.
RULES: dict[str, str] = {
    "changelog": "the newest section of the changelog and the newest tag, or the version",
    "changelog-link": "the links at the end of the changelog and its sections",
    "ci-classifiers": "the versions of Python that are tested and the classifiers",
    "ci-python": "the versions of Python in workflows and requires-python",
    "classifiers": "the classifiers and requires-python",
    "image": "the Python of container images, and requires-python or .python-version",
    "installed-declared": "what is installed and what pyproject.toml asks for",
    "installed-lock": "what is installed and the lock",
    "installed-python": "the Python of the environment, and requires-python or .python-version",
    "installed-version": "the version the project is installed as and its own",
    "lock-declared": "the lock and what pyproject.toml asks for",
    "lock-python": "the range of Python in the lock and requires-python",
    "lock-version": "the project's own entry in the lock and its version",
    "pins": "one package pinned to two versions in pyproject.toml",
    "pre-commit": "revisions in .pre-commit-config.yaml, and the lock or pyproject.toml",
    "python-files": ".python-version, .tool-versions and mise.toml, requires-python, and each other",
    "readme-python": "badges and requirements in the README and requires-python",
    "readme-version": "versions of the project in the README and its own",
    "tag": "the newest tag and the version",
    "targets": "what ruff, mypy and the like are told of Python and requires-python",
    "unread": "a file that could not be read, by its path",
    "version": "the places that hold the version",
}
_KEYS: dict[str, tuple[type, Any]] = {"ignore": (dict, {})}


@dataclass(frozen=True)
class Settings:
    """The settings: `ignore` maps a rule, or `rule:subject`, to the reason why it is ignored."""

    ignore: Mapping[str, str] = field(default_factory=dict)

    def reason(self, rule: str, subject: str) -> str:
        """Return why a rule is ignored for a subject, empty where it is not."""
        return self.ignore.get(f"{rule}:{subject}", self.ignore.get(rule, ""))


def read(table: Mapping[str, Any]) -> Settings:
    """Return the settings that a table `[tool.hephaestus.drift]` holds.

    Raises `UsageError` for an unknown key, a rule there is none of (with the nearest one), and a missing reason.
    """
    ignore = tables.read("tool.hephaestus.drift", table, _KEYS)["ignore"]
    for key, reason in ignore.items():
        rule = key.partition(":")[0]
        if rule not in RULES:
            near = difflib.get_close_matches(rule, RULES, 1)
            known = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(RULES)}"
            raise UsageError(f"[tool.hephaestus.drift] ignore names {rule!r}, which is no rule; {known}", tables.SHOW)
        if not isinstance(reason, str) or not reason.strip():
            raise UsageError(f"[tool.hephaestus.drift] ignore: {key} needs a reason, a text in quotes", tables.SHOW)
    return Settings({key: reason.strip() for key, reason in ignore.items()})
