"""What a stack does when the step that made a function URL was cut off and comes again."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from lambent.base.clock import SystemClock
from lambent.base.identifiers import SeededIds
from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import Principal, root_of
from lambent.cloud.framework.service import Parameters, Result
from lambent.cloud.services.cloudformation.resources.contract import ResourceContext
from lambent.cloud.services.cloudformation.resources.lambda_parts import URL
from lambent.cloud.store.scope import Scope

SCOPE = Scope("000000000000", "us-east-1")
ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"
PROPERTIES = {"TargetFunctionArn": "f", "AuthType": "NONE"}


class _AlreadyThere:
    """Lambda with a URL that is there."""

    async def call(
        self, service: str, operation: str, parameters: Parameters, *, scope: Scope, principal: Principal
    ) -> Result:
        if operation == "CreateFunctionUrlConfig":
            raise ServiceError("ResourceConflictException", "FunctionUrlConfig exists for this Lambda function")
        assert (operation, parameters) == ("GetFunctionUrlConfig", {"FunctionName": "f"})
        return {"FunctionArn": ARN, "FunctionUrl": "http://u.lambda-url.us-east-1.localhost:4566/", "AuthType": "NONE"}


CONTEXT = ResourceContext(
    scope=SCOPE,
    principal=root_of(SCOPE.account),
    stack_id="s",
    stack_name="s",
    logical_id="Url",
    token="t" * 12,
    type_name="AWS::Lambda::Url",
    tags={},
    client=_AlreadyThere(),
    clock=SystemClock(),
    ids=SeededIds(1),
)


def test_repeated_step_takes_over_the_url_that_it_finds() -> None:
    live = asyncio.run(URL.create(replace(CONTEXT, is_repeated=True), PROPERTIES))
    assert live.physical_id == ARN
    assert live.attributes == {"FunctionArn": ARN, "FunctionUrl": "http://u.lambda-url.us-east-1.localhost:4566/"}


def test_first_step_fails_where_a_url_is_there() -> None:
    with pytest.raises(ServiceError) as refused:
        asyncio.run(URL.create(CONTEXT, PROPERTIES))
    assert refused.value.code == "ResourceConflictException"
