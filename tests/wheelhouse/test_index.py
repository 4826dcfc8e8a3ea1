"""Indexes: as uv and pip are configured, read whatever they answer, and no secret where it can be seen."""

import base64
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from hephaestus.errors import CouldNotRun, UsageError
from hephaestus.wheelhouse import page
from hephaestus.wheelhouse.configuration import Index as Place
from hephaestus.wheelhouse.connection import Patience
from hephaestus.wheelhouse.index import Indexes, configured
from indexes import Fault, Index
from wheels import make_sdist, make_wheel, sha256

PYPI = "https://pypi.org/simple"
QUICK = Patience(timeout=2, again=1, pause=0)
HOME = "https://index.example.org/simple"
FOREIGN = ("PROXY", "CERT", "BUNDLE", "NETRC")


@pytest.fixture(autouse=True)
def neutral(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, machine: Path) -> None:
    for name in [name for name in os.environ if any(part in name.upper() for part in FOREIGN)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "etc"))


def urls(root: Path) -> list[str]:
    return [index.url for index in configured(root).configuration.indexes]


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    def read(url: str, **variables: str) -> Indexes:
        for name, value in {"PIP_INDEX_URL": url, **variables}.items():
            monkeypatch.setenv(name, value)
        return Indexes(configured(tmp_path).configuration, QUICK)

    return read


# What is configured


def test_where_nothing_is_configured_it_is_pypi(tmp_path: Path) -> None:
    indexes = configured(tmp_path)

    assert urls(tmp_path) == [PYPI]
    assert indexes.uv_arguments == ()


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"UV_DEFAULT_INDEX": HOME}, [HOME]),
        ({"UV_INDEX_URL": HOME}, [HOME]),
        ({"UV_INDEX": f"one={HOME}/1 {HOME}/2"}, [f"{HOME}/1", f"{HOME}/2", PYPI]),
        ({"UV_EXTRA_INDEX_URL": HOME, "UV_DEFAULT_INDEX": f"{HOME}/0"}, [HOME, f"{HOME}/0"]),
        ({"UV_INDEX": HOME, "UV_NO_INDEX": "1", "UV_FIND_LINKS": "https://links.example.org/a,/b"}, ["https://links.example.org/a", "file:///b"]),
        ({"UV_INDEX": HOME, "PIP_INDEX_URL": "https://pip.example.org/"}, [HOME, PYPI]),
        ({"PIP_INDEX_URL": HOME}, [HOME]),
        ({"PIP_EXTRA_INDEX_URL": f"{HOME}/1\n{HOME}/2"}, [PYPI, f"{HOME}/1", f"{HOME}/2"]),
        ({"PIP_NO_INDEX": "true", "PIP_FIND_LINKS": "/b"}, ["file:///b"]),
    ],
)  # fmt: skip
def test_variables_for_uv_count_before_those_for_pip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: list[str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert urls(tmp_path) == expected


def test_the_projects_own_indexes_are_found_from_a_directory_below(tmp_path: Path) -> None:
    write(
        tmp_path / "pyproject.toml",
        f'[[tool.uv.index]]\nname = "company"\nurl = "{HOME}"\n'
        '[[tool.uv.index]]\nurl = "https://mirror.example.org/simple"\ndefault = true\n'
        '[[tool.uv.index]]\nname = "torch"\nurl = "https://torch.example.org/links.html"\nformat = "flat"\n'
        "[tool.uv]\nfind-links = ['wheels']\n",
    )
    (tmp_path / "package").mkdir()

    assert configured(tmp_path / "package").configuration.indexes == (
        Place(HOME, "company"),
        Place("https://torch.example.org/links.html", "torch", flat=True),
        Place("https://mirror.example.org/simple"),
        Place((tmp_path / "wheels").as_uri(), flat=True),
    )


def test_uv_toml_stands_before_pyproject_and_both_before_the_users_own(tmp_path: Path, machine: Path) -> None:
    write(machine / ".config/uv/uv.toml", '[[index]]\nurl = "https://user.example.org/simple"\n')
    write(tmp_path / "pyproject.toml", '[tool.uv]\nindex-url = "https://hidden.example.org/simple"\n')
    write(tmp_path / "uv.toml", f'extra-index-url = ["{HOME}"]\n')

    assert urls(tmp_path) == [HOME, "https://user.example.org/simple", PYPI]


def test_pips_files_count_in_pips_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: Path) -> None:
    monkeypatch.delenv("PIP_CONFIG_FILE")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "site"))
    write(tmp_path / "etc/pip/pip.conf", "[global]\nindex-url = https://global.example.org/\nno-index = no\n")
    assert urls(tmp_path)[0] == "https://global.example.org/"
    write(machine / ".config/pip/pip.conf", "[global]\nindex_url = https://user.example.org/\n")
    assert urls(tmp_path)[0] == "https://user.example.org/"
    write(tmp_path / "site/pip.conf", "[install]\nindex-url = https://site.example.org/\n")
    assert urls(tmp_path)[0] == "https://site.example.org/"
    alone = write(tmp_path / "alone.conf", "[install]\nindex-url = https://alone.example.org/\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(alone))
    assert urls(tmp_path)[0] == "https://alone.example.org/"
    monkeypatch.setenv("PIP_INDEX_URL", HOME)
    assert urls(tmp_path)[0] == HOME


def test_relative_find_links_start_from_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", "wheels ../more")

    assert urls(tmp_path) == [PYPI, (tmp_path / "wheels").as_uri(), (tmp_path.parent / "more").as_uri()]


@pytest.mark.parametrize("text", ["[global\nindex-url = x", "index-url = https://robin:secret@x/"])
def test_a_configuration_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", str(write(tmp_path / "pip.conf", text)))

    with pytest.raises(UsageError, match=r"pip\.conf cannot be read") as caught:
        configured(tmp_path)
    assert "secret" not in f"{caught.value.message} {caught.value.hint}"


def test_a_configuration_of_uv_that_is_no_toml_is_named(tmp_path: Path) -> None:
    write(tmp_path / "uv.toml", "index = [")

    with pytest.raises(UsageError, match=r"uv\.toml cannot be read as TOML"):
        configured(tmp_path)


# Secrets


def basic(value: str | None) -> str | None:
    return value and base64.b64decode(value.removeprefix("Basic ")).decode()


def test_a_secret_in_a_url_is_told_to_that_server_alone(reading) -> None:
    indexes = reading("https://robin:p%40ss@index.example.org/simple")

    assert basic(indexes.authorization(f"{HOME}/acorn/")) == "robin:p@ss"
    assert basic(indexes.authorization("https://index.example.org/files/acorn.whl")) == "robin:p@ss"
    assert indexes.authorization("https://index.example.org:8443/simple/acorn/") is None
    assert indexes.authorization("http://index.example.org/simple/acorn/") is None
    assert indexes.authorization("https://other.example.org/") is None
    assert indexes.authorization("no address") is None


def test_of_two_indexes_on_one_server_the_nearer_one_decides(reading) -> None:
    indexes = reading(
        "https://a:1@x.example.org/team/a/simple", PIP_EXTRA_INDEX_URL="https://b:2@x.example.org/team/b/simple"
    )

    assert basic(indexes.authorization("https://x.example.org/team/b/files/acorn.whl")) == "b:2"
    assert basic(indexes.authorization("https://x.example.org/team/a/simple/acorn/")) == "a:1"


def test_uv_has_secrets_in_variables_named_after_the_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_INDEX", f"my-company={HOME}")
    monkeypatch.setenv("UV_INDEX_MY_COMPANY_USERNAME", "robin")
    monkeypatch.setenv("UV_INDEX_MY_COMPANY_PASSWORD", "secret")

    assert basic(configured(tmp_path).authorization(f"{HOME}/acorn/")) == "robin:secret"


def test_netrc_is_read_where_the_variable_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: Path) -> None:
    write(machine / ".netrc", "machine index.example.org login home password 1\n").chmod(0o600)
    assert basic(configured(tmp_path).authorization(HOME)) == "home:1"
    monkeypatch.setenv("NETRC", str(write(tmp_path / "netrc", "machine index.example.org login other password 2\n")))
    assert basic(configured(tmp_path).authorization(HOME)) == "other:2"
    write(tmp_path / "netrc", "nonsense")
    assert configured(tmp_path).authorization(HOME) is None


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://index.example.org/simple", False),
        ("http://index.example.org:8080/simple", False),
        ("http://127.0.0.1:8080/simple", True),
        ("http://[::1]:8080/simple", True),
        ("http://localhost/simple", True),
    ],
)
def test_what_netrc_has_is_never_told_in_clear_text_where_others_listen(
    tmp_path: Path, machine: Path, url: str, *, told: bool
) -> None:
    write(machine / ".netrc", "default login robin password hunter2\n").chmod(0o600)

    assert (configured(tmp_path).authorization(url) is not None) == told


@pytest.mark.parametrize("variable", ["PIP_INDEX_URL", "PIP_FIND_LINKS", "UV_INDEX", "UV_DEFAULT_INDEX"])
@pytest.mark.parametrize(
    "secret",
    ["hun/ter2", "hun#ter2", "hun?ter2", "12/ter2", "1@hun/ter2"],
    ids=["slash", "hash", "question", "port", "at"],
)
def test_a_password_that_cannot_be_told_from_an_address_is_refused_and_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, secret: str
) -> None:
    monkeypatch.setenv(variable, f"https://robin:{secret}@index.example.org/simple")

    with pytest.raises(UsageError, match="%2F") as caught:
        configured(tmp_path)

    shown = f"{caught.value} {caught.value.hint}"
    assert not [part for part in ("robin", "hun", "ter2", "index.example.org") if part in shown]


@pytest.mark.parametrize("tool", ["UV", "PIP"])
def test_a_query_of_an_index_which_may_be_a_token_is_never_in_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tool: str
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX" if tool == "UV" else "PIP_INDEX_URL", f"{HOME}?key=hunter2")
    monkeypatch.setenv(f"{tool}_EXTRA_INDEX_URL", "https://x.example.org/1?key=hunter3 https://x.example.org/2")
    monkeypatch.setenv(f"{tool}_FIND_LINKS", "https://links.example.org/?key=hunter4")

    indexes = configured(tmp_path)

    assert "hunter" not in repr((indexes.uv_arguments, indexes.pip_arguments))
    told = indexes.environment
    assert told["PIP_INDEX_URL"] == f"{HOME}?key=hunter2"
    assert told["UV_DEFAULT_INDEX"].endswith(f"={HOME}?key=hunter2")
    assert told["PIP_EXTRA_INDEX_URL"] == "https://x.example.org/1?key=hunter3 https://x.example.org/2"
    assert [each.partition("=")[2] for each in told["UV_INDEX"].split()] == told["PIP_EXTRA_INDEX_URL"].split()
    assert told["PIP_FIND_LINKS"] == told["UV_FIND_LINKS"] == "https://links.example.org/?key=hunter4"


def test_a_query_of_an_index_is_sent_with_each_page(tmp_path: Path, reading) -> None:
    make_wheel(tmp_path / "files", "acorn", "1.0")
    with Index(tmp_path / "files") as index:
        assert reading(f"{index.url}?key=1").files("acorn")
        assert index.requests[-1].path.endswith("/acorn/?key=1")


def test_links_in_the_net_are_told_as_they_are(reading) -> None:
    links = "https://links.example.org/acorn.html"

    assert reading(HOME, PIP_FIND_LINKS=links).pip_arguments[-2:] == ("--find-links", links)


@pytest.mark.parametrize("tool", ["UV", "PIP"])
def test_a_resolver_gets_its_secrets_in_variables_and_never_in_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tool: str
) -> None:
    default = "UV_DEFAULT_INDEX" if tool == "UV" else "PIP_INDEX_URL"
    monkeypatch.setenv(default, "https://robin:hunter2@index.example.org/simple")
    monkeypatch.setenv(f"{tool}_EXTRA_INDEX_URL", "https://open.example.org/simple")
    monkeypatch.setenv(f"{tool}_FIND_LINKS", "https://robin:hunter2@links.example.org/")

    indexes = configured(tmp_path)

    shown = repr((indexes, indexes.uv_arguments, indexes.pip_arguments))
    assert "hunter2" not in shown
    assert "robin" not in shown
    name = next(word for word in indexes.uv_arguments if word.endswith(f"={HOME}")).partition("=")[0]
    key = f"UV_INDEX_{name.upper().replace('-', '_')}"
    environment = indexes.environment
    assert (environment[f"{key}_USERNAME"], environment[f"{key}_PASSWORD"]) == ("robin", "hunter2")
    assert environment["UV_FIND_LINKS"] == environment["PIP_FIND_LINKS"] == "https://robin:hunter2@links.example.org/"
    assert environment["PIP_INDEX_URL"] == "https://robin:hunter2@index.example.org/simple"
    assert indexes.pip_arguments == ("--extra-index-url", "https://open.example.org/simple")
    assert ("--index-strategy" in indexes.uv_arguments) == (tool == "PIP")  # pip takes the best of all indexes


def test_a_resolver_is_told_whom_to_trust(tmp_path: Path, reading) -> None:
    indexes = reading(
        HOME, PIP_TRUSTED_HOST="a.example.org b.example.org:8443", PIP_CERT="/ca.pem", PIP_CLIENT_CERT="/me.pem"
    )

    assert indexes.pip_arguments == (
        "--index-url", HOME, "--trusted-host", "a.example.org", "--trusted-host", "b.example.org:8443",
        "--cert", "/ca.pem", "--client-cert", "/me.pem",
    )  # fmt: skip
    assert indexes.uv_arguments[2:] == (
        "--allow-insecure-host",
        "a.example.org",
        "--allow-insecure-host",
        "b.example.org:8443",
    )
    assert indexes.environment["SSL_CERT_FILE"] == "/ca.pem"
    assert indexes.environment["SSL_CLIENT_CERT"] == "/me.pem"


def test_without_an_index_a_resolver_is_told_so(reading, tmp_path: Path) -> None:
    indexes = reading("", PIP_NO_INDEX="1", PIP_FIND_LINKS="wheels")

    assert indexes.pip_arguments == ("--no-index", "--find-links", str(tmp_path / "wheels"))
    assert indexes.uv_arguments == ("--find-links", str(tmp_path / "wheels"), "--no-index")


# What an index answers


@pytest.mark.parametrize("modern", [True, False])
def test_a_page_tells_all_of_a_file(tmp_path: Path, reading, *, modern: bool) -> None:
    wheel = make_wheel(tmp_path / "files", "Acorn.Tools", "1!2.0+local", headers=["Requires-Python: >=3.9,<4"])
    sdist = make_sdist(tmp_path / "files", "acorn_tools", "1.0", {})
    make_wheel(tmp_path / "files", "oak", "1.0")
    with Index(tmp_path / "files", json=modern) as index:
        index.faults = {sdist.name: Fault(yanked="broken <&> bad")}
        listed = {each.file.name: each for each in reading(index.url).files("Acorn_tools")}

        assert set(listed) == {wheel.name, sdist.name}
        ours = listed[wheel.name]
        assert (ours.version, ours.yanked, ours.requires_python) == (
            Version("1!2.0+local"),
            None,
            SpecifierSet(">=3.9,<4"),
        )
        assert (ours.file.sha256, ours.file.url) == (sha256(wheel), index.address(wheel.name))
        assert listed[sdist.name].yanked == "broken <&> bad"
        if modern:
            assert ours.file.size == wheel.stat().st_size
            assert ours.uploaded == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_a_project_no_index_knows_has_no_files(tmp_path: Path, reading) -> None:
    with Index(tmp_path) as index:
        assert reading(index.url).files("acorn") == []


def test_a_page_is_asked_for_once(tmp_path: Path, reading) -> None:
    make_wheel(tmp_path / "files")
    with Index(tmp_path / "files") as index:
        indexes = reading(index.url)
        assert indexes.files("acorn") == indexes.files("Acorn")
        assert len(index.requests) == 1


def test_files_without_a_sha256_are_left_out_and_remembered(tmp_path: Path, reading) -> None:
    wheel = make_wheel(tmp_path / "files")
    with Index(tmp_path / "files", hashes=False) as index:
        indexes = reading(index.url)
        assert indexes.files("acorn") == []
        assert indexes.unhashed("acorn") == (wheel.name,)


def test_pip_takes_the_files_of_all_indexes_and_uv_those_of_the_first_that_has_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wheel(tmp_path / "one", version="1.0")
    make_wheel(tmp_path / "two", version="2.0")
    with Index(tmp_path / "one") as one, Index(tmp_path / "two") as two:
        monkeypatch.setenv("PIP_INDEX_URL", one.url)
        monkeypatch.setenv("PIP_EXTRA_INDEX_URL", two.url)
        assert [str(each.version) for each in configured(tmp_path).files("acorn")] == ["1.0", "2.0"]
        monkeypatch.setenv("UV_INDEX", f"{two.url} {one.url}")
        monkeypatch.setenv("UV_NO_INDEX", "")
        assert [str(each.version) for each in configured(tmp_path).files("acorn")] == ["2.0"]


def test_a_directory_of_files_is_hashed(tmp_path: Path, reading) -> None:
    wheel = make_wheel(tmp_path / "files")
    (tmp_path / "files/acorn-notes.txt").touch()

    (found,) = reading("", PIP_NO_INDEX="1", PIP_FIND_LINKS="files").files("acorn")

    assert (found.file.sha256, found.file.url, found.file.size) == (sha256(wheel), wheel.as_uri(), wheel.stat().st_size)


def test_an_index_can_lie_in_a_directory(tmp_path: Path, reading) -> None:
    wheel = make_wheel(tmp_path / "files")
    write(tmp_path / "simple/acorn/index.html", f'<a href="../../files/{wheel.name}">{wheel.name}</a>')

    (found,) = reading((tmp_path / "simple").as_uri()).files("acorn")

    assert (found.file.sha256, found.file.url) == (sha256(wheel), wheel.as_uri())


def test_a_page_of_links_is_read_with_its_base(tmp_path: Path, reading) -> None:
    digest = "a" * 64
    text = f'<base href="https://cdn.example.org/x/"><a href="acorn-1.0.tar.gz#sha256={digest}">a</a>'
    links = write(tmp_path / "links.html", text)

    (found,) = reading("", PIP_NO_INDEX="1", PIP_FIND_LINKS=links.as_uri()).files("acorn")

    assert (found.file.name, found.file.url) == ("acorn-1.0.tar.gz", "https://cdn.example.org/x/acorn-1.0.tar.gz")


def test_a_page_of_the_net_cannot_name_files_of_this_machine(tmp_path: Path, reading) -> None:
    wheel = make_wheel(tmp_path / "files")
    with Index(tmp_path / "files", json=False) as index:
        link = f'<a href="{wheel.as_uri()}#sha256={sha256(wheel)}">acorn</a>'.encode()
        index.faults = {"simple/acorn": Fault(wrong=link)}
        assert reading(index.url).files("acorn") == []


def test_an_index_that_wants_a_password_gets_it_or_is_named(tmp_path: Path, reading) -> None:
    make_wheel(tmp_path / "files")
    with Index(tmp_path / "files", credentials=("robin", "secret")) as index:
        assert len(reading(index.url.replace("//", "//robin:secret@")).files("acorn")) == 1
        with pytest.raises(CouldNotRun, match="missing or wrong") as caught:
            reading(index.url.replace("//", "//robin:hunter2@")).files("acorn")
    assert "hunter2" not in f"{caught.value} {caught.value.hint}"
    assert "netrc" in str(caught.value.hint)


def test_an_index_that_is_busy_is_asked_again(tmp_path: Path, reading) -> None:
    make_wheel(tmp_path / "files")
    with Index(tmp_path / "files") as index:
        index.faults = {"simple/acorn": Fault(times=1, status=503)}
        assert len(reading(index.url).files("acorn")) == 1


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", "json"),
        (b"[" * 100_000, "json"),
        (b"[]", "json"),
        (b'{"meta": {"api-version": "2.0"}, "files": []}', "json"),
        (b'{"files": []}', "json"),
        (b"\xff\xfe", "json"),
    ],
)
def test_a_page_that_cannot_be_understood_is_named(tmp_path: Path, reading, body: bytes, kind: str) -> None:
    with Index(tmp_path) as index:
        index.faults = {"simple/acorn": Fault(wrong=body, headers={"Content-Type": f"application/{kind}"})}
        with pytest.raises(CouldNotRun, match="cannot be read"):
            reading(index.url).files("acorn")


def test_an_unreachable_index_is_named(reading) -> None:
    with pytest.raises(CouldNotRun, match=r"http://127\.0\.0\.1:9/simple/acorn/ cannot be asked") as caught:
        reading("http://robin:secret@127.0.0.1:9/simple").files("acorn")
    assert "secret" not in str(caught.value)


def test_a_file_with_the_name_of_another_project_is_not_ours(tmp_path: Path, reading) -> None:
    with Index(tmp_path) as index:
        names = ["oak-1.0.tar.gz", "acorn-one-1.0.tar.gz", "acorn-1.0.exe", "acorn-x.tar.gz", "acorn-1.0-cp3.whl"]
        body = "".join(f'<a href="{name}#sha256={"a" * 64}">x</a>' for name in names).encode()
        index.faults = {"simple/acorn": Fault(wrong=body, headers={"Content-Type": "text/html"})}
        assert reading(index.url).files("acorn") == []


junk = st.none() | st.booleans() | st.integers() | st.text() | st.just([]) | st.just({})
entries = st.fixed_dictionaries(
    {"filename": st.just("acorn-1.0.tar.gz") | junk, "url": st.sampled_from(["http://[", "a", "/\0"]) | junk},
    optional={
        "hashes": st.fixed_dictionaries({"sha256": st.just("a" * 64) | junk}) | junk,
        "size": junk,
        "yanked": junk,
        "upload-time": st.just("2026-01-02") | junk,
        "requires-python": st.just(">=3") | junk,
    },
)


@given(st.lists(entries | junk, max_size=3))
def test_whatever_a_json_page_holds_only_files_come_out(files: list[object]) -> None:
    data = json.dumps({"meta": {"api-version": "1.0"}, "files": files}).encode()
    for entry in page.read(data, "application/json", HOME):
        found = page.understood(entry, "acorn", local=False)
        if found and found[1]:
            assert page.listed(entry, *found).file.sha256 == "a" * 64


@given(st.binary() | st.text().map(str.encode) | st.text(alphabet='<a href="acorn-1.tar.gz#sh">!-[]&;').map(str.encode))
def test_whatever_an_html_page_holds_only_files_come_out(data: bytes) -> None:
    for entry in page.read(data, "text/html; charset=none", HOME):
        page.understood(entry, "acorn", local=False)
