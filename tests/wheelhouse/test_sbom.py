"""The bill of materials: valid by CycloneDX's own schema, the same each time, with licences and who needs whom."""

import json
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.utils import canonicalize_name
from packaging.version import Version

import wheels
from hephaestus.wheelhouse import wheel
from hephaestus.wheelhouse.contents import Place
from hephaestus.wheelhouse.sbom import sbom
from hephaestus.wheelhouse.target import parse

TARGET = parse("cp312-win_amd64")
ACORN, LEAF = ((canonicalize_name(name), Version(version)) for name, version in (("acorn", "1.1.0"), ("leaf", "1!2+x")))


def make(where: Path, *headers: str) -> bytes:
    made = [
        wheel.read(wheels.make_wheel(where, "acorn", headers=["License-Expression: MIT", "Summary: A tree & more."])),
        wheel.read(wheels.make_wheel(where, "leaf", "1!2+x", headers=headers)),
    ]
    places = [Place(each.name, each.version, (each,), frozenset([TARGET]), {}, {}) for each in made]
    return sbom(ACORN, "c0ffee", 1_700_000_000, places, {ACORN: frozenset([LEAF])})


@pytest.mark.parametrize(
    "headers",
    [
        (),
        ("License: Apache 2.0, see LICENSE",),
        ("License-Expression: MIT OR Apache-2.0",),
        ("Classifier: License :: OSI Approved :: BSD License", "Summary: <b>\u202e"),
    ],
)
def test_it_is_valid_by_the_schema(tmp_path: Path, headers: tuple[str, ...]) -> None:
    said = make(tmp_path, *headers).decode()

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(said) is None


def test_it_says_who_needs_whom_by_package_url(tmp_path: Path) -> None:
    told = json.loads(make(tmp_path))

    assert told["metadata"]["component"]["purl"] == "pkg:pypi/acorn@1.1.0"
    assert [each["purl"] for each in told["components"]] == ["pkg:pypi/leaf@1%212%2Bx"]
    assert told["dependencies"] == [
        {"ref": "pkg:pypi/acorn@1.1.0", "dependsOn": ["pkg:pypi/leaf@1%212%2Bx"]},
        {"ref": "pkg:pypi/leaf@1%212%2Bx", "dependsOn": []},
    ]


def test_a_licence_is_an_expression_where_it_is_one_and_else_a_name(tmp_path: Path) -> None:
    told = json.loads(make(tmp_path, "License: whatever you like"))

    assert told["metadata"]["component"]["licenses"] == [{"expression": "MIT"}]
    assert told["components"][0]["licenses"] == [{"license": {"name": "whatever you like"}}]


def test_every_file_has_its_hash(tmp_path: Path) -> None:
    told = json.loads(make(tmp_path))

    (reference,) = told["components"][0]["externalReferences"]
    assert reference["hashes"] == [{"alg": "SHA-256", "content": wheels.sha256(next(tmp_path.glob("leaf*")))}]


def test_it_is_the_same_each_time_and_another_for_other_contents(tmp_path: Path) -> None:
    first = make(tmp_path / "one")

    assert make(tmp_path / "two") == first
    assert json.loads(make(tmp_path / "three", "License: MIT"))["serialNumber"] != json.loads(first)["serialNumber"]
