"""GitHub as a forge, on github.com and on servers of one's own."""

from __future__ import annotations

from hephaestus.forge.github.address import address
from hephaestus.forge.github.releases import GitHubForge, connect

__all__ = ["GitHubForge", "address", "connect"]
