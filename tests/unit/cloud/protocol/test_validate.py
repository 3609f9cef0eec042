from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lambent.aws.service_models import Shape, service_model
from lambent.cloud.protocol import validate
from lambent.cloud.protocol.validate import validation_error, violations

_FAILED = "failed to satisfy constraint:"
_ROLE = "arn:aws:iam::123456789012:role/r"
_CREATE = {"FunctionName": "f", "Role": _ROLE, "Code": {}}


def _violations(service: str, name: str, parameters: dict[str, Any]) -> list[str]:  # Any: botocore-shaped
    operation = service_model(service).operation(name)
    assert operation is not None
    return violations(operation, parameters)


@pytest.mark.parametrize(
    ("operation", "parameters", "expected"),
    [
        ("UntagResource", {"Resource": "arn:aws:lambda:us-east-1:123456789012:function:f"},
         f"Value null at 'tagKeys' {_FAILED} Member must not be null"),
        ("PutProvisionedConcurrencyConfig",
         {"FunctionName": "f", "Qualifier": "1", "ProvisionedConcurrentExecutions": 0},
         f"Value '0' at 'provisionedConcurrentExecutions' {_FAILED} Member must have value greater than or equal to 1"),
        ("CreateAlias", {"FunctionName": "f", "Name": "2024", "FunctionVersion": "1"},
         (f"Value '2024' at 'name' {_FAILED} "
         "Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)")),
        ("CreateAlias", {"FunctionName": "f", "Name": "n", "FunctionVersion": "1",
                         "RoutingConfig": {"AdditionalVersionWeights": {"2": 2.0}}},
         (f"Value '{{2=2.0}}' at 'routingConfig.additionalVersionWeights' {_FAILED} Map value must satisfy constraint: "
         "[Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0, "
         "Member must not be null]")),
        ("CreateAlias", {"FunctionName": "f", "Name": "n", "FunctionVersion": "1",
                         "RoutingConfig": {"AdditionalVersionWeights": {"$LATEST": 0.5}}},
         (f"Value '{{$LATEST=0.5}}' at 'routingConfig.additionalVersionWeights' {_FAILED} Map keys must satisfy "
         "constraint: [Member must have length less than or equal to 1024, Member must have length greater than or "
         "equal to 1, Member must satisfy regular expression pattern: [0-9]+]")),
        ("CreateFunction", _CREATE | {"Architectures": ["x86_64", "arm64"]},
         f"Value '[x86_64, arm64]' at 'architectures' {_FAILED} Member must have length less than or equal to 1"),
        ("CreateFunction", _CREATE | {"Architectures": ["X86_64"]},
         (f"Value '[X86_64]' at 'architectures' {_FAILED} Member must satisfy constraint: "
         "[Member must satisfy enum value set: [x86_64, arm64], Member must not be null]")),
        ("CreateFunction", _CREATE | {"SnapStart": {"ApplyOn": "x"}},
         f"Value 'x' at 'snapStart.applyOn' {_FAILED} Member must satisfy enum value set: [PublishedVersions, None]"),
        ("CreateFunction", _CREATE | {"VpcConfig": {"SubnetIds": ["bad"]}},
         (f"Value '[bad]' at 'vpcConfig.subnetIds' {_FAILED} Member must satisfy constraint: [Member must have length "
         "less than or equal to 1024, Member must have length greater than or equal to 0, Member must satisfy regular "
         "expression pattern: subnet-[0-9a-z]*]")),
        ("CreateFunction", _CREATE | {"Environment": {"Variables": {"1": "secret"}}},
         (f"Value at 'environment.variables' {_FAILED} Map keys must satisfy constraint: "
         "[Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]")),
        ("PutFunctionRecursionConfig", {"FunctionName": "f", "RecursiveLoop": "x"},
         f"Value 'x' at 'recursiveLoop' {_FAILED} Member must satisfy enum value set: [Terminate, Allow]"),
    ],
)  # fmt: skip
def test_violation_is_told_in_awss_words(
    operation: str,
    parameters: dict[str, Any],  # Any: botocore-shaped
    expected: str,
) -> None:
    assert _violations("lambda", operation, parameters) == [expected]


def test_pattern_is_told_before_length() -> None:
    found = _violations("dynamodb", "CreateBackup", {"TableName": "t", "BackupName": "!"})

    assert [text.partition(": ")[2].split(":")[0] for text in found] == [
        "Member must satisfy regular expression pattern",
        "Member must have length greater than or equal to 3",
    ]


def test_place_in_a_list_is_counted_from_one() -> None:
    tags = {"RoleName": "r", "Tags": [{"Key": "k", "Value": "v"}, {"Key": "$", "Value": "v"}]}

    assert _violations("iam", "TagRole", tags) == [
        (
            rf"Value '$' at 'tags.2.member.key' {_FAILED} "
            r"Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+"
        )
    ]


def test_letters_of_any_language_satisfy_javas_classes() -> None:
    assert _violations("iam", "TagRole", {"RoleName": "r", "Tags": [{"Key": "Größe 漢字", "Value": "é"}]}) == []


def test_allowed_parameters_have_no_violation() -> None:
    assert _violations("lambda", "CreateFunction", _CREATE | {"Timeout": 3, "Runtime": "python3.13"}) == []


def test_recursive_shapes_are_followed() -> None:
    found = _violations(
        "dynamodb", "PutItem", {"TableName": "t", "Item": {"a": {"L": [{"M": {}}]}}, "ReturnValues": "x"}
    )

    assert len(found) == 1
    assert found[0].startswith("Value 'x' at 'returnValues'")


@pytest.mark.parametrize(
    ("service", "name", "code"),
    [("lambda", "GetFunction", "ValidationException"), ("iam", "GetRole", "ValidationError")],
)
def test_error_counts_its_violations(service: str, name: str, code: str) -> None:
    operation = service_model(service).operation(name)
    assert operation is not None

    error = validation_error(operation, {})

    assert error is not None
    assert (error.code, error.status) == (code, 400)
    assert error.message.startswith("1 validation error detected: Value null at '")
    assert validation_error(operation, {"FunctionName": "f", "RoleName": "r"}) is None


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        # Java's \d takes the digits of ASCII alone, its \p{Z} no line feed.
        ("GetFunction", {"FunctionName": "١٢٣٤٥٦٧٨٩٠١٢:function:f"}),
        ("TagResource", {"Resource": "arn:aws:lambda:us-east-1:123456789012:function:f", "Tags": {"a\nb": ""}}),
    ],
)
def test_character_classes_are_those_of_java(operation: str, parameters: dict[str, Any]) -> None:  # Any: as above
    assert _FAILED in "".join(_violations("lambda", operation, parameters))


def test_tags_may_have_letters_and_spaces_of_any_script() -> None:
    tags = {"größe\u00a0漢": "ä ☃"[:2]}
    resource = "arn:aws:lambda:us-east-1:123456789012:function:f"
    assert _violations("lambda", "TagResource", {"Resource": resource, "Tags": tags}) == []


def anything(shape: Shape, depth: int = 3) -> st.SearchStrategy[Any]:  # Any: values of a shape, many of them forbidden
    if shape.type == "structure":
        within = shape.members.items() if depth > 0 else ()
        return st.fixed_dictionaries(
            {}, optional={name: st.none() | anything(member, depth - 1) for name, member in within}
        )
    if shape.type == "list":
        return st.lists(st.none() | anything(shape.member, depth - 1), max_size=2)
    if shape.type == "map":
        below = anything(shape.value, depth - 1)
        values = below if shape.value.type in {"list", "map"} else st.none() | below
        return st.dictionaries(st.sampled_from(["", "a", "1b", "x" * 3000]), values, max_size=2)
    if shape.type in {"string", "character"}:
        return st.sampled_from(["", "a", "1b", "arn:aws:iam::123456789012:role/r", "x" * 3000, *shape.enum])
    if shape.type == "blob":
        return st.sampled_from([b"", b"a"])
    return st.booleans() if shape.type == "boolean" else st.sampled_from([-1, 0, 1, 1_000_000])


@pytest.mark.parametrize(
    ("service", "name"),
    [("dynamodb", "PutItem"), ("lambda", "CreateAlias"), ("events", "PutTargets"), ("sqs", "SendMessageBatch")],
)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_parameters_are_found_fit_exactly_where_no_violation_would_be_told(
    service: str, name: str, data: st.DataObject
) -> None:
    operation = service_model(service).operation(name)
    assert operation is not None
    assert operation.input is not None
    parameters = data.draw(anything(operation.input))
    fits, check, found = validate._input_test(operation), validate._input_check(operation), list[str]()
    assert fits is not None
    assert check is not None
    check(parameters, "", found)
    assert fits(parameters) is not bool(found)
