"""The wheelhouse: complete, hashed, the same bytes each time, and installed by its own three lines."""

import hashlib
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

import houses
from hephaestus import archive, environments, system
from hephaestus.errors import CommandFailed, VerificationFailed
from hephaestus.wheelhouse import Wheelhouse

pytestmark = pytest.mark.slow

HOUSE = "acorn-1.1.0-wheelhouse.tar.gz"


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's directory of wheels in place of an index: dependencies are found there."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "found"))
    return tmp_path / "found"


def step(
    where: Path, smoke: str | None = "acorn", body: str = houses.ACORN, requires: tuple[str, ...] = ()
) -> Wheelhouse:
    """Return the step over distributions that need the given ones."""
    assets = where / "assets"
    houses.wheel(assets, body=body, requires=requires)
    (assets / "acorn-1.1.0.tar.gz").write_bytes(b"a source distribution")
    return Wheelhouse(where / "work", assets, "acorn", "1.1.0", smoke)


def members(packed: Path) -> dict[str, bytes]:
    with tarfile.open(packed) as tar:
        return {member.name.partition("/")[2]: tar.extractfile(member).read() for member in tar}


def test_it_holds_the_project_and_all_it_needs_each_with_its_hash(found: Path, tmp_path: Path) -> None:
    houses.wheel(found, "leaf", body="", requires=["sap"])
    houses.wheel(found, "sap", body="")
    made = step(tmp_path, requires=("leaf>=1",), body="import leaf\n" + houses.ACORN)
    assert not made.stands()

    made.apply()

    inside = members(made.assets / HOUSE)
    wheels = [f"wheels/{name}-1.1.0-py3-none-any.whl" for name in ("acorn", "leaf", "sap")]
    assert sorted(inside) == sorted(
        ["README.txt", "SHA256SUMS", "requirements.txt", "sdist/acorn-1.1.0.tar.gz", *wheels]
    )
    assert inside["requirements.txt"].decode() == "".join(
        f"{name}==1.1.0 --hash=sha256:{hashlib.sha256(inside[wheel]).hexdigest()}\n"
        for name, wheel in zip(("acorn", "leaf", "sap"), wheels, strict=True)
    )
    assert inside[wheels[0]] == (made.assets / "acorn-1.1.0-py3-none-any.whl").read_bytes()
    assert made.stands()
    assert not made.work.exists(), "what was needed to make it is gone"


def test_made_twice_it_is_the_same_bytes(found: Path, tmp_path: Path) -> None:
    houses.wheel(found, "leaf", body="")
    made = [step(tmp_path / name, requires=("leaf",)) for name in ("one", "two")]
    for each in made:
        each.apply()

    assert (made[0].assets / HOUSE).read_bytes() == (made[1].assets / HOUSE).read_bytes()


@pytest.mark.usefixtures("found")
def test_sha256sum_checks_the_archive_and_what_is_in_it(tmp_path: Path) -> None:
    made = step(tmp_path)
    made.apply()
    top = archive.extract(made.assets / HOUSE, tmp_path / "unpacked")

    for where, listed in ((made.assets, f"{HOUSE}.sha256"), (top, "SHA256SUMS")):
        subprocess.run(["sha256sum", "--strict", "--check", listed], cwd=where, check=True, capture_output=True)


def by_the_readme(top: Path, where: Path) -> "subprocess.CompletedProcess[str]":
    """Run the three lines the README says, with a stock Python and no network."""
    lines = [line.strip() for line in (top / "README.txt").read_text().splitlines() if line.startswith("    ")]
    assert len(lines) == 3
    only = {"PATH": str(houses.stock_python(where)), "HOME": str(where)}
    shell = [*environments.no_network(), "sh", "-exc", "\n".join(lines)]
    return subprocess.run(
        shell,
        cwd=top,
        env=only | {"PATH": only["PATH"] + ":/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_its_own_three_lines_install_it_with_stock_pip_and_refuse_a_wheel_that_was_tampered_with(
    found: Path, tmp_path: Path
) -> None:
    houses.wheel(found, "leaf", body="")
    made = step(tmp_path, requires=("leaf",), body="import leaf\n" + houses.ACORN)
    made.apply()
    top = archive.extract(made.assets / HOUSE, tmp_path / "unpacked")

    done = by_the_readme(top, tmp_path / "stock")
    assert done.returncode == 0, done.stderr
    assert system.run([top / "acorn-env" / "bin" / "acorn"]).output == "acorn 1.1.0\n"

    shutil.rmtree(top / "acorn-env")
    houses.wheel(top / "wheels", "leaf", body="EVIL = True\n")
    refused = by_the_readme(top, tmp_path / "stock again")
    assert refused.returncode != 0
    assert "leaf-1.1.0-py3-none-any.whl: FAILED" in refused.stdout

    (top / "SHA256SUMS").write_text(archive.sums(top))  # whoever changes a wheel can change the list beside it
    (top / "README.txt").write_text((top / "README.txt").read_text().replace("sha256sum -c SHA256SUMS", "true"))
    refused = by_the_readme(top, tmp_path / "stock at last")
    assert refused.returncode != 0
    assert "DO NOT MATCH THE HASHES" in refused.stderr


def test_a_dependency_that_cannot_be_had_is_named(found: Path, tmp_path: Path) -> None:
    found.mkdir()
    made = step(tmp_path, requires=("no-such-leaf>=7",))

    with pytest.raises(CommandFailed, match="no-such-leaf"):
        made.apply()

    assert not (made.assets / HOUSE).exists()
    assert not made.stands()


@pytest.mark.parametrize(
    ("smoke", "body"), [("acorn", "def main():\n    raise SystemExit('wilted')\n"), (None, "import no_such_module\n")]
)
@pytest.mark.usefixtures("found")
def test_what_does_not_work_once_installed_becomes_no_archive(tmp_path: Path, smoke: str | None, body: str) -> None:
    made = step(tmp_path, smoke, body)

    with pytest.raises(VerificationFailed):
        made.apply()

    assert not (made.assets / HOUSE).exists()


@pytest.mark.usefixtures("found")
def test_an_archive_stands_while_it_and_what_it_was_made_of_are_unchanged(tmp_path: Path) -> None:
    made = step(tmp_path)
    made.apply()
    whole = (made.assets / HOUSE).read_bytes()
    stamp = (made.assets / HOUSE).stat().st_mtime_ns
    made.apply()
    assert (made.assets / HOUSE).stat().st_mtime_ns == stamp, "what stands is not made again"

    (made.assets / HOUSE).write_bytes(whole[:-1])
    assert not made.stands()
    made.apply()
    assert (made.assets / HOUSE).read_bytes() == whole

    (made.assets / "acorn-1.1.0.tar.gz").write_bytes(b"another source")
    assert not made.stands()

    made.undo()
    assert not made.stands()
    made.undo()


def test_without_distributions_there_is_nothing_to_gather(tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    made = Wheelhouse(tmp_path / "work", tmp_path / "assets", "acorn", "1.1.0", None)

    assert HOUSE in made.describe()
    assert list(made.check()) == []
    with pytest.raises(VerificationFailed, match="does not hold the sdist and wheel"):
        made.apply()


@pytest.mark.usefixtures("found")
def test_of_several_wheels_the_one_pip_would_choose_here_is_taken(tmp_path: Path) -> None:
    made = step(tmp_path)
    general = made.assets / "acorn-1.1.0-py3-none-any.whl"
    for tag in ("cp27-cp27m-win32", "cp38-cp38-macosx_10_9_x86_64"):
        shutil.copy(general, made.assets / f"acorn-1.1.0-{tag}.whl")

    made.apply()

    assert [name for name in members(made.assets / HOUSE) if name.startswith("wheels/")] == [f"wheels/{general.name}"]
