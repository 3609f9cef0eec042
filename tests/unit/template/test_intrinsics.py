"""Every function of a template: what it comes to, and what AWS says of forms that it does not take."""

from __future__ import annotations

from typing import Any

import pytest

from lambent.template.document import TemplateError
from lambent.template.intrinsics import UNKNOWN, Environment, evaluate

Value = Any  # Any: JSON-shaped values of a template


class _Two:
    """Two resources: one that is there, one still to be made."""

    def __contains__(self, logical_id: object, /) -> bool:
        return logical_id in {"Made", "Later"}

    def ref(self, logical_id: str) -> Value:
        return "the-id" if logical_id == "Made" else UNKNOWN

    def attribute(self, logical_id: str, name: str) -> Value:
        known = {"Arn": "arn:made", "Names": ["a", "b"], "Size": 3}
        return known[name] if logical_id == "Made" else UNKNOWN


def _export(name: str) -> Value:
    if name != "known":
        raise TemplateError(f"No export named {name} found")
    return "exported"


AROUND = Environment(
    parameters={
        "Env": "prod",
        "Items": ["x", "y", "z"],
        "AWS::Region": "eu-west-1",
        "AWS::AccountId": "111122223333",
    },
    mappings={"M": {"prod": {"Size": "9", "Zones": ["a", "b"]}}},
    conditions={
        "IsProd": {"Fn::Equals": [{"Ref": "Env"}, "prod"]},
        "IsTest": {"Fn::Not": [{"Condition": "IsProd"}]},
        "Both": {"Fn::And": [{"Condition": "IsProd"}, {"Condition": "IsTest"}]},
        "One": {"Fn::Or": [{"Condition": "IsProd"}, {"Condition": "IsTest"}]},
    },
    resources=_Two(),
    export=_export,
    zones=("eu-west-1a", "eu-west-1b"),
)
NOTHING = {"Ref": "AWS::NoValue"}
GOOD: list[tuple[str, Value, Value]] = [
    ("Ref of a parameter", {"Ref": "Env"}, "prod"),
    ("Ref of a list", {"Ref": "Items"}, ["x", "y", "z"]),
    ("Ref of a resource", {"Ref": "Made"}, "the-id"),
    ("Ref of what is still to be made", {"Ref": "Later"}, UNKNOWN),
    ("NoValue leaves a property out", {"A": 1, "B": NOTHING}, {"A": 1}),
    ("NoValue leaves an item out", ["a", NOTHING, "c"], ["a", "c"]),
    ("GetAtt", {"Fn::GetAtt": ["Made", "Arn"]}, "arn:made"),
    ("GetAtt as text", {"Fn::GetAtt": "Made.Arn"}, "arn:made"),
    ("GetAtt with a Ref for its attribute", {"Fn::GetAtt": ["Made", {"Fn::Sub": "Arn"}]}, "arn:made"),
    (
        "Sub of parameter and attribute",
        {"Fn::Sub": "${Env}-${Made}-${Made.Arn}-${!Kept}"},
        "prod-the-id-arn:made-${Kept}",
    ),
    ("Sub with values of its own", {"Fn::Sub": ["${Own} ${Env}", {"Own": {"Ref": "Made"}}]}, "the-id prod"),
    ("Sub writes numbers and lists as text", {"Fn::Sub": "${Made.Size} ${Items}"}, "3 x,y,z"),
    ("Join", {"Fn::Join": ["-", ["a", {"Ref": "Env"}, 3, True]]}, "a-prod-3-true"),
    ("Join of a list parameter", {"Fn::Join": ["|", {"Ref": "Items"}]}, "x|y|z"),
    ("Join without what is no value", {"Fn::Join": [",", ["Sample", NOTHING]]}, "Sample"),
    ("Join of nothing", {"Fn::Join": [",", [NOTHING]]}, ""),
    ("Join with what is not known yet", {"Fn::Join": ["-", ["a", {"Ref": "Later"}]]}, f"a-{UNKNOWN}"),
    ("Split", {"Fn::Split": [",", "a,,b"]}, ["a", "", "b"]),
    ("Split of what is not known yet", {"Fn::Split": [",", {"Ref": "Later"}]}, UNKNOWN),
    ("Select", {"Fn::Select": [1, ["a", "b"]]}, "b"),
    ("Select with a number as text", {"Fn::Select": ["2", {"Ref": "Items"}]}, "z"),
    ("Select of an attribute", {"Fn::Select": [0, {"Fn::GetAtt": ["Made", "Names"]}]}, "a"),
    ("Select of what is not known yet", {"Fn::Select": [0, {"Ref": "Later"}]}, UNKNOWN),
    ("FindInMap", {"Fn::FindInMap": ["M", {"Ref": "Env"}, "Size"]}, "9"),
    ("FindInMap of a list", {"Fn::FindInMap": ["M", "prod", "Zones"]}, ["a", "b"]),
    ("FindInMap with a default", {"Fn::FindInMap": ["M", "test", "Size", {"DefaultValue": 1}]}, 1),
    ("If that holds", {"Fn::If": ["IsProd", "yes", {"Ref": "Nowhere"}]}, "yes"),
    ("If that does not", {"Fn::If": ["IsTest", {"Ref": "Nowhere"}, "no"]}, "no"),
    ("And", {"Fn::If": ["Both", 1, 2]}, 2),
    ("Or", {"Fn::If": ["One", 1, 2]}, 1),
    ("Equals of a number and its text", {"Fn::Equals": [1, "1"]}, True),
    ("Equals of lists", {"Fn::Equals": [{"Ref": "Items"}, ["x", "y", "z"]]}, True),
    ("Base64", {"Fn::Base64": {"Fn::Sub": "${Env}-x"}}, "cHJvZC14"),
    ("Cidr", {"Fn::Cidr": ["192.168.0.0/24", 3, 5]}, ["192.168.0.0/27", "192.168.0.32/27", "192.168.0.64/27"]),
    ("Cidr of a block with host bits", {"Fn::Cidr": ["10.0.7.9/16", "2"]}, ["10.0.0.0/24", "10.0.1.0/24"]),
    ("Cidr of IPv6", {"Fn::Cidr": ["2600:1f18::/56", 2, 64]}, ["2600:1f18::/64", "2600:1f18:0:1::/64"]),
    ("GetAZs of the own region", {"Fn::GetAZs": ""}, ["eu-west-1a", "eu-west-1b"]),
    ("GetAZs of a region by name", {"Fn::GetAZs": {"Ref": "AWS::Region"}}, ["eu-west-1a", "eu-west-1b"]),
    ("GetAZs of another region", {"Fn::GetAZs": "us-east-1"}, ["us-east-1a", "us-east-1b"]),
    ("GetAZs of no region", {"Fn::GetAZs": "nowhere"}, []),
    ("ImportValue", {"Fn::ImportValue": {"Fn::Sub": "known"}}, "exported"),
    ("Length", {"Fn::Length": {"Ref": "Items"}}, 3),
    ("Length of what is not known yet", {"Fn::Length": {"Ref": "Later"}}, UNKNOWN),
    ("ToJsonString", {"Fn::ToJsonString": {"a": {"Ref": "Env"}, "b": [1]}}, '{"a":"prod","b":[1]}'),
    ("a map with two keys is no function", {"Ref": "Env", "Other": 1}, {"Ref": "Env", "Other": 1}),
]
PAIR = "Template error: every {} object requires two parameters."
BAD: list[tuple[str, Value, str]] = [
    ("Ref that is no text", {"Ref": ["Env"]}, "Template format error: All References must be of type string."),
    (
        "Ref to nowhere",
        {"Ref": "Nope"},
        "Template format error: Unresolved resource dependencies [Nope] in the Resources block of the template",
    ),
    (
        "GetAtt of nothing there",
        {"Fn::GetAtt": ["Nope", "Arn"]},
        "Template format error: Unresolved resource dependencies [Nope] in the Resources block of the template",
    ),
    (
        "GetAtt without an attribute",
        {"Fn::GetAtt": ["Made"]},
        (
            "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the "
            "resource attribute"
        ),
    ),
    (
        "GetAtt with an empty attribute",
        {"Fn::GetAtt": ["Made", ""]},
        (
            "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the "
            "resource attribute"
        ),
    ),
    (
        "Sub of a list without text",
        {"Fn::Sub": [{"a": 1}, {}]},
        (
            "Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a "
            "string as first argument, and an optional second argument to specify a mapping of values to replace "
            "in the string"
        ),
    ),
    (
        "Join without a list",
        {"Fn::Join": ["-", "text"]},
        (
            "Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of "
            "strings to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined."
        ),
    ),
    ("Join of one", {"Fn::Join": ["-"]}, PAIR.format("Fn::Join")),
    (
        "Split of a list",
        {"Fn::Split": [",", ["a"]]},
        (
            "Template error: every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string "
            "to be split or a function that returns a string to be split."
        ),
    ),
    (
        "Select of one",
        {"Fn::Select": [1]},
        "Template error: Fn::Select requires a list argument with two elements: an integer index and a list",
    ),
    (
        "Select with no number",
        {"Fn::Select": ["one", ["a"]]},
        "Template error: Fn::Select requires a list argument with a valid index value as its first element",
    ),
    (
        "Select beyond the end",
        {"Fn::Select": [2, ["a", "b"]]},
        "Template error: Fn::Select cannot select nonexistent value at index 2",
    ),
    (
        "Select before the start",
        {"Fn::Select": [-1, ["a", "b"]]},
        "Template error: Fn::Select cannot select nonexistent value at index -1",
    ),
    (
        "FindInMap of two",
        {"Fn::FindInMap": ["M", "prod"]},
        (
            "Template error: every Fn::FindInMap object requires three parameters, the map name, map key and the "
            "attribute for return value"
        ),
    ),
    (
        "FindInMap of an unknown map",
        {"Fn::FindInMap": ["N", "prod", "Size"]},
        "Template error: Mapping named 'N' is not present in the 'Mappings' section of template.",
    ),
    (
        "FindInMap of an unknown key",
        {"Fn::FindInMap": ["M", "test", "Size"]},
        "Template error: Unable to get mapping for M::test::Size",
    ),
    (
        "If without a condition",
        {"Fn::If": [True, 1, 2]},
        "Template error: Fn::If requires a list argument with the first element being a condition",
    ),
    ("If of two", {"Fn::If": ["IsProd", 1]}, "Template error: Fn::If requires a list argument with three elements"),
    (
        "If of an unknown condition",
        {"Fn::If": ["Nope", 1, 2]},
        "Template error: unresolved condition dependency Nope in Fn::If",
    ),
    (
        "And of one",
        {"Fn::And": [{"Condition": "IsProd"}]},
        "Template error: every Fn::And object requires a list of at least 2 and at most 10 boolean parameters.",
    ),
    (
        "Or of eleven",
        {"Fn::Or": [{"Condition": "IsProd"}] * 11},
        "Template error: every Fn::Or object requires a list of at least 2 and at most 10 boolean parameters.",
    ),
    ("Not of two", {"Fn::Not": [True, True]}, "Template error: Fn::Not requires a list argument with one element"),
    ("Equals of one", {"Fn::Equals": ["a"]}, "Template error: Fn::Equals requires a list argument with two elements"),
    (
        "Base64 of a list",
        {"Fn::Base64": ["a"]},
        "Template error: every Fn::Base64 object must have a String-typed value.",
    ),
    (
        "Cidr of one",
        {"Fn::Cidr": ["10.0.0.0/16"]},
        "Template error: every Fn::Cidr object requires two or three parameters",
    ),
    (
        "Cidr of too many",
        {"Fn::Cidr": ["10.0.0.0/24", 9, 5]},
        "Template error: Fn::Cidr cannot make 9 blocks of 5 bits in 10.0.0.0/24",
    ),
    (
        "Cidr of no block",
        {"Fn::Cidr": ["10.0.0/16", 1, 8]},
        "Template error: Fn::Cidr cannot make 1 blocks of 8 bits in 10.0.0/16",
    ),
    (
        "Cidr of no number",
        {"Fn::Cidr": ["10.0.0.0/16", 0, 8]},
        "Template error: Fn::Cidr requires a number of blocks between 1 and 256 and a number of bits",
    ),
    (
        "GetAZs of a list",
        {"Fn::GetAZs": ["a"]},
        "Template error: every Fn::GetAZs object must have a String-typed value.",
    ),
    ("ImportValue of nothing exported", {"Fn::ImportValue": "none"}, "No export named none found"),
    (
        "ImportValue of a list",
        {"Fn::ImportValue": ["none"]},
        "Template error: the attribute in Fn::ImportValue must be a string or a function that returns one.",
    ),
    (
        "Length of text",
        {"Fn::Length": "abc"},
        "Template error: Fn::Length needs a list, or a function that returns one.",
    ),
]


@pytest.mark.parametrize(("value", "comes_to"), [case[1:] for case in GOOD], ids=[case[0] for case in GOOD])
def test_a_function_comes_to_its_value(value: Value, comes_to: Value) -> None:
    assert evaluate(value, AROUND) == comes_to


@pytest.mark.parametrize(("value", "words"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_a_bad_form_is_refused_in_aws_s_words(value: Value, words: str) -> None:
    with pytest.raises(TemplateError) as refused:
        evaluate(value, AROUND)
    assert str(refused.value) == words


def test_an_unknown_function_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(TemplateError) as refused:
        evaluate({"Fn::Guess": 1}, AROUND)
    told = str(refused.value)
    assert told.startswith("Template error: Encountered unsupported function: Fn::Guess Supported functions are: [")
    assert "Fn::Base64" in told
    assert "Fn::Cidr" in told
