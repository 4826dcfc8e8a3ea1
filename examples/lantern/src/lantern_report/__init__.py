"""Counts and percentiles of JSON-lines and CSV logs."""

__version__ = "1.0.0"
