"""Jobs for a CI service that install a wheelhouse on the machines this one is not."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence

from hephaestus.wheelhouse import names
from hephaestus.wheelhouse.target import Target

__all__ = ["workflow"]

# The runners of GitHub Actions (https://docs.github.com/actions/reference/runners/github-hosted-runners).
_RUNNERS = {
    ("linux", "x86_64"): "ubuntu-24.04",
    ("linux", "aarch64"): "ubuntu-24.04-arm",
    ("darwin", "arm64"): "macos-15",
    ("darwin", "x86_64"): "macos-15-intel",
    ("win32", "AMD64"): "windows-2025",
    ("win32", "ARM64"): "windows-11-arm",
    ("win32", "x86"): "windows-2025",
}

_WORKFLOW = """\
# Made by `hephaestus wheelhouse jobs`. Installs the wheelhouse, with no index, on each of its targets.
name: wheelhouse

on:
  workflow_call:
    inputs:
      artifact:
        description: The artifact that holds the wheelhouse and its checksum.
        type: string
        default: wheelhouse

permissions: {{}}

jobs:
  install:
    name: ${{{{ matrix.target }}}}
    runs-on: ${{{{ matrix.runner }}}}
    timeout-minutes: 15
    strategy:
      fail-fast: false
      matrix:
        include:
{entries}
    defaults:
      run:
        shell: bash
    steps:
      - uses: actions/download-artifact@634f93cb2916e3fdff6788551b99b062d0335ce0 # v5.0.0
        with:
          name: ${{{{ inputs.artifact }}}}
      - if: ${{{{ !matrix.container }}}}
        uses: actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97 # v7.0.0
        with:
          python-version: ${{{{ matrix.python }}}}
          architecture: ${{{{ matrix.architecture }}}}
      - name: Check and install with no index
        if: ${{{{ !matrix.container }}}}
        run: |
          cat > install.sh <<'END'
{script}
          END
          sh install.sh
      # A container of its own, as actions do not run in Alpine on every machine.
      - name: Check and install with no index, on musl
        if: ${{{{ matrix.container }}}}
        env:
          IMAGE: ${{{{ matrix.container }}}}
        run: |
          cat > install.sh <<'END'
{script}
          END
          docker run --rm --network none --volume "$PWD:/work" --workdir /work "$IMAGE" sh install.sh
"""


# Windows and macOS have no sha256sum of their own; every Python has hashlib.
_CHECK = (
    "import hashlib, pathlib as p; a = p.Path('{archive}');"
    " assert p.Path('{archive}.sha256').read_text().split()[0] == hashlib.sha256(a.read_bytes()).hexdigest()"
)


_SCRIPT = """\
set -e
python -c "{check}"
tar xzf {archive}
cd {folder}
python -m pip install --no-index --find-links wheels --require-hashes -r requirements.txt
python -m pip check
python -c "import importlib.metadata as metadata; assert metadata.version('{project}') == '{version}'"
"""


def workflow(project: str, version: str, targets: Sequence[Target]) -> str:
    """Return a reusable workflow for GitHub Actions with a job for each target, as YAML.

    It needs nothing of this package: pip and the archive suffice. A target there is no hosted machine for gets a
    label that a runner of one's own can carry.
    """
    packed = names.archive(project, version)
    entries = "\n".join(_entry(target) for target in targets)
    script = _SCRIPT.format(
        archive=packed,
        check=_CHECK.format(archive=packed),
        folder=names.folder(project, version),
        project=project,
        version=version,
    )
    return _WORKFLOW.format(entries=entries, script=textwrap.indent(script.rstrip(), " " * 10))


def _entry(target: Target) -> str:
    facts = target.marker
    system, machine = facts["sys_platform"], facts["platform_machine"]
    musl = f"python:{facts['python_version']}-alpine" if target.platform.startswith("musllinux") else ""
    architecture = {"AMD64": "x64", "x86": "x86", "x86_64": "x64"}.get(machine, "arm64")
    told = {
        "target": str(target),
        "runner": _RUNNERS.get((system, machine), f"self-hosted-{system}-{machine}"),
        "python": facts["python_version"],
        "architecture": architecture,
        "container": musl,
    }
    lines = [f"{key}: {json.dumps(value)}" for key, value in told.items()]
    return "\n".join(f"          {'- ' if number == 0 else '  '}{line}" for number, line in enumerate(lines))
