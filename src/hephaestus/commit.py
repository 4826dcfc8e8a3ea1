"""The step that makes the release commit in the stage; no branch moves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from hephaestus import git, keepachangelog, notes, project, ui, versions
from hephaestus.errors import CommandFailed, Conflict, Problem
from hephaestus.plan import Step
from hephaestus.stage import Stage

__all__ = ["Commit"]


@dataclass(frozen=True)
class Commit(Step):
    """Commit what `bump` and `changelog` changed, with the user's identity, hooks and signature.

    `time` is the frozen time of the release (ISO 8601), so that a resumed release makes the same commit.
    Where nothing was changed, because the release was prepared, the base is the release commit.
    """

    name: ClassVar[str] = "commit"

    stage: Stage
    message: str
    version: str
    time: str

    def describe(self) -> str:
        """Say the message, or that the base needs no commit."""
        if self._prepared():
            return f"{self.stage.base[:10]} is the release commit already"
        return f"“{self.message.splitlines()[0]}” on {self.stage.base[:10]}, hooks run"

    def check(self) -> Iterable[Problem]:
        """Ask git who commits."""
        for role in ("AUTHOR", "COMMITTER"):
            if self.stage.repository.run("var", f"GIT_{role}_IDENT", check=False).code:
                hint = "git config user.name 'Your Name' && git config user.email you@example.org"
                yield Problem(f"git does not know who the {role.lower()} is", hint)
                return

    def apply(self) -> None:
        """Make the commit and keep it under the private ref.

        Raises `CommandFailed` where a hook says no, and `Conflict` where the commit does not say its version.
        """
        if self.stage.commit() is not None:
            self._ours()
            return
        checkout = self.stage.checkout
        checkout.run("reset", "--quiet", "--soft", self.stage.base)
        checkout.run("add", "--update")
        if checkout.run("diff", "--cached", "--quiet", check=False).code:
            self._commit(checkout)
        self._says_its_version(git.Commit(checkout, "HEAD"))
        self.stage.keep("HEAD", self.stage.commit_ref)

    def describe_undo(self) -> str:
        """Say what goes."""
        return f"{self.stage.commit_ref} is removed"

    def undo(self) -> None:
        """Forget the commit."""
        commit = self.stage.commit()
        if commit:
            self.stage.repository.delete_ref(self.stage.commit_ref, commit)

    def _prepared(self) -> bool:
        """Tell whether the base says its version everywhere, its changelog too, so that nothing is left to change."""
        base = git.Commit(self.stage.repository, self.stage.base)
        facts = project.load(base)
        said = {place.version for place in versions.places(base, facts)} or {self.version}
        section = keepachangelog.find(notes.changelog(base, facts.changelog), self.version)
        return said == {self.version} and section is not None

    def _commit(self, checkout: git.Repository) -> None:
        dates = {"GIT_AUTHOR_DATE": self.time, "GIT_COMMITTER_DATE": self.time}
        try:
            with ui.paused():  # a signing key may ask for its passphrase
                checkout.run("commit", "--quiet", "--file=-", given=self.message.encode(), extra=dates)
        except CommandFailed as error:
            raise CommandFailed(
                f"git would not make the commit (a hook or the signature):\n{error.message}",
                f"cd {self.stage.repository.root} && git hook run pre-commit",
            ) from error

    def _says_its_version(self, tree: git.Commit) -> None:
        facts = project.load(tree)
        said = versions.current(tree, facts)
        if said not in (self.version, None):
            raise Conflict(
                f"the release commit says version {said}, not {self.version}: a hook has changed it",
                "git hook run pre-commit",
            )

    def _ours(self) -> None:
        repository, commit = self.stage.repository, self.stage.revision
        if commit != self.stage.base and repository.resolve(f"{commit}^") != self.stage.base:
            raise Conflict(
                f"{self.stage.commit_ref} is not a commit on {self.stage.base[:10]}",
                f"git update-ref -d {self.stage.commit_ref}",
            )
