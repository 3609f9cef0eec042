"""Scalars in paths, query strings and headers."""

from __future__ import annotations

import pytest

from lambent.aws.service_models import Shape, service_model
from lambent.cloud.errors import ServiceError
from lambent.cloud.protocol.text_values import text_decoder


def _member(service: str, operation: str, name: str) -> Shape:
    found = service_model(service).operation(operation)
    assert found is not None
    assert found.input is not None
    return found.input.members[name]


_VERSION = _member("lambda", "GetLayerVersion", "VersionNumber")


@pytest.mark.parametrize(("text", "number"), [("7", 7), ("-1", -1), ("+3", 3), ("007", 7), (str(2**63), 2**63)])
def test_integers_are_read(text: str, number: int) -> None:
    assert text_decoder(_VERSION)(text) == number


@pytest.mark.parametrize("text", ["", " 5", "5 ", "1_0", "1.0", "1e3", "0x1", "\u0661", "\uff19", "NaN", "9" * 5000])
def test_what_only_python_takes_for_an_integer_is_refused(text: str) -> None:
    with pytest.raises(ServiceError) as refused:
        text_decoder(_VERSION)(text)
    assert (refused.value.code, refused.value.message) == (
        "SerializationException",
        "STRING_VALUE can not be converted to an Integer",
    )
