"""boto3's waiters and paginators: each one that it has for Lambda."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError, WaiterError

from lambent.testing.builders import ensure_role, zip_of
from lambent.testing.platform import LocalPlatform
from tests.waiting import eventually

ECHO = zip_of({"handler.py": "def handler(event, context):\n    return event\n"})
BROKEN = zip_of({"handler.py": "raise RuntimeError('no')\n"})
SIGNER = "arn:aws:signer:us-east-1:000000000000:/signing-profiles/shop/abcdefghij"
HURRY = {"Delay": 0.02, "MaxAttempts": 1000}
Client = Any  # Any: boto3 makes its clients at run time

# Each paginator, what is asked of it, and how many items the account that `furnish` fills has.
PAGINATORS: dict[str, tuple[dict[str, str], int]] = {
    "ListAliases": ({"FunctionName": "f"}, 3),
    "ListCapacityProviders": ({}, 3),
    "ListCodeSigningConfigs": ({}, 3),
    "ListEventSourceMappings": ({}, 3),
    "ListFunctionEventInvokeConfigs": ({"FunctionName": "f"}, 3),
    "ListFunctionUrlConfigs": ({"FunctionName": "f"}, 3),
    "ListFunctionVersionsByCapacityProvider": ({"CapacityProviderName": "pool-0"}, 2),
    "ListFunctions": ({}, 4),
    "ListFunctionsByCodeSigningConfig": ({"CodeSigningConfigArn": "<the first>"}, 2),
    "ListLayerVersions": ({"LayerName": "layer-0"}, 3),
    "ListLayers": ({}, 3),
    "ListProvisionedConcurrencyConfigs": ({"FunctionName": "f"}, 3),
    "ListVersionsByFunction": ({"FunctionName": "f"}, 4),
}
# Of what is not offered here: docs/coverage.md.
REFUSED: dict[str, dict[str, str]] = {
    "GetDurableExecutionHistory": {"DurableExecutionArn": "arn"},
    "GetDurableExecutionState": {"DurableExecutionArn": "arn", "CheckpointToken": "token"},
    "ListDurableExecutionsByFunction": {"FunctionName": "f"},
}
WAITERS = {
    "FunctionActive", "FunctionActiveV2", "FunctionExists", "FunctionUpdated", "FunctionUpdatedV2",
    "PublishedVersionActive",
}  # fmt: skip


@pytest.fixture(scope="module")
def furnished(platform: LocalPlatform) -> Client:
    """A client of an account that has several of everything that can be listed."""
    functions = platform.client("lambda", account="111111111111")
    furnish(platform, functions)
    return functions


def furnish(platform: LocalPlatform, functions: Client) -> None:
    role = ensure_role(platform.client("iam", account="111111111111"))
    signing = [
        functions.create_code_signing_config(AllowedPublishers={"SigningProfileVersionArns": [SIGNER]})
        for _ in range(3)
    ]  # fmt: skip
    PAGINATORS["ListFunctionsByCodeSigningConfig"][0]["CodeSigningConfigArn"] = signing[0]["CodeSigningConfig"][
        "CodeSigningConfigArn"
    ]
    for name in ("f", "g"):
        create(
            functions, name, role,
            CodeSigningConfigArn=signing[0]["CodeSigningConfig"]["CodeSigningConfigArn"],
        )  # fmt: skip
    for number in range(3):
        version = publish(functions, f"version {number}")
        alias = functions.create_alias(FunctionName="f", Name=f"alias-{number}", FunctionVersion=version)["Name"]
        functions.create_function_url_config(FunctionName="f", Qualifier=alias, AuthType="NONE")
        functions.put_function_event_invoke_config(FunctionName="f", Qualifier=alias, MaximumRetryAttempts=number)
        functions.put_provisioned_concurrency_config(
            FunctionName="f", Qualifier=version, ProvisionedConcurrentExecutions=1
        )
        functions.create_event_source_mapping(
            FunctionName=f"f:{alias}",
            SelfManagedEventSource={"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": [f"kafka{number}.example:9092"]}},
            Topics=["orders"],
            StartingPosition="LATEST",
            SourceAccessConfigurations=[{"Type": "SASL_SCRAM_512_AUTH", "URI": secret(number)}],
        )
        functions.publish_layer_version(LayerName="layer-0", Content={"ZipFile": ECHO})
    for number in (1, 2):
        functions.publish_layer_version(LayerName=f"layer-{number}", Content={"ZipFile": ECHO})
    furnish_managed_instances(platform, functions, role)


def furnish_managed_instances(platform: LocalPlatform, functions: Client, role: str) -> None:
    ec2 = platform.client("ec2", account="111111111111")
    network = {
        "SubnetIds": [ec2.describe_subnets()["Subnets"][0]["SubnetId"]],
        "SecurityGroupIds": [ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]],
    }
    for number in range(3):
        made = functions.create_capacity_provider(
            CapacityProviderName=f"pool-{number}",
            VpcConfig=network,
            PermissionsConfig={"CapacityProviderOperatorRoleArn": role},
        )
        if number == 0:
            first = made["CapacityProvider"]["CapacityProviderArn"]
    shown = functions.get_capacity_provider
    eventually(lambda: shown(CapacityProviderName="pool-0")["CapacityProvider"]["State"] == "Active")
    managed = {"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": first}}
    for name in ("managed-1", "managed-2"):
        create(functions, name, role, MemorySize=2048, CapacityProviderConfig=managed, Publish=True)


def secret(number: int) -> str:
    return f"arn:aws:secretsmanager:us-east-1:111111111111:secret:kafka{number}-abcdef"


def create(functions: Client, name: str, role: str, code: bytes = ECHO, **parameters: object) -> None:
    functions.create_function(
        FunctionName=name, Runtime="python3.13", Handler="handler.handler", Role=role, Code={"ZipFile": code},
        **parameters,
    )  # fmt: skip
    qualifier = (
        {"Qualifier": "1"} if "CapacityProviderConfig" in parameters else {}
    )  # only versions become active there
    functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig=HURRY, **qualifier)


def publish(functions: Client, description: str) -> str:
    functions.update_function_configuration(FunctionName="f", Description=description)
    functions.get_waiter("function_updated_v2").wait(FunctionName="f", WaiterConfig=HURRY)
    return str(functions.publish_version(FunctionName="f")["Version"])


def model(kind: str, member: str) -> dict[str, Any]:  # Any: JSON of botocore's
    described = botocore.session.get_session().get_component("data_loader").load_service_model("lambda", kind)
    members: dict[str, Any] = described[member]  # Any: as above
    return members


def method(operation: str) -> str:
    """Return what boto3 calls an operation."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation).lstrip("_")


def test_every_waiter_and_paginator_of_boto3_is_covered_here() -> None:
    assert set(model("waiters-2", "waiters")) == WAITERS
    assert set(model("paginators-1", "pagination")) == PAGINATORS.keys() | REFUSED.keys()


@pytest.mark.parametrize("operation", sorted(PAGINATORS))
def test_pages_of_one_hold_what_a_single_page_holds(furnished: Client, operation: str) -> None:
    parameters, count = PAGINATORS[operation]
    (result,) = [model("paginators-1", "pagination")[operation]["result_key"]]
    paginator = furnished.get_paginator(method(operation))

    def listed(**config: object) -> dict[str, Any]:  # Any: boto3's shape
        found: dict[str, Any] = {}  # Any: as above
        found.update(paginator.paginate(**parameters, PaginationConfig=config).build_full_result())
        return found

    whole = listed(PageSize=50)[result]
    assert len(whole) == count
    pages = [page[result] for page in paginator.paginate(**parameters, PaginationConfig={"PageSize": 1})]
    assert [item for page in pages for item in page] == whole
    assert [len(page) for page in pages] == [1] * count
    first = listed(PageSize=1, MaxItems=1)
    rest = listed(PageSize=1, StartingToken=first["NextToken"])
    assert first[result] + rest[result] == whole


@pytest.mark.parametrize("operation", sorted(REFUSED))
def test_paginators_of_what_is_not_offered_are_told_so(furnished: Client, operation: str) -> None:
    with pytest.raises(ClientError, match=f"The operation Lambda.{operation} is not available here."):
        furnished.get_paginator(method(operation)).paginate(**REFUSED[operation]).build_full_result()


@pytest.fixture
def functions(platform: LocalPlatform) -> Iterator[Client]:
    """A client of another account, whose functions go with the test."""
    client = platform.client("lambda", account="222222222222")
    yield client
    for function in client.list_functions()["Functions"]:
        client.delete_function(FunctionName=function["FunctionName"])


@pytest.fixture
def role(platform: LocalPlatform) -> str:
    return ensure_role(platform.client("iam", account="222222222222"))


def test_function_exists_waits_for_one_that_is_made_meanwhile(functions: Client, role: str) -> None:
    ended: list[str] = []

    def wait() -> None:
        functions.get_waiter("function_exists").wait(FunctionName="late", WaiterConfig=HURRY)
        ended.append(functions.get_function(FunctionName="late")["Configuration"]["FunctionName"])

    waiting = threading.Thread(target=wait)
    waiting.start()
    create(functions, "late", role)
    waiting.join(20)
    assert ended == ["late"]
    with pytest.raises(WaiterError, match="Max attempts exceeded"):
        functions.get_waiter("function_exists").wait(FunctionName="never", WaiterConfig={**HURRY, "MaxAttempts": 2})


@pytest.mark.parametrize("waiter", ["function_active", "function_active_v2", "published_version_active"])
def test_waiters_for_active_see_versions_become_active_and_fail(functions: Client, role: str, waiter: str) -> None:
    snap = {"SnapStart": {"ApplyOn": "PublishedVersions"}, "Runtime": "python3.13"}

    def made(name: str, code: bytes) -> Callable[[], None]:
        functions.create_function(
            FunctionName=name, Handler="handler.handler", Role=role, Code={"ZipFile": code}, Publish=True, **snap
        )
        awaited = functions.get_waiter(waiter)
        return lambda: awaited.wait(FunctionName=name, Qualifier="1", WaiterConfig=HURRY)

    made("good", ECHO)()
    assert functions.get_function_configuration(FunctionName="good", Qualifier="1")["State"] == "Active"
    with pytest.raises(
        WaiterError, match=r'For expression "(Configuration.)?State" we matched expected path: "Failed"'
    ):
        made("bad", BROKEN)()


@pytest.mark.parametrize("waiter", ["function_updated", "function_updated_v2"])
def test_waiters_for_updates_end_when_the_update_has(functions: Client, role: str, waiter: str) -> None:
    create(functions, "f", role)
    begun = functions.update_function_configuration(FunctionName="f", MemorySize=256)
    assert begun["LastUpdateStatus"] == "InProgress"
    functions.get_waiter(waiter).wait(FunctionName="f", WaiterConfig=HURRY)
    assert functions.get_function_configuration(FunctionName="f")["LastUpdateStatus"] == "Successful"
    functions.update_function_code(FunctionName="f", ZipFile=BROKEN)
    functions.get_waiter(waiter).wait(FunctionName="f", WaiterConfig=HURRY)
    assert functions.get_function(FunctionName="f")["Configuration"]["LastUpdateStatus"] == "Successful"
