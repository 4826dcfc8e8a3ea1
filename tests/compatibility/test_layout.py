"""The packages a project brings are found where its build backend is told they are, or where they usually lie."""

from __future__ import annotations

import pytest

from hephaestus import git, project
from hephaestus.compatibility import layout
from hephaestus.tree import Directory


class Tree:
    """A project of these paths, whose pyproject.toml has more than a name."""

    def __init__(self, *paths: str, more: str = "") -> None:
        self.held = sorted(paths)
        self.toml = f'[project]\nname = "oak-acorn"\nversion = "1"\n{more}'.encode()

    def read(self, path: str) -> bytes | None:
        return self.toml if path == "pyproject.toml" else None

    def paths(self) -> list[str]:
        return self.held

    @property
    def names(self) -> list[str]:
        return layout.names(self.held, project.load(self))


SETUPTOOLS = "[tool.setuptools]\n"
FOUND = {
    "all that is in src": (Tree("src/a/__init__.py", "src/b.py", "tests/t/__init__.py", "c/__init__.py"), ["a", "b"]),
    "the one at the top that is named like the project": (
        Tree("oak_acorn/__init__.py", "bark/__init__.py", "setup.py"),
        ["oak_acorn"],
    ),
    "the module that is named like the project": (Tree("oak_acorn.py", "tasks.py", "tests/__init__.py"), ["oak_acorn"]),
    "a namespace that is named like the project": (Tree("oak/acorn/__init__.py", "docs/x.py"), ["oak.acorn"]),
    "those at the top that hold no tests or the like": (
        Tree("bark/__init__.py", "leaf/__init__.py", "tests/__init__.py", "docs/__init__.py", "noxfile.py"),
        ["bark", "leaf"],
    ),
    "nothing": (Tree("README.md", "tests/test_x.py"), []),
    "hatch's": (
        Tree("lib/bark/__init__.py", "b/__init__.py", more='[tool.hatch.build.targets.wheel]\npackages = ["lib/bark"]'),
        ["bark"],
    ),
    "setuptools' names": (
        Tree("bark/__init__.py", "x.py", more=f'{SETUPTOOLS}packages = ["bark", "bark.a"]\npy-modules = ["x"]'),
        ["bark", "x"],
    ),
    "setuptools' directory for names": (
        Tree("lib/bark/__init__.py", more=f'{SETUPTOOLS}packages = ["bark"]\npackage-dir = {{"" = "lib"}}'),
        ["bark"],
    ),
    "setuptools' directory to look into": (
        Tree("lib/bark/__init__.py", "z/__init__.py", more='[tool.setuptools.packages.find]\nwhere = ["lib"]'),
        ["bark"],
    ),
    "poetry's": (
        Tree("lib/bark/__init__.py", more='[tool.poetry]\npackages = [{include = "bark", from = "lib"}]'),
        ["bark"],
    ),
    "flit's": (Tree("bark.py", "b/__init__.py", more='[tool.flit.module]\nname = "bark"'), ["bark"]),
    "uv's": (
        Tree("src/bark/__init__.py", more='[tool.uv.build-backend]\nmodule-name = "bark"'),
        ["bark"],
    ),
    "maturin's": (
        Tree("python/bark/__init__.pyi", more='[tool.maturin]\npython-source = "python"\nmodule-name = "bark._core"'),
        ["bark"],
    ),
    "what is told but is not there is looked for": (
        Tree("src/bark/__init__.py", more='[tool.hatch.build.targets.wheel]\npackages = ["src/gone"]'),
        ["bark"],
    ),
    "nonsense is passed over": (
        Tree(
            "src/bark/__init__.py",
            more='[tool.hatch.build.targets.wheel]\npackages = ["../up", 1]\n[tool.setuptools]\npackages = {a = 1}\n'
            '[tool.poetry]\npackages = "x"\n[tool.uv.build-backend]\nmodule-name = "not a name"',
        ),
        ["bark"],
    ),
}


@pytest.mark.parametrize(("tree", "names"), FOUND.values(), ids=FOUND)
def test_the_packages_are(tree: Tree, names: list[str]) -> None:
    assert tree.names == names


def test_the_modules_of_a_package_are_those_that_can_be_imported_and_are_no_tests() -> None:
    tree = Tree(
        *("src/a/__init__.py", "src/a/b.py", "src/a/b.pyi", "src/a/fast.pyi", "src/a/slow.pyx", "src/a/c/__init__.py"),
        *("src/a/tests/__init__.py", "src/a/__main__.py", "src/a/data/script.py", "src/a/not-a-name.py", "src/ab.py"),
    )
    found, unseen = layout.modules(tree.paths(), project.load(tree), ["a"])

    assert {name: (each.path, each.stub) for name, each in found.items()} == {
        "a": ("src/a/__init__.py", ""),
        "a.b": ("src/a/b.py", "src/a/b.pyi"),
        "a.c": ("src/a/c/__init__.py", ""),
        "a.fast": ("src/a/fast.pyi", ""),
    }
    assert unseen == ["src/a/slow.pyx"]


def test_a_package_that_is_not_there_has_no_modules() -> None:
    assert layout.modules(["src/a.py"], project.load(Tree()), ["b"]) == ({}, [])


def test_the_bytes_are_the_same_from_a_commit_and_from_a_directory(place) -> None:
    place.commit("src/acorn/leaf.py", "# caf\xe9\n\n")
    place.commit("src/acorn/empty.py", "")
    (place.root / "src/acorn/link.py").symlink_to("leaf.py")
    place.git("add", ".")
    place.git("commit", "--quiet", "-m", "feat: Link")
    commit, wanted = git.Commit(place.repository, "HEAD"), ["src/acorn/leaf.py", "src/acorn/empty.py", "gone.py"]

    assert layout.contents(commit, wanted) == layout.contents(Directory(place.root), wanted)
    assert layout.contents(commit, ["src/acorn/link.py"]) == {}


def test_a_clone_that_lacks_an_object_says_so(place) -> None:
    blob = place.git("rev-parse", "HEAD:src/acorn/__init__.py")
    (place.root / ".git/objects" / blob[:2] / blob[2:]).unlink()

    with pytest.raises(git.CouldNotRun, match="is missing in this clone"):
        git.Commit(place.repository, "HEAD").read_all(["src/acorn/__init__.py"])
