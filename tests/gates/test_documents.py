"""The gate `documents`: what people read names the version they get, while it is released and between two releases."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest
from benches import ask, bench, chosen, places, write
from packaging.version import Version

from hephaestus import documents
from hephaestus.documents.pins import pins, repositories, same
from hephaestus.errors import UsageError
from hephaestus.gates.builtin.documents import choose
from hephaestus.gates.gate import Answer, Off

PYPROJECT = """\
[project]
name = "acorn"
version = "{version}"
[project.urls]
Source = "https://github.com/oak/acorn"
[tool.hephaestus.gates.documents]
{settings}
"""
OLD = "## [1.1.0] - 2026-01-01\n\n### Added\n\n- A trunk.\n"
CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n{unreleased}\n{section}\n" + OLD


def git(root: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=root, check=True, capture_output=True)


def release(root: Path, tag: str = "v1.1.0") -> None:
    """Commit all there is and tag it."""
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "feat: Grow")
    git(root, "tag", tag)


def project(root: Path, *, version: str = "1.1.0", unreleased: str = "", section: str = "", settings: str = "") -> None:
    """Write the project as it is now: between two releases, or with the section of a version that is released."""
    text = CHANGELOG.format(unreleased=unreleased, section=section)
    write(root, {"pyproject.toml": PYPROJECT.format(version=version, settings=settings), "CHANGELOG.md": text})


@pytest.fixture
def root(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that has released 1.1.0."""
    grown = tmp_path_factory.getbasetemp() / "documented"  # made once, and then copied
    if not grown.is_dir():
        write(grown, {"src/acorn/__init__.py": "COLOUR = 'green'\n", "README.md": "# Acorn\n"})
        project(grown)
        release(grown)
    return Path(shutil.copytree(grown, tmp_path / "acorn"))


def releasing(root: Path, version: str = "1.2.0", *, heading: str = "Added", settings: str = "") -> None:
    section = f"## [{version}] - 2026-02-02\n\n### {heading}\n\n- Leaves.\n"
    project(root, version=version, section=section, settings=settings)


def asked(root: Path, tmp_path: Path) -> Answer:
    return ask(chosen(choose, root)["documents"], bench(root, tmp_path / "room"))


NEWS = "# Acorn\n\n## {heading}\n\n{body}\n\n## Install\n\nPython 3.12\n"


@pytest.mark.parametrize(
    ("version", "heading", "body", "passes"),
    [
        ("1.2.0", "What's new in 1.2", "Leaves.", True),
        ("1.2.0", "What’s New", "Since v1.2.0 it has leaves.", True),  # noqa: RUF001  (as many write it)
        ("1.2.1", "What's new in 1.2", "Leaves.", True),
        ("2.0.0", "What's new in 2", "Leaves.", True),
        ("1.2.0", "What's new", "See the [changelog](CHANGELOG.md).", True),
        ("1.2.0rc1", "What's new in 1.1", "A trunk.", True),
        ("1.2.0", "What's new in 1.1", "A trunk.", False),
        ("1.2.0", "🌱 What's New?", "### 1.1.0\n\nA trunk.", False),
        ("1.2.0", "Latest release", "1.1.0 has a trunk.", False),
        ("1.2.0", "What's new", "Leaves.", False),
        ("2.0.0", "What's new in 1", "A trunk.", False),
    ],
)
def test_the_news_in_the_readme_are_those_of_the_version_being_released(
    root: Path, tmp_path: Path, version: str, heading: str, body: str, *, passes: bool
) -> None:
    releasing(root, version)
    write(
        root,
        {"pyproject.toml": (root / "pyproject.toml").read_text(), "README.md": NEWS.format(heading=heading, body=body)},
    )

    assert places(asked(root, tmp_path)) == ([] if passes else ["README.md:3 whats-new"])


@pytest.mark.parametrize(("named", "passes"), [("1.0", False), ("1.1", True), ("1.2", True)])
def test_between_two_releases_the_news_are_not_older_than_the_last_one(
    root: Path, tmp_path: Path, named: str, *, passes: bool
) -> None:
    project(root, unreleased="### Added\n\n- Leaves.\n")
    (root / "README.md").write_text(NEWS.format(heading=f"What's new in {named}", body="Much."))

    assert asked(root, tmp_path).verdict == ("passed" if passes else "failed")


PINS = [
    "pip install acorn=={}",
    'dependencies = ["acorn[extra] == {}"]',
    "uses: oak/acorn@v{}",
    "uses: oak/acorn/sub/action@v{}",
    "pip install git+https://github.com/oak/acorn.git@v{}",
    "docker run ghcr.io/oak/acorn:{}",
    "uvx acorn@{} --help",
    "![version](https://img.shields.io/badge/version-{}-blue)",
    "![acorn](https://img.shields.io/badge/acorn-v{}-blue.svg)",
    "https://github.com/oak/acorn/releases/download/v{}/acorn.tar.gz",
    "https://img.shields.io/github/commits-since/oak/acorn/v{}",
    "```yaml\n- repo: https://github.com/oak/acorn\n  rev: v{}\n  hooks:\n```",
]


@pytest.mark.parametrize("pin", PINS)
def test_a_pinned_version_is_that_of_the_release(root: Path, tmp_path: Path, pin: str) -> None:
    releasing(root, "1.2.0")
    (root / "README.md").write_text(f"# Acorn\n\n{pin.format('1.2.0')}\n")
    assert asked(root, tmp_path) == Answer("passed")

    (root / "README.md").write_text(f"# Acorn\n\n{pin.format('1.1.0')}\n")
    answer = asked(root, tmp_path)

    assert [finding.rule for finding in answer.findings] == ["pinned-version"], answer
    line = (root / "README.md").read_text().splitlines()[answer.findings[0].line - 1]
    assert "1.1.0" in line
    assert "the version being released is 1.2.0" in answer.findings[0].message


@pytest.mark.parametrize(
    "text",
    [
        "uses: oak/acorn@v1",
        "pip install acorn==1.*",
        "pip install acorn>=1.0",
        "pip install acorns==1.0.0 other-acorn==1.0.0",
        "uses: other/acorn@v1.0.0",
        "- repo: https://github.com/other/acorn\n  rev: v1.0.0",
        "For Python 2 the last version is `acorn==0.9.0`.",
        "To go back to an older one:\n\n    pip install acorn==1.0.0",
        "<!-- pip install acorn==1.0.0 -->",
        "pip install acorn==X.Y.Z",
    ],
)
def test_what_is_no_pin_of_the_newest_version_is_left_alone(root: Path, tmp_path: Path, text: str) -> None:
    releasing(root, "1.2.0")
    (root / "README.md").write_text(f"# Acorn\n\n{text}\n")

    assert asked(root, tmp_path) == Answer("passed")


@pytest.mark.parametrize(("pinned", "passes"), [("1.0.0", False), ("1.1.0", True), ("1.2.0", True), ("v1", True)])
def test_between_two_releases_the_next_version_may_be_pinned_already(
    root: Path, tmp_path: Path, pinned: str, *, passes: bool
) -> None:
    project(root, unreleased="### Added\n\n- Leaves.\n")
    (root / "docs").mkdir()
    (root / "docs/use.md").write_text(f"uses: oak/acorn@{pinned}\n")

    assert places(asked(root, tmp_path)) == ([] if passes else ["docs/use.md:1:17 pinned-version"])


def test_a_pre_release_leaves_the_pins_of_the_last_release_alone(root: Path, tmp_path: Path) -> None:
    releasing(root, "1.2.0rc1")
    (root / "README.md").write_text("acorn==1.1.0 acorn==1.2.0rc1 acorn==1.0.0\n")

    assert places(asked(root, tmp_path)) == ["README.md:1:37 pinned-version"]


def test_documents_about_the_past_and_those_named_may_name_any_version(root: Path, tmp_path: Path) -> None:
    releasing(root, "1.2.0", settings='ignore = ["docs/tested/*"]')
    old = "pip install acorn==1.0.0\n"
    files = dict.fromkeys(
        ["docs/changelog.md", "docs/blog/one.md", "docs/release-notes/1.0.md", "docs/tested/a.md"], old
    )
    write(root, {"pyproject.toml": (root / "pyproject.toml").read_text(), **files})

    assert asked(root, tmp_path) == Answer("passed")


@pytest.mark.parametrize(
    ("version", "heading", "guide", "passes"),
    [
        ("2.0.0", "Added", "## From 1.1 to 2.0\n", True),
        ("2.0.0", "Added", "## From 1.0 to 1.1\n", False),
        ("1.2.0", "Removed", "## From 1.0 to 1.1\n", False),
        ("1.2.0", "Removed", "## From 1.1 to 1.2\n", True),
        ("1.2.0", "Removed", "## From 1.x to v1.2.0\n\n## 1.1\n", True),
        ("1.2.0", "Added", "## From 1.0 to 1.1\n", True),
        ("2.0.0", "Removed", "## Move from Pine to Acorn\n", True),  # is about another project
        ("2.0.0rc1", "Removed", "## From 1.0 to 1.1\n", True),
    ],
)
def test_where_something_breaks_the_guide_says_how_to_go_on(
    root: Path, tmp_path: Path, version: str, heading: str, guide: str, *, passes: bool
) -> None:
    releasing(root, version, heading=heading)
    (root / "MIGRATION.md").write_text(f"# Migration\n\n{guide}")

    answer = asked(root, tmp_path)

    assert places(answer) == ([] if passes else ["MIGRATION.md:1 guide-outdated"]), answer


def test_a_guide_that_is_configured_must_be_there(root: Path, tmp_path: Path) -> None:
    releasing(root, "2.0.0", settings='migration = "docs/moving.md"')
    assert places(asked(root, tmp_path)) == ["pyproject.toml:7 guide-missing"]

    (root / "docs").mkdir()
    (root / "docs/moving.md").write_text("# Moving\n")
    assert places(asked(root, tmp_path)) == ["docs/moving.md:1 guide-outdated"]


STEPS = """\
# Next steps

- [ ] Some day

## 1.2.0

- [x] Leaves
- [ ] Bark

## Before the release

### Texts
* [ ] Say why

## 1.3.0

- [ ] Fruit

```
- [ ] no box
```
"""


def test_what_a_list_wants_before_the_release_must_be_done(root: Path, tmp_path: Path) -> None:
    releasing(root, "1.2.0", settings='lists = ["Next_Steps.md", "gone.md"]')
    (root / "Next_Steps.md").write_text(STEPS)

    answer = asked(root, tmp_path)

    assert places(answer) == [
        "Next_Steps.md:8 list-open",
        "Next_Steps.md:13 list-open",
        "pyproject.toml:7 list-missing",
    ]
    assert "'Bark' is not ticked" in answer.findings[0].message


def test_code_that_changed_needs_an_entry_in_the_changelog(root: Path, tmp_path: Path) -> None:
    assert asked(root, tmp_path) == Answer("passed")
    (root / "src/acorn/__init__.py").write_text("COLOUR = 'red'\n")

    answer = asked(root, tmp_path)

    assert places(answer) == ["CHANGELOG.md:3 changelog-empty"]
    assert "src/acorn/__init__.py has changed since v1.1.0" in answer.reason
    project(root, unreleased="### Changed\n\n- The colour.\n")
    assert asked(root, tmp_path) == Answer("passed")


@pytest.mark.parametrize(
    "path",
    ["tests/test_acorn.py", "src/acorn/tests/test_leaf.py", "docs/conf.py", "noxfile.py", "scripts/x.py", "README.md"],
)
def test_what_no_user_gets_needs_no_entry(root: Path, tmp_path: Path, path: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text("COLOUR = 'red'\n")
    git(root, "add", path)

    assert asked(root, tmp_path) == Answer("passed")


def test_a_version_alone_is_no_change_of_code(root: Path, tmp_path: Path) -> None:
    (root / "src/acorn/__init__.py").write_text("__version__ = '1.1.0'\n")
    release(root, "v1.1.1")
    project(root, version="1.2.0.dev0")
    (root / "src/acorn/__init__.py").write_text("__version__ = '1.2.0.dev0'\n")

    assert asked(root, tmp_path) == Answer("passed")


def test_a_release_that_is_tagged_already_is_still_the_one_being_made(root: Path, tmp_path: Path) -> None:
    releasing(root, "2.0.0", settings='lists = ["Next_Steps.md"]')
    (root / "Next_Steps.md").write_text("## 2.0.0\n\n- [ ] Bark\n")
    (root / "MIGRATION.md").write_text("# From 1.0 to 1.1\n")
    (root / "README.md").write_text("uses: oak/acorn@v1\n")
    release(root, "v2.0.0")

    wrong = [f"{each.path} {each.rule}" for each in asked(root, tmp_path).findings]

    assert wrong == ["MIGRATION.md guide-outdated", "Next_Steps.md list-open", "README.md pinned-version"]


def test_fragments_are_entries_too(root: Path, tmp_path: Path) -> None:
    (root / "src/acorn/__init__.py").write_text("COLOUR = 'red'\n")
    (root / "newsfragments").mkdir()
    (root / "newsfragments/1.added.md").write_text("Leaves.\n")

    assert asked(root, tmp_path) == Answer("passed")


def test_the_section_of_the_version_must_say_something(root: Path, tmp_path: Path) -> None:
    project(root, version="1.2.0", section="## [1.2.0] - 2026-02-02\n\n### Added\n")

    assert places(asked(root, tmp_path)) == ["CHANGELOG.md:6 changelog-empty"]


def test_a_project_that_was_never_released_is_asked_too(tmp_path: Path) -> None:
    root = tmp_path / "acorn"
    project(root, version="0.1.0")
    write(root, {"pyproject.toml": (root / "pyproject.toml").read_text(), "README.md": "uvx acorn@0.0.1\n"})

    assert places(asked(root, tmp_path)) == ["README.md:1:11 pinned-version"]


def test_the_gate_is_off_where_there_is_nothing_to_read(tmp_path: Path) -> None:
    write(tmp_path / "acorn", {"tests/data/README.md": "x"})

    off = chosen(choose, tmp_path / "acorn")["documents"]

    assert off == Off("documents", "there is no README, no document and no CHANGELOG.md")


@pytest.mark.parametrize("settings", ['lists = ["../x.md"]', "lists = [1]", 'migration = "/etc/passwd"', "guide = 1"])
def test_settings_that_cannot_be_used_are_refused(root: Path, settings: str) -> None:
    project(root, settings=settings)

    with pytest.raises(UsageError):
        chosen(choose, root)


def test_a_short_version_stands_for_those_that_begin_so() -> None:
    assert [same(text, Version("1.2.0")) for text in ("1", "v1.2", "1.2.0", "1.2.1", "2", "1.2.0rc1", "x")] == [
        True,
        True,
        True,
        False,
        False,
        False,
        False,
    ]


def test_repositories_are_those_on_forges() -> None:
    urls = [
        "https://github.com/oak/acorn/issues",
        "https://github.com/oak/acorn.git",
        "https://acorn.example.org/a/b",
        1,
    ]

    assert repositories(urls) == ["oak/acorn"]


@pytest.mark.parametrize(
    "unit", ["acorn==1.0.0", "/badge/version-1-", "git+https://", "uses: oak/acorn/", "1.", "acorn=="]
)
def test_hostile_lines_are_read_in_a_moment(unit: str) -> None:
    page = documents.parse("a.md", (unit * 20_000 + "\n" + unit * 500).encode())
    begin = time.monotonic()

    list(pins(page, "acorn", ["oak/acorn"]))

    assert time.monotonic() - begin < 2
