"""What merging a pull request does to the git repository, done there with plumbing, and to the issues it fixes."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

from fakegithub import documents, tickets
from fakegithub.documents import Document
from fakegithub.wire import Denied

if TYPE_CHECKING:
    from fakegithub.hub import Hub

_FIXES = re.compile(r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):? #(\d+)", re.IGNORECASE)


def commits(hub: Hub, pull: Document) -> list[str]:
    """Return the commits a pull request brings, or has brought, the oldest first."""
    head, base = pull["head"]["sha"], pull["base"]["sha"]
    return hub.repository.git("rev-list", "--reverse", "--topo-order", f"{base}..{head}").split()


def merge(hub: Hub, pull: Document, how: str, title: str | None = None, text: str | None = None) -> str:
    """Merge in one of the three ways, and return the new head of the base."""
    if pull["state"] != "open":
        raise Denied(405, "Pull Request is not mergeable")
    base, head = pull["base"]["sha"], pull["head"]["sha"]
    if how == "rebase":
        made = base
        for commit in commits(hub, pull):
            made = _picked(hub, commit, made)
    else:
        words, parents = _words(hub, pull, how), [base, head] if how == "merge" else [base]
        message = f"{title or words[0]}\n\n{words[1] if text is None else text}".strip()
        made = _commit(hub, _tree(hub, base, head), parents, message)
    found = f"{pull['body'] or ''}\n{hub.repository.git('log', '--format=%B', f'{base}..{made}')}"
    hub.repository.put(f"refs/heads/{pull['base']['ref']}", made)
    settle(hub, pull, made)
    for number in {int(each) for each in _FIXES.findall(found)}:
        for issue in (each for each in hub.issues if each["number"] == number):
            tickets.close(hub, issue, closed=True)
    if hub.deletes_branches:
        hub.repository.remove(f"refs/heads/{pull['head']['ref']}")
    return made


def settle(hub: Hub, pull: Document, commit: str) -> None:
    """Mark a pull request as merged by a commit."""
    tickets.close(hub, pull, closed=True)
    who = documents.user(hub, hub.login)
    pull.update(merged=True, merged_at=pull["closed_at"], merge_commit_sha=commit, merged_by=who, mergeable=None)


def _words(hub: Hub, pull: Document, how: str) -> tuple[str, str]:
    if how == "merge":
        return f"Merge pull request #{pull['number']} from {hub.owner}/{pull['head']['ref']}", pull["title"]
    brought = commits(hub, pull)
    said = [hub.repository.git("show", "-s", "--format=%B", each).strip() for each in brought]
    if len(said) == 1:
        title, _, rest = said[0].partition("\n")
        return f"{title} (#{pull['number']})", rest.strip()
    return f"{pull['title']} (#{pull['number']})", "\n\n".join(f"* {each}" for each in said)


def _tree(hub: Hub, ours: str, theirs: str) -> str:
    command = ["git", "merge-tree", "--write-tree", ours, theirs]
    done = subprocess.run(command, cwd=hub.bare, check=False, capture_output=True, text=True)
    if done.returncode:
        raise Denied(405, "Pull Request is not mergeable")
    return done.stdout.strip()


def _commit(hub: Hub, tree: str, parents: list[str], message: str, author: dict[str, str] | None = None) -> str:
    who = author or {"NAME": hub.login.title(), "EMAIL": f"{hub.login}@users.noreply.github.com"}
    environment = {f"GIT_AUTHOR_{name}": value for name, value in who.items()}
    environment |= {"GIT_COMMITTER_NAME": "GitHub", "GIT_COMMITTER_EMAIL": "noreply@github.com"}
    named = [word for parent in parents for word in ("-p", parent)]
    return hub.repository.git("commit-tree", *named, tree, put=message, environment=environment)


def _picked(hub: Hub, commit: str, onto: str) -> str:
    """Return a copy of a commit on another one; its author stays."""
    parent = hub.repository.resolve(f"{commit}^")
    assert parent is not None
    # A commit with the tree of `onto` beside `commit`, so that a merge of the two is what a cherry-pick does.
    beside = _commit(hub, f"{onto}^{{tree}}", [parent], "beside")
    name, email, date, message = hub.repository.git("show", "-s", "--format=%an%n%ae%n%aI%n%B", commit).split("\n", 3)
    author = {"NAME": name, "EMAIL": email, "DATE": date}
    return _commit(hub, _tree(hub, beside, commit), [onto], message.strip(), author)
