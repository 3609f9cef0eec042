from __future__ import annotations

from typing import Any

import pytest

from lambent.template.document import Parameter, TemplateError
from lambent.template.rules import Facts, account_types, check_rules

DECLARED = {
    "Env": Parameter("Env", "String"),
    "Vpc": Parameter("Vpc", "AWS::EC2::VPC::Id"),
    "Subnets": Parameter("Subnets", "List<AWS::EC2::Subnet::Id>"),
}
FACTS = Facts(
    DECLARED,
    {"Env": "test", "Vpc": "vpc-1", "Subnets": ["s-1", "s-2"], "AWS::Region": "us-east-1"},
    {
        "AWS::EC2::VPC::Id": {"vpc-1": {"Tags.Team": "a", "DefaultSecurityGroup": "sg-1"}, "vpc-2": {}},
        "AWS::EC2::Subnet::Id": {"s-1": {"VpcId": "vpc-1"}, "s-2": {"VpcId": "vpc-2"}, "s-3": {"VpcId": "vpc-9"}},
    },
)
HOLDS: list[Any] = [  # Any: conditions of a template
    {"Fn::Equals": [{"Ref": "Env"}, "test"]},
    {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]},
    {"Fn::Contains": [["test", "dev"], {"Ref": "Env"}]},
    {"Fn::Contains": [{"Ref": "Subnets"}, "s-2"]},
    {"Fn::EachMemberEquals": [["a", "a"], "a"]},
    {"Fn::EachMemberIn": [{"Ref": "Subnets"}, ["s-1", "s-2", "s-3"]]},
    {"Fn::Not": [{"Fn::Equals": ["a", "b"]}]},
    {"Fn::And": [{"Fn::Equals": ["a", "a"]}, {"Fn::Contains": [["b"], "b"]}]},
    {"Fn::Or": [{"Fn::Equals": ["a", "b"]}, {"Fn::Contains": [["b"], "b"]}]},
    {"Fn::Equals": [{"Fn::ValueOf": ["Vpc", "Tags.Team"]}, "a"]},
    {"Fn::Equals": [{"Fn::ValueOf": ["Subnets", "VpcId"]}, ["vpc-1", "vpc-2"]]},
    {"Fn::EachMemberIn": [{"Fn::ValueOfAll": ["AWS::EC2::Subnet::Id", "VpcId"]}, {"Fn::RefAll": "AWS::EC2::VPC::Id"}]},
]
FAILS: list[Any] = [  # Any: as above
    {"Fn::Contains": [["prod"], {"Ref": "Env"}]},
    {"Fn::EachMemberEquals": [{"Fn::ValueOfAll": ["AWS::EC2::Subnet::Id", "VpcId"]}, {"Ref": "Vpc"}]},
    {"Fn::EachMemberIn": [["x"], {"Fn::RefAll": "AWS::EC2::VPC::Id"}]},
    {"Fn::And": [{"Fn::Equals": ["a", "a"]}, {"Fn::Equals": ["a", "b"]}]},
    {"Fn::Equals": [{"Fn::ValueOf": ["Vpc", "Tags.Nothing"]}, "a"]},
]


def _rules(assertion: Any, **more: Any) -> dict[str, Any]:  # Any: a Rules section
    return {"R": {"Assertions": [{"Assert": assertion, "AssertDescription": "It is so."}], **more}}


@pytest.mark.parametrize("assertion", HOLDS, ids=str)
def test_an_assertion_that_holds_lets_the_template_pass(assertion: Any) -> None:  # Any: as above
    check_rules(_rules(assertion), FACTS)


@pytest.mark.parametrize("assertion", FAILS, ids=str)
def test_an_assertion_that_fails_refuses_it_with_its_description(assertion: Any) -> None:  # Any: as above
    with pytest.raises(TemplateError, match=r"^Template error: Rule R failed: It is so\.$"):
        check_rules(_rules(assertion), FACTS)


def test_a_rule_whose_condition_does_not_hold_asserts_nothing() -> None:
    check_rules(_rules(FAILS[0], RuleCondition={"Fn::Equals": [{"Ref": "Env"}, "prod"]}), FACTS)
    with pytest.raises(TemplateError):
        check_rules(_rules(FAILS[0], RuleCondition={"Fn::Equals": [{"Ref": "Env"}, "test"]}), FACTS)


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (
            _rules({"Fn::Equals": [{"Fn::If": ["C", 1, 2]}, 1]}),
            "Template format error: Following functions are not supported in the Rules block of the template: [Fn::If]",
        ),
        ({"R": {}}, "Template format error: Rule R must contain a list of Assertions."),
        ({"R": {"Assertions": [{}]}}, "Template format error: Every assertion of rule R must contain an Assert."),
        (
            _rules({"Ref": "Env"}),
            "Template format error: Rules can only be boolean operations on parameters.",
        ),
        (
            _rules({"Fn::Equals": [{"Ref": "Resource"}, "x"]}),
            (
                "Template format error: Unresolved dependencies [Resource]. Cannot reference resources in the Rules "
                "block of the template"
            ),
        ),
        (_rules({"Fn::Contains": ["a"]}), "Template error: Fn::Contains requires a list argument with two elements"),
        (_rules({"Fn::Contains": ["a", "a"]}), "Template error: every Fn::Contains object requires a list of strings."),
        (
            _rules({"Fn::And": [{"Fn::Equals": [1, 1]}]}),
            "Template error: every Fn::And object requires a list of at least 2 and at most 10 boolean parameters.",
        ),
        (_rules({"Fn::Not": []}), "Template error: Fn::Not requires a list argument with one element"),
        (
            _rules({"Fn::Equals": [{"Fn::ValueOf": [{"Ref": "Vpc"}, "VpcId"]}, "x"]}),
            "Template error: no function can be used within Fn::ValueOf.",
        ),
        (
            _rules({"Fn::Equals": [{"Fn::ValueOf": ["Nope", "VpcId"]}, "x"]}),
            "Template error: Fn::ValueOf references undefined parameter Nope",
        ),
    ],
)
def test_a_bad_form_is_refused(rules: dict[str, Any], words: str) -> None:  # Any: as above
    with pytest.raises(TemplateError) as refused:
        check_rules(rules, FACTS)
    assert str(refused.value) == words


def test_the_things_that_rules_ask_about_are_told_beforehand() -> None:
    rules = _rules({"Fn::And": [HOLDS[-1], {"Fn::Equals": [{"Fn::ValueOf": ["Vpc", "Tags.A"]}, "x"]}]})
    assert account_types(rules, DECLARED) == {"AWS::EC2::Subnet::Id", "AWS::EC2::VPC::Id"}
    assert account_types(_rules(HOLDS[0]), DECLARED) == frozenset()
