"""Where an asynchronous event goes that its function could not handle: the function's dead-letter queue or topic."""

from __future__ import annotations

import logging

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import service_principal
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.framework.service import Parameters, Result
from lambent.cloud.services.lambda_.model.event import QueuedEvent
from lambent.cloud.store.scope import Scope

_log = logging.getLogger(__name__)
_MESSAGE_LIMIT = 1024


class DeadLetters:
    """Sends events to SQS queues and SNS topics."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client

    async def send(self, event: QueuedEvent, target_arn: str, error: str) -> None:
        """Send the original event with AWS's three attributes; a failure is logged, as AWS only counts it.

        https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html#invocation-dlq
        """
        attributes = {
            "RequestID": {"DataType": "String", "StringValue": event.request_id},
            "ErrorCode": {"DataType": "Number", "StringValue": "200"},
            "ErrorMessage": {"DataType": "String", "StringValue": error[:_MESSAGE_LIMIT]},
        }
        body = event.payload.decode()
        try:
            if target_arn.split(":")[2] == "sns":
                message = {"TopicArn": target_arn, "Message": body, "MessageAttributes": attributes}
                await self._ask(event.scope, "sns", "Publish", message)
            else:
                url = await self._queue_url(event.scope, target_arn)
                message = {"QueueUrl": url, "MessageBody": body, "MessageAttributes": attributes}
                await self._ask(event.scope, "sqs", "SendMessage", message)
        except ServiceError as failure:
            _log.error("event %s was lost: its dead-letter target %s: %s", event.request_id, target_arn, failure)

    async def _queue_url(self, scope: Scope, arn: str) -> str:
        _, _, _, _, account, name = arn.split(":", 5)
        named = {"QueueName": name, "QueueOwnerAWSAccountId": account}
        return str((await self._ask(scope, "sqs", "GetQueueUrl", named))["QueueUrl"])

    async def _ask(self, scope: Scope, service: str, operation: str, parameters: Parameters) -> Result:
        principal = service_principal("lambda.amazonaws.com", scope)
        return await self._client.call(service, operation, parameters, scope=scope, principal=principal)
