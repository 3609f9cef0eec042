"""Events of streams: DynamoDB, Kinesis, Firehose, DocumentDB.

https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html, with-kinesis.html, services-kinesisfirehose.html,
with-documentdb.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from lambent.aws.events.kind import Event, Kind, Values

_TABLE: Final = {"table": "example-table", "key": "Id", "item": '{"Id": 101, "Message": "New item!"}'}
_CHANGED: Final = {**_TABLE, "old-item": '{"Id": 101, "Message": "Old item!"}'}
_STREAM: Final = {
    "stream": "example-stream",
    "data": "Hello from Kinesis!",
    "partition-key": "partition-1",
    "count": "1",
}


def attribute(value: Event) -> Event:
    """Return a JSON value as DynamoDB writes it.

    >>> attribute({"Id": 101, "Tags": ["a", None]})
    {'M': {'Id': {'N': '101'}, 'Tags': {'L': [{'S': 'a'}, {'NULL': True}]}}}
    """
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case int() | float():
            return {"N": str(value)}
        case str():
            return {"S": value}
        case list():
            return {"L": [attribute(one) for one in value]}
        case _:
            return {"M": {name: attribute(one) for name, one in value.items()}}


def _image(values: Values, name: str) -> Mapping[str, Event]:
    found = values.json(name)
    image: Mapping[str, Event] = attribute(found if isinstance(found, dict) else {values["key"]: found})["M"]
    return image


def _dynamodb(event_name: str) -> Callable[[Values], Event]:
    def make(values: Values) -> Event:
        new = _image(values, "item") if event_name != "REMOVE" else None
        old = _image(values, "old-item" if event_name == "MODIFY" else "item") if event_name != "INSERT" else None
        known = new or old or {}
        record = {
            "ApproximateCreationDateTime": float(int(values.now)),
            "Keys": {name: one for name, one in known.items() if name == values["key"]},
            **({} if new is None else {"NewImage": new}),
            **({} if old is None else {"OldImage": old}),
            "SequenceNumber": values.digits(21),
            "SizeBytes": len(str(new or "")) + len(str(old or "")),
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        }
        stream = f"table/{values['table']}/stream/{values.time().removesuffix('Z')}"
        told = {
            "eventID": values.ids.hex(32),
            "eventName": event_name,
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": values.region,
            "dynamodb": record,
            "eventSourceARN": values.arn("dynamodb", stream),
        }
        return {"Records": [told]}

    return make


def _kinesis(values: Values) -> Event:
    return {"Records": [_kinesis_record(values) for _ in range(int(values["count"]))]}


def _kinesis_record(values: Values) -> Event:
    sequence = values.digits(56)
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": values["partition-key"],
            "sequenceNumber": sequence,
            "data": values.base64("data"),
            "approximateArrivalTimestamp": round(values.now, 3),
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"shardId-000000000000:{sequence}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": f"arn:aws:iam::{values.account}:role/lambda-role",
        "awsRegion": values.region,
        "eventSourceARN": values.arn("kinesis", f"stream/{values['stream']}"),
    }


def _firehose(values: Values) -> Event:
    record = {
        "recordId": values.digits(56),
        "approximateArrivalTimestamp": values.now_ms,
        "data": values.base64("data"),
    }
    return {
        "invocationId": values.ids.uuid(),
        "deliveryStreamArn": values.arn("firehose", f"deliverystream/{values['stream']}"),
        "region": values.region,
        "records": [record],
    }


def _documentdb(values: Values) -> Event:
    # https://docs.aws.amazon.com/lambda/latest/dg/with-documentdb.html
    at = {"$timestamp": {"t": int(values.now), "i": 1}}
    document = {"_id": {"$oid": values.ids.hex(24)}, **values.json("document")}
    change = {
        "_id": {"_data": values.ids.hex(40)},
        "clusterTime": at,
        "documentKey": {"_id": document["_id"]},
        "fullDocument": document,
        "ns": {"coll": values["collection"], "db": values["database"]},
        "operationType": "insert",
    }
    arn = values.arn("rds", f"cluster:{values['cluster']}")
    return {"eventSourceArn": arn, "events": [{"event": change}], "eventSource": "aws:docdb"}


def _kinds() -> Iterator[Kind]:
    yield Kind("dynamodb", "insert", "an item was put into a table", _dynamodb("INSERT"), _TABLE)
    yield Kind("dynamodb", "modify", "an item was changed", _dynamodb("MODIFY"), _CHANGED)
    yield Kind("dynamodb", "remove", "an item was deleted", _dynamodb("REMOVE"), _TABLE)
    yield Kind("kinesis", "records", "a batch of records from a data stream", _kinesis, _STREAM)
    firehose = {"stream": "example-delivery", "data": "Hello from Firehose!"}
    yield Kind("kinesis", "firehose", "records that Firehose wants transformed", _firehose, firehose)
    place = {"cluster": "example-cluster", "database": "example", "collection": "example"}
    yield Kind(
        "documentdb", "insert", "a document was inserted", _documentdb, {**place, "document": '{"name": "value"}'}
    )


KINDS: Final = tuple(_kinds())
