"""Who may do what with a bucket: its policy and its access control list.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-management.html
"""

from __future__ import annotations

from collections.abc import Sequence

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.s3 import configuration_repository as repository
from lambent.cloud.services.s3.configurations import acl, policies
from lambent.cloud.services.s3.configurations.errors import (
    not_configured,
    public_access_is_blocked,
)
from lambent.cloud.services.s3.model.owners import canonical_id
from lambent.cloud.services.s3.model.records import Bucket
from lambent.cloud.services.s3.operations.common import the_bucket
from lambent.cloud.services.s3.settings import ACL, ENFORCED, POLICY, TEXT, blocks, grants_of, ownership_of
from lambent.cloud.store.unit_of_work import Store, Transaction


class AccessOperations:
    """Policies and access control lists of buckets."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @operation("PutBucketPolicy")
    async def put_policy(self, context: RequestContext, parameters: Parameters) -> Result:
        """Keep a policy; raises MalformedPolicy, and AccessDenied for a public one where that is blocked."""
        text = parameters.get("Policy", "")

        def work(transaction: Transaction) -> None:
            bucket = the_bucket(transaction, parameters)
            policy = policies.checked(text, bucket.arn)
            if policies.is_public(policy) and blocks(transaction, bucket, "BlockPublicPolicy"):
                raise public_access_is_blocked(
                    context.caller.arn, "s3:PutBucketPolicy", bucket.arn, "BlockPublicPolicy"
                )
            repository.put(transaction, POLICY, bucket.id, {**policy, TEXT: text})

        await self._store.write(work)
        return {}

    @operation("GetBucketPolicy")
    async def get_policy(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return the policy's text."""
        return {"Policy": self._policy(the_bucket(self._store.read, parameters))[TEXT]}

    @operation("DeleteBucketPolicy")
    async def delete_policy(self, context: RequestContext, parameters: Parameters) -> Result:
        """Remove the policy."""

        def work(transaction: Transaction) -> None:
            repository.remove(transaction, POLICY, the_bucket(transaction, parameters).id)

        await self._store.write(work)
        return {}

    @operation("GetBucketPolicyStatus")
    async def policy_status(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return whether the policy makes the bucket public."""
        policy = self._policy(the_bucket(self._store.read, parameters))
        return {"PolicyStatus": {"IsPublic": policies.is_public(policy)}}

    @operation("PutBucketAcl")
    async def put_acl(self, context: RequestContext, parameters: Parameters) -> Result:
        """Keep an access control list; raises AccessControlListNotSupported where the owner owns every object."""

        def work(transaction: Transaction) -> None:
            bucket = the_bucket(transaction, parameters)
            grants = acl.asked(parameters, canonical_id(bucket.scope.account))
            if ownership_of(transaction, bucket) != ENFORCED:
                repository.put(transaction, ACL, bucket.id, {"Grants": grants})

        await self._store.write(work)
        return {}

    @operation("GetBucketAcl")
    async def get_acl(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return the owner and the grants; the owner's alone where the owner owns every object."""
        bucket = the_bucket(self._store.read, parameters)
        grants: Sequence[acl.Grant] = grants_of(self._store.read, bucket)
        if ownership_of(self._store.read, bucket) == ENFORCED:
            grants = acl.canned("private", _owner(bucket))
        return {"Owner": {"ID": _owner(bucket)}, "Grants": grants}

    def _policy(self, bucket: Bucket) -> repository.Document:
        policy = repository.get(self._store.read, POLICY, bucket.id)
        if policy is None:
            raise not_configured("NoSuchBucketPolicy", "The bucket policy does not exist", bucket.name)
        return policy


def _owner(bucket: Bucket) -> str:
    return canonical_id(bucket.scope.account)
