"""What a template's sections refer to, checked before anything is evaluated."""

from __future__ import annotations

from typing import Any

import pytest

from lambent.template.document import Resource, TemplateError, read_template
from lambent.template.references import check_references

Template = dict[str, Any]  # Any: a template
A: Template = {"A": {"Type": "T"}}
RESOURCES = "Template format error: Unresolved resource dependencies [{}] in the Resources block of the template"
OUTPUTS = "Template format error: Unresolved resource dependencies [{}] in the Outputs block of the template"
BOOLEAN = "Template format error: Conditions can only be boolean operations on parameters and other conditions"
IMPORT = (
    "Template error: the attribute in Fn::ImportValue must not depend on any resources, imported values, or Fn::GetAZs"
)


def _has_arn(resource: Resource, name: str) -> bool:
    return resource.type == "T" and name == "Arn"


def _of(properties: Any, **sections: Any) -> Template:  # Any: properties and sections of a template
    return {"Resources": {**A, "B": {"Type": "T", "Properties": {"P": properties}}}, **sections}


@pytest.mark.parametrize(
    "template",
    [
        _of({"Ref": "A"}),
        _of({"Ref": "P"}, Parameters={"P": {"Type": "String"}}),
        _of({"Fn::Sub": "${A}-${A.Arn}-${AWS::Region}-${!Kept}"}),
        _of({"Fn::Sub": ["${Own}", {"Own": {"Ref": "A"}}]}),
        _of({"Fn::GetAtt": "A.Arn"}),
        _of({"Condition": {"StringEquals": {"aws:PrincipalTag/x": "y"}}, "Effect": "Allow"}),
        _of({"Condition": {"StringEquals": {"aws:PrincipalTag/x": "y"}}}),
        _of({"Fn::ImportValue": {"Fn::Sub": "${AWS::StackName}-x"}}),
        {"Resources": {**A, "B": {"Type": "T", "DependsOn": "A"}}, "Outputs": {"O": {"Value": {"Ref": "B"}}}},
        {"Resources": A, "Conditions": {"C": {"Fn::Not": [{"Fn::Equals": [{"Ref": "AWS::Region"}, "x"]}]}}},
    ],
    ids=str,
)
def test_what_is_all_there_passes(template: Template) -> None:
    check_references(read_template(template), _has_arn)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        (_of([{"Ref": "X"}, {"Fn::Sub": "${Y}${X}"}]), RESOURCES.format("X, Y")),
        (_of({"Ref": "AWS::Nothing"}), RESOURCES.format("AWS::Nothing")),
        ({"Resources": {"A": {"Type": "T", "DependsOn": ["X"]}}}, RESOURCES.format("X")),
        ({"Resources": {"A": {"Type": "T", "Metadata": {"Ref": "X"}}}}, RESOURCES.format("X")),
        ({"Resources": A, "Outputs": {"O": {"Value": {"Ref": "X"}}}}, OUTPUTS.format("X")),
        (
            _of({"Fn::GetAtt": ["X", "Arn"]}),
            "Template error: instance of Fn::GetAtt references undefined resource X",
        ),
        (
            _of({"Fn::GetAtt": ["A", "Size"]}),
            "Template error: resource A does not support attribute type Size in Fn::GetAtt",
        ),
        (
            _of({"Fn::Sub": "${A.Size}"}),
            "Template error: instance of Fn::Sub references invalid resource attribute A.Size",
        ),
        (
            _of({"Fn::Sub": "${X.Arn}"}),
            "Template error: instance of Fn::Sub references invalid resource attribute X.Arn",
        ),
        (_of({"Fn::If": ["C", 1, 2]}), "Template error: unresolved condition dependency C in Fn::If"),
        (
            _of({"Fn::FindInMap": ["M", "a", "b"]}),
            "Template error: Mapping named 'M' is not present in the 'Mappings' section of template.",
        ),
        (
            {"Resources": {"A": {"Type": "T", "Condition": "C"}}},
            "Template format error: Unresolved condition dependency C in the Resources block of the template",
        ),
        (
            {"Resources": A, "Outputs": {"O": {"Value": "x", "Condition": "C"}}},
            "Template format error: Unresolved condition dependency C in the Outputs block of the template",
        ),
        (
            {"Resources": A, "Conditions": {"C": {"Fn::Not": [{"Condition": "D"}]}}},
            "Template format error: Unresolved condition dependency D in the Conditions block of the template",
        ),
        (
            {"Resources": A, "Conditions": {"C": {"Fn::Equals": [{"Ref": "A"}, "x"]}}},
            (
                "Template format error: Unresolved dependencies [A]. Cannot reference resources in the Conditions "
                "block of the template"
            ),
        ),
        ({"Resources": A, "Conditions": {"C": "yes"}}, BOOLEAN),
        ({"Resources": A, "Conditions": {"C": {"Fn::Join": ["", []]}}}, BOOLEAN),
        (
            {
                "Resources": A,
                "Conditions": {"C": {"Fn::Not": [{"Condition": "D"}]}, "D": {"Fn::Not": [{"Condition": "C"}]}},
            },
            "Template format error: Circular dependency between conditions: [C, D]",
        ),
        (
            {
                "Resources": {
                    "A": {"Type": "T", "Properties": {"P": {"Ref": "B"}}},
                    "B": {"Type": "T", "DependsOn": "A"},
                }
            },
            "Circular dependency between resources: [A, B]",
        ),
        (
            {"Resources": {"A": {"Type": "T", "Properties": {"P": {"Fn::Sub": "${A}"}}}}},
            "Circular dependency between resources: [A]",
        ),
        ({"Resources": {"A": {"Type": "T", "DependsOn": "A"}}}, "Circular dependency between resources: [A]"),
        (
            _of({"Fn::FindInMap": ["M", "a", "b", {"DefaultValue": "c"}]}, Mappings={"M": {"a": {"b": "c"}}}),
            (
                "Template error: every Fn::FindInMap object requires three parameters, the map name, map key and the "
                "attribute for return value"
            ),
        ),
        (_of({"Fn::ImportValue": {"Ref": "A"}}), IMPORT),
        (_of({"Fn::ImportValue": {"Fn::Select": [0, {"Fn::GetAZs": ""}]}}), IMPORT),
        (_of({"Fn::ImportValue": {"Fn::ImportValue": "x"}}), IMPORT),
    ],
    ids=lambda case: case if isinstance(case, str) else "",
)
def test_what_is_not_there_is_told_in_aws_s_words(template: Template, words: str) -> None:
    with pytest.raises(TemplateError) as refused:
        check_references(read_template(template), _has_arn)
    assert str(refused.value) == words


def test_functions_of_the_language_extensions_need_their_transform() -> None:
    template = read_template(_of({"Fn::Length": [1]}))
    default = _of({"Fn::FindInMap": ["M", "a", "b", {"DefaultValue": "c"}]}, Mappings={"M": {"a": {"b": "c"}}})
    check_references(read_template(default), _has_arn, has_extensions=True)
    check_references(template, _has_arn, has_extensions=True)
    with pytest.raises(TemplateError, match="Encountered unsupported function: Fn::Length"):
        check_references(template, _has_arn)
