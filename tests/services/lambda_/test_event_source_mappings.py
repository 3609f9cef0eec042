"""Event source mappings as boto3 sees them: shown key for key, changed, listed, tagged and gone."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from lambent.base.clock import SystemClock
from lambent.cloud.services.lambda_ import mapping_repository
from lambent.cloud.services.lambda_.model.event_source_mapping import MappingState
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.sqlite_store import store_in
from lambent.testing.platform import local_platform
from lambent.testing.pytest_plugin import ClientFactory
from tests.recorder.cloud import Cloud
from tests.services.lambda_.conftest import ECHO, Client, MakeFunction, Refusal, refusal
from tests.services.lambda_.event_sources import (
    ACCESS,
    CLUSTER,
    KAFKA,
    UNKNOWN,
    AtRest,
    Sources,
    at_rest,
    look_until_at_rest,
    make,
    parameter,
    plain,
    role,
    sources,
)

__all__ = ["at_rest", "make", "role", "sources"]


def test_mapping_of_a_queue_is_shown_key_for_key(
    functions: Client, make: MakeFunction, sources: Sources, at_rest: AtRest, cloud: Cloud
) -> None:
    arn = make()
    made = functions.create_event_source_mapping(FunctionName="f", EventSourceArn=sources.queue)
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 202
    expected = {
        "BatchSize": 10,
        "EventSourceArn": sources.queue,
        "EventSourceMappingArn": f"arn:aws:lambda:{cloud.place.scope}:event-source-mapping:{made['UUID']}",
        "FunctionArn": arn,
        "FunctionResponseTypes": [],
        "MaximumBatchingWindowInSeconds": 0,
        "State": "Creating",
        "StateTransitionReason": "USER_INITIATED",
        "UUID": made["UUID"],
    }
    assert plain(made) == expected
    rested = at_rest(made["UUID"])
    assert plain(rested) == {**expected, "State": "Enabled"}


def test_function_is_shown_as_it_was_named(
    functions: Client, make: MakeFunction, sources: Sources, at_rest: AtRest, account: str
) -> None:
    arn = make()
    functions.publish_version(FunctionName="f")
    functions.create_alias(FunctionName="f", FunctionVersion="1", Name="live")
    partial = f"{account}:function:f"
    named = {
        "f": arn,
        f"{partial}:$LATEST": f"{arn}:$LATEST",
        f"{partial}:1": f"{arn}:1",
        f"{partial}:live": f"{arn}:live",
        arn: arn,
        f"{arn}:1": f"{arn}:1",
        f"{arn}:live": f"{arn}:live",
    }
    for name, shown in named.items():
        made = functions.create_event_source_mapping(FunctionName=name, EventSourceArn=sources.queue)
        assert made["FunctionArn"] == shown
        at_rest(made["UUID"])
        functions.delete_event_source_mapping(UUID=made["UUID"])
        assert at_rest(made["UUID"]) is None


def test_mapping_of_a_table_outlives_its_function_and_is_gone_once_deleted(
    functions: Client, make: MakeFunction, sources: Sources, at_rest: AtRest, cloud: Cloud
) -> None:
    arn = make()
    destination = {"OnFailure": {"Destination": sources.queue}}
    made = functions.create_event_source_mapping(
        FunctionName="f",
        EventSourceArn=sources.table,
        DestinationConfig=destination,
        BatchSize=1,
        StartingPosition="TRIM_HORIZON",
        MaximumBatchingWindowInSeconds=1,
        MaximumRetryAttempts=1,
    )
    expected = {
        "BatchSize": 1,
        "BisectBatchOnFunctionError": False,
        "DestinationConfig": destination,
        "EventSourceArn": sources.table,
        "EventSourceMappingArn": f"arn:aws:lambda:{cloud.place.scope}:event-source-mapping:{made['UUID']}",
        "FunctionArn": arn,
        "FunctionResponseTypes": [],
        "LastProcessingResult": "No records processed",
        "MaximumBatchingWindowInSeconds": 1,
        "MaximumRecordAgeInSeconds": -1,
        "MaximumRetryAttempts": 1,
        "ParallelizationFactor": 1,
        "StartingPosition": "TRIM_HORIZON",
        "State": "Creating",
        "StateTransitionReason": "User action",
        "TumblingWindowInSeconds": 0,
        "UUID": made["UUID"],
    }
    assert plain(made) == expected
    assert plain(at_rest(made["UUID"])) == {**expected, "State": "Enabled"}
    functions.delete_function(FunctionName="f")
    assert plain(at_rest(made["UUID"])) == {**expected, "State": "Enabled"}
    deleted = functions.delete_event_source_mapping(UUID=made["UUID"])
    assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert plain(deleted) == {**expected, "State": "Deleting"}
    assert at_rest(made["UUID"]) is None


def test_filters_that_are_empty_are_not_shown(functions: Client, make: MakeFunction, sources: Sources) -> None:
    make()
    made = functions.create_event_source_mapping(
        FunctionName="f", EventSourceArn=sources.table, StartingPosition="LATEST", FilterCriteria={"Filters": []}
    )
    assert "FilterCriteria" not in made
    assert made["DestinationConfig"] == {"OnFailure": {}}
    assert (made["BatchSize"], made["MaximumRetryAttempts"]) == (100, -1)


def test_mapping_of_a_stream_may_start_at_a_moment(
    functions: Client, make: MakeFunction, sources: Sources, aws: ClientFactory
) -> None:
    make()
    consumer = aws("kinesis").register_stream_consumer(StreamARN=sources.stream, ConsumerName="c")["Consumer"]
    made = functions.create_event_source_mapping(
        FunctionName="f",
        EventSourceArn=consumer["ConsumerARN"],
        StartingPosition="AT_TIMESTAMP",
        StartingPositionTimestamp=1_700_000_000,
    )
    assert made["StartingPositionTimestamp"].timestamp() == 1_700_000_000
    assert made["EventSourceArn"] == consumer["ConsumerARN"]


@pytest.mark.local_only("the secret it names is not there")
def test_mapping_of_a_kafka_cluster_is_shown_key_for_key(
    functions: Client, make: MakeFunction, account: str, region: str
) -> None:
    arn = make()
    create = functions.create_event_source_mapping
    without = {name: value for name, value in KAFKA.items() if name != "SourceAccessConfigurations"}
    assert parameter(create, FunctionName="f", **without) == (
        "Required 'sourceAccessConfigurations' parameter is missing."
    )
    made = create(FunctionName="f", **KAFKA)
    assert plain(made) == {
        "BatchSize": 100,
        "EventSourceMappingArn": f"arn:aws:lambda:{region}:{account}:event-source-mapping:{made['UUID']}",
        "FunctionArn": arn,
        "LastProcessingResult": "No records processed",
        "SelfManagedEventSource": CLUSTER,
        "SelfManagedKafkaEventSourceConfig": {"ConsumerGroupId": made["UUID"]},
        "SourceAccessConfigurations": ACCESS,
        "StartingPosition": "TRIM_HORIZON",
        "State": "Creating",
        "StateTransitionReason": "USER_INITIATED",
        "Topics": ["topic"],
        "UUID": made["UUID"],
    }
    tail = f"already exists. Please update or delete the existing mapping with UUID {made['UUID']}"
    for servers in (["kafka:1000"], ["kafka:1000", "kafka:2000"]):
        more = {**KAFKA, "SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": servers}}}
        text = f'event source ("{",".join(servers)}"), function ("{arn}"), topics ("topic") {tail}'
        assert refusal(create, FunctionName="f", **more) == Refusal(
            409, "ResourceConflictException", f"An event source mapping with {text}"
        )
    group = {"SelfManagedKafkaEventSourceConfig": {"ConsumerGroupId": "random_id"}}
    other = create(FunctionName="f", **{**KAFKA, "Topics": ["topic_2"], "BatchSize": 1, **group})
    assert (other["BatchSize"], other["Topics"]) == (1, ["topic_2"])
    assert other["SelfManagedKafkaEventSourceConfig"] == {"ConsumerGroupId": "random_id"}


def test_a_mapping_is_disabled_changed_and_enabled(
    functions: Client, make: MakeFunction, sources: Sources, at_rest: AtRest
) -> None:
    make()
    arn = make("g")
    made = functions.create_event_source_mapping(FunctionName="f", EventSourceArn=sources.queue, Enabled=False)
    uuid, update = made["UUID"], functions.update_event_source_mapping
    assert made["State"] == "Disabled"
    changed = update(UUID=uuid, FunctionName="g", BatchSize=3, ScalingConfig={"MaximumConcurrency": 5})
    assert changed["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert changed["State"] == "Updating"
    rested = plain(at_rest(uuid))
    assert (rested["State"], rested["FunctionArn"], rested["BatchSize"]) == ("Disabled", arn, 3)
    assert rested["ScalingConfig"] == {"MaximumConcurrency": 5}
    assert update(UUID=uuid, Enabled=True, ScalingConfig={})["State"] == "Enabling"
    rested = plain(at_rest(uuid))
    assert rested["State"] == "Enabled"
    assert "ScalingConfig" not in rested
    assert update(UUID=uuid, Enabled=False)["State"] == "Disabling"
    later = at_rest(uuid)
    assert later is not None
    assert later["State"] == "Disabled"
    assert later["LastModified"] >= made["LastModified"]


@pytest.mark.local_only("pages hold the mappings of others")
def test_mappings_are_listed_by_page_source_and_function(
    functions: Client, make: MakeFunction, sources: Sources, account: str, region: str
) -> None:
    make()
    make("g", Publish=True)
    create, listing = functions.create_event_source_mapping, functions.list_event_source_mappings
    of_queue = {create(FunctionName=name, EventSourceArn=sources.queue)["UUID"] for name in ("f", "g", "g:1")}
    of_stream = create(FunctionName="f", EventSourceArn=sources.stream, StartingPosition="LATEST")["UUID"]

    def uuids(**asked: object) -> set[str]:
        return {each["UUID"] for each in listing(**asked)["EventSourceMappings"]}

    assert uuids() == {*of_queue, of_stream}
    assert uuids(EventSourceArn=sources.queue) == of_queue
    assert uuids(FunctionName="f", EventSourceArn=sources.stream) == {of_stream}
    assert {each["FunctionArn"] for each in listing(FunctionName="g:1")["EventSourceMappings"]} == {
        f"arn:aws:lambda:{region}:{account}:function:g:1"
    }
    assert uuids(FunctionName="missing") == uuids(EventSourceArn=f"{sources.queue}2") == set()
    pages = functions.get_paginator("list_event_source_mappings").paginate(PaginationConfig={"PageSize": 3})
    assert [len(page["EventSourceMappings"]) for page in pages] == [3, 1]


@pytest.mark.local_only("the key it names is not there")
def test_encrypted_filters_are_shown_one_by_one_only(
    functions: Client, make: MakeFunction, sources: Sources, region: str
) -> None:
    make()
    filters = {"Filters": [{"Pattern": '{"body": {"kind": ["a"]}}'}]}
    made = functions.create_event_source_mapping(
        FunctionName="f",
        EventSourceArn=sources.queue,
        FilterCriteria=filters,
        KMSKeyArn=f"arn:aws:kms:{region}:123456789012:key/k",
    )
    assert functions.get_event_source_mapping(UUID=made["UUID"])["FilterCriteria"] == filters
    assert "FilterCriteria" not in functions.list_event_source_mappings()["EventSourceMappings"][0]


@pytest.mark.local_only("the secret it names is not there")
def test_tags_of_a_mapping_come_and_go(functions: Client, make: MakeFunction) -> None:
    make()
    made = functions.create_event_source_mapping(FunctionName="f", **KAFKA, Tags={"A": "1"})
    arn = made["EventSourceMappingArn"]
    assert "Tags" not in functions.get_event_source_mapping(UUID=made["UUID"])
    tagged = functions.tag_resource(Resource=arn, Tags={"A": "2", "B": "3"})
    assert tagged["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert functions.list_tags(Resource=arn)["Tags"] == {"A": "2", "B": "3"}
    untagged = functions.untag_resource(Resource=arn, TagKeys=["A", "missing"])
    assert untagged["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert functions.list_tags(Resource=arn)["Tags"] == {"B": "3"}


def test_tags_of_a_mapping_that_is_not_there_are_refused(functions: Client, account: str, region: str) -> None:
    arn = f"arn:aws:lambda:{region}:{account}:event-source-mapping:{UNKNOWN}"
    said = Refusal(404, "ResourceNotFoundException", f"Event source mapping not found: {arn}")
    assert refusal(functions.tag_resource, Resource=arn, Tags={"a": "b"}) == said
    assert refusal(functions.untag_resource, Resource=arn, TagKeys=["a"]) == said
    assert refusal(functions.list_tags, Resource=arn) == said
    assert refusal(functions.list_tags, Resource=f"{arn}:alias").code == "ValidationException"


@pytest.mark.local_only("the secret it names is not there")
def test_reserved_tags_are_refused_when_a_mapping_is_made(functions: Client, make: MakeFunction) -> None:
    make()
    said = parameter(functions.create_event_source_mapping, FunctionName="f", **KAFKA, Tags={"aws:a": "b"})
    assert said.startswith("Aws service tags are not allowed to be added or modified by the client")
    assert functions.list_event_source_mappings()["EventSourceMappings"] == []


@pytest.mark.timeout(60)
def test_what_was_under_way_comes_to_rest_after_a_restart(tmp_path: Path) -> None:
    async def interrupt(account: str, uuid: str, state: MappingState) -> None:
        store = store_in(tmp_path, SystemClock())
        found = mapping_repository.mapping(store.read, Scope(account, "us-east-1"), uuid)
        assert found is not None
        left = replace(found, state=state)
        await store.write(lambda transaction: mapping_repository.put_mapping(transaction, left))
        await store.close()

    with local_platform(data_dir=tmp_path) as platform:
        platform.create_function("f", ECHO, account="123456789012")
        create = platform.client("lambda", account="123456789012").create_event_source_mapping
        made = [create(FunctionName="f", **{**KAFKA, "Topics": [topic]}) for topic in ("kept", "deleted")]
    kept, deleted = (str(each["UUID"]) for each in made)
    asyncio.run(interrupt("123456789012", kept, MappingState.CREATING))
    asyncio.run(interrupt("123456789012", deleted, MappingState.DELETING))
    with local_platform(data_dir=tmp_path) as platform:
        functions = platform.client("lambda", account="123456789012")
        shown = look_until_at_rest(functions, kept)
        assert shown is not None
        assert {**plain(shown), "State": "Creating"} == plain(made[0])
        assert shown["State"] == "Enabled"
        assert look_until_at_rest(functions, deleted) is None
