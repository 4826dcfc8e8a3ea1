"""The hub: what GitHub knows of one repository, and what befalls the talk with it."""

from __future__ import annotations

import copy
import itertools
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Self

from fakegithub import boards, faults, issues, protection, pulls, releases, reviews
from fakegithub.bare import Bare
from fakegithub.faults import Fault
from fakegithub.judge import judge
from fakegithub.server import Servers
from fakegithub.wire import Request

Document = dict[str, Any]


@dataclass(frozen=True)
class Exchange:
    """One request and what was answered; the status is `None` where the connection was cut before an answer."""

    number: int
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    document: Any
    status: int | None
    answer: Any
    fault: Fault | None = None
    kind: str = "rest"


@dataclass(eq=False, repr=False)
class State:
    """What GitHub knows, each list as its API documents it; a copy of it is what `Hub.state` returns."""

    releases: list[Document] = field(default_factory=list)
    assets: dict[int, bytes] = field(default_factory=dict)
    issues: list[Document] = field(default_factory=list)
    pulls: list[Document] = field(default_factory=list)
    comments: dict[int, list[Document]] = field(default_factory=dict)
    reviews: dict[int, list[Document]] = field(default_factory=dict)
    labels: list[Document] = field(default_factory=list)
    milestones: list[Document] = field(default_factory=list)
    advisories: list[Document] = field(default_factory=list)
    rulesets: list[Document] = field(default_factory=list)
    protections: dict[str, Document] = field(default_factory=dict)
    discussions: list[Document] = field(default_factory=list)
    boards: list[Document] = field(default_factory=list)
    pinned: list[int] = field(default_factory=list)
    # What the lists do not tell.
    latest: int | None = None
    burned: set[str] = field(default_factory=set)
    made_tags: list[str] = field(default_factory=list)
    unseen: dict[tuple[str, int | str], int] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)


class Hub(State):
    """A running GitHub with the one repository `owner/name`, whose git repository is the bare one at `bare`.

    With `secure` it speaks https, with a certificate that the authority in the file `authority` vouches for.
    """

    def __init__(self, bare: Path, owner: str = "oak", name: str = "acorn", *, secure: bool = False) -> None:
        super().__init__()
        self.owner, self.name, self.bare = owner, name, bare
        self.token = "gho_" + "s3cr3t" * 6
        self.login, self.permission = "robin", "admin"
        self.scopes: str | None = "project, repo, workflow"
        self.private, self.owner_type, self.default_branch = True, "Organization", "main"
        self.immutable, self.advisories_enabled, self.archived, self.lag = False, True, False, 0
        self.disabled, self.app, self.former = False, False, ""  # a token of an app; the name it had before
        self.hidden: set[int] = set()  # rulesets that are listed and not shown
        self.collaborators = {"robin": "admin", "kim": "write", "alex": "write"}
        self.teams = ["wardens"]
        self.categories = ["Announcements", "General", "Q&A"]
        self.merge_methods, self.deletes_branches = {"merge", "squash", "rebase"}, False
        self.exchanges: list[Exchange] = []
        self.at: Callable[[int, str], object] = lambda _number, _when: None
        self.wait_for, self.reset_in = 1, 60  # seconds, in Retry-After and until the hour of the rate limit is over
        self.lock = threading.RLock()
        self.repository = Bare(self)
        self.late = faults.Late()
        self._faults = faults.Faults()
        self._complaints: list[str] = []
        self._judged = 0
        self._clock = itertools.count(int(time.time()))
        self.count = 0  # of the requests that arrived
        self._servers = Servers(self, secure=secure)
        self.repository.adopt()
        protection.write(self)

    # Where it is.

    @property
    def url(self) -> str:
        """The address of the server, as in GITHUB_SERVER_URL."""
        return self._servers.url

    @property
    def api(self) -> str:
        """The address of the REST API, as in GITHUB_API_URL."""
        return f"{self.url}/api/v3"

    @property
    def here(self) -> str:
        """The address of the repository in the REST API."""
        return f"{self.api}/repos/{self.owner}/{self.name}"

    @property
    def page(self) -> str:
        """The address of the repository for people."""
        return f"{self.url}/{self.owner}/{self.name}"

    @property
    def storage(self) -> str:
        """The address of the other host, from which assets are downloaded."""
        return self._servers.storage

    @property
    def authority(self) -> Path | None:
        """The certificate to trust, where it speaks https."""
        return self._servers.authority

    def socket(self) -> Path:
        """Listen on a unix socket as well, as the real `gh` can be told to use, and return its path."""
        return self._servers.socket()

    def close(self) -> None:
        """Stop answering."""
        self._servers.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What goes wrong.

    def fail(self, fault: Fault, method: str | None = None, path: str | None = None, times: int = 1) -> None:
        """Let the next requests of a method and a path (a regular expression that is searched in it) fail."""
        self._faults.ask(fault, faults.fitting(method, path), times)

    def cut(self, number: int, when: Literal["before", "after"]) -> None:
        """Cut the connection of the request that is the `number`th from now, before or after its effect."""
        wanted = self.count + number
        fault = Fault.CUT_BEFORE if when == "before" else Fault.CUT_AFTER
        self._faults.ask(fault, lambda arrived, _request: arrived == wanted, 1)

    def fail_from(self, number: int, fault: Fault) -> None:
        """Let every request fail from the `number`th from now on, until `mend`."""
        first = self.count + number
        self._faults.ask(fault, lambda arrived, _request: arrived >= first, sys.maxsize)

    def mend(self) -> None:
        """Forget all faults that are due, and what would arrive late."""
        self._faults.waiting.clear()
        self.late.waiting.clear()

    def arrived(self, request: Request) -> tuple[int, Fault | None]:
        """Count a request, and say what befalls it."""
        with self.lock:
            self.count += 1
            return self.count, self._faults.due(self.count, request)

    # What it knows.

    def state(self) -> Document:
        """Return a copy of all that the API knows; the git repository is files, and not in it."""
        with self.lock:
            return {each.name: copy.deepcopy(getattr(self, each.name)) for each in fields(State)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Know again what `state` returned."""
        with self.lock:
            for name, value in copy.deepcopy(dict(state)).items():
                setattr(self, name, value)

    def next(self, kind: str = "id") -> int:
        """Return a number that was not used yet; issues and pull requests share theirs."""
        self.numbers[kind] = self.numbers.get(kind, 1000 if kind == "id" else 0) + 1
        return self.numbers[kind]

    def now(self) -> str:
        """Return a time later than the one returned before."""
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(next(self._clock)))

    def lagging(self, kind: str, number: int | str) -> None:
        """Keep something new out of as many listings as `lag` says."""
        if self.lag:
            self.unseen[kind, number] = self.lag

    def seen(self, kind: str, items: Sequence[Document], key: str = "id") -> list[Document]:
        """Return what a listing shows yet."""
        hidden = {number for (what, number), left in self.unseen.items() if what == kind and left > 0}
        for number in hidden:
            self.unseen[kind, number] -= 1
        return [item for item in items if item[key] not in hidden]

    # What happens on it without our doing; each is told in its module.

    def release(
        self, tag: str, *, draft: bool = False, body: str = "", assets: Mapping[str, bytes] | None = None, **more: Any
    ) -> Document:
        """Make a release as its page does, and return it as it stands in `releases`."""
        with self.lock:
            return releases.make(self, tag, draft=draft, body=body, assets=assets or {}, **more)

    def issue(
        self,
        title: str,
        *,
        closed: bool = False,
        labels: Sequence[str] = (),
        body: str = "",
        milestone: str | None = None,
    ) -> int:
        """Open an issue, and return its number; labels and the milestone (its title) are made where they are not there."""
        with self.lock:
            return issues.make(self, title, closed=closed, labels=labels, body=body, milestone=milestone)

    def pull(
        self,
        branch: str,
        base: str = "main",
        *,
        title: str = "A change",
        body: str = "",
        merged: bool = False,
        **more: Any,
    ) -> int:
        """Open a pull request for a branch, and return its number."""
        with self.lock:
            return pulls.make(self, branch, base, title=title, body=body, merged=merged, **more)

    def merge(self, number: int, how: Literal["merge", "squash", "rebase"] = "merge") -> str:
        """Merge a pull request as its page does, closing what it says it fixes, and return the new head of its base."""
        with self.lock:
            return pulls.merge(self, number, how)

    def review(
        self, number: int, login: str, state: Literal["APPROVED", "CHANGES_REQUESTED", "COMMENTED"] = "APPROVED"
    ) -> None:
        """Review a pull request as somebody."""
        with self.lock:
            reviews.make(self, number, login, state)

    def protect(self, branch: str, *, admins: bool = True) -> None:
        """Protect a branch: changes come by pull request, those of admins too unless told otherwise."""
        with self.lock:
            protection.protect(self, branch, admins=admins)
            protection.write(self)

    def rule(
        self,
        target: str = "tag",
        pattern: str = "refs/tags/v*",
        rules: Sequence[str] = ("deletion",),
        *,
        bypass: bool = False,
    ) -> Document:
        """Add a ruleset, which the caller may bypass or not."""
        with self.lock:
            made = protection.add(self, target, pattern, rules, bypass=bypass)
            protection.write(self)
            return made

    def board(
        self, number: int, title: str = "Roadmap", options: Sequence[str] = ("Todo", "In Progress", "Done")
    ) -> Document:
        """Add a project board of the owner, with a field `Status` of these options."""
        with self.lock:
            return boards.make(self, number, title, options)

    def place(self, board: int, ticket: int, status: str | None = None) -> None:
        """Put an issue or pull request on a board."""
        with self.lock:
            boards.place(self, board, ticket, status)

    # What was said.

    def record(self, exchange: Exchange) -> None:
        with self.lock:
            self.exchanges.append(exchange)

    def complain(self, what: str) -> None:
        """Note what no client may do, such as show our token to another host."""
        self._complaints.append(what)

    @property
    def violations(self) -> list[str]:
        """What in the exchanges so far GitHub's own descriptions do not allow."""
        with self.lock:
            fresh, self._judged = self.exchanges[self._judged :], len(self.exchanges)
            self._complaints += [said for exchange in fresh for said in judge(exchange)]
            return list(self._complaints)

    def forgive(self) -> list[str]:
        """Return the violations so far, and hold them against nobody any longer."""
        said = self.violations
        self._complaints.clear()
        return said
