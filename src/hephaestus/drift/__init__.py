"""Drift: the same fact written in several places, which disagree. Only files are read.

`look` gathers the facts of a project (`facts`) and asks every rule about them. The facts are read by kind of file:
`declared` (requirements), `locks`, `installed` (environments), `workflows`, `images`, `stated` (the version),
`history` (the changelog), `tags`; what is written in TOML and YAML comes as a `node` that knows its line, and
versions of Python as `pythons` understands them. The rules are functions from facts to drifts: `about_packages`,
`about_pythons`, `targets`, `about_releases`, `readme`. A drift holds both `places`; those that have but one
answer bring an edit, which `fix` makes and proves by looking again. `settings` says what is ignored, and why.
"""

from __future__ import annotations

from hephaestus.drift.fixes import Fix, fix, write
from hephaestus.drift.installed import active
from hephaestus.drift.looking import look
from hephaestus.drift.places import Drift, Edit, Place, Report
from hephaestus.drift.settings import RULES, Settings

__all__ = ["RULES", "Drift", "Edit", "Fix", "Place", "Report", "Settings", "active", "fix", "look", "write"]
