"""The papers of a release: its announcement, its checklist, and the note of what was told to whom."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

from packaging.version import Version

from hephaestus import announcement, checklist, evidence, git, marks, notes, project, system
from hephaestus.forge import Forge, Listing
from hephaestus.wheelhouse import names

__all__ = ["Paper", "Papers", "Tracked", "facts"]


@dataclass(frozen=True)
class Tracked:
    """Who was told of a release; empty where nobody was.

    The numbers of issues and pull requests, the milestone that was closed, the board that was updated, and the address
    of the discussion.
    """

    tickets: tuple[int, ...] = ()
    milestone: str = ""
    board: str = ""
    discussion: str = ""


@dataclass(frozen=True)
class Paper:
    """A published release as its papers tell of it; `commit` is the released one, in this clone."""

    forge: Forge
    repository: git.Repository
    project: project.Project
    version: str
    tag: str
    commit: str

    @property
    def tree(self) -> git.Commit:
        """The released files."""
        return git.Commit(self.repository, self.commit)

    @property
    def archive(self) -> str:
        """The name of the wheelhouse."""
        return names.archive(self.project.normalized, self.version)

    def announcement(self, found: Listing) -> str:
        """Return the announcement of a release that is on the forge."""
        urgent = notes.urgent(self.version)
        promise = marks.from_body(found.body)
        return announcement.text(
            announcement.Announced(
                project=self.project.name,
                version=self.version,
                tag=self.tag,
                notes=notes.of(self.tree, self.project.changelog, self.version),
                url=found.url,
                place=self.forge.place,
                files=dict(promise.assets) if promise else {each.name: each.sha256 for each in found.assets},
                archive=self.archive,
                changelog=self.project.changelog,
                prerelease=found.prerelease or Version(self.version).is_prerelease,
                urgent=urgent if urgent in found.body else "",
            )
        )


@dataclass(frozen=True)
class Papers:
    """The directory in which the papers of one release lie."""

    folder: Path

    @classmethod
    def of(cls, repository: git.Repository, tag: str) -> Papers:
        """Return the papers of a tag in a clone; they lie beside its report."""
        return cls(repository.common_directory / "hephaestus" / "reports" / quote(tag, safe=""))

    @property
    def announcement(self) -> Path:
        """The announcement."""
        return self.folder / "announcement.md"

    @property
    def checklist(self) -> Path:
        """The checklist."""
        return self.folder / "checklist.md"

    def write(self, path: Path, text: str) -> None:
        """Write one of the papers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        system.write(path, text.encode("utf-8", "surrogateescape"))

    def note(self, tracked: Tracked) -> None:
        """Write down who was told."""
        self.write(self._note, json.dumps(asdict(tracked), indent=2) + "\n")

    def tracked(self) -> Tracked:
        """Return who was told, as far as this clone knows."""
        try:
            told = json.loads(self._note.read_bytes())
            return Tracked(tuple(told["tickets"]), *(str(told[key]) for key in ("milestone", "board", "discussion")))
        except (OSError, ValueError, KeyError, TypeError):
            return Tracked()

    @property
    def _note(self) -> Path:
        return self.folder / "tracked.json"


def facts(  # noqa: PLR0913  (all that is known of a release, each by its name)
    paper: Paper,
    *,
    remote: str,
    done: Sequence[str],
    said: Sequence[evidence.Said],
    waived: Mapping[str, str],
    previous: tuple[Version, str] | None,
    found: Listing | None,
    tracked: Tracked,
    announced: bool,
) -> checklist.Facts:
    """Return what a checklist can be ticked by: only what is known, and only of a release that is on its way or out."""
    examined = evidence.Examined(
        paper.repository, paper.commit, paper.version, paper.tag, paper.project.changelog, previous
    )
    # Before the changelog has its section there is nothing to review.
    items = evidence.checklist(examined, said, waived) if "commit" in done else ()
    return checklist.Facts(
        version=paper.version,
        tag=paper.tag,
        done=frozenset(done),
        changelog=paper.project.changelog,
        commit=paper.commit,
        remote=remote,
        url=found.url if found and not found.draft else "",
        assets=tuple(asset.name for asset in found.assets) if found else (),
        archive=paper.archive,
        # An optional gate that did not pass says nothing for the release, and nothing against it.
        gates={each.gate: each.verdict for each in said if each.required or each.verdict == "passed"},
        waived=frozenset(waived),
        review={item.asked: item.because for item in items if item.ticked},
        smoke=paper.project.smoke or "",
        milestone=tracked.milestone,
        board=tracked.board,
        tickets=len(tracked.tickets),
        announcement="announcement.md" if announced else "",
        discussion=tracked.discussion,
    )
