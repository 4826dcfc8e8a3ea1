"""The files of a release on GitHub: put there whole and read back, fetched and checked, or taken away."""

from __future__ import annotations

import shlex
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hephaestus import system
from hephaestus.errors import Conflict, CouldNotRun, VerificationFailed
from hephaestus.forge import look
from hephaestus.forge.github import documents
from hephaestus.forge.github.client import Client, Rejected
from hephaestus.forge.github.documents import Held, Release
from hephaestus.forge.github.patience import once

__all__ = ["Files"]


@dataclass(frozen=True)
class Files:
    """The files on the releases of one repository."""

    client: Client

    @cached_property
    def digests(self) -> dict[int, str]:
        """The digests of files that the server does not tell, by their ids: a file never changes under its id."""
        return {}

    def digest(self, file: Held) -> str:
        """Return the sha256 of a file; servers that do not know it are asked for the bytes, once."""
        if file.sha256 is not None:
            return file.sha256
        if file.id not in self.digests:
            with tempfile.TemporaryDirectory(prefix="hephaestus-") as folder:
                self._fetch(file, Path(folder) / "file")
        return self.digests[file.id]

    def know(self, release: Release) -> None:
        """Make sure that the digest of every file of a release is known."""
        for file in release.files:
            if file.whole:
                self.digest(file)

    def put(self, release: Release, path: Path, name: str) -> None:
        """Put a file on a draft under a name that it has not yet, and read it back.

        Raises `Conflict` where GitHub does not take the name, and `VerificationFailed` where it holds other bytes.
        """
        sha256, size = system.digest(path), path.stat().st_size
        for file in release.files:
            if file.name == name and not file.whole:
                self.remove(file)
        there = {file.id for file in release.files if file.whole}

        def send() -> Held:
            try:
                return documents.held(self.client.upload(release.upload_url, path, name))
            except Rejected as error:
                # An upload whose end nobody saw may have been finished behind our back.
                found = seek() if "already_exists" in error.codes else None
                if found is None:
                    raise
                return found

        def seek() -> Held | None:
            new = [file for file in self._all(release) if file.id not in there]
            for file in new:
                if not file.whole:
                    self.remove(file)
            whole = [file for file in new if file.whole]
            named = [file for file in whole if file.name == name]
            return next(iter(named or [file for file in whole if file.sha256 == sha256]), None)

        self._check(once(send, seek), name, size, sha256)

    def remove(self, file: Held) -> None:
        """Remove a file; one that is gone is no error."""
        self.client.send("DELETE", f"releases/assets/{file.id}")

    def fetch(self, file: Held, target: Path) -> None:
        """Fetch a file and check that it is the one that was uploaded.

        Raises `VerificationFailed` where it is not; then there is no copy.
        """
        fetched = self._fetch(file, target)
        if fetched != (file.sha256 or fetched) or target.stat().st_size != file.size:
            system.remove(target)
            raise VerificationFailed(
                f"{file.name} does not have the bytes that were uploaded (sha256 {file.sha256})", self._page
            )

    def _fetch(self, file: Held, target: Path) -> str:
        """Fetch a file and return its digest, which is then known."""
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            self.client.download(f"releases/assets/{file.id}", target)
            self.digests[file.id] = system.digest(target)
        except OSError as error:
            hint = f"ls -la {shlex.quote(str(target.parent))}"
            raise CouldNotRun(f"{file.name} cannot be written to {target.parent}: {error}", hint) from error
        return self.digests[file.id]

    def _all(self, release: Release) -> list[Held]:
        return [documents.held(each) for each in self.client.pages(f"releases/{release.id}/assets")]

    def _check(self, file: Held, name: str, size: int, sha256: str) -> None:
        """Refuse what GitHub made of an upload where it is not the file, and take it away again."""
        if file.name != name:
            self.remove(file)
            raise Conflict(f"GitHub does not take the name {name}, it would call the file {file.name}", self._page)
        if not file.whole or file.size != size or self.digest(file) != sha256:
            self.remove(file)
            raise VerificationFailed(f"GitHub holds other bytes of {name} than were sent", "hephaestus status")

    @property
    def _page(self) -> str:
        return look(f"{self.client.address.page}/releases")
