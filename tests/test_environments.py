"""Fresh environments: filled from a wheelhouse and nothing else, with uv and with pip, and questioned with no network."""

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import houses
from hephaestus import environments, system
from hephaestus.errors import CommandFailed, VerificationFailed

pytestmark = pytest.mark.slow

INSTALL = """
import pathlib, sys
from hephaestus import environments, system
from hephaestus.errors import HephaestusError
assert (system.program("uv") is None) == {bare}
made = environments.create(pathlib.Path({target!r}))
try:
    made.install_offline(pathlib.Path({house!r}))
except HephaestusError as error:
    sys.exit(f"{{type(error).__name__}}: {{error.message}}")
made.verify("acorn", "1.1.0", "acorn")
print(sorted(path.name for path in made.programs.iterdir()))
"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    return houses.python_without_uv(tmp_path_factory.mktemp("bare"))


@pytest.fixture(params=["uv", "pip"])
def install(request: pytest.FixtureRequest, tmp_path: Path, bare: tuple[Path, dict[str, str]]) -> Any:
    """Install a wheelhouse with uv, and on a machine that has none."""
    without = request.param == "pip"
    python, path = bare if without else (Path(sys.executable), {})

    def run(house: Path, **extra: str) -> "subprocess.CompletedProcess[str]":
        program = INSTALL.format(bare=without, target=str(tmp_path / "target"), house=str(house))
        return houses.run(python, program, {**path, **extra})

    return run


def test_a_wheelhouse_is_installed_whole_and_works(install: Any, tmp_path: Path) -> None:
    leaf = houses.wheel(tmp_path / "wheels", "leaf", body="COLOUR = 'green'\n")
    acorn = houses.wheel(tmp_path / "wheels", body="import leaf\n" + houses.ACORN, requires=["leaf>=1"])

    done = install(houses.house(tmp_path, leaf, acorn))

    assert done.returncode == 0, done.stderr
    assert "'acorn'" in done.stdout
    assert "pip" not in done.stdout, "an environment holds nothing but what was installed"


def test_a_wheel_that_was_tampered_with_is_refused(install: Any, tmp_path: Path) -> None:
    house = houses.house(tmp_path, houses.wheel(tmp_path / "wheels"))
    houses.wheel(tmp_path / "wheels", body=f"EVIL = True\n{houses.ACORN}")

    done = install(house)

    assert done.stderr.startswith("CommandFailed"), done.stderr
    assert "hash" in done.stderr.lower()


def test_a_wheel_without_a_hash_is_refused(install: Any, tmp_path: Path) -> None:
    houses.wheel(tmp_path / "wheels")
    (tmp_path / "requirements.txt").write_text("acorn==1.1.0\n")

    assert install(tmp_path).stderr.startswith("CommandFailed")


def test_a_dependency_that_is_not_in_the_wheelhouse_is_missed(install: Any, tmp_path: Path) -> None:
    acorn = houses.wheel(tmp_path / "wheels", requires=["leaf"])

    done = install(houses.house(tmp_path, acorn))

    assert done.stderr.startswith("CommandFailed"), done.stderr
    assert "leaf" in done.stderr


def test_nothing_a_user_has_configured_fills_a_gap(install: Any, tmp_path: Path, machine: Path) -> None:
    acorn = houses.wheel(tmp_path / "elsewhere")
    (tmp_path / "wheels").mkdir()
    elsewhere = str(tmp_path / "elsewhere")
    for file in (machine / ".config" / "pip" / "pip.conf", machine / ".pip" / "pip.conf"):
        file.parent.mkdir(parents=True)
        file.write_text(f"[global]\nfind-links = {elsewhere}\n")

    done = install(
        houses.house(tmp_path, acorn), PIP_FIND_LINKS=elsewhere, UV_FIND_LINKS=elsewhere, UV_INDEX=f"file://{elsewhere}"
    )

    assert done.stderr.startswith("CommandFailed"), done.stderr


def test_a_source_distribution_is_never_built_in_a_proof(install: Any, tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    source = tmp_path / "wheels" / "acorn-1.1.0.tar.gz"
    source.write_bytes(b"anything")

    assert install(houses.house(tmp_path, source)).stderr.startswith("CommandFailed")


# Questions


def installed(tmp_path: Path, body: str = houses.ACORN) -> environments.Environment:
    made = environments.create(tmp_path / "environment")
    made.install_offline(houses.house(tmp_path, houses.wheel(tmp_path / "wheels", body=body)))
    return made


def test_what_works_is_verified_whatever_it_prints_when_it_is_imported(tmp_path: Path) -> None:
    made = installed(tmp_path, 'print("hello")\n' + houses.ACORN)

    made.verify("acorn", "1.1.0", "acorn")
    made.verify("acorn", "1.1.0", None)
    assert made.smoke("acorn --any 'argument here'") == "hello\nacorn 1.1.0\n"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise RuntimeError('broken leaf')\n", "broken leaf"),
        ("import no_such_module\n", "no_such_module"),
        ("def main():\n    raise SystemExit('cannot grow')\n", "cannot grow"),
    ],
    ids=["raises", "misses a module", "smoke command fails"],
)
def test_what_does_not_work_is_not_verified_and_the_error_says_why(tmp_path: Path, body: str, words: Any) -> None:
    with pytest.raises(VerificationFailed, match="does not work") as caught:
        installed(tmp_path, body).verify("acorn", "1.1.0", "acorn")

    assert words in caught.value.message


def test_another_version_another_project_or_no_program_is_not_verified(tmp_path: Path) -> None:
    made = installed(tmp_path)

    with pytest.raises(VerificationFailed, match=r"acorn 1\.1\.0 was installed, not 2\.0"):
        made.verify("acorn", "2.0", None)
    with pytest.raises(VerificationFailed):
        made.verify("oak", "1.1.0", None)
    with pytest.raises(VerificationFailed):
        made.verify("acorn", "1.1.0", "no-such-program")


def test_an_environment_is_made_anew_where_one_was(tmp_path: Path) -> None:
    made = environments.create(tmp_path / "environment")
    (made.root / "left").write_text("x")

    again = environments.create(tmp_path / "environment")

    assert not (again.root / "left").exists()
    assert system.run([again.python, "-c", "import sys; print(sys.prefix)"]).output.strip() == str(again.root)


def test_pip_says_what_it_could_not_do(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="no-such-file"):
        environments.create(tmp_path / "environment").pip("install", tmp_path / "no-such-file.whl")


# No network

CONNECT = "import socket; socket.create_connection(('127.0.0.1', {port}), 5).close(); print('through')"


@pytest.mark.skipif(not environments.no_network(), reason="this machine allows no network namespace")
def test_no_network_means_none_not_even_this_machine(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        program = CONNECT.format(port=server.getsockname()[1])
        assert system.run([sys.executable, "-c", program]).output == "through\n"

        shut = system.run([*environments.no_network(), sys.executable, "-c", program], check=False)
        assert shut.code != 0
        assert "Network is unreachable" in shut.errors

        with pytest.raises(VerificationFailed, match="does not work"):
            installed(tmp_path).verify("acorn", "1.1.0", f'python -c "{program}"')


def test_where_namespaces_are_not_allowed_the_proof_goes_without(bare: Any, tmp_path: Path) -> None:
    python, _ = bare
    empty = tmp_path / "empty"
    empty.mkdir()
    program = "from hephaestus import environments; print(environments.no_network())"

    assert houses.run(python, program, {"PATH": str(empty)}).stdout == "()\n"

    (empty / "unshare").write_text("#!/bin/sh\necho 'Operation not permitted' >&2; exit 1\n")
    (empty / "unshare").chmod(0o755)
    assert houses.run(python, program, {"PATH": str(empty)}).stdout == "()\n"
