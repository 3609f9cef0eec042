from __future__ import annotations

import pytest

from lambent.aws.arn import (
    Arn,
    FunctionIdentifier,
    MalformedArnError,
    MalformedFunctionIdentifierError,
    function_arn,
    partition_of,
)

_ARN = "arn:aws:lambda:us-east-1:123456789012:function:resize"


@pytest.mark.parametrize(
    ("text", "resource_type"),
    [
        (_ARN, "function"),
        ("arn:aws:iam::123456789012:role/service/a", "role"),
        ("arn:aws:sqs:eu-west-1:123456789012:queue", ""),
        ("arn:aws-cn:s3:::bucket/a:b", "bucket"),
    ],
)
def test_arn_is_read_and_written_back(text: str, resource_type: str) -> None:
    arn = Arn.parse(text)

    assert str(arn) == text
    assert arn.resource_type == resource_type


@pytest.mark.parametrize(
    "text", ["", "resize", "arn:aws:lambda:us-east-1:123456789012", "urn:a:b:c:d:e", "arn::s3:::b"]
)
def test_text_that_is_no_arn_is_refused(text: str) -> None:
    with pytest.raises(MalformedArnError):
        Arn.parse(text)


@pytest.mark.parametrize("qualifier", [None, "1", "prod", "$LATEST", "$LATEST.PUBLISHED"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("resize", FunctionIdentifier("resize")),
        ("function:resize", FunctionIdentifier("resize")),
        ("123456789012:function:resize", FunctionIdentifier("resize", account="123456789012")),
        (_ARN, FunctionIdentifier("resize", None, "123456789012", "us-east-1", "aws")),
        (
            "arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:r_1-x",
            FunctionIdentifier("r_1-x", None, "123456789012", "us-gov-west-1", "aws-us-gov"),
        ),
    ],
)
def test_function_is_named_in_every_form_lambda_accepts(
    text: str, expected: FunctionIdentifier, qualifier: str | None
) -> None:
    found = FunctionIdentifier.parse(f"{text}:{qualifier}" if qualifier else text)

    assert found.qualifier == qualifier
    assert found.unqualified() == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a b",
        "invalid:function:name",
        "resize:",
        "resize:1:2",
        "arn:aws:lambda:us-east-1:123400000000@function:myfn",
        "arn:aws:lambda:function:resize",
        "arn:aws:sqs:us-east-1:123456789012:resize",
        "resize\n",
    ],
)
def test_text_that_names_no_function_is_refused(text: str) -> None:
    with pytest.raises(MalformedFunctionIdentifierError):
        FunctionIdentifier.parse(text)


def test_function_arn_is_in_its_regions_partition() -> None:
    assert function_arn("us-east-1", "123456789012", "resize") == _ARN
    assert function_arn("cn-north-1", "1", "f", "2") == "arn:aws-cn:lambda:cn-north-1:1:function:f:2"
    assert partition_of("eusc-de-east-1") == "aws-eusc"
