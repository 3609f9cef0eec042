"""Sending notifications: to EventBridge, again after a failure, after a restart, and not again after a refusal."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lambent.base.clock import ManualClock
from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import Principal, root_of, service_principal
from lambent.cloud.framework.service import Parameters, Result
from lambent.cloud.services.s3 import configuration_repository
from lambent.cloud.services.s3.changes import ObjectChange
from lambent.cloud.services.s3.events import S3_HOST, bridge_entry
from lambent.cloud.services.s3.model.records import Bucket
from lambent.cloud.services.s3.notifications import KIND, Notifications
from lambent.cloud.services.s3.service import SCRIPTS
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.sqlite_store import SqliteStore, memory_store, store_in
from lambent.cloud.store.unit_of_work import Transaction
from tests.waiting import eventually_here

SCOPE = Scope("123456789012", "eu-west-1")
BUCKET = Bucket(1, SCOPE, "b", created_ms=0)
QUEUE = {"QueueArn": "arn:aws:sqs:eu-west-1:123456789012:q", "Events": ["s3:ObjectCreated:*"], "Id": "i"}


@dataclass
class Answering:
    """Stands for the other services: fails as often as told, and keeps what it was sent."""

    failures: list[ServiceError] = field(default_factory=list)
    got: list[tuple[str, str, Parameters, Principal]] = field(default_factory=list)
    tried: int = 0

    async def call(
        self, service: str, operation: str, parameters: Parameters, *, scope: Scope, principal: Principal
    ) -> Result:
        self.tried += 1
        if self.failures:
            raise self.failures.pop(0)
        self.got.append((service, operation, parameters, principal))
        return {"FailedEntryCount": 0}


def change(event: str = "ObjectCreated:Put", **changes: Any) -> ObjectChange:  # Any: members of ObjectChange
    found: dict[str, Any] = {  # Any: as above
        "scope": SCOPE,
        "bucket": BUCKET,
        "key": "a b.txt",
        "size": 5,
        "etag": "e",
        "version_id": None,
        "sequencer": "01",
        "event": event,
        "at": 1_767_225_600.0,
        "caller": root_of("123456789012"),
        "peer": "192.0.2.1",
        "request_id": "R",
    }
    return ObjectChange(**{**found, **changes})


@asynccontextmanager
async def running(
    store: SqliteStore,
    clock: ManualClock,
    client: Answering,
    **configuration: Any,  # Any: of the API
) -> AsyncIterator[Notifications]:
    await store.migrate("s3", [script.read_text(encoding="utf-8") for script in SCRIPTS])
    notifications = Notifications(store, client, clock)
    await notifications.start()

    def configure(transaction: Transaction) -> None:
        configuration_repository.put(transaction, KIND, BUCKET.id, configuration)

    await store.write(configure)
    try:
        yield notifications
    finally:
        await notifications.stop()


def telling(notifications: Notifications, told: ObjectChange) -> Callable[[Transaction], None]:
    return lambda transaction: notifications.tell(transaction, told)


async def test_a_queue_that_fails_for_a_while_gets_the_event_later() -> None:
    clock = ManualClock()
    client = Answering([ServiceError("InternalError", "", status=500), ServiceError("Throttling", "", status=429)])
    store = memory_store(clock)
    async with running(store, clock, client, QueueConfigurations=[QUEUE]) as notifications:
        await store.write(telling(notifications, change()))
        await eventually_here(lambda: client.tried == 1)
        await clock.advance(1)
        await eventually_here(lambda: client.tried == 2)
        await clock.advance(2)
        await eventually_here(lambda: client.got)
    ((service, operation, parameters, principal),) = client.got
    assert (service, operation) == ("sqs", "SendMessage")
    assert parameters["QueueUrl"] == "https://sqs.eu-west-1.amazonaws.com/123456789012/q"
    assert (principal.arn, principal.account, principal.source_arn) == (S3_HOST, "123456789012", "arn:aws:s3:::b")
    assert json.loads(parameters["MessageBody"])["Records"][0]["eventName"] == "ObjectCreated:Put"
    await store.close()


async def test_the_trace_of_the_request_goes_on_with_the_message() -> None:
    clock, client = ManualClock(), Answering()
    store = memory_store(clock)
    async with running(store, clock, client, QueueConfigurations=[QUEUE]) as notifications:
        await store.write(telling(notifications, change(trace="Root=1-2-3")))
        await eventually_here(lambda: client.got)
    ((_, _, parameters, principal),) = client.got
    assert parameters["MessageSystemAttributes"]["AWSTraceHeader"]["StringValue"] == "Root=1-2-3"
    assert principal.trace == "Root=1-2-3"
    await store.close()


async def test_a_queue_that_refuses_is_not_asked_again() -> None:
    clock, client = ManualClock(), Answering([ServiceError("AccessDenied", "", status=403)])
    store = memory_store(clock)
    async with running(store, clock, client, QueueConfigurations=[QUEUE]) as notifications:
        await store.write(telling(notifications, change()))
        await eventually_here(lambda: client.tried == 1)
        await clock.advance(3600)
    assert (client.tried, client.got) == (1, [])
    await store.close()


async def test_what_was_not_sent_is_sent_by_the_next_run(tmp_path: Path) -> None:
    clock, down = ManualClock(), Answering([ServiceError("InternalError", "", status=500)])
    store = store_in(tmp_path / "data", clock)
    async with running(store, clock, down, QueueConfigurations=[QUEUE]) as notifications:
        await store.write(telling(notifications, change()))
        await eventually_here(lambda: down.tried == 1)
    await store.close()
    up, reopened = Answering(), store_in(tmp_path / "data", clock)
    async with running(reopened, clock, up, QueueConfigurations=[QUEUE]):
        await clock.advance(60)
        await eventually_here(lambda: up.got)
    await reopened.close()


async def test_event_bridge_is_told_of_everything() -> None:
    clock, client = ManualClock(), Answering()
    store = memory_store(clock)
    async with running(store, clock, client, EventBridgeConfiguration={}) as notifications:
        await store.write(telling(notifications, change("ObjectTagging:Put")))
        await eventually_here(lambda: client.got)
    ((service, operation, parameters, _),) = client.got
    assert (service, operation) == ("events", "PutEvents")
    (entry,) = parameters["Entries"]
    assert (entry["Source"], entry["DetailType"], entry["Resources"]) == (
        "aws.s3",
        "Object Tags Added",
        ["arn:aws:s3:::b"],
    )
    assert json.loads(entry["Detail"])["object"] == {"key": "a b.txt", "etag": "e"}
    await store.close()


def detail(told: ObjectChange) -> Mapping[str, Any]:  # Any: the detail of an event
    found = bridge_entry(told)["Detail"]
    assert isinstance(found, Mapping)
    return found


def test_event_bridge_learns_of_a_put_as_aws_tells_it() -> None:
    assert detail(change(version_id="v")) == {
        "version": "0",
        "bucket": {"name": "b"},
        "object": {"key": "a b.txt", "size": 5, "etag": "e", "version-id": "v", "sequencer": "01"},
        "request-id": "R",
        "requester": "123456789012",
        "source-ip-address": "192.0.2.1",
        "reason": "PutObject",
    }


@pytest.mark.parametrize(
    ("event", "by_lifecycle", "reason", "deletion"),
    [
        ("ObjectRemoved:Delete", False, "DeleteObject", "Permanently Deleted"),
        ("ObjectRemoved:DeleteMarkerCreated", False, "DeleteObject", "Delete Marker Created"),
        ("LifecycleExpiration:Delete", True, "Lifecycle Expiration", "Permanently Deleted"),
        ("LifecycleExpiration:DeleteMarkerCreated", True, "Lifecycle Expiration", "Delete Marker Created"),
    ],
)
def test_event_bridge_learns_how_an_object_was_deleted(
    event: str, *, by_lifecycle: bool, reason: str, deletion: str
) -> None:
    caller = service_principal(S3_HOST, SCOPE) if by_lifecycle else root_of("999999999999")
    found = detail(change(event, caller=caller))
    assert (found["reason"], found["deletion-type"]) == (reason, deletion)
    assert found["requester"] == (S3_HOST if by_lifecycle else "999999999999")
    assert ("source-ip-address" in found) is not by_lifecycle
    assert bridge_entry(change(event))["DetailType"] == "Object Deleted"
