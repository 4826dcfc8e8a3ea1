"""The gate `licences`: what packages say of theirs, held against what the project allows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import benches
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hephaestus.environments import Environment
from hephaestus.errors import UsageError
from hephaestus.gates.builtin import licences
from hephaestus.gates.gate import Gate, Off
from hephaestus.gates.licensing import Allowed

if TYPE_CHECKING:
    from hephaestus.gates.gate import Answer


def project(root: Path, said: str, dependencies: str = '["leaf"]') -> Gate | Off:
    text = f'[project]\nname = "acorn"\nversion = "1.0"\ndependencies = {dependencies}\n\n[tool.hephaestus.gates.licences]\n{said}\n'
    benches.write(root, {"pyproject.toml": text})
    return benches.chosen(licences.choose, root)["licences"]


def asked(where: Path, said: str, **packages: str) -> Answer:
    """Ask the gate in an environment that holds packages with these lines in their metadata."""
    gate = project(where / "acorn", said)
    site = where / "environment" / "lib" / "python3.11" / "site-packages"
    for name, lines in packages.items():
        info = site / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n{lines}\n\nbody\n")
    at = benches.bench(where / "acorn", where / "at", environment=Environment(where / "environment"))
    return benches.ask(gate, at)


MIT = 'allow = ["MIT", "Apache-2.0", "BSD License", "GPL-2.0-only WITH Classpath-exception-2.0"]'


@pytest.mark.parametrize(
    ("lines", "verdict"),
    [
        ("License-Expression: MIT", "passed"),
        ("License-Expression: mit", "passed"),
        ("License-Expression: GPL-3.0-only", "failed"),
        ("License-Expression: GPL-3.0-only OR MIT", "passed"),
        ("License-Expression: GPL-3.0-only AND MIT", "failed"),
        ("License-Expression: (GPL-3.0-only OR MIT) AND Apache-2.0", "passed"),
        ("License-Expression: GPL-3.0-only OR MIT AND GPL-2.0-only", "failed"),  # AND binds closer
        ("License-Expression: Apache-2.0 WITH LLVM-exception", "passed"),
        ("License-Expression: GPL-3.0-only WITH GCC-exception-3.1", "failed"),
        ("License-Expression: GPL-2.0-only WITH Classpath-exception-2.0", "passed"),
        ("License-Expression: (Zlib OR GPL-2.0-only WITH Classpath-exception-2.0) AND MIT", "passed"),
        ("License-Expression: GPL-2.0-only", "failed"),
        ("License: MIT", "passed"),
        ("License: GPL-3.0-only\nClassifier: License :: OSI Approved :: MIT License", "failed"),
        ("Classifier: License :: OSI Approved :: MIT License", "passed"),
        ("License: whatever\nClassifier: License :: OSI Approved :: MIT License", "passed"),
        ("Classifier: License :: OSI Approved :: BSD License", "passed"),
        (
            "Classifier: License :: OSI Approved :: MIT License\nClassifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)",
            "failed",
        ),
        ("Classifier: License :: OSI Approved", "failed"),
        ("License: UNKNOWN", "failed"),
        ("License-Expression: nonsense AND", "failed"),
        ("", "failed"),
    ],
)
def test_what_a_package_says_of_its_licence_decides(lines: str, verdict: str, tmp_path: Path) -> None:
    assert asked(tmp_path, MIT, leaf=lines).verdict == verdict


def test_a_package_that_is_not_allowed_is_named_at_the_line_that_brings_it(tmp_path: Path) -> None:
    answer = asked(tmp_path, MIT, bark="License: MIT", leaf="License-Expression: GPL-3.0-only", stem="")

    assert answer.reason == "2 packages are not allowed, the first: leaf has the licence GPL-3.0-only"
    assert [(each.line, each.message) for each in answer.findings] == [
        (4, "leaf has the licence GPL-3.0-only, which is not allowed"),
        (0, "stem has no licence that it states"),
    ]


def test_an_exception_is_for_one_package_and_told_of_when_it_is_not_needed(tmp_path: Path) -> None:
    answer = asked(
        tmp_path,
        f'{MIT}\nexceptions = {{ Leaf = "linked dynamically", bark = "old" }}',
        leaf="License: GPL-3.0-only",
        bark="License: MIT",
    )

    assert answer.verdict == "passed"
    assert [each.message for each in answer.findings] == ["the exception for bark is not needed; it can go"]


def test_an_environment_without_packages_is_no_pass(tmp_path: Path) -> None:
    assert asked(tmp_path, MIT).verdict == "could not run"


@pytest.mark.parametrize(
    ("said", "dependencies", "why"),
    [
        ("", '["leaf"]', "there is no allow in [tool.hephaestus.gates.licences]"),
        (MIT, "[]", "the project needs no other package"),
    ],
)
def test_licences_are_only_asked_where_something_is_allowed(
    said: str, dependencies: str, why: str, tmp_path: Path
) -> None:
    assert project(tmp_path, said, dependencies) == Off("licences", why)


def test_the_gate_installs_what_the_project_and_its_extras_need(tmp_path: Path) -> None:
    gate = project(tmp_path, MIT, '["leaf>=1"]\n[project.optional-dependencies]\nbig = ["oak"]')

    assert isinstance(gate, Gate)
    assert gate.tools == ("leaf>=1", "oak")


@pytest.mark.parametrize(
    "said", ["allow = [1]", 'allow = ["MIT"]\nexceptions = { leaf = "" }', 'allow = ["MIT"]\nexceptions = { leaf = 1 }']
)
def test_settings_that_cannot_be_used_are_refused(said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        project(tmp_path, said)


@settings(max_examples=100)
@given(
    st.lists(
        st.sampled_from(["MIT", "GPL-3.0-only", "AND", "OR", "WITH", "(", ")", "LLVM-exception", "x", "+"]), max_size=9
    ).map(" ".join)
)
def test_no_statement_is_too_odd_to_be_judged(statement: str) -> None:
    known = Allowed(("MIT",)).allows(statement)

    assert not (known and "MIT" not in statement)
