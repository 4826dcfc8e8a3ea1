"""The token: where it is found, whom it is given to, and that it is shown to nobody."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hephaestus.errors import UsageError
from hephaestus.forge.github.address import Address
from hephaestus.forge.github.token import Token, find

GITHUB = Address("https://github.com", "https://api.github.com", "oak", "acorn")
OWN = Address("https://ghes.example.org", "https://ghes.example.org/api/v3", "oak", "acorn")


def gh(where: Path, monkeypatch: pytest.MonkeyPatch, says: str) -> Path:
    """Put a `gh` first on PATH that writes down how it was called."""
    where.mkdir()
    (where / "gh").write_text(f'#!/bin/sh\necho "$@ $GH_TOKEN$GH_ENTERPRISE_TOKEN" >> {where}/calls\n{says}\n')
    (where / "gh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{where}{os.pathsep}{os.environ['PATH']}")
    return where / "calls"


@pytest.fixture(autouse=True)
def _no_gh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gh(tmp_path / "none", monkeypatch, "exit 1")


@pytest.mark.parametrize(
    ("address", "variables", "source"),
    [
        (GITHUB, {"GH_TOKEN": "a", "GITHUB_TOKEN": "b", "GH_ENTERPRISE_TOKEN": "c"}, "GH_TOKEN"),
        (GITHUB, {"GITHUB_TOKEN": "b", "GH_ENTERPRISE_TOKEN": "c"}, "GITHUB_TOKEN"),
        (GITHUB, {"GH_TOKEN": "", "GITHUB_TOKEN": " b\n"}, "GITHUB_TOKEN"),
        (OWN, {"GH_HOST": "ghes.example.org", "GH_TOKEN": "a", "GH_ENTERPRISE_TOKEN": "c"}, "GH_ENTERPRISE_TOKEN"),
        (OWN, {"GH_HOST": "ghes.example.org", "GITHUB_ENTERPRISE_TOKEN": "d"}, "GITHUB_ENTERPRISE_TOKEN"),
        (OWN, {"GITHUB_SERVER_URL": "https://ghes.example.org", "GITHUB_TOKEN": "b"}, "GITHUB_TOKEN"),
    ],
)
def test_the_environment_is_asked_in_the_order_of_gh(
    address: Address, variables: dict[str, str], source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert find(address) == Token(variables[source].strip(), source)


def test_a_token_is_not_given_to_a_server_that_nobody_called_github(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"):
        monkeypatch.setenv(name, "s3cr3t")
    assert find(OWN) is None


def test_what_gh_has_kept_for_the_host_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = gh(tmp_path / "programs", monkeypatch, "echo kept")
    monkeypatch.setenv("GH_ENTERPRISE_TOKEN", "s3cr3t")
    assert find(OWN) == Token("kept", "gh")
    # It is not to answer with what the environment holds for another host.
    assert calls.read_text() == "auth token --hostname ghes.example.org \n"


@pytest.mark.parametrize("says", ["exit 1", "echo", "echo two words", "echo kept; exit 1"])
def test_a_gh_that_knows_nothing_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str) -> None:
    gh(tmp_path / "programs", monkeypatch, says)
    assert find(GITHUB) is None


def test_a_machine_without_gh_has_no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find(GITHUB) is None


@pytest.mark.parametrize("value", ["two words", "a\nb", "ünïcode", "a\x1bb"])
def test_a_variable_that_holds_no_token_is_named_and_not_shown(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GH_TOKEN", value)
    with pytest.raises(UsageError, match="GH_TOKEN is set to something that is no token") as caught:
        find(GITHUB)
    assert caught.value.hint == "unset GH_TOKEN"
    assert value not in str(caught.value)


def test_a_token_is_shown_to_nobody() -> None:
    token = Token("s3cr3t")
    assert "s3cr3t" not in f"{token} {token!r} {[token]} {(token, {'a': token})}"
    assert token.scrub(f"a s3cr3t, and {token.basic}") == "a …, and Basic …"
