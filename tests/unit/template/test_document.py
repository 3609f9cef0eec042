"""The form of a template's sections."""

from __future__ import annotations

from typing import Any

import pytest

from lambent.template.document import TemplateError, read_template

A = {"A": {"Type": "T"}}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({}, "Template format error: At least one Resources member must be defined."),
        ({"Resources": {}}, "Template format error: At least one Resources member must be defined."),
        ({"Resources": A, "Extras": {}, "More": 1}, "Invalid template property or properties [Extras, More]"),
        ({"Resources": A, "Globals": {}}, "Invalid template property or properties [Globals]"),
        (
            {"Resources": A, "AWSTemplateFormatVersion": "2011-01-01"},
            "Template format error: 2011-01-01 is not a supported value for AWSTemplateFormatVersion.",
        ),
        (
            {"Resources": {"A": {}}},
            "Template format error: [/Resources/A] Every Resources object must contain a Type member.",
        ),
        ({"Resources": {"A": {"Type": "T", "Invalid": 1}}}, "Invalid template resource property 'Invalid'"),
        ({"Resources": {"A-B": {"Type": "T"}}}, "Template format error: Resource name A-B is non alphanumeric."),
        ({"Resources": {"A": "text"}}, "Template format error: Any Resources member must be an object."),
        (
            {"Resources": {"A": {"Type": "T", "Properties": []}}} | {"Outputs": {"O": {"Value": None}}},
            "[/Outputs/O/Value] 'null' values are not allowed in templates",
        ),
        (
            {"Resources": {"A": {"Type": "T", "Properties": {"P": [None]}}}},
            "[/Resources/A/Properties/P/0] 'null' values are not allowed in templates",
        ),
        (
            {"Resources": A, "Outputs": {"O": {"Description": "x"}}},
            "Template format error: Every Outputs member must contain a Value object",
        ),
        (
            {"Resources": A, "Outputs": {"O": {"Value": 1, "Export": "x"}}},
            "Template format error: Output O is malformed. The Export object must contain a Name.",
        ),
        (
            {"Resources": {"A": {"Type": "T", "Condition": ["C"]}}},
            "Template format error: Every Condition member must be a string.",
        ),
        (
            {"Resources": {"A": {"Type": "T", "DependsOn": [1]}}},
            "Template format error: Every DependsOn value must be a string.",
        ),
        (
            {"Resources": {"A": {"Type": "T", "DependsOn": {}}}},
            "Template format error: DependsOn must be a string or list of strings.",
        ),
        (
            {"Resources": {"A": {"Type": "T", "DeletionPolicy": {"Ref": "P"}}}},
            "Template format error: Every DeletionPolicy member must be a string.",
        ),
        (
            {"Resources": {"A": {"Type": "T", "UpdateReplacePolicy": "RetainExceptOnCreate"}}},
            "Template error: UpdateReplacePolicy must be one of Delete, Retain, Snapshot in resource A.",
        ),
        (
            {"Resources": {"A": {"Type": "T", "DeletionPolicy": "Keep"}}},
            (
                "Template error: DeletionPolicy must be one of Delete, Retain, Snapshot, RetainExceptOnCreate in "
                "resource A."
            ),
        ),
        (
            {"Resources": A, "Mappings": {"M": {"A": "b"}}},
            "Template format error: Every Mappings member A must be a map",
        ),
        (
            {"Resources": A, "Mappings": {"M": {"A": {"b": {"c": "d"}}}}},
            "Template format error: Every Mappings attribute must be a String or a List.",
        ),
        (
            {"Resources": A, "Parameters": {"A": {"Type": "String"}}},
            "Template error: all resources and parameters must have unique names. Common name(s):[A]",
        ),
        (
            {"Resources": {f"R{number}": {"Type": "T"} for number in range(501)}},
            "Template format error: Number of resources, 501, is greater than maximum allowed, 500",
        ),
        (
            {"Resources": A, "Parameters": {f"P{number}": {"Type": "String"} for number in range(201)}},
            "Template format error: Number of parameters, 201, is greater than maximum allowed, 200",
        ),
        (
            {"Resources": A, "Outputs": {f"O{number}": {"Value": 1} for number in range(201)}},
            "Template format error: Number of outputs, 201, is greater than maximum allowed, 200",
        ),
        ({"Resources": A, "Transform": {"Name": {"Ref": "X"}}}, "Key Name of transform definition must be a string."),
    ],
)
def test_a_bad_form_is_refused_in_aws_s_words(document: dict[str, Any], words: str) -> None:  # Any: a template
    with pytest.raises(TemplateError) as refused:
        read_template(document)
    assert str(refused.value) == words


def test_a_template_with_transforms_may_have_what_they_will_rewrite() -> None:
    found = read_template(
        {"Transform": "X", "Globals": {}, "Resources": {"A": {"Type": "T", "DeletionPolicy": {"Ref": "P"}}}}
    )
    assert found.transforms == ("X",)


def test_sections_without_anything_in_them_are_none() -> None:
    assert read_template({"Resources": A, "Outputs": None, "Parameters": None}).outputs == {}
