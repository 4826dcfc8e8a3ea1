"""The steps that put a release before reviewers: the release branch on the remote, and its pull request."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from packaging.version import Version

from hephaestus import evidence, git, keepachangelog, notes, review
from hephaestus.deliver import deliver
from hephaestus.errors import Conflict, HephaestusError, Problem, Refused
from hephaestus.forge import capabilities
from hephaestus.plan import Step

__all__ = ["Offer", "Propose", "PullRequest"]

log = logging.getLogger("hephaestus")


@dataclass(frozen=True)
class Propose(Step):
    """Push the release commit as the release branch, and nothing else.

    `commit_ref` names it in the user's clone; `expects` is what the branch holds now, `git.ABSENT` for nothing.
    """

    name: ClassVar[str] = "propose"
    commit_point: ClassVar[bool] = True

    repository: git.Repository
    remote: str
    branch: str
    commit_ref: str
    expects: str
    again: str

    def describe(self) -> str:
        """Say what becomes visible."""
        return f"{self.branch} to {self.remote}, and nothing else"

    def check(self) -> Iterable[Problem]:
        """Ask that the branch can have its name."""
        name = f"refs/heads/{self.branch}"
        if self.repository.run("check-ref-format", name, check=False).code:
            yield Problem(f"{self.branch!r} cannot be the name of a branch", "git help check-ref-format")
            return
        folders = [name[:place] for place in range(len("refs/heads/"), len(name)) if name[place] == "/"]
        for taken in self.repository.remote_refs(self.remote, *folders):
            yield Problem(
                f"{self.remote} has a branch {taken.removeprefix('refs/heads/')}, so there can be no {self.branch}",
                f"git ls-remote {self.remote} '{taken}'",
            )

    def apply(self) -> None:
        """Push the commit to the branch, if that still holds what was seen.

        Raises `Conflict` where it does not, `Refused` where the remote says no, and `CouldNotRun` where it cannot
        be reached.
        """
        commit = self.repository.resolve(self.commit_ref)
        if commit is None:
            raise Conflict("the release commit was not made yet", self.again)
        deliver(self.repository, self.remote, self.branch, old=self.expects, new=commit, again=self.again)


@dataclass(frozen=True)
class Offer:
    """What reviewers are told: the facts, from which the text of the pull request is made.

    `base` is the commit the branch was made from, `replaceable` says that nothing but our own commit is on it, and
    `onward` is the command that releases what was merged.
    `verdicts` returns what the gates said of a commit, `waived` maps those that need not pass to the reasons.
    """

    repository: git.Repository
    version: str
    tag: str
    previous: tuple[Version, str] | None
    path: str
    base: str
    target: str
    onward: str
    urgent: bool
    replaceable: bool
    verdicts: Callable[[str], Sequence[evidence.Said]] = field(compare=False)
    waived: Mapping[str, str]

    @property
    def title(self) -> str:
        """The title of the pull request."""
        return f"Release {self.tag}"

    def body(self, commit: str) -> str:
        """Return our part of the body for a commit, each box ticked by what is found there."""
        tree = git.Commit(self.repository, commit)
        examined = evidence.Examined(self.repository, commit, self.version, self.tag, self.path, self.previous)
        items = evidence.checklist(examined, self.verdicts(commit), self.waived)
        head = commit if self.replaceable else ""
        mark = review.Mark(self.version, self.base, head, commit)
        return review.body(self._lead, notes.of(tree, self.path, self.version), items, mark)

    def preview(self) -> str:
        """Return the body before there is a commit: what will be told, with nothing looked at yet."""
        text = notes.changelog(git.Commit(self.repository, self.base), self.path)
        section = keepachangelog.find(text, self.version) or keepachangelog.unreleased(text)
        return review.body(self._lead, section.body if section else "", evidence.expected(), None)

    @property
    def _lead(self) -> str:
        urgent = "**Urgent:** this is a hotfix. Please review it before anything else.\n\n" if self.urgent else ""
        return (
            f"{urgent}This releases {self.version}. Once it is merged into `{self.target}`, "
            f"exactly the merged files are released: by CI, or with `{self.onward}`."
        )


@dataclass(frozen=True)
class PullRequest(Step):
    """Open the one pull request of the release branch, or bring it up to date, and ask for a review.

    `reviewers` are people, or teams as `organisation/team`.
    """

    name: ClassVar[str] = "pull-request"

    pulls: capabilities.PullRequests
    offer: Offer
    commit_ref: str
    branch: str
    labels: tuple[str, ...]
    assignees: tuple[str, ...]
    reviewers: tuple[str, ...]

    def describe(self) -> str:
        """Say what is opened, and who is asked."""
        asked = f", reviewed by {', '.join(self.reviewers)}" if self.reviewers else ""
        return f"“{self.offer.title}” from {self.branch} into {self.offer.target}{asked}"

    def check(self) -> Iterable[Problem]:
        """Ask the forge for its pull requests."""
        try:
            self.pulls.find(self.branch)
        except HephaestusError as error:
            yield Problem(error.message, error.hint or "hephaestus release --help")

    def apply(self) -> None:
        """Open the pull request or renew it; what others wrote in it stays.

        A review is asked for again where the commit is another one than was looked at before.
        Raises `Refused` where somebody cannot be assigned or asked; all else is done by then.
        """
        commit, there = self._commit(), self._open()
        seen = review.from_body(there.body) if there else None
        if there is not None and (seen is None or seen.checked != commit):
            # Before the body says so: a run that is killed in between finds it unsaid, and asks again.
            self._ask_again(there)
        body = review.renewed(there.body if there else "", self.offer.body(commit))
        made = self.pulls.propose(self.branch, self.offer.target, title=self.offer.title, body=body)
        log.info("pull request #%d: %s", made.number, made.url)
        refused = [*self._marked(made), *self._asked(made)]
        if refused:
            raise refused[0]

    def stands(self) -> bool:
        """Tell whether the pull request says all that it would be made to say."""
        there, commit = self._open(), self._commit()
        if there is None:
            return False
        body = review.renewed(there.body, self.offer.body(commit))
        told = (there.title, there.body.replace("\r\n", "\n").strip(), there.base)
        return told == (self.offer.title, body, self.offer.target) and not self._missing(there)

    def _commit(self) -> str:
        commit = self.offer.repository.resolve(self.commit_ref)
        if commit is None:
            raise Conflict("the release commit was not made yet", "hephaestus status")
        return commit

    def _open(self) -> capabilities.PullRequest | None:
        found = self.pulls.find(self.branch)
        return found if found is not None and found.state == "open" else None

    def _ask_again(self, there: capabilities.PullRequest) -> None:
        """Ask those for a review who were asked before; one who cannot be asked any more keeps nobody waiting."""
        earlier = there.reviewers - {name.lower() for name in self.reviewers}
        for who in (self.reviewers, sorted(earlier)):
            try:
                self.pulls.ask_for_review(there.number, who)
            except Refused as error:
                log.info("%s", error.message)

    def _marked(self, made: capabilities.PullRequest) -> Iterable[Refused]:
        try:
            self.pulls.mark(made.number, labels=self.labels, assignees=self.assignees)
        except Refused as error:
            yield error

    def _asked(self, made: capabilities.PullRequest) -> Iterable[Refused]:
        missing = [name for name in self.reviewers if name.lower() not in made.reviewers]
        try:
            self.pulls.ask_for_review(made.number, missing)
        except Refused as error:
            yield error

    def _missing(self, there: capabilities.PullRequest) -> bool:
        """Tell whether a label, an assignee or a reviewer is missing."""
        labels = {name.lower() for name in there.labels}
        return (
            any(name.lower() not in labels for name in self.labels)
            or any(name.lower() not in there.assignees for name in self.assignees)
            or any(name.lower() not in {*there.reviewers, there.author} for name in self.reviewers)
        )
