"""Each step alone, on the checkout: it does its one thing, twice is as once, and `--dry` does nothing."""

import io
import zipfile

import pytest

from hephaestus import alone, marks, ui
from hephaestus.errors import ChecksFailed, Conflict, UsageError
from hephaestus.plan import Step, apply_alone


def apply(steps: tuple[Step, ...]) -> None:
    with ui.observer(io.StringIO()) as observer:
        apply_alone(steps, observer)


def replaced(text: str, version: str) -> str:
    return text.replace('version = "1.0.0"', f'version = "{version}"').replace('__version__ = "1.0.0"', f'__version__ = "{version}"')  # fmt: skip


def files(place) -> dict[str, bytes]:
    return place.snapshot()["files"]


# bump


@pytest.mark.parametrize("asked", [("1.1.0", None), (None, "minor")])
def test_a_bump_writes_the_version_and_no_other_byte(place, asked):
    before = place.snapshot()

    apply(alone.bump(place.repository, *asked))

    expected = dict(before["files"])
    for path in ("pyproject.toml", "src/acorn/__init__.py"):
        expected[path] = replaced(expected[path].decode(), "1.1.0").encode()
    after = place.snapshot()
    assert after["files"] == expected
    unchanged = before.keys() - {"files", "status"}
    assert {name: after[name] for name in unchanged} == {name: before[name] for name in unchanged}


@pytest.mark.parametrize("asked", [("1.1.0", None), (None, "minor")])
def test_a_second_bump_does_nothing(place, asked):
    apply(alone.bump(place.repository, *asked))
    after = files(place)

    apply(alone.bump(place.repository, *asked))

    assert files(place) == after


def test_a_bump_that_was_killed_between_two_files_is_finished_by_the_same_command(place):
    apply(alone.bump(place.repository, None, "minor"))
    after = files(place)
    place.git("restore", "src/acorn/__init__.py")

    apply(alone.bump(place.repository, None, "minor"))

    assert files(place) == after


def test_a_bump_over_another_one_that_is_not_committed_is_a_conflict(place):
    apply(alone.bump(place.repository, "1.1.0", None))
    after = files(place)

    with pytest.raises(Conflict, match=r"says 1\.1\.0, neither 1\.0\.0 nor 1\.2\.0"):
        apply(alone.bump(place.repository, "1.2.0", None))

    assert files(place) == after


@pytest.mark.parametrize("asked", [(None, None), ("1.1.0", "minor")])
def test_a_bump_needs_exactly_one_thing_to_go_by(place, asked):
    with pytest.raises(UsageError, match=r"either --version X\.Y\.Z or --part"):
        alone.bump(place.repository, *asked)


# changelog


def test_the_changelog_alone_is_cut_and_nothing_else_changes(place):
    before = files(place)

    apply(alone.changelog(place.repository, "1.1.0"))

    after = files(place)
    assert {path for path in after if after[path] != before[path]} == {"CHANGELOG.md"}
    lines = before["CHANGELOG.md"].decode().splitlines()
    new = after["CHANGELOG.md"].decode().splitlines()
    assert [line for line in lines if line not in new] == [lines[-2]]
    assert [line.partition(" - ")[0] for line in new if line not in lines] == [
        "## [1.1.0]",
        "[unreleased]: https://github.com/oak/acorn/compare/v1.1.0...HEAD",
        "[1.1.0]: https://github.com/oak/acorn/compare/v1.0.0...v1.1.0",
    ]


def test_the_changelog_cut_a_second_time_says_that_it_was(place):
    apply(alone.changelog(place.repository, "1.1.0"))
    after = files(place)

    with pytest.raises(ChecksFailed) as raised:
        apply(alone.changelog(place.repository, "1.1.0"))

    assert "1.1.0" in raised.value.problems[0].message
    assert files(place) == after


def test_the_changelog_of_a_version_that_was_bumped_and_cut_is_left_as_it_is(place):
    apply(alone.bump(place.repository, "1.1.0", None))
    apply(alone.changelog(place.repository, "1.1.0"))
    after = files(place)

    apply(alone.changelog(place.repository, "1.1.0"))

    assert files(place) == after


# tag


@pytest.mark.slow
def test_a_tag_alone_is_annotated_and_ours(place):
    apply(alone.bump(place.repository, "1.1.0", None))
    apply(alone.changelog(place.repository, "1.1.0"))
    place.git("commit", "--quiet", "--all", "-m", "chore: Prepare release v1.1.0")
    before = place.snapshot()

    apply(alone.tag(place.repository, None))

    message = place.repository.tag_message("refs/tags/v1.1.0")
    assert message.startswith("Release v1.1.0\n\n### Added\n\n- Leaves.\n")
    assert marks.from_message(message).base == place.git("rev-parse", "HEAD")
    after = place.snapshot()
    held = after["refs"].pop("refs/tags/v1.1.0")
    assert after == before

    apply(alone.tag(place.repository, "1.1.0"))

    assert place.git("rev-parse", "v1.1.0") == held


@pytest.mark.parametrize("committed", [False, True])
def test_a_tree_that_does_not_say_its_version_gets_no_tag(place, committed):
    apply(alone.bump(place.repository, "1.0.5" if committed else "1.1.0", None))
    if committed:
        place.git("commit", "--quiet", "--all", "-m", "chore: Prepare release v1.0.5")
    before = place.snapshot()

    with pytest.raises(ChecksFailed) as raised:
        apply(alone.tag(place.repository, "1.1.0"))

    [problem] = raised.value.problems
    assert problem.message == f"HEAD says version {'1.0.5' if committed else '1.0.0'}, not 1.1.0"
    assert problem.hint == "hephaestus bump --version 1.1.0"
    assert place.snapshot() == before


def test_a_tag_on_another_commit_is_not_moved(place):
    before = place.snapshot()

    with pytest.raises(ChecksFailed) as raised:
        apply(alone.tag(place.repository, "1.0.0"))

    assert "the tag v1.0.0 exists" in raised.value.problems[0].message
    assert place.snapshot() == before


# build


@pytest.mark.slow
def test_a_build_alone_is_of_head_and_of_nothing_else(place):
    (place.root / "src/acorn/leaves.py").write_text("COLOUR = 'red'\n")
    (place.root / "src/acorn/untracked.py").write_text("")
    before = place.snapshot()

    apply(alone.build(place.repository))

    built = sorted(file.name for file in (place.root / "dist").iterdir())
    assert built == ["acorn-1.0.0-py3-none-any.whl", "acorn-1.0.0.tar.gz"]
    with zipfile.ZipFile(place.root / "dist/acorn-1.0.0-py3-none-any.whl") as wheel:
        assert wheel.read("acorn/leaves.py") == b"COLOUR = 'green'\n"
        assert "acorn/untracked.py" not in wheel.namelist()
    after = place.snapshot()
    after["files"] = {path: data for path, data in after["files"].items() if not path.startswith("dist/")}
    assert after == before


@pytest.mark.slow
def test_a_build_alone_follows_head(place):
    apply(alone.build(place.repository))
    place.commit("src/acorn/leaves.py", "COLOUR = 'red'\n")

    apply(alone.build(place.repository))

    with zipfile.ZipFile(place.root / "dist/acorn-1.0.0-py3-none-any.whl") as wheel:
        assert wheel.read("acorn/leaves.py") == b"COLOUR = 'red'\n"


# --dry


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["bump", "--version", "1.1.0"], '+__version__ = "1.1.0"'),
        (["changelog", "--version", "1.1.0"], "+## [1.1.0]"),
        (["build"], "sdist and wheel of acorn 1.0.0"),
    ],
    ids=["bump", "changelog", "build"],
)
@pytest.mark.slow
def test_a_dry_step_says_what_it_would_do_and_changes_nothing(place, words, told):
    before = place.snapshot()

    done = place.hephaestus("--dry", *words)

    assert done.returncode == 0, done.stderr
    assert told in done.stdout + done.stderr
    assert place.snapshot() == before
    assert not (place.root / "dist").exists()


@pytest.mark.slow
def test_a_dry_tag_makes_none_and_says_what_is_in_its_way(place):
    before = place.snapshot()

    done = place.hephaestus("--dry", "tag", "--version", "1.1.0")

    assert done.returncode == ChecksFailed.exit_code
    assert "HEAD says version 1.0.0, not 1.1.0" in done.stderr
    assert place.snapshot() == before
