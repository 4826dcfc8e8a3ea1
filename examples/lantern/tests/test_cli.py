import io
import json
from pathlib import Path

import pytest

from lantern_report import __version__
from lantern_report.cli import main

LOG = str(Path(__file__).parent / "data" / "requests.jsonl")


def test_the_table_shows_counts_shares_and_percentiles(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    assert main([LOG, "--by", "request.path", "--measure", "duration_ms", "--unit", "ms"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "/search" in line]
    cells = [cell.strip() for cell in line.strip("│").split("│")]
    assert cells == ["/search", "3", "42.9%", "95.5 ms", "30.0 s", "30.0 s", "30.0 s"]


def test_bytes_are_shown_as_people_read_them(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    assert main([LOG, "--by", "status", "--measure", "bytes", "--unit", "bytes"]) == 0
    assert "20.0 KiB" in capsys.readouterr().out


def test_json_has_the_same_rows(capsys):
    assert main([LOG, "--by", "request.path", "--format", "json", "--top", "1"]) == 0
    assert json.loads(capsys.readouterr().out) == [
        {"group": "/search", "count": 3, "share": 3 / 7},
    ]


def test_a_csv_file_is_told_by_its_name(tmp_path, capsys):
    log = tmp_path / "Access.CSV"
    log.write_text("status,ms\n200,5\n200,7\n500,9\n", encoding="utf-8")
    assert main([str(log), "--by", "status", "--measure", "ms", "--format", "json"]) == 0
    assert [row["maximum"] for row in json.loads(capsys.readouterr().out)] == [7, 9]


def test_standard_input_is_a_log_too(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO("level\nwarning\n"))
    assert main(["-", "--input", "csv", "--by", "level", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["group"] == "warning"


def test_brackets_in_a_group_are_text_and_no_markup(tmp_path, capsys):
    log = tmp_path / "log.jsonl"
    log.write_text('{"module": "[red]worker[/red]"}\n', encoding="utf-8")
    assert main([str(log), "--by", "module"]) == 0
    assert "[red]worker[/red]" in capsys.readouterr().out


@pytest.mark.parametrize("top", ["0", "-1", "many"])
def test_a_number_of_groups_that_makes_no_sense_is_refused(capsys, top):
    with pytest.raises(SystemExit) as ended:
        main([LOG, "--by", "status", f"--top={top}"])
    assert ended.value.code == 2
    assert "--top" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"{oops\n", b"\xff\xfe\n"])
def test_a_log_that_cannot_be_read_is_named_without_a_traceback(tmp_path, capsys, content):
    log = tmp_path / "broken.jsonl"
    log.write_bytes(content)
    assert main([str(log), "--by", "a"]) == 2
    assert "broken.jsonl" in capsys.readouterr().err


def test_a_file_that_is_not_there_is_an_error(tmp_path, capsys):
    assert main([str(tmp_path / "absent.jsonl"), "--by", "a"]) == 2
    assert "absent.jsonl" in capsys.readouterr().err


def test_the_version_is_printed(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"lantern {__version__}\n"
