"""A version is held against what has changed since the last release, and the next one is proposed, with reasons."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from hephaestus import compatibility, git, project
from hephaestus.errors import UsageError
from hephaestus.findings import Finding
from hephaestus.tree import Directory
from places import Place, make_place

# Each has a repository of its own: not long, but long for many.
pytestmark = pytest.mark.slow

TWIGS = "def grow(size): ...\n"
BROKEN = "\ndef grow(): ...\n"
CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n{}\n\n## [1.0.0] - 2026-01-01\n\n### Added\n\n- A trunk.\n"


@pytest.fixture
def grown(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A project whose release 1.0.0 had a function, with one harmless commit since."""
    first = tmp_path_factory.getbasetemp() / "grown-acorn"  # made once, and then copied
    if not first.is_dir():
        place = make_place(first)
        place.commit("src/acorn/twigs.py", TWIGS)
        place.commit("CHANGELOG.md", CHANGELOG.format("### Fixed\n\n- A knot."), "docs: Begin")
        place.git("tag", "--force", "--annotate", "--message", "1.0.0", "v1.0.0")
        place.commit("README.md", "Acorn.", "docs: Write")
    shutil.copytree(first, tmp_path / "grown", symlinks=True)
    return Place(*(tmp_path / "grown" / name for name in ("acorn", "remote.git", "releases")))


def release(place: Place, version: str) -> None:
    """Tag what is checked out as this version, the only one there is."""
    for path in ("pyproject.toml", "src/acorn/__init__.py"):
        text = (place.root / path).read_text()
        (place.root / path).write_text(text.replace('"1.0.0"', f'"{version}"'))
    place.git("commit", "--quiet", "--all", "-m", f"chore: Prepare release v{version}")
    place.git("tag", "--delete", "v1.0.0")
    place.git("tag", "--annotate", "--message", version, f"v{version}")


def configure(place: Place, table: str) -> None:
    text = (place.root / "pyproject.toml").read_text()
    place.commit("pyproject.toml", f"{text}\n[tool.hephaestus.compatibility]\n{table}\n", "chore: Configure")


def say(place: Place, section: str) -> None:
    place.commit("CHANGELOG.md", CHANGELOG.format(section), "docs: Tell")


def judge(place: Place, version: str | None = None, **more: Any) -> compatibility.Judgement:
    """Judge what is committed."""
    tree = git.Commit(place.repository, place.git("rev-parse", "HEAD"))
    facts = project.load(tree)
    previous = compatibility.last_release(place.repository, "HEAD", facts, version)
    return compatibility.judge(place.repository, tree, facts, previous, version, **more)


def errors(found: compatibility.Judgement) -> list[Finding]:
    return [each for each in found.findings if each.level == "error"]


# What a version promises


@pytest.mark.parametrize(
    ("version", "passes"), [("1.0.1", False), ("1.1.0", False), ("2.0.0rc1", True), ("2.0.0", True)]
)
def test_a_version_that_promises_less_than_what_changed_fails_with_the_place(
    grown: Place, version: str, *, passes: bool
) -> None:
    grown.commit("src/acorn/twigs.py", BROKEN, "fix: Shorten")
    say(grown, "### Changed\n\n- `grow` takes no size.")
    found = judge(grown, version)

    assert found.passed is passes
    if not passes:
        (error,) = errors(found)
        part = "patch" if version == "1.0.1" else "minor"
        assert (error.place, error.rule) == ("src/acorn/twigs.py:2", "parameter-removed")
        assert error.message == (
            f"acorn.twigs.grow takes no size any more; that asks for a major version, and {version} is a {part} one"
        )


def test_what_is_new_in_a_patch_is_a_warning_and_stops_nothing(grown: Place) -> None:
    grown.commit("src/acorn/leaf.py", "def fall(): ...")
    found = judge(grown, "1.0.1")

    assert found.passed
    assert [(each.level, each.place) for each in found.findings] == [
        ("warning", "src/acorn/leaf.py:1"),
        ("warning", ""),
    ]
    assert judge(grown, "1.1.0").findings == ()


@pytest.mark.parametrize(
    ("version", "zero", "passes"),
    [("0.3.2", "minor", False), ("0.4.0", "minor", True), ("0.3.2", "patch", True), ("0.4.0", "major", False)],
)
def test_under_zero_a_break_asks_for_what_the_project_says(
    grown: Place, version: str, zero: str, *, passes: bool
) -> None:
    configure(grown, f'zero = "{zero}"')
    release(grown, "0.3.1")
    grown.commit("src/acorn/twigs.py", BROKEN, "fix: Shorten")
    say(grown, "### Changed\n\n- `grow` takes no size.")

    assert judge(grown, version).passed is passes


def test_a_mark_of_people_counts_like_what_can_be_seen(grown: Place) -> None:
    grown.commit("src/acorn/leaf.py", "_a = 1", "fix!: Fell")
    say(grown, "### Removed\n\n- Shadow.")
    short = grown.git("log", "-1", "--format=%h", "HEAD~1")

    assert [(each.place, each.message.partition(";")[0]) for each in errors(judge(grown, "1.1.0"))] == [
        ("CHANGELOG.md:7", "Removed: Shadow."),
        ("", f"{short}: fix!: Fell"),
    ]


def test_a_version_that_is_not_raised_yet_promises_nothing_yet(grown: Place) -> None:
    grown.commit("src/acorn/twigs.py", BROKEN)
    say(grown, "### Changed\n\n- `grow` takes no size.")

    assert judge(grown, "1.0.0").passed
    assert judge(grown).passed


def test_a_command_that_is_gone_is_a_break_with_its_place(grown: Place) -> None:
    text = (grown.root / "pyproject.toml").read_text()
    grown.commit("pyproject.toml", text.replace('acorn = "acorn:main"', ""), "chore: Drop")
    say(grown, "### Removed\n\n- The command.")

    assert [(each.rule, each.place) for each in errors(judge(grown, "1.1.0"))] == [
        ("command-dropped", "pyproject.toml:11"),
        ("changelog", "CHANGELOG.md:7"),
    ]


# What the changelog tells


@pytest.mark.parametrize(
    ("section", "level"),
    [
        ("### Fixed\n\n- Speed.", "error"),
        ("", "error"),
        ("### Fixed\n\n- **Breaking:** `grow` takes no size.", None),
        ("### Removed\n\n- The size of `twigs.grow`.", None),
        ("### Changed\n\n- Something else.", "warning"),
        ("- The `size` of twigs has been removed.", None),
        ("- The `colour` of leaves has been removed.", "error"),
    ],
)
def test_a_break_that_the_changelog_does_not_tell_of_fails(grown: Place, section: str, level: str | None) -> None:
    grown.commit("src/acorn/twigs.py", BROKEN)
    say(grown, section)
    found = judge(grown, "2.0.0")

    assert [each.level for each in found.findings] == ([level] if level else [])
    assert found.passed is (level != "error")
    if level == "error":
        assert found.findings[0].message.endswith("Removed, Changed or Breaking: acorn.twigs.grow")
        assert found.findings[0].place == "CHANGELOG.md:3"


def test_the_section_of_the_version_tells_as_well_as_what_is_not_released(grown: Place) -> None:
    grown.commit("src/acorn/twigs.py", BROKEN)
    text = CHANGELOG.format("\n## [2.0.0] - 2026-02-01\n\n### Removed\n\n- The size of `grow`.")
    grown.commit("CHANGELOG.md", text, "chore: Prepare")

    assert judge(grown, "2.0.0").passed


def test_without_a_changelog_nothing_is_told(grown: Place) -> None:
    grown.commit("src/acorn/twigs.py", BROKEN)
    grown.git("rm", "--quiet", "CHANGELOG.md")
    grown.git("commit", "--quiet", "-m", "docs: Forget")

    assert [each.rule for each in errors(judge(grown, "2.0.0"))] == ["breaks-untold"]


# Exceptions and configuration


@pytest.mark.parametrize("key", ["acorn.twigs.grow", "acorn.twigs.*", "acorn.*"])
def test_what_the_configuration_lets_pass_asks_for_nothing_and_says_why(grown: Place, key: str) -> None:
    grown.commit("src/acorn/twigs.py", BROKEN)
    configure(grown, f'allow = {{ "{key}" = "was never documented" }}')
    found = judge(grown, "1.0.1")

    assert (found.passed, found.findings[1:], found.proposal) == (True, (), "1.1.0")  # by `feat` in the commit
    assert [each.allowed for each in found.evidence if each.subject == "acorn.twigs.grow"] == ["was never documented"]


def test_an_exception_that_lets_nothing_pass_is_told(grown: Place) -> None:
    configure(grown, '[tool.hephaestus.compatibility.allow]\n"acorn.gone" = "never there"\n"acorn.twigs.grow" = "old"')
    found = judge(grown)

    assert [(each.level, each.rule, each.message.split("'")[1]) for each in found.findings] == [
        ("warning", "exception-unused", "acorn.gone"),
        ("warning", "exception-unused", "acorn.twigs.grow"),
    ]
    assert all(each.place.startswith("pyproject.toml:") for each in found.findings)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('schema = "semver"', "unknown key 'schema'"),
        ('scheme = "romver"', "must be one of calver, none, semver"),
        ('zero = "0"', "must be one of major, minor, patch"),
        ("allow = { acorn.twigs = 'why' }", "in quotes"),
        ("allow = { 'acorn.twigs' = '' }", "needs a reason"),
        ("packages = ['src/acorn']", "no name that can be imported"),
        ("packages = 'acorn'", "must be a list"),
    ],
)
def test_configuration_that_cannot_be_understood_is_an_error(grown: Place, table: str, said: str) -> None:
    configure(grown, table)

    with pytest.raises(UsageError, match=said):
        judge(grown)


def test_packages_are_those_that_are_named_and_none_where_that_is_said(grown: Place) -> None:
    grown.commit("src/acorn/twigs.py", BROKEN, "fix: Shorten")
    grown.commit("src/elm.py", "a = 1", "fix: Plant")
    configure(grown, "packages = ['elm']")
    assert [each.subject for each in judge(grown).evidence if each.path.startswith("src")] == ["elm"]

    text = (grown.root / "pyproject.toml").read_text()
    grown.commit("pyproject.toml", text.replace("['elm']", "[]"), "chore: Configure")
    assert not [each for each in judge(grown).evidence if each.path.startswith("src")]


# What cannot be read


def test_a_file_that_is_no_python_could_not_be_judged_whichever_side_it_is_on(grown: Place) -> None:
    grown.commit("src/acorn/twigs.py", "def grow(:\n")
    found = judge(grown, "2.0.0")
    assert not found.passed
    assert found.could_not_run[0].startswith(
        "the public objects cannot be compared: src/acorn/twigs.py:1 cannot be read as Python: "
    )

    release(grown, "2.0.0")
    grown.commit("src/acorn/twigs.py", TWIGS)
    assert (
        judge(grown, "2.1.0")
        .could_not_run[0]
        .startswith("the public objects cannot be compared: at v2.0.0, src/acorn/twigs.py:1 cannot be read as Python: ")
    )


def test_a_project_without_a_package_to_compare_could_not_be_judged(grown: Place) -> None:
    configure(grown, "packages = ['elm']")

    (said,) = judge(grown).could_not_run
    assert said == (
        "the public objects cannot be compared: the package elm cannot be found:"
        " name what is imported in [tool.hephaestus.compatibility] packages"
    )


def test_a_clone_whose_history_was_cut_off_could_not_be_judged(grown: Place) -> None:
    root = grown.root.parent / "shallow"
    grown.git("clone", "--quiet", "--depth=1", "--no-tags", f"file://{grown.root}", str(root))
    found = compatibility.foresee(git.Repository(root))

    assert (found.passed, found.proposal) == (False, None)
    assert "git fetch --unshallow --tags" in found.could_not_run[0]


# What comes next


@pytest.mark.parametrize(
    ("path", "text", "message", "proposal", "because"),
    [
        ("src/acorn/twigs.py", TWIGS + "# mend", "fix: Mend", "1.0.1", "nothing breaks and nothing is new"),
        ("src/acorn/leaf.py", "a = 1", "fix: Mend", "1.1.0", "nothing breaks, but something is new"),
        ("src/acorn/twigs.py", BROKEN, "fix: Mend", "2.0.0", "a break is seen"),
        ("notes.md", "a = 1", "feat: Write", "1.1.0", "nothing breaks, but something is new"),
    ],
)
def test_the_next_version_is_the_least_that_promises_enough(
    grown: Place, path: str, text: str, message: str, *, proposal: str, because: str
) -> None:
    grown.commit(path, text, message)
    found = judge(grown)

    assert found.proposal == proposal
    assert found.because == f"{because}, which asks for a {found.needed} version after v1.0.0"
    assert judge(grown, proposal).previous == (Version("1.0.0"), "v1.0.0")


def test_a_version_the_project_says_already_is_kept_where_it_promises_enough(grown: Place) -> None:
    for path in ("pyproject.toml", "src/acorn/__init__.py"):
        text = (grown.root / path).read_text()
        grown.commit(path, text.replace('"1.0.0"', '"1.2.0.dev1"'), "chore: Go on")

    assert (judge(grown).proposal, judge(grown).because.partition("; ")[2]) == (
        "1.2.0",
        "the project says 1.2.0.dev1 already",
    )


def test_a_final_version_is_compared_with_the_last_final_one(grown: Place) -> None:
    grown.commit("src/acorn/twigs.py", BROKEN)
    grown.git("tag", "v2.0.0rc1")

    assert judge(grown).previous == (Version("1.0.0"), "v1.0.0")
    assert judge(grown).proposal == "2.0.0"


def test_before_the_first_release_nothing_is_promised(grown: Place) -> None:
    grown.git("tag", "--delete", "v1.0.0")

    assert (judge(grown, "0.1.0").passed, judge(grown).proposal) == (True, "1.0.0")


def test_where_nothing_has_changed_nothing_is_proposed(grown: Place) -> None:
    grown.git("reset", "--quiet", "--hard", "v1.0.0")

    assert (judge(grown).proposal, judge(grown).because) == (None, "nothing has changed since v1.0.0")


@pytest.mark.parametrize("scheme", ["calver", None])
def test_versions_that_are_dates_are_told_to_promise_nothing(grown: Place, scheme: str | None) -> None:
    if scheme:
        configure(grown, f'scheme = "{scheme}"')
    year = grown.git("log", "-1", "--format=%cd", "--date=format:%Y")
    release(grown, f"{year}.9.1")
    grown.commit("src/acorn/twigs.py", BROKEN)
    found = judge(grown, f"{year}.9.2")

    assert (found.scheme, found.needed) == ("calver", None)
    assert found.proposal.startswith(f"{year}.")
    assert "the rules of SemVer are not applied" in found.because
    assert [each.rule for each in errors(found)] == ["breaks-untold"]


def test_numbers_that_shall_promise_nothing_are_not_judged(grown: Place) -> None:
    configure(grown, 'scheme = "none"')
    grown.commit("src/acorn/twigs.py", BROKEN)
    say(grown, "### Removed\n\n- The size of `grow`.")

    assert (judge(grown, "1.0.1").passed, judge(grown).proposal) == (True, None)


# Where it looks


def test_a_checkout_is_judged_with_what_is_not_committed(grown: Place) -> None:
    (grown.root / "src/acorn/twigs.py").write_text(BROKEN)
    tree = Directory(grown.root)
    found = compatibility.judge(grown.repository, tree, project.load(tree), (Version("1.0.0"), "v1.0.0"), "1.1.0")

    assert [each.place for each in errors(found)] == ["src/acorn/twigs.py:2", "CHANGELOG.md:3"]


def test_the_clone_is_left_as_it_was(grown: Place) -> None:
    grown.commit("src/acorn/twigs.py", BROKEN)
    before = grown.snapshot()
    judge(grown)

    assert grown.snapshot() == before
    assert grown.git("worktree", "list").count("\n") == 0


def test_a_release_from_before_a_pyproject_and_in_another_layout_is_compared(place: Place) -> None:
    shutil.move(place.root / "src/acorn", place.root / "acorn")
    (place.root / "acorn/twigs.py").write_text(TWIGS)
    held = (place.root / "pyproject.toml").read_text()
    (place.root / "pyproject.toml").unlink()
    place.git("add", "--all")
    place.git("commit", "--quiet", "-m", "chore: Grow old")
    place.git("tag", "--force", "v1.0.0")
    shutil.move(place.root / "acorn", place.root / "src/acorn")
    place.git("add", "--all")
    place.commit("src/acorn/twigs.py", BROKEN)
    place.commit("pyproject.toml", held)
    found = judge(place, "2.0.0")

    assert [each.subject for each in found.breaks] == ["acorn.twigs.grow"]
    assert [each.message for each in found.findings if each.level == "note"] == [
        "v1.0.0 has no [project] in pyproject.toml, so dependencies and commands are not compared"
    ]


# The task


def test_the_plan_without_a_version_proposes_one_and_shows_why(grown: Place) -> None:
    grown.commit("src/acorn/twigs.py", BROKEN)
    shown, told = grown.hephaestus("plan"), grown.hephaestus("plan", "--json")

    assert (shown.returncode, shown.stdout) == (0, "")
    assert "acorn.twigs.grow takes no size any more  src/acorn/twigs.py:2  major" in shown.stderr
    assert "error: CHANGELOG.md:3: breaks-untold the changelog does not tell what breaks" in shown.stderr
    assert shown.stderr.endswith("version after v1.0.0\nhephaestus release --version 2.0.0\n")
    document = json.loads(told.stdout)
    assert (document["outcome"], document["proposal"], document["needed"]) == ("proposed", "2.0.0", "major")
    assert document["command"] == "hephaestus release --version 2.0.0"


def test_a_plan_that_promises_too_little_says_so(grown: Place) -> None:
    grown.commit("src/acorn/twigs.py", BROKEN)
    done = grown.hephaestus("plan", "--version", "1.1.0")

    assert done.returncode == 0, done.stderr
    assert (
        "error: src/acorn/twigs.py:2: parameter-removed acorn.twigs.grow takes no size any more; that asks"
        in done.stderr
    )


def test_a_plan_that_cannot_compare_ends_as_what_could_not_run(grown: Place) -> None:
    grown.commit("src/acorn/twigs.py", "def grow(:\n")
    done = grown.hephaestus("plan")

    assert done.returncode == 5
    assert "error: the public objects cannot be compared: src/acorn/twigs.py:1 cannot be read" in done.stderr
