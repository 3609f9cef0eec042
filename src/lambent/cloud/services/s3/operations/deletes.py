"""Removing objects and versions, one or up to a thousand at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.s3 import errors, repository
from lambent.cloud.services.s3.access import Wanted, raise_unless_allowed
from lambent.cloud.services.s3.model.conditions import check_deleted
from lambent.cloud.services.s3.model.records import NULL_VERSION, Bucket, Version
from lambent.cloud.services.s3.operations.common import (
    Parts,
    change_of,
    new_version_id,
    now_ms,
    the_bucket,
    the_key,
)
from lambent.cloud.store.unit_of_work import Transaction

_MOST = 1000


@dataclass(frozen=True, slots=True)
class Removed:
    """What a removal did: the marker it made, or the version it removed and whether that was a marker."""

    version_id: str | None
    is_marker: bool
    made_marker: bool = False


class DeleteOperations:
    """The operations that remove objects."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @operation("DeleteObject")
    async def delete(self, context: RequestContext, parameters: Parameters) -> Result:
        """Remove an object: by a delete marker, a version of it, or it altogether."""
        the_key(parameters)

        def delete(transaction: Transaction) -> Removed:
            return self.remove(transaction, context, the_bucket(transaction, parameters), parameters)

        removed = await self._parts.store.write(delete)
        return {"VersionId": removed.version_id, "DeleteMarker": True if removed.is_marker else None}

    @operation("DeleteObjects")
    async def delete_many(self, context: RequestContext, parameters: Parameters) -> Result:
        """Remove up to a thousand objects; each is told of by itself, what failed too."""
        asked = parameters["Delete"]
        objects = asked.get("Objects") or []
        if not 1 <= len(objects) <= _MOST:
            raise errors.malformed_xml()
        bypass = {"BypassGovernanceRetention": parameters.get("BypassGovernanceRetention")}

        def delete(transaction: Transaction) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:  # Any: members
            bucket = the_bucket(transaction, parameters)
            deleted, failed = [], []
            for each in objects:
                wanted = {"Key": each["Key"], "VersionId": each.get("VersionId"), "IfMatch": each.get("ETag"), **bypass}
                action = "s3:DeleteObject" if each.get("VersionId") is None else "s3:DeleteObjectVersion"
                try:
                    raise_unless_allowed(transaction, context, Wanted(bucket, action, each["Key"]))
                    removed = self.remove(transaction, context, bucket, wanted)
                except ServiceError as error:
                    failed.append(_failure(each, error))
                else:
                    deleted.append(_shown(each, removed))
            return deleted, failed

        deleted, failed = await self._parts.store.write(delete)
        return {"Deleted": [] if asked.get("Quiet") else deleted, "Errors": failed}

    def remove(self, transaction: Transaction, context: RequestContext, bucket: Bucket, wanted: Parameters) -> Removed:
        """Remove what `wanted` (members of DeleteObject) means, and tell of it; raises before it changes anything."""
        key, version_id = str(wanted["Key"]), wanted.get("VersionId")
        if wanted.get("IfMatch") is not None:
            present = repository.latest(transaction, bucket.id, key)
            check_deleted(None if present is None else present.entry, wanted)
        if version_id is None and bucket.versioning:
            return self._mark(transaction, context, bucket, key)
        version = repository.version(transaction, bucket.id, key, version_id or NULL_VERSION)
        if version is None:
            if version_id not in {None, NULL_VERSION} and not (len(version_id) == 32 and version_id.isalnum()):
                raise errors.invalid_argument("Invalid version id specified", "versionId", version_id)
            return Removed(version_id, is_marker=False)
        bypasses = bool(wanted.get("BypassGovernanceRetention"))
        if version.about.retention.forbids_removal(context.now, bypasses_governance=bypasses):
            raise errors.access_denied("Access Denied because object protected by object lock.")
        return self._remove_version(transaction, context, bucket, version, named=version_id is not None)

    def _mark(self, transaction: Transaction, context: RequestContext, bucket: Bucket, key: str) -> Removed:
        version_id = new_version_id(self._parts, bucket)
        marker = repository.add_marker(transaction, bucket, key, version_id, now_ms(context))
        event = "ObjectRemoved:DeleteMarkerCreated"
        self._parts.changes(transaction, change_of(context, bucket, key, number=marker.id, event=event, entry=marker))
        return Removed(version_id, is_marker=True, made_marker=True)

    def _remove_version(
        self, transaction: Transaction, context: RequestContext, bucket: Bucket, version: Version, *, named: bool
    ) -> Removed:
        number = repository.remove_version(transaction, version)
        entry = version.entry
        self._parts.changes(
            transaction,
            change_of(context, bucket, entry.key, number=number, event="ObjectRemoved:Delete", entry=entry),
        )
        return Removed(entry.version_id if named else None, is_marker=entry.is_marker)


def _shown(asked: Parameters, removed: Removed) -> dict[str, Any]:  # Any: members of the model
    shown: dict[str, Any] = {"Key": asked["Key"]}  # Any: as above
    if asked.get("VersionId") is not None:
        shown["VersionId"] = asked["VersionId"]
    if removed.is_marker:
        shown |= {"DeleteMarker": True, "DeleteMarkerVersionId": removed.version_id}
    return shown


def _failure(asked: Parameters, error: ServiceError) -> dict[str, Any]:  # Any: members of the model
    return {
        "Key": asked["Key"],
        "VersionId": asked.get("VersionId"),
        "Code": error.code,
        "Message": error.message,
    }
