"""What changes of a version after it was made: its tags, its retention, its legal hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.s3 import errors, repository
from lambent.cloud.services.s3.configurations import acl
from lambent.cloud.services.s3.model.owners import canonical_id
from lambent.cloud.services.s3.model.records import About, Bucket, Retention, Version
from lambent.cloud.services.s3.model.tagging import checked_tags
from lambent.cloud.services.s3.operations.common import (
    Parts,
    change_of,
    shown_version,
    the_bucket,
    the_key,
    the_version,
)
from lambent.cloud.store.unit_of_work import Reader, Transaction


class VersionOperations:
    """The operations on tags and on Object Lock's protection of single versions."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @operation("PutObjectTagging")
    async def put_tags(self, context: RequestContext, parameters: Parameters) -> Result:
        """Give a version tags in place of those it has; raises InvalidTag."""
        pairs = [(tag["Key"], tag["Value"]) for tag in parameters["Tagging"].get("TagSet") or []]
        tags = checked_tags(pairs)
        return await self._change(
            context, parameters, lambda about: replace(about, tags=tags), event="ObjectTagging:Put"
        )

    @operation("GetObjectTagging")
    async def get_tags(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a version's tags."""
        bucket, version = _found(self._parts.store.read, parameters)
        tags = [{"Key": key, "Value": value} for key, value in version.about.tags.items()]
        return {"VersionId": shown_version(bucket, version.entry), "TagSet": tags}

    @operation("DeleteObjectTagging")
    async def delete_tags(self, context: RequestContext, parameters: Parameters) -> Result:
        """Take a version's tags away."""
        return await self._change(
            context, parameters, lambda about: replace(about, tags={}), event="ObjectTagging:Delete"
        )

    @operation("PutObjectAcl")
    async def put_acl(self, context: RequestContext, parameters: Parameters) -> Result:
        """Give a version an access control list; raises as `acl.asked`."""
        bucket = the_bucket(self._parts.store.read, parameters)
        grants = acl.kept(acl.asked(parameters, canonical_id(bucket.scope.account)))
        await self._change(context, parameters, lambda about: replace(about, acl=grants), event="ObjectAcl:Put")
        return {}

    @operation("GetObjectAcl")
    async def get_acl(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a version's owner and grants."""
        bucket, version = _found(self._parts.store.read, parameters)
        owner = canonical_id(bucket.scope.account)
        return {"Owner": {"ID": owner}, "Grants": acl.of_object(version.about.acl, owner)}

    @operation("PutObjectRetention")
    async def put_retention(self, context: RequestContext, parameters: Parameters) -> Result:
        """Retain a version, longer or shorter than before as far as its mode allows; raises AccessDenied."""
        asked = parameters.get("Retention") or {}
        mode, until = asked.get("Mode"), asked.get("RetainUntilDate")
        if (mode is None) != (until is None):
            raise errors.malformed_xml()
        if until is not None and until <= context.now:
            raise errors.invalid_argument("The retain until date must be in the future!")
        bypasses = bool(parameters.get("BypassGovernanceRetention"))

        def change(about: About) -> About:
            present = about.retention
            if _weakens(present, mode, until, context.now) and (present.mode == "COMPLIANCE" or not bypasses):
                raise errors.access_denied("Access Denied because object protected by object lock.")
            return replace(about, retention=Retention(mode, until, present.is_held))

        await self._change(context, parameters, change, is_lock=True)
        return {}

    @operation("GetObjectRetention")
    async def get_retention(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return by what a version is retained; raises NoSuchObjectLockConfiguration."""
        retention = self._lock(parameters)
        if retention.mode is None:
            raise errors.no_object_lock()
        return {"Retention": {"Mode": retention.mode, "RetainUntilDate": retention.until}}

    @operation("PutObjectLegalHold")
    async def put_hold(self, context: RequestContext, parameters: Parameters) -> Result:
        """Hold a version, or let it go."""
        status = (parameters.get("LegalHold") or {}).get("Status")
        if status not in {"ON", "OFF"}:
            raise errors.malformed_xml()
        is_held = status == "ON"
        await self._change(
            context,
            parameters,
            lambda about: replace(about, retention=replace(about.retention, is_held=is_held)),
            is_lock=True,
        )
        return {}

    @operation("GetObjectLegalHold")
    async def get_hold(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return whether a version is held; raises NoSuchObjectLockConfiguration."""
        retention = self._lock(parameters)
        if retention.is_held is None:
            raise errors.no_object_lock()
        return {"LegalHold": {"Status": "ON" if retention.is_held else "OFF"}}

    def _lock(self, parameters: Parameters) -> Retention:
        bucket, version = _found(self._parts.store.read, parameters)
        if not bucket.is_locked:
            raise errors.invalid_request("Bucket is missing Object Lock Configuration")
        return version.about.retention

    async def _change(
        self,
        context: RequestContext,
        parameters: Parameters,
        change: Callable[[About], About],
        *,
        event: str | None = None,
        is_lock: bool = False,
    ) -> Result:
        def write(transaction: Transaction) -> str | None:
            bucket, version = _found(transaction, parameters)
            if is_lock and not bucket.is_locked:
                raise errors.invalid_request("Bucket is missing Object Lock Configuration")
            entry = version.entry
            repository.change_about(transaction, entry.id, change(version.about))
            if event is not None:
                number = repository.next_number(transaction)
                self._parts.changes(
                    transaction, change_of(context, bucket, entry.key, number=number, event=event, entry=entry)
                )
            return shown_version(bucket, entry)

        return {"VersionId": await self._parts.store.write(write)}


def _found(reader: Reader, parameters: Parameters) -> tuple[Bucket, Version]:
    bucket, key = the_bucket(reader, parameters), the_key(parameters)
    return bucket, the_version(reader, bucket, key, parameters.get("VersionId"))


def _weakens(present: Retention, mode: str | None, until: float | None, now: float) -> bool:
    """Whether a new retention says less than the one that still holds."""
    if present.mode is None or present.until is None or present.until <= now:
        return False
    return (
        mode is None
        or until is None
        or until < present.until
        or (present.mode == "COMPLIANCE" and mode != present.mode)
    )
