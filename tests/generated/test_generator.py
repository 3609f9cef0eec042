"""What is sent is what it is meant to be: botocore's own validation is asked, not the platform's."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from tests.generated.breaks import breaks
from tests.generated.chance import Chance
from tests.generated.known import Known
from tests.generated.patterns import is_match, text_of
from tests.generated.values import Values

_MODEL = botocore.session.Session().get_service_model("lambda")
_KNOWN = Known(
    "123456789012", "arn:aws:iam::123456789012:role/r", subnets=["subnet-1"], groups=["sg-1"], queue="arn:aws:sqs:::q"
)


def _patterns() -> list[tuple[str, int, int]]:
    shapes = [_MODEL.shape_for(name).metadata for name in _MODEL.shape_names]
    return [
        (each["pattern"], int(each.get("min", 0)), int(each.get("max", 10_000))) for each in shapes if "pattern" in each
    ]


def _mistakes(operation: Any, parameters: dict[str, Any]) -> str:  # Any: botocore's OperationModel, and its parameters
    report: str = ParamValidator().validate(parameters, operation.input_shape).generate_report()
    return report


def test_a_text_is_found_for_every_pattern_of_the_model() -> None:
    chance = Chance(1)
    without = [
        pattern
        for pattern, least, most in _patterns()
        if (text := text_of(pattern, chance, least=least, most=most)) is None or not is_match(pattern, text)
    ]
    assert without == []


@pytest.mark.parametrize("name", _MODEL.operation_names)
def test_valid_parameters_are_valid_and_those_that_lack_one_are_not(name: str) -> None:
    operation = _MODEL.operation_model(name)
    if operation.input_shape is None:
        return
    for seed in range(12):
        chance = Chance(seed)
        parameters = Values(operation, _KNOWN, chance).parameters()
        assert _mistakes(operation, parameters) == ""
        for each in breaks(operation.input_shape, parameters, chance):
            if each.kind == "missing":
                assert "Missing required parameter" in _mistakes(operation, each.applied(parameters))


def test_the_same_seed_makes_the_same_parameters() -> None:
    operation = _MODEL.operation_model("CreateFunction")
    first, second = (Values(operation, _KNOWN, Chance(5)).parameters() for _ in range(2))
    assert first == second
