"""What every test stands on: a machine of its own, real git, a real remote, a project that needs no network."""

import os
import signal
from pathlib import Path

import pytest

from places import Place, make_place

# Nothing of the machine's own configuration may reach a test.
_FOREIGN = ("GIT_", "CI", "GITHUB_", "NOX_", "INVOKE_", "PIP_", "XDG_", "UV_", "HEPHAESTUS_", "FORCE_COLOR", "NO_COLOR")


# A job in the background of a script ignores Ctrl-C, and so would every program the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def machine(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own with a neutral git configuration; only caches are shared, as on a machine in use."""
    shared = tmp_path_factory.getbasetemp()
    for name in list(os.environ):
        if name.startswith(_FOREIGN):
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    (home / ".gitconfig").write_text(
        "[user]\n\tname = Robin\n\temail = robin@example.org\n[init]\n\tdefaultBranch = main\n"
        '[protocol "file"]\n\tallow = always\n'
    )
    for name, value in {
        "HOME": str(home),
        "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
        "GIT_CONFIG_NOSYSTEM": "1",
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
