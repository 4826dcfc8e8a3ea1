"""Where a project keeps its version, and the promise that an edit changes nothing else."""

from __future__ import annotations

import codecs
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from hephaestus import system, versions
from hephaestus.errors import UsageError
from hephaestus.project import load
from hephaestus.tree import Directory
from hephaestus.versions import Kind, Place

OLD, NEW = "1.3.0", "1.4.0rc1"
STATIC = f'[project]\nname = "spam-eggs"\nversion = "{OLD}"\n'
DYNAMIC = '[project]\nname = "spam-eggs"\ndynamic = ["version"]\n'
LOCK = f"""\
version = 1
revision = 3
requires-python = ">=3.11"

[[package]]
name = "attrs"
version = "{OLD}"
source = {{ registry = "https://pypi.org/simple" }}
sdist = {{ url = "https://files.example/attrs-{OLD}.tar.gz", hash = "sha256:00" }}

[[package]]
name = "spam-eggs"
version = "{OLD}"
source = {{ editable = "." }}
dependencies = [
    {{ name = "attrs" }},
]

[package.metadata]
requires-dist = [{{ name = "attrs", specifier = "=={OLD}" }}]

[[package]]
name = "zope"
version = "{OLD}"
source = {{ editable = "../zope" }}
"""


def put(root: Path, files: Mapping[str, str | bytes]) -> Directory:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return Directory(root)


def found(root: Path, files: Mapping[str, str | bytes]) -> list[tuple[str, Kind, str]]:
    tree = put(root, files)
    return [(place.path, place.kind, place.version) for place in versions.places(tree, load(tree))]


def refusal(root: Path, files: Mapping[str, str | bytes]) -> UsageError:
    tree = put(root, files)
    with pytest.raises(UsageError) as caught:
        versions.current(tree, load(tree))
    return caught.value


# ---- versions as text


@pytest.mark.parametrize("text", ["1.4.0", "1.4.0rc1", "1!2.0", "2026.8.17", "1.0.post1", "1.0.dev3", "0"])
def test_a_canonical_version_is_taken(text: str) -> None:
    assert str(versions.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "said", "mended"),
    [
        ("v1.4.0", "begins with a v", "1.4.0"),
        ("V1.4.0rc.1", "begins with a v", "1.4.0rc1"),
        ("1.4.0+local.1", "has a local part", "1.4.0"),
        ("1.4.0-rc1", "which is 1.4.0rc1", "1.4.0rc1"),
        ("2026.08.17", "which is 2026.8.17", "2026.8.17"),
        (" 1.4.0", "which is 1.4.0", "1.4.0"),
        ("1!1.4-rc1", "which is 1!1.4rc1", "'1!1.4rc1'"),
    ],
)
def test_another_spelling_is_refused_and_the_hint_holds_the_right_one(text: str, said: str, mended: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        versions.parse(text)
    assert caught.value.hint == f"hephaestus release --version {mended}"


@pytest.mark.parametrize("text", ["", "v", "one", "1.4.x", "1..4", "1.4.0 final", "9" * 5000, "1.0\x1b[2J", "../1.0"])
def test_what_is_no_version_is_refused_without_echoing_control_characters(text: str) -> None:
    with pytest.raises(UsageError, match="is no version as PEP 440 has it") as caught:
        versions.parse(text)
    assert caught.value.hint is not None
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 200


@given(st.text(alphabet="0123456789.!+-_abcdevoprst \n\u00b2\u0661", max_size=12))
def test_parsing_ends_in_a_canonical_version_or_in_a_usage_error_with_a_hint(text: str) -> None:
    try:
        version = versions.parse(text)
    except UsageError as error:
        well = bool(error.hint)
    else:
        well = str(version) == text and version.local is None
    assert well


@pytest.mark.parametrize(
    ("current", "major", "minor", "patch"),
    [
        ("1.3.4", "2.0.0", "1.4.0", "1.3.5"),
        ("1.3", "2.0.0", "1.4.0", "1.3.1"),
        ("1.4.0rc1", "2.0.0", "1.4.0", "1.4.0"),
        ("1.4.2.dev3", "2.0.0", "1.5.0", "1.4.2"),
        ("2.0.0b2", "2.0.0", "2.0.0", "2.0.0"),
        ("1.2.3.4rc1", "2.0.0", "1.3.0", "1.2.4"),
        ("1.0.post1", "2.0.0", "1.1.0", "1.0.1"),
        ("1.0.post1.dev2", "2.0.0", "1.1.0", "1.0.1"),
        ("1!1.0", "1!2.0.0", "1!1.1.0", "1!1.0.1"),
        ("2026.08.17", "2027.0.0", "2026.9.0", "2026.8.18"),
    ],
)
def test_the_version_that_follows(current: str, major: str, minor: str, patch: str) -> None:
    assert [versions.following(current, part) for part in ("major", "minor", "patch")] == [major, minor, patch]


@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=5),
    st.sampled_from(["", "a1", "rc2", ".post3", ".dev4", "rc1.dev2", ".post1.dev2", "+local"]),
    st.sampled_from(["major", "minor", "patch"]),
)
def test_what_follows_is_always_newer_and_final(numbers: list[int], suffix: str, part: str) -> None:
    current = ".".join(map(str, numbers)) + suffix
    following = versions.parse(versions.following(current, part))
    assert following > Version(current)
    assert not following.is_prerelease


def test_another_part_is_refused_naming_the_three() -> None:
    with pytest.raises(UsageError, match="'micro' is none of major, minor and patch"):
        versions.following("1.0", "micro")


def test_nothing_follows_what_is_no_version() -> None:
    with pytest.raises(UsageError, match="nothing can follow 'unknown'"):
        versions.following("unknown", "patch")


# ---- places


def test_the_version_is_found_in_pyproject_in_the_package_and_in_the_lock(tmp_path: Path) -> None:
    files = {"pyproject.toml": STATIC, "src/spam_eggs/__init__.py": f'__version__ = "{OLD}"\n', "uv.lock": LOCK}
    assert found(tmp_path, files) == [
        ("pyproject.toml", Kind.PROJECT, OLD),
        ("src/spam_eggs/__init__.py", Kind.LITERAL, OLD),
        ("uv.lock", Kind.LOCK, OLD),
    ]


@pytest.mark.parametrize(
    "path",
    [
        "src/spam_eggs/_version.py",
        "src/other/__about__.py",
        "spam_eggs/__version__.py",
        "Spam.Eggs/version.py",
        "spam_eggs/about.py",
        "spam_eggs/_about.py",
        "spam_eggs.py",
        "src/spam_eggs.py",
    ],
)
def test_the_files_in_which_packages_say_their_version_are_places(tmp_path: Path, path: str) -> None:
    assert found(tmp_path, {"pyproject.toml": DYNAMIC, path: '__version__ = "2.0"'}) == [(path, Kind.LITERAL, "2.0")]


@pytest.mark.parametrize(
    "path",
    [
        "src/spam_eggs/vendor/__init__.py",
        "src/spam_eggs/core.py",
        "src/spam_eggs/_version.pyi",
        "tests/__init__.py",
        "docs/spam_eggs/__init__.py",
        "docs/spam_eggs.py",
        "__init__.py",
        "src/__init__.py",
        "other.py",
    ],
)
def test_the_version_of_something_else_is_no_place(tmp_path: Path, path: str) -> None:
    assert found(tmp_path, {"pyproject.toml": DYNAMIC, path: '__version__ = "2.0"'}) == []


@pytest.mark.parametrize(
    "table",
    [
        '[tool.hatch.build.targets.wheel]\npackages = ["./lib/eggs/"]',
        '[tool.hatch.build]\npackages = ["lib/eggs"]',
        '[tool.hatch.version]\npath = "lib/eggs/__init__.py"',
        '[tool.pdm.version]\nsource = "file"\npath = "lib/eggs/__init__.py"',
        '[tool.hephaestus]\nversions = ["./lib/eggs/__init__.py"]',
    ],
)
def test_a_package_elsewhere_is_found_where_a_setting_names_it(tmp_path: Path, table: str) -> None:
    files = {"pyproject.toml": f"{DYNAMIC}{table}\n", "lib/eggs/__init__.py": '__version__ = "2.0"'}
    assert found(tmp_path, files) == [("lib/eggs/__init__.py", Kind.LITERAL, "2.0")]


@pytest.mark.parametrize("table", ["version = 1", "version.path = 1", "build = []", "build.packages = 1"])
def test_settings_of_a_build_backend_that_make_no_sense_name_no_place(tmp_path: Path, table: str) -> None:
    files = {"pyproject.toml": f"{DYNAMIC}[tool.hatch]\n{table}\n", "lib/__init__.py": "__version__ = '2.0'"}
    assert found(tmp_path, files) == []


@pytest.mark.parametrize("content", ["", "VERSION = '2.0'", None])
def test_a_named_file_without_a_version_is_an_error_and_not_skipped(tmp_path: Path, content: str | None) -> None:
    files = {"pyproject.toml": f'{STATIC}[tool.hephaestus]\nversions = ["docs/conf.py"]\n'}
    error = refusal(tmp_path, files if content is None else {**files, "docs/conf.py": content})
    assert "docs/conf.py should hold the version" in error.message


@pytest.mark.parametrize(
    "assignment",
    [
        '__version__ = "2.0"',
        "__version__: str = '2.0'  # ours",
        'version = __version__ = """2.0"""',
        '__version__ = (\n    r"2.0"\n)',
        '"\\d"; __version__ = u"2.0"',
    ],
)
def test_any_plain_assignment_of_a_string_is_a_place(tmp_path: Path, assignment: str) -> None:
    files = {"pyproject.toml": DYNAMIC, "spam_eggs/__init__.py": assignment}
    assert found(tmp_path, files) == [("spam_eggs/__init__.py", Kind.LITERAL, "2.0")]


@pytest.mark.parametrize(
    "source",
    [
        "from importlib.metadata import version\n__version__ = version('spam-eggs')",
        "from spam_eggs._version import __version__",
        "__version__: str",
        "__version__ = '.'.join(['2', '0'])",
        "__version__ = b'2.0'",
        "self.__version__ = '2.0'",
        "def show():\n    __version__ = '2.0'",
        "try:\n    from ._v import __version__\nexcept ImportError:\n    __version__ = '0.0.0'",
        "'''\n__version__ = '2.0'\n'''",
    ],
)
def test_a_version_that_is_computed_or_not_the_modules_own_is_no_place(tmp_path: Path, source: str) -> None:
    assert found(tmp_path, {"pyproject.toml": DYNAMIC, "spam_eggs/__init__.py": source}) == []


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ('__version__ = "1.0"\nx = 1\n__version__ = "1.0"', ":3: __version__ is assigned a second time"),
        ('\n__version__ = "1." "0"', ":2: __version__ is not written as one plain string"),
        ('__version__ = ("1.0"\n  "")', ":1: __version__ is not written as one plain string"),
        ('M = 1\n__version__ = f"{M}.0"', ":2: __version__ is an f-string"),
        ("__version__ = 1 +", " cannot be read as Python"),
        ("__version__ = '1.0'\0", " cannot be read as Python"),
        (b"# \xff\n__version__ = '1.0'", " cannot be read as Python"),
        ("# coding: klingon\n__version__ = '1.0'", " cannot be read as Python"),
        ("__version__ = " + "(" * 1000 + "'1.0'" + ")" * 1000, " cannot be read as Python"),
    ],
)
def test_what_cannot_be_replaced_safely_is_refused_with_file_and_line(
    tmp_path: Path, source: str | bytes, said: str
) -> None:
    error = refusal(tmp_path, {"pyproject.toml": DYNAMIC, "spam_eggs/__init__.py": source})
    assert f"spam_eggs/__init__.py{said}" in error.message
    assert shlex.split(error.hint or "")[-1] == "spam_eggs/__init__.py"


def test_a_file_that_says_nothing_of_a_version_need_not_even_be_python(tmp_path: Path) -> None:
    assert found(tmp_path, {"pyproject.toml": DYNAMIC, "spam_eggs/__init__.py": "print 'two'"}) == []


@pytest.mark.parametrize("source", ['editable = "."', 'virtual = "."'])
def test_the_lock_holds_the_version_in_the_projects_own_entry_only(tmp_path: Path, source: str) -> None:
    lock = LOCK.replace('editable = "."', source).replace(
        f'"spam-eggs"\nversion = "{OLD}"', '"spam-eggs"\nversion = "9"'
    )
    assert found(tmp_path, {"pyproject.toml": DYNAMIC, "uv.lock": lock}) == [("uv.lock", Kind.LOCK, "9")]


@pytest.mark.parametrize(
    "lock",
    [
        LOCK.replace(f'"spam-eggs"\nversion = "{OLD}"', '"spam-eggs"'),  # what uv writes where the version is dynamic
        LOCK.replace('"spam-eggs"', '"old-name"'),
        LOCK.replace('editable = "."', 'editable = "packages/eggs"'),
        "version = 1\n",
    ],
)
def test_a_lock_without_the_projects_version_is_no_place(tmp_path: Path, lock: str) -> None:
    assert found(tmp_path, {"pyproject.toml": DYNAMIC, "uv.lock": lock}) == []


@pytest.mark.parametrize("lock", [b"package = [", b"\xff", b"package = 1\n", b"x = " + b"[" * 5000])
def test_a_broken_lock_is_refused_with_the_command_that_makes_a_new_one(tmp_path: Path, lock: bytes) -> None:
    error = refusal(tmp_path, {"pyproject.toml": STATIC, "uv.lock": lock})
    assert "uv.lock cannot be read" in error.message
    assert error.hint == "uv lock"


def test_a_file_the_tag_is_written_to_is_no_place(tmp_path: Path) -> None:
    pyproject = f'{DYNAMIC}[tool.setuptools_scm]\nversion_file = "src/spam_eggs/_version.py"\n'
    tree = put(tmp_path, {"pyproject.toml": pyproject, "src/spam_eggs/_version.py": "__version__ = '1.0.dev3'"})
    assert versions.places(tree, load(tree)) == ()
    assert versions.current(tree, load(tree)) is None


# ---- the current version


def test_the_current_version_is_what_all_places_say(tmp_path: Path) -> None:
    tree = put(tmp_path, {"pyproject.toml": STATIC, "spam_eggs.py": f"__version__ = '{OLD}'", "uv.lock": LOCK})
    assert versions.current(tree, load(tree)) == OLD


def test_a_spelling_that_the_lock_normalizes_is_no_disagreement(tmp_path: Path) -> None:
    lock = LOCK.replace(f'"spam-eggs"\nversion = "{OLD}"', '"spam-eggs"\nversion = "1.4.0rc1"')
    tree = put(tmp_path, {"pyproject.toml": STATIC.replace(OLD, "1.4.0-rc1"), "uv.lock": lock})
    assert versions.current(tree, load(tree)) == "1.4.0-rc1"


def test_places_that_disagree_are_listed_with_what_they_say(tmp_path: Path) -> None:
    files = {"pyproject.toml": STATIC, "spam_eggs/__init__.py": "__version__ = '1.2.9\\x1b[2J'", "uv.lock": LOCK}
    error = refusal(tmp_path, files)
    assert error.message.splitlines()[1:] == [
        f"  pyproject.toml: '{OLD}'",
        r"  spam_eggs/__init__.py: '1.2.9\x1b[2J'",
        f"  uv.lock: '{OLD}'",
    ]
    assert error.hint == "git grep -nE 'version(__)? *[:=]' -- pyproject.toml spam_eggs/__init__.py"


def test_a_stale_lock_alone_is_mended_by_locking(tmp_path: Path) -> None:
    error = refusal(tmp_path, {"pyproject.toml": STATIC.replace(OLD, "2.0"), "uv.lock": LOCK})
    assert error.hint == "uv lock"


def test_a_project_that_says_no_version_anywhere_is_refused_and_the_hint_finds_where_it_might(tmp_path: Path) -> None:
    error = refusal(tmp_path, {"pyproject.toml": DYNAMIC, "setup.cfg": "[metadata]\nversion = 1.0\n"})
    assert "no version found" in error.message
    for command in (["git", "init", "--quiet"], ["git", "add", "."]):
        system.run(command, cwd=tmp_path)
    assert "setup.cfg:2:version = 1.0" in system.run(shlex.split(error.hint or ""), cwd=tmp_path).output


# ---- replacing

ends = st.sampled_from(["\n", "\r\n"])
space = st.sampled_from(["", " ", "  ", "\t"])
toml_quotes = st.sampled_from(['"', "'", '"""', "'''"])
toml_keys = st.sampled_from(["version", '"version"', "'version'"])
toml_top = st.lists(
    st.sampled_from(
        [
            f'version = "{OLD}"',
            f"# project.version = '{OLD}'",
            f'"project.version" = "{OLD}"',
            f"text = '''{OLD}\nversion = \"{OLD}\"'''",
            "odd = [nan, inf, 1, 1.0, true]",
            "",
        ]
    ),
    unique_by=lambda line: line.split(" ")[0],
)
toml_keys_of_project = st.lists(
    st.sampled_from(
        [
            f'description = "version = \\"{OLD}\\" of \u00e9\u65e5"',
            f'dependencies = ["eggs=={OLD}", "{OLD}"]  # "{OLD}"',
            f'scripts = {{ version = "{OLD}" }}',
            f"\t# version = '{OLD}'",
        ]
    ),
    unique=True,
)
toml_tables = st.lists(
    st.sampled_from(
        [
            f'[tool.poetry]\nversion = "{OLD}"',
            f'[tool.project]\nversion = "{OLD}"',
            f"[project.urls]\nversion = '{OLD}'",
            f'[[lists.project]]\nversion = "{OLD}"',
            f'[ other ]\nproject = {{ version = "{OLD}" }}',
        ]
    ),
    unique=True,
)


@st.composite
def tomls(draw: st.DrawFn) -> tuple[str, str]:
    """Make a pyproject.toml with decoys, cut in two where the version stands."""
    quote, key = draw(toml_quotes), draw(toml_keys)
    written = f"{key}{draw(space)}={draw(space)}{quote}"
    inside = draw(toml_keys_of_project)
    cut = draw(st.integers(0, len(inside)))
    lines, more = [*draw(toml_top)], draw(toml_tables)
    match draw(st.sampled_from(["table", "inline", "dotted"])):
        case "table":
            start = "\n".join(
                [*lines, draw(st.sampled_from(["[project]", "[ project ]", '["project"]'])), *inside[:cut]]
            )
            start, stop = f"{start}\n{draw(space)}{written}", f'{quote} # "{OLD}"\n' + "\n".join([*inside[cut:], *more])
        case "inline":
            lines.append(f'project = {{ name = "{OLD}", {written}')
            more = [table for table in more if not table.startswith("[project.")]
            start, stop = "\n".join(lines), f'{quote}, readme = "{OLD}" }}\n' + "\n".join(more)
        case _:
            lines.append(f'project.name = "{OLD}"\nproject{draw(space)}.{written}')
            more = [table for table in more if not table.startswith("[project.")]
            start, stop = "\n".join(lines), f"{quote}\nproject.readme = '{OLD}'\n" + "\n".join(more)
    end = draw(ends)
    return start.replace("\n", end), stop.replace("\n", end)


@given(tomls())
@pytest.mark.slow
def test_in_toml_only_the_bytes_of_the_version_change(halves: tuple[str, str]) -> None:
    start, stop = halves
    place = Place("pyproject.toml", Kind.PROJECT, OLD)
    assert versions.replace(place, f"{start}{OLD}{stop}".encode(), NEW) == f"{start}{NEW}{stop}".encode()


python_decoys = st.lists(
    st.sampled_from(
        [
            f'"""A docstring with __version__ = "{OLD}"."""',
            f'# __version__ = "{OLD}"',
            f'VERSION = "{OLD}"',
            f"__version_info__ = ('{OLD}', True, 1, 1.0)",
            f'def show():\n    __version__ = "{OLD}"\n    return "{OLD}"',
            f'class A:\n\t__version__ = "{OLD}"',
            f'data = {{"__version__": "{OLD}"}}',
            'name = "\u00fcber \u65e5\u672c \U0001f40d\x0c \u2028"',
            'pattern = "\\d"',
            "",
        ]
    )
)
python_assignments = st.sampled_from(
    [
        ("__version__ = ", ""),
        ("__version__=", f"  # was '{OLD}'"),
        ("__version__: str = ", ""),
        ("version = __version__ = ", "; other = 1"),
        (f'\u00e9 = "\u65e5{OLD}"; x = "{OLD}"; __version__ = ', ""),
        ("__version__ = (\n    # why\n    ", "\n)"),
        ("__version__ \\\n = ", ""),
    ]
)


@given(
    before=python_decoys,
    around=python_assignments,
    quote=st.sampled_from(['"', "'", '"""', "'''"]),
    prefix=st.sampled_from(["", "r", "u", "R", "U"]),
    after=python_decoys,
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    mark=st.sampled_from([b"", codecs.BOM_UTF8]),
)
@pytest.mark.slow
def test_in_python_only_the_bytes_of_the_version_change(
    *, before: list[str], around: tuple[str, str], quote: str, prefix: str, after: list[str], end: str, mark: bytes
) -> None:
    start = "\n".join([*before, around[0]]).replace("\n", end) + prefix + quote
    stop = quote + "\n".join([around[1], *after]).replace("\n", end)
    place = Place("spam_eggs.py", Kind.LITERAL, OLD)
    data = mark + f"{start}{OLD}{stop}".encode()
    assert versions.replace(place, data, NEW) == mark + f"{start}{NEW}{stop}".encode()


def test_a_python_file_in_another_encoding_keeps_it() -> None:
    data = f"# coding: latin-1\nauthor = 'J\u00f6rg'; __version__ = '{OLD}'\n".encode("latin-1")
    edited = versions.replace(Place("spam_eggs.py", Kind.LITERAL, OLD), data, NEW)
    assert edited == data.replace(OLD.encode(), NEW.encode())


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_in_the_lock_only_the_projects_own_entry_changes(end: str) -> None:
    lock = LOCK.replace("\n", end)
    own = f'"spam-eggs"{end}version = '
    edited = versions.replace(Place("uv.lock", Kind.LOCK, OLD), lock.encode(), NEW)
    assert edited.decode() == lock.replace(f'{own}"{OLD}"', f'{own}"{NEW}"')


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (Kind.PROJECT, '[project]\nversion = "1.2.0"\nname = "1.3.0"\n'),  # says another version
        (Kind.PROJECT, '[project]\nversion = "1.3\\u002E0"\n'),
        (Kind.PROJECT, "[tool.poetry]\nversion = '1.3.0'\n"),
        (Kind.PROJECT, "[[project]]\nversion = '1.3.0'\n"),
        (Kind.PROJECT, "[project\nversion = '1.3.0'\n"),
        (Kind.LITERAL, "__version__ = '1.2.0'\nx = '1.3.0'\n"),
        (Kind.LITERAL, "__version__ = '1.3' '.0'\nx = '1.3.0'\n"),
        (Kind.LITERAL, "__version__ = f'1.3.0'\n"),
        (Kind.LITERAL, "__version__ = '1.3.0'\n__version__ = '1.3.0'\n"),
        (Kind.LITERAL, "__version__ = = '1.3.0'\n"),
        (Kind.LOCK, LOCK.replace('editable = "."', 'editable = "elsewhere"')),
        (Kind.LOCK, LOCK.replace("version =", "version=")),  # no lock as uv writes it
    ],
)
def test_an_edit_that_would_not_be_exact_is_refused(kind: Kind, data: str) -> None:
    with pytest.raises(UsageError, match=r"the file: '1\.3\.0' cannot be replaced by '1\.4\.0rc1'") as caught:
        versions.replace(Place("the file", kind, OLD), data.encode(), NEW)
    assert caught.value.hint == ("uv lock" if kind is Kind.LOCK else "git grep -nE 'version(__)? *[:=]' -- 'the file'")


@pytest.mark.parametrize("new", ['2.0"\nname = "evil', '2.0"; import os; "', "2.0\\", "2.0\n", "2.0\udc80"])
@pytest.mark.parametrize("kind", Kind)
def test_a_new_version_cannot_smuggle_anything_else_in(kind: Kind, new: str) -> None:
    data = {Kind.PROJECT: STATIC, Kind.LITERAL: f'__version__ = "{OLD}"\n', Kind.LOCK: LOCK}[kind].encode()
    with pytest.raises(UsageError, match="cannot be replaced"):
        versions.replace(Place("file", kind, OLD), data, new)


def test_replacing_a_version_by_itself_changes_nothing() -> None:
    assert versions.replace(Place("pyproject.toml", Kind.PROJECT, OLD), STATIC.encode(), OLD) == STATIC.encode()


@pytest.mark.parametrize("new", ["1.4.0", "2.0.0rc1"])
def test_uv_agrees_with_an_edited_lock(tmp_path: Path, new: str) -> None:
    uv = system.program("uv")
    assert uv is not None, "uv belongs to the test group"

    def lock(*options: str) -> int:
        places = {"UV_CACHE_DIR": str(tmp_path / "cache"), "UV_NO_CONFIG": "1", "UV_PYTHON_DOWNLOADS": "never"}
        command = [uv, "lock", "--offline", "--python", sys.executable, *options]
        return system.run(command, cwd=tmp_path, extra=places, check=False).code

    tree = put(tmp_path, {"pyproject.toml": STATIC + 'requires-python = ">=3.11"\n'})
    assert lock() == 0
    pyproject, own_entry = versions.places(tree, load(tree))
    tree.write("pyproject.toml", versions.replace(pyproject, (tmp_path / "pyproject.toml").read_bytes(), new))
    assert lock("--check") != 0
    tree.write("uv.lock", versions.replace(own_entry, (tmp_path / "uv.lock").read_bytes(), new))
    assert lock("--check") == 0


def test_an_edited_module_says_the_new_version_when_it_is_imported(tmp_path: Path) -> None:
    module = tmp_path / "spam_eggs.py"
    module.write_bytes(b"\xef\xbb\xbf# \xc3\xa9\r\nname = 'x'; __version__ = '''1.3.0'''\r\n")
    module.write_bytes(versions.replace(Place("spam_eggs.py", Kind.LITERAL, OLD), module.read_bytes(), NEW))
    shown = subprocess.check_output([sys.executable, "-c", "import spam_eggs as s; print(s.__version__)"], cwd=tmp_path)
    assert shown.decode().strip() == NEW


# ---- tags


def test_tags_are_ordered_by_version_and_not_by_text() -> None:
    tags = ["v1.9.0", "v1.10.0", "v1.10.0rc1", "v1.10.0.post1", "v0.1"]
    ordered = [tag for _, tag in versions.order(tags, "v{version}")]
    assert ordered == ["v1.10.0.post1", "v1.10.0", "v1.10.0rc1", "v1.9.0", "v0.1"]


@pytest.mark.parametrize(
    ("template", "tag"),
    [("v{version}", "v1.0"), ("{version}", "1.0"), ("spam-{version}", "spam-1.0"), ("r{version}-final", "r1.0-final")],
)
def test_a_tag_of_another_template_is_ignored(template: str, tag: str) -> None:
    others = ["nightly", "v", "", "vv1.0", "v1.0-final", "spam-v1.0", "vspam", "v" + "9" * 5000, "v\u0661.0", "r-final"]
    tags = [*others, "v1.0", "1.0", "spam-1.0", "r1.0-final"]
    assert versions.order(tags, template) == [(Version("1.0"), tag)]


def test_the_overlap_of_prefix_and_suffix_is_no_match() -> None:
    assert versions.order(["aba"], "ab{version}ba") == []


@pytest.mark.parametrize(
    ("tags", "template"),
    [
        ([], "v{version}"),
        (["nightly", "latest"], "v{version}"),
        (["v1.0", "v1.1"], "v{version}"),
        (["1.0", "1.1"], "{version}"),
        (["v0.9", "1.0"], "{version}"),
        (["0.9", "v1.0"], "v{version}"),
        (["v1.0", "1.0"], "v{version}"),
        (["spam-eggs-1.0", "v0.1"], "spam-eggs-{version}"),
        (["spam-eggs-v1.0"], "spam-eggs-v{version}"),
        (["spam_eggs-1.0"], "spam_eggs-{version}"),
        (["Spam_Eggs/v1.0"], "Spam_Eggs/v{version}"),
        (["spam-eggs@1.0"], "spam-eggs@{version}"),
        (["release-1.0"], "release-{version}"),
        (["other-9.0", "v1.0"], "v{version}"),
    ],
)
def test_the_template_in_use_is_that_of_the_highest_version(tags: list[str], template: str) -> None:
    assert versions.template(iter(tags), "Spam_Eggs") == template
