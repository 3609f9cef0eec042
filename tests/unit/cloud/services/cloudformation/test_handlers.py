"""Handlers of resources on services that are scripted: what failed or was cut off half-way is not forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from lambent.base.clock import SystemClock
from lambent.base.identifiers import SeededIds
from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import Principal, root_of
from lambent.cloud.framework.service import Parameters, Result
from lambent.cloud.services.cloudformation.resources.calls import made, until
from lambent.cloud.services.cloudformation.resources.contract import (
    Properties,
    ResourceContext,
    ResourceFailedError,
    ResourceHandler,
)
from lambent.cloud.services.cloudformation.resources.event_source_mappings import MappingHandler
from lambent.cloud.services.cloudformation.resources.iam import (
    InstanceProfileHandler,
    ManagedPolicyHandler,
    RoleHandler,
)
from lambent.cloud.services.cloudformation.resources.lambda_capacity import CapacityProviderHandler
from lambent.cloud.services.cloudformation.resources.lambda_functions import AliasHandler, VersionHandler
from lambent.cloud.services.cloudformation.resources.lambda_parts import (
    CODE_SIGNING_CONFIG,
    LAYER_VERSION,
    PERMISSION,
    URL,
)
from lambent.cloud.services.cloudformation.resources.logs import LogGroupHandler
from lambent.cloud.services.cloudformation.resources.waiting import Halt, HaltedError
from lambent.cloud.store.scope import Scope

SCOPE = Scope("000000000000", "us-east-1")
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
Answers = Mapping[str, Any]  # Any: an answer, an error, or a function of the parameters
NO = ServiceError("InvalidParameterValueException", "no")


class Services:
    """Answers operations as scripted, and notes what was asked."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self.asked: list[str] = []

    async def call(
        self, service: str, operation: str, parameters: Parameters, *, scope: Scope, principal: Principal
    ) -> Result:
        """Return or raise what is scripted."""
        self.asked.append(operation)
        found = self._answers[operation]
        found = found(parameters) if callable(found) else found
        if isinstance(found, Exception):
            raise found
        return dict(found)


def context(services: Services, **fields: Any) -> ResourceContext:  # Any: fields of the context
    """Return for whom a handler works: a stack `s` that makes `R`."""
    whole = ResourceContext(
        scope=SCOPE,
        principal=root_of(SCOPE.account),
        stack_id="s",
        stack_name="s",
        logical_id="R",
        token="T" * 32,
        type_name="",
        tags={},
        client=services,
        clock=SystemClock(),
        ids=SeededIds(1),
    )
    return replace(whole, **fields)


async def test_who_waits_is_woken_when_nobody_wants_it_any_longer() -> None:
    halt, looked = Halt(), asyncio.Event()

    async def look() -> None:
        looked.set()

    async def wait() -> None:
        with pytest.raises(HaltedError) as halted:
            async with made("the thing"):
                await until(context(Services({}), halt=halt), look)
        assert halted.value.physical_id == "the thing"

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(wait())
        await looked.wait()
        halt.call()


async def test_a_mapping_that_is_halted_while_it_is_created_is_known() -> None:
    halt = Halt()

    def creating(_: Parameters) -> Result:
        halt.call()
        return {"State": "Creating"}

    services = Services(
        {
            "CreateEventSourceMapping": {"UUID": "u", "EventSourceMappingArn": "arn"},
            "GetEventSourceMapping": creating,
        }
    )
    async with asyncio.timeout(20):
        with pytest.raises(HaltedError) as halted:
            await MappingHandler().create(context(services, halt=halt), {"FunctionName": "f"})
    assert halted.value.physical_id == "u"


PROVISIONED = {"ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": "1"}}
ALIAS = {"FunctionName": "f", "Name": "live", "FunctionVersion": "1", **PROVISIONED}
VERSION = {"FunctionArn": f"{FUNCTION}:1", "Version": "1"}
SETTLED = {"State": "Active", "LastUpdateStatus": "Successful"}
HALF_WAYS: Mapping[str, tuple[ResourceHandler, Properties, Answers, str]] = {
    "alias": (
        AliasHandler(),
        ALIAS,
        {"CreateAlias": {"AliasArn": f"{FUNCTION}:live"}, "PutProvisionedConcurrencyConfig": NO},
        f"{FUNCTION}:live",
    ),
    "provisioned version": (
        VersionHandler(),
        {"FunctionName": "f", **PROVISIONED},
        {"PublishVersion": VERSION, "GetFunctionConfiguration": SETTLED, "PutProvisionedConcurrencyConfig": NO},
        f"{FUNCTION}:1",
    ),
    "scaled version": (
        VersionHandler(),
        {"FunctionName": "f", "FunctionScalingConfig": {"MinExecutionEnvironments": 1}},
        {"PublishVersion": VERSION, "GetFunctionConfiguration": SETTLED, "PutFunctionScalingConfig": NO},
        f"{FUNCTION}:1",
    ),
    "log group": (
        LogGroupHandler(),
        {"LogGroupName": "g", "RetentionInDays": "2"},
        {"CreateLogGroup": {}, "PutRetentionPolicy": NO},
        "g",
    ),
    "capacity provider": (
        CapacityProviderHandler(),
        {"CapacityProviderName": "p"},
        {"CreateCapacityProvider": {}, "GetCapacityProvider": NO},
        "p",
    ),
    "role": (
        RoleHandler(),
        {"RoleName": "r", "AssumeRolePolicyDocument": {}, "ManagedPolicyArns": ["arn:aws:iam::aws:policy/None"]},
        {"CreateRole": {"Role": {"Arn": "arn", "RoleId": "id"}}, "AttachRolePolicy": NO},
        "r",
    ),
    "managed policy": (
        ManagedPolicyHandler(),
        {"ManagedPolicyName": "p", "PolicyDocument": {}, "Roles": ["nobody"]},
        {"CreatePolicy": {"Policy": {"Arn": "arn:p"}}, "AttachRolePolicy": NO},
        "arn:p",
    ),
    "instance profile": (
        InstanceProfileHandler(),
        {"InstanceProfileName": "i", "Roles": ["nobody"]},
        {"CreateInstanceProfile": {"InstanceProfile": {"Arn": "arn"}}, "AddRoleToInstanceProfile": NO},
        "i",
    ),
    "mapping": (
        MappingHandler(),
        {"FunctionName": "f"},
        {"CreateEventSourceMapping": {"UUID": "u"}, "GetEventSourceMapping": NO},
        "u",
    ),
}


@pytest.mark.parametrize("name", HALF_WAYS)
async def test_what_fails_after_it_was_made_is_known_by_its_physical_id(name: str) -> None:
    handler, properties, answers, physical_id = HALF_WAYS[name]
    with pytest.raises(ResourceFailedError) as failed:
        await handler.create(context(Services(answers)), properties)
    assert failed.value.physical_id == physical_id
    assert str(failed.value) == "no (Service: AWS, Status Code: 400, Error Code: InvalidParameterValueException)"


STATEMENT = {"FunctionName": "f", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}


async def test_a_repeated_step_takes_over_the_statement_that_it_added() -> None:
    there = {"AddPermission": ServiceError("ResourceConflictException", "The statement id provided already exists.")}
    live = await PERMISSION.create(context(Services(there), is_repeated=True), STATEMENT)
    assert (live.physical_id, live.attributes) == (f"s-R-{'T' * 12}", {"Id": f"s-R-{'T' * 12}"})
    with pytest.raises(ServiceError, match="already exists"):
        await PERMISSION.create(context(Services(there)), STATEMENT)


async def test_a_statement_is_added_under_the_name_by_which_it_is_removed() -> None:
    asked: list[Parameters] = []

    def added(parameters: Parameters) -> Result:
        asked.append(parameters)
        return {"Statement": "{}"}

    services = Services({"AddPermission": added, "RemovePermission": added})
    live = await PERMISSION.create(context(services), STATEMENT)
    await PERMISSION.delete(context(services), live, STATEMENT)
    assert asked == [
        {**STATEMENT, "StatementId": live.physical_id},
        {"FunctionName": "f", "StatementId": live.physical_id},
    ]


LAYER = "arn:aws:lambda:us-east-1:000000000000:layer:l:"
CONTENT = {"Content": {"S3Bucket": "b", "S3Key": "k"}}


async def test_a_repeated_step_takes_over_the_layer_version_under_the_name_of_its_token() -> None:
    answers: Answers = {
        "ListLayerVersions": {"LayerVersions": [{"LayerVersionArn": f"{LAYER}1"}]},
        "PublishLayerVersion": {"LayerVersionArn": f"{LAYER}2"},
    }
    create: Callable[..., Any] = LAYER_VERSION.create  # Any: with more or less properties
    assert (await create(context(Services(answers), is_repeated=True), CONTENT)).physical_id == f"{LAYER}1"
    assert (await create(context(Services(answers)), CONTENT)).physical_id == f"{LAYER}2"
    named = {**CONTENT, "LayerName": "l"}  # whose versions may be anybody's
    assert (await create(context(Services(answers), is_repeated=True), named)).physical_id == f"{LAYER}2"


async def test_a_repeated_step_takes_over_the_code_signing_configuration_that_it_made() -> None:
    own = {f"aws:cloudformation:{key}": value for key, value in {"stack-name": "s", "stack-id": "s"}.items()}
    tags = {
        "old": {**own, "aws:cloudformation:logical-id": "R"},  # retained by an earlier deletion
        "other": {**own, "aws:cloudformation:logical-id": "Other"},
        "this": {**own, "aws:cloudformation:logical-id": "R", "more": "1"},
    }
    times = {"old": "1970-01-01T00:00:59.000+0000"}
    found = [
        {"CodeSigningConfigArn": one, "CodeSigningConfigId": f"csc-{one}"}
        | {"LastModified": times.get(one, "1970-01-01T00:01:40.000+0000")}
        for one in tags
    ]

    def page(parameters: Parameters) -> Result:
        first = {"CodeSigningConfigs": found[:2], "NextMarker": "m"}
        return {"CodeSigningConfigs": found[2:]} if parameters.get("Marker") == "m" else first

    services = Services(
        {
            "ListCodeSigningConfigs": page,
            "ListTags": lambda parameters: {"Tags": tags[parameters["Resource"]]},
            "CreateCodeSigningConfig": {
                "CodeSigningConfig": {"CodeSigningConfigArn": "new", "CodeSigningConfigId": "csc-new"}
            },
        }
    )
    properties = {"AllowedPublishers": {"SigningProfileVersionArns": ["arn"]}}
    create = CODE_SIGNING_CONFIG.create
    live = await create(context(services, is_repeated=True, began=100.0004), properties)
    assert live.physical_id == "this"
    assert live.attributes == {"CodeSigningConfigArn": "this", "CodeSigningConfigId": "csc-this"}
    assert (await create(context(services, is_repeated=True, began=200.0), properties)).physical_id == "new"
    assert (await create(context(services, began=100.0), properties)).physical_id == "new"


async def test_only_a_repeated_step_takes_over_the_function_url_that_it_finds() -> None:
    asked: list[Parameters] = []
    there = {"FunctionArn": FUNCTION, "FunctionUrl": "http://u.lambda-url.us-east-1.localhost:4566/"}

    def got(parameters: Parameters) -> Result:
        asked.append(parameters)
        return {**there, "AuthType": "NONE"}

    taken = ServiceError("ResourceConflictException", "FunctionUrlConfig exists for this Lambda function")
    services = Services({"CreateFunctionUrlConfig": taken, "GetFunctionUrlConfig": got})
    properties = {"TargetFunctionArn": "f", "AuthType": "NONE"}
    live = await URL.create(context(services, is_repeated=True), properties)
    assert (live.physical_id, live.attributes) == (FUNCTION, there)
    assert asked == [{"FunctionName": "f"}]
    with pytest.raises(ServiceError) as refused:
        await URL.create(context(services), properties)
    assert refused.value.code == "ResourceConflictException"
