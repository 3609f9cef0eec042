"""Whether a caller may do what it asks: bucket policies, access control lists, and the public access block.

What the bucket's own account asks is allowed unless the policy denies it, for identity policies are not enforced here;
everybody else needs a policy or an access control list that allows it. The account's root may always put the policy
right. https://docs.aws.amazon.com/AmazonS3/latest/userguide/how-s3-evaluates-access-control.html
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.authorise import AccessRequest, Decision, decide
from lambent.cloud.framework.context import Principal, RequestContext
from lambent.cloud.framework.service import Parameters
from lambent.cloud.services.s3 import configuration_repository as configurations
from lambent.cloud.services.s3 import repository
from lambent.cloud.services.s3.configurations import acl, policies
from lambent.cloud.services.s3.configurations.actions import (
    BUCKET_PERMISSIONS,
    OBJECT_ACTIONS,
    OBJECT_PERMISSIONS,
    action_of,
    condition_keys,
)
from lambent.cloud.services.s3.configurations.errors import acls_not_supported, public_access_is_blocked
from lambent.cloud.services.s3.errors import access_denied
from lambent.cloud.services.s3.model.owners import canonical_id
from lambent.cloud.services.s3.model.records import Bucket
from lambent.cloud.services.s3.settings import ENFORCED, POLICY, TEXT, blocks, grants_of, ownership_of
from lambent.cloud.store.unit_of_work import Reader

_TAG_KEY = "s3:ExistingObjectTag/"
_POLICY_ACTIONS = frozenset({"s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"})
# Services that write to buckets in their own name; all others act with a role of the account they work for.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html
_IN_THEIR_OWN_NAME = frozenset(
    {
        "cloudtrail.amazonaws.com",
        "config.amazonaws.com",
        "delivery.logs.amazonaws.com",
        "logdelivery.elasticloadbalancing.amazonaws.com",
        "logging.s3.amazonaws.com",
        "s3.amazonaws.com",
        "ses.amazonaws.com",
    }
)
_EACH_BY_ITSELF = frozenset({"DeleteObjects", "CreateBucket", "ListBuckets", "PostObject"})


def check_access(reader: Reader, context: RequestContext, operation: str, parameters: Parameters) -> None:
    """Raise AccessDenied unless the caller may carry out the operation, on a copy's source as well.

    A bucket that is not there is left to the operation. Operations on several objects ask for each of them.
    """
    if operation in _EACH_BY_ITSELF:
        if context.caller.kind == "anonymous" and operation in {"CreateBucket", "ListBuckets"}:
            raise access_denied()
        return
    bucket = repository.bucket(reader, parameters.get("Bucket", ""))
    if bucket is None:
        return
    action, keys = action_of(operation, parameters), condition_keys(operation, parameters)
    raise_unless_allowed(reader, context, Wanted(bucket, action, parameters.get("Key", ""), keys))
    if acl.states_one(parameters):
        check_acl(reader, context, bucket, action, parameters)
    source = parameters.get("CopySource")
    if source:
        _check_source(reader, context, str(source))


class Wanted:
    """One action on a bucket or on one of its keys, with the condition keys that the request brings."""

    __slots__ = ("action", "bucket", "key", "keys")

    def __init__(self, bucket: Bucket, action: str, key: str = "", keys: Mapping[str, str] | None = None) -> None:
        self.bucket = bucket
        self.action = action
        self.key = key if action in OBJECT_ACTIONS else ""
        self.keys = keys or {}

    @property
    def resource(self) -> str:
        """The ARN of the bucket or the object."""
        return f"{self.bucket.arn}/{self.key}" if self.key else self.bucket.arn


def raise_unless_allowed(reader: Reader, context: RequestContext, wanted: Wanted) -> None:
    """Raise AccessDenied unless the caller may do it."""
    caller, bucket = context.caller, wanted.bucket
    is_own = _is_own(caller, bucket)
    policy = configurations.get(reader, POLICY, bucket.id)
    if policy is not None:
        keys = {**_keys(context, wanted), **_tag_keys(reader, wanted, policy)}
        decision = decide([policy], AccessRequest(caller, wanted.action, wanted.resource, keys))
        if decision is Decision.EXPLICIT_DENY and not (caller.kind == "root" and is_own and _is_policy(wanted)):
            raise _denied(caller, wanted) if is_own else access_denied()
        if decision is Decision.ALLOW and (is_own or not _is_restricted(reader, bucket, caller, policy)):
            return
    if is_own or _acl_allows(reader, caller, wanted):
        return
    raise access_denied()


def check_acl(reader: Reader, context: RequestContext, bucket: Bucket, action: str, parameters: Parameters) -> None:
    """Raise what AWS answers to an access control list that the bucket does not allow for itself or its objects."""
    grants = acl.asked(parameters, canonical_id(bucket.scope.account))
    if ownership_of(reader, bucket) == ENFORCED:
        if not acl.is_harmless(parameters) and grants != acl.canned("private", canonical_id(bucket.scope.account)):
            raise acls_not_supported()
    elif acl.is_public(grants) and blocks(reader, bucket, "BlockPublicAcls"):
        raise public_access_is_blocked(context.caller.arn, action, bucket.arn, "BlockPublicAcls")


def _is_own(caller: Principal, bucket: Bucket) -> bool:
    if caller.kind == "service" and caller.arn in _IN_THEIR_OWN_NAME:
        return False
    return caller.account == bucket.scope.account


def _is_policy(wanted: Wanted) -> bool:
    return wanted.action in _POLICY_ACTIONS


def _is_restricted(reader: Reader, bucket: Bucket, caller: Principal, policy: policies.Policy) -> bool:
    """Whether a public policy does not count for this caller."""
    if caller.kind == "service":
        return False
    return policies.is_public(policy) and blocks(reader, bucket, "RestrictPublicBuckets")


def _acl_allows(reader: Reader, caller: Principal, wanted: Wanted) -> bool:
    bucket = wanted.bucket
    if caller.kind == "service" or ownership_of(reader, bucket) == ENFORCED:
        return False
    grants = grants_of(reader, bucket)
    permission = BUCKET_PERMISSIONS.get(wanted.action)
    if wanted.action in OBJECT_PERMISSIONS:
        found = repository.latest(reader, bucket.id, wanted.key)
        grants = acl.of_object(found.about.acl if found else None, canonical_id(bucket.scope.account))
        permission = OBJECT_PERMISSIONS[wanted.action]
    if permission is None or (acl.is_public(grants) and blocks(reader, bucket, "IgnorePublicAcls")):
        return False
    caller_id = None if caller.kind == "anonymous" else canonical_id(caller.account)
    return acl.allows(grants, permission, caller_id=caller_id)


def _check_source(reader: Reader, context: RequestContext, source: str) -> None:
    path, _, version = source.lstrip("/").partition("?versionId=")
    name, _, key = unquote(path).partition("/")
    bucket = repository.bucket(reader, name)
    if bucket is not None:
        action = "s3:GetObjectVersion" if version else "s3:GetObject"
        raise_unless_allowed(reader, context, Wanted(bucket, action, key))


def _keys(context: RequestContext, wanted: Wanted) -> dict[str, str]:
    headers = context.headers
    # Clients of the platform stand for those of AWS, which they reach over TLS: a policy that demands it shuts nobody
    # out here.
    found = {
        **wanted.keys,
        "aws:SecureTransport": "true",
        "aws:CurrentTime": str(context.now),
        "aws:SourceIp": context.peer,
    }
    for header, key in (("referer", "aws:Referer"), ("user-agent", "aws:UserAgent")):
        if header in headers:
            found[key] = headers[header]
    return found


def _tag_keys(reader: Reader, wanted: Wanted, policy: policies.Policy) -> dict[str, str]:
    """Return the tags of the object as condition keys, where the policy asks for any."""
    if not wanted.key or _TAG_KEY.lower() not in str(policy[TEXT]).lower():
        return {}
    version_id = wanted.keys.get("s3:VersionId")
    if version_id is None:
        found = repository.latest(reader, wanted.bucket.id, wanted.key)
    else:
        found = repository.version(reader, wanted.bucket.id, wanted.key, version_id)
    return {} if found is None else {f"{_TAG_KEY}{key}": value for key, value in found.about.tags.items()}


def _denied(caller: Principal, wanted: Wanted) -> ServiceError:
    return access_denied(
        f'User: {caller.arn} is not authorized to perform: {wanted.action} on resource: "{wanted.resource}" with an'
        " explicit deny in a resource-based policy"
    )
