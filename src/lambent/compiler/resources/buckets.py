"""S3 buckets, and whom they tell of changes."""

from __future__ import annotations

from collections.abc import Iterator

from lambent.compiler.intrinsics import Value
from lambent.compiler.names import logical_id
from lambent.compiler.resources.parties import party
from lambent.compiler.resources.scope import RETAINED, Emitted, Scope, resource, said
from lambent.compiler.resources.triggers import bucket_permission
from lambent.manifest.event_sources import Bucket, Lifecycle, Notification, ObjectTrigger

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html
_EVENTS = {
    "created": ("s3:ObjectCreated:*",),
    "removed": ("s3:ObjectRemoved:*", "s3:LifecycleExpiration:*"),
    "restored": ("s3:ObjectRestore:*",),
}
_CLOSED = {
    "BlockPublicAcls": True,
    "BlockPublicPolicy": True,
    "IgnorePublicAcls": True,
    "RestrictPublicBuckets": True,
}


def buckets(scope: Scope) -> Iterator[Emitted]:
    """Yield the buckets of the manifest's `buckets`."""
    for key, bucket in scope.system.buckets.items():
        notifications, after = _notifications(scope, key, bucket)
        properties = {
            "BucketName": scope.references.bucket_name(key),
            "BucketEncryption": {"ServerSideEncryptionConfiguration": [_encryption(scope, bucket)]},
            "VersioningConfiguration": {"Status": "Enabled"} if bucket.versioning else None,
            "PublicAccessBlockConfiguration": _CLOSED,
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            "LifecycleConfiguration": {"Rules": [_rule(rule) for rule in bucket.lifecycle]}
            if bucket.lifecycle
            else None,
            "NotificationConfiguration": notifications or None,
            "Tags": scope.tags(bucket.tags),
        }
        kept = RETAINED if bucket.retain else {}
        yield logical_id(key, "Bucket"), resource("AWS::S3::Bucket", properties, DependsOn=after or None, **kept)


def _encryption(scope: Scope, bucket: Bucket) -> Value:
    if bucket.key is None:
        return {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    by_default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": scope.references.value(bucket.key)}
    return {"ServerSideEncryptionByDefault": by_default, "BucketKeyEnabled": True}


def _rule(rule: Lifecycle) -> Value:
    moved = [{"StorageClass": name, "TransitionInDays": days} for name, days in rule.transitions.items()]
    replaced = None if rule.expire_noncurrent is None else {"NoncurrentDays": rule.expire_noncurrent}
    given_up = None if rule.abort_uploads is None else {"DaysAfterInitiation": rule.abort_uploads}
    return said(
        {
            "Status": "Enabled",
            "Prefix": rule.prefix or "",
            "ExpirationInDays": rule.expire,
            "NoncurrentVersionExpiration": replaced,
            "AbortIncompleteMultipartUpload": given_up,
            "Transitions": moved or None,
        }
    )


def _notifications(scope: Scope, key: str, bucket: Bucket) -> tuple[dict[str, Value], list[str]]:
    """Return whom a bucket tells, and what has to allow it to before S3 is told so."""
    functions, after = _functions_told(scope, key)
    queues: list[Value] = []
    topics: list[Value] = []
    for told in bucket.notify:
        target = party(scope, told.to, "queues", "topics")
        listed, member = (queues, "Queue") if target.service == "sqs" else (topics, "Topic")
        listed += _configurations(told, member, target.arn)
        if target.section:
            after.append(logical_id(target.key, f"{member}Policy"))
    configuration = {
        "LambdaConfigurations": functions or None,
        "QueueConfigurations": queues or None,
        "TopicConfigurations": topics or None,
        "EventBridgeConfiguration": {"EventBridgeEnabled": True} if bucket.event_bus else None,
    }
    return said(configuration), list(dict.fromkeys(after))


def _functions_told(scope: Scope, bucket: str) -> tuple[list[Value], list[str]]:
    found: list[Value] = []
    after: list[str] = []
    for key, function in scope.functions.items():
        for trigger in function.triggers:
            if trigger.s3 is not None and party(scope, trigger.s3.bucket, "buckets").key == bucket:
                found += _configurations(trigger.s3, "Function", scope.references.target_arn(key))
                after.append(bucket_permission(key, bucket))
    return found, after


def _configurations(told: ObjectTrigger | Notification, member: str, target: Value) -> list[Value]:
    """Return a configuration for each event, which is how CloudFormation has them."""
    rules = [
        {"Name": name, "Value": value} for name, value in (("prefix", told.prefix), ("suffix", told.suffix)) if value
    ]
    events = [event for each in told.events for event in _EVENTS.get(each, (each,))]
    filtered = {"S3Key": {"Rules": rules}} if rules else None
    return [said({"Event": event, member: target, "Filter": filtered}) for event in events]
