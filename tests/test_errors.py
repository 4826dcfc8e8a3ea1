"""What a user is told when something goes wrong: one table of exit codes, and a command to paste."""

import ast
import json
import re
from functools import cache
from pathlib import Path

import pytest

from hephaestus import errors
from hephaestus.errors import ChecksFailed, HephaestusError, Problem

SOURCE = Path(errors.__file__).parent
README = SOURCE.parent.parent / "README.md"

# Where an error is raised without a hint, and why none can be given there.
NO_HINT = {
    "ChecksFailed": "each problem has its own",
    "wheelhouse/house.py": "whoever asked for the archive knows where it came from; what was unpacked is taken away",
    "install.py": "the installation as a whole says where to look",
    "wheelhouse/merge.py": "the merge as a whole says how to compare the archives",
    "wheelhouse/opened.py: is not complete": "whoever opened the archive knows where it lies",
    "wheelhouse/fetch.py: type(error)": "our own mistake, which no command can mend",
    "environments.py": "the environment that failed is taken away; whoever asked for it says where to look",
    "forge/directory.py: the draft of": "only the step that uploads can choose another name",
    "forge/github/releases.py: the draft of": "only the step that uploads can choose another name",
    "forge/names.py": "only the step that uploads can choose another name",
    "plan.py: this release is being rolled back": "the release and the rollback name the command that goes on",
    "publish.py: still shows it": "the rollback names its own command",
    "system.py": "a program's last words are in the message, and only the step knows what it was for",
}


def codes() -> dict[str, int]:
    """Return the exit code of every error there is."""
    found = {HephaestusError, *HephaestusError.__subclasses__()}
    return {kind.__name__: kind.exit_code for kind in found}


@cache
def calls() -> list[tuple[str, ast.Call]]:
    """Return every place where an error or a problem is made, with the file it is in."""
    return [
        (path.relative_to(SOURCE).as_posix(), node)
        for path in sorted(SOURCE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(getattr(errors, getattr(node.func, "attr", getattr(node.func, "id", "")), None), type)
    ]


def hintless(call: ast.Call) -> bool:
    given = len(call.args) + len(call.keywords)
    unpacked = any(isinstance(argument, ast.Starred) for argument in call.args)
    nothing = len(call.args) > 1 and isinstance(call.args[1], ast.Constant) and not call.args[1].value
    return (given < 2 and not unpacked) or nothing


def test_every_error_has_an_exit_code_of_its_own() -> None:
    assert len(set(codes().values())) == len(codes())
    assert 0 not in codes().values()
    assert HephaestusError.__subclasses__()
    # What a module makes of one of them, to tell its own cases apart, ends the program as that one does.
    finer = [(kind, each) for kind in HephaestusError.__subclasses__() for each in kind.__subclasses__()]
    assert [
        each for kind, each in finer if each.exit_code != kind.exit_code or each.__module__ == errors.__name__
    ] == []


def test_the_table_at_the_top_of_the_module_is_the_truth() -> None:
    rows = re.findall(r"^(?: [├└]── )?(\w+) +(\d+)  \S", errors.__doc__ or "", re.MULTILINE)

    assert {name: int(code) for name, code in rows} == codes()


def test_the_table_in_the_readme_is_the_truth() -> None:
    if not README.is_file():
        pytest.skip("the README is not part of an installation")
    section = README.read_text(encoding="utf-8").partition("## Exit codes")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \| \S", section, re.MULTILINE)

    assert {name: int(code) for code, name in rows} == codes()


def test_both_tables_say_the_same() -> None:
    if not README.is_file():
        pytest.skip("the README is not part of an installation")
    text = README.read_text(encoding="utf-8")

    for name, meaning in re.findall(r"^(?: [├└]── )?(\w+) +\d+  (.+)$", errors.__doc__ or "", re.MULTILINE):
        if name != "HephaestusError":
            assert f"`{name}` | {meaning} |" in text


@pytest.mark.slow
def test_every_problem_comes_with_a_command() -> None:
    made = [(file, call) for file, call in calls() if ast.unparse(call.func).endswith("Problem")]

    assert made
    assert [f"{file}:{call.lineno}" for file, call in made if hintless(call)] == []


@pytest.mark.slow
def test_every_error_comes_with_a_command_or_a_reason_why_not() -> None:
    raised = [(file, call) for file, call in calls() if not ast.unparse(call.func).endswith("Problem")]
    bare = [f"{file}:{call.lineno}: {ast.unparse(call)}" for file, call in raised if hintless(call)]
    reasons = {reason: [place for place in bare if excused(place, reason)] for reason in NO_HINT}

    assert [place for place in bare if not any(excused(place, reason) for reason in NO_HINT)] == []
    assert [reason for reason, places in reasons.items() if not places] == [], "these reasons have no use any more"


def excused(place: str, reason: str) -> bool:
    file, _, words = reason.partition(": ")
    return (place.startswith(f"{file}:") or f": {file}(" in place) and words in place


def test_checks_that_failed_count_their_problems() -> None:
    one, two = Problem("a is b", "mend a"), Problem("c is d", "mend c")

    assert ChecksFailed([one]).message == "1 problem found, nothing was changed"
    assert ChecksFailed([one, two]).message == "2 problems found, nothing was changed"


def test_a_machine_is_told_what_a_person_is_told() -> None:
    failed = ChecksFailed([Problem("the tag v1 exists", "git show v1")])

    assert json.loads(json.dumps(failed.document())) == {
        "error": "1 problem found, nothing was changed",
        "hint": None,
        "exit_code": 3,
        "problems": [{"message": "the tag v1 exists", "hint": "git show v1"}],
    }


def test_an_error_reads_as_its_message() -> None:
    assert str(HephaestusError("all is lost", "run")) == "all is lost"


def test_a_password_in_an_address_is_never_told() -> None:
    secret = "fatal: could not read https://bob:hunter2secret@example.org/x.git"

    for text in (str(HephaestusError(secret)), HephaestusError("", secret).hint, Problem(secret, secret).message):
        assert "hunter2secret" not in str(text)
