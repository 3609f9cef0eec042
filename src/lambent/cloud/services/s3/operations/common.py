"""What the operations share: the parts they work with, the bucket and the object that are meant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from lambent.base.identifiers import IdSource
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters
from lambent.cloud.protocol.message import MORE_HEADERS
from lambent.cloud.protocol.scalars import http_date
from lambent.cloud.services.s3 import errors, repository
from lambent.cloud.services.s3.bodies import Bodies
from lambent.cloud.services.s3.changes import Changes, ObjectChange, Settings
from lambent.cloud.services.s3.model.names import is_key
from lambent.cloud.services.s3.model.owners import canonical_id
from lambent.cloud.services.s3.model.records import NULL_VERSION, Bucket, Entry, Version
from lambent.cloud.store.unit_of_work import Reader, Store


@dataclass(frozen=True, slots=True)
class Parts:
    """What every group of operations works with."""

    store: Store
    bodies: Bodies
    ids: IdSource
    settings: Settings
    changes: Changes


def the_bucket(reader: Reader, parameters: Parameters, *, name: str | None = None, owner: str | None = None) -> Bucket:
    """Return the bucket that a request names; raises NoSuchBucket, or AccessDenied where another owner is expected."""
    name = parameters["Bucket"] if name is None else name
    owner = parameters.get("ExpectedBucketOwner") if owner is None else owner
    found = repository.bucket(reader, name)
    if found is None:
        raise errors.no_such_bucket(name)
    if owner is not None and owner != found.scope.account:
        raise errors.access_denied()
    return found


def the_key(parameters: Parameters) -> str:
    """Return the key that a request names; raises KeyTooLongError."""
    key = str(parameters["Key"])
    if not is_key(key):
        raise errors.key_too_long(key)
    return key


def the_version(reader: Reader, bucket: Bucket, key: str, version_id: str | None, *, method: str = "GET") -> Version:
    """Return the version that is meant, the latest where none is named.

    Raises NoSuchKey, NoSuchVersion, InvalidArgument for what cannot be a version id, and MethodNotAllowed for a delete
    marker that is named.
    """
    if version_id is None:
        found = repository.latest(reader, bucket.id, key)
        if found is None or found.entry.is_marker:
            raise _gone(found, key)
        return found
    found = repository.version(reader, bucket.id, key, version_id)
    if found is None:
        if not _may_be_version(version_id):
            raise errors.invalid_argument("Invalid version id specified", "versionId", version_id)
        raise errors.no_such_version(key, version_id)
    if found.entry.is_marker:
        error = errors.is_marker(method=method)
        headers = [
            *_marker_headers(found.entry),
            ("Allow", "DELETE"),
            ("Last-Modified", http_date(found.entry.modified)),
        ]
        error.members = {**error.members, MORE_HEADERS: headers}
        raise error
    return found


def shown_version(bucket: Bucket, entry: Entry) -> str | None:
    """Return a version's id as answers have it: not at all in a bucket that has never kept versions."""
    return entry.version_id if bucket.versioning else None


def new_version_id(parts: Parts, bucket: Bucket) -> str:
    """Return the id of a version that is made now."""
    return parts.ids.base32(32) if bucket.versioning == "Enabled" else NULL_VERSION


def change_of(  # noqa: PLR0913 - what a change says has no fewer parts
    context: RequestContext, bucket: Bucket, key: str, *, number: int, event: str, entry: Entry | None, size: int = 0
) -> ObjectChange:
    """Return what is told of a change of a key."""
    return ObjectChange(
        scope=bucket.scope,
        bucket=bucket,
        key=key,
        size=entry.size if entry else size,
        etag=entry.etag if entry else "",
        version_id=shown_version(bucket, entry) if entry else None,
        sequencer=f"{number:018X}",
        event=event,
        at=context.now,
        caller=context.caller,
        peer=context.peer,
        request_id=context.request_id,
        trace=context.headers.get("x-amzn-trace-id"),
    )


def now_ms(context: RequestContext) -> int:
    """Return the moment of a request in milliseconds."""
    return int(context.now * 1000)


def encoded(text: str | None, encoding: str | None) -> str | None:
    """Return a key as a listing has it that may ask for URL encoding.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html#API_ListObjectsV2_RequestSyntax
    """
    return quote_key(text) if text is not None and encoding == "url" else text


def quote_key(key: str) -> str:
    """Return a key percent-encoded as S3 does it in listings."""
    return quote(key, safe="/*-._~").replace("%20", "+")


def owner_of(bucket: Bucket) -> Mapping[str, Any]:  # Any: Owner's members
    """Return the owner of a bucket and all in it, by the canonical id that stands for the account."""
    return {"ID": canonical_id(bucket.scope.account)}


def _gone(found: Version | None, key: str) -> Exception:
    error = errors.no_such_key(key)
    if found is not None:
        error.members = {**error.members, MORE_HEADERS: _marker_headers(found.entry)}
    return error


def _marker_headers(entry: Entry) -> list[tuple[str, str]]:
    return [("x-amz-delete-marker", "true"), ("x-amz-version-id", entry.version_id)]


def _may_be_version(version_id: str) -> bool:
    return version_id == NULL_VERSION or (len(version_id) == 32 and version_id.isalnum())
