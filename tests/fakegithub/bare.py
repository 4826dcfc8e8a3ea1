"""The git repository behind the hub, as its API reads and changes it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fakegithub.hub import Hub

_HOOK = Path(__file__).with_name("update_hook.py")


@dataclass(frozen=True)
class Bare:
    """A bare repository; all names of refs are full ones."""

    hub: Hub

    def git(self, *arguments: str, put: str | None = None, environment: Mapping[str, str] | None = None) -> str:
        """Run git there, and return what it says."""
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.hub.bare,
            env={**os.environ, **(environment or {})},
            check=True,
            capture_output=True,
            text=True,
            input=put,
        )
        return done.stdout.strip()

    def adopt(self) -> None:
        """Give the repository its rules: an update hook that asks what the hub has written down."""
        hook = self.hub.bare / "hooks" / "update"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!{sys.executable} -IS\n{_HOOK.read_text()}")
        hook.chmod(0o755)
        with (self.hub.bare / "config").open("a") as config:
            config.write("[http]\n\treceivepack = true\n[uploadpack]\n\tallowAnySHA1InWant = true\n")

    def write_rules(self, rules: object) -> None:
        """Write down what the hook shall refuse."""
        (self.hub.bare / "hub.json").write_text(json.dumps(rules))

    def resolve(self, name: str) -> str | None:
        """Return the object of a name, or `None`."""
        command = ["git", "rev-parse", "--verify", "--quiet", "--end-of-options", name]
        done = subprocess.run(command, cwd=self.hub.bare, check=False, capture_output=True, text=True)
        return done.stdout.strip() or None

    def kind(self, identity: str) -> str:
        return self.git("cat-file", "-t", identity)

    def refs(self, prefix: str) -> dict[str, str]:
        """Return the refs below a prefix, sorted, with their objects."""
        listed = self.git("for-each-ref", "--format=%(objectname) %(refname)")
        found = (line.split(" ", 1) for line in listed.splitlines())
        return {name: identity for identity, name in found if name.startswith(prefix)}

    def put(self, name: str, identity: str) -> None:
        self.git("update-ref", name, identity)

    def remove(self, name: str) -> None:
        self.git("update-ref", "-d", name)

    def date(self, name: str) -> str:
        """Return when a commit was made, as the API tells times."""
        return self.git(
            "show", "-s", "--format=%cd", "--date=format-local:%Y-%m-%dT%H:%M:%SZ", f"{name}^{{commit}}", "--"
        )

    def is_ancestor(self, older: str, newer: str) -> bool:
        command = ["git", "merge-base", "--is-ancestor", older, newer]
        return subprocess.run(command, cwd=self.hub.bare, check=False, capture_output=True).returncode == 0
