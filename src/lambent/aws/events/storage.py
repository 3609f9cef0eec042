"""Events of Amazon S3.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import quote_plus

from lambent.aws.events.kind import Event, Kind, Values

_GONE: Final = {"bucket": "example-bucket", "key": "test/key.txt", "version-id": ""}
_FIELDS: Final = {**_GONE, "size": "1024"}
_THERE: Final = ("ObjectCreated", "ObjectRestore", "ObjectTagging")
# The event's name, and what is told of it: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html
_NAMES: Final = {
    "put": ("ObjectCreated:Put", "an object was put"),
    "post": ("ObjectCreated:Post", "an object was sent by a form"),
    "copy": ("ObjectCreated:Copy", "an object was copied"),
    "multipart": ("ObjectCreated:CompleteMultipartUpload", "a multipart upload was completed"),
    "delete": ("ObjectRemoved:Delete", "an object was deleted"),
    "delete-marker": ("ObjectRemoved:DeleteMarkerCreated", "a delete marker was made"),
    "expire": ("LifecycleExpiration:Delete", "a lifecycle rule deleted an object"),
    "restore": ("ObjectRestore:Completed", "an archived object was restored"),
    "tag": ("ObjectTagging:Put", "tags were put on an object"),
}


def _notification(name: str) -> Callable[[Values], Event]:
    def make(values: Values) -> Event:
        owner = {"principalId": values.ids.base32(14)}
        record = {
            "eventVersion": "2.6",
            "eventSource": "aws:s3",
            "awsRegion": values.region,
            "eventTime": values.time(),
            "eventName": name,
            "userIdentity": {"principalId": f"AWS:{values.ids.base32(21)}"},
            "requestParameters": {"sourceIPAddress": "127.0.0.1"},
            "responseElements": {
                "x-amz-request-id": values.ids.base32(16),
                "x-amz-id-2": values.ids.base32(76),
            },
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": values.ids.uuid(),
                "bucket": {"name": values["bucket"], "ownerIdentity": owner, "arn": f"arn:aws:s3:::{values['bucket']}"},
                "object": _object(values, name),
            },
        }
        return {"Records": [record]}

    return make


def _object(values: Values, name: str) -> Event:
    told: dict[str, Event] = {"key": quote_plus(values["key"], safe="/")}
    if name.startswith(_THERE):
        told |= {"size": int(values["size"]), "eTag": values.ids.hex(32)}
    if values["version-id"]:
        told["versionId"] = values["version-id"]
    return {**told, "sequencer": values.ids.hex(18).upper()}


def _batch(values: Values) -> Event:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-invoke-lambda.html
    return {
        "invocationSchemaVersion": "2.0",
        "invocationId": values.ids.base32(40),
        "job": {"id": values.ids.uuid(), "userArguments": values.json("arguments")},
        "tasks": [
            {
                "taskId": values.ids.base32(40),
                "s3Key": quote_plus(values["key"], safe="/"),
                "s3VersionId": values["version-id"] or None,
                "s3Bucket": values["bucket"],
            }
        ],
    }


def _object_lambda(values: Values) -> Event:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/olap-event-context.html
    host = f"s3-object-lambda.{values.region}.amazonaws.com"
    access_point = values.arn("s3-object-lambda", "accesspoint/example")
    return {
        "xAmzRequestId": values.ids.uuid(),
        "getObjectContext": {
            "inputS3Url": f"https://example-{values.account}.s3-accesspoint.{values.region}.amazonaws.com/{values['key']}",
            "outputRoute": f"io-use1-{values.ids.hex(3)}",
            "outputToken": values.ids.base32(40),
        },
        "configuration": {
            "accessPointArn": access_point,
            "supportingAccessPointArn": values.arn("s3", "accesspoint/example"),
            "payload": "",
        },
        "userRequest": {
            "url": f"https://{host}/{values['key']}",
            "headers": {"Host": host, "Accept-Encoding": "identity"},
        },
        "userIdentity": {
            "type": "IAMUser",
            "principalId": values.ids.base32(21),
            "arn": f"arn:aws:iam::{values.account}:user/example",
            "accountId": values.account,
            "accessKeyId": f"AKIA{values.ids.base32(16)}",
            "userName": "example",
        },
        "protocolVersion": "1.00",
    }


def _kinds() -> Iterator[Kind]:
    for name, (event_name, summary) in _NAMES.items():
        # Nothing is told of the size of what is there no more.
        fields = _FIELDS if event_name.startswith(_THERE) else _GONE
        yield Kind("s3", name, f"S3 tells that {summary}", _notification(event_name), fields)
    batch = {"bucket": "example-bucket", "key": "test/key.txt", "version-id": "", "arguments": "{}"}
    yield Kind("s3", "batch", "S3 Batch Operations asks for one object to be processed", _batch, batch)
    yield Kind(
        "s3", "object-lambda", "S3 Object Lambda asks for an object's content", _object_lambda, {"key": "key.txt"}
    )


KINDS: Final = tuple(_kinds())
