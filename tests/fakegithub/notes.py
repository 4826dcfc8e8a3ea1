"""The notes GitHub writes itself: the pull requests that were merged since the release before."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fakegithub.hub import Hub


def generate(hub: Hub, tag: str, previous: str | None, target: str | None = None) -> str:
    """Return what changed up to a tag, or up to a branch where the tag is not there yet."""
    head = _commit(hub, f"refs/tags/{tag}") or _commit(hub, target or hub.default_branch)
    assert head is not None
    before = previous or _before(hub, tag, head)
    known = hub.repository.git("rev-list", head, *([f"^refs/tags/{before}"] if before else [])).splitlines()
    lines = [
        f"* {pull['title']} by @{pull['user']['login']} in {pull['html_url']}"
        for pull in hub.pulls
        if pull["merge_commit_sha"] in known and pull["merged_at"]
    ]
    changed = "\n".join(["## What's Changed", *lines]) + "\n\n\n" if lines else ""
    span = f"compare/{before}...{tag}" if before else f"commits/{tag}"
    return f"{changed}**Full Changelog**: {hub.page}/{span}"


def _before(hub: Hub, tag: str, head: str) -> str | None:
    """Return the tag of the newest published release that is older."""
    found = [each["tag_name"] for each in hub.releases if not each["draft"] and each["tag_name"] != tag]
    older = [
        each for each in found if (held := _commit(hub, f"refs/tags/{each}")) and hub.repository.is_ancestor(held, head)
    ]
    return older[-1] if older else None


def _commit(hub: Hub, name: str) -> str | None:
    return hub.repository.resolve(f"{name}^{{commit}}")
