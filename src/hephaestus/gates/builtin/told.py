"""The answer of a gate that looks at files itself: what it found, counted, with the first place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hephaestus.findings import Finding
from hephaestus.gates.gate import FAILED, PASSED, Answer
from hephaestus.ui.text import one_line

__all__ = ["judged"]


def judged(findings: Sequence[Finding]) -> Answer:
    """Return that it passed where none of the findings is an error, else that it failed, with how many there are."""
    safe = (replace(each, message=one_line(each.message)) for each in findings)
    ordered = tuple(sorted(safe, key=lambda each: (each.path, each.line, each.column)))
    wrong = [each for each in ordered if each.level == "error"]
    if not wrong:
        return Answer(PASSED, findings=ordered)
    more = f"{len(wrong)} problems, the first at" if len(wrong) > 1 else "a problem at"
    where = wrong[0].place or "no place of a file"
    return Answer(FAILED, f"{more} {where}: {wrong[0].message}", ordered)
