"""Concurrency, tags, account settings, and what Terraform asks about every function."""

from __future__ import annotations

import pytest

from tests.services.lambda_.conftest import Client, MakeFunction, refusal


@pytest.mark.not_kept("its account settings tell the limits of the account")
def test_reserved_concurrency_is_shown_and_given_back(functions: Client, make: MakeFunction) -> None:
    make()
    assert "ReservedConcurrentExecutions" not in functions.get_function_concurrency(FunctionName="f")
    functions.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=5)
    assert functions.get_function_concurrency(FunctionName="f")["ReservedConcurrentExecutions"] == 5
    assert functions.get_function(FunctionName="f")["Concurrency"] == {"ReservedConcurrentExecutions": 5}
    assert functions.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == 995
    deleted = functions.delete_function_concurrency(FunctionName="f")
    assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert "Concurrency" not in functions.get_function(FunctionName="f")


def test_no_reserved_concurrency_means_every_invocation_is_throttled(functions: Client, make: MakeFunction) -> None:
    make()
    functions.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    refused = refusal(functions.invoke, FunctionName="f")
    assert refused == (429, "TooManyRequestsException", "Rate Exceeded.")
    with pytest.raises(functions.exceptions.TooManyRequestsException) as told:
        functions.invoke(FunctionName="f")
    assert told.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"


@pytest.mark.not_kept("the pace of the calls decides which is throttled")
def test_a_reservation_of_one_serves_ten_requests_a_second(functions: Client, make: MakeFunction) -> None:
    make()
    functions.invoke(FunctionName="f")
    functions.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=1)
    for _ in range(10):
        functions.invoke(FunctionName="f")
    with pytest.raises(functions.exceptions.TooManyRequestsException) as refused:  # noqa: PT012 - whichever it is
        for _ in range(300):
            functions.invoke(FunctionName="f")
    assert refused.value.response["Reason"] == "ReservedFunctionInvocationRateLimitExceeded"
    assert refused.value.response["Error"]["Message"] == "Rate Exceeded."
    # Events are not counted: they run as soon as there is room.
    assert functions.invoke(FunctionName="f", InvocationType="Event")["StatusCode"] == 202
    functions.delete_function_concurrency(FunctionName="f")
    assert functions.invoke(FunctionName="f")["StatusCode"] == 200


def test_reservation_is_refused_in_awss_words(functions: Client, make: MakeFunction, account: str, region: str) -> None:
    reserve = functions.put_function_concurrency
    assert refusal(reserve, FunctionName="f", ReservedConcurrentExecutions=1).message == (
        f"Function not found: arn:aws:lambda:{region}:{account}:function:f:$LATEST"
    )
    make()
    assert refusal(reserve, FunctionName="f", ReservedConcurrentExecutions=901).message == (
        "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below "
        "its minimum value of [100]."
    )
    assert refusal(reserve, FunctionName="f:1", ReservedConcurrentExecutions=1).message.startswith(
        "This operation is permitted on Lambda functions only."
    )


def test_tags_are_added_changed_and_removed(functions: Client, make: MakeFunction) -> None:
    arn = make(Tags={"a": "1"})
    before = functions.get_function_configuration(FunctionName="f")["RevisionId"]
    tagged = functions.tag_resource(Resource=arn, Tags={"a": "2", "b": "3"})
    assert tagged["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert functions.list_tags(Resource=arn)["Tags"] == {"a": "2", "b": "3"}
    assert functions.get_function_configuration(FunctionName="f")["RevisionId"] != before
    functions.untag_resource(Resource=arn, TagKeys=["a", "missing"])
    assert functions.get_function(FunctionName="f")["Tags"] == {"b": "3"}
    functions.untag_resource(Resource=arn, TagKeys=["b"])
    assert functions.list_tags(Resource=arn)["Tags"] == {}
    assert "Tags" not in functions.get_function(FunctionName="f")


def test_tags_are_refused_in_awss_words(functions: Client, make: MakeFunction) -> None:
    arn = make()
    many = {f"k{number}": "v" for number in range(51)}
    limit = "Number of tags exceeds resource tag limit."
    assert refusal(functions.tag_resource, Resource=arn, Tags=many).message == limit
    assert refusal(functions.tag_resource, Resource=arn, Tags={}).message == (
        "An error occurred and the request cannot be processed."
    )
    assert refusal(functions.list_tags, Resource=f"{arn}:1").message == (
        "Tags on function aliases and versions are not supported. Please specify a function ARN."
    )
    missing = arn.replace("function:f", "function:g")
    assert refusal(functions.list_tags, Resource=missing).message == f"Function not found: {missing}"


@pytest.mark.local_only("the limits and the use are the account's own")
def test_account_settings_tell_limits_and_use(functions: Client, make: MakeFunction) -> None:
    make(Publish=True)
    size = functions.get_function_configuration(FunctionName="f")["CodeSize"]
    settings = functions.get_account_settings()
    assert settings["AccountLimit"] == {
        "TotalCodeSize": 300 * 1024**3,
        "CodeSizeUnzipped": 262_144_000,
        "CodeSizeZipped": 52_428_800,
        "ConcurrentExecutions": 1000,
        "UnreservedConcurrentExecutions": 1000,
    }
    assert settings["AccountUsage"] == {"TotalCodeSize": 2 * size, "FunctionCount": 1}


def test_function_without_extras_answers_as_on_aws(functions: Client, make: MakeFunction) -> None:
    arn = make(Publish=True)
    assert "CodeSigningConfigArn" not in functions.get_function_code_signing_config(FunctionName="f")
    assert functions.get_function_recursion_config(FunctionName="f")["RecursiveLoop"] == "Terminate"
    runtime = functions.get_runtime_management_config(FunctionName="f")
    assert (runtime["UpdateRuntimeOn"], runtime["FunctionArn"]) == ("Auto", f"{arn}:$LATEST")
    refused = refusal(functions.get_provisioned_concurrency_config, FunctionName="f", Qualifier="1")
    assert refused == (
        404,
        "ProvisionedConcurrencyConfigNotFoundException",
        "No Provisioned Concurrency Config found for this function",
    )
    assert functions.list_provisioned_concurrency_configs(FunctionName="f")["ProvisionedConcurrencyConfigs"] == []
