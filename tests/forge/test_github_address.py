"""Where a repository is on GitHub: what settings, git remotes and the environment say."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hephaestus.errors import UsageError
from hephaestus.forge import connect
from hephaestus.forge.directory import DirectoryForge
from hephaestus.forge.github.address import Address, address, known

ACORN = Address("https://github.com", "https://api.github.com", "oak", "acorn")


@pytest.mark.parametrize(
    "remote",
    [
        "https://github.com/oak/acorn",
        "https://github.com/oak/acorn.git",
        "https://github.com/oak/acorn.git/",
        "https://github.com:443/oak/acorn.git",
        "HTTPS://GitHub.com/oak/acorn.git",
        "https://www.github.com/oak/acorn",
        "https://robin@github.com/oak/acorn.git",
        "https://x-access-token:s3cr3t@github.com/oak/acorn.git",
        "http://github.com/oak/acorn.git",
        "git@github.com:oak/acorn.git",
        "git@github.com:/oak/acorn",
        "github.com:oak/acorn",
        "ssh://git@github.com/oak/acorn.git",
        "ssh://git@github.com:22/oak/acorn.git",
        "ssh://git@ssh.github.com:443/oak/acorn.git",
        "git@ssh.github.com:oak/acorn.git",
        "git://github.com/oak/acorn.git",
        "git+ssh://git@github.com/oak/acorn",
    ],
)
def test_a_remote_on_github_is_the_repository_in_all_forms_git_has(remote: str) -> None:
    assert address(None, remote) == ACORN
    assert address("github", remote) == ACORN


@pytest.mark.parametrize(
    "remote",
    [
        None,
        "",
        "/srv/git/oak/acorn.git",
        "../oak/acorn",
        "C:/oak/acorn",
        "C:\\oak\\acorn",
        "file:///github.com/oak/acorn",
        "https://example.org/oak/acorn",
        "git@example.org:oak/acorn.git",
        "https://github.com.example.org/oak/acorn",
        "https://github.com@example.org/oak/acorn",
        "https://notgithub.com/oak/acorn",
        "ftp://github.com/oak/acorn",
        "https://github.com/acorn",
        "https://github.com/oak/acorn/tree/main",
        "https://github.com/oak/..",
        "https://github.com/oak/.git",
        "https://github.com/-oak/acorn",
        "https://github.com/oak/acorn?x=y",
        "https://github.com/oak/acorn#x",
        "https://github.com/oak%2Fcorn/acorn",
        "https://github.com/oak/a corn",
        "https://github.com/oak/acorn\n",
        "https://github.com:port/oak/acorn",
        "https://[github.com/oak/acorn",
        "https:///oak/acorn",
        "git@github.com:acorn.git",
        "git@github.com:~/oak/acorn.git",
        "-oProxyCommand=x:oak/acorn",
    ],
)
def test_a_remote_elsewhere_or_of_no_repository_is_not_taken_for_github(remote: str | None, tmp_path: Path) -> None:
    assert address(None, remote) is None
    assert isinstance(connect(None, root=tmp_path, name="acorn", remote=remote), DirectoryForge)


@pytest.mark.parametrize(
    ("remote", "server", "api"),
    [
        ("https://ghes.example.org/oak/acorn", "https://ghes.example.org", "https://ghes.example.org/api/v3"),
        (
            "https://ghes.example.org:8443/oak/acorn",
            "https://ghes.example.org:8443",
            "https://ghes.example.org:8443/api/v3",
        ),
        (
            "ssh://git@ghes.example.org:2222/oak/acorn.git",
            "https://ghes.example.org",
            "https://ghes.example.org/api/v3",
        ),
        ("git@ghes.example.org:oak/acorn.git", "https://ghes.example.org", "https://ghes.example.org/api/v3"),
        ("http://ghes.example.org/oak/acorn.git", "https://ghes.example.org", "https://ghes.example.org/api/v3"),
        ("http://127.0.0.1:8080/oak/acorn.git", "http://127.0.0.1:8080", "http://127.0.0.1:8080/api/v3"),
        ("http://[::1]:8080/oak/acorn.git", "http://[::1]:8080", "http://[::1]:8080/api/v3"),
        ("http://localhost/oak/acorn.git", "http://localhost", "http://localhost/api/v3"),
        ("https://oak.ghe.com/oak/acorn", "https://oak.ghe.com", "https://api.oak.ghe.com"),
    ],
)
def test_a_project_that_says_github_is_believed_on_any_host(remote: str, server: str, api: str) -> None:
    assert address("github", remote) == Address(server, api, "oak", "acorn")


def test_graphql_and_uploads_are_where_each_kind_of_server_has_them() -> None:
    assert (ACORN.graphql, ACORN.uploads) == ("https://api.github.com/graphql", "https://uploads.github.com")
    tenant = Address("https://oak.ghe.com", "https://api.oak.ghe.com", "oak", "acorn")
    assert (tenant.graphql, tenant.uploads) == ("https://api.oak.ghe.com/graphql", "https://uploads.oak.ghe.com")
    own = Address("https://ghes.example.org", "https://ghes.example.org/api/v3", "oak", "acorn")
    assert (own.graphql, own.uploads) == ("https://ghes.example.org/api/graphql", "https://ghes.example.org")
    assert own.page == "https://ghes.example.org/oak/acorn"
    assert own.root == "https://ghes.example.org/api/v3/repos/oak/acorn"


@pytest.mark.parametrize(
    ("setting", "page"),
    [
        ("github:oak/acorn", "https://github.com/oak/acorn"),
        ("github:oak/.github", "https://github.com/oak/.github"),
        ("https://github.com/oak/acorn", "https://github.com/oak/acorn"),
        ("https://ghes.example.org/oak/acorn.git", "https://ghes.example.org/oak/acorn"),
        ("http://127.0.0.1:8080/oak/acorn", "http://127.0.0.1:8080/oak/acorn"),
    ],
)
def test_a_setting_names_a_repository_whatever_the_remote_is(setting: str, page: str) -> None:
    found = address(setting, "git@gitlab.com:else/where.git")
    assert found is not None
    assert found.page == page


@pytest.mark.parametrize(
    "setting",
    [
        "github:",
        "github:oak",
        "github:oak/acorn/x",
        "github:oak/..",
        "github:-x/acorn",
        "https://github.com/oak",
        "github:a b/c",
    ],
)
def test_a_setting_that_is_no_repository_is_refused_with_the_forms_there_are(setting: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no place for releases") as caught:
        connect(setting, root=tmp_path, name="acorn", remote="https://github.com/oak/acorn")
    assert "github:OWNER/NAME" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    "setting", ["releases", "./github", "oak/acorn", "directory:github", "file:///github/oak/acorn"]
)
def test_a_path_goes_on_being_a_directory(setting: str, tmp_path: Path) -> None:
    forge = connect(setting, root=tmp_path, name="acorn", remote="https://github.com/oak/acorn")
    assert isinstance(forge, DirectoryForge)


def test_a_project_that_says_github_and_is_not_on_it_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"/srv/acorn\.git is not the address of a repository there") as caught:
        connect("github", root=tmp_path, name="acorn", remote="/srv/acorn.git")
    assert caught.value.hint == "git remote --verbose"


def test_a_server_is_not_spoken_to_in_the_clear() -> None:
    with pytest.raises(UsageError, match="in the clear"):
        address("http://ghes.example.org/oak/acorn", None)


def test_the_environment_names_another_server_and_its_api(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://ghes.example.org")
    monkeypatch.setenv("GITHUB_API_URL", "https://ghes.example.org/api/v3")
    own = Address("https://ghes.example.org", "https://ghes.example.org/api/v3", "oak", "acorn")

    assert address(None, "git@ghes.example.org:oak/acorn.git") == own
    assert address("github:oak/acorn", None) == own
    # What the environment says of one server is not said of another.
    assert address(None, "git@github.com:oak/acorn.git") == ACORN


@pytest.mark.parametrize("variable", ["GITEA_ACTIONS", "FORGEJO_ACTIONS"])
def test_a_forge_that_only_runs_the_same_actions_is_not_taken_for_github(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "true")
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://git.example.org")
    monkeypatch.setenv("GITHUB_API_URL", "https://git.example.org/api/v1")
    assert address(None, "https://git.example.org/oak/acorn.git") is None
    assert address("github:oak/acorn", None) == ACORN


def test_the_environment_names_the_port_for_a_remote_over_ssh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_SERVER_URL", "http://127.0.0.1:8080/")
    for remote in ("ssh://git@127.0.0.1:2222/oak/acorn.git", "git@127.0.0.1:oak/acorn.git"):
        found = address(None, remote)
        assert found is not None
        assert found.server == "http://127.0.0.1:8080"
    assert address(None, "http://127.0.0.1:9090/oak/acorn.git") is None


def test_the_host_of_gh_is_github_and_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GH_HOST", "ghes.example.org")
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    found = address("github:oak/acorn", None)
    assert found is not None
    assert found.server == "https://ghes.example.org"
    assert address(None, "git@ghes.example.org:oak/acorn.git") == found
    assert known("ghes.example.org")
    assert not known("example.org")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GITHUB_SERVER_URL", "http://ghes.example.org"),
        ("GITHUB_SERVER_URL", "ghes.example.org"),
        ("GITHUB_SERVER_URL", "https://ghes.example.org?x"),
        ("GITHUB_SERVER_URL", "https://robin@ghes.example.org"),
        ("GITHUB_SERVER_URL", "https://[x"),
        ("GH_HOST", "https://ghes.example.org"),
        ("GH_HOST", "a b"),
    ],
)
def test_an_environment_that_names_no_server_is_refused(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(UsageError, match=variable) as caught:
        address("github:oak/acorn", None)
    assert caught.value.hint == f"unset {variable}"


@given(st.text(alphabet=st.sampled_from("abG:/@.-_[]%?#\n\t \\0gitubcom"), max_size=40) | st.text(max_size=40))
def test_no_text_makes_anything_but_a_sound_address(text: str) -> None:
    for found in (address(None, text), address(f"github:{text}", None), address(f"https://{text}", None)):
        if found is not None:
            assert found.page == f"{found.server}/{found.owner}/{found.name}"
            assert all(letter.isprintable() and letter not in " %?#\\@" for letter in found.page)
            assert found.name not in {".", "..", ".git"}
