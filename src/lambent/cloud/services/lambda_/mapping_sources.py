"""What an event source mapping refers to in other services: the queue or stream it reads, and who may read it.

Brokers, Kafka clusters and databases are not looked up: nothing here could read them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from lambent.aws.arn import Arn
from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import service_principal
from lambent.cloud.framework.execution_role import ExecutionRole, execution_role
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.framework.service import Parameters, Result
from lambent.cloud.services.lambda_ import errors
from lambent.cloud.services.lambda_.lookups import HOST, policy_document
from lambent.cloud.services.lambda_.model.event_source import SourceKind
from lambent.cloud.services.lambda_.model.function import FunctionVersion
from lambent.cloud.store.scope import Scope

_MISSING_QUEUE = "AWS.SimpleQueueService.NonExistentQueue"
_OF_A_QUEUE = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
_OF_A_STREAM = ("GetRecords", "GetShardIterator", "DescribeStream")
# What AWS says is needed; listing streams is no matter of this stream, so it is named but not asked for.
_NEEDED = {
    SourceKind.KINESIS: "GetRecords, GetShardIterator, DescribeStream, ListShards, and ListStreams",
    SourceKind.DYNAMODB: "GetRecords, GetShardIterator, DescribeStream, and ListStreams",
}
_CONSUMER = "/consumer/"


class MappingSources:
    """Asks other services about event sources on Lambda's behalf."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client

    async def check(self, kind: SourceKind, source_arn: str | None, function: FunctionVersion) -> None:
        """Raise InvalidParameterValueException, as AWS does, for a source that the function cannot read."""
        if source_arn is None or kind not in {SourceKind.SQS, SourceKind.KINESIS, SourceKind.DYNAMODB}:
            return
        source = Arn.parse(source_arn)
        role = await self._role(function)
        if kind is SourceKind.SQS:
            await self._check_queue(source, role, function)
        else:
            await self._check_stream(kind, source, role, function.scope)

    async def _check_queue(self, queue: Arn, role: ExecutionRole, function: FunctionVersion) -> None:
        attributes = await self._queue(queue, function.scope)
        policy = policy_document(attributes.get("Policy") or "{}")
        for action in _OF_A_QUEUE:
            if not role.may(f"sqs:{action}", str(queue), policy):
                raise errors.invalid_parameter(
                    f"The function execution role does not have permissions to call {action} on SQS"
                )
        visible_after, timeout = int(attributes["VisibilityTimeout"]), function.settings.timeout_s
        if visible_after < timeout:
            raise errors.invalid_parameter(
                f"Queue visibility timeout: {visible_after} seconds is less than Function timeout: {timeout} seconds"
            )

    async def _queue(self, queue: Arn, scope: Scope) -> Mapping[str, str]:
        """Return a queue's attributes."""
        owner = Scope(queue.account, queue.region)
        try:
            if queue.region != scope.region:
                raise ServiceError(_MISSING_QUEUE, "The specified queue does not exist.")
            url = (await self._ask("sqs", "GetQueueUrl", {"QueueName": queue.resource}, owner))["QueueUrl"]
            asked = {"QueueUrl": url, "AttributeNames": ["All"]}
            attributes: Mapping[str, str] = (await self._ask("sqs", "GetQueueAttributes", asked, owner))["Attributes"]
        except ServiceError as error:
            if error.code not in {_MISSING_QUEUE, "QueueDoesNotExist"}:
                raise
            raise errors.invalid_parameter(
                f"Error occurred while ReceiveMessage. SQS Error Code: {_MISSING_QUEUE}. "
                "SQS Error Message: The specified queue does not exist."
            ) from error
        return attributes

    async def _check_stream(self, kind: SourceKind, stream: Arn, role: ExecutionRole, scope: Scope) -> None:
        service = str(kind)
        readable, _, _ = str(stream).partition(_CONSUMER)
        if not all(role.may(f"{service}:{action}", readable) for action in _OF_A_STREAM):
            raise errors.invalid_parameter(
                f"Cannot access stream {stream}. Please ensure the role can perform the {_NEEDED[kind]} Actions on "
                "your stream in IAM."
            )
        try:
            if stream.region != scope.region:
                raise errors.not_found("The stream is in another region.")
            await self._describe(kind, stream)
        except ServiceError as error:
            if error.code != "ResourceNotFoundException":
                raise
            raise errors.invalid_parameter(f"Stream not found: {stream}") from error

    async def _describe(self, kind: SourceKind, stream: Arn) -> None:
        owner = Scope(stream.account, stream.region)
        if kind is SourceKind.DYNAMODB:
            await self._ask("dynamodbstreams", "DescribeStream", {"StreamArn": str(stream)}, owner)
        elif _CONSUMER in stream.resource:
            await self._ask("kinesis", "DescribeStreamConsumer", {"ConsumerARN": str(stream)}, owner)
        else:
            await self._ask("kinesis", "DescribeStreamSummary", {"StreamARN": str(stream)}, owner)

    async def _role(self, function: FunctionVersion) -> ExecutionRole:
        """Return a function's execution role; raises InvalidParameterValueException for one that was deleted."""
        ask = partial(self._ask_iam, function.scope)
        found = await execution_role(ask, function.settings.role, function.function)
        if found is None:
            raise errors.invalid_parameter("The role defined for the function cannot be assumed by Lambda.")
        return found

    async def _ask_iam(self, scope: Scope, operation: str, parameters: Parameters) -> Result:
        return await self._ask("iam", operation, parameters, scope)

    async def _ask(self, service: str, operation: str, parameters: Parameters, scope: Scope) -> Result:
        principal = service_principal(HOST, scope)
        return await self._client.call(service, operation, parameters, scope=scope, principal=principal)
