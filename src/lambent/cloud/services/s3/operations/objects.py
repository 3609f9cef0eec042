"""Objects: put, read, and what is told of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.protocol.message import MORE_HEADERS
from lambent.cloud.protocol.scalars import http_date
from lambent.cloud.services.s3 import errors, repository
from lambent.cloud.services.s3.model.checksums import ALGORITHMS
from lambent.cloud.services.s3.model.conditions import check_read, check_written
from lambent.cloud.services.s3.model.ranges import Span, part_span, span_of
from lambent.cloud.services.s3.model.records import STANDARD, Bucket, Version
from lambent.cloud.services.s3.operations.adding import Added, add, draft_of
from lambent.cloud.services.s3.operations.common import Parts, shown_version, the_bucket, the_key, the_version
from lambent.cloud.services.s3.operations.intake import (
    about_of,
    check_customer_key,
    shown_checksums,
    shown_encryption,
    stated_of,
    storage_class_of,
)

_OVERRIDES = ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType", "Expires")


class ObjectOperations:
    """The operations that put and read objects."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @operation("PutObject")
    async def put(self, context: RequestContext, parameters: Parameters) -> Result:
        """Keep an object; raises NoSuchBucket, PreconditionFailed, BadDigest."""
        added = await self.keep(context, parameters, "Put")
        about = added.draft.about
        expiration = self._parts.settings.expiration(self._parts.store.read, added.bucket, added.entry, about.tags)
        return {**added.shown(), "Expiration": expiration}

    async def keep(self, context: RequestContext, parameters: Parameters, event: str) -> Added:
        """Keep an object that arrives by `event`, with the members of PutObject; raises as that does."""
        parts = self._parts
        bucket, key = the_bucket(parts.store.read, parameters), the_key(parameters)
        if parameters.get("WriteOffsetBytes") is not None:
            raise errors.not_implemented("A header you provided implies functionality that is not implemented")
        if parameters.get("IfMatch") is not None or parameters.get("IfNoneMatch") is not None:
            present = repository.latest(parts.store.read, bucket.id, key)
            check_written(None if present is None else present.entry, parameters)
        about, storage_class = about_of(parts, context, bucket, parameters), storage_class_of(parameters)
        stored = await parts.bodies.keep(parameters.get("Body", b""), stated_of(context, parameters))
        return await add(parts, context, parameters, draft_of(key, stored, about, storage_class), event)

    @operation("GetObject")
    async def get(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return an object, or some of its bytes; raises NoSuchKey, InvalidRange, PreconditionFailed, 304."""
        bucket, version = self._found(context, parameters, method="GET")
        span = self._span(version, parameters)
        shown = self._shown(bucket, version, parameters, span)
        for name in _OVERRIDES:
            value = parameters.get(f"Response{name}")
            if value is not None:
                shown[name] = value
        return {**shown, "Body": self._body(version, span)}

    @operation("HeadObject")
    async def head(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return what GetObject says of an object beside its bytes."""
        bucket, version = self._found(context, parameters, method="HEAD")
        span = self._span(version, parameters)
        return self._shown(bucket, version, parameters, span)

    @operation("GetObjectAttributes")
    async def attributes(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return those attributes of an object that are asked for."""
        bucket, version = self._found(context, parameters, method="GET")
        entry, about = version.entry, version.about
        wanted = _wanted(parameters["ObjectAttributes"])
        # Any: members of the model
        found: dict[str, Any] = {"LastModified": entry.modified, "VersionId": shown_version(bucket, entry)}
        if "ETag" in wanted:
            found["ETag"] = entry.etag
        if "Checksum" in wanted:
            found["Checksum"] = {**shown_checksums(about.checksums), "ChecksumType": entry.checksum_type}
        if "StorageClass" in wanted:
            found["StorageClass"] = entry.storage_class
        if "ObjectSize" in wanted:
            found["ObjectSize"] = entry.size
        if "ObjectParts" in wanted and about.parts:
            found["ObjectParts"] = _part_list(version, parameters)
        return found

    @operation("SelectObjectContent")
    async def select(self, context: RequestContext, parameters: Parameters) -> Result:
        """Refuse: S3 Select is closed to new customers."""
        raise errors.method_not_allowed()

    @operation("RestoreObject")
    async def restore(self, context: RequestContext, parameters: Parameters) -> Result:
        """Refuse what is in no archive: every object here can be read at once."""
        self._found(context, parameters, method="POST")
        message = "Restore is not allowed for the object's current storage class"
        raise errors.invalid_object_state(message)

    def _found(self, context: RequestContext, parameters: Parameters, *, method: str) -> tuple[Bucket, Version]:
        reader = self._parts.store.read
        bucket, key = the_bucket(reader, parameters), the_key(parameters)
        version = the_version(reader, bucket, key, parameters.get("VersionId"), method=method)
        try:
            check_read(version.entry, parameters)
        except ServiceError as error:
            if error.status == 304:
                headers = [("ETag", version.quoted_etag), ("Last-Modified", http_date(version.entry.modified))]
                error.members = {**error.members, MORE_HEADERS: headers}
            raise
        check_customer_key(version.about, parameters)
        return bucket, version

    def _span(self, version: Version, parameters: Parameters) -> Span | None:
        size, number = version.entry.size, parameters.get("PartNumber")
        if number is None:
            return span_of(parameters.get("Range"), size)
        if parameters.get("Range") is not None:
            raise errors.invalid_request("Cannot specify both Range header and partNumber query parameter")
        sizes = [part.size for part in version.about.parts] or [size]
        return part_span(number, sizes) if size else None

    def _shown(
        self, bucket: Bucket, version: Version, parameters: Parameters, span: Span | None
    ) -> dict[str, Any]:  # Any: members of the model
        entry, about = version.entry, version.about
        shown: dict[str, Any] = {  # Any: as above
            "AcceptRanges": "bytes",
            "LastModified": entry.modified,
            "ContentLength": entry.size if span is None else span.count,
            "ETag": version.quoted_etag,
            "VersionId": shown_version(bucket, entry),
            "Metadata": about.metadata,
            **about.headers,
            **shown_encryption(about.encryption),
        }
        if span is not None:
            shown["ContentRange"] = span.content_range(entry.size)
        if parameters.get("PartNumber") is not None and about.parts:
            shown["PartsCount"] = len(about.parts)
        if entry.storage_class != STANDARD:
            shown["StorageClass"] = entry.storage_class
        if about.tags:
            shown["TagCount"] = len(about.tags)
        if parameters.get("ChecksumMode") == "ENABLED" and (span is None or span.count == entry.size):
            shown |= {**shown_checksums(about.checksums), "ChecksumType": entry.checksum_type}
        shown |= _shown_retention(version)
        shown["Expiration"] = self._parts.settings.expiration(self._parts.store.read, bucket, entry, about.tags)
        return shown

    def _body(self, version: Version, span: Span | None) -> bytes | AsyncIterator[bytes]:
        first, count = (0, version.entry.size) if span is None else (span.first, span.count)
        if version.files:
            return self._parts.bodies.read(version.files, first, count)
        if not version.entry.size:
            return b""
        return repository.small_body(self._parts.store.read, version.entry.id)[first : first + count]


def _shown_retention(version: Version) -> dict[str, Any]:  # Any: members of the model
    retention = version.about.retention
    shown: dict[str, Any] = {}  # Any: as above
    if retention.mode is not None:
        shown = {"ObjectLockMode": retention.mode, "ObjectLockRetainUntilDate": retention.until}
    if retention.is_held is not None:
        shown["ObjectLockLegalHoldStatus"] = "ON" if retention.is_held else "OFF"
    return shown


def _wanted(asked: list[str]) -> set[str]:
    wanted = {name.strip() for each in asked for name in each.split(",")}
    known = {"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"}
    if not wanted or not wanted <= known:
        raise errors.invalid_argument("Invalid attribute name specified.")
    return wanted


def _part_list(version: Version, parameters: Parameters) -> dict[str, Any]:  # Any: members of the model
    parts, composite = version.about.parts, version.entry.checksum_type == "COMPOSITE"
    after, most = int(parameters.get("PartNumberMarker") or 0), min(parameters.get("MaxParts", 1000), 1000)
    listed = parts[after : after + most]
    found: dict[str, Any] = {"TotalPartsCount": len(parts)}  # Any: as above
    if composite:
        found |= {
            "PartNumberMarker": after,
            "NextPartNumberMarker": after + len(listed),
            "MaxParts": most,
            "IsTruncated": after + len(listed) < len(parts),
            "Parts": [
                {
                    "PartNumber": after + place,
                    "Size": part.size,
                    **{ALGORITHMS[name].member: value for name, value in part.checksums.items()},
                }
                for place, part in enumerate(listed, 1)
            ],
        }
    return found
