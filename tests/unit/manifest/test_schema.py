"""The schema that editors use: fresh, and of one mind with the model."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from lambent.manifest import schema
from tests.requirements import ROOT

CHECKED_IN = Path(schema.__file__).with_name("lambent.schema.json")
VALIDATOR = jsonschema.validators.validator_for(schema.schema())(json.loads(CHECKED_IN.read_text()))
MANIFESTS = sorted([*(ROOT / "examples").glob("*/lambent.yaml"), *(ROOT / "tests/golden/cases").glob("[!r]*.yaml")])


def test_the_schema_that_is_checked_in_is_fresh() -> None:
    assert CHECKED_IN.read_text() == schema.text()


def test_the_schema_is_one() -> None:
    VALIDATOR.check_schema(VALIDATOR.schema)


@pytest.mark.parametrize(
    "path", [path for path in MANIFESTS if ".template." not in path.name], ids=lambda path: path.name
)
def test_manifests_that_lambent_takes_are_taken_by_the_schema(path: Path) -> None:
    VALIDATOR.validate(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize(
    "document",
    [{}, {"stack": "s", "function": {}}, {"stack": "s", "functions": {"f": {"code": "src", "memry": 1}}}],
)
def test_what_lambent_refuses_is_refused_by_the_schema(document: object) -> None:
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(document)


def test_every_field_of_the_model_has_its_description() -> None:
    found = schema.schema()
    bare = [
        f"{name}.{field}"
        for name, body in [*found["$defs"].items(), ("System", found)]
        for field, one in body.get("properties", {}).items()
        if not one.get("description")
    ]
    assert bare == []
