# ruff: noqa: INP001, T201, S603, S607  (a script, which prints a table and starts the programs it compares)
"""How long a wheelhouse takes to make, against `pip wheel`, `wagon`, and a loop of `pip download`.

    python benchmarks/wheelhouse.py [--rounds N] [--projects small middle big source] [--loopback]

The whole job is measured on both sides: sdist and wheel of the project, the wheels of all it needs, one archive,
and its sha256. Each pair runs in turn in one call, so that a busy machine slows both; what counts is the median of
the ratios. Cold is with empty caches on both sides; locked with what the run before has left on both sides, and a
lock file on ours (pip and wagon have no way to use one for this). The proof that follows in a real release, an
install with no network, is not part of it, as pip and wagon prove nothing. With `--loopback` everything comes from an
index on this machine behind a line of 20 ms and 1 Gbit, and of 40 ms and 200 Mbit; filled from the real one first.

Run from an environment and a PATH without uv, it shows what is left of this without it.

Needs hephaestus with its development tools beside this Python, and for `wagon` that it is installed there too.
"""

import argparse
import contextlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAMS = Path(sys.executable).parent

PROJECTS = {
    "small": ["httpx[http2]"],
    "middle": ["typer", "rich", "libcst", "pydantic", "pyyaml", "cryptography", "requests", "packaging"],
    "big": [
        *("jupyterlab", "pandas", "matplotlib", "scikit-learn", "sqlalchemy", "aiohttp", "boto3"),
        *("opentelemetry-sdk", "sphinx", "nox", "invoke"),
    ],
    "source": ["hydra-core", "docopt", "netifaces", "httpx"],
}
TARGETS = [
    f"cp3{minor}-{platform}"
    for minor in (11, 12, 13)
    for platform in ("manylinux_2_28_x86_64", "manylinux_2_28_aarch64", "macosx_14_0_arm64", "win_amd64")
]

PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "wh-{name}"
version = "1.0.0"
requires-python = ">=3.11"
dependencies = {dependencies}

[tool.hatch.build.targets.wheel]
packages = ["wh_{name}"]
"""

# wagon reads no pyproject.toml.
SETUP = 'from setuptools import setup\nsetup(name="wh-{name}", version="1.0.0", install_requires={dependencies})\n'


@dataclass(frozen=True)
class Caches:
    """The directories that are empty in a cold run, and the neutral settings of a run."""

    root: Path
    index: str | None

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a run: caches below `root`, one index, nothing of the machine's own configuration."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "UV_"))}
        named = {"PIP_INDEX_URL": self.index, "UV_DEFAULT_INDEX": self.index} if self.index else {}
        return {
            **kept,
            "PIP_CACHE_DIR": str(self.root / "pip"),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "UV_CACHE_DIR": str(self.root / "uv"),
            "UV_NO_CONFIG": "1",
            "XDG_CACHE_HOME": str(self.root / "xdg"),
            **named,
        }


def make_project(where: Path, name: str) -> Path:
    """Write a project with the given dependencies, in a git repository of its own."""
    root = where / f"wh-{name}"
    (root / f"wh_{name}").mkdir(parents=True)
    (root / f"wh_{name}" / "__init__.py").write_text('"""Nothing."""\n')
    dependencies = json.dumps(PROJECTS[name])
    (root / "pyproject.toml").write_text(PYPROJECT.format(name=name, dependencies=dependencies))
    (root / "setup.py").write_text(SETUP.format(name=name, dependencies=dependencies))
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    commit(root)
    return root


def commit(root: Path) -> None:
    """Commit all that lies in a project."""
    git = ["git", "-c", "user.name=B", "-c", "user.email=b@example.org"]
    subprocess.run([*git, "add", "."], cwd=root, check=True)
    subprocess.run([*git, "commit", "-qm", "feat: All"], cwd=root, check=True)


def ours(project: Path, out: Path, *more: str) -> list[list[str]]:
    """Return the commands of our side of the whole job."""
    return [[sys.executable, str(HERE / "make_wheelhouse.py"), str(project), str(out), *more]]


def pip_wheel(project: Path, out: Path) -> list[list[str]]:
    """Return the commands that do the job with pip, build, tar and sha256sum."""
    python = [sys.executable, "-m"]
    return [
        [*python, "pip", "wheel", "--quiet", "--wheel-dir", str(out / "wheels"), str(project)],
        [*python, "build", "--sdist", "--outdir", str(out / "wheels"), str(project)],
        ["tar", "czf", str(out / "house.tar.gz"), "-C", str(out), "wheels"],
        ["sha256sum", str(out / "house.tar.gz")],
    ]


def wagon(project: Path, out: Path) -> list[list[str]]:
    """Return the command of wagon, which makes no sdist and no checksum."""
    made = ["create", str(project), "-t", "tar.gz", "-o", str(out), "-f"]
    return [[str(PROGRAMS / "wagon"), *made]]


def pip_download(project: Path, out: Path) -> list[list[str]]:
    """Return the commands of a loop of `pip download` over the targets, PEP 600 tags written out by hand."""
    wanted = PROJECTS[project.name.removeprefix("wh-")]
    commands = []
    for target in TARGETS:
        python, _, platform = target.partition("-")
        words = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:", "-d", str(out / target)]
        words += ["--python-version", f"3.{python[3:]}"]
        for each in _spelled_out(platform):
            words += ["--platform", each]
        commands.append([*words, *wanted])
    return commands


def _spelled_out(platform: str) -> list[str]:
    if platform.startswith("manylinux"):
        machine = platform.removeprefix("manylinux_2_28_")
        return [*(f"manylinux_2_{minor}_{machine}" for minor in range(28, 16, -1)), f"manylinux2014_{machine}"]
    if platform.startswith("macosx"):
        return [f"macosx_{major}_0_{kind}" for major in range(14, 10, -1) for kind in ("arm64", "universal2")]
    return [platform]


def run(commands: Sequence[Sequence[str]], caches: Caches, where: Path) -> float:
    """Return the seconds some commands take, one after another; those of a job that fails end the benchmark."""
    begin = time.perf_counter()
    for command in commands:
        done = subprocess.run(command, cwd=where, env=caches.environment, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{' '.join(command)}\nended with {done.returncode}:\n{done.stderr[-2000:]}")
    return time.perf_counter() - begin


@contextlib.contextmanager
def fresh(scratch: Path) -> Iterator[Path]:
    """Give an empty directory that goes again."""
    where = Path(tempfile.mkdtemp(dir=scratch))
    yield where
    shutil.rmtree(where)


Job = Callable[[Path, Path], list[list[str]]]


def pairs(project: Path, other: Job, rounds: int, caches: Sequence[Caches], *, cold: bool) -> list[tuple[float, float]]:
    """Run our job and another in turn, and return the seconds of each pair."""
    found = []
    scratch = project.parent
    for number in range(rounds + (0 if cold else 1)):
        taken = []
        for side, job in enumerate((ours, other)):
            with fresh(scratch) as out, fresh(scratch) as empty:
                used = Caches(empty, caches[side].index) if cold else caches[side]
                taken.append(run(job(project, out), used, scratch))
        if cold or number:  # the first warm run fills the caches
            found.append((taken[0], taken[1]))
    return found


def tell(mode: str, project: str, against: str, found: Sequence[tuple[float, float]], least: float) -> bool:
    """Print a line of the table, and tell whether the ratio is what was promised."""
    mine, theirs = (statistics.median(side) for side in zip(*found, strict=True))
    ratios = sorted(other / own for own, other in found)
    middle = statistics.median(ratios)
    spread = f"{ratios[0]:.1f}-{ratios[-1]:.1f}"
    print(f"{mode:8}{project:9}{against:14}{mine:8.2f}{theirs:8.2f}{middle:8.1f}{spread:>12}{least:8.1f}", flush=True)
    return middle >= least


# mode, project, against, at least so many times as fast
PROMISES: tuple[tuple[str, str, Job, float], ...] = (
    ("cold", "small", pip_wheel, 4),
    ("cold", "middle", pip_wheel, 5.5),
    ("cold", "big", pip_wheel, 7),
    ("cold", "source", pip_wheel, 2.5),
    ("cold", "small", wagon, 3),
    ("cold", "middle", wagon, 5),
    ("cold", "big", wagon, 6.5),
    ("cold", "source", wagon, 2.5),
    ("locked", "small", pip_wheel, 10),
    ("locked", "middle", pip_wheel, 15),
    ("locked", "big", pip_wheel, 25),
)


_MUCH = 100e6  # bytes: for less it is not the line that takes the time
# latency in seconds, bytes a second, at least so many times as fast as `pip wheel`, at most so many times the line
LINES = ((0.02, 125e6, 6.0, None), (0.04, 25e6, None, 1.4))


@contextlib.contextmanager
def loopback(files: Path, latency: float, rate: float) -> Iterator[str]:
    """Serve a directory of wheels and sdists behind a line, and give the address of the index."""
    server = HERE.parent / "tests" / "indexes.py"
    words = [sys.executable, str(server), str(files), "--latency", str(latency), "--rate", str(rate)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as serving:
        assert serving.stdout is not None
        yield serving.stdout.readline().split()[-1]
        serving.terminate()


def filled(project: Path) -> Path:
    """Download all that a project and its build need, and return the directory."""
    files = project.parent / f"index-{project.name}"
    wanted = [*PROJECTS[project.name.removeprefix("wh-")], "hatchling", "setuptools", "wheel"]
    run(
        [[sys.executable, "-m", "pip", "download", "--quiet", "-d", str(files), *wanted]],
        Caches(files, None),
        files.parent,
    )
    return files


def behind_a_line(project: Path, rounds: int) -> int:
    """Compare behind two lines, and return how many promises were missed."""
    files, missed = filled(project), 0
    amount = sum(path.stat().st_size for path in files.iterdir() if path.is_file())
    for latency, rate, times, least in LINES:
        with loopback(files, latency, rate) as address:
            caches = [Caches(project.parent, address)] * 2
            found = pairs(project, pip_wheel, rounds, caches, cold=True)
        line = f"{latency * 1000:.0f} ms"
        missed += not tell(line, project.name.removeprefix("wh-"), "pip wheel", found, times or 0)
        own = statistics.median(pair[0] for pair in found)
        print(f"{'':8}{own / (amount / rate):.2f} times what the line alone takes for {amount / 1e6:.0f} MB")
        missed += least is not None and amount > _MUCH and own > least * amount / rate
    return missed


def main() -> int:
    """Print the table, and return 1 where a ratio is less than was promised."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--projects", nargs="+", choices=list(PROJECTS), default=list(PROJECTS))
    parser.add_argument("--loopback", action="store_true", help="behind a line, from an index on this machine")
    asked = parser.parse_args()
    print(f"{'':8}{'project':9}{'against':14}{'ours s':>8}{'other s':>8}{'ratio':>8}{'min-max':>12}{'at least':>9}")
    missed = 0
    with tempfile.TemporaryDirectory() as scratch:
        projects = {name: make_project(Path(scratch), name) for name in asked.projects}
        if asked.loopback:
            return 1 if sum(behind_a_line(project, asked.rounds) for project in projects.values()) else 0
        for mode, name, other, least in PROMISES:
            if name not in projects or (other is wagon and not (PROGRAMS / "wagon").exists()):
                continue
            kept = [Caches(Path(scratch) / f"{side}-{name}", None) for side in ("ours", "other")]
            project = locked(projects[name], kept[0]) if mode == "locked" else projects[name]
            found = pairs(project, other, asked.rounds, kept, cold=mode == "cold")
            missed += not tell(mode, name, other.__name__.replace("_", " "), found, least)
        if "middle" in projects:
            missed += not twelve(projects["middle"], asked.rounds)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"peak memory of any program, the others included: {peak:.0f} MiB")
    return 1 if missed else 0


def locked(project: Path, caches: Caches) -> Path:
    """Return a copy of a project that has a lock, made by our own resolver."""
    with fresh(project.parent) as out:
        run(ours(project, out), caches, project.parent)
        (made,) = out.glob("pylock.*.toml")
        (project.parent / "locked").mkdir(exist_ok=True)
        copy = Path(shutil.copytree(project, project.parent / "locked" / project.name))
        shutil.copy(made, copy / "pylock.toml")
    commit(copy)
    return copy


def twelve(project: Path, rounds: int) -> bool:
    """Compare one wheelhouse for twelve targets with a loop of downloads for each."""
    found = []
    for _ in range(rounds):
        taken = []
        for side in range(2):
            with fresh(project.parent) as out, fresh(project.parent) as empty:
                words = [word for target in TARGETS for word in ("--target", target)]
                commands = pip_download(project, out) if side else ours(project, out, *words)
                taken.append(run(commands, Caches(empty, None), project.parent))
        found.append((taken[0], taken[1]))
    return tell("cold", "middle", "12 downloads", found, 20)


if __name__ == "__main__":
    sys.exit(main())
