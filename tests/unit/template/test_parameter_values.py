from __future__ import annotations

from typing import Any

import pytest

from lambent.template.document import Parameter, TemplateError, read_parameters
from lambent.template.parameter_values import problem

STORED = "AWS::SSM::Parameter::Value<String>"


@pytest.mark.parametrize(
    ("parameter", "value", "words"),
    [
        (Parameter("P", "String", allowed_values=("a", "b")), "a", None),
        (Parameter("P", "String", allowed_values=("a", "b")), "c", "Parameter 'P' must be one of AllowedValues"),
        (Parameter("P", "CommaDelimitedList", allowed_values=("a", "b")), "a, b", None),
        (
            Parameter("P", "CommaDelimitedList", allowed_values=("a",)),
            "a,c",
            "Parameter 'P' must be one of AllowedValues",
        ),
        (Parameter("P", "String", allowed_pattern="[a-z]+"), "abc", None),
        (Parameter("P", "String", allowed_pattern="[a-z]+"), "abc1", "Parameter 'P' must match pattern [a-z]+"),
        (
            Parameter("P", "String", allowed_pattern="[a-z]+", constraint_description="letters alone"),
            "1",
            "Parameter 'P' failed to satisfy constraint: letters alone",
        ),
        (Parameter("P", "String", min_length=2), "a", "Parameter 'P' must contain at least 2 characters"),
        (Parameter("P", "String", max_length=2), "abc", "Parameter 'P' must contain at most 2 characters"),
        (Parameter("P", "Number"), "-1.5e3", None),
        (Parameter("P", "Number"), "nan", "Parameter 'P' must be a number."),
        (Parameter("P", "Number"), "1_000", "Parameter 'P' must be a number."),
        (Parameter("P", "Number", min_value=1), "0", "Parameter 'P' must be a number not less than 1"),
        (Parameter("P", "Number", max_value=10), "11", "Parameter 'P' must be a number not greater than 10"),
        (Parameter("P", "List<Number>", min_value=1), "1, 2", None),
        (Parameter("P", "List<Number>"), "1,x", "Parameter 'P' must be a list of numbers."),
        (Parameter("P", STORED, allowed_pattern="/team/.*"), "/team/size", None),
        (Parameter("P", STORED, allowed_pattern="big"), "/team/size", "Parameter 'P' must match pattern big"),
    ],
)
def test_a_value_is_checked_as_it_was_given(parameter: Parameter, value: str, words: str | None) -> None:
    assert problem(parameter, value) == words


@pytest.mark.parametrize(
    ("kind", "is_list", "item", "is_stored"),
    [
        ("String", False, "String", False),
        ("CommaDelimitedList", True, "String", False),
        ("List<Number>", True, "Number", False),
        ("List<AWS::EC2::Subnet::Id>", True, "AWS::EC2::Subnet::Id", False),
        (STORED, False, "String", True),
        ("AWS::SSM::Parameter::Value<List<String>>", True, "String", True),
        ("AWS::SSM::Parameter::Value<CommaDelimitedList>", True, "String", True),
        ("AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", False, "AWS::EC2::Image::Id", True),
        ("AWS::SSM::Parameter::Name", False, "AWS::SSM::Parameter::Name", False),
    ],
)
def test_a_type_tells_what_its_values_are(kind: str, *, is_list: bool, item: str, is_stored: bool) -> None:
    found = read_parameters({"Parameters": {"P": {"Type": kind}}})["P"]
    assert (found.is_list, found.item_type, found.is_stored) == (is_list, item, is_stored)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "Template format error: Every Parameters object must contain a Type member."),
        ({"Type": "Strin"}, "Template format error: Unrecognized parameter type: Strin"),
        ({"Type": "List<String>"}, "Template format error: Unrecognized parameter type: List<String>"),
        (
            {"Type": "AWS::SSM::Parameter::Value<SecureString>"},
            "Template format error: Unrecognized parameter type: AWS::SSM::Parameter::Value<SecureString>",
        ),
        ({"Type": "String", "Properties": {}}, "Invalid template parameter property 'Properties'"),
        ({"Type": "String", "Default": ["a"]}, "Template format error: Every Default member must be a string."),
        (
            {"Type": "String", "AllowedValues": "a"},
            "Template format error: AllowedValues of parameter P must be a list.",
        ),
        (
            {"Type": "String", "AllowedPattern": "["},
            "Parameter 'P' AllowedPattern must be a valid regular expression.",
        ),
        (
            {"Type": "String", "MinValue": 1},
            "Template error: Parameter 'P' MinValue must be on a parameter of type Number",
        ),
        (
            {"Type": "Number", "MaxLength": 1},
            "Template error: Parameter 'P' MaxLength must be on a parameter of type String",
        ),
        (
            {"Type": "String", "MinLength": 5, "MaxLength": 1},
            "Template error: Parameter 'P' MinLength must be less than MaxLength.",
        ),
        (
            {"Type": "Number", "MinValue": "low"},
            "Template format error: MinValue and MaxValue of parameter P must be numbers.",
        ),
    ],
)
def test_a_bad_declaration_is_refused(body: dict[str, Any], words: str) -> None:  # Any: a Parameters member
    with pytest.raises(TemplateError) as refused:
        read_parameters({"Parameters": {"P": body}})
    assert str(refused.value) == words
