"""A wheelhouse opened for a look: checked, unpacked where nobody else looks, and gone afterwards."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hephaestus import signatures, system
from hephaestus.errors import UsageError, VerificationFailed
from hephaestus.wheelhouse import house, wheel
from hephaestus.wheelhouse.house import House

__all__ = ["compare", "opened", "prove"]

log = logging.getLogger("hephaestus")


@contextlib.contextmanager
def opened(packed: Path) -> Iterator[House]:
    """Give an archive as an unpacked and checked house, which is removed at the end.

    A `.sha256` beside it is compared first. Raises `UsageError` where there is no such file, and
    `VerificationFailed` where anything is not as it should be.
    """
    if not packed.is_file():
        raise UsageError(f"there is no file {packed}", f"ls -l {shlex.quote(str(packed.parent))}")
    compare(packed)
    work = Path(tempfile.mkdtemp(prefix="hephaestus-"))
    try:
        yield house.unpack(packed, work / "unpacked")
    except VerificationFailed as error:
        error.hint = f"tar tvzf {shlex.quote(str(packed))}"  # what was unpacked is gone
        raise
    finally:
        system.remove(work)


def prove(found: House) -> None:
    """Prove that a house is complete on each of its targets, and that no wheel lies about its contents.

    Raises `VerificationFailed` with what is missing, or the first wheel that is not what its RECORD says.
    """
    missing = found.missing()
    if missing:
        raise VerificationFailed(f"the wheelhouse of {found.project} is not complete:\n" + "\n".join(missing))
    for each in found.wheels:
        for path in each.pth:
            log.warning("%s puts %s into every start of Python", each.file, path)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(wheel.check_contents, (found.root / "wheels" / each.file for each in found.wheels)))


def compare(packed: Path) -> None:
    """Compare an archive with the `.sha256` beside it, where there is one; who signed that is not asked here.

    Raises `VerificationFailed` where it has other bytes.
    """
    listed = packed.with_name(f"{packed.name}.sha256")
    if not listed.is_file():
        log.info("there is no %s beside it, so only its own checksums are compared", listed.name)
        return
    for name in (*signatures.beside(packed.name), *signatures.beside(listed.name)):
        if packed.with_name(name).exists():
            log.info("%s is not checked here; `hephaestus release install` does so", name)
    if listed.read_bytes() != f"{system.digest(packed)}  {packed.name}\n".encode():
        raise VerificationFailed(
            f"{packed.name} is not what {listed.name} says", f"sha256sum {shlex.quote(str(packed))}"
        )
