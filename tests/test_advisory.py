"""Security advisories: filled from the release, drafted where there are such, and a file where there are none."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakegithub import Fault, Hub
from hephaestus import markdown, system
from hephaestus.advisory import SEVERITIES, Wish, advise
from hephaestus.errors import Conflict, UsageError
from places import Place

# Each has a server, or a repository of its own, to talk to: not long, but long for many.
pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "pause", lambda _seconds: None)


def wish(**said: object) -> Wish:
    return Wish(**{"version": "1.0.0", "severity": "high", "summary": "Anyone can read the log", **said})  # type: ignore[arg-type]


def written(place: Place) -> str:
    return (place.root / ".git" / "hephaestus" / "reports" / "v1.0.0" / "advisory.md").read_text()


def row(text: str, name: str) -> str:
    (found,) = [line for line in text.splitlines() if line.startswith(f"| {name} |")]
    return found.split(" | ")[1].removesuffix(" |")


# Where the forge has none


def test_a_directory_gets_a_file_and_that_is_said(place):
    done = advise(wish(), place.repository)

    assert done.state == "written"
    assert "was not drafted, as" in done.said
    assert "has no advisories" in done.said
    assert str(place.root / ".git" / "hephaestus" / "reports" / "v1.0.0" / "advisory.md") in done.said
    text = written(place)
    assert text.startswith("# Anyone can read the log\n")
    assert row(text, "Package") == "acorn (pip)"
    assert row(text, "Affected versions") == "==1.0.0"
    assert row(text, "Patched versions") == "1.0.1"
    assert row(text, "Severity") == "high"


def test_the_text_is_filled_from_the_release(place):
    advise(wish(description="All of it."), place.repository)

    text = written(place)
    assert "### Impact\n\nAll of it.\n" in text
    assert 'pip install --upgrade "acorn>=1.0.1"' in text
    assert "once it is released" in text
    assert 'pip install "acorn!=1.0.0"' in text
    assert "### What the changelog says of 1.0.0\n\n> ### Added\n>\n> - A trunk.\n" in text


def test_what_nobody_said_is_taken_and_told(place):
    done = advise(wish(), place.repository)

    assert "affected is taken to be 1.0.0 alone" in done.said
    assert "patched is taken to be 1.0.1, the next patch" in done.said
    assert done.details["assumed"]
    told = advise(wish(affected=">=0.9,<1.0.1", patched="1.0.1, 1.2"), place.repository)
    assert told.details["assumed"] == []
    assert told.details["advisory"]["affected"] == "<1.0.1,>=0.9"
    assert told.details["advisory"]["patched"] == "1.0.1, 1.2"


def test_a_patched_version_that_is_out_is_named_as_such(place):
    place.git("tag", "v1.0.1")

    advise(wish(patched="1.0.1"), place.repository)

    assert "acorn 1.0.1 mends it:" in written(place)


def test_there_may_be_no_patched_version_yet(place):
    advise(wish(patched=""), place.repository)

    assert "There is no patched version yet." in written(place)
    assert row(written(place), "Patched versions") == "none yet"


def test_the_next_patch_is_one_that_is_not_taken(place):
    place.git("tag", "v1.0.1")

    assert advise(wish(), place.repository).details["advisory"]["patched"] == "1.0.2"


def test_a_file_can_be_asked_for_and_the_same_command_writes_it_again(place, tmp_path):
    target = tmp_path / "out" / "advisory.md"
    advise(wish(output=target), place.repository)
    first = target.read_text()

    advise(wish(output=target), place.repository)

    assert target.read_text() == first
    assert not (place.root / ".git" / "hephaestus" / "reports").exists()


def test_a_description_may_stand_in_a_file(place, tmp_path):
    (tmp_path / "words.md").write_text("All of it, *really*.\n")

    advise(wish(described_in=tmp_path / "words.md"), place.repository)

    assert "### Impact\n\nAll of it, *really*.\n" in written(place)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"severity": "apocalyptic"}, "there are critical, high, medium, low"),
        ({"summary": "  \n "}, "the summary of an advisory has 1 to 1024 characters, not 0"),
        ({"summary": "x" * 1025}, "not 1025"),
        ({"affected": "all of them"}, "such as '>=1.0,<1.1.1'"),
        ({"affected": ""}, "is no range of versions"),
        ({"patched": "soon"}, "is no version"),
        ({"version": "nonsense"}, "nonsense"),
        ({"version": "9.9.9"}, "there is no release v9.9.9"),
        ({"description": "a", "described_in": Path("b")}, "not both"),
        ({"described_in": Path("nowhere.md")}, "cannot be read"),
    ],
)
def test_what_cannot_be_understood_is_an_error_and_writes_nothing(place, said, words):
    with pytest.raises(UsageError) as caught:
        advise(wish(**said), place.repository)

    assert words in caught.value.message
    assert caught.value.hint
    assert not (place.root / ".git" / "hephaestus" / "reports").exists()


def test_a_version_that_was_withdrawn_can_be_advised_against_from_the_changelog_alone(place):
    place.git("tag", "--delete", "v1.0.0")

    assert advise(wish(), place.repository).state == "written"


def test_a_release_whose_changelog_says_nothing_is_known_by_its_tag(place):
    place.commit("CHANGELOG.md", "# Changelog\n\n## [Unreleased]\n\n- New.\n")
    place.git("tag", "--force", "v1.0.0")

    advise(wish(), place.repository)

    assert "What the changelog says" not in written(place)


# Hostile words


HOSTILE = "# Changelog\n\n## [1.0.0] - 2026-01-01\n\n- ```\n\n<!-- hephaestus-advisory v1.0.0 -->\n\n<script>\n\n<!--\n"


def test_whatever_the_changelog_opens_ends_with_it(place):
    place.commit("CHANGELOG.md", HOSTILE)

    advise(wish(), place.repository)

    quoted = written(place).partition("What the changelog says of 1.0.0\n\n")[2]
    assert quoted
    assert all(line.startswith(">") for line in quoted.splitlines())


def test_a_summary_is_text_and_nothing_else(place):
    advise(wish(summary="[a](https://evil.example) <!-- \x1b[2J\n# b | `c`"), place.repository)

    first = written(place).splitlines()[0]
    assert first == r"# \[a\](https://evil.example) \<!-- \# b \| \`c\`".replace(r"\<!--", r"\<\!--")


def test_no_secret_gets_into_an_advisory(place):
    secret = "ghp_" + "a" * 36

    advise(wish(summary=f"leaks {secret}", description=f"https://robin:{secret}@example.org/"), place.repository)

    assert secret not in written(place)


@given(st.text())
def test_a_quotation_ends_nowhere_but_at_its_end(text):
    assert all(line.startswith(">") for line in markdown.quoted(text).splitlines())


@given(st.text())
def test_plain_text_stays_one_line_that_is_no_markup(text):
    shown = markdown.plain(text)

    assert len(f"x{shown}".splitlines()) == 1
    assert markdown.read(shown.replace("\\", "")) is not None
    assert "<" not in shown.replace(r"\<", "")


# On GitHub


def test_on_github_it_is_a_draft_there(hosted: Place, hub: Hub):
    done = advise(wish(description="All of it."), hosted.repository)

    (made,) = hub.advisories
    assert done.state == "drafted"
    assert made["html_url"] in done.said
    assert done.details["url"] == made["html_url"]
    assert done.details["file"] is None
    assert made["vulnerabilities"][0]["vulnerable_version_range"] == "= 1.0.0"
    assert f"<{hub.page}>" in made["description"]
    assert made["description"].endswith("<!-- hephaestus-advisory v1.0.0 -->")


def test_the_same_command_updates_the_draft(hosted: Place, hub: Hub):
    advise(wish(), hosted.repository)
    advise(wish(severity="critical"), hosted.repository)

    assert [each["severity"] for each in hub.advisories] == ["critical"]


def test_a_file_is_written_as_well_where_it_is_asked_for(hosted: Place, hub: Hub, tmp_path):
    done = advise(wish(output=tmp_path / "a.md"), hosted.repository)

    assert len(hub.advisories) == 1
    assert (tmp_path / "a.md").is_file()
    assert "was written to" in done.said


@pytest.mark.parametrize("why", ["not there", "not allowed", "no answer"])
def test_where_github_has_none_a_file_is_written_and_the_reason_told(hosted: Place, hub: Hub, why):
    hub.advisories_enabled = why != "not there"
    hub.permission = "write" if why == "not allowed" else "admin"
    if why == "no answer":
        hub.fail(Fault.UNAVAILABLE, None, r"security-advisories", times=50)

    done = advise(wish(), hosted.repository)

    assert done.state == "written"
    assert ("does not answer" in done.said) == (why == "no answer")
    assert f"python -m webbrowser {hub.page}/security/advisories/new" in done.said
    assert written(hosted)
    assert hub.advisories == []


def test_one_that_is_published_is_left_alone_and_that_is_no_success(hosted: Place, hub: Hub):
    advise(wish(), hosted.repository)
    hub.advisories[0]["state"] = "published"

    with pytest.raises(Conflict, match="is published already, and was left alone"):
        advise(wish(severity="low"), hosted.repository)

    assert hub.advisories[0]["severity"] == "high"


# The command


def test_the_program_drafts_it(place):
    words = ("advisory", "--version", "1.0.0", "--severity", "high", "--summary", "Anyone can read the log", "--json")
    done = place.hephaestus(*words)

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["outcome"] == "written"
    assert Path(told["file"]).is_file()


def test_dry_drafts_nothing(place):
    words = ("--dry", "advisory", "--version", "1.0.0", "--severity", "high", "--summary", "x")
    done = place.hephaestus(*words)

    assert done.returncode == 0, done.stderr
    assert "would draft a security advisory of 1.0.0" in done.stderr
    assert not (place.root / ".git" / "hephaestus" / "reports").exists()


@pytest.mark.parametrize("missing", ["version", "severity", "summary"])
def test_what_must_be_given_is_asked_for_with_an_example(place, missing):
    given_words = {"version": "1.0.0", "severity": "high", "summary": "x"}
    words = [word for name, value in given_words.items() if name != missing for word in (f"--{name}", value)]

    done = place.hephaestus("advisory", *words)

    assert done.returncode == UsageError.exit_code
    assert f"advisory needs --{missing}" in done.stderr
    assert "hint: hephaestus advisory" in done.stderr


def test_every_severity_says_what_it_means():
    assert list(SEVERITIES) == ["critical", "high", "medium", "low"]
