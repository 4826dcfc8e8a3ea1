"""What users ask for by name, and what must be installed, is compared from one `[project]` to the next."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from hephaestus.compatibility import metadata
from hephaestus.compatibility.effect import Effect


def compare(old: str, new: str, python: Effect = Effect.FEATURE) -> list[tuple[str, str, int]]:
    """Return what has changed, as effect, message and line."""
    states = (f'[project]\nname = "acorn"\n{text}'.encode() for text in (old, new))
    found = metadata.compare(*states, python)
    assert found is not None
    return [(each.effect.name, each.message, each.line) for each in found]


CHANGES = {
    "python": (
        'requires-python = ">=3.8"',
        'requires-python = ">=3.10"',
        ("FEATURE", "no longer for Python 3.8, 3.9: >=3.8 became >=3.10", 3),
    ),
    "an upper bound of python": (
        "",
        '\nrequires-python = "<3.14"',
        ("FEATURE", "no longer for Python 3.14, 3.15, 3.16 and later: any became <3.14", 4),
    ),
    "one more python": (
        'requires-python = ">=3.11"',
        'requires-python = ">=3.10"',
        ("FIX", "for Python 3.10 as well", 3),
    ),
    "a dependency less": (
        'dependencies = ["leaf>=1"]',
        "dependencies = []",
        ("FEATURE", "leaf is no longer a dependency, so it is no longer installed along", 3),
    ),
    "a dependency more": (
        "",
        'dependencies = [\n    "bark",\n    "Leaf_Green[x]>=1; python_version < \'4\'",\n]',
        ("FEATURE", "leaf-green is a new dependency", 5),
    ),
    "fewer versions": (
        'dependencies = ["leaf>=1"]',
        'dependencies = ["leaf>=2"]',
        ("FIX", "fewer versions of leaf will do: >=1 became >=2", 3),
    ),
    "an extra less": (
        '[project.optional-dependencies]\nFast = []\nslow = ["leaf"]',
        "[project.optional-dependencies]\nslow = []",
        ("BREAK", "the extra fast is gone", 3),
    ),
    "an extra less, for the project's own people": (
        '[project.optional-dependencies]\ntests-slow = ["leaf"]',
        "",
        ("FIX", "the extra tests-slow is gone", 1),
    ),
    "a command less": (
        '[project.scripts]\nacorn = "acorn:main"\nac = "acorn:main"',
        '[project.scripts]\nacorn = "acorn:other"',
        ("BREAK", "the command ac is gone", 3),
    ),
    "a command with a window more": (
        "",
        '[project.gui-scripts]\nacorn-gui = "acorn:main"',
        ("FEATURE", "the command acorn-gui is new", 4),
    ),
    "a plug-in less": (
        '[project.entry-points.pytest11]\nacorn = "acorn.plugin"',
        "",
        ("BREAK", "the entry point pytest11 acorn is gone", 1),
    ),
}


@pytest.mark.parametrize(("old", "new", "told"), CHANGES.values(), ids=CHANGES)
def test_a_change_is_told_with_its_line(old: str, new: str, told: tuple[str, str, int]) -> None:
    assert told in compare(old, new)
    assert compare(old, old) == []


@pytest.mark.parametrize("effect", list(Effect))
def test_what_dropping_a_python_does_is_for_the_project_to_say(effect: Effect) -> None:
    assert compare('requires-python = ">=3.8"', 'requires-python = ">=3.9"', effect)[0][0] == effect.name


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('dependencies = ["leaf>=2"]', 'dependencies = ["leaf>=1,<9"]\ndynamic = ["dependencies"]'),
        ('dependencies = ["leaf>=2,<3"]', 'dependencies = ["LEAF >= 1"]'),
        ('dependencies = ["leaf!=2.1"]', 'dependencies = ["leaf"]'),
        ("dependencies = [\"leaf>=1; os_name == 'nt'\"]", "dependencies = [\"leaf>=1; os_name == 'posix'\"]"),
        ('[project.scripts]\na = "b:c"', 'dynamic = ["scripts"]'),
        ('requires-python = "nonsense"', 'requires-python = ">=3.11"'),
        ('dependencies = [1, "not a requirement ???"]', "dependencies = 7"),
        ('requires-python = ">=3.8.1"', 'requires-python = ">=3.8.2"'),
    ],
)
def test_what_takes_nothing_away_or_cannot_be_known_is_not_told(old: str, new: str) -> None:
    assert compare(old, new) == []


@pytest.mark.parametrize("data", [None, b"", b"[tool.poetry]\nname = 'a'", b"= not toml", b"\xff", b"project = 1"])
def test_a_file_without_a_project_cannot_be_compared(data: bytes | None) -> None:
    assert metadata.compare(data, b'[project]\nname = "a"', Effect.FIX) is None
    assert metadata.compare(b'[project]\nname = "a"', data, Effect.FIX) is None


VERSIONS = ("1.0", "1.1", "1.1.1", "2.0", "2.1rc1")
RANGES = st.lists(
    st.builds("{}{}".format, st.sampled_from(("==", "!=", "<", "<=", ">", ">=", "~=")), st.sampled_from(VERSIONS)),
    max_size=2,
).map(",".join)
TRIED = [Version(f"{major}.{minor}.{patch}") for major in range(4) for minor in range(4) for patch in range(4)]


@given(RANGES, RANGES)
def test_fewer_versions_are_told_wherever_one_that_did_does_not_any_more(old: str, new: str) -> None:
    before, after = SpecifierSet(old), SpecifierSet(new)
    lost = [each for each in TRIED if each in before and each not in after]

    told = compare(f'dependencies = ["leaf{old}"]', f'dependencies = ["leaf{new}"]')
    assert told or not lost
    if old == new:
        assert not told
