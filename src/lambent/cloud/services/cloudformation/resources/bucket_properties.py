"""Properties of AWS::S3::Bucket in the words of S3's operations, which differ in many a name.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

Value = Any  # Any: a property's value, which its resource type's schema describes
Given = dict[str, Any]  # Any: a member of an operation's parameters


def renamed(value: Mapping[str, Value], **names: str) -> Given:
    """Return those of the members that are there, under their other names, given as `NewName="OldName"`."""
    return {new: value[old] for new, old in names.items() if old in value}


def access_control(value: Value) -> Given:
    """Return a canned list, such as `public-read` for `PublicRead`."""
    return {"ACL": re.sub(r"(?<!^)(?=[A-Z])", "-", str(value)).lower()}


def encryption(value: Value) -> Given:
    """Return the default encryption."""
    rules = [
        renamed(
            rule,
            ApplyServerSideEncryptionByDefault="ServerSideEncryptionByDefault",
            BucketKeyEnabled="BucketKeyEnabled",
            BlockedEncryptionTypes="BlockedEncryptionTypes",
        )
        for rule in value["ServerSideEncryptionConfiguration"]
    ]
    return {"ServerSideEncryptionConfiguration": {"Rules": rules}}


def cors(value: Value) -> Given:
    """Return the rules for requests of other sites."""
    rules = [
        renamed(
            rule,
            ID="Id",
            AllowedHeaders="AllowedHeaders",
            AllowedMethods="AllowedMethods",
            AllowedOrigins="AllowedOrigins",
            ExposeHeaders="ExposedHeaders",
            MaxAgeSeconds="MaxAge",
        )
        for rule in value["CorsRules"]
    ]
    return {"CORSConfiguration": {"CORSRules": rules}}


def lifecycle(value: Value) -> Given:
    """Return the lifecycle rules."""
    rules = {"Rules": [_lifecycle_rule(rule) for rule in value["Rules"]]}
    return {
        "LifecycleConfiguration": rules,
        **renamed(value, TransitionDefaultMinimumObjectSize="TransitionDefaultMinimumObjectSize"),
    }


def website(value: Value) -> Given:
    """Return the website's documents and redirections."""
    found = renamed(value, RedirectAllRequestsTo="RedirectAllRequestsTo")
    if "IndexDocument" in value:
        found["IndexDocument"] = {"Suffix": value["IndexDocument"]}
    if "ErrorDocument" in value:
        found["ErrorDocument"] = {"Key": value["ErrorDocument"]}
    if "RoutingRules" in value:
        found["RoutingRules"] = [
            renamed(rule, Condition="RoutingRuleCondition", Redirect="RedirectRule") for rule in value["RoutingRules"]
        ]
    return {"WebsiteConfiguration": found}


def logging(value: Value, bucket: str) -> Given:
    """Return where access logs go; into the bucket itself where none is named."""
    target = {"TargetBucket": bucket, "TargetPrefix": ""} | renamed(
        value,
        TargetBucket="DestinationBucketName",
        TargetPrefix="LogFilePrefix",
        TargetObjectKeyFormat="TargetObjectKeyFormat",
    )
    return {"BucketLoggingStatus": {"LoggingEnabled": target}}


def notification(value: Value) -> Given:
    """Return whom the bucket tells of what."""
    found: Given = {}
    for listed, there, member, arn in (
        ("LambdaFunctionConfigurations", "LambdaConfigurations", "LambdaFunctionArn", "Function"),
        ("QueueConfigurations", "QueueConfigurations", "QueueArn", "Queue"),
        ("TopicConfigurations", "TopicConfigurations", "TopicArn", "Topic"),
    ):
        if value.get(there):
            found[listed] = [_notification_rule(rule, member, arn) for rule in value[there]]
    bridge = value.get("EventBridgeConfiguration")
    if bridge is not None and str(bridge.get("EventBridgeEnabled", True)).lower() == "true":
        found["EventBridgeConfiguration"] = {}
    return {"NotificationConfiguration": found}


def replication(value: Value) -> Given:
    """Return the rules of replication."""
    rules = [_replication_rule(rule) for rule in value["Rules"]]
    return {"ReplicationConfiguration": {"Role": value["Role"], "Rules": rules}}


def analytics(value: Value) -> Given:
    """Return one analytics configuration."""
    analysis = value.get("StorageClassAnalysis") or {}
    export = analysis.get("DataExport")
    found: Given = {"Id": value["Id"], "StorageClassAnalysis": {}, **_filtered(value)}
    if export is not None:
        found["StorageClassAnalysis"] = {
            "DataExport": {
                "OutputSchemaVersion": export["OutputSchemaVersion"],
                "Destination": {"S3BucketDestination": _destination(export["Destination"])},
            }
        }
    return found


def inventory(value: Value) -> Given:
    """Return one inventory configuration."""
    found = renamed(
        value,
        Id="Id",
        IsEnabled="Enabled",
        IncludedObjectVersions="IncludedObjectVersions",
        OptionalFields="OptionalFields",
    )
    bucket = _destination(value["Destination"])
    if "BucketAccountId" in bucket:
        bucket["AccountId"] = bucket.pop("BucketAccountId")
    found["Destination"] = {"S3BucketDestination": bucket}
    found["Schedule"] = {"Frequency": value["ScheduleFrequency"]}
    if "Prefix" in value:
        found["Filter"] = {"Prefix": value["Prefix"]}
    return found


def metrics(value: Value) -> Given:
    """Return one metrics configuration."""
    return {"Id": value["Id"], **_filtered(value)}


def tiering(value: Value) -> Given:
    """Return one intelligent tiering configuration."""
    return {"Id": value["Id"], "Status": value["Status"], "Tierings": value["Tierings"], **_filtered(value)}


def _destination(value: Mapping[str, Value]) -> Given:
    return renamed(value, Bucket="BucketArn", BucketAccountId="BucketAccountId", Format="Format", Prefix="Prefix")


def _filtered(value: Mapping[str, Value]) -> Given:
    chosen = _filter(renamed(value, Prefix="Prefix", AccessPointArn="AccessPointArn"), value.get("TagFilters") or [])
    return {"Filter": chosen} if chosen else {}


def _filter(asked: Given, tags: Sequence[Mapping[str, str]]) -> Given:
    """Return a filter of what is asked for: one thing stands alone, several stand in an And."""
    if len(asked) + len(tags) > 1:
        return {"And": {**asked, **({"Tags": list(tags)} if tags else {})}}
    return {"Tag": tags[0]} if tags else asked


def _notification_rule(rule: Mapping[str, Value], member: str, arn: str) -> Given:
    found: Given = {member: rule[arn], "Events": [rule["Event"]]}
    if "Filter" in rule:
        found["Filter"] = {"Key": {"FilterRules": rule["Filter"]["S3Key"]["Rules"]}}
    return found


def _lifecycle_rule(rule: Mapping[str, Value]) -> Given:
    found = renamed(rule, ID="Id", Status="Status", AbortIncompleteMultipartUpload="AbortIncompleteMultipartUpload")
    sizes = {name: int(rule[name]) for name in ("ObjectSizeGreaterThan", "ObjectSizeLessThan") if name in rule}
    asked = {**renamed(rule, Prefix="Prefix"), **sizes}
    found["Filter"] = _filter(asked, rule.get("TagFilters") or []) or {"Prefix": ""}
    if "ExpirationInDays" in rule:
        found["Expiration"] = {"Days": rule["ExpirationInDays"]}
    elif "ExpirationDate" in rule:
        found["Expiration"] = {"Date": _moment(rule["ExpirationDate"])}
    elif "ExpiredObjectDeleteMarker" in rule:
        found["Expiration"] = {"ExpiredObjectDeleteMarker": rule["ExpiredObjectDeleteMarker"]}
    transitions = _several(rule, "Transition")
    if transitions:
        found["Transitions"] = [_transition(each) for each in transitions]
    if "NoncurrentVersionExpiration" in rule:
        found["NoncurrentVersionExpiration"] = rule["NoncurrentVersionExpiration"]
    elif "NoncurrentVersionExpirationInDays" in rule:
        found["NoncurrentVersionExpiration"] = {"NoncurrentDays": rule["NoncurrentVersionExpirationInDays"]}
    noncurrent = _several(rule, "NoncurrentVersionTransition")
    if noncurrent:
        found["NoncurrentVersionTransitions"] = [
            renamed(
                each,
                NoncurrentDays="TransitionInDays",
                StorageClass="StorageClass",
                NewerNoncurrentVersions="NewerNoncurrentVersions",
            )
            for each in noncurrent
        ]
    return found


def _several(rule: Mapping[str, Value], name: str) -> list[Mapping[str, Value]]:
    # Templates may say one as `Transition`, which is deprecated, or a list as `Transitions`.
    return [*(rule.get(f"{name}s") or []), *([rule[name]] if name in rule else [])]


def _transition(value: Mapping[str, Value]) -> Given:
    found = renamed(value, Days="TransitionInDays", StorageClass="StorageClass")
    if "TransitionDate" in value:
        found["Date"] = _moment(value["TransitionDate"])
    return found


def _moment(text: object) -> float:
    moment = datetime.fromisoformat(str(text))
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _replication_rule(rule: Mapping[str, Value]) -> Given:
    found = renamed(
        rule,
        ID="Id",
        Priority="Priority",
        Prefix="Prefix",
        Status="Status",
        SourceSelectionCriteria="SourceSelectionCriteria",
        DeleteMarkerReplication="DeleteMarkerReplication",
        Destination="Destination",
    )
    chosen = rule.get("Filter")
    if chosen is not None:
        both = chosen.get("And") or {}
        asked = renamed({**chosen, **both}, Prefix="Prefix")
        tags = both.get("TagFilters") or ([chosen["TagFilter"]] if "TagFilter" in chosen else [])
        found["Filter"] = _filter(asked, tags)
    return found
