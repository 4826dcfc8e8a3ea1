"""Locks: five tools wrote the same down, and every reader says the same; what is broken or hostile is refused."""

import contextlib
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.version import Version

from hephaestus.errors import UsageError
from hephaestus.tree import Directory
from hephaestus.wheelhouse.locks import File, Lock, Package, find, stale
from hephaestus.wheelhouse.locks.declared import declared
from hephaestus.wheelhouse.target import parse

DATA = Path(__file__).parent.parent / "data" / "locks"
PYPROJECT = tomllib.loads((DATA / "pyproject.toml").read_text())
POETRY = tomllib.loads((DATA / "pyproject-poetry.toml").read_text())

# How each was written; the name it has in a project comes first.
KINDS = {
    "uv": ("uv.lock", "uv.lock", PYPROJECT),
    "pylock": ("pylock.toml", "pylock.toml", PYPROJECT),
    "poetry": ("poetry.lock", "poetry.lock", PYPROJECT),
    "poetry 2.0": ("poetry.lock", "poetry-2.0.lock", POETRY),
    "poetry 2.0, standard tables": ("poetry.lock", "poetry-2.0.lock", PYPROJECT),
    "pdm": ("pdm.lock", "pdm.lock", PYPROJECT),
    "pdm with addresses": ("pdm.lock", "pdm-static.lock", PYPROJECT),
    "pdm without groups": ("pdm.lock", "pdm-walk.lock", PYPROJECT),
    "requirements": ("requirements.txt", "requirements.txt", PYPROJECT),
}
LINUX = parse("cp311-manylinux_2_28_x86_64").environments[0]
WINDOWS = parse("cp312-win_amd64").environments[0]
NEWER = parse("cp312-manylinux_2_28_x86_64").environments[0]

BASE = {"anyio": "4.16.0", "click": "8.5.1", "idna": "3.20", "typing-extensions": "4.16.0"}
WEB = {"certifi": "2026.10.18", "h11": "0.16.0", "httpcore": "1.0.9", "httpx": "0.28.1", "socksio": "1.0.0"}
DOCS = {"iniconfig": "2.3.1", "markdown-it-py": "4.3.0", "mdurl": "0.1.2"}
A, B = "a" * 64, "b" * 64


def opened(root: Path, kind: str) -> Lock:
    name, stored, document = KINDS[kind]
    (root / name).write_bytes((DATA / stored).read_bytes())
    lock = find(Directory(root), document, name)
    assert lock is not None
    return lock


def written(root: Path, name: str, text: str, document: dict = PYPROJECT) -> Lock:
    (root / name).write_text(text)
    lock = find(Directory(root), document, name)
    assert lock is not None
    return lock


def versions(lock: Lock, environment, extras=(), groups=()) -> dict[str, str]:
    found = lock.packages(environment, frozenset(extras), frozenset(groups))
    return {package.name: str(package.version) for package in found}


def uv_lock(root: Path, dependencies: str, *packages: str) -> Lock:
    own = f'[[package]]\nname = "lantern"\nversion = "1"\nsource = {{ editable = "." }}\ndependencies = [{dependencies}]\n'
    return written(root, "uv.lock", "\n".join(['version = 1\nrequires-python = ">=3.11"', own, *packages]))


def entry(name: str, version: str = "1", more: str = "", *, url: str | None = None, sha256: str = A) -> str:
    url = url or f"https://files.example.org/{name}-{version}-py3-none-any.whl"
    return (
        f'[[package]]\nname = "{name}"\nversion = "{version}"\nsource = {{ registry = "https://index.example.org/simple" }}\n'
        f'wheels = [{{ url = "{url}", hash = "sha256:{sha256}", size = 5 }}]\n{more}\n'
    )


@pytest.mark.parametrize("kind", KINDS)
def test_all_tools_lock_the_same_for_the_older_python_on_linux(tmp_path, kind) -> None:
    assert versions(opened(tmp_path, kind), LINUX) == BASE | {"docutils": "0.20.1"}


@pytest.mark.parametrize("kind", KINDS)
def test_all_tools_lock_the_same_for_the_newer_python_on_windows(tmp_path, kind) -> None:
    assert versions(opened(tmp_path, kind), WINDOWS) == BASE | {"docutils": "0.23", "colorama": "0.4.6"}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "requirements"])
def test_all_tools_lock_the_same_for_an_extra_with_extras_of_its_own(tmp_path, kind) -> None:
    lock, base = opened(tmp_path, kind), BASE | {"docutils": "0.20.1"}

    assert versions(lock, LINUX, ["web"]) == base | WEB
    assert versions(lock, LINUX, ["web", "ALL"]) == base | WEB | {"tomli-w": "1.2.0"}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "requirements"])
def test_all_tools_lock_the_same_for_a_group_that_includes_another(tmp_path, kind) -> None:
    lock, base = opened(tmp_path, kind), BASE | {"docutils": "0.23"}

    assert versions(lock, NEWER, groups=["docs"]) == base | DOCS
    assert versions(lock, NEWER, groups=["test"]) == base | {"iniconfig": "2.3.1"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_is_known_by_its_sha256(tmp_path, kind) -> None:
    click = next(
        each for each in opened(tmp_path, kind).packages(LINUX, frozenset(), frozenset()) if each.name == "click"
    )

    assert {file.sha256[:6] for file in click.files} == {"8bb537", "9bbfad"}
    names = {"click-8.5.1-py3-none-any.whl", "click-8.5.1.tar.gz"}
    assert {file.name for file in click.files} == ({""} if kind == "requirements" else names)
    with_addresses = kind in {"uv", "pylock", "pdm with addresses"}
    assert {(file.url or "").partition("click-")[0] for file in click.files} == (
        {"https://files.example.org/packages/"} if with_addresses else {""}
    )


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "requirements"])
def test_an_extra_that_was_not_locked_is_named(tmp_path, kind) -> None:
    with pytest.raises(UsageError, match=r"no extra.* nonsense") as raised:
        opened(tmp_path, kind).packages(LINUX, frozenset({"nonsense"}), frozenset())

    assert raised.value.hint


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "requirements"])
def test_a_python_that_was_not_locked_for_is_named(tmp_path, kind) -> None:
    with pytest.raises(UsageError, match=r"3\.10"):
        opened(tmp_path, kind).packages(parse("cp310-win_amd64").environments[0], frozenset(), frozenset())


def test_a_lock_for_later_patch_releases_is_for_the_minor_version(tmp_path) -> None:
    text = (DATA / "uv.lock").read_text().replace('requires-python = ">=3.11"', 'requires-python = ">=3.11.4"')

    assert "click" in versions(written(tmp_path, "uv.lock", text), LINUX)


def test_a_pylock_that_names_no_extras_holds_them_all(tmp_path) -> None:
    (tmp_path / "pylock.all.toml").write_bytes((DATA / "pylock.all.toml").read_bytes())
    lock = find(Directory(tmp_path), PYPROJECT, "pylock.all.toml")

    assert versions(lock, LINUX, ["web"]).keys() >= {*BASE, *WEB}


def test_the_first_lock_there_is_is_found(tmp_path) -> None:
    tree = Directory(tmp_path)

    assert find(tree, PYPROJECT) is None
    for name in ("requirements.txt", "pdm.lock", "poetry.lock", "pylock.toml", "uv.lock"):
        (tmp_path / name).write_bytes((DATA / name).read_bytes())
        found = find(tree, PYPROJECT)
        assert (found.source, found.data) == (name, (DATA / name).read_bytes())


@pytest.mark.parametrize(
    "text", ["click==8.5.1\n", "", "-e .\n", f"click==1 --hash=sha256:{A}\nidna==3\n", f"click --hash=sha256:{A}\n"]
)
def test_requirements_that_were_not_locked_are_no_lock_unless_they_are_named(tmp_path, text) -> None:
    (tmp_path / "requirements.txt").write_text(text)

    assert find(Directory(tmp_path), PYPROJECT) is None
    with pytest.raises(UsageError):
        find(Directory(tmp_path), PYPROJECT, "requirements.txt")


@pytest.mark.parametrize("named", ["uv.lock", "pylock.nothing.toml", "Pipfile", "../uv.lock", "pylock.a.b.toml"])
def test_a_named_lock_that_is_missing_or_of_no_known_kind_is_refused(tmp_path, named) -> None:
    (tmp_path / "Pipfile").touch()

    with pytest.raises(UsageError) as raised:
        find(Directory(tmp_path), PYPROJECT, named)

    assert raised.value.hint


def test_requirements_are_read_as_pip_reads_them(tmp_path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "base.txt").write_text(f"idna==3.20 --hash=sha256:{A}\n-r ../requirements.txt\n")
    text = f"""\
\ufeff# a comment
--index-url https://robin:secret@index.example.org/simple
--require-hashes
-c constraints.txt
-r more/base.txt
Click[extra]==8.5.1 ; sys_platform == "linux" \\
    --hash=sha256:{A} \\
    --hash=sha256:{B.upper()}  # via lantern
    # and others
colorama==0.4.6 ; sys_platform == "win32" --hash=sha256:{A}
"""
    found = written(tmp_path, "requirements.txt", text).packages(LINUX, frozenset(), frozenset())

    assert found == [
        Package("click", Version("8.5.1"), (File("", A), File("", B))),
        Package("idna", Version("3.20"), (File("", A),)),
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("-e .", "local path"),
        ("./click-1-py3-none-any.whl", "local path"),
        ("git+https://example.org/click.git", "an address"),
        (f"click @ https://robin:secret@example.org/click-1.zip --hash=sha256:{A}", "address"),
        ("click==1", "no hash"),
        (f"click>=1 --hash=sha256:{A}", "not pinned"),
        (f"click==1.* --hash=sha256:{A}", "not pinned"),
        ("click==1 --hash=md5:d41d8cd98f00b204e9800998ecf8427e", "no sha256"),
        ("--no-binary :all:", "--no-binary"),
        ("--install-everything", "not known"),
        ("-r ../../../etc/passwd", "not in the project"),
        ("what is this", "cannot be read"),
    ],
)
def test_requirements_a_wheelhouse_cannot_be_made_of_are_named_with_their_line(tmp_path, line, said) -> None:
    with pytest.raises(UsageError, match=said) as raised:
        written(tmp_path, "requirements.txt", f"idna==3.20 --hash=sha256:{A}\n{line}\n")

    assert "line 2" in raised.value.message
    assert "secret" not in raised.value.message


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ('git = "https://robin:secret@example.org/x.git?rev=1#abc"', "version control"),
        ('editable = "packages/x"', "local directory"),
        ('path = "x-1-py3-none-any.whl"', "local file"),
    ],
)
def test_a_dependency_no_hash_covers_is_named_where_it_is_needed_only(tmp_path, source, said) -> None:
    foreign = f'[[package]]\nname = "x"\nversion = "1"\nsource = {{ {source} }}\n'
    lock = uv_lock(tmp_path, '{ name = "x", marker = "sys_platform == \'win32\'" }', foreign)

    assert versions(lock, LINUX) == {}
    with pytest.raises(UsageError, match=f"x comes from .*{said}") as raised:
        lock.packages(WINDOWS, frozenset(), frozenset())
    assert "secret" not in raised.value.message


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "pylock.toml",
            'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "x"\nvcs = { type = "git", url = "https://example.org", commit-id = "1" }',
        ),
        ("pylock.toml", 'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "x"\ndirectory = { path = "x" }'),
        (
            "pdm.lock",
            '[metadata]\ngroups = ["default"]\nstrategy = ["inherit_metadata"]\nlock_version = "4.5.0"\n[[package]]\nname = "x"\nversion = "1"\ngroups = ["default"]\npath = "./x"',
        ),
        (
            "poetry.lock",
            '[[package]]\nname = "x"\nversion = "1"\ngroups = ["main"]\nfiles = []\n[package.source]\ntype = "directory"\nurl = "x"\n[metadata]\nlock-version = "2.1"',
        ),
    ],
)
def test_every_kind_of_lock_refuses_what_no_hash_covers(tmp_path, name, text) -> None:
    with pytest.raises(UsageError, match="x comes from a"):
        written(tmp_path, name, text).packages(LINUX, frozenset(), frozenset())


def test_the_project_itself_is_no_dependency_of_its_pylock(tmp_path) -> None:
    own = '[[packages]]\nname = "lantern"\ndirectory = { path = ".", editable = true }\n'

    assert versions(written(tmp_path, "pylock.toml", f'lock-version = "1.0"\ncreated-by = "x"\n{own}'), LINUX) == {}


def test_a_circle_of_dependencies_ends(tmp_path) -> None:
    needs = 'dependencies = [{{ name = "{}" }}]'.format
    lock = uv_lock(tmp_path, '{ name = "x" }', entry("x", more=needs("y")), entry("y", more=needs("x")), entry("z"))

    assert versions(lock, LINUX) == {"x": "1", "y": "1"}


def test_two_versions_at_once_are_refused(tmp_path) -> None:
    both = '{ name = "x", version = "1" }, { name = "x", version = "2" }'

    with pytest.raises(UsageError, match="two versions at once, 1 and 2"):
        uv_lock(tmp_path, both, entry("x"), entry("x", "2")).packages(LINUX, frozenset(), frozenset())


def test_extras_that_exclude_each_other_are_told_apart(tmp_path) -> None:
    edges = ", ".join(
        f'{{ name = "x", version = "{n}", marker = "extra == \'extra-7-lantern-{e}\'" }}'
        for n, e in ((1, "old"), (2, "new"))
    )
    extras = "[package.optional-dependencies]\nold = []\nnew = []\n"
    own = f'[[package]]\nname = "lantern"\nversion = "1"\nsource = {{ virtual = "." }}\ndependencies = [{edges}]\n{extras}'
    lock = written(tmp_path, "uv.lock", f"version = 1\n{own}\n{entry('x')}\n{entry('x', '2')}")

    assert [versions(lock, LINUX, extras) for extras in ([], ["old"], ["new"])] == [{}, {"x": "1"}, {"x": "2"}]


def test_a_registry_that_is_a_directory_gives_its_files_an_address_only_where_it_has_one(tmp_path) -> None:
    def packages(registry: str) -> str:
        return (
            f'[[package]]\nname = "x"\nversion = "1+local"\nsource = {{ registry = "{registry}" }}\n'
            f'wheels = [{{ path = "x-1+local-py3-none-any.whl", hash = "sha256:{A}" }}]\n'
        )

    def url(registry: str) -> str | None:
        [package] = uv_lock(tmp_path, '{ name = "x" }', packages(registry)).packages(LINUX, frozenset(), frozenset())
        assert package.files[0].name == "x-1+local-py3-none-any.whl"
        return package.files[0].url

    assert url("../wheels") is None
    assert url("https://example.org/all") == "https://example.org/all/x-1%2Blocal-py3-none-any.whl"


@pytest.mark.parametrize(
    ("wheel", "said"),
    [
        ({"url": "https://example.org/..%2f..%2fx-1-py3-none-any.whl"}, "no name of a file"),
        ({"url": "https://example.org/x%00-1-py3-none-any.whl"}, "no name of a file"),
        ({"url": "https://example.org/C:%5Cx-1-py3-none-any.whl"}, "no name of a file"),
        ({"url": "https://example.org/"}, "no name of a file"),
        ({"url": "https://example.org/y-1-py3-none-any.whl"}, "not of x 1"),
        ({"url": "https://example.org/x-2-py3-none-any.whl"}, "not of x 1"),
        ({"url": "https://example.org/y-1.tar.gz"}, "not of x 1"),
        ({"url": "ftp://example.org/x-1-py3-none-any.whl"}, "none a file can be fetched from"),
        ({"url": "https://[::1/x-1-py3-none-any.whl"}, "cannot be read"),
        ({"url": "https://robin:secret@example.org/x-1-py3-none-any.whl"}, "password"),
        ({"sha256": "abc"}, "no sha256"),
        ({"sha256": "g" * 64}, "no sha256"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_refused_and_no_password_shown(tmp_path, wheel, said) -> None:
    lock = uv_lock(tmp_path, '{ name = "x" }', entry("x", **wheel))

    with pytest.raises(UsageError, match=said) as raised:
        lock.packages(LINUX, frozenset(), frozenset())
    assert "secret" not in f"{raised.value.message} {raised.value.hint}"
    assert raised.value.hint == "uv lock"


def test_kinds_of_files_no_installer_takes_are_left_out(tmp_path) -> None:
    lock = uv_lock(tmp_path, '{ name = "x" }', entry("x", url="https://example.org/x-1-py3.11.egg"))

    assert lock.packages(LINUX, frozenset(), frozenset()) == [Package("x", Version("1"), ())]


@pytest.mark.parametrize("name", ["uv.lock", "pylock.toml", "poetry.lock", "pdm.lock"])
@pytest.mark.parametrize(
    "text",
    ["", "= 1", "\0", "a = " + "[" * 9999, "package = 5", "packages = [1]", "metadata = 5", f"version = {'9' * 5000}"],
)
def test_what_is_no_lock_is_refused_with_a_command(tmp_path, name, text) -> None:
    with pytest.raises(UsageError) as raised:
        written(tmp_path, name, text).packages(LINUX, frozenset(), frozenset())

    assert raised.value.hint


_VALUES = ["5", "-1", "true", "[]", "{}", '""', '"?"', "[5]", "[[]]", "[{}]", "1979-05-27", '"' + "(" * 3000 + '"']


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_lock_with_any_value_of_another_type_is_read_or_refused(tmp_path, kind, data) -> None:
    name, stored, document = KINDS[kind]
    text = (DATA / stored).read_text()
    found = list(re.finditer(r'(?<= = )"[^"\n]*"|(?<= = )\[[^\[\]]*\]|\S+', text))
    place = data.draw(st.sampled_from(found))
    broken = text[: place.start()] + data.draw(st.sampled_from(_VALUES)) + text[place.end() :]

    with contextlib.suppress(UsageError):
        written(tmp_path, name, broken, document).packages(LINUX, frozenset({"all"}), frozenset({"docs"}))


@pytest.mark.parametrize("kind", KINDS)
def test_a_lock_that_covers_what_the_project_asks_for_is_not_stale(tmp_path, kind) -> None:
    for environment in (LINUX, WINDOWS, NEWER):
        packages = opened(tmp_path, kind).packages(environment, frozenset(), frozenset())
        assert stale(packages, declared(PYPROJECT), environment) == []


def test_what_a_stale_lock_lacks_is_named(tmp_path) -> None:
    packages = opened(tmp_path, "uv").packages(LINUX, frozenset(), frozenset())
    asked = map(Requirement, ["Click>=9", "rich", "idna", "winshell; sys_platform == 'win32'", "anyio>=4.0rc1"])

    assert stale(packages, asked, LINUX) == [
        "Click>=9 is asked for, but the lock has Click 8.5.1",
        "rich is asked for, but the lock has no rich",
    ]


def test_what_a_project_declares_follows_its_own_extras_and_included_groups() -> None:
    document = {
        "project": {
            "name": "Lantern",
            "dependencies": ["a"],
            "optional-dependencies": {"x": ["b", "lantern[y_z]"], "Y.z": ["c", "lantern[x]"]},
        },
        "dependency-groups": {"test": ["d", "lantern[x]"], "dev": [{"include-group": "test"}, "e"]},
    }

    assert [str(each) for each in declared(document)] == ["a"]
    assert sorted(str(each) for each in declared(document, ["x"])) == ["a", "b", "c"]
    assert sorted(str(each) for each in declared(document, [], ["dev"])) == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize(
    "document",
    [
        {"project": 5},
        {"project": {"dependencies": "a"}},
        {"project": {"dependencies": ["a ==="]}},
        {"project": {}, "dependency-groups": {"dev": [{"include-group": "dev"}]}},
        {"project": {}, "dependency-groups": {"dev": 5}},
        {"project": {}, "dependency-groups": {"dev": [5]}},
        {"project": {}, "dependency-groups": {}},
    ],
)
def test_declarations_that_cannot_be_read_are_refused(document) -> None:
    with pytest.raises(UsageError) as raised:
        declared(document, [], ["dev"])

    assert raised.value.hint


def test_an_extra_of_a_dependency_is_left_out_where_nobody_asked_for_it(tmp_path) -> None:
    document = {"project": {"name": "lantern", "dependencies": ["httpx"]}}
    lock = written(tmp_path, "pdm.lock", (DATA / "pdm-walk.lock").read_text(), document)

    found = versions(lock, LINUX)

    assert "httpx" in found
    assert "socksio" not in found
