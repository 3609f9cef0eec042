"""Event source mappings: their states, what two of them must not share, and how they come to rest."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from lambent.base.clock import ManualClock
from lambent.cloud.errors import ServiceError
from lambent.cloud.services.lambda_ import mapping_repository
from lambent.cloud.services.lambda_.mappings import Mappings
from lambent.cloud.services.lambda_.model.event_source import SourceKind
from lambent.cloud.services.lambda_.model.event_source_mapping import EventSourceMapping, MappingEvent, MappingState
from lambent.cloud.services.lambda_.model.state import IllegalMove
from lambent.cloud.services.lambda_.schema import scripts
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.sqlite_store import SqliteStore, memory_store
from tests.unit.cloud.services.lambda_.mappings import (
    FUNCTION,
    KINESIS,
    MQ,
    NOW,
    QUEUE,
    SCOPE,
    SECRET,
    UUID,
    asked,
    mapping,
)


@pytest.mark.parametrize(
    ("before", "event", "between", "after"),
    [
        (MappingState.ENABLED, MappingEvent.CHANGE, MappingState.UPDATING, MappingState.ENABLED),
        (MappingState.ENABLED, MappingEvent.ENABLE, MappingState.UPDATING, MappingState.ENABLED),
        (MappingState.ENABLED, MappingEvent.DISABLE, MappingState.DISABLING, MappingState.DISABLED),
        (MappingState.DISABLED, MappingEvent.CHANGE, MappingState.UPDATING, MappingState.DISABLED),
        (MappingState.DISABLED, MappingEvent.DISABLE, MappingState.UPDATING, MappingState.DISABLED),
        (MappingState.DISABLED, MappingEvent.ENABLE, MappingState.ENABLING, MappingState.ENABLED),
    ],
)
def test_a_change_is_under_way_until_it_settles(
    before: MappingState, event: MappingEvent, between: MappingState, after: MappingState
) -> None:
    moved = mapping(state=before, is_enabled=before is MappingState.ENABLED).moved(event, NOW + 1)
    assert (moved.state, moved.state.is_settled, moved.last_modified) == (between, False, NOW + 1)
    settled = moved.moved(MappingEvent.SETTLE, NOW + 2)
    assert (settled.state, settled.state.is_settled, settled.last_modified) == (after, True, NOW + 2)


@pytest.mark.parametrize("state", [state for state in MappingState if not state.is_settled])
@pytest.mark.parametrize("event", [event for event in MappingEvent if event is not MappingEvent.SETTLE])
def test_nothing_else_happens_while_a_mapping_is_under_way(state: MappingState, event: MappingEvent) -> None:
    with pytest.raises(IllegalMove):
        mapping(state=state).moved(event, NOW)


def test_queues_tell_nothing_of_their_processing_and_streams_do() -> None:
    assert "LastProcessingResult" not in mapping().shape()
    assert mapping(SourceKind.KINESIS, result="OK").shape()["LastProcessingResult"] == "OK"
    assert mapping().shape()["StateTransitionReason"] == "USER_INITIATED"
    assert mapping(SourceKind.DYNAMODB).shape()["StateTransitionReason"] == "User action"


def test_encrypted_filters_are_not_listed() -> None:
    filters = {"Filters": [{"Pattern": '{"a": ["b"]}'}]}
    found = mapping(settings=asked(SourceKind.SQS, FilterCriteria=filters, KMSKeyArn=SECRET))
    assert found.shape()["FilterCriteria"] == filters
    assert "FilterCriteria" not in found.shape(in_list=True)


# ── duplicates ──

TAIL = f"already exists. Please update or delete the existing mapping with UUID {UUID}"


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (SourceKind.SQS, f'An event source mapping with SQS arn (" {QUEUE} ") and function (" f ") {TAIL}'),
        (SourceKind.KINESIS, f'The event source arn (" {KINESIS} ") and function (" f ") provided mapping {TAIL}'),
        (
            SourceKind.KAFKA,
            f'An event source mapping with event source ("kafka:1000"), function ("{FUNCTION}"), topics ("t") {TAIL}',
        ),
        (SourceKind.MQ, f'An event source mapping with event source ("{MQ}"), function ("{FUNCTION}") {TAIL}'),
    ],
)
def test_a_second_mapping_of_a_source_is_a_conflict(kind: SourceKind, said: str) -> None:
    assert mapping(kind, uuid="other").conflict_with(mapping(kind)) == said


def test_mappings_that_differ_in_what_they_read_are_none() -> None:
    kafka = mapping(SourceKind.KAFKA)
    assert kafka.conflict_with(mapping(SourceKind.KAFKA, settings=asked(SourceKind.KAFKA, Topics=["u"]))) is None
    assert mapping().conflict_with(mapping(function_arn=f"{FUNCTION}:live")) is None
    assert mapping().conflict_with(mapping(source_arn=f"{QUEUE}2")) is None
    assert mapping().conflict_with(kafka) is None
    collection = {"DatabaseName": "d", "CollectionName": "c"}
    documents = asked(SourceKind.DOCUMENTDB, DocumentDBEventSourceConfig=collection)
    assert mapping(SourceKind.DOCUMENTDB).conflict_with(mapping(SourceKind.DOCUMENTDB, settings=documents)) is None


# ── kept, and carried to rest ──


@pytest.fixture
async def store() -> AsyncIterator[SqliteStore]:
    opened = memory_store(ManualClock())
    await opened.migrate("lambda", scripts())
    yield opened
    await opened.close()


async def keep(store: SqliteStore, *kept: EventSourceMapping) -> None:
    """Put mappings as a platform that was stopped left them."""

    def work(transaction: Any) -> None:  # Any: the store's transaction
        for each in kept:
            mapping_repository.put_mapping(transaction, each)

    await store.write(work)


class NoPolling:
    """Pollers of sources that are not looked at here."""

    def resume(self) -> None:
        pass

    async def stop(self) -> None:
        pass

    async def begin(self, mapping: EventSourceMapping) -> None:
        pass

    def end(self, uuid: str) -> None:
        pass

    def forget(self, uuid: str) -> None:
        pass


async def test_what_was_under_way_comes_to_rest_after_a_restart(store: SqliteStore) -> None:
    clock = ManualClock()
    left = {state: mapping(uuid=str(state), state=state, source_arn=f"{QUEUE}-{state}") for state in MappingState}
    off = mapping(uuid="off", state=MappingState.UPDATING, is_enabled=False, source_arn=f"{QUEUE}-off")
    await keep(store, off, *left.values())
    mappings = Mappings(store, clock, NoPolling())
    mappings.resume()
    await clock.advance(0)
    states = {each.uuid: str(each.state) for each in mappings.listed(SCOPE)}
    assert states == {
        "Creating": "Enabled", "Enabling": "Enabled", "Enabled": "Enabled", "Updating": "Enabled",
        "Disabling": "Disabled", "Disabled": "Disabled", "off": "Disabled",
    }  # fmt: skip
    await mappings.stop()


async def test_a_mapping_is_read_back_as_it_was_kept(store: SqliteStore) -> None:
    kept = mapping(SourceKind.KAFKA, result="No records processed", tags={"a": "b"})
    await keep(store, kept)
    assert mapping_repository.mapping(store.read, SCOPE, UUID) == kept
    assert mapping_repository.mapping(store.read, Scope("210987654321", "us-east-1"), UUID) is None


@pytest.mark.parametrize("verb", ["update", "delete"])
async def test_a_mapping_under_way_is_in_use(store: SqliteStore, verb: str) -> None:
    await keep(store, mapping(state=MappingState.UPDATING))
    mappings = Mappings(store, ManualClock(), NoPolling())
    with pytest.raises(ServiceError) as refused:
        await mappings.change(SCOPE, UUID, verb, lambda current: current)
    assert (refused.value.code, refused.value.status) == ("ResourceInUseException", 400)
    assert refused.value.message == f"Cannot {verb} the event source mapping because it is in use."
    await mappings.stop()
