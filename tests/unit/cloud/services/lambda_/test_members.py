"""What becomes of each member of a request is declared, and the declaration agrees with the model and the code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from lambent.cloud.services import lambda_
from lambent.cloud.services.lambda_ import members
from lambent.cloud.services.lambda_.members import IN_EFFECT, WITHOUT_EFFECT, Treatment, treatments


@pytest.fixture(scope="module")
def model() -> Any:  # Any: botocore's ServiceModel
    return botocore.session.Session().get_service_model("lambda")


def _within(shape: Any) -> Any:  # Any: botocore's shapes
    while shape.type_name in {"list", "map"}:
        shape = shape.member if shape.type_name == "list" else shape.value
    return shape


def _places(model: Any) -> Iterator[tuple[str, str]]:  # Any: as above
    """Yield each member of the operations, and of the structures directly in those members that have an effect."""
    for name in model.operation_names:
        shape = model.operation_model(name).input_shape
        if name not in _texts_of_the_package() or shape is None:  # not offered, or without any
            continue
        for member, value in shape.members.items():
            yield name, member
            inside = _within(value)
            declared = {each.treatment for each in treatments(name, member)}
            if inside.type_name == "structure" and declared <= {Treatment.IN_EFFECT}:
                yield from ((inside.name, each) for each in inside.members)


@cache
def _texts_of_the_package() -> set[str]:
    folder = Path(lambda_.__file__).parent
    trees = [
        ast.parse(path.read_text(encoding="utf-8")) for path in folder.rglob("*.py") if path != Path(members.__file__)
    ]
    nodes = (node for tree in trees for node in ast.walk(tree))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def test_exactly_one_thing_is_declared_of_every_member_of_the_model(model: Any) -> None:  # Any: as above
    declared = {place: len(treatments(*place)) for place in _places(model)}
    assert len(declared) > 300
    assert {place: count for place, count in declared.items() if count != 1} == {}


def test_nothing_is_declared_that_the_model_does_not_have(model: Any) -> None:  # Any: as above
    written = {(place, member) for place, some in IN_EFFECT.items() for member in some.split()}
    written |= {
        (place, member) for each in WITHOUT_EFFECT for place in each.places.split() for member in each.members.split()
    }
    assert written - set(_places(model)) == set()


def test_what_is_in_effect_kept_or_refused_is_read_somewhere_and_what_is_not_shown_is_not(
    model: Any,  # Any: as above
) -> None:
    texts = _texts_of_the_package()
    for place, member in _places(model):
        treatment = treatments(place, member)[0].treatment
        assert (member in texts) is (treatment is not Treatment.TAKEN), f"{place}.{member} is said to be {treatment}"
