"""The build: sdist and wheel of the release commit, of the right name and version, the same each time."""

import hashlib
import io
import shutil
import tarfile

import pytest

from hephaestus import stage, ui
from hephaestus.errors import CommandFailed, VerificationFailed
from hephaestus.make import make
from hephaestus.request import Request

pytestmark = pytest.mark.slow


def release(place, until="build") -> None:
    with ui.observer(io.StringIO()) as observer:
        make(Request(version="1.1.0", until=until), place.repository, observer, None)


def assets(place):
    return stage.area(place.repository) / "assets"


def built(place) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(assets(place).iterdir())}


def change_the_backend(place, old: str, new: str) -> None:
    text = (place.root / "backend.py").read_text()
    assert old in text
    place.commit("backend.py", text.replace(old, new), "build: Change")


def test_sdist_and_wheel_hold_the_version_and_the_time_of_the_commit(place):
    release(place)

    assert list(built(place)) == ["acorn-1.1.0-py3-none-any.whl", "acorn-1.1.0.tar.gz"]
    with tarfile.open(assets(place) / "acorn-1.1.0.tar.gz") as tar:
        times = {member.mtime for member in tar.getmembers()}
    assert times == {int(place.git("log", "-1", "--format=%ct", "refs/hephaestus/v1.1.0/commit"))}


def test_a_build_that_is_made_again_gives_the_same_bytes(place):
    release(place)
    first = built(place)
    shutil.rmtree(stage.area(place.repository))

    release(place)

    assert built(place) == first


def test_a_file_that_was_changed_after_the_build_is_built_again(place):
    release(place)
    first = built(place)
    (assets(place) / "acorn-1.1.0.tar.gz").write_bytes(b"gnawed")

    release(place)

    assert built(place) == first


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        (
            'name, version = project["name"], project["version"]',
            'name, version = project["name"], "9.9.9"',
            "acorn-9.9.9",
        ),
        (
            'name, version = project["name"], project["version"]',
            'name, version = "oak", project["version"]',
            "oak-1.1.0",
        ),
    ],
    ids=["version", "name"],
)
def test_a_build_of_another_name_or_version_is_refused(place, old, new, name):
    change_the_backend(place, old, new)

    with pytest.raises(VerificationFailed, match=f"made {name}-py3-none-any.whl, which is not acorn 1.1.0") as raised:
        release(place)

    assert raised.value.hint.startswith("grep -n")
    assert not assets(place).exists()


def test_a_build_that_fails_stops_the_release_with_its_last_words(place):
    change_the_backend(place, "def build_sdist(sdist_directory, config_settings=None):\n", "def build_sdist(sdist_directory, config_settings=None):\n    raise SystemExit('the saw is blunt')\n")  # fmt: skip
    before = place.snapshot()

    with pytest.raises(CommandFailed, match="the saw is blunt"):
        release(place)

    after = place.snapshot()
    assert {name: held for name, held in after["refs"].items() if "hephaestus" not in name} == before["refs"]
    assert after["remote"] == before["remote"]


def test_metadata_an_index_would_refuse_is_refused(place):
    change_the_backend(place, '"Description-Content-Type: text/plain"', '"Description-Content-Type: text/unheard-of"')

    with pytest.raises(CommandFailed, match="twine"):
        release(place)

    assert not assets(place).exists()


def test_the_builds_own_leftovers_are_not_seen_by_the_gates(place):
    place.commit("noxfile.py", "import nox, pathlib\n\n\n@nox.session(tags=['gate'], venv_backend='none')\ndef clean(session):\n    session.run('git', 'status', '--porcelain', '--ignored', external=True)\n    assert not pathlib.Path('left').exists()\n")  # fmt: skip
    change_the_backend(
        place, "    project = _project()\n    top", "    Path('left').touch()\n    project = _project()\n    top"
    )

    release(place, "gates")
