"""What gates said, told to people at a terminal, to GitHub, and to programs that read JUnit XML, SARIF or JSON.

All of them tell the same `Report`: `terminal` the table and under it what did not pass, `actions` the annotations and
the summary of a job, `junit` and `sarif` the files.
"""

from __future__ import annotations

from hephaestus.gates.reports.actions import announce
from hephaestus.gates.reports.files import write
from hephaestus.gates.reports.junit import junit
from hephaestus.gates.reports.report import Report
from hephaestus.gates.reports.sarif import sarif
from hephaestus.gates.reports.terminal import explain, explained, show

__all__ = ["Report", "announce", "explain", "explained", "junit", "sarif", "show", "write"]
