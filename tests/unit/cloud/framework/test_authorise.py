"""Policies to decisions, as AWS's evaluation logic has them."""

from __future__ import annotations

import pytest

from lambent.cloud.framework.authorise import AccessRequest, Decision, decide
from lambent.cloud.framework.context import Principal

ALLOW, DENY, NEITHER = Decision.ALLOW, Decision.EXPLICIT_DENY, Decision.IMPLICIT_DENY
_FUNCTION = "arn:aws:lambda:us-east-1:111111111111:function:f"
_S3 = Principal("service", "111111111111", "s3.amazonaws.com", "s3", source_arn="arn:aws:s3:::bucket")
_ANN = Principal("user", "222222222222", "arn:aws:iam::222222222222:user/ann", "AIDA")
_SESSION = Principal("assumed-role", "222222222222", "arn:aws:sts::222222222222:assumed-role/R/s", "AROA:s")


def statement(**parts: object) -> dict[str, object]:
    """A statement that allows invoking the function, with `parts` changed; None leaves one out."""
    whole: dict[str, object] = {"Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction", "Resource": "*"}
    return {name: part for name, part in {**whole, **parts}.items() if part is not None}


def decision(principal: Principal, *statements: dict[str, object], **keys: str) -> Decision:
    """What the statements say of the principal invoking the function."""
    named = {name.replace("__", ":"): value for name, value in keys.items()}
    return decide(
        [{"Statement": list(statements)}], AccessRequest(principal, "lambda:InvokeFunction", _FUNCTION, named)
    )


@pytest.mark.parametrize(
    ("principal", "named", "expected"),
    [
        (_S3, {"Service": "s3.amazonaws.com"}, ALLOW),
        (_S3, {"Service": ["sns.amazonaws.com", "s3.amazonaws.com"]}, ALLOW),
        (_S3, {"Service": "sns.amazonaws.com"}, NEITHER),
        (_S3, {"AWS": "111111111111"}, NEITHER),
        (_ANN, {"AWS": "222222222222"}, ALLOW),
        (_ANN, {"AWS": "arn:aws:iam::222222222222:root"}, ALLOW),
        (_ANN, {"AWS": "arn:aws:iam::222222222222:user/ann"}, ALLOW),
        (_ANN, {"AWS": "arn:aws:iam::222222222222:user/bob"}, NEITHER),
        (_ANN, {"AWS": "*"}, ALLOW),
        (_SESSION, {"AWS": "arn:aws:iam::222222222222:role/path/R"}, ALLOW),
        (_SESSION, {"AWS": "arn:aws:iam::222222222222:role/Other"}, NEITHER),
        (_SESSION, {"AWS": "arn:aws:iam::333333333333:role/R"}, NEITHER),
    ],
)
def test_principals(principal: Principal, named: object, expected: Decision) -> None:
    assert decision(principal, statement(Principal=named)) is expected


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"Action": "lambda:*"}, ALLOW),
        ({"Action": "LAMBDA:invoke*"}, ALLOW),
        ({"Action": ["s3:GetObject", "lambda:InvokeFunctio?"]}, ALLOW),
        ({"Action": "lambda:Invoke"}, NEITHER),
        ({"Action": None, "NotAction": "s3:*"}, ALLOW),
        ({"Action": None, "NotAction": "lambda:*"}, NEITHER),
        ({"Resource": _FUNCTION}, ALLOW),
        ({"Resource": "arn:aws:lambda:*:111111111111:function:*"}, ALLOW),
        ({"Resource": _FUNCTION + ":live"}, NEITHER),
        ({"Resource": None}, ALLOW),
        ({"Resource": None, "NotResource": _FUNCTION}, NEITHER),
        ({"Principal": None, "NotPrincipal": {"AWS": _ANN.arn}}, NEITHER),
        ({"Resource": "arn:aws:lambda:*:*:function:${aws:username}"}, NEITHER),
    ],
)
def test_actions_and_resources(parts: dict[str, object], expected: Decision) -> None:
    assert decision(_ANN, statement(**parts)) is expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::buck*"}}, ALLOW),
        ({"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::other"}}, NEITHER),
        ({"ArnEquals": {"aws:SourceArn": "arn:aws:s3:*:*:bucket"}}, ALLOW),
        ({"StringEquals": {"AWS:SourceAccount": "111111111111"}}, ALLOW),
        ({"StringEquals": {"aws:SourceAccount": ["9", "8"]}}, NEITHER),
        ({"StringNotEquals": {"aws:SourceAccount": "9"}}, ALLOW),
        ({"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}, ALLOW),
        ({"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}, NEITHER),
        ({"BoolIfExists": {"lambda:InvokedViaFunctionUrl": True}}, ALLOW),
        ({"Null": {"aws:PrincipalOrgID": "true"}}, ALLOW),
        ({"Null": {"aws:SourceArn": "true"}}, NEITHER),
        ({"StringLike": {"aws:SourceAccount": "1*"}, "StringEquals": {"aws:SourceAccount": "9"}}, NEITHER),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": "a"}}, ALLOW),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, ALLOW),
        ({"NumericLessThan": {"n": "5"}}, ALLOW),
        ({"DateGreaterThan": {"aws:CurrentTime": "2027-01-01T00:00:00Z"}}, NEITHER),
        ({"StringMatchesSomehow": {"aws:SourceAccount": "1"}}, NEITHER),
    ],
)
def test_conditions(condition: object, expected: Decision) -> None:
    keys = {
        "lambda__FunctionUrlAuthType": "NONE",
        "aws__SourceIp": "10.1.2.3",
        "n": "4",
        "aws__CurrentTime": "2026-06-01T00:00:00Z",
    }
    assert decision(_S3, statement(Condition=condition), **keys) is expected


def test_a_deny_wins_whatever_its_place() -> None:
    for statements in ([statement(), statement(Effect="Deny")], [statement(Effect="Deny"), statement()]):
        assert decision(_ANN, *statements) is DENY


def test_without_a_statement_the_answer_is_an_implicit_deny() -> None:
    assert decide([], AccessRequest(_ANN, "lambda:InvokeFunction", _FUNCTION)) is NEITHER


def test_a_policy_variable_takes_the_callers_value_and_a_missing_one_fits_nothing() -> None:
    mine = {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::home/${aws:username}/*"}
    for principal, expected in ((_ANN, ALLOW), (_SESSION, NEITHER)):
        asked = AccessRequest(principal, "s3:GetObject", "arn:aws:s3:::home/ann/x")
        assert decide([{"Statement": mine}], asked) is expected


def test_an_escaped_star_is_a_star() -> None:
    literal = {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::b/${*}"}
    for key, expected in (("*", ALLOW), ("x", NEITHER)):
        assert (
            decide([{"Statement": literal}], AccessRequest(_ANN, "s3:GetObject", f"arn:aws:s3:::b/{key}")) is expected
        )
