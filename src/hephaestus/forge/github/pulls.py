"""The pull requests of a repository on GitHub."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote

from hephaestus.errors import CouldNotRun, Refused
from hephaestus.forge import look
from hephaestus.forge.capabilities import PullRequest
from hephaestus.forge.github import patience
from hephaestus.forge.github.client import Client, Rejected
from hephaestus.forge.github.shapes import field, perhaps

__all__ = ["GitHubPullRequests"]

_UNPROCESSABLE = 422
# The colours of labels that are made: those GitHub gives its own, and grey.
_COLOURS = {"documentation": "0075ca", "release": "0e8a16", "urgent": "b60205"}
_GREY = "ededed"


@dataclass(frozen=True)
class GitHubPullRequests:
    """The pull requests of the repository a client speaks of."""

    client: Client

    @cached_property
    def default_branch(self) -> str:
        """The branch that pull requests are for where nobody names one."""
        found = self.client.get("")
        if found is None:
            raise CouldNotRun(f"GitHub shows no repository {self._slug}", look(self.client.address.page))
        return field(found, "default_branch", str)

    def find(self, branch: str) -> PullRequest | None:
        """Return the pull request of a branch of this repository: the open one, else the newest that was merged."""
        found = self._of(branch)
        chosen = next(filter(_is_open, found), None)
        if chosen is None:
            chosen = max(filter(_merged, found), key=_merged, default=None)
        return None if chosen is None else self._read(chosen)

    def propose(self, branch: str, base: str, *, title: str, body: str) -> PullRequest:
        """Open the pull request of a branch, or give the open one this title, body and base; never a second one.

        Raises `Rejected` where GitHub says no, as it does where the branch has nothing that its base has not.
        """
        wanted = {"title": title, "body": body, "base": base}
        there = self._open(branch)
        if there is None:
            there = patience.once(lambda: self._opened(branch, wanted), lambda: self._open(branch))
        if not _says(there, wanted):
            path = f"pulls/{field(there, 'number', int)}"
            there = self.client.send("PATCH", path, wanted, repeatable=True)
        return self._read(there)

    def mark(self, number: int, *, labels: Sequence[str], assignees: Sequence[str]) -> None:
        """Add labels, made where the repository has none of that name, and assignees; those that are there stay.

        Raises `Refused` where somebody cannot be assigned.
        """
        found = self._issue(number)
        missing = _without(labels, _names(found, "labels", "name"))
        for label in missing:
            self._made(label)
        if missing:
            self.client.send("POST", f"issues/{number}/labels", {"labels": missing}, repeatable=True)
        people = _without(assignees, _names(found, "assignees", "login"))
        if people:
            path = f"issues/{number}/assignees"
            told = self.client.send("POST", path, {"assignees": people}, repeatable=True)
            # GitHub passes over in silence whom it cannot assign.
            left = _without(people, _names(told, "assignees", "login"))
            if left:
                raise Refused(f"{', '.join(left)} cannot be assigned to #{number}", self._people)

    def ask_for_review(self, number: int, reviewers: Sequence[str]) -> None:
        """Ask people, or teams as `organisation/team`, for a review, also those who have given one already.

        Nobody is asked who is asked already. Raises `Refused` where somebody cannot be asked; all others are.
        """
        found = self._pull(number)
        wanted = _without(reviewers, {*self._asked(found), _login(found)})
        if not wanted:
            return
        try:
            self._ask(number, wanted)
        except Rejected as error:
            if error.status != _UNPROCESSABLE:
                raise
            # One whom GitHub does not take keeps all the others from being asked.
            left = [each for each in wanted if not self._could_ask(number, each)]
            if left:
                said = f"{', '.join(left)} cannot be asked to review #{number}: {error.said}"
                raise Refused(said, self._people) from error

    def _could_ask(self, number: int, reviewer: str) -> bool:
        try:
            self._ask(number, [reviewer])
        except Rejected as error:
            if error.status != _UNPROCESSABLE:
                raise
            return False
        return True

    def _ask(self, number: int, reviewers: Sequence[str]) -> None:
        people = [each for each in reviewers if "/" not in each]
        teams = [each.partition("/")[2] for each in reviewers if "/" in each]
        asked: dict[str, Sequence[str]] = {"reviewers": people} if people else {}
        asked |= {"team_reviewers": teams} if teams else {}
        path = f"pulls/{number}/requested_reviewers"

        def arrived() -> bool | None:
            return not _without(reviewers, self._asked(self._pull(number))) or None

        patience.once(lambda: bool(self.client.send("POST", path, asked)), arrived)

    def _made(self, label: str) -> None:
        """Make a label the repository does not have."""
        path = f"labels/{quote(label, safe='')}"
        if self.client.get(path) is not None:
            return
        document = {"name": label, "color": _COLOURS.get(label.lower(), _GREY)}
        try:
            patience.once(lambda: self.client.send("POST", "labels", document), lambda: self.client.get(path))
        except Rejected as error:
            if "already_exists" not in error.codes:
                raise

    def _of(self, branch: str) -> list[dict[str, Any]]:
        """Return what GitHub has of a branch of this repository, the newest first; a fork may have one of that name."""
        head = f"{self.client.address.owner}:{branch}"
        listed = self.client.pages("pulls", head=head, state="all", sort="created", direction="desc")
        return [each for each in listed if self._ours(field(each, "head", dict), branch)]

    def _ours(self, head: dict[str, Any], branch: str) -> bool:
        """Tell whether a head is a branch of this repository; that of a fork which was deleted has none any more."""
        name = field(field(head, "repo", dict, {}), "full_name", str, "")
        return field(head, "ref", str) == branch and name.lower() == self._slug.lower()

    def _open(self, branch: str) -> dict[str, Any] | None:
        return next(filter(_is_open, self._of(branch)), None)

    def _opened(self, branch: str, wanted: dict[str, str]) -> dict[str, Any]:
        """Open a pull request, or return the one that somebody has opened in the same moment."""
        try:
            made: dict[str, Any] = self.client.send("POST", "pulls", {**wanted, "head": branch})
        except Rejected as error:
            there = self._open(branch) if error.status == _UNPROCESSABLE else None
            if there is None:
                raise
            return there
        return made

    def _pull(self, number: int) -> dict[str, Any]:
        return self._there(self.client.get(f"pulls/{number}"), number)

    def _issue(self, number: int) -> dict[str, Any]:
        return self._there(self.client.get(f"issues/{number}"), number)

    def _there(self, found: dict[str, Any] | None, number: int) -> dict[str, Any]:
        if found is None:
            page = f"{self.client.address.page}/pull/{number}"
            raise CouldNotRun(f"GitHub does not show #{number} of {self._slug}", look(page))
        return found

    def _asked(self, document: dict[str, Any]) -> set[str]:
        """Return who is asked to review and has not yet."""
        teams = _names(document, "requested_teams", "slug")
        people = _names(document, "requested_reviewers", "login")
        return people | {f"{self.client.address.owner}/{team}".lower() for team in teams}

    def _reviewed(self, number: int) -> set[str]:
        """Return who has reviewed; programs do so too, but cannot be asked."""
        told = self.client.pages(f"pulls/{number}/reviews")
        people = (each for each in told if perhaps(field(each, "user", dict, {}), "type", str) != "Bot")
        return set(filter(None, map(_login, people)))

    def _read(self, document: dict[str, Any]) -> PullRequest:
        number, author = field(document, "number", int), _login(document)
        state = "merged" if _merged(document) else field(document, "state", str)
        return PullRequest(
            number=number,
            title=field(document, "title", str),
            body=field(document, "body", str, ""),
            state=state,
            head=field(field(document, "head", dict), "sha", str),
            base=_base(document),
            url=field(document, "html_url", str),
            author=author,
            merge=perhaps(document, "merge_commit_sha", str) if state == "merged" else None,
            labels=frozenset(field(each, "name", str) for each in field(document, "labels", list)),
            assignees=frozenset(_names(document, "assignees", "login")),
            reviewers=frozenset((self._asked(document) | self._reviewed(number)) - {author}),
        )

    @property
    def _people(self) -> str:
        return look(f"{self.client.address.page}/settings/access")

    @property
    def _slug(self) -> str:
        return f"{self.client.address.owner}/{self.client.address.name}"


def _is_open(document: dict[str, Any]) -> bool:
    return field(document, "state", str) == "open"


def _merged(document: dict[str, Any]) -> str:
    """Return when a pull request was merged, empty for one that was not."""
    return field(document, "merged_at", str, "")


def _base(document: dict[str, Any]) -> str:
    return field(field(document, "base", dict), "ref", str)


def _login(document: dict[str, Any]) -> str:
    """Return whose a document is, which has no upper and lower case; empty for an account that was deleted."""
    user = perhaps(document, "user", dict)
    return "" if user is None else field(user, "login", str).lower()


def _names(document: dict[str, Any], key: str, name: str) -> set[str]:
    return {field(each, name, str).lower() for each in field(document, key, list, [])}


def _without(names: Sequence[str], there: set[str]) -> list[str]:
    """Return each name once, but those that are there; case makes no difference to GitHub."""
    wanted = {name.lower(): name for name in names}
    return [name for key, name in wanted.items() if key not in there]


def _says(document: dict[str, Any], wanted: dict[str, str]) -> bool:
    """Tell whether a pull request has this title, body and base; GitHub's editor ends lines in its own way."""
    there = field(document, "body", str, "").replace("\r\n", "\n").strip()
    told = {"title": field(document, "title", str), "body": there, "base": _base(document)}
    return told == {**wanted, "body": wanted["body"].strip()}
