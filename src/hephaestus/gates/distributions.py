"""The wheel and the sdist that gates look at: those that are to be published, or those of the files as they lie."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from hephaestus import git, system
from hephaestus.errors import CouldNotRun, HephaestusError
from hephaestus.kept import Indexes

__all__ = ["Distributions"]


@dataclass(frozen=True)
class Distributions:
    """The distributions of a checkout, built in `area` when first asked for, unless `given` holds them.

    `digest` is the fingerprint of the files, `paths` which they are; `in_place` builds where the files lie, for a
    backend that reads the version from git, and `history` is what it may read there.
    """

    repository: git.Repository
    paths: Sequence[str]
    digest: str
    area: Path
    given: Path | None
    in_place: bool
    history: tuple[object, ...] = ()
    _once: threading.Lock = field(default_factory=threading.Lock, compare=False)
    _failures: list[HephaestusError] = field(default_factory=list, compare=False)

    def wheel(self) -> Path:
        """Return the wheel; raises `CommandFailed` where it cannot be built, `CouldNotRun` where there are several."""
        return self._one("*.whl")

    def sdist(self) -> Path:
        """Return the sdist; raises as `wheel` does."""
        return self._one("*.tar.gz")

    def made_with(self) -> tuple[str, ...]:
        """Return what the distributions are built with, as far as the project declares it."""
        from hephaestus import builder  # slow to import, and most runs know what they ask

        return builder.tools(self.repository.root, indexes=self._indexes)

    def _one(self, pattern: str) -> Path:
        with self._once:
            folder = self.given or self._built_once()
        found = sorted(folder.glob(pattern))
        if len(found) != 1:
            raise CouldNotRun(f"{folder} holds {len(found)} files {pattern}, not one", f"ls -l {folder}")
        return found[0]

    def _built_once(self) -> Path:
        """Return where the built files are; a build that failed for one gate is not tried again for the next."""
        if self._failures:
            raise self._failures[0]
        try:
            return self._built
        except HephaestusError as error:
            self._failures.append(error)
            raise

    @cached_property
    def _built(self) -> Path:
        """Build, unless the very same was built last time."""
        facts = (self.digest, self.made_with(), self.history)
        out = self.area / system.digest_of(repr(facts).encode("utf-8", "surrogateescape"))[:20]
        if not (out / "done").is_file():
            system.remove(self.area)
            self.area.mkdir(parents=True)
            from hephaestus import builder

            if self.repository.resolve("HEAD") is None:
                raise CouldNotRun("nothing is committed yet, so nothing can be built", "git commit")
            time = self.repository.line("log", "-1", "--no-show-signature", "--format=%ct")
            builder.build(self._source(), out, int(time), indexes=self._indexes)
            system.write(out / "done", b"")
        return out

    def _source(self) -> Path:
        """Return the files to build from: a copy, so that no backend changes the checkout."""
        if self.in_place:
            return self.repository.root
        copy = self.area / "source"
        for path in self.paths:
            file = self.repository.root / path
            if file.is_symlink() or file.is_file():
                (copy / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(file, copy / path, follow_symlinks=False)
        return copy

    @property
    def _indexes(self) -> Indexes:
        from hephaestus.wheelhouse import index

        return index.configured(self.repository.root)
