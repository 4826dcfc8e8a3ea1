"""The gate `package`: the files users install, judged by real twine, check-wheel-contents, abi3audit and an installation."""

from __future__ import annotations

import sysconfig
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import benches
import pytest

import wheels
from hephaestus.errors import CommandFailed, CouldNotRun, HephaestusError
from hephaestus.gates.builtin import package
from hephaestus.gates.gate import Gate, Off

if TYPE_CHECKING:
    from hephaestus.gates.gate import Answer

PYPROJECT = '[project]\nname = "acorn"\nversion = "1.1.0"\nreadme = "README.md"\n{}\n[build-system]\nrequires = []\n'
HEADERS = ("Description-Content-Type: text/markdown", "Description: A small tree.")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No index is asked: what a wheel asks for lies in a directory."""
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(tmp_path / "house"))
    (tmp_path / "house").mkdir()


def sdist(where: Path) -> Path:
    lines = "\n".join(["Metadata-Version: 2.1", "Name: acorn", "Version: 1.1.0", *HEADERS])
    return wheels.make_sdist(where / "dist", "acorn", "1.1.0", {"PKG-INFO": lines + "\n", "acorn.py": ""})


def asked(
    where: Path,
    wheel: Path | None = None,
    *,
    said: str = "",
    tools: Path | None = None,
    broken: HephaestusError | None = None,
) -> Answer:
    """Ask the gate about a wheel and a sdist that is in order."""
    root = where / "acorn"
    benches.write(root, {"pyproject.toml": PYPROJECT.format(said), "README.md": "A small tree."})
    before = benches.snapshot(root)
    environment = benches.TOOLS if tools is None else benches.Environment(tools)
    at = benches.bench(root, where / "at", environment=environment, wheel=wheel or good(where), sdist=sdist(where))
    if broken is not None:

        def build() -> Path:
            raise broken

        object.__setattr__(at, "wheel", build)
    answer = benches.ask(benches.chosen(package.choose, root)["package"], at)
    assert benches.snapshot(root) == before
    return answer


def content(where: Path) -> Path:
    """Return the environment of tools that are content with everything, and fast."""
    benches.stub(where / "tools", "twine", "print('a: PASSED')", "print('b: PASSED')")
    benches.stub(where / "tools", "check-wheel-contents", "print('x.whl: OK')")
    return where / "tools"


def good(where: Path, **more: object) -> Path:
    given: dict[str, object] = {"headers": HEADERS, "scripts": {"acorn": "acorn:main"}, **more}
    return wheels.make_wheel(where / "dist", **given)  # type: ignore[arg-type]


def test_files_that_users_can_install_pass(tmp_path: Path) -> None:
    wheels.make_wheel(tmp_path / "house", "leaf", "1.0")
    needs = good(tmp_path, requires=["leaf"], files={"acorn/twigs.py": "import leaf\n"})

    assert asked(tmp_path, needs, said='[tool.hephaestus]\nsmoke = "acorn"\n') == package.Answer("passed")


@pytest.mark.slow
def test_all_that_is_wrong_with_the_files_is_told_at_once(tmp_path: Path) -> None:
    files = {"tests/__init__.py": "", "acorn/__init__.py": "import leaf\n"}

    answer = asked(tmp_path, good(tmp_path, headers=HEADERS[:1], files=files, scripts=None))

    assert answer.verdict == "failed"
    assert answer.reason == (
        "twine: `long_description` missing.; "
        "check-wheel-contents: Wheel contains common toplevel name in library: tests/; "
        "the module acorn cannot be loaded from the wheel alone: ModuleNotFoundError: No module named 'leaf'"
    )
    assert benches.places(answer) == [
        *("README.md twine", "pyproject.toml W005", "pyproject.toml W009", "pyproject.toml alone")
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wheel", "reason"),
    [
        (
            lambda where: good(where, scripts={"acorn": "acorn:grow"}),
            "the program acorn = acorn:grow cannot be loaded from the wheel alone: AttributeError: module 'acorn' has no attribute 'grow'",
        ),
        (
            lambda where: good(where, files={"acorn/__init__.py": "import os; os._exit(3)\n"}),
            "the module acorn ends Python: with code 3",
        ),
        (lambda where: good(where, requires=["no-such-leaf"]), "the wheel cannot be installed"),
        (lambda where: tampered(good(where)), "holds 'acorn/__init__.py' with other bytes than its RECORD says"),
    ],
)
def test_a_wheel_that_users_could_not_use_fails_and_says_why(
    wheel: Callable[[Path], Path], reason: str, tmp_path: Path
) -> None:
    answer = asked(tmp_path, wheel(tmp_path), tools=content(tmp_path))

    assert answer.verdict == "failed"
    assert reason in answer.reason, answer


@pytest.mark.slow
def test_a_smoke_command_that_fails_fails_with_what_it_printed(tmp_path: Path) -> None:
    answer = asked(tmp_path, tools=content(tmp_path), said="[tool.hephaestus]\nsmoke = \"python -c 'print(1 / 0)'\"\n")

    assert answer.verdict == "failed"
    assert answer.reason.endswith("fails: it ended with code 1")
    assert "ZeroDivisionError: division by zero" in answer.lines


@pytest.mark.slow
def test_namespaces_are_imported_too_and_a_plug_in_for_what_is_not_asked_for_is_only_told(tmp_path: Path) -> None:
    points = "[pytest11]\nacorn = acorn.plugin\n"
    files = {"acorn/plugin.py": "import some_host\n", "oak/twigs/__init__.py": "import nothing_like_it\n"}
    wheel = good(tmp_path, scripts=None, files={**files, "acorn-1.1.0.dist-info/entry_points.txt": points})

    answer = asked(tmp_path, wheel, tools=content(tmp_path))

    assert answer.verdict == "failed"
    assert [(each.level, each.message.partition(" cannot")[0]) for each in answer.findings] == [
        ("error", "the module oak.twigs"),
        ("warning", "the entry point of pytest11 acorn = acorn.plugin"),
    ]


@pytest.mark.slow
def test_an_extension_that_is_not_for_the_stable_abi_fails(tmp_path: Path) -> None:
    found = next(Path(sysconfig.get_path("purelib")).glob("coverage/tracer.cpython-*.so"), None)
    if found is None:
        pytest.skip("coverage is installed without its extension")
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    wheel = make_binary(tmp_path, f"cp36-abi3-{platform}", "acorn/_tracer.abi3.so", found.read_bytes())

    tools = content(tmp_path)
    (tools / "bin" / "abi3audit").symlink_to(benches.TOOLS.programs / "abi3audit")

    answer = asked(tmp_path, wheel, tools=tools, said="# for the abi3\n")

    assert answer.verdict == "failed"
    assert "abi3audit: _tracer.abi3.so is not for the stable ABI: it uses " in answer.reason
    assert "pyproject.toml abi3" in benches.places(answer)


def tampered(wheel: Path) -> Path:
    """Change a letter of the module in a wheel, and nothing of what it lists."""
    with zipfile.ZipFile(wheel) as opened:
        members = {each: opened.read(each) for each in opened.infolist()}
    with zipfile.ZipFile(wheel, "w") as changed:
        for each, data in members.items():
            changed.writestr(each, data.replace(b"def main", b"def mine") if each.filename.endswith(".py") else data)
    return wheel


def make_binary(where: Path, tag: str, name: str, data: bytes) -> Path:
    text = data.decode("latin-1")

    class Raw(str):
        __slots__ = ()

        def encode(self, *_: object) -> bytes:  # type: ignore[override]
            return data

    return good(where, tag=tag, scripts=None, files={name: Raw(text)})


@pytest.mark.parametrize(
    ("error", "verdict", "reason"),
    [
        (CommandFailed("the backend failed\nline 1\nline 2"), "failed", "the project cannot be built"),
        (
            CommandFailed("error: Failed to fetch: http://index"),
            "could not run",
            "what the build asks for could not be fetched",
        ),
        (CouldNotRun("several wheels"), "could not run", "several wheels"),
    ],
)
def test_a_build_that_fails_fails_the_gate(error: HephaestusError, verdict: str, reason: str, tmp_path: Path) -> None:
    answer = asked(tmp_path, broken=error)

    assert (answer.verdict, answer.reason) == (verdict, reason)
    if verdict == "failed":
        assert answer.lines[-1] == "line 2"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stubs", "reason"),
    [
        ({"twine": "print('a: PASSED')"}, "twine: ended with code 0"),
        ({"twine": "sys.exit(1)"}, "twine: ended with code 1"),
        ({"check-wheel-contents": ""}, "check-wheel-contents: ended with code 0"),
        ({"check-wheel-contents": "sys.exit(1)"}, "check-wheel-contents: ended with code 1"),
    ],
)
def test_a_tool_that_says_nothing_is_no_pass(stubs: Mapping[str, str], reason: str, tmp_path: Path) -> None:
    tools = content(tmp_path)
    for name, line in stubs.items():
        benches.stub(tools, name, line)

    answer = asked(tmp_path, tools=tools)

    assert (answer.verdict, answer.reason) == ("could not run", reason)


@pytest.mark.slow
def test_an_index_that_does_not_answer_could_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UV_NO_INDEX")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")

    answer = asked(tmp_path, good(tmp_path, requires=["no-such-leaf"]), tools=content(tmp_path))

    assert (answer.verdict, answer.reason) == ("could not run", "what the wheel asks for could not be fetched")


# When


def test_the_gate_is_off_for_a_project_that_is_not_built(tmp_path: Path) -> None:
    benches.write(tmp_path, {"pyproject.toml": '[project]\nname = "acorn"\n[tool.uv]\npackage = false\n'})

    assert benches.chosen(package.choose, tmp_path) == {
        "package": Off("package", "package of [tool.uv] says that the project is not built")
    }


@pytest.mark.parametrize(
    ("said", "why", "tools"),
    [
        ("", "", ("twine", "check-wheel-contents")),
        ('dependencies = ["leaf"]\n', "it installs what an index offers now", ("twine", "check-wheel-contents")),
        ("# py_limited_api\n", "", ("twine", "check-wheel-contents", "abi3audit")),
    ],
)
def test_a_pass_that_hangs_on_what_an_index_offers_is_not_used_again(
    said: str, why: str, tools: tuple[str, ...], tmp_path: Path
) -> None:
    benches.write(tmp_path, {"pyproject.toml": PYPROJECT.format(said)})
    gate = benches.chosen(package.choose, tmp_path)["package"]

    assert isinstance(gate, Gate)
    assert gate.volatile.startswith(why)
    assert (gate.volatile == "", gate.tools) == (why == "", tools)
