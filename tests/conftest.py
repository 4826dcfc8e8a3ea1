"""What every test stands on: a machine of its own, real git, a real remote, a project that needs no network."""

import compileall
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

import hephaestus
from fakegithub import Hub
from places import Place, make_place
from terminals import Terminal

# Nothing of the machine's own configuration may reach a test.
_FOREIGN = (
    "GIT_",
    "CI",
    "GH_",
    "GITHUB_",
    "NOX_",
    "INVOKE_",
    "PIP_",
    "XDG_",
    "UV_",
    "HEPHAESTUS_",
    "FORCE_COLOR",
    "NO_COLOR",
)


# A job in the background of a script ignores Ctrl-C, and so would every program the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# A busy machine is no failure.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")


def pytest_configure(config: pytest.Config) -> None:
    """Compile the package once: in a fresh clone each of the hundreds of programs that tests start would do so."""
    if not hasattr(config, "workerinput"):
        compileall.compile_dir(Path(hephaestus.__file__).parent, quiet=2)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, so that no worker is left alone with it in the end."""
    items.sort(key=lambda item: [item.get_closest_marker(name) is None for name in ("index", "slow")])


@pytest.fixture(autouse=True)
def machine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A home of its own with a neutral git configuration; only caches are shared, as on a machine in use."""
    shared = tmp_path_factory.getbasetemp()
    for name in list(os.environ):
        if name.startswith(_FOREIGN):
            monkeypatch.delenv(name)
    # To measure the coverage of every Python that a release starts, its tools included, would double its time;
    # `Place.hephaestus` is measured all the same.
    if request.node.get_closest_marker("slow"):
        monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    home = tmp_path_factory.mktemp("home")
    (home / ".gitconfig").write_text(
        "[user]\n\tname = Robin\n\temail = robin@example.org\n[init]\n\tdefaultBranch = main\n"
        '[protocol "file"]\n\tallow = always\n'
    )
    for name, value in {
        "HOME": str(home),
        "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "PYTHONDONTWRITEBYTECODE": "1",  # projects are compared byte for byte
        "TERM": "dumb",
        "VIRTUALENV_OVERRIDE_APP_DATA": str(shared / "virtualenv"),
        "XDG_CACHE_HOME": str(shared / "cache"),
        "XDG_DATA_HOME": str(home / "data"),
    }.items():
        monkeypatch.setenv(name, value)
    return home


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A project ready to release 1.1.0."""
    return make_place(tmp_path)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """A terminal of a person, to write to."""
    pytest.importorskip("pty")
    opened = Terminal()
    yield opened
    opened.all()
    os.close(opened.keyboard)


@pytest.fixture
def hub(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A GitHub with the repository oak/acorn and a token for it; it holds what is said against GitHub's own word."""
    grown = tmp_path_factory.getbasetemp() / "grown"  # made once, and then copied
    if not grown.is_dir():
        make_place(grown, forge=False)
    shutil.copytree(grown, tmp_path / "github", symlinks=True)
    with Hub(tmp_path / "github" / "remote.git") as served:
        monkeypatch.setenv("GITHUB_SERVER_URL", served.url)
        monkeypatch.setenv("GITHUB_API_URL", served.api)
        monkeypatch.setenv("GH_TOKEN", served.token)
        yield served
    assert served.violations == []


@pytest.fixture
def hosted(hub: Hub) -> Place:
    """A project ready to release 1.1.0, whose remote is on the GitHub of `hub`."""
    where = hub.bare.parent
    place = Place(where / "acorn", hub.bare, where / "releases")
    place.git("remote", "set-url", "origin", f"{hub.page}.git")
    place.git("update-index", "-q", "--refresh")  # the copy has other inodes
    return place
