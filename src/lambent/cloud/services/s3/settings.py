"""What a bucket's configurations say to the operations on buckets and objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters
from lambent.cloud.services.s3 import configuration_repository as repository
from lambent.cloud.services.s3.configurations import acl, expiry, kinds
from lambent.cloud.services.s3.configurations.checks import Asked, tagging
from lambent.cloud.services.s3.errors import invalid_argument
from lambent.cloud.services.s3.model.owners import canonical_id
from lambent.cloud.services.s3.model.records import Bucket, Entry, Retention
from lambent.cloud.store.unit_of_work import Reader, Transaction

Document = Mapping[str, Any]  # Any: a structure of the service model

ACL = "acl"
POLICY = "policy"
TEXT = "text"
"""Under which a policy's row has the text that was put; its other members are the policy's own."""
ENFORCED = "BucketOwnerEnforced"
_OWNERSHIPS = frozenset({"BucketOwnerPreferred", "ObjectWriter", ENFORCED})
_DAY_S = 86_400
_DAYS_A_YEAR = 365


class BucketSettings:
    """The configurations of buckets, read from their table."""

    def bucket_made(
        self, transaction: Transaction, context: RequestContext, bucket: Bucket, parameters: Parameters
    ) -> None:
        """Keep the ownership, access control list, Object Lock and tags that CreateBucket states; raises as AWS."""
        ownership = parameters.get("ObjectOwnership")
        if ownership is not None:
            if ownership not in _OWNERSHIPS:
                raise invalid_argument(f"Invalid x-amz-object-ownership header: {ownership}", "x-amz-object-ownership")
            rules = {"Rules": [{"ObjectOwnership": ownership}]}
            repository.put(transaction, kinds.OWNERSHIP.name, bucket.id, rules)
        if acl.states_one(parameters) and not acl.is_harmless(parameters):
            self._keep_acl(transaction, bucket, parameters)
        if bucket.is_locked:
            repository.put(transaction, kinds.OBJECT_LOCK.name, bucket.id, {"ObjectLockEnabled": "Enabled"})
        tags = (parameters.get("CreateBucketConfiguration") or {}).get("Tags")
        if tags:
            asked = Asked({"TagSet": tags}, bucket.name, is_aws=context.caller.is_aws)
            repository.put(transaction, kinds.TAGGING.name, bucket.id, tagging(asked))

    def bucket_removed(self, transaction: Transaction, bucket: Bucket) -> None:
        """Forget every configuration of the bucket."""
        repository.remove_all(transaction, bucket.id)

    def encryption(self, reader: Reader, bucket: Bucket) -> Mapping[str, Any]:  # Any: members of the model
        """Return the default encryption as PutObject's members."""
        document = repository.get(reader, kinds.ENCRYPTION.name, bucket.id, kinds.ENCRYPTION.default) or {}
        rule: Document = document["Rules"][0]
        default: Document = rule["ApplyServerSideEncryptionByDefault"]
        found: dict[str, Any] = {"ServerSideEncryption": default["SSEAlgorithm"]}  # Any: as above
        if "KMSMasterKeyID" in default:
            found["SSEKMSKeyId"] = default["KMSMasterKeyID"]
        if rule.get("BucketKeyEnabled"):
            found["BucketKeyEnabled"] = True
        return found

    def retention(self, reader: Reader, bucket: Bucket, now: float) -> Retention:
        """Return the default retention of a new version."""
        document = repository.get(reader, kinds.OBJECT_LOCK.name, bucket.id) if bucket.is_locked else None
        default: Document | None = ((document or {}).get("Rule") or {}).get("DefaultRetention")
        if default is None:
            return Retention()
        days = default["Days"] if "Days" in default else default["Years"] * _DAYS_A_YEAR
        return Retention(default["Mode"], now + days * _DAY_S)

    def cors_rules(self, reader: Reader, bucket: Bucket) -> Sequence[Mapping[str, Any]] | None:  # Any: CORSRule
        """Return the CORS rules of the bucket, None where it has no such configuration."""
        document = repository.get(reader, kinds.CORS.name, bucket.id)
        return None if document is None else document["CORSRules"]

    def expiration(self, reader: Reader, bucket: Bucket, entry: Entry, tags: Mapping[str, str]) -> str | None:
        """Return the x-amz-expiration of an object that a lifecycle rule will expire."""
        document = repository.get(reader, kinds.LIFECYCLE.name, bucket.id)
        if document is None:
            return None
        subject = expiry.Version(entry.key, entry.modified_ms / 1000, entry.size, tags=tags)
        return expiry.expiration_header(expiry.rules_of(document), subject)

    def _keep_acl(self, transaction: Transaction, bucket: Bucket, parameters: Parameters) -> None:
        grants = acl.asked(parameters, canonical_id(bucket.scope.account))
        if ownership_of(transaction, bucket) == ENFORCED:
            raise ServiceError(
                "InvalidBucketAclWithObjectOwnership",
                "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
            )
        if acl.is_public(grants):
            # A new bucket blocks public access: it must be allowed first.
            raise ServiceError(
                "InvalidBucketAclWithBlockPublicAccessError",
                "Bucket cannot have public ACLs set with BlockPublicAccess enabled",
            )
        repository.put(transaction, ACL, bucket.id, {"Grants": grants})


def ownership_of(reader: Reader, bucket: Bucket) -> str:
    """Return who owns the bucket's objects; whoever put them where the bucket has no ownership controls."""
    document = repository.get(reader, kinds.OWNERSHIP.name, bucket.id, kinds.OWNERSHIP.default)
    return "ObjectWriter" if document is None else str(document["Rules"][0]["ObjectOwnership"])


def blocks(reader: Reader, bucket: Bucket, setting: str) -> bool:
    """Whether a setting of the bucket's public access block is on, such as `BlockPublicAcls`."""
    document = repository.get(reader, kinds.PUBLIC_ACCESS.name, bucket.id, kinds.PUBLIC_ACCESS.default)
    return document is not None and bool(document[setting])


def grants_of(reader: Reader, bucket: Bucket) -> Sequence[acl.Grant]:
    """Return the bucket's access control list."""
    document = repository.get(reader, ACL, bucket.id)
    return acl.canned("private", canonical_id(bucket.scope.account)) if document is None else document["Grants"]
