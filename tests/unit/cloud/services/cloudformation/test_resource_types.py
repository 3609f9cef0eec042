from __future__ import annotations

import pytest

from lambent.cloud.services.cloudformation.identifiers import IDENTIFIERS
from lambent.cloud.services.cloudformation.resource_types import require_allowed
from lambent.cloud.services.cloudformation.resources.table import TYPE_NAMES, ResourceTypes
from lambent.template.document import TemplateError, read_template

TEMPLATE = read_template({"Resources": {"A": {"Type": "AWS::Logs::LogGroup"}, "B": {"Type": "Custom::Thing"}}})


@pytest.mark.parametrize(
    "allowed",
    [
        ["AWS::*", "Custom::*"],
        ["AWS::Logs::*", "Custom::Thing"],
        ["AWS::Logs::LogGroup", "Custom::Thing", "AWS::S3::*"],
    ],
)
def test_types_are_allowed_by_name_by_service_or_all_at_once(allowed: list[str]) -> None:
    require_allowed(TEMPLATE, allowed)


@pytest.mark.parametrize("allowed", [["AWS::*"], ["AWS::Log::*", "Custom::*"], ["AWS::Logs::LogStream", "Custom::*"]])
def test_what_is_not_among_them_is_refused(allowed: list[str]) -> None:
    with pytest.raises(TemplateError, match="is not allowed by parameter ResourceTypes"):
        require_allowed(TEMPLATE, allowed)


def test_every_type_has_its_identifiers_among_its_properties() -> None:
    types = ResourceTypes()
    assert IDENTIFIERS.keys() == TYPE_NAMES
    for name, identifiers in IDENTIFIERS.items():
        kind = types.get(name)
        assert kind is not None
        assert set(identifiers) <= kind.properties | kind.attributes
