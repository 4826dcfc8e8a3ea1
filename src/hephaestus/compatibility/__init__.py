"""Which version the changes since the last release ask for: what breaks, what is new, and where that can be seen.

A version number is a promise (SemVer 2.0.0). `judge` holds it against what has changed: the public objects of the
packages (`surface`, `changes`), `[project]` (`metadata`), and what changelog and commits say (`history`);
`promise` knows what a number promises, `settings` what the project makes of that.
"""

from __future__ import annotations

from hephaestus.compatibility.effect import Effect, Evidence
from hephaestus.compatibility.judgement import Judgement, foresee, judge, last_release
from hephaestus.compatibility.promise import raised

__all__ = ["Effect", "Evidence", "Judgement", "foresee", "judge", "last_release", "raised"]
