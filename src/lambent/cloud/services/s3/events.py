"""What S3 tells of a change: the record of an event notification, and the event for EventBridge.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote_plus

from lambent.cloud.framework.context import Principal
from lambent.cloud.protocol.faults import host_id
from lambent.cloud.services.s3.changes import ObjectChange

S3_HOST = "s3.amazonaws.com"
EVENT_VERSION = "2.6"
_ETAG_OF_NOTHING = "d41d8cd98f00b204e9800998ecf8427e"
_WITH_SIZE = ("ObjectCreated", "ObjectRestore", "LifecycleTransition")
_WITH_ETAG = (*_WITH_SIZE, "ObjectTagging", "ObjectAcl")
_MARKER = ":DeleteMarkerCreated"
_REASONS = {
    "ObjectCreated:Put": "PutObject",
    "ObjectCreated:Post": "POST Object",
    "ObjectCreated:Copy": "CopyObject",
    "ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
    "ObjectRemoved:Delete": "DeleteObject",
    "ObjectRemoved:DeleteMarkerCreated": "DeleteObject",
    "LifecycleExpiration:Delete": "Lifecycle Expiration",
    "LifecycleExpiration:DeleteMarkerCreated": "Lifecycle Expiration",
}
_DETAIL_TYPES = {
    "ObjectCreated": "Object Created",
    "ObjectRemoved": "Object Deleted",
    "LifecycleExpiration": "Object Deleted",
    "LifecycleTransition": "Object Storage Class Changed",
    "ObjectTagging:Put": "Object Tags Added",
    "ObjectTagging:Delete": "Object Tags Deleted",
    "ObjectAcl": "Object ACL Updated",
    "ObjectRestore:Post": "Object Restore Initiated",
    "ObjectRestore:Completed": "Object Restore Completed",
}


def notification(change: ObjectChange, configuration_id: str) -> Mapping[str, object]:
    """Return the message of an event notification that is sent because of the rule of this id."""
    record = {
        "eventVersion": EVENT_VERSION,
        "eventSource": "aws:s3",
        "awsRegion": change.scope.region,
        "eventTime": _iso(change.at, "milliseconds"),
        "eventName": change.event,
        "userIdentity": {"principalId": _principal_id(change.caller)},
        "requestParameters": {"sourceIPAddress": change.peer},
        "responseElements": {"x-amz-request-id": change.request_id, "x-amz-id-2": host_id(change.request_id)},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": configuration_id,
            "bucket": {
                "name": change.bucket.name,
                "ownerIdentity": {"principalId": _customer_id(change.scope.account)},
                "arn": change.bucket.arn,
            },
            "object": _object(change),
        },
    }
    return {"Records": [record]}


def bridge_entry(change: ObjectChange) -> Mapping[str, object]:
    """Return the entry of PutEvents that EventBridge gets; its Detail is not serialised yet."""
    detail: dict[str, object] = {
        "version": "0",
        "bucket": {"name": change.bucket.name},
        "object": _bridge_object(change),
        "request-id": change.request_id,
        "requester": S3_HOST if change.caller.arn == S3_HOST else change.caller.account,
    }
    if change.caller.arn != S3_HOST:
        detail["source-ip-address"] = change.peer
    if change.event in _REASONS:
        detail["reason"] = _REASONS[change.event]
    detail_type = _DETAIL_TYPES.get(change.event) or _DETAIL_TYPES[change.event.partition(":")[0]]
    if detail_type == "Object Deleted":
        is_marked = change.event.endswith(_MARKER)
        detail["deletion-type"] = "Delete Marker Created" if is_marked else "Permanently Deleted"
    return {
        "Source": "aws.s3",
        "DetailType": detail_type,
        "Resources": [change.bucket.arn],
        "Time": int(change.at),
        "Detail": detail,
    }


def test_message(bucket: str, request_id: str, at: float) -> Mapping[str, str]:
    """Return what S3 sends to a queue or topic that a notification configuration names."""
    return {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": _iso(at, "milliseconds"),
        "Bucket": bucket,
        "RequestId": request_id,
        "HostId": host_id(request_id),
    }


def _object(change: ObjectChange) -> dict[str, object]:
    found: dict[str, object] = {"key": quote_plus(change.key, safe="/*")}
    if change.event.startswith(_WITH_SIZE):
        found["size"] = change.size
    if change.event.startswith(_WITH_ETAG):
        found["eTag"] = change.etag
    elif change.event.endswith(_MARKER):
        found["eTag"] = _ETAG_OF_NOTHING
    if change.version_id is not None:
        found["versionId"] = change.version_id
    if not change.event.startswith(("ObjectTagging", "ObjectAcl")):
        found["sequencer"] = change.sequencer
    return found


def _bridge_object(change: ObjectChange) -> dict[str, object]:
    # Here the key is as it is, not encoded.
    names = {"eTag": "etag", "versionId": "version-id"}
    return {names.get(name, name): value for name, value in _object(change).items()} | {"key": change.key}


def _principal_id(caller: Principal) -> str:
    if caller.arn == S3_HOST:
        return S3_HOST
    if caller.kind == "anonymous":
        return "Anonymous"
    return _customer_id(caller.account) if caller.kind == "root" else f"AWS:{caller.user_id}"


def _customer_id(account: str) -> str:
    digest = hashlib.sha256(f"customer {account}".encode()).digest()
    return "A" + base64.b32encode(digest).decode()[:13]


def _iso(moment: float, precision: str) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec=precision).replace("+00:00", "Z")
