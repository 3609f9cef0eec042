"""Custom resources: made by a function or by whoever listens to a topic, who tells the outcome at an address.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from lambent.cloud.services.cloudformation.resources.contract import (
    Live,
    Properties,
    ResourceContext,
    ResourceFailedError,
    ResourceType,
)
from lambent.cloud.services.cloudformation.resources.responses import Responses
from lambent.cloud.services.cloudformation.resources.waiting import HaltedError

# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-customresource.html
_TIMEOUT_S = 3600
ASKED: Final = "ask/"  # begins the names of steps whose addresses are of no use once the operation is over
_OWN = frozenset({"ServiceTimeout"})
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-waitcondition.html
_LONGEST_WAIT_S = 43_200


class CustomHandler:
    """Sends Create, Update and Delete, and waits for the answer."""

    def __init__(self, responses: Responses) -> None:
        self._responses = responses

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Ask for a new resource."""
        return await self._ask(context, "Create", properties, {})

    async def update(self, context: ResourceContext, live: Live, before: Properties, after: Properties) -> Live:
        """Ask for a change; the answer may name another physical id, and the old one is then deleted."""
        more = {"PhysicalResourceId": live.physical_id, "OldResourceProperties": _texts(before)}
        return await self._ask(context, "Update", after, more)

    async def delete(self, context: ResourceContext, live: Live, properties: Properties) -> None:
        """Ask for its deletion."""
        await self._ask(context, "Delete", properties, {"PhysicalResourceId": live.physical_id})

    async def read(self, context: ResourceContext, live: Live, properties: Properties) -> Properties | None:
        """Return it as it was made: nobody can be asked."""
        return properties

    async def _ask(
        self, context: ResourceContext, request: str, properties: Properties, more: Mapping[str, object]
    ) -> Live:
        step = f"{ASKED}{request}/{context.step}"
        address = await self._responses.address(context.stack_id, step)
        physical_id = str(more.get("PhysicalResourceId") or context.generated_name(128))
        until = context.began + float(properties.get("ServiceTimeout", _TIMEOUT_S))
        request_id = address.rpartition("/")[2]
        try:
            if not self._responses.was_asked(address):
                await self._send(context, request, properties, {**more, "ResponseURL": address})
                await self._responses.note_asked(address)
            answer = (await self._responses.answers(address, 1, context.halt, until))[0]
        except TimeoutError:
            await self._responses.forget(address)
            raise ResourceFailedError(
                "CloudFormation did not receive a response from your Custom Resource. Please check your logs for "
                f"requestId [{request_id}]. If you are using the Python cfn-response module, you may need to "
                "update your Lambda function code so that CloudFormation can attach the updated version.",
                physical_id=physical_id,
            ) from None
        except HaltedError:
            raise HaltedError(physical_id) from None
        if answer.get("Status") != "SUCCESS":
            await self._responses.forget(address)  # asked again, it is asked anew
        return _outcome(answer, str(more.get("PhysicalResourceId", "")), physical_id)

    async def _send(
        self, context: ResourceContext, request: str, properties: Properties, more: Mapping[str, object]
    ) -> None:
        token = str(properties["ServiceToken"])
        text = json.dumps(
            {
                "RequestType": request,
                "ServiceToken": token,
                "StackId": context.stack_id,
                "RequestId": str(more["ResponseURL"]).rpartition("/")[2],
                "LogicalResourceId": context.logical_id,
                "ResourceType": context.type_name,
                "ResourceProperties": _texts(properties),
                **more,
            }
        )
        if ":sns:" in token:
            await context.call("sns", "Publish", TopicArn=token, Message=text)
        else:
            await context.call("lambda", "Invoke", FunctionName=token, InvocationType="Event", Payload=text.encode())


def _outcome(answer: Mapping[str, Any], known: str, generated: str) -> Live:  # Any: what the function put
    physical_id = str(answer.get("PhysicalResourceId") or known)
    if answer.get("Status") != "SUCCESS":
        raise ResourceFailedError(
            f"Received response status [FAILED] from custom resource. Message returned: {answer.get('Reason', '')}",
            physical_id=known or physical_id or generated,
        )
    if not physical_id:
        raise ResourceFailedError("Invalid PhysicalResourceId")
    data = answer.get("Data") or {}
    return Live(physical_id, dict(data) if isinstance(data, Mapping) else {})


def _texts(value: Any) -> Any:  # Any: JSON-shaped values; every scalar arrives as text, as CloudFormation sends it
    if isinstance(value, Mapping):
        return {key: _texts(inner) for key, inner in value.items() if key not in _OWN}
    if isinstance(value, list):
        return [_texts(one) for one in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if value is None else str(value)


class WaitHandleHandler:
    """The address at which a wait condition is signalled: its Ref."""

    def __init__(self, responses: Responses) -> None:
        self._responses = responses

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Return a new address."""
        return Live(await self._responses.address(context.stack_id, f"handle/{context.step}"))

    async def update(self, context: ResourceContext, live: Live, before: Properties, after: Properties) -> Live:
        """Nothing about it can change."""
        return live

    async def delete(self, context: ResourceContext, live: Live, properties: Properties) -> None:
        """Take no more signals."""
        await self._responses.forget(live.physical_id)

    async def read(self, context: ResourceContext, live: Live, properties: Properties) -> Properties | None:
        """Return what it was made with."""
        return properties


class WaitConditionHandler:
    """Waits for so many signals at a handle's address."""

    def __init__(self, responses: Responses) -> None:
        self._responses = responses

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Return once all signals are there; `Data` holds what they brought, by their ids.

        Without a handle it is the resource's creation policy that waits.
        """
        data = await self._signals(context, properties) if "Handle" in properties else {}
        return Live(context.generated_name(128), {"Data": json.dumps(data)})

    async def _signals(self, context: ResourceContext, properties: Properties) -> dict[str, str]:
        wanted, data, seen = int(properties.get("Count", 1)), dict[str, str](), 0
        until = context.began + min(float(properties.get("Timeout", _TIMEOUT_S)), _LONGEST_WAIT_S)
        while len(data) < wanted:
            try:
                found = await self._responses.answers(str(properties["Handle"]), seen + 1, context.halt, until)
            except TimeoutError:
                raise ResourceFailedError(
                    f"WaitCondition timed out. Received {len(data)} conditions when expecting {wanted}"
                ) from None
            seen = len(found)
            for number, signal in enumerate(found):
                unique_id = str(signal.get("UniqueId", number))
                if signal.get("Status") != "SUCCESS":
                    raise ResourceFailedError(
                        f"WaitCondition received failed message: '{signal.get('Reason', '')}' for uniqueId: {unique_id}"
                    )
                data[unique_id] = str(signal.get("Data", ""))
        return data

    async def update(self, context: ResourceContext, live: Live, before: Properties, after: Properties) -> Live:
        """A condition that was met stays met."""
        return live

    async def delete(self, context: ResourceContext, live: Live, properties: Properties) -> None:
        """There is nothing to delete."""

    async def read(self, context: ResourceContext, live: Live, properties: Properties) -> Properties | None:
        """Return what it was made with."""
        return properties


class NothingHandler:
    """A resource that is no more than its entry: `AWS::CDK::Metadata`."""

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Return an id."""
        return Live(context.generated_name(128))

    async def update(self, context: ResourceContext, live: Live, before: Properties, after: Properties) -> Live:
        """Nothing to do."""
        return live

    async def delete(self, context: ResourceContext, live: Live, properties: Properties) -> None:
        """There is nothing to delete."""

    async def read(self, context: ResourceContext, live: Live, properties: Properties) -> Properties | None:
        """Return what it was made with."""
        return properties


def custom_types(responses: Responses) -> tuple[ResourceType, ...]:
    """Return the types of this file."""
    nothing: frozenset[str] = frozenset()
    return (
        ResourceType(
            "AWS::CloudFormation::CustomResource",
            CustomHandler(responses),
            properties=frozenset({"ServiceToken", "ServiceTimeout"}),
            required=frozenset({"ServiceToken"}),
            create_only=frozenset({"ServiceToken"}),
            attributes=nothing,
            is_open=True,
            supports_drift=False,
        ),
        ResourceType(
            "AWS::CloudFormation::WaitConditionHandle",
            WaitHandleHandler(responses),
            properties=nothing,
            required=nothing,
            create_only=nothing,
            attributes=nothing,
            supports_drift=False,
        ),
        ResourceType(
            "AWS::CloudFormation::WaitCondition",
            WaitConditionHandler(responses),
            properties=frozenset({"Count", "Handle", "Timeout"}),
            required=nothing,
            create_only=frozenset({"Count", "Handle", "Timeout"}),
            attributes=frozenset({"Data"}),
            supports_drift=False,
        ),
        ResourceType(
            "AWS::CDK::Metadata",
            NothingHandler(),
            properties=frozenset({"Analytics"}),
            required=nothing,
            create_only=nothing,
            attributes=nothing,
            supports_drift=False,
        ),
    )
