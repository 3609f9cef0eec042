"""Buckets: their life, where they are, and whether they keep versions."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.paging import InvalidMarkerError, decode_marker, page_read
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.s3 import errors, repository, upload_repository
from lambent.cloud.services.s3.model.names import is_bucket_name
from lambent.cloud.services.s3.model.owners import canonical_id
from lambent.cloud.services.s3.model.records import Bucket
from lambent.cloud.services.s3.operations.common import Parts, now_ms, the_bucket
from lambent.cloud.services.s3.repository import BucketRange
from lambent.cloud.store.scope import DEFAULT_REGION
from lambent.cloud.store.unit_of_work import Transaction

_REGION = re.compile(r"(af|ap|ca|cn|eu|il|me|mx|sa|us|us-gov)-[a-z]+-\d")
_MOST = 10_000


class BucketOperations:
    """The operations on buckets themselves."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @operation("CreateBucket")
    async def create(self, context: RequestContext, parameters: Parameters) -> Result:
        """Make a bucket; raises BucketAlreadyExists, BucketAlreadyOwnedByYou, InvalidBucketName."""
        name = parameters["Bucket"]
        if not is_bucket_name(name):
            raise errors.invalid_bucket_name(name)
        region = _region_of(context, parameters.get("CreateBucketConfiguration") or {})
        is_locked = bool(parameters.get("ObjectLockEnabledForBucket"))
        wanted = Bucket(
            id=0,
            scope=replace(context.scope, region=region),
            name=name,
            created_ms=now_ms(context),
            versioning="Enabled" if is_locked else "",
            is_locked=is_locked,
        )

        def create(transaction: Transaction) -> None:
            present = repository.bucket(transaction, name)
            if present is None:
                made = repository.add_bucket(transaction, wanted)
                self._parts.settings.bucket_made(transaction, context, made, parameters)
            elif present.scope.account != context.scope.account:
                raise errors.bucket_exists(name)
            elif present.scope.region != DEFAULT_REGION or region != DEFAULT_REGION:
                # In us-east-1 alone a second CreateBucket of one's own succeeds:
                # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html#API_CreateBucket_Errors
                raise errors.bucket_owned(name)

        await self._parts.store.write(create)
        return {"Location": f"/{name}", "BucketArn": wanted.arn}

    @operation("DeleteBucket")
    async def delete(self, context: RequestContext, parameters: Parameters) -> Result:
        """Remove an empty bucket, with its uploads and configurations; raises BucketNotEmpty."""

        def delete(transaction: Transaction) -> None:
            bucket = the_bucket(transaction, parameters)
            if repository.has_versions(transaction, bucket.id):
                kept = bucket.versioning != ""
                raise (errors.bucket_not_empty_of_versions if kept else errors.bucket_not_empty)(bucket.name)
            upload_repository.remove_uploads(transaction, bucket.id)
            self._parts.settings.bucket_removed(transaction, bucket)
            repository.remove_bucket(transaction, bucket.id)

        await self._parts.store.write(delete)
        return {}

    @operation("HeadBucket")
    async def head(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return whether there is a bucket, and where."""
        bucket = the_bucket(self._parts.store.read, parameters)
        return {"BucketRegion": bucket.scope.region, "AccessPointAlias": False, "BucketArn": bucket.arn}

    @operation("GetBucketLocation")
    async def location(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a bucket's region, which us-east-1 says by saying nothing."""
        region = the_bucket(self._parts.store.read, parameters).scope.region
        return {"LocationConstraint": "" if region == DEFAULT_REGION else region}

    @operation("ListBuckets")
    async def list_all(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of the account's buckets, by name."""
        limit, token = parameters.get("MaxBuckets", _MOST), parameters.get("ContinuationToken")
        if not 1 <= limit <= _MOST:
            raise errors.invalid_argument(
                "Argument max-buckets must be an integer between 1 and 10000", "max-buckets", str(limit)
            )
        found = page_read(
            repository.buckets(
                self._parts.store.read,
                BucketRange(
                    account=context.scope.account,
                    prefix=parameters.get("Prefix") or "",
                    after=position_of(token) if token else "",
                    region=parameters.get("BucketRegion"),
                    limit=limit + 1,
                ),
            ),
            lambda bucket: bucket.name,
            limit=limit,
        )
        is_paged = any(name in parameters for name in ("MaxBuckets", "ContinuationToken", "Prefix", "BucketRegion"))
        return {
            "Buckets": [_shown(bucket, is_paged=is_paged) for bucket in found.items],
            "Owner": {"ID": canonical_id(context.scope.account)},
            "ContinuationToken": found.next_marker,
            "Prefix": parameters.get("Prefix"),
        }

    @operation("PutBucketVersioning")
    async def put_versioning(self, context: RequestContext, parameters: Parameters) -> Result:
        """Have a bucket keep versions, or keep no more of them; raises InvalidBucketState."""
        asked = parameters["VersioningConfiguration"]
        status = asked.get("Status")
        if status not in {"Enabled", "Suspended"}:
            raise errors.illegal_versioning()
        if asked.get("MFADelete") == "Enabled":
            raise errors.not_implemented("MFA delete is not available here.")

        def change(transaction: Transaction) -> None:
            bucket = the_bucket(transaction, parameters)
            if bucket.is_locked and status == "Suspended":
                raise errors.invalid_bucket_state(
                    "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed."
                )
            repository.change_bucket(transaction, replace(bucket, versioning=status))

        await self._parts.store.write(change)
        return {}

    @operation("GetBucketVersioning")
    async def get_versioning(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return whether a bucket keeps versions; one that never has says nothing."""
        versioning = the_bucket(self._parts.store.read, parameters).versioning
        return {"Status": versioning} if versioning else {}


def position_of(token: str) -> str:
    """Return where a continuation token goes on; raises InvalidArgument."""
    try:
        return decode_marker(token)
    except InvalidMarkerError as error:
        raise errors.invalid_argument(
            "The continuation token provided is incorrect", "continuation-token", token
        ) from error


def _region_of(context: RequestContext, configuration: dict[str, Any]) -> str:  # Any: members of the model
    """Return where a bucket is to be: where the request goes, which its location must not contradict."""
    stated, region = configuration.get("LocationConstraint"), context.scope.region
    if not stated:
        if region != DEFAULT_REGION and not context.caller.is_aws:
            raise errors.illegal_location("")
        return region
    actual = "eu-west-1" if stated == "EU" else str(stated)
    if stated == DEFAULT_REGION or _REGION.fullmatch(actual) is None:
        raise errors.invalid_location(str(stated))
    if region not in {DEFAULT_REGION, actual}:
        raise errors.illegal_location(str(stated))
    return actual


def _shown(bucket: Bucket, *, is_paged: bool) -> dict[str, Any]:  # Any: members of the model
    shown: dict[str, Any] = {"Name": bucket.name, "CreationDate": bucket.created_ms // 1000}  # Any: as above
    if is_paged:
        shown["BucketRegion"] = bucket.scope.region
    return shown
