"""The one way in which a version of an object is made: by a put, a copy, a completed upload, a form."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters
from lambent.cloud.services.s3 import repository
from lambent.cloud.services.s3.bodies import Stored
from lambent.cloud.services.s3.model.conditions import check_written
from lambent.cloud.services.s3.model.records import About, Bucket, Draft, Entry
from lambent.cloud.services.s3.operations.common import (
    Parts,
    change_of,
    new_version_id,
    now_ms,
    shown_version,
    the_bucket,
)
from lambent.cloud.services.s3.operations.intake import shown_checksums
from lambent.cloud.store.unit_of_work import Transaction


@dataclass(frozen=True, slots=True)
class Added:
    """A version that was made, and of which bucket."""

    bucket: Bucket
    entry: Entry
    draft: Draft

    def shown(self) -> dict[str, Any]:  # Any: members of the model
        """Return what every answer says of it that tells of a new object."""
        return {
            "ETag": f'"{self.entry.etag}"',
            "VersionId": shown_version(self.bucket, self.entry),
            "ChecksumType": self.entry.checksum_type,
            **shown_checksums(self.draft.about.checksums),
            **self.draft.about.encryption,
        }


def draft_of(key: str, stored: Stored, about: About, storage_class: str) -> Draft:
    """Return the version that a body by itself makes."""
    algorithm = next(iter(stored.checksums))
    return Draft(
        key=key,
        size=stored.size,
        etag=stored.md5,
        storage_class=storage_class,
        checksum_algorithm=algorithm,
        checksum_type="FULL_OBJECT",
        about=replace(about, checksums={algorithm: stored.checksums[algorithm]}),
        files=stored.files,
        small=stored.small,
    )


async def add(parts: Parts, context: RequestContext, parameters: Parameters, draft: Draft, event: str) -> Added:
    """Make a version in the bucket that `parameters` name, on the conditions they state, and tell of it.

    Raises ServiceError, having changed nothing and removed the draft's files.
    """

    def write(transaction: Transaction) -> Added:
        return add_in(transaction, parts, context, parameters, draft, event)

    try:
        return await parts.store.write(write)
    except ServiceError:
        # The unit was undone for certain: no row names the files.
        await parts.bodies.remove([file.name for file in draft.files])
        raise


def add_in(  # noqa: PLR0913, PLR0917 - all of it is what makes a version
    transaction: Transaction, parts: Parts, context: RequestContext, parameters: Parameters, draft: Draft, event: str
) -> Added:
    """Make a version in a unit of work under way; as `add`."""
    bucket = the_bucket(transaction, parameters)
    if parameters.get("IfMatch") is not None or parameters.get("IfNoneMatch") is not None:
        present = repository.latest(transaction, bucket.id, draft.key)
        check_written(None if present is None else present.entry, parameters)
    version_id = new_version_id(parts, bucket)
    entry = repository.add_version(transaction, bucket, draft, version_id, now_ms(context))
    parts.changes(
        transaction, change_of(context, bucket, draft.key, number=entry.id, event=f"ObjectCreated:{event}", entry=entry)
    )
    return Added(bucket, entry, draft)
