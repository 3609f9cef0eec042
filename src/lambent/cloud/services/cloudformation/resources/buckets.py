"""AWS::S3::Bucket and AWS::S3::BucketPolicy.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lambent.cloud.services.cloudformation.resources import bucket_properties as words
from lambent.cloud.services.cloudformation.resources.calls import stack_tags, tag_list, tags_of
from lambent.cloud.services.cloudformation.resources.contract import (
    Live,
    Properties,
    ResourceContext,
    ResourceFailedError,
    ResourceHandler,
)
from lambent.cloud.services.cloudformation.resources.described import Described, Given

Parameters = Mapping[str, Any]  # Any: parameters of an operation

_REFUSED = ("BucketNamePrefix", "BucketNamespace", "MetadataConfiguration", "MetadataTableConfiguration")


@dataclass(frozen=True, slots=True)
class _Setting:
    """A property: the operation that puts it, with which parameters, and what undoes it when the property goes."""

    name: str
    put: str
    parameters: Callable[[Any, str], Parameters]  # Any: the property's value; then the bucket's name
    undo: tuple[str, Parameters] | None = None


@dataclass(frozen=True, slots=True)
class _Several:
    """A property that is a list of configurations, each under its id; `kind` is what the operations call one."""

    name: str
    kind: str
    document: Callable[[Any], Parameters]  # Any: one element of the property


def _as(member: str, rename: Mapping[str, str] | None = None) -> Callable[[Any, str], Parameters]:  # Any: a value
    def parameters(value: Any, bucket: str) -> Parameters:  # Any: the property's value
        return {member: value if rename is None else words.renamed(value, **rename)}

    return parameters


# In the order in which a bucket gets them: what depends on another comes behind it, and notifications come last.
_SETTINGS = (
    _Setting(
        "OwnershipControls",
        "PutBucketOwnershipControls",
        _as("OwnershipControls"),
        ("DeleteBucketOwnershipControls", {}),
    ),
    _Setting(
        "PublicAccessBlockConfiguration",
        "PutPublicAccessBlock",
        _as("PublicAccessBlockConfiguration"),
        ("DeletePublicAccessBlock", {}),
    ),
    _Setting(
        "AccessControl",
        "PutBucketAcl",
        lambda value, bucket: words.access_control(value),
        ("PutBucketAcl", {"ACL": "private"}),
    ),
    _Setting(
        "VersioningConfiguration",
        "PutBucketVersioning",
        _as("VersioningConfiguration"),
        ("PutBucketVersioning", {"VersioningConfiguration": {"Status": "Suspended"}}),
    ),
    _Setting("ObjectLockConfiguration", "PutObjectLockConfiguration", _as("ObjectLockConfiguration")),
    _Setting(
        "BucketEncryption",
        "PutBucketEncryption",
        lambda value, bucket: words.encryption(value),
        ("DeleteBucketEncryption", {}),
    ),
    _Setting("CorsConfiguration", "PutBucketCors", lambda value, bucket: words.cors(value), ("DeleteBucketCors", {})),
    _Setting(
        "LifecycleConfiguration",
        "PutBucketLifecycleConfiguration",
        lambda value, bucket: words.lifecycle(value),
        ("DeleteBucketLifecycle", {}),
    ),
    _Setting(
        "WebsiteConfiguration",
        "PutBucketWebsite",
        lambda value, bucket: words.website(value),
        ("DeleteBucketWebsite", {}),
    ),
    _Setting(
        "LoggingConfiguration",
        "PutBucketLogging",
        words.logging,
        ("PutBucketLogging", {"BucketLoggingStatus": {}}),
    ),
    _Setting(
        "ReplicationConfiguration",
        "PutBucketReplication",
        lambda value, bucket: words.replication(value),
        ("DeleteBucketReplication", {}),
    ),
    _Setting(
        "AccelerateConfiguration",
        "PutBucketAccelerateConfiguration",
        _as("AccelerateConfiguration", {"Status": "AccelerationStatus"}),
        ("PutBucketAccelerateConfiguration", {"AccelerateConfiguration": {"Status": "Suspended"}}),
    ),
    _Setting(
        "AbacStatus",
        "PutBucketAbac",
        lambda value, bucket: {"AbacStatus": {"Status": value}},
        ("PutBucketAbac", {"AbacStatus": {"Status": "Disabled"}}),
    ),
    _Setting(
        "NotificationConfiguration",
        "PutBucketNotificationConfiguration",
        lambda value, bucket: words.notification(value),
        ("PutBucketNotificationConfiguration", {"NotificationConfiguration": {}}),
    ),
)
_SEVERAL = (
    _Several("AnalyticsConfigurations", "Analytics", words.analytics),
    _Several("InventoryConfigurations", "Inventory", words.inventory),
    _Several("MetricsConfigurations", "Metrics", words.metrics),
    _Several("IntelligentTieringConfigurations", "IntelligentTiering", words.tiering),
)


def _bucket(context: ResourceContext, properties: Properties, name: str) -> Given:
    for refused in _REFUSED:
        if refused in properties:
            raise ResourceFailedError(f"{refused} of AWS::S3::Bucket is not available here.")
    region = context.scope.region
    where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    locked = (
        {"ObjectLockEnabledForBucket": properties["ObjectLockEnabled"]} if "ObjectLockEnabled" in properties else {}
    )
    return {**where, **locked}


async def _configure(context: ResourceContext, name: str, before: Properties, after: Properties) -> None:
    """Put every property that is another than it was, and undo those that are gone."""
    for setting in _SETTINGS:
        if setting.name in after:
            if before.get(setting.name) != after[setting.name]:
                given = setting.parameters(after[setting.name], name)
                await context.call("s3", setting.put, Bucket=name, **given)
        elif setting.name in before and setting.undo is not None:
            operation, given = setting.undo
            await context.call("s3", operation, Bucket=name, **given)
    for several in _SEVERAL:
        await _configure_several(context, name, several, before, after)
    if tags_of(before) != tags_of(after) or not before:
        tags = {**stack_tags(context), **tags_of(after)}
        await context.call("s3", "PutBucketTagging", Bucket=name, Tagging={"TagSet": tag_list(tags)})


async def _configure_several(
    context: ResourceContext, name: str, several: _Several, before: Properties, after: Properties
) -> None:
    there = {each["Id"]: each for each in before.get(several.name) or []}
    wanted = {each["Id"]: each for each in after.get(several.name) or []}
    for configuration_id in there.keys() - wanted.keys():
        await context.call("s3", f"DeleteBucket{several.kind}Configuration", Bucket=name, Id=configuration_id)
    for configuration_id, value in wanted.items():
        if there.get(configuration_id) != value:
            document = {f"{several.kind}Configuration": several.document(value)}
            operation = f"PutBucket{several.kind}Configuration"
            await context.call("s3", operation, Bucket=name, Id=configuration_id, **document)


async def _configure_new(context: ResourceContext, name: str, properties: Properties) -> None:
    await _configure(context, name, {}, properties)


async def _change(context: ResourceContext, live: Live, before: Properties, after: Properties) -> None:
    await _configure(context, live.physical_id, before, after)


def _attributes(context: ResourceContext, answer: Given, name: str) -> Given:
    region, suffix = context.scope.region, "amazonaws.com"
    return {
        "Arn": f"arn:{context.scope.partition}:s3:::{name}",
        "DomainName": f"{name}.s3.{suffix}",
        "RegionalDomainName": f"{name}.s3.{region}.{suffix}",
        "DualStackDomainName": f"{name}.s3.dualstack.{region}.{suffix}",
        "WebsiteURL": f"http://{name}.s3-website-{region}.{suffix}",
    }


def _policy(context: ResourceContext, properties: Properties, name: str) -> Given:
    document = properties["PolicyDocument"]
    return {"Policy": document if isinstance(document, str) else json.dumps(document, separators=(",", ":"))}


BUCKET = Described(
    "s3",
    "CreateBucket",
    "DeleteBucket",
    "Bucket",
    name_property="BucketName",
    named_in_api="Bucket",
    longest=63,
    is_lower=True,
    shape=_bucket,
    after_create=_configure_new,
    change=_change,
    attributes=_attributes,
    exists=("BucketAlreadyOwnedByYou",),
    gone=("NoSuchBucket",),
)
BUCKET_POLICY = Described(
    "s3",
    "PutBucketPolicy",
    "DeleteBucketPolicy",
    "Bucket",
    name_property="Bucket",
    shape=_policy,
    put_again=True,
    gone=("NoSuchBucket",),
)
HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::S3::Bucket": BUCKET,
    "AWS::S3::BucketPolicy": BUCKET_POLICY,
}
