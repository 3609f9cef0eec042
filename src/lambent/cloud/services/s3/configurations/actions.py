"""Which permission an operation asks for, of which resource.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Parameters = Mapping[str, Any]  # Any: of any operation of S3

_OBJECT = (
    "AbortMultipartUpload BypassGovernanceRetention DeleteObject DeleteObjectTagging DeleteObjectVersion"
    " DeleteObjectVersionTagging GetObject GetObjectAcl GetObjectAttributes GetObjectLegalHold GetObjectRetention"
    " GetObjectTagging GetObjectTorrent GetObjectVersion GetObjectVersionAcl GetObjectVersionAttributes"
    " GetObjectVersionForReplication GetObjectVersionTagging GetObjectVersionTorrent InitiateReplication"
    " ListMultipartUploadParts ObjectOwnerOverrideToBucketOwner PutObject PutObjectAcl PutObjectLegalHold"
    " PutObjectRetention PutObjectTagging PutObjectVersionAcl PutObjectVersionTagging ReplicateDelete ReplicateObject"
    " ReplicateTags RestoreObject UpdateObjectEncryption"
)
_BUCKET = (
    "CreateBucket CreateBucketMetadataTableConfiguration DeleteBucket DeleteBucketMetadataTableConfiguration"
    " DeleteBucketPolicy DeleteBucketWebsite GetAccelerateConfiguration GetAnalyticsConfiguration GetBucketAbac"
    " GetBucketAcl GetBucketCORS GetBucketLocation GetBucketLogging GetBucketMetadataTableConfiguration"
    " GetBucketNotification GetBucketObjectLockConfiguration GetBucketOwnershipControls GetBucketPolicy"
    " GetBucketPolicyStatus GetBucketPublicAccessBlock GetBucketRequestPayment GetBucketTagging GetBucketVersioning"
    " GetBucketWebsite GetEncryptionConfiguration GetIntelligentTieringConfiguration GetInventoryConfiguration"
    " GetLifecycleConfiguration GetMetricsConfiguration GetReplicationConfiguration ListBucket"
    " ListBucketMultipartUploads ListBucketVersions PutAccelerateConfiguration PutAnalyticsConfiguration PutBucketAbac"
    " PutBucketAcl PutBucketCORS PutBucketLogging PutBucketNotification PutBucketObjectLockConfiguration"
    " PutBucketOwnershipControls PutBucketPolicy PutBucketPublicAccessBlock PutBucketRequestPayment PutBucketTagging"
    " PutBucketVersioning PutBucketWebsite PutEncryptionConfiguration PutIntelligentTieringConfiguration"
    " PutInventoryConfiguration PutLifecycleConfiguration PutMetricsConfiguration PutReplicationConfiguration"
    " TagResource UntagResource ListTagsForResource"
)
OBJECT_ACTIONS = frozenset(f"s3:{name}" for name in _OBJECT.split())
BUCKET_ACTIONS = frozenset(f"s3:{name}" for name in _BUCKET.split())

# Operations whose permission has another name. Deleting a configuration mostly asks for the permission to put it.
_NAMES: Mapping[str, str] = {
    "HeadObject": "GetObject",
    "SelectObjectContent": "GetObject",
    "CopyObject": "PutObject",
    "PostObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "DeleteObjects": "DeleteObject",
    "ListParts": "ListMultipartUploadParts",
    "HeadBucket": "ListBucket",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "GetBucketCors": "GetBucketCORS",
    "PutBucketCors": "PutBucketCORS",
    "DeleteBucketCors": "PutBucketCORS",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    **{
        f"{verb}Bucket{kind}": f"{'Put' if verb == 'Delete' else verb}{action}Configuration"
        for kind, action in (
            ("LifecycleConfiguration", "Lifecycle"),
            ("Encryption", "Encryption"),
            ("Replication", "Replication"),
            ("AccelerateConfiguration", "Accelerate"),
            ("AnalyticsConfiguration", "Analytics"),
            ("InventoryConfiguration", "Inventory"),
            ("MetricsConfiguration", "Metrics"),
            ("IntelligentTieringConfiguration", "IntelligentTiering"),
        )
        for verb in ("Get", "Put", "Delete")
    },
    **{
        f"ListBucket{kind}Configurations": f"Get{kind}Configuration"
        for kind in ("Analytics", "Inventory", "Metrics", "IntelligentTiering")
    },
}
_OF_VERSIONS = frozenset(
    action for action in OBJECT_ACTIONS if action.replace("Object", "ObjectVersion", 1) in OBJECT_ACTIONS
)
# The permission of an access control list that stands for an action.
BUCKET_PERMISSIONS: Mapping[str, str] = {
    "s3:ListBucket": "READ",
    "s3:ListBucketVersions": "READ",
    "s3:ListBucketMultipartUploads": "READ",
    "s3:PutObject": "WRITE",
    "s3:DeleteObject": "WRITE",
    "s3:GetBucketAcl": "READ_ACP",
    "s3:PutBucketAcl": "WRITE_ACP",
}
OBJECT_PERMISSIONS: Mapping[str, str] = {
    "s3:GetObject": "READ",
    "s3:GetObjectVersion": "READ",
    "s3:GetObjectAcl": "READ_ACP",
    "s3:GetObjectVersionAcl": "READ_ACP",
    "s3:PutObjectAcl": "WRITE_ACP",
    "s3:PutObjectVersionAcl": "WRITE_ACP",
}


def action_of(operation: str, parameters: Parameters) -> str:
    """Return the permission that an operation asks for.

    >>> action_of("HeadObject", {"Key": "a"}), action_of("GetObject", {"Key": "a", "VersionId": "1"})
    ('s3:GetObject', 's3:GetObjectVersion')
    """
    action = f"s3:{_NAMES.get(operation, operation)}"
    if parameters.get("VersionId") and action in _OF_VERSIONS:
        return action.replace("Object", "ObjectVersion", 1)
    return action


def condition_keys(operation: str, parameters: Parameters) -> dict[str, str]:
    """Return the condition keys of S3 that a request brings.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html
    """
    found = {
        name: str(parameters[member]) for member, name in _KEYS.items() if parameters.get(member) not in (None, "")
    }
    if operation in {"ListObjects", "ListObjectsV2", "ListObjectVersions"}:
        found["s3:prefix"] = parameters.get("Prefix", "")
    return found


_KEYS: Mapping[str, str] = {
    "Delimiter": "s3:delimiter",
    "MaxKeys": "s3:max-keys",
    "VersionId": "s3:VersionId",
    "ACL": "s3:x-amz-acl",
    "ServerSideEncryption": "s3:x-amz-server-side-encryption",
    "SSEKMSKeyId": "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "SSECustomerAlgorithm": "s3:x-amz-server-side-encryption-customer-algorithm",
    "StorageClass": "s3:x-amz-storage-class",
    "CopySource": "s3:x-amz-copy-source",
    "MetadataDirective": "s3:x-amz-metadata-directive",
    "WebsiteRedirectLocation": "s3:x-amz-website-redirect-location",
    "ObjectLockMode": "s3:object-lock-mode",
    "ObjectLockLegalHoldStatus": "s3:object-lock-legal-hold",
    "IfNoneMatch": "s3:if-none-match",
    "IfMatch": "s3:if-match",
}
