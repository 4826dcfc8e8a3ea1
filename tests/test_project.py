"""What is read from pyproject.toml, and how what cannot be used is refused."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hephaestus import system
from hephaestus.errors import UsageError
from hephaestus.project import GitHubSettings, Project, load
from hephaestus.tree import Directory

MINIMAL = '[project]\nname = "Spam_Eggs"\nversion = "1.3.0"\n'


def project(root: Path, pyproject: str | bytes) -> Project:
    data = pyproject.encode() if isinstance(pyproject, str) else pyproject
    (root / "pyproject.toml").write_bytes(data)
    return load(Directory(root))


def refusal(root: Path, pyproject: str | bytes) -> UsageError:
    with pytest.raises(UsageError) as caught:
        project(root, pyproject)
    assert shutil.which(shlex.split(caught.value.hint or "")[0]), "a hint begins with a program"
    return caught.value


def test_a_project_without_settings_gets_the_usual_ones(tmp_path: Path) -> None:
    read = project(tmp_path, MINIMAL)
    assert (read.name, read.normalized, read.version) == ("Spam_Eggs", "spam-eggs", "1.3.0")
    assert (read.changelog, read.commit_message) == ("CHANGELOG.md", "chore: Prepare release {tag}")
    assert (read.tag, read.forge, read.remote, read.smoke, read.version_files) == (None, None, None, None, ())
    assert not read.version_from_tag


def test_every_setting_is_read(tmp_path: Path) -> None:
    read = project(
        tmp_path,
        f"""{MINIMAL}
[tool.hephaestus]
changelog = "docs/changes.md"
commit-message = "Release {{version}} as {{tag}}"
forge = "directory:/srv/releases"
remote = "upstream"
smoke = "spam --version"
tag = "spam-{{version}}"
versions = ["docs/conf.py", "./setup.py"]
""",
    )
    assert (read.changelog, read.commit_message) == ("docs/changes.md", "Release {version} as {tag}")
    assert (read.forge, read.remote, read.smoke) == ("directory:/srv/releases", "upstream", "spam --version")
    assert (read.tag, read.version_files) == ("spam-{version}", ("docs/conf.py", "setup.py"))


def test_what_is_wanted_of_github_is_read_and_all_of_it_may_be_left_out(tmp_path: Path) -> None:
    assert project(tmp_path, MINIMAL).github == GitHubSettings()

    read = project(
        tmp_path,
        f"""{MINIMAL}
[tool.hephaestus.github]
announce = "Announcements"
assignees = ["robin"]
board = "oak/3"
board-status = "Out"
checklist = "docs/checklist.md"
comment = false
generated-notes = true
labels = ["release"]
milestone = "Acorn {{version}}"
notify = true
released-label = ""
reviewers = ["kim", "oak/maintainers"]
urgent-label = "now"
""",
    )
    assert read.github == GitHubSettings(
        announce="Announcements",
        assignees=("robin",),
        board="oak/3",
        board_status="Out",
        checklist="docs/checklist.md",
        comment=False,
        generated_notes=True,
        labels=("release",),
        milestone="Acorn {version}",
        notify=True,
        released_label="",
        reviewers=("kim", "oak/maintainers"),
        urgent_label="now",
    )


def test_a_table_of_another_tool_can_be_looked_up_whatever_it_is(tmp_path: Path) -> None:
    read = project(tmp_path, f"{MINIMAL}[tool.hatch]\nversion = 1\n[tool.hatch.build]\nx = 1\n")
    assert read.table("tool", "hatch", "build") == {"x": 1}
    assert read.table("tool", "hatch", "version", "raw-options") == {}
    assert read.table("tool", "flit") == {}


# ---- where the version comes from

DYNAMIC = '[project]\nname = "spam"\ndynamic = ["version"]\n'


@pytest.mark.parametrize(
    "table",
    [
        "[tool.setuptools_scm]",
        "[tool.setuptools-git-versioning]",
        "[tool.versioningit]",
        "[tool.versioneer]",
        "[tool.poetry-dynamic-versioning]\nenable = true",
        '[tool.hatch.version]\nsource = "vcs"',
        '[tool.hatch.version]\nsource = "uv-dynamic-versioning"',
        '[tool.pdm.version]\nsource = "scm"',
    ],
)
def test_a_dynamic_version_comes_from_the_tag_where_the_build_backend_says_so(tmp_path: Path, table: str) -> None:
    assert project(tmp_path, f"{DYNAMIC}{table}\n").version_from_tag
    assert not project(tmp_path, f'{MINIMAL}dynamic = ["readme"]\n{table}\n').version_from_tag


@pytest.mark.parametrize(
    "table",
    [
        "",
        '[tool.hatch.version]\npath = "spam.py"',
        '[tool.pdm.version]\nsource = "file"',
        "[tool.hatch.version]\nsource = []",
        "[tool]\nhatch = 1",
    ],
)
def test_another_dynamic_version_comes_from_a_file(tmp_path: Path, table: str) -> None:
    read = project(tmp_path, f"{DYNAMIC}{table}\n")
    assert (read.version, read.version_from_tag) == (None, False)


def test_files_for_a_version_that_comes_from_the_tag_are_refused_and_not_ignored(tmp_path: Path) -> None:
    settings = "[tool.setuptools_scm]\n[tool.hephaestus]\nversions = ['docs/conf.py']\n"
    assert "the version comes from the tag" in refusal(tmp_path, f"{DYNAMIC}{settings}").message


# ---- refusals


def test_a_directory_without_pyproject_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no pyproject\.toml here"):
        load(Directory(tmp_path))


def test_the_hint_for_a_missing_pyproject_leads_to_the_top_of_the_repository(tmp_path: Path) -> None:
    (tmp_path / "src" / "spam").mkdir(parents=True)
    system.run(["git", "init", "--quiet"], cwd=tmp_path)
    with pytest.raises(UsageError) as caught:
        load(Directory(tmp_path / "src" / "spam"))
    there = subprocess.check_output(f"{caught.value.hint} && pwd", shell=True, cwd=tmp_path / "src" / "spam", text=True)
    assert Path(there.strip()) == tmp_path.resolve()


def test_a_byte_order_mark_is_refused_and_the_hint_removes_it_however_often_it_is_pasted(tmp_path: Path) -> None:
    data = MINIMAL.replace("\n", "\r\n").encode()
    hint = refusal(tmp_path, b"\xef\xbb\xbf" + data).hint or ""
    command = [sys.executable, *shlex.split(hint)[1:]]
    for _ in range(2):
        system.run(command, cwd=tmp_path)
    assert (tmp_path / "pyproject.toml").read_bytes() == data
    assert load(Directory(tmp_path)).version == "1.3.0"


@pytest.mark.parametrize("data", [b"[project", b"name = '\xff'", b"x = " + b"[" * 5000, b"a = 1\na = 2\n"])
@pytest.mark.slow
def test_what_is_no_toml_is_refused_and_the_hint_shows_why(tmp_path: Path, data: bytes) -> None:
    error = refusal(tmp_path, data)
    assert error.message.startswith("pyproject.toml is not valid TOML: ")
    shown = system.run([sys.executable, *shlex.split(error.hint or "")[1:]], cwd=tmp_path, check=False)
    assert "Error" in shown.errors


@pytest.mark.parametrize(
    "text", ["", "[tool.poetry]\nname = 'spam'", "project = 1", "[[project]]", "[project]\nname = 1"]
)
def test_a_project_without_a_name_is_refused(tmp_path: Path, text: str) -> None:
    assert refusal(tmp_path, text).message == "pyproject.toml has no [project] table with a name"


@pytest.mark.parametrize("name", ["", "-spam", "spam eggs", "../spam", "{version}", "spam\\u001b[2J", "sp\u00e4m"])
def test_a_name_no_package_can_have_is_refused(tmp_path: Path, name: str) -> None:
    message = refusal(tmp_path, f'[project]\nname = "{name}"\n').message
    assert message.endswith("is no name a package can have")
    assert message.isprintable()


def test_a_version_that_is_a_number_is_refused_and_not_taken_for_a_missing_one(tmp_path: Path) -> None:
    error = refusal(tmp_path, '[project]\nname = "spam"\nversion = 1.0\n')
    assert error.message == "[project] version must be a text in quotes, not 1.0"


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        (
            "chagelog = 'x'",
            "unknown key 'chagelog'; known are changelog, commit-message, compatibility, drift, forge, gates, github, remote, smoke, tag",
        ),
        ("changelog = 1", "changelog must be a text in quotes, not 1"),
        ("versions = 'a.py'", "versions must be a list, not 'a.py'"),
        ("versions = [1]", "versions: 1 is no path of a file in the project"),
        ("versions = ['a.py', '../b.py']", "versions: '../b.py' is no path"),
        ("changelog = '/etc/motd'", "changelog: '/etc/motd' is no path"),
        ("changelog = ''", "changelog: '' is no path"),
        ("changelog = 'docs/../../x'", "changelog: 'docs/../../x' is no path"),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused_and_the_hint_shows_it(
    tmp_path: Path, setting: str, said: str
) -> None:
    error = refusal(tmp_path, f"{MINIMAL}[tool.hephaestus]\n{setting}\n")
    assert said in error.message
    assert error.message.startswith("[tool.hephaestus] ")
    assert setting in system.run(shlex.split(error.hint or ""), cwd=tmp_path).output


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("label = 'x'", "unknown key 'label'; known are announce, assignees, board"),
        ("labels = [1]", "labels must be a list of texts in quotes"),
        ("comment = 'yes'", "comment must be true or false, not 'yes'"),
        ("board = 'oak'", "board = 'oak' must be OWNER/NUMBER, such as oak/3"),
        ("milestone = '{date}'", "milestone = '{date}' is no template: braces can only hold {tag} and {version}"),
        ("checklist = '../x.md'", "checklist: '../x.md' is no path"),
    ],
)
def test_a_wish_of_github_that_cannot_be_used_is_refused_and_the_hint_shows_it(
    tmp_path: Path, setting: str, said: str
) -> None:
    error = refusal(tmp_path, f"{MINIMAL}[tool.hephaestus.github]\n{setting}\n")
    assert said in error.message
    assert setting in system.run(shlex.split(error.hint or ""), cwd=tmp_path).output


@pytest.mark.parametrize("text", ["[tool]\nhephaestus = 1", "[[tool.hephaestus]]\ntag = 'v{version}'"])
def test_settings_that_are_no_table_are_refused_and_not_ignored(tmp_path: Path, text: str) -> None:
    assert refusal(tmp_path, f"{MINIMAL}{text}\n").message == "tool.hephaestus must be a table"


@pytest.mark.parametrize(
    "template",
    [
        "v",
        "v{tag}",
        "v{version",
        "v}",
        "{}",
        "{0}",
        "{{version}}",
        "{version}-{version}",
        "{version!r}",
        "{version:>99999999999}",
        "{version.__class__}",
        "{version[0]}",
    ],
)
def test_a_tag_template_is_text_around_one_version_and_nothing_else(tmp_path: Path, template: str) -> None:
    error = refusal(tmp_path, f'{MINIMAL}[tool.hephaestus]\ntag = "{template}"\n')
    assert error.message.startswith(f"[tool.hephaestus] tag = {template!r} ")


@given(st.text(alphabet="{}v!:.[]0versiontag -/", max_size=20) | st.just("{version}{tag}"))
@pytest.mark.slow
def test_a_commit_message_that_is_taken_can_be_filled_in(template: str) -> None:
    class Only:
        def read(self, path: str) -> bytes | None:
            settings = f"[tool.hephaestus]\ncommit-message = '{template}'\n"
            return f"{MINIMAL}{settings}".encode() if path == "pyproject.toml" else None

        def paths(self) -> list[str]:
            return ["pyproject.toml"]

    try:
        message = load(Only()).commit_message
    except UsageError:
        return
    filled = message.format(version="1.0", tag="v1.0")
    assert filled.strip()
    assert filled == template.replace("{version}", "1.0").replace("{tag}", "v1.0")


def test_an_empty_commit_message_is_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path, f'{MINIMAL}[tool.hephaestus]\ncommit-message = " "\n')
    assert error.message == "[tool.hephaestus] commit-message must not be empty"
