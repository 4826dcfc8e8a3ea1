"""The gate `examples`: what the documents show is Python and works with the wheel, and what cannot be run is no alarm."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from benches import ask, bench, chosen, places, write

import wheels
from hephaestus import documents, environments
from hephaestus.documents.blocks import blocks
from hephaestus.environments import Environment
from hephaestus.errors import CouldNotRun
from hephaestus.gates import _sessions
from hephaestus.gates.builtin.examples import choose
from hephaestus.gates.gate import Answer, Gate, Off

PACKAGE = '''\
"""A small tree."""

import os, time


class Tree:
    def __init__(self, leaves=1):
        self.leaves = leaves

    def __repr__(self):
        return f"Tree(leaves={self.leaves})"


def grow(leaves=1):
    return Tree(leaves)


def fetch():
    raise OSError("no network")


def chance():
    return "".join(chr(97 + byte % 26) for byte in os.urandom(8))


colours = []
'''


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel of the package, made once for all."""
    home = tmp_path_factory.getbasetemp() / "examples"
    if not home.is_dir():
        wheel = wheels.make_wheel(home, "acorn", "1.0", files={"acorn/__init__.py": PACKAGE})
        environment = environments.create(home / "environment")
        (site,) = environment.root.glob("lib/*/site-packages")
        with zipfile.ZipFile(wheel) as opened:
            opened.extractall(site)
    return home


def asked(root: Path, tmp_path: Path, home: Path, *, seconds: float = 60) -> Answer:
    (wheel,) = home.glob("*.whl")
    environment = Environment(home / "environment")
    gate = chosen(choose, root)["examples"]
    return ask(gate, bench(root, tmp_path / "room", environment=environment, wheel=wheel, seconds=seconds))


def session(*lines: str, language: str = "python") -> str:
    return "\n".join(["# Acorn", "", f"```{language}", *lines, "```", ""])


@pytest.mark.slow
def test_sessions_that_show_what_the_wheel_does_pass(tmp_path: Path, home: Path) -> None:
    readme = session(">>> import acorn", ">>> acorn.grow(3)", "Tree(leaves=3)", language="pycon")
    write(
        tmp_path / "acorn",
        {"README.md": readme, "docs/a.rst": ">>> from acorn import Tree\n>>> Tree()\nTree(leaves=1)\n"},
    )

    assert asked(tmp_path / "acorn", tmp_path, home) == Answer("passed")


STALE = [
    ([">>> from acorn import Bush"], 4, "cannot import name 'Bush'"),
    ([">>> import acorn.twigs"], 4, "No module named 'acorn.twigs'"),
    ([">>> import acorn", ">>> acorn.shrink()"], 5, "has no attribute 'shrink'"),
    ([">>> import acorn", ">>> acorn.grow().wither()"], 5, "no attribute 'wither'"),
    ([">>> import acorn", ">>> acorn.grow(colour='red')"], 5, "unexpected keyword argument 'colour'"),
    ([">>> from acorn import Tree", ">>> Tree(1, 2)"], 5, "positional arguments"),
    ([">>> import acorn", ">>> acorn.grow(3)", "Tree(leaves=4)"], 5, "gives Tree(leaves=3), not Tree(leaves=4)"),
]


@pytest.mark.slow
def test_what_the_wheel_does_not_do_any_more_is_told_with_its_place(tmp_path: Path, home: Path) -> None:
    write(tmp_path / "acorn", {f"docs/{number}.md": session(*lines) for number, (lines, _, _) in enumerate(STALE)})

    answer = asked(tmp_path / "acorn", tmp_path, home)

    assert answer.verdict == "failed"
    assert places(answer) == [f"docs/{number}.md:{line} example" for number, (_, line, _) in enumerate(STALE)]
    assert [
        said for finding, (_, _, said) in zip(answer.findings, STALE, strict=True) if said not in finding.message
    ] == []


NO_ALARM = [
    [">>> import numpy", ">>> numpy.zeros(3)", "array([0., 0., 0.])"],
    [">>> acorn.fetch()", "'leaves'"],
    [">>> open('leaves.csv')"],
    [">>> forest", "[]"],
    [">>> acorn.chance()", "'abcdefgh'"],
    [">>> {'b', 'a'}", "{'a', 'b'}"],
    [">>> {10, 2, 33}", "{2, 10, 33}"],
    [">>> tree = acorn.grow()", ">>> tree = acorn.fetch()", ">>> tree.branches()"],
    [">>> acorn", "<module 'acorn' from '/home/robin/acorn.py'>"],
    [">>> 1 / 3", "0.3333"],
    [">>> print('a  b')", "a b"],
    [">>> acorn.grow()", "Tree(…)"],
    [">>> acorn.grow()", "# a tree"],
    [">>> acorn.grow()  # doctest: +SKIP", "Bush()"],
    [">>> import time", ">>> time.strftime('%Y-%m-%d')", "'2020-01-01'"],
    [">>> [acorn.grow()]", "[", "    Tree(leaves=1),", "]"],
    [">>> class Tree: ...", ">>> Tree(3)"],
    [">>> def broken(:", "..."],
    [">>>print(1)"],
]


@pytest.mark.slow
def test_what_cannot_be_run_here_or_differs_from_day_to_day_is_no_alarm(tmp_path: Path, home: Path) -> None:
    sessions = [session(">>> import acorn", *lines) for lines in NO_ALARM]
    write(tmp_path / "acorn", {f"docs/{number:02}.md": text for number, text in enumerate(sessions)})

    answer = asked(tmp_path / "acorn", tmp_path, home)

    assert answer.verdict == "passed", answer
    assert answer.findings == ()


@pytest.mark.slow
def test_what_comes_after_an_example_that_could_not_be_run_is_not_held_against_the_project(
    tmp_path: Path, home: Path
) -> None:
    lines = [">>> import acorn", ">>> n = 3", ">>> n = len(acorn.fetch())", ">>> n", "5", ">>> acorn.shrink()"]
    write(tmp_path / "acorn", {"README.md": session(*lines)})

    answer = asked(tmp_path / "acorn", tmp_path, home)

    assert places(answer) == ["README.md:9 example"]
    assert answer.reason.endswith("1 of 5 examples could not be run here")


@pytest.mark.slow
def test_what_depends_on_code_that_is_not_run_is_not_held_against_the_project(tmp_path: Path, home: Path) -> None:
    text = session("acorn.colours.append('red')") + session(">>> import acorn", ">>> acorn.colours", "['red']")
    write(tmp_path / "acorn", {"README.md": text})

    assert asked(tmp_path / "acorn", tmp_path, home).verdict == "passed"


@pytest.mark.slow
def test_one_document_changes_nothing_for_the_next(tmp_path: Path, home: Path) -> None:
    text = session(">>> import acorn", ">>> acorn.colours.append('red')", ">>> acorn.colours", "['red']")
    write(tmp_path / "acorn", {"docs/a.md": text, "docs/b.md": text})

    assert asked(tmp_path / "acorn", tmp_path, home) == Answer("passed")


@pytest.mark.slow
def test_a_strict_project_wants_every_example_to_be_exact(tmp_path: Path, home: Path) -> None:
    table = '[project]\nname = "acorn"\n[tool.hephaestus.gates.examples]\nstrict = true\n'
    write(tmp_path / "acorn", {"pyproject.toml": table, "README.md": session(">>> forest", "[]")})

    assert places(asked(tmp_path / "acorn", tmp_path, home)) == ["README.md:4 example"]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([">>> import os", ">>> os._exit(3)"], "the examples ended Python with code 3, in README.md"),
        ([">>> import time", ">>> time.sleep(60)"], "it had not ended after 1 s, in README.md"),
        ([">>> forest", "[]"], "none of the 1 examples can be run here: forest raises NameError"),
    ],
)
@pytest.mark.slow
def test_sessions_that_show_nothing_are_no_pass(tmp_path: Path, home: Path, lines: list[str], said: str) -> None:
    write(tmp_path / "acorn", {"README.md": session(*lines)})

    answer = asked(tmp_path / "acorn", tmp_path, home, seconds=1)

    assert answer.verdict == "could not run"
    assert said in answer.reason


@pytest.mark.slow
def test_an_example_that_says_it_is_the_report_is_not_believed(tmp_path: Path, home: Path) -> None:
    lines = [">>> import os", """>>> _ = os.write(1, b'{"all": 1, "ran": 1}')""", ">>> os._exit(0)"]
    write(tmp_path / "acorn", {"README.md": session(*lines)})

    assert asked(tmp_path / "acorn", tmp_path, home).verdict == "could not run"


@pytest.mark.slow
def test_nothing_is_written_into_the_project(tmp_path: Path, home: Path) -> None:
    write(tmp_path / "acorn", {"README.md": session(">>> open('leaf', 'w').close()"), "examples/a.py": "x = 1\n"})
    before = sorted((tmp_path / "acorn").rglob("*"))

    asked(tmp_path / "acorn", tmp_path, home)

    assert sorted((tmp_path / "acorn").rglob("*")) == before


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("tree = {\n    'a': 1\n    'b': 2,\n}\nprint(tree)", 5),
        ("print 'leaves'\nx = 1", 4),
        ("grow(\nshrink()", 4),
    ],
)
def test_a_block_of_python_that_is_none_is_told_with_its_place(tmp_path: Path, text: str, line: int) -> None:
    write(tmp_path / "acorn", {"README.md": session(text)})

    answer = ask(chosen(choose, tmp_path / "acorn")["examples"], bench(tmp_path / "acorn", tmp_path / "room"))

    assert places(answer) == [f"README.md:{line} no-python"]


@pytest.mark.parametrize(
    "text",
    [
        "grow(1, ...)\ngrow(colour=1, ...)",
        "await grow()\nreturn 1",
        "@app.route('/')",
        "def grow():\n    # as you like",
        "    def grow(self):\n        return 1",
        "%timeit grow()\nx = 1",
        "$ pip install acorn\nx",
        "type Leaf[T] = list[T]\nx = 1",
        "grow(<your tree>)\nx = 1",
        "- old = 1\n+ new = 2",
        "class Tree:",
    ],
)
def test_a_block_that_is_a_part_or_a_pattern_is_left_alone(tmp_path: Path, text: str) -> None:
    write(tmp_path / "acorn", {"README.md": session(text) + session("x = = 1", language="python notest")})

    answer = ask(chosen(choose, tmp_path / "acorn")["examples"], bench(tmp_path / "acorn", tmp_path / "room"))

    assert answer == Answer("passed")


def test_programs_among_the_examples_must_compile(tmp_path: Path) -> None:
    write(
        tmp_path / "acorn",
        {
            "examples/good.py": "x = 1\n",
            "examples/bad.py": "x = 1\nreturn x\n",
            "examples/data.txt": "x =",
            "examples/newer.py": "def grow[T](leaf: T): pass\n",
        },
    )

    answer = ask(chosen(choose, tmp_path / "acorn")["examples"], bench(tmp_path / "acorn", tmp_path / "room"))

    assert places(answer) == ["examples/bad.py:2:1 no-python"]


def test_the_gate_says_what_switched_it_on(tmp_path: Path) -> None:
    write(
        tmp_path / "acorn", {"README.md": "# Acorn\n", "CHANGELOG.md": session(">>> old()"), "tests/examples/a.py": ""}
    )
    assert chosen(choose, tmp_path / "acorn")["examples"] == Off(
        "examples", "no document shows Python, and there is no folder examples with programs"
    )

    write(tmp_path / "acorn", {"README.md": "# Acorn\n\nRobin wrote:\n\n>>> Shall we?\n>> Yes\n"})
    assert isinstance(chosen(choose, tmp_path / "acorn")["examples"], Off)

    write(tmp_path / "acorn", {"README.md": session("import acorn")})
    blocks_only = chosen(choose, tmp_path / "acorn")["examples"]
    assert isinstance(blocks_only, Gate)
    assert (blocks_only.why, blocks_only.wheel) == ("README.md", False)

    write(tmp_path / "acorn", {"README.md": session(">>> import acorn")})
    sessions = chosen(choose, tmp_path / "acorn")["examples"]
    assert isinstance(sessions, Gate)
    assert (sessions.why, sessions.wheel) == ("sessions in README.md", True)


def test_what_the_project_needs_is_in_the_environment_of_its_sessions(tmp_path: Path) -> None:
    table = '[project]\nname = "acorn"\ndependencies = ["bark>=2"]\n'
    write(tmp_path / "acorn", {"pyproject.toml": table, "README.md": session(">>> import acorn")})

    gate = chosen(choose, tmp_path / "acorn")["examples"]

    assert isinstance(gate, Gate)
    assert gate.tools == ("bark>=2",)


def test_without_a_wheel_the_gate_cannot_say(tmp_path: Path) -> None:
    write(tmp_path / "acorn", {"README.md": session(">>> import acorn")})
    gate = chosen(choose, tmp_path / "acorn")["examples"]
    assert isinstance(gate, Gate)

    with pytest.raises(CouldNotRun):
        gate.ask(bench(tmp_path / "acorn", tmp_path / "room"))


def test_the_program_that_runs_sessions_stands_alone() -> None:
    assert "hephaestus" not in Path(_sessions.__file__).read_text(encoding="utf-8")


def test_blocks_of_code_are_found_with_their_languages_and_lines() -> None:
    text = '# A\n\n```python title=x\na\n```\n\n- item\n\n  ~~~py\n  b\n  ~~~\n\n> ```sh\n> c\n> ```\n\n=== "tab"\n\n    ```python\n    d\n    ```\n\n    e\n'
    rst = "A\n=\n\n.. code-block:: python\n   :linenos:\n\n   a\n\nSo::\n\n   b\n\n.. comment\n   c\n"

    found = [(each.language, each.line, each.text.strip()) for each in blocks(documents.parse("a.md", text.encode()))]
    other = [(each.language, each.line, each.text.strip()) for each in blocks(documents.parse("a.rst", rst.encode()))]

    assert found == [("python", 4, "a"), ("py", 10, "b"), ("sh", 14, "c"), ("python", 20, "d")]
    assert [each for each in other if each[2]] == [("python", 6, "a"), ("", 11, "b")]
