"""What others can import is compared by its source alone, and only what a caller would notice is called a break."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hephaestus.compatibility import changes, layout, reading
from hephaestus.compatibility.effect import Effect
from hephaestus.compatibility.surface import Surface
from hephaestus.errors import CouldNotRun


def held(written: dict[str, str]) -> Surface:
    """Return what files offer, by their paths."""
    tops = dict.fromkeys(path.partition("/")[0].removesuffix(".py") for path in written)
    modules, _ = layout.modules(sorted(written), Facts(), tops)
    return reading.load(modules, {path: text.encode() for path, text in written.items()})


class Facts:
    """A project whose configuration says nothing of packages."""

    def table(self, *_: str) -> dict[str, object]:
        return {}


def changed(old: str, new: str) -> list[tuple[str, str]]:
    """Return what has changed in a package of one module, as rules and messages."""
    states = (held({"acorn/__init__.py": "", "acorn/twigs.py": text}) for text in (old, new))
    return [(each.rule, each.message) for each in changes.compare(*states, "v1")]


BREAKS = [
    ("def grow(): ...", "", "object-removed", "acorn.twigs.grow was removed (in v1 it is at acorn/twigs.py:1)"),
    ("def grow(size): ...", "def grow(): ...", "parameter-removed", "acorn.twigs.grow takes no size any more"),
    (
        "def grow(size): ...",
        "def grow(size, kind): ...",
        "parameter-added-required",
        "acorn.twigs.grow must be given kind as well",
    ),
    (
        "def grow(size=1): ...",
        "def grow(size): ...",
        "parameter-changed-required",
        "acorn.twigs.grow must be given size, which could be left out",
    ),
    (
        "def grow(a=1, b=2, c=3, d=4): ...",
        "def grow(d=4, a=1, b=2, c=3): ...",
        "parameter-moved",
        "acorn.twigs.grow takes a, b, c and 1 more at another place",
    ),
    (
        "def grow(size): ...",
        "def grow(*, size): ...",
        "parameter-changed-kind",
        "acorn.twigs.grow takes no positional or keyword size any more",
    ),
    (
        "def grow(a, b, c): ...",
        "def grow(b, c): ...",
        "parameter-removed",
        "acorn.twigs.grow takes no a any more",
    ),
    (
        "class Tree:\n    def grow(self): ...\nclass Bush: ...\nclass Oak(Tree): ...",
        "class Tree:\n    def grow(self): ...\nclass Bush: ...\nclass Oak(Bush): ...",
        "object-removed",
        "acorn.twigs.Oak.grow was removed (in v1 it is at acorn/twigs.py:2)",
    ),
    ("class Oak: ...", "Oak = 1", "object-changed-kind", "acorn.twigs.Oak is now attribute, and was class"),
    (
        "class Tree: ...\nclass Oak(Tree): ...",
        "class Tree: ...\nclass Oak: ...",
        "class-removed-base",
        "acorn.twigs.Oak is no longer derived from Tree",
    ),
    (
        "from dataclasses import dataclass\n@dataclass\nclass Oak:\n    age: int = 1",
        "from dataclasses import dataclass\n@dataclass\nclass Oak:\n    age: int",
        "parameter-changed-required",
        "acorn.twigs.Oak.__init__ must be given age, which could be left out",
    ),
    (
        "class Oak:\n    def grow(self): ...",
        "class Oak(dict): ...",
        "object-removed",
        "acorn.twigs.Oak.grow was removed (in v1 it is at acorn/twigs.py:2)",
    ),
]


@pytest.mark.parametrize(("old", "new", "rule", "said"), BREAKS, ids=[each[3] for each in BREAKS])
def test_what_callers_can_no_longer_do_is_a_break(old: str, new: str, rule: str, said: str) -> None:
    states = (held({"acorn/__init__.py": "", "acorn/twigs.py": text}) for text in (old, new))
    found = [each for each in changes.compare(*states, "v1") if each.effect is Effect.BREAK]

    assert [(each.rule, each.message) for each in found] == [(rule, said)]


HARMLESS = {
    "a private function": ("def _grow(): ...", ""),
    "a name that __all__ leaves out": ("__all__ = ['a']\na = 1\nb = 1", "__all__ = ['a']\na = 1"),
    "an import of another package": ("import os\nfrom json import dumps", ""),
    "a dunder name of a module": ("__author__ = 'oak'\n__all__ = []", ""),
    "the first parameter of a method": (
        "class Oak:\n    def grow(this): ...",
        "class Oak:\n    def grow(self): ...",
    ),
    "a parameter by position only": ("def grow(a, /): ...", "def grow(b, /): ..."),
    "a parameter that was private by its name": ("def grow(__a): ...", "def grow(b, /): ..."),
    "other names for what takes all the rest": (
        "def grow(*a, **b): ...",
        "def grow(*args, **kwargs): ...",
    ),
    "a function that became a class": ("def Oak(size): ...", "class Oak: ..."),
    "a special method that Python has for all": (
        "class Oak:\n    def __repr__(self): ...\n    __slots__ = ()",
        "class Oak: ...",
    ),
    "a method that a built-in base has": ("class Oak(dict):\n    def get(self, key): ...", "class Oak(dict): ..."),
    "a constructor that a decorator may supply": (
        "class Oak:\n    def __init__(self): ...",
        "import attrs\n@attrs.define\nclass Oak: ...",
    ),
    "a method that moved to the base class": (
        "class Tree: ...\nclass Oak(Tree):\n    def grow(self): ...",
        "class Tree:\n    def grow(self): ...\nclass Oak(Tree): ...",
    ),
    "type parameters in the newer way": (
        "from typing import Generic, TypeVar\n_T = TypeVar('_T')\nclass Oak(Generic[_T]): ...",
        "class Oak: ...",
    ),
    "a name that is made when it is asked for": (
        "def grow(): ...",
        "_OLD = {'grow': '_grow'}\ndef __getattr__(name):\n    return globals()[_OLD[name]]",
    ),
    "what the demonstration imports": (
        "class Oak: ...\nif __name__ == '__main__':\n    from acorn.twigs import Oak\n    leaf = 1",
        "class Oak: ...",
    ),
    "a star import of what cannot be seen": ("from os.path import *", ""),
    "an odd escape": ("a = 1", "a = '\\d'"),
}


@pytest.mark.parametrize(("old", "new"), HARMLESS.values(), ids=HARMLESS)
def test_what_no_caller_can_notice_is_no_break(old: str, new: str) -> None:
    assert [each for each in changed(old, new) if not each[0].endswith("-added")] == []


NEW = [
    ("", "def grow(): ...", "object-added", "acorn.twigs.grow is new"),
    ("", "class Oak:\n    def grow(self): ...", "object-added", "acorn.twigs.Oak is new"),
    ("def grow(): ...", "def grow(size=1): ...", "parameter-added", "acorn.twigs.grow takes size as well"),
    (
        "def grow(size=1): ...",
        "def grow(size=2): ...",
        "parameter-changed-default",
        "acorn.twigs.grow has another default for size: 2 for 1",
    ),
    (
        "def grow(): ...",
        "from warnings import deprecated\n@deprecated('use sow')\ndef grow(): ...",
        "object-deprecated",
        "acorn.twigs.grow is deprecated",
    ),
    (
        "def grow() -> int: ...",
        "def grow(): ...",
        "return-changed-type",
        "acorn.twigs.grow does not say any more that it returns int",
    ),
]


@pytest.mark.parametrize(("old", "new", "rule", "said"), NEW, ids=[each[3] for each in NEW])
def test_what_is_new_is_told_once_and_breaks_nothing(old: str, new: str, rule: str, said: str) -> None:
    assert changed(old, new) == [(rule, said)]


# Names


def test_what_a_package_imports_from_its_own_private_modules_is_known_by_the_name_others_use() -> None:
    old, new = (
        held({"acorn/__init__.py": "from ._twigs import grow", "acorn/_twigs.py": f"\ndef grow({given}): ..."})
        for given in ("size", "")
    )
    (found,) = changes.compare(old, new, "v1")

    assert (found.subject, found.place) == ("acorn.grow", "acorn/_twigs.py:2")
    assert "acorn._twigs.grow" in found.names


def test_a_name_that_is_no_longer_handed_on_is_a_break_though_the_object_is_still_there() -> None:
    twigs = {"acorn/twigs.py": "def grow(): ..."}
    old, new = (held({**twigs, "acorn/__init__.py": text}) for text in ("from .twigs import grow", "A = 1"))
    found = [each for each in changes.compare(old, new, "v1") if each.effect is Effect.BREAK]

    assert [(each.subject, each.place) for each in found] == [("acorn.grow", "acorn/__init__.py:1")]


def test_an_object_of_several_names_is_missed_once() -> None:
    old, new = (
        held({"acorn/__init__.py": first, "acorn/twigs.py": second})
        for first, second in (("from .twigs import *", "class Oak:\n    def grow(self): ..."), ("", ""))
    )
    (found,) = changes.compare(old, new, "v1")

    assert (found.subject, "acorn.twigs.Oak" in found.names) == ("acorn.Oak", True)


def test_an_object_of_several_names_is_new_once() -> None:
    old, new = (
        held({"acorn/__init__.py": first, "acorn/twigs.py": second})
        for first, second in (("", ""), ("from .twigs import Oak", "class Oak:\n    def grow(self): ..."))
    )

    assert [each.message for each in changes.compare(old, new, "v1")] == ["acorn.Oak is new"]


def test_a_method_of_a_base_class_is_missed_at_the_base_and_not_at_each_class_below_it() -> None:
    text = "class Tree:\n    {}\nclass Oak(Tree): ...\nclass Elm(Tree): ..."
    assert [said for _, said in changed(text.format("def grow(self): ..."), text.format("..."))] == [
        "acorn.twigs.Tree.grow was removed (in v1 it is at acorn/twigs.py:2)"
    ]


def test_a_method_of_a_private_base_class_is_missed_where_others_reach_it() -> None:
    text = "class _Tree:\n    {}\nclass Oak(_Tree): ..."
    (found,) = changed(text.format("def grow(self): ..."), text.format("..."))

    assert found[1].startswith("acorn.twigs.Oak.grow was removed")


def test_a_module_or_a_package_that_is_gone_takes_all_with_it_in_one_break() -> None:
    both = {"acorn/__init__.py": "", "acorn/twigs.py": "a = 1\nb = 1", "elm.py": "c = 1"}
    found = changes.compare(held(both), held({"acorn/__init__.py": ""}), "v1")

    assert [each.message for each in found] == [
        "the package elm was removed",
        "acorn.twigs was removed (in v1 it is at acorn/twigs.py:1)",
    ]


def test_what_all_says_of_another_modules_all_is_followed() -> None:
    init = "from . import twigs\nfrom .twigs import *\n__all__ = ['A'] + twigs.__all__\nA = 1"
    old, new = (
        held({"acorn/__init__.py": init, "acorn/twigs.py": f"__all__ = {names}\n_b = 1"}) for names in (["_b"], [])
    )

    assert "acorn._b" in [each.subject for each in changes.compare(old, new, "v1")]


def test_a_stub_beside_a_module_counts_and_one_for_a_compiled_module_stands_for_it() -> None:
    files = {"acorn/__init__.py": "from . import twigs", "acorn/__init__.pyi": "from . import twigs as twigs"}
    old, new = (
        held({**files, "acorn/twigs.py": "def grow(size): ...", "acorn/fast.pyi": text})
        for text in ("def run(a: int) -> int: ...", "")
    )

    assert [each.subject for each in changes.compare(old, new, "v1")] == ["acorn.fast.run"]
    assert "acorn.twigs.grow" in old.objects


def test_packages_in_a_namespace_are_read_without_a_file_for_it() -> None:
    old, new = (held({"oak/acorn/__init__.py": text}) for text in ("def grow(): ...", ""))

    assert [each.subject for each in changes.compare(old, new, "v1")] == ["oak.acorn.grow"]


def test_imports_in_a_circle_lead_nowhere_and_are_no_trouble() -> None:
    circle = {"acorn/a.py": "from .b import x\nfrom .b import *", "acorn/b.py": "from .a import x\nfrom .a import *"}
    old = held({"acorn/__init__.py": "from .a import x\n__all__ = ['x', 'gone']", **circle})

    assert changes.compare(old, old, "v1") == []


@pytest.mark.timeout(20)
def test_a_package_that_offers_itself_is_walked_once() -> None:
    found = held({"acorn/__init__.py": "import acorn\n__all__ = ['acorn', 'x']\nx = 1"})

    assert list(found.objects) == ["acorn", "acorn.acorn", "acorn.x"]


# Reading


def test_nothing_is_imported_or_run(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "acorn.py").write_text("open('ran', 'w'); import does_not_exist")
    held({"acorn.py": "open('ran', 'w'); raise SystemExit\na = 1", "elm/__init__.py": "import acorn"})

    assert [file.name for file in tmp_path.iterdir()] == ["acorn.py"]
    assert "acorn" not in sys.modules


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"def grow(:\n", "acorn/twigs.py:1 cannot be read as Python: "),
        (b"a = 1\nprint 'two'\n", "acorn/twigs.py:2 cannot be read as Python: "),
        (b"a = '\xff'\n", "acorn/twigs.py cannot be read as Python: "),
        (b"a = 1\0", "acorn/twigs.py cannot be read as Python: "),
        (b"# coding: nonsense\n", "acorn/twigs.py cannot be read as Python: "),
        (b"a = " + b"(" * 5000, "acorn/twigs.py"),
    ],
)
def test_what_cannot_be_read_as_python_is_named_with_its_line(data: bytes, said: str) -> None:
    modules, _ = layout.modules(["acorn/__init__.py", "acorn/twigs.py"], Facts(), ["acorn"])

    with pytest.raises(CouldNotRun) as raised:
        reading.load(modules, {"acorn/__init__.py": b"", "acorn/twigs.py": data})
    assert raised.value.message.startswith(said)


def test_what_griffe_cannot_follow_is_not_told_on_the_terminal(caplog) -> None:
    held({"acorn.py": "import t\nif t:\n    from ._w import g\nelse:\n    def g(a: t.Optional[int]): ..."})

    assert caplog.records == []


def test_source_in_another_encoding_and_with_a_byte_order_mark_is_read(capfd) -> None:
    modules, _ = layout.modules(["a.py", "b.py"], Facts(), ["a", "b"])
    found = reading.load(modules, {"a.py": b"# coding: latin-1\nx = '\xe9'\n", "b.py": b"\xef\xbb\xbfy = 1\r\n"})

    assert list(found.objects) == ["a", "b", "a.x", "b.y"]
    assert capfd.readouterr() == ("", "")


LINES = (
    *("class A(B, C[int]):", " def f(self, a, /, *b, c=1, **d): ...", "from . import *", "from .t import x as y", "x"),
    *("__all__ = [x]", "__all__ += t.__all__", "@d", "import a.b", "if x:", " pass", "x: int", "del x", "\t", "\\"),
)
SOURCE = st.lists(st.sampled_from(LINES) | st.text(max_size=20), max_size=8).map("\n".join)


@given(SOURCE, SOURCE)
def test_whatever_stands_in_the_files_is_compared_or_said_to_be_unreadable(old: str, new: str) -> None:
    try:
        states = [held({"acorn/__init__.py": a, "acorn/t.py": b}) for a, b in ((old, new), (new, old))]
    except CouldNotRun as error:
        states, said = [], error.message
    else:
        said = ""

    assert not said or "cannot be read as Python" in said
    for state in states:
        assert changes.compare(state, state, "v1") == []
        changes.compare(state, states[0], "v1")
