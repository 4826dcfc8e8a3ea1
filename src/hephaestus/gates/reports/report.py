"""The report of a round of gates: what each said, which were not asked, which need not pass, and what it comes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from hephaestus.gates.gate import COULD_NOT_RUN, FAILED, PASSED, Off, Verdict
from hephaestus.ui import clean

__all__ = ["Report", "shortened"]


@dataclass(frozen=True)
class Report:
    """What gates said, the ones that are `off`, and those that are `waived`, with the reasons given."""

    verdicts: Sequence[Verdict]
    off: Sequence[Off] = ()
    waived: Mapping[str, str] = field(default_factory=dict)

    def excuse(self, said: Verdict) -> str:
        """Return why a verdict stops nothing though it is no pass, in words; nothing where it does, or is one."""
        if said.passed:
            return ""
        if said.gate in self.waived:
            return f"waived: {self.waived[said.gate]}"
        return "" if said.required else "optional"

    @property
    def stopping(self) -> list[Verdict]:
        """The verdicts for which a release cannot go on."""
        return [said for said in self.verdicts if not said.passed and not self.excuse(said)]

    @property
    def outcome(self) -> str:
        """What it comes to: `passed`, or `failed`, or `could not run`, which it also is where nothing was asked."""
        if any(said.verdict == FAILED for said in self.stopping):
            return FAILED
        return COULD_NOT_RUN if self.stopping or not self.verdicts else PASSED

    @property
    def sentence(self) -> str:
        """All of it in one sentence: `3 gates: 2 passed (1 before, on the very same), 1 failed; 4 are off`."""
        counts: dict[str, int] = {}
        for said in sorted(self.verdicts, key=lambda each: not each.passed):
            words = f"{said.verdict} ({self.excuse(said).partition(':')[0]})".removesuffix(" ()")
            counts[words] = counts.get(words, 0) + 1
        told = [f"{number} {words}" for words, number in counts.items()]
        before = sum(said.cached for said in self.verdicts)
        if before:
            told[0] += f" ({before} before, on the very same)"
        off = f"; {len(self.off)} {'is' if len(self.off) == 1 else 'are'} off" if self.off else ""
        gates = "1 gate" if len(self.verdicts) == 1 else f"{len(self.verdicts)} gates"
        return f"{gates}: {', '.join(told) or 'none was asked'}{off}"

    def document(self) -> dict[str, Any]:
        """Return the report as a document for machines, whose shape stays.

        `outcome` is `passed`, `failed` or `could not run`. `gates` lists each gate that was asked: `gate` (its name),
        `verdict` (one of the same words), `seconds`, `reason`, `required`, `cached` (an earlier pass on the very same
        was used), `findings` (each with `message`, `path`, `line`, `column`, `rule`, `level`, `hint`), `lines` of what
        its tool printed, and the `command` that runs it alone. `off` lists `name` and `why` of those that were not
        asked, and `waived` maps those that need not pass to the reasons given.
        """
        return {
            "outcome": self.outcome,
            "gates": [said.document() for said in self.verdicts],
            "off": [asdict(each) for each in self.off],
            "waived": dict(self.waived),
        }


def shortened(text: str, longest: int) -> str:
    """Return a text cleaned and, where it is longer than that, cut with an ellipsis at its end."""
    # Of a text of many megabytes only the beginning is cleaned.
    cleaned = clean(text[: 4 * longest + 1])
    return cleaned if len(cleaned) <= longest and len(text) <= 4 * longest else f"{cleaned[: longest - 1]}…"
