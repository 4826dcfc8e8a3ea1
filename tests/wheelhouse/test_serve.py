"""An index over a wheelhouse, judged by pip, uv and plain HTTP."""

import hashlib
import http.client
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, unquote, urljoin, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hephaestus import system
from hephaestus.errors import UsageError
from hephaestus.wheelhouse import serve
from hephaestus.wheelhouse.house import House
from standing import begin, stand
from wheels import make_wheel, sha256

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "application/vnd.pypi.simple.v1+html"
OAK = "oak_tree-2.0+local.1-py3-none-any.whl"
HYPOTHESIS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, object]:
        document: dict[str, object] = json.loads(self.body)
        return document


@dataclass(frozen=True)
class Index:
    """A served wheelhouse of acorn, which needs the package Oak.Tree."""

    house: House
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/simple/"

    def ask(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """Ask once; the names of headers are written with underscores."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.putrequest(method, path, skip_host="Host" in headers)
            for name, value in headers.items():
                connection.putheader(name.replace("_", "-"), value)
            connection.endheaders()
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def file(self, name: str) -> Path:
        return self.house.root / "wheels" / name

    def send(self, raw: bytes) -> bytes:
        """Send bytes and return all that comes back until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
            received = b""
            while block := connection.recv(1 << 16):
                received += block
            return received


def a_house(where: Path) -> House:
    root = begin(where, requires=["oak-tree"], headers=["Requires-Python: >=3.8,<4"], scripts={"acorn": "acorn:main"})
    make_wheel(root / "wheels", "Oak.Tree", "2.0+local.1")
    return stand(root)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    house = a_house(tmp_path)
    with serve.listen(house) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield Index(house, server.server_port)
        finally:
            server.shutdown()
            thread.join()


# The pages


def test_a_project_as_json_has_what_pep_691_and_700_ask_for(index: Index) -> None:
    answer = index.ask("/simple/acorn/", Accept=JSON)
    wheel, sdist = index.file("acorn-1.1.0-py3-none-any.whl"), index.house.sdist

    assert answer.headers["Content-Type"] == JSON
    metadata = index.ask(f"/files/{wheel.name}.metadata").body
    assert answer.document == {
        "meta": {"api-version": "1.1"},
        "name": "acorn",
        "versions": ["1.1.0"],
        "files": [
            {
                "filename": wheel.name,
                "url": f"../../files/{wheel.name}",
                "hashes": {"sha256": sha256(wheel)},
                "size": wheel.stat().st_size,
                "requires-python": str(index.house.wheels[0].requires_python),
                "core-metadata": {"sha256": digest(metadata)},
            },
            {
                "filename": sdist.name,
                "url": f"../../files/{sdist.name}",
                "hashes": {"sha256": sha256(sdist)},
                "size": sdist.stat().st_size,
                "requires-python": str(index.house.wheels[0].requires_python),
            },
        ],
    }


def test_the_list_of_projects_has_normalised_names(index: Index) -> None:
    assert index.ask("/simple/", Accept=JSON).document == {
        "meta": {"api-version": "1.1"},
        "projects": [{"name": "acorn"}, {"name": "oak-tree"}],
    }


class Links(HTMLParser):
    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found.append(dict(attrs))


def test_a_project_as_html_says_the_same(index: Index) -> None:
    document = index.ask("/simple/acorn/", Accept=JSON).document
    answer = index.ask("/simple/acorn/", Accept="text/html")
    wheel, sdist = document["files"]

    assert b"&lt;4,&gt;=3.8" in answer.body
    assert Links(answer.body).found == [
        {
            "href": f"{wheel['url']}#sha256={wheel['hashes']['sha256']}",
            "data-requires-python": wheel["requires-python"],
            "data-core-metadata": f"sha256={wheel['core-metadata']['sha256']}",
        },
        {
            "href": f"{sdist['url']}#sha256={sdist['hashes']['sha256']}",
            "data-requires-python": sdist["requires-python"],
        },
    ]


def test_every_link_of_every_page_leads_to_the_bytes_it_promises(index: Index) -> None:
    for project in Links(index.ask("/simple/").body).found:
        page = urljoin(index.url, project["href"])
        for link in Links(index.ask(urlsplit(page).path).body).found:
            target = urlsplit(urljoin(page, link["href"]))
            answer = index.ask(target.path)
            assert answer.status == 200
            assert target.fragment == f"sha256={digest(answer.body)}"


def test_the_metadata_of_a_wheel_is_beside_it(index: Index) -> None:
    answer = index.ask(f"/files/{quote(OAK)}.metadata")

    assert b"Name: Oak.Tree\nVersion: 2.0+local.1\n" in answer.body


@pytest.mark.parametrize("spelled", [OAK, quote(OAK), quote(OAK, safe=".-")])
def test_a_file_is_found_however_its_name_is_quoted(index: Index, spelled: str) -> None:
    assert index.ask(f"/files/{spelled}").body == index.file(OAK).read_bytes()


# What is asked for, and how


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("", "text/html; charset=utf-8"),
        ("*/*", "text/html; charset=utf-8"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8"),
        (f"{JSON}, {HTML}; q=0.1, text/html; q=0.01", JSON),
        (f"{JSON};q=0.1, {HTML};q=0.2", HTML),
        ("application/vnd.pypi.simple.latest+json", JSON),
        ("application/vnd.pypi.simple.latest+html", HTML),
        ("application/*", HTML),
        (f"text/html;q=0, {HTML};q=0, */*", JSON),
        (f"{JSON};q=nonsense, text/html;q=0.1", "text/html; charset=utf-8"),
        (JSON.upper(), JSON),
    ],
)
def test_a_client_gets_the_form_it_likes_best(index: Index, accept: str, media: str) -> None:
    answer = index.ask("/simple/acorn/", Accept=accept)

    assert (answer.status, answer.headers["Content-Type"]) == (200, media)
    assert answer.headers["Vary"] == "Accept"


@pytest.mark.parametrize("accept", ["image/png", f"{JSON};q=0", "application/vnd.pypi.simple.v2+json"])
def test_a_form_there_is_not_is_refused(index: Index, accept: str) -> None:
    answer = index.ask("/simple/acorn/", Accept=accept)

    assert answer.status == 406
    assert JSON in answer.body.decode()


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/simple/Oak_Tree/", "/simple/oak-tree/"),
        ("/simple/oak.tree", "/simple/oak-tree/"),
        ("/simple/oak-tree", "/simple/oak-tree/"),
        ("/simple/OAK--TREE/", "/simple/oak-tree/"),
        ("/simple", "/simple/"),
    ],
)
def test_a_name_that_is_not_normalised_is_redirected(index: Index, path: str, place: str) -> None:
    answer = index.ask(path)

    assert (answer.status, answer.headers["Location"]) == (301, place)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/files/",
        "/files/nothing-1-py3-none-any.whl",
        "/simple/nothing/",
        "/simple/Noth_ing/",
        "/simplex/",
        "/files/../manifest.json",
        "/files/..%2f..%2facorn-1.1.0-wheelhouse%2fwheels%2f" + OAK,
        "/files/%2e%2e/wheels/" + OAK,
        "/wheels/" + OAK,
        "/files/" + OAK.upper(),
        "/simple/../files/" + OAK,
        "//evil.example/simple/oak_tree",
        "/simple/acorn/%00",
        "/%ff%fe",
        "*",
    ],
)
def test_anything_else_is_not_found_and_said_so_as_text(index: Index, path: str) -> None:
    answer = index.ask(path)

    assert (answer.status, answer.body) == (404, b"this wheelhouse does not have it\n")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


@HYPOTHESIS
@given(st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(["../" * 9 + "etc/passwd", OAK, "oak_tree"]))
@pytest.mark.slow
def test_no_path_gives_other_bytes_than_those_of_the_wheelhouse(index: Index, text: str) -> None:
    for place in (f"/{quote(text)}", f"/files/{quote(text)}", f"/simple/{quote(text)}/"):
        answer = index.ask(place)
        if answer.status == 200:
            assert unquote(place) in {"/simple/", "/simple/acorn/", "/simple/oak-tree/", f"/files/{OAK}"}
        else:
            assert answer.status in {301, 404}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_nothing_but_reading_is_allowed(index: Index, method: str) -> None:
    answer = index.ask("/simple/acorn/", method)

    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["/simple/acorn/", f"/files/{quote(OAK)}", "/nothing", "/simple/Acorn/"])
def test_head_says_what_get_says_without_the_body(index: Index, path: str) -> None:
    head, get = index.ask(path, "HEAD"), index.ask(path)

    assert head.body == b""
    assert head.status == get.status
    assert {**head.headers, "Date": ""} == {**get.headers, "Date": ""}
    assert int(get.headers["Content-Length"]) == len(get.body)
    assert index.send(f"HEAD {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()).endswith(b"\r\n\r\n")


# Parts, and what the client has already


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-9", 0, 9),
        ("bytes=5-5", 5, 5),
        ("bytes=100-", 100, None),
        ("bytes=-7", -7, None),
        ("bytes=0-999999", 0, None),
    ],
)
def test_a_part_of_a_file_can_be_had(index: Index, asked: str, first: int, last: int | None) -> None:
    whole = index.file(OAK).read_bytes()
    answer = index.ask(f"/files/{quote(OAK)}", Range=asked)

    assert answer.status == 206
    assert answer.body == whole[first : None if last is None else last + 1]
    start = first % len(whole)
    assert answer.headers["Content-Range"] == f"bytes {start}-{start + len(answer.body) - 1}/{len(whole)}"


@pytest.mark.parametrize("asked", ["bytes=999999-", "bytes=999999-9999999", "bytes=-0"])
def test_a_part_the_file_does_not_have_is_refused(index: Index, asked: str) -> None:
    answer = index.ask(f"/files/{quote(OAK)}", Range=asked)

    assert (answer.status, answer.headers["Content-Range"]) == (416, f"bytes */{index.file(OAK).stat().st_size}")


@pytest.mark.parametrize(
    "asked", ["bytes=0-1,3-4", "bytes=9-5", "bytes=-", "lines=1-2", "bytes=a-b", "bytes=0-" + "9" * 99, ""]
)
def test_a_range_that_means_nothing_gives_the_whole_file(index: Index, asked: str) -> None:
    answer = index.ask(f"/files/{quote(OAK)}", Range=asked)

    assert (answer.status, answer.body) == (200, index.file(OAK).read_bytes())


@HYPOTHESIS
@given(st.integers(0, 3000), st.integers(0, 3000))
def test_a_part_is_always_that_of_the_file(index: Index, first: int, last: int) -> None:
    whole = index.file(OAK).read_bytes()
    answer = index.ask(f"/files/{quote(OAK)}", Range=f"bytes={first}-{last}")

    expected = whole if last < first else whole[first : last + 1]
    assert answer.body == expected or (answer.status == 416 and first >= len(whole))


def test_a_download_is_resumed_only_where_the_file_is_still_the_same(index: Index) -> None:
    path, whole = f"/files/{quote(OAK)}", index.file(OAK).read_bytes()
    tag = index.ask(path, "HEAD").headers["ETag"]

    assert index.ask(path, Range="bytes=10-", If_Range=tag).body == whole[10:]
    assert index.ask(path, Range="bytes=10-", If_Range='"of another file"').body == whole


def test_what_the_client_has_already_is_not_sent_again(index: Index) -> None:
    path = f"/files/{quote(OAK)}"
    tag = index.ask(path).headers["ETag"]

    assert tag == f'"{sha256(index.file(OAK))}"'
    for known in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        answer = index.ask(path, If_None_Match=known)
        assert (answer.status, answer.body) == (304, b"")
    assert index.ask(path, If_None_Match='"other"').status == 200


def test_having_one_form_of_a_page_is_not_having_the_other(index: Index) -> None:
    tags = {index.ask("/simple/acorn/", Accept=media).headers["ETag"] for media in (JSON, HTML, "text/html")}

    assert len(tags) == 3


# The connection


def test_only_this_machine_can_reach_it(tmp_path: Path) -> None:
    with serve.listen(a_house(tmp_path)) as server:
        assert server.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:1", "[::1]:80"])
def test_the_names_of_this_machine_are_answered(index: Index, host: str) -> None:
    assert index.ask("/simple/", Host=host).status == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "127.0.0.1@evil.example", "", "0.0.0.0"],
)
def test_a_page_from_elsewhere_cannot_ask_under_its_own_name(index: Index, host: str) -> None:
    assert index.ask("/simple/", Host=host).status == 421


def test_a_request_with_no_name_or_two_is_refused(index: Index) -> None:
    assert b" 421 " in index.send(b"GET /simple/ HTTP/1.1\r\n\r\n")
    assert b" 421 " in index.send(b"GET /simple/ HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n")


def test_one_connection_serves_many_requests(index: Index) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", index.port, timeout=10)
    connection.connect()
    used = connection.sock
    for path in ("/simple/", "/nothing", f"/files/{quote(OAK)}", "/simple/Oak.Tree/"):
        connection.request("GET", path)
        connection.getresponse().read()
        assert connection.sock is used
    connection.close()


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_body_nobody_reads_is_never_the_next_request(index: Index, method: str) -> None:
    inner = b"GET /files/nothing HTTP/1.1\r\nHost: localhost\r\n\r\n"
    head = f"{method} /simple/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(inner)}\r\n\r\n".encode()

    assert index.send(head + inner).count(b"HTTP/1.1 ") == 1


@HYPOTHESIS
@given(st.binary(max_size=300) | st.binary(max_size=50).map(lambda data: b"GET /" + data + b" HTTP/1.1\r\n\r\n"))
@pytest.mark.slow
def test_nonsense_is_answered_or_dropped_and_the_next_client_is_served(index: Index, raw: bytes) -> None:
    try:
        received = index.send(raw)
    except ConnectionError:
        received = b""

    assert b" 200 " not in received.partition(b"\r\n")[0]
    assert index.ask("/simple/").status == 200


def test_a_port_that_is_taken_is_said_with_the_way_out(tmp_path: Path, index: Index) -> None:
    with pytest.raises(UsageError, match=f"port {index.port} ") as caught:
        serve.listen(index.house, index.port)
    assert "--port 0" in str(caught.value.hint)


@pytest.mark.slow
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_the_end_of_a_service_are_its_end_and_no_failure(tmp_path: Path, ending: signal.Signals) -> None:
    program = f"""
import sys, pathlib
sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parent.parent)]!r}
from test_serve import a_house
from hephaestus.wheelhouse import serve
serve.serve(a_house(pathlib.Path({str(tmp_path)!r})), lambda url: print(url, flush=True))
print("ended")
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/simple/\n", process.stdout.readline())
        process.send_signal(ending)
        output, errors = process.communicate(timeout=20)

    assert (process.returncode, output, errors) == (0, "ended\n", "")


def test_serving_leaves_the_wheelhouse_as_it_was(index: Index) -> None:
    def files() -> dict[str, str]:
        return {str(path): sha256(path) for path in index.house.root.rglob("*") if path.is_file()}

    before = files()
    index.ask(f"/files/{quote(OAK)}")
    index.ask("/files/new", "PUT")

    assert files() == before


# Those it is for


def client(*words: str | Path, where: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "UV_CACHE_DIR": str(where / "cache"),
        "PIP_CONFIG_FILE": os.devnull,
        "UV_NO_CONFIG": "1",
    }
    return subprocess.run([*map(str, words)], capture_output=True, text=True, check=False, env=environment)


@pytest.mark.slow
def test_pip_downloads_from_it(index: Index, tmp_path: Path) -> None:
    done = client(
        sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-cache-dir", "--no-deps",
        "--index-url", index.url, "--dest", tmp_path / "got", "Oak_Tree", where=tmp_path,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "got" / OAK).read_bytes() == index.file(OAK).read_bytes()


@pytest.mark.slow
def test_pip_finds_the_sdist(index: Index, tmp_path: Path) -> None:
    done = client(
        sys.executable, "-m", "pip", "--disable-pip-version-check", "index", "versions", "--index-url", index.url,
        "acorn", "--no-binary", "acorn", where=tmp_path,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert "acorn (1.1.0)" in done.stdout


@pytest.fixture
def uv() -> str:
    found = system.program("uv")
    if found is None:
        pytest.skip("uv is not installed")
    return str(found)


def test_uv_resolves_from_metadata_alone(
    index: Index, tmp_path: Path, uv: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "hephaestus")
    asked = tmp_path / "requirements.in"
    asked.write_text("acorn\n")
    done = client(
        uv, "pip", "compile", "--no-header", "--no-annotate", "--generate-hashes", "--index-url", index.url, asked,
        where=tmp_path,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert set(re.findall(r"sha256:([0-9a-f]{64})", done.stdout)) == {
        *(wheel.sha256 for wheel in index.house.wheels),
        sha256(index.house.sdist),
    }
    assert "oak-tree==2.0+local.1" in done.stdout
    asked_for = re.findall(r"/files/\S+", caplog.text)
    assert asked_for
    assert all(path.endswith(".metadata") for path in asked_for)


@pytest.mark.slow
def test_uv_installs_from_it(index: Index, tmp_path: Path, uv: str) -> None:
    assert client(uv, "venv", "--python", sys.executable, tmp_path / "env", where=tmp_path).returncode == 0
    python = tmp_path / "env" / "bin" / "python"
    done = client(uv, "pip", "install", "--python", python, "--index-url", index.url, "acorn", where=tmp_path)

    assert done.returncode == 0, done.stderr
    assert client(tmp_path / "env" / "bin" / "acorn", where=tmp_path).stdout == "acorn 1.1.0\n"
