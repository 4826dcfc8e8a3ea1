"""The forge of a hub, as a project finds it."""

from __future__ import annotations

from fakegithub import Hub
from hephaestus.forge import github
from hephaestus.forge.github import GitHubForge


def on(hub: Hub) -> GitHubForge:
    """Return the forge of the repository of a hub, as it is found by its address and the environment."""
    address = github.address(hub.page, None)
    assert address is not None
    return github.connect(address)
