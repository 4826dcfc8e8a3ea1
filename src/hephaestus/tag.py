"""The step that makes the annotated tag, signed where git is set up to sign; nothing of the user's moves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from hephaestus import git, marks, notes, project, ui, versions
from hephaestus.errors import Conflict, CouldNotRun, Problem, UsageError
from hephaestus.plan import Step
from hephaestus.stage import Stage

__all__ = ["Tag", "TagHere"]


@dataclass(frozen=True)
class Tag(Step):
    """Tag the release commit in the stage, and keep the tag object under a private ref.

    The message holds the changelog's section (from the file at `path`) and the mark of the release.
    """

    name: ClassVar[str] = "tag"

    stage: Stage
    remote: str
    version: str
    template: str
    path: str
    mark: marks.Mark

    def describe(self) -> str:
        """Say the tag's name."""
        signed = self.stage.repository.config("tag.gpgSign", kind="bool") == "true"
        return f"{self.stage.tag}, annotated{' and signed' if signed else ''}, seen by the build only"

    def check(self) -> Iterable[Problem]:
        """Ask that the tag is free here and on the remote, and greater than every release the base contains."""
        repository, tag = self.stage.repository, self.stage.tag
        if repository.run("check-ref-format", f"refs/tags/{tag}", check=False).code:
            yield Problem(f"{tag!r} cannot be the name of a tag", "git help check-ref-format")
            return
        there = [] if repository.is_shallow() else _on_remote(repository, self.remote)
        missing = [name for _, name in versions.order(there, self.template) if name not in (tag, *_here(repository))]
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            yield Problem(
                f"this clone has not the tag {missing[0]}{more} of {self.remote}, so earlier releases cannot be seen",
                f"git fetch --tags {self.remote}",
            )
        if repository.resolve(f"refs/tags/{tag}"):
            yield Problem(f"the tag {tag} exists in this clone", f"git show {tag}")
        elif tag in there:
            yield Problem(
                f"the tag {tag} exists on {self.remote}", f"git fetch {self.remote} tag {tag} && git show {tag}"
            )
        earlier = versions.order(repository.reachable_tags(self.stage.base), self.template)
        if earlier and earlier[0][0] > versions.parse(self.version):
            following = versions.following(str(earlier[0][0]), "patch")
            yield Problem(
                f"{self.version} is not greater than {earlier[0][0]}, which is released in what this commit contains",
                f"hephaestus release --version {following}",
            )

    def apply(self) -> None:
        """Make the tag object, unless it is there.

        Raises `Conflict` where the private ref holds a tag of something else.
        """
        stage = self.stage
        if stage.tag_object() is not None:
            if stage.repository.resolve(f"{stage.tag_ref}^{{commit}}") != stage.commit():
                raise Conflict(
                    f"{stage.tag_ref} is not a tag of the release commit", f"git update-ref -d {stage.tag_ref}"
                )
            return
        said = notes.of(git.Commit(stage.repository, stage.revision), self.path, self.version)
        message = marks.message(self.mark, f"Release {stage.tag}", said)
        if not stage.ready():
            stage.prepare()
        left = stage.checkout.resolve(f"refs/tags/{stage.tag}")
        if left:  # by a run that was killed before it could be kept
            stage.checkout.delete_ref(f"refs/tags/{stage.tag}", left)
        _annotate(stage.checkout, stage.tag, stage.revision, message, self.mark.time)
        stage.keep(f"refs/tags/{stage.tag}", stage.tag_ref)

    def describe_undo(self) -> str:
        """Say what goes."""
        return f"{self.stage.tag_ref} is removed, and the tag in this clone where it is ours"

    def undo(self) -> None:
        """Forget the tag, and remove the user's copy where it is ours."""
        repository, name = self.stage.repository, f"refs/tags/{self.stage.tag}"
        held = repository.resolve(name)
        if held and marks.from_message(repository.tag_message(held)) == self.mark:
            repository.delete_ref(name, held)
        ours = self.stage.tag_object()
        if ours:
            repository.delete_ref(self.stage.tag_ref, ours)


@dataclass(frozen=True)
class TagHere(Step):
    """Tag the commit that is checked out, when it says the version of the tag."""

    name: ClassVar[str] = "tag"

    repository: git.Repository
    tag: str
    version: str
    path: str
    mark: marks.Mark

    def describe(self) -> str:
        """Say what is tagged."""
        return f"{self.tag} on {self.mark.base[:10]}"

    def check(self) -> Iterable[Problem]:
        """Ask that the commit says this version, and that the tag is free or ours."""
        tree = git.Commit(self.repository, self.mark.base)
        said = versions.current(tree, project.load(tree))
        if said not in (self.version, None):
            yield Problem(f"HEAD says version {said}, not {self.version}", f"hephaestus bump --version {self.version}")
        name = f"refs/tags/{self.tag}"
        held = self.repository.resolve(f"{name}^{{commit}}")
        if held not in (None, self.mark.base):
            yield Problem(f"the tag {self.tag} exists, on {held}", f"git show {self.tag}")
        elif held is not None and marks.from_message(self.repository.tag_message(name)) is None:
            yield Problem(f"the tag {self.tag} exists and was not made by hephaestus", f"git show {self.tag}")

    def apply(self) -> None:
        """Make the tag, unless it is there."""
        if self.repository.resolve(f"refs/tags/{self.tag}") is None:
            try:
                said = notes.of(git.Commit(self.repository, self.mark.base), self.path, self.version)
            except UsageError:
                said = ""
            message = marks.message(self.mark, f"Release {self.tag}", said)
            _annotate(self.repository, self.tag, self.mark.base, message, self.mark.time)


def _annotate(repository: git.Repository, tag: str, commit: str, message: str, time: str) -> None:
    """Make an annotated tag."""
    # Verbatim: git's own cleaning would drop every line that begins with "#", which is a heading in Markdown.
    arguments = ("tag", "--annotate", "--cleanup=verbatim", "--file=-", "--", tag, commit)
    with ui.paused():  # a signing key may ask for its passphrase
        repository.run(*arguments, given=message.encode("utf-8", "surrogateescape"), extra={"GIT_COMMITTER_DATE": time})


def _here(repository: git.Repository) -> list[str]:
    return [name.removeprefix("refs/tags/") for name in repository.refs("refs/tags")]


def _on_remote(repository: git.Repository, remote: str) -> list[str]:
    try:
        return repository.remote_tags(remote)
    except CouldNotRun:
        return []  # the stage's check has said so already
