"""Copies: of whole objects, and of objects or ranges of them as parts of an upload."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from urllib.parse import unquote

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.s3 import errors, repository
from lambent.cloud.services.s3.bodies import Stated, Stored
from lambent.cloud.services.s3.model.checksums import DEFAULT
from lambent.cloud.services.s3.model.conditions import check_copied
from lambent.cloud.services.s3.model.headers import SYSTEM
from lambent.cloud.services.s3.model.ranges import Span
from lambent.cloud.services.s3.model.records import About, Bucket, Version
from lambent.cloud.services.s3.operations.adding import add, draft_of
from lambent.cloud.services.s3.operations.common import Parts, shown_version, the_bucket, the_key, the_version
from lambent.cloud.services.s3.operations.intake import (
    LARGEST_PUT,
    about_of,
    check_customer_key,
    shown_checksums,
    shown_encryption,
    storage_class_of,
)
from lambent.cloud.services.s3.operations.multipart import MultipartOperations, part_number
from lambent.cloud.store.files import FileMissing

_SOURCE = "CopySource"


@dataclass(frozen=True, slots=True)
class Source:
    """What is copied, and whether its version was named."""

    bucket: Bucket
    version: Version
    is_named: bool


class CopyOperations:
    """The operations that copy."""

    def __init__(self, parts: Parts, multipart: MultipartOperations) -> None:
        self._parts = parts
        self._multipart = multipart

    @operation("CopyObject")
    async def copy(self, context: RequestContext, parameters: Parameters) -> Result:
        """Keep a copy of an object, with its metadata and tags or with others; raises as GetObject and PutObject do."""
        parts = self._parts
        bucket, key = the_bucket(parts.store.read, parameters), the_key(parameters)
        source = self._source(parameters)
        if source.version.entry.size > LARGEST_PUT:
            raise errors.invalid_request(
                f"The specified copy source is larger than the maximum allowable size for a copy source: {LARGEST_PUT}"
            )
        _check_changes_something(source, bucket, parameters)
        about = _about_of(self._parts, context, bucket, source.version, parameters)
        stored = await self._copied(source.version, parameters.get("ChecksumAlgorithm"))
        draft = draft_of(key, stored, about, storage_class_of(parameters))
        added = await add(parts, context, parameters, draft, "Copy")
        shown = added.shown()
        result = {
            "ETag": shown["ETag"],
            "LastModified": added.entry.modified,
            "ChecksumType": added.entry.checksum_type,
            **shown_checksums(added.draft.about.checksums),
        }
        return {
            "CopyObjectResult": result,
            "CopySourceVersionId": shown_version(source.bucket, source.version.entry),
            "VersionId": shown["VersionId"],
            "Expiration": parts.settings.expiration(parts.store.read, added.bucket, added.entry, about.tags),
            **about.encryption,
        }

    @operation("UploadPartCopy")
    async def copy_part(self, context: RequestContext, parameters: Parameters) -> Result:
        """Make an object, or a range of one, a part of an upload; raises NoSuchUpload, InvalidArgument."""
        _, upload = self._multipart.found(self._parts.store.read, parameters)
        number = part_number(parameters)
        source = self._source(parameters)
        span = _source_span(parameters.get("CopySourceRange"), source.version.entry.size)
        stated = Stated(LARGEST_PUT, computed=(upload.checksum_algorithm or DEFAULT,))
        stored = await self._parts.bodies.keep(self._bytes(source.version, span), stated, in_file=True)
        part = await self._multipart.add_part(context, parameters, stored, number)
        shown = part.checksums if upload.checksum_algorithm else {}
        result = {"ETag": f'"{part.etag}"', "LastModified": part.modified_ms // 1000, **shown_checksums(shown)}
        return {
            "CopyPartResult": result,
            "CopySourceVersionId": shown_version(source.bucket, source.version.entry),
            **shown_encryption(upload.about.encryption),
        }

    def _source(self, parameters: Parameters) -> Source:
        """Return what is to be copied, on the conditions that are stated."""
        name, key, version_id = copy_source(str(parameters[_SOURCE]))
        reader = self._parts.store.read
        owner = parameters.get("ExpectedSourceBucketOwner")
        bucket = the_bucket(reader, {"ExpectedBucketOwner": owner}, name=name)
        version = the_version(reader, bucket, key, version_id)
        check_copied(version.entry, parameters)
        check_customer_key(version.about, parameters, _SOURCE)
        return Source(bucket, version, version_id is not None)

    async def _copied(self, version: Version, algorithm: str | None) -> Stored:
        """Return a copy of an object's bytes: a second name for its file where nothing has to be computed anew."""
        entry, checksums = version.entry, version.about.checksums
        is_whole = not version.about.parts and (algorithm is None or algorithm in checksums)
        if is_whole and version.files:
            try:
                (file,) = await self._parts.bodies.share(version.files)
            except FileMissing:
                raise errors.no_such_key(entry.key) from None
            return Stored(entry.size, entry.etag, checksums, file=file)
        stated = Stated(LARGEST_PUT, computed=(algorithm or entry.checksum_algorithm,))
        if not version.files:
            small = repository.small_body(self._parts.store.read, entry.id)
            return await self._parts.bodies.keep(small, stated)
        return await self._parts.bodies.keep(self._bytes(version, Span(0, entry.size)), stated)

    def _bytes(self, version: Version, span: Span) -> AsyncIterator[bytes] | bytes:
        if version.files:
            return self._parts.bodies.read(version.files, span.first, span.count)
        small = repository.small_body(self._parts.store.read, version.entry.id)
        return small[span.first : span.first + span.count]


def copy_source(text: str) -> tuple[str, str, str | None]:
    """Return bucket, key and version id of an x-amz-copy-source; raises InvalidArgument.

    >>> copy_source("/b/a%20key?versionId=v")
    ('b', 'a key', 'v')
    """
    path, _, query = text.partition("?versionId=")
    bucket, _, key = unquote(path).removeprefix("/").partition("/")
    if not bucket or not key:
        raise errors.invalid_argument("Invalid copy source object key", "x-amz-copy-source", text)
    return bucket, key, query or None


def _source_span(asked: str | None, size: int) -> Span:
    if asked is None:
        return Span(0, size)
    first, separator, last = asked.removeprefix("bytes=").partition("-")
    if not (asked.startswith("bytes=") and separator and first.isdecimal() and last.isdecimal()):
        raise errors.invalid_argument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the"
            " zero-based offsets of the first and last bytes to copy",
            "x-amz-copy-source-range",
            asked,
        )
    if int(last) < int(first) or int(last) >= size:
        raise errors.invalid_argument(
            f"Range specified is not valid for source object of size: {size}", "x-amz-copy-source-range", asked
        )
    return Span(int(first), int(last) - int(first) + 1)


def _check_changes_something(source: Source, bucket: Bucket, parameters: Parameters) -> None:
    is_itself = source.bucket.id == bucket.id and source.version.entry.key == parameters["Key"]
    changes = (
        parameters.get("MetadataDirective") == "REPLACE"
        or parameters.get("TaggingDirective") == "REPLACE"
        or source.is_named
        or any(
            parameters.get(name) is not None
            for name in (
                "StorageClass",
                "WebsiteRedirectLocation",
                "ServerSideEncryption",
                "SSECustomerAlgorithm",
                "ChecksumAlgorithm",
            )
        )
    )
    if is_itself and not changes:
        raise errors.invalid_request(
            "This copy request is illegal because it is trying to copy an object to itself without changing the"
            " object's metadata, storage class, website redirect location or encryption attributes."
        )


def _about_of(parts: Parts, context: RequestContext, bucket: Bucket, source: Version, parameters: Parameters) -> About:
    """Return what is kept with a copy: the source's metadata and tags, or what the request has in place of them."""
    stated = about_of(parts, context, bucket, parameters)
    if parameters.get("MetadataDirective") != "REPLACE":
        headers = {name: source.about.headers[name] for name in SYSTEM if name in source.about.headers}
        headers.pop("WebsiteRedirectLocation", None)
        if parameters.get("WebsiteRedirectLocation"):
            headers["WebsiteRedirectLocation"] = parameters["WebsiteRedirectLocation"]
        stated = replace(stated, headers=headers, metadata=source.about.metadata)
    if parameters.get("TaggingDirective") != "REPLACE":
        stated = replace(stated, tags=source.about.tags)
    return stated
