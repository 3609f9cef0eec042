"""Provisioned concurrency: environments that are there before anybody calls, and what may be asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lambent.testing.builders import zip_of
from lambent.testing.platform import LocalPlatform, local_platform
from tests.services.lambda_.conftest import Client, MakeFunction, refusal
from tests.waiting import eventually

HANDLER = zip_of(
    {
        "handler.py": "import os, time\n"
        "def handler(event, context):\n"
        "    time.sleep(event.get('for', 0))\n"
        "    return os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']\n"
    }
)
SOON = {"Delay": 0.02, "MaxAttempts": 1000}
BROKEN = zip_of({"handler.py": "raise RuntimeError('no start')\n"})


def config(functions: Client, qualifier: str) -> dict[str, Any]:  # Any: botocore's shape
    found: dict[str, Any] = functions.get_provisioned_concurrency_config(FunctionName="f", Qualifier=qualifier)  # Any
    found.pop("ResponseMetadata")
    return found


def settled(functions: Client, qualifier: str) -> dict[str, Any]:  # Any: as above
    def look() -> dict[str, Any] | None:  # Any: as above
        found = config(functions, qualifier)
        return None if found["Status"] == "IN_PROGRESS" else found

    answer: dict[str, Any] = eventually(look)  # Any: as above
    return answer


def put(functions: Client, qualifier: str, count: int) -> dict[str, Any]:  # Any: as above
    answer: dict[str, Any] = functions.put_provisioned_concurrency_config(  # Any: as above
        FunctionName="f", Qualifier=qualifier, ProvisionedConcurrentExecutions=count
    )
    return answer


def test_a_version_is_ready_before_its_first_call_and_spills_over(functions: Client, make: MakeFunction) -> None:
    make(code=HANDLER, Publish=True, Timeout=10)
    asked = put(functions, "1", 1)
    assert asked.pop("ResponseMetadata")["HTTPStatusCode"] == 202
    assert asked.pop("LastModified").endswith("+0000")
    assert asked == {
        "RequestedProvisionedConcurrentExecutions": 1,
        "AllocatedProvisionedConcurrentExecutions": 0,
        "AvailableProvisionedConcurrentExecutions": 0,
        "Status": "IN_PROGRESS",
    }
    ready = settled(functions, "1")
    assert (ready["Status"], ready["AvailableProvisionedConcurrentExecutions"]) == ("READY", 1)
    answer = functions.invoke(FunctionName="f:1", LogType="Tail")
    assert answer["Payload"].read() == b'"provisioned-concurrency"'
    assert functions.invoke(FunctionName="f")["Payload"].read() == b'"on-demand"'
    functions.invoke(FunctionName="f:1", InvocationType="Event", Payload=b'{"for": 1}')
    eventually(lambda: functions.invoke(FunctionName="f:1")["Payload"].read() == b'"on-demand"')


@pytest.mark.not_kept("chance decides which version answers")
def test_an_alias_is_provisioned_and_shares_by_its_weights(functions: Client, make: MakeFunction) -> None:
    make(code=HANDLER, Publish=True)
    functions.update_function_configuration(FunctionName="f", Description="two")
    functions.get_waiter("function_updated_v2").wait(FunctionName="f", WaiterConfig=SOON)
    functions.publish_version(FunctionName="f")
    functions.get_waiter("published_version_active").wait(FunctionName="f", Qualifier="2", WaiterConfig=SOON)
    functions.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    put(functions, "live", 2)
    assert settled(functions, "live")["Status"] == "READY"
    listed = functions.list_provisioned_concurrency_configs(FunctionName="f")["ProvisionedConcurrencyConfigs"]
    assert [each["FunctionArn"].rpartition(":")[2] for each in listed] == ["live"]
    functions.update_alias(FunctionName="f", Name="live", RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}})
    assert settled(functions, "live")["Status"] == "READY"
    for _ in range(3):
        assert functions.invoke(FunctionName="f:live")["Payload"].read() == b'"provisioned-concurrency"'
    functions.update_alias(FunctionName="f", Name="live", FunctionVersion="2", RoutingConfig={})
    assert settled(functions, "live")["Status"] == "READY"
    assert functions.invoke(FunctionName="f:2")["Payload"].read() == b'"provisioned-concurrency"'
    eventually(lambda: functions.invoke(FunctionName="f:1")["Payload"].read() == b'"on-demand"')


def test_an_init_that_fails_is_told(functions: Client, make: MakeFunction) -> None:
    make(code=BROKEN, Publish=True)
    put(functions, "1", 1)
    failed = settled(functions, "1")
    assert (failed["Status"], failed["StatusReason"]) == ("FAILED", "FUNCTION_ERROR_INIT_FAILURE")


def test_what_failed_is_tried_once_more_when_it_is_asked_for_again(functions: Client, make: MakeFunction) -> None:
    make(code=BROKEN, Publish=True)
    put(functions, "1", 1)
    assert settled(functions, "1")["Status"] == "FAILED"
    assert put(functions, "1", 1)["Status"] == "IN_PROGRESS"
    eventually(lambda: config(functions, "1")["Status"] == "FAILED")


@pytest.mark.local_only("AWS runs it")
def test_a_runtime_that_nothing_runs_here_is_told(functions: Client, make: MakeFunction) -> None:
    make(Publish=True, Runtime="java21")
    put(functions, "1", 1)
    failed = settled(functions, "1")
    assert failed["Status"] == "FAILED"
    assert "java21" in failed["StatusReason"]


@pytest.mark.not_kept("its account settings tell the limits of the account")
def test_what_cannot_be_provisioned_is_refused_in_awss_words(
    functions: Client, make: MakeFunction, account: str, region: str
) -> None:
    make(code=HANDLER, Publish=True)
    functions.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    arn = f"arn:aws:lambda:{region}:{account}:function"
    asked = functions.put_provisioned_concurrency_config

    def refused(qualifier: str, count: int = 1, name: str = "f") -> tuple[int, str, str]:
        return refusal(asked, FunctionName=name, Qualifier=qualifier, ProvisionedConcurrentExecutions=count)

    invalid = (400, "InvalidParameterValueException")
    missing = (404, "ResourceNotFoundException")
    conflict = (409, "ResourceConflictException")
    assert refused("$LATEST") == (
        *invalid, "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
    )  # fmt: skip
    assert refused("none") == (*missing, f"Cannot find alias arn: {arn}:f:none")
    assert refused("none", name="g") == (*missing, f"Cannot find alias arn: {arn}:g:none")
    assert refused("10") == (*missing, f"Function not found: {arn}:f:10")
    assert refused("1", 901)[2] == (
        "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its "
        "minimum value of [100]."
    )
    assert refused("1", 1001)[2] == (
        "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [1000]."
    )
    put(functions, "1", 2)
    assert refused("live") == (
        *conflict, "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"
    )  # fmt: skip
    limits = functions.get_account_settings()["AccountLimit"]
    assert limits["UnreservedConcurrentExecutions"] == 998
    reserve = refusal(functions.put_function_concurrency, FunctionName="f", ReservedConcurrentExecutions=1)
    assert reserve.message == (
        " ReservedConcurrentExecutions  1 should not be lower than function's total provisioned concurrency [2]."
    )
    functions.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=2)
    assert refused("1", 3)[2] == (
        "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function"
    )
    functions.delete_provisioned_concurrency_config(FunctionName="f", Qualifier="1")
    gone = refusal(functions.get_provisioned_concurrency_config, FunctionName="f", Qualifier="1")
    assert gone.message == "No Provisioned Concurrency Config found for this function"
    put(functions, "live", 1)
    assert refused("1") == (*conflict, "Version is pointed by a Provisioned Concurrency alias")


def test_what_is_provisioned_is_provisioned_again_after_a_restart(tmp_path: Path) -> None:
    with local_platform(data_dir=tmp_path) as first:
        first.create_function("f", HANDLER, Publish=True)
        put(first.client("lambda"), "1", 1)
    with local_platform(data_dir=tmp_path) as second:
        functions = second.client("lambda")
        assert settled(functions, "1")["Status"] == "READY"
        assert functions.invoke(FunctionName="f:1")["Payload"].read() == b'"provisioned-concurrency"'


def test_provisioned_environments_outlive_idleness_and_go_with_their_version() -> None:
    with local_platform(virtual_time=True, idle_expiry_s=60) as platform:
        platform.create_function("f", HANDLER, Publish=True)
        functions = platform.client("lambda")
        put(functions, "1", 2)
        settled(functions, "1")
        functions.invoke(FunctionName="f")
        platform.clock.advance(3600)
        eventually(lambda: kinds(platform) == ["provisioned-concurrency"] * 2)
        functions.delete_function(FunctionName="f", Qualifier="1")
        eventually(lambda: kinds(platform) == [])


def kinds(platform: LocalPlatform) -> list[str]:
    async def look(running: Any) -> list[str]:  # Any: the platform inside
        return [each["initialization_type"] for each in running._environments()["environments"]]

    return platform.on_loop(look)


def test_an_alias_of_the_unpublished_version_has_none(functions: Client, make: MakeFunction) -> None:
    make(Publish=True)
    functions.create_alias(FunctionName="f", Name="latest", FunctionVersion="$LATEST")
    functions.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    put(functions, "live", 1)
    told = "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
    asked = {"FunctionName": "f", "Qualifier": "latest", "ProvisionedConcurrentExecutions": 1}
    assert refusal(functions.put_provisioned_concurrency_config, **asked).message == told
    assert refusal(functions.update_alias, FunctionName="f", Name="live", FunctionVersion="$LATEST").message == told
    assert functions.get_alias(FunctionName="f", Name="live")["FunctionVersion"] == "1"
