"""Gates: what must be so before a release, asked in parallel, each in its own environment, none twice about the same.

The walk of one question. `shown` looks at what the project shows of itself; `catalogue` switches the `builtin` gates on
and off by it and adds the project's own Nox sessions; `engine` asks them. For each gate `rooms` has an environment with
its tools; `fingerprint` and `passes` tell whether the very same passed before; a gate that has to be asked gets a
`bench` to work at, with the wheel that `distributions` built; `own` runs the project's sessions with one Nox. What
comes out are verdicts (`gate`): passed, failed, or could not run, never a fourth. `step` makes that a step of a
release, and `reports` tells people and machines.
"""

from __future__ import annotations

from hephaestus.gates.engine import Asked, Question
from hephaestus.gates.gate import Verdict
from hephaestus.gates.step import Gates

__all__ = ["Asked", "Gates", "Question", "Verdict"]
