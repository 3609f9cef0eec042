"""What AWS was seen to answer where its published model says less, or says it otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.testing.builders import zip_of
from lambent.testing.pytest_plugin import ClientFactory
from tests.recorder.cloud import Cloud
from tests.services.lambda_.conftest import ECHO, Client, MakeFunction, refusal

LAYER = {"ZipFile": zip_of({"python/a.py": ""})}


def answer(call: Callable[..., Any], **parameters: object) -> dict[str, Any]:  # Any: botocore's own shapes
    """Return the whole error response of a call."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return dict(caught.value.response)


def test_a_layer_of_another_region_is_refused_before_the_functions_name(
    aws: ClientFactory, functions: Client, make: MakeFunction, role: str, cloud: Cloud
) -> None:
    make()
    elsewhere = aws("lambda", cloud.place.elsewhere)
    layer = elsewhere.publish_layer_version(LayerName="l", Content=LAYER)["LayerVersionArn"]
    asked = {"Runtime": "python3.13", "Handler": "handler.handler", "Role": role, "Code": {"ZipFile": ECHO}}
    assert refusal(functions.create_function, FunctionName="f", Layers=[layer], **asked).message == (
        f"Layers are not in the same region as the function. Layers are expected to be in region {cloud.place.region}."
    )
    assert refusal(functions.create_function, FunctionName="f", **asked).message == "Function already exist: f"


@pytest.mark.local_only("nothing of other accounts is touched there")
def test_a_function_of_another_account_is_refused_without_a_word(functions: Client, role: str, region: str) -> None:
    arn = f"arn:aws:lambda:{region}:999999999999:function:f"
    asked = {"Runtime": "python3.13", "Handler": "handler.handler", "Role": role, "Code": {"ZipFile": ECHO}}
    told = answer(functions.create_function, FunctionName=arn, **asked)
    assert told["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert told["Error"] == {"Code": "AccessDeniedException", "Message": None}


def test_what_is_no_aliass_name_is_a_version_that_may_be_missing(
    functions: Client, make: MakeFunction, account: str, region: str
) -> None:
    arn = f"arn:aws:lambda:{region}:{account}:function:f"
    assert refusal(functions.delete_function, FunctionName="f", Qualifier="$latest").message == (
        f"Function not found: {arn}"
    )
    make()
    deleted = functions.delete_function(FunctionName="f", Qualifier="$latest")
    assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert functions.get_function(FunctionName="f")["Configuration"]["FunctionArn"] == arn


def test_limits_of_the_account_are_nobodys_fault(functions: Client, make: MakeFunction) -> None:
    make(Publish=True)
    told = [
        answer(functions.put_function_concurrency, FunctionName="f", ReservedConcurrentExecutions=1000),
        answer(
            functions.put_provisioned_concurrency_config,
            FunctionName="f",
            Qualifier="1",
            ProvisionedConcurrentExecutions=1000,
        ),
        answer(
            functions.create_alias,
            FunctionName="f",
            Name="live",
            FunctionVersion="$LATEST",
            RoutingConfig={"AdditionalVersionWeights": {"1": 0.5}},
        ),
    ]
    assert [(each["Error"]["Code"], "Type" in each) for each in told] == [("InvalidParameterValueException", False)] * 3


def test_layers_know_runtimes_that_functions_do_not(functions: Client) -> None:
    listed = refusal(functions.list_layers, CompatibleRuntime="cobol").message
    assert listed.startswith(
        "1 validation error detected: Value 'cobol' at 'compatibleRuntime' failed to satisfy constraint: Member must "
        "satisfy enum value set: [ruby3.5, ruby2.6, "
    )
    assert listed.endswith(", python3.6, python2.7]")
    published = refusal(
        functions.publish_layer_version,
        LayerName="l",
        Content=LAYER,
        CompatibleRuntimes=["cobol"],
        CompatibleArchitectures=["z80"],
    ).message
    assert published.startswith(
        "2 validation errors detected: Value '[cobol]' at 'compatibleRuntimes' failed to satisfy constraint: Member "
        "must satisfy enum value set: [nodejs20.x, "
    )
    assert published.endswith(
        ", java8.al2]; Value '[z80]' at 'compatibleArchitectures' failed to satisfy constraint: Member must satisfy "
        "constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]"
    )
    assert functions.publish_layer_version(LayerName="l", Content=LAYER, CompatibleRuntimes=["go1.x"])["Version"] == 1


@pytest.mark.local_only("only what is the test's own is tagged there")
def test_what_can_carry_tags_is_told_with_layers(functions: Client) -> None:
    message = refusal(functions.tag_resource, Resource="arn:aws:other", Tags={"a": "b"}).message
    assert message.startswith("1 validation error detected: Value 'arn:aws:other' at 'resource' failed to satisfy ")
    assert "|layer:([a-zA-Z0-9-_]+)|code-signing-config:" in message
    assert message.endswith("|capacity-provider:[a-zA-Z0-9-_]+)")


def test_publishing_leaves_the_policy_its_revision(functions: Client, make: MakeFunction) -> None:
    make()
    grant = {"FunctionName": "f", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
    functions.add_permission(**grant, StatementId="a")
    before = functions.get_policy(FunctionName="f")["RevisionId"]
    functions.publish_version(FunctionName="f")
    assert functions.get_policy(FunctionName="f")["RevisionId"] == before
    function = functions.get_function_configuration(FunctionName="f")["RevisionId"]
    assert function != before
    assert refusal(functions.add_permission, **grant, StatementId="b", RevisionId=function).status == 412
    functions.add_permission(**grant, StatementId="b", RevisionId=before)


@pytest.mark.parametrize("operation", ["get_durable_execution", "get_durable_execution_history"])
@pytest.mark.local_only("AWS offers them")
def test_durable_executions_are_not_offered(functions: Client, operation: str, account: str) -> None:
    arn = f"arn:aws:lambda:us-east-1:{account}:function:f:1/durable-execution/name/00000000-0000-0000-0000-000000000000"
    refused = refusal(getattr(functions, operation), DurableExecutionArn=arn)
    name = "".join(word.title() for word in operation.split("_"))
    assert refused == (404, "UnknownOperationException", f"The operation Lambda.{name} is not available here.")
