"""The house rules of the layout (CONTRIBUTING.md), read from the syntax tree."""

import ast
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

import hephaestus

SOURCE = Path(hephaestus.__file__).parent
TESTS = Path(__file__).parent

# From the ground up: a module imports only what stands in a layer below its own. Modules of one layer
# do not import each other, so that the steps know nothing of one another.
LAYERS = (
    {"__init__", "_hooks", "errors", "findings", "marks", "markdown", "comparison"},
    {"supervise", "system", "tables", "keepachangelog", "announcement", "checklist", "review"},
    {"git", "tree", "distributions", "environments", "forge", "ui", "journal", "repack", "signatures", "transaction"},
    {"project", "checkout", "deliver", "documents", "kept", "notes", "references"},
    {"versions", "plan", "reversal"},
    {"compatibility"},
    {"drift", "stage", "builder", "evidence"},
    {"wheelhouse", "cleanup"},
    {"papers"},
    # the steps
    {
        "bump",
        "changelog",
        "commit",
        "tag",
        "build",
        "gates",
        "draft",
        "push",
        "publish",
        "land",
        "verify",
        "propose",
        "sweep",
        "track",
    },
    {"guard", "release", "install"},
    # what is done with plans
    {"request", "recovery", "report", "status", "alone", "hotfix"},
    {"make", "milestone", "retell", "candidate"},
    {"proposal"},
    {"advisory", "aftermath"},
    {"rollback", "doctor"},
    {"rehearsal"},
    # the thin edges
    {"tasks", "sessions"},
    {"program"},
    {"cli"},
    {"__main__"},
)
STEPS = next(layer for layer in LAYERS if "bump" in layer)

# The package answers `from hephaestus import ns` only when it is asked for, and then from the tasks.
UPWARD = {("__init__", "tasks")}

# What only one module may import; `forge` and the wheelhouse are the only ones to speak HTTP.
DOORS = {
    "subprocess": {"supervise", "system"},
    "multiprocessing": set(),
    "pty": set(),
    "invoke": {"tasks", "program"},
    "nox": {"sessions"},
    "rich": {"ui"},
    "urllib.request": {"wheelhouse"},
    "http": {"wheelhouse"},
    "socket": {"wheelhouse"},
    "httpx2": {"forge"},
}

# Calls that start a process, end up in another one, or move the whole process.
PROCESSES = ("system", "popen", "exec", "spawn", "posix_spawn", "fork", "startfile", "chdir")

# A subject of several files, each with tests of its own in one folder or file.
WHEELHOUSE = (
    *(
        "archive",
        "assembly",
        "choose",
        "closure",
        "contents",
        "difference",
        "fetch",
        "house",
        "index",
        "inspection",
        "jobs",
    ),
    *("locks", "merge", "resolve", "sbom", "sdists", "serve", "step", "store", "target", "wheel"),
)
GATES = (
    *("code", "configuration", "configured", "dependencies", "engine", "fingerprint", "gates", "passes", "reading"),
    *("documents", "examples", "history_gates", "links", "workflows"),
    *("audit", "licences", "package", "pinned", "testing"),
    *("annotations", "junit", "reports", "sarif"),
)
COMPATIBILITY = ("history", "judgement", "layout", "metadata", "promise", "surface")
FAMILIES = {
    "wheelhouse": tuple(f"wheelhouse/test_{name}.py" for name in WHEELHOUSE),
    "forge": (
        *("forge/test_directory.py", "forge/test_contract.py", "forge/test_github.py", "forge/test_github_address.py"),
        *("forge/test_github_client.py", "forge/test_github_preflight.py", "forge/test_github_token.py"),
        "forge/test_github_tracker.py",
    ),
    "gates": tuple(f"gates/test_{name}.py" for name in GATES),
    "cleanup": ("test_cleanup.py",),
    "documents": ("gates/test_documents.py", "gates/test_examples.py", "gates/test_links.py"),
    "compatibility": tuple(f"compatibility/test_{name}.py" for name in COMPATIBILITY),
    "guard": ("gates/test_guard.py",),
    "ui": ("test_ui.py",),
    "tasks": ("test_tasks.py",),
}
# Files that belong to the subject of another one, and are told in its tests.
TOLD_WITH = {
    "papers": "track",
    "__init__": "layers",
    "_hooks": "builder",
    "__main__": "program",
    "cli": "program",
    "candidate": "proposal",
    "comparison": "keepachangelog",
    "deliver": "propose",
    "draft": "publish",
    "findings": "drift",
    "markdown": "keepachangelog",
    "tables": "project",
    "aftermath": "rollback_on_github",
    "reversal": "rollback_on_github",
}


def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def subject(path: Path) -> str:
    """Return the module of a file, or the folder it is in."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path: Path) -> set[str]:
    """Return the full names of all modules a file imports anywhere, and of the names it takes from them."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}:{node.lineno} imports relatively"
            found |= {str(node.module)} | {f"{node.module}.{each.name}" for each in node.names}
    return found


def own(path: Path) -> set[str]:
    """Return the subjects of this package that a file imports."""
    parts = (name.split(".") for name in imported(path) if name.startswith("hephaestus."))
    known = {subject(each) for each in modules()}
    return {part[1] for part in parts if part[1] in known} - {subject(path)}


def public(path: Path) -> set[str]:
    """Return the names a module defines at its top for others."""
    names: set[str] = set()
    for node in tree(path).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return {name for name in names if not name.startswith("_")} - {"log"}  # each module's logger has that name


def exported(path: Path) -> list[str] | None:
    for node in tree(path).body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]:
            names: list[str] = ast.literal_eval(node.value)
            return names
    return None


def everywhere(find: Callable[[Path], object]) -> dict[str, object]:
    """Return what a rule finds wrong, by module; modules that keep to it are left out."""
    return {dotted(path): found for path in modules() if (found := find(path))}


def test_every_module_stands_in_exactly_one_layer() -> None:
    placed = [name for layer in LAYERS for name in layer]

    assert sorted(placed) == sorted({subject(path) for path in modules()})


def test_imports_point_one_way() -> None:
    height = {name: place for place, layer in enumerate(LAYERS) for name in layer}

    def upward(path: Path) -> set[str]:
        here = subject(path)
        return {name for name in own(path) if height.get(name, 0) >= height.get(here, 0) and (here, name) not in UPWARD}

    assert everywhere(upward) == {}


def test_a_door_is_opened_by_its_keeper_alone() -> None:
    def opened(path: Path) -> set[str]:
        names = imported(path)
        doors = {door for door in DOORS if any(name == door or name.startswith(f"{door}.") for name in names)}
        return {door for door in doors if subject(path) not in DOORS[door]}

    assert everywhere(opened) == {}


@pytest.mark.slow
def test_only_the_door_to_the_machine_starts_processes() -> None:
    def started(path: Path) -> list[str]:
        calls = [ast.unparse(node.func) for node in ast.walk(tree(path)) if isinstance(node, ast.Call)]
        # A name taken from `os` would hide such a call.
        taken = [name for name in imported(path) if name.startswith("os.") and name != "os.path"]
        return [call for call in calls if call.startswith(tuple(f"os.{name}" for name in PROCESSES))] + taken

    # The hooks run in an environment of their own, by its interpreter, and fork for each hook (PEP 517).
    assert set(everywhere(started)) <= {"system", "_hooks"}


def test_the_door_to_the_machine_is_named_where_it_is_used() -> None:
    # The crash tests wrap the functions of `system`; a name taken from it would go past them.
    assert everywhere(lambda path: [name for name in imported(path) if name.startswith("hephaestus.system.")]) == {}


def test_a_step_knows_no_other_step() -> None:
    assert everywhere(lambda path: own(path) & STEPS if subject(path) in STEPS else set()) == {}


def test_what_a_module_offers_is_listed_sorted_and_whole() -> None:
    def amiss(path: Path) -> object:
        listed, expected = exported(path), public(path) | promised(path)
        if path.name == "__main__.py":
            return listed
        if listed is None or set(listed) != expected:
            return expected ^ set(listed or ())
        # As isort sorts: constants, classes, the rest.
        return listed != sorted(listed, key=lambda name: (not name.isupper(), not name[0].isupper(), name)) and listed

    assert everywhere(amiss) == {}


def promised(path: Path) -> set[str]:
    """Return the names a package offers of others: those it imports to hand them on, or answers when asked."""
    if path == SOURCE / "__init__.py":
        return {"__version__", "namespace", "ns"}
    if path.name != "__init__.py":
        return set()
    froms = [node for node in tree(path).body if isinstance(node, ast.ImportFrom)]
    inside = f"hephaestus.{subject(path)}."
    return {each.name for node in froms if str(node.module).startswith(inside) for each in node.names}


def test_every_module_and_every_public_name_says_what_it_is() -> None:
    def silent(path: Path) -> list[str]:
        named: list[tuple[str, ast.Module | ast.ClassDef | ast.FunctionDef]] = [("module", tree(path))]
        for node in tree(path).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                named.append((node.name, node))
            if isinstance(node, ast.ClassDef):
                named += [(f"{node.name}.{each.name}", each) for each in node.body if isinstance(each, ast.FunctionDef)]
        first = {name: (ast.get_docstring(node) or "").partition("\n")[0] for name, node in named}
        return [name for name, said in first.items() if not re.search(r"(^|\.)_", name) and not said.endswith(".")]

    assert everywhere(silent) == {}


def test_every_subject_has_a_file_of_tests() -> None:
    def untested(path: Path) -> list[str]:
        name = subject(path)
        wanted = FAMILIES.get(name, (f"test_{TOLD_WITH.get(name, name)}.py",))
        return [file for file in wanted if not (TESTS / file).is_file()]

    assert everywhere(untested) == {}


def test_importing_the_package_loads_nothing() -> None:
    ask = "import sys; before = set(sys.modules); import hephaestus; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(SOURCE.parent)!r}); {ask}"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == ["hephaestus"]


def test_a_name_the_package_does_not_have_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = hephaestus.nothing
