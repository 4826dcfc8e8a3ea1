"""Environments that stay: made once, whole or not at all, renewed with what they hold, and gone when nobody uses them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import houses
import wheels
from hephaestus.errors import CommandFailed
from hephaestus.kept import keep

pytestmark = pytest.mark.slow


@pytest.fixture
def leaves(tmp_path: Path) -> Path:
    """A directory with two versions of a package."""
    for version in ("1.0", "2.0"):
        wheels.make_wheel(tmp_path / "leaves", "leaf", version)
    return tmp_path / "leaves"


TESTS = Path(__file__).parent


def offline(leaves: Path) -> houses.FoundIn:
    return houses.FoundIn(leaves)


def test_an_environment_that_is_kept_is_made_once(leaves: Path) -> None:
    first = keep(["leaf>=1"], indexes=offline(leaves))
    (first.home / "note").touch()

    again = keep(["leaf>=1", "leaf>=1"], indexes=offline(leaves))

    assert first.holds == ("leaf==2.0",)
    assert again == first
    assert (again.home / "note").exists()
    assert list(first.environment.root.rglob("leaf/__pycache__/*.pyc")), "it is compiled"


def test_other_requirements_have_another_environment(leaves: Path) -> None:
    both = [keep([each], indexes=offline(leaves)) for each in ("leaf", "leaf<2")]

    assert [each.holds for each in both] == [("leaf==2.0",), ("leaf==1.0",)]


@pytest.mark.parametrize("variable", ["UV_BUILD_CONSTRAINT", "UV_CONSTRAINT", "PIP_BUILD_CONSTRAINT"])
def test_constraints_count_and_so_does_a_change_of_them(
    leaves: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "constraints.txt"))
    held = []
    for version in ("1.0", "2.0"):
        (tmp_path / "constraints.txt").write_text(f"leaf=={version}\n")
        held.append(keep(["leaf"], indexes=offline(leaves)).holds)

    assert held == [("leaf==1.0",), ("leaf==2.0",)]


def test_an_environment_that_was_left_half_made_is_made_anew(leaves: Path) -> None:
    made = keep(["leaf!=3"], indexes=offline(leaves))
    package = next(made.environment.root.rglob("leaf/__init__.py"))
    package.unlink()
    (made.home / "ready.json").unlink()  # it is written last

    assert keep(["leaf!=3"], indexes=offline(leaves)) == made
    assert package.is_file()


def test_what_could_not_be_made_is_made_as_soon_as_it_can_be(leaves: Path) -> None:
    with pytest.raises(CommandFailed, match="bark"):
        keep(["bark"], indexes=offline(leaves))

    wheels.make_wheel(leaves, "bark", "1.0")

    assert keep(["bark"], indexes=offline(leaves)).holds == ("bark==1.0",)


@pytest.mark.parametrize("signal", ["SIGKILL", "SIGTERM"])
def test_a_process_killed_while_it_makes_one_leaves_none_that_is_used(leaves: Path, signal: str) -> None:
    words = [f"leaf>0.{signal}".replace("SIGKILL", "1").replace("SIGTERM", "2")]
    program = (
        f"import sys; sys.path.insert(0, {str(TESTS)!r}); from pathlib import PosixPath, WindowsPath\n"
        "import os, signal, houses; from hephaestus import system; from hephaestus.kept import keep\n"
        "write = system.write\n"
        f"system.write = lambda *given: os.kill(os.getpid(), signal.{signal})\n"
        f"keep({words!r}, indexes=houses.{offline(leaves)!r})"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode < 0

    assert keep(words, indexes=offline(leaves)).holds == ("leaf==2.0",)


def test_of_two_processes_that_want_the_same_one_makes_it(leaves: Path) -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(TESTS)!r}); from pathlib import PosixPath, WindowsPath\n"
        "import houses; from hephaestus.kept import keep\n"
        f"made = keep(['leaf>0.5'], indexes=houses.{offline(leaves)!r})\n"
        "print(made.holds, (made.home / 'ready.json').stat().st_ino)"
    )
    running = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) for _ in range(2)]
    said = [process.communicate()[0] for process in running]

    assert said[0] == said[1]
    assert said[0].startswith(b"('leaf==2.0',)")


def test_an_environment_nobody_has_used_for_long_goes_when_another_is_made(leaves: Path) -> None:
    old, used = (keep([each], indexes=offline(leaves)) for each in ("leaf>0.6", "leaf>0.7"))
    for each in (old, used):
        long_ago = (each.home / "ready.json").stat().st_mtime - 31 * 24 * 3600
        os.utime(each.home / "ready.json", (long_ago, long_ago))
    keep(["leaf>0.7"], indexes=offline(leaves))

    keep(["leaf>0.8"], indexes=offline(leaves))

    assert not old.home.exists()
    assert used.environment.python.exists()
