"""The tasks of this project: `invoke --list` shows them."""

from hephaestus import ns

__all__ = ["ns"]
