"""Listings of objects, of their versions, and of uploads under way: by key, in pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.paging import encode_marker
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.s3 import errors, repository, upload_repository
from lambent.cloud.services.s3.model.owners import canonical_id
from lambent.cloud.services.s3.model.records import Bucket, Entry, Upload
from lambent.cloud.services.s3.model.walking import Walked, first_behind, walk
from lambent.cloud.services.s3.operations.buckets import position_of
from lambent.cloud.services.s3.operations.common import Parts, encoded, owner_of, the_bucket
from lambent.cloud.services.s3.repository import KeyRange
from lambent.cloud.services.s3.upload_repository import UploadRange

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Asked:
    """What every listing is asked for."""

    bucket: Bucket
    prefix: str
    delimiter: str
    limit: int
    encoding: str | None

    def text(self, value: str | None) -> str | None:
        """Return a key, or part of one, as the answer has it."""
        return encoded(value, self.encoding)

    def prefixes(self, walked: Walked[Any]) -> list[dict[str, Any]]:  # Any: whatever is listed; members of the model
        """Return the common prefixes of a listing."""
        return [{"Prefix": self.text(prefix)} for prefix in walked.prefixes]

    def shown(self, limit_name: str) -> dict[str, Any]:  # Any: members of the model
        """Return what was asked, as every answer repeats it."""
        return {
            "Prefix": self.text(self.prefix),
            "Delimiter": self.text(self.delimiter) if self.delimiter else None,
            limit_name: self.limit,
            "EncodingType": self.encoding,
        }


class ListingOperations:
    """The operations that list."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @operation("ListObjects")
    async def list_objects(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of a bucket's objects, behind a key."""
        asked = self._asked(parameters, "MaxKeys")
        marker = parameters.get("Marker") or ""
        walked = self._walk(asked, first_behind(marker, asked.prefix, asked.delimiter))
        # Without a delimiter the last key is the next marker, and is not said again.
        next_marker = _last_key(walked) if walked.is_truncated and asked.delimiter else None
        return {
            "IsTruncated": walked.is_truncated,
            "Marker": asked.text(marker),
            "NextMarker": asked.text(next_marker),
            "Name": asked.bucket.name,
            **asked.shown("MaxKeys"),
            "Contents": [self._shown(asked, entry, with_owner=True) for entry in walked.items],
            "CommonPrefixes": asked.prefixes(walked),
        }

    @operation("ListObjectsV2")
    async def list_objects_v2(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of a bucket's objects, by a continuation token."""
        asked = self._asked(parameters, "MaxKeys")
        token, start = parameters.get("ContinuationToken"), parameters.get("StartAfter") or ""
        if token == "":
            raise errors.invalid_argument("The continuation token provided is incorrect", "continuation-token", "")
        position = start if token is None else first_behind(position_of(token), asked.prefix, asked.delimiter)
        walked = self._walk(asked, position)
        last = _last_key(walked)
        return {
            "IsTruncated": walked.is_truncated,
            "Name": asked.bucket.name,
            **asked.shown("MaxKeys"),
            "KeyCount": len(walked),
            "ContinuationToken": token,
            "NextContinuationToken": encode_marker(last) if walked.is_truncated and last is not None else None,
            "StartAfter": asked.text(start) if start else None,
            "Contents": [
                self._shown(asked, entry, with_owner=bool(parameters.get("FetchOwner"))) for entry in walked.items
            ],
            "CommonPrefixes": asked.prefixes(walked),
        }

    @operation("ListObjectVersions")
    async def list_versions(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of a bucket's versions and delete markers, the latest of each key first."""
        asked = self._asked(parameters, "MaxKeys")
        key_marker, version_marker = parameters.get("KeyMarker") or "", parameters.get("VersionIdMarker")
        if version_marker is not None and not key_marker:
            raise errors.invalid_argument(
                "A version-id marker cannot be specified without a key marker.", "version-id-marker", version_marker
            )
        walked = self._walk_versions(asked, key_marker, version_marker)
        last = walked.last if walked.is_truncated else None
        return {
            "IsTruncated": walked.is_truncated,
            "KeyMarker": asked.text(key_marker),
            "VersionIdMarker": version_marker or "",
            "NextKeyMarker": asked.text(_last_key(walked)) if last is not None else None,
            "NextVersionIdMarker": last.version_id if isinstance(last, Entry) else None,
            "Name": asked.bucket.name,
            **asked.shown("MaxKeys"),
            "Versions": [_shown_version(asked, entry) for entry in walked.items if not entry.is_marker],
            "DeleteMarkers": [_shown_marker(asked, entry) for entry in walked.items if entry.is_marker],
            "CommonPrefixes": asked.prefixes(walked),
        }

    @operation("ListMultipartUploads")
    async def list_uploads(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of the uploads that are under way."""
        asked = self._asked(parameters, "MaxUploads")
        key_marker, upload_marker = parameters.get("KeyMarker") or "", parameters.get("UploadIdMarker")
        walked = self._walk_uploads(asked, key_marker, upload_marker if key_marker else None)
        last = walked.last if walked.is_truncated else None
        return {
            "Bucket": asked.bucket.name,
            "IsTruncated": walked.is_truncated,
            "KeyMarker": asked.text(key_marker),
            "UploadIdMarker": upload_marker or "",
            "NextKeyMarker": asked.text(_last_key(walked)) if last is not None else None,
            "NextUploadIdMarker": last.upload_id if isinstance(last, Upload) else None,
            **asked.shown("MaxUploads"),
            "Uploads": [_shown_upload(asked, upload) for upload in walked.items],
            "CommonPrefixes": asked.prefixes(walked),
        }

    def _asked(self, parameters: Parameters, limit_name: str) -> Asked:
        limit = parameters.get(limit_name, _PAGE)
        if limit < 0:
            name = "max-uploads" if limit_name == "MaxUploads" else "max-keys"
            raise errors.invalid_argument(
                f"Argument {name} must be an integer between 0 and 2147483647", name, str(limit)
            )
        encoding = parameters.get("EncodingType")
        if encoding not in {None, "", "url"}:
            raise errors.invalid_argument("Invalid Encoding Method specified in Request", "encoding-type", encoding)
        return Asked(
            bucket=the_bucket(self._parts.store.read, parameters),
            prefix=parameters.get("Prefix") or "",
            delimiter=parameters.get("Delimiter") or "",
            limit=min(limit, _PAGE),
            encoding=encoding or None,
        )

    def _walk(self, asked: Asked, position: str) -> Walked[Entry]:
        def fetch(behind: str | None, count: int) -> Sequence[Entry]:
            begin = position if behind is None else behind
            keys = KeyRange(asked.bucket.id, asked.prefix, begin, includes_begin=False, limit=count)
            return repository.listed(self._parts.store.read, keys)

        return _walked(fetch, asked)

    def _walk_versions(self, asked: Asked, key_marker: str, version_marker: str | None) -> Walked[Entry]:
        reader, number = self._parts.store.read, None
        if version_marker is not None:
            found = repository.version(reader, asked.bucket.id, key_marker, version_marker)
            if found is None:
                raise errors.invalid_argument("Invalid version id specified", "version-id-marker", version_marker)
            number = found.entry.id
        position = first_behind(key_marker, asked.prefix, asked.delimiter)
        last: list[Entry] = []

        def fetch(behind: str | None, count: int) -> Sequence[Entry]:
            # Behind the versions that were fetched come older ones of the same key, unless that was skipped.
            is_same = bool(last) and last[-1].key == behind
            begin = position if behind is None else behind
            keys = KeyRange(asked.bucket.id, asked.prefix, begin, includes_begin=False, limit=count)
            older = last[-1].id if is_same else number if behind is None else None
            entries = repository.versions(reader, keys, older_than=older)
            last[:] = entries[-1:]
            return entries

        return _walked(fetch, asked)

    def _walk_uploads(self, asked: Asked, key_marker: str, upload_marker: str | None) -> Walked[Upload]:
        position = first_behind(key_marker, asked.prefix, asked.delimiter)
        last: list[Upload] = []

        def fetch(behind: str | None, count: int) -> Sequence[Upload]:
            is_same = bool(last) and last[-1].key == behind
            upload = last[-1].upload_id if is_same else upload_marker if behind is None else None
            begin = position if behind is None else behind
            found = upload_repository.uploads(
                self._parts.store.read, UploadRange(asked.bucket.id, asked.prefix, begin, upload, count)
            )
            last[:] = found[-1:]
            return found

        return _walked(fetch, asked)

    def _shown(self, asked: Asked, entry: Entry, *, with_owner: bool) -> dict[str, Any]:  # Any: members of the model
        shown: dict[str, Any] = {  # Any: as above
            "Key": asked.text(entry.key),
            "LastModified": entry.modified,
            "ETag": f'"{entry.etag}"',
            **_shown_checksum(entry),
            "Size": entry.size,
            "StorageClass": entry.storage_class,
        }
        if with_owner:
            shown["Owner"] = owner_of(asked.bucket)
        return shown


def _walked(fetch: Any, asked: Asked) -> Walked[Any]:  # Any: of whatever is listed
    if asked.limit == 0:
        return Walked()
    return walk(fetch, prefix=asked.prefix, delimiter=asked.delimiter, limit=asked.limit)


def _last_key(walked: Walked[Any]) -> str | None:  # Any: of whatever is listed
    last = walked.last
    if last is None or isinstance(last, str):
        return last
    return str(last.key)


def _shown_checksum(entry: Entry) -> dict[str, Any]:  # Any: members of the model
    return {"ChecksumAlgorithm": [entry.checksum_algorithm], "ChecksumType": entry.checksum_type}


def _shown_version(asked: Asked, entry: Entry) -> dict[str, Any]:  # Any: as above
    return {
        "ETag": f'"{entry.etag}"',
        **_shown_checksum(entry),
        "Size": entry.size,
        "StorageClass": entry.storage_class,
        **_shown_marker(asked, entry),
    }


def _shown_marker(asked: Asked, entry: Entry) -> dict[str, Any]:  # Any: as above
    return {
        "Key": asked.text(entry.key),
        "VersionId": entry.version_id,
        "IsLatest": entry.is_latest,
        "LastModified": entry.modified,
        "Owner": owner_of(asked.bucket),
    }


def _shown_upload(asked: Asked, upload: Upload) -> dict[str, Any]:  # Any: as above
    return {
        "UploadId": upload.upload_id,
        "Key": asked.text(upload.key),
        "Initiated": upload.initiated_ms // 1000,
        "StorageClass": upload.storage_class,
        "Owner": owner_of(asked.bucket),
        "Initiator": {"ID": canonical_id(asked.bucket.scope.account)},
        "ChecksumAlgorithm": upload.checksum_algorithm or None,
        "ChecksumType": upload.checksum_type if upload.checksum_algorithm else None,
    }
