"""The release commit: what was prepared and nothing else, under the user's name, at the frozen time."""

import io

import pytest

from hephaestus import ui
from hephaestus.errors import CommandFailed, Conflict
from hephaestus.make import make, preview
from hephaestus.request import Request

COMMITTED = "refs/hephaestus/v1.1.0/commit"


def release(place, until="commit") -> None:
    with ui.observer(io.StringIO()) as observer:
        make(Request(version="1.1.0", until=until), place.repository, observer, None)


def configure(place, setting: str) -> None:
    text = (place.root / "pyproject.toml").read_text()
    place.commit("pyproject.toml", text.replace("[tool.hephaestus]\n", f"[tool.hephaestus]\n{setting}\n"))


@pytest.mark.slow
def test_the_commit_holds_version_and_changelog_on_top_of_the_base(place):
    release(place)

    assert place.git("rev-parse", f"{COMMITTED}^") == place.git("rev-parse", "HEAD")
    assert place.git("log", "-1", "--format=%B", COMMITTED) == "chore: Prepare release v1.1.0"
    changed = place.git("diff", "--name-only", "HEAD", COMMITTED).split()
    assert changed == ["CHANGELOG.md", "pyproject.toml", "src/acorn/__init__.py"]


@pytest.mark.slow
def test_no_branch_moves_and_the_checkout_stays(place):
    before = place.snapshot()

    release(place)

    after = place.snapshot()
    assert after["refs"].pop(COMMITTED)
    assert after == before


@pytest.mark.slow
def test_the_message_is_the_configured_one(place):
    configure(place, 'commit-message = "release: {version}\\n\\n# {tag} is a heading to Markdown."')

    release(place)

    message = place.git("log", "-1", "--format=%B", COMMITTED)
    assert message == "release: 1.1.0\n\n# v1.1.0 is a heading to Markdown."


@pytest.mark.slow
def test_the_time_is_that_of_the_release_whatever_the_clock_says_when_it_goes_on(place, monkeypatch):
    release(place, "changelog")
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2001-02-03T04:05:06Z")
    begun = preview(Request(version="1.1.0"), place.repository)[0].time

    release(place)

    assert place.git("log", "-1", "--format=%aI %cI", COMMITTED) == f"{begun} {begun}"


@pytest.mark.slow
def test_a_commit_that_a_killed_run_made_without_keeping_it_is_made_again_the_same(place):
    release(place)
    first = place.git("rev-parse", COMMITTED)
    journal = next((place.root / ".git/hephaestus/journals").glob("*.jsonl"))
    journal.write_text("".join(journal.read_text().splitlines(keepends=True)[:-1]))
    place.git("update-ref", "-d", COMMITTED)

    release(place)

    assert place.git("rev-parse", COMMITTED) == first


@pytest.mark.slow
def test_a_private_ref_that_is_no_commit_on_the_base_is_left_alone(place):
    release(place, "changelog")
    place.git("update-ref", COMMITTED, "v1.0.0^{commit}")

    with pytest.raises(Conflict, match="is not a commit on") as raised:
        release(place)

    assert raised.value.hint == f"git update-ref -d {COMMITTED}"
    assert place.git("rev-parse", COMMITTED) == place.git("rev-parse", "v1.0.0^{commit}")


@pytest.mark.slow
def test_a_commit_message_a_hook_refuses_stops_the_release_with_the_hooks_words(place):
    hook = place.root / ".git/hooks/commit-msg"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\ngrep -q Reviewed-by \"$1\" || { echo 'nobody has reviewed this' >&2; exit 1; }\n")
    hook.chmod(0o755)

    with pytest.raises(CommandFailed, match="nobody has reviewed this"):
        release(place)

    assert place.repository.resolve(COMMITTED) is None
