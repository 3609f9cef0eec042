"""The kinds of configuration that are kept as they are given: one declaration each.

What a kind's document may hold beyond its schema is in `checks`; kinds with behaviour of their own (access control
lists, policies, notifications) have modules of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lambent.cloud.services.s3.configurations import checks, lifecycle
from lambent.cloud.services.s3.configurations.checks import Asked

Document = Mapping[str, Any]  # Any: a structure of the service model, which the schema describes

_NO_CONFIGURATION = ("NoSuchConfiguration", "The specified configuration does not exist.")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of configuration: the operations that put, get, delete and list it, and what they say.

    `given` is Put's member that holds the document, `shown` Get's; where `shown` is None, Get's members are the
    document's. `missing` is the error (code and message) of Get where there is none, and `default` what a bucket has
    that was never told; one that has both forgets its default when the configuration is deleted. `check` returns the
    document as it is kept, or raises what AWS answers. `is_of_model` kinds follow the enumerations of the model.
    Members `beside` the document are kept with it, by their defaults; putting the `empty` one removes what there is. A
    kind that `locks` turns the bucket's Object Lock on.
    """

    name: str
    put: str
    get: str
    given: str
    shown: str | None = None
    delete: str | None = None
    listed: tuple[str, str] | None = None
    missing: tuple[str, str] | None = None
    default: Document | None = None
    check: Callable[[Asked], Document] = field(default=lambda asked: asked.document)
    is_of_model: bool = True
    beside: Mapping[str, str] = field(default_factory=dict)
    empty: Document | None = None
    locks: bool = False

    @property
    def forgets(self) -> bool:
        """Whether a deleted configuration leaves nothing behind, not even the default."""
        return self.missing is not None and self.default is not None


TAGGING = Kind(
    "tagging",
    "PutBucketTagging",
    "GetBucketTagging",
    "Tagging",
    delete="DeleteBucketTagging",
    missing=("NoSuchTagSet", "The TagSet does not exist"),
    check=checks.tagging,
    empty={"TagSet": []},
)
CORS = Kind(
    "cors",
    "PutBucketCors",
    "GetBucketCors",
    "CORSConfiguration",
    delete="DeleteBucketCors",
    missing=("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
    check=checks.cors,
)
LIFECYCLE = Kind(
    "lifecycle",
    "PutBucketLifecycleConfiguration",
    "GetBucketLifecycleConfiguration",
    "LifecycleConfiguration",
    delete="DeleteBucketLifecycle",
    missing=("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"),
    check=lifecycle.checked,
    beside={lifecycle.MINIMUM_SIZE: "all_storage_classes_128K"},
)
ENCRYPTION = Kind(
    "encryption",
    "PutBucketEncryption",
    "GetBucketEncryption",
    "ServerSideEncryptionConfiguration",
    shown="ServerSideEncryptionConfiguration",
    delete="DeleteBucketEncryption",
    default={
        "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}],
    },
    check=checks.encryption,
)
PUBLIC_ACCESS = Kind(
    "public-access",
    "PutPublicAccessBlock",
    "GetPublicAccessBlock",
    "PublicAccessBlockConfiguration",
    shown="PublicAccessBlockConfiguration",
    delete="DeletePublicAccessBlock",
    missing=("NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found"),
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
    default=dict.fromkeys(checks.PUBLIC_ACCESS_SETTINGS, True),
    check=checks.public_access,
)
OWNERSHIP = Kind(
    "ownership",
    "PutBucketOwnershipControls",
    "GetBucketOwnershipControls",
    "OwnershipControls",
    shown="OwnershipControls",
    delete="DeleteBucketOwnershipControls",
    missing=("OwnershipControlsNotFoundError", "The bucket ownership controls were not found"),
    default={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
    check=checks.ownership,
)
OBJECT_LOCK = Kind(
    "object-lock",
    "PutObjectLockConfiguration",
    "GetObjectLockConfiguration",
    "ObjectLockConfiguration",
    shown="ObjectLockConfiguration",
    missing=("ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket"),
    check=checks.object_lock,
    locks=True,
)
WEBSITE = Kind(
    "website",
    "PutBucketWebsite",
    "GetBucketWebsite",
    "WebsiteConfiguration",
    delete="DeleteBucketWebsite",
    missing=("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration"),
    check=checks.website,
    is_of_model=False,
)
LOGGING = Kind(
    "logging",
    "PutBucketLogging",
    "GetBucketLogging",
    "BucketLoggingStatus",
    default={},
)
REPLICATION = Kind(
    "replication",
    "PutBucketReplication",
    "GetBucketReplication",
    "ReplicationConfiguration",
    shown="ReplicationConfiguration",
    delete="DeleteBucketReplication",
    missing=("ReplicationConfigurationNotFoundError", "The replication configuration was not found"),
    check=checks.replication,
)
ACCELERATE = Kind(
    "accelerate",
    "PutBucketAccelerateConfiguration",
    "GetBucketAccelerateConfiguration",
    "AccelerateConfiguration",
    default={},
    check=checks.accelerate,
)
PAYMENT = Kind(
    "request-payment",
    "PutBucketRequestPayment",
    "GetBucketRequestPayment",
    "RequestPaymentConfiguration",
    default={"Payer": "BucketOwner"},
)
ABAC = Kind(
    "abac",
    "PutBucketAbac",
    "GetBucketAbac",
    "AbacStatus",
    shown="AbacStatus",
    default={"Status": "Disabled"},
)


def _numbered(name: str, given: str, check: Callable[[Asked], Document]) -> Kind:
    """Return a kind of which a bucket has several, each under an id."""
    return Kind(
        name,
        f"PutBucket{given}",
        f"GetBucket{given}",
        given,
        shown=given,
        delete=f"DeleteBucket{given}",
        listed=(f"ListBucket{given}s", f"{given}List"),
        missing=_NO_CONFIGURATION,
        check=check,
    )


KINDS = (
    TAGGING,
    CORS,
    LIFECYCLE,
    ENCRYPTION,
    PUBLIC_ACCESS,
    OWNERSHIP,
    OBJECT_LOCK,
    WEBSITE,
    LOGGING,
    REPLICATION,
    ACCELERATE,
    PAYMENT,
    ABAC,
    _numbered("analytics", "AnalyticsConfiguration", checks.has_its_id),
    _numbered("inventory", "InventoryConfiguration", checks.inventory),
    _numbered("metrics", "MetricsConfiguration", checks.has_its_id),
    _numbered("intelligent-tiering", "IntelligentTieringConfiguration", checks.has_its_id),
)
"""Every kind that is kept as it is given."""

NOT_SIMULATED: Mapping[str, str] = {
    LOGGING.put: "no access logs are written",
    REPLICATION.put: "objects are not copied elsewhere; only the rules' form is checked",
    ACCELERATE.put: "there is no distance to be bridged",
    PAYMENT.put: "nobody pays",
    WEBSITE.put: "the website endpoint is not served; the REST endpoint gives the objects",
    ABAC.put: "tags of buckets decide nothing: identity policies are not enforced",
    "PutBucketAnalyticsConfiguration": "no reports are made",
    "PutBucketInventoryConfiguration": "no reports are made",
    "PutBucketMetricsConfiguration": "there are no metrics of requests",
    "PutBucketIntelligentTieringConfiguration": "objects do not change their access tier",
}
"""Operations whose configurations are checked, kept and shown back and have no effect here, each with the reason."""
