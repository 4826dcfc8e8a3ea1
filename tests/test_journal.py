"""The journal: what a killed release remembers, whatever its last line looks like."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hephaestus import journal
from hephaestus.errors import UsageError

FACTS = {"id": "1f" * 16, "version": "1.1.0", "tag": "v1.1.0", "branch": "main"}
TEXT = st.text()


@pytest.fixture
def where(tmp_path: Path) -> Path:
    return journal.directory(tmp_path)


def lines(record: journal.Journal) -> list[dict[str, object]]:
    return [json.loads(line) for line in record.path.read_bytes().splitlines()]


def test_a_journal_lies_under_the_git_directory_where_no_commit_can_forge_it(tmp_path: Path) -> None:
    record = journal.create(journal.directory(tmp_path), "v1.1.0", FACTS)

    assert record.path.relative_to(tmp_path).as_posix() == "hephaestus/journals/v1.1.0.jsonl"


def test_the_first_line_holds_the_facts_and_each_line_after_it_one_thing_that_happened(where: Path) -> None:
    record = journal.create(where, "v1.1.0", FACTS)
    record.begin("stage")
    record.finish("stage", 1.23456)
    record.waive("lint", "the linter is broken")
    record.turn_back(published=False)
    record.undo("stage")
    record.finish_undo("stage")
    record.end("rolled back")

    said = [{name: value for name, value in line.items() if name != "at"} for line in lines(record)]

    assert said == [
        {"facts": FACTS},
        {"begin": "stage"},
        {"done": "stage", "seconds": 1.235},
        {"waive": "lint", "because": "the linter is broken"},
        {"back": "unpublished"},
        {"undo": "stage"},
        {"undone": "stage"},
        {"end": "rolled back"},
    ]


def test_what_was_written_is_read_again_by_another_process(where: Path) -> None:
    record = journal.create(where, "v1.1.0", FACTS)
    record.begin("stage")
    record.finish("stage", 1)
    record.begin("bump")

    again = journal.find(where, "v1.1.0")

    assert again == record
    assert again.done("stage")
    assert again.begun("bump")
    assert not again.done("bump")
    assert not again.begun("changelog")


def test_a_step_that_is_begun_again_is_no_longer_done(where: Path) -> None:
    record = journal.create(where, "v1.1.0", FACTS)
    record.begin("build")
    record.finish("build", 2)
    record.begin("build")

    assert not record.done("build")

    record.finish("build", 3)
    assert record.done("build")
    assert record.seconds == {"build": 5}


def test_a_release_is_in_flight_until_it_ends(where: Path) -> None:
    for version in ("1.1.0", "1.2.0", "1.3.0"):
        journal.create(where, f"v{version}", {**FACTS, "version": version})
    journal.find(where, "v1.1.0").end("released")
    journal.find(where, "v1.2.0").end("rolled back")

    assert [record.facts["version"] for record in journal.in_flight(where)] == ["1.3.0"]
    assert journal.find(where, "v1.1.0").ended == "released"
    assert journal.find(where, "v1.2.0").ended == "rolled back"
    assert journal.find(where, "v1.3.0").ended is None


def test_a_clone_without_releases_has_none_in_flight(where: Path) -> None:
    assert journal.in_flight(where) == []
    assert journal.find(where, "v1.1.0") is None
    assert journal.archived(where, "v1.1.0") == []


def test_going_back_is_remembered_and_written_once(where: Path) -> None:
    record = journal.create(where, "v1.1.0", FACTS)
    assert (record.going_back, record.was_published) == (False, False)

    record.turn_back(published=True)
    record.turn_back(published=False)

    again = journal.find(where, "v1.1.0")
    assert (again.going_back, again.was_published) == (True, True)
    assert len(lines(record)) == 2


def test_why_a_release_goes_back_is_kept_until_another_reason_is_given(where: Path) -> None:
    record = journal.create(where, "v1.1.0", FACTS)
    assert (record.reason, record.was_immutable) == ("", False)

    record.turn_back(published=True, immutable=True, because="it empties the log")
    record.turn_back(published=True)
    assert len(lines(record)) == 2
    record.turn_back(published=True, because="it is a hole")

    again = journal.find(where, "v1.1.0")
    assert (again.reason, again.was_immutable, again.was_published) == ("it is a hole", True, True)
    assert len(lines(record)) == 3


def test_what_is_left_to_a_person_is_written_once(where: Path) -> None:
    record = journal.create(where, "v1.1.0", FACTS)

    record.leave("the tag is still there", "open the page")
    record.leave("the tag is still there", "open the page")

    assert journal.find(where, "v1.1.0").left == [{"what": "the tag is still there", "hint": "open the page"}]


def test_a_try_that_was_rolled_back_can_be_opened_again_with_nothing_taken_back(where: Path) -> None:
    record = journal.create(where, "v1.1.0", FACTS)
    record.begin("push")
    record.finish("push", 1.0)
    record.turn_back(published=True, because="a hole")
    record.undo("push")
    record.finish_undo("push")
    record.leave("the tag is still there", "open the page")
    record.end("rolled back")
    record.archive()

    again = journal.reopen(where, "v1.1.0", FACTS["id"])

    assert again is not None
    assert again.path == record.path
    assert journal.find(where, "v1.1.0").records == again.records
    assert (again.begun("push"), again.undone("push"), again.going_back) == (True, False, True)
    assert (again.reason, again.left, again.ended) == ("a hole", [], None)
    assert journal.reopen(where, "v1.1.0", "0" * 32) is None


def test_a_try_that_nobody_saw_is_not_opened_again(where: Path) -> None:
    record = journal.create(where, "v1.1.0", FACTS)
    record.begin("tag")
    record.end("rolled back")
    record.archive()

    assert journal.reopen(where, "v1.1.0", FACTS["id"]) is None


def test_a_release_that_nobody_saw_goes_back_as_one_that_was_not_published(where: Path) -> None:
    record = journal.create(where, "v1.1.0", FACTS)
    record.turn_back(published=False)

    assert (record.going_back, record.was_published) == (True, False)


def test_a_step_that_is_only_being_taken_back_is_not_undone(where: Path) -> None:
    record = journal.create(where, "v1.1.0", FACTS)
    record.begin("draft")
    record.undo("draft")
    assert not journal.find(where, "v1.1.0").undone("draft")

    record.finish_undo("draft")
    assert journal.find(where, "v1.1.0").undone("draft")


def test_the_last_reason_for_a_gate_counts_and_the_same_one_is_not_written_twice(where: Path) -> None:
    record = journal.create(where, "v1.1.0", FACTS)
    for reason in ("first", "first", "second"):
        record.waive("lint", reason)

    assert journal.find(where, "v1.1.0").waived == {"lint": "second"}
    assert len(lines(record)) == 3


def test_a_journal_of_a_recovered_release_is_there_with_its_records_or_not_at_all(where: Path) -> None:
    records = [{"begin": "push"}, {"done": "push", "seconds": 0.0}]

    record = journal.create(where, "v1.1.0", FACTS, records)

    assert [path.name for path in where.iterdir()] == ["v1.1.0.jsonl"]
    assert journal.find(where, "v1.1.0") == record
    assert journal.find(where, "v1.1.0").done("push")


# Torn and damaged


def test_a_last_line_that_is_torn_anywhere_is_cut_before_the_next_one_is_added(where: Path) -> None:
    record = journal.create(where, "v1.1.0", FACTS)
    record.begin("stage")
    before = record.path.read_bytes()
    record.finish("stage", 1)
    record.waive("lint", "“a reason” … in more than ASCII")
    whole = record.path.read_bytes()
    first_line_end = whole.index(b"\n", len(before)) + 1

    for size in range(len(before), len(whole)):
        record.path.write_bytes(whole[:size])
        read = journal.find(where, "v1.1.0")
        kept = before if size < first_line_end else whole[:first_line_end]
        assert read.done("stage") == (size >= first_line_end)
        assert record.path.read_bytes() == whole[:size], "reading changes nothing"

        read.begin("bump")

        assert record.path.read_bytes().startswith(kept + b'{"begin": "bump"'), size
        assert journal.find(where, "v1.1.0").begun("bump")


def test_a_journal_whose_first_line_is_torn_was_never_begun(where: Path) -> None:
    record = journal.create(where, "v1.1.0", FACTS)
    whole = record.path.read_bytes()
    for size in range(len(whole)):
        record.path.write_bytes(whole[:size])

        assert journal.find(where, "v1.1.0") is None
        assert journal.in_flight(where) == []

    assert journal.create(where, "v1.1.0", FACTS) == journal.find(where, "v1.1.0")


@pytest.mark.parametrize("damage", [b"\xff\xfe\n", b"{\n", b"\n", b'["a list"]\n', b'"words"\n', b"12\n", b"null\n"])
def test_a_line_in_the_middle_that_is_no_record_is_an_error_with_the_command_that_puts_it_aside(
    where: Path, damage: bytes
) -> None:
    record = journal.create(where, "v1.1.0", FACTS)
    record.begin("stage")
    first, second = record.path.read_bytes().splitlines(keepends=True)
    record.path.write_bytes(first + damage + second)

    for look in (lambda: journal.find(where, "v1.1.0"), lambda: journal.in_flight(where)):
        with pytest.raises(UsageError, match=r"v1\.1\.0\.jsonl is damaged") as caught:
            look()
        assert caught.value.hint.startswith("mv ")


@pytest.mark.parametrize("first", [b"{}\n", b'{"facts": 1}\n', b"null\n", b"[]\n", b'{"begin": "stage"}\n'])
def test_a_journal_without_facts_is_damaged(where: Path, first: bytes) -> None:
    record = journal.create(where, "v1.1.0", FACTS)
    record.path.write_bytes(first)

    with pytest.raises(UsageError, match="damaged"):
        journal.find(where, "v1.1.0")


# History


def test_an_archived_journal_makes_room_for_the_next_try_and_is_kept(where: Path) -> None:
    record = journal.create(where, "v1.1.0", FACTS)
    record.end("rolled back")
    record.archive()

    assert journal.find(where, "v1.1.0") is None
    assert journal.in_flight(where) == []
    second = journal.create(where, "v1.1.0", {**FACTS, "id": "2f" * 16})
    second.archive()

    kept = journal.archived(where, "v1.1.0")
    assert [json.loads(path.read_bytes().splitlines()[0])["facts"]["id"] for path in kept] == ["1f" * 16, "2f" * 16]


def test_a_tag_with_odd_characters_has_a_journal_of_its_own(where: Path) -> None:
    names = ["release/1.0", "v1.*", "v1.0", "ünï", "../../outside", "v1.[0]", "%2e"]
    for name in names:
        journal.create(where, name, {**FACTS, "tag": name})

    assert {journal.find(where, name).facts["tag"] for name in names} == set(names)
    assert len([path for path in where.iterdir() if path.is_file()]) == len(names)
    for name in names:
        journal.find(where, name).archive()
        assert len(journal.archived(where, name)) == 1


@given(facts=st.dictionaries(TEXT, TEXT), reasons=st.lists(st.tuples(TEXT, TEXT), max_size=4))
@pytest.mark.slow
def test_any_text_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, facts: dict[str, str], reasons: list[tuple[str, str]]
) -> None:
    where = tmp_path_factory.mktemp("journals")
    record = journal.create(where, "v1", facts)
    for gate, reason in reasons:
        record.waive(gate, reason)

    assert journal.find(where, "v1") == record


def test_a_tag_that_another_begins_with_has_no_archived_journals_of_its_own(where: Path) -> None:
    journal.create(where, "v1.1.0", FACTS).archive()

    assert journal.archived(where, "v1.1.0")
    assert journal.archived(where, "v1") == []
    assert journal.archived(where, "v1.1") == []
