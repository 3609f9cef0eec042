from __future__ import annotations

import io

import pytest
from botocore.response import StreamingBody

from tests.recorder.disguise import Disguise

ACCOUNT = "210987654321"
DISGUISE = Disguise(ACCOUNT, "lt12-", {"lambent-test": "lambent-recorder-ab"})
FOREIGN = "arn:aws:lambda:us-east-1:999999999999:function:f"
ARN = f"arn:aws:lambda:eu-central-1:{ACCOUNT}"


@pytest.mark.parametrize(
    ("member", "name", "sent"),
    [
        ("FunctionName", "f", "lt12-f"),
        ("FunctionName", "f:$LATEST", "lt12-f:$LATEST"),
        ("FunctionName", f"{ARN}:function:f:live", f"{ARN}:function:lt12-f:live"),
        ("FunctionName", f"{ACCOUNT}:function:f", f"{ACCOUNT}:function:lt12-f"),
        ("FunctionName", f"{ACCOUNT}:f", f"{ACCOUNT}:lt12-f"),
        ("FunctionName", f"arn::lambda:eu-west-1:{ACCOUNT}:layer:l", f"arn::lambda:eu-west-1:{ACCOUNT}:layer:lt12-l"),
        ("FunctionName", FOREIGN, FOREIGN),
        ("FunctionName", f"eu-central-1:{ACCOUNT}:function:f", f"eu-central-1:{ACCOUNT}:function:lt12-f"),
        ("FunctionName", "function:f:live", "function:lt12-f:live"),
        ("FunctionName", "n" * 60, "lt12-" + "n" * 60),
        ("FunctionName", "n" * 65, "lt12-" + "n" * 65),
        ("FunctionName", "no name", "lt12-no name"),
        ("FunctionName", "a@b", "lt12-a@b"),
        ("LogGroup", "/app/orders", "lt12-/app/orders"),
        ("LayerName", f"{ARN}:layer:l:1", f"{ARN}:layer:lt12-l:1"),
        ("Role", f"arn:aws:iam::{ACCOUNT}:role/lambent-test", f"arn:aws:iam::{ACCOUNT}:role/lambent-recorder-ab"),
        ("Role", f"arn:aws:iam::{ACCOUNT}:role/other", f"arn:aws:iam::{ACCOUNT}:role/lt12-other"),
        ("EventSourceArn", f"arn:aws:sqs:x:{ACCOUNT}:q.fifo", f"arn:aws:sqs:x:{ACCOUNT}:lt12-q.fifo"),
        ("Resource", f"{ARN}:code-signing-config:csc-1", f"{ARN}:code-signing-config:csc-1"),
        ("SourceArn", "arn:aws:s3:::b", "arn:aws:s3:::b"),
        ("Description", "f", "f"),
    ],
)  # fmt: skip
def test_names_are_the_tests_own_on_their_way_out(member: str, name: str, sent: str) -> None:
    assert DISGUISE.outward("lambda", {member: name}) == {member: sent}
    assert DISGUISE.outward("lambda", {"In": [{member: sent}]}) == {"In": [{member: sent}]}
    assert DISGUISE.inward({"In": [sent]}) == {"In": [name]}


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("orders", "lt12-orders"),
        ("/app/orders", "lt12-/app/orders"),
        ("/aws/lambda/f", "/aws/lambda/lt12-f"),
    ],
)
def test_log_groups_are_the_tests_own_by_name_and_by_arn(name: str, sent: str) -> None:
    arn = f"arn:aws:logs:eu-central-1:{ACCOUNT}:log-group:"
    asked = {"logGroupName": name, "resourceArn": arn + name, "logGroupIdentifier": f"{arn}{name}:*"}
    on_aws = {"logGroupName": sent, "resourceArn": arn + sent, "logGroupIdentifier": f"{arn}{sent}:*"}
    assert DISGUISE.outward("logs", asked) == on_aws
    assert DISGUISE.inward(on_aws) == asked


def test_a_queues_url_is_its_own_too() -> None:
    url = f"https://sqs.eu-central-1.amazonaws.com/{ACCOUNT}/q"
    assert DISGUISE.outward("sqs", {"QueueUrl": url}) == {"QueueUrl": url.replace("/q", "/lt12-q")}


def test_names_are_those_of_the_test_in_what_a_function_says() -> None:
    said = b'"lt12-f \xff"'
    body = DISGUISE.inward(StreamingBody(io.BytesIO(said), len(said)))
    assert isinstance(body, StreamingBody)
    assert body.read() == b'"f \xff"'
