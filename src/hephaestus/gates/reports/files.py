"""The files that tell other programs what gates said: JUnit XML and SARIF."""

from __future__ import annotations

from pathlib import Path

from hephaestus import __version__, system
from hephaestus.gates.reports.junit import junit
from hephaestus.gates.reports.report import Report
from hephaestus.gates.reports.sarif import sarif

__all__ = ["write"]


def write(report: Report, root: Path, *, junit_to: Path | None = None, sarif_to: Path | None = None) -> list[str]:
    """Write a report of the project at `root` to the files that are asked for, and return what is to be said of them.

    Raises `OSError` where a file cannot be written.
    """
    told = []
    if junit_to is not None:
        _write(junit_to, junit(report))
        told.append(f"what the gates said is in {junit_to}")
    if sarif_to is not None:
        data, left_out = sarif(report.verdicts, root, __version__)
        _write(sarif_to, data)
        told.append(f"what they found is in {sarif_to}" + (f", without: {'; '.join(left_out)}" if left_out else ""))
    return told


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    system.write(path, data)
