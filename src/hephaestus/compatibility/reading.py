"""Reading what a project offers others with griffe, from its source alone.

Nothing of the project is imported or run, and nothing is written: the source comes from a directory or from git's
objects, and goes to griffe as text. A file that cannot be read as Python ends the reading, as what it offers is
then not known.
"""

from __future__ import annotations

import ast
import contextlib
import gc
import re
import shlex
import warnings
from collections.abc import Container, Iterator, Mapping
from importlib.util import decode_source
from pathlib import Path
from typing import TYPE_CHECKING

from hephaestus.compatibility.layout import Module
from hephaestus.compatibility.surface import Surface, is_wild, understood
from hephaestus.errors import CouldNotRun

if TYPE_CHECKING:
    import griffe

__all__ = ["load"]

_MAIN = re.compile(r"__name__ == '__main__'|'__main__' == __name__")
_UNREADABLE = (SyntaxError, ValueError, LookupError, RecursionError, MemoryError)


def load(modules: Mapping[str, Module], sources: Mapping[str, bytes]) -> Surface:
    """Read the public objects of modules, whose bytes are in `sources` by path.

    Raises `CouldNotRun`, which names the file and the line, where one cannot be read as Python.
    """
    import griffe

    griffe.patch_loggers(_Silent)
    with understood("read"), _undisturbed():
        collection, extensions = griffe.ModulesCollection(), griffe.load_extensions()
        texts = {name: _text(module.path, sources.get(module.path, b"")) for name, module in modules.items()}
        made: dict[str, griffe.Module] = {}
        for name in sorted(modules, key=lambda name: (name.count("."), name)):
            parent = _parent(name, made, collection)
            _put(_visited(modules[name], texts[name], parent, extensions, collection), parent, made, collection)
        tops = {name: module for name, module in made.items() if "." not in name}
        loader = griffe.GriffeLoader(
            extensions=extensions, search_paths=[], modules_collection=collection, allow_inspection=False
        )
        for top in tops.values():
            loader.expand_wildcards(top, external=False)
        for name, stub in ((name, module.stub) for name, module in modules.items() if module.stub):
            text = _text(stub, sources.get(stub, b""))
            types = _visited(Module(name, stub), text, _parent(name, made, collection), extensions, collection)
            with contextlib.suppress(griffe.AliasResolutionError, griffe.CyclicAliasError):  # as griffe does itself
                griffe.merge_stubs(made[name], types)
        _connect(tops, loader)
        for module in made.values():
            _offer(module, set(tops))
        return Surface(tops, texts)


class _Silent:
    """A logger that says nothing: what griffe cannot follow within a file is no news to a maintainer."""

    def __init__(self, name: str) -> None:
        pass

    def __getattr__(self, name: str) -> object:
        return lambda *_, **__: False


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Work without the warnings that source may cause, and without the collector, which would find nothing."""
    collected = gc.isenabled()
    gc.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        if collected:
            gc.enable()


def _text(path: str, data: bytes) -> str:
    try:
        return decode_source(data)
    except _UNREADABLE as error:
        raise _unreadable(path, error) from error


def _without_demonstration(text: str) -> str:
    """Return source with the block for `python -m` emptied: what it imports would pass for what the module defines."""
    if "__main__" not in text:
        return text
    lines = text.splitlines(keepends=True)
    for node in ast.parse(text).body:
        if isinstance(node, ast.If) and _MAIN.fullmatch(ast.unparse(node.test)) and not node.orelse:
            count = (node.end_lineno or node.lineno) - node.lineno
            lines[node.lineno - 1 : node.lineno + count] = ["pass\n", *["\n"] * count]
    return "".join(lines)


def _unreadable(path: str, error: BaseException) -> CouldNotRun:
    line = error.lineno if isinstance(error, SyntaxError) else None
    said = error.msg if isinstance(error, SyntaxError) else str(error) or type(error).__name__
    place = f"{path}:{line}" if line else path
    return CouldNotRun(f"{place} cannot be read as Python: {said}", f"python -m py_compile {shlex.quote(path)}")


def _visited(
    module: Module,
    text: str,
    parent: griffe.Module | None,
    extensions: griffe.Extensions,
    collection: griffe.ModulesCollection,
) -> griffe.Module:
    import griffe

    try:
        return griffe.visit(
            module.name.rpartition(".")[2],
            filepath=Path(module.path),
            code=_without_demonstration(text),
            extensions=extensions,
            parent=parent,
            modules_collection=collection,
        )
    except _UNREADABLE as error:
        raise _unreadable(module.path, error) from error


def _parent(name: str, made: dict[str, griffe.Module], collection: griffe.ModulesCollection) -> griffe.Module | None:
    """Return the package a module lies in, made on the spot where it is a namespace without a file (PEP 420)."""
    import griffe

    above = name.rpartition(".")[0]
    if not above:
        return None
    if above not in made:
        space = griffe.Module(above.rpartition(".")[2], filepath=[], modules_collection=collection)
        _put(space, _parent(above, made, collection), made, collection)
    return made[above]


def _put(
    module: griffe.Module,
    parent: griffe.Module | None,
    made: dict[str, griffe.Module],
    collection: griffe.ModulesCollection,
) -> None:
    if parent is None:
        collection.set_member(module.name, module)
    else:
        parent.set_member(module.name, module)
    made[module.path] = module


def _connect(tops: Mapping[str, griffe.Module], loader: griffe.GriffeLoader) -> None:
    """Follow `__all__`, wildcards and imports between the modules, and mark what packages import to offer it."""
    for top in tops.values():
        loader.expand_exports(top)
        loader.expand_wildcards(top, external=False)
    for top in tops.values():
        loader.extensions.call("on_package", pkg=top, loader=loader)
    loader.resolve_aliases(implicit=True, external=False)


def _offer(module: griffe.Module, ours: Container[str]) -> None:
    """Say what a module offers, where griffe would say it another way than people do.

    A package without `__all__` offers what it imports from its own modules, as most packages are put together;
    nobody offers what comes from elsewhere, nor names such as `__author__`, unless `__all__` lists them.
    """
    import griffe

    for member in list(module.members.values()):
        if isinstance(member, griffe.Alias) and _is_circular(member):
            module.del_member(member.name)  # it could not be imported, and griffe would stumble over it
            continue
        if member.is_exported:
            continue
        if member.name.startswith("__"):
            member.public = False
        elif isinstance(member, griffe.Alias) and not is_wild(member):
            inside = _leads_to(member).partition(".")[0] in ours
            if not inside:
                member.public = False
            elif module.is_init_module and not module.exports and not member.name.startswith("_"):
                member.public = True


def _is_circular(alias: griffe.Alias) -> bool:
    import griffe

    try:
        alias.resolve_target()
    except griffe.CyclicAliasError:
        return True
    except griffe.AliasResolutionError:
        return False
    return False


def _leads_to(alias: griffe.Alias) -> str:
    """Return the name an import leads to, in the end or as far as it can be followed."""
    import griffe

    try:
        return alias.final_target.path
    except griffe.AliasResolutionError as error:
        return error.alias.target_path
