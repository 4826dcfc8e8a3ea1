"""The module inside a gate's environment that makes the names of the project's wheel come from there alone.

It is copied, and loaded by a `.pth` file whenever Python starts: in subprocesses and in the workers of pytest-xdist
too. Standard library alone, Python 3.7 and later, as it runs under whatever interpreter the project is for; each module
it imports costs every start.
"""

from __future__ import annotations

import atexit
import os
import sys
from importlib.machinery import PathFinder

TYPE_CHECKING = False  # the module `typing` would be one more
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

__all__ = ["TESTS", "TYPE_CHECKING", "install"]

# The variable that names a file of test modules that lie in the project's packages, a line each: name, `=`, directory.
TESTS = "HEPHAESTUS_TESTS_IN_PACKAGES"
# Behind the name of that file: where modules are told of that came from elsewhere nevertheless.
_ASTRAY = ".astray"


def install(names: Sequence[str], places: Sequence[str]) -> None:
    """Have top-level modules come from some directories alone: `names` from `places`.

    Packages without an `__init__` that several projects share are looked for there alone too. Test modules in packages,
    which the wheel may leave out, come from the directory that the file in `TESTS` says.
    """
    told = os.environ.get(TESTS)
    tests = _read(told) if told else {}
    found = {name: list(places) for name in names}
    found.update(tests)
    find = PathFinder.find_spec

    def find_spec(
        _cls: type, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in found:
            return find(fullname, path, target)
        spec = find(fullname, found[fullname], target)
        if spec is not None and spec.origin is None and spec.submodule_search_locations is not None:
            spec.submodule_search_locations = list(spec.submodule_search_locations)  # or it would be looked up anew
        return spec

    # Some ask this finder past all others, such as pytest for the modules whose assertions it rewrites.
    PathFinder.find_spec = classmethod(find_spec)  # type: ignore[assignment,method-assign]
    sys.meta_path.insert(0, _First(found))
    if told:
        atexit.register(_tell_of_others, told + _ASTRAY, tuple(names), places, tests)


class _First:
    """Stands before all finders, such as those of editable installs, so that none is asked for what is pinned."""

    def __init__(self, found: Mapping[str, Sequence[str]]) -> None:
        self._found = found

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self._found:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None:
            raise ModuleNotFoundError(f"No module named {fullname!r} in the wheel of the project", name=fullname)
        return spec


def _read(file: str) -> dict[str, list[str]]:
    with open(file, encoding="utf-8", errors="surrogateescape") as lines:  # noqa: PTH123  (pathlib costs every start)
        pairs = [line.rstrip("\n").partition("=") for line in lines]
    return {name: [place] for name, _, place in pairs}


def _tell_of_others(file: str, names: Sequence[str], places: Sequence[str], tests: Mapping[str, Sequence[str]]) -> None:
    """Write down the modules of these names that were loaded from other directories by their paths."""
    below = [os.path.realpath(each) + os.sep for each in places]
    for name, found in tests.items():
        test = os.path.realpath(found[0]) + os.sep + name.rpartition(".")[2]
        below += [test + os.sep, test + ".py"]
    for name, module in sorted(sys.modules.items()):
        place = getattr(module, "__file__", None)
        if not isinstance(place, str) or name.partition(".")[0] not in names:
            continue
        if not os.path.realpath(place).startswith(tuple(below)):
            with open(file, "a", encoding="utf-8", errors="replace") as lines:  # noqa: PTH123  (as above)
                lines.write(f"{name} from {place}\n")
