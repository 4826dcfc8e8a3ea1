"""Builds: the same bytes from the same source wherever they are made, in environments that stay, one process a hook."""

import gzip
import hashlib
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

import houses
from hephaestus import builder, environments
from hephaestus.errors import CommandFailed, UsageError, VerificationFailed
from hephaestus.wheelhouse import index
from places import BACKEND
from wheels import make_sdist, make_wheel

EPOCH = 1700000000
WHEEL = "acorn-1.0.0-py3-none-any.whl"

IN_TREE = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "acorn"
version = "1.0.0"
description = "A small tree."
"""

# What is declared for each backend, and what else its project needs.
BACKENDS = {
    "flit_core": "flit_core.buildapi",
    "hatchling": "hatchling.build",
    "pdm-backend": "pdm.backend",
    "poetry-core": "poetry.core.masonry.api",
    "setuptools": "setuptools.build_meta",
    "uv_build": "uv_build",
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A project with a build backend of its own."""
    return make_source(tmp_path / "acorn", IN_TREE, BACKEND.read_text())


def make_source(root: Path, document: str, backend: str | None = None) -> Path:
    files = {
        "pyproject.toml": document,
        "README.md": "# Acorn\n",
        "src/acorn/__init__.py": '"""A small tree."""\n\n__version__ = "1.0.0"\n',
        "src/acorn/leaves.py": "COLOUR = 'green'\n",
        **({"backend.py": backend} if backend else {}),
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def change(source: Path, hook: str, *lines: str) -> None:
    """Put lines at the beginning of a hook of the project's own backend."""
    head = {
        "build_sdist": "def build_sdist(sdist_directory, config_settings=None):\n",
        "build_wheel": "def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):\n",
        "get_requires_for_build_wheel": "def get_requires_for_build_wheel(config_settings=None):\n",
    }[hook]
    text = (source / "backend.py").read_text()
    assert head in text
    (source / "backend.py").write_text(text.replace(head, head + "".join(f"    {line}\n" for line in lines)))


def digests(built: builder.Built) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in (built.sdist, built.wheel)}


@pytest.mark.slow
def test_an_sdist_and_the_wheel_made_from_it_are_built(source, tmp_path):
    change(source, "build_sdist", "Path('made-by-sdist.txt').touch()")
    change(source, "build_wheel", "assert Path('PKG-INFO').is_file() and Path('made-by-sdist.txt').is_file()")

    built = builder.build(source, tmp_path / "out", EPOCH)

    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        "acorn-1.0.0-py3-none-any.whl",
        "acorn-1.0.0.tar.gz",
    ]
    assert built == builder.Built(
        tmp_path / "out" / "acorn-1.0.0.tar.gz", tmp_path / "out" / "acorn-1.0.0-py3-none-any.whl", ()
    )


def test_a_backend_that_fails_says_its_last_words_and_a_command_shows_all_of_them(source, tmp_path):
    change(source, "build_wheel", "for n in range(200): print('cutting', n)", "raise ValueError('the saw is blunt')")

    with pytest.raises(CommandFailed, match="backend could not do build_wheel of acorn") as raised:
        builder.build(source, tmp_path / "out", EPOCH)

    assert raised.value.message.endswith("ValueError: the saw is blunt")
    assert "cutting 199" in raised.value.message
    assert "_hooks.py" not in raised.value.message
    shown = subprocess.run(shlex.split(raised.value.hint), capture_output=True, text=True, check=True).stdout
    assert "cutting 0\n" in shown
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "line",
    ["os._exit(0)", "os._exit(7)", "os.kill(os.getpid(), 9)", "raise SystemExit(0)", "raise KeyboardInterrupt"],
)
def test_a_backend_that_ends_its_process_has_failed(source, tmp_path, line):
    change(source, "build_sdist", line)

    with pytest.raises(CommandFailed, match="could not do build_sdist"):
        builder.build(source, tmp_path / "out", EPOCH)


def test_each_hook_has_a_process_of_its_own(source, tmp_path):
    change(source, "build_sdist", "os.environ['SPOILED'] = '1'", "os.umask(0o077)")
    change(source, "build_wheel", "assert 'SPOILED' not in os.environ and os.umask(0o022) == 0o022")

    assert builder.build(source, tmp_path / "out", EPOCH).wheel.is_file()


def test_nothing_of_the_users_python_or_place_gets_into_a_build(source, tmp_path, monkeypatch):
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "gzip.py").write_text("raise ImportError('not the real one')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "theirs"))
    monkeypatch.setenv("PYTHONOPTIMIZE", "2")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    change(
        source,
        "build_sdist",
        "import sys, time",
        "assert sys.flags.optimize == 0 and sys.dont_write_bytecode",
        "assert time.localtime().tm_gmtoff == 0 and os.environ['LC_ALL'] == 'C.UTF-8'",
        "assert os.umask(0o022) == 0o022 and os.environ['PYTHONHASHSEED'] == '0'",
        f"assert os.environ['SOURCE_DATE_EPOCH'] == '{EPOCH}' and '-g0' in os.environ['CFLAGS']",
        "import hephaestus",
    )

    with pytest.raises(CommandFailed, match="No module named 'hephaestus'"):
        builder.build(source, tmp_path / "out", EPOCH)


@pytest.mark.slow
def test_what_a_backend_asks_for_besides_is_installed_for_that_file_alone(source, tmp_path, monkeypatch):
    make_wheel(tmp_path / "index", "leaf", "3.0")
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(tmp_path / "index"))
    change(source, "get_requires_for_build_wheel", "return ['leaf>=2']")
    change(source, "build_wheel", "import leaf", "assert leaf.__version__ == '3.0'")
    change(source, "build_sdist", "import importlib.util", "assert importlib.util.find_spec('leaf') is None")

    assert builder.build(source, tmp_path / "out", EPOCH).made_with == ("leaf==3.0",)


@pytest.mark.slow
def test_an_index_the_project_configures_for_uv_is_asked(source, tmp_path):
    make_wheel(tmp_path / "index", "leaf", "3.0")
    with (source / "pyproject.toml").open("a") as file:
        file.write(f'[tool.uv]\nno-index = true\nfind-links = ["{tmp_path / "index"}"]\n')
    change(source, "get_requires_for_build_wheel", "return ['leaf>=2.5']")

    assert builder.build(source, tmp_path / "out", EPOCH).made_with == ("leaf==3.0",)


@pytest.mark.slow
def test_an_index_that_is_given_is_asked(source, tmp_path):
    make_wheel(tmp_path / "index", "leaf", "3.0")
    change(source, "get_requires_for_build_wheel", "return ['leaf']")
    where = houses.FoundIn(tmp_path / "index")

    assert builder.build(source, tmp_path / "out", EPOCH, indexes=where).made_with == ("leaf==3.0",)


@dataclass(frozen=True)
class Hidden:
    """A directory in place of an index, as uv is told of one that others may not see."""

    directory: Path
    uv_arguments: tuple[str, ...] = ("--no-index",)
    pip_arguments: tuple[str, ...] = ()

    @property
    def environment(self) -> dict[str, str]:
        return {"UV_FIND_LINKS": str(self.directory)}


@pytest.mark.slow
def test_indexes_that_differ_in_what_is_hidden_are_not_taken_for_each_other(source, tmp_path):
    change(source, "get_requires_for_build_wheel", "return ['leaf']")
    made = []
    for version in ("5.0", "6.0"):
        make_wheel(tmp_path / version, "leaf", version)
        where = Hidden(tmp_path / version)
        made += builder.build(source, tmp_path / "out", EPOCH, indexes=where).made_with

    assert made == ["leaf==5.0", "leaf==6.0"]


@pytest.mark.slow
def test_an_index_that_pip_alone_was_told_of_is_asked_by_uv_too(source, tmp_path, monkeypatch):
    make_wheel(tmp_path / "index", "leaf", "4.0")
    change(source, "get_requires_for_build_wheel", "return ['leaf']")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))

    made = builder.build(source, tmp_path / "out", EPOCH, indexes=index.configured(source))

    assert made.made_with == ("leaf==4.0",)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('backend-path = ["."]', 'backend-path = [".."]', "leads out of it"),
        ("requires = []", 'requires = ["--index-url=http://127.0.0.1:9/"]', "cannot be read"),
        ("requires = []", "requires = 7", "cannot be read"),
        ("[build-system]", "[build-system", "cannot be read"),
        ("[build-system]", "build-system = 3\n[other]", "cannot be read"),
    ],
)
def test_a_build_system_that_cannot_be_used_is_refused(source, tmp_path, old, new, words):
    text = (source / "pyproject.toml").read_text()
    (source / "pyproject.toml").write_text(text.replace(old, new))

    with pytest.raises(UsageError, match=words) as raised:
        builder.build(source, tmp_path / "out", EPOCH)

    assert raised.value.hint.endswith("pyproject.toml")


@pytest.mark.parametrize(
    "name", ["../acorn-1.0.0.tar.gz", "acorn.tar.gz", "acorn-1.0.0.zip", "acorn-2.0.0.tar.gz", None]
)
def test_a_backend_that_names_a_file_it_did_not_make_is_refused(source, tmp_path, name):
    change(source, "build_sdist", f"return {name!r}")

    with pytest.raises(VerificationFailed, match="which is none"):
        builder.build(source, tmp_path / "out", EPOCH)


@pytest.mark.slow
def test_two_builds_at_once_both_succeed_with_the_same_bytes(source, tmp_path):
    program = (
        "import pathlib, sys; from hephaestus import builder\n"
        f"print(builder.build(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), {EPOCH}).wheel.name)"
    )
    second = shutil.copytree(source, tmp_path / "other" / "acorn")
    running = [
        subprocess.Popen([sys.executable, "-c", program, each, out], stdout=subprocess.PIPE)
        for each, out in ((source, tmp_path / "one"), (second, tmp_path / "two"))
    ]

    assert [process.communicate()[0].strip() for process in running] == [b"acorn-1.0.0-py3-none-any.whl"] * 2
    for name in ("acorn-1.0.0-py3-none-any.whl", "acorn-1.0.0.tar.gz"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


# Sources of others


def sdist_of(tmp_path: Path, backend: str = BACKEND.read_text(), name: str = "acorn") -> Path:
    files = {"pyproject.toml": IN_TREE, "backend.py": backend, "src/acorn/__init__.py": "x = 1\n"}
    return make_sdist(tmp_path / "theirs", name, "1.0.0", files)


@pytest.mark.slow
def test_the_wheel_of_an_sdist_is_the_same_each_time(tmp_path):
    sdist = sdist_of(tmp_path)

    first = builder.wheel_of(sdist, tmp_path / "one", EPOCH)
    second = builder.wheel_of(sdist, tmp_path / "two", EPOCH)

    assert first.sdist == sdist
    assert first.wheel.read_bytes() == second.wheel.read_bytes()


def test_a_wheel_of_another_name_than_its_sdist_is_refused(tmp_path):
    with pytest.raises(VerificationFailed, match="it made acorn-1"):
        builder.wheel_of(sdist_of(tmp_path, name="oak"), tmp_path / "out", EPOCH)

    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not environments.no_network(), reason="this machine allows no network namespace")
def test_the_code_of_an_sdist_reaches_no_network_not_even_this_machine(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        call = f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 5)\n"

        with pytest.raises(CommandFailed, match="Network is unreachable"):
            builder.wheel_of(sdist_of(tmp_path, call + BACKEND.read_text()), tmp_path / "out", EPOCH)


def test_the_code_of_an_sdist_sees_no_secret_and_no_home_of_the_user(tmp_path, monkeypatch):
    for name, value in {"A_TOKEN": "hunter2", "HOME": str(tmp_path), "CC": "a-compiler"}.items():
        monkeypatch.setenv(name, value)
    look = (
        "import os\nfrom pathlib import Path\n"
        f"assert 'hunter2' not in repr(dict(os.environ)) and Path.home() != Path({str(tmp_path)!r})\n"
        "assert Path.home().is_dir() and os.environ['CC'] == 'a-compiler' and 'PATH' in os.environ\n"
    )

    assert builder.wheel_of(sdist_of(tmp_path, look + BACKEND.read_text()), tmp_path / "out", EPOCH).wheel.is_file()


@pytest.mark.parametrize("kind", ["declared", "asked for"])
def test_an_sdist_that_wants_to_be_built_with_what_lies_somewhere_is_refused(tmp_path, kind):
    sdist_of(tmp_path / "leaf", "open('/nowhere/at/all')", name="leaf")
    wanted = f"leaf @ {(tmp_path / 'leaf' / 'theirs' / 'leaf-1.0.0.tar.gz').as_uri()}"
    backend = BACKEND.read_text()
    document = IN_TREE
    if kind == "declared":
        document = document.replace("requires = []", f"requires = ['{wanted}']")
    else:
        backend += f"\ndef get_requires_for_build_wheel(config_settings=None):\n    return [{wanted!r}]\n"
    sdist = make_sdist(tmp_path, "acorn", "1.0.0", {"pyproject.toml": document, "backend.py": backend})

    with pytest.raises(VerificationFailed, match="names a place"):
        builder.wheel_of(sdist, tmp_path / "out", EPOCH)


def test_the_tools_of_an_sdist_are_installed_from_wheels_alone(tmp_path):
    noted = tmp_path / "noted"
    files = {"pyproject.toml": IN_TREE.replace("acorn", "leaf"), "backend.py": f"open({str(noted)!r}, 'w')\n"}
    make_sdist(tmp_path / "index", "leaf", "1.0.0", files)
    theirs = {"pyproject.toml": IN_TREE.replace("requires = []", "requires = ['leaf']"), "backend.py": ""}

    with pytest.raises(CommandFailed, match="leaf"):
        builder.wheel_of(
            make_sdist(tmp_path, "acorn", "1.0.0", theirs),
            tmp_path / "out",
            EPOCH,
            indexes=houses.FoundIn(tmp_path / "index"),
        )

    assert not noted.exists()


@pytest.mark.slow
def test_what_the_code_of_an_sdist_does_to_its_tools_does_not_reach_our_own_builds(source, tmp_path):
    make_wheel(tmp_path / "index", "leaf", "3.1")
    where = houses.FoundIn(tmp_path / "index")
    spoil = "import leaf\nopen(leaf.__file__, 'a').write('SPOILED = 1\\n')\n"
    document = IN_TREE.replace("requires = []", "requires = ['leaf']")
    theirs = {"pyproject.toml": document, "backend.py": spoil + BACKEND.read_text()}
    (source / "pyproject.toml").write_text(document)
    change(source, "build_wheel", "import leaf", "assert not hasattr(leaf, 'SPOILED')")

    builder.wheel_of(make_sdist(tmp_path, "acorn", "1.0.0", theirs), tmp_path / "one", EPOCH, indexes=where)

    assert builder.build(source, tmp_path / "two", EPOCH, indexes=where).made_with == ("leaf==3.1",)


@pytest.mark.parametrize("junk", [b"", b"junk", b"PK\x03\x04", gzip.compress(b"x" * 600, mtime=0)])
@pytest.mark.parametrize(("hook", "name"), [("build_sdist", "acorn-1.0.0.tar.gz"), ("build_wheel", WHEEL)])
def test_a_backend_that_leaves_junk_is_told_of(source, tmp_path, hook, name, junk):
    where = hook.replace("build_", "") + "_directory"
    change(source, hook, f"Path({where}, {name!r}).write_bytes({junk!r})", f"return {name!r}")

    with pytest.raises(VerificationFailed, match=rf"{name} (cannot be|is refused)"):
        builder.build(source, tmp_path / "out", EPOCH)


# Backends in use


def project(root: Path, name: str) -> Path:
    """Make a project for a backend, with a program that may be executed and names in two alphabets."""
    document = (
        f'[build-system]\nrequires = ["{name}"]\nbuild-backend = "{BACKENDS[name]}"\n\n'
        '[project]\nname = "acorn"\nversion = "1.0.0"\ndescription = "A small tree."\n'
        'readme = "README.md"\nrequires-python = ">=3.10"\n'
    )
    make_source(root, document)
    (root / "src" / "acorn" / "data.txt").write_text("leaf\n")
    return root


def worlds_apart(source: Path, where: Path) -> Path:
    """Copy a project as another user would have it: in another order, other times, other modes."""
    for number, file in enumerate(sorted((each for each in source.rglob("*") if each.is_file()), reverse=True)):
        copy = where / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
        copy.chmod((0o600, 0o664)[number % 2])
        os.utime(copy, (1_000_000_000 + 7 * number, 1_100_000_000 + 7 * number))
    return where


@pytest.mark.slow
@pytest.mark.index
@pytest.mark.parametrize("name", BACKENDS)
def test_the_bytes_do_not_depend_on_path_time_modes_umask_zone_locale_or_hash_seed(name, tmp_path, monkeypatch):
    first = builder.build(project(tmp_path / "acorn", name), tmp_path / "one", EPOCH)
    other = worlds_apart(project(tmp_path / "fresh", name), tmp_path / "elsewhere" / "a longer path" / "acorn")
    for variable, value in {"TZ": "Asia/Tokyo", "LC_ALL": "C", "LANG": "de_DE.UTF-8", "PYTHONHASHSEED": "4711"}.items():
        monkeypatch.setenv(variable, value)
    before = os.umask(0o077)
    try:
        second = builder.build(other, tmp_path / "two", EPOCH)
    finally:
        os.umask(before)

    assert digests(second) == digests(first)
    assert any(each.partition("==")[0].replace("_", "-") == name.replace("_", "-") for each in first.made_with)
    with tarfile.open(first.sdist) as tar:
        assert {member.mtime for member in tar} <= {0, EPOCH}


@pytest.mark.slow
@pytest.mark.index
def test_a_program_stays_executable_and_nothing_else_becomes_so(tmp_path):
    source = project(tmp_path / "acorn", "setuptools")
    with (source / "pyproject.toml").open("a") as file:
        file.write('[tool.setuptools.package-data]\nacorn = ["*.sh"]\n')
    (source / "src" / "acorn" / "grow.sh").write_text("#!/bin/sh\n")
    (source / "src" / "acorn" / "grow.sh").chmod(0o700)

    built = builder.build(source, tmp_path / "out", EPOCH)

    with tarfile.open(built.sdist) as tar:
        assert {m.name for m in tar if m.mode & 0o111 and m.isfile()} == {"acorn-1.0.0/src/acorn/grow.sh"}
        assert {m.mode for m in tar} == {0o644, 0o755}
    with zipfile.ZipFile(built.wheel) as wheel:
        modes = {info.filename: info.external_attr >> 16 & 0o777 for info in wheel.infolist()}
    assert {name for name, mode in modes.items() if mode != 0o644} == {"acorn/grow.sh"}


@pytest.mark.parametrize("answer", ["", "[]", "{}", "nonsense", "[" * 100_000])
def test_an_answer_that_somebody_else_has_written_ends_the_build_and_not_us(tmp_path, answer):
    (tmp_path / "answer.json").write_text(answer)

    with pytest.raises(VerificationFailed, match="a build hook left an answer"):
        builder._read(tmp_path / "answer.json")
