"""A forge that is a plain directory: a release is a folder, publishing it is one rename.

    releases/
      latest.json                 {"tag": "v1.2.0"}, for readers who do not have this program
      v1.2.0/release.json         tag, title, body, prerelease and the record of every asset
      v1.2.0/SHA256SUMS           what `sha256sum -c SHA256SUMS` reads inside the folder
      v1.2.0/assets/...           the files
      .drafts/v1.3.0/...          the same, not published yet
      .lock                       held by whoever writes

Writers take turns. Each begins by sweeping what a killed one left behind, all of which lies under
`.drafts`, so nothing that is half-written ever has a name a reader would look at.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote

from hephaestus import system
from hephaestus.errors import Conflict, CouldNotRun, UsageError, VerificationFailed
from hephaestus.forge import Asset, Finding, Listing, names, ranking, record

__all__ = ["DirectoryForge"]

_log = logging.getLogger("hephaestus")

_DRAFTS = ".drafts"
_LOCK = ".lock"
_LATEST = "latest.json"
_SUMS = "SHA256SUMS"
_ASSETS = "assets"

# The real user may differ from the one whose rights count, where the system tells them apart.
_EFFECTIVE = os.access in os.supports_effective_ids


@dataclass(frozen=True)
class DirectoryForge:
    """The releases in the directory at `path`, which need not exist before the first draft.

    Every call that writes raises `CouldNotRun` where the system refuses the write, and every call that reads
    a release raises `UsageError` where its record is damaged or the tag cannot be a file name.
    """

    path: Path

    @property
    def place(self) -> str:
        """The path of the directory."""
        return str(self.path)

    @property
    def can_withdraw(self) -> bool:
        """Always true: a folder can be removed."""
        return True

    @property
    def delays(self) -> Sequence[float]:
        """None: what was made is there."""
        return ()

    @property
    def git_settings(self) -> tuple[()]:
        """A directory tells git nothing."""
        return ()

    @property
    def pull_requests(self) -> None:
        """A directory has no pull requests."""

    @property
    def tracker(self) -> None:
        """A directory has no issues."""

    @property
    def advisories(self) -> None:
        """A directory has no advisories."""

    def examine(self, tag: str, branch: str | None) -> Sequence[Finding]:  # noqa: ARG002  (a directory has no branches)
        """Look at what keeps this user from writing here; nothing is made or changed."""
        return list(self._writable())

    def examine_withdrawal(self, tag: str) -> Sequence[Finding]:  # noqa: ARG002  (one folder is like another)
        """Look at what keeps this user from writing here; nothing is made or changed."""
        return list(self._writable())

    def generated_notes(self, tag: str, previous: str | None, branch: str) -> str:  # noqa: ARG002  (nobody to ask)
        """Return nothing: a directory knows nothing of changes."""
        return ""

    def _writable(self) -> Iterable[Finding]:
        existing = next(place for place in (self.path, *self.path.absolute().parents) if os.path.lexists(place))
        if not os.path.isdir(existing):  # noqa: PTH112  (Path.is_dir raises where we may not look)
            yield Finding(
                "directory",
                f"releases should be kept in {self.path}, but {existing} is not a directory",
                f"ls -ld {shlex.quote(str(existing))}",
            )
            return
        inside = [place for place in (self.path / _DRAFTS, self.path / _LOCK) if os.path.lexists(place)]
        for place in (existing, *inside):
            if not _may_write(place):
                yield Finding(
                    "directory",
                    f"releases should be kept in {self.path}, but you may not write to {place}",
                    f"ls -ld {shlex.quote(str(place))}",
                )
                return
        yield Finding("directory", f"releases are kept in {self.path}")

    def find(self, tag: str) -> Listing | None:
        """Return the release of a tag, draft or published, or `None`."""
        # The draft first: one that is published between the two looks is then seen by the second.
        draft = record.load(self._draft(tag), tag, draft=True)
        return record.load(self._published(tag), tag, draft=False) or draft

    def published(self) -> Sequence[Listing]:
        """Return all published releases, the highest version first and tags without a version last.

        A release whose record is damaged is left out with a warning, so that the others stay readable.
        """
        found = []
        for tag, folder in self._folders():
            try:
                listing = record.load(folder, tag, draft=False)
            except UsageError as error:
                _log.warning("%s; it is left out", error.message)
                continue
            if listing is not None:
                found.append(listing)
        return ranking.ranked(found)

    def latest(self) -> str | None:
        """Return the tag of the highest published version that is no pre-release, or `None`."""
        return ranking.latest(self.published())

    def draft(self, tag: str, *, title: str, body: str, prerelease: bool) -> None:
        """Make the draft of a tag, or give an existing draft this title, body and mark.

        Raises `Conflict` where the release is published.
        """
        folder = self._draft(tag)
        with self._writing():
            self._refuse_published(tag)
            found = record.load(folder, tag, draft=True)
            assets = found.assets if found else ()
            (folder / _ASSETS).mkdir(parents=True, exist_ok=True)
            record.save(folder, Listing(tag, title, body, True, prerelease, assets, folder.absolute().as_uri()), found)

    def upload(self, tag: str, path: Path) -> None:
        """Put a file on a draft; the same bytes under the same name are left alone.

        A file without a record, or with other bytes than its record says, was left by a killed upload or
        by an accident and is replaced.

        Raises `Conflict` where the draft has other bytes recorded under that name, or there is no draft,
        and `UsageError` where the name cannot be a file name everywhere or there is no such file.
        """
        name = names.asset_name(path.name)
        if not path.is_file():
            raise UsageError(f"there is no file {path} to upload", f"ls -l {shlex.quote(str(path.parent))}")
        with self._writing():
            listing = self._drafted(tag)
            recorded = _recorded(listing, name)
            target = self._draft(tag) / _ASSETS / name
            if recorded is not None and system.digest(path) != recorded.sha256:
                raise Conflict(
                    f"the draft of {tag} has other bytes under the name {name}",
                    f"sha256sum {shlex.quote(str(path))} {shlex.quote(str(target))}",
                )
            if recorded is not None and _intact(target, recorded):
                return
            _refuse_twin(listing, name)
            target.parent.mkdir(exist_ok=True)
            sha256 = system.copy(path, target)
            asset = Asset(name, target.stat().st_size, sha256)
            record.save(self._draft(tag), _with_assets(listing, [*_without(listing, name), asset]), listing)
        _log.info("uploaded %s to the draft of %s", name, tag)

    def discard(self, tag: str, name: str) -> None:
        """Remove a file from a draft; a file that is not there is no error.

        Raises `Conflict` where the release is published.
        """
        folder, name = self._draft(tag), names.asset_name(name)
        with self._writing():
            self._refuse_published(tag)
            listing = record.load(folder, tag, draft=True)
            if listing is not None:
                # The record goes first: a file without a record is nothing, a record without a file is a lie.
                record.save(folder, _with_assets(listing, _without(listing, name)), listing)
                system.remove(folder / _ASSETS / name)

    def publish(self, tag: str) -> None:
        """Make the draft visible; a release that is published already is left alone.

        Raises `Conflict` where there is neither or both, and `VerificationFailed` where a file of the draft
        is not what was uploaded.
        """
        folder = self._draft(tag)
        with self._writing():
            drafted = record.load(folder, tag, draft=True) is not None
            released = record.load(self._published(tag), tag, draft=False) is not None
            if drafted or not released:
                _complete(folder, self._drafted(tag))
                system.rename(folder, self._published(tag))
                _log.info("published %s in %s", tag, self._published(tag))
            self._point(ranking.latest(self.published()))

    def withdraw(self, tag: str) -> None:
        """Remove a draft or a published release; one that is not there is no error.

        Raises `Conflict` where there are both, since only a person can say which of them is meant.
        """
        draft, published = self._draft(tag), self._published(tag)
        if not self.path.is_dir():
            return
        with self._writing():
            released = record.load(published, tag, draft=False) is not None
            if released and draft.exists():
                raise Conflict(
                    f"{tag} is both published and a draft in {self.path}", f"rm -r {shlex.quote(str(draft))}"
                )
            self._point(ranking.latest(listing for listing in self.published() if listing.tag != tag))
            if released:
                # Out of sight in one step; what a killed removal leaves there is swept by the next writer.
                system.rename(published, self._doomed)
            system.remove(self._doomed)
            system.remove(draft)
        _log.info("withdrew %s from %s", tag, self.path)

    def download(self, tag: str, name: str, into: Path) -> Path:
        """Copy an asset into a directory, check its sha256 and return the path of the copy.

        Raises `Conflict` where there is no such asset, `VerificationFailed` where its bytes are not the recorded
        ones (no copy is left then), and `CouldNotRun` where the copy cannot be written.
        """
        listing, name = self.find(tag), names.asset_name(name)
        asset = None if listing is None else _recorded(listing, name)
        if listing is None or asset is None:
            raise Conflict(f"there is no {name} on {tag} in {self.path}", f"ls -l {shlex.quote(self.place)}")
        folder = self._draft(tag) if listing.draft else self._published(tag)
        source, target = folder / _ASSETS / name, into / name
        if not source.is_file():
            raise VerificationFailed(f"{source} is gone", f"ls -l {shlex.quote(str(source.parent))}")
        try:
            into.mkdir(parents=True, exist_ok=True)
            copied = system.copy(source, target)
        except OSError as error:
            raise CouldNotRun(f"{name} cannot be copied to {into}: {error}", _look(into)) from error
        if copied != asset.sha256:
            system.remove(target)
            raise _altered(source, asset)
        return target

    @property
    def _doomed(self) -> Path:
        return self.path / _DRAFTS / ".withdrawn"

    def _draft(self, tag: str) -> Path:
        return self.path / _DRAFTS / names.component(tag)

    def _published(self, tag: str) -> Path:
        return self.path / names.component(tag)

    def _folders(self) -> Iterator[tuple[str, Path]]:
        """Yield the tag and the path of everything that may be a published release."""
        try:
            folders = sorted(self.path.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise CouldNotRun(f"the releases in {self.path} cannot be read: {error}", _look(self.path)) from error
        for folder in folders:
            tag = unquote(folder.name)
            with contextlib.suppress(UsageError):
                if names.component(tag) == folder.name:
                    yield tag, folder

    def _drafted(self, tag: str) -> Listing:
        """Return the draft of a tag, and refuse where there is none."""
        self._refuse_published(tag)
        listing = record.load(self._draft(tag), tag, draft=True)
        if listing is None:
            raise Conflict(f"there is no draft of {tag} in {self.path}", _look(self.path / _DRAFTS))
        return listing

    def _refuse_published(self, tag: str) -> None:
        folder = self._published(tag)
        if record.load(folder, tag, draft=False) is not None:
            raise Conflict(f"{tag} is published already in {self.path}", _look(folder))
        if os.path.lexists(folder):
            raise Conflict(f"{folder} is in the way of {tag}: it is not a release", _look(folder))

    def _point(self, tag: str | None) -> None:
        """Let `latest.json` name a tag, or remove it where there is none."""
        file, draft = self.path / _LATEST, self.path / _DRAFTS / _LATEST
        if tag is None:
            system.remove(file)
            return
        data = record.encode({"tag": tag})
        if not file.is_file() or file.read_bytes() != data:
            system.write(draft, data)
            system.rename(draft, file)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Hold the lock, in a directory that is swept clean."""
        try:
            with system.lock(self.path / _LOCK, f"somebody else writes to {self.path}", wait=True):
                self._sweep()
                yield
        except OSError as error:
            raise CouldNotRun(f"the releases in {self.path} cannot be written: {error}", _look(self.path)) from error

    def _sweep(self) -> None:
        """Remove what killed writers left: under `.drafts`, every hidden name and every file that is no draft."""
        drafts = self.path / _DRAFTS
        drafts.mkdir(exist_ok=True)
        for entry in sorted(drafts.iterdir()):
            if entry.name.startswith(".") or not entry.is_dir():
                system.remove(entry)
                continue
            for hidden in (*entry.glob(".*"), *entry.glob(f"{_ASSETS}/.*")):
                system.remove(hidden)


def _may_write(path: Path) -> bool:
    mode = os.W_OK if path.name == _LOCK else os.W_OK | os.X_OK
    return os.access(path, mode, effective_ids=_EFFECTIVE)


def _look(path: Path) -> str:
    return f"ls -la {shlex.quote(str(path))}"


def _recorded(listing: Listing, name: str) -> Asset | None:
    return next((asset for asset in listing.assets if asset.name == name), None)


def _without(listing: Listing, name: str) -> list[Asset]:
    return [asset for asset in listing.assets if asset.name != name]


def _with_assets(listing: Listing, assets: Iterable[Asset]) -> Listing:
    return replace(listing, assets=tuple(sorted(assets, key=lambda asset: asset.name)))


def _refuse_twin(listing: Listing, name: str) -> None:
    """Refuse a name that differs in case alone from another: on many systems they are the same file."""
    for asset in _without(listing, name):
        if asset.name.casefold() == name.casefold():
            raise Conflict(f"the draft of {listing.tag} has {asset.name}, which many systems cannot tell from {name}")


def _intact(file: Path, asset: Asset) -> bool:
    return file.is_file() and system.digest(file) == asset.sha256


def _altered(file: Path, asset: Asset) -> VerificationFailed:
    return VerificationFailed(
        f"{file} does not have the bytes that were uploaded (sha256 {asset.sha256})",
        f"sha256sum {shlex.quote(str(file))}",
    )


def _complete(folder: Path, listing: Listing) -> None:
    """Make a draft what users may see: each recorded file as uploaded, no other file, and the checksums."""
    for asset in listing.assets:
        file = folder / _ASSETS / asset.name
        if not _intact(file, asset):
            raise _altered(file, asset)
    for file in (folder / _ASSETS).iterdir():
        if _recorded(listing, file.name) is None:
            system.remove(file)
    sums = "".join(f"{asset.sha256}  {_ASSETS}/{asset.name}\n" for asset in listing.assets)
    if sums:
        system.write(folder / _SUMS, sums.encode())
    else:
        system.remove(folder / _SUMS)
