"""The gate `links`: what leads nowhere is found where it is written, and what leads somewhere is left in peace."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from benches import ask, bench, chosen, places, write
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from hephaestus import documents
from hephaestus.documents import anchors, links
from hephaestus.gates import Verdict
from hephaestus.gates.builtin.links import choose
from hephaestus.gates.gate import Answer, Off

GUIDE = "# Guide\n\n## First steps\n\n## First steps\n"


def asked(root: Path, tmp_path: Path) -> Answer:
    return ask(chosen(choose, root)["links"], bench(root, tmp_path / "room"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(
        tmp_path / "acorn",
        {"docs/guide.md": GUIDE, "docs/tree.png": b"png", "src/acorn/__init__.py": "", "LICENSE": ""},
    )
    return tmp_path / "acorn"


GOOD = """\
# Acorn: `__init__` & [more](LICENSE)!

[guide](docs/guide.md), [steps](docs/guide.md#first-steps), [again](docs/guide.md#first-steps-1), [here](#acorn-__init__--more)
![tree](docs/tree.png "A tree") [![tree](docs/tree.png)](docs/guide.md) <a href="docs/guide.md">guide</a> <img src='docs/tree.png'>
[by label][guide], [guide][], [guide] and [folder](docs), [source](src/acorn/__init__.py#L3), [spaces](<docs/guide.md>)
[away](https://example.org/nothing.md) [mail](mailto:robin@example.org) [issues](../../issues) [top](#top)
[a list][0] of x[i][j] and [ ] boxes, [^1] notes, `[code](nowhere.md)`, <!-- [hidden](nowhere.md) --> {{ [made](nowhere.md) }}

[guide]: docs/guide.md 'The guide'

```md
[fenced](nowhere.md)
```

    [indented](nowhere.md)

<!--
[hidden](nowhere.md)
-->
"""


def test_a_readme_whose_links_lead_somewhere_passes(root: Path, tmp_path: Path) -> None:
    write(root, {"README.md": GOOD.replace("{{ [made](nowhere.md) }}", "")})

    answer = asked(root, tmp_path)

    assert answer == Answer("passed")


@pytest.mark.parametrize(
    ("line", "place", "said"),
    [
        ("See [the guide](docs/guid.md).", "3:17 file-missing", "docs/guid.md does not exist"),
        ("![tree](docs/tree.jpg)", "3:9 file-missing", "docs/tree.jpg"),
        ("[![tree](docs/tree.jpg)](docs/guide.md)", "3:10 file-missing", "docs/tree.jpg"),
        ("[guide](docs/Guide.md)", "3:9 file-missing", "its name is written docs/guide.md"),
        ("<a href='docs/none.md'>guide</a>", "3:10 file-missing", "docs/none.md"),
        ("[guide](docs/guide.md#last-steps)", "3:9 anchor-missing", "no heading with the anchor #last-steps"),
        ("[guide](docs/guide.md#first-steps-2)", "3:9 anchor-missing", "#first-steps-2"),
        ("[here](#nowhere)", "3:8 anchor-missing", "README.md has no heading"),
        ("[guide][handbook]", "3:1 reference-undefined", "'handbook' is not defined"),
        ("[label]: docs/none.md", "3:10 file-missing", "docs/none.md"),
        ("[out](../../../etc/passwd)", "3:7 file-missing", "leads out of the project"),
        ("[deep](/docs/none.md)", "3:8 file-missing", "docs/none.md"),
        ("[coded](docs/no%20ne.md)", "3:9 file-missing", "docs/no ne.md"),
    ],
)
def test_what_leads_nowhere_is_told_with_its_place(
    root: Path, tmp_path: Path, line: str, place: str, said: str
) -> None:
    write(root, {"README.md": f"# Acorn\n\n{line}\n"})

    answer = asked(root, tmp_path)

    assert answer.verdict == "failed"
    assert places(answer) == [f"README.md:{place}"]
    assert said in answer.findings[0].message
    assert "README.md:3" in answer.reason


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("`the guide <docs/none.rst>`_\n", "README.rst:4:13 file-missing"),
        (".. image:: docs/none.png\n   :alt: none\n", "README.rst:4:12 file-missing"),
        (".. _guide: docs/none.rst\n", "README.rst:4:12 file-missing"),
        ("See `the guide`_.\n", "README.rst:4:5 reference-undefined"),
        ("See `the guide`_.\n\n.. _the guide: docs/guide.md\n", ""),
        ("Code::\n\n   .. image:: docs/none.png\n\n.. comment\n   `the guide <docs/none.rst>`_\n", ""),
        ("``.. image:: docs/none.png`` and :doc:`none` and `Acorn`_\n\n.. image:: docs/tree.png\n", ""),
    ],
)
def test_restructured_text_is_read_as_well(root: Path, tmp_path: Path, text: str, place: str) -> None:
    write(root, {"README.rst": f"Acorn\n=====\n\n{text}", "docs/other.md": "[guide](guide.md)"})

    answer = asked(root, tmp_path)

    assert places(answer) == ([place] if place else [])


def test_on_a_site_only_what_its_generator_cannot_make_is_asked(root: Path, tmp_path: Path) -> None:
    page = (
        "[api](../api/), [made](reference), [text][acorn.Tree], <img src='../x.png'> [gone](none.md) [kept](guide.md)\n"
    )
    write(root, {"mkdocs.yml": "site_name: Acorn\n", "docs/index.md": page})

    answer = asked(root, tmp_path)

    assert places(answer) == ["docs/index.md:1:84 file-missing"]


def test_what_tests_templates_and_others_have_written_is_left_alone(root: Path, tmp_path: Path) -> None:
    broken = "[gone](none.md)\n"
    paths = ["tests/data/a.md", "src/acorn/_vendor/x/README.md", ".github/ISSUE_TEMPLATE/bug.md", "newsfragments/1.md"]
    write(root, {**dict.fromkeys(paths, broken), "README.md": "[guide](docs/guide.md)"})

    assert asked(root, tmp_path).verdict == "passed"


def test_a_project_may_say_what_is_not_asked(root: Path, tmp_path: Path) -> None:
    table = '[project]\nname = "acorn"\n[tool.hephaestus.gates.links]\nignore = ["docs/old*", "*.html"]\n'
    write(root, {"pyproject.toml": table, "README.md": "[made](out.html)", "docs/old.md": "[gone](none.md)"})

    assert asked(root, tmp_path).verdict == "passed"


def test_the_gate_is_off_where_nothing_leads_into_the_project(root: Path) -> None:
    write(root, {"README.md": "# Acorn\n\n[away](https://example.org) and [here](mailto:a@b.c)\n"})

    assert chosen(choose, root)["links"] == Off("links", "no document leads to a file of the project")


def test_a_link_through_a_symbolic_link_leads_where_that_does(root: Path, tmp_path: Path) -> None:
    (root / "latest").symlink_to("docs")
    write(root, {"README.md": "[guide](latest/guide.md) [gone](latest/none.md)"})

    assert places(asked(root, tmp_path)) == ["README.md:1:33 file-missing"]


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("Install & run", "install--run"),
        ("`pip install` it", "pip-install-it"),
        ("[1.0.0](https://example.org) - 2026-01-01", "100---2026-01-01"),
        ("Über **alles**: _ja_", "über-alles-ja"),
        ("snake_case `__init__` __bold__", "snake_case-__init__-bold"),
        ("C++ / C#", "c--c"),
        ("Two  spaces", "two--spaces"),
        ("Rock &amp; roll", "rock--roll"),
        (":rocket: Fast", "-fast"),
        ("Custom {#mine}", "mine"),
    ],
)
def test_headings_have_the_anchors_that_a_forge_gives_them(heading: str, anchor: str) -> None:
    assert anchor in anchors.anchors(documents.parse("a.md", f"# {heading}\n".encode()))


@given(st.text(alphabet="[]()!`<>\\\"' #ab.md\n-:", max_size=80))
def test_links_are_found_where_markdown_has_them(text: str) -> None:
    page = documents.parse("a.md", text.encode())
    found = {link.target for link in links.links(page)}

    expected = set()
    for block in MarkdownIt().parse(text):
        for token in block.children or ():
            for name in ("href", "src"):
                target = str(token.attrs.get(name, ""))
                # What is written over several lines, or put together by references, may be overlooked; that is no alarm.
                if token.type in ("link_open", "image") and re.fullmatch(r"[ab.md]+", target):
                    expected.add(target)
    plain = {target for target in found if re.fullmatch(r"[ab.md]+", target)}
    if not any(sign in text for sign in "<\\`\"'") and "\n" not in text:
        assert expected <= plain
    assert all(1 <= link.line <= text.count("\n") + 1 for link in links.links(page))


@pytest.mark.parametrize(
    "unit", ["[", "![a](", "`", "``a`", "<a href='", "[a][b", "<!--", "*_", "](", "# [a](", "<h1>"]
)
def test_hostile_text_is_read_in_a_moment(unit: str) -> None:
    text = (unit * 10_000).encode()
    begin = time.monotonic()

    for path in ("a.md", "a.rst"):
        page = documents.parse(path, text)
        list(links.links(page))
        list(links.undefined(page))
        anchors.anchors(page)

    assert time.monotonic() - begin < 3


def test_the_answer_can_be_kept_as_a_verdict(root: Path, tmp_path: Path) -> None:
    write(root, {"README.md": "[\x1b[31mred](no\x07ne.md)"})
    answer = asked(root, tmp_path)

    verdict = Verdict("links", answer.verdict, 0.0, answer.reason, findings=answer.findings)

    assert Verdict.of(verdict.document()) == verdict
    assert "\x1b" not in answer.reason
    assert "\x07" not in answer.findings[0].message
