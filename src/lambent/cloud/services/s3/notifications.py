"""Event notifications: kept with the change they tell of, and sent until their destination has them.

What a destination refuses for good (it is gone, its policy does not allow it) is logged and given up, as on AWS; what
fails otherwise is tried again, with growing pauses, for a day.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus

import orjson

from lambent.aws.arn import Arn, queue_url
from lambent.base.clock import Clock
from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import Principal, RequestContext, service_principal
from lambent.cloud.framework.deliveries import Deliveries, Delivery, Retry, Settled
from lambent.cloud.framework.faults.strikes import Strikes
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.services.s3 import configuration_repository as configurations
from lambent.cloud.services.s3.changes import ObjectChange
from lambent.cloud.services.s3.configurations.notifications import Target, targets_of, tells_event_bridge
from lambent.cloud.services.s3.events import S3_HOST, bridge_entry, notification, test_message
from lambent.cloud.services.s3.model.records import Bucket
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Store, Transaction

_log = logging.getLogger(__name__)

KIND = "notification"
SUBJECT = "Amazon S3 Notification"
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 300.0
_GIVEN_UP_AFTER_S = 86_400.0
_BUSY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT})
_BRIDGE = "events"


class RefusedEventError(Exception):
    """EventBridge did not take an event."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """A delivery's payload: what goes to which destination, on behalf of which bucket."""

    service: str
    arn: str
    account: str
    region: str
    bucket_arn: str
    body: str
    trace: str | None = None

    @property
    def principal(self) -> Principal:
        found = service_principal(S3_HOST, Scope(self.account, self.region), self.bucket_arn)
        return replace(found, trace=self.trace)

    @property
    def scope(self) -> Scope:
        """Where the destination is."""
        if not self.arn:
            return Scope(self.account, self.region)
        _, _, _, region, account, _ = self.arn.split(":", 5)
        return Scope(account, region)


class Notifications:
    """Tells the destinations of a bucket's notification configuration what happens to its objects."""

    def __init__(self, store: Store, client: InternalClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._queue = Deliveries("s3-notifications", store, clock, self._attempt)

    def expose_to(self, strikes: Strikes) -> None:
        """Let faults on purpose of buckets strike their notifications."""
        self._queue.expose_to(strikes, lambda payload: (_Sent(*orjson.loads(payload)).bucket_arn,))

    async def start(self) -> None:
        """Take up what an earlier run left."""
        await self._queue.start()

    async def stop(self) -> None:
        """Stop sending; what was not sent waits for the next run."""
        await self._queue.stop()

    def tell(self, transaction: Transaction, change: ObjectChange) -> None:
        """Add what is to be sent of a change to the transaction that makes it."""
        text = configurations.text_of(transaction, KIND, change.bucket.id)
        document = None if text is None else configurations.loaded(text)
        if document is None:
            return
        for target in targets_of(document):
            if target.wants(f"s3:{change.event}", change.key):
                body = orjson.dumps(notification(change, target.id)).decode()
                self._add(transaction, change, target.service, target.arn, body)
        if tells_event_bridge(document):
            self._add(transaction, change, _BRIDGE, "", orjson.dumps(bridge_entry(change)).decode())

    async def problems(self, context: RequestContext, bucket: Bucket, targets: Sequence[Target]) -> Mapping[str, str]:
        """Return what is wrong with destinations, by ARN; queues and topics get S3's test event."""
        found: dict[str, str] = {}
        message = orjson.dumps(test_message(bucket.name, context.request_id, context.now)).decode()
        scope = bucket.scope
        for target in targets:
            sent = _Sent(target.service, target.arn, scope.account, scope.region, bucket.arn, message)
            try:
                if target.service == "lambda":
                    await self._invoke(sent, "DryRun")
                else:
                    await self._send(sent)
            except ServiceError as error:
                name, problem = _problem(target, error)
                found[name] = problem
        return found

    def _add(self, transaction: Transaction, change: ObjectChange, service: str, arn: str, body: str) -> None:
        scope = change.scope
        payload = orjson.dumps([service, arn, scope.account, scope.region, change.bucket.arn, body, change.trace])
        self._queue.add(transaction, payload)

    async def _attempt(self, delivery: Delivery) -> Settled | Retry:
        sent = _Sent(*orjson.loads(delivery.payload))
        try:
            await self._send(sent)
        except (ServiceError, RefusedEventError) as error:
            now = self._clock.now()
            is_final = isinstance(error, ServiceError) and error.is_senders_fault and not _is_busy(error)
            if is_final or now - delivery.accepted_at > _GIVEN_UP_AFTER_S:
                _log.error("an event of %s did not reach %s: %s", sent.bucket_arn, sent.arn or "EventBridge", error)
                return Settled()
            return Retry(now + min(_FIRST_PAUSE_S * 2.0 ** min(delivery.attempts, 30), _LONGEST_PAUSE_S))
        return Settled()

    async def _send(self, sent: _Sent) -> None:
        match sent.service:
            case "lambda":
                await self._invoke(sent, "Event")
            case "sqs":
                message = {"QueueUrl": queue_url(Arn.parse(sent.arn)), "MessageBody": sent.body, **_traced(sent)}
                await self._client.call("sqs", "SendMessage", message, scope=sent.scope, principal=sent.principal)
            case "sns":
                topic = {"TopicArn": sent.arn, "Message": sent.body, "Subject": SUBJECT}
                await self._client.call("sns", "Publish", topic, scope=sent.scope, principal=sent.principal)
            case _:
                await self._put_event(sent)

    async def _invoke(self, sent: _Sent, invocation_type: str) -> None:
        event = {"FunctionName": sent.arn, "InvocationType": invocation_type, "Payload": sent.body.encode()}
        await self._client.call("lambda", "Invoke", event, scope=sent.scope, principal=sent.principal)

    async def _put_event(self, sent: _Sent) -> None:
        entry = orjson.loads(sent.body)
        entry["Detail"] = orjson.dumps(entry["Detail"]).decode()
        answer = await self._client.call(
            "events", "PutEvents", {"Entries": [entry]}, scope=sent.scope, principal=sent.principal
        )
        if answer.get("FailedEntryCount"):
            raise RefusedEventError(str(answer.get("Entries")))


def _is_busy(error: ServiceError) -> bool:
    return error.is_throttle or error.status in _BUSY


def _traced(sent: _Sent) -> Mapping[str, object]:
    # Whoever reads the queue goes on with the trace, and so a loop through it is found.
    if sent.trace is None:
        return {}
    return {"MessageSystemAttributes": {"AWSTraceHeader": {"DataType": "String", "StringValue": sent.trace}}}


def _problem(target: Target, error: ServiceError) -> tuple[str, str]:
    """Return what AWS says of a destination that did not take the test: the argument's name and value."""
    if target.service == "lambda":
        return f"{target.arn}, null", f"Not authorized to invoke function [{target.arn}]"
    what = "queue" if target.service == "sqs" else "topic"
    if "NonExistent" in error.code or "NotFound" in error.code:
        return target.arn, f"The destination {what} does not exist"
    return (
        target.arn,
        f"Permissions on the destination {what} do not allow S3 to publish notifications from this bucket",
    )
