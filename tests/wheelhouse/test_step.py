"""The step that makes the wheelhouse: from a commit to an archive that its own three lines install anywhere."""

import hashlib
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

import houses
import wheels
from hephaestus import alone, environments, system
from hephaestus.errors import Busy, ChecksFailed, CommandFailed, UsageError, VerificationFailed
from hephaestus.project import WheelhouseSettings
from hephaestus.wheelhouse import archive, step, store
from hephaestus.wheelhouse.target import running
from places import Place

pytestmark = pytest.mark.slow

HOUSE = "acorn-1.0.0-wheelhouse.tar.gz"


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's directory of wheels in place of an index: dependencies are found there."""
    (tmp_path / "found").mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "found"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return tmp_path / "found"


def needs(place: Place, *requirements: str, body: str | None = None, more: str = "") -> None:
    """Let the project need something, and commit that."""
    text = (place.root / "pyproject.toml").read_text()
    listed = f"dependencies = {json.dumps(requirements)}\n{more}"
    if body is not None:
        place.commit("src/acorn/__init__.py", body)
    place.commit("pyproject.toml", text.replace("[project.scripts]", f"{listed}\n[project.scripts]"))


def make(place: Place, asked: WheelhouseSettings | None = None) -> step.Wheelhouse:
    (made,) = alone.wheelhouse(place.repository, asked)
    assert isinstance(made, step.Wheelhouse)
    made.apply()
    return made


def members(packed: Path) -> dict[str, bytes]:
    with tarfile.open(packed) as tar:
        return {member.name.partition("/")[2]: tar.extractfile(member).read() for member in tar}


def test_it_holds_the_project_and_all_it_needs_each_with_its_hash(place: Place, found: Path) -> None:
    wheels.make_wheel(found, "leaf", requires=["sap"])
    wheels.make_wheel(found, "sap")
    needs(place, "leaf>=1")

    make(place)

    inside = members(place.root / "dist" / HOUSE)
    named = ["acorn-1.0.0-py3-none-any.whl", "leaf-1.1.0-py3-none-any.whl", "sap-1.1.0-py3-none-any.whl"]
    assert sorted(inside) == sorted(
        [
            *("README", "SHA256SUMS", "manifest.json", "pylock.toml", "requirements.txt", "sbom.cdx.json"),
            "sdist/acorn-1.0.0.tar.gz",
            *(f"wheels/{name}" for name in named),
        ]
    )
    for name in named:
        assert hashlib.sha256(inside[f"wheels/{name}"]).hexdigest() in inside["requirements.txt"].decode()
    assert inside[f"wheels/{named[0]}"] == (place.root / "dist" / named[0]).read_bytes()
    manifest = json.loads(inside["manifest.json"])
    assert manifest["commit"] == place.git("rev-parse", "HEAD")
    assert manifest["tree"] == place.git("rev-parse", "HEAD^{tree}")
    assert manifest["targets"] == [str(running())]
    assert (place.root / "dist" / "pylock.acorn.toml").read_bytes().count(b"[[packages]]") == 2


def test_the_same_commit_gives_the_same_bytes_in_another_clone(place: Place, found: Path) -> None:
    wheels.make_wheel(found, "leaf")
    needs(place, "leaf")
    place.git("push", "--quiet")
    other = place.clone("another")
    made = []
    for each in (place, other):
        make(each)
        made.append((each.root / "dist" / HOUSE).read_bytes())

    assert made[0] == made[1]


def test_sha256sum_checks_the_archive_and_what_is_in_it(place: Place, found: Path, tmp_path: Path) -> None:
    make(place)
    top = archive.unpack(place.root / "dist" / HOUSE, tmp_path / "unpacked")

    for where, listed in ((place.root / "dist", f"{HOUSE}.sha256"), (top, "SHA256SUMS")):
        subprocess.run(["sha256sum", "--strict", "--check", listed], cwd=where, check=True, capture_output=True)


def by_the_readme(top: Path, where: Path) -> "subprocess.CompletedProcess[str]":
    """Run the three lines the README says, with a stock Python and no network."""
    lines = [line.strip() for line in (top / "README").read_text().splitlines() if line.startswith("    ")]
    assert len(lines) == 3
    only = {"PATH": str(houses.stock_python(where)), "HOME": str(where)}
    return subprocess.run(
        [*environments.no_network(), "sh", "-exc", "\n".join(lines)],
        cwd=top,
        env=only | {"PATH": only["PATH"] + ":/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_its_own_three_lines_install_it_with_stock_pip_and_refuse_a_wheel_that_was_tampered_with(
    place: Place, found: Path, tmp_path: Path
) -> None:
    wheels.make_wheel(found, "leaf")
    needs(
        place, "leaf", body='import leaf\n\n__version__ = "1.0.0"\n\n\ndef main():\n    print("acorn", __version__)\n'
    )
    make(place)
    top = archive.unpack(place.root / "dist" / HOUSE, tmp_path / "unpacked")

    done = by_the_readme(top, tmp_path / "stock")
    assert done.returncode == 0, done.stderr
    assert system.run([top / "acorn-env" / "bin" / "acorn"]).output == "acorn 1.0.0\n"

    shutil.rmtree(top / "acorn-env")
    wheels.make_wheel(top / "wheels", "leaf", files={"leaf/evil.py": "EVIL = True\n"})
    refused = by_the_readme(top, tmp_path / "stock again")
    assert refused.returncode != 0
    assert "leaf-1.1.0-py3-none-any.whl: FAILED" in refused.stdout

    sums = (f"{wheels.sha256(path)}  {path.relative_to(top)}\n" for path in sorted(top.rglob("*")) if path.is_file())
    (top / "SHA256SUMS").write_text("".join(line for line in sums if "SHA256SUMS" not in line))
    refused = by_the_readme(top, tmp_path / "stock at last")
    assert refused.returncode != 0
    assert "DO NOT MATCH THE HASHES" in refused.stderr


def test_a_lock_of_the_project_decides_what_is_taken(place: Place, found: Path) -> None:
    locked = wheels.make_wheel(found, "leaf", "1.0")
    wheels.make_wheel(found, "leaf", "2.0")
    needs(place, "leaf")
    place.commit("requirements.txt", f"leaf==1.0 --hash=sha256:{wheels.sha256(locked)}\n")

    make(place)

    inside = members(place.root / "dist" / HOUSE)
    assert [name for name in inside if "leaf" in name] == ["wheels/leaf-1.0-py3-none-any.whl"]
    assert json.loads(inside["manifest.json"])["lock"]["from"] == "requirements.txt"
    assert not (place.root / "dist" / "pylock.acorn.toml").exists()


def test_extras_and_groups_come_with_it_where_they_are_asked_for(place: Place, found: Path) -> None:
    for name in ("leaf", "sap", "moss"):
        wheels.make_wheel(found, name)
    groups = '[dependency-groups]\ndocs = [{include-group = "more"}]\nmore = ["moss"]\n'
    needs(place, "leaf", more=f'\n[project.optional-dependencies]\nSweet_Things = ["sap"]\n\n{groups}')

    make(place, WheelhouseSettings(extras=("sweet-things",), groups=("docs",)))

    inside = members(place.root / "dist" / HOUSE)
    assert b"sap==" in inside["requirements-sweet-things.txt"]
    assert b"moss==" in inside["requirements.group-docs.txt"]
    assert b"sap==" not in inside["requirements.txt"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (WheelhouseSettings(extras=("no-such",)), "has no extra no-such"),
        (WheelhouseSettings(groups=("no-such",)), "has no dependency group 'no-such'"),
        (WheelhouseSettings(targets=("toaster",)), "'toaster' is no target"),
        (WheelhouseSettings(lock="no-such.lock"), "no-such.lock"),
    ],
)
def test_what_the_project_does_not_have_is_refused(
    place: Place, found: Path, asked: WheelhouseSettings, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        make(place, asked)


def test_an_extra_and_a_group_of_one_name_come_together(place: Place, found: Path) -> None:
    for name in ("leaf", "moss"):
        wheels.make_wheel(found, name)
    needs(place, more='\n[project.optional-dependencies]\ndocs = ["leaf"]\n\n[dependency-groups]\ndocs = ["moss"]\n')

    make(place, WheelhouseSettings(extras=("docs",), groups=("docs",)))

    inside = members(place.root / "dist" / HOUSE)
    assert b"leaf==" in inside["requirements-docs.txt"]
    assert b"moss==" in inside["requirements.group-docs.txt"]


@pytest.mark.parametrize(
    "told",
    [
        '[tool.uv.sources]\nleaf = { path = "./leaf" }\n',
        '[tool.uv]\nconstraint-dependencies = ["leaf<1"]\n',
        '[tool.uv]\nno-binary-package = ["leaf"]\n',
    ],
)
def test_what_only_a_lock_keeps_is_not_resolved_without_one(place: Place, found: Path, told: str) -> None:
    wheels.make_wheel(found, "leaf")
    needs(place, "leaf", more=f"\n{told}\n")

    with pytest.raises(UsageError, match=r"\[tool\.uv\]") as caught:
        make(place)

    assert caught.value.hint == "uv lock"


def test_a_dependency_at_an_address_is_refused(place: Place, found: Path) -> None:
    needs(place, "leaf @ git+https://example.org/leaf")

    with pytest.raises(UsageError, match="comes from no index"):
        make(place)


def test_a_lock_that_is_older_than_the_project_is_named(place: Place, found: Path) -> None:
    leaf = wheels.make_wheel(found, "leaf")
    place.commit("requirements.txt", f"leaf==1.1.0 --hash=sha256:{wheels.sha256(leaf)}\n")
    needs(place, "leaf>=2", "sap")

    with pytest.raises(ChecksFailed) as caught:
        make(place)

    said = [problem.message for problem in caught.value.problems]
    assert said == [
        "requirements.txt is older than pyproject.toml: leaf>=2 is asked for, but the lock has leaf 1.1.0",
        "requirements.txt is older than pyproject.toml: sap is asked for, but the lock has no sap",
    ]


def test_a_signature_of_an_archive_made_before_does_not_stay(place: Place, found: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    make(place, WheelhouseSettings(sign=str(key)))

    make(place)

    assert not (place.root / "dist" / f"{HOUSE}.sha256.sig").exists()


def test_a_key_that_is_not_there_is_a_problem_before_anything_is_built(place: Place) -> None:
    (made,) = alone.wheelhouse(place.repository, WheelhouseSettings(sign="/no/such/key"))

    (problem,) = made.check()
    assert "/no/such/key" in problem.message


def test_two_builds_do_not_run_in_one_clone_at_once(place: Place) -> None:
    with alone.building(place.repository):
        done = place.hephaestus("wheelhouse")

    assert done.returncode == Busy.exit_code
    assert "another build runs in this clone" in done.stderr


def test_the_program_says_where_the_archive_is_and_what(place: Place, found: Path) -> None:
    done = place.hephaestus("wheelhouse", "--json")

    told = json.loads(done.stdout)
    packed = place.root / "dist" / HOUSE
    assert (told["archive"], told["sha256"]) == (str(packed), wheels.sha256(packed))
    assert str(packed) in done.stderr


def test_a_dependency_that_cannot_be_had_is_named(place: Place, found: Path) -> None:
    needs(place, "no-such-leaf>=7")

    with pytest.raises((UsageError, CommandFailed), match="no-such-leaf"):
        make(place)

    assert not (place.root / "dist" / HOUSE).exists()


@pytest.mark.parametrize(
    ("smoke", "body"),
    [("acorn -v", "def main():\n    raise SystemExit('wilted')\n"), ("python --version", "import no_such_module\n")],
)
def test_what_does_not_work_once_installed_becomes_no_archive(place: Place, found: Path, smoke: str, body: str) -> None:
    text = (place.root / "pyproject.toml").read_text()
    place.commit("pyproject.toml", text.replace('smoke = "acorn"', f'smoke = "{smoke}"'))
    place.commit("src/acorn/__init__.py", body)

    with pytest.raises(VerificationFailed):
        make(place)

    assert not (place.root / "dist" / HOUSE).exists()


def test_a_program_whose_function_is_not_there_becomes_no_archive(place: Place, found: Path) -> None:
    text = (place.root / "pyproject.toml").read_text()
    place.commit("pyproject.toml", text.replace("[project.scripts]\n", '[project.scripts]\nbark = "acorn:no_such"\n'))

    with pytest.raises(VerificationFailed, match="no_such"):
        make(place)


def released(place: Place) -> step.Wheelhouse:
    """Return the step as a release has it, with the build behind it."""
    from dataclasses import replace

    (made,) = alone.wheelhouse(place.repository)
    assert isinstance(made, step.Wheelhouse)
    assert made.build is not None
    made.build.apply()
    return replace(made, build=None)


def test_an_archive_stands_while_it_and_what_it_was_made_of_are_unchanged(place: Place, found: Path) -> None:
    made, packed = released(place), place.root / "dist" / HOUSE
    made.apply()
    whole = packed.read_bytes()
    stamp = packed.stat().st_mtime_ns
    made.apply()
    assert packed.stat().st_mtime_ns == stamp, "what stands is not made again"

    packed.write_bytes(whole[:-1])
    assert not made.stands()
    made.apply()
    assert packed.read_bytes() == whole

    (place.root / "dist" / "acorn-1.0.0.tar.gz").write_bytes(b"another source")
    assert not made.stands()

    made.undo()
    assert not made.stands()
    made.undo()


def test_a_release_that_goes_on_the_next_day_locks_what_it_has_locked_before(place: Place, found: Path) -> None:
    wheels.make_wheel(found, "leaf", "1.0")
    needs(place, "leaf")
    made, packed = released(place), place.root / "dist" / HOUSE
    made.apply()
    whole = packed.read_bytes()
    wheels.make_wheel(found, "leaf", "2.0")
    packed.unlink()

    made.apply()

    assert packed.read_bytes() == whole


def test_without_distributions_there_is_nothing_to_gather(place: Place, found: Path) -> None:
    made = released(place)
    shutil.rmtree(place.root / "dist")

    with pytest.raises(VerificationFailed, match="does not hold the sdist and wheel"):
        made.apply()


def test_the_checksum_is_signed_with_the_key_that_is_configured(place: Place, found: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)

    make(place, WheelhouseSettings(sign=str(key)))

    dist = place.root / "dist"
    signature = dist / f"{HOUSE}.sha256.sig"
    checked = subprocess.run(
        ["ssh-keygen", "-Y", "check-novalidate", "-n", "hephaestus", "-s", str(signature)],
        input=(dist / f"{HOUSE}.sha256").read_bytes(),
        check=False,
        capture_output=True,
    )
    assert checked.returncode == 0, checked.stderr


def described(targets: Sequence[str], place: Place) -> str:
    (made,) = alone.wheelhouse(place.repository, WheelhouseSettings(targets=tuple(targets)))
    return made.describe()


def test_it_says_which_file_for_which_targets(place: Place) -> None:
    assert described(["cp312-win_amd64"], place) == f"{HOUSE} for cp312-win_amd64, complete, not installed here"
    assert "this platform" in described([], place)


def test_what_no_wheelhouse_took_for_long_goes_from_the_store(place: Place, found: Path) -> None:
    kept = store.default()
    (found / "old").write_bytes(b"of years ago")
    sha256 = kept.put(found / "old")
    os.utime(kept.path(sha256), (0, 0))

    make(place)

    assert not kept.path(sha256).exists()
