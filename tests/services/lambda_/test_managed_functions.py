"""Functions on capacity providers: what they may be, what is published of them, and how many environments it keeps."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lambent.cloud.services.lambda_ import repository
from lambent.cloud.services.lambda_.model.state import Event, move
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Transaction
from lambent.testing.platform import LocalPlatform
from tests.services.lambda_.conftest import (
    ECHO,
    OTHER,
    Client,
    MakeFunction,
    MakeProvider,
    Refusal,
    refusal,
)
from tests.services.lambda_.test_capacity_providers import in_store
from tests.services.lambda_.urls import call as call_url
from tests.services.lambda_.urls import open_to_anybody
from tests.waiting import eventually

pytestmark = pytest.mark.local_only("its capacity providers start EC2 instances, which cost money")

PUBLISHED = "$LATEST.PUBLISHED"
CONFLICT = "The operation cannot be performed at this time. The function is currently in the following state: "
Parameters = dict[str, Any]  # Any: parameters of the API


@pytest.fixture
def pool(make_provider: MakeProvider) -> str:
    return make_provider()


@pytest.fixture
def wanted(pool: str, role: str) -> Parameters:
    return {
        "FunctionName": "f",
        "Runtime": "python3.13",
        "Handler": "handler.handler",
        "Role": role,
        "Code": {"ZipFile": ECHO},
        "MemorySize": 2048,
        "CapacityProviderConfig": on(pool),
    }


@pytest.fixture
def settled(functions: Client) -> Callable[..., Parameters]:
    def wait(qualifier: str = "$LATEST") -> Parameters:
        shown: Parameters = {}

        def is_settled() -> bool:
            shown.update(functions.get_function_configuration(FunctionName="f", Qualifier=qualifier))
            busy = shown["State"] in {"Pending", "Deactivating"} or shown.get("LastUpdateStatus") == "InProgress"
            if busy:
                shown.clear()
            return not busy

        eventually(is_settled)
        return shown

    return wait


Settled = Callable[..., Parameters]


def on(provider: str, **more: float) -> Parameters:
    """Return a CapacityProviderConfig."""
    return {"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": provider, **more}}


def invoked(functions: Client, **named: str) -> tuple[str, Any]:  # Any: what the handler returns
    """Return the version that ran, and its answer."""
    answer = functions.invoke(**{"FunctionName": "f", "Payload": b'"hello"', **named})
    return answer["ExecutedVersion"], json.loads(answer["Payload"].read())


def invalid(message: str) -> Refusal:
    """Return the refusal of a parameter."""
    return Refusal(400, "InvalidParameterValueException", message)


def test_unpublished_function_is_active_but_cannot_be_invoked(
    functions: Client, wanted: Parameters, settled: Settled, pool: str
) -> None:
    made = functions.create_function(**wanted)
    assert (made["State"], made["StateReasonCode"]) == ("Pending", "Creating")
    config = {"PerExecutionEnvironmentMaxConcurrency": 16, "ExecutionEnvironmentMemoryGiBPerVCpu": 2.0}
    assert made["CapacityProviderConfig"] == on(pool, **config)
    assert made["LoggingConfig"] == {
        "LogFormat": "JSON",
        "ApplicationLogLevel": "INFO",
        "SystemLogLevel": "INFO",
        "LogGroup": "/aws/lambda/f",
    }
    assert "SnapStart" not in made
    shown = settled()
    assert (shown["State"], shown["LastUpdateStatus"]) == ("ActiveNonInvocable", "Successful")
    for qualifier in ({}, {"Qualifier": "$LATEST"}):
        refused = refusal(functions.invoke, FunctionName="f", **qualifier)
        assert (refused.status, refused.code) == (400, "NoPublishedVersionException")
        assert refused.message.startswith("The function can't be invoked because no published version exists.")


def test_unqualified_name_invokes_what_was_published_last(
    functions: Client, wanted: Parameters, settled: Settled
) -> None:
    made = functions.create_function(**wanted, PublishTo="LATEST_PUBLISHED")
    assert (made["Version"], made["State"]) == (PUBLISHED, "Pending")
    assert settled(PUBLISHED)["State"] == "Active"
    assert invoked(functions) == (PUBLISHED, "hello")
    by_name = refusal(functions.invoke, FunctionName="f", Qualifier="$LATEST")
    assert (by_name.status, by_name.code) == (400, "InvalidParameterValueException")
    assert "can't be invoked with $LATEST qualifier" in by_name.message
    settled()
    updated = functions.update_function_code(FunctionName="f", ZipFile=OTHER)
    assert (updated["State"], updated["LastUpdateStatus"]) == ("ActiveNonInvocable", "InProgress")
    settled()
    assert invoked(functions) == (PUBLISHED, "hello")
    again = functions.publish_version(FunctionName="f", PublishTo="LATEST_PUBLISHED", Description="second")
    assert again["FunctionArn"].endswith(f":function:f:{PUBLISHED}")
    assert (again["State"], again["LastUpdateStatus"], again["LastUpdateStatusReason"]) == (
        "Active",
        "InProgress",
        "The function is being updated.",
    )
    assert settled(PUBLISHED)["Description"] == "second"
    assert invoked(functions, FunctionName=f"f:{PUBLISHED}") == (PUBLISHED, "other")
    same = functions.publish_version(FunctionName="f", PublishTo="LATEST_PUBLISHED")
    assert (same["LastUpdateStatus"], same["CodeSha256"]) == ("Successful", again["CodeSha256"])


def test_code_update_publishes_where_it_is_told_to(functions: Client, wanted: Parameters, settled: Settled) -> None:
    functions.create_function(**wanted)
    settled()
    answer = functions.update_function_code(FunctionName="f", ZipFile=OTHER, PublishTo="LATEST_PUBLISHED")
    assert (answer["Version"], answer["State"]) == (PUBLISHED, "Pending")
    settled(PUBLISHED)
    assert invoked(functions) == (PUBLISHED, "other")


def test_numbered_version_is_pending_until_it_has_capacity(
    functions: Client, wanted: Parameters, settled: Settled, pool: str
) -> None:
    functions.create_function(**wanted)
    settled()
    published = functions.publish_version(FunctionName="f")
    assert (published["Version"], published["State"]) == ("1", "Pending")
    assert settled("1")["State"] == "Active"
    functions.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    assert invoked(functions, Qualifier="live") == ("1", "hello")
    functions.publish_version(FunctionName="f", PublishTo="LATEST_PUBLISHED")
    settled(PUBLISHED)
    functions.create_alias(FunctionName="f", Name="newest", FunctionVersion=PUBLISHED)
    assert invoked(functions, Qualifier="newest") == (PUBLISHED, "hello")
    listed = functions.list_versions_by_function(FunctionName="f")["Versions"]
    assert [each["Version"] for each in listed] == ["$LATEST", PUBLISHED, "1"]
    first = functions.list_function_versions_by_capacity_provider(CapacityProviderName="pool", MaxItems=1)
    assert first["CapacityProviderArn"] == pool
    rest = functions.list_function_versions_by_capacity_provider(
        CapacityProviderName="pool", Marker=first["NextMarker"]
    )
    arn = published["FunctionArn"].removesuffix(":1")
    assert first["FunctionVersions"] + rest["FunctionVersions"] == [
        {"FunctionArn": f"{arn}:{PUBLISHED}", "State": "Active"},
        {"FunctionArn": f"{arn}:1", "State": "Active"},
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"MemorySize": 2047},
            Refusal(
                400,
                "ValidationException",
                "Lambda Managed Instance functions must have memory size greater than or equal to 2048",
            ),
        ),
        (
            {"Runtime": "python3.12"},
            invalid("Runtime Enum python3.12 does not support specified feature: Lambda Managed Instances"),
        ),
        ({"MemorySize": 3072}, invalid("Memory size of 3072MB is not a multiple of 2048.0MB per CPU")),
        (
            {"CapacityProviderConfig": {"ExecutionEnvironmentMemoryGiBPerVCpu": 4.0}},
            invalid("Memory ratio of 4096.0MB per CPU exceeds function's total memory"),
        ),
        (
            {"CapacityProviderConfig": {"ExecutionEnvironmentMemoryGiBPerVCpu": 3.0}},
            invalid(
                "Value '3.0' at 'executionEnvironmentMemoryGiBPerVCpu' failed to satisfy constraint: "
                "Member must be one of: [2.0, 4.0, 8.0]"
            ),
        ),
        (
            {"CapacityProviderConfig": {"PerExecutionEnvironmentMaxConcurrency": 65}},
            invalid("PerExecutionEnvironmentMaxConcurrency 65 exceeds the maximum of 64 for 1 vCPUs"),
        ),
        (
            {"SnapStart": {"ApplyOn": "PublishedVersions"}},
            invalid("You can't use Lambda Managed Instance functions with SnapStart configurations."),
        ),
        (
            {"LoggingConfig": {"LogFormat": "Text"}},
            invalid("You can't use Lambda Managed Instance functions with the Text log format."),
        ),
        (
            {"Architectures": ["arm64"]},
            invalid("The function's architecture arm64 doesn't match the capacity provider's architecture x86_64."),
        ),
        (
            {"Timeout": 5401},
            Refusal(
                400,
                "ValidationException",
                "1 validation error detected: Value '5401' at 'timeout' failed to satisfy constraint: "
                "Member must have value less than or equal to 5400",
            ),
        ),
    ],
)
def test_what_managed_instances_do_not_allow_is_refused(
    functions: Client, wanted: Parameters, changes: Parameters, expected: Refusal
) -> None:
    if "CapacityProviderConfig" in changes:
        changes["CapacityProviderConfig"] = on(
            wanted["CapacityProviderConfig"]["LambdaManagedInstancesCapacityProviderConfig"]["CapacityProviderArn"],
            **changes["CapacityProviderConfig"],
        )
    assert refusal(functions.create_function, **{**wanted, **changes}) == expected
    assert functions.list_functions()["Functions"] == []


def test_function_has_no_network_of_its_own_beside_the_providers(
    functions: Client, wanted: Parameters, network: dict[str, list[str]]
) -> None:
    refused = refusal(functions.create_function, **wanted, VpcConfig=network)
    assert refused == invalid("You can't use Lambda Managed Instance functions with VPC configurations.")


def test_missing_capacity_provider_is_named(functions: Client, wanted: Parameters, pool: str) -> None:
    missing = f"{pool}-missing"
    refused = refusal(functions.create_function, **{**wanted, "CapacityProviderConfig": on(missing)})
    assert refused == (404, "ResourceNotFoundException", f"Capacity provider not found: {missing}")


def test_compute_type_of_a_function_stays(functions: Client, make: MakeFunction, pool: str) -> None:
    make(MemorySize=2048)
    for call, more in (
        (functions.publish_version, {}),
        (functions.update_function_code, {"ZipFile": OTHER}),
    ):
        refused = refusal(call, FunctionName="f", PublishTo="LATEST_PUBLISHED", **more)
        assert refused == invalid("PublishTo isn't supported for Lambda Default functions")
    refused = refusal(functions.update_function_configuration, FunctionName="f", CapacityProviderConfig=on(pool))
    assert refused == invalid("CapacityProviderConfig isn't supported for Lambda Default functions")
    named = {"FunctionName": "f", "Qualifier": PUBLISHED}
    for refused in (
        refusal(functions.put_function_scaling_config, **named),
        refusal(functions.get_function_scaling_config, **named),
    ):
        assert refused == (
            403,
            "AccessDeniedException",
            "The function provided by the arn does not contain a capacity provider configuration",
        )


def test_function_moves_to_another_capacity_provider_and_size(
    functions: Client, wanted: Parameters, settled: Settled, make_provider: MakeProvider
) -> None:
    functions.create_function(**wanted)
    settled()
    other = make_provider("other")
    changed = functions.update_function_configuration(
        FunctionName="f",
        MemorySize=16_384,
        Timeout=5400,
        CapacityProviderConfig=on(other, ExecutionEnvironmentMemoryGiBPerVCpu=8.0),
    )
    config = {"ExecutionEnvironmentMemoryGiBPerVCpu": 8.0, "PerExecutionEnvironmentMaxConcurrency": 32}
    assert changed["CapacityProviderConfig"] == on(other, **config)
    settled()
    refused = refusal(functions.update_function_configuration, FunctionName="f", MemorySize=4096)
    assert refused == invalid("Memory ratio of 8192.0MB per CPU exceeds function's total memory")
    functions.publish_version(FunctionName="f", PublishTo="LATEST_PUBLISHED")
    settled(PUBLISHED)
    assert refusal(functions.invoke, FunctionName="f").code == "ModeNotSupportedException"
    assert functions.invoke(FunctionName="f", InvocationType="Event")["StatusCode"] == 202
    functions.delete_capacity_provider(CapacityProviderName="pool")


def test_concurrency_is_not_bought_in_other_ways(functions: Client, wanted: Parameters, settled: Settled) -> None:
    functions.create_function(**wanted, Publish=True)
    settled("1")
    refused = refusal(functions.put_function_concurrency, FunctionName="f", ReservedConcurrentExecutions=1)
    assert refused == invalid(
        "You can't use Lambda Managed Instance functions with reserved concurrency configurations."
    )
    refused = refusal(
        functions.put_provisioned_concurrency_config,
        FunctionName="f",
        Qualifier="1",
        ProvisionedConcurrentExecutions=1,
    )
    text = "You can't use Lambda Managed Instance functions with provisioned concurrency configurations."
    assert refused == invalid(text)
    tail = refusal(functions.invoke, FunctionName="f:1", LogType="Tail")
    assert tail == invalid("LogType Tail isn't supported for Lambda Managed Instances functions")


def test_zero_environments_deactivate_a_version_until_there_are_some_again(
    functions: Client, wanted: Parameters, settled: Settled
) -> None:
    functions.create_function(**wanted, PublishTo="LATEST_PUBLISHED")
    settled(PUBLISHED)
    named = {"FunctionName": "f", "Qualifier": PUBLISHED}
    none = {"MinExecutionEnvironments": 0, "MaxExecutionEnvironments": 0}
    answer = functions.put_function_scaling_config(**named, FunctionScalingConfig=none)
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["FunctionState"]) == (202, "Deactivating")
    assert settled(PUBLISHED)["State"] == "Deactivated"
    refused = (409, "ResourceConflictException", f"{CONFLICT}Deactivated")
    assert refusal(functions.invoke, FunctionName="f") == refused
    assert refusal(functions.invoke, FunctionName="f", InvocationType="Event") == refused
    functions.update_function_configuration(FunctionName="f", Description="still asleep")
    settled()
    functions.publish_version(FunctionName="f", PublishTo="LATEST_PUBLISHED")
    assert (shown := settled(PUBLISHED))["State"] == "Deactivated"
    assert shown["Description"] == "still asleep"
    some = {"MinExecutionEnvironments": 1, "MaxExecutionEnvironments": 2}
    assert functions.put_function_scaling_config(**named, FunctionScalingConfig=some)["FunctionState"] == "Pending"
    assert settled(PUBLISHED)["State"] == "Active"
    assert invoked(functions) == (PUBLISHED, "hello")
    assert functions.get_function_scaling_config(**named)["AppliedFunctionScalingConfig"] == some


def test_scaling_goes_back_to_its_defaults_and_belongs_to_one_version(
    functions: Client, wanted: Parameters, settled: Settled
) -> None:
    functions.create_function(**wanted, Publish=True)
    settled("1")

    def applied(version: str) -> Parameters:
        found = functions.get_function_scaling_config(FunctionName="f", Qualifier=version)
        found.pop("ResponseMetadata")
        return dict(found)

    arn = functions.get_function_configuration(FunctionName="f")["FunctionArn"]
    by_default = {"FunctionArn": arn, "AppliedFunctionScalingConfig": {"MinExecutionEnvironments": 3}}
    assert applied("1") == by_default
    bounds = {"MaxExecutionEnvironments": 200}
    answer = functions.put_function_scaling_config(FunctionName="f", Qualifier="1", FunctionScalingConfig=bounds)
    assert answer["FunctionState"] == "Active"
    held = {"MinExecutionEnvironments": 3, "MaxExecutionEnvironments": 200}
    eventually(lambda: applied("1") == {"FunctionArn": arn, "AppliedFunctionScalingConfig": held})
    settled()
    functions.update_function_configuration(FunctionName="f", Description="changed")
    settled()
    functions.publish_version(FunctionName="f")
    settled("2")
    assert applied("2") == by_default
    functions.put_function_scaling_config(FunctionName="f", Qualifier="1")
    eventually(lambda: applied("1") == by_default)


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ((5, 4), "MinExecutionEnvironments (5) can't be greater than MaxExecutionEnvironments (4)."),
        ((0, 4), "MinExecutionEnvironments can be set to 0 only when MaxExecutionEnvironments is set to 0."),
    ],
)
def test_bounds_that_cannot_both_hold_are_refused(
    functions: Client, wanted: Parameters, settled: Settled, bounds: tuple[int, int], message: str
) -> None:
    functions.create_function(**wanted, Publish=True)
    settled("1")
    config = dict(zip(("MinExecutionEnvironments", "MaxExecutionEnvironments"), bounds, strict=True))
    refused = refusal(
        functions.put_function_scaling_config, FunctionName="f", Qualifier="1", FunctionScalingConfig=config
    )
    assert refused == invalid(message)


def test_capacity_provider_has_a_hundred_versions_at_most(
    functions: Client, wanted: Parameters, settled: Settled, platform: LocalPlatform, account: str
) -> None:
    functions.create_function(**wanted, PublishTo="LATEST_PUBLISHED")
    settled(PUBLISHED)
    settled()

    def work(transaction: Transaction) -> None:
        published = repository.version(transaction, Scope(account, "us-east-1"), "f", PUBLISHED)
        assert published is not None
        for number in range(2, 101):
            repository.put_version(transaction, replace(published, version=str(number), source=""))

    in_store(platform, work)
    assert refusal(functions.publish_version, FunctionName="f") == (
        400,
        "FunctionVersionsPerCapacityProviderLimitExceededException",
        (
            "The maximum number of function versions that can be associated with a single capacity provider has been "
            "exceeded."
        ),
    )
    functions.update_function_code(FunctionName="f", ZipFile=OTHER)
    settled()
    functions.publish_version(FunctionName="f", PublishTo="LATEST_PUBLISHED")


def test_capacity_provider_stays_while_functions_use_it(
    functions: Client, wanted: Parameters, settled: Settled, pool: str
) -> None:
    functions.create_function(**wanted, PublishTo="LATEST_PUBLISHED")
    settled(PUBLISHED)
    assert refusal(functions.delete_capacity_provider, CapacityProviderName="pool") == (
        409,
        "ResourceConflictException",
        (
            "The capacity provider is currently in use by 1 functions. To delete this capacity provider, first remove "
            f"its association with {pool}."
        ),
    )
    of_version = functions.delete_function(FunctionName="f", Qualifier=PUBLISHED)
    assert of_version["ResponseMetadata"]["HTTPStatusCode"] == 202
    eventually(lambda: refusal(functions.invoke, FunctionName="f").code == "NoPublishedVersionException")
    assert functions.delete_function(FunctionName="f")["ResponseMetadata"]["HTTPStatusCode"] == 202
    eventually(lambda: functions.list_functions()["Functions"] == [])
    functions.delete_capacity_provider(CapacityProviderName="pool")


def test_function_that_is_being_deleted_is_there_and_does_nothing(
    functions: Client, wanted: Parameters, settled: Settled, platform: LocalPlatform, account: str
) -> None:
    functions.create_function(**wanted, PublishTo="LATEST_PUBLISHED")
    settled(PUBLISHED)
    settled()

    def work(transaction: Transaction) -> None:
        for version in repository.versions(transaction, Scope(account, "us-east-1"), "f"):
            repository.put_version(transaction, replace(version, status=move(version.status, Event.DELETED)))

    in_store(platform, work)
    assert functions.get_function(FunctionName="f")["Configuration"]["State"] == "Deleting"
    deleting = (409, "ResourceConflictException", f"{CONFLICT}Deleting")
    assert refusal(functions.update_function_configuration, FunctionName="f", Timeout=5) == deleting
    assert refusal(functions.publish_version, FunctionName="f") == deleting
    assert refusal(functions.put_function_scaling_config, FunctionName="f", Qualifier=PUBLISHED) == deleting
    refused = refusal(functions.create_function, **wanted)
    assert refused == (409, "ResourceConflictException", "Function already exist: f")
    in_use = refusal(functions.delete_capacity_provider, CapacityProviderName="pool")
    assert in_use.message.startswith("The capacity provider is currently in use by 1 functions.")
    assert functions.delete_function(FunctionName="f")["ResponseMetadata"]["HTTPStatusCode"] == 202


def test_url_of_a_function_invokes_what_was_published_last_unless_that_may_take_too_long(
    functions: Client, wanted: Parameters, settled: Settled
) -> None:
    functions.create_function(**wanted)
    settled()
    url = functions.create_function_url_config(FunctionName="f", AuthType="NONE")["FunctionUrl"]
    open_to_anybody(functions, "f")
    assert call_url(url).status == 403  # nothing is published
    functions.publish_version(FunctionName="f", PublishTo="LATEST_PUBLISHED")
    settled(PUBLISHED)
    assert call_url(url).status == 200
    functions.update_function_configuration(FunctionName="f", Timeout=901)
    settled()
    functions.publish_version(FunctionName="f", PublishTo="LATEST_PUBLISHED")
    settled(PUBLISHED)
    refused = call_url(url)
    assert (refused.status, refused.one("x-amzn-errortype")) == (400, "ModeNotSupportedException")
