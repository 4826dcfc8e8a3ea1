"""Which files of a tree make up the modules that a project lets others import.

Where the packages are is what the configuration of the build backend says, else what is usual: everything in `src`,
a directory named like the project, or the directories with an `__init__.py`. Nothing is imported or run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from packaging.utils import canonicalize_name

from hephaestus import git
from hephaestus.project import Project
from hephaestus.tree import Tree

__all__ = ["Module", "contents", "modules", "names"]

_SUFFIXES = (".py", ".pyi")
_COMPILED = (".pyx", ".pxd")
# Directories at the top of a project that hold no package of it, as setuptools leaves them out.
_ASIDE = {
    *("benchmark", "benchmarks", "bin", "build", "changelog", "ci", "conftest", "debian", "dist", "doc", "docs"),
    *("documentation", "example", "examples", "exercise", "exercises", "fabfile", "htmlcov", "manpages", "news"),
    *("newsfragments", "node_modules", "noxfile", "python", "requirements", "scripts", "setup", "site_scons", "tasks"),
    *("test", "tests", "tool", "tools", "unit_test", "unit_tests", "util", "utils", "venv"),
}
# Modules that come with a package and are no part of what it offers.
_UNOFFERED = frozenset({"__main__", "conftest", "tests"})


@dataclass(frozen=True)
class Module:
    """A module by its name: the file of its source, and that of its stub (PEP 484) where it has one beside it.

    `path` may be that of a stub, for a module that is compiled.
    """

    name: str
    path: str
    stub: str = ""

    @property
    def is_package(self) -> bool:
        """Whether it can hold other modules."""
        return PurePosixPath(self.path).stem == "__init__"


def contents(tree: Tree, paths: Iterable[str]) -> dict[str, bytes]:
    """Return the bytes of files of a tree, by path; what is no regular file is left out."""
    if isinstance(tree, git.Commit):
        return tree.read_all(paths)
    read = ((path, tree.read(path)) for path in paths)
    return {path: data for path, data in read if data is not None}


def names(paths: Sequence[str], facts: Project) -> list[str]:
    """Return the names of the import packages and modules that a project brings; one may have dots (`oak.acorn`)."""
    held = set(paths)
    told = ((_name(path, root), root) for root, path in _declared(facts))
    declared = {name for name, root in told if _root_of(name, held, [root]) is not None}
    searched = {name for root in _searched(facts) for name in _packages(paths, root)}
    return sorted(declared or searched or set(_usual(paths, facts.normalized)))


def modules(paths: Sequence[str], facts: Project, wanted: Iterable[str]) -> tuple[dict[str, Module], list[str]]:
    """Return the modules of the packages `wanted` by their names, and the paths of compiled ones that have no stub.

    A package that the tree does not hold has no modules.
    """
    roots = tuple(dict.fromkeys((*(root for root, _ in _declared(facts)), *_searched(facts), "src", "")))
    held = set(paths)
    found: dict[str, Module] = {}
    unseen: list[str] = []
    for name in wanted:
        root = _root_of(name, held, roots)
        if root is None:
            continue
        below = PurePosixPath(root, *name.split(".")).as_posix()
        ours = sorted(path for path in held if path.startswith((f"{below}/", f"{below}.py")))
        found |= _collected(ours, root, held)
        unseen += [path for path in ours if path.endswith(_COMPILED[0]) and not _has_stub(path, held)]
    return found, unseen


def _root_of(name: str, held: set[str], roots: Iterable[str]) -> str | None:
    """Return the directory in which a package lies, the first that holds it."""
    for root in roots:
        path = PurePosixPath(root, *name.split(".")).as_posix()
        files = {f"{path}{suffix}" for suffix in _SUFFIXES} | {f"{path}/__init__{suffix}" for suffix in _SUFFIXES}
        if files & held or any(each.startswith(f"{path}/") and each.endswith(_SUFFIXES) for each in held):
            return root
    return None


def _collected(ours: Sequence[str], root: str, held: set[str]) -> dict[str, Module]:
    """Return the modules among the files of one package."""
    found: dict[str, Module] = {}
    for path in ours:
        file = PurePosixPath(path)
        if file.suffix not in _SUFFIXES or not _importable(file, root, held):
            continue
        name = _name(path, root)
        there = found.get(name)
        if there is None:
            found[name] = Module(name, path)
        elif file.suffix == ".pyi":
            found[name] = Module(name, there.path, path)
    return found


def _importable(file: PurePosixPath, root: str, held: set[str]) -> bool:
    """Tell whether a file is a module others may import: below a regular package each directory is one as well."""
    parts = file.relative_to(root).with_suffix("").parts
    if not all(part.isidentifier() for part in parts) or not _UNOFFERED.isdisjoint(parts):
        return False
    folders = [PurePosixPath(root, *parts[:depth]).as_posix() for depth in range(1, len(parts))]
    regular = [any(f"{folder}/__init__{suffix}" in held for suffix in _SUFFIXES) for folder in folders]
    return True not in regular or all(regular[regular.index(True) :])


def _has_stub(path: str, held: set[str]) -> bool:
    stem = path.rpartition(".")[0]
    return any(f"{stem}{suffix}" in held for suffix in _SUFFIXES)


def _name(path: str, root: str) -> str:
    """Return the name by which the file or directory at a path is imported."""
    parts = list(PurePosixPath(path).relative_to(root).parts)
    parts[-1] = parts[-1].removesuffix(".pyi").removesuffix(".py")
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _usual(paths: Sequence[str], normalized: str) -> list[str]:
    """Return the packages that lie where they usually do: in `src`, or at the top."""
    in_src = _packages(paths, "src")
    if in_src:
        return in_src
    top = _packages(paths, "")
    named = [name for name in top if canonicalize_name(name.replace(".", "-")) == normalized]
    if named:
        return named
    return [name for name in top if name.partition(".")[0].lower() not in _ASIDE and f"{name}.py" not in paths]


def _packages(paths: Sequence[str], root: str) -> list[str]:
    """Return the regular packages that lie highest below a directory, and the modules right in it."""
    found: set[str] = set()
    depth = len(PurePosixPath(root).parts)
    for path in paths:
        file = PurePosixPath(path)
        if file.suffix not in _SUFFIXES or file.parts[:depth] != PurePosixPath(root).parts:
            continue
        if file.stem == "__init__" and len(file.parts) > depth + 1:
            found.add(_name(path, root))
        elif len(file.parts) == depth + 1 and file.stem.isidentifier():
            found.add(file.stem)
    highest = (name for name in found if not any(name.startswith(f"{other}.") for other in found))
    return sorted(name for name in highest if all(part.isidentifier() for part in name.split(".")))


def _declared(facts: Project) -> list[tuple[str, str]]:
    """Return what the build backend is told: the directory on the import path, and the path of each package in it."""
    ways = (_of_hatch, _of_setuptools, _of_poetry, _of_flit, _of_uv, _of_maturin)
    return [(root, path) for way in ways for root, path in way(facts)]


def _of_hatch(facts: Project) -> Iterable[tuple[str, str]]:
    build = facts.table("tool", "hatch", "build")
    listed = facts.table("tool", "hatch", "build", "targets", "wheel").get("packages", build.get("packages"))
    for path in _texts(listed):
        if (file := _inside(path)) is not None:
            yield "" if file.parent == PurePosixPath() else file.parent.as_posix(), file.as_posix()


def _of_setuptools(facts: Project) -> Iterable[tuple[str, str]]:
    table = facts.table("tool", "setuptools")
    root = facts.table("tool", "setuptools", "package-dir").get("", "")
    listed = [*_texts(table.get("packages")), *_texts(table.get("py-modules"))]
    tops = {name.partition(".")[0] for name in listed if name.replace(".", "").isidentifier()}
    return _in_root(root, sorted(tops))


def _searched(facts: Project) -> list[str]:
    """Return the directories in which setuptools is told to look for packages."""
    where = facts.table("tool", "setuptools", "packages", "find").get("where")
    return [path.as_posix() for text in _texts(where) if (path := _inside(text)) is not None]


def _of_poetry(facts: Project) -> Iterable[tuple[str, str]]:
    listed = facts.table("tool", "poetry").get("packages")
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, Mapping) and isinstance(include := each.get("include"), str):
            yield from _in_root(each.get("from", ""), [include.partition("/")[0]])


def _of_flit(facts: Project) -> Iterable[tuple[str, str]]:
    name = facts.table("tool", "flit", "module").get("name")
    yield from (each for root in ("src", "") for each in _in_root(root, _texts(name)))


def _of_uv(facts: Project) -> Iterable[tuple[str, str]]:
    table = facts.table("tool", "uv", "build-backend")
    name = table.get("module-name")
    return _in_root(table.get("module-root", "src"), _texts(name))


def _of_maturin(facts: Project) -> Iterable[tuple[str, str]]:
    table = facts.table("tool", "maturin")
    tops = [name.partition(".")[0] for name in _texts(table.get("module-name"))]
    return _in_root(table.get("python-source", ""), tops)


def _in_root(root: object, found: Iterable[str]) -> list[tuple[str, str]]:
    """Return packages, by names that may have dots, in a directory of the project."""
    inside = _inside(root) if isinstance(root, str) and root.strip("./") else PurePosixPath()
    if inside is None:
        return []
    place = "" if inside == PurePosixPath() else inside.as_posix()
    usable = (name for name in found if name.replace(".", "").isidentifier())
    return [(place, PurePosixPath(place, *name.split(".")).as_posix()) for name in usable]


def _inside(path: str) -> PurePosixPath | None:
    """Return a path of the project, or `None` for one that leads out of it or is none."""
    file = PurePosixPath(path.strip().removeprefix("/"))
    return file if file.name and ".." not in file.parts else None


def _texts(value: Any) -> list[str]:  # noqa: ANN401  (whatever somebody wrote in TOML)
    """Return what may be a text or a list of texts as a list, with what is neither left out."""
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)]
