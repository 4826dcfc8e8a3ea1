"""What a gate is, what it answers, and what is kept of that as its verdict."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from hephaestus.findings import Finding

if TYPE_CHECKING:
    from hephaestus.gates.bench import Bench

__all__ = ["COULD_NOT_RUN", "FAILED", "PASSED", "Answer", "Gate", "Off", "Verdict"]

PASSED, FAILED, COULD_NOT_RUN = "passed", "failed", "could not run"


@dataclass(frozen=True)
class Answer:
    """What a gate says of a project.

    `verdict` is `PASSED`, `FAILED` or `COULD_NOT_RUN`; `reason` says why in one line, and must be given unless it
    passed; `findings` are the places it is about; `lines` are the first useful lines of what the tool printed where
    the findings do not say it all.
    """

    verdict: str
    reason: str = ""
    findings: tuple[Finding, ...] = ()
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Gate:
    """One gate of a project, switched on.

    `why` says what switched it on; `tools` are the requirements (PEP 508) of the environment it runs in, for the
    interpreter `python`; `definition` is all that decides what it does beside the files, the tools and this library:
    its arguments and settings. `ask` is called with a `Bench` to work at. Where `wheel` is true the project's wheel is
    installed in that environment; `built` is true for one that looks at what is built in another way, and `history`
    for one that reads commits or tags. `volatile` says why a pass is never used again, such as "it asks a service"; an
    `optional` gate is told of and stops nothing; `seconds` is how long it may take.
    """

    name: str
    why: str
    ask: Callable[[Bench], Answer]
    tools: tuple[str, ...] = ()
    definition: tuple[str, ...] = ()
    wheel: bool = False
    built: bool = False
    history: bool = False
    volatile: str = ""
    python: str = sys.executable
    optional: bool = False
    seconds: int = 1800


@dataclass(frozen=True)
class Off:
    """A gate that is not asked, and why."""

    name: str
    why: str


# What a document of a verdict must hold, where it holds it.
_KINDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("gate", "verdict", "reason", "command"), (str,)),
    "seconds": (float, int),
    **dict.fromkeys(("required", "cached"), (bool,)),
    **dict.fromkeys(("findings", "lines"), (list, tuple)),
}
_NUMBERS = ("line", "column")


@dataclass(frozen=True)
class Verdict:
    """What one gate said: `passed`, `failed` or `could not run`, in how many seconds, and why.

    `required` is false for an optional gate, `cached` true where an earlier pass on the very same was used again.
    `findings` and `lines` are as in its `Answer`; `command` runs this gate alone.
    """

    gate: str
    verdict: str
    seconds: float
    reason: str
    required: bool = True
    cached: bool = False
    findings: tuple[Finding, ...] = ()
    lines: tuple[str, ...] = ()
    command: str = ""

    @property
    def passed(self) -> bool:
        """Whether it passed, now or before on the very same."""
        return self.verdict == PASSED

    def again(self) -> Verdict:
        """Return the verdict as one that was used again."""
        return replace(self, cached=True)

    def document(self) -> dict[str, Any]:
        """Return the verdict as a document for machines."""
        return asdict(self)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Verdict:
        """Return the verdict of a document; raises `ValueError`, `KeyError` or `TypeError` where it is none."""
        for key, kind in _KINDS.items():
            if not isinstance(document.get(key, kind[0]()), kind):
                raise TypeError(f"{key} of a verdict is {document[key]!r}")
        findings = tuple(Finding(**each) for each in document.get("findings", ()))
        for finding in findings:
            if any(not isinstance(value, int if key in _NUMBERS else str) for key, value in vars(finding).items()):
                raise TypeError(f"a finding of a verdict is {finding!r}")
        lines = tuple(document.get("lines", ()))
        if any(not isinstance(line, str) for line in lines):
            raise TypeError("a line of a verdict is no text")
        return cls(**{**document, "findings": findings, "lines": lines})
