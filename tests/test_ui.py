from __future__ import annotations

import io
import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import runner
from hephaestus import ui
from hephaestus.errors import ChecksFailed, CommandFailed, Problem
from runner import Command
from terminals import Terminal

STEPS = [("stage", "a clean checkout"), ("gates", "every gate on that tree"), ("publish", "make the draft visible")]
HOSTILE = ["::error::x", "##[add-mask]x", "ok ##[group]x", "::stop-commands::x", "::endgroup::", "\n", "\r", " ", "%0A"]


@pytest.fixture(autouse=True)
def quiet_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COLUMNS", "FORCE_COLOR", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


class Writes(io.StringIO):
    """A stream that could show a check mark, and remembers each write."""

    encoding = "utf-8"

    def __init__(self) -> None:
        super().__init__()
        self.each: list[str] = []

    def write(self, text: str) -> int:
        self.each.append(text)
        return super().write(text)


def interrupted(view: ui.Observer) -> None:
    """Tell a view of a release that Ctrl-C ends in the middle of a step."""
    view.planned("Release demo 1.4.0", STEPS)
    view.started("gates")
    raise KeyboardInterrupt


def release(view: ui.Observer) -> None:
    """Tell a view of a release that fails at its last step."""
    view.planned("Release demo 1.4.0", STEPS)
    view.skipped("stage", "already done")
    view.started("gates")
    view.said("gate tests passed in 2.1 s")
    view.finished("gates", 62.4)
    view.started("publish")
    view.failed("publish", 0.52)


# Text


@given(st.text())
@example("\x1b\x1b[0m[31m")
@example("\x1b]0;title")
def test_cleaned_text_can_move_no_cursor_and_cleaning_twice_changes_nothing(text: str) -> None:
    cleaned = ui.clean(text)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]", cleaned)
    assert ui.clean(cleaned) == cleaned


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_text_without_control_characters_stays_as_it_is(text: str) -> None:
    assert ui.clean(text) == text


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x9b31mred", "red"),
        ("up\x1b[2A\x1b[2Jdown", "updown"),
        ("\x1b]0;new title\x07text", "text"),
        ("\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bP1;2|device\x1b\\text", "text"),
        ("\x1b]0;never ended", "0;never ended"),
        ("\x1b(Bcharset\x1bc", "charset"),
        ("10 %\r100 %\r\ndone\n", "10 %\n100 %\ndone\n"),
        ("bell\x07 back\x08\x7f", "bell back"),
        ("a\tb", "a       b"),
        ("byte \udcff", "byte \ufffd"),
        ("abc\u202edef", "abcdef"),
    ],
)
def test_escape_sequences_and_control_characters_are_stripped(text: str, cleaned: str) -> None:
    assert ui.clean(text) == cleaned


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (2.14, "2.1 s"), (12, "12 s"), (59.6, "1 min 00 s"), (187, "3 min 07 s")]
)
def test_times_read_as_people_say_them(seconds: float, text: str) -> None:
    assert ui.took(seconds) == text


# Plain lines


def test_a_pipe_gets_one_line_per_event_each_in_one_write() -> None:
    stream = Writes()
    with ui.observer(stream, {"COLUMNS": "20", "FORCE_COLOR": "1"}) as view:
        release(view)
    assert stream.each == [
        "Release demo 1.4.0: stage, gates, publish\n",
        "stage: skipped, already done\n",
        "[2/3] gates: every gate on that tree\n",
        "gates: gate tests passed in 2.1 s\n",
        "gates: done in 1 min 02 s\n",
        "[3/3] publish: make the draft visible\n",
        "publish: failed after 0.5 s\n",
    ]


def test_what_a_hostile_tool_says_in_a_pipe_stays_under_the_name_of_its_step() -> None:
    stream = io.StringIO()
    with ui.observer(stream, {}) as view:
        view.started("gates")
        view.said("\x1b[2Jone\r\n\n  two\x07\x1b]0;x\x07")
        view.said("\x1b[0m\n")
        view.finished("gates", 1.0)
        view.said("after")
    assert stream.getvalue() == "gates\ngates: one\ngates:   two\ngates: done in 1.0 s\nafter\n"


def test_a_hostile_description_stays_one_line() -> None:
    stream = io.StringIO()
    with ui.observer(stream, {}) as view:
        view.planned("Release\n\x1b[2Jdemo", [("bump", "write\nversion\r1.0")])
        view.started("bump")
        view.skipped("bump", "already\ndone")
    assert stream.getvalue() == "Release demo: bump\n[1/1] bump: write version 1.0\nbump: skipped, already done\n"


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"TERM": "unknown"}])
def test_a_dumb_terminal_gets_plain_lines(terminal: Terminal, environment: dict[str, str]) -> None:
    with ui.observer(terminal.stream, environment) as view:
        release(view)
    assert "\x1b" not in terminal.all()
    assert "gates: done in 1 min 02 s" in terminal.seen


def test_a_terminal_that_cannot_show_a_check_mark_gets_plain_lines() -> None:
    pytest.importorskip("pty")
    terminal = Terminal(encoding="ascii")
    with ui.observer(terminal.stream, {"TERM": "xterm"}) as view:
        release(view)
    assert "\x1b" not in terminal.all()
    assert "gates: done in 1 min 02 s" in terminal.seen
    os.close(terminal.keyboard)


# Log


@pytest.mark.parametrize("level", [logging.NOTSET, logging.DEBUG])
def test_what_steps_log_is_said_inside_and_only_there(level: int, request: pytest.FixtureRequest) -> None:
    logger, stream = logging.getLogger("hephaestus"), io.StringIO()
    handlers = list(logger.handlers)
    request.addfinalizer(lambda before=logger.level: logger.setLevel(before))
    logger.setLevel(level)
    with ui.observer(stream, {}) as view:
        view.started("gates")
        logger.info("gate %s passed", "tests")
        logging.getLogger("hephaestus.gates").warning("gate types is slow")
        logger.debug("not for people")
    logger.warning("too late")
    assert stream.getvalue() == "gates\ngates: gate tests passed\ngates: gate types is slow\n"
    assert (logger.level, logger.handlers) == (level, handlers)


def test_a_log_line_that_cannot_be_formatted_does_not_end_the_release(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("hephaestus"), "propagate", False)
    stream = io.StringIO()
    with ui.observer(stream, {}) as view:
        logging.getLogger("hephaestus").info("%d files", "many")
        view.finished("gates", 1.0)
    assert stream.getvalue() == "gates: done in 1.0 s\n"
    assert "many" in capsys.readouterr().err


# GitHub Actions


def obeyed(log: str) -> list[str]:
    """Return the names of the commands that the runner obeys in a log, each with what follows."""
    return [f"{command.name} {command.data}".strip() for command in runner.obeyed(log)]


def test_actions_get_a_group_per_step_and_an_annotation_for_the_failure() -> None:
    stream = io.StringIO()
    with ui.observer(stream, {"GITHUB_ACTIONS": "true"}) as view:
        release(view)
    log = re.sub("[0-9a-f]{32}", "TOKEN", stream.getvalue())
    assert log.splitlines() == [
        "::stop-commands::TOKEN",
        "Release demo 1.4.0: stage, gates, publish",
        "stage: skipped, already done",
        "::TOKEN::",
        "::group::[2/3] gates: every gate on that tree",
        "::stop-commands::TOKEN",
        "gate tests passed in 2.1 s",
        "gates: done in 1 min 02 s",
        "::TOKEN::",
        "::endgroup::",
        "::group::[3/3] publish: make the draft visible",
        "::endgroup::",
        "::error title=publish failed after 0.5 s::step publish failed",
    ]


@given(st.lists(st.lists(st.sampled_from(HOSTILE) | st.text()).map("".join)))
@example(HOSTILE)
@pytest.mark.slow
def test_nothing_a_tool_says_becomes_a_workflow_command(said: list[str]) -> None:
    stream = io.StringIO()
    with ui.observer(stream, {"GITHUB_ACTIONS": "true"}) as view:
        for text in said:
            view.said(text)
        view.started("gates")
        for text in said:
            view.said(text)
        view.finished("gates", 1.0)
        for text in said:
            view.skipped("bump", text)
    assert obeyed(stream.getvalue()) == ["group gates", "endgroup"]


def test_the_token_is_another_one_each_time() -> None:
    stream = io.StringIO()
    with ui.observer(stream, {"GITHUB_ACTIONS": "true"}) as view:
        for step in ("one", "two", "three"):
            view.started(step)
            view.said("text")
    assert len(set(re.findall("::stop-commands::([0-9a-f]{32})", stream.getvalue()))) == 3


def test_an_annotation_escapes_what_would_end_it() -> None:
    stream = io.StringIO()
    with ui.observer(stream, {"GITHUB_ACTIONS": "true"}) as view:
        view.started("gates")
        view.said("::error::100 % wrong")
        view.failed("a:b,c\r\nd", 1.0)
    assert stream.getvalue().endswith("::error title=a%3Ab%2Cc d failed after 1.0 s::::error::100 %25 wrong\n")


def test_a_line_is_annotated_in_words_that_the_runner_reads_back(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ui.annotate("error", "nobody listens", title="lint")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    ui.annotate("error", "50 %\nwrong::", title="a:b,c", path="src/a,b=c%3A.py", line=3, column=7)
    ui.annotate("note", "nowhere", title="", line=3, column=7)
    ui.annotate("warning", "a file", title="x", path="a.py", column=7)

    assert runner.obeyed(capsys.readouterr().err) == [
        Command("error", "50 %\nwrong::", {"file": "src/a,b=c%3A.py", "line": "3", "col": "7", "title": "a:b,c"}),
        Command("notice", "nowhere", {}),
        Command("warning", "a file", {"file": "a.py", "title": "x"}),
    ]


@given(
    st.sampled_from(["error", "warning", "note"]), *[st.lists(st.sampled_from(HOSTILE) | st.text()).map("".join)] * 3
)
@example("error", "::add-mask::x", "a,file=b::##[add-mask]x\r\n::add-mask::x", "\n::add-mask::x")
@pytest.mark.slow
def test_an_annotation_of_whatever_text_is_one_command(level: str, message: str, title: str, path: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITHUB_ACTIONS", "true")
        patch.setattr(sys, "stderr", io.StringIO())
        ui.annotate(level, message, title=title, path=path, line=1)
        (command,) = runner.obeyed(sys.stderr.getvalue())

    assert command.name == {"note": "notice"}.get(level, level)
    assert command.data == ui.clean(message).strip()
    assert command.properties.get("file", "") == ui.clean(path)


def test_an_annotation_is_heard_while_a_step_runs_and_what_it_says_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with ui.observer() as view:
        view.started("gates")
        view.said("::error::before")
        ui.annotate("error", "heard", title="lint")
        view.said("::error::after")

    assert obeyed(sys.stderr.getvalue()) == ["group gates", "error heard", "endgroup"]


@pytest.mark.parametrize(("there", "parts", "kept"), [(0, 9, 9), (0, 12, 10), (500_000, 9, 5), (1_048_000, 9, 0)])
def test_a_summary_holds_as_many_parts_as_github_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: int, parts: int, kept: int
) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("x" * there, encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    ui.summarise(["not on GitHub"])
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    ui.summarise(["é" * 50_000] * parts)

    text = summary.read_text(encoding="utf-8")
    assert len(text.encode()) <= 1024 * 1024
    assert text.count("é" * 50_000 + "\n\n") == kept
    left = f"{parts - kept} more parts do not fit into the summary of a job." if kept < parts else ""
    assert text.removeprefix("x" * there).strip("é\n") == left


def test_a_summary_that_has_no_file_is_said_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "missing" / "summary.md"))

    ui.summarise(["### Gates"])

    assert "the summary of the job could not be written" in capsys.readouterr().err


def test_an_interrupted_step_leaves_no_group_open_and_the_runner_listening() -> None:
    stream = io.StringIO()
    with pytest.raises(KeyboardInterrupt), ui.observer(stream, {"GITHUB_ACTIONS": "true"}) as view:
        interrupted(view)
    assert obeyed(stream.getvalue()) == ["group [2/3] gates: every gate on that tree", "endgroup"]


def test_the_summary_of_the_job_gets_a_table_after_what_was_there(tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n\n", encoding="utf-8")
    with ui.observer(io.StringIO(), {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}) as view:
        view.planned("Release dé*mo* | <b>", [*STEPS, ("land", "")])
        view.finished("stage", 0.4)
        view.skipped("gates", "already done")
        view.started("publish")
    assert summary.read_bytes().decode() == (
        "before\n\n"
        "### Release dé\\*mo\\* \\| \\<b\\>\n\n"
        "| step | result | time |\n"
        "| --- | --- | ---: |\n"
        "| stage | done | 0.4 s |\n"
        "| gates | skipped, already done |  |\n"
        "| publish | did not end |  |\n"
        "| land | not run |  |\n\n"
    )


def test_each_plan_gets_a_table_of_its_own(tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    with ui.observer(io.StringIO(), {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}) as view:
        view.planned("Release demo 1.4.0", STEPS[:1])
        view.failed("stage", 1.0)
        view.planned("Rollback demo 1.4.0", STEPS[:1])
        view.finished("stage", 2.0)
    rows = summary.read_text(encoding="utf-8").splitlines()
    assert [row for row in rows if row.startswith(("###", "| stage"))] == [
        "### Release demo 1.4.0",
        "| stage | failed | 1.0 s |",
        "### Rollback demo 1.4.0",
        "| stage | done | 2.0 s |",
    ]


def test_a_summary_that_cannot_be_written_is_said_and_ends_no_release(tmp_path: Path) -> None:
    stream = io.StringIO()
    missing = tmp_path / "missing" / "summary.md"
    with ui.observer(stream, {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(missing)}) as view:
        release(view)
    assert "the summary of the job could not be written" in stream.getvalue()
    obeyed(stream.getvalue())


# The live view


@pytest.mark.parametrize(
    ("columns", "transcript"),
    [
        (
            40,
            [
                "Release demo 1.4.0",
                "- stage    skipped, already done",
                "✓ gates    1 min 02 s  every gate on th…",
                "✗ publish       0.5 s  make the draft v…",
            ],
        ),
        (
            120,
            [
                "Release demo 1.4.0",
                "- stage    skipped, already done",
                "✓ gates    1 min 02 s  every gate on that tree",
                "✗ publish       0.5 s  make the draft visible",
            ],
        ),
    ],
)
def test_a_terminal_is_left_with_one_line_per_step(terminal: Terminal, columns: int, transcript: list[str]) -> None:
    with ui.observer(terminal.stream, {"TERM": "xterm", "COLUMNS": str(columns)}) as view:
        release(view)
    terminal.all()
    assert terminal.screen(columns) == transcript


@pytest.mark.parametrize(
    ("columns", "said"),
    [(40, "  gate tests with a long, long name …"), (120, "  gate tests with a long, long name passed in 2.1 s")],
)
@pytest.mark.slow
def test_a_terminal_shows_what_runs_what_it_says_and_what_comes(terminal: Terminal, columns: int, said: str) -> None:
    with ui.observer(terminal.stream, {"TERM": "xterm", "COLUMNS": str(columns)}) as view:
        view.planned("Release demo 1.4.0", STEPS)
        terminal.until("0 of 3 done, then: stage")
        view.finished("stage", 0.4)
        view.started("gates")
        terminal.until("every gate on that tree")
        view.said("earlier\n\x1b[2Jgate tests with a long, long name passed in 2.1 s\n\n")
        terminal.until("gate tests", "then: publish", "gate tests", "then: publish")
        shown = terminal.screen(columns)
        view.skipped("gates", "already done")
        view.started("publish")
        terminal.until("2 of 3 done, then: nothing more")
    assert shown[0] == "Release demo 1.4.0"
    assert shown[1].startswith("✓ stage         0.4 s  a clean checkout")
    assert re.fullmatch(r"[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] gates           \d s", shown[2])
    assert shown[3:] == [said, "  1 of 3 done, then: publish"]


def test_a_talkative_step_does_not_make_the_terminal_flicker(terminal: Terminal) -> None:
    with ui.observer(terminal.stream, {"TERM": "xterm", "COLUMNS": "80"}) as view:
        view.started("gates")
        for number in range(5000):
            view.said(f"test {number} passed")
        view.finished("gates", 1.0)
    assert terminal.all().count("passed") < 50


def test_colours_are_left_out_where_the_user_wants_none(terminal: Terminal) -> None:
    with ui.observer(terminal.stream, {"TERM": "xterm-256color", "COLUMNS": "80", "NO_COLOR": "1"}) as view:
        release(view)
    assert not re.search(r"\x1b\[[0-9;]*[34][0-9]", terminal.all())


def test_an_empty_no_color_means_colours(terminal: Terminal) -> None:
    with ui.observer(terminal.stream, {"TERM": "xterm-256color", "COLUMNS": "80", "NO_COLOR": ""}) as view:
        release(view)
    assert re.search(r"\x1b\[[0-9;]*3[0-9]", terminal.all())


def test_an_interrupted_step_leaves_a_line_and_a_visible_cursor(terminal: Terminal) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        ui.observer(terminal.stream, {"TERM": "xterm", "COLUMNS": "40"}) as view,
    ):
        interrupted(view)
    cursor = re.findall(r"\x1b\[\?25([lh])", terminal.all())
    assert cursor[0] == "l"
    assert cursor[-1] == "h"
    assert terminal.screen(40) == ["Release demo 1.4.0", "✗ gates         0.0 s  every gate on th…"]


def test_the_moving_lines_step_aside_while_something_else_has_the_terminal(terminal: Terminal) -> None:
    environment = {"TERM": "xterm", "COLUMNS": "40"}
    with ui.observer(terminal.stream, environment) as view:
        view.planned("Release demo 1.4.0", STEPS)
        terminal.until("then: stage")
        with ui.paused(), ui.paused():
            terminal.stream.write("Password:")
            terminal.stream.flush()
            terminal.until("Password:")
            alone = terminal.screen(40)
            terminal.stream.write("\n")
        terminal.until("then: stage")
        together = terminal.screen(40)
    assert alone == ["Release demo 1.4.0", "Password:"]
    assert together == ["Release demo 1.4.0", "Password:", "  0 of 3 done, then: stage"]


@pytest.mark.slow
def test_messages_go_above_the_moving_lines(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(sys, "stderr", terminal.stream)
    with ui.observer() as view:
        view.planned("Release demo 1.4.0", STEPS)
        terminal.until("then: stage")
        ui.say("what becomes public")
        ui.table("Refs", ["ref"], [["main"]])
        terminal.until("Refs", "main", "then: stage")
        sys.stderr.write("a stray line of a library\n")
        person = threading.Thread(target=lambda: (terminal.until("[y/N]"), terminal.type("y\n")))
        person.start()
        assert ui.confirm("Push?", terminal.input)
        person.join()
        terminal.until("then: stage")
        shown = terminal.screen(40)
    assert shown == [
        "Release demo 1.4.0",
        "what becomes public",
        "Refs",
        "",
        "ref",
        "main",
        "a stray line of a library",
        "Push? [y/N]",
        "  0 of 3 done, then: stage",
    ]


SCRIPT = """
import signal, sys, threading
from hephaestus import ui
signal.signal(signal.SIGINT, signal.default_int_handler)
with ui.observer() as view:
    ui.document({"version": "1.4.0"})
    view.planned("Release demo 1.4.0", [("gates", "every gate on that tree, and then some more words")])
    view.started("gates")
    threading.Event().wait()
"""


def test_ctrl_c_leaves_the_terminal_as_it_was_and_standard_output_to_the_machine(terminal: Terminal) -> None:
    import termios

    terminal.resize(40)
    before = termios.tcgetattr(terminal.stream)
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=terminal.stream,
        text=True,
    ) as process:
        terminal.until("then: nothing more")
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate()
    assert json.loads(output) == {"version": "1.4.0"}
    assert termios.tcgetattr(terminal.stream) == before
    terminal.all()
    transcript = terminal.screen(200)[:2]
    assert transcript[0] == "Release demo 1.4.0"
    assert re.fullmatch(r"✗ gates +\d\.\d s  every gate on that…", transcript[1])
    assert terminal.seen.rindex("\x1b[?25h") > terminal.seen.rindex("\x1b[?25l")


def test_rich_is_not_imported_before_there_is_a_terminal() -> None:
    code = """
import io, sys
from hephaestus import errors, ui
with ui.observer(io.StringIO(), {}) as view:
    view.started("gates")
ui.error(errors.UsageError("no", "yes"), io.StringIO())
ui.table("title", ["a"], [["b"]], io.StringIO())
sys.exit("rich" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Single messages


def test_an_error_says_what_happened_and_then_the_command_that_mends_it() -> None:
    stream = io.StringIO()
    ui.error(CommandFailed("git push ended with code 1:\nno\x1b[2J such remote", "git remote -v"), stream)
    assert stream.getvalue() == "error: git push ended with code 1:\nno such remote\n\nhint: git remote -v\n"


def test_an_error_without_a_command_is_one_line() -> None:
    stream = io.StringIO()
    ui.error(CommandFailed("the disk is gone"), stream)
    assert stream.getvalue() == "error: the disk is gone\n"


def test_failed_checks_show_every_problem_with_its_own_command() -> None:
    stream = io.StringIO()
    problems = [Problem("README.md is changed", "git restore README.md"), Problem("v1.0 exists", "git tag -d v1.0")]
    ui.error(ChecksFailed(problems), stream)
    assert stream.getvalue() == (
        "error: 2 problems found, nothing was changed\n\n"
        "problem: README.md is changed\n  hint: git restore README.md\n\n"
        "problem: v1.0 exists\n  hint: git tag -d v1.0\n"
    )


def test_a_long_command_on_a_narrow_terminal_is_not_broken(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    command = "git push --atomic origin refs/heads/main:refs/heads/main " + "[bold]--force-with-lease " * 5
    ui.error(CommandFailed("no", command.strip()), terminal.stream)
    assert command.strip() in terminal.all()
    assert "\x1b[1;31merror:" in terminal.seen


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_an_error_has_no_colour_where_the_user_wants_none(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    ui.error(CommandFailed("no", "yes"), terminal.stream)
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", terminal.all())


def test_an_error_in_a_pipe_has_no_colour_even_where_colour_is_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    stream = io.StringIO()
    ui.error(CommandFailed("no", "yes"), stream)
    ui.table("title", ["a"], [["b"]], stream)
    assert "\x1b" not in stream.getvalue()


def test_the_last_words_of_a_hostile_program_are_no_workflow_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    stream = io.StringIO()
    ui.error(CommandFailed("ended with code 1:\n::error::x\nok ##[add-mask]x"), stream)
    ui.table("::error::x", ["##[add-mask]x"], [], stream)
    assert obeyed(stream.getvalue()) == []
    assert "ok ##[add-mask]x\n" in stream.getvalue()


def test_a_line_for_people_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    ui.say("nothing to\nrelease\x1b[2J")
    assert capsys.readouterr() == ("", "nothing to release\n")


def test_a_table_in_a_pipe_is_aligned_and_as_wide_as_it_must_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "10")
    stream = io.StringIO()
    ui.table("Steps", ["step", "seconds"], [["wheelhouse", "12.3"], ["ga\ntes", "1\x1b[2J"]], stream)
    assert stream.getvalue() == "Steps\n\nstep        seconds\nwheelhouse  12.3\nga tes      1\n"


def test_a_table_without_rows_shows_its_columns() -> None:
    stream = io.StringIO()
    ui.table("Steps", ["step", "seconds"], [], stream)
    assert stream.getvalue() == "Steps\n\nstep  seconds\n"


def test_a_table_on_a_narrow_terminal_folds_and_loses_nothing(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    digest = "0123456789abcdef" * 4
    ui.table("Assets", ["name", "sha256"], [["[red]demo.whl", digest]], terminal.stream)
    terminal.all()
    lines = terminal.screen(200)
    assert max(map(len, lines)) <= 40
    assert "".join(line[-len(line.split()[-1]) :] for line in lines[3:] if line) == digest
    assert "[red]demo.whl" in "".join(lines)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
@example({"b": "##[add-mask]x", "a": "é"})
@pytest.mark.slow
def test_a_document_says_in_utf_8_and_in_ascii_what_was_given(data: Any) -> None:
    for encoding in ("utf-8", "ascii"):
        raw = io.BytesIO()
        stream = io.TextIOWrapper(raw, encoding=encoding)
        ui.document(data, stream)
        assert json.loads(raw.getvalue().decode("utf-8")) == data
        assert b"##[" not in raw.getvalue()
        assert raw.getvalue().endswith(b"\n")


def test_a_document_keeps_its_order_and_its_letters() -> None:
    stream = io.StringIO()
    ui.document({"b": "é", "a": [1]}, stream)
    assert stream.getvalue() == '{\n  "b": "é",\n  "a": [\n    1\n  ]\n}\n'


def test_a_document_goes_to_standard_output_alone(capsys: pytest.CaptureFixture[str]) -> None:
    ui.document(None)
    assert capsys.readouterr() == ("null\n", "")


def test_a_document_may_hold_bytes_that_were_no_text() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="utf-8")
    ui.document("\udcff", stream)
    assert json.loads(raw.getvalue()) == "\udcff"


@pytest.mark.parametrize(
    ("keys", "agreed"),
    [
        ("y\n", True),
        ("YES\n", True),
        (" Yes \n", True),
        ("n\n", False),
        ("\n", False),
        ("ja\n", False),
        ("\x04", False),
    ],
)
def test_only_y_and_yes_are_a_yes(terminal: Terminal, keys: str, agreed: bool) -> None:  # noqa: FBT001  (expected)
    stream = io.StringIO()
    terminal.type(keys)
    assert ui.confirm("Push main\x1b[2J and v1.4.0?", terminal.input, stream) is agreed
    assert stream.getvalue().rstrip("\n") == "Push main and v1.4.0? [y/N] "
    assert stream.getvalue().endswith("\n") is (keys == "\x04")


def test_nobody_is_asked_where_nobody_can_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    assert not ui.confirm("Push?", io.StringIO("y\n"), stream)
    monkeypatch.setattr(sys, "stdin", None)
    assert not ui.confirm("Push?", None, stream)
    assert stream.getvalue() == ""


def test_a_passage_has_a_label_and_lines_below(terminal: Terminal) -> None:
    stream = io.StringIO()
    for each in (stream, terminal.stream):
        ui.passage(ui.Cell("li\nnt failed", "bad"), "3\nproblems\x1b[2J", ["a.py:1: [red]x", "b.py:\n2"], each)

    assert stream.getvalue() == "\nli nt failed: 3 problems\n  a.py:1: [red]x\n  b.py: 2\n"
    assert terminal.all().replace("\r", "") == f"\n\x1b[1;31mli nt failed: \x1b[0m{stream.getvalue()[15:]}"


def test_cells_have_colours_on_a_terminal_alone(terminal: Terminal) -> None:
    stream = io.StringIO()
    rows = [[ui.Cell("passed", "good"), ui.Cell("fai\nled", "bad"), ui.Cell("odd", "no such tone"), "plain"]]
    for each in (stream, terminal.stream):
        ui.table("gates", ["a", "b", "c", "d"], rows, each)

    assert stream.getvalue() == "gates\n\na       b        c    d\npassed  fai led  odd  plain\n"
    assert "\x1b[32mpassed\x1b[0m" in terminal.all()
    assert "\x1b[1;31mfai led\x1b[0m" in terminal.seen


def test_a_document_holds_nothing_that_a_terminal_obeys() -> None:
    stream = io.StringIO()
    ui.document("\x1b[2J\x9b2J\x7f\u202e\u2066é", stream)

    assert stream.getvalue() == '"\\u001b[2J\\u009b2J\\u007f\\u202e\\u2066é"\n'


@pytest.mark.parametrize(
    ("columns", "shown"),
    [(80, "name  size  sha256        url"), (30, "name  size  sha256"), (26, "name  size  sha256"), (20, "name  size")],
)
def test_of_a_table_for_which_a_terminal_is_too_narrow_the_columns_that_fit_are_shown(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, columns: int, shown: str
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    row = ["demo", "1 kB", "0123456789ab", "https://example.org"]
    ui.table("Assets", ["name", "size", "sha256", "url"], [row], terminal.stream, first=2)
    terminal.all()

    assert shown in [line.rstrip() for line in terminal.screen(200)]
